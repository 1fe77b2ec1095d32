//! Glob patterns over paths.
//!
//! | Pattern | Matches |
//! |---|---|
//! | `?` | one character, but `/` |
//! | `*` | any characters, none too, but `/`; a leading dot is nothing special |
//! | `**` as a whole component | any number of components, none too (at the end: at least one) |
//! | `[a-z_]`, `[!a-z]`, `[^a-z]` | one character of the class, or not of it, but never `/`; `[[:digit:]]` too |
//! | `{a,b/*}` | either alternative; they nest |
//! | `\x` | the character `x` |
//!
//! As in gitignore files and `rg -g`, a pattern without `/` is matched with the base name at any depth, so
//! `*.so` finds all of them; one with `/` is matched with the whole path below the walk's root, and a leading
//! `/` or `./` only says so (`/*.so` finds those at the top). A `/` at the end asks for directories: see
//! [`Glob::directories_only`]. Case matters. The walk's root itself never matches.
//!
//! A character is a Unicode character where names are UTF-8, else a byte; patterns may hold any bytes.
//!
//! Patterns become a nondeterministic automaton that is run in step with the name: time is at most the
//! pattern's length times the name's, whatever either holds, and nothing recurses.

use crate::error::{Code, Error, Result};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    /// What each state consumes; a state leads to the next one. The last accepts.
    states: Vec<State>,
    /// Matched with the base name, not with the path.
    base_name: bool,
    directories_only: bool,
}

/// Characters, and above them the bytes that are not UTF-8.
type Unit = u32;
const INVALID: Unit = 0x11_0000;
const SLASH: Unit = b'/' as Unit;

#[derive(Debug, Clone)]
enum State {
    Unit(Unit),
    /// `?`
    Any,
    Class(Class),
    /// `*`
    Star,
    /// `**`: at the start of a component any number of them, elsewhere a `*`.
    StarStar,
    /// Goes on at the next state and at this one.
    Split(usize),
    Jump(usize),
    Accept,
}

#[derive(Debug, Clone)]
struct Class {
    negated: bool,
    /// Inclusive.
    ranges: Vec<(Unit, Unit)>,
}

/// Where in a component of the path the automaton is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At its start with nothing of the pattern's component used: here a `/` of the pattern is passed over,
    /// which is what a `**` of no components, a leading `/` and `//` need.
    Start,
    Inside,
    /// A `**` took whole components up to here: only `/` or the end of the pattern may follow.
    End,
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
        for unit in units(text) {
            if !run.step(unit) {
                return false;
            }
        }
        run.accepts()
    }

    /// Whether some path below the directory `dir` can match; if not, a walk need not enter it. `dir` is
    /// written as for [`Glob::matches`].
    pub fn may_match_below(&self, dir: &[u8]) -> bool {
        if self.base_name || dir.is_empty() {
            return true;
        }
        let mut run = Run::new(&self.states);
        units(dir).chain([SLASH]).all(|unit| run.step(unit))
    }

    /// Whether the pattern ends with `/`, by which it asks for directories. Matching ignores it, as a name
    /// does not tell; the walk does.
    pub fn directories_only(&self) -> bool {
        self.directories_only
    }
}

/// The set of states that the automaton is in.
struct Run<'a> {
    states: &'a [State],
    now: Vec<(usize, At)>,
    next: Vec<(usize, At)>,
    /// By state: the step at which it was last entered, for each `At`.
    entered: Vec<[u32; 3]>,
    step: u32,
    stack: Vec<(usize, At)>,
}

impl<'a> Run<'a> {
    fn new(states: &'a [State]) -> Self {
        let mut run = Run {
            states,
            now: Vec::new(),
            next: Vec::new(),
            entered: vec![[0; 3]; states.len()],
            step: 1,
            stack: Vec::new(),
        };
        run.enter(0, At::Start);
        std::mem::swap(&mut run.now, &mut run.next);
        run
    }

    /// Adds a state and all that is reached from it without consuming anything.
    fn enter(&mut self, state: usize, at: At) {
        self.stack.push((state, at));
        while let Some((i, at)) = self.stack.pop() {
            let Some(seen) = self.entered.get_mut(i).and_then(|e| e.get_mut(at as usize)) else { continue };
            if std::mem::replace(seen, self.step) == self.step {
                continue;
            }
            let Some(state) = self.states.get(i) else { continue };
            match state {
                State::Jump(to) => self.stack.push((*to, at)),
                State::Split(to) => self.stack.extend([(*to, at), (i + 1, at)]),
                State::Unit(SLASH) if at == At::Start => self.stack.push((i + 1, At::Start)),
                // It may end here. At the start of a component it ends up inside: a star of no characters
                // does not make a component.
                State::Star => {
                    let at = if at == At::Start { At::Inside } else { at };
                    self.stack.push((i + 1, at));
                    self.next.push((i, at));
                }
                State::StarStar => {
                    self.stack.push((i + 1, at));
                    if at == At::Start {
                        self.stack.push((i + 1, At::Inside));
                    }
                    self.next.push((i, at));
                }
                State::Accept => self.next.push((i, at)),
                // After whole components nothing but a slash fits.
                State::Unit(u) if at == At::End && *u != SLASH => {}
                State::Any | State::Class(_) if at == At::End => {}
                State::Unit(_) | State::Any | State::Class(_) => self.next.push((i, at)),
            }
        }
    }

    /// Consumes one unit; false if no state is left.
    fn step(&mut self, unit: Unit) -> bool {
        self.step = self.step.wrapping_add(1);
        self.next.clear();
        let now = std::mem::take(&mut self.now);
        let after = if unit == SLASH { At::Start } else { At::Inside };
        for (i, at) in &now {
            let (i, at) = (*i, *at);
            match self.states.get(i) {
                Some(State::Unit(u)) if *u == unit => self.enter(i + 1, after),
                Some(State::Any) if unit != SLASH => self.enter(i + 1, after),
                Some(State::Class(class)) if unit != SLASH && class.has(unit) => self.enter(i + 1, after),
                Some(State::Star) if unit != SLASH && at != At::End => self.enter(i, At::Inside),
                Some(State::StarStar) => {
                    if at != At::Inside {
                        self.enter(i, At::End);
                    }
                    if at != At::End && unit != SLASH {
                        self.enter(i, At::Inside);
                    }
                }
                _ => {}
            }
        }
        self.now = now;
        std::mem::swap(&mut self.now, &mut self.next);
        !self.now.is_empty()
    }

    fn accepts(&self) -> bool {
        self.now.iter().any(|(i, _)| matches!(self.states.get(*i), Some(State::Accept)))
    }
}

impl Class {
    fn has(&self, unit: Unit) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&unit)) != self.negated
    }
}

/// The characters of a name, and its bytes where it is not UTF-8.
fn units(bytes: &[u8]) -> impl Iterator<Item = Unit> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|b| INVALID + Unit::from(*b));
        chunk.valid().chars().map(Unit::from).chain(invalid)
    })
}

/// An open brace: where its latest alternative begins with a `Split`, and the `Jump`s at their ends.
struct Brace {
    split: usize,
    jumps: Vec<usize>,
}

struct Compiler<'a> {
    input: std::iter::Peekable<std::slice::Iter<'a, Unit>>,
    states: Vec<State>,
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
        let mut compiler = Compiler { input: units.iter().peekable(), states: Vec::new(), trailing: 0 };
        compiler.run().map_err(|why| bad(pattern, why))?;
        let mut states = compiler.states;
        // Without the slashes at the end; none of them is inside braces, so no state leads past them.
        let directories_only = compiler.trailing > 0;
        states.truncate(states.len().saturating_sub(compiler.trailing));
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
                    let mut state = State::Star;
                    while self.input.next_if(|u| **u == Unit::from(b'*')).is_some() {
                        state = State::StarStar;
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
            if braces.is_empty() && matches!(state, State::Unit(SLASH)) {
                self.trailing = trailing + 1;
            }
            self.states.push(state);
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
