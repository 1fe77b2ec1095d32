//! Options of a build.

/// The span size that the reference uses where none is asked for: 4 MiB.
pub const DEFAULT_SPAN_SIZE: u64 = 4 << 20;
/// The build tool that the reference states by default in zTOCs and indexes.
pub const DEFAULT_BUILD_TOOL: &str = "AWS SOCI CLI v0.2";

/// Options of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildOptions {
    /// Least bytes of the tar between two checkpoints of a gzip layer; of a tar, the size of a span. At least 1.
    pub span_size: u64,
    /// What the zTOC says made it. Part of its bytes, so tools that shall agree on digests must agree on it.
    pub build_tool: String,
    /// Whether to compute the digest of the tar, the layer's diff id, too.
    pub diff_id: bool,
}

setters! {
    BuildOptions {
        span_size: u64,
        build_tool: String,
        diff_id: bool,
    }
}

impl Default for BuildOptions {
    /// As the reference builds; with the diff id.
    fn default() -> Self {
        BuildOptions {
            span_size: DEFAULT_SPAN_SIZE,
            build_tool: DEFAULT_BUILD_TOOL.to_owned(),
            diff_id: true,
        }
    }
}
