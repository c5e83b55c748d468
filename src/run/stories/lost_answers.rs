//! Effects whose answer is lost: each happens once all the same.

use super::Story;
use super::words::{NODES_READY, TELEPHONE, tasks};
use crate::run::event::{ChangeResult, Effect, Outcome};
use crate::run::state::Act;
use sim::gitea::{Fault, IssueState, Rule, RuleId};
use std::time::Duration;

fn lose(story: &Story, method: &str, path: &str, fault: Fault, field: Option<&'static str>) -> RuleId {
    let rule = Rule::new(method, path, fault).unwrap().when(move |seen| {
        seen.user == Some("caretaker")
            && field.is_none_or(|field| seen.fields.iter().any(|name| name == field))
    });
    story.world.gitea().faults().add(rule)
}

async fn a_merge_whose_answer_is_lost(fault: Fault) {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let head = story.head();
    let number = story.issue_of_merges(&[echo]).await;
    let rule = lose(&story, "POST", r"/pulls/[1-9]\d*/merge$", fault, None);
    story.start().await;
    story.closed(number).await;
    assert_eq!(story.world.gitea().faults().struck(rule), 1);
    assert_eq!(story.commits_since(&head).len(), 1);
    let asked = story.effects().into_iter().filter(|effect| effect.ends_with("/merge")).count();
    assert_eq!(asked, 1, "the world was asked, not the merge again");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_whose_connection_breaks_happens_once() {
    a_merge_whose_answer_is_lost(Fault::DropAnswer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_is_answered_with_an_error_all_the_same_happens_once() {
    a_merge_whose_answer_is_lost(Fault::StatusAfter(500)).await;
}

/// More of them than a task has attempts: a forge that is down for a while is waited for, and nobody is called.
async fn merges_that_are_not_answered(fault: Fault) {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let head = story.head();
    let number = story.issue_of_merges(&[echo]).await;
    let rule = Rule::new("POST", r"/pulls/[1-9]\d*/merge$", fault).unwrap().times(5);
    let rule = story.world.gitea().faults().add(rule);
    story.start().await;
    let issue = story.closed(number).await;
    assert_eq!(story.world.gitea().faults().struck(rule), 5);
    assert_eq!(story.commits_since(&head).len(), 1, "merged once");
    let state = story.state().await;
    assert!(state.escalations.is_empty(), "{:?}", state.escalations);
    let requests = story.world.gitea().requests();
    let of_pull = |path: &str| path.contains(&format!("/pulls/{echo}"));
    let merge = format!("/pulls/{echo}/merge");
    let asked: Vec<usize> = requests
        .iter()
        .enumerate()
        .filter(|(_, one)| one.method == "POST" && one.path.ends_with(&merge))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(asked.len(), 6);
    for pair in asked.windows(2) {
        let between = &requests[pair[0] + 1..pair[1]];
        assert!(between.iter().any(|one| one.method == "GET" && of_pull(&one.path)), "asked what happened");
    }
    let called = requests.iter().filter(|one| one.method == "POST" && one.path.ends_with("/labels")).count();
    assert_eq!((called, issue.labels.as_slice()), (0, ["maintenance".to_owned()].as_slice()));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_that_a_proxy_answers_for_a_stopped_forge_are_asked_for_until_one_happens() {
    merges_that_are_not_answered(Fault::Status(502)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_whose_connections_break_before_them_are_asked_for_until_one_happens() {
    merges_that_are_not_answered(Fault::Drop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_lands_after_its_issue_was_closed_is_followed_to_its_end() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let silent = Rule::new("POST", r"/pulls/[1-9]\d*/merge$", Fault::Status(504)).unwrap().always();
    story.world.gitea().faults().add(silent);
    story.start().await;
    let missed = |act: &Act| {
        matches!(act.effect, Effect::Merge(_)) && matches!(act.ended, Some((_, Outcome::Unanswered { .. })))
    };
    story.state_when("no answer came", |state| state.acts.iter().any(missed)).await;
    story.world.person("operator").unwrap().set_open(number, false).await.unwrap();
    story.looks(4).await;
    let state = story.state().await;
    assert!(!state.withdrawn && state.merges.is_empty(), "it may land yet");
    story.world.repository().merge_pull("operator", echo, false).unwrap();
    let state = story.state_when("the run is over", |state| state.withdrawn).await;
    assert_eq!(state.merges[0].result, Some(ChangeResult::Kept), "{:?}", state.merges);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_a_crash_cut_off_may_still_land() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    let slow =
        Rule::new("POST", r"/pulls/[1-9]\d*/merge$", Fault::Delay(Duration::from_mins(1))).unwrap().always();
    let slow = story.world.gitea().faults().add(slow);
    story.start().await;
    story.wait("a merge is on its way", || story.world.gitea().faults().struck(slow) == 1).await;
    story.crash().await;
    story.world.gitea().faults().remove(slow);
    story.start().await;
    story.closed(number).await;
    let state = story.state().await;
    let mut merges = state.acts.iter().filter_map(|act| match (&act.effect, &act.ended) {
        (Effect::Merge(plan), Some((_, outcome))) => Some((plan.pull.0, outcome)),
        _ => None,
    });
    let (first, cut_off) = merges.next().unwrap();
    assert!(matches!(cut_off, Outcome::Unanswered { .. }), "nobody knows whether it lands: {cut_off:?}");
    let (second, outcome) = merges.next().unwrap();
    assert_eq!(first, second, "no other is merged before it is known what became of that one");
    assert!(matches!(outcome, Outcome::Merged { .. }), "{outcome:?}");
    story.end().await;
}

async fn a_revert_whose_answer_is_lost(fault: Fault) {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let head = story.head();
    let before = story.world.repository().files("main");
    let number = story.issue_of_merges(&[grafana]).await;
    let rule = lose(&story, "POST", r"/contents$", fault, None);
    story.start().await;
    story.person_called(number).await;
    assert_eq!(story.world.gitea().faults().struck(rule), 1);
    let commits = story.commits_since(&head);
    assert_eq!(commits.len(), 2, "one merge and one revert: {commits:?}");
    let after = story.world.repository().files("main");
    assert!(
        before.iter().all(|(path, file)| after[path].content == file.content),
        "the files are as they were"
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revert_whose_connection_breaks_happens_once() {
    a_revert_whose_answer_is_lost(Fault::DropAnswer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revert_that_is_answered_with_an_error_all_the_same_happens_once() {
    a_revert_whose_answer_is_lost(Fault::StatusAfter(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closings_whose_answers_are_lost_happen_once() {
    let mut story = Story::begin().await;
    let related = story.world.repository().open_issue("operator", "Old", "Old text.", &[]).unwrap();
    let number = story.issue(&tasks([format!("C1 P2 Apps: Close issue #{related}")])).await;
    let first = lose(&story, "PATCH", &format!("/issues/{related}$"), Fault::DropAnswer, Some("state"));
    let second = lose(&story, "PATCH", &format!("/issues/{number}$"), Fault::DropAnswer, Some("state"));
    story.start().await;
    story.state_when("the journal knows of the closing", super::RunState::closed).await;
    let faults = story.world.gitea().faults();
    assert_eq!((faults.struck(first), faults.struck(second)), (1, 1));
    let issue = story.issue_now(number);
    assert_eq!(issue.state, IssueState::Closed);
    assert_eq!(issue.title.matches("[RESOLVED]").count(), 1);
    let requests = story.world.gitea().requests();
    let closings = |of: u64| {
        let path = format!("/issues/{of}");
        requests
            .iter()
            .filter(|one| {
                one.method == "PATCH"
                    && one.handled
                    && one.path.ends_with(&path)
                    && one.fields.iter().any(|field| field == "state")
            })
            .count()
    };
    assert_eq!((closings(related), closings(number)), (1, 1));
    let body = story.issue_now(related).body;
    assert_eq!(body.matches("## Resolution").count(), 1, "{body}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_whose_answer_is_lost_is_recognised_as_our_own() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([NODES_READY, TELEPHONE])).await;
    let rule = lose(&story, "PATCH", r"/issues/\d+$", Fault::DropAnswer, Some("body"));
    story.start().await;
    story.done(number, "A1").await;
    assert_eq!(story.world.gitea().faults().struck(rule), 1);
    story.looks(3).await;
    let body = story.issue_now(number).body;
    assert_eq!(body.matches("<!-- caretaker:status").count(), 1, "{body}");
    assert_eq!(body.matches("*(done ").count(), 1, "{body}");
    assert!(!body.contains("by a person"), "{body}");
    story.end().await;
}
