//! An image for programs of several threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ocipeek::error::Code;
use ocipeek::format::oci::Digest;
use ocipeek::image::Follow;
use ocipeek::native::SharedImage;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::server::Server;

const FILES: [(&str, &str); 2] = [
    (
        "/app/node_modules/fflate/LICENSE",
        "sha256:0a1df3a083d0c010560aa342e87959c8c1070e6fd54545741f083f22d0c8b551",
    ),
    ("/etc/services", "sha256:83ea1cf034f789fbca2fa5017bd6f9b4aaf30b4bd6ecd05cee2e74cf07d25687"),
];

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap()
}

fn server() -> (Server, String) {
    let server = Server::start();
    server.no_stalls();
    let name = format!("127.0.0.1:{}/app:latest-soci", server.port);
    (server, name)
}

/// What reading all files once costs, in requests.
fn requests_of_one() -> u64 {
    let (server, name) = server();
    runtime().block_on(async {
        let image = SharedImage::open(&name).await.unwrap();
        for (path, digest) in FILES {
            let (_, bytes) = image.read_file(path, None).await.unwrap();
            assert_eq!(Digest::of(&bytes).to_string(), digest);
        }
        assert_eq!(image.counters().await.unwrap().requests, server.seen().len() as u64 + 1);
        image.counters().await.unwrap().requests
    })
}

#[test]
fn a_hundred_tasks_read_one_image() {
    let alone = requests_of_one();
    let (server, name) = server();
    let requests = runtime().block_on(async {
        let image = SharedImage::open(&name).await.unwrap();
        let tasks = (0..100).map(|i| {
            let (image, (path, digest)) = (image.clone(), FILES[i % FILES.len()]);
            tokio::spawn(async move {
                let stat = image.stat(path, Follow::All).await?;
                let (folder, name) = path.rsplit_once('/').unwrap();
                let listed = image.read_dir(folder).await?;
                assert!(listed.iter().any(|s| s.path.ends_with(name.as_bytes())));
                let bytes = if i % 3 == 0 {
                    let mut stream = image.read_stream(path, None).await?;
                    let mut bytes = Vec::new();
                    while let Some(piece) = stream.next().await? {
                        bytes.extend_from_slice(&piece);
                    }
                    assert_eq!(stream.remaining(), 0);
                    bytes
                } else {
                    image.read_file(path, None).await?.1.to_vec()
                };
                assert_eq!(
                    (bytes.len() as u64, Digest::of(&bytes).to_string().as_str()),
                    (stat.size, digest)
                );
                Ok::<_, ocipeek::error::Error>(())
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        image.counters().await.unwrap().requests
    });
    assert_eq!(requests, server.seen().len() as u64 + 1);
    // What is under way is shared. Neighbours that are wanted at the same time may even share a request.
    assert!(requests <= alone, "{requests} instead of {alone}");
}

#[test]
fn dropped_futures_and_streams_cancel_what_was_for_them_alone() {
    let server = Server::start();
    let name = format!("127.0.0.1:{}/app:latest-soci", server.port);
    runtime().block_on(async {
        let image = SharedImage::open(&name).await.unwrap();
        // The first range stops in its middle, and nobody else waits for it.
        let path = FILES[0].0;
        let read = timeout(Duration::from_millis(500), image.read_file(path, None)).await;
        assert!(read.is_err());
        let start = Instant::now();
        let (_, bytes) = image.read_file(path, None).await.unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), FILES[0].1);
        assert!(start.elapsed() < Duration::from_secs(20), "it waited for what was cancelled");
        // A piece that was asked for by a future that was dropped comes with the next.
        // The thread of the image may be so quick that the first look finds the piece: then another stream is asked.
        let mut stream = loop {
            let mut stream = image.read_stream(path, None).await.unwrap();
            if futures_util::poll!(Box::pin(stream.next())).is_pending() {
                break stream;
            }
        };
        let mut all = Vec::new();
        while let Some(piece) = stream.next().await.unwrap() {
            all.extend_from_slice(&piece);
        }
        assert_eq!(all, bytes);
    });
}

#[test]
fn work_of_a_dropped_future_is_dropped() {
    let (_server, name) = server();
    runtime().block_on(async {
        let image = SharedImage::open(&name).await.unwrap();
        let held = Arc::new(());
        let mine = held.clone();
        let forever = image.with(move |_| async move {
            std::future::pending::<()>().await;
            drop(mine);
            Ok(())
        });
        assert!(timeout(Duration::from_millis(50), forever).await.is_err());
        until(|| Arc::strong_count(&held) == 1).await;
    });
}

#[test]
fn the_thread_ends_with_the_last_clone_and_when_closed() {
    let (_server, name) = server();
    runtime().block_on(async {
        // What lives on the thread as long as it.
        let lives = async |image: &SharedImage| {
            let held = Arc::new(());
            let mine = held.clone();
            image
                .with(move |_| async move {
                    thread_local! { static HELD: std::cell::RefCell<Option<Arc<()>>> = const { std::cell::RefCell::new(None) } }
                    HELD.with_borrow_mut(|held| *held = Some(mine));
                    Ok(())
                })
                .await
                .unwrap();
            held
        };
        let image = SharedImage::open(&name).await.unwrap();
        let held = lives(&image).await;
        let stream = image.clone().read_stream(FILES[0].0, None).await.unwrap();
        drop(image);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(Arc::strong_count(&held), 2, "the stream keeps it open");
        drop(stream);
        until(|| Arc::strong_count(&held) == 1).await;

        let image = SharedImage::open(&name).await.unwrap();
        let held = lives(&image).await;
        let mut stream = image.read_stream(FILES[0].0, None).await.unwrap();
        let other = image.clone();
        let waiting = tokio::spawn(async move { other.with(|_| std::future::pending::<ocipeek::error::Result<()>>()).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        image.close();
        assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::Aborted);
        assert_eq!(image.stat("/", Follow::All).await.unwrap_err().code(), Code::Aborted);
        assert_eq!(stream.next().await.unwrap_err().code(), Code::Aborted);
        until(|| Arc::strong_count(&held) == 1).await;
    });
}

#[test]
fn an_image_that_does_not_open_says_why() {
    let (_server, name) = server();
    runtime().block_on(async {
        let e = SharedImage::open(&name.replace("latest", "none")).await.unwrap_err();
        assert_eq!(e.code(), Code::NotFound);
    });
}

async fn until(done: impl Fn() -> bool) {
    let waited = timeout(Duration::from_secs(20), async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("it did not come");
}
