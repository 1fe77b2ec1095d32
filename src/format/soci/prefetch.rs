//! Prefetch artifacts: the spans of a layer that a container needs at its start.

use crate::error::{Code, Error, Result};
use crate::format::oci::json::{Json, shown};
use crate::limits::Limits;

/// The spans of one layer to load ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefetchArtifact {
    /// Ranges of spans, in the artifact's order.
    pub spans: Vec<PrefetchSpans>,
}

/// A range of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefetchSpans {
    /// Index of the first span.
    pub start: u64,
    /// Index of the last span; not before the first. Whether the layer has so many is not known here.
    pub end: u64,
    /// Lower goes first; 0 where none is stated.
    pub priority: i64,
}

impl PrefetchArtifact {
    /// Parses an artifact. An empty list is fine.
    ///
    /// # Errors
    /// `CORRUPT_MANIFEST`, also for a range that ends before it starts; `LIMIT_EXCEEDED` for more than
    /// `max_spans` ranges; `UNSUPPORTED` for another version than 1.0.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let json = Json::parse(bytes, "prefetch artifact", limits)?;
        let node = json.root("prefetch artifact");
        let version = node.need("version")?.str()?;
        if version != "1.0" {
            let message =
                format!("the prefetch artifact is of version {}; only 1.0 is known", shown(version));
            return Err(Error::new(Code::Unsupported, message));
        }
        let list = node.need("prefetch_spans")?;
        let items = list.items()?;
        Limits::check("max_spans", items.len() as u64, limits.max_spans)?;
        let spans = items
            .map(|item| {
                let (start, end) = (item.need("start_span")?.whole()?, item.need("end_span")?.whole()?);
                if end < start {
                    return Err(item.wrong("ends before it starts"));
                }
                let priority = item.get("priority")?.map(|p| p.integer()).transpose()?.unwrap_or(0);
                Ok(PrefetchSpans { start, end, priority })
            })
            .collect::<Result<_>>()?;
        Ok(PrefetchArtifact { spans })
    }
}
