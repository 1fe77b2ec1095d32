//! Gives up a connection from which nothing comes while somebody waits for it.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use crate::error::{Code, Error, Result};
use crate::net::transport::{ByteStream, Response, Transport};

/// A timer that rings later than this was rung while nobody polled, or while the machine slept.
const LATE_MS: u64 = 1_000;

/// Watches one request. Runs only inside polls, so a consumer that does not ask for bytes loses none of its time.
/// A timer is started at most every `max_idle_ms`, not for each chunk: when it rings, it is started again for
/// what is left of the wait under way.
pub(super) struct Idle {
    transport: Rc<dyn Transport>,
    limit: u64,
    shown: String,
    timer: Option<LocalBoxFuture<'static, ()>>,
    wait: Option<Wait>,
}

/// Since the first poll that found nothing.
struct Wait {
    since: u64,
    /// The timer was started for this wait, not for an earlier one.
    timed: bool,
    late: bool,
}

impl Idle {
    /// `shown` names the request in the error.
    pub(super) fn new(transport: Rc<dyn Transport>, limit: u64, shown: String) -> Self {
        Idle { transport, limit, shown, timer: None, wait: None }
    }

    /// Waits for the head of an answer.
    pub(super) async fn head(
        &mut self,
        mut answer: LocalBoxFuture<'static, Result<Response>>,
    ) -> Result<Response> {
        let got = poll_fn(|cx| match answer.poll_unpin(cx) {
            Poll::Pending => self.pending(cx).map(Err),
            ready => ready,
        });
        let got = got.await;
        self.wait = None;
        got
    }

    /// Hands a body through. Where it stalls, it is dropped, which ends the request, and an error is its last item.
    pub(super) fn body(mut self, body: ByteStream) -> ByteStream {
        let mut open = Some(body);
        stream::poll_fn(move |cx| {
            let Some(body) = &mut open else { return Poll::Ready(None) };
            let item = match body.poll_next_unpin(cx) {
                Poll::Pending => Some(Err(ready!(self.pending(cx)))),
                Poll::Ready(item) => item,
            };
            match &item {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(_)) => self.wait = None,
                _ => (open, self.timer) = (None, None),
            }
            Poll::Ready(item)
        })
        .boxed_local()
    }

    /// Nothing is there yet. Ready when it has been so for too long.
    fn pending(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if self.limit == 0 {
            return Poll::Pending;
        }
        let Idle { transport, limit, timer, wait, .. } = self;
        let timed = timer.is_none();
        let wait = wait.get_or_insert_with(|| Wait { since: transport.now_ms(), timed, late: false });
        loop {
            let running = timer.get_or_insert_with(|| transport.sleep(Duration::from_millis(*limit)));
            ready!(running.poll_unpin(cx));
            let now = transport.now_ms();
            let waited = now.saturating_sub(wait.since);
            let more = if waited > limit.saturating_add(LATE_MS) && !wait.late {
                (wait.since, wait.late) = (now, true);
                *limit
            } else if !wait.timed {
                limit.saturating_sub(waited)
            } else {
                0
            };
            // Once, whatever the clock says.
            wait.timed = true;
            *timer = None;
            if more == 0 {
                let text = format!("{}: no bytes for {limit} ms, the limit max_idle_ms", self.shown);
                return Poll::Ready(Error::new(Code::Network, text));
            }
            *timer = Some(transport.sleep(Duration::from_millis(more)));
        }
    }
}
