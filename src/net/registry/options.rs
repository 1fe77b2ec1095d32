//! Options of the client.

use crate::limits::Limits;

/// Options of reaching a registry.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RegistryOptions {
    /// Plain `http`, even to a registry that is not this machine. Credentials are then sent to loopback only.
    pub plain_http: bool,
    /// `https`, even to this machine: not asked first whether it speaks TLS. Wins over `plain_http`.
    pub https_only: bool,
    /// Hosts (`host` or `host:port`), besides the registry's own, that its Bearer challenge may name and that may then
    /// see the credentials.
    pub token_hosts: Vec<String>,
    /// Ask token services for the right to push to the repository too.
    pub push: bool,
    /// Further repositories of the registry to ask the right to pull from: blobs are mounted from there.
    pub mount_from: Vec<String>,
    /// Bounds on answers, redirects and retries.
    pub limits: Limits,
}

setters! {
    RegistryOptions {
        plain_http: bool,
        https_only: bool,
        token_hosts: Vec<String>,
        push: bool,
        mount_from: Vec<String>,
        limits: Limits,
    }
}
