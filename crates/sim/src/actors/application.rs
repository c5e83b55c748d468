//! An Argo CD Application as the controller writes it: its parts, built and read. No decision is taken here.

use serde_json::{Value, json};

use super::now;
use crate::kubernetes::{DAEMONSET, DEPLOYMENT, Kubernetes, STATEFULSET};

/// Where Argo CD lives.
pub(crate) const NAMESPACE: &str = "argocd";
/// Asks for a refresh; the controller takes it away when it has done so.
pub(crate) const REFRESH: &str = "argocd.argoproj.io/refresh";
/// How often a sync is tried again.
pub(crate) const RETRY_LIMIT: u64 = 10;

/// A new Application with automated sync.
pub(crate) fn object(name: &str, repository_url: &str, path: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE,
            "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
        "spec": {
            "destination": {"name": "in-cluster", "namespace": name},
            "project": "default",
            "source": {"path": path, "repoURL": repository_url, "targetRevision": "HEAD"},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true},
                "retry": retry(),
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
        },
    })
}

fn retry() -> Value {
    json!({"backoff": {"duration": "1m", "factor": 2, "maxDuration": "16m"}, "limit": RETRY_LIMIT})
}

/// The operation that automated sync asks for.
pub(crate) fn automated_operation(object: &Value, revision: &str) -> Value {
    json!({
        "initiatedBy": {"automated": true},
        "retry": object.pointer("/spec/syncPolicy/retry").cloned().unwrap_or_else(retry),
        "sync": {
            "prune": true, "revision": revision, "source": object["spec"]["source"],
            "syncOptions": object.pointer("/spec/syncPolicy/syncOptions").cloned().unwrap_or_else(|| json!([])),
        },
    })
}

/// What was compared.
pub(crate) fn compared_to(object: &Value) -> Value {
    json!({"destination": object["spec"]["destination"], "source": object["spec"]["source"]})
}

/// Whether Argo CD syncs it by itself.
pub(crate) fn is_automated(object: &Value) -> bool {
    object.pointer("/spec/syncPolicy/automated").is_some_and(Value::is_object)
}

/// Text at a pointer, empty when there is none.
pub(crate) fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The phase of the newest operation.
pub(crate) fn phase(object: &Value) -> &str {
    text(object, "/status/operationState/phase")
}

/// Whether somebody waits for something: a refresh, an operation, the end of one.
pub(crate) fn is_asked(object: &Value) -> bool {
    object["metadata"]["annotations"][REFRESH].is_string()
        || object.get("operation").is_some()
        || phase(object) == "Terminating"
}

/// What became of an operation's objects.
pub(crate) fn sync_result(object: &Value, objects: &[Value], revision: &str, refusal: Option<&str>) -> Value {
    let resources: Vec<Value> = objects
        .iter()
        .map(|applied| {
            let kind = text(applied, "/kind");
            let name = text(applied, "/metadata/name");
            let api = text(applied, "/apiVersion");
            let (group, version) = api.split_once('/').unwrap_or(("", api));
            let workload = group == "apps";
            let mut resource = json!({
                "group": group, "hookPhase": "Running", "kind": kind,
                "message": format!("{}.{group}/{name} serverside-applied", kind.to_lowercase()),
                "name": name, "namespace": applied["metadata"]["namespace"],
                "status": "Synced", "syncPhase": "Sync", "version": version,
            });
            if workload {
                resource["images"] = json!(images(applied));
            }
            if let Some(refusal) = refusal.filter(|_| workload) {
                resource["status"] = json!("SyncFailed");
                resource["hookPhase"] = json!("Failed");
                resource["message"] = json!(refusal);
            }
            resource
        })
        .collect();
    json!({"resources": resources, "revision": revision, "source": object["spec"]["source"]})
}

/// The images of a workload.
pub(crate) fn images(workload: &Value) -> Vec<String> {
    let containers = workload.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let images = containers.into_iter().flatten().filter_map(|container| container["image"].as_str());
    images.map(str::to_owned).collect()
}

/// The inventory, in the controller's order, with whether each object is as the sources say.
pub(crate) fn resources(objects: &[Value], synced: bool) -> Value {
    let resources: Vec<Value> = objects
        .iter()
        .map(|object| {
            let api = text(object, "/apiVersion");
            let (group, version) = api.split_once('/').unwrap_or(("", api));
            let status = if synced || group.is_empty() { "Synced" } else { "OutOfSync" };
            let mut resource = json!({
                "kind": object["kind"], "name": object["metadata"]["name"],
                "namespace": object["metadata"]["namespace"], "status": status, "version": version,
            });
            if !group.is_empty() {
                resource["group"] = json!(group);
            }
            resource
        })
        .collect();
    json!(resources)
}

/// The worst health of the app's workloads, in Argo CD's words.
pub(crate) fn health(kubernetes: &Kubernetes, objects: &[Value]) -> &'static str {
    let mut worst = "Healthy";
    for object in objects {
        let kind = match text(object, "/kind") {
            "Deployment" => DEPLOYMENT,
            "StatefulSet" => STATEFULSET,
            "DaemonSet" => DAEMONSET,
            _ => continue,
        };
        let namespace = text(object, "/metadata/namespace");
        let live = kubernetes.get(&kind, Some(namespace), text(object, "/metadata/name"));
        let health = live.map_or("Missing", |live| workload_health(&live));
        let rank = |health| {
            ["Healthy", "Suspended", "Progressing", "Missing", "Degraded"].iter().position(|h| *h == health)
        };
        if rank(health) > rank(worst) {
            worst = health;
        }
    }
    worst
}

/// One workload, by the rules of Argo CD: a `StatefulSet` or `DaemonSet` never gets Degraded.
pub(crate) fn workload_health(live: &Value) -> &'static str {
    let number = |pointer: &str| live.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    if number("/status/observedGeneration") < number("/metadata/generation") {
        return "Progressing";
    }
    match text(live, "/kind") {
        "Deployment" => {
            let conditions = live["status"]["conditions"].as_array();
            let exceeded = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["reason"] == "ProgressDeadlineExceeded");
            let wanted = live["spec"]["replicas"].as_i64().unwrap_or(1);
            let updated = number("/status/updatedReplicas");
            if live["spec"]["paused"] == true {
                "Suspended"
            } else if exceeded {
                "Degraded"
            } else if updated < wanted
                || number("/status/replicas") > updated
                || number("/status/availableReplicas") < updated
            {
                "Progressing"
            } else {
                "Healthy"
            }
        }
        "StatefulSet" => {
            let wanted = live["spec"]["replicas"].as_i64().unwrap_or(1);
            let settled = number("/status/readyReplicas") >= wanted
                && live["status"]["updateRevision"] == live["status"]["currentRevision"];
            if settled { "Healthy" } else { "Progressing" }
        }
        _ => {
            let wanted = number("/status/desiredNumberScheduled");
            let settled = number("/status/updatedNumberScheduled") >= wanted
                && number("/status/numberAvailable") >= wanted;
            if settled { "Healthy" } else { "Progressing" }
        }
    }
}

/// Sets the health; its time tells the last change.
pub(crate) fn set_health(object: &mut Value, health: &str) {
    if text(object, "/status/health/status") != health {
        object["status"]["health"] = json!({"lastTransitionTime": now(), "status": health});
    }
}

/// Sets, or with no message takes away, a condition.
pub(crate) fn set_condition(object: &mut Value, kind: &str, message: Option<&str>) {
    let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let same = |condition: &Value| {
        condition["type"] == kind && message.is_some_and(|message| condition["message"] == message)
    };
    if conditions.iter().any(same) {
        return;
    }
    conditions.retain(|condition| condition["type"] != kind);
    if let Some(message) = message {
        conditions.push(json!({"lastTransitionTime": now(), "message": message, "type": kind}));
    }
    if let Some(status) = object["status"].as_object_mut() {
        if conditions.is_empty() {
            status.shift_remove("conditions");
        } else {
            status.insert("conditions".into(), json!(conditions));
        }
    }
}

/// Adds a finished sync to the history, which keeps ten.
pub(crate) fn remember(object: &mut Value, revision: &str, started: &str) {
    let mut history = object["status"]["history"].as_array().cloned().unwrap_or_default();
    let id = history.last().and_then(|entry| entry["id"].as_i64()).map_or(0, |id| id + 1);
    history.push(json!({
        "deployStartedAt": started, "deployedAt": now(), "id": id, "initiatedBy": {"automated": true},
        "revision": revision, "source": object["spec"]["source"],
    }));
    if history.len() > 10 {
        history.remove(0);
    }
    object["status"]["history"] = json!(history);
}

/// Takes a top-level or metadata field away.
pub(crate) fn remove(object: &mut Value, parent: &str, field: &str) {
    if let Some(map) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        map.shift_remove(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(status: &Value) -> Value {
        json!({"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status})
    }

    #[test]
    fn the_health_of_a_deployment_follows_its_rollout() {
        let complete =
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        let old =
            json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        let rolling =
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2});
        let stuck = json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2,
            "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]});
        for (status, expected) in
            [(complete, "Healthy"), (old, "Progressing"), (rolling, "Progressing"), (stuck, "Degraded")]
        {
            assert_eq!(workload_health(&deployment(&status)), expected, "{status}");
        }
    }

    #[test]
    fn a_condition_is_set_once_and_taken_away() {
        let mut object = json!({"status": {}});
        set_condition(&mut object, "SyncError", Some("no"));
        set_condition(&mut object, "SyncError", Some("no"));
        assert_eq!(object["status"]["conditions"].as_array().map(Vec::len), Some(1));
        set_condition(&mut object, "SyncError", None);
        assert_eq!(object["status"].get("conditions"), None);
    }
}
