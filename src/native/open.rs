//! Opening by name: which source it means, and how that is reached.

use std::fmt;
use std::rc::Rc;

use super::docker::DockerCredentials;
use crate::error::{Code, Error, Result};
use crate::format::oci::Reference;
use crate::image::{Image, OpenOptions};
use crate::net::native::HttpTransport;
use crate::net::registry::{CredentialSource, Registry, RegistryOptions};
use crate::net::stats::Stats;
use crate::net::transport::Transport;
use crate::source::layout::{FileAccess, Files, FolderFiles, Layout, TarFiles};
use crate::source::{Source, Target};

/// Options of [`open_with`]; each has a default.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// How the image is opened. Its limits hold for the registry, too.
    pub image: OpenOptions,
    /// How its registry is reached.
    pub registry: RegistryOptions,
    /// Credentials for its registry. `None`: [`DockerCredentials`].
    pub credentials: Option<Rc<dyn CredentialSource>>,
    /// How requests leave. `None`: an [`HttpTransport`]. Clones of one share their connections.
    pub transport: Option<Rc<dyn Transport>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Options::default()
    }

    /// Sets how the image is opened.
    #[must_use]
    pub fn image(mut self, options: OpenOptions) -> Self {
        self.image = options;
        self
    }

    /// Sets how its registry is reached.
    #[must_use]
    pub fn registry(mut self, options: RegistryOptions) -> Self {
        self.registry = options;
        self
    }

    /// Sets the credentials for its registry.
    #[must_use]
    pub fn credentials(mut self, credentials: impl CredentialSource + 'static) -> Self {
        self.credentials = Some(Rc::new(credentials));
        self
    }

    /// Sets how requests leave.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Rc::new(transport));
        self
    }
}

/// Opens the image that `name` names: a reference as Docker users write it (`alpine`, `ghcr.io/owner/app:1`), or
/// `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`. Requests leave by [`HttpTransport`], with the
/// credentials that `docker login` or `podman login` left where the registry wants some, and of an index the image for this
/// machine is taken.
///
/// ```no_run
/// # async fn f() -> ocipeek::error::Result<()> {
/// let image = ocipeek::open("ghcr.io/owner/app:1").await?;
/// let (stat, bytes) = image.read_file(b"/etc/os-release", None).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `INVALID_REFERENCE`, and those of [`Image::open`].
pub async fn open(name: &str) -> Result<Image> {
    open_with(name, Options::default()).await
}

/// As [`open`], in another way than by default.
///
/// ```no_run
/// use ocipeek::native::Options;
/// use ocipeek::net::registry::Credentials;
///
/// # async fn f() -> ocipeek::error::Result<()> {
/// let options = Options::new().credentials(Credentials::basic("user", "token"));
/// let image = ocipeek::open_with("ghcr.io/owner/app:1", options).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of [`open`].
pub async fn open_with(name: &str, options: Options) -> Result<Image> {
    let Options { mut image, mut registry, credentials, transport } = options;
    let transport = transport.unwrap_or_else(|| Rc::new(HttpTransport::new()));
    let limits = &image.limits;
    let (source, target): (Rc<dyn Source>, Target) = match local(name)? {
        Some((kind, path, tag)) => {
            let stats = Stats::default();
            let files: Rc<dyn Files> = match kind {
                Kind::Folder => Rc::new(FolderFiles::open(path)?),
                Kind::Archive | Kind::Saved => {
                    Rc::new(TarFiles::open(Rc::new(FileAccess::open(path)?), limits, &stats).await?)
                }
            };
            let layout = match kind {
                Kind::Saved => Layout::open_saved(files, limits.clone(), stats).await?,
                Kind::Folder | Kind::Archive => Layout::open(files, limits.clone(), stats).await?,
            };
            (Rc::new(layout), target_of(tag.or(image.tag.as_deref())))
        }
        None => {
            let reference: Reference = name.parse()?;
            registry.limits = limits.clone();
            image.tag = image.tag.or_else(|| reference.tag.clone());
            let credentials = credentials.unwrap_or_else(|| Rc::new(DockerCredentials::new()));
            let client =
                Registry::new(transport.clone(), &reference, Some(credentials), registry, Stats::default())?;
            (Rc::new(client), reference.target())
        }
    };
    Image::open(source, transport, &target, image).await
}

/// What lies on this machine, as skopeo names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    Archive,
    Saved,
}

const KINDS: [(&str, Kind); 3] =
    [("oci:", Kind::Folder), ("oci-archive:", Kind::Archive), ("docker-archive:", Kind::Saved)];

/// Splits `oci:PATH[:TAG]` and the like, as skopeo does: at the first colon, a drive letter's apart. `None` for references
/// to registries.
fn local(name: &str) -> Result<Option<(Kind, &str, Option<&str>)>> {
    let found = KINDS.into_iter().find_map(|(prefix, kind)| Some((kind, name.strip_prefix(prefix)?)));
    let Some((kind, rest)) = found else { return Ok(None) };
    let drive = match rest.as_bytes() {
        [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic() => 2,
        _ => 0,
    };
    let digest = rest.split_once("@sha256:").map(|(path, _)| path.len());
    let (path, tag) = match digest {
        Some(at) => (rest.get(..at), rest.get(at + 1..)),
        None => match rest.get(drive..).and_then(|rest| rest.find(':')) {
            Some(at) => (rest.get(..drive + at), rest.get(drive + at + 1..)),
            None => (Some(rest), None),
        },
    };
    match (path, tag) {
        (Some(path), tag) if !path.is_empty() && tag != Some("") => Ok(Some((kind, path, tag))),
        _ => {
            let text = format!("no path, or an empty name behind it, in {name:?}");
            Err(Error::new(Code::InvalidReference, text))
        }
    }
}

/// The image of a layout: by digest, by name, or the only one.
fn target_of(tag: Option<&str>) -> Target {
    match tag {
        None => Target::Only,
        Some(tag) => tag.parse().map_or_else(|_| Target::Tag(tag.to_string()), Target::Digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_lies_here() {
        let hex = "a".repeat(64);
        let digest = format!("oci:/a:b@sha256:{hex}");
        let cases: [(&str, Kind, &str, Option<&str>); 7] = [
            ("oci:dir", Kind::Folder, "dir", None),
            ("oci:./dir:1.2", Kind::Folder, "./dir", Some("1.2")),
            ("oci-archive:a.tar:ghcr.io/o/a:1", Kind::Archive, "a.tar", Some("ghcr.io/o/a:1")),
            ("docker-archive:/a.tar.gz", Kind::Saved, "/a.tar.gz", None),
            (r"oci:C:\a:b", Kind::Folder, r"C:\a", Some("b")),
            ("oci:C:/a", Kind::Folder, "C:/a", None),
            ("oci:c:d", Kind::Folder, "c", Some("d")),
        ];
        for (name, kind, path, tag) in cases {
            assert_eq!(local(name).unwrap(), Some((kind, path, tag)), "{name}");
        }
        let (_, path, tag) = local(&digest).unwrap().unwrap();
        assert_eq!(path, "/a:b");
        assert!(matches!(target_of(tag), Target::Digest(_)));
        assert!(matches!(target_of(Some("1.2")), Target::Tag(tag) if tag == "1.2"));
        for name in ["alpine", "ghcr.io/o/a:1", "localhost:5000/oci:1", "oci/a"] {
            assert_eq!(local(name).unwrap(), None, "{name}");
        }
        for name in ["oci:", "oci::tag", "oci:a:", "docker-archive:"] {
            assert_eq!(local(name).unwrap_err().code(), Code::InvalidReference, "{name}");
        }
    }
}
