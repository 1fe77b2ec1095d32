//! Sanitising of outside text for our messages: short, printable, without secrets.

use crate::format::oci::json::{Json, Node};
use crate::limits::Limits;

/// A short printable piece of `text`: control characters become spaces, queries of URLs are cut off.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let text = without_queries(text);
    let mut out = String::new();
    for c in text.chars() {
        // Bidirectional controls can make a terminal show another text.
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let c = if hidden || c.is_whitespace() { ' ' } else { c };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if out.len() >= LONGEST {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out.trim_end().to_string()
}

/// `text` with the query of every URL in it cut off (signed URLs), and user names too.
pub(crate) fn without_queries(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    const ENDS: [char; 8] = [' ', '\t', '\n', '"', '\'', '<', '>', ')'];
    for word in text.split_inclusive(ENDS) {
        let Some(start) = word.find("://") else {
            out.push_str(word);
            continue;
        };
        let (scheme, rest) = word.split_at(start + 3);
        let body = rest.strip_suffix(ENDS).unwrap_or(rest);
        let last = rest.get(body.len()..).unwrap_or_default();
        let (kept, cut) = match body.find(['?', '#']) {
            Some(i) => (body.get(..i).unwrap_or_default(), "?…"),
            None => (body, ""),
        };
        let authority = kept.find('/').unwrap_or(kept.len());
        let kept = match kept.get(..authority).and_then(|a| a.rfind('@')) {
            Some(at) => kept.get(at + 1..).unwrap_or_default(),
            None => kept,
        };
        out.push_str(scheme);
        out.push_str(kept);
        out.push_str(cut);
        out.push_str(last);
    }
    out
}

/// Code and message of a registry's error body (`{"errors":[{"code","message"}]}`), or of a token service's
/// (`{"details"}`, `{"error_description"}`, `{"message"}`).
pub(crate) fn body_message(body: &[u8]) -> Option<String> {
    let json = Json::parse(body, "answer", &Limits::default()).ok()?;
    let text = |node: &Node<'_>, names: &[&'static str]| {
        let mut texts = names.iter().filter_map(|name| node.get_str(name).ok()?.map(shown));
        texts.find(|text| !text.is_empty())
    };
    let root = json.root("answer");
    let first = || {
        let errors = root.get("errors").ok()??;
        let first = errors.items().ok()?.next()?;
        match (text(&first, &["code"]), text(&first, &["message"])) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (code, message) => message.or(code),
        }
    };
    first().or_else(|| text(&root, &["message", "details", "error_description", "error"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_cut() {
        assert_eq!(
            without_queries(
                "GET \"https://u:p@s3.example/x?X-Amz-Signature=abc&y\" failed (see http://h/a?b) now?"
            ),
            "GET \"https://s3.example/x?…\" failed (see http://h/a?…) now?"
        );
        assert_eq!(without_queries("plain"), "plain");
        assert_eq!(without_queries("https://é?é"), "https://é?…");
    }

    #[test]
    fn shown_is_short_and_printable() {
        assert_eq!(shown("  a\x1b[31m\nb\u{202e}c "), "a [31m b c");
        let long = shown(&"é".repeat(500));
        assert!(long.len() < 210 && long.ends_with('…'), "{}", long.len());
    }

    #[test]
    fn body_messages() {
        let m = |s: &str| body_message(s.as_bytes());
        assert_eq!(
            m(r#"{"errors":[{"code":"DENIED","message":"no\nway"}]}"#).as_deref(),
            Some("DENIED: no way")
        );
        assert_eq!(m(r#"{"errors":[{"code":"DENIED"}]}"#).as_deref(), Some("DENIED"));
        assert_eq!(m(r#"{"details":"bad password"}"#).as_deref(), Some("bad password"));
        assert_eq!(m("<html>"), None);
        assert_eq!(m("[]"), None);
    }
}
