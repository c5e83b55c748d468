//! Which repositories are to be looked after that no table names: those that the token can write to and that have the
//! maintenance label. The service goes by it, and `doctor` tells the same.
//!
//! One whose labels cannot be read is known by that, and costs no other; each question has the forge client's own end.

use super::repository_state::RepositoryState;
use super::settings::{Discovery, Repository as RepositorySettings};
use crate::forge::{Forge, ForgeError, ForgeResult, Repository, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};

/// More repositories than this are not asked for their labels in one pass: `discovery.owners` makes them fewer.
pub(crate) const MOST: usize = 200;

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
    /// So many were not asked about.
    pub(crate) left_out: usize,
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
        found.left_out = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        (names, found)
    }

    /// Whether a repository that can be used has the label.
    async fn has_label(&self, forge: &dyn Forge, name: &RepositoryName) -> ForgeResult<bool> {
        Ok(forge.labels(name).await?.iter().any(|label| label.name == self.label))
    }

    /// Looks at all that the token may write to.
    pub(crate) async fn find(&self, forge: &dyn Forge) -> ForgeResult<Found> {
        let (names, mut found) = self.sort(forge.repositories().await?);
        for name in names {
            match self.has_label(forge, &name).await {
                Ok(true) => drop(found.labelled.insert(name)),
                Ok(false) => {}
                Err(error) => drop(found.unknown.insert(name, error)),
            }
        }
        Ok(found)
    }

    /// Whether one repository is to be looked after as it is now.
    pub(crate) async fn finds(&self, forge: &dyn Forge, name: &RepositoryName) -> ForgeResult<bool> {
        if !self.holds(name) {
            return Ok(false);
        }
        // What cannot be used may have the label all the same, and would call again with each delivery.
        let repository = forge.repository(name).await?;
        Ok(RepositoryState::of(&repository).is_none() && self.has_label(forge, name).await?)
    }
}
