//! Finds the repositories that no table names: those that the token can write to and that have the maintenance label.
//!
//! Races decided here: a repository that is found or lost while a look goes on is taken up or put down between two rounds;
//! one with something half done is never put down, and one whose labels cannot be read stays as it was. Until the forge
//! has said once which there are, what is half done in any repository of the store keeps the others waiting. What is
//! delivered for one that nobody looks after costs no pass: only its own labels are asked for, and a pass follows where it
//! has the one that counts by now.

use super::desk::Desk;
use super::missed::Watch;
use super::{Parts, Worker, chain};
use crate::forge::{ForgeError, Repository, RepositoryName};
use crate::run::repository_state::RepositoryState;
use std::collections::BTreeSet;
use std::time::Instant;

/// More repositories than this are not asked for their labels in one pass: `discovery.owners` makes them fewer.
const MOST: usize = 200;

/// What one pass found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// These have the label.
    labelled: BTreeSet<RepositoryName>,
    /// Of these nobody knows: their labels could not be read.
    unknown: BTreeSet<RepositoryName>,
}

/// Those that may be looked after: wanted, writable, and named by no table. In the order of their names.
fn candidates(parts: &Parts, all: Vec<Repository>) -> Vec<RepositoryName> {
    let has_table = |name: &RepositoryName| {
        let name = name.to_string();
        parts.repositories.iter().any(|table| table.name.to_string().eq_ignore_ascii_case(&name))
    };
    let mut names: Vec<RepositoryName> = all
        .into_iter()
        .filter(|repository| RepositoryState::of(repository).is_none())
        .map(|repository| repository.name)
        .filter(|name| parts.discovery.wants(name) && !has_table(name))
        .collect();
    names.sort();
    names
}

async fn find(parts: &Parts) -> Result<Found, ForgeError> {
    let mut names = candidates(parts, parts.forge.repositories().await?);
    if names.len() > MOST {
        tracing::warn!(
            found = names.len(),
            looked_at = MOST,
            "too many repositories to look at each; name their owners in discovery.owners"
        );
        names.truncate(MOST);
    }
    let mut found = Found::default();
    for name in names {
        match parts.forge.labels(&name).await {
            Ok(labels) => {
                if labels.iter().any(|label| label.name == parts.settings.maintenance_label) {
                    found.labelled.insert(name);
                }
            }
            Err(error) => {
                tracing::warn!(repository = %name, error = %chain(&error), "its labels cannot be read");
                found.unknown.insert(name);
            }
        }
    }
    Ok(found)
}

impl Worker {
    /// Looks for repositories, where that is wanted and due.
    pub(super) async fn discover(&mut self) {
        let discovery = &self.parts.discovery;
        let now = Instant::now();
        if !discovery.enabled || self.parts.only.is_some() {
            return;
        }
        if self.discovery_due.is_some_and(|due| due > now) && !self.is_called_by_labelled(now).await {
            return;
        }
        match find(&self.parts).await {
            Ok(found) => {
                self.discovery_due = Some(now + self.parts.discovery.every());
                (self.called, self.called_due) = (BTreeSet::new(), None);
                self.take_up(&found);
                self.has_discovered = true;
            }
            Err(error) => {
                self.discovery_due = Some(now + self.parts.timing.reconcile());
                tracing::warn!(error = %chain(&error), "repositories could not be looked for; trying again");
            }
        }
    }

    /// Whether one for which something was delivered has the label by now, where it is time to ask.
    async fn is_called_by_labelled(&mut self, now: Instant) -> bool {
        if self.called_due.is_none_or(|due| due > now) {
            return false;
        }
        self.called_due = None;
        for name in std::mem::take(&mut self.called).into_iter().take(MOST) {
            match self.parts.forge.labels(&name).await {
                Ok(labels)
                    if labels.iter().any(|label| label.name == self.parts.settings.maintenance_label) =>
                {
                    return true;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(repository = %name, error = %chain(&error), "its labels cannot be read");
                }
            }
        }
        false
    }

    /// Something was delivered for these. One that is not looked after has its hook already, so its labels are asked for
    /// soon; in a storm of such deliveries no more often than each repository is looked at.
    pub(super) fn called_for(&mut self, marked: &BTreeSet<RepositoryName>) {
        let is_at = |desk: &Desk, name: &RepositoryName| desk.settings.name == *name;
        let others = marked.iter().filter(|name| !self.desks.iter().any(|desk| is_at(desk, name)));
        self.called.extend(others.cloned());
        if !self.called.is_empty() {
            self.called_due.get_or_insert_with(|| Instant::now() + self.parts.timing.reconcile());
        }
        let called = self.desks.iter_mut().filter(|desk| marked.contains(&desk.settings.name));
        called.for_each(Desk::call);
    }

    fn take_up(&mut self, found: &Found) {
        let tables = self.parts.repositories.len();
        let mut kept = Vec::new();
        for desk in self.desks.split_off(tables.min(self.desks.len())) {
            let name = &desk.settings.name;
            if found.labelled.contains(name) || found.unknown.contains(name) || self.is_in_flight_at(name) {
                kept.push(desk);
            } else {
                tracing::info!(repository = %name, "it is not looked after any more: no label, or no right to write");
                self.parts.readiness.repository_says(name, None);
                self.parts.readiness.run_says(name, None);
            }
        }
        // One that is half done was found before: it is followed to its end, label or not.
        let half_done = self.works.values().filter(|work| work.is_half_done());
        let half_done = half_done.filter_map(|work| work.run.repository.parse::<RepositoryName>().ok());
        let wanted: BTreeSet<RepositoryName> = half_done.chain(found.labelled.iter().cloned()).collect();
        self.desks.extend(kept);
        for name in wanted {
            if !self.desks.iter().any(|desk| desk.settings.name == name) {
                tracing::info!(repository = %name, "it has the maintenance label and is looked after");
                // What it was before it was put down, or before it had the label, was not looked after.
                let watch = if self.has_discovered { Watch::fresh() } else { Watch::resuming() };
                self.desks.push(Desk::new(self.parts.discovery.settings_of(name), watch));
            }
        }
        let names = self.desks.iter().map(|desk| desk.settings.name.clone()).collect();
        self.parts.known.replace(names);
    }
}
