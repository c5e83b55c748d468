//! How a run stands: withdrawn and taken up again, closed and reopened, effects that fail and fail again, what cannot be
//! read, what is half done elsewhere.

use super::{Decision, NOW, ONE, Scene, Waiting, at, waiting};
use crate::forge::{IssueNumber, PullNumber};
use crate::issue::Left;
use crate::merge::Hold;
use crate::merge::rollout::Rollout;
use crate::run::event::{Effect, Event, Outcome, TaskOutcome};
use crate::run::situation::{Mode, Unread};
use crate::run::windows::Hours;
use std::collections::BTreeMap;

/// One merge beside one closing.
const MIXED: &str = "## Tasks\n\n- [ ] **D1 P0 Apps**: Merge PR #6\n- [ ] **C1 P1 Apps**: Close issue #40\n";

fn end_all(scene: &mut Scene, second: i64) {
    for task in scene.reading.tasks.clone() {
        let note = "done".to_owned();
        scene.fold(second, Event::TaskEnded { key: task.key, outcome: TaskOutcome::Done, note });
    }
}

fn try_to(scene: &mut Scene, second: i64, effect: Effect, outcome: Outcome) {
    let step = scene.fold(second, Event::Intended { effect });
    scene.fold(second, Event::Ended { step, outcome });
}

fn refused() -> Outcome {
    Outcome::NotYet { why: "403".to_owned() }
}

fn done() -> Outcome {
    Outcome::Done { detail: String::new() }
}

fn close() -> Effect {
    Effect::CloseIssue { layers: BTreeMap::new() }
}

#[test]
fn a_run_that_lost_its_label_ends_once_and_is_taken_up_where_it_was() {
    let mut scene = Scene::new(ONE);
    scene.withdrawn = true;
    assert_eq!(scene.says(), "note withdrawn");
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "over");
    scene.withdrawn = false;
    assert_eq!(scene.says(), "note taken-up");
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "merge 6");
    end_all(&mut scene, NOW);
    assert_eq!(scene.says(), "note recon", "only its label was away: it closes as it would have");
}

#[test]
fn what_is_asked_again_by_doing_it_is_held_back_like_any_effect() {
    let key = |scene: &Scene| scene.key("C1");
    let half_done = || {
        let mut scene = Scene::new(MIXED);
        let (key, title) = (key(&scene), "t".to_owned());
        let number = IssueNumber(40);
        scene
            .fold(1, Event::Intended { effect: Effect::CloseRelated { key, number, is_pull: false, title } });
        scene
    };
    assert_eq!(half_done().says(), "confirm");
    let mut scene = half_done();
    scene.mode = Mode::Observe;
    assert!(matches!(scene.decide(), Decision::Wait(Waiting::World(_))), "{}", scene.says());
    let mut scene = half_done();
    scene.paused = Some("operator");
    assert!(matches!(scene.decide(), Decision::Wait(Waiting::Paused(_))), "{}", scene.says());
    let mut scene = half_done();
    scene.withdrawn = true;
    assert_eq!(scene.says(), "note withdrawn");
}

#[test]
fn a_finished_issue_that_is_opened_again_waits_until_something_new_has_ended() {
    for by_us in [true, false] {
        let mut scene = Scene::new(ONE);
        end_all(&mut scene, 1);
        if by_us {
            try_to(&mut scene, 2, close(), done());
        }
        scene.withdrawn = true;
        scene.issue_closed = true;
        if !by_us {
            scene.noted(scene.decide());
        }
        assert_eq!(scene.says(), "over");
        scene.withdrawn = false;
        scene.issue_closed = false;
        assert_eq!(scene.says(), "note taken-up");
        scene.noted(scene.decide());
        assert_eq!(scene.says(), "call", "not closed in a person's face (by us: {by_us})");
        scene.labelled();
        assert_eq!(scene.says(), "people");
        let key = scene.key("D1");
        scene.fold(NOW, Event::TaskAgain { key });
        assert_eq!(scene.says(), "release");
        scene.labelled();
        assert_eq!(scene.says(), "merge 6", "an untick is something to do");
        end_all(&mut scene, NOW);
        assert_eq!(scene.says(), "note recon", "and then it closes");
        scene.noted(scene.decide());
        assert_eq!(scene.says(), "close the issue");
    }
}

#[test]
fn a_closing_that_does_not_happen_is_tried_ever_more_rarely_and_told() {
    let mut scene = Scene::new(ONE);
    end_all(&mut scene, 1);
    let mut said = Vec::new();
    let mut tries = 0;
    let (begin, poll) = (NOW, 10);
    for second in (begin..begin + 24 * 3600).step_by(poll) {
        scene.clock = second;
        let says = scene.says();
        match says.as_str() {
            "close the issue" => {
                tries += 1;
                try_to(&mut scene, second, close(), refused());
            }
            "call" => try_to(&mut scene, second, Effect::CallPerson, done()),
            note if note.starts_with("note") => scene.noted(scene.decide()),
            _ => {}
        }
        if said.last() != Some(&says) {
            said.push(says);
        }
    }
    assert!((8..=32).contains(&tries), "{tries} tries in a day");
    assert_eq!(said.iter().filter(|says| *says == "note escalated").count(), 1, "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("people"));
}

#[test]
fn what_cannot_be_read_blocks_its_own_task_and_no_other() {
    let mut scene = Scene::new(MIXED);
    scene.pulls.clear();
    let open = crate::run::situation::Related::Open { is_pull: false, title: "Old".to_owned() };
    scene.related.insert(IssueNumber(40), open);
    let unread = |since| Unread { why: "cannot be read".to_owned(), since: at(since) };
    scene.unread.insert(IssueNumber(6), unread(NOW - 10));
    assert_eq!(scene.says(), "close 40", "the other task goes on");
    let key = scene.key("C1");
    scene.fold(NOW, Event::TaskEnded { key, outcome: TaskOutcome::Done, note: String::new() });
    assert_eq!(scene.says(), "wait", "for a while it may be a trouble that passes");
    scene.unread.insert(IssueNumber(6), unread(NOW - 3600));
    assert_eq!(scene.says(), "note waits", "then a person is told, once");
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "call");
    scene.labelled();
    assert_eq!(scene.says(), "people");

    let mut scene = Scene::new(MIXED);
    scene.unread.insert(IssueNumber(40), unread(NOW - 3600));
    assert_eq!(scene.says(), "merge 6");
}

#[test]
fn outside_the_windows_nothing_is_merged_and_what_is_in_flight_goes_on() {
    let mut scene = Scene::new(ONE);
    scene.hours = Hours::Closed(at(NOW + 60));
    assert_eq!(scene.decide(), Decision::Wait(Waiting::Window(at(NOW + 60))));
    scene.hours = Hours::Open(at(NOW + 60));
    assert_eq!(scene.says(), "merge 6");
    let step = scene.merge(NOW - 100, true);
    scene.hours = Hours::Closed(at(NOW + 60));
    scene.change_rollout = Some((Rollout::Done { watchers: 3, affected: Vec::new() }, at(NOW - 50)));
    assert_eq!(scene.says(), "note rolled-out", "{step:?} goes on");
}

#[test]
fn what_ends_the_work_waits_for_the_merges_that_are_still_done_here() {
    let body = "## Updates\n\n- [ ] **D1 P2 Apps**: Merge PR #6\n\n## Afterwards\n\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready\n";
    let mut scene = Scene::new(body);
    scene.pull(6).approval = Some("a major".to_owned());
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "call", "a person is asked for their yes, and nothing is verified yet");
    scene.labelled();
    assert_eq!(scene.says(), "people");
    let key = scene.key("D1");
    scene.fold(NOW, Event::TaskFailed { key, why: "the forge refuses it".to_owned() });
    assert_eq!(scene.says(), "note task-ended", "it is not waited for what will not be merged");
}

#[test]
fn a_change_in_another_repository_lets_none_begin_and_holds_back_none_in_flight() {
    let mut scene = Scene::new(ONE);
    scene.elsewhere = Some("a change elsewhere");
    assert_eq!(scene.says(), "wait");
    scene.elsewhere = None;
    let step = scene.merge(NOW - 100, true);
    scene.elsewhere = Some("a run that cannot be read");
    scene.change_rollout = Some((waiting(), at(NOW - 1)));
    assert_eq!(scene.says(), "wait", "followed");
    scene.rolled_out(step, NOW - 50);
    scene.green_since = Some(at(NOW - 100_000));
    scene.clock = NOW + 100_000;
    assert_eq!(scene.says(), "note change-ended task-ended");
}

/// A scene in whose text a run stands that this store does not know.
fn unknown_run() -> Scene {
    let hold =
        Hold { package: "echo".to_owned(), file: "apps/echo.yaml".to_owned(), version: "2".to_owned() };
    let mut scene = Scene::undiscovered(MIXED);
    scene.left = Some(Left {
        run: "12".to_owned(),
        rows: vec!["| a | row |".to_owned()],
        holds: vec![(PullNumber(7), hold.clone()), (PullNumber(7), hold)],
        closed: false,
    });
    scene
}

#[test]
fn a_run_of_an_unknown_store_asks_first_and_then_waits_for_green() {
    let mut scene = unknown_run();
    scene.obstacles = vec!["nobody is trusted".to_owned()];
    assert_eq!(scene.says(), "note adopted held", "before anything is written over what says so");
    scene.noted(scene.decide());
    assert_eq!(scene.state.holds.len(), 1);
    assert_eq!(scene.says(), "obstacles");
    scene.obstacles.clear();
    scene.noted(scene.decide());
    assert!(scene.state.began_at.is_some() && scene.state.tasks.len() == 2);
    scene.labelled();
    assert_eq!(scene.decide(), Decision::Wait(Waiting::People), "neither the merge nor the closing");
    scene.confirmed_by = Some("operator");
    assert_eq!(scene.says(), "note adoption-confirmed");
    scene.noted(scene.decide());
    for spoil in [
        (|scene: &mut Scene| scene.head_rollout = waiting()) as fn(&mut Scene),
        |scene| scene.green_since = None,
        |scene| scene.elsewhere = Some("another"),
    ] {
        let (rollout, green) = (scene.head_rollout.clone(), scene.green_since);
        spoil(&mut scene);
        assert!(matches!(scene.decide(), Decision::Wait(Waiting::World(_))), "{}", scene.says());
        (scene.head_rollout, scene.green_since, scene.elsewhere) = (rollout, green, None);
    }
    assert_eq!(scene.says(), "note adoption-over");
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "release", "asked and judged once: a run like any other");
}

#[test]
fn a_run_that_this_store_knows_is_never_adopted() {
    let mut scene = Scene::new(ONE);
    scene.left = unknown_run().left;
    assert_eq!(scene.says(), "merge 6");
    let mut scene = Scene::undiscovered(ONE);
    scene.confirmed_by = Some("operator");
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "merge 6", "a word without a question means nothing");
}

#[test]
fn an_adopted_run_that_had_ended_waits_for_something_new_to_end() {
    let mut scene = unknown_run();
    scene.left.as_mut().unwrap().closed = true;
    scene.noted(scene.decide());
    assert!(scene.state.reopened.is_some_and(|reopened| !reopened.ended_since));
}
