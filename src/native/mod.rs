//! For native programs, with the feature `native-http`: opening an image by its name in one call.
#![forbid(unsafe_code)]

mod docker;
mod helper;
mod open;
mod shared;

pub use docker::DockerCredentials;
pub use open::{Options, open, open_with};
pub use shared::{SharedImage, SharedStream};
