//! Approval boxes: ours, so they are read before the block that holds them is written again.
//!
//! A box alone approves nothing: who ticked it is known from a stored delivery only. Here is what the text says.

use super::marks;
use checklist::Document;
use regex::Regex;
use std::sync::LazyLock;

/// A box in the status block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApprovalBox {
    /// The id of the task, as shown.
    pub(crate) task: String,
    /// The code of exactly this change.
    pub(crate) code: String,
    /// Whether it is ticked.
    pub(crate) ticked: bool,
}

static BOX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*- \[([ xX])\] Approve \*\*([A-Za-z0-9.-]{1,12})\*\* \(code `([0-9a-f]{4,64})`\)")
        .expect("the pattern is a constant that a test compiles")
});

/// The line of an approval box, without what follows it.
pub(crate) fn approval_line(id: &str, code: &str, ticked: bool) -> String {
    let tick = if ticked { 'x' } else { ' ' };
    format!("- [{tick}] Approve **{id}** (code `{code}`)")
}

/// Whether a line is an approval box.
pub(crate) fn is_approval_line(line: &str) -> bool {
    BOX.is_match(line)
}

/// The approval boxes inside the status block of a body.
pub(crate) fn read_approvals(body: &str) -> Vec<ApprovalBox> {
    let Ok(document) = Document::parse(body) else { return Vec::new() };
    let Some(inner) = marks::inside(&document, "status") else { return Vec::new() };
    inner
        .lines()
        .filter_map(|line| {
            let found = BOX.captures(line)?;
            Some(ApprovalBox {
                task: found.get(2)?.as_str().to_owned(),
                code: found.get(3)?.as_str().to_owned(),
                ticked: found.get(1)?.as_str() != " ",
            })
        })
        .collect()
}
