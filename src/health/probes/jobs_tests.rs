use super::super::testing::{ago, now, rules};
use super::*;
use crate::cluster::NodeUpgrade;
use Verdict::{Red, Unknown, Yellow};

const GRACE: Duration = Duration::from_mins(5);

fn on(kind: &str, status: ConditionStatus, since: Option<i64>) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: "BackoffLimitExceeded".to_owned(),
        message: "Job has reached the specified backoff limit".to_owned(),
        since: since.map(ago),
        heartbeat: None,
    }
}

/// A Job that runs since then.
fn job(name: &str, since: i64) -> Job {
    Job {
        object: ObjectRef::new("Job", "web", name),
        owner: None,
        created_at: Some(ago(since)),
        deleted_at: None,
        suspended: false,
        deadline: None,
        started_at: Some(ago(since)),
        completed_at: None,
        conditions: Vec::new(),
        upgrades: None,
    }
}

fn failed(name: &str, ended: i64) -> Job {
    let conditions = vec![on("Failed", ConditionStatus::True, Some(ended))];
    Job { conditions, ..job(name, ended + 100) }
}

fn complete(name: &str, ended: i64) -> Job {
    let conditions = vec![on("Complete", ConditionStatus::True, Some(ended))];
    Job { conditions, completed_at: Some(ago(ended)), ..job(name, ended + 100) }
}

fn with(mut job: Job, change: impl FnOnce(&mut Job)) -> Job {
    change(&mut job);
    job
}

fn of(owner: &str, job: Job) -> Job {
    let (kind, name) = owner.split_once(' ').expect("a kind and a name");
    Job { owner: Some(ObjectRef::new(kind, "web", name)), ..job }
}

fn cron_job() -> CronJob {
    CronJob {
        object: ObjectRef::new("CronJob", "web", "backup"),
        suspended: false,
        active: 0,
        scheduled_at: None,
        succeeded_at: None,
    }
}

#[test]
fn every_rule_for_a_job() {
    use ConditionStatus::{False, True, Unknown as Unclear};
    type Case = (&'static str, Vec<Job>, Vec<(&'static str, Verdict)>);
    let cases: Vec<Case> = vec![
        ("runs", vec![job("a", 9_000)], vec![]),
        ("ended well", vec![complete("a", 900)], vec![]),
        ("failed", vec![failed("a", 900)], vec![("failed", Red)]),
        ("failed just now", vec![failed("a", 1)], vec![("failed", Red)]),
        (
            "is to fail once its pods have ended",
            vec![with(job("a", 900), |job| job.conditions.push(on("FailureTarget", True, Some(9))))],
            vec![("failed", Red)],
        ),
        (
            "is to be complete once its pods have ended",
            vec![with(job("a", 900), |job| job.conditions.push(on("SuccessCriteriaMet", True, Some(9))))],
            vec![],
        ),
        (
            "did not fail",
            vec![with(job("a", 900), |job| job.conditions.push(on("Failed", False, Some(9))))],
            vec![],
        ),
        (
            "nobody knows whether it failed",
            vec![with(job("a", 900), |job| job.conditions.push(on("Failed", Unclear, Some(9))))],
            vec![("state-unknown", Unknown)],
        ),
        ("suspended", vec![with(job("a", 900), |job| job.suspended = true)], vec![]),
        ("suspended after it ended", vec![with(complete("a", 900), |job| job.suspended = true)], vec![]),
        (
            "within its deadline",
            vec![with(job("a", 900), |job| job.deadline = Some(Duration::from_mins(15)))],
            vec![],
        ),
        (
            "just past its deadline",
            vec![with(job("a", 1_100), |job| job.deadline = Some(Duration::from_mins(15)))],
            vec![("deadline-passed", Yellow)],
        ),
        (
            "long past its deadline",
            vec![with(job("a", 1_300), |job| job.deadline = Some(Duration::from_mins(15)))],
            vec![("deadline-passed", Red)],
        ),
        (
            "ended past its deadline",
            vec![with(failed("a", 9), |job| job.deadline = Some(Duration::from_secs(20)))],
            vec![("failed", Red)],
        ),
        ("just made", vec![with(job("a", 9), |job| job.started_at = None)], vec![("not-begun", Yellow)]),
        ("never begun", vec![with(job("a", 900), |job| job.started_at = None)], vec![("not-begun", Unknown)]),
        (
            "never begun, and of no age",
            vec![with(job("a", 9), |job| (job.started_at, job.created_at) = (None, None))],
            vec![("not-begun", Unknown)],
        ),
        ("being deleted", vec![with(failed("a", 900), |job| job.deleted_at = Some(ago(9)))], vec![]),
        (
            "being deleted for long",
            vec![with(failed("a", 900), |job| job.deleted_at = Some(ago(900)))],
            vec![("terminating", Yellow)],
        ),
        ("two of nobody's", vec![failed("a", 900), complete("b", 9)], vec![("failed", Red)]),
        (
            "its owner succeeded later",
            vec![
                of("BackupRepository r", failed("r-maintain-1764000000000", 900)),
                of("BackupRepository r", complete("r-maintain-1764000300000", 9)),
            ],
            vec![],
        ),
        (
            "its owner succeeded later, by a generated name",
            vec![
                of("CephCluster c", failed("scan-x7k2p", 900)),
                of("CephCluster c", complete("scan-bb4zz", 9)),
            ],
            vec![],
        ),
        (
            "its owner succeeded later on another disk",
            vec![
                of("CephCluster c", failed("osd-prepare-metal1", 900)),
                of("CephCluster c", complete("osd-prepare-metal2", 9)),
            ],
            vec![("failed", Red)],
        ),
        (
            "its owner succeeded before",
            vec![of("BackupRepository r", failed("a", 9)), of("BackupRepository r", complete("a", 900))],
            vec![("failed", Red)],
        ),
        (
            "another owner succeeded later",
            vec![of("BackupRepository r", failed("a", 900)), of("BackupRepository s", complete("a", 9))],
            vec![("failed", Red)],
        ),
        (
            "a failure without a time is never made good",
            vec![
                of("BackupRepository r", with(failed("a", 900), |job| job.conditions[0].since = None)),
                of("BackupRepository r", complete("a", 9)),
            ],
            vec![("failed", Red)],
        ),
        (
            "the same plan succeeded on another node",
            vec![
                of("Plan k3s", with(failed("a", 900), |job| job.upgrades = Some(upgrade("metal1")))),
                of("Plan k3s", with(complete("b", 9), |job| job.upgrades = Some(upgrade("metal2")))),
            ],
            vec![("failed", Red)],
        ),
    ];
    for (name, jobs, expected) in cases {
        let result = judge_jobs(&Batch { jobs, cron_jobs: Vec::new() }, now(), GRACE);
        assert_eq!(rules(&result), expected, "{name}");
        let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
        assert_eq!(result.verdict, worst, "{name}");
    }
    assert!(!judge_jobs(&Batch::default(), now(), GRACE).used);
}

fn upgrade(node: &str) -> NodeUpgrade {
    NodeUpgrade { node: node.to_owned(), plan: "k3s".to_owned() }
}

#[test]
fn every_rule_for_a_cron_job() {
    type Case = (&'static str, CronJob, Vec<Job>, Vec<(&'static str, Verdict)>);
    let run = |job: Job| of("CronJob backup", job);
    let cron = |change: fn(&mut CronJob)| {
        let mut cron_job = cron_job();
        change(&mut cron_job);
        cron_job
    };
    let cases: Vec<Case> = vec![
        ("never ran", cron_job(), vec![], vec![]),
        ("ran well", cron_job(), vec![run(complete("a", 900))], vec![]),
        ("the only run failed", cron_job(), vec![run(failed("a", 900))], vec![("run-failed", Red)]),
        (
            "failed after a success",
            cron_job(),
            vec![run(complete("a", 9_000)), run(failed("b", 900))],
            vec![("run-failed", Yellow)],
        ),
        (
            "failed before a success",
            cron_job(),
            vec![run(failed("a", 9_000)), run(complete("b", 900))],
            vec![],
        ),
        (
            "a longer run failed after a shorter one that was begun later succeeded",
            cron_job(),
            vec![
                run(with(failed("a", 900), |job| job.created_at = Some(ago(20_000)))),
                run(complete("b", 9_000)),
            ],
            vec![("run-failed", Yellow)],
        ),
        (
            "failed before a success whose Job is gone",
            cron(|cron| cron.succeeded_at = Some(ago(900))),
            vec![run(failed("a", 9_000))],
            vec![],
        ),
        (
            "failed after a success whose Job is gone",
            cron(|cron| cron.succeeded_at = Some(ago(90_000))),
            vec![run(failed("a", 900))],
            vec![("run-failed", Yellow)],
        ),
        (
            "failed again and again",
            cron(|cron| cron.succeeded_at = Some(ago(90_000))),
            vec![run(failed("a", 9_000)), run(failed("b", 8_000)), run(failed("c", 7_000))],
            vec![("run-failed", Red)],
        ),
        (
            "a failure without a time",
            cron(|cron| cron.succeeded_at = Some(ago(9))),
            vec![run(with(failed("a", 900), |job| job.conditions[0].since = None))],
            vec![("run-failed", Yellow)],
        ),
        (
            "the next run is on its way",
            cron(|cron| (cron.active, cron.succeeded_at) = (1, Some(ago(90_000)))),
            vec![run(failed("a", 900)), run(job("b", 60))],
            vec![("run-failed", Yellow)],
        ),
        ("suspended", cron(|cron| cron.suspended = true), vec![run(failed("a", 9))], vec![]),
        (
            "a run is suspended",
            cron_job(),
            vec![run(with(job("a", 900), |job| job.suspended = true))],
            vec![],
        ),
        (
            "a run past its deadline",
            cron(|cron| cron.active = 1),
            vec![run(with(job("a", 1_300), |job| job.deadline = Some(Duration::from_mins(15))))],
            vec![("deadline-passed", Red)],
        ),
        (
            "two runs that were not begun are one finding, the worse",
            cron_job(),
            vec![
                run(with(job("a", 9), |job| job.started_at = None)),
                run(with(job("b", 900), |job| job.started_at = None)),
            ],
            vec![("not-begun", Unknown)],
        ),
        (
            "a run of which nothing is left",
            cron(|cron| (cron.scheduled_at, cron.succeeded_at) = (Some(ago(900)), Some(ago(90_000)))),
            vec![run(complete("a", 90_000))],
            vec![("run-lost", Yellow)],
        ),
        (
            "the first run, of which nothing is left",
            cron(|cron| cron.scheduled_at = Some(ago(900))),
            vec![],
            vec![("run-lost", Yellow)],
        ),
        ("a run was begun just now", cron(|cron| cron.scheduled_at = Some(ago(9))), vec![], vec![]),
        (
            "a run that succeeded and is gone",
            cron(|cron| (cron.scheduled_at, cron.succeeded_at) = (Some(ago(900)), Some(ago(800)))),
            vec![],
            vec![],
        ),
        (
            "a run that its controller counts",
            cron(|cron| (cron.scheduled_at, cron.active) = (Some(ago(900)), 1)),
            vec![],
            vec![],
        ),
        (
            "a run that is there, by a clock that runs late",
            cron(|cron| cron.scheduled_at = Some(ago(900))),
            vec![run(job("a", 930))],
            vec![],
        ),
        (
            "an older run that is there",
            cron(|cron| cron.scheduled_at = Some(ago(900))),
            vec![run(job("a", 9_000))],
            vec![("run-lost", Yellow)],
        ),
    ];
    for (name, cron_job, jobs, expected) in cases {
        let result = judge_jobs(&Batch { jobs, cron_jobs: vec![cron_job] }, now(), GRACE);
        assert_eq!(rules(&result), expected, "{name}");
        assert!(
            result.findings.iter().all(|one| one.id.object.to_string() == "CronJob web/backup"),
            "{name}"
        );
    }
}

#[test]
fn a_run_counts_through_its_cron_job_although_that_was_not_listed() {
    let jobs = vec![of("CronJob backup", failed("backup-29380001", 900))];
    let result = judge_jobs(&Batch { jobs, cron_jobs: Vec::new() }, now(), GRACE);
    let found = &result.findings[0];
    assert_eq!(found.id.object.to_string(), "CronJob web/backup");
    assert_eq!(found.since, Some(ago(900)));
    assert!(
        found.evidence.starts_with("Job web/backup-29380001: Failed is True: BackoffLimitExceeded"),
        "{found:?}"
    );
    assert!(found.evidence.ends_with("no success is known"), "{found:?}");
    assert_eq!(result.summary, "0 of 1 Jobs and CronJobs well");
}

#[test]
fn what_was_made_good_is_listed() {
    let owner = "BackupRepository r";
    let jobs = vec![of(owner, failed("a-1764000000", 900)), of(owner, complete("a-1764000300", 9))];
    let result = judge_jobs(&Batch { jobs, cron_jobs: Vec::new() }, now(), GRACE);
    assert_eq!((result.findings.len(), result.verdict), (1, Verdict::Green));
    assert!(result.findings[0].informational);
    assert_eq!(result.summary, "2 of 2 Jobs and CronJobs well");
}
