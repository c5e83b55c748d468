//! The store is lost, and the run goes on all the same: asked first, nothing twice.

use super::words::{FINAL_GATE, TELEPHONE, merge, tasks};
use super::{RunState, Story};
use sim::gitea::IssueState;

const LAST_WORDS: &str = "\nA person's last line.\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_store_is_lost_between_two_merges_asks_and_ends_as_if_it_never_was() {
    let mut story = Story::begin().await;
    story.world.repository().create_label("caretaker/hold", "#888888").unwrap();
    let old = story.world.repository().open_issue("operator", "Old", "Old text.", &[]).unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let closing = format!("C1 P0 Apps: Close issue #{old}");
    let body =
        tasks([closing.as_str(), &merge("D1 P1 Apps", echo), &merge("D2 P2 Apps", excalidraw), FINAL_GATE]);
    let number = story.issue(&(body + LAST_WORDS)).await;
    let head = story.head();
    // The second one waits until it is let go.
    story.operator().add_label(excalidraw, "caretaker/hold").await.unwrap();
    story.start().await;
    story.done(number, "D1").await;
    let row = format!("#{echo} |");
    story.says(number, &row).await;
    story.loses_its_store().await;
    story.operator().remove_label(excalidraw, "caretaker/hold").await.unwrap();

    story.start().await;
    let issue = story.says(number, "this caretaker's store does not know").await;
    assert!(issue.body.contains("/caretaker resume"), "{}", issue.body);
    story.person_called(number).await;
    story.comes_to_rest().await;
    story.looks(4).await;
    assert!(!story.merged(excalidraw), "nothing is done before a person says so");
    assert!(story.issue_now(number).body.contains("- [x] **D1 "), "what is ticked stays so");

    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    let issue = story.closed(number).await;
    assert!(story.merged(excalidraw));
    assert_eq!(story.commits_since(&head).len(), 2, "each once");
    assert_eq!((story.merges_asked(echo), story.merges_asked(excalidraw)), (1, 1));
    assert!(issue.title.starts_with("[RESOLVED] "), "{}", issue.title);
    for id in ["C1", "D1", "D2", "F1"] {
        let line = issue.body.lines().find(|line| line.starts_with(&format!("- [x] **{id} ")));
        let line = line.unwrap_or_else(|| panic!("{id} is ticked: {}", issue.body));
        assert_eq!(line.matches("*(done ").count(), 1, "{line}");
    }
    assert_eq!(issue.body.matches("<!-- caretaker:closing -->").count(), 1);
    assert_eq!(issue.body.matches("<!-- caretaker:status -->").count(), 1);
    let log = issue.body.split("<!-- caretaker:changes -->").nth(1).unwrap_or_default();
    for pull in [echo, excalidraw, old] {
        assert_eq!(log.matches(&format!("| #{pull} |")).count(), 1, "{log}");
    }
    assert!(issue.body.contains(LAST_WORDS.trim()), "{}", issue.body);
    assert!(!issue.labels.iter().any(|label| label == "needs-human"));
    let related = story.world.repository().issue(old).unwrap();
    assert_eq!(related.body.matches("## Resolution").count(), 1, "{}", related.body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_version_stays_held_when_the_store_is_lost() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    story.person_called(number).await;
    story.says(number, "### Held versions").await;
    let held = story.state().await.holds;
    assert_eq!(held.len(), 1);
    story.loses_its_store().await;
    story.start().await;
    // The two are written down one after the other.
    let holds = |state: &RunState| state.adopted.is_some() && !state.holds.is_empty();
    let state = story.state_when("it asks, and holds", holds).await;
    assert_eq!(state.holds.iter().map(|one| &one.hold).collect::<Vec<_>>(), [&held[0].hold]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_trusted_persons_word_lets_an_adopted_run_go_on_and_only_when_all_is_green() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    let gitea = story.world.gitea();
    gitea.create_user("visitor", false);
    gitea.add_collaborator("ops", "homelab", "visitor", sim::gitea::Permission::Write);
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.person_called(number).await;
    story.comes_to_rest().await;
    story.loses_its_store().await;
    // While nobody remembers anything, somebody who does not count adds a merge.
    let echo = story.renovate_opens("echo", "36.0.1");
    let issue = story.issue_now(number);
    let body = format!("{}\n- [ ] **D1 P0 Apps**: Merge PR #{echo}\n", issue.body.trim_end());
    let version = Some(issue.content_version);
    story.world.repository().edit_issue_body("visitor", number, &body, version).unwrap();
    story.start().await;
    story.says(number, "/caretaker resume").await;
    story.next_second().await;
    story.world.repository().comment("visitor", number, "/caretaker resume").unwrap();
    story.looks(6).await;
    assert!(!story.merged(echo), "a stranger's word lets nothing go on");
    story.world.argocd_dies();
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.says(number, "goes on when all is well").await;
    story.looks(3).await;
    assert!(!story.merged(echo));
    story.world.argocd_recovers();
    story.done(number, "D1").await;
    assert!(story.merged(echo));
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    story.end().await;
}
