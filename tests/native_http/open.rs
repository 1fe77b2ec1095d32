//! Opening by name.
use futures_executor::block_on;
use ocipeek::error::{Code, Result};
use ocipeek::format::oci::Digest;
use ocipeek::image::PlatformBy;
use ocipeek::native::{DockerCredentials, Options};
use ocipeek::net::registry::Credentials;

use crate::server::Server;

const FILE: &str = "/app/node_modules/fflate/LICENSE";
const DIGEST: &str = "sha256:0a1df3a083d0c010560aa342e87959c8c1070e6fd54545741f083f22d0c8b551";

/// The digest of a file of an image, opened by name.
fn read(name: &str, options: Options) -> Result<String> {
    block_on(async {
        let image = ocipeek::open_with(name, options).await?;
        let (_, bytes) = image.read_file(FILE.as_bytes(), None).await?;
        Ok(Digest::of(&bytes).to_string())
    })
}

fn server() -> (Server, String) {
    let server = Server::start();
    server.no_stalls();
    let place = format!("127.0.0.1:{}", server.port);
    (server, place)
}

#[test]
fn one_call_opens_an_image_of_a_registry() {
    let (server, place) = server();
    block_on(async {
        let image = ocipeek::open(&format!("{place}/app:latest-soci")).await.unwrap();
        let (stat, bytes) = image.read_file(FILE.as_bytes(), None).await.unwrap();
        assert_eq!((stat.size, Digest::of(&bytes).to_string().as_str()), (bytes.len() as u64, DIGEST));
        assert!(image.platform_by().is_some_and(|by| by != PlatformBy::Asked));
        // Besides what the server took for no request: whether it speaks TLS.
        assert_eq!(image.stats().counters().requests, server.seen().len() as u64 + 1);
    });
    let missing = read(&format!("{place}/none:1"), Options::new()).unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[test]
fn one_call_opens_a_layout() {
    let layout = format!("{}/tests/fixtures/demo", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(read(&format!("oci:{layout}:latest-soci"), Options::new()).unwrap(), DIGEST);
    let by_digest = "sha256:8e897bbdbeb8bc5e9257c035f08edf2e3af19deb03654ae13ecb3511bae6de58";
    assert_eq!(read(&format!("oci:{layout}@{by_digest}"), Options::new()).unwrap(), DIGEST);
    assert_eq!(read(&format!("oci:{layout}:none"), Options::new()).unwrap_err().code(), Code::NotFound);
    assert_eq!(read("oci:/nowhere", Options::new()).unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_registry_that_wants_credentials_gets_them() {
    let (_server, place) = server();
    let name = format!("{place}/private:latest-soci");
    let given = |password: &str| Options::new().credentials(Credentials::basic("user", password));
    assert_eq!(read(&name, given("s3cret")).unwrap(), DIGEST);
    let refused = read(&name, given("wr0ng")).unwrap_err();
    assert_eq!(refused.code(), Code::Unauthorized);
    assert!(!refused.to_string().contains("wr0ng"), "{refused}");

    let file = std::env::temp_dir().join(format!("ocipeek-open-{}.json", std::process::id()));
    std::fs::write(&file, format!(r#"{{"auths": {{"{place}": {{"auth": "dXNlcjpzM2NyZXQ="}}}}}}"#)).unwrap();
    let found = read(&name, Options::new().credentials(DockerCredentials::in_file(&file)));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(found.unwrap(), DIGEST);
}
