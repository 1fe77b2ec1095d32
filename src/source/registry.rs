//! A registry as a [`Source`].

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use super::{RawManifest, Source, Target};
use crate::error::Result;
use crate::format::oci::{Descriptor, Digest};
use crate::limits::Limits;
use crate::net::registry::Registry;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Transport};

impl Source for Registry {
    fn name(&self) -> String {
        self.0.name.clone()
    }
    fn manifest<'a>(&'a self, target: &'a Target) -> LocalBoxFuture<'a, Result<RawManifest>> {
        Box::pin(self.0.manifest(target))
    }
    fn blob<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> LocalBoxFuture<'a, Result<Bytes>> {
        Box::pin(self.blob_whole(descriptor, limit_name, limit))
    }
    fn blob_range<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        range: Range<u64>,
    ) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(self.blob_part(descriptor, Some(range)))
    }
    fn blob_stream<'a>(&'a self, descriptor: &'a Descriptor) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(self.blob_part(descriptor, None))
    }
    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<Descriptor>>> {
        Box::pin(self.0.referrers(subject, artifact_type))
    }
    fn stats(&self) -> &Stats {
        &self.0.client.stats
    }
    fn for_reader(
        &self,
        transport: &Rc<dyn Transport>,
        limits: &Limits,
        stats: &Stats,
    ) -> Option<Rc<dyn Source>> {
        Some(Rc::new(Registry::for_reader(self, transport, limits, stats)))
    }
}
