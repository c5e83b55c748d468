//! What was captured from a real cluster, judged. The folder is no part of the project; where it is not there, the tests say
//! so.

use super::{Scene, ago, expect};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A captured Application, where the folder is there, as if it had been looked at just now.
fn captured(file: &str) -> Option<Value> {
    let folder = std::env::var_os("CARETAKER_TEST_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let path = folder.join("evidence").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("{} is not there: nothing was judged", path.display());
        return None;
    };
    let mut application: Value = serde_json::from_str(&text).expect("the evidence is JSON");
    application["status"]["reconciledAt"] = json!(ago(1));
    Some(application)
}

#[tokio::test]
async fn an_application_that_mirrors_ceph_and_does_not_say_so() {
    let Some(application) = captured("argocd-app-degraded.json") else { return };
    let scene = Scene::well().await;
    let name = application["metadata"]["name"].as_str().expect("a name").to_owned();
    let message = "2 OSD(s) experiencing stalled read in db device of BlueFS";
    scene.ceph(
        "HEALTH_WARN",
        &json!({"DB_DEVICE_STALLED_READ_ALERT": {"severity": "HEALTH_WARN", "message": message}}),
    );
    scene.server.apply(application);
    let expected = [
        "YELLOW DB_DEVICE_STALLED_READ_ALERT of CephCluster rook-ceph/rook-ceph",
        &format!("  RED degraded of Application argocd/{name}"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn an_application_whose_sync_failed_and_that_is_healthy() {
    let Some(application) = captured("argocd-app-sync-failed.json") else { return };
    let scene = Scene::well().await;
    let name = application["metadata"]["name"].as_str().expect("a name").to_owned();
    scene.server.apply(application);
    let expected = [
        &format!("RED sync-failed of Application argocd/{name}"),
        &format!("YELLOW out-of-sync of Application argocd/{name}"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}
