//! How different people write the same: what they name as what comes first, what is no task, what comes at which end.

use super::unasked_tests::tasks;
use super::{Task, order, read};
use crate::merge::UpdateType;

fn planned(body: &str) -> Vec<String> {
    let reading = read(body, &|_| (None, UpdateType::Unknown)).expect("readable");
    let keys = order(&reading.tasks, &|_| None);
    keys.iter().map(|key| reading.task(key).expect("one of them").id.clone()).collect()
}

#[track_caller]
pub(super) fn one<'t>(tasks: &'t [Task], id: &str) -> &'t Task {
    tasks.iter().find(|task| task.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn what_comes_first_has_many_spellings() {
    for said in [
        "Merge PR #52 [depends: A1]",
        "Merge PR #52 (depends: A1)",
        "Merge PR #52, dependency: A1",
        "Merge PR #52 | depends: A1",
        "Merge PR #52 (depends-on: A1)",
        "Merge PR #52 after #43",
        "Merge #52 after #43",
        "Merge PR #52 — blocked by #43",
        "Merge PR #52\n  - Depends on the merge of #43",
        "Merge PR #52\n  - builds on #43",
        "Merge PR #52\n  - This one relies on A1",
    ] {
        let found = tasks(&format!("- [ ] **A1 P2 Apps**: Merge PR #43\n- [ ] **A2 P2 Apps**: {said}\n"));
        assert_eq!(one(&found, "A2").depends_on, ["A1"], "{said}");
        assert_eq!((one(&found, "A1").needs, one(&found, "A2").needs), (None, None), "{said}");
    }
    let above = "- **Depends on**: #43\n- [ ] **A2 P2 Apps**: Merge PR #52\n\n## More\n\n- [ ] **A1 P2 Apps**: Merge PR #43\n";
    assert_ne!(one(&tasks(above), "A2").needs, None, "a line in front of it asks for a look");
}

#[test]
fn a_pull_request_that_is_waited_for_is_its_merge_and_not_what_people_do_about_it() {
    let body = "- [ ] **A1 P1 Apps**: Merge PR #3\n- [ ] **A2 P1 Apps**: Merge PR #4\n  - After: PR #3\n\
                - [ ] **A3 P3 Apps**: Document PR #3 in the wiki\n- [ ] **A4 P3 Apps**: Revert PR #3 if radarr is broken\n";
    assert_eq!(one(&tasks(body), "A2").depends_on, ["A1"]);
    let rows = "| ID | Summary | Depends on |\n|---|---|---|\n| R1 | Merge PR #3 | None |\n| R2 | Merge PR #4 | R1 |\n\n\
                - [ ] **R1 P1 Apps**: Merge PR #3\n- [ ] **R2 P1 Apps**: Merge PR #4\n\
                - [ ] **X1 P3 Apps**: Document PR #3 in the wiki\n";
    assert_eq!(one(&tasks(rows), "R2").depends_on, ["R1"]);
    let alone =
        "- [ ] **A2 P1 Apps**: Merge PR #4\n  - After: PR #3\n- [ ] **A3 P1 Apps**: Roll PR #3 out by hand\n";
    assert_eq!(one(&tasks(alone), "A2").depends_on, ["A3"]);
}

#[test]
fn what_holds_a_task_up_is_not_held_up_by_it() {
    for said in [
        "Merge PR #4 — blocked by #3",
        "Merge PR #4 (superseded by #3)",
        "Merge PR #4 - waiting for #3",
        "Fix the conflict in PR #4 (blocked by #3)",
    ] {
        let found = tasks(&format!("- [ ] A1 P1: Merge PR #3\n- [ ] A2 P1: {said}\n"));
        assert_eq!(one(&found, "A1").needs, None, "{said}: {:?}", one(&found, "A1").why_person);
    }
}

#[test]
fn boxes_of_renovate_and_of_what_may_go_wrong_are_no_tasks() {
    for other in [
        "- [ ] <!-- approvePr-branch=renovate/redis-8.x -->chore(deps): update redis docker tag to v8\n",
        "- [ ] <!-- approveGroup-branch=renovate/redis-8.x -->chore(deps): update redis docker tag to v8\n",
        "## Rollback\n\n- [ ] Scale radarr to 0\n",
        "## Rollback plan\n\n- [ ] Scale radarr to 0\n",
        "## If something goes wrong\n\n- [ ] Scale radarr to 0\n",
        "## Emergency plan\n\n- [ ] Scale radarr to 0\n",
        "### Abschlusskriterien\n\n- [ ] Issue geschlossen\n",
    ] {
        let body = format!("- [ ] **A1 P1 Apps**: Merge PR #5\n\n{other}");
        let found = tasks(&body);
        assert_eq!(found.len(), 1, "{other}: {:?}", found.last().map(|task| &task.title));
    }
    for label in ["Rollback:", "**If fails**:", "Expected:"] {
        let body = format!("- [ ] **A1 P1 Apps**: Merge PR #5\n  - {label}\n    - [ ] Revert PR #5\n");
        let found = tasks(&body);
        assert_eq!(found.len(), 1, "{label}");
        assert_eq!(found[0].needs, None, "{label}: {:?}", found[0].why_person);
    }
    // With an id of its own below the tasks it is one, whatever its heading.
    let kept = "## Action Items\n\n### Rollback of the old chart\n\n- [ ] **A1 P1 Apps**: Merge PR #5\n";
    assert_eq!(tasks(kept).len(), 1);
}

#[test]
fn headings_say_what_comes_before_the_merges() {
    for heading in ["Before we start", "Preflight checks", "Pre-flight", "Pre-checks", "Preparation"] {
        let body = format!(
            "## {heading}\n\n- [ ] A1: Backup of etcd taken\n\n## P0\n\n- [ ] A2: Merge PR #5 (jellyfin 10.11.3)\n"
        );
        assert_eq!(planned(&body), ["A1", "A2"], "{heading}");
    }
}

#[test]
fn checks_of_what_was_merged_come_after_it() {
    for check in ["Verify A2 (pods Running)", "Verify rollout of PR #5", "Check that PR #5 is deployed"] {
        let body = format!("- [ ] **A1 P1 Apps**: {check}\n- [ ] **A2 P1 Apps**: Merge PR #5\n");
        assert_eq!(planned(&body), ["A2", "A1"], "{check}");
    }
    let notes = "- [ ] **A1 P1 Apps**: Verify that the release notes of PR #5 are harmless\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    assert_eq!(planned(notes), ["A1", "A2"]);
}

#[test]
fn a_final_gate_waits_for_everything_anyhow() {
    for all in ["All", "All above", "All tasks", "Everything else", "A1, all others"] {
        let body = format!(
            "| ID | Type | Layer | Priority | Summary | Dependencies |\n|---|---|---|---|---|---|\n\
             | A1 | UPDATE | Apps | P1 | Merge PR #210 | None |\n| A5 | VERIFY | All | P3 | Final gate | {all} |\n\n\
             - [ ] **A1 P1 Apps**: Merge PR #210\n- [ ] **A5 P3 All**: Final validation gate\n"
        );
        assert_eq!(one(&tasks(&body), "A5").needs, None, "{all}");
    }
}

#[test]
fn a_row_and_a_task_are_the_same_by_other_forms_of_their_words() {
    let body = "| ID | Type | Layer | Priority | Summary | Dependencies |\n|---|---|---|---|---|---|\n\
                | A1 | FIX | Storage | P0 | Clear archived Ceph crashes | None |\n\
                | A2 | UPDATE | Apps | P1 | Merge PR #210 | A1 |\n\n\
                - [ ] **A1 P0 Storage**: Archive Ceph crash reports\n- [ ] **A2 P1 Apps**: Merge PR #210\n";
    assert_eq!(one(&tasks(body), "A2").depends_on, ["A1"]);
    assert_eq!(one(&tasks(body), "A2").needs, None);
}

#[test]
fn a_bundle_and_the_place_of_a_merge_are_no_reserve() {
    for said in [
        "Merge PR #6 (all non-major updates)",
        "Merge PR #6\n  - Commands: Merge PR #6 in Gitea",
        "Merge PR #6 in the Forgejo UI",
    ] {
        let found = tasks(&format!("- [ ] **A1 P2 Apps**: {said}\n"));
        assert_eq!(found[0].needs, None, "{said}: {:?}", found[0].why_person);
    }
    for said in [
        "Merge PR #6 (all open PRs)",
        "Merge PR #6 and all other updates",
        "Merge PR #6 (plus all open PRs)",
        "Merge PR #6 in the infra repository",
    ] {
        let found = tasks(&format!("- [ ] **A1 P2 Apps**: {said}\n"));
        assert_ne!(found[0].needs, None, "{said}");
    }
}

/// Each of the bodies asks for something before `A2`: it waits for `A1`, or for somebody.
#[track_caller]
pub(super) fn a2_is_held(bodies: &[String]) {
    let is_free = |body: &&String| {
        let found = tasks(body);
        let task = one(&found, "A2");
        task.needs.is_none() && !task.depends_on.iter().any(|id| id == "A1")
    };
    let free: Vec<&String> = bodies.iter().filter(is_free).collect();
    assert!(free.is_empty(), "A2 is free: {free:#?}");
}

#[test]
fn checks_of_what_is_to_be_merged_come_before_it() {
    let checks = [
        "Verify release notes of A2",
        "Confirm A2 is approved",
        "Verify A2 is safe to merge",
        "Confirm with Anna that A2 may go",
        "Test A2 on staging first",
        "Verify backup (needed for A2)",
        "Confirm A2 has a fresh backup",
        "Check that CI of PR #5 is healthy",
        "Verify PR #5 is running on staging",
        "Confirm backup of PR #5 works",
        "Check with Marek whether PR #5 can be merged",
        "Test PR #5",
        "Check PR #5",
        "Verify PR #5",
        "Check that PR #5 is green",
        "Confirm PR #5 is ok",
        "Verify that PR #5 works",
        "Check A2",
    ];
    let body = |check: &&str| format!("- [ ] **A1 P0**: {check}\n- [ ] **A2 P2 Apps**: Merge PR #5\n");
    a2_is_held(&checks.iter().map(body).collect::<Vec<_>>());
    let s3 = "- [ ] **S3 P2 Apps**: Merge PR #6\n- [ ] **A1 P2**: Verify backups in S3\n";
    assert_eq!(one(&tasks(s3), "A1").depends_on, [""; 0]);
}

#[test]
fn a_heading_that_only_begins_like_a_rollback_loses_no_task() {
    for heading in [
        "# Emergency maintenance 2026-11-27",
        "## Emergency fixes",
        "### Emergency lane",
        "## Rollback of last week's upgrade",
        "## Rollback jellyfin",
        "## Reihenfolge nach Kriterien",
    ] {
        let body = format!("{heading}\n\n- [ ] **A1 P0 Apps**: Merge PR #5\n");
        assert_eq!(tasks(&body).len(), 1, "{heading}");
    }
    let nested = "- [ ] **A1 P1 Apps**: Merge PR #5\n  - Emergency patches\n    - [ ] Merge PR #8\n";
    assert_eq!(tasks(nested).len(), 2);
}

#[test]
fn boxes_to_be_seen_to_first_hold_the_merges() {
    let first = [
        "## Before we start\n- [ ] **A1**: Backup done",
        "## Prerequisites\n- [ ] **A1**: Backup of radarr completed",
        "## Approvals\n- [ ] **A1**: Risk review complete",
        "## Approvals\n- [ ] **A1**: Sign-off from Tomasz after the review",
        "## Preparation\n### Backups\n- [ ] **A1**: Dump the databases",
        "## Phase 1: Preparation\n- [ ] **A1**: Take a Velero backup",
        "## Step 0: Preparation\n- [ ] **A1**: Take a Velero backup",
        "## Preparation\n- [ ] **A1 P3**: Verify Ceph HEALTH_OK",
        "# Preparation of the December maintenance\n## Approvals\n- [ ] **A1**: Sign-off from Tomasz",
        "## Preparation and updates\n### Approvals\n- [ ] **A1**: Sign-off from Tomasz",
        "## Prerequisites for the next phase\n- [ ] **A1**: Back up radarr",
        "## Approvals (closing 18:00)\n- [ ] **A1**: Sign-off from Tomasz",
        "## Prerequisites\n- [ ] **A1**: All backups done",
        "## Prerequisites\n- [ ] **A1**: Confirm that the maintenance page is done",
        "## Before we start\n- [ ] **A1**: Maintenance page merged",
    ];
    let body = |first: &&str| format!("{first}\n## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n");
    a2_is_held(&first.iter().map(body).collect::<Vec<_>>());
    for heading in ["Preparation for next month", "Before we close"] {
        let body = format!(
            "## {heading}\n- [ ] **A1**: Write the plan\n## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n"
        );
        assert_eq!(one(&tasks(&body), "A2").depends_on, [""; 0], "{heading}");
    }
}

#[test]
fn what_a_task_holds_up_waits_for_it() {
    for said in [
        "\n  - Blocks: A2",
        " (blocks A2)",
        "\n  - Required by: A2",
        ", needed for A2",
        "\n  - Prerequisite for A2",
    ] {
        let body =
            format!("- [ ] **A1 P1**: Back up immich by hand{said}\n- [ ] **A2 P1 Apps**: Merge PR #5\n");
        assert_eq!(one(&tasks(&body), "A2").depends_on, ["A1"], "{said}");
    }
    let table = "| ID | Summary | Blocks |\n|---|---|---|\n| A1 | Back up immich | A2 |\n| A2 | Merge PR #5 | - |\n\n\
                 - [ ] **A1 P1**: Back up immich\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    a2_is_held(&[table.to_owned()]);
    for above in [
        "### CVE triage blocks A2",
        "### Anna blocks A2",
        "**Vendor bug blocks A2**",
        "The vendor bug blocks A2.",
    ] {
        a2_is_held(&[format!("## Updates\n\n{above}\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n")]);
    }
    let cell =
        "| Risk | Note |\n|---|---|\n| jellyfin bug | blocks A2 |\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    let row = "| ID | Summary | Depends on | Blocks |\n|---|---|---|---|\n| A1 | Back up immich | - | A2 |\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    a2_is_held(&[cell.to_owned(), row.to_owned()]);
}

#[test]
fn a_condition_beside_a_name_is_heard() {
    let said = [
        "Merge PR #5, after A1 + 1 day",
        "Merge PR #5 after A1 (+ 1 day)",
        "Merge PR #5 after A1, 24h",
        "Merge PR #5 (24h after A1)",
        "Merge PR #5 a day after A1",
        "Merge PR #5 after A1 (24h soak)",
        "Merge PR #5 needs A1 (and Anna)",
        "Merge PR #5 (needs A1, Anna)",
        "Merge PR #5 after A1 and anna",
        "Merge PR #5 after A1 (soak one day)",
        "Merge PR #5 long after A1",
        "Merge PR #5 a couple of days after A1",
        "Merge PR #5 the day after A1",
        "Merge PR #5\n  - Needs A1, Anna",
        "Merge PR #5\n  - After A1 plus a day of soak",
        "Merge PR #5\n  - After: A1 plus one day",
        "Merge PR #5\n  - Depends on: A1 (24h)",
        "Merge PR #5\n  - some days after A1",
        "Merge PR #5 after A1 and Anna",
        "Merge PR #5, dependency: Anna",
        "Merge PR #5 [depends: vendor]",
        "Merge PR #5 (dependencies: Anna)",
        "Merge PR #5, prerequisite: vendor",
        "Merge PR #5\n  - Priority: low, only if there is time",
        "Merge PR #5\n  - Priority: P2 (if there is time)",
        "Merge PR #5\n  - Layer: Apps, but only after the backup",
        "Merge PR #5\n  - This relies on Anna's ok",
        "Merge PR #5\n  - Merge this one last",
        "Merge PR #5\n  - Order: last",
    ];
    for said in said {
        let body = format!("- [ ] **A1 P2 Apps**: Merge PR #4\n- [ ] **A2 P2 Apps**: {said}\n");
        assert_ne!(one(&tasks(&body), "A2").needs, None, "{said}");
    }
}

#[test]
fn a_condition_in_a_line_of_the_section_is_heard() {
    for line in [
        "**Depends on:** the migration of the database",
        "**Priority:** P1\n**Depends on:** the migration of the database",
        "**Depends on:** 1",
        "Depends on: the vendor's fix",
        "**Requires:** a backup of radarr",
        "Needs: Anna's ok",
        "**Condition:** CI is green",
        "**When:** after the backup",
        "**Priority:** P1, after Anna's ok",
        "**Priority:** P1 | **Approval:** Anna | **When:** Sunday",
        "The big one.\n**Depends on:** the vendor's fix",
    ] {
        let body = format!("### 2. Longhorn\n{line}\n\n- [ ] **A2**: Merge PR #5\n");
        assert_ne!(one(&tasks(&body), "A2").needs, None, "{line}");
    }
    let plain = "### 2. Longhorn\n**Priority:** P1\n**Layer:** Storage\n\n- [ ] **A2**: Merge PR #5\n";
    assert_eq!(one(&tasks(plain), "A2").needs, None);
}

#[test]
fn a_time_is_no_id() {
    for title in [
        "DEC24 Merge PR #8",
        "MAY5 Merge PR #8",
        "SAT28. Merge PR #8",
        "DAY2 Merge PR #8",
        "UTC22 Merge PR #8",
        "ETA22 Merge PR #8",
        "WEEK48 Merge PR #8",
        "NEXT1 Merge PR #8",
        "YEAR2027 Merge PR #8",
        "H2 Merge PR #8",
        "DEZ24 Merge PR #8",
        "OKT5 Merge PR #8",
        "GMT22 Merge PR #8",
        "PM10 Merge PR #8",
        "EOD1 Merge PR #8",
        "FY27 Merge PR #8",
        "T-2 Merge PR #8",
        "D-1 Merge PR #8",
        "SPRINT-5 Merge PR #8",
        "AFTER22 Merge PR #8",
    ] {
        let found = tasks(&format!("- [ ] {title}\n"));
        assert_ne!(found[0].needs, None, "{title}");
    }
}

#[test]
fn somebody_who_manages_is_somebody() {
    for heading in ["Security-manager", "Risk-manager sign", "Database-manager agrees"] {
        let found = tasks(&format!("### {heading}\n\n- [ ] **A1 P2 Apps**: Merge PR #5\n"));
        assert_ne!(found[0].needs, None, "{heading}");
    }
    let found = tasks("### Upgrade cert-manager\n\n- [ ] **A1 P2 Apps**: Merge PR #5\n");
    assert_eq!(found[0].needs, None);
}

#[test]
fn what_ends_the_work_comes_after_the_merges() {
    for heading in ["Afterwards", "Post-implementation review", "Clean-up after the updates"] {
        let body = format!(
            "## Updates\n- [ ] **A2 P2 Apps**: Merge PR #5\n## {heading}\n- [ ] **A1 P1**: Close #9\n"
        );
        assert_eq!(planned(&body), ["A2", "A1"], "{heading}");
    }
}

#[test]
fn what_the_table_says_comes_first_stays() {
    let body = "| ID | Summary | Depends on |\n|---|---|---|\n| A1 | Verify PR #5 | - |\n| A2 | Merge PR #5 | A1 |\n\n\
                - [ ] **A1 P1**: Verify PR #5\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    assert_eq!(one(&tasks(body), "A2").depends_on, ["A1"]);
    let row = "| ID | Summary | Depends on |\n|---|---|---|\n| R0 | Sign-off of PR #5 | - |\n| A2 | Merge PR #5 | R0 |\n\n\
               - [ ] **A1 P1**: Get the sign-off of PR #5\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    a2_is_held(&[row.to_owned()]);
    let by_hand = "- [x] **A3 P1 Apps**: Merge PR #3\n- [ ] **A1 P1**: Roll PR #3 out by hand\n\
                   - [ ] **A2 P1 Apps**: Merge PR #4 after PR #3\n";
    a2_is_held(&[by_hand.to_owned()]);
}

#[test]
fn a_box_that_says_no_reaches_what_it_names() {
    for said in [
        "Keep blocked until Friday: A2",
        "Still blocked by the vendor: A2, A3",
        "Do not do this yet: waiting for the vendor to answer on A2",
        "Blocked by vendor bug: PR #5",
        "Not yet, waiting for Anna to review PR #5",
        "Do not merge yet: waiting on the vendor's fix for #5",
    ] {
        let body = format!("- [ ] **A9 P1**: {said}\n- [ ] **A2 P1 Apps**: Merge PR #5\n");
        let found = tasks(&body);
        assert_ne!(one(&found, "A2").needs, None, "{said}");
    }
}

#[test]
fn what_has_an_id_is_not_lost_to_what_stands_around_it() {
    for body in [
        "### Emergency\n- [ ] **P0 Apps**: Merge PR #5 (CVE fix)\n",
        "### Emergency\n- [ ] Call the provider about the dead link\n",
        "## Rollback\n- [ ] **A3**: Revert PR #5, jellyfin is broken\n",
        "## Contingency\n- [ ] **A3**: Call Anna about the broken NAS\n",
    ] {
        assert_eq!(tasks(body).len(), 1, "{body}");
    }
    for label in ["Expected order:", "Expected follow-ups:", "Done when all are merged:"] {
        let body = format!(
            "- [ ] **A1 P1**: Upgrade the media stack\n  - {label}\n    - [ ] **A3 P1 Apps**: Merge PR #6\n"
        );
        assert_eq!(tasks(&body).len(), 2, "{label}");
    }
}

#[test]
fn what_is_asked_for_first_is_held_wherever_it_stands() {
    let below = |first: &str| format!("## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n{first}\n");
    a2_is_held(&[
        below("## Prerequisites\n- [ ] **A1 P0**: Test PR #5"),
        below("## Before merging\n- [ ] **A1 P0**: Confirm PR #5 is green"),
        below("## Approvals\n- [ ] **A1 P0**: Validate A2"),
    ]);
    let above = |first: &str| format!("{first}\n\n## Updates\n- [ ] **A2 P1 Apps**: Merge PR #5\n");
    a2_is_held(&[
        above("- [ ] **A1 P0**: Verify PR #5 is live\n  - Goal: on staging, before merging"),
        above("## Approvals for next week\n- [ ] **A1**: Anna agrees"),
        above("## Sign-off for the next window\n- [ ] **A1**: Anna agrees"),
        above("## Prerequisites\n- [ ] **A1**: Anna has merged all DNS changes"),
        above("## Prerequisites\n- [ ] **A1**: Everything is backed up and done"),
        above("## Prerequisites\n- [ ] **A1**: Vendor issue closed"),
        above("## Before closing the stale PRs\n- [ ] **A1**: Sign-off by Anna"),
        above("| ID | Summary | Blocks |\n|---|---|---|\n| R1 | Anna's sign-off | A2 |"),
        above("| What | Needed for |\n|---|---|\n| Anna's sign-off | PR #5 |"),
        above("The vendor bug blocks PR #5."),
        above("Anna's ok is needed for PR #5."),
        above("A backup is a prerequisite for #5."),
        above("A signed change is required for A2."),
        above("- [ ] **A1**: Backup, required for A2"),
        above("- [ ] **A1**: Backup\n  - Blocking: A2"),
    ]);
    let after_one =
        |said: &str| format!("- [ ] **A1 P1 Apps**: Merge PR #4\n- [ ] **A2 P1 Apps**: Merge PR #5 {said}\n");
    for said in
        ["(after #4 is live for a day)", "(after #4 proves stable)", "after A1 then Anna", "after A1 / Anna"]
    {
        assert_ne!(one(&tasks(&after_one(said)), "A2").needs, None, "{said}");
    }
    for said in ["Success criteria:", "Expected:"] {
        let body = format!(
            "- [ ] **A2 P1 Apps**: Merge PR #5\n  - {said}\n    - [ ] Tomasz signs off before the merge\n"
        );
        assert_ne!(one(&tasks(&body), "A2").needs, None, "{said}");
    }
    let nested =
        "- [ ] **A2 P1 Apps**: Merge PR #5\n  - Rollback:\n    - [ ] **A9**: Take a snapshot first\n";
    assert_eq!(tasks(nested).len(), 2);
}

#[test]
fn a_bold_line_over_boxes_that_come_first_is_a_gate_as_well() {
    for line in ["**Before merging**", "**Prerequisites**", "Before we start:"] {
        let body = format!(
            "## Plan\n\n{line}\n\n- [ ] **A1 P3**: Dump the databases\n\n**Updates**\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n"
        );
        assert_eq!(one(&tasks(&body), "A2").depends_on, ["A1"], "{line}");
    }
    let other =
        "## Plan\n\n**Updates**\n\n- [ ] **A1 P3**: Dump the databases\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    assert_eq!(one(&tasks(other), "A2").depends_on, [""; 0]);
}

#[test]
fn what_a_section_waits_for_holds_below_its_headings_too() {
    let body = "## Longhorn\n\n**Depends on:** A1\n\n### Updates\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n\
                ## First\n\n- [ ] **A1 P1**: Back up longhorn\n";
    assert_eq!(one(&tasks(body), "A2").depends_on, ["A1"]);
    let words = body.replace("A1\n\n###", "the vendor's fix\n\n###");
    assert_ne!(one(&tasks(&words), "A2").needs, None);
}
