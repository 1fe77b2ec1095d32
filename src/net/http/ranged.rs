//! Reads bytes `[a, b)` of something that is fetched by GET: checks that the answer is that range, goes on
//! where the connection broke, and reads no byte more than was asked for.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;

use super::client::{Answer, Client};
use super::headers::content_range;
use super::retry::Retry;
use crate::error::{Code, Error, Result};
use crate::net::transport::ByteStream;

/// Something that can be fetched, whole or in ranges.
pub(crate) trait Resource {
    /// What its requests share.
    fn client(&self) -> &Client;
    /// One answer to a GET, with a `Range` if one is asked for. Redirects are followed and authorization is done;
    /// an answer that is not 2xx is an error. Does not retry. `as_is`: see [`accept_encoding`].
    fn get(&self, range: Option<Range<u64>>, as_is: bool) -> LocalBoxFuture<'_, Result<Answer>>;
    /// How messages name it.
    fn what(&self) -> String;
    /// Adds to an error what it concerns.
    fn concerns(&self, e: Error) -> Error {
        e
    }
}

/// The header by which bytes are asked for as they are stored. `as_is`: by a platform that undoes encodings, for which
/// [`Transport::decodes`](crate::net::transport::Transport::decodes) says what it means.
pub(crate) fn accept_encoding(as_is: bool) -> (&'static str, String) {
    ("accept-encoding", if as_is { "identity, *;q=0" } else { "identity" }.to_owned())
}

/// The `Content-Encoding` of an answer, if it has one.
fn encoding(answer: &Answer) -> Option<&str> {
    let encoding = answer.header("content-encoding")?.trim();
    let is_encoded = !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity");
    is_encoded.then_some(encoding)
}

/// Whose bytes a body with a `Content-Encoding` has, where the platform would undo that. Registries and stores say it
/// of what is encoded, and as a mere label of blobs that are gzip themselves: only the size and digest tell.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Encoded {
    /// Nothing of that kind was seen.
    No,
    /// Asked for as it is.
    AsIs,
    /// It was really encoded, or could not be had as it is: what the platform decoded is tried.
    Undone,
}

/// Part of a resource that is read.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// All of it, by a request without `Range`; its size where it is known.
    Whole(Option<u64>),
    /// These bytes, by a request with `Range`; and the size of the whole where it is known.
    Range(Range<u64>, Option<u64>),
}

/// Opens a read. The first answer has been checked when this returns; later breaks are repaired inside the
/// stream. The stream ends with exactly the bytes asked for, or with an error.
pub(crate) async fn read(resource: Rc<dyn Resource>, part: Part) -> Result<ByteStream> {
    let (pos, end, total, whole) = match part {
        Part::Whole(size) => (0, size, size, true),
        Part::Range(range, total) => {
            let inside = range.start <= range.end && total.is_none_or(|t| range.end <= t);
            if !inside {
                let text = format!("bytes {}..{} are not inside {}", range.start, range.end, resource.what());
                return Err(resource.concerns(Error::new(Code::InvalidArgument, text)));
            }
            (range.start, Some(range.end), total, false)
        }
    };
    if !whole && end == Some(pos) {
        return Ok(futures_util::stream::empty().boxed_local());
    }
    let (retry, encoded) = (Retry::new(), Encoded::No);
    let mut reader = Reader { resource, pos, end, total, whole, open: None, retry, encoded };
    reader.connect().await?;
    let stream = futures_util::stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(reader))),
            Ok(None) => None,
            Err(e) => Some((Err(reader.resource.concerns(e)), None)),
        }
    });
    Ok(stream.boxed_local())
}

struct Reader {
    resource: Rc<dyn Resource>,
    /// The next byte to give out.
    pos: u64,
    /// One past the last wanted byte; `None` while it is unknown.
    end: Option<u64>,
    total: Option<u64>,
    /// All was asked for, so a 200 is always right.
    whole: bool,
    open: Option<Open>,
    retry: Retry,
    encoded: Encoded,
}

/// A body that is being read.
struct Open {
    body: ByteStream,
    /// Bytes before `pos` that it begins with (a 200 to a range).
    skip: u64,
    /// It goes on past `end`, and is dropped there.
    goes_on: bool,
    /// What it means if it has other bytes than expected.
    undone: Option<Error>,
}

impl Reader {
    /// Gets an answer whose body holds `pos`.
    async fn connect(&mut self) -> Result<()> {
        loop {
            match self.try_connect().await {
                Ok(open) => {
                    self.open = Some(open);
                    return Ok(());
                }
                Err(e) => self.again(e).await?,
            }
        }
    }

    async fn again(&mut self, cause: Error) -> Result<()> {
        let waited = self.retry.wait(self.resource.client(), cause).await;
        waited.map_err(|e| self.resource.concerns(e))
    }

    async fn try_connect(&mut self) -> Result<Open> {
        let from_start = self.whole && self.pos == 0;
        let range = match self.end {
            Some(end) if !from_start => Some(self.pos..end),
            None if !from_start => {
                let text = format!("{}: the answer broke off, and its size is unknown", self.resource.what());
                // What was given out cannot be continued.
                return Err(Error::new(Code::Network, text).given_up());
            }
            _ => None,
        };
        let mut answer = self.resource.get(range.clone(), self.encoded == Encoded::AsIs).await?;
        let decodes = self.resource.client().transport.decodes();
        // Where nobody knows the size, what the platform decoded is as good.
        let decides = range.is_some() || self.total.is_some();
        let mut undone = None;
        if decodes && decides && self.encoded == Encoded::No && encoding(&answer).is_some() {
            self.encoded = Encoded::AsIs;
            answer = self.resource.get(range.clone(), true).await?;
            let other = range.is_none() && answer.content_length().is_some_and(|n| Some(n) != self.total);
            if other && encoding(&answer).is_none() {
                // It was no label.
                self.encoded = Encoded::Undone;
                answer = self.resource.get(None, false).await?;
            }
        }
        if let Some(name) = encoding(&answer).filter(|_| decodes && decides) {
            let text = format!(
                "{}: the server sent it with Content-Encoding {name:.20?}, which this platform undoes, so its bytes are \
                 others; if it is a mere label of the blob, take it off at the registry's storage",
                self.resource.what()
            );
            let code = if range.is_some() { Code::RangeNotSupported } else { Code::Unsupported };
            let error = Error::new(code, text).with_status(answer.status);
            if range.is_some() {
                return Err(error);
            }
            self.encoded = Encoded::Undone;
            undone = Some(error.given_up());
        }
        let open = self.check(&answer, range)?;
        Ok(Open { body: answer.body, undone, ..open })
    }

    /// Whether an answer holds what was asked for, and where in its body that is.
    fn check(&mut self, answer: &Answer, range: Option<Range<u64>>) -> Result<Open> {
        let what = self.resource.what();
        let wrong = |text: String| Error::new(Code::RangeNotSupported, text).with_status(answer.status);
        let encoded = encoding(answer).is_some();
        let body = futures_util::stream::empty().boxed_local();
        match (answer.status, range) {
            (206, Some(range)) => {
                let multipart = answer.header("content-type").is_some_and(|t| {
                    t.trim_start().get(..10).is_some_and(|t| t.eq_ignore_ascii_case("multipart/"))
                });
                if multipart {
                    return Err(wrong(format!(
                        "{what}: the server answered one range with multipart/byteranges"
                    )));
                }
                match answer.header("content-range").map(content_range) {
                    None if answer.filtered => {}
                    None => {
                        return Err(wrong(format!("{what}: the server sent a range without Content-Range")));
                    }
                    Some(got) => {
                        let fits = got.is_some_and(|got| {
                            got.range == Some((range.start, range.end))
                                && (got.total.is_none() || self.total.is_none() || got.total == self.total)
                        });
                        if !fits {
                            let sent = super::shown(answer.header("content-range").unwrap_or_default());
                            let asked = match self.total {
                                Some(total) => format!("bytes {}-{}/{total}", range.start, range.end - 1),
                                None => format!("bytes {}-{}", range.start, range.end - 1),
                            };
                            return Err(wrong(format!(
                                "{what}: asked for {asked}, the server sent {sent:?}"
                            )));
                        }
                    }
                }
                let promised = answer.content_length();
                if !answer.filtered && promised.is_some_and(|n| n != range.end - range.start) {
                    return Err(wrong(format!(
                        "{what}: the server promises a body of another length than its range"
                    )));
                }
                Ok(Open { body, skip: 0, goes_on: false, undone: None })
            }
            (200, Some(range)) => {
                // The whole blob came. Read through it if the wanted bytes come early, else stop at once.
                let all = self.total == Some(range.end) && range.start == 0;
                let most = self.resource.client().limits.max_range_overfetch;
                if !all && !self.whole && range.end > most {
                    return Err(wrong(format!(
                        "{what}: the server ignored Range and sent everything; reading up to byte {}",
                        range.end
                    ))
                    .with_limit("max_range_overfetch", most));
                }
                self.check_length(answer, &what)?;
                Ok(Open { body, skip: range.start, goes_on: self.total != Some(range.end), undone: None })
            }
            (200 | 203, None) => {
                self.check_length(answer, &what)?;
                if self.total.is_none() && !answer.filtered && !encoded {
                    self.total = answer.content_length();
                    self.end = self.total;
                }
                Ok(Open { body, skip: 0, goes_on: false, undone: None })
            }
            (status, Some(_)) => {
                Err(wrong(format!("{what}: the server answered a range with HTTP {status}")))
            }
            (status, None) => {
                let text = format!("{what}: the server answered with HTTP {status}, which is of no use here");
                Err(Error::new(Code::Network, text).with_status(status))
            }
        }
    }

    /// A 200's promised length against the known size.
    fn check_length(&self, answer: &Answer, what: &str) -> Result<()> {
        if self.encoded == Encoded::Undone {
            // The length is that of what was undone.
            return Ok(());
        }
        match (answer.content_length(), self.total) {
            (Some(sent), Some(size)) if sent != size && !answer.filtered => Err(Error::new(
                Code::DigestMismatch,
                format!("{what}: the server has {sent} bytes where the descriptor says {size}"),
            )),
            _ => Ok(()),
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(open) = &mut self.open else {
                if self.end == Some(self.pos) {
                    return Ok(None);
                }
                self.connect().await?;
                continue;
            };
            let cause = match open.body.next().await {
                Some(Ok(chunk)) => match self.take(chunk).await? {
                    Some(chunk) => return Ok(Some(chunk)),
                    None => continue,
                },
                None if self.end.is_none() => {
                    self.end = Some(self.pos);
                    None
                }
                None if self.end == Some(self.pos) => None,
                None => Some(Error::new(
                    Code::Network,
                    format!("{}: the connection ended before all bytes had come", self.resource.what()),
                )),
                Some(Err(e)) => Some(e),
            };
            // Another try would give the same.
            let undone = self.open.take().and_then(|open| open.undone);
            let cause = cause.map(|cause| undone.unwrap_or(cause));
            match cause {
                Some(e) => self.again(e.with_offset(self.pos)).await?,
                None => return Ok(None),
            }
        }
    }

    /// The wanted part of a chunk. The last one is held back until the body has ended, so that an overlong
    /// body is an error before its end is given out.
    async fn take(&mut self, mut chunk: Bytes) -> Result<Option<Bytes>> {
        let Some(open) = &mut self.open else { return Ok(None) };
        let skipped = usize::try_from(open.skip).unwrap_or(usize::MAX).min(chunk.len());
        let _ = chunk.split_to(skipped);
        open.skip -= u64::try_from(skipped).unwrap_or(0);
        if chunk.is_empty() {
            return Ok(None);
        }
        let mut len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if let Some(end) = self.end {
            let left = end - self.pos;
            if len > left && !open.goes_on {
                return Err(self.overlong());
            }
            if len >= left {
                if open.goes_on {
                    chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                    len = left;
                } else {
                    loop {
                        match open.body.next().await {
                            Some(Ok(more)) if more.is_empty() => {}
                            Some(Ok(_)) => return Err(self.overlong()),
                            // All wanted bytes are here, so a break now harms nothing.
                            Some(Err(_)) | None => break,
                        }
                    }
                }
                self.open = None;
            }
        }
        self.pos += len;
        self.retry.progress(len);
        Ok(Some(chunk))
    }

    fn overlong(&mut self) -> Error {
        if let Some(undone) = self.open.take().and_then(|open| open.undone) {
            return undone;
        }
        let what = self.resource.what();
        if self.whole {
            let text = format!("{what}: the server sent more bytes than the descriptor says");
            return Error::new(Code::DigestMismatch, text).with_offset(self.pos);
        }
        let text = format!("{what}: the server sent more bytes than the range asked for");
        Error::new(Code::RangeNotSupported, text).with_offset(self.pos)
    }
}
