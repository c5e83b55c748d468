//! The label that calls for a person: once for each standstill.

use super::{NOW, ONE, Scene, at, waiting};
use crate::merge::preflight::{Preflight, Refusal, WaitFor};
use crate::run::event::{Effect, Event, Outcome};
use crate::run::situation::Mode;

const TWO: &str = "## Tasks\n\n- [ ] **D1 P1 Apps**: Merge PR #6\n- [ ] **D2 P2 Apps**: Merge PR #7\n";

/// A run that stands still for an approval of both tasks, with the label on.
fn standing() -> Scene {
    let mut scene = Scene::new(TWO);
    for pull in [6, 7] {
        scene.pull(pull).approval = Some("a major".to_owned());
    }
    for _ in 0..2 {
        let decision = scene.decide();
        scene.noted(decision);
    }
    assert_eq!(scene.says(), "call");
    scene.labelled();
    assert_eq!(scene.says(), "people");
    scene
}

#[test]
fn nothing_but_work_takes_the_label_away() {
    let mut scene = standing();
    // What the world does while people are awaited changes no label.
    scene.green_since = None;
    assert_eq!(scene.says(), "people");
    scene.pull(6).preflight = Preflight::Wait(WaitFor::Mergeable);
    scene.pull(6).waiting_since = Some(at(NOW - 5));
    assert_eq!(scene.says(), "wait");
    scene.pull(6).waiting_since = Some(at(NOW - 30));
    assert_eq!(scene.says(), "ask for a rebase", "that is no going on");
    scene.pull(6).preflight = Preflight::Refuse(Refusal::Draft);
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "people", "another wait of people is the same standstill");
    // Work that can begin takes it away first, once.
    scene.pull(7).approval = None;
    assert_eq!(scene.says(), "wait", "not GREEN yet: nothing goes on");
    scene.green_since = Some(at(NOW - 100));
    assert_eq!(scene.says(), "release");
    scene.labelled();
    assert_eq!(scene.says(), "merge 7");
}

#[test]
fn an_open_case_keeps_the_label_and_a_closed_one_lets_it_go() {
    let mut scene = standing();
    let key = scene.key("D1");
    let escalated =
        || Event::Escalated { key: Some(key.clone()), why: "bad".to_owned(), evidence: Vec::new() };
    scene.fold(NOW, escalated());
    assert_eq!(scene.says(), "people", "it is on already");
    scene.pull(7).approval = None;
    assert_eq!(scene.says(), "merge 7", "the case stays theirs while the rest goes on");
    scene.wishes = vec![crate::run::situation::Wish::Ticked(key.clone())];
    let decision = scene.decide();
    scene.noted(decision);
    scene.wishes.clear();
    assert_eq!(scene.says(), "release", "a person ended the case");
    scene.labelled();
    assert_eq!(scene.says(), "merge 7");
    scene.fold(
        NOW,
        Event::Escalated { key: Some(scene.key("D2")), why: "bad".to_owned(), evidence: Vec::new() },
    );
    assert_eq!(scene.says(), "call", "a new case calls again");
}

#[test]
fn what_does_not_happen_is_tried_again_after_longer_and_longer_pauses() {
    let fail = |scene: &mut Scene| {
        let super::Decision::Perform(effect) = scene.decide() else { panic!("{:?}", scene.decide()) };
        let step = scene.fold(scene.clock, Event::Intended { effect });
        let outcome = Outcome::NotYet { why: "the forge does not answer".to_owned() };
        scene.fold(scene.clock, Event::Ended { step, outcome });
    };
    let mut scene = Scene::new(ONE);
    scene.fold(NOW, Event::Escalated { key: None, why: "bad".to_owned(), evidence: Vec::new() });
    for pause in [20, 40, 80, 160, 180, 180] {
        fail(&mut scene);
        scene.clock += pause - 1;
        assert_eq!(scene.says(), "wait", "before {pause} s");
        scene.clock += 1;
        assert_eq!(scene.says(), "call", "after {pause} s");
    }
    // A mere standstill is shown by the status as well: three times are enough.
    let mut scene = Scene::new("Words.\n");
    for pause in [20, 40, 80] {
        fail(&mut scene);
        scene.clock += pause;
    }
    assert_eq!(scene.says(), "people");
}

#[test]
fn observing_and_a_stop_change_no_label() {
    let mut scene = Scene::new("Words.\n");
    scene.mode = Mode::Observe;
    assert_eq!(scene.says(), "people");
    let mut scene = standing();
    scene.paused = Some("operator");
    scene.pull(7).approval = None;
    assert_eq!(scene.says(), "paused");
    scene.paused = None;
    scene.head_rollout = waiting();
    assert_eq!(scene.says(), "wait");
    assert!(!scene.state.acts.iter().any(|act| act.effect == Effect::ReleasePerson));
}

#[test]
fn a_label_that_may_be_on_is_taken_away_before_the_work_goes_on() {
    let mut scene = Scene::new(TWO);
    let step = scene.fold(NOW - 100, Event::Intended { effect: Effect::CallPerson });
    let outcome = Outcome::Unanswered { why: "the connection broke".to_owned() };
    scene.fold(NOW - 100, Event::Ended { step, outcome });
    assert_eq!(scene.says(), "release");
    scene.labelled();
    assert_eq!(scene.says(), "merge 6");
}
