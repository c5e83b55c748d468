use super::super::postgres::tests::cluster;
use super::super::testing::{ago, now};
use super::*;
use crate::cluster::BackupMethod;
use crate::cluster::recorded::{postgres_backup, scheduled_backup};
use Verdict::{Red, Unknown, Yellow};

const GRACE: Duration = Duration::from_mins(5);
const HOUR: i64 = 3_600;

fn nightly() -> ScheduledBackup {
    ScheduledBackup {
        last_due: Some(ago(10 * HOUR)),
        next_due: Some(ago(-14 * HOUR)),
        ..scheduled_backup(16)
    }
}

/// One that the schedule `nightly` asked for.
fn backup(number: usize, hours: i64) -> PostgresBackup {
    PostgresBackup { schedule: Some("nightly".to_owned()), ..by_hand(number, hours) }
}

fn by_hand(number: usize, hours: i64) -> PostgresBackup {
    PostgresBackup { at: Some(ago(hours * HOUR)), ..postgres_backup(number) }
}

/// A second schedule, of snapshots each hour, that asked for a backup half an hour ago.
fn hourly(postgres: &mut Postgres) {
    let snapshots = BackupMethod { word: "volumeSnapshot".to_owned(), plugin: String::new() };
    postgres.schedules.push(ScheduledBackup {
        name: "hourly".to_owned(),
        method: snapshots.clone(),
        schedule: "0 0 * * * *".to_owned(),
        last_due: Some(ago(HOUR / 2)),
        next_due: Some(ago(-HOUR / 2)),
        ..nightly()
    });
    postgres.backups.push(PostgresBackup {
        schedule: Some("hourly".to_owned()),
        method: snapshots,
        at: Some(ago(HOUR / 3)),
        ..postgres_backup(COMPLETED)
    });
}

const COMPLETED: usize = 13;
const FAILED: usize = 14;
const ARCHIVING: usize = 15;

/// A Cluster with a nightly backup that was completed in time.
fn well() -> Postgres {
    let mut healthy = cluster(0);
    healthy.last_backup = None;
    healthy.last_backups.clear();
    Postgres { clusters: vec![healthy], schedules: vec![nightly()], backups: vec![backup(COMPLETED, 9)] }
}

/// Rule, verdict and whether it only is listed.
fn found(postgres: &Postgres) -> Vec<(String, Verdict, bool)> {
    judge_backups(postgres, now(), GRACE, &Settings::default())
        .into_iter()
        .map(|finding| (finding.id.rule, finding.verdict, finding.informational))
        .collect()
}

#[test]
fn every_rule_for_backups() {
    type Case = (&'static str, fn(&mut Postgres), Vec<(&'static str, Verdict, bool)>);
    let cases: Vec<Case> = vec![
        ("in time", |_| {}, vec![]),
        ("no schedule, with a backup", |p| p.schedules.clear(), vec![("no-schedule", Yellow, true)]),
        (
            "no schedule, no backup",
            |p| {
                p.schedules.clear();
                p.backups.clear();
            },
            vec![("no-schedule", Yellow, true)],
        ),
        (
            "the schedule of a Cluster of that name elsewhere",
            |p| p.schedules[0].namespace = "other".to_owned(),
            vec![("no-schedule", Yellow, true), ("no-cluster", Yellow, true)],
        ),
        (
            "the newest failed, an older one is good",
            |p| p.backups.push(backup(FAILED, 1)),
            vec![("backup-failed", Yellow, false)],
        ),
        ("an older one failed, the newest is good", |p| p.backups.push(backup(FAILED, 33)), vec![]),
        (
            "it failed, and there is no other",
            |p| p.backups = vec![backup(FAILED, 9)],
            vec![("backup-failed", Red, false)],
        ),
        (
            "it waits for an archive that fails",
            |p| p.backups.push(backup(ARCHIVING, 1)),
            vec![("backup-failed", Yellow, false)],
        ),
        (
            "the Cluster says that it failed, its Backup is gone",
            |p| p.clusters = vec![PostgresCluster { ready_instances: 2, ..cluster(1) }],
            vec![("no-schedule", Yellow, true), ("backup-failed", Red, false), ("no-cluster", Yellow, true)],
        ),
        (
            "a phase that nobody knows",
            |p| p.backups.push(PostgresBackup { phase: BackupPhase::Unknown, ..backup(COMPLETED, 1) }),
            vec![("backup-unknown", Unknown, false)],
        ),
        (
            "the Cluster says neither",
            |p| {
                for condition in &mut p.clusters[0].conditions {
                    condition.status = ConditionStatus::Unknown;
                }
            },
            vec![("backup-unknown", Unknown, false)],
        ),
        (
            "the Cluster says that one has begun",
            |p| {
                for condition in &mut p.clusters[0].conditions {
                    if condition.kind == "LastBackupSucceeded" {
                        (condition.status, condition.reason) = (ConditionStatus::False, STARTED.to_owned());
                    }
                }
            },
            vec![],
        ),
        ("two schedules, both kept", hourly, vec![]),
        (
            "one schedule fails beside another that is kept",
            |p| {
                p.backups.push(backup(FAILED, 9));
                p.backups.swap_remove(0);
                hourly(p);
            },
            vec![("backup-failed", Yellow, false)],
        ),
        (
            "one schedule is late beside another that is kept",
            |p| {
                p.backups[0].at = Some(ago(33 * HOUR));
                hourly(p);
            },
            vec![("backup-late", Yellow, false)],
        ),
        (
            "one schedule never made any beside another that is kept, although the Cluster names a last one",
            |p| {
                p.backups.clear();
                hourly(p);
                p.clusters[0].last_backup = Some(ago(HOUR / 3));
                p.clusters[0].last_backups = [("volumeSnapshot".to_owned(), ago(HOUR / 3))].into();
            },
            vec![("backup-late", Yellow, false)],
        ),
        (
            "the Cluster names one of that way, the object is gone",
            |p| {
                p.backups.clear();
                hourly(p);
                p.clusters[0].last_backups = [("barmanObjectStore".to_owned(), ago(9 * HOUR))].into();
            },
            vec![],
        ),
        (
            "the Cluster names one of that way, and two schedules go it",
            |p| {
                hourly(p);
                p.schedules[1].method = p.schedules[0].method.clone();
                p.backups.remove(0);
                p.clusters[0].last_backups = [("barmanObjectStore".to_owned(), ago(HOUR / 3))].into();
            },
            vec![("backup-late", Yellow, false)],
        ),
        (
            "a failure, and the same by hand worked since",
            |p| {
                p.backups.push(backup(FAILED, 5));
                p.backups.push(by_hand(COMPLETED, 1));
            },
            vec![],
        ),
        (
            "a failure, and something else by hand worked since",
            |p| {
                p.backups.push(backup(FAILED, 5));
                p.backups.push(by_hand(COMPLETED, 1));
                p.backups[2].method.word = "volumeSnapshot".to_owned();
            },
            vec![("backup-failed", Yellow, false)],
        ),
        (
            "one by hand failed",
            |p| p.backups.push(by_hand(FAILED, 1)),
            vec![("backup-failed", Yellow, false)],
        ),
        ("one by hand failed, any worked since", |p| p.backups.push(by_hand(FAILED, 20)), vec![]),
        (
            "the newest of a schedule that is gone failed",
            |p| {
                p.backups.push(backup(FAILED, 1));
                p.backups[1].schedule = Some("weekly".to_owned());
            },
            vec![("backup-failed", Yellow, false)],
        ),
        ("one runs", |p| p.backups.push(backup(12, 0)), vec![]),
        ("one has not begun", |p| p.backups.push(backup(11, 0)), vec![]),
        (
            "due for ten hours, and only an older one",
            |p| p.backups = vec![backup(COMPLETED, 33)],
            vec![("backup-late", Yellow, false)],
        ),
        (
            "due for ten hours, runs since",
            |p| p.backups = vec![backup(COMPLETED, 33), backup(12, 10)],
            vec![("backup-late", Yellow, false)],
        ),
        ("due for ten hours, and none", |p| p.backups.clear(), vec![("backup-late", Red, false)]),
        (
            "due for two hours",
            |p| {
                p.schedules[0].last_due = Some(ago(2 * HOUR));
                p.backups = vec![backup(COMPLETED, 26)];
            },
            vec![],
        ),
        (
            "the Cluster names a backup that has no object",
            |p| {
                p.backups.clear();
                p.clusters[0].last_backup = Some(ago(9 * HOUR));
            },
            vec![],
        ),
        (
            "a weekly one of five days ago",
            |p| {
                p.schedules[0].last_due = Some(ago(5 * 24 * HOUR));
                p.backups = vec![backup(COMPLETED, 5 * 24 - 1)];
            },
            vec![],
        ),
        (
            "nothing was due yet",
            |p| {
                p.schedules[0].last_due = None;
                p.backups.clear();
            },
            vec![("never-backed-up", Yellow, true)],
        ),
        ("suspended", |p| p.schedules[0].suspended = true, vec![("schedule-suspended", Yellow, false)]),
        (
            "five fields come every hour",
            |p| p.schedules[0].schedule = "0 2 * * *".to_owned(),
            vec![("five-fields", Yellow, true)],
        ),
        ("by a name", |p| p.schedules[0].schedule = "@daily".to_owned(), vec![]),
        (
            "no schedule at all",
            |p| p.schedules[0].schedule = "nightly".to_owned(),
            vec![("schedule-invalid", Yellow, false)],
        ),
        (
            "the next time has passed for a day",
            |p| p.schedules[0].next_due = Some(ago(24 * HOUR)),
            vec![("schedule-missed", Yellow, false)],
        ),
        ("the next time has passed a minute ago", |p| p.schedules[0].next_due = Some(ago(60)), vec![]),
        ("no next time", |p| p.schedules[0].next_due = None, vec![("schedule-unknown", Unknown, false)]),
        (
            "no next time, just made",
            |p| (p.schedules[0].next_due, p.schedules[0].created_at) = (None, Some(ago(5))),
            vec![("schedule-unknown", Yellow, false)],
        ),
        (
            "hibernated: nothing is due",
            |p| {
                p.clusters[0].hibernated = true;
                p.schedules[0].next_due = Some(ago(24 * HOUR));
            },
            vec![],
        ),
    ];
    for (name, change, expected) in cases {
        let mut postgres = well();
        change(&mut postgres);
        let found = found(&postgres);
        let found: Vec<_> =
            found.iter().map(|(rule, verdict, listed)| (rule.as_str(), *verdict, *listed)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_failure_hangs_on_who_asked_for_it_and_names_the_backup_in_its_evidence() {
    let mut postgres = well();
    postgres.backups.push(backup(FAILED, 1));
    let found = judge_backups(&postgres, now(), GRACE, &Settings::default());
    assert_eq!(found[0].id.object.to_string(), "ScheduledBackup db/nightly");
    let evidence = &found[0].evidence;
    assert!(evidence.contains("Backup b-failed Failed: can't execute backup"), "{evidence}");
    assert!(evidence.contains("its newest good one is of 2026-11-21T03:00:00Z"), "{evidence}");
    assert_eq!(found[0].since, Some(ago(HOUR)));
    postgres.backups[1].schedule = None;
    let found = judge_backups(&postgres, now(), GRACE, &Settings::default());
    assert_eq!(found[0].id.object.to_string(), "Cluster db/pg");
    assert!(found[0].evidence.contains("the newest good backup is of 2026-11-21T03:00:00Z"), "{found:?}");
}
