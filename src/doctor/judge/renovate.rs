//! Whether Renovate's pull requests are recognised as such.

use super::not_known;
use crate::doctor::{Asked, Diagnosis, State};
use crate::forge::renovate::NotRenovates;
use crate::forge::{PullNumber, RepositoryName};
use crate::wording;

/// A pull request that looks like Renovate's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Likeness {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Why it does not count as one; `None`: it does.
    pub(crate) refused: Option<NotRenovates>,
}

/// What is known of Renovate in a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RenovateFacts<'a> {
    /// Which repository.
    pub(crate) repository: &'a RepositoryName,
    /// The open pull requests that look like Renovate's.
    pub(crate) pulls: &'a Asked<Vec<Likeness>>,
    /// Whether its dashboard is open.
    pub(crate) dashboard: &'a Asked<bool>,
}

/// How it stands with Renovate.
pub(crate) fn renovate(facts: &RenovateFacts<'_>) -> Vec<Diagnosis> {
    let what = format!("{}: Renovate", facts.repository);
    let mut found = match facts.pulls {
        Err(why) => vec![not_known(what.clone(), why)],
        Ok(pulls) if pulls.is_empty() => vec![Diagnosis::not_ok(
            State::Warning,
            what.clone(),
            "no open pull request looks like Renovate's, so nothing shows whether they are recognised",
            wording::doctor_renovate_later(),
        )],
        Ok(pulls) => recognised(&what, pulls),
    };
    found.push(match facts.dashboard {
        Ok(true) => Diagnosis::ok(what, "its Dependency Dashboard is open"),
        Ok(false) => Diagnosis::ok(what, "there is no open Dependency Dashboard, and none is needed"),
        Err(why) => not_known(what, why),
    });
    found
}

fn recognised(what: &str, pulls: &[Likeness]) -> Vec<Diagnosis> {
    let good = pulls.iter().filter(|pull| pull.refused.is_none()).count();
    let mut found = Vec::new();
    if good > 0 {
        found.push(Diagnosis::ok(what, format!("{good} of {} open pull requests recognised", pulls.len())));
    }
    for pull in pulls {
        let Some(why) = &pull.refused else { continue };
        let (state, fix) = match why {
            NotRenovates::Author(author) => (State::Error, wording::doctor_renovate_account(author)),
            NotRenovates::Branch(_) => (State::Error, wording::doctor_renovate_prefix()),
            // Somebody may have made it so: it is not merged, which is as it should be.
            NotRenovates::OtherRepository | NotRenovates::Marker | NotRenovates::Table(_) => {
                (State::Warning, wording::doctor_renovate_other())
            }
        };
        let said = format!("#{} looks like Renovate's and does not count as such: {why}", pull.number);
        found.push(Diagnosis::not_ok(state, what, said, fix));
    }
    found
}
