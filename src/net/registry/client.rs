//! The client of one repository.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use super::auth::Auth;
use super::credentials::CredentialSource;
use super::options::RegistryOptions;
use super::scheme::Home;
use super::targets::Targets;
use crate::error::{Code, Error, Result};
use crate::format::oci::Reference;
use crate::limits::Limits;
use crate::net::http::{Answer, Call, Client, Url, body_message, discard, follow, next_link};
use crate::net::stats::Stats;
use crate::net::transport::{Method, Purpose, Transport};

/// One repository of a registry.
pub struct Registry(pub(crate) Rc<Inner>);

/// Shared state of one registry's requests; streams hold it on their own.
pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(super) home: Rc<Home>,
    repository: String,
    pub(crate) name: String,
    pub(super) auth: Auth,
    pub(super) plain_http: bool,
    /// Where blobs were last found, by digest.
    pub(super) targets: Rc<RefCell<Targets>>,
    /// See [`manifest`](super::manifest): Docker's media types are needed.
    pub(super) docker_types: Rc<Cell<bool>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.0.name).finish()
    }
}

impl Registry {
    /// A client for the repository of `reference`. Nothing is sent yet. `https`, but `http` where `plain_http` is set. Where
    /// the registry is loopback, it is asked once for each process and thread whether it speaks TLS, and `http` is used
    /// where it does not.
    ///
    /// # Errors
    /// `INVALID_REFERENCE` for a registry whose name cannot be a host.
    pub fn new(
        transport: Rc<dyn Transport>,
        reference: &Reference,
        credentials: Option<Rc<dyn CredentialSource>>,
        options: RegistryOptions,
        stats: Stats,
    ) -> Result<Registry> {
        let name = format!("{}/{}", reference.registry, reference.repository);
        let home = Home::new(reference, options.plain_http, options.https_only);
        let home = home.map_err(|e| e.with_reference(&name))?;
        let home = Rc::new(home);
        let auth = Auth::new(reference, home.base().clone(), credentials, &options);
        Ok(Registry(Rc::new(Inner {
            client: Client { transport, limits: options.limits, stats },
            home,
            repository: reference.repository.clone(),
            name,
            auth,
            plain_http: options.plain_http,
            targets: Rc::default(),
            docker_types: Rc::default(),
        })))
    }

    /// The same for another reader: with requests, limits and counters of its own.
    pub(crate) fn for_reader(
        &self,
        transport: &Rc<dyn Transport>,
        limits: &Limits,
        stats: &Stats,
    ) -> Registry {
        let Inner { home, repository, name, auth, plain_http, targets, docker_types, .. } = &*self.0;
        let (transport, limits, stats) = (transport.clone(), limits.clone(), stats.clone());
        Registry(Rc::new(Inner {
            client: Client { transport, limits, stats },
            home: home.clone(),
            repository: repository.clone(),
            name: name.clone(),
            auth: auth.for_reader(),
            plain_http: *plain_http,
            targets: targets.clone(),
            docker_types: docker_types.clone(),
        }))
    }
}

impl Inner {
    /// `/v2/<repository>/<rest>`.
    pub(super) fn url(&self, rest: &str, query: Option<String>) -> Url {
        self.home.base().with_path(format!("/v2/{}/{rest}", self.repository), query)
    }

    /// A GET with redirects followed and a challenge answered once. Any status is an answer.
    pub(super) async fn get(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        purpose: Purpose,
        range: Option<Range<u64>>,
    ) -> Result<Answer> {
        let (plain_http, range) = (self.plain_http, range.as_ref());
        let call =
            Call { method: Method::Get, url, headers, authorization: None, purpose, range, plain_http };
        self.send(&self.client, call).await
    }

    /// A request by `via`, signed in where it goes to the registry, with redirects followed and a challenge answered once.
    /// Any status is an answer. Tokens are fetched by the client's own transport.
    pub(super) async fn send(&self, via: &Client, call: Call<'_>) -> Result<Answer> {
        let at_home = self.is_home(call.url);
        let used = if at_home { self.auth.header(&self.client).await? } else { None };
        let answer = follow(via, Call { authorization: used.as_deref(), ..call }).await?;
        if at_home {
            self.home.answered(answer.status);
        }
        if answer.status != 401 || !at_home || !self.is_home(&answer.url) {
            return Ok(answer);
        }
        let challenge = answer.header_list("www-authenticate").unwrap_or_default();
        let hidden = answer.filtered;
        discard(answer).await;
        let header = self.auth.challenged(&self.client, used.as_deref(), &challenge, hidden).await?;
        let answer = follow(via, Call { authorization: Some(&header), ..call }).await?;
        if answer.status == 401 && self.is_home(&answer.url) {
            return Err(self.auth.refused());
        }
        Ok(answer)
    }

    /// Whether a URL is the registry's own: only there go credentials, and what it says is the registry's.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.same_origin(self.home.base())
    }

    /// Where a list goes on, as the `Link` of the answer to `url` has it: only at the registry itself.
    pub(super) fn next_page(&self, url: &Url, answer: &Answer) -> Result<Option<Url>> {
        let link = answer.header_list("link");
        let Some(next) = link.as_deref().and_then(next_link) else { return Ok(None) };
        let bad =
            |why: &str| Error::new(Code::Network, format!("the registry continues a list {why}")).given_up();
        let next =
            url.join(next).map_err(|e| bad(&format!("where it cannot be followed: {}", e.message())))?;
        if !self.is_home(&next) {
            return Err(bad(&format!("at another host, {}; refused", next.origin())));
        }
        Ok(Some(next))
    }

    /// The error that an answer is, with what the registry says about it. Texts of other hosts are not shown.
    pub(super) async fn failure(&self, answer: Answer, what: &str) -> Error {
        const LONGEST: u64 = 8 << 10;
        let (e, url) = (self.client.refusal(&answer, what), answer.url.clone());
        let said = if self.is_home(&url) {
            answer.read("max_manifest_size", LONGEST).await.ok().and_then(|body| body_message(&body))
        } else {
            None
        };
        self.explained(e, &url, said)
    }

    /// The error of an answer from `url`, with what that says, and why credentials that there may be were not used.
    pub(super) fn explained(&self, e: Error, url: &Url, said: Option<String>) -> Error {
        if !self.is_home(url) {
            return e;
        }
        let said = said.filter(|said| !self.auth.is_secret_in(said));
        // Registries hide what is not everybody's as if it were not there.
        let withheld = self.auth.obstacle().filter(|_| matches!(e.status(), Some(401 | 403 | 404)));
        let said = said.map(|said| format!("; it says: {said}")).unwrap_or_default();
        let withheld = withheld.map(|why| format!("; credentials: {why}")).unwrap_or_default();
        let text = format!("{}{said}{withheld}", e.message());
        if withheld.is_empty() { e } else { self.auth.remedied(e) }.with_message(text)
    }
}
