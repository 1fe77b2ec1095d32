//! The native transport, over real sockets.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod open;
mod server;
mod shared;
mod tls;

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use futures_util::future::{Either, join_all, select};
use futures_util::{StreamExt, TryStreamExt};
use ocipeek::error::{Code, Result};
use ocipeek::format::oci::{Digest, Reference};
use ocipeek::image::{Image, OpenOptions};
use ocipeek::limits::Limits;
use ocipeek::net::native::HttpTransport;
use ocipeek::net::registry::{Registry, RegistryOptions};
use ocipeek::net::stats::Stats;
use ocipeek::net::transport::{Method, Purpose, Request, Response, Transport};
use server::{BIG, Server};

fn get(url: String) -> Request {
    let headers = vec![("accept-encoding", "identity".to_owned())];
    Request { method: Method::Get, url, headers, body: None, purpose: Purpose::Blob }
}

async fn whole(response: Response) -> Result<String> {
    let body: Vec<_> = response.body.try_collect().await?;
    Ok(String::from_utf8(body.concat()).unwrap())
}

#[test]
fn answers_are_given_as_they_come() {
    let server = Server::start();
    let transport = HttpTransport::new();
    block_on(async {
        let send = |path: &str| transport.send(get(server.url(path)));
        let hello = send("/hello").await.unwrap();
        assert_eq!((hello.status, hello.header("x-mixed")), (200, Some("Case")));
        assert_eq!((hello.header("content-length"), hello.headers_filtered), (Some("5"), false));
        assert_eq!(whole(hello).await.unwrap(), "hello");
        let moved = send("/moved").await.unwrap();
        assert_eq!((moved.status, moved.header("location")), (307, Some("/hello")));
        drop(moved);
        let gzip = send("/gzip").await.unwrap();
        assert_eq!(gzip.header("content-encoding"), Some("gzip"));
        assert_eq!(whole(gzip).await.unwrap(), "not gzip");
        let teapot = send("/teapot").await.unwrap();
        assert_eq!((teapot.status, whole(teapot).await.unwrap().as_str()), (418, "short and stout"));
        assert_eq!(whole(send("/chunked").await.unwrap()).await.unwrap(), "abcdefg");

        let head = Request { method: Method::Head, ..get(server.url("/hello")) };
        let head = transport.send(head).await.unwrap();
        assert_eq!((head.status, head.header("content-length")), (200, Some("5")));
        assert_eq!(whole(head).await.unwrap(), "");
        let post = Request {
            method: Method::Post,
            body: Some(b"a=b".to_vec()),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            ..get(server.url("/hello"))
        };
        assert_eq!(whole(transport.send(post).await.unwrap()).await.unwrap(), "hello");
    });
    let seen = server.seen();
    let lines: Vec<&str> = seen.iter().map(|s| s.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /hello",
            "GET /moved",
            "GET /gzip",
            "GET /teapot",
            "GET /chunked",
            "HEAD /hello",
            "POST /hello"
        ]
    );
    assert!(seen.iter().all(|s| s.header("cookie").is_none()));
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
    assert!(seen[0].header("user-agent").unwrap().starts_with("ocipeek/"));
    assert_eq!((seen[6].body.as_slice(), seen[6].header("content-length")), (&b"a=b"[..], Some("3")));
    assert_eq!(seen[6].header("content-type"), Some("application/x-www-form-urlencoded"));
    // All but the redirect's own body, which nobody read, came by one connection.
    assert!(server.connections() <= 2, "{}", server.connections());
}

#[test]
fn failures_are_errors() {
    let server = Server::start();
    let transport = HttpTransport::new();
    block_on(async {
        let short = transport.send(get(server.url("/short"))).await.unwrap();
        assert_eq!(whole(short).await.unwrap_err().code(), Code::Network);
        let closed = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
        let refused = transport.send(get(format!("http://{closed}/x?sig=s3cret"))).await;
        let e = refused.err().unwrap();
        assert_eq!(e.code(), Code::Network);
        assert!(!e.to_string().contains("s3cret") && e.to_string().contains(&closed.to_string()), "{e}");
        let mut bad = get(server.url("/hello"));
        bad.headers.push(("x-secret", "s3cret\n".into()));
        let e = transport.send(bad).await.err().unwrap();
        assert_eq!(e.code(), Code::InvalidArgument);
        assert!(!e.to_string().contains("s3cret"), "{e}");
        // TLS to what speaks none.
        let e = transport.send(get(server.url("/hello").replace("http:", "https:"))).await.err().unwrap();
        assert_eq!(e.code(), Code::Network);
    });
}

#[test]
fn a_body_is_read_no_faster_than_it_is_taken_and_ends_when_dropped() {
    let server = Server::start();
    let transport = HttpTransport::new();
    block_on(async {
        let mut big = transport.send(get(server.url("/big"))).await.unwrap();
        let first = big.body.next().await.unwrap().unwrap();
        assert!(first.iter().all(|&b| b == 7));
        let mut before = u64::MAX;
        while before != server.sent() {
            before = server.sent();
            transport.sleep(Duration::from_millis(200)).await;
        }
        // What the sockets hold, and two chunks.
        assert!(before < BIG as u64 / 2, "{before}");
        drop(big);
        assert!(server.ended() < BIG as u64 / 2);

        let big = transport.send(get(server.url("/big"))).await.unwrap();
        let len = big.body.try_fold(0, |n, chunk| async move { Ok(n + chunk.len()) }).await.unwrap();
        assert_eq!(len, BIG);
    });
}

#[test]
fn waiting_needs_no_runtime() {
    let server = Server::start();
    let transport = HttpTransport::new();
    block_on(async {
        let start = Instant::now();
        let hang = transport.send(get(server.url("/hang")));
        let first = select(hang, transport.sleep(Duration::from_millis(50))).await;
        assert!(matches!(first, Either::Right(_)));
        assert!((Duration::from_millis(50)..Duration::from_secs(20)).contains(&start.elapsed()));
        // Many at once.
        let all = (0..20).map(|_| async { whole(transport.send(get(server.url("/hello"))).await?).await });
        assert!(join_all(all).await.into_iter().all(|body| body.unwrap() == "hello"));
        let random = transport.random();
        assert!((0.0..1.0).contains(&random) && random != transport.random());
        assert!(transport.now_ms() > 1_600_000_000_000);
    });
}

#[test]
fn a_file_of_the_demo_image_over_a_stall() {
    let server = Server::start();
    let transport = Rc::new(HttpTransport::new());
    let name = format!("127.0.0.1:{}/app:latest-soci", server.port);
    let (bytes, counters) = block_on(async {
        let reference: Reference = name.parse().unwrap();
        let mut limits = Limits::default();
        limits.max_idle_ms = 300;
        let options = RegistryOptions::default().limits(limits);
        let registry = Registry::new(transport.clone(), &reference, None, options, Stats::default())?;
        let image =
            Image::open(Rc::new(registry), transport, &reference.target(), OpenOptions::default()).await?;
        let (_, bytes) = image.read_file(b"/app/node_modules/fflate/LICENSE", None).await?;
        Ok::<_, ocipeek::error::Error>((bytes, image.stats().counters()))
    })
    .unwrap();
    let digest = "sha256:0a1df3a083d0c010560aa342e87959c8c1070e6fd54545741f083f22d0c8b551";
    assert_eq!(Digest::of(&bytes).to_string(), digest);
    assert_eq!(counters.retries, 1);
    let seen = server.seen();
    // Besides what the server took for no request: whether it speaks TLS.
    assert_eq!(counters.requests, seen.len() as u64 + 1);
    let ranges: Vec<&str> = seen.iter().filter_map(|s| s.header("range")).collect();
    let part = |range: &str| {
        let (a, b) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        a.parse::<u64>().unwrap()..b.parse::<u64>().unwrap() + 1
    };
    assert_eq!(ranges.len(), 2);
    let (first, second) = (part(ranges[0]), part(ranges[1]));
    assert_eq!(second, first.start + (first.end - first.start) / 2..first.end);
}
