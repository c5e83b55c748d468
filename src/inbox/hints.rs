//! Tells the worker that a repository is worth a look.

use crate::forge::RepositoryName;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Repositories that are marked dirty. Clones share the marks; one worker takes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Each with when the oldest came that the worker has not taken.
    dirty: Mutex<BTreeMap<RepositoryName, Timestamp>>,
    notify: Notify,
}

impl Hints {
    /// Marks a repository. However often before the next look, it is one mark.
    pub(crate) fn mark(&self, repository: &RepositoryName) {
        self.mark_since(repository, Timestamp::now());
    }

    /// Marks a repository for something that came at a moment.
    pub(super) fn mark_since(&self, repository: &RepositoryName, came: Timestamp) {
        self.dirty()
            .entry(repository.clone())
            .and_modify(|oldest| *oldest = came.min(*oldest))
            .or_insert(came);
        self.shared.notify.notify_one();
    }

    /// Waits until at least one repository is marked, and takes the marks. Dropping the future loses none.
    pub(crate) async fn notified(&self) -> BTreeSet<RepositoryName> {
        loop {
            let marked = std::mem::take(&mut *self.dirty());
            if !marked.is_empty() {
                return marked.into_keys().collect();
            }
            self.shared.notify.notified().await;
        }
    }

    /// Whether what came at a moment still waits for the worker to take its mark.
    pub(crate) fn waits(&self, repository: &str, came: Timestamp) -> bool {
        self.dirty().iter().any(|(marked, oldest)| *oldest <= came && marked.to_string() == repository)
    }

    fn dirty(&self) -> std::sync::MutexGuard<'_, BTreeMap<RepositoryName, Timestamp>> {
        // A map of names is whole after every statement, whoever panicked.
        self.shared.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
