//! Pods that keep a `StatefulSet` from going back.
//!
//! A `StatefulSet` with ordered pods waits for a pod to get ready before it replaces any, even where the pod is of a revision
//! that nobody wants any more: after a revert it waits for ever (kubernetes/kubernetes#67250). Decided here: only a pod that
//! never got ready stands in the way; one that served is the controller's to end.

use super::client::Kubernetes;
use super::decode::{conditions, object_name, parse_time};
use super::request::Write;
use super::{ClusterError, ClusterLease, ClusterResult, ConditionStatus, ObjectRef};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The label of the revision of a pod.
const REVISION: &str = "controller-revision-hash";

/// A condition that is as old as the start of its pod, but for so much, was never True: the kubelet writes it first then.
const FIRST_WORD: SignedDuration = SignedDuration::from_secs(10);

/// A pod of a revision that is not wanted any more, for which its `StatefulSet` waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockingPod {
    /// Which.
    pub(crate) object: ObjectRef,
    /// Its identity.
    pub(crate) uid: String,
    /// Its `StatefulSet`.
    pub(crate) set: ObjectRef,
    /// As it was read.
    resource_version: String,
}

impl BlockingPod {
    /// One for tests of what goes by it.
    #[cfg(test)]
    pub(crate) fn for_test(object: ObjectRef, set: ObjectRef, uid: &str) -> Self {
        Self { object, uid: uid.to_owned(), set, resource_version: "1".to_owned() }
    }
}

impl Kubernetes {
    /// The pods that keep these `StatefulSets` from their newest revision.
    pub(super) async fn read_blocking_pods(&self, sets: &[ObjectRef]) -> ClusterResult<Vec<BlockingPod>> {
        let mut blocking = Vec::new();
        for set in sets {
            let namespace = &set.namespace;
            let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
            let query = format!("fieldSelector=metadata.name%3D{}", set.name);
            let found: Vec<Value> = self.connection().list(&path, &query, "StatefulSetList").await?;
            let Some(wanted) = found.first().and_then(ordered_revision) else { continue };
            let path = format!("/api/v1/namespaces/{namespace}/pods");
            let query = format!("labelSelector={REVISION}");
            let pods: Vec<Value> = self.connection().list(&path, &query, "PodList").await?;
            blocking.extend(pods.iter().filter_map(|pod| blocks(pod, set, wanted)));
        }
        Ok(blocking)
    }

    /// Deletes such a pod, if it is still as it was read.
    pub(super) async fn end_blocking_pod(
        &self,
        lease: &ClusterLease,
        pod: &BlockingPod,
    ) -> ClusterResult<()> {
        let ObjectRef { namespace, name, .. } = &pod.object;
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        if !lease.holds_for(self.settings().request_timeout()) {
            return Err(ClusterError::LeaseTooShort { what: format!("DELETE {path}") });
        }
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": {"uid": pod.uid, "resourceVersion": pod.resource_version}});
        match self.connection().write(Write::Delete, &path, &options).await {
            Ok(_) | Err(ClusterError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The revision to which an ordered `StatefulSet` is to go back; none where its pods are replaced whatever the others do, and none
/// while it goes on to another: after a revert both of its revisions are the one that it never left as a whole.
fn ordered_revision(set: &Value) -> Option<&str> {
    let parallel = set["spec"]["podManagementPolicy"] == "Parallel";
    let by_hand = set["spec"]["updateStrategy"]["type"] == "OnDelete";
    let seen = set["status"]["observedGeneration"].as_i64() == set["metadata"]["generation"].as_i64();
    let status = &set["status"];
    if parallel || by_hand || !seen || status["updateRevision"] != status["currentRevision"] {
        return None;
    }
    status["updateRevision"].as_str().filter(|revision| !revision.is_empty())
}

fn blocks(pod: &Value, set: &ObjectRef, wanted: &str) -> Option<BlockingPod> {
    let (namespace, name) = object_name(pod).ok()?;
    let metadata = &pod["metadata"];
    let mut owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let is_of_set = owners.any(|owner| {
        owner["controller"] == true && owner["kind"] == "StatefulSet" && owner["name"] == set.name
    });
    let old = metadata["labels"][REVISION].as_str().is_some_and(|revision| revision != wanted);
    let going = !metadata["deletionTimestamp"].is_null();
    if !is_of_set || !old || going || !never_ready(pod) {
        return None;
    }
    Some(BlockingPod {
        object: ObjectRef::new("Pod", &namespace, &name),
        uid: metadata["uid"].as_str()?.to_owned(),
        set: set.clone(),
        resource_version: metadata["resourceVersion"].as_str()?.to_owned(),
    })
}

/// Whether a pod has never been ready, as far as it tells: what it does not tell counts as ready once.
fn never_ready(pod: &Value) -> bool {
    let status = &pod["status"];
    let Some(ready) = conditions(status).into_iter().find(|condition| condition.kind == "Ready") else {
        // A pod that no node has taken has no such condition.
        return status["phase"] == "Pending" && pod["spec"]["nodeName"].is_null();
    };
    let begun =
        parse_time(&status["startTime"]).or_else(|| parse_time(&pod["metadata"]["creationTimestamp"]));
    let (Some(since), Some(begun)) = (ready.since, begun) else { return false };
    ready.status == ConditionStatus::False && since.duration_since(begun) <= FIRST_WORD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Value {
        json!({"metadata": {"name": "db", "namespace": "web", "generation": 3},
            "spec": {}, "status": {"observedGeneration": 3, "updateRevision": "db-good", "currentRevision": "db-good"}})
    }

    fn pod() -> Value {
        json!({"metadata": {"name": "db-1", "namespace": "web", "uid": "u1", "resourceVersion": "7",
                "creationTimestamp": "2026-11-21T12:00:00Z", "labels": {REVISION: "db-bad"},
                "ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": true}]},
            "spec": {"nodeName": "metal1"},
            "status": {"phase": "Running", "startTime": "2026-11-21T12:00:02Z",
                "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-21T12:00:03Z"}]}})
    }

    #[test]
    fn only_a_pod_of_an_old_revision_that_never_got_ready_stands_in_the_way() {
        type Case = (&'static str, fn(&mut Value), bool);
        let cases: [Case; 11] = [
            ("as above", |_| {}, true),
            (
                "of the revision that is wanted",
                |pod| pod["metadata"]["labels"][REVISION] = json!("db-good"),
                false,
            ),
            ("of none", |pod| pod["metadata"]["labels"] = json!({}), false),
            ("of another set", |pod| pod["metadata"]["ownerReferences"][0]["name"] = json!("db2"), false),
            (
                "of a ReplicaSet",
                |pod| pod["metadata"]["ownerReferences"][0]["kind"] = json!("ReplicaSet"),
                false,
            ),
            ("going", |pod| pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:09Z"), false),
            ("ready", |pod| pod["status"]["conditions"][0]["status"] = json!("True"), false),
            (
                "ready once",
                |pod| pod["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-11-21T12:05:00Z"),
                false,
            ),
            ("says nothing", |pod| pod["status"]["conditions"] = json!([]), false),
            (
                "no node has taken it",
                |pod| {
                    pod["status"] = json!({"phase": "Pending"});
                    pod["spec"] = json!({});
                },
                true,
            ),
            (
                "nobody knows since when",
                |pod| {
                    pod["status"]["conditions"][0]["lastTransitionTime"] = Value::Null;
                },
                false,
            ),
        ];
        let db = ObjectRef::new("StatefulSet", "web", "db");
        for (name, change, expected) in cases {
            let mut pod = pod();
            change(&mut pod);
            assert_eq!(blocks(&pod, &db, "db-good").is_some(), expected, "{name}");
        }
    }

    #[test]
    fn only_an_ordered_set_waits() {
        type Case = (&'static str, fn(&mut Value), Option<&'static str>);
        let cases: [Case; 6] = [
            ("as above", |_| {}, Some("db-good")),
            ("on its way to another", |set| set["status"]["updateRevision"] = json!("db-bad"), None),
            ("parallel", |set| set["spec"]["podManagementPolicy"] = json!("Parallel"), None),
            ("replaced by hand", |set| set["spec"]["updateStrategy"] = json!({"type": "OnDelete"}), None),
            ("not seen yet", |set| set["status"]["observedGeneration"] = json!(2), None),
            ("no revision", |set| set["status"]["updateRevision"] = Value::Null, None),
        ];
        for (name, change, expected) in cases {
            let mut set = set();
            change(&mut set);
            assert_eq!(ordered_revision(&set), expected, "{name}");
        }
    }
}
