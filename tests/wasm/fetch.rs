//! The transport over injected `fetch` functions that behave, and that do not.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use js_sys::{Function, Reflect};
use ocipeek::error::{Code, Error};
use ocipeek::format::oci::Digest;
use ocipeek::net::transport::{Method, Purpose, Request, Response, Transport};
use ocipeek::wasm::FetchTransport;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

/// Where a test's `fetch` notes what it saw: `globalThis[name]`.
fn noted(name: &str) -> JsValue {
    Reflect::get(&js_sys::global(), &name.into()).unwrap()
}

/// A transport over a `fetch` with this body; its arguments are `url` and `init`.
fn transport(body: &str) -> FetchTransport {
    FetchTransport::new(Some(Function::new_with_args("url, init", body)), false)
}

fn get(url: &str) -> Request {
    let headers = vec![("range", "bytes=0-3".to_string())];
    Request { method: Method::Get, url: url.into(), headers, body: None, purpose: Purpose::Range }
}

async fn send(transport: &FetchTransport, url: &str) -> Result<Response, Error> {
    transport.send(get(url)).await
}

async fn failure(body: &str, url: &str) -> Error {
    send(&transport(body), url).await.err().unwrap()
}

async fn body(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    while let Some(chunk) = response.body.next().await {
        out.extend_from_slice(&chunk?);
    }
    Ok(out)
}

#[wasm_bindgen_test]
async fn an_injected_fetch_gets_url_and_init() {
    let transport = transport(
        "globalThis.seen = [url, init.method, init.redirect, init.headers.range, init.signal.aborted].join(' ');
         return Promise.resolve(new Response('body', { status: 206, headers: { 'X-A': 'b', 'x-c': 'd' } }));",
    );
    let response = send(&transport, "https://h/x?q").await.unwrap();
    assert_eq!(noted("seen").as_string().unwrap(), "https://h/x?q GET manual bytes=0-3 false");
    assert_eq!(
        (response.status, response.header("x-a"), response.header("x-c")),
        (206, Some("b"), Some("d"))
    );
    assert_eq!(response.url, "https://h/x?q");
    assert!(!response.headers_filtered);
    assert_eq!(body(response).await.unwrap(), b"body");
}

#[wasm_bindgen_test]
async fn a_dropped_next_loses_no_chunk() {
    let transport = transport(
        "let n = 0;
         return new Response(new ReadableStream({ async pull(c) {
           await new Promise((r) => setTimeout(r, 5));
           if (n === 5) c.close(); else c.enqueue(new Uint8Array([n++]));
         } }, { highWaterMark: 0 }));",
    );
    let mut response = send(&transport, "https://h/").await.unwrap();
    let mut out = Vec::new();
    loop {
        // Give up at once, again and again, until a chunk happens to be there.
        let waited = transport.sleep(Duration::from_millis(1));
        match futures_util::future::select(response.body.next(), waited).await {
            futures_util::future::Either::Left((Some(chunk), _)) => out.extend_from_slice(&chunk.unwrap()),
            futures_util::future::Either::Left((None, _)) => break,
            futures_util::future::Either::Right(_) => {}
        }
    }
    assert_eq!(out, [0, 1, 2, 3, 4]);
}

#[wasm_bindgen_test]
async fn dropping_the_body_stops_request_and_stream() {
    let transport = transport(
        "globalThis.stopped = '';
         init.signal.addEventListener('abort', () => { globalThis.stopped += 'abort '; });
         return new Response(new ReadableStream({
           pull(c) { c.enqueue(new Uint8Array(9)); },
           cancel() { globalThis.stopped += 'cancel'; },
         }));",
    );
    let mut response = send(&transport, "https://h/").await.unwrap();
    assert_eq!(response.body.next().await.unwrap().unwrap().len(), 9);
    drop(response);
    transport.sleep(Duration::from_millis(5)).await;
    let stopped = noted("stopped").as_string().unwrap();
    assert!(stopped.contains("abort") && stopped.contains("cancel"), "{stopped}");
}

#[wasm_bindgen_test]
async fn dropping_the_future_stops_the_request() {
    let transport = transport(
        "return new Promise((_, reject) => init.signal.addEventListener('abort', () => {
           globalThis.gaveUp = true; reject(init.signal.reason); }));",
    );
    let sent = transport.send(get("https://h/"));
    futures_util::future::select(sent, transport.sleep(Duration::from_millis(5))).await;
    transport.sleep(Duration::from_millis(5)).await;
    assert_eq!(noted("gaveUp"), JsValue::TRUE);
}

#[wasm_bindgen_test]
async fn a_body_that_is_read_to_its_end_aborts_nothing() {
    let transport = transport(
        "globalThis.aborts = 0;
         init.signal.addEventListener('abort', () => { globalThis.aborts++; });
         return new Response('x');",
    );
    assert_eq!(body(send(&transport, "https://h/").await.unwrap()).await.unwrap(), b"x");
    transport.sleep(Duration::from_millis(5)).await;
    assert_eq!(noted("aborts"), JsValue::from(0));
}

#[wasm_bindgen_test]
async fn whatever_fetch_throws_or_returns_is_an_error() {
    for (fetch, text) in [
        ("throw new TypeError('sync')", "sync"),
        (
            "return Promise.reject(new Error('fetch failed', { cause: new Error('ECONNREFUSED') }))",
            "fetch failed: ECONNREFUSED",
        ),
        ("return Promise.reject('only text')", "only text"),
        ("return Promise.reject(undefined)", "unknown exception"),
        ("return Promise.reject(null)", "unknown exception"),
        ("return Promise.reject({ get message() { throw 1 } })", "unknown exception"),
        ("return undefined", "something else than a Response"),
        ("return 'text'", "something else than a Response"),
        ("return { status: 'x' }", "something else than a Response"),
        ("return { status: 200 }", "something else than a Response"),
        ("return { status: 0, headers: new Headers() }", "without a status"),
        ("return { status: 200, headers: [], body: {} }", "body cannot be read"),
        ("return { status: 200, headers: [], get body() { throw 1 }, url: 1 }", ""),
    ] {
        match send(&transport(fetch), "https://h/x").await {
            Err(e) => {
                assert_eq!(e.code(), Code::Network, "{fetch}");
                assert!(e.message().contains(text), "{fetch}: {e}");
            }
            // A body that cannot be had counts as none.
            Ok(r) => assert!(text.is_empty() && body(r).await.unwrap().is_empty(), "{fetch}"),
        }
    }
}

#[wasm_bindgen_test]
async fn whatever_a_body_gives_is_bytes_or_an_error() {
    for (pull, text) in [
        ("c.enqueue('text')", "something else than bytes"),
        ("c.enqueue(7)", "something else than bytes"),
        ("c.enqueue(new Uint16Array(2))", "something else than bytes"),
        ("c.error(new Error('cut'))", "broke off: cut"),
        ("c.error(undefined)", "broke off: unknown exception"),
        ("throw new Error('pull')", "broke off: pull"),
    ] {
        // Like a Response: one of the platform would refuse such chunks itself.
        let fetch = format!(
            "return {{ status: 200, headers: [], body: new ReadableStream({{ pull(c) {{ {pull} }} }}) }};"
        );
        let e = body(send(&transport(&fetch), "https://h/").await.unwrap()).await.unwrap_err();
        assert_eq!(e.code(), Code::Network);
        assert!(e.message().contains(text), "{pull}: {e}");
    }
}

#[wasm_bindgen_test]
async fn an_error_shows_no_signed_query() {
    let e = failure("throw new Error('cannot fetch ' + url)", "https://h/blob?X-Signature=s3cret").await;
    assert!(e.message().contains("h/blob") && !format!("{e} {e:?}").contains("s3cret"), "{e:?}");
    let e = failure("throw new TypeError('refused')", "https://h/blob?X-Signature=s3cret").await;
    assert!(e.message().contains("refused") && !e.message().contains("s3cret"), "{e}");
}

#[wasm_bindgen_test]
async fn a_header_that_http_forbids_is_refused() {
    let mut request = get("https://h/");
    request.headers.push(("authorization", "Bearer a\r\nx: y".into()));
    let e = FetchTransport::new(None, false).send(request).await.err().unwrap();
    assert_eq!(e.code(), Code::Network);
    assert!(e.message().contains("authorization") && !e.message().contains("Bearer"));
}

#[wasm_bindgen_test]
async fn a_platform_that_hides_redirects_follows_them() {
    let transport = transport(
        "if (init.redirect === 'follow') return new Response('there');
         return { type: 'opaqueredirect', status: 0, headers: [], body: null };",
    );
    assert!(!transport.follows_redirects());
    assert_eq!(body(send(&transport, "https://h/").await.unwrap()).await.unwrap(), b"there");
    assert!(transport.follows_redirects());
}

#[wasm_bindgen_test]
async fn hashes_alike_by_subtle_and_by_itself() {
    let transport = FetchTransport::new(None, false);
    for len in [0, 1, (64 << 10) - 1, 64 << 10, 1 << 20] {
        let data = Bytes::from((0..len).map(|i: usize| (i * 7) as u8).collect::<Vec<_>>());
        assert_eq!(&transport.sha256(data.clone()).await, Digest::of(&data).as_bytes());
    }
}
