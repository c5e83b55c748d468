//! What merges did: what is new after one, and whether it is the merge's.

use super::ago;
use super::real::real;
use super::scene::{Pod, Scene};
use crate::cluster::{ObjectRef, Owner};
use crate::health::{Attribution, FindingId, attributions};
use serde_json::json;
use std::collections::BTreeSet;

fn application(name: &str, owns: &[(&str, &str, &str)]) -> Owner {
    let owns = owns.iter().map(|(kind, namespace, name)| ObjectRef::new(kind, namespace, name)).collect();
    Owner {
        object: ObjectRef::new("Application", "argocd", name),
        owns,
        images: Vec::new(),
        charts: Vec::new(),
    }
}

/// What blocks at this moment.
async fn baseline(scene: &Scene) -> BTreeSet<FindingId> {
    scene.recon().await.blocking().map(|finding| finding.id.clone()).collect()
}

/// What is new since then, and whose it is.
async fn laid_to(scene: Scene, before: &BTreeSet<FindingId>, affected: &[Owner]) -> Vec<String> {
    let recon = scene.recon().await;
    scene.server.shutdown().await;
    let laid = attributions(before, &recon, affected);
    laid.iter()
        .map(|(id, attribution)| {
            let word = match attribution {
                Attribution::Attributed(_) => "attributed",
                Attribution::Suspected(_) => "suspected",
                Attribution::Unrelated => "unrelated",
            };
            format!("{word}: {} of {}", id.rule, id.object)
        })
        .collect()
}

/// A "non-major" bundle, eleven minutes after its merge. The shop's own application holds the job; what was broken before
/// stays out of it.
#[tokio::test]
async fn a_bundle_broke_a_job_after_eleven_minutes() {
    let scene = Scene::well().await;
    scene.deployment("web", "blog", 1, 0);
    scene.pod(&Pod { of: "blog", ..Pod::waiting(1, "CrashLoopBackOff", "back-off") });
    let before = baseline(&scene).await;
    scene.put(json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "import", "namespace": "web", "creationTimestamp": ago(11)},
        "spec": {"backoffLimit": 6, "template": {"spec": {"containers": []}}},
        "status": {"startTime": ago(11), "failed": 7, "conditions": [
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": ago(1),
                "message": "Job has reached the specified backoff limit"}]}}));
    let affected = [application("shop", &[("Deployment", "web", "shop"), ("Job", "web", "import")])];
    assert_eq!(laid_to(scene, &before, &affected).await, ["attributed: failed of Job web/import"]);
}

/// The crashes of a Ceph major came two weeks later, on the day of another merge: that one is not undone for them.
#[tokio::test]
async fn the_crashes_of_a_major_are_not_laid_to_a_merge_of_that_day() {
    let scene = Scene::well().await;
    let before = baseline(&scene).await;
    let crash = json!({"severity": "HEALTH_WARN", "message": "1 daemons have recently crashed"});
    scene.ceph("HEALTH_WARN", &json!({"RECENT_CRASH": crash}));
    scene.application("rook-ceph", "Degraded", &[("CephCluster", "rook-ceph", "rook-ceph", None)]);
    let affected = [application("shop", &[("Deployment", "web", "shop")])];
    let expected = [
        "unrelated: RECENT_CRASH of CephCluster rook-ceph/rook-ceph",
        "unrelated: degraded of Application argocd/rook-ceph",
    ];
    assert_eq!(laid_to(scene, &before, &affected).await, expected);
}

/// A Postgres major, eight minutes after its merge: it is the merge's. That it is a person's to undo is decided before.
#[tokio::test]
async fn a_major_of_a_database_breaks_it() {
    let scene = Scene::well().await;
    scene.deployment("cnpg-system", "cloudnative-pg", 1, 1);
    scene.put(real("operators", 0, "db", "pg", 0));
    let before = baseline(&scene).await;
    scene.put(real("operators", 3, "db", "pg", 0));
    let affected = [application("databases", &[("Cluster", "db", "pg")])];
    let expected = [
        "attributed: in-work of Cluster db/pg",
        "attributed: primary-moves of Cluster db/pg",
        "attributed: unavailable of Cluster db/pg",
    ];
    assert_eq!(laid_to(scene, &before, &affected).await, expected);
}

/// A node dies while a merge is watched. The pods are the merge's own, and it is not its fault.
#[tokio::test]
async fn a_node_dies_in_the_middle_of_a_rollout() {
    let scene = Scene::well().await;
    let before = baseline(&scene).await;
    scene.node("metal2", false);
    scene.shop(1);
    let affected = [application("shop", &[("Deployment", "web", "shop")])];
    let expected = [
        "unrelated: not-ready of Node metal2",
        "unrelated: node-not-ready of Deployment web/shop",
        "unrelated: unavailable of Deployment web/shop",
    ];
    assert_eq!(laid_to(scene, &before, &affected).await, expected);
}
