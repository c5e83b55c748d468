//! What is kept of each kind that a verdict goes by, whether it was listed or watched.
//!
//! A ledger is filled by a list and brought forward by what a watch tells; it does not know which of the two it is. Decides:
//! the same objects make the same ledger, in whatever order and however often they are told, so that a verdict does not
//! depend on how they were read.

use super::pods::PodLedger;
use super::{Condition, ConditionStatus, KeepsWorkload, Node, ObjectRef, Workload, decode};
use jiff::Timestamp;
use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// What is kept of a kind.
pub(super) trait Ledger: Send + 'static {
    /// An object as the API server sends it.
    type Object: DeserializeOwned + Metadata<Ty = ObjectMeta> + Send;
    /// Where the kind is listed and watched.
    const PATH: &'static str;
    /// What a list of it calls itself.
    const LIST: &'static str;

    /// One of the same settings that knows of nothing.
    fn fresh(&self) -> Self;
    /// Takes an object as it is now.
    fn put(&mut self, object: Self::Object, now: Timestamp) -> Result<(), String>;
    /// Forgets an object.
    fn remove(&mut self, object: &ObjectMeta);
    /// Lets go of what need not be kept any more.
    fn tidy(&mut self, now: Timestamp);
}

fn place(object: &ObjectMeta) -> (&str, &str) {
    (object.namespace.as_deref().unwrap_or_default(), object.name.as_deref().unwrap_or_default())
}

impl Ledger for PodLedger {
    type Object = core::Pod;
    const PATH: &'static str = "/api/v1/pods";
    const LIST: &'static str = "PodList";

    fn fresh(&self) -> Self {
        Self::new(self.recent())
    }

    fn put(&mut self, object: core::Pod, now: Timestamp) -> Result<(), String> {
        Self::put(self, decode::pod(object)?, now);
        Ok(())
    }

    fn remove(&mut self, object: &ObjectMeta) {
        let (namespace, name) = place(object);
        Self::remove(self, namespace, name);
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
    const PATH: &'static str = "/api/v1/nodes";
    const LIST: &'static str = "NodeList";

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

    fn remove(&mut self, object: &ObjectMeta) {
        self.nodes.remove(place(object).1);
    }

    fn tidy(&mut self, _now: Timestamp) {}
}

/// Every condition of a node but Ready names something bad.
fn says_no(condition: &Condition) -> bool {
    condition.status == ConditionStatus::False
}

/// A kind of workload.
pub(super) trait WorkloadKind: DeserializeOwned + Metadata<Ty = ObjectMeta> + Send + 'static {
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
    const PATH: &'static str = K::PATH;
    const LIST: &'static str = K::LIST;

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

    fn remove(&mut self, object: &ObjectMeta) {
        let (namespace, name) = place(object);
        self.kept.retain(|kept, _| (kept.namespace.as_str(), kept.name.as_str()) != (namespace, name));
    }

    fn tidy(&mut self, _now: Timestamp) {}
}
