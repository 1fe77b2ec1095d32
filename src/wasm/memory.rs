//! The budget of memory of this instance.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::budget::{self, Evictable};

/// A function that closes what nobody uses.
struct Pressure(Function);

impl Evictable for Pressure {
    fn last_used(&self) -> Option<u64> {
        // What is kept for later reads goes first.
        Some(u64::MAX)
    }

    fn evict(&self) {
        // It has failed where nothing was given back.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

thread_local! {
    static PRESSURE: RefCell<Option<Rc<Pressure>>> = const { RefCell::new(None) };
}

/// Bounds how many bytes this instance reserves; `pressure` is called when they are not enough, and gives some back if it can.
#[wasm_bindgen(js_name = setMemoryLimit)]
pub fn set_memory_limit(bytes: f64, pressure: Option<Function>) {
    // Saturating: no limit is what is larger than any memory.
    budget::set_limit(bytes as u64);
    let pressure = pressure.map(|function| Rc::new(Pressure(function)));
    if let Some(pressure) = &pressure {
        let weak: Weak<Pressure> = Rc::downgrade(pressure);
        budget::register(weak);
    }
    PRESSURE.set(pressure);
}

/// Bytes that this instance has reserved.
#[wasm_bindgen(js_name = memoryHeld)]
pub fn memory_held() -> f64 {
    budget::held() as f64
}
