//! One line of what was found.

use serde::Serialize;

/// How it stands with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// In order.
    Ok,
    /// A token as caretaker should have it may not see it. That is as it should be, so it decides nothing.
    Note,
    /// It works, and somebody should know.
    Warning,
    /// It does not work, or will not.
    Error,
    /// It could not be found out.
    Unknown,
}

/// What was looked at, what was found, and what a person does about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Diagnosis {
    /// What was looked at.
    pub(crate) what: String,
    /// How it stands.
    pub(crate) state: State,
    /// What was found.
    pub(crate) found: String,
    /// What mends it.
    pub(crate) fix: Option<String>,
}

impl Diagnosis {
    /// In order.
    pub(crate) fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Ok, found: found.into(), fix: None }
    }

    /// Not in order.
    pub(crate) fn not_ok(
        state: State,
        what: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), state, found: found.into(), fix: Some(fix.into()) }
    }
}

/// The worst of all: an error, then what is not known, then a warning. A note is no trouble.
pub(crate) fn worst(diagnoses: &[Diagnosis]) -> State {
    let any = |state| diagnoses.iter().any(|diagnosis| diagnosis.state == state);
    [State::Error, State::Unknown, State::Warning].into_iter().find(|state| any(*state)).unwrap_or(State::Ok)
}

#[cfg(test)]
mod tests {
    use super::{Diagnosis, State, worst};

    #[test]
    fn an_error_is_worse_than_what_is_not_known_and_that_worse_than_a_warning() {
        use State::{Error, Note, Ok, Unknown, Warning};
        let of = |states: &[State]| {
            let all: Vec<_> =
                states.iter().map(|state| Diagnosis::not_ok(*state, "what", "found", "fix")).collect();
            worst(&all)
        };
        for (states, expected) in [
            (&[][..], Ok),
            (&[Ok, Ok], Ok),
            (&[Ok, Note], Ok),
            (&[Note, Warning], Warning),
            (&[Ok, Warning], Warning),
            (&[Warning, Unknown, Ok], Unknown),
            (&[Unknown, Error, Warning], Error),
        ] {
            assert_eq!(of(states), expected, "{states:?}");
        }
    }
}
