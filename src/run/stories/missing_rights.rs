//! What caretaker is not allowed, at the forge and in the cluster.

use super::{MANIFESTS, Story};
use sim::gitea::{Fault, Permission, Rule};
use sim::kubernetes;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_write_access_the_status_says_so_and_nothing_is_done() {
    let mut story = Story::begin().await;
    let gitea = story.world.gitea();
    gitea.add_collaborator("ops", "homelab", "caretaker", Permission::Read);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let body = story.issue_now(number).body;
    story.start().await;
    story.looks(4).await;
    // Who may not write may not edit another's issue either: the log and the readiness say why.
    assert_eq!(story.issue_now(number).body, body);
    assert_eq!(story.effects(), [""; 0]);
    assert!(!story.merged(echo));
    story.world.gitea().add_collaborator("ops", "homelab", "caretaker", Permission::Write);
    story.wait("with the right it is merged", || story.merged(echo)).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_the_scope_to_merge_is_named_before_anything_is_tried() {
    let mut story = Story::begin().await;
    story.token =
        story.world.gitea().create_token("caretaker", &["write:issue", "read:repository", "read:user"]);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let head = story.head();
    story.start().await;
    let issue = story.says(number, "write:repository").await;
    story.looks(2).await;
    assert!(issue.body.contains("read:user"), "the whole set of scopes is named: {}", issue.body);
    assert_eq!(story.effects(), [""; 0]);
    assert_eq!(story.state().await.began_at, None, "the run has not begun");
    assert!(!story.merged(echo));
    assert_eq!(story.head(), head);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_write_bodies_has_no_effect_at_all() {
    let mut story = Story::begin().await;
    story.token =
        story.world.gitea().create_token("caretaker", &["read:issue", "write:repository", "read:user"]);
    let echo = story.renovate_opens("echo", "36.0.1");
    story.issue_of_merges(&[echo]).await;
    story.start().await;
    // Enough for everything that would come before the merge.
    story.looks(25).await;
    assert!(!story.merged(echo), "nothing is done that cannot be told");
    assert_eq!(story.effects(), [""; 0]);
    // Each look begins well and ends so: it is said again at every look.
    story
        .wait("the scope is named", || story.forge_error().is_some_and(|error| error.contains("write:issue")))
        .await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forge_that_is_down_for_a_while_is_waited_for_and_nothing_happens_twice() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    let head = story.head();
    story.start().await;
    story.wait("the first is merged", || story.merged(echo)).await;
    story.world.forge_down(true);
    let (asked, since) = (story.world.gitea().requests().len(), std::time::Instant::now());
    let minute = std::time::Duration::from_secs_f64(60.0 / super::SCALE);
    story
        .wait("it was down for a minute, and caretaker has met it", || {
            story.world.gitea().requests().len() > asked + 5 && since.elapsed() >= minute
        })
        .await;
    assert!(!story.merged(excalidraw));
    story.world.forge_down(false);
    story.closed(number).await;
    let commits = story.commits_since(&head);
    assert_eq!(commits.len(), 2, "each once, nothing undone: {commits:?}");
    assert!(story.merged(excalidraw));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_repository_is_told_apart_and_left_alone() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let mut repository = story.world.repository().clone();
    repository.rename("household").unwrap();
    story.start().await;
    let says = |part: &str| story.repositories_error().is_some_and(|error| error.contains(part));
    story.wait("the readiness tells the new name", || says("household")).await;
    story.looks(3).await;
    assert_eq!(story.effects(), [""; 0]);
    assert_eq!(story.body_writes(), 0);
    assert!(!repository.pull(echo).unwrap().merged);
    assert!(!repository.issue(number).unwrap().body.contains("caretaker:"));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_in_the_cluster_is_named_before_the_first_effect() {
    let mut story = Story::begin().await;
    let role = MANIFESTS.iter().find(|text| text.contains("kind: ClusterRole\n")).unwrap();
    let smaller = role.replace("verbs: [list, watch, patch]", "verbs: [list, watch]");
    assert_ne!(*role, smaller);
    story.world.kubernetes().apply_manifests(&smaller).unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let issue = story.says(number, "patch").await;
    assert!(issue.body.contains("applications"), "{}", issue.body);
    story.looks(3).await;
    assert_eq!(story.effects(), [""; 0]);
    assert_eq!(story.cluster_effects(), [""; 0]);
    story.world.kubernetes().apply_manifests(role).unwrap();
    story.wait("with the right it is merged", || story.merged(echo)).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_forbids_a_reading_in_the_middle_is_unknown_and_merges_nothing_more() {
    let mut story = Story::begin().await;
    story.world.repository().create_label("caretaker/pause", "#888888").unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    let head = story.head();
    story.start().await;
    // Stopped between the two, so that the second does not follow at once.
    story
        .state_when("the first rolls out", |state| {
            state.change.as_ref().is_some_and(|change| !change.refreshed.is_empty())
        })
        .await;
    let person = story.operator();
    person.add_label(number, "caretaker/pause").await.unwrap();
    story.done(number, "D1").await;
    let faults = story.world.kubernetes().faults();
    let fault = faults.add(kubernetes::Matcher::resource("pods"), kubernetes::Fault::Forbid);
    // A server lets a watch go on that it would not allow any more.
    faults.break_connections();
    person.remove_label(number, "caretaker/pause").await.unwrap();
    let issue = story.says(number, "UNKNOWN").await;
    assert!(!story.merged(excalidraw), "{}", issue.body);
    story.looks(4).await;
    assert!(!story.merged(excalidraw));
    faults.remove(fault);
    story.closed(number).await;
    assert_eq!(story.commits_since(&head).len(), 2);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overloaded_forge_costs_time_and_nothing_else() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let head = story.head();
    let faults = story.world.gitea().faults();
    faults.add(
        Rule::new("*", "/repos/ops/homelab", Fault::Status(502))
            .unwrap()
            .after(4)
            .times(9)
            .when(|seen| seen.user == Some("caretaker")),
    );
    story.start().await;
    story.closed(number).await;
    assert_eq!(story.commits_since(&head).len(), 1);
    story.end().await;
}
