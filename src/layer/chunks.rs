//! The chunks of blobs in other formats: pieces of their bytes, coded.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::Context;
use crate::budget::Reservation;
use crate::error::{Code, Error, Remedy, Result};
use crate::fetch::body::Body;
use crate::fetch::immutable;
use crate::fetch::scheduler::{Piece, Requests, Run, Scheduler};
use crate::fetch::single_flight::SingleFlight;
use crate::fetch::span_cache::{Key, SpanCell};
use crate::format::extent::{Unit, decode};
use crate::format::oci::Descriptor;
use crate::limits::Limits;
use crate::net::transport::Later;
use crate::source::cut;

/// Decoded chunks of a layer, or of an image whose layers are one, for one reader.
pub(super) struct ChunkStore {
    pub(super) context: Rc<Context>,
    scheduler: Scheduler,
    known: Rc<Known>,
}

/// State that all readers share.
struct Known {
    blobs: Vec<Descriptor>,
    /// Of each blob all bytes, where nothing but a blob's digest vouches for what is in it.
    whole: Option<Vec<Whole>>,
    /// Tells its chunks from others' in the image's cache.
    id: usize,
    near: Option<Near>,
    requests: Requests,
}

/// A blob that is verified as a whole, once, and kept, unless it is at hand anyway.
type Whole = SingleFlight<Option<Bytes>>;

/// Bytes of the first blob that came along with the metadata: their offset, and they.
pub(super) struct Near(pub(super) u64, pub(super) Bytes);

impl Near {
    fn get(&self, unit: &Unit) -> Option<Bytes> {
        let start = usize::try_from(unit.offset.checked_sub(self.0)?).ok()?;
        let end = start.checked_add(usize::try_from(unit.length).ok()?)?;
        (unit.blob.0 == 0 && end <= self.1.len()).then(|| self.1.slice(start..end))
    }
}

impl ChunkStore {
    /// The chunks of `blobs`; `id` is unique among what shares the image's cache. `whole`: nothing but a blob's digest vouches
    /// for what is in it. Blobs are fetched whole then when something of them is wanted, verified, and kept as they are.
    pub(super) fn new(
        context: Rc<Context>,
        blobs: Vec<Descriptor>,
        id: usize,
        near: Option<Near>,
        whole: bool,
    ) -> Self {
        let whole = whole.then(|| blobs.iter().map(|_| Whole::default()).collect());
        ChunkStore::of(context, Rc::new(Known { blobs, whole, id, near, requests: Requests::default() }))
    }

    /// The same for another reader.
    pub(super) fn for_reader(&self, context: &Rc<Context>) -> Self {
        ChunkStore::of(context.clone(), self.known.clone())
    }

    fn of(context: Rc<Context>, known: Rc<Known>) -> Self {
        ChunkStore { scheduler: Scheduler::new(context.clone(), known.requests.clone()), context, known }
    }

    fn chunk(&self, unit: &Unit) -> Chunk {
        Chunk { context: self.context.clone(), known: self.known.clone(), unit: unit.clone() }
    }

    /// Whether a chunk is here.
    pub(super) fn has(&self, unit: &Unit) -> bool {
        self.context.spans.get(self.known.key(unit)).is_some()
    }

    /// Drops a chunk that is not what it must be.
    pub(super) fn forget(&self, unit: &Unit) {
        self.context.spans.remove(self.known.key(unit));
    }

    /// `error` with what it concerns.
    pub(super) fn concerns(&self, unit: &Unit, error: Error) -> Error {
        self.chunk(unit).concerns(error)
    }

    /// A chunk, decoded; a request for it takes those `ahead` along that are wanted next. `again`: not of what came along with
    /// the metadata.
    pub(super) async fn get(
        &self,
        unit: &Unit,
        ahead: &mut dyn Iterator<Item = &Unit>,
        held: &mut Option<Rc<Run>>,
        again: bool,
    ) -> Result<Rc<SpanCell>> {
        let chunk = self.chunk(unit);
        let near = self.known.near.as_ref().and_then(|near| near.get(unit));
        if let Some(data) = near.filter(|_| !again && !self.has(unit)) {
            let cell = Rc::new(chunk.open(data)?);
            self.context.spans.used(chunk.key(), &cell);
            return Ok(cell);
        }
        let ahead = ahead.take_while(|other| other.blob == unit.blob);
        let mut ahead = ahead.map(|unit| -> Rc<dyn Piece> { Rc::new(self.chunk(unit)) });
        self.scheduler.get(Rc::new(chunk), &mut ahead, held).await
    }
}

impl Known {
    fn key(&self, unit: &Unit) -> Key {
        (self.id, u64::from(unit.blob.0) << 48 | unit.offset & ((1 << 48) - 1))
    }
}

/// One chunk on its way.
struct Chunk {
    context: Rc<Context>,
    known: Rc<Known>,
    unit: Unit,
}

impl Chunk {
    /// The blob that it lies in.
    fn blob(&self) -> Result<&Descriptor> {
        let blob = self.known.blobs.get(usize::from(self.unit.blob.0));
        blob.ok_or_else(|| Error::new(Code::CorruptLayer, "a piece lies in a blob that is not named"))
    }

    /// All of the blob, verified; `None` where ranges of it are as good.
    async fn whole(&self) -> Result<Option<Bytes>> {
        let whole = self.known.whole.as_ref().and_then(|whole| whole.get(usize::from(self.unit.blob.0)));
        let Some(whole) = whole else { return Ok(None) };
        let (context, blob) = (self.context.clone(), self.blob()?.clone());
        let load = async move {
            if context.source.is_steady() {
                return immutable::verify(&context, &blob).await.map(|()| None);
            }
            let limit = context.limits.max_whole_layer_size;
            Limits::check("max_whole_layer_size", blob.size, limit).map_err(|e| {
                e.with_message(format!(
                    "nothing but its digest vouches for the layer that holds the file; fetching all of its {} bytes",
                    blob.size
                ))
                .with_remedy(Remedy::ReadUnverified)
            })?;
            context.source.blob(&blob, "max_whole_layer_size", limit).await.map(Some)
        };
        whole.get(self.context.owner, move || Box::pin(load)).await
    }
}

impl Piece for Chunk {
    fn key(&self) -> Key {
        self.known.key(&self.unit)
    }

    fn range(&self) -> Result<Range<u64>> {
        let (blob, start) = (self.blob()?, self.unit.offset);
        let end = start.checked_add(self.unit.length).filter(|end| *end <= blob.size);
        let outside = || {
            let message = "a file's content reaches past the end of its blob";
            Error::new(Code::CorruptLayer, message).with_digest(&blob.digest).given_up()
        };
        Ok(start..end.ok_or_else(outside)?)
    }

    fn body(&self, range: Range<u64>) -> Later<'_, Body> {
        Box::pin(async move {
            match self.whole().await.map_err(Error::given_up)? {
                None => Body::range(&*self.context.source, self.blob()?, range).await,
                Some(kept) => {
                    let stream = stream::iter([Ok(cut(&kept, &range))]).boxed_local();
                    Ok(Body::new(stream, range.start, Some(range.end)))
                }
            }
        })
    }

    fn open(&self, data: Bytes) -> Result<SpanCell> {
        let (unit, limits) = (&self.unit, &self.context.limits);
        self.context.source.stats().inflate(unit.decoded)?;
        // Until it is kept, or not.
        let _held = Reservation::take(unit.decoded.min(limits.max_span_size))?;
        SpanCell::whole(decode(&unit.codec, data, unit.decoded, limits)?)
    }

    fn concerns(&self, error: Error) -> Error {
        let error = error.with_offset(self.unit.offset);
        match self.blob() {
            Ok(blob) => error.with_digest(&blob.digest),
            Err(_) => error,
        }
    }
}
