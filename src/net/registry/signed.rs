//! Requests of the caller's own, by the rules of the registry client: signed in, redirected, sent again where that may help.
//!
//! Here it is decided where a request goes, with which credentials, and what is done with the head of its answer. Bodies,
//! in both directions, are moved by the transport that a request is sent with.

use std::rc::Rc;

use super::auth::Grant;
use super::client::Registry;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::net::http::{
    Answer, Call, Client, Retry, Url, body_message, is_retryable, may_take, status_error,
};
use crate::net::transport::{Method, Purpose, Transport};

/// A request of the caller's own.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method.
    pub method: Method,
    /// An absolute URL, or a reference that is resolved against `/v2/<repository>/`.
    pub target: &'a str,
    /// Whether it is sent again where that may help; not where sending it twice could do harm.
    pub retries: bool,
}

/// The head of an answer, of any status, as far as it was understood here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAnswer {
    /// HTTP status.
    pub status: u16,
    /// Where it came from, after redirects.
    pub url: String,
    /// Whether that is the registry itself.
    pub is_home: bool,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<u32>,
    /// Where a list goes on: the `Link` whose relation is `next`.
    pub next: Option<String>,
    /// Where an upload goes on: `Location`, if content may be sent there.
    pub location: Option<String>,
    /// See [`Response::headers_filtered`](crate::net::transport::Response::headers_filtered).
    pub headers_filtered: bool,
}

impl Registry {
    /// Sends a request by `transport`, which adds what content there is and keeps the body of the last answer. Tokens, and
    /// what is asked before a registry on this machine is known to speak TLS, go by the registry's own transport.
    ///
    /// # Errors
    /// `UNAUTHORIZED` where the registry refuses what there is to sign in with; `NETWORK` where no answer came, or one that
    /// must not be followed; `LIMIT_EXCEEDED` for too many redirects. Any other status is an answer.
    pub async fn send(
        &self,
        transport: Rc<dyn Transport>,
        request: SignedRequest<'_>,
    ) -> Result<SignedAnswer> {
        self.try_send(transport, request).await.map_err(|e| e.with_reference(&self.0.name))
    }

    async fn try_send(
        &self,
        transport: Rc<dyn Transport>,
        request: SignedRequest<'_>,
    ) -> Result<SignedAnswer> {
        let registry = &*self.0;
        registry.home.settle(&registry.client).await;
        let SignedRequest { method, target, retries } = request;
        let url = &registry.url("", None).join(target)?;
        // Whoever moves the bodies sees whether they still move.
        let limits = Limits { max_idle_ms: 0, ..registry.client.limits.clone() };
        let via = Client { transport, limits, stats: registry.client.stats.clone() };
        let (plain_http, purpose) = (registry.plain_http, Purpose::Own);
        let call = Call { method, url, headers: &[], authorization: None, purpose, range: None, plain_http };
        let mut retry = Retry::new();
        loop {
            match registry.send(&via, call).await {
                Ok(answer) => {
                    let e = via.refusal(&answer, "");
                    if !retries || !is_retryable(&e) || retry.wait(&via, e).await.is_err() {
                        return self.understood(url, &answer);
                    }
                }
                Err(e) if retries => retry.wait(&via, e).await?,
                Err(e) => return Err(e),
            }
        }
    }

    fn understood(&self, asked: &Url, answer: &Answer) -> Result<SignedAnswer> {
        let registry = &*self.0;
        let location = answer.header("location").and_then(|location| answer.url.join(location).ok());
        let location = location.filter(|location| may_take(registry.home.base(), location));
        Ok(SignedAnswer {
            status: answer.status,
            url: answer.url.to_string(),
            is_home: registry.is_home(&answer.url),
            retry_after: registry.client.retry_after(answer),
            next: registry.next_page(asked, answer)?.map(|next| next.to_string()),
            location: location.map(|location| location.to_string()),
            headers_filtered: answer.filtered,
        })
    }

    /// The error that an answer is, in `what`, with the `body` that came of it.
    pub fn failure(&self, answer: &SignedAnswer, body: &[u8], what: &str) -> Error {
        let SignedAnswer { status, retry_after, .. } = *answer;
        let Ok(url) = Url::parse(&answer.url) else { return status_error(status, what) };
        let said = body_message(body);
        let mut e = status_error(status, what);
        let code = match status {
            // Another host may not have the registry's credentials by asking for some.
            401 if !answer.is_home => {
                let text = format!("{what}: {} answers 401, and is not the registry", url.origin());
                e = e.with_message(format!("{text}: no credentials were sent there"));
                Code::Unauthorized
            }
            405 | 501 => Code::Unsupported,
            413 => Code::LimitExceeded,
            _ if said.as_deref().is_some_and(|said| said.starts_with("DIGEST_INVALID")) => {
                Code::DigestMismatch
            }
            _ => e.code(),
        };
        let e = e.with_code(code).with_status(status).with_reference(&self.0.name);
        let e = self.0.explained(e, &url, said);
        match retry_after {
            Some(seconds) => e.with_retry_after(seconds),
            None => e,
        }
    }

    /// Asks for the right to pull from another repository of the registry too, from the next request on: blobs are mounted
    /// from there.
    pub fn pull_from(&self, repository: &str) {
        self.0.auth.pull_from(repository);
    }

    /// What is known besides: whether it speaks TLS, and whether Docker's media types are needed.
    #[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
    pub(crate) fn habits(&self) -> (Option<bool>, bool) {
        (self.0.home.is_https(), self.0.docker_types.get())
    }

    /// Takes over what another client knows.
    #[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
    pub(crate) fn take_habits(&self, is_https: Option<bool>, docker_types: bool) {
        if let Some(is_https) = is_https {
            self.0.home.told(is_https);
        }
        self.0.docker_types.set(docker_types);
    }

    /// Authorization that requests are signed with now, if there is any.
    pub fn grant(&self) -> Option<Grant> {
        self.0.auth.grant()
    }

    /// Signs requests in by what signed in those of another client of the repository.
    ///
    /// # Errors
    /// `UNAUTHORIZED` for a challenge that must not be answered.
    pub fn resume(&self, grant: Grant) -> Result<()> {
        self.0.auth.resume(grant)
    }
}
