//! Loading of the layers that a look-up needs.

use std::cell::RefCell;

use futures_util::future::LocalBoxFuture;

use super::open_image::{Image, PARALLEL};
use super::stat::absolute;
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
#[cfg(feature = "extent")]
use crate::net::transport::Later;
use crate::net::transport::at_once;
use crate::rootfs::{LayerIndex, Listed, Node, Place, Rootfs, Step};

/// Layers below one that is wanted that are loaded with it, where that is cheap.
#[cfg(feature = "extent")]
const AHEAD: usize = 7;

impl Image {
    /// What is in the directory `node`, which is `place`, of any tree of its layers.
    pub(super) async fn list(
        &self,
        rootfs: &RefCell<Rootfs>,
        node: &Node,
        place: &mut Place,
    ) -> Result<Vec<Listed>> {
        if node.kind != Kind::Directory {
            return Err(Error::new(Code::Enotdir, "not a directory").with_path(&absolute(&node.path)));
        }
        #[cfg(feature = "extent")]
        if let Some(volume) = &self.0.volume {
            return volume.children(node).await;
        }
        self.settle(rootfs, |rootfs| rootfs.list(place)).await
    }

    /// Loads so many of the lowest layers, several at a time: listing a root takes all of them, unless one hides what is
    /// below it, which is not known before. Failures are left to whoever then needs that layer.
    pub(super) async fn load_lowest(&self, count: usize) -> Result<()> {
        let one = |i| -> LocalBoxFuture<'_, _> {
            Box::pin(async move {
                drop(self.index(i).await);
                Ok(())
            })
        };
        at_once((0..count).rev().map(one).collect(), PARALLEL).await
    }

    /// Asks until it is answered, loading the layers that the answer needs and no others.
    pub(super) async fn settle<T>(
        &self,
        rootfs: &RefCell<Rootfs>,
        mut ask: impl FnMut(&Rootfs) -> Result<Step<T>>,
    ) -> Result<T> {
        loop {
            let step = ask(&rootfs.borrow())?;
            let layers = match step {
                Step::Done(answer) => return Ok(answer),
                Step::NeedLayer(layer) => vec![layer],
                Step::NeedParts(parts) => {
                    let layers = parts.iter().map(|part| part.0).collect();
                    self.parts(parts).await?;
                    layers
                }
            };
            for layer in layers {
                let index = self.index(layer).await?;
                rootfs.borrow_mut().set_layer(layer, index);
            }
        }
    }

    /// Loads a layer, or as much of it as tells which of its parts are needed.
    pub(super) async fn index(&self, layer: usize) -> Result<LayerIndex> {
        if let Some(index) = self.0.known.rootfs.borrow().layer(layer) {
            return Ok(index.clone());
        }
        let load = async {
            let index = self.loader(layer)?.index().await?;
            self.0.known.rootfs.borrow_mut().set_layer(layer, index.clone());
            Ok(index)
        };
        #[cfg(feature = "extent")]
        let load = async { futures_util::future::join(load, self.load_below(layer)).await.0 };
        load.await
    }

    /// Loads layers below one that is loaded, to which a look-up is likely to come, at the same time, where that is cheap.
    /// Failures are left to whoever needs them.
    #[cfg(feature = "extent")]
    pub(super) async fn load_below(&self, layer: usize) {
        let eager = |i: &usize| self.0.layers.get(*i).is_some_and(|l| l.is_eager());
        if !eager(&layer) {
            return;
        }
        let missing = |i: &usize| self.0.known.rootfs.borrow().layer(*i).is_none();
        let wanted = (layer.saturating_sub(AHEAD)..layer).rev().filter(eager).filter(missing);
        let one = |i| -> Later<'_, ()> {
            Box::pin(async move {
                let index = self.loader(i)?.index().await?;
                self.0.known.rootfs.borrow_mut().set_layer(i, index);
                Ok(())
            })
        };
        futures_util::future::join_all(wanted.map(one)).await;
    }

    /// Loads parts of layers, `(layer, part)` each.
    pub(super) async fn parts(&self, parts: Vec<(usize, usize)>) -> Result<()> {
        let mut layers: Vec<(usize, Vec<usize>)> = Vec::new();
        for (layer, part) in parts {
            match layers.iter_mut().find(|l| l.0 == layer) {
                Some((_, parts)) => parts.push(part),
                None => layers.push((layer, vec![part])),
            }
        }
        let load = |(layer, parts)| -> LocalBoxFuture<'_, _> {
            Box::pin(async move {
                let index = self.loader(layer)?.parts(parts).await?;
                self.0.known.rootfs.borrow_mut().set_layer(layer, index);
                Ok(())
            })
        };
        at_once(layers.into_iter().map(load).collect(), PARALLEL).await
    }

    /// Loads all of a layer's entries.
    pub(super) async fn all(&self, layer: usize) -> Result<LayerIndex> {
        let index = self.loader(layer)?.all().await?;
        self.0.known.rootfs.borrow_mut().set_layer(layer, index.clone());
        Ok(index)
    }
}
