//! What a part of an object says, as a hash: two of one hash say the same, however it is written.
//!
//! Argo CD compares an Application again when any part of its source is another than the one that it compared last; a list of
//! fields that matter would always lack one. Decided here: what Argo CD leaves out when it writes (nothing, empty texts, lists and
//! objects, `false`, 0) is the same as not written at all, since the spec is as a person wrote it and the status as Argo CD did.
//! The values of a chart are nobody's fields, and are taken as they are but for `null`, which no merge patch can write.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of several parts in their order.
    pub(super) fn of_all(parts: impl Iterator<Item = Self>) -> Self {
        let mut all = Sha256::new();
        parts.for_each(|part| all.update(part.0));
        Self(all.finalize().into())
    }
}

#[cfg(test)]
impl Fingerprint {
    /// Of something else than what says nothing.
    pub(crate) fn another() -> Self {
        Self([1; 32])
    }
}

/// Whether what is looked at are fields of Argo CD's, or words that it hands on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Fields,
    HandedOn,
}

/// The field that holds a chart's values as an object.
const VALUES: &str = "valuesObject";

/// The hash of a part.
pub(super) fn fingerprint(part: &Value) -> Fingerprint {
    let said = said(part, Words::Fields).map(|said| said.to_string()).unwrap_or_default();
    Fingerprint(Sha256::digest(said).into())
}

/// What a part says, with its fields in their order; none where that is nothing.
fn said(part: &Value, words: Words) -> Option<Value> {
    let is_said = |said: bool| said || words == Words::HandedOn;
    match part {
        Value::Null => None,
        Value::Object(fields) => {
            let below = |name: &str| if name == VALUES { Words::HandedOn } else { words };
            let kept = fields.iter().filter_map(|(name, value)| Some((name, said(value, below(name))?)));
            let kept: BTreeMap<&String, Value> = kept.collect();
            is_said(!kept.is_empty())
                .then(|| kept.into_iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        // Its place is part of what an element says.
        Value::Array(elements) => is_said(!elements.is_empty())
            .then(|| elements.iter().map(|one| said(one, words).unwrap_or_default()).collect()),
        Value::Bool(value) => is_said(*value).then(|| part.clone()),
        Value::String(text) => is_said(!text.is_empty()).then(|| part.clone()),
        Value::Number(number) => is_said(number.as_f64() != Some(0.0)).then(|| part.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_that_say_the_same_are_the_same_and_no_others() {
        let source = json!({"repoURL": "https://charts.example.org", "chart": "redis", "targetRevision": "1.0.0",
            "helm": {"values": "a: 1\n", "parameters": [{"name": "tag", "value": "1.0.0"}],
                "valuesObject": {"on": false, "list": [1, 2], "none": {}}}});
        let with = |pointer: &str, value: Value| {
            let mut other = source.clone();
            *other.pointer_mut(pointer).expect("it is there") = value;
            other
        };
        let (same, other) = (true, false);
        let cases = [
            ("the values", with("/helm/values", json!("a: 2\n")), other),
            ("a parameter", with("/helm/parameters/0/value", json!("1.0.1")), other),
            ("a value of the object", with("/helm/valuesObject/on", json!(true)), other),
            ("no value of it", with("/helm/valuesObject/on", Value::Null), other),
            ("an empty value", with("/helm/valuesObject/none", Value::Null), other),
            ("another order of a list", with("/helm/valuesObject/list", json!([2, 1])), other),
            ("the version", with("/targetRevision", json!("1.0.1")), other),
            (
                "another order of fields",
                json!({"targetRevision": "1.0.0", "chart": "redis", "helm": source["helm"], "repoURL": source["repoURL"]}),
                same,
            ),
        ];
        for (name, changed, expected) in cases {
            assert_eq!(fingerprint(&changed) == fingerprint(&source), expected, "{name}");
        }
        let mut empty = source.clone();
        empty["path"] = json!("");
        empty["kustomize"] = json!({"images": [], "forceCommonLabels": false});
        empty["helm"]["skipCrds"] = json!(false);
        empty["helm"]["valuesObject"]["no"] = Value::Null;
        assert_eq!(fingerprint(&empty), fingerprint(&source), "what Argo CD does not write says nothing");
        assert_eq!(fingerprint(&json!({})), fingerprint(&Value::Null));
    }
}
