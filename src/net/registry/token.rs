//! Token services that Bearer challenges name (`distribution` specification, `token.md`, `oauth.md`): which may be
//! asked, which may see the credentials, and how they are asked.

use super::challenge::Challenge;
use super::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::format::oci::json::Json;
use crate::limits::Limits;
use crate::net::http::{
    Answer, Call, Client, Outgoing, Url, body_message, encode_into, follow, is_retryable, status_error,
};
use crate::net::transport::{Method, Purpose};

/// Name of this client for OAuth2.
const CLIENT_ID: &str = "ocipeek";

/// Parameters of a Bearer challenge.
#[derive(Clone)]
pub(super) struct TokenService {
    realm: Url,
    service: Option<String>,
    /// What is asked for, whatever the challenge says of repositories.
    own: Vec<String>,
    /// A scope of the challenge that is not of the form `repository:…`.
    other: Option<String>,
}

/// Answer of a token service. Unknown fields are ignored.
pub(super) struct TokenAnswer {
    pub(super) token: Option<String>,
    pub(super) access_token: Option<String>,
    pub(super) refresh_token: Option<String>,
    /// Seconds.
    pub(super) expires_in: Option<u64>,
    pub(super) issued_at: Option<String>,
}

impl TokenAnswer {
    fn parse(body: &[u8], limits: &Limits) -> Result<TokenAnswer> {
        let json = Json::parse(body, "answer", limits)?;
        let root = json.root("answer");
        let text = |key| root.get_str(key).map(|s| s.map(str::to_owned));
        Ok(TokenAnswer {
            token: text("token")?,
            access_token: text("access_token")?,
            refresh_token: text("refresh_token")?,
            expires_in: root.get("expires_in")?.and_then(|seconds| seconds.whole().ok()),
            issued_at: text("issued_at")?,
        })
    }
}

impl TokenService {
    /// What a challenge names, if it may be used at all: https, or from loopback to loopback.
    pub(super) fn of(challenge: &Challenge, base: &Url, own: &[String]) -> Result<TokenService> {
        let bad = |text: String| Error::new(Code::Unauthorized, text).with_status(401);
        let realm = challenge.param("realm").unwrap_or_default();
        let realm = Url::parse(realm).map_err(|e| bad(format!("its token service: {}", e.message())))?;
        let inside = realm.is_loopback() && base.is_loopback();
        if !realm.is_https() && !inside {
            return Err(bad(format!("its token service {} is not https; refused", realm.origin())));
        }
        let plain = |s: &&str| s.len() <= 256 && s.bytes().all(|b| b.is_ascii_graphic());
        Ok(TokenService {
            realm,
            service: challenge.param("service").map(str::to_string),
            own: own.to_vec(),
            other: challenge
                .param("scope")
                .filter(plain)
                .filter(|s| !s.is_empty() && !s.starts_with("repository:"))
                .map(str::to_string),
        })
    }

    /// Whether a token service may see the credentials: the registry's own host, its parent domain, Docker Hub's,
    /// or one that the caller lists.
    pub(super) fn may_see_credentials(&self, base: &Url, token_hosts: &[String]) -> bool {
        let (host, own, port) = (self.realm.host(), base.host(), self.realm.port());
        let named = |h: &String| {
            let h = h.to_ascii_lowercase();
            h == host || h == format!("{host}:{port}")
        };
        let parent = || {
            let number = host.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
            host.contains('.')
                && !number
                && own.strip_suffix(host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        host == own
            || parent()
            || (own == "registry-1.docker.io" && host == "auth.docker.io" && port == 443)
            || token_hosts.iter().any(named)
    }

    /// Asks for something more from now on.
    pub(super) fn add_scope(&mut self, scope: String) {
        self.own.push(scope);
    }

    /// How messages name it.
    pub(super) fn origin(&self) -> String {
        self.realm.origin()
    }

    /// One round: the refresh-token grant where there is an identity token, else (or where the service does not
    /// know it) a GET.
    pub(super) async fn request(
        &self,
        client: &Client,
        credentials: Option<&Credentials>,
    ) -> Result<TokenAnswer> {
        let text = |s: &Option<String>| s.clone().filter(|s| !s.is_empty());
        let identity = credentials.and_then(|c| text(&c.identity_token));
        if let Some(refresh_token) = &identity {
            let answer = self.post(client, refresh_token).await?;
            // As containerd does: services that have no such grant answer in these ways.
            if !matches!(answer.status, 400 | 401 | 404 | 405) {
                return read(client, answer, credentials).await;
            }
        }
        let username = credentials.and_then(|c| text(&c.username));
        let secret = credentials.and_then(|c| text(&c.password)).or(identity);
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        pairs.extend(self.service.as_deref().map(|s| ("service", s)));
        pairs.extend(self.own.iter().chain(&self.other).map(|s| ("scope", s.as_str())));
        pairs.extend(username.as_deref().map(|u| ("account", u)));
        let url = self.realm.with_pairs(&pairs);
        let authorization =
            secret.map(|s| Credentials::basic_header(username.as_deref().unwrap_or_default(), &s));
        let call = Call {
            method: Method::Get,
            url: &url,
            headers: &[],
            authorization: authorization.as_deref(),
            purpose: Purpose::Token,
            range: None,
            plain_http: false,
        };
        let answer = follow(client, call).await?;
        read(client, answer, credentials).await
    }

    async fn post(&self, client: &Client, refresh_token: &str) -> Result<Answer> {
        let mut form = String::new();
        let own = self.own.join(" ");
        for (name, value) in [
            ("grant_type", "refresh_token"),
            ("service", self.service.as_deref().unwrap_or_default()),
            ("client_id", CLIENT_ID),
            ("scope", &own),
            ("refresh_token", refresh_token),
        ] {
            if !form.is_empty() {
                form.push('&');
            }
            form.push_str(name);
            form.push('=');
            encode_into(&mut form, value);
        }
        let mut out = Outgoing::get(&self.realm, Purpose::Token);
        out.method = Method::Post;
        out.headers = vec![("content-type", "application/x-www-form-urlencoded".into())];
        out.body = Some(form.into_bytes());
        client.send(out).await
    }
}

/// The JSON of a token answer; or the error of its status.
async fn read(client: &Client, answer: Answer, credentials: Option<&Credentials>) -> Result<TokenAnswer> {
    let (status, wait, ok) = (answer.status, client.retry_after(&answer), answer.is_success());
    let service = answer.url.origin();
    let body = answer.read("max_manifest_size", client.limits.max_manifest_size).await;
    if ok {
        // Not quoted: it holds a token, whole or in part.
        let bad =
            || Error::new(Code::Unauthorized, format!("the token service {service} sent no JSON of a token"));
        return TokenAnswer::parse(&body?, &client.limits).map_err(|_| bad());
    }
    let mut e = match status {
        400..=404 => Error::new(
            Code::Unauthorized,
            format!("the token service {service} gives no token (HTTP {status})"),
        )
        .with_status(status),
        _ => status_error(status, &format!("token service {service}")),
    };
    let said = body
        .ok()
        .and_then(|b| body_message(&b))
        .filter(|m| !credentials.is_some_and(|c| c.secrets().any(|s| m.contains(s))));
    if let Some(said) = said.filter(|_| !is_retryable(&e)) {
        let text = format!("{}; it says: {said}", e.message());
        e = e.with_message(text);
    }
    Err(match wait {
        Some(s) => e.with_retry_after(s),
        None => e,
    })
}
