//! Names out of tar headers as paths, and glob patterns: a pattern, a newline, a name.

use ocipeek::rootfs::{Glob, clean};

pub fn run(data: &[u8]) {
    let mut parts = data.splitn(2, |b| *b == b'\n');
    let (pattern, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let path = clean(name);
    assert_eq!(clean(&path), path);
    assert!(path.is_empty() || path.split(|b| *b == b'/').all(|c| !matches!(c, b"" | b"." | b"..")));
    let Ok(glob) = Glob::new(pattern) else { return };
    let _ = glob.matches(name) | glob.may_match_below(name);
    if glob.matches(&path) {
        // A walk that prunes must still come here.
        let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
        assert!(slashes.map(|(i, _)| &path[..i]).all(|dir| glob.may_match_below(dir)));
        assert!(glob.may_match_below(b"") && !path.is_empty());
    }
}
