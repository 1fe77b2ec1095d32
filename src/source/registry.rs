//! A registry as a [`Source`].

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::{RawManifest, Source, Target};
use crate::format::oci::{Descriptor, Digest};
use crate::limits::Limits;
use crate::net::registry::Registry;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Transport};

impl Source for Registry {
    fn name(&self) -> String {
        self.0.name.clone()
    }
    fn manifest<'a>(&'a self, target: &'a Target) -> Later<'a, RawManifest> {
        Box::pin(self.0.manifest(target))
    }
    fn blob<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Later<'a, Bytes> {
        Box::pin(self.blob_whole(descriptor, limit_name, limit))
    }
    fn blob_range<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> Later<'a, ByteStream> {
        Box::pin(self.blob_part(descriptor, Some(range)))
    }
    fn blob_stream<'a>(&'a self, descriptor: &'a Descriptor) -> Later<'a, ByteStream> {
        Box::pin(self.blob_part(descriptor, None))
    }
    fn referrers<'a>(&'a self, subject: &'a Digest, artifact_type: &'a str) -> Later<'a, Vec<Descriptor>> {
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
