//! What lets a change start: that it needs nobody, or a person's approval of exactly this change.

use serde::{Deserialize, Serialize};

/// What is asked for and what an approval is of: a task, and a hash over its plan and the content of every file before
/// and after. A rebase with the same change keeps it; anything else is another mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlanMark {
    task: String,
    hash: String,
}

/// How much of the hash people read and type. Only a name: what counts is the whole of it, since so few digits could be
/// met on purpose by whoever writes the change.
const CODE: usize = 8;

impl PlanMark {
    /// Of a task's key and a hash in hex.
    pub(crate) fn new(task: String, hash: String) -> Self {
        Self { task, hash }
    }

    /// The code that people approve with.
    pub(crate) fn code(&self) -> String {
        self.hash.chars().take(CODE).collect()
    }
}

/// A trusted person's word for one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    mark: PlanMark,
    by: String,
}

impl Approval {
    /// Of what was asked, and who said yes.
    pub(crate) fn new(mark: PlanMark, by: String) -> Self {
        Self { mark, by }
    }

    /// Whether it is about exactly this.
    pub(crate) fn covers(&self, mark: &PlanMark) -> bool {
        self.mark == *mark
    }

    /// Who.
    pub(crate) fn by(&self) -> &str {
        &self.by
    }
}

/// What lets a change start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The repository works by itself, and this change needs nobody.
    Automatic,
    /// A trusted person approved. Of what, the gate compares.
    Approved(Approval),
    /// Nobody did.
    Missing {
        /// What is asked, and of whom.
        asked: String,
    },
}

impl Authority {
    /// From what is asked of people before this change, and what they said.
    pub(crate) fn new(asked: Option<String>, approval: Option<Approval>) -> Self {
        match (asked, approval) {
            (None, _) => Self::Automatic,
            (Some(_), Some(approval)) => Self::Approved(approval),
            (Some(asked), None) => Self::Missing { asked },
        }
    }
}
