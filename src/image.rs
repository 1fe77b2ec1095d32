//! Open an image: resolve, manifest, index, root file system, read.
