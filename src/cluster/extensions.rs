//! What extends the API server itself: other servers behind it, and the webhooks that it asks before it writes.
//!
//! Each webhook is joined with the endpoints of its Service; those of the Services that webhooks name are asked for, and
//! no others.

use super::client::Kubernetes;
use super::decode::{conditions, items, object_name, parse_time, text};
use super::services::{Endpoints, SERVICE_NAME};
use super::{ClusterResult, Condition, Freshness, Installed, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// Where the `APIServices` are.
pub(super) const API_SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

/// More names of Services than this are not asked for by name: the address of a request has an end.
const NAMES: usize = 60;

/// An `APIService`: a group and version of the API, and who serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiService {
    /// Its name, such as `v1beta1.metrics.k8s.io`.
    pub(crate) name: String,
    /// The Service that serves it; none where the API server does itself.
    pub(crate) service: Option<ObjectRef>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// `Available`, where reported.
    pub(crate) available: Option<Condition>,
}

/// A `ValidatingWebhookConfiguration` or `MutatingWebhookConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookConfiguration {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// Those of its webhooks without whose answer nothing is written, and that a Service of the cluster answers.
    pub(crate) closing: Vec<Webhook>,
}

/// A webhook that fails closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// Its name.
    pub(crate) name: String,
    /// The Service that answers it.
    pub(crate) service: ObjectRef,
    /// The Service's endpoints.
    pub(crate) endpoints: Endpoints,
}

impl Kubernetes {
    /// All `APIServices`.
    pub(super) async fn read_api_services(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<ApiService>>> {
        self.all(API_SERVICES, "APIServiceList", api_service, freshness).await
    }

    /// All webhooks that fail closed, joined with the endpoints of their Services.
    pub(super) async fn read_webhooks(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Vec<WebhookConfiguration>> {
        let group = "/apis/admissionregistration.k8s.io/v1";
        let (validating, mutating) = (
            format!("{group}/validatingwebhookconfigurations"),
            format!("{group}/mutatingwebhookconfigurations"),
        );
        let (validating, mutating) = tokio::join!(
            self.all_served(
                &validating,
                "ValidatingWebhookConfigurationList",
                validating_webhooks,
                freshness
            ),
            self.all_served(&mutating, "MutatingWebhookConfigurationList", mutating_webhooks, freshness),
        );
        let mut configurations = validating?;
        configurations.extend(mutating?);
        let named: BTreeSet<&str> = configurations
            .iter()
            .flat_map(|configuration| &configuration.closing)
            .map(|webhook| webhook.service.name.as_str())
            .collect();
        if named.is_empty() {
            return Ok(configurations);
        }
        let endpoints = self.endpoints_of(&selector(&named), freshness).await?;
        for webhook in configurations.iter_mut().flat_map(|configuration| &mut configuration.closing) {
            let service = (webhook.service.namespace.clone(), webhook.service.name.clone());
            webhook.endpoints = endpoints.get(&service).copied().unwrap_or_default();
        }
        Ok(configurations)
    }
}

/// The query that asks for the slices of these Services, or of all where there are too many.
fn selector(names: &BTreeSet<&str>) -> String {
    if names.len() > NAMES {
        return String::new();
    }
    let names: Vec<&str> = names.iter().copied().collect();
    let selector = format!("{SERVICE_NAME} in ({})", names.join(","));
    let mut query = "labelSelector=".to_owned();
    query.extend(url::form_urlencoded::byte_serialize(selector.as_bytes()));
    query
}

fn api_service(object: &Value) -> Result<ApiService, String> {
    let (_, name) = object_name(object)?;
    let service = &object["spec"]["service"];
    Ok(ApiService {
        name,
        service: service
            .is_object()
            .then(|| ObjectRef::new("Service", &text(&service["namespace"]), &text(&service["name"]))),
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        available: conditions(&object["status"]).into_iter().find(|condition| condition.kind == "Available"),
    })
}

fn validating_webhooks(object: &Value) -> Result<WebhookConfiguration, String> {
    webhooks("ValidatingWebhookConfiguration", object)
}

fn mutating_webhooks(object: &Value) -> Result<WebhookConfiguration, String> {
    webhooks("MutatingWebhookConfiguration", object)
}

/// Only `Ignore` fails open, whatever other words there may be; a webhook without rules is never asked.
fn webhooks(kind: &str, object: &Value) -> Result<WebhookConfiguration, String> {
    let (_, name) = object_name(object)?;
    let closing = items(&object["webhooks"])
        .filter(|webhook| {
            webhook["failurePolicy"].as_str() != Some("Ignore") && items(&webhook["rules"]).next().is_some()
        })
        .filter_map(|webhook| {
            let service = &webhook["clientConfig"]["service"];
            service.is_object().then(|| Webhook {
                name: text(&webhook["name"]),
                service: ObjectRef::new("Service", &text(&service["namespace"]), &text(&service["name"])),
                endpoints: Endpoints::default(),
            })
        })
        .collect();
    let created_at = parse_time(&object["metadata"]["creationTimestamp"]);
    Ok(WebhookConfiguration { object: ObjectRef::new(kind, "", &name), created_at, closing })
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::*;
    use serde_json::json;

    #[test]
    fn an_api_service_is_read_with_who_serves_it() {
        let read = api_service(&json!({
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"service": {"namespace": "kube-system", "name": "metrics-server", "port": 443}},
            "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints",
                "lastTransitionTime": "2026-11-21T02:00:00Z"}]},
        }))
        .expect("an APIService");
        assert_eq!(read.service.expect("a Service").to_string(), "Service kube-system/metrics-server");
        let available = read.available.expect("reported");
        assert_eq!((available.status, available.since.is_some()), (ConditionStatus::False, true));
        let local =
            api_service(&json!({"metadata": {"name": "v1."}, "spec": {"service": null}})).expect("local");
        assert_eq!((local.service, local.available), (None, None));
    }

    #[test]
    fn only_webhooks_that_fail_closed_and_that_a_service_answers_are_kept() {
        let service = json!({"service": {"namespace": "cert-manager", "name": "cert-manager-webhook"}});
        let hook = |name: &str, policy: Value, client: &Value, rules: Value| json!({"name": name, "failurePolicy": policy, "clientConfig": client, "rules": rules});
        let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "operations": ["CREATE"]}]);
        let read = validating_webhooks(&json!({"metadata": {"name": "w"}, "webhooks": [
            hook("closed", json!("Fail"), &service, rules.clone()),
            hook("by-default", Value::Null, &service, rules.clone()),
            hook("another-word", json!("Sometimes"), &service, rules.clone()),
            hook("open", json!("Ignore"), &service, rules.clone()),
            hook("outside", json!("Fail"), &json!({"url": "https://hooks.example.org"}), rules),
            hook("never-asked", json!("Fail"), &service, json!([])),
        ]}))
        .expect("a configuration");
        assert_eq!(read.object.to_string(), "ValidatingWebhookConfiguration w");
        let names: Vec<&str> = read.closing.iter().map(|webhook| webhook.name.as_str()).collect();
        assert_eq!(names, ["closed", "by-default", "another-word"]);
        assert_eq!(read.closing[0].service.to_string(), "Service cert-manager/cert-manager-webhook");
        assert!(mutating_webhooks(&json!({"metadata": {"name": "m"}})).expect("none").closing.is_empty());
    }

    #[test]
    fn services_are_asked_for_by_name_up_to_a_limit() {
        let few = BTreeSet::from(["a", "b"]);
        assert_eq!(selector(&few), "labelSelector=kubernetes.io%2Fservice-name+in+%28a%2Cb%29");
        let names: Vec<String> = (0..=NAMES).map(|number| format!("s{number}")).collect();
        assert_eq!(selector(&names.iter().map(String::as_str).collect()), "");
    }
}
