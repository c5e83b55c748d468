//! Finds the repositories that no table names: those that the token can write to and that have the maintenance label.
//!
//! Races decided here: a repository that is found or lost while a look goes on is taken up or put down between two rounds;
//! one with something half done is never put down, and one whose labels cannot be read stays as it was. Until the forge
//! has said once which there are, what is half done in any repository of the store keeps the others waiting. What is
//! delivered for one that nobody looks after costs no pass: that one alone is asked about, and taken up where it can be used
//! and has the label by now; one that cannot be used, whatever its labels, may call as often as it likes.

use super::desk::Desk;
use super::missed::Watch;
use super::{Parts, Worker, chain};
use crate::forge::RepositoryName;
use crate::run::discovery::{Found, MOST, Range};
use crate::run::repository_state::RepositoryState;
use std::collections::BTreeSet;
use std::time::Instant;

impl Parts {
    /// Where repositories are looked for.
    fn range(&self) -> Range<'_> {
        let label = &self.settings.maintenance_label;
        Range { discovery: &self.discovery, tables: &self.repositories, label }
    }
}

impl Worker {
    /// Looks for repositories, where that is wanted and due.
    pub(super) async fn discover(&mut self) {
        let discovery = &self.parts.discovery;
        let now = Instant::now();
        if !discovery.enabled || self.parts.only.is_some() {
            return;
        }
        if self.discovery_due.is_some_and(|due| due > now) {
            self.take_up_called(now).await;
            return;
        }
        match self.parts.range().find(self.parts.forge.as_ref()).await {
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

    /// Takes up those for which something was delivered and that have the label by now, where it is time to ask. Those that
    /// could not be asked about are called for again.
    async fn take_up_called(&mut self, now: Instant) {
        if self.called_due.is_none_or(|due| due > now) {
            return;
        }
        self.called_due = None;
        let mut called = std::mem::take(&mut self.called).into_iter();
        for name in called.by_ref().take(MOST) {
            match self.parts.range().finds(self.parts.forge.as_ref(), &name).await {
                Ok(true) => self.add(name),
                Ok(false) => {}
                Err(error) => {
                    let again = RepositoryState::of_error(&error).is_none();
                    tracing::warn!(repository = %name, again, error = %chain(&error), "what was delivered for it says nothing yet");
                    if again {
                        self.called.insert(name);
                    }
                }
            }
        }
        self.called.extend(called);
        if !self.called.is_empty() {
            tracing::info!(left = self.called.len(), "some repositories are asked about later");
            self.called_due = Some(now + self.parts.timing.reconcile());
        }
    }

    /// Looks after one more repository.
    fn add(&mut self, name: RepositoryName) {
        if self.desks.iter().any(|desk| desk.settings.name == name) {
            return;
        }
        tracing::info!(repository = %name, "it has the maintenance label and is looked after");
        // What it was before it was put down, or before it had the label, was not looked after.
        let watch = if self.has_discovered { Watch::fresh() } else { Watch::resuming() };
        self.desks.push(Desk::new(self.parts.discovery.settings_of(name), watch));
        self.names_are_known();
    }

    fn names_are_known(&self) {
        let names = self.desks.iter().map(|desk| desk.settings.name.clone()).collect();
        self.parts.known.replace(names);
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
        if !found.left_out.is_empty() {
            tracing::warn!(
                looked_at = MOST,
                left_out = found.left_out.len(),
                "too many repositories to look at each; name their owners in discovery.owners"
            );
        }
        for (name, error) in &found.unknown {
            tracing::warn!(repository = %name, error = %chain(error), "its labels cannot be read");
        }
        let tables = self.parts.repositories.len();
        let mut kept = Vec::new();
        for desk in self.desks.split_off(tables.min(self.desks.len())) {
            let name = &desk.settings.name;
            let is_told = !found.unknown.contains_key(name) && !found.left_out.contains(name);
            if found.labelled.contains(name) || !is_told || self.is_in_flight_at(name) {
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
            self.add(name);
        }
        self.names_are_known();
    }
}
