//! Every sentence that people read, as named functions, and the one function through which text from outside goes.

use jiff::Timestamp;

/// An absolute time as people read it: `2026-11-21 14:30 UTC`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How a task ended, for its note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutcomeWord {
    /// Done.
    Done,
    /// Put off.
    Deferred,
    /// Known and accepted.
    Acknowledged,
    /// Not needed.
    Skipped,
    /// Waits.
    Waiting,
    /// Could not be done.
    Failed,
}

impl OutcomeWord {
    /// The word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Deferred => "deferred",
            Self::Acknowledged => "acknowledged",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

/// The note behind a task: `*(done 2026-11-21 14:30 UTC: merged as 1a2b3c4, all layers GREEN)*`.
pub(crate) fn outcome_note(outcome: OutcomeWord, at: Timestamp, what: &str) -> String {
    format!("*({} {}: {what})*", outcome.word(), time(at))
}

/// Text from outside, made harmless in Markdown: it can open no fence, box, HTML, mention, reference or marker, stays on
/// one line and is cut to `max` characters.
pub(crate) fn quote_outside(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
