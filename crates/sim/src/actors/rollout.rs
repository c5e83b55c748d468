//! One step of a rollout, for each kind of workload: which pod to make, which to end, and what the status says.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::pods;
use super::workloads::{Key, PodName, Progress, Workloads, name_of};
use super::{draw, now, suffix};
use crate::kubernetes::{DAEMONSET, DEPLOYMENT, NODE, REPLICASET, STATEFULSET};

/// The hash of a pod template, as it stands in names and labels.
fn template_hash(object: &Value) -> String {
    suffix(draw(0, &[&object["spec"]["template"].to_string()]), 10)
}

fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn count(pods: &[&Arc<Value>]) -> i64 {
    i64::try_from(pods.len()).unwrap_or(i64::MAX)
}

fn ready(pods: &[&Arc<Value>]) -> i64 {
    i64::try_from(pods.iter().filter(|pod| pods::is_ready(pod)).count()).unwrap_or(i64::MAX)
}

fn label<'v>(pod: &'v Value, label: &str) -> &'v str {
    pod["metadata"]["labels"][label].as_str().unwrap_or_default()
}

impl Workloads {
    pub(crate) fn deployment(&mut self, key: &Key, object: &Value, all: &[Arc<Value>]) {
        let wanted = replicas(object);
        let hash = template_hash(object);
        let alive: Vec<&Arc<Value>> = all.iter().filter(|pod| !pods::is_terminating(pod)).collect();
        let (new, old): (Vec<&Arc<Value>>, Vec<&Arc<Value>>) =
            alive.iter().copied().partition(|pod| label(pod, "pod-template-hash") == hash);
        let recreate = object["spec"]["strategy"]["type"] == "Recreate";
        let paused = object["spec"]["paused"] == true;
        let set = self.replica_set(key, object, &hash, wanted);
        if !paused {
            let surge = i64::from(!recreate && !old.is_empty());
            let room = if recreate { all.len() == new.len() } else { count(&alive) < wanted + surge };
            if count(&new) < wanted && room {
                let prefix = format!("{}-{hash}", key.name);
                let template = &object["spec"]["template"];
                self.make_pod(key, &set, template, PodName::Prefix(&prefix), &[("pod-template-hash", &hash)]);
                self.wake_after(key, 0.0);
            }
            let surplus = new.iter().skip(usize::try_from(wanted.max(0)).unwrap_or_default());
            // Old pods that do not serve go first; of those that do, only as many as new ones have come to serve.
            let mut old_sorted = old.clone();
            old_sorted.sort_by_key(|pod| pods::is_ready(pod));
            let mut serving = ready(&alive);
            let mut ending: Vec<&Arc<Value>> = surplus.copied().collect();
            for pod in old_sorted {
                if recreate || !pods::is_ready(pod) {
                    ending.push(pod);
                } else if serving > wanted {
                    serving -= 1;
                    ending.push(pod);
                }
            }
            for pod in ending {
                self.end_pod(key, pod);
            }
        }
        self.deployment_status(key, object, &hash, &new, &alive, paused);
    }

    fn replica_set(&self, key: &Key, object: &Value, hash: &str, wanted: i64) -> Value {
        let name = format!("{}-{hash}", key.name);
        let known = self.kubernetes.get(&REPLICASET, Some(&key.namespace), &name);
        if let Some(known) = &known
            && known["spec"]["replicas"] == json!(wanted)
        {
            return known.clone();
        }
        let mut template = object["spec"]["template"].clone();
        template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
        self.kubernetes.apply(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": key.namespace,
                "labels": template["metadata"]["labels"],
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": key.name,
                    "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true}]},
            "spec": {"replicas": wanted,
                "selector": {"matchLabels": {"pod-template-hash": hash}}, "template": template},
        }))
    }

    fn deployment_status(
        &mut self,
        key: &Key,
        object: &Value,
        hash: &str,
        new: &[&Arc<Value>],
        alive: &[&Arc<Value>],
        paused: bool,
    ) {
        let wanted = replicas(object);
        let (total, updated, available) = (count(alive), count(new), ready(alive));
        let complete = updated == wanted && total == wanted && available == wanted;
        let was_complete = object["status"]["conditions"].as_array().into_iter().flatten().any(|condition| {
            condition["type"] == "Progressing" && condition["reason"] == "NewReplicaSetAvailable"
        }) && label_of_progress(object) == format!("{}-{hash}", key.name);
        let state = (hash.to_owned(), total, updated, available);
        let since = match self.progress.get(key) {
            Some(progress) if progress.state == state => progress.since,
            _ => Instant::now(),
        };
        self.progress.insert(key.clone(), Progress { state, since });
        let deadline =
            since + self.speed.seconds(object["spec"]["progressDeadlineSeconds"].as_f64().unwrap_or(600.0));
        let set = format!("{}-{hash}", key.name);
        let (progressing, reason, message) = if paused {
            ("Unknown", "DeploymentPaused", "Deployment is paused".to_owned())
        } else if complete || was_complete {
            ("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{set}\" has successfully progressed."))
        } else if Instant::now() >= deadline {
            ("False", "ProgressDeadlineExceeded", format!("ReplicaSet \"{set}\" has timed out progressing."))
        } else {
            self.wake_at(key, deadline);
            ("True", "ReplicaSetUpdated", format!("ReplicaSet \"{set}\" is progressing."))
        };
        // A quarter of the pods may be missing, rounded down: the default of the real thing.
        let enough = available >= wanted - wanted / 4;
        let (is_available, why, words) = if enough {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        let conditions = json!([
            condition(object, "Available", is_available, why, words),
            condition(object, "Progressing", progressing, reason, &message),
        ]);
        let status = json!({
            "observedGeneration": object["metadata"]["generation"],
            "replicas": total, "updatedReplicas": updated, "readyReplicas": available,
            "availableReplicas": available, "unavailableReplicas": (wanted - available).max(0),
            "terminatingReplicas": 0, "conditions": conditions,
        });
        self.kubernetes.update(&DEPLOYMENT, Some(&key.namespace), &key.name, |object| {
            object["status"] = status;
        });
    }

    pub(crate) fn stateful_set(&mut self, key: &Key, object: &Value, all: &[Arc<Value>]) {
        let wanted = replicas(object);
        let revision = format!("{}-{}", key.name, template_hash(object));
        let parallel = object["spec"]["podManagementPolicy"] == "Parallel";
        let named = |index: i64| all.iter().find(|pod| name_of(pod) == format!("{}-{index}", key.name));
        let mut settled = true;
        for index in 0..wanted {
            match named(index) {
                None => {
                    let name = format!("{}-{index}", key.name);
                    let mut template = object["spec"]["template"].clone();
                    mount_claims(object, &mut template, &name);
                    let labels = [
                        ("controller-revision-hash", revision.as_str()),
                        ("statefulset.kubernetes.io/pod-name", name.as_str()),
                    ];
                    self.make_pod(key, object, &template, PodName::Whole(&name), &labels);
                    self.wake_after(key, 0.0);
                    settled = false;
                }
                Some(pod) if pods::is_terminating(pod) || !pods::is_ready(pod) => settled = false,
                Some(_) => {}
            }
            // In order: the next one waits for this one, for ever when it never gets ready.
            if !settled && !parallel {
                break;
            }
        }
        if settled || parallel {
            let outdated = (0..wanted)
                .rev()
                .filter_map(named)
                .find(|pod| !pods::is_terminating(pod) && label(pod, "controller-revision-hash") != revision);
            if let Some(pod) = outdated {
                self.end_pod(key, pod);
            }
        }
        let mut index = wanted.max(0);
        while let Some(pod) = named(index) {
            self.end_pod(key, pod);
            index += 1;
        }
        let alive: Vec<&Arc<Value>> = all.iter().filter(|pod| !pods::is_terminating(pod)).collect();
        let updated: Vec<&Arc<Value>> =
            alive.iter().copied().filter(|pod| label(pod, "controller-revision-hash") == revision).collect();
        let complete = count(&updated) == wanted && count(&alive) == wanted;
        let current = match object["status"]["currentRevision"].as_str() {
            Some(current) if !complete => current.to_owned(),
            _ => revision.clone(),
        };
        let currents = alive.iter().filter(|pod| label(pod, "controller-revision-hash") == current).count();
        let status = json!({
            "observedGeneration": object["metadata"]["generation"],
            "replicas": count(&alive), "readyReplicas": ready(&alive), "availableReplicas": ready(&alive),
            "currentReplicas": currents, "updatedReplicas": count(&updated),
            "currentRevision": current, "updateRevision": revision, "collisionCount": 0,
        });
        self.kubernetes.update(&STATEFULSET, Some(&key.namespace), &key.name, |object| {
            object["status"] = status;
        });
    }

    pub(crate) fn daemon_set(&mut self, key: &Key, object: &Value, all: &[Arc<Value>]) {
        let hash = template_hash(object);
        let nodes = self.kubernetes.list(&NODE, None);
        let mut unready = 0;
        let mut outdated = None;
        for node in nodes.iter().map(|node| name_of(node)) {
            let Some(pod) = all.iter().find(|pod| pod["spec"]["nodeName"] == node) else {
                let labels = [("controller-revision-hash", hash.as_str())];
                let prefix = key.name.clone();
                let template = &object["spec"]["template"];
                self.make_pod(key, object, template, PodName::OnNode { prefix: &prefix, node }, &labels);
                self.wake_after(key, 0.0);
                unready += 1;
                continue;
            };
            if pods::is_terminating(pod) || !pods::is_ready(pod) {
                unready += 1;
            }
            if !pods::is_terminating(pod) && label(pod, "controller-revision-hash") != hash {
                // One that does not serve is replaced first.
                if outdated.is_none() || !pods::is_ready(pod) {
                    outdated = Some(pod);
                }
            }
        }
        if let Some(pod) = outdated
            && (unready == 0 || !pods::is_ready(pod))
        {
            self.end_pod(key, pod);
        }
        let alive: Vec<&Arc<Value>> = all.iter().filter(|pod| !pods::is_terminating(pod)).collect();
        let updated = alive.iter().filter(|pod| label(pod, "controller-revision-hash") == hash).count();
        let status = json!({
            "observedGeneration": object["metadata"]["generation"],
            "desiredNumberScheduled": nodes.len(), "currentNumberScheduled": alive.len(),
            "numberMisscheduled": 0, "numberReady": ready(&alive), "numberAvailable": ready(&alive),
            "numberUnavailable": i64::try_from(nodes.len()).unwrap_or(i64::MAX) - ready(&alive),
            "updatedNumberScheduled": updated,
        });
        self.kubernetes.update(&DAEMONSET, Some(&key.namespace), &key.name, |object| {
            object["status"] = status;
        });
    }
}

/// The `ReplicaSet` that the Progressing condition speaks of.
fn label_of_progress(object: &Value) -> &str {
    let conditions = object["status"]["conditions"].as_array();
    let progressing = conditions.into_iter().flatten().find(|condition| condition["type"] == "Progressing");
    progressing
        .and_then(|condition| condition["message"].as_str())
        .and_then(|message| message.split('"').nth(1))
        .unwrap_or_default()
}

/// A condition that keeps its times while it stays the same.
fn condition(object: &Value, kind: &str, status: &str, reason: &str, message: &str) -> Value {
    let known = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    let keep = |field: &str, same: bool| match known {
        Some(known) if same => known[field].clone(),
        _ => json!(now()),
    };
    let same_status = known.is_some_and(|known| known["status"] == status);
    let same =
        same_status && known.is_some_and(|known| known["reason"] == reason && known["message"] == message);
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastUpdateTime": keep("lastUpdateTime", same),
        "lastTransitionTime": keep("lastTransitionTime", same_status),
    })
}

/// The claims that a `StatefulSet` makes for a pod, as volumes of it.
fn mount_claims(object: &Value, template: &mut Value, pod: &str) {
    let claims = object["spec"]["volumeClaimTemplates"].as_array();
    let volumes: Vec<Value> = claims
        .into_iter()
        .flatten()
        .filter_map(|claim| claim["metadata"]["name"].as_str())
        .map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": format!("{name}-{pod}")}}))
        .collect();
    if !volumes.is_empty() {
        template["spec"]["volumes"] = json!(volumes);
    }
}
