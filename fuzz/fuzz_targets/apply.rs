//! Writing into a body: the laws of writing hold for every text and every choice of wishes. The last byte chooses,
//! so that a fixture is a seed as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((wishes, text)) = data.split_last() else { return };
    caretaker::laws::writing(&String::from_utf8_lossy(text), *wishes);
});
