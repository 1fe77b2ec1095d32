//! Vouchers of indexes.

named! {
    /// Who vouches for the index by which something is read, the weakest first. What an index says of names, links and
    /// whiteouts, and the windows from which its spans are inflated, are as good as its voucher, and no better: a span's digest is
    /// of its compressed bytes alone.
    #[derive(PartialOrd, Ord)]
    #[non_exhaustive]
    pub enum IndexVoucher {
        /// Whoever may write to the repository: it is attached to the image. Used where the caller agreed to that.
        Attached = "attached",
        /// We: it was built here, of bytes that had the layer's digest, and perhaps kept since in a cache that only we write.
        Own = "own",
        /// We: it is attached to the image, and was found to be equal to one that was built here.
        Checked = "checked",
        /// The caller, who named its digest.
        Named = "named",
        /// The image's manifest, which names its digest.
        Image = "image",
    }
}
