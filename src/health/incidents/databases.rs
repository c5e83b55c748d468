//! Databases of `CloudNativePG`: what an outage leaves of them, and whether they could be restored.

use super::real::{owned_by, real};
use super::scene::Scene;
use super::{ago, expect};
use serde_json::{Value, json};
use sim::kubernetes::{POSTGRES_BACKUP, POSTGRES_CLUSTER, SCHEDULED_BACKUP};

impl Scene {
    /// The operator, and a Cluster of that number of the recording, with an archive.
    pub(super) fn database(&self, number: usize) {
        self.deployment("cnpg-system", "cloudnative-pg", 1, 1);
        let mut cluster = real("operators", number, "db", "pg", 0);
        cluster["spec"]["backup"] = json!({"barmanObjectStore": {"destinationPath": "s3://backups/pg"}});
        self.put(cluster);
    }

    /// A backup every night; the last one was due so many minutes ago.
    pub(super) fn nightly(&self, minutes: i64) {
        let mut schedule = real("operators", 16, "db", "nightly", 0);
        schedule["status"] = json!({"lastCheckTime": ago(1), "lastScheduleTime": ago(minutes),
            "nextScheduleTime": ago(minutes - 1_440)});
        self.put(schedule);
    }

    /// A Backup that the schedule asked for, of that number of the recording.
    pub(super) fn backup(&self, number: usize, name: &str, minutes: i64) {
        let mut backup = real("operators", number, "db", name, minutes);
        backup["metadata"]["labels"] =
            json!({"cnpg.io/cluster": "pg", "cnpg.io/scheduled-backup": "nightly"});
        backup["metadata"]["creationTimestamp"] = json!(ago(minutes));
        self.put(backup);
    }

    /// One of two instances of a database that is well but for it is on this node, which is lost.
    pub(super) fn database_on_a_lost_node(&self, node: &str) {
        self.node(node, false);
        self.change(
            &POSTGRES_CLUSTER,
            "db",
            "pg",
            &json!({"status": {"readyInstances": 1, "phase": "Waiting for the instances to become active",
                "phaseReason": "", "conditions": [
                    {"type": "ContinuousArchiving", "status": "True", "reason": "ContinuousArchivingSuccess",
                        "message": "Continuous archiving is working", "lastTransitionTime": ago(9_000)},
                    {"type": "Ready", "status": "False", "reason": "ClusterIsNotReady",
                        "message": "Cluster Is Not Ready", "lastTransitionTime": ago(10)}]}}),
        );
        let mut pod = owned_by(real("pods", 0, "db", "pg-2", 0), "postgresql.cnpg.io/v1", "Cluster", "pg");
        pod["spec"]["nodeName"] = json!(node);
        pod["metadata"]["labels"] = json!({"cnpg.io/cluster": "pg"});
        self.put(pod);
    }

    fn of_the_database(&self, patch: &Value) {
        self.change(&POSTGRES_CLUSTER, "db", "pg", patch);
    }
}

#[tokio::test]
async fn a_database_that_is_well_and_backed_up_every_night() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    expect(scene, &["the gate opens"]).await;
}

/// Its claims were made again and lost their marks: the operator ran initdb. It reads as if all were well.
#[tokio::test]
async fn a_database_came_back_empty() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    scene.volume_of("db", "pvc-pg", "Released", "pg-1", "uid-7", 9_000);
    scene.volume_of("db", "pvc-pg-new", "Bound", "pg-1", "uid-8", 30);
    scene.claim_of("db", "pg-1", "pvc-pg-new", "uid-8", 30);
    expect(scene, &["RED lost-data of PersistentVolume pvc-pg", "the gate is closed"]).await;
}

/// The moment before that: the primary is set up anew, and the old volume is still there to be bound.
#[tokio::test]
async fn a_database_is_about_to_be_made_anew() {
    let scene = Scene::well().await;
    scene.database(2);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    scene.volume_of("db", "pvc-pg", "Released", "pg-1", "uid-7", 9_000);
    let mut claim = real("volumes", 13, "db", "pg-1", 20);
    claim["metadata"]["labels"] = json!({"cnpg.io/cluster": "pg", "cnpg.io/pvcRole": "PG_DATA"});
    scene.put(claim);
    let expected = [
        "UNKNOWN archiving-unknown of Cluster db/pg",
        "RED primary-moves of Cluster db/pg",
        "RED unavailable of Cluster db/pg",
        "YELLOW claim-pending of PersistentVolumeClaim db/pg-1",
        "YELLOW released-claim-waits of PersistentVolume pvc-pg",
        "YELLOW in-work of Cluster db/pg",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// One thing to mend, though the operator speaks of the database as well.
#[tokio::test]
async fn a_node_is_lost_under_a_database() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    scene.database_on_a_lost_node("metal2");
    let expected = [
        "RED not-ready of Node metal2",
        "  RED node-not-ready of Cluster db/pg",
        "  RED node-not-ready of Deployment web/shop",
        "  YELLOW in-work of Cluster db/pg",
        "  YELLOW unavailable of Cluster db/pg",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn nothing_is_archived_and_the_last_backup_failed() {
    let scene = Scene::well().await;
    scene.database(1);
    scene.nightly(60);
    scene.backup(14, "nightly-1", 0);
    let expected = [
        "RED archiving-fails of Cluster db/pg",
        "RED backup-failed of ScheduledBackup db/nightly",
        "YELLOW in-work of Cluster db/pg",
        "YELLOW unavailable of Cluster db/pg",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn last_nights_backup_failed_and_the_one_before_is_good() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 1_440);
    scene.backup(14, "nightly-2", 0);
    let failed = json!({"status": {"lastFailedBackup": ago(5), "conditions": [
        {"type": "ContinuousArchiving", "status": "True", "reason": "ContinuousArchivingSuccess",
            "message": "Continuous archiving is working", "lastTransitionTime": ago(9_000)},
        {"type": "LastBackupSucceeded", "status": "False", "reason": "LastBackupFailed",
            "message": "can't execute backup: exit status 4", "lastTransitionTime": ago(5)},
        {"type": "Ready", "status": "True", "reason": "ClusterIsReady", "message": "Cluster is Ready",
            "lastTransitionTime": ago(9_000)}]}});
    scene.of_the_database(&failed);
    expect(scene, &["YELLOW backup-failed of ScheduledBackup db/nightly", "the gate is closed"]).await;
}

#[tokio::test]
async fn nobody_makes_the_backups_that_are_due() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(480);
    scene.backup(13, "nightly-1", 1_900);
    scene.of_the_database(&json!({"status": {"lastSuccessfulBackup": ago(1_960)}}));
    expect(scene, &["YELLOW backup-late of ScheduledBackup db/nightly", "the gate is closed"]).await;
}

/// A WAL archive without a base backup restores nothing: named, and a matter of the audit.
#[tokio::test]
async fn no_schedule_backs_a_database_up() {
    let scene = Scene::well().await;
    scene.database(0);
    let patch = json!({"status": {"lastSuccessfulBackup": null, "firstRecoverabilityPoint": null}});
    scene.of_the_database(&patch);
    let conditions = json!({"status": {"conditions": [
        {"type": "ContinuousArchiving", "status": "True", "reason": "ContinuousArchivingSuccess",
            "message": "Continuous archiving is working", "lastTransitionTime": ago(9_000)},
        {"type": "Ready", "status": "True", "reason": "ClusterIsReady", "message": "Cluster is Ready",
            "lastTransitionTime": ago(9_000)}]}});
    scene.of_the_database(&conditions);
    let told = scene.says("no-schedule").await;
    assert!(told[0].contains("there is no good backup"), "{told:?}");
    expect(scene, &["YELLOW no-schedule of Cluster db/pg (listed only)", "the gate opens"]).await;
}

#[tokio::test]
async fn a_schedule_is_suspended_and_another_is_written_with_five_fields() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    scene.change(&SCHEDULED_BACKUP, "db", "nightly", &json!({"spec": {"suspend": true}}));
    let mut hourly = real("operators", 16, "db", "hourly", 0);
    hourly["spec"]["schedule"] = json!("0 2 * * *");
    hourly["status"]["lastScheduleTime"] = Value::Null;
    hourly["status"]["nextScheduleTime"] = json!(ago(-30));
    scene.put(hourly);
    let expected = [
        "YELLOW schedule-suspended of ScheduledBackup db/nightly",
        "YELLOW five-fields of ScheduledBackup db/hourly (listed only)",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_database_sleeps() {
    let scene = Scene::well().await;
    scene.database(4);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    expect(scene, &["YELLOW hibernated of Cluster db/pg", "the gate is closed"]).await;
}

/// A Postgres major, some minutes after its merge.
#[tokio::test]
async fn a_database_moves_its_primary_and_does_not_arrive() {
    let scene = Scene::well().await;
    scene.database(3);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    // What it archived before it goes on archiving.
    scene.of_the_database(&json!({"status": {"conditions": [
        {"type": "ContinuousArchiving", "status": "True", "reason": "ContinuousArchivingSuccess",
            "message": "Continuous archiving is working", "lastTransitionTime": ago(9_000)},
        {"type": "Ready", "status": "False", "reason": "ClusterIsNotReady", "message": "Cluster Is Not Ready",
            "lastTransitionTime": ago(10)}]}}));
    let expected = [
        "RED primary-moves of Cluster db/pg",
        "YELLOW in-work of Cluster db/pg",
        "YELLOW unavailable of Cluster db/pg",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn the_operator_is_dead_and_the_database_reads_as_it_left_it() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    scene.deployment("cnpg-system", "cloudnative-pg", 1, 0);
    let expected = [
        "UNKNOWN controller-down of Deployment cnpg-system/cloudnative-pg",
        "RED unavailable of Deployment cnpg-system/cloudnative-pg",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_backup_by_hand_failed() {
    let scene = Scene::well().await;
    scene.database(0);
    scene.nightly(60);
    scene.backup(13, "nightly-1", 0);
    scene.put(real("operators", 14, "db", "before-the-upgrade", 0));
    scene.change(
        &POSTGRES_BACKUP,
        "db",
        "before-the-upgrade",
        &json!({"spec": {"cluster": {"name": "pg"}, "method": "volumeSnapshot"}}),
    );
    expect(scene, &["YELLOW backup-failed of Cluster db/pg", "the gate is closed"]).await;
}
