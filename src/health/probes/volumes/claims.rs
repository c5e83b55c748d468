//! One claim, beside its class, its volume and the pods that wait for it.

use super::{Joined, Moment, found};
use crate::cluster::{
    ClaimPhase, ConditionStatus, ObjectRef, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass,
    VolumeAttachment,
};
use crate::health::{Finding, Grounds, Verdict};
use jiff::Timestamp;

/// What the other lists tell of a claim.
pub(super) struct Around<'a> {
    /// Its class.
    pub(super) class: Joined<&'a StorageClass>,
    /// The pods that mount it and wait.
    pub(super) waiting: Joined<&'a [&'a Pod]>,
    /// The volume that it names.
    pub(super) volume: Joined<&'a PersistentVolume>,
    /// Where that volume is attached.
    pub(super) attachments: Joined<&'a [&'a VolumeAttachment]>,
}

/// Judges one claim.
pub(super) fn judge_claim(
    claim: &PersistentVolumeClaim,
    around: &Around<'_>,
    moment: Moment,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = multi_attach_wait(claim, around, moment).into_iter().collect();
    if let Some(asked) = claim.deleted_at {
        if !moment.forgives(Some(asked)) {
            let evidence = format!(
                "metadata.deletionTimestamp = {asked}, status.phase = {}: something uses it or holds it, and what \
                 it holds may go with it",
                word(claim.phase.as_ref())
            );
            let what = "is being deleted for too long";
            let rule = "claim-terminating";
            findings.push(found(rule, claim.object(), Verdict::Yellow, what, evidence, Some(asked)));
        }
        return findings;
    }
    findings.extend(match &claim.phase {
        Some(ClaimPhase::Bound) => misbound(claim, around, moment),
        Some(ClaimPhase::Pending) => pending(claim, around, moment),
        Some(ClaimPhase::Lost) => {
            let volume = claim.volume.as_deref().unwrap_or("none");
            let evidence = format!("status.phase = Lost, spec.volumeName = {volume}");
            let what = "has lost its volume";
            Some(found("claim-lost", claim.object(), Verdict::Red, what, evidence, None))
        }
        Some(ClaimPhase::Unknown(word)) => {
            let (what, evidence) = ("is in a phase that nobody knows", format!("status.phase = {word}"));
            Some(found("claim-phase-unknown", claim.object(), Verdict::Unknown, what, evidence, None))
        }
        None => (!moment.forgives(claim.created_at)).then(|| {
            let (what, evidence) = ("does not say how it is", "no status.phase".to_owned());
            let since = claim.created_at;
            found("claim-phase-missing", claim.object(), Verdict::Unknown, what, evidence, since)
        }),
    });
    findings
}

fn word(phase: Option<&ClaimPhase>) -> &str {
    match phase {
        None => "none",
        Some(ClaimPhase::Pending) => "Pending",
        Some(ClaimPhase::Bound) => "Bound",
        Some(ClaimPhase::Lost) => "Lost",
        Some(ClaimPhase::Unknown(word)) => word,
    }
}

/// A claim that has no volume yet. One whose class waits for a pod gets none until a pod uses it, unless it names the
/// volume that it wants: that is waited for in any case.
fn pending(claim: &PersistentVolumeClaim, around: &Around<'_>, moment: Moment) -> Option<Finding> {
    let pods = match around.waiting {
        Joined::There(pods) => pods,
        Joined::Missing | Joined::NotRead => &[],
    };
    let waits_for_a_pod = claim.volume.is_none()
        && match around.class {
            Joined::There(class) => class.waits_for_consumer,
            // It may be such a class: that a list was not read is said already.
            Joined::NotRead => true,
            Joined::Missing => false,
        };
    let needed_since = if waits_for_a_pod {
        // Asked for since its first pod, which may be much later than it was made.
        let first = pods.iter().map(|pod| pod.created_at).min()?;
        claim.created_at.max(first)
    } else {
        claim.created_at
    };
    if moment.forgives(needed_since) {
        return None;
    }
    let class = match (&claim.storage_class, around.class) {
        (None, _) => "spec.storageClassName is not set".to_owned(),
        (Some(class), Joined::Missing) => {
            format!("spec.storageClassName = {class:?}, and there is no such class")
        }
        (Some(class), Joined::There(_) | Joined::NotRead) => format!("spec.storageClassName = {class}"),
    };
    let volume = match &claim.volume {
        Some(volume) => format!(", spec.volumeName = {volume}"),
        None => String::new(),
    };
    let evidence = format!("status.phase = Pending, {class}{volume}");
    let (what, verdict) = match pods {
        [] => ("has no volume yet".to_owned(), Verdict::Yellow),
        [one] => (format!("has no volume yet, and pod {} waits for it", one.name), Verdict::Red),
        [one, ..] => (
            format!("has no volume yet, and {} pods wait for it, such as {}", pods.len(), one.name),
            Verdict::Red,
        ),
    };
    Some(found("claim-pending", claim.object(), verdict, &what, evidence, needed_since))
}

/// A claim that reads Bound and is not what its volume says.
fn misbound(claim: &PersistentVolumeClaim, around: &Around<'_>, moment: Moment) -> Option<Finding> {
    let name = claim.volume.as_deref().unwrap_or("none");
    let against = match around.volume {
        Joined::NotRead => return None,
        Joined::Missing => "which is not among the volumes".to_owned(),
        Joined::There(volume) => {
            let owner = volume.claim.as_ref();
            if owner.is_some_and(|owner| owner.uid.as_deref() == Some(claim.uid.as_str())) {
                return None;
            }
            match owner {
                Some(owner) => format!(
                    "whose spec.claimRef is {}/{} with uid {}",
                    owner.namespace,
                    owner.name,
                    owner.uid.as_deref().unwrap_or("none")
                ),
                None => "which has no spec.claimRef".to_owned(),
            }
        }
    };
    // The lists are not of one moment: what has just been bound may be in one of them alone.
    if moment.forgives(claim.created_at) {
        return None;
    }
    let evidence =
        format!("status.phase = Bound, metadata.uid = {}, spec.volumeName = {name}, {against}", claim.uid);
    let what = "is bound to a volume that does not know it";
    Some(found("claim-misbound", claim.object(), Verdict::Unknown, what, evidence, None))
}

/// A pod on one node that waits while another node has the volume, which is for one node at a time. The API server says
/// so in events only; the objects say the same.
fn multi_attach_wait(claim: &PersistentVolumeClaim, around: &Around<'_>, moment: Moment) -> Option<Finding> {
    let (Joined::There(pods), Joined::There(volume), Joined::There(attachments)) =
        (around.waiting, around.volume, around.attachments)
    else {
        return None;
    };
    if !volume.is_for_one_node() {
        return None;
    }
    let held = |node: &str| {
        let here = |one: &&&VolumeAttachment| one.attached == Some(true) && one.node == node;
        let there = |one: &&&VolumeAttachment| one.attached == Some(true) && one.node != node;
        if attachments.iter().any(|one| here(&one)) { None } else { attachments.iter().find(there) }
    };
    let (pod, node, holder) = pods.iter().find_map(|pod| {
        let node = pod.node.as_deref()?;
        Some((pod, node, held(node)?)).filter(|_| !moment.forgives(placed(pod)))
    })?;
    let evidence = format!(
        "pod {} waits on node {node}, and {} is attached to node {} by VolumeAttachment {}",
        pod.name,
        volume.object(),
        holder.node,
        holder.name
    );
    let what = "is needed on one node while another one has its volume";
    // A node that is lost gives nothing back.
    let holder = ObjectRef::new("Node", "", &holder.node);
    Some(
        found("multi-attach-wait", claim.object(), Verdict::Red, what, evidence, placed(pod))
            .resting_on(Grounds::each([holder])),
    )
}

/// Since when a pod has its node, or at least is there.
fn placed(pod: &Pod) -> Option<Timestamp> {
    let scheduled = pod.conditions.iter().find(|condition| condition.kind == "PodScheduled");
    scheduled
        .filter(|scheduled| scheduled.status == ConditionStatus::True)
        .and_then(|scheduled| scheduled.since)
        .or(pod.created_at)
}
