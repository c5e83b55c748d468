//! The maintenance issue: its tasks and their order, the plan, the report, the closing.
//!
//! Everything here is pure: text and values in, text and values out. Nobody locks an issue, so people, other programs
//! and caretaker write the same body at the same time; three rules decide every such race. The text is always read
//! fresh ([`read()`]), written by one idempotent function ([`apply()`]) that changes only what is caretaker's, and what
//! people did in between is the difference between the text and the journal ([`decisions()`]), never a guess.

mod address;
mod apply;
mod approvals;
mod asked;
mod below;
mod change_log;
mod check;
mod closing;
mod condition;
mod conflicts;
mod decisions;
mod depends;
mod detail;
mod draft;
mod folds;
mod found;
mod gate;
mod guess;
mod headings;
mod heard;
mod history;
mod identity;
mod inferred;
mod kind;
mod labels;
mod left;
mod levels;
pub(crate) mod lint;
mod marks;
mod named;
mod naming;
mod object;
mod order;
mod outline;
mod passages;
mod plan;
mod position;
mod read;
mod refusal;
mod related;
mod repair;
mod reserve;
mod secrets;
mod spec;
mod status;
mod task;
mod template;
mod title;
mod vocabulary;
mod words;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod around_tests;
#[cfg(test)]
mod contrary_tests;
#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod edge_tests;
#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(any(test, fuzzing, feature = "bench"))]
pub(crate) mod laws;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod script_model;
#[cfg(test)]
mod script_tests;
#[cfg(test)]
mod spelling_tests;
#[cfg(test)]
mod unasked_tests;

pub(crate) use address::Home;
pub(crate) use apply::*;
pub(crate) use approvals::*;
pub(crate) use closing::*;
pub(crate) use decisions::*;
pub(crate) use found::*;
pub(crate) use history::*;
pub(crate) use identity::hex;
pub(crate) use kind::numbers;
pub(crate) use left::*;
pub(crate) use order::*;
pub(crate) use plan::*;
pub(crate) use read::*;
pub(crate) use related::*;
pub(crate) use status::*;
pub(crate) use task::*;
