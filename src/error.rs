//! The one error type: a stable code, a sentence to act on, and what it concerns.

#[cfg(target_arch = "wasm32")]
use std::any::Any;
use std::fmt;
#[cfg(target_arch = "wasm32")]
use std::rc::Rc;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a name that does not change between releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The registry or layout does not hold what was asked for (HTTP 404).
    NotFound,
    /// Credentials are missing or refused (HTTP 401).
    Unauthorized,
    /// The credentials do not allow it (HTTP 403).
    Forbidden,
    /// The registry still says "slow down" after all retries (HTTP 429).
    RateLimited,
    /// The server answers a Range request with something else than that range.
    RangeNotSupported,
    /// Bytes do not have the digest or size that their descriptor states.
    DigestMismatch,
    /// A manifest, index or config is not what the OCI or SOCI specification says.
    CorruptManifest,
    /// A zTOC contradicts itself, its layer, or the format.
    CorruptZtoc,
    /// A layer's gzip, zstd or tar data is broken, or differs from its zTOC.
    CorruptLayer,
    /// A named limit of [`Limits`](crate::limits::Limits) would be exceeded.
    LimitExceeded,
    /// Valid, but of a kind that this library cannot read.
    Unsupported,
    /// The caller stopped it.
    Aborted,
    /// No usable answer from the network after all retries.
    Network,
    /// Not an image reference.
    InvalidReference,
    /// An argument of the caller is out of its domain.
    InvalidArgument,
    /// No such file or directory in the image.
    Enoent,
    /// A component of the path is not a directory.
    Enotdir,
    /// The path is a directory.
    Eisdir,
    /// More than 40 symbolic links on the way.
    Eloop,
    /// The operation does not fit the file's type (POSIX `EINVAL`).
    Einval,
    /// A module of the library failed in the middle of something.
    Internal,
}

impl Code {
    /// All of them.
    #[cfg(all(target_arch = "wasm32", feature = "reader"))]
    pub(crate) const ALL: [Code; 21] = [
        Code::NotFound,
        Code::Unauthorized,
        Code::Forbidden,
        Code::RateLimited,
        Code::RangeNotSupported,
        Code::DigestMismatch,
        Code::CorruptManifest,
        Code::CorruptZtoc,
        Code::CorruptLayer,
        Code::LimitExceeded,
        Code::Unsupported,
        Code::Aborted,
        Code::Network,
        Code::InvalidReference,
        Code::InvalidArgument,
        Code::Enoent,
        Code::Enotdir,
        Code::Eisdir,
        Code::Eloop,
        Code::Einval,
        Code::Internal,
    ];

    /// The code as callers of every language see it, e.g. `DIGEST_MISMATCH`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::NotFound => "NOT_FOUND",
            Code::Unauthorized => "UNAUTHORIZED",
            Code::Forbidden => "FORBIDDEN",
            Code::RateLimited => "RATE_LIMITED",
            Code::RangeNotSupported => "RANGE_NOT_SUPPORTED",
            Code::DigestMismatch => "DIGEST_MISMATCH",
            Code::CorruptManifest => "CORRUPT_MANIFEST",
            Code::CorruptZtoc => "CORRUPT_ZTOC",
            Code::CorruptLayer => "CORRUPT_LAYER",
            Code::LimitExceeded => "LIMIT_EXCEEDED",
            Code::Unsupported => "UNSUPPORTED",
            Code::Aborted => "ABORTED",
            Code::Network => "NETWORK",
            Code::InvalidReference => "INVALID_REFERENCE",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::Enoent => "ENOENT",
            Code::Enotdir => "ENOTDIR",
            Code::Eisdir => "EISDIR",
            Code::Eloop => "ELOOP",
            Code::Einval => "EINVAL",
            Code::Internal => "INTERNAL",
        }
    }
}

/// An error: a [`Code`], a sentence a person can act on, and what it concerns.
///
/// Never holds a secret: no credential, no token, no signed URL.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    message: String,
    reference: Option<String>,
    digest: Option<String>,
    path: Option<Vec<u8>>,
    offset: Option<u64>,
    limit: Option<&'static str>,
    format: Option<&'static str>,
    status: Option<u16>,
    retry_after: Option<u32>,
    given_up: bool,
    #[cfg(target_arch = "wasm32")]
    cause: Option<Rc<dyn Any>>,
}

impl Error {
    /// An error of `code` with a sentence that says what to do.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            code,
            message: message.into(),
            reference: None,
            digest: None,
            path: None,
            offset: None,
            limit: None,
            format: None,
            status: None,
            retry_after: None,
            given_up: false,
            #[cfg(target_arch = "wasm32")]
            cause: None,
        }))
    }

    /// `LIMIT_EXCEEDED`, naming the field of [`Limits`](crate::limits::Limits), what was
    /// asked for and what is allowed.
    pub fn limit(name: &'static str, wanted: u64, allowed: u64) -> Self {
        let mut e = Error::new(
            Code::LimitExceeded,
            format!("{wanted} is over the limit {name} = {allowed}; raise it if you trust the image"),
        );
        e.0.limit = Some(name);
        e
    }

    /// Names the limit that a message of another code mentions.
    pub(crate) fn with_limit(mut self, name: &'static str) -> Self {
        self.0.limit = Some(name);
        self
    }

    /// Names the image format that this build does not read.
    pub(crate) fn with_format(mut self, name: &'static str) -> Self {
        self.0.format = Some(name);
        self
    }

    /// Says it in other words, for those who know more of the case.
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Names the image reference concerned, unless one is named already.
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.0.reference.get_or_insert_with(|| reference.into());
        self
    }

    /// Names the blob concerned, unless one is named already.
    pub fn with_digest(mut self, digest: &dyn fmt::Display) -> Self {
        self.0.digest.get_or_insert_with(|| digest.to_string());
        self
    }

    /// Names the path in the image concerned, unless one is named already.
    pub fn with_path(mut self, path: &[u8]) -> Self {
        self.0.path.get_or_insert_with(|| path.to_vec());
        self
    }

    /// Names the byte offset concerned, unless one is named already.
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Notes the HTTP status that led here.
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status.get_or_insert(status);
        self
    }

    /// Notes for how many seconds the registry asked to wait.
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after.get_or_insert(seconds);
        self
    }

    /// Keeps the host's exception that led here.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn with_cause(mut self, cause: Rc<dyn Any>) -> Self {
        self.0.cause.get_or_insert(cause);
        self
    }

    /// The host's exception that led here.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn cause(&self) -> Option<&Rc<dyn Any>> {
        self.0.cause.as_ref()
    }

    /// Marks it as tried often enough, or not worth another try, so that no caller tries again: a transport says so of a
    /// certificate that is not trusted.
    #[must_use]
    pub fn given_up(mut self) -> Self {
        self.0.given_up = true;
        self
    }
    /// See [`Error::given_up`].
    pub(crate) fn is_given_up(&self) -> bool {
        self.0.given_up
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }
    /// The sentence alone, without what it concerns.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The image reference concerned.
    pub fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }
    /// The digest of the blob concerned.
    pub fn digest(&self) -> Option<&str> {
        self.0.digest.as_deref()
    }
    /// The path in the image concerned, as raw bytes.
    pub fn path(&self) -> Option<&[u8]> {
        self.0.path.as_deref()
    }
    /// The byte offset concerned.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }
    /// The field of [`Limits`](crate::limits::Limits) that was exceeded.
    pub fn limit_name(&self) -> Option<&'static str> {
        self.0.limit
    }
    /// The image format that another build of the library reads.
    pub fn format(&self) -> Option<&'static str> {
        self.0.format
    }
    /// The HTTP status that led here.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }
    /// For how many seconds the registry asked to wait.
    pub fn retry_after(&self) -> Option<u32> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.0.code.as_str())?;
        if let Some(path) = &self.0.path {
            // Escaped: names out of an image are an attacker's and errors end up in terminals.
            write!(f, "\"{}\": ", path.escape_ascii())?;
        }
        f.write_str(&self.0.message)?;
        if let Some(reference) = &self.0.reference {
            write!(f, " [{reference}]")?;
        }
        if let Some(digest) = &self.0.digest {
            write!(f, " [{digest}]")?;
        }
        if let Some(offset) = self.0.offset {
            write!(f, " [offset {offset}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
