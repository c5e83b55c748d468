//! Claims that no known tool copies.
//!
//! Known are `VolSync`, whose sources name their claim, Velero, whose schedules name namespaces, and `CloudNativePG`, whose
//! instances' claims are copied with their database. Where one of these lists cannot be read, nobody can say which claims
//! are not copied, and nothing is said of any.

use super::read::{Unread, kinds, list};
use super::{AuditRule, found};
use crate::cluster::{Cluster, ClusterResult, ObjectRef};
use crate::health::Finding;
use crate::health::recon::within;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// The label by which the operator finds the claims of a database.
const POSTGRES_CLUSTER: &str = "cnpg.io/cluster";

/// A bound claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The database that it belongs to.
    pub(super) postgres: Option<String>,
    pub(super) size: Option<String>,
}

fn take_claim(claims: &mut Vec<Claim>, claim: PersistentVolumeClaim) {
    let PersistentVolumeClaim { metadata, status, .. } = claim;
    let Some(status) = status.filter(|status| status.phase.as_deref() == Some("Bound")) else { return };
    if metadata.deletion_timestamp.is_some() {
        return;
    }
    let size = status.capacity.and_then(|capacity| capacity.get("storage").map(|size| size.0.clone()));
    claims.push(Claim {
        postgres: metadata.labels.as_ref().and_then(|labels| labels.get(POSTGRES_CLUSTER)).cloned(),
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        size,
    });
}

/// One of `VolSync`'s sources.
#[derive(Debug, Deserialize)]
struct Source {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: SourceSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceSpec {
    #[serde(rename = "sourcePVC")]
    claim: Option<String>,
    #[serde(default)]
    paused: Option<bool>,
}

/// One of Velero's schedules.
#[derive(Debug, Deserialize)]
struct Schedule {
    #[serde(default)]
    spec: ScheduleSpec,
    #[serde(default)]
    status: ScheduleStatus,
}

#[derive(Debug, Default, Deserialize)]
struct ScheduleStatus {
    #[serde(default)]
    phase: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ScheduleSpec {
    #[serde(default)]
    paused: Option<bool>,
    #[serde(default)]
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Template {
    #[serde(default)]
    included_namespaces: Option<Vec<String>>,
    #[serde(default)]
    excluded_namespaces: Option<Vec<String>>,
    #[serde(default)]
    included_resources: Option<Vec<String>>,
    #[serde(default)]
    excluded_resources: Option<Vec<String>>,
    #[serde(default)]
    label_selector: Option<serde_json::Value>,
    #[serde(default)]
    or_label_selectors: Option<serde_json::Value>,
    #[serde(default)]
    snapshot_volumes: Option<bool>,
    #[serde(default)]
    default_volumes_to_fs_backup: Option<bool>,
}

impl Template {
    /// Whether it copies the volumes of a namespace, as far as it says: one that picks among resources or by labels may leave
    /// any out. None named are all.
    fn copies(&self, namespace: &str) -> bool {
        let picks = self.label_selector.is_some()
            || self.or_label_selectors.is_some()
            || self
                .included_resources
                .as_ref()
                .is_some_and(|all| !all.is_empty() && !all.contains(&"*".to_owned()))
            || self.excluded_resources.as_ref().is_some_and(|all| !all.is_empty());
        let no_volumes =
            self.snapshot_volumes == Some(false) && self.default_volumes_to_fs_backup != Some(true);
        if picks || no_volumes {
            return false;
        }
        let names = |list: &Option<Vec<String>>| -> bool {
            list.iter().flatten().any(|one| one == namespace || one == "*")
        };
        let none = self.included_namespaces.as_ref().is_none_or(Vec::is_empty);
        (none || names(&self.included_namespaces)) && !names(&self.excluded_namespaces)
    }
}

/// A timetable of `CloudNativePG`'s.
#[derive(Debug, Deserialize)]
struct Timetable {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: TimetableSpec,
}

#[derive(Debug, Default, Deserialize)]
struct TimetableSpec {
    #[serde(default)]
    cluster: Named,
    #[serde(default)]
    suspend: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Backups {
    claims: ClusterResult<Vec<Claim>>,
    /// Namespaces and names of the claims that are copied.
    volsync: ClusterResult<BTreeSet<(String, String)>>,
    velero: ClusterResult<Vec<Template>>,
    /// Namespaces and names of the databases that are copied.
    postgres: ClusterResult<BTreeSet<(String, String)>>,
}

impl Backups {
    /// Reads everything at once.
    pub(super) async fn read(cluster: &dyn Cluster, limit: Duration) -> Self {
        let take_source = |copied: &mut BTreeSet<_>, source: Source| {
            if let (Some(claim), false) = (source.spec.claim, source.spec.paused == Some(true)) {
                copied.insert((source.metadata.namespace.unwrap_or_default(), claim));
            }
        };
        let take_schedule = |all: &mut Vec<_>, schedule: Schedule| {
            let works = schedule.status.phase.is_none_or(|phase| phase != "FailedValidation");
            if works && schedule.spec.paused != Some(true) {
                all.push(schedule.spec.template);
            }
        };
        let take_timetable = |copied: &mut BTreeSet<_>, one: Timetable| {
            if one.spec.suspend != Some(true) {
                copied.insert((one.metadata.namespace.unwrap_or_default(), one.spec.cluster.name));
            }
        };
        let (claims, volsync, velero, postgres) = tokio::join!(
            within(limit, "claims", list(cluster, &kinds::CLAIMS, Vec::new, take_claim)),
            within(limit, "VolSync's sources", list(cluster, &kinds::VOLSYNC, BTreeSet::new, take_source)),
            within(limit, "Velero's schedules", list(cluster, &kinds::VELERO, Vec::new, take_schedule)),
            within(
                limit,
                "scheduled backups",
                list(cluster, &kinds::POSTGRES, BTreeSet::new, take_timetable)
            ),
        );
        Self { claims, volsync, velero, postgres }
    }

    /// The claims that none of them copies, and the reminder to try the copies.
    pub(super) fn judge(self, unread: &mut Unread, now: Timestamp) -> Vec<Finding> {
        let claims = unread.or_none("claims", self.claims);
        let volsync = unread.or_none("VolSync's sources", self.volsync);
        let velero = unread.or_none("Velero's schedules", self.velero);
        let postgres = unread.or_none("scheduled backups", self.postgres);
        let Some(claims) = claims.filter(|claims| !claims.is_empty()) else { return Vec::new() };
        let mut findings = Vec::new();
        let mut copied = None;
        if let (Some(volsync), Some(velero), Some(postgres)) = (volsync, velero, postgres) {
            let is_copied = |claim: &&Claim| {
                let of = |name: &String| (claim.namespace.clone(), name.clone());
                volsync.contains(&of(&claim.name))
                    || velero.iter().any(|template| template.copies(&claim.namespace))
                    || claim.postgres.as_ref().is_some_and(|name| postgres.contains(&of(name)))
            };
            let (kept, others): (Vec<&Claim>, Vec<&Claim>) = claims.iter().partition(is_copied);
            findings.extend(others.into_iter().map(|claim| {
                let object = ObjectRef::new("PersistentVolumeClaim", &claim.namespace, &claim.name);
                let size = claim.size.as_deref().unwrap_or("an unknown size");
                let evidence = format!("{size}; no source of VolSync, schedule of Velero or ScheduledBackup");
                found(AuditRule::NotBackedUp, object, "is not copied anywhere that caretaker knows", evidence)
            }));
            copied = Some(kept.len());
        }
        let of = copied.map_or_else(|| "an unknown number".to_owned(), |copied| copied.to_string());
        findings.push(found(
            AuditRule::RestoreNotTested,
            // One a month: what was tried last month says nothing of this one.
            ObjectRef::new("RestoreTest", "", &now.strftime("%Y-%m").to_string()),
            "is due: a backup that ended is not one that restores",
            format!("{} bound claims, {of} of them copied", claims.len()),
        ));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(included: &[&str], excluded: &[&str]) -> Template {
        let owned = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        Template {
            included_namespaces: owned(included),
            excluded_namespaces: owned(excluded),
            ..Template::default()
        }
    }

    #[test]
    fn velero_copies_what_it_names_or_everything() {
        for (template, expected) in [
            (Template::default(), true),
            (template(&[], &[]), true),
            (template(&["*"], &[]), true),
            (template(&["web"], &[]), true),
            (template(&["media"], &[]), false),
            (template(&[], &["web"]), false),
            (template(&["web"], &["web"]), false),
            (template(&["*"], &["*"]), false),
            (Template { snapshot_volumes: Some(false), ..Template::default() }, false),
            (
                Template {
                    snapshot_volumes: Some(false),
                    default_volumes_to_fs_backup: Some(true),
                    ..Template::default()
                },
                true,
            ),
            (Template { label_selector: Some(serde_json::json!({})), ..Template::default() }, false),
            (Template { included_resources: Some(vec!["*".to_owned()]), ..Template::default() }, true),
            (
                Template { included_resources: Some(vec!["configmaps".to_owned()]), ..Template::default() },
                false,
            ),
            (
                Template {
                    excluded_resources: Some(vec!["persistentvolumeclaims".to_owned()]),
                    ..Template::default()
                },
                false,
            ),
        ] {
            assert_eq!(template.copies("web"), expected, "{template:?}");
        }
    }
}
