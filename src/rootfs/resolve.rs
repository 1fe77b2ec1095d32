//! Path look-up in the merged tree, link by link, as the kernel does it.

use super::merge::Rootfs;
use super::node::{Asked, Follow, Node, Step};
use super::place::{HERE, Place, Walk};
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::format::tar::path::{join, split_last, take_component};
use crate::limits::Limits;

/// A look-up on its way: where it stopped for something to be loaded, it goes on. Its steps count from its beginning.
#[derive(Debug)]
pub(crate) struct LookUp {
    path: Vec<u8>,
    follow: Follow,
    place: Place,
    /// What is left of the path and, over it, of the links in it: texts, and where in them. Only what is not empty.
    rests: Vec<(Vec<u8>, usize)>,
    hops: u32,
    /// The directory that all of it led to, whose attributes are left to be found from its parent.
    end: Option<Vec<u8>>,
}

impl LookUp {
    /// Of a path: see [`Rootfs::lookup`].
    pub(crate) fn new(path: &[u8], follow: Follow) -> Self {
        let rests = Vec::from_iter((!path.is_empty()).then(|| (path.to_vec(), 0)));
        LookUp { path: path.to_vec(), follow, place: Place::default(), rests, hops: 0, end: None }
    }

    /// Steps so far.
    #[cfg(test)]
    pub(crate) fn cost(&self) -> u64 {
        self.place.cost()
    }
}

impl Rootfs {
    /// Finds a path. It starts at the root with or without a leading slash; the empty path is the root.
    ///
    /// As on Linux inside a `chroot`: links are followed one component after the other, absolute ones from the
    /// image's root; `..` goes to the parent of where the links led, and stays in the root; a slash at the end
    /// asks for a directory and follows a last link. `ENOENT`; `ENOTDIR` where a file is used as a directory;
    /// `ELOOP` over `max_link_hops` links; `CORRUPT_LAYER` where the path ends at a hard link whose target is not
    /// in its layer; `LIMIT_EXCEEDED` over `max_path_len` or `max_lookup_steps`.
    pub fn lookup(&self, path: &[u8], follow: Follow) -> Result<Step<Node>> {
        self.look_up(&mut LookUp::new(path, follow))
    }

    /// The same, which goes on where it was when this is asked again.
    pub(crate) fn look_up(&self, look_up: &mut LookUp) -> Result<Step<Node>> {
        Limits::check("max_path_len", look_up.path.len() as u64, self.limits.max_path_len)?;
        Step::of(self.find(look_up)).map_err(|e| e.with_path(&look_up.path))
    }

    fn find(&self, look_up: &mut LookUp) -> Asked<Node> {
        let LookUp { follow, place, rests, hops, end, .. } = look_up;
        let mut walk = Walk::new(self, place);
        while let Some((text, from)) = rests.last() {
            let mut rest = text.get(*from..).unwrap_or_default();
            let Some(name) = take_component(&mut rest) else {
                rests.pop();
                continue;
            };
            let next = text.len() - rest.len();
            // A slash after it, here or after the link that led here, asks for a directory.
            let last = rest.is_empty() && rests.len() == 1;
            if let b"." | b".." = name {
                walk.pay(None, 0, HERE)?;
                if name == b".." {
                    walk.at.leave();
                }
                advance(rests, next);
                continue;
            }
            let below = || rests.len().checked_sub(2).and_then(|i| rests.get(i));
            let behind = match below() {
                Some((text, from)) if rest.is_empty() => text.get(*from..).unwrap_or_default(),
                _ => rest,
            };
            let Some(child) = walk.child(name, behind, false)? else {
                return Err(Error::new(Code::Enoent, "no such file or directory").into());
            };
            if child.is_dir {
                walk.enter(name, child.layer);
                advance(rests, next);
                continue;
            }
            let node = walk.node(join(walk.at.path(), name), child.at);
            if let Some((layer, ..)) = child.at
                && let Some(link) = node.link
                && let Some(index) = self.layer(layer)
            {
                index.resolve_hardlink(link)?;
            }
            let link_name = node
                .at
                .filter(|_| node.kind == Kind::Symlink)
                .and_then(|(layer, entry)| Some(self.layer(layer)?.get(entry)?.link_name));
            match link_name {
                Some(target) if !last || *follow == Follow::All => {
                    *hops = hops.saturating_add(1);
                    if *hops > self.limits.max_link_hops {
                        return Err(Error::new(
                            Code::Eloop,
                            format!("more than {} symbolic links on the way", self.limits.max_link_hops),
                        )
                        .into());
                    }
                    if target.is_empty() {
                        return Err(
                            Error::new(Code::Enoent, "a symbolic link on the way leads nowhere").into()
                        );
                    }
                    if target.starts_with(b"/") {
                        walk.enter_root();
                    }
                    advance(rests, next);
                    rests.push((target.to_vec(), 0));
                }
                _ if !last => {
                    return Err(
                        Error::new(Code::Enotdir, "a component of the path is not a directory").into()
                    );
                }
                _ => return Ok(node),
            }
        }
        let dir = end.get_or_insert_with(|| {
            let dir = walk.at.path().to_vec();
            walk.at.leave();
            dir
        });
        let at = match &dir[..] {
            b"" => walk.root_entry()?,
            _ => walk.child(split_last(dir).1, b"", true)?.and_then(|child| child.at),
        };
        Ok(walk.node(dir.clone(), at))
    }
}

/// Goes on behind a component of the text on top, which ended before byte `next`.
fn advance(rests: &mut Vec<(Vec<u8>, usize)>, next: usize) {
    if let Some((text, from)) = rests.last_mut() {
        *from = next;
        if next >= text.len() {
            rests.pop();
        }
    }
}
