//! What goes well.

use super::Story;
use sim::gitea::IssueState;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_merges_a_crash_archive_and_the_closing() {
    let _ = tracing_subscriber::fmt()
        .with_ansi(false)
        .compact()
        .with_max_level(tracing::Level::INFO)
        .with_test_writer()
        .try_init();
    let mut story = Story::with_ceph_crash().await;
    let kured = story.world.renovate_opens("kured", "5.10.0").unwrap();
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story
        .issue(&format!(
            "# Maintenance\n\n## Action Items\n\n\
             - [ ] **A1 P0 System**: Archive the Ceph crash reports\n\
             \x20 - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all`\n\
             - [ ] **A2 P0 System**: Verify that Ceph is HEALTH_OK\n\
             \x20 - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph health`\n\
             - [ ] **D1 P2 Apps**: Merge PR #{echo} (echo)\n\
             - [ ] **D2 P2 System**: Merge PR #{kured} (kured)\n\
             - [ ] **F1 P0 All**: Final validation gate\n\n\
             A person's last line.\n"
        ))
        .await;
    story.start().await;
    let issue = story.until("closed", number, |issue| issue.state == IssueState::Closed).await;
    println!("{}\n{}", issue.title, issue.body);
    let state = story.state().await;
    assert_eq!(state.merges.len(), 2);
    assert!(issue.title.starts_with("[RESOLVED] "));
    // The manifests give what the code uses; what this story had no use for is told, and only reading may be left over.
    let unused = sim::kubernetes::unused(&story.world.kubernetes().rbac_usage());
    println!("rules of deploy/ without a use in this story: {unused:?}");
    story.stop().await;
    story.world.shutdown().await;
}
