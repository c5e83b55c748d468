//! When news of the cluster lead to a look.
//!
//! A look asks the forge as well, so what the watches tell is gathered: a trouble comes as a handful of changes, and a storm of
//! them must cost no more looks than a few. Races decided here: the first of them starts the clock and no later one moves it, so
//! that a storm postpones nothing; and what is told while a look goes on is kept for the next one, since that look may have read
//! before it.

use std::time::{Duration, Instant};

/// So long changes are gathered. Real time, never scaled.
const GATHERED: Duration = Duration::from_millis(500);

/// The least time between two looks that news lead to. Real time, never scaled: it is the forge that is spared.
const APART: Duration = Duration::from_secs(2);

/// What was told, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Waking {
    due: Option<Instant>,
    last: Option<Instant>,
}

impl Waking {
    /// Something stands otherwise than before. Of the looks that time calls for there are not many times as many because of it.
    pub(super) fn told(&mut self, now: Instant, poll: Duration) {
        let apart = self.last.map(|last| last + APART.max(poll / 4));
        let due = now + GATHERED;
        self.due.get_or_insert(apart.map_or(due, |apart| apart.max(due)));
    }

    /// When what was told leads to a look.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether that is now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// The same, and then it has.
    pub(super) fn wakes(&mut self, now: Instant) -> bool {
        let wakes = self.is_due(now);
        if wakes {
            *self = Self { due: None, last: Some(now) };
        }
        wakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_leads_to_a_look_soon_and_a_storm_to_a_few() {
        let begun = Instant::now();
        // For each way of telling, in milliseconds: how often to poll, when it is told, and when it leads to a look.
        let storm: Vec<u64> = (0..1000).map(|at| at * 10).collect();
        for (poll, told, expected) in [
            (10_000, vec![], vec![]),
            (10_000, vec![100], vec![600]),
            (10_000, vec![100, 200, 599], vec![600]),
            (10_000, vec![0, 600], vec![500, 3000]),
            (10_000, vec![0, 5000], vec![500, 5500]),
            (100, vec![0, 600], vec![500, 2500]),
            (60_000, vec![0, 600, 9000], vec![500, 15_500]),
            (10_000, storm.clone(), vec![500, 3000, 5500, 8000, 10_500]),
            (100, storm, vec![500, 2500, 4500, 6500, 8500, 10_500]),
        ] {
            let (mut waking, mut woken) = (Waking::default(), Vec::new());
            for at in 0..20_000 {
                let now = begun + Duration::from_millis(at);
                if waking.wakes(now) {
                    woken.push(at);
                }
                if told.contains(&at) {
                    waking.told(now, Duration::from_millis(poll));
                }
            }
            assert_eq!(woken, expected, "{poll}");
        }
    }
}
