//! The words of merging: categories, risk, holds.

use crate::forge::renovate::Update;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of thing a pull request updates. The order is the order of merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Category {
    /// A bundle of minor and patch updates.
    NonMajor,
    /// Platform services.
    Platform,
    /// Monitoring.
    Monitoring,
    /// Core infrastructure.
    Core,
    /// One app.
    AppTemplate,
    /// A database.
    Database,
}

impl Category {
    /// The word in settings, JSON and reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NonMajor => "non-major",
            Self::Platform => "platform",
            Self::Monitoring => "monitoring",
            Self::Core => "core",
            Self::AppTemplate => "app-template",
            Self::Database => "database",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// How far a version moves. The order is the order of merging within a category; what is unknown comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UpdateType {
    /// Patch, pin or digest.
    Patch,
    /// Minor.
    Minor,
    /// Major.
    Major,
    /// Nothing says.
    Unknown,
}

/// How dangerous a change is: sets soak, maxima and approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Risk {
    /// Non-major bundles, platform services.
    Low,
    /// Monitoring, apps.
    Medium,
    /// Core infrastructure; every major is at least this.
    High,
    /// Databases.
    Critical,
}

/// A version that is not to be merged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Hold {
    /// The package, as Renovate names it.
    pub(crate) package: String,
    /// The file that holds the version; empty where none is known, and any counts.
    pub(crate) file: String,
    /// The new version that made trouble.
    pub(crate) version: String,
}

impl Hold {
    /// Whether an update brings the held version, in whatever file: names are the same in capitals, and versions with and
    /// without their `v`, as one source of versions writes them and another does not.
    pub(crate) fn is_brought_by(&self, update: &Update) -> bool {
        let bare = |text: &str| text.trim().trim_start_matches(['v', 'V']).to_owned();
        update.package.eq_ignore_ascii_case(&self.package) && bare(&update.to) == bare(&self.version)
    }
}
