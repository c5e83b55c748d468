//! `CloudNativePG`: clusters, their backups and when these are due, read.
//!
//! `status.phase` of a Cluster is a sentence, that of a Backup a word in lower case.

use super::client::Kubernetes;
use super::decode::{conditions, items, number, object_name, parse_time, text};
use super::{ClusterResult, Condition, Installed, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;

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
    pub(super) async fn read_postgres(&self) -> ClusterResult<Installed<Postgres>> {
        let group = "/apis/postgresql.cnpg.io/v1";
        let (clusters, schedules, backups) =
            (format!("{group}/clusters"), format!("{group}/scheduledbackups"), format!("{group}/backups"));
        let (clusters, schedules, backups) = tokio::join!(
            self.custom(&clusters, "ClusterList", cluster),
            self.custom(&schedules, "ScheduledBackupList", scheduled_backup),
            self.custom(&backups, "BackupList", backup),
        );
        let (clusters, schedules, backups) = (clusters?, schedules?, backups?);
        Ok(match clusters {
            Installed::No => Installed::No,
            Installed::Yes(clusters) => Installed::Yes(Postgres {
                clusters,
                schedules: schedules.into_items(),
                backups: backups.into_items(),
            }),
        })
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
    })
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
