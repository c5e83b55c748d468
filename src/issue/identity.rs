//! What a task's identity hangs on, so that it is found again after people have moved, numbered and reworded it.

use super::kind::words;
use super::{Kind, TaskKey};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Makes keys; counts those that are alike.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seen: BTreeMap<String, usize>,
}

impl Keys {
    /// The key of the next task in the order of the text. `title` is without id, priority, layer and note.
    pub(crate) fn next(&mut self, kind: &Kind, title: &str) -> TaskKey {
        let stem = format!("{}\n{}\n{}", kind.word(), targets(kind), words(title).join(" "));
        let ordinal = self.seen.entry(stem.clone()).and_modify(|count| *count += 1).or_insert(0);
        let text = if *ordinal == 0 { stem } else { format!("{stem}\n{ordinal}") };
        TaskKey(hex(&Sha256::digest(text.as_bytes())[..8]))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What a task is about, apart from its words.
fn targets(kind: &Kind) -> String {
    match kind {
        Kind::Merge { pull } => pull.to_string(),
        Kind::Decide { pull } | Kind::Track { pull } => pull.map(|pull| pull.to_string()).unwrap_or_default(),
        Kind::Verify { check } => format!("{check:?}"),
        Kind::Action { action } => format!("{action:?}"),
        Kind::Close { number } => number.to_string(),
        Kind::Dashboard | Kind::Runbook | Kind::Final | Kind::Person => String::new(),
    }
}

/// Whether two tasks are about the same, apart from their words.
pub(crate) fn same_targets(one: &Kind, other: &Kind) -> bool {
    one.word() == other.word() && targets(one) == targets(other)
}

/// How alike two titles are, from 0 to 1: the words that both have, of all that either has.
pub(crate) fn likeness(one: &str, other: &str) -> f64 {
    let (mut first, mut second) = (words(one), words(other));
    first.sort_unstable();
    first.dedup();
    second.sort_unstable();
    second.dedup();
    let common = u32::try_from(first.iter().filter(|word| second.contains(word)).count()).unwrap_or(u32::MAX);
    let all = u32::try_from(first.len() + second.len()).unwrap_or(u32::MAX).saturating_sub(common);
    if all == 0 { 1.0 } else { f64::from(common) / f64::from(all) }
}
