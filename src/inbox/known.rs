//! The repositories that deliveries are taken for.

use super::Hints;
use crate::forge::RepositoryName;
use std::sync::{Arc, PoisonError, RwLock};

/// The names of the repositories that caretaker looks after. Clones share them; the worker that finds others adds them.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownRepositories {
    names: Arc<RwLock<Vec<RepositoryName>>>,
}

impl From<Vec<RepositoryName>> for KnownRepositories {
    fn from(names: Vec<RepositoryName>) -> Self {
        Self { names: Arc::new(RwLock::new(names)) }
    }
}

impl KnownRepositories {
    /// From now on it is these.
    pub(crate) fn replace(&self, names: Vec<RepositoryName>) {
        // A list of names is whole after every statement, whoever panicked.
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Marks each of them, as if something had been delivered for it.
    pub(crate) fn mark_all(&self, hints: &Hints) {
        for name in self.names.read().unwrap_or_else(PoisonError::into_inner).iter() {
            hints.mark(name);
        }
    }

    /// The one of this name, spelt as caretaker spells it: forges compare names without case.
    pub(super) fn find(&self, wanted: &str) -> Option<RepositoryName> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().find(|known| known.to_string().eq_ignore_ascii_case(wanted)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_of_them_are_marked_and_what_was_replaced_is_not() {
        let name = |text: &str| text.parse::<RepositoryName>().unwrap();
        let known = KnownRepositories::from(vec![name("ops/old")]);
        known.replace(vec![name("ops/homelab"), name("ops/garden")]);
        let hints = Hints::default();
        known.mark_all(&hints);
        let marked: Vec<String> = hints.notified().await.iter().map(ToString::to_string).collect();
        assert_eq!(marked, ["ops/garden", "ops/homelab"]);
    }
}
