//! Where Flux brings the repository into the cluster.

use super::Story;
use crate::health::Acknowledgement;
use crate::run::event::ChangeResult;
use sim::actors::{GitOps, WorldOptions};
use sim::gitea::IssueState;
use sim::kubernetes::{GIT_REPOSITORY, KUSTOMIZATION};

const NAMESPACE: Option<&str> = Some("flux-system");

async fn by_flux() -> Story {
    Story::with(WorldOptions { gitops: GitOps::Flux, ..WorldOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_is_followed_through_the_kustomizations() {
    let mut story = by_flux().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let kured = story.renovate_opens("kured", "5.10.0");
    let number = story.issue_of_merges(&[echo, kured]).await;
    story.start().await;
    story.closed(number).await;
    let state = story.state().await;
    assert_eq!(state.merges.len(), 2);
    assert!(
        state.merges.iter().all(|record| record.result == Some(ChangeResult::Kept)),
        "{:?}",
        state.merges
    );
    // Asked for, and not only waited for.
    let source = story.world.kubernetes().get(&GIT_REPOSITORY, NAMESPACE, "homelab").unwrap();
    assert!(source["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_string(), "{source}");
    let head = story.head();
    for kustomization in story.world.kubernetes().list(&KUSTOMIZATION, NAMESPACE) {
        assert_eq!(kustomization["status"]["lastAppliedRevision"], format!("main@sha1:{head}"));
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_cannot_be_applied_is_undone() {
    let mut story = by_flux().await;
    story.world.sync_fails_from("echo", "36.0.1");
    let echo = story.renovate_opens("echo", "36.0.1");
    let before = story.world.repository().files("main");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let issue = story
        .until("a person is called", number, |issue| issue.labels.iter().any(|label| label == "needs-human"))
        .await;
    assert_eq!(issue.state, IssueState::Open);
    let state = story.state_when("it has ended", |state| state.change.is_none()).await;
    assert!(
        matches!(state.merges[0].result, Some(ChangeResult::Reverted { .. })),
        "{:?}",
        state.merges[0].result
    );
    assert_eq!(state.holds.len(), 1);
    let after = story.world.repository().files("main");
    assert!(before.keys().eq(after.keys()), "the files are as they were");
    assert!(
        before.iter().all(|(path, file)| file.content == after[path].content),
        "the files are as they were"
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_merged_while_a_kustomization_is_suspended() {
    let mut story = by_flux().await;
    story.world.kubernetes().update(&KUSTOMIZATION, NAMESPACE, "grafana", |object| {
        object["spec"]["suspend"] = true.into();
    });
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "is suspended").await;
    story.does_nothing(echo).await;
    story.world.kubernetes().update(&KUSTOMIZATION, NAMESPACE, "grafana", |object| {
        object["spec"]["suspend"] = false.into();
    });
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_that_is_accepted_as_it_is_keeps_no_other_back() {
    let mut story = by_flux().await;
    story.world.kubernetes().update(&KUSTOMIZATION, NAMESPACE, "grafana", |object| {
        object["spec"]["suspend"] = true.into();
    });
    story.health.acknowledged = vec![Acknowledgement {
        object: "Kustomization flux-system/grafana".to_owned(),
        rule: "suspended".to_owned(),
        probe: None,
        verdict: None,
        reason: "it is rolled out by hand".to_owned(),
        expires: "2999-12-31T00:00:00Z".parse().unwrap(),
    }];
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo));
    // What is merged into it has to run all the same.
    let grafana = story.renovate_opens("grafana", "9.5.0");
    let number = story.issue_of_merges(&[grafana]).await;
    story.says(number, "it is suspended, so nothing is done").await;
    assert!(story.merged(grafana));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_follow_the_repository_is_asked_about_before_anything_is_merged() {
    let mut story = by_flux().await;
    let mirror = "https://mirror.example.com/ops/homelab.git";
    let mut source = story.world.kubernetes().get(&GIT_REPOSITORY, NAMESPACE, "homelab").unwrap();
    source["metadata"] = serde_json::json!({"name": "mirror", "namespace": "flux-system", "generation": 1});
    source["spec"]["url"] = mirror.into();
    story.world.kubernetes().apply(source);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "pull_urls or other_urls must say").await;
    story.does_nothing(echo).await;
    story.stop().await;
    story.repository.other_urls = vec![mirror.to_owned()];
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}
