use super::super::decode;
use super::*;
use serde_json::json;

/// One whose container was started at twelve, since when it is as ready as that.
fn pod_since(
    phase: &str,
    (ready, since): (&str, &str),
    state: &Value,
    restarts: i64,
    goes: bool,
) -> Option<u64> {
    let mut object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-0", "namespace": "web"},
        "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": "app:1"}]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}],
            "containerStatuses": [{"name": "app", "ready": ready == "True", "restartCount": restarts, "state": state,
                "image": "app:1", "imageID": ""}]}});
    if goes {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-21T13:00:00Z");
    }
    of_pod(&decode::pod(serde_json::from_value(object).expect("a pod")).expect("it is read"))
}

fn pod(phase: &str, ready: &str, state: &Value, restarts: i64) -> Option<u64> {
    pod_since(phase, (ready, "2026-11-21T11:59:58Z"), state, restarts, false)
}

#[test]
fn a_pod_that_only_begins_or_ends_well_is_no_news_and_each_way_of_being_unwell_is() {
    let runs = json!({"running": {"startedAt": "2026-11-21T12:00:00Z"}});
    let waits = |reason: &str| json!({"waiting": {"reason": reason}});
    let ended = |code: i64| json!({"terminated": {"exitCode": code, "reason": "Ended"}});
    for (phase, ready, state) in [
        ("Pending", "False", waits("ContainerCreating")),
        ("Pending", "False", waits("PodInitializing")),
        // A probe of its readiness has not been answered yet.
        ("Running", "False", runs.clone()),
        ("Running", "True", runs.clone()),
        ("Running", "False", ended(0)),
        ("Succeeded", "False", ended(0)),
    ] {
        assert_eq!(pod(phase, ready, &state, 0), None, "{phase} {ready} {state}");
    }
    // What was told to go, also after it was started again once: programs seldom end by a signal with a zero.
    for (phase, ready, state) in [
        ("Running", "True", runs.clone()),
        ("Running", "False", runs.clone()),
        ("Running", "False", ended(143)),
        ("Running", "False", ended(137)),
        ("Failed", "False", ended(143)),
        ("Pending", "False", waits("ContainerCreating")),
    ] {
        let goes = pod_since(phase, (ready, "2026-11-21T12:30:00Z"), &state, 2, true);
        assert_eq!(goes, None, "{phase} {ready} {state}");
    }
    let wrong = [
        pod_since("Running", ("False", "2026-11-21T12:30:00Z"), &runs, 0, false),
        pod("Running", "False", &waits("CrashLoopBackOff"), 3),
        pod("Running", "False", &waits("CrashLoopBackOff"), 4),
        pod("Pending", "False", &waits("ImagePullBackOff"), 0),
        pod("Running", "False", &ended(1), 0),
        pod("Failed", "False", &ended(1), 0),
        pod_since("Unknown", ("False", "2026-11-21T12:30:00Z"), &runs, 0, true),
    ];
    for (at, one) in wrong.iter().enumerate() {
        assert!(one.is_some() && !wrong[..at].contains(one), "{at}: {wrong:?}");
    }
}

#[test]
fn a_node_is_news_by_its_conditions_and_a_workload_by_what_it_says_itself() {
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

    let deployment = |(seen, replicas, available): (i64, i64, i64), kind: &str, status: &str| {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "web", "generation": 2},
            "spec": {"replicas": 9, "selector": {"matchLabels": {"app": "shop"}},
                "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
            "status": {"observedGeneration": seen, "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": available,
                "conditions": [{"type": kind, "status": status}]}});
        of_workload(&decode::deployment(serde_json::from_value(object).expect("one")).expect("it is read"))
    };
    // Told to be more, more of them, all there, told to be fewer; begun from nothing.
    for scaled in [(1, 4, 4), (2, 9, 4), (2, 9, 9), (1, 12, 12), (2, 1, 0)] {
        assert_eq!(deployment(scaled, "Progressing", "True"), None, "{scaled:?}");
    }
    let stuck = deployment((2, 9, 4), "Progressing", "False");
    assert!(stuck.is_some());
    assert_eq!(stuck, deployment((2, 9, 5), "Progressing", "False"), "one pod more is no news");
    let may_not = deployment((2, 9, 4), "ReplicaFailure", "True");
    assert!(may_not.is_some() && may_not != stuck, "its pods may not be made");
}

#[test]
fn other_objects_are_news_by_words_and_never_by_times() {
    let condition = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "lastTransitionTime": "2026-11-21T12:00:00Z"}]}});
    let reason = |word: &str| json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": word}]}});
    for well in [
        json!({}),
        condition("Ready", "True"),
        // Flux at work, and a Job that has done its own.
        condition("Reconciling", "True"),
        condition("Ready", "Unknown"),
        condition("Complete", "True"),
        // A budget while a pod more or less is there, a Job that goes on, an ApplicationSet, a copy that waits for its hour.
        condition("DisruptionAllowed", "False"),
        condition("Suspended", "False"),
        condition("ErrorOccurred", "False"),
        condition("Synchronizing", "False"),
        reason("DependencyNotReady"),
        // Claims and volumes that are made and go all day long.
        json!({"status": {"phase": "Pending"}}),
        json!({"status": {"phase": "Bound"}}),
        json!({"status": {"phase": "Released"}, "metadata": {"deletionTimestamp": "2026-11-21T12:00:00Z"}}),
        // What is scaled, and what somebody's commit passes by.
        json!({"status": {"health": {"status": "Progressing"}, "sync": {"status": "Synced", "revision": "a1"},
            "operationState": {"phase": "Running"}}}),
        json!({"status": {"lastAppliedRevision": "main@sha1:a1", "lastAttemptedRevision": "main@sha1:a1"}}),
    ] {
        assert_eq!(of_object(&well), None, "{well}");
    }
    for wrong in [
        condition("Ready", "False"),
        condition("Failed", "True"),
        condition("Stalled", "True"),
        condition("ErrorOccurred", "True"),
        reason("BuildFailed"),
        json!({"status": {"phase": "Lost"}}),
        json!({"status": {"sync": {"status": "OutOfSync"}}}),
        json!({"status": {"operationState": {"phase": "Failed"}}}),
        // As Argo CD has them.
        json!({"status": {"conditions": [{"type": "ComparisonError", "message": "no"}]}}),
    ] {
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
