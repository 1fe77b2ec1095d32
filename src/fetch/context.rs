//! The context that all layers of an image share, as one reader of it has it.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::owner::Owner;
use super::span_cache::SpanCache;
use crate::error::Result;
use crate::format::tar::EntryTable;
use crate::limits::Limits;
use crate::net::transport::Transport;
use crate::rootfs::PathIndex;
use crate::source::indexer::Indexer;
use crate::source::{Cache, Source};
use crate::turns::Turns;

/// Milliseconds of a turn. Browsers make a timer wait for four.
const TURN_MS: u64 = 8;

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

impl Context {
    /// Turns of work that may take long, by the platform's clock.
    pub(crate) fn turns(&self) -> ClockTurns {
        ClockTurns::new(self.transport.clone())
    }

    /// Index of a layer's entries, made in turns.
    pub(crate) async fn index_of(&self, table: EntryTable) -> Result<Rc<PathIndex>> {
        PathIndex::in_turns(table, &self.limits, &mut self.turns()).await.map(Rc::new)
    }
}

/// Turns of a few milliseconds. Where the clock stands still while work is done, as on an edge, there is one alone.
pub(crate) struct ClockTurns {
    transport: Rc<dyn Transport>,
    began: u64,
}

impl ClockTurns {
    fn new(transport: Rc<dyn Transport>) -> Self {
        let began = transport.now_ms();
        ClockTurns { transport, began }
    }
}

impl Turns for ClockTurns {
    fn due(&mut self) -> Option<LocalBoxFuture<'static, ()>> {
        let now = self.transport.now_ms();
        if now.saturating_sub(self.began) < TURN_MS {
            return None;
        }
        self.began = now;
        Some(self.transport.sleep(Duration::ZERO))
    }
}
