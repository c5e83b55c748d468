//! What merges did: what is new after one, and whether it is the merge's.

use super::ago;
use super::real::{real, real_pod};
use super::scene::{Pod, Scene};
use crate::cluster::{ObjectRef, Owner};
use crate::health::{Attribution, Baseline, attributions};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sim::kubernetes::{CERTIFICATE, NODE};

fn application(name: &str, owns: &[(&str, &str, &str)]) -> Owner {
    let owns = owns.iter().map(|(kind, namespace, name)| ObjectRef::new(kind, namespace, name)).collect();
    Owner {
        object: ObjectRef::new("Application", "argocd", name),
        owns,
        beside: Vec::new(),
        images: Vec::new(),
        charts: Vec::new(),
    }
}

/// What there is at this moment.
async fn baseline(scene: &Scene) -> Baseline {
    Baseline::of(&scene.recon().await, &[])
}

/// What is new since then, and whose it is, at the end.
async fn laid_to(scene: Scene, before: &Baseline, affected: &[Owner]) -> Vec<String> {
    let laid = lay_to(&scene, before, affected).await;
    scene.server.shutdown().await;
    laid
}

/// The same, at this moment.
async fn lay_to(scene: &Scene, before: &Baseline, affected: &[Owner]) -> Vec<String> {
    let recon = scene.recon().await;
    // It was decided before any of these incidents began.
    let decided_at = Timestamp::now() - SignedDuration::from_mins(30);
    let laid = attributions(before, decided_at, &recon, affected);
    laid.iter()
        .map(|(id, attribution)| {
            let word = match attribution {
                Attribution::Attributed(_) => "attributed",
                Attribution::Suspected(_) => "suspected",
                Attribution::Unrelated(_) => "unrelated",
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
        "suspected: RECENT_CRASH of CephCluster rook-ceph/rook-ceph",
        "suspected: degraded of Application argocd/rook-ceph",
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

/// A node dies under a database that the merge touched: that is not the merge's.
#[tokio::test]
async fn a_node_dies_under_a_database_that_was_merged() {
    let scene = Scene::well().await;
    scene.database(0);
    let before = baseline(&scene).await;
    scene.database_on_a_lost_node("metal2");
    let affected = [application("databases", &[("Cluster", "db", "pg")])];
    let laid = laid_to(scene, &before, &affected).await;
    assert!(laid.contains(&"suspected: unavailable of Cluster db/pg".to_owned()), "{laid:?}");
    assert!(laid.iter().all(|one| !one.starts_with("attributed")), "{laid:?}");
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
        "suspected: not-ready of Node metal2",
        "suspected: node-not-ready of Deployment web/shop",
        "suspected: unavailable of Deployment web/shop",
    ];
    assert_eq!(laid_to(scene, &before, &affected).await, expected);
}

/// What the tests below merge.
fn the_shop() -> [Owner; 1] {
    [application("shop", &[("Deployment", "web", "shop"), ("Certificate", "web", "shop")])]
}

impl Scene {
    /// A node that became ready so many minutes ago, and whose disk is full or not.
    fn came_back(&self, node: &str, minutes: i64, pressed: bool) {
        let pressure = if pressed { "True" } else { "False" };
        let conditions = json!({"status": {"conditions": [
            {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": ago(0),
                "lastTransitionTime": ago(minutes)},
            {"type": "DiskPressure", "status": pressure, "reason": "Disk", "lastTransitionTime": ago(1)}]}});
        self.change(&NODE, "", node, &conditions);
    }
}

/// A disk fills up in the hour of a soak. What the kubelet threw out of it was the merge's, and is not its fault: neither then,
/// nor when the disk is well again and the debris is left.
#[tokio::test]
async fn a_disk_is_full_during_a_soak() {
    let scene = Scene::well().await;
    let before = baseline(&scene).await;
    scene.came_back("metal1", 900, true);
    scene.put(real_pod(10, "shop", 7));
    let expected = ["suspected: disk-pressure of Node metal1", "suspected: evicted of Deployment web/shop"];
    assert_eq!(lay_to(&scene, &before, &the_shop()).await, expected);
    scene.came_back("metal1", 900, false);
    // Replaced, and the disk is not full any more: debris.
    let expected = [""; 0];
    assert_eq!(laid_to(scene, &before, &the_shop()).await, expected);
}

/// The third restart of a container in a year is that of its node. Another does not come up at once, since what it needs does not
/// either; where it crashes on after that, it is the merge's.
#[tokio::test]
async fn a_node_is_started_again_during_a_soak() {
    let scene = Scene::well().await;
    let before = baseline(&scene).await;
    scene.came_back("metal1", 3, false);
    let mut found_dead = real_pod(4, "shop", 1);
    let status = &mut found_dead["status"]["containerStatuses"][0];
    status["restartCount"] = json!(3);
    status["lastState"]["terminated"] =
        json!({"exitCode": 255, "reason": "Unknown", "startedAt": ago(900), "finishedAt": ago(4)});
    scene.put(found_dead);
    assert!(lay_to(&scene, &before, &the_shop()).await.is_empty(), "it was found dead, and runs");

    let mut waits = real_pod(2, "shop", 2);
    waits["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = json!(ago(1));
    scene.put(waits.clone());
    scene.shop(1);
    let expected =
        ["suspected: node-restarted of Deployment web/shop", "suspected: unavailable of Deployment web/shop"];
    assert_eq!(lay_to(&scene, &before, &the_shop()).await, expected);

    scene.came_back("metal1", 9, false);
    let expected =
        ["attributed: crash-loop of Deployment web/shop", "attributed: unavailable of Deployment web/shop"];
    assert_eq!(laid_to(scene, &before, &the_shop()).await, expected);
}

/// A person switches a node off as it should be done. Its pods end as Failed, and others take their place.
#[tokio::test]
async fn a_node_is_switched_off_during_a_soak() {
    let scene = Scene::well().await;
    let before = baseline(&scene).await;
    scene.node("metal2", false);
    scene.pod(&Pod { phase: "Failed", ready: false, reason: "Terminated", ..Pod::shop(2, "metal2") });
    scene.pod(&Pod::shop(3, "metal1"));
    let expected = ["suspected: not-ready of Node metal2", "suspected: ended-by-node of Deployment web/shop"];
    assert_eq!(lay_to(&scene, &before, &the_shop()).await, expected);
    // What is left of them is debris.
    scene.node("metal2", true);
    assert_eq!(laid_to(scene, &before, &the_shop()).await, [""; 0]);
}

/// What comes without a merge as well undoes none: memory that ran out, and a certificate's last day.
#[tokio::test]
async fn what_comes_by_itself_during_a_soak_is_suspected_at_most() {
    let scene = Scene::well().await;
    scene.deployment("cert-manager", "cert-manager", 1, 1);
    scene.put(real("operators", 44, "web", "shop", 0));
    let before = baseline(&scene).await;
    assert!(before.findings.iter().all(|found| !found.blocked), "{before:?}");
    let mut killed = real_pod(4, "shop", 1);
    killed["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = json!(ago(11));
    scene.put(killed);
    scene.change(&CERTIFICATE, "web", "shop", &json!({"status": {"notAfter": ago(1)}}));
    let expected =
        ["suspected: expired of Certificate web/shop", "suspected: oom-killed of Deployment web/shop"];
    assert_eq!(laid_to(scene, &before, &the_shop()).await, expected);
}
