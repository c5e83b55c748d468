//! Which task is which when one asks for less than it did, and how tasks without an id are shown.

use super::{Desired, KnownTask, Reading, TaskKey, apply, keep_history, read};
use crate::merge::UpdateType;

fn reading(body: &str) -> Reading {
    read(body, &|_| (None, UpdateType::Unknown)).expect("readable")
}

fn known(reading: &Reading) -> Vec<KnownTask> {
    reading.tasks.iter().map(|task| KnownTask::of(task, &reading.tasks)).collect()
}

fn again(body: &str, known: &[KnownTask]) -> Reading {
    let mut reading = reading(body);
    keep_history(&mut reading, known, &[]);
    reading
}

/// The key of the task that merges or closes something.
fn key(reading: &Reading) -> TaskKey {
    let found = reading.tasks.iter().find(|task| matches!(task.kind.word(), "merge" | "close"));
    found.expect("there is one").key.clone()
}

#[test]
fn a_task_that_asks_for_less_than_it_did_is_another_one() {
    let waits = "- [ ] **A1**: Fix a\n- [ ] **A2**: Merge PR #5 after A1\n";
    let below = "- [ ] **A1**: Fix a\n- [ ] **A2**: Merge PR #5\n  - **Depends on**: A1\n";
    let alone = "- [ ] **A1**: Fix a\n- [ ] **A2**: Merge PR #5\n";
    for (before, after, same) in [
        ("- [ ] **A1**: If approved, merge PR #51\n", "- [ ] **A1**: Merge PR #51\n", false),
        ("- [ ] **A1**: Merge PR #51\n", "- [ ] **A1**: If approved, merge PR #51\n", true),
        (
            "- [ ] **A1**: If approved, merge PR #51\n",
            "- [ ] **A1**: If approved, merge PR #51 today\n",
            true,
        ),
        ("- [ ] **C1**: Close issue #9 if nobody needs it\n", "- [ ] **C1**: Close issue #9\n", false),
        (waits, alone, false),
        (below, alone, false),
        (alone, waits, true),
        (waits, "- [ ] **A2**: Merge PR #5 after A1\n", false),
        // The id is given to another task.
        (
            waits,
            "- [ ] **A1**: Verify that all nodes are Ready\n- [ ] **A3**: Fix a\n- [ ] **A2**: Merge PR #5 after A1\n",
            false,
        ),
        (waits, "- [ ] **B7**: Fix a\n- [ ] **A2**: Merge PR #5 after B7\n", true),
    ] {
        let first = reading(before);
        let then = again(after, &known(&first));
        assert_eq!(key(&then) == key(&first), same, "{before}\n{after}");
        // What is seen anew is known afterwards, and stays what it is.
        let mut both = known(&first);
        both.extend(
            known(&then).into_iter().filter(|task| !first.tasks.iter().any(|own| own.key == task.key)),
        );
        assert_eq!(key(&again(after, &both)), key(&then), "{before}\n{after}");
    }
}

#[test]
fn old_journals_know_nothing_of_what_a_task_asked_for() {
    let first = reading("- [ ] **A1**: Merge PR #51\n");
    let mut json = serde_json::to_value(&known(&first)[0]).expect("it is written so");
    let fields = json.as_object_mut().expect("an object");
    assert!(fields.remove("needs").is_some() && fields.remove("depends_on").is_some());
    let old: KnownTask = serde_json::from_value(json).expect("an old journal can be read");
    assert_eq!(key(&again("- [ ] **A1**: Merge PR #51\n", &[old])), key(&first));
}

fn ids(reading: &Reading) -> Vec<&str> {
    reading.tasks.iter().map(|task| task.id.as_str()).collect()
}

#[test]
fn a_task_without_an_id_keeps_the_one_that_it_was_shown_with() {
    let body =
        "# T\n\n- [ ] Fix a\n- [ ] Merge PR #5 after the fix\n- [ ] **A1**: Fix b\n- [ ] **A1**: Fix c\n";
    let first = reading(body);
    assert_eq!(ids(&first), ["T3", "T4", "T5", "T6"]);
    let status = |text: &str| Desired { status: Some(text.to_owned()), ..Desired::default() };
    for text in ["## caretaker\n\nwords", "## caretaker\n\nmore\n\nand more\n\nand more words"] {
        let written = apply(body, &status(text));
        assert_eq!(ids(&reading(&written)), ids(&first), "blocks of ours move no id: {written}");
    }
    let moved = again(&format!("A line of a person.\n- [ ] New\n\n{body}"), &known(&first));
    assert_eq!(ids(&moved), ["T2", "T3", "T4", "T5", "T6"]);
    // Two that would be shown alike are not.
    let clash = again("- [ ] Fix a\n\n- [ ] New\n", &known(&first));
    assert_eq!(ids(&clash), ["T3", "T3-2"]);
}

#[test]
fn the_number_of_a_line_is_no_id_that_somebody_wrote_elsewhere() {
    // The second task has an id that another has as well, so that it is shown by its line: as the last one is by its own.
    let body = "- [ ] **T9 P2**: Repair the shop\n- [ ] **T9 P2**: Repair the wiki\n- [ ] **A1 P2**: Repair the forum\n\
                - [ ] **T2 P2**: Repair the wiki\n";
    let before = reading(body);
    let known = known(&before);
    let after = again(&format!("Some words.\n\n{body}"), &known);
    let keys = |reading: &Reading| reading.tasks.iter().map(|task| task.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&after), keys(&before));
}
