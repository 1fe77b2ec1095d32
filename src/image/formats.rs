//! Which way of reading an image is chosen, by what its manifest tells of its format.

use std::rc::Rc;

use crate::error::{Code, Error, Remedy, Result};
use crate::format::lazy::{self, Format, FormatFound, Reader};
use crate::format::oci::{Descriptor, ImageManifest, LayerCompression, layer_compression};
use crate::layer::{Context, Layer};
use crate::limits::Limits;

/// What is chosen for an image.
pub(super) struct Chosen {
    reader: Reader,
    /// Where the image was found, unless it is the one that was asked for.
    found: Option<FormatFound>,
    /// The format that makes one tree of all layers.
    pub(super) merged: Option<Format>,
    #[cfg(feature = "estargz")]
    tocs: Rc<crate::layer::estargz::TocImage>,
}

/// Why this build does not read a format.
pub(super) fn unread(format: Format) -> Option<Error> {
    let name = format.as_str();
    let text = format!("the image is in the format {name}, which this build of the library does not read");
    let why = || Error::new(Code::Unsupported, text).with_remedy(Remedy::OtherBuild(name));
    (!format.is_built()).then(why)
}

/// Why this build does not read an image that another one reads.
pub(super) fn elsewhere(
    manifest: &ImageManifest,
    reader: Reader,
    limits: &Limits,
    verify: bool,
) -> Option<Error> {
    if reader != Reader::Auto {
        return None;
    }
    let format = lazy::of_image(manifest);
    if let Some(why) = format.and_then(unread) {
        return Some(why);
    }
    // Programs in Rust choose for themselves what they build; the package has another module for it.
    let is_streamed = cfg!(all(target_arch = "wasm32", feature = "js-reader", not(feature = "zstd-stream")))
        && format.is_none()
        && manifest.layers.iter().any(|l| is_streamed(reader, l, limits, verify));
    is_streamed.then(|| {
        let text = "a zstd layer of the image is not fetched whole, and this build of the library does not stream it";
        let e = Error::new(Code::Unsupported, text).with_remedy(Remedy::OtherBuild(Format::Zstd.as_str()));
        e.with_remedy(Remedy::PlainReader)
    })
}

/// Chooses for an image, of which `tag` is a tag. `UNSUPPORTED` where the image is not in the format that the caller named.
pub(super) fn choose(
    manifest: &ImageManifest,
    reader: Reader,
    found: Option<FormatFound>,
    _tag: Option<&str>,
) -> Result<Chosen> {
    let format = match reader {
        Reader::Auto => lazy::of_image(manifest),
        Reader::Soci => None,
        Reader::Format(format) => Some(format),
    };
    let merged = format.filter(|f| f.is_merged());
    #[cfg(any(feature = "extent", feature = "zstd-stream"))]
    if let Some(format) = format
        && format != Format::Estargz
        && !manifest.layers.iter().any(|l| match format {
            Format::Zstd => is_zstd(l),
            _ => lazy::of_layer(l) == Some(format),
        })
    {
        return Err(Error::new(
            Code::Unsupported,
            format!("the image is not in the format {}", format.as_str()),
        )
        .with_remedy(Remedy::UseAttached));
    }
    Ok(Chosen {
        reader,
        found,
        merged,
        #[cfg(feature = "estargz")]
        tocs: Rc::new(crate::layer::estargz::TocImage::of(_tag)),
    })
}

fn is_zstd(layer: &Descriptor) -> bool {
    layer_compression(&layer.media_type) == Some(LayerCompression::Zstd)
}

/// Whether a layer is a zstd layer that is streamed for each read, rather than fetched whole, where no format of its own is
/// made use of.
fn is_streamed(reader: Reader, layer: &Descriptor, limits: &Limits, verify: bool) -> bool {
    let wanted = match reader {
        Reader::Auto => !verify || layer.size > limits.max_whole_layer_size,
        Reader::Format(format) => format == Format::Zstd,
        Reader::Soci => false,
    };
    wanted && is_zstd(layer)
}

impl Chosen {
    /// The format by which a layer of its own is read.
    fn of_layer(&self, layer: &Descriptor) -> Option<Format> {
        let told = lazy::of_layer(layer).filter(|f| f.is_built() && !f.is_merged());
        match self.reader {
            Reader::Auto => told,
            // Its footer tells where no annotation does.
            Reader::Format(Format::Estargz) => Some(Format::Estargz),
            Reader::Format(format) => told.filter(|told| *told == format),
            Reader::Soci => None,
        }
    }

    /// The format that a layer is said to be in, read by that or not, and who says so.
    pub(super) fn format_of(&self, layer: &Descriptor) -> Option<(Format, FormatFound)> {
        let (format, found) = match (self.reader, self.merged) {
            (Reader::Format(format), _) => (format, FormatFound::Named),
            // One layer tells it for all.
            (_, Some(format)) => (format, FormatFound::Annotation),
            _ => (lazy::of_layer(layer)?, FormatFound::Annotation),
        };
        Some((format, self.found.unwrap_or(found)))
    }

    /// Whether an index of the image would be of use: not where all layers have a format that tells what it would.
    pub(super) fn needs_index(&self, manifest: &ImageManifest) -> bool {
        self.merged.is_none() && manifest.layers.iter().any(|l| self.of_layer(l).is_none())
    }

    /// How a layer is read: by its format, or as `plain` does. `id` is unique among the image's layers.
    pub(super) fn read(
        &self,
        _context: &Rc<Context>,
        _layer: &Descriptor,
        _id: usize,
        plain: Rc<dyn Layer>,
    ) -> Rc<dyn Layer> {
        // Also what comes after a format that was set aside.
        #[cfg(feature = "zstd-stream")]
        let plain: Rc<dyn Layer> = match plain.read_by() == crate::layer::ReadBy::Whole
            && is_streamed(self.reader, _layer, &_context.limits, _context.verify)
        {
            true => Rc::new(crate::layer::stream::StreamLayer::new(_context.clone(), _layer.clone(), _id)),
            false => plain,
        };
        #[cfg(feature = "estargz")]
        if let Some(format) = self.of_layer(_layer) {
            let (context, layer) = (_context.clone(), _layer.clone());
            let named = self.reader == Reader::Format(format);
            let parts = (plain, self.tocs.clone());
            return crate::layer::estargz::open(context, layer, _id, (format, named), parts);
        }
        plain
    }
}

/// The one tree of an image in `format`.
#[cfg(feature = "extent")]
pub(super) fn tree(
    _context: &Rc<Context>,
    _manifest: &ImageManifest,
    format: Format,
) -> Result<crate::layer::Tree> {
    match format {
        // None of the image's layers is read by itself.
        #[cfg(feature = "nydus")]
        Format::Nydus => crate::layer::nydus::open(_context, _manifest, 0),
        #[cfg(feature = "overlaybd")]
        Format::OverlayBd | Format::TurboOci => crate::layer::overlaybd::open(_context, _manifest, format, 0),
        _ => Err(Error::new(Code::Unsupported, format!("{} does not make one tree", format.as_str()))),
    }
}
