//! The shapes that a real API server answered with.

use super::*;
use serde_json::json;

/// The body of the recorded answer whose note begins so.
fn recorded(file: &str, note: &str) -> Value {
    let path = format!("{}/fixtures/recordings/kubernetes/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the recording is there");
    let recording: Value = serde_json::from_str(&text).expect("JSON");
    let exchanges = recording["exchanges"].as_array().expect("exchanges").clone();
    let noted =
        exchanges.into_iter().find(|one| one["note"].as_str().is_some_and(|said| said.starts_with(note)));
    let body = noted.unwrap_or_else(|| panic!("no note {note:?} in {file}"))["response"]["body"].take();
    assert!(body.is_object(), "{note}");
    body
}

fn recorded_volume(note: &str) -> PersistentVolume {
    volume(serde_json::from_value(recorded("volumes", note)).expect("decodes")).expect("a volume")
}

fn recorded_claim(note: &str) -> PersistentVolumeClaim {
    claim(serde_json::from_value(recorded("volumes", note)).expect("decodes")).expect("a claim")
}

#[test]
fn volumes_are_read_as_the_server_writes_them() {
    let cases = [
        ("create a volume with reclaim policy Retain", VolumePhase::Pending, None, false),
        ("bound volume: claimRef", VolumePhase::Bound, Some(("data", true)), false),
        ("Released: claimRef still holds", VolumePhase::Released, Some(("data", true)), false),
        ("Available, while reserved", VolumePhase::Available, Some(("data", false)), false),
        ("claimRef removed as a whole", VolumePhase::Released, None, false),
        ("merge patch with uid \"\"", VolumePhase::Released, Some(("five", false)), false),
        ("it stays Bound (Table says Terminating)", VolumePhase::Bound, Some(("eight", true)), true),
    ];
    for (note, phase, reference, going) in cases {
        let read = recorded_volume(note);
        assert_eq!(read.phase, Some(phase), "{note}");
        let named = read.claim.as_ref().map(|claim| (claim.name.as_str(), claim.uid.is_some()));
        assert_eq!(named, reference, "{note}");
        assert_eq!(read.deleted_at.is_some(), going, "{note}");
        assert!(read.created_at.is_some() && read.phase_since.is_some(), "{note}");
        assert!(read.is_for_one_node(), "{note}");
        assert_eq!((read.reclaim, read.capacity.as_str()), (ReclaimPolicy::Retain, "10Gi"), "{note}");
    }
}

#[test]
fn a_volume_tells_who_made_it_and_whether_it_was_chosen() {
    for (note, made_and_chosen) in [
        ("create a volume with reclaim policy Retain", (true, false)),
        ("bound volume: claimRef", (true, true)),
        ("Released: claimRef still holds", (true, true)),
    ] {
        let read = recorded_volume(note);
        assert_eq!((read.provisioned, read.chosen), made_and_chosen, "{note}");
    }
    let by_hand = volume(serde_json::from_value(json!({"metadata": {"name": "pv"}})).expect("decodes"));
    let by_hand = by_hand.expect("a volume");
    assert_eq!((by_hand.provisioned, by_hand.chosen), (false, false));
}

#[test]
fn claims_are_read_as_the_server_writes_them() {
    let cases = [
        ("create the claim; volumeName unset", ClaimPhase::Pending, None, false),
        ("bound claim: spec.volumeName", ClaimPhase::Bound, Some("pv-1"), false),
        ("delete the claim (no pod uses it)", ClaimPhase::Bound, Some("pv-1"), true),
        ("the claim waits", ClaimPhase::Pending, None, false),
        ("claim with volumeName", ClaimPhase::Pending, Some("pv-6"), false),
        ("the Lost claim", ClaimPhase::Lost, Some("pv-8"), false),
    ];
    for (note, phase, volume, going) in cases {
        let read = recorded_claim(note);
        assert_eq!(read.phase, Some(phase), "{note}");
        assert_eq!(read.volume.as_deref(), volume, "{note}");
        assert_eq!(read.deleted_at.is_some(), going, "{note}");
        assert!(!read.uid.is_empty() && read.created_at.is_some(), "{note}");
        let class = match volume {
            Some(own @ ("pv-6" | "pv-8")) => format!("v-{own}"),
            _ => "ceph-block-retain".to_owned(),
        };
        assert_eq!(read.storage_class, Some(class), "{note}");
    }
}

#[test]
fn a_released_volume_keeps_the_uid_of_the_claim_that_is_gone() {
    let (bound, released) =
        (recorded_volume("bound volume: claimRef"), recorded_volume("Released: claimRef"));
    assert_eq!(bound.claim, released.claim);
    assert_ne!(
        released.claim.expect("a reference").uid.expect("a uid"),
        recorded_claim("claim of the same name: another uid").uid
    );
}

#[test]
fn what_is_missing_or_not_known_is_kept_apart() {
    let bare = json!({"metadata": {"name": "a", "namespace": "b"}});
    let read = volume(serde_json::from_value(bare.clone()).expect("decodes")).expect("a volume");
    assert!(read.phase.is_none() && read.claim.is_none() && !read.is_for_one_node());
    let read = claim(serde_json::from_value(bare.clone()).expect("decodes")).expect("a claim");
    assert!(read.phase.is_none() && read.volume.is_none() && read.storage_class.is_none());
    let strange = json!({"metadata": {"name": "a"}, "status": {"phase": "Dreaming"},
        "spec": {"persistentVolumeReclaimPolicy": "Frame", "accessModes": ["ReadWriteOnce", "ReadOnlyMany"]}});
    let read = volume(serde_json::from_value(strange.clone()).expect("decodes")).expect("a volume");
    assert_eq!(read.phase, Some(VolumePhase::Unknown("Dreaming".to_owned())));
    assert_eq!((read.reclaim, read.is_for_one_node()), (ReclaimPolicy::Unknown, false));
    let mut claim_of_it = strange;
    claim_of_it["spec"] = json!({"dataSourceRef": {"kind": "ReplicationDestination", "name": "back"}});
    let read = claim(serde_json::from_value(claim_of_it).expect("decodes")).expect("a claim");
    assert_eq!(read.phase, Some(ClaimPhase::Unknown("Dreaming".to_owned())));
    assert_eq!(read.data_source, Some(("ReplicationDestination".to_owned(), "back".to_owned())));
    let mut owned = bare;
    for (kind, temporary) in [("Pod", true), ("ReplicationSource", true), ("Cluster", false)] {
        owned["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": kind, "name": "o", "uid": "1", "controller": true}]);
        let read = claim(serde_json::from_value(owned.clone()).expect("decodes")).expect("a claim");
        assert_eq!(read.made_for.is_some(), temporary, "{kind}");
    }
    assert!(volume(core::PersistentVolume::default()).is_err(), "without a name it is no volume");
    assert!(replication_source(&json!({"metadata": {}})).is_err());
}

#[test]
fn attachments_and_classes_are_read() {
    let object = |status: Value| {
        let object = json!({"metadata": {"name": "csi-1", "creationTimestamp": "2026-11-21T01:00:00Z"},
            "spec": {"attacher": "d", "nodeName": "metal1", "source": {"persistentVolumeName": "pvc-1"}},
            "status": status});
        attachment(serde_json::from_value(object).expect("decodes")).expect("an attachment")
    };
    let read = object(json!({"attached": true}));
    assert_eq!(
        (read.volume.as_deref(), read.node.as_str(), read.attached),
        (Some("pvc-1"), "metal1", Some(true))
    );
    assert_eq!(object(Value::Null).attached, None);
    let read = object(
        json!({"attached": false, "attachError": {"time": "2026-11-21T01:02:00Z", "message": "busy"}}),
    );
    let error = read.attach_error.expect("an error");
    assert_eq!(
        (error.message.as_str(), error.at.is_some(), error.is_operation_lock()),
        ("busy", true, false)
    );
    let read = object(json!({"attached": true, "detachError": {"message":
        "rpc error: code = Aborted desc = an operation with the given Volume ID 0001-pv-1 already exists"}}));
    assert!(read.detach_error.expect("an error").is_operation_lock());
    for (mode, waits) in
        [(json!("WaitForFirstConsumer"), true), (json!("Immediate"), false), (Value::Null, false)]
    {
        let object = json!({"metadata": {"name": "fast"}, "provisioner": "p", "volumeBindingMode": mode});
        let read = storage_class(serde_json::from_value(object).expect("decodes")).expect("a class");
        assert_eq!((read.name.as_str(), read.waits_for_consumer), ("fast", waits));
    }
}

#[test]
fn snapshots_are_read_as_the_server_writes_them() {
    let cases = [
        ("snapshot no status yet", None, false, false),
        ("snapshot cut, not usable yet", Some(false), true, false),
        ("snapshot ready", Some(true), true, false),
        ("snapshot failed", Some(false), true, true),
        ("snapshot ready, with a transient error", Some(true), true, true),
    ];
    for (note, ready, has_status, failed) in cases {
        let read = snapshot(&recorded("operators", note)).expect("a snapshot");
        assert_eq!(
            (read.ready, read.has_status, read.error.is_some()),
            (ready, has_status, failed),
            "{note}"
        );
        assert_eq!(read.claim.as_deref(), Some("data"), "{note}");
        assert!(read.created_at.is_some(), "{note}");
    }
}

#[test]
fn volsync_sources_are_read_as_the_server_writes_them() {
    let read = |note: &str| replication_source(&recorded("operators", note)).expect("a source");
    let waiting = read("waiting for its schedule");
    assert_eq!((waiting.claim.as_deref(), &waiting.trigger), (Some("data"), &CopyTrigger::Schedule));
    assert_eq!(waiting.result, Some(MoverResult::Successful));
    assert!(waiting.next_sync > waiting.last_sync && waiting.sync_started.is_none());
    assert_eq!(waiting.synchronizing.expect("a condition").reason, "WaitingForSchedule");
    let running = read("running: lastManualSync is still the old value");
    assert_eq!(running.trigger, CopyTrigger::Manual { done: false });
    assert!(running.sync_started.is_some());
    assert_eq!(read("done").trigger, CopyTrigger::Manual { done: true });
    let failing = read("failing: it reads SyncInProgress for ever");
    assert_eq!(failing.result, Some(MoverResult::Failed { locked: false }));
    assert_eq!((failing.claim.as_deref(), failing.last_sync), (Some("gone"), None));
    assert!(!failing.paused && failing.has_status);
    assert_eq!(failing.mover, Mover::Job);
}

#[test]
fn what_a_mover_logged_is_understood_and_not_kept() {
    let source = |spec: Value, mover: Value| {
        let object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec,
            "status": {"latestMoverStatus": mover}});
        replication_source(&object).expect("a source")
    };
    for (logs, locked) in [
        ("Fatal: unable to open repository at rest:https://user:word@backup.example.org/", false),
        ("unable to create lock in backend: repository is already locked by PID 57 on a by root", true),
        ("ERROR: failure locking repository", true),
        ("", false),
    ] {
        let read = source(json!({}), json!({"result": "Failed", "logs": logs}));
        assert_eq!(read.result, Some(MoverResult::Failed { locked }), "{logs}");
        assert!(!format!("{read:?}").contains("word@"));
    }
    let strange = source(json!({}), json!({"result": "Napping"}));
    assert_eq!(strange.result, Some(MoverResult::Unknown("Napping".to_owned())));
    assert_eq!(strange.trigger, CopyTrigger::Endless);
    assert!(source(json!({"paused": true}), Value::Null).paused);
    assert!(!source(json!({"suspend": true}), Value::Null).paused, "no such field");
    for (spec, mover) in [
        (json!({"syncthing": {}}), Mover::Endless),
        (json!({"external": {}}), Mover::Foreign),
        // VolSync says that it cannot.
        (json!({"external": {}, "restic": {}}), Mover::Job),
    ] {
        assert_eq!(source(spec.clone(), Value::Null).mover, mover, "{spec}");
    }
}
