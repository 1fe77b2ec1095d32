//! Base URL of a registry's API, and whether one on this machine speaks TLS: https first, http where it does not.

use std::cell::{Cell, RefCell};

use crate::error::{Code, Error, Result};
use crate::format::oci::Reference;
use crate::limits::Limits;
use crate::net::http::{Client, Outgoing, Url, discard};
use crate::net::transport::Purpose;

/// So long a registry on this machine has to answer, in milliseconds: what waits for a line of text may wait for ever.
const ASKED_MS: u64 = 3_000;
/// Hosts of this machine that are remembered.
const MAX_KNOWN: usize = 64;

thread_local! {
    /// Whether hosts of this machine speak TLS.
    static KNOWN: RefCell<Vec<(String, bool)>> = const { RefCell::new(Vec::new()) };
}

/// Base URL of a registry. `https` always, but for loopback and where the caller wants `http`.
pub(super) struct Home {
    http: Url,
    https: Url,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Https,
    Http,
    /// On this machine, and not asked yet, or without a certain answer: taken for `http` meanwhile.
    Unsure,
}

impl Home {
    pub(super) fn new(reference: &Reference, plain_http: bool, https_only: bool) -> Result<Home> {
        let host = reference.api_host();
        let url = |scheme: &str| {
            let url = Url::parse(&format!("{scheme}://{host}"));
            url.map_err(|e| Error::new(Code::InvalidReference, e.message()))
        };
        let (http, https) = (url("http")?, url("https")?);
        let state = match (https_only, plain_http, https.is_loopback()) {
            (true, ..) => State::Https,
            (_, true, _) => State::Http,
            (.., true) => State::Unsure,
            _ => State::Https,
        };
        Ok(Home { http, https, state: Cell::new(state) })
    }

    /// The registry's root, as far as is known now.
    pub(super) fn base(&self) -> &Url {
        if self.state.get() == State::Https { &self.https } else { &self.http }
    }

    /// Asks a registry on this machine whether it speaks TLS, unless that is known; without any credentials. Whatever
    /// answers under https is there, and what has a certificate that is not trusted is not tried without TLS.
    pub(super) async fn settle(&self, client: &Client) {
        if self.state.get() != State::Unsure {
            return;
        }
        let host = self.https.shown();
        if let Some(https) = known(&host) {
            self.state.set(if https { State::Https } else { State::Http });
            return;
        }
        let limits =
            Limits { max_idle_ms: client.limits.max_idle_ms.clamp(1, ASKED_MS), ..client.limits.clone() };
        let asking = Client { transport: client.transport.clone(), limits, stats: client.stats.clone() };
        let root = self.https.with_path("/v2/".into(), None);
        match asking.send(Outgoing::get(&root, Purpose::Ping)).await {
            Ok(answer) => {
                discard(answer).await;
                remember(host, true);
                self.state.set(State::Https);
            }
            Err(e) if e.is_given_up() => self.state.set(State::Https),
            Err(_) => {}
        }
    }

    /// Whether it speaks TLS, as far as that is known.
    #[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
    pub(super) fn is_https(&self) -> Option<bool> {
        (self.state.get() != State::Unsure).then(|| self.state.get() == State::Https)
    }

    /// Somebody else found out whether it speaks TLS.
    #[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
    pub(super) fn told(&self, is_https: bool) {
        let host = self.https.shown();
        if self.state.get() == State::Unsure && known(&host).is_none() {
            remember(host, is_https);
        }
    }

    /// An answer came. Whatever says that it wants TLS after all is asked again.
    pub(super) fn answered(&self, status: u16) {
        if self.state.get() == State::Unsure && status != 400 {
            remember(self.https.shown(), false);
            self.state.set(State::Http);
        }
    }
}

fn known(host: &str) -> Option<bool> {
    KNOWN.with_borrow(|known| known.iter().find(|(name, _)| name == host).map(|(_, https)| *https))
}

fn remember(host: String, https: bool) {
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.push((host, https));
    });
}
