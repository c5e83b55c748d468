//! Related issues and pull requests are closed, with a note above their own text.

use super::Story;
use sim::gitea::IssueState;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_related_issue_is_closed_with_a_note_above_its_own_text() {
    let mut story = Story::begin().await;
    let own = "What I saw.\r\n\r\n- [ ] my own box  \r\n\ttab\n";
    let related = story.world.repository().open_issue("operator", "Echo is old", own, &[]).unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story
        .issue(&format!(
            "## Tasks\n\n- [ ] **D1 P1 Apps**: Merge PR #{echo} (echo)\n- [ ] **C1 P2 Apps**: Close issue #{related}\n  - **Depends on**: D1\n"
        ))
        .await;
    story.start().await;
    story.closed(number).await;
    let issue = story.issue_now(related);
    assert_eq!((issue.state, issue.title.as_str()), (IssueState::Closed, "Echo is old"));
    assert!(issue.body.ends_with(own), "{:?}", issue.body);
    let note = &issue.body[..issue.body.len() - own.len()];
    assert!(note.contains("## Resolution"), "{note}");
    assert!(note.contains(&format!("#{number}")), "the maintenance issue: {note}");
    assert!(note.contains(&format!("#{echo}")), "what resolved it: {note}");
    assert!(note.contains("UTC"), "when: {note}");
    assert!(story.world.repository().comments(related).is_empty());
    let closings =
        story.effects().into_iter().filter(|effect| effect.ends_with(&format!("/issues/{related}"))).count();
    assert_eq!(closings, 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_does_not_exist_waits_for_a_person_and_one_that_is_closed_is_done() {
    let mut story = Story::begin().await;
    let repository = story.world.repository();
    let closed = repository.open_issue("operator", "Done", "Long ago.", &[]).unwrap();
    repository.set_issue_state("operator", closed, IssueState::Closed).unwrap();
    let number = story
        .issue(&format!(
            "## Tasks\n\n- [ ] **C1 P1 Apps**: Close issue #{closed}\n- [ ] **C2 P1 Apps**: Close issue #9999\n- [ ] **F1 P0 All**: Final validation gate\n"
        ))
        .await;
    story.start().await;
    let issue = story
        .until("one is done and the other waits", number, |issue| {
            issue.body.contains("- [x] **C1") && issue.body.contains("does not exist here")
        })
        .await;
    story.looks(2).await;
    assert!(issue.body.contains("- [ ] **F1"), "{}", issue.body);
    assert_eq!(story.issue_now(closed).body, "Long ago.", "what is closed keeps its text");
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    story.end().await;
}
