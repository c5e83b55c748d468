//! Objects in the shapes that a real API server gave, as if it gave them in this moment.

use super::ago;
use super::scene::{KINDS, Scene};
use crate::cluster::recorded::recorded;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sim::kubernetes::Kind;

/// The object of that number in a recording, by another name, as it stood so many minutes ago. It was made the day before.
pub(super) fn real(file: &str, number: usize, namespace: &str, name: &str, minutes: i64) -> Value {
    let mut object = recorded(file, number);
    let then = object["metadata"]["creationTimestamp"].as_str().expect("it was made");
    let then: Timestamp = then.parse().expect("a time");
    move_times(&mut object, Timestamp::now() - SignedDuration::from_mins(minutes), then);
    let metadata = object["metadata"].as_object_mut().expect("every object has metadata");
    for field in ["uid", "resourceVersion", "managedFields", "generation", "finalizers", "generateName"] {
        metadata.remove(field);
    }
    metadata.insert("name".to_owned(), json!(name));
    metadata.insert("namespace".to_owned(), json!(namespace));
    metadata.insert("creationTimestamp".to_owned(), json!(ago(1_440)));
    object
}

fn move_times(value: &mut Value, now: Timestamp, then: Timestamp) {
    match value {
        Value::String(text) => {
            if let Ok(time) = text.parse::<Timestamp>() {
                *text = (now + time.duration_since(then)).to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_times(item, now, then)),
        Value::Object(fields) => fields.values_mut().for_each(|field| move_times(field, now, then)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A recorded pod as one of a Deployment of `web`, which has a claim of its name.
pub(super) fn real_pod(number: usize, of: &str, nth: usize) -> Value {
    let mut pod = real("pods", number, "web", &format!("{of}-6d5f-{nth}"), 10);
    pod["metadata"]["labels"] = json!({"app": of, "pod-template-hash": "6d5f"});
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": format!("{of}-6d5f"), "uid": "1", "controller": true}]);
    pod["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": format!("{of}-data")}}]);
    pod
}

/// The same of another controller.
pub(super) fn owned_by(mut pod: Value, api_version: &str, kind: &str, name: &str) -> Value {
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": name,
        "uid": "1", "controller": true}]);
    pod
}

impl Scene {
    /// Something is there. What was installed is made anew: a change of its spec is not what is told of.
    pub(super) fn put(&self, object: Value) {
        let text = |field: &str| object.pointer(field).and_then(Value::as_str).unwrap_or_default();
        let installed =
            KINDS.iter().find(|kind| kind.kind == text("/kind") && kind.api_version() == text("/apiVersion"));
        if let Some(kind) = installed {
            let namespace = text("/metadata/namespace");
            let namespace = (!namespace.is_empty()).then_some(namespace);
            self.server.delete(kind, namespace, text("/metadata/name"));
        }
        self.server.apply(object);
    }

    /// Something of it is otherwise.
    pub(super) fn change(&self, kind: &Kind, namespace: &str, name: &str, patch: &Value) {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        assert!(self.server.merge_patch(kind, namespace, name, patch).is_some(), "{name} is there");
    }

    /// Something is not there any more.
    pub(super) fn remove(&self, kind: &Kind, namespace: &str, name: &str) {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        assert!(self.server.delete(kind, namespace, name), "{name} was there");
    }
}
