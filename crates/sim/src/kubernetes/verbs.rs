//! Create, update, patch and delete, over what lies in the store.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::Shared;
use super::error::{ApiError, cause, json_response};
use super::kind::{Kind, NAMESPACE, POD, ResourceType};
use super::metadata::{now, text};
use super::patch::{JsonPatchError, json_patch, merge, strategic_merge};
use super::read::{get, list};
use super::request::ApiRequest;
use super::selector::Selector;
use super::store::{Deletion, Key, Part, Store, Writer};
use super::subresources::{evict, scale};
use super::validation::{FieldValidation, prune, undecodable, validate};

pub(crate) fn answer(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let verb = request.target.verb;
    let part = match request.target.subresource.as_str() {
        "" => Part::Main,
        "status" if of.status => Part::Status,
        "scale" if of.scale => return scale(shared, of, request),
        "eviction" if of.kind == POD => return evict(shared, request),
        // A custom kind without the subresource answers as if the object were missing.
        _ if of.is_custom() => return Err(ApiError::not_found(&of.kind, &request.target.name)),
        _ => return Err(ApiError::no_such_subresource()),
    };
    if of.is_read_only() && !matches!(verb, "get" | "list") {
        return Err(ApiError::method_not_allowed());
    }
    match (verb, part) {
        ("get", _) => get(shared, of, request),
        ("list", Part::Main) => list(shared, of, request),
        ("create", Part::Main) if request.target.name.is_empty() => create(shared, of, request),
        ("update", _) => update(shared, of, request, part),
        ("patch", _) => patch(shared, of, request, part),
        ("delete", Part::Main) => delete(shared, of, request),
        ("deletecollection", Part::Main) => delete_collection(shared, of, request),
        _ => Err(ApiError::method_not_allowed()),
    }
}

pub(crate) fn existing(
    store: &Store,
    of: &ResourceType,
    request: &ApiRequest,
) -> Result<Arc<Value>, ApiError> {
    store.get(&key(of, request)).ok_or_else(|| ApiError::not_found(&of.kind, &request.target.name))
}

pub(crate) fn key(of: &ResourceType, request: &ApiRequest) -> Key {
    Key::new(&of.kind, &request.target.namespace, &request.target.name)
}

pub(crate) fn dry_run(request: &ApiRequest) -> bool {
    request.query.get("dryRun") == "All"
}

/// A body as an object of the kind that the address names.
fn decode(of: &ResourceType, request: &ApiRequest) -> Result<Value, ApiError> {
    let kind = of.kind;
    if !matches!(request.content_type(), "application/json" | "") {
        return Err(ApiError::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, application/vnd.kubernetes.protobuf",
        ));
    }
    let object: Value = serde_json::from_slice(&request.body).map_err(|error| {
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             {error} ({})",
            kind.kind,
            String::from_utf8_lossy(&request.body)
        ))
    })?;
    let (given_version, given_kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
    if !given_version.is_empty() && given_version != kind.api_version() {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({given_version}) does not match the expected API version ({})",
            kind.api_version()
        )));
    }
    if !given_kind.is_empty() && given_kind != kind.kind {
        return Err(cannot_be_handled(&kind, &format!("unexpected kind \"{given_kind}\"")));
    }
    if let Some(why) = undecodable(&kind, &object) {
        return Err(cannot_be_handled(&kind, &why));
    }
    Ok(object)
}

fn cannot_be_handled(kind: &Kind, why: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: {why}",
        kind.kind, kind.version, kind.kind
    ))
}

pub(crate) fn strict_error(unknown: &[String]) -> String {
    let fields: Vec<String> = unknown.iter().map(|field| format!("unknown field \"{field}\"")).collect();
    format!("strict decoding error: {}", fields.join(", "))
}

/// Takes unknown fields out. In strict mode they are an error, whose text is returned.
fn check_fields(
    of: &ResourceType,
    request: &ApiRequest,
    object: &mut Value,
) -> Result<Result<Vec<String>, String>, ApiError> {
    let mode = FieldValidation::of(request.query.get("fieldValidation"))?;
    let unknown = prune(&of.kind, object);
    Ok(match mode {
        FieldValidation::Strict if !unknown.is_empty() => Err(strict_error(&unknown)),
        FieldValidation::Warn => Ok(unknown),
        FieldValidation::Strict | FieldValidation::Ignore => Ok(Vec::new()),
    })
}

fn with_warnings(mut response: Response, unknown: &[String]) -> Response {
    for field in unknown {
        let quoted = format!("299 - \"unknown field \\\"{field}\\\"\"");
        if let Ok(value) = HeaderValue::from_str(&quoted) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

fn create(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let mut object = decode(of, request)?;
    let unknown = match check_fields(of, request, &mut object)? {
        Ok(unknown) => unknown,
        Err(why) if of.is_custom() => return Err(ApiError::bad_request(why)),
        Err(why) => return Err(cannot_be_handled(&of.kind, &why)),
    };
    let namespace = request.target.namespace.as_str();
    let given = text(&object, "/metadata/namespace");
    if of.kind.namespaced && !given.is_empty() && given != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let mut store = shared.store();
    if of.kind.namespaced {
        let Some(home) = store.get(&Key::new(&NAMESPACE, "", namespace)) else {
            return Err(ApiError::not_found(&NAMESPACE, namespace));
        };
        if !text(&home, "/metadata/deletionTimestamp").is_empty() {
            return Err(terminating(of, request, &object));
        }
    }
    let name = match text(&object, "/metadata/name") {
        "" => text(&object, "/metadata/generateName"),
        name => name,
    };
    validate(&of.kind, name, &object)?;
    if of.kind == NAMESPACE {
        object["spec"] = json!({"finalizers": ["kubernetes"]});
    }
    let writer = Writer { by: Some(&request.who.name), dry_run: dry_run(request) };
    let created = store.create(of, namespace, object, Part::Main, writer)?;
    Ok(with_warnings(json_response(StatusCode::CREATED, &created), &unknown))
}

fn terminating(of: &ResourceType, request: &ApiRequest, object: &Value) -> ApiError {
    let (name, namespace) = (text(object, "/metadata/name"), &request.target.namespace);
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut details = json!({"name": name});
    if !of.kind.group.is_empty() {
        details["group"] = json!(of.kind.group);
    }
    details["kind"] = json!(of.kind.plural);
    details["causes"] = json!([cause(
        "NamespaceTerminating",
        &format!("namespace {namespace} is being terminated"),
        "metadata.namespace"
    )]);
    ApiError::new(403, "Forbidden", format!("{} \"{name}\" is forbidden: {why}", of.kind.qualified()))
        .with_details(details)
}

fn update(
    shared: &Shared,
    of: &ResourceType,
    request: &ApiRequest,
    part: Part,
) -> Result<Response, ApiError> {
    let mut object = decode(of, request)?;
    let unknown = match check_fields(of, request, &mut object)? {
        Ok(unknown) => unknown,
        Err(why) if of.is_custom() => return Err(ApiError::bad_request(why)),
        Err(why) => return Err(cannot_be_handled(&of.kind, &why)),
    };
    let name = &request.target.name;
    let given = text(&object, "/metadata/name");
    if given != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    let mut store = shared.store();
    existing(&store, of, request)?;
    if of.updates_conditionally() && text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(version_required(of, name));
    }
    validate(&of.kind, name, &object)?;
    let writer = Writer { by: Some(&request.who.name), dry_run: dry_run(request) };
    let updated = store.update(of, &key(of, request), object, part, writer)?;
    Ok(with_warnings(json_response(StatusCode::OK, &updated), &unknown))
}

/// Said of the resource, not of the kind, unlike other refusals of a value.
fn version_required(of: &ResourceType, name: &str) -> ApiError {
    let number = if of.is_custom() { "0x0" } else { "0" };
    let message = format!("Invalid value: {number}: must be specified for an update");
    let mut details = json!({"name": name});
    if !of.kind.group.is_empty() {
        details["group"] = json!(of.kind.group);
    }
    details["kind"] = json!(of.kind.plural);
    details["causes"] = json!([cause("FieldValueInvalid", &message, "metadata.resourceVersion")]);
    let text = format!("{} \"{name}\" is invalid: metadata.resourceVersion: {message}", of.kind.qualified());
    ApiError::new(422, "Invalid", text).with_details(details)
}

/// A patch whose result cannot be read as the kind.
fn patch_invalid(object: &Value, why: &str) -> ApiError {
    let message = format!("Invalid value: {:?}: {why}", object.to_string());
    ApiError::new(422, "Invalid", format!(" \"\" is invalid: patch: {message}"))
        .with_details(json!({"causes": [cause("FieldValueInvalid", &message, "patch")]}))
}

fn unsupported_patch(of: &ResourceType, content_type: &str) -> ApiError {
    if of.is_custom() && content_type == "application/strategic-merge-patch+json" {
        return ApiError::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: \
             application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
    }
    ApiError::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with_details(json!({}))
}

/// The three patches that are simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PatchKind {
    Merge,
    Json,
    Strategic,
}

pub(crate) fn patch_kind(of: &ResourceType, request: &ApiRequest) -> Result<PatchKind, ApiError> {
    match request.content_type() {
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/json-patch+json" => Ok(PatchKind::Json),
        "application/strategic-merge-patch+json" if !of.is_custom() => Ok(PatchKind::Strategic),
        other => Err(unsupported_patch(of, other)),
    }
}

pub(crate) fn apply_patch(kind: PatchKind, target: &mut Value, patch: &Value) -> Result<(), ApiError> {
    match kind {
        PatchKind::Merge => merge(target, patch),
        PatchKind::Strategic => strategic_merge(target, patch),
        PatchKind::Json => json_patch(target, patch).map_err(|error| match error {
            JsonPatchError::Refused => ApiError::patch_failed(),
            JsonPatchError::Malformed => ApiError::bad_request(
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
            ),
        })?,
    }
    Ok(())
}

fn patch(shared: &Shared, of: &ResourceType, request: &ApiRequest, part: Part) -> Result<Response, ApiError> {
    let patch_kind = patch_kind(of, request)?;
    let patch: Value = serde_json::from_slice(&request.body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let mut store = shared.store();
    let old = existing(&store, of, request)?;
    let mut object = (*old).clone();
    apply_patch(patch_kind, &mut object, &patch)?;
    if let Some(why) = undecodable(&of.kind, &object) {
        return Err(patch_invalid(&object, &why));
    }
    let patched = object.clone();
    let unknown = match check_fields(of, request, &mut object)? {
        Ok(unknown) => unknown,
        Err(why) => return Err(patch_invalid(&patched, &why)),
    };
    let name = &request.target.name;
    if text(&object, "/metadata/name") != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            text(&object, "/metadata/name")
        )));
    }
    validate(&of.kind, name, &object)?;
    let writer = Writer { by: Some(&request.who.name), dry_run: dry_run(request) };
    let updated = store.update(of, &key(of, request), object, part, writer)?;
    Ok(with_warnings(json_response(StatusCode::OK, &updated), &unknown))
}

/// What a client says about a deletion, in the body or in the address.
struct DeleteOptions {
    grace: Option<i64>,
    dry_run: bool,
    uid: String,
    resource_version: String,
}

impl DeleteOptions {
    fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        let body: Value = if request.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&request.body)
                .map_err(|error| ApiError::bad_request(format!("error decoding delete options: {error}")))?
        };
        let in_body = body["dryRun"].as_array().is_some_and(|all| all.iter().any(|d| d == "All"));
        Ok(Self {
            grace: body["gracePeriodSeconds"].as_i64().or_else(|| request.query.number("gracePeriodSeconds")),
            dry_run: in_body || dry_run(request),
            uid: text(&body, "/preconditions/uid").to_owned(),
            resource_version: text(&body, "/preconditions/resourceVersion").to_owned(),
        })
    }

    fn check(&self, of: &Kind, object: &Value) -> Result<(), ApiError> {
        let name = text(object, "/metadata/name");
        let refuse = |why: &str| {
            Err(ApiError::new(
                409,
                "Conflict",
                format!("Operation cannot be fulfilled on {} \"{name}\": {why}", of.kind),
            )
            .with_details(json!({"name": name, "kind": of.kind})))
        };
        let (uid, version) = (text(object, "/metadata/uid"), text(object, "/metadata/resourceVersion"));
        if !self.uid.is_empty() && self.uid != uid {
            return refuse(&format!(
                "the UID in the precondition ({}) does not match the UID in record ({uid}). The object might have \
                 been deleted and then recreated",
                self.uid
            ));
        }
        if !self.resource_version.is_empty() && self.resource_version != version {
            return refuse(&format!(
                "the ResourceVersion in the precondition ({}) does not match the ResourceVersion in record \
                 ({version}). The object might have been modified",
                self.resource_version
            ));
        }
        Ok(())
    }
}

/// How long a pod may take to end: only one that runs on a node needs time.
pub(crate) fn grace(of: &Kind, object: &Value, asked: Option<i64>) -> i64 {
    let finished = matches!(text(object, "/status/phase"), "Succeeded" | "Failed");
    if *of != POD || finished || text(object, "/spec/nodeName").is_empty() {
        return 0;
    }
    let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    asked.or(own).unwrap_or(30).max(0)
}

fn delete(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let options = DeleteOptions::of(request)?;
    let mut store = shared.store();
    let object = existing(&store, of, request)?;
    options.check(&of.kind, &object)?;
    let grace = grace(&of.kind, &object, options.grace);
    let writer = Writer { by: Some(&request.who.name), dry_run: options.dry_run };
    let key = key(of, request);
    if of.kind == NAMESPACE {
        let mut terminating = (*object).clone();
        terminating["metadata"]["deletionTimestamp"] = json!(now());
        terminating["status"]["phase"] = json!("Terminating");
        let object = store.update(of, &key, terminating, Part::All, writer)?;
        return Ok(json_response(StatusCode::OK, &object));
    }
    let body = match store.delete(&of.kind, &key, grace, writer)? {
        Deletion::Held(object) => (*object).clone(),
        // Of a pod the server always sends the object.
        Deletion::Gone(object) if of.kind == POD => {
            let mut object = (*object).clone();
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            if text(&object, "/metadata/deletionTimestamp").is_empty() {
                object["metadata"]["deletionTimestamp"] = json!(now());
            }
            object
        }
        Deletion::Gone(object) => success(&of.kind, &object),
    };
    Ok(json_response(StatusCode::OK, &body))
}

fn success(kind: &Kind, object: &Value) -> Value {
    let mut details = json!({"name": text(object, "/metadata/name")});
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    details["kind"] = json!(kind.plural);
    details["uid"] = object["metadata"]["uid"].clone();
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn delete_collection(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let options = DeleteOptions::of(request)?;
    let query = &request.query;
    let selector =
        Selector::parse(&of.kind, of.is_custom(), query.get("labelSelector"), query.get("fieldSelector"))?;
    let namespace = (!request.target.namespace.is_empty()).then_some(request.target.namespace.as_str());
    let mut store = shared.store();
    let writer = Writer { by: Some(&request.who.name), dry_run: options.dry_run };
    let objects: Vec<_> =
        store.list(&of.kind, namespace).into_iter().filter(|object| selector.matches(object)).collect();
    for object in &objects {
        let grace = grace(&of.kind, object, options.grace);
        store.delete(&of.kind, &Key::of(&of.kind, object), grace, writer)?;
    }
    let metadata = json!({"resourceVersion": store.revision().to_string()});
    let items: Vec<Value> = objects.iter().map(|object| (**object).clone()).collect();
    let body = json!({
        "kind": format!("{}List", of.kind.kind), "apiVersion": of.kind.api_version(),
        "metadata": metadata, "items": items,
    });
    Ok(json_response(StatusCode::OK, &body))
}

#[cfg(test)]
mod tests {
    use super::super::kind::APPLICATION;
    use super::*;

    #[test]
    fn application_has_no_grace() {
        assert_eq!(grace(&APPLICATION, &json!({"spec": {"nodeName": "metal1"}}), Some(5)), 0);
        assert_eq!(grace(&POD, &json!({"spec": {"nodeName": "metal1"}}), None), 30);
        assert_eq!(
            grace(&POD, &json!({"spec": {"nodeName": "metal1"}, "status": {"phase": "Failed"}}), None),
            0
        );
    }
}
