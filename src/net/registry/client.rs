//! The client of one repository.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use super::auth::Auth;
use super::challenge::parse_challenges;
use super::credentials::CredentialSource;
use super::options::RegistryOptions;
use super::scheme::Home;
use super::targets::Targets;
use crate::error::{Error, Result};
use crate::format::oci::Reference;
use crate::limits::Limits;
use crate::net::http::{Answer, Client, Get, Url, body_message, discard, follow, status_error};
use crate::net::stats::Stats;
use crate::net::transport::{Method, Purpose, Transport};

/// One repository of a registry.
pub struct Registry(pub(crate) Rc<Inner>);

/// What the requests of one registry share; streams hold it on their own.
pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(super) home: Rc<Home>,
    repository: String,
    pub(crate) name: String,
    pub(super) auth: Auth,
    plain_http: bool,
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
        let at_home = url.same_origin(self.home.base());
        let used = if at_home { self.auth.header(&self.client).await? } else { None };
        let get = |authorization, range| Get {
            method: Method::Get,
            url,
            headers,
            authorization,
            purpose,
            range,
            plain_http: self.plain_http,
        };
        let answer = follow(&self.client, get(used.as_deref(), range.clone())).await?;
        if at_home {
            self.home.answered(answer.status);
        }
        if answer.status != 401 || !at_home || !answer.url.same_origin(self.home.base()) {
            return Ok(answer);
        }
        let challenges = parse_challenges(&answer.header_list("www-authenticate").unwrap_or_default());
        let hidden = answer.filtered;
        discard(answer).await;
        let header = self.auth.challenged(&self.client, used.as_deref(), &challenges, hidden).await?;
        let answer = follow(&self.client, get(Some(&header), range)).await?;
        if answer.status == 401 && answer.url.same_origin(self.home.base()) {
            return Err(self.auth.refused());
        }
        Ok(answer)
    }

    /// The error that an answer is, with what the registry says about it. Texts of other hosts are not shown.
    pub(super) async fn failure(&self, answer: Answer, what: &str) -> Error {
        const LONGEST: u64 = 8 << 10;
        let (status, wait) = (answer.status, self.client.retry_after(&answer));
        let at_home = answer.url.same_origin(self.home.base());
        let mut e = status_error(status, what);
        if at_home {
            let body = answer.read("max_manifest_size", LONGEST).await;
            let said = body.ok().and_then(|b| body_message(&b)).filter(|m| !self.auth.is_secret_in(m));
            // Registries hide what is not everybody's as if it were not there.
            let withheld = self.auth.obstacle().filter(|_| matches!(status, 401 | 403 | 404));
            let said = said.map(|said| format!("; it says: {said}")).unwrap_or_default();
            let withheld = withheld.map(|why| format!("; credentials: {why}")).unwrap_or_default();
            e = Error::new(e.code(), format!("{}{said}{withheld}", e.message())).with_status(status);
        }
        match wait {
            Some(s) => e.with_retry_after(s),
            None => e,
        }
    }
}
