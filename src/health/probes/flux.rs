//! Flux: every source fetched, every Kustomization and `HelmRelease` applied, and controllers that live.
//!
//! Four things make a Flux object look well that is not. Suspended, it keeps the Ready of the past, and only `spec.suspend`
//! tells. After a change of its spec Ready is True for the old one. A source that cannot be fetched keeps its old artifact,
//! and what is made of it goes on reading Ready with it. And a `HelmRelease` that was rolled back names the reason
//! `RollbackSucceeded`: the condition's status counts, never the reason's word. When a controller is dead, all of its
//! objects stay as they were.
//!
//! Each object is looked at again at each interval, and reads Reconciling meanwhile; a Kustomization is not even Ready then.
//! That is no finding where everything says that the same as before is done again ([`FluxObject::is_only_looked_at_again`]).
//!
//! A failure is RED at once where it comes after Flux' own time-out (of an apply, a health check, an upgrade); one fetch
//! that failed is forgiven for the grace time, since a forge may be starting, and so is what each change of a version passes through.

use super::reporter::Reporter;
use super::{age, condition, finding, is_recent, judged, no_life, said, unused};
use crate::cluster::{Condition, ConditionStatus, FluxKind, FluxObject, ObjectRef, Workload};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
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
    settings: &Settings,
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
    // Of one that is down it is known already.
    if findings.is_empty() {
        findings.extend(hangs(objects, now, grace, settings));
    }
    let mut ready = 0;
    for object in objects {
        let found = judge_object(object, now, grace);
        ready += usize::from(found.is_empty());
        findings.extend(found);
    }
    judged(Probe::Flux, format!("{ready} of {} Flux objects ready", objects.len()), findings)
}

/// That the controller of Kustomizations has looked at none of them for longer than the shortest of their intervals, by which one of them
/// must have been looked at, the longest time that a look may take (`spec.timeout`, its own interval where that is not said) and the
/// grace time. Those are meant that are well, since a failure has an end in no history, and that tell of their passes at all; but
/// whoever is looked at for long, well or not, holds up the others. The other controllers write nothing where nothing has changed: of them readiness is the only sign.
fn hangs(objects: &[FluxObject], now: Timestamp, grace: Duration, settings: &Settings) -> Option<Finding> {
    let is_looked_at = |object: &&FluxObject| object.kind == FluxKind::Kustomization && !object.suspended;
    let is_well = |object: &&FluxObject| {
        let ready = condition(&object.conditions, "Ready");
        object.deleted_at.is_none() && ready.is_some_and(|ready| ready.status == ConditionStatus::True)
    };
    let looked_at = || objects.iter().filter(is_looked_at);
    let told = looked_at().filter(is_well).filter_map(|one| Some((one.looked_at?, one.interval?)));
    let told: Vec<(Timestamp, Duration)> = told.collect();
    let interval = told.iter().map(|(_, interval)| *interval).min()?;
    // Of many, each waits for the others: what is left of an interval is not taken away for a shorter time-out.
    let longest = looked_at().filter_map(|one| one.timeout.or(one.interval)).fold(interval, Duration::max);
    let allowed = interval.saturating_add(longest).saturating_add(grace).as_secs();
    let no_life = |at: Timestamp| no_life(now, at, allowed, settings);
    if told.iter().any(|(at, _)| no_life(*at).is_none()) {
        return None;
    }
    let newest = told.iter().map(|(at, _)| *at).max()?;
    let (_, controller) = CONTROLLERS.iter().find(|(kind, _)| *kind == FluxKind::Kustomization)?;
    let object = ObjectRef::new("Deployment", "", controller.name);
    let message = format!(
        "the controller {} has looked at nothing for too long: what its objects say is old",
        controller.name
    );
    let evidence = format!(
        "the newest status.history of a Kustomization is of {newest}, the shortest interval {} s, the longest look {} s",
        interval.as_secs(),
        longest.as_secs()
    );
    Some(
        finding(Probe::Flux, "controller-silent", object, Verdict::Unknown, message, evidence)
            .since(Some(newest)),
    )
}

fn judge_object(object: &FluxObject, now: Timestamp, grace: Duration) -> Vec<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", object.object());
        finding(Probe::Flux, rule, object.object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    if let Some(asked) = object.deleted_at.filter(|asked| age(now, *asked) > grace) {
        let evidence = format!("metadata.deletionTimestamp = {asked}: something holds it");
        let what = "is being deleted for too long";
        findings.push(found("terminating", Verdict::Yellow, what, evidence).since(Some(asked)));
    }
    if object.only_an_address {
        return findings;
    }
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
    let is_new_to_all = failing.is_some() || object.reconciling().is_none();
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
        Some(_) if object.is_only_looked_at_again(now, grace) && !object.suspended => {}
        Some((ready, _)) if object.reconciling().is_some() && !object.suspended => {
            let evidence = object.reconciling().map_or_else(|| said(ready), said);
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
        FluxKind::GitRepository
        | FluxKind::OciRepository
        | FluxKind::HelmRepository
        | FluxKind::HelmChart
        | FluxKind::Bucket => {
            let verdict = if is_recent(failing.since, now, grace) { Verdict::Yellow } else { Verdict::Red };
            ("fetch-failed", verdict, "cannot be fetched: what was fetched before runs on")
        }
        FluxKind::Kustomization => {
            ("not-applied", of_a_pass(object, failing, now, grace), "could not be applied")
        }
        FluxKind::HelmRelease => {
            ("not-released", of_a_pass(object, failing, now, grace), "could not be released")
        }
    };
    let made_for = || object.sources.iter().chain(&object.helm_chart).cloned().collect();
    let message = format!("{} {what}", object.object());
    let named = match failing.reason.as_str() {
        "DependencyNotReady" => object.depends_on.clone(),
        // Its source has not come, or what was made of it.
        "ArtifactFailed" | "SourceNotReady" => made_for(),
        // What it made was applied and did not become well.
        "HealthCheckFailed" => object.inventory.clone(),
        _ => Vec::new(),
    };
    finding(Probe::Flux, rule, object.object(), verdict, message, said(failing))
        .since(failing.since)
        .resting_on(Grounds::any(named))
}

/// Each change of a version passes through some failures: the source is not there yet, or something newer came while health was
/// checked. These are forgiven while they are new. What Flux marks anew at each try would be new for ever, and is not among them.
fn of_a_pass(object: &FluxObject, failing: &Condition, now: Timestamp, grace: Duration) -> Verdict {
    let passes = match failing.reason.as_str() {
        "SourceNotReady" => object.kind == FluxKind::HelmRelease,
        "ArtifactFailed" => {
            object.kind == FluxKind::Kustomization && failing.message.starts_with("Source artifact not found")
        }
        "HealthCheckCanceled" => true,
        _ => false,
    };
    if passes && is_recent(failing.since, now, grace) { Verdict::Yellow } else { Verdict::Red }
}

/// The condition, where it is True.
fn holds<'a>(object: &'a FluxObject, kind: &str) -> Option<&'a Condition> {
    condition(&object.conditions, kind).filter(|condition| condition.status == ConditionStatus::True)
}

#[cfg(test)]
#[path = "flux_tests.rs"]
mod tests;
