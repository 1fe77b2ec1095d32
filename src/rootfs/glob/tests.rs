use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

fn matches(pattern: &str, path: &[u8]) -> bool {
    Glob::new(pattern).unwrap_or_else(|e| panic!("{e}")).matches(path)
}

/// The table that the command, the package, the worker and the page are held against, too.
#[test]
fn table() {
    let table: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/shared/globs.json")).unwrap();
    let texts = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let cases = table["matches"].as_array().unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        let pattern = case[0].as_str().unwrap();
        for path in texts(&case[1]) {
            let path = path.trim_end_matches('/');
            assert!(matches(pattern, path.as_bytes()), "{pattern} should match {path}");
        }
        for path in texts(&case[2]) {
            assert!(!matches(pattern, path.as_bytes()), "{pattern} should not match {path}");
        }
        assert!(!matches(pattern, b""), "{pattern} should not match the root");
    }
    assert!(!matches("[a-c]x", b"/x") && !matches("[^a]/b", b"/b"));
    for pattern in texts(&table["refused"]) {
        assert_eq!(Glob::new(&pattern).unwrap_err().code(), Code::InvalidArgument, "{pattern:?}");
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
    assert_eq!(Glob::new(&long).unwrap_err().code(), Code::InvalidArgument);
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
            for batch in [1, 3, 100] {
                let found = run_names(&pattern, &paths, batch, &Limits::default()).unwrap();
                prop_assert_eq!(found.contains(path), wanted, "{} on {} among names", pattern, path);
            }
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

/// A tree's names depth first, with the numbers of their folders, out of paths; all in one batch, or in batches of some.
fn run_names(pattern: &str, paths: &[String], batch: usize, limits: &Limits) -> Result<Vec<String>> {
    let mut all: Vec<&str> = vec![""];
    for path in paths {
        all.extend(path.match_indices('/').map(|(i, _)| &path[..i]).chain([&path[..]]));
    }
    all.sort_unstable_by(|a, b| a.split('/').cmp(b.split('/')));
    all.dedup();
    fn parent(path: &str) -> &str {
        path.rsplit_once('/').map_or("", |(dir, _)| dir)
    }
    let number = |path: &str| all.iter().position(|p| *p == path).unwrap() as u32;
    let names: Vec<&[u8]> = all.iter().map(|p| p.rsplit('/').next().unwrap().as_bytes()).collect();
    let parents: Vec<u32> = all.iter().map(|p| number(parent(p))).collect();
    let mut matcher = NameMatcher::new(Glob::new(pattern)?, limits);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < all.len() {
        let end = (at + batch).min(all.len());
        let (more, done) = matcher.next(at as u32, names[at..end].iter().copied(), &parents[at..end])?;
        assert!(done > 0 && done <= end - at);
        found.extend(more);
        at += done;
    }
    Ok(found.into_iter().map(|i| all[i as usize].to_owned()).collect())
}

#[test]
fn names_that_are_not_depth_first_are_refused() {
    let mut matcher = NameMatcher::new(Glob::new("*").unwrap(), &Limits::default());
    let names: [&[u8]; 3] = [b"", b"a", b"b"];
    let error = matcher.next(0, names.into_iter(), &[0, 0, 7]).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[test]
fn names_are_matched_some_at_a_time_and_within_a_limit() {
    let paths: Vec<String> = (0..200).map(|i| format!("{}{i:03}", "a".repeat(100))).collect();
    let pattern = format!("*{}b", "?".repeat(60));
    let limits = Limits { max_glob_steps: 100_000, ..Limits::default() };
    let error = run_names(&pattern, &paths, 300, &limits).unwrap_err();
    assert_eq!((error.code(), error.limit_name()), (Code::LimitExceeded, Some("max_glob_steps")));
    assert!(run_names(&pattern, &paths, 300, &Limits::default()).unwrap().is_empty());
    let mut matcher = NameMatcher::new(Glob::new(&pattern).unwrap(), &Limits::default());
    let names = std::iter::once(&b""[..]).chain(paths.iter().map(String::as_bytes));
    let (_, done) = matcher.next(0, names, &[0; 201]).unwrap();
    assert!(done < 201, "the rest is left for the next call");
}

/// More sets of states than the table keeps: what it gives, and what it says that it costs, is the same.
#[test]
fn a_full_table_begins_anew() {
    let pattern = format!("*a{}", "?".repeat(12));
    let glob = Glob::new(&pattern).unwrap();
    let names: Vec<String> = (0..4000u32)
        .map(|i| (0..16).map(|bit| if i >> bit & 1 == 1 { 'a' } else { 'b' }).collect())
        .collect();
    let mut matching = Matching::new(glob.clone(), &Limits::default());
    let start = matching.start();
    let mut run_cost = matching.cost();
    for name in &names {
        let mut run = Run::new(&glob.states);
        let begun = run.cost;
        for unit in units(name.as_bytes()) {
            run.step(&glob.states, unit);
        }
        run_cost += run.cost - begun;
        assert_eq!(matching.matches(&start, name.as_bytes(), false).unwrap(), run.accepts(&glob.states));
        assert_eq!(matching.cost(), run_cost, "{name}");
    }
}
