//! People in the middle of a run: they stop it, close its issue, and say how much may be done.

use super::Story;
use super::words::{TELEPHONE, tasks};
use crate::issue::read_approvals;
use crate::run::event::ChangeResult;
use crate::run::situation::Mode;
use sim::actors::Person;
use sim::gitea::{IssueState, Permission};

/// Two merges, one after the other.
async fn two_merges(story: &Story) -> (u64, u64, u64) {
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    (number, echo, excalidraw)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pause_label_stops_before_the_next_merge_and_names_what_is_half_done() {
    let mut story = Story::begin().await;
    story.world.repository().create_label("caretaker/pause", "#888888").unwrap();
    let (number, echo, excalidraw) = two_merges(&story).await;
    story.start().await;
    story.wait("the first is merged", || story.merged(echo)).await;
    let person = story.operator();
    person.add_label(number, "caretaker/pause").await.unwrap();
    let issue = story.says(number, "Stopped by").await;
    story.looks(5).await;
    assert!(!story.merged(excalidraw), "{}", issue.body);
    person.remove_label(number, "caretaker/pause").await.unwrap();
    story.closed(number).await;
    assert!(story.merged(excalidraw));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_a_rollout_names_the_merge_and_holds_back_its_undoing() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let head = story.head();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    let person = story.operator();
    person.comment(number, "/caretaker stop").await.unwrap();
    let issue = story
        .until("the half-done merge is named", number, |issue| {
            issue.body.contains("### Half done") || issue.body.contains("Half done")
        })
        .await;
    assert!(issue.body.contains(&format!("#{grafana} is merged")), "{}", issue.body);
    story.looks(8).await;
    assert_eq!(story.commits_since(&head).len(), 1, "nothing is undone while it is stopped");
    person.comment(number, "/caretaker resume").await.unwrap();
    story
        .state_when("undone", |state| {
            state.merges.iter().any(|merge| matches!(merge.result, Some(ChangeResult::Reverted { .. })))
        })
        .await;
    assert_eq!(story.commits_since(&head).len(), 2);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_that_a_person_closes_in_a_change_is_watched_to_its_end_and_nothing_new_starts() {
    let mut story = Story::begin().await;
    let (number, echo, excalidraw) = two_merges(&story).await;
    story.start().await;
    story.wait("the first is merged", || story.merged(echo)).await;
    story.operator().set_open(number, false).await.unwrap();
    let state = story
        .state_when("the change has ended", |state| state.change.is_none() && !state.merges.is_empty())
        .await;
    assert_eq!(state.merges[0].result, Some(ChangeResult::Kept));
    story.looks(5).await;
    assert!(!story.merged(excalidraw));
    let issue = story.issue_now(number);
    assert!(!issue.title.starts_with("[RESOLVED]"), "a person closed it, not caretaker: {}", issue.title);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_that_a_person_closes_in_a_bad_change_is_undone_all_the_same() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let head = story.head();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    story.operator().set_open(number, false).await.unwrap();
    story
        .state_when("undone", |state| {
            state.merges.iter().any(|merge| matches!(merge.result, Some(ChangeResult::Reverted { .. })))
        })
        .await;
    assert_eq!(story.commits_since(&head).len(), 2);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observing_has_no_effect_but_the_status() {
    let mut story = Story::begin().await;
    story.repository.mode = Mode::Observe;
    let (number, echo, excalidraw) = two_merges(&story).await;
    let related = story.world.repository().open_issue("operator", "Old", "Old text.", &[]).unwrap();
    let person = story.operator();
    person.append_line(number, &format!("- [ ] **C1 P3 Apps**: Close issue #{related}")).await.unwrap();
    let head = story.head();
    story.start().await;
    story.says(number, "would merge").await;
    story.looks(5).await;
    assert_eq!(story.effects(), [""; 0]);
    assert_eq!(story.cluster_effects(), [""; 0]);
    assert!(story.body_writes() > 0);
    assert!(!story.merged(echo) && !story.merged(excalidraw));
    assert_eq!(story.head(), head);
    assert_eq!(story.world.repository().issue(related).unwrap().body, "Old text.");
    assert_eq!(story.issue_now(number).labels, ["maintenance"]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_approve_mode_asks_before_each_change() {
    let mut story = Story::begin().await;
    story.repository.mode = Mode::Approve;
    let (number, echo, excalidraw) = two_merges(&story).await;
    story.start().await;
    let issue =
        story.until("both are asked for", number, |issue| read_approvals(&issue.body).len() == 2).await;
    story.looks(3).await;
    assert!(!story.merged(echo) && !story.merged(excalidraw));
    let second = read_approvals(&issue.body).into_iter().find(|one| one.task == "D2").unwrap();
    story.operator().comment(number, &format!("/caretaker approve D2 {}", second.code)).await.unwrap();
    story.done(number, "D2").await;
    assert!(story.merged(excalidraw));
    assert!(!story.merged(echo), "the other one was not approved");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_was_written_before_anybody_looked_counts() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.operator().comment(number, "/caretaker stop").await.unwrap();
    story.start().await;
    story
        .state_when("it has begun, and is stopped", |state| state.began_at.is_some() && state.stop.is_some())
        .await;
    story.looks(4).await;
    assert_eq!(story.effects(), [""; 0]);
    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_a_trusted_person_declares_starts_no_change_until_it_is_said_to_be_over() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.world.gitea().create_user("guest", false);
    story.world.gitea().add_collaborator("ops", "homelab", "guest", Permission::Read);
    let token = story.world.gitea().create_token("guest", &super::SCOPES);
    let guest = Person::new(&story.world.gitea().url(), &token, "ops", "homelab").unwrap();
    story.operator().comment(number, "/caretaker incident the router reboots").await.unwrap();
    story.start().await;
    story.says(number, "an incident, says `operator`: the router reboots").await;
    guest.comment(number, "/caretaker incident over").await.unwrap();
    story.does_nothing(echo).await;
    story.operator().comment(number, "/caretaker incident over").await.unwrap();
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_outlives_its_issue_and_holds_back_every_repository() {
    let mut story = Story::begin().await;
    story.stranger_comes(Permission::Write);
    let second = story.another("second");
    story.looks_after("second");
    story.world.gitea().add_collaborator("ops", "second", "visitor", Permission::Write);
    let other = second.open_issue("operator", "Second", &tasks([TELEPHONE]), &["maintenance"]).unwrap();
    second.comment("operator", other, "/caretaker incident the router reboots").unwrap();
    story.start().await;
    story.state_when("it is heard", |state| state.incident.is_some()).await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let first = story.issue_of_merges(&[echo]).await;
    let issue = story.says(first, "an incident, says `operator` in ops/second issue").await;
    assert!(!issue.body.contains("router"), "what is said there stays there: {}", issue.body);
    // Whoever may write ends its run, and that of the first issue.
    second.set_issue_state("visitor", other, IssueState::Closed).unwrap();
    story.looks(3).await;
    story.world.repository().set_issue_labels("visitor", first, &[]).unwrap();
    let number = story.issue_of_merges(&[echo]).await;
    story.says(number, "an incident, says `operator` in ops/second issue").await;
    story.looks(4).await;
    assert_eq!((story.merged(echo), story.merges_asked(echo)), (false, 0));
    story.next_second().await;
    story.operator().comment(number, "/caretaker incident over").await.unwrap();
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_said_in_an_issue_that_waits_for_its_turn_holds_back_the_one_that_is_worked_on() {
    let mut story = Story::begin().await;
    let waits = story.issue(&tasks([TELEPHONE])).await;
    story.next_second().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let repository = story.world.repository().clone();
    // The first words are edited into a comment that said nothing: the issue's time tells nothing of it.
    let comment = repository.comment("operator", waits, "Looks fine.").unwrap();
    repository.edit_comment("operator", comment, "/caretaker incident").unwrap();
    repository.comment("operator", waits, "/caretaker stop").unwrap();
    story.start().await;
    let said = format!("an incident, says `operator` in ops/homelab issue {waits}");
    let issue = story.says(number, &said).await;
    assert!(!issue.body.contains("Stopped by"), "a stop there is that run's: {}", issue.body);
    story.looks(4).await;
    assert_eq!((story.merged(echo), story.merges_asked(echo)), (false, 0));
    story.next_second().await;
    repository.comment("operator", waits, "/caretaker incident over").unwrap();
    story.closed(number).await;
    assert!(story.merged(echo));
    story.says(waits, "Stopped by").await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_said_where_no_run_can_begin_holds_back_all_the_same() {
    let mut story = Story::begin().await;
    story.stranger_comes(Permission::Write);
    let second = story.another("second");
    story.looks_after("second");
    story.world.gitea().add_collaborator("ops", "second", "visitor", Permission::Write);
    let other = second.open_issue("visitor", "Second", &tasks([TELEPHONE]), &["maintenance"]).unwrap();
    second.comment("visitor", other, "/caretaker incident mine").unwrap();
    second.comment("operator", other, "/caretaker incident the router reboots").unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    story.start().await;
    let is_told = || second.issue(other).is_some_and(|issue| issue.body.contains("run.trusted"));
    story.wait("its author does not count", is_told).await;
    let number = story.issue_of_merges(&[echo]).await;
    story.says(number, "an incident, says `operator` in ops/second issue").await;
    story.looks(4).await;
    assert_eq!((story.merged(echo), story.merges_asked(echo)), (false, 0));
    story.next_second().await;
    second.comment("operator", other, "/caretaker incident over").unwrap();
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}
