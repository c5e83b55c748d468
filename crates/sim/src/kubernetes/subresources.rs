//! Subresources that are more than a part of the object: scale, and the eviction of a pod.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Shared;
use super::error::{ApiError, cause, json_response};
use super::kind::{POD, POD_DISRUPTION_BUDGET, ResourceType};
use super::metadata::{now, text};
use super::request::ApiRequest;
use super::selector::label_selector_matches;
use super::store::{Key, Part, Store, Writer};
use super::validation::FieldValidation;
use super::verbs::{apply_patch, dry_run, existing, grace, key, patch_kind, strict_error};

fn scale_of(object: &Value) -> Value {
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let metadata = &object["metadata"];
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": number("/spec/replicas")},
        "status": {"replicas": number("/status/replicas"), "selector": selector.join(",")},
    })
}

pub(crate) fn scale(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let mut store = shared.store();
    let object = existing(&store, of, request)?;
    let mut scale = scale_of(&object);
    let body = || -> Result<Value, ApiError> {
        serde_json::from_slice(&request.body).map_err(|error| ApiError::bad_request(error.to_string()))
    };
    match request.target.verb {
        "get" => return Ok(json_response(StatusCode::OK, &scale)),
        "update" => scale = body()?,
        "patch" => apply_patch(patch_kind(of, request)?, &mut scale, &body()?)?,
        _ => return Err(ApiError::method_not_allowed()),
    }
    let mut scaled = (*object).clone();
    scaled["spec"]["replicas"] = scale["spec"]["replicas"].clone();
    scaled["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"].clone();
    let writer = Writer { by: Some(&request.who.name), dry_run: dry_run(request) };
    let scaled = store.update(of, &key(of, request), scaled, Part::Main, writer)?;
    Ok(json_response(StatusCode::OK, &scale_of(&scaled)))
}

/// `pods/eviction`: the disruption budget that selects the pod decides, unless the pod has ended anyway.
pub(crate) fn evict(shared: &Shared, request: &ApiRequest) -> Result<Response, ApiError> {
    if request.target.verb != "create" {
        return Err(ApiError::method_not_allowed());
    }
    let eviction: Value =
        serde_json::from_slice(&request.body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let known = ["apiVersion", "kind", "metadata", "deleteOptions"];
    let unknown: Vec<String> = eviction
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
        .filter(|field| !known.contains(&field.as_str()))
        .cloned()
        .collect();
    let strict = FieldValidation::of(request.query.get("fieldValidation"))? == FieldValidation::Strict;
    if strict && !unknown.is_empty() {
        let why = strict_error(&unknown);
        return Err(ApiError::bad_request(format!(
            "Eviction in version \"v1\" cannot be handled as a Eviction: {why}"
        )));
    }
    let (namespace, name) = (&request.target.namespace, &request.target.name);
    let mut store = shared.store();
    let key = Key::new(&POD, namespace, name);
    let pod = store.get(&key).ok_or_else(|| ApiError::not_found(&POD, name))?;
    let ended = matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed" | "Pending");
    let budgets: Vec<_> = store
        .list(&POD_DISRUPTION_BUDGET, Some(namespace))
        .into_iter()
        .filter(|budget| label_selector_matches(&budget["spec"]["selector"], &pod))
        .collect();
    let options: Vec<String> = eviction
        .pointer("/deleteOptions/dryRun")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|v| v.as_str().map(ToOwned::to_owned))
        .collect();
    let dry_run = dry_run(request) || options.iter().any(|o| o == "All");
    let writer = Writer { by: Some(&request.who.name), dry_run };
    match budgets.as_slice() {
        _ if ended => {}
        [] => {}
        [budget] => take_from_budget(&mut store, budget, writer)?,
        _ => {
            return Err(ApiError::unreasoned(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
    }
    let asked = eviction.pointer("/deleteOptions/gracePeriodSeconds").and_then(Value::as_i64);
    if let Some(of) = store.type_of(&POD).filter(|_| !ended && !dry_run) {
        let mut marked = (*pod).clone();
        let condition = json!({
            "type": "DisruptionTarget", "status": "True", "lastProbeTime": null, "lastTransitionTime": now(),
            "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
        });
        match marked.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
            Some(conditions) => conditions.push(condition),
            None => marked["status"]["conditions"] = json!([condition]),
        }
        store.update(&of, &key, marked, Part::All, writer)?;
    }
    store.delete(&POD, &key, grace(&POD, &pod, asked), writer)?;
    let body =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(json_response(StatusCode::CREATED, &body))
}

fn take_from_budget(store: &mut Store, budget: &Value, writer: Writer<'_>) -> Result<(), ApiError> {
    let number =
        |field: &str| budget.pointer(&format!("/status/{field}")).and_then(Value::as_i64).unwrap_or(0);
    let allowed = number("disruptionsAllowed");
    if allowed <= 0 {
        let why = format!(
            "The disruption budget {} needs {} healthy pods and has {} currently",
            text(budget, "/metadata/name"),
            number("desiredHealthy"),
            number("currentHealthy")
        );
        return Err(ApiError::new(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        )
        .with_details(json!({"causes": [cause("DisruptionBudget", &why, "")]})));
    }
    if let Some(of) = store.type_of(&POD_DISRUPTION_BUDGET) {
        let mut taken = budget.clone();
        taken["status"]["disruptionsAllowed"] = json!(allowed - 1);
        store.update(&of, &Key::of(&POD_DISRUPTION_BUDGET, budget), taken, Part::All, writer)?;
    }
    Ok(())
}
