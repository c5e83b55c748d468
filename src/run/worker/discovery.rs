//! Finds the repositories that no table names: those that the token can write to and that have the maintenance label.
//!
//! Races decided here: a repository that is found or lost while a look goes on is taken up or put down between two rounds;
//! one with something half done is never put down, and one whose labels cannot be read stays as it was. So does one that the
//! forge's list leaves out, which is read in pages that shift when another is created or deleted meanwhile, until that one alone
//! was asked about and the answer is a clear no. Until the forge has said once which there are, what is half done in any
//! repository of the store keeps the others waiting. What is delivered for one that nobody looks after costs no pass: that one
//! alone is asked about, and taken up where it can be used and has the label by now; one that cannot be used, whatever its
//! labels, may call as often as it likes.
//!
//! All of it happens between two rounds and may take as long as a lock holds. So nothing is asked while a change is followed,
//! which no slow answer may leave unwatched, and the cluster's lock is kept meanwhile.

use super::desk::Desk;
use super::missed::Watch;
use super::{Parts, Standing, Worker, chain, lock};
use crate::forge::{ForgeResult, RepositoryName};
use crate::run::discovery::{Found, MOST, Range};
use crate::run::repository_state::RepositoryState;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

impl Parts {
    /// Where repositories are looked for.
    fn range(&self) -> Range<'_> {
        let label = &self.settings.maintenance_label;
        Range { discovery: &self.discovery, tables: &self.repositories, label }
    }
}

/// Whether the answer about one repository says clearly that it is not to be looked after.
fn is_a_clear_no(answer: &ForgeResult<bool>) -> bool {
    match answer {
        Ok(finds) => !finds,
        // Under another name it is another desk's.
        Err(error) => matches!(
            RepositoryState::of_error(error),
            Some(RepositoryState::Gone | RepositoryState::Renamed { .. })
        ),
    }
}

impl Worker {
    /// Looks for repositories, where that is wanted and due.
    pub(super) async fn discover(&mut self, stop: &CancellationToken) {
        let now = Instant::now();
        if !self.parts.discovery.enabled || self.parts.only.is_some() {
            return;
        }
        // One that is half done was found before: it is followed to its end, label or not.
        for name in self.half_done() {
            self.add(name);
        }
        if self.follows_a_change(now) {
            return;
        }
        // Before a pass, which may be due each time and says nothing of those that are too many for it.
        self.take_up_called(now, stop).await;
        if self.discovery_due.is_some_and(|due| due > now) {
            return;
        }
        let parts = Arc::clone(&self.parts);
        let (range, forge) = (parts.range(), parts.forge.as_ref());
        let Some(found) = self.beside_the_lock(range.find(forge), stop).await else { return };
        match found {
            Ok(found) => {
                let missing = self.missing(&found);
                let Some(alone) = self.beside_the_lock(range.find_each(forge, missing), stop).await else {
                    return;
                };
                self.discovery_due = Some(now + parts.discovery.every());
                self.called.retain(|name| !found.answers(name));
                self.take_up(&found, &alone);
                self.has_discovered = true;
            }
            Err(error) => {
                self.discovery_due = Some(now + parts.timing.reconcile());
                tracing::warn!(error = %chain(&error), "repositories could not be looked for; trying again");
            }
        }
    }

    /// Asks the forge something, and keeps the cluster's lock where it is ours; `None` where it was told to stop meanwhile.
    async fn beside_the_lock<Answer>(
        &mut self,
        asking: impl Future<Output = Answer>,
        stop: &CancellationToken,
    ) -> Option<Answer> {
        let mut asking = std::pin::pin!(asking);
        loop {
            tokio::select! {
                answer = &mut asking => return Some(answer),
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(lock::RENEWAL) => {
                    self.keep_lock().await;
                    self.parts.readiness.looped();
                }
            }
        }
    }

    /// The repositories in which something is half done.
    fn half_done(&self) -> BTreeSet<RepositoryName> {
        let half_done = self.works.values().filter(|work| work.is_half_done());
        half_done.filter_map(|work| work.run.repository.parse().ok()).collect()
    }

    /// Whether something half done is being followed: where a person is awaited, its repository cannot be worked in, or a look
    /// that failed is tried again later, it keeps nobody from being found.
    fn follows_a_change(&self, now: Instant) -> bool {
        let half_done = self.half_done();
        self.desks.iter().filter(|desk| half_done.contains(&desk.settings.name)).any(|desk| {
            let is_followed = desk.busy || desk.again || desk.is_due(now);
            is_followed && !matches!(desk.standing, Standing::Unusable { .. })
        })
    }

    /// Takes up those for which something was delivered and that have the label by now, where it is time to ask. Those that
    /// could not be asked about are called for again.
    async fn take_up_called(&mut self, now: Instant, stop: &CancellationToken) {
        if self.called_due.is_none_or(|due| due > now) {
            return;
        }
        self.called_due = None;
        let mut called = std::mem::take(&mut self.called).into_iter();
        let some: BTreeSet<RepositoryName> = called.by_ref().take(MOST).collect();
        self.called.extend(called);
        let parts = Arc::clone(&self.parts);
        let range = parts.range();
        let asking = range.find_each(parts.forge.as_ref(), some);
        let Some(answers) = self.beside_the_lock(asking, stop).await else { return };
        for (name, answer) in answers {
            match answer {
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

    /// The repositories that were found before and that a pass says nothing of.
    fn missing(&self, found: &Found) -> BTreeSet<RepositoryName> {
        let tables = self.parts.repositories.len();
        let names = self.desks.iter().skip(tables).map(|desk| &desk.settings.name);
        names.filter(|name| !found.tells_of(name) && !self.is_in_flight_at(name)).cloned().collect()
    }

    fn take_up(&mut self, found: &Found, alone: &BTreeMap<RepositoryName, ForgeResult<bool>>) {
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
            let is_no = match alone.get(name) {
                Some(answer) => is_a_clear_no(answer),
                None => found.unusable.contains_key(name) || found.without.contains(name),
            };
            if !is_no || self.is_in_flight_at(name) {
                kept.push(desk);
            } else {
                tracing::info!(repository = %name, "it is not looked after any more: no label, or no right to write");
                self.parts.readiness.repository_says(name, None);
                self.parts.readiness.run_says(name, None);
                self.parts.readiness.looked_for_gate(name, Timestamp::now());
            }
        }
        self.desks.extend(kept);
        for name in &found.labelled {
            self.add(name.clone());
        }
        self.names_are_known();
    }
}

#[cfg(test)]
mod tests {
    use super::is_a_clear_no;
    use crate::forge::ForgeError;

    #[test]
    fn only_a_clear_no_puts_a_repository_down() {
        let what = || "GET /repos/ops/homelab".to_owned();
        for (answer, expected) in [
            (Ok(true), false),
            (Ok(false), true),
            (Err(ForgeError::NotFound { what: what() }), true),
            (Err(ForgeError::Renamed { location: "/ops/new".to_owned() }), true),
            (Err(ForgeError::Forbidden { what: what(), said: String::new() }), false),
            (Err(ForgeError::Unauthorized { said: String::new() }), false),
            (Err(ForgeError::Unreadable { what: what(), said: String::new() }), false),
            (Err(ForgeError::Unavailable { what: what(), said: String::new(), retry_after: None }), false),
        ] {
            assert_eq!(is_a_clear_no(&answer), expected, "{answer:?}");
        }
    }
}
