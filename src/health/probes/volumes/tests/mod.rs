//! The probe as a whole; the tables of its rules are beside it.

mod rules;

use super::super::testing::{ago, now, rules};
use super::*;
use crate::cluster::{ClaimReference, Condition, ConditionStatus, DriverError, ReclaimPolicy};
use Verdict::{Red, Unknown, Yellow};

const GRACE: Duration = Duration::from_mins(5);

/// Everything that the probe reads. At the beginning: one claim with its volume on one node, for three hours.
struct Cluster {
    volumes: Vec<PersistentVolume>,
    claims: Vec<PersistentVolumeClaim>,
    attachments: Vec<VolumeAttachment>,
    classes: Vec<StorageClass>,
    pods: Vec<Pod>,
}

impl Cluster {
    fn well() -> Self {
        Self {
            volumes: vec![volume("pv-1", 10_000)],
            claims: vec![claim("data", 10_000)],
            attachments: vec![attachment("csi-1", "metal1")],
            classes: vec![class("fast", false), class("lazy", true)],
            pods: Vec::new(),
        }
    }

    fn judge(&self) -> ProbeResult {
        judge_volumes(&self.reading(), now(), GRACE)
    }

    fn reading(&self) -> VolumesReading<'_> {
        VolumesReading {
            volumes: Ok(&self.volumes),
            claims: Ok(&self.claims),
            attachments: Ok(&self.attachments),
            classes: Ok(&self.classes),
            pods: Ok(self.pods.iter().collect()),
        }
    }

    /// The claim was deleted and made again so long ago, and has another volume, made so long ago.
    fn replace(&mut self, old: i64, young: i64) {
        self.volumes = vec![volume("pv-1", old), volume("pv-2", young)];
        self.volumes[0].phase = Some(VolumePhase::Released);
        self.volumes[1].claim = Some(reference("data", Some("second")));
        self.claims[0] = claim("data", young);
        self.claims[0].uid = "second".to_owned();
        self.claims[0].volume = Some("pv-2".to_owned());
        self.attachments.clear();
    }

    /// The claim has no volume yet.
    fn wait(&mut self, age: i64, class: Option<&str>) {
        self.volumes.clear();
        self.attachments.clear();
        self.claims[0] = claim("data", age);
        self.claims[0].phase = Some(ClaimPhase::Pending);
        self.claims[0].volume = None;
        self.claims[0].storage_class = class.map(str::to_owned);
    }
}

fn reference(name: &str, uid: Option<&str>) -> ClaimReference {
    ClaimReference { namespace: "db".to_owned(), name: name.to_owned(), uid: uid.map(str::to_owned) }
}

fn volume(name: &str, age: i64) -> PersistentVolume {
    PersistentVolume {
        name: name.to_owned(),
        phase: Some(VolumePhase::Bound),
        phase_since: Some(ago(age)),
        message: String::new(),
        claim: Some(reference("data", Some("first"))),
        reclaim: ReclaimPolicy::Retain,
        access_modes: vec!["ReadWriteOnce".to_owned()],
        capacity: "10Gi".to_owned(),
        provisioned: true,
        chosen: false,
        created_at: Some(ago(age)),
        deleted_at: None,
    }
}

fn claim(name: &str, age: i64) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        namespace: "db".to_owned(),
        name: name.to_owned(),
        uid: "first".to_owned(),
        phase: Some(ClaimPhase::Bound),
        volume: Some("pv-1".to_owned()),
        storage_class: Some("fast".to_owned()),
        made_for: None,
        data_source: None,
        created_at: Some(ago(age)),
        deleted_at: None,
    }
}

fn attachment(name: &str, node: &str) -> VolumeAttachment {
    VolumeAttachment {
        name: name.to_owned(),
        volume: Some("pv-1".to_owned()),
        node: node.to_owned(),
        attached: Some(true),
        attach_error: None,
        detach_error: None,
        created_at: Some(ago(9_000)),
        deleted_at: None,
    }
}

fn class(name: &str, waits_for_consumer: bool) -> StorageClass {
    StorageClass { name: name.to_owned(), waits_for_consumer }
}

/// A pod that waits for the claim `data`, made so long ago, on a node since half of that.
fn pod(age: i64, node: Option<&str>) -> Pod {
    let scheduled = Condition {
        kind: "PodScheduled".to_owned(),
        status: if node.is_some() { ConditionStatus::True } else { ConditionStatus::False },
        reason: String::new(),
        message: String::new(),
        since: Some(ago(age / 2)),
        heartbeat: None,
    };
    Pod {
        namespace: "db".to_owned(),
        name: "pg-1".to_owned(),
        phase: PodPhase::Pending,
        reason: String::new(),
        message: String::new(),
        conditions: vec![scheduled],
        node: node.map(str::to_owned),
        created_at: Some(ago(age)),
        deleted_at: None,
        owner: None,
        containers: Vec::new(),
        claims: vec!["data".to_owned()],
        labels: std::collections::BTreeMap::new(),
    }
}

fn error(message: &str) -> DriverError {
    DriverError { message: message.to_owned(), at: Some(ago(40)) }
}

type Case = (&'static str, Box<dyn Fn(&mut Cluster)>, Vec<(&'static str, Verdict)>);

fn case(
    name: &'static str,
    change: impl Fn(&mut Cluster) + 'static,
    expected: &[(&'static str, Verdict)],
) -> Case {
    (name, Box::new(change), expected.to_vec())
}

fn hold(cases: Vec<Case>) {
    for (name, change, expected) in cases {
        let mut cluster = Cluster::well();
        change(&mut cluster);
        let result = cluster.judge();
        assert_eq!(rules(&result), expected, "{name}: {:#?}", result.findings);
        let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
        assert_eq!(result.verdict, worst, "{name}");
    }
}

#[test]
fn a_list_that_was_not_read_is_unknown_and_takes_its_rules_alone_with_it() {
    let error = ClusterError::Forbidden { what: "GET it".to_owned(), said: "no".to_owned() };
    let mut cluster = Cluster::well();
    cluster.replace(10_000, 900);
    cluster.claims.push(claim("other", 900));
    (cluster.claims[1].phase, cluster.claims[1].volume) = (Some(ClaimPhase::Pending), None);
    cluster.volumes.push(volume("pv-3", 900));
    cluster.volumes[2].phase = Some(VolumePhase::Failed);
    let all = [("claim-pending", Yellow), ("lost-data", Red), ("volume-failed", Red)];
    assert_eq!(rules(&cluster.judge()), all);
    let cases: [(&str, Vec<(&str, Verdict)>); 5] = [
        ("persistentvolumes", vec![("not-read", Unknown), ("claim-pending", Yellow)]),
        ("persistentvolumeclaims", vec![("not-read", Unknown), ("volume-failed", Red)]),
        ("volumeattachments", [&[("not-read", Unknown)], &all[..]].concat()),
        // Its class may be one that waits for a pod.
        ("storageclasses", [&[("not-read", Unknown)], &all[1..]].concat()),
        ("pods", [&[("not-read", Unknown)], &all[..]].concat()),
    ];
    for (list, expected) in cases {
        let mut reading = cluster.reading();
        match list {
            "persistentvolumes" => reading.volumes = Err(&error),
            "persistentvolumeclaims" => reading.claims = Err(&error),
            "volumeattachments" => reading.attachments = Err(&error),
            "storageclasses" => reading.classes = Err(&error),
            _ => reading.pods = Err(&error),
        }
        let result = judge_volumes(&reading, now(), GRACE);
        assert_eq!(rules(&result), expected, "{list}");
        assert_eq!(result.verdict, Unknown, "{list}");
        assert!(result.findings[0].evidence.starts_with(&format!("{list}: ")), "{list}");
    }
}

#[test]
fn evidence_names_field_value_and_since_when() {
    let mut cluster = Cluster::well();
    cluster.replace(10_000, 900);
    cluster.claims[0].data_source = Some(("ReplicationDestination".to_owned(), "data-back".to_owned()));
    let result = cluster.judge();
    let lost = &result.findings[0];
    assert_eq!(lost.id.object.to_string(), "PersistentVolume pv-1");
    assert_eq!(lost.since, Some(ago(900)), "since the younger one is there");
    for part in [
        "status.phase = Released",
        "spec.claimRef = db/data",
        "the claim has pv-2",
        "ReplicationDestination data-back",
    ] {
        assert!(lost.evidence.contains(part), "{part}: {}", lost.evidence);
    }
    assert!(lost.message.contains("PersistentVolumeClaim db/data"), "{}", lost.message);
    assert_eq!(result.summary, "1 of 1 claims bound, 1 of 2 volumes bound, 1 released");

    let mut cluster = Cluster::well();
    cluster.pods = vec![pod(900, Some("metal2"))];
    let result = cluster.judge();
    let wait = &result.findings[0];
    assert_eq!(wait.id.object.to_string(), "PersistentVolumeClaim db/data");
    assert_eq!(wait.since, Some(ago(450)), "since the pod has its node");
    assert_eq!(
        wait.evidence,
        "pod pg-1 waits on node metal2, and PersistentVolume pv-1 is attached to node metal1 by VolumeAttachment csi-1"
    );
}

#[test]
fn what_only_takes_its_time_undoes_nothing() {
    let found = |rule: &str, verdict| {
        found(rule, ObjectRef::new("PersistentVolume", "", "pv-1"), verdict, "", String::new(), None)
    };
    for rule in
        ["claim-pending", "multi-attach-wait", "claim-terminating", "volume-terminating", "detach-overdue"]
    {
        assert!(found(rule, Red).is_on_its_way(), "{rule}");
    }
    for rule in ["claim-lost", "lost-data", "volume-failed", "multi-attach", "attach-failed", "detach-failed"]
    {
        assert!(!found(rule, Red).is_on_its_way(), "{rule}");
    }
}

#[test]
fn what_is_nobodys_is_counted_and_listed() {
    let mut cluster = Cluster::well();
    for number in 2..5 {
        cluster.volumes.push(volume(&format!("pv-{number}"), 900));
        let one = cluster.volumes.last_mut().expect("pushed");
        (one.phase, one.claim) =
            (Some(VolumePhase::Released), Some(reference(&format!("old-{number}"), Some("gone"))));
    }
    let result = cluster.judge();
    assert_eq!(result.verdict, Verdict::Green);
    assert_eq!(result.summary, "1 of 1 claims bound, 1 of 4 volumes bound, 3 released");
    let listed: Vec<_> =
        result.findings.iter().map(|one| (one.id.rule.as_str(), one.informational)).collect();
    assert_eq!(listed, [("volume-released", true); 3]);
    assert_eq!(
        result.findings[0].evidence,
        "status.phase = Released, spec.claimRef = db/old-2, 10Gi, is kept"
    );
}

#[test]
fn ten_thousand_volumes_are_joined_and_not_compared_with_each_other() {
    let mut cluster = Cluster::well();
    cluster.volumes.clear();
    cluster.claims.clear();
    cluster.attachments.clear();
    for number in 0..10_000 {
        let name = format!("data-{number}");
        let (old, young) = (format!("pv-{number}"), format!("pv-{number}-again"));
        let mut released = volume(&old, 10_000);
        (released.phase, released.claim) =
            (Some(VolumePhase::Released), Some(reference(&name, Some("first"))));
        let mut bound = volume(&young, 900);
        bound.claim = Some(reference(&name, Some("second")));
        let mut again = claim(&name, 900);
        (again.uid, again.volume) = ("second".to_owned(), Some(young.clone()));
        let mut here = attachment(&format!("csi-{number}"), "metal1");
        here.volume = Some(young);
        cluster.volumes.extend([released, bound]);
        cluster.claims.push(again);
        cluster.attachments.push(here);
    }
    let begun = std::time::Instant::now();
    let result = cluster.judge();
    let took = begun.elapsed();
    assert_eq!(result.findings.iter().filter(|one| one.id.rule == "lost-data").count(), 10_000);
    // Each with each would be two hundred million pairs.
    assert!(took < Duration::from_secs(5), "{took:?}");
    println!("20,000 volumes, 10,000 claims: {took:?}");
}
