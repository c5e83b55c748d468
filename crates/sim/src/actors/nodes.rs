//! Nodes: the kubelets' heartbeats, and what the control plane makes of a missing one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use super::story::Story;
use super::workloads::name_of;
use super::{draw, now, pods, stamp};
use crate::kubernetes::{Event, Kubernetes, LEASE, NODE, POD};

const LEASES: &str = "kube-node-lease";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The kubelet's version at the beginning.
const VERSION: &str = "v1.33.4";

/// The name of the nth node.
pub(crate) fn name(index: usize) -> String {
    format!("node-{:02}", index + 1)
}

/// A node and its lease, as they are at the beginning.
pub(crate) fn build(kubernetes: &Kubernetes, index: usize, control_plane: bool) {
    let name = name(index);
    let mut labels = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
    });
    if control_plane {
        labels["node-role.kubernetes.io/control-plane"] = json!("true");
    }
    let conditions: Vec<Value> = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    .into_iter()
    .map(|(kind, status, reason, message)| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now(), "lastTransitionTime": now()})
    })
    .collect();
    let resources = json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "400Gi"});
    let node = kubernetes.apply(json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": format!("10.42.{index}.0/24"), "podCIDRs": [format!("10.42.{index}.0/24")]},
        "status": {
            "capacity": resources, "allocatable": resources, "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": format!("192.0.2.{}", index + 11)},
                {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {"machineID": name, "systemUUID": name, "bootID": name, "kernelVersion": "6.12.0",
                "osImage": "Linux", "containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": VERSION,
                "kubeProxyVersion": VERSION, "operatingSystem": "linux", "architecture": "amd64"},
        },
    }));
    kubernetes.apply(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": LEASES, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micro_time()},
    }));
    let use_of = draw(0, &[&name]);
    kubernetes.set_node_metrics(
        &name,
        &format!("{}m", 400 + use_of % 1200),
        &format!("{}Mi", 6000 + use_of % 9000),
    );
}

fn micro_time() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The kubelets of all nodes, and the part of the control plane that watches them.
#[derive(Debug)]
pub(crate) struct Nodes {
    kubernetes: Kubernetes,
    story: Arc<Story>,
    heartbeat: Duration,
}

impl Nodes {
    pub(crate) fn new(kubernetes: Kubernetes, story: Arc<Story>, heartbeat: Duration) -> Self {
        Self { kubernetes, story, heartbeat }
    }

    pub(crate) async fn run(self, mut events: Receiver<Event>, stop: CancellationToken) {
        let mut beat = tokio::time::interval(self.heartbeat);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = beat.tick() => self.beat(),
                event = events.recv() => {
                    if let Ok(event) = event && event.kind == NODE {
                        self.taint(&event.object);
                    }
                }
            }
        }
    }

    fn beat(&self) {
        for node in self.kubernetes.list(&NODE, None) {
            let name = name_of(&node);
            if self.story.is_node_silent(name) {
                continue;
            }
            let heartbeat = stamp(Timestamp::now());
            self.kubernetes.update(&NODE, None, name, |node| {
                let conditions = node.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
                for condition in conditions.into_iter().flatten() {
                    condition["lastHeartbeatTime"] = json!(heartbeat);
                }
            });
            self.kubernetes.merge_patch(
                &LEASE,
                Some(LEASES),
                name,
                &json!({"spec": {"renewTime": micro_time()}}),
            );
        }
    }

    /// The taint of a cordoned node follows the cordon.
    fn taint(&self, node: &Value) {
        let cordoned = node["spec"]["unschedulable"] == true;
        let taints = node["spec"]["taints"].as_array();
        let tainted = taints.into_iter().flatten().any(|taint| taint["key"] == UNSCHEDULABLE);
        if cordoned != tainted {
            self.kubernetes.update(&NODE, None, name_of(node), |node| {
                let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
                taints.retain(|taint| taint["key"] != UNSCHEDULABLE);
                if node["spec"]["unschedulable"] == true {
                    taints.push(json!({"key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": now()}));
                }
                node["spec"]["taints"] = json!(taints);
            });
        }
    }
}

/// What the control plane writes when it no longer hears of a node.
pub(crate) fn set_lost(kubernetes: &Kubernetes, name: &str) {
    kubernetes.update(&NODE, None, name, |node| {
        let conditions = node.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            condition["status"] = json!("Unknown");
            condition["reason"] = json!("NodeStatusUnknown");
            condition["message"] = json!("Kubelet stopped posting node status.");
            condition["lastTransitionTime"] = json!(now());
        }
        let taint = |effect| json!({"key": UNREACHABLE, "effect": effect, "timeAdded": now()});
        node["spec"]["taints"] = json!([taint("NoSchedule"), taint("NoExecute")]);
    });
    mark_pods(kubernetes, name, true);
}

/// The kubelet reports again.
pub(crate) fn set_found(kubernetes: &Kubernetes, name: &str) {
    kubernetes.update(&NODE, None, name, |node| {
        let conditions = node.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            let (status, reason, message) = match condition["type"].as_str().unwrap_or_default() {
                "Ready" => ("True", "KubeletReady", "kubelet is posting ready status"),
                "MemoryPressure" => {
                    ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available")
                }
                "DiskPressure" => ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                _ => ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            };
            condition["status"] = json!(status);
            condition["reason"] = json!(reason);
            condition["message"] = json!(message);
            condition["lastTransitionTime"] = json!(now());
            condition["lastHeartbeatTime"] = json!(now());
        }
        node["spec"]["taints"] = json!([]);
    });
    mark_pods(kubernetes, name, false);
}

fn mark_pods(kubernetes: &Kubernetes, node: &str, lost: bool) {
    for pod in kubernetes.list(&POD, None) {
        let started = pod.pointer("/status/containerStatuses/0/ready") == Some(&json!(true));
        if pod["spec"]["nodeName"] == node && started {
            let namespace = pod["metadata"]["namespace"].as_str();
            kubernetes.update(&POD, namespace, name_of(&pod), |pod| pods::set_node_lost(pod, lost));
        }
    }
}
