//! Closings: related issues and pull requests with a note above their own text, and what a closing went over.

use super::Story;
use super::words::{NODES_READY, TELEPHONE, tasks};
use sim::actors::WorldOptions;
use sim::gitea::{DeliveryMode, Fault, IssueState, Rule, RuleId, Seen, Server};
use std::time::Duration;

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

/// A world whose forge counts no versions of texts, with deliveries.
async fn without_versions(server: Server) -> Story {
    let mut story = Story::with(WorldOptions { server, ..WorldOptions::default() }).await;
    story.webhook = true;
    story
}

/// caretaker's closing of this issue or pull request is on its way until a person has written in between.
pub(super) fn held_closing(story: &Story, number: u64) -> RuleId {
    let held = Rule::new("PATCH", &format!("/issues/{number}$"), Fault::Hold)
        .unwrap()
        .when(|seen| seen.user == Some("caretaker") && seen.fields.iter().any(|field| field == "state"));
    story.world.gitea().faults().add(held)
}

/// No write of ours arrives but so many more and those that close: the closing is the first text that holds what ends then.
fn only_closings_arrive(story: &Story, number: u64, others: u32) -> RuleId {
    let is_closing = |seen: &Seen<'_>| seen.fields.iter().any(|field| field == "state");
    let lost = Rule::new("PATCH", &format!("/issues/{number}$"), Fault::Status(409))
        .unwrap()
        .when(move |seen| seen.user == Some("caretaker") && !is_closing(seen))
        .after(others)
        .always();
    story.world.gitea().faults().add(lost)
}

/// Somebody saves while the closing is on its way.
async fn edits_meanwhile(
    story: &Story,
    number: u64,
    closing: RuleId,
    change: impl Fn(&str) -> String + Send + Sync,
) {
    story.wait("the closing is on its way", || story.world.gitea().faults().struck(closing) == 1).await;
    story.operator().edit(number, "a change", |body| Some(change(body))).await.unwrap();
    assert_eq!(story.issue_now(number).state, IssueState::Open, "they were faster");
    story.world.gitea().faults().remove(closing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_the_closing_went_over_is_put_back() {
    let mut story = without_versions(Server::Gitea125).await;
    let number = story.issue(&format!("{}\nA last line.\n", tasks([NODES_READY]))).await;
    let closing = held_closing(&story, number);
    story.start().await;
    edits_meanwhile(&story, number, closing, |body| body.replace("A last line.", "A better last line."))
        .await;
    let issue = story
        .until("closed with what they wrote", number, |issue| {
            issue.state == IssueState::Closed && issue.body.contains("A better last line.")
        })
        .await;
    assert_eq!(issue.body.matches("last line.").count(), 1, "{}", issue.body);
    assert!(issue.title.starts_with("[RESOLVED] "), "{}", issue.title);
    for block in ["<!-- caretaker:closing -->", "<!-- caretaker:status -->", "- [x] **A1"] {
        assert_eq!(issue.body.matches(block).count(), 1, "{block} in {}", issue.body);
    }
    let closings = story.effects().into_iter().filter(|one| one == &format!("PATCH /issues/{number}"));
    assert_eq!(closings.count(), 1, "closed once");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_the_closing_went_over_is_put_back_after_a_crash() {
    let mut story = without_versions(Server::Forgejo12).await;
    let number = story.issue(&format!("{}\nA last line.\n", tasks([NODES_READY]))).await;
    let closing = held_closing(&story, number);
    story.start().await;
    story.wait("the closing is on its way", || story.world.gitea().faults().struck(closing) == 1).await;
    // Nothing but the closing gets through.
    let lost = Rule::new("PATCH", &format!("/issues/{number}$"), Fault::Drop)
        .unwrap()
        .when(|seen| seen.user == Some("caretaker") && seen.fields.iter().all(|field| field != "state"))
        .always();
    let lost = story.world.gitea().faults().add(lost);
    edits_meanwhile(&story, number, closing, |body| body.replace("A last line.", "A better last line."))
        .await;
    story.wait("putting it back fails", || story.world.gitea().faults().struck(lost) > 0).await;
    story.crash().await;
    let issue = story.issue_now(number);
    assert_eq!(issue.state, IssueState::Closed);
    assert!(issue.body.contains("A last line."), "written over: {}", issue.body);
    story.world.gitea().faults().clear();
    story.start().await;
    let issue = story.until("put back", number, |issue| issue.body.contains("A better last line.")).await;
    assert_eq!(issue.state, IssueState::Closed);
    assert_eq!(issue.body.matches("<!-- caretaker:closing -->").count(), 1, "{}", issue.body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_put_back_without_opening_the_issue_where_the_tick_came_with_the_closing() {
    let mut story = without_versions(Server::Gitea125).await;
    let number = story.issue(&format!("{}\nA last line.\n", tasks([NODES_READY]))).await;
    let lost = only_closings_arrive(&story, number, 1);
    let closing = held_closing(&story, number);
    story.start().await;
    edits_meanwhile(&story, number, closing, |body| {
        assert!(body.contains("- [ ] **A1"), "{body}");
        body.replace("A last line.", "A better last line.")
    })
    .await;
    story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    let before = story.world.gitea().faults().struck(lost);
    story.wait("putting it back fails", || story.world.gitea().faults().struck(lost) > before).await;
    story.crash().await;
    story.world.gitea().faults().clear();
    story.start().await;
    let issue = story.until("put back", number, |issue| issue.body.contains("A better last line.")).await;
    assert_eq!(issue.state, IssueState::Closed, "nobody's box was changed: {}", issue.body);
    for block in ["<!-- caretaker:closing -->", "<!-- caretaker:status -->", "- [x] **A1"] {
        assert_eq!(issue.body.matches(block).count(), 1, "{block} in {}", issue.body);
    }
    story.end().await;
}

/// A person has ticked the last box, and changes something while the closing that rests on it is on its way.
async fn changes_over_a_tick_of_their_own(change: impl Fn(&str) -> String + Send + Sync) -> (Story, u64) {
    let mut story = without_versions(Server::Forgejo12).await;
    let number = story.issue(&format!("{}\nA last line.\n", tasks([TELEPHONE]))).await;
    story.start().await;
    story.comes_to_rest().await;
    only_closings_arrive(&story, number, 0);
    let closing = held_closing(&story, number);
    story.operator().tick(number, "**P1 P3").await.unwrap();
    edits_meanwhile(&story, number, closing, change).await;
    (story, number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_that_the_closing_went_over_opens_the_issue_again() {
    let (story, number) =
        changes_over_a_tick_of_their_own(|body| body.replace("- [x] **P1", "- [ ] **P1")).await;
    let asked_again = |state: &crate::run::RunState| {
        state.tasks.values().any(|record| record.known.id == "P1" && record.asked_again.is_some())
    };
    story.until("opened again", number, |issue| issue.state == IssueState::Open).await;
    story.world.gitea().faults().clear();
    story.state_when("it is asked for again", asked_again).await;
    let issue = story.until("as they left it", number, |issue| issue.body.contains("- [ ] **P1")).await;
    assert!(!issue.title.starts_with("[RESOLVED]"), "{}", issue.title);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_beside_a_tick_of_theirs_is_put_back_without_opening_the_issue() {
    let (story, number) =
        changes_over_a_tick_of_their_own(|body| body.replace("A last line.", "A better last line.")).await;
    story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    story.world.gitea().faults().clear();
    let issue = story.until("put back", number, |issue| issue.body.contains("A better last line.")).await;
    assert_eq!(issue.state, IssueState::Closed);
    let closings = story.effects().into_iter().filter(|one| one == &format!("PATCH /issues/{number}"));
    assert_eq!(closings.count(), 1, "closed once, and never opened");
    story.end().await;
}

/// An edit in between, with the deliveries about it and about the closing so, where they are awaited for so long.
async fn an_edit_is_put_back_although(edit: DeliveryMode, closing: DeliveryMode, seconds: f64) {
    let mut story = without_versions(Server::Forgejo12).await;
    story.timing.approval_delivery_seconds = seconds * story.timing.scale;
    let number = story.issue(&format!("{}\nA last line.\n", tasks([NODES_READY]))).await;
    let held = held_closing(&story, number);
    story.start().await;
    story.wait("the closing is on its way", || story.world.gitea().faults().struck(held) == 1).await;
    story.world.gitea().set_delivery_mode(edit);
    story
        .operator()
        .edit(number, "a change", |body| Some(body.replace("A last line.", "A better last line.")))
        .await
        .unwrap();
    story.world.gitea().set_delivery_mode(closing);
    story.world.gitea().faults().remove(held);
    story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    let issue = story.until("put back", number, |issue| issue.body.contains("A better last line.")).await;
    assert_eq!(issue.state, IssueState::Closed);
    assert_eq!(issue.body.matches("<!-- caretaker:closing -->").count(), 1, "{}", issue.body);
    story.world.gitea().set_delivery_mode(DeliveryMode::Normal);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_put_back_although_the_deliveries_come_late() {
    let late = DeliveryMode::Delayed(Duration::from_secs(8));
    an_edit_is_put_back_although(late, late, 60.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_put_back_although_the_delivery_about_the_closing_is_lost() {
    an_edit_is_put_back_although(DeliveryMode::Normal, DeliveryMode::Dropped, 6.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_the_closing_went_over_opens_the_issue_again() {
    let mut story = without_versions(Server::Forgejo12).await;
    let number = story.issue(&tasks([NODES_READY])).await;
    let closing = held_closing(&story, number);
    story.start().await;
    let line = tasks([TELEPHONE]).lines().last().unwrap_or_default().to_owned();
    edits_meanwhile(&story, number, closing, |body| format!("{body}{line}\n")).await;
    let issue = story.says(number, "**1 of 2** tasks done").await;
    assert_eq!(issue.state, IssueState::Open);
    assert_eq!(issue.title, "[Maintenance] Homelab");
    assert!(!issue.body.contains("caretaker:closing"), "no report of an end that is none: {}", issue.body);
    assert_eq!(issue.body.matches(&line).count(), 1, "{}", issue.body);
    // It closes when that has ended as well.
    story.comes_to_rest().await;
    story.operator().tick(number, "**P1 P3").await.unwrap();
    let issue = story.closed(number).await;
    assert!(issue.title.starts_with("[RESOLVED] ") && issue.body.contains("caretaker:closing"));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_of_a_related_issue_that_its_closing_went_over_is_put_back() {
    let mut story = without_versions(Server::Forgejo12).await;
    let own = "What I saw.\r\n\r\n- [ ] my own box  \r\n\ttab\n";
    let related = story.world.repository().open_issue("operator", "Echo is old", own, &[]).unwrap();
    let number = story.issue(&tasks([format!("C1 P2 Apps: Close issue #{related}")])).await;
    let closing = held_closing(&story, related);
    story.start().await;
    let better = own.replace("What I saw.", "What I saw this morning.");
    edits_meanwhile(&story, related, closing, |_| better.clone()).await;
    let issue = story
        .until("put back", related, |issue| {
            issue.state == IssueState::Closed && issue.body.ends_with(&better)
        })
        .await;
    let note = &issue.body[..issue.body.len() - better.len()];
    assert_eq!(note.matches("## Resolution").count(), 1, "{note}");
    assert!(!note.contains("What I saw"), "{note}");
    story.closed(number).await;
    assert_eq!(story.issue_now(related).body, issue.body);
    story.end().await;
}
