//! Get and list: in the form that was asked for, whole or page by page, from one snapshot.

use axum::http::{StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::Shared;
use super::error::{ApiError, json_response};
use super::kind::{Kind, ResourceType};
use super::metadata::{now, text};
use super::request::ApiRequest;
use super::selector::Selector;
use super::store::Key;
use super::verbs::existing;

const EXPIRED_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. You \
    can start a new list without the continue parameter, or use the continue token in this response to retrieve the \
    remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
    created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// In which form the client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Full,
    MetadataOnly,
}

fn form(request: &ApiRequest) -> Result<Form, ApiError> {
    let accept = request.header(&header::ACCEPT);
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

pub(crate) fn get(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let form = form(request)?;
    let object = existing(&shared.store(), of, request)?;
    let body = match form {
        Form::Full if of.is_read_only() => computed(&object),
        Form::Full => return Ok(json_response(StatusCode::OK, &*object)),
        Form::MetadataOnly => metadata_only(&object),
    };
    Ok(json_response(StatusCode::OK, &body))
}

/// An object that is there only when it is asked for: a metrics server's.
fn computed(object: &Value) -> Value {
    let mut object = object.clone();
    object["timestamp"] = json!(now());
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("uid");
        metadata.shift_remove("resourceVersion");
        metadata.insert("creationTimestamp".into(), json!(now()));
    }
    object
}

/// The answer to a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

/// One object of a list, as it lies in the store where nothing is left out of it: lists are what most is asked for.
enum Item<'a> {
    Whole(&'a Value),
    /// Of a typed list, which says the kind once, for all.
    Typed(&'a Value),
    Made(Value),
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(object) => object.serialize(serializer),
            Self::Made(object) => object.serialize(serializer),
            Self::Typed(object) => serializer.collect_map(
                object
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(field, _)| !matches!(field.as_str(), "kind" | "apiVersion")),
            ),
        }
    }
}

/// Where the next page starts, and of which version of the list.
#[derive(Debug, PartialEq, Eq)]
struct Continue {
    /// -1 after an expiry: go on at whatever is there now.
    revision: i64,
    start: String,
}

impl Continue {
    /// The object after which the next page begins.
    fn after(&self, kind: &Kind) -> Key {
        let place = self.start.trim_start_matches('/').trim_end_matches('\0');
        let (namespace, name) = place.split_once('/').unwrap_or(("", place));
        Key::new(kind, namespace, name)
    }

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

pub(crate) fn list(shared: &Shared, of: &ResourceType, request: &ApiRequest) -> Result<Response, ApiError> {
    let form = form(request)?;
    let query = &request.query;
    let kind = of.kind;
    let selector =
        Selector::parse(&kind, of.is_custom(), query.get("labelSelector"), query.get("fieldSelector"))?;
    let namespace = (!request.target.namespace.is_empty()).then_some(request.target.namespace.as_str());
    let version = query.get("resourceVersion");
    let store = shared.store();
    let mut limit = query.number("limit").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let mut start = None;
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
        start = Some(token.after(&kind));
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
        .list_at(&kind, namespace, revision, start.as_ref())
        .ok_or_else(|| ApiError::expired("The resourceVersion for the provided list is too old."))?;
    drop(store);
    let matching: Vec<_> = objects.iter().filter(|(_, object)| selector.matches(object)).collect();
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
    let items = page
        .iter()
        .map(|(_, object)| match form {
            Form::MetadataOnly => Item::Made(metadata_only(object)),
            Form::Full if of.is_read_only() => Item::Made(computed(object)),
            Form::Full if of.is_custom() => Item::Whole(object),
            Form::Full => Item::Typed(object),
        })
        .collect();
    let (kind, api_version) = match form {
        Form::Full => (format!("{}List", kind.kind), kind.api_version()),
        Form::MetadataOnly => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
    };
    Ok(json_response(StatusCode::OK, &List { kind, api_version, metadata, items }))
}

#[cfg(test)]
mod tests {
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
}
