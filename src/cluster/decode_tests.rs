use super::*;
use serde_json::json;

#[test]
fn quantities_are_read_as_kubernetes_writes_them() {
    let cases = [
        ("250m", Some(250_000_000)),
        ("1", Some(1_000_000_000)),
        ("1.5", Some(1_500_000_000)),
        ("12345n", Some(12_345)),
        ("2Ki", Some(2_048_000_000_000)),
        ("", None),
        ("m", None),
        ("1x", None),
        ("1.2.3", None),
    ];
    for (written, expected) in cases {
        assert_eq!(nanos(written), expected, "{written:?}");
    }
}

#[test]
fn a_bare_pod_is_unknown_and_not_an_error() {
    let read =
        pod(serde_json::from_value(json!({"metadata": {"name": "a"}})).expect("decodes")).expect("a pod");
    assert_eq!(read.phase, PodPhase::Unknown);
    assert!(pod(core::Pod::default()).is_err());
    let strange = json!({"metadata": {"name": "a"}, "status": {"phase": "Dreaming"}});
    let read = pod(serde_json::from_value(strange).expect("decodes")).expect("a pod");
    assert_eq!(read.phase, PodPhase::Unknown);
}

#[test]
fn containers_are_joined_with_their_statuses() {
    let object = json!({
        "metadata": {"name": "web-1", "namespace": "web", "ownerReferences": [
            {"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "1"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "2", "controller": true}]},
        "spec": {
            "initContainers": [{"name": "first", "image": "i:1"}],
            "containers": [{"name": "app", "image": "a:1"}, {"name": "side", "image": "s:1"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web"}},
                {"name": "scratch", "ephemeral": {}}, {"name": "none", "emptyDir": {}}],
        },
        "status": {"phase": "Running", "containerStatuses": [{
            "name": "app", "image": "a:1", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }]},
    });
    let read = pod(serde_json::from_value(object).expect("decodes")).expect("a pod");
    assert_eq!(read.owner, Some(ObjectRef::new("ReplicaSet", "web", "web-abc")));
    assert_eq!(read.claims, ["data-web", "web-1-scratch"]);
    let names: Vec<_> = read.containers.iter().map(|c| (c.name.as_str(), c.init, c.restarts)).collect();
    assert_eq!(names, [("first", true, 0), ("app", false, 4), ("side", false, 0)]);
    assert!(
        matches!(&read.containers[1].state, ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff")
    );
    assert!(matches!(read.containers[1].last_state, Some(ContainerState::Terminated { exit_code: 1, .. })));
    assert_eq!(read.containers[2].state, ContainerState::Unknown);
}

#[test]
fn a_stateful_set_that_updates_on_delete_counts_as_updated() {
    let set = |strategy: Value| {
        let object = json!({
            "metadata": {"name": "db", "namespace": "db", "generation": 3},
            "spec": {"replicas": 3, "serviceName": "db", "selector": {}, "template": {}, "updateStrategy": strategy},
            "status": {"replicas": 3, "updatedReplicas": 1, "availableReplicas": 3, "observedGeneration": 3,
                "currentRevision": "a", "updateRevision": "b"},
        });
        let set = stateful_set(serde_json::from_value(object).expect("decodes")).expect("a set");
        (set.updated, set.held_back, set.is_complete())
    };
    let partition =
        |partition: i64| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
    assert_eq!(set(json!({"type": "RollingUpdate"})), (1, None, false));
    assert_eq!(set(partition(1)), (2, Some(HeldBack::ByPartition(1)), false), "one is still to come");
    assert_eq!(set(partition(2)), (3, Some(HeldBack::ByPartition(2)), true));
    assert_eq!(set(partition(9)), (3, Some(HeldBack::ByPartition(2)), true));
    assert_eq!(set(json!({"type": "OnDelete"})), (3, Some(HeldBack::UntilDeleted(2)), true));
}

#[test]
fn a_daemon_set_that_updates_on_delete_counts_as_updated() {
    let set = |strategy: &str, updated: i64| {
        let object = json!({
            "metadata": {"name": "cni", "namespace": "kube-system", "generation": 3},
            "spec": {"selector": {}, "template": {}, "updateStrategy": {"type": strategy}},
            "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": updated,
                "numberAvailable": 3, "numberMisscheduled": 0, "numberReady": 3, "observedGeneration": 3},
        });
        let set = daemon_set(serde_json::from_value(object).expect("decodes")).expect("a set");
        (set.held_back, set.is_complete())
    };
    assert_eq!(set("RollingUpdate", 1), (None, false));
    assert_eq!(set("OnDelete", 1), (Some(HeldBack::UntilDeleted(2)), true));
    assert_eq!(set("OnDelete", 3), (None, true));
}

#[test]
fn what_a_workload_keeps_and_what_it_hides_is_seen() {
    let read = |pod: Value| {
        let object = json!({
            "metadata": {"name": "web", "namespace": "web"},
            "spec": {"selector": {}, "template": {"spec": pod}},
        });
        deployment(serde_json::from_value(object).expect("decodes")).expect("a Deployment")
    };
    let volume = |source: Value| {
        let mut volume = source;
        volume["name"] = json!("v");
        read(json!({"containers": [{"name": "web"}], "volumes": [volume]}))
    };
    // (a volume, whether it is state, whether it hides settings)
    for (source, state, hides) in [
        (json!({"emptyDir": {}}), false, false),
        (json!({"configMap": {"name": "c"}}), false, false),
        (json!({"downwardAPI": {"items": []}}), false, false),
        (json!({"secret": {"secretName": "s"}}), false, true),
        (json!({"projected": {"sources": [{"secret": {"name": "s"}}]}}), false, true),
        (
            json!({"projected": {"sources": [
                {"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": []}}]}}),
            false,
            false,
        ),
        (json!({"persistentVolumeClaim": {"claimName": "c"}}), true, false),
        (json!({"hostPath": {"path": "/x"}}), true, false),
        (json!({"ephemeral": {}}), true, false),
        (json!({"nfs": {"server": "s", "path": "/x"}}), true, false),
        (json!({"csi": {"driver": "d"}}), true, false),
        (json!({"iscsi": {"targetPortal": "p", "iqn": "i", "lun": 0}}), true, false),
        (json!({"rbd": {"monitors": ["m"], "image": "i"}}), true, false),
        (json!({"cephfs": {"monitors": ["m"]}}), true, false),
        (json!({"glusterfs": {"endpoints": "e", "path": "p"}}), true, false),
        // A source of a newer Kubernetes may be anything.
        (json!({"newerSource": {}}), true, false),
    ] {
        let read = volume(source.clone());
        assert_eq!((read.has_volume, read.hidden_environment), (state, hides), "{source}");
    }
    let read = read(json!({
        "initContainers": [{"name": "first", "command": ["migrate"], "args": ["--dsn=a"]}],
        "containers": [{"name": "web", "command": ["web"], "args": ["serve"],
            "env": [{"name": "A", "value": "1"}], "envFrom": [{"secretRef": {"name": "s"}}]}],
    }));
    assert_eq!(read.arguments, ["migrate", "--dsn=a", "web", "serve"]);
    assert_eq!(read.environment, [("A".to_owned(), "1".to_owned())]);
    assert!(read.hidden_environment && !read.has_volume);
}

#[test]
fn ceph_details_are_a_map_by_check() {
    let read = ceph_cluster(&json!({
        "metadata": {"namespace": "rook-ceph", "name": "ceph"},
        "status": {"ceph": {
            "health": "HEALTH_WARN", "lastChecked": "2026-11-21T02:06:42Z",
            "details": {"RECENT_CRASH": {"severity": "HEALTH_WARN", "message": "1 daemons have recently crashed"}},
            "capacity": {"bytesUsed": 3, "bytesTotal": 8},
        }},
    }))
    .expect("a cluster");
    assert_eq!(read.checks[0].name, "RECENT_CRASH");
    assert_eq!(read.capacity, Some((3, 8)));
    assert!(read.last_checked.is_some());
    let bare = ceph_cluster(&json!({"metadata": {"name": "c"}})).expect("bare");
    assert_eq!((bare.health.as_str(), bare.capacity, bare.last_checked), ("", None, None));
}

#[test]
fn last_words_tell_of_a_disk_and_not_of_a_network() {
    for (said, expected) in [
        ("OSError: [Errno 30] Read-only file system: '/data'", Some(DiskWord::ReadOnly)),
        ("read /data/shop.db: input/output error", Some(DiskWord::Fails)),
        ("OSError: [Errno 5] Input/output error", Some(DiskWord::Fails)),
        ("sqlite3.OperationalError: disk I/O error", Some(DiskWord::Fails)),
        ("Custom { kind: Uncategorized, error: \"(os error 5)\" }", Some(DiskWord::Fails)),
        ("ResourceAccessException: I/O error on GET request for \"http://auth\": Connection refused", None),
        ("PSQLException: An I/O error occurred while sending to the backend.", None),
        ("OSError: [Errno 51] Network is unreachable", None),
        ("Connection refused (os error 50)", None),
    ] {
        assert_eq!(disk_word(said), expected, "{said}");
    }
}
