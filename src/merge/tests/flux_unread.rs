//! Kustomizations made from a source that caretaker does not read, and what they make.

use super::flux::{
    OWN, Word, World, asking, descends, kustomization, revision, set, watched, with_values, word,
};
use super::samples::{at, moment, sha};
use crate::cluster::{ConditionStatus, FluxObject, ObjectRef};
use crate::forge::CommitSha;
use crate::merge::rollout::{AskedOf, Moment, Question, Rollout, Watched, flux_to_ask, judge};

/// Something that makes artifacts of the repository may stand between: which commit one is of, nobody tells.
#[test]
fn what_is_made_from_a_source_that_is_not_read_is_never_taken_for_arrived() {
    let external = ObjectRef::new("ExternalArtifact", "gitops", "apps");
    let judged_by = |watched: &Watched, earlier: &[CommitSha], change: &dyn Fn(&mut FluxObject)| {
        let mut other = FluxObject {
            name: "composed".to_owned(),
            sources: vec![external.clone()],
            applied: Some("latest@sha256:0123456789abcdef".to_owned()),
            ..kustomization()
        };
        change(&mut other);
        let mut gitops = World::good().gitops();
        gitops.flux.push(other);
        let earlier = earlier.iter().cloned().collect();
        judge(&gitops, watched, &sha('c'), &descends, &[], &Moment { earlier, ..moment() })
    };
    let judged = |change: &dyn Fn(&mut FluxObject)| judged_by(&watched(), &[], change);
    let Rollout::Unknown { why } = judged(&|_| {}) else { panic!("it may be of an older commit") };
    insta::assert_snapshot!(why, @r#"Kustomization gitops/composed: other_urls must name "ExternalArtifact gitops/apps" where that holds nothing of this repository: it is made from it, and which commit that was made from is not told"#);
    // A person says that it holds nothing of it.
    let other = vec!["ExternalArtifact gitops/apps".to_owned()];
    let said = Watched::new(vec![OWN.to_owned()], other, "main");
    assert_eq!(word(&judged_by(&said, &[], &|_| {})), Word::Done);
    // It tells an older commit of this repository.
    let older = |one: &mut FluxObject| one.applied_origin = Some(revision('b'));
    let Rollout::Waiting { on, .. } = judged_by(&watched(), &[sha('b')], &older) else {
        panic!("it will come")
    };
    insta::assert_snapshot!(on[0].1, @"it has applied bbbbbbb and not this commit");
    let mut gitops = World::good().gitops();
    let mut composed = FluxObject { sources: vec![external.clone()], ..kustomization() };
    older(&mut composed);
    gitops.flux.push(composed);
    assert_eq!(watched().unread_revisions(&gitops.flux), [sha('b')]);
    assert_eq!(said.unread_revisions(&gitops.flux), []);

    let of = |origin: String| word(&judged(&|one| one.applied_origin = Some(origin.clone())));
    assert_eq!(of(revision('c')), Word::Done);
    assert_eq!(of(revision('b')), Word::Unknown);
    assert_eq!(of(revision('e')), Word::Unknown);
    assert_eq!(of(revision('b').replace("main", "release")), Word::Done, "it is of another branch");
    assert_eq!(word(&judged(&|one| one.suspended = true)), Word::Waiting);
    // Made by another one, it is judged by the same.
    let mut world = World::good();
    world.release = FluxObject {
        name: "composed".to_owned(),
        sources: vec![external.clone()],
        applied_origin: Some(revision('c')),
        ..kustomization()
    };
    world.kustomization.inventory = vec![world.release.object()];
    assert_eq!(word(&world.judge()), Word::Done);
    // A release of such a chart.
    let mut world = World::good();
    world.release.sources = vec![external.clone()];
    assert_eq!(word(&world.judge()), Word::Unknown);
}

/// The world with what its Kustomization makes in the hands of one that is made from an artifact which is not read, of the commit.
fn composed(mut world: World) -> World {
    world.kustomization.sources = vec![ObjectRef::new("ExternalArtifact", "gitops", "apps")];
    world.kustomization.applied = Some("latest@sha256:0123456789abcdef".to_owned());
    world.kustomization.applied_origin = Some(revision('c'));
    world
}

/// Somebody has to watch the repository at all.
fn beside() -> FluxObject {
    FluxObject { name: "beside".to_owned(), inventory: Vec::new(), ..kustomization() }
}

#[test]
fn what_is_made_from_a_source_that_is_not_read_is_waited_for_like_any_other() {
    let judged = |change: &dyn Fn(&mut World)| {
        let mut world = composed(World::good());
        change(&mut world);
        let mut gitops = world.gitops();
        gitops.flux.push(beside());
        judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment())
    };
    assert_eq!(word(&judged(&|_| {})), Word::Done);
    let unlooked = |world: &mut World| world.release.generation += 1;
    let Rollout::Waiting { on, progress, .. } = judged(&unlooked) else { panic!("its release is behind") };
    assert_eq!(on, [("HelmRelease gitops/ready".to_owned(), "its change has not been looked at".to_owned())]);
    let Rollout::Waiting { progress: later, .. } = judged(&|world| {
        unlooked(world);
        world.release.attempted = None;
    }) else {
        panic!("still behind")
    };
    assert_ne!(progress, later, "what moves of it is progress");
    assert_eq!(word(&judged(&|w| set(&mut w.release, "Ready", ConditionStatus::False))), Word::Waiting);
    assert_eq!(
        word(&judged(&|w| w.release.attempted = Some("9.2.0".to_owned()))),
        Word::Waiting,
        "the chart before"
    );
    // Of another branch it is nobody's to wait for.
    let next = |world: &mut World| {
        unlooked(world);
        world.kustomization.applied_origin = Some(revision('c').replace("main@", "next@"));
    };
    assert_eq!(word(&judged(&next)), Word::Done);
}

#[test]
fn a_release_made_from_a_source_that_is_not_read_is_asked_to_look_at_its_values() {
    let judged = |applied: char, asked: Option<AskedOf>| {
        let world = composed(with_values("ready").0);
        let object = world.release.object();
        let mut gitops = world.gitops();
        gitops.flux.push(beside());
        gitops.flux[1].applied_origin = Some(revision(applied));
        let moment = asking([asked.map(|asked| (object.clone(), asked))]);
        let to_ask = flux_to_ask(&gitops, &watched(), &sha('c'), &descends, &moment);
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment);
        (to_ask == [(object, Question::Look)], word(&judged))
    };
    let taken = || Some(AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() });
    assert_eq!(judged('c', None), (true, Word::Waiting));
    assert_eq!(judged('c', taken()), (false, Word::Waiting), "it has not looked yet");
    assert!(!judged('b', None).0, "what it takes is not of the commit yet");
}

/// It tells of a pass that failed what that was made from, and of what it applied only with success.
#[test]
fn an_accepted_one_of_a_source_that_is_not_read_need_only_have_tried_the_commit() {
    let judged = |tried: char, accepted: bool| {
        let mut world = composed(World::good());
        world.kustomization.applied_origin = Some(revision('b'));
        world.kustomization.tried_origin = Some(revision(tried));
        set(&mut world.kustomization, "Ready", ConditionStatus::False);
        let mut gitops = world.gitops();
        gitops.flux.push(beside());
        let known: Vec<CommitSha> = watched().unread_revisions(&gitops.flux);
        assert!(known.contains(&sha('b')) && known.contains(&sha(tried)), "{known:?}");
        let accepted = [world.kustomization.object()].into_iter().filter(|_| accepted).collect();
        let moment = Moment { accepted, earlier: [sha('b')].into(), ..asking([]) };
        let to_ask = flux_to_ask(&gitops, &watched(), &sha('c'), &descends, &moment);
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment);
        (word(&judged), to_ask.len())
    };
    assert_eq!(judged('c', true), (Word::Done, 0));
    assert_eq!(judged('b', true), (Word::Waiting, 1), "it is asked to look");
    assert_eq!(judged('c', false), (Word::Waiting, 0));
}

/// An artifact whose files a commit does not change keeps its revision: what is made from it is not told that it was looked at.
#[test]
fn what_is_made_of_an_artifact_that_a_commit_leaves_as_it_is_is_asked_to_look() {
    let to_ask = |change: &dyn Fn(&mut World), asked: Option<AskedOf>, now: i64| {
        let mut world = composed(World::good());
        world.kustomization.applied_origin = Some(revision('b'));
        change(&mut world);
        let object = world.kustomization.object();
        let mut moment = Moment { now: at(now), earlier: [sha('b')].into(), ..asking([]) };
        let of_change = moment.asking.as_mut().expect("of a change");
        of_change.asked_for_commit = asked.map(|asked| (object.clone(), asked)).into_iter().collect();
        let found = flux_to_ask(&world.gitops(), &watched(), &sha('c'), &descends, &moment);
        assert!(found.is_empty() || found == [(object, Question::Commit)]);
        !found.is_empty()
    };
    assert!(to_ask(&|_| {}, None, 100));
    assert!(!to_ask(&|w| w.kustomization.applied_origin = Some(revision('c')), None, 100), "it has");
    assert!(!to_ask(&|w| w.kustomization.applied_origin = Some(revision('a')), None, 100), "of another one");
    assert!(!to_ask(&|w| w.kustomization.applied_origin = None, None, 100), "it will never tell");
    assert!(!to_ask(&|w| w.kustomization.generation += 1, None, 100), "it looks by itself");
    assert!(!to_ask(&|w| w.source.artifact = Some(revision('b')), None, 100), "there is nothing to see yet");
    // Its artifact may have been stamped after it had looked: once more, a minute later.
    let taken = || Some(AskedOf { at: Some(at(100)), tried_at: Some(at(100)), ..AskedOf::default() });
    let written = |w: &mut World| w.kustomization.requested = Some(at(100).to_string());
    let looked = |w: &mut World| {
        written(w);
        w.kustomization.handled = Some(at(100).to_string());
    };
    assert!(!to_ask(&written, taken(), 1_000), "it has not looked yet");
    assert!(!to_ask(&looked, taken(), 159));
    assert!(to_ask(&looked, taken(), 160));
}

/// That it has looked for the commit says nothing of what it takes from beside it, which comes later.
#[test]
fn one_that_was_asked_for_the_commit_is_asked_again_for_its_values() {
    let settings = ObjectRef::new("ConfigMap", "gitops", "cluster-settings");
    let mut world = composed(World::good());
    world.kustomization.values_from = vec![settings.clone()];
    world.kustomization.handled = Some(at(60).to_string());
    let object = world.kustomization.object();
    let mut gitops = world.gitops();
    gitops.flux.push(FluxObject { inventory: vec![settings], ..beside() });
    let mut moment = asking([]);
    let for_commit = AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() };
    moment.asking.as_mut().expect("of a change").asked_for_commit.insert(object.clone(), for_commit);
    let found = flux_to_ask(&gitops, &watched(), &sha('c'), &descends, &moment);
    assert_eq!(found, [(object, Question::Look)]);
    assert_eq!(word(&judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment)), Word::Waiting);
}
