//! Connections that stay open and give nothing.

use std::time::Duration;

use futures_executor::block_on;
use futures_util::StreamExt;
use ocipeek::error::Code;
use ocipeek::format::oci::Digest;
use ocipeek::source::{Source, Target};

use crate::{noise, read, read_all, short};
use test_support::mock::{Mock, What};

const LEN: usize = 100_000;

#[test]
fn a_stalled_body_is_resumed_where_it_stopped() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    mock.fault("/blobs/", 1, What::Stall(30_000));
    mock.fault("/blobs/", 1, What::Stall(0));
    assert_eq!(block_on(read(&registry, &d, 10_000..60_000)).unwrap(), &data[10_000..60_000]);
    let get = format!("GET registry.test/v2/app/blobs/{}", short(&d));
    assert_eq!(
        mock.lines(),
        [
            format!("{get} [10000-59999] 206"),
            format!("{get} [40000-59999] 206"),
            format!("{get} [40000-59999] 206"),
        ]
    );
    // The second stall came without any progress since the first.
    assert_eq!(mock.sleeps(), [30_000, 225, 30_000, 450]);
    assert_eq!((mock.elapsed_ms(), mock.0.dropped.get()), (60_675, 2));
    assert_eq!(registry.stats().counters().retries, 2);

    // All bytes are there, and only the end does not come: that is waited for, and then of no matter.
    mock.fault("/blobs/", 1, What::Stall(LEN));
    assert_eq!(block_on(read_all(&registry, &d)).unwrap(), data);
    assert_eq!((mock.lines().len(), mock.sleeps()), (1, vec![30_000]));
}

#[test]
fn a_stalled_head_is_another_try() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    let manifest = mock.put_manifest("app", "1", "application/vnd.oci.image.manifest.v1+json", "{}");
    let registry = mock.registry_with(|l| l.max_idle_ms = 5_000);
    mock.fault("/manifests/", 1, What::Hang);
    mock.fault("/blobs/", 4, What::Hang);
    let got = block_on(registry.manifest(&Target::Tag("1".into()))).unwrap();
    assert_eq!(Digest::of(&got.bytes), manifest);
    assert_eq!(mock.sleeps(), [5_000, 225]);
    let e = block_on(read(&registry, &d, 5..9)).unwrap_err();
    assert_eq!((e.code(), e.status()), (Code::Network, None));
    let url = format!("https://registry.test/v2/app/blobs/{}", d.digest);
    assert_eq!(e.message(), format!("{url}: no bytes for 5000 ms, the limit max_idle_ms"));
    assert_eq!(mock.sleeps(), [5_000, 225, 5_000, 450, 5_000, 900, 5_000]);
}

#[test]
fn a_token_service_may_stall_too() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    mock.bearer("https://auth.test/token");
    mock.fault("auth.test", 1, What::Hang);
    let registry = mock.registry();
    block_on(read(&registry, &d, 5..9)).unwrap();
    assert_eq!(mock.sleeps(), [30_000, 225]);
}

#[test]
fn slow_is_not_stalled() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    mock.fault("/blobs/", 1, What::Slow(29_000));
    assert_eq!(block_on(read_all(&registry, &d)).unwrap(), data);
    assert_eq!((mock.lines().len(), mock.elapsed_ms()), (1, 100 * 29_000));

    // Many small pieces: a timer for each 30 s at most, and not for each piece.
    mock.0.timers.set(0);
    mock.fault("/blobs/", 1, What::Slow(1_000));
    assert_eq!(block_on(read_all(&registry, &d)).unwrap(), data);
    assert_eq!((mock.lines().len(), mock.0.timers.get()), (1, 4));
    mock.sleeps();

    // The timer was started long before the stall, and still the stall is ended after 30 s.
    let before = mock.elapsed_ms();
    let registry = mock.registry_with(|l| l.max_attempts = 1);
    mock.fault("/blobs/", 1, What::Slow(30_001));
    assert_eq!(block_on(read_all(&registry, &d)).unwrap_err().code(), Code::Network);
    assert_eq!(mock.elapsed_ms() - before, 30_000);
}

#[test]
fn a_stall_after_slow_bytes_is_timed_from_the_last_of_them() {
    let mock = Mock::new();
    mock.0.piece.set(50_000);
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    mock.fault("/blobs/", 1, What::Slow(20_000));
    block_on(async {
        let mut body = registry.blob_stream(&d).await.unwrap();
        // The timer starts with the first wait, of 20 s.
        assert_eq!(body.next().await.unwrap().unwrap(), &data[..50_000]);
        assert_eq!(mock.elapsed_ms(), 20_000);
        assert_eq!(body.next().await.unwrap().unwrap(), &data[50_000..]);
        assert!(body.next().await.is_none());
    });
    // It rang at 30 s and was set to 50 s, 30 s from the first piece; nobody needed it by then.
    assert_eq!((mock.sleeps(), mock.elapsed_ms()), (vec![30_000], 40_000));
}

#[test]
fn time_in_which_nobody_asks_does_not_count() {
    let mock = Mock::new();
    let data = noise(LEN);
    let d = mock.put_blob(data.clone());
    let registry = mock.registry();
    mock.fault("/blobs/", 1, What::Slow(10_000));
    block_on(async {
        let mut body = registry.blob_stream(&d).await.unwrap();
        let mut got = Vec::new();
        while let Some(chunk) = body.next().await {
            got.extend_from_slice(&chunk.unwrap());
            mock.advance(Duration::from_secs(3_600));
        }
        assert_eq!(got, data);
        assert_eq!((mock.lines().len(), mock.0.dropped.get()), (1, 0));

        // Somebody asked, went away for an hour, and asks again.
        mock.fault("/blobs/", 1, What::Slow(20_000));
        let mut body = registry.blob_stream(&d).await.unwrap();
        assert!(futures_util::poll!(body.next()).is_pending());
        mock.advance(Duration::from_secs(15));
        assert!(futures_util::poll!(body.next()).is_pending());
        drop(body);
        mock.fault("/blobs/", 1, What::Stall(5_000));
        mock.lines();
        let mut body = registry.blob_stream(&d).await.unwrap();
        for _ in 0..5 {
            body.next().await.unwrap().unwrap();
        }
        assert!(futures_util::poll!(body.next()).is_pending());
        mock.advance(Duration::from_secs(3_600));
        assert!(futures_util::poll!(body.next()).is_pending());
        assert_eq!((mock.lines().len(), mock.0.dropped.get()), (1, 1));
        // It has 30 s more.
        let before = mock.elapsed_ms();
        body.next().await.unwrap().unwrap();
        assert_eq!((mock.elapsed_ms() - before, mock.lines().len()), (30_225, 1));
    });
}

#[test]
fn zero_waits_for_ever() {
    let mock = Mock::new();
    let d = mock.put_blob(noise(LEN));
    let registry = mock.registry_with(|l| l.max_idle_ms = 0);
    mock.fault("/blobs/", 1, What::Hang);
    block_on(async {
        let mut reading = Box::pin(read(&registry, &d, 5..9));
        for _ in 0..100 {
            assert!(futures_util::poll!(&mut reading).is_pending());
        }
        assert_eq!((mock.0.timers.get(), mock.lines().len()), (0, 1));
    });
}
