//! Attributes of the nodes of an image's tree.

use super::open_image::Image;
use super::stat::{FileStat, Verification, absolute};
use crate::format::tar::Kind;
use crate::layer::{Checks, ContentCheck, IndexVoucher, MetadataCheck};
use crate::rootfs::{LayerIndex, Node, Whiteout};

impl Image {
    /// Attributes of a node of a layer that is loaded: in the image's tree, or that of the layer `only`.
    pub(super) fn file_stat(&self, node: &Node, only: Option<usize>) -> FileStat {
        let mut stat = self.node_stat(node, only);
        stat.verified.index = self.weakest(only).index;
        stat.whiteout = only.and_then(|_| Whiteout::of(&node.path));
        stat
    }

    fn node_stat(&self, node: &Node, only: Option<usize>) -> FileStat {
        #[cfg(feature = "extent")]
        if let Some(volume) = &self.0.volume {
            let mut stat = self.implied(&node.path, only);
            volume.fill(&mut stat, node);
            stat.verified = self.verification(volume.checks());
            return stat;
        }
        let index = node.at.and_then(|(layer, _)| self.0.known.rootfs.borrow().layer(layer).cloned());
        match (node.at, index) {
            (Some((layer, entry)), Some(index)) => {
                let mut stat = self.entry_stat(&index, layer, entry);
                stat.path = absolute(&node.path);
                stat.kind = node.kind;
                stat.hardlink_of =
                    node.link.filter(|_| node.kind != Kind::HardLink).map(|_| absolute(index.path(entry)));
                stat
            }
            _ => self.implied(&node.path, only),
        }
    }

    /// Attributes of an entry as its own layer lists it.
    pub(super) fn entry_stat(&self, index: &LayerIndex, layer: usize, entry: usize) -> FileStat {
        let mut stat = self.implied(index.path(entry), Some(layer));
        let Some(e) = index.get(entry) else { return stat };
        stat.kind = e.kind;
        stat.size = if e.kind == Kind::Regular { e.size } else { 0 };
        (stat.mode, stat.uid, stat.gid) = (e.mode, e.uid, e.gid);
        (stat.uname, stat.gname) = (e.uname.to_vec(), e.gname.to_vec());
        stat.mtime = e.mtime;
        stat.nlink = index.nlink(entry);
        (stat.dev_major, stat.dev_minor) = (e.dev_major, e.dev_minor);
        stat.link_name = matches!(e.kind, Kind::Symlink | Kind::HardLink).then(|| e.link_name.to_vec());
        stat.xattrs = e.xattrs.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        stat.layer = (!self.0.known.merged).then_some(layer);
        if let Some(l) = self.0.layers.get(layer) {
            stat.verified = self.verification(l.checks());
            // What has no bytes gives none out, checked or not.
            stat.verified.header &= stat.size > 0;
        }
        stat
    }

    /// A directory that no layer lists, or not the layer `only`.
    fn implied(&self, path: &[u8], only: Option<usize>) -> FileStat {
        FileStat {
            path: absolute(path),
            kind: Kind::Directory,
            size: 0,
            mode: 0o755,
            uid: 0,
            gid: 0,
            uname: Vec::new(),
            gname: Vec::new(),
            mtime: None,
            nlink: 1,
            dev_major: 0,
            dev_minor: 0,
            link_name: None,
            hardlink_of: None,
            xattrs: Vec::new(),
            layer: None,
            whiteout: None,
            verified: self.verification(self.weakest(only)),
        }
    }

    fn verification(&self, checks: Checks) -> Verification {
        let Checks { metadata, content, header, index } = checks;
        Verification { manifest: self.0.known.manifest_check, metadata, content, header, index }
    }

    /// What vouches for a name that no single layer tells: the least of all layers, or of the layer `only`.
    fn weakest(&self, only: Option<usize>) -> Checks {
        let layers = match only {
            Some(layer) => self.0.layers.get(layer..=layer).unwrap_or_default(),
            None => &self.0.layers,
        };
        let all = || layers.iter().map(|l| l.checks());
        let attached = self.0.known.attached.then_some(IndexVoucher::Attached);
        let index = attached.or_else(|| all().filter_map(|c| c.index).min());
        #[cfg(feature = "extent")]
        if let Some(volume) = &self.0.volume {
            return Checks { content: ContentCheck::None, index, ..volume.checks() };
        }
        let weak = [
            MetadataCheck::None,
            MetadataCheck::Crc,
            MetadataCheck::ZtocDigest,
            MetadataCheck::TocDigest,
            MetadataCheck::OwnIndex,
        ];
        let metadata =
            weak.into_iter().find(|&m| all().any(|c| c.metadata == m)).unwrap_or(MetadataCheck::LayerDigest);
        Checks { metadata, content: ContentCheck::None, header: false, index }
    }
}
