//! What the operators of the Platform layer report: it closes the gate until it is mended.

use super::Story;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sim::kubernetes::{
    API_SERVICE, CustomKind, GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, Kind, POSTGRES_BACKUP,
    POSTGRES_CLUSTER, SCHEDULED_BACKUP,
};

/// With their definitions an API server serves their groups and versions, and says so.
fn install(story: &Story, kinds: &[Kind]) {
    for Kind { group, version, .. } in kinds {
        story.world.kubernetes().apply(
            json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": format!("{version}.{group}")}, "spec": {"group": group, "version": version},
            "status": {"conditions": [condition("Available", "True")]}}),
        );
    }
    for kind in kinds {
        story.world.kubernetes().register(CustomKind { kind: *kind, status_subresource: true });
    }
}

/// With their definitions all of them go.
fn uninstall(story: &Story, kinds: &[Kind]) {
    for kind in kinds {
        story.world.kubernetes().unregister(kind);
        let name = format!("{}.{}", kind.version, kind.group);
        story.world.kubernetes().delete(&API_SERVICE, None, &name);
    }
}

fn condition(kind: &str, status: &str) -> Value {
    let since = Timestamp::now() - SignedDuration::from_hours(2);
    json!({"type": kind, "status": status, "reason": "Reason", "message": "a sentence",
        "lastTransitionTime": since.to_string()})
}

/// A Deployment of one replica; its pod follows.
fn deploy(story: &Story, namespace: &str, name: &str, labels: &Value) {
    story.world.kubernetes().namespace(namespace);
    story.world.kubernetes().apply(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "controller", "image": format!("ghcr.io/owner/{name}:v1")}]}}},
    }));
}

fn kustomization(story: &Story, suspended: bool) {
    let kubernetes = story.world.kubernetes();
    kubernetes.namespace("flux-system");
    let stored = kubernetes.apply(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"namespace": "flux-system", "name": "apps"},
        "spec": {"interval": "10m", "suspend": suspended},
        "status": {"conditions": [condition("Ready", "True")]},
    }));
    let seen = json!({"observedGeneration": stored["metadata"]["generation"]});
    kubernetes.merge_patch_status(&KUSTOMIZATION, Some("flux-system"), "apps", &seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_without_its_controllers_and_a_suspended_kustomization_close_the_gate_until_both_are_mended() {
    let mut story = Story::begin().await;
    install(&story, &[GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE]);
    kustomization(&story, true);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let issue = story.says(number, "kustomize-controller is not there").await;
    assert!(issue.body.contains("UNKNOWN"), "{}", issue.body);
    let headline = "⚪ **UNKNOWN**: Platform: the controller source-controller is not there: what its objects say is old, and 1 more, since ";
    story.says(number, headline).await;
    story.does_nothing(echo).await;
    for name in ["source-controller", "kustomize-controller"] {
        deploy(&story, "flux-system", name, &json!({"app.kubernetes.io/part-of": "flux"}));
    }
    let mended =
        |body: &str| body.contains("flux-system/apps is suspended") && !body.contains("is not there");
    story.until("only the suspended one is left", number, |issue| mended(&issue.body)).await;
    story.looks(3).await;
    assert!(!story.merged(echo), "a person suspended it, and a person has to resume it");
    kustomization(&story, false);
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_archive_fails_closes_the_gate_until_it_works() {
    let mut story = Story::begin().await;
    install(&story, &[POSTGRES_CLUSTER, SCHEDULED_BACKUP, POSTGRES_BACKUP]);
    deploy(&story, "cnpg-system", "cloudnative-pg", &json!({}));
    story.world.kubernetes().namespace("db");
    story.world.kubernetes().apply(json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"namespace": "db", "name": "pg"},
        "spec": {"instances": 1, "backup": {"barmanObjectStore": {"destinationPath": "s3://backups"}}},
        "status": {"phase": "Cluster in healthy state", "readyInstances": 1,
            "currentPrimary": "pg-1", "targetPrimary": "pg-1",
            "conditions": [condition("Ready", "True"), condition("ContinuousArchiving", "False")]},
    }));
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "Cluster db/pg cannot archive its write-ahead log").await;
    story.does_nothing(echo).await;
    story.world.kubernetes().merge_patch_status(
        &POSTGRES_CLUSTER,
        Some("db"),
        "pg",
        &json!({"conditions": [condition("Ready", "True"), condition("ContinuousArchiving", "True")]}),
    );
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_while_a_person_is_awaited_is_told_and_so_is_that_it_is_mended() {
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
    install(&story, &[GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE]);
    for name in ["source-controller", "kustomize-controller"] {
        deploy(&story, "flux-system", name, &json!({"app.kubernetes.io/part-of": "flux"}));
    }
    kustomization(&story, true);
    let told = |body: &str| body.contains("flux-system/apps is suspended");
    let issue = story.until("the table tells", number, |issue| told(&issue.body)).await;
    assert!(issue.body.contains("Waiting for a person"), "{}", issue.body);
    // Their pods have started by then.
    story.looks(20).await;
    let writes = story.body_writes();
    story.looks(10).await;
    assert_eq!(story.body_writes(), writes, "told once");
    kustomization(&story, false);
    story.until("and that it is over", number, |issue| !told(&issue.body)).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_at_the_last_merge_and_is_gone_closes_the_gate_in_a_later_run() {
    let mut story = Story::begin().await;
    let kinds = [GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE];
    install(&story, &kinds);
    for name in ["source-controller", "kustomize-controller"] {
        deploy(&story, "flux-system", name, &json!({"app.kubernetes.io/part-of": "flux"}));
    }
    kustomization(&story, false);
    let echo = story.renovate_opens("echo", "36.0.1");
    let first = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.closed(first).await;
    story.stop().await;
    uninstall(&story, &kinds);
    let later = story.renovate_opens("excalidraw", "0.17.4");
    let second = story.issue_of_merges(&[later]).await;
    story.start().await;
    story.says(second, "what the probe flux judged before is not there any more").await;
    story.looks(4).await;
    assert!(!story.merged(later));
    install(&story, &kinds);
    kustomization(&story, false);
    story.closed(second).await;
    assert!(story.merged(later));
    story.end().await;
}
