//! caretaker ends in the middle of whatever it does, and is started again on the same store.

use super::Story;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sim::gitea::IssueState;
use std::time::Duration;

/// One merge that stays, one that is undone, one issue to close; caretaker ends several times at moments drawn from the
/// seed.
async fn told_with_crashes(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut story = Story::begin().await;
    let related = story.world.repository().open_issue("operator", "Old", "Old text.", &[]).unwrap();
    let grafana = story.renovate_opens_a_bad_one();
    let echo = story.renovate_opens("echo", "36.0.1");
    let before = story.world.repository().files("main");
    let head = story.head();
    let number = story
        .issue(&format!(
            "## Tasks\n\n- [ ] **D1 P1 Platform**: Merge PR #{grafana}\n- [ ] **D2 P2 Apps**: Merge PR #{echo}\n\
             - [ ] **C1 P3 Apps**: Close issue #{related}\n- [ ] **F1 P0 All**: Final validation gate\n"
        ))
        .await;
    for _ in 0..6 {
        story.start().await;
        let moment = Duration::from_millis(random.random_range(0..2500));
        tokio::time::sleep(moment).await;
        story.crash().await;
    }
    story.start().await;
    let issue = story
        .until(&format!("seed {seed}: the end"), number, |issue| {
            issue.labels.iter().any(|label| label == "needs-human")
                && issue.body.contains("- [x] **D2")
                && issue.body.contains("- [x] **C1")
        })
        .await;
    assert_eq!(issue.state, IssueState::Open);
    assert!(issue.body.contains("- [ ] **D1") && issue.body.contains("- [ ] **F1"), "{}", issue.body);
    let commits = story.commits_since(&head);
    let reverts = commits.iter().filter(|title| title.starts_with("Revert ")).count();
    assert_eq!((commits.len(), reverts), (3, 1), "seed {seed}: {commits:?}");
    let closings =
        story.effects().into_iter().filter(|effect| effect.ends_with(&format!("/issues/{related}"))).count();
    assert_eq!(closings, 1, "seed {seed}");
    assert_eq!(story.issue_now(related).body.matches("## Resolution").count(), 1);
    let after = story.world.repository().files("main");
    let changed: Vec<&String> = before
        .iter()
        .filter(|(path, file)| after[*path].content != file.content)
        .map(|(path, _)| path)
        .collect();
    assert!(changed.iter().all(|path| path.contains("echo")), "seed {seed}: {changed:?}");
    assert_eq!(story.state().await.holds.len(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_at_random_moments_do_nothing_twice_first_seed() {
    told_with_crashes(11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_at_random_moments_do_nothing_twice_second_seed() {
    told_with_crashes(23).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_at_random_moments_do_nothing_twice_third_seed() {
    told_with_crashes(47).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_at_random_moments_do_nothing_twice_fourth_seed() {
    told_with_crashes(95).await;
}
