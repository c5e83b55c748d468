//! What caretaker found itself: when its task ends, what is done about it, what is added, what outlives its task.

use super::{NOW, Scene, at, finding, recon};
use crate::health::{Finding, Probe, Verdict};
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
    scene.findings.insert(key.clone(), KnownFinding { task, allowed: false });
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
    let table: [(&str, Spoil, bool); 8] = [
        ("broken for the grace time", |_, _| (), true),
        ("just now", |scene, found| scene.first_seen = [(found.id.clone(), at(NOW - 299))].into(), false),
        ("not well, and serving", |_, found| found.verdict = Verdict::Yellow, false),
        ("listed", |_, found| found.informational = true, false),
        ("it follows", |_, found| found.cause = Some(crash().id), false),
        ("observed only", |scene, _| scene.mode = Mode::Observe, false),
        (
            "there when the run began",
            |scene, found| scene.state.first_recon = Some(recon(std::slice::from_ref(found))),
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
