//! Further readers of an open image.

use std::rc::Rc;

use super::open_image::{Image, Inner};
use crate::fetch::owner::Owner;
use crate::layer::{Context, Indexer};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::Transport;
use crate::source::Source;

/// Options of [`Image::reader`].
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ReaderOptions {
    /// How its requests leave. `None`: as the image's own.
    pub transport: Option<Rc<dyn Transport>>,
    /// Bounds on what it may cost; what the image keeps in memory stays bounded as it was opened. `None`: the image's.
    pub limits: Option<Limits>,
    /// Builds indexes for it, where the image was opened with an indexer. `None`: that one.
    pub indexer: Option<Rc<dyn Indexer>>,
    /// What it has under way is waited for by no other reader, and it waits for none of theirs: for runtimes in which what
    /// came for one request must not be used by another. What is known is shared all the same.
    pub isolated: bool,
}

setters! {
    ReaderOptions {
        transport => Rc<dyn Transport>,
        limits => Limits,
        indexer => Rc<dyn Indexer>,
        isolated: bool,
    }
}

impl Image {
    /// A further reader of the image. What is known of the image (manifests, tables, sign-in, verified pieces in memory) is
    /// shared by all its readers; what this one has under way is its own: requests, their counters, limits. Readers that want
    /// the same piece at the same time share one request, which goes on as long as one of them waits for it.
    ///
    /// The counters of a source that does not give [readers](crate::source::Source::for_reader) are those of all.
    pub fn reader(&self, options: ReaderOptions) -> Image {
        self.reader_of(None, options)
    }

    /// The same, by a `source` of its own.
    pub(super) fn reader_of(&self, source: Option<Rc<dyn Source>>, options: ReaderOptions) -> Image {
        let old = &self.0.context;
        let transport = options.transport.unwrap_or_else(|| old.transport.clone());
        let limits = options.limits.unwrap_or_else(|| old.limits.clone());
        let source = source.or_else(|| old.source.for_reader(&transport, &limits, &Stats::default()));
        let context = Rc::new(Context {
            owner: Owner::new(options.isolated || old.owner.is_isolated()),
            source: source.unwrap_or_else(|| old.source.clone()),
            transport,
            indexer: old.indexer.as_ref().map(|own| options.indexer.unwrap_or_else(|| own.clone())),
            limits,
            ..(**old).clone()
        });
        let layers = self.0.layers.iter().map(|layer| layer.for_reader(&context)).collect();
        #[cfg(feature = "extent")]
        let volume = self.0.volume.as_ref().map(|volume| volume.for_reader(&context));
        Image(Rc::new(Inner {
            layers,
            #[cfg(feature = "extent")]
            volume,
            known: self.0.known.clone(),
            context,
        }))
    }
}
