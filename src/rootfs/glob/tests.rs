use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, path: &[u8]) -> bool {
    Glob::new(pattern).unwrap_or_else(|e| panic!("{e}")).matches(path)
}

/// Each pattern with paths that match (`+`) and that do not (`-`).
#[test]
fn table() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("*.so", &["a.so", "usr/lib/a.so", ".so"], &["a.so.1", "a.so/b", "aso"]),
        ("/*.so", &["a.so"], &["lib/a.so"]),
        ("./*.so", &["a.so"], &["lib/a.so"]),
        ("usr/*.so", &["usr/a.so"], &["x/usr/a.so", "usr/lib/a.so"]),
        ("**/*.so", &["a.so", "x/a.so", "x/y/a.so"], &["a.so/x"]),
        ("usr/**/a", &["usr/a", "usr/x/a", "usr/x/y/a"], &["usr", "a", "xusr/a", "usr/xa"]),
        ("usr/**", &["usr/a", "usr/a/b"], &["usr", "usrx/a"]),
        ("**", &["a", "a/b"], &[]),
        ("**/", &["a", "a/b"], &[]),
        ("**/usr/**", &["usr/a", "x/usr/a"], &["usr", "x/usr"]),
        ("a/**/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a", "b"]),
        ("a**b", &["ab", "axxb", "x/ab"], &["a/b"]),
        ("a**/b", &["a/b", "ax/b"], &["ax/y/b"]),
        ("**b", &["b", "ab", "x/b"], &["b/x"]),
        ("x/**b", &["x/b", "x/ab"], &["x/y/b"]),
        ("*", &["a", "a/b", ".x"], &[]),
        ("/*", &["a", ".x"], &["a/b"]),
        ("*/b", &["a/b"], &["b", "x/a/b"]),
        ("a?c", &["abc", "aéc", "a\u{1F600}c"], &["ac", "abbc", "a/c"]),
        ("[a-c]x", &["ax", "cx"], &["dx", "x", "/x"]),
        ("[!a-c]x", &["dx", "éx"], &["ax"]),
        ("[^a]/b", &["x/b"], &["a/b", "/b"]),
        ("[]a]", &["]", "a"], &["b"]),
        ("[!]a]", &["b"], &["]", "a"]),
        ("[a-]", &["a", "-"], &["b"]),
        ("[-a]", &["a", "-"], &["b"]),
        ("[\\]\\-a]", &["]", "-", "a"], &["\\"]),
        ("[é-ü]", &["ê"], &["e"]),
        ("[[:digit:]_]*", &["1a", "_"], &["a1"]),
        ("[[:upper:][:lower:]]", &["a", "Z"], &["1"]),
        ("{a,b}.c", &["a.c", "x/b.c"], &["c.c", "a,b.c"]),
        ("{a}", &["a"], &["{a}"]),
        ("x{}y", &["xy"], &["x{}y"]),
        ("x{,y}", &["x", "xy"], &["xyy"]),
        ("{usr,opt/{x,y}}/*.so", &["usr/a.so", "opt/x/a.so", "opt/y/a.so"], &["opt/a.so", "x/a.so"]),
        ("{**,a}/b", &["b", "a/b", "x/y/b"], &["b/a"]),
        ("**/{a,b/c}", &["a", "x/a", "b/c", "x/b/c"], &["c", "b"]),
        ("{a,b/}c", &["ac", "b/c"], &["a/c", "bc"]),
        ("a//b", &["a/b"], &["ab"]),
        ("a/{,b}/c", &["a/c", "a/b/c"], &["a/b"]),
        ("//a", &["a"], &["x/a"]),
        ("\\*", &["*"], &["a"]),
        ("\\{a,b}", &["{a,b}"], &["a"]),
        ("a,b", &["a,b"], &["a"]),
        ("a}", &["a}"], &["a"]),
        ("!a", &["!a"], &["b", "a"]),
        ("dir/", &["dir", "x/dir"], &["dir/x"]),
        ("/dir/", &["dir"], &["x/dir"]),
        ("A", &["A"], &["a"]),
        ("a\nb", &["a\nb"], &["a"]),
    ];
    for (pattern, yes, no) in cases {
        for path in *yes {
            assert!(matches(pattern, path.as_bytes()), "{pattern} should match {path}");
        }
        for path in *no {
            assert!(!matches(pattern, path.as_bytes()), "{pattern} should not match {path}");
        }
        assert!(!matches(pattern, b""), "{pattern} should not match the root");
    }
}

#[test]
fn names_that_are_not_utf8() {
    assert!(matches("a?b", b"a\xffb"));
    assert!(!matches("a?b", b"a\xff\xfeb"));
    assert!(matches("a*b", b"a\xff\xfeb"));
    assert!(matches("[!x]", b"\xff"));
    assert!(Glob::new(b"*\xff".as_slice()).unwrap().matches(b"a\xff"));
    assert!(!Glob::new(b"\xfe".as_slice()).unwrap().matches(b"\xff"));
    assert!(!matches("*", b"") && matches("*", b"\0") && matches("a?b", b"a\0b"));
}

#[test]
fn patterns_that_are_refused() {
    let long = "a".repeat(MAX_PATTERN + 1);
    for pattern in [
        "", "/", "//", "./", "[", "[a", "[]", "[!]", "[z-a]", "{a", "{a,{b}", "a\\", "[a\\", "[a-\\",
        "[[:x:]]", "[[:", &long,
    ] {
        assert_eq!(Glob::new(pattern).unwrap_err().code(), Code::InvalidArgument, "{pattern:?}");
    }
    let error = Glob::new("\x1b[2J[").unwrap_err().to_string();
    assert!(error.contains("\\x1b[2J["), "{error}");
}

#[test]
fn directories_are_pruned() {
    let below = |pattern: &str, dir: &str| Glob::new(pattern).unwrap().may_match_below(dir.as_bytes());
    for (pattern, yes, no) in [
        (
            "usr/lib/*.so",
            ["", "usr", "usr/lib"].as_slice(),
            ["u", "bin", "usr/bin", "usr/lib/x", "usr/li"].as_slice(),
        ),
        ("/usr/**", &["", "usr", "usr/x/y"], &["bin", "usrx"]),
        ("**/a", &["", "x", "x/y"], &[]),
        ("*.so", &["", "x", "x/y"], &[]),
        ("{usr/lib,opt/*}/x", &["usr", "opt", "opt/any", "usr/lib"], &["opt/any/x", "usr/bin"]),
        ("/etc", &[""], &["etc", "usr"]),
        ("a/", &["", "x"], &[]),
    ] {
        assert!(yes.iter().all(|dir| below(pattern, dir)), "{pattern}");
        assert!(no.iter().all(|dir| !below(pattern, dir)), "{pattern}");
    }
}

#[test]
fn a_slash_at_the_end_asks_for_directories() {
    for (pattern, wanted) in [("a/", true), ("a", false), ("**/", true), ("a/b//", true), ("{a/,b}", false)] {
        assert_eq!(Glob::new(pattern).unwrap().directories_only(), wanted, "{pattern}");
    }
}

/// What makes backtracking matchers take exponential time.
#[test]
fn hostile_patterns_are_fast() {
    let stars = "a*".repeat(2000) + "b";
    let braces = "{a,a}".repeat(800);
    let globstars = "**/a/".repeat(800) + "b";
    let nested = "{a,".repeat(1000) + &"}".repeat(1000);
    let name = [b'a'; 4096];
    let path = "a/".repeat(2000) + "a";
    let start = std::time::Instant::now();
    assert!(!matches(&stars, &name));
    assert!(matches(&braces, &name[..800]) && !matches(&braces, &name));
    assert!(!matches(&globstars, path.as_bytes()));
    assert!(matches(&nested, b"a"));
    assert!(Glob::new(&stars).unwrap().may_match_below(&name));
    // Generous, for slow machines without optimisation; exponential would be years.
    assert!(start.elapsed().as_secs() < 60);
}

/// A pattern as its tokens, for the model.
#[derive(Debug, Clone)]
enum Token {
    Text(char),
    Slash,
    Any,
    Star,
    StarStar,
    Braces(Vec<Vec<Token>>),
}

fn token() -> impl Strategy<Value = Token> {
    let leaf = prop_oneof![
        4 => prop_oneof![Just('a'), Just('b')].prop_map(Token::Text),
        3 => Just(Token::Slash),
        1 => Just(Token::Any),
        2 => Just(Token::Star),
        2 => Just(Token::StarStar),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop::collection::vec(prop::collection::vec(inner, 0..3), 1..3).prop_map(Token::Braces)
    })
}

fn write(tokens: &[Token], out: &mut String) {
    for token in tokens {
        match token {
            Token::Text(c) => out.push(*c),
            Token::Slash => out.push('/'),
            Token::Any => out.push('?'),
            Token::Star => out.push('*'),
            Token::StarStar => out.push_str("**"),
            Token::Braces(alternatives) => {
                out.push('{');
                for (i, alternative) in alternatives.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write(alternative, out);
                }
                out.push('}');
            }
        }
    }
}

/// All that the braces stand for, as a shell expands them.
fn expand(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut out = vec![Vec::new()];
    for token in tokens {
        let choices = match token {
            Token::Braces(alternatives) => alternatives.iter().flat_map(|a| expand(a)).collect(),
            token => vec![vec![token.clone()]],
        };
        out = out
            .iter()
            .flat_map(|o: &Vec<Token>| choices.iter().map(move |c| [&o[..], &c[..]].concat()))
            .collect();
    }
    out
}

fn component(pattern: &[Token], name: &str) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((Token::Star | Token::StarStar, rest)) => (0..=name.len()).any(|i| component(rest, &name[i..])),
        Some((Token::Any, rest)) => !name.is_empty() && component(rest, &name[1..]),
        Some((Token::Text(c), rest)) => name.starts_with(*c) && component(rest, &name[1..]),
        Some(_) => unreachable!(),
    }
}

fn components(pattern: &[&[Token]], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some(([Token::StarStar], [])) => !path.is_empty(),
        Some(([Token::StarStar], rest)) => (0..=path.len()).any(|i| components(rest, &path[i..])),
        Some((first, rest)) => {
            path.split_first().is_some_and(|(name, more)| component(first, name) && components(rest, more))
        }
    }
}

fn model(tokens: &[Token], path: &str) -> bool {
    let end = tokens.iter().rposition(|t| !matches!(t, Token::Slash)).map_or(0, |i| i + 1);
    let tokens = &tokens[..end];
    let expanded = expand(tokens);
    let mut text = String::new();
    write(tokens, &mut text);
    let path: Vec<&str> =
        if text.contains('/') { path.split('/').collect() } else { path.rsplit('/').take(1).collect() };
    expanded.iter().any(|e| {
        let parts: Vec<&[Token]> = e.split(|t| matches!(t, Token::Slash)).filter(|p| !p.is_empty()).collect();
        !matches!(e.last(), Some(Token::Slash) | None) && components(&parts, &path)
    })
}

/// Stars next to each other merge when they are written down, and through braces mean what no one asks.
fn stars_touch(tokens: &[Token]) -> bool {
    let star = |t: &Token| matches!(t, Token::Star | Token::StarStar);
    expand(tokens).iter().any(|e| e.windows(2).any(|w| star(&w[0]) && star(&w[1])))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_expansion_and_backtracking(
        tokens in prop::collection::vec(token(), 1..7),
        paths in prop::collection::vec("[ab]{1,3}(/[ab]{1,3}){0,3}", 1..8),
    ) {
        prop_assume!(!stars_touch(&tokens));
        let mut pattern = String::new();
        write(&tokens, &mut pattern);
        let Ok(glob) = Glob::new(&pattern) else {
            prop_assert!(pattern.bytes().all(|b| b == b'/'));
            return Ok(());
        };
        for path in &paths {
            let wanted = model(&tokens, path);
            prop_assert_eq!(glob.matches(path.as_bytes()), wanted, "{} on {}", pattern, path);
            if wanted {
                for (i, _) in path.match_indices('/') {
                    prop_assert!(glob.may_match_below(&path.as_bytes()[..i]), "{} below {}", pattern, &path[..i]);
                }
            }
        }
    }

    #[test]
    fn nothing_panics(pattern in prop::collection::vec(any::<u8>(), 0..64), path in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(glob) = Glob::new(&pattern) {
            glob.matches(&path);
            glob.may_match_below(&path);
        }
    }

    #[test]
    fn nothing_panics_near_the_syntax(pattern in r"[\[\]{},*?!^:\\/a-]{0,24}", path in "[a/*-]{0,12}") {
        if let Ok(glob) = Glob::new(&pattern) {
            glob.matches(path.as_bytes());
            glob.may_match_below(path.as_bytes());
        }
    }
}
