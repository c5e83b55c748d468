//! Services that pods answered for, and that select none any more: a fold over passes.
//!
//! One look cannot tell a Service whose selector was broken from one that is empty on purpose, so it lists both. Whoever looks
//! again knows: where a pod answered at an earlier look, and none has the labels now, the Service was cut off.
//!
//! Decided here: only what pods of a Deployment, a `StatefulSet` or a `DaemonSet` answered for can be cut off. The pods of others come and go
//! (`probes::services`), and a Service is normal without them: it stays listed.
//!
//! What is told of the looks before a restart is what the newest merge journalled, the Services for which no such pod answered just before it.
//! It is told of a change that is in flight, or that ended in the same run and was not kept: what people
//! emptied since any other is theirs. It waits for the first pass that saw Services at all. Without it a restart forgets, and
//! what is empty then is taken to be meant so. A Service that is not there at a look is forgotten; one that was made anew between two looks under
//! its name is the same. One that is new is nobody's loss.
//!
//! A workload that is there and makes none, because a person, an autoscaler or a commit scaled it to nothing or because it is not complete, makes
//! it no loss either: that the probe sees by itself, and is told here when a pod answered. A `DaemonSet` is scaled by nobody: where it runs on no
//! node any more the nodes have gone, or its spec was changed, and its generation tells which. One whose nodes had gone before it was changed has
//! lost nothing by the change.
//!
//! A `StatefulSet` that is complete with one pod has no pod for another role (the replica of a database, or its leader for a moment): a Service
//! that selects as it did when one answered is forgotten. With two pods or more there is one for each role.

use super::probes::{PODS_NOT_MADE, SELECTS_NOTHING, disconnected, with_answered};
use super::{Probe, Recon};
use crate::cluster::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A workload behind a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Behind {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// The version of its spec by which pods are wanted, where it was read.
    pub(crate) generation: Option<i64>,
    /// How many pods it wants, of one that is empty only where it is complete; of one that answered the most that it ever wanted.
    #[serde(default)]
    pub(crate) wanted: Option<i64>,
    /// What the Service selects, of a `StatefulSet`. Older versions did not write it down.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) selector: BTreeMap<String, String>,
}

/// What stood behind a Service at a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A pod of a workload whose pods stay.
    Answered(Behind),
    /// A pod of something else.
    AnsweredByOther,
    /// Nothing: it has no endpoint at all. The workload that may be meant, where one is to run no pod or is complete.
    Empty(Option<Behind>),
    /// Its endpoints are not ready, or nobody tells of them or of whose they are.
    Otherwise,
}

/// How a Service was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceSeen {
    /// When it was made.
    pub(crate) made_at: Option<Timestamp>,
    /// What stood behind it.
    pub(crate) state: Seen,
}

/// All Services that a pass saw.
pub(crate) type ServicesSeen = BTreeMap<ObjectRef, ServiceSeen>;

/// The Services that cannot be cut off from anything, as they were just before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WithoutEndpoints {
    /// When it was looked.
    looked_at: Timestamp,
    /// Those for which no pod of a workload whose pods stay answered.
    services: BTreeSet<ObjectRef>,
    /// Whose pods answered for others, where its spec was read. Older versions did not write it down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    behind: Vec<(ObjectRef, Behind)>,
}

impl Recon {
    /// The Services for which no pod answered that stays; none where they could not be read.
    pub(crate) fn without_endpoints(&self) -> Option<WithoutEndpoints> {
        let seen = self.services.as_ref()?;
        let others = seen.iter().filter(|(_, seen)| !matches!(seen.state, Seen::Answered(_)));
        let services = others.map(|(object, _)| object.clone()).collect();
        let behind = seen.iter().filter_map(|(object, seen)| match &seen.state {
            Seen::Answered(behind) if behind.generation.is_some() => Some((object.clone(), behind.clone())),
            _ => None,
        });
        Some(WithoutEndpoints { looked_at: self.began_at, services, behind: behind.collect() })
    }
}

/// That a pod answered for a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnsweredBefore {
    /// When it was seen last.
    pub(crate) at: Timestamp,
    /// Whose it was, where that is known.
    pub(crate) behind: Option<Behind>,
}

impl AnsweredBefore {
    /// Whether a `DaemonSet` that makes none now is the one whose pods answered, and was changed since.
    fn was_changed(&self, now: Option<&Behind>) -> bool {
        let (Some(before), Some(now)) = (&self.behind, now) else { return false };
        before.object.kind == "DaemonSet" && before.object == now.object && before.grew(now)
    }

    /// Whether a `DaemonSet` that makes none now is the one whose pods answered, and was not changed since.
    fn is_the_same(&self, now: Option<&Behind>) -> bool {
        let (Some(before), Some(now)) = (&self.behind, now) else { return false };
        let known = before.generation.is_some() && now.generation.is_some();
        now.object.kind == "DaemonSet" && before.object == now.object && known && !before.grew(now)
    }

    /// Whether the `StatefulSet` whose pods answered had several and is complete with one, which has another role. A selector that was changed is no role.
    fn is_of_another_role(&self, now: Option<&Behind>) -> bool {
        let (Some(before), Some(now)) = (&self.behind, now) else { return false };
        let selects_alike = before.selector.is_empty() || before.selector == now.selector;
        let alone = now.object.kind == "StatefulSet" && now.wanted == Some(1);
        let had_more = before.wanted.is_some_and(|most| most > 1);
        before.object == now.object && alone && had_more && selects_alike
    }
}

impl Behind {
    /// Whether its spec was changed between then and now.
    fn grew(&self, now: &Self) -> bool {
        self.generation.zip(now.generation).is_some_and(|(before, now)| now > before)
    }
}

/// The Services for which a pod answered at an earlier look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answered {
    before: BTreeMap<ObjectRef, AnsweredBefore>,
    /// What was seen before a restart, until a pass has seen Services.
    journalled: Option<WithoutEndpoints>,
}

impl Answered {
    /// Takes in a pass, and lets what was cut off since an earlier one count. `journalled` is what was seen just before the newest
    /// merge, for whoever has just begun to look.
    pub(super) fn observe(
        &mut self,
        recon: &mut Recon,
        journalled: Option<WithoutEndpoints>,
        grace: Duration,
    ) {
        self.journalled = journalled.or(self.journalled.take());
        let Some(seen) = &recon.services else { return };
        if let Some(WithoutEndpoints { looked_at, services, behind }) = self.journalled.take() {
            let behind: BTreeMap<ObjectRef, Behind> = behind.into_iter().collect();
            let was_there = |seen: &ServiceSeen| seen.made_at.is_some_and(|made| made <= looked_at);
            let answered = seen.iter().filter(|(object, seen)| was_there(seen) && !services.contains(object));
            for (object, _) in answered {
                let before = AnsweredBefore { at: looked_at, behind: behind.get(object).cloned() };
                self.before.entry(object.clone()).or_insert(before);
            }
        }
        self.before.retain(|object, _| seen.contains_key(object));
        for (object, seen) in seen {
            match &seen.state {
                Seen::Answered(behind) => {
                    let mut behind = behind.clone();
                    let known = self.before.get(object).and_then(|before| before.behind.as_ref());
                    if let Some(known) = known.filter(|known| known.object == behind.object) {
                        behind.generation = behind.generation.or(known.generation);
                        behind.wanted = behind.wanted.max(known.wanted);
                    }
                    let before = AnsweredBefore { at: recon.began_at, behind: Some(behind) };
                    self.before.insert(object.clone(), before);
                }
                Seen::AnsweredByOther => {
                    self.before.remove(object);
                }
                Seen::Empty(now) => match self.before.get_mut(object) {
                    Some(before) if before.is_of_another_role(now.as_ref()) => {
                        self.before.remove(object);
                    }
                    // Its nodes went, and it is as it was: whatever is changed later empties nothing.
                    Some(before) if before.is_the_same(now.as_ref()) => before.behind = None,
                    Some(_) | None => {}
                },
                Seen::Otherwise => {}
            }
        }
        for result in recon.probes.iter_mut().filter(|result| result.probe == Probe::Services) {
            for found in &mut result.findings {
                let Some(before) = self.before.get(&found.id.object) else { continue };
                let none = match seen.get(&found.id.object).map(|seen| &seen.state) {
                    Some(Seen::Empty(none)) => none.as_ref(),
                    _ => None,
                };
                match found.id.rule.as_str() {
                    SELECTS_NOTHING => *found = disconnected(found, before, recon.began_at, grace),
                    PODS_NOT_MADE if before.was_changed(none) => {
                        *found = disconnected(found, before, recon.began_at, grace);
                    }
                    PODS_NOT_MADE => found.evidence = with_answered(&found.evidence, before),
                    _ => {}
                }
            }
            result.judge_again();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::{ago, workload};
    use super::super::probes::{judge_services, services_seen};
    use super::super::{Attribution, Baseline, Verdict, attributions};
    use super::*;
    use crate::cluster::{Endpoints, Owner, Pod, PodLedger, PodPhase, Service, Workload};
    use Verdict::{Green, Red, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    fn service(ready: usize, all: usize, changed: i64, made: i64) -> Service {
        Service {
            object: ObjectRef::new("Service", "web", "shop"),
            selector: [("app".to_owned(), "shop".to_owned())].into(),
            created_at: Some(ago(made)),
            endpoints: Some(Endpoints { ready, all, changed_at: Some(ago(changed)) }),
            answered_by: (ready > 0).then(|| "shop-1".to_owned()),
        }
    }

    fn of(kind: &str) -> ObjectRef {
        ObjectRef::new(kind, "web", "shop")
    }

    /// The pod that answers, of this owner.
    fn pods(owner: &ObjectRef) -> PodLedger {
        let pod = Pod {
            namespace: "web".to_owned(),
            name: "shop-1".to_owned(),
            phase: PodPhase::Succeeded,
            reason: String::new(),
            message: String::new(),
            conditions: Vec::new(),
            node: None,
            created_at: Some(ago(9_000)),
            deleted_at: None,
            owner: Some(owner.clone()),
            containers: Vec::new(),
            claims: Vec::new(),
            labels: [("app".to_owned(), "shop".to_owned())].into(),
        };
        let mut ledger = PodLedger::new(Duration::from_mins(10));
        ledger.put(pod, ago(0));
        ledger
    }

    fn pass(at: i64, services: &[Service], workloads: &[Workload]) -> Recon {
        pass_of(&of("Deployment"), at, services, workloads)
    }

    fn pass_of(owner: &ObjectRef, at: i64, services: &[Service], workloads: &[Workload]) -> Recon {
        let mut recon = recon_at(ago(at), Green);
        recon.probes.push(judge_services(services, &Ok(Vec::new()), workloads, ago(at), GRACE));
        recon.services = Some(services_seen(services, &pods(owner), workloads));
        recon
    }

    /// The rules that block after passes that follow each other.
    fn last(passes: Vec<Recon>, journalled: Option<&WithoutEndpoints>) -> (Verdict, Vec<String>) {
        let (mut answered, mut told) = (Answered::default(), (Green, Vec::new()));
        for (at, mut recon) in passes.into_iter().enumerate() {
            answered.observe(&mut recon, journalled.filter(|_| at == 0).cloned(), GRACE);
            let rules = recon.blocking().map(|one| one.id.rule.clone()).collect();
            told = (recon.verdict(), rules);
        }
        told
    }

    #[test]
    fn a_service_that_pods_answered_for_and_that_selects_none_now_was_cut_off() {
        let off = |verdict| (verdict, vec!["disconnected".to_owned()]);
        let well = (Green, Vec::new());
        let answered = |at| pass(at, &[service(2, 2, 9_000, 90_000)], &[]);
        let empty = |at, changed| pass(at, &[service(0, 0, changed, 90_000)], &[]);
        assert_eq!(last(vec![empty(0, 9_000)], None), well, "empty on purpose, for all that one look tells");
        assert_eq!(last(vec![empty(60, 9_000), empty(0, 9_000)], None), well);
        assert_eq!(last(vec![answered(400), empty(0, 30)], None), off(Yellow), "just now");
        assert_eq!(last(vec![answered(400), empty(0, 390)], None), off(Red));
        assert_eq!(last(vec![answered(900), empty(400, 890), empty(0, 890)], None), off(Red), "it lasts");
        assert_eq!(last(vec![answered(900), empty(400, 890), answered(0)], None), well, "mended");
        let unready = pass(400, &[service(0, 1, 450, 90_000)], &[]);
        assert_eq!(last(vec![answered(900), unready, empty(0, 390)], None), off(Red));
        let gone = pass(400, &[], &[]);
        assert_eq!(last(vec![answered(900), gone, empty(0, 390)], None), well, "a Service that was deleted");
        let anew = pass(0, &[service(0, 0, 390, 395)], &[]);
        assert_eq!(last(vec![answered(400), anew], None), off(Red), "made anew under its name");
        let mut unread = pass(400, &[], &[]);
        unread.services = None;
        assert_eq!(last(vec![answered(900), unread, empty(0, 390)], None), off(Red), "nobody knew meanwhile");
    }

    #[test]
    fn a_workload_that_was_scaled_to_nothing_cuts_nothing_off() {
        let mut scaled = workload(ObjectRef::new("Deployment", "web", "shop"));
        scaled.pod_labels = [("app".to_owned(), "shop".to_owned())].into();
        (scaled.desired, scaled.replicas, scaled.updated, scaled.available) = (0, 0, 0, 0);
        let answered = pass(900, &[service(2, 2, 9_000, 90_000)], &[]);
        let empty = pass(0, &[service(0, 0, 600, 90_000)], &[scaled]);
        assert_eq!(last(vec![answered, empty.clone()], None), (Green, Vec::new()));
        let mut seen = Answered::default();
        seen.observe(&mut pass(900, &[service(2, 2, 9_000, 90_000)], &[]), None, GRACE);
        let mut empty = empty;
        seen.observe(&mut empty, None, GRACE);
        let told = empty.findings().find(|one| one.id.rule == PODS_NOT_MADE).expect("listed");
        assert!(told.informational && told.evidence.contains("answered for it at"), "{}", told.evidence);
    }

    #[test]
    fn only_pods_that_stay_can_be_cut_off() {
        let answered = |owner: &ObjectRef, services: &[Service]| pass_of(owner, 900, services, &[]);
        let all = || [service(2, 2, 9_000, 90_000)];
        let empty = || pass(0, &[service(0, 0, 600, 90_000)], &[]);
        for (kind, expected) in [
            ("Deployment", Red),
            ("StatefulSet", Red),
            ("DaemonSet", Red),
            // The headless Service of an indexed Job, which has ended.
            ("Job", Green),
            ("Cluster", Green),
            ("VirtualMachineInstance", Green),
            // Of a Rollout.
            ("ReplicaSet", Green),
        ] {
            assert_eq!(last(vec![answered(&of(kind), &all()), empty()], None).0, expected, "{kind}");
            let journalled = answered(&of(kind), &all()).without_endpoints().expect("read");
            assert_eq!(last(vec![empty()], Some(&journalled)).0, expected, "{kind} after a restart");
        }
        let two = vec![answered(&of("Deployment"), &all()), answered(&of("Job"), &all()), empty()];
        assert_eq!(last(two, None).0, Green, "what answered last counts");
        let mut unknown = all();
        unknown[0].answered_by = Some("shop-2".to_owned());
        assert_eq!(last(vec![answered(&of("Deployment"), &unknown), empty()], None).0, Green);
        let passes =
            vec![answered(&of("Deployment"), &all()), answered(&of("Deployment"), &unknown), empty()];
        assert_eq!(last(passes, None).0, Red, "a pod that nobody knows yet takes nothing away");
        let one_pod = |mut service: Service| {
            service.selector.insert("statefulset.kubernetes.io/pod-name".to_owned(), "shop-1".to_owned());
            service
        };
        let scaled_down = pass(0, &[one_pod(service(0, 0, 600, 90_000))], &[]);
        let first = answered(&of("StatefulSet"), &all().map(one_pod));
        assert_eq!(last(vec![first, scaled_down], None).0, Green, "one of fewer");
    }

    #[test]
    fn a_leader_that_is_none_during_a_rollout_is_not_cut_off() {
        let leads = |mut service: Service| {
            service.selector.insert("vault-active".to_owned(), "true".to_owned());
            service
        };
        let vault = |available: i64| {
            let mut vault = workload(of("StatefulSet"));
            vault.pod_labels = [("app".to_owned(), "shop".to_owned())].into();
            (vault.desired, vault.replicas, vault.updated, vault.available) = (3, 3, 3, available);
            vault
        };
        let look = |available: i64| {
            let before = pass_of(&of("StatefulSet"), 900, &[leads(service(1, 1, 9_000, 90_000))], &[]);
            let after = [leads(service(0, 0, 600, 90_000))];
            last(vec![before, pass_of(&of("StatefulSet"), 0, &after, &[vault(available)])], None).0
        };
        assert_eq!(look(2), Green);
        assert_eq!(look(3), Red, "all are there, and nobody leads");
    }

    #[test]
    fn a_role_that_no_pod_has_after_scaling_down_was_not_cut_off() {
        let replicas = |mut service: Service| {
            service.selector.insert("spilo-role".to_owned(), "replica".to_owned());
            service
        };
        let database = |wanted: i64, there: i64| {
            let mut database = workload(of("StatefulSet"));
            database.pod_labels = [("app".to_owned(), "shop".to_owned())].into();
            (database.desired, database.replicas) = (wanted, there);
            (database.updated, database.available) = (there, there);
            database
        };
        let look = |at: i64, ready: usize, set: Workload| {
            pass_of(&of("StatefulSet"), at, &[replicas(service(ready, ready, at + 600, 90_000))], &[set])
        };
        let before = || look(900, 1, database(2, 2));
        assert_eq!(last(vec![before(), look(0, 0, database(1, 1))], None).0, Green);
        assert_eq!(last(vec![before(), look(0, 0, database(2, 2))], None).0, Red, "nobody scaled it");
        let slowly = vec![
            before(),
            look(800, 1, database(1, 2)),
            look(700, 0, database(1, 2)),
            look(600, 0, database(1, 1)),
            look(0, 0, database(1, 1)),
        ];
        assert_eq!(last(slowly, None).0, Green, "it took a while");
        let of_another = Workload { object: ObjectRef::new("StatefulSet", "web", "b"), ..database(1, 1) };
        assert_eq!(last(vec![before(), look(0, 0, of_another)], None).0, Red);
        let goes_first = vec![before(), look(600, 1, database(1, 1)), look(0, 0, database(1, 1))];
        assert_eq!(last(goes_first, None).0, Green, "the leader went, and it took a while to make another");
        let only = vec![look(900, 1, database(1, 1)), look(0, 0, database(1, 1))];
        assert_eq!(last(only, None).0, Red, "there never was another");
        let three = || look(900, 1, database(3, 3));
        assert_eq!(last(vec![three(), look(0, 0, database(2, 2))], None).0, Red, "two have both roles");
        let journalled = before().without_endpoints().expect("read");
        assert_eq!(last(vec![look(0, 0, database(1, 1))], Some(&journalled)).0, Green, "after a restart");
        assert_eq!(last(vec![look(0, 0, database(2, 2))], Some(&journalled)).0, Red);
        // A label that no pod has came into the selector.
        let plain = || {
            let services = [service(1, 1, 9_000, 90_000)];
            pass_of(&of("StatefulSet"), 900, &services, &[database(1, 1)])
        };
        assert_eq!(last(vec![plain(), look(0, 0, database(1, 1))], None).0, Red, "of one pod");
        let written = serde_json::to_string(&plain().without_endpoints()).expect("written");
        let journalled: WithoutEndpoints = serde_json::from_str(&written).expect("read");
        assert_eq!(last(vec![look(0, 0, database(1, 1))], Some(&journalled)).0, Red, "{written}");
        let older = written.replace("selector", "wanted_by").replace("\"wanted\":1", "\"wanted\":2");
        let journalled: WithoutEndpoints = serde_json::from_str(&older).expect("read");
        assert_eq!(last(vec![look(0, 0, database(1, 1))], Some(&journalled)).0, Green, "nobody knows");
    }

    #[test]
    fn a_daemon_set_that_was_changed_and_runs_nowhere_was_cut_off() {
        let at = |generation: i64, desired: i64| {
            let mut set = workload(of("DaemonSet"));
            set.pod_labels = [("app".to_owned(), "shop".to_owned())].into();
            (set.generation, set.observed_generation) = (generation, generation);
            (set.desired, set.replicas, set.updated, set.available) = (desired, desired, desired, desired);
            set
        };
        for (name, after, expected) in
            [("its selector of nodes fits none", at(2, 0), Red), ("its nodes went", at(1, 0), Green)]
        {
            let before = pass_of(&of("DaemonSet"), 900, &[service(2, 2, 9_000, 90_000)], &[at(1, 2)]);
            let now = pass_of(&of("DaemonSet"), 0, &[service(0, 0, 600, 90_000)], &[after]);
            assert_eq!(last(vec![before, now], None).0, expected, "{name}");
        }
        let all =
            |at: i64, set: Workload| pass_of(&of("DaemonSet"), at, &[service(2, 2, 9_000, 90_000)], &[set]);
        let going = Workload { observed_generation: 1, ..at(2, 2) };
        for meanwhile in [going, at(2, 0)] {
            let now = pass_of(&of("DaemonSet"), 0, &[service(0, 0, 600, 90_000)], &[at(2, 0)]);
            let passes = vec![all(900, at(1, 2)), all(700, meanwhile), now];
            assert_eq!(last(passes, None).0, Red, "its pods were still there");
        }
        // Its nodes went long before an image of it was bumped.
        let empty = |at: i64, set: Workload| {
            pass_of(&of("DaemonSet"), at, &[service(0, 0, at + 600, 90_000)], &[set])
        };
        let passes = || vec![all(900, at(1, 2)), empty(700, at(1, 0)), empty(0, at(2, 0))];
        assert_eq!(last(passes(), None).0, Green, "nothing was there to empty");
        let back = vec![all(900, at(1, 2)), empty(700, at(1, 0)), all(600, at(1, 2)), empty(0, at(2, 0))];
        assert_eq!(last(back, None).0, Red, "they had come back");
        // The same after a restart, by what the newest merge wrote down.
        for (journalled, now, expected) in [
            (all(900, at(1, 2)), at(2, 0), Red),
            (all(900, at(1, 2)), at(1, 0), Green),
            (empty(900, at(1, 0)), at(2, 0), Green),
        ] {
            let written = serde_json::to_string(&journalled.without_endpoints()).expect("written");
            let journalled: WithoutEndpoints = serde_json::from_str(&written).expect("read");
            assert_eq!(last(vec![empty(0, now)], Some(&journalled)).0, expected, "{written}");
        }
        let older = r#"{"looked_at": "2026-11-21T11:00:00Z", "services": []}"#;
        assert!(serde_json::from_str::<WithoutEndpoints>(older).expect("read").behind.is_empty());
    }

    #[test]
    fn after_a_restart_the_newest_merge_tells_what_was_answered() {
        let before = |services: &[Service]| pass(1_000, services, &[]).without_endpoints().expect("read");
        let journalled = before(&[service(2, 2, 9_000, 90_000)]);
        let written = serde_json::to_string(&journalled).expect("written");
        assert_eq!(serde_json::from_str::<WithoutEndpoints>(&written).expect("read"), journalled);
        let empty = || pass(0, &[service(0, 0, 600, 90_000)], &[]);
        assert_eq!(last(vec![empty()], Some(&journalled)).0, Red);
        let was_empty = before(&[service(0, 0, 9_000, 90_000)]);
        assert_eq!(last(vec![empty()], Some(&was_empty)).0, Green, "it was empty then");
        let mut unread = empty();
        unread.services = None;
        assert_eq!(
            last(vec![unread, empty()], Some(&journalled)).0,
            Red,
            "it waits for a look that sees Services"
        );
        let unready = pass(900, &[service(0, 1, 950, 90_000)], &[]);
        assert_eq!(last(vec![unready, empty()], Some(&journalled)).0, Red, "it was on its way then");
        let new = pass(0, &[service(0, 0, 600, 601)], &[]);
        assert_eq!(last(vec![new], Some(&journalled)).0, Green, "it came with the merge, or after it");
    }

    #[test]
    fn a_change_that_cuts_its_own_service_off_did_it() {
        let mut answered = Answered::default();
        let mut before = pass(900, &[service(2, 2, 9_000, 90_000)], &[]);
        answered.observe(&mut before, None, GRACE);
        let mut after = pass(0, &[service(0, 0, 600, 90_000)], &[]);
        answered.observe(&mut after, None, GRACE);
        let mut shop = super::super::probes::applications_testing::application("shop");
        shop.resources = vec![crate::cluster::ApplicationResource {
            object: ObjectRef::new("Service", "web", "shop"),
            health: None,
        }];
        let told = attributions(&Baseline::of(&before, &[]), before.began_at, &after, &[Owner::from(&shop)]);
        assert!(matches!(told.values().next(), Some(Attribution::Attributed(_))), "{told:?}");
        assert!(!after.blocking().next().expect("found").is_on_its_way());
    }
}
