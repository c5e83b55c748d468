//! What caretaker found itself: when its task ends, what is done about it, what is added, what outlives its task.

use super::{NOW, ONE, Scene, at, finding, recon};
use crate::cluster::ObjectRef;
use crate::health::{Acknowledgement, Finding, Probe, Verdict};
use crate::issue::{Block, Desired, FindingTask, Own, Proposal, TaskKey, apply, key_of, tags};
use crate::run::decide::{Decision, Waiting};
use crate::run::event::{Accepted, Event, Outcome, TaskOutcome};
use crate::run::situation::{KnownFinding, Mode, SeenApproval, Tools};
use crate::run::state::TaskState;

fn crash() -> Finding {
    let mut crash = finding(Probe::Ceph, Verdict::Yellow);
    "RECENT_CRASH".clone_into(&mut crash.id.rule);
    crash
}

fn block(finding: &Finding) -> (Own, Block) {
    let own = Own::Finding(tags([&finding.id].into_iter())[&finding.id].clone());
    let block = Proposal::of_finding(own.clone(), FindingTask::of(finding)).block();
    (own, block)
}

/// A run on an issue that asks for one finding, which is there.
fn scene(finding: &Finding) -> (Scene, TaskKey) {
    let (own, block) = block(finding);
    let body = apply("## Tasks\n\n", &Desired { blocks: vec![block], ..Desired::default() });
    let mut scene = Scene::new(&body);
    let key = key_of(&own);
    assert_eq!(scene.reading.tasks[0].key, key, "{body}");
    let task = FindingTask::of(finding);
    scene.fold(0, Event::FindingSeen { key: key.clone(), task: task.clone() });
    scene.findings.insert(key.clone(), KnownFinding { task, allowed: false, accepted: None, unasked: false });
    there(&mut scene, finding);
    (scene, key)
}

fn there(scene: &mut Scene, finding: &Finding) {
    scene.recon = recon(std::slice::from_ref(finding));
    scene.green_since = None;
    seen_since(scene, finding, 0);
}

/// It has been so since then.
fn seen_since(scene: &mut Scene, finding: &Finding, second: i64) {
    scene.first_seen = [(finding.id.clone(), at(second))].into();
    let broken = finding.is_broken_itself().then(|| (finding.id.clone(), at(second)));
    scene.broken_since = broken.into_iter().collect();
}

#[test]
fn the_task_of_a_person_ends_when_its_finding_has_been_gone_for_the_settle_time() {
    let found = finding(Probe::Pods, Verdict::Red);
    let (mut one, key) = scene(&found);
    assert_eq!(one.says(), "note waits");
    one.noted(one.decide());
    assert_eq!(one.says(), "call", "told once; then people are awaited");
    // Its probe does not answer: nothing ends, and nothing is said anew.
    let mut silent = recon(&[]);
    for result in silent.probes.iter_mut().filter(|result| result.probe == Probe::Pods) {
        result.verdict = Verdict::Unknown;
    }
    one.recon = silent;
    assert_eq!(one.says(), "call");
    one.recon = recon(&[]);
    one.gone_since.insert(key.clone(), at(NOW - 59));
    assert_eq!(one.says(), "wait");
    one.gone_since.insert(key.clone(), at(NOW - 60));
    assert_eq!(one.says(), "note task-ended");
    // A task that was given up ends as well.
    one.fold(NOW, Event::TaskFailed { key: key.clone(), why: "three times".to_owned() });
    assert_eq!(one.says(), "note task-ended");
    one.noted(one.decide());
    let state = &one.state.task(&key).expect("seen").state;
    assert!(matches!(state, TaskState::Ended { outcome: TaskOutcome::Done, .. }), "{state:?}");
}

#[test]
fn what_an_audit_found_ends_by_an_audit_after_the_settle_time_and_not_by_the_first_alone() {
    let found = Finding { informational: true, ..finding(Probe::Audit, Verdict::Yellow) };
    let (mut one, key) = scene(&found);
    one.recon = recon(&[]);
    one.gone_since.insert(key, at(NOW - 100));
    for (audited, says) in [(NOW - 100, "wait"), (NOW - 41, "wait"), (NOW - 40, "note task-ended")] {
        one.audited_at = Some(at(audited));
        assert_eq!(one.says(), says, "{audited}");
    }
}

#[test]
fn what_changes_something_needs_a_yes_unless_the_settings_give_it() {
    let (mut one, key) = scene(&crash());
    one.tools = Tools::Off;
    assert_eq!(one.says(), "note waits");
    one.tools = Tools::Allowed;
    assert_eq!(one.says(), "note approval-asked waits");
    one.noted(one.decide());
    assert_eq!(one.says(), "call", "asked once");
    let code = one.state.task(&key).and_then(|record| record.asked.clone()).expect("asked").code;
    one.approvals =
        vec![SeenApproval { key: key.clone(), code, by: "operator".to_owned(), comment: Some(1) }];
    assert_eq!(one.says(), "note approved");
    one.noted(one.decide());
    one.approvals.clear();
    let Decision::Perform(effect) = one.decide() else { panic!("{:?}", one.decide()) };
    let step = one.fold(NOW, Event::Intended { effect });
    one.fold(NOW, Event::Ended { step, outcome: Outcome::Done { detail: "archived 1".to_owned() } });
    assert_eq!(one.says(), "note task-ended");
    one.noted(one.decide());
    // Whoever asks for it again gives no yes with that.
    one.clock += 10;
    let again = one.clock;
    one.fold(again, Event::TaskAgain { key: key.clone() });
    assert_eq!(one.says(), "note approval-asked waits");

    let (mut given, key) = scene(&crash());
    given.findings.get_mut(&key).expect("it is there").allowed = true;
    assert_eq!(given.says(), "action");
    given.mode = Mode::Observe;
    assert_eq!(given.says(), "wait");
    given.mode = Mode::Auto;
    given.recon = recon(&[]);
    assert_eq!(given.says(), "note waits", "nothing is done about what is not seen");
}

#[test]
fn what_outlives_its_task_is_handed_over_once_until_it_is_gone() {
    let found = finding(Probe::Pods, Verdict::Red);
    let (mut one, key) = scene(&found);
    let ended = Event::TaskEnded { key: key.clone(), outcome: TaskOutcome::Done, note: "by hand".to_owned() };
    one.fold(NOW - 299, ended);
    assert_eq!(one.says(), "wait", "a look right after the end may be of before");
    one.clock += 1;
    assert_eq!(one.says(), "note finding-outlived escalated");
    one.noted(one.decide());
    assert_eq!(one.says(), "call");
    one.labelled();
    assert_eq!(one.says(), "wait", "handed over once");
    one.recon = recon(&[]);
    one.gone_since.insert(key, at(NOW - 60));
    assert_eq!(one.says(), "note finding-over");
    one.noted(one.decide());
    assert!(!one.state.has_open_cases());

    // What is only listed may stay.
    let mut listed = finding(Probe::Pods, Verdict::Yellow);
    listed.informational = true;
    let (mut one, key) = scene(&listed);
    one.fold(10, Event::TaskEnded { key, outcome: TaskOutcome::Done, note: "by hand".to_owned() });
    assert_eq!(one.says(), "wait");
}

#[test]
fn what_broke_during_the_run_becomes_a_task() {
    type Spoil = fn(&mut Scene, &mut Finding);
    // As it was in the first look.
    fn first(scene: &mut Scene, found: &Finding, was: impl FnOnce(&mut Finding)) {
        let mut before = found.clone();
        was(&mut before);
        scene.state.first_recon = Some(recon(&[before]));
    }
    let table: [(&str, Spoil, bool); 16] = [
        ("broken for the grace time", |_, _| (), true),
        ("just now", |scene, found| seen_since(scene, found, NOW - 299), false),
        (
            "there for long, and a cause of its own just now",
            |scene, found| scene.broken_since = [(found.id.clone(), at(NOW - 299))].into(),
            false,
        ),
        ("not well, and serving", |_, found| found.verdict = Verdict::Yellow, false),
        ("listed", |_, found| found.informational = true, false),
        ("it follows", |_, found| found.cause = Some(crash().id), false),
        ("observed only", |scene, _| scene.mode = Mode::Observe, false),
        ("there when the run began", |scene, found| first(scene, found, |_| ()), false),
        (
            "not well when the run began, and serving",
            |scene, found| first(scene, found, |before| before.verdict = Verdict::Yellow),
            true,
        ),
        (
            "listed when the run began",
            |scene, found| first(scene, found, |before| before.informational = true),
            true,
        ),
        (
            "accepted when the run began",
            |scene, found| {
                first(scene, found, |before| (before.informational, before.acknowledged) = (true, true));
            },
            true,
        ),
        (
            "it followed when the run began",
            |scene, found| first(scene, found, |before| before.cause = Some(crash().id)),
            true,
        ),
        (
            "there when the run began, gone, and back",
            |scene, found| {
                first(scene, found, |_| ());
                scene.fold(10, Event::FindingWent { finding: found.id.clone() });
            },
            true,
        ),
        (
            "there when the run began, and accepted until now",
            |scene, found| {
                first(scene, found, |_| ());
                scene.fold(10, accepts(found, NOW));
            },
            true,
        ),
        (
            "there when the run began, and accepted until soon",
            |scene, found| {
                first(scene, found, |_| ());
                scene.fold(10, accepts(found, NOW + 1));
            },
            false,
        ),
        ("a person asks for it", |scene, _| scene.reading.tasks[0].title = "See to echo".to_owned(), false),
    ];
    for (what, spoil, added) in table {
        let mut one = Scene::new("## Tasks\n\n- [ ] **P1 P3 Apps**: Ask the supplier by telephone\n");
        one.fold(0, Event::Recon { last: false, recon: Box::new(recon(&[])) });
        let mut found = finding(Probe::Pods, Verdict::Red);
        seen_since(&mut one, &found, NOW - 300);
        spoil(&mut one, &mut found);
        one.recon = recon(&[found]);
        one.green_since = None;
        assert_eq!(one.says() == "note finding-added", added, "{what}: {}", one.says());
        if added {
            one.noted(one.decide());
            assert_ne!(one.says(), "note finding-added", "once");
        }
    }
}

/// A person's word that it may be so, until then.
fn accepts(found: &Finding, until: i64) -> Event {
    Event::Acknowledged(Accepted {
        finding: found.id.clone(),
        verdict: found.verdict,
        by: "operator".to_owned(),
        reason: "known".to_owned(),
        expires: at(until),
        comment: 1,
    })
}

#[test]
fn what_nobody_could_see_when_the_run_began_did_not_break_during_it() {
    let found = finding(Probe::Pods, Verdict::Red);
    for (name, unread, first) in [("read", false, true), ("not read", true, false)] {
        let mut one = Scene::new("## Tasks\n\n- [ ] **P1 P3 Apps**: Ask the supplier by telephone\n");
        let mut before = recon(&[]);
        if unread {
            let mut silent = finding(Probe::Pods, Verdict::Unknown);
            (silent.id.rule, silent.id.object) = ("not-read".to_owned(), ObjectRef::new("Probe", "", "pods"));
            before = recon(&[silent]);
        }
        one.fold(0, Event::Recon { last: false, recon: Box::new(before) });
        there(&mut one, &found);
        assert_eq!(one.says(), "note finding-added", "{name}");
        one.noted(one.decide());
        assert_eq!(one.state.broke.len(), usize::from(first), "{name}");
    }
}

#[test]
fn what_breaks_again_after_a_person_took_its_block_out_has_it_again() {
    let found = finding(Probe::Pods, Verdict::Red);
    let (own, _) = block(&found);
    let key = key_of(&own);
    let (mut one, _) = scene(&found);
    one.fold(0, Event::Recon { last: false, recon: Box::new(recon(&[])) });
    one.fold(10, Event::TaskEnded { key: key.clone(), outcome: TaskOutcome::Done, note: String::new() });
    one.fold(20, Event::TaskGone { key: key.clone() });
    one.findings.clear();
    one.reading.tasks.clear();
    one.order.clear();
    // It is told that it went as of what has a block.
    one.recon = recon(&[]);
    one.went_since = [(found.id.clone(), at(NOW - 60))].into();
    assert_eq!(one.says(), "note finding-went");
    one.noted(one.decide());
    one.went_since.clear();
    there(&mut one, &found);
    assert_eq!(one.says(), "note finding-added");
    one.noted(one.decide());
    let record = one.state.task(&key).expect("seen");
    assert!(record.state == TaskState::Open && !record.gone && record.found_again.is_some(), "{record:?}");
    assert_eq!(one.state.added.len(), 1);
    assert!(!one.says().starts_with("note finding"), "once: {}", one.says());
    // What is there all the time is not put back: a person took it out. So it is with what another look has asked for meanwhile.
    for first in [recon(std::slice::from_ref(&found)), recon(&[])] {
        let (mut still, _) = scene(&found);
        still.fold(0, Event::Recon { last: false, recon: Box::new(first) });
        still.fold(20, Event::TaskGone { key: key.clone() });
        still.findings.clear();
        still.reading.tasks.clear();
        still.order.clear();
        assert!(!still.says().starts_with("note finding"), "{}", still.says());
    }
}

#[test]
fn what_is_not_asked_for_any_more_is_skipped_and_not_called_gone() {
    let found = finding(Probe::Pods, Verdict::Red);
    let (mut one, key) = scene(&found);
    one.findings.get_mut(&key).expect("it is there").unasked = true;
    assert_eq!(one.says(), "note waits", "it is still told");
    one.recon = recon(&[]);
    one.gone_since = [(key.clone(), at(NOW - 60))].into();
    assert_eq!(one.says(), "note task-ended");
    one.noted(one.decide());
    let TaskState::Ended { outcome, note, .. } = &one.state.task(&key).expect("seen").state else {
        panic!("it has ended")
    };
    assert_eq!(*outcome, TaskOutcome::Skipped);
    assert_eq!(note, "its probe is switched off, or not in the settings any more");
}

#[test]
fn observing_shows_what_comes_after_a_finding_that_would_end() {
    let found = finding(Probe::Pods, Verdict::Yellow);
    let (_, block) = block(&found);
    let body = apply(ONE, &Desired { blocks: vec![block], ..Desired::default() });
    for spoil in [
        (|one, key| _ = one.findings.get_mut(key).expect("it is there").accepted.insert(acceptance()))
            as fn(&mut Scene, &TaskKey),
        |one, key| _ = one.gone_since.insert(key.clone(), at(NOW - 60)),
    ] {
        let mut one = Scene::new(&body);
        let key = key_of(&Own::Finding(tags([&found.id].into_iter())[&found.id].clone()));
        let task = FindingTask::of(&found);
        one.fold(0, Event::FindingSeen { key: key.clone(), task: task.clone() });
        one.findings
            .insert(key.clone(), KnownFinding { task, allowed: false, accepted: None, unasked: false });
        // It is done first.
        one.order.sort_by_key(|other| *other != key);
        spoil(&mut one, &key);
        assert_eq!(one.says(), "note task-ended");
        one.mode = Mode::Observe;
        let Decision::Wait(Waiting::World(why)) = one.decide() else { panic!("{:?}", one.decide()) };
        assert!(why.contains("would merge"), "{why}");
    }
}

fn acceptance() -> Acknowledgement {
    Acknowledgement {
        object: String::new(),
        rule: String::new(),
        probe: None,
        verdict: None,
        reason: "known".to_owned(),
        expires: at(NOW + 1),
    }
}

#[test]
fn what_was_broken_when_the_run_began_is_forgotten_once_it_has_been_gone_for_the_settle_time() {
    let found = finding(Probe::Pods, Verdict::Red);
    let mut one = Scene::new("## Tasks\n\n- [ ] **P1 P3 Apps**: Ask the supplier by telephone\n");
    one.fold(0, Event::Recon { last: false, recon: Box::new(recon(std::slice::from_ref(&found))) });
    one.went_since = [(found.id.clone(), at(NOW - 59))].into();
    assert_ne!(one.says(), "note finding-went");
    // It was away for a moment.
    one.went_since.clear();
    there(&mut one, &found);
    assert!(!one.says().starts_with("note finding"), "{}", one.says());
    one.recon = recon(&[]);
    one.went_since = [(found.id.clone(), at(NOW - 60))].into();
    assert_eq!(one.says(), "note finding-went");
    one.noted(one.decide());
    assert_ne!(one.says(), "note finding-went", "once");
    one.went_since.clear();
    there(&mut one, &found);
    assert_eq!(one.says(), "note finding-added");
    one.noted(one.decide());
    assert!(one.state.went.is_empty() && one.state.broke.len() == 1, "{:?}", one.state.broke);
}

#[test]
fn a_finding_that_comes_and_goes_has_one_task_and_a_new_one_once_that_has_ended() {
    let found = finding(Probe::Pods, Verdict::Red);
    let (mut one, key) = scene(&found);
    one.noted(one.decide());
    // Away for less than the settle time, again and again.
    for second in [-50, -40, -30] {
        one.recon = recon(&[]);
        one.gone_since = [(key.clone(), at(NOW + second))].into();
        one.went_since = [(found.id.clone(), at(NOW + second))].into();
        assert_eq!(one.says(), "wait");
        one.gone_since.clear();
        one.went_since.clear();
        there(&mut one, &found);
        assert_eq!(one.says(), "call");
    }
    // Gone for good, as it seems.
    one.recon = recon(&[]);
    one.gone_since = [(key.clone(), at(NOW - 60))].into();
    one.went_since = [(found.id.clone(), at(NOW - 60))].into();
    assert_eq!(one.says(), "note task-ended");
    one.noted(one.decide());
    assert_eq!(one.says(), "note finding-went");
    one.noted(one.decide());
    // And back, days later.
    one.gone_since.clear();
    one.went_since.clear();
    one.clock += 3 * 86_400;
    there(&mut one, &found);
    let clock = one.clock;
    seen_since(&mut one, &found, clock - 299);
    assert!(!one.says().starts_with("note"), "no more than a beginning: {}", one.says());
    seen_since(&mut one, &found, clock - 300);
    assert_eq!(one.says(), "note finding-back");
    one.noted(one.decide());
    let record = one.state.task(&key).expect("seen");
    assert!(record.state == TaskState::Open && record.asked.is_none(), "{record:?}");
    assert!(one.state.broke.contains(&key) && one.state.went.is_empty());
    assert_eq!(one.says(), "note waits");
}

#[test]
fn what_is_not_well_and_comes_back_after_its_task_ended_has_it_again() {
    for outcome in [TaskOutcome::Done, TaskOutcome::Deferred, TaskOutcome::Skipped] {
        let (mut one, key) = scene(&crash());
        one.fold(10, Event::TaskEnded { key: key.clone(), outcome, note: String::new() });
        one.fold(20, Event::FindingWent { finding: crash().id });
        seen_since(&mut one, &crash(), NOW - 299);
        assert_eq!(one.says(), "wait", "no more than a beginning");
        seen_since(&mut one, &crash(), NOW - 300);
        assert_eq!(one.says(), "note finding-back");
        one.noted(one.decide());
        assert!(one.state.broke.is_empty(), "it does not go before all others");
        assert_eq!(one.says(), "note approval-asked waits", "a question of its own");
    }
    // Ceph's command told it, and is switched off since: its operator's object tells the same.
    let mut by_command = crash();
    by_command.id.probe = Probe::CephTools;
    let (mut one, key) = scene(&by_command);
    one.fold(10, Event::TaskEnded { key, outcome: TaskOutcome::Done, note: String::new() });
    one.fold(20, Event::FindingWent { finding: by_command.id.clone() });
    there(&mut one, &crash());
    assert_eq!(one.says(), "note finding-back");
    one.noted(one.decide());
    assert!(one.state.went.is_empty(), "{:?}", one.state.went);
    assert_eq!(one.says(), "note approval-asked waits");
    // Nothing waits for what is only listed, nor for what follows.
    let cause = Some(finding(Probe::Nodes, Verdict::Red).id);
    for (informational, cause) in [(true, None), (false, cause)] {
        let found = Finding { informational, cause, ..crash() };
        let (mut one, key) = scene(&found);
        one.fold(10, Event::TaskEnded { key, outcome: TaskOutcome::Done, note: String::new() });
        one.fold(20, Event::FindingWent { finding: found.id.clone() });
        assert_eq!(one.says(), "wait");
    }
}

#[test]
fn what_is_gone_is_looked_at_again_soon_until_it_has_settled() {
    let found = finding(Probe::Pods, Verdict::Red);
    let is_awaited = |one: &Scene| matches!(one.decide(), Decision::Wait(Waiting::World(_)));
    let mut one = Scene::new("## Tasks\n\n- [ ] **P1 P3 Apps**: Ask the supplier by telephone\n");
    one.fold(0, Event::Recon { last: false, recon: Box::new(recon(std::slice::from_ref(&found))) });
    one.noted(one.decide());
    one.labelled();
    assert!(!is_awaited(&one), "people are awaited");
    one.went_since = [(found.id.clone(), at(NOW))].into();
    assert!(is_awaited(&one));
    one.mode = Mode::Observe;
    assert!(!is_awaited(&one), "observing notes nothing of it");
    one.mode = Mode::Auto;
    one.fold(NOW, Event::FindingWent { finding: found.id.clone() });
    assert!(!is_awaited(&one), "it is known");

    // A case that was handed over.
    let (mut case, key) = scene(&found);
    let ended = Event::TaskEnded { key: key.clone(), outcome: TaskOutcome::Done, note: String::new() };
    case.fold(10, ended);
    case.noted(case.decide());
    case.fold(20, Event::FindingWent { finding: found.id.clone() });
    case.recon = recon(&[]);
    // A person who opened the issue again has not said what for.
    case.fold(20, Event::Withdrawn { closed: true });
    case.fold(30, Event::TakenUp);
    case.labelled();
    assert!(!is_awaited(&case), "{:?}", case.decide());
    case.gone_since.insert(key, at(NOW));
    assert!(is_awaited(&case));
}

#[test]
fn another_rule_on_its_object_outlives_no_tick_unless_it_is_broken_and_nobodys() {
    let of = |rule: &str, verdict| {
        let mut found = finding(Probe::Pods, verdict);
        rule.clone_into(&mut found.id.rule);
        found
    };
    let looped = of("crash-loop", Verdict::Red);
    for (what, other, known, outlived) in [
        ("itself, and less bad", of("crash-loop", Verdict::Yellow), false, true),
        ("not well for a while yet", of("restarts-grow", Verdict::Yellow), false, false),
        ("broken otherwise", of("image-pull", Verdict::Red), false, true),
        ("broken otherwise, with a task", of("image-pull", Verdict::Red), true, false),
    ] {
        let (mut one, key) = scene(&looped);
        one.fold(10, Event::TaskEnded { key, outcome: TaskOutcome::Done, note: String::new() });
        there(&mut one, &other);
        if known {
            let task = FindingTask::of(&other);
            let known = KnownFinding { task, allowed: false, accepted: None, unasked: false };
            one.findings.insert(TaskKey("other".to_owned()), known);
        }
        assert_eq!(one.says() == "note finding-outlived escalated", outlived, "{what}: {}", one.says());
    }
}

#[test]
fn a_case_whose_block_was_taken_out_is_nobodys_any_more() {
    let (mut one, key) = scene(&finding(Probe::Pods, Verdict::Red));
    one.fold(10, Event::TaskEnded { key: key.clone(), outcome: TaskOutcome::Done, note: String::new() });
    one.noted(one.decide());
    assert!(one.state.has_open_cases());
    one.fold(NOW, Event::TaskGone { key });
    assert!(!one.state.has_open_cases());
}

#[test]
fn what_a_person_accepts_ends_its_task_until_the_acceptance_ends() {
    for verdict in [Verdict::Yellow, Verdict::Red] {
        let found = finding(Probe::Pods, verdict);
        let (mut one, key) = scene(&found);
        one.noted(one.decide());
        let accepted = Acknowledgement {
            object: found.id.object.to_string(),
            rule: found.id.rule.clone(),
            probe: Some(found.id.probe),
            verdict: Some(verdict),
            reason: "the pool is a *cache*, says operator".to_owned(),
            expires: "2027-01-16T00:00:00Z".parse().expect("a time"),
        };
        let mut listed = found.clone();
        (listed.informational, listed.acknowledged) = (true, true);
        one.recon = recon(&[listed]);
        one.findings.get_mut(&key).expect("it is there").accepted = Some(accepted);
        assert_eq!(one.says(), "note task-ended");
        one.noted(one.decide());
        let TaskState::Ended { outcome, note, .. } = &one.state.task(&key).expect("seen").state else {
            panic!("it has ended")
        };
        assert_eq!(*outcome, TaskOutcome::Acknowledged);
        assert!(
            note.starts_with("accepted until 2027-01-16 00:00 UTC: ") && note.contains("says operator"),
            "{note}"
        );
        assert!(!one.says().starts_with("note"), "once: {}", one.says());
        // The day is over.
        one.findings.get_mut(&key).expect("it is there").accepted = None;
        there(&mut one, &found);
        assert_eq!(one.says(), "note finding-back");
        one.noted(one.decide());
        assert_eq!(one.says(), "note waits");
        assert_eq!(one.state.broke.contains(&key), verdict == Verdict::Red);
    }
}

#[test]
fn a_case_that_somebody_accepts_is_nobodys_any_more() {
    let found = finding(Probe::Pods, Verdict::Red);
    let (mut one, key) = scene(&found);
    one.fold(10, Event::TaskEnded { key: key.clone(), outcome: TaskOutcome::Done, note: String::new() });
    one.noted(one.decide());
    assert!(one.state.outlived.contains(&key) && one.state.has_open_cases());
    one.labelled();
    one.findings.get_mut(&key).expect("it is there").accepted = Some(acceptance());
    one.recon = recon(&[]);
    assert_eq!(one.says(), "note finding-over");
}
