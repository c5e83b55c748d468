//! Merges that the forge gave no answer to: what is held back beside them, for how long, and who finds out.

use super::{NOW, ONE, Scene, at, sha};
use crate::forge::{IssueNumber, Merged, PullNumber};
use crate::merge::preflight::{Preflight, WaitFor};
use crate::run::decide::Decision;
use crate::run::event::{Event, Outcome};
use crate::run::situation::Unread;
use crate::store::EventId;

/// Pull request 7 comes first.
const TWO: &str = "## Tasks\n\n- [ ] **D1 P2 Apps**: Merge PR #6\n- [ ] **D2 P1 Apps**: Merge PR #7\n";

/// Until then a merge that was not answered at [`NOW`] may come true.
const BOUND: i64 = 450;

type Spoil = fn(&mut Scene);

fn unanswered() -> Outcome {
    Outcome::Unanswered { why: "status 504".to_owned() }
}

fn refused() -> Outcome {
    Outcome::NotYet { why: "status 409".to_owned() }
}

/// Takes the merge that is decided, with its outcome.
fn ask(scene: &mut Scene, outcome: Outcome) -> EventId {
    let Decision::Perform(effect) = scene.decide() else { panic!("no merge: {:?}", scene.decide()) };
    let step = scene.fold(scene.clock, Event::Intended { effect });
    scene.fold(scene.clock, Event::Ended { step, outcome });
    step
}

fn unmergeable(scene: &mut Scene, pull: u64) {
    scene.pull(pull).preflight = Preflight::Wait(WaitFor::Mergeable);
}

#[test]
fn nothing_is_merged_beside_a_merge_that_was_not_answered() {
    let table: [(&str, Spoil); 5] = [
        ("nothing changed", |_| ()),
        ("the forge looks at it anew", |scene| unmergeable(scene, 7)),
        ("the pause before the next try is over, and it may not be merged now", |scene| {
            unmergeable(scene, 7);
            scene.clock += 60;
        }),
        ("it cannot be read", |scene| {
            scene.pulls.remove(&PullNumber(7));
            let unread = Unread { why: "cannot be read".to_owned(), since: at(NOW) };
            scene.unread.insert(IssueNumber(7), unread);
            scene.clock += 60;
        }),
        ("it was pushed to", |scene| {
            scene.pull(7).pull.head.sha = sha('e');
            unmergeable(scene, 7);
        }),
    ];
    for (what, spoil) in table {
        for (outcome, beside) in [(unanswered(), "wait"), (refused(), "merge 6")] {
            let mut scene = Scene::new(TWO);
            assert_eq!(scene.says(), "merge 7");
            ask(&mut scene, outcome);
            spoil(&mut scene);
            assert_eq!(scene.says(), beside, "{what}");
        }
    }
}

#[test]
fn one_that_comes_first_is_not_merged_beside_one_that_was_not_answered() {
    for (outcome, first) in [(unanswered(), "wait"), (refused(), "merge 7")] {
        let mut scene = Scene::new(TWO);
        let ready = scene.pull(7).preflight.clone();
        unmergeable(&mut scene, 7);
        assert_eq!(scene.says(), "merge 6");
        ask(&mut scene, outcome);
        scene.pull(7).preflight = ready;
        assert_eq!(scene.says(), first);
    }
}

#[test]
fn one_that_was_not_answered_is_tried_again_itself_and_holds_back_others_no_longer_than_it_may_land() {
    let mut scene = Scene::new(TWO);
    ask(&mut scene, unanswered());
    scene.clock += 10;
    assert_eq!(scene.says(), "merge 7");
    // An answer to another try says nothing of the first.
    ask(&mut scene, refused());
    unmergeable(&mut scene, 7);
    for (second, beside) in [(NOW + 10, "wait"), (NOW + BOUND - 1, "wait"), (NOW + BOUND, "merge 6")] {
        scene.clock = second;
        assert_eq!(scene.says(), beside, "{}", second - NOW);
    }
}

#[test]
fn a_merge_that_may_still_land_counts_as_half_done() {
    let mut scene = Scene::new(TWO);
    assert!(!scene.state.is_half_done(at(NOW)));
    let step = ask(&mut scene, unanswered());
    assert!(scene.state.change.is_none());
    assert!(scene.state.is_half_done(at(NOW)));
    assert!(scene.state.is_half_done(at(NOW + BOUND - 1)));
    assert!(!scene.state.is_half_done(at(NOW + BOUND)), "nothing is blocked for ever");
    scene.fold(NOW, Event::Ended { step, outcome: refused() });
    assert!(!scene.state.is_half_done(at(NOW)), "found out");
}

#[test]
fn a_run_is_not_withdrawn_before_it_is_found_out_whether_its_merge_landed() {
    for (second, outcome, then) in [
        (
            NOW + 1,
            Outcome::Merged { commit: sha('c'), at: at(NOW), proven: true, ours: true, left_open: false },
            "refresh",
        ),
        (NOW + BOUND, refused(), "note withdrawn"),
    ] {
        let mut scene = Scene::new(ONE);
        let earlier = ask(&mut scene, unanswered());
        scene.clock += 10;
        let step = ask(&mut scene, unanswered());
        assert!(earlier < step);
        scene.withdrawn = true;
        scene.issue_closed = true;
        scene.clock = second + 10;
        assert_eq!(scene.decide(), Decision::Confirm(step));
        scene.fold(scene.clock, Event::Ended { step, outcome });
        assert_eq!(scene.says(), then, "one answer for all tries of it");
        assert_eq!(scene.state.tasks[&scene.key("D1")].attempts, 0, "no answer uses up no attempt");
    }
}

#[test]
fn a_merge_that_was_given_up_for_want_of_answers_is_found_out_when_it_shows_after_all() {
    let mut scene = Scene::new(ONE);
    ask(&mut scene, unanswered());
    let key = scene.key("D1");
    scene.fold(NOW, Event::TaskFailed { key, why: "the forge gave no answer".to_owned() });
    scene.pull(6).pull.merged = Some(Merged { commit: sha('d'), at: at(NOW), by: None });
    scene.clock += 10;
    assert_eq!(scene.says(), "confirm");
}
