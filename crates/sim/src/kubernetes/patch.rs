//! The three patches, as functions of two values.

use serde_json::{Map, Value};

/// RFC 7386: objects are merged, `null` deletes, everything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    for (field, value) in patch {
        if value.is_null() {
            map.shift_remove(field);
        } else {
            merge(map.entry(field.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Strategic merge: as a merge patch, but lists whose elements have a merge key are merged by it, and finalizers are a
/// set. `$patch: delete` removes an element, `$patch: replace` replaces a list or map, `$retainKeys` and
/// `$setElementOrder` are read and dropped, for the order of lists decides nothing here.
pub(crate) fn strategic_merge(target: &mut Value, patch: &Value) {
    strategic_at("", target, patch);
}

fn strategic_at(field: &str, target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(patch) => {
            if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
                let mut replaced = patch.clone();
                replaced.shift_remove("$patch");
                *target = Value::Object(replaced);
                return;
            }
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Value::Object(map) = target else { return };
            for (name, value) in patch {
                if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
                    let gone = value.as_array().cloned().unwrap_or_default();
                    if let Some(Value::Array(items)) = map.get_mut(list) {
                        items.retain(|item| !gone.contains(item));
                    }
                } else if value.is_null() {
                    map.shift_remove(name);
                } else if !name.starts_with('$') {
                    strategic_at(name, map.entry(name.clone()).or_insert(Value::Null), value);
                }
            }
        }
        Value::Array(items) => strategic_list(field, target, items),
        other => *target = other.clone(),
    }
}

/// The keys that lists of this name merge by, in the order in which the API types name them.
fn merge_keys(field: &str) -> &'static [&'static str] {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "containerStatuses"
        | "initContainerStatuses"
        | "secrets" => &["name"],
        "conditions" | "addresses" => &["type"],
        "ports" => &["containerPort", "port"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ownerReferences" => &["uid"],
        "hostAliases" | "podIPs" | "hostIPs" => &["ip"],
        "taints" => &["key"],
        "topologySpreadConstraints" => &["topologyKey"],
        _ => &[],
    }
}

fn strategic_list(field: &str, target: &mut Value, patch: &[Value]) {
    if matches!(field, "finalizers") {
        let mut items = target.as_array().cloned().unwrap_or_default();
        for item in patch {
            if !items.contains(item) {
                items.push(item.clone());
            }
        }
        *target = Value::Array(items);
        return;
    }
    let key = merge_keys(field).iter().find(|key| patch.iter().any(|item| item.get(**key).is_some()));
    let replace = patch.iter().any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace"));
    let (Some(key), false) = (key, replace) else {
        let kept = patch.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
        *target = Value::Array(kept);
        return;
    };
    let mut items = target.as_array().cloned().unwrap_or_default();
    for item in patch {
        let position = items.iter().position(|known| known.get(*key) == item.get(*key));
        let delete = item.get("$patch").and_then(Value::as_str) == Some("delete");
        match position {
            Some(at) if delete => {
                items.remove(at);
            }
            Some(at) => strategic_at("", &mut items[at], item),
            None if delete => {}
            None => items.push(item.clone()),
        }
    }
    *target = Value::Array(items);
}

/// Why a JSON patch did nothing.
#[derive(Debug)]
pub(crate) enum JsonPatchError {
    /// It is no JSON patch.
    Malformed,
    /// A test failed or a path is missing; the server does not tell which.
    Refused,
}

/// RFC 6902, except that `test` with `null` also holds where the field is absent, as the server's library has it.
pub(crate) fn json_patch(target: &mut Value, patch: &Value) -> Result<(), JsonPatchError> {
    let operations = patch.as_array().ok_or(JsonPatchError::Malformed)?;
    let mut result = target.clone();
    for operation in operations {
        let is_test = operation.get("op").and_then(Value::as_str) == Some("test");
        let pointer = operation.get("path").and_then(Value::as_str).unwrap_or_default();
        if is_test && operation.get("value").is_none_or(Value::is_null) && result.pointer(pointer).is_none() {
            continue;
        }
        let one: json_patch::Patch = serde_json::from_value(Value::Array(vec![operation.clone()]))
            .map_err(|_| JsonPatchError::Refused)?;
        json_patch::patch(&mut result, &one).map_err(|_| JsonPatchError::Refused)?;
    }
    *target = result;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patch_deletes_with_null_and_replaces_lists() {
        let cases = [
            (
                json!({"a": 1, "b": {"c": 2}}),
                json!({"b": {"c": null, "d": 3}}),
                json!({"a": 1, "b": {"d": 3}}),
            ),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": 1}), json!({"a": {"b": {"c": null, "d": 1}}}), json!({"a": {"b": {"d": 1}}})),
            (json!({"a": 1}), json!({}), json!({"a": 1})),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, &patch);
            assert_eq!(target, expected, "{patch}");
        }
    }

    #[test]
    fn strategic_merge_merges_lists_by_key() {
        let mut target = json!({"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b"}]}});
        strategic_merge(
            &mut target,
            &json!({"spec": {"containers": [{"name": "a", "image": "a:2"}, {"name": "b", "$patch": "delete"}],
                             "$setElementOrder/containers": [{"name": "a"}]}}),
        );
        assert_eq!(target, json!({"spec": {"containers": [{"name": "a", "image": "a:2"}]}}));
    }

    #[test]
    fn a_json_patch_is_all_or_nothing_and_a_null_test_holds_where_nothing_is() {
        let mut target = json!({"a": 1});
        let patch =
            json!([{"op": "add", "path": "/b", "value": 2}, {"op": "test", "path": "/a", "value": 9}]);
        assert!(matches!(json_patch(&mut target, &patch), Err(JsonPatchError::Refused)));
        assert_eq!(target, json!({"a": 1}));
        let patch = json!([{"op": "test", "path": "/operation", "value": null},
                           {"op": "add", "path": "/operation", "value": {"sync": {}}}]);
        assert!(json_patch(&mut target, &patch).is_ok());
        assert_eq!(target, json!({"a": 1, "operation": {"sync": {}}}));
        assert!(matches!(json_patch(&mut target, &patch), Err(JsonPatchError::Refused)));
        assert!(matches!(json_patch(&mut target, &json!({"op": "remove"})), Err(JsonPatchError::Malformed)));
    }
}
