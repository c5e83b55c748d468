//! The forge is cut off in the middle of a merge: the branch has it, the pull request does not know.

use super::Story;
use crate::run::event::ChangeResult;
use sim::gitea::{Fault, IssueState, Rule, RuleId};

/// The next merge that caretaker asks for is cut off once the branch has moved.
fn cut_off_in_the_middle(story: &Story) -> RuleId {
    let merge = Rule::new("POST", r"/pulls/[1-9]\d*/merge$", Fault::HalfMerge).unwrap();
    story.world.gitea().faults().add(merge.when(|seen| seen.user == Some("caretaker")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_done_merge_is_found_on_the_branch_counts_and_is_not_done_again() {
    let mut story = Story::begin().await;
    // Renovate would close a pull request whose change is there already, in its own time.
    story.world.renovate_sleeps(true);
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    let head = story.head();
    let cut = cut_off_in_the_middle(&story);
    story.start().await;
    story.done(number, "D1").await;
    assert_eq!(story.world.gitea().faults().struck(cut), 1);
    let half = story.world.repository().pull(echo).unwrap();
    assert_eq!((half.state, half.merged), (IssueState::Open, false), "what the forge shows");
    story.says(number, "shows the pull request as open").await;
    let issue = story.closed(number).await;
    assert_eq!(story.commits_since(&head).len(), 2, "each once");
    assert_eq!((story.merges_asked(echo), story.merges_asked(excalidraw)), (1, 1));
    assert!(story.merged(excalidraw), "the rest goes on");
    let state = story.state().await;
    let record = &state.merges[0];
    assert_eq!((record.plan.pull.0, &record.result), (echo, &Some(ChangeResult::Kept)));
    let commit = record.commit.as_ref().unwrap();
    assert!(record.rollout_seconds.is_some(), "its rollout was followed");
    let merged = story.world.repository().commit_info(commit.as_str()).unwrap();
    assert_eq!(merged.parents[0].to_string(), head);
    assert!(issue.body.contains("shows the pull request as open"), "at the end too: {}", issue.body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_done_merge_that_makes_its_app_degraded_is_undone() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    let grafana = story.renovate_opens_a_bad_one();
    let (path, before) = story.version_file(grafana);
    let head = story.head();
    let number = story.issue_of_merges(&[grafana]).await;
    let cut = cut_off_in_the_middle(&story);
    story.start().await;
    story.person_called(number).await;
    assert_eq!(story.world.gitea().faults().struck(cut), 1);
    assert_eq!(story.commits_since(&head).len(), 2, "a merge and its undoing");
    assert_eq!(story.world.repository().file("main", &path).unwrap(), before.as_bytes());
    story.looks(4).await;
    assert_eq!(story.merges_asked(grafana), 1, "it is held");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_done_merge_is_found_by_the_caretaker_that_is_started_next() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    let echo = story.renovate_opens("echo", "36.0.1");
    let head = story.head();
    let number = story.issue_of_merges(&[echo]).await;
    let cut = cut_off_in_the_middle(&story);
    story.start().await;
    story.wait("the merge is cut off", || story.world.gitea().faults().struck(cut) == 1).await;
    story.crash().await;
    story.start().await;
    story.closed(number).await;
    assert_eq!(story.commits_since(&head).len(), 1);
    assert_eq!(story.merges_asked(echo), 1);
    story.end().await;
}
