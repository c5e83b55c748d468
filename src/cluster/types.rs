//! Our own words for what a cluster holds: only what a verdict or a decision needs.

use super::{ClusterError, ClusterResult};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Whether a kind is installed. A kind that is not installed is "not used here"; one that may not be read is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Installed<T> {
    /// The API serves the kind.
    Yes(T),
    /// The API does not know the kind (404 for the group or kind, read with rights).
    No,
}

impl<T> Installed<Vec<T>> {
    /// The objects; none of a kind that is not installed.
    pub(crate) fn into_items(self) -> Vec<T> {
        match self {
            Self::Yes(items) => items,
            Self::No => Vec::new(),
        }
    }

    /// The objects of a kind that is always there where others of its group are. That it is not served then is an answer
    /// that nobody understands, and never "none of it".
    pub(super) fn served(self, group: &str, kind: &str) -> ClusterResult<Vec<T>> {
        match self {
            Self::Yes(items) => Ok(items),
            Self::No => Err(ClusterError::Unreadable {
                what: format!("GET {group}"),
                said: format!("{kind} is not served, although what belongs to it is"),
            }),
        }
    }
}

/// An object, for evidence and identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ObjectRef {
    /// The kind, such as `Pod`.
    pub(crate) kind: String,
    /// The namespace; empty for cluster-wide kinds.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
}

impl ObjectRef {
    /// A reference.
    pub(crate) fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(formatter, "{} {}", self.kind, self.name)
        } else {
            write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// The three values of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows, or a word we do not know.
    Unknown,
}

/// A condition of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its type, such as `Ready`.
    pub(crate) kind: String,
    /// Its value.
    pub(crate) status: ConditionStatus,
    /// One word.
    pub(crate) reason: String,
    /// A sentence.
    pub(crate) message: String,
    /// Since when it has this value.
    pub(crate) since: Option<Timestamp>,
    /// The reporter's last word on it, where the kind has that.
    pub(crate) heartbeat: Option<Timestamp>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
    /// Cordoned.
    pub(crate) unschedulable: bool,
    /// The kubelet's version.
    pub(crate) kubelet_version: String,
    /// When its lease in `kube-node-lease` was renewed, where that may be read.
    pub(crate) lease_renewed: Option<Timestamp>,
    /// What those who work on it left on it.
    pub(crate) marks: super::NodeMarks,
    /// What it can give to pods, where it tells.
    pub(crate) allocatable: Option<Resources>,
}

/// CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resources {
    /// Thousandths of a core.
    pub(crate) cpu_millis: u64,
    /// Bytes.
    pub(crate) memory_bytes: u64,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContainerState {
    /// It waits; `reason` such as `ImagePullBackOff`.
    Waiting {
        /// One word.
        reason: String,
        /// A sentence.
        message: String,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It has ended.
    Terminated {
        /// One word, such as `OOMKilled`.
        reason: String,
        /// Its exit code.
        exit_code: i32,
        /// When.
        finished_at: Option<Timestamp>,
        /// What it wrote down for whoever asks why; nothing where those are lines of its log.
        message: String,
        /// What its last words say of a disk, also where they are of its log.
        disk: Option<DiskWord>,
    },
    /// Nothing was reported.
    Unknown,
}

/// What a program says of a disk before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskWord {
    /// Nothing can be written (`EROFS`).
    ReadOnly,
    /// Reading or writing failed (`EIO`).
    Fails,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is an init container.
    pub(crate) init: bool,
    /// The image of the spec.
    pub(crate) image: String,
    /// Whether it is ready.
    pub(crate) ready: bool,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// What it does now.
    pub(crate) state: ContainerState,
    /// What it did before the last restart.
    pub(crate) last_state: Option<ContainerState>,
}

/// A pod's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PodPhase {
    /// Not all containers were started.
    Pending,
    /// Bound and started.
    Running,
    /// All ended well.
    Succeeded,
    /// All ended, at least one badly.
    Failed,
    /// The node does not tell, or a word we do not know.
    Unknown,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pod {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Its phase; says little by itself.
    pub(crate) phase: PodPhase,
    /// `status.reason`, such as `Evicted`.
    pub(crate) reason: String,
    /// `status.message`: why, in the kubelet's words.
    pub(crate) message: String,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
    /// Where it runs.
    pub(crate) node: Option<String>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its time to end is over: the moment that its deletion was asked for plus its grace period.
    pub(crate) deleted_at: Option<Timestamp>,
    /// Its controller (a `ReplicaSet`, `StatefulSet`, Job...).
    pub(crate) owner: Option<ObjectRef>,
    /// Its containers, init containers first.
    pub(crate) containers: Vec<Container>,
    /// The claims that it mounts.
    pub(crate) claims: Vec<String>,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// Pods of an older template that nothing will update by itself, as the update strategy says: they count as updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldBack {
    /// So many wait until somebody deletes them (`OnDelete`).
    UntilDeleted(i64),
    /// So many are below the partition of a rolling update.
    ByPartition(i64),
}

/// A Deployment, `StatefulSet` or `DaemonSet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// The version of its spec.
    pub(crate) generation: i64,
    /// The version its controller has seen. Older: the counts below belong to an older spec.
    pub(crate) observed_generation: i64,
    /// How many pods are wanted.
    pub(crate) desired: i64,
    /// How many there are.
    pub(crate) replicas: i64,
    /// How many have the newest template, or are held back from it.
    pub(crate) updated: i64,
    /// Those that are held back.
    pub(crate) held_back: Option<HeldBack>,
    /// How many serve.
    pub(crate) available: i64,
    /// Whether its rollout is paused.
    pub(crate) paused: bool,
    /// Conditions.
    pub(crate) conditions: Vec<Condition>,
    /// The images of its pod template.
    pub(crate) images: Vec<String>,
    /// Names and values (values of plain variables only) of its environment: hints of a database client.
    pub(crate) environment: Vec<(String, String)>,
    /// Its commands and their arguments: hints as well, and never shown, since passwords stand there.
    pub(crate) arguments: Vec<String>,
    /// Whether a container takes the whole of a Secret or `ConfigMap` as its environment, or mounts a Secret: settings that
    /// are not to be seen.
    pub(crate) hidden_environment: bool,
    /// Whether its pods mount anything that may outlive them: a claim, a claim template, a host path, a volume of a server.
    pub(crate) has_volume: bool,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// The labels of the pods that it makes.
    pub(crate) pod_labels: BTreeMap<String, String>,
    /// Its annotations.
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Workload {
    /// Whether what is wanted is there, of the newest template, and serves: then time alone makes nothing of it.
    pub(crate) fn is_complete(&self) -> bool {
        let failed = |one: &Condition| one.kind == "Progressing" && one.status == ConditionStatus::False;
        !self.paused
            && self.observed_generation >= self.generation
            && self.available >= self.desired
            && self.updated == self.desired
            && self.replicas == self.updated
            && !self.conditions.iter().any(failed)
    }
}

/// Says of a workload that it is to be known although it is well.
pub(crate) type KeepsWorkload = fn(&Workload) -> bool;

/// A source of an Argo CD Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApplicationSource {
    /// The repository's address as the Application writes it.
    pub(crate) repository_url: String,
    /// The folder, for a Git source.
    pub(crate) path: String,
    /// The chart, for a Helm source: its revision is a chart version, not a commit.
    pub(crate) chart: Option<String>,
    /// Branch, tag, commit or version; empty means HEAD.
    pub(crate) target_revision: String,
    /// The name by which other sources of the Application refer to files of this one (`ref`).
    pub(crate) reference: Option<String>,
    /// `helm.valueFiles`: paths, relative to `path` or, as `$name/...`, to the root of the source of that name.
    pub(crate) value_files: Vec<String>,
    /// All that it says: values, parameters, patches and whatever else changes what is made of it.
    pub(crate) whole: super::Fingerprint,
}

/// Whether an Application's objects are as its sources say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SyncStatus {
    /// They are.
    Synced,
    /// They are not.
    OutOfSync,
    /// Nobody knows, or a word we do not know.
    Unknown,
}

/// An Application's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ApplicationHealth {
    /// The only good one.
    Healthy,
    /// On its way.
    Progressing,
    /// Broken.
    Degraded,
    /// Switched off.
    Suspended,
    /// Not there.
    Missing,
    /// Nobody knows, or a word we do not know.
    Unknown,
}

/// The phase of a sync operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationPhase {
    /// In work, or (with `finished_at`) waiting for a retry.
    Running,
    /// Being stopped.
    Terminating,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Could not be done.
    Error,
    /// A word we do not know.
    Unknown,
}

/// Who began an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BegunBy {
    /// Argo CD by itself.
    Itself,
    /// caretaker.
    Us,
    /// Anybody else. Whoever writes one into the object without a name is a person no less.
    Person,
}

/// `status.operationState` of an Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationState {
    /// Where it stands.
    pub(crate) phase: OperationPhase,
    /// In its own words.
    pub(crate) message: String,
    /// The revision(s) that it syncs to, in the order of the sources.
    pub(crate) revisions: Vec<String>,
    /// The sources that it was of, where Argo CD has written them down.
    pub(crate) sources: Vec<ApplicationSource>,
    /// Whether it syncs a few resources alone (self-heal): proves nothing about a commit.
    pub(crate) partial: bool,
    /// Who began it.
    pub(crate) begun_by: BegunBy,
    /// How often it was retried.
    pub(crate) retries: u32,
    /// When it was started.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended (or when the last try did).
    pub(crate) finished_at: Option<Timestamp>,
}

/// One object of an Application's inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApplicationResource {
    /// The object.
    pub(crate) object: ObjectRef,
    /// Its health, where the Application tells.
    pub(crate) health: Option<ApplicationHealth>,
}

/// An Argo CD Application, in one version of the object.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the object, independent of the others")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Application {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// For the optimistic lock.
    pub(crate) resource_version: String,
    /// A refresh was asked for and not done yet (the annotation is there).
    pub(crate) refresh_requested: bool,
    /// By whom an operation was asked for that has not ended yet (`operation` is there).
    pub(crate) operation_requested: Option<BegunBy>,
    /// Whether Argo CD syncs it by itself.
    pub(crate) automated: bool,
    /// Whether a person told the controller not to look at it (the annotation `skip-reconcile`).
    pub(crate) skips_reconcile: bool,
    /// Whether its automated sync prunes.
    pub(crate) prune: bool,
    /// `spec.syncPolicy.syncOptions`.
    pub(crate) sync_options: Vec<String>,
    /// The `ApplicationSet` that made it.
    pub(crate) made_by: Option<ObjectRef>,
    /// Whether that syncs what it makes step by step, one after the other: known once the sets are read as well.
    pub(crate) rolled_by_set: bool,
    /// `spec.source(s)`.
    pub(crate) sources: Vec<ApplicationSource>,
    /// Where its manifests are made from, where Argo CD hydrates them into the branch that it syncs from.
    pub(crate) dry: Option<DrySource>,
    /// `status.sync.comparedTo.source(s)`: what `revisions` belong to.
    pub(crate) compared_sources: Vec<ApplicationSource>,
    /// Whether where its objects go, or which differences of theirs count for nothing, is not what was compared.
    pub(crate) compared_otherwise: bool,
    /// Whether its objects are as its sources say.
    pub(crate) sync: SyncStatus,
    /// `status.sync.revision(s)`: what was compared, in the order of `compared_sources`.
    pub(crate) revisions: Vec<String>,
    /// Its health.
    pub(crate) health: ApplicationHealth,
    /// The health's own words.
    pub(crate) health_message: String,
    /// Since when it is so, where Argo CD tells.
    pub(crate) health_since: Option<Timestamp>,
    /// The newest operation.
    pub(crate) operation: Option<OperationState>,
    /// Conditions, as (type, message).
    pub(crate) conditions: Vec<(String, String)>,
    /// Since when they are there as they are, by their type.
    pub(crate) conditions_since: BTreeMap<String, Timestamp>,
    /// When the controller last looked at it.
    pub(crate) reconciled_at: Option<Timestamp>,
    /// When it was to be deleted.
    pub(crate) deleted_at: Option<Timestamp>,
    /// Its inventory.
    pub(crate) resources: Vec<ApplicationResource>,
    /// The images that it runs (`status.summary.images`).
    pub(crate) images: Vec<String>,
    /// Its project, and where its objects go.
    pub(crate) placing: super::Placing,
    /// Whether it may be synced now.
    pub(crate) doors: super::Doors,
}

impl Application {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("Application", &self.namespace, &self.name)
    }

    /// What it is told to make its objects of, in all that its spec says of that.
    pub(crate) fn source_fingerprint(&self) -> super::Fingerprint {
        let dry = self.dry.iter().map(|dry| &dry.source);
        super::Fingerprint::of_all(self.sources.iter().chain(dry).map(|source| source.whole))
    }
}

/// What a hydrated Application is made from: its manifests are rendered into another branch, and that one is synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrySource {
    /// `spec.sourceHydrator.drySource`.
    pub(crate) source: ApplicationSource,
    /// The newest hydration that went well.
    pub(crate) hydrated: Option<Hydrated>,
}

/// A hydration that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hydrated {
    /// The commit that it was made from.
    pub(crate) dry: String,
    /// The commit that it made, or left as it was.
    pub(crate) commit: String,
}

/// A Rook `CephCluster`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CephCluster {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// `status.ceph.health`, such as `HEALTH_OK`; empty when there is none.
    pub(crate) health: String,
    /// The checks that are not well: name, severity, message.
    pub(crate) checks: Vec<CephCheck>,
    /// When Rook last asked Ceph.
    pub(crate) last_checked: Option<Timestamp>,
    /// Since when its health is what it is.
    pub(crate) changed_at: Option<Timestamp>,
    /// Bytes used and in total, where reported.
    pub(crate) capacity: Option<(u64, u64)>,
    /// The versions of all its daemons, each once, where reported.
    pub(crate) versions: Vec<String>,
}

/// A Ceph health check that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CephCheck {
    /// Such as `RECENT_CRASH`.
    pub(crate) name: String,
    /// `HEALTH_WARN` or `HEALTH_ERR`.
    pub(crate) severity: String,
    /// A sentence.
    pub(crate) message: String,
}

/// A cert-manager `Certificate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// `Ready`, where reported.
    pub(crate) ready: Option<Condition>,
    /// When it ends.
    pub(crate) not_after: Option<Timestamp>,
    /// When it shall be renewed.
    pub(crate) renewal_time: Option<Timestamp>,
    /// How often issuing failed.
    pub(crate) failed_attempts: u32,
}

/// What a node uses, from metrics.k8s.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeUsage {
    /// The node.
    pub(crate) name: String,
    /// Thousandths of a core.
    pub(crate) cpu_millis: u64,
    /// Bytes.
    pub(crate) memory_bytes: u64,
    /// When that was measured.
    pub(crate) measured_at: Option<Timestamp>,
}

/// What the API server's clock said in an answer, and what ours said when that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Theirs, in whole seconds.
    pub(crate) server: Timestamp,
    /// Ours.
    pub(crate) ours: Timestamp,
}

/// An API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiServer {
    /// Its version.
    pub(crate) version: String,
    /// Its clock and ours; none where its answer did not tell.
    pub(crate) clocks: Option<Clocks>,
}

/// A right, as `SelfSubjectAccessReview` asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Right {
    /// `get`, `list`, `patch`, ...
    pub(crate) verb: String,
    /// The API group; empty for the core.
    pub(crate) group: String,
    /// The plural, with its subresource after a slash: `pods/exec`.
    pub(crate) resource: String,
    /// The namespace; empty for all.
    pub(crate) namespace: String,
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(formatter, ".{}", self.group)?;
        }
        if !self.namespace.is_empty() {
            write!(formatter, " in {}", self.namespace)?;
        }
        Ok(())
    }
}

/// How sure a reading has to be of what is true now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// What a watch that lives has told: it may lack what happened in the last moments, and
    /// where a connection dies without a word, of the last two minutes.
    Watched,
    /// Nothing is missing that was so when it was asked for: what a decision rests on that cannot be taken back.
    Proven,
}

/// What a command in a container answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExecOutput {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// Its exit code. An exec without a final status is an error, never a code.
    pub(crate) exit_code: i32,
}
