//! Requests by ureq, which blocks, on a thread for each.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy, http};

use super::bridge;
use super::proxy::Proxies;
use super::timer::Sleep;
use crate::error::{Code, Error, Result};
use crate::net::http::Url;
use crate::net::transport::{Request, Response, Transport};

/// To open a connection, name look-up and TLS included.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a thread waits in one read or write, whether or not anybody still wants what comes.
const BLOCKED: Duration = Duration::from_secs(120);
/// Idle connections kept for later requests to one host; an image is read with few at the same time.
const IDLE_PER_HOST: usize = 8;

/// [`Transport`] over HTTP/1.1 for native programs. Clones share their connections.
///
/// - A request in flight takes one thread, which reads no further than two chunks ahead of the consumer. Dropping the
///   answer or its body ends it: at once where bytes come, else within two minutes.
/// - Redirects are given out as answers, which the library follows by its own rules. No cookies, no decompression.
/// - Proxies are those of `HTTPS_PROXY` and `HTTP_PROXY` for URLs of these schemes, else of `ALL_PROXY`, but for what
///   `NO_PROXY` lists (names, what is below them, addresses and ranges of them, with ports or without, `*`); each also in
///   lower case. Loopback is always reached directly.
/// - A connection that gives nothing for two minutes has failed, even where
///   [`max_idle_ms`](crate::limits::Limits::max_idle_ms) would wait longer.
///
/// [`ocipeek::open`](crate::open) uses it by itself. With a client of one's own making:
///
/// ```no_run
/// use std::rc::Rc;
/// use ocipeek::image::{Image, OpenOptions};
/// use ocipeek::net::native::HttpTransport;
/// use ocipeek::net::registry::{Registry, RegistryOptions};
/// use ocipeek::net::stats::Stats;
/// use ocipeek::oci::Reference;
///
/// # async fn f() -> ocipeek::error::Result<()> {
/// let transport = Rc::new(HttpTransport::new());
/// let reference: Reference = "ghcr.io/owner/app:1".parse()?;
/// let registry =
///     Registry::new(transport.clone(), &reference, None, RegistryOptions::default(), Stats::default())?;
/// let image =
///     Image::open(Rc::new(registry), transport, &reference.target(), OpenOptions::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    /// Never through a proxy.
    direct: Agent,
    /// For each scheme that has a proxy: connections through it, or nothing where it is none.
    https: Option<Option<Agent>>,
    http: Option<Option<Agent>>,
    proxies: Proxies,
}

impl fmt::Debug for HttpTransport {
    /// Without the proxy, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").finish_non_exhaustive()
    }
}

impl Default for HttpTransport {
    fn default() -> Self {
        HttpTransport::new()
    }
}

impl HttpTransport {
    /// Reads the proxies' variables; connects to nothing yet.
    pub fn new() -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = || {
            Agent::config_builder()
                .tls_config(tls.clone())
                .http_status_as_error(false)
                .max_redirects(0)
                .user_agent(concat!("ocipeek/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("")
                .timeout_connect(Some(CONNECT))
                .timeout_per_read(Some(BLOCKED))
                .timeout_per_write(Some(BLOCKED))
                .max_idle_connections(4 * IDLE_PER_HOST)
                .max_idle_connections_per_host(IDLE_PER_HOST)
        };
        let proxies = Proxies::of(|name| std::env::var(name).ok());
        let through = |proxy: &Option<String>| {
            let proxy = proxy.as_ref().map(|proxy| Proxy::new(proxy).ok());
            proxy.map(|proxy| proxy.map(|proxy| config().proxy(Some(proxy)).build().new_agent()))
        };
        HttpTransport {
            direct: config().proxy(None).build().new_agent(),
            https: through(&proxies.https),
            http: through(&proxies.http),
            proxies,
        }
    }

    /// The connections for a URL.
    fn agent(&self, url: &str) -> Result<Agent> {
        let Ok(url) = Url::parse(url) else { return Ok(self.direct.clone()) };
        let through = if url.is_https() { &self.https } else { &self.http };
        match through.as_ref().filter(|_| !self.proxies.is_exempt(&url)) {
            None => Ok(self.direct.clone()),
            Some(Some(agent)) => Ok(agent.clone()),
            // Not shown: it may hold a password.
            Some(None) => Err(Error::new(
                Code::InvalidArgument,
                format!(
                    "the proxy that the environment names for {} is none that is known here",
                    url.scheme()
                ),
            )),
        }
    }
}

/// An answer's head, and where its body will come.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    body: mpsc::Receiver<Result<Bytes>>,
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> LocalBoxFuture<'static, Result<Response>> {
        let agent = self.agent(&request.url);
        Box::pin(async move {
            let agent = agent?;
            let url = request.url.clone();
            let (to, head) = oneshot::channel();
            let thread = thread::Builder::new().name("ocipeek-http".into());
            thread.spawn(move || exchange(&agent, request, to)).map_err(|e| {
                Error::new(Code::Network, format!("no thread could be started for a request: {e}"))
            })?;
            let lost = |_| Error::new(Code::Network, "the request's thread ended without an answer");
            let Head { status, headers, body } = head.await.map_err(lost)??;
            Ok(Response { status, headers, url, headers_filtered: false, body: body.boxed_local() })
        })
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        Box::pin(Sleep::new(duration))
    }

    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn random(&self) -> f64 {
        // Each state has keys of its own, by chance.
        let bits = RandomState::new().build_hasher().finish() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

/// Work of the thread.
fn exchange(agent: &Agent, request: Request, to: oneshot::Sender<Result<Head>>) {
    let response = match run(agent, request) {
        Ok(response) => response,
        Err(e) => {
            // Nobody waits any more: then nobody is to be told.
            let _ = to.send(Err(e));
            return;
        }
    };
    let (parts, body) = response.into_parts();
    let (sender, receiver) = bridge::body();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let head = Head { status: parts.status.as_u16(), headers: headers.collect(), body: receiver };
    if to.send(Ok(head)).is_ok() {
        bridge::pump(body.into_with_config().limit(u64::MAX).reader(), sender);
    }
}

fn run(agent: &Agent, request: Request) -> Result<http::Response<ureq::Body>> {
    let mut head = http::Request::builder().uri(request.url.as_str()).method(request.method.as_str());
    for (name, value) in &request.headers {
        head = head.header(*name, value.as_str());
    }
    // Says neither URL nor value.
    let bad = |e: http::Error| Error::new(Code::InvalidArgument, format!("a request cannot be sent: {e}"));
    let sent = match request.body {
        Some(body) => agent.run(head.body(body).map_err(bad)?),
        None => agent.run(head.body(()).map_err(bad)?),
    };
    sent.map_err(|e| {
        let from = Url::parse(&request.url).map(|url| url.origin()).unwrap_or_default();
        let found = Error::new(Code::Network, format!("no answer from {from}: {e}"));
        match e {
            // It stays as untrusted as it is.
            ureq::Error::Tls(_) => found.given_up(),
            ureq::Error::Rustls(e) if speaks_tls(&e) => found.given_up(),
            ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                let inner = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                if inner.is_none_or(speaks_tls) { found.given_up() } else { found }
            }
            _ => found,
        }
    })
}

/// Whether what answered a handshake speaks TLS at all.
fn speaks_tls(e: &rustls::Error) -> bool {
    !matches!(e, rustls::Error::InvalidMessage(_))
}
