//! Volumes, claims and attachments: whether data is where it is wanted, and whether any was lost from sight.
//!
//! What nothing else shows is looked for here: after an outage of the storage a claim may be made again and get a new,
//! empty volume, while the old one lies Released with the data. Apps run then, and all phases read well.
//!
//! Each object is judged by itself, beside what other lists tell of it ([`Joined`]); a list that was not read takes the
//! rules with it that need it, and makes the probe UNKNOWN. The lists are read beside each other and not in one
//! moment, so what two of them say of each other while something is being made is forgiven for the grace time, and what
//! they cannot agree on is UNKNOWN. Of pods only those that wait are looked at: one that runs has its volumes.
//!
//! | Rule | On | Verdict | When | Forgiven |
//! |---|---|---|---|---|
//! | `claim-lost` | claim | RED | phase Lost | never |
//! | `claim-pending` | claim | RED where a pod waits for it, else YELLOW | phase Pending | for the grace time; for ever where its class waits for a pod and none uses it |
//! | `claim-terminating` | claim | YELLOW | being deleted, whatever its phase | for the grace time |
//! | `claim-misbound` | claim | UNKNOWN | Bound to a volume that is not there, or that names another claim | for the grace time |
//! | `claim-phase-missing` | claim | UNKNOWN | no phase | for the grace time |
//! | `claim-phase-unknown` | claim | UNKNOWN | a phase that is not known | never |
//! | `multi-attach-wait` | claim | RED | a pod on one node waits for it while another node has its volume, which is for one node | for the grace time |
//! | `lost-data` | volume | RED, YELLOW or UNKNOWN | Released, and the claim that it names has another volume. RED where that one is not older, or was made by no driver and was free when it was chosen; UNKNOWN where its age is not known; YELLOW where an older one may hold the data or not | never; not where the older one was made by a driver and reserved for the claim by name: it was brought back |
//! | `released-claim-waits` | volume | YELLOW | Released, and the claim that it names waits: a new, empty volume may be made for it | never |
//! | `volume-not-reclaimed` | volume | YELLOW | Released, and not deleted as its policy says | for the grace time |
//! | `volume-released` | volume | listed | Released: kept, and nobody's, or left over by a copy or pod that makes its claims anew | - |
//! | `volume-failed` | volume | RED | phase Failed | never |
//! | `volume-terminating` | volume | YELLOW | being deleted, whatever its phase | for the grace time, but never while it reads Bound |
//! | `volume-claim-missing` | volume | UNKNOWN | Bound to a claim that is not there | for the grace time |
//! | `volume-pending` | volume | UNKNOWN | phase Pending, or none | for the grace time |
//! | `volume-phase-unknown` | volume | UNKNOWN | a phase that is not known | never |
//! | `multi-attach` | volume | RED | for one node, and attached to several | never |
//! | `attach-failed` | attachment | RED, YELLOW for the grace time | not attached, with an error | never |
//! | `attach-unanswered` | attachment | UNKNOWN | not attached, without an error | for the grace time |
//! | `detach-failed` | attachment | YELLOW | an error of detaching | never |
//! | `detach-overdue` | attachment | YELLOW | being detached, without an error | for the grace time |
//! | `not-read` | the probe | UNKNOWN | a list could not be read | never |

mod attachments;
mod claims;
mod persistent;

use super::{age, finding, judged};
use crate::cluster::{
    ClaimPhase, ClusterError, ObjectRef, PersistentVolume, PersistentVolumeClaim, Pod, PodPhase,
    StorageClass, VolumeAttachment, VolumePhase,
};
use crate::health::{Finding, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// A list as it was read.
pub(in crate::health) type List<'a, T> = Result<&'a [T], &'a ClusterError>;

/// Everything that the judgement of volumes needs.
pub(in crate::health) struct VolumesReading<'a> {
    /// All volumes.
    pub(in crate::health) volumes: List<'a, PersistentVolume>,
    /// All claims.
    pub(in crate::health) claims: List<'a, PersistentVolumeClaim>,
    /// All attachments.
    pub(in crate::health) attachments: List<'a, VolumeAttachment>,
    /// All classes.
    pub(in crate::health) classes: List<'a, StorageClass>,
    /// All pods, or at least those that are not well.
    pub(in crate::health) pods: Result<Vec<&'a Pod>, &'a ClusterError>,
}

/// What another list tells of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined<T> {
    /// It is there.
    There(T),
    /// The list was read, and it is not there.
    Missing,
    /// The list was not read.
    NotRead,
}

/// The moment of a judgement, and how long what is normal is forgiven.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Timestamp,
    grace: Duration,
}

impl Moment {
    /// Whether what began then is still to be forgiven. What nobody knows the beginning of is not.
    fn forgives(self, since: Option<Timestamp>) -> bool {
        since.is_some_and(|since| age(self.now, since) <= self.grace)
    }
}

/// Pods that wait, by the claims that they mount.
type Waiting<'a> = HashMap<(&'a str, &'a str), Vec<&'a Pod>>;

/// The lists by what they are asked for. `None`: not read.
struct Index<'a> {
    volumes: Option<HashMap<&'a str, &'a PersistentVolume>>,
    claims: Option<HashMap<(&'a str, &'a str), &'a PersistentVolumeClaim>>,
    classes: Option<HashMap<&'a str, &'a StorageClass>>,
    attachments: Option<HashMap<&'a str, Vec<&'a VolumeAttachment>>>,
    waiting: Option<Waiting<'a>>,
}

fn joined<K: std::hash::Hash + Eq, T: Copy>(index: Option<&HashMap<K, T>>, key: &K) -> Joined<T> {
    match index {
        None => Joined::NotRead,
        Some(index) => index.get(key).map_or(Joined::Missing, |one| Joined::There(*one)),
    }
}

/// All of a kind that stand at a key: none where there are none.
fn joined_all<'a, K: std::hash::Hash + Eq, T>(
    index: Option<&'a HashMap<K, Vec<&'a T>>>,
    key: &K,
) -> Joined<&'a [&'a T]> {
    index.map_or(Joined::NotRead, |index| Joined::There(index.get(key).map_or(&[], Vec::as_slice)))
}

impl<'a> Index<'a> {
    fn of(reading: &VolumesReading<'a>) -> Self {
        let by_name = |volumes: &'a [PersistentVolume]| {
            volumes.iter().map(|volume| (volume.name.as_str(), volume)).collect()
        };
        let by_claim = |claims: &'a [PersistentVolumeClaim]| {
            claims.iter().map(|claim| ((claim.namespace.as_str(), claim.name.as_str()), claim)).collect()
        };
        let by_class =
            |classes: &'a [StorageClass]| classes.iter().map(|class| (class.name.as_str(), class)).collect();
        Self {
            volumes: reading.volumes.ok().map(by_name),
            claims: reading.claims.ok().map(by_claim),
            classes: reading.classes.ok().map(by_class),
            attachments: reading.attachments.ok().map(by_volume),
            waiting: reading.pods.as_ref().ok().map(|pods| waiting(pods)),
        }
    }

    fn volume(&self, name: &str) -> Joined<&'a PersistentVolume> {
        joined(self.volumes.as_ref(), &name)
    }
}

fn by_volume(attachments: &[VolumeAttachment]) -> HashMap<&str, Vec<&VolumeAttachment>> {
    let mut by_volume: HashMap<&str, Vec<&VolumeAttachment>> = HashMap::new();
    for attachment in attachments {
        if let Some(volume) = &attachment.volume {
            by_volume.entry(volume).or_default().push(attachment);
        }
    }
    by_volume
}

/// A pod that waits for a volume is Pending, whether it has a node or not.
fn waiting<'a>(pods: &[&'a Pod]) -> Waiting<'a> {
    let mut waiting: Waiting<'_> = HashMap::new();
    let pending = |pod: &&Pod| pod.phase == PodPhase::Pending && pod.deleted_at.is_none();
    for pod in pods.iter().copied().filter(pending) {
        for claim in &pod.claims {
            waiting.entry((&pod.namespace, claim)).or_default().push(pod);
        }
    }
    waiting
}

/// Judges all volumes, claims and attachments.
pub(in crate::health) fn judge_volumes(
    reading: &VolumesReading<'_>,
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    let moment = Moment { now, grace };
    let index = Index::of(reading);
    let mut findings: Vec<Finding> = not_read(reading).into_iter().collect();
    for claim in reading.claims.unwrap_or_default() {
        let place = (claim.namespace.as_str(), claim.name.as_str());
        let around = claims::Around {
            class: match &claim.storage_class {
                Some(class) => joined(index.classes.as_ref(), &class.as_str()),
                None => Joined::Missing,
            },
            waiting: joined_all(index.waiting.as_ref(), &place),
            volume: match &claim.volume {
                Some(volume) => index.volume(volume),
                None => Joined::Missing,
            },
            attachments: match &claim.volume {
                Some(volume) => joined_all(index.attachments.as_ref(), &volume.as_str()),
                None => Joined::Missing,
            },
        };
        findings.extend(claims::judge_claim(claim, &around, moment));
    }
    for volume in reading.volumes.unwrap_or_default() {
        let claim = match &volume.claim {
            Some(claim) => joined(index.claims.as_ref(), &(claim.namespace.as_str(), claim.name.as_str())),
            None => Joined::Missing,
        };
        let other = match claim {
            Joined::There(PersistentVolumeClaim { volume: Some(other), .. }) => index.volume(other),
            Joined::There(_) | Joined::Missing | Joined::NotRead => Joined::Missing,
        };
        let attachments = joined_all(index.attachments.as_ref(), &volume.name.as_str());
        findings.extend(persistent::judge_volume(volume, claim, other, moment));
        findings.extend(persistent::judge_attached(volume, attachments));
    }
    for attachment in reading.attachments.unwrap_or_default() {
        findings.extend(attachments::judge_attachment(attachment, moment));
    }
    judged(Probe::Volumes, summary(reading), findings)
}

fn found(
    rule: &str,
    object: ObjectRef,
    verdict: Verdict,
    what: &str,
    evidence: String,
    since: Option<Timestamp>,
) -> Finding {
    let message = format!("{object} {what}");
    finding(Probe::Volumes, rule, object, verdict, message, evidence).since(since)
}

/// A list that was not read takes its rules with it: UNKNOWN, with each list by its name.
fn not_read(reading: &VolumesReading<'_>) -> Option<Finding> {
    let errors = [
        ("persistentvolumes", reading.volumes.err()),
        ("persistentvolumeclaims", reading.claims.err()),
        ("volumeattachments", reading.attachments.err()),
        ("storageclasses", reading.classes.err()),
        ("pods", reading.pods.as_ref().err().copied()),
    ];
    super::lists_not_read(Probe::Volumes, &errors)
}

fn summary(reading: &VolumesReading<'_>) -> String {
    let claims = match reading.claims {
        Ok(claims) => {
            let bound = claims.iter().filter(|claim| claim.phase == Some(ClaimPhase::Bound)).count();
            format!("{bound} of {} claims bound", claims.len())
        }
        Err(_) => "claims not read".to_owned(),
    };
    let volumes = match reading.volumes {
        Ok(volumes) => {
            let of = |phase: VolumePhase| {
                volumes.iter().filter(|volume| volume.phase.as_ref() == Some(&phase)).count()
            };
            let (bound, released) = (of(VolumePhase::Bound), of(VolumePhase::Released));
            let released = if released == 0 { String::new() } else { format!(", {released} released") };
            format!("{bound} of {} volumes bound{released}", volumes.len())
        }
        Err(_) => "volumes not read".to_owned(),
    };
    format!("{claims}, {volumes}")
}

#[cfg(test)]
mod tests;
