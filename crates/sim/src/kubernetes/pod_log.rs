//! What comes from a kubelet behind the server: logs, and the address of a node's proxy.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::Value;

use super::error::{ApiError, with_type};
use super::kind::{Kind, NODE, POD};
use super::metadata::text;
use super::request::ApiRequest;
use super::store::Key;
use super::{Shared, lock};

const POD_LOG_OPTIONS: Kind = Kind::namespaced("", "v1", "PodLogOptions", "");

/// Names of the containers of a pod, in their order.
fn containers(pod: &Value) -> Vec<&str> {
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .filter_map(|list| pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array))
        .flatten()
        .filter_map(|c| c["name"].as_str())
        .collect()
}

/// The container that is meant, or the server's refusal.
pub(crate) fn container<'a>(pod: &'a Value, asked: &str) -> Result<&'a str, ApiError> {
    let name = text(pod, "/metadata/name");
    let main: Vec<&str> = pod
        .pointer("/spec/containers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|c| c["name"].as_str())
        .collect();
    if asked.is_empty() {
        return match main.as_slice() {
            [only] => Ok(only),
            many => Err(ApiError::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                many.join(" ")
            ))),
        };
    }
    containers(pod)
        .into_iter()
        .find(|c| *c == asked)
        .ok_or_else(|| ApiError::bad_request(format!("container {asked} is not valid for pod {name}")))
}

/// Whether a node's kubelet answers. A node without an object is taken to be fine.
pub(crate) fn answers(shared: &Shared, node: &str) -> bool {
    let Some(node) = shared.store().get(&Key::new(&NODE, "", node)) else { return true };
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.and_then(|all| all.iter().find(|c| c["type"] == "Ready"));
    ready.is_none_or(|condition| condition["status"] != "Unknown")
}

pub(crate) fn dial_error(node: &str, path: &str) -> String {
    format!("Get \"https://{node}:10250{path}\": dial tcp {node}:10250: connect: no route to host")
}

/// `GET /nodes/<name>/proxy/stats/summary`: what was set for the node. Without that, and for any other address, the kubelet has
/// nothing there.
pub(crate) fn node_proxy(shared: &Shared, request: &ApiRequest) -> Result<Response, ApiError> {
    let name = &request.target.name;
    if shared.store().get(&Key::new(&NODE, "", name)).is_none() {
        return Err(ApiError::not_found(&NODE, name));
    }
    if !answers(shared, name) {
        let why = format!("error trying to reach service: dial tcp {name}:10250: connect: no route to host");
        return Err(ApiError::new(503, "ServiceUnavailable", why));
    }
    match lock(&shared.node_stats).get(name) {
        Some(stats) if request.parts.uri.path().ends_with("/proxy/stats/summary") => {
            Ok(axum::Json(stats.clone()).into_response())
        }
        Some(_) | None => Err(ApiError::no_such_resource()),
    }
}

pub(crate) fn answer(shared: &Shared, request: &ApiRequest) -> Result<Response, ApiError> {
    if request.target.verb != "get" {
        return Err(ApiError::method_not_allowed());
    }
    let query = &request.query;
    let (namespace, name) = (request.target.namespace.as_str(), request.target.name.as_str());
    for number in ["tailLines", "sinceSeconds", "limitBytes"] {
        let least = i64::from(number != "tailLines");
        if let Some(value) = query.number(number).filter(|v| *v < least) {
            let message = if least == 0 {
                format!("Invalid value: {value}: must be greater than or equal to 0")
            } else {
                format!("Invalid value: {value}: must be greater than 0")
            };
            return Err(ApiError::invalid(
                &POD_LOG_OPTIONS,
                name,
                &[("FieldValueInvalid", &message, number)],
            ));
        }
    }
    if !query.get("sinceSeconds").is_empty() && !query.get("sinceTime").is_empty() {
        let message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
        return Err(ApiError::invalid(&POD_LOG_OPTIONS, name, &[("FieldValueForbidden", message, "[]")]));
    }
    if !query.get("stream").is_empty() {
        let message = "Forbidden: may not be specified";
        return Err(ApiError::invalid(&POD_LOG_OPTIONS, name, &[("FieldValueForbidden", message, "stream")]));
    }
    let pod = shared
        .store()
        .get(&Key::new(&POD, namespace, name))
        .ok_or_else(|| ApiError::not_found(&POD, name))?;
    let container = container(&pod, query.get("container"))?;
    let node = text(&pod, "/spec/nodeName");
    if node.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if !answers(shared, node) {
        let path = format!("/containerLogs/{namespace}/{name}/{container}");
        return Err(ApiError::unreasoned(dial_error(node, &path)));
    }
    if query.flag("previous") {
        return Err(ApiError::bad_request(format!(
            "previous terminated container \"{container}\" in pod \"{name}\" not found"
        )));
    }
    let key = (namespace.to_owned(), name.to_owned(), container.to_owned());
    let log = lock(&shared.logs).get(&key).cloned().unwrap_or_default();
    let since = query
        .number("sinceSeconds")
        .map(|seconds| Timestamp::now() - jiff::SignedDuration::from_secs(seconds))
        .or_else(|| query.get("sinceTime").parse().ok());
    let mut lines: Vec<String> = Vec::new();
    for line in log.split_inclusive('\n') {
        let (at, rest) = stamped(line);
        if since.is_some_and(|since| at.is_some_and(|(at, _)| at < since)) {
            continue;
        }
        match at {
            Some((_, stamp)) if query.flag("timestamps") => lines.push(format!("{stamp} {rest}")),
            Some(_) | None => lines.push(rest.to_owned()),
        }
    }
    if let Some(tail) = query.number("tailLines").and_then(|n| usize::try_from(n).ok()) {
        let skip = lines.len().saturating_sub(tail);
        lines.drain(..skip);
    }
    let mut body = lines.concat().into_bytes();
    if let Some(limit) = query.number("limitBytes").and_then(|n| usize::try_from(n).ok()) {
        body.truncate(limit);
    }
    Ok(with_type(StatusCode::OK, "text/plain", body.into()))
}

/// A line may begin with the time at which it was written.
fn stamped(line: &str) -> (Option<(Timestamp, &str)>, &str) {
    if let Some((stamp, rest)) = line.split_once(' ')
        && let Ok(at) = stamp.parse::<Timestamp>()
    {
        return (Some((at, stamp)), rest);
    }
    (None, line)
}
