//! Flux: every `GitRepository` fetched, every Kustomization and `HelmRelease` applied, and controllers that live.
//!
//! Four things make a Flux object look well that is not. Suspended, it keeps the Ready of the past, and only `spec.suspend`
//! tells. After a change of its spec Ready is True for the old one. A `GitRepository` that cannot be fetched keeps its old
//! artifact, and its Kustomizations go on reading Ready with it. And a `HelmRelease` that was rolled back names the reason
//! `RollbackSucceeded`: the condition's status counts, never the reason's word. When a controller is dead, all of its
//! objects stay as they were.
//!
//! A failure is RED at once where it comes after Flux' own time-out (of an apply, a health check, an upgrade); one fetch
//! that failed is forgiven for the grace time, since a forge may be starting.

use super::reporter::Reporter;
use super::{condition, finding, is_recent, judged, said, unused};
use crate::cluster::{Condition, ConditionStatus, FluxKind, FluxObject, Workload};
use crate::health::{Finding, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// The controllers, with the kind that each reports; the source controller serves all of them.
pub(super) const CONTROLLERS: [(FluxKind, Reporter); 3] = [
    (FluxKind::GitRepository, controller("source-controller")),
    (FluxKind::Kustomization, controller("kustomize-controller")),
    (FluxKind::HelmRelease, controller("helm-controller")),
];

const fn controller(name: &'static str) -> Reporter {
    Reporter { name, part_of: Some("flux"), other_work: &[] }
}

/// Judges all Flux objects.
pub(in crate::health) fn judge_flux(
    objects: &[FluxObject],
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    if objects.is_empty() {
        return unused(Probe::Flux, "no Flux object");
    }
    let is_there = |kind| kind == FluxKind::GitRepository || objects.iter().any(|object| object.kind == kind);
    let mut findings: Vec<Finding> = CONTROLLERS
        .into_iter()
        .filter(|(kind, _)| is_there(*kind))
        .flat_map(|(_, reporter)| reporter.dead(Probe::Flux, workloads))
        .collect();
    let mut ready = 0;
    for object in objects {
        let found = judge_object(object, now, grace);
        ready += usize::from(found.is_empty());
        findings.extend(found);
    }
    judged(Probe::Flux, format!("{ready} of {} Flux objects ready", objects.len()), findings)
}

fn judge_object(object: &FluxObject, now: Timestamp, grace: Duration) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", object.object());
        finding(Probe::Flux, rule, object.object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    if object.suspended {
        let evidence = "spec.suspend = true".to_owned();
        findings.push(found("suspended", Verdict::Yellow, "is suspended", evidence));
    }
    if let Some(stalled) = holds(object, "Stalled") {
        let what = "failed and is not tried again before it is changed";
        findings.push(found("stalled", Verdict::Red, what, said(stalled)).since(stalled.since));
        return findings;
    }
    let ready = condition(&object.conditions, "Ready");
    let failing = ready.filter(|ready| ready.status == ConditionStatus::False).or_else(|| {
        // The source says it of itself, whatever Ready says.
        holds(object, "FetchFailed")
    });
    // What has not been seen yet may be mended already; a suspended object is not looked at.
    let spoken_of = object.observed_generation.max(object.ready_generation.unwrap_or(-1));
    let promised = if failing.is_some() { spoken_of } else { object.observed_generation };
    let is_new_to_all = failing.is_some() || !is_reconciling(object);
    if !object.suspended && ready.is_some() && promised < object.generation && is_new_to_all {
        let evidence = format!("observedGeneration {promised} < generation {}", object.generation);
        findings.push(found(
            "not-observed",
            Verdict::Yellow,
            "has not been looked at since its change",
            evidence,
        ));
        return findings;
    }
    if let Some(failing) = failing {
        findings.push(failed(object, failing, now, grace));
        return findings;
    }
    match ready.map(|ready| (ready, ready.status)) {
        None if object.suspended => {}
        None => {
            let verdict =
                if is_recent(object.created_at, now, grace) { Verdict::Yellow } else { Verdict::Unknown };
            let evidence = "no condition Ready".to_owned();
            let what = "does not say how it is";
            findings.push(found("not-reported", verdict, what, evidence).since(object.created_at));
        }
        Some((ready, _)) if is_reconciling(object) && !object.suspended => {
            let evidence = holds(object, "Reconciling").map_or_else(|| said(ready), said);
            findings
                .push(found("progressing", Verdict::Yellow, "is on its way", evidence).since(ready.since));
        }
        Some((ready, ConditionStatus::Unknown)) => {
            let what = "does not say whether it is ready";
            findings.push(found("ready-unknown", Verdict::Unknown, what, said(ready)).since(ready.since));
        }
        Some((_, ConditionStatus::True | ConditionStatus::False)) => {}
    }
    findings
}

fn failed(object: &FluxObject, failing: &Condition, now: Timestamp, grace: Duration) -> Finding {
    let (rule, verdict, what) = match object.kind {
        // What it waits for has a finding of its own.
        _ if failing.reason == "DependencyNotReady" => {
            ("waits-for-dependency", Verdict::Yellow, "waits for what it depends on")
        }
        FluxKind::GitRepository => {
            let verdict = if is_recent(failing.since, now, grace) { Verdict::Yellow } else { Verdict::Red };
            ("fetch-failed", verdict, "cannot be fetched: the old commit runs on")
        }
        FluxKind::Kustomization => ("not-applied", Verdict::Red, "could not be applied"),
        FluxKind::HelmRelease => ("not-released", Verdict::Red, "could not be released"),
    };
    let message = format!("{} {what}", object.object());
    finding(Probe::Flux, rule, object.object(), verdict, message, said(failing)).since(failing.since)
}

/// The condition, where it is True.
fn holds<'a>(object: &'a FluxObject, kind: &str) -> Option<&'a Condition> {
    condition(&object.conditions, kind).filter(|condition| condition.status == ConditionStatus::True)
}

fn is_reconciling(object: &FluxObject) -> bool {
    holds(object, "Reconciling").is_some()
}

#[cfg(test)]
mod tests {
    use super::super::reporter::tests::deployment;
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::recorded::flux;
    use Verdict::{Green, Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    fn controllers() -> Vec<Workload> {
        ["source-controller", "kustomize-controller", "helm-controller"]
            .map(|name| {
                let mut workload = deployment("flux-system", name);
                workload.labels.insert("app.kubernetes.io/part-of".to_owned(), "flux".to_owned());
                workload
            })
            .to_vec()
    }

    fn judge(objects: &[FluxObject]) -> ProbeResult {
        judge_flux(objects, &controllers(), now(), GRACE)
    }

    /// A recorded object with a change.
    fn with(number: usize, change: fn(&mut FluxObject)) -> FluxObject {
        let mut object = flux(number);
        change(&mut object);
        object
    }

    fn set(object: &mut FluxObject, kind: &str, change: fn(&mut Condition)) {
        let condition = object.conditions.iter_mut().find(|condition| condition.kind == kind);
        change(condition.expect("the condition is there"));
    }

    #[test]
    fn every_rule_for_an_object() {
        type Case = (&'static str, FluxObject, Vec<(&'static str, Verdict)>);
        let cases: Vec<Case> = vec![
            ("Kustomization ready", flux(27), vec![]),
            ("a new revision rolls out", flux(28), vec![("progressing", Yellow)]),
            ("health check failed, retried for ever", flux(29), vec![("not-applied", Red)]),
            ("build failed", flux(30), vec![("not-applied", Red)]),
            ("waits for another", flux(31), vec![("waits-for-dependency", Yellow)]),
            ("suspended, Ready from the past", flux(32), vec![("suspended", Yellow)]),
            ("stalled", flux(33), vec![("stalled", Red)]),
            ("just made, as recorded, for longer than the grace", flux(34), vec![("not-reported", Unknown)]),
            ("just made", with(34, |o| o.created_at = Some(ago(30))), vec![("not-reported", Yellow)]),
            ("made, nobody knows when", with(34, |o| o.created_at = None), vec![("not-reported", Unknown)]),
            ("handled", flux(37), vec![]),
            (
                "spec changed, Ready is True for the old one",
                with(27, |o| o.generation = 2),
                vec![("not-observed", Yellow)],
            ),
            (
                "no pass came to its end, and yet Ready",
                with(27, |o| o.observed_generation = -1),
                vec![("not-observed", Yellow)],
            ),
            ("spec changed after it failed", with(30, |o| o.generation = 2), vec![("not-observed", Yellow)]),
            (
                "fails from its first pass on",
                with(30, |o| o.observed_generation = -1),
                vec![("not-applied", Red)],
            ),
            (
                "the new spec is being applied, Ready still of the old one",
                with(28, |o| {
                    o.generation = 2;
                    set(o, "Ready", |ready| ready.status = ConditionStatus::True);
                }),
                vec![("progressing", Yellow)],
            ),
            (
                "suspended after it failed: both",
                with(30, |o| o.suspended = true),
                vec![("suspended", Yellow), ("not-applied", Red)],
            ),
            (
                "suspended by a change that nobody looked at",
                with(32, |o| o.generation = 2),
                vec![("suspended", Yellow)],
            ),
            (
                "suspended before anybody looked",
                with(34, |o| o.suspended = true),
                vec![("suspended", Yellow)],
            ),
            (
                "suspended and stalled",
                with(33, |o| o.suspended = true),
                vec![("suspended", Yellow), ("stalled", Red)],
            ),
            (
                "Ready says neither, and nobody reconciles",
                with(28, |o| o.conditions.retain(|condition| condition.kind == "Ready")),
                vec![("ready-unknown", Unknown)],
            ),
            ("HelmRelease ready", flux(42), vec![]),
            ("an upgrade runs", flux(43), vec![("progressing", Yellow)]),
            ("an upgrade failed once", flux(44), vec![("not-released", Red)]),
            ("rolled back: RollbackSucceeded, RetriesExceeded", flux(45), vec![("stalled", Red)]),
            (
                "rolled back and not stalled: the reason's word says Succeeded",
                with(45, |o| o.conditions.retain(|condition| condition.kind != "Stalled")),
                vec![("not-released", Red)],
            ),
            (
                "Stalled is False",
                with(45, |o| set(o, "Stalled", |stalled| stalled.status = ConditionStatus::False)),
                vec![("not-released", Red)],
            ),
            ("GitRepository ready", flux(47), vec![]),
            ("cannot be fetched", flux(48), vec![("fetch-failed", Red)]),
            (
                "one fetch failed",
                with(48, |o| {
                    for condition in &mut o.conditions {
                        condition.since = Some(ago(60));
                    }
                }),
                vec![("fetch-failed", Yellow)],
            ),
            (
                "a fetch failed, nobody knows when",
                with(48, |o| {
                    for condition in &mut o.conditions {
                        condition.since = None;
                    }
                }),
                vec![("fetch-failed", Red)],
            ),
            (
                "cannot be fetched, and Ready all the same",
                with(48, |o| set(o, "Ready", |ready| ready.status = ConditionStatus::True)),
                vec![("fetch-failed", Red)],
            ),
        ];
        for (name, object, expected) in cases {
            let result = judge(&[object]);
            assert_eq!(rules(&result), expected, "{name}");
            let verdict = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Green);
            assert_eq!(result.verdict, verdict, "{name}");
        }
    }

    #[test]
    fn a_finding_names_field_value_and_since_when_on_the_object_that_a_person_would_mend() {
        let result = judge(&[flux(48), flux(47)]);
        assert_eq!(result.summary, "1 of 2 Flux objects ready");
        let found = &result.findings[0];
        assert_eq!(found.id.object.to_string(), "GitRepository gitops/authfailed");
        assert!(
            found.evidence.starts_with("Ready is False: GitOperationFailed failed to checkout"),
            "{found:?}"
        );
        assert_eq!(found.since, "2026-11-21T02:01:09Z".parse().ok());
    }

    #[test]
    fn a_dead_controller_makes_everything_unknown() {
        type Case<'a> = (&'static str, &'a [FluxObject], Vec<Workload>, Vec<&'static str>);
        let without = |name: &str| {
            let mut workloads = controllers();
            workloads.retain(|workload| workload.object.name != name);
            workloads
        };
        let down = |name: &str| {
            let mut workloads = controllers();
            for workload in workloads.iter_mut().filter(|workload| workload.object.name == name) {
                workload.available = 0;
            }
            workloads
        };
        let unlabelled = controllers().into_iter().map(|mut workload| {
            workload.labels.clear();
            workload
        });
        let (source, kustomization, release) = (flux(47), flux(27), flux(42));
        let all = [source.clone(), kustomization.clone(), release.clone()];
        let cases: Vec<Case<'_>> = vec![
            ("alive", &all, controllers(), vec![]),
            ("no source controller", &all, without("source-controller"), vec!["controller-missing"]),
            ("no kustomize controller", &all, without("kustomize-controller"), vec!["controller-missing"]),
            ("helm controller down", &all, down("helm-controller"), vec!["controller-down"]),
            ("nothing there", &all, vec![], vec!["controller-missing"; 3]),
            ("of another project", &all, unlabelled.collect(), vec!["controller-missing"; 3]),
            ("no release, no helm controller", &all[..2], without("helm-controller"), vec![]),
            ("a release needs its sources", &all[2..], down("source-controller"), vec!["controller-down"]),
        ];
        for (name, objects, workloads, expected) in cases {
            let result = judge_flux(objects, &workloads, now(), GRACE);
            let found: Vec<&str> = rules(&result).into_iter().map(|(rule, _)| rule).collect();
            assert_eq!(found, expected, "{name}");
            assert_eq!(result.verdict, if expected.is_empty() { Green } else { Unknown }, "{name}");
        }
    }

    #[test]
    fn without_an_object_flux_is_not_used_here() {
        let result = judge_flux(&[], &[], now(), GRACE);
        assert_eq!((result.used, result.verdict), (false, Green));
    }
}
