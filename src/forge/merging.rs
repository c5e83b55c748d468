//! The words of merging: in which way, what was asked, what the forge's answer allows.

use super::ForgeError;
use super::types::CommitSha;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a pull request gets onto its base: the forge's own words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MergeStyle {
    /// A commit with two parents.
    #[default]
    Merge,
    /// One commit of ours with all its changes.
    Squash,
    /// Its commits, replayed onto the base.
    Rebase,
    /// Its commits, replayed onto the base, and a commit with two parents.
    RebaseMerge,
    /// Its commits as they are; the base must be in them.
    FastForwardOnly,
}

impl MergeStyle {
    /// The word in settings and requests.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
            Self::RebaseMerge => "rebase-merge",
            Self::FastForwardOnly => "fast-forward-only",
        }
    }

    /// Whether the commit on the branch carries the message that was asked for, and with it our step's id.
    pub(crate) fn writes_message(self) -> bool {
        match self {
            Self::Merge | Self::Squash | Self::RebaseMerge => true,
            Self::Rebase | Self::FastForwardOnly => false,
        }
    }
}

impl fmt::Display for MergeStyle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// A merge to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergeOrder {
    /// The only head that may be merged.
    pub(crate) head: CommitSha,
    /// In which way.
    pub(crate) style: MergeStyle,
    /// First line of the merge commit's message.
    pub(crate) title: String,
    /// The rest of it.
    pub(crate) message: String,
    /// Always said explicitly: the forge's default differs by version.
    pub(crate) delete_branch: bool,
}

/// What the forge says to a merge that it does not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeAnswer {
    /// 200: it is merged.
    Merged,
    /// 201: it will be merged at a moment that nobody chose. Never asked for, and never to be left so.
    Scheduled,
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPull {
    /// Its title.
    pub(crate) title: String,
    /// Its description.
    pub(crate) body: String,
    /// The branch with the change.
    pub(crate) head: String,
    /// The branch that it goes to.
    pub(crate) base: String,
}

/// What became of a merged pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Merged {
    /// The commit on the base branch.
    pub(crate) commit: CommitSha,
    /// When.
    pub(crate) at: Timestamp,
    /// Whose token merged it, where the forge tells.
    #[serde(default)]
    pub(crate) by: Option<String>,
}

/// What a merge that was refused, and that did not happen, leaves to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRefusedMerge {
    /// Read everything again: the head or the base is another one now.
    LookAgain,
    /// The forge may accept it later: it still checks for conflicts, statuses are missing, it did not answer.
    Later,
    /// Its branch has to have the newest commit of the base first.
    AfterRebase,
    /// Not without a person.
    Never,
}

impl ForgeError {
    /// What to do after a merge that was answered with this. Only for a pull request that [`Forge::pull`] shows as not
    /// merged: some servers answer 403 or 500 after a merge whose branch could not be deleted.
    ///
    /// [`Forge::pull`]: super::Forge::pull
    pub(crate) fn after_refused_merge(&self) -> AfterRefusedMerge {
        match self {
            // Another head or base, or closed meanwhile.
            Self::Conflict { .. } | Self::NotFound { .. } => AfterRefusedMerge::LookAgain,
            // 405 is one number for a dozen reasons in words that differ by version: conflicts, a check that still
            // runs, statuses that are missing. Where the words say what only a person or Renovate can change, that is
            // believed; all else is tried again, and a bound on the tries ends it.
            Self::Refused { status: 405, said, .. } => {
                let said = said.to_lowercase();
                if said.contains("behind the base") {
                    AfterRefusedMerge::AfterRebase
                } else if said.contains("merge style") || said.contains("user not allowed") {
                    AfterRefusedMerge::Never
                } else {
                    AfterRefusedMerge::Later
                }
            }
            Self::Unavailable { .. } | Self::Unreadable { .. } => AfterRefusedMerge::Later,
            Self::Refused { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::Renamed { .. } => AfterRefusedMerge::Never,
        }
    }
}
