//! From what the API server says to our own words.
//!
//! A word that we do not know becomes an `Unknown` variant and a missing optional field its zero, as the API defines it;
//! an object without a name is no object, and the list that holds it cannot be read.

use super::node_marks::node_marks;
use super::{
    CephCheck, CephCluster, Certificate, Condition, ConditionStatus, Container, ContainerState, DiskWord,
    HeldBack, Node, NodeUsage, ObjectRef, Pod, PodPhase, Resources, Workload,
};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The elements of an array; none of anything else.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text; empty where there is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The texts of an array.
pub(super) fn texts(value: &Value) -> Vec<String> {
    items(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A number; 0 where there is none.
pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// A time; none where it does not parse.
pub(super) fn parse_time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|time| time.parse().ok())
}

/// An object of a kind whose fields are known by their types.
pub(super) fn typed<O: DeserializeOwned, T>(
    object: &Value,
    read: impl FnOnce(O) -> Result<T, String>,
) -> Result<T, String> {
    read(O::deserialize(object).map_err(|error| error.to_string())?)
}

/// Namespace and name.
pub(super) fn object_name(object: &Value) -> Result<(String, String), String> {
    let metadata = &object["metadata"];
    let name = text(&metadata["name"]);
    if name.is_empty() {
        return Err("an object without a name".to_owned());
    }
    Ok((text(&metadata["namespace"]), name))
}

/// Namespace and name of a built-in kind.
pub(super) fn named(metadata: &ObjectMeta) -> Result<(String, String), String> {
    let name = metadata.name.clone().filter(|name| !name.is_empty()).ok_or("an object without a name")?;
    Ok((metadata.namespace.clone().unwrap_or_default(), name))
}

fn status_word(word: &str) -> ConditionStatus {
    match word {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

/// A condition of a custom kind.
pub(super) fn json_condition(condition: &Value) -> Condition {
    Condition {
        kind: text(&condition["type"]),
        status: status_word(condition["status"].as_str().unwrap_or_default()),
        reason: text(&condition["reason"]),
        message: text(&condition["message"]),
        since: parse_time(&condition["lastTransitionTime"]),
        heartbeat: parse_time(&condition["lastHeartbeatTime"]),
    }
}

/// The conditions of a custom kind's status.
pub(super) fn conditions(status: &Value) -> Vec<Condition> {
    items(&status["conditions"]).map(json_condition).collect()
}

/// Conditions of the built-in kinds differ in type only; `$heartbeat` is what a kind calls its reporter's last word.
macro_rules! conditions {
    ($conditions:expr) => {
        conditions!($conditions, |_condition| None)
    };
    ($conditions:expr, $heartbeat:expr) => {
        $conditions
            .into_iter()
            .flatten()
            .map(|condition| Condition {
                heartbeat: $heartbeat(&condition),
                status: status_word(&condition.status),
                kind: condition.type_,
                reason: condition.reason.unwrap_or_default(),
                message: condition.message.unwrap_or_default(),
                since: condition.last_transition_time.map(|time| time.0),
            })
            .collect()
    };
}

/// A node; its lease is joined later.
pub(super) fn node(object: core::Node) -> Result<Node, String> {
    let (_, name) = named(&object.metadata)?;
    let marks = node_marks(&object);
    let status = object.status.unwrap_or_default();
    Ok(Node {
        name,
        conditions: conditions!(status.conditions, |condition: &core::NodeCondition| condition
            .last_heartbeat_time
            .as_ref()
            .map(|time| time.0)),
        unschedulable: object.spec.and_then(|spec| spec.unschedulable).unwrap_or(false),
        kubelet_version: status.node_info.map(|info| info.kubelet_version).unwrap_or_default(),
        lease_renewed: None,
        marks,
        allocatable: status.allocatable.and_then(|all| resources(|name| Some(all.get(name)?.0.as_str()))),
    })
}

/// A pod.
pub(super) fn pod(object: core::Pod) -> Result<Pod, String> {
    let (namespace, name) = named(&object.metadata)?;
    let metadata = object.metadata;
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let claims = claims(&name, spec.volumes.as_deref().unwrap_or_default());
    let mut containers = Vec::new();
    let init_specs = spec.init_containers.unwrap_or_default();
    collect_containers(
        &mut containers,
        true,
        init_specs,
        &status.init_container_statuses.unwrap_or_default(),
    );
    collect_containers(
        &mut containers,
        false,
        spec.containers,
        &status.container_statuses.unwrap_or_default(),
    );
    Ok(Pod {
        namespace: namespace.clone(),
        name,
        phase: match status.phase.as_deref() {
            Some("Pending") => PodPhase::Pending,
            Some("Running") => PodPhase::Running,
            Some("Succeeded") => PodPhase::Succeeded,
            Some("Failed") => PodPhase::Failed,
            _ => PodPhase::Unknown,
        },
        reason: status.reason.unwrap_or_default(),
        message: status.message.unwrap_or_default(),
        conditions: conditions!(status.conditions),
        node: spec.node_name.filter(|node| !node.is_empty()),
        created_at: metadata.creation_timestamp.map(|time| time.0),
        deleted_at: metadata.deletion_timestamp.map(|time| time.0),
        owner: controller(metadata.owner_references.as_deref().unwrap_or_default(), &namespace),
        containers,
        claims,
        labels: metadata.labels.unwrap_or_default(),
    })
}

/// The owner that looks after an object.
pub(super) fn controller(owners: &[OwnerReference], namespace: &str) -> Option<ObjectRef> {
    owners
        .iter()
        .find(|owner| owner.controller == Some(true))
        .map(|owner| ObjectRef::new(&owner.kind, namespace, &owner.name))
}

/// The owner that looks after an object, out of its metadata.
pub(super) fn json_controller(metadata: &Value, namespace: &str) -> Option<ObjectRef> {
    items(&metadata["ownerReferences"])
        .find(|owner| owner["controller"].as_bool() == Some(true))
        .map(|owner| ObjectRef::new(&text(&owner["kind"]), namespace, &text(&owner["name"])))
}

/// The claims that exist by themselves, and those that are made for this pod alone and named after it.
fn claims(pod: &str, volumes: &[core::Volume]) -> Vec<String> {
    volumes
        .iter()
        .filter_map(|volume| match &volume.persistent_volume_claim {
            Some(claim) => Some(claim.claim_name.clone()),
            None => volume.ephemeral.as_ref().map(|_| format!("{pod}-{}", volume.name)),
        })
        .collect()
}

fn collect_containers(
    into: &mut Vec<Container>,
    init: bool,
    specs: Vec<core::Container>,
    statuses: &[core::ContainerStatus],
) {
    into.extend(specs.into_iter().map(|spec| {
        let status = statuses.iter().find(|status| status.name == spec.name);
        let in_log = spec.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
        let container_state = |state: &core::ContainerState| container_state(state, in_log);
        Container {
            init,
            image: spec.image.unwrap_or_default(),
            ready: status.is_some_and(|status| status.ready),
            restarts: status.and_then(|status| u32::try_from(status.restart_count).ok()).unwrap_or(0),
            state: status
                .and_then(|status| status.state.as_ref())
                .map_or(ContainerState::Unknown, container_state),
            last_state: status
                .and_then(|status| status.last_state.as_ref())
                .map(container_state)
                .filter(|state| *state != ContainerState::Unknown),
            name: spec.name,
        }
    }));
}

/// What the last words of a container say of a disk. "I/O error" alone is what Java says of a network.
fn disk_word(message: &str) -> Option<DiskWord> {
    let said = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["read-only file system", "[errno 30]"]) {
        Some(DiskWord::ReadOnly)
    } else if says(&["input/output error", "disk i/o error", "[errno 5]", "os error 5)"]) {
        Some(DiskWord::Fails)
    } else {
        None
    }
}

/// `in_log`: its last words may be lines of its log, which are not told any further.
fn container_state(state: &core::ContainerState, in_log: bool) -> ContainerState {
    if let Some(waiting) = &state.waiting {
        return ContainerState::Waiting {
            reason: waiting.reason.clone().unwrap_or_default(),
            message: waiting.message.clone().unwrap_or_default(),
        };
    }
    if let Some(terminated) = &state.terminated {
        return ContainerState::Terminated {
            reason: terminated.reason.clone().unwrap_or_default(),
            exit_code: terminated.exit_code,
            finished_at: terminated.finished_at.as_ref().map(|time| time.0),
            disk: terminated.message.as_deref().and_then(disk_word),
            message: terminated.message.clone().filter(|_| !in_log).unwrap_or_default(),
        };
    }
    match &state.running {
        Some(running) => ContainerState::Running { since: running.started_at.as_ref().map(|time| time.0) },
        None => ContainerState::Unknown,
    }
}

/// What a workload's pod template says.
struct Template {
    labels: BTreeMap<String, String>,
    images: Vec<String>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    hidden_environment: bool,
    has_volume: bool,
}

fn template(template: core::PodTemplateSpec) -> Template {
    let spec = template.spec.unwrap_or_default();
    let volumes = || spec.volumes.iter().flatten();
    let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
    Template {
        labels: template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default(),
        images: containers().filter_map(|container| container.image.clone()).collect(),
        environment: containers()
            .flat_map(|container| container.env.iter().flatten())
            .map(|variable| (variable.name.clone(), variable.value.clone().unwrap_or_default()))
            .collect(),
        arguments: containers()
            .flat_map(|container| container.command.iter().chain(&container.args).flatten().cloned())
            .collect(),
        hidden_environment: volumes().any(mounts_a_secret)
            || containers()
                .any(|container| container.env_from.as_ref().is_some_and(|sources| !sources.is_empty())),
        has_volume: volumes().any(may_keep_state),
    }
}

/// Whatever does not go away with its pod, or is of a source that we do not know.
fn may_keep_state(volume: &core::Volume) -> bool {
    volume.empty_dir.is_none()
        && volume.config_map.is_none()
        && volume.secret.is_none()
        && volume.projected.is_none()
        && volume.downward_api.is_none()
}

/// A file of settings may lie there, with a database in it. A certificate cannot be told apart from one.
fn mounts_a_secret(volume: &core::Volume) -> bool {
    let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    volume.secret.is_some() || projected.into_iter().any(|source| source.secret.is_some())
}

/// A Deployment.
pub(super) fn deployment(object: Deployment) -> Result<Workload, String> {
    let (namespace, name) = named(&object.metadata)?;
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let template = template(spec.template);
    Ok(Workload {
        object: ObjectRef::new("Deployment", &namespace, &name),
        generation: object.metadata.generation.unwrap_or(0),
        observed_generation: status.observed_generation.unwrap_or(0),
        desired: i64::from(spec.replicas.unwrap_or(1)),
        replicas: i64::from(status.replicas.unwrap_or(0)),
        updated: i64::from(status.updated_replicas.unwrap_or(0)),
        held_back: None,
        available: i64::from(status.available_replicas.unwrap_or(0)),
        paused: spec.paused.unwrap_or(false),
        conditions: conditions!(status.conditions),
        images: template.images,
        environment: template.environment,
        arguments: template.arguments,
        hidden_environment: template.hidden_environment,
        has_volume: template.has_volume,
        labels: object.metadata.labels.unwrap_or_default(),
        pod_labels: template.labels,
        annotations: object.metadata.annotations.unwrap_or_default(),
    })
}

/// A `StatefulSet`. With `OnDelete`, or while a partition holds pods back, the pods that are not to be updated count as
/// updated: nothing will ever update them.
pub(super) fn stateful_set(object: StatefulSet) -> Result<Workload, String> {
    let (namespace, name) = named(&object.metadata)?;
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let has_claims = spec.volume_claim_templates.as_ref().is_some_and(|templates| !templates.is_empty());
    let template = template(spec.template);
    let desired = i64::from(spec.replicas.unwrap_or(1));
    let replicas = i64::from(status.replicas);
    let strategy = spec.update_strategy.unwrap_or_default();
    let on_delete = strategy.type_.as_deref() == Some("OnDelete");
    let partition = strategy.rolling_update.and_then(|rolling| rolling.partition).map_or(0, i64::from);
    let reported = i64::from(status.updated_replicas.unwrap_or(0));
    // `updatedReplicas` is dropped once current and update revision are the same.
    let settled = status.update_revision.is_some() && status.update_revision == status.current_revision;
    let updated =
        if on_delete || settled { replicas } else { (reported + partition.min(desired)).min(replicas) };
    let old = if settled { 0 } else { (replicas - reported).max(0) };
    let held_back = match old {
        0 => None,
        old if on_delete => Some(HeldBack::UntilDeleted(old)),
        old => Some(old.min(partition)).filter(|old| *old > 0).map(HeldBack::ByPartition),
    };
    Ok(Workload {
        object: ObjectRef::new("StatefulSet", &namespace, &name),
        generation: object.metadata.generation.unwrap_or(0),
        observed_generation: status.observed_generation.unwrap_or(0),
        desired,
        replicas,
        updated,
        held_back,
        available: i64::from(status.available_replicas.unwrap_or(0)),
        paused: false,
        conditions: conditions!(status.conditions),
        images: template.images,
        environment: template.environment,
        arguments: template.arguments,
        hidden_environment: template.hidden_environment,
        has_volume: template.has_volume || has_claims,
        labels: object.metadata.labels.unwrap_or_default(),
        pod_labels: template.labels,
        annotations: object.metadata.annotations.unwrap_or_default(),
    })
}

/// A `DaemonSet`. With `OnDelete` nothing updates its pods, so all count as updated.
pub(super) fn daemon_set(object: DaemonSet) -> Result<Workload, String> {
    let (namespace, name) = named(&object.metadata)?;
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let template = template(spec.template);
    let desired = i64::from(status.desired_number_scheduled);
    let on_delete = spec.update_strategy.and_then(|strategy| strategy.type_).as_deref() == Some("OnDelete");
    let reported = i64::from(status.updated_number_scheduled.unwrap_or(0));
    let old = (desired - reported).max(0);
    Ok(Workload {
        object: ObjectRef::new("DaemonSet", &namespace, &name),
        generation: object.metadata.generation.unwrap_or(0),
        observed_generation: status.observed_generation.unwrap_or(0),
        desired,
        replicas: i64::from(status.current_number_scheduled),
        updated: if on_delete { desired } else { reported },
        held_back: (on_delete && old > 0).then_some(HeldBack::UntilDeleted(old)),
        available: i64::from(status.number_available.unwrap_or(0)),
        paused: false,
        conditions: conditions!(status.conditions),
        images: template.images,
        environment: template.environment,
        arguments: template.arguments,
        hidden_environment: template.hidden_environment,
        has_volume: template.has_volume,
        labels: object.metadata.labels.unwrap_or_default(),
        pod_labels: template.labels,
        annotations: object.metadata.annotations.unwrap_or_default(),
    })
}

/// A Rook `CephCluster`.
pub(super) fn ceph_cluster(object: &Value) -> Result<CephCluster, String> {
    let (namespace, name) = object_name(object)?;
    let ceph = &object["status"]["ceph"];
    let capacity = &ceph["capacity"];
    Ok(CephCluster {
        namespace,
        name,
        health: text(&ceph["health"]),
        checks: ceph["details"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, check)| CephCheck {
                name: name.clone(),
                severity: text(&check["severity"]),
                message: text(&check["message"]),
            })
            .collect(),
        last_checked: parse_time(&ceph["lastChecked"]),
        changed_at: parse_time(&ceph["lastChanged"]),
        capacity: capacity["bytesTotal"]
            .as_u64()
            .filter(|total| *total > 0)
            .map(|total| (number(&capacity["bytesUsed"]), total)),
        versions: ceph["versions"]["overall"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(of, _)| of.clone())
            .collect(),
    })
}

/// A cert-manager Certificate.
pub(super) fn certificate(object: &Value) -> Result<Certificate, String> {
    let (namespace, name) = object_name(object)?;
    let status = &object["status"];
    Ok(Certificate {
        namespace,
        name,
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        ready: items(&status["conditions"])
            .find(|condition| condition["type"].as_str() == Some("Ready"))
            .map(json_condition),
        not_after: parse_time(&status["notAfter"]),
        renewal_time: parse_time(&status["renewalTime"]),
        failed_attempts: u32::try_from(number(&status["failedIssuanceAttempts"])).unwrap_or(u32::MAX),
    })
}

/// What a node uses.
pub(super) fn node_usage(object: &Value) -> Result<NodeUsage, String> {
    let (_, name) = object_name(object)?;
    let usage = &object["usage"];
    let used = resources(|resource| usage[resource].as_str())
        .ok_or_else(|| format!("what node {name} uses is no quantity: {usage}"))?;
    let measured_at = parse_time(&object["timestamp"]);
    Ok(NodeUsage { name, cpu_millis: used.cpu_millis, memory_bytes: used.memory_bytes, measured_at })
}

/// CPU and memory by their quantities; none where one of them is missing or is no quantity.
fn resources<'a>(quantity: impl Fn(&str) -> Option<&'a str>) -> Option<Resources> {
    let (cpu, memory) = (nanos(quantity("cpu")?)?, nanos(quantity("memory")?)?);
    Some(Resources {
        cpu_millis: u64::try_from(cpu / 1_000_000).unwrap_or(u64::MAX),
        memory_bytes: u64::try_from(memory / 1_000_000_000).unwrap_or(u64::MAX),
    })
}

/// A size as it is written (`10Gi`), in bytes; none where that is no quantity.
pub(crate) fn bytes_of(quantity: &str) -> Option<u64> {
    u64::try_from(nanos(quantity)? / 1_000_000_000).ok()
}

/// A quantity (`250m`, `1536Ki`, `1.5`) in billionths.
fn nanos(quantity: &str) -> Option<u128> {
    const ONE: u128 = 1_000_000_000;
    let split = quantity.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(quantity.len());
    let (digits, suffix) = quantity.split_at(split);
    let unit: u128 = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => ONE,
        "k" => ONE * 1_000,
        "M" => ONE * 1_000_000,
        "G" => ONE * 1_000_000_000,
        "T" => ONE * 1_000_000_000_000,
        "Ki" => ONE << 10,
        "Mi" => ONE << 20,
        "Gi" => ONE << 30,
        "Ti" => ONE << 40,
        "P" => ONE * 1_000_000_000_000_000,
        "Pi" => ONE << 50,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: String = fraction.chars().take(9).collect();
    if digits.is_empty() || digits == "." {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(unit)?.checked_add(parts.checked_mul(unit)? / scale)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
