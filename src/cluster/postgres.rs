//! `CloudNativePG`: clusters, their backups and when these are due, read.
//!
//! `status.phase` of a Cluster is a sentence, that of a Backup a word in lower case.

use super::client::Kubernetes;
use super::decode::{conditions, items, number, object_name, parse_time, text};
use super::{ClusterResult, Condition, Freshness, Installed, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// A `CloudNativePG` Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresCluster {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// Switched off by a person, with its volumes kept.
    pub(crate) hibernated: bool,
    /// Whether its spec names an archive for the write-ahead log. Without one the condition `ContinuousArchiving` is True
    /// as well.
    pub(crate) archives: bool,
    /// How many instances are wanted.
    pub(crate) instances: u64,
    /// How many are ready.
    pub(crate) ready_instances: u64,
    /// In its own words: a sentence.
    pub(crate) phase: String,
    /// More of them.
    pub(crate) phase_reason: String,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
    /// The instance that is written to; empty when none is.
    pub(crate) current_primary: String,
    /// The one that shall be.
    pub(crate) target_primary: String,
    /// Since when it shall be.
    pub(crate) target_primary_since: Option<Timestamp>,
    /// The end of the newest backup that succeeded, where it tells.
    pub(crate) last_backup: Option<Timestamp>,
    /// The same of each method, by the method's word, where it tells.
    pub(crate) last_backups: BTreeMap<String, Timestamp>,
}

impl PostgresCluster {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("Cluster", &self.namespace, &self.name)
    }
}

/// A `CloudNativePG` `ScheduledBackup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScheduledBackup {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// The Cluster, in the same namespace.
    pub(crate) cluster: String,
    /// How its backups are made.
    pub(crate) method: BackupMethod,
    /// Six fields, seconds first.
    pub(crate) schedule: String,
    /// `spec.suspend`.
    pub(crate) suspended: bool,
    /// When a backup was due last.
    pub(crate) last_due: Option<Timestamp>,
    /// When the next one is.
    pub(crate) next_due: Option<Timestamp>,
}

impl ScheduledBackup {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("ScheduledBackup", &self.namespace, &self.name)
    }
}

/// How a backup is made. One method may work while another fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupMethod {
    /// `barmanObjectStore`, `volumeSnapshot` or `plugin`.
    pub(crate) word: String,
    /// Which plugin, where one makes it.
    pub(crate) plugin: String,
}

/// How far a backup has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupPhase {
    /// Not begun.
    Pending,
    /// In work.
    Running,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Not begun, since the archive of the write-ahead log does not work.
    ArchivingFails,
    /// A word that we do not know.
    Unknown,
}

/// A `CloudNativePG` Backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresBackup {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The Cluster, in the same namespace.
    pub(crate) cluster: String,
    /// The `ScheduledBackup` that asked for it; none of one by hand.
    pub(crate) schedule: Option<String>,
    /// How it is made.
    pub(crate) method: BackupMethod,
    /// How far it has come.
    pub(crate) phase: BackupPhase,
    /// What went wrong.
    pub(crate) error: String,
    /// When it ended, else when it began, else when it was made.
    pub(crate) at: Option<Timestamp>,
}

/// All objects of `CloudNativePG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postgres {
    /// The databases.
    pub(crate) clusters: Vec<PostgresCluster>,
    /// When backups are due.
    pub(crate) schedules: Vec<ScheduledBackup>,
    /// The backups.
    pub(crate) backups: Vec<PostgresBackup>,
}

impl Kubernetes {
    /// All of them at once.
    pub(super) async fn read_postgres(&self, freshness: Freshness) -> ClusterResult<Installed<Postgres>> {
        let group = "/apis/postgresql.cnpg.io/v1";
        let (clusters, schedules, backups) =
            (format!("{group}/clusters"), format!("{group}/scheduledbackups"), format!("{group}/backups"));
        let (clusters, schedules, backups) = tokio::join!(
            self.all(&clusters, "ClusterList", cluster, freshness),
            self.all(&schedules, "ScheduledBackupList", scheduled_backup, freshness),
            self.all(&backups, "BackupList", backup, freshness),
        );
        let (clusters, schedules, backups) = (clusters?, schedules?, backups?);
        if let (Installed::No, Installed::No, Installed::No) = (&clusters, &schedules, &backups) {
            return Ok(Installed::No);
        }
        // The operator brings all three: without one of them, backups that fail would look as if there were none.
        Ok(Installed::Yes(Postgres {
            clusters: clusters.served(group, "Cluster")?,
            schedules: schedules.served(group, "ScheduledBackup")?,
            backups: backups.served(group, "Backup")?,
        }))
    }
}

/// A Cluster as the API server lists it.
pub(super) fn cluster(object: &Value) -> Result<PostgresCluster, String> {
    let (namespace, name) = object_name(object)?;
    let metadata = &object["metadata"];
    let (spec, status) = (&object["spec"], &object["status"]);
    let archiver = |plugin: &Value| {
        plugin["isWALArchiver"].as_bool() == Some(true) && plugin["enabled"].as_bool() != Some(false)
    };
    Ok(PostgresCluster {
        namespace,
        name,
        created_at: parse_time(&metadata["creationTimestamp"]),
        hibernated: metadata["annotations"]["cnpg.io/hibernation"].as_str() == Some("on"),
        archives: spec["backup"]["barmanObjectStore"].is_object() || items(&spec["plugins"]).any(archiver),
        instances: spec["instances"].as_u64().unwrap_or(1),
        ready_instances: number(&status["readyInstances"]),
        phase: text(&status["phase"]),
        phase_reason: text(&status["phaseReason"]),
        conditions: conditions(status),
        current_primary: text(&status["currentPrimary"]),
        target_primary: text(&status["targetPrimary"]),
        target_primary_since: parse_time(&status["targetPrimaryTimestamp"]),
        last_backup: parse_time(&status["lastSuccessfulBackup"]),
        last_backups: status["lastSuccessfulBackupByMethod"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(method, at)| Some((method.clone(), parse_time(at)?)))
            .collect(),
    })
}

/// What the API means where nothing is written is the object store.
fn method(spec: &Value) -> BackupMethod {
    BackupMethod {
        word: spec["method"].as_str().unwrap_or("barmanObjectStore").to_owned(),
        plugin: text(&spec["pluginConfiguration"]["name"]),
    }
}

/// The schedule that asked for a Backup: the operator's label names it, and so does the owner where the schedule is that.
fn schedule_of(metadata: &Value) -> Option<String> {
    let owner = || items(&metadata["ownerReferences"]).find(|owner| owner["kind"] == "ScheduledBackup");
    let named = metadata["labels"]["cnpg.io/scheduled-backup"].as_str();
    named.or_else(|| owner()?["name"].as_str()).map(str::to_owned)
}

/// A `ScheduledBackup` as the API server lists it.
pub(super) fn scheduled_backup(object: &Value) -> Result<ScheduledBackup, String> {
    let (namespace, name) = object_name(object)?;
    let (spec, status) = (&object["spec"], &object["status"]);
    Ok(ScheduledBackup {
        namespace,
        name,
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        cluster: text(&spec["cluster"]["name"]),
        method: method(spec),
        schedule: text(&spec["schedule"]),
        suspended: spec["suspend"].as_bool().unwrap_or(false),
        last_due: parse_time(&status["lastScheduleTime"]),
        next_due: parse_time(&status["nextScheduleTime"]),
    })
}

/// A Backup as the API server lists it.
pub(super) fn backup(object: &Value) -> Result<PostgresBackup, String> {
    let (namespace, name) = object_name(object)?;
    let status = &object["status"];
    let times = [&status["stoppedAt"], &status["startedAt"], &object["metadata"]["creationTimestamp"]];
    Ok(PostgresBackup {
        namespace,
        name,
        cluster: text(&object["spec"]["cluster"]["name"]),
        schedule: schedule_of(&object["metadata"]),
        method: method(&object["spec"]),
        phase: match status["phase"].as_str() {
            None | Some("" | "pending") => BackupPhase::Pending,
            Some("started" | "running" | "finalizing") => BackupPhase::Running,
            Some("completed") => BackupPhase::Completed,
            Some("failed") => BackupPhase::Failed,
            Some("walArchivingFailing") => BackupPhase::ArchivingFails,
            Some(_) => BackupPhase::Unknown,
        },
        error: text(&status["error"]),
        at: times.into_iter().find_map(parse_time),
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::{self, postgres_backup, postgres_cluster};
    use super::*;
    use BackupPhase::{ArchivingFails, Completed, Failed, Pending, Running};
    use serde_json::json;

    #[test]
    fn the_recorded_clusters_are_read() {
        let healthy = postgres_cluster(0);
        assert_eq!(healthy.object().to_string(), "Cluster db/pg");
        assert_eq!((healthy.instances, healthy.ready_instances), (2, 2));
        assert_eq!((healthy.current_primary.as_str(), healthy.target_primary.as_str()), ("pg-1", "pg-1"));
        assert!(healthy.last_backup.is_some() && healthy.target_primary_since.is_some());
        assert!(!healthy.hibernated);
        assert_eq!(healthy.phase, "Cluster in healthy state");
        assert_eq!(postgres_cluster(1).ready_instances, 1);
        assert_eq!(postgres_cluster(2).current_primary, "");
        assert!(postgres_cluster(4).hibernated);
    }

    #[test]
    fn the_recorded_backups_are_read() {
        let phases: Vec<BackupPhase> = (11..=15).map(|number| postgres_backup(number).phase).collect();
        assert_eq!(phases, [Pending, Running, Completed, Failed, ArchivingFails]);
        let failed = postgres_backup(14);
        assert_eq!(
            (failed.cluster.as_str(), failed.error.as_str()),
            ("pg", "can't execute backup: exit status 4")
        );
        assert!(failed.at > postgres_backup(13).at, "by their ends, not by when they were made");
        let schedule = recorded::scheduled_backup(16);
        assert_eq!((schedule.cluster.as_str(), schedule.schedule.as_str()), ("pg", "0 0 2 * * *"));
        assert!(!schedule.suspended && schedule.last_due < schedule.next_due && schedule.last_due.is_some());
    }

    #[test]
    fn a_backup_is_known_by_the_schedule_that_asked_for_it_and_by_its_method() {
        let read = |metadata: serde_json::Value, spec: serde_json::Value| {
            let mut metadata = metadata;
            metadata["name"] = json!("b");
            let read = backup(&json!({"metadata": metadata, "spec": spec})).expect("a Backup");
            (read.schedule, read.method.word, read.method.plugin)
        };
        let owned = json!({"ownerReferences": [{"kind": "Cluster", "name": "pg"}, {"kind": "ScheduledBackup", "name": "weekly"}]});
        let labelled = json!({"labels": {"cnpg.io/scheduled-backup": "nightly"}});
        let own = |schedule: Option<&str>, method: &str, plugin: &str| {
            (schedule.map(str::to_owned), method.to_owned(), plugin.to_owned())
        };
        assert_eq!(read(json!({}), json!({})), own(None, "barmanObjectStore", ""));
        assert_eq!(
            read(labelled, json!({"method": "volumeSnapshot"})),
            own(Some("nightly"), "volumeSnapshot", "")
        );
        let plugin =
            json!({"method": "plugin", "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"}});
        assert_eq!(read(owned, plugin), own(Some("weekly"), "plugin", "barman-cloud.cloudnative-pg.io"));
        let by_method = json!({"lastSuccessfulBackupByMethod": {"volumeSnapshot": "2026-11-21T02:00:00Z", "plugin": null}});
        let read = cluster(&json!({"metadata": {"name": "c"}, "status": by_method})).expect("a Cluster");
        assert_eq!(read.last_backups.keys().collect::<Vec<_>>(), ["volumeSnapshot"]);
    }

    #[test]
    fn a_word_that_nobody_knows_is_unknown_and_an_archive_is_named_in_two_ways() {
        let read = |phase: &str| {
            backup(&json!({"metadata": {"name": "b"}, "status": {"phase": phase}})).expect("a Backup").phase
        };
        // Velero's words are in other letters.
        for (word, expected) in [
            ("finalizing", BackupPhase::Running),
            ("pending", BackupPhase::Pending),
            ("Completed", BackupPhase::Unknown),
            ("definitionInvalid", BackupPhase::Unknown),
        ] {
            assert_eq!(read(word), expected, "{word}");
        }
        for (spec, expected) in [
            (json!({}), false),
            (json!({"backup": {"volumeSnapshot": {}}}), false),
            (json!({"backup": {"barmanObjectStore": {"destinationPath": "s3://b"}}}), true),
            (json!({"plugins": [{"name": "barman-cloud.cloudnative-pg.io", "isWALArchiver": true}]}), true),
            (json!({"plugins": [{"name": "p", "isWALArchiver": true, "enabled": false}]}), false),
            (json!({"plugins": [{"name": "p"}]}), false),
        ] {
            let read = cluster(&json!({"metadata": {"name": "c"}, "spec": spec})).expect("a Cluster");
            assert_eq!(read.archives, expected, "{spec}");
        }
        assert!(cluster(&json!({})).is_err());
        assert!(scheduled_backup(&json!({})).is_err() && backup(&json!({})).is_err());
    }
}
