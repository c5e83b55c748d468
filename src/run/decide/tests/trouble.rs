//! Several things wrong at once, and what was wrong before.

use super::change::{attributed, echo, failed, is_handed_over};
use super::{NOW, ONE, Scene, at, done, unrelated};
use crate::health::{Attribution, FailedBefore, Probe, Verdict};
use crate::merge::rollout::Rollout;
use crate::run::decide::{Decision, Waiting};
use crate::run::event::{Effect, Event, Outcome};
use crate::store::EventId;

const NODE: (&str, Probe, i64) = ("metal1", Probe::Nodes, NOW - 800);

fn node() -> (&'static str, Probe, i64, Attribution) {
    (NODE.0, NODE.1, NODE.2, unrelated())
}

fn guilty(since: i64) -> (&'static str, Probe, i64, Attribution) {
    ("shop", Probe::Pods, since, attributed())
}

/// A change that runs, with a node that died ten minutes ago and every remedy tried for it.
fn with_a_dead_node() -> (Scene, EventId) {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 1000, true);
    scene.rolled_out(step, NOW - 900);
    scene.troubles(&[node()]);
    scene.clock = NOW - 800;
    let decision = scene.decide();
    scene.noted(decision);
    hard_refresh(&mut scene, step, NOW - 400);
    scene.clock = NOW;
    assert_eq!(scene.says(), "wait", "it may come back");
    (scene, step)
}

fn hard_refresh(scene: &mut Scene, change: EventId, second: i64) {
    scene.fold(second, Event::Refreshed { change, hard: true, failed: None, asked: Vec::new() });
}

#[test]
fn what_shows_later_has_a_grace_time_and_remedies_of_its_own() {
    let (mut scene, step) = with_a_dead_node();
    scene.troubles(&[node(), guilty(NOW)]);
    assert_eq!(scene.says(), "note trouble");
    let decision = scene.decide();
    scene.noted(decision);
    for (clock, expected) in [(NOW, "wait"), (NOW + 299, "wait"), (NOW + 300, "refresh hard")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "{clock}");
    }
    hard_refresh(&mut scene, step, NOW + 300);
    for (clock, expected) in [(NOW + 374, "wait"), (NOW + 375, "revert")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "{clock}");
    }
    scene.idle_out_of_sync = vec![echo()];
    assert_eq!(scene.says(), "sync", "it gets its sync as well");
    scene.idle_out_of_sync.clear();
    // It heals and comes back, while the node is still dead: the journal knows it, and its time begins anew.
    scene.troubles(&[node()]);
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 400;
    scene.troubles(&[node(), guilty(NOW + 400)]);
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 699;
    assert_eq!(scene.says(), "wait");
}

#[test]
fn a_sync_that_fails_later_has_them_as_well() {
    let (mut scene, step) = with_a_dead_node();
    scene.change_rollout = Some((failed(), at(NOW)));
    assert_eq!(scene.says(), "note trouble");
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 299;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "refresh hard");
    hard_refresh(&mut scene, step, NOW + 300);
    scene.clock = NOW + 375;
    assert_eq!(scene.says(), "revert");
}

#[test]
fn a_suspicion_that_shows_later_is_told_after_its_own_grace() {
    let (mut scene, step) = with_a_dead_node();
    let suspected = Attribution::Suspected("it is in a namespace of the shop".to_owned());
    scene.troubles(&[node(), ("cart", Probe::Pods, NOW, suspected)]);
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 299;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "refresh hard");
    hard_refresh(&mut scene, step, NOW + 300);
    scene.clock = NOW + 375;
    is_handed_over(&scene, "it is in a namespace of the shop");
}

/// A change that runs, with something of which only the time speaks from a moment on.
fn with_a_suspicion(since: i64) -> (Scene, EventId) {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(since - 200, true);
    scene.rolled_out(step, since - 100);
    scene.troubles(&[suspicion(since)]);
    scene.clock = since;
    let decision = scene.decide();
    scene.noted(decision);
    (scene, step)
}

fn suspicion(since: i64) -> (&'static str, Probe, i64, Attribution) {
    ("metal1", Probe::Nodes, since, Attribution::Suspected("nothing but the time".to_owned()))
}

#[test]
fn a_suspicion_gives_nothing_to_a_person_while_a_guilty_one_is_in_its_grace() {
    let (mut scene, step) = with_a_suspicion(NOW);
    scene.clock = NOW + 200;
    scene.troubles(&[suspicion(NOW), guilty(NOW + 200)]);
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "refresh hard");
    hard_refresh(&mut scene, step, NOW + 300);
    // They were asked to look since it was seen.
    for (clock, expected) in [(NOW + 375, "wait"), (NOW + 499, "wait"), (NOW + 500, "revert")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "{clock}");
    }
    // It heals: the suspicion is told.
    scene.troubles(&[suspicion(NOW)]);
    is_handed_over(&scene, "nothing but the time");
    // One that never lasts holds nothing back for ever.
    scene.clock = NOW + 1800;
    scene.troubles(&[suspicion(NOW), guilty(NOW + 1799)]);
    is_handed_over(&scene, "nothing but the time");
}

#[test]
fn nor_while_a_failed_sync_is_in_its_grace() {
    let (mut scene, step) = with_a_suspicion(NOW);
    scene.clock = NOW + 200;
    scene.change_rollout = Some((failed(), at(NOW + 200)));
    let decision = scene.decide();
    scene.noted(decision);
    hard_refresh(&mut scene, step, NOW + 300);
    scene.clock = NOW + 375;
    let Decision::Wait(Waiting::World(text)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(text.contains("the sync of ") && text.contains("waiting whether it heals"), "{text}");
    scene.clock = NOW + 500;
    assert_eq!(scene.says(), "revert");
}

#[test]
fn a_sync_that_fails_elsewhere_gives_nothing_to_a_person_either() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 100, true);
    let cart = crate::cluster::ObjectRef::new("Application", "argocd", "cart");
    scene.change_rollout =
        Some((Rollout::Failed { failed: vec![(cart, "another failed".to_owned())] }, at(NOW)));
    let decision = scene.decide();
    scene.noted(decision);
    let Decision::Wait(Waiting::World(text)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(text.contains("another failed"), "{text}");
    scene.clock = NOW + 200;
    scene.troubles(&[guilty(NOW + 200)]);
    let decision = scene.decide();
    scene.noted(decision);
    hard_refresh(&mut scene, step, NOW + 300);
    scene.clock = NOW + 375;
    assert_eq!(scene.says(), "wait");
}

#[test]
fn who_refuses_to_be_asked_keeps_no_bad_version_running() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 100, true);
    scene.troubles(&[guilty(NOW)]);
    scene.clock = NOW + 300;
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "refresh hard");
    let refused =
        |hard| Event::Refreshed { change: step, hard, failed: Some("403".to_owned()), asked: Vec::new() };
    scene.fold(NOW + 300, refused(true));
    // One that refuses is asked again and again.
    scene.fold(NOW + 360, refused(false));
    scene.clock = NOW + 374;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 375;
    assert_eq!(scene.says(), "revert");
}

#[test]
fn what_waits_for_its_node_is_no_suspicion() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 1000, true);
    scene.rolled_out(step, NOW - 900);
    let why = || Attribution::Suspected("it ended with its node".to_owned());
    scene.trouble_by("node-restarted", Probe::Pods, Verdict::Yellow, NOW - 800, why());
    scene.clock = NOW - 800;
    let decision = scene.decide();
    scene.noted(decision);
    hard_refresh(&mut scene, step, NOW - 400);
    scene.clock = NOW;
    let Decision::Wait(Waiting::World(text)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(text.contains("since the change (it ended with its node); waiting"), "{text}");
    scene.clock = NOW - 800 + 1800;
    is_handed_over(&scene, "since the change (it ended with its node), and did not go by itself");
}

#[test]
fn a_grace_time_is_not_counted_twice() {
    // It was wrong for all of it while the change was rolled out, when nothing is written down yet.
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 400, true);
    scene.troubles(&[guilty(NOW - 300)]);
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "refresh hard");
    hard_refresh(&mut scene, step, NOW);
    scene.clock = NOW + 75;
    assert_eq!(scene.says(), "revert");
}

#[test]
fn a_restart_begins_a_grace_anew_and_no_remedy() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 1000, true);
    scene.rolled_out(step, NOW - 900);
    scene.troubles(&[guilty(NOW - 800)]);
    scene.clock = NOW - 800;
    let decision = scene.decide();
    scene.noted(decision);
    hard_refresh(&mut scene, step, NOW - 400);
    // Another process: nobody watched in between.
    scene.watch = super::watched_since(NOW);
    scene.troubles(&[guilty(NOW)]);
    for (clock, expected) in [(NOW, "wait"), (NOW + 299, "wait"), (NOW + 300, "revert")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "{clock}");
    }
    // Gone at its first look, and back: another trouble, as far as anybody knows.
    scene.troubles(&[guilty(NOW + 10)]);
    scene.clock = NOW + 310;
    assert_eq!(scene.says(), "refresh hard");
}

#[test]
fn pods_that_move_while_a_node_is_worked_on_are_waited_for() {
    let (mut scene, _) = with_a_dead_node();
    let dead = scene.recon.blocking().next().unwrap().clone();
    let mut pods = super::finding(Probe::Pods, Verdict::Red);
    "not-ready".clone_into(&mut pods.id.rule);
    scene.recon = super::recon(&[dead, pods.clone()]);
    scene.first_seen.insert(pods.id.clone(), at(NOW - 700));
    scene.attributions.insert(pods.id, Attribution::Suspected("it was well before".to_owned()));
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 400;
    let Decision::Wait(Waiting::World(text)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(text.contains("metal1 is not well, which has nothing to do with the change"), "{text}");
}

#[test]
fn what_is_always_there_and_never_for_long_is_a_persons_after_the_maximum() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 100, true);
    scene.rolled_out(step, NOW - 50);
    for minute in 0..29 {
        scene.clock = NOW + 60 * minute;
        let name = if minute % 2 == 0 { "shop" } else { "cart" };
        scene.troubles(&[(name, Probe::Pods, scene.clock, attributed())]);
        if let decision @ Decision::Note(_) = scene.decide() {
            scene.noted(decision);
        }
        assert_eq!(scene.says(), "wait", "{minute}");
    }
    scene.clock = NOW + 1800;
    scene.troubles(&[("cart", Probe::Pods, scene.clock, attributed())]);
    let decision = scene.decide();
    scene.noted(decision);
    is_handed_over(&scene, "were not GREEN without a break");
}

#[test]
fn each_says_why() {
    let (mut scene, _) = with_a_dead_node();
    let Decision::Wait(Waiting::World(text)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(text.contains("nothing to do with the change (it was so before)"), "{text}");
    let known = scene.state.change.as_ref().unwrap().trouble.clone().unwrap();
    assert_eq!(known.findings[0].why, "it was so before");
    scene.clock = NOW - 800 + 1800;
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let said = format!("{events:?}");
    assert!(said.contains("nothing to do with the change (it was so before); it did not go"), "{said}");
    let Some(Event::Escalated { evidence, .. }) =
        events.iter().find(|event| matches!(event, Event::Escalated { .. }))
    else {
        panic!("{said}")
    };
    assert!(evidence[0].ends_with("(it was so before)"), "{evidence:?}");
}

#[test]
fn a_journal_that_tells_no_reasons_is_read() {
    let written = serde_json::json!({"event": "trouble", "change": 7, "findings": [
        {"id": {"probe": "pods", "rule": "crash-loop", "object": {"kind": "Pod", "namespace": "a", "name": "b"}},
            "message": "m", "evidence": "e"}]});
    let Event::Trouble { findings, failed, .. } = serde_json::from_value(written).unwrap() else { panic!() };
    assert_eq!((findings[0].why.as_str(), findings[0].tied, failed.len()), ("", false, 0));
}

#[test]
fn a_sync_that_had_failed_before_is_told_and_not_undone() {
    const HOOK: &str = "one or more synchronization tasks completed unsuccessfully";
    let retried = "one object failed (retried 5 times).";
    let migrated = format!("{HOOK}, reason: the Job reached its limit");
    for (before, now, words) in [
        ("one object failed", "one object failed", "in the same words"),
        (retried, "one object failed", "in like words"),
        (migrated.as_str(), HOOK, "the Job reached its limit"),
    ] {
        let mut scene = Scene::new(ONE);
        scene.failed_syncs = vec![FailedBefore { application: echo(), why: before.to_owned() }];
        let step = scene.merge(NOW - 100, true);
        let one = || (echo(), now.to_owned());
        scene.change_rollout = Some((Rollout::Failed { failed: vec![one()] }, at(NOW - 90)));
        let decision = scene.decide();
        scene.noted(decision);
        hard_refresh(&mut scene, step, NOW + 300);
        scene.clock = NOW + 375;
        is_handed_over(&scene, "as its newest sync before the change had");
        is_handed_over(&scene, words);
        // One that had not, beside it, is the change's.
        let cart = crate::cluster::ObjectRef::new("Application", "argocd", "cart");
        scene.affected.push(cart.clone());
        let both = [one(), (cart, "another failed".to_owned())];
        scene.change_rollout = Some((Rollout::Failed { failed: both.to_vec() }, at(NOW)));
        assert_eq!(scene.says(), "note trouble");
        let decision = scene.decide();
        scene.noted(decision);
        scene.clock = NOW + 675;
        assert_eq!(scene.says(), "refresh hard");
    }
}

#[test]
fn a_sync_that_had_failed_otherwise_is_undone_as_any() {
    for before in ["one or more synchronization tasks completed unsuccessfully", "two objects failed"] {
        let mut scene = Scene::new(ONE);
        scene.failed_syncs = vec![FailedBefore { application: echo(), why: before.to_owned() }];
        let step = scene.merge(NOW - 100, true);
        scene.change_rollout = Some((failed(), at(NOW - 90)));
        let decision = scene.decide();
        scene.noted(decision);
        hard_refresh(&mut scene, step, NOW + 300);
        scene.clock = NOW + 375;
        assert_eq!(scene.says(), "revert", "{before}");
    }
}

#[test]
fn what_was_there_before_keeps_no_undoing_from_its_end() {
    // Accepted when the merge began; the acceptance has ended since.
    for (now, ends) in [(Verdict::Yellow, true), (Verdict::Red, false)] {
        let mut scene = Scene::new(ONE);
        let mut accepted = super::finding(Probe::Ceph, Verdict::Yellow);
        accepted.informational = true;
        scene.recon = super::recon(std::slice::from_ref(&accepted));
        scene.recon.probes.iter_mut().for_each(|probe| probe.verdict = Verdict::Green);
        let step = scene.merge(NOW - 1000, true);
        scene.rolled_out(step, NOW - 900);
        scene.troubles(&[guilty(NOW - 800)]);
        scene.clock = NOW - 800;
        let decision = scene.decide();
        scene.noted(decision);
        hard_refresh(&mut scene, step, NOW - 400);
        scene.clock = NOW;
        let Decision::Perform(effect @ Effect::Revert { .. }) = scene.decide() else { panic!() };
        let revert = scene.fold(NOW, Event::Intended { effect });
        scene
            .fold(NOW, Event::Ended { step: revert, outcome: Outcome::Reverted { commit: super::sha('e') } });
        scene.fold(NOW, Event::Refreshed { change: step, hard: false, failed: None, asked: Vec::new() });
        scene.head = super::sha('e');
        scene.change_rollout = Some((done(), at(NOW)));
        let decision = scene.decide();
        scene.noted(decision);
        accepted.informational = false;
        accepted.verdict = now;
        scene.recon = super::recon(std::slice::from_ref(&accepted));
        scene.first_seen.insert(accepted.id.clone(), at(NOW));
        scene.clock = NOW + 61;
        assert_eq!(scene.says(), "wait", "what the change broke has not gone for long");
        // The look excuses what was as bad before, and nothing else.
        scene.green_since = ends.then(|| at(NOW + 100));
        scene.clock = NOW + 159;
        assert_eq!(scene.says(), "wait");
        scene.clock = NOW + 160;
        let expected = if ends { "note held change-ended escalated waits" } else { "wait" };
        assert_eq!(scene.says(), expected, "{now}");
        if let Decision::Note(events) = scene.decide() {
            assert!(format!("{events:?}").contains("back to where they were"), "{events:?}");
        }
    }
}
