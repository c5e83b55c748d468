//! A change that is undone by a pull request, since the branch takes no commit.

use super::change::{attributed, condemned, is_handed_over, result};
use super::{NOW, Scene, at, proposal, sha, waiting};
use crate::run::decide::Decision;
use crate::run::event::{ChangeResult, Effect, Event, Outcome};
use crate::run::situation::ProposalStanding;
use crate::run::state::Stage;

/// Its undoing was put into a pull request at this moment.
fn proposed(second: i64) -> Scene {
    let mut scene = condemned(attributed());
    let Decision::Perform(effect @ Effect::Revert { .. }) = scene.decide() else { panic!("no revert") };
    let step = scene.fold(second, Event::Intended { effect });
    scene.fold(second, Event::Ended { step, outcome: Outcome::RevertProposed { proposal: proposal() } });
    scene
}

fn merge_ends(scene: &mut Scene, outcome: Outcome) {
    let Decision::Perform(effect @ Effect::MergeRevert { .. }) = scene.decide() else {
        panic!("no merge: {:?}", scene.decide())
    };
    let step = scene.fold(scene.clock, Event::Intended { effect });
    assert_eq!(scene.says(), "confirm", "until its outcome is known");
    scene.fold(scene.clock, Event::Ended { step, outcome });
}

#[test]
fn it_is_merged_when_it_may_be_and_awaited_for_a_while() {
    let waits = || Some(ProposalStanding::Waits("ci/test is missing".to_owned()));
    for (since, standing, expected) in [
        (NOW, Some(ProposalStanding::Ready), "merge the revert"),
        (NOW, Some(ProposalStanding::Merged), "merge the revert"),
        (NOW, waits(), "wait"),
        (NOW, None, "wait"),
        (NOW - 1799, waits(), "wait"),
        (NOW - 1800, waits(), "note held change-ended escalated waits"),
        (NOW - 1800, None, "note held change-ended escalated waits"),
        (NOW - 1800, Some(ProposalStanding::Ready), "merge the revert"),
        (
            NOW,
            Some(ProposalStanding::NeedsPerson("a review".to_owned())),
            "note held change-ended escalated waits",
        ),
    ] {
        let mut scene = proposed(since);
        scene.proposal = standing.clone();
        assert_eq!(scene.says(), expected, "{since} {standing:?}");
    }
}

#[test]
fn once_merged_it_is_an_undoing_like_any_other() {
    let mut scene = proposed(NOW);
    scene.proposal = Some(ProposalStanding::Ready);
    merge_ends(&mut scene, Outcome::Reverted { commit: sha('e') });
    let change = scene.state.change.as_ref().expect("in flight");
    assert!(matches!(&change.stage, Stage::Reverted { commit, .. } if *commit == sha('e')));
    scene.proposal = None;
    scene.change_rollout = Some((waiting(), at(NOW)));
    assert_eq!(scene.says(), "refresh");
}

#[test]
fn what_only_a_person_can_give_is_said_with_the_number_and_the_commands() {
    let mut scene = proposed(NOW);
    scene.proposal = Some(ProposalStanding::NeedsPerson("the protection asks for a review".to_owned()));
    is_handed_over(&scene, "#8");
    is_handed_over(&scene, "asks for a review");
    let decision = scene.decide();
    assert!(matches!(result(&decision), Some(ChangeResult::HandedOver { .. })));
    let Decision::Note(events) = &decision else { panic!() };
    let commands = events.iter().any(|event| {
        matches!(event, Event::Escalated { evidence, .. } if evidence.iter().any(|line| line.contains("git revert -m 1")))
    });
    assert!(commands, "{events:?}");
    scene.noted(decision);
    assert_eq!(scene.state.holds.len(), 1, "what it brought does not come again meanwhile");
}

#[test]
fn a_merge_that_does_not_happen_is_tried_again_after_a_pause_and_not_for_ever() {
    let mut scene = proposed(NOW);
    scene.proposal = Some(ProposalStanding::Ready);
    for attempt in 1..=3 {
        merge_ends(&mut scene, Outcome::NotYet { why: "try again later".to_owned() });
        if attempt < 3 {
            assert_eq!(scene.says(), "wait", "not at once");
            scene.clock += 30;
        }
    }
    is_handed_over(&scene, "try again later");
    let mut scene = proposed(NOW);
    scene.proposal = Some(ProposalStanding::Ready);
    merge_ends(&mut scene, Outcome::Refused { why: "403".to_owned() });
    is_handed_over(&scene, "403");
}

#[test]
fn a_stop_holds_it_back() {
    let mut scene = proposed(NOW);
    scene.proposal = Some(ProposalStanding::Ready);
    scene.paused = Some("operator");
    assert_eq!(scene.says(), "paused");
}
