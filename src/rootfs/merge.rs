//! The layers laid over each other, as far as they are loaded.

use super::partial::LayerIndex;
use crate::limits::Limits;

/// An image's layers as one tree. Layer 0 is the lowest.
///
/// Holds the indexes of the layers that were needed so far, or parts of them, and works on these alone; where more is
/// needed it says so ([`Step`](super::Step)), asking from the top down and only while the answer is open: a file that the top
/// layer has is found without any other.
///
/// # Merging
/// As overlayfs does it: a whiteout or an opaque mark hides what lower layers have, never what its own layer
/// has; what is no directory hides a lower directory whole, and the other way round; directories merge. The
/// topmost layer that lists a directory tells its attributes, also when an opaque mark hides the rest of the
/// lower directory. A directory that no layer lists is there if something is in it.
#[derive(Debug)]
pub struct Rootfs {
    pub(super) layers: Vec<Option<LayerIndex>>,
    /// The number of the lowest layer here.
    pub(super) first: usize,
    /// How often a layer took the place of itself in another form: places found before count no longer then.
    pub(super) version: u32,
    /// False in the view of one layer: whiteouts are entries there.
    pub(super) merged: bool,
    pub(super) limits: Limits,
}

impl Rootfs {
    /// An image of so many layers, none loaded.
    pub fn new(layer_count: usize, limits: &Limits) -> Rootfs {
        Rootfs { layers: vec![None; layer_count], first: 0, version: 0, merged: true, limits: limits.clone() }
    }

    /// One layer as a tree of its own, with its whiteouts as entries. `layer` is its number in nodes.
    pub fn of_layer(layer: usize, index: impl Into<LayerIndex>, limits: &Limits) -> Rootfs {
        let mut fs = Rootfs::view(layer, limits);
        fs.set_layer(layer, index);
        fs
    }

    /// The same before the layer is loaded.
    pub(crate) fn view(layer: usize, limits: &Limits) -> Rootfs {
        Rootfs { layers: vec![None], first: layer, version: 0, merged: false, limits: limits.clone() }
    }

    /// Hands over a layer that was asked for, or takes one that is whole in place of one in parts.
    pub fn set_layer(&mut self, layer: usize, index: impl Into<LayerIndex>) {
        if let Some(slot) = layer.checked_sub(self.first).and_then(|l| self.layers.get_mut(l)) {
            let index = index.into();
            if slot.as_ref().is_some_and(|old| !old.is(&index)) {
                self.version = self.version.wrapping_add(1);
            }
            *slot = Some(index);
        }
    }

    /// A layer's index, if it is loaded.
    pub fn layer(&self, layer: usize) -> Option<&LayerIndex> {
        self.layers.get(layer.checked_sub(self.first)?)?.as_ref()
    }
}
