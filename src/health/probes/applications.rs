//! Argo CD: every Application Synced and Healthy, and a controller that lives.
//!
//! When the controller is dead, every Application stays Synced and Healthy for ever. Its signs of life are its workload
//! and the newest `reconciledAt`; without both nothing that the Applications say counts. One whose automated sync is off is
//! listed: whoever switched it off for a while is reminded, and whoever wants it so is not held up.

use super::{age, finding, judged};
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
    settings: &Settings,
) -> ProbeResult {
    let mut findings: Vec<Finding> =
        controller(applications, workloads, argocd_namespace, now, settings).into_iter().collect();
    findings.extend(applications.iter().flat_map(judge_application));
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
    let newest = applications.iter().filter_map(|application| application.reconciled_at).max();
    let evidence = match newest {
        _ if applications.is_empty() => return None,
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

fn judge_application(application: &Application) -> Vec<Finding> {
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
        SyncStatus::Unknown if findings.iter().all(|finding| finding.informational) => {
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
            prune: true,
            sync_options: Vec::new(),
            sources: Vec::new(),
            made_by: None,
            dry: None,
            compared_sources: Vec::new(),
            sync: SyncStatus::Synced,
            revisions: vec!["9f1c".to_owned()],
            health: ApplicationHealth::Healthy,
            health_message: String::new(),
            operation: None,
            conditions: Vec::new(),
            reconciled_at: Some(ago(100)),
            resources: Vec::new(),
            images: Vec::new(),
            placing: crate::cluster::Placing::default(),
            doors: crate::cluster::Doors::default(),
        }
    }

    fn controller_workload() -> Workload {
        workload(ObjectRef::new("StatefulSet", "argocd", CONTROLLER))
    }

    fn judge(applications: &[Application], workloads: &[Workload]) -> ProbeResult {
        judge_applications(applications, workloads, "argocd", now(), &Settings::default())
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
                "failed sync, still healthy",
                with(|a| {
                    a.sync = SyncStatus::OutOfSync;
                    a.operation = Some(OperationState {
                        phase: OperationPhase::Failed,
                        message: "one or more objects failed".to_owned(),
                        revisions: Vec::new(),
                        partial: false,
                        retries: 0,
                        started_at: None,
                        finished_at: None,
                    });
                }),
                vec![("out-of-sync", Yellow)],
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
            ("a sync failed, Healthy", 6, &[("out-of-sync", Yellow)]),
            ("a sync never got to apply", 7, &[("out-of-sync", Yellow), ("missing", Red)]),
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
            let mut older = application("blog");
            older.reconciled_at = Some(ago(9_000));
            let result = judge(&[newest, older], &workloads);
            let rule = result.findings.first().map(|finding| finding.id.rule.as_str());
            assert_eq!(rule, expected, "{name}");
            let verdict = if expected.is_some() { Unknown } else { Verdict::Green };
            assert_eq!(result.verdict, verdict, "{name}");
        }
    }

    #[test]
    fn no_time_at_all_is_no_sign_of_life() {
        let mut silent = application("shop");
        silent.reconciled_at = None;
        assert_eq!(rules(&judge(&[silent], &[controller_workload()])), [("controller-silent", Unknown)]);
        assert_eq!(judge(&[], &[controller_workload()]).verdict, Verdict::Green);
    }
}
