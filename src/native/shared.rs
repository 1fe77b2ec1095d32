//! An image for programs of several threads: it lives on a thread of its own, and is asked by messages.

use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::stream::FuturesUnordered;

use super::open::{Options, open_with};
use crate::error::{Code, Error, Result};
use crate::image::{FileStat, FileStream, Follow, Image};
use crate::net::native::block_on;
use crate::net::stats::Counters;

/// What the thread is asked to do with the image.
type Job = Box<dyn FnOnce(Image) -> LocalBoxFuture<'static, ()> + Send>;
/// Where a piece of a file goes.
type Want = oneshot::Sender<Result<Option<Bytes>>>;

/// Open image that any thread may use: it, its streams and all its futures are `Send`, so that they work in tasks of
/// `tokio::spawn` and of other executors. Clones are the same image.
///
/// The image lives on a thread of its own, which ends with the last clone and stream, or with [`close`](Self::close). All who
/// ask share what is known of it, and requests that are under way. Dropping a future cancels what was under way for it alone.
///
/// ```no_run
/// use ocipeek::native::SharedImage;
///
/// # async fn f() -> ocipeek::error::Result<()> {
/// let image = SharedImage::open("ghcr.io/owner/app:1").await?;
/// let (stat, bytes) = image.read_file("/etc/os-release", None).await?;
/// let layers = image.with(|image| async move { Ok(image.layers().len()) }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SharedImage {
    jobs: mpsc::UnboundedSender<Job>,
}

impl fmt::Debug for SharedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedImage").finish_non_exhaustive()
    }
}

impl SharedImage {
    /// Opens the image that `name` names, as [`open`](super::open) does.
    ///
    /// # Errors
    /// Those of [`open`](super::open).
    pub async fn open(name: &str) -> Result<SharedImage> {
        SharedImage::open_with(name, Options::default).await
    }

    /// As [`open_with`](super::open_with); the options are made on the image's thread.
    ///
    /// # Errors
    /// Those of [`open`](super::open).
    pub async fn open_with(
        name: &str,
        options: impl FnOnce() -> Options + Send + 'static,
    ) -> Result<SharedImage> {
        let name = name.to_string();
        SharedImage::start(move || Box::pin(async move { open_with(&name, options()).await })).await
    }

    /// An image that `open` opens, on the thread on which it then lives.
    async fn start(
        open: impl FnOnce() -> LocalBoxFuture<'static, Result<Image>> + Send + 'static,
    ) -> Result<SharedImage> {
        let (jobs, queue) = mpsc::unbounded();
        let (to, opened) = oneshot::channel();
        let thread = thread::Builder::new().name("ocipeek-image".into());
        let live = move || {
            block_on(async move {
                if let Some(image) = answer(open(), to, |image| ((), image)).await {
                    serve(image, queue).await;
                }
            });
        };
        thread.spawn(live).map_err(|e| {
            Error::new(Code::Internal, format!("no thread could be started for the image: {e}"))
        })?;
        opened.await.map_err(|_| closed())??;
        Ok(SharedImage { jobs })
    }

    /// Attributes of a path: see [`Image::stat`].
    ///
    /// # Errors
    /// Those of [`Image::stat`], and `ABORTED` after [`close`](Self::close), as of all methods here.
    pub async fn stat(&self, path: impl AsRef<[u8]>, follow: Follow) -> Result<FileStat> {
        let path = path.as_ref().to_vec();
        self.with(move |image| async move { image.stat(&path, follow).await }).await
    }

    /// Entries of a folder: see [`Image::read_dir`].
    ///
    /// # Errors
    /// Those of [`Image::read_dir`].
    pub async fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<Vec<FileStat>> {
        let path = path.as_ref().to_vec();
        self.with(move |image| async move { image.read_dir(&path).await }).await
    }

    /// A file's bytes, or those in `range`: see [`Image::read_file`].
    ///
    /// # Errors
    /// Those of [`Image::read_file`].
    pub async fn read_file(
        &self,
        path: impl AsRef<[u8]>,
        range: Option<Range<u64>>,
    ) -> Result<(FileStat, Bytes)> {
        let path = path.as_ref().to_vec();
        self.with(move |image| async move { image.read_file(&path, range).await }).await
    }

    /// A file's bytes, or those in `range`, as a stream without a limit.
    ///
    /// # Errors
    /// Those of [`Image::read_stream`].
    pub async fn read_stream(
        &self,
        path: impl AsRef<[u8]>,
        range: Option<Range<u64>>,
    ) -> Result<SharedStream> {
        let path = path.as_ref().to_vec();
        let (wants, asked) = mpsc::unbounded();
        let (to, opened) = oneshot::channel();
        self.send(Box::new(move |image| {
            Box::pin(async move {
                let open = async move { image.read_stream(&path, range).await };
                let head = |stream: FileStream| {
                    let told = (stream.stat().clone(), stream.remaining());
                    (told, stream)
                };
                if let Some(stream) = answer(open, to, head).await {
                    pieces(stream, asked).await;
                }
            })
        }))?;
        let (stat, remaining) = opened.await.map_err(|_| closed())??;
        Ok(SharedStream { stat, remaining, wants, asked: None, _image: self.clone() })
    }

    /// The counters of all requests for the image so far.
    ///
    /// # Errors
    /// `ABORTED` after [`close`](Self::close).
    pub async fn counters(&self) -> Result<Counters> {
        self.with(|image| async move { Ok(image.stats().counters()) }).await
    }

    /// Anything else that can be done with the image: on its thread, which does nothing else while `work` does not wait.
    ///
    /// # Errors
    /// Those of `work`, and `ABORTED` after [`close`](Self::close).
    pub async fn with<T, F, W>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Image) -> W + Send + 'static,
        W: Future<Output = Result<T>> + 'static,
    {
        let (to, done) = oneshot::channel();
        self.send(Box::new(move |image| {
            Box::pin(async move {
                answer(work(image), to, |value| (value, ())).await;
            })
        }))?;
        done.await.map_err(|_| closed())?
    }

    /// Closes the image for all its clones and streams: what is under way is cancelled, and the thread ends.
    pub fn close(&self) {
        self.jobs.close_channel();
    }

    fn send(&self, job: Job) -> Result<()> {
        self.jobs.unbounded_send(job).map_err(|_| closed())
    }
}

/// A file's content as it arrives, for any thread. Nothing is fetched before it is asked for; dropping it cancels its
/// requests.
pub struct SharedStream {
    stat: FileStat,
    remaining: u64,
    wants: mpsc::UnboundedSender<Want>,
    /// A piece that was asked for by a future that was dropped.
    asked: Option<oneshot::Receiver<Result<Option<Bytes>>>>,
    /// Keeps it open.
    _image: SharedImage,
}

impl fmt::Debug for SharedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStream").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl SharedStream {
    /// The file's attributes.
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// Bytes that are still to come.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The next bytes; `None` at the end. Chunk borders mean nothing. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those of [`FileStream::next`], and `ABORTED` after [`SharedImage::close`].
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.asked.is_none() {
            let (want, piece) = oneshot::channel();
            self.wants.unbounded_send(want).map_err(|_| closed())?;
            self.asked = Some(piece);
        }
        let Some(asked) = &mut self.asked else { return Err(closed()) };
        let piece = asked.await;
        self.asked = None;
        let piece = piece.map_err(|_| closed())??;
        self.remaining = self.remaining.saturating_sub(piece.as_ref().map_or(0, |bytes| bytes.len() as u64));
        Ok(piece)
    }
}

/// Does what is asked for, all at the same time, until nobody can ask any more.
async fn serve(image: Image, mut queue: mpsc::UnboundedReceiver<Job>) {
    let mut under_way = FuturesUnordered::new();
    poll_fn(|cx| {
        loop {
            match queue.poll_next_unpin(cx) {
                Poll::Ready(Some(job)) => under_way.push(job(image.clone())),
                // What is under way is dropped.
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        while let Poll::Ready(Some(())) = under_way.poll_next_unpin(cx) {}
        Poll::Pending
    })
    .await;
}

/// Gives pieces as they are asked for.
async fn pieces(mut stream: FileStream, mut asked: mpsc::UnboundedReceiver<Want>) {
    while let Some(want) = asked.next().await {
        answer(stream.next(), want, |piece| (piece, ())).await;
    }
}

/// Tells the result of `work`, of which `split` gives what is told and what is kept. `None` where it failed, or where nobody
/// waits for it any more: then it is dropped as it is.
async fn answer<V, T, K>(
    work: impl Future<Output = Result<V>>,
    mut to: oneshot::Sender<Result<T>>,
    split: impl FnOnce(V) -> (T, K),
) -> Option<K> {
    let result = match select(pin!(work), to.cancellation()).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => return None,
    };
    let (told, kept) = match result.map(split) {
        Ok((told, kept)) => (Ok(told), Some(kept)),
        Err(e) => (Err(e), None),
    };
    to.send(told).ok()?;
    kept
}

fn closed() -> Error {
    Error::new(Code::Aborted, "the image is closed")
}
