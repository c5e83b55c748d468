//! `PodDisruptionBudgets`: how many pods may be taken away on purpose at once.

use super::client::Kubernetes;
use super::decode::{conditions, object_name, parse_time, text};
use super::{ClusterResult, Condition, Freshness, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// A `PodDisruptionBudget`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisruptionBudget {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// The labels of the pods that it selects; none where it says more than that, or nothing.
    pub(crate) selector: Option<BTreeMap<String, String>>,
    /// What it demands: `minAvailable = 1`.
    pub(crate) demand: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// The version of its spec.
    pub(crate) generation: i64,
    /// The version its controller has seen, and what it counted there; none where it has said nothing.
    pub(crate) counted: Option<BudgetCount>,
    /// `DisruptionAllowed`, where reported.
    pub(crate) allows: Option<Condition>,
}

/// What the controller of a budget counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetCount {
    /// The version of the spec that it belongs to.
    pub(crate) generation: i64,
    /// How many pods may be evicted now.
    pub(crate) allowed: i64,
    /// How many there should be.
    pub(crate) expected: i64,
    /// How many are healthy.
    pub(crate) healthy: i64,
    /// How many have to be.
    pub(crate) desired: i64,
    /// How many were evicted and are not gone yet.
    pub(crate) evicted: usize,
}

impl Kubernetes {
    /// All `PodDisruptionBudgets` of all namespaces.
    pub(super) async fn read_budgets(&self, freshness: Freshness) -> ClusterResult<Vec<DisruptionBudget>> {
        let path = "/apis/policy/v1/poddisruptionbudgets";
        self.all_served(path, "PodDisruptionBudgetList", budget, freshness).await
    }
}

/// The labels of a selector that names nothing else.
fn labels_alone(selector: &Value) -> Option<BTreeMap<String, String>> {
    if selector["matchExpressions"].as_array().is_some_and(|all| !all.is_empty()) {
        return None;
    }
    let labels = selector["matchLabels"].as_object()?;
    Some(labels.iter().map(|(key, value)| (key.clone(), text(value))).collect())
}

fn budget(object: &Value) -> Result<DisruptionBudget, String> {
    let (namespace, name) = object_name(object)?;
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let demand = ["minAvailable", "maxUnavailable"]
        .into_iter()
        .find_map(|field| match &spec[field] {
            Value::String(share) => Some(format!("{field} = {share}")),
            Value::Number(count) => Some(format!("{field} = {count}")),
            _ => None,
        })
        .unwrap_or_else(|| "neither minAvailable nor maxUnavailable".to_owned());
    Ok(DisruptionBudget {
        object: ObjectRef::new("PodDisruptionBudget", &namespace, &name),
        selector: labels_alone(&spec["selector"]),
        demand,
        created_at: parse_time(&metadata["creationTimestamp"]),
        generation: metadata["generation"].as_i64().unwrap_or(0),
        counted: count(status),
        allows: conditions(status).into_iter().find(|condition| condition.kind == "DisruptionAllowed"),
    })
}

/// The counts, where all of them are there.
fn count(status: &Value) -> Option<BudgetCount> {
    let number = |field: &str| status[field].as_i64();
    Some(BudgetCount {
        generation: number("observedGeneration")?,
        allowed: number("disruptionsAllowed")?,
        expected: number("expectedPods")?,
        healthy: number("currentHealthy")?,
        desired: number("desiredHealthy")?,
        evicted: status["disruptedPods"].as_object().map_or(0, serde_json::Map::len),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_budget_is_read_with_its_counts_or_without_where_one_is_missing() {
        let written = json!({
            "metadata": {"namespace": "db", "name": "pg-primary", "generation": 2},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"cnpg.io/cluster": "pg"}}},
            "status": {"observedGeneration": 2, "disruptionsAllowed": 0, "expectedPods": 1, "currentHealthy": 1,
                "desiredHealthy": 1, "disruptedPods": {"pg-1": "2026-11-21T02:00:00Z"},
                "conditions": [{"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods"}]},
        });
        let read = budget(&written).expect("a budget");
        assert_eq!((read.demand.as_str(), read.generation), ("minAvailable = 1", 2));
        assert_eq!(
            read.counted,
            Some(BudgetCount { generation: 2, allowed: 0, expected: 1, healthy: 1, desired: 1, evicted: 1 })
        );
        assert_eq!(read.allows.expect("reported").reason, "InsufficientPods");
        for field in
            ["observedGeneration", "disruptionsAllowed", "expectedPods", "currentHealthy", "desiredHealthy"]
        {
            let mut written = written.clone();
            written["status"].as_object_mut().expect("an object").remove(field);
            assert_eq!(budget(&written).expect("a budget").counted, None, "{field}");
        }
        let share = json!({"metadata": {"name": "b"}, "spec": {"maxUnavailable": "25%"}});
        assert_eq!(budget(&share).expect("a budget").demand, "maxUnavailable = 25%");
    }
}
