//! What reading is measured beside and on, for both packages' benches.

use pulldown_cmark::{Options, Parser};
use std::hint::black_box;

/// The bare parser with the extensions that reading uses: how many events a text has.
pub(crate) fn bare(text: &str) -> usize {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options).into_offset_iter().map(black_box).count()
}

/// The largest body of the folder that `CARETAKER_TEST_CORPUS` names, when there is one.
pub(crate) fn corpus() -> Option<String> {
    let folder = std::path::PathBuf::from(std::env::var_os("CARETAKER_TEST_CORPUS")?);
    let files = std::fs::read_dir(folder.join("issues")).ok()?;
    files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok()).max_by_key(String::len)
}
