//! What people decide while caretaker is about to write: nothing of it is lost, and nothing passes for their word.

use super::Story;
use super::closings::held_closing;
use super::words::{NODES_READY, TELEPHONE, merge, tasks};
use crate::issue::read_approvals;
use crate::run::event::ChangeResult;
use crate::run::state::TaskState;
use sim::actors::WorldOptions;
use sim::gitea::{DeliveryMode, Fault, IssueState, Permission, Rule, RuleId, Server};
use std::time::Duration;

/// A story in which only the operator counts, and a visitor may write.
async fn with_a_visitor() -> Story {
    let mut story = Story::begin().await;
    story.webhook = true;
    story.settings.sole_writers = false;
    let gitea = story.world.gitea();
    gitea.create_user("visitor", false);
    gitea.add_collaborator("ops", "homelab", "visitor", Permission::Write);
    story
}

/// Changes a body in the name of somebody.
fn edits(story: &Story, login: &str, number: u64, change: impl Fn(&str) -> String) {
    let body = change(&story.issue_now(number).body);
    story.world.repository().edit_issue_body(login, number, &body, None).unwrap();
}

/// This befalls caretaker's writes of this issue until it is cleared.
fn writes_meet(story: &Story, number: u64, fault: Fault) -> RuleId {
    let rule = Rule::new("PATCH", &format!("/issues/{number}$"), fault)
        .unwrap()
        .when(|seen| seen.user == Some("caretaker"))
        .always();
    story.world.gitea().faults().add(rule)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_a_stranger_takes_away_is_not_gone() {
    let mut story = with_a_visitor().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let careful = format!("If approved, merge PR #{echo} (echo)");
    let number = story.issue(&tasks([format!("A1 P1 Apps: {careful}"), TELEPHONE.to_owned()])).await;
    story.start().await;
    story.until("an approval is asked for", number, |issue| !read_approvals(&issue.body).is_empty()).await;
    edits(&story, "visitor", number, |body| body.replace(&careful, &format!("Merge PR #{echo} (echo)")));
    story.says(number, "nobody trusted is known to have written this task").await;
    story.looks(5).await;
    assert!(!story.merged(echo), "nobody has approved it");
    // Who may say so says so.
    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.wait("merged", || story.merged(echo)).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_was_taken_out_and_that_a_stranger_puts_back_waits() {
    let mut story = with_a_visitor().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    let number = story.issue(&tasks([merge("D1 P1 Apps", echo), TELEPHONE.to_owned()])).await;
    story.start().await;
    story.state_when("seen", |state| state.tasks.len() == 2).await;
    let line = format!("- [ ] **D1 P1 Apps**: Merge PR #{echo}\n");
    edits(&story, "operator", number, |body| body.replace(&line, ""));
    story.state_when("gone", |state| state.tasks.values().any(|record| record.gone)).await;
    edits(&story, "visitor", number, |body| format!("{body}{line}"));
    story.says(number, "nobody trusted is known to have written this task").await;
    story.world.ceph_recovers("OSD_DOWN");
    story.looks(8).await;
    assert!(!story.merged(echo));
    let state = story.state().await;
    assert_eq!(state.tasks.len(), 2, "it is the same task, with its history");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_becomes_another_task_does_not_keep_what_became_of_the_first() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue(&tasks([merge("D1 P1 Apps", echo), TELEPHONE.to_owned()])).await;
    story.start().await;
    let line = |body: &str| body.lines().find(|line| line.contains("**D1")).unwrap_or_default().to_owned();
    story.until("merged and told", number, |issue| line(&issue.body).contains("*(done")).await;
    edits(&story, "operator", number, |body| {
        let written = line(body);
        let other = written.replace("- [x]", "- [ ]").replace(&format!("#{echo}"), &format!("#{excalidraw}"));
        body.replace(&written, &other)
    });
    story.wait("the other is merged", || story.merged(excalidraw)).await;
    let told = story.until("told of the other", number, |issue| line(&issue.body).starts_with("- [x]")).await;
    assert_eq!(line(&told.body).matches("*(").count(), 1, "one note: {}", line(&told.body));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_without_an_id_is_approved_by_its_box() {
    let mut story = Story::begin().await;
    story.webhook = true;
    let valkey = story.renovate_opens("valkey", "8.1.2");
    let number = story
        .issue(&format!(
            "# Maintenance\n\n- [ ] Verify all nodes are Ready\n- [ ] Merge PR #{valkey} valkey\n- [ ] Run the final validation gate\n"
        ))
        .await;
    story.start().await;
    let issue = story
        .until("an approval is asked for", number, |issue| !read_approvals(&issue.body).is_empty())
        .await;
    assert_eq!(read_approvals(&issue.body)[0].task, "T4", "its line in the person's text");
    story.comes_to_rest().await;
    story.operator().tick(number, "Approve **T4**").await.unwrap();
    story.closed(number).await;
    assert!(story.merged(valkey));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_ticks_the_task_instead_of_its_approval_is_told_what_is_still_open() {
    let mut story = Story::begin().await;
    let valkey = story.renovate_opens("valkey", "8.1.2");
    let number = story.issue(&tasks([merge("D1 P2 Platform", valkey)])).await;
    story.start().await;
    let issue = story.says(number, "tick the box of D1 under Approvals").await;
    assert!(!issue.body.contains("when it is done or not needed, tick the box of D1"), "{}", issue.body);
    story.operator().tick(number, "**D1 P2").await.unwrap();
    let issue = story.closed(number).await;
    let open = format!("by a person; #{valkey} is still open");
    assert_eq!(issue.body.matches(&open).count(), 2, "in the note and in the report: {}", issue.body);
    assert!(!story.merged(valkey));
    story.end().await;
}

/// Somebody unticks what is done while a write of ours is on its way.
async fn an_untick_while_we_write(mut story: Story) {
    let number = story
        .issue(&tasks([NODES_READY, TELEPHONE, "P2 P3 Apps: Ask the supplier for a new card by telephone"]))
        .await;
    story.start().await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    let held = writes_meet(&story, number, Fault::Hold);
    story.operator().tick(number, "**P1 P3").await.unwrap();
    story.wait("our write is on its way", || story.world.gitea().faults().struck(held) > 0).await;
    story.operator().untick(number, "**A1 P0").await.unwrap();
    story.world.gitea().faults().clear();
    story
        .state_when("it is asked for again", |state| {
            state.tasks.values().any(|record| record.known.id == "A1" && record.asked_again.is_some())
        })
        .await;
    story.done(number, "A1").await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_that_makes_our_write_conflict_counts() {
    an_untick_while_we_write(Story::begin().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_that_makes_our_write_conflict_counts_where_others_may_write() {
    an_untick_while_we_write(with_a_visitor().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_that_our_write_goes_over_is_put_back_and_counts() {
    let mut story = Story::with(WorldOptions { server: Server::Gitea125, ..WorldOptions::default() }).await;
    story.webhook = true;
    story.settings.sole_writers = false;
    an_untick_while_we_write(story).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_that_leaves_our_text_byte_for_byte_counts() {
    let mut story = with_a_visitor().await;
    let other = "P2 P3 Apps: Ask the supplier for a new card by telephone";
    let number = story.issue(&tasks([NODES_READY, TELEPHONE, other])).await;
    story.start().await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    let ours = story.issue_now(number).body;
    let held = writes_meet(&story, number, Fault::Hold);
    story.operator().tick(number, "**P1 P3").await.unwrap();
    story.wait("our write is on its way", || story.world.gitea().faults().struck(held) > 0).await;
    story.operator().untick(number, "**P1 P3").await.unwrap();
    assert_eq!(story.issue_now(number).body, ours);
    story.world.gitea().faults().clear();
    story
        .state_when("it is asked for again", |state| {
            state.tasks.values().any(|record| record.known.id == "P1" && record.asked_again.is_some())
        })
        .await;
    story.comes_to_rest().await;
    assert!(story.issue_now(number).body.contains("- [ ] **P1 P3"), "{}", story.issue_now(number).body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_delivery_comes_after_the_look_counts_all_the_same() {
    let mut story = with_a_visitor().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    story.start().await;
    let number = story.issue(&tasks([NODES_READY, TELEPHONE])).await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    story.world.gitea().set_delivery_mode(DeliveryMode::Delayed(Duration::from_secs(3)));
    story.operator().append_line(number, &tasks([merge("D1 P1 Apps", echo)])).await.unwrap();
    let seen = |vouched| {
        move |state: &crate::run::RunState| {
            state.tasks.values().any(|record| record.known.id == "D1" && record.vouched == vouched)
        }
    };
    story.state_when("nobody is known to have written it", seen(false)).await;
    assert!(!story.merged(echo));
    story.state_when("its delivery tells", seen(true)).await;
    story.done(number, "D1").await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_that_is_older_than_its_hook_counts_as_it_was_before_its_first_edit() {
    let mut story = with_a_visitor().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let repository = story.world.repository();
    let number = repository.open_issue("operator", "Soon", &tasks([NODES_READY]), &[]).unwrap();
    story.start().await;
    let added = tasks([merge("D1 P1 Apps", echo)]);
    edits(&story, "operator", number, |body| format!("{body}\n{added}"));
    story.operator().add_label(number, "maintenance").await.unwrap();
    story.done(number, "A1").await;
    story.done(number, "D1").await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_is_not_closed_over_a_task_that_was_added_meanwhile() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([NODES_READY])).await;
    let closing = held_closing(&story, number);
    story.start().await;
    story.wait("the closing is on its way", || story.world.gitea().faults().struck(closing) == 1).await;
    let line = tasks([TELEPHONE]).lines().last().unwrap_or_default().to_owned();
    story.operator().append_line(number, &line).await.unwrap();
    story.world.gitea().faults().clear();
    story.says(number, "**1 of 2** tasks done").await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_with_our_note_taken_out_counts() {
    let mut story = with_a_visitor().await;
    let number = story.issue(&tasks([NODES_READY, TELEPHONE])).await;
    story.start().await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    edits(&story, "operator", number, |body| {
        let lines = body.lines().map(|line| match line.strip_prefix("- [x] **A1") {
            Some(rest) => format!("- [ ] **A1{}\n", rest.split(" *(").next().unwrap_or_default()),
            None => format!("{line}\n"),
        });
        lines.collect()
    });
    story
        .state_when("it is asked for again", |state| {
            state.tasks.values().any(|record| record.asked_again.is_some())
        })
        .await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_text_over_ours_is_put_right_also_while_only_people_are_awaited() {
    let mut story = Story::begin().await;
    let original = tasks([NODES_READY, TELEPHONE]);
    let number = story.issue(&original).await;
    story.start().await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    edits(&story, "operator", number, |_| original.clone());
    let issue = story
        .until("ours is there again", number, |issue| {
            issue.body.contains("caretaker:status") && issue.body.contains("- [x] **A1")
        })
        .await;
    assert_eq!(issue.state, IssueState::Open);
    story.comes_to_rest().await;
    story.end().await;
}

/// How often the journal says that a task is asked for again.
async fn asked_again(story: &Story) -> usize {
    story.journal().await.iter().filter(|event| event.to_string().contains("task-again")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_asks_again_once_however_often_its_text_is_looked_at() {
    let mut story = with_a_visitor().await;
    let number = story.issue(&tasks([NODES_READY, TELEPHONE])).await;
    story.start().await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    // The text shows the untick for as long as our next write is on its way.
    writes_meet(&story, number, Fault::Delay(Duration::from_secs(2)));
    story.operator().untick(number, "**A1 P0").await.unwrap();
    story
        .state_when("asked for again", |state| state.tasks.values().any(|task| task.asked_again.is_some()))
        .await;
    story.looks(3).await;
    story.world.gitea().faults().clear();
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    assert_eq!(asked_again(&story).await, 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_in_a_closed_issue_counts_once_it_is_opened_again() {
    let mut story = with_a_visitor().await;
    let number = story.issue(&tasks([NODES_READY])).await;
    story.start().await;
    story.closed(number).await;
    story.operator().untick(number, "**A1 P0").await.unwrap();
    story.operator().set_open(number, true).await.unwrap();
    story
        .state_when("asked for again", |state| state.tasks.values().any(|task| task.asked_again.is_some()))
        .await;
    story.closed(number).await;
    assert_eq!(asked_again(&story).await, 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_beside_a_persons_own_note_is_heard_although_they_took_the_status_out() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([NODES_READY, TELEPHONE])).await;
    story.start().await;
    story.done(number, "A1").await;
    story.comes_to_rest().await;
    edits(&story, "operator", number, |body| {
        let (before, rest) = body.split_once("<!-- caretaker:status -->").unwrap();
        let (_, after) = rest.split_once("<!-- /caretaker:status -->").unwrap();
        let line = after.lines().find(|line| line.contains("**P1 P3")).unwrap();
        let ticked = line.replacen("[ ]", "[x]", 1);
        format!("{before}{}", after.replacen(line, &format!("{ticked} *(done with the old card)*"), 1))
    });
    let issue = story.closed(number).await;
    assert!(issue.body.contains("*(done with the old card)*"), "{}", issue.body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_that_only_an_old_copy_ticked_is_opened_again() {
    let mut story = Story::begin().await;
    let other = "P2 P3 Apps: Ask the supplier for a new card by telephone";
    let number = story.issue(&tasks([NODES_READY, TELEPHONE, other])).await;
    story.start().await;
    story.done(number, "A1").await;
    story.operator().tick(number, "**P1 P3").await.unwrap();
    story.done(number, "P1").await;
    story.comes_to_rest().await;
    let old = story.issue_now(number).body;
    story.operator().untick(number, "**P1 P3").await.unwrap();
    story
        .until("asked for again", number, |issue| {
            !issue.body.contains("(done by hand)")
                && issue.body.contains("- [ ] **P1 P3")
                && !issue.body.lines().any(|line| line.contains("**P1 P3") && line.contains("*("))
        })
        .await;
    story.comes_to_rest().await;
    edits(&story, "operator", number, |_| old.clone());
    story
        .until("it is open again", number, |issue| issue.body != old && issue.body.contains("- [ ] **P1 P3"))
        .await;
    story.operator().tick(number, "**P1 P3").await.unwrap();
    story.operator().tick(number, "**P2 P3").await.unwrap();
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_before_a_merge_has_come_to_its_end_ends_no_task() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    story.operator().tick(number, "**D1").await.unwrap();
    story
        .state_when("undone", |state| {
            state.merges.iter().any(|merge| matches!(merge.result, Some(ChangeResult::Reverted { .. })))
        })
        .await;
    story.until("a person is asked by an open box", number, |issue| issue.body.contains("- [ ] **D1")).await;
    story.comes_to_rest().await;
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    let state = story.state().await;
    assert!(
        state.tasks.values().all(|task| matches!(task.state, TaskState::Waiting { .. })),
        "{:?}",
        state.tasks
    );
    // Now they know.
    story.operator().tick(number, "**D1").await.unwrap();
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_is_unticked_and_ticked_again_before_we_write_is_done() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue(&tasks([merge("D1 P1 Apps", echo), TELEPHONE.to_owned()])).await;
    story.start().await;
    story.done(number, "D1").await;
    story.comes_to_rest().await;
    writes_meet(&story, number, Fault::Hold);
    story.operator().untick(number, "**D1").await.unwrap();
    story
        .state_when("asked", |state| {
            state
                .tasks
                .values()
                .any(|task| task.known.id == "D1" && matches!(task.state, TaskState::Waiting { .. }))
        })
        .await;
    story.operator().tick(number, "**D1").await.unwrap();
    story.world.gitea().faults().clear();
    story.operator().tick(number, "**P1 P3").await.unwrap();
    story.closed(number).await;
    story.end().await;
}
