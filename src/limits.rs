//! Named limits. Each is checked before the allocation or request that it bounds.

use crate::error::{Error, Result};

/// Bounds on what untrusted input may cost. Over one, the error is `LIMIT_EXCEEDED` and
/// names the field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest manifest, image index, config, SOCI index or referrers page, in bytes. Default 4 MiB,
    /// which is what registries accept.
    pub max_manifest_size: u64,
    /// Most values (objects, arrays, strings, numbers …) in one such document. Default 500,000.
    pub max_json_values: u64,
    /// Largest zTOC, in bytes. Default 512 MiB.
    pub max_ztoc_size: u64,
    /// Most entries of one layer. Default 4,000,000.
    pub max_entries: u64,
    /// Most bytes of names, link names, owners and xattrs of one layer. Default 512 MiB.
    pub max_name_bytes: u64,
    /// Longest path or link name of one entry, in bytes. Default 64 KiB.
    pub max_path_len: u64,
    /// Largest metadata of a layer, or of an image that has it in one piece, in a lazy format other than SOCI, in bytes,
    /// unpacked. Default 512 MiB.
    pub max_metadata_size: u64,
    /// Largest directory of an ext4 file system, in bytes. Default 64 MiB, which is some 2,000,000 short names.
    pub max_directory_size: u64,
    /// Largest block device that an image may be, in bytes. Default 16 TiB: of it, only what is needed is read.
    pub max_disk_size: u64,
    /// Most blocks of one ZFile, each 4 KiB in most cases. Default 16,777,216; their table takes 4 bytes each.
    pub max_zfile_blocks: u64,
    /// Most segments of one LSMT layer. Default 1,000,000, which is what OverlayBD opens.
    pub max_lsmt_segments: u64,
    /// Most spans of one layer. Default 1,000,000.
    pub max_spans: u64,
    /// Largest span, inflated, in bytes. Default 256 MiB.
    pub max_span_size: u64,
    /// Largest layer without an index that is fetched whole, compressed, in bytes. Default 64 MiB.
    pub max_whole_layer_size: u64,
    /// Largest layer without an index, inflated, in bytes. Default 1 GiB.
    pub max_whole_layer_inflated: u64,
    /// Largest plain zstd layer that is streamed to list it and for each read, compressed, in bytes. Default 1 GiB.
    pub max_streamed_layer_size: u64,
    /// Largest tar of such a layer, in bytes. Default 16 GiB: it streams past, so this bounds only time.
    pub max_streamed_layer_inflated: u64,
    /// Largest layer without an index that one is built of when it is opened, compressed, in bytes. Default 16 GiB.
    pub max_build_layer_size: u64,
    /// Largest tar of a layer that an index is built of, in bytes. Default 1 TiB: it streams past, so this bounds only
    /// the time that a layer made to inflate without end can take.
    pub max_build_inflated: u64,
    /// Largest window that a Zstandard frame of a layer may declare, in bytes. Default 128 MiB, which is what
    /// zstd(1) accepts without being asked for more; usual layers need 8 MiB at most.
    pub max_zstd_window: u64,
    /// Largest PAX or GNU extended header of one entry, in bytes. Default 1 MiB.
    pub max_tar_header_size: u64,
    /// Largest file that `read_file` gives as one buffer, in bytes. Default 1 GiB. Streams have no limit.
    pub max_file_size: u64,
    /// Inflated spans kept for later reads, in bytes, over all layers of an image. Default 64 MiB.
    pub span_cache_size: u64,
    /// Compressed bytes that one Range request asks for at most. Default 16 MiB.
    pub max_range_request: u64,
    /// Symbolic links followed in one look-up. Default 40, as Linux does.
    pub max_link_hops: u32,
    /// Look-ups of a name in a layer that finding one path costs, links and `..` included; names and paths of some
    /// hundred bytes count for several. Default 1,000,000; a path of 20 components in an image of 100 layers needs some
    /// thousands.
    pub max_lookup_steps: u64,
    /// Folders inside each other that a walk goes down. Default 2,048: no path on Linux is deeper (`PATH_MAX`).
    pub max_depth: u64,
    /// States of a pattern that one walk looks at, over all names: at most the pattern's length times the names'.
    /// Default 1,000,000,000; a million names and a usual pattern need some 100,000,000.
    pub max_glob_steps: u64,
    /// Components of link targets walked while the entries of one layer whose names lead over its own symbolic
    /// links are put in their places. Default 4,000,000.
    pub max_link_steps: u64,
    /// Most layers of an image. Default 1,000.
    pub max_layers: u64,
    /// Most manifests listed by one index or referrers answer. Default 10,000.
    pub max_index_entries: u64,
    /// Tries of one request, the first included. Default 4.
    pub max_attempts: u32,
    /// How long a connection may give nothing, neither an answer's head nor bytes of its body, while they are waited
    /// for, in milliseconds. Default 30,000; then that try has failed, and the next one goes on where it stopped.
    /// Time in which the caller does not ask for bytes does not count. 0 waits for ever.
    pub max_idle_ms: u64,
    /// How long a cache may take to answer, in milliseconds. Default 3,000; then it is as if it had nothing, and where
    /// that is so again and again it is not asked any more. 0 waits for ever.
    pub max_cache_ms: u64,
    /// Longest wait that a `Retry-After` may ask for, in seconds. Default 30; a longer one is the error
    /// `RATE_LIMITED`.
    pub max_retry_after: u32,
    /// Redirects followed for one request. Default 5.
    pub max_redirects: u32,
    /// Pages of one referrers answer. Default 100.
    pub max_referrers_pages: u32,
    /// Where a server ignores Range and sends everything: how far into it may be read for the wanted bytes, in
    /// bytes. Default 1 MiB; further is the error `RANGE_NOT_SUPPORTED`.
    pub max_range_overfetch: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Limits {
            max_manifest_size: 4 * MIB,
            max_json_values: 500_000,
            max_ztoc_size: 512 * MIB,
            max_entries: 4_000_000,
            max_name_bytes: 512 * MIB,
            max_path_len: 64 << 10,
            max_metadata_size: 512 * MIB,
            max_directory_size: 64 * MIB,
            max_disk_size: MIB << 24,
            max_zfile_blocks: 1 << 24,
            max_lsmt_segments: 1_000_000,
            max_spans: 1_000_000,
            max_span_size: 256 * MIB,
            max_whole_layer_size: 64 * MIB,
            max_whole_layer_inflated: 1024 * MIB,
            max_streamed_layer_size: 1024 * MIB,
            max_streamed_layer_inflated: 16 * 1024 * MIB,
            max_build_layer_size: 16 * 1024 * MIB,
            max_build_inflated: MIB << 20,
            max_zstd_window: 128 * MIB,
            max_tar_header_size: MIB,
            max_file_size: 1024 * MIB,
            span_cache_size: 64 * MIB,
            max_range_request: 16 * MIB,
            max_link_hops: 40,
            max_lookup_steps: 1_000_000,
            max_depth: 2_048,
            max_glob_steps: 1_000_000_000,
            max_link_steps: 4_000_000,
            max_layers: 1_000,
            max_index_entries: 10_000,
            max_attempts: 4,
            max_idle_ms: 30_000,
            max_cache_ms: 3_000,
            max_retry_after: 30,
            max_redirects: 5,
            max_referrers_pages: 100,
            max_range_overfetch: MIB,
        }
    }
}

impl Limits {
    /// `Ok` while `wanted <= allowed`, else `LIMIT_EXCEEDED` naming `name`.
    pub(crate) fn check(name: &'static str, wanted: u64, allowed: u64) -> Result<()> {
        if wanted > allowed { Err(Error::limit(name, wanted, allowed)) } else { Ok(()) }
    }
}
