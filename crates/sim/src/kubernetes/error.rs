//! Refusals as a Kubernetes API server words them: a `Status` object, or plain text where it has no such resource.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::kind::{Kind, qualified};

/// A refusal on its way to the client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} {}: {}", .0.code, .0.reason, .0.message)]
pub struct ApiError(Box<Refusal>);

#[derive(Clone, Debug)]
struct Refusal {
    code: u16,
    reason: String,
    message: String,
    /// `None` leaves the field out, as a few answers of the real server do.
    details: Option<Value>,
    continue_token: Option<String>,
    retry_after: Option<u32>,
    plain_text: bool,
}

/// One entry of `details.causes`.
pub(crate) fn cause(reason: &str, message: &str, field: &str) -> Value {
    let mut cause = Map::new();
    if !reason.is_empty() {
        cause.insert("reason".into(), json!(reason));
    }
    cause.insert("message".into(), json!(message));
    if !field.is_empty() {
        cause.insert("field".into(), json!(field));
    }
    Value::Object(cause)
}

fn details(kind: &Kind, name: &str) -> Value {
    details_of(kind.plural, kind.group, name)
}

fn details_of(resource: &str, group: &str, name: &str) -> Value {
    let mut details = Map::new();
    if !name.is_empty() {
        details.insert("name".into(), json!(name));
    }
    if !group.is_empty() {
        details.insert("group".into(), json!(group));
    }
    details.insert("kind".into(), json!(resource));
    Value::Object(details)
}

impl ApiError {
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Refusal {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            details: None,
            continue_token: None,
            retry_after: None,
            plain_text: false,
        }))
    }

    /// HTTP status code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// `reason` of the Status.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    pub(crate) fn with_continue(mut self, token: String) -> Self {
        self.0.continue_token = Some(token);
        self
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// The group, version or resource is not installed.
    pub(crate) fn no_such_resource() -> Self {
        let mut error = Self::new(404, "NotFound", "404 page not found\n");
        error.0.plain_text = true;
        error
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::not_found_as(kind.plural, kind.group, name)
    }

    pub(crate) fn not_found_as(resource: &str, group: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(resource, group));
        Self::new(404, "NotFound", message).with_details(details_of(resource, group, name))
    }

    pub(crate) fn no_such_subresource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").with_details(json!({}))
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.qualified());
        Self::new(409, "AlreadyExists", message).with_details(details(kind, name))
    }

    pub(crate) fn conflict(kind: &Kind, name: &str) -> Self {
        Self::conflict_because(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    pub(crate) fn conflict_because(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified());
        Self::new(409, "Conflict", message).with_details(details(kind, name))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .with_details(json!({}))
    }

    /// 422 with one cause a field.
    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[(&str, &str, &str)]) -> Self {
        let texts: Vec<String> =
            causes.iter().map(|(_, message, field)| format!("{field}: {message}")).collect();
        let text =
            if let [only] = texts.as_slice() { only.clone() } else { format!("[{}]", texts.join(", ")) };
        let of = if kind.group.is_empty() {
            kind.kind.to_owned()
        } else {
            format!("{}.{}", kind.kind, kind.group)
        };
        let mut named = Map::new();
        if !name.is_empty() {
            named.insert("name".into(), json!(name));
        }
        if !kind.group.is_empty() {
            named.insert("group".into(), json!(kind.group));
        }
        named.insert("kind".into(), json!(kind.kind));
        named.insert(
            "causes".into(),
            causes.iter().map(|(reason, message, field)| cause(reason, message, field)).collect(),
        );
        Self::new(422, "Invalid", format!("{of} \"{name}\" is invalid: {text}"))
            .with_details(Value::Object(named))
    }

    /// A JSON patch whose test fails or whose path is missing: the server does not tell which.
    pub(crate) fn patch_failed() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
            .with_details(json!({}))
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let causes = json!({"causes": [cause("", &message, "")]});
        Self::new(500, "InternalError", format!("Internal error occurred: {message}")).with_details(causes)
    }

    /// A list at a version that does not exist yet.
    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let mut error = Self::new(
            504,
            "Timeout",
            format!("Timeout: Too large resource version: {asked}, current: {current}"),
        );
        error.0.retry_after = Some(1);
        error.with_details(json!({
            "causes": [cause("ResourceVersionTooLarge", "Too large resource version", "")], "retryAfterSeconds": 1,
        }))
    }

    /// A failure that the server passes on without a reason, always 500.
    pub(crate) fn unreasoned(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    pub(crate) fn from_code(code: u16) -> Self {
        match code {
            429 => {
                let mut error =
                    Self::new(429, "TooManyRequests", "the server has received too many requests");
                error.0.retry_after = Some(1);
                error.0.details = Some(json!({"retryAfterSeconds": 1}));
                error
            }
            503 => {
                Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request")
            }
            504 => {
                Self::new(504, "Timeout", "the server was unable to return a response in the time allotted")
            }
            500 => Self::internal("fault asked for by the test"),
            other => Self::new(other, "Unknown", format!("fault asked for by the test: {other}")),
        }
    }

    /// `name` is empty for verbs on a collection. `why` is the authorizer's reason, often empty.
    pub(crate) fn forbidden(asked: &Asked<'_>, why: &str) -> Self {
        let of = qualified(asked.resource, asked.group);
        let object = if asked.name.is_empty() { of } else { format!("{of} \"{}\"", asked.name) };
        let with_subresource = if asked.subresource.is_empty() {
            asked.resource.to_owned()
        } else {
            format!("{}/{}", asked.resource, asked.subresource)
        };
        let scope = if asked.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", asked.namespace)
        };
        let mut message = format!(
            "{object} is forbidden: User \"{}\" cannot {} resource \"{with_subresource}\" in API group \"{}\" {scope}",
            asked.user, asked.verb, asked.group
        );
        if !why.is_empty() {
            message.push_str(": ");
            message.push_str(why);
        }
        Self::new(403, "Forbidden", message).with_details(details_of(asked.resource, asked.group, asked.name))
    }

    /// The refusal of a right that is asked for on the way, which comes without a text.
    pub(crate) fn forbidden_wordless(resource: &str, name: &str) -> Self {
        Self::new(403, "Forbidden", format!("{resource} \"{name}\" is forbidden: "))
            .with_details(details_of(resource, "", name))
    }

    pub(crate) fn forbidden_path(user: &str, verb: &str, path: &str) -> Self {
        Self::new(403, "Forbidden", format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\""))
            .with_details(json!({}))
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.0.continue_token {
            metadata.insert("continue".into(), json!(token));
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata,
            "status": "Failure", "message": self.0.message,
        });
        if !self.0.reason.is_empty() {
            status["reason"] = json!(self.0.reason);
        }
        if let Some(details) = &self.0.details {
            status["details"] = details.clone();
        }
        status["code"] = json!(self.0.code);
        status
    }
}

/// What was asked for, as an authorizer sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) user: &'a str,
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.0.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.0.plain_text {
            return text(code, self.0.message);
        }
        let mut response = json_response(code, &self.status());
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON answer with the headers that an API server sends.
pub(crate) fn json_response(code: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("what is answered has text for keys");
    with_type(code, "application/json", Body::from(body))
}

/// A plain-text answer.
pub(crate) fn text(code: StatusCode, body: impl Into<Body>) -> Response {
    with_type(code, "text/plain; charset=utf-8", body.into())
}

pub(crate) fn with_type(code: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
