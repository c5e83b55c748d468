//! What caretaker found itself: when its task ends, what is done about it, what is added, what outlives its task.

use super::{NOW, Scene, at, finding, recon};
use crate::health::{Acknowledgement, Finding, Probe, Verdict};
use crate::issue::{Block, Desired, FindingTask, Own, Proposal, TaskKey, apply, key_of, tags};
use crate::run::decide::Decision;
use crate::run::event::{Event, Outcome, TaskOutcome};
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
    scene.findings.insert(key.clone(), KnownFinding { task, allowed: false, accepted: None });
    there(&mut scene, finding);
    (scene, key)
}

fn there(scene: &mut Scene, finding: &Finding) {
    scene.recon = recon(std::slice::from_ref(finding));
    scene.green_since = None;
    scene.first_seen.insert(finding.id.clone(), at(0));
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
    let table: [(&str, Spoil, bool); 14] = [
        ("broken for the grace time", |_, _| (), true),
        ("just now", |scene, found| scene.first_seen = [(found.id.clone(), at(NOW - 299))].into(), false),
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
            "there when the run began, and away for a moment",
            |scene, found| {
                first(scene, found, |_| ());
                scene.first_seen = [(found.id.clone(), at(NOW - 400))].into();
            },
            false,
        ),
        ("a person asks for it", |scene, _| scene.reading.tasks[0].title = "See to echo".to_owned(), false),
    ];
    for (what, spoil, added) in table {
        let mut one = Scene::new("## Tasks\n\n- [ ] **P1 P3 Apps**: Ask the supplier by telephone\n");
        one.fold(0, Event::Recon { last: false, recon: Box::new(recon(&[])) });
        let mut found = finding(Probe::Pods, Verdict::Red);
        one.first_seen.insert(found.id.clone(), at(NOW - 300));
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

#[test]
fn what_was_broken_when_the_run_began_is_forgotten_once_it_has_been_gone_for_the_settle_time() {
    let found = finding(Probe::Pods, Verdict::Red);
    let mut one = Scene::new("## Tasks\n\n- [ ] **P1 P3 Apps**: Ask the supplier by telephone\n");
    one.fold(0, Event::Recon { last: false, recon: Box::new(recon(std::slice::from_ref(&found))) });
    one.went_since = [(found.id.clone(), at(NOW - 59))].into();
    assert_ne!(one.says(), "note finding-went");
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
    one.first_seen = [(found.id.clone(), at(one.clock - 299))].into();
    assert!(!one.says().starts_with("note"), "no more than a beginning: {}", one.says());
    one.first_seen = [(found.id.clone(), at(one.clock - 300))].into();
    assert_eq!(one.says(), "note finding-back");
    one.noted(one.decide());
    let record = one.state.task(&key).expect("seen");
    assert!(record.state == TaskState::Open && record.asked.is_none(), "{record:?}");
    assert!(one.state.broke.contains(&key) && one.state.went.is_empty());
    assert_eq!(one.says(), "note waits");
    // What is not as bad when it comes back is nothing new.
    let (mut mild, key) = scene(&finding(Probe::Pods, Verdict::Yellow));
    mild.fold(10, Event::TaskEnded { key, outcome: TaskOutcome::Done, note: String::new() });
    mild.fold(20, Event::FindingWent { finding: found.id.clone() });
    assert_eq!(mild.says(), "wait");
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
    one.findings.get_mut(&key).expect("it is there").accepted = Some(Acknowledgement {
        object: String::new(),
        rule: String::new(),
        probe: None,
        verdict: None,
        reason: "known".to_owned(),
        expires: at(NOW + 1),
    });
    one.recon = recon(&[]);
    assert_eq!(one.says(), "note finding-over");
}
