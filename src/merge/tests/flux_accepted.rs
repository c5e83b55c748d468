//! What of Flux a person accepts as it is, and what that excuses.

use super::flux::{Word, World, asking, descends, revision, set, watched, with_values, word};
use super::flux_passes::in_a_pass;
use super::samples::{at, moment, sha};
use crate::cluster::{ConditionStatus, FluxKind, FluxObject, GitSource, ObjectRef};
use crate::merge::rollout::{AcceptedFlux, AskedOf, GitOps, Moment, judge};

type Change = fn(&mut World);

/// Judges a world in which one was accepted, and something happened since.
fn judged(before: Change, accepted: fn(&World) -> ObjectRef, since: Change) -> Word {
    let mut world = World::good();
    before(&mut world);
    let object = accepted(&world);
    let known = watched().accepted(&world.gitops().flux, &|one| *one == object);
    assert_eq!(known.len(), 1, "{object}");
    since(&mut world);
    let gitops = world.gitops();
    let accepted = watched().still_accepted(&known, &gitops.flux);
    word(&judge(&gitops, &watched(), &sha('c'), &descends, &[], &Moment { accepted, ..moment() }))
}

fn fails(object: &mut FluxObject) {
    set(object, "Ready", ConditionStatus::False);
}

#[test]
fn what_is_accepted_as_it_is_is_not_waited_for_until_it_is_told_something_else() {
    type Case = (&'static str, Change, fn(&World) -> ObjectRef, Change, Word);
    let release = |w: &World| w.release.object();
    let kustomization = |w: &World| w.kustomization.object();
    let nothing: Change = |_| {};
    let off: Change = |w| w.release.suspended = true;
    let health: Change = |w| {
        fails(&mut w.kustomization);
        w.kustomization.applied = Some(revision('b'));
    };
    let applying: Change = |w| {
        w.kustomization.applied = Some(revision('b'));
        set(&mut w.kustomization, "Ready", ConditionStatus::Unknown);
        in_a_pass(&mut w.kustomization, 0, "Building manifests for revision c");
    };
    let kustomization_off: Change = |w| {
        w.kustomization.suspended = true;
        (w.kustomization.applied, w.kustomization.attempted) = (Some(revision('b')), Some(revision('b')));
    };
    let cases: Vec<Case> = vec![
        ("suspended, and something else is accepted", off, kustomization, nothing, Word::Waiting),
        ("suspended", off, release, nothing, Word::Done),
        ("it fails", |w| fails(&mut w.release), release, nothing, Word::Done),
        ("its spec is another", off, release, |w| w.release.generation += 1, Word::Waiting),
        (
            "its chart is another",
            off,
            release,
            |w| w.chart.artifact = Some("9.2.2@sha256:ff".to_owned()),
            Word::Waiting,
        ),
        ("another fails as well", off, release, |w| fails(&mut w.chart), Word::Waiting),
        ("what it applied does not become well", health, kustomization, nothing, Word::Done),
        (
            "and it has not tried the commit",
            health,
            kustomization,
            |w| w.kustomization.attempted = Some(revision('b')),
            Word::Waiting,
        ),
        ("it is on its way to apply the commit", applying, kustomization, nothing, Word::Waiting),
        (
            "it has applied it, and checks how that does",
            applying,
            kustomization,
            |w| in_a_pass(&mut w.kustomization, 0, "Running health checks for revision c"),
            Word::Done,
        ),
        (
            "it tries again what has failed before",
            applying,
            kustomization,
            |w| w.kustomization.failed_before = true,
            Word::Done,
        ),
        (
            "it looks again at what it has applied",
            applying,
            kustomization,
            |w| w.kustomization.applied = Some(revision('c')),
            Word::Done,
        ),
        ("what applies is suspended", kustomization_off, kustomization, nothing, Word::Done),
        (
            "and its spec is another",
            kustomization_off,
            kustomization,
            |w| w.kustomization.generation += 1,
            Word::Waiting,
        ),
        (
            "the source cannot fetch",
            |w| {
                fails(&mut w.source);
                w.source.artifact = Some(revision('b'));
            },
            |w| w.source.object(),
            nothing,
            Word::Waiting,
        ),
    ];
    for (name, before, accepted, since, expected) in cases {
        assert_eq!(judged(before, accepted, since), expected, "{name}");
    }
}

/// The chart is made anew of each commit that changes it, whoever may stay as they are.
#[test]
fn an_accepted_release_whose_chart_lies_in_the_repository_waits_for_that() {
    fn of_files(world: &mut World) {
        world.chart = FluxObject {
            kind: FluxKind::HelmChart,
            name: "apps-grafana".to_owned(),
            sources: vec![world.source.object()],
            artifact: Some("9.2.1".to_owned()),
            observed_source: Some(revision('c')),
            ..world.chart.clone()
        };
        world.release.sources = vec![world.source.object()];
        world.release.helm_chart = Some(world.chart.object());
        world.release.attempted = Some("9.2.1".to_owned());
        fails(&mut world.release);
    }
    let release = |w: &World| w.release.object();
    assert_eq!(judged(of_files, release, |_| {}), Word::Done);
    let older: Change = |w| w.chart.observed_source = Some(revision('b'));
    assert_eq!(judged(of_files, release, older), Word::Waiting, "it may become another");
    let other: Change = |w| w.chart.artifact = Some("9.2.1+cccccccccccc".to_owned());
    assert_eq!(judged(of_files, release, other), Word::Waiting);
    let cannot: Change = |w| {
        w.chart.observed_source = Some(revision('b'));
        fails(&mut w.chart);
    };
    assert_eq!(judged(of_files, release, cannot), Word::Done, "it is what the release fails of");
}

#[test]
fn one_that_is_accepted_is_asked_to_look_at_its_values_unless_it_is_off() {
    let waits = |off: bool| {
        let (mut world, _) = with_values("ready");
        fails(&mut world.release);
        world.release.suspended = off;
        let asked = AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() };
        let object = world.release.object();
        let accepted = [object.clone()].into();
        let moment = Moment { accepted, ..asking([Some((object, asked))]) };
        word(&judge(&world.gitops(), &watched(), &sha('c'), &descends, &[], &moment))
    };
    assert_eq!((waits(false), waits(true)), (Word::Waiting, Word::Done));
}

/// What another repository offers is what such a Kustomization is told.
#[test]
fn an_accepted_kustomization_of_another_source_has_to_take_what_that_offers_anew() {
    let tools = |artifact: &str| FluxObject {
        name: "tools".to_owned(),
        git: Some(GitSource { url: "https://git.example.org/ops/tools".to_owned(), branch: None }),
        artifact: Some(artifact.to_owned()),
        ..World::good().source
    };
    let world = |artifact: &str| {
        let mut gitops = World::good().gitops();
        let source = tools(artifact);
        let mut made = FluxObject {
            name: "of-tools".to_owned(),
            sources: vec![source.object()],
            applied: Some("v1.0.0@sha1:0000".to_owned()),
            inventory: Vec::new(),
            ..World::good().kustomization
        };
        fails(&mut made);
        gitops.flux[1].inventory.push(made.object());
        let object = made.object();
        gitops.flux.extend([source, made]);
        (gitops, object)
    };
    let (before, object) = world("v1.0.0@sha1:0000");
    let known = watched().accepted(&before.flux, &|one| *one == object);
    let judged = |gitops: &GitOps| {
        let accepted = watched().still_accepted(&known, &gitops.flux);
        word(&judge(gitops, &watched(), &sha('c'), &descends, &[], &Moment { accepted, ..moment() }))
    };
    assert_eq!(judged(&before), Word::Done);
    assert_eq!(judged(&world("v2.0.0@sha1:1111").0), Word::Waiting);
}

#[test]
fn what_an_older_journal_tells_of_an_accepted_one_is_read() {
    let written = r#"{"object":{"kind":"HelmRelease","namespace":"web","name":"shop"},"generation":3}"#;
    let read: AcceptedFlux = serde_json::from_str(written).expect("it is read");
    assert_eq!((read.generation, read.offered), (3, None));
}
