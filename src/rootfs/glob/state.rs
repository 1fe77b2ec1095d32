//! The states of a compiled pattern, and what they consume.

/// Characters, and above them the bytes that are not UTF-8.
pub(super) type Unit = u32;
pub(super) const INVALID: Unit = 0x11_0000;
pub(super) const SLASH: Unit = b'/' as Unit;

#[derive(Debug, Clone)]
pub(super) enum State {
    Unit(Unit),
    /// `?`
    Any,
    Class(Class),
    /// `*`, with the first state of its component: those from there on say nothing once this is reached.
    Star(usize),
    /// `**`: at the start of a component any number of them, elsewhere a `*`.
    StarStar(usize),
    /// Goes on at the next state and at this one.
    Split(usize),
    Jump(usize),
    Accept,
}

#[derive(Debug, Clone)]
pub(super) struct Class {
    pub(super) negated: bool,
    /// Inclusive.
    pub(super) ranges: Vec<(Unit, Unit)>,
}

impl Class {
    pub(super) fn has(&self, unit: Unit) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&unit)) != self.negated
    }
}

/// The characters of a name, and its bytes where it is not UTF-8.
pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = Unit> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|b| INVALID + Unit::from(*b));
        chunk.valid().chars().map(Unit::from).chain(invalid)
    })
}
