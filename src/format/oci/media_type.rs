//! Media types of OCI images (image spec, media-types.md) and of Docker's schema 2.

/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What a request for a manifest accepts, best first.
pub const ACCEPT_MANIFEST: &[&str] = &[OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST];

named! {
    /// How a layer is compressed.
    pub enum LayerCompression {
        /// A plain tar.
        None = "none",
        /// gzip, possibly of several members.
        Gzip = "gzip",
        /// zstd, possibly of several frames.
        Zstd = "zstd",
        /// The media type does not tell; the first bytes do. Docker's `rootfs.diff.tar` is one: some
        /// tools write it for compressed layers.
        Unknown = "unknown",
    }
}

/// What the media type of a layer says of its compression.
///
/// `None` where it is not a tar layer that can be read: encrypted, an artifact's blob, another format.
pub fn layer_compression(media_type: &str) -> Option<LayerCompression> {
    let media_type = essence(media_type);
    let (base, suffix) = match media_type.split_once('+') {
        Some((base, suffix)) => (base, Some(suffix)),
        None => (media_type.as_str(), None),
    };
    match base {
        "application/vnd.oci.image.layer.v1.tar"
        | "application/vnd.oci.image.layer.nondistributable.v1.tar" => match suffix {
            None => Some(LayerCompression::None),
            Some("gzip") => Some(LayerCompression::Gzip),
            Some("zstd") => Some(LayerCompression::Zstd),
            Some(_) => None,
        },
        _ if suffix.is_some() => None,
        "application/vnd.docker.image.rootfs.diff.tar"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar" => Some(LayerCompression::Unknown),
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Some(LayerCompression::Gzip),
        "application/vnd.docker.image.rootfs.diff.tar.zstd"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar.zstd" => Some(LayerCompression::Zstd),
        _ => None,
    }
}

/// What kind of document a manifest's media type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocKind {
    Index,
    Image,
    /// Docker schema 1.
    Schema1,
    /// A draft of OCI 1.1 that was withdrawn.
    ArtifactManifest,
    /// Says nothing: missing, `application/json`, a file server's guess.
    Unknown,
}

/// The kind of document that a `Content-Type` or `mediaType` names.
pub(crate) fn doc_kind(media_type: &str) -> DocKind {
    match essence(media_type).as_str() {
        OCI_INDEX | DOCKER_LIST => DocKind::Index,
        OCI_MANIFEST | DOCKER_MANIFEST => DocKind::Image,
        "application/vnd.docker.distribution.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v1+prettyjws" => DocKind::Schema1,
        "application/vnd.oci.artifact.manifest.v1+json" => DocKind::ArtifactManifest,
        _ => DocKind::Unknown,
    }
}

/// A media type without parameters, in lower case.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
