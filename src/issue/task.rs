//! What a task is.

use super::condition::Doubt;
use super::found::FindingTag;
use super::guess::Guesses;
use crate::action::Action;
use crate::forge::{IssueNumber, PullNumber};
use crate::health::Layer;
use crate::merge::{Category, UpdateType};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A task's priority. The order is the order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Priority {
    /// Critical.
    P0,
    /// High.
    P1,
    /// Medium.
    P2,
    /// Low.
    P3,
}

impl fmt::Display for Priority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
        })
    }
}

/// What a task's identity hangs on: a hash of its kind, its targets and its normalised text. Two tasks of one issue
/// that are alike in all of that differ by their place among their likes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct TaskKey(pub(crate) String);

/// What a `verify` task asks the probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    /// Every node is Ready.
    NodesReady,
    /// There are exactly so many nodes, and every one is Ready.
    NodesReadyOf(usize),
    /// Ceph says `HEALTH_OK`.
    CephHealthy,
    /// Every Application is Synced and Healthy.
    ApplicationsHealthy,
    /// There are exactly so many Applications, and every one is Synced and Healthy.
    ApplicationsHealthyOf(usize),
    /// Every pod is good.
    PodsHealthy,
    /// One layer is GREEN.
    Layer(Layer),
    /// Every layer is GREEN.
    AllLayers,
}

/// What kind of work a task is (DESIGN section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Merge this pull request.
    Merge {
        /// Which one.
        pull: PullNumber,
    },
    /// Review, merge or defer: a person's decision, prepared by evidence.
    Decide {
        /// Which pull request, where one is named.
        pull: Option<PullNumber>,
    },
    /// A box of the Dependency Dashboard.
    Dashboard,
    /// A question that the probes answer.
    Verify {
        /// Which.
        check: Check,
    },
    /// A typed action.
    Action {
        /// Which.
        action: Action,
    },
    /// A recovery procedure.
    Runbook,
    /// Close an issue or pull request.
    Close {
        /// Which.
        number: IssueNumber,
    },
    /// Keep an eye on something.
    Track {
        /// The pull request whose end ends it, where one is named.
        pull: Option<PullNumber>,
    },
    /// The final gate.
    Final,
    /// That what caretaker found is gone. Asked for by a block of our own, and by nothing else.
    Finding {
        /// Which finding.
        tag: FindingTag,
    },
    /// A person's alone.
    Person,
}

impl Kind {
    /// The number of what it merges or closes.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Merge { pull } => Some(pull.0),
            Self::Close { number } => Some(number.0),
            Self::Decide { .. }
            | Self::Track { .. }
            | Self::Dashboard
            | Self::Verify { .. }
            | Self::Action { .. }
            | Self::Runbook
            | Self::Final
            | Self::Finding { .. }
            | Self::Person => None,
        }
    }

    /// The pull request that it is about.
    pub(crate) fn pull(&self) -> Option<PullNumber> {
        match self {
            Self::Merge { pull } => Some(*pull),
            Self::Decide { pull } | Self::Track { pull } => *pull,
            Self::Dashboard
            | Self::Verify { .. }
            | Self::Action { .. }
            | Self::Runbook
            | Self::Close { .. }
            | Self::Final
            | Self::Finding { .. }
            | Self::Person => None,
        }
    }

    /// The word in JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Merge { .. } => "merge",
            Self::Decide { .. } => "decide",
            Self::Dashboard => "dashboard",
            Self::Verify { .. } => "verify",
            Self::Action { .. } => "action",
            Self::Runbook => "runbook",
            Self::Close { .. } => "close",
            Self::Track { .. } => "track",
            Self::Final => "final",
            Self::Finding { .. } => "finding",
            Self::Person => "person",
        }
    }
}

/// What a task needs from people before it can be done, judged from its words alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Needs {
    /// A yes to exactly this.
    Approval,
    /// A person has to do or decide it.
    Person,
}

/// The facts that people write below a task, whether as bullets, plain lines, inline or fenced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Details {
    /// What it is for.
    pub(crate) goal: Option<String>,
    /// One line each, comments left out.
    pub(crate) commands: Vec<String>,
    /// What shows that it went well.
    pub(crate) expected: Option<String>,
    /// What to do when it did not.
    pub(crate) if_fails: Option<String>,
    /// How to undo it.
    pub(crate) rollback: Option<String>,
}

/// A task of a maintenance issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// Its identity.
    pub(crate) key: TaskKey,
    /// Its id as shown: as written (`A1`), or `T<line>` where it is missing or doubled.
    pub(crate) id: String,
    /// Its id as written, doubled or not.
    pub(crate) written_id: Option<String>,
    /// Its line in the body, from 1.
    pub(crate) line: usize,
    /// Whether its box is ticked.
    pub(crate) ticked: bool,
    /// The notes on its first line: emphasised texts in parentheses, ours or a person's.
    pub(crate) notes: Vec<String>,
    /// The heading right above it, by which the closing report groups what was done.
    pub(crate) phase: Option<String>,
    /// The heading above it under which boxes come before every merge.
    pub(crate) gate: Option<String>,
    /// Its priority, as written, by its heading, or P2.
    pub(crate) priority: Priority,
    /// Its layer; the first in the design's order where several are named.
    pub(crate) layer: Option<Layer>,
    /// What kind of work it is.
    pub(crate) kind: Kind,
    /// Its title, without id, priority and layer.
    pub(crate) title: String,
    /// For merges: the category by the task's own words.
    pub(crate) category: Option<Category>,
    /// For merges: how far the version moves, by the task's own words.
    pub(crate) update: UpdateType,
    /// Ids of tasks that must end before this one.
    pub(crate) depends_on: Vec<String>,
    /// What is written below it.
    pub(crate) details: Details,
    /// What of all this was guessed, and from what.
    pub(crate) guesses: Guesses,
    /// What it needs from people, by its words alone.
    pub(crate) needs: Option<Needs>,
    /// The same without what follows from the kind of software and the size of the step: what was asked for in so many
    /// words.
    pub(crate) asks: Option<Needs>,
    /// Why it needs somebody, and for a person's task what is to be done.
    pub(crate) why_person: Option<String>,
    /// Whether a block of our own asks for it.
    pub(crate) own: bool,
    /// Whether it is about what broke during the run, which no text says: it goes first.
    pub(crate) broke: bool,
}

impl Task {
    /// The task's own words, or what stands around it, speak against doing it at once.
    pub(super) fn ask(&mut self, doubt: Doubt, why: String) {
        if let Some(needs) = self.needed(doubt)
            && self.asks != Some(Needs::Person)
        {
            self.asks = Some(needs);
        }
        self.reserve(doubt, why);
    }

    /// Something speaks against doing it at once: what would have been done needs a yes, or a person.
    pub(super) fn reserve(&mut self, doubt: Doubt, why: String) {
        let Some(needs) = self.needed(doubt) else { return };
        if self.needs == Some(Needs::Person) || (self.needs == Some(needs) && self.why_person.is_some()) {
            return;
        }
        self.needs = Some(needs);
        self.why_person = Some(why);
    }

    /// What a doubt makes necessary. A yes can only be given to a merge; what else is not plainly asked for is a person's.
    fn needed(&self, doubt: Doubt) -> Option<Needs> {
        Some(match (&self.kind, doubt) {
            (Kind::Merge { .. }, Doubt::Yes) => Needs::Approval,
            (
                Kind::Merge { .. }
                | Kind::Verify { .. }
                | Kind::Action { .. }
                | Kind::Close { .. }
                | Kind::Final
                | Kind::Runbook,
                _,
            ) => Needs::Person,
            (
                Kind::Decide { .. }
                | Kind::Dashboard
                | Kind::Track { .. }
                | Kind::Finding { .. }
                | Kind::Person,
                _,
            ) => return None,
        })
    }
}
