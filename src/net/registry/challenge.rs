//! `WWW-Authenticate` (RFC 9110 section 11.6.1).

/// One challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// In lower case: `bearer`, `basic`.
    pub scheme: String,
    /// Names in lower case; values unquoted.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter, by its name in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Longer headers are cut: no server needs them.
const MAX_LEN: usize = 16 << 10;

/// Parses one or several challenges, joined by commas or not. What cannot be read is left out; a token68 too, for
/// no scheme that is used here has one.
pub fn parse_challenges(text: &str) -> Vec<Challenge> {
    let bytes = text.as_bytes();
    let mut at = Cursor { bytes: bytes.get(..MAX_LEN).unwrap_or(bytes), pos: 0 };
    let mut out: Vec<Challenge> = Vec::new();
    // Only right after `scheme SP` can a token68 stand.
    let mut after_scheme = false;
    loop {
        if at.skip(|b| matches!(b, b' ' | b'\t' | b',')) == Some(true) {
            after_scheme = false;
        }
        if at.is_done() {
            return out;
        }
        let word = at.take(is_token);
        if word.is_empty() {
            // Not a token: a token68 with other characters, or rubbish. Go on behind the next comma.
            at.skip_to_comma();
            after_scheme = false;
            continue;
        }
        let spaces = at.pos;
        at.skip(|b| matches!(b, b' ' | b'\t'));
        let spaced = at.pos > spaces;
        if at.peek() == Some(b'=') {
            if after_scheme && !spaced && at.is_token68_end() {
                after_scheme = false;
                continue;
            }
            at.pos += 1;
            at.skip(|b| matches!(b, b' ' | b'\t'));
            let value = if at.peek() == Some(b'"') {
                at.quoted()
            } else {
                at.take(|b| !matches!(b, b',' | b' ' | b'\t'))
            };
            if let Some(challenge) = out.last_mut() {
                challenge.params.push((word.to_ascii_lowercase(), value));
            }
            after_scheme = false;
        } else if after_scheme && matches!(at.peek(), None | Some(b',')) {
            after_scheme = false;
        } else if matches!(at.peek(), None | Some(b',')) || spaced {
            out.push(Challenge { scheme: word.to_ascii_lowercase(), params: Vec::new() });
            after_scheme = spaced;
        } else {
            at.skip_to_comma();
            after_scheme = false;
        }
    }
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }
    fn is_done(&self) -> bool {
        self.pos >= self.bytes.len()
    }
    /// Skips; whether a comma was among what was skipped.
    fn skip(&mut self, f: impl Fn(u8) -> bool) -> Option<bool> {
        let mut comma = None;
        while let Some(b) = self.peek().filter(|&b| f(b)) {
            comma = Some(comma == Some(true) || b == b',');
            self.pos += 1;
        }
        comma
    }
    fn take(&mut self, f: impl Fn(u8) -> bool) -> String {
        let start = self.pos;
        while self.peek().is_some_and(&f) {
            self.pos += 1;
        }
        String::from_utf8_lossy(self.bytes.get(start..self.pos).unwrap_or_default()).into_owned()
    }
    /// A quoted string; one that never ends goes to the end of the text.
    fn quoted(&mut self) -> String {
        self.pos += 1;
        let mut out = Vec::new();
        while let Some(b) = self.peek() {
            self.pos += 1;
            match b {
                b'"' => break,
                b'\\' => {
                    out.extend(self.peek());
                    self.pos += 1;
                }
                _ => out.push(b),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }
    /// At the padding of a token68 (`==`, then a comma or the end)? Then it is consumed.
    fn is_token68_end(&mut self) -> bool {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        let padding = rest.iter().take_while(|&&b| b == b'=').count();
        let after = rest.iter().skip(padding).find(|&&b| b != b' ' && b != b'\t');
        let ends = matches!(after, None | Some(b','));
        if ends {
            self.pos += padding;
        }
        ends
    }
    fn skip_to_comma(&mut self) {
        while let Some(b) = self.peek() {
            match b {
                b',' => return,
                b'"' => {
                    self.quoted();
                }
                _ => self.pos += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let one = |c: &Challenge| {
            let params: Vec<String> = c.params.iter().map(|(n, v)| format!("{n}={v}")).collect();
            format!("{}[{}]", c.scheme, params.join("|"))
        };
        parse_challenges(text).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn reads_challenges() {
        for (text, want) in [
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/a:pull\"",
                "bearer[realm=https://auth.docker.io/token|service=registry.docker.io|scope=repository:library/a:pull]",
            ),
            ("BASIC Realm = \"a \\\"b\\\\ c, d\" , charset=UTF-8", "basic[realm=a \"b\\ c, d|charset=UTF-8]"),
            ("Basic realm=x, Bearer realm=\"y\", service=z", "basic[realm=x] bearer[realm=y|service=z]"),
            ("Negotiate, Basic realm=\"r\"", "negotiate[] basic[realm=r]"),
            ("Negotiate dGVz/dA==, Bearer realm=r", "negotiate[] bearer[realm=r]"),
            ("Negotiate dGVzdA==, Bearer realm=r", "negotiate[] bearer[realm=r]"),
            ("Negotiate dGVzdA, Bearer realm=r", "negotiate[] bearer[realm=r]"),
            (
                "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
                "newauth[realm=apps|type=1|title=Login to \"apps\"] basic[realm=simple]",
            ),
            ("Bearer", "bearer[]"),
            ("Bearer ,,, realm=r", "bearer[realm=r]"),
            ("Bearer realm=\"unterminated, x", "bearer[realm=unterminated, x]"),
            ("", ""),
            (",, ,", ""),
            ("realm=x", ""),
            ("\"x\", Basic realm=r", "basic[realm=r]"),
            ("Bearer realm=\"\u{e9}\"", "bearer[realm=\u{e9}]"),
            ("Bearer realm=r scope=s", "bearer[realm=r|scope=s]"),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }
}
