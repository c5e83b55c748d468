//! Markdown task documents: read their tasks, change what is owned, keep every other byte.
//!
//! A maintenance issue is a text that people write and programs edit at the same time. A program that
//! finds tasks with a pattern, or that writes the whole text anew, sooner or later destroys something: a
//! box inside a shell one-liner, a comment in a fence that looks like a heading, a line ending. So this
//! crate reads by the rules of `CommonMark` and GFM, hands out *values with byte ranges*, and changes a
//! text only through [`Edits`], where every byte outside an edit is the byte that was there.
//!
//! It is pure: text in, values out. It does no I/O, has no clock, and knows nothing of what the tasks
//! mean; priorities, layers and kinds are the business of who uses it.
//!
//! * [`Document::parse`] reads: [`Item`]s with their [`Detail`]s, [`Heading`]s, [`Table`]s, real HTML
//!   [`Comment`]s, and [`BoxLike`] text that looks like a task and is none.
//! * [`Document::markers`] finds blocks between two HTML comments, and strays.
//! * [`Edits`] collects changes, refuses overlaps, and applies them at once.

mod boxes;
mod depth;
mod details;
mod document;
mod edit;
mod frames;
mod html;
mod leaf;
mod lines;
mod reader;
mod references;
mod regions;
mod source;
mod table;

pub use boxes::{BoxLike, BoxLikeReason};
pub use document::{
    Commit, Detail, DetailKind, Document, Heading, Item, Link, MAX_DEPTH, Passage, PassageKind, Reference,
    TooDeep,
};
pub use edit::{EditError, Edits};
pub use html::{Block, Comment, Markers};
pub use lines::{LineEnding, line_ending};
pub use table::{Cell, Row, Table};
