//! Settings of merging, and what well-known charts and images are taken for where the settings say nothing.

use super::Category;
use serde::{Deserialize, Serialize};

/// Whether a change below a path may be reverted by caretaker itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReversibleRule {
    /// As judged; a setting never makes it less careful.
    Auto,
    /// A person is asked first.
    Ask,
    /// Never.
    Never,
}

/// What packages and paths are of a category. A rule matches when one of its packages or one of its paths does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryRule {
    /// The category.
    pub category: Category,
    /// Patterns (`*`) of package names, or of one part of them between slashes.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Patterns (`*`) of paths of changed files.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// Something that caretaker itself stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoundationRule {
    /// What it is, as the reason shows it.
    pub name: String,
    /// Patterns (`*`) of packages' own names: the last part between slashes, or as many of the last parts as the pattern
    /// has.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Patterns (`*`) of paths of changed files.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// A rule for reverting by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReversiblePath {
    /// Pattern (`*`) of paths of changed files.
    pub path: String,
    /// The rule.
    pub rule: ReversibleRule,
}

/// Settings under `[merge]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Whether the forge shall delete a branch that was merged.
    pub delete_branch: bool,
    /// What is of which category, first match wins; goes before the built-in rules. What no rule matches is
    /// `app-template`.
    pub categories: Vec<CategoryRule>,
    /// Further foundations, besides the built-in ones.
    pub foundations: Vec<FoundationRule>,
    /// File names whose changes need no explanation by versions.
    pub lock_files: Vec<String>,
    /// Whether a change may be reverted by itself, by path; the most careful match counts.
    pub reversible: Vec<ReversiblePath>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delete_branch: true,
            categories: Vec::new(),
            foundations: Vec::new(),
            lock_files: owned(&[
                "Chart.lock",
                "package-lock.json",
                "yarn.lock",
                "pnpm-lock.yaml",
                "go.sum",
                "Cargo.lock",
                "poetry.lock",
                "uv.lock",
                "Pipfile.lock",
                "composer.lock",
                "Gemfile.lock",
                ".terraform.lock.hcl",
                "flake.lock",
            ]),
            reversible: Vec::new(),
        }
    }
}

/// Settings under `[renovate]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RenovateSettings {
    /// The accounts under which Renovate opens its pull requests.
    pub accounts: Vec<String>,
    /// What the names of its branches begin with.
    pub branch_prefix: String,
}

impl Default for RenovateSettings {
    fn default() -> Self {
        Self { accounts: owned(&["renovate"]), branch_prefix: "renovate/".to_owned() }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The built-in rules, first match wins. Exporters and operators of databases hold no data of their own.
const CATEGORIES: &[(Category, &[&str])] = &[
    (Category::Monitoring, &["*exporter", "*exporter2", "*_exporter", "*-metrics", "metrics-server"]),
    (
        Category::Database,
        &[
            "postgres*",
            "postgis*",
            "pgvector*",
            "pgvecto-rs*",
            "timescaledb*",
            "cloudnative-pg*",
            "cloudnativepg*",
            "cnpg*",
            "mariadb*",
            "mysql*",
            "percona*",
            "mongo",
            "mongodb*",
            "redis",
            "redis-*",
            "redis_*",
            "valkey*",
            "keydb*",
            "dragonfly*",
            "influxdb*",
            "clickhouse*",
            "cassandra*",
            "cockroach*",
            "couchdb*",
            "elasticsearch*",
            "opensearch*",
            "etcd*",
            "neo4j*",
            "qdrant*",
        ],
    ),
    (
        Category::Core,
        &[
            "cilium*",
            "calico*",
            "tigera-operator",
            "flannel*",
            "metallb*",
            "kube-vip*",
            "multus*",
            "coredns*",
            "external-dns*",
            "k8s-gateway",
            "ingress-nginx*",
            "nginx-ingress*",
            "traefik*",
            "envoy-gateway*",
            "gateway-helm",
            "istio*",
            "rook-ceph*",
            "rook",
            "ceph",
            "ceph-*",
            "longhorn*",
            "openebs*",
            "democratic-csi",
            "csi-driver-*",
            "*-csi",
            "*-csi-driver",
            "nfs-subdir-external-provisioner",
            "snapshot-controller",
            "volsync*",
            "velero*",
            "cert-manager*",
            "kured*",
            "node-feature-discovery*",
            "nvidia-device-plugin",
            "gpu-operator",
            "intel-device-plugins*",
            "system-upgrade-controller",
            "descheduler",
            "k3s*",
            "kubernetes",
            "kubelet",
            "talos*",
            "cloudflared*",
            "tailscale*",
        ],
    ),
    (
        Category::Monitoring,
        &[
            "kube-prometheus-stack",
            "prometheus*",
            "alertmanager*",
            "grafana*",
            "loki*",
            "promtail*",
            "alloy*",
            "tempo",
            "tempo-*",
            "mimir*",
            "thanos*",
            "victoria-*",
            "victoriametrics*",
            "kube-state-metrics",
            "node-exporter",
            "blackbox*",
            "opentelemetry*",
            "fluent-bit*",
            "fluentd*",
            "vector",
            "uptime-kuma*",
            "gatus*",
            "jaeger*",
            "karma",
        ],
    ),
    (
        Category::Platform,
        &[
            "argo-cd*",
            "argocd*",
            "argo-workflows",
            "argo-events",
            "argo-rollouts",
            "argo*",
            "flux",
            "flux2",
            "flux-*",
            "fluxcd",
            "external-secrets*",
            "sealed-secrets*",
            "vault*",
            "openbao*",
            "renovate*",
            "gitea*",
            "forgejo*",
            "act_runner",
            "actions-runner*",
            "gha-runner*",
            "woodpecker*",
            "tekton*",
            "harbor*",
            "zot",
            "zot-*",
            "registry",
            "dex",
            "dex-*",
            "keycloak*",
            "authentik*",
            "authelia*",
            "oauth2-proxy*",
            "kanidm*",
            "lldap*",
            "kyverno*",
            "gatekeeper*",
            "reloader",
            "reflector",
            "crossplane*",
            "terraform*",
            "tofu*",
            "caretaker",
        ],
    ),
    (Category::AppTemplate, &["app-template"]),
];

/// What caretaker stands on, whatever the settings say: name, packages (by their own name), folders. What only runs beside
/// it, or is made by the same people, is none: a runner of the forge, a plugin, a demonstration.
const FOUNDATIONS: &[(&str, &[&str], &[&str])] = &[
    (
        "the forge",
        &["gitea", "gitea-rootless", "forgejo", "forgejo-rootless"],
        &["gitea/*", "*/gitea/*", "forgejo/*", "*/forgejo/*"],
    ),
    (
        "Argo CD",
        &["argo-cd", "argocd", "argocd-apps", "argo-cd-apps", "argocd-operator", "argocd-vault-plugin"],
        &["argocd/*", "*/argocd/*", "argo-cd/*", "*/argo-cd/*"],
    ),
    (
        "Flux",
        &[
            "flux",
            "flux2",
            "flux-operator",
            "flux-instance",
            "fluxcd",
            "fluxcd/source-controller",
            "fluxcd/kustomize-controller",
            "fluxcd/helm-controller",
            "fluxcd/notification-controller",
        ],
        &["flux-system/*", "*/flux-system/*"],
    ),
    (
        "the registry",
        &[
            "registry",
            "docker-registry",
            "distribution",
            "zot",
            "zot-linux-*",
            "harbor",
            "harbor-*",
            "goharbor/*",
        ],
        &["zot/*", "*/zot/*", "harbor/*", "*/harbor/*"],
    ),
    (
        "ingress to the forge",
        &[
            "ingress-nginx",
            "ingress-nginx/*",
            "nginx-ingress",
            "nginx-ingress-controller",
            "kubernetes-ingress",
            "traefik",
            "traefik-crds",
            "envoy-gateway",
            "envoyproxy/gateway",
            "envoyproxy/envoy",
            "gateway-helm",
            "istio",
            "istio/*",
            "istiod",
        ],
        &["ingress-nginx/*", "*/ingress-nginx/*", "traefik/*", "*/traefik/*"],
    ),
    ("DNS to the forge", &["external-dns", "external-dns-*", "coredns", "k8s-gateway", "k8s_gateway"], &[]),
    (
        "the network",
        &[
            "cilium",
            "cilium-envoy",
            "cilium/operator*",
            "calico",
            "calico/*",
            "tigera-operator",
            "tigera/operator",
            "flannel",
            "flannel-cni-plugin",
            "metallb",
            "metallb/*",
            "kube-vip",
            "kube-vip-cloud-provider",
            "multus",
            "multus-cni",
        ],
        &["cilium/*", "*/cilium/*", "metallb/*", "*/metallb/*"],
    ),
    (
        "storage of the store",
        &[
            "rook",
            "rook-ceph",
            "rook-ceph-*",
            "ceph",
            "cephcsi",
            "longhorn",
            "longhornio/*",
            "openebs",
            "openebs/*",
            "democratic-csi",
        ],
        &[
            "rook-ceph/*",
            "*/rook-ceph/*",
            "longhorn/*",
            "*/longhorn/*",
            "longhorn-system/*",
            "*/longhorn-system/*",
        ],
    ),
    (
        "Kubernetes",
        &[
            "k3s",
            "k3s-upgrade",
            "kubernetes",
            "kubelet",
            "talos",
            "siderolabs/installer",
            "system-upgrade-controller",
            "etcd",
        ],
        &[],
    ),
    ("caretaker", &["caretaker"], &["caretaker/*", "*/caretaker/*"]),
];

impl Settings {
    /// The rules of categories: the settings' own, then the built-in ones.
    pub(crate) fn category_rules(&self) -> Vec<CategoryRule> {
        let built_in = CATEGORIES.iter().map(|(category, packages)| CategoryRule {
            category: *category,
            packages: owned(packages),
            paths: Vec::new(),
        });
        self.categories.iter().cloned().chain(built_in).collect()
    }

    /// The foundations: the built-in ones and the settings' own.
    pub(crate) fn foundation_rules(&self) -> Vec<FoundationRule> {
        let built_in = FOUNDATIONS.iter().map(|(name, packages, paths)| FoundationRule {
            name: (*name).to_owned(),
            packages: owned(packages),
            paths: owned(paths),
        });
        built_in.chain(self.foundations.iter().cloned()).collect()
    }
}
