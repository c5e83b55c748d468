//! Pods that nobody makes anew, and those that started before what they need.

use super::{AuditRule, found};
use crate::cluster::{ObjectRef, workload_of};
use crate::health::Finding;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use std::collections::BTreeMap;

/// A container that ended so soon after its start had not got what it needs.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(60);
/// After so long a pod is not starting any more.
const STARTING: SignedDuration = SignedDuration::from_mins(10);

/// What a pod shows.
#[derive(Debug)]
pub(super) enum Shows {
    /// Nobody makes it anew.
    Bare { object: ObjectRef, restarts: String },
    /// It ended right after its start, and runs now.
    Early { workload: ObjectRef, container: String, restarts: i32 },
}

/// Takes one pod.
pub(super) fn take(shown: &mut Vec<Shows>, pod: &Pod, now: Timestamp) {
    let metadata = &pod.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (text(&metadata.namespace), text(&metadata.name));
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let over = matches!(phase, "Succeeded" | "Failed") || metadata.deletion_timestamp.is_some();
    if over {
        return;
    }
    let controller = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    let object = ObjectRef::new("Pod", &namespace, &name);
    let Some(controller) = controller else {
        // The kubelet makes a static pod anew.
        let is_static =
            metadata.annotations.as_ref().is_some_and(|all| all.contains_key("kubernetes.io/config.mirror"));
        if !is_static {
            let restarts = pod.spec.as_ref().and_then(|spec| spec.restart_policy.clone());
            shown.push(Shows::Bare { object, restarts: restarts.unwrap_or_else(|| "Always".to_owned()) });
        }
        return;
    };
    let owner = ObjectRef::new(&controller.kind, &namespace, &controller.name);
    let hash = metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
    let workload = workload_of(&owner, hash.map(String::as_str)).unwrap_or(object);
    let Some(made) = metadata.creation_timestamp.as_ref().map(|made| made.0) else { return };
    // The clock of whoever wrote it may run ahead of ours; what is to come has not ended.
    if made > now {
        return;
    }
    for container in status.and_then(|status| status.container_statuses.as_ref()).into_iter().flatten() {
        if ended_at_once(container, made) {
            shown.push(Shows::Early {
                workload: workload.clone(),
                container: container.name.clone(),
                restarts: container.restart_count,
            });
        }
    }
}

/// Whether its last end came right after its start, in the first minutes of its pod, and it runs now.
fn ended_at_once(container: &ContainerStatus, made: Timestamp) -> bool {
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let Some(last) = last.filter(|_| container.ready) else { return false };
    let (Some(started), Some(ended)) = (last.started_at.as_ref(), last.finished_at.as_ref()) else {
        return false;
    };
    last.exit_code != 0
        && ended.0.duration_since(started.0) <= AT_ONCE
        && ended.0.duration_since(made) <= STARTING
}

/// What all of them come to: one finding a workload and rule.
pub(super) fn findings(shown: Vec<Shows>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut early: BTreeMap<(ObjectRef, String), (i32, usize)> = BTreeMap::new();
    for shows in shown {
        match shows {
            Shows::Bare { object, restarts } => findings.push(found(
                AuditRule::BarePod,
                object,
                "is not made anew when its node goes",
                format!("no controller; restartPolicy = {restarts}"),
            )),
            Shows::Early { workload, container, restarts } => {
                let (most, pods) = early.entry((workload, container)).or_default();
                *most = restarts.max(*most);
                *pods += 1;
            }
        }
    }
    let mut by_workload: BTreeMap<ObjectRef, Vec<String>> = BTreeMap::new();
    for ((workload, container), (most, pods)) in early {
        let of = if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") };
        by_workload.entry(workload).or_default().push(format!("{container} ({of}, up to {most} restarts)"));
    }
    findings.extend(by_workload.into_iter().map(|(workload, containers)| {
        let what = "ends at its start until what it needs is there";
        let evidence = format!("an error within {AT_ONCE:#} of the start: {}", containers.join(", "));
        found(AuditRule::StartsTooEarly, workload, what, evidence)
    }));
    findings
}
