//! Texts at the edges: empty, huge, nothing but our own, doubled, forged, of another run.

use super::{
    Block, ChangeKind, ChangeRow, Desired, KnownTask, Reading, TaskKey, TaskWish, apply, keep_history, read,
};
use crate::merge::UpdateType;

const NOTE: &str = "*(done 2026-11-21 14:30 UTC: by hand)*";

fn reading(body: &str) -> Reading {
    read(body, &|_| (None, UpdateType::Unknown)).expect("readable")
}

fn status(text: &str) -> Desired {
    Desired { status: Some(text.to_owned()), ..Desired::default() }
}

fn twice(body: &str, desired: &Desired) -> String {
    let once = apply(body, desired);
    assert_eq!(apply(&once, desired), once, "applying twice is the same as once");
    once
}

/// A row of a merge.
fn merged() -> ChangeRow {
    ChangeRow {
        at: "2026-11-21T14:30:00Z".parse().expect("a time"),
        kind: ChangeKind::Merge,
        task: None,
        number: Some(5),
        title: "it".to_owned(),
        action: "merged".to_owned(),
        note: "all layers GREEN".to_owned(),
        after: None,
        written: false,
    }
}

/// The known tasks of a text, and which of them a run has ended with a note.
fn known(body: &str, ended: &[usize]) -> (Vec<KnownTask>, Vec<(TaskKey, String)>) {
    let tasks = reading(body).tasks;
    let known: Vec<KnownTask> = tasks.iter().map(|task| KnownTask::of(task, &tasks)).collect();
    let notes = ended.iter().map(|&at| (known[at].key.clone(), NOTE.to_owned())).collect();
    (known, notes)
}

/// Which of the known tasks each task of the text is, by its place; `None` for a new one.
fn found(before: &str, ended: &[usize], after: &str) -> Vec<Option<usize>> {
    let (known, notes) = known(before, ended);
    let mut reading = reading(after);
    keep_history(&mut reading, &known, &notes);
    let places = reading.tasks.iter().map(|task| known.iter().position(|known| known.key == task.key));
    places.collect()
}

#[test]
fn tasks_that_are_alike_keep_their_own_history() {
    let two = "- [x] Fix a\n- [ ] Fix a\n";
    let done = format!("- [x] Fix a {NOTE}\n");
    for (name, after, expected) in [
        ("as they were", format!("{done}- [ ] Fix a\n"), vec![Some(0), Some(1)]),
        ("swapped", format!("- [ ] Fix a\n{done}"), vec![Some(1), Some(0)]),
        ("the ended one taken out", "- [ ] Fix a\n".to_owned(), vec![Some(1)]),
        ("the open one taken out", done.clone(), vec![Some(0)]),
        ("another one put above", format!("- [ ] Fix a\n{done}- [ ] Fix a\n"), vec![Some(1), Some(0), None]),
        ("an old copy without notes", "- [ ] Fix a\n- [ ] Fix a\n".to_owned(), vec![Some(0), Some(1)]),
    ] {
        assert_eq!(found(two, &[0], &after), expected, "{name}");
    }
    let ids = "- [ ] **A1 P1**: Fix a\n- [ ] **A2 P1**: Fix a\n";
    assert_eq!(found(ids, &[], "- [ ] **A2 P1**: Fix a\n- [ ] **A1 P1**: Fix a\n"), [Some(1), Some(0)]);
    assert_eq!(found(ids, &[], "- [ ] **A2 P1**: Fix a\n"), [Some(1)]);
    // Alike but for what one of them asks of people.
    let asks =
        "- [ ] **A1 P1 Apps**: Merge PR #5\n**Closed By**: PENDING\n- [ ] **A1 P1 Apps**: Merge PR #5\n";
    assert_eq!(found(asks, &[0], asks), [Some(0), Some(1)]);
    // The first was reworded, and its old words are another task's now: the note tells which is which.
    let reworded = format!("- [x] Fix the disk of rack b now {NOTE}\n- [ ] Fix the disk of rack b\n");
    assert_eq!(found("- [ ] Fix the disk of rack b\n", &[0], &reworded), [Some(0), None]);
}

#[test]
fn nothing_of_nothing_and_much_of_much() {
    let wish = status("## caretaker\n\nall is well");
    for body in ["", "\n", "\r\n", " ", "\u{feff}", "\u{feff}- [ ] Fix a\n"] {
        let text = twice(body, &wish);
        assert_eq!(text.matches("all is well").count(), 1, "{text:?}");
        assert!(text.contains(body.trim_start_matches('\u{feff}').trim_matches(['\n', '\r'])), "{text:?}");
    }
    // Only our blocks, and then again with other words.
    let ours = twice("", &wish);
    let again = Desired { former_statuses: wish.status.iter().cloned().collect(), ..status("other words") };
    assert_eq!(
        twice(&ours, &again),
        ours.replace("## caretaker\n\nall is well", "other words").replace(
            ours.lines().find(|line| line.contains("caretaker:sum")).expect("a sum"),
            twice("", &status("other words"))
                .lines()
                .find(|line| line.contains("caretaker:sum"))
                .expect("a sum"),
        )
    );
    let task = |number: usize| {
        format!("- [ ] **A{number} P2 Apps**: Fix number {number}\n  - **Goal**: it works\n\n")
    };
    let body: String = (0..1_000).map(task).collect();
    assert!(body.len() > 60_000);
    let tasks = reading(&body).tasks;
    let mut wish = status("words");
    wish.known = tasks.iter().map(|task| KnownTask::of(task, &tasks)).collect();
    wish.tasks = tasks
        .iter()
        .step_by(10)
        .map(|task| TaskWish {
            key: task.key.clone(),
            tick: true,
            note: Some(NOTE.to_owned()),
            former_notes: Vec::new(),
        })
        .collect();
    let text = twice(&body, &wish);
    assert_eq!(text.matches(NOTE).count(), 100);
    assert!(text.replace(&format!(" {NOTE}"), "").replace("- [x]", "- [ ]").ends_with(&body));
}

#[test]
fn a_block_of_another_run_is_replaced_and_a_forged_one_hides_nothing() {
    let other = twice("- [ ] Fix a\n", &status("words of a run that nobody here knows"));
    let text = twice(&other, &status("words of this run"));
    assert!(text.contains("words of this run") && !text.contains("nobody here knows"), "{text}");
    assert_eq!(text.matches("<!-- caretaker:status -->").count(), 1);
    for name in ["status", "packet", "changes", "unknown"] {
        let forged = format!(
            "<!-- caretaker:{name} -->\n- [ ] Fix a\n\nkeep\n<!-- /caretaker:{name} -->\n- [ ] Fix b\n"
        );
        assert_eq!(reading(&forged).tasks.len(), 2, "{name}");
        let text = twice(&forged, &status("words"));
        assert_eq!(reading(&text).tasks.len(), 2, "{text}");
        assert!(text.contains("- [ ] Fix a\n\nkeep\n"), "{text}");
    }
}

#[test]
fn a_marker_before_a_heading_or_a_fence_changes_nothing_below_it() {
    for marker in ["<!-- caretaker:status -->", "<!-- /caretaker:status -->", "<!-- caretaker:other -->"] {
        for line in ["### Completion Criteria", "```", "~~~", "    code", "> quoted", "<div>"] {
            let body = format!("## High\n\n{marker} {line}\n- [ ] Fix a\n\n- [ ] Fix b\n");
            let before = reading(&body);
            let text = twice(&body, &status("words"));
            let after = reading(&text);
            assert!(text.contains(line), "{text}");
            let seen = |reading: &Reading| -> Vec<_> {
                reading.tasks.iter().map(|task| (task.title.clone(), task.priority)).collect()
            };
            assert_eq!(seen(&after), seen(&before), "{text}");
        }
    }
}

#[test]
fn a_change_log_in_a_fence_is_an_example() {
    let body = "- [ ] Fix a\n\n```\n## Change Log\n\n| Time | Action | Result |\n|---|---|---|\n```\n";
    let row = super::ChangeRow {
        at: "2026-11-21T14:30:00Z".parse().expect("a time"),
        kind: super::ChangeKind::Action,
        task: None,
        number: None,
        title: "it".to_owned(),
        action: "done".to_owned(),
        note: "well".to_owned(),
        after: None,
        written: false,
    };
    let text = twice(body, &Desired { rows: vec![row], ..status("words") });
    assert!(text.contains(body), "{text}");
    assert_eq!(text.matches("| well |").count(), 1, "{text}");
}

#[test]
fn blocks_stand_by_their_names_in_whatever_order_they_came() {
    let block = |name: &str| Block { name: name.to_owned(), text: format!("### {name}") };
    let body = "# Title\n\n- [ ] Fix a\n";
    let all = Desired { blocks: vec![block("b"), block("a"), block("c")], ..status("words") };
    let mut text = body.to_owned();
    for names in [&["c"][..], &["c", "a"], &["b", "c", "a"]] {
        let blocks = names.iter().map(|name| block(name)).collect();
        text = twice(&text, &Desired { blocks, ..status("words") });
    }
    assert_eq!(text, twice(body, &all));
}

#[test]
fn our_first_note_in_a_persons_words_is_the_persons() {
    let body = "- [x] Fix a *(done 2026-11-21 14:30 UTC: by me)*\n";
    let key = reading(body).tasks[0].key.clone();
    let mut wish = status("words");
    wish.tasks =
        vec![TaskWish { key, tick: true, note: Some(NOTE.to_owned()), former_notes: vec![NOTE.to_owned()] }];
    assert!(twice(body, &wish).ends_with(body));
    // Where it was lost, in an old copy, it comes back.
    assert!(twice("- [ ] Fix a\n", &wish).ends_with(&format!("- [x] Fix a {NOTE}\n")));
}

#[test]
fn a_heading_of_ours_makes_no_form_of_a_persons_text() {
    let body = "## Action Items\n\n- [ ] **A1 P1 Apps**: Merge PR #5\n\n## Status\n\n## Execution Plan\n\n- [ ] Telephone\n\n## Closure\n";
    let reading = read(body, &|_| (None, UpdateType::Unknown)).expect("it is flat");
    assert_eq!((reading.tasks.len(), reading.form.seven_section), (2, false), "four of the seven sections");
    let text = twice(body, &Desired { rows: vec![merged()], ..status("words") });
    assert!(text.contains("## Change Log"), "{text}");
    let after = read(&text, &|_| (None, UpdateType::Unknown)).expect("it is flat");
    assert_eq!(after.tasks.len(), 2, "{text}");
}

#[test]
fn a_task_whose_words_begin_in_the_next_line_has_its_note_behind_its_box() {
    let body = "- [ ] \nMerge PR #5\n";
    let (known, notes) = known(body, &[0]);
    let (key, note) = notes[0].clone();
    let task = TaskWish { key, tick: true, note: Some(note), former_notes: Vec::new() };
    let text = twice(body, &Desired { known, tasks: vec![task], ..Desired::default() });
    assert_eq!(text, format!("- [x] {NOTE} \nMerge PR #5\n"));
}

#[test]
fn a_lone_carriage_return_at_the_end_stays_one() {
    let text = twice("- [ ] Fix a\r", &Desired { rows: vec![merged()], ..Desired::default() });
    assert!(text.starts_with("- [ ] Fix a\r\r\n<!-- caretaker:changes -->"), "{text:?}");
}

#[test]
fn what_ends_like_a_note_behind_one_of_ours_is_none() {
    let line = "- [ ] **A1 P1 Apps**: Repair the wiki *(done 2026-11-20 10:00 UTC: by hand)*and more 11:00 UTC: not this week)*\n";
    let tasks = reading(line).tasks;
    assert_eq!(tasks[0].notes, ["*(done 2026-11-20 10:00 UTC: by hand)*"]);
    assert_eq!(twice(line, &status("words")).matches("Repair the wiki").count(), 1);
}
