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
//! | `not-looked-since` | Application | UNKNOWN | in the gate after a change that touched it: it was looked at before the rollout ended; not where `health.argocd_maximum_age_seconds` is more than ten minutes | until Argo CD looks again, within four minutes | yes |
//! | `comparison-error` | Application | UNKNOWN | it has a condition `ComparisonError`, `InvalidSpecError` or `UnknownError` | no | |
//! | `error-condition` | Application | UNKNOWN | it has another condition whose type ends in `Error`, but for `SyncError`: what Argo CD could not do (`DeletionError`), or one that is not known yet | no | |
//! | `terminating` | Application | YELLOW | being deleted | for the grace time | yes |
//! | `operation-runs` | Application | YELLOW, then RED | its operation (a sync, a hook) is Running, or is to be stopped, whatever else it says | for the grace time; as YELLOW for `health.argocd_operation_maximum_seconds` | yes |
//! | `sync-failed` | Application | RED | its newest sync, of all its objects, ended `Failed` or `Error` at the very revisions that were compared last, whatever else it says; a failure of other revisions is `last-sync-failed` | no | |
//! | `last-sync-failed` | Application | listed | the same at other revisions, and no sync since then: what it left undone (a hook) is still undone, or nobody wants it any more | | |
//! | `sync-error` | Application | YELLOW, then RED | the condition `SyncError` without such a sync: Argo CD refuses to sync | grace since then, as YELLOW | |
//! | `out-of-sync` | Application | YELLOW | `OutOfSync` | no | yes |
//! | `sync-unknown` | Application | UNKNOWN | `sync.status` is Unknown, none, or none that is known | no | |
//! | `degraded`, `missing` | Application | RED | `health.status` says so | no | |
//! | `progressing` | Application | YELLOW | the same | no | yes |
//! | `suspended` | Application | YELLOW | the same: a canary pauses so | no | yes |
//! | `health-unknown` | Application | UNKNOWN | it is Unknown, none, or none that is known | no | |

use super::{age, finding, is_recent, judged, no_life, shortened};
use crate::cluster::{
    Application, ApplicationHealth, CronJob, ObjectRef, OperationPhase, SyncStatus, Workload,
};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// The name, and the value of the name label, of the controller's workload.
const CONTROLLER: &str = "argocd-application-controller";
/// So many suspended `CronJobs` are named.
const NAMED: usize = 5;
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
    findings.extend(
        applications.iter().flat_map(|application| judge_application(application, now, grace, settings)),
    );
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
    let lives = |at: Timestamp| no_life(now, at, maximum, settings);
    let times: Vec<Timestamp> = looked_at.filter_map(|application| application.reconciled_at).collect();
    if none || times.iter().any(|at| lives(*at).is_none()) {
        return None;
    }
    let evidence = match times.iter().max().and_then(|newest| lives(*newest)) {
        Some(why) => format!("the newest reconciledAt is {why}"),
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
    let old = match application.reconciled_at.map(|at| no_life(now, at, maximum, settings)) {
        Some(why) => format!("reconciledAt is {}", why?),
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

/// That an operation does not end: everything may be Synced and Healthy while a hook hangs, and nothing is synced meanwhile. One
/// that failed and waits to be tried again runs as well.
fn running(
    application: &Application,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> Option<Finding> {
    let operation = application.operation.as_ref()?;
    let runs = matches!(operation.phase, OperationPhase::Running | OperationPhase::Terminating);
    let since = operation.started_at;
    let maximum = Duration::from_secs(settings.argocd_operation_maximum_seconds).max(grace);
    // What does not say when it began nobody can call slow; an operation always does.
    if !runs || is_recent(since, now, grace) {
        return None;
    }
    let verdict = if is_recent(since, now, maximum) { Verdict::Yellow } else { Verdict::Red };
    let message = format!(
        "the operation of {} does not end, and nothing else is synced meanwhile",
        application.object()
    );
    let evidence = format!(
        "operation {:?}, retried {} times: {}",
        operation.phase,
        operation.retries,
        shortened(&operation.message)
    );
    let object = application.object();
    Some(finding(Probe::ArgoCd, "operation-runs", object, verdict, message, evidence).since(since))
}

fn judge_application(
    application: &Application,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", application.object());
        finding(Probe::ArgoCd, rule, application.object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    for (kind, message) in &application.conditions {
        let since = application.conditions_since.get(kind).copied();
        if BROKEN.contains(&kind.as_str()) {
            let evidence = format!("{kind}: {message}");
            let found = found("comparison-error", Verdict::Unknown, "cannot be compared", evidence);
            findings.push(found.since(since));
        } else if kind.ends_with("Error") && kind != "SyncError" {
            let evidence = format!("{kind}: {}", shortened(message));
            let what = "has an error of which nobody knows what it leaves undone";
            findings.push(found("error-condition", Verdict::Unknown, what, evidence).since(since));
        }
    }
    if let Some(asked) = application.deleted_at.filter(|asked| age(now, *asked) > grace) {
        let evidence = format!("metadata.deletionTimestamp = {asked}: something holds it");
        let what = "is being deleted for too long";
        findings.push(found("terminating", Verdict::Yellow, what, evidence).since(Some(asked)));
    }
    findings.extend(running(application, now, grace, settings));
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
        let since = application.conditions_since.get(kind).copied();
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
    let found = found(rule, verdict, what, evidence.trim_end().to_owned()).since(application.health_since);
    findings.push(found.resting_on(grounds(application)));
    findings
}

/// Argo CD's answer, in which an Application that is suspended names its `CronJobs` that are: those a person may accept.
pub(in crate::health) fn with_suspended(
    mut result: ProbeResult,
    applications: &[Application],
    cron_jobs: &[CronJob],
) -> ProbeResult {
    let suspended: BTreeSet<&ObjectRef> =
        cron_jobs.iter().filter(|one| one.suspended).map(|one| &one.object).collect();
    for found in result.findings.iter_mut().filter(|found| found.id.rule == "suspended") {
        let application = applications.iter().find(|one| one.object() == found.id.object);
        let resources = application.iter().flat_map(|one| &one.resources).map(|one| &one.object);
        let theirs: Vec<String> =
            resources.filter(|object| suspended.contains(object)).map(ToString::to_string).collect();
        let more = theirs.len().saturating_sub(NAMED);
        if let [_, ..] = theirs.as_slice() {
            let named = theirs.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            found.evidence = format!("{}; spec.suspend of {named}{more}", found.evidence);
        }
    }
    result
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
#[path = "applications_tests.rs"]
pub(in crate::health) mod tests;
