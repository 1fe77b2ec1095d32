//! What an honest registry, token service and storage service answer.

use std::cell::Cell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use ocipeek::error::{Code, Error};
use ocipeek::net::http::Url;
use ocipeek::net::transport::{Method, Request, Response};

use super::{Access, STORAGE, State};

pub(super) enum End {
    Honest,
    /// The connection breaks after so many bytes.
    Broken(usize),
    /// Nothing more comes after so many bytes.
    Stalled(usize),
    /// Each piece takes so many milliseconds.
    Slow(u64),
    /// `Content-Length` stays that of the honest body.
    Lied,
}

pub(super) struct Served {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub end: End,
}

impl Served {
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let headers = vec![("content-length".to_string(), body.len().to_string())];
        Served { status, headers, body, end: End::Honest }
    }

    pub fn set(&mut self, name: &str, value: String) {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_string(), value));
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value.into());
        self
    }

    pub fn into_response(self, url: &str, state: &State) -> Response {
        let body = match self.end {
            End::Broken(n) | End::Stalled(n) => self.body.slice(..n.min(self.body.len())),
            _ => self.body,
        };
        let mut pieces: Vec<_> =
            body.chunks(state.piece.get()).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        if let End::Broken(_) = self.end {
            pieces.push(Err(Error::new(Code::Network, "the connection was reset")));
        }
        let stalls = matches!(self.end, End::Stalled(_));
        let left = pieces.len() + usize::from(stalls);
        let mut alarm = Alarm { dropped: state.dropped.clone(), left };
        let clock = state.clock.clone();
        let slow = if let End::Slow(ms) = self.end { ms } else { 0 };
        let mut body = futures_util::stream::iter(pieces)
            .then(move |piece| {
                let wait = (slow > 0).then(|| clock.wait(slow));
                let clock = clock.clone();
                async move {
                    if let Some(wait) = wait {
                        wait.await;
                    }
                    clock.event();
                    piece
                }
            })
            .boxed_local();
        if stalls {
            body = body.chain(futures_util::stream::pending()).boxed_local();
        }
        let body = body.inspect(move |_| alarm.tick());
        Response {
            status: self.status,
            headers: self.headers,
            url: url.to_string(),
            headers_filtered: false,
            body: body.boxed_local(),
        }
    }
}

/// Notices when a body is dropped before its end.
struct Alarm {
    dropped: Rc<Cell<u32>>,
    left: usize,
}

impl Alarm {
    fn tick(&mut self) {
        self.left -= 1;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.left > 0 {
            self.dropped.set(self.dropped.get() + 1);
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Served {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    Served::new(status, body).with("content-type", "application/json")
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
}

/// The whole, or the range that is asked for.
fn content(request: &Request, body: Bytes) -> Served {
    let total = body.len() as u64;
    let Some(range) = header(request, "range") else { return Served::new(200, body) };
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
    if first >= total {
        return Served::new(416, "").with("content-range", format!("bytes */{total}"));
    }
    let last = last.min(total - 1);
    Served::new(206, body.slice(first as usize..=last as usize))
        .with("content-range", format!("bytes {first}-{last}/{total}"))
}

impl State {
    pub(super) fn serve(&self, request: &Request) -> Served {
        let url = Url::parse(&request.url).unwrap();
        if let Some(bytes) = self.files.borrow().get(url.path()) {
            return content(request, bytes.clone());
        }
        if url.path().ends_with("/token") {
            return self.token(request, &url);
        }
        if url.host() == STORAGE {
            return self.storage(request, &url);
        }
        let Some(path) = url.path().strip_prefix("/v2/") else { return Served::new(404, "no such page") };
        if let Some(challenge) = self.challenge(request) {
            return error(401, "UNAUTHORIZED", "authentication required").with("www-authenticate", challenge);
        }
        if let Some((_, digest)) = path.split_once("/blobs/") {
            return self.blob(request, digest);
        }
        if let Some((_, digest)) = path.split_once("/referrers/") {
            return self.referrers(&url, digest);
        }
        match self.manifests.borrow().get(path) {
            Some((media_type, bytes)) => content(request, bytes.clone())
                .with("content-type", media_type.clone())
                .with("docker-content-digest", ocipeek::format::oci::Digest::of(bytes).to_string()),
            None => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }

    fn blob(&self, request: &Request, digest: &str) -> Served {
        let Some(bytes) = self.blobs.borrow().get(digest).cloned() else {
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        if self.redirects.get() {
            let to =
                format!("https://{STORAGE}/{}?X-Signature=s3cret-{}", &digest[7..], self.signature.get());
            return Served::new(307, "").with("location", to);
        }
        content(request, bytes)
    }

    fn storage(&self, request: &Request, url: &Url) -> Served {
        if header(request, "authorization").is_some() {
            return Served::new(400, "<Error>two kinds of authorization</Error>");
        }
        if url.query() != Some(&format!("X-Signature=s3cret-{}", self.signature.get())) {
            return Served::new(403, "<Error>s3cret expired</Error>");
        }
        match self.blobs.borrow().get(&format!("sha256:{}", &url.path()[1..])) {
            Some(bytes) => content(request, bytes.clone()),
            None => Served::new(404, "<Error/>"),
        }
    }

    fn referrers(&self, url: &Url, digest: &str) -> Served {
        let referrers = self.referrers.borrow();
        let Some(all) = &*referrers else { return error(404, "NOT_FOUND", "page not found") };
        let pages = all.get(digest).cloned().unwrap_or_default();
        let page: usize =
            url.query().and_then(|q| q.split_once("page=")).map_or(0, |(_, n)| n.parse().unwrap());
        let entries = pages.get(page).cloned().unwrap_or_default();
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
        let served = Served::new(200, body).with("content-type", "application/vnd.oci.image.index.v1+json");
        if page + 1 < pages.len() {
            served.with("link", format!("</v2/app/referrers/{digest}?page={}>; rel=\"next\"", page + 1))
        } else {
            served
        }
    }

    /// The challenge, unless the request is allowed.
    fn challenge(&self, request: &Request) -> Option<String> {
        let given = header(request, "authorization");
        match &*self.access.borrow() {
            Access::Open => None,
            Access::Basic { user, password } => {
                let right = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
                (given != Some(&right)).then(|| "Basic realm=\"mock\"".into())
            }
            Access::Bearer { realm, .. } => {
                let token = given.and_then(|g| g.strip_prefix("Bearer "));
                let until = token.and_then(|t| self.tokens.borrow().get(t).copied());
                let fresh = until.is_some_and(|until| self.clock.now_ms() < until);
                (!fresh).then(|| {
                    format!("Bearer realm=\"{realm}\",service=\"mock\",scope=\"repository:app:pull,push\"")
                })
            }
        }
    }

    fn token(&self, request: &Request, url: &Url) -> Served {
        let Access::Bearer { user, refresh, life, .. } = &*self.access.borrow() else {
            return Served::new(404, "");
        };
        if request.method == Method::Post {
            let form = String::from_utf8(request.body.clone().unwrap_or_default()).unwrap();
            let Some(refresh) = refresh else { return Served::new(405, "") };
            if !form.split('&').any(|p| p == format!("refresh_token={refresh}")) {
                return Served::new(401, r#"{"error":"invalid_grant"}"#);
            }
        } else {
            let right = user.map(|(u, p)| format!("Basic {}", STANDARD.encode(format!("{u}:{p}"))));
            let given = header(request, "authorization");
            if right.is_some() && given != right.as_deref() {
                return error(401, "UNAUTHORIZED", "wrong password");
            }
            assert!(url.query().unwrap().contains("scope=repository:"), "{url}");
        }
        let n = self.issued.get() + 1;
        self.issued.set(n);
        self.tokens
            .borrow_mut()
            .insert(format!("token-{n}"), self.clock.now_ms() + life.unwrap_or(60) * 1000);
        let life = life.map(|l| format!(",\"expires_in\":{l}")).unwrap_or_default();
        let name = if request.method == Method::Post { "access_token" } else { "token" };
        Served::new(200, format!("{{\"{name}\":\"token-{n}\"{life}}}"))
            .with("content-type", "application/json")
    }
}
