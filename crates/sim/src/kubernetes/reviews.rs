//! Reviews: may I, what may I, who am I. They are answered from the same rules that requests are held to.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::Shared;
use super::discovery::REVIEWS;
use super::error::{ApiError, json_response};
use super::faults::RequestFacts;
use super::metadata::{now, text};
use super::rbac::{self, Wish};
use super::request::ApiRequest;

/// `None` when the request is about something else.
pub(crate) fn answer(shared: &Shared, request: &ApiRequest) -> Option<Result<Response, ApiError>> {
    let target = &request.target;
    let kind = REVIEWS.iter().find(|kind| {
        kind.group == target.group && kind.version == target.version && kind.plural == target.resource
    })?;
    if target.verb != "create" {
        return Some(Err(ApiError::method_not_allowed()));
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        let body = String::from_utf8_lossy(&request.body);
        return Some(Err(ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             invalid JSON ({body})",
            kind.kind
        ))));
    };
    let answer = match kind.kind {
        "SelfSubjectAccessReview" => access(shared, request, &body),
        "SelfSubjectRulesReview" => rules(shared, request, &body),
        _ => Ok(who(request)),
    };
    Some(answer.map(|(spec, status)| {
        let mut review = json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": {}});
        if let Some(spec) = spec {
            review["spec"] = spec;
        } else {
            review["metadata"]["creationTimestamp"] = json!(now());
        }
        review["status"] = status;
        json_response(StatusCode::CREATED, &review)
    }))
}

type Answered = (Option<Value>, Value);

fn access(shared: &Shared, request: &ApiRequest, body: &Value) -> Result<Answered, ApiError> {
    let store = shared.store();
    let spec = &body["spec"];
    let field = |of: &'static str, name: &str| text(spec, &format!("/{of}/{name}")).to_owned();
    let (decision, forbidden) = if spec.get("resourceAttributes").is_some_and(Value::is_object) {
        let of = "resourceAttributes";
        let [verb, group, resource, subresource, namespace, name] =
            ["verb", "group", "resource", "subresource", "namespace", "name"].map(|n| field(of, n));
        let wish = Wish::Resource {
            verb: &verb,
            group: &group,
            resource: &resource,
            subresource: &subresource,
            namespace: &namespace,
            name: &name,
        };
        let full =
            if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
        let facts = RequestFacts {
            verb: &verb,
            resource: &full,
            group: &group,
            namespace: &namespace,
            name: &name,
            user: &request.who.name,
        };
        (rbac::decide(&store, &request.who, wish), shared.faults.forbids(&facts))
    } else if spec.get("nonResourceAttributes").is_some_and(Value::is_object) {
        let [verb, path] = ["verb", "path"].map(|n| field("nonResourceAttributes", n));
        (rbac::decide(&store, &request.who, Wish::Path { verb: &verb, path: &path }), false)
    } else {
        return Err(ApiError::invalid(
            &REVIEWS[0],
            "",
            &[(
                "FieldValueInvalid",
                "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified",
                "spec.resourceAttributes",
            )],
        ));
    };
    let allowed = decision.allowed && !forbidden;
    let mut status = json!({ "allowed": allowed });
    if allowed && !decision.reason.is_empty() {
        status["reason"] = json!(decision.reason);
    }
    Ok((Some(without_empty(spec)), status))
}

/// Empty strings are not sent back.
fn without_empty(spec: &Value) -> Value {
    let Value::Object(map) = spec else { return spec.clone() };
    let kept: Map<String, Value> = map
        .iter()
        .filter(|(_, value)| value.as_str() != Some(""))
        .map(|(name, value)| (name.clone(), without_empty(value)))
        .collect();
    Value::Object(kept)
}

fn rules(shared: &Shared, request: &ApiRequest, body: &Value) -> Result<Answered, ApiError> {
    let namespace = text(body, "/spec/namespace");
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let (resources, paths) = rbac::rules_of(&shared.store(), &request.who, namespace);
    Ok((Some(json!({})), json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})))
}

fn who(request: &ApiRequest) -> Answered {
    let name = &request.who.name;
    let user = json!({"username": name, "uid": format!("{name}-uid"), "groups": request.who.groups});
    (None, json!({ "userInfo": user }))
}
