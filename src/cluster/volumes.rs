//! Our own words for volumes, what holds them, and what copies them.
//!
//! A phase that is not known keeps its word, since a person has to read it; a phase that is not there is another thing
//! than one that is not known. What a copy's mover logged is read for what it means and not kept: credentials stand in
//! addresses of repositories.

use super::{Condition, ObjectRef};
use jiff::Timestamp;

/// A claim's phase. A claim that is being deleted keeps the phase that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClaimPhase {
    /// It has no volume yet.
    Pending,
    /// It has one.
    Bound,
    /// Its volume is gone. Not final: a volume of that name with the claim's uid mends it.
    Lost,
    /// A word we do not know.
    Unknown(String),
}

/// A `PersistentVolumeClaim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersistentVolumeClaim {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// What tells it apart from one of the same name that was there before.
    pub(crate) uid: String,
    /// Its phase; none while nobody has looked at it.
    pub(crate) phase: Option<ClaimPhase>,
    /// The volume that it has, or that it wants and no other (`spec.volumeName`).
    pub(crate) volume: Option<String>,
    /// Its class; none where there was no default, and empty where it wants none.
    pub(crate) storage_class: Option<String>,
    /// What made it and takes it away again, where it does not exist for itself: a copy that is being made, or a pod with
    /// a volume of its own. Then it comes and goes under one name, each time with another volume.
    pub(crate) made_for: Option<ObjectRef>,
    /// What its volume is filled from, as kind and name.
    pub(crate) data_source: Option<(String, String)>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
}

impl PersistentVolumeClaim {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        claim_object(&self.namespace, &self.name)
    }
}

/// A claim, for evidence.
pub(crate) fn claim_object(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new("PersistentVolumeClaim", namespace, name)
}

/// A volume's phase. It lags behind the spec, and a volume that is being deleted keeps the phase that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VolumePhase {
    /// Nobody has looked at it.
    Pending,
    /// Free, or reserved for a claim by name.
    Available,
    /// A claim has it.
    Bound,
    /// Its claim is gone.
    Released,
    /// It could not be taken back.
    Failed,
    /// A word we do not know.
    Unknown(String),
}

/// What happens to a volume whose claim is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReclaimPolicy {
    /// It is kept.
    Retain,
    /// It is deleted, or scrubbed and offered again.
    Reclaim,
    /// A word we do not know.
    Unknown,
}

/// The claim that a volume names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimReference {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Which one of that name. None: reserved for whichever comes.
    pub(crate) uid: Option<String>,
}

/// A `PersistentVolume`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersistentVolume {
    /// Its name.
    pub(crate) name: String,
    /// Its phase; none while nobody has looked at it.
    pub(crate) phase: Option<VolumePhase>,
    /// Since when it has that phase, where the server tells.
    pub(crate) phase_since: Option<Timestamp>,
    /// Why it has that phase, in its own words.
    pub(crate) message: String,
    /// The claim that has it, had it, or that it is kept for.
    pub(crate) claim: Option<ClaimReference>,
    /// What happens to it without its claim.
    pub(crate) reclaim: ReclaimPolicy,
    /// How it may be mounted.
    pub(crate) access_modes: Vec<String>,
    /// Its size as it is written.
    pub(crate) capacity: String,
    /// Whether it was made for a claim by its driver, and not by a person.
    pub(crate) provisioned: bool,
    /// Whether it was free when its claim got it, and chosen for it. One that is reserved for a claim by name, or made for
    /// it, is not. It stays so after its claim.
    pub(crate) chosen: bool,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
}

impl PersistentVolume {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("PersistentVolume", "", &self.name)
    }

    /// Whether one node alone may have it at a time.
    pub(crate) fn is_for_one_node(&self) -> bool {
        !self.access_modes.is_empty()
            && self
                .access_modes
                .iter()
                .all(|mode| matches!(mode.as_str(), "ReadWriteOnce" | "ReadWriteOncePod"))
    }
}

/// What a driver said about something that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DriverError {
    /// In its own words.
    pub(crate) message: String,
    /// When.
    pub(crate) at: Option<Timestamp>,
}

impl DriverError {
    /// Whether the driver still holds an operation on the volume and refuses all others: waiting does not help, the
    /// provisioner is started anew.
    pub(crate) fn is_operation_lock(&self) -> bool {
        self.message.contains("n operation with the given") && self.message.contains("already exists")
    }
}

/// A `VolumeAttachment`: a volume on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeAttachment {
    /// Its name.
    pub(crate) name: String,
    /// The volume; none for one that a pod defines by itself.
    pub(crate) volume: Option<String>,
    /// The node.
    pub(crate) node: String,
    /// Whether it is there; none while the driver has not answered.
    pub(crate) attached: Option<bool>,
    /// Why it could not be attached.
    pub(crate) attach_error: Option<DriverError>,
    /// Why it could not be detached.
    pub(crate) detach_error: Option<DriverError>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its deletion, which is the detaching, was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
}

impl VolumeAttachment {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("VolumeAttachment", "", &self.name)
    }
}

/// A `StorageClass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StorageClass {
    /// Its name.
    pub(crate) name: String,
    /// Whether a claim gets its volume only once a pod uses it.
    pub(crate) waits_for_consumer: bool,
}

/// A `VolumeSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeSnapshot {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The claim that it is taken of.
    pub(crate) claim: Option<String>,
    /// Whether a controller has written anything about it.
    pub(crate) has_status: bool,
    /// Whether it can be used. None is not false: nobody has said it yet.
    pub(crate) ready: Option<bool>,
    /// What went wrong. One that went wrong first may be ready later and keep this.
    pub(crate) error: Option<DriverError>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
}

/// What starts a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CopyTrigger {
    /// A word in the spec; goes before a schedule.
    Manual {
        /// Whether the copy for this word is done.
        done: bool,
    },
    /// The clock.
    Schedule,
    /// The end of the one before.
    Endless,
}

/// Who makes the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mover {
    /// A Job of `VolSync`, which ends; or none at all, which `VolSync` says.
    Job,
    /// Syncthing, whose copying never ends.
    Endless,
    /// Another program: `VolSync` writes no status then.
    Foreign,
}

/// How the newest copy ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MoverResult {
    /// Well.
    Successful,
    /// Badly.
    Failed {
        /// Whether the repository was locked by another.
        locked: bool,
    },
    /// A word we do not know.
    Unknown(String),
}

/// A `VolSync` `ReplicationSource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReplicationSource {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The claim that it copies.
    pub(crate) claim: Option<String>,
    /// Whether it is switched off (`spec.paused`).
    pub(crate) paused: bool,
    /// Who copies.
    pub(crate) mover: Mover,
    /// What starts it.
    pub(crate) trigger: CopyTrigger,
    /// Whether a controller has written anything about it.
    pub(crate) has_status: bool,
    /// `Synchronizing`, where reported.
    pub(crate) synchronizing: Option<Condition>,
    /// How the newest copy ended, where reported. Stays while the next one runs.
    pub(crate) result: Option<MoverResult>,
    /// When the last good copy ended.
    pub(crate) last_sync: Option<Timestamp>,
    /// When the copy that runs now was begun; none when none runs.
    pub(crate) sync_started: Option<Timestamp>,
    /// When the next one is due. In the past: it is due, whether it runs or not.
    pub(crate) next_sync: Option<Timestamp>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
}
