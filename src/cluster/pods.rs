//! What is kept of all pods: those that are not well, and next to nothing of the others.
//!
//! Decides what "well" may mean where a pod is forgotten: nothing but a change of the pod itself, or of its node, could make
//! it anything but good. Time alone may make a kept pod well and never a forgotten one unwell, so no clock has to come back
//! to it. Of a forgotten pod its workload, its node and its age stay, some fifty bytes: its node may be lost without a word
//! about the pod, a workload that waits is as young as its youngest pod, and a change of it has to find what was counted.
//!
//! One thing outlives a pod's being well: how often its containers had been started again until then. Nothing that the pod says
//! later tells it, and without it nobody knows how many of the restarts of an old pod are new. It is remembered of pods that ever were started
//! again, and of those that are kept; it changes what is known of the past, never what a pod is.

use super::{ConditionStatus, ContainerState, ObjectRef, Pod, PodPhase};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// A pod's namespace and name, hashed twice with keys of our own: nobody can choose two names that meet, and chance does not.
type Key = (u64, u64);

/// What is known of the pods of a cluster.
#[derive(Debug)]
pub(crate) struct PodLedger {
    /// How long the end of a container may be of interest.
    recent: Duration,
    hashers: (RandomState, RandomState),
    kept: HashMap<Key, Pod>,
    settled: HashMap<Key, Settled>,
    /// How often the containers of a pod had been started again when it was well last. Of one that is well now there is none
    /// where none of them ever was; of one that is kept there is none where it is not known.
    calm: HashMap<Key, Calm>,
    /// Each workload and node that a settled pod names, once.
    workloads: HashSet<Arc<ObjectRef>>,
    nodes: HashSet<Arc<str>>,
    /// How many are settled in each namespace...
    by_namespace: BTreeMap<String, usize>,
    /// ...and run on each node.
    by_node: HashMap<Arc<str>, usize>,
}

/// What stays of a pod that is well.
#[derive(Debug)]
struct Settled {
    workload: Arc<ObjectRef>,
    /// Where it runs; none once it has finished, where it matters no more.
    node: Option<Arc<str>>,
    /// In seconds, as the API has it.
    created: Option<u32>,
}

/// How often the containers of a pod, in their order, had been started again; those that are not told never were.
#[derive(Debug, Clone)]
struct Calm {
    /// Of the pod that was made then, and of no other of its name.
    created: Option<u32>,
    counts: Box<[u32]>,
}

/// A pod that is well, as far as it is still known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SettledPod<'a> {
    /// What a person would mend.
    pub(crate) workload: &'a ObjectRef,
    /// Where it runs; none for one that has finished.
    pub(crate) node: Option<&'a str>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
}

impl PodLedger {
    /// One that knows of no pod. `recent` is how long the end of a container may be of interest to whoever reads it.
    pub(crate) fn new(recent: Duration) -> Self {
        Self {
            recent,
            hashers: (RandomState::new(), RandomState::new()),
            kept: HashMap::new(),
            settled: HashMap::new(),
            calm: HashMap::new(),
            workloads: HashSet::new(),
            nodes: HashSet::new(),
            by_namespace: BTreeMap::new(),
            by_node: HashMap::new(),
        }
    }

    /// How long the end of a container is of interest here.
    pub(super) fn recent(&self) -> Duration {
        self.recent
    }

    /// The pods that are not well or may not stay so, by namespace and name.
    pub(crate) fn kept(&self) -> Vec<&Pod> {
        let mut kept: Vec<&Pod> = self.kept.values().collect();
        kept.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
        kept
    }

    /// The pod of that name where it is one of these.
    pub(super) fn kept_one(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.kept.get(&self.key(namespace, name))
    }

    /// How many other pods each namespace has.
    pub(crate) fn settled_by_namespace(&self) -> impl Iterator<Item = (&str, usize)> {
        self.by_namespace.iter().map(|(namespace, count)| (namespace.as_str(), *count))
    }

    /// The nodes on which they run.
    pub(crate) fn settled_nodes(&self) -> impl Iterator<Item = &str> {
        self.by_node.keys().map(AsRef::as_ref)
    }

    /// Each of them. There may be many: for who looks for the few that a trouble elsewhere concerns.
    pub(crate) fn settled(&self) -> impl Iterator<Item = SettledPod<'_>> {
        self.settled.values().map(|pod| SettledPod {
            workload: &pod.workload,
            node: pod.node.as_deref(),
            created_at: pod.created.and_then(|second| Timestamp::from_second(i64::from(second)).ok()),
        })
    }

    /// The workload of the pod of that name; none of one that is not known.
    pub(crate) fn workload(&self, namespace: &str, name: &str) -> Option<ObjectRef> {
        let key = self.key(namespace, name);
        let settled = || self.settled.get(&key).map(|pod| ObjectRef::clone(&pod.workload));
        self.kept.get(&key).map(subject).or_else(settled)
    }

    /// Takes a pod as it is now, whatever was known of it.
    pub(crate) fn put(&mut self, pod: Pod, now: Timestamp) {
        let calm = self.calm_of(&pod);
        self.remove(&pod.namespace, &pod.name);
        let key = self.key(&pod.namespace, &pod.name);
        match standing(&pod, now, self.recent) {
            Standing::Open => {
                if let Some(calm) = calm {
                    self.calm.insert(key, calm);
                }
                self.kept.insert(key, pod);
            }
            Standing::Running(node) => {
                if pod.containers.iter().any(|container| container.restarts > 0) {
                    let counts = pod.containers.iter().map(|container| container.restarts).collect();
                    self.calm.insert(key, Calm { created: seconds(pod.created_at), counts });
                }
                let node = share(&mut self.nodes, node);
                *self.by_node.entry(Arc::clone(&node)).or_default() += 1;
                self.settle(key, &pod, Some(node));
            }
            Standing::Finished => self.settle(key, &pod, None),
        }
    }

    fn settle(&mut self, key: Key, pod: &Pod, node: Option<Arc<str>>) {
        let workload = subject(pod);
        let workload = if let Some(known) = self.workloads.get(&workload) {
            Arc::clone(known)
        } else {
            let workload = Arc::new(workload);
            self.workloads.insert(Arc::clone(&workload));
            workload
        };
        self.settled.insert(key, Settled { workload, node, created: seconds(pod.created_at) });
        match self.by_namespace.get_mut(&pod.namespace) {
            Some(count) => *count += 1,
            None => {
                self.by_namespace.insert(pod.namespace.clone(), 1);
            }
        }
    }

    /// How often each container of a pod had been started again when the pod was well last: none of them had ended lately
    /// then. None where that is not known.
    pub(crate) fn calm(&self, pod: &Pod) -> Option<impl Fn(usize) -> u32 + use<>> {
        let Calm { counts, .. } = self.calm_of(pod)?;
        Some(move |container: usize| counts.get(container).copied().unwrap_or(0))
    }

    fn calm_of(&self, pod: &Pod) -> Option<Calm> {
        let (key, created) = (self.key(&pod.namespace, &pod.name), seconds(pod.created_at));
        let settled =
            || self.settled.get(&key).map(|known| Calm { created: known.created, counts: [].into() });
        self.calm.get(&key).cloned().or_else(settled).filter(|known| known.created == created)
    }

    /// Takes over what another ledger of the same pods remembers of the time before this one.
    pub(crate) fn remember(&mut self, other: &Self) {
        let known: Vec<(Key, Calm)> = self
            .kept
            .iter()
            .filter(|(key, _)| !self.calm.contains_key(*key))
            .filter_map(|(key, pod)| Some((*key, other.calm_of(pod)?)))
            .collect();
        self.calm.extend(known);
    }

    /// Takes a pod and keeps it whatever it says: what a verdict would be if nothing were forgotten.
    #[cfg(test)]
    pub(crate) fn keep(&mut self, pod: Pod) {
        self.kept.insert(self.key(&pod.namespace, &pod.name), pod);
    }

    /// Forgets a pod that is gone.
    pub(crate) fn remove(&mut self, namespace: &str, name: &str) {
        let key = self.key(namespace, name);
        self.calm.remove(&key);
        if self.kept.remove(&key).is_some() {
            return;
        }
        let Some(settled) = self.settled.remove(&key) else { return };
        if let Some(count) = self.by_namespace.get_mut(namespace) {
            *count -= 1;
            if *count == 0 {
                self.by_namespace.remove(namespace);
            }
        }
        if let Some(node) = settled.node
            && let Some(count) = self.by_node.get_mut(&node)
        {
            *count -= 1;
            if *count == 0 {
                self.by_node.remove(&node);
            }
        }
    }

    /// Lets go of what time has made well, and of names that nobody uses any more.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        let recent = self.recent;
        let well: Vec<Key> = self
            .kept
            .iter()
            .filter(|(_, pod)| !matches!(standing(pod, now, recent), Standing::Open))
            .map(|(key, _)| *key)
            .collect();
        for key in well {
            if let Some(pod) = self.kept.remove(&key) {
                self.put(pod, now);
            }
        }
        self.workloads.retain(|workload| Arc::strong_count(workload) > 1);
        let by_node = &self.by_node;
        self.nodes.retain(|node| by_node.contains_key(node));
    }

    fn key(&self, namespace: &str, name: &str) -> Key {
        let pod = (namespace, name);
        (self.hashers.0.hash_one(pod), self.hashers.1.hash_one(pod))
    }
}

/// A moment as the API has it.
fn seconds(at: Option<Timestamp>) -> Option<u32> {
    at.and_then(|at| u32::try_from(at.as_second()).ok())
}

fn share(known: &mut HashSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = known.get(text) {
        return Arc::clone(known);
    }
    let text: Arc<str> = text.into();
    known.insert(Arc::clone(&text));
    text
}

/// Whether a pod has to be kept.
enum Standing<'a> {
    /// It is not well, or time might make it unwell.
    Open,
    /// It runs and serves on this node.
    Running(&'a str),
    /// It has done its work.
    Finished,
}

fn standing(pod: &Pod, now: Timestamp, recent: Duration) -> Standing<'_> {
    match (pod.phase, pod.deleted_at, &pod.node) {
        // One that is to go and does not is held by something: that has to be seen.
        (PodPhase::Succeeded, None, _) => Standing::Finished,
        (PodPhase::Running, None, Some(node)) if is_ready(pod) && !is_restless(pod, now, recent) => {
            Standing::Running(node)
        }
        (
            PodPhase::Succeeded
            | PodPhase::Pending
            | PodPhase::Running
            | PodPhase::Failed
            | PodPhase::Unknown,
            ..,
        ) => Standing::Open,
    }
}

fn is_ready(pod: &Pod) -> bool {
    let ready = pod.conditions.iter().find(|condition| condition.kind == "Ready");
    ready.is_some_and(|ready| ready.status == ConditionStatus::True)
}

/// Whether a container waits, has ended where it should run, or was started again not long ago.
fn is_restless(pod: &Pod, now: Timestamp, recent: Duration) -> bool {
    pod.containers.iter().any(|container| match &container.state {
        ContainerState::Waiting { .. } => true,
        // An init container that has done its work rests.
        ContainerState::Terminated { exit_code, .. } => !container.init || *exit_code != 0,
        ContainerState::Running { .. } | ContainerState::Unknown => {
            container.restarts > 0 && !ended_before(container.last_state.as_ref(), now, recent)
        }
    })
}

/// Whether it is known that a container ended, and that this was longer ago.
fn ended_before(last: Option<&ContainerState>, now: Timestamp, recent: Duration) -> bool {
    match last {
        Some(ContainerState::Terminated { finished_at: Some(end), .. }) => {
            Duration::try_from(now.duration_since(*end)).is_ok_and(|old| old > recent)
        }
        _ => false,
    }
}

/// What a pod's trouble hangs on: the workload that a person would mend.
pub(crate) fn subject(pod: &Pod) -> ObjectRef {
    let hash = pod.labels.get("pod-template-hash").map(String::as_str);
    let workload = pod.owner.as_ref().and_then(|owner| workload_of(owner, hash));
    workload.unwrap_or_else(|| ObjectRef::new("Pod", &pod.namespace, &pod.name))
}

/// The workload behind the controller of a pod with this `pod-template-hash`; none of a static pod, which belongs to its
/// node and is mended as a pod.
pub(crate) fn workload_of(owner: &ObjectRef, hash: Option<&str>) -> Option<ObjectRef> {
    let renamed = |kind: &str, name: &str| ObjectRef::new(kind, &owner.namespace, name);
    let made_by = match owner.kind.as_str() {
        "Node" => return None,
        "ReplicaSet" => hash
            .filter(|hash| !hash.is_empty())
            .and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'))
            .map(|name| renamed("Deployment", name)),
        // A CronJob names its Jobs by the minute of their schedule.
        "Job" => owner
            .name
            .rsplit_once('-')
            .filter(|(_, minute)| minute.len() == 8 && minute.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|(name, _)| renamed("CronJob", name)),
        _ => None,
    };
    Some(made_by.unwrap_or_else(|| owner.clone()))
}
