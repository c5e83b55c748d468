//! Pull requests that wait: for statuses, for the forge's check, for Renovate's rebase.

use super::{NOW, ONE, Scene, at, sha};
use crate::merge::preflight::{Preflight, WaitFor};
use crate::run::decide::{Decision, Waiting};
use crate::run::event::{Effect, Event, Outcome};

fn waiting_for(what: WaitFor, since: i64) -> Scene {
    let mut scene = Scene::new(ONE);
    scene.pull(6).preflight = Preflight::Wait(what);
    scene.pull(6).waiting_since = Some(at(since));
    scene
}

fn statuses(contexts: &[&str]) -> WaitFor {
    WaitFor::Statuses(contexts.iter().map(|context| (*context).to_owned()).collect())
}

fn ended(scene: &mut Scene, second: i64, outcome: Outcome) {
    let Decision::Perform(effect) = scene.decide() else { panic!("no effect: {:?}", scene.decide()) };
    let step = scene.fold(second, Event::Intended { effect });
    scene.fold(second, Event::Ended { step, outcome });
}

fn done() -> Outcome {
    Outcome::Done { detail: String::new() }
}

/// What is said to be awaited.
fn awaited(scene: &Scene) -> String {
    match scene.decide() {
        Decision::Wait(Waiting::World(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_status_is_awaited_for_a_while_and_renovates_own_for_days() {
    let day = 86_400;
    for (contexts, waited, expected) in [
        (&["ci/test"][..], 1799, "wait"),
        (&["ci/test"], 1800, "note waits"),
        (&["renovate/stability-days"], 1800, "wait"),
        (&["renovate/stability-days"], 30 * day, "wait"),
        (&["renovate/stability-days", "ci/test"], 1800, "note waits"),
    ] {
        let scene = waiting_for(statuses(contexts), NOW - waited);
        assert_eq!(scene.says(), expected, "{contexts:?} {waited}");
    }
}

#[test]
fn behind_its_base_renovate_is_asked_once_and_awaited() {
    let mut scene = waiting_for(WaitFor::Behind, NOW);
    assert_eq!(scene.says(), "ask for a rebase");
    ended(&mut scene, NOW, done());
    assert!(awaited(&scene).contains("Renovate is asked"));
    scene.clock = NOW + 1799;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 1800;
    assert_eq!(scene.says(), "note waits");
    let decision = scene.decide();
    scene.noted(decision);
    // Its push is another head, which begins anew, whatever a person was told meanwhile.
    scene.pull(6).pull.head.sha = sha('f');
    scene.pull(6).waiting_since = Some(at(scene.clock));
    assert_eq!(scene.says(), "ask for a rebase");
}

#[test]
fn in_conflict_renovate_is_asked_once_and_a_person_hears_that_it_does_not_come() {
    let mut scene = waiting_for(WaitFor::Mergeable, NOW);
    let pause = i64::try_from(scene.timing.poll().as_secs()).expect("seconds") * 3;
    // A forge may still be finding out.
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + pause;
    assert_eq!(scene.says(), "ask for a rebase");
    let asked = scene.clock;
    ended(&mut scene, asked, done());
    scene.clock = asked + 1799;
    assert_eq!(scene.says(), "wait");
    scene.clock = asked + 1800;
    let decision = scene.decide();
    let Decision::Note(events) = &decision else { panic!("{decision:?}") };
    let told = |why: &str| why.contains("was asked to rebase it and did not");
    assert!(matches!(&events[..], [Event::Waits { why, .. }] if told(why)), "{events:?}");
    scene.noted(decision);
    assert_eq!(scene.says(), "call", "a person has to look");
}

#[test]
fn a_box_that_could_not_be_ticked_is_tried_again_and_one_that_is_missing_is_a_persons() {
    let mut scene = waiting_for(WaitFor::Behind, NOW);
    for _ in 0..3 {
        ended(&mut scene, NOW, Outcome::NotYet { why: "the text keeps changing".to_owned() });
    }
    assert_eq!(scene.says(), "wait", "three times are enough");
    let mut scene = waiting_for(WaitFor::Behind, NOW);
    ended(&mut scene, NOW, Outcome::Refused { why: "#6 holds no box".to_owned() });
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(matches!(&events[..], [Event::Waits { why, .. }] if why.contains("no box")), "{events:?}");
}

#[test]
fn a_head_that_the_forge_calls_outdated_is_rebased_and_not_asked_for_again() {
    let mut scene = Scene::new(ONE);
    // Another head each time, and more of them than a task has attempts: none is used up.
    for head in ['a', 'd', 'e', 'f'] {
        scene.pull(6).pull.head.sha = sha(head);
        assert_eq!(scene.says(), "merge 6");
        ended(&mut scene, NOW, Outcome::Outdated { why: "behind the base branch".to_owned() });
        assert_eq!(scene.says(), "ask for a rebase");
        ended(&mut scene, NOW, done());
        assert_eq!(scene.says(), "wait");
    }
}

#[test]
fn a_merge_that_did_not_happen_is_not_asked_for_again_at_once() {
    let mut scene = Scene::new(ONE);
    ended(&mut scene, NOW, Outcome::NotYet { why: "try again later".to_owned() });
    assert!(awaited(&scene).contains("try again later"));
    scene.clock = NOW + 10;
    assert_eq!(scene.says(), "merge 6");
    let Decision::Perform(Effect::Merge(plan)) = scene.decide() else { panic!() };
    assert_eq!(plan.head, sha('a'));
    scene.clock = NOW;
    scene.pull(6).pull.head.sha = sha('f');
    assert_eq!(scene.says(), "merge 6", "another head is another merge");
}
