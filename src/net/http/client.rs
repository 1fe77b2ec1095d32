//! Sends one request: counted, recorded, and with nothing secret in what comes back as an error.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::headers::{decimal, retry_after};
use super::idle::Idle;
use super::text::{shown, without_queries};
use super::url::Url;
use crate::budget::Reservation;
use crate::error::{Code, Error, Remedy, Result};
use crate::limits::Limits;
use crate::net::stats::{RequestRecord, Stats};
use crate::net::transport::{ByteStream, Method, Purpose, Request, Transport};

/// Shared transport, limits and counters of one source's requests.
pub(crate) struct Client {
    pub(crate) transport: Rc<dyn Transport>,
    pub(crate) limits: Limits,
    pub(crate) stats: Stats,
}

/// The head of an answer and its body, whose bytes are counted as they arrive.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// Where it came from, after redirects that the transport followed.
    pub(crate) url: Url,
    /// See [`Response::headers_filtered`](crate::net::transport::Response::headers_filtered).
    pub(crate) filtered: bool,
    pub(crate) body: ByteStream,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
    /// All values of a header, joined as RFC 9110 section 5.3 allows.
    pub(crate) fn header_list(&self, name: &str) -> Option<String> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let first = values.next()?.to_owned();
        Some(values.fold(first, |all, value| all + ", " + value))
    }
    /// `Content-Length`, if it is one number.
    pub(crate) fn content_length(&self) -> Option<u64> {
        decimal(self.header("content-length")?.trim())
    }
    /// The whole body, of at most `limit` bytes. One that is shorter than promised is broken.
    pub(crate) async fn read(self, limit_name: &'static str, limit: u64) -> Result<Bytes> {
        let promised = self.content_length();
        if let Some(n) = promised.filter(|&n| n > limit) {
            return Err(Error::limit(limit_name, n, limit));
        }
        // Platforms undo an encoding, and browsers may hide it; the length stays that of the encoded bytes.
        let exact = promised.filter(|_| !self.filtered && self.header("content-encoding").is_none());
        let bytes = read_limited(self.body, promised, limit_name, limit).await?;
        if exact.is_some_and(|n| usize::try_from(n) != Ok(bytes.len())) {
            let text = format!("{}: the connection ended before all bytes had come", self.url.shown());
            return Err(Error::new(Code::Network, text));
        }
        Ok(bytes)
    }
    /// Whether the status is 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// One request to be sent.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) purpose: Purpose,
    pub(crate) range: Option<Range<u64>>,
}

impl<'a> Outgoing<'a> {
    /// A GET.
    pub(crate) fn get(url: &'a Url, purpose: Purpose) -> Self {
        Outgoing { method: Method::Get, url, headers: Vec::new(), body: None, purpose, range: None }
    }
}

impl Client {
    /// Sends a request. `Err` where no answer came: `NETWORK` or `ABORTED`.
    pub(crate) async fn send(&self, out: Outgoing<'_>) -> Result<Answer> {
        let Outgoing { method, url, mut headers, body, purpose, range } = out;
        if let Some(r) = &range {
            headers.push(("range", format!("bytes={}-{}", r.start, r.end.saturating_sub(1))));
        }
        let record = self.stats.request(RequestRecord {
            purpose,
            method: method.as_str(),
            target: url.shown(),
            range,
            status: 0,
            bytes: 0,
        });
        let request = Request { method, url: url.to_string(), headers, body, purpose };
        let mut idle = Idle::new(self.transport.clone(), self.limits.max_idle_ms, url.shown());
        let response = idle.head(self.transport.send(request)).await.map_err(clean)?;
        record.set_status(response.status);
        let body = idle.body(response.body).map(move |chunk| match chunk {
            Ok(bytes) => {
                record.add_bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                Ok(bytes)
            }
            Err(e) => Err(clean(e)),
        });
        // An injected transport may not know where its answer came from.
        let from = Url::parse(&response.url).unwrap_or_else(|_| url.clone());
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            url: from,
            filtered: response.headers_filtered,
            body: body.boxed_local(),
        })
    }

    /// The error that an answer is, with what it says of waiting.
    pub(crate) fn refusal(&self, answer: &Answer, what: &str) -> Error {
        let e = status_error(answer.status, what);
        match self.retry_after(answer) {
            Some(seconds) => e.with_retry_after(seconds),
            None => e,
        }
    }

    /// The seconds of an answer's `Retry-After`, rounded up.
    pub(crate) fn retry_after(&self, answer: &Answer) -> Option<u32> {
        retry_after(answer.header("retry-after")?, self.transport.now_ms())
    }
}

/// Platforms put whole URLs into their messages, with the signature in the query.
fn clean(e: Error) -> Error {
    if without_queries(e.message()) == e.message() {
        return e;
    }
    let message = shown(e.message());
    e.with_message(message)
}

/// Reads a body of at most `limit` bytes. Memory grows with what arrives, not with what is promised.
pub(crate) async fn read_limited(
    mut body: ByteStream,
    expected: Option<u64>,
    limit_name: &'static str,
    limit: u64,
) -> Result<Bytes> {
    let mut gathered = Gather::new(expected.unwrap_or(limit).min(limit));
    while let Some(chunk) = body.next().await {
        gathered.push(chunk?)?;
        let len = gathered.len();
        if len > limit {
            return Err(Error::limit(limit_name, len, limit));
        }
    }
    Ok(gathered.finish())
}

/// Joins chunks into one buffer that ends up no larger than needed when `likely` was right. Memory grows with what comes,
/// and is reserved before.
pub(crate) struct Gather {
    likely: usize,
    first: Option<Bytes>,
    rest: Vec<u8>,
    held: Reservation,
}

impl Gather {
    pub(crate) fn new(likely: u64) -> Self {
        Gather {
            likely: usize::try_from(likely).unwrap_or(usize::MAX),
            first: None,
            rest: Vec::new(),
            held: Reservation::default(),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        let len = self.first.as_ref().map_or(0, Bytes::len).saturating_add(self.rest.len());
        u64::try_from(len).unwrap_or(u64::MAX)
    }

    /// Adds a chunk, which is not copied if it is the only one.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<()> {
        if self.first.is_none() && self.rest.is_empty() {
            self.held.resize(chunk.len() as u64)?;
            self.first = Some(chunk);
            return Ok(());
        }
        self.append(&chunk)
    }

    /// Adds a copy of `data`.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<()> {
        if let Some(first) = self.first.take() {
            self.copy(&first)?;
        }
        self.copy(data)
    }

    /// Grows to an eighth of an eighth of the likely end, to an eighth of it, to it: a large body is moved seldom, the last time
    /// while it is small, and has no slack. Nobody gets more than eight times what came for a mere claim.
    fn copy(&mut self, data: &[u8]) -> Result<()> {
        let need = self.rest.len().saturating_add(data.len());
        if need > self.rest.capacity() {
            let mut grown = self.likely.max(need);
            while grown / 8 >= need.max(64 << 10) {
                grown /= 8;
            }
            // Both may be there for a moment.
            self.held.resize(grown.saturating_add(self.rest.capacity()) as u64)?;
            self.rest.reserve_exact(grown - self.rest.len());
            self.held.resize(self.rest.capacity() as u64)?;
        }
        self.rest.extend_from_slice(data);
        Ok(())
    }

    /// All of it. What it takes stays reserved as long as any part of it is held.
    pub(crate) fn finish(self) -> Bytes {
        let data = self.first.unwrap_or_else(|| Bytes::from(self.rest));
        self.held.hold(data)
    }
}

/// The error of a status that is no success.
pub(crate) fn status_error(status: u16, what: &str) -> Error {
    let (code, said) = match status {
        401 => (Code::Unauthorized, "wants credentials, or refuses those it got"),
        403 => (Code::Forbidden, "does not allow it"),
        404 | 410 => (Code::NotFound, "does not have it"),
        416 => (Code::RangeNotSupported, "cannot give the range asked for"),
        429 => (Code::RateLimited, "says that there were too many requests"),
        500.. => (Code::Network, "fails"),
        _ => (Code::Network, "gives an answer that is of no use here"),
    };
    let e = Error::new(code, format!("{what}: the server {said} (HTTP {status})")).with_status(status);
    match status {
        429 => e.with_remedy(Remedy::TryLater).with_remedy(Remedy::SignIn),
        500.. => e.with_remedy(Remedy::TryLater),
        _ => e,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Gather;

    #[test]
    fn chunks_come_in_order_however_they_are_added() {
        const CHUNKS: [&str; 4] = ["one ", "two ", "three ", "four"];
        for copied in 0..1 << CHUNKS.len() {
            let mut all = Gather::new(3);
            for (i, chunk) in CHUNKS.iter().enumerate() {
                match copied >> i & 1 {
                    0 => all.push(Bytes::from_static(chunk.as_bytes())).unwrap(),
                    _ => all.append(chunk.as_bytes()).unwrap(),
                }
            }
            assert_eq!((all.len(), &all.finish()[..]), (18, &b"one two three four"[..]), "{copied:04b}");
        }
    }
}
