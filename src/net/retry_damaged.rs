//! Retry of damaged bytes: what does not have its digest is fetched a second time, and then given up.

use crate::error::{Code, Error, Result};
use crate::net::stats::Stats;

/// Whether an error says that bytes are damaged, so that another try may bring better ones.
pub(crate) fn is_damaged(e: &Error) -> bool {
    matches!(e.code(), Code::CorruptLayer | Code::DigestMismatch) && !e.is_given_up()
}

/// Does it, and once more where what came was damaged on the way.
pub(crate) async fn twice<T>(stats: &Stats, mut once: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    match once().await {
        Err(e) if is_damaged(&e) => {
            stats.retry();
            once().await.map_err(Error::given_up)
        }
        other => other,
    }
}
