//! Argo CD and Flux: what is not as Git says, what stopped following it, and what a revert leaves behind.

use super::power::stateful_set;
use super::real::{owned_by, real, real_pod};
use super::scene::{Pod, Scene};
use super::{ago, expect};
use serde_json::json;
use sim::kubernetes::{APPLICATION, CustomKind, DEPLOYMENT, HELM_RELEASE, STATEFULSET};

impl Scene {
    /// The Application of that number of the recording, which the controller looked at just now.
    fn real_application(&self, number: usize, name: &str) {
        self.put(real("gitops", number, "argocd", name, 0));
    }

    /// Flux with its three controllers, a source that was fetched, and what was applied of it.
    fn flux(&self) {
        for controller in ["source-controller", "kustomize-controller", "helm-controller"] {
            self.deployment("flux-system", controller, 1, 1);
        }
        self.put(real("gitops", 47, "flux-system", "homelab", 1));
        self.put(real("gitops", 27, "flux-system", "apps", 1));
        self.put(real("gitops", 42, "flux-system", "grafana", 1));
    }
}

#[tokio::test]
async fn an_application_is_not_well_in_each_way_that_argo_cd_knows() {
    let ways: [(usize, &str, &[&str]); 9] = [
        (1, "another commit was compared, and the old sync succeeded", &["YELLOW out-of-sync"]),
        (2, "Degraded, and nobody says through what", &["RED degraded"]),
        (3, "synced, and on its way", &["YELLOW progressing"]),
        (4, "a sync runs", &["YELLOW out-of-sync", "YELLOW progressing"]),
        (5, "a sync retries a revision that cannot be applied, Healthy", &["YELLOW out-of-sync"]),
        (6, "a sync failed for good, Healthy", &["RED sync-failed", "YELLOW out-of-sync"]),
        (7, "a sync never got to apply", &["RED missing", "RED sync-failed", "YELLOW out-of-sync"]),
        (8, "the repository cannot be read, Healthy", &["UNKNOWN comparison-error"]),
        (10, "Suspended", &["YELLOW suspended"]),
    ];
    for (number, what, rules) in ways {
        let scene = Scene::well().await;
        scene.real_application(number, "blog");
        let mut expected: Vec<String> =
            rules.iter().map(|rule| format!("{rule} of Application argocd/blog")).collect();
        expected.push("the gate is closed".to_owned());
        assert_eq!(scene.told().await, expected, "{what}");
    }
}

#[tokio::test]
async fn an_application_is_on_its_way_because_its_deployment_is() {
    let scene = Scene::well().await;
    let rolling = json!({"status": {"updatedReplicas": 1}});
    scene.change(&DEPLOYMENT, "web", "shop", &rolling);
    scene.application("shop", "Progressing", &[("Deployment", "web", "shop", Some("Progressing"))]);
    let expected = [
        "YELLOW rolling-out of Deployment web/shop",
        "  YELLOW progressing of Application argocd/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn an_application_of_applications_is_degraded_through_a_child() {
    let scene = Scene::well().await;
    scene.pod(&Pod::waiting(1, "CrashLoopBackOff", "back-off 5m0s restarting failed container"));
    scene.pod(&Pod::waiting(2, "CrashLoopBackOff", "back-off 5m0s restarting failed container"));
    scene.shop(0);
    scene.application("shop", "Degraded", &[("Deployment", "web", "shop", Some("Degraded"))]);
    scene.application("apps", "Degraded", &[("Application", "argocd", "shop", Some("Degraded"))]);
    let expected = [
        "RED crash-loop of Deployment web/shop",
        "  RED degraded of Application argocd/apps",
        "  RED degraded of Application argocd/shop",
        "  RED unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// The bad revision is tried again and again. The revert was pushed, and nothing picks it up.
#[tokio::test]
async fn a_bad_revision_is_retried_and_after_the_revert_an_old_failure_is_left() {
    let scene = Scene::well().await;
    scene.real_application(5, "blog");
    let expected = ["YELLOW out-of-sync of Application argocd/blog", "the gate is closed"];
    assert_eq!(scene.tells().await, expected, "it retries");

    // Terminated and refreshed: Git is again what was never changed, so nothing had to be synced.
    scene.real_application(6, "blog");
    let compared = "cc05b0bdcfb5f24d8cbb6d0c3b76f655d370193d";
    scene.change(
        &APPLICATION,
        "argocd",
        "blog",
        &json!({"operation": null, "status": {"conditions": null, "reconciledAt": ago(0),
            "sync": {"status": "Synced", "revision": compared}}}),
    );
    let left = "YELLOW last-sync-failed of Application argocd/blog (listed only)";
    expect(scene, &[left, "the gate opens"]).await;
}

/// Git is good again, and the pod of the bad revision stays: an ordered set does not replace what never got ready.
#[tokio::test]
async fn a_stateful_set_keeps_the_broken_pod_of_a_revision_that_was_taken_back() {
    let scene = Scene::well().await;
    scene.put(stateful_set(0));
    let updated = json!({"status": {"updatedReplicas": 0, "currentReplicas": 1,
        "currentRevision": "wiki-bad", "updateRevision": "wiki-good"}});
    scene.change(&STATEFULSET, "web", "wiki", &updated);
    let mut pod = owned_by(real_pod(3, "wiki", 0), "apps/v1", "StatefulSet", "wiki");
    pod["metadata"]["name"] = json!("wiki-0");
    pod["metadata"]["labels"] = json!({"app": "wiki", "controller-revision-hash": "wiki-bad"});
    scene.put(pod);
    scene.application("wiki", "Progressing", &[("StatefulSet", "web", "wiki", Some("Progressing"))]);
    let expected = [
        "RED image-pull of StatefulSet web/wiki",
        "  RED unavailable of StatefulSet web/wiki",
        "  YELLOW progressing of Application argocd/wiki",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn argo_cd_hangs_while_its_pod_runs() {
    let scene = Scene::well().await;
    scene.change(&APPLICATION, "argocd", "shop", &json!({"status": {"reconciledAt": ago(30)}}));
    let expected = [
        "UNKNOWN controller-silent of StatefulSet argocd/argocd-application-controller",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// One shard hangs: what it looks after reads Synced and Healthy for ever, while the others are looked at every minute.
#[tokio::test]
async fn a_shard_of_argo_cd_hangs_while_another_works() {
    let scene = Scene::well().await;
    scene.application("blog", "Healthy", &[]);
    scene.change(&APPLICATION, "argocd", "blog", &json!({"status": {"reconciledAt": ago(30)}}));
    assert_eq!(scene.tells().await, ["UNKNOWN stale of Application argocd/blog", "the gate is closed"]);
    let skip = json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}});
    scene.change(&APPLICATION, "argocd", "blog", &skip);
    let expected = ["YELLOW not-reconciled of Application argocd/blog (listed only)", "the gate opens"];
    expect(scene, &expected).await;
}

/// Everything was applied, the hook after it failed, and nothing else says so.
#[tokio::test]
async fn a_hook_failed_after_the_sync_and_the_application_is_synced_and_healthy() {
    let scene = Scene::well().await;
    let at = |revision: &str| {
        json!({"status": {"operationState": {"phase": "Failed", "finishedAt": ago(5), "startedAt": ago(6),
            "message": "one or more synchronization tasks completed unsuccessfully (hook failed)",
            "operation": {"sync": {"revision": revision}}, "syncResult": {"revision": revision}}}})
    };
    scene.change(&APPLICATION, "argocd", "shop", &at(&"a".repeat(40)));
    let expected = ["RED sync-failed of Application argocd/shop", "the gate is closed"];
    assert_eq!(scene.tells().await, expected);
    // Of what was there before a revert.
    scene.change(&APPLICATION, "argocd", "shop", &at(&"b".repeat(40)));
    let left = "YELLOW last-sync-failed of Application argocd/shop (listed only)";
    expect(scene, &[left, "the gate opens"]).await;
}

/// It waits for nobody but a person, and is no rollout.
#[tokio::test]
async fn a_set_is_updated_by_hand() {
    let scene = Scene::well().await;
    scene.put(stateful_set(1));
    let by_hand = json!({"spec": {"updateStrategy": {"type": "OnDelete"}},
        "status": {"updatedReplicas": 0, "currentRevision": "wiki-old", "updateRevision": "wiki-new",
            "observedGeneration": 9}});
    scene.change(&STATEFULSET, "web", "wiki", &by_hand);
    let expected = ["YELLOW waits-for-deletion of StatefulSet web/wiki (listed only)", "the gate opens"];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_set_cannot_make_its_applications() {
    let scene = Scene::well().await;
    scene.deployment("argocd", "argocd-applicationset-controller", 1, 1);
    scene.put(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "apps", "namespace": "argocd", "creationTimestamp": ago(900)},
        "spec": {"generators": [], "template": {}},
        "status": {"conditions": [
            {"type": "ErrorOccurred", "status": "True", "reason": "ApplicationGenerationFromParamsError",
                "message": "error generating params from git: authentication required", "lastTransitionTime": ago(20)},
            {"type": "ParametersGenerated", "status": "False", "reason": "ErrorOccurred", "lastTransitionTime": ago(20)},
            {"type": "ResourcesUpToDate", "status": "False", "reason": "ApplicationGenerationFromParamsError",
                "lastTransitionTime": ago(20)}]}}));
    expect(scene, &["RED set-failed of ApplicationSet argocd/apps", "the gate is closed"]).await;
}

#[tokio::test]
async fn flux_is_well() {
    let scene = Scene::well().await;
    scene.flux();
    expect(scene, &["the gate opens"]).await;
}

/// Ready stays True from the past: nothing else shows that somebody suspended it.
#[tokio::test]
async fn flux_was_suspended_for_a_recovery_and_not_set_back() {
    let scene = Scene::well().await;
    scene.flux();
    scene.put(real("gitops", 32, "flux-system", "apps", 0));
    scene.change(&HELM_RELEASE, "flux-system", "grafana", &json!({"spec": {"suspend": true}}));
    let expected = [
        "YELLOW suspended of HelmRelease flux-system/grafana",
        "YELLOW suspended of Kustomization flux-system/apps",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    scene.flux();
    expect(scene, &["the gate opens"]).await;
}

/// A plain Application whose automated sync was taken away, and one that a window in its project keeps still: both read
/// Synced and Healthy, for somebody who syncs by hand is not ill. What is to be rolled out waits for them, by name.
#[tokio::test]
async fn argo_cd_was_suspended_and_all_is_as_git_said() {
    let scene = Scene::well().await;
    scene.server.register(CustomKind { kind: sim::kubernetes::APPPROJECT, status_subresource: false });
    scene.put(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": "argocd"},
        "spec": {"syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "manualSync": true,
            "applications": ["shop"]}]}}));
    scene.change(&APPLICATION, "argocd", "shop", &json!({"spec": {"syncPolicy": {"automated": null}}}));
    let expected = ["YELLOW not-automated of Application argocd/shop (listed only)", "the gate opens"];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn flux_cannot_fetch_and_what_is_made_of_it_goes_on_reading_ready() {
    let scene = Scene::well().await;
    scene.flux();
    scene.put(real("gitops", 48, "flux-system", "homelab", 20));
    expect(scene, &["RED fetch-failed of GitRepository flux-system/homelab", "the gate is closed"]).await;
}

#[tokio::test]
async fn flux_waits_for_a_deployment_that_crashes_and_others_wait_for_flux() {
    let scene = Scene::well().await;
    scene.flux();
    scene.pod(&Pod::waiting(1, "CrashLoopBackOff", "back-off 5m0s restarting failed container"));
    scene.pod(&Pod::waiting(2, "CrashLoopBackOff", "back-off 5m0s restarting failed container"));
    scene.shop(0);
    let mut failing = real("gitops", 29, "flux-system", "apps", 0);
    let said = "timeout waiting for: [Deployment/web/shop status: 'InProgress']";
    for condition in failing["status"]["conditions"].as_array_mut().expect("conditions") {
        if condition["reason"] == "HealthCheckFailed" {
            condition["message"] = json!(said);
        }
    }
    failing["status"]["inventory"]["entries"] = json!([{"id": "web_shop_apps_Deployment", "v": "v1"}]);
    scene.put(failing);
    let mut later = real("gitops", 31, "flux-system", "later", 0);
    later["spec"]["dependsOn"] = json!([{"name": "apps"}]);
    scene.put(later);
    let expected = [
        "RED crash-loop of Deployment web/shop",
        "  RED not-applied of Kustomization flux-system/apps",
        "  RED unavailable of Deployment web/shop",
        "  YELLOW waits-for-dependency of Kustomization flux-system/later",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// The reason of Ready holds the word Succeeded.
#[tokio::test]
async fn a_release_was_rolled_back_and_is_not_tried_again() {
    let scene = Scene::well().await;
    scene.flux();
    scene.put(real("gitops", 45, "flux-system", "grafana", 20));
    expect(scene, &["RED stalled of HelmRelease flux-system/grafana", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_controller_of_flux_is_dead_and_its_objects_read_ready() {
    let scene = Scene::well().await;
    scene.flux();
    scene.deployment("flux-system", "kustomize-controller", 1, 0);
    let expected = [
        "UNKNOWN controller-down of Deployment flux-system/kustomize-controller",
        "RED unavailable of Deployment flux-system/kustomize-controller",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn an_application_as_a_real_server_gives_it_is_well() {
    let scene = Scene::well().await;
    scene.real_application(0, "blog");
    scene.real_application(9, "charts");
    expect(scene, &["the gate opens"]).await;
}
