//! Who counts.

use super::not_known;
use crate::doctor::{Asked, Diagnosis, State};
use crate::forge::{OwnerKind, Repository};
use crate::wording;

/// What is known of those who are trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeopleFacts<'a> {
    /// `run.trusted`, each with whether there is such an account.
    pub(crate) trusted: &'a [(String, Asked<bool>)],
    /// The repositories that could be read.
    pub(crate) repositories: &'a [&'a Repository],
}

/// Whether anybody counts, and whether they exist.
pub(crate) fn people(facts: &PeopleFacts<'_>) -> Vec<Diagnosis> {
    let what = "run.trusted";
    if facts.trusted.is_empty() {
        return nobody(facts.repositories);
    }
    let mut found = Vec::new();
    let mut there = Vec::new();
    for (login, exists) in facts.trusted {
        match exists {
            Ok(true) => there.push(login.as_str()),
            Ok(false) => found.push(Diagnosis::not_ok(
                State::Error,
                what,
                format!("the forge has no account `{login}`"),
                wording::doctor_no_account(),
            )),
            Err(why) => found.push(not_known(what, why)),
        }
    }
    if !there.is_empty() {
        found.insert(0, Diagnosis::ok(what, there.join(", ")));
    }
    found
}

fn nobody(repositories: &[&Repository]) -> Vec<Diagnosis> {
    let what = "run.trusted";
    repositories
        .iter()
        .map(|repository| match repository.owner_kind {
            Some(OwnerKind::Person) => Diagnosis::ok(
                what,
                format!("not set: in {} only its owner {} counts", repository.name, repository.name.owner),
            ),
            Some(OwnerKind::Organisation) | None => Diagnosis::not_ok(
                State::Error,
                what,
                format!("not set: in {}, an organisation's, nobody counts", repository.name),
                wording::doctor_trusted(),
            ),
        })
        .collect()
}
