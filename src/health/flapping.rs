//! What comes and goes: a fold over passes.
//!
//! GREEN for a minute between two breaks is not settled. A finding that came back too often within a window is said to be
//! flapping for as long as the window holds that many; that closes the gate, and by itself undoes nothing.
//!
//! Decided here: what a look could not read has neither gone nor come back, and what only has not ended yet comes and goes
//! as it must.

use super::probes::{finding, with_more};
use super::{Finding, FindingId, Layer, ProbeResult, Recon, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// The rule of what comes and goes.
pub(super) const FLAPPING: &str = "flapping";

/// Which findings there are, and when each came. Lives in the process: after a restart it begins anew, as the settle time
/// does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Flapping {
    there: BTreeSet<FindingId>,
    came: BTreeMap<FindingId, Came>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Came {
    layer: Layer,
    at: VecDeque<Timestamp>,
}

impl Flapping {
    /// Takes in a pass, and adds to it what came `times` times within the `window`; none where `times` is 0.
    pub(crate) fn observe(&mut self, recon: &mut Recon, times: u32, window: Duration) {
        if times == 0 {
            return;
        }
        let now = recon.began_at;
        // Of a probe that does not know everything, nothing has gone.
        let unknown = |result: &&ProbeResult| result.verdict == Verdict::Unknown;
        let unread: BTreeSet<_> = recon.probes.iter().filter(unknown).map(|result| result.probe).collect();
        let mut there = BTreeSet::new();
        for finding in recon.blocking().filter(|finding| breaks(finding)) {
            if !self.there.contains(&finding.id) {
                let none = || Came { layer: finding.layer, at: VecDeque::new() };
                self.came.entry(finding.id.clone()).or_insert_with(none).at.push_back(now);
            }
            there.insert(finding.id.clone());
        }
        there.extend(self.there.iter().filter(|id| unread.contains(&id.probe)).cloned());
        self.there = there;
        self.came.retain(|_, came| {
            // A clock that was put back: what came later than now is of no use.
            came.at.retain(|at| Duration::try_from(now.duration_since(*at)).is_ok_and(|old| old <= window));
            !came.at.is_empty()
        });
        for (id, came) in self.came.iter().filter(|(_, came)| came.at.len() >= times as usize) {
            let found = flaps(id, came, window);
            // Own checks answer one by one, each in a layer of its own.
            let of = |one: &&mut ProbeResult| one.used && one.probe == id.probe && one.layer == found.layer;
            if let Some(result) = recon.probes.iter_mut().find(of) {
                *result = with_more(result.clone(), vec![found]);
            }
        }
    }

    /// Something was changed: what came and went before says nothing about after.
    pub(crate) fn restart(&mut self) {
        self.came.clear();
    }
}

/// Whether a finding says that something broke. UNKNOWN says nothing of that, nor does what is on its way.
fn breaks(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::Yellow | Verdict::Red) && !finding.is_on_its_way()
}

fn flaps(id: &FindingId, came: &Came, window: Duration) -> Finding {
    let object = &id.object;
    let times: Vec<String> = came.at.iter().map(|at| format!("{at:.0}")).collect();
    let message = format!("{} of {object} comes and goes", id.rule);
    let evidence =
        format!("it came {} times within {} s: {}", came.at.len(), window.as_secs(), times.join(", "));
    let found = finding(id.probe, FLAPPING, object.clone(), Verdict::Yellow, message, evidence)
        .since(came.at.front().copied());
    Finding { layer: came.layer, ..found }
}

#[cfg(test)]
mod tests {
    use super::super::Probe;
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::ago;
    use super::super::probes::{judged, unread};
    use super::*;
    use crate::cluster::ObjectRef;

    const WINDOW: Duration = Duration::from_mins(15);

    /// What a look sees of one workload.
    #[derive(Clone, Copy, PartialEq)]
    enum Look {
        Well,
        Crashes,
        RollsOut,
        Unread,
    }

    fn pass(at: i64, look: Look) -> Recon {
        let mut recon = recon_at(ago(at), Verdict::Green);
        let found = |rule: &str| {
            let object = ObjectRef::new("Deployment", "web", "shop");
            let one = finding(Probe::Pods, rule, object, Verdict::Red, String::new(), String::new());
            judged(Probe::Pods, String::new(), vec![one])
        };
        let result = match look {
            Look::Well => return recon,
            Look::Crashes => found("crash-loop"),
            Look::RollsOut => found("rolling-out"),
            Look::Unread => unread(Probe::Pods, "refused"),
        };
        recon.probes.retain(|one| one.probe != Probe::Pods);
        recon.probes.push(result);
        recon
    }

    fn last(looks: &[(i64, Look)]) -> (Verdict, Vec<String>) {
        let mut flapping = Flapping::default();
        let mut recon = pass(0, Look::Well);
        for (at, look) in looks {
            recon = pass(*at, *look);
            flapping.observe(&mut recon, 3, WINDOW);
        }
        let rules = recon.blocking().map(|finding| finding.id.rule.clone()).collect();
        (recon.layers()[&Layer::Apps], rules)
    }

    #[test]
    fn what_comes_often_enough_within_the_window_is_not_well_between() {
        type Case<'a> = (&'a str, &'a [(i64, Look)], &'a (Verdict, Vec<String>));
        use Look::{Crashes, RollsOut, Unread, Well};
        let flapping = (Verdict::Yellow, vec!["flapping".to_owned()]);
        let well = (Verdict::Green, Vec::new());
        let cases: [Case<'_>; 6] = [
            ("twice", &[(90, Crashes), (80, Well), (70, Crashes), (60, Well)], &well),
            (
                "three times",
                &[(90, Crashes), (80, Well), (70, Crashes), (60, Well), (50, Crashes), (40, Well)],
                &flapping,
            ),
            (
                "the first has left the window",
                &[(990, Crashes), (980, Well), (70, Crashes), (60, Well), (50, Crashes), (40, Well)],
                &well,
            ),
            ("it stays", &[(90, Crashes), (80, Crashes), (70, Crashes), (60, Crashes), (50, Well)], &well),
            (
                "rollouts",
                &[(90, RollsOut), (80, Well), (70, RollsOut), (60, Well), (50, RollsOut), (40, Well)],
                &well,
            ),
            (
                "what could not be read between has not gone",
                &[(90, Crashes), (80, Unread), (70, Crashes), (60, Unread), (50, Crashes), (40, Well)],
                &well,
            ),
        ];
        for (name, looks, expected) in cases {
            assert_eq!(&last(looks), expected, "{name}");
        }
    }

    #[test]
    fn it_is_said_once_while_it_is_there_and_is_no_reason_to_undo_anything() {
        use Look::{Crashes, Well};
        let mut flapping = Flapping::default();
        let mut recon = pass(0, Well);
        for (at, look) in [(90, Crashes), (80, Well), (70, Crashes), (60, Well), (50, Crashes), (40, Crashes)]
        {
            recon = pass(at, look);
            flapping.observe(&mut recon, 3, WINDOW);
        }
        let rules: Vec<&str> = recon.blocking().map(|finding| finding.id.rule.as_str()).collect();
        assert_eq!(rules, ["crash-loop", "flapping"]);
        assert!(recon.blocking().all(|finding| finding.is_on_its_way() == (finding.id.rule == FLAPPING)));
        // A change of ours is a new beginning, and nothing is switched off by a limit of none.
        flapping.restart();
        let mut recon = pass(30, Well);
        flapping.observe(&mut recon, 3, WINDOW);
        assert_eq!(recon.verdict(), Verdict::Green);
        Flapping::default().observe(&mut recon, 0, WINDOW);
        assert_eq!(recon.verdict(), Verdict::Green);
    }
}
