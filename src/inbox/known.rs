//! The repositories that deliveries are taken for.
//!
//! Race decided here: a repository that is yet to be found may have issues already, and whoever edits one of them is told of
//! once and never again. So what is signed with that repository's own secret, which only `setup` can have put into its hook,
//! is taken before anybody has found it.

use super::Hints;
use crate::forge::RepositoryName;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The names of the repositories that caretaker looks after. Clones share them; the worker that finds others adds them.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownRepositories {
    names: Arc<RwLock<Vec<RepositoryName>>>,
    later: Option<Later>,
}

/// Which repositories may be found later.
#[derive(Clone)]
struct Later(Arc<dyn Fn(&RepositoryName) -> bool + Send + Sync>);

impl fmt::Debug for Later {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Later")
    }
}

impl From<Vec<RepositoryName>> for KnownRepositories {
    fn from(names: Vec<RepositoryName>) -> Self {
        Self { names: Arc::new(RwLock::new(names)), later: None }
    }
}

impl KnownRepositories {
    /// Deliveries of those that may be found later are taken as well.
    pub(crate) fn and_later(self, may_be: impl Fn(&RepositoryName) -> bool + Send + Sync + 'static) -> Self {
        Self { later: Some(Later(Arc::new(may_be))), ..self }
    }

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

    /// Whether one of this name is looked after now, and not only taken for one that may be found.
    pub(super) fn has(&self, wanted: &str) -> bool {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().any(|known| known.to_string().eq_ignore_ascii_case(wanted))
    }

    /// The one of this name, spelt as caretaker spells it: forges compare names without case. What may be found later is
    /// spelt as the forge spells it, and will be.
    pub(super) fn find(&self, wanted: &str) -> Option<RepositoryName> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().find(|known| known.to_string().eq_ignore_ascii_case(wanted)).cloned();
        known.or_else(|| {
            let name = wanted.parse().ok()?;
            self.later.as_ref().is_some_and(|later| (later.0)(&name)).then_some(name)
        })
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

    #[test]
    fn what_may_be_found_later_is_known_as_the_forge_spells_it() {
        let known = KnownRepositories::from(vec!["ops/homelab".parse().unwrap()]);
        let find = |known: &KnownRepositories, wanted: &str| known.find(wanted).map(|name| name.to_string());
        assert_eq!(find(&known, "Ops/Garden"), None);
        let known = known.and_later(|name| name.owner.eq_ignore_ascii_case("ops"));
        for (wanted, expected) in [
            ("Ops/Homelab", Some("ops/homelab")),
            ("Ops/Garden", Some("Ops/Garden")),
            ("home/garden", None),
            ("ops", None),
        ] {
            assert_eq!(find(&known, wanted).as_deref(), expected, "{wanted}");
        }
        assert!(known.has("Ops/Homelab") && !known.has("Ops/Garden"), "taken is not looked after");
    }
}
