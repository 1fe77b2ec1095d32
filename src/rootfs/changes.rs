//! Changes of a directory by a layer: the tree of the layers up to it beside the tree of those below it.

use super::list::Listed;
use crate::format::tar::Kind;

/// A name that a layer touches: what it is with the layer, and what it was below. Not both `None`.
pub(crate) type Touched = (Option<Listed>, Option<Listed>);

/// Names of a directory that `layer` adds, replaces, removes or has something in; all others are left out. `above` lists
/// the directory in the tree of which `layer` is the top, `below` in that of the layers below it. Where a directory took
/// the place of another kind of file, or the other way round, the name is there twice: what is new, then what was there.
///
/// Both are to be listings of a directory that `layer` itself has: its view is the first one then.
pub(crate) fn touched(layer: usize, above: Vec<Listed>, below: Vec<Listed>) -> Vec<Touched> {
    let mut out = Vec::new();
    let mut below = below.into_iter().peekable();
    let is_dir = |listed: &Listed| listed.entry.node.kind == Kind::Directory;
    for new in above {
        while let Some(gone) = below.next_if(|old| old.entry.name < new.entry.name) {
            out.push((None, Some(gone)));
        }
        let Some(old) = below.next_if(|old| old.entry.name == new.entry.name) else {
            out.push((Some(new), None));
            continue;
        };
        if is_dir(&new) != is_dir(&old) {
            out.extend([(Some(new), None), (None, Some(old))]);
            continue;
        }
        let own = if is_dir(&new) {
            new.ranks.first() == Some(&0)
        } else {
            new.entry.node.at.is_some_and(|at| at.0 == layer)
        };
        if own {
            out.push((Some(new), Some(old)));
        }
    }
    out.extend(below.map(|gone| (None, Some(gone))));
    out
}
