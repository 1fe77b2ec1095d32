//! Requests by `fetch`: the platform's through gloo-net, or one that the caller injects.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use gloo_net::http::{Method as HttpMethod, RequestBuilder};
use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{AbortController, RequestCache, RequestCredentials, RequestRedirect};

use super::body::{AbortOnDrop, Body};
use super::meter::Meter;
use super::{js, timer};
use crate::error::{Code, Error, Result};
use crate::net::transport::{Method, Purpose, Request, Response, Transport};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch, catch)]
    fn global_fetch(request: &web_sys::Request) -> Result<JsValue, JsValue>;

    /// `SubtleCrypto`. Bytes go in as a view; `digest` copies them before it returns.
    type Subtle;
    #[wasm_bindgen(method, catch)]
    fn digest(this: &Subtle, algorithm: &str, data: &[u8]) -> Result<Promise, JsValue>;
}

/// Below this a promise costs more than hashing here.
const SUBTLE_MIN: usize = 64 << 10;

/// [`Transport`] over `fetch`. Clones share.
#[derive(Clone)]
pub struct FetchTransport(Rc<Inner>);

struct Inner {
    fetch: Option<Function>,
    /// A page or a worker in a browser: CORS applies, and redirects are hidden.
    browser: bool,
    follows_redirects: Cell<bool>,
    subtle: Option<Subtle>,
    meter: Rc<Meter>,
    /// Told of work that goes on beside what is asked for.
    on_work: Option<Function>,
}

impl FetchTransport {
    /// Over `fetch` where given, called with a URL and a `RequestInit`, else over the global one at the time of each
    /// request. `browser` says that CORS applies, and that redirects are followed before anybody sees them.
    pub fn new(fetch: Option<Function>, browser: bool) -> Self {
        FetchTransport::metered(fetch, browser, Meter::new(None), None)
    }

    /// As `host` says: `{fetch?, browser, onTransfer?, onWork?}`.
    pub(super) fn of_host(host: &JsValue) -> (Self, Rc<Meter>) {
        let function = |name| js::get_some(host, name)?.dyn_into().ok();
        let meter = Meter::new(function("onTransfer"));
        let browser = js::is(host, "browser");
        let transport =
            FetchTransport::metered(function("fetch"), browser, Rc::clone(&meter), function("onWork"));
        (transport, meter)
    }

    fn metered(fetch: Option<Function>, browser: bool, meter: Rc<Meter>, on_work: Option<Function>) -> Self {
        let subtle = js::get_some(&js_sys::global(), "crypto")
            .and_then(|crypto| js::get_some(&crypto, "subtle"))
            .map(JsCast::unchecked_into);
        let follows_redirects = Cell::new(browser);
        FetchTransport(Rc::new(Inner { fetch, browser, follows_redirects, subtle, meter, on_work }))
    }

    /// The answer to a request that somebody else sent, without its body.
    pub(super) fn head(&self, request: &Request, response: &JsValue) -> Result<Response> {
        self.0.head(request, response)
    }
}

impl Transport for FetchTransport {
    fn send(&self, request: Request) -> LocalBoxFuture<'static, Result<Response>> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move { inner.send(&request).await })
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        timer::sleep(duration)
    }

    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }

    fn follows_redirects(&self) -> bool {
        self.0.follows_redirects.get()
    }

    fn decodes(&self) -> bool {
        true
    }

    fn spawn(&self, work: LocalBoxFuture<'static, ()>) -> Option<LocalBoxFuture<'static, ()>> {
        let work = future_to_promise(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        });
        if let Some(on_work) = &self.0.on_work {
            // It is only told.
            let _ = on_work.call1(&JsValue::UNDEFINED, &work);
        }
        None
    }

    fn sha256(&self, data: Bytes) -> LocalBoxFuture<'static, [u8; 32]> {
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            if data.len() >= SUBTLE_MIN
                && let Some(subtle) = &inner.subtle
                && let Ok(promise) = subtle.digest("SHA-256", &data)
                && let Ok(hash) = JsFuture::from(promise).await
                && let Ok(hash) = <[u8; 32]>::try_from(Uint8Array::new(&hash).to_vec())
            {
                return hash;
            }
            *crate::format::oci::Digest::of(&data).as_bytes()
        })
    }
}

impl Inner {
    async fn send(&self, request: &Request) -> Result<Response> {
        // Checked here because gloo-net's `Headers` panics on them.
        if let Some((name, _)) = request.headers.iter().find(|(_, value)| !is_header_value(value)) {
            return Err(Error::new(
                Code::Network,
                format!("the header {name} has characters that HTTP forbids"),
            ));
        }
        let follow = self.follows_redirects.get();
        let (response, guard) = self.fetch(request, follow).await?;
        if !follow && js::get_some(&response, "type").is_some_and(|t| t == "opaqueredirect") {
            // A platform that hides redirects although it is not a browser: let it follow them.
            drop(guard);
            self.follows_redirects.set(true);
            let (response, guard) = self.fetch(request, true).await?;
            return self.read(request, &response, guard);
        }
        self.read(request, &response, guard)
    }

    async fn fetch(&self, request: &Request, follow: bool) -> Result<(JsValue, AbortOnDrop)> {
        self.meter.request();
        let failed = |e| network_error(request, e);
        let controller = AbortController::new().map_err(failed)?;
        let promise = match &self.fetch {
            Some(fetch) => {
                // As URL and options, not as a `Request`: a `fetch` that is not the platform's
                // own knows no `Request` of the platform.
                let init = init(request, &controller, follow, self.browser);
                fetch.call2(&JsValue::UNDEFINED, &JsValue::from_str(&request.url), &init)
            }
            None => global_fetch(&build(request, &controller, follow, self.browser)?),
        };
        let guard = AbortOnDrop::new(controller);
        let response = JsFuture::from(Promise::resolve(&promise.map_err(failed)?)).await.map_err(failed)?;
        Ok((response, guard))
    }

    fn read(&self, request: &Request, response: &JsValue, guard: AbortOnDrop) -> Result<Response> {
        let body = Body::new(js::get_some(response, "body"), guard, Rc::clone(&self.meter))?;
        Ok(Response { body: Box::pin(body), ..self.head(request, response)? })
    }

    /// Without its body.
    fn head(&self, request: &Request, response: &JsValue) -> Result<Response> {
        let not_a_response = || Error::new(Code::Network, "fetch gave something else than a Response");
        let status = js::get_some(response, "status").and_then(|s| s.as_f64()).ok_or_else(not_a_response)?;
        if !(100.0..=599.0).contains(&status) {
            return Err(Error::new(Code::Network, "fetch gave a response without a status"));
        }
        let headers = js::get_some(response, "headers").ok_or_else(not_a_response)?;
        let headers = read_headers(&headers).map_err(|e| network_error(request, e))?;
        let url = js::get_some(response, "url").and_then(|u| u.as_string()).filter(|u| !u.is_empty());
        let cors = js::get_some(response, "type").is_some_and(|t| t == "cors");
        Ok(Response {
            status: status as u16,
            headers,
            url: url.unwrap_or_else(|| request.url.clone()),
            headers_filtered: self.browser && cors,
            body: Box::pin(stream::empty()),
        })
    }
}

/// The platform's `Request`, by gloo-net.
fn build(
    request: &Request,
    controller: &AbortController,
    follow: bool,
    browser: bool,
) -> Result<web_sys::Request> {
    let mut builder = RequestBuilder::new(&request.url)
        .redirect(match (request.method.is_safe(), follow) {
            // Its body is a refresh token, which must not be sent on to another host.
            (false, true) => RequestRedirect::Error,
            (true, true) => RequestRedirect::Follow,
            (_, false) => RequestRedirect::Manual,
        })
        .abort_signal(Some(&controller.signal()));
    builder = builder.method(match request.method {
        Method::Get => HttpMethod::GET,
        Method::Head => HttpMethod::HEAD,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    });
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    // workerd refuses these two options.
    if browser {
        builder = builder.credentials(RequestCredentials::Omit);
        if is_uncached(request.purpose) {
            builder = builder.cache(RequestCache::NoStore);
        }
    }
    let built = match &request.body {
        Some(body) => builder.body(Uint8Array::from(&body[..])),
        None => builder.build(),
    };
    // Its message would repeat the URL, which may hold a signature.
    let built = built.map_err(|_| Error::new(Code::Network, "the platform refuses the request's URL"))?;
    Ok(built.into())
}

/// The same as a `RequestInit` for an injected `fetch`.
fn init(request: &Request, controller: &AbortController, follow: bool, browser: bool) -> Object {
    let init = Object::new();
    js::set(&init, "method", request.method.as_str());
    let headers = Object::new();
    for (name, value) in &request.headers {
        js::set(&headers, name, value.as_str());
    }
    js::set(&init, "headers", headers);
    // See `build`.
    let redirect = match (request.method.is_safe(), follow) {
        (false, true) => "error",
        (true, true) => "follow",
        (_, false) => "manual",
    };
    js::set(&init, "redirect", redirect);
    js::set(&init, "signal", controller.signal());
    if let Some(body) = &request.body {
        js::set(&init, "body", Uint8Array::from(&body[..]));
    }
    if browser {
        js::set(&init, "credentials", "omit");
        if is_uncached(request.purpose) {
            js::set(&init, "cache", "no-store");
        }
    }
    init
}

/// Chromium locks a cache entry while it is written: parallel ranges of one blob would wait for each other.
/// Tokens do not belong in a cache at all.
fn is_uncached(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Range | Purpose::Token)
}

/// Visible ASCII, space and tab, and Latin-1 (which `fetch` sends as single bytes).
fn is_header_value(value: &str) -> bool {
    value.chars().all(|c| matches!(c, '\t' | ' '..='~' | '\u{a0}'..='\u{ff}'))
}

fn read_headers(headers: &JsValue) -> Result<Vec<(String, String)>, JsValue> {
    let mut out = Vec::new();
    let Some(entries) = js_sys::try_iter(headers)? else { return Ok(out) };
    for entry in entries {
        let entry = entry?;
        let name = Reflect::get_u32(&entry, 0)?.as_string();
        let value = Reflect::get_u32(&entry, 1)?.as_string();
        if let Some((name, value)) = name.zip(value) {
            out.push((name.to_ascii_lowercase(), value));
        }
    }
    Ok(out)
}

/// `NETWORK`, with what the platform says but without the URL's query: some platforms repeat the whole URL,
/// and a redirect's query may be a signature.
pub(super) fn network_error(request: &Request, exception: JsValue) -> Error {
    let message = js::describe(&exception);
    let (url, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let leaks = !query.is_empty() && message.contains(query);
    let message = if leaks { message.replace(query, "…") } else { message };
    // Who they are is not proved, and will not be by asking again.
    let untrusted = message.contains("certificate");
    let error = Error::new(Code::Network, format!("no answer from {url}: {message}"));
    let error = if untrusted { error.given_up() } else { error };
    if leaks { error } else { error.with_cause(Rc::new(exception)) }
}
