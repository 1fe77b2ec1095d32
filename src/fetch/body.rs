//! Bytes of a blob as they arrive, read piece by piece.

use std::ops::Range;

use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::error::{Code, Error, Result};
use crate::format::oci::Descriptor;
use crate::net::http::Gather;
use crate::net::transport::ByteStream;
use crate::source::Source;

/// A stream of bytes from an offset on, of which pieces are read in order.
pub(crate) struct Body {
    stream: ByteStream,
    /// Offset of the next byte.
    at: u64,
    /// Where it must end, if anywhere.
    end: Option<u64>,
    /// What arrived already.
    rest: Bytes,
    /// The byte before, which the next piece may begin with.
    last: Option<u8>,
}

impl Body {
    /// A stream that begins at an offset and ends somewhere.
    #[cfg(any(feature = "extent", feature = "zstd-stream"))]
    pub(crate) fn new(stream: ByteStream, at: u64, end: Option<u64>) -> Self {
        Body { stream, at, end, rest: Bytes::new(), last: None }
    }

    /// Requests a range of a blob.
    pub(crate) async fn range(source: &dyn Source, blob: &Descriptor, range: Range<u64>) -> Result<Self> {
        let stream = source.blob_range(blob, range.clone()).await?;
        Ok(Body { stream, at: range.start, end: Some(range.end), rest: Bytes::new(), last: None })
    }

    /// The bytes `range`, which begin with the next byte, the one before, or later: what lies in front goes to `lead`.
    pub(crate) async fn piece(
        &mut self,
        range: &Range<u64>,
        lead: &dyn Fn(&[u8]) -> Result<()>,
    ) -> Result<Bytes> {
        while self.at < range.start {
            lead(&self.some(range.start).await?)?;
        }
        let mut data = Gather::new(range.end.saturating_sub(range.start));
        if self.at > range.start {
            data.append(self.last.as_slice())?;
        }
        while self.at < range.end {
            let came = self.some(range.end).await?;
            // A small part of what came does not keep all of that.
            if came.len() < self.rest.len() { data.append(&came)? } else { data.push(came)? }
        }
        let data = data.finish();
        self.last = data.last().copied();
        Ok(data)
    }

    /// What arrived, or arrives next, at most up to `until`.
    async fn some(&mut self, until: u64) -> Result<Bytes> {
        while self.rest.is_empty() {
            self.rest = self.stream.try_next().await?.ok_or_else(|| {
                Error::new(Code::Network, "the answer to a Range request ended early").with_offset(self.at)
            })?;
        }
        let want = usize::try_from(until.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let came = self.rest.split_to(want.min(self.rest.len()));
        self.at = self.at.saturating_add(came.len() as u64);
        Ok(came)
    }

    /// Itself, unless all of it is read: sees its end then, so that the connection can be used again.
    pub(crate) async fn unless_over(mut self) -> Result<Option<Self>> {
        if self.end.is_none_or(|end| self.at < end) {
            return Ok(Some(self));
        }
        while self.rest.is_empty() {
            match self.stream.try_next().await? {
                Some(more) => self.rest = more,
                None => return Ok(None),
            }
        }
        Err(Error::new(Code::RangeNotSupported, "the answer to a Range request is longer than the range"))
    }
}

/// The bytes `range` of a blob.
pub(crate) async fn read_range(source: &dyn Source, blob: &Descriptor, range: Range<u64>) -> Result<Bytes> {
    let mut body = Body::range(source, blob, range.clone()).await?;
    let data = body.piece(&range, &|_| Ok(())).await?;
    body.unless_over().await?;
    Ok(data)
}
