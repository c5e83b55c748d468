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

/// Judges objects of whose passes nothing is told: the recorded ones were hours ago.
fn judge(objects: &[FluxObject]) -> ProbeResult {
    let untold = |object: &FluxObject| FluxObject { looked_at: None, ..object.clone() };
    judge_told(&objects.iter().map(untold).collect::<Vec<_>>())
}

fn judge_told(objects: &[FluxObject]) -> ProbeResult {
    judge_flux(objects, &controllers(), now(), GRACE, &Settings::default())
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
        ("suspended before anybody looked", with(34, |o| o.suspended = true), vec![("suspended", Yellow)]),
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

/// A Kustomization at its interval: the same revision again, after a pass that was good ten minutes before.
fn again(change: fn(&mut FluxObject)) -> FluxObject {
    let mut object = flux(28);
    object.attempted.clone_from(&object.applied);
    object.succeeded_at = Some(ago(620));
    for condition in &mut object.conditions {
        condition.since = Some(ago(10));
    }
    let applied = object.applied.clone().expect("it was applied");
    let reconciling = object.conditions.iter_mut().find(|condition| condition.kind == "Reconciling");
    reconciling.expect("it reconciles").message =
        format!("Fetching manifests for revision {applied} with a timeout of 5m0s");
    change(&mut object);
    object
}

/// One that stays Ready while it is looked at again.
fn looked_at(number: usize, change: fn(&mut FluxObject)) -> FluxObject {
    let mut object = flux(number);
    let mut reconciling = flux(43).conditions.swap_remove(0);
    assert_eq!((reconciling.kind.as_str(), reconciling.reason.as_str()), ("Reconciling", "Progressing"));
    reconciling.since = Some(ago(10));
    object.conditions.push(reconciling);
    change(&mut object);
    object
}

#[test]
fn what_is_only_looked_at_again_is_well_and_anything_else_is_on_its_way() {
    type Case = (&'static str, FluxObject, Vec<(&'static str, Verdict)>);
    let progressing = || vec![("progressing", Yellow)];
    let cases: Vec<Case> = vec![
        ("at its interval", again(|_| {}), vec![]),
        (
            "Ready all the while",
            again(|o| set(o, "Ready", |ready| ready.status = ConditionStatus::True)),
            vec![],
        ),
        (
            "another revision is tried",
            again(|o| o.attempted = Some("main@sha1:other".to_owned())),
            progressing(),
        ),
        (
            "another revision is fetched",
            again(|o| {
                set(o, "Reconciling", |one| {
                    one.message = "Fetching manifests for revision main@sha1:other".to_owned();
                });
            }),
            progressing(),
        ),
        ("nothing was applied yet", again(|o| (o.attempted, o.applied) = (None, None)), progressing()),
        (
            "for longer than the grace",
            again(|o| set(o, "Reconciling", |one| one.since = Some(ago(301)))),
            progressing(),
        ),
        ("nobody knows since when", again(|o| set(o, "Reconciling", |one| one.since = None)), progressing()),
        ("its spec was changed", again(|o| o.generation = 2), progressing()),
        ("the last pass failed, or has no history", again(|o| o.succeeded_at = None), progressing()),
        ("a build failed in between", again(|o| o.succeeded_at = Some(ago(10 + 661))), progressing()),
        ("its turn came late", again(|o| o.succeeded_at = Some(ago(10 + 660))), vec![]),
        ("no interval", again(|o| o.interval = None), progressing()),
        (
            "tried again after a failure",
            again(|o| set(o, "Reconciling", |one| one.reason = "ProgressingWithRetry".to_owned())),
            progressing(),
        ),
        ("a release at its interval", looked_at(42, |_| {}), vec![]),
        ("a source at its interval", looked_at(47, |_| {}), vec![]),
        (
            "a source with a new revision",
            looked_at(47, |o| set(o, "Ready", |ready| ready.status = ConditionStatus::Unknown)),
            progressing(),
        ),
        (
            "a source that fails",
            looked_at(47, |o| set(o, "Ready", |ready| ready.status = ConditionStatus::False)),
            vec![("fetch-failed", Red)],
        ),
    ];
    for (name, object, expected) in cases {
        assert_eq!(rules(&judge(&[object])), expected, "{name}");
    }
}

#[test]
fn every_source_is_judged_by_what_it_fetches() {
    for kind in [FluxKind::OciRepository, FluxKind::HelmRepository, FluxKind::HelmChart, FluxKind::Bucket] {
        let well = FluxObject { kind, ..flux(47) };
        assert_eq!(rules(&judge(&[well])), [], "{kind:?}");
        let failing = FluxObject { kind, ..flux(48) };
        let result = judge(&[failing]);
        assert_eq!(rules(&result), [("fetch-failed", Red)], "{kind:?}");
        assert_eq!(result.findings[0].id.object.kind, kind.word());
    }
    let address = FluxObject { kind: FluxKind::HelmRepository, only_an_address: true, ..flux(34) };
    assert_eq!(rules(&judge(&[address])), [], "nobody ever reports on it");
}

#[test]
fn a_finding_names_field_value_and_since_when_on_the_object_that_a_person_would_mend() {
    let result = judge(&[flux(48), flux(47)]);
    assert_eq!(result.summary, "1 of 2 Flux objects ready");
    let found = &result.findings[0];
    assert_eq!(found.id.object.to_string(), "GitRepository gitops/authfailed");
    assert!(found.evidence.starts_with("Ready is False: GitOperationFailed failed to checkout"), "{found:?}");
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
    let (source, kustomization, release) = (flux(47), with_looked(27, Some(60)), flux(42));
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
        let result = judge_flux(objects, &workloads, now(), GRACE, &Settings::default());
        let found: Vec<&str> = rules(&result).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(found, expected, "{name}");
        assert_eq!(result.verdict, if expected.is_empty() { Green } else { Unknown }, "{name}");
    }
}

#[test]
fn without_an_object_flux_is_not_used_here() {
    let result = judge_flux(&[], &[], now(), GRACE, &Settings::default());
    assert_eq!((result.used, result.verdict), (false, Green));
}

#[test]
fn what_waits_for_another_follows_from_it() {
    let causes = |objects: &[FluxObject]| -> Vec<(String, Option<String>)> {
        let mut probes = [judge(objects)];
        crate::health::causes::fold(&mut probes);
        let [probe] = probes;
        let names = |one: Finding| (one.id.object.name, one.cause.map(|cause| cause.object.name));
        probe.findings.into_iter().map(names).collect()
    };
    let waits = |cause: Option<&str>| ("dependency".to_owned(), cause.map(str::to_owned));
    let failing = ("failing".to_owned(), None);
    assert_eq!(causes(&[flux(31), flux(29)]), [waits(Some("failing")), failing]);
    assert_eq!(causes(&[flux(31), flux(27)]), [waits(None)]);

    let mut made = flux(30);
    set(&mut made, "Ready", |ready| ready.reason = "ArtifactFailed".to_owned());
    let mut source = flux(48);
    (source.namespace, source.name) = (made.sources[0].namespace.clone(), made.sources[0].name.clone());
    let found = causes(&[made, source]);
    assert_eq!(found[0], ("buildfailed".to_owned(), Some("homelab".to_owned())));
}

/// A recorded failure with another reason, so long ago.
fn failing_with(number: usize, reason: &str, message: &str, seconds: i64) -> FluxObject {
    let mut object = flux(number);
    for condition in object.conditions.iter_mut().filter(|condition| condition.kind == "Ready") {
        (condition.reason, condition.message) = (reason.to_owned(), message.to_owned());
        condition.since = Some(ago(seconds));
    }
    object
}

#[test]
fn what_each_change_of_a_version_passes_through_is_forgiven_while_it_is_new() {
    let no_artifact = "Source artifact not found, retrying in 30s";
    for (number, rule, reason, message, first) in [
        (44, "not-released", "SourceNotReady", "HelmChart 'a/b' is not ready", Yellow),
        (44, "not-released", "ArtifactFailed", "Could not load chart: 404", Red),
        (44, "not-released", "UpgradeFailed", "no", Red),
        (30, "not-applied", "ArtifactFailed", no_artifact, Yellow),
        // Marked anew at each try: it would be new for ever.
        (30, "not-applied", "ArtifactFailed", "failed to download archive", Red),
        (30, "not-applied", "HealthCheckCanceled", "a newer revision", Yellow),
        (30, "not-applied", "SourceNotReady", "no such reason", Red),
        (30, "not-applied", "BuildFailed", "no", Red),
    ] {
        for (seconds, verdict) in [(10, first), (600, Red)] {
            let result = judge(&[failing_with(number, reason, message, seconds)]);
            assert_eq!(rules(&result), [(rule, verdict)], "{reason} {message} {seconds}");
        }
    }
}

#[test]
fn a_release_follows_from_the_chart_that_cannot_be_made_for_it() {
    let mut release = failing_with(44, "SourceNotReady", "HelmChart is not ready", 600);
    let chart = FluxObject { kind: FluxKind::HelmChart, name: "apps-shop".to_owned(), ..flux(48) };
    release.helm_chart = Some(chart.object());
    let mut probes = [judge(&[release, chart])];
    crate::health::causes::fold(&mut probes);
    let [probe] = probes;
    let cause = probe.findings[0].cause.as_ref().map(|cause| cause.object.to_string());
    assert_eq!(cause.as_deref(), Some("HelmChart gitops/apps-shop"), "{:?}", probe.findings);
}

#[test]
fn a_controller_of_kustomizations_that_hangs_is_unknown() {
    let applied = |seconds: i64| with_looked(27, Some(seconds));
    let minutes = |count: u64| Some(Duration::from_mins(count));
    let every = |seconds: i64, interval| FluxObject { interval, ..applied(seconds) };
    let taking =
        |seconds: i64, timeout| FluxObject { timeout: minutes(timeout), ..every(seconds, minutes(10)) };
    let failing = FluxObject { looked_at: Some(ago(90_000)), ..flux(29) };
    let silent = vec![("controller-silent", Unknown)];
    for (name, objects, expected) in [
        ("in time", vec![every(1_500, minutes(10))], vec![]),
        ("neither it nor a second one", vec![every(1_501, minutes(10))], silent.clone()),
        ("a look may take longer than an interval", vec![taking(2_700, 30)], vec![]),
        ("and longer than that", vec![taking(2_701, 30)], silent.clone()),
        ("a shorter look takes nothing away", vec![taking(1_500, 1)], vec![]),
        (
            "one whose look may take an hour",
            vec![every(1_501, minutes(10)), every(9_000, minutes(60))],
            vec![],
        ),
        (
            "the shortest interval counts: one of a day hides nothing",
            vec![taking(2_400, 5), FluxObject { timeout: minutes(5), ..every(9_000, minutes(1_440)) }],
            silent.clone(),
        ),
        (
            "who checks for long holds the others up, though it is not well meanwhile",
            vec![every(720, minutes(1)), FluxObject { timeout: minutes(30), ..flux(28) }],
            vec![("progressing", Yellow)],
        ),
        (
            "one that is switched off holds up nobody",
            vec![every(721, minutes(1)), FluxObject { timeout: minutes(30), ..flux(32) }],
            vec![("controller-silent", Unknown), ("suspended", Yellow)],
        ),
        (
            "one that was looked at speaks for all",
            vec![every(90_000, minutes(10)), every(60, minutes(10))],
            vec![],
        ),
        ("looked at in the future", vec![every(-31, minutes(10))], silent.clone()),
        ("no history: an older Flux", vec![with_looked(27, None)], vec![]),
        ("one that fails has an end in no history", vec![failing], vec![("not-applied", Red)]),
        (
            "a suspended one is not looked at",
            vec![FluxObject { suspended: true, ..every(90_000, minutes(10)) }],
            vec![("suspended", Yellow)],
        ),
    ] {
        assert_eq!(rules(&judge_told(&objects)), expected, "{name}");
    }
    let down = judge_flux(&[every(90_000, minutes(10))], &[], now(), GRACE, &Settings::default());
    assert!(down.findings.iter().all(|found| found.id.rule == "controller-missing"), "said once: {down:?}");
}

fn with_looked(number: usize, seconds: Option<i64>) -> FluxObject {
    FluxObject { looked_at: seconds.map(ago), timeout: None, ..flux(number) }
}

#[test]
fn what_is_being_deleted_for_too_long_is_said_of_every_kind() {
    for number in [27, 42, 47] {
        let leaving = |seconds| FluxObject { deleted_at: Some(ago(seconds)), ..flux(number) };
        let found = |seconds| judge(&[leaving(seconds)]).findings;
        assert!(found(299).iter().all(|one| one.id.rule != "terminating"), "{number}");
        let late = found(301);
        let one = late.iter().find(|one| one.id.rule == "terminating").expect("said");
        assert_eq!((one.verdict, one.since), (Yellow, Some(ago(301))));
        assert!(one.is_on_its_way());
    }
}
