//! A response's body as a stream that can be polled, dropped and polled again.

use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, ReadableStream, ReadableStreamDefaultReader};

use super::js;
use super::meter::Meter;
use crate::error::{Code, Error, Result};

/// Bytes of a chunk that are copied at a time, at most.
const PIECE: u32 = 1 << 20;

/// Aborts a request when dropped, unless it ended before.
pub struct AbortOnDrop(Option<AbortController>);

impl AbortOnDrop {
    /// Aborts through `controller`.
    pub fn new(controller: AbortController) -> Self {
        AbortOnDrop(Some(controller))
    }
    /// The request has ended: nothing is left to abort.
    pub fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

/// The body. The promise of a read under way is kept here, so a dropped `next()` loses no chunk.
pub struct Body {
    reader: Option<ReadableStreamDefaultReader>,
    pending: Option<JsFuture>,
    /// A chunk that came, and how much of it was given out.
    chunk: Option<(Uint8Array, u32)>,
    guard: AbortOnDrop,
    meter: Rc<Meter>,
}

impl Body {
    /// Reads `stream`; `None` is an empty body.
    pub fn new(stream: Option<JsValue>, guard: AbortOnDrop, meter: Rc<Meter>) -> Result<Self> {
        let reader = match stream {
            // Called through `Reflect`: an injected `fetch` may have handed out anything.
            Some(stream) => Some(
                js::call(stream.unchecked_ref::<ReadableStream>(), "getReader", &[])
                    .map_err(|e| js::exception(Code::Network, "the response's body cannot be read", e))?
                    .unchecked_into(),
            ),
            None => None,
        };
        let mut body = Body { reader, pending: None, chunk: None, guard, meter };
        if body.reader.is_none() {
            body.guard.disarm();
        }
        Ok(body)
    }

    fn start_read(&self) -> Option<Result<JsFuture>> {
        let promise = js::call(self.reader.as_ref()?, "read", &[]);
        Some(match promise {
            Ok(promise) => Ok(JsFuture::from(Promise::resolve(&promise))),
            Err(e) => Err(js::exception(Code::Network, "the response's body broke off", e)),
        })
    }

    /// Some of the chunk that came: however large that is, no more of it is copied at a time.
    fn piece(&mut self) -> Option<Bytes> {
        let (chunk, from) = self.chunk.take()?;
        let to = chunk.length().min(from.saturating_add(PIECE));
        let piece = (from < to).then(|| chunk.subarray(from, to).to_vec().into());
        self.chunk = (to < chunk.length()).then_some((chunk, to));
        piece
    }

    fn end(&mut self) {
        self.reader = None;
        self.pending = None;
        self.guard.disarm();
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some(piece) = self.piece() {
                self.meter.bytes(piece.len());
                return Poll::Ready(Some(Ok(piece)));
            }
            let mut pending = match self.pending.take() {
                Some(pending) => pending,
                None => match self.start_read() {
                    Some(Ok(pending)) => pending,
                    Some(Err(e)) => {
                        self.end();
                        return Poll::Ready(Some(Err(e)));
                    }
                    None => return Poll::Ready(None),
                },
            };
            let Poll::Ready(result) = Pin::new(&mut pending).poll(cx) else {
                self.pending = Some(pending);
                return Poll::Pending;
            };
            let result = match result {
                Ok(result) => result,
                Err(e) => {
                    self.end();
                    let e = js::exception(Code::Network, "the response's body broke off", e);
                    return Poll::Ready(Some(Err(e)));
                }
            };
            if js::get_some(&result, "done").is_some_and(|done| done.is_truthy()) {
                self.end();
                return Poll::Ready(None);
            }
            match js::get_some(&result, "value").as_ref().and_then(js::byte_array) {
                Some(chunk) => self.chunk = Some((chunk, 0)),
                None => {
                    let e = Error::new(Code::Network, "the response's body gave something else than bytes");
                    return Poll::Ready(Some(Err(e)));
                }
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        // The abort ends the request; an injected `fetch` may ignore it, so the stream is cancelled too.
        // Whatever that says, nobody is left to hear it.
        if let Ok(promise) = js::call(&reader, "cancel", &[]) {
            spawn_local(async move {
                let _ = JsFuture::from(Promise::resolve(&promise)).await;
            });
        }
    }
}
