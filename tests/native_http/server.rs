//! A server of HTTP/1.1 on loopback: a registry that holds the demo image, and answers that are wrong on purpose.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

/// Size of `/big`.
pub const BIG: usize = 64 << 20;

pub struct Server {
    pub port: u16,
    state: Arc<State>,
    ended: Mutex<mpsc::Receiver<u64>>,
}

struct State {
    connections: AtomicU64,
    /// Bytes of `/big` that went out so far.
    sent: AtomicU64,
    /// One message for each `/big` whose connection broke.
    end: Mutex<mpsc::Sender<u64>>,
    seen: Mutex<Vec<Seen>>,
    stalls: AtomicU64,
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Method and path.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (end, ended) = mpsc::channel();
        let state = Arc::new(State {
            connections: AtomicU64::default(),
            sent: AtomicU64::default(),
            end: Mutex::new(end),
            seen: Mutex::default(),
            stalls: AtomicU64::new(1),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = shared.clone();
                state.connections.fetch_add(1, SeqCst);
                thread::spawn(move || state.connection(&stream.unwrap()));
            }
        });
        Server { port, state, ended: Mutex::new(ended) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
    pub fn connections(&self) -> u64 {
        self.state.connections.load(SeqCst)
    }
    pub fn sent(&self) -> u64 {
        self.state.sent.load(SeqCst)
    }
    /// Waits until a connection broke on which `/big` was sent; how far it came.
    pub fn ended(&self) -> u64 {
        self.ended.lock().unwrap().recv_timeout(std::time::Duration::from_secs(20)).unwrap()
    }
    /// From now on no range stops.
    pub fn no_stalls(&self) {
        self.state.stalls.store(0, SeqCst);
    }
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }
}

impl State {
    fn connection(&self, stream: &TcpStream) {
        let mut input = BufReader::new(stream);
        while let Some(seen) = read_request(&mut input) {
            self.seen.lock().unwrap().push(seen.clone());
            if self.answer(stream, &seen).is_none() {
                return;
            }
        }
    }

    /// `None` closes the connection.
    fn answer(&self, stream: &TcpStream, seen: &Seen) -> Option<()> {
        let (method, path) = seen.line.split_once(' ').unwrap();
        let send = |status: &str, headers: &str, body: &[u8]| {
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).into_bytes();
            let body = if method == "HEAD" { &[][..] } else { body };
            let mut out = stream;
            out.write_all(&[&head, body].concat()).ok()
        };
        let mut out = stream;
        // The same repository once more, for `user` with `s3cret`.
        let path = match path.strip_prefix("/v2/private/") {
            Some(rest) if seen.header("authorization") == Some("Basic dXNlcjpzM2NyZXQ=") => {
                &format!("/v2/app/{rest}")
            }
            Some(_) => return send("401 Unauthorized", "WWW-Authenticate: Basic realm=\"test\"\r\n", b""),
            None => path,
        };
        match path {
            "/hello" => send("200 OK", "Set-Cookie: a=b\r\nX-Mixed: Case\r\n", b"hello"),
            "/moved" => send("307 Temporary Redirect", "Location: /hello\r\n", b"over there"),
            "/gzip" => send("200 OK", "Content-Encoding: gzip\r\n", b"not gzip"),
            "/teapot" => send("418 I'm a teapot", "", b"short and stout"),
            "/chunked" => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                out.write_all(format!("{head}3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").as_bytes()).ok()
            }
            "/short" => {
                out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").ok()?;
                None
            }
            "/hang" => {
                thread::park();
                None
            }
            "/big" => {
                out.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n").as_bytes()).ok()?;
                let chunk = [7; 64 << 10];
                for i in 0..BIG / chunk.len() {
                    if out.write_all(&chunk).is_err() {
                        self.end.lock().unwrap().send((i * chunk.len()) as u64).unwrap();
                        return None;
                    }
                    self.sent.fetch_add(chunk.len() as u64, SeqCst);
                }
                Some(())
            }
            _ => {
                let Some((media_type, bytes)) = demo(path) else { return send("404 Not Found", "", b"") };
                let total = bytes.len();
                let kind = format!("Content-Type: {media_type}\r\n");
                let Some(range) = seen.header("range") else { return send("200 OK", &kind, &bytes) };
                let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                let part = &bytes[first..=last];
                let range = format!("Content-Range: bytes {first}-{last}/{total}\r\n");
                if self.stalls.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
                    // The first range stops in its middle, for good.
                    let head =
                        format!("HTTP/1.1 206 Partial\r\nContent-Length: {}\r\n{range}\r\n", part.len());
                    out.write_all(&[head.as_bytes(), &part[..part.len() / 2]].concat()).ok()?;
                    thread::park();
                }
                send("206 Partial Content", &range, part)
            }
        }
    }
}

fn read_request(input: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut line = || {
        let mut line = String::new();
        input.read_line(&mut line).ok().filter(|&n| n > 0)?;
        Some(line.trim_end().to_owned())
    };
    let mut seen = Seen { line: line()?.trim_end_matches(" HTTP/1.1").to_owned(), ..Seen::default() };
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        seen.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    seen.body = vec![0; seen.header("content-length").map_or(0, |n| n.parse().unwrap())];
    input.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

/// What the registry API answers of the repository `app`: the layout in the fixtures.
fn demo(path: &str) -> Option<(String, Vec<u8>)> {
    let layout = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo");
    let blob = |digest: &str| std::fs::read(layout.join("blobs").join(digest.replace(':', "/"))).ok();
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    if let Some(digest) = path.strip_prefix("/v2/app/blobs/") {
        return Some(("application/octet-stream".into(), blob(digest)?));
    }
    let name = path.strip_prefix("/v2/app/manifests/")?;
    let index = json(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let tagged = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["annotations"]["org.opencontainers.image.ref.name"] == name);
    let digest = tagged.map_or(name, |d| d["digest"].as_str().unwrap());
    let bytes = blob(digest)?;
    let media_type = json(&bytes)?["mediaType"].as_str()?.to_owned();
    Some((media_type, bytes))
}
