//! Bridge from a thread that blocks to futures.

use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use bytes::Bytes;
use futures_channel::mpsc::{Receiver, Sender, channel};

use crate::error::{Code, Error, Result};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Chunks on their way, beside the one that the sender always may have.
const CHUNKS: usize = 1;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Wakes this thread.
fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Runs a future to its end on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (waker, mut future) = (waker(), pin!(future));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// Chunks of a body, as they arrive.
pub(super) fn body() -> (Sender<Result<Bytes>>, Receiver<Result<Bytes>>) {
    channel(CHUNKS)
}

/// Reads to the end, no faster than chunks are taken; gives up when nobody will take any.
pub(super) fn pump(mut from: impl Read, mut to: Sender<Result<Bytes>>) {
    let waker = waker();
    let mut buffer = vec![0; CHUNK];
    while has_room(&mut to, &waker) {
        let chunk = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => Ok(Bytes::copy_from_slice(buffer.get(..n).unwrap_or_default())),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => Err(Error::new(Code::Network, format!("the connection broke: {e}"))),
        };
        let broken = chunk.is_err();
        if to.try_send(chunk).is_err() || broken {
            return;
        }
    }
}

/// Blocks until a chunk can be sent; false where nobody waits for one any more.
fn has_room(to: &mut Sender<Result<Bytes>>, waker: &Waker) -> bool {
    let mut cx = Context::from_waker(waker);
    loop {
        match to.poll_ready(&mut cx) {
            Poll::Ready(ready) => return ready.is_ok(),
            Poll::Pending => thread::park(),
        }
    }
}
