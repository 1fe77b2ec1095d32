//! A registry in memory, with token service and storage service, that can misbehave on purpose. Time is virtual:
//! waiting moves the clock once nothing else can happen. Every request is noted, so that tests assert exact lists of them.

mod clock;
mod fault;
mod serve;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use ocipeek::error::{Error, Result};
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::limits::Limits;
use ocipeek::net::registry::{CredentialSource, Credentials, Registry, RegistryOptions};
use ocipeek::net::stats::Stats;
use ocipeek::net::transport::{Method, Request, Response, Transport};

use clock::{Clock, START_MS};
pub use fault::{Fault, What};

pub const HOST: &str = "registry.test";
pub const STORAGE: &str = "storage.test";

/// How the registry lets anyone in.
#[derive(Clone, Debug, Default)]
pub enum Access {
    #[default]
    Open,
    Basic {
        user: &'static str,
        password: &'static str,
    },
    /// Tokens of the service at `realm`. With `user`, only for it; with `refresh`, for a POST with that token.
    Bearer {
        realm: String,
        user: Option<(&'static str, &'static str)>,
        refresh: Option<&'static str>,
        /// `expires_in`, in seconds.
        life: Option<u64>,
    },
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// As answered; 0 for none.
    pub status: u16,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
    /// `GET host/path?query [range] (authorization) status`, digests shortened to 8 digits.
    pub fn line(&self) -> String {
        let mut out = format!("{} {}", self.method, self.url.trim_start_matches("https://"));
        while let Some(at) =
            out.find("sha256:").filter(|&at| out.len() >= at + 71 && !out[at + 7..at + 71].contains('.'))
        {
            out.replace_range(at..at + 71, &format!("#{}", &out[at + 7..at + 15].to_string()));
        }
        if let Some(range) = self.header("range") {
            out.push_str(&format!(" [{}]", range.trim_start_matches("bytes=")));
        }
        if let Some(authorization) = self.header("authorization") {
            out.push_str(&format!(" ({authorization})"));
        }
        out.push_str(&format!(" {}", self.status));
        out
    }
}

#[derive(Clone)]
pub struct Mock(pub Rc<State>);

pub struct State {
    pub access: RefCell<Access>,
    pub blobs: RefCell<BTreeMap<String, Bytes>>,
    /// By `repository/manifests/reference`: media type and bytes.
    pub manifests: RefCell<BTreeMap<String, (String, Bytes)>>,
    /// By digest: pages of referrers. None: no such API.
    pub referrers: RefCell<Option<BTreeMap<String, Vec<String>>>>,
    /// Blobs are redirected to the storage host, with a signature.
    pub redirects: Cell<bool>,
    /// It stands for a platform that undoes encodings. What it gives out is decoded already.
    pub decodes: Cell<bool>,
    /// The signature that the storage host takes now.
    pub signature: Cell<u32>,
    pub faults: RefCell<Vec<Fault>>,
    pub seen: RefCell<Vec<Seen>>,
    pub tokens: RefCell<BTreeMap<String, u64>>,
    pub issued: Cell<u32>,
    pub clock: Rc<Clock>,
    /// Waits that came to their end, in milliseconds.
    pub sleeps: RefCell<Vec<u64>>,
    /// Timers started, those of [`State::sleeps`] included.
    pub timers: Cell<u32>,
    /// Bodies come in pieces of this size.
    pub piece: Cell<usize>,
    /// Behave as `fetch` in a browser does on a page of another origin: follow redirects, hide headers.
    pub browser: Cell<bool>,
    /// Headers that the registry (but not the storage) exposes to pages by CORS.
    pub exposed: RefCell<Vec<&'static str>>,
    /// Bodies that were dropped before their end.
    pub dropped: Rc<Cell<u32>>,
    /// Plain files, by path, on every host.
    pub files: RefCell<BTreeMap<String, Bytes>>,
}

impl Default for Mock {
    fn default() -> Self {
        Mock::new()
    }
}

impl Mock {
    pub fn new() -> Mock {
        Mock(Rc::new(State {
            access: RefCell::default(),
            blobs: RefCell::default(),
            manifests: RefCell::default(),
            referrers: RefCell::default(),
            redirects: Cell::new(false),
            decodes: Cell::new(false),
            signature: Cell::new(1),
            faults: RefCell::default(),
            seen: RefCell::default(),
            tokens: RefCell::default(),
            issued: Cell::new(0),
            clock: Clock::new(),
            sleeps: RefCell::default(),
            timers: Cell::default(),
            piece: Cell::new(1000),
            browser: Cell::new(false),
            exposed: RefCell::new(vec!["www-authenticate", "docker-content-digest", "content-range", "link"]),
            dropped: Rc::default(),
            files: RefCell::default(),
        }))
    }

    /// A mock that holds an OCI layout as the repository `app`, tags included.
    pub fn of_layout(dir: impl AsRef<Path>) -> Mock {
        let mock = Mock::new();
        let dir = dir.as_ref();
        let read = |digest: &str| {
            Bytes::from(std::fs::read(dir.join("blobs").join(digest.replace(':', "/"))).unwrap())
        };
        for file in std::fs::read_dir(dir.join("blobs/sha256")).unwrap() {
            let digest = format!("sha256:{}", file.unwrap().file_name().to_str().unwrap());
            let bytes = read(&digest);
            mock.0.blobs.borrow_mut().insert(digest.clone(), bytes.clone());
            let Ok(json) = serde_json::from_slice::<serde_json::Value>(&bytes) else { continue };
            if let Some(media_type) = json.get("mediaType").and_then(|m| m.as_str()) {
                mock.put_manifest("app", &digest, media_type, bytes);
            }
        }
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
        for d in index["manifests"].as_array().unwrap() {
            let (digest, media_type) = (d["digest"].as_str().unwrap(), d["mediaType"].as_str().unwrap());
            mock.put_manifest("app", digest, media_type, read(digest));
            if let Some(tag) = d["annotations"]["org.opencontainers.image.ref.name"].as_str() {
                mock.put_manifest("app", tag, media_type, read(digest));
            }
        }
        mock
    }

    /// Stores a blob, and gives its descriptor.
    pub fn put_blob(&self, bytes: impl Into<Bytes>) -> Descriptor {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let size = bytes.len() as u64;
        self.0.blobs.borrow_mut().insert(digest.to_string(), bytes);
        Descriptor::new("application/octet-stream", digest, size)
    }

    /// Stores a manifest under its digest and `reference`.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let mut manifests = self.0.manifests.borrow_mut();
        for name in [reference, &digest.to_string()] {
            manifests.insert(format!("{repository}/manifests/{name}"), (media_type.into(), bytes.clone()));
        }
        digest
    }

    /// The next `times` requests whose line (`GET https://…`) contains `of` meet a fault.
    pub fn fault(&self, of: &str, times: u32, what: What) {
        self.0.faults.borrow_mut().push(Fault { of: of.into(), after: 0, times, what });
    }

    /// One request meets a fault: the one that comes after `after` others.
    pub fn fault_after(&self, after: usize, what: What) {
        self.0.faults.borrow_mut().push(Fault { of: String::new(), after, times: 1, what });
    }

    pub fn access(&self, access: Access) {
        *self.0.access.borrow_mut() = access;
    }

    /// Bearer tokens of `realm`, for everybody.
    pub fn bearer(&self, realm: &str) {
        self.access(Access::Bearer { realm: realm.into(), user: None, refresh: None, life: None });
    }

    /// All tokens given out so far are refused from now on.
    pub fn revoke_tokens(&self) {
        self.0.tokens.borrow_mut().clear();
    }

    /// All signed URLs given out so far are refused from now on.
    pub fn expire_signatures(&self) {
        self.0.signature.set(self.0.signature.get() + 1);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.0.seen.borrow().clone()
    }

    /// The requests since the last call, one line each.
    pub fn lines(&self) -> Vec<String> {
        self.0.seen.borrow_mut().drain(..).map(|s| s.line()).collect()
    }

    /// Milliseconds of virtual time since the start.
    pub fn elapsed_ms(&self) -> u64 {
        self.0.clock.now_ms() - START_MS
    }

    pub fn advance(&self, duration: Duration) {
        self.0.clock.advance(duration.as_millis() as u64);
    }

    /// The waits since the last call, in milliseconds.
    pub fn sleeps(&self) -> Vec<u64> {
        self.0.sleeps.borrow_mut().drain(..).collect()
    }

    pub fn transport(&self) -> Rc<dyn Transport> {
        Rc::new(self.clone())
    }

    /// A client of the repository `app`.
    pub fn registry(&self) -> Registry {
        self.open(&format!("{HOST}/app"), None, RegistryOptions::default())
    }

    pub fn registry_with(&self, set: impl FnOnce(&mut Limits)) -> Registry {
        let mut limits = Limits::default();
        set(&mut limits);
        self.open(&format!("{HOST}/app"), None, RegistryOptions::default().limits(limits))
    }

    pub fn registry_as(&self, credentials: Credentials) -> Registry {
        self.open(&format!("{HOST}/app"), Some(credentials), RegistryOptions::default())
    }

    pub fn open(
        &self,
        reference: &str,
        credentials: Option<Credentials>,
        options: RegistryOptions,
    ) -> Registry {
        let credentials = credentials.map(|c| Rc::new(c) as Rc<dyn CredentialSource>);
        Registry::new(self.transport(), &reference.parse().unwrap(), credentials, options, Stats::default())
            .unwrap()
    }
}

impl Transport for Mock {
    fn send(&self, request: Request) -> LocalBoxFuture<'static, Result<Response>> {
        let state = self.0.clone();
        Box::pin(async move {
            // As a real one, it does not answer in the same turn.
            let mut polled = false;
            futures_util::future::poll_fn(move |cx| {
                if std::mem::replace(&mut polled, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            state.clock.event();
            let answer = state.exchange(request);
            if matches!(&answer, Err(e) if e.message() == fault::HANG) {
                futures_util::future::pending::<()>().await;
            }
            answer
        })
    }
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        let state = self.0.clone();
        let ms = duration.as_millis() as u64;
        let wait = state.clock.wait(ms);
        state.timers.set(state.timers.get() + 1);
        Box::pin(async move {
            wait.await;
            state.sleeps.borrow_mut().push(ms);
        })
    }
    fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn follows_redirects(&self) -> bool {
        self.0.browser.get()
    }
    fn decodes(&self) -> bool {
        self.0.decodes.get()
    }
}

impl State {
    /// One call of the transport: in a browser, with the redirects inside it.
    fn exchange(&self, mut request: Request) -> Result<Response> {
        let first = origin(&request.url);
        loop {
            let mut response = self.answer(&request)?;
            if !self.browser.get() {
                return Ok(response);
            }
            let home = origin(&request.url) == first;
            let Some(location) =
                response.header("location").filter(|_| (300..400).contains(&response.status))
            else {
                let exposed = self.exposed.borrow();
                let shown = |n: &str| {
                    matches!(n, "content-type" | "content-length" | "cache-control" | "last-modified")
                        || home && exposed.contains(&n)
                };
                response.headers.retain(|(n, _)| shown(n));
                response.headers_filtered = true;
                return Ok(response);
            };
            let next =
                ocipeek::net::http::Url::parse(&request.url).unwrap().join(location).unwrap().to_string();
            if origin(&next) != first {
                request.headers.retain(|(n, _)| *n != "authorization");
            }
            request.url = next;
        }
    }

    /// One request on the wire.
    fn answer(&self, request: &Request) -> Result<Response> {
        let method = request.method.as_str();
        let line = format!("{method} {}", request.url);
        let mut faults = self.faults.borrow_mut();
        let fault = faults.iter_mut().filter(|f| line.contains(&f.of)).find_map(|f| {
            if f.after > 0 {
                f.after -= 1;
                return None;
            }
            f.times = f.times.checked_sub(1)?;
            Some(f.what.clone())
        });
        drop(faults);
        let at = self.seen.borrow().len();
        self.seen.borrow_mut().push(Seen {
            method,
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: String::from_utf8(request.body.clone().unwrap_or_default()).unwrap(),
            status: 0,
        });
        let mut served = match fault {
            Some(What::Hang) => return Err(Error::new(ocipeek::error::Code::Network, fault::HANG)),
            Some(What::Network(message)) => {
                return Err(Error::new(ocipeek::error::Code::Network, message));
            }
            Some(What::Untrusted) => {
                let message = "no answer: the certificate is not trusted";
                return Err(Error::new(ocipeek::error::Code::Network, message).given_up());
            }
            Some(what) => what.apply(request, &|r| self.serve(r)),
            None => self.serve(request),
        };
        self.seen.borrow_mut()[at].status = served.status;
        if request.method == Method::Head {
            served.body = Bytes::new();
        }
        Ok(served.into_response(&request.url, self))
    }
}

pub fn origin(url: &str) -> String {
    let url = ocipeek::net::http::Url::parse(url).unwrap();
    url.origin()
}
