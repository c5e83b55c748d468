//! Effects that nobody asked for: what stands around a task and sounds like a no costs at least an approval, and an
//! ordinary body costs none.

use super::{Kind, Needs, Task, read};
use crate::merge::UpdateType;

pub(super) fn tasks(body: &str) -> Vec<Task> {
    read(body, &|_| (None, UpdateType::Unknown)).expect("readable").tasks
}

/// The ids of what would be done without asking anybody.
pub(super) fn free(body: &str) -> Vec<String> {
    let effect =
        |task: &Task| matches!(task.kind, Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. });
    tasks(body).into_iter().filter(|task| effect(task) && task.needs.is_none()).map(|task| task.id).collect()
}

const LINE: &str = "- [ ] **A1 P2 Apps**: Merge PR #5 grafana 11.2.0 to 11.3.0\n";

#[track_caller]
pub(super) fn not_free(bodies: &[String]) {
    let wrong: Vec<&String> = bodies.iter().filter(|body| !free(body).is_empty()).collect();
    assert!(wrong.is_empty(), "done without asking: {wrong:#?}");
}

#[track_caller]
pub(super) fn all_free(bodies: &[String]) {
    let needs = |body: &String| {
        tasks(body)
            .into_iter()
            .find(|task| task.needs.is_some())
            .map(|task| task.why_person.unwrap_or_default())
    };
    let wrong: Vec<_> = bodies.iter().filter_map(|body| Some((body, needs(body)?))).collect();
    assert!(wrong.is_empty(), "asked for no reason: {wrong:#?}");
}

fn below(details: &[&str]) -> Vec<String> {
    details.iter().map(|detail| format!("{LINE}  - {detail}\n")).collect()
}

#[test]
fn details_that_say_no_are_heard() {
    not_free(&below(&[
        "Approved: no",
        "Approval: -",
        "Approved by:",
        "Sign-off: none",
        "Consent: No.",
        "Approval:",
        "Approval: n/a",
        "Only if Anna agrees:",
        "Labels: do-not-merge, blocked",
        "Result: deferred",
        "Result: rejected by the owner",
        "Summary: Do not merge yet",
        "Context: we decided not to merge this",
        "Context: BLOCKED by upstream bug, never merge this",
        "Risk: high, do not merge without a backup",
        "Goal: not to be merged, only to check",
        "Goal: do not merge, only review",
        "Release notes: not reviewed yet, don't merge",
        "Reason: postponed to next week",
        "Checks: ask Bob first",
        "Title: DO NOT MERGE - grafana",
        "Type: do-not-merge",
        "Test: on staging first, wait for two days",
        "Impact: short outage, ask Bob before",
        "Safe to merge: no",
        "Safe to close: no",
        "Decision: no",
        "Merge: no",
        "Go/No-Go: NO-GO",
        "Mergeable: false",
        "Action: close",
        "Status: closed without merging",
        "Backup taken: no",
        "Do not merge: broken",
        "Warning: breaks logins",
        "Known issues: data loss",
        "Reason: not needed any more",
        "Scope: only staging",
        "CI: red",
        "Checks: failing",
        "Change: revert instead",
        "Confidence: low",
        "Note: Bob is still testing",
        "Decision: pending",
        "<!-- do not merge yet -->",
    ]));
    not_free(&[
        "- [ ] **A1 P2 Apps**: Merge PR #5 <!-- do not merge yet -->\n".to_owned(),
        "- [ ] <!-- hold --> **A1 P2 Apps**: Merge PR #5\n".to_owned(),
    ]);
    let person = tasks(&below(&["Approval: none"])[0]);
    assert_eq!(person[0].needs, Some(Needs::Person));
}

#[test]
fn details_that_describe_cost_nothing() {
    all_free(&below(&[
        "Approval: not required",
        "Approval required: no",
        "Condition: n/a",
        "Condition: none",
        "Goal: do not let it rot, if we can",
        "Goal: nobody waits for what is done",
        "Goal: Update Renovate bot to v46",
        "Goal: Apply minor/patch dependency updates",
        "Why: fixes a bug that blocks logins",
        "Impact: pods restart once; dashboards are away for a minute",
        "Downtime: no",
        "Breaking changes: none",
        "Breaking changes: no",
        "Risk: low",
        "Known issues: none",
        "Owner: operator",
        "Backup: not required",
        "Goal: stop the crash loop before the next release",
        "Why: the old one does not close connections",
        "Why: fixes broken logins",
        "Status: pending",
        "CI: green",
        "Assigned to: Bob",
        "Labels: renovate, minor",
        "Version: `11.2.0` -> `11.3.0`",
        "Package: `ghcr.io/grafana/grafana`",
        "Expected: all pods Running after the merge",
        "If fails: do not merge the others",
        "Rollback: `git revert` of the merge commit, but not before asking",
        "Result: green",
        "Decision: merge",
        "Safe to merge: yes",
        "Mergeable: true",
        "After merge: wait for sync",
        "<!-- id 7 -->",
    ]));
}

#[test]
fn what_is_struck_out_in_html_is_struck_out() {
    not_free(
        &[
            "- [ ] <s>Merge PR #5</s>\n",
            "- [ ] **A1 P1**: <del>Merge PR #5</del>\n",
            "- [ ] <strike>Merge PR #5</strike>\n",
        ]
        .map(str::to_owned),
    );
    not_free(&[format!("## ~~Updates~~\n\n{LINE}"), format!("## <del>Updates</del>\n\n{LINE}")]);
    not_free(&[format!("<del>\n\n{LINE}\n</del>\n")]);
}

#[test]
fn texts_above_a_list_and_about_a_task_are_heard() {
    let above = |text: &str| format!("## Updates\n\n{text}\n\n{LINE}");
    not_free(
        &[
            "These must not be merged before the new disks are in.",
            "Deferred",
            "__Not now__",
            "**Rejected** by ops, kept for the record",
            "> [!WARNING]\n> Do not merge these before Friday.",
            "> Do not merge these before Friday.",
            "These need a backup first.",
            "Please leave these alone.",
            "Deferred until Q1:\n\nThree updates of charts.",
            "<details>\n<summary>Deferred</summary>",
            "<h2>Deferred</h2>",
            "**Change freeze until 5 January. Nobody merges anything before that.**",
        ]
        .map(above),
    );
    not_free(&[
        format!(
            "# Maintenance\n\n**Change freeze until 5 January. Nobody merges anything before that.**\n\n## Updates\n\n{LINE}"
        ),
        format!("Nobody merges anything before Monday.\n\n## Updates\n\n{LINE}"),
        format!("{LINE}\nDo not merge #5 yet, it breaks logins. Wait for Bob.\n"),
        format!("{LINE}\n## Notes\n\n- A1 is on hold\n"),
        format!("1. Get Bob's OK\n2. {}", &LINE[2..]),
        format!("- Back up the database\n{LINE}"),
    ]);
    let close = |text: &str| format!("{text}\n\n- [ ] **A1 P2 Apps**: Close #12\n");
    assert_eq!(tasks(&close("These must not be closed before Friday."))[0].needs, Some(Needs::Person));
    assert_eq!(tasks(&above("These must not be merged yet."))[0].needs, Some(Needs::Approval));
}

#[test]
fn ordinary_texts_and_headings_cost_nothing() {
    all_free(
        &[
            "These updates were found by Renovate.",
            "One at a time, then wait for sync.",
            "Three updates of charts:",
            "**Charts**",
            "> Found on 2026-01-02.",
            "<details>\n<summary>Three updates</summary>",
            "Last updated: 2026-01-02",
        ]
        .map(|text| format!("## Updates\n\n{text}\n\n{LINE}")),
    );
    all_free(
        &["Updates", "Renovate PRs", "Thursday night", "Grafana", "Apps/System"]
            .map(|text| format!("## {text}\n\n{LINE}")),
    );
    let other = "- [ ] **A2 P2 Apps**: Merge PR #6\n";
    assert_eq!(free(&format!("Not now:\n\n{LINE}\nNow these:\n\n{other}")), ["A2"]);
    assert_eq!(free(&format!("## A\n\nThese must not be merged.\n\n{LINE}\n## B\n\n{other}")), ["A2"]);
    assert_eq!(free(&format!("{LINE}{other}\nPR #5 is deferred.\n")), ["A2"]);
}

#[test]
fn the_table_of_changes_may_say_no() {
    let body = |row: &str| {
        format!(
            "## Proposed Changes (Spec)\n\n| ID | Summary | Layer | Priority | Source |\n|---|---|---|---|---|\n{row}\n\n## Tasks\n\n{LINE}"
        )
    };
    not_free(&[
        body("| A1 | DEFER | Apps | P2 | PR #5 |"),
        body("| A1 | DO NOT MERGE | Apps | P2 | PR #5 |"),
        body("| A1 | Merge PR #5 grafana | Apps | P2 | on hold |"),
        body("| R1 | Merge PR #5 grafana, postponed | Apps | P2 | - |"),
    ]);
    all_free(&[
        body("| A1 | Merge PR #5 grafana | Apps | P2 | Renovate |"),
        body("| A1 | Update grafana, non-major | Apps | P2 | - |"),
        body("| A1 | Merge PR #5 grafana | Apps | P2 | Pending |"),
        body("| A2 | DEFER | Apps | P2 | PR #6 |"),
    ]);
}

#[test]
fn an_action_asks_and_its_commands_are_meant_to_be_run() {
    let archive = "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all";
    let body =
        |title: &str, label: &str| format!("- [ ] **A1 P2 System**: {title}\n  - {label}: `{archive}`\n");
    let title = "Archive the crash reports of Ceph";
    not_free(&[
        body(title, "Commands (example, do not run)"),
        body(title, "Commands for later"),
        body("The crash warnings that clear", "Commands"),
        format!("{}  - Back up the monitors\n", body(title, "Commands")),
    ]);
    all_free(&[
        body(title, "Commands"),
        body(title, "Commands (read-only)"),
        body(title, "Commands (run in the toolbox)"),
    ]);
}

#[test]
fn work_below_a_merge_is_not_dropped() {
    not_free(&below(&[
        "back up the database",
        "delete pvc grafana-data",
        "Scale grafana to zero",
        "Then: delete the old PVC",
        "Pre-steps: dump the database",
        "Backup: `pg_dumpall > all.sql`",
        "Pre-merge:\n    ```\n    kubectl delete pvc grafana-data\n    ```",
        "Notes:\n    ```\n    kubectl delete pvc grafana-data\n    ```",
        "After merge: delete the old PVC",
        "kubectl delete pvc grafana-data",
    ]));
    all_free(&below(&[
        "merge PR #5",
        "Verify: `kubectl get pods -A`",
        "Then: wait for sync",
        "Evidence:\n    ```\n    grafana-0 Running\n    ```",
        "kubectl get pods -n grafana",
    ]));
}

#[test]
fn numbers_of_other_places_are_a_persons() {
    let line = |title: &str| format!("- [ ] **A1 P2 Apps**: {title}\n");
    not_free(
        &[
            "Merge PR #38 (ops/other)",
            "Merge upstream PR #40",
            "Merge PR #47 (GitHub)",
            "Close #68 - PagerDuty",
            "Close #67 (GitLab)",
        ]
        .map(line),
    );
    not_free(
        &["Repository: ops/other", "github.com/rook/rook", "[ops/other](https://git.example.org/ops/other)"]
            .map(|heading| format!("### {heading}\n\n{LINE}")),
    );
    all_free(
        &["Merge PR #9: docker.io/library/postgres from 17.5 to 17.6", "Merge PR #9 - rook/ceph to v1.15"]
            .map(line),
    );
}

#[test]
fn titles_with_a_few_words_that_say_no_are_not_plain() {
    let rest = [
        "(dry-run)",
        "(no-go)",
        "(DNM)",
        "NACK",
        "w/ Anna",
        "upon success",
        "eventually",
        "(22:00)",
        "(Dec 12)",
        "post-migration",
        "(idea)",
        "(backlog)",
        "(unmergeable)",
        "(yanked)",
        "(wrong PR)",
        "(CI red)",
        "(0/2 approvals)",
        "nope",
        "/ close",
        "vs close",
        "failed",
        "caused outage",
        "✗",
        "🔴",
        "⏳",
        "🔒",
        "⏭️",
        "🚷",
        "mit Anna absprechen",
        "(liegt auf Eis)",
        "(zurueckgestellt)",
        "(example)",
        "(staging)",
        "(hmm)",
        "(N/A)",
        "(Q1)",
        "(2027)",
        "(duplicate)",
        "(fork)",
    ];
    not_free(&rest.map(|rest| format!("- [ ] **A1 P2 Apps**: Merge PR #4 {rest}\n")));
    not_free(
        &["Close #27 upon success", "Close #28 eventually", "Close #13 gemeinsam mit Anna"]
            .map(|title| format!("- [ ] **A1 P2 Apps**: {title}\n")),
    );
    not_free(&["⏳ **A1 P2 Apps**: Merge PR #4".to_owned()].map(|line| format!("- [ ] {line}\n")));
    all_free(
        &[
            "🔴 **A1 P0 Apps**: Merge PR #4",
            "**A1 P0 Apps**: 🟡 Merge PR #4",
            "**A1 P0 Apps**: Merge PR #4 🚀",
            "**A1 P0 Apps**: Merge PR #4 grafana 11.2.0 → 11.3.0",
            "**A1 P0 Apps**: Merge PR #4 - home assistant",
            "**A1 P0 Apps**: Close #12 (duplicate of #7)",
            "**A1 P0 Apps**: Close issue #12: stale report",
        ]
        .map(|line| format!("- [ ] {line}\n")),
    );
}
