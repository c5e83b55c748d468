//! Which names are one repository's.
//!
//! The journals go by names. A repository that is renamed keeps its number at the forge, and with it what was written down under
//! the names that it had: a version that was undone last week does not get better by a new name. Race decided here: a name can be
//! given to another repository afterwards. What stands under it then counts for both, which holds back too much and never too little.

use super::worker::Parts;
use crate::store::{Store, StoreResult};
use std::collections::{BTreeMap, BTreeSet};

/// The names of all repositories that are known by number, those that each had last at the end.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<u64, Vec<String>>);

impl Names {
    /// Those that the store has.
    pub(crate) async fn read(store: &Store) -> StoreResult<Self> {
        let mut names = Self::default();
        for (id, name) in store.repository_names().await? {
            names.0.entry(id).or_default().push(name);
        }
        Ok(names)
    }

    /// The names of each repository that ever had this one.
    fn of_all_that_had<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Vec<String>> {
        self.0.values().filter(move |names| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// All names that the repositories have had which ever had this one; it is among them.
    pub(crate) fn beside(&self, name: &str) -> BTreeSet<String> {
        self.of_all_that_had(name).flatten().cloned().chain([name.to_owned()]).collect()
    }

    /// Whether two names are, or were, one repository's.
    pub(crate) fn are_one(&self, one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other)
            || self.beside(one).iter().any(|name| name.eq_ignore_ascii_case(other))
    }

    /// Whether a repository that had this name is looked after, by the name that it had last: its old one may be in
    /// `discovery.ignore`, since it is found under the new one.
    pub(crate) fn are_tended(&self, name: &str, parts: &Parts) -> bool {
        let mut last = self.of_all_that_had(name).filter_map(|names| names.last()).peekable();
        if last.peek().is_none() {
            return parts.looks_after(name);
        }
        last.any(|name| parts.looks_after(name))
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::store::Store;
    use jiff::{SignedDuration, Timestamp};

    #[tokio::test]
    async fn a_repository_is_known_by_every_name_that_it_had() {
        let store = Store::in_memory().await.unwrap();
        let mut now = Timestamp::from_second(1_800_000_000).unwrap();
        for (id, name) in [(1, "ops/homelab"), (1, "ops/attic"), (2, "ops/second"), (1, "ops/homelab")] {
            now += SignedDuration::from_secs(1);
            store.keep_repository_name(id, name, now).await.unwrap();
        }
        let names = Names::read(&store).await.unwrap();
        let beside = |name: &str| names.beside(name).into_iter().collect::<Vec<_>>();
        assert_eq!(beside("ops/attic"), ["ops/attic", "ops/homelab"]);
        assert_eq!(beside("ops/second"), ["ops/second"]);
        assert_eq!(beside("ops/new"), ["ops/new"]);
        assert!(names.are_one("ops/homelab", "Ops/Attic") && names.are_one("ops/new", "ops/new"));
        assert!(!names.are_one("ops/homelab", "ops/second"));
        assert_eq!(names.0[&1], ["ops/attic", "ops/homelab"], "the one that it had last is last");
    }
}
