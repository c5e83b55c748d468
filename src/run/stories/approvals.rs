//! A database waits for an approval: who may give it, how, and what voids it.

use super::Story;
use crate::issue::{ApprovalBox, read_approvals};
use sim::gitea::{FileChange, IssueState, NewCommit, Permission};

/// A story with a database's pull request, up to the question.
async fn asked(story: &mut Story) -> (u64, u64, ApprovalBox) {
    let valkey = story.world.renovate_opens("valkey", "8.1.2").unwrap();
    let body = format!("## Tasks\n\n- [ ] **D1 P2 Platform**: Merge PR #{valkey} (valkey)\n");
    let number = story.issue(&body).await;
    story.start().await;
    let approval = question(story, number).await;
    assert_eq!(approval.task, "D1");
    assert!(!story.merged(valkey));
    (number, valkey, approval)
}

async fn question(story: &Story, number: u64) -> ApprovalBox {
    let issue = story
        .until("an approval is asked for", number, |issue| !read_approvals(&issue.body).is_empty())
        .await;
    read_approvals(&issue.body).remove(0)
}

/// What a person writes who says yes.
fn yes(approval: &ApprovalBox) -> String {
    format!("/caretaker approve {} {}", approval.task, approval.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_that_a_delivery_vouches_for_approves() {
    let mut story = Story::begin().await;
    story.webhook = true;
    let (number, valkey, _) = asked(&mut story).await;
    story.looks(3).await;
    assert!(!story.merged(valkey), "nobody has said yes");
    story.world.person("operator").unwrap().tick(number, "Approve **D1**").await.unwrap();
    let issue = story.until("merged and closed", number, |issue| issue.state == IssueState::Closed).await;
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
    let person = story.world.person("operator").unwrap();
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
    story.until("merged and closed", number, |issue| issue.state == IssueState::Closed).await;
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
    story.until("a good one merges", number, |issue| issue.state == IssueState::Closed).await;
    assert!(story.merged(valkey));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_change_at_the_head_voids_an_approval() {
    let mut story = Story::begin().await;
    let (number, valkey, approval) = asked(&mut story).await;
    // The gate is closed, so that the approval comes first and the merge cannot follow at once.
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.looks(3).await;
    story.world.person("operator").unwrap().comment(number, &yes(&approval)).await.unwrap();
    story.state_when("approved", |state| state.tasks.values().all(|record| record.approved.is_some())).await;
    let repository = story.world.repository();
    let pull = repository.pull(valkey).unwrap();
    let path = repository.changed_files(&pull.base_sha, &pull.head_sha).remove(0);
    let old = String::from_utf8(repository.file(&pull.head_branch, &path).unwrap()).unwrap();
    let commit = NewCommit {
        author: "renovate".to_owned(),
        message: "chore: one more thing".to_owned(),
        files: vec![FileChange::text(path, format!("{old}# and one more thing\n"))],
        from: None,
    };
    repository.commit(&pull.head_branch, commit).unwrap();
    story.world.ceph_recovers("OSD_DOWN");
    story.looks(10).await;
    assert!(!story.merged(valkey), "what was approved is not what would be merged");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_at_the_head_is_asked_for_anew() {
    let mut story = Story::begin().await;
    let (number, valkey, approval) = asked(&mut story).await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.looks(3).await;
    story.world.person("operator").unwrap().comment(number, &yes(&approval)).await.unwrap();
    story.state_when("approved", |state| state.tasks.values().all(|record| record.approved.is_some())).await;
    let repository = story.world.repository();
    let pull = repository.pull(valkey).unwrap();
    let path = repository.changed_files(&pull.base_sha, &pull.head_sha).remove(0);
    let old = String::from_utf8(repository.file(&pull.head_branch, &path).unwrap()).unwrap();
    let commit = NewCommit {
        author: "renovate".to_owned(),
        message: pull.title.replace("8.1.2", "8.1.3"),
        files: vec![FileChange::text(path, old.replace("8.1.2", "8.1.3"))],
        from: None,
    };
    repository.commit(&pull.head_branch, commit).unwrap();
    repository.edit_pull_body("renovate", valkey, &pull.body.replace("8.1.2", "8.1.3")).unwrap();
    story.world.ceph_recovers("OSD_DOWN");
    story
        .until("another code is asked for", number, |issue| {
            read_approvals(&issue.body).iter().any(|one| one.task == "D1" && one.code != approval.code)
        })
        .await;
    story.looks(4).await;
    assert!(!story.merged(valkey));
    let anew = question(&story, number).await;
    story.world.person("operator").unwrap().comment(number, &yes(&anew)).await.unwrap();
    story.until("merged and closed", number, |issue| issue.state == IssueState::Closed).await;
    assert!(story.merged(valkey));
    story.end().await;
}
