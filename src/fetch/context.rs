//! The context that all layers of an image share, as one reader of it has it.

use std::rc::Rc;

use super::owner::Owner;
use super::span_cache::SpanCache;
use crate::limits::Limits;
use crate::net::transport::Transport;
use crate::source::indexer::Indexer;
use crate::source::{Cache, Source};

/// Shared context of an image's layers, as one reader of it has it.
#[derive(Clone)]
pub(crate) struct Context {
    /// Whose requests these are.
    pub(crate) owner: Owner,
    pub(crate) source: Rc<dyn Source>,
    pub(crate) transport: Rc<dyn Transport>,
    /// Compressed spans, by digest.
    pub(crate) cache: Option<Rc<dyn Cache>>,
    /// Builds indexes of layers that have none.
    pub(crate) indexer: Option<Rc<dyn Indexer>>,
    /// Smaller layers get none.
    pub(crate) index_above: u64,
    /// Whether the cache is trusted with indexes of layers that have none.
    pub(crate) kept_indexes: bool,
    /// Spans in memory.
    pub(crate) spans: Rc<SpanCache>,
    pub(crate) limits: Limits,
    /// False: no span and no header is verified, and tars are read by ranges that nothing vouches for.
    pub(crate) verify: bool,
}
