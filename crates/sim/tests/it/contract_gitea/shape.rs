//! Whether two JSON values have the same shape: field names, types, and the lengths of lists; null is a type.

use serde_json::Value;

/// Fields whose values, not only types, are part of the contract.
const VALUES: [&str; 20] = [
    "state",
    "status",
    "merged",
    "mergeable",
    "draft",
    "content_version",
    "protected",
    "permission",
    "role_name",
    "total_commits",
    "total_count",
    "truncated",
    "mode",
    "type",
    "active",
    "private",
    "archived",
    "comments",
    "is_pull",
    "message",
];

/// How values are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Shape,
    /// Shape, and the values of the telling fields.
    Values,
}

/// Describes every difference, each with its path.
pub(crate) fn differences(recorded: &Value, live: &Value, compare: Compare) -> Vec<String> {
    let mut found = Vec::new();
    walk(recorded, live, "$", compare, &mut found);
    found
}

fn walk(recorded: &Value, live: &Value, path: &str, compare: Compare, found: &mut Vec<String>) {
    match (recorded, live) {
        (Value::Object(recorded), Value::Object(live)) => {
            for (key, value) in recorded {
                let path = format!("{path}.{key}");
                match live.get(key) {
                    None => found.push(format!("{path}: missing")),
                    Some(other) => {
                        walk(value, other, &path, compare, found);
                        let telling =
                            VALUES.contains(&key.as_str()) && !value.is_object() && !value.is_array();
                        if compare == Compare::Values
                            && telling
                            && value != other
                            && kind(value) == kind(other)
                        {
                            found.push(format!("{path}: recorded {value}, live {other}"));
                        }
                    }
                }
            }
            for key in live.keys().filter(|key| !recorded.contains_key(*key)) {
                found.push(format!("{path}.{key}: not recorded"));
            }
        }
        (Value::Array(recorded), Value::Array(live)) => {
            if recorded.len() != live.len() {
                found.push(format!("{path}: recorded {} items, live {}", recorded.len(), live.len()));
            }
            for (index, (recorded, live)) in recorded.iter().zip(live).enumerate() {
                walk(recorded, live, &format!("{path}[{index}]"), compare, found);
            }
        }
        _ if kind(recorded) != kind(live) => {
            found.push(format!("{path}: recorded {}, live {}", kind(recorded), kind(live)));
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// What is left of `live` when only what was recorded is looked at.
pub(crate) fn project(recorded: &Value, live: &Value) -> Value {
    match (recorded, live) {
        (Value::Object(fields), Value::Object(live)) => fields
            .keys()
            .map(|key| (key.clone(), live.get(key).cloned().unwrap_or(Value::Null)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (Value::Array(items), Value::Array(live)) => {
            let sample = items.first().cloned().unwrap_or(Value::Null);
            live.iter().map(|item| project(&sample, item)).collect()
        }
        _ => live.clone(),
    }
}

#[test]
fn contract_shapes_tell_null_from_a_type() {
    let before = serde_json::json!({ "a": null, "b": [{ "c": 1 }], "state": "open" });
    let live = serde_json::json!({ "a": "x", "b": [{ "c": "1" }, {}], "state": "closed", "d": 1 });
    assert_eq!(
        differences(&before, &live, Compare::Values),
        [
            "$.a: recorded null, live string",
            "$.b: recorded 1 items, live 2",
            "$.b[0].c: recorded number, live string",
            "$.state: recorded \"open\", live \"closed\"",
            "$.d: not recorded",
        ]
    );
    assert!(differences(&before, &before, Compare::Values).is_empty());
}
