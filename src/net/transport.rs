//! Transport of requests: one small asynchronous trait, implemented over `fetch` in wasm and by
//! an in-memory registry in tests.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, LocalBoxStream, StreamExt, TryStreamExt};

use crate::error::Result;

/// Future of something that can fail.
pub type Later<'a, T> = LocalBoxFuture<'a, Result<T>>;

/// A body as it arrives. Chunk borders mean nothing. Dropping it cancels the request.
/// Polling must be cancel safe: a chunk is lost by no dropped `next()` future.
pub type ByteStream = LocalBoxStream<'static, Result<Bytes>>;

/// The body that `open` gives. One type for all, as each adds to the .wasm.
pub(crate) fn deferred(open: LocalBoxFuture<'static, Result<ByteStream>>) -> ByteStream {
    Box::pin(stream::once(open).try_flatten())
}

/// Does all of `work`, up to `most` of it at once, until something fails.
pub(crate) async fn at_once(work: Vec<LocalBoxFuture<'_, Result<()>>>, most: usize) -> Result<()> {
    stream::iter(work).map(Ok).try_for_each_concurrent(most, |one| one).await
}

named! {
    /// Why a request is made; for statistics and for progress.
    #[non_exhaustive]
    pub enum Purpose {
        /// `GET /v2/` to learn the challenge.
        Ping = "ping",
        /// A token of an authorization service.
        Token = "token",
        /// A manifest or index.
        Manifest = "manifest",
        /// A referrers list.
        Referrers = "referrers",
        /// A whole blob: config, zTOC, layer without index.
        Blob = "blob",
        /// A range of a blob.
        Range = "range",
        /// A request of the caller's own.
        Own = "own",
    }
}

named! {
    /// An HTTP method. A reader needs `GET`, `HEAD`, and `POST` for refresh-token grants.
    #[non_exhaustive]
    pub enum Method {
        /// `GET`
        Get = "GET",
        /// `HEAD`
        Head = "HEAD",
        /// `POST`
        Post = "POST",
        /// `PUT`
        Put = "PUT",
        /// `PATCH`
        Patch = "PATCH",
        /// `DELETE`
        Delete = "DELETE",
    }
}

impl Method {
    /// The method of that name.
    pub fn parse(name: &str) -> Option<Method> {
        Method::ALL.iter().copied().find(|method| method.as_str() == name)
    }
    /// Whether it asks for something, and changes nothing (RFC 9110 section 9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }
}

/// One HTTP request.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Absolute URL, `http` or `https`.
    pub url: String,
    /// Header names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body of a POST.
    pub body: Option<Vec<u8>>,
    /// Why it is made.
    pub purpose: Purpose,
}

/// The answer's head; the body follows as a stream.
pub struct Response {
    /// HTTP status. 3xx are answers as any other where [`Transport::follows_redirects`] is false.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The URL that answered, after redirects that the transport itself followed.
    pub url: String,
    /// True where the platform hides headers that CORS did not expose (a browser, another origin), so that
    /// a missing header proves nothing.
    pub headers_filtered: bool,
    /// The body.
    pub body: ByteStream,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Platform interface of the library. `?Send`: wasm has one thread; natively use a
/// single-threaded executor (e.g. tokio's `LocalSet`).
pub trait Transport {
    /// Sends a request. `Err` only where no answer came (`NETWORK`, or `ABORTED`); any status is `Ok`. An error that is
    /// [given up](crate::error::Error::given_up) says that the other side spoke TLS but is not trusted: it is not tried
    /// without.
    /// The future and the body own what they need; dropping either cancels the request.
    fn send(&self, request: Request) -> LocalBoxFuture<'static, Result<Response>>;
    /// Waits.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// A random number in `[0, 1)`, for jitter only.
    fn random(&self) -> f64;
    /// Whether redirects are followed by the platform before an answer is seen (browsers), rather than
    /// being given out as 3xx answers. A POST is never redirected: that is an error, or a 3xx answer.
    fn follows_redirects(&self) -> bool {
        false
    }
    /// Whether a body is decoded as its `Content-Encoding` says before it is given out, as by `fetch`. Where that is a mere
    /// label of the blob, its bytes are lost then. A request with `Accept-Encoding: identity, *;q=0` wants them as they come.
    fn decodes(&self) -> bool {
        false
    }
    /// Runs `work` beside what is asked for. A platform that cannot gives it back: it is driven by whoever asks next.
    fn spawn(&self, work: LocalBoxFuture<'static, ()>) -> Option<LocalBoxFuture<'static, ()>> {
        Some(work)
    }
    /// SHA-256 of bytes in memory; a platform with a faster one than the library's own overrides it.
    fn sha256(&self, data: Bytes) -> LocalBoxFuture<'static, [u8; 32]> {
        use sha2::Digest as _;
        Box::pin(async move { sha2::Sha256::digest(&data).into() })
    }
}
