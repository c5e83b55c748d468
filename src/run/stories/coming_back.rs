//! Issues that go away and come back: without their label, closed and reopened, gone for good.

use super::Story;
use crate::run::event::{ChangeResult, Effect};
use sim::gitea::{Fault, IssueState, Rule};

/// A merge, and something for a person that keeps the run open.
fn merge_and_person(pull: u64) -> String {
    format!(
        "## Tasks\n\n- [ ] **D1 P0 Apps**: Merge PR #{pull} (echo)\n- [ ] **P1 P3 Apps**: Ask the supplier for a new password by telephone\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_that_loses_its_label_and_gets_it_back_goes_on_in_the_same_run() {
    let mut story = Story::begin().await;
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story.issue(&merge_and_person(echo)).await;
    let head = story.head();
    story.start().await;
    story.until("merged and told", number, |issue| issue.body.contains("- [x] **D1")).await;
    let person = story.world.person("operator").unwrap();
    person.remove_label(number, "maintenance").await.unwrap();
    story.state_when("nothing new starts", |state| state.withdrawn).await;
    story.looks(3).await;
    let before = story.state().await;
    person.add_label(number, "maintenance").await.unwrap();
    let state = story.state_when("taken up", |state| state.taken_up.is_some()).await;
    assert_eq!(state.merges, before.merges);
    person.tick(number, "**P1").await.unwrap();
    let issue = story.until("the end", number, |issue| issue.state == IssueState::Closed).await;
    assert_eq!(story.commits_since(&head).len(), 1, "merged once");
    assert!(issue.body.contains("(done ") && issue.body.contains("merged as"), "{}", issue.body);
    let report = issue.body.split("caretaker:status").next().unwrap();
    assert!(
        report.contains(&format!("#{echo}")),
        "the first stretch's merge is in the closing report: {report}"
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_issue_that_is_reopened_waits_for_a_person_and_closes_once_something_has_ended() {
    let mut story = Story::begin().await;
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story.issue(&format!("## Tasks\n\n- [ ] **D1 P0 Apps**: Merge PR #{echo} (echo)\n")).await;
    story.start().await;
    let issue = story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    assert!(issue.title.starts_with("[RESOLVED] "), "{}", issue.title);
    let person = story.world.person("operator").unwrap();
    person.set_open(number, true).await.unwrap();
    let issue =
        story.until("the status says so", number, |issue| issue.body.contains("was opened again")).await;
    assert_eq!(issue.title, "[Maintenance] Homelab");
    assert!(!issue.body.contains("caretaker:closing"), "no report of an end that is none: {}", issue.body);
    story.comes_to_rest().await;
    let writes = story.body_writes();
    story.looks(4).await;
    assert_eq!(story.issue_now(number).state, IssueState::Open, "not closed again by itself");
    assert_eq!(story.body_writes(), writes, "nothing is written while only a person is awaited");
    let excalidraw = story.world.renovate_opens("excalidraw", "0.17.4").unwrap();
    let line = format!("- [ ] **D2 P1 Apps**: Merge PR #{excalidraw} (excalidraw)");
    person.append_line(number, &line).await.unwrap();
    let issue = story.until("closed again", number, |issue| issue.state == IssueState::Closed).await;
    assert!(issue.title.starts_with("[RESOLVED] "), "{}", issue.title);
    assert_eq!(issue.body.matches("<!-- caretaker:closing -->").count(), 1);
    for pull in [echo, excalidraw] {
        assert!(story.merged(pull) && issue.body.contains(&format!("#{pull}")));
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_that_is_gone_in_a_bad_change_is_undone_from_the_journal() {
    let mut story = Story::begin().await;
    let grafana = story.world.renovate_opens("grafana", "9.5.0").unwrap();
    story.world.app_degrades_from("grafana", "9.5.0");
    let head = story.head();
    let number = story.issue(&format!("## Tasks\n\n- [ ] **D1 P2 Platform**: Merge PR #{grafana}\n")).await;
    story.start().await;
    story.wait("merged", || story.merged(grafana)).await;
    // A stop that was taken back is not one again when nobody can read that any more.
    story.operator().comment(number, "/caretaker stop").await.unwrap();
    story.state_when("stopped", |state| state.stop.is_some()).await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.state_when("taken back", |state| state.stop.is_none()).await;
    // Deleted, or moved to where the token may not look.
    let faults = story.world.gitea().faults();
    let gone = format!("/repos/ops/homelab/issues/{number}(/|$)");
    faults.add(
        Rule::new("*", &gone, Fault::Status(404))
            .unwrap()
            .always()
            .when(|seen| seen.user == Some("caretaker")),
    );
    story.world.repository().set_issue_labels("operator", number, &[]).unwrap();
    let state = story
        .state_when("undone", |state| {
            state.merges.iter().any(|merge| matches!(merge.result, Some(ChangeResult::Reverted { .. })))
        })
        .await;
    assert_eq!(story.commits_since(&head).len(), 2);
    assert_eq!(state.holds.len(), 1);
    story.looks(2).await;
    let asked = story.world.gitea().requests().len();
    story.looks(2).await;
    let is_issue = |one: &sim::gitea::RequestRecord| one.path.contains(&format!("/issues/{number}"));
    assert!(!story.world.gitea().requests()[asked..].iter().any(is_issue), "the run is over");
    let calls = |state: &crate::run::RunState| {
        state.acts.iter().filter(|act| act.effect == Effect::CallPerson).count()
    };
    assert_eq!(calls(&story.state().await), 0, "there is no issue to put a label on");
    story.end().await;
}
