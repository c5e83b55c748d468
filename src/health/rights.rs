//! Which rights each feature needs.
//!
//! A run asks the API server for those that its tasks need before its first effect; the deployment's manifests grant
//! these and no more.

use crate::cluster::{Right, Settings};

/// Something that needs rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Feature {
    /// The probes of nodes, pods and workloads.
    Core,
    /// Jobs and `CronJobs`.
    Jobs,
    /// `PodDisruptionBudgets`.
    DisruptionBudgets,
    /// Services and their endpoints.
    Services,
    /// Argo CD's Applications, read.
    ArgoCd,
    /// Refreshing, stopping and starting syncs.
    ArgoCdSync,
    /// Rook's `CephClusters`.
    Ceph,
    /// Commands in the Ceph tools pod.
    CephTools,
    /// cert-manager's certificates.
    Certificates,
    /// metrics.k8s.io.
    Usage,
    /// What kubelets say of disks and volumes.
    NodeStats,
    /// What the operator's own checks are about.
    OwnChecks,
    /// The cluster's lock.
    Lease,
    /// The probe of volumes, claims and attachments.
    Volumes,
    /// Snapshots of volumes.
    Snapshots,
    /// `VolSync`'s sources.
    VolSync,
    /// Flux' objects.
    Flux,
    /// Asking Flux to look now.
    FluxReconcile,
    /// `CloudNativePG`'s objects.
    CloudNativePg,
    /// `ExternalSecrets` and their stores; never Secrets.
    ExternalSecrets,
    /// `APIServices`.
    ApiServices,
    /// Configurations of webhooks, and the endpoints of their Services.
    Webhooks,
    /// What the audit reads besides the others.
    Audit,
    /// Ending the pods that keep a `StatefulSet` from going back.
    PodDeletion,
}

impl Feature {
    /// Every feature.
    const ALL: [Self; 24] = [
        Self::Core,
        Self::Jobs,
        Self::DisruptionBudgets,
        Self::Services,
        Self::ArgoCd,
        Self::ArgoCdSync,
        Self::Ceph,
        Self::CephTools,
        Self::Certificates,
        Self::Usage,
        Self::NodeStats,
        Self::OwnChecks,
        Self::Lease,
        Self::Volumes,
        Self::Snapshots,
        Self::VolSync,
        Self::Flux,
        Self::FluxReconcile,
        Self::CloudNativePg,
        Self::ExternalSecrets,
        Self::ApiServices,
        Self::Webhooks,
        Self::Audit,
        Self::PodDeletion,
    ];
}

/// Where caretaker is to work, as far as it decides which features are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Whether Argo CD rolls out what is merged.
    pub(crate) follows_rollouts: bool,
    /// Whether a task asks for Ceph's crash reports to be archived.
    pub(crate) archives_crashes: bool,
    /// Whether an audit is asked for by schedule.
    pub(crate) audits: bool,
}

/// The features that are switched on, or that the work needs.
pub(crate) fn needed(health: &super::Settings, cluster: &Settings, work: Work) -> Vec<Feature> {
    let is_needed = |feature: &Feature| match feature {
        Feature::Core | Feature::Lease | Feature::Volumes => true,
        Feature::Jobs => health.jobs,
        Feature::DisruptionBudgets => health.disruption_budgets,
        Feature::Services => health.services,
        Feature::ArgoCd => health.argocd,
        Feature::ArgoCdSync => work.follows_rollouts,
        Feature::Ceph => health.ceph,
        Feature::CephTools => cluster.exec || work.archives_crashes,
        Feature::Certificates => health.certificates,
        Feature::Usage => health.usage,
        Feature::NodeStats => cluster.node_stats,
        Feature::OwnChecks => !health.checks.is_empty(),
        Feature::Snapshots => health.snapshots,
        Feature::VolSync => health.volsync,
        Feature::Flux => health.flux,
        Feature::FluxReconcile => health.flux && work.follows_rollouts,
        Feature::CloudNativePg => health.cloudnative_pg,
        Feature::ExternalSecrets => health.external_secrets,
        Feature::ApiServices => health.api_services,
        Feature::Webhooks => health.webhooks,
        Feature::Audit => work.audits || !health.audit_blocks.is_empty(),
        Feature::PodDeletion => cluster.delete,
    };
    Feature::ALL.into_iter().filter(is_needed).collect()
}

/// A right, and whether its feature works without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// The right.
    pub(crate) right: Right,
    /// Without it the feature works, and says less or costs more.
    pub(crate) optional: bool,
}

/// The rights that a feature needs with these settings.
pub(crate) fn rights(feature: Feature, health: &super::Settings, settings: &Settings) -> Vec<Need> {
    let need = |verb: &str, group: &str, resource: &str, namespace: &str| Need {
        right: Right {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
        },
        optional: false,
    };
    // What is read whole is watched where that is allowed, and else listed at each look.
    let followed = |group: &str, resources: &[&str]| -> Vec<Need> {
        let both = |resource: &&str| {
            let list = need("list", group, resource, "");
            [list, Need { optional: true, ..need("watch", group, resource, "") }]
        };
        resources.iter().flat_map(both).collect()
    };
    // The sign of life of those who write what is said of Jobs, budgets and endpoints.
    let controllers = || need("get", "coordination.k8s.io", "leases", "kube-system");
    match feature {
        Feature::Core => [
            followed("", &["nodes", "pods"]),
            followed("apps", &["deployments", "statefulsets", "daemonsets"]),
            // Without them the kubelets' slower heartbeat has to do.
            vec![Need { optional: true, ..need("list", "coordination.k8s.io", "leases", "kube-node-lease") }],
            // Without them nobody says why a pod waits for its volume.
            vec![Need { optional: true, ..need("list", "", "events", "") }],
        ]
        .concat(),
        Feature::Jobs => [followed("batch", &["jobs", "cronjobs"]), vec![controllers()]].concat(),
        Feature::DisruptionBudgets => {
            [followed("policy", &["poddisruptionbudgets"]), vec![controllers()]].concat()
        }
        Feature::Services => [
            followed("", &["services"]),
            followed("discovery.k8s.io", &["endpointslices"]),
            vec![controllers()],
        ]
        .concat(),
        Feature::ArgoCd => {
            let mut needs = followed("argoproj.io", &["applications", "applicationsets"]);
            // Without it what a sync window keeps back looks as if it hung.
            needs.extend(
                followed("argoproj.io", &["appprojects"])
                    .into_iter()
                    .map(|need| Need { optional: true, ..need }),
            );
            needs
        }
        Feature::ArgoCdSync => vec![
            need("patch", "argoproj.io", "applications", ""),
            // What a set makes of a commit is known once it has looked, and when it looks by itself nothing tells.
            need("patch", "argoproj.io", "applicationsets", ""),
            // Without it nobody compares the versions of definitions after a merge.
            Need { optional: true, ..need("list", "apiextensions.k8s.io", "customresourcedefinitions", "") },
        ],
        Feature::Ceph => followed("ceph.rook.io", &["cephclusters"]),
        Feature::CephTools => {
            let namespace = settings.ceph_tools_namespace.as_str();
            // The handshake is a GET and the server asks for create as well.
            vec![
                need("list", "", "pods", namespace),
                need("get", "", "pods/exec", namespace),
                need("create", "", "pods/exec", namespace),
            ]
        }
        Feature::Certificates => followed("cert-manager.io", &["certificates"]),
        Feature::NodeStats => vec![need("get", "", "nodes/proxy", "")],
        Feature::Usage => vec![need("list", "metrics.k8s.io", "nodes", "")],
        Feature::OwnChecks => health
            .checks
            .iter()
            .flat_map(|check| {
                let of = &check.objects;
                let namespace = of.namespace.as_deref().unwrap_or_default();
                let list = need("list", of.group(), &of.resource, namespace);
                // Where a list is empty it is asked whether its namespace exists.
                let get = of.namespace.as_ref().map(|namespace| need("get", "", "namespaces", namespace));
                std::iter::once(list).chain(get)
            })
            .collect(),
        Feature::Lease => {
            let namespace = settings.lease_namespace.as_str();
            ["get", "create", "update"]
                .map(|verb| need(verb, "coordination.k8s.io", "leases", namespace))
                .into()
        }
        Feature::Volumes => [
            followed("", &["persistentvolumes", "persistentvolumeclaims"]),
            followed("storage.k8s.io", &["volumeattachments", "storageclasses"]),
        ]
        .concat(),
        Feature::Snapshots => followed("snapshot.storage.k8s.io", &["volumesnapshots"]),
        Feature::VolSync => followed("volsync.backube", &["replicationsources"]),
        Feature::Flux => [
            followed(
                "source.toolkit.fluxcd.io",
                &["gitrepositories", "ocirepositories", "helmrepositories", "helmcharts", "buckets"],
            ),
            followed("kustomize.toolkit.fluxcd.io", &["kustomizations"]),
            followed("helm.toolkit.fluxcd.io", &["helmreleases"]),
        ]
        .concat(),
        // Without it a change waits until Flux looks by itself.
        Feature::FluxReconcile => vec![
            Need { optional: true, ..need("patch", "source.toolkit.fluxcd.io", "gitrepositories", "") },
            Need { optional: true, ..need("patch", "source.toolkit.fluxcd.io", "ocirepositories", "") },
            Need { optional: true, ..need("patch", "kustomize.toolkit.fluxcd.io", "kustomizations", "") },
            Need { optional: true, ..need("patch", "helm.toolkit.fluxcd.io", "helmreleases", "") },
        ],
        Feature::CloudNativePg => {
            followed("postgresql.cnpg.io", &["clusters", "scheduledbackups", "backups"])
        }
        Feature::ExternalSecrets => {
            followed("external-secrets.io", &["externalsecrets", "secretstores", "clustersecretstores"])
        }
        Feature::ApiServices => followed("apiregistration.k8s.io", &["apiservices"]),
        Feature::Webhooks => [
            followed(
                "admissionregistration.k8s.io",
                &["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
            ),
            vec![need("list", "discovery.k8s.io", "endpointslices", "")],
        ]
        .concat(),
        Feature::PodDeletion => vec![need("delete", "", "pods", "")],
        Feature::Audit => vec![
            need("list", "autoscaling", "horizontalpodautoscalers", ""),
            need("list", "batch", "cronjobs", ""),
            need("list", "policy", "poddisruptionbudgets", ""),
            need("list", "", "persistentvolumeclaims", ""),
            need("list", "volsync.backube", "replicationsources", ""),
            need("list", "velero.io", "schedules", ""),
            need("list", "postgresql.cnpg.io", "scheduledbackups", ""),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_feature_asks_for_secrets_or_wildcards() {
        let health = crate::health::Settings::default();
        for feature in Feature::ALL.into_iter().filter(|feature| *feature != Feature::OwnChecks) {
            let needs = rights(feature, &health, &Settings::default());
            assert!(!needs.is_empty(), "{feature:?}");
            for need in needs {
                let resource = need.right.resource.split('/').next();
                assert!(resource != Some("secrets") && !need.right.to_string().contains('*'));
            }
        }
    }
}
