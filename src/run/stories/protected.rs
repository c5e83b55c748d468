//! A branch that takes no direct commit, other ways of merging, and a forge that schedules what it should do.

use super::Story;
use super::words::{merge, tasks};
use crate::forge::MergeStyle;
use crate::run::event::{ChangeResult, Effect, Outcome};
use crate::run::state::Stage;
use sim::actors::{Rebasing, RenovateOptions, WorldOptions};
use sim::gitea::{Fault, FileChange, IssueState, NewCommit, Protection, Rule, RuleId};

/// The branch takes no push any more; it still takes merges, with so many approvals.
fn protect(story: &Story, required_approvals: i64) {
    let protection = Protection { enable_push: false, required_approvals, ..Protection::default() };
    story.world.repository().protect_branch("main", protection).unwrap();
}

/// The pull requests that caretaker opened.
fn proposals(story: &Story) -> Vec<sim::gitea::PullView> {
    let all = story.world.repository().pulls(None);
    all.into_iter()
        .filter(|pull| pull.head_branch.starts_with("caretaker/") || pull.author == "caretaker")
        .collect()
}

fn lose_answer(story: &Story, method: &str, path: &str) -> RuleId {
    let rule = Rule::new(method, path, Fault::DropAnswer).unwrap();
    story.world.gitea().faults().add(rule.when(|seen| seen.user == Some("caretaker")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_of_a_protected_branch_goes_through_one_pull_request() {
    let mut story = Story::begin().await;
    protect(&story, 0);
    let grafana = story.renovate_opens_a_bad_one();
    let (path, before) = story.version_file(grafana);
    let head = story.head();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    let issue = story.person_called(number).await;
    let proposals = proposals(&story);
    assert_eq!(proposals.len(), 1, "{proposals:?}");
    assert!(proposals[0].merged);
    assert_eq!(story.world.repository().file("main", &path).unwrap(), before.as_bytes());
    let commits = story.commits_since(&head);
    assert!(commits.iter().all(|title| title.contains(&format!("(#{grafana})"))), "{commits:?}");
    let state = story.state().await;
    assert!(
        matches!(state.merges[0].result, Some(ChangeResult::Reverted { .. })),
        "{:?}",
        state.merges[0].result
    );
    assert_eq!(state.holds.len(), 1);
    assert!(issue.body.contains(&format!("#{}", proposals[0].number)), "{}", issue.body);
    assert_eq!(story.world.repository().branch_head(&format!("caretaker/revert-{grafana}")), None);
    story.looks(4).await;
    assert_eq!(story.merges_asked(grafana), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_only_looks_like_our_undoing_is_never_merged() {
    let mut story = Story::begin().await;
    protect(&story, 0);
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    // Somebody who may push to other branches has seen the ids of earlier steps, and guesses the next ones.
    let kept = story.parts().await.store;
    let holder = kept.holder().await.unwrap();
    kept.close().await;
    drop(kept);
    let seen = holder.trim_start_matches("caretaker-").chars().take(8).collect::<String>();
    let guesses: String = (1..500)
        .map(|step| format!("Caretaker-Step: {seen}-{step}\n"))
        .fold(String::new(), |all, one| all + &one);
    let branch = format!("caretaker/revert-{grafana}");
    let forged = NewCommit {
        author: "operator".to_owned(),
        message: format!("Revert the update\n\n{guesses}"),
        files: vec![FileChange::text("forged.yaml", "kind: Forged\n")],
        from: None,
    };
    story.world.repository().create_branch("operator", &branch, "main").unwrap();
    let head = story.world.repository().commit(&branch, forged).unwrap();
    story.start().await;
    story.person_called(number).await;
    assert_eq!(story.world.repository().file("main", "forged.yaml"), None);
    assert_eq!(
        story.world.repository().branch_head(&branch).map(|head| head.to_string()),
        Some(head.to_string())
    );
    let state = story.state().await;
    assert!(
        matches!(state.merges[0].result, Some(ChangeResult::HandedOver { .. })),
        "{:?}",
        state.merges[0].result
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_whose_answers_are_lost_is_proposed_once() {
    let mut story = Story::begin().await;
    protect(&story, 0);
    let grafana = story.renovate_opens_a_bad_one();
    let (path, before) = story.version_file(grafana);
    let number = story.issue_of_merges(&[grafana]).await;
    let lost = [lose_answer(&story, "POST", r"/contents$"), lose_answer(&story, "POST", r"/pulls$")];
    story.start().await;
    story.wait("the pull request is opened", || story.world.gitea().faults().struck(lost[1]) == 1).await;
    // And the one who opened it is gone.
    story.crash().await;
    story.start().await;
    story.person_called(number).await;
    assert_eq!(story.world.gitea().faults().struck(lost[0]), 1);
    assert_eq!(proposals(&story).len(), 1);
    assert_eq!(story.world.repository().file("main", &path).unwrap(), before.as_bytes());
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_that_needs_a_review_is_left_to_a_person_who_merges_it() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let (path, before) = story.version_file(grafana);
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    protect(&story, 1);
    story.person_called(number).await;
    story.says(number, "asks for 1 approving reviews").await;
    let proposals = proposals(&story);
    assert_eq!(proposals.len(), 1);
    assert_eq!(proposals[0].state, IssueState::Open, "nobody but a person merges it");
    assert_eq!(story.merges_asked(proposals[0].number), 0);
    let state = story.state().await;
    assert!(matches!(state.merges[0].result, Some(ChangeResult::HandedOver { .. })));
    assert_eq!(state.holds.len(), 1);
    story.world.repository().unprotect_branch("main").unwrap();
    story.world.repository().merge_pull("operator", proposals[0].number, true).unwrap();
    assert_eq!(story.world.repository().file("main", &path).unwrap(), before.as_bytes());
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_that_waits_for_a_check_is_merged_when_it_has_passed() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let (path, before) = story.version_file(grafana);
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    let protection = Protection {
        enable_push: false,
        enable_status_check: true,
        status_check_contexts: vec!["ci/*".to_owned()],
        ..Protection::default()
    };
    story.world.repository().protect_branch("main", protection).unwrap();
    let state = story
        .state_when("it is proposed", |state| {
            state.change.as_ref().is_some_and(|change| matches!(change.stage, Stage::RevertProposed { .. }))
        })
        .await;
    let Stage::RevertProposed { proposal, .. } = &state.change.as_ref().unwrap().stage else { panic!() };
    assert_eq!(story.merges_asked(proposal.pull.0), 0);
    // The simulated forge compares the required name as it is written; what counts here is what caretaker makes of it.
    story.world.repository().unprotect_branch("main").unwrap();
    protect(&story, 0);
    story.person_called(number).await;
    assert_eq!(proposals(&story).len(), 1);
    assert_eq!(story.world.repository().file("main", &path).unwrap(), before.as_bytes());
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_is_only_scheduled_is_taken_back_and_done_later() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let head = story.head();
    let number = story.issue_of_merges(&[echo]).await;
    let rule = Rule::new("POST", r"/pulls/[1-9]\d*/merge$", Fault::ScheduleMerge).unwrap();
    let rule = story.world.gitea().faults().add(rule.when(|seen| seen.user == Some("caretaker")));
    story.start().await;
    story.closed(number).await;
    assert_eq!(story.world.gitea().faults().struck(rule), 1);
    let effects = story.effects();
    let merges: Vec<&String> = effects.iter().filter(|effect| effect.ends_with("/merge")).collect();
    let path = format!("/pulls/{echo}/merge");
    assert_eq!(merges, [&format!("POST {path}"), &format!("DELETE {path}"), &format!("POST {path}")]);
    assert_eq!(story.commits_since(&head).len(), 1);
    let state = story.state().await;
    let said = state
        .acts
        .iter()
        .filter_map(|act| act.ended.as_ref())
        .any(|(_, outcome)| matches!(outcome, Outcome::NotYet { why } if why.contains("taken back")));
    assert!(said);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_has_to_be_brought_up_to_date_is_rebased_by_renovate_and_merged() {
    let mut story = Story::begin().await;
    let protection =
        Protection { enable_push: true, block_on_outdated_branch: true, ..Protection::default() };
    story.world.repository().protect_branch("main", protection).unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo) && story.merged(excalidraw));
    let state = story.state().await;
    let refused = state.acts.iter().filter_map(|act| act.ended.as_ref());
    let refused = refused.filter(|(_, outcome)| matches!(outcome, Outcome::Outdated { .. })).count();
    let boxes = state.acts.iter().filter(|act| matches!(act.effect, Effect::AskRebase { .. })).count();
    assert_eq!((refused, boxes), (1, 1), "refused once, asked for once");
    assert_eq!((story.merges_asked(echo), story.merges_asked(excalidraw)), (1, 2));
    story.end().await;
}

/// Somebody changed the same line meanwhile. Renovate does not look by itself: it is asked once to make its branch anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_conflicts_is_made_anew_by_renovate_and_merged() {
    let renovate = RenovateOptions { rebasing: Rebasing::Never, ..RenovateOptions::default() };
    let mut story = Story::with(WorldOptions { renovate, ..WorldOptions::default() }).await;
    let echo = story.renovate_opens("echo", "36.2.0");
    let (path, before) = story.version_file(echo);
    let text = before.replace("36.0.0", "36.1.0");
    assert_ne!(text, before);
    let by_hand = NewCommit {
        author: "operator".to_owned(),
        message: "go one version on by hand".to_owned(),
        files: vec![FileChange::text(path.clone(), text)],
        from: None,
    };
    story.world.repository().commit("main", by_hand).unwrap();
    story.wait("the conflict is found", || !story.world.repository().pull(echo).unwrap().mergeable).await;
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo));
    let state = story.state().await;
    let boxes = state.acts.iter().filter(|act| matches!(act.effect, Effect::AskRebase { .. })).count();
    assert_eq!((boxes, story.merges_asked(echo)), (1, 1), "asked for once, and merged once");
    let now = story.world.repository().file("main", &path).unwrap();
    assert!(String::from_utf8(now).unwrap().contains("36.2.0"));
    story.end().await;
}

/// Two merges, the second of them bad, in one way of merging.
async fn merges_and_undoes_by(style: MergeStyle) {
    let mut story = Story::begin().await;
    story.repository.merge_style = style;
    let echo = story.renovate_opens("echo", "36.0.1");
    let grafana = story.renovate_opens_a_bad_one();
    let (path, before) = story.version_file(grafana);
    let lines = [merge("D1 P0 Apps", echo), merge("D2 P1 Platform", grafana)];
    let number = story.issue(&tasks(lines)).await;
    story.start().await;
    story.person_called(number).await;
    assert!(story.merged(echo) && story.merged(grafana));
    let state =
        story.state_when("both have ended", |state| state.merges.len() == 2 && state.change.is_none());
    let state = state.await;
    assert_eq!(state.merges[0].result, Some(ChangeResult::Kept), "{style}");
    assert!(matches!(state.merges[1].result, Some(ChangeResult::Reverted { .. })), "{style}");
    assert_eq!(story.world.repository().file("main", &path).unwrap(), before.as_bytes());
    for record in &state.merges {
        let commit = record.commit.as_ref().unwrap();
        let parents = story.world.repository().commit_info(commit.as_str()).unwrap().parents.len();
        let expected = if style.writes_message() && style != MergeStyle::Squash { 2 } else { 1 };
        assert_eq!(parents, expected, "{style}");
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_rebasing_merges_and_undoes() {
    merges_and_undoes_by(MergeStyle::Rebase).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_squashing_merges_and_undoes() {
    merges_and_undoes_by(MergeStyle::Squash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_fast_forwarding_has_renovate_rebase_merges_and_undoes() {
    merges_and_undoes_by(MergeStyle::FastForwardOnly).await;
}
