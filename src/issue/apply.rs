//! Writes what is caretaker's into a body, and nothing else.

use super::{KnownTask, TaskKey};
use jiff::Timestamp;

/// How one task shall look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskWish {
    /// Which one.
    pub(crate) key: TaskKey,
    /// Whether its box shall be ticked. `false` leaves the box as it is: boxes are only ever set.
    pub(crate) tick: bool,
    /// The outcome note, as [`crate::wording::outcome_note`] makes it, without a blank before it.
    pub(crate) note: Option<String>,
    /// Notes of ours that may stand there and are replaced, by their exact text.
    pub(crate) former_notes: Vec<String>,
}

/// A block of ours besides the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its name in the markers: lower-case letters, digits and `-`.
    pub(crate) name: String,
    /// Its Markdown, between the markers.
    pub(crate) text: String,
}

/// What a row of the change log tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// A merged pull request.
    Merge,
    /// A merge undone.
    Revert,
    /// An issue or pull request closed.
    Closing,
    /// A typed action carried out.
    Action,
}

/// A row of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    /// When it happened.
    pub(crate) at: Timestamp,
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// The id of the task that asked for it, where one did.
    pub(crate) task: Option<String>,
    /// The issue or pull request.
    pub(crate) number: Option<u64>,
    /// Its title, or the task's; from outside, escaped here.
    pub(crate) title: String,
    /// What was done: one line of our own Markdown.
    pub(crate) action: String,
    /// How it ended: one line of our own Markdown.
    pub(crate) note: String,
    /// The layers' verdict afterwards, for tables that ask for it.
    pub(crate) after: Option<crate::health::Verdict>,
    /// An earlier write brought it into the body. If it is not there now, a person has changed it or taken it out, and
    /// it is not added again.
    pub(crate) written: bool,
}

/// A field of the seven-section form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldWish {
    /// What it shall hold: one line of Markdown.
    pub(crate) value: String,
    /// What it may hold to be replaced: what it held when the run began (see [`template_values`]) and our own earlier
    /// values. Placeholders of the closure (`PENDING`, `-`, nothing) need not be named. Anything else is a person's.
    pub(crate) former: Vec<String>,
}

/// The fields of the seven-section form; `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateFields {
    /// `Overall Status` under `## Status`.
    pub(crate) overall: Option<FieldWish>,
    /// `Last Updated` under `## Status`.
    pub(crate) last_updated: Option<FieldWish>,
    /// `Final Status` or `Status` under `## Closure`.
    pub(crate) final_status: Option<FieldWish>,
    /// `Started`.
    pub(crate) started: Option<FieldWish>,
    /// `Completed` or `Closed Date`.
    pub(crate) completed: Option<FieldWish>,
    /// `Duration`.
    pub(crate) duration: Option<FieldWish>,
    /// `Resolved By` or `Closed By`.
    pub(crate) resolved_by: Option<FieldWish>,
}

/// What the template's cells hold that a run may replace: to be journalled when the run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateValues {
    /// `Overall Status`.
    pub(crate) overall: Option<String>,
    /// `Last Updated`.
    pub(crate) last_updated: Option<String>,
}

/// How the body shall be. The default wishes for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Desired {
    /// The tasks as the journal knows them, so that a reworded one is found.
    pub(crate) known: Vec<KnownTask>,
    /// The tasks that shall look otherwise.
    pub(crate) tasks: Vec<TaskWish>,
    /// The inside of the status block, as [`super::render_status`] makes it.
    pub(crate) status: Option<String>,
    /// The inside of the status block as it was last written.
    pub(crate) former_status: Option<String>,
    /// Further blocks.
    pub(crate) blocks: Vec<Block>,
    /// All rows of this run so far, oldest first.
    pub(crate) rows: Vec<ChangeRow>,
    /// Fields of the seven-section form.
    pub(crate) template: TemplateFields,
    /// The closing report, as [`super::render_closing`] makes it.
    pub(crate) closing_report: Option<String>,
}

/// The fresh text with everything of ours as desired; every other byte as it was. Applying twice is the same as once.
pub(crate) fn apply(fresh: &str, _desired: &Desired) -> String {
    fresh.to_owned()
}

/// What the cells of the seven-section form hold now.
pub(crate) fn template_values(_body: &str) -> TemplateValues {
    TemplateValues::default()
}
