//! What those who work on a node leave on it: who cordoned it, that it is to be started again, that it is to be taken away.

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

/// The taint that the control plane puts on a cordoned node.
const CORDONED: &str = "node.kubernetes.io/unschedulable";
/// The taint of a node that the cluster autoscaler takes away; its value is the second of that.
const TAKEN_AWAY: &str = "ToBeDeletedByClusterAutoscaler";
/// kured's mark on a node that is to be started again. It goes when that is done. `kured-most-recent-reboot-needed` never does,
/// and tells nothing of now.
const REBOOT: &str = "weave.works/kured-reboot-in-progress";

/// The marks of those who work on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeMarks {
    /// When it was cordoned, where that is told.
    pub(crate) cordoned_at: Option<Timestamp>,
    /// Who cordoned it, as the history of the node's fields names it.
    pub(crate) cordoned_by: Option<String>,
    /// That kured is to start it again.
    pub(crate) reboot: Option<Mark>,
    /// That the cluster autoscaler takes it away.
    pub(crate) taken_away: Option<Mark>,
}

/// A mark, and since when it is there, where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Since when.
    pub(crate) since: Option<Timestamp>,
}

/// The marks of a node.
pub(super) fn node_marks(node: &core::Node) -> NodeMarks {
    let spec = node.spec.as_ref();
    let taint = |key: &str| {
        spec.and_then(|spec| spec.taints.as_ref()).into_iter().flatten().find(|taint| taint.key == key)
    };
    let added = |taint: &core::Taint| taint.time_added.as_ref().map(|time| time.0);
    let cordoned = spec.and_then(|spec| spec.unschedulable) == Some(true);
    let history = cordoned.then(|| who_cordoned(node.metadata.managed_fields.as_deref())).flatten();
    let annotation = |key: &str| node.metadata.annotations.as_ref().and_then(|all| all.get(key));
    NodeMarks {
        cordoned_at: cordoned
            .then(|| {
                let told = taint(CORDONED).and_then(added);
                told.or_else(|| history.and_then(|entry| entry.time.as_ref()).map(|time| time.0))
            })
            .flatten(),
        cordoned_by: history.and_then(|entry| entry.manager.clone()).filter(|manager| !manager.is_empty()),
        reboot: annotation(REBOOT).map(|time| Mark { since: time.parse().ok() }),
        taken_away: taint(TAKEN_AWAY).map(|taint| {
            let second = taint.value.as_deref().and_then(|value| value.parse().ok());
            let told = second.and_then(|second| Timestamp::from_second(second).ok());
            Mark { since: told.or_else(|| added(taint)) }
        }),
    }
}

/// Whoever wrote `spec.unschedulable` last.
fn who_cordoned(history: Option<&[ManagedFieldsEntry]>) -> Option<&ManagedFieldsEntry> {
    let wrote = |entry: &&ManagedFieldsEntry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| fields["f:spec"].get("f:unschedulable").is_some())
    };
    history?.iter().filter(wrote).max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn marks(node: Value) -> NodeMarks {
        node_marks(&serde_json::from_value(node).expect("a node"))
    }

    fn at(time: &str) -> Timestamp {
        time.parse().expect("a time")
    }

    #[test]
    fn a_cordon_is_read_with_who_and_when() {
        let entry = |manager: &str, time: &str, fields: Value| {
            json!({"manager": manager, "time": time, "operation": "Update",
            "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
        };
        let spec = json!({"f:spec": {"f:unschedulable": {}}});
        let history = json!([
            entry("k3s", "2026-11-21T03:00:00Z", json!({"f:spec": {"f:podCIDR": {}}})),
            entry("kubectl-cordon", "2026-11-21T02:00:00Z", spec.clone()),
            entry("kured", "2026-11-21T02:30:00Z", spec),
        ]);
        let taints = json!([{"key": CORDONED, "effect": "NoSchedule", "timeAdded": "2026-11-21T02:30:01Z"}]);
        let node = |unschedulable: bool, taints: Value| {
            json!({"metadata": {"name": "metal1", "managedFields": history},
            "spec": {"unschedulable": unschedulable, "taints": taints}})
        };
        let read = marks(node(true, taints.clone()));
        assert_eq!(read.cordoned_by.as_deref(), Some("kured"));
        assert_eq!(read.cordoned_at, Some(at("2026-11-21T02:30:01Z")));
        assert_eq!(
            marks(node(true, json!([]))).cordoned_at,
            Some(at("2026-11-21T02:30:00Z")),
            "by the history alone"
        );
        assert_eq!(
            marks(node(false, taints)),
            NodeMarks::default(),
            "the taint stays a moment after the uncordon"
        );
        let unknown = marks(json!({"metadata": {"name": "metal1"}, "spec": {"unschedulable": true}}));
        assert_eq!(unknown, NodeMarks::default());
    }

    #[test]
    fn the_marks_of_kured_and_of_the_autoscaler_are_read_with_their_time() {
        let read = marks(json!({"metadata": {"name": "metal1", "annotations": {
            REBOOT: "2026-11-21T04:00:00+02:00", "weave.works/kured-most-recent-reboot-needed": "2026-11-21T04:00:00+02:00"}},
            "spec": {"taints": [{"key": TAKEN_AWAY, "value": "1795226400", "effect": "NoSchedule"}]}}));
        assert_eq!(read.reboot, Some(Mark { since: Some(at("2026-11-21T02:00:00Z")) }));
        assert_eq!(read.taken_away, Some(Mark { since: Some(at("2026-11-21T02:00:00Z")) }));
        let odd = marks(json!({"metadata": {"name": "metal1", "annotations": {REBOOT: "soon"}},
            "spec": {"taints": [{"key": TAKEN_AWAY, "effect": "NoSchedule", "timeAdded": "2026-11-21T02:00:00Z"}]}}));
        assert_eq!(odd.reboot, Some(Mark { since: None }));
        assert_eq!(odd.taken_away, Some(Mark { since: Some(at("2026-11-21T02:00:00Z")) }));
        let before = json!({"metadata": {"name": "metal1", "annotations": {
            "weave.works/kured-most-recent-reboot-needed": "2026-11-21T02:00:00Z"}}});
        assert_eq!(marks(before), NodeMarks::default(), "it says that a start was needed once");
    }
}
