//! Names of tar entries as paths, and the order in which they are kept.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The path that a tar entry's name means, relative to the root: as Go's `path.Clean("/" + name)` without the
/// leading slash, so `..` cannot leave the root. Empty for the root itself. Any byte but `/` is part of a name.
///
/// Borrows where dropping bytes at both ends is enough, which is nearly always.
pub fn clean(name: &[u8]) -> Cow<'_, [u8]> {
    let name = strip(name);
    if is_clean(name) { Cow::Borrowed(name) } else { Cow::Owned(rebuild(name)) }
}

/// Drops what means nothing at the ends: leading `/`, `./`, `../`, trailing `/` and `/.`.
pub(crate) fn strip(mut name: &[u8]) -> &[u8] {
    loop {
        name = match name {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] | [b'.', b'.', b'/', rest @ ..] => rest,
            [rest @ .., b'/'] | [rest @ .., b'/', b'.'] => rest,
            b"." | b".." => b"",
            _ => return name,
        };
    }
}

/// Whether a stripped name has no empty, `.` or `..` component.
pub(crate) fn is_clean(name: &[u8]) -> bool {
    let mut at = 0;
    while let Some(slash) = name.get(at..).and_then(|rest| rest.iter().position(|&b| b == b'/')) {
        at += slash + 1;
        if let Some([b'/', ..] | [b'.', b'/', ..] | [b'.', b'.', b'/', ..] | b"..") = name.get(at..) {
            return false;
        }
    }
    true
}

fn rebuild(name: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(name.len());
    for component in name.split(|&b| b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => out.truncate(out.iter().rposition(|&b| b == b'/').unwrap_or(0)),
            _ => {
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(component);
            }
        }
    }
    out
}

/// Splits a clean path into its directory and its last component.
pub(crate) fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// Takes the next component off `path`, slashes in front of it dropped. What is left keeps its slashes, so that
/// a trailing one can be seen. `None` at the end.
pub(crate) fn take_component<'a>(path: &mut &'a [u8]) -> Option<&'a [u8]> {
    let start = path.iter().position(|&b| b != b'/')?;
    let rest = path.get(start..)?;
    let end = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
    let (component, rest) = rest.split_at_checked(end)?;
    *path = rest;
    Some(component)
}

/// How many bytes two paths begin with alike. Neighbours share long beginnings: eight at a time.
pub(crate) fn shared_len(a: &[u8], b: &[u8]) -> usize {
    let mut at = 0;
    for (x, y) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        if x != y {
            break;
        }
        at += 8;
    }
    let (a, b) = (a.get(at..).unwrap_or_default(), b.get(at..).unwrap_or_default());
    at + a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// Orders paths by bytes with `/` lowest, so that a directory is followed by all that is below it.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let at = shared_len(a, b);
    match (a.get(at), b.get(at)) {
        (Some(b'/'), Some(_)) => Ordering::Less,
        (Some(_), Some(b'/')) => Ordering::Greater,
        // The shorter one first.
        (x, y) => x.cmp(&y),
    }
}

/// Orders the first component of `rest` against `name`, which has no slash.
pub(crate) fn compare_first(rest: &[u8], name: &[u8]) -> Ordering {
    match rest.get(..name.len()) {
        Some(head) if head == name => match rest.get(name.len()) {
            None | Some(b'/') => Ordering::Equal,
            Some(_) => Ordering::Greater,
        },
        _ => compare(rest, name),
    }
}

/// A path in a directory, both without leading slash.
pub(crate) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_as_go_does() {
        for (name, path) in [
            ("", ""),
            (".", ""),
            ("./", ""),
            ("/", ""),
            ("..", ""),
            ("../..", ""),
            ("a/..", ""),
            ("./x", "x"),
            ("/x", "x"),
            ("x/", "x"),
            ("x/.", "x"),
            ("x/./", "x"),
            ("a//b", "a/b"),
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("../../a", "a"),
            ("a/b/../../../c", "c"),
            ("a/b/..", "a"),
            ("...", "..."),
            ("a/...", "a/..."),
            ("a/..b", "a/..b"),
            (".a/.b", ".a/.b"),
            ("a/b/../..", ""),
            ("././//./a", "a"),
            ("a\0b/\n", "a\0b/\n"),
            ("..a/..", ""),
            ("a/. ", "a/. "),
        ] {
            assert_eq!(clean(name.as_bytes()).as_ref(), path.as_bytes(), "{name:?}");
        }
        assert_eq!(clean(b"./\xff/").as_ref(), b"\xff");
    }

    #[test]
    fn borrows_where_it_can() {
        for name in ["./a/b/", "/a", "../a", "a/..b", "a/b/."] {
            assert!(matches!(clean(name.as_bytes()), Cow::Borrowed(_)), "{name:?}");
        }
    }

    #[test]
    fn a_directory_is_followed_by_what_is_below_it() {
        let mut paths: Vec<&[u8]> = vec![
            b"a b",
            b"a",
            b"a/z",
            b"a\0",
            b"a-",
            b"a/b",
            b"a/b/c",
            b"a/b-",
            b"",
            b"a0",
            b"12345678/x",
            b"12345678!",
        ];
        paths.sort_by(|a, b| compare(a, b));
        assert_eq!(
            paths,
            [
                &b""[..],
                b"12345678/x",
                b"12345678!",
                b"a",
                b"a/b",
                b"a/b/c",
                b"a/b-",
                b"a/z",
                b"a\0",
                b"a b",
                b"a-",
                b"a0"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn clean_equals_the_component_stack(name in "[a./]{0,12}") {
            let mut stack: Vec<&str> = Vec::new();
            for c in name.split('/') {
                match c {
                    "" | "." => {}
                    ".." => { stack.pop(); }
                    c => stack.push(c),
                }
            }
            assert_eq!(clean(name.as_bytes()).as_ref(), stack.join("/").as_bytes());
        }

        #[test]
        fn compare_equals_comparing_components(a in "[a!/\u{1}]{0,20}", b in "[a!/\u{1}]{0,20}") {
            let split = |s: &str| s.split('/').map(|c| c.as_bytes().to_vec()).collect::<Vec<_>>();
            assert_eq!(compare(a.as_bytes(), b.as_bytes()), split(&a).cmp(&split(&b)));
        }
    }
}
