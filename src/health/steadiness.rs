//! Since when it has been so: a fold over passes.
//!
//! GREEN counts from the first of the passes that were all GREEN, without a break; any other verdict in between, and any
//! stretch that nobody watched, starts it anew. So flapping never settles.

use super::{Finding, FindingId, Recon, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// A gap between two looks counts as time in which somebody was there for at most so many times the longest gap of a close
/// watch: looks may be so slow, but a laptop that slept for hours was not looking at anything.
const SLOWEST: u32 = 10;

/// So many absences are remembered. A change that outlives more of them is judged a little early, by a person.
const ABSENCES: usize = 64;

/// When anybody looked, and how closely.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Watch {
    /// The very first look, of this process.
    began: Option<Timestamp>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    unbroken_since: Option<Timestamp>,
    /// When each one ended, and how much of it nobody was there for.
    absences: VecDeque<(Timestamp, Duration)>,
}

impl Watch {
    /// Takes in a look, and says whether the time since the one before was watched: no more than `maximum_gap` of it.
    pub(crate) fn look(&mut self, at: Timestamp, maximum_gap: Duration) -> bool {
        let passed = self.last.map(|last| Duration::try_from(at.duration_since(last)));
        self.last = Some(at);
        match passed {
            Some(Ok(passed)) if passed <= maximum_gap => return true,
            Some(Ok(passed)) => {
                let away = passed.saturating_sub(maximum_gap * SLOWEST);
                if !away.is_zero() {
                    self.absences.push_back((at, away));
                }
                if self.absences.len() > ABSENCES {
                    self.absences.pop_front();
                }
            }
            // The first look, or a clock that was put back: nothing is known of before.
            None | Some(Err(_)) => {
                (self.began, self.first) = (Some(at), Some(at));
                self.absences.clear();
            }
        }
        self.unbroken_since = Some(at);
        false
    }

    /// The first look of this process: what was there then may have been there before.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Until the newest look nobody meant to look closely: how much time was attended counts from there.
    pub(crate) fn was_set_aside(&mut self) {
        self.first = self.last;
        self.absences.clear();
    }

    /// How much time has passed since then, of that which was watched without a gap to this day: what took longer than it
    /// may, while nobody looked, has not.
    pub(crate) fn unbroken(&self, since: Timestamp, now: Timestamp) -> Duration {
        elapsed(now, self.unbroken_since.map_or(now, |unbroken| unbroken.max(since)))
    }

    /// How much time has passed since then in which somebody was there, however far apart the looks were.
    pub(crate) fn attended(&self, since: Timestamp, now: Timestamp) -> Duration {
        let since = self.first.map_or(now, |first| first.max(since));
        let away = |(ended, away): &(Timestamp, Duration)| elapsed(*ended, since).min(*away);
        elapsed(now, since).saturating_sub(self.absences.iter().map(away).sum())
    }
}

fn elapsed(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}

/// How steady the cluster has been. Lives in the process: after a restart it begins anew, which errs on the safe side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Steadiness {
    watch: Watch,
    green_since: Option<Timestamp>,
    first_seen: BTreeMap<FindingId, Timestamp>,
    /// Whether the newest pass was GREEN by what was excused alone.
    by_excuse: bool,
    broken_since: BTreeMap<FindingId, Timestamp>,
}

impl Steadiness {
    /// Takes in a pass. `excused` are the findings that do not count against the change at hand; `maximum_gap` is how far
    /// apart two passes may be for the time between them to count as watched.
    pub(crate) fn observe(&mut self, recon: &Recon, excused: &BTreeSet<FindingId>, maximum_gap: Duration) {
        let began = recon.began_at;
        if !self.watch.look(began, maximum_gap) {
            self.green_since = None;
            // What was seen before the gap is still the same finding, if it is still there.
        }
        // Without the excuse it has not been GREEN.
        if self.by_excuse && excused.is_empty() {
            self.green_since = None;
        }
        self.green_since =
            (recon.verdict_without(excused) == Verdict::Green).then(|| self.green_since.unwrap_or(began));
        self.by_excuse = self.green_since.is_some() && recon.verdict() != Verdict::Green;
        self.first_seen = since(&self.first_seen, recon.blocking(), began);
        let broken = recon.blocking().filter(|finding| finding.is_broken_itself());
        self.broken_since = since(&self.broken_since, broken, began);
    }

    /// Since when every layer has been GREEN without a break.
    pub(crate) fn green_since(&self) -> Option<Timestamp> {
        self.green_since
    }

    /// When anybody looked.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Since when each finding of the newest pass has been seen without a break.
    pub(crate) fn first_seen(&self) -> &BTreeMap<FindingId, Timestamp> {
        &self.first_seen
    }

    /// Since when each of them has been RED and a cause without a break. The time in which it only followed from something
    /// else does not count: what lags behind its cause would be old as soon as that is mended.
    pub(crate) fn broken_since(&self) -> &BTreeMap<FindingId, Timestamp> {
        &self.broken_since
    }

    /// Nothing may be done in the run, and it is looked at as rarely as that asks for: it says nothing of how closely it can
    /// be watched.
    pub(crate) fn was_set_aside(&mut self) {
        self.watch.was_set_aside();
    }

    /// Something was changed: GREEN of before says nothing about after.
    pub(crate) fn restart(&mut self) {
        self.green_since = None;
    }
}

/// Since when these findings have been there: as long as they were known without a break.
fn since<'a>(
    known: &BTreeMap<FindingId, Timestamp>,
    findings: impl Iterator<Item = &'a Finding>,
    now: Timestamp,
) -> BTreeMap<FindingId, Timestamp> {
    findings.map(|finding| (finding.id.clone(), known.get(&finding.id).copied().unwrap_or(now))).collect()
}

impl Recon {
    /// The worst layer, with some findings left out of account.
    pub(crate) fn verdict_without(&self, excused: &BTreeSet<FindingId>) -> Verdict {
        if excused.is_empty() {
            return self.verdict();
        }
        let mut without = self.clone();
        for probe in &mut without.probes {
            let counts = |finding: &&Finding| !finding.informational && !excused.contains(&finding.id);
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
        let unbroken =
            |passes: &[(i64, Verdict)]| observe(passes).watch().unbroken(ago(1000), ago(0)).as_secs();
        assert_eq!(unbroken(&[]), 0);
        assert_eq!(unbroken(&[(100, Green), (80, Red), (60, Green)]), 100);
        assert_eq!(unbroken(&[(100, Green), (60, Green), (40, Green)]), 60);
        assert_eq!(observe(&[(100, Green), (80, Green)]).watch().unbroken(ago(90), ago(0)).as_secs(), 90);
    }

    #[test]
    fn looks_that_are_too_far_apart_are_time_in_which_somebody_was_there() {
        // Looks, so many seconds ago each; since when; how much is watched without a gap, and attended. With a longest gap
        // of 30 s, one of up to 300 s is a slow look, and the rest of a longer one is an absence.
        type Case = (&'static [i64], i64, u64, u64);
        let cases: [Case; 9] = [
            (&[], 500, 0, 0),
            (&[0], 500, 0, 0),
            (&[100, 80, 60], 500, 100, 100),
            (&[1000, 900, 800, 700, 600, 500, 400, 300, 200, 100], 1000, 100, 1000),
            (&[1000, 900, 800, 700, 600, 500, 400, 300, 200, 100], 450, 100, 450),
            // Close and slow ones by turns never make a long watch.
            (&[200, 180, 140, 120, 80, 60, 20], 200, 20, 200),
            // Hours of sleep, in which the change was made before them or in the middle of them.
            (&[20_100, 20_090, 90, 80], 20_095, 90, 395),
            (&[20_100, 20_090, 90, 80], 5000, 90, 90),
            // A clock that was put back begins anew.
            (&[100, 4000, 3980], 5000, 4000, 4000),
        ];
        for (looks, since, unbroken, attended) in cases {
            let mut watch = Watch::default();
            for look in looks {
                watch.look(ago(*look), GAP);
            }
            let counted = (watch.unbroken(ago(since), ago(0)), watch.attended(ago(since), ago(0)));
            assert_eq!((counted.0.as_secs(), counted.1.as_secs()), (unbroken, attended), "{looks:?} {since}");
        }
    }

    #[test]
    fn while_a_run_is_stopped_rare_looks_are_meant() {
        let mut watch = Watch::default();
        for look in [1000, 800, 600, 400] {
            watch.look(ago(look), GAP);
            if look >= 600 {
                watch.was_set_aside();
            }
        }
        assert_eq!(watch.attended(ago(2000), ago(0)).as_secs(), 600);
        assert_eq!(watch.unbroken(ago(2000), ago(0)).as_secs(), 400);
    }

    #[test]
    fn what_is_remembered_of_absences_is_bounded() {
        let mut watch = Watch::default();
        for look in (0..1000).rev() {
            watch.look(ago(look * 3600), GAP);
        }
        assert_eq!(watch.absences.len(), ABSENCES);
        assert_eq!(watch.attended(ago(36_000), ago(0)), GAP * SLOWEST * 10);
    }

    #[test]
    fn a_finding_is_as_old_as_its_first_sight_and_forgotten_when_gone() {
        let seen = observe(&[(100, Verdict::Red), (80, Verdict::Red)]);
        assert_eq!(seen.first_seen().values().copied().collect::<Vec<_>>(), [ago(100)]);
        let again = observe(&[(100, Verdict::Red), (80, Verdict::Green), (60, Verdict::Red)]);
        assert_eq!(again.first_seen().values().copied().collect::<Vec<_>>(), [ago(60)]);
    }

    #[test]
    fn green_by_an_excuse_is_green_for_as_long_as_the_excuse_alone() {
        let red = |at| recon_at(ago(at), Verdict::Red);
        let excused: BTreeSet<FindingId> = red(0).blocking().map(|finding| finding.id.clone()).collect();
        let mut seen = Steadiness::default();
        seen.observe(&red(80), &excused, GAP);
        seen.observe(&red(60), &excused, GAP);
        assert_eq!(seen.green_since(), Some(ago(80)));
        seen.observe(&recon_at(ago(40), Verdict::Green), &BTreeSet::new(), GAP);
        assert_eq!(seen.green_since(), Some(ago(40)));
    }

    #[test]
    fn what_only_followed_from_something_else_is_not_old_when_its_cause_is_gone() {
        use Verdict::{Red, Yellow};
        let mut steadiness = Steadiness::default();
        let mut look = |seconds: i64, verdict: Verdict, follows: bool| {
            let mut recon = recon_at(ago(seconds), verdict);
            for finding in recon.probes.iter_mut().flat_map(|probe| &mut probe.findings) {
                finding.cause = follows.then(|| finding.id.clone());
            }
            steadiness.observe(&recon, &BTreeSet::new(), GAP);
            let times = |since: &BTreeMap<FindingId, Timestamp>| since.values().copied().collect::<Vec<_>>();
            (times(steadiness.first_seen()), times(steadiness.broken_since()))
        };
        assert_eq!(look(500, Red, true), (vec![ago(500)], vec![]));
        assert_eq!(look(60, Red, true), (vec![ago(500)], vec![]));
        assert_eq!(look(40, Red, false), (vec![ago(500)], vec![ago(40)]), "its cause is mended");
        assert_eq!(look(20, Red, false), (vec![ago(500)], vec![ago(40)]));
        assert_eq!(look(10, Yellow, false), (vec![ago(500)], vec![]), "it serves");
        assert_eq!(look(0, Red, false), (vec![ago(500)], vec![ago(0)]));
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
