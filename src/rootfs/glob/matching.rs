//! A pattern matched with the names of a walk.

use super::Glob;
use super::run::{Run, Spot, Spots};
use super::state::{SLASH, Unit, units};
use crate::error::Result;
use crate::limits::Limits;

/// A pattern on its way through a tree: each name is run once, from what the automaton was in behind its folder's.
pub(crate) struct Matching {
    glob: Glob,
    run: Run,
    start: Spots,
    most: u64,
}

impl Matching {
    /// Of a pattern, for at most `max_glob_steps`.
    pub(crate) fn new(glob: Glob, limits: &Limits) -> Self {
        let run = Run::new(&glob.states);
        Matching { start: run.now.clone().into(), glob, run, most: limits.max_glob_steps }
    }

    /// As what the walk's root is begun.
    pub(crate) fn start(&self) -> Spots {
        self.start.clone()
    }

    /// Whether a name matches in a folder that is begun as `folder`; `LIMIT_EXCEEDED` over `max_glob_steps`.
    pub(crate) fn matches(&mut self, folder: &[Spot], name: &[u8], is_dir: bool) -> Result<bool> {
        self.run.now.clear();
        self.run.now.extend_from_slice(folder);
        for unit in units(name) {
            self.step(unit)?;
        }
        Ok(self.run.accepts(&self.glob.states) && (is_dir || !self.glob.directories_only))
    }

    /// As what the folder of the last name is begun; `None` if nothing below it can match.
    pub(crate) fn below(&mut self) -> Result<Option<Spots>> {
        if self.glob.base_name {
            return Ok(Some(self.start()));
        }
        self.step(SLASH)?;
        Ok((!self.run.now.is_empty()).then(|| self.run.now.as_slice().into()))
    }

    /// What it has cost so far.
    pub(crate) fn cost(&self) -> u64 {
        self.run.cost
    }

    fn step(&mut self, unit: Unit) -> Result<()> {
        self.run.step(&self.glob.states, unit);
        Limits::check("max_glob_steps", self.run.cost, self.most)
    }
}
