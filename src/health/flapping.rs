//! What comes and goes: a fold over passes.
//!
//! GREEN for a minute between two breaks is not settled. A finding that came back too often within a window is said to be
//! flapping for as long as the window holds that many; that closes the gate, and by itself undoes nothing.
//!
//! Decided here: what a look could not read has neither gone nor come back; what only has not ended yet comes and goes as it
//! must where a rollout, a change of the number of pods or work on a node explains it, and is flapping where nothing does.
//! What comes and goes by a schedule of its own (Jobs, copies of volumes, Flux' own looks) is none of it.

use super::moved::Moves;
use super::probes::{finding, with_more};
use super::{Finding, FindingId, Layer, Probe, ProbeResult, Recon, Verdict};
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
    moves: Moves,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Came {
    layer: Layer,
    at: VecDeque<Timestamp>,
}

impl Flapping {
    /// Takes in a pass, and adds to it what came `times` times within the `window`; none where `times` is 0. `rolls_out` says
    /// whether a change of ours is on its way: then nothing that is on its way is counted.
    pub(crate) fn observe(&mut self, recon: &mut Recon, times: u32, window: Duration, rolls_out: bool) {
        if times == 0 {
            return;
        }
        let now = recon.began_at;
        self.moves.observe(recon, window);
        // Of a probe that does not know everything, nothing has gone.
        let unknown = |result: &&ProbeResult| result.verdict == Verdict::Unknown;
        let unread: BTreeSet<_> = recon.probes.iter().filter(unknown).map(|result| result.probe).collect();
        let mut there = BTreeSet::new();
        for finding in recon.blocking().filter(|finding| breaks(finding) || may_flap(finding)) {
            // What follows from another comes and goes with it.
            let own = || {
                let objects = std::iter::once(&finding.id.object).chain(finding.grounds.objects());
                finding.cause.is_none() && !rolls_out && !self.moves.explain(objects, now)
            };
            if !self.there.contains(&finding.id) && (breaks(finding) || own()) {
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

/// Whether it says that something has not ended yet, of which there is no end where it comes again and again.
fn may_flap(finding: &Finding) -> bool {
    let FindingId { probe, rule, object } = &finding.id;
    let one_that_stays =
        || matches!(object.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "Pod");
    let comes_and_goes = match probe {
        Probe::Pods | Probe::KubeSystem => {
            matches!(rule.as_str(), "not-ready" | "unavailable") && one_that_stays()
        }
        Probe::Services | Probe::Webhooks => rule == "no-endpoints",
        Probe::ApiServices => rule == "unavailable",
        Probe::ArgoCd => matches!(rule.as_str(), "progressing" | "out-of-sync"),
        Probe::CloudNativePg => matches!(rule.as_str(), "unavailable" | "not-ready" | "primary-moves"),
        Probe::Certificates => rule == "not-ready",
        _ => false,
    };
    comes_and_goes && matches!(finding.verdict, Verdict::Yellow | Verdict::Red)
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
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::ago;
    use super::super::probes::{judged, unread};
    use super::super::{Grounds, Made};
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
            flapping.observe(&mut recon, 3, WINDOW, false);
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
            flapping.observe(&mut recon, 3, WINDOW, false);
        }
        let rules: Vec<&str> = recon.blocking().map(|finding| finding.id.rule.as_str()).collect();
        assert_eq!(rules, ["crash-loop", "flapping"]);
        assert!(recon.blocking().all(|finding| finding.is_on_its_way() == (finding.id.rule == FLAPPING)));
        // A change of ours is a new beginning, and nothing is switched off by a limit of none.
        flapping.restart();
        let mut recon = pass(30, Well);
        flapping.observe(&mut recon, 3, WINDOW, false);
        assert_eq!(recon.verdict(), Verdict::Green);
        Flapping::default().observe(&mut recon, 0, WINDOW, false);
        assert_eq!(recon.verdict(), Verdict::Green);
    }

    /// A look, so many seconds ago: what is not well, and what of it is made of.
    type Seen = (i64, Vec<Finding>, Vec<Made>);

    /// Whether anything is said to be flapping at the end, as rules of the probes that were there.
    fn flapping_after(looks: Vec<Seen>, rolls_out: bool) -> Vec<String> {
        let mut flapping = Flapping::default();
        let mut rules = Vec::new();
        for (at, findings, made_of) in looks {
            let mut recon = recon_at(ago(at), Verdict::Green);
            for finding in findings {
                recon.probes.retain(|one| one.probe != finding.id.probe);
                recon.probes.push(judged(finding.id.probe, String::new(), vec![finding]));
            }
            for probe in [Probe::Services, Probe::Jobs, Probe::Flux] {
                if recon.probes.iter().all(|one| one.probe != probe) {
                    recon.probes.push(judged(probe, String::new(), Vec::new()));
                }
            }
            super::super::causes::fold(&mut recon.probes);
            recon.made_of = made_of;
            flapping.observe(&mut recon, 3, WINDOW, rolls_out);
            rules = recon
                .blocking()
                .map(|finding| format!("{:?} {}", finding.id.probe, finding.id.rule))
                .collect();
        }
        rules
    }

    fn shop() -> ObjectRef {
        ObjectRef::new("Deployment", "web", "shop")
    }

    fn on(probe: Probe, rule: &str, object: ObjectRef) -> Finding {
        finding(probe, rule, object, Verdict::Red, String::new(), String::new())
    }

    /// It breaks for twenty seconds every two minutes, and five times: with a mark of its own each time, and moving or not.
    fn every_two_minutes(what: &dyn Fn() -> Finding, mark: &dyn Fn(u64) -> Option<Made>) -> Vec<Seen> {
        let mut looks = Vec::new();
        for time in 0..5_u64 {
            let begin = 800 - 120 * i64::try_from(time).expect("small");
            for at in [begin, begin - 10] {
                looks.push((at, vec![what()], mark(time).into_iter().collect()));
            }
            for at in [begin - 20, begin - 60, begin - 110] {
                looks.push((at, Vec::new(), Vec::new()));
            }
        }
        looks
    }

    #[test]
    fn a_readiness_that_fails_now_and_then_is_flapping_and_a_rollout_is_not() {
        let none = Vec::<String>::new();
        for rule in ["not-ready", "unavailable"] {
            let what = || on(Probe::Pods, rule, shop());
            let made = |mark, moving| Some(Made::for_test(shop(), mark, moving));
            let still = every_two_minutes(&what, &|_| made(7, false));
            assert_eq!(flapping_after(still.clone(), false), ["Pods flapping"], "{rule}");
            assert_eq!(flapping_after(still, true), none, "a change of ours is rolled out");
            // Somebody rolls it out again and again, or an autoscaler changes how many there are.
            assert_eq!(
                flapping_after(every_two_minutes(&what, &|time| made(time, false)), false),
                none,
                "{rule}"
            );
            // The same template, and another pod each time: an autoscaler of requests, a descheduler, a person.
            let begin = |time: u64| 800 - 120 * i64::try_from(time).expect("small");
            let replaced = |time| made(7, false).map(|made| made.replaced_at(ago(begin(time) + 5)));
            assert_eq!(flapping_after(every_two_minutes(&what, &replaced), false), none, "{rule}");
            let old = |_| made(7, false).map(|made| made.replaced_at(ago(5000)));
            assert_eq!(flapping_after(every_two_minutes(&what, &old), false), ["Pods flapping"], "{rule}");
            // One rollout, pod after pod.
            assert_eq!(flapping_after(every_two_minutes(&what, &|_| made(7, true)), false), none, "{rule}");
        }
    }

    #[test]
    fn what_stands_before_a_workload_comes_and_goes_with_its_rollouts() {
        let what = || {
            let service = ObjectRef::new("Service", "web", "shop");
            on(Probe::Services, "no-endpoints", service).resting_on(Grounds::any([shop()]))
        };
        let made = |mark| Some(Made::for_test(shop(), mark, false));
        assert_eq!(flapping_after(every_two_minutes(&what, &|_| made(7)), false), ["Services flapping"]);
        assert!(flapping_after(every_two_minutes(&what, &made), false).is_empty());
        let application = ObjectRef::new("Application", "argocd", "shop");
        for (rule, flaps) in [("out-of-sync", true), ("progressing", true), ("suspended", false)] {
            let what = || on(Probe::ArgoCd, rule, application.clone());
            let made = |mark| Some(Made::for_test(application.clone(), mark, false));
            let same = flapping_after(every_two_minutes(&what, &|_| made(7)), false);
            assert_eq!(same == ["ArgoCd flapping"], flaps, "{rule}: {same:?}");
            assert!(
                flapping_after(every_two_minutes(&what, &made), false).is_empty(),
                "each time another commit"
            );
        }
    }

    #[test]
    fn what_is_rolled_out_with_pauses_is_not_flapping() {
        let application = ObjectRef::new("Application", "argocd", "shop");
        let progressing = || on(Probe::ArgoCd, "progressing", application.clone());
        let made = |_| Some(Made::for_test(application.clone(), 7, false));
        let mut looks = every_two_minutes(&progressing, &made);
        for (_, findings, _) in looks.iter_mut().filter(|(_, findings, _)| findings.is_empty()) {
            findings.push(on(Probe::ArgoCd, "suspended", application.clone()));
        }
        assert_eq!(flapping_after(looks, false), ["ArgoCd suspended"]);
    }

    #[test]
    fn what_comes_by_a_schedule_or_of_a_nodes_work_is_not_flapping() {
        let cron = || on(Probe::Jobs, "not-begun", ObjectRef::new("CronJob", "web", "backup"));
        assert!(flapping_after(every_two_minutes(&cron, &|_| None), false).is_empty());
        let pods = || on(Probe::Pods, "not-ready", ObjectRef::new("CronJob", "web", "backup"));
        assert!(flapping_after(every_two_minutes(&pods, &|_| None), false).is_empty());
        let flux = || on(Probe::Flux, "progressing", ObjectRef::new("Kustomization", "flux-system", "apps"));
        assert!(flapping_after(every_two_minutes(&flux, &|_| None), false).is_empty());
        // kured goes from node to node, and a pod from one to the next.
        let mut looks = every_two_minutes(&|| on(Probe::Pods, "unavailable", shop()), &|_| {
            Some(Made::for_test(shop(), 7, false))
        });
        for (_, findings, _) in looks.iter_mut().filter(|(_, findings, _)| !findings.is_empty()) {
            findings.push(on(Probe::Nodes, "in-work", ObjectRef::new("Node", "", "metal1")));
        }
        assert!(flapping_after(looks, false).is_empty());
    }

    #[test]
    fn what_follows_is_not_said_to_flap_beside_its_cause() {
        let service = || {
            let service = ObjectRef::new("Service", "web", "shop");
            on(Probe::Services, "no-endpoints", service).resting_on(Grounds::any([shop()]))
        };
        let mut looks = every_two_minutes(&|| on(Probe::Pods, "not-ready", shop()), &|_| {
            Some(Made::for_test(shop(), 7, false))
        });
        for (_, findings, _) in looks.iter_mut().filter(|(_, findings, _)| !findings.is_empty()) {
            findings.push(service());
        }
        assert_eq!(flapping_after(looks, false), ["Pods flapping"]);
    }
}
