//! The Kubernetes cluster.
//!
//! Everything above this module speaks in the types of [`types`]. Races decided here: two caretakers on one cluster are
//! told apart by a `coordination.k8s.io` Lease ([`ClusterLease`]), every write carries the version of the object that
//! it was decided on, and a list that was cut short is an error and never a short list.

mod application_sets;
mod argo;
mod batch;
mod budgets;
mod client;
mod controllers;
mod cron;
mod decode;
mod decode_volumes;
mod definitions;
mod events;
mod exec;
mod extensions;
mod external_secrets;
mod feeds;
mod fingerprint;
mod flux;
mod flux_pass;
mod frames;
mod kinds;
mod kubelet;
mod lease;
mod ledger;
mod moment;
mod news;
mod node_marks;
mod outage;
mod owner;
mod pages;
mod pods;
mod postgres;
mod projects;
#[cfg(test)]
pub(crate) mod recorded;
mod request;
mod running;
mod services;
mod settings;
mod stateful;
mod sync_windows;
#[cfg(test)]
mod tests;
mod types;
mod volumes;
mod watch;

pub(crate) use application_sets::ApplicationSet;
#[cfg(test)]
pub(crate) use batch::NodeUpgrade;
pub(crate) use batch::{Batch, CronJob, Job};
#[cfg(test)]
pub(crate) use budgets::BudgetCount;
pub(crate) use budgets::DisruptionBudget;
pub(crate) use client::Kubernetes;
pub(crate) use controllers::ControllersLife;
pub(crate) use decode::bytes_of;
pub(crate) use definitions::Definition;
pub(crate) use events::{PullEvent, VolumeEvent};
#[cfg(test)]
pub(crate) use extensions::Webhook;
pub(crate) use extensions::{ApiService, WebhookConfiguration};
pub(crate) use external_secrets::{ExternalSecret, ExternalSecrets, Refresh, SecretStore};
pub(crate) use feeds::Pods;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use flux::{FluxKind, FluxObject};
#[cfg(test)]
pub(crate) use flux::{GitSource, Origin};
pub(crate) use kubelet::{ClaimUsage, Filesystem, NodeStats};
pub(crate) use lease::DURATION as LEASE_DURATION;
pub(crate) use news::News;
#[cfg(test)]
pub(crate) use node_marks::Mark;
pub(crate) use node_marks::NodeMarks;
pub(crate) use owner::{Owner, RunningChart};
pub(crate) use pages::{LIST_ATTEMPTS, ObjectsPage, PAGES, endless};
pub(crate) use pods::{PodLedger, subject, workload_of};
#[cfg(test)]
pub(crate) use postgres::BackupMethod;
pub(crate) use postgres::{BackupPhase, Postgres, PostgresBackup, PostgresCluster, ScheduledBackup};
#[cfg(test)]
pub(crate) use projects::testing as projects_testing;
pub(crate) use projects::{Doors, Placing};
pub(crate) use running::Running;
#[cfg(test)]
pub(crate) use services::Endpoints;
pub(crate) use services::Service;
pub(crate) use settings::{Listing, Settings};
pub(crate) use stateful::BlockingPod;
pub(crate) use sync_windows::Shut;
pub(crate) use types::*;
pub(crate) use volumes::*;

use async_trait::async_trait;
use jiff::Timestamp;
use moment::Moment;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Why the cluster did not answer or do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// 401: the credentials are not accepted. A person mends this.
    #[error("the cluster does not accept the credentials: {said}")]
    Unauthorized {
        /// The server's words.
        said: String,
    },
    /// 403: a right is missing. A person mends this. Says nothing about whether the thing exists.
    #[error("the cluster refuses {what}: {said}")]
    Forbidden {
        /// The request.
        what: String,
        /// The server's words.
        said: String,
    },
    /// 404.
    #[error("{what} does not exist")]
    NotFound {
        /// The request.
        what: String,
    },
    /// 409, or a JSON patch whose test failed: the object changed meanwhile.
    #[error("{what} changed meanwhile: {said}")]
    Conflict {
        /// The request.
        what: String,
        /// The server's words.
        said: String,
    },
    /// Any other refusal: repeating it changes nothing.
    #[error("the cluster refuses {what} with {status}: {said}")]
    Refused {
        /// The request.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// No answer, a time-out, 5xx.
    #[error("the cluster does not answer {what}: {said}")]
    Unavailable {
        /// The request.
        what: String,
        /// What was seen instead.
        said: String,
    },
    /// The cluster's lock is not held for as long as the request may take: it was not sent.
    #[error("the cluster's lock is not held long enough for {what}")]
    LeaseTooShort {
        /// The request.
        what: String,
    },
    /// The address or the credentials could not be read from where the settings say. A person mends this.
    #[error("the way to the cluster could not be read: {said}")]
    Configuration {
        /// What is wrong.
        said: String,
    },
    /// An answer that could not be read, or a list that was cut short.
    #[error("the cluster's answer to {what} could not be read: {said}")]
    Unreadable {
        /// The request.
        what: String,
        /// What did not fit.
        said: String,
    },
}

/// A result of this layer.
pub(crate) type ClusterResult<T> = Result<T, ClusterError>;

/// What caretaker asks of a cluster. Whatever changes it takes the [`ClusterLease`].
#[async_trait]
pub(crate) trait Cluster: Send + Sync + std::fmt::Debug {
    /// The server's version text.
    async fn version(&self) -> ClusterResult<String>;
    /// The same, with what its clock says.
    async fn server(&self) -> ClusterResult<ApiServer> {
        Ok(ApiServer { version: self.version().await?, clocks: None })
    }
    /// Whether these credentials hold a right.
    async fn may(&self, right: &Right) -> ClusterResult<bool>;
    /// All nodes, with their leases where those may be read, and without conditions that say that nothing is wrong.
    async fn nodes(&self, freshness: Freshness) -> ClusterResult<Vec<Node>>;
    /// All pods of all namespaces. `recent` is how long the end of a container is of interest to who asks.
    async fn pods(&self, recent: Duration, freshness: Freshness) -> ClusterResult<Pods>;
    /// The Deployments, `StatefulSets` and `DaemonSets` that are not complete, and all of Argo CD's namespace.
    async fn open_workloads(
        &self,
        besides: KeepsWorkload,
        freshness: Freshness,
    ) -> ClusterResult<Vec<Workload>>;
    /// All Deployments, `StatefulSets` and `DaemonSets` of all namespaces.
    async fn workloads(&self, freshness: Freshness) -> ClusterResult<Vec<Workload>>;
    /// All Jobs and `CronJobs` of all namespaces.
    async fn batch(&self, freshness: Freshness) -> ClusterResult<Batch>;
    /// All `PodDisruptionBudgets` of all namespaces.
    async fn disruption_budgets(&self, freshness: Freshness) -> ClusterResult<Vec<DisruptionBudget>>;
    /// All Services that select pods, with their endpoints.
    async fn services(&self, freshness: Freshness) -> ClusterResult<Vec<Service>>;
    /// Whether the control plane's controllers live, who write what is said of the three above.
    async fn controllers_life(&self) -> ClusterResult<ControllersLife>;
    /// All Argo CD Applications.
    async fn applications(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<Application>>>;
    /// All Rook Ceph clusters.
    async fn ceph_clusters(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<CephCluster>>>;
    /// All cert-manager certificates.
    async fn certificates(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<Certificate>>>;
    /// CPU and memory of the nodes. They are measured and never watched; how fresh it is to be is said of whether anybody measures.
    async fn node_usage(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<NodeUsage>>>;
    /// What a node's kubelet says of its disks and volumes.
    async fn node_stats(&self, node: &str) -> ClusterResult<NodeStats>;
    /// A page of whatever an own check asks for, as it is served: the first one, or the one that the token of the last one
    /// leads to.
    async fn objects(&self, listing: &Listing, token: Option<&str>) -> ClusterResult<Installed<ObjectsPage>>;
    /// What Events say of images that the pods of a namespace need.
    async fn pull_events(&self, namespace: &str) -> ClusterResult<Vec<PullEvent>>;
    /// What Events say of these pods (namespace and name) that wait for a volume.
    async fn volume_events(&self, pods: &BTreeSet<(String, String)>) -> ClusterResult<Vec<VolumeEvent>>;
    /// Whether a namespace exists: the list of one that does not is empty, and an error nowhere.
    async fn namespace_exists(&self, name: &str) -> ClusterResult<bool>;
    /// All persistent volumes.
    async fn volumes(&self, freshness: Freshness) -> ClusterResult<Vec<PersistentVolume>>;
    /// All claims of all namespaces.
    async fn claims(&self, freshness: Freshness) -> ClusterResult<Vec<PersistentVolumeClaim>>;
    /// All volumes on nodes, as their drivers attach them.
    async fn attachments(&self, freshness: Freshness) -> ClusterResult<Vec<VolumeAttachment>>;
    /// All storage classes.
    async fn storage_classes(&self, freshness: Freshness) -> ClusterResult<Vec<StorageClass>>;
    /// All snapshots of volumes.
    async fn snapshots(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<VolumeSnapshot>>>;
    /// All of `VolSync`'s sources of copies.
    async fn replication_sources(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<ReplicationSource>>>;
    /// All of Flux: sources, Kustomizations, `HelmReleases`.
    async fn flux(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<FluxObject>>>;
    /// All of `CloudNativePG`: Clusters, `ScheduledBackups`, Backups.
    async fn postgres(&self, freshness: Freshness) -> ClusterResult<Installed<Postgres>>;
    /// All `ExternalSecrets` and their stores; never Secrets.
    async fn external_secrets(&self, freshness: Freshness) -> ClusterResult<Installed<ExternalSecrets>>;
    /// All `APIServices`.
    async fn api_services(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<ApiService>>>;
    /// All configurations of webhooks, with the endpoints of those that fail closed.
    async fn webhooks(&self, freshness: Freshness) -> ClusterResult<Vec<WebhookConfiguration>>;
    /// All `CustomResourceDefinitions` that tell the version of whatever brought them.
    async fn definitions(&self) -> ClusterResult<Vec<Definition>>;
    /// All Argo CD `ApplicationSets`.
    async fn application_sets(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<ApplicationSet>>>;
    /// Runs a command in a container of the first ready pod that carries the label (`key=value`). Never a shell.
    async fn exec(
        &self,
        namespace: &str,
        pod_label: &str,
        container: Option<&str>,
        command: &[&str],
    ) -> ClusterResult<ExecOutput>;
    /// Asks Argo CD to read the branch anew; `hard` drops its manifest cache as well. Reading, in effect: needs no lease.
    async fn refresh_application(&self, application: &Application, hard: bool) -> ClusterResult<()>;
    /// Asks an `ApplicationSet` to read its generators anew. Reading, in effect: needs no lease.
    async fn refresh_application_set(&self, set: &ApplicationSet) -> ClusterResult<()>;
    /// Asks Flux to look at an object now; `at` tells one asking from another. Reading, in effect: needs no lease.
    async fn reconcile_flux(&self, object: &FluxObject, at: Timestamp) -> ClusterResult<()>;
    /// Stops the running operation of an Application, if the object is still as given.
    async fn terminate_operation(&self, lease: &ClusterLease, application: &Application)
    -> ClusterResult<()>;
    /// Starts a sync to a revision, or to what its sources ask for, if the object is still as given and no operation is there.
    async fn sync_application(
        &self,
        lease: &ClusterLease,
        application: &Application,
        revision: Option<&str>,
    ) -> ClusterResult<()>;
    /// The pods that keep these `StatefulSets` from their newest revision: of an older one, and never ready.
    async fn blocking_pods(&self, sets: &[ObjectRef]) -> ClusterResult<Vec<BlockingPod>>;
    /// Deletes such a pod, if it is still as given. One that is gone already is no error.
    async fn delete_blocking_pod(&self, lease: &ClusterLease, pod: &BlockingPod) -> ClusterResult<()>;
    /// Takes, or renews, the cluster's lock for a holder. `Ok(None)` when another holds it, which [`LeaseHolder`] tells.
    async fn acquire_lease(&self, holder: &str) -> ClusterResult<LeaseAnswer>;
    /// Gives the lock back.
    async fn release_lease(&self, lease: ClusterLease) -> ClusterResult<()>;
}

/// The answer to [`Cluster::acquire_lease`].
#[derive(Debug)]
pub(crate) enum LeaseAnswer {
    /// It is ours.
    Held(ClusterLease),
    /// Somebody else's.
    HeldBy(LeaseHolder),
}

/// Who holds the cluster's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeaseHolder {
    /// The holder's identity.
    pub(crate) identity: String,
    /// When the holder renewed it last, by the holder's clock.
    pub(crate) renewed_at: Option<Timestamp>,
}

/// The proof that this process holds the cluster's lock for a while. Only the lock makes it.
#[derive(Debug)]
pub(crate) struct ClusterLease {
    /// The moment *before* the last successful renewal was sent. By both clocks: who slept meanwhile may have lost it.
    renewed: Moment,
    /// How long it holds from then on.
    lasts: Duration,
    /// The holder's identity.
    holder: String,
}

impl ClusterLease {
    /// Whether it holds for at least so long from now: a request that may take longer must not be started.
    pub(crate) fn holds_for(&self, duration: Duration) -> bool {
        self.renewed.elapsed() + duration <= self.lasts
    }

    /// The last instant at which something that takes so long may still be started. None when it is over already.
    pub(crate) fn latest_start(&self, duration: Duration) -> Option<Instant> {
        let now = Instant::now();
        let left = self.lasts.checked_sub(self.renewed.elapsed())?.checked_sub(duration)?;
        Some(now + left)
    }

    /// Who holds it.
    pub(crate) fn holder(&self) -> &str {
        &self.holder
    }

    /// A lease for tests of what takes one.
    #[cfg(test)]
    pub(crate) fn for_test(holds_for: Duration) -> Self {
        Self { renewed: Moment::now(), lasts: holds_for, holder: "test".to_owned() }
    }

    /// The same, as it is after the machine has slept.
    #[cfg(test)]
    pub(crate) fn after_a_sleep_of(self, slept: Duration) -> Self {
        Self { renewed: self.renewed.before_a_sleep_of(slept), ..self }
    }
}
