//! HTTP over a [`Transport`](crate::net::transport::Transport): URLs, header fields, retries and ranged bodies.
//! Shared by the registry client and by layouts at a URL.
#![forbid(unsafe_code)]

mod client;
mod date;
mod headers;
mod idle;
mod ranged;
mod redirect;
mod retry;
mod text;
mod url;

pub(crate) use client::{Answer, Client, Gather, Outgoing, read_limited, status_error};
pub(crate) use ranged::{Part, Resource, accept_encoding, read};
pub(crate) use redirect::{Call, discard, follow, may_take};
pub(crate) use retry::{Retry, is_retryable};
pub(crate) use text::{body_message, shown};
pub(crate) use url::encode_into;

#[doc(hidden)]
pub use date::{http_date, rfc3339};
#[doc(hidden)]
pub use headers::{ContentRange, content_range, next_link, retry_after};
#[doc(hidden)]
pub use url::Url;
