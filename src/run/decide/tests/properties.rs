//! What holds of every decision, however the world is.

use super::{NOW, ONE, Scene, at, done, mark, unrelated, waiting};
use crate::cluster::ObjectRef;
use crate::health::{Approval, Attribution, Probe, Verdict};
use crate::merge::rollout::Rollout;
use crate::run::decide::Decision;
use crate::run::event::{Effect, Event, Outcome};
use crate::run::situation::{Mode, ProposalStanding};
use crate::run::state::Approved;
use proptest::prelude::*;

fn a_rollout() -> impl Strategy<Value = Rollout> {
    prop_oneof![
        Just(done()),
        Just(waiting()),
        Just(Rollout::Unknown { why: "nobody".to_owned() }),
        Just(failed_sync("echo")),
        Just(failed_sync("other")),
    ]
}

fn failed_sync(name: &str) -> Rollout {
    Rollout::Failed { failed: vec![(ObjectRef::new("Application", "argocd", name), "no".to_owned())] }
}

fn an_attribution() -> impl Strategy<Value = Attribution> {
    prop_oneof![
        Just(Attribution::Attributed("changed by it".to_owned())),
        Just(Attribution::Suspected("in time".to_owned())),
        Just(unrelated()),
    ]
}

fn a_trouble() -> impl Strategy<Value = Option<(Probe, Verdict, Attribution)>> {
    let probe = prop_oneof![Just(Probe::Nodes), Just(Probe::Ceph), Just(Probe::ArgoCd), Just(Probe::Pods)];
    let verdict = prop_oneof![Just(Verdict::Yellow), Just(Verdict::Red), Just(Verdict::Unknown)];
    prop::option::of((probe, verdict, an_attribution()))
}

fn a_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Observe), Just(Mode::Approve), Just(Mode::Auto)]
}

/// How many cases: what the environment says, else the usual number.
fn cases(divisor: u32) -> ProptestConfig {
    let asked = std::env::var("CARETAKER_TEST_CASES").ok().and_then(|text| text.parse::<u32>().ok());
    ProptestConfig::with_cases(asked.map_or(256, |cases| cases / divisor).max(64))
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_merge_is_decided_only_through_an_open_gate(
        trouble in a_trouble(),
        green_for in prop::option::of(0..200_i64),
        head in a_rollout(),
        paused: bool,
        withdrawn: bool,
        mode in a_mode(),
        asks: bool,
        approved in prop::option::of(any::<bool>()),
        escalated: bool,
    ) {
        let mut scene = Scene::new(ONE);
        scene.green_since = green_for.map(|long| at(NOW - long));
        if let Some((probe, verdict, attribution)) = trouble.clone() {
            let green_since = scene.green_since;
            scene.trouble(probe, verdict, NOW - 500, attribution);
            // Even where something lies about since when all was GREEN.
            scene.green_since = green_since;
        }
        scene.head_rollout = head.clone();
        scene.paused = paused.then_some("operator");
        scene.withdrawn = withdrawn;
        scene.mode = mode;
        scene.pull(6).approval = asks.then(|| "a database".to_owned());
        let key = scene.key("D1");
        if let Some(current) = approved {
            let code = if current { "7f3c7f3c" } else { "00000000" };
            scene.state.tasks.get_mut(&key).unwrap().approved =
                Some(Approved {
                    code: code.to_owned(),
                    approval: Approval::new(mark(code), "operator".to_owned()),
                });
        }
        if escalated {
            scene.fold(1, Event::Escalated { key: None, why: "bad".to_owned(), evidence: Vec::new() });
        }
        if let Decision::Perform(effect) = scene.decide() {
            prop_assert!(!paused && !withdrawn && mode != Mode::Observe, "{effect:?}");
            if let Effect::Merge(plan) = effect {
                prop_assert!(trouble.is_none());
                prop_assert!(green_for.is_some_and(|long| long >= 60));
                prop_assert_eq!(head, done());
                prop_assert!(approved == Some(true) || !asks && mode == Mode::Auto);
                prop_assert!(!escalated);
                prop_assert_eq!(plan.base, scene.head);
            }
        }
    }

    #[test]
    fn a_merge_is_undone_only_for_what_is_tied_to_it(
        trouble in a_trouble(),
        rollout in a_rollout(),
        runs: bool,
        proven: bool,
        reversible: bool,
        known: bool,
        remedied: bool,
        idle: bool,
        paused: bool,
        mode in a_mode(),
        elapsed in 0..4000_i64,
    ) {
        let mut scene = Scene::new(ONE);
        scene.pull(6).not_reversible = (!reversible).then(|| "it keeps state".to_owned());
        let step = scene.merge(NOW - 1000, proven);
        if runs {
            scene.rolled_out(step, NOW - 900);
        }
        scene.change_rollout = Some((rollout.clone(), at(NOW - 900)));
        if let Some((probe, verdict, attribution)) = trouble.clone() {
            scene.trouble(probe, verdict, NOW - 800, attribution);
        }
        if known {
            scene.clock = NOW - 800;
            if let Decision::Note(events) = scene.decide()
                && matches!(events[..], [Event::Trouble { .. }])
            {
                scene.noted(Decision::Note(events));
            }
        }
        if remedied {
            scene.fold(NOW - 400, Event::Refreshed { change: step, hard: true, failed: None, asked: Vec::new() });
        }
        if idle {
            scene.idle_out_of_sync = vec![ObjectRef::new("Application", "argocd", "echo")];
        }
        scene.paused = paused.then_some("operator");
        scene.mode = mode;
        scene.clock = NOW - 800 + elapsed;
        match scene.decide() {
            Decision::Perform(Effect::Revert { merge_commit, .. }) => {
                let attributed = matches!(trouble, Some((_, verdict, Attribution::Attributed(_)))
                    if verdict != Verdict::Unknown);
                prop_assert!(attributed || rollout == failed_sync("echo"));
                prop_assert!(proven && reversible && remedied && known && !paused);
                prop_assert!(mode != Mode::Observe);
                prop_assert!(elapsed >= 300);
                prop_assert_eq!(merge_commit, super::sha('c'));
            }
            Decision::Perform(Effect::Merge(_) | Effect::CloseIssue { .. }) => {
                prop_assert!(false, "nothing new starts while a change is in flight");
            }
            _ => {}
        }
    }
}

proptest! {
    // Each case is a whole life of a change, a look a minute.
    #![proptest_config(cases(100))]

    #[test]
    fn every_change_ends_whatever_the_world_does(
        looks in prop::collection::vec((a_trouble(), a_rollout(), any::<bool>(), any::<bool>()), 220),
        protected in any::<bool>(),
        standing in a_standing(),
        modes in prop::collection::vec(a_mode(), 4),
    ) {
        let mut scene = Scene::new(ONE);
        let step = scene.merge(NOW, true);
        let mut reverts = 0;
        let mut ended = None;
        for (minute, (trouble, rollout, idle, stuck)) in looks.into_iter().enumerate() {
            scene.clock = NOW + 60 * i64::try_from(minute).unwrap();
            scene.mode = modes[minute / 60 % modes.len()];
            let object = || vec![ObjectRef::new("Application", "argocd", "echo")];
            scene.idle_out_of_sync = if idle { object() } else { Vec::new() };
            scene.stuck = if stuck { object() } else { Vec::new() };
            let since = at(scene.clock);
            scene.change_rollout = Some((rollout, since));
            match trouble.clone() {
                Some((probe, verdict, attribution)) => {
                    scene.trouble(probe, verdict, scene.clock, attribution);
                }
                None if scene.green_since.is_none() => scene.well(scene.clock),
                None => {}
            }
            // A look leads to several decisions: each is carried out until one waits.
            for _ in 0..12 {
                let Some(change) = &scene.state.change else { break };
                prop_assert_eq!(change.step, step);
                match scene.decide() {
                    decision @ Decision::Note(_) => scene.noted(decision),
                    Decision::Refresh { change, hard } => {
                        scene.fold(scene.clock, Event::Refreshed { change, hard, failed: None, asked: Vec::new() });
                    }
                    Decision::Perform(effect) => {
                        let outcome = match &effect {
                            Effect::Revert { .. } => {
                                reverts += 1;
                                prop_assert!(
                                    !matches!(trouble, Some((_, Verdict::Unknown, _))) || failed(&scene)
                                );
                                if protected {
                                    scene.proposal = standing.clone();
                                    Outcome::RevertProposed { proposal: super::proposal() }
                                } else {
                                    Outcome::Reverted { commit: super::sha('e') }
                                }
                            }
                            Effect::MergeRevert { .. } if idle => Outcome::NotYet { why: "later".to_owned() },
                            Effect::MergeRevert { .. } => Outcome::Reverted { commit: super::sha('e') },
                            Effect::Sync { .. } | Effect::Terminate { .. } => {
                                Outcome::Done { detail: String::new() }
                            }
                            other => return Err(TestCaseError::fail(format!("{other:?}"))),
                        };
                        let step = scene.fold(scene.clock, Event::Intended { effect });
                        scene.fold(scene.clock, Event::Ended { step, outcome });
                    }
                    Decision::Wait(_) => break,
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                }
            }
            if scene.state.change.is_none() {
                ended = Some(minute);
                break;
            }
        }
        prop_assert!(reverts <= 1, "undone {reverts} times");
        prop_assert!(ended.is_some(), "it never ended");
    }
}

fn a_standing() -> impl Strategy<Value = Option<ProposalStanding>> {
    prop_oneof![
        Just(None),
        Just(Some(ProposalStanding::Merged)),
        Just(Some(ProposalStanding::Ready)),
        Just(Some(ProposalStanding::Waits("not yet".to_owned()))),
        Just(Some(ProposalStanding::NeedsPerson("a review".to_owned()))),
    ]
}

fn failed(scene: &Scene) -> bool {
    matches!(&scene.change_rollout, Some((rollout, _)) if *rollout == failed_sync("echo"))
}
