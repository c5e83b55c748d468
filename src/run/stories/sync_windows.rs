//! Where Argo CD may not sync at every hour.

use super::{MANIFESTS, Story};
use serde_json::json;
use sim::kubernetes::APPPROJECT;

const NAMESPACE: Option<&str> = Some("argocd");

/// A project that never lets Argo CD sync these.
fn denies(story: &Story, applications: &[&str]) {
    story.world.kubernetes().apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": "argocd"},
        "spec": {"syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h",
            "applications": applications}]}}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_merged_for_what_a_window_keeps_back_and_the_rest_goes_on() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    denies(&story, &["echo"]);
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    story.start().await;
    story.wait("the other is merged", || story.merged(excalidraw)).await;
    story.says(number, "of project default does not open within 8 days").await;
    story.looks(5).await;
    assert!(!story.merged(echo));
    story.world.kubernetes().delete(&APPPROJECT, NAMESPACE, "default");
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

/// The window closes between the merge and its rollout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_a_window_keeps_back_is_a_persons_where_it_never_opens() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.world.argocd_hangs();
    story.start().await;
    story.wait("it is merged", || story.merged(echo)).await;
    denies(&story, &["echo"]);
    story.world.argocd_recovers();
    let issue = story.says(number, "Argo CD may not roll it out").await;
    assert!(issue.body.contains("of project default does not open within 8 days"), "{}", issue.body);
    assert!(story.state().await.holds.is_empty(), "nothing was undone");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_that_may_not_be_read_keep_nothing_back() {
    let mut story = Story::begin().await;
    let role = MANIFESTS.iter().find(|text| text.contains("kind: ClusterRole\n")).unwrap();
    let smaller = role.replace("resources: [appprojects]", "resources: [nothing]");
    assert_ne!(*role, smaller);
    story.world.kubernetes().apply_manifests(&smaller).unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}
