//! One volume, beside the claim that it names and that claim's own volume.

use super::{Joined, Moment, found};
use crate::cluster::{
    ClaimPhase, ClaimReference, PersistentVolume, PersistentVolumeClaim, ReclaimPolicy, VolumeAttachment,
    VolumePhase, claim_object,
};
use crate::health::{Finding, Verdict};
use std::collections::BTreeSet;

/// Judges one volume. `claim` is the one of the namespace and name in its `claimRef`, whatever its uid; `other` is the
/// volume which that claim names.
pub(super) fn judge_volume(
    volume: &PersistentVolume,
    claim: Joined<&PersistentVolumeClaim>,
    other: Joined<&PersistentVolume>,
    moment: Moment,
) -> Option<Finding> {
    let of = |rule, verdict, what: &str, evidence| {
        found(rule, volume.object(), verdict, what, evidence, volume.phase_since)
    };
    if volume.phase == Some(VolumePhase::Failed) {
        let evidence = format!("status.phase = Failed: {}", volume.message);
        return Some(of("volume-failed", Verdict::Red, "could not be taken back", evidence));
    }
    if let Some(asked) = volume.deleted_at {
        let bound = volume.phase == Some(VolumePhase::Bound);
        if !bound && moment.forgives(Some(asked)) {
            return None;
        }
        let (what, phase) = if bound {
            ("is to be deleted while a claim has it", "Bound")
        } else {
            ("is being deleted for too long", word(volume.phase.as_ref()))
        };
        let evidence = format!("metadata.deletionTimestamp = {asked}, status.phase = {phase}");
        return Some(of("volume-terminating", Verdict::Yellow, what, evidence).since(Some(asked)));
    }
    match &volume.phase {
        Some(VolumePhase::Bound) => claim_missing(volume, claim, moment),
        Some(VolumePhase::Released) => released(volume, claim, other, moment),
        // A failed one was told of above.
        Some(VolumePhase::Available | VolumePhase::Failed) => None,
        Some(VolumePhase::Unknown(word)) => {
            let (what, evidence) = ("is in a phase that nobody knows", format!("status.phase = {word}"));
            Some(of("volume-phase-unknown", Verdict::Unknown, what, evidence))
        }
        Some(VolumePhase::Pending) | None => (!moment.forgives(volume.created_at)).then(|| {
            let evidence = format!("status.phase = {}", word(volume.phase.as_ref()));
            let what = "was not looked at by anybody";
            of("volume-pending", Verdict::Unknown, what, evidence).since(volume.created_at)
        }),
    }
}

fn word(phase: Option<&VolumePhase>) -> &str {
    match phase {
        None => "none",
        Some(VolumePhase::Pending) => "Pending",
        Some(VolumePhase::Available) => "Available",
        Some(VolumePhase::Bound) => "Bound",
        Some(VolumePhase::Released) => "Released",
        Some(VolumePhase::Failed) => "Failed",
        Some(VolumePhase::Unknown(word)) => word,
    }
}

/// A volume that reads Bound, and whose claim is gone: nobody has looked, or the lists are not of one moment.
fn claim_missing(
    volume: &PersistentVolume,
    claim: Joined<&PersistentVolumeClaim>,
    moment: Moment,
) -> Option<Finding> {
    let named = volume.claim.as_ref();
    let there = match claim {
        Joined::NotRead => return None,
        Joined::Missing => false,
        Joined::There(claim) => named.is_some_and(|named| named.uid.as_deref() == Some(claim.uid.as_str())),
    };
    if there || moment.forgives(volume.phase_since.or(volume.created_at)) {
        return None;
    }
    let evidence = match named {
        Some(named) => format!(
            "status.phase = Bound, and there is no {} with uid {}",
            claim_object(&named.namespace, &named.name),
            named.uid.as_deref().unwrap_or("none")
        ),
        None => "status.phase = Bound without spec.claimRef".to_owned(),
    };
    let what = "is bound to a claim that is not there";
    let since = volume.phase_since;
    Some(found("volume-claim-missing", volume.object(), Verdict::Unknown, what, evidence, since))
}

/// A volume whose claim was deleted. It never binds again by itself, even to a claim of the same name.
fn released(
    volume: &PersistentVolume,
    claim: Joined<&PersistentVolumeClaim>,
    other: Joined<&PersistentVolume>,
    moment: Moment,
) -> Option<Finding> {
    let Some(named) = &volume.claim else { return Some(orphan(volume, None, moment)) };
    let claim = match claim {
        Joined::There(claim) => claim,
        Joined::Missing | Joined::NotRead => return Some(orphan(volume, Some(named), moment)),
    };
    if claim.made_for.is_some() {
        // A copy that was made anew: what the last one left is nobody's.
        return Some(orphan(volume, Some(named), moment));
    }
    let its_own = named.uid.as_deref() == Some(claim.uid.as_str());
    let binding = claim.volume.as_deref() == Some(volume.name.as_str());
    if its_own || binding && claim.phase == Some(ClaimPhase::Bound) {
        // It has its claim: the volume was read a moment before.
        return None;
    }
    if claim.volume.is_some() && matches!(claim.phase, Some(ClaimPhase::Bound | ClaimPhase::Lost)) {
        return Some(replaced(volume, named, claim, other, moment));
    }
    let evidence = format!(
        "status.phase = Released, spec.claimRef = {}/{}, and that claim, made again, has no volume yet",
        named.namespace, named.name
    );
    let what = format!("is released while {} waits: a new, empty one may be made for it", claim.object());
    let since = volume.phase_since.max(claim.created_at);
    Some(found("released-claim-waits", volume.object(), Verdict::Yellow, &what, evidence, since))
}

/// The claim that this volume was released from has another one. Who got which and when cannot be read; who made the other
/// one, and who chose it, can. A younger one was made for the claim after this one, and empty: the data lies here. An older
/// one is what a person brings back, and it is what a claim gets that finds a free volume of somebody's:
///
/// - it was made for an earlier claim and then reserved for this one by name: brought back, and this one is left over;
/// - nobody made it for a claim, and it was free and chosen: nothing says that it ever held what lies here;
/// - anything else may be either.
fn replaced(
    volume: &PersistentVolume,
    named: &ClaimReference,
    claim: &PersistentVolumeClaim,
    other: Joined<&PersistentVolume>,
    moment: Moment,
) -> Finding {
    let name = claim.volume.as_deref().unwrap_or("none");
    let filled = match &claim.data_source {
        Some((kind, source)) => format!("; the claim was to be filled from {kind} {source}"),
        None => String::new(),
    };
    let start = format!("status.phase = Released, spec.claimRef = {}/{}", named.namespace, named.name);
    let ages = match other {
        Joined::There(other) => volume.created_at.zip(other.created_at),
        Joined::Missing | Joined::NotRead => None,
    };
    let (verdict, what, evidence, since) = match ages {
        Some((ours, theirs)) if theirs < ours => {
            let (provisioned, chosen) = match other {
                Joined::There(other) => (other.provisioned, other.chosen),
                Joined::Missing | Joined::NotRead => (false, true),
            };
            let made = |whose: &str| {
                format!("{start}, made {ours}; the claim has {name}, made {theirs} {whose}{filled}")
            };
            match (provisioned, chosen) {
                (true, false) => return orphan(volume, Some(named), moment),
                (false, true) => (
                    Verdict::Red,
                    format!("holds what {} had: the claim got a volume that was free", claim.object()),
                    made("by nobody's driver, and chosen since it was free"),
                    volume.phase_since,
                ),
                (true, true) | (false, false) => (
                    Verdict::Yellow,
                    format!("may hold what {} had: which of two volumes does cannot be told", claim.object()),
                    made(if provisioned {
                        "for another claim, and chosen since it was free"
                    } else {
                        "by nobody's driver, and reserved for it"
                    }),
                    volume.phase_since,
                ),
            }
        }
        Some((ours, theirs)) => (
            Verdict::Red,
            format!("holds what {} had: the claim is bound to a younger volume", claim.object()),
            format!("{start}, made {ours}; the claim has {name}, made {theirs}{filled}"),
            Some(theirs),
        ),
        None => (
            Verdict::Unknown,
            format!("may hold what {} had: the claim is bound to another volume", claim.object()),
            format!("{start}; the claim has {name}, whose age is not known{filled}"),
            volume.phase_since,
        ),
    };
    found("lost-data", volume.object(), verdict, &what, evidence, since)
}

/// A volume that is nobody's. Kept on purpose it is listed; one that should be gone by its policy is not well.
fn orphan(volume: &PersistentVolume, named: Option<&ClaimReference>, moment: Moment) -> Finding {
    let whose = match named {
        Some(named) => format!("{}/{}", named.namespace, named.name),
        None => "nobody".to_owned(),
    };
    let size = if volume.capacity.is_empty() { "an unknown size" } else { &volume.capacity };
    let policy = match volume.reclaim {
        ReclaimPolicy::Retain => "is kept",
        ReclaimPolicy::Reclaim => "is to be deleted or used again",
        ReclaimPolicy::Unknown => "has a reclaim policy that is not known",
    };
    let evidence = format!("status.phase = Released, spec.claimRef = {whose}, {size}, {policy}");
    let (object, since) = (volume.object(), volume.phase_since);
    if volume.reclaim == ReclaimPolicy::Reclaim && !moment.forgives(since) {
        let what = "is not taken back as its policy says";
        return found("volume-not-reclaimed", object, Verdict::Yellow, what, evidence, since);
    }
    let what = "is nobody's";
    found("volume-released", object, Verdict::Yellow, what, evidence, since).listed_only()
}

/// A volume for one node that several have: whoever writes destroys what the others write.
pub(super) fn judge_attached(
    volume: &PersistentVolume,
    attachments: Joined<&[&VolumeAttachment]>,
) -> Option<Finding> {
    let Joined::There(attachments) = attachments else { return None };
    let attached = || attachments.iter().filter(|attachment| attachment.attached == Some(true));
    let nodes: BTreeSet<&str> = attached().map(|attachment| attachment.node.as_str()).collect();
    if !volume.is_for_one_node() || nodes.len() < 2 {
        return None;
    }
    let nodes = nodes.into_iter().collect::<Vec<_>>().join(", ");
    let evidence = format!(
        "spec.accessModes = {}, and status.attached = true on {nodes}",
        volume.access_modes.join(", ")
    );
    let since = attached().map(|attachment| attachment.created_at).max().flatten();
    let what = "is for one node and attached to several";
    Some(found("multi-attach", volume.object(), Verdict::Red, what, evidence, since))
}
