//! What comes first, what waits, and what waits for whom.

use super::{NOW, ONE, Scene, at, mark, sha, unrelated, waiting};
use crate::cluster::{ObjectRef, projects_testing};
use crate::forge::{IssueNumber, Merged, State};
use crate::health::{Figure, Inventory, Probe, Verdict};
use crate::merge::preflight::{Preflight, Refusal, WaitFor};
use crate::merge::rollout::Rollout;
use crate::run::decide::{Decision, Unheard, Waiting};
use crate::run::event::{Effect, Event, Outcome, TaskOutcome};
use crate::run::situation::{Mode, Related, SeenApproval, Tools, Wish};
use crate::run::state::TaskState;

const TWO: &str = "## Tasks\n\n- [ ] **D1 P2 Apps**: Merge PR #6\n- [ ] **D2 P1 Apps**: Merge PR #7\n";

type Spoil = fn(&mut Scene);

#[test]
fn what_is_first_of_everything() {
    let table: [(&str, Spoil, &str); 12] = [
        ("all is well", |_| (), "merge 6"),
        ("a lock that is not ours", |scene| scene.locked_out = true, "obstacles"),
        ("withdrawn", |scene| scene.withdrawn = true, "note withdrawn"),
        ("stopped", |scene| scene.paused = Some("operator"), "paused"),
        ("only observed", |scene| scene.mode = Mode::Observe, "wait"),
        (
            "an effect that is found out by doing it again waits like any other while the run is stopped",
            |scene| {
                scene.fold(1, Event::Intended { effect: Effect::CallPerson });
                scene.paused = Some("operator");
            },
            "paused",
        ),
        (
            "an effect that is found out by doing it again is not done for a withdrawn issue",
            |scene| {
                scene.fold(1, Event::Intended { effect: Effect::CallPerson });
                scene.withdrawn = true;
            },
            "note withdrawn",
        ),
        (
            "a case that was handed over",
            |scene| {
                scene.fold(1, Event::Escalated { key: None, why: "bad".to_owned(), evidence: Vec::new() });
            },
            "call",
        ),
        ("a person's tick", |scene| scene.wishes = vec![Wish::Ticked(scene.key("D1"))], "note task-ended"),
        (
            "nobody trusted wrote it",
            |scene| {
                let key = scene.key("D1");
                scene.state.tasks.get_mut(&key).unwrap().vouched = false;
            },
            "note waits",
        ),
        ("there is no such pull request", |scene| scene.pulls.clear(), "note waits"),
        (
            "a closed issue",
            |scene| {
                let effect = Effect::CloseIssue { layers: scene.recon.layers() };
                let step = scene.fold(1, Event::Intended { effect });
                scene.fold(2, Event::Ended { step, outcome: Outcome::Done { detail: String::new() } });
                scene.withdrawn = true;
            },
            "over",
        ),
    ];
    for (what, spoil, expected) in table {
        let mut scene = Scene::new(ONE);
        spoil(&mut scene);
        assert_eq!(scene.says(), expected, "{what}");
    }
}

/// The journal's state holds no list that is as long as the cluster is large.
fn keeps_no_inventory(decision: &Decision) {
    let Decision::Note(events) = decision else { panic!("{decision:?}") };
    let kept = events.iter().filter_map(|event| match event {
        Event::Recon { recon, .. } => Some(&recon.figures.inventory),
        _ => None,
    });
    assert_eq!(kept.collect::<Vec<_>>(), [&Inventory::default()]);
}

#[test]
fn a_run_begins_when_nothing_is_missing() {
    let mut scene = Scene::undiscovered(ONE);
    scene.obstacles = vec!["a right".to_owned()];
    assert_eq!(scene.says(), "obstacles");
    scene.obstacles.clear();
    scene.recon.figures.inventory.orphans = Figure::Read(Vec::new());
    assert_eq!(scene.says(), "note began recon task-seen");
    keeps_no_inventory(&scene.decide());
    scene.withdrawn = true;
    assert_eq!(scene.says(), "over");
    // Once it has begun, nothing is asked a second time.
    let mut scene = Scene::new(ONE);
    scene.obstacles = vec!["a right".to_owned()];
    assert_eq!(scene.says(), "merge 6");
}

#[test]
fn tasks_go_in_order_and_one_that_waits_holds_up_only_what_depends_on_it() {
    let scene = Scene::new(TWO);
    assert_eq!(scene.says(), "merge 7", "the more important one");
    let mut scene = Scene::new(TWO);
    scene.pull(7).pull.state = State::Closed;
    scene.pull(7).preflight = Preflight::Refuse(Refusal::Closed);
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "merge 6", "the one that waits is passed by");

    let body = "## Tasks\n\n- [ ] **D1 P2 Apps**: Merge PR #6\n  - **Depends on**: D2\n- [ ] **D2 P2 Apps**: Merge PR #7\n";
    let mut scene = Scene::new(body);
    assert_eq!(scene.says(), "merge 7");
    scene.pull(7).preflight = Preflight::Refuse(Refusal::Draft);
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "call", "only people are awaited");
    scene.labelled();
    assert_eq!(scene.says(), "people", "what depends on it waits with it");
}

#[test]
fn a_merge_waits_for_the_gate() {
    let table: [(&str, Spoil, &str); 12] = [
        ("Metal", |scene| scene.trouble(Probe::Nodes, Verdict::Red, NOW - 1, unrelated()), "wait"),
        ("System", |scene| scene.trouble(Probe::Ceph, Verdict::Yellow, NOW - 1, unrelated()), "wait"),
        ("Platform", |scene| scene.trouble(Probe::ArgoCd, Verdict::Unknown, NOW - 1, unrelated()), "wait"),
        ("Apps", |scene| scene.trouble(Probe::Pods, Verdict::Yellow, NOW - 1, unrelated()), "wait"),
        (
            "a layer that no probe reads",
            |scene| scene.recon.probes.retain(|one| one.probe != Probe::Ceph),
            "wait",
        ),
        ("GREEN for a moment", |scene| scene.green_since = Some(at(NOW - 59)), "wait"),
        ("GREEN for long enough", |scene| scene.green_since = Some(at(NOW - 60)), "merge 6"),
        ("nobody knows since when", |scene| scene.green_since = None, "wait"),
        (
            "a window keeps back what it touches",
            |scene| {
                let shut = projects_testing::closed(None, true).by_itself;
                scene.pull(6).shut = shut.map(|shut| ("echo".to_owned(), *shut));
            },
            "wait",
        ),
        ("the head is on its way", |scene| scene.head_rollout = waiting(), "wait"),
        ("nobody watches", |scene| scene.head_rollout = Rollout::Unknown { why: "none".to_owned() }, "wait"),
        (
            "the head failed",
            |scene| {
                scene.head_rollout = Rollout::Failed {
                    failed: vec![(ObjectRef::new("Application", "argocd", "echo"), "no".to_owned())],
                }
            },
            "wait",
        ),
    ];
    for (what, spoil, expected) in table {
        let mut scene = Scene::new(ONE);
        spoil(&mut scene);
        assert_eq!(scene.says(), expected, "{what}");
    }
}

#[test]
fn a_pre_flight_that_waits_becomes_a_persons_when_it_takes_too_long() {
    let mut scene = Scene::new(ONE);
    scene.pull(6).preflight = Preflight::Wait(WaitFor::Mergeable);
    scene.pull(6).waiting_since = Some(at(NOW - 20));
    assert_eq!(scene.says(), "wait");
    scene.pull(6).waiting_since = Some(at(NOW - 30));
    assert_eq!(scene.says(), "ask for a rebase");
    let Decision::Perform(effect) = scene.decide() else { panic!("no rebase") };
    let step = scene.fold(NOW - 1, Event::Intended { effect });
    scene.fold(NOW, Event::Ended { step, outcome: Outcome::Done { detail: String::new() } });
    scene.clock = NOW + 1799;
    assert_eq!(scene.says(), "wait", "once for each head");
    scene.clock = NOW + 1800;
    assert_eq!(scene.says(), "note waits");
    let decision = scene.decide();
    scene.noted(decision);
    scene.labelled();
    assert_eq!(scene.says(), "people", "said once");
}

#[test]
fn a_merge_by_a_person_is_done() {
    let mut scene = Scene::new(ONE);
    scene.pull(6).pull.merged = Some(Merged { commit: sha('d'), at: at(1), by: None });
    assert_eq!(scene.says(), "note task-ended");
}

#[test]
fn an_approval_is_asked_once_for_each_code_and_a_new_code_voids_it() {
    let needs: [(&str, Spoil); 2] = [
        ("a database", |scene| scene.pull(6).approval = Some("no backup was checked".to_owned())),
        ("the mode", |scene| scene.mode = Mode::Approve),
    ];
    for (what, spoil) in needs {
        let mut scene = Scene::new(ONE);
        spoil(&mut scene);
        assert_eq!(scene.says(), "note approval-asked waits", "{what}");
        let decision = scene.decide();
        scene.noted(decision);
        scene.labelled();
        assert_eq!(scene.says(), "people", "{what}: asked once");
        let approval = |scene: &Scene, code: &str| SeenApproval {
            key: scene.key("D1"),
            code: code.to_owned(),
            by: "operator".to_owned(),
            comment: Some(8),
        };
        scene.approvals = vec![approval(&scene, "00000000")];
        assert_eq!(scene.says(), "people", "{what}: another code");
        scene.approvals = vec![approval(&scene, "7f3c7f3c")];
        assert_eq!(scene.says(), "note approved", "{what}");
        let decision = scene.decide();
        scene.noted(decision);
        assert_eq!(scene.says(), "release", "{what}: work goes on");
        scene.labelled();
        assert_eq!(scene.says(), "merge 6", "{what}");
        scene.pull(6).mark = Some(mark("11111111"));
        assert_eq!(scene.says(), "note approval-asked waits", "{what}: another change");
        let decision = scene.decide();
        scene.noted(decision);
        scene.labelled();
        assert_eq!(scene.says(), "people", "{what}: the comment has counted");
    }
}

#[test]
fn a_tick_that_nothing_vouches_for_asks_for_a_comment_once() {
    let mut scene = Scene::new(ONE);
    scene.mode = Mode::Approve;
    let decision = scene.decide();
    scene.noted(decision);
    scene.unvouched_ticks = vec![(scene.key("D1"), "7f3c7f3c".to_owned())];
    assert_eq!(scene.says(), "note comment-asked");
    let decision = scene.decide();
    scene.noted(decision);
    scene.labelled();
    assert_eq!(scene.says(), "people");
}

#[test]
fn a_last_try_that_lands_late_is_found_out_although_it_was_given_up() {
    let mut scene = Scene::new(ONE);
    let plan = match scene.decide() {
        Decision::Perform(Effect::Merge(plan)) => plan,
        other => panic!("{other:?}"),
    };
    for second in [1, 2, 3] {
        let step = scene.fold(second, Event::Intended { effect: Effect::Merge(plan.clone()) });
        scene.fold(second, Event::Ended { step, outcome: Outcome::NotYet { why: "busy".to_owned() } });
    }
    assert_eq!(scene.says(), "note task-failed escalated");
    scene.noted(scene.decide());
    scene.labelled();
    assert_eq!(scene.says(), "people");
    scene.pull(6).pull.merged = Some(Merged { commit: sha('d'), at: at(4), by: None });
    assert_eq!(scene.says(), "confirm");
    // The answer may be that nobody can tell: then it is not asked at every look.
    let step = scene.state.acts.last().unwrap().step;
    let why = "who merged it is not known".to_owned();
    scene.fold(NOW, Event::Ended { step, outcome: Outcome::NotYet { why } });
    assert_ne!(scene.says(), "confirm");
}

#[test]
fn three_attempts_then_a_person() {
    let mut scene = Scene::new(ONE);
    for attempt in 0..3 {
        let Decision::Perform(effect) = scene.decide() else {
            panic!("attempt {attempt}: {:?}", scene.decide())
        };
        let step = scene.fold(scene.clock, Event::Intended { effect });
        let outcome = Outcome::NotYet { why: "refused".to_owned() };
        scene.fold(scene.clock, Event::Ended { step, outcome });
        // Each time after a longer pause.
        scene.clock += 30;
    }
    assert_eq!(scene.says(), "note task-failed escalated");
    let Decision::Note(events) = scene.decide() else { panic!() };
    let Event::Escalated { evidence, .. } = &events[1] else { panic!() };
    assert_eq!(evidence, &["refused"; 3], "what was said each time");
    let decision = scene.decide();
    scene.noted(decision);
    assert_eq!(scene.says(), "call");
    let step = scene.fold(NOW, Event::Intended { effect: Effect::CallPerson });
    scene.fold(NOW, Event::Ended { step, outcome: Outcome::Done { detail: String::new() } });
    assert_eq!(scene.says(), "people");
}

/// Tries that the forge gave no answer to, one after the other as soon as each is due; when the last of them ended.
fn unanswered(scene: &mut Scene, most: i64) -> i64 {
    let (begin, mut last) = (scene.clock, scene.clock);
    while last - begin < most {
        match scene.decide() {
            Decision::Perform(effect) => {
                let step = scene.fold(scene.clock, Event::Intended { effect });
                let outcome = Outcome::Unanswered { why: "status 502".to_owned() };
                scene.fold(scene.clock, Event::Ended { step, outcome });
                last = scene.clock;
            }
            Decision::Wait(Waiting::World(why)) => assert!(why.contains("status 502"), "{why}"),
            other => panic!("after {} s: {other:?}", scene.clock - begin),
        }
        scene.clock += 10;
    }
    last
}

#[test]
fn a_forge_that_gives_no_answer_is_waited_for_and_uses_up_no_attempt() {
    let close = "## Tasks\n\n- [ ] **C1 P2 Apps**: Close issue #40\n";
    for (body, effect) in [(ONE, "merge 6"), (close, "close 40")] {
        let mut scene = Scene::new(body);
        let open = Related::Open { is_pull: false, title: "Old".to_owned() };
        scene.related.insert(IssueNumber(40), open);
        unanswered(&mut scene, 1500);
        let tries = scene.state.acts.len();
        assert!((6..=20).contains(&tries), "{body}: {tries}");
        assert_eq!(scene.state.tasks.values().map(|record| record.attempts).sum::<u32>(), 0);
        // It is back, and asked within a round.
        scene.clock += 180;
        assert_eq!(scene.says(), effect);
    }
}

#[test]
fn a_forge_that_gives_no_answer_for_half_an_hour_is_a_persons() {
    let mut scene = Scene::new(ONE);
    let last = unanswered(&mut scene, 1800);
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(
        matches!(&events[..], [Event::TaskFailed { why, .. }, Event::Escalated { .. }] if why.contains("the forge gave no answer")),
        "{events:?}"
    );
    // The last of them came true all the same: whose it is, is found out.
    scene.pull(6).pull.merged = Some(Merged { commit: sha('c'), at: at(scene.clock), by: None });
    assert_eq!(scene.says(), "confirm");
    // Hours between two tries, in which the looks themselves failed, are no row of tries.
    let mut scene = Scene::new(ONE);
    unanswered(&mut scene, 1);
    scene.clock = last + 36_000;
    unanswered(&mut scene, 1);
    scene.clock += 10;
    assert_eq!(scene.says(), "wait");
    // An untick asks for it again.
    let mut scene = Scene::new(ONE);
    unanswered(&mut scene, 1800);
    let decision = scene.decide();
    scene.noted(decision);
    let key = scene.key("D1");
    scene.clock += 10;
    scene.fold(scene.clock, Event::TaskAgain { key });
    scene.labelled();
    scene.clock += 180;
    assert_ne!(scene.says(), "note task-failed escalated");
}

#[test]
fn a_related_issue_is_closed_known_or_missed() {
    let body = "## Tasks\n\n- [ ] **C1 P2 Apps**: Close issue #40\n";
    for (found, expected) in [
        (Some(Related::Open { is_pull: false, title: "Old".to_owned() }), "close 40"),
        (Some(Related::Closed), "note task-ended"),
        (Some(Related::Missing), "note waits"),
        (None, "wait"),
    ] {
        let mut scene = Scene::new(body);
        scene.related.extend(found.clone().map(|found| (IssueNumber(40), found)));
        assert_eq!(scene.says(), expected, "{found:?}");
    }
}

#[test]
fn a_verification_is_answered_within_the_grace_time_or_waits() {
    let body = "## Tasks\n\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready\n";
    let mut scene = Scene::new(body);
    assert_eq!(scene.says(), "note task-ended");
    scene.trouble(Probe::Nodes, Verdict::Red, NOW - 299, unrelated());
    assert_eq!(scene.says(), "wait");
    scene.trouble(Probe::Nodes, Verdict::Red, NOW - 300, unrelated());
    assert_eq!(scene.says(), "note waits");
    let decision = scene.decide();
    scene.noted(decision);
    scene.well(NOW);
    assert_eq!(scene.says(), "note task-ended", "it is asked again at every look");
}

#[test]
fn the_final_gate_is_last_and_the_closing_rests_on_a_fresh_pass() {
    let body = "## Tasks\n\n- [ ] **F1 P0 All**: Final validation gate\n- [ ] **D1 P2 Apps**: Merge PR #6\n";
    let mut scene = Scene::new(body);
    assert_eq!(scene.says(), "merge 6");
    let key = scene.key("D1");
    scene.fold(1, Event::TaskEnded { key, outcome: TaskOutcome::Deferred, note: String::new() });
    scene.green_since = Some(at(NOW - 1));
    assert_eq!(scene.says(), "wait");
    scene.green_since = Some(at(NOW - 60));
    let decision = scene.decide();
    assert_eq!(scene.says(), "note task-ended");
    scene.noted(decision);
    assert!(matches!(scene.state.tasks[&scene.key("F1")].state, TaskState::Ended { .. }));
    scene.recon.figures.inventory.orphans = Figure::Read(Vec::new());
    assert_eq!(scene.says(), "note recon", "one last pass");
    let decision = scene.decide();
    keeps_no_inventory(&decision);
    scene.noted(decision);
    assert_eq!(scene.says(), "close the issue");
    scene.green_since = None;
    assert!(matches!(scene.decide(), Decision::Wait(Waiting::World(why)) if why.contains("closing")));
    scene.green_since = Some(at(NOW - 60));
    scene.fold(
        NOW,
        Event::Held { pull: crate::forge::PullNumber(6), holds: Vec::new(), reason: String::new() },
    );
    assert_eq!(scene.says(), "note recon", "the pass is older than what happened since");
}

#[test]
fn a_body_without_tasks_waits_for_people() {
    let mut scene = Scene::new("Words.\n");
    scene.labelled();
    assert_eq!(scene.says(), "people");
}

#[test]
fn an_untick_asks_again_but_never_for_a_merge() {
    let body = "## Tasks\n\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready\n";
    let mut scene = Scene::new(body);
    let decision = scene.decide();
    scene.noted(decision);
    scene.wishes = vec![Wish::Unticked(scene.key("A1"))];
    assert_eq!(scene.says(), "note task-again");

    let mut scene = Scene::new(ONE);
    let step = scene.merge(NOW - 5000, true);
    scene.rolled_out(step, NOW - 4900);
    let decision = scene.decide();
    scene.noted(decision);
    scene.change_rollout = None;
    scene.wishes = vec![Wish::Unticked(scene.key("D1"))];
    assert_eq!(scene.says(), "note waits");
    let decision = scene.decide();
    scene.noted(decision);
    scene.wishes.clear();
    scene.labelled();
    assert_eq!(scene.says(), "people");
}

#[test]
fn what_is_reserved_around_a_task_is_a_persons() {
    for body in [
        "### Deferred (do not merge)\n\n- [ ] **D1 P1 Apps**: Merge PR #6\n",
        "- [ ] **D1 P1 Apps**: Merge PR #6 *(do not merge before the backup)*\n",
        "- [ ] **D1 P1 Apps**: Merge PR #6 after D1\n",
        "### Humans only\n\n- [ ] **D1 P1 Apps**: Verify all nodes are Ready\n",
        "### On hold\n\n- [ ] **D1 P0 All**: Final validation gate\n",
        "### On hold\n\n- [ ] **D1 P1 System**: Archive Ceph crash reports\n  - Commands: `ceph crash archive-all`\n",
        "- [ ] **D1 P1 Apps**: Close #40 after X8\n",
    ] {
        let mut scene = Scene::new(body);
        scene.related.insert(IssueNumber(40), Related::Open { is_pull: false, title: "Old".to_owned() });
        let decision = scene.decide();
        assert_eq!(scene.says(), "note waits", "{body}");
        scene.noted(decision);
        assert_eq!(scene.says(), "call", "{body}");
        scene.labelled();
        assert_eq!(scene.says(), "people", "{body}");
    }
    // Somebody has merged it: that is the answer.
    let mut scene = Scene::new("### Deferred\n\n- [ ] **D1 P1 Apps**: Merge PR #6\n");
    scene.pull(6).pull.merged = Some(Merged { commit: sha('d'), at: at(1), by: None });
    assert_eq!(scene.says(), "note task-ended");
}

#[test]
fn an_approval_says_for_what_it_is_asked() {
    let scene = Scene::new("- [ ] **D1 P1 Apps**: Merge PR #6 after X9\n");
    let Decision::Note(events) = scene.decide() else { panic!("nothing to note") };
    assert!(matches!(&events[0], Event::ApprovalAsked { what, .. } if what.contains("X9")), "{events:?}");
}

#[test]
fn what_follows_the_final_gate_does_not_hold_it_up() {
    let body = "- [ ] **C1 P1 Apps**: Close #40 after F1\n- [ ] **F1 P0 All**: Final validation gate\n";
    let mut scene = Scene::new(body);
    scene.related.insert(IssueNumber(40), Related::Open { is_pull: false, title: "Old".to_owned() });
    let decision = scene.decide();
    assert_eq!(scene.says(), "note task-ended");
    scene.noted(decision);
    assert_eq!(scene.says(), "close 40");
}

const ARCHIVE: &str = "### System\n\n- [ ] **D1 P1 System**: Archive Ceph crash reports\n  - Commands: `ceph crash archive-all`\n";

#[test]
fn a_recovery_by_exec_is_a_persons_where_exec_is_switched_off() {
    let mut scene = Scene::new(ARCHIVE);
    assert_eq!(scene.says(), "action");
    scene.tools = Tools::Off;
    let Decision::Note(events) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(matches!(&events[..], [Event::Waits { why, .. }] if why.contains("cluster.exec")), "{events:?}");
}

#[test]
fn a_recovery_that_did_not_happen_is_not_tried_again_at_once() {
    let mut scene = Scene::new(ARCHIVE);
    let Decision::Perform(effect) = scene.decide() else { panic!("{:?}", scene.decide()) };
    let step = scene.fold(NOW, Event::Intended { effect });
    let outcome = Outcome::NotYet { why: "the tools pod restarts".to_owned() };
    scene.fold(NOW, Event::Ended { step, outcome });
    assert_eq!(scene.says(), "wait");
    scene.clock = NOW + 120;
    assert_eq!(scene.says(), "action");
}

#[test]
fn what_people_decided_is_unheard_until_the_journal_knows_it() {
    let body = "## Tasks\n\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready\n- [ ] **A2 P3 Apps**: Telephone\n";
    let mut scene = Scene::new(body);
    let (done, open) = (scene.key("A1"), scene.key("A2"));
    let decision = scene.decide();
    scene.noted(decision);
    let of = |scene: &Scene, wishes: &[Wish]| {
        let Unheard { ticked, unticked } = Unheard::of(wishes, &scene.state);
        (ticked.into_iter().collect::<Vec<_>>(), unticked.into_iter().collect::<Vec<_>>())
    };
    let ticked = [Wish::Ticked(open.clone()), Wish::Ticked(done.clone())];
    assert_eq!(of(&scene, &ticked), (vec![open.clone()], vec![]), "one of them has ended");
    let unticked = [Wish::Unticked(done.clone()), Wish::Unticked(open.clone())];
    assert_eq!(of(&scene, &unticked), (vec![], vec![done.clone()]), "only what ended can be asked for again");
    scene.fold(NOW, Event::TaskAgain { key: done });
    assert_eq!(of(&scene, &unticked), (vec![], vec![]));
}

#[test]
fn a_task_that_was_nobodys_counts_once_a_delivery_shows_that_somebody_trusted_wrote_it() {
    let mut scene = Scene::new(ONE);
    let key = scene.key("D1");
    let returned = |vouched| Event::TaskReturned { key: key.clone(), vouched };
    scene.fold(1, Event::TaskGone { key: key.clone() });
    scene.fold(2, returned(false));
    scene.noted(scene.decide());
    assert_eq!(scene.says(), "call", "a person is asked for their word");
    scene.shown_by.insert(key.clone(), "operator".to_owned());
    let decision = scene.decide();
    let by = "operator".to_owned();
    assert_eq!(decision, Decision::Note(vec![Event::TaskVouched { key: key.clone(), by }]));
    scene.noted(decision);
    assert_eq!(scene.says(), "merge 6");
}

#[test]
fn an_incident_of_another_run_closes_the_gate() {
    let mut scene = Scene::new(ONE);
    assert_eq!(scene.says(), "merge 6");
    scene.incident_elsewhere = Some("an incident");
    assert_eq!(scene.says(), "wait");
}
