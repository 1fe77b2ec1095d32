//! Certificates and proxies. What the environment says is read by a process of its own: this test program, run again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use futures_executor::block_on;
use ocipeek::error::{Code, Result};
use ocipeek::format::oci::{Digest, Reference};
use ocipeek::image::{Image, OpenOptions};
use ocipeek::net::native::HttpTransport;
use ocipeek::net::registry::{Registry, RegistryOptions};
use ocipeek::net::stats::Stats;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::Server;

fn certificate(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/certificates", name].iter().collect()
}

/// Copies both ways until one side ends.
fn splice(a: TcpStream, b: TcpStream) {
    let (mut from, mut to) = (a.try_clone().unwrap(), b.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let (mut from, mut to) = (b, a);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// The registry `server` behind TLS, at the port that is given back.
fn with_tls(server: &Server) -> u16 {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificate("loopback.pem")).unwrap().map(|c| c.unwrap()).collect();
    let key = PrivateKeyDer::from_pem_file(certificate("loopback.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = Arc::new(config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = server.port;
    thread::spawn(move || {
        for stream in listener.incoming() {
            let config = config.clone();
            thread::spawn(move || serve_tls(stream.unwrap(), config, behind));
        }
    });
    port
}

/// One request a connection: its head in, its answer out.
fn serve_tls(mut stream: TcpStream, config: Arc<rustls::ServerConfig>, behind: u16) -> Option<()> {
    let mut session = rustls::ServerConnection::new(config).ok()?;
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut plain = TcpStream::connect(("127.0.0.1", behind)).ok()?;
    plain.write_all(head.as_bytes()).ok()?;
    let mut input = BufReader::new(plain);
    let (mut answer, mut length) = (String::new(), 0);
    while !answer.ends_with("\r\n\r\n") {
        let start = answer.len();
        input.read_line(&mut answer).ok()?;
        if let Some(n) = answer[start..].strip_prefix("Content-Length: ") {
            length = n.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    tls.write_all(answer.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).ok()?;
    tls.write_all(&body).ok()?;
    tls.conn.send_close_notify();
    tls.flush().ok()
}

/// A proxy that leads every `CONNECT` to this machine, and notes what it was asked.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let notes = notes.clone();
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut input = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") {
                    input.read_line(&mut head).unwrap();
                }
                let target = head.split(' ').nth(1).unwrap().to_owned();
                let signed = head.to_ascii_lowercase().contains("proxy-authorization: basic dtpw");
                notes.lock().unwrap().push(format!("{target}{}", if signed { " signed" } else { "" }));
                let port: u16 = target.rsplit(':').next().unwrap().parse().unwrap();
                let upstream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
                splice(stream, upstream);
            });
        }
    });
    (port, seen)
}

fn read(name: &str) -> Result<(Digest, Vec<String>)> {
    block_on(async {
        let transport = Rc::new(HttpTransport::new());
        let reference: Reference = name.parse().unwrap();
        let options = RegistryOptions::default();
        let registry = Registry::new(transport.clone(), &reference, None, options, Stats::default())?;
        let image =
            Image::open(Rc::new(registry), transport, &reference.target(), OpenOptions::default()).await?;
        let (_, bytes) = image.read_file(b"/app/node_modules/fflate/LICENSE", None).await?;
        let log = image.stats().requests().iter().map(|r| format!("{} {}", r.target, r.status)).collect();
        Ok((Digest::of(&bytes), log))
    })
}

const WANT: &str = "sha256:0a1df3a083d0c010560aa342e87959c8c1070e6fd54545741f083f22d0c8b551";

/// Runs `child` in a process with this environment.
fn run(env: &[(&str, String)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    let known = env.iter().map(|(name, value)| (*name, value.as_str()));
    let out = command.envs(known).args(["--exact", "--ignored", "tls::child"]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

/// Reads a file of the demo image from `OCIPEEK_TEST_REGISTRY`, or fails as `OCIPEEK_TEST_FAILS` says.
#[test]
#[ignore = "run by the others, in an environment of its own"]
fn child() {
    let host = std::env::var("OCIPEEK_TEST_REGISTRY").unwrap();
    let found = read(&format!("{host}/app:latest-soci"));
    match std::env::var("OCIPEEK_TEST_FAILS") {
        Ok(word) => {
            let e = found.unwrap_err();
            assert!(e.to_string().contains(&word) && !e.to_string().contains("s3cret"), "{e}");
        }
        Err(_) => {
            let (digest, log) = found.unwrap();
            assert_eq!(digest.to_string(), WANT);
            let root = format!("https://{host}/v2/");
            assert!(log.iter().all(|line| line.starts_with(&root)), "{log:?}");
            let asked = log.iter().filter(|line| **line == format!("{root} 404")).count();
            assert_eq!(asked, usize::from(host.starts_with("localhost")), "{log:?}");
        }
    }
}

#[test]
fn a_registry_with_tls_on_this_machine() {
    let server = Server::start();
    server.no_stalls();
    let host = format!("localhost:{}", with_tls(&server));
    // Nobody vouches for it here: not trusted, and not tried without TLS.
    let e = read(&format!("{host}/app:latest-soci")).unwrap_err();
    assert!(e.code() == Code::Network && e.to_string().contains("https://localhost"), "{e}");
    assert!(server.seen().is_empty());
    let authority = certificate("loopback-ca.pem").to_str().unwrap().to_owned();
    run(&[("SSL_CERT_FILE", authority), ("OCIPEEK_TEST_REGISTRY", host)]);
    assert!(!server.seen().is_empty());
}

#[test]
fn proxies_of_the_environment() {
    let server = Server::start();
    server.no_stalls();
    let port = with_tls(&server);
    let (proxy, seen) = proxy();
    let host = format!("registry.test:{port}");
    let authority = certificate("loopback-ca.pem").to_str().unwrap().to_owned();
    let with = |more: &[(&'static str, String)]| {
        let common = [("SSL_CERT_FILE", authority.clone()), ("OCIPEEK_TEST_REGISTRY", host.clone())];
        run(&[&common[..], more].concat());
    };
    let through = format!("http://u:p@127.0.0.1:{proxy}");
    with(&[("https_proxy", through.clone())]);
    let asked = std::mem::take(&mut *seen.lock().unwrap());
    assert!(!asked.is_empty() && asked.iter().all(|line| *line == format!("{host} signed")), "{asked:?}");
    // Not by one for http, nor where it is exempt: then the made-up name leads nowhere.
    let fails = ("OCIPEEK_TEST_FAILS", "registry.test".to_owned());
    with(&[("HTTP_PROXY", through.clone()), fails.clone()]);
    with(&[("HTTPS_PROXY", through.clone()), ("NO_PROXY", ".test".into()), fails]);
    assert!(seen.lock().unwrap().is_empty());
    // One that is none is said, without its password.
    let none = "u:s3cret@[nonsense";
    with(&[("HTTPS_PROXY", none.into()), ("OCIPEEK_TEST_FAILS", "none that is known here".into())]);
    // This machine is reached directly.
    let local = format!("localhost:{port}");
    let direct = [("SSL_CERT_FILE", authority.clone()), ("OCIPEEK_TEST_REGISTRY", local)];
    run(&[&direct[..], &[("HTTPS_PROXY", through)]].concat());
    assert!(seen.lock().unwrap().is_empty());
}
