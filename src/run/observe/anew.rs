//! Which pull requests and issues that tasks name are asked about again at a look.
//!
//! A look that something called for (a delivery, something that was done, a look that failed) asks about all of them. One
//! that only the time called for is sparing: of what the list of pull requests and the branch show unchanged it asks about
//! a few, each in its turn, however many tasks there are: always about the next one to be merged of those that are waited
//! for, since what is merged next should not wait for the turns of all, then about another of them, and about one of the
//! others, among which is what cannot be read. Race decided here: a status
//! or a review changes nothing in that list, and not every forge delivers them; so on a sparing look nothing is decided
//! but to go on waiting, and whatever else would be is decided by a look that asks about all. So does the permit.

use super::look::Look;
use super::pulls::WhatCounts;
use crate::forge::{Branch, IssueNumber, PullNumber, PullRequest};
use crate::issue::{Kind, Reading, TaskKey};
use crate::run::situation::Related;
use crate::run::state::RunState;
use std::collections::{BTreeMap, BTreeSet};

/// Of how many of those that are waited for a sparing look asks, besides the next one to be merged.
const WAITED_FOR: usize = 1;

/// Of how many of the others.
const OTHERS: usize = 1;

/// Of how much of what tasks name a look asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum Asking {
    /// Of all.
    All,
    /// Of what shows that it changed, and of a few others: then nothing is decided but to go on waiting.
    Few,
}

/// What was found out about a pull request, and when.
#[derive(Debug, Clone)]
pub(crate) struct KnownPull {
    /// How the list showed it; `None`: not at all.
    listed: Option<PullRequest>,
    /// The branch that it goes to, as it was then.
    branch: Branch,
    /// The pull request and what its base asks about; `None` where it does not exist.
    pub(super) found: Option<(PullRequest, Option<WhatCounts>)>,
    /// Whether something about it is waited for.
    pub(super) waits: bool,
    /// At which look.
    asked: u64,
}

impl KnownPull {
    /// What this look found out.
    pub(super) fn new(
        listed: Option<&PullRequest>,
        branch: &Branch,
        found: Option<(PullRequest, Option<WhatCounts>)>,
        look: u64,
    ) -> Self {
        Self { listed: listed.cloned(), branch: branch.clone(), found, waits: false, asked: look }
    }

    /// Whether the list and the branch show that nothing but statuses and reviews can have changed.
    fn is_as_it_was(&self, listed: Option<&PullRequest>, branch: &Branch) -> bool {
        // What is open and not in the list is not what the list is about: somebody closes or opens it right now.
        let explained = listed.is_some()
            || self.found.as_ref().is_none_or(|(pull, _)| pull.state != crate::forge::State::Open);
        explained && self.listed.as_ref() == listed && self.branch == *branch
    }
}

/// What was found out about an issue or pull request that a task wants closed, and at which look.
#[derive(Debug, Clone)]
pub(crate) struct KnownRelated {
    pub(super) found: Related,
    asked: u64,
}

impl KnownRelated {
    /// What this look found out.
    pub(super) fn new(found: Related, look: u64) -> Self {
        Self { found, asked: look }
    }
}

/// What is not asked about at this look.
#[derive(Debug, Default)]
pub(super) struct Spared {
    pub(super) pulls: BTreeSet<PullNumber>,
    pub(super) related: BTreeSet<IssueNumber>,
}

impl Spared {
    /// What this look asked about after all.
    pub(super) fn asked(&self) -> Asking {
        if self.pulls.is_empty() && self.related.is_empty() { Asking::All } else { Asking::Few }
    }
}

/// Leaves out those whose turn it is: the ones that were not asked about for longest.
fn without_their_turn<T: Copy + Ord>(mut known: Vec<(u64, T)>, turns: usize) -> impl Iterator<Item = T> {
    known.sort_unstable();
    known.into_iter().skip(turns).map(|(_, one)| one)
}

impl Look<'_> {
    /// What need not be asked about at this look. A list that cannot be read spares nothing.
    pub(super) fn spared(&self, reading: &Reading, open: Option<&[PullRequest]>) -> Spared {
        let (Asking::Few, Some(open)) = (self.subject.asking, open) else { return Spared::default() };
        let listed: BTreeMap<PullNumber, &PullRequest> =
            open.iter().map(|pull| (pull.number, pull)).collect();
        let (mut waited_for, mut others) = (BTreeMap::new(), BTreeMap::new());
        let mut related = BTreeMap::new();
        for task in reading.tasks.iter().filter(|task| !self.is_settled(task)) {
            match task.kind {
                Kind::Merge { pull: number } => {
                    let Some(known) = self.memory.pulls.get(&number) else {
                        others.extend(self.unread_since(number.as_issue()).map(|asked| (number, asked)));
                        continue;
                    };
                    if self.memory.next_awaited == Some(number) {
                        continue;
                    }
                    if known.is_as_it_was(listed.get(&number).copied(), self.branch) {
                        let group = if known.waits { &mut waited_for } else { &mut others };
                        group.insert(number, known.asked);
                    }
                }
                Kind::Close { number } => {
                    let asked = self.memory.related.get(&number).map(|known| known.asked);
                    related.extend(asked.or_else(|| self.unread_since(number)).map(|asked| (number, asked)));
                }
                _ => {}
            }
        }
        let by_age = |group: BTreeMap<PullNumber, u64>| group.into_iter().map(|(one, asked)| (asked, one));
        let pulls = without_their_turn(by_age(waited_for).collect(), WAITED_FOR)
            .chain(without_their_turn(by_age(others).collect(), OTHERS))
            .collect();
        let related = related.into_iter().map(|(one, asked)| (asked, one)).collect();
        Spared { pulls, related: without_their_turn(related, OTHERS).collect() }
    }

    /// At which look one that cannot be read was last asked about.
    fn unread_since(&self, number: IssueNumber) -> Option<u64> {
        self.memory.unread.get(&number)?;
        self.memory.asked_in_vain.get(&number).copied()
    }
}

/// The first pull request in the order of work about which something is waited for.
pub(super) fn next_awaited(
    order: &[TaskKey],
    reading: &Reading,
    state: &RunState,
    pulls: &BTreeMap<PullNumber, KnownPull>,
) -> Option<PullNumber> {
    let open = order.iter().filter(|key| !state.has_ended(key)).filter_map(|key| reading.task(key));
    let mut merges = open.filter_map(|task| match task.kind {
        Kind::Merge { pull } => Some(pull),
        _ => None,
    });
    merges.find(|number| pulls.get(number).is_some_and(|known| known.waits))
}

#[cfg(test)]
mod tests {
    use super::without_their_turn;

    #[test]
    fn each_has_its_turn() {
        let mut asked: Vec<(u64, char)> = "abcde".chars().map(|one| (0, one)).collect();
        for look in 1..=3 {
            let spared: Vec<char> = without_their_turn(asked.clone(), 2).collect();
            assert_eq!(spared.len(), 3);
            for (at, one) in &mut asked {
                if !spared.contains(one) {
                    *at = look;
                }
            }
        }
        assert!(asked.iter().all(|(at, _)| *at > 0), "{asked:?}");
        assert_eq!(without_their_turn(vec![(1, 'a')], 2).count(), 0);
    }
}
