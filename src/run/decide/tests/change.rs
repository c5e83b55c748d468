//! The change in flight: rollout, trouble.

use super::undoing::reverted;
use super::{NOW, ONE, Scene, at, done, kept_back, proposal, sha, unrelated, waiting, watched_since};
use crate::cluster::ObjectRef;
use crate::health::{Attribution, Probe, Verdict, Watch};
use crate::merge::rollout::{Answer, Question, Refusal, Rollout};
use crate::run::decide::{Decision, Waiting};
use crate::run::event::{ChangeResult, Effect, Event, Outcome};
use crate::run::situation::{Mode, ProposalStanding};
use crate::store::EventId;
use serde_json::json;
use std::time::Duration;

const TWO: &str = "## Tasks\n\n- [ ] **D1 P1 Apps**: Merge PR #6\n- [ ] **D2 P2 Apps**: Merge PR #7\n";

pub(super) fn attributed() -> Attribution {
    Attribution::Attributed("it was changed by it".to_owned())
}

pub(super) fn failed() -> Rollout {
    Rollout::Failed { failed: vec![(echo(), "one object failed".to_owned())] }
}

pub(super) fn echo() -> ObjectRef {
    ObjectRef::new("Application", "argocd", "echo")
}

/// A merge of a hundred seconds ago that still rolls out.
fn merged() -> (Scene, EventId) {
    let mut scene = Scene::new(TWO);
    let step = scene.merge(NOW - 100, true);
    (scene, step)
}

/// The same, running, and in trouble for so long that every remedy was tried.
pub(super) fn condemned(attribution: Attribution) -> Scene {
    let mut scene = Scene::new(TWO);
    condemn(&mut scene, attribution, true);
    scene
}

fn condemn(scene: &mut Scene, attribution: Attribution, proven: bool) -> EventId {
    let step = scene.merge(NOW - 1000, proven);
    scene.rolled_out(step, NOW - 900);
    scene.trouble(Probe::Pods, Verdict::Red, NOW - 800, attribution);
    scene.clock = NOW - 800;
    let decision = scene.decide();
    scene.noted(decision);
    scene.fold(NOW - 400, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
    scene.clock = NOW;
    step
}

pub(super) fn result(decision: &Decision) -> Option<&ChangeResult> {
    let Decision::Note(events) = decision else { return None };
    events.iter().find_map(|event| match event {
        Event::ChangeEnded { result, .. } => Some(result),
        _ => None,
    })
}

#[track_caller]
pub(super) fn is_handed_over(scene: &Scene, words: &str) {
    let decision = scene.decide();
    match result(&decision) {
        Some(ChangeResult::HandedOver { why }) => assert!(why.contains(words), "{why}"),
        _ => panic!("not handed over: {decision:?}"),
    }
}

#[test]
fn a_rollout_is_waited_for_and_a_time_out_never_reverts() {
    let (mut scene, _) = merged();
    assert_eq!(scene.says(), "wait");
    scene.change_rollout = Some((waiting(), at(NOW - 299)));
    assert_eq!(scene.says(), "wait", "there was progress a moment ago");
    scene.change_rollout = Some((waiting(), at(NOW - 300)));
    is_handed_over(&scene, "did not finish in time");
    scene.change_rollout = Some((Rollout::Unknown { why: "nobody".to_owned() }, at(NOW - 300)));
    is_handed_over(&scene, "did not finish in time");
    let mut scene = Scene::new(ONE);
    scene.merge(NOW - 1800, true);
    scene.change_rollout = Some((waiting(), at(NOW - 1)));
    is_handed_over(&scene, "did not finish in time");
    scene.change_rollout = Some((done(), at(NOW - 1)));
    assert_eq!(scene.says(), "note rolled-out");
}

#[test]
fn who_was_not_asked_is_and_who_could_not_be_is_asked_again() {
    let (mut scene, step) = merged();
    let set = ObjectRef::new("ApplicationSet", "argocd", "charts");
    let answer = |second: i64, why: Option<&str>| {
        let refused = why.map(|why| Refusal { why: why.to_owned(), forbidden: true });
        Answer { object: set.clone(), question: Question::Look, at: at(second), made_at: None, refused }
    };
    let asked = |scene: &mut Scene, second: i64, failed: Option<&str>, asked: Vec<Answer>| {
        scene.clock = second;
        let failed = failed.map(str::to_owned);
        scene.fold(second, Event::Refreshed { change: step, hard: false, failed, asked });
    };
    assert_eq!(scene.says(), "wait");
    // As older versions wrote it.
    let refused = json!({"event": "refreshed", "change": step, "hard": false, "failed": "403"});
    scene.fold(NOW - 59, serde_json::from_value(refused).unwrap());
    scene.unasked = Some(set.clone());
    assert_eq!(scene.says(), "wait", "a moment ago it could not be");
    scene.clock = NOW + 1;
    assert_eq!(scene.says(), "refresh");
    asked(&mut scene, NOW + 1, None, Vec::new());
    assert_eq!(scene.says(), "refresh", "one has shown who was not asked");
    asked(&mut scene, NOW + 2, None, vec![answer(NOW + 2, None)]);
    scene.unasked = None;
    scene.clock = NOW + 30;
    assert_eq!(scene.says(), "wait", "that was done");
    // One that refuses now is asked again, and was asked all the same.
    asked(&mut scene, NOW + 30, None, vec![answer(NOW + 30, Some("403"))]);
    assert_eq!(scene.says(), "wait", "a moment ago it could not be");
    scene.clock = NOW + 90;
    assert_eq!(scene.says(), "refresh");
    let known = |scene: &Scene| scene.state.change.as_ref().unwrap().asked[&set].clone();
    assert_eq!(known(&scene).at, Some(at(NOW + 2)));
    assert_eq!(known(&scene).refused.map(|refused| refused.why), Some("403".to_owned()));
    // Not for ever: a right that is missing stays so.
    for second in 0..20 {
        asked(&mut scene, NOW + 90 + second, None, vec![answer(NOW + 90 + second, Some("403"))]);
    }
    scene.clock = NOW + 180;
    assert_eq!(scene.says(), "wait");
    // Nor whoever shows: what is synced for ever makes its sets anew for ever.
    scene.unasked = Some(set.clone());
    assert_eq!(scene.says(), "wait");
    // But whom nobody ever asked, however many there were before.
    scene.unasked = Some(ObjectRef::new("HelmRelease", "apps", "shop"));
    assert_eq!(scene.says(), "refresh");
    asked(&mut scene, NOW + 180, None, Vec::new());
    assert_eq!(scene.says(), "wait", "no more often than that");
    scene.clock = NOW + 240;
    assert_eq!(scene.says(), "refresh");
}

#[test]
fn a_rollout_on_its_way_says_who_is_waited_for() {
    let (scene, _) = merged();
    let Decision::Wait(Waiting::World(why)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(why.contains("runs everywhere: "), "{why}");
}

/// A set that could not be asked, and that looks by itself then.
pub(super) fn looks_by(second: i64) -> Rollout {
    Rollout::Waiting {
        on: vec![("ApplicationSet argocd/charts".to_owned(), "it could not be asked to look".to_owned())],
        progress: "1".to_owned(),
        shut: None,
        until: Some(at(second)),
    }
}

#[test]
fn who_looks_by_himself_is_waited_for_until_he_has_and_a_person_knows_where_that_is_too_late() {
    let (mut scene, _) = merged();
    let told = |scene: &Scene| {
        let Decision::Wait(Waiting::World(why)) = scene.decide() else { panic!("{:?}", scene.decide()) };
        why
    };
    // Nothing has moved for longer than a rollout may show no progress, and nothing can.
    scene.change_rollout = Some((looks_by(NOW + 300), at(NOW - 400)));
    assert!(!told(&scene).contains("a person is called"), "{}", told(&scene));
    scene.clock = NOW + 299;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 300;
    is_handed_over(&scene, "did not finish in time");
    // The maximum holds all the same, which is said as soon as it is known.
    scene.clock = NOW;
    scene.change_rollout = Some((looks_by(NOW + 3000), at(NOW - 400)));
    let at_most = at(NOW - 100 + 1800).strftime("a person is called at %Y-%m-%d %H:%M UTC").to_string();
    assert!(told(&scene).contains(&at_most), "{}", told(&scene));
    scene.clock = NOW - 100 + 1800;
    is_handed_over(&scene, "did not finish in time");
}

#[test]
fn whoever_was_not_asked_for_a_change_that_ended_so_has_not_looked_because_its_commit_is_the_head() {
    let (mut scene, step) = merged();
    let set = ObjectRef::new("ApplicationSet", "argocd", "charts");
    let refused = Some(Refusal { why: "403".to_owned(), forbidden: true });
    let answer =
        Answer { object: set.clone(), question: Question::Look, at: at(NOW - 50), made_at: None, refused };
    scene.fold(NOW - 50, Event::Refreshed { change: step, hard: false, failed: None, asked: vec![answer] });
    assert_eq!(scene.state.unseen(&sha('c')), None, "it is followed");
    scene.change_rollout = Some((waiting(), at(NOW - 300)));
    let decision = scene.decide();
    scene.noted(decision);
    let asking = scene.state.unseen(&sha('c')).expect("nobody saw it everywhere");
    assert_eq!((asking.since, asking.over), (at(NOW - 100), true));
    assert!(asking.asked[&set].refused.is_some(), "{asking:?}");
    assert_eq!(scene.state.unseen(&sha('d')), None, "another head is another's");
    // A person says that it is.
    let key = scene.state.merges[0].plan.key.clone();
    let outcome = crate::run::event::TaskOutcome::Done;
    scene.fold(NOW, Event::TaskEnded { key, outcome, note: String::new() });
    assert_eq!(scene.state.unseen(&sha('c')), None);

    // Whoever saw it everywhere needs nobody to have been asked.
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 90);
    scene.mismatches = vec!["another version runs".to_owned()];
    scene.clock = NOW + 1000;
    let decision = scene.decide();
    assert!(matches!(result(&decision), Some(ChangeResult::HandedOver { .. })), "{decision:?}");
    scene.noted(decision);
    assert_eq!(scene.state.unseen(&sha('c')), None);

    // Nor where it is to be undone after that, and cannot be.
    let mut scene = condemned(attributed());
    let Decision::Perform(effect @ Effect::Revert { .. }) = scene.decide() else { panic!("no revert") };
    let step = scene.fold(NOW - 50, Event::Intended { effect });
    scene.fold(NOW - 50, Event::Ended { step, outcome: Outcome::RevertProposed { proposal: proposal() } });
    scene.proposal = Some(ProposalStanding::NeedsPerson("a review".to_owned()));
    let decision = scene.decide();
    assert!(matches!(result(&decision), Some(ChangeResult::HandedOver { .. })), "{decision:?}");
    scene.noted(decision);
    assert_eq!(scene.state.unseen(&sha('c')), None);

    // An undoing that nobody saw end.
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.clock = NOW + 250;
    let decision = scene.decide();
    assert!(matches!(result(&decision), Some(ChangeResult::Reverted { .. })), "{decision:?}");
    scene.noted(decision);
    assert_eq!(scene.state.unseen(&sha('e')).map(|asking| asking.since), Some(at(NOW - 50)));
    assert_eq!(scene.state.unseen(&sha('c')), None);
}

#[test]
fn what_a_window_keeps_back_is_waited_for_without_the_clock() {
    let mut scene = Scene::new(ONE);
    scene.merge(NOW - 30_000, true);
    // For hours, and none of them counted.
    scene.watch = watched_since(NOW - 30_000);
    scene.change_rollout = Some((kept_back(Some(at(NOW + 3600))), at(NOW - 30_000)));
    scene.kept_back = Some(at(NOW));
    let Decision::Wait(Waiting::World(why)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(why.contains("of project default is closed until"), "{why}");
    // It opened: what a rollout is given begins then.
    scene.clock = NOW + 200;
    scene.change_rollout = Some((waiting(), at(NOW - 30_000)));
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 300;
    is_handed_over(&scene, "did not finish in time");
    // That it never opens is said at once.
    scene.clock = NOW;
    scene.change_rollout = Some((kept_back(None), at(NOW)));
    is_handed_over(&scene, "does not open within 8 days");
    // What broke meanwhile is judged all the same.
    scene.change_rollout = Some((kept_back(Some(at(NOW + 3600))), at(NOW - 30_000)));
    scene.trouble(Probe::Pods, Verdict::Red, NOW - 800, attributed());
    assert_eq!(scene.says(), "note trouble");
}

#[test]
fn what_is_wrong_is_judged_even_when_its_rollout_timed_out() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 5000, true);
    scene.change_rollout = Some((waiting(), at(NOW - 5000)));
    // As after a restart: it is seen for the first time, long after the merge.
    scene.trouble(Probe::Pods, Verdict::Red, NOW, attributed());
    assert_eq!(scene.says(), "note trouble");
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "wait", "it gets its grace time");
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "refresh hard");
    scene.fold(NOW + 300, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
    scene.clock = NOW + 375;
    assert_eq!(scene.says(), "revert");
    scene.trouble(Probe::Pods, Verdict::Red, NOW, Attribution::Suspected("in time".to_owned()));
    is_handed_over(&scene, "nothing ties it");
}

#[test]
fn nothing_else_starts_until_it_is_settled_and_soaked() {
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    for (green, expected) in [
        (None, "wait"),
        // From the rollout on it counts, not from before.
        (Some(NOW - 5000), "wait"),
    ] {
        scene.green_since = green.map(at);
        assert_eq!(scene.says(), expected, "{green:?}");
    }
    scene.clock = NOW + 309;
    assert_eq!(scene.says(), "wait", "60 s to settle and 300 s to soak at medium risk");
    scene.clock = NOW + 310;
    assert_eq!(scene.says(), "note change-ended task-ended");
    let decision = scene.decide();
    assert_eq!(result(&decision), Some(&ChangeResult::Kept));
    scene.noted(decision);
    scene.change_rollout = None;
    assert_eq!(scene.says(), "merge 7");
}

#[test]
fn what_runs_must_be_what_was_promised() {
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    scene.mismatches = vec!["echo runs 1 instead of 2".to_owned()];
    scene.clock = NOW + 400;
    is_handed_over(&scene, "not what the pull request says");
}

#[test]
fn what_runs_still_outside_of_the_folders_is_told_and_holds_nothing() {
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    scene.left_behind = vec!["echo runs 1 instead of 2".to_owned()];
    scene.clock = NOW + 400;
    let decision = scene.decide();
    assert_eq!(result(&decision), Some(&ChangeResult::Kept));
    let Decision::Note(events) = decision else { panic!("{decision:?}") };
    let told = events.iter().any(
        |event| matches!(event, Event::TaskEnded { note, .. } if note.contains("echo runs 1 instead of 2")),
    );
    assert!(told, "{events:?}");
}

#[test]
fn trouble_is_noted_waited_out_refreshed_and_only_then_undone() {
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 1000, true);
    scene.rolled_out(step, NOW - 900);
    scene.trouble(Probe::Pods, Verdict::Red, NOW - 800, attributed());
    scene.clock = NOW - 800;
    assert_eq!(scene.says(), "note trouble");
    let decision = scene.decide();
    scene.noted(decision);
    for (clock, expected) in [(NOW - 501, "wait"), (NOW - 500, "refresh hard")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "{clock}");
    }
    scene.fold(NOW - 500, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
    for (clock, expected) in [(NOW - 426, "wait"), (NOW - 425, "revert")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "{clock}");
    }
    // Where something is out of sync and nothing happens, one sync comes before.
    scene.idle_out_of_sync = vec![echo()];
    assert_eq!(scene.says(), "sync");
    let Decision::Perform(effect) = scene.decide() else { panic!() };
    let sync = scene.fold(NOW - 420, Event::Intended { effect });
    scene.fold(NOW - 420, Event::Ended { step: sync, outcome: Outcome::Done { detail: String::new() } });
    for (clock, expected) in [(NOW - 346, "wait"), (NOW - 345, "revert")] {
        scene.clock = clock;
        assert_eq!(scene.says(), expected, "one sync, not two, and the time that it takes: {clock}");
    }
    scene.well(NOW - 400);
    assert_eq!(scene.says(), "note trouble-over", "it healed");
}

#[test]
fn what_nobody_syncs_by_itself_is_synced_once_where_the_settings_say_so() {
    let (mut scene, step) = merged();
    let waits = Rollout::Waiting {
        on: vec![("echo".to_owned(), "OutOfSync".to_owned())],
        progress: String::new(),
        shut: None,
        until: None,
    };
    scene.change_rollout = Some((waits, at(NOW - 5)));
    assert_eq!(scene.says(), "wait");
    scene.manual = vec![echo()];
    assert_eq!(scene.says(), "sync");
    // What came in since then was not asked for.
    scene.head = sha('d');
    assert_eq!(scene.says(), "wait");
    scene.head = sha('c');
    scene.mode = Mode::Observe;
    assert_eq!(scene.says(), "wait");
    scene.mode = Mode::Auto;
    let Decision::Perform(effect) = scene.decide() else { panic!() };
    assert!(matches!(&effect, Effect::Sync { change, .. } if *change == step));
    let sync = scene.fold(NOW, Event::Intended { effect });
    scene.fold(NOW, Event::Ended { step: sync, outcome: Outcome::Done { detail: String::new() } });
    assert_eq!(scene.says(), "wait", "once");
}

#[test]
fn a_failed_sync_is_undone_after_the_same_remedies() {
    let (mut scene, step) = merged();
    scene.change_rollout = Some((failed(), at(NOW - 90)));
    assert_eq!(scene.says(), "note trouble");
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "refresh hard");
    scene.fold(NOW + 300, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
    scene.clock = NOW + 375;
    assert_eq!(scene.says(), "revert");
    // It may have failed for a passing reason: one sync, and never of what is not the head any more.
    scene.idle_out_of_sync = vec![ObjectRef::new("Application", "argocd", "other"), echo()];
    scene.head = sha('d');
    is_handed_over(&scene, "other commits came in");
    scene.head = sha('c');
    let Decision::Perform(Effect::Sync { application, .. }) = scene.decide() else {
        panic!("{:?}", scene.decide())
    };
    assert_eq!(application, echo(), "what failed, and not what else is out of sync");
}

#[test]
fn a_failed_sync_of_what_the_change_does_not_touch_undoes_nothing() {
    let (mut scene, step) = merged();
    let other = ObjectRef::new("Application", "argocd", "other");
    let why = || "a webhook is down".to_owned();
    scene.change_rollout = Some((Rollout::Failed { failed: vec![(other.clone(), why())] }, at(NOW - 90)));
    let decision = scene.decide();
    scene.noted(decision);
    scene.fold(NOW + 300, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
    scene.clock = NOW + 375;
    is_handed_over(&scene, "only suspected");
    // Beside it one of its own fails.
    let both = vec![(other, why()), (echo(), why())];
    scene.change_rollout = Some((Rollout::Failed { failed: both }, at(NOW - 90)));
    assert_eq!(scene.says(), "note trouble");
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 675;
    assert_eq!(scene.says(), "refresh hard", "it gets a grace time and remedies of its own");
    scene.fold(NOW + 675, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
    scene.clock = NOW + 750;
    assert_eq!(scene.says(), "revert");
}

#[test]
fn a_change_ends_although_the_mode_became_observe() {
    // A good one.
    let (mut scene, step) = merged();
    scene.mode = Mode::Observe;
    scene.change_rollout = Some((done(), at(NOW - 50)));
    assert_eq!(scene.says(), "note rolled-out");
    scene.rolled_out(step, NOW - 50);
    scene.clock = NOW + 310;
    assert_eq!(scene.says(), "note change-ended task-ended");
    // A bad one: nothing is changed, and a person is told.
    let mut scene = condemned(attributed());
    scene.mode = Mode::Observe;
    scene.idle_out_of_sync = vec![echo()];
    is_handed_over(&scene, "the mode is observe");
}

#[test]
fn only_what_is_attributed_reversible_and_proven_is_undone() {
    assert_eq!(condemned(attributed()).says(), "revert");
    is_handed_over(&condemned(Attribution::Suspected("in time".to_owned())), "nothing ties it");
    assert_eq!(condemned(unrelated()).says(), "wait");
    let mut scene = condemned(unrelated());
    scene.clock = NOW - 800 + 1800;
    is_handed_over(&scene, "nothing to do with the change");

    let mut scene = Scene::new(ONE);
    scene.pull(6).not_reversible = Some("it keeps state".to_owned());
    condemn(&mut scene, attributed(), true);
    is_handed_over(&scene, "it keeps state");
    let mut scene = Scene::new(ONE);
    condemn(&mut scene, attributed(), false);
    is_handed_over(&scene, "other commits came in");

    let mut scene = condemned(attributed());
    scene.paused = Some("operator");
    assert_eq!(scene.says(), "paused", "a stop holds back an undoing as well");
    scene.paused = None;
    scene.withdrawn = true;
    assert_eq!(scene.says(), "revert", "a withdrawn issue's change is brought to its end");
}

#[test]
fn what_only_takes_its_time_is_never_undone() {
    for rule in ["not-ready", "rolling-out", "unavailable", "not-observed"] {
        // A large image, pulled by node after node: not over, and well on its way.
        let (mut scene, _) = merged();
        scene.change_rollout = Some((waiting(), at(NOW)));
        scene.trouble_by(rule, Probe::Pods, Verdict::Red, NOW - 90, attributed());
        scene.clock = NOW + 290;
        assert_eq!(scene.says(), "wait", "{rule}");
        scene.clock = NOW + 300;
        is_handed_over(&scene, "did not finish in time");
        // Arrived, but for a pod that is not ready yet.
        let (mut scene, step) = merged();
        scene.rolled_out(step, NOW - 50);
        scene.trouble_by(rule, Probe::Pods, Verdict::Yellow, NOW - 90, attributed());
        for (clock, expected) in [(NOW, "wait"), (NOW + 1000, "wait")] {
            scene.clock = clock;
            assert_eq!(scene.says(), expected, "{rule}");
        }
        scene.clock = NOW + 2110;
        is_handed_over(&scene, "no reason to undo it");
    }
    // Beside something that broke it is not what is blamed.
    let mut scene = condemned(attributed());
    scene.trouble_by("not-ready", Probe::Pods, Verdict::Red, NOW - 800, attributed());
    assert_eq!(scene.says(), "note trouble-over");
}

#[test]
fn what_nobody_watched_did_not_take_too_long() {
    // An hour's outage in the soak: everything is well afterwards, and has been for as long as anybody looked.
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    scene.clock = NOW + 3600;
    scene.watch = super::watched_since(NOW + 3600);
    scene.green_since = Some(at(NOW + 3600));
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 3600 + 360;
    assert_eq!(scene.says(), "note change-ended task-ended");
    // In a rollout, and while a change is undone.
    let (mut scene, _) = merged();
    scene.clock = NOW + 3600;
    scene.watch = super::watched_since(NOW + 3600);
    scene.change_rollout = Some((waiting(), at(NOW + 3600)));
    assert_eq!(scene.says(), "wait");
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    scene.clock = NOW + 3600;
    scene.watch = super::watched_since(NOW + 3600);
    scene.change_rollout = Some((waiting(), at(NOW + 3600)));
    assert_eq!(scene.says(), "wait");
}

/// Looks so many seconds apart, from some time before the merge until now.
fn looks_apart(scene: &mut Scene, seconds: i64) {
    scene.watch = Watch::default();
    let mut look = NOW - 500;
    while look <= scene.clock {
        scene.watch.look(at(look), Duration::from_mins(1));
        look += seconds;
    }
}

#[test]
fn what_cannot_be_watched_closely_enough_is_a_persons_and_never_undone() {
    // Twice the 60 s to settle, the 300 s to soak and the 1800 s of maximum.
    const BOUND: i64 = 2 * 2160;
    // It rolls out, and there is always some progress.
    let (mut scene, _) = merged();
    for (apart, late, expected) in [(70, -1, "wait"), (70, 0, "handed over"), (10, 0, "handed over")] {
        scene.clock = NOW - 100 + BOUND + late;
        scene.change_rollout = Some((waiting(), at(scene.clock)));
        looks_apart(&mut scene, apart);
        match (expected, apart) {
            ("wait", _) => assert_eq!(scene.says(), "wait"),
            (_, 70) => is_handed_over(&scene, "too far apart"),
            // A close watch ended long before, by its own maximum.
            _ => is_handed_over(&scene, "did not finish in time"),
        }
    }
    // It is GREEN at each look, and never for long enough.
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW);
    scene.green_since = None;
    for (late, expected) in [(-1, false), (0, true)] {
        scene.clock = NOW + BOUND + late;
        looks_apart(&mut scene, 70);
        if expected {
            is_handed_over(&scene, "too far apart");
        } else {
            assert_eq!(scene.says(), "wait");
        }
    }
    // It made something worse, which nobody has watched for a grace time.
    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 100, true);
    scene.rolled_out(step, NOW);
    scene.trouble(Probe::Pods, Verdict::Red, NOW + 10, attributed());
    scene.clock = NOW + 10;
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + BOUND - 1;
    looks_apart(&mut scene, 70);
    assert_eq!(scene.says(), "wait", "no grace time has passed");
    scene.clock = NOW + BOUND;
    looks_apart(&mut scene, 70);
    is_handed_over(&scene, "too far apart");
    // Neither does an undoing go on for ever.
    let (mut scene, change) = reverted();
    scene.fold(NOW - 49, Event::Refreshed { change, hard: false, failed: None, asked: Vec::new() });
    for (clock, expected) in
        [(NOW - 50 + BOUND - 1, "wait"), (NOW - 50 + BOUND, "note held change-ended escalated waits")]
    {
        scene.clock = clock;
        scene.change_rollout = Some((waiting(), at(clock)));
        looks_apart(&mut scene, 70);
        assert_eq!(scene.says(), expected);
    }
}

#[test]
fn a_night_in_which_nobody_was_there_is_not_counted() {
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    looks_apart(&mut scene, 10);
    scene.clock = NOW + 36_000;
    scene.watch.look(at(scene.clock), Duration::from_mins(1));
    scene.green_since = Some(at(scene.clock));
    assert_eq!(scene.says(), "wait");
    scene.clock += 360;
    assert_eq!(scene.says(), "note change-ended task-ended");
}

#[test]
fn what_comes_and_goes_is_named_where_a_person_has_to_look() {
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    scene.clock = NOW + 36_000;
    scene.trouble_by("progressing", Probe::ArgoCd, Verdict::Yellow, scene.clock, attributed());
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let named = events.iter().any(|event| {
        matches!(event, Event::Escalated { evidence, .. } if evidence.iter().any(|line| line.contains("echo")))
    });
    assert!(named, "{events:?}");
}

#[test]
fn those_that_a_change_touched_are_asked_to_look_at_what_became_of_it_once() {
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW - 50);
    let mut old = super::finding(Probe::ArgoCd, Verdict::Unknown);
    crate::health::NOT_LOOKED_SINCE.clone_into(&mut old.id.rule);
    scene.recon = super::recon(&[old]);
    scene.green_since = None;
    assert_eq!(scene.says(), "refresh");
    scene.mode = Mode::Observe;
    assert_eq!(scene.says(), "wait", "who looks on asks nobody");
    scene.mode = Mode::Auto;
    scene.fold(NOW, Event::Refreshed { change: step, hard: false, failed: None, asked: Vec::new() });
    assert_eq!(scene.says(), "wait", "once: they look by themselves as well");
}

#[test]
fn what_only_informed_before_and_blocks_now_is_trouble() {
    // A gate that is closed lets nothing begin; a finding that only informs may have been there, and hides nothing.
    let mut scene = Scene::new(ONE);
    let mut known = super::finding(Probe::Pods, Verdict::Yellow);
    known.informational = true;
    scene.recon = super::recon(std::slice::from_ref(&known));
    scene.recon.probes.iter_mut().for_each(|probe| probe.verdict = Verdict::Green);
    let step = scene.merge(NOW - 1000, true);
    scene.rolled_out(step, NOW - 900);
    known.informational = false;
    scene.recon = super::recon(&[known]);
    scene.green_since = None;
    assert_eq!(scene.says(), "note trouble");
}

#[test]
fn what_never_settles_is_a_persons_after_a_maximum() {
    // 60 s to settle, 300 s to soak and 1800 s of maximum at medium risk, from the rollout on.
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW);
    scene.green_since = None;
    scene.clock = NOW + 2159;
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 2160;
    is_handed_over(&scene, "no reason to undo it");
    // One that comes and goes is caught in a moment in which it is gone.
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW);
    let mut clock = NOW;
    let mut troubles = 0;
    let ended = loop {
        assert!(clock < NOW + 10_000, "silent for ever");
        clock += 100;
        scene.clock = clock;
        if (clock / 100) % 2 == 0 {
            scene.trouble(Probe::Pods, Verdict::Red, clock, attributed());
        } else {
            scene.well(clock);
        }
        let decision = scene.decide();
        assert!(!matches!(decision, Decision::Perform(Effect::Revert { .. })), "nothing lasted");
        if result(&decision).is_some() {
            break decision;
        }
        if matches!(decision, Decision::Note(_)) {
            troubles += 1;
            scene.noted(decision);
        }
    };
    assert!(troubles > 10, "each time it came and went was written down: {troubles}");
    assert!(matches!(result(&ended), Some(ChangeResult::HandedOver { .. })));
    // GREEN for long enough at the very end is GREEN for long enough.
    let (mut scene, step) = merged();
    scene.rolled_out(step, NOW);
    scene.clock = NOW + 2160;
    scene.green_since = Some(at(NOW + 1800));
    assert_eq!(scene.says(), "note change-ended task-ended");
}

#[test]
fn what_cannot_be_judged_undoes_nothing() {
    let suspected = Attribution::Suspected("it was well before".to_owned());
    for attribution in [attributed(), suspected, unrelated()] {
        let mut scene = Scene::new(ONE);
        let step = scene.merge(NOW - 1000, true);
        scene.rolled_out(step, NOW - 900);
        scene.trouble(Probe::ArgoCd, Verdict::Unknown, NOW - 800, attribution);
        scene.clock = NOW - 800;
        let decision = scene.decide();
        scene.noted(decision);
        let asked = Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() };
        scene.fold(NOW - 400, asked);
        scene.clock = NOW - 800 + 1799;
        assert_eq!(scene.says(), "wait");
        scene.clock = NOW - 800 + 1800;
        is_handed_over(&scene, "cannot be judged");
    }
}

#[test]
fn findings_that_have_gone_give_later_ones_their_own_grace() {
    let (mut scene, _) = merged();
    scene.trouble(Probe::Pods, Verdict::Red, NOW - 400, attributed());
    scene.change_rollout = Some((waiting(), at(NOW)));
    let decision = scene.decide();
    scene.noted(decision);
    scene.well(NOW);
    assert_eq!(scene.says(), "note trouble-over", "while it still rolls out");
}

#[test]
fn nothing_is_asked_of_watchers_that_do_not_exist() {
    let nobody = || Rollout::Done { watchers: 0, affected: Vec::new() };
    let mut scene = Scene::new(ONE);
    let Decision::Perform(effect) = scene.decide() else { panic!() };
    let step = scene.fold(NOW, Event::Intended { effect });
    let outcome =
        Outcome::Merged { commit: sha('c'), at: at(NOW), proven: true, ours: true, left_open: false };
    scene.fold(NOW, Event::Ended { step, outcome });
    scene.head = sha('c');
    scene.change_rollout = Some((nobody(), at(NOW)));
    assert_eq!(scene.says(), "note rolled-out", "no refresh");
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.state.merges[0].rollout_seconds, None, "nothing was seen to roll out");
    let decision = scene.decide();
    assert!(
        matches!(&decision, Decision::Wait(super::Waiting::World(why)) if why.contains("is merged") && !why.contains("runs")),
        "{decision:?}"
    );
    scene.trouble(Probe::Pods, Verdict::Red, NOW, attributed());
    let decision = scene.decide();
    scene.noted(decision);
    scene.clock = NOW + 300;
    assert_eq!(scene.says(), "revert", "there is no remedy to ask Argo CD for");
}
