//! Backups of `CloudNativePG`: whether they are due, made, and good.
//!
//! A backup is late when it was due and none has been completed since, for longer than the settings allow: that needs no
//! guess at how often a schedule comes. Whether the operator schedules at all shows in the next time that it names, which
//! must not lie in the past. The newest backup counts, not the newest good one: a failure is told while it is fresh.
//!
//! Each `ScheduledBackup` is judged by its own backups: a snapshot each hour says nothing of the copy each night that has
//! failed for weeks. One by hand counts for a schedule as well where it is made in the same way, since that shows that the
//! way works. What a Cluster says of its last backup may be of any of them, and counts where nothing tells more.
//!
//! Findings hang on the `ScheduledBackup` and, of backups that no schedule asked for, on the Cluster, since every night brings
//! a Backup of another name. No schedule at all, and no backup that was due yet, are matters of audit: they are listed and
//! block nothing. The archive of a write-ahead log restores nothing without a backup to begin with: a failure where the
//! Cluster has no good backup at all is RED, one beside any good backup YELLOW.

use super::{condition, finding, is_recent, said};
use crate::cluster::{
    BackupPhase, Condition, ConditionStatus, Postgres, PostgresBackup, PostgresCluster, ScheduledBackup,
};
use crate::health::{Finding, Probe, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// What the operator writes into `LastBackupSucceeded`, as False, while one runs.
const STARTED: &str = "BackupStarted";

/// Judges the backups of all Clusters, and their schedules.
pub(super) fn judge_backups(
    postgres: &Postgres,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> Vec<Finding> {
    let moment =
        Moment { now, grace, lateness: Duration::from_secs(settings.backup_maximum_lateness_seconds) };
    let mut findings = Vec::new();
    for cluster in postgres.clusters.iter().filter(|cluster| !cluster.hibernated) {
        let own = Own::of(cluster, postgres);
        let of_schedules: Vec<Finding> =
            own.schedules.iter().filter_map(|schedule| own.judge_schedule(schedule, moment)).collect();
        findings.extend(own.judge_cluster(&of_schedules));
        findings.extend(of_schedules);
    }
    findings.extend(
        postgres.schedules.iter().flat_map(|schedule| judge_timetable(schedule, &postgres.clusters, moment)),
    );
    findings
}

/// The moment of a judgement, and what is forgiven.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Timestamp,
    grace: Duration,
    lateness: Duration,
}

/// A Cluster with what belongs to it.
struct Own<'a> {
    cluster: &'a PostgresCluster,
    backups: Vec<&'a PostgresBackup>,
    schedules: Vec<&'a ScheduledBackup>,
    /// The end of the newest good backup of any way.
    good: Option<Timestamp>,
}

impl<'a> Own<'a> {
    fn of(cluster: &'a PostgresCluster, postgres: &'a Postgres) -> Self {
        let is_own = |namespace: &str, of: &str| namespace == cluster.namespace && of == cluster.name;
        let backups: Vec<_> =
            postgres.backups.iter().filter(|backup| is_own(&backup.namespace, &backup.cluster)).collect();
        let schedules =
            postgres.schedules.iter().filter(|schedule| is_own(&schedule.namespace, &schedule.cluster));
        let good = newest_good(&backups)
            .into_iter()
            .chain(cluster.last_backup)
            .chain(cluster.last_backups.values().copied())
            .max();
        Self { cluster, schedules: schedules.collect(), backups, good }
    }

    /// How bad it is that one is missing.
    fn bad(&self) -> Verdict {
        if self.good.is_some() { Verdict::Yellow } else { Verdict::Red }
    }

    fn newest_good(&self) -> String {
        match self.good {
            Some(good) => format!("the newest good backup is of {good}"),
            None => "there is no good backup".to_owned(),
        }
    }

    /// When a schedule's newest good backup ended. What the Cluster says of a way to make them is said of a schedule where
    /// no other schedule goes that way: then it is known also where the object of the backup is gone.
    fn good_of(&self, schedule: &ScheduledBackup) -> Option<Timestamp> {
        let of_schedule: Vec<_> =
            self.backups.iter().copied().filter(|backup| counts_for(backup, schedule)).collect();
        let others = || self.schedules.iter().filter(|other| other.name != schedule.name);
        let is_only_one_so = !others().any(|other| other.method.word == schedule.method.word);
        let said =
            if is_only_one_so { self.cluster.last_backups.get(&schedule.method.word).copied() } else { None };
        let of_all = self.cluster.last_backup.filter(|_| self.schedules.len() == 1);
        newest_good(&of_schedule).into_iter().chain(said).chain(of_all).max()
    }

    /// What became of the backups that a schedule asked for.
    fn judge_schedule(&self, schedule: &ScheduledBackup, moment: Moment) -> Option<Finding> {
        let found = |rule, verdict, what: &str, evidence: String, since| {
            let message = format!("{} {what}", schedule.object());
            let found = finding(Probe::CloudNativePg, rule, schedule.object(), verdict, message, evidence);
            Some(found.since(since))
        };
        let good = self.good_of(schedule);
        let good_of_it = match good {
            Some(good) => format!("its newest good one is of {good}"),
            None => format!("it has no good one; {}", self.newest_good()),
        };
        let of_schedule = self.backups.iter().copied().filter(|backup| counts_for(backup, schedule));
        if let Some(newest) = newest_ended(of_schedule) {
            match newest.phase {
                BackupPhase::Failed | BackupPhase::ArchivingFails => {
                    let evidence =
                        format!("Backup {} {:?}: {}; {good_of_it}", newest.name, newest.phase, newest.error);
                    let what = "could not make its backup";
                    return found("backup-failed", self.bad(), what, evidence, newest.at);
                }
                BackupPhase::Unknown => {
                    let evidence =
                        format!("Backup {} has a phase that nobody knows; {good_of_it}", newest.name);
                    let what = "has a backup of which nobody knows how it went";
                    return found("backup-unknown", Verdict::Unknown, what, evidence, newest.at);
                }
                BackupPhase::Completed | BackupPhase::Pending | BackupPhase::Running => {}
            }
        }
        let due = schedule.last_due.filter(|_| !schedule.suspended)?;
        let is_late =
            good.is_none_or(|good| good < due) && !is_recent(Some(due), moment.now, moment.lateness);
        if !is_late {
            return None;
        }
        let evidence = format!("a backup was due at {due}; {good_of_it}");
        found("backup-late", self.bad(), "was due and made no backup", evidence, Some(due))
    }

    /// What became of the backups that no schedule asked for, and what the Cluster itself says.
    fn judge_cluster(&self, of_schedules: &[Finding]) -> Vec<Finding> {
        let found = |rule, verdict, what: &str, evidence: String| {
            let object = self.cluster.object();
            let message = format!("{object} {what}");
            finding(Probe::CloudNativePg, rule, object, verdict, message, evidence)
        };
        let mut findings = Vec::new();
        if self.schedules.is_empty() {
            let evidence = format!("no ScheduledBackup names it; {}", self.newest_good());
            let what = "is not backed up by a schedule";
            findings.push(found("no-schedule", Verdict::Yellow, what, evidence).listed_only());
        }
        let names_schedule = |backup: &PostgresBackup| {
            backup.schedule.as_ref().is_some_and(|name| self.schedules.iter().any(|one| one.name == *name))
        };
        // Nobody asks for one of these again: any good one since then will do.
        let newest = newest_ended(self.backups.iter().copied().filter(|backup| !names_schedule(backup)))
            .filter(|newest| self.good.is_none_or(|good| newest.at.is_none_or(|at| at >= good)));
        let last = condition(&self.cluster.conditions, "LastBackupSucceeded");
        let is_told = |rule: &str| of_schedules.iter().any(|finding| finding.id.rule == rule);
        let newest_failed =
            newest.filter(|newest| matches!(newest.phase, BackupPhase::Failed | BackupPhase::ArchivingFails));
        let says_failed = last.filter(|last| {
            last.status == ConditionStatus::False && last.reason != STARTED && !is_told("backup-failed")
        });
        let failed = match (newest_failed, says_failed) {
            (Some(newest), _) => {
                let evidence = format!("Backup {} {:?}: {}", newest.name, newest.phase, newest.error);
                Some((evidence, newest.at))
            }
            (None, Some(last)) => Some((said(last), last.since)),
            (None, None) => None,
        };
        let failed_before = failed.is_some() || is_told("backup-failed");
        if let Some((evidence, since)) = failed {
            let evidence = format!("{evidence}; {}", self.newest_good());
            let what = "could not be backed up";
            findings.push(found("backup-failed", self.bad(), what, evidence).since(since));
        }
        let newest_unknown = newest.filter(|newest| newest.phase == BackupPhase::Unknown);
        let says_neither =
            |last: &&Condition| last.status == ConditionStatus::Unknown && !is_told("backup-unknown");
        if let Some(newest) = newest_unknown {
            let evidence =
                format!("Backup {} has a phase that nobody knows; {}", newest.name, self.newest_good());
            let what = "has a backup of which nobody knows how it went";
            findings.push(found("backup-unknown", Verdict::Unknown, what, evidence).since(newest.at));
        } else if let Some(last) = last.filter(says_neither) {
            let what = "does not say how its last backup went";
            findings.push(found("backup-unknown", Verdict::Unknown, what, said(last)).since(last.since));
        }
        let was_due = self.schedules.iter().any(|one| !one.suspended && one.last_due.is_some());
        if !was_due && self.good.is_none() && !failed_before && !self.schedules.is_empty() {
            let evidence = "no backup was due yet, and there is none".to_owned();
            let what = "has never been backed up";
            findings.push(found("never-backed-up", Verdict::Yellow, what, evidence).listed_only());
        }
        findings
    }
}

/// Whether a Backup of a Cluster counts for a schedule of it: that asked for it, or a person did, in the same way.
fn counts_for(backup: &PostgresBackup, schedule: &ScheduledBackup) -> bool {
    match &backup.schedule {
        Some(name) => *name == schedule.name,
        None => backup.method == schedule.method && backup.phase == BackupPhase::Completed,
    }
}

fn newest_good(backups: &[&PostgresBackup]) -> Option<Timestamp> {
    let good = backups.iter().filter(|backup| backup.phase == BackupPhase::Completed);
    good.filter_map(|backup| backup.at).max()
}

fn newest_ended<'a>(backups: impl Iterator<Item = &'a PostgresBackup>) -> Option<&'a PostgresBackup> {
    backups
        .filter(|backup| !matches!(backup.phase, BackupPhase::Pending | BackupPhase::Running))
        .max_by_key(|backup| backup.at)
}

/// Whether a schedule is one, and is kept.
fn judge_timetable(schedule: &ScheduledBackup, clusters: &[PostgresCluster], moment: Moment) -> Vec<Finding> {
    let Moment { now, grace, lateness } = moment;
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
#[path = "backups_tests.rs"]
mod tests;
