//! Docker's `config.json` and podman's `auth.json`, read as those read them, and the output of credential helpers.
//! Formats: `docker/cli` `cli/config/configfile`, `docker/docker-credential-helpers`, `containers-auth.json(5)`.

use std::collections::BTreeMap;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::credentials::{CredentialSource, Credentials};
use crate::error::{Code, Error, Result};
use crate::format::oci::base64;

/// The key of Docker Hub in a config and for helpers.
const HUB: &str = "https://index.docker.io/v1/";
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";

/// Credentials of a `config.json` or `auth.json`. `Debug` shows no secrets.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// By what they are for: `ghcr.io`, `ghcr.io/owner`. `None` where the `auth` cannot be read: it does no harm to others.
    auths: BTreeMap<String, Option<Credentials>>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// Place of a repository's credentials.
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
    /// Parses the text of a `config.json` or `auth.json`. What is not about credentials is ignored.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` where it is not a JSON object; without its content.
    pub fn parse(text: &str) -> Result<DockerConfig> {
        // The parser's own message can quote the text around the fault.
        let text = text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            return Ok(DockerConfig::default());
        }
        let root: Value = serde_json::from_str(text).map_err(|_| bad("it is not JSON"))?;
        let root = root.as_object().ok_or_else(|| bad("it is not a JSON object"))?;
        let mut config = DockerConfig::default();
        for (key, entry) in root.get("auths").and_then(Value::as_object).into_iter().flatten() {
            let found = credentials(entry);
            if found.as_ref().is_some_and(Credentials::is_empty) {
                continue;
            }
            // Of several keys for one place, the one that Docker writes, else the first.
            let place = place(key);
            if key == &server_address(&place) || !config.auths.contains_key(&place) {
                config.auths.insert(place, found);
            }
        }
        for (server, helper) in root.get("credHelpers").and_then(Value::as_object).into_iter().flatten() {
            if let Some(helper) = helper.as_str().filter(|h| is_helper_name(h)) {
                config.helpers.insert(server.clone(), helper.to_string());
            }
        }
        config.store = text_of(root.get("credsStore")).filter(|h| is_helper_name(h));
        Ok(config)
    }

    /// Place of the credentials for a repository of a registry (their names in references). A helper wins over the file,
    /// as in Docker.
    ///
    /// # Errors
    /// As [`DockerConfig::stored`].
    pub fn lookup(&self, registry: &str, repository: &str) -> Result<Lookup> {
        let address = server_address(registry);
        let names = [address.as_str(), registry];
        if let Some(helper) = names.iter().find_map(|n| self.helpers.get(*n)) {
            return Ok(Lookup::Helper(helper.clone()));
        }
        if let Some(store) = &self.store {
            return Ok(Lookup::Helper(store.clone()));
        }
        Ok(self.stored(registry, repository)?.map_or(Lookup::None, |c| Lookup::Credentials(c.clone())))
    }

    /// The credentials that the file itself holds for a repository, e.g. where its helper knows none: those of the longest
    /// of `registry/owner/name`, `registry/owner`, `registry` that the file has.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` where that entry's `auth` is not base64 of `user:password`; without its content.
    pub fn stored(&self, registry: &str, repository: &str) -> Result<Option<&Credentials>> {
        let whole = format!("{registry}/{repository}");
        let mut place = whole.as_str();
        loop {
            match self.auths.get(place) {
                Some(Some(found)) => return Ok(Some(found)),
                Some(None) => {
                    return Err(bad(&format!("the \"auth\" of {place} is not base64 of user:password")));
                }
                None => {}
            }
            // Not beyond the registry.
            match place.rsplit_once('/').filter(|_| place.len() > registry.len()) {
                Some((parent, _)) => place = parent,
                None => return Ok(None),
            }
        }
    }
}

fn bad(what: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the file with credentials: {what}"))
}

/// Credentials of an entry; `None` where its `auth` cannot be read.
fn credentials(entry: &Value) -> Option<Credentials> {
    let mut c = Credentials {
        username: text_of(entry.get("username")),
        password: text_of(entry.get("password")),
        identity_token: text_of(entry.get("identitytoken")),
        registry_token: text_of(entry.get("registrytoken")),
    };
    if let Some(auth) = text_of(entry.get("auth")) {
        let (user, password) = decode_auth(&auth)?;
        c.username = Some(user).filter(|s| !s.is_empty());
        c.password = Some(password).filter(|s| !s.is_empty());
    }
    Some(c)
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_string)
}

/// Scope of a key. With a scheme it is an old one, whose path says nothing: `https://quay.io/v1/`.
fn place(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (host, path) = match bare.unwrap_or(key).split_once('/') {
        Some((host, path)) => (host, path.trim_end_matches('/')),
        None => (bare.unwrap_or(key), ""),
    };
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    };
    if bare.is_some() || path.is_empty() { host.to_string() } else { format!("{host}/{path}") }
}

/// The name of a registry in Docker's config and to helpers: Docker Hub by its old URL, others by their host.
pub fn server_address(registry: &str) -> String {
    match registry {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => HUB.to_string(),
        other => other.to_string(),
    }
}

/// Parses what `docker-credential-NAME get` prints. `None` where it says that it has none. Lines before and behind the
/// JSON, such as warnings, are passed over.
///
/// # Errors
/// `INVALID_ARGUMENT` where there is nothing else; without its content.
pub fn parse_helper_output(text: &str) -> Result<Option<Credentials>> {
    if text.trim().is_empty() || text.contains("credentials not found") {
        return Ok(None);
    }
    let is_start =
        |at: &usize| text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with('\n'));
    let starts = text.match_indices('{').map(|(at, _)| at).filter(is_start).take(MAX_STARTS);
    let mut values = starts.filter_map(|at| {
        let value = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<Value>().next()?.ok()?;
        (value.get("Username").is_some() || value.get("Secret").is_some()).then_some(value)
    });
    let Some(value) = values.next() else {
        let what = "the credential helper printed something else than credentials";
        return Err(Error::new(Code::InvalidArgument, what));
    };
    let field = |name: &str| text_of(value.get(name)).unwrap_or_default();
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

/// Lines of a helper's output that are tried as the beginning of its JSON.
const MAX_STARTS: usize = 16;

/// A helper's name becomes part of a program's name.
fn is_helper_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn decode_auth(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(base64::decode(auth.trim())?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_string(), password.trim_matches('\0').to_string()))
}

/// Credentials that a `config.json` itself holds; credential helpers are not run.
impl CredentialSource for DockerConfig {
    fn get<'a>(
        &'a self,
        registry: &'a str,
        repository: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<Credentials>>> {
        Box::pin(async move { self.stored(registry, repository).map(|found| found.cloned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<Value> {
        let path = format!("{}/tests/fixtures/credentials/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// As the table writes it.
    fn shown(c: Option<&Credentials>) -> Value {
        let Some(c) = c else { return Value::Null };
        let fields = [
            ("username", &c.username),
            ("password", &c.password),
            ("identityToken", &c.identity_token),
            ("registryToken", &c.registry_token),
        ];
        fields.into_iter().filter_map(|(k, v)| Some((k.to_string(), Value::String(v.clone()?)))).collect()
    }

    fn failed(e: &Error) -> Value {
        assert_eq!(e.code(), Code::InvalidArgument);
        assert!(!e.to_string().contains("s3cret") && !e.to_string().contains("czNj"), "{e}");
        e.message().into()
    }

    /// The package's parser has the same table: `tests/js/docker-auth.test.mjs`.
    #[test]
    fn the_table_of_configs() {
        let mut asked = 0;
        for case in fixture("cases.json") {
            let config = DockerConfig::parse(case["config"].as_str().unwrap());
            for ask in case["ask"].as_array().unwrap() {
                let (registry, repository) =
                    (ask["registry"].as_str().unwrap(), ask["repository"].as_str().unwrap());
                let what = format!("{}: {registry}/{repository}", case["name"]);
                let want = &ask["find"];
                let found =
                    config.as_ref().map_err(Error::clone).and_then(|c| c.lookup(registry, repository));
                match found {
                    Ok(Lookup::Helper(name)) => {
                        assert_eq!(want["helper"], name.as_str(), "{what}");
                        let stored = config.as_ref().unwrap().stored(registry, repository).unwrap();
                        assert_eq!(shown(stored), want["stored"], "{what}");
                    }
                    Ok(Lookup::Credentials(c)) => assert_eq!(shown(Some(&c)), *want, "{what}"),
                    Ok(Lookup::None) => assert_eq!(Value::Null, *want, "{what}"),
                    Err(e) => {
                        let want =
                            format!("the file with credentials: {}", want["error"].as_str().expect(&what));
                        assert_eq!(failed(&e), want.as_str(), "{what}");
                    }
                }
                asked += 1;
            }
            assert!(!format!("{config:?}").contains("s3cret"));
        }
        assert!(asked > 50, "{asked}");
    }

    #[test]
    fn the_table_of_helpers() {
        for case in fixture("helpers.json") {
            let want = &case["find"];
            match parse_helper_output(case["output"].as_str().unwrap()) {
                Ok(found) => assert_eq!(shown(found.as_ref()), *want, "{}", case["name"]),
                Err(e) => {
                    let want = format!("the credential helper {}", want["error"].as_str().unwrap());
                    assert_eq!(failed(&e), want.as_str(), "{}", case["name"]);
                }
            }
        }
    }
}
