//! The binder of volumes, held to the phases that a real one was seen to bring about.

use std::path::Path;

use serde_json::{Value, json};
use sim::actors::bind_volumes;
use sim::kubernetes::{Kind, Kubernetes, Options, POD, PV, PVC};

/// The recording, and a cluster in which it is played.
struct Play {
    kube: Kubernetes,
    exchanges: Vec<Value>,
}

impl Play {
    async fn start() -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings/kubernetes/volumes.json");
        let mut recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let exchanges = std::mem::take(recording["exchanges"].as_array_mut().unwrap());
        let kube = Kubernetes::start(Options::default()).await.unwrap();
        kube.namespace("db");
        Self { kube, exchanges }
    }

    fn body(&self, index: usize) -> Value {
        self.exchanges[index]["request"]["body"].clone()
    }

    /// Makes what was made.
    fn make(&self, index: usize) {
        self.put(self.body(index));
    }

    fn put(&self, mut object: Value) {
        if object["kind"] == "PersistentVolumeClaim" {
            object["metadata"]["namespace"] = json!("db");
        }
        self.kube.apply(object);
        bind_volumes(&self.kube);
    }

    /// Patches a volume as it was patched.
    fn patch(&self, index: usize, volume: &str) {
        self.kube.merge_patch(&PV, None, volume, &self.body(index)).unwrap();
    }

    fn delete(&self, kind: &Kind, name: &str) {
        assert!(self.kube.delete(kind, kind.namespaced.then_some("db"), name));
        bind_volumes(&self.kube);
    }

    fn get(&self, kind: &Kind, name: &str) -> Option<Value> {
        self.kube.get(kind, kind.namespaced.then_some("db"), name)
    }

    /// The phases are those that the recording came to.
    fn is_as_recorded(&self, index: usize) {
        bind_volumes(&self.kube);
        let recorded = &self.exchanges[index];
        let last = recorded["phases"].as_array().unwrap().last().unwrap();
        for (object, phase) in last["phases"].as_object().unwrap() {
            let (kind, name) = object.split_once('/').unwrap();
            let now = self.get(if kind == "pv" { &PV } else { &PVC }, name);
            let now = now.map_or(json!(404), |object| object["status"]["phase"].clone());
            assert_eq!(now, *phase, "{index} {object}: {}", recorded["note"]);
        }
    }

    /// A volume with a class of its own, and the claim that has it.
    fn bound(&self, volume: &str, claim: &str) {
        let class = format!("v-{volume}");
        let mut object = self.body(1);
        object["metadata"]["name"] = json!(volume);
        object["spec"]["storageClassName"] = json!(class);
        self.put(object);
        let mut object = self.body(3);
        object["metadata"]["name"] = json!(claim);
        object["spec"]["storageClassName"] = json!(class);
        self.put(object);
        assert_eq!(self.get(&PVC, claim).unwrap()["status"]["phase"], "Bound");
    }

    fn released(&self, volume: &str, claim: &str) {
        self.bound(volume, claim);
        self.delete(&PVC, claim);
        assert_eq!(self.get(&PV, volume).unwrap()["status"]["phase"], "Released");
    }
}

#[tokio::test]
async fn volumes_and_claims_come_to_the_recorded_phases() {
    let play = Play::start().await;
    play.make(1);
    play.is_as_recorded(2);
    play.make(3);
    play.is_as_recorded(4);
    play.delete(&PVC, "data");
    play.is_as_recorded(8);
    play.make(11);
    play.is_as_recorded(12);
    play.delete(&PVC, "data");
    play.patch(16, "pv-1");
    play.is_as_recorded(17);
    play.make(19);
    play.is_as_recorded(20);
    play.make(21);
    play.is_as_recorded(22);

    for (volume, claim) in
        [("pv-2", "two"), ("pv-3", "three"), ("pv-4", "four"), ("pv-5", "five"), ("pv-6", "six")]
    {
        play.released(volume, claim);
    }
    play.patch(26, "pv-2");
    play.is_as_recorded(27);
    let remove_uid = json!({"spec": {"claimRef": {"uid": null}}});
    play.kube.merge_patch(&PV, None, "pv-3", &remove_uid).unwrap();
    play.is_as_recorded(29);
    play.patch(31, "pv-4");
    play.is_as_recorded(32);
    play.patch(33, "pv-5");
    play.is_as_recorded(34);
    play.patch(35, "pv-5");
    play.is_as_recorded(36);
    play.make(37);
    play.is_as_recorded(38);
    play.make(41);
    play.is_as_recorded(42);
    play.patch(43, "pv-6");
    play.is_as_recorded(44);
    play.make(46);
    play.is_as_recorded(47);
    play.make(48);
    play.is_as_recorded(49);

    play.bound("pv-8", "eight");
    let uid = play.get(&PVC, "eight").unwrap()["metadata"]["uid"].clone();
    play.delete(&PV, "pv-8");
    let held = play.get(&PV, "pv-8").expect("a finalizer holds it");
    assert_eq!(held["status"]["phase"], "Bound");
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    play.patch(54, "pv-8");
    play.is_as_recorded(55);
    let mut again = play.body(58);
    again["spec"]["claimRef"]["uid"] = uid;
    play.put(again);
    play.is_as_recorded(59);

    play.delete(&PV, "pv-3");
    play.is_as_recorded(68);
    play.make(69);
    play.is_as_recorded(70);
    play.kube.shutdown().await;
}

#[tokio::test]
async fn a_claim_that_a_pod_uses_stays_until_the_pod_is_gone() {
    let play = Play::start().await;
    play.bound("pv-1", "data");
    play.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pg-1", "namespace": "db"},
        "spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
        "status": {"phase": "Running"}}));
    play.delete(&PVC, "data");
    let held = play.get(&PVC, "data").expect("the pod uses it");
    assert_eq!(held["status"]["phase"], "Bound");
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    play.delete(&POD, "pg-1");
    assert!(play.get(&PVC, "data").is_none());
    assert_eq!(play.get(&PV, "pv-1").unwrap()["status"]["phase"], "Released");
    play.kube.shutdown().await;
}

#[tokio::test]
async fn a_class_with_a_provisioner_gets_a_new_volume_and_the_old_one_goes_by_its_policy() {
    let play = Play::start().await;
    let claim = |play: &Play| {
        let mut object = play.body(3);
        object["spec"]["storageClassName"] = json!("ceph-block");
        play.put(object);
        play.get(&PVC, "data").unwrap()["spec"]["volumeName"].as_str().unwrap().to_owned()
    };
    let first = claim(&play);
    play.delete(&PVC, "data");
    assert!(play.get(&PV, &first).is_none(), "its policy is Delete");
    let second = claim(&play);
    let keep = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    play.kube.merge_patch(&PV, None, &second, &keep).unwrap();
    play.delete(&PVC, "data");
    let third = claim(&play);
    assert_ne!(second, third);
    assert_eq!(play.get(&PV, &second).unwrap()["status"]["phase"], "Released");
    play.kube.shutdown().await;
}
