//! Argo CD: every Application Synced and Healthy, and a controller that lives.
//!
//! When the controller is dead, every Application stays Synced and Healthy for ever. Its signs of life are its workload
//! and the newest `reconciledAt`; without both nothing that the Applications say counts. One that is looked at says nothing of
//! another, which may be a hung shard's: each has to have been looked at itself. One whose automated sync is off, or that a
//! person keeps the controller from, is listed: whoever did it for a while is reminded. What such a one follows keeps merges back
//! until a person has let it look: nobody knows otherwise what runs.
//!
//! | Rule | On | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|---|
//! | `controller-missing` | the StatefulSet that is missed | UNKNOWN | no workload of `cluster.argocd_namespace` is called `argocd-application-controller`, by name or label | no | |
//! | `controller-down` | the workload | UNKNOWN | one of its replicas is not available: each has Applications of its own | no | |
//! | `controller-silent` | the workload | UNKNOWN | every `reconciledAt` is older than `health.argocd_maximum_age_seconds`, or there is none | no | |
//! | `stale` | Application | UNKNOWN | its own is, or it has none | no | |
//! | `not-reconciled` | Application | listed | the same, and the annotation `argocd.argoproj.io/skip-reconcile` is true: nobody looks at it, and what is merged for it waits | | |
//! | `not-automated` | Application | listed | `spec.syncPolicy.automated` is not there, or not enabled: what is merged for it waits | | |
//! | `comparison-error` | Application | UNKNOWN | it has a condition `ComparisonError`, `InvalidSpecError` or `UnknownError` | no | |
//! | `sync-failed` | Application | RED | its newest sync, of all its objects, ended `Failed` or `Error` at the very revisions that were compared last, whatever else it says; a failure of other revisions is `last-sync-failed` | no | |
//! | `last-sync-failed` | Application | listed | the same at other revisions, and no sync since then: what it left undone (a hook) is still undone, or nobody wants it any more | | |
//! | `sync-error` | Application | YELLOW, then RED | the condition `SyncError` without such a sync: Argo CD refuses to sync | grace since then, as YELLOW | |
//! | `out-of-sync` | Application | YELLOW | `OutOfSync` | no | yes |
//! | `sync-unknown` | Application | UNKNOWN | `sync.status` is Unknown, none, or none that is known | no | |
//! | `degraded`, `missing` | Application | RED | `health.status` says so | no | |
//! | `progressing` | Application | YELLOW | the same | no | yes |
//! | `suspended` | Application | YELLOW | the same: a canary pauses so | no | yes |
//! | `health-unknown` | Application | UNKNOWN | it is Unknown, none, or none that is known | no | |

use super::{age, finding, is_recent, judged, shortened};
use crate::cluster::{Application, ApplicationHealth, ObjectRef, OperationPhase, SyncStatus, Workload};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// The name, and the value of the name label, of the controller's workload.
const CONTROLLER: &str = "argocd-application-controller";
/// Conditions that make the comparison worthless.
const BROKEN: [&str; 3] = ["ComparisonError", "InvalidSpecError", "UnknownError"];

/// Judges all Applications.
pub(in crate::health) fn judge_applications(
    applications: &[Application],
    workloads: &[Workload],
    argocd_namespace: &str,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> ProbeResult {
    let mut findings: Vec<Finding> =
        controller(applications, workloads, argocd_namespace, now, settings).into_iter().collect();
    // Of a controller that is dead or silent all of them are as old.
    if findings.is_empty() {
        findings.extend(applications.iter().filter_map(|application| unseen(application, now, settings)));
    }
    findings.extend(applications.iter().flat_map(|application| judge_application(application, now, grace)));
    findings.extend(windows_unread(applications));
    let good = applications.iter().filter(|application| is_good(application)).count();
    judged(
        Probe::ArgoCd,
        format!("{good} of {} Applications Synced and Healthy", applications.len()),
        findings,
    )
}

/// Whether an Application says that it is well.
pub(in crate::health) fn is_good(application: &Application) -> bool {
    application.sync == SyncStatus::Synced && application.health == ApplicationHealth::Healthy
}

fn controller(
    applications: &[Application],
    workloads: &[Workload],
    namespace: &str,
    now: Timestamp,
    settings: &Settings,
) -> Option<Finding> {
    let found = |rule, object: ObjectRef, message: &str, evidence: String| {
        Some(finding(Probe::ArgoCd, rule, object, Verdict::Unknown, message.to_owned(), evidence))
    };
    let unnamed = || ObjectRef::new("StatefulSet", namespace, CONTROLLER);
    let is_controller = |workload: &&Workload| {
        workload.object.namespace == namespace
            && workload.object.kind != "DaemonSet"
            && (workload.labels.get("app.kubernetes.io/name").is_some_and(|name| name == CONTROLLER)
                || workload.object.name.ends_with(CONTROLLER))
    };
    let Some(controller) = workloads.iter().find(is_controller) else {
        let evidence = format!("no {CONTROLLER} in namespace {namespace}");
        return found("controller-missing", unnamed(), "Argo CD's controller is not there", evidence);
    };
    // Each replica owns a shard: one that is down leaves its Applications as they were.
    if controller.desired < 1 || controller.available < controller.desired {
        let evidence = format!("{} of {} available", controller.available, controller.desired);
        let message = "Argo CD's controller is down: what its Applications say is old";
        // Why it is down its own pods say.
        let own = Grounds::each([controller.object.clone()]);
        let down = found("controller-down", controller.object.clone(), message, evidence);
        return down.map(|down| down.resting_on(own));
    }
    let maximum = settings.argocd_maximum_age_seconds;
    let mut looked_at = applications.iter().filter(|application| !application.skips_reconcile).peekable();
    let none = looked_at.peek().is_none();
    let newest = looked_at.filter_map(|application| application.reconciled_at).max();
    let evidence = match newest {
        _ if none => return None,
        Some(newest) if age(now, newest) <= Duration::from_secs(maximum) => return None,
        Some(newest) => {
            format!(
                "the newest reconciledAt is {} s old, allowed are {maximum} s",
                age(now, newest).as_secs()
            )
        }
        None => "no Application has a reconciledAt".to_owned(),
    };
    let message = "Argo CD's controller has not looked at any Application for too long";
    found("controller-silent", controller.object.clone(), message, evidence)
}

/// That nobody knows whether a window keeps an Application back: said once, since they lie in one list.
fn windows_unread(applications: &[Application]) -> Option<Finding> {
    let why = applications.iter().find_map(|application| application.doors.unread.clone())?;
    let object = ObjectRef::new("Probe", "", Probe::ArgoCd.word());
    let message =
        "the sync windows of Argo CD's projects could not be read: what one keeps back looks as if it hung";
    let found = finding(Probe::ArgoCd, "windows-not-read", object, Verdict::Unknown, message.to_owned(), why);
    Some(found.listed_only())
}

/// That nobody has looked at an Application for too long.
fn unseen(application: &Application, now: Timestamp, settings: &Settings) -> Option<Finding> {
    let maximum = settings.argocd_maximum_age_seconds;
    let old = match application.reconciled_at.map(|at| age(now, at)) {
        Some(old) if old <= Duration::from_secs(maximum) => return None,
        Some(old) => format!("reconciledAt is {} s old, allowed are {maximum} s", old.as_secs()),
        None => "no reconciledAt".to_owned(),
    };
    let object = application.object();
    let found = |rule, verdict, what: &str, evidence| {
        let message = format!("{object} {what}");
        finding(Probe::ArgoCd, rule, object.clone(), verdict, message, evidence)
            .since(application.reconciled_at)
    };
    Some(if application.skips_reconcile {
        let evidence = format!("annotation argocd.argoproj.io/skip-reconcile; {old}");
        let what = "is looked at by nobody, as a person wants it: what is merged for it waits";
        found("not-reconciled", Verdict::Yellow, what, evidence).listed_only()
    } else {
        found("stale", Verdict::Unknown, "was not looked at for too long: what it says is old", old)
    })
}

/// Whether its newest sync, if that was one of everything and failed, was to the very revisions that were compared last, and why it
/// failed. A failure of other revisions stays written down after a revert, and says nothing of what is wanted now.
fn failed_sync(application: &Application) -> Option<(bool, String)> {
    let operation = application.operation.as_ref()?;
    let failed = matches!(operation.phase, OperationPhase::Failed | OperationPhase::Error);
    let compared = !operation.revisions.is_empty() && operation.revisions == application.revisions;
    (failed && !operation.partial).then(|| {
        let message = shortened(&operation.message);
        let evidence =
            format!("operation {:?} at {}: {message}", operation.phase, operation.revisions.join(", "));
        (compared, evidence)
    })
}

fn judge_application(application: &Application, now: Timestamp, grace: Duration) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", application.object());
        finding(Probe::ArgoCd, rule, application.object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    for (kind, message) in &application.conditions {
        if BROKEN.contains(&kind.as_str()) {
            let evidence = format!("{kind}: {message}");
            findings.push(found("comparison-error", Verdict::Unknown, "cannot be compared", evidence));
        }
    }
    if !application.automated {
        let evidence = "spec.syncPolicy.automated is not there, or not enabled".to_owned();
        let what = "is synced by nobody but people: what is merged for it waits";
        findings.push(found("not-automated", Verdict::Yellow, what, evidence).listed_only());
    }
    let ended = application.operation.as_ref().and_then(|operation| operation.finished_at);
    let failed = failed_sync(application);
    if let Some((compared, evidence)) = &failed {
        let message = format!("the sync of {} failed", application.object());
        let (rule, verdict) =
            if *compared { ("sync-failed", Verdict::Red) } else { ("last-sync-failed", Verdict::Yellow) };
        let finding = Finding { message, ..found(rule, verdict, "", evidence.clone()).since(ended) };
        findings.push(if *compared { finding } else { finding.listed_only() });
    }
    if failed.is_some_and(|(compared, _)| compared) {
        // It says the same.
    } else if let Some((kind, message)) = application.conditions.iter().find(|(kind, _)| kind == "SyncError")
    {
        let since = application.sync_error_since;
        let verdict = if is_recent(since, now, grace) { Verdict::Yellow } else { Verdict::Red };
        let evidence = format!("{kind}: {}", shortened(message));
        findings.push(found("sync-error", verdict, "is not synced by Argo CD", evidence).since(since));
    }
    match application.sync {
        SyncStatus::OutOfSync => {
            let evidence = match &application.operation {
                Some(operation)
                    if matches!(operation.phase, OperationPhase::Failed | OperationPhase::Error)
                        || operation.phase == OperationPhase::Running && operation.finished_at.is_some() =>
                {
                    format!("OutOfSync; operation {:?}: {}", operation.phase, operation.message)
                }
                _ => "status.sync.status = OutOfSync".to_owned(),
            };
            let evidence = match application.shut() {
                Some(shut) => format!("{evidence}; {shut}"),
                None => evidence,
            };
            findings.push(found("out-of-sync", Verdict::Yellow, "is not as Git says", evidence));
        }
        SyncStatus::Unknown if findings.iter().all(|finding| finding.id.rule != "comparison-error") => {
            let evidence = "status.sync.status is Unknown or none that is known".to_owned();
            findings.push(found(
                "sync-unknown",
                Verdict::Unknown,
                "does not say whether it is synced",
                evidence,
            ));
        }
        // A comparison that failed was said above.
        SyncStatus::Synced | SyncStatus::Unknown => {}
    }
    let (rule, verdict, what) = match application.health {
        ApplicationHealth::Healthy => return findings,
        ApplicationHealth::Progressing => ("progressing", Verdict::Yellow, "is on its way"),
        ApplicationHealth::Degraded => ("degraded", Verdict::Red, "is degraded"),
        ApplicationHealth::Suspended => ("suspended", Verdict::Yellow, "is suspended"),
        ApplicationHealth::Missing => ("missing", Verdict::Red, "has objects that are not there"),
        ApplicationHealth::Unknown => ("health-unknown", Verdict::Unknown, "does not say how it is"),
    };
    let evidence = format!("status.health.status = {:?} {}", application.health, application.health_message);
    findings
        .push(found(rule, verdict, what, evidence.trim_end().to_owned()).resting_on(grounds(application)));
    findings
}

/// What its health would rest on: what it says is not healthy or, where it says that of nothing (newer versions keep it
/// elsewhere), anything that belongs to it.
fn grounds(application: &Application) -> Grounds {
    let health = application.resources.iter().map(|resource| (&resource.object, resource.health));
    if health.clone().all(|(_, health)| health.is_none()) {
        return Grounds::any(health.map(|(object, _)| object.clone()));
    }
    let unwell = health.filter(|(_, health)| health.is_some_and(|one| one != ApplicationHealth::Healthy));
    Grounds::each(unwell.map(|(object, _)| object.clone()))
}

#[cfg(test)]
pub(in crate::health) mod tests {
    use super::super::testing::{ago, now, rules, workload};
    use super::*;
    use crate::cluster::OperationState;
    use Verdict::{Red, Unknown, Yellow};

    pub(in crate::health) fn application(name: &str) -> Application {
        Application {
            namespace: "argocd".to_owned(),
            name: name.to_owned(),
            resource_version: "1".to_owned(),
            refresh_requested: false,
            operation_requested: false,
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
            sync_error_since: None,
            reconciled_at: Some(ago(100)),
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
            by_person: false,
            retries: 0,
            started_at: None,
            finished_at: Some(ago(120)),
        }
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
            (
                "progressing",
                with(|a| a.health = ApplicationHealth::Progressing),
                vec![("progressing", Yellow)],
            ),
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
                    a.operation = Some(OperationState {
                        partial: true,
                        ..operation(OperationPhase::Failed, &["9f1c"])
                    });
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
                    a.sync_error_since = Some(ago(20));
                }),
                vec![("sync-error", Yellow)],
            ),
            (
                "and for longer",
                with(|a| {
                    a.conditions =
                        vec![("SyncError".to_owned(), "auto-sync will wipe out all resources".to_owned())];
                    a.sync_error_since = Some(ago(301));
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
            (
                "a sync never got to apply",
                7,
                &[("sync-failed", Red), ("out-of-sync", Yellow), ("missing", Red)],
            ),
            ("the repository cannot be read, Healthy", 8, &[("comparison-error", Unknown)]),
            ("two sources, both compared", 9, &[]),
            ("suspended", 10, &[("suspended", Yellow)]),
        ];
        for (name, number, expected) in cases {
            let mut application = crate::cluster::recorded::application(number);
            application.reconciled_at = Some(ago(60));
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
                    w.object =
                        ObjectRef::new("Deployment", "argocd", "argo-cd-argocd-application-controller");
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
            (
                "a person wants it so",
                vec![at("shop", Some(100), false), at("blog", Some(9_000), true)],
                vec![],
            ),
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
            let found: Vec<_> =
                blocking.map(|one| (one.id.rule.as_str(), one.id.object.name.as_str())).collect();
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
}
