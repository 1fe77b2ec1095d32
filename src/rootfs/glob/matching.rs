//! A pattern matched with the names of a walk.

use super::Glob;
use super::run::{Run, Spot, Spots};
use super::state::{SLASH, Unit, units};
use super::table::{Edge, Id, Table};
use crate::error::Result;
use crate::limits::Limits;

/// A pattern on its way through a tree: each name is run once, from what the automaton was in behind its folder's. What a step
/// costs does not depend on whether the table has it.
pub(crate) struct Matching {
    glob: Glob,
    run: Run,
    table: Table,
    /// What the automaton is in.
    at: Id,
    /// What it was in at the start of the last name.
    begun: Id,
    start: Spots,
    /// Spots that were looked at so far, or would have been without the table.
    cost: u64,
    most: u64,
}

impl Matching {
    /// Of a pattern, for at most `max_glob_steps`.
    pub(crate) fn new(glob: Glob, limits: &Limits) -> Self {
        let run = Run::new(&glob.states);
        let (start, cost) = (run.now.clone().into(), run.cost);
        let most = limits.max_glob_steps;
        Matching { glob, run, table: Table::default(), at: 0, begun: 0, start, cost, most }
    }

    /// As what the walk's root is begun.
    pub(crate) fn start(&self) -> Spots {
        self.start.clone()
    }

    /// Whether the pattern asks for directories.
    pub(super) fn directories_only(&self) -> bool {
        self.glob.directories_only
    }

    /// Whether a name matches in a folder that is begun as `folder`; `LIMIT_EXCEEDED` over `max_glob_steps`.
    pub(crate) fn matches(&mut self, folder: &[Spot], name: &[u8], is_dir: bool) -> Result<bool> {
        if !self.table.is(self.begun, folder) {
            self.run.now.clear();
            self.run.now.extend_from_slice(folder);
            self.begun = self.id().0;
        }
        self.at = self.begun;
        for unit in units(name) {
            self.step(unit)?;
        }
        Ok(self.table.accepts(self.at) && (is_dir || !self.glob.directories_only))
    }

    /// As what the folder of the last name is begun; `None` if nothing below it can match.
    pub(crate) fn below(&mut self) -> Result<Option<Spots>> {
        if self.glob.base_name {
            return Ok(Some(self.start()));
        }
        self.step(SLASH)?;
        let spots = self.table.spots(self.at);
        Ok((!spots.is_empty()).then(|| spots.into()))
    }

    /// What it has cost so far.
    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    /// The number of the set that the run is in; see [`Table::id_of`].
    fn id(&mut self) -> (Id, bool) {
        self.table.id_of(&self.run.now, || self.run.accepts(&self.glob.states))
    }

    fn step(&mut self, unit: Unit) -> Result<()> {
        let edge = match self.table.edge(self.at, unit) {
            Some(edge) => edge,
            None => self.find(unit),
        };
        self.at = edge.to;
        self.cost = self.cost.saturating_add(edge.cost.into());
        Limits::check("max_glob_steps", self.cost, self.most)
    }

    fn find(&mut self, unit: Unit) -> Edge {
        self.run.now.clear();
        self.run.now.extend_from_slice(self.table.spots(self.at));
        let before = self.run.cost;
        self.run.step(&self.glob.states, unit);
        let cost = u32::try_from(self.run.cost - before).unwrap_or(u32::MAX);
        let (to, is_known) = self.id();
        let edge = Edge { to, cost };
        if is_known {
            self.table.set_edge(self.at, unit, edge);
        }
        edge
    }
}
