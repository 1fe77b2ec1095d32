//! Path look-up in the merged tree, link by link, as the kernel does it.

use super::clean::take_component;
use super::index::join;
use super::merge::{Rootfs, Walk};
use super::node::{Asked, Follow, Node, Step};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::tar::Kind;

impl Rootfs {
    /// Finds a path. It starts at the root with or without a leading slash; the empty path is the root.
    ///
    /// As on Linux inside a `chroot`: links are followed one component after the other, absolute ones from the
    /// image's root; `..` goes to the parent of where the links led, and stays in the root; a slash at the end
    /// asks for a directory and follows a last link. `ENOENT`; `ENOTDIR` where a file is used as a directory;
    /// `ELOOP` over `max_link_hops` links; `CORRUPT_LAYER` where the path ends at a hard link whose target is not
    /// in its layer; `LIMIT_EXCEEDED` over `max_path_len` or `max_lookup_steps`.
    pub fn lookup(&self, path: &[u8], follow: Follow) -> Result<Step<Node>> {
        Limits::check("max_path_len", path.len() as u64, self.limits.max_path_len)?;
        Step::of(self.find(path, follow)).map_err(|e| e.with_path(path))
    }

    fn find(&self, path: &[u8], follow: Follow) -> Asked<Node> {
        let mut walk = Walk::new(self);
        let mut hops = 0u32;
        // What is left of the path and, over it, of the links in it. Only what is not empty is kept.
        let mut rests: Vec<&[u8]> = vec![path];
        while let Some(mut rest) = rests.pop() {
            let Some(name) = take_component(&mut rest) else { continue };
            if !rest.is_empty() {
                rests.push(rest);
            }
            match name {
                b"." => continue,
                b".." => {
                    walk.leave();
                    continue;
                }
                _ => {}
            }
            // A slash after it, here or after the link that led here, asks for a directory.
            let last = rests.is_empty();
            let rest = rests.last().copied().unwrap_or_default();
            let Some(child) = walk.child(name, rest, false)? else {
                return Err(Error::new(Code::Enoent, "no such file or directory").into());
            };
            if child.is_dir {
                walk.enter(name, child.layer);
                continue;
            }
            let node = walk.node(join(walk.path(), name), child.at);
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
                Some(target) if !last || follow == Follow::All => {
                    hops = hops.saturating_add(1);
                    if hops > self.limits.max_link_hops {
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
                    rests.push(target);
                }
                _ if !last => {
                    return Err(
                        Error::new(Code::Enotdir, "a component of the path is not a directory").into()
                    );
                }
                _ => return Ok(node),
            }
        }
        walk.here()
    }
}
