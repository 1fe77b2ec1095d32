//! Transition table: where characters lead from sets of states, each found out once.

use super::run::{Spot, Spots};

/// Sets of spots that are kept; usual patterns have a dozen. With more, all begins anew. At most 255: numbers are bytes.
const MAX_SETS: usize = 250;
/// Spots of all of them.
const MAX_SPOTS: usize = 1 << 16;
/// Characters that have transitions of their own: ASCII.
const UNITS: usize = 128;

/// Number of a set in the table.
pub(super) type Id = u8;

/// Where a character leads, and what it cost to find that out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) to: Id,
    pub(super) cost: u32,
}

/// A set of spots.
#[derive(Debug)]
struct Set {
    spots: Spots,
    accepts: bool,
    edges: Box<[Option<Edge>]>,
}

/// The sets that were met.
#[derive(Debug, Default)]
pub(super) struct Table {
    sets: Vec<Set>,
    held: usize,
}

impl Table {
    /// The number of a set, which is kept from now on; `accepts` says whether it does. False where there was no room, so that
    /// all earlier numbers are void.
    pub(super) fn id_of(&mut self, spots: &[Spot], accepts: impl Fn() -> bool) -> (Id, bool) {
        if let Some(at) = self.sets.iter().position(|set| *set.spots == *spots) {
            return (at as Id, true);
        }
        let had_room = self.sets.len() < MAX_SETS && self.held < MAX_SPOTS;
        if !had_room {
            self.sets.clear();
            self.held = 0;
        }
        let id = self.sets.len() as Id;
        self.held += spots.len();
        self.sets.push(Set { spots: spots.into(), accepts: accepts(), edges: [None; UNITS].into() });
        (id, had_room)
    }

    /// Whether that is the set of this number.
    pub(super) fn is(&self, id: Id, spots: &[Spot]) -> bool {
        self.spots(id) == spots
    }

    pub(super) fn spots(&self, id: Id) -> &[Spot] {
        self.sets.get(usize::from(id)).map_or(&[], |set| &set.spots)
    }

    pub(super) fn accepts(&self, id: Id) -> bool {
        self.sets.get(usize::from(id)).is_some_and(|set| set.accepts)
    }

    pub(super) fn edge(&self, from: Id, unit: u32) -> Option<Edge> {
        *self.sets.get(usize::from(from))?.edges.get(unit as usize)?
    }

    pub(super) fn set_edge(&mut self, from: Id, unit: u32, edge: Edge) {
        let edges = self.sets.get_mut(usize::from(from)).map(|set| &mut set.edges);
        if let Some(slot) = edges.and_then(|edges| edges.get_mut(unit as usize)) {
            *slot = Some(edge);
        }
    }
}
