//! What a look at the cluster found, as tasks of caretaker's own in the issue.
//!
//! Each such task stands in a block of its own, so that a person who edits one makes that one theirs and no other. The
//! command line that writes a block and the service that works by it share no memory: of the text nothing is taken but
//! which finding it is (by the name of the block) and whether its box is ticked. Title, priority, what is done and what
//! shows that it was done come from what the reader of the block sees in the cluster itself, so that a forged block gains
//! nothing.
//!
//! Races decided here: a block that somebody has written into is not placed again, and its words stay where they are; a
//! task that a person asks for in their own words is not asked for a second time.

mod form;
mod place;
mod propose;
mod tag;
mod task;
mod urgency;

#[cfg(test)]
mod tests;

pub(crate) use form::opened;
pub(in crate::issue) use place::{is_introduced, own_tasks, place, without_note};
pub(crate) use propose::{Offered, OpenUpdate, Proposal, is_one_matter, propose};
pub(crate) use tag::{FindingTag, Own, former_tags, key_of, resolve, tags};
pub(crate) use task::{AllowedRule, FindingTask, Settings as ReconSettings};

/// The block that says what the blocks around it are.
pub(in crate::issue) const INTRODUCTION: &str = "findings";
