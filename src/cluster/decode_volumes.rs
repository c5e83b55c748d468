//! Volumes, from what the API server says to our own words. The rules are those of [`super::decode`].

use super::decode::{controller, items, json_condition, named, object_name, parse_time, text};
use super::{
    ClaimPhase, ClaimReference, CopyTrigger, DriverError, Mover, MoverResult, PersistentVolume,
    PersistentVolumeClaim, ReclaimPolicy, ReplicationSource, StorageClass, VolumeAttachment, VolumePhase,
    VolumeSnapshot,
};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::storage::v1 as storage;
use serde_json::Value;

/// Who made a volume for a claim; the drivers write it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// That a volume was free, and the control plane chose it.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A claim.
pub(super) fn claim(object: core::PersistentVolumeClaim) -> Result<PersistentVolumeClaim, String> {
    let (namespace, name) = named(&object.metadata)?;
    let spec = object.spec.unwrap_or_default();
    let phase = filled(object.status.and_then(|status| status.phase)).map(|word| match word.as_str() {
        "Pending" => ClaimPhase::Pending,
        "Bound" => ClaimPhase::Bound,
        "Lost" => ClaimPhase::Lost,
        _ => ClaimPhase::Unknown(word),
    });
    let owners = object.metadata.owner_references.as_deref().unwrap_or_default();
    let made_for = controller(owners, &namespace).filter(|owner| {
        matches!(owner.kind.as_str(), "Pod" | "ReplicationSource" | "ReplicationDestination")
    });
    let referred = spec.data_source_ref.map(|source| (source.kind, source.name));
    Ok(PersistentVolumeClaim {
        namespace,
        name,
        uid: object.metadata.uid.unwrap_or_default(),
        phase,
        volume: filled(spec.volume_name),
        storage_class: spec.storage_class_name,
        made_for,
        data_source: referred.or(spec.data_source.map(|source| (source.kind, source.name))),
        created_at: object.metadata.creation_timestamp.map(|time| time.0),
        deleted_at: object.metadata.deletion_timestamp.map(|time| time.0),
    })
}

/// A volume.
pub(super) fn volume(object: core::PersistentVolume) -> Result<PersistentVolume, String> {
    let (_, name) = named(&object.metadata)?;
    let annotated = |key: &str| {
        object.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(key))
    };
    let (provisioned, chosen) = (annotated(PROVISIONED_BY), annotated(BOUND_BY_CONTROLLER));
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let words = [status.reason, status.message].into_iter().flatten().filter(|words| !words.is_empty());
    Ok(PersistentVolume {
        name,
        phase: filled(status.phase).map(|word| match word.as_str() {
            "Pending" => VolumePhase::Pending,
            "Available" => VolumePhase::Available,
            "Bound" => VolumePhase::Bound,
            "Released" => VolumePhase::Released,
            "Failed" => VolumePhase::Failed,
            _ => VolumePhase::Unknown(word),
        }),
        phase_since: status.last_phase_transition_time.map(|time| time.0),
        message: words.collect::<Vec<_>>().join(": "),
        claim: spec.claim_ref.map(|claim| ClaimReference {
            namespace: claim.namespace.unwrap_or_default(),
            name: claim.name.unwrap_or_default(),
            uid: filled(claim.uid),
        }),
        reclaim: match spec.persistent_volume_reclaim_policy.as_deref() {
            // What the API means where nothing is written.
            Some("Retain") | None => ReclaimPolicy::Retain,
            Some("Delete" | "Recycle") => ReclaimPolicy::Reclaim,
            Some(_) => ReclaimPolicy::Unknown,
        },
        access_modes: spec.access_modes.unwrap_or_default(),
        capacity: spec
            .capacity
            .and_then(|capacity| capacity.get("storage").map(|size| size.0.clone()))
            .unwrap_or_default(),
        provisioned,
        chosen,
        created_at: object.metadata.creation_timestamp.map(|time| time.0),
        deleted_at: object.metadata.deletion_timestamp.map(|time| time.0),
    })
}

fn volume_error(error: storage::VolumeError) -> DriverError {
    DriverError { message: error.message.unwrap_or_default(), at: error.time.map(|time| time.0) }
}

/// A volume on a node.
pub(super) fn attachment(object: storage::VolumeAttachment) -> Result<VolumeAttachment, String> {
    let (_, name) = named(&object.metadata)?;
    let (attached, attach_error, detach_error) = match object.status {
        Some(status) => (Some(status.attached), status.attach_error, status.detach_error),
        None => (None, None, None),
    };
    Ok(VolumeAttachment {
        name,
        volume: filled(object.spec.source.persistent_volume_name),
        node: object.spec.node_name,
        attached,
        attach_error: attach_error.map(volume_error),
        detach_error: detach_error.map(volume_error),
        created_at: object.metadata.creation_timestamp.map(|time| time.0),
        deleted_at: object.metadata.deletion_timestamp.map(|time| time.0),
    })
}

/// A class.
pub(super) fn storage_class(object: storage::StorageClass) -> Result<StorageClass, String> {
    let (_, name) = named(&object.metadata)?;
    let waits_for_consumer = object.volume_binding_mode.is_some_and(|mode| mode == "WaitForFirstConsumer");
    Ok(StorageClass { name, waits_for_consumer })
}

/// A snapshot.
pub(super) fn snapshot(object: &Value) -> Result<VolumeSnapshot, String> {
    let (namespace, name) = object_name(object)?;
    let status = &object["status"];
    Ok(VolumeSnapshot {
        namespace,
        name,
        claim: filled(Some(text(&object["spec"]["source"]["persistentVolumeClaimName"]))),
        has_status: status.is_object(),
        ready: status["readyToUse"].as_bool(),
        error: status["error"].is_object().then(|| DriverError {
            message: text(&status["error"]["message"]),
            at: parse_time(&status["error"]["time"]),
        }),
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        deleted_at: parse_time(&object["metadata"]["deletionTimestamp"]),
    })
}

/// A source of copies.
pub(super) fn replication_source(object: &Value) -> Result<ReplicationSource, String> {
    const OWN: [&str; 4] = ["rsync", "rsyncTLS", "rclone", "restic"];
    let (namespace, name) = object_name(object)?;
    let (spec, status) = (&object["spec"], &object["status"]);
    let manual = text(&spec["trigger"]["manual"]);
    let latest = &status["latestMoverStatus"];
    let has = |mover: &str| spec[mover].is_object();
    Ok(ReplicationSource {
        namespace,
        name,
        claim: filled(Some(text(&spec["sourcePVC"]))),
        paused: spec["paused"].as_bool().unwrap_or(false),
        mover: if has("syncthing") {
            Mover::Endless
        } else if has("external") && !OWN.iter().any(|mover| has(mover)) {
            Mover::Foreign
        } else {
            Mover::Job
        },
        trigger: if !manual.is_empty() {
            CopyTrigger::Manual { done: status["lastManualSync"].as_str() == Some(manual.as_str()) }
        } else if text(&spec["trigger"]["schedule"]).is_empty() {
            CopyTrigger::Endless
        } else {
            CopyTrigger::Schedule
        },
        has_status: status.is_object(),
        synchronizing: items(&status["conditions"])
            .find(|condition| condition["type"].as_str() == Some("Synchronizing"))
            .map(json_condition),
        result: latest["result"].as_str().filter(|word| !word.is_empty()).map(|word| match word {
            "Successful" => MoverResult::Successful,
            "Failed" => MoverResult::Failed { locked: tells_of_a_lock(&text(&latest["logs"])) },
            other => MoverResult::Unknown(other.to_owned()),
        }),
        last_sync: parse_time(&status["lastSyncTime"]),
        sync_started: parse_time(&status["lastSyncStartTime"]),
        next_sync: parse_time(&status["nextSyncTime"]),
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        deleted_at: parse_time(&object["metadata"]["deletionTimestamp"]),
    })
}

/// What restic, and the mover around it, say of a repository that another one has locked.
fn tells_of_a_lock(logs: &str) -> bool {
    const SAYINGS: [&str; 4] = [
        "repository is already locked",
        "unable to create lock",
        "failure locking repository",
        "failure unlocking repository",
    ];
    SAYINGS.iter().any(|saying| logs.contains(saying))
}

#[cfg(test)]
#[path = "decode_volumes_tests.rs"]
mod tests;
