//! Label and field selectors, with the refusals of the real server: a selector that it does not know is an error, never
//! an empty answer.

use serde_json::Value;

use super::error::ApiError;
use super::kind::Kind;
use super::metadata::text;

/// Both selectors of a list or watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

#[derive(Clone, Debug)]
struct FieldTerm {
    pointer: String,
    value: String,
    equal: bool,
}

impl Selector {
    pub(crate) fn parse(of: &Kind, custom: bool, labels: &str, fields: &str) -> Result<Self, ApiError> {
        Ok(Self { labels: parse_labels(labels)?, fields: parse_fields(of, custom, fields)? })
    }

    /// A label selector alone, for the handle.
    pub(crate) fn labels(selector: &str) -> Option<Self> {
        Some(Self { labels: parse_labels(selector).ok()?, fields: Vec::new() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let label =
            |key: &str| object.pointer("/metadata/labels").and_then(|l| l.get(key)).and_then(Value::as_str);
        self.labels.iter().all(|requirement| match (&requirement.test, label(&requirement.key)) {
            (Test::In(values), Some(value)) => values.iter().any(|v| v == value),
            (Test::NotIn(values), Some(value)) => !values.iter().any(|v| v == value),
            (Test::In(_) | Test::Exists, None) | (Test::Absent, Some(_)) => false,
            (Test::NotIn(_) | Test::Absent, None) | (Test::Exists, Some(_)) => true,
        }) && self.fields.iter().all(|term| (field_value(object, &term.pointer) == term.value) == term.equal)
    }
}

fn field_value(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        // An absent flag reads as false in the index that the server keeps.
        _ if pointer == "/spec/unschedulable" => "false".to_owned(),
        _ => String::new(),
    }
}

fn parse_fields(of: &Kind, custom: bool, selector: &str) -> Result<Vec<FieldTerm>, ApiError> {
    let mut terms = Vec::new();
    for term in selector.split(',').filter(|t| !t.is_empty()) {
        let (field, value, equal) = if let Some((field, value)) = term.split_once("!=") {
            (field, value, false)
        } else if let Some((field, value)) = term.split_once("==") {
            (field, value, true)
        } else if let Some((field, value)) = term.split_once('=') {
            (field, value, true)
        } else {
            return Err(ApiError::bad_request(format!(
                "invalid selector: '{selector}'; can't understand '{term}'"
            )));
        };
        if !supported(of, custom, field) {
            return Err(ApiError::bad_request(format!("field label not supported: {field}")));
        }
        terms.push(FieldTerm {
            pointer: format!("/{}", field.replace('.', "/")),
            value: value.to_owned(),
            equal,
        });
    }
    Ok(terms)
}

fn supported(of: &Kind, custom: bool, field: &str) -> bool {
    if field == "metadata.name" || (field == "metadata.namespace" && (of.namespaced || !custom)) {
        return true;
    }
    match (of.group, of.plural) {
        ("", "pods") => matches!(
            field,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        ("", "nodes") => field == "spec.unschedulable",
        ("", "namespaces") => field == "status.phase",
        ("", "secrets") => field == "type",
        ("", "events") => {
            field.starts_with("involvedObject.")
                || matches!(field, "reason" | "reportingComponent" | "source" | "type")
        }
        ("events.k8s.io", "events") => {
            field.starts_with("regarding.") || matches!(field, "reason" | "reportingController" | "type")
        }
        ("apps", "replicasets") => field == "status.replicas",
        ("batch", "jobs") => field == "status.successful",
        _ => false,
    }
}

fn parse_labels(selector: &str) -> Result<Vec<Requirement>, ApiError> {
    let mut requirements = Vec::new();
    let mut rest = selector.trim();
    while !rest.is_empty() {
        let end = term_end(rest).ok_or_else(|| {
            ApiError::bad_request(format!(
                "unable to parse requirement: found '', expected: ',', ')' or identifier in \"{selector}\""
            ))
        })?;
        let (term, after) = rest.split_at(end);
        requirements.push(parse_requirement(term.trim()).ok_or_else(|| {
            ApiError::bad_request(format!(
                "unable to parse requirement: found '{term}', expected: identifier"
            ))
        })?);
        rest = after.trim_start_matches(',').trim_start();
    }
    Ok(requirements)
}

/// Where the first term ends: the comma outside of parentheses. `None` where a parenthesis stays open.
fn term_end(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0).then_some(text.len())
}

fn parse_requirement(term: &str) -> Option<Requirement> {
    let requirement = |key: &str, test| is_key(key).then(|| Requirement { key: key.to_owned(), test });
    if let Some(list) = term.strip_suffix(')') {
        let (head, values) = list.split_once('(')?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => requirement(key.trim(), Test::In(values)),
            "notin" => requirement(key.trim(), Test::NotIn(values)),
            _ => None,
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = term.split_once("!=") {
        return requirement(key.trim(), Test::NotIn(one(value)));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return requirement(key.trim(), Test::In(one(value)));
    }
    match term.strip_prefix('!') {
        Some(key) => requirement(key.trim(), Test::Absent),
        None => requirement(term, Test::Exists),
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

/// Whether a `LabelSelector` object (`matchLabels`, `matchExpressions`) selects a pod. An empty one selects all.
pub(crate) fn label_selector_matches(selector: &Value, object: &Value) -> bool {
    let label =
        |key: &str| object.pointer("/metadata/labels").and_then(|l| l.get(key)).and_then(Value::as_str);
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    labels.is_none_or(|map| map.iter().all(|(key, value)| label(key) == value.as_str()))
        && expressions.is_none_or(|list| {
            list.iter().all(|expression| {
                let value = label(text(expression, "/key"));
                let listed = value.is_some_and(|value| {
                    expression["values"].as_array().is_some_and(|all| all.iter().any(|v| v == value))
                });
                match text(expression, "/operator") {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kind::{APPLICATION, NODE, POD};
    use super::*;

    #[test]
    fn label_selectors() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("other!=x", true),
            ("app in (web, api)", true),
            ("app notin (web)", false),
            ("other notin (web)", true),
            ("app", true),
            ("!app", false),
            ("!other,app", true),
            ("app in (api),tier", false),
        ] {
            let parsed = Selector::parse(&POD, false, selector, "").unwrap();
            assert_eq!(parsed.matches(&object), expected, "{selector}");
        }
        for broken in ["app in (web", "=x", "app in", "a b"] {
            let error = Selector::parse(&POD, false, broken, "").unwrap_err();
            assert_eq!(error.code(), 400, "{broken}");
        }
    }

    #[test]
    fn field_selectors() {
        let pod = json!({"metadata": {"name": "a", "namespace": "n"}, "spec": {"nodeName": "metal1"},
                         "status": {"phase": "Pending"}});
        for (selector, expected) in [
            ("status.phase=Pending", true),
            ("status.phase!=Running,status.phase!=Succeeded", true),
            ("spec.nodeName=metal2", false),
            ("metadata.name=a,metadata.namespace==n", true),
        ] {
            let parsed = Selector::parse(&POD, false, "", selector).unwrap();
            assert_eq!(parsed.matches(&pod), expected, "{selector}");
        }
        assert!(
            Selector::parse(&NODE, false, "", "spec.unschedulable=false")
                .unwrap()
                .matches(&json!({"spec": {}}))
        );
        for (kind, custom, refused) in [
            (POD, false, "status.reason=Evicted"),
            (POD, false, "status.phase in (Running)"),
            (APPLICATION, true, "status.health.status=Degraded"),
        ] {
            assert_eq!(Selector::parse(&kind, custom, "", refused).unwrap_err().code(), 400, "{refused}");
        }
    }
}
