//! What can go wrong with one answer.

use bytes::Bytes;
use ocipeek::net::transport::Request;

use super::serve::{End, Served};

/// How [`What::Hang`] shows itself inside the mock.
pub(super) const HANG: &str = "hangs";

pub struct Fault {
    pub of: String,
    /// Requests that are spared first.
    pub after: usize,
    pub times: u32,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// Another answer altogether.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// No answer; the transport's error says this.
    Network(String),
    /// No answer, for the certificate is not trusted.
    Untrusted,
    /// No answer ever comes.
    Hang,
    /// Nothing comes any more after so many bytes of the body, and the connection stays.
    Stall(usize),
    /// Each piece of the body takes so many milliseconds.
    Slow(u64),
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// The body ends, as if it were complete, after so many bytes.
    Short(usize),
    /// The body goes on past its end.
    Long(usize),
    /// One bit of this byte of the body is another.
    Flip(usize),
    /// `Range` is ignored: 200 and everything.
    NoRange,
    /// A header gets this value.
    Header(&'static str, String),
    /// A header is missing.
    Without(&'static str),
    /// Another status, all else as it would be.
    Status(u16),
}

impl What {
    pub fn redirect(status: u16, to: impl Into<String>) -> What {
        What::Answer(status, vec![("location", to.into())], String::new())
    }

    pub fn status(status: u16) -> What {
        What::Answer(status, Vec::new(), String::new())
    }

    pub(super) fn apply(&self, request: &Request, serve: &dyn Fn(&Request) -> Served) -> Served {
        let mut served = match self {
            What::Answer(status, headers, body) => {
                let mut served = Served::new(*status, Bytes::from(body.clone()));
                for (name, value) in headers {
                    served.set(name, value.clone());
                }
                return served;
            }
            What::NoRange => {
                let mut whole = request.clone();
                whole.headers.retain(|(n, _)| *n != "range");
                return serve(&whole);
            }
            _ => serve(request),
        };
        match self {
            What::Stall(n) => served.end = End::Stalled(*n),
            What::Slow(ms) => served.end = End::Slow(*ms),
            What::Cut(n) => served.end = End::Broken(*n),
            What::Short(n) => {
                served.body.truncate(*n);
                served.end = End::Lied;
            }
            What::Long(n) => {
                let mut body = served.body.to_vec();
                body.extend(std::iter::repeat_n(b'+', *n));
                served.body = body.into();
                served.end = End::Lied;
            }
            What::Flip(at) => {
                let mut body = served.body.to_vec();
                let len = body.len().max(1);
                if let Some(byte) = body.get_mut(at % len) {
                    *byte ^= 4;
                }
                served.body = body.into();
            }
            What::Header(name, value) => served.set(name, value.clone()),
            What::Without(name) => served.headers.retain(|(n, _)| n != name),
            What::Status(status) => served.status = *status,
            _ => {}
        }
        served
    }
}
