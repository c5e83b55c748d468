//! How sure a reading is, and from what.
//!
//! People leave out what seems clear to them. What is filled in for them is told apart from what they wrote, so that
//! whoever shows a plan can show what in it was guessed.

use super::{Kind, Priority};
use crate::health::Layer;
use serde::Serialize;

/// How sure something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Certainty {
    /// Nothing says it: it is what is taken in such a case.
    Assumed,
    /// It follows from words that say something else first.
    Inferred,
    /// It is written.
    Written,
}

/// From what it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from", content = "what")]
pub(crate) enum Source {
    /// The task's own line.
    Line,
    /// A detail below it, by its label.
    Detail(String),
    /// A heading above it.
    Heading(String),
    /// Its row in the table of changes, by the row's line.
    Spec(usize),
    /// The words of its title.
    Words,
    /// Nothing.
    Nothing,
}

/// A value with how sure it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Guess<T> {
    /// The value.
    pub(crate) value: T,
    /// How sure it is.
    pub(crate) certainty: Certainty,
    /// From what it is known.
    #[serde(flatten)]
    pub(crate) source: Source,
}

impl<T> Guess<T> {
    /// It is written there.
    pub(crate) fn written(value: T, source: Source) -> Self {
        Self { value, certainty: Certainty::Written, source }
    }

    /// It follows from that.
    pub(crate) fn inferred(value: T, source: Source) -> Self {
        Self { value, certainty: Certainty::Inferred, source }
    }

    /// Nothing says it.
    pub(crate) fn assumed(value: T) -> Self {
        Self { value, certainty: Certainty::Assumed, source: Source::Nothing }
    }
}

/// What of a task was guessed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Guesses {
    /// Its priority.
    pub(crate) priority: Guess<Priority>,
    /// Its layer.
    pub(crate) layer: Guess<Option<Layer>>,
    /// The word of its kind.
    pub(crate) kind: Guess<&'static str>,
    /// Each id that it depends on.
    pub(crate) depends_on: Vec<Guess<String>>,
}

/// How sure a kind is. A number that is named leaves no doubt; what only a person can do may be there for want of
/// understanding.
pub(crate) fn of_kind(kind: &Kind, understood: bool) -> Guess<&'static str> {
    match kind {
        Kind::Merge { .. } | Kind::Close { .. } | Kind::Finding { .. } => {
            Guess::written(kind.word(), Source::Line)
        }
        Kind::Action { .. } => Guess::written(kind.word(), Source::Detail("Commands".to_owned())),
        Kind::Person if !understood => Guess::assumed(kind.word()),
        Kind::Decide { .. }
        | Kind::Dashboard
        | Kind::Verify { .. }
        | Kind::Runbook
        | Kind::Track { .. }
        | Kind::Final
        | Kind::Person => Guess::inferred(kind.word(), Source::Words),
    }
}
