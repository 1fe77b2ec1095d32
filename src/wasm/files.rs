//! A layout's folder, and an archive, that JavaScript reads: Node's file system, a `Blob`.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use wasm_bindgen::JsValue;

use super::callbacks::JsCache;
use super::js;
use super::meter::Meter;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::net::transport::ByteStream;
use crate::source::Cache;
use crate::source::layout::{Files, RandomAccess};

/// Bytes asked for in one call of `read`, so that a layer is never in memory whole.
const WINDOW: u64 = 1 << 20;

/// An object with `name`, `size(path)` (a number, or nothing where there is no such file) and
/// `read(path, start, end)` (exactly these bytes). Both may return promises. For an archive the path is empty. `steady`
/// says that the bytes cannot change meanwhile, `fresh` that each `read` gives a buffer of its own, which is then freed.
/// `version` tells an archive's states apart, and `kept` is a cache for what its pass finds, where it is compressed.
#[derive(Clone)]
pub struct JsFiles {
    object: JsValue,
    meter: Rc<Meter>,
}

impl JsFiles {
    /// Reads through `object`.
    pub fn new(object: JsValue, meter: Rc<Meter>) -> Self {
        JsFiles { object, meter }
    }

    /// A cache of this file's own.
    pub fn kept(&self) -> Option<Rc<dyn Cache>> {
        js::get_some(&self.object, "kept").map(|kept| Rc::new(JsCache(kept)) as Rc<dyn Cache>)
    }

    async fn size_of(self, path: String) -> Result<Option<u64>> {
        let size = js::call_async(&self.object, "size", &[path.as_str().into()])
            .await
            .map_err(|e| js::exception(Code::Network, &format!("cannot open {path:?}"), e))?;
        if size.is_undefined() || size.is_null() {
            return Ok(None);
        }
        let bad = || Error::new(Code::Network, format!("the size of {path:?} is not a whole number"));
        js::whole_number(&size).map(Some).ok_or_else(bad)
    }

    async fn read_window(self, path: String, range: Range<u64>) -> Result<Bytes> {
        self.meter.request();
        let args = [path.as_str().into(), (range.start as f64).into(), (range.end as f64).into()];
        let got = js::call_async(&self.object, "read", &args)
            .await
            .map_err(|e| js::exception(Code::Network, &format!("cannot read {path:?}"), e))?;
        let array = js::byte_array(&got)
            .ok_or_else(|| Error::new(Code::Network, format!("reading {path:?} gave no Uint8Array")))?;
        let _room = Reservation::take(array.length().into())?;
        let bytes = Bytes::from(array.to_vec());
        let want = range.end.saturating_sub(range.start);
        if bytes.len() as u64 != want {
            let text = format!("{path:?} ends early: {} of {want} bytes are there", bytes.len());
            return Err(Error::new(Code::Network, text).with_offset(range.start));
        }
        self.meter.bytes(bytes.len());
        if self.flag("fresh") {
            give_back(&got);
        }
        Ok(bytes)
    }

    fn windows(&self, path: String, range: Range<u64>) -> ByteStream {
        // `try_unfold` keeps the read under way in the stream: a dropped `next()` loses nothing.
        Box::pin(stream::try_unfold((self.clone(), path, range), |(files, path, left)| async move {
            if left.is_empty() {
                return Ok(None);
            }
            let end = left.end.min(left.start.saturating_add(WINDOW));
            let bytes = files.clone().read_window(path.clone(), left.start..end).await?;
            Ok(Some((bytes, (files, path, end..left.end))))
        }))
    }

    fn flag(&self, name: &str) -> bool {
        js::get_some(&self.object, name).is_some_and(|flag| flag.is_truthy())
    }

    fn label(&self) -> String {
        self.text("name")
    }

    fn text(&self, name: &str) -> String {
        js::get_some(&self.object, name).and_then(|n| n.as_string()).unwrap_or_default()
    }
}

/// Frees a buffer that nobody else has. Engines count such memory badly: it piles up before they collect it.
fn give_back(bytes: &JsValue) {
    if let Some(buffer) = js::get_some(bytes, "buffer") {
        // Where there is no such method the engine does it, at last.
        let _ = js::call(&buffer, "transfer", &[0.into()]);
    }
}

impl Files for JsFiles {
    fn size<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, Result<Option<u64>>> {
        Box::pin(self.clone().size_of(path.to_owned()))
    }

    fn read<'a>(
        &'a self,
        path: &'a str,
        range: Option<Range<u64>>,
    ) -> LocalBoxFuture<'a, Result<ByteStream>> {
        let path = path.to_owned();
        Box::pin(async move {
            let range = match range {
                Some(range) => range,
                None => match self.clone().size_of(path.clone()).await? {
                    Some(size) => 0..size,
                    None => return Err(Error::new(Code::NotFound, format!("there is no file {path:?}"))),
                },
            };
            Ok(self.windows(path, range))
        })
    }

    fn name(&self) -> String {
        self.label()
    }

    fn is_steady(&self) -> bool {
        self.flag("steady")
    }
}

impl RandomAccess for JsFiles {
    fn size(&self) -> LocalBoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            let size = self.clone().size_of(String::new()).await?;
            size.ok_or_else(|| Error::new(Code::NotFound, format!("there is no file {:?}", self.label())))
        })
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'_, Result<ByteStream>> {
        let stream = self.windows(String::new(), range);
        Box::pin(async move { Ok(stream) })
    }

    fn name(&self) -> String {
        self.label()
    }

    fn version(&self) -> String {
        self.text("version")
    }

    fn is_steady(&self) -> bool {
        self.flag("steady")
    }
}
