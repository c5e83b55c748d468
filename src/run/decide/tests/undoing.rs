//! Undoing a change.

use super::change::{attributed, condemned, echo, is_handed_over, looks_by, result};
use super::{NOW, ONE, Scene, at, done, kept_back, sha, waiting, watched_since};
use crate::cluster::{BlockingPod, ObjectRef};
use crate::health::{NOT_LOOKED_SINCE, Probe, Verdict};
use crate::run::decide::{Decision, Waiting};
use crate::run::event::{ChangeResult, Effect, Event, Outcome};
use crate::run::situation::Deletion;
use crate::run::state::Change;
use crate::store::EventId;

/// The revert of a condemned change, done fifty seconds ago.
pub(super) fn reverted() -> (Scene, EventId) {
    let mut scene = condemned(attributed());
    let change = scene.state.change.as_ref().unwrap().step;
    let Decision::Perform(effect @ Effect::Revert { .. }) = scene.decide() else { panic!() };
    let step = scene.fold(NOW - 50, Event::Intended { effect });
    assert_eq!(scene.says(), "confirm", "until its outcome is known");
    scene.fold(NOW - 50, Event::Ended { step, outcome: Outcome::Reverted { commit: sha('e') } });
    scene.change_rollout = Some((waiting(), at(NOW - 50)));
    scene.head = sha('e');
    (scene, change)
}

#[test]
fn what_was_said_before_the_end_of_a_rollout_is_told_of_each_stage() {
    let ended =
        |scene: &Scene| scene.state.change.as_ref().and_then(Change::after).map(|after| after.ended_at);
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 1_000, true);
    assert_eq!(ended(&scene), None, "it is merged");
    scene.rolled_out(step, NOW - 900);
    assert_eq!(ended(&scene), Some(at(NOW - 900)));
    let (mut scene, change) = reverted();
    assert_eq!(ended(&scene), None, "its undoing rolls out");
    let (commit, affected) = (sha('e'), vec!["argocd/shop".to_owned()]);
    scene.fold(NOW - 20, Event::RolledOut { change, commit, seconds: 1.0, watchers: 3, affected });
    assert_eq!(ended(&scene), Some(at(NOW - 20)));
    let mut scene = condemned(attributed());
    assert_eq!(ended(&scene), Some(at(NOW - 900)), "it runs, and is in trouble");
    let Decision::Perform(effect @ Effect::Revert { .. }) = scene.decide() else { panic!() };
    scene.fold(NOW - 50, Event::Intended { effect });
    assert_eq!(ended(&scene), None, "its undoing is asked for");
}

#[test]
fn what_answered_before_a_change_is_told_while_it_is_in_flight_or_where_it_was_not_kept() {
    let handed = || ChangeResult::HandedOver { why: "somebody has to look".to_owned() };
    for (result, expected) in
        [(ChangeResult::Kept, false), (ChangeResult::Reverted { commit: sha('e') }, true), (handed(), true)]
    {
        let mut scene = Scene::new(ONE);
        scene.recon.services = Some(std::collections::BTreeMap::new());
        assert!(scene.state.without_endpoints().is_none());
        let change = scene.merge(NOW - 1_000, true);
        assert!(scene.state.without_endpoints().is_some(), "in flight");
        scene.rolled_out(change, NOW - 900);
        assert!(scene.state.without_endpoints().is_some(), "it has not ended");
        let ended = Event::ChangeEnded { change, result: result.clone(), gate: Verdict::Green };
        scene.fold(NOW - 800, ended);
        assert_eq!(scene.state.without_endpoints().is_some(), expected, "{result:?}");
    }
}

#[test]
fn an_undoing_stops_what_is_stuck_refreshes_syncs_settles_and_holds() {
    let (mut scene, change) = reverted();
    scene.stuck = vec![echo()];
    assert_eq!(scene.says(), "terminate");
    scene.stuck.clear();
    assert_eq!(scene.says(), "refresh", "what was asked before says nothing about the revert");
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    assert_eq!(scene.says(), "wait");
    scene.idle_out_of_sync = vec![echo()];
    assert_eq!(scene.says(), "sync", "nothing starts by itself");
    let synced = |scene: &mut Scene, outcome: Outcome| {
        let Decision::Perform(effect) = scene.decide() else { panic!("{:?}", scene.decide()) };
        let step = scene.fold(NOW - 30, Event::Intended { effect });
        scene.fold(NOW - 30, Event::Ended { step, outcome });
    };
    // It changed while it was asked: once more.
    synced(&mut scene, Outcome::NotYet { why: "it changed meanwhile".to_owned() });
    assert_eq!(scene.says(), "sync");
    synced(&mut scene, Outcome::Done { detail: String::new() });
    assert_eq!(scene.says(), "wait", "once is enough");
    // Each of them has its own.
    let cart = ObjectRef::new("Application", "argocd", "cart");
    scene.idle_out_of_sync.push(cart.clone());
    assert!(
        matches!(scene.decide(), Decision::Perform(Effect::Sync { application, .. }) if application == cart)
    );
    scene.idle_out_of_sync.pop();
    scene.clock = NOW - 21;
    assert_eq!(scene.says(), "wait", "it gets a moment to start");
    scene.clock = NOW;
    scene.idle_out_of_sync.clear();
    scene.change_rollout = Some((done(), at(NOW)));
    assert_eq!(scene.says(), "note rolled-out");
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "wait", "the trouble is still there");
    scene.well(NOW);
    assert_eq!(scene.says(), "wait", "not settled");
    scene.clock = NOW + 60;
    assert_eq!(scene.says(), "note held change-ended escalated waits");
    let decision = scene.decide();
    assert!(matches!(result(&decision), Some(ChangeResult::Reverted { .. })));
    scene.noted(decision);
    scene.change_rollout = None;
    scene.head_rollout = done();
    assert_eq!(scene.state.holds.len(), 1);
    assert_eq!(scene.says(), "call", "a person comes before anything new");
    let step = scene.fold(NOW + 60, Event::Intended { effect: Effect::CallPerson });
    scene.fold(NOW + 60, Event::Ended { step, outcome: Outcome::Done { detail: String::new() } });
    assert_eq!(scene.says(), "merge 7", "what does not depend on it goes on");
}

#[test]
fn an_undoing_that_a_window_keeps_back_is_waited_for_or_told() {
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.watch = watched_since(NOW - 7200);
    scene.change_rollout = Some((kept_back(Some(at(NOW + 9000))), at(NOW - 50)));
    scene.clock = NOW + 7200;
    scene.kept_back = Some(at(scene.clock));
    assert_eq!(scene.says(), "wait", "for hours");
    scene.change_rollout = Some((kept_back(None), at(NOW - 50)));
    assert_eq!(scene.says(), "note held change-ended escalated waits");
}

#[test]
fn a_pod_that_keeps_its_set_from_going_back_is_ended_where_that_is_allowed() {
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    let pod = ObjectRef::new("Pod", "web", "db-1");
    let set = ObjectRef::new("StatefulSet", "web", "db");
    scene.blocking = vec![BlockingPod::for_test(pod.clone(), set.clone(), "u1")];
    scene.clock = NOW - 21;
    assert_eq!(scene.says(), "wait", "the controller may still do it");
    scene.clock = NOW;
    for attempt in 0..3 {
        assert_eq!(scene.says(), "delete Pod web/db-1", "{attempt}");
        let Decision::Perform(effect) = scene.decide() else { panic!() };
        let step = scene.fold(NOW, Event::Intended { effect });
        scene.fold(NOW, Event::Ended { step, outcome: Outcome::NotYet { why: "it changed".to_owned() } });
    }
    assert_eq!(scene.says(), "wait", "not for ever");
    scene.blocking = vec![BlockingPod::for_test(pod, set.clone(), "u2")];
    assert_eq!(scene.says(), "wait", "nor as often as it comes again");
    let other = ObjectRef::new("Pod", "web", "db-0");
    scene.blocking.push(BlockingPod::for_test(other, set, "u3"));
    assert_eq!(scene.says(), "delete Pod web/db-0");

    scene.deletion = Deletion::Off;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 3_600;
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let said = format!("{events:?}");
    assert!(said.contains("kubectl -n web delete pod db-1"), "{said}");
}

#[test]
fn an_undoing_that_is_refused_or_never_happens_is_a_persons() {
    let undo = |outcome: Outcome, times: usize| {
        let mut scene = condemned(attributed());
        for _ in 0..times {
            let Decision::Perform(effect @ Effect::Revert { .. }) = scene.decide() else {
                panic!("no revert")
            };
            let step = scene.fold(NOW - 50, Event::Intended { effect });
            scene.fold(NOW - 49, Event::Ended { step, outcome: outcome.clone() });
            // It is rolled out still: judged anew before anything else.
            while let Decision::Note(events) = scene.decide() {
                if events.iter().any(|event| matches!(event, Event::Escalated { .. })) {
                    break;
                }
                for event in events {
                    scene.fold(NOW - 48, event);
                }
            }
        }
        scene
    };
    let refused = Outcome::Refused { why: "Chart.yaml was changed since the merge".to_owned() };
    is_handed_over(&undo(refused, 1), "was changed since the merge");
    let not_yet = Outcome::NotYet { why: "the forge does not answer".to_owned() };
    assert_eq!(undo(not_yet.clone(), 2).says(), "revert");
    is_handed_over(&undo(not_yet, 3), "the forge does not answer");
    // No answer at all is no refusal: it is tried again after a pause, for half an hour.
    let mut scene = condemned(attributed());
    let mut tries = 0;
    while scene.clock <= NOW + 3600 {
        match scene.decide() {
            Decision::Perform(effect @ Effect::Revert { .. }) => {
                let step = scene.fold(scene.clock, Event::Intended { effect });
                let outcome = Outcome::Unanswered { why: "status 502".to_owned() };
                scene.fold(scene.clock, Event::Ended { step, outcome });
                tries += 1;
            }
            decision if result(&decision).is_some() => break,
            Decision::Note(events) => {
                for event in events {
                    scene.fold(scene.clock, event);
                }
            }
            Decision::Wait(_) => scene.clock += 10,
            other => panic!("{other:?}"),
        }
    }
    is_handed_over(&scene, "status 502");
    assert!((1800..=2100).contains(&(scene.clock - NOW)), "{}", scene.clock - NOW);
    assert!((6..=20).contains(&tries), "{tries}");
}

#[test]
fn an_undoing_that_does_not_help_is_a_persons() {
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.clock = NOW + 250;
    scene.change_rollout = Some((looks_by(NOW + 251), at(NOW - 50)));
    assert_eq!(scene.says(), "wait", "nothing can move before");
    scene.change_rollout = Some((waiting(), at(NOW - 50)));
    assert_eq!(scene.says(), "note held change-ended escalated waits");
    scene.change_rollout = Some((done(), at(NOW - 50)));
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 549;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 550;
    assert_eq!(scene.says(), "note held change-ended escalated waits");
}

#[test]
fn an_undoing_ends_at_a_maximum_whatever_moves() {
    let badly = "note held change-ended escalated waits";
    // The rollout moves for ever.
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.clock = NOW - 50 + 1799;
    scene.change_rollout = Some((waiting(), at(scene.clock)));
    assert_eq!(scene.says(), "wait");
    scene.clock += 1;
    assert_eq!(scene.says(), badly);
    // So does an operation that cannot be stopped.
    scene.stuck = vec![echo()];
    assert_eq!(scene.says(), badly);
    // The layers come and go for ever.
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.change_rollout = Some((done(), at(NOW)));
    scene.clock = NOW;
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 1799;
    scene.well(NOW + 1798);
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 1800;
    assert_eq!(scene.says(), badly);
}

#[test]
fn an_operation_is_stopped_three_times_and_then_waited_for() {
    let (mut scene, _) = reverted();
    scene.stuck = vec![echo()];
    for _ in 0..3 {
        let Decision::Perform(effect @ Effect::Terminate { .. }) = scene.decide() else {
            panic!("{:?}", scene.decide())
        };
        let step = scene.fold(NOW, Event::Intended { effect });
        let outcome = Outcome::NotYet { why: "409".to_owned() };
        scene.fold(NOW, Event::Ended { step, outcome });
    }
    assert_eq!(scene.says(), "refresh");
}

#[test]
fn that_an_undoing_was_not_seen_in_time_is_said_before_and_at_its_end() {
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.well(NOW - 40);
    scene.change_rollout = Some((looks_by(NOW + 3000), at(NOW - 400)));
    let Decision::Wait(Waiting::World(why)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let end = at(NOW - 50 + 1800).strftime("a person is called at %Y-%m-%d %H:%M UTC").to_string();
    assert!(why.contains(&end), "{why}");
    scene.change_rollout = Some((looks_by(NOW + 300), at(NOW - 400)));
    let Decision::Wait(Waiting::World(why)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(!why.contains("a person is called"), "{why}");
    scene.change_rollout = Some((looks_by(NOW + 3000), at(NOW - 400)));
    scene.clock = NOW - 50 + 1800;
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let said = |event: &Event| match event {
        Event::Escalated { why, .. } => Some(why.clone()),
        _ => None,
    };
    let why = events.iter().find_map(said).expect("a person is called");
    assert!(why.contains("not seen in time") && !why.contains("did not come back"), "{why}");
}

#[test]
fn an_undoing_is_given_the_time_in_which_a_newer_answer_comes() {
    let (mut scene, change) = reverted();
    let rolled_out =
        Event::RolledOut { change, commit: sha('e'), seconds: 1.0, watchers: 3, affected: Vec::new() };
    scene.fold(NOW - 20, rolled_out);
    scene.change_rollout = Some((done(), at(NOW - 20)));
    scene.fold(NOW - 10, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    let mut old = super::finding(Probe::Ceph, Verdict::Unknown);
    NOT_LOOKED_SINCE.clone_into(&mut old.id.rule);
    scene.recon = super::recon(&[old]);
    scene.green_since = None;
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "wait", "it comes within ten minutes");
    scene.clock = NOW + 600;
    is_handed_over_as_undone(&scene, "these have not looked since");
}

fn is_handed_over_as_undone(scene: &Scene, words: &str) {
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let told =
        events.iter().any(|event| matches!(event, Event::Escalated { why, .. } if why.contains(words)));
    assert!(told, "{events:?}");
}
