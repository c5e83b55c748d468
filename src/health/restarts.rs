//! How often containers were started again within the hours that count: a fold over passes.
//!
//! A look knows a container's count and its last end. Of a pod that is older than those hours it cannot tell whether the count grew
//! within them or in the year before, and takes it for the worse. Whoever knows an older count takes back what one look said:
//! the one that an earlier look saw, or the one that the pod had when it was well last, which a watch saw. Decided here: a count that
//! nobody saw is not known, however quiet the container was; looks that do not follow each other closely know nothing of the time
//! between them.

use super::probes::{RESTARTS_GROW, is_not_read};
use super::{Probe, Recon, Settings};
use crate::cluster::ObjectRef;
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Looks that lie further apart say nothing of the time between them.
const LARGEST_GAP: Duration = Duration::from_mins(10);

/// A container that was started again, and ended within the hours that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restarted {
    /// What a person would mend.
    pub(crate) workload: ObjectRef,
    /// Its pod.
    pub(crate) pod: String,
    /// Its name.
    pub(crate) container: String,
    /// When its pod was made.
    pub(crate) made_at: Option<Timestamp>,
    /// How often it was started again.
    pub(crate) count: u32,
    /// How often it had been when its pod was well last, and none of its containers had ended for as long as that counts; none
    /// where nobody saw it.
    pub(crate) calm: Option<u32>,
}

impl Restarted {
    fn key(&self) -> Key {
        (self.workload.clone(), self.pod.clone(), self.container.clone())
    }
}

type Key = (ObjectRef, String, String);

/// What the looks of before saw. Lives in the process: after a restart one look counts again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Restarts {
    /// When the newest look was.
    looked: Option<Timestamp>,
    /// Each count and when it was first seen, as many as are needed.
    counts: BTreeMap<Key, VecDeque<(Timestamp, u32)>>,
}

impl Restarts {
    /// Takes in a pass, and takes back from it what is known not to have grown.
    pub(super) fn observe(&mut self, recon: &mut Recon, settings: &Settings) {
        let (times, hours, now) = (settings.restarts_grow_times, settings.restarts_grow(), recon.began_at);
        let read = |one: &super::ProbeResult| one.probe == Probe::Pods && one.used && !is_not_read(one);
        if !recon.probes.iter().any(read) {
            return;
        }
        let closely = |last: Timestamp| {
            Duration::try_from(now.duration_since(last)).is_ok_and(|gap| gap <= LARGEST_GAP)
        };
        let mut known = std::mem::take(&mut self.counts);
        if !self.looked.is_some_and(closely) {
            known.clear();
        }
        self.looked = Some(now);
        for one in &recon.restarted {
            let mut seen = known.remove(&one.key()).unwrap_or_default();
            // A pod of the same name that was made anew counts from its own beginning.
            if seen.back().is_some_and(|(_, count)| *count > one.count) {
                seen = VecDeque::from([(now, 0)]);
            }
            if seen.back().is_none_or(|(_, count)| *count != one.count) {
                seen.push_back((now, one.count));
            }
            // Each grew by one at least: more than so many are too many anyhow.
            while seen.len() > times as usize + 2 {
                seen.pop_front();
            }
            self.counts.insert(one.key(), seen);
        }
        let grew = |object: &ObjectRef| {
            let mut of = recon.restarted.iter().filter(|one| one.workload == *object && one.count >= times);
            of.any(|one| self.grown(one, now, hours).is_none_or(|by| by >= times))
        };
        let taken_back: Vec<_> = recon
            .blocking()
            .filter(|finding| finding.id.rule == RESTARTS_GROW && !grew(&finding.id.object))
            .map(|finding| finding.id.clone())
            .collect();
        for result in &mut recon.probes {
            if result.findings.iter().any(|finding| taken_back.contains(&finding.id)) {
                result.findings.retain(|finding| !taken_back.contains(&finding.id));
                result.judge_again();
            }
        }
    }

    /// By how much a count has grown within these hours, at most; none where nobody saw an older one.
    fn grown(&self, one: &Restarted, now: Timestamp, hours: Duration) -> Option<u32> {
        let lasted = |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if one.made_at.is_none_or(|made| lasted(made) <= hours) {
            return Some(one.count);
        }
        let seen = self.counts.get(&one.key());
        let at_begin = seen.and_then(|seen| seen.iter().rev().find(|(at, _)| lasted(*at) >= hours));
        // All that ended lately ended since it was well.
        let known = at_begin.map(|(_, count)| *count).max(one.calm);
        known.map(|count| one.count.saturating_sub(count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::ago;
    use super::super::probes::{finding, judged, unread};
    use super::*;

    const DAY: i64 = 24 * 3_600;

    fn shop() -> ObjectRef {
        ObjectRef::new("Deployment", "web", "shop")
    }

    /// A look that saw this count, or nothing that ended lately, and what the pod had when it was well last.
    fn pass(at: i64, count: Option<u32>, calm: Option<u32>, made: i64) -> Recon {
        let mut recon = recon_at(ago(at), Verdict::Green);
        recon.probes.retain(|one| one.probe != Probe::Pods);
        let grows = count.filter(|count| *count >= 3).map(|_| {
            finding(Probe::Pods, RESTARTS_GROW, shop(), Verdict::Yellow, String::new(), String::new())
        });
        recon.probes.push(judged(Probe::Pods, String::new(), grows.into_iter().collect()));
        recon.restarted.extend(count.map(|count| Restarted {
            workload: shop(),
            pod: "shop-1".to_owned(),
            container: "app".to_owned(),
            made_at: Some(ago(made)),
            count,
            calm,
        }));
        recon
    }

    /// The verdict of the last of looks that follow each other every five minutes: (from, to, count) in minutes ago.
    fn last(stretches: &[(i64, i64, Option<u32>)], calm: Option<u32>, made: i64) -> Verdict {
        let (mut restarts, settings) = (Restarts::default(), Settings::default());
        let mut verdict = Verdict::Unknown;
        for (from, to, count) in stretches {
            for minutes in (*to..=*from).rev().step_by(5) {
                let mut recon = pass(minutes * 60, *count, calm, made);
                restarts.observe(&mut recon, &settings);
                verdict = recon.verdict();
            }
        }
        verdict
    }

    #[test]
    fn whoever_saw_an_older_count_knows_what_grew() {
        use Verdict::{Green, Yellow};
        type Case<'a> = (&'a str, &'a [(i64, i64, Option<u32>)], Option<u32>, i64, Verdict);
        let cases: [Case<'_>; 12] = [
            ("one look of an old pod", &[(0, 0, Some(40))], None, 400 * DAY, Yellow),
            ("a quiet count that nobody saw", &[(420, 5, None), (0, 0, Some(40))], None, 400 * DAY, Yellow),
            ("one more after a quiet week", &[(420, 5, None), (0, 0, Some(40))], Some(39), 400 * DAY, Green),
            ("the same, and nobody looked for long", &[(0, 0, Some(40))], Some(39), 400 * DAY, Green),
            (
                "three at once between two looks",
                &[(420, 5, None), (0, 0, Some(42))],
                Some(39),
                400 * DAY,
                Yellow,
            ),
            ("two at once", &[(420, 5, None), (0, 0, Some(41))], Some(39), 400 * DAY, Green),
            (
                "three more",
                &[(420, 15, None), (10, 10, Some(40)), (5, 5, Some(41)), (0, 0, Some(42))],
                Some(39),
                400 * DAY,
                Yellow,
            ),
            (
                "it had ended before, and once since",
                &[(420, 5, Some(39)), (0, 0, Some(40))],
                None,
                400 * DAY,
                Green,
            ),
            (
                "again and again for days, and hardly lately",
                &[(420, 5, Some(39)), (0, 0, Some(40))],
                Some(3),
                400 * DAY,
                Green,
            ),
            ("nobody looked for an hour", &[(420, 100, Some(39)), (0, 0, Some(40))], None, 400 * DAY, Yellow),
            ("a young pod, whatever was seen", &[(420, 5, None), (0, 0, Some(3))], None, 3_600, Yellow),
            ("one that was made anew", &[(420, 5, Some(39)), (0, 0, Some(3))], None, 400 * DAY, Yellow),
        ];
        for (name, stretches, calm, made, expected) in cases {
            assert_eq!(last(stretches, calm, made), expected, "{name}");
        }
    }

    #[test]
    fn a_look_that_could_not_read_the_pods_says_nothing() {
        let (mut restarts, settings) = (Restarts::default(), Settings::default());
        for minutes in (5..=420).rev().step_by(5) {
            let mut recon = pass(minutes * 60, Some(39), None, 400 * DAY);
            if minutes % 10 == 0 {
                recon.restarted.clear();
                recon.probes.pop();
                recon.probes.push(unread(Probe::Pods, "refused"));
            }
            restarts.observe(&mut recon, &settings);
        }
        let mut recon = pass(0, Some(40), None, 400 * DAY);
        restarts.observe(&mut recon, &settings);
        assert_eq!(recon.verdict(), Verdict::Green);
    }
}
