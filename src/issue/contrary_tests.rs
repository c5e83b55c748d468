//! What must not be read as its contrary: what is for a failure only, what blocks and what is blocked, the end and what comes
//! before everything, and what our own tick must not change.

use super::unasked_tests::tasks;
use super::{Needs, Task};

#[track_caller]
fn one<'t>(tasks: &'t [Task], id: &str) -> &'t Task {
    tasks.iter().find(|task| task.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn what_is_for_a_failure_is_never_simply_done() {
    for above in [
        "## Backout plan\n",
        "## Back-out steps\n",
        "## Roll back\n",
        "## Rollback procedure\n",
        "## On failure\n",
        "## Emergency plan\n",
        "## Emergency procedure\n",
        "## Fallback\n",
        "## Disaster recovery\n",
        "**Back out:**\n\n",
        "On failure:\n\n",
    ] {
        let body = format!(
            "{above}- [ ] **B1**: Merge PR #9 grafana 1.0.1 to 1.0.0\n- [ ] **B2**: Close PR #7\n- [ ] **B3 P1 Apps**: Merge PR #8\n"
        );
        let found = tasks(&body);
        for id in ["B1", "B2", "B3"] {
            let free = found.iter().any(|task| task.id == id && task.needs.is_none());
            assert!(!free, "{id} below {above}");
        }
    }
    for label in ["On failure:", "Back out:", "Backout plan:", "Emergency procedure:"] {
        let body = format!("- [ ] **A1 P1 Apps**: Merge PR #5\n  - {label}\n    - [ ] **B1**: Merge PR #9\n");
        let found = tasks(&body);
        assert!(!found.iter().any(|task| task.id == "B1" && task.needs.is_none()), "{label}");
    }
    // An emergency alone is what the work is about.
    assert_eq!(one(&tasks("### Emergency\n- [ ] **A1 P0 Apps**: Merge PR #5\n"), "A1").needs, None);
}

#[test]
fn the_steps_of_a_restore_are_no_tasks_and_what_comes_before_one_is() {
    let below = |box_: &str| tasks(&format!("## Rollback\n- [ ] {box_}\n")).len();
    for box_ in [
        "Restore radarr from the last backup",
        "First scale sonarr to 0",
        "Roll back to the snapshot",
        "Revert the commit, first the database",
    ] {
        assert_eq!(below(box_), 0, "{box_}");
    }
    for box_ in [
        "Take a backup before the upgrade",
        "Anna approves the rollback plan",
        "Make a snapshot",
        "Restore the staging copy before merging",
    ] {
        assert_eq!(below(box_), 1, "{box_}");
    }
}

#[test]
fn what_blocks_a_task_is_not_blocked_by_it() {
    let with = |label: &str| {
        tasks(&format!(
            "- [ ] **A1 P2**: Fix the registry certificate\n- [ ] **A2 P1 Apps**: Merge PR #5\n  - {label}\n"
        ))
    };
    for label in [
        "Blocking issue: A1",
        "Blocking task: A1",
        "Blocking on: A1",
        "Required for merge: A1",
        "Required for merging: A1",
        "Needed for merge: A1",
        "Needed for this: A1",
        "Before merging: A1",
        "Before merge: A1 has to be done",
        "Before this: A1",
        "Prerequisite for this: A1",
        "Required for production: A1",
    ] {
        let found = with(label);
        assert!(!one(&found, "A1").depends_on.contains(&"A2".to_owned()), "{label}");
        let waits = one(&found, "A2").depends_on.contains(&"A1".to_owned());
        assert!(waits || one(&found, "A2").needs.is_some(), "{label}");
    }
    for label in [
        "Blocks: A1",
        "Before: A1",
        "Needed for: A1",
        "Required by: A1",
        "Blocks tasks: A1",
        "Prerequisite for: A1",
    ] {
        assert_eq!(one(&with(label), "A1").depends_on, ["A2"], "{label}");
    }
}

#[test]
fn a_tick_of_ours_changes_nothing_of_what_others_wait_for() {
    let with = |ticked: &str, told: &str| {
        tasks(&format!(
            "- [{ticked}] **A3 P1 Apps**: Merge PR #3\n- [ ] **A2 P1 Apps**: Merge PR #4 after PR #3\n\
             - [ ] **A9 P3 Apps**: Tell Anna about PR #3{told}\n"
        ))
    };
    for told in [" after A2", ""] {
        for ticked in [" ", "x"] {
            let found = with(ticked, told);
            assert_eq!(one(&found, "A2").depends_on, ["A3"], "[{ticked}]{told}");
            assert_ne!(one(&found, "A2").needs, Some(Needs::Person), "[{ticked}]{told}");
        }
    }
    let rows = "| ID | Summary | Depends on |\n|---|---|---|\n| CHG-1 | Merge PR #3 | - |\n| CHG-2 | Merge PR #4 | CHG-1 |\n\n";
    for (one_id, other_id) in [("**A1 P1 Apps**: ", "**A2 P1 Apps**: "), ("", "")] {
        let body = format!(
            "{rows}- [ ] {one_id}Merge PR #3\n- [ ] {other_id}Merge PR #4\n- [ ] **A9 P3 Apps**: Tell Anna about PR #3 after PR #4\n"
        );
        let found = tasks(&body);
        let of = |words: &str| found.iter().find(|task| task.title.contains(words)).expect("one of them");
        let first = of("Merge PR #3").id.clone();
        assert_eq!(of("Merge PR #4").depends_on, [first], "{one_id}");
    }
}

#[test]
fn a_decision_and_what_a_person_does_by_hand_are_both_waited_for() {
    let body = "- [ ] **A1 P1 Apps**: Decide on PR #3\n- [ ] **A2 P1 Apps**: Roll PR #3 out by hand\n\
                - [ ] **A4 P1 Apps**: Merge PR #4 after PR #3\n";
    assert_eq!(one(&tasks(body), "A4").depends_on, ["A1", "A2"]);
    let ticked = body.replacen("[ ]", "[x]", 1);
    assert_eq!(one(&tasks(&ticked), "A4").depends_on, ["A1", "A2"]);
}

#[test]
fn what_ends_the_issue_holds_no_merge() {
    for heading in [
        "Before closing this ticket",
        "Before closing this",
        "Before closing the maintenance",
        "Before closing out this issue",
        "Before we close this",
        "Before you close the whole thing",
    ] {
        let body = format!(
            "## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## {heading}\n- [ ] Confirm with Anna that the dashboards load\n"
        );
        assert_eq!(one(&tasks(&body), "A2").depends_on, [""; 0], "{heading}");
    }
    for over in [
        "All 4 PRs merged",
        "All pull requests merged and healthy",
        "All Renovate PRs merged",
        "Every PR is merged",
        "Everything merged and green",
        "All of the four updates are done",
        "All open dependency updates merged",
    ] {
        let body =
            format!("## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## Sign-off\n- [ ] **A9**: {over}\n");
        assert_eq!(one(&tasks(&body), "A2").depends_on, [""; 0], "{over}");
    }
    for first in [
        "All backups are merged into one",
        "Every node is drained and done",
        "Anna has merged all DNS changes",
    ] {
        let body =
            format!("## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## Sign-off\n- [ ] **A9**: {first}\n");
        assert_eq!(one(&tasks(&body), "A2").depends_on, ["A9"], "{first}");
    }
}
