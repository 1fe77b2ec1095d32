//! Credentials and where they come from.

use std::fmt;

use futures_util::future::LocalBoxFuture;

use crate::error::Result;
use crate::format::oci::base64;

/// Credentials for one registry. `Debug` shows only which there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: Option<String>,
    /// Password or access token.
    pub password: Option<String>,
    /// An OAuth2 refresh token, given to the token service only.
    pub identity_token: Option<String>,
    /// A Bearer token, given to the registry as it is.
    pub registry_token: Option<String>,
}

impl Credentials {
    /// A user name and password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Credentials { username: Some(username.into()), password: Some(password.into()), ..Default::default() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        let has = |s: &Option<String>| s.as_deref().is_some_and(|s| !s.is_empty());
        !(has(&self.password)
            || has(&self.identity_token)
            || has(&self.registry_token)
            || has(&self.username))
    }

    /// `Basic …` of user name and `secret`.
    pub(super) fn basic_header(username: &str, secret: &str) -> String {
        format!("Basic {}", base64::encode(format!("{username}:{secret}").as_bytes()))
    }

    /// The texts that no message may show.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        [&self.password, &self.identity_token, &self.registry_token]
            .into_iter()
            .filter_map(|s| s.as_deref())
            .filter(|s| !s.is_empty())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |s: &Option<String>| if s.is_some() { "given" } else { "none" };
        f.debug_struct("Credentials")
            .field("username", &has(&self.username))
            .field("password", &has(&self.password))
            .field("identity_token", &has(&self.identity_token))
            .field("registry_token", &has(&self.registry_token))
            .finish()
    }
}

/// Finds credentials. Asked at most once for a source, and only after the registry has asked for some.
pub trait CredentialSource {
    /// The credentials for a repository (`library/alpine`) of a registry, by its name in references (`docker.io`,
    /// `ghcr.io`, `localhost:5000`). An error does not end the request: it goes on without credentials, and its message
    /// is told where these were needed. So it must hold no secret.
    fn get<'a>(
        &'a self,
        registry: &'a str,
        repository: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<Credentials>>>;
}

/// Given in code, for whichever registry is opened with them.
impl CredentialSource for Credentials {
    fn get<'a>(
        &'a self,
        _registry: &'a str,
        _repository: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<Credentials>>> {
        Box::pin(async move { Ok(Some(self.clone())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let c = Credentials {
            username: Some("s3cret".into()),
            password: Some("s3cret".into()),
            identity_token: Some("s3cret".into()),
            registry_token: Some("s3cret".into()),
        };
        let text = format!("{c:?}");
        assert!(!text.contains("s3cret"), "{text}");
        assert!(!c.is_empty());
        assert!(Credentials::default().is_empty());
    }

    #[test]
    fn basic_header() {
        assert_eq!(Credentials::basic_header("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
