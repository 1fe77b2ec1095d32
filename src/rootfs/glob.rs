//! Glob patterns over paths, in the one dialect that `docs/globs.md` documents.
//!
//! Patterns become a nondeterministic automaton that is run in step with the name: time is at most the
//! pattern's length times the name's, whatever either holds, and nothing recurses. What a star has passed is forgotten,
//! so that stars alone cost no more than their number. A walk runs each name once, from where its folder's led.

mod matching;
mod names;
mod run;
mod state;
mod table;

use crate::error::{Code, Error, Result};

pub(crate) use matching::Matching;
pub use names::NameMatcher;
use run::Run;
pub(crate) use run::Spots;
use state::{Class, SLASH, State, Unit, units};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;

/// Glob pattern, compiled. Its dialect: <https://github.com/ocipeek/ocipeek/blob/main/docs/globs.md>.
#[derive(Debug, Clone)]
pub struct Glob {
    /// What each state consumes; a state leads to the next one. The last accepts.
    states: Vec<State>,
    /// Matched with the base name, not with the path.
    base_name: bool,
    directories_only: bool,
}

impl Glob {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for what is empty, over 4,096 bytes, or not well formed: an open `[` or `{`, a
    /// class like `[z-a]`, a `\` at the end.
    pub fn new(pattern: impl AsRef<[u8]>) -> Result<Self> {
        Compiler::compile(pattern.as_ref())
    }

    /// Whether a path matches. It is relative to the walk's root: clean (no `.`, `..`, empty components),
    /// without a leading or trailing `/`; empty for the root, which does not match.
    pub fn matches(&self, path: &[u8]) -> bool {
        if path.is_empty() {
            return false;
        }
        let text = if self.base_name { path.rsplit(|b| *b == b'/').next().unwrap_or(path) } else { path };
        let mut run = Run::new(&self.states);
        units(text).all(|unit| run.step(&self.states, unit)) && run.accepts(&self.states)
    }

    /// Whether some path below the directory `dir` can match; if not, a walk need not enter it. `dir` is
    /// written as for [`Glob::matches`].
    pub fn may_match_below(&self, dir: &[u8]) -> bool {
        if self.base_name || dir.is_empty() {
            return true;
        }
        let mut run = Run::new(&self.states);
        units(dir).chain([SLASH]).all(|unit| run.step(&self.states, unit))
    }

    /// Whether the pattern ends with `/`, by which it asks for directories. Matching ignores it, as a name
    /// does not tell; the walk does.
    pub fn directories_only(&self) -> bool {
        self.directories_only
    }
}

/// An open brace: where its latest alternative begins with a `Split`, and the `Jump`s at their ends.
struct Brace {
    split: usize,
    jumps: Vec<usize>,
}

struct Compiler<'a> {
    input: std::iter::Peekable<std::slice::Iter<'a, Unit>>,
    states: Vec<State>,
    /// The first state of the pattern's component.
    component: usize,
    /// How many slashes end what is read so far, those in braces not counted.
    trailing: usize,
}

impl Compiler<'_> {
    fn compile(pattern: &[u8]) -> Result<Glob> {
        if pattern.len() > MAX_PATTERN {
            return Err(bad(pattern, &format!("it is longer than {MAX_PATTERN} bytes")));
        }
        // `./x`, as shells complete it, is `/x`.
        let relative = if pattern.starts_with(b"./") { &pattern[1..] } else { pattern };
        let units: Vec<Unit> = units(relative).collect();
        let mut compiler =
            Compiler { input: units.iter().peekable(), states: Vec::new(), component: 0, trailing: 0 };
        compiler.run().map_err(|why| bad(pattern, why))?;
        let mut states = compiler.states;
        // Without the slashes at the end; none of them is inside braces, so no state leads past them.
        let directories_only = compiler.trailing > 0;
        states.truncate(states.len().saturating_sub(compiler.trailing));
        // Where there are alternatives, a state may lead past a star.
        if states.iter().any(|s| matches!(s, State::Split(_))) {
            for (i, state) in states.iter_mut().enumerate() {
                if let State::Star(since) | State::StarStar(since) = state {
                    *since = i;
                }
            }
        }
        let base_name = !states.iter().any(|s| matches!(s, State::Unit(SLASH)));
        if states.is_empty() {
            return Err(bad(pattern, "it is empty"));
        }
        states.push(State::Accept);
        Ok(Glob { states, base_name, directories_only })
    }

    fn run(&mut self) -> Result<(), &'static str> {
        let mut braces: Vec<Brace> = Vec::new();
        while let Some(unit) = self.input.next() {
            let trailing = std::mem::take(&mut self.trailing);
            let special = u8::try_from(*unit).unwrap_or(0);
            let state = match special {
                b'\\' => match self.input.next() {
                    Some(unit) => State::Unit(*unit),
                    None => return Err("the \\ at its end escapes nothing"),
                },
                b'?' => State::Any,
                b'*' => {
                    let mut state = State::Star(self.component);
                    while self.input.next_if(|u| **u == Unit::from(b'*')).is_some() {
                        state = State::StarStar(self.component);
                    }
                    state
                }
                b'[' => State::Class(self.class()?),
                b'{' => {
                    braces.push(Brace { split: self.states.len(), jumps: Vec::new() });
                    State::Split(0)
                }
                b',' if !braces.is_empty() => {
                    let Some(brace) = braces.last_mut() else { continue };
                    brace.jumps.push(self.states.len());
                    self.states.push(State::Jump(0));
                    let here = self.states.len();
                    set_target(&mut self.states, brace.split, here);
                    brace.split = here;
                    State::Split(0)
                }
                b'}' if !braces.is_empty() => {
                    let Some(brace) = braces.pop() else { continue };
                    // The last alternative has no other beside it.
                    set_target(&mut self.states, brace.split, brace.split + 1);
                    let here = self.states.len();
                    for jump in brace.jumps {
                        set_target(&mut self.states, jump, here);
                    }
                    continue;
                }
                _ => State::Unit(*unit),
            };
            let is_slash = matches!(state, State::Unit(SLASH));
            self.states.push(state);
            if is_slash {
                self.component = self.states.len();
                self.trailing = if braces.is_empty() { trailing + 1 } else { 0 };
            }
        }
        if braces.is_empty() { Ok(()) } else { Err("a { is not closed") }
    }

    /// What follows a `[`. A `]` that comes first, and a `-` first or last, are themselves.
    fn class(&mut self) -> Result<Class, &'static str> {
        const OPEN: &str = "a [ is not closed";
        let is = |c: u8| move |u: &&Unit| **u == Unit::from(c);
        let negated = self.input.next_if(|u| is(b'!')(u) || is(b'^')(u)).is_some();
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let mut low = *self.input.next().ok_or(OPEN)?;
            if low == Unit::from(b']') && !first {
                return Ok(Class { negated, ranges });
            }
            first = false;
            if low == Unit::from(b'[') && self.input.next_if(is(b':')).is_some() {
                self.named_class(&mut ranges)?;
                continue;
            }
            if low == Unit::from(b'\\') {
                low = *self.input.next().ok_or(OPEN)?;
            }
            let mut high = low;
            let mut ahead = self.input.clone();
            if ahead.next_if(is(b'-')).is_some() && ahead.peek().is_some_and(|u| !is(b']')(u)) {
                high = *ahead.next().ok_or(OPEN)?;
                if high == Unit::from(b'\\') {
                    high = *ahead.next().ok_or(OPEN)?;
                }
                self.input = ahead;
            }
            if high < low {
                return Err("a range in [] ends before it starts");
            }
            ranges.push((low, high));
        }
    }

    /// What follows a `[:` within a class: POSIX names, in ASCII.
    fn named_class(&mut self, ranges: &mut Vec<(Unit, Unit)>) -> Result<(), &'static str> {
        const UNKNOWN: &str = "a [: :] names no class of characters";
        let mut name = String::new();
        while let Some(letter) = self.input.next_if(|u| (97..=122).contains(*u)) {
            name.push(char::from(u8::try_from(*letter).unwrap_or(0)));
        }
        let end = [self.input.next(), self.input.next()];
        if end.map(|u| u.copied()) != [Some(Unit::from(b':')), Some(Unit::from(b']'))] {
            return Err(UNKNOWN);
        }
        let named: &[(u8, u8)] = match name.as_str() {
            "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
            "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
            "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
            "cntrl" => &[(0, 31), (127, 127)],
            "digit" => &[(b'0', b'9')],
            "graph" => &[(b'!', b'~')],
            "lower" => &[(b'a', b'z')],
            "print" => &[(b' ', b'~')],
            "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
            "space" => &[(b'\t', b'\r'), (b' ', b' ')],
            "upper" => &[(b'A', b'Z')],
            "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
            _ => return Err(UNKNOWN),
        };
        ranges.extend(named.iter().map(|(low, high)| (Unit::from(*low), Unit::from(*high))));
        Ok(())
    }
}

fn set_target(states: &mut [State], at: usize, target: usize) {
    if let Some(State::Split(to) | State::Jump(to)) = states.get_mut(at) {
        *to = target;
    }
}

fn bad(pattern: &[u8], why: &str) -> Error {
    let shown = pattern.get(..80).unwrap_or(pattern).escape_ascii();
    Error::new(Code::InvalidArgument, format!("\"{shown}\" is not a pattern: {why}"))
}

#[cfg(test)]
mod tests;
