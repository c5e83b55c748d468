//! Get, list, create, update, patch and delete, over what lies in the store.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Shared;
use super::error::{ApiError, cause, json_response};
use super::kind::{Kind, NAMESPACE, POD, POD_DISRUPTION_BUDGET, ResourceType};
use super::patch::{JsonPatchError, json_patch, merge, strategic_merge};
use super::request::ApiRequest;
use super::selector::{Selector, label_selector_matches};
use super::store::{Deletion, Key, Part, Store, Writer, now, text};
use super::validation::{FieldValidation, prune, undecodable, validate};

const EXPIRED_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. You \
    can start a new list without the continue parameter, or use the continue token in this response to retrieve the \
    remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
    created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

pub(crate) fn answer(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let verb = request.target.verb;
    let part = match request.target.subresource.as_str() {
        "" => Part::Main,
        "status" if of.status => Part::Status,
        "scale" if of.scale => return scale(shared, of, request),
        "eviction" if of.kind == POD => return evict(shared, request),
        // A custom kind without the subresource answers as if the object were missing.
        _ if of.custom => return Err(ApiError::not_found(&of.kind, &request.target.name)),
        _ => return Err(ApiError::no_such_subresource()),
    };
    if of.read_only && !matches!(verb, "get" | "list") {
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

/// In which form the client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Full,
    MetadataOnly,
}

fn form(request: &ApiRequest) -> Result<Form, ApiError> {
    let accept = request.header(header::ACCEPT);
    if accept.is_empty() {
        return Ok(Form::Full);
    }
    for offer in accept.split(',').map(str::trim) {
        if offer.contains("as=PartialObjectMetadata") && offer.starts_with("application/json") {
            return Ok(Form::MetadataOnly);
        }
        let plain = offer.split(';').next().unwrap_or_default().trim();
        if !offer.contains("as=") && matches!(plain, "application/json" | "application/*" | "*/*") {
            return Ok(Form::Full);
        }
    }
    Err(ApiError::new(
        406,
        "NotAcceptable",
        "406: Not Acceptable\n\nAvailable representations: application/json",
    )
    .with_details(json!({})))
}

fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn get(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let form = form(request)?;
    let object = existing(&shared.store(), of, request)?;
    let body = match form {
        Form::Full => shown(of, &object),
        Form::MetadataOnly => metadata_only(&object),
    };
    Ok(json_response(StatusCode::OK, &body))
}

fn existing(store: &Store, of: &ResourceType, request: &ApiRequest) -> Result<Arc<Value>, ApiError> {
    store.get(&key(of, request)).ok_or_else(|| ApiError::not_found(&of.kind, &request.target.name))
}

fn key(of: &ResourceType, request: &ApiRequest) -> Key {
    Key::new(&of.kind, &request.target.namespace, &request.target.name)
}

/// An object as a client sees it: a metrics server computes its objects when asked.
fn shown(of: &ResourceType, object: &Value) -> Value {
    let mut object = object.clone();
    if of.read_only {
        object["timestamp"] = json!(now());
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.shift_remove("uid");
            metadata.shift_remove("resourceVersion");
            metadata.insert("creationTimestamp".into(), json!(now()));
        }
    }
    object
}

/// Where the next page starts, and of which version of the list.
#[derive(Debug, PartialEq, Eq)]
struct Continue {
    /// -1 after an expiry: go on at whatever is there now.
    revision: i64,
    start: String,
}

impl Continue {
    fn encode(&self) -> String {
        let token = json!({"v": "meta.k8s.io/v1", "rv": self.revision, "start": self.start});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(token: &str) -> Result<Self, ApiError> {
        let invalid = |why: &str| {
            ApiError::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes =
            URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|e| invalid(&e.to_string()))?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|e| invalid(&e.to_string()))?;
        let revision = token["rv"].as_i64().ok_or_else(|| invalid("no version"))?;
        Ok(Self { revision, start: text(&token, "/start").to_owned() })
    }
}

/// The place of an object in the list of its kind, as a token holds it.
fn place(key: &Key) -> String {
    if key.namespace.is_empty() {
        format!("/{}\0", key.name)
    } else {
        format!("/{}/{}\0", key.namespace, key.name)
    }
}

fn list(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let form = form(request)?;
    let query = &request.query;
    let kind = of.kind;
    let selector = Selector::parse(&kind, of.custom, query.get("labelSelector"), query.get("fieldSelector"))?;
    let namespace = (!request.target.namespace.is_empty()).then_some(request.target.namespace.as_str());
    let version = query.get("resourceVersion");
    let store = shared.store();
    let mut limit = query.number("limit").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let mut start = String::new();
    let mut revision = store.revision();
    if !query.get("continue").is_empty() {
        if !version.is_empty() {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let token = Continue::decode(query.get("continue"))?;
        if let Ok(asked) = u64::try_from(token.revision) {
            if asked < store.compacted() {
                let next = Continue { revision: -1, start: token.start };
                return Err(ApiError::expired(EXPIRED_CONTINUE).with_continue(next.encode()));
            }
            revision = asked;
        }
        start = token.start;
    } else if !version.is_empty() && version != "0" {
        let asked: u64 = version.parse().map_err(|_| {
            ApiError::unreasoned(format!(
                "resourceVersion: Invalid value: \"{version}\": strconv.ParseUint: parsing \"{version}\": invalid syntax"
            ))
        })?;
        if asked > store.revision() {
            return Err(ApiError::too_large_version(asked, store.revision()));
        }
        if query.get("resourceVersionMatch") == "Exact" {
            if asked < store.compacted() {
                return Err(ApiError::expired("The resourceVersion for the provided list is too old."));
            }
            revision = asked;
        }
    } else if version == "0" {
        limit = None;
    }
    let objects = store
        .list_at(&kind, namespace, revision)
        .ok_or_else(|| ApiError::expired("The resourceVersion for the provided list is too old."))?;
    drop(store);
    let matching: Vec<_> =
        objects.iter().filter(|(key, object)| place(key) > start && selector.matches(object)).collect();
    let page = &matching[..limit.unwrap_or(matching.len()).min(matching.len())];
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if page.len() < matching.len()
        && let Some((last, _)) = page.last()
    {
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        metadata["continue"] = json!(Continue { revision, start: place(last) }.encode());
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(matching.len() - page.len());
        }
    }
    let items: Vec<Value> = page
        .iter()
        .map(|(_, object)| match form {
            Form::MetadataOnly => metadata_only(object),
            Form::Full => {
                let mut item = shown(of, object);
                if !of.custom && !of.read_only {
                    // The typed list says the kind once, for all.
                    super::store::remove(&mut item, "kind");
                    super::store::remove(&mut item, "apiVersion");
                }
                item
            }
        })
        .collect();
    let (list_kind, api_version) = match form {
        Form::Full => (format!("{}List", kind.kind), kind.api_version()),
        Form::MetadataOnly => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
    };
    let body = json!({"kind": list_kind, "apiVersion": api_version, "metadata": metadata, "items": items});
    Ok(json_response(StatusCode::OK, &body))
}

fn dry_run(request: &ApiRequest) -> bool {
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

fn strict_error(unknown: &[String]) -> String {
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
        Err(why) if of.custom => return Err(ApiError::bad_request(why)),
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
        Err(why) if of.custom => return Err(ApiError::bad_request(why)),
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
    if (of.conditional_update || of.custom) && text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(version_required(of, name));
    }
    validate(&of.kind, name, &object)?;
    let writer = Writer { by: Some(&request.who.name), dry_run: dry_run(request) };
    let updated = store.update(of, &key(of, request), object, part, writer)?;
    Ok(with_warnings(json_response(StatusCode::OK, &updated), &unknown))
}

/// Said of the resource, not of the kind, unlike other refusals of a value.
fn version_required(of: &ResourceType, name: &str) -> ApiError {
    let number = if of.custom { "0x0" } else { "0" };
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
    if of.custom && content_type == "application/strategic-merge-patch+json" {
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
enum PatchKind {
    Merge,
    Json,
    Strategic,
}

fn patch_kind(of: &ResourceType, request: &ApiRequest) -> Result<PatchKind, ApiError> {
    match request.content_type() {
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/json-patch+json" => Ok(PatchKind::Json),
        "application/strategic-merge-patch+json" if !of.custom => Ok(PatchKind::Strategic),
        other => Err(unsupported_patch(of, other)),
    }
}

fn apply_patch(kind: PatchKind, target: &mut Value, patch: &Value) -> Result<(), ApiError> {
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
fn grace(of: &Kind, object: &Value, asked: Option<i64>) -> i64 {
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
        Selector::parse(&of.kind, of.custom, query.get("labelSelector"), query.get("fieldSelector"))?;
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

fn scale(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
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
fn evict(shared: &Shared, request: &ApiRequest) -> Result<Response, ApiError> {
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

#[cfg(test)]
mod tests {
    use super::super::kind::APPLICATION;
    use super::*;

    #[test]
    fn a_continue_token_survives_its_way() {
        let token = Continue { revision: 450, start: "/metal2\0".into() };
        assert_eq!(
            token.encode(),
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NDUwLCJzdGFydCI6Ii9tZXRhbDJcdTAwMDAifQ"
        );
        assert_eq!(Continue::decode(&token.encode()).unwrap(), token);
        assert_eq!(Continue::decode("abc").unwrap_err().code(), 400);
    }

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
