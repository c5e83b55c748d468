//! The binder of volumes, the protection of what is in use, and Ceph's provisioner.
//!
//! Phases follow the recording `fixtures/recordings/kubernetes/volumes.json`: a volume whose claim is gone is Released and
//! never binds again while its `claimRef` keeps the old uid; without a uid it is Available for a claim of that name alone;
//! a claim that finds no volume gets a new one where a provisioner serves its class. [`bind_volumes`] brings everything that
//! exists to its goal in one call, and twice is the same as once, so several may call it at a time: a new volume's name
//! comes from the uid of its claim.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::stamp;
use crate::kubernetes::{Change, Event, Kubernetes, POD, PV, PVC};

/// The class that has a provisioner.
pub(crate) const CLASS: &str = "ceph-block";
const DRIVER: &str = "rook-ceph.rbd.csi.ceph.com";
const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";

/// Binds whenever a volume or a claim changes, or a pod goes that may have held one.
pub(crate) async fn run(kubernetes: Kubernetes, mut events: Receiver<Event>, stop: CancellationToken) {
    let concerns = |event: &Event| {
        event.kind == PV || event.kind == PVC || event.kind == POD && event.change == Change::Deleted
    };
    loop {
        let mut due = tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(event) => concerns(&event),
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
            },
        };
        loop {
            match events.try_recv() {
                Ok(event) => due |= concerns(&event),
                Err(TryRecvError::Lagged(_)) => due = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if due {
            bind_volumes(&kubernetes);
        }
    }
}

/// Brings every claim and volume to its goal.
pub fn bind_volumes(kubernetes: &Kubernetes) {
    for claim in kubernetes.list(&PVC, None) {
        protect_claim(kubernetes, &claim);
    }
    for volume in kubernetes.list(&PV, None) {
        settle_volume(kubernetes, &volume);
    }
    for claim in kubernetes.list(&PVC, None) {
        settle_claim(kubernetes, &claim);
    }
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_going(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

fn holds(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|all| all.iter().any(|one| one == finalizer))
}

fn drop_finalizer(object: &mut Value, finalizer: &str) {
    if let Some(all) = object["metadata"]["finalizers"].as_array_mut() {
        all.retain(|one| one != finalizer);
    }
}

fn change_claim(kubernetes: &Kubernetes, claim: &Value, change: impl FnOnce(&mut Value)) {
    let (namespace, name) = (text(claim, "/metadata/namespace"), text(claim, "/metadata/name"));
    kubernetes.update(&PVC, Some(namespace), name, change);
}

fn change_volume(kubernetes: &Kubernetes, volume: &Value, change: impl FnOnce(&mut Value)) {
    kubernetes.update(&PV, None, text(volume, "/metadata/name"), change);
}

fn set_phase(volume: &mut Value, phase: &str) {
    if text(volume, "/status/phase") != phase {
        volume["status"]["phase"] = json!(phase);
        volume["status"]["lastPhaseTransitionTime"] = json!(stamp(Timestamp::now()));
    }
}

fn give_finalizer(object: &mut Value, finalizer: &str) {
    let finalizers = &mut object["metadata"]["finalizers"];
    match finalizers.as_array_mut() {
        Some(all) => all.push(json!(finalizer)),
        None => *finalizers = json!([finalizer]),
    }
}

/// A claim that a pod uses stays, with the time at which it was to go; one that nobody uses goes.
fn protect_claim(kubernetes: &Kubernetes, claim: &Value) {
    let name = text(claim, "/metadata/name");
    if !is_going(claim) {
        if !holds(claim, CLAIM_PROTECTION) {
            change_claim(kubernetes, claim, |claim| give_finalizer(claim, CLAIM_PROTECTION));
        }
        return;
    }
    let uses = |pod: &Value| {
        let volumes = pod["spec"]["volumes"].as_array();
        let mut claims =
            volumes.into_iter().flatten().map(|one| text(one, "/persistentVolumeClaim/claimName"));
        !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") && claims.any(|claim| claim == name)
    };
    let pods = kubernetes.list(&POD, Some(text(claim, "/metadata/namespace")));
    if holds(claim, CLAIM_PROTECTION) && !pods.iter().any(|pod| uses(pod)) {
        change_claim(kubernetes, claim, |claim| drop_finalizer(claim, CLAIM_PROTECTION));
    }
}

/// The claim that a volume names, if it is still that one and has no other volume.
fn owner(kubernetes: &Kubernetes, volume: &Value) -> Option<Value> {
    let (namespace, name) = (text(volume, "/spec/claimRef/namespace"), text(volume, "/spec/claimRef/name"));
    let claim = kubernetes.get(&PVC, Some(namespace), name)?;
    let same = text(&claim, "/metadata/uid") == text(volume, "/spec/claimRef/uid");
    let its = text(&claim, "/spec/volumeName");
    (same && (its.is_empty() || its == text(volume, "/metadata/name"))).then_some(claim)
}

fn settle_volume(kubernetes: &Kubernetes, volume: &Value) {
    if is_going(volume) && text(volume, "/status/phase") != "Bound" {
        change_volume(kubernetes, volume, |volume| drop_finalizer(volume, VOLUME_PROTECTION));
        return;
    }
    if !is_going(volume) && !holds(volume, VOLUME_PROTECTION) {
        change_volume(kubernetes, volume, |volume| give_finalizer(volume, VOLUME_PROTECTION));
    }
    if text(volume, "/spec/claimRef/uid").is_empty() {
        change_volume(kubernetes, volume, |volume| set_phase(volume, "Available"));
    } else if let Some(claim) = owner(kubernetes, volume) {
        join(kubernetes, &claim, volume);
    } else {
        change_volume(kubernetes, volume, |volume| set_phase(volume, "Released"));
        if text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
            // The provisioner; nothing protects a volume that is released.
            kubernetes.delete(&PV, None, text(volume, "/metadata/name"));
            change_volume(kubernetes, volume, |volume| drop_finalizer(volume, VOLUME_PROTECTION));
        }
    }
}

fn settle_claim(kubernetes: &Kubernetes, claim: &Value) {
    let wanted = text(claim, "/spec/volumeName");
    if text(claim, "/status/phase") == "Bound" {
        if kubernetes.get(&PV, None, wanted).is_none() {
            change_claim(kubernetes, claim, |claim| claim["status"] = json!({"phase": "Lost"}));
        }
        return;
    }
    if is_going(claim) || text(claim, "/status/phase") == "Lost" {
        return;
    }
    change_claim(kubernetes, claim, |claim| {
        if claim["status"]["phase"].is_null() {
            claim["status"]["phase"] = json!("Pending");
        }
    });
    let volumes = kubernetes.list(&PV, None);
    let free = |volume: &Value| text(volume, "/spec/claimRef/uid").is_empty() && !is_going(volume);
    let reserved = |volume: &Value| {
        text(volume, "/spec/claimRef/name") == text(claim, "/metadata/name")
            && text(volume, "/spec/claimRef/namespace") == text(claim, "/metadata/namespace")
    };
    let anybodys = |volume: &Value| volume.pointer("/spec/claimRef/name").is_none();
    let found = if wanted.is_empty() {
        let fitting = || volumes.iter().filter(|volume| free(volume) && fits(claim, volume));
        fitting().find(|volume| reserved(volume)).or_else(|| fitting().find(|volume| anybodys(volume)))
    } else {
        let named = |volume: &&std::sync::Arc<Value>| text(volume, "/metadata/name") == wanted;
        volumes.iter().filter(named).find(|volume| free(volume) && (reserved(volume) || anybodys(volume)))
    };
    match found {
        Some(volume) => join(kubernetes, claim, volume),
        None if wanted.is_empty() && text(claim, "/spec/storageClassName") == CLASS => {
            provision(kubernetes, claim);
        }
        None => {}
    }
}

/// Of the same class, mounted in the ways that are asked for, and large enough.
fn fits(claim: &Value, volume: &Value) -> bool {
    let modes = |object: &Value| object["spec"]["accessModes"].as_array().cloned().unwrap_or_default();
    let offered = modes(volume);
    let size = |object: &Value, at: &str| gibibytes(text(object, at));
    text(claim, "/spec/storageClassName") == text(volume, "/spec/storageClassName")
        && modes(claim).iter().all(|mode| offered.contains(mode))
        && size(claim, "/spec/resources/requests/storage") <= size(volume, "/spec/capacity/storage")
}

/// Sizes are written in `Gi` here; one that is not fits nowhere.
fn gibibytes(size: &str) -> Option<u64> {
    size.strip_suffix("Gi").and_then(|number| number.parse().ok())
}

/// Volume and claim name each other, and are bound.
fn join(kubernetes: &Kubernetes, claim: &Value, volume: &Value) {
    let name = text(volume, "/metadata/name");
    change_volume(kubernetes, volume, |volume| {
        let reference = &mut volume["spec"]["claimRef"];
        reference["apiVersion"] = json!("v1");
        reference["kind"] = json!("PersistentVolumeClaim");
        for field in ["namespace", "name", "uid"] {
            reference[field] = claim["metadata"][field].clone();
        }
        set_phase(volume, "Bound");
    });
    change_claim(kubernetes, claim, |claim| {
        claim["spec"]["volumeName"] = json!(name);
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
        claim["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = json!("yes");
        claim["status"] = json!({"phase": "Bound", "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"]});
    });
}

/// A new, empty volume for a claim that found none.
fn provision(kubernetes: &Kubernetes, claim: &Value) {
    let name = format!("pvc-{}", text(claim, "/metadata/uid"));
    let size = claim.pointer("/spec/resources/requests/storage").cloned().unwrap_or_else(|| json!("10Gi"));
    let metadata = &claim["metadata"];
    let volume = kubernetes.apply(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "finalizers": [VOLUME_PROTECTION],
            "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}},
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "capacity": {"storage": size},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"],
                "name": metadata["name"], "uid": metadata["uid"]},
            "csi": {"driver": DRIVER, "volumeHandle": name},
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": CLASS, "volumeMode": "Filesystem",
        },
    }));
    join(kubernetes, claim, &volume);
}
