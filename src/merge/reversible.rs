//! May caretaker itself undo this change? Decided before the merge, shown, and only ever made more careful.

use super::classify::Classification;
use super::glob::{matches, matches_package};
use super::settings::{ReversiblePath, ReversibleRule};
use super::{Category, UpdateType};
use crate::cluster::{Application, Workload};

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

/// Parts of names of environment variables that clients of databases have.
const CLIENT_NAMES: &[&str] = &[
    "DATABASE",
    "DB",
    "POSTGRES",
    "POSTGRESQL",
    "PGHOST",
    "PGDATABASE",
    "PGUSER",
    "MYSQL",
    "MARIADB",
    "MONGO",
    "MONGODB",
    "SQL",
    "SQLITE",
    "JDBC",
    "DSN",
];
/// What addresses of databases begin with.
const CLIENT_VALUES: &[&str] = &[
    "postgres://",
    "postgresql://",
    "mysql://",
    "mariadb://",
    "mongodb://",
    "mongodb+srv://",
    "jdbc:",
    "sqlite:",
];

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

/// The workloads in an Application's inventory.
pub(crate) fn workloads_of<'a>(application: &Application, workloads: &'a [Workload]) -> Vec<&'a Workload> {
    workloads
        .iter()
        .filter(|workload| application.resources.iter().any(|own| own.object == workload.object))
        .collect()
}

/// Judges a change by what it is, the Applications that it touches and their workloads.
pub(crate) fn reversible(
    classification: &Classification,
    files: &[String],
    applications: &[&Application],
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
    if applications.is_empty() {
        return Reversible::No("it is not known which workloads it touches".to_owned());
    }
    if classification.update >= UpdateType::Major {
        let owner = applications
            .iter()
            .find(|app| app.resources.iter().any(|own| own.object.kind == "CustomResourceDefinition"));
        if let Some(owner) = owner {
            return Reversible::No(format!("{} brings kinds whose stored versions may change", owner.name));
        }
    }
    for app in applications {
        if let Some(claim) = app.resources.iter().find(|own| own.object.kind == "PersistentVolumeClaim") {
            return Reversible::UntilStarted(format!("{} keeps state in {}", app.name, claim.object));
        }
        for workload in workloads_of(app, workloads) {
            if workload.has_volume {
                return Reversible::UntilStarted(format!("{} keeps state in a volume", workload.object));
            }
            if let Some((name, _)) = workload.environment.iter().find(|(name, value)| is_client(name, value))
            {
                return Reversible::UntilStarted(format!(
                    "{} looks like a client of a database ({name})",
                    workload.object
                ));
            }
        }
    }
    Reversible::Yes
}

fn is_client(name: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    name.to_uppercase().split('_').any(|part| CLIENT_NAMES.contains(&part))
        || CLIENT_VALUES.iter().any(|scheme| value.contains(scheme))
}
