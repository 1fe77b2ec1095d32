//! The one error type: a stable code, a sentence, what it concerns, and what would help.

#[cfg(all(target_arch = "wasm32", feature = "js"))]
use std::any::Any;
use std::fmt;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
use std::rc::Rc;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

named! {
    /// What went wrong, as a name that does not change between releases.
    #[non_exhaustive]
    pub enum Code {
        /// The registry or layout does not hold what was asked for (HTTP 404).
        NotFound = "NOT_FOUND",
        /// Credentials are missing or refused (HTTP 401).
        Unauthorized = "UNAUTHORIZED",
        /// The credentials do not allow it (HTTP 403).
        Forbidden = "FORBIDDEN",
        /// The registry still says "slow down" after all retries (HTTP 429).
        RateLimited = "RATE_LIMITED",
        /// The server answers a Range request with something else than that range.
        RangeNotSupported = "RANGE_NOT_SUPPORTED",
        /// Bytes do not have the digest or size that their descriptor states.
        DigestMismatch = "DIGEST_MISMATCH",
        /// A manifest, index or config is not what the OCI or SOCI specification says.
        CorruptManifest = "CORRUPT_MANIFEST",
        /// A zTOC contradicts itself, its layer, or the format.
        CorruptZtoc = "CORRUPT_ZTOC",
        /// A layer's gzip, zstd or tar data is broken, or differs from its zTOC.
        CorruptLayer = "CORRUPT_LAYER",
        /// A named limit of [`Limits`](crate::limits::Limits) would be exceeded.
        LimitExceeded = "LIMIT_EXCEEDED",
        /// Valid, but of a kind that this library cannot read.
        Unsupported = "UNSUPPORTED",
        /// The caller stopped it.
        Aborted = "ABORTED",
        /// No usable answer from the network after all retries.
        Network = "NETWORK",
        /// Not an image reference.
        InvalidReference = "INVALID_REFERENCE",
        /// An argument of the caller is out of its domain.
        InvalidArgument = "INVALID_ARGUMENT",
        /// No such file or directory in the image.
        Enoent = "ENOENT",
        /// A component of the path is not a directory.
        Enotdir = "ENOTDIR",
        /// The path is a directory.
        Eisdir = "EISDIR",
        /// More than 40 symbolic links on the way.
        Eloop = "ELOOP",
        /// The operation does not fit the file's type (POSIX `EINVAL`).
        Einval = "EINVAL",
        /// A module of the library failed in the middle of something.
        Internal = "INTERNAL",
    }
}

/// A way out of an error, as data: each interface words it for its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Raising the limit that [`Error::limit_name`] names: to this at least, as far as is known.
    RaiseLimit(u64),
    /// Closing images that are not needed, which gives memory back.
    CloseImages,
    /// Reading without verification, lazily.
    ReadUnverified,
    /// Reading chunks without verification of which the layer's table of contents states no digest.
    ReadUnverifiedChunks,
    /// Opening the image without a SOCI index.
    WithoutIndex,
    /// Making use of what is merely attached to the image.
    UseAttached,
    /// Having an index built, which streams the layer once.
    BuildIndex,
    /// Building a SOCI index of the image.
    MakeIndex,
    /// Making an image that holds a SOCI index.
    ConvertToSoci,
    /// Converting the image's layers to zstd:chunked.
    ConvertToChunked,
    /// The reader that reads layers by a SOCI index or as they are.
    PlainReader,
    /// Another build of the library, which reads this format.
    OtherBuild(&'static str),
    /// Unpacking the archive.
    Unpack,
    /// Ending a URL with a tag or digest, so that it is a reference.
    NameTag,
    /// Trusting the token service that the message names with credentials.
    TrustTokenHost,
    /// Signing in.
    SignIn,
    /// Trying again later.
    TryLater,
}

impl Remedy {
    /// The name as callers of every language see it, e.g. `raise-limit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Remedy::RaiseLimit(_) => "raise-limit",
            Remedy::CloseImages => "close-images",
            Remedy::ReadUnverified => "read-unverified",
            Remedy::ReadUnverifiedChunks => "read-unverified-chunks",
            Remedy::WithoutIndex => "without-index",
            Remedy::UseAttached => "use-attached",
            Remedy::BuildIndex => "build-index",
            Remedy::MakeIndex => "make-index",
            Remedy::ConvertToSoci => "convert-to-soci",
            Remedy::ConvertToChunked => "convert-to-chunked",
            Remedy::PlainReader => "plain-reader",
            Remedy::OtherBuild(_) => "other-build",
            Remedy::Unpack => "unpack",
            Remedy::NameTag => "name-tag",
            Remedy::TrustTokenHost => "trust-token-host",
            Remedy::SignIn => "sign-in",
            Remedy::TryLater => "try-later",
        }
    }
}

/// What to do, in words for users of the crate.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remedy::RaiseLimit(_) => "raise that limit if you trust the image",
            Remedy::CloseImages => "close images that are not needed",
            Remedy::ReadUnverified => "set OpenOptions::verify to false to read it lazily",
            Remedy::ReadUnverifiedChunks => "set OpenOptions::verify to false to read it all the same",
            Remedy::WithoutIndex => {
                "set OpenOptions::soci to SociChoice::None to read its layers as they are"
            }
            Remedy::UseAttached => "set OpenOptions::attached_index",
            Remedy::BuildIndex => "give OpenOptions::indexer, which streams the layer once",
            Remedy::MakeIndex => "build a SOCI index of the image",
            Remedy::ConvertToSoci => "convert the image to one that has a SOCI index",
            Remedy::ConvertToChunked => "convert the image's layers to zstd:chunked",
            Remedy::PlainReader => "set OpenOptions::reader to Reader::Soci",
            Remedy::OtherBuild(format) => return write!(f, "build the library with what reads {format}"),
            Remedy::NameTag => "open it as a reference, with a tag or digest",
            Remedy::Unpack => "unpack it, and open the tar",
            Remedy::TrustTokenHost => "list that host in RegistryOptions::token_hosts if you trust it",
            Remedy::SignIn => "sign in",
            Remedy::TryLater => "try again later",
        })
    }
}

/// An error: a [`Code`], a sentence, what it concerns, and [what would help](Error::remedies).
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
    allowed: Option<u64>,
    remedies: Vec<Remedy>,
    status: Option<u16>,
    retry_after: Option<u32>,
    given_up: bool,
    #[cfg(all(target_arch = "wasm32", feature = "js"))]
    cause: Option<Rc<dyn Any>>,
}

impl Error {
    /// An error of `code` with a sentence that says what happened.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            code,
            message: message.into(),
            reference: None,
            digest: None,
            path: None,
            offset: None,
            limit: None,
            allowed: None,
            remedies: Vec::new(),
            status: None,
            retry_after: None,
            given_up: false,
            #[cfg(all(target_arch = "wasm32", feature = "js"))]
            cause: None,
        }))
    }

    /// `LIMIT_EXCEEDED`, naming the field of [`Limits`](crate::limits::Limits), what was
    /// asked for and what is allowed.
    pub fn limit(name: &'static str, wanted: u64, allowed: u64) -> Self {
        let mut e = Error::new(Code::LimitExceeded, wanted.to_string()).with_limit(name, allowed);
        e.0.remedies.push(Remedy::RaiseLimit(wanted));
        e
    }

    /// Names the limit that its sentence, as it is then, is over.
    pub(crate) fn with_limit(mut self, name: &'static str, allowed: u64) -> Self {
        self.0.allowed = Some(allowed);
        self.with_limit_name(name)
    }

    /// Names the limit that its sentence mentions.
    pub(crate) fn with_limit_name(mut self, name: &'static str) -> Self {
        self.0.limit = Some(name);
        self
    }

    /// Adds what would help, after what was added before.
    #[must_use]
    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        if !self.0.remedies.contains(&remedy) {
            self.0.remedies.push(remedy);
        }
        self
    }

    /// Says it in other words, for those who know more of the case.
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same of another code.
    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.0.code = code;
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
    #[cfg(all(target_arch = "wasm32", feature = "js"))]
    pub(crate) fn with_cause(mut self, cause: Rc<dyn Any>) -> Self {
        self.0.cause.get_or_insert(cause);
        self
    }

    /// The host's exception that led here.
    #[cfg(all(target_arch = "wasm32", feature = "js"))]
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
    /// The sentence alone, without what it concerns and what would help; where a limit is exceeded, what is over it.
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
    /// What the limit that was exceeded allows.
    pub fn limit_allows(&self) -> Option<u64> {
        self.0.allowed
    }
    /// What would help, each for itself.
    pub fn remedies(&self) -> &[Remedy] {
        &self.0.remedies
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
        if let (Some(name), Some(allowed)) = (self.0.limit, self.0.allowed) {
            write!(f, " is over the limit {name} = {allowed}")?;
        }
        for (i, remedy) in self.0.remedies.iter().enumerate() {
            write!(f, "{}{remedy}", if i == 0 { "; " } else { ", or " })?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_is_over_which_limit_and_what_would_help() {
        let e = Error::limit("max_whole_layer_size", 30, 24);
        assert_eq!((e.limit_name(), e.limit_allows()), (Some("max_whole_layer_size"), Some(24)));
        assert_eq!(e.remedies(), [Remedy::RaiseLimit(30)]);
        assert_eq!(
            e.to_string(),
            "LIMIT_EXCEEDED: 30 is over the limit max_whole_layer_size = 24; raise that limit if you trust the image"
        );
        let e =
            e.with_message("the layer's size").with_remedy(Remedy::MakeIndex).with_remedy(Remedy::MakeIndex);
        assert_eq!(
            e.with_path(b"a\n").with_offset(3).to_string(),
            "LIMIT_EXCEEDED: \"a\\n\": the layer's size is over the limit max_whole_layer_size = 24; raise that limit if \
             you trust the image, or build a SOCI index of the image [offset 3]"
        );
    }
}
