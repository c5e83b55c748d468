//! `CloudNativePG`: databases that serve, with one primary, whose write-ahead log is archived and that are backed up.
//!
//! The phase of a Cluster is a sentence. It is compared as a whole, and a sentence that we do not know is UNKNOWN. Ready is
//! False whenever anything is in work; how many instances are ready tells whether the database serves. When the operator
//! is dead, the Clusters stay as it left them.
//!
//! An archive that fails is RED once it has lasted longer than the grace time, though the database still serves: from then
//! on what is written can be lost with one volume, and the log that is not taken away fills the volume until the database
//! stops. A Cluster whose spec names no archive at all is a matter of audit. Its condition `ContinuousArchiving` is True all
//! the same. What concerns backups is in [`super::backups`].

use super::backups::judge_backups;
use super::reporter::Reporter;
use super::{condition, day, finding, is_recent, judged, said, unused};
use crate::cluster::{BackupPhase, ConditionStatus, Postgres, PostgresBackup, PostgresCluster, Workload};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

pub(super) const OPERATOR: Reporter = Reporter::named("cloudnative-pg");

/// What a Cluster's phase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Healthy,
    OnItsWay,
    WaitsForPerson,
    Broken,
    Unknown,
}

fn phase(sentence: &str) -> Phase {
    match sentence {
        "Cluster in healthy state" => Phase::Healthy,
        "Setting up primary"
        | "Creating a new replica"
        | "Switchover in progress"
        | "Failing over"
        | "Upgrading cluster"
        | "Upgrading Postgres major version"
        | "Cluster upgrade delayed"
        | "Online upgrade in progress"
        | "Applying configuration"
        | "Primary instance is being restarted in-place"
        | "Primary instance is being restarted without a switchover"
        | "Promoting to primary cluster"
        | "Waiting for the instances to become active" => Phase::OnItsWay,
        "Waiting for user action" => Phase::WaitsForPerson,
        "Cluster is unrecoverable and needs manual intervention"
        | "Cluster is in an unrecoverable state, needs manual intervention"
        | "Cluster cannot proceed to reconciliation due to an unknown plugin being required"
        | "Cluster cannot proceed to reconciliation due to an error while interacting with plugins"
        | "Cluster has incomplete or invalid image catalog"
        | "Cluster cannot execute instance online upgrade due to missing architecture binary"
        | "Unable to create required cluster objects" => Phase::Broken,
        _ => Phase::Unknown,
    }
}

/// Judges all Clusters and their backups.
pub(in crate::health) fn judge_postgres(
    postgres: &Postgres,
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> ProbeResult {
    if postgres.clusters.is_empty() {
        return unused(Probe::CloudNativePg, "no Cluster");
    }
    let mut findings = OPERATOR.dead(Probe::CloudNativePg, workloads);
    let mut well = 0;
    for cluster in &postgres.clusters {
        let found = judge_cluster(cluster, now, grace);
        well += usize::from(found.iter().all(|finding| finding.informational));
        findings.extend(found);
    }
    findings.extend(judge_backups(postgres, now, grace, settings));
    let all = postgres.clusters.len();
    let summary = format!("{well} of {all} PostgreSQL clusters well, {}", backups_in_words(postgres));
    judged(Probe::CloudNativePg, summary, findings)
}

/// How old the oldest of the newest backups is, and of how many clusters none is known.
fn backups_in_words(postgres: &Postgres) -> String {
    let newest = postgres.clusters.iter().filter_map(|cluster| last_backup(cluster, &postgres.backups));
    let newest: Vec<Timestamp> = newest.collect();
    let without = postgres.clusters.len() - newest.len();
    match newest.iter().min() {
        None => "and no backup is known".to_owned(),
        Some(oldest) if without == 0 => format!("each with a backup of {} or later", day(*oldest)),
        Some(oldest) => format!(
            "{} with a backup of {} or later, {without} of which no backup is known",
            newest.len(),
            day(*oldest)
        ),
    }
}

/// The newest good backup of a Cluster: by its own word, by that of a method, or by the Backups themselves. A Cluster does not tell of
/// each of them: of those that a plugin makes its methods tell alone, or nothing does.
pub(in crate::health) fn last_backup(
    cluster: &PostgresCluster,
    backups: &[PostgresBackup],
) -> Option<Timestamp> {
    let theirs = backups.iter().filter(|backup| {
        backup.namespace == cluster.namespace
            && backup.cluster == cluster.name
            && backup.phase == BackupPhase::Completed
    });
    let told = cluster.last_backup.into_iter().chain(cluster.last_backups.values().copied());
    told.chain(theirs.filter_map(|backup| backup.at)).max()
}

fn judge_cluster(cluster: &PostgresCluster, now: Timestamp, grace: Duration) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", cluster.object());
        finding(Probe::CloudNativePg, rule, cluster.object(), verdict, message, evidence)
    };
    // Forgiven for the grace time, then as bad as it says.
    let later = |since, verdict| if is_recent(since, now, grace) { Verdict::Yellow } else { verdict };
    if cluster.hibernated {
        let evidence = "annotation cnpg.io/hibernation = on".to_owned();
        return vec![found("hibernated", Verdict::Yellow, "is hibernated", evidence)];
    }
    let Some(ready) = condition(&cluster.conditions, "Ready") else {
        let verdict = later(cluster.created_at, Verdict::Unknown);
        let evidence = "no condition Ready".to_owned();
        let what = "does not say how it is";
        return vec![found("not-reported", verdict, what, evidence).since(cluster.created_at)];
    };
    // What its pods say is on the Cluster as well.
    let of_pods = || Grounds::each([cluster.object()]);
    let mut findings = Vec::new();
    let phase = phase(&cluster.phase);
    let sentence = format!("status.phase = {} ({})", cluster.phase, cluster.phase_reason);
    let sentence = sentence.trim_end_matches(" ()").to_owned();
    if ready.status == ConditionStatus::Unknown {
        let what = "does not say whether it is ready";
        findings.push(found("ready-unknown", Verdict::Unknown, what, said(ready)).since(ready.since));
    } else if cluster.ready_instances < cluster.instances {
        let serving = cluster.ready_instances > 0;
        let verdict = if serving { Verdict::Yellow } else { later(ready.since, Verdict::Red) };
        let what = format!("has {} of {} instances ready", cluster.ready_instances, cluster.instances);
        let evidence =
            format!("readyInstances {} < instances {}", cluster.ready_instances, cluster.instances);
        findings
            .push(found("unavailable", verdict, &what, evidence).since(ready.since).resting_on(of_pods()));
    } else if ready.status == ConditionStatus::False && phase == Phase::Healthy {
        // Otherwise the phase says why.
        let found = found("not-ready", Verdict::Yellow, "is not ready", said(ready));
        findings.push(found.since(ready.since).resting_on(of_pods()));
    }
    if cluster.current_primary != cluster.target_primary {
        let since = cluster.target_primary_since;
        let evidence = format!(
            "currentPrimary = {:?}, targetPrimary = {:?}",
            cluster.current_primary, cluster.target_primary
        );
        let what = "has not got the primary that it shall have";
        let found = found("primary-moves", later(since, Verdict::Red), what, evidence);
        findings.push(found.since(since).resting_on(of_pods()));
    }
    match phase {
        Phase::Healthy => {}
        Phase::OnItsWay => {
            let found = found("in-work", Verdict::Yellow, "is being worked on", sentence);
            findings.push(found.resting_on(of_pods()));
        }
        Phase::WaitsForPerson => {
            findings.push(found("waits-for-person", Verdict::Yellow, "waits for a person", sentence));
        }
        Phase::Broken => findings.push(found("broken", Verdict::Red, "cannot go on", sentence)),
        Phase::Unknown => {
            findings.push(found(
                "phase-unknown",
                Verdict::Unknown,
                "has a phase that nobody knows",
                sentence,
            ));
        }
    }
    if let Some(same) = condition(&cluster.conditions, "ConsistentSystemID")
        && same.status == ConditionStatus::False
    {
        let what = "has instances that are not of one database";
        findings.push(found("several-databases", Verdict::Red, what, said(same)).since(same.since));
    }
    findings.extend(archive(cluster, now, grace));
    findings
}

fn archive(cluster: &PostgresCluster, now: Timestamp, grace: Duration) -> Option<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", cluster.object());
        finding(Probe::CloudNativePg, rule, cluster.object(), verdict, message, evidence)
    };
    match condition(&cluster.conditions, "ContinuousArchiving") {
        Some(archiving) if archiving.status == ConditionStatus::False => {
            let recent = is_recent(archiving.since, now, grace);
            let verdict = if recent { Verdict::Yellow } else { Verdict::Red };
            let what = "cannot archive its write-ahead log";
            Some(found("archiving-fails", verdict, what, said(archiving)).since(archiving.since))
        }
        Some(archiving) if archiving.status == ConditionStatus::Unknown => {
            let what = "does not say whether its write-ahead log is archived";
            Some(found("archiving-unknown", Verdict::Unknown, what, said(archiving)).since(archiving.since))
        }
        None if cluster.archives => {
            let recent = is_recent(cluster.created_at, now, grace);
            let verdict = if recent { Verdict::Yellow } else { Verdict::Unknown };
            let evidence = "no condition ContinuousArchiving".to_owned();
            let what = "does not say whether its write-ahead log is archived";
            Some(found("archiving-unknown", verdict, what, evidence).since(cluster.created_at))
        }
        Some(_) | None if !cluster.archives => {
            let evidence = "spec.backup.barmanObjectStore and an archiving plugin are missing".to_owned();
            let what = "has no archive of its write-ahead log";
            Some(found("no-archive", Verdict::Yellow, what, evidence).listed_only())
        }
        Some(_) | None => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::reporter::tests::deployment;
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::{Condition, recorded};
    use Verdict::{Green, Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    /// The recorded Cluster, with an archive in its spec.
    pub(in crate::health::probes) fn cluster(number: usize) -> PostgresCluster {
        PostgresCluster { archives: true, ..recorded::postgres_cluster(number) }
    }

    fn with(number: usize, change: fn(&mut PostgresCluster)) -> PostgresCluster {
        let mut cluster = cluster(number);
        change(&mut cluster);
        cluster
    }

    fn set(cluster: &mut PostgresCluster, kind: &str, change: fn(&mut Condition)) {
        let condition = cluster.conditions.iter_mut().find(|condition| condition.kind == kind);
        change(condition.expect("the condition is there"));
    }

    #[test]
    fn every_rule_for_a_cluster() {
        type Case = (&'static str, PostgresCluster, Vec<(&'static str, Verdict)>);
        let cases: Vec<Case> = vec![
            ("healthy", cluster(0), vec![]),
            (
                "one instance down, archiving fails",
                cluster(1),
                vec![("unavailable", Yellow), ("in-work", Yellow), ("archiving-fails", Red)],
            ),
            (
                "being set up, for hours",
                cluster(2),
                vec![
                    ("unavailable", Red),
                    ("primary-moves", Red),
                    ("in-work", Yellow),
                    ("archiving-unknown", Unknown),
                ],
            ),
            (
                "being set up, just now",
                with(2, |c| {
                    c.created_at = Some(ago(60));
                    c.target_primary_since = Some(ago(60));
                    set(c, "Ready", |ready| ready.since = Some(ago(60)));
                }),
                vec![
                    ("unavailable", Yellow),
                    ("primary-moves", Yellow),
                    ("in-work", Yellow),
                    ("archiving-unknown", Yellow),
                ],
            ),
            (
                "failing over",
                with(3, |c| {
                    c.archives = false;
                    c.target_primary_since = Some(ago(20));
                }),
                vec![("unavailable", Yellow), ("primary-moves", Yellow), ("in-work", Yellow)],
            ),
            (
                "failing over for too long",
                with(3, |c| c.archives = false),
                vec![("unavailable", Yellow), ("primary-moves", Red), ("in-work", Yellow)],
            ),
            ("hibernated", cluster(4), vec![("hibernated", Yellow)]),
            ("no condition at all", with(0, |c| c.conditions.clear()), vec![("not-reported", Unknown)]),
            (
                "just made",
                with(0, |c| {
                    c.conditions.clear();
                    c.created_at = Some(ago(10));
                }),
                vec![("not-reported", Yellow)],
            ),
            (
                "Ready is neither",
                with(0, |c| set(c, "Ready", |ready| ready.status = ConditionStatus::Unknown)),
                vec![("ready-unknown", Unknown)],
            ),
            (
                "not ready with all its instances, and the phase says nothing",
                with(0, |c| set(c, "Ready", |ready| ready.status = ConditionStatus::False)),
                vec![("not-ready", Yellow)],
            ),
            (
                "Ready with an instance less",
                with(0, |c| c.ready_instances = 1),
                vec![("unavailable", Yellow)],
            ),
            ("none ready", with(0, |c| c.ready_instances = 0), vec![("unavailable", Red)]),
            (
                "a person has to switch the primary over",
                with(0, |c| c.phase = "Waiting for user action".to_owned()),
                vec![("waits-for-person", Yellow)],
            ),
            (
                "unrecoverable",
                with(0, |c| c.phase = "Cluster is unrecoverable and needs manual intervention".to_owned()),
                vec![("broken", Red)],
            ),
            (
                "a plugin is missing",
                with(0, |c| {
                    c.phase =
                        "Cluster cannot proceed to reconciliation due to an unknown plugin being required"
                            .to_owned();
                }),
                vec![("broken", Red)],
            ),
            (
                "the name of a phase is no phase",
                with(0, |c| c.phase = "PhaseHealthy".to_owned()),
                vec![("phase-unknown", Unknown)],
            ),
            ("no phase", with(0, |c| c.phase.clear()), vec![("phase-unknown", Unknown)]),
            (
                "a sentence that begins like a known one",
                with(0, |c| c.phase = "Cluster in healthy state, nearly".to_owned()),
                vec![("phase-unknown", Unknown)],
            ),
            (
                "two databases under one name",
                with(0, |c| {
                    set(c, "ConsistentSystemID", |same| same.status = ConditionStatus::False);
                }),
                vec![("several-databases", Red)],
            ),
            (
                "archiving has just begun to fail",
                with(0, |c| {
                    set(c, "ContinuousArchiving", |archiving| {
                        archiving.status = ConditionStatus::False;
                        archiving.since = Some(ago(100));
                    });
                }),
                vec![("archiving-fails", Yellow)],
            ),
            (
                "archiving fails, nobody knows since when",
                with(0, |c| {
                    set(c, "ContinuousArchiving", |archiving| {
                        archiving.status = ConditionStatus::False;
                        archiving.since = None;
                    });
                }),
                vec![("archiving-fails", Red)],
            ),
            (
                "archiving is neither",
                with(0, |c| {
                    set(c, "ContinuousArchiving", |archiving| archiving.status = ConditionStatus::Unknown);
                }),
                vec![("archiving-unknown", Unknown)],
            ),
            (
                "nobody says whether it archives",
                with(0, |c| c.conditions.retain(|condition| condition.kind != "ContinuousArchiving")),
                vec![("archiving-unknown", Unknown)],
            ),
            (
                "archiving that fails without an archive in the spec",
                with(1, |c| c.archives = false),
                vec![("unavailable", Yellow), ("in-work", Yellow), ("archiving-fails", Red)],
            ),
        ];
        for (name, cluster, expected) in cases {
            let found = judge_cluster(&cluster, now(), GRACE);
            let found = judged(Probe::CloudNativePg, String::new(), found);
            assert_eq!(rules(&found), expected, "{name}");
        }
    }

    #[test]
    fn no_archive_at_all_is_a_matter_of_audit() {
        let recorded = recorded::postgres_cluster(0);
        let found = judge_cluster(&recorded, now(), GRACE);
        let listed: Vec<_> = found.iter().map(|one| (one.id.rule.as_str(), one.informational)).collect();
        assert_eq!(listed, [("no-archive", true)], "the condition is True all the same");
    }

    #[test]
    fn the_age_of_backups_is_told_though_not_every_cluster_tells_it() {
        type Case<'a> = (Vec<PostgresCluster>, &'a [PostgresBackup], &'a str);
        let silent = |name: &str| {
            let mut cluster = cluster(0);
            name.clone_into(&mut cluster.name);
            cluster.last_backup = None;
            cluster.last_backups.clear();
            cluster
        };
        let at = |day: &str| -> Timestamp { format!("{day}T02:00:00Z").parse().expect("a time") };
        let told = |name: &str, day: &str| PostgresCluster { last_backup: Some(at(day)), ..silent(name) };
        let by_method = |name: &str, days: [&str; 2]| PostgresCluster {
            last_backups: [("plugin".to_owned(), at(days[0])), ("volumeSnapshot".to_owned(), at(days[1]))]
                .into(),
            ..silent(name)
        };
        let backup = |of: &str, phase: BackupPhase, day: &str| PostgresBackup {
            cluster: of.to_owned(),
            phase,
            at: Some(at(day)),
            ..recorded::postgres_backup(13)
        };
        let completed = backup("c", BackupPhase::Completed, "2026-11-17");
        let others = [
            backup("c", BackupPhase::Failed, "2026-11-20"),
            backup("c", BackupPhase::Running, "2026-11-20"),
            backup("another", BackupPhase::Completed, "2026-11-20"),
            PostgresBackup {
                namespace: "elsewhere".to_owned(),
                ..backup("c", BackupPhase::Completed, "2026-11-20")
            },
        ];
        let with_backups = [&others[..], &[completed]].concat();
        let cases: Vec<Case<'_>> = vec![
            (vec![told("a", "2026-11-20")], &[], "each with a backup of 2026-11-20 or later"),
            (
                vec![told("a", "2026-11-20"), told("b", "2026-11-19")],
                &[],
                "each with a backup of 2026-11-19 or later",
            ),
            (
                vec![told("a", "2026-11-20"), silent("b"), told("d", "2026-11-18")],
                &[],
                "2 with a backup of 2026-11-18 or later, 1 of which no backup is known",
            ),
            // One way may work while another fails: the newest counts.
            (
                vec![by_method("b", ["2026-11-16", "2026-11-18"])],
                &[],
                "each with a backup of 2026-11-18 or later",
            ),
            (vec![silent("c")], &with_backups, "each with a backup of 2026-11-17 or later"),
            (vec![silent("c")], &others, "and no backup is known"),
            (vec![told("c", "2026-11-15")], &with_backups, "each with a backup of 2026-11-17 or later"),
        ];
        for (clusters, backups, expected) in cases {
            let postgres = Postgres { clusters, schedules: Vec::new(), backups: backups.to_vec() };
            let result = judge_postgres(&postgres, &[], now(), GRACE, &Settings::default());
            let count = postgres.clusters.len();
            assert_eq!(result.summary, format!("{count} of {count} PostgreSQL clusters well, {expected}"));
        }
    }

    #[test]
    fn a_dead_operator_makes_everything_unknown() {
        let mut operator = deployment("cnpg-system", "cnpg-controller-manager");
        operator.images = vec!["ghcr.io/cloudnative-pg/cloudnative-pg:1.27.0".to_owned()];
        let mut down = operator.clone();
        down.available = 0;
        let postgres = |clusters| Postgres {
            clusters,
            schedules: vec![recorded::scheduled_backup(16)],
            backups: vec![recorded::postgres_backup(13)],
        };
        let settings = Settings::default();
        let judge = |clusters, workloads: &[Workload]| {
            judge_postgres(&postgres(clusters), workloads, now(), GRACE, &settings)
        };
        for (name, workloads, expected) in [
            ("alive", vec![operator], None),
            ("down", vec![down], Some("controller-down")),
            ("not there", vec![], Some("controller-missing")),
        ] {
            let result = judge(vec![cluster(0)], &workloads);
            let rule = result.findings.first().map(|finding| finding.id.rule.as_str());
            assert_eq!(rule, expected, "{name}");
            assert_eq!(result.verdict, if expected.is_some() { Unknown } else { Green }, "{name}");
            let with_its_backup = "1 of 1 PostgreSQL clusters well, each with a backup of 20";
            assert!(result.summary.starts_with(with_its_backup), "{}", result.summary);
        }
        assert!(!judge(vec![], &[]).used, "without a Cluster it is not used here");
    }
}
