//! What our own tasks of a text stand for: taken from the journal, else from what this look found; never from the text.

use crate::forge::{IssueNumber, PullNumber};
use crate::health::{self, FindingId, Probe, Recon};
use crate::issue::{
    AllowedRule, FindingTask, Ignored, Kind, OpenUpdate, Reading, ReconSettings, Task, TaskKey, numbers,
    resolve,
};
use crate::run::checks::{Stands, stands};
use crate::run::situation::{KnownFinding, Mode, PullSituation, Unread};
use crate::run::state::RunState;
use crate::wording;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is known besides the text.
pub(super) struct Known<'a> {
    pub(super) state: &'a RunState,
    pub(super) recon: &'a Recon,
    pub(super) pulls: &'a BTreeMap<PullNumber, PullSituation>,
    /// What could not be read in this look.
    pub(super) unread: &'a BTreeMap<IssueNumber, Unread>,
    pub(super) settings: &'a ReconSettings,
    /// With what people accept in this run.
    pub(super) health: &'a health::Settings,
    pub(super) mode: Mode,
    /// The tasks that somebody who counts put there.
    pub(super) vouched: &'a BTreeSet<TaskKey>,
}

impl Known<'_> {
    /// Fills in what our own tasks are about. What stands for nothing that was ever found is no task.
    pub(super) fn fill(&self, reading: &mut Reading) -> BTreeMap<TaskKey, KnownFinding> {
        let mut findings = BTreeMap::new();
        // A ticked box names it as well: somebody has decided about it.
        let named: BTreeSet<u64> = (reading.tasks.iter().filter(|task| !task.own))
            .flat_map(|task| numbers(&task.title).into_iter().chain(task.kind.number()))
            .collect();
        for task in reading.tasks.iter_mut().filter(|task| task.own) {
            match &task.kind {
                Kind::Finding { tag } => {
                    let now = || resolve(tag, self.recon.findings()).map(FindingTask::of);
                    let added = self.state.added.iter().find(|(own, _)| own == tag).map(|(_, task)| task);
                    let journalled = self.state.findings.get(&task.key).or(added);
                    let Some(known) = journalled.cloned().or_else(now) else { continue };
                    task.title = wording::found_title(&known);
                    task.priority = known.priority;
                    task.layer = Some(known.layer);
                    task.broke = self.state.broke.contains(&task.key);
                    let asked = added.is_some() || self.vouched.contains(&task.key);
                    let allowed = asked && self.allows(known.rule());
                    let there = self.recon.findings().find(|finding| finding.id == known.id);
                    let accepted =
                        there.and_then(|finding| self.health.acceptance(finding, self.recon.began_at));
                    let accepted = accepted.cloned();
                    let unasked = is_unasked(&known.id, self.health, self.recon);
                    let known = KnownFinding { task: known, allowed, accepted, unasked };
                    findings.insert(task.key.clone(), known);
                }
                Kind::Merge { pull } => {
                    if let Some(found) = self.pulls.get(pull) {
                        let update = OpenUpdate {
                            number: *pull,
                            title: found.pull.title.clone(),
                            classification: found.classification.clone(),
                        };
                        task.title = wording::found_update_title(*pull, &update.title);
                        task.priority = update.priority();
                        task.layer = Some(update.layer());
                    } else {
                        task.title = wording::found_update_title(*pull, "");
                    }
                    // What else stands in the text about it (somebody closes it, waits for it, says no in a table) has raised what
                    // it needs, with a reason: no setting takes that back.
                    let elsewhere = task.why_person.is_some() || named.contains(&pull.0);
                    if self.allows(Some(AllowedRule::DependencyUpdate)) && !elsewhere {
                        task.needs = None;
                    } else if task.why_person.is_none() {
                        task.why_person = Some(wording::update_asks());
                    }
                }
                _ => {}
            }
        }
        let is_known = |task: &Task| match &task.kind {
            Kind::Finding { .. } => findings.contains_key(&task.key),
            // What has ended is not read any more.
            Kind::Merge { pull } if task.own => {
                self.pulls.contains_key(pull)
                    || self.unread.contains_key(&pull.as_issue())
                    || self.state.task(&task.key).is_some()
            }
            _ => true,
        };
        let unknown = reading.tasks.iter().filter(|task| !is_known(task));
        reading
            .ignored
            .extend(unknown.map(|task| Ignored { line: task.line, why: wording::ignored_unknown_finding() }));
        reading.tasks.retain(is_known);
        findings
    }

    fn allows(&self, rule: Option<AllowedRule>) -> bool {
        self.mode == Mode::Auto && rule.is_some_and(|rule| self.settings.allows(rule))
    }
}

/// Whether nobody looks for a finding any more, by the settings or by those of the cluster that the look went by.
fn is_unasked(id: &FindingId, health: &health::Settings, recon: &Recon) -> bool {
    !health.asks_for(id) || recon.is_switched_off(id.probe)
}

/// Since when what our own tasks name has been gone.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    since: BTreeMap<TaskKey, Timestamp>,
    of_findings: BTreeMap<FindingId, Timestamp>,
    looked_at: Option<Timestamp>,
}

impl Gone {
    /// Since when each of them has been gone without a break, by looks in which its probe answered.
    pub(crate) fn since(&self) -> &BTreeMap<TaskKey, Timestamp> {
        &self.since
    }

    /// The same of every finding that a run knows: those of its tasks, and what was broken when it began.
    pub(crate) fn of_findings(&self) -> &BTreeMap<FindingId, Timestamp> {
        &self.of_findings
    }

    /// Whether something that an audit saw gone has been so for the settle time, and no audit was made since that was over.
    pub(super) fn wants_an_audit(
        &self,
        audited_at: Option<Timestamp>,
        now: Timestamp,
        settle: Duration,
    ) -> bool {
        let has_settled = |at: Timestamp, since: Timestamp| {
            Duration::try_from(at.duration_since(since)).is_ok_and(|passed| passed >= settle)
        };
        let mut of_audits = self.of_findings.iter().filter(|(id, _)| id.probe == Probe::Audit);
        of_audits.any(|(_, since)| {
            has_settled(now, *since) && !audited_at.is_some_and(|at| has_settled(at, *since))
        })
    }

    /// Takes a look in; `audited` is whether it was a whole audit as well. What nobody watched for longer than `unwatched` begins anew.
    pub(super) fn look(
        &mut self,
        findings: &BTreeMap<TaskKey, KnownFinding>,
        state: &RunState,
        recon: &Recon,
        audited: bool,
        now: Timestamp,
        unwatched: Duration,
    ) {
        let last = self.looked_at.replace(now);
        if last.is_none_or(|last| now.duration_since(last).unsigned_abs() > unwatched) {
            self.since.clear();
            self.of_findings.clear();
        }
        let known: BTreeSet<&FindingId> =
            (findings.values().map(|known| &known.task.id)).chain(state.known_without_a_task()).collect();
        self.of_findings.retain(|id, _| known.contains(id));
        // A look without a whole audit says nothing of what one found, and most are without: what the settings let block is a part of
        // every look, and tells of its own rules alone.
        let is_asked = |id: &&FindingId| id.probe != Probe::Audit || audited;
        for id in known.into_iter().filter(is_asked) {
            match stands(id, recon) {
                Stands::Gone => {
                    self.of_findings.entry(id.clone()).or_insert(now);
                }
                Stands::There(_) | Stands::Unknown => {
                    self.of_findings.remove(id);
                }
            }
        }
        self.since.retain(|key, _| findings.contains_key(key));
        for (key, finding) in findings {
            match self.of_findings.get(&finding.task.id) {
                Some(_) => {
                    self.since.entry(key.clone()).or_insert(now);
                }
                None => {
                    self.since.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ObjectRef;
    use crate::health::{Figure, Figures, Finding, FindingId, Grounds, ProbeResult, Verdict};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn finding(rule: &str) -> Finding {
        Finding {
            id: FindingId {
                probe: Probe::Pods,
                rule: rule.to_owned(),
                object: ObjectRef::new("Deployment", "media", "sonarr"),
            },
            layer: Probe::Pods.layer(),
            verdict: Verdict::Red,
            message: String::new(),
            evidence: String::new(),
            since: None,
            made_at: None,
            informational: false,
            grounds: Grounds::default(),
            acknowledged: false,
            cause: None,
        }
    }

    fn recon(findings: Vec<Finding>, used: bool, verdict: Verdict) -> Recon {
        fn none<T>() -> Figure<T> {
            Figure::NotRead("not read".to_owned())
        }
        let (probe, layer) = (Probe::Pods, Probe::Pods.layer());
        let probes = vec![ProbeResult { probe, layer, used, verdict, summary: String::new(), findings }];
        let figures = Figures {
            nodes_ready: none(),
            pods: none(),
            applications: none(),
            certificates: none(),
            ceph_health: none(),
            osds: none(),
            ceph_usage: none(),
            placement_groups: none(),
            node_usage: none(),
            inventory: crate::health::Inventory::default(),
        };
        Recon {
            began_at: at(0),
            probes,
            figures,
            restarted: Vec::new(),
            made_of: Vec::new(),
            services: None,
            files_read: false,
        }
    }

    #[test]
    fn what_the_settings_have_nobody_look_for_is_told_from_what_is_gone() {
        let of = |probe| FindingId { probe, ..finding("crash-loop").id };
        let on = health::Settings::default();
        let off = health::Settings { flux: false, ..health::Settings::default() };
        let none_left = recon(Vec::new(), false, Verdict::Green);
        let mut unread = none_left.clone();
        unread.probes[0].summary = "switched off in the settings".to_owned();
        for (name, probe, settings, recon, unasked) in [
            ("a probe", Probe::Pods, &on, &none_left, false),
            ("switched off", Probe::Flux, &off, &none_left, true),
            ("switched off for the cluster", Probe::Pods, &on, &unread, true),
            ("a check that was taken out", Probe::Own, &on, &none_left, true),
            ("an address that was taken out", Probe::Addresses, &on, &none_left, true),
            ("the only server of alerts", Probe::Alerts, &on, &none_left, true),
            ("an audit", Probe::Audit, &on, &none_left, false),
        ] {
            assert_eq!(is_unasked(&of(probe), settings, recon), unasked, "{name}");
        }
    }

    #[test]
    fn gone_is_what_an_answer_says_without_a_break() {
        let key = TaskKey("a".to_owned());
        let task = FindingTask::of(&finding("crash-loop"));
        let known = BTreeMap::from([(
            key.clone(),
            KnownFinding { task, allowed: false, accepted: None, unasked: false },
        )]);
        let well = || recon(Vec::new(), true, Verdict::Green);
        let there = recon(vec![finding("crash-loop")], true, Verdict::Red);
        let otherwise = recon(vec![finding("not-ready")], true, Verdict::Red);
        let silent = recon(Vec::new(), true, Verdict::Unknown);
        let none_left = recon(Vec::new(), false, Verdict::Green);
        let nobody = Recon { probes: Vec::new(), ..well() };
        let (mut gone, state) = (Gone::default(), RunState::default());
        for (second, recon, expected) in [
            (0, &there, None),
            (10, &well(), Some(10)),
            (20, &well(), Some(10)),
            (30, &silent, None),
            (40, &well(), Some(40)),
            (50, &otherwise, None),
            (60, &well(), Some(60)),
            // Its last object was deleted.
            (70, &none_left, Some(60)),
            (75, &silent, None),
            (80, &well(), Some(80)),
            (90, &nobody, None),
            (100, &well(), Some(100)),
            // Nobody looked for too long.
            (131, &well(), Some(131)),
            (141, &well(), Some(131)),
        ] {
            gone.look(&known, &state, recon, recon.is_audited(), at(second), Duration::from_secs(30));
            assert_eq!(gone.since().get(&key).copied(), expected.map(at), "at {second}");
        }
        // What an audit found is told by audits alone, and the looks between two of them are many.
        let of_audit = FindingId { probe: Probe::Audit, ..finding("no-liveness-probe").id };
        let task = FindingTask { id: of_audit, ..FindingTask::of(&finding("no-liveness-probe")) };
        let audited_task = BTreeMap::from([(
            key.clone(),
            KnownFinding { task, allowed: false, accepted: None, unasked: false },
        )]);
        let mut audit = well();
        audit.probes[0].probe = Probe::Audit;
        let mut audits = Gone::default();
        for (second, recon, expected) in [(0, &well(), None), (10, &audit, Some(10)), (20, &well(), Some(10))]
        {
            audits.look(
                &audited_task,
                &state,
                recon,
                recon.is_audited(),
                at(second),
                Duration::from_secs(30),
            );
            assert_eq!(audits.since().get(&key).copied(), expected.map(at), "at {second}");
        }
        // While people are awaited the looks are so far apart that nothing is ever gone for a while: what waits for that asks to
        // look again soon.
        for second in [180, 360, 540] {
            audits.look(&known, &state, &well(), false, at(second), Duration::from_mins(1));
            assert_eq!(audits.since().get(&key).copied(), Some(at(second)), "at {second}");
        }
        gone.look(&BTreeMap::new(), &state, &well(), false, at(142), Duration::from_secs(30));
        assert!(gone.since().is_empty(), "its task is not in the text any more");
        assert!(gone.of_findings().is_empty());
        // What was broken when the run began is watched without a task.
        let first = RunState { first_recon: Some(there.clone()), ..RunState::default() };
        gone.look(&BTreeMap::new(), &first, &there, false, at(143), Duration::from_secs(30));
        gone.look(&BTreeMap::new(), &first, &well(), false, at(150), Duration::from_secs(30));
        assert_eq!(gone.of_findings().values().copied().collect::<Vec<_>>(), [at(150)]);
    }
}
