//! Others work on the same branch and in the same issue: what they do is not undone, and not done for them.

use super::Story;
use super::words::{NODES_READY, TELEPHONE, merge, tasks};
use crate::run::event::{ChangeResult, Effect};
use crate::run::state::Act;
use sim::gitea::{Fault, Permission, Rule};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_after_a_bad_merge_forbids_its_undoing_and_the_status_says_why() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    let pushed = story.pushes("operator", "README.md", "# homelab\n\nSomething else.\n");
    story.person_called(number).await;
    story.says(number, "not undone by itself").await;
    story.looks(4).await;
    assert_eq!(story.head(), pushed, "nothing is undone");
    let state = story.state().await;
    assert!(matches!(state.merges[0].result, Some(ChangeResult::HandedOver { .. })), "{:?}", state.merges[0]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_comes_in_before_the_merge_forbids_its_undoing_too() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    let held = Rule::new("POST", r"/pulls/[1-9]\d*/merge$", Fault::Hold).unwrap();
    let held = story.world.gitea().faults().add(held);
    story.start().await;
    story.wait("the merge is asked for", || story.world.gitea().faults().struck(held) == 1).await;
    let pushed = story.pushes("operator", "README.md", "# homelab\n\nSomething else.\n");
    // Asked before that, the forge says to try again, and the next try knows the push.
    let is_checked = || story.world.repository().pull(grafana).is_some_and(|pull| pull.mergeable);
    story.wait("the forge has looked at it again", is_checked).await;
    story.world.gitea().faults().remove(held);
    story.wait("merged", || story.merged(grafana)).await;
    let merged = story.head();
    let parents = story.world.repository().commit_info(&merged).unwrap().parents;
    assert_eq!(parents[0].to_string(), pushed, "the base was another one");
    story.person_called(number).await;
    story.says(number, "not undone by itself").await;
    story.looks(4).await;
    assert_eq!(story.head(), merged, "nothing is undone");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_whose_files_are_changed_meanwhile_is_handed_over() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let (path, _) = story.version_file(grafana);
    let base = story.head();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    // The undoing reads the files as they were before the merge.
    let held = Rule::new("GET", &format!("/git/trees/{base}"), Fault::Hold).unwrap();
    let held = story.world.gitea().faults().add(held.always());
    let is_undoing = |act: &Act| matches!(act.effect, Effect::Revert { .. }) && act.ended.is_none();
    story.state_when("the undoing begins", |state| state.acts.iter().any(is_undoing)).await;
    let text = String::from_utf8(story.world.repository().file("main", &path).unwrap()).unwrap();
    let pushed = story.pushes("operator", &path, &format!("{text}# a person is at it\n"));
    story.world.gitea().faults().remove(held);
    story.person_called(number).await;
    story.says(number, "git revert -m 1").await;
    story.looks(4).await;
    assert_eq!(story.head(), pushed, "what the person wrote is not written over");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_that_the_forge_refuses_is_handed_over() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    let protected = Rule::new("POST", r"/contents$", Fault::Status(403)).unwrap().always();
    let refused = story.world.gitea().faults().add(protected);
    story.start().await;
    story.person_called(number).await;
    let asked = story.world.gitea().faults().struck(refused);
    assert_eq!(asked, 2, "once onto the branch and once for a pull request: a refusal is an answer");
    story.says(number, "could not be undone").await;
    story.says(number, "git revert -m 1").await;
    assert!(story.merged(grafana));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_version_stays_held_in_the_next_run() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let first = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.person_called(first).await;
    assert_eq!(story.state().await.holds.len(), 1);
    story.operator().set_open(first, false).await.unwrap();
    let again = || {
        let pulls = story.world.repository().pulls(Some(sim::gitea::IssueState::Open));
        pulls.into_iter().find(|pull| pull.title.contains("grafana")).map(|pull| pull.number)
    };
    story.wait("Renovate makes it again", || again().is_some_and(|number| number != grafana)).await;
    let again = again().unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let head = story.head();
    let second = story.issue_of_merges(&[again, echo]).await;
    let issue = story.done(second, "D2").await;
    assert!(story.merged(echo), "what is not held is merged: {}", issue.body);
    let issue = story.says(second, "is held").await;
    story.looks(4).await;
    assert!(!story.merged(again), "{}", issue.body);
    assert_eq!(story.merges_asked(again), 0);
    assert_eq!(story.commits_since(&head).len(), 1);
    story.end().await;
}

/// Somebody with an account that is not trusted adds a task to the issue, by its page.
fn stranger_adds(story: &Story, number: u64, line: &str) {
    let added = tasks([line]);
    let added = added.rsplit_once("\n\n").map_or("", |(_, task)| task);
    story.stranger_edits(number, |body| format!("{}\n\n### More\n\n{added}", body.trim_end()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_a_stranger_adds_after_a_resume_waits_for_the_next_one() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue(&tasks([NODES_READY, TELEPHONE])).await;
    story.start().await;
    story.done(number, "A1").await;
    stranger_adds(&story, number, &merge("D1 P0 Apps", echo));
    story.says(number, "/caretaker resume").await;
    story.looks(4).await;
    assert!(!story.merged(echo), "a stranger's task waits");
    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.done(number, "D1").await;
    assert!(story.merged(echo));
    stranger_adds(&story, number, &merge("D2 P0 Apps", excalidraw));
    story.says(number, "/caretaker resume").await;
    story.looks(6).await;
    assert!(!story.merged(excalidraw), "the word was for what stood there then");
    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.done(number, "D2").await;
    assert!(story.merged(excalidraw));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foundation_waits_for_a_person_with_the_reason_and_the_rest_goes_on() {
    let mut story = Story::begin().await;
    let gitea = story.renovate_opens("gitea", "12.2.1");
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[gitea, echo]).await;
    story.start().await;
    story.done(number, "D2").await;
    let issue = story.says(number, "foundation").await;
    story.looks(4).await;
    assert!(!story.merged(gitea), "{}", issue.body);
    assert!(story.merged(echo));
    story
        .until("who is to do it, and why", number, |issue| {
            let waits = issue.body.split("### Waits for a person").nth(1).unwrap_or_default();
            waits.lines().any(|line| line.contains("**D1**") && line.contains("foundation"))
        })
        .await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_merged_or_closed_is_in_the_closing_report() {
    let mut story = Story::begin().await;
    let (echo, excalidraw) =
        (story.renovate_opens("echo", "36.0.1"), story.renovate_opens("excalidraw", "0.17.4"));
    let repository = story.world.repository();
    repository.merge_pull("operator", echo, true).unwrap();
    let commit = story.head();
    repository.close_pull("operator", excalidraw).unwrap();
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    story.start().await;
    story.says(number, "closed without being merged").await;
    story.operator().tick(number, &format!("Merge PR #{excalidraw}")).await.unwrap();
    let body = story.closed(number).await.body;
    let section = |heading: &str| {
        let rest =
            body.split(&format!("## {heading}\n")).nth(1).unwrap_or_else(|| panic!("{heading}: {body}"));
        rest.split("\n## ").next().unwrap_or_default().to_owned()
    };
    let merged = section("Pull requests merged");
    assert!(
        merged.contains(&format!("| #{echo} |")) && merged.contains("merged by somebody else"),
        "{merged}"
    );
    assert!(merged.contains(&commit[..7]), "{merged}");
    let closed = section("Pull requests closed without a merge");
    assert!(closed.contains(&format!("| #{excalidraw} |")), "{closed}");
    assert!(closed.contains("closed by somebody else"), "{closed}");
    story.end().await;
}
