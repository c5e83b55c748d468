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
