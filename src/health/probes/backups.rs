//! Backups of `CloudNativePG`: whether they are due, made, and good.
//!
//! A backup is late when it was due and none has been completed since, for longer than the settings allow: that needs no
//! guess at how often a schedule comes. Whether the operator schedules at all shows in the next time that it names, which
//! must not lie in the past. The newest backup counts, not the newest good one: a failure is told while it is fresh.
//!
//! Findings hang on the Cluster and on the `ScheduledBackup`, since every night brings a Backup of another name. No schedule
//! at all, and no backup that was due yet, are matters of audit: they are listed and block nothing. The archive of a
//! write-ahead log restores nothing without a backup to begin with: a failure without a good backup is RED, one with an
//! older good backup YELLOW.

use super::{condition, finding, is_recent, said};
use crate::cluster::{
    BackupPhase, ConditionStatus, Postgres, PostgresBackup, PostgresCluster, ScheduledBackup,
};
use crate::health::{Finding, Probe, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// Judges the backups of all Clusters, and their schedules.
pub(super) fn judge_backups(
    postgres: &Postgres,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> Vec<Finding> {
    let lateness = Duration::from_secs(settings.backup_maximum_lateness_seconds);
    let of_clusters = postgres
        .clusters
        .iter()
        .filter(|cluster| !cluster.hibernated)
        .flat_map(|cluster| judge_cluster(cluster, postgres, now, lateness));
    let of_schedules = postgres
        .schedules
        .iter()
        .flat_map(|schedule| judge_schedule(schedule, &postgres.clusters, now, grace, lateness));
    of_clusters.chain(of_schedules).collect()
}

fn judge_cluster(
    cluster: &PostgresCluster,
    postgres: &Postgres,
    now: Timestamp,
    lateness: Duration,
) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", cluster.object());
        finding(Probe::CloudNativePg, rule, cluster.object(), verdict, message, evidence)
    };
    let is_own = |namespace: &str, of: &str| namespace == cluster.namespace && of == cluster.name;
    let backups: Vec<&PostgresBackup> =
        postgres.backups.iter().filter(|backup| is_own(&backup.namespace, &backup.cluster)).collect();
    let schedules: Vec<&ScheduledBackup> =
        postgres.schedules.iter().filter(|schedule| is_own(&schedule.namespace, &schedule.cluster)).collect();
    let good = backups
        .iter()
        .filter(|backup| backup.phase == BackupPhase::Completed)
        .filter_map(|backup| backup.at)
        .chain(cluster.last_backup)
        .max();
    let newest_good = match good {
        Some(good) => format!("the newest good backup is of {good}"),
        None => "there is no good backup".to_owned(),
    };
    let bad = if good.is_some() { Verdict::Yellow } else { Verdict::Red };
    let mut findings = Vec::new();
    if schedules.is_empty() {
        let evidence = format!("no ScheduledBackup names it; {newest_good}");
        findings.push(
            found("no-schedule", Verdict::Yellow, "is not backed up by a schedule", evidence).listed_only(),
        );
    }
    let newest = backups
        .iter()
        .filter(|backup| !matches!(backup.phase, BackupPhase::Pending | BackupPhase::Running))
        .max_by_key(|backup| backup.at);
    let last = condition(&cluster.conditions, "LastBackupSucceeded");
    let failed = match (newest, last) {
        (Some(newest), _) if matches!(newest.phase, BackupPhase::Failed | BackupPhase::ArchivingFails) => {
            let evidence =
                format!("Backup {} {:?}: {}; {newest_good}", newest.name, newest.phase, newest.error);
            Some((evidence, newest.at))
        }
        (_, Some(last)) if last.status == ConditionStatus::False => {
            Some((format!("{}; {newest_good}", said(last)), last.since))
        }
        _ => None,
    };
    let failed_before = failed.is_some();
    if let Some((evidence, since)) = failed {
        findings.push(found("backup-failed", bad, "could not be backed up", evidence).since(since));
    }
    if let Some(newest) = newest
        && newest.phase == BackupPhase::Unknown
    {
        let evidence = format!("Backup {} has a phase that nobody knows; {newest_good}", newest.name);
        let what = "has a backup of which nobody knows how it went";
        findings.push(found("backup-unknown", Verdict::Unknown, what, evidence).since(newest.at));
    } else if let Some(last) = last
        && last.status == ConditionStatus::Unknown
    {
        let what = "does not say how its last backup went";
        findings.push(found("backup-unknown", Verdict::Unknown, what, said(last)).since(last.since));
    }
    let due = schedules
        .iter()
        .filter(|schedule| !schedule.suspended)
        .filter_map(|schedule| schedule.last_due)
        .max();
    match due {
        Some(due) if good.is_none_or(|good| good < due) && !failed_before => {
            if !is_recent(Some(due), now, lateness) {
                let evidence = format!("a backup was due at {due}; {newest_good}");
                findings.push(
                    found("backup-late", bad, "was not backed up when it should have been", evidence)
                        .since(Some(due)),
                );
            }
        }
        None if good.is_none() && !failed_before && !schedules.is_empty() => {
            let evidence = "no backup was due yet, and there is none".to_owned();
            findings.push(
                found("never-backed-up", Verdict::Yellow, "has never been backed up", evidence).listed_only(),
            );
        }
        Some(_) | None => {}
    }
    findings
}

fn judge_schedule(
    schedule: &ScheduledBackup,
    clusters: &[PostgresCluster],
    now: Timestamp,
    grace: Duration,
    lateness: Duration,
) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", schedule.object());
        finding(Probe::CloudNativePg, rule, schedule.object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    let cluster = clusters
        .iter()
        .find(|cluster| cluster.namespace == schedule.namespace && cluster.name == schedule.cluster);
    let Some(cluster) = cluster else {
        let evidence = format!("spec.cluster.name = {}", schedule.cluster);
        return vec![
            found("no-cluster", Verdict::Yellow, "names a Cluster that is not there", evidence).listed_only(),
        ];
    };
    match schedule.schedule.split_whitespace().count() {
        6 => {}
        _ if schedule.schedule.starts_with('@') => {}
        5 => {
            let evidence = format!("spec.schedule = {:?} has five fields", schedule.schedule);
            let what = "comes every hour: its fields begin with the seconds";
            findings.push(found("five-fields", Verdict::Yellow, what, evidence).listed_only());
        }
        fields => {
            let evidence = format!("spec.schedule = {:?} has {fields} fields", schedule.schedule);
            findings.push(found(
                "schedule-invalid",
                Verdict::Yellow,
                "has a schedule that is none",
                evidence,
            ));
        }
    }
    if schedule.suspended {
        let evidence = "spec.suspend = true".to_owned();
        findings.push(found(
            "schedule-suspended",
            Verdict::Yellow,
            "is suspended: no backups are made",
            evidence,
        ));
        return findings;
    }
    if cluster.hibernated {
        return findings;
    }
    match schedule.next_due {
        Some(next) if next <= now && !is_recent(Some(next), now, lateness) => {
            let evidence = format!("nextScheduleTime = {next}");
            let what = "was not carried out when it was due";
            findings.push(found("schedule-missed", Verdict::Yellow, what, evidence).since(Some(next)));
        }
        None => {
            let recent = is_recent(schedule.created_at, now, grace);
            let verdict = if recent { Verdict::Yellow } else { Verdict::Unknown };
            let evidence = "no nextScheduleTime".to_owned();
            let what = "does not say when the next backup is due";
            findings.push(found("schedule-unknown", verdict, what, evidence).since(schedule.created_at));
        }
        Some(_) => {}
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::postgres::tests::cluster;
    use super::super::testing::{ago, now};
    use super::*;
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

    fn backup(number: usize, hours: i64) -> PostgresBackup {
        PostgresBackup { at: Some(ago(hours * HOUR)), ..postgres_backup(number) }
    }

    const COMPLETED: usize = 13;
    const FAILED: usize = 14;
    const ARCHIVING: usize = 15;

    /// A Cluster with a nightly backup that was completed in time.
    fn well() -> Postgres {
        let mut healthy = cluster(0);
        healthy.last_backup = None;
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
                vec![
                    ("no-schedule", Yellow, true),
                    ("backup-failed", Red, false),
                    ("no-cluster", Yellow, true),
                ],
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
    fn a_failure_hangs_on_the_cluster_and_names_the_backup_in_its_evidence() {
        let mut postgres = well();
        postgres.backups.push(backup(FAILED, 1));
        let found = judge_backups(&postgres, now(), GRACE, &Settings::default());
        assert_eq!(found[0].id.object.to_string(), "Cluster db/pg");
        let evidence = &found[0].evidence;
        assert!(evidence.contains("Backup b-failed Failed: can't execute backup"), "{evidence}");
        assert!(evidence.contains("the newest good backup is of 2026-11-21T03:00:00Z"), "{evidence}");
        assert_eq!(found[0].since, Some(ago(HOUR)));
    }
}
