//! In which files Renovate's changes are accepted without a person.
//!
//! That every changed line is explained by the table says what a change is, not what it can do: a new version of an action
//! runs with whatever CI may do, and what Renovate or caretaker themselves are told is who is careful next time. So without
//! a list all files are accepted but those; a list of the settings is a person's word and goes instead of that. What the
//! repository's own file asks for comes on top, so that it can narrow and nothing else.

use super::glob;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What decides what CI runs.
const CI: &[&str] = &[
    ".gitea/workflows/*",
    ".gitea/actions/*",
    ".forgejo/workflows/*",
    ".forgejo/actions/*",
    ".github/workflows/*",
    ".github/actions/*",
    ".woodpecker/*",
    ".woodpecker.y*ml",
    ".drone.*",
    ".gitlab-ci.y*ml",
    ".gitlab/ci/*",
    ".circleci/*",
    ".buildkite/*",
    ".tekton/*",
    ".travis.y*ml",
    "azure-pipelines*.y*ml",
    "jenkinsfile*",
    "*/jenkinsfile*",
    "action.y*ml",
    "*/action.y*ml",
    ".cirrus.y*ml",
    "bitbucket-pipelines.y*ml",
    ".build.y*ml",
    ".builds/*",
    // Hooks run wherever somebody commits, and many a CI runs them.
    ".pre-commit-config.y*ml",
];

/// What Renovate and caretaker are told, where they look for it, and where presets that a repository has of its own
/// commonly lie. One that is elsewhere is not known from its name: `paths` keeps it out.
const OWN_SETTINGS: &[&str] = &[
    ".caretaker.toml",
    "renovate.json*",
    ".renovaterc*",
    ".gitea/renovate.json*",
    ".forgejo/renovate.json*",
    ".github/renovate.json*",
    ".gitlab/renovate.json*",
    ".github/renovate/*",
    ".renovate/*",
    "renovate/*.json*",
];

/// Where Renovate's changes are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub(crate) struct AllowedPaths {
    /// The list of the settings; empty: none.
    listed: Vec<String>,
    /// That of the repository's own file; `None`: it has none.
    narrowed: Option<Vec<String>>,
}

impl From<Vec<String>> for AllowedPaths {
    fn from(listed: Vec<String>) -> Self {
        Self { listed, narrowed: None }
    }
}

impl From<AllowedPaths> for Vec<String> {
    fn from(paths: AllowedPaths) -> Self {
        paths.listed
    }
}

/// Why a file is a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// It is not among the listed ones.
    Unlisted,
    /// It decides what CI runs.
    Ci,
    /// It tells Renovate or caretaker what to do.
    OwnSettings,
}

impl fmt::Display for Outside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unlisted => "which is not among the paths in which such changes are accepted",
            Self::Ci => "which decides what CI runs",
            Self::OwnSettings => "which tells Renovate or caretaker what to do",
        })
    }
}

impl AllowedPaths {
    /// Only what is in these as well.
    pub(crate) fn narrowed_to(&self, paths: Option<&[String]>) -> Self {
        let narrowed = paths.map(<[String]>::to_vec).or_else(|| self.narrowed.clone());
        Self { listed: self.listed.clone(), narrowed }
    }

    /// Why a change of a file is not accepted; `None`: it is.
    pub(crate) fn refuses(&self, path: &str) -> Option<Outside> {
        let is_in = |list: &[String]| list.iter().any(|pattern| glob::matches_exactly(pattern, path));
        if self.narrowed.as_deref().is_some_and(|narrowed| !is_in(narrowed)) {
            return Some(Outside::Unlisted);
        }
        if !self.listed.is_empty() {
            return (!is_in(&self.listed)).then_some(Outside::Unlisted);
        }
        // Whatever a file system makes of capitals.
        let is_one_of = |list: &[&str]| list.iter().any(|pattern| glob::matches(pattern, path));
        match () {
            () if is_one_of(OWN_SETTINGS) => Some(Outside::OwnSettings),
            () if is_one_of(CI) => Some(Outside::Ci),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowedPaths, Outside};

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn without_a_list_all_is_accepted_but_what_decides_for_others() {
        for (path, expected) in [
            ("apps/echo/values.yaml", None),
            ("package-lock.json", None),
            (".gitea/issue_template.md", None),
            ("docs/action.md", None),
            ("renovate/values.yaml", None),
            (".gitea/workflows/ci.yaml", Some(Outside::Ci)),
            (".GitHub/Workflows/ci.yml", Some(Outside::Ci)),
            (".forgejo/workflows/nested/ci.yml", Some(Outside::Ci)),
            (".woodpecker.yaml", Some(Outside::Ci)),
            ("build/Jenkinsfile", Some(Outside::Ci)),
            (".cirrus.yml", Some(Outside::Ci)),
            ("bitbucket-pipelines.yml", Some(Outside::Ci)),
            (".build.yml", Some(Outside::Ci)),
            (".builds/alpine.yml", Some(Outside::Ci)),
            (".pre-commit-config.yaml", Some(Outside::Ci)),
            ("tools/check/action.yml", Some(Outside::Ci)),
            (".caretaker.toml", Some(Outside::OwnSettings)),
            ("renovate.json5", Some(Outside::OwnSettings)),
            (".github/renovate.json", Some(Outside::OwnSettings)),
            (".github/renovate/groups.json5", Some(Outside::OwnSettings)),
            (".renovate/automerge.json", Some(Outside::OwnSettings)),
            ("renovate/default.json", Some(Outside::OwnSettings)),
        ] {
            assert_eq!(AllowedPaths::default().refuses(path), expected, "{path}");
        }
    }

    #[test]
    fn a_list_is_a_persons_word_and_a_repositorys_own_only_narrows_it() {
        let listed = AllowedPaths::from(owned(&["apps/**", ".gitea/workflows/ci.yaml"]));
        for (path, expected) in [
            ("apps/echo/values.yaml", None),
            ("Apps/echo/values.yaml", Some(Outside::Unlisted)),
            ("old/apps/echo/values.yaml", Some(Outside::Unlisted)),
            (".gitea/workflows/ci.yaml", None),
            (".gitea/workflows/release.yaml", Some(Outside::Unlisted)),
        ] {
            assert_eq!(listed.refuses(path), expected, "{path}");
        }
        let narrow = owned(&["apps/echo/*", "*"]);
        for (narrowed, path, accepted) in [
            (None, "apps/grafana/values.yaml", true),
            (Some(&narrow[..1]), "apps/echo/values.yaml", true),
            (Some(&narrow[..1]), "apps/grafana/values.yaml", false),
            (Some(&narrow[..]), "infrastructure/values.yaml", false),
            (Some(&[]), "apps/echo/values.yaml", false),
        ] {
            assert_eq!(listed.narrowed_to(narrowed).refuses(path).is_none(), accepted, "{narrowed:?} {path}");
        }
        let all = AllowedPaths::default().narrowed_to(Some(&narrow));
        assert_eq!(
            all.refuses(".gitea/workflows/ci.yaml"),
            Some(Outside::Ci),
            "no file of its own lets CI in"
        );
    }
}
