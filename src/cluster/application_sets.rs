//! Argo CD `ApplicationSets`, read.

use super::client::Kubernetes;
use super::decode::{conditions, object_name, parse_time};
use super::{ClusterResult, Condition, Freshness, Installed, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;

/// What makes Applications from a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApplicationSet {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
}

impl ApplicationSet {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("ApplicationSet", &self.namespace, &self.name)
    }
}

impl Kubernetes {
    /// All of them.
    pub(super) async fn read_application_sets(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<ApplicationSet>>> {
        let path = "/apis/argoproj.io/v1alpha1/applicationsets";
        self.all(path, "ApplicationSetList", application_set, freshness).await
    }
}

fn application_set(object: &Value) -> Result<ApplicationSet, String> {
    let (namespace, name) = object_name(object)?;
    Ok(ApplicationSet {
        namespace,
        name,
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        conditions: conditions(&object["status"]),
    })
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_is_read_with_its_conditions() {
        let read = application_set(&json!({
            "metadata": {"namespace": "argocd", "name": "apps", "creationTimestamp": "2026-11-21T02:00:00Z"},
            "status": {"conditions": [
                {"type": "ErrorOccurred", "status": "True", "reason": "ApplicationParamsGenerationError",
                    "message": "received 404", "lastTransitionTime": "2026-11-21T02:00:00Z"},
                {"type": "ResourcesUpToDate", "status": "False", "reason": "ErrorOccurred", "message": "received 404"},
            ]},
        }))
        .expect("a set");
        assert_eq!(read.object().to_string(), "ApplicationSet argocd/apps");
        assert_eq!(read.conditions[0].status, ConditionStatus::True);
        assert!(read.created_at.is_some() && read.conditions[0].since.is_some());
        assert!(application_set(&json!({})).is_err());
    }
}
