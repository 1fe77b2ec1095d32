//! Retries: when a request is sent again, and the wait before.

use std::time::Duration;

use super::client::Client;
use crate::error::{Code, Error, Result};

/// First wait, doubled with each failure.
const FIRST_MS: u64 = 300;
/// Longest wait that is not asked for by `Retry-After`.
const LONGEST_MS: u64 = 10_000;
/// Of resumed reads: failures in all are bounded by this many times `max_attempts`, plus one for each MiB read.
const ROUNDS: u64 = 4;

/// Whether another try may help: nothing came, or 408, 425, 429, or the server failed.
pub(crate) fn is_retryable(e: &Error) -> bool {
    if e.is_given_up() {
        return false;
    }
    match (e.code(), e.status()) {
        (Code::RateLimited, _) | (Code::Network, None | Some(408 | 425)) => true,
        // 501: it will not learn the method by waiting.
        (Code::Network, Some(status)) => status >= 500 && status != 501,
        _ => false,
    }
}

/// Counts the failures of one request, or of one read that is resumed.
pub(crate) struct Retry {
    failures: u32,
    in_all: u64,
    progress: u64,
}

impl Retry {
    pub(crate) fn new() -> Self {
        Retry { failures: 0, in_all: 0, progress: 0 }
    }

    /// Bytes arrived: the next failure counts as the first again.
    pub(crate) fn progress(&mut self, bytes: u64) {
        self.failures = 0;
        self.progress = self.progress.saturating_add(bytes);
    }

    /// Waits until the next try is due. `Err` with the cause when there is none.
    pub(crate) async fn wait(&mut self, client: &Client, cause: Error) -> Result<()> {
        self.failures += 1;
        self.in_all += 1;
        let attempts = client.limits.max_attempts.max(1);
        let in_all = ROUNDS.saturating_mul(u64::from(attempts)).saturating_add(self.progress >> 20);
        if !is_retryable(&cause) || self.failures >= attempts || self.in_all >= in_all {
            return Err(cause.given_up());
        }
        let wait = match cause.retry_after() {
            Some(s) if s > client.limits.max_retry_after => {
                let text = format!("{}; the wait of {s} s that it asks for", cause.message());
                let e = cause.with_message(text).with_code(Code::RateLimited);
                let most = u64::from(client.limits.max_retry_after);
                return Err(e.with_limit("max_retry_after", most).given_up());
            }
            Some(s) if s > 0 => u64::from(s) * 1000,
            _ => self.backoff(client.transport.random()),
        };
        client.stats.retry();
        client.transport.sleep(Duration::from_millis(wait)).await;
        Ok(())
    }

    /// Half of it fixed, half of it by chance, so that many clients do not come back at once.
    fn backoff(&self, random: f64) -> u64 {
        let full = FIRST_MS.saturating_mul(1 << (self.failures.saturating_sub(1)).min(10)).min(LONGEST_MS);
        let thousandths = (random.clamp(0.0, 1.0) * 1000.0) as u64;
        full / 2 + full / 2 * thousandths / 1000
    }
}
