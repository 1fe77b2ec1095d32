//! The automaton at work.

use super::state::{SLASH, State, Unit};

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

impl At {
    const ALL: [At; 3] = [At::Start, At::Inside, At::End];
}

/// A state, and where in the path's component: `3 * state + at`. Patterns have less than 10,000 states.
pub(super) type Spot = u16;

/// All that the automaton is in at the start of a name.
pub(crate) type Spots = Box<[Spot]>;

/// The set of states that the automaton is in.
pub(super) struct Run {
    pub(super) now: Vec<Spot>,
    next: Vec<Spot>,
    /// By spot: the step at which it was last entered.
    entered: Vec<u32>,
    step: u32,
    stack: Vec<(usize, At)>,
    /// Spots that were looked at so far.
    pub(super) cost: u64,
}

fn spot(state: usize, at: At) -> Spot {
    Spot::try_from(3 * state + at as usize).unwrap_or(Spot::MAX)
}

fn place(spot: Spot) -> (usize, At) {
    let spot = usize::from(spot);
    (spot / 3, At::ALL.get(spot % 3).copied().unwrap_or(At::End))
}

impl Run {
    /// At the start of a path.
    pub(super) fn new(states: &[State]) -> Self {
        let mut run = Run {
            now: Vec::new(),
            next: Vec::new(),
            entered: vec![0; 3 * states.len()],
            step: 1,
            stack: Vec::new(),
            cost: 0,
        };
        run.enter(states, 0, At::Start);
        std::mem::swap(&mut run.now, &mut run.next);
        run
    }

    /// Adds a state and all that is reached from it without consuming anything.
    fn enter(&mut self, states: &[State], state: usize, at: At) {
        self.stack.push((state, at));
        while let Some((i, at)) = self.stack.pop() {
            self.cost = self.cost.saturating_add(1);
            let here = spot(i, at);
            let Some(seen) = self.entered.get_mut(usize::from(here)) else { continue };
            if std::mem::replace(seen, self.step) == self.step {
                continue;
            }
            let Some(state) = states.get(i) else { continue };
            match state {
                State::Jump(to) => self.stack.push((*to, at)),
                State::Split(to) => self.stack.extend([(*to, at), (i + 1, at)]),
                State::Unit(SLASH) if at == At::Start => self.stack.push((i + 1, At::Start)),
                // It may end here. At the start of a component it ends up inside: a star of no characters
                // does not make a component.
                State::Star(_) => {
                    let at = if at == At::Start { At::Inside } else { at };
                    self.stack.push((i + 1, at));
                    self.next.push(spot(i, at));
                }
                State::StarStar(_) => {
                    self.stack.push((i + 1, at));
                    if at == At::Start {
                        self.stack.push((i + 1, At::Inside));
                    }
                    self.next.push(here);
                }
                State::Accept => self.next.push(here),
                // After whole components nothing but a slash fits.
                State::Unit(u) if at == At::End && *u != SLASH => {}
                State::Any | State::Class(_) if at == At::End => {}
                State::Unit(_) | State::Any | State::Class(_) => self.next.push(here),
            }
        }
    }

    /// Consumes one unit; false if no state is left.
    pub(super) fn step(&mut self, states: &[State], unit: Unit) -> bool {
        self.step = self.step.wrapping_add(1);
        self.next.clear();
        let now = std::mem::take(&mut self.now);
        self.cost = self.cost.saturating_add(now.len() as u64);
        let after = if unit == SLASH { At::Start } else { At::Inside };
        for &spot in &now {
            let (i, at) = place(spot);
            match states.get(i) {
                Some(State::Unit(u)) if *u == unit => self.enter(states, i + 1, after),
                Some(State::Any) if unit != SLASH => self.enter(states, i + 1, after),
                Some(State::Class(class)) if unit != SLASH && class.has(unit) => {
                    self.enter(states, i + 1, after);
                }
                Some(State::Star(_)) if unit != SLASH && at != At::End => self.enter(states, i, At::Inside),
                Some(State::StarStar(_)) => {
                    if at != At::Inside {
                        self.enter(states, i, At::End);
                    }
                    if at != At::End && unit != SLASH {
                        self.enter(states, i, At::Inside);
                    }
                }
                _ => {}
            }
        }
        self.now = now;
        std::mem::swap(&mut self.now, &mut self.next);
        self.forget_passed(states);
        !self.now.is_empty()
    }

    /// Drops what is before the last star that was reached, in its component: whatever matched from there would match
    /// from the star on, which takes all that is between.
    fn forget_passed(&mut self, states: &[State]) {
        let star = |&spot: &Spot| match (place(spot), states.get(usize::from(spot) / 3)) {
            ((i, At::Inside), Some(State::Star(since) | State::StarStar(since))) => Some((i, *since)),
            _ => None,
        };
        if let Some((star, since)) = self.now.iter().filter_map(star).max() {
            self.now.retain(|&spot| {
                let (i, at) = place(spot);
                at != At::Inside || !(since..star).contains(&i)
            });
        }
    }

    pub(super) fn accepts(&self, states: &[State]) -> bool {
        self.now.iter().any(|&spot| matches!(states.get(usize::from(spot) / 3), Some(State::Accept)))
    }
}
