//! Pods: whether each runs, is ready, and lives on a node that is.
//!
//! A phase says little: a pod that crashes, that is being deleted or whose node is lost reads Running. A pod is good
//! when it succeeded, or when it is not being deleted, is Running, is Ready and its node is Ready. A pod that starts is
//! YELLOW for the grace time and RED afterwards; those of Jobs come and go, so their starting is no finding. Why one does not get
//! its volumes is said in Events alone, which are evidence and change no verdict.
//!
//! Of pods that are well a ledger keeps next to nothing. They count as good, and are gone through one by one only where
//! something else is wrong: a node under them, a workload that may be as young as they are, a Job that failed before.

use super::containers::{self, Around};
use super::mounts::{Mounts, Word};
use super::workloads::{judge_held_back, judge_workload};
use super::{age, finding, judged, shortened};
use crate::cluster::{
    Condition, ConditionStatus, Container, ContainerState, Node, ObjectRef, Pod, PodLedger, PodPhase,
    Workload, subject,
};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Restarted, Settings, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// The namespace whose pods belong to the layer System.
const KUBE_SYSTEM: &str = "kube-system";
/// Why a kubelet ended a pod for the sake of its node.
const BY_NODE: [&str; 5] = ["Evicted", "Terminated", "NodeShutdown", "Shutdown", "Preempting"];

/// So many pods of a finding are named.
const NAMES: usize = 3;

/// Everything that the judgement of pods needs.
pub(in crate::health) struct PodsReading<'a> {
    /// All pods.
    pub(in crate::health) pods: &'a PodLedger,
    /// All workloads that are not complete. Others may be among them.
    pub(in crate::health) workloads: &'a [Workload],
    /// All nodes.
    pub(in crate::health) nodes: &'a [Node],
    /// Those of them that somebody works on, and not for too long.
    pub(in crate::health) in_work: &'a HashSet<String>,
    /// What is said of those that wait for a volume.
    pub(in crate::health) mounts: &'a Mounts,
}

/// The answers for kube-system and for everything else.
pub(in crate::health) struct PodsJudged {
    /// kube-system.
    pub(in crate::health) kube_system: ProbeResult,
    /// Everything else.
    pub(in crate::health) others: ProbeResult,
    /// Good and all pods; those that are on their way out as they should be count in neither.
    pub(in crate::health) counts: (usize, usize),
    /// What was started again lately, for whoever remembers more than one look.
    pub(in crate::health) restarted: Vec<Restarted>,
    /// When a pod of each workload that is not complete was last put in another's place.
    pub(in crate::health) replaced: HashMap<ObjectRef, Timestamp>,
}

/// How a pod stands.
enum Standing {
    Good,
    Leaving,
    Trouble(Trouble),
    /// Not good yet, and that is normal.
    Forgiven,
}

pub(super) struct Trouble {
    rule: &'static str,
    verdict: Verdict,
    what: &'static str,
    evidence: String,
    since: Option<Timestamp>,
    listed_only: bool,
    grounds: Grounds,
    /// When the run was made that it is about.
    made_at: Option<Timestamp>,
}

impl Standing {
    /// What came of the way in which a run was made is as old as the run. The rest (that it waits, or is being deleted) is not.
    fn of_run(self, made_at: Option<Timestamp>) -> Self {
        match self {
            Self::Trouble(trouble) if matches!(trouble.rule, "crash-loop" | "job-failed") => {
                Self::Trouble(Trouble { made_at, ..trouble })
            }
            other => other,
        }
    }
}

/// A node, as far as its pods go by it.
#[derive(Clone, Copy)]
struct Home {
    ready: bool,
    /// Whether it says nothing bad of itself besides.
    well: bool,
    /// Whether somebody works on it: it comes back.
    in_work: bool,
    /// Since when it has been ready, or not.
    since: Option<Timestamp>,
}

impl Home {
    fn of(node: &Node, in_work: bool) -> Self {
        let ready = super::condition(&node.conditions, "Ready");
        let bad = |one: &Condition| one.kind != "Ready" && one.status != ConditionStatus::False;
        let ready_now = super::nodes::is_ready(node);
        let well = ready_now && !node.conditions.iter().any(bad);
        Self { ready: ready_now, well, in_work, since: ready.and_then(|ready| ready.since) }
    }
}

struct Scene<'a> {
    nodes: HashMap<&'a str, Home>,
    mounts: &'a Mounts,
    /// The workloads that are not complete.
    open: HashSet<ObjectRef>,
    /// The newest pod of each Job or `CronJob` that succeeded, of those one of whose pods failed.
    succeeded: HashMap<ObjectRef, Timestamp>,
    /// When the oldest pod of each Job was made, of those that are not well: the Job is no younger, however often it tries again.
    runs: HashMap<&'a ObjectRef, Timestamp>,
    now: Timestamp,
    grace: Duration,
    settings: &'a Settings,
}

/// Judges all pods and workloads.
pub(in crate::health) fn judge_pods(
    reading: &PodsReading<'_>,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> PodsJudged {
    let home = |node: &Node| Home::of(node, reading.in_work.contains(&node.name));
    let nodes = reading.nodes.iter().map(|node| (node.name.as_str(), home(node))).collect();
    let open = reading.workloads.iter().filter(|workload| !workload.is_complete());
    let open = open.map(|workload| workload.object.clone()).collect();
    let mounts = reading.mounts;
    let mut scene =
        Scene { nodes, mounts, open, succeeded: HashMap::new(), runs: HashMap::new(), now, grace, settings };
    let mut sides = [Side::new(Probe::KubeSystem), Side::new(Probe::Pods)];
    for (namespace, count) in reading.pods.settled_by_namespace() {
        let side = &mut sides[side_of(namespace)];
        side.good += count;
        side.all += count;
    }
    let kept = reading.pods.kept();
    let open: Vec<&Workload> = reading.workloads.iter().filter(|workload| !workload.is_complete()).collect();
    let mut youngest = Newest::of(open.iter().map(|workload| workload.object.clone()));
    let failed = kept.iter().filter(|pod| pod.phase == PodPhase::Failed && of_job(pod));
    let mut succeeded = Newest::of(failed.map(|pod| subject(pod)));
    let is_lost = |node: &str| !scene.nodes.get(node).is_some_and(|home| home.ready);
    let some_lost = reading.pods.settled_nodes().any(is_lost);
    let mut stranded: BTreeMap<(&ObjectRef, &str), usize> = BTreeMap::new();
    if some_lost || !youngest.is_empty() || !succeeded.is_empty() {
        for pod in reading.pods.settled() {
            youngest.note(pod.workload, pod.created_at);
            match pod.node {
                None => succeeded.note(pod.workload, pod.created_at),
                Some(node) if is_lost(node) => *stranded.entry((pod.workload, node)).or_default() += 1,
                Some(_) => {}
            }
        }
    }
    // One that is being taken away has succeeded as well.
    for pod in kept.iter().filter(|pod| pod.phase == PodPhase::Succeeded) {
        succeeded.note(&subject(pod), pod.created_at);
    }
    scene.succeeded = succeeded.found();
    for (pod, job) in kept.iter().filter_map(|pod| Some((pod, job(pod)?))) {
        if let Some(made) = pod.created_at {
            let oldest = scene.runs.entry(job).or_insert(made);
            *oldest = made.min(*oldest);
        }
    }
    let mut restarted = Vec::new();
    let mut leaving = Vec::new();
    for pod in kept {
        restarted.extend(containers::restarted(pod, &scene.around(pod), reading.pods));
        let object = subject(pod);
        youngest.note(&object, pod.created_at);
        // One that is being taken away, and may be for a while yet, is being replaced.
        if pod.deleted_at.is_some_and(|ends| ends >= now) && scene.open.contains(&object) {
            leaving.push(object.clone());
        }
        let made_at = job(pod).and_then(|job| scene.runs.get(job)).copied();
        sides[side_of(&pod.namespace)].add(object, &pod.name, scene.stand(pod).of_run(made_at));
    }
    for ((object, node), count) in stranded {
        if let Standing::Trouble(trouble) = scene.placed(Some(node)) {
            let side = &mut sides[side_of(&object.namespace)];
            side.good -= count;
            side.trouble(object.clone(), trouble, Affected { names: Vec::new(), count });
        }
    }
    let youngest = youngest.found();
    let mut replaced = youngest.clone();
    replaced.extend(leaving.into_iter().map(|object| (object, now)));
    for workload in open {
        let side = &mut sides[side_of(&workload.object.namespace)];
        let youngest = youngest.get(&workload.object).copied();
        side.findings.extend(judge_workload(side.probe, workload, youngest, now, grace));
    }
    for workload in reading.workloads {
        let side = &mut sides[side_of(&workload.object.namespace)];
        side.findings.extend(judge_held_back(side.probe, workload));
    }
    let counts = (sides[0].good + sides[1].good, sides[0].all + sides[1].all);
    let [kube_system, others] = sides.map(Side::judged);
    PodsJudged { kube_system, others, counts, restarted, replaced }
}

fn side_of(namespace: &str) -> usize {
    usize::from(namespace != KUBE_SYSTEM)
}

/// When the newest pod of each of some workloads was made.
struct Newest {
    wanted: HashSet<ObjectRef>,
    found: HashMap<ObjectRef, Timestamp>,
}

impl Newest {
    fn of(wanted: impl Iterator<Item = ObjectRef>) -> Self {
        Self { wanted: wanted.collect(), found: HashMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    fn note(&mut self, workload: &ObjectRef, created: Option<Timestamp>) {
        if let Some(created) = created
            && self.wanted.contains(workload)
        {
            match self.found.get_mut(workload) {
                Some(newest) => *newest = created.max(*newest),
                None => {
                    self.found.insert(workload.clone(), created);
                }
            }
        }
    }

    fn found(self) -> HashMap<ObjectRef, Timestamp> {
        self.found
    }
}

/// One of the two probes while its pods are gone through.
struct Side {
    probe: Probe,
    good: usize,
    all: usize,
    troubles: BTreeMap<(ObjectRef, &'static str), (Trouble, Affected)>,
    findings: Vec<Finding>,
}

/// The pods of one trouble.
struct Affected {
    /// The names of some of them.
    names: Vec<String>,
    /// How many they are.
    count: usize,
}

impl Side {
    fn new(probe: Probe) -> Self {
        Self { probe, good: 0, all: 0, troubles: BTreeMap::new(), findings: Vec::new() }
    }

    fn add(&mut self, object: ObjectRef, name: &str, standing: Standing) {
        match standing {
            Standing::Leaving => {}
            Standing::Good => {
                self.good += 1;
                self.all += 1;
            }
            Standing::Forgiven => self.all += 1,
            Standing::Trouble(trouble) => {
                self.all += 1;
                self.trouble(object, trouble, Affected { names: vec![name.to_owned()], count: 1 });
            }
        }
    }

    fn trouble(&mut self, object: ObjectRef, trouble: Trouble, pods: Affected) {
        match self.troubles.entry((object, trouble.rule)) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert((trouble, pods));
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                let (known, all) = slot.get_mut();
                all.count += pods.count;
                all.names.extend(pods.names);
                all.names.truncate(NAMES);
                let listed_only = known.listed_only && trouble.listed_only;
                let grounds = std::mem::take(&mut known.grounds).and(&trouble.grounds);
                // One of a run that was made later, or nobody knows when, may be what the others are not.
                let made_at = known.made_at.zip(trouble.made_at).map(|(known, other)| known.max(other));
                // What blocks speaks for what is only listed, then the worst for the others.
                if (known.listed_only, trouble.verdict) > (trouble.listed_only, known.verdict) {
                    *known = trouble;
                }
                known.listed_only = listed_only;
                known.grounds = grounds;
                known.made_at = made_at;
            }
        }
    }

    fn judged(self) -> ProbeResult {
        let mut findings: Vec<Finding> = self
            .troubles
            .into_iter()
            .map(|((object, rule), (trouble, Affected { names, count }))| {
                let pods = if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") };
                let message = format!("{object}: {pods} {}", trouble.what);
                let evidence = match names.join(", ") {
                    none if none.is_empty() => trouble.evidence,
                    shown => format!("{shown}: {}", trouble.evidence),
                };
                let found = finding(self.probe, rule, object, trouble.verdict, message, evidence)
                    .since(trouble.since)
                    .of_run(trouble.made_at)
                    .resting_on(trouble.grounds);
                if trouble.listed_only { found.listed_only() } else { found }
            })
            .collect();
        findings.extend(self.findings);
        judged(self.probe, format!("{} of {} pods good", self.good, self.all), findings)
    }
}

fn claims_of(pod: &Pod) -> Grounds {
    let claim = |name: &String| ObjectRef::new("PersistentVolumeClaim", &pod.namespace, name);
    Grounds::any(pod.claims.iter().map(claim))
}

fn node_object(name: &str) -> ObjectRef {
    ObjectRef::new("Node", "", name)
}

/// The rule of what a kubelet ended for the sake of its node.
const ENDED_BY_NODE: &str = "ended-by-node";

/// Whether a pod was ended for the sake of its node. One that wrote more than itself may was evicted for its own.
fn ended_by_node(pod: &Pod) -> bool {
    let own_limit =
        ["exceeds the limit", "exceeds the total limit", "exceeded its local ephemeral storage limit"];
    BY_NODE.contains(&pod.reason.as_str()) && !own_limit.iter().any(|limit| pod.message.contains(limit))
}

fn job(pod: &Pod) -> Option<&ObjectRef> {
    pod.owner.as_ref().filter(|owner| owner.kind == "Job")
}

fn of_job(pod: &Pod) -> bool {
    job(pod).is_some()
}

/// When a pod that failed did: its last container or, where none is told (an eviction), the newest condition that tells of
/// it; else nobody knows more than when it was made.
fn ended_at(pod: &Pod) -> Option<Timestamp> {
    let said = || {
        let tells = |one: &&Condition| match one.kind.as_str() {
            "DisruptionTarget" => one.status == ConditionStatus::True,
            "Ready" | "ContainersReady" => one.status == ConditionStatus::False,
            _ => false,
        };
        pod.conditions.iter().filter(tells).filter_map(|one| one.since).max()
    };
    let (_, ended) = containers::failed_end(pod);
    ended.or_else(said).or(pod.created_at)
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a Condition> {
    pod.conditions.iter().find(|condition| condition.kind == kind)
}

impl Trouble {
    pub(super) fn new(rule: &'static str, verdict: Verdict, what: &'static str, evidence: String) -> Self {
        let grounds = Grounds::default();
        Self { rule, verdict, what, evidence, since: None, listed_only: false, grounds, made_at: None }
    }

    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn resting_on(self, grounds: Grounds) -> Self {
        Self { grounds, ..self }
    }
}

impl Scene<'_> {
    fn stand(&self, pod: &Pod) -> Standing {
        if let Some(end) = pod.deleted_at {
            let over = age(self.now, end);
            return if over <= self.grace {
                Standing::Leaving
            } else {
                let evidence = format!("its grace period ended {} s ago", over.as_secs());
                let what = "terminating for too long";
                // A pod ends when its kubelet says so, and that of a lost node says nothing.
                Standing::Trouble(
                    Trouble::new("terminating", Verdict::Yellow, what, evidence)
                        .since(Some(end))
                        .resting_on(self.lost_node(pod)),
                )
            };
        }
        match pod.phase {
            PodPhase::Failed => Standing::Trouble(self.failed(pod)),
            PodPhase::Succeeded => Standing::Good,
            PodPhase::Unknown => {
                let evidence = "status.phase is Unknown or none that is known".to_owned();
                Standing::Trouble(Trouble::new(
                    "phase-unknown",
                    Verdict::Unknown,
                    "in a phase that nobody knows",
                    evidence,
                ))
            }
            PodPhase::Pending | PodPhase::Running => self.alive(pod),
        }
    }

    /// A pod that ended badly. Whether its workload serves without it is judged at the workload, so what is left of it
    /// is debris; only a pod that nothing replaces is broken.
    fn failed(&self, pod: &Pod) -> Trouble {
        let node = pod.node.as_deref().filter(|_| ended_by_node(pod));
        let by = node.map_or_else(String::new, |node| format!(", by node {node}"));
        let mut evidence = match pod.reason.as_str() {
            "" => "phase Failed".to_owned(),
            reason => format!("phase Failed, reason {reason}{by}"),
        };
        if !pod.message.is_empty() {
            evidence = format!("{evidence}: {}", shortened(&pod.message));
        }
        let (ended, _) = containers::failed_end(pod);
        if let Some(ended) = ended {
            evidence = format!("{evidence}; {ended}");
        }
        let since = ended_at(pod);
        if of_job(pod) {
            let made_good =
                self.succeeded.get(&subject(pod)).zip(pod.created_at).is_some_and(|(good, bad)| *good > bad);
            let mut trouble = match node {
                Some(node) => Trouble::new(ENDED_BY_NODE, Verdict::Yellow, "ended by its node", evidence)
                    .resting_on(Grounds::any([subject(pod), node_object(node)])),
                // The Job says it as well, and whether it is tried again.
                None => Trouble::new("job-failed", Verdict::Yellow, "failed", evidence)
                    .resting_on(Grounds::each([subject(pod)])),
            };
            if made_good {
                trouble.evidence.push_str("; a later one succeeded");
                trouble.listed_only = true;
            }
            return trouble.since(since);
        }
        let (rule, what) = match (pod.reason.as_str(), node) {
            ("Evicted", _) => ("evicted", "left over after an eviction"),
            (_, Some(_)) => (ENDED_BY_NODE, "left over after their node ended them"),
            (_, None) => ("failed", "failed"),
        };
        let verdict = if pod.owner.is_some() { Verdict::Yellow } else { Verdict::Red };
        let mut trouble = Trouble::new(rule, verdict, what, evidence).since(since);
        trouble.listed_only = self.is_replaced(pod);
        trouble.resting_on(Grounds::each(node.map(node_object)))
    }

    /// Whether what is left of a pod is nothing but that: its workload serves without it, and its node is well again, or gone.
    fn is_replaced(&self, pod: &Pod) -> bool {
        let home = pod.node.as_deref().and_then(|node| self.nodes.get(node));
        let is_over = ended_at(pod).is_some_and(|at| age(self.now, at) > self.grace);
        // Of whatever else makes pods nobody knows whether it serves.
        let workload = subject(pod);
        let is_judged = matches!(workload.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet");
        let serves = pod.owner.is_some() && is_judged && !self.open.contains(&workload);
        serves && is_over && home.is_none_or(|home| home.well)
    }

    /// What the judgement of its containers needs.
    fn around(&self, pod: &Pod) -> Around<'_> {
        let node = pod.node.as_deref();
        let home = node.and_then(|node| self.nodes.get(node)).filter(|home| home.ready);
        // What was made since did not go with the node.
        let was_there = |since: &Timestamp| pod.created_at.is_none_or(|made| made <= *since);
        Around {
            now: self.now,
            grace: self.grace,
            settings: self.settings,
            node_ready_since: home.and_then(|home| home.since).filter(was_there),
            node: node.map(node_object),
            lost_node: self.lost_node(pod),
        }
    }

    fn alive(&self, pod: &Pod) -> Standing {
        let ready = condition(pod, "Ready");
        let is_ready = ready.is_some_and(|ready| ready.status == ConditionStatus::True);
        let around = self.around(pod);
        if let Some(trouble) = containers::broken(pod, is_ready, &around) {
            return Standing::Trouble(trouble);
        }
        if pod.phase == PodPhase::Running && is_ready {
            return match (self.placed(pod.node.as_deref()), containers::restless(pod, &around)) {
                (Standing::Good, Some(trouble)) => Standing::Trouble(trouble),
                (standing, _) => standing,
            };
        }
        if let Some(scheduled) = condition(pod, "PodScheduled")
            && scheduled.status == ConditionStatus::False
        {
            let since = scheduled.since.or(pod.created_at);
            let evidence = format!("{}: {}", scheduled.reason, scheduled.message);
            // A claim that waits for its pod is no reason why the pod has no node, unless the scheduler says so.
            let claims = if scheduled.message.to_ascii_lowercase().contains("persistentvolumeclaim") {
                claims_of(pod)
            } else {
                Grounds::default()
            };
            return self.starting(pod, "unschedulable", "without a node", (evidence, claims), since);
        }
        // A lost node's controller sets Ready to False as well, and the node says it better.
        if pod.phase == PodPhase::Running
            && let Standing::Trouble(trouble) = self.placed(pod.node.as_deref())
        {
            return Standing::Trouble(trouble);
        }
        let since = ready.and_then(|ready| ready.since).or(pod.created_at);
        let evidence = match ready {
            Some(ready) => format!("phase {:?}, Ready is {:?} {}", pod.phase, ready.status, ready.reason),
            None => format!("phase {:?}, no condition Ready", pod.phase),
        };
        let mut evidence = evidence;
        for end in containers::ends(pod) {
            evidence = format!("{evidence}; {end}");
        }
        // What a Job does takes as long as it takes, also in an init container, or in one of several. Where one failed, what still
        // runs is a sidecar's.
        let runs = |one: &Container| matches!(one.state, ContainerState::Running { .. });
        let failed = |one: &Container| matches!(one.state, ContainerState::Terminated { exit_code, .. } if exit_code != 0);
        let works = || pod.containers.iter().any(runs) && !pod.containers.iter().any(failed);
        if of_job(pod) && works() && matches!(self.placed(pod.node.as_deref()), Standing::Good) {
            return Standing::Forgiven;
        }
        let missing = self.missing(pod);
        let (what, evidence) = match self.mounts.word(pod, self.now) {
            Some(Word { what, evidence: said }) => (what, format!("{evidence}; {said}")),
            None => ("not ready", evidence),
        };
        self.starting(pod, "not-ready", what, (evidence, missing), since)
    }

    /// A pod that may just be starting: forgiven for the grace time.
    fn starting(
        &self,
        pod: &Pod,
        rule: &'static str,
        what: &'static str,
        (evidence, grounds): (String, Grounds),
        since: Option<Timestamp>,
    ) -> Standing {
        let in_grace = since.is_some_and(|since| age(self.now, since) <= self.grace);
        if in_grace && of_job(pod) {
            return Standing::Forgiven;
        }
        let verdict = if in_grace { Verdict::Yellow } else { Verdict::Red };
        Standing::Trouble(Trouble::new(rule, verdict, what, evidence).since(since).resting_on(grounds))
    }

    /// The node of a pod, where that is lost.
    fn lost_node(&self, pod: &Pod) -> Grounds {
        let lost = pod.node.as_deref().filter(|node| self.nodes.get(node).is_some_and(|home| !home.ready));
        Grounds::each(lost.map(node_object))
    }

    /// What a pod that cannot start may lack: its node or, before it runs, one of its claims.
    fn missing(&self, pod: &Pod) -> Grounds {
        let node = self.lost_node(pod);
        if pod.phase != PodPhase::Pending || node != Grounds::default() {
            return node;
        }
        claims_of(pod)
    }

    /// Whether the node of a pod lives. A pod that was bound after its node was lost stays Ready.
    fn placed(&self, node: Option<&str>) -> Standing {
        match node.map(|node| (node, self.nodes.get(node))) {
            Some((_, Some(home))) if home.ready => Standing::Good,
            Some((node, Some(home))) => {
                let evidence = format!("node {node} is not ready");
                let (verdict, what) = if home.in_work {
                    (Verdict::Yellow, "on a node that somebody works on")
                } else {
                    (Verdict::Red, "on a node that is lost")
                };
                Standing::Trouble(
                    Trouble::new("node-not-ready", verdict, what, evidence)
                        .since(home.since)
                        .resting_on(Grounds::each([node_object(node)])),
                )
            }
            Some((node, None)) => {
                let evidence = format!("node {node} is not among the nodes");
                Standing::Trouble(Trouble::new(
                    "node-unknown",
                    Verdict::Unknown,
                    "on a node that nobody knows",
                    evidence,
                ))
            }
            None => {
                let evidence = "no spec.nodeName".to_owned();
                Standing::Trouble(Trouble::new(
                    "node-unknown",
                    Verdict::Unknown,
                    "on a node that nobody knows",
                    evidence,
                ))
            }
        }
    }
}

#[cfg(test)]
#[path = "pods_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "forgotten_tests.rs"]
mod forgotten;
