//! Credentials as Docker and podman keep them on this machine.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use futures_util::future::LocalBoxFuture;

use super::helper::Helper;
use crate::error::{Code, Error, Result};
use crate::net::registry::docker_config::{DockerConfig, Lookup, server_address};
use crate::net::registry::{CredentialSource, Credentials};

/// The credentials that `docker login` or `podman login` left: those of the files, also for paths such as `ghcr.io/owner`,
/// and of the credential helpers that they name, which are run without a shell. The first that has some counts.
///
/// The files are `$REGISTRY_AUTH_FILE` alone where it is set; else `containers/auth.json` in `$XDG_RUNTIME_DIR` (without it,
/// `/run/containers/UID`) and in the user's folder of configurations, then `config.json` in `$DOCKER_CONFIG` or
/// `~/.docker`. They are read when a registry wants credentials.
#[derive(Debug, Clone)]
pub struct DockerCredentials {
    files: Vec<PathBuf>,
    /// Where helpers are looked for; `None` as this process's programs are.
    path: Option<OsString>,
}

impl Default for DockerCredentials {
    fn default() -> Self {
        DockerCredentials::new()
    }
}

impl DockerCredentials {
    /// Those of this user.
    pub fn new() -> Self {
        DockerCredentials::of(|name| std::env::var_os(name))
    }

    /// Those of one file, and of the helpers that it names.
    pub fn in_file(file: impl Into<PathBuf>) -> Self {
        DockerCredentials { files: vec![file.into()], path: None }
    }

    /// Those of an environment.
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let given = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let path = variable("PATH");
        if let Some(file) = given("REGISTRY_AUTH_FILE") {
            return DockerCredentials { files: vec![file], path };
        }
        let absolute = |name: &str| given(name).filter(|folder| folder.is_absolute());
        let home = given("HOME").or_else(std::env::home_dir);
        let in_home = |folder: &str| home.as_ref().map(|home| home.join(folder));
        let runtime = absolute("XDG_RUNTIME_DIR").map(|folder| folder.join("containers")).or_else(of_user);
        let config = absolute("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
        let docker = given("DOCKER_CONFIG").or_else(|| in_home(".docker"));
        let files = [
            runtime.map(|folder| folder.join("auth.json")),
            config.map(|folder| folder.join("containers").join("auth.json")),
            docker.map(|folder| folder.join("config.json")),
        ];
        DockerCredentials { files: files.into_iter().flatten().collect(), path }
    }

    async fn find(&self, registry: &str, repository: &str) -> Result<Option<Credentials>> {
        let mut failure = None;
        for file in &self.files {
            match self.find_in(file, registry, repository).await {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    async fn find_in(&self, file: &Path, registry: &str, repository: &str) -> Result<Option<Credentials>> {
        let named = |why: String| Error::new(Code::Unauthorized, format!("{}: {why}", file.display()));
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(named(format!("it cannot be read: {}", e.kind()))),
        };
        let broken = |e: Error| named(e.message().to_string());
        let config = DockerConfig::parse(&text).map_err(broken)?;
        let helper = match config.lookup(registry, repository).map_err(broken)? {
            Lookup::Credentials(found) => return Ok(Some(found)),
            Lookup::None => return Ok(None),
            Lookup::Helper(name) => {
                Helper { name, server: server_address(registry), path: self.path.clone() }
            }
        };
        match helper.ask().await {
            Ok(Some(found)) => Ok(Some(found)),
            asked => match config.stored(registry, repository).map_err(broken)? {
                Some(found) => Ok(Some(found.clone())),
                None => asked,
            },
        }
    }
}

impl CredentialSource for DockerCredentials {
    fn get<'a>(
        &'a self,
        registry: &'a str,
        repository: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<Credentials>>> {
        Box::pin(self.find(registry, repository))
    }
}

/// Where podman keeps them on a machine without a folder for the session.
#[cfg(target_os = "linux")]
fn of_user() -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let uid = fs::metadata("/proc/self").ok()?.uid();
    Some(Path::new("/run/containers").join(uid.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn of_user() -> Option<PathBuf> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use futures_executor::block_on;

    /// A folder with these files, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str, files: &[(&str, &str)]) -> Folder {
            let root = std::env::temp_dir().join(format!("ocipeek-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            }
            Folder(root)
        }

        /// The credentials of a user whose home this is.
        fn credentials(&self) -> DockerCredentials {
            let home = self.0.clone();
            DockerCredentials::of(move |name| match name {
                "HOME" => Some(home.clone().into()),
                "XDG_RUNTIME_DIR" => Some(home.join("run").into()),
                "PATH" => Some(format!("{}:/usr/bin:/bin", home.join("bin").display()).into()),
                _ => None,
            })
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn find(credentials: &DockerCredentials, registry: &str) -> Result<Option<Credentials>> {
        block_on(credentials.get(registry, "owner/app"))
    }

    #[test]
    fn the_first_file_that_has_some_counts() {
        let auth = |user: &str| {
            let secret = crate::format::oci::base64::encode(format!("{user}:s3cret").as_bytes());
            format!(
                r#"{{"auths": {{"{user}.example": {{"auth": "{secret}"}}, "all.example": {{"auth": "{secret}"}}}}}}"#
            )
        };
        let (run, config, docker) = (auth("run"), auth("config"), auth("docker"));
        let folder = Folder::new(
            "auth",
            &[
                ("run/containers/auth.json", &run),
                (".config/containers/auth.json", &config),
                (".docker/config.json", &docker),
                ("broken.json", "{"),
            ],
        );
        let credentials = folder.credentials();
        for user in ["run", "config", "docker"] {
            let found = find(&credentials, &format!("{user}.example")).unwrap();
            assert_eq!(found, Some(Credentials::basic(user, "s3cret")), "{user}");
        }
        assert_eq!(find(&credentials, "all.example").unwrap(), Some(Credentials::basic("run", "s3cret")));
        assert_eq!(find(&credentials, "none.example").unwrap(), None);
        let one = DockerCredentials::in_file(folder.0.join(".docker/config.json"));
        assert_eq!(find(&one, "run.example").unwrap(), None);
        assert_eq!(find(&one, "all.example").unwrap(), Some(Credentials::basic("docker", "s3cret")));
        assert_eq!(find(&DockerCredentials::in_file(folder.0.join("none")), "all.example").unwrap(), None);
        let broken = find(&DockerCredentials::in_file(folder.0.join("broken.json")), "a").unwrap_err();
        assert_eq!(broken.code(), Code::Unauthorized);
        assert!(
            broken.message().ends_with("broken.json: the file with credentials: it is not JSON"),
            "{broken}"
        );
    }

    #[test]
    fn helpers_are_asked_and_their_failures_told() {
        let folder = Folder::new(
            "helpers",
            &[
                (
                    ".docker/config.json",
                    r#"{"credHelpers": {"good.example": "good", "bad.example": "bad", "none.example": "none",
                        "missing.example": "missing", "kept.example": "bad"},
                        "auths": {"kept.example": {"username": "u", "password": "kept"}}}"#,
                ),
                (
                    "bin/docker-credential-good",
                    "#!/bin/sh\nread server\necho \"{\\\"Username\\\": \\\"$1\\\", \\\"Secret\\\": \\\"$server\\\"}\"\n",
                ),
                ("bin/docker-credential-bad", "#!/bin/sh\necho s3cret\nexit 3\n"),
                (
                    "bin/docker-credential-none",
                    "#!/bin/sh\necho credentials not found in native keychain\nexit 1\n",
                ),
            ],
        );
        let credentials = folder.credentials();
        let good = find(&credentials, "good.example").unwrap();
        assert_eq!(good, Some(Credentials::basic("get", "good.example")));
        assert_eq!(find(&credentials, "none.example").unwrap(), None);
        assert_eq!(find(&credentials, "kept.example").unwrap(), Some(Credentials::basic("u", "kept")));
        let bad = find(&credentials, "bad.example").unwrap_err();
        assert_eq!(bad.code(), Code::Unauthorized);
        assert!(bad.message().contains("failed with exit code 3"), "{bad}");
        assert!(!bad.to_string().contains("s3cret"), "{bad}");
        let missing = find(&credentials, "missing.example").unwrap_err();
        assert!(missing.message().contains("there is no program docker-credential-missing"), "{missing}");
    }
}
