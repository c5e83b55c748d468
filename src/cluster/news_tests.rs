use super::super::decode;
use super::*;
use serde_json::json;

fn pod(phase: &str, ready: &str, state: &Value, restarts: i64) -> Option<u64> {
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-0", "namespace": "web"},
        "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": "app:1"}]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"name": "app", "ready": ready == "True", "restartCount": restarts, "state": state,
                "image": "app:1", "imageID": ""}]}});
    of_pod(&decode::pod(serde_json::from_value(object).expect("a pod")).expect("it is read"))
}

#[test]
fn a_pod_that_only_begins_or_ends_well_is_no_news_and_each_way_of_being_unwell_is() {
    let runs = json!({"running": {"startedAt": "2026-11-21T12:00:00Z"}});
    let waits = |reason: &str| json!({"waiting": {"reason": reason}});
    let ended = |code: i64| json!({"terminated": {"exitCode": code, "reason": "Ended"}});
    for (phase, ready, state) in [
        ("Pending", "False", waits("ContainerCreating")),
        ("Pending", "False", waits("PodInitializing")),
        ("Running", "True", runs.clone()),
        ("Running", "False", ended(0)),
        ("Succeeded", "False", ended(0)),
    ] {
        assert_eq!(pod(phase, ready, &state, 0), None, "{phase} {ready} {state}");
    }
    let wrong = [
        pod("Running", "False", &runs, 0),
        pod("Running", "False", &waits("CrashLoopBackOff"), 3),
        pod("Running", "False", &waits("CrashLoopBackOff"), 4),
        pod("Pending", "False", &waits("ImagePullBackOff"), 0),
        pod("Running", "False", &ended(1), 0),
        pod("Failed", "False", &ended(1), 0),
    ];
    for (at, one) in wrong.iter().enumerate() {
        assert!(one.is_some() && !wrong[..at].contains(one), "{at}: {wrong:?}");
    }
}

#[test]
fn a_node_is_news_by_its_conditions_and_a_workload_by_what_it_lacks() {
    let node = |ready: &str, disk: &str, cordoned: bool, heartbeat: &str| {
        let object = json!({"metadata": {"name": "metal1"}, "spec": {"unschedulable": cordoned},
            "status": {"conditions": [
                {"type": "Ready", "status": ready, "lastHeartbeatTime": heartbeat},
                {"type": "DiskPressure", "status": disk, "lastHeartbeatTime": heartbeat}]}});
        of_node(&decode::node(serde_json::from_value(object).expect("a node")).expect("it is read"))
    };
    let (now, later) = ("2026-11-21T12:00:00Z", "2026-11-21T12:05:00Z");
    assert_eq!(node("True", "False", false, now), None);
    let wrong = [
        ("False", "False", false),
        ("Unknown", "False", false),
        ("True", "True", false),
        ("True", "False", true),
    ];
    let wrong = wrong.map(|(ready, disk, cordoned)| {
        assert_eq!(
            node(ready, disk, cordoned, now),
            node(ready, disk, cordoned, later),
            "a heartbeat is no news"
        );
        node(ready, disk, cordoned, now)
    });
    for (at, one) in wrong.iter().enumerate() {
        assert!(one.is_some() && !wrong[..at].contains(one), "{at}: {wrong:?}");
    }

    let deployment = |updated: i64, available: i64| {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "web", "generation": 2},
            "spec": {"replicas": 9, "selector": {"matchLabels": {"app": "shop"}},
                "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
            "status": {"observedGeneration": 2, "replicas": 9, "updatedReplicas": updated, "availableReplicas": available}});
        of_workload(&decode::deployment(serde_json::from_value(object).expect("one")).expect("it is read"))
    };
    assert_eq!(deployment(9, 9), None);
    assert_eq!(deployment(3, 8), deployment(4, 7), "one pod more is no news");
    let wrong = [deployment(9, 8), deployment(9, 0), deployment(8, 9)];
    assert!(wrong.iter().all(Option::is_some) && wrong[0] != wrong[1] && wrong[0] != wrong[2], "{wrong:?}");
}

#[test]
fn other_objects_are_news_by_words_and_never_by_times() {
    let condition = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "lastTransitionTime": "2026-11-21T12:00:00Z"}]}});
    for well in [
        json!({}),
        condition("Ready", "True"),
        // Flux at work, and a Job that has done its own.
        condition("Reconciling", "True"),
        condition("Ready", "Unknown"),
        condition("Complete", "True"),
    ] {
        assert_eq!(of_object(&well), None, "{well}");
    }
    for wrong in [condition("Ready", "False"), condition("Failed", "True"), condition("Stalled", "True")] {
        assert!(of_object(&wrong).is_some(), "{wrong}");
    }
    let application = |health: &str, at: &str| {
        of_object(
            &json!({"status": {"health": {"status": health}, "sync": {"status": "Synced"}, "reconciledAt": at}}),
        )
    };
    assert_eq!(application("Healthy", "12:00"), application("Healthy", "12:03"));
    assert_ne!(application("Healthy", "12:00"), application("Degraded", "12:00"));
    let ceph = |health: &str, at: &str| {
        of_object(&json!({"status": {"ceph": {"health": health, "lastChecked": at}}}))
    };
    assert_eq!(ceph("HEALTH_OK", "12:00"), ceph("HEALTH_OK", "12:01"));
    assert_ne!(ceph("HEALTH_OK", "12:00"), ceph("HEALTH_WARN", "12:00"));
}

#[tokio::test]
async fn however_much_is_told_while_nobody_waits_is_told_once() {
    let news = News::default();
    assert!(!news.is_told().await);
    for _ in 0..1000 {
        news.tell();
    }
    assert!(news.is_told().await && !news.is_told().await);
}
