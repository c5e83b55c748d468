//! What two JSON values have in common: their fields and types, not what stands in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde_json::Value;

/// The shape of a value. The elements of a list are laid over each other.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Null,
    Bool,
    Number,
    Text,
    List(Option<Box<Shape>>),
    Object(BTreeMap<String, Shape>),
    /// Elements of one list that differ in type.
    Mixed,
}

/// One thing that is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where: `status`, `content-type`, `/metadata/uid`.
    pub(crate) at: String,
    pub(crate) recorded: String,
    pub(crate) answered: String,
}

impl Difference {
    pub(crate) fn new(at: &str, recorded: impl Display, answered: impl Display) -> Self {
        Self { at: at.to_owned(), recorded: recorded.to_string(), answered: answered.to_string() }
    }
}

impl Shape {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(items) => Self::List(items.iter().map(Self::of).reduce(Self::over).map(Box::new)),
            Value::Object(map) => {
                Self::Object(map.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
        }
    }

    fn over(self, other: Self) -> Self {
        match (self, other) {
            (Self::Object(mut fields), Self::Object(others)) => {
                for (name, shape) in others {
                    let merged = match fields.remove(&name) {
                        Some(known) => known.over(shape),
                        None => shape,
                    };
                    fields.insert(name, merged);
                }
                Self::Object(fields)
            }
            (Self::List(Some(one)), Self::List(Some(two))) => Self::List(Some(Box::new(one.over(*two)))),
            (Self::List(one), Self::List(two)) => Self::List(one.or(two)),
            (one, two) if one == two => one,
            _ => Self::Mixed,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Number => "number",
            Self::Text => "string",
            Self::List(_) => "list",
            Self::Object(_) => "object",
            Self::Mixed => "mixed",
        }
    }

    fn compare(&self, answered: &Self, cut: bool, at: &str, out: &mut Vec<Difference>) {
        match (self, answered) {
            (Self::Object(recorded), Self::Object(answered)) => {
                for (name, shape) in recorded {
                    let at = format!("{at}/{name}");
                    match answered.get(name) {
                        Some(other) => shape.compare(other, cut, &at, out),
                        // Where the recording was cut, null stands for a field that the server did not send.
                        None if cut && *shape == Self::Null => {}
                        None => out.push(Difference::new(&at, shape.name(), "missing")),
                    }
                }
                for (name, shape) in answered.iter().filter(|(name, _)| !recorded.contains_key(*name)) {
                    if !cut {
                        out.push(Difference::new(&format!("{at}/{name}"), "missing", shape.name()));
                    }
                }
            }
            (Self::List(Some(recorded)), Self::List(Some(answered))) => {
                recorded.compare(answered, cut, &format!("{at}/*"), out);
            }
            (Self::List(Some(_)), Self::List(None)) => out.push(Difference::new(at, "elements", "none")),
            (Self::List(None), Self::List(Some(_))) if !cut => {
                out.push(Difference::new(at, "none", "elements"));
            }
            (Self::List(_), Self::List(_)) | (Self::Mixed, _) | (_, Self::Mixed) => {}
            (recorded, answered) if recorded.name() == answered.name() => {}
            (recorded, answered) => out.push(Difference::new(at, recorded.name(), answered.name())),
        }
    }
}

/// Compares two bodies. A recorded body that was cut only has to be found in the answer.
pub(crate) fn compare(recorded: &Value, answered: &Value, out: &mut Vec<Difference>) {
    let mut recorded = recorded.clone();
    let mut answered = answered.clone();
    let cut = recorded.as_object_mut().is_some_and(|map| map.shift_remove("x-cut").is_some());
    without_managed_fields(&mut recorded);
    without_managed_fields(&mut answered);
    Shape::of(&recorded).compare(&Shape::of(&answered), cut, "", out);
    // Of a refusal, a client decides on these values.
    if recorded["kind"] == "Status" {
        for field in ["status", "reason", "code"] {
            if recorded[field] != answered[field] {
                out.push(Difference::new(&format!("/{field}"), &recorded[field], &answered[field]));
            }
        }
    }
}

/// What is in a list, by name: elements that are laid over each other do not tell how many there are, nor which. None: no list of
/// objects.
pub(crate) fn names(body: &Value) -> Option<BTreeSet<String>> {
    // What an aggregated discovery lists are no objects.
    let is_of_objects = |kind: &str| kind.ends_with("List") && kind != "APIGroupDiscoveryList";
    body["kind"].as_str().filter(|kind| is_of_objects(kind))?;
    let name = |item: &Value| {
        let of = |field: &str| item["metadata"][field].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", of("namespace"), of("name"))
    };
    Some(body["items"].as_array()?.iter().map(name).collect())
}

/// The recordings leave them out.
fn without_managed_fields(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("managedFields");
            map.values_mut().for_each(without_managed_fields);
        }
        Value::Array(items) => items.iter_mut().for_each(without_managed_fields),
        _ => {}
    }
}

#[test]
fn contract_shapes_compare_fields_and_types() {
    use serde_json::json;
    let differences = |recorded: Value, answered: Value| {
        let mut out = Vec::new();
        compare(&recorded, &answered, &mut out);
        out.into_iter().map(|d| d.at).collect::<Vec<_>>()
    };
    assert!(differences(json!({"a": [{"b": 1}, {"c": ""}]}), json!({"a": [{"b": 7, "c": "x"}]})).is_empty());
    assert_eq!(differences(json!({"a": 1}), json!({"a": "1"})), ["/a"]);
    assert_eq!(differences(json!({"a": 1}), json!({"b": 1})), ["/a", "/b"]);
    assert_eq!(differences(json!({"a": [1]}), json!({"a": []})), ["/a"]);
    assert!(differences(json!({"a": null, "x-cut": "b"}), json!({"b": 1})).is_empty());
    assert_eq!(
        differences(json!({"kind": "Status", "code": 1}), json!({"kind": "Status", "code": 2})),
        ["/code"]
    );
}
