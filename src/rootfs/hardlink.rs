//! Targets of hard links within a layer, and the number of names of an entry.

/// Where a hard link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// An entry that is neither a hard link nor a directory.
    Entry(u32),
    /// Its layer has nothing of that name.
    Missing,
    /// A directory, which has no hard links.
    Directory,
    /// Hard links that name each other.
    Circle,
}

impl Target {
    pub(super) fn entry(self) -> Option<u32> {
        if let Target::Entry(e) = self { Some(e) } else { None }
    }
}

/// The hard links of one layer, resolved. Costs memory for hard links only.
#[derive(Debug, Default)]
pub(super) struct HardLinks {
    /// By the link's entry, ascending.
    links: Vec<(u32, Target)>,
    /// Entries that have not exactly one shown name, ascending, with that number.
    names: Vec<(u32, u32)>,
}

impl HardLinks {
    /// Of links and names that are known: both ascending by entry.
    pub(super) fn of_part(links: Vec<(u32, Target)>, names: Vec<(u32, u32)>) -> HardLinks {
        HardLinks { links, names }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Whether the layer has no entry for some link's target.
    pub(super) fn any_missing(&self) -> bool {
        self.links.iter().any(|l| l.1 == Target::Missing)
    }

    /// Where entry `i` leads, if it is a hard link.
    pub(super) fn target(&self, i: u32) -> Option<Target> {
        let at = self.links.binary_search_by_key(&i, |l| l.0).ok()?;
        self.links.get(at).map(|l| l.1)
    }

    /// Counts names: `inodes` holds, ascending, an entry once for each shown name that leads to it.
    pub(super) fn count_names(&mut self, inodes: &[u32]) {
        self.names = inodes
            .chunk_by(|a, b| a == b)
            .filter_map(|same| Some((*same.first()?, u32::try_from(same.len()).unwrap_or(u32::MAX))))
            .filter(|n| n.1 != 1)
            .collect();
    }

    /// How many shown names lead to entry `i`.
    pub(super) fn names(&self, i: u32) -> u32 {
        let at = self.names.binary_search_by_key(&i, |n| n.0).ok();
        at.and_then(|at| self.names.get(at)).map_or(1, |n| n.1)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.links.capacity() * size_of::<(u32, Target)>() + self.names.capacity() * size_of::<(u32, u32)>()
    }
}
