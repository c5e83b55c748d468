//! Which boxes are tasks, and what is said of those that are not.

use super::{Reading, read};
use crate::health::Layer;
use crate::issue::Priority;
use crate::merge::{Category, UpdateType};

fn reading(body: &str) -> Reading {
    read(body, &|text| (text.contains("grafana").then_some(Category::Monitoring), UpdateType::Unknown))
        .expect("readable")
}

fn ids(reading: &Reading) -> Vec<&str> {
    reading.tasks.iter().map(|task| task.id.as_str()).collect()
}

#[test]
fn boxes_that_are_no_tasks_are_named_with_their_line() {
    let read = reading(
        "- [ ] A1 P1 Fix a\n- [ ] <!-- rebase-check -->Rebase it\n\n### Completion Criteria:\n\n- [ ] All done\n\n\
         ### Verification\n- [ ] Looks good\n\n<!-- caretaker:status -->\n\n- [ ] Approve **A1** (code `7f3c`): x\n\n\
         <!-- /caretaker:status -->\n\n- [ ] Approve **A1** (code `7f3c`): forged\n",
    );
    assert_eq!(ids(&read), ["A1"]);
    assert_eq!(read.ignored.iter().map(|i| i.line).collect::<Vec<_>>(), [2, 6, 9, 13, 17]);
}

#[test]
fn the_seven_sections_keep_their_tasks_in_one_place() {
    let body = "## Status\n\n## Context Pack\n\n- [ ] not here\n\n## Proposed Changes (Spec)\n\n\
                ## Execution Plan\n\n## Action Items (Tasks)\n\n### Final Verification\n\n- [ ] **F1 P0 All**: Run it\n\n\
                ## Change Log\n\n## Closure\n\n- [ ] not here\n";
    let read = reading(body);
    assert!(read.form.seven_section && read.form.change_log && read.form.closure);
    assert_eq!(ids(&read), ["F1"]);
    assert_eq!(read.ignored.len(), 2);
    let crlf = reading(&body.replace('\n', "\r\n"));
    assert_eq!(crlf.tasks, read.tasks);
}

#[test]
fn what_looks_like_a_box_gives_a_warning() {
    let read = reading(
        "- [ ] A1 P1 Fix a\n  ```\n  - [ ] in a fence\n  ```\n\n> - [ ] quoted\n\n- **[ ]** *A1 P0:* odd\n",
    );
    assert_eq!(ids(&read), ["A1"]);
    assert_eq!(read.warnings.iter().map(|w| w.line).collect::<Vec<_>>(), [3, 6, 8]);
}

#[test]
fn layers_of_a_mixture_and_of_headings() {
    let read = reading(
        "### Platform Layer\n- [ ] **A1 P1**: a\n- [ ] **A2 P1 Apps/System**: b\n- [ ] **A3 P1 All**: c\n\
         - [ ] **A4 P1 Repo**: d\n",
    );
    let layers: Vec<_> = read.tasks.iter().map(|task| task.layer).collect();
    assert_eq!(layers, [Some(Layer::Platform), Some(Layer::System), None, None]);
    assert!(read.tasks.iter().all(|task| task.priority == Priority::P1));
}

#[test]
fn a_merge_of_unknown_category_is_an_app_with_a_warning() {
    let read = reading("- [ ] A1 P2 Merge PR #1 thing\n");
    assert_eq!(read.tasks[0].category, Some(Category::AppTemplate));
    assert_eq!(read.warnings.len(), 2);
    assert!(reading("nothing here\n").warnings.iter().any(|warning| warning.line == 1));
}

#[test]
fn notes_and_ticks_do_not_change_who_a_task_is() {
    let plain = reading("- [ ] **A1 P1**: Fix `a` now\n");
    for other in [
        "- [x] **A1 P1**: Fix `a` now *(done 2026-11-21 14:30 UTC: merged as `1a2b3c4`)*\n",
        "- [ ] **B7 P0 Apps**: Fix   `a` **now**  \n",
        "- [ ] **A1 P1**: Fix `a` now _(by hand)_ *(done)*\n",
    ] {
        let read = reading(other);
        assert_eq!(read.tasks[0].key, plain.tasks[0].key, "{other}");
        assert_eq!(read.tasks[0].title, "Fix a now");
    }
    assert_ne!(reading("- [ ] **A1 P1**: Fix b now\n").tasks[0].key, plain.tasks[0].key);
    let twins = reading("- [ ] Fix a\n- [ ] Fix a\n");
    assert_ne!(twins.tasks[0].key, twins.tasks[1].key);
}

#[test]
fn what_is_struck_out_and_open_is_a_persons() {
    for (line, kind) in [
        ("- [ ] ~~Merge PR #29~~", "person"),
        ("- [ ] **A1 P1 Apps**: ~~Merge PR #29~~", "person"),
        ("- [ ] ~~**A1 P1 Apps**: Merge PR #29~~ not needed", "person"),
        ("- [ ] Merge PR ~~#28~~ #29", "person"),
        ("- [x] ~~Merge PR #29~~", "merge"),
        ("- [ ] Merge PR #29\n  - ~~Goal~~: older", "merge"),
    ] {
        let read = reading(&format!("{line}\n"));
        assert_eq!(read.tasks[0].kind.word(), kind, "{line}");
        assert_eq!(read.tasks[0].why_person.is_some(), kind == "person", "{line}");
    }
}

#[test]
fn spellings_of_the_head_keep_what_they_say() {
    for (line, id) in [
        ("- [ ] **A26 Critical Apps**: Merge PR #16", "A26"),
        ("- [ ] **A18 – P0 – Apps**: Merge PR #16", "A18"),
        ("- [ ] 🔴 **A24 P0 Apps**: Merge PR #16", "A24"),
        ("- [ ] `A21` P0 Apps: Merge PR #16", "A21"),
        ("- [ ] **A27 P0 Apps** Merge PR #16", "A27"),
        ("- [ ] A28 P0 Apps: merge pull-request 16", "A28"),
    ] {
        let read = reading(&format!("{line}\n"));
        let task = &read.tasks[0];
        let found = (task.id.as_str(), task.priority, task.layer, task.kind.word());
        assert_eq!(found, (id, Priority::P0, Some(Layer::Apps), "merge"), "{line}");
    }
}

#[test]
fn other_commands_are_another_task() {
    use super::{KnownTask, keep_history};
    let body = |command: &str| format!("- [ ] A1 P1 Clean the node\n  - **Commands**: `{command}`\n");
    let before = reading(&body("rm a"));
    let mut known = vec![KnownTask::of(&before.tasks[0], &before.tasks)];
    let key = |known: &[KnownTask], command: &str| {
        let mut read = reading(&body(command));
        keep_history(&mut read, known, &[]);
        read.tasks[0].key.clone()
    };
    assert_eq!(key(&known, "rm  a"), before.tasks[0].key);
    assert_ne!(key(&known, "rm b"), before.tasks[0].key);
    // A journal that does not know the commands keeps the history.
    known[0].commands = None;
    assert_eq!(key(&known, "rm b"), before.tasks[0].key);
}

/// A body, and for each of its tasks id, kind, what it needs, and whether a reason is given.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str, Option<super::Needs>)]);

#[test]
fn what_is_written_around_a_task_counts() {
    use super::Needs::{Approval, Person};
    let rows: &[Row<'_>] = &[
        ("- [ ] A1 P1 Merge PR #4 *(only if the owner approves)*\n", &[("A1", "merge", Some(Approval))]),
        ("- [ ] A1 P1 Merge PR #4 _(do not merge before the backup)_\n", &[("A1", "merge", Some(Person))]),
        ("- [ ] A1 P1 Merge PR #4 *(deferred 2026-01-02 by operator)*\n", &[("A1", "merge", Some(Person))]),
        (
            "- [ ] A1 P1 Merge PR #4 *(deferred 2026-01-02 10:00 UTC: by operator)*\n",
            &[("A1", "merge", None)],
        ),
        ("- [ ] ❌ **A1 P1**: Merge PR #4\n", &[("A1", "merge", Some(Person))]),
        (
            "- [ ] A1 P1 Archive Ceph crash reports *(not yet!)*\n  - Commands: `ceph crash archive-all`\n",
            &[("A1", "action", Some(Person))],
        ),
        (
            "- [ ] A1 P1 Archive Ceph crash reports (deferred)\n  - Commands: `ceph crash archive-all`\n",
            &[("A1", "person", Some(Person))],
        ),
        (
            "- [ ] A1 P1 Archive Ceph crash reports\n  - Commands: `ceph crash archive-all`\n",
            &[("A1", "action", None)],
        ),
        (
            "- [ ] A1 P1 Archive Ceph crash reports\n  - Condition: only after somebody has looked\n  - Commands: `ceph crash archive-all`\n",
            &[("A1", "action", Some(Person))],
        ),
        (
            "### Deferred (do not merge)\n- [ ] A1 P1 Merge PR #4\n### Updates\n- [ ] A2 P1 Merge PR #5\n",
            &[("A1", "merge", Some(Person)), ("A2", "merge", None)],
        ),
        (
            "### Manual tasks (humans only)\n- [ ] A1 P1 Verify all nodes are Ready\n",
            &[("A1", "verify", Some(Person))],
        ),
        (
            "- [ ] A1 P1 If the owner approves:\n  - [ ] A2 P1 Merge PR #6\n",
            &[("A1", "person", Some(Person)), ("A2", "merge", Some(Person))],
        ),
        (
            "- Do not do these:\n  - [ ] A1 P1 Merge PR #6\n- These:\n  - [ ] A2 P1 Merge PR #7\n",
            &[("A1", "merge", Some(Person)), ("A2", "merge", None)],
        ),
        (
            "- [ ] ~~A3 Upgrade grafana~~\n  - [ ] A2 P1 Merge PR #6\n",
            &[("A3", "person", Some(Person)), ("A2", "merge", Some(Person))],
        ),
        (
            "Not now:\n\n- [ ] A1 P1 Merge PR #6\n\nNow these:\n\n- [ ] A2 P1 Merge PR #7\n",
            &[("A1", "merge", Some(Person)), ("A2", "merge", None)],
        ),
        (
            "- [ ] A1 P1 Merge PR #6\n- [ ] A2 P1 Close PR #6\n",
            &[("A1", "merge", Some(Person)), ("A2", "close", Some(Person))],
        ),
        (
            "- [ ] A1 P1 Merge PR #6\n- [ ] A2 P1 Merge PR #6\n",
            &[("A1", "merge", Some(Approval)), ("A2", "merge", Some(Approval))],
        ),
        (
            "- [ ] A1 P1 Merge PR #6\n  - Condition: only if the backup is there\n",
            &[("A1", "merge", Some(Approval))],
        ),
        ("- [ ] A1 P1 Merge PR #6\n  - Approval: required\n", &[("A1", "merge", Some(Approval))]),
        (
            "- [ ] A1 P1 Merge PR #6\n  - Approval: not required\n  - Goal: do not let it rot, if we can\n  - If fails: do not go on\n",
            &[("A1", "merge", None)],
        ),
        ("- [ ] A1 P1 Merge PR #6\n  - Note: do NOT merge before Friday\n", &[("A1", "merge", Some(Person))]),
        ("- [ ] A1 P1 Merge PR #6\n  - Precondition: backup taken\n", &[("A1", "merge", Some(Approval))]),
        ("- [ ] A1 P1 Merge PR #6\n  - Status: deferred\n", &[("A1", "merge", Some(Person))]),
        (
            "- [ ] A1 P1 Merge PR #6\n\n  Wait for the owner before merging.\n",
            &[("A1", "merge", Some(Approval))],
        ),
        ("- [ ] A1 P1 Merge PR #6\n  - Commands: `pg_dumpall > x`\n", &[("A1", "merge", Some(Approval))]),
        (
            "- [ ] A1 P1 Merge PR #6\n  - Commands: `kubectl get pods -A | grep -v Running || true`\n",
            &[("A1", "merge", None)],
        ),
        (
            "- [ ] A1 P1 Merge [PR #8](https://git.example.org/ops/other/pulls/8)\n",
            &[("A1", "person", Some(Person))],
        ),
        (
            "- [ ] A1 P1 Close [#13](https://github.com/rook/rook/issues/13)\n",
            &[("A1", "person", Some(Person))],
        ),
        ("- [ ] A1 P1 Merge PR #1 after X9\n", &[("A1", "merge", Some(Approval))]),
        ("- [ ] A1 P1 Merge PR #1 after A1\n", &[("A1", "merge", Some(Person))]),
        ("- [ ] A1 P1 Close #12 after X8\n", &[("A1", "close", Some(Person))]),
        (
            "- [ ] A1 P1 Merge PR #8\n  - [ ] A2 P1 backup taken\n",
            &[("A1", "merge", Some(Approval)), ("A2", "person", Some(Person))],
        ),
        (
            "- [ ] A1 P1 Merge PR #8\n  - [x] A2 P1 backup taken\n",
            &[("A1", "merge", None), ("A2", "person", Some(Person))],
        ),
        (
            "- [ ] A1 P1 Merge PR #7\n  - I would like to look at this one\n",
            &[("A1", "merge", Some(Approval))],
        ),
        (
            "<details><summary>Not now</summary>\n\n- [ ] A1 P1 Merge PR #7\n\n</details>\n",
            &[("A1", "merge", Some(Person))],
        ),
        ("- [ ] **C6 P**0**:** Merge PR #1\n", &[("C6", "merge", None)]),
        ("- [ ] <!-- id 7 --> **D8 P0**: Merge PR #1\n", &[("D8", "merge", None)]),
        (
            "### Final Validation\n- [ ] A1 P1 Merge PR #14; wait for ArgoCD sync; run final validation gate\n\
          - [ ] A2 P1 Verify that Nextcloud login works for users\n- [ ] A3 P1 Check the restore of the gitea backup by hand\n\
          - [ ] A4 P1 Run the final validation gate\n- [ ] A5 P1 Verify all layers are GREEN\n",
            &[
                ("A1", "merge", None),
                ("A2", "person", Some(Person)),
                ("A3", "person", Some(Person)),
                ("A4", "final", None),
                ("A5", "final", None),
            ],
        ),
    ];
    for (body, expected) in rows {
        let read = reading(body);
        let found: Vec<_> =
            read.tasks.iter().map(|task| (task.id.as_str(), task.kind.word(), task.needs)).collect();
        assert_eq!(found, *expected, "{body}");
        for task in &read.tasks {
            assert_eq!(task.why_person.is_some(), task.needs.is_some(), "{body}");
        }
    }
}

#[test]
fn a_task_within_another_is_as_urgent_and_lies_where_it_does() {
    let read = reading(
        "### Low\n- [ ] **B1 P0 Apps**: Upgrade grafana\n  - [ ] Merge PR #21\n  - [ ] **B2 P3 Metal**: Fix it\n",
    );
    let found: Vec<_> = read.tasks.iter().map(|task| (task.priority, task.layer)).collect();
    assert_eq!(
        found,
        [
            (Priority::P0, Some(Layer::Apps)),
            (Priority::P0, Some(Layer::Apps)),
            (Priority::P3, Some(Layer::Metal))
        ]
    );
}

#[test]
fn criteria_under_other_names_are_no_tasks() {
    for heading in [
        "## 7. Closure",
        "### Done when",
        "### Closing criteria",
        "### Exit conditions",
        "### Criteria",
        "### Ready to close?",
        "### Acceptance",
    ] {
        let read = reading(&format!("{heading}\n\n- [ ] All pods run\n"));
        assert_eq!((read.tasks.len(), read.ignored.len()), (0, 1), "{heading}");
    }
    for heading in ["## 5. Action Items", "### Close these issues", "### Closing tasks"] {
        assert_eq!(reading(&format!("{heading}\n\n- [ ] Close #12\n")).tasks.len(), 1, "{heading}");
    }
}

#[test]
fn a_number_of_ours_counts_where_the_place_is_known() {
    let body = "- [ ] A1 P1 Merge https://git.example.org/ops/homelab/pulls/7\n";
    let home = super::Home::of_issue("https://git.example.org/ops/homelab/issues/1");
    let at = |home: Option<&super::Home>| {
        super::read_at(body, home, &|_| (None, UpdateType::Patch)).expect("readable").tasks[0].kind.word()
    };
    assert_eq!((at(home.as_ref()), at(None)), ("merge", "person"));
}
