//! What the server refuses or drops of an object that a client sends: unknown fields, and the few values that matter to
//! a client that coordinates through Leases and starts syncs.
//!
//! Only kinds that clients of this simulator write have a schema here; the fields of the others are taken as they come.

use jiff::Timestamp;
use serde_json::Value;

use super::error::ApiError;
use super::kind::{APPLICATION, CONFIG_MAP, EVENT, EVENTS_EVENT, Kind, LEASE};
use super::metadata::text;

/// What to do about a field that the kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

impl FieldValidation {
    pub(crate) fn of(parameter: &str) -> Result<Self, ApiError> {
        match parameter {
            "" | "Warn" => Ok(Self::Warn),
            "Ignore" => Ok(Self::Ignore),
            "Strict" => Ok(Self::Strict),
            other => Err(ApiError::invalid(
                &Kind::cluster("meta.k8s.io", "v1", "CreateOptions", ""),
                "",
                &[(
                    "FieldValueNotSupported",
                    &format!(
                        "Unsupported value: \"{other}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
                    ),
                    "fieldValidation",
                )],
            )),
        }
    }
}

/// A schema: the fields that exist. A field without an entry of its own may hold anything.
struct Schema {
    /// Path of an object, from the top; `""` is the top itself.
    path: &'static str,
    fields: &'static [&'static str],
}

const METADATA: Schema = Schema {
    path: "/metadata",
    fields: &[
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ],
};

const LEASES: &[Schema] = &[
    METADATA,
    Schema { path: "", fields: &["apiVersion", "kind", "metadata", "spec"] },
    Schema {
        path: "/spec",
        fields: &[
            "holderIdentity",
            "leaseDurationSeconds",
            "acquireTime",
            "renewTime",
            "leaseTransitions",
            "strategy",
            "preferredHolder",
        ],
    },
];

const APPLICATIONS: &[Schema] = &[
    METADATA,
    Schema { path: "", fields: &["apiVersion", "kind", "metadata", "spec", "operation", "status"] },
    Schema {
        path: "/spec",
        fields: &[
            "destination",
            "ignoreDifferences",
            "info",
            "project",
            "revisionHistoryLimit",
            "source",
            "sourceHydrator",
            "sources",
            "syncPolicy",
        ],
    },
    Schema {
        path: "/spec/syncPolicy",
        fields: &["automated", "managedNamespaceMetadata", "retry", "syncOptions"],
    },
    Schema { path: "/spec/syncPolicy/automated", fields: &["allowEmpty", "enabled", "prune", "selfHeal"] },
    Schema { path: "/operation", fields: &["info", "initiatedBy", "retry", "sync"] },
    Schema { path: "/operation/initiatedBy", fields: &["automated", "username"] },
    Schema {
        path: "/operation/sync",
        fields: &[
            "autoHealAttemptsCount",
            "dryRun",
            "manifests",
            "prune",
            "resources",
            "revision",
            "revisions",
            "source",
            "sources",
            "syncOptions",
            "syncStrategy",
        ],
    },
];

const CONFIG_MAPS: &[Schema] = &[
    METADATA,
    Schema { path: "", fields: &["apiVersion", "kind", "metadata", "data", "binaryData", "immutable"] },
];

const CORE_EVENTS: &[Schema] = &[
    METADATA,
    Schema {
        path: "",
        fields: &[
            "apiVersion",
            "kind",
            "metadata",
            "involvedObject",
            "reason",
            "message",
            "source",
            "firstTimestamp",
            "lastTimestamp",
            "count",
            "type",
            "eventTime",
            "series",
            "action",
            "related",
            "reportingComponent",
            "reportingInstance",
        ],
    },
];

const EVENTS: &[Schema] = &[
    METADATA,
    Schema {
        path: "",
        fields: &[
            "apiVersion",
            "kind",
            "metadata",
            "eventTime",
            "series",
            "reportingController",
            "reportingInstance",
            "action",
            "reason",
            "regarding",
            "related",
            "note",
            "type",
            "deprecatedSource",
            "deprecatedFirstTimestamp",
            "deprecatedLastTimestamp",
            "deprecatedCount",
        ],
    },
];

fn schemas(kind: &Kind) -> &'static [Schema] {
    match *kind {
        LEASE => LEASES,
        APPLICATION => APPLICATIONS,
        CONFIG_MAP => CONFIG_MAPS,
        EVENT => CORE_EVENTS,
        EVENTS_EVENT => EVENTS,
        // Metadata is the same everywhere.
        _ => &[METADATA],
    }
}

/// Takes the unknown fields out of an object and names them, `spec.suspend`.
pub(crate) fn prune(kind: &Kind, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    for schema in schemas(kind) {
        let Some(Value::Object(map)) = object.pointer_mut(schema.path) else { continue };
        let prefix = schema.path.trim_start_matches('/').replace('/', ".");
        map.retain(|field, _| {
            let known = schema.fields.contains(&field.as_str());
            if !known {
                let dot = if prefix.is_empty() { "" } else { "." };
                unknown.push(format!("{prefix}{dot}{field}"));
            }
            known
        });
    }
    unknown
}

/// A value that cannot even be read as the kind, in the words of the decoder.
pub(crate) fn undecodable(kind: &Kind, object: &Value) -> Option<String> {
    match *kind {
        LEASE => {
            ["/spec/renewTime", "/spec/acquireTime"].iter().find_map(|path| micro_time(object.pointer(path)?))
        }
        EVENTS_EVENT | EVENT => micro_time(object.get("eventTime")?),
        CONFIG_MAP => {
            let data = object.get("data")?.as_object()?;
            let wrong = data.values().find(|value| !value.is_string())?;
            Some(format!(
                "json: cannot unmarshal {} into Go struct field ConfigMap.data of type string",
                name_of(wrong)
            ))
        }
        _ => None,
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The server reads these times with exactly six digits of fraction.
fn micro_time(value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let Some(text) = value.as_str() else {
        return Some(format!("json: cannot unmarshal {} into Go value of type string", name_of(value)));
    };
    let layout = "2006-01-02T15:04:05.000000Z07:00";
    let (seconds, rest) = text.split_at_checked(19).unwrap_or((text, ""));
    if format!("{seconds}Z").parse::<Timestamp>().is_err() || !text.is_char_boundary(19.min(text.len())) {
        return Some(format!("parsing time \"{text}\" as \"{layout}\": cannot parse \"{text}\" as \"2006\""));
    }
    let digits = rest.strip_prefix('.').map_or(0, |r| r.bytes().take_while(u8::is_ascii_digit).count());
    if digits != 6 || text.parse::<Timestamp>().is_err() {
        return Some(format!(
            "parsing time \"{text}\" as \"{layout}\": cannot parse \"{rest}\" as \".000000\""
        ));
    }
    None
}

/// Refuses an object that reads well and says something impossible.
pub(crate) fn validate(kind: &Kind, name: &str, object: &Value) -> Result<(), ApiError> {
    match *kind {
        LEASE => {
            for (field, least, text) in [
                ("leaseDurationSeconds", 1, "greater than 0"),
                ("leaseTransitions", 0, "greater than or equal to 0"),
            ] {
                let Some(value) = object.pointer(&format!("/spec/{field}")).and_then(Value::as_i64) else {
                    continue;
                };
                if value < least {
                    let message = format!("Invalid value: {value}: must be {text}");
                    return Err(ApiError::invalid(
                        kind,
                        name,
                        &[("FieldValueInvalid", &message, &format!("spec.{field}"))],
                    ));
                }
            }
            Ok(())
        }
        APPLICATION => {
            let required = ["spec", "spec.destination", "spec.project"];
            for field in required {
                if object.pointer(&format!("/{}", field.replace('.', "/"))).is_none() {
                    return Err(ApiError::invalid(
                        kind,
                        name,
                        &[("FieldValueRequired", "Required value", field)],
                    ));
                }
            }
            Ok(())
        }
        EVENTS_EVENT => {
            for field in ["reportingController", "reportingInstance", "action", "reason", "type"] {
                if text(object, &format!("/{field}")).is_empty() {
                    return Err(event_invalid(name, "FieldValueRequired", "Required value", field));
                }
            }
            if text(object, "/note").len() > 1024 {
                let message = "Invalid value: \"\": can have at most 1024 characters";
                return Err(event_invalid(name, "FieldValueInvalid", message, "message"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Events are validated as the core kind, whichever group they come by.
fn event_invalid(name: &str, reason: &str, message: &str, field: &str) -> ApiError {
    ApiError::invalid(&EVENT, name, &[(reason, message, field)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lease_times_have_six_digits() {
        for (time, good) in [
            (json!("2026-01-01T00:00:00.000000Z"), true),
            (json!("2026-01-01T00:00:00.123456+01:00"), true),
            (json!(null), true),
            (json!("2026-01-01T00:00:00Z"), false),
            (json!("2026-01-01T00:00:00.123Z"), false),
            (json!("yesterday"), false),
            (json!("zwölf Uhr mittags äöü"), false),
            (json!(5), false),
        ] {
            let lease = json!({"spec": { "renewTime": time }});
            assert_eq!(undecodable(&LEASE, &lease).is_none(), good, "{lease}");
        }
    }

    #[test]
    fn unknown_fields_are_named_and_taken_out() {
        let mut application = json!({"spec": {"project": "p", "suspend": true}, "extra": 1,
                                     "metadata": {"name": "a", "label": {}}});
        let mut unknown = prune(&APPLICATION, &mut application);
        unknown.sort();
        assert_eq!(unknown, ["extra", "metadata.label", "spec.suspend"]);
        assert_eq!(application, json!({"spec": {"project": "p"}, "metadata": {"name": "a"}}));
    }
}
