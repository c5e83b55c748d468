//! Tells the worker that a repository is worth a look.

use crate::forge::RepositoryName;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Repositories that are marked dirty. Clones share the marks; one worker takes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    dirty: Mutex<BTreeSet<RepositoryName>>,
    notify: Notify,
}

impl Hints {
    /// Marks a repository. However often before the next look, it is one mark.
    pub(crate) fn mark(&self, repository: &RepositoryName) {
        self.dirty().insert(repository.clone());
        self.shared.notify.notify_one();
    }

    /// Waits until at least one repository is marked, and takes the marks. Dropping the future loses none.
    pub(crate) async fn notified(&self) -> BTreeSet<RepositoryName> {
        loop {
            let marked = std::mem::take(&mut *self.dirty());
            if !marked.is_empty() {
                return marked;
            }
            self.shared.notify.notified().await;
        }
    }

    fn dirty(&self) -> std::sync::MutexGuard<'_, BTreeSet<RepositoryName>> {
        // A set of names is whole after every statement, whoever panicked.
        self.shared.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
