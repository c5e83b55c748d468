//! Since when it has been so: a fold over passes.
//!
//! GREEN counts from the first of the passes that were all GREEN, without a break; any other verdict in between, and any
//! stretch that nobody watched, starts it anew. So flapping never settles.

use super::{FindingId, Recon, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How steady the cluster has been. Lives in the process: after a restart it begins anew, which errs on the safe side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Steadiness {
    last: Option<Timestamp>,
    watched_since: Option<Timestamp>,
    green_since: Option<Timestamp>,
    first_seen: BTreeMap<FindingId, Timestamp>,
}

impl Steadiness {
    /// Takes in a pass. `excused` are the findings that do not count against the change at hand; `maximum_gap` is how far
    /// apart two passes may be for the time between them to count as watched.
    pub(crate) fn observe(&mut self, recon: &Recon, excused: &BTreeSet<FindingId>, maximum_gap: Duration) {
        let began = recon.began_at;
        let watched = self.last.is_some_and(|last| {
            Duration::try_from(began.duration_since(last)).is_ok_and(|passed| passed <= maximum_gap)
        });
        if !watched {
            self.green_since = None;
            self.watched_since = Some(began);
            // What was seen before the gap is still the same finding, if it is still there.
        }
        self.green_since =
            (recon.verdict_without(excused) == Verdict::Green).then(|| self.green_since.unwrap_or(began));
        let known = std::mem::take(&mut self.first_seen);
        self.first_seen = recon
            .blocking()
            .map(|finding| (finding.id.clone(), known.get(&finding.id).copied().unwrap_or(began)))
            .collect();
        self.last = Some(began);
    }

    /// Since when every layer has been GREEN without a break.
    pub(crate) fn green_since(&self) -> Option<Timestamp> {
        self.green_since
    }

    /// Since when nothing but watched time has passed: what took longer than it may, while nobody looked, has not.
    pub(crate) fn watched_since(&self) -> Option<Timestamp> {
        self.watched_since
    }

    /// Since when each finding of the newest pass has been seen without a break.
    pub(crate) fn first_seen(&self) -> &BTreeMap<FindingId, Timestamp> {
        &self.first_seen
    }

    /// Something was changed: GREEN of before says nothing about after.
    pub(crate) fn restart(&mut self) {
        self.green_since = None;
    }
}

impl Recon {
    /// The worst layer, with some findings left out of account.
    pub(crate) fn verdict_without(&self, excused: &BTreeSet<FindingId>) -> Verdict {
        if excused.is_empty() {
            return self.verdict();
        }
        let mut without = self.clone();
        for probe in &mut without.probes {
            let counts = |finding: &&super::Finding| !finding.informational && !excused.contains(&finding.id);
            let left = probe.findings.iter().filter(counts).map(|finding| finding.verdict).max();
            // Excuses are for what was found, never for a probe that found nothing to excuse.
            if probe.findings.iter().any(|finding| !finding.informational) {
                probe.verdict = left.unwrap_or(Verdict::Green);
            }
        }
        without.verdict()
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::ago;
    use super::*;

    /// Passes, so many seconds ago each, and since when that is GREEN.
    type Case = (&'static [(i64, Verdict)], Option<i64>);

    const GAP: Duration = Duration::from_secs(30);

    fn observe(passes: &[(i64, Verdict)]) -> Steadiness {
        let mut steadiness = Steadiness::default();
        for (seconds, verdict) in passes {
            steadiness.observe(&recon_at(ago(*seconds), *verdict), &BTreeSet::new(), GAP);
        }
        steadiness
    }

    #[test]
    fn green_counts_from_its_first_pass_without_a_break() {
        use Verdict::{Green, Red, Unknown, Yellow};
        let cases: [Case; 7] = [
            (&[], None),
            (&[(100, Green)], Some(100)),
            (&[(100, Green), (80, Green), (60, Green)], Some(100)),
            (&[(100, Green), (80, Red), (60, Green)], Some(60)),
            (&[(100, Green), (80, Yellow), (60, Green), (40, Unknown)], None),
            (&[(100, Green), (60, Green)], Some(60)),
            (&[(60, Green), (100, Green)], Some(100)),
        ];
        for (passes, expected) in cases {
            assert_eq!(observe(passes).green_since(), expected.map(ago), "{passes:?}");
        }
    }

    #[test]
    fn a_stretch_that_nobody_watched_starts_the_watch_anew() {
        use Verdict::{Green, Red};
        assert_eq!(observe(&[]).watched_since(), None);
        assert_eq!(observe(&[(100, Green), (80, Red), (60, Green)]).watched_since(), Some(ago(100)));
        assert_eq!(observe(&[(100, Green), (60, Green), (40, Green)]).watched_since(), Some(ago(60)));
    }

    #[test]
    fn a_finding_is_as_old_as_its_first_sight_and_forgotten_when_gone() {
        let seen = observe(&[(100, Verdict::Red), (80, Verdict::Red)]);
        assert_eq!(seen.first_seen().values().copied().collect::<Vec<_>>(), [ago(100)]);
        let again = observe(&[(100, Verdict::Red), (80, Verdict::Green), (60, Verdict::Red)]);
        assert_eq!(again.first_seen().values().copied().collect::<Vec<_>>(), [ago(60)]);
    }

    #[test]
    fn excuses_cover_what_they_name_only() {
        let red = recon_at(ago(0), Verdict::Red);
        let excused: BTreeSet<FindingId> = red.blocking().map(|finding| finding.id.clone()).collect();
        assert_eq!(red.verdict_without(&excused), Verdict::Green);
        let mut other = excused.clone();
        let mut id = other.pop_first().expect("one finding");
        id.rule = "another".to_owned();
        assert_eq!(red.verdict_without(&[id].into()), Verdict::Red);
    }
}
