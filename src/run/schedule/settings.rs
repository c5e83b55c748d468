//! Settings under `[schedule]`.

use super::moment::Every;
use crate::forge::RepositoryName;
use serde::{Deserialize, Serialize};

/// What `serve` looks for by itself, and when. Nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The repository whose maintenance issue takes what is found; needed where there are several.
    pub repository: Option<RepositoryName>,
    /// A look at everything, as `recon --issue`.
    pub recon: Option<Every>,
    /// Failed Jobs, backups and copies, those too that are only listed.
    pub checks: Option<Every>,
    /// What fills up, and that a copy should be restored to try it.
    pub trends: Option<Every>,
    /// What is well and would not be on a bad day, as `recon --audit --issue`.
    pub audit: Option<Every>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Chore {
    /// A look at everything.
    Recon,
    /// Failed Jobs, backups and copies.
    Checks,
    /// What fills up.
    Trends,
    /// The audit.
    Audit,
}

impl Chore {
    /// All of them, in the order in which they are done where they are due together.
    pub(super) const ALL: [Self; 4] = [Self::Recon, Self::Checks, Self::Trends, Self::Audit];

    /// As the settings name it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Recon => "recon",
            Self::Checks => "checks",
            Self::Trends => "trends",
            Self::Audit => "audit",
        }
    }
}

impl Settings {
    /// When something is done, if ever.
    pub(super) fn of(&self, chore: Chore) -> Option<&Every> {
        match chore {
            Chore::Recon => self.recon.as_ref(),
            Chore::Checks => self.checks.as_ref(),
            Chore::Trends => self.trends.as_ref(),
            Chore::Audit => self.audit.as_ref(),
        }
    }

    /// Whether an audit is among it.
    pub(crate) fn looks_at_audits(&self) -> bool {
        self.audit.is_some() || self.trends.is_some()
    }

    /// Whether anything is ever done.
    pub(crate) fn is_used(&self) -> bool {
        Chore::ALL.into_iter().any(|chore| self.of(chore).is_some())
    }
}
