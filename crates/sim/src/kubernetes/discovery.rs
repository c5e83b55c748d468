//! What the server has: versions, groups, resources, in the old form and the aggregated one.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::error::{ApiError, json_response};
use super::kind::{
    CRON_JOB, DAEMONSET, DEPLOYMENT, JOB, Kind, POD, REPLICASET, ResourceType, SERVICE, STATEFULSET,
};
use super::request::ApiRequest;

/// Kinds that are answered and never stored.
pub(crate) const REVIEWS: [Kind; 3] = [
    Kind::cluster("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    Kind::cluster("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    Kind::cluster("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"),
];

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A resource as discovery shows it.
struct Shown {
    kind: Kind,
    singular: String,
    verbs: &'static [&'static str],
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    subresources: Vec<Subresource>,
    custom: bool,
}

struct Subresource {
    name: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
}

impl From<&ResourceType> for Shown {
    fn from(of: &ResourceType) -> Self {
        let mut subresources = Vec::new();
        if of.status {
            let verbs: &[&str] = &["get", "patch", "update"];
            subresources.push(Subresource { name: "status", kind: of.kind.kind, verbs });
        }
        if of.scale {
            subresources.push(Subresource {
                name: "scale",
                kind: "Scale",
                verbs: &["get", "patch", "update"],
            });
        }
        match (of.kind.group, of.kind.plural) {
            ("", "pods") => {
                subresources.push(Subresource { name: "eviction", kind: "Eviction", verbs: &["create"] });
                let exec: &[&str] = &["create", "get"];
                subresources.push(Subresource { name: "exec", kind: "PodExecOptions", verbs: exec });
                subresources.push(Subresource { name: "log", kind: "Pod", verbs: &["get"] });
            }
            ("", "nodes") => {
                let verbs: &[&str] = &["create", "delete", "get", "patch", "update"];
                subresources.push(Subresource { name: "proxy", kind: "NodeProxyOptions", verbs });
            }
            _ => {}
        }
        subresources.sort_by_key(|s| s.name);
        Self {
            kind: of.kind,
            singular: of.singular(),
            verbs: of.verbs(),
            short_names: of.short_names,
            categories: if in_all(&of.kind) { &["all"] } else { &[] },
            subresources,
            custom: of.is_custom(),
        }
    }
}

/// What `kubectl get all` shows.
fn in_all(kind: &Kind) -> bool {
    let kinds = [POD, SERVICE, DEPLOYMENT, STATEFULSET, DAEMONSET, REPLICASET, JOB, CRON_JOB];
    kinds.contains(kind)
}

fn all(shared: &Shared) -> Vec<Shown> {
    let store = shared.store();
    let reviews = REVIEWS.iter().map(|kind| Shown {
        kind: *kind,
        singular: kind.kind.to_lowercase(),
        verbs: &["create"],
        short_names: &[],
        categories: &[],
        subresources: Vec::new(),
        custom: false,
    });
    store.types().iter().map(Shown::from).chain(reviews).collect()
}

pub(crate) fn answer(shared: &Shared, request: &ApiRequest) -> Result<Response, ApiError> {
    let path = request.target.path.trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let resources = all(shared);
    if request.target.verb != "get" {
        return Err(ApiError::method_not_allowed());
    }
    let aggregated = request.header(&header::ACCEPT).contains("as=APIGroupDiscoveryList");
    let body = match segments.as_slice() {
        ["version"] => version(),
        ["api"] if aggregated => return Ok(aggregate(request, &resources, true)),
        ["apis"] if aggregated => return Ok(aggregate(request, &resources, false)),
        ["api"] => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs":
                [{"clientCIDR": "0.0.0.0/0", "serverAddress": shared.address.to_string()}],
        }),
        ["apis"] => {
            let groups: Vec<Value> = groups(&resources)
                .into_iter()
                .filter(|g| !g.is_empty())
                .map(|g| group(&resources, g))
                .collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["apis", name] if resources.iter().any(|r| r.kind.group == *name) => {
            let mut body = group(&resources, name);
            body["kind"] = json!("APIGroup");
            body["apiVersion"] = json!("v1");
            body
        }
        ["api", version] => resource_list(&resources, "", version)?,
        ["apis", group, version] => resource_list(&resources, group, version)?,
        _ => return Err(ApiError::no_such_resource()),
    };
    Ok(json_response(StatusCode::OK, &body))
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35", "gitVersion": "v1.36.2",
        "gitCommit": "0000000000000000000000000000000000000000", "gitTreeState": "clean",
        "buildDate": "2026-06-09T00:00:00Z", "goVersion": "go1.26.8", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// Groups in the order in which they were registered, the core group first.
fn groups(resources: &[Shown]) -> Vec<&'static str> {
    let mut groups = Vec::new();
    for resource in resources {
        if !groups.contains(&resource.kind.group) {
            groups.push(resource.kind.group);
        }
    }
    groups
}

fn versions(resources: &[Shown], group: &str) -> Vec<&'static str> {
    let mut versions = Vec::new();
    for resource in resources.iter().filter(|r| r.kind.group == group) {
        if !versions.contains(&resource.kind.version) {
            versions.push(resource.kind.version);
        }
    }
    versions
}

fn group(resources: &[Shown], name: &str) -> Value {
    let versions: Vec<Value> = versions(resources, name)
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

fn resource_list(resources: &[Shown], group: &str, version: &str) -> Result<Value, ApiError> {
    let mut list = Vec::new();
    for shown in resources.iter().filter(|r| r.kind.group == group && r.kind.version == version) {
        let kind = shown.kind;
        let mut entry = json!({
            "name": kind.plural, "singularName": shown.singular, "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": shown.verbs,
        });
        if !shown.short_names.is_empty() {
            entry["shortNames"] = json!(shown.short_names);
        }
        if !shown.categories.is_empty() {
            entry["categories"] = json!(shown.categories);
        }
        let digest = Sha256::digest(format!("{group}/{version}/{}", kind.kind));
        entry["storageVersionHash"] = json!(STANDARD.encode(&digest[..8]));
        list.push(entry);
        for sub in &shown.subresources {
            list.push(json!({
                "name": format!("{}/{}", kind.plural, sub.name), "singularName": "",
                "namespaced": kind.namespaced, "kind": sub.kind, "verbs": sub.verbs,
            }));
        }
    }
    if list.is_empty() {
        return Err(ApiError::no_such_resource());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list,
    }))
}

fn aggregate(request: &ApiRequest, resources: &[Shown], core: bool) -> Response {
    let items: Vec<Value> = groups(resources)
        .into_iter()
        .filter(|group| group.is_empty() == core)
        .map(|group| {
            let versions: Vec<Value> = versions(resources, group)
                .iter()
                .map(|version| {
                    let list: Vec<Value> = resources
                        .iter()
                        .filter(|r| r.kind.group == group && r.kind.version == *version)
                        .map(aggregated_resource)
                        .collect();
                    json!({"version": version, "resources": list, "freshness": "Current"})
                })
                .collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    let tag = format!("\"{:X}\"", Digest128(&Sha256::digest(body.to_string())));
    let known = request.header(&header::IF_NONE_MATCH) == tag;
    let mut response = json_response(StatusCode::OK, &body);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
    } else {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
    }
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// A digest in upper-case hexadecimal, as the server's entity tags are.
struct Digest128<'a>(&'a [u8]);

impl std::fmt::UpperHex for Digest128<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02X}"))
    }
}

fn aggregated_resource(shown: &Shown) -> Value {
    let kind = shown.kind;
    // Only custom kinds tell their group here; the built-in ones leave it to the list.
    let response_kind = |name: &str| {
        if shown.custom {
            json!({"group": kind.group, "version": kind.version, "kind": name})
        } else {
            json!({"group": "", "version": "", "kind": name})
        }
    };
    let mut entry = json!({
        "resource": kind.plural, "responseKind": response_kind(kind.kind),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": shown.singular, "verbs": shown.verbs,
    });
    if !shown.short_names.is_empty() {
        entry["shortNames"] = json!(shown.short_names);
    }
    if !shown.categories.is_empty() {
        entry["categories"] = json!(shown.categories);
    }
    if !shown.subresources.is_empty() {
        entry["subresources"] = shown
            .subresources
            .iter()
            .map(|s| json!({"subresource": s.name, "responseKind": response_kind(s.kind), "verbs": s.verbs}))
            .collect();
    }
    entry
}
