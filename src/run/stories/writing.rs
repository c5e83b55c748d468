//! When the body is written, how often, and what becomes of what people write at the same moment.

use super::Story;
use sim::actors::WorldOptions;
use sim::gitea::{Fault, IssueState, Rule, Server};

fn tasks(body: &str) -> usize {
    body.lines().filter(|line| line.starts_with("- [x] **")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_writes_its_body_about_twice_a_task() {
    let mut story = Story::with_ceph_crash().await;
    let pulls: Vec<u64> = [("echo", "36.0.1"), ("excalidraw", "0.17.4"), ("kured", "5.10.0")]
        .into_iter()
        .map(|(name, version)| story.world.renovate_opens(name, version).unwrap())
        .collect();
    let related = story.world.repository().open_issue("operator", "Old", "Old text.", &[]).unwrap();
    let number = story
        .issue(&format!(
            "# Maintenance\n\n## Action Items\n\n\
             - [ ] **A1 P0 System**: Archive the Ceph crash reports\n\
             \x20 - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all`\n\
             - [ ] **A2 P0 System**: Verify that Ceph is HEALTH_OK\n\
             - [ ] **A3 P0 Metal**: Verify that all nodes are Ready\n\
             - [ ] **D1 P1 Apps**: Merge PR #{} (echo)\n\
             - [ ] **D2 P1 Apps**: Merge PR #{} (excalidraw)\n\
             - [ ] **D3 P2 System**: Merge PR #{} (kured)\n\
             - [ ] **C1 P3 Apps**: Close issue #{related}\n\
             - [ ] **F1 P0 All**: Final validation gate\n",
            pulls[0], pulls[1], pulls[2]
        ))
        .await;
    story.start().await;
    let issue = story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    let (tasks, writes) = (tasks(&issue.body), story.body_writes());
    println!("{tasks} tasks, {writes} writes of bodies");
    assert_eq!(tasks, 8, "{}", issue.body);
    // One of them is the related issue's note, one the closing.
    assert!(writes <= 2 * tasks + 3, "{writes} writes for {tasks} tasks");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_while_only_a_person_is_awaited_nor_after_a_restart() {
    let mut story = Story::begin().await;
    let number = story
        .issue("## Tasks\n\n- [ ] **A1 P1 Metal**: Verify that all nodes are Ready\n- [ ] **A2 P2 Metal**: Replace the disk of metal4\n")
        .await;
    story.start().await;
    story
        .until("it waits for a person", number, |issue| {
            issue.body.contains("- [x] **A1") && issue.body.contains("Waiting for a person")
        })
        .await;
    story.looks(2).await;
    let (before, writes) = (story.issue_now(number).body, story.body_writes());
    story.looks(20).await;
    assert_eq!(story.body_writes(), writes);
    story.stop().await;
    story.start().await;
    story.looks(5).await;
    assert_eq!((story.body_writes(), story.issue_now(number).body), (writes, before));
    // Somebody does it: told at once.
    story.world.person("operator").unwrap().tick(number, "**A2").await.unwrap();
    story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    assert!(story.body_writes() <= writes + 4, "{} after {writes}", story.body_writes());
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_our_write_went_over_is_put_back() {
    // Without versions of texts the last writer wins.
    let mut story = Story::with(WorldOptions { server: Server::Gitea125, ..WorldOptions::default() }).await;
    story.webhook = true;
    let number = story
        .issue("## Tasks\n\n- [ ] **A1 P1 Metal**: Verify that all nodes are Ready\n- [ ] **A2 P2 Metal**: Replace the disk of metal4\n\nA last line.\n")
        .await;
    // Our first write is on its way until a person has written in between.
    let held = Rule::new("PATCH", &format!("/issues/{number}$"), Fault::Hold)
        .unwrap()
        .when(|seen| seen.user == Some("caretaker"));
    let held = story.world.gitea().faults().add(held);
    story.start().await;
    story.wait("our write is on its way", || story.world.gitea().faults().struck(held) == 1).await;
    let person = story.world.person("operator").unwrap();
    person
        .edit(number, "two changes", |body| {
            Some(body.replace("A last line.", "A better last line.").replace("- [ ] **A2", "- [x] **A2"))
        })
        .await
        .unwrap();
    story.world.gitea().faults().remove(held);
    let issue = story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    assert!(issue.body.contains("A better last line."), "{}", issue.body);
    assert!(issue.body.contains("- [x] **A2") && issue.body.contains("by a person"), "{}", issue.body);
    assert_eq!(issue.body.matches("last line.").count(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_remembered_and_never_sent_changes_nothing_of_what_people_decided() {
    let mut story = Story::begin().await;
    let number = story
        .issue("## Tasks\n\n- [ ] **A1 P1 Metal**: Verify that all nodes are Ready\n- [ ] **A2 P2 Metal**: Replace the disk of metal4\n- [ ] **A3 P3 Metal**: Verify that all nodes are Ready again\n")
        .await;
    let told = |body: &str| body.contains("<!-- caretaker:status -->") && body.contains("- [ ] **A1");
    // Everything after the first write is lost on its way, and nobody hears of it.
    let rule = Rule::new("PATCH", &format!("/issues/{number}$"), Fault::Drop)
        .unwrap()
        .when(|seen| seen.user == Some("caretaker"))
        .after(1)
        .always();
    let lost = story.world.gitea().faults().add(rule);
    story.start().await;
    story.wait("a write is lost", || story.world.gitea().faults().struck(lost) > 0).await;
    story.crash().await;
    let body = story.issue_now(number).body;
    assert!(told(&body), "{body}");
    story.world.gitea().faults().clear();
    // A person acts on the old text meanwhile.
    story.world.person("operator").unwrap().tick(number, "**A2").await.unwrap();
    story.start().await;
    let issue = story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    for (id, note) in [("A1", "verified"), ("A2", "by a person"), ("A3", "verified")] {
        let line =
            issue.body.lines().find(|line| line.starts_with(&format!("- [x] **{id}"))).unwrap_or_default();
        assert_eq!(line.matches(note).count(), 1, "{id} in {}", issue.body);
    }
    let state = story.state().await;
    assert!(state.tasks.values().all(|record| record.asked_again.is_none()), "nothing is asked for again");
    story.end().await;
}
