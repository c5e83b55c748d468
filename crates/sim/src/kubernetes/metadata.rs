//! What the server owns of an object's metadata, and small readers of objects.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kind::ResourceType;
use super::store::Part;

/// The text at a JSON pointer, or an empty one.
pub(crate) fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Now, as `metadata` writes times.
pub(crate) fn now() -> String {
    second(Timestamp::now())
}

/// A moment, cut to the second.
pub(crate) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What the server writes into a new object. The handle may bring identities and times of its own.
pub(crate) fn give_metadata(of: &ResourceType, namespace: &str, name: &str, object: &mut Value, part: Part) {
    let given = object["metadata"].take();
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    if of.kind.namespaced {
        metadata.insert("namespace".into(), json!(namespace));
    }
    metadata.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
    metadata.insert("resourceVersion".into(), Value::Null);
    if of.generation {
        metadata.insert("generation".into(), json!(1));
    }
    metadata.insert("creationTimestamp".into(), json!(now()));
    if let Value::Object(given) = given {
        for (field, value) in given {
            let seeded = part == Part::All
                && matches!(field.as_str(), "creationTimestamp" | "uid" | "generation" | "deletionTimestamp");
            let free = !matches!(
                field.as_str(),
                "name"
                    | "namespace"
                    | "uid"
                    | "resourceVersion"
                    | "generation"
                    | "creationTimestamp"
                    | "deletionTimestamp"
                    | "deletionGracePeriodSeconds"
                    | "managedFields"
                    | "selfLink"
            );
            if seeded || free {
                metadata.insert(field, value);
            }
        }
    }
    object["metadata"] = Value::Object(metadata);
}

/// What a writer of an object cannot change about it.
pub(crate) fn keep_metadata(old: &Value, new: &mut Value, part: Part) {
    let mut metadata = Map::new();
    let given = new["metadata"].take();
    let Value::Object(mut given) = given else { return };
    let Some(kept) = old["metadata"].as_object() else { return };
    for (field, value) in kept {
        let fixed = matches!(
            field.as_str(),
            "name"
                | "namespace"
                | "uid"
                | "resourceVersion"
                | "generation"
                | "creationTimestamp"
                | "deletionTimestamp"
                | "deletionGracePeriodSeconds"
                | "managedFields"
        );
        if fixed {
            let by_handle = part == Part::All && field == "deletionTimestamp";
            match given.shift_remove(field) {
                Some(wanted) if by_handle => metadata.insert(field.clone(), wanted),
                _ => metadata.insert(field.clone(), value.clone()),
            };
        } else if let Some(wanted) = given.shift_remove(field) {
            metadata.insert(field.clone(), wanted);
        }
    }
    for (field, value) in given {
        let servers = matches!(
            field.as_str(),
            "generation" | "deletionTimestamp" | "deletionGracePeriodSeconds" | "managedFields" | "selfLink"
        );
        if !servers || (part == Part::All && field == "deletionTimestamp") {
            metadata.insert(field, value);
        }
    }
    // An empty map or list reads as absent.
    metadata.retain(|_, value| match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Null => false,
        _ => true,
    });
    new["metadata"] = Value::Object(metadata);
}

pub(crate) fn grace_of(object: &Value) -> i64 {
    object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0)
}

/// Whether nothing differs that raises the generation.
pub(crate) fn equal_but_for_status<'a>(old: &'a Value, new: &'a Value, status_is_apart: bool) -> bool {
    let fields = |object: &'a Value| -> BTreeMap<&'a String, &'a Value> {
        let Some(map) = object.as_object() else { return BTreeMap::new() };
        map.iter()
            .filter(|(field, _)| *field != "metadata" && !(status_is_apart && *field == "status"))
            .collect()
    };
    fields(old) == fields(new)
}

pub(crate) fn remove(object: &mut Value, field: &str) {
    if let Some(map) = object.as_object_mut() {
        map.shift_remove(field);
    }
}

pub(crate) fn set(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => object[field] = value,
        None => remove(object, field),
    }
}

/// Five characters as `generateName` appends them.
pub(crate) fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect()
}
