//! A layout below a URL, on any web server or storage service that answers Range requests.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use super::files::Files;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::net::http::{
    Answer, Call, Client, Part, Resource, Retry, Url, accept_encoding, discard, follow, read,
};
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Method, Purpose, Transport};

/// The files below a URL. A query of the base (a signature) is sent with each request and shown nowhere.
pub struct UrlFiles(Rc<Inner>);

struct Inner {
    client: Client,
    base: Url,
}

impl fmt::Debug for UrlFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UrlFiles").field(&self.0.base).finish()
    }
}

impl UrlFiles {
    /// The files below `base`, e.g. `https://example.org/images/app`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for what is no URL, and for plain `http` to another machine.
    pub fn new(transport: Rc<dyn Transport>, base: &str, limits: Limits, stats: Stats) -> Result<UrlFiles> {
        let base = Url::parse(base)?;
        if !base.is_private() {
            let text = format!("{} is not https; refused", base.shown());
            return Err(Error::new(Code::InvalidArgument, text));
        }
        Ok(UrlFiles(Rc::new(Inner { client: Client { transport, limits, stats }, base })))
    }
}

impl Inner {
    fn url(&self, path: &str) -> Url {
        let folder = self.base.path().trim_end_matches('/');
        self.base.with_path(format!("{folder}/{path}"), self.base.query().map(str::to_string))
    }

    async fn get(
        &self,
        method: Method,
        url: &Url,
        purpose: Purpose,
        range: Option<Range<u64>>,
        as_is: bool,
    ) -> Result<Answer> {
        let headers = [accept_encoding(as_is)];
        let range = range.as_ref();
        let call =
            Call { method, url, headers: &headers, authorization: None, purpose, range, plain_http: false };
        let answer = follow(&self.client, call).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        let e = self.client.refusal(&answer, &answer.url.shown());
        discard(answer).await;
        Err(e)
    }

    async fn size(&self, path: &str) -> Result<Option<u64>> {
        let url = self.url(path);
        let mut retry = Retry::new();
        loop {
            match self.get(Method::Head, &url, Purpose::Blob, None, false).await {
                Ok(answer) => {
                    let unknown = || {
                        Error::new(
                            Code::Network,
                            format!("{}: the server does not say its size", url.shown()),
                        )
                    };
                    return Ok(Some(answer.content_length().ok_or_else(unknown)?));
                }
                Err(e) if e.code() == Code::NotFound => return Ok(None),
                Err(e) => retry.wait(&self.client, e).await?,
            }
        }
    }
}

impl Files for UrlFiles {
    fn size<'a>(&'a self, path: &'a str) -> Later<'a, Option<u64>> {
        Box::pin(self.0.size(path))
    }
    fn read<'a>(&'a self, path: &'a str, range: Option<Range<u64>>) -> Later<'a, ByteStream> {
        let purpose = if path.starts_with("blobs/") { Purpose::Blob } else { Purpose::Manifest };
        let part = match range {
            Some(range) => Part::Range(range, None),
            None => Part::Whole(None),
        };
        Box::pin(read(Rc::new(File { at: self.0.clone(), url: self.0.url(path), purpose }), part))
    }
    fn name(&self) -> String {
        self.0.base.shown()
    }
    fn for_reader(
        &self,
        transport: &Rc<dyn Transport>,
        limits: &Limits,
        stats: &Stats,
    ) -> Option<Rc<dyn Files>> {
        let (transport, limits, stats) = (transport.clone(), limits.clone(), stats.clone());
        let client = Client { transport, limits, stats };
        Some(Rc::new(UrlFiles(Rc::new(Inner { client, base: self.0.base.clone() }))))
    }
    fn counts_reads(&self) -> bool {
        true
    }
}

struct File {
    at: Rc<Inner>,
    url: Url,
    purpose: Purpose,
}

impl Resource for File {
    fn client(&self) -> &Client {
        &self.at.client
    }
    fn get(&self, range: Option<Range<u64>>, as_is: bool) -> Later<'_, Answer> {
        let purpose = if range.is_some() { Purpose::Range } else { self.purpose };
        Box::pin(self.at.get(Method::Get, &self.url, purpose, range, as_is))
    }
    fn what(&self) -> String {
        self.url.shown()
    }
}
