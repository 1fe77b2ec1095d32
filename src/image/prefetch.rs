//! Prefetch of the files that a SOCI index names.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::open_image::{Image, PARALLEL};
use crate::error::Result;
use crate::format::soci::{PrefetchArtifact, SociPrefetch};
use crate::net::transport::at_once;
use crate::sort::sort_keys;

impl Image {
    /// Fetches what the index's prefetch artifacts name into the span cache, as far as it has room. Nothing where the
    /// index has none.
    pub async fn prefetch(&self) -> Result<()> {
        let Some(soci) = &self.0.known.soci else { return Ok(()) };
        let room = Rc::new(Cell::new(self.0.context.limits.span_cache_size));
        let one = |p| -> LocalBoxFuture<'_, _> { Box::pin(self.prefetch_layer(p, room.clone())) };
        at_once(soci.prefetch.iter().map(one).collect(), PARALLEL).await
    }

    async fn prefetch_layer(&self, prefetch: &SociPrefetch, room: Rc<Cell<u64>>) -> Result<()> {
        let Some(at) = self.0.known.infos.iter().position(|l| l.digest == prefetch.layer_digest) else {
            return Ok(());
        };
        let Some(layer) = self.0.layers.get(at) else { return Ok(()) };
        let (context, descriptor) = (&self.0.context, &prefetch.descriptor);
        let limit = context.limits.max_manifest_size;
        let bytes = context.source.blob(descriptor, "max_manifest_size", limit).await?;
        let spans = PrefetchArtifact::parse(&bytes, &context.limits)
            .map_err(|e| e.with_digest(&descriptor.digest))?
            .spans;
        // Spans of one priority in the order that they are listed in.
        let mut order: Vec<(u64, u32)> =
            (0..).zip(&spans).map(|(i, s)| (s.priority.cast_unsigned() ^ (1 << 63), i)).collect();
        sort_keys(&mut order);
        let clip = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let ordered = order.iter().filter_map(|&(_, i)| spans.get(i as usize));
        layer.prefetch(ordered.map(|s| (clip(s.start), clip(s.end))).collect(), room).await
    }
}
