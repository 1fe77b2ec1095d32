use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Json> {
    Json::parse(text.as_bytes(), "test", &Limits::default())
}

fn code(text: &str) -> Code {
    parse(text).expect_err(text).code()
}

#[test]
fn keys_that_occur_twice_are_refused_at_any_depth() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"b":2,"a":3}]}"#, r#"{"a":1,"\u0061":2}"#] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.code(), Code::CorruptManifest);
        assert!(error.message().contains("the key \"a\" occurs twice"), "{error}");
    }
    let error = parse("{\"\u{1b}[2J\":1,\"\u{1b}[2J\":1}").unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
}

#[test]
fn what_is_not_json_is_refused() {
    for text in
        ["", " ", "{", "{}{}", "{} x", "nul", "[1,]", "{'a':1}", "\"\\ud800\"", "\u{feff}{}", "01", "NaN"]
    {
        assert_eq!(code(text), Code::CorruptManifest, "{text}");
    }
    assert_eq!(
        Json::parse(b"\"\xff\"", "test", &Limits::default()).unwrap_err().code(),
        Code::CorruptManifest
    );
    assert_eq!(code(&"[".repeat(100_000)), Code::CorruptManifest);
    assert_eq!(code(&("[".repeat(200) + &"]".repeat(200))), Code::CorruptManifest);
}

#[test]
fn limits_are_named() {
    let limits = Limits { max_json_values: 4, max_manifest_size: 20, ..Limits::default() };
    let parse = |text: &str| Json::parse(text.as_bytes(), "test", &limits);
    parse("[1,[2]]").unwrap();
    assert_eq!(parse("[1,[2,3]]").unwrap_err().limit_name(), Some("max_json_values"));
    assert_eq!(parse("{\"a\":{\"b\":[[0]]}}").unwrap_err().limit_name(), Some("max_json_values"));
    assert_eq!(parse("                     1").unwrap_err().limit_name(), Some("max_manifest_size"));
}

#[test]
fn values_have_types_and_errors_places() {
    let json = parse(
        r#"{"n":5,"z":0,"neg":-5,"min":-9223372036854775808,"max":9223372036854775807,"big":9223372036854775808,
        "huge":1e300,"frac":1.0,"s":"x","e":"","b":true,"l":["a",1],"o":{"p":{"q":[{"r":"x"}]}},"null":null}"#,
    )
    .unwrap();
    let root = json.root("test");
    let whole = |key| root.need(key).unwrap().whole().ok();
    assert_eq!((whole("n"), whole("z"), whole("max")), (Some(5), Some(0), Some(i64::MAX as u64)));
    for key in ["neg", "big", "huge", "frac", "s", "b", "l", "o"] {
        assert_eq!(whole(key), None, "{key}");
    }
    assert_eq!(root.need("min").unwrap().integer().unwrap(), i64::MIN);
    assert_eq!(root.need("n").unwrap().integer().unwrap(), 5);
    assert!(root.need("big").unwrap().integer().is_err());
    assert_eq!(root.get_str("s").unwrap(), Some("x"));
    assert_eq!(root.get_str("e").unwrap(), None);
    assert_eq!(root.get_str("null").unwrap(), None);
    assert!(root.get_str("n").is_err());
    assert!(root.has("null") && root.get("null").unwrap().is_none() && !root.has("missing"));
    assert!(root.need("b").unwrap().bool().unwrap());
    let message = |e: Error| e.message().to_owned();
    assert_eq!(message(root.need("l").unwrap().strings().unwrap_err()), "the test: l[1] must be a string");
    assert_eq!(message(root.need("missing").err().unwrap()), "the test has no `missing`");
    let o = root.need("o").unwrap();
    let p = o.need("p").unwrap();
    let q = p.need("q").unwrap();
    let item = q.items().unwrap().next().unwrap();
    assert_eq!(
        message(item.need("r").unwrap().whole().unwrap_err()),
        "the test: o.p.q[0].r must be a whole number from 0 to 2^63 - 1"
    );
    assert!(q.fields().is_err() && p.items().is_err() && o.str().is_err() && o.bool().is_err());
}

#[test]
fn keys_that_go_takes_for_others_are_refused() {
    for key in ["Layers", "LAYERS", "layer\u{17f}"] {
        let json = parse(&format!("{{\"layers\":[],{key:?}:[]}}").replace("\\u{17f}", "\u{17f}")).unwrap();
        assert_eq!(
            json.root("t").refuse_lookalikes(&["layers"]).unwrap_err().code(),
            Code::CorruptManifest,
            "{key}"
        );
    }
    let json = parse("{\"layers\":[],\"layer\":1,\"layerss\":1,\"lay\u{e9}rs\":1}").unwrap();
    json.root("t").refuse_lookalikes(&["layers", "config"]).unwrap();
}

proptest! {
    /// Our tree accepts what serde_json's own does, but for keys that occur twice.
    #[test]
    fn accepts_what_serde_json_does(text in r#"[\[\]{}:,"a10.e \\-]{0,24}"#) {
        let ours = parse(&text);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match ours {
            Ok(_) => prop_assert!(theirs.is_ok()),
            Err(e) => prop_assert!(theirs.is_err() || e.message().contains("occurs twice")),
        }
    }

    #[test]
    fn every_key_is_found(keys in prop::collection::btree_set("[a-c]{0,4}", 0..40)) {
        let shuffled = keys.iter().rev().step_by(2).chain(keys.iter().rev().skip(1).step_by(2));
        let text: Vec<String> = shuffled.map(|k| format!("{k:?}:0")).collect();
        let json = parse(&format!("{{{}}}", text.join(","))).unwrap();
        let found: Vec<&String> = json.root("test").fields().unwrap().iter().map(|(k, _)| k).collect();
        prop_assert_eq!(found, keys.iter().collect::<Vec<_>>());
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Json::parse(&bytes, "test", &Limits::default());
    }
}
