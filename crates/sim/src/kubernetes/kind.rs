//! Which kinds of object the simulated API server knows, and what the server does for each.
//!
//! A kind is data, not code: the table below is all that distinguishes a Deployment from a Lease for the store and the
//! handlers. Custom kinds join the same table at run time.

/// One kind of object, as a constant that tests and actors can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// API version, such as `v1`.
    pub version: &'static str,
    /// Kind in CamelCase, such as `Deployment`.
    pub kind: &'static str,
    /// Resource name in the address, such as `deployments`.
    pub plural: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

impl Kind {
    /// A kind whose objects live in a namespace.
    #[must_use]
    pub const fn namespaced(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self { group, version, kind, plural, namespaced: true }
    }

    /// A kind whose objects belong to the whole cluster.
    #[must_use]
    pub const fn cluster(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self { group, version, kind, plural, namespaced: false }
    }

    /// `apiVersion` of its objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The name that RBAC and error messages use: `leases.coordination.k8s.io`, `pods`.
    #[must_use]
    pub fn qualified(&self) -> String {
        qualified(self.plural, self.group)
    }
}

/// `resource.group`, or the resource alone in the core group.
pub(crate) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// A custom kind, as a `CustomResourceDefinition` would bring it.
#[derive(Clone, Copy, Debug)]
pub struct CustomKind {
    /// Its names.
    pub kind: Kind,
    /// Whether `/status` exists. Without it, status is written with the rest and raises the generation.
    pub status_subresource: bool,
}

/// Node.
pub const NODE: Kind = Kind::cluster("", "v1", "Node", "nodes");
/// Namespace.
pub const NAMESPACE: Kind = Kind::cluster("", "v1", "Namespace", "namespaces");
/// Pod.
pub const POD: Kind = Kind::namespaced("", "v1", "Pod", "pods");
/// Service.
pub const SERVICE: Kind = Kind::namespaced("", "v1", "Service", "services");
/// Endpoints.
pub const ENDPOINTS: Kind = Kind::namespaced("", "v1", "Endpoints", "endpoints");
/// Event of the core group.
pub const EVENT: Kind = Kind::namespaced("", "v1", "Event", "events");
/// `ConfigMap`.
pub const CONFIG_MAP: Kind = Kind::namespaced("", "v1", "ConfigMap", "configmaps");
/// Secret.
pub const SECRET: Kind = Kind::namespaced("", "v1", "Secret", "secrets");
/// `ServiceAccount`.
pub const SERVICE_ACCOUNT: Kind = Kind::namespaced("", "v1", "ServiceAccount", "serviceaccounts");
/// `PersistentVolume`.
pub const PV: Kind = Kind::cluster("", "v1", "PersistentVolume", "persistentvolumes");
/// `PersistentVolumeClaim`.
pub const PVC: Kind = Kind::namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
/// Deployment.
pub const DEPLOYMENT: Kind = Kind::namespaced("apps", "v1", "Deployment", "deployments");
/// `StatefulSet`.
pub const STATEFULSET: Kind = Kind::namespaced("apps", "v1", "StatefulSet", "statefulsets");
/// `DaemonSet`.
pub const DAEMONSET: Kind = Kind::namespaced("apps", "v1", "DaemonSet", "daemonsets");
/// `ReplicaSet`.
pub const REPLICASET: Kind = Kind::namespaced("apps", "v1", "ReplicaSet", "replicasets");
/// Job.
pub const JOB: Kind = Kind::namespaced("batch", "v1", "Job", "jobs");
/// `CronJob`.
pub const CRON_JOB: Kind = Kind::namespaced("batch", "v1", "CronJob", "cronjobs");
/// Lease.
pub const LEASE: Kind = Kind::namespaced("coordination.k8s.io", "v1", "Lease", "leases");
/// Event of `events.k8s.io`.
pub const EVENTS_EVENT: Kind = Kind::namespaced("events.k8s.io", "v1", "Event", "events");
/// `PodDisruptionBudget`.
pub const POD_DISRUPTION_BUDGET: Kind =
    Kind::namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");
/// `StorageClass`.
pub const STORAGE_CLASS: Kind = Kind::cluster("storage.k8s.io", "v1", "StorageClass", "storageclasses");
/// `VolumeAttachment`.
pub const VOLUME_ATTACHMENT: Kind =
    Kind::cluster("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments");
/// `CustomResourceDefinition`.
pub const CUSTOM_RESOURCE_DEFINITION: Kind =
    Kind::cluster("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions");
/// `APIService`.
pub const API_SERVICE: Kind = Kind::cluster("apiregistration.k8s.io", "v1", "APIService", "apiservices");
/// `ClusterRole`.
pub const CLUSTER_ROLE: Kind =
    Kind::cluster("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles");
/// `ClusterRoleBinding`.
pub const CLUSTER_ROLE_BINDING: Kind =
    Kind::cluster("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings");
/// Role.
pub const ROLE: Kind = Kind::namespaced("rbac.authorization.k8s.io", "v1", "Role", "roles");
/// `RoleBinding`.
pub const ROLE_BINDING: Kind =
    Kind::namespaced("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings");
/// `NodeMetrics` of the metrics server.
pub const NODE_METRICS: Kind = Kind::cluster("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes");
/// `PodMetrics` of the metrics server.
pub const POD_METRICS: Kind = Kind::namespaced("metrics.k8s.io", "v1beta1", "PodMetrics", "pods");
/// Argo CD Application.
pub const APPLICATION: Kind = Kind::namespaced("argoproj.io", "v1alpha1", "Application", "applications");
/// Argo CD `AppProject`.
pub const APPPROJECT: Kind = Kind::namespaced("argoproj.io", "v1alpha1", "AppProject", "appprojects");
/// Rook's `CephCluster`.
pub const CEPH_CLUSTER: Kind = Kind::namespaced("ceph.rook.io", "v1", "CephCluster", "cephclusters");
/// cert-manager's Certificate.
pub const CERTIFICATE: Kind = Kind::namespaced("cert-manager.io", "v1", "Certificate", "certificates");

/// `VolumeSnapshot`.
pub const VOLUME_SNAPSHOT: Kind =
    Kind::namespaced("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots");
/// `VolSync`'s `ReplicationSource`.
pub const REPLICATION_SOURCE: Kind =
    Kind::namespaced("volsync.backube", "v1alpha1", "ReplicationSource", "replicationsources");
/// Argo CD `ApplicationSet`.
pub const APPLICATION_SET: Kind =
    Kind::namespaced("argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets");
/// `EndpointSlice`.
pub const ENDPOINT_SLICE: Kind =
    Kind::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");
/// `ValidatingWebhookConfiguration`.
pub const VALIDATING_WEBHOOK_CONFIGURATION: Kind = Kind::cluster(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
);
/// `MutatingWebhookConfiguration`.
pub const MUTATING_WEBHOOK_CONFIGURATION: Kind = Kind::cluster(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
);
/// Flux' `GitRepository`.
pub const GIT_REPOSITORY: Kind =
    Kind::namespaced("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories");
/// Flux' `Kustomization`.
pub const KUSTOMIZATION: Kind =
    Kind::namespaced("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations");
/// Flux' `HelmRelease`.
pub const HELM_RELEASE: Kind =
    Kind::namespaced("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases");
/// `CloudNativePG`'s Cluster.
pub const POSTGRES_CLUSTER: Kind = Kind::namespaced("postgresql.cnpg.io", "v1", "Cluster", "clusters");
/// `CloudNativePG`'s `ScheduledBackup`.
pub const SCHEDULED_BACKUP: Kind =
    Kind::namespaced("postgresql.cnpg.io", "v1", "ScheduledBackup", "scheduledbackups");
/// `CloudNativePG`'s Backup.
pub const POSTGRES_BACKUP: Kind = Kind::namespaced("postgresql.cnpg.io", "v1", "Backup", "backups");
/// `ExternalSecret`.
pub const EXTERNAL_SECRET: Kind =
    Kind::namespaced("external-secrets.io", "v1", "ExternalSecret", "externalsecrets");
/// `SecretStore`.
pub const SECRET_STORE: Kind = Kind::namespaced("external-secrets.io", "v1", "SecretStore", "secretstores");
/// `ClusterSecretStore`.
pub const CLUSTER_SECRET_STORE: Kind =
    Kind::cluster("external-secrets.io", "v1", "ClusterSecretStore", "clustersecretstores");

/// Where a kind comes from, which decides how it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    BuiltIn,
    /// A custom resource definition: no strategic merge patch, another wording of errors.
    Custom,
    /// An aggregated server that computes its objects: nothing can be written.
    Aggregated,
}

/// What the server does for one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResourceType {
    pub(crate) kind: Kind,
    /// `/status` exists and is the only way to write `status` over HTTP.
    pub(crate) status: bool,
    /// `metadata.generation` is kept.
    pub(crate) generation: bool,
    /// `/scale` exists.
    pub(crate) scale: bool,
    pub(crate) origin: Origin,
    pub(crate) short_names: &'static [&'static str],
}

impl ResourceType {
    const fn plain(kind: Kind) -> Self {
        Self {
            kind,
            status: false,
            generation: false,
            scale: false,
            origin: Origin::BuiltIn,
            short_names: &[],
        }
    }

    const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    const fn with_status(mut self) -> Self {
        self.status = true;
        self
    }

    const fn with_generation(mut self) -> Self {
        self.generation = true;
        self
    }

    const fn with_scale(mut self) -> Self {
        self.scale = true;
        self
    }

    const fn computed(mut self) -> Self {
        self.origin = Origin::Aggregated;
        self
    }

    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        match self.origin {
            Origin::Aggregated => &["get", "list"],
            Origin::Custom => {
                &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
            }
            Origin::BuiltIn => {
                &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
            }
        }
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.origin == Origin::Custom
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.origin == Origin::Aggregated
    }

    /// Whether a PUT needs a `resourceVersion`.
    pub(crate) fn updates_conditionally(&self) -> bool {
        self.is_custom() || self.kind == LEASE
    }

    pub(crate) fn singular(&self) -> String {
        self.kind.kind.to_lowercase()
    }
}

impl From<CustomKind> for ResourceType {
    fn from(custom: CustomKind) -> Self {
        let mut resource = Self::plain(custom.kind).with_generation();
        resource.status = custom.status_subresource;
        resource.origin = Origin::Custom;
        resource.short_names = match custom.kind.plural {
            "applications" => &["app", "apps"],
            "appprojects" => &["appproj", "appprojs"],
            _ => &[],
        };
        resource
    }
}

/// The kinds that every server has.
pub(crate) fn built_in() -> Vec<ResourceType> {
    let plain = ResourceType::plain;
    vec![
        plain(NODE).with_status().short(&["no"]),
        plain(NAMESPACE).with_status().short(&["ns"]),
        plain(POD).with_status().with_generation().short(&["po"]),
        plain(SERVICE).with_status().short(&["svc"]),
        plain(ENDPOINTS).short(&["ep"]),
        plain(EVENT).short(&["ev"]),
        plain(CONFIG_MAP).short(&["cm"]),
        plain(SECRET),
        plain(SERVICE_ACCOUNT).short(&["sa"]),
        plain(PV).with_status().short(&["pv"]),
        plain(PVC).with_status().short(&["pvc"]),
        plain(API_SERVICE).with_status(),
        plain(DEPLOYMENT).with_status().with_generation().with_scale().short(&["deploy"]),
        plain(STATEFULSET).with_status().with_generation().with_scale().short(&["sts"]),
        plain(DAEMONSET).with_status().with_generation().short(&["ds"]),
        plain(REPLICASET).with_status().with_generation().with_scale().short(&["rs"]),
        plain(JOB).with_status().with_generation(),
        plain(CRON_JOB).with_status().with_generation().short(&["cj"]),
        plain(LEASE),
        plain(EVENTS_EVENT).short(&["ev"]),
        plain(POD_DISRUPTION_BUDGET).with_status().with_generation().short(&["pdb"]),
        plain(STORAGE_CLASS).short(&["sc"]),
        plain(VOLUME_ATTACHMENT).with_status(),
        plain(CUSTOM_RESOURCE_DEFINITION).with_status().with_generation().short(&["crd", "crds"]),
        plain(CLUSTER_ROLE),
        plain(CLUSTER_ROLE_BINDING),
        plain(ROLE),
        plain(ROLE_BINDING),
        plain(ENDPOINT_SLICE),
        plain(VALIDATING_WEBHOOK_CONFIGURATION).with_generation(),
        plain(MUTATING_WEBHOOK_CONFIGURATION).with_generation(),
    ]
}

/// The custom kinds that a homelab of the kind caretaker looks after has from the start.
pub(crate) fn usual_custom_kinds() -> Vec<ResourceType> {
    [
        (APPLICATION, false),
        (APPPROJECT, false),
        (CEPH_CLUSTER, true),
        (CERTIFICATE, true),
        (VOLUME_SNAPSHOT, true),
        (REPLICATION_SOURCE, true),
    ]
    .into_iter()
    .map(|(kind, status_subresource)| CustomKind { kind, status_subresource }.into())
    .collect()
}

/// What the metrics server brings.
pub(crate) fn metrics() -> [ResourceType; 2] {
    [ResourceType::plain(NODE_METRICS).computed(), ResourceType::plain(POD_METRICS).computed()]
}
