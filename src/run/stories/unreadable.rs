//! What cannot be read costs its own task, never the change in flight: a pull request, a body, a store that is full, a
//! journal of a newer version.

use super::Story;
use crate::run::event::ChangeResult;
use sim::gitea::{Fault, IssueState, Rule};

/// A merge that goes bad, and one that is fine.
async fn bad_and_good(story: &Story) -> (u64, u64, u64) {
    let grafana = story.world.renovate_opens("grafana", "9.5.0").unwrap();
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    story.world.app_degrades_from("grafana", "9.5.0");
    let number = story
        .issue(&format!(
            "## Tasks\n\n- [ ] **D1 P0 Platform**: Merge PR #{grafana}\n- [ ] **D2 P2 Apps**: Merge PR #{echo}\n"
        ))
        .await;
    (number, grafana, echo)
}

fn is_undone(state: &crate::run::RunState) -> bool {
    state.merges.iter().any(|merge| matches!(merge.result, Some(ChangeResult::Reverted { .. })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_cannot_be_read_costs_its_own_task_alone() {
    let mut story = Story::begin().await;
    let (number, grafana, echo) = bad_and_good(&story).await;
    let head = story.head();
    let faults = story.world.gitea().faults();
    let rules = [
        // The diff, the files, and with one broken pull request the whole list.
        faults.add(
            Rule::new("GET", &format!("/pulls/{echo}(/files|\\.diff)"), Fault::Status(500))
                .unwrap()
                .always()
                .when(|seen| seen.user == Some("caretaker")),
        ),
        faults.add(
            Rule::new("GET", "/repos/ops/homelab/pulls\\?", Fault::Status(500))
                .unwrap()
                .always()
                .when(|seen| seen.user == Some("caretaker")),
        ),
    ];
    story.start().await;
    story.state_when("the bad one is undone meanwhile", is_undone).await;
    assert!(story.merged(grafana));
    let issue = story
        .until("the status names what cannot be read", number, |issue| {
            issue.body.contains(&format!("#{echo} cannot be read"))
        })
        .await;
    assert!(!story.merged(echo), "UNKNOWN is not merged: {}", issue.body);
    assert_eq!(story.commits_since(&head).len(), 2);
    for rule in rules {
        faults.remove(rule);
    }
    story.until("read again, it is done", number, |issue| issue.body.contains("- [x] **D2")).await;
    assert_eq!(story.commits_since(&head).len(), 3);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_becomes_too_deep_leaves_no_change_unwatched() {
    let mut story = Story::begin().await;
    let (number, grafana, echo) = bad_and_good(&story).await;
    let head = story.head();
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    let body = story.issue_now(number).body;
    let deep = format!("{}\n\n{body}", "> ".repeat(5000));
    story.world.repository().edit_issue_body("operator", number, &deep, None).unwrap();
    story.state_when("undone all the same", is_undone).await;
    assert_eq!(story.commits_since(&head).len(), 2);
    story.looks(3).await;
    assert!(!story.merged(echo), "nothing new starts on a body that nobody can read");
    assert_eq!(story.issue_now(number).body, deep, "and not a byte of it changes");
    story
        .wait("it is said where the operator looks", || {
            story.runs_error().is_some_and(|error| error.contains("cannot be read"))
        })
        .await;
    story.world.repository().edit_issue_body("operator", number, &body, None).unwrap();
    story.until("readable, it goes on", number, |issue| issue.body.contains("- [x] **D2")).await;
    story.wait("and nothing is said any more", || story.runs_error().is_none()).await;
    assert_eq!(story.commits_since(&head).len(), 3);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_full_stops_everything_new_and_loses_nothing() {
    let mut story = Story::begin().await;
    let (number, grafana, echo) = bad_and_good(&story).await;
    let head = story.head();
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    story.store().refuse_writes(true).await;
    let commits = story.commits_since(&head).len();
    story.looks(2).await;
    assert_eq!(story.commits_since(&head).len(), commits, "what cannot be journalled is not done");
    assert!(story.store().check_writable().await.is_err());
    story.store().refuse_writes(false).await;
    story.until("the rest follows", number, |issue| issue.body.contains("- [x] **D2")).await;
    story.state_when("undone once", is_undone).await;
    assert!(story.merged(echo));
    assert_eq!(story.commits_since(&head).len(), 3);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_of_a_newer_version_is_left_alone_and_said() {
    let mut story = Story::begin().await;
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story.issue(&format!("## Tasks\n\n- [ ] **D1 P0 Apps**: Merge PR #{echo} (echo)\n")).await;
    story.world.argocd_dies();
    story.start().await;
    story.until("begun", number, |issue| issue.body.contains("UNKNOWN")).await;
    let run = story.store().recent_runs(1).await.unwrap().remove(0).id;
    story
        .store()
        .append(run, jiff::Timestamp::now(), &[r#"{"event":"from-the-future"}"#.to_owned()])
        .await
        .unwrap();
    story.stop().await;
    story.world.argocd_recovers();
    let body = story.issue_now(number).body;
    story.start().await;
    story
        .wait("it is said", || story.runs_error().is_some_and(|error| error.contains("newer caretaker")))
        .await;
    story.looks(3).await;
    assert_eq!(story.issue_now(number).body, body);
    assert!(!story.merged(echo) && story.issue_now(number).state == IssueState::Open);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_that_are_too_long_to_be_read_stop_the_run_and_say_so() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    story.start().await;
    story.wait("the first is merged", || story.merged(echo)).await;
    story.stranger_comes(sim::gitea::Permission::Read);
    let repository = story.world.repository();
    let long = "x".repeat(1 << 20);
    let comments: Vec<u64> = (0..33).map(|_| repository.comment("visitor", number, &long).unwrap()).collect();
    story.until("it is said", number, |issue| issue.body.contains("comments that cannot be read")).await;
    story.looks(2).await;
    assert!(!story.merged(excalidraw), "nothing new begins");
    for comment in comments {
        repository.edit_comment("operator", comment, "too long").unwrap();
    }
    story.wait("it goes on", || story.merged(excalidraw)).await;
    story.end().await;
}
