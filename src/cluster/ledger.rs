//! What is kept of each kind that a verdict goes by, whether it was listed or watched.
//!
//! A ledger is filled by a list and brought forward by what a watch tells; it does not know which of the two it is. Decides:
//! the same objects make the same ledger, in whatever order and however often they are told, so that a verdict does not
//! depend on how they were read.

use super::pods::PodLedger;
use super::{Condition, ConditionStatus, KeepsWorkload, Node, ObjectRef, Workload, decode, news};
use jiff::Timestamp;
use k8s_openapi::Metadata as _;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1 as core;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// An object as the API server sends it, as far as every kind is the same.
pub(super) trait Served: DeserializeOwned + Send {
    /// Its version, as the server writes it.
    fn version(&self) -> &str;
    /// Its namespace, empty where it has none, and its name.
    fn place(&self) -> (&str, &str);
}

macro_rules! served {
    ($($kind:ty),*) => {$(
        impl Served for $kind {
            fn version(&self) -> &str {
                self.metadata().resource_version.as_deref().unwrap_or_default()
            }

            fn place(&self) -> (&str, &str) {
                let metadata = self.metadata();
                (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
            }
        }
    )*};
}

served!(core::Pod, core::Node, Deployment, StatefulSet, DaemonSet);

impl Served for Value {
    fn version(&self) -> &str {
        self["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    fn place(&self) -> (&str, &str) {
        let of = |field: &str| self["metadata"][field].as_str().unwrap_or_default();
        (of("namespace"), of("name"))
    }
}

/// How an object of a kind is read, as far as it is judged.
pub(super) type ReadObject<T> = fn(&Value) -> Result<T, String>;

/// What is kept of a kind.
pub(super) trait Ledger: Send + 'static {
    /// An object as the API server sends it.
    type Object: Served;

    /// Where the kind is listed and watched.
    fn path(&self) -> &str;
    /// What a list of it calls itself.
    fn list(&self) -> &str;
    /// One of the same settings that knows of nothing.
    fn fresh(&self) -> Self;
    /// Takes an object as it is now.
    fn put(&mut self, object: Self::Object, now: Timestamp) -> Result<(), String>;
    /// Forgets an object, by its namespace and name.
    fn remove(&mut self, place: (&str, &str));
    /// In a number, how an object stands as far as that is worth a look; none of one that is well or not known.
    fn standing(&self, place: (&str, &str)) -> Option<u64>;
    /// In a number, how all of them stand.
    fn standings(&self) -> u64;
    /// Takes over what one that was filled before remembers, and no list tells.
    fn remember(&mut self, _older: &Self) {}
    /// Lets go of what need not be kept any more.
    fn tidy(&mut self, _now: Timestamp) {}
}

impl Ledger for PodLedger {
    type Object = core::Pod;

    fn path(&self) -> &'static str {
        "/api/v1/pods"
    }

    fn list(&self) -> &'static str {
        "PodList"
    }

    fn fresh(&self) -> Self {
        Self::new(self.recent())
    }

    fn put(&mut self, object: core::Pod, now: Timestamp) -> Result<(), String> {
        Self::put(self, decode::pod(object)?, now);
        Ok(())
    }

    fn remove(&mut self, (namespace, name): (&str, &str)) {
        Self::remove(self, namespace, name);
    }

    fn standing(&self, (namespace, name): (&str, &str)) -> Option<u64> {
        self.kept_one(namespace, name).and_then(news::of_pod)
    }

    fn standings(&self) -> u64 {
        let kept = self.kept();
        news::of_all(kept.iter().map(|pod| ((pod.namespace.as_str(), pod.name.as_str()), news::of_pod(pod))))
    }

    fn remember(&mut self, older: &Self) {
        Self::remember(self, older);
    }

    fn tidy(&mut self, now: Timestamp) {
        Self::tidy(self, now);
    }
}

/// All nodes, each without what says that nothing is wrong: a node has to be known by name, well or not, since pods run on
/// it and its kubelet has to have spoken lately.
#[derive(Debug, Default)]
pub(super) struct NodeLedger {
    nodes: BTreeMap<String, Node>,
}

impl NodeLedger {
    /// Every node, by name.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }
}

impl Ledger for NodeLedger {
    type Object = core::Node;

    fn path(&self) -> &'static str {
        "/api/v1/nodes"
    }

    fn list(&self) -> &'static str {
        "NodeList"
    }

    fn fresh(&self) -> Self {
        Self::default()
    }

    fn put(&mut self, object: core::Node, _now: Timestamp) -> Result<(), String> {
        let mut node = decode::node(object)?;
        node.conditions.retain(|condition| condition.kind == "Ready" || !says_no(condition));
        node.conditions.shrink_to_fit();
        self.nodes.insert(node.name.clone(), node);
        Ok(())
    }

    fn remove(&mut self, (_, name): (&str, &str)) {
        self.nodes.remove(name);
    }

    fn standing(&self, (_, name): (&str, &str)) -> Option<u64> {
        self.nodes.get(name).and_then(news::of_node)
    }

    fn standings(&self) -> u64 {
        news::of_all(self.nodes().map(|node| (("", node.name.as_str()), news::of_node(node))))
    }
}

/// Every condition of a node but Ready names something bad.
fn says_no(condition: &Condition) -> bool {
    condition.status == ConditionStatus::False
}

/// A kind of workload.
pub(super) trait WorkloadKind: Served + 'static {
    /// Where it is listed and watched.
    const PATH: &'static str;
    /// What a list of it calls itself.
    const LIST: &'static str;
    /// In our own words.
    fn read(self) -> Result<Workload, String>;
}

impl WorkloadKind for Deployment {
    const PATH: &'static str = "/apis/apps/v1/deployments";
    const LIST: &'static str = "DeploymentList";
    fn read(self) -> Result<Workload, String> {
        decode::deployment(self)
    }
}

impl WorkloadKind for StatefulSet {
    const PATH: &'static str = "/apis/apps/v1/statefulsets";
    const LIST: &'static str = "StatefulSetList";
    fn read(self) -> Result<Workload, String> {
        decode::stateful_set(self)
    }
}

impl WorkloadKind for DaemonSet {
    const PATH: &'static str = "/apis/apps/v1/daemonsets";
    const LIST: &'static str = "DaemonSetList";
    fn read(self) -> Result<Workload, String> {
        decode::daemon_set(self)
    }
}

/// The workloads of a kind that are not complete, and those which others are judged by: all of one namespace, and whatever
/// else is asked for. Time alone changes nothing about a complete one.
#[derive(Debug)]
pub(super) struct WorkloadLedger<K> {
    always: String,
    besides: KeepsWorkload,
    kept: BTreeMap<ObjectRef, Workload>,
    kind: PhantomData<fn() -> K>,
}

impl<K> WorkloadLedger<K> {
    /// One that knows of no workload, and keeps all of a namespace and others that are to be kept as well.
    pub(super) fn new(always: &str, besides: KeepsWorkload) -> Self {
        Self { always: always.to_owned(), besides, kept: BTreeMap::new(), kind: PhantomData }
    }

    /// What is kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Workload> {
        self.kept.values()
    }
}

impl<K: WorkloadKind> Ledger for WorkloadLedger<K> {
    type Object = K;

    fn path(&self) -> &str {
        K::PATH
    }

    fn list(&self) -> &str {
        K::LIST
    }

    fn fresh(&self) -> Self {
        Self::new(&self.always, self.besides)
    }

    fn put(&mut self, object: K, _now: Timestamp) -> Result<(), String> {
        let workload = object.read()?;
        let judged_by = workload.object.namespace == self.always || (self.besides)(&workload);
        if workload.is_complete() && !judged_by {
            self.kept.remove(&workload.object);
        } else {
            self.kept.insert(workload.object.clone(), workload);
        }
        Ok(())
    }

    fn remove(&mut self, (namespace, name): (&str, &str)) {
        self.kept.retain(|kept, _| (kept.namespace.as_str(), kept.name.as_str()) != (namespace, name));
    }

    fn standing(&self, (namespace, name): (&str, &str)) -> Option<u64> {
        let is_it = |kept: &&Workload| {
            (kept.object.namespace.as_str(), kept.object.name.as_str()) == (namespace, name)
        };
        self.kept().find(is_it).and_then(news::of_workload)
    }

    fn standings(&self) -> u64 {
        news::of_all(self.kept().map(|kept| (&kept.object, news::of_workload(kept))))
    }
}
