use super::super::testing::{ago, now, rules, workload};
use super::*;
use crate::cluster::OperationState;
use Verdict::{Red, Unknown, Yellow};

pub(in crate::health) fn application(name: &str) -> Application {
    Application {
        rolled_by_set: false,
        namespace: "argocd".to_owned(),
        name: name.to_owned(),
        resource_version: "1".to_owned(),
        refresh_requested: false,
        operation_requested: None,
        automated: true,
        skips_reconcile: false,
        prune: true,
        sync_options: Vec::new(),
        sources: Vec::new(),
        made_by: None,
        dry: None,
        compared_sources: Vec::new(),
        compared_otherwise: false,
        sync: SyncStatus::Synced,
        revisions: vec!["9f1c".to_owned()],
        health: ApplicationHealth::Healthy,
        health_message: String::new(),
        operation: None,
        conditions: Vec::new(),
        conditions_since: std::collections::BTreeMap::new(),
        health_since: None,
        reconciled_at: Some(ago(100)),
        deleted_at: None,
        resources: Vec::new(),
        images: Vec::new(),
        placing: crate::cluster::Placing::default(),
        doors: crate::cluster::Doors::default(),
    }
}

fn operation(phase: OperationPhase, revisions: &[&str]) -> OperationState {
    OperationState {
        phase,
        message: "one or more objects failed".to_owned(),
        revisions: revisions.iter().map(|one| (*one).to_owned()).collect(),
        partial: false,
        sources: Vec::new(),
        begun_by: crate::cluster::BegunBy::Itself,
        retries: 0,
        started_at: Some(ago(200)),
        finished_at: Some(ago(120)),
    }
}

fn operation_since(phase: OperationPhase, seconds: i64) -> OperationState {
    let started_at = Some(ago(seconds));
    OperationState { started_at, finished_at: None, ..operation(phase, &["9f1c"]) }
}

fn controller_workload() -> Workload {
    workload(ObjectRef::new("StatefulSet", "argocd", CONTROLLER))
}

fn judge(applications: &[Application], workloads: &[Workload]) -> ProbeResult {
    let grace = Duration::from_mins(5);
    judge_applications(applications, workloads, "argocd", now(), grace, &Settings::default())
}

#[test]
fn every_rule_for_an_application() {
    type Case = (&'static str, Application, Vec<(&'static str, Verdict)>);
    let with = |change: fn(&mut Application)| {
        let mut application = application("shop");
        change(&mut application);
        application
    };
    let cases: Vec<Case> = vec![
        ("good", application("shop"), vec![]),
        ("out of sync", with(|a| a.sync = SyncStatus::OutOfSync), vec![("out-of-sync", Yellow)]),
        ("sync unknown", with(|a| a.sync = SyncStatus::Unknown), vec![("sync-unknown", Unknown)]),
        ("degraded", with(|a| a.health = ApplicationHealth::Degraded), vec![("degraded", Red)]),
        ("progressing", with(|a| a.health = ApplicationHealth::Progressing), vec![("progressing", Yellow)]),
        ("suspended", with(|a| a.health = ApplicationHealth::Suspended), vec![("suspended", Yellow)]),
        ("missing", with(|a| a.health = ApplicationHealth::Missing), vec![("missing", Red)]),
        ("unknown", with(|a| a.health = ApplicationHealth::Unknown), vec![("health-unknown", Unknown)]),
        (
            "comparison error, healthy",
            with(|a| {
                a.sync = SyncStatus::Unknown;
                a.conditions = vec![("ComparisonError".to_owned(), "rpc error".to_owned())];
            }),
            vec![("comparison-error", Unknown)],
        ),
        (
            "an error that is not known",
            with(|a| a.conditions = vec![("OddError".to_owned(), "?".to_owned())]),
            vec![("error-condition", Unknown)],
        ),
        (
            "it cannot be deleted",
            with(|a| {
                a.conditions = vec![("DeletionError".to_owned(), "a finalizer".to_owned())];
                a.deleted_at = Some(ago(301));
            }),
            vec![("error-condition", Unknown), ("terminating", Yellow)],
        ),
        ("being deleted", with(|a| a.deleted_at = Some(ago(299))), vec![]),
        (
            "a hook that hangs: Synced and Healthy",
            with(|a| a.operation = Some(operation_since(OperationPhase::Running, 301))),
            vec![("operation-runs", Yellow)],
        ),
        (
            "and for longer than any may",
            with(|a| a.operation = Some(operation_since(OperationPhase::Running, 3_601))),
            vec![("operation-runs", Red)],
        ),
        (
            "one that nobody stops",
            with(|a| a.operation = Some(operation_since(OperationPhase::Terminating, 301))),
            vec![("operation-runs", Yellow)],
        ),
        (
            "one that began just now",
            with(|a| a.operation = Some(operation_since(OperationPhase::Running, 299))),
            vec![],
        ),
        (
            "one that ended",
            with(|a| a.operation = Some(operation_since(OperationPhase::Succeeded, 9_000))),
            vec![],
        ),
        (
            "another condition",
            with(|a| a.conditions = vec![("OrphanedResourceWarning".to_owned(), String::new())]),
            vec![],
        ),
        (
            "failed sync of nobody knows what, still healthy",
            with(|a| {
                a.sync = SyncStatus::OutOfSync;
                a.operation = Some(operation(OperationPhase::Failed, &[]));
            }),
            vec![("out-of-sync", Yellow)],
        ),
        (
            "a hook failed after everything was applied: Synced and Healthy",
            with(|a| a.operation = Some(operation(OperationPhase::Failed, &["9f1c"]))),
            vec![("sync-failed", Red)],
        ),
        (
            "it never got to apply",
            with(|a| {
                a.sync = SyncStatus::OutOfSync;
                a.operation = Some(operation(OperationPhase::Error, &["9f1c"]));
            }),
            vec![("sync-failed", Red), ("out-of-sync", Yellow)],
        ),
        (
            "an old failure of a revision that was taken back",
            with(|a| a.operation = Some(operation(OperationPhase::Failed, &["bad0"]))),
            vec![],
        ),
        (
            "of one of two sources another one was compared",
            with(|a| {
                a.revisions = vec!["1.2.3".to_owned(), "9f1c".to_owned()];
                a.operation = Some(operation(OperationPhase::Failed, &["1.2.3", "bad0"]));
            }),
            vec![],
        ),
        (
            "of both sources the same",
            with(|a| {
                a.revisions = vec!["1.2.3".to_owned(), "9f1c".to_owned()];
                a.operation = Some(operation(OperationPhase::Failed, &["1.2.3", "9f1c"]));
            }),
            vec![("sync-failed", Red)],
        ),
        (
            "a few objects were to be set right",
            with(|a| {
                a.operation =
                    Some(OperationState { partial: true, ..operation(OperationPhase::Failed, &["9f1c"]) });
            }),
            vec![],
        ),
        (
            "a sync that waits for its retry",
            with(|a| a.operation = Some(operation(OperationPhase::Running, &["9f1c"]))),
            vec![],
        ),
        (
            "Argo CD refuses to sync, since just now",
            with(|a| {
                a.conditions =
                    vec![("SyncError".to_owned(), "auto-sync will wipe out all resources".to_owned())];
                a.conditions_since = [("SyncError".to_owned(), ago(20))].into();
            }),
            vec![("sync-error", Yellow)],
        ),
        (
            "and for longer",
            with(|a| {
                a.conditions =
                    vec![("SyncError".to_owned(), "auto-sync will wipe out all resources".to_owned())];
                a.conditions_since = [("SyncError".to_owned(), ago(301))].into();
            }),
            vec![("sync-error", Red)],
        ),
        (
            "nobody knows since when",
            with(|a| a.conditions = vec![("SyncError".to_owned(), String::new())]),
            vec![("sync-error", Red)],
        ),
        (
            "said twice",
            with(|a| {
                a.conditions = vec![("SyncError".to_owned(), String::new())];
                a.operation = Some(operation(OperationPhase::Failed, &["9f1c"]));
            }),
            vec![("sync-failed", Red)],
        ),
    ];
    for (name, application, expected) in cases {
        let result = judge(&[application], &[controller_workload()]);
        assert_eq!(rules(&result), expected, "{name}");
    }
}

#[test]
fn a_window_is_named_where_it_keeps_something_back_and_where_nobody_may_read_it() {
    let mut late = application("late");
    late.sync = SyncStatus::OutOfSync;
    late.doors = crate::cluster::projects_testing::closed(Some(now()), true);
    let result = judge(&[late], &[controller_workload()]);
    assert_eq!(rules(&result), [("out-of-sync", Yellow)]);
    let evidence = &result.findings[0].evidence;
    assert!(evidence.contains("of project default is closed until 2026-11-21 12:00 UTC"), "{evidence}");

    let mut blind = application("blind");
    blind.doors.unread = Some("the cluster refuses it".to_owned());
    let result = judge(&[blind.clone(), blind.clone()], &[controller_workload()]);
    assert_eq!((rules(&result), result.verdict), (vec![], Verdict::Green));
    let listed: Vec<&str> = result.findings.iter().map(|found| found.id.rule.as_str()).collect();
    assert_eq!(listed, ["windows-not-read"]);
    // It excuses nothing.
    blind.sync = SyncStatus::OutOfSync;
    assert_eq!(rules(&judge(&[blind], &[controller_workload()])), [("out-of-sync", Yellow)]);
}

#[test]
fn the_recorded_applications_are_judged() {
    type Case = (&'static str, usize, &'static [(&'static str, Verdict)]);
    let cases: [Case; 11] = [
        ("healthy", 0, &[]),
        ("another commit was compared, the old sync succeeded", 1, &[("out-of-sync", Yellow)]),
        ("degraded, without the health of its resources", 2, &[("degraded", Red)]),
        ("progressing", 3, &[("progressing", Yellow)]),
        ("a sync runs", 4, &[("out-of-sync", Yellow), ("progressing", Yellow)]),
        ("a sync waits for its retry, Healthy", 5, &[("out-of-sync", Yellow)]),
        ("a sync failed, Healthy", 6, &[("sync-failed", Red), ("out-of-sync", Yellow)]),
        ("a sync never got to apply", 7, &[("sync-failed", Red), ("out-of-sync", Yellow), ("missing", Red)]),
        ("the repository cannot be read, Healthy", 8, &[("comparison-error", Unknown)]),
        ("two sources, both compared", 9, &[]),
        ("suspended", 10, &[("suspended", Yellow)]),
    ];
    for (name, number, expected) in cases {
        let mut application = crate::cluster::recorded::application(number);
        application.reconciled_at = Some(ago(60));
        if let Some(operation) = &mut application.operation {
            operation.started_at = Some(ago(90));
        }
        let several = application.compared_sources.len();
        assert_eq!(several, if number == 9 { 2 } else { several.min(1) }, "{name}");
        assert_eq!(rules(&judge(&[application], &[controller_workload()])), expected, "{name}");
    }
}

#[test]
fn a_dead_controller_makes_everything_unknown() {
    let with = |change: fn(&mut Workload)| {
        let mut workload = controller_workload();
        change(&mut workload);
        vec![workload]
    };
    let cases: Vec<(&str, Vec<Workload>, i64, Option<&str>)> = vec![
        ("alive", with(|_| {}), 100, None),
        (
            "as a Deployment with a release name",
            with(|w| {
                w.object = ObjectRef::new("Deployment", "argocd", "argo-cd-argocd-application-controller");
            }),
            100,
            None,
        ),
        (
            "by its label",
            with(|w| {
                w.object.name = "controller".to_owned();
                w.labels.insert("app.kubernetes.io/name".to_owned(), CONTROLLER.to_owned());
            }),
            100,
            None,
        ),
        ("not there", vec![], 100, Some("controller-missing")),
        ("elsewhere", with(|w| w.object.namespace = "other".to_owned()), 100, Some("controller-missing")),
        ("scaled to zero", with(|w| (w.desired, w.available) = (0, 0)), 100, Some("controller-down")),
        ("down", with(|w| w.available = 0), 100, Some("controller-down")),
        ("a shard is down", with(|w| w.desired = 2), 100, Some("controller-down")),
        ("hangs", with(|_| {}), 601, Some("controller-silent")),
    ];
    for (name, workloads, old, expected) in cases {
        let mut newest = application("shop");
        newest.reconciled_at = Some(ago(old));
        let result = judge(&[newest], &workloads);
        let rule = result.findings.first().map(|finding| finding.id.rule.as_str());
        assert_eq!(rule, expected, "{name}");
        let verdict = if expected.is_some() { Unknown } else { Verdict::Green };
        assert_eq!(result.verdict, verdict, "{name}");
    }
}

#[test]
fn one_that_is_looked_at_says_nothing_of_another() {
    type Case = (&'static str, Vec<Application>, Vec<(&'static str, &'static str)>);
    let at = |name: &str, old: Option<i64>, skips| {
        let mut one = application(name);
        (one.reconciled_at, one.skips_reconcile) = (old.map(ago), skips);
        one
    };
    let cases: [Case; 6] = [
        ("both", vec![at("shop", Some(100), false), at("blog", Some(600), false)], vec![]),
        (
            "its shard hangs",
            vec![at("shop", Some(100), false), at("blog", Some(601), false)],
            vec![("stale", "blog")],
        ),
        ("never", vec![at("shop", Some(100), false), at("blog", None, false)], vec![("stale", "blog")]),
        ("a person wants it so", vec![at("shop", Some(100), false), at("blog", Some(9_000), true)], vec![]),
        ("wanted by a person for all", vec![at("blog", Some(9_000), true)], vec![]),
        (
            "a living one that is not looked at does not vouch for the controller",
            vec![at("shop", Some(601), false), at("blog", Some(100), true)],
            vec![("controller-silent", CONTROLLER)],
        ),
    ];
    for (name, applications, expected) in cases {
        let result = judge(&applications, &[controller_workload()]);
        let blocking = result.findings.iter().filter(|finding| !finding.informational);
        let found: Vec<_> = blocking.map(|one| (one.id.rule.as_str(), one.id.object.name.as_str())).collect();
        assert_eq!(found, expected, "{name}");
        assert_eq!(result.verdict == Unknown, !expected.is_empty(), "{name}");
    }
    let skipped = judge(&[at("blog", Some(9_000), true)], &[controller_workload()]);
    assert_eq!(skipped.findings[0].id.rule, "not-reconciled", "it is listed");
}

#[test]
fn no_time_at_all_is_no_sign_of_life() {
    let mut silent = application("shop");
    silent.reconciled_at = None;
    assert_eq!(rules(&judge(&[silent], &[controller_workload()])), [("controller-silent", Unknown)]);
    assert_eq!(judge(&[], &[controller_workload()]).verdict, Verdict::Green);
}

#[test]
fn what_an_application_says_tells_since_when() {
    use crate::cluster::recorded;
    // As a real server gave them: degraded, missing, and one that cannot be compared.
    let mut told = Vec::new();
    for application in [2, 7, 8].map(recorded::application) {
        for found in judge_application(&application, now(), Duration::from_mins(5), &Settings::default()) {
            if ["degraded", "missing", "comparison-error"].contains(&found.id.rule.as_str()) {
                told.push((found.id.rule.clone(), found.since.map(|at| at.to_string())));
            }
        }
    }
    let since = |rule: &str| (rule.to_owned(), Some("2026-11-21T02:01:08Z".to_owned()));
    assert_eq!(told, [since("degraded"), since("missing"), since("comparison-error")]);
}

#[test]
fn an_application_that_is_suspended_names_its_cron_jobs_that_are() {
    let backup = |name: &str| ObjectRef::new("CronJob", "web", name);
    let mut shop = application("shop");
    shop.health = ApplicationHealth::Suspended;
    let resources = ["backup", "report"]
        .map(|name| crate::cluster::ApplicationResource { object: backup(name), health: None });
    shop.resources = resources.into();
    let cron_job = |name: &str, suspended| CronJob {
        object: backup(name),
        suspended,
        active: 0,
        scheduled_at: None,
        succeeded_at: None,
    };
    let told = |cron_jobs: &[CronJob]| {
        let judged = judge(std::slice::from_ref(&shop), &[controller_workload()]);
        let judged = with_suspended(judged, std::slice::from_ref(&shop), cron_jobs);
        judged.findings.into_iter().find(|one| one.id.rule == "suspended").expect("found").evidence
    };
    let named = told(&[cron_job("backup", true), cron_job("report", false), cron_job("other", true)]);
    assert_eq!(named, "status.health.status = Suspended; spec.suspend of CronJob web/backup");
    assert_eq!(told(&[]), "status.health.status = Suspended");
}
