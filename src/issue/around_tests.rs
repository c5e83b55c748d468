//! What stands around a task and names others: it is waited for, or costs at least an approval; it is never dropped.

use super::Needs;
use super::unasked_tests::{all_free, free, not_free, tasks};

const MERGE: &str = "- [ ] **A1 P2 Apps**: Merge PR #5 mealie 2.1.0 to 2.1.1";
const BACKUP: &str = "- [ ] **A2 P2 Apps**: Back up mealie\n";

/// Each of the bodies makes `A1` wait for `A2`, and asks for nothing besides.
#[track_caller]
fn wait_for_a2(bodies: &[String]) {
    let waits = |body: &String| {
        tasks(body).iter().any(|task| task.id == "A1" && task.depends_on.iter().any(|id| id == "A2"))
    };
    let wrong: Vec<&String> = bodies.iter().filter(|body| !waits(body)).collect();
    assert!(wrong.is_empty(), "A1 does not wait for A2: {wrong:#?}");
}

/// Each of the bodies makes `A1` wait for `A2`, or for somebody.
#[track_caller]
fn held(bodies: &[String]) {
    let held = |body: &String| {
        tasks(body).iter().any(|task| {
            task.id == "A1" && (task.needs.is_some() || task.depends_on.iter().any(|id| id == "A2"))
        })
    };
    let wrong: Vec<&String> = bodies.iter().filter(|body| !held(body)).collect();
    assert!(wrong.is_empty(), "A1 is held by nothing: {wrong:#?}");
}

fn below(details: &[&str]) -> Vec<String> {
    details.iter().map(|detail| format!("{MERGE}\n  - {detail}\n{BACKUP}")).collect()
}

#[test]
fn what_a_detail_says_comes_first_is_waited_for() {
    let bodies = below(&[
        "After A2",
        "after A2.",
        "Depends on A2",
        "Depends on A2 and A2",
        "Blocked by A2",
        "Once A2 is done",
        "Once A2 has been merged",
        "Merge after A2",
        "**After A2**",
        "Note: depends on A2",
        "Context: merge after A2",
        "Order: after A2",
        "Goal: update mealie after A2",
        "Deps: A2",
        "Prereq: A2",
        "Gated by: A2",
        "Predecessor: A2",
        "Contingent on: A2",
        "Abhängig von: A2",
        "<!-- after A2 -->",
    ]);
    wait_for_a2(&bodies);
    all_free_of_asking(&bodies[..5]);
    wait_for_a2(&[
        format!("{MERGE} *(after A2)*\n{BACKUP}"),
        format!("{MERGE} *(blocked by A2)*\n{BACKUP}"),
        format!("{MERGE} (dep: A2)\n{BACKUP}"),
        format!("{MERGE} (prereq: A2)\n{BACKUP}"),
        format!("{MERGE} ← A2\n{BACKUP}"),
        format!("{MERGE}\n\n  After A2.\n\n{BACKUP}"),
        format!("{MERGE}\n  > after A2\n\n{BACKUP}"),
        format!("{MERGE}\n  <!-- after A2 -->\n{BACKUP}"),
    ]);
    // A pull request that another task merges is one as well.
    let other = "- [ ] **A2 P2 Apps**: Merge PR #6 tandoor 2.1.0 to 2.1.1\n";
    wait_for_a2(
        &["Blocked by PR #6", "After PR #6", "after PR #6 is merged"]
            .map(|text| format!("{MERGE}\n  - {text}\n{other}")),
    );
    held(&["after #6", "After merging PR #6"].map(|text| format!("{MERGE}\n  - {text}\n{other}")));
}

/// Nothing but the dependency is asked for.
#[track_caller]
fn all_free_of_asking(bodies: &[String]) {
    for body in bodies {
        assert_eq!(free(body), ["A1"], "{body}");
    }
}

#[test]
fn what_comes_first_and_is_no_task_here_is_a_reason_to_ask() {
    not_free(&below(&[
        "Blocked by CVE-2026-1234",
        "Blocked by GH-1234",
        "Requires K8s 1.33",
        "Needs PG16",
        "Needs 2.0.5 in between",
        "Waiting for RC2",
        "after Q3",
        "Context: blocked by CVE-2026-1234",
        "Deps: A9",
        "Gated by: the owner",
    ]));
    not_free(&[
        format!("{MERGE} *(after Q3)*\n"),
        format!("## After Q3\n\n{MERGE}\n"),
        format!("Do these after RC2:\n\n{MERGE}\n"),
        format!("{MERGE}\n  <!-- blocked by CVE-2026-1234 -->\n"),
    ]);
    // A description may name versions and machines.
    all_free(
        &below(&[
            "Context: pods crash after 2.0",
            "Why: the alert fires after node-3 restarts",
            "Expected: Running again after A9",
        ])
        .iter()
        .map(|body| body.replace(BACKUP, ""))
        .collect::<Vec<_>>(),
    );
    all_free(&[format!("## Everything after P0\n\n{MERGE}\n")]);
}

#[test]
fn what_stands_above_and_names_what_comes_first_is_waited_for() {
    let above = |text: &str| format!("{text}\n\n{MERGE}\n\n## Backups\n\n{BACKUP}");
    wait_for_a2(
        &[
            "## After A2",
            "## Depends on A2",
            "## Phase 2 (after A2)",
            "Do these after A2:",
            "All of these need A2",
            "**After A2**",
            "> After A2.",
            "<!-- after A2 -->",
            "<details><summary>After A2</summary>",
            "<h3>After A2</h3>",
        ]
        .map(above),
    );
    wait_for_a2(&[format!("- After A2:\n  {MERGE}\n\n## Backups\n\n{BACKUP}")]);
    held(&[
        format!("- After A2\n{MERGE}\n\n## Backups\n\n{BACKUP}"),
        format!("# Run\n\nAll of these tasks need A2.\n\n## Updates\n\n{MERGE}\n\n## Backups\n\n{BACKUP}"),
    ]);
    // What is named stands there itself, and does not wait for itself.
    let body = format!("## After A2\n\n{MERGE}\n{BACKUP}");
    wait_for_a2(std::slice::from_ref(&body));
    assert!(tasks(&body)[1].depends_on.is_empty());
}

#[test]
fn what_texts_elsewhere_say_of_the_order_is_heard() {
    let tasks_first = |text: &str| format!("## Tasks\n\n{MERGE}\n{BACKUP}\n## Notes\n\n{text}\n");
    wait_for_a2(&["A2 must be finished before A1.", "- A1 depends on A2", "A1 after A2"].map(tasks_first));
    held(&["Do A2 first, then A1.", "PR #5 needs A2 first", "Order: A2 → A1"].map(tasks_first));
    wait_for_a2(&["Dependencies: A1 needs A2."].map(tasks_first));
    held(
        &["Do nothing before Anna has confirmed the backup."]
            .map(|text| format!("## Tasks\n\n{MERGE}\n\n{text}\n")),
    );
    // A label that nobody knows and that names a task.
    not_free(&below(&["Order: A2", "Gate: A2", "Dépend de: A2", "Enables: A2"]));
    wait_for_a2(&[format!("{MERGE}\n  - Expected: pods run<br>Depends on: A2\n{BACKUP}")]);
    wait_for_a2(&[tasks_first("| Task | Depends on |\n|---|---|\n| A1 | A2 |")]);
    // It is about those that it names, not about the list below it.
    let other = "- [ ] **A3 P2 Apps**: Merge PR #7 tandoor 2.1.0 to 2.1.1\n";
    let body = format!("## Tasks\n\nA1 depends on A2 for its data.\n\n{MERGE}\n{BACKUP}{other}");
    wait_for_a2(std::slice::from_ref(&body));
    assert!(tasks(&body)[2].depends_on.is_empty());
}

#[test]
fn the_columns_of_the_table_of_changes_are_known_by_many_names() {
    let body = |heading: &str, header: &str, row: &str| {
        let rule = "|---".repeat(header.matches('|').count() - 1);
        format!("{heading}{header}\n{rule}|\n{row}\n\n## Action Items (Tasks)\n\n{MERGE}\n{BACKUP}")
    };
    let spec = "## Proposed Changes (Spec)\n\n";
    let waits =
        |header: &str| body(spec, &format!("| ID | Summary | {header} |"), "| A1 | Merge PR #5 | A2 |");
    wait_for_a2(
        &[
            "Dependencies",
            "Deps",
            "Blocked by",
            "Needs",
            "Prerequisite",
            "Prerequisites",
            "Prereqs",
            "Predecessors",
            "Waits for",
            "Dependencies (IDs)",
            "Depends on (ID)",
            "Abhängigkeiten",
        ]
        .map(waits),
    );
    held(&["Vorher", "Order"].map(waits));
    wait_for_a2(&[
        body(spec, "| ID | Summary | Notes |", "| A1 | Merge PR #5 | blocked by A2 |"),
        body(spec, "| ID | Summary | Notes |", "| A1 | Merge PR #5 after A2 | |"),
        body(
            "## Proposed Changes (Spec)\n\n### Renovate\n\n",
            "| ID | Summary | Deps |",
            "| A1 | Merge PR #5 | A2 |",
        ),
        body("## Planned Changes\n\n", "| ID | Summary | Deps |", "| A1 | Merge PR #5 | A2 |"),
        body("## Specification\n\n", "| ID | Summary | Deps |", "| A1 | Merge PR #5 | A2 |"),
        body("## Proposed Updates\n\n", "| ID | Summary | Deps |", "| A1 | Merge PR #5 | A2 |"),
        body("", "| ID | Summary | Deps |", "| A1 | Merge PR #5 | A2 |"),
    ]);
    for id in ["Change ID", "No.", "Nr", "Key", "Ref", "Task", "Step"] {
        let header = format!("| {id} | Proposed Change | Verdict |");
        assert_eq!(free(&body(spec, &header, "| A1 | Merge PR #5 | defer |")), Vec::<String>::new(), "{id}");
    }
    for summary in ["Action", "Task", "Details", "Proposed Change"] {
        wait_for_a2(&[body(spec, &format!("| ID | {summary} | Depends on |"), "| A1 | Merge PR #5 | A2 |")]);
    }
}

#[test]
fn what_the_table_says_comes_first_and_is_no_task_is_not_taken_for_done() {
    let body = |depends: &str| {
        format!(
            "## Proposed Changes (Spec)\n\n| ID | Summary | Depends on |\n|---|---|---|\n| A1 | Merge PR #5 | {depends} |\n\n\
             ## Action Items (Tasks)\n\n{MERGE}\n"
        )
    };
    not_free(
        &["Owner approval", "Anna's sign-off", "Backup completed", "A9", "PR #99", "PR review", "B1<br>B2"]
            .map(body),
    );
    all_free(&["None", "-", "", "Validation Gate", "Universal validation gate", "n/a"].map(body));
}

#[test]
fn of_very_many_rows_about_one_task_somebody_says_which_is_meant() {
    let row = |at: usize| format!("| R{at} | Merge PR #5 | None |\n");
    let table = |rows: usize| {
        let head = "## Plan\n\n| ID | Summary | Depends on |\n|---|---|---|\n";
        let rows: String = (0..rows).map(row).collect();
        format!("{head}{rows}\n## Tasks\n\n{MERGE}\n")
    };
    all_free(&[table(1), table(32)]);
    // The last of them may say that it is not to be done.
    not_free(&[table(33), table(400)]);
}

#[test]
fn rows_of_other_tables_are_heard() {
    let body = |table: &str| format!("## Overview\n\n{table}\n\n## Action Items\n\n{MERGE}\n");
    let updates =
        |verdict: &str| body(&format!("| PR | What | Verdict |\n|---|---|---|\n| #5 | mealie | {verdict} |"));
    not_free(&["defer to June", "❌", "do not merge", "rejected", "on hold", "no"].map(updates));
    not_free(&[
        body("| Task | Decision | By |\n|---|---|---|\n| A1 | rejected | Anna |"),
        body("| Item | Change | Result |\n|---|---|---|\n| A1 | Deferred by operator | deferred |"),
        body("| Field | Value |\n|---|---|\n| **Overall Status** | ⏸ PAUSED |"),
        body("| PR | Approved |\n|---|---|\n| #5 | no |"),
    ]);
    all_free(&["go", "merge", "ok", ""].map(updates));
    all_free(&[
        body("| PR | What | Verdict |\n|---|---|---|\n| #6 | loki | defer to June |"),
        body("| Field | Value |\n|---|---|\n| **Overall Status** | 🟡 YELLOW |"),
        // A log tells what has been.
        body("| Time | Item | Result |\n|---|---|---|\n| 2026-11-21 14:30 UTC | A1 | deferred |"),
    ]);
}

#[test]
fn boxes_of_people_about_a_pull_request_come_before_its_merge() {
    let other = "- [ ] **A3 P1**: Merge PR #6 tandoor 2.1.0 to 2.1.1\n";
    let merge = MERGE.replace("A1", "A0");
    for (title, numbers) in [
        ("Review PRs #5 and #6 and decide", &["A0", "A3"][..]),
        ("Decide merge/defer for PR #5 and PR #6", &["A0", "A3"]),
        ("Merge or defer PR #5 and #6", &["A0", "A3"]),
        ("Merge-or-defer: PRs #5/#6", &["A0", "A3"]),
        ("Decide on PRs 5 and 6", &["A0", "A3"]),
        ("Decide on PRs #4-#6", &["A0", "A3"]),
        ("Review #5", &["A0"]),
        ("Evaluate #5", &["A0"]),
        ("Approve PR #5", &["A0"]),
        ("Get sign-off for PR #5", &["A0"]),
        ("Go/no-go for PR #5", &["A0"]),
        ("Check the release notes of PR #5", &["A0"]),
        ("Fix conflicts in PR #5", &["A0"]),
        ("Back up mealie for PR #5", &["A0"]),
        ("Test PR #5 on staging", &["A0"]),
        ("Do not merge PR #5", &["A0"]),
    ] {
        for body in [
            format!("- [ ] **B1 P1**: {title}\n{merge}\n{other}"),
            format!("{merge}\n{other}- [ ] **B1 P1**: {title}\n"),
        ] {
            let waits: Vec<String> = tasks(&body)
                .into_iter()
                .filter(|task| task.depends_on.iter().any(|id| id == "B1"))
                .map(|task| task.id)
                .collect();
            assert_eq!(waits, numbers, "{body}");
        }
    }
    // Keeping an eye on it, and what is done after it, hold nothing up.
    for title in ["Watch PR #5 for a week", "Verify the login of mealie (PR #5)", "Clean up after PR #5"] {
        let body = format!("{merge}\n- [ ] **B1 P1**: {title}\n");
        assert_eq!(free(&body), ["A0"], "{body}");
        assert!(tasks(&body)[0].depends_on.is_empty(), "{body}");
    }
    not_free(&[format!("- [x] **B1 P1**: Decide PR #5: deferred\n{merge}\n")]);
    let decided = format!("- [x] **B1 P1**: Merge or defer PR #5\n{merge}\n");
    assert_eq!(free(&decided), ["A0"], "{decided}");
    // Ticked away, a box that says no does not say yes.
    not_free(&[format!("- [ ] **B1 P1**: Do not merge PR #5\n{merge}\n")]);
}

#[test]
fn gates_and_choices_by_section_hold_the_merges() {
    for heading in ["## Approvals", "## Before merging", "### Sign-offs", "## Prerequisites"] {
        for body in [
            format!("{heading}\n\n- [ ] **A2**: Anna\n\n## Merges\n\n{MERGE}\n"),
            format!("## Merges\n\n{MERGE}\n\n{heading}\n\n- [ ] **A2**: Take a snapshot\n"),
        ] {
            held(std::slice::from_ref(&body));
        }
        all_free_of_asking(&[format!("{heading}\n\n- [x] **A2**: Anna\n\n## Merges\n\n{MERGE}\n")]);
    }
    let other = "- [ ] **A2 P1**: Merge PR #6 tandoor 2.1.0 to 2.1.1\n";
    not_free(
        &["Do one of these two:", "Either of these:", "Choose one:"]
            .map(|text| format!("{text}\n\n{MERGE}\n{other}")),
    );
    not_free(&[format!("## Option 1\n\n{MERGE}\n\n## Option 2\n\n{other}")]);
}

#[test]
fn folds_and_comments_above_are_heard() {
    not_free(&[
        format!("<details><summary>Deferred</summary>\n\n### Apps\n\n{MERGE}\n\n</details>\n"),
        format!(
            "<details><summary>Not now</summary>\n\n<details><summary>Apps</summary>\n\n{MERGE}\n\n</details>\n\n</details>\n"
        ),
        format!(
            "<details><summary>Not now</summary>\n\n<details><summary>Apps</summary>\n\nx\n\n</details>\n\n{MERGE}\n\n</details>\n"
        ),
        format!("<details>\n<summary>\n\nDeferred\n\n</summary>\n\n{MERGE}\n\n</details>\n"),
        format!("## Tasks\n\n<!-- do not merge this one yet -->\n{MERGE}\n"),
        format!("## Tasks\n\n{BACKUP}\n<!-- do not merge this one yet -->\n{MERGE}\n"),
        format!("## Tasks\n\n<!-- deferred until June: -->\n{MERGE}\n"),
    ]);
    all_free(&[
        format!("<details><summary>Deferred</summary>\n\n### Apps\n\nx\n\n</details>\n\n## Now\n\n{MERGE}\n"),
        format!("<details><summary>Not now</summary>\n\nx\n\n</details>\n\n{MERGE}\n"),
        format!("## Tasks\n\n<!-- prettier-ignore -->\n{MERGE}\n"),
        format!("## Tasks\n\n<!-- one line for each -->\n{MERGE}\n"),
    ]);
}

#[test]
fn an_id_that_several_tasks_have_is_no_task_to_wait_for() {
    let body = "- [ ] **A1**: x after A1\n".repeat(3);
    assert!(tasks(&body).iter().all(|task| task.depends_on.is_empty()));
    not_free(&[format!("{MERGE} after A2\n{BACKUP}{BACKUP}")]);
}

#[test]
fn a_note_or_a_curt_line_that_records_something_is_looked_at() {
    not_free(
        &[
            "complete",
            "acknowledged",
            "closed",
            "rolled back",
            "scrapped",
            "moved to #9",
            "assigned to Anna",
            "wartet auf Anna",
            "verworfen",
        ]
        .map(|note| format!("{MERGE} *({note})*\n")),
    );
    not_free(&below(&[
        "不要合并",
        "まだマージしないで",
        "머지하지 마세요",
        "No fusionar",
        "wartet auf Anna",
        "Scratch that, the release was pulled",
        "Rolled back last time, see #99",
        "Superceded by PR #9",
        "Duplicate of A7",
        "Irreversible migration",
        "Database dump",
        "Maintenance mode on",
    ]));
    all_free(&[format!("{MERGE} *(minor update)*\n"), format!("{MERGE} *(grafana-11.2)*\n")]);
    all_free(
        &["minor update", "new chart of the app", "It moves the image to a new patch release of the app."]
            .map(|text| format!("{MERGE}\n  - {text}\n")),
    );
}

#[test]
fn a_break_in_html_parts_words() {
    for body in [
        "- [ ] **A1 P2 Apps**: Merge PR #5<br>PR #6\n".to_owned(),
        format!("{MERGE}<br>blocked\n"),
        format!("{MERGE}\n  - Goal: newer<br>hold\n"),
        format!("{MERGE}\n  - Reason: newer<br/>do not merge\n"),
    ] {
        not_free(&[body]);
    }
}

#[test]
fn criteria_hold_no_tasks_whatever_ids_they_have() {
    for above in [
        "### Acceptance Criteria",
        "**Acceptance criteria**",
        "Done when:",
        "<details><summary>Completion criteria</summary>",
        "### Post-checks",
    ] {
        let body = format!(
            "## Action Items (Tasks)\n\n{MERGE}\n\n{above}\n\n- [ ] **AC2**: Maintenance issue closed\n"
        );
        let ids: Vec<String> = tasks(&body).into_iter().map(|task| task.id).collect();
        assert_eq!(ids, ["A1"], "{above}");
    }
    let body = format!("Done when:\n\n- it runs\n\n## Tasks\n\n{MERGE}\n");
    assert_eq!(free(&body), ["A1"]);
}

#[test]
fn boxes_with_a_blank_that_nobody_sees_are_told() {
    for line in
        ["- [\u{a0}] **A8**: Fix a", "-\u{a0}[ ] **A8**: Fix a", "- [>] **A8**: Fix a", "- ( ) **A8**: Fix a"]
    {
        let reading =
            super::read(&format!("{MERGE}\n\n{line}\n"), &|_| (None, crate::merge::UpdateType::Patch))
                .expect("readable");
        assert_eq!(reading.tasks.len(), 1, "{line}");
        assert!(reading.warnings.iter().any(|warning| warning.line == 3), "{line}");
    }
}

/// What each task waits for, by id.
fn waits(body: &str) -> Vec<(String, Vec<String>)> {
    tasks(body).into_iter().map(|task| (task.id, task.depends_on)).collect()
}

#[test]
fn what_is_said_of_an_order_is_never_turned_around() {
    let merges = "- [ ] **A1 P2 Apps**: Merge PR #5 mealie 2.1.0 to 2.1.1\n- [ ] **A2 P2 Apps**: Merge PR #6 tandoor 2.1.0 to 2.1.1\n\
                  - [ ] **A3 P2 Apps**: Merge PR #7 grocy 2.1.0 to 2.1.1\n";
    // Several clauses in one text: nobody can tell which is about which, so each of those costs a yes.
    for text in [
        "A2 depends on A1, A3 depends on A2.",
        "A2 needs A1. A3 needs A2.",
        "A1 before A2, A2 before A3.",
        "A1 before A2 before A3",
    ] {
        let body = format!("## Tasks\n\n{merges}\n## Notes\n\n{text}\n");
        for (id, before) in waits(&body) {
            assert!(before.is_empty(), "{text}: {id} waits for {before:?}");
        }
        assert!(tasks(&body)[1..].iter().all(|task| task.needs == Some(Needs::Approval)), "{text}");
    }
    // A no turns `before` around.
    let above = format!(
        "## Tasks\n\nDo not start these before A9.\n\n{merges}\n## Other\n\n- [ ] **A9 P3 Apps**: Back up mealie\n"
    );
    for (id, before) in waits(&above) {
        let expected: &[&str] = if id == "A9" { &[] } else { &["A9"] };
        assert_eq!(before, expected, "{id}");
    }
    for detail in ["Not before A2 is done", "Never before A2"] {
        let body = format!("{MERGE}\n  - {detail}\n{BACKUP}");
        assert_eq!(waits(&body)[0].1, ["A2"], "{detail}");
        assert!(waits(&body)[1].1.is_empty(), "{detail}");
    }
    // What another task waits for is no reason for this one to wait for itself.
    for detail in ["A2 depends on A1", "Note: A2 needs A1", "A2 comes after A1", "Context: A2 needs A3"] {
        let body = format!("{MERGE}\n  - {detail}\n{BACKUP}- [ ] **A3 P2 Apps**: Back up tandoor\n");
        assert!(waits(&body)[0].1.is_empty(), "{detail}: {:?}", waits(&body));
        assert_eq!(tasks(&body)[0].needs, Some(Needs::Approval), "{detail}");
    }
}

#[test]
fn what_only_follows_a_merge_or_describes_it_holds_nothing() {
    for box_below in [
        "Update the docs for PR #5",
        "Remove the old PVC that PR #5 leaves behind",
        "Write a postmortem for PR #5",
        "If PR #5 fails, restore the backup",
        "Test the login with PR #5 deployed",
        "Fix the alert caused by #5",
    ] {
        let body = format!("{MERGE}\n- [ ] **B1 P2 Apps**: {box_below}\n");
        assert!(waits(&body)[0].1.is_empty(), "{box_below}");
        assert_eq!(tasks(&body)[0].needs, None, "{box_below}");
    }
    all_free(&[
        format!(
            "## Updates\n\n| PR | App | Before | After |\n|---|---|---|---|\n| #5 | mealie | 2.1.0 | 2.1.1 |\n\n## Tasks\n\n{MERGE}\n"
        ),
        format!("## Suggested order\n\n{MERGE}\n"),
        format!("## Merge candidates\n\n{MERGE}\n"),
    ]);
    for body in below(&["Single replica", "Uses Longhorn", "Namespace media", "Rolling restart", "Harmless"])
    {
        assert_eq!(tasks(&body)[0].needs, None, "{body}");
    }
    let gate = format!("## Approvals\n\n- [ ] Anna signs off after all merges\n\n## Merges\n\n{MERGE}\n");
    assert!(tasks(&gate).iter().find(|task| task.id == "A1").is_some_and(|task| task.depends_on.is_empty()));
    for waited in ["All layers GREEN", "Ceph HEALTH_OK", "Preflight checks pass", "Dependency Dashboard #4"] {
        let body = format!(
            "## Proposed Changes (Spec)\n\n| ID | Summary | Dependencies |\n|---|---|---|\n| A1 | Merge PR #5 | {waited} |\n\n## Action Items\n\n{MERGE}\n"
        );
        assert_eq!(tasks(&body)[0].needs, None, "{waited}");
    }
}
