//! An indexer that builds zTOCs in one pass, in memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::future::{FutureExt, Shared, WeakShared};
use futures_util::stream::TryStreamExt;

use crate::error::Result;
use crate::format::oci::{Descriptor, Digest};
use crate::format::unpack::Packing;
use crate::format::ztoc::Compression;
use crate::format::ztoc::create::{BuildOptions, ZtocBuilder};
use crate::limits::Limits;
use crate::net::transport::Later;
use crate::source::Source;
use crate::source::indexer::{BuiltIndex, Indexer};

type Pass = Later<'static, BuiltIndex>;
/// A source's name and a layer: what one source does decides nothing for another.
type Key = (String, Digest);
/// Passes under way.
type Passes = HashMap<Key, WeakShared<Pass>>;

/// Builds indexes by [`ZtocBuilder`], in memory: the zTOC's size of it.
pub struct OnePass {
    options: BuildOptions,
    limits: Limits,
    passes: Rc<RefCell<Passes>>,
}

impl OnePass {
    /// Builds zTOCs as `options` say. The diff id is not wanted.
    pub fn new(options: BuildOptions, limits: Limits) -> Self {
        let options = BuildOptions { diff_id: false, ..options };
        OnePass { options, limits, passes: Rc::default() }
    }
}

impl Indexer for OnePass {
    fn build(&self, source: Rc<dyn Source>, layer: Descriptor) -> Pass {
        let (options, limits, passes) = (self.options.clone(), self.limits.clone(), Rc::clone(&self.passes));
        Box::pin(async move {
            let key = (source.name(), layer.digest);
            // Its failure is shared, too: what six wait for is tried once.
            let pass = start(&passes, key, pass(source, layer, options, limits));
            let built = pass.await;
            passes.borrow_mut().retain(|_, pass| pass.upgrade().is_some_and(|p| p.peek().is_none()));
            built
        })
    }
}

/// The pass under way, or this one.
fn start(
    passes: &RefCell<Passes>,
    key: Key,
    pass: impl Future<Output = Result<BuiltIndex>> + 'static,
) -> Shared<Pass> {
    let mut passes = passes.borrow_mut();
    if let Some(other) = passes.get(&key).and_then(WeakShared::upgrade).filter(|p| p.peek().is_none()) {
        return other;
    }
    let pass: Pass = Box::pin(pass);
    let pass = pass.shared();
    passes.extend(pass.downgrade().map(|weak| (key, weak)));
    pass
}

async fn pass(
    source: Rc<dyn Source>,
    layer: Descriptor,
    options: BuildOptions,
    limits: Limits,
) -> Result<BuiltIndex> {
    let mut body = source.blob_stream(&layer).await?;
    let (mut start, mut builder) = (Vec::new(), None);
    while let Some(chunk) = body.try_next().await? {
        match &mut builder {
            Some(builder) => ZtocBuilder::push(builder, &chunk)?,
            None => {
                start.extend_from_slice(&chunk);
                if start.len() >= Packing::START {
                    builder = Some(begin(&start, &options, &limits)?);
                }
            }
        }
    }
    let builder = match builder {
        Some(builder) => builder,
        None => begin(&start, &options, &limits)?,
    };
    let built = builder.finish()?;
    let layer_digest = built.layer_digest;
    Ok(BuiltIndex { ztoc: built.to_bytes()?.0.into(), layer_digest })
}

/// A builder for what begins so, and has got that.
fn begin(start: &[u8], options: &BuildOptions, limits: &Limits) -> Result<ZtocBuilder> {
    let compression = match Packing::of(start) {
        Some(Packing::Gzip) => Compression::Gzip,
        _ => Compression::Uncompressed,
    };
    let mut builder = ZtocBuilder::new(compression, options.clone(), limits)?;
    builder.push(start)?;
    Ok(builder)
}
