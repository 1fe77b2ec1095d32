//! A pattern over the names of a tree that its caller holds.

use super::Glob;
use super::matching::Matching;
use super::run::Spots;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Steps of a pattern that one call takes: some milliseconds.
const TOGETHER: u64 = 1_000_000;

/// Matcher of a tree's names, which come depth first, batch after batch: each is run once, from where its folder's led.
/// Entry 0 is the root.
pub struct NameMatcher {
    matching: Matching,
    /// The folders that the last name is in, and as what each is begun; `None` where nothing below can match.
    open: Vec<(u32, Option<Spots>)>,
    /// The last name was run, so that it can be gone into.
    last_ran: bool,
}

impl NameMatcher {
    /// Of a pattern, for at most `max_glob_steps`.
    pub fn new(glob: Glob, limits: &Limits) -> Self {
        NameMatcher { matching: Matching::new(glob, limits), open: Vec::new(), last_ran: false }
    }

    /// Whether the pattern asks for directories: as names do not tell, matches are to be held against it.
    pub fn directories_only(&self) -> bool {
        self.matching.directories_only()
    }

    /// The entries that match, from number `first` on, of which these are the names and the numbers of their folders; and how
    /// many of them were looked at, where the rest would take long.
    ///
    /// `LIMIT_EXCEEDED` over `max_glob_steps`, `INVALID_ARGUMENT` where a folder is not one that the last name is in.
    pub fn next<'n>(
        &mut self,
        first: u32,
        names: impl Iterator<Item = &'n [u8]>,
        parents: &[u32],
    ) -> Result<(Vec<u32>, usize)> {
        let (mut found, mut done) = (Vec::new(), 0);
        let until = self.matching.cost().saturating_add(TOGETHER);
        for (at, (name, &parent)) in (first..).zip(names.zip(parents)) {
            if self.matching.cost() >= until {
                break;
            }
            done += 1;
            if at == 0 {
                self.open = vec![(0, Some(self.matching.start()))];
                continue;
            }
            self.go_to(at, parent)?;
            let spots = self.open.last().and_then(|(_, spots)| spots.as_ref());
            self.last_ran = spots.is_some();
            if let Some(spots) = spots
                && self.matching.matches(spots, name, true)?
            {
                found.push(at);
            }
        }
        Ok((found, done))
    }

    /// Opens the folder `parent` of entry `at`, or goes back to it.
    fn go_to(&mut self, at: u32, parent: u32) -> Result<()> {
        let is_open =
            |open: &[(u32, Option<Spots>)]| open.last().is_some_and(|(folder, _)| *folder == parent);
        if !is_open(&self.open) && parent == at - 1 {
            let below = if self.last_ran { self.matching.below()? } else { None };
            self.open.push((parent, below));
        }
        while !is_open(&self.open) {
            if self.open.pop().is_none() {
                return Err(Error::new(Code::InvalidArgument, "the names are not in depth-first order"));
            }
        }
        Ok(())
    }
}
