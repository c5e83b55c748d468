//! What is well and would not be on a bad day: named where it is asked for, and closing nothing by itself.

use super::real::real;
use super::scene::Scene;
use serde_json::json;

/// A blog of two pods whose manifest says nothing but its image.
fn careless(scene: &Scene) {
    scene.put(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "blog", "namespace": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "blog"}},
            "template": {"metadata": {"labels": {"app": "blog"}}, "spec": {"restartPolicy": "Always", "containers": [
                {"name": "app", "image": "registry.example.org/blog:latest", "imagePullPolicy": "Always"}]}}},
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}}));
}

async fn told_of(scene: &Scene, object: &str) -> Vec<String> {
    let told = scene.tells().await;
    told.into_iter().filter(|line| line.contains(object) || line.starts_with("the gate")).collect()
}

#[tokio::test]
async fn a_careless_manifest_is_named_and_closes_nothing_unless_the_settings_say_so() {
    let mut scene = Scene::well().await;
    careless(&scene);
    assert_eq!(told_of(&scene, "Deployment web/blog").await, ["the gate opens"], "nobody asked");

    scene.audit = true;
    let rules = [
        "moving-image",
        "no-budget",
        "no-liveness-probe",
        "no-memory-limit",
        "no-readiness-probe",
        "no-requests",
        "not-spread",
    ];
    let mut expected: Vec<String> =
        rules.iter().map(|rule| format!("YELLOW {rule} of Deployment web/blog (listed only)")).collect();
    expected.push("the gate opens".to_owned());
    assert_eq!(told_of(&scene, "Deployment web/blog").await, expected);

    scene.audit = false;
    scene.settings.audit_blocks = vec![serde_json::from_value(json!("moving-image")).expect("a rule")];
    let expected = ["YELLOW moving-image of Deployment web/blog", "the gate is closed"];
    assert_eq!(told_of(&scene, "Deployment web/blog").await, expected);
    scene.server.shutdown().await;
}

#[tokio::test]
async fn a_claim_that_nothing_copies_is_named_until_something_does() {
    let mut scene = Scene::well().await;
    scene.audit = true;
    let claim = "PersistentVolumeClaim web/shop-data";
    let expected = [format!("YELLOW not-backed-up of {claim} (listed only)"), "the gate opens".to_owned()];
    assert_eq!(told_of(&scene, claim).await, expected);
    let mut source = real("operators", 20, "web", "shop", 0);
    source["spec"]["sourcePVC"] = json!("shop-data");
    scene.put(source);
    assert_eq!(told_of(&scene, claim).await, ["the gate opens"]);
    scene.server.shutdown().await;
}
