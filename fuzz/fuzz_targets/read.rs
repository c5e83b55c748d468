//! Reading and editing a task document: nothing panics, and the laws of the tests hold for every text.

#![no_main]

#[path = "../../crates/checklist/tests/laws/mod.rs"]
mod laws;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| laws::all(&String::from_utf8_lossy(data)));
