//! Owner of work under way: the reader that began a request, and who may wait for its answer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static LAST: AtomicU64 = AtomicU64::new(0);

/// Identity of a reader, as the owner of what it has under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    id: u64,
    is_isolated: bool,
}

impl Owner {
    /// A further reader. What an isolated one began is waited for by nobody else, and it waits for nobody else.
    pub(crate) fn new(is_isolated: bool) -> Self {
        Owner { id: LAST.fetch_add(1, Relaxed), is_isolated }
    }

    /// Whether nobody else waits for what it began.
    pub(crate) fn is_isolated(self) -> bool {
        self.is_isolated
    }

    /// Whether this reader may wait for what `other` began.
    pub(crate) fn may_join(self, other: Owner) -> bool {
        self.id == other.id || !(self.is_isolated || other.is_isolated)
    }
}
