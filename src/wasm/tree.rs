//! Reads of the merged root file system or of one layer, and the cursors of walks and streams.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use js_sys::{Array, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use super::error::{invalid, js_result};
use super::{abort, convert, js};
use crate::error::Result;
use crate::image::{Changes, FileStat, FileStream, FileTree, Walk};
use crate::rootfs::{Follow, Glob};

/// Entries that one step of a walk gives: each step is a promise.
const WALK_BATCH: usize = 128;

/// A file tree. Paths are raw bytes.
#[wasm_bindgen]
pub struct Tree {
    tree: FileTree,
}

impl Tree {
    /// The class over a tree.
    pub(super) fn new(tree: FileTree) -> Self {
        Tree { tree }
    }
}

#[wasm_bindgen]
impl Tree {
    /// Attributes of a path; of a link itself unless `follow`.
    pub fn stat(&self, path: Vec<u8>, follow: bool, stop: Option<Promise>) -> Promise {
        let tree = self.tree.clone();
        let follow = if follow { Follow::All } else { Follow::ExceptLast };
        abort::promise(stop, async move { convert::stat(&tree.stat(&path, follow).await?) })
    }

    /// `{stat, data}`.
    #[wasm_bindgen(js_name = readFile)]
    pub fn read_file(
        &self,
        path: Vec<u8>,
        start: Option<f64>,
        end: Option<f64>,
        stop: Option<Promise>,
    ) -> Promise {
        let tree = self.tree.clone();
        abort::promise(stop, async move {
            let range = range(start, end)?;
            let (stat, data) = tree.read_file(&path, range).await?;
            let out = Object::new();
            js::set(&out, "stat", convert::stat(&stat)?);
            js::set(&out, "data", to_array(&data));
            Ok(out.into())
        })
    }

    /// A `FileCursor`.
    #[wasm_bindgen(js_name = readStream)]
    pub fn read_stream(
        &self,
        path: Vec<u8>,
        start: Option<f64>,
        end: Option<f64>,
        stop: Option<Promise>,
    ) -> Promise {
        let tree = self.tree.clone();
        abort::promise(stop, async move {
            let range = range(start, end)?;
            let stream = tree.read_stream(&path, range).await?;
            Ok(FileCursor::new(stream).into())
        })
    }

    /// `{runs, data}` of a sparse file: where its data is, an offset and a length for each run, and a `FileCursor` of these
    /// bytes alone; `undefined` for what is not known to have holes.
    #[wasm_bindgen(js_name = readSparse)]
    pub fn read_sparse(&self, path: Vec<u8>, stop: Option<Promise>) -> Promise {
        let tree = self.tree.clone();
        abort::promise(stop, async move {
            let Some((runs, data)) = tree.read_sparse(&path).await? else {
                return Ok(JsValue::UNDEFINED);
            };
            let out = Object::new();
            let runs = runs.iter().flat_map(|run| [JsValue::from(run.0 as f64), JsValue::from(run.1 as f64)]);
            js::set(&out, "runs", runs.collect::<Array>());
            js::set(&out, "data", FileCursor::new(data));
            Ok(out.into())
        })
    }

    /// Walks a folder; `glob` leaves out what it does not match.
    pub fn walk(&self, path: Vec<u8>, glob: Option<String>) -> Result<WalkCursor, JsValue> {
        let glob = js_result(glob.as_deref().map(Glob::new).transpose())?;
        let walk = Walk::new(self.tree.clone(), &path, glob);
        Ok(WalkCursor::new(Steps::Walk(Box::new(walk))))
    }
}

/// A file's content, piece by piece. `free()` stops it.
#[wasm_bindgen]
pub struct FileCursor {
    stat: FileStat,
    stream: Rc<RefCell<Option<FileStream>>>,
}

impl FileCursor {
    fn new(stream: FileStream) -> Self {
        FileCursor { stat: stream.stat().clone(), stream: Rc::new(RefCell::new(Some(stream))) }
    }
}

#[wasm_bindgen]
impl FileCursor {
    /// Attributes of the file.
    pub fn stat(&self) -> Result<JsValue, JsValue> {
        js_result(convert::stat(&self.stat))
    }

    /// The next bytes, or `undefined` at the end, after an error and after an abort.
    pub fn next(&self, stop: Option<Promise>) -> Promise {
        let cell = Rc::clone(&self.stream);
        abort::promise(stop, async move {
            let Some(mut stream) = cell.take() else { return Ok(JsValue::UNDEFINED) };
            match stream.next().await? {
                Some(bytes) => {
                    cell.replace(Some(stream));
                    Ok(to_array(&bytes))
                }
                None => Ok(JsValue::UNDEFINED),
            }
        })
    }
}

/// Walk of a cursor.
enum Steps {
    Walk(Box<Walk>),
    Changes(Box<Changes>),
}

/// A walk, some entries at a time. `free()` stops it.
#[wasm_bindgen]
pub struct WalkCursor {
    steps: Rc<RefCell<Option<Steps>>>,
}

impl WalkCursor {
    fn new(steps: Steps) -> Self {
        WalkCursor { steps: Rc::new(RefCell::new(Some(steps))) }
    }

    /// Through the changes of a layer.
    pub(super) fn of_changes(changes: Changes) -> Self {
        WalkCursor::new(Steps::Changes(Box::new(changes)))
    }
}

#[wasm_bindgen]
impl WalkCursor {
    /// The next entries, perhaps none; `undefined` at the end, after an error and after an abort. Changes of a layer have
    /// `change` and perhaps `replaced` besides.
    pub fn next(&self, stop: Option<Promise>) -> Promise {
        let cell = Rc::clone(&self.steps);
        abort::promise(stop, async move {
            let Some(mut steps) = cell.take() else { return Ok(JsValue::UNDEFINED) };
            let out = Array::new();
            match &mut steps {
                Steps::Walk(walk) => {
                    let Some(batch) = walk.some(WALK_BATCH).await? else { return Ok(JsValue::UNDEFINED) };
                    for stat in batch {
                        out.push(&convert::stat(&stat)?);
                    }
                }
                Steps::Changes(changes) => {
                    let Some(batch) = changes.some(WALK_BATCH).await? else { return Ok(JsValue::UNDEFINED) };
                    for change in batch {
                        let stat = convert::stat(&change.stat)?;
                        js::set(&stat, "change", change.kind.as_str());
                        if let Some(replaced) = change.replaced {
                            js::set(&stat, "replaced", convert::stat(&replaced)?);
                        }
                        out.push(&stat);
                    }
                }
            }
            cell.replace(Some(steps));
            Ok(out.into())
        })
    }
}

fn to_array(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// `None` where neither end is given. An end past the file's is the file's.
fn range(start: Option<f64>, end: Option<f64>) -> Result<Option<Range<u64>>> {
    let whole = |name, value: f64| {
        js::whole_number(&value.into()).ok_or_else(|| invalid(name, "a whole number that is not negative"))
    };
    if start.is_none() && end.is_none() {
        return Ok(None);
    }
    let start = start.map_or(Ok(0), |n| whole("start", n))?;
    let end = end.map_or(Ok(u64::MAX), |n| whole("end", n))?;
    if end < start {
        return Err(invalid("end", "start or more"));
    }
    Ok(Some(start..end))
}
