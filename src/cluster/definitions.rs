//! `CustomResourceDefinitions`, by the version of whatever brought them.

use super::client::Kubernetes;
use super::{ClusterResult, ObjectRef};
use serde_json::Value;

/// A definition whose maker wrote its version on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Which.
    pub(crate) object: ObjectRef,
    /// The names under which its maker is known.
    pub(crate) makers: Vec<String>,
    /// The maker's version.
    pub(crate) version: String,
}

impl Kubernetes {
    /// All definitions that tell their maker's version.
    pub(super) async fn read_definitions(&self) -> ClusterResult<Vec<Definition>> {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let read: Vec<Option<Definition>> = self
            .built_in(path, "CustomResourceDefinitionList", |object: Value| Ok(definition(&object)))
            .await?;
        Ok(read.into_iter().flatten().collect())
    }
}

fn definition(object: &Value) -> Option<Definition> {
    let metadata = &object["metadata"];
    let label = |name: &str| metadata["labels"][name].as_str().map(str::to_owned);
    let annotation = |name: &str| metadata["annotations"][name].as_str().map(str::to_owned);
    // Each of them by what its own releases carry.
    let (makers, version) = if let Some(version) = annotation("gateway.networking.k8s.io/bundle-version") {
        (vec!["gateway-api".to_owned()], version)
    } else if let Some(version) = annotation("operator.prometheus.io/version") {
        (vec!["prometheus-operator".to_owned()], version)
    } else {
        let makers = ["app.kubernetes.io/name", "app.kubernetes.io/part-of"].into_iter().filter_map(label);
        (makers.collect(), label("app.kubernetes.io/version")?)
    };
    let object = ObjectRef::new("CustomResourceDefinition", "", metadata["name"].as_str()?);
    Some(Definition { object, makers, version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_definition_tells_its_version_in_the_way_of_its_maker() {
        for (metadata, expected) in [
            (
                json!({"name": "a", "annotations": {"gateway.networking.k8s.io/bundle-version": "v1.3.0"}}),
                Some((vec!["gateway-api"], "v1.3.0")),
            ),
            (
                json!({"name": "a", "annotations": {"operator.prometheus.io/version": "0.85.0"}}),
                Some((vec!["prometheus-operator"], "0.85.0")),
            ),
            (
                json!({"name": "a", "labels": {"app.kubernetes.io/name": "cert-manager",
                    "app.kubernetes.io/part-of": "certs", "app.kubernetes.io/version": "v1.18.2"}}),
                Some((vec!["cert-manager", "certs"], "v1.18.2")),
            ),
            (json!({"name": "a", "labels": {"app.kubernetes.io/name": "cert-manager"}}), None),
            (json!({"labels": {"app.kubernetes.io/version": "v1"}}), None),
        ] {
            let found = definition(&json!({"metadata": metadata}));
            let told = found
                .as_ref()
                .map(|one| (one.makers.iter().map(String::as_str).collect::<Vec<_>>(), one.version.as_str()));
            assert_eq!(told, expected, "{metadata}");
        }
    }
}
