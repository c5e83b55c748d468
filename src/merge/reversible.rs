//! May caretaker itself undo this change? Decided before the merge, shown, and only ever made more careful.

use super::Category;
use super::classify::Classification;
use super::glob::{matches, matches_package};
use super::settings::{ReversiblePath, ReversibleRule};
use crate::cluster::{Owner, Workload};

/// Packages whose rollback may cost data or the cluster: storage operators, Kubernetes itself.
const NEVER_BACK: &[&str] = &[
    "rook-ceph*",
    "rook",
    "ceph",
    "longhorn*",
    "openebs*",
    "democratic-csi",
    "*-csi",
    "*-csi-driver",
    "csi-driver-*",
    "snapshot-controller",
    "volsync*",
    "cloudnative-pg*",
    "k3s*",
    "kubernetes",
    "kubelet",
    "talos*",
    "etcd",
];

/// What a name of an environment variable, or of an option, holds where its container is a client of a database.
const CLIENT_NAMES: &[&str] = &[
    "DATABASE",
    "DATASOURCE",
    "POSTGRES",
    "TIMESCALE",
    "MYSQL",
    "MARIADB",
    "MONGO",
    "SQL",
    "JDBC",
    "REDIS",
    "VALKEY",
    "KEYDB",
    "DRAGONFLY",
    "INFLUX",
    "CLICKHOUSE",
    "CASSANDRA",
    "COCKROACH",
    "COUCHDB",
    "ELASTICSEARCH",
    "OPENSEARCH",
    "ETCD",
    "NEO4J",
    "QDRANT",
];
/// What a part of such a name, between underscores, may be or begin with as well.
const CLIENT_PARTS: &[&str] = &["DB", "DSN", "PGHOST", "PGDATABASE", "PGUSER", "PGPASSWORD"];
/// What schemes of addresses of databases end with; a driver may be named before or after a `+`.
const CLIENT_SCHEMES: &[&str] = &[
    "postgres",
    "postgresql",
    "timescaledb",
    "mysql",
    "mariadb",
    "mongodb",
    "sqlite",
    "sqlite3",
    "sqlserver",
    "mssql",
    "oracle",
    "redis",
    "rediss",
    "redis-sentinel",
    "redis-cluster",
    "valkey",
    "valkeys",
    "keydb",
    "influxdb",
    "clickhouse",
    "clickhouses",
    "cassandra",
    "cockroach",
    "cockroachdb",
    "couchdb",
    "elasticsearch",
    "opensearch",
    "etcd",
    "neo4j",
    "bolt",
    "qdrant",
];
/// What else addresses of databases hold, as Java's, those of files, of drivers in Go and of libpq do.
const CLIENT_VALUES: &[&str] = &["jdbc:", "sqlite:", "@tcp(", "@unix(", "dbname="];

/// Kinds that hold no state and start nothing that could change any. What is not among them (a `Cluster` of an operator, a
/// Job that migrates) may.
const WITHOUT_STATE: &[&str] = &[
    "APIService",
    "Certificate",
    "CiliumNetworkPolicy",
    "ClusterExternalSecret",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterSecretStore",
    "ConfigMap",
    "ControllerRevision",
    "DaemonSet",
    "Deployment",
    "Endpoints",
    "EndpointSlice",
    "ExternalSecret",
    "Gateway",
    "GatewayClass",
    "GrafanaDashboard",
    "GRPCRoute",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "IngressRoute",
    "Issuer",
    "LimitRange",
    "Middleware",
    "MutatingWebhookConfiguration",
    "Namespace",
    "NetworkPolicy",
    "Pod",
    "PodDisruptionBudget",
    "PodMonitor",
    "PriorityClass",
    "Probe",
    "PrometheusRule",
    "ReferenceGrant",
    "ReplicaSet",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "SealedSecret",
    "Secret",
    "SecretStore",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StatefulSet",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// Kinds whose pods are looked at for volumes and clients.
const WORKLOADS: &[&str] = &["DaemonSet", "Deployment", "StatefulSet"];

/// Whether a change may be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reversible {
    /// At any time.
    Yes,
    /// While no container of the new version has run; afterwards a person decides.
    UntilStarted(String),
    /// Not by caretaker itself.
    No(String),
}

/// The workloads in a watcher's inventory.
fn workloads_of<'a>(owner: &Owner, workloads: &'a [Workload]) -> Vec<&'a Workload> {
    workloads.iter().filter(|workload| owner.owns.contains(&workload.object)).collect()
}

/// Judges a change by what it is, the watchers that it touches and their workloads.
pub(crate) fn reversible(
    classification: &Classification,
    files: &[String],
    owners: &[Owner],
    workloads: &[Workload],
    overrides: &[ReversiblePath],
) -> Reversible {
    let strictest = overrides
        .iter()
        .filter(|rule| files.iter().any(|file| matches(&rule.path, file)))
        .map(|rule| (rule.rule, rule.path.as_str()))
        .max_by_key(|(rule, _)| match rule {
            ReversibleRule::Auto => 0,
            ReversibleRule::Ask => 1,
            ReversibleRule::Never => 2,
        });
    match strictest {
        Some((ReversibleRule::Never, path)) => {
            return Reversible::No(format!("the settings say never for {path}"));
        }
        Some((ReversibleRule::Ask, path)) => {
            return Reversible::No(format!("the settings say that a person is asked for {path}"));
        }
        Some((ReversibleRule::Auto, _)) | None => {}
    }
    if let Some(why) = &classification.foundation {
        return Reversible::No(why.clone());
    }
    if classification.category == Category::Database {
        return Reversible::No(format!("{} is a database", classification.worst));
    }
    for member in &classification.members {
        if member.category == Category::Database {
            return Reversible::No(format!("{} is a database", member.package));
        }
        if NEVER_BACK.iter().any(|pattern| matches_package(pattern, &member.package)) {
            return Reversible::No(format!("{} manages storage or the cluster itself", member.package));
        }
    }
    let managing = |name: &&String| NEVER_BACK.iter().any(|pattern| matches_package(pattern, name));
    if let Some(name) = classification.named.iter().find(managing) {
        return Reversible::No(format!("{name} manages storage or the cluster itself"));
    }
    if owners.is_empty() {
        return Reversible::No("it is not known which workloads it touches".to_owned());
    }
    let mut started = None;
    for owner in owners {
        match judge_owner(owner, workloads) {
            Reversible::Yes => {}
            no @ Reversible::No(_) => return no,
            until @ Reversible::UntilStarted(_) => started = started.or(Some(until)),
        }
    }
    started.unwrap_or(Reversible::Yes)
}

/// Judges by what a watcher owns. What it does not show, or what nothing here has looked at, may hold data.
fn judge_owner(owner: &Owner, workloads: &[Workload]) -> Reversible {
    let name = &owner.object.name;
    let has = |kinds: &[&str]| owner.owns.iter().find(|own| kinds.contains(&own.kind.as_str()));
    if has(&["CustomResourceDefinition"]).is_some() {
        return Reversible::No(format!("{name} brings kinds whose stored versions may change"));
    }
    if let Some(child) = has(&["Application", "ApplicationSet", "Kustomization"]) {
        return Reversible::No(format!("{name} makes {child}, and what runs there is not known beforehand"));
    }
    let known = workloads_of(owner, workloads);
    if let Some(unread) = owner.owns.iter().find(|own| {
        WORKLOADS.contains(&own.kind.as_str()) && !known.iter().any(|workload| workload.object == **own)
    }) {
        return Reversible::No(format!("{unread} could not be looked at"));
    }
    if owner.owns.is_empty() {
        return Reversible::No(format!("{name} does not say what it owns"));
    }
    // Settings alone say nothing of who takes them in, and what that does with them.
    if known.is_empty() {
        return Reversible::No(format!("{name} owns no workload that could be looked at"));
    }
    if let Some(claim) = has(&["PersistentVolumeClaim"]) {
        return Reversible::UntilStarted(format!("{name} keeps state in {claim}"));
    }
    if let Some(other) = owner.owns.iter().find(|own| !WITHOUT_STATE.contains(&own.kind.as_str())) {
        return Reversible::UntilStarted(format!("{other} may keep or change state"));
    }
    for workload in known {
        if workload.has_volume {
            return Reversible::UntilStarted(format!("{} keeps state in a volume", workload.object));
        }
        if let Some((name, _)) = workload.environment.iter().find(|(name, value)| is_client(name, value)) {
            return Reversible::UntilStarted(format!(
                "{} looks like a client of a database ({name})",
                workload.object
            ));
        }
        if workload.arguments.iter().any(|argument| argument_is_client(argument)) {
            return Reversible::UntilStarted(format!(
                "{} looks like a client of a database by its command",
                workload.object
            ));
        }
        if workload.hidden_environment {
            return Reversible::UntilStarted(format!(
                "{} mounts a Secret, or takes its environment from a Secret or ConfigMap as a whole, so it may be a client of \
                 a database",
                workload.object
            ));
        }
    }
    Reversible::Yes
}

fn is_client(name: &str, value: &str) -> bool {
    names_a_client(name) || is_address(value)
}

/// `--db.host` and `--db-host` are names as `DB_HOST` is.
fn names_a_client(name: &str) -> bool {
    let name = name.to_uppercase();
    CLIENT_NAMES.iter().any(|word| name.contains(word))
        || name
            .split(['_', '-', '.'])
            .any(|part| CLIENT_PARTS.iter().any(|word| part.starts_with(word)) || part.ends_with("DB"))
}

fn is_address(value: &str) -> bool {
    let value = value.to_lowercase();
    let is_scheme = |before: &str| {
        let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let scheme = &before[before.trim_end_matches(in_scheme).len()..];
        // An option of one letter may stand right before it: `-dpostgres://`.
        scheme.split('+').any(|part| CLIENT_SCHEMES.iter().any(|known| part.ends_with(known)))
    };
    value.match_indices("://").any(|(place, _)| is_scheme(&value[..place]))
        || CLIENT_VALUES.iter().any(|mark| value.contains(mark))
}

/// One argument may be a whole script.
fn argument_is_client(argument: &str) -> bool {
    let mut options = argument.split_whitespace().filter(|word| word.starts_with('-'));
    is_address(argument) || options.any(|word| names_a_client(word.split('=').next().unwrap_or_default()))
}
