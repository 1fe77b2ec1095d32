//! Follows redirects by hand, so that credentials stay with the origin that they are for.

use std::ops::Range;

use futures_util::StreamExt;

use super::client::{Answer, Client, Outgoing};
use super::url::Url;
use crate::error::{Code, Error, Result};

use crate::net::transport::{Method, Purpose};

/// A request that may be redirected.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a [(&'static str, String)],
    /// Sent to the origin of `url` only, and not once the chain has left it.
    pub(crate) authorization: Option<&'a str>,
    pub(crate) purpose: Purpose,
    pub(crate) range: Option<&'a Range<u64>>,
    /// Redirects from http to http on another host are allowed.
    pub(crate) plain_http: bool,
}

/// Sends a request and follows at most `max_redirects` redirects. Other statuses are answers. What has content follows 307
/// and 308 alone, which say that it is to be sent again.
pub(crate) async fn follow(client: &Client, call: Call<'_>) -> Result<Answer> {
    let mut url = call.url.clone();
    let mut home = true;
    let mut hops = 0;
    loop {
        let mut headers = call.headers.to_vec();
        if let Some(value) = call.authorization.filter(|_| home) {
            headers.push(("authorization", value.to_string()));
        }
        let mut out = Outgoing::get(&url, call.purpose);
        out.method = call.method;
        out.headers = headers;
        out.range = call.range.cloned();
        let answer = client.send(out).await?;
        if answer.url != url {
            // The platform has followed redirects itself.
            if !allowed(&url, &answer.url, call.plain_http) {
                return Err(refused(&url, &answer.url, INSECURE));
            }
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
        check(call, &answer, &next)?;
        home &= next.same_origin(call.url);
        discard(answer).await;
        url = next;
    }
}

const INSECURE: &str = ", which is not https; refused";

/// Whether an answer's redirect may be followed.
fn check(call: Call<'_>, answer: &Answer, to: &Url) -> Result<()> {
    let (from, writes) = (&answer.url, !call.method.is_safe());
    let why = if writes && !matches!(answer.status, 307 | 308) {
        &format!(" by {}, which loses what is sent", answer.status)
    } else if !allowed(from, to, call.plain_http) {
        INSECURE
    } else if writes && !may_take(call.url, to) {
        ", which may not take what is sent"
    } else {
        return Ok(());
    };
    Err(refused(from, to, why).with_status(answer.status))
}

/// Whether a redirect does not lead from what is encrypted, or from this machine, to what is not.
fn allowed(from: &Url, to: &Url, plain_http: bool) -> bool {
    to.is_https() || (from.is_loopback() && to.is_loopback()) || (plain_http && !from.is_https())
}

fn refused(from: &Url, to: &Url, why: &str) -> Error {
    let text = format!("{} redirects to {}{why}", from.shown(), to.origin());
    Error::new(Code::Network, text).given_up()
}

/// Whether content for `home` may be sent to a URL that was named there: to the same origin, between services of this
/// machine, or by https to where is public.
pub(crate) fn may_take(home: &Url, to: &Url) -> bool {
    to.same_origin(home) || (to.is_loopback() && home.is_loopback()) || (to.is_https() && !to.is_loopback())
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
