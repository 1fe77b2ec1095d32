//! Docker's `config.json`, read as the docker command reads it, and the output of credential helpers.
//! Format: `docker/cli` `cli/config/configfile`, `docker/docker-credential-helpers`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::oci::base64;

/// The key of Docker Hub in a config and for helpers.
const HUB: &str = "https://index.docker.io/v1/";
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";

/// What a `config.json` says of credentials. `Debug` shows no secrets.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    auths: BTreeMap<String, Credentials>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// Where the credentials of a registry are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// In the file.
    Credentials(Credentials),
    /// In the helper program `docker-credential-NAME`: run it with `get`, give it [`server_address`] on its input
    /// and its output to [`parse_helper_output`].
    Helper(String),
    /// Nowhere.
    None,
}

impl DockerConfig {
    /// Parses the text of a `config.json`. What is not about credentials is ignored.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` where it is not JSON or an `auth` is not base64 of `user:password`; without its content.
    pub fn parse(text: &str) -> Result<DockerConfig> {
        // The parser's own message can quote the text around the fault.
        let bad = |what: &str| Error::new(Code::InvalidArgument, format!("Docker's config.json: {what}"));
        let text = text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            return Ok(DockerConfig::default());
        }
        let root: Value = serde_json::from_str(text).map_err(|_| bad("it is not JSON"))?;
        let root = root.as_object().ok_or_else(|| bad("it is not a JSON object"))?;
        let mut config = DockerConfig::default();
        let string =
            |v: Option<&Value>| v.and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_string);
        for (server, entry) in root.get("auths").and_then(Value::as_object).into_iter().flatten() {
            let mut c = Credentials {
                username: string(entry.get("username")),
                password: string(entry.get("password")),
                identity_token: string(entry.get("identitytoken")),
                registry_token: string(entry.get("registrytoken")),
            };
            if let Some(auth) = string(entry.get("auth")) {
                let (user, password) =
                    decode_auth(&auth).ok_or_else(|| bad("an \"auth\" is not base64 of user:password"))?;
                c.username = Some(user).filter(|s| !s.is_empty());
                c.password = Some(password).filter(|s| !s.is_empty());
            }
            config.auths.insert(server.clone(), c);
        }
        for (server, helper) in root.get("credHelpers").and_then(Value::as_object).into_iter().flatten() {
            if let Some(helper) = helper.as_str().filter(|h| is_helper_name(h)) {
                config.helpers.insert(server.clone(), helper.to_string());
            }
        }
        config.store = string(root.get("credsStore")).filter(|h| is_helper_name(h));
        Ok(config)
    }

    /// Where the credentials of a registry (its name in references) are. A helper wins over the file, as in Docker.
    pub fn lookup(&self, registry: &str) -> Lookup {
        let address = server_address(registry);
        let names = [address.as_str(), registry];
        if let Some(helper) = names.iter().find_map(|n| self.helpers.get(*n)) {
            return Lookup::Helper(helper.clone());
        }
        if let Some(store) = &self.store {
            return Lookup::Helper(store.clone());
        }
        self.stored(registry).map_or(Lookup::None, |c| Lookup::Credentials(c.clone()))
    }

    /// The credentials that the file itself holds for a registry, e.g. where its helper knows none.
    pub fn stored(&self, registry: &str) -> Option<&Credentials> {
        let address = server_address(registry);
        let exact = self.auths.get(&address);
        // Old entries have a scheme and a path: https://quay.io/v1/.
        let similar = || self.auths.iter().find(|(key, _)| host_of(key) == host_of(&address)).map(|(_, c)| c);
        exact.or_else(similar).filter(|c| !c.is_empty())
    }
}

/// How Docker names a registry in its config and to helpers: Docker Hub by its old URL, others by their host.
pub fn server_address(registry: &str) -> String {
    match registry {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => HUB.to_string(),
        other => other.to_string(),
    }
}

/// Parses what `docker-credential-NAME get` prints. `None` where it says that it has none.
///
/// # Errors
/// `INVALID_ARGUMENT` for anything else than its JSON; without its content.
pub fn parse_helper_output(text: &str) -> Result<Option<Credentials>> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("credentials not found") {
        return Ok(None);
    }
    let bad =
        || Error::new(Code::InvalidArgument, "the credential helper's output is not what helpers print");
    let value: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    if !value.is_object() {
        return Err(bad());
    }
    let (username, secret) = (field("Username"), field("Secret"));
    if secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(if username == TOKEN_USER || username.is_empty() {
        Credentials { identity_token: Some(secret), ..Credentials::default() }
    } else {
        Credentials::basic(username, secret)
    }))
}

/// A helper's name becomes part of a program's name.
fn is_helper_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn host_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or_default()
}

fn decode_auth(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(base64::decode(auth.trim())?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_string(), password.trim_matches('\0').to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // user:pa:ss, hub:h, old:o, t:x
    const TEXT: &str = r#"{
        "HttpHeaders": {"User-Agent": "x"},
        "auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOmg="},
            "ghcr.io": {"auth": "dXNlcjpwYTpzcw==", "email": "a@b"},
            "https://quay.io/v1/": {"auth": "b2xkOm8="},
            "azure.example": {"auth": "dDp4", "identitytoken": "refresh"},
            "bearer.example": {"registrytoken": "tok"},
            "localhost:5000": {"username": "u", "password": "p"},
            "empty.example": {}
        },
        "credHelpers": {"gcr.io": "gcloud", "evil.example": "../../bin/sh"}
    }"#;

    #[test]
    fn finds_what_the_file_holds() {
        let config = DockerConfig::parse(TEXT).unwrap();
        let basic = |u: &str, p: &str| Lookup::Credentials(Credentials::basic(u, p));
        assert_eq!(config.lookup("docker.io"), basic("hub", "h"));
        assert_eq!(config.lookup("ghcr.io"), basic("user", "pa:ss"));
        assert_eq!(config.lookup("quay.io"), basic("old", "o"));
        assert_eq!(config.lookup("localhost:5000"), basic("u", "p"));
        assert_eq!(config.lookup("gcr.io"), Lookup::Helper("gcloud".into()));
        for none in ["empty.example", "localhost", "localhost:5001", "evil.example", "io", ""] {
            assert_eq!(config.lookup(none), Lookup::None, "{none}");
        }
        let Lookup::Credentials(c) = config.lookup("azure.example") else { panic!() };
        assert_eq!(c.identity_token.as_deref(), Some("refresh"));
        assert_eq!(c.username.as_deref(), Some("t"));
        let Lookup::Credentials(c) = config.lookup("bearer.example") else { panic!() };
        assert_eq!(c.registry_token.as_deref(), Some("tok"));
    }

    #[test]
    fn a_store_is_asked_first() {
        let config = DockerConfig::parse(
            r#"{"credsStore":"desktop","credHelpers":{"https://index.docker.io/v1/":"hub"},"auths":{"a.example":{"auth":"dDp4"}}}"#,
        )
        .unwrap();
        assert_eq!(config.lookup("a.example"), Lookup::Helper("desktop".into()));
        assert_eq!(config.lookup("docker.io"), Lookup::Helper("hub".into()));
        assert_eq!(config.stored("a.example"), Some(&Credentials::basic("t", "x")));
    }

    #[test]
    fn errors_quote_nothing() {
        for text in [
            "{\"auths\": s3cret",
            "[]",
            r#"{"auths":{"a":{"auth":"s3cret!"}}}"#,
            r#"{"auths":{"a":{"auth":"czNjcmV0"}}}"#,
        ] {
            let e = DockerConfig::parse(text).unwrap_err();
            assert_eq!(e.code(), Code::InvalidArgument);
            assert!(!e.to_string().contains("s3cret") && !e.to_string().contains("czNj"), "{e}");
        }
        assert_eq!(DockerConfig::parse(" ").unwrap().lookup("a"), Lookup::None);
        assert_eq!(
            DockerConfig::parse(r#"{"auths":null,"credHelpers":7}"#).unwrap().lookup("a"),
            Lookup::None
        );
        let config = DockerConfig::parse(r#"{"auths":{"a":{"password":"s3cret"}}}"#).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn helper_output() {
        let parse = |s: &str| parse_helper_output(s).unwrap();
        assert_eq!(
            parse("{\"ServerURL\":\"ghcr.io\",\"Username\":\"u\",\"Secret\":\"p\"}\n"),
            Some(Credentials::basic("u", "p"))
        );
        let token = parse(r#"{"Username":"<token>","Secret":"refresh"}"#).unwrap();
        assert_eq!((token.identity_token.as_deref(), token.username), (Some("refresh"), None));
        assert_eq!(parse("credentials not found in native keychain\n"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse(r#"{"Username":"","Secret":""}"#), None);
        for bad in ["s3cret", "\"s3cret\"", "{"] {
            let e = parse_helper_output(bad).unwrap_err();
            assert!(e.code() == Code::InvalidArgument && !e.to_string().contains("s3cret"));
        }
    }
}
