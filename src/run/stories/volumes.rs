//! Data that is there and that nobody sees any more: no merge goes over it.

use super::Story;
use serde_json::json;
use sim::kubernetes::{PV, PVC};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_lost_from_sight_closes_the_gate_until_a_person_has_decided() {
    let mut story = Story::begin().await;
    let kubernetes = story.world.kubernetes().clone();
    let claim = || kubernetes.list(&PVC, None).into_iter().find(|one| one["metadata"]["name"] == "jellyfin");
    let volume = || claim().and_then(|claim| claim["spec"]["volumeName"].as_str().map(str::to_owned));
    let namespace = claim().unwrap()["metadata"]["namespace"].as_str().unwrap().to_owned();
    let old = volume().expect("it is bound");
    let keep = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    kubernetes.merge_patch(&PV, None, &old, &keep).unwrap();
    // After an outage somebody forces the claim out while its pod still uses it.
    assert!(kubernetes.delete(&PVC, Some(&namespace), "jellyfin"));
    kubernetes
        .update(&PVC, Some(&namespace), "jellyfin", |claim| claim["metadata"]["finalizers"] = json!([]));
    let released =
        || kubernetes.get(&PV, None, &old).is_some_and(|volume| volume["status"]["phase"] == "Released");
    story.wait("the volume is released", released).await;
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "jellyfin", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "ceph-block",
            "resources": {"requests": {"storage": "10Gi"}}}}));
    story.wait("the claim has a new volume", || volume().is_some_and(|young| young != old)).await;

    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let issue = story.says(number, "the claim is bound to a younger volume").await;
    let system = issue.body.lines().find(|line| line.starts_with("| System |")).unwrap();
    assert!(system.contains("RED") && system.contains(&old), "{system}");
    story.does_nothing(echo).await;
    // A person has looked at both, and deletes the old one.
    assert!(kubernetes.delete(&PV, None, &old));
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn volumes_that_may_not_be_listed_are_named_before_the_first_effect() {
    let mut story = Story::begin().await;
    let role = super::MANIFESTS.iter().find(|text| text.contains("kind: ClusterRole\n")).unwrap();
    let smaller =
        role.replace("resources: [persistentvolumes, persistentvolumeclaims]", "resources: [nodes]");
    assert_ne!(*role, smaller);
    story.world.kubernetes().apply_manifests(&smaller).unwrap();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let issue = story.says(number, "list persistentvolumes").await;
    assert!(issue.body.contains("judging volumes and claims"), "{}", issue.body);
    story.does_nothing(echo).await;
    story.world.kubernetes().apply_manifests(role).unwrap();
    story.closed(number).await;
    story.end().await;
}
