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
    /// The cluster's lock.
    Lease,
}

impl Feature {
    /// Every feature.
    const ALL: [Self; 8] = [
        Self::Core,
        Self::ArgoCd,
        Self::ArgoCdSync,
        Self::Ceph,
        Self::CephTools,
        Self::Certificates,
        Self::Usage,
        Self::Lease,
    ];
}

/// Where caretaker is to work, as far as it decides which features are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Whether Argo CD rolls out what is merged.
    pub(crate) follows_rollouts: bool,
    /// Whether a task asks for Ceph's crash reports to be archived.
    pub(crate) archives_crashes: bool,
}

/// The features that are switched on, or that the work needs.
pub(crate) fn needed(health: &super::Settings, cluster: &Settings, work: Work) -> Vec<Feature> {
    let is_needed = |feature: &Feature| match feature {
        Feature::Core | Feature::Lease => true,
        Feature::ArgoCd => health.argocd,
        Feature::ArgoCdSync => work.follows_rollouts,
        Feature::Ceph => health.ceph,
        Feature::CephTools => cluster.exec || work.archives_crashes,
        Feature::Certificates => health.certificates,
        Feature::Usage => health.usage,
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
pub(crate) fn rights(feature: Feature, settings: &Settings) -> Vec<Need> {
    let need = |verb: &str, group: &str, resource: &str, namespace: &str| Need {
        right: Right {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
        },
        optional: false,
    };
    match feature {
        Feature::Core => vec![
            need("list", "", "nodes", ""),
            need("list", "", "pods", ""),
            need("list", "apps", "deployments", ""),
            need("list", "apps", "statefulsets", ""),
            need("list", "apps", "daemonsets", ""),
            // Without them the kubelets' slower heartbeat has to do.
            Need { optional: true, ..need("list", "coordination.k8s.io", "leases", "kube-node-lease") },
            // Without them everything is listed at each look.
            Need { optional: true, ..need("watch", "", "nodes", "") },
            Need { optional: true, ..need("watch", "", "pods", "") },
            Need { optional: true, ..need("watch", "apps", "deployments", "") },
            Need { optional: true, ..need("watch", "apps", "statefulsets", "") },
            Need { optional: true, ..need("watch", "apps", "daemonsets", "") },
        ],
        Feature::ArgoCd => vec![need("list", "argoproj.io", "applications", "")],
        Feature::ArgoCdSync => vec![need("patch", "argoproj.io", "applications", "")],
        Feature::Ceph => vec![need("list", "ceph.rook.io", "cephclusters", "")],
        Feature::CephTools => {
            let namespace = settings.ceph_tools_namespace.as_str();
            // The handshake is a GET and the server asks for create as well.
            vec![
                need("list", "", "pods", namespace),
                need("get", "", "pods/exec", namespace),
                need("create", "", "pods/exec", namespace),
            ]
        }
        Feature::Certificates => vec![need("list", "cert-manager.io", "certificates", "")],
        Feature::Usage => vec![need("list", "metrics.k8s.io", "nodes", "")],
        Feature::Lease => {
            let namespace = settings.lease_namespace.as_str();
            ["get", "create", "update"]
                .map(|verb| need(verb, "coordination.k8s.io", "leases", namespace))
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_feature_asks_for_secrets_or_wildcards() {
        for feature in Feature::ALL {
            let needs = rights(feature, &Settings::default());
            assert!(!needs.is_empty(), "{feature:?}");
            for need in needs {
                assert!(!need.right.resource.contains("secret") && !need.right.to_string().contains('*'));
            }
        }
    }
}
