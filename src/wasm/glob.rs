//! Patterns over names that JavaScript holds.

use wasm_bindgen::prelude::*;

use super::error::js_result;
use crate::limits::Limits;
use crate::rootfs::{Glob, NameMatcher};

/// A pattern, to be matched with the names of a tree; see `NameMatcher`.
#[wasm_bindgen]
pub struct WasmGlob {
    matcher: NameMatcher,
}

#[wasm_bindgen]
impl WasmGlob {
    /// Compiles a pattern. Throws `INVALID_ARGUMENT`.
    #[wasm_bindgen(constructor)]
    pub fn new(pattern: &str) -> Result<WasmGlob, JsValue> {
        let glob = js_result(Glob::new(pattern))?;
        Ok(WasmGlob { matcher: NameMatcher::new(glob, &Limits::default()) })
    }

    /// Whether the pattern asks for directories, which is not looked at here.
    #[wasm_bindgen(getter, js_name = directoriesOnly)]
    pub fn directories_only(&self) -> bool {
        self.matcher.directories_only()
    }

    /// The numbers of the names that match, and at the end how many of the names were looked at. `names` are separated by slashes,
    /// `parents` the numbers of their folders; `first` is the first one's number.
    pub fn next(&mut self, first: u32, names: &str, parents: &[u32]) -> Result<Vec<u32>, JsValue> {
        let names = names.split('/').map(str::as_bytes);
        let (mut found, done) = js_result(self.matcher.next(first, names, parents))?;
        found.push(done as u32);
        Ok(found)
    }
}
