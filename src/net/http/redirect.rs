//! Follows redirects by hand, so that credentials stay with the origin that they are for.

use std::ops::Range;

use futures_util::StreamExt;

use super::client::{Answer, Client, Outgoing};
use super::url::Url;
use crate::error::{Code, Error, Result};

use crate::net::transport::{Method, Purpose};

/// A GET or HEAD that may be redirected.
pub(crate) struct Get<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a [(&'static str, String)],
    /// Sent to the origin of `url` only, and not once the chain has left it.
    pub(crate) authorization: Option<&'a str>,
    pub(crate) purpose: Purpose,
    pub(crate) range: Option<Range<u64>>,
    /// Redirects from http to http on another host are allowed.
    pub(crate) plain_http: bool,
}

/// Sends a GET and follows at most `max_redirects` redirects. Other statuses are answers.
pub(crate) async fn follow(client: &Client, get: Get<'_>) -> Result<Answer> {
    let mut url = get.url.clone();
    let mut home = true;
    let mut hops = 0;
    loop {
        let mut headers = get.headers.to_vec();
        if let Some(value) = get.authorization.filter(|_| home) {
            headers.push(("authorization", value.to_string()));
        }
        let mut out = Outgoing::get(&url, get.purpose);
        out.method = get.method;
        out.headers = headers;
        out.range.clone_from(&get.range);
        let answer = client.send(out).await?;
        if answer.url != url {
            // The platform has followed redirects itself.
            allowed(&url, &answer.url, get.plain_http)?;
        }
        let target = match (answer.status, answer.header("location")) {
            (301 | 302 | 303 | 307 | 308, Some(target)) => target,
            _ => return Ok(answer),
        };
        hops += 1;
        if hops > client.limits.max_redirects {
            let e = Error::limit("max_redirects", u64::from(hops), u64::from(client.limits.max_redirects));
            return Err(e.with_status(answer.status));
        }
        let next = answer.url.join(target).map_err(|e| {
            let text = format!("{} redirects to what cannot be used: {}", url.shown(), e.message());
            Error::new(Code::Network, text).with_status(answer.status).given_up()
        })?;
        allowed(&answer.url, &next, get.plain_http)?;
        home &= next.same_origin(get.url);
        discard(answer).await;
        url = next;
    }
}

/// Whether a redirect does not lead from what is encrypted, or from this machine, to what is not.
fn allowed(from: &Url, to: &Url, plain_http: bool) -> Result<()> {
    let inside = from.is_loopback() && to.is_loopback();
    if to.is_https() || inside || (plain_http && !from.is_https()) {
        return Ok(());
    }
    let text = format!("{} redirects to {}, which is not https; refused", from.shown(), to.origin());
    Err(Error::new(Code::Network, text).given_up())
}

/// Reads a short body to its end, so that its connection can be used again.
pub(crate) async fn discard(mut answer: Answer) {
    const SHORT: u64 = 16 << 10;
    if answer.content_length().is_some_and(|n| n <= SHORT) {
        let mut read = 0;
        while let Some(Ok(chunk)) = answer.body.next().await {
            read += chunk.len();
            if read > 16 << 10 {
                return;
            }
        }
    }
}
