//! Which names are one repository's.
//!
//! The journals go by names. A repository that is renamed keeps its number at the forge, and with it what was written down under
//! the names that it had: a version that was undone last week does not get better by a new name. Race decided here: a name can be
//! given to another repository afterwards. What holds back then counts for both, too much and never too little; what opens a gate
//! counts for neither.

use super::worker::Parts;
use crate::store::{Store, StoreResult};
use std::collections::{BTreeMap, BTreeSet};

/// The names of all repositories that are known by number, those that each had last at the end.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<u64, Vec<String>>);

impl Names {
    /// Those that the store has.
    pub(crate) async fn read(store: &Store) -> StoreResult<Self> {
        Ok(Self::of(store.repository_names().await?))
    }

    /// Those that a store has told.
    pub(crate) fn of(told: Vec<(u64, String)>) -> Self {
        let mut names = Self::default();
        for (id, name) in told {
            names.0.entry(id).or_default().push(name);
        }
        names
    }

    /// The names of each repository that ever had this one.
    fn of_all_that_had<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Vec<String>> {
        self.0.values().filter(move |names| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// All names that the repositories have had which ever had this one; it is among them.
    pub(crate) fn beside(&self, name: &str) -> BTreeSet<String> {
        self.of_all_that_had(name).flatten().cloned().chain([name.to_owned()]).collect()
    }

    /// The numbers of the repositories that ever had a name.
    fn numbers(&self, name: &str) -> BTreeSet<u64> {
        let had = |names: &[String]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.0.iter().filter(|(_, names)| had(names)).map(|(number, _)| *number).collect()
    }

    /// Whether a name has been more than one repository's.
    pub(crate) fn is_ambiguous(&self, name: &str) -> bool {
        self.numbers(name).len() > 1
    }

    /// Whether two names are, or were, one repository's and never another's.
    pub(crate) fn are_surely_one(&self, one: &str, other: &str) -> bool {
        let (numbers, others) = (self.numbers(one), self.numbers(other));
        match numbers.len() {
            0 => others.is_empty() && one.eq_ignore_ascii_case(other),
            1 => numbers == others,
            _ => false,
        }
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
        let one = |one: &str, other: &str| names.are_surely_one(one, other);
        assert!(
            one("ops/homelab", "Ops/Attic") && one("ops/new", "ops/new") && one("ops/second", "ops/second")
        );
        assert!(!one("ops/homelab", "ops/second") && !one("ops/homelab", "ops/new"));
        assert_eq!(names.0[&1], ["ops/attic", "ops/homelab"], "the one that it had last is last");
        // Another repository takes a name: what holds back counts for both, and neither is surely the other.
        store.keep_repository_name(3, "ops/attic", now).await.unwrap();
        let names = Names::read(&store).await.unwrap();
        assert_eq!(names.beside("ops/attic").len(), 2);
        assert!(names.is_ambiguous("ops/attic") && !names.is_ambiguous("ops/homelab"));
        for other in ["ops/attic", "ops/homelab"] {
            assert!(!names.are_surely_one("ops/attic", other), "{other}");
        }
        assert!(names.are_surely_one("ops/homelab", "ops/homelab"));
    }
}
