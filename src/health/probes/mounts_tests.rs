use super::super::testing::{ago, now};
use super::*;
use crate::cluster::{Condition, ConditionStatus, Container};

fn pod() -> Pod {
    let container = Container {
        name: "app".to_owned(),
        init: false,
        image: "registry.example.org/app:1".to_owned(),
        ready: false,
        restarts: 0,
        state: ContainerState::Waiting { reason: "ContainerCreating".to_owned(), message: String::new() },
        last_state: None,
    };
    let ready = Condition {
        kind: "Ready".to_owned(),
        status: ConditionStatus::False,
        reason: String::new(),
        message: String::new(),
        since: Some(ago(600)),
        heartbeat: None,
    };
    Pod {
        namespace: "web".to_owned(),
        name: "shop-1".to_owned(),
        phase: PodPhase::Pending,
        reason: String::new(),
        message: String::new(),
        conditions: vec![ready],
        node: Some("metal1".to_owned()),
        created_at: Some(ago(600)),
        deleted_at: None,
        owner: None,
        containers: vec![container],
        claims: vec!["data".to_owned()],
        labels: BTreeMap::default(),
    }
}

fn event(reason: &str, message: &str, seconds: i64) -> VolumeEvent {
    VolumeEvent {
        namespace: "web".to_owned(),
        pod: "shop-1".to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last: Some(ago(seconds)),
    }
}

fn told(events: Vec<VolumeEvent>) -> Option<(&'static str, String)> {
    Mounts::of(Ok(events)).word(&pod(), now()).map(|word| (word.what, word.evidence))
}

#[test]
fn only_a_pod_that_waits_for_its_volumes_is_asked_about() {
    type Case = (&'static str, fn(&mut Pod), bool);
    let cases: [Case; 9] = [
        ("it waits", |_| {}, true),
        ("without a status of its containers", |pod| pod.containers.clear(), true),
        ("for a moment only", |pod| pod.conditions[0].since = Some(ago(59)), false),
        ("just made", |pod| pod.created_at = Some(ago(59)), false),
        ("it runs", |pod| pod.phase = PodPhase::Running, false),
        ("it has no node", |pod| pod.node = None, false),
        ("it is being deleted", |pod| pod.deleted_at = Some(ago(1)), false),
        (
            "it lacks its image",
            |pod| {
                pod.containers[0].state =
                    ContainerState::Waiting { reason: "ImagePullBackOff".to_owned(), message: String::new() };
            },
            false,
        ),
        (
            "an init container runs",
            |pod| pod.containers[0].state = ContainerState::Running { since: None },
            false,
        ),
    ];
    for (name, change, expected) in cases {
        let mut pod = pod();
        change(&mut pod);
        let mut ledger = PodLedger::new(Duration::from_mins(10));
        ledger.put(pod, now());
        assert_eq!(!waiting(&ledger, now()).is_empty(), expected, "{name}");
    }
}

#[test]
fn what_tells_most_is_told_and_what_is_old_is_not() {
    let attach = || event("FailedAttachVolume", "AttachVolume.Attach failed: volume not found", 300);
    let mount = || event("FailedMount", "MountVolume.SetUp failed for volume \"x\": exit status 32", 20);
    let waits = || {
        let message = "Unable to attach or mount volumes: unmounted volumes=[data]: timed out waiting for the condition";
        event("FailedMount", message, 5)
    };
    let multi = |seconds| {
        let message =
            "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) shop-0, shop-2";
        event("FailedAttachVolume", message, seconds)
    };
    for (events, expected) in [
        (vec![], None),
        (vec![waits()], Some("not ready: its volume cannot be mounted")),
        (vec![waits(), attach()], Some("not ready: its volume cannot be attached")),
        (vec![mount(), waits()], Some("not ready: its volume cannot be mounted")),
        (
            vec![multi(500), attach(), mount()],
            Some("not ready: Multi-Attach, another node or pod holds its volume"),
        ),
        // Of the pod before this one, which had the same name.
        (vec![multi(601)], None),
        (vec![multi(601), mount()], Some("not ready: its volume cannot be mounted")),
        (vec![VolumeEvent { pod: "shop-2".to_owned(), ..mount() }], None),
        (vec![VolumeEvent { last: None, ..mount() }], None),
    ] {
        let what = told(events.clone()).map(|(what, _)| what);
        assert_eq!(what, expected, "{events:?}");
    }
    assert!(told(vec![mount(), waits()]).is_some_and(|(_, evidence)| evidence.contains("exit status 32")));
    let (_, evidence) = told(vec![multi(30)]).expect("a word");
    assert!(
        evidence.starts_with("held by pod shop-0, shop-2; FailedAttachVolume 30 s ago: Multi-Attach"),
        "{evidence}"
    );

    // An hour is enough, however long it waits.
    let mut patient = pod();
    (patient.created_at, patient.conditions[0].since) = (Some(ago(90_000)), Some(ago(90_000)));
    let word = |seconds| Mounts::of(Ok(vec![multi(seconds)])).word(&patient, now()).is_some();
    assert!(word(3600) && !word(3601));
}

#[test]
fn the_holder_is_named_where_the_text_names_one() {
    for (message, expected) in [
        ("Multi-Attach error for volume \"p\" Volume is already used by pod(s) a, b", Some("pod a, b")),
        (
            "Multi-Attach error for volume \"p\" Volume is already exclusively attached to node metal2 and can't be attached to another",
            Some("node metal2"),
        ),
        (
            "Multi-Attach error for volume \"p\" Volume is already exclusively attached to one node and can't be attached to another",
            None,
        ),
        ("Multi-Attach error for volume \"p\" Volume is already used by pod(s) ", None),
        ("MountVolume failed: already used by pod(s) a", None),
    ] {
        assert_eq!(holder(message).as_deref(), expected, "{message}");
    }
}

#[test]
fn what_comes_from_outside_is_one_short_line() {
    let long = format!("rpc error:\n\tstderr:\u{1b}[31m red\u{7} {}", "x".repeat(900));
    let (_, evidence) = told(vec![event("FailedMount", &long, 5)]).expect("a word");
    assert!(evidence.starts_with("FailedMount 5 s ago: rpc error: stderr: [31m red xxx"), "{evidence}");
    assert!(evidence.chars().count() < 300 && !evidence.contains(char::is_control), "{evidence}");
}

#[test]
fn that_nobody_may_read_them_is_said() {
    let refused = ClusterError::Forbidden { what: "GET /api/v1/events".to_owned(), said: "no".to_owned() };
    let word = Mounts::of(Err(refused)).word(&pod(), now()).expect("a word");
    assert_eq!(word.what, "not ready");
    assert!(word.evidence.contains("its events could not be read: the cluster refuses"), "{}", word.evidence);
}
