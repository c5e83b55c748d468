//! Which repositories are to be looked after that no table names: those that the token can write to and that have the
//! maintenance label. The service goes by it, and `doctor` tells the same.
//!
//! One whose labels cannot be read is known by that, and costs no other: some are asked about at once, and what has no answer
//! when the time of the pass is over is not known.

use super::repository_state::RepositoryState;
use super::settings::{Discovery, Repository as RepositorySettings};
use crate::forge::{Forge, ForgeError, ForgeResult, Repository, RepositoryName};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More repositories than this are not asked for their labels in one pass: `discovery.owners` makes them fewer.
pub(crate) const MOST: usize = 200;

/// So many are asked about at once.
const AT_ONCE: usize = 8;

/// How long all of them may take together.
const PASS: Duration = Duration::from_mins(1);

/// Where repositories are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<'a> {
    /// What is wanted.
    pub(crate) discovery: &'a Discovery,
    /// What has a table is not looked for.
    pub(crate) tables: &'a [RepositorySettings],
    /// The label that one must have.
    pub(crate) label: &'a str,
}

/// What one pass found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// These have the label.
    pub(crate) labelled: BTreeSet<RepositoryName>,
    /// Of these nobody knows: their labels could not be read.
    pub(crate) unknown: BTreeMap<RepositoryName, ForgeError>,
    /// These are wanted, and their state keeps them from being looked after.
    pub(crate) unusable: BTreeMap<RepositoryName, RepositoryState>,
    /// These have it not.
    pub(crate) without: BTreeSet<RepositoryName>,
    /// These were not asked about: they are too many.
    pub(crate) left_out: BTreeSet<RepositoryName>,
}

impl Found {
    /// Whether the pass says anything of a repository.
    pub(crate) fn tells_of(&self, name: &RepositoryName) -> bool {
        self.answers(name) || self.left_out.contains(name) || self.unknown.contains_key(name)
    }

    /// Whether the pass says of a repository that it is to be looked after, or that it is not.
    pub(crate) fn answers(&self, name: &RepositoryName) -> bool {
        self.labelled.contains(name) || self.without.contains(name) || self.unusable.contains_key(name)
    }
}

impl Range<'_> {
    /// Whether a repository may be looked after for being found.
    pub(crate) fn holds(&self, name: &RepositoryName) -> bool {
        let whole = name.to_string();
        let has_table = |table: &RepositorySettings| table.name.to_string().eq_ignore_ascii_case(&whole);
        self.discovery.wants(name) && !self.tables.iter().any(has_table)
    }

    /// Sorts out those that may be asked about, in the order of their names.
    fn sort(&self, all: Vec<Repository>) -> (Vec<RepositoryName>, Found) {
        let (mut names, mut found) = (Vec::new(), Found::default());
        for repository in all.into_iter().filter(|repository| self.holds(&repository.name)) {
            match RepositoryState::of(&repository) {
                None => names.push(repository.name),
                Some(state) => drop(found.unusable.insert(repository.name, state)),
            }
        }
        names.sort();
        found.left_out = names.split_off(MOST.min(names.len())).into_iter().collect();
        (names, found)
    }

    /// Whether a repository that can be used has the label.
    async fn has_label(&self, forge: &dyn Forge, name: &RepositoryName) -> ForgeResult<bool> {
        Ok(forge.labels(name).await?.iter().any(|label| label.name == self.label))
    }

    /// Looks at all that the token may write to.
    pub(crate) async fn find(&self, forge: &dyn Forge) -> ForgeResult<Found> {
        self.find_within(forge, PASS).await
    }

    /// The same, all of it within so long.
    pub(super) async fn find_within(&self, forge: &dyn Forge, limit: Duration) -> ForgeResult<Found> {
        let end = tokio::time::Instant::now() + limit;
        let listed = tokio::time::timeout_at(end, forge.repositories()).await;
        let (names, mut found) = self.sort(listed.unwrap_or_else(|_| Err(unanswered(limit)))?);
        let ask = |name: RepositoryName| async move {
            let answer = tokio::time::timeout_at(end, self.has_label(forge, &name)).await;
            (name, answer.unwrap_or_else(|_| Err(unanswered(limit))))
        };
        let mut answers = futures::stream::iter(names).map(ask).buffer_unordered(AT_ONCE);
        while let Some((name, answer)) = answers.next().await {
            match answer {
                Ok(true) => drop(found.labelled.insert(name)),
                Ok(false) => drop(found.without.insert(name)),
                Err(error) => drop(found.unknown.insert(name, error)),
            }
        }
        Ok(found)
    }

    /// Whether each of some repositories is to be looked after as it is now, asked about on its own.
    pub(crate) async fn find_each(
        &self,
        forge: &dyn Forge,
        names: BTreeSet<RepositoryName>,
    ) -> BTreeMap<RepositoryName, ForgeResult<bool>> {
        self.find_each_within(forge, names, PASS).await
    }

    /// The same, all of it within so long.
    pub(super) async fn find_each_within(
        &self,
        forge: &dyn Forge,
        names: BTreeSet<RepositoryName>,
        limit: Duration,
    ) -> BTreeMap<RepositoryName, ForgeResult<bool>> {
        let end = tokio::time::Instant::now() + limit;
        let ask = |name: RepositoryName| async move {
            let answer = tokio::time::timeout_at(end, self.finds(forge, &name)).await;
            (name, answer.unwrap_or_else(|_| Err(unanswered(limit))))
        };
        futures::stream::iter(names).map(ask).buffer_unordered(AT_ONCE).collect().await
    }

    /// Whether one repository is to be looked after as it is now.
    async fn finds(&self, forge: &dyn Forge, name: &RepositoryName) -> ForgeResult<bool> {
        if !self.holds(name) {
            return Ok(false);
        }
        // What cannot be used may have the label all the same, and would call again with each delivery.
        let repository = forge.repository(name).await?;
        Ok(RepositoryState::of(&repository).is_none() && self.has_label(forge, name).await?)
    }
}

/// What is not known of one that there was no time for.
fn unanswered(limit: Duration) -> ForgeError {
    ForgeError::Unavailable {
        what: "its labels".to_owned(),
        said: format!("no answer within the {} seconds that all repositories have together", limit.as_secs()),
        retry_after: None,
    }
}
