//! What goes wrong.

use super::Story;
use crate::health::Verdict;
use crate::run::event::ChangeResult;
use crate::run::state::TaskState;
use sim::gitea::IssueState;
use sim::kubernetes::{Fault as ClusterFault, Matcher};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_makes_its_app_degraded_is_undone_and_held_and_the_rest_goes_on() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story
        .issue(&format!(
            "## Action Items\n\n- [ ] **D1 P2 Platform**: Merge PR #{grafana}\n- [ ] **D2 P2 Apps**: Merge PR #{echo}\n\
             - [ ] **F1 P0 All**: Final validation gate\n"
        ))
        .await;
    let before = story.world.repository().files("main");
    story.start().await;
    let issue = story
        .until("a person is called and echo is merged", number, |issue| {
            issue.labels.iter().any(|label| label == "needs-human")
                && story.world.repository().pull(echo).is_some_and(|pull| pull.merged)
        })
        .await;
    assert_eq!(issue.state, IssueState::Open);
    let state =
        story.state_when("echo is done", |state| state.merges.len() == 2 && state.change.is_none()).await;
    assert!(
        matches!(state.merges[0].result, Some(ChangeResult::Reverted { .. })),
        "{:?}",
        state.merges[0].result
    );
    assert_eq!(state.merges[0].plan.pull.0, grafana);
    assert_eq!(state.merges[1].result, Some(ChangeResult::Kept));
    assert_eq!(state.holds.len(), 1);
    assert_eq!(state.holds[0].hold.version, "9.5.0");
    let held = state.tasks.values().find(|record| record.known.id == "D1").unwrap();
    assert!(matches!(held.state, TaskState::Waiting { .. }), "{:?}", held.state);
    let after = story.world.repository().files("main");
    let chart = before.keys().find(|path| path.contains("grafana")).unwrap();
    assert_eq!(before[chart].content, after[chart].content, "the files are as they were");
    story.stop().await;
    story.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_cd_that_cannot_be_asked_to_look_is_followed_all_the_same_and_the_journal_says_so() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let writes = Matcher::of("patch", "applications");
    story.world.kubernetes().faults().add_times(writes, ClusterFault::Status(500), 1000);
    story.start().await;
    story.closed(number).await;
    let state = story.state().await;
    assert_eq!(state.merges[0].gate, Some(Verdict::Green), "{:?}", state.merges[0]);
    let journal = story.journal().await;
    let asked: Vec<_> = journal.iter().filter(|event| event["event"] == "refreshed").collect();
    assert!(matches!(asked[..], [one] if one["failed"].is_string()), "{asked:?}");
    story.end().await;
}
