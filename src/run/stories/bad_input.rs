//! Bodies and issues that nothing can be made of.

use super::Story;
use super::words::{NODES_READY, TELEPHONE, merge, tasks};
use crate::run::settings::{Repository, RolloutBy};
use crate::run::situation::Mode;
use sim::gitea::{IssueState, Permission};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_tasks_is_told_how_to_write_them_and_nothing_is_closed() {
    let mut story = Story::begin().await;
    let head = story.head();
    let number = story.issue("Just some words.\n\n- a list\n- without boxes\n").await;
    story.start().await;
    let issue = story.says(number, "No task was found").await;
    assert!(issue.body.contains("- [ ] **A1 P1 Apps**"), "{}", issue.body);
    story.looks(3).await;
    let issue = story.issue_now(number);
    assert_eq!(issue.state, IssueState::Open);
    assert!(issue.body.contains("Just some words.\n\n- a list\n- without boxes\n"), "{}", issue.body);
    assert_eq!(
        story.effects(),
        [format!("POST /issues/{number}/labels")],
        "a person is called, nothing else"
    );
    assert_eq!(story.head(), head);
    story
        .operator()
        .append_line(number, "\n## Action Items\n\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready")
        .await
        .unwrap();
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_nests_too_deeply_neither_ends_the_worker_nor_blocks_another_repository() {
    let mut story = Story::begin().await;
    let second = story.world.gitea().create_repository("ops", "second", false);
    for (login, permission) in [("operator", Permission::Admin), ("caretaker", Permission::Write)] {
        story.world.gitea().add_collaborator("ops", "second", login, permission);
    }
    second.create_label("maintenance", "#0e8a16").unwrap();
    second.commit("main", super::first_commit("README.md", "# second\n")).unwrap();
    let other = second.open_issue("operator", "Second", &tasks([NODES_READY]), &["maintenance"]).unwrap();
    let second_name = "ops/second".parse().unwrap();
    story.others.push(Repository {
        mode: Mode::Auto,
        rollout: RolloutBy::None,
        ..Repository::new(second_name)
    });
    let deep =
        format!("## Tasks\n\n{}- [ ] **A1 P0 Metal**: Verify that all nodes are Ready\n", "> ".repeat(500));
    let number = story.issue(&deep).await;
    story.start().await;
    story
        .wait("the other repository's issue is closed", || {
            second.issue(other).is_some_and(|issue| issue.state == IssueState::Closed)
        })
        .await;
    story.looks(2).await;
    let issue = story.issue_now(number);
    assert_eq!(
        (issue.body, issue.state),
        (deep, IssueState::Open),
        "nothing is written into what cannot be read"
    );
    story.operator().edit(number, "a body", |_| Some(tasks([NODES_READY]))).await.unwrap();
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_maintenance_issues_the_newest_is_worked_on_and_names_the_other() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let kured = story.renovate_opens("kured", "5.9.1");
    let older = story.issue_of_merges(&[kured]).await;
    let newer = story.issue(&tasks([&merge("D1 P2 Apps", echo), TELEPHONE])).await;
    let untouched = story.issue_now(older).body;
    story.start().await;
    let issue = story.done(newer, "D1").await;
    assert!(issue.body.contains(&format!("#{older} (")), "the other is named: {}", issue.body);
    assert!(story.merged(echo));
    assert!(!story.merged(kured), "the older one waits");
    assert_eq!(story.issue_now(older).body, untouched);
    story.operator().tick(newer, "P1 P3").await.unwrap();
    story.closed(newer).await;
    story.closed(older).await;
    assert!(story.merged(kured));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_newer_issue_keeps_nobody_from_being_worked_on() {
    let mut story = Story::begin().await;
    let gitea = story.world.gitea();
    gitea.create_user("visitor", false);
    gitea.add_collaborator("ops", "homelab", "visitor", Permission::Write);
    let kured = story.renovate_opens("kured", "5.9.1");
    let number = story.issue_of_merges(&[kured]).await;
    let theirs = tasks([NODES_READY]);
    let newer = story.world.repository().open_issue("visitor", "Mine", &theirs, &["maintenance"]).unwrap();
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(kured));
    assert!(story.issue_now(number).body.contains(&format!("#{newer} (")), "the other is named");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_of_somebody_who_is_not_trusted_is_answered_and_not_worked_on() {
    let mut story = Story::begin().await;
    let gitea = story.world.gitea();
    gitea.create_user("visitor", false);
    gitea.add_collaborator("ops", "homelab", "visitor", Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    let body = tasks([&merge("D1 P0 Apps", echo), NODES_READY]);
    let number = story.world.repository().open_issue("visitor", "Mine", &body, &["maintenance"]).unwrap();
    story.start().await;
    let issue = story.says(number, "run.trusted").await;
    assert!(issue.body.contains("visitor"), "{}", issue.body);
    story.looks(3).await;
    assert_eq!(story.effects(), [""; 0]);
    assert!(!story.merged(echo));
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    assert!(story.issue_now(number).body.contains("- [ ] **A1"), "not even a question is answered");
    story.end().await;
}
