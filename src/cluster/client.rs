//! The [`Cluster`] of a real API server, through kube.
//!
//! kube's own retries are off: it would repeat writes as well.

use super::feeds::Watches;
use super::lease::{Renewed, Seen};
use super::ledger::ReadObject;
use super::news::News;
use super::request::{Connection, Write, unreadable};
use super::{
    ApiServer, ApiService, Application, ApplicationSet, Batch, BlockingPod, CephCluster, Certificate,
    Cluster, ClusterError, ClusterLease, ClusterResult, ControllersLife, Definition, DisruptionBudget,
    ExecOutput, ExternalSecrets, FluxObject, Freshness, Installed, KeepsWorkload, LeaseAnswer, Listing, Node,
    NodeStats, NodeUsage, ObjectRef, ObjectsPage, PersistentVolume, PersistentVolumeClaim, Pods, Postgres,
    PullEvent, ReplicationSource, Right, Service, Settings, StorageClass, VolumeAttachment, VolumeEvent,
    VolumeSnapshot, WebhookConfiguration, Workload, argo, decode, decode_volumes,
};
use crate::wording;
use async_trait::async_trait;
use http::header::{HeaderValue, USER_AGENT};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// A connection to a cluster.
pub(crate) struct Kubernetes {
    pub(super) connection: Connection,
    settings: Settings,
    /// Another holder's lock as we last saw it change.
    seen: Mutex<Option<Seen>>,
    /// What we wrote into our own lock last.
    renewed: Mutex<Option<Renewed>>,
    /// What is watched, once that has begun.
    watches: OnceLock<Watches>,
    /// What they tell.
    news: News,
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Kubernetes").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Kubernetes {
    /// Connects as the settings say. Sends nothing yet.
    pub(crate) async fn connect(settings: &Settings) -> ClusterResult<Self> {
        let options = options(settings);
        let config = match &settings.kubeconfig {
            Some(path) => {
                let kubeconfig = Kubeconfig::read_from(path).map_err(|error| configuration(&error))?;
                kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                    .await
                    .map_err(|error| configuration(&error))?
            }
            None if settings.context.is_some() => {
                kube::Config::from_kubeconfig(&options).await.map_err(|error| configuration(&error))?
            }
            None => kube::Config::infer().await.map_err(|error| configuration(&error))?,
        };
        Self::of(config, settings).await
    }

    /// Connects with the text of a kubeconfig.
    #[cfg(test)]
    pub(crate) async fn from_kubeconfig(text: &str, settings: &Settings) -> ClusterResult<Self> {
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| configuration(&error))?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options(settings))
            .await
            .map_err(|error| configuration(&error))?;
        Self::of(config, settings).await
    }

    async fn of(mut config: kube::Config, settings: &Settings) -> ClusterResult<Self> {
        // An error says that the process has a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.default_retry = false;
        config.connect_timeout = Some(settings.request_timeout());
        // So that the server's audit log tells who asks.
        let agent = HeaderValue::from_static(concat!("caretaker/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        let client = client(config, settings.request_timeout()).await?;
        Ok(Self {
            connection: Connection { client, timeout: settings.request_timeout() },
            settings: settings.clone(),
            seen: Mutex::new(None),
            renewed: Mutex::new(None),
            watches: OnceLock::new(),
            news: News::default(),
        })
    }

    /// What the API server's clock says, where its answers tell.
    pub(crate) async fn clock(&self) -> ClusterResult<Option<Timestamp>> {
        self.connection.clock().await
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the watches tell that something stands otherwise than before.
    pub(crate) fn news(&self) -> &News {
        &self.news
    }

    pub(super) fn watches(&self) -> &OnceLock<Watches> {
        &self.watches
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn renewed(&self) -> MutexGuard<'_, Option<Renewed>> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All workloads, as they are listed now.
    pub(super) async fn list_workloads(&self) -> ClusterResult<Vec<Workload>> {
        let (deployments, stateful_sets, daemon_sets) = tokio::join!(
            self.built_in::<_, Deployment>("/apis/apps/v1/deployments", "DeploymentList", decode::deployment),
            self.built_in::<_, StatefulSet>(
                "/apis/apps/v1/statefulsets",
                "StatefulSetList",
                decode::stateful_set
            ),
            self.built_in::<_, DaemonSet>("/apis/apps/v1/daemonsets", "DaemonSetList", decode::daemon_set),
        );
        let mut workloads = deployments?;
        workloads.extend(stateful_sets?);
        workloads.extend(daemon_sets?);
        Ok(workloads)
    }

    pub(super) async fn built_in<T: Send, O>(
        &self,
        path: &str,
        kind: &str,
        read: fn(O) -> Result<T, String>,
    ) -> ClusterResult<Vec<T>>
    where
        O: serde::de::DeserializeOwned,
    {
        let take = |all: &mut Vec<T>, object| {
            all.push(read(object)?);
            Ok(())
        };
        Ok(self.connection.gather(path, "", kind, Vec::new, take).await?.taken)
    }

    /// All of a kind, as it is listed now.
    pub(super) async fn custom<T: Send>(
        &self,
        path: &str,
        kind: &str,
        read: ReadObject<T>,
    ) -> ClusterResult<Installed<Vec<T>>> {
        let take = |all: &mut Vec<T>, object: Value| {
            all.push(read(&object)?);
            Ok(())
        };
        match self.connection.gather_installed(path, "", kind, Vec::new, take).await? {
            Installed::No => Ok(Installed::No),
            Installed::Yes(listed) => Ok(Installed::Yes(listed.taken)),
        }
    }
}

/// Builds the client. A kubeconfig may name a program that gives the credentials, and it is run while that is done: on a thread
/// of its own and for a bounded time, and nobody is there whom it could ask. kube gives no hold on it: one that does not come back
/// is left running. When a token has to be renewed later kube runs it by itself, on such a thread; a request's own limit ends the
/// waiting for it and not the program, and the next request begins another.
async fn client(mut config: kube::Config, limit: Duration) -> ClusterResult<kube::Client> {
    let plugin = config.auth_info.exec.as_mut().map(|exec| {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
        exec.command.clone().unwrap_or_default()
    });
    let building = tokio::task::spawn_blocking(move || kube::Client::try_from(config));
    let said = match (tokio::time::timeout(limit, building).await, plugin) {
        (Ok(Ok(Ok(client))), _) => return Ok(client),
        (Ok(Ok(Err(error @ kube::Error::Auth(_)))), Some(plugin)) => {
            wording::credential_plugin(&plugin, &error)
        }
        (Ok(Ok(Err(error))), _) => error.to_string(),
        (Ok(Err(fell)), _) => fell.to_string(),
        (Err(_), Some(plugin)) => wording::credential_plugin(&plugin, &wording::no_answer_within(limit)),
        (Err(_), None) => wording::no_answer_within(limit),
    };
    Err(ClusterError::Configuration { said })
}

fn options(settings: &Settings) -> KubeConfigOptions {
    KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() }
}

fn configuration(error: &dyn fmt::Display) -> ClusterError {
    ClusterError::Configuration { said: error.to_string() }
}

#[async_trait]
impl Cluster for Kubernetes {
    async fn version(&self) -> ClusterResult<String> {
        Ok(self.connection.server().await?.version)
    }

    async fn server(&self) -> ClusterResult<ApiServer> {
        self.connection.server().await
    }

    async fn may(&self, right: &Right) -> ClusterResult<bool> {
        let (resource, subresource) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": right.verb,
                "group": right.group,
                "resource": resource,
                "subresource": subresource,
                "namespace": right.namespace,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.connection.write(Write::Create, path, &review).await?;
        answer["status"]["allowed"].as_bool().ok_or_else(|| unreadable(path, &"no status.allowed"))
    }

    async fn nodes(&self, freshness: Freshness) -> ClusterResult<Vec<Node>> {
        let (nodes, leases) = tokio::join!(self.read_nodes(freshness), self.node_leases(freshness));
        let (mut nodes, leases) = (nodes?, leases?);
        for node in &mut nodes {
            node.lease_renewed = leases.get(&node.name).copied();
        }
        Ok(nodes)
    }

    async fn pods(&self, recent: Duration, freshness: Freshness) -> ClusterResult<Pods> {
        self.read_pods(recent, freshness).await
    }

    async fn open_workloads(
        &self,
        besides: KeepsWorkload,
        freshness: Freshness,
    ) -> ClusterResult<Vec<Workload>> {
        self.read_workloads(besides, freshness).await
    }

    async fn workloads(&self, freshness: Freshness) -> ClusterResult<Vec<Workload>> {
        self.read_all_workloads(freshness).await
    }

    async fn batch(&self, freshness: Freshness) -> ClusterResult<Batch> {
        self.read_batch(freshness).await
    }

    async fn disruption_budgets(&self, freshness: Freshness) -> ClusterResult<Vec<DisruptionBudget>> {
        self.read_budgets(freshness).await
    }

    async fn services(&self, freshness: Freshness) -> ClusterResult<Vec<Service>> {
        self.read_services(freshness).await
    }

    async fn controllers_life(&self) -> ClusterResult<ControllersLife> {
        self.read_controllers_life().await
    }

    async fn applications(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<Application>>> {
        let path = "/apis/argoproj.io/v1alpha1/applications";
        let applications = self.all(path, "ApplicationList", argo::application, freshness).await?;
        self.behind_doors(applications, freshness).await
    }

    async fn ceph_clusters(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<CephCluster>>> {
        let path = "/apis/ceph.rook.io/v1/cephclusters";
        self.all(path, "CephClusterList", decode::ceph_cluster, freshness).await
    }

    async fn certificates(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<Certificate>>> {
        let path = "/apis/cert-manager.io/v1/certificates";
        self.all(path, "CertificateList", decode::certificate, freshness).await
    }

    async fn node_usage(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<NodeUsage>>> {
        let path = "/apis/metrics.k8s.io/v1beta1/nodes";
        self.listed(path, "NodeMetricsList", decode::node_usage, freshness).await
    }

    async fn node_stats(&self, node: &str) -> ClusterResult<NodeStats> {
        self.stats_of(node).await
    }

    async fn objects(&self, listing: &Listing, token: Option<&str>) -> ClusterResult<Installed<ObjectsPage>> {
        let kind = format!("{}List", listing.kind);
        self.connection.objects_page(&listing.path(), &kind, token).await
    }

    async fn pull_events(&self, namespace: &str) -> ClusterResult<Vec<PullEvent>> {
        self.read_pull_events(namespace).await
    }

    async fn volume_events(&self, pods: &BTreeSet<(String, String)>) -> ClusterResult<Vec<VolumeEvent>> {
        self.read_volume_events(pods).await
    }

    async fn namespace_exists(&self, name: &str) -> ClusterResult<bool> {
        match self.connection.get::<Value>(&format!("/api/v1/namespaces/{name}")).await {
            Ok(_) => Ok(true),
            Err(ClusterError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn volumes(&self, freshness: Freshness) -> ClusterResult<Vec<PersistentVolume>> {
        let path = "/api/v1/persistentvolumes";
        self.all_served(
            path,
            "PersistentVolumeList",
            |one| decode::typed(one, decode_volumes::volume),
            freshness,
        )
        .await
    }

    async fn claims(&self, freshness: Freshness) -> ClusterResult<Vec<PersistentVolumeClaim>> {
        let path = "/api/v1/persistentvolumeclaims";
        self.all_served(
            path,
            "PersistentVolumeClaimList",
            |one| decode::typed(one, decode_volumes::claim),
            freshness,
        )
        .await
    }

    async fn attachments(&self, freshness: Freshness) -> ClusterResult<Vec<VolumeAttachment>> {
        let path = "/apis/storage.k8s.io/v1/volumeattachments";
        self.all_served(
            path,
            "VolumeAttachmentList",
            |one| decode::typed(one, decode_volumes::attachment),
            freshness,
        )
        .await
    }

    async fn storage_classes(&self, freshness: Freshness) -> ClusterResult<Vec<StorageClass>> {
        let path = "/apis/storage.k8s.io/v1/storageclasses";
        self.all_served(
            path,
            "StorageClassList",
            |one| decode::typed(one, decode_volumes::storage_class),
            freshness,
        )
        .await
    }

    async fn snapshots(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<VolumeSnapshot>>> {
        let path = "/apis/snapshot.storage.k8s.io/v1/volumesnapshots";
        self.all(path, "VolumeSnapshotList", decode_volumes::snapshot, freshness).await
    }

    async fn replication_sources(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<ReplicationSource>>> {
        let path = "/apis/volsync.backube/v1alpha1/replicationsources";
        self.all(path, "ReplicationSourceList", decode_volumes::replication_source, freshness).await
    }

    async fn flux(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<FluxObject>>> {
        self.read_flux(freshness).await
    }

    async fn postgres(&self, freshness: Freshness) -> ClusterResult<Installed<Postgres>> {
        self.read_postgres(freshness).await
    }

    async fn external_secrets(&self, freshness: Freshness) -> ClusterResult<Installed<ExternalSecrets>> {
        self.read_external_secrets(freshness).await
    }

    async fn api_services(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<ApiService>>> {
        self.read_api_services(freshness).await
    }

    async fn webhooks(&self, freshness: Freshness) -> ClusterResult<Vec<WebhookConfiguration>> {
        self.read_webhooks(freshness).await
    }

    async fn application_sets(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<ApplicationSet>>> {
        self.read_application_sets(freshness).await
    }

    async fn exec(
        &self,
        namespace: &str,
        pod_label: &str,
        container: Option<&str>,
        command: &[&str],
    ) -> ClusterResult<ExecOutput> {
        self.run(namespace, pod_label, container, command).await
    }

    async fn refresh_application(&self, application: &Application, hard: bool) -> ClusterResult<()> {
        self.refresh(application, hard).await
    }

    async fn refresh_application_set(&self, set: &ApplicationSet) -> ClusterResult<()> {
        self.refresh_set(set).await
    }

    async fn reconcile_flux(&self, object: &FluxObject, at: Timestamp) -> ClusterResult<()> {
        self.reconcile(object, at).await
    }

    async fn terminate_operation(
        &self,
        lease: &ClusterLease,
        application: &Application,
    ) -> ClusterResult<()> {
        self.terminate(lease, application).await
    }

    async fn sync_application(
        &self,
        lease: &ClusterLease,
        application: &Application,
        revision: Option<&str>,
    ) -> ClusterResult<()> {
        self.sync(lease, application, revision).await
    }

    async fn definitions(&self) -> ClusterResult<Vec<Definition>> {
        self.read_definitions().await
    }

    async fn blocking_pods(&self, sets: &[ObjectRef]) -> ClusterResult<Vec<BlockingPod>> {
        self.read_blocking_pods(sets).await
    }

    async fn delete_blocking_pod(&self, lease: &ClusterLease, pod: &BlockingPod) -> ClusterResult<()> {
        self.end_blocking_pod(lease, pod).await
    }

    async fn acquire_lease(&self, holder: &str) -> ClusterResult<LeaseAnswer> {
        self.take_lease(holder).await
    }

    async fn release_lease(&self, lease: ClusterLease) -> ClusterResult<()> {
        self.give_lease_back(lease).await
    }
}
