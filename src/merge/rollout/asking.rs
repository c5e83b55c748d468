//! Who was asked to look at a commit, and who could not be.
//!
//! Some tell nobody what they have read. That they have looked is believed only of whom the journal names: one that was not there, or
//! not read, when the others were asked was not asked, and neither was one that refused.

use crate::cluster::{ClusterError, ObjectRef};
use crate::forge::CommitSha;
use crate::timing::Timing;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The moment of a judgement, and what was asked until then.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Now.
    pub(crate) now: Timestamp,
    /// The objects of Flux that a person accepts as they are, and that are told what they were then.
    pub(crate) accepted: BTreeSet<ObjectRef>,
    /// Of the commits that watchers report, those that come before the one that is followed.
    pub(crate) earlier: BTreeSet<CommitSha>,
    /// What was asked for the change whose commit it is, where it is that of one.
    pub(crate) asking: Option<Asking>,
    /// Who was waited for on the way of this commit so far, by the names of their objects, and since when; `None` where nobody has
    /// seen it on its way.
    pub(crate) awaited: Option<BTreeMap<String, Timestamp>>,
    /// Whether that change, where it is over, was another run's: nobody hears any more what is said there.
    pub(crate) elsewhere: bool,
    /// How long things are given.
    pub(crate) timing: Timing,
}

impl Moment {
    /// By when something has happened that others do by themselves, each of so long a time.
    pub(super) fn by(&self, since: Timestamp, lasts: Duration) -> Timestamp {
        since.saturating_add(self.timing.by_others(lasts)).unwrap_or(Timestamp::MAX)
    }
}

/// What was asked of those who follow the repository, for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asking {
    /// Since when its commit is on the branch.
    pub(crate) since: Timestamp,
    /// Why nobody was asked, or not all of them, the last time.
    pub(crate) failed: Option<String>,
    /// Who was, of those who do not tell what they have read.
    pub(crate) asked: BTreeMap<ObjectRef, AskedOf>,
    /// Who was, of those who tell the commit, and would not see it by themselves.
    pub(crate) asked_for_commit: BTreeMap<ObjectRef, AskedOf>,
    /// Whether the change has ended before anybody saw its commit everywhere: nobody is asked any more.
    pub(crate) over: bool,
}

/// Why one is asked to look. Of each it is kept by itself who was asked: that one has looked for the commit says nothing of what it takes
/// from beside it, which may have come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Question {
    /// It does not tell what it has read.
    #[default]
    Look,
    /// It tells the commit, and would not see it by itself.
    Commit,
}

/// What became of asking one, in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Whom.
    pub(crate) object: ObjectRef,
    /// Why.
    #[serde(default)]
    pub(crate) question: Question,
    /// When.
    pub(crate) at: Timestamp,
    /// Of a set that Applications make, their newest sync that had ended then.
    #[serde(default)]
    pub(crate) made_at: Option<Timestamp>,
    /// Why it could not be.
    #[serde(default)]
    pub(crate) refused: Option<Refusal>,
}

/// What a look needs that somebody begins by itself, and what a controller's clock may differ from ours.
pub(super) const LOOK: Duration = Duration::from_mins(1);

/// Why one could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// In the cluster's words.
    pub(crate) why: String,
    /// Whether it is a matter of rights.
    #[serde(default)]
    pub(crate) forbidden: bool,
}

impl From<ClusterError> for Refusal {
    fn from(error: ClusterError) -> Self {
        Self { why: error.to_string(), forbidden: matches!(error, ClusterError::Forbidden { .. }) }
    }
}

/// What is known of asking one for a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AskedOf {
    /// When it was taken the last time.
    pub(crate) at: Option<Timestamp>,
    /// Of a set that Applications make, their newest sync that had ended then.
    pub(crate) made_at: Option<Timestamp>,
    /// When that was tried first.
    pub(crate) tried_at: Option<Timestamp>,
    /// Why it was not the last time.
    pub(crate) refused: Option<Refusal>,
}

impl AskedOf {
    /// Takes another answer. That it was asked before stays true when it refuses now.
    pub(crate) fn hear(&mut self, answer: Answer) {
        self.tried_at = self.tried_at.or(Some(answer.at));
        if answer.refused.is_none() {
            self.at = self.at.max(Some(answer.at));
            self.made_at = self.made_at.max(answer.made_at);
        }
        self.refused = answer.refused;
    }
}

/// A moment, for people.
pub(super) fn told(by: Timestamp) -> String {
    by.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// That one was not asked, and why in brackets; `right` is the one that it takes. What a person can do comes first: the rest may be
/// cut off.
pub(super) fn not_asked(refused: Option<&Refusal>, asking: &Asking, right: &str) -> (String, String) {
    let (what, why) = match refused {
        Some(Refusal { why, forbidden: true }) => {
            (format!("caretaker needs `patch` on {right} to ask it to look"), Some(why))
        }
        Some(Refusal { why, forbidden: false }) => ("it could not be asked to look".to_owned(), Some(why)),
        None => ("it has not been asked to look".to_owned(), asking.failed.as_ref()),
    };
    (what, why.map(|why| format!(" ({why})")).unwrap_or_default())
}

/// What a person can do about one that nobody asks any more and that never tells.
pub(super) fn by_a_person(moment: &Moment) -> &'static str {
    if moment.elsewhere {
        "once it has looked, push another commit"
    } else {
        "once it has looked, tick the task of the change, or push another commit"
    }
}
