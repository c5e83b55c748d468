//! Writing into a body: the laws of writing hold for every text and every choice of wishes. The first byte chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((wishes, text)) = data.split_first() else { return };
    caretaker::laws::writing(&String::from_utf8_lossy(text), *wishes);
});
