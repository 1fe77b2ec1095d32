use super::*;
use crate::error::Code;

fn parse(text: &str) -> Result<ImageConfig> {
    ImageConfig::parse(text.as_bytes(), &Limits::default())
}

#[test]
fn the_demo_image() {
    let path =
        "tests/fixtures/demo/blobs/sha256/0e9e5d8fad3f27501886c813d07e81a52c8381571fa4ed41f2d32efdc6fde558";
    let bytes = std::fs::read(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let config = ImageConfig::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(config.platform(), Platform::new("linux", "amd64"));
    assert_eq!(config.created.as_deref(), Some("2026-01-02T03:04:05Z"));
    assert_eq!(config.config.env, ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
    assert_eq!(config.config.cmd, ["/bin/sh"]);
    assert_eq!((config.rootfs.diff_ids.len(), config.history.len()), (6, 6));
    // The last layer is a plain tar: its diff id is its digest.
    assert_eq!(
        config.rootfs.diff_ids[5].to_string(),
        "sha256:b9fc09164bcbab435e2f1b2b83b2cca45ee2508633ec5f4759d4a66953906751"
    );
    assert_eq!(config.history[0].created_by.as_deref(), Some("ref"));
    assert!(!config.history[0].empty_layer);
}

#[test]
fn every_field() {
    let config = parse(
        r#"{"architecture":"arm","os":"linux","variant":"v7","os.version":"1","os.features":["f"],"created":"c","author":"a",
        "config":{"User":"u:g","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["A=b"],"Entrypoint":["e"],"Cmd":["c"],
        "Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"l":"m"},"StopSignal":"SIGINT","Healthcheck":{"Test":[]}},
        "rootfs":{"type":"layers","diff_ids":[]},"history":[{"empty_layer":true,"comment":"x"}],"docker_version":"x"}"#,
    )
    .unwrap();
    let json = serde_json::to_value(&config).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"architecture":"arm","os":"linux","variant":"v7","os.version":"1","os.features":["f"],"created":"c",
        "author":"a","config":{"User":"u:g","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["A=b"],"Entrypoint":["e"],"Cmd":["c"],
        "Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"l":"m"},"StopSignal":"SIGINT"},
        "rootfs":{"diff_ids":[]},"history":[{"empty_layer":true,"comment":"x"}]})
    );
    let again = parse(&json.to_string()).unwrap();
    assert_eq!(again, config);
}

#[test]
fn what_old_and_odd_builders_wrote() {
    // Go's nil, a command as a string, and a config of an artifact.
    let config = parse(
        r#"{"config":{"Cmd":null,"Entrypoint":"sh -c x","Labels":null,"ExposedPorts":null},"rootfs":null,"history":null}"#,
    )
    .unwrap();
    assert_eq!(config.config.entrypoint, ["sh -c x"]);
    assert_eq!(config.config.cmd, [""; 0]);
    assert_eq!(parse("{}").unwrap(), ImageConfig::default());
}

#[test]
fn null_is_absent_everywhere() {
    let plain = parse(r#"{"config":{}}"#).unwrap();
    for key in [
        "architecture",
        "os",
        "variant",
        "os.version",
        "os.features",
        "created",
        "author",
        "config",
        "rootfs",
        "history",
    ] {
        assert_eq!(parse(&format!(r#"{{"{key}":null}}"#)).expect(key), plain, "{key}");
    }
    assert_eq!(parse(r#"{"os.features":[null]}"#).unwrap(), plain);
    assert_eq!(parse(r#"{"rootfs":{"diff_ids":null}}"#).unwrap(), plain);
    for key in [
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "Healthcheck",
    ] {
        assert_eq!(parse(&format!(r#"{{"config":{{"{key}":null}}}}"#)).expect(key), plain, "{key}");
    }
    for key in ["Env", "Entrypoint", "Cmd"] {
        assert_eq!(parse(&format!(r#"{{"config":{{"{key}":[null]}}}}"#)).expect(key), plain, "{key}");
    }
    assert_eq!(parse(r#"{"config":{"Labels":{"a":null}}}"#).unwrap(), plain);
    let step = parse(r#"{"history":[{}]}"#).unwrap();
    for key in ["created", "author", "created_by", "comment", "empty_layer"] {
        assert_eq!(parse(&format!(r#"{{"history":[{{"{key}":null}}]}}"#)).expect(key), step, "{key}");
    }
    // As in Go, a step that says nothing.
    assert_eq!(parse(r#"{"history":[null]}"#).unwrap(), step);
    let mixed = parse(r#"{"config":{"Env":["A=b",null],"Labels":{"a":null,"b":"c"}}}"#).unwrap();
    assert_eq!(mixed, parse(r#"{"config":{"Env":["A=b"],"Labels":{"b":"c"}}}"#).unwrap());
}

#[test]
fn refused() {
    for (text, code) in [
        ("[]", Code::CorruptManifest),
        (r#"{"os":5}"#, Code::CorruptManifest),
        (r#"{"config":[]}"#, Code::CorruptManifest),
        (r#"{"config":{"Env":[1]}}"#, Code::CorruptManifest),
        (r#"{"config":{"Labels":{"a":1}}}"#, Code::CorruptManifest),
        (r#"{"rootfs":{"diff_ids":["x"]}}"#, Code::CorruptManifest),
        (r#"{"rootfs":{"diff_ids":["sha512:00"]}}"#, Code::Unsupported),
        (r#"{"history":[{"empty_layer":"yes"}]}"#, Code::CorruptManifest),
    ] {
        assert_eq!(parse(text).expect_err(text).code(), code, "{text}");
    }
    let digest = format!("\"{}\"", Digest::of(b""));
    let many = format!(r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#, vec![digest.as_str(); 1001].join(","));
    assert_eq!(parse(&many).unwrap_err().limit_name(), Some("max_layers"));
}
