//! What stood in the recording, and what stands for it on the live server.

use std::collections::HashMap;

use serde_json::Value;

/// Ids of commits, labels, hooks, comments, and numbers of issues.
#[derive(Default)]
pub(crate) struct Mapping {
    commits: HashMap<String, String>,
    numbers: HashMap<(&'static str, u64), u64>,
}

const HEX: usize = 40;

impl Mapping {
    pub(crate) fn learn_commit(&mut self, recorded: &str, live: &str) {
        self.commits.insert(recorded.to_owned(), live.to_owned());
    }

    pub(crate) fn learn_number(&mut self, kind: &'static str, recorded: u64, live: u64) {
        self.numbers.insert((kind, recorded), live);
    }

    /// Learns from an answer what its recorded counterpart stood for.
    pub(crate) fn learn(&mut self, recorded: &Value, live: &Value) {
        match (recorded, live) {
            (Value::Object(recorded), Value::Object(live)) => {
                let kind = if recorded.contains_key("exclusive") {
                    Some("labels")
                } else if recorded.contains_key("authorization_header") {
                    Some("hooks")
                } else if recorded.contains_key("issue_url") && recorded.contains_key("body") {
                    Some("comments")
                } else {
                    None
                };
                let number =
                    |map: &serde_json::Map<String, Value>, key: &str| map.get(key).and_then(Value::as_u64);
                if let (Some(kind), Some(before), Some(now)) =
                    (kind, number(recorded, "id"), number(live, "id"))
                {
                    self.numbers.insert((kind, before), now);
                }
                if let (Some(before), Some(now)) = (number(recorded, "number"), number(live, "number")) {
                    self.numbers.insert(("issues", before), now);
                }
                for (key, value) in recorded {
                    if let Some(other) = live.get(key) {
                        self.learn(value, other);
                    }
                }
            }
            (Value::Array(recorded), Value::Array(live)) => {
                for (recorded, live) in recorded.iter().zip(live) {
                    self.learn(recorded, live);
                }
            }
            (Value::String(recorded), Value::String(live)) if is_commit(recorded) && is_commit(live) => {
                self.commits.entry(recorded.clone()).or_insert_with(|| live.clone());
            }
            _ => {}
        }
    }

    pub(crate) fn number(&self, kind: &'static str, recorded: u64) -> u64 {
        self.numbers.get(&(kind, recorded)).copied().unwrap_or(recorded)
    }

    /// Replaces every commit id in a text.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|character: char| character.is_ascii_hexdigit()) {
            result.push_str(&rest[..at]);
            let run =
                rest[at..].find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(rest.len() - at);
            let word = &rest[at..at + run];
            result.push_str(self.commits.get(word).map_or(word, String::as_str));
            rest = &rest[at + run..];
        }
        result.push_str(rest);
        result
    }

    /// Replaces the numbers and ids in a path.
    pub(crate) fn path(&self, path: &str) -> String {
        let mut before = "";
        let parts: Vec<String> = path
            .split('/')
            .map(|part| {
                let (digits, rest) = part.split_at(part.find('?').unwrap_or(part.len()));
                let kind = match before {
                    "labels" => Some("labels"),
                    "hooks" => Some("hooks"),
                    "comments" => Some("comments"),
                    "issues" | "pulls" => Some("issues"),
                    _ => None,
                };
                before = part;
                match (kind, digits.parse()) {
                    (Some(kind), Ok(number)) => format!("{}{rest}", self.number(kind, number)),
                    _ => self.text(part),
                }
            })
            .collect();
        parts.join("/")
    }

    /// Replaces ids in the body of a request.
    pub(crate) fn body(&self, body: &Value) -> Value {
        match body {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        ("labels", Value::Array(labels)) => labels
                            .iter()
                            .map(|label| {
                                label
                                    .as_u64()
                                    .map_or_else(|| label.clone(), |id| self.number("labels", id).into())
                            })
                            .collect(),
                        ("index", Value::Number(number)) => {
                            number.as_u64().map_or(Value::Null, |number| self.number("issues", number).into())
                        }
                        _ => self.body(value),
                    };
                    (key.clone(), value)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| self.body(item)).collect(),
            Value::String(text) => Value::String(self.text(text)),
            other => other.clone(),
        }
    }
}

fn is_commit(text: &str) -> bool {
    text.len() == HEX
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}
