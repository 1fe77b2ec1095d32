//! Named limits. Each is checked before the allocation or request that it bounds.

use crate::error::{Error, Result};

const MIB: u64 = 1 << 20;

/// The limits with their defaults.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $of:ty = $default:expr,)*) => {
        /// Bounds on what untrusted input may cost. Over one, the error is `LIMIT_EXCEEDED` and
        /// names the field.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits { $($(#[$doc])* pub $name: $of,)* }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($name: $default,)* }
            }
        }

        #[cfg(all(target_arch = "wasm32", feature = "js"))]
        impl Limits {
            /// The names of all.
            pub(crate) const NAMES: &[&str] = &[$(stringify!($name),)*];

            /// Sets one by its name. `None` where there is no such limit, false where the value does not fit.
            pub(crate) fn set(&mut self, name: &str, value: u64) -> Option<bool> {
                // By number, as forty comparisons with constants are two kilobytes of .wasm.
                #[allow(non_camel_case_types, reason = "they are called as the fields are")]
                enum Number { $($name,)* }
                match Self::NAMES.iter().position(|known| *known == name)? {
                    $(at if at == Number::$name as usize => {
                        Some(value.try_into().map(|value| self.$name = value).is_ok())
                    })*
                    _ => None,
                }
            }
        }
    };
}

limits! {
    /// Largest manifest, image index, config, SOCI index or referrers page, in bytes. Default 4 MiB,
    /// which is what registries accept.
    max_manifest_size: u64 = 4 * MIB,
    /// Most values (objects, arrays, strings, numbers …) in one such document. Default 500,000.
    max_json_values: u64 = 500_000,
    /// Largest zTOC, in bytes. Default 512 MiB.
    max_ztoc_size: u64 = 512 * MIB,
    /// Most entries of one layer. Default 4,000,000.
    max_entries: u64 = 4_000_000,
    /// Most bytes of names, link names, owners and xattrs of one layer. Default 512 MiB.
    max_name_bytes: u64 = 512 * MIB,
    /// Longest path or link name of one entry, in bytes. Default 64 KiB.
    max_path_len: u64 = 64 << 10,
    /// Largest metadata of a layer, or of an image that has it in one piece, in a lazy format other than SOCI, in bytes,
    /// unpacked. Default 512 MiB.
    max_metadata_size: u64 = 512 * MIB,
    /// Largest directory of an ext4 file system, in bytes. Default 64 MiB, which is some 2,000,000 short names.
    max_directory_size: u64 = 64 * MIB,
    /// Largest block device that an image may be, in bytes. Default 16 TiB: of it, only what is needed is read.
    max_disk_size: u64 = MIB << 24,
    /// Most blocks of one ZFile, each 4 KiB in most cases. Default 16,777,216; their table takes 4 bytes each.
    max_zfile_blocks: u64 = 1 << 24,
    /// Most segments of one LSMT layer. Default 1,000,000, which is what OverlayBD opens.
    max_lsmt_segments: u64 = 1_000_000,
    /// Most spans of one layer. Default 1,000,000.
    max_spans: u64 = 1_000_000,
    /// Largest span, inflated, in bytes. Default 256 MiB.
    max_span_size: u64 = 256 * MIB,
    /// Largest layer without an index that is fetched whole, compressed, in bytes. Default 64 MiB.
    max_whole_layer_size: u64 = 64 * MIB,
    /// Largest layer without an index, inflated, in bytes. Default 1 GiB.
    max_whole_layer_inflated: u64 = 1024 * MIB,
    /// Largest plain zstd layer that is streamed to list it and for each read, compressed, in bytes. Default 1 GiB.
    max_streamed_layer_size: u64 = 1024 * MIB,
    /// Largest tar of such a layer, in bytes. Default 16 GiB: it streams past, so this bounds only time.
    max_streamed_layer_inflated: u64 = 16 * 1024 * MIB,
    /// Largest layer without an index that one is built of when it is opened, compressed, in bytes. Default 16 GiB.
    max_build_layer_size: u64 = 16 * 1024 * MIB,
    /// Largest tar of a layer that an index is built of, in bytes. Default 1 TiB: it streams past, so this bounds only
    /// the time that a layer made to inflate without end can take.
    max_build_inflated: u64 = MIB << 20,
    /// Largest window that a Zstandard frame of a layer may declare, in bytes. Default 128 MiB, which is what
    /// zstd(1) accepts without being asked for more; usual layers need 8 MiB at most.
    max_zstd_window: u64 = 128 * MIB,
    /// Largest PAX or GNU extended header of one entry, in bytes. Default 1 MiB.
    max_tar_header_size: u64 = MIB,
    /// Largest file that `read_file` gives as one buffer, in bytes. Default 1 GiB. Streams have no limit.
    max_file_size: u64 = 1024 * MIB,
    /// Inflated spans kept for later reads, in bytes, over all layers of an image. Default 64 MiB.
    span_cache_size: u64 = 64 * MIB,
    /// Compressed bytes that one Range request asks for at most. Default 16 MiB.
    max_range_request: u64 = 16 * MIB,
    /// Symbolic links followed in one look-up. Default 40, as Linux does.
    max_link_hops: u32 = 40,
    /// Look-ups of a name in a layer that finding one path costs, links and `..` included; names and paths of some
    /// hundred bytes count for several. Default 1,000,000; a path of 20 components in an image of 100 layers needs some
    /// thousands.
    max_lookup_steps: u64 = 1_000_000,
    /// Folders inside each other that a walk goes down. Default 2,048: no path on Linux is deeper (`PATH_MAX`).
    max_depth: u64 = 2_048,
    /// States of a pattern that one walk looks at, over all names: at most the pattern's length times the names'.
    /// Default 1,000,000,000; a million names and a usual pattern need some 100,000,000.
    max_glob_steps: u64 = 1_000_000_000,
    /// Components of link targets walked while the entries of one layer whose names lead over its own symbolic
    /// links are put in their places. Default 4,000,000.
    max_link_steps: u64 = 4_000_000,
    /// Most layers of an image. Default 1,000.
    max_layers: u64 = 1_000,
    /// Most manifests listed by one index or referrers answer. Default 10,000.
    max_index_entries: u64 = 10_000,
    /// Tries of one request, the first included. Default 4.
    max_attempts: u32 = 4,
    /// How long a connection may give nothing, neither an answer's head nor bytes of its body, while they are waited
    /// for, in milliseconds. Default 30,000; then that try has failed, and the next one goes on where it stopped.
    /// Time in which the caller does not ask for bytes does not count. 0 waits for ever.
    max_idle_ms: u64 = 30_000,
    /// How long a cache may take to answer, in milliseconds. Default 3,000; then it is as if it had nothing, and where
    /// that is so again and again it is not asked any more. 0 waits for ever.
    max_cache_ms: u64 = 3_000,
    /// Longest wait that a `Retry-After` may ask for, in seconds. Default 30; a longer one is the error
    /// `RATE_LIMITED`.
    max_retry_after: u32 = 30,
    /// Redirects followed for one request. Default 5.
    max_redirects: u32 = 5,
    /// Pages of one referrers answer. Default 100.
    max_referrers_pages: u32 = 100,
    /// Where a server ignores Range and sends everything: how far into it may be read for the wanted bytes, in
    /// bytes. Default 1 MiB; further is the error `RANGE_NOT_SUPPORTED`.
    max_range_overfetch: u64 = MIB,
}

impl Limits {
    /// `Ok` while `wanted <= allowed`, else `LIMIT_EXCEEDED` naming `name`.
    pub(crate) fn check(name: &'static str, wanted: u64, allowed: u64) -> Result<()> {
        if wanted > allowed { Err(Error::limit(name, wanted, allowed)) } else { Ok(()) }
    }
}
