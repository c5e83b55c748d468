//! What writing changes, and above all what it does not.

use super::{
    Block, ChangeKind, ChangeRow, Desired, FieldWish, KnownTask, TaskWish, TemplateFields, apply,
    keep_history, laws, read, read_approvals, template_values,
};
use crate::health::Verdict;
use crate::merge::UpdateType;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOTE: &str = "*(done 2026-11-21 14:30 UTC: merged as 1a2b3c4, all layers GREEN)*";
const BODY: &str = "# Maintenance\n\n## Status\n\n| Field | Value |\n|---|---|\n| **Overall Status** | 🔴 RED |\n\
    | **Last Updated** | 2026-11-20 10:00 |\n\n## Action Items\n\n- [ ] **A1 P1 Apps**: Merge PR #5 grafana  \n  \
    - **Goal**: newer\n- [ ] **A2 P2 Apps**: Fix a\n\n## Change Log\n\n| Timestamp | Phase | Item | Action | Result \
    | Status After |\n|---|:-:|---|---|---|:-:|\n<!-- lint off -->\n| 2026-11-20 | 1 | x | y | z | w |\n\
    <!-- lint on -->\n\n## Closure\n\n| Field | Value |\n|---|---|\n| **Status** | PENDING |\n| **Started** | - |\n\n\
    **Closed By**: PENDING\n";

fn tasks(body: &str) -> Vec<super::Task> {
    read(body, &|_| (None, UpdateType::Unknown)).expect("readable").tasks
}

fn row(written: bool) -> ChangeRow {
    ChangeRow {
        at: "2026-11-21T14:30:00Z".parse().expect("a time"),
        kind: ChangeKind::Merge,
        task: Some("A1".to_owned()),
        number: Some(5),
        title: "Update grafana | to 11".to_owned(),
        action: "merged as `1a2b3c4`".to_owned(),
        note: "all layers GREEN".to_owned(),
        after: Some(Verdict::Green),
        written,
    }
}

fn desired(body: &str) -> Desired {
    let tasks = tasks(body);
    Desired {
        known: tasks.iter().map(|task| KnownTask::of(task, &tasks)).collect(),
        tasks: tasks
            .iter()
            .take(1)
            .map(|task| TaskWish {
                key: task.key.clone(),
                tick: true,
                note: Some(NOTE.to_owned()),
                former_notes: vec!["*(waiting 2026-11-21 14:00 UTC: for a rollout)*".to_owned()],
            })
            .collect(),
        status: Some("## caretaker\n\n- [ ] Approve **A1** (code `7f3c`): x\n\nnew words\n".to_owned()),
        former_statuses: vec!["## caretaker\n\nold words\n".to_owned()],
        rows: vec![row(false)],
        ..Desired::default()
    }
}

/// Applies, and again.
fn twice(body: &str, desired: &Desired) -> String {
    let once = apply(body, desired);
    assert_eq!(apply(&once, desired), once, "applying twice is the same as once");
    once
}

#[test]
fn everything_goes_where_it_belongs() {
    let mut wish = desired(BODY);
    let values = template_values(BODY);
    wish.template = TemplateFields {
        overall: Some(FieldWish {
            value: "🟢 GREEN".to_owned(),
            former: values.overall.into_iter().collect(),
        }),
        last_updated: Some(FieldWish { value: "now".to_owned(), former: Vec::new() }),
        final_status: Some(FieldWish { value: "RESOLVED".to_owned(), former: Vec::new() }),
        resolved_by: Some(FieldWish { value: "caretaker".to_owned(), former: Vec::new() }),
        ..TemplateFields::default()
    };
    wish.blocks = vec![Block { name: "packet".to_owned(), text: "### Packet".to_owned() }];
    let text = twice(BODY, &wish);
    insta::assert_snapshot!(text);
    assert_eq!(read_approvals(&text).len(), 1);
}

#[test]
fn a_wish_for_nothing_changes_nothing() {
    for body in ["", "x", BODY, "<!-- caretaker:status -->\n", "```\n- [ ] a"] {
        assert_eq!(apply(body, &Desired::default()), body);
    }
}

#[test]
fn line_endings_and_blanks_stay() {
    let body = BODY.replace('\n', "\r\n");
    let text = twice(&body, &desired(&body));
    assert_eq!(text.replace("\r\n", "\n"), twice(BODY, &desired(BODY)));
    assert!(!text.replace("\r\n", "").contains('\n'));
    assert!(text.contains(&format!("{NOTE}  \r\n")));
}

/// A person who makes another task of a line leaves our note in it, which tells of what was there.
#[test]
fn the_note_of_a_task_that_is_gone_is_not_left_with_another() {
    let old = tasks("- [x] Merge PR #5\n").remove(0);
    let other = "*(done 2026-11-21 14:31 UTC: checked)*";
    for (line, expected) in [
        (format!("- [x] Merge PR #6 {NOTE}  \n"), "- [x] Merge PR #6  \n".to_owned()),
        (format!("- [ ] Merge PR #6 {NOTE}\n"), "- [ ] Merge PR #6\n".to_owned()),
        (format!("- [x] Merge PR #5 {NOTE}\n"), format!("- [x] Merge PR #5 {NOTE}\n")),
        (format!("- [x] Merge PR #5 {other}\n"), format!("- [x] Merge PR #5 {other}\n")),
    ] {
        let wish = Desired {
            known: vec![KnownTask::of(&old, std::slice::from_ref(&old))],
            gone_notes: vec![(old.key.clone(), NOTE.to_owned())],
            ..Desired::default()
        };
        assert_eq!(twice(&line, &wish), expected);
    }
}

#[test]
fn notes_are_replaced_left_or_taken_away() {
    let former = "*(waiting 2026-11-21 14:00 UTC: for a rollout)*";
    let wish = desired("- [ ] Fix a\n");
    for (body, expected) in [
        (format!("- [ ] Fix a {former}\n"), format!("- [x] Fix a {NOTE}\n")),
        (format!("- [ ] Fix a {NOTE}\n"), format!("- [x] Fix a {NOTE}\n")),
        ("- [ ] Fix a *(my own words)*\n".to_owned(), "- [x] Fix a *(my own words)*\n".to_owned()),
        ("- [ ] Fix a  \n".to_owned(), format!("- [x] Fix a {NOTE}  \n")),
    ] {
        let tasks_only = Desired { tasks: wish.tasks.clone(), ..Desired::default() };
        assert_eq!(twice(&body, &tasks_only), expected);
    }
    let mut none = Desired { tasks: wish.tasks, ..Desired::default() };
    none.tasks[0].note = None;
    assert_eq!(twice(&format!("- [x] Fix a {former}\n"), &none), "- [x] Fix a\n");
}

#[test]
fn a_row_is_written_once_and_a_changed_one_is_the_persons() {
    for header in [
        "| Date | Change | Result |\n|---|---|---|\n",
        "| Timestamp | Action | User | Result |\n|---|---|---|---|\n| - | No actions yet | - | - |\n",
    ] {
        let body = format!("## Change Log\n\n{header}\nafter\n");
        let wish = Desired { rows: vec![row(false)], ..Desired::default() };
        let text = twice(&body, &wish);
        assert_eq!(text.matches("all layers GREEN").count(), 1, "{text}");
        assert!(text.ends_with("\n\nafter\n"), "{text}");
        let edited = text.replace("all layers GREEN", "looks good to me");
        let again = Desired { rows: vec![row(true)], ..Desired::default() };
        assert_eq!(twice(&edited, &again), edited);
    }
    // Only the number tells what it is about.
    let wish = Desired { rows: vec![row(false)], ..Desired::default() };
    let text = twice("## Change Log\n\n| Date | PR | Result |\n|---|---|---|\n", &wish);
    assert!(text.contains("UTC | #5 Update grafana"), "{text}");
    // Without a table there is one of our own, with all rows, and it grows. One that has no place for them is none.
    for body in [
        "## Change Log\n\n| Ticket | Owner |\n|---|---|\n| 1 | me |\n",
        "Some words.\n",
        "## Change Log\n\nnothing yet\n",
        "```\nnever closed\n",
    ] {
        let one = twice(body, &Desired { rows: vec![row(false)], ..Desired::default() });
        let two = twice(&one, &Desired { rows: vec![row(true), row(false)], ..Desired::default() });
        assert_eq!(one.matches("all layers GREEN").count(), 1, "{one}");
        assert_eq!(two.matches("all layers GREEN").count(), 2, "{two}");
        assert!(two.contains(body.lines().next_back().expect("a line")), "{two}");
    }
}

#[test]
fn markers_are_repaired_and_cost_nothing() {
    let open = "<!-- caretaker:status -->";
    let close = "<!-- /caretaker:status -->";
    let wish = Desired {
        status: Some("new words".to_owned()),
        former_statuses: vec!["old words\n\nmore old words".to_owned()],
        ..Desired::default()
    };
    for body in [
        // Forged around a person's text.
        format!("{open}\n- [ ] mine\n\nkeep me\n{close}\n"),
        // Doubled.
        format!(
            "{open}\nold words\n\nmore old words\n{close}\nkeep me\n{open}\nold words\n\nmore old words\n{close}\n- [ ] mine\n"
        ),
        // One half lost.
        format!("{open}\nold words\n\nmore old words\n\nkeep me\n\n- [ ] mine\n"),
        format!("keep me\n\nold words\n\nmore old words\n{close}\n- [ ] mine\n"),
        // The halves swapped.
        format!("{close}\nkeep me\n{open}\n- [ ] mine\n"),
        // Inside a list and in running text.
        format!("- a\n  {open}\n  keep me\n  {close}\n- [ ] mine\n"),
        format!("keep me {open} and {close} me\n\n- [ ] mine\n"),
        // A person wrote into our block.
        format!("{open}\nold words\nkeep me\n\n- [ ] mine\n\nmore old words\n{close}\n"),
        // One marker hides in another.
        format!("<!{open}-- caretaker:status -->\n\nkeep me\n\n- [ ] mine\n"),
    ] {
        let text = twice(&body, &wish);
        assert_eq!(text.matches(open).count(), 1, "{text}");
        assert_eq!(text.matches(close).count(), 1, "{text}");
        assert!(!text.contains("old words"), "{text}");
        assert!(text.contains("keep me"), "{text}");
        assert!(tasks(&text).iter().any(|task| task.title == "mine"), "{text}");
    }
}

#[test]
fn markers_in_code_are_a_persons() {
    let body = "```\n<!-- caretaker:status -->\nkeep\n<!-- /caretaker:status -->\n```\n";
    let wish = Desired { status: Some("new words".to_owned()), ..Desired::default() };
    assert!(twice(body, &wish).ends_with(body));
}

#[test]
fn a_block_whose_text_would_swallow_its_end_is_shown_as_words() {
    for text in ["```\nopen fence", "<!-- open comment", "x <!-- /caretaker:packet --> y", "<pre>"] {
        let wish = Desired {
            blocks: vec![Block { name: "packet".to_owned(), text: text.to_owned() }],
            ..Desired::default()
        };
        let result = twice("- [ ] Fix a\n", &wish);
        assert_eq!(tasks(&result).len(), 1, "{result}");
        let gone = Desired { blocks: vec![Block { name: "packet".to_owned(), text: String::new() }], ..wish };
        assert_eq!(apply(&result, &gone), "- [ ] Fix a\n");
    }
}

#[test]
fn headings_of_ours_are_not_above_a_persons_tasks() {
    let body = "### High (P1)\n\n- [ ] Fix a\n";
    let mut wish = desired(body);
    wish.closing_report = Some("# RESOLVED\n\n## Verification data".to_owned());
    let text = twice(body, &wish);
    let after = tasks(&text);
    assert_eq!(after.len(), 1, "{text}");
    assert!(after[0].ticked && after[0].priority == super::Priority::P1, "{text}");
    let moved = format!("### High (P1)\n\n{}\n- [ ] Fix a\n", text.split("### High").next().expect("a part"));
    assert_eq!(tasks(&moved)[0].priority, super::Priority::P1, "{moved}");
}

#[test]
fn an_empty_body_gets_its_status() {
    let wish = Desired { status: Some("words".to_owned()), ..Desired::default() };
    assert!(twice("", &wish).contains("words"));
    assert!(twice("# Title", &wish).starts_with("# Title\n\n<!-- caretaker:status -->\n"));
}

/// A piece of a body; what begins with `keep` is a person's and has to survive.
fn piece() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "# Title",
        "## Action Items",
        "### High (P1)",
        "## Change Log",
        "## Closure",
        "**Closed By**: PENDING",
        "## Status",
        "| **Overall Status** | 🔴 RED |",
        "**Last Updated**:",
        "- [ ] **A1 P1 Apps**: Merge PR #5",
        "- [x] **A2 P0**: Fix a *(done 2026-11-21 14:30 UTC: by hand)*",
        "- [ ] Fix `- [ ] b`",
        "  - **Commands**: `kubectl get nodes`",
        "  ```bash",
        "```",
        "    keep indented",
        "> keep quoted",
        "keep plain  ",
        "keep\ttabs\t",
        "",
        "| Time | Action | Result |",
        "|---|---|---|",
        "| keep | a | b |",
        "<!-- keep comment -->",
        "<div>keep html",
        "<!-- caretaker:status -->",
        "<!-- /caretaker:status -->",
        "<!-- caretaker:changes -->",
        "<!-- /caretaker:closing -->",
        "old words",
        "keep <!-- caretaker:status --> inline",
        "keep<!-- caretaker:z -->",
        "<!-- /caretaker:z -->glued keep",
        "  <!-- /caretaker:x -->keep 2",
        "    <!-- caretaker:packet -->",
        "    <!-- /caretaker:packet -->",
        "  - **Depends on**: A2",
        "        - Depends on: A1",
        "1.  [ ] **A3 P1 Apps**: Merge PR #7",
        "<!-- never closed keep",
    ])
    .prop_map(str::to_owned)
}

#[test]
fn the_laws_of_writing_hold_for_the_fixtures() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bodies");
    let mut bodies = 0;
    for file in std::fs::read_dir(folder).expect("the fixtures") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        // Everything at once, nothing, and each part alone and left out.
        for part in 0..7 {
            laws::writing(&text, 1 << part);
            laws::writing(&text.replace('\n', "\r\n"), !(1 << part));
        }
        laws::writing(&text, 0);
        laws::writing(&text, u8::MAX);
        bodies += 1;
    }
    assert!(bodies > 15);
}

#[test]
fn forged_markers_cost_no_byte() {
    for text in [
        "1.  [ ] **A2 P1 Apps**: Merge PR #5\n1.  [ ] **A3 P1 Apps**: Merge PR #7\n    <!-- caretaker:status -->\n    - Depends on: A2\n    \
         - note of mine\n    <!-- /caretaker:status -->\n",
        "Do not<!-- caretaker:z -->\n\n<!-- /caretaker:z -->able words\n\n- [ ] Fix a\n",
        "glue<!-- caretaker:z -->\n<!-- /caretaker:z -->glue2\n",
        "<!-- caretaker:foo -->\n\n\n- [ ] Fix a\n\n\n\n<!-- /caretaker:foo -->\n",
        "<!-- caretaker:status -->\n\n\n- [ ] Fix a\n\n\n\n<!-- /caretaker:status -->",
        "- [ ] Fix a\n  <!-- /caretaker:x -->2\n- [ ] Fix b\n",
        "- [ ] Fix a\n  <!-- caretaker:x --> words\n\n    code\n",
        "<!-- caretaker:a --><!-- caretaker:b -->\n- [ ] Fix a\n<!-- /caretaker:a -->\n\n<!-- /caretaker:b -->    - [ ] Fix b\n",
        "- [ ] Fix a\n\n<!-- caretaker:status -->\n\n    - Depends on: B1\n- [ ] **B1 P1**: Fix b\n",
        "    <!-- /caretaker:status -->\n- [ ] Fix a\n\t<!-- caretaker:packet -->\twords\n",
        "<!-- caretaker:changes -->\n  ```bash\n## Change Log",
        "## Change Log\n|---|---|---|\n|---|---|---|",
        "<div>keep html\n    <!-- caretaker:packet -->\n<!-- never closed keep",
        "- [ ] Fix a\n\n## Change Log\n<!-- /caretaker:changes -->\n\nwords\n",
    ] {
        for wishes in (0..128).step_by(3) {
            if wishes % 3 == 1 {
                laws::writing(&text.replace('\n', "\r\n"), wishes);
            } else {
                laws::writing(text, wishes);
            }
        }
    }
}

/// A hundred names, each around the one before and one after it, are too many to take away one by one.
#[test]
fn many_forged_names_go_at_once() {
    let marker = |mark: &str, name: usize| format!("<!-- {mark}caretaker:n{name} -->\n");
    let open = (0..200).map(|name| marker("", name)).collect::<Vec<_>>().concat();
    let close = (0..200).rev().map(|name| marker("/", name)).collect::<Vec<_>>().concat();
    laws::writing(&format!("{open}- [ ] Fix a\n{close}"), 1);
    laws::writing(&format!("{open}- [ ] Fix a\n"), 1);
    laws::writing(&format!("- [ ] Fix a\n\n{close}\nwords\n"), 1);
}

/// A marker that is taken away must not bring the next to light, or each write peels off some of them.
#[test]
fn nested_markers_go_at_once() {
    let nested = |half: &str, inner: &str, rest: &str, marker: &str, depth: usize| {
        let (before, behind) = (half.repeat(depth), format!("{rest} {marker} -->").repeat(depth));
        [
            format!("# M\n\n{before}{inner}{behind}\n\n- [ ] Fix a\n"),
            format!("- [ ] Fix a {before}{inner}{behind}\n"),
        ]
    };
    for marker in ["caretaker:status", "/caretaker:status", "caretaker:z"] {
        let one = format!("<!-- {marker} -->");
        for text in nested("<!", &one, "--", marker, 400) {
            laws::writing(&text, 1);
        }
        for (half, rest) in [("<", "!--"), ("<!", "--"), ("<!-", "-")] {
            for inner in
                [one.clone(), format!("<!-- caretaker:status -->{one}"), format!("{one}keep{half}{one}")]
            {
                for text in nested(half, &inner, rest, marker, 9) {
                    laws::writing(&text, 1);
                    laws::writing(&text, u8::MAX);
                }
            }
        }
    }
}

fn cases(default: u32) -> u32 {
    std::env::var("CARETAKER_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(400)))]

    #[test]
    fn the_laws_of_writing_hold(
        pieces in prop::collection::vec(piece(), 0..14),
        crlf in any::<bool>(),
        wishes in any::<u8>(),
    ) {
        let ending = if crlf { "\r\n" } else { "\n" };
        laws::writing(&pieces.join(ending), wishes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(400)))]

    #[test]
    fn writing_is_idempotent_and_keeps_what_is_not_ours(
        pieces in prop::collection::vec(piece(), 0..14),
        crlf in any::<bool>(),
        last in any::<bool>(),
    ) {
        let ending = if crlf { "\r\n" } else { "\n" };
        let mut body = pieces.join(ending);
        if last {
            body.push_str(ending);
        }
        let mut wish = desired(BODY);
        let before = tasks(&body);
        wish.tasks = before
            .iter()
            .filter(|task| !task.ticked)
            .map(|task| TaskWish {
                key: task.key.clone(),
                tick: true,
                note: Some(NOTE.to_owned()),
                former_notes: Vec::new(),
            })
            .collect();
        wish.known = before.iter().map(|task| KnownTask::of(task, &before)).collect();
        wish.closing_report = Some("# RESOLVED\n\nreport".to_owned());
        wish.template.resolved_by =
            Some(FieldWish { value: "caretaker".to_owned(), former: Vec::new() });
        let text = apply(&body, &wish);
        prop_assert_eq!(&apply(&text, &wish), &text, "{:?}", body);
        // A person's lines are there, in their order, byte for byte but for a marker inside.
        let mut rest = text.as_str();
        for line in body.lines().filter(|line| line.contains("keep")) {
            for part in line.split(['<', '>']).filter(|part| !part.contains("caretaker:")) {
                let at = rest.find(part);
                prop_assert!(at.is_some(), "{:?} of {:?} in {:?}", part, body, text);
                rest = &rest[at.unwrap_or(0) + part.len()..];
            }
        }
        // Taking a forged marker away can make a heading or a fence of a person's read otherwise, and with it what
        // follows: then what counts is what the repaired text holds.
        let repaired = tasks(&apply(&body, &Desired { tasks: Vec::new(), ..wish.clone() }));
        // What waits for a task that is another one now is another one as well.
        let mut lost: BTreeSet<&str> = before
            .iter()
            .filter(|task| body.contains("caretaker:") && repaired.iter().all(|other| other.key != task.key))
            .map(|task| task.id.as_str())
            .collect();
        while let Some(task) = before.iter().find(|task| {
            !lost.contains(task.id.as_str()) && task.depends_on.iter().any(|id| lost.contains(id.as_str()))
        }) {
            lost.insert(&task.id);
        }
        // A task whose second line was taken for ours is found by what the journal knows of it.
        let mut reading = read(&text, &|_| (None, UpdateType::Unknown)).expect("readable");
        keep_history(&mut reading, &wish.known, &[]);
        for task in before.iter().filter(|task| !lost.contains(task.id.as_str())) {
            let found = reading.tasks.iter().any(|after| after.key == task.key && after.ticked);
            prop_assert!(found, "{:?}", text);
        }
    }
}

#[test]
fn a_task_with_a_dependency_that_is_no_task_keeps_its_history_with_its_note() {
    let text = "# Proposed Changes (Spec)\n\n| ID | Type | Layer | Priority | Summary | Dependencies |\n\
                |:--:|------|:-----:|:--------:|---------|:------------:|\n\
                | P1 | REVIEW | Platform | P2 | Review PR #41 of the dashboard | None |\n\
                | P2 | UPDATE | Apps | P2 (MEDIUM) | Merge PR #42 of the wiki | Backup taken, P1 |\n\
                | A1 | FIX | Metal | P0 | Replace the fan of the switch | None |\n\n\
                ## Action Items (Tasks)\n\n\
                - [ ] **A1 P2 Apps**: Write down what users reported\n\
                - [ ] **P1 P2 Platform**: Review PR #41 and decide\n\
                - [ ] **P2 P2 Apps**: Merge PR #42 - wiki\n";
    for wishes in (0..128).step_by(3) {
        laws::writing(text, wishes);
    }
}

#[test]
fn a_note_never_lands_in_what_goes_on_in_the_next_line() {
    for text in [
        "- [ ] **A2 P1\nApps**: Repair the wiki\n",
        "- [ ] A2 P1 Apps: *Repair\nthe wiki*\n",
        "- [ ] A2 P1 Apps: ~~Repair\nthe~~ wiki\n",
        "- [ ] A2 P1 Apps: [Repair\nthe wiki](https://git.example.org/wiki)\n",
    ] {
        for wishes in (0..128).step_by(3) {
            laws::writing(text, wishes);
        }
    }
}
