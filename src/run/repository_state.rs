//! Whether a repository can be worked on, as the forge last said.
//!
//! One that cannot is a state and no failure: it is said once, asked about with one request at the ordinary pace, and
//! keeps no other repository from being worked on.

use crate::forge::{ForgeError, Repository};
use std::fmt;

/// Why nothing can be done in a repository. Its words follow the repository's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RepositoryState {
    /// It has another name now. Never followed by itself: what is named in the settings is a person's decision.
    Renamed {
        /// Where it is, in the forge's words.
        location: String,
    },
    /// Read-only for everybody.
    Archived,
    /// Our account may read it and nothing more.
    ReadOnly,
    /// Deleted, or made private, or our account was taken out of it: the forge answers all of them alike.
    Gone,
    /// The forge refuses to show it: a scope or a permission is missing.
    Refused {
        /// The forge's words.
        said: String,
    },
    /// The forge does not know our token any more.
    TokenUnknown {
        /// The forge's words.
        said: String,
    },
}

impl RepositoryState {
    /// What keeps a repository that was read from being worked on.
    pub(crate) fn of(repository: &Repository) -> Option<Self> {
        if repository.archived {
            Some(Self::Archived)
        } else if !repository.can_push {
            Some(Self::ReadOnly)
        } else {
            None
        }
    }

    /// What it means that a repository could not be read; `None` where it may be read the next time.
    pub(crate) fn of_error(error: &ForgeError) -> Option<Self> {
        match error {
            ForgeError::Renamed { location } => Some(Self::Renamed { location: location.clone() }),
            ForgeError::NotFound { .. } => Some(Self::Gone),
            ForgeError::Forbidden { said, .. } => Some(Self::Refused { said: said.clone() }),
            ForgeError::Unauthorized { said } => Some(Self::TokenUnknown { said: said.clone() }),
            ForgeError::Conflict { .. }
            | ForgeError::Refused { .. }
            | ForgeError::Unavailable { .. }
            | ForgeError::Unreadable { .. } => None,
        }
    }

    /// The same in words for a repository that no table names.
    pub(crate) fn of_a_found_one(&self) -> String {
        match self {
            Self::Renamed { location } => {
                format!("was renamed and is now at {location}, where it is found by itself")
            }
            Self::Gone => "does not exist or may not be seen: it was deleted or made private, or caretaker's account was \
                           taken out of it; let the account in again where it is still there"
                .to_owned(),
            Self::Archived | Self::ReadOnly | Self::Refused { .. } | Self::TokenUnknown { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for RepositoryState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |formatter: &mut fmt::Formatter<'_>, said: &str| match said {
            "" => Ok(()),
            said => write!(formatter, " ({said})"),
        };
        match self {
            Self::Renamed { location } => {
                write!(formatter, "was renamed and is now at {location}: write the new name into the settings")
            }
            Self::Archived => formatter.write_str("is archived: take it out of the archive to go on"),
            Self::ReadOnly => formatter.write_str("may only be read by caretaker's account: let it write"),
            Self::Gone => formatter.write_str(
                "does not exist or may not be seen: it was deleted or made private, or caretaker's account was taken \
                 out of it; take its table out of the settings, or let the account in again",
            ),
            Self::Refused { said: words } => {
                formatter.write_str("is not shown to caretaker's token: a scope or a permission is missing")?;
                said(formatter, words)
            }
            Self::TokenUnknown { said: words } => {
                formatter.write_str("cannot be asked for: the forge does not know the token any more")?;
                said(formatter, words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RepositoryState;
    use crate::forge::{ForgeError, OwnerKind, Repository};

    fn repository(archived: bool, can_push: bool) -> Repository {
        Repository {
            id: Some(1),
            name: "ops/homelab".parse().expect("a name"),
            owner_kind: Some(OwnerKind::Person),
            default_branch: "main".to_owned(),
            private: false,
            archived,
            can_push,
            can_administer: false,
            merge_styles: [crate::forge::MergeStyle::Merge].into(),
            clone_urls: Vec::new(),
            html_url: String::new(),
        }
    }

    #[test]
    fn each_answer_is_a_state_or_may_pass() {
        assert_eq!(RepositoryState::of(&repository(false, true)), None);
        assert_eq!(RepositoryState::of(&repository(true, true)), Some(RepositoryState::Archived));
        assert_eq!(RepositoryState::of(&repository(true, false)), Some(RepositoryState::Archived));
        assert_eq!(RepositoryState::of(&repository(false, false)), Some(RepositoryState::ReadOnly));
        let (what, said) = ("GET /repos/ops/homelab".to_owned(), "no".to_owned());
        let cases = [
            (ForgeError::Renamed { location: "/ops/new".to_owned() }, Some("renamed and is now at /ops/new")),
            (ForgeError::NotFound { what: what.clone() }, Some("deleted or made private")),
            (ForgeError::Forbidden { what: what.clone(), said: said.clone() }, Some("is missing (no)")),
            (
                ForgeError::Forbidden { what: what.clone(), said: String::new() },
                Some("permission is missing"),
            ),
            (ForgeError::Unauthorized { said: said.clone() }, Some("does not know the token any more (no)")),
            (ForgeError::Conflict { what: what.clone(), said: said.clone() }, None),
            (ForgeError::Refused { what: what.clone(), status: 422, said: said.clone() }, None),
            (ForgeError::Unreadable { what: what.clone(), said: said.clone() }, None),
            (ForgeError::Unavailable { what, said, retry_after: None }, None),
        ];
        for (error, expected) in cases {
            let found = RepositoryState::of_error(&error).map(|state| state.of_a_found_one());
            assert!(found.is_none_or(|text| !text.contains("settings")), "no table names it: {error}");
            let state = RepositoryState::of_error(&error).map(|state| state.to_string());
            match (&state, expected) {
                (Some(state), Some(part)) => assert!(state.contains(part), "{error}: {state}"),
                (state, expected) => assert_eq!(state.is_some(), expected.is_some(), "{error}"),
            }
        }
    }
}
