//! Settings under `[run]` and `[discovery]`, and those of each repository.

use super::situation::Mode;
use super::windows::{Hours, Window};
use crate::forge::{self, MergeStyle, RepositoryName};
use crate::merge::paths::AllowedPaths;
use crate::merge::rollout::Watched;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings under `[run]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Accounts whose issues, edits, approvals and comments count. Required for an organisation's repository; without
    /// it, only the owner of a personal repository is trusted.
    pub trusted: Vec<String>,
    /// Says that only the trusted, the bot and Renovate's accounts can write to the repository: then an edit whose
    /// author no delivery tells counts as well.
    pub sole_writers: bool,
    /// The label of a maintenance issue.
    pub maintenance_label: String,
    /// The label that calls for a person.
    pub needs_human_label: String,
    /// The label that stops a run before its next effect.
    pub pause_label: String,
    /// The zone in which times are written, by its name in the IANA database.
    pub timezone: String,
    /// When a change may start; none: at any hour.
    pub windows: Vec<Window>,
}

/// There is no such zone.
#[derive(Debug, thiserror::Error)]
#[error("run.timezone: there is no zone `{0}` here; write it as `Europe/Berlin`, or `UTC`")]
pub(crate) struct NoSuchZone(String);

impl Settings {
    /// The zone in which times are written.
    pub(crate) fn zone(&self) -> Result<TimeZone, NoSuchZone> {
        TimeZone::get(&self.timezone).map_err(|_| NoSuchZone(self.timezone.clone()))
    }

    /// How a moment stands to the windows. A zone that does not exist was refused with the settings.
    pub(crate) fn hours(&self, now: Timestamp) -> Hours {
        Hours::of(&self.windows, &self.zone().unwrap_or(TimeZone::UTC), now)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            sole_writers: false,
            maintenance_label: "maintenance".to_owned(),
            needs_human_label: "needs-human".to_owned(),
            pause_label: "caretaker/pause".to_owned(),
            timezone: "UTC".to_owned(),
            windows: Vec::new(),
        }
    }
}

/// A repository that caretaker looks after: one `[[repository]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repository {
    /// `owner/name`.
    pub(crate) name: RepositoryName,
    /// How much may be done there: `observe`, `approve` or `auto`.
    #[serde(default)]
    pub mode: Mode,
    /// Addresses under which the cluster pulls this repository, besides those that the forge names itself.
    #[serde(default)]
    pub pull_urls: Vec<String>,
    /// Addresses that end as this repository's do and are another's: a fork's, a mirror's that nobody merges into. And sources of Flux
    /// that are not read and hold nothing of it (`ExternalArtifact <namespace>/<name>`).
    #[serde(default)]
    pub other_urls: Vec<String>,
    /// How a merge gets into a cluster.
    #[serde(default)]
    pub rollout: RolloutBy,
    /// How pull requests are merged, in the forge's own words.
    #[serde(default)]
    pub merge_style: MergeStyle,
    /// Patterns (`*`) of the files in which Renovate's changes are accepted; empty: all but what decides what CI, Renovate
    /// and caretaker do.
    #[serde(default)]
    pub(crate) paths: AllowedPaths,
    /// Whether Applications without automated sync are synced after a merge that changes them. Otherwise a person does, and
    /// is told.
    #[serde(default)]
    pub sync_manual: bool,
    /// Whether `.caretaker.toml` on its default branch may ask for more care.
    #[serde(default)]
    pub allow_repository_file: bool,
}

impl Repository {
    /// A repository with every default.
    pub(crate) fn new(name: RepositoryName) -> Self {
        Self {
            name,
            mode: Mode::default(),
            pull_urls: Vec::new(),
            other_urls: Vec::new(),
            rollout: RolloutBy::default(),
            sync_manual: false,
            allow_repository_file: false,
            merge_style: MergeStyle::default(),
            paths: AllowedPaths::default(),
        }
    }

    /// The repository as those who follow it into the cluster may write it.
    pub(crate) fn watched(&self, repository: &forge::Repository) -> Watched {
        let own = repository.clone_urls.iter().chain(&self.pull_urls).cloned().collect();
        Watched::new(own, self.other_urls.clone(), &repository.default_branch)
    }
}

/// Settings under `[discovery]`: repositories that no table names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Discovery {
    /// Whether caretaker looks after every repository that its token can write to and that has the maintenance label.
    pub enabled: bool,
    /// Only repositories of these owners; empty: of all.
    pub owners: Vec<String>,
    /// Never these: `owner/name`. What is half done there counts for nothing any more.
    pub(crate) ignore: Vec<RepositoryName>,
    /// How much may be done in a repository that was found.
    pub mode: Mode,
    /// Whether their `.caretaker.toml` may ask for more care.
    pub allow_repository_file: bool,
    /// How often it is looked for them.
    pub every_seconds: f64,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            enabled: false,
            owners: Vec::new(),
            ignore: Vec::new(),
            mode: Mode::default(),
            allow_repository_file: false,
            every_seconds: 3600.0,
        }
    }
}

impl Discovery {
    /// How often it is looked for repositories.
    pub(crate) fn every(&self) -> Duration {
        Duration::try_from_secs_f64(self.every_seconds).unwrap_or(Duration::MAX)
    }

    /// Whether a repository may be looked after: of an owner that is wanted, and not ignored. Forges compare names without
    /// case.
    pub(crate) fn wants(&self, name: &RepositoryName) -> bool {
        let owners = &self.owners;
        let of_owner =
            owners.is_empty() || owners.iter().any(|owner| owner.eq_ignore_ascii_case(&name.owner));
        of_owner && !self.ignores(&name.to_string())
    }

    /// Whether a person said that a repository is none of caretaker's business any more.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored.to_string().eq_ignore_ascii_case(name))
    }

    /// The settings of a repository that was found.
    pub(crate) fn settings_of(&self, name: RepositoryName) -> Repository {
        Repository {
            mode: self.mode,
            allow_repository_file: self.allow_repository_file,
            ..Repository::new(name)
        }
    }
}

/// How a merge gets into a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RolloutBy {
    /// Watchers follow the repository; none found is UNKNOWN, and UNKNOWN merges nothing.
    #[default]
    Watchers,
    /// Nothing in the cluster follows this repository.
    None,
}

#[cfg(test)]
mod tests {
    use super::Discovery;

    #[test]
    fn what_is_ignored_is_not_wanted_whoever_owns_it() {
        let name = |text: &str| text.parse().expect("a name");
        let discovery = |owners: &[&str]| Discovery {
            owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
            ignore: vec![name("ops/old")],
            ..Discovery::default()
        };
        for (owners, wanted, expected) in [
            (&[][..], "ops/homelab", true),
            (&[], "Ops/Old", false),
            (&["OPS"], "ops/homelab", true),
            (&["ops"], "ops/old", false),
            (&["home"], "ops/homelab", false),
        ] {
            assert_eq!(discovery(owners).wants(&name(wanted)), expected, "{owners:?} {wanted}");
        }
    }
}
