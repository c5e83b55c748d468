//! What became of deliveries: counted since the start, and the last ones that left nothing new in the store.
//!
//! Anybody who reaches the listener can have a delivery refused, so refusals are never stored: a bounded list in memory
//! holds the last of them, with what their headers claim and nothing of their bodies.

use super::Refusal;
use crate::store::Stored;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many are remembered.
const REMEMBERED: usize = 200;

/// How much of a claimed header is remembered.
const LONGEST: usize = 64;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Stored now.
    Stored,
    /// Stored now; its payload was kept before, under another id.
    Repeated,
    /// Stored before, under the same id.
    Duplicate,
    /// Refused: without a signature, or with a wrong one.
    Signature,
    /// Refused: signed with the secret of the settings itself, where each repository's hook has its own.
    SharedSecret,
    /// Refused: without the right `Authorization`.
    Authorization,
    /// Refused: too large, too slow, broken off, or not to be read.
    Unreadable,
    /// Refused: of an event or a repository that is none of ours.
    NotOurs,
    /// Refused: too many arrive or wait to be stored, or storing took too long.
    Overloaded,
    /// Refused: the store failed.
    NotStored,
}

impl Outcome {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 10] = [
        Self::Stored,
        Self::Repeated,
        Self::Duplicate,
        Self::Signature,
        Self::SharedSecret,
        Self::Authorization,
        Self::Unreadable,
        Self::NotOurs,
        Self::Overloaded,
        Self::NotStored,
    ];

    /// The word of the metric.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Repeated => "repeated",
            Self::Duplicate => "duplicate",
            Self::Signature => "refused_signature",
            Self::SharedSecret => "refused_shared_secret",
            Self::Authorization => "refused_authorization",
            Self::Unreadable => "refused_unreadable",
            Self::NotOurs => "refused_not_ours",
            Self::Overloaded => "refused_overloaded",
            Self::NotStored => "refused_not_stored",
        }
    }
}

impl From<Stored> for Outcome {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::New => Self::Stored,
            Stored::Repeated => Self::Repeated,
            Stored::Duplicate => Self::Duplicate,
        }
    }
}

impl From<&Refusal> for Outcome {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotSigned | Refusal::WrongSignature => Self::Signature,
            Refusal::SharedSecret => Self::SharedSecret,
            Refusal::Authorization => Self::Authorization,
            Refusal::TooLarge
            | Refusal::TooSlow
            | Refusal::Broken(_)
            | Refusal::ContentType
            | Refusal::Header(_)
            | Refusal::Payload(_)
            | Refusal::Incomplete(_) => Self::Unreadable,
            Refusal::UnknownEvent | Refusal::OtherRepository => Self::NotOurs,
            Refusal::Busy | Refusal::Crowded | Refusal::StoreSlow => Self::Overloaded,
            Refusal::Stopped | Refusal::Store(_) => Self::NotStored,
        }
    }
}

/// A delivery that left nothing new in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// When it was answered.
    pub(crate) at: Timestamp,
    /// The id that it claimed.
    pub(crate) id: String,
    /// The event that it claimed.
    pub(crate) event: String,
    /// The sentence that it was answered with; `None` for a duplicate.
    pub(crate) refused: Option<String>,
}

/// Counts and the last refusals.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    counts: [AtomicU64; Outcome::ALL.len()],
    remembered: Mutex<VecDeque<Remembered>>,
}

impl Outcomes {
    /// Counts a delivery, and remembers it where the store does not.
    pub(super) fn note(&self, id: Option<&str>, event: Option<&str>, taken: Result<Stored, &Refusal>) {
        let outcome = match taken {
            Ok(stored) => Outcome::from(stored),
            Err(refusal) => Outcome::from(refusal),
        };
        self.counts[outcome as usize].fetch_add(1, Ordering::Relaxed);
        if matches!(outcome, Outcome::Stored | Outcome::Repeated) {
            return;
        }
        let claimed = |text: Option<&str>| text.unwrap_or_default().chars().take(LONGEST).collect();
        let one = Remembered {
            at: Timestamp::now(),
            id: claimed(id),
            event: claimed(event),
            refused: taken.err().map(ToString::to_string),
        };
        // A list is whole after every statement, whoever panicked.
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() == REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back(one);
    }

    /// How many had an outcome since the start.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.counts[outcome as usize].load(Ordering::Relaxed)
    }

    /// The last that left nothing new in the store, oldest first.
    pub(crate) fn remembered(&self) -> Vec<Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Outcomes, REMEMBERED};
    use crate::inbox::Refusal;
    use crate::store::Stored;

    #[test]
    fn each_outcome_has_its_own_count() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
        let outcomes = Outcomes::default();
        outcomes.note(Some("d-1"), Some("issues"), Ok(Stored::New));
        outcomes.note(Some("d-1"), Some("issues"), Ok(Stored::Duplicate));
        outcomes.note(None, None, Err(&Refusal::Busy));
        let counted: Vec<u64> = Outcome::ALL.into_iter().map(|outcome| outcomes.count(outcome)).collect();
        assert_eq!(counted, [1, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(outcomes.remembered().len(), 2, "the store has the one that is new");
    }

    #[test]
    fn however_many_are_refused_only_the_last_are_remembered_and_little_of_each() {
        let outcomes = Outcomes::default();
        let long = "ä".repeat(10_000);
        for number in 0..REMEMBERED + 5 {
            outcomes.note(Some(&format!("{number} {long}")), Some(&long), Err(&Refusal::NotSigned));
        }
        let remembered = outcomes.remembered();
        assert_eq!(remembered.len(), REMEMBERED);
        assert!(remembered[0].id.starts_with("5 ä"), "the oldest went");
        assert!(remembered.iter().all(|one| one.id.chars().count() <= 64 && one.event.chars().count() <= 64));
    }
}
