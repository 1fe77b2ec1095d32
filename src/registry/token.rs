//! Answers challenges: Basic, and Bearer tokens of a token service (`distribution` specification, `token.md`,
//! `oauth.md`). One fetch serves all requests that wait for a token.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::lock::Mutex;
use serde::Deserialize;

use super::challenge::Challenge;
use super::credentials::{CredentialSource, Credentials};
use crate::error::{Code, Error, Result};
use crate::http::{
    Answer, Client, Get, Outgoing, Retry, Url, body_message, encode_into, follow, is_retryable, rfc3339,
    status_error,
};
use crate::transport::{Method, Purpose};

/// How long a token lasts where the service does not say (`token.md`).
const DEFAULT_LIFE_MS: u64 = 60_000;
/// Name of this client for OAuth2.
const CLIENT_ID: &str = "ocipeek";

/// What is known about how to get in.
pub(super) struct Auth {
    /// The registry's name in references.
    registry: String,
    base: Url,
    repository: String,
    source: Option<Rc<dyn CredentialSource>>,
    token_hosts: Vec<String>,
    way: RefCell<Way>,
    credentials: RefCell<Option<Credentials>>,
    asked: Cell<bool>,
    /// What stands in the way, for messages.
    obstacle: RefCell<Option<String>>,
    /// Held while a token is fetched.
    fetching: Mutex<()>,
    /// Number of finished fetches, and the last one's outcome, for those who waited.
    rounds: Cell<u64>,
    outcome: RefCell<Option<Result<String>>>,
}

#[derive(Clone)]
enum Way {
    Anonymous,
    /// The whole header: Basic, or a Bearer token that was given.
    Fixed(String),
    Token {
        service: TokenService,
        header: String,
        renew_at: u64,
        expires_at: u64,
    },
}

/// What a Bearer challenge names.
#[derive(Clone)]
struct TokenService {
    realm: Url,
    service: Option<String>,
    /// A scope of the challenge that is not of the form `repository:…`.
    scope: Option<String>,
}

/// What a token service answers. Unknown fields are ignored.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// Seconds.
    expires_in: Option<f64>,
    issued_at: Option<String>,
}

impl Auth {
    pub(super) fn new(
        registry: String,
        base: Url,
        repository: String,
        source: Option<Rc<dyn CredentialSource>>,
        token_hosts: Vec<String>,
    ) -> Self {
        Auth {
            registry,
            base,
            repository,
            source,
            token_hosts,
            way: RefCell::new(Way::Anonymous),
            credentials: RefCell::new(None),
            asked: Cell::new(false),
            obstacle: RefCell::new(None),
            fetching: Mutex::new(()),
            rounds: Cell::new(0),
            outcome: RefCell::new(None),
        }
    }

    /// Whether requests have no `Authorization` so far.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(*self.way.borrow(), Way::Anonymous)
    }

    fn current(&self) -> Option<String> {
        match &*self.way.borrow() {
            Way::Anonymous => None,
            Way::Fixed(header) | Way::Token { header, .. } => Some(header.clone()),
        }
    }

    /// The `Authorization` for a request that is about to be sent. A token near its end is renewed first.
    pub(super) async fn header(&self, client: &Client) -> Result<Option<String>> {
        let now = client.transport.now_ms();
        let (header, expired) = match &*self.way.borrow() {
            Way::Token { header, renew_at, expires_at, .. } if now >= *renew_at => {
                (header.clone(), now >= *expires_at)
            }
            _ => return Ok(self.current()),
        };
        match self.renew(client, Some(&header), None).await {
            Ok(header) => Ok(Some(header)),
            // It still has a few seconds.
            Err(e) if !expired && e.code() != Code::Aborted => Ok(Some(header)),
            Err(e) => Err(e),
        }
    }

    /// The `Authorization` after a 401 to a request that had `used`.
    pub(super) async fn challenged(
        &self,
        client: &Client,
        used: Option<&str>,
        challenges: &[Challenge],
        hidden: bool,
    ) -> Result<String> {
        self.renew(client, used, Some((challenges, hidden))).await
    }

    async fn renew(
        &self,
        client: &Client,
        used: Option<&str>,
        why: Option<(&[Challenge], bool)>,
    ) -> Result<String> {
        let before = self.rounds.get();
        let _guard = self.fetching.lock().await;
        if self.rounds.get() != before
            && let Some(outcome) = self.outcome.borrow().clone()
        {
            return outcome;
        }
        // Renewed after the refused request was sent, before its refusal came.
        if let Some(header) = self.current().filter(|h| Some(h.as_str()) != used) {
            return Ok(header);
        }
        let outcome = self.obtain(client, used, why).await;
        if !matches!(&outcome, Err(e) if e.code() == Code::Aborted) {
            *self.outcome.borrow_mut() = Some(outcome.clone());
            self.rounds.set(self.rounds.get().wrapping_add(1));
        }
        outcome
    }

    async fn obtain(
        &self,
        client: &Client,
        used: Option<&str>,
        why: Option<(&[Challenge], bool)>,
    ) -> Result<String> {
        let Some((challenges, hidden)) = why else {
            let Way::Token { service, .. } = self.way.borrow().clone() else {
                return Err(self.refused());
            };
            return self.fetch_token(client, service).await;
        };
        self.ask().await?;
        let credentials = self.credentials.borrow().clone();
        let given = credentials.as_ref().and_then(|c| c.registry_token.as_deref()).filter(|t| !t.is_empty());
        let given = given.map(|token| format!("Bearer {token}"));
        let basic = credentials.as_ref().and_then(|c| {
            Some(Credentials::basic_header(
                c.username.as_deref()?,
                c.password.as_deref().filter(|p| !p.is_empty())?,
            ))
        });
        let by_scheme = |scheme: &str| challenges.iter().find(|c| c.scheme == scheme);
        let header = if let Some(challenge) = by_scheme("bearer") {
            match given {
                Some(header) => header,
                None => return self.fetch_token(client, self.service(challenge)?).await,
            }
        } else if by_scheme("basic").is_some() {
            basic.ok_or_else(|| self.refused())?
        } else if challenges.is_empty() && hidden {
            let why =
                "the browser hides how to sign in, for the registry does not expose WWW-Authenticate by CORS";
            self.obstacle.borrow_mut().get_or_insert_with(|| why.into());
            given.or(basic).ok_or_else(|| self.refused())?
        } else {
            return Err(Error::new(
                Code::Unauthorized,
                format!("{} asks for a way to sign in that is neither Basic nor Bearer", self.registry),
            )
            .with_status(401));
        };
        if used == Some(header.as_str()) || !is_header_safe(&header) {
            return Err(self.refused());
        }
        *self.way.borrow_mut() = Way::Fixed(header.clone());
        Ok(header)
    }

    /// Asks the source for credentials, once.
    async fn ask(&self) -> Result<()> {
        if self.asked.get() {
            return Ok(());
        }
        let found = match &self.source {
            Some(source) => source.get(&self.registry).await?.filter(|c| !c.is_empty()),
            None => None,
        };
        self.asked.set(true);
        if found.is_some() && !self.base.is_private() {
            *self.obstacle.borrow_mut() =
                Some("the credentials were not sent, for the registry is not https".into());
            return Ok(());
        }
        *self.credentials.borrow_mut() = found;
        Ok(())
    }

    /// `UNAUTHORIZED`, with what may help.
    pub(super) fn refused(&self) -> Error {
        let why = match (&*self.obstacle.borrow(), &*self.credentials.borrow()) {
            (Some(why), _) => why.clone(),
            (None, Some(_)) => "the credentials are refused, or do not allow this repository".into(),
            (None, None) => "sign in, or check the name: there are no credentials for it".into(),
        };
        Error::new(Code::Unauthorized, format!("{} wants credentials: {why}", self.registry)).with_status(401)
    }

    /// Whether a text holds a secret that is known here.
    pub(super) fn is_secret_in(&self, text: &str) -> bool {
        let token = self.current();
        let token = token.as_deref().and_then(|h| h.split(' ').next_back());
        token.is_some_and(|t| text.contains(t))
            || self.credentials.borrow().as_ref().is_some_and(|c| c.secrets().any(|s| text.contains(s)))
    }

    fn service(&self, challenge: &Challenge) -> Result<TokenService> {
        let bad = |text: String| {
            Error::new(Code::Unauthorized, format!("{}: {text}", self.registry)).with_status(401)
        };
        let realm = challenge.param("realm").unwrap_or_default();
        let realm = Url::parse(realm).map_err(|e| bad(format!("its token service: {}", e.message())))?;
        let inside = realm.is_loopback() && self.base.is_loopback();
        if !realm.is_https() && !inside {
            return Err(bad(format!("its token service {} is not https; refused", realm.origin())));
        }
        let plain = |s: &&str| s.len() <= 256 && s.bytes().all(|b| b.is_ascii_graphic());
        let own = format!("repository:{}:", self.repository);
        Ok(TokenService {
            realm,
            service: challenge.param("service").map(str::to_string),
            scope: challenge
                .param("scope")
                .filter(plain)
                .filter(|s| !s.is_empty() && !s.starts_with("repository:") && !s.starts_with(&own))
                .map(str::to_string),
        })
    }

    /// Whether a token service may see the credentials: the registry's own host, its parent domain, Docker Hub's,
    /// or one that the caller lists.
    fn may_see_credentials(&self, realm: &Url) -> bool {
        let (host, own) = (realm.host(), self.base.host());
        let named = |h: &String| {
            let h = h.to_ascii_lowercase();
            h == host || h == format!("{host}:{}", realm.port())
        };
        let parent = || {
            let number = host.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
            host.contains('.')
                && !number
                && own.strip_suffix(host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        host == own
            || parent()
            || (own == "registry-1.docker.io" && host == "auth.docker.io" && realm.port() == 443)
            || self.token_hosts.iter().any(named)
    }

    async fn fetch_token(&self, client: &Client, service: TokenService) -> Result<String> {
        let mut credentials = self.credentials.borrow().clone();
        if credentials.is_some() && !self.may_see_credentials(&service.realm) {
            *self.obstacle.borrow_mut() = Some(format!(
                "the credentials were not sent to its token service {}, which is another host; list it in token_hosts \
                 if you trust it",
                service.realm.origin()
            ));
            credentials = None;
        }
        let mut retry = Retry::new();
        let answer = loop {
            match self.request_token(client, &service, credentials.as_ref()).await {
                Ok(answer) => break answer,
                Err(e) => retry.wait(client, e).await?,
            }
        };
        self.keep(client, service, answer)
    }

    /// One round: the refresh-token grant where there is an identity token, else (or where the service does not
    /// know it) a GET.
    async fn request_token(
        &self,
        client: &Client,
        service: &TokenService,
        credentials: Option<&Credentials>,
    ) -> Result<TokenAnswer> {
        let text = |s: &Option<String>| s.clone().filter(|s| !s.is_empty());
        let identity = credentials.and_then(|c| text(&c.identity_token));
        if let Some(refresh_token) = &identity {
            let answer = self.post(client, service, refresh_token).await?;
            // As containerd does: services that have no such grant answer in these ways.
            if !matches!(answer.status, 400 | 401 | 404 | 405) {
                return self.read(client, answer).await;
            }
        }
        let username = credentials.and_then(|c| text(&c.username));
        let secret = credentials.and_then(|c| text(&c.password)).or(identity);
        let own = format!("repository:{}:pull", self.repository);
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        pairs.extend(service.service.as_deref().map(|s| ("service", s)));
        pairs.push(("scope", &own));
        pairs.extend(service.scope.as_deref().map(|s| ("scope", s)));
        pairs.extend(username.as_deref().map(|u| ("account", u)));
        let url = service.realm.with_pairs(&pairs);
        let authorization =
            secret.map(|s| Credentials::basic_header(username.as_deref().unwrap_or_default(), &s));
        let get = Get {
            method: Method::Get,
            url: &url,
            headers: &[],
            authorization: authorization.as_deref(),
            purpose: Purpose::Token,
            range: None,
            plain_http: false,
        };
        let answer = follow(client, get).await?;
        self.read(client, answer).await
    }

    async fn post(&self, client: &Client, service: &TokenService, refresh_token: &str) -> Result<Answer> {
        let scope = format!("repository:{}:pull", self.repository);
        let mut form = String::new();
        for (name, value) in [
            ("grant_type", "refresh_token"),
            ("service", service.service.as_deref().unwrap_or_default()),
            ("client_id", CLIENT_ID),
            ("scope", &scope),
            ("refresh_token", refresh_token),
        ] {
            if !form.is_empty() {
                form.push('&');
            }
            form.push_str(name);
            form.push('=');
            encode_into(&mut form, value);
        }
        let mut out = Outgoing::get(&service.realm, Purpose::Token);
        out.method = Method::Post;
        out.headers = vec![("content-type", "application/x-www-form-urlencoded".into())];
        out.body = Some(form.into_bytes());
        client.send(out).await
    }

    /// The JSON of a token answer; or the error of its status.
    async fn read(&self, client: &Client, answer: Answer) -> Result<TokenAnswer> {
        let (status, wait, ok) = (answer.status, client.retry_after(&answer), answer.is_success());
        let service = answer.url.origin();
        let body = answer.read("max_manifest_size", client.limits.max_manifest_size).await;
        if ok {
            // Not quoted: it holds a token, whole or in part.
            let bad = || {
                Error::new(Code::Unauthorized, format!("the token service {service} sent no JSON of a token"))
            };
            return serde_json::from_slice(&body?).map_err(|_| bad());
        }
        let mut e = match status {
            400..=404 => Error::new(
                Code::Unauthorized,
                format!("the token service {service} gives no token (HTTP {status}); check the credentials and the name"),
            )
            .with_status(status),
            _ => status_error(status, &format!("token service {service}")),
        };
        let said = body.ok().and_then(|b| body_message(&b)).filter(|m| !self.is_secret_in(m));
        if let Some(said) = said.filter(|_| !is_retryable(&e)) {
            e = Error::new(e.code(), format!("{}; it says: {said}", e.message())).with_status(status);
        }
        Err(match wait {
            Some(s) => e.with_retry_after(s),
            None => e,
        })
    }

    fn keep(&self, client: &Client, service: TokenService, answer: TokenAnswer) -> Result<String> {
        let full = |s: Option<String>| s.filter(|s| !s.is_empty());
        let token = full(answer.access_token).or(full(answer.token));
        let header = token.map(|t| format!("Bearer {t}")).filter(|h| is_header_safe(h));
        let header = header.ok_or_else(|| {
            let text = format!("the token service {} sent no usable token", service.realm.origin());
            Error::new(Code::Unauthorized, text)
        })?;
        if let (Some(new), Some(c)) = (full(answer.refresh_token), self.credentials.borrow_mut().as_mut())
            && c.identity_token.is_some()
        {
            c.identity_token = Some(new);
        }
        let life = answer.expires_in.filter(|s| *s >= 1.0 && *s <= 1e9);
        let life = life.map_or(DEFAULT_LIFE_MS, |s| (s * 1000.0) as u64);
        let now = client.transport.now_ms();
        // A service whose clock is not ours must not make every token look expired.
        let issued = answer.issued_at.as_deref().and_then(rfc3339).unwrap_or(now).min(now);
        let issued = if issued.saturating_add(life) > now { issued } else { now };
        let expires_at = issued.saturating_add(life);
        let margin = (life / 10).min(30_000);
        let renew_at = expires_at.saturating_sub(margin);
        *self.way.borrow_mut() = Way::Token { service, header: header.clone(), renew_at, expires_at };
        Ok(header)
    }
}

/// Nothing in it can end the header.
fn is_header_safe(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}
