//! Sign-in: the answer to each challenge, and one token for all requests that wait for it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use futures_util::lock::Mutex;

use super::challenge::{Challenge, parse_challenges};
use super::credentials::{CredentialSource, Credentials};
use super::options::RegistryOptions;
use super::token::{TokenAnswer, TokenService};
use crate::error::{Code, Error, Remedy, Result};
use crate::format::oci::Reference;
use crate::net::http::{Client, Retry, Url, rfc3339};

/// How long a token lasts where the service does not say (`token.md`).
const DEFAULT_LIFE_MS: u64 = 60_000;

/// State of signing in to a repository.
#[derive(Clone)]
pub(super) struct Auth {
    /// The registry's name in references, and the repository.
    registry: String,
    repository: String,
    base: Url,
    /// What token services are asked for.
    scopes: Rc<RefCell<Vec<String>>>,
    source: Option<Rc<dyn CredentialSource>>,
    token_hosts: Vec<String>,
    way: Rc<RefCell<Way>>,
    /// The `WWW-Authenticate` that was answered last.
    challenge: Rc<RefCell<String>>,
    credentials: Rc<RefCell<Option<Credentials>>>,
    asked: Rc<Cell<bool>>,
    /// What stands in the way, for messages, and the error that told so.
    obstacle: Rc<RefCell<Option<String>>>,
    trouble: Rc<RefCell<Option<Error>>>,
    /// Whether that is a token service at another host.
    is_elsewhere: Rc<Cell<bool>>,
    /// Held while a token is fetched.
    fetching: Rc<Mutex<()>>,
    /// Number of finished fetches, and the last one's outcome, for those who waited.
    rounds: Rc<Cell<u64>>,
    outcome: Rc<RefCell<Option<Result<String>>>>,
}

/// Authorization of requests to one repository: to be kept, and taken up by a later client. `Debug` does not show it.
#[derive(Clone)]
pub struct Grant {
    /// The `WWW-Authenticate` that it answers.
    pub challenge: String,
    /// The value of `Authorization`, for the registry only.
    pub authorization: String,
    /// When it is renewed, in milliseconds since the Unix epoch; `None` where it does not end.
    pub renew_at_ms: Option<u64>,
    /// Why credentials that there may be were not used.
    pub withheld: Option<String>,
    /// Whether that is because the token service is at another host.
    pub is_elsewhere: bool,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("renew_at_ms", &self.renew_at_ms).finish_non_exhaustive()
    }
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

impl Auth {
    pub(super) fn new(
        reference: &Reference,
        base: Url,
        source: Option<Rc<dyn CredentialSource>>,
        options: &RegistryOptions,
    ) -> Self {
        let actions = if options.push { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{actions}", reference.repository);
        let others = options.mount_from.iter().map(|other| format!("repository:{other}:pull"));
        Auth {
            registry: reference.registry.clone(),
            repository: reference.repository.clone(),
            base,
            scopes: Rc::new(RefCell::new(std::iter::once(own).chain(others).collect())),
            source,
            token_hosts: options.token_hosts.clone(),
            way: Rc::new(RefCell::new(Way::Anonymous)),
            challenge: Rc::default(),
            credentials: Rc::default(),
            asked: Rc::default(),
            obstacle: Rc::default(),
            trouble: Rc::default(),
            is_elsewhere: Rc::default(),
            fetching: Rc::default(),
            rounds: Rc::default(),
            outcome: Rc::default(),
        }
    }

    /// The same for another reader, which does not wait for tokens that others fetch: their failures are not its own.
    pub(super) fn for_reader(&self) -> Self {
        let (fetching, rounds, outcome) = (Rc::default(), Rc::default(), Rc::default());
        Auth { fetching, rounds, outcome, ..self.clone() }
    }

    /// Whether requests have no `Authorization` so far.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(*self.way.borrow(), Way::Anonymous)
    }

    /// Authorization that requests are signed with now, if there is any.
    pub(super) fn grant(&self) -> Option<Grant> {
        let renew_at_ms = match &*self.way.borrow() {
            Way::Token { renew_at, .. } => Some(*renew_at),
            _ => None,
        };
        let (challenge, withheld) = (self.challenge.borrow().clone(), self.obstacle());
        let is_elsewhere = self.is_elsewhere.get();
        self.current().map(|authorization| Grant {
            challenge,
            authorization,
            renew_at_ms,
            withheld,
            is_elsewhere,
        })
    }

    /// Signs requests in by what signed in those of another client of the repository.
    pub(super) fn resume(&self, grant: Grant) -> Result<()> {
        let challenges = parse_challenges(&grant.challenge);
        let header = grant.authorization;
        let way = match (grant.renew_at_ms, challenges.iter().find(|c| c.scheme == "bearer")) {
            (Some(at), Some(challenge)) => {
                Way::Token { service: self.service(challenge)?, header, renew_at: at, expires_at: at }
            }
            _ => Way::Fixed(header),
        };
        *self.way.borrow_mut() = way;
        *self.challenge.borrow_mut() = grant.challenge;
        *self.obstacle.borrow_mut() = grant.withheld;
        self.is_elsewhere.set(grant.is_elsewhere);
        Ok(())
    }

    /// Asks for the right to pull from another repository too, from the next request on.
    pub(super) fn pull_from(&self, repository: &str) {
        let scope = format!("repository:{repository}:pull");
        let mut scopes = self.scopes.borrow_mut();
        if scopes.contains(&scope) {
            return;
        }
        if let Way::Token { service, renew_at, .. } = &mut *self.way.borrow_mut() {
            service.add_scope(scope.clone());
            *renew_at = 0;
        }
        scopes.push(scope);
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
        challenge: &str,
        hidden: bool,
    ) -> Result<String> {
        self.renew(client, used, Some((challenge, hidden))).await
    }

    async fn renew(&self, client: &Client, used: Option<&str>, why: Option<(&str, bool)>) -> Result<String> {
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

    async fn obtain(&self, client: &Client, used: Option<&str>, why: Option<(&str, bool)>) -> Result<String> {
        self.ask().await;
        let Some((challenge, hidden)) = why else {
            let Way::Token { service, .. } = self.way.borrow().clone() else {
                return Err(self.refused());
            };
            return self.fetch_token(client, service).await;
        };
        let challenges = parse_challenges(challenge);
        challenge.clone_into(&mut self.challenge.borrow_mut());
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

    /// Asks the source for credentials, once. Where it fails, there are none: much can be read without.
    async fn ask(&self) {
        if self.asked.get() {
            return;
        }
        let found = match &self.source {
            Some(source) => source.get(&self.registry, &self.repository).await,
            None => Ok(None),
        };
        let found = match found {
            Ok(found) => found.filter(|c| !c.is_empty()),
            Err(e) => {
                *self.obstacle.borrow_mut() = Some(format!("none could be had: {}", e.message()));
                *self.trouble.borrow_mut() = Some(e);
                return;
            }
        };
        if self.trouble.take().is_some() {
            self.obstacle.take();
        }
        self.asked.set(true);
        if found.is_some() && !self.base.is_private() {
            *self.obstacle.borrow_mut() =
                Some("those for it were not sent, for it is not https; no option allows that".into());
            return;
        }
        *self.credentials.borrow_mut() = found;
    }

    /// `UNAUTHORIZED`, with what may help.
    pub(super) fn refused(&self) -> Error {
        self.unauthorized(&format!("{} wants credentials:", self.registry)).with_status(401)
    }

    /// `UNAUTHORIZED`: what happened, what was withheld, and what may help.
    fn unauthorized(&self, what: &str) -> Error {
        let why = self.obstacle().unwrap_or_else(|| match &*self.credentials.borrow() {
            Some(_) => "those that were sent are refused, or do not allow this repository".into(),
            None => "there are none for it, or its name is wrong".into(),
        });
        let e = Error::new(Code::Unauthorized, format!("{what} {why}"));
        let e = match self.obstacle.borrow().is_none() && self.credentials.borrow().is_none() {
            true => e.with_remedy(Remedy::SignIn),
            false => self.remedied(e),
        };
        #[cfg(all(target_arch = "wasm32", feature = "js"))]
        if let Some(cause) = self.trouble.borrow().as_ref().and_then(Error::cause) {
            return e.with_cause(cause.clone());
        }
        e
    }

    /// Adds what lets credentials be used that were not.
    pub(super) fn remedied(&self, e: Error) -> Error {
        if self.is_elsewhere.get() { e.with_remedy(Remedy::TrustTokenHost) } else { e }
    }

    /// Why credentials that there may be were not used.
    pub(super) fn obstacle(&self) -> Option<String> {
        self.obstacle.borrow().clone()
    }

    /// Whether a text holds a secret that is known here.
    pub(super) fn is_secret_in(&self, text: &str) -> bool {
        let token = self.current();
        let token = token.as_deref().and_then(|h| h.split(' ').next_back());
        token.is_some_and(|t| text.contains(t))
            || self.credentials.borrow().as_ref().is_some_and(|c| c.secrets().any(|s| text.contains(s)))
    }

    fn service(&self, challenge: &Challenge) -> Result<TokenService> {
        TokenService::of(challenge, &self.base, &self.scopes.borrow()).map_err(|e| {
            let text = format!("{}: {}", self.registry, e.message());
            e.with_message(text)
        })
    }

    async fn fetch_token(&self, client: &Client, service: TokenService) -> Result<String> {
        let mut credentials = self.credentials.borrow().clone();
        if credentials.is_some() && !service.may_see_credentials(&self.base, &self.token_hosts) {
            *self.obstacle.borrow_mut() = Some(format!(
                "those for it were not sent to its token service {}, which is another host",
                service.origin()
            ));
            self.is_elsewhere.set(true);
            credentials = None;
        }
        let mut retry = Retry::new();
        let answer = loop {
            match service.request(client, credentials.as_ref()).await {
                Ok(answer) => break answer,
                Err(e) if e.code() == Code::Unauthorized => return Err(self.no_token(&e)),
                Err(e) => retry.wait(client, e).await?,
            }
        };
        if let (Some(new), Some(_)) = (answer.refresh_token.clone().filter(|t| !t.is_empty()), &credentials)
            && let Some(c) = self.credentials.borrow_mut().as_mut().filter(|c| c.identity_token.is_some())
        {
            c.identity_token = Some(new);
        }
        self.keep(client, service, answer)
    }

    /// The refusal of a token service.
    fn no_token(&self, e: &Error) -> Error {
        let what = format!("{} wants credentials, and {};", self.registry, e.message());
        let told = self.unauthorized(&what);
        match e.status() {
            Some(status) => told.with_status(status),
            None => told,
        }
    }

    fn keep(&self, client: &Client, service: TokenService, answer: TokenAnswer) -> Result<String> {
        let full = |s: Option<String>| s.filter(|s| !s.is_empty());
        let token = full(answer.access_token).or(full(answer.token));
        let header = token.map(|t| format!("Bearer {t}")).filter(|h| is_header_safe(h));
        let header = header.ok_or_else(|| {
            let text = format!("the token service {} sent no usable token", service.origin());
            Error::new(Code::Unauthorized, text)
        })?;
        let life = answer.expires_in.filter(|s| (1..=1_000_000_000).contains(s));
        let life = life.map_or(DEFAULT_LIFE_MS, |s| s * 1000);
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
