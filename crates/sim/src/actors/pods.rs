//! A pod as the API shows it at each stage of its life.

use serde_json::{Value, json};

use super::now;

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Bound; its image is being fetched.
    Creating,
    /// Its container runs and is not ready.
    Starting,
    /// It serves.
    Ready,
    /// Its container ends as soon as it starts.
    Crashing {
        /// How often it was started again.
        restarts: u32,
    },
}

/// What identifies a new pod and its owner.
#[derive(Debug)]
pub(crate) struct NewPod<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) owner_kind: &'a str,
    pub(crate) owner: &'a Value,
    pub(crate) node: &'a str,
    pub(crate) template: &'a Value,
    /// Labels of the controller's own: the hash of the template, the name of the pod.
    pub(crate) labels: &'a [(&'a str, &'a str)],
}

impl NewPod<'_> {
    /// The object at its first stage.
    pub(crate) fn object(&self, stage: Stage) -> Value {
        let mut metadata = self.template.get("metadata").cloned().unwrap_or_else(|| json!({}));
        metadata["name"] = json!(self.name);
        metadata["namespace"] = json!(self.namespace);
        for (label, value) in self.labels {
            metadata["labels"][*label] = json!(value);
        }
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": self.owner_kind,
            "name": self.owner["metadata"]["name"], "uid": self.owner["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true,
        }]);
        let mut spec = self.template.get("spec").cloned().unwrap_or_else(|| json!({}));
        spec["nodeName"] = json!(self.node);
        spec["restartPolicy"] = json!("Always");
        spec["serviceAccountName"] = json!("default");
        spec["terminationGracePeriodSeconds"] = json!(30);
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        set_stage(&mut pod, stage);
        pod
    }
}

/// The tag of the first container's image.
pub(crate) fn image_version(pod: &Value) -> &str {
    let image = pod.pointer("/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default();
    let tag = image.rsplit_once(':').map(|(_, tag)| tag).unwrap_or_default();
    tag.split('@').next().unwrap_or_default()
}

/// Whether the pod serves.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether its deletion was asked for.
pub(crate) fn is_terminating(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_some()
}

/// Writes the status of a stage; conditions keep the time of their last change.
pub(crate) fn set_stage(pod: &mut Value, stage: Stage) {
    let previous = pod.pointer("/status/conditions").cloned().unwrap_or(Value::Null);
    let started = pod.pointer("/status/startTime").cloned().unwrap_or_else(|| json!(now()));
    let ready = stage == Stage::Ready;
    let containers: Vec<Value> = pod
        .pointer("/spec/containers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|container| container_status(container, stage))
        .collect();
    let names: Vec<&str> = containers.iter().filter_map(|container| container["name"].as_str()).collect();
    let condition = |kind: &str, holds: bool| {
        let status = if holds { "True" } else { "False" };
        let known = previous.as_array().into_iter().flatten().find(|known| known["type"] == kind);
        let since = known
            .filter(|known| known["status"] == status)
            .map_or_else(|| json!(now()), |known| known["lastTransitionTime"].clone());
        let mut condition =
            json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
        if !holds {
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!(format!("containers with unready status: [{}]", names.join(" ")));
        }
        condition
    };
    let conditions = json!([
        condition("PodReadyToStartContainers", stage != Stage::Creating),
        condition("Initialized", true),
        condition("Ready", ready),
        condition("ContainersReady", ready),
        condition("PodScheduled", true),
    ]);
    let phase = if stage == Stage::Creating { "Pending" } else { "Running" };
    let address = address(pod);
    pod["status"] = json!({
        "phase": phase,
        "conditions": conditions,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": started,
        "containerStatuses": containers,
        "qosClass": "BestEffort",
    });
}

/// What the control plane writes when the node of the pod is lost: its containers still read ready.
pub(crate) fn set_node_lost(pod: &mut Value, lost: bool) {
    let Some(conditions) = pod.pointer_mut("/status/conditions").and_then(Value::as_array_mut) else {
        return;
    };
    for condition in conditions.iter_mut().filter(|condition| condition["type"] == "Ready") {
        let status = if lost { "False" } else { "True" };
        if condition["status"] != status {
            condition["status"] = json!(status);
            condition["lastTransitionTime"] = json!(now());
        }
    }
}

fn address(pod: &Value) -> String {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let number = super::draw(0, &[name]);
    format!("10.42.{}.{}", number % 200, (number >> 16) % 250 + 1)
}

fn container_status(container: &Value, stage: Stage) -> Value {
    let image = container["image"].as_str().unwrap_or_default();
    let digest = format!("{:016x}", super::draw(0, &[image])).repeat(4);
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    let id = format!("containerd://{digest}");
    let (doing, restarts, last) = match stage {
        Stage::Creating => (json!({"waiting": {"reason": "ContainerCreating"}}), 0, json!({})),
        Stage::Starting | Stage::Ready => (json!({"running": {"startedAt": now()}}), 0, json!({})),
        Stage::Crashing { restarts } => {
            let name = container["name"].as_str().unwrap_or_default();
            let message = format!("back-off restarting failed container={name}");
            (
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}),
                restarts,
                json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": now(), "finishedAt": now(),
                    "containerID": id}}),
            )
        }
    };
    json!({
        "name": container["name"], "state": doing, "lastState": last, "ready": stage == Stage::Ready,
        "restartCount": restarts, "image": image, "imageID": format!("{repository}@sha256:{digest}"),
        "containerID": id, "started": matches!(stage, Stage::Starting | Stage::Ready),
    })
}
