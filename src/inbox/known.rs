//! The repositories that deliveries are taken for.

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

    /// The one of this name, spelt as caretaker spells it: forges compare names without case.
    pub(super) fn find(&self, wanted: &str) -> Option<RepositoryName> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().find(|known| known.to_string().eq_ignore_ascii_case(wanted)).cloned()
    }
}
