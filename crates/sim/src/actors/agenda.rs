//! What an actor has to do when: the earliest time for each of its objects.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio::time::sleep_until;

/// Due times by object.
#[derive(Debug)]
pub(crate) struct Agenda<K> {
    due: BTreeMap<K, Instant>,
}

impl<K: Ord + Clone> Agenda<K> {
    pub(crate) fn new() -> Self {
        Self { due: BTreeMap::new() }
    }

    /// Notes that `key` needs attention at `at`; an earlier note stays.
    pub(crate) fn wake(&mut self, key: K, at: Instant) {
        let due = self.due.entry(key).or_insert(at);
        *due = (*due).min(at);
    }

    /// Takes what is due, in the order of the keys.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<K> {
        let due: Vec<K> = self.due.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for key in &due {
            self.due.remove(key);
        }
        due
    }

    /// Sleeps until something is due; for ever when there is nothing.
    pub(crate) async fn sleep(&self) {
        match self.due.values().min() {
            Some(at) => sleep_until((*at).into()).await,
            None => std::future::pending().await,
        }
    }
}
