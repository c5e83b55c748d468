//! A database waits for an approval: who may give it, how, and what voids it.

use super::Story;
use super::words::{merge, tasks};
use crate::issue::{ApprovalBox, read_approvals};
use sim::gitea::Permission;

/// A story with a database's pull request, up to the question.
pub(super) async fn asked(story: &mut Story) -> (u64, u64, ApprovalBox) {
    let valkey = story.renovate_opens("valkey", "8.1.2");
    let body = tasks([merge("D1 P2 Platform", valkey)]);
    let number = story.issue(&body).await;
    story.start().await;
    let approval = question(story, number).await;
    assert_eq!(approval.task, "D1");
    assert!(!story.merged(valkey));
    (number, valkey, approval)
}

pub(super) async fn question(story: &Story, number: u64) -> ApprovalBox {
    let issue = story
        .until("an approval is asked for", number, |issue| !read_approvals(&issue.body).is_empty())
        .await;
    read_approvals(&issue.body).remove(0)
}

/// What a person writes who says yes.
pub(super) fn yes(approval: &ApprovalBox) -> String {
    format!("/caretaker approve {} {}", approval.task, approval.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_that_a_delivery_vouches_for_approves() {
    let mut story = Story::begin().await;
    story.webhook = true;
    let (number, valkey, _) = asked(&mut story).await;
    story.looks(3).await;
    assert!(!story.merged(valkey), "nobody has said yes");
    story.operator().tick(number, "Approve **D1**").await.unwrap();
    let issue = story.closed(number).await;
    assert!(story.merged(valkey));
    assert!(story.world.repository().comments(number).is_empty(), "caretaker never comments");
    let state = story.state().await;
    let record = state.tasks.values().next().unwrap();
    assert_eq!(
        record.approved.as_ref().map(|approved| approved.approval.by()),
        Some("operator"),
        "{}",
        issue.body
    );
    assert!(state.used_comments.is_empty(), "by the tick");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_without_a_delivery_is_taken_back_and_a_comment_approves() {
    let mut story = Story::begin().await;
    let (number, valkey, approval) = asked(&mut story).await;
    let person = story.operator();
    person.tick(number, "Approve **D1**").await.unwrap();
    let asks = yes(&approval);
    story
        .until("the tick is taken back and a comment asked for", number, |issue| {
            issue.body.contains(&asks) && read_approvals(&issue.body).iter().all(|one| !one.ticked)
        })
        .await;
    story.looks(2).await;
    assert!(!story.merged(valkey), "a tick that nothing vouches for approves nothing");
    person.comment(number, &asks).await.unwrap();
    story.closed(number).await;
    assert!(story.merged(valkey));
    assert_eq!(story.state().await.used_comments.len(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_quoted_code_edited_wrong_or_a_strangers_approves_nothing() {
    let mut story = Story::begin().await;
    let gitea = story.world.gitea();
    gitea.create_user("visitor", false);
    gitea.add_collaborator("ops", "homelab", "visitor", Permission::Write);
    let (number, valkey, approval) = asked(&mut story).await;
    let say = yes(&approval);
    let repository = story.world.repository();
    repository.comment("visitor", number, &say).unwrap();
    repository.comment("caretaker", number, &say).unwrap();
    for text in [
        format!("> {say}"),
        format!("```\n{say}\n```"),
        format!("I would write `{say}`"),
        format!("please {say}"),
        format!("/caretaker approve D1 {}", "0".repeat(approval.code.len())),
        format!("/caretaker approve D9 {}", approval.code),
    ] {
        repository.comment("operator", number, &text).unwrap();
    }
    let comment = repository.comment("operator", number, "Not yet.").unwrap();
    let written = jiff::Timestamp::now().as_second();
    story.wait("the forge's clock shows the edit", || jiff::Timestamp::now().as_second() > written).await;
    repository.edit_comment("operator", comment, &say).unwrap();
    story.looks(6).await;
    assert!(!story.merged(valkey));
    assert!(story.state().await.tasks.values().all(|record| record.approved.is_none()));
    repository.comment("operator", number, &say).unwrap();
    story.closed(number).await;
    assert!(story.merged(valkey));
    story.end().await;
}

/// A story with an approved database whose gate is closed, so that the merge cannot follow at once.
pub(super) async fn approved_behind_a_closed_gate(story: &mut Story) -> (u64, u64, ApprovalBox) {
    let (number, valkey, approval) = asked(story).await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.looks(3).await;
    story.operator().comment(number, &yes(&approval)).await.unwrap();
    story.state_when("approved", |state| state.tasks.values().all(|record| record.approved.is_some())).await;
    (number, valkey, approval)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_change_at_the_head_voids_an_approval() {
    let mut story = Story::begin().await;
    let (_, valkey, _) = approved_behind_a_closed_gate(&mut story).await;
    story.renovate_pushes(valkey, "chore: one more thing", |old| format!("{old}# and one more thing\n"));
    story.world.ceph_recovers("OSD_DOWN");
    story.looks(10).await;
    assert!(!story.merged(valkey), "what was approved is not what would be merged");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_at_the_head_is_asked_for_anew() {
    let mut story = Story::begin().await;
    let (number, valkey, approval) = approved_behind_a_closed_gate(&mut story).await;
    let newer = |old: &str| old.replace("8.1.2", "8.1.3");
    let repository = story.world.repository();
    let pull = repository.pull(valkey).unwrap();
    story.renovate_pushes(valkey, &newer(&pull.title), newer);
    repository.edit_pull_body("renovate", valkey, &newer(&pull.body)).unwrap();
    story.world.ceph_recovers("OSD_DOWN");
    story
        .until("another code is asked for", number, |issue| {
            read_approvals(&issue.body).iter().any(|one| one.task == "D1" && one.code != approval.code)
        })
        .await;
    story.looks(4).await;
    assert!(!story.merged(valkey));
    let anew = question(&story, number).await;
    story.operator().comment(number, &yes(&anew)).await.unwrap();
    story.closed(number).await;
    assert!(story.merged(valkey));
    story.end().await;
}
