//! Services that select pods, and the endpoints that `EndpointSlices` tell of.
//!
//! Of a slice only counts are kept, and the name of one pod that answers. A Service without a selector, and one of the type `ExternalName`, gets no endpoints from
//! the cluster and is left out here.

use super::client::Kubernetes;
use super::decode::{items, object_name, parse_time, text};
use super::{ClusterResult, Freshness, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The label of an `EndpointSlice` that names its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Where slices are, and what a list of them calls itself.
const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
const SLICE_LIST: &str = "EndpointSliceList";
/// When what an `EndpointSlice` was made from changed last.
const CHANGED: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// A Service that selects pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// The labels of the pods that it selects; never none.
    pub(crate) selector: BTreeMap<String, String>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// Its endpoints; none where there is not even an empty slice.
    pub(crate) endpoints: Option<Endpoints>,
    /// A pod that takes requests for it, the first by its name of those that lead the slices.
    pub(crate) answered_by: Option<String>,
}

/// The endpoints of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Endpoints {
    /// How many take requests.
    pub(crate) ready: usize,
    /// How many there are.
    pub(crate) all: usize,
    /// When they changed last: the newest of what their slices tell. None where there is no slice, which the API server makes
    /// for every Service that selects pods.
    pub(crate) changed_at: Option<Timestamp>,
}

/// What a slice tells of a Service.
#[derive(Debug, Clone)]
struct Slice {
    /// Namespace and name of the Service.
    service: (String, String),
    endpoints: Endpoints,
    /// The first pod that takes requests.
    answered_by: Option<String>,
}

/// Endpoints by namespace and Service.
pub(super) type EndpointsByService = BTreeMap<(String, String), Endpoints>;

impl Kubernetes {
    /// All Services that select pods, with their endpoints.
    pub(super) async fn read_services(&self, freshness: Freshness) -> ClusterResult<Vec<Service>> {
        let (services, slices) = tokio::join!(
            self.all_served("/api/v1/services", "ServiceList", service, freshness),
            self.all_served(SLICES, SLICE_LIST, slice, freshness),
        );
        let slices = slices?;
        let mut services: Vec<Service> = services?.into_iter().flatten().collect();
        let (endpoints, mut answering) = (counted(&slices), answering(&slices));
        for service in &mut services {
            let key = (service.object.namespace.clone(), service.object.name.clone());
            service.endpoints = endpoints.get(&key).copied();
            service.answered_by = answering.remove(&key);
        }
        Ok(services)
    }

    /// The endpoints of the Services whose slices a query asks for, or of more.
    pub(super) async fn endpoints_of(
        &self,
        query: &str,
        freshness: Freshness,
    ) -> ClusterResult<EndpointsByService> {
        if let Some(slices) = self.watched::<Slice>(SLICES, freshness).await {
            return Ok(counted(&slices));
        }
        let take = |all: &mut Vec<Slice>, object: Value| {
            all.push(slice(&object)?);
            Ok(())
        };
        Ok(counted(&self.connection().gather(SLICES, query, SLICE_LIST, Vec::new, take).await?.taken))
    }
}

/// Counts the endpoints of all slices of a Service.
fn counted(slices: &[Slice]) -> EndpointsByService {
    let mut all = EndpointsByService::new();
    for slice in slices {
        let of_service = all.entry(slice.service.clone()).or_default();
        of_service.ready += slice.endpoints.ready;
        of_service.all += slice.endpoints.all;
        of_service.changed_at = of_service.changed_at.max(slice.endpoints.changed_at);
    }
    all
}

/// A pod that takes requests for each Service.
fn answering(slices: &[Slice]) -> BTreeMap<(String, String), String> {
    let mut all = BTreeMap::<(String, String), String>::new();
    for slice in slices {
        let Some(pod) = &slice.answered_by else { continue };
        let known = all.entry(slice.service.clone()).or_insert_with(|| pod.clone());
        if pod < known {
            known.clone_from(pod);
        }
    }
    all
}

/// A Service; none of one that selects no pods, or that is being deleted.
fn service(object: &Value) -> Result<Option<Service>, String> {
    let (namespace, name) = object_name(object)?;
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    let selector: BTreeMap<String, String> = spec["selector"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect();
    let leaves = metadata["deletionTimestamp"].is_string();
    if selector.is_empty() || leaves || spec["type"].as_str() == Some("ExternalName") {
        return Ok(None);
    }
    Ok(Some(Service {
        object: ObjectRef::new("Service", &namespace, &name),
        selector,
        created_at: parse_time(&metadata["creationTimestamp"]),
        endpoints: None,
        answered_by: None,
    }))
}

/// What a slice tells. Without a word on it an endpoint is ready, as the API defines it.
fn slice(object: &Value) -> Result<Slice, String> {
    let (namespace, _) = object_name(object)?;
    let metadata = &object["metadata"];
    let mut endpoints = Endpoints { changed_at: slice_changed_at(metadata), ..Endpoints::default() };
    let mut answered_by = None;
    for endpoint in items(&object["endpoints"]) {
        endpoints.all += 1;
        if endpoint["conditions"]["ready"].as_bool() == Some(false) {
            continue;
        }
        endpoints.ready += 1;
        let target = &endpoint["targetRef"];
        if answered_by.is_none() && target["kind"] == "Pod" {
            answered_by = target["name"].as_str().map(str::to_owned);
        }
    }
    Ok(Slice { service: (namespace, text(&metadata["labels"][SERVICE_NAME])), endpoints, answered_by })
}

/// When a slice changed last. The annotation tells of pods that came or changed, and is taken away when one goes; who wrote
/// the slice last, and when it was made, is always told.
fn slice_changed_at(metadata: &Value) -> Option<Timestamp> {
    let written = items(&metadata["managedFields"]).filter_map(|field| parse_time(&field["time"]));
    let told = [&metadata["annotations"][CHANGED], &metadata["creationTimestamp"]];
    told.into_iter().filter_map(parse_time).chain(written).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn endpoints_are_counted_over_all_slices_of_a_service() {
        let made = |name: &str, changed: &str, ready: &[Value]| {
            let endpoints: Vec<Value> = ready
                .iter()
                .map(|ready| json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}))
                .collect();
            json!({"metadata": {"name": name, "namespace": "a", "labels": {SERVICE_NAME: "s"},
                "annotations": {CHANGED: changed}}, "endpoints": endpoints})
        };
        let slices: Vec<Slice> = [
            made("s-1", "2026-11-21T02:00:00Z", &[json!(true), json!(false)]),
            made("s-2", "2026-11-21T03:00:00.123456789Z", &[Value::Null]),
            json!({"metadata": {"name": "o", "namespace": "b", "labels": {SERVICE_NAME: "s"}}, "endpoints": null}),
        ]
        .iter()
        .map(|written| slice(written).expect("readable"))
        .collect();
        let all = counted(&slices);
        let of = |namespace: &str| all[&(namespace.to_owned(), "s".to_owned())];
        assert_eq!((of("a").ready, of("a").all), (2, 3));
        assert_eq!(of("a").changed_at, "2026-11-21T03:00:00.123456789Z".parse().ok());
        assert_eq!(of("b"), Endpoints::default());
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let without = json!({"creationTimestamp": "2026-11-01T00:00:00Z", "managedFields": [
            {"manager": "kube-controller-manager", "time": "2026-11-21T04:00:00Z"}, {"manager": "kubectl"}]});
        assert_eq!(
            slice_changed_at(&without),
            time("2026-11-21T04:00:00Z"),
            "the annotation went with a pod"
        );
        let made = json!({"creationTimestamp": "2026-11-01T00:00:00Z"});
        assert_eq!(slice_changed_at(&made), time("2026-11-01T00:00:00Z"));
        assert!(slice(&json!({"metadata": {}})).is_err());
    }

    #[test]
    fn a_pod_that_takes_requests_is_named() {
        let made = |name: &str, endpoints: Value| {
            let metadata = json!({"name": name, "namespace": "a", "labels": {SERVICE_NAME: "s"}});
            slice(&json!({"metadata": metadata, "endpoints": endpoints})).expect("readable")
        };
        let pod = |name: &str, ready: bool| json!({"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}});
        let other = json!({"targetRef": {"kind": "Node", "name": "metal1"}});
        let named = |slices: &[Slice]| answering(slices).into_values().collect::<Vec<_>>();
        let (first, second) = (
            made("s-1", json!([pod("c", false), other, pod("b", true)])),
            made("s-2", json!([pod("a", true)])),
        );
        assert_eq!(named(std::slice::from_ref(&first)), ["b"]);
        assert_eq!(named(&[first.clone(), second.clone()]), ["a"]);
        assert_eq!(named(&[second, first]), ["a"], "in whatever order");
        assert_eq!(named(&[made("s-3", json!([pod("c", false)]))]), [""; 0]);
    }

    #[test]
    fn only_services_that_select_pods_are_kept() {
        let read = |spec: Value| service(&json!({"metadata": {"namespace": "a", "name": "s"}, "spec": spec}));
        let selector = json!({"app": "shop"});
        let kept = read(json!({"type": "ClusterIP", "selector": selector})).expect("readable").expect("kept");
        assert_eq!(kept.object.to_string(), "Service a/s");
        assert_eq!(kept.selector["app"], "shop");
        assert!(read(json!({"clusterIP": "None", "selector": selector})).expect("readable").is_some());
        for spec in [
            json!({"type": "ClusterIP"}),
            json!({"selector": {}}),
            json!({"clusterIP": "None"}),
            json!({"type": "ExternalName", "externalName": "db.example.org", "selector": selector}),
        ] {
            assert_eq!(read(spec.clone()), Ok(None), "{spec}");
        }
        let leaving = json!({"metadata": {"name": "s", "deletionTimestamp": "2026-11-21T02:00:00Z"},
            "spec": {"selector": selector}});
        assert_eq!(service(&leaving), Ok(None));
        assert!(service(&json!({"metadata": {}, "spec": {"selector": selector}})).is_err());
    }
}
