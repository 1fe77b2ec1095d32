//! Requests of the caller's own, signed in. Their bodies, and those of their answers, never leave JavaScript.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::error::{from_js, invalid, js_result, to_js};
use super::fetch::{FetchTransport, network_error};
use super::options::Options;
use super::{abort, convert, js, open};
use crate::error::Result;
use crate::format::oci::Reference;
use crate::net::registry::{Registry, SignedAnswer, SignedRequest};
use crate::net::stats::Stats;
use crate::net::transport::{Method, Purpose, Request, Response, Transport};

/// The client of one repository of a registry. Its memory is freed by `free()`, or when it is collected.
#[wasm_bindgen]
pub struct WasmRegistry {
    registry: Rc<Registry>,
    transport: FetchTransport,
}

/// A client for `repository` (`registry/repository`); `host` and `options` as in `openImage`. Nothing is sent yet.
#[wasm_bindgen(js_name = openRegistry)]
pub fn open_registry(repository: &str, options: JsValue, host: JsValue) -> Result<WasmRegistry, JsValue> {
    js_result(client(repository, options, &host))
}

fn client(repository: &str, options: JsValue, host: &JsValue) -> Result<WasmRegistry> {
    let options = Options::from_js(options)?;
    let reference: Reference = repository.parse()?;
    let transport = FetchTransport::of_host(host).0;
    let registry_options = options.registry_options(options.limits.clone());
    let (credentials, own) = (open::credentials(host), Rc::new(transport.clone()));
    let registry = Registry::new(own, &reference, credentials, registry_options, Stats::default())?;
    Ok(WasmRegistry { registry: Rc::new(registry), transport })
}

#[wasm_bindgen]
impl WasmRegistry {
    /// Sends a request by `exchange(url, authorization)`, which gives a `FetchResponse` and keeps its body. The promise gives
    /// the head of the last one.
    pub fn send(
        &self,
        method: String,
        target: String,
        retries: bool,
        exchange: Function,
        stop: Option<Promise>,
    ) -> Promise {
        let (registry, own) = (Rc::clone(&self.registry), self.transport.clone());
        abort::promise(stop, async move {
            let method = Method::parse(&method).ok_or_else(|| invalid("method", "an HTTP method"))?;
            let request = SignedRequest { method, target: &target, retries };
            let answer = registry.send(Rc::new(Exchange { exchange, own }), request).await?;
            Ok(head(answer).into())
        })
    }

    /// The error that an answer is; `answer` as `send` gives it, `body` what came of its text.
    pub fn failure(&self, answer: JsValue, body: &[u8], what: &str) -> JsValue {
        let number = |name| js::get_some(&answer, name).and_then(|v| v.as_f64());
        let answer = SignedAnswer {
            status: number("status").unwrap_or_default() as u16,
            url: js::get_some(&answer, "url").and_then(|v| v.as_string()).unwrap_or_default(),
            is_home: js::get_some(&answer, "isHome").is_some_and(|v| v.is_truthy()),
            retry_after: number("retryAfter").map(|seconds| seconds as u32),
            next: None,
            location: None,
            headers_filtered: false,
        };
        to_js(&self.registry.failure(&answer, body, what))
    }

    /// Asks for the right to pull from another repository too.
    #[wasm_bindgen(js_name = pullFrom)]
    pub fn pull_from(&self, repository: &str) {
        self.registry.pull_from(repository);
    }

    /// Authorization that requests are signed with now: `{challenge, authorization, renewAt?, withheld?, isElsewhere}`.
    pub fn grant(&self) -> Option<Object> {
        self.registry.grant().map(convert::grant)
    }

    /// Signs requests in by what `grant` gave.
    pub fn resume(&self, grant: JsValue) -> Result<(), JsValue> {
        js_result(self.registry.resume(convert::read_grant(&grant)))
    }
}

fn head(answer: SignedAnswer) -> Object {
    let out = Object::new();
    js::set(&out, "status", answer.status);
    js::set(&out, "url", answer.url);
    js::set(&out, "isHome", answer.is_home);
    js::set(&out, "retryAfter", answer.retry_after);
    js::set(&out, "next", answer.next);
    js::set(&out, "location", answer.location);
    js::set(&out, "isFiltered", answer.headers_filtered);
    out
}

/// Requests whose bodies a function in JavaScript moves.
struct Exchange {
    exchange: Function,
    own: FetchTransport,
}

impl Transport for Exchange {
    fn send(&self, request: Request) -> LocalBoxFuture<'static, Result<Response>> {
        if request.purpose != Purpose::Own {
            return self.own.send(request);
        }
        let (exchange, own) = (self.exchange.clone(), self.own.clone());
        Box::pin(async move {
            let failed = |thrown: JsValue| {
                let is_ours = js::get_some(&thrown, "name").is_some_and(|name| name == "OcipeekError");
                if is_ours { from_js(&thrown) } else { network_error(&request, thrown) }
            };
            let authorization: JsValue = request
                .headers
                .iter()
                .find(|(name, _)| *name == "authorization")
                .map(|(_, v)| v.as_str())
                .into();
            let promise = exchange
                .call2(&JsValue::UNDEFINED, &request.url.as_str().into(), &authorization)
                .map_err(failed)?;
            let response = JsFuture::from(Promise::resolve(&promise)).await.map_err(failed)?;
            own.head(&request, &response)
        })
    }
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.own.sleep(duration)
    }
    fn now_ms(&self) -> u64 {
        self.own.now_ms()
    }
    fn random(&self) -> f64 {
        self.own.random()
    }
}
