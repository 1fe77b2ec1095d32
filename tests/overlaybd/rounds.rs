//! Counts rounds: requests that wait for answers to earlier ones.

use std::cell::RefCell;
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::LocalBoxFuture;
use ocipeek::error::Result;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::net::stats::Stats;
use ocipeek::net::transport::ByteStream;
use ocipeek::source::{RawManifest, Source, Target};

use test_support::memory::Memory;

/// A source whose ranges come only when nothing goes on without them, unless it is steady.
pub struct Rounds {
    memory: Memory,
    /// Blobs cannot change, and come at once.
    pub steady: bool,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
}

impl Rounds {
    pub fn of(memory: &Memory) -> Rounds {
        Rounds { memory: memory.clone(), steady: false, waiting: RefCell::default() }
    }

    /// Runs `work`, and counts.
    pub fn count<T>(self: &Rc<Self>, work: impl Future<Output = T>) -> (T, usize) {
        let (mut work, mut rounds) = (pin!(work), 0);
        loop {
            // Those whose requests did not wait go on first.
            for _ in 0..100 {
                if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    return (value, rounds);
                }
            }
            let waiting = self.waiting.take();
            assert!(!waiting.is_empty(), "it waits for nothing");
            rounds += 1;
            waiting.into_iter().for_each(|w| w.send(()).unwrap());
        }
    }
}

impl Source for Rounds {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> LocalBoxFuture<'a, Result<RawManifest>> {
        self.memory.manifest(target)
    }

    fn blob<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> LocalBoxFuture<'a, Result<Bytes>> {
        self.memory.blob(descriptor, limit_name, limit)
    }

    fn blob_range<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        range: Range<u64>,
    ) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            if !self.steady {
                let (send, receive) = oneshot::channel();
                self.waiting.borrow_mut().push(send);
                receive.await.unwrap();
            }
            self.memory.blob_range(descriptor, range).await
        })
    }

    fn blob_stream<'a>(&'a self, descriptor: &'a Descriptor) -> LocalBoxFuture<'a, Result<ByteStream>> {
        self.memory.blob_stream(descriptor)
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<Descriptor>>> {
        self.memory.referrers(subject, artifact_type)
    }

    fn stats(&self) -> &Stats {
        self.memory.stats()
    }

    fn is_steady(&self) -> bool {
        self.steady
    }
}
