//! Own checks: what an operator knows of their cluster and no probe does, as CEL expressions over any kind.
//!
//! An expression that does not parse, or that names something that is not there, is an error when the settings load. What can go
//! wrong afterwards is UNKNOWN: a kind that is not installed, an object for which the expression has no answer, a namespace
//! that does not exist (its list is empty, and looks well). They never read `secrets`.

use super::{Finding, FindingId, Layer, Probe, ProbeResult, Verdict, probes};
use crate::cluster::{Listing, ObjectRef};
use cel::{Context, Program};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnCheck {
    /// What the check is called; the rule of its findings.
    pub name: String,
    /// Which objects.
    #[serde(flatten)]
    pub objects: Listing,
    /// Of one object, as `object`: true when it is not well.
    pub wrong: Expression,
    /// What a person is told of such an object, as a text; without it the check's name and the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Expression>,
    /// Since when it has not been well, as a text with a time; without it, or where it gives none, since the object was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Expression>,
    /// The layer that its findings belong to.
    #[serde(default = "apps")]
    pub layer: Layer,
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// For so long it is YELLOW at most.
    #[serde(default)]
    pub grace_seconds: u64,
}

fn apps() -> Layer {
    Layer::Apps
}

/// How bad a finding of an own check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// Broken.
    #[default]
    Red,
    /// Not well, still serving.
    Yellow,
    /// Listed, and blocks nothing.
    Listed,
}

/// An expression that was read, and names nothing but what is there.
#[derive(Clone)]
pub(crate) struct Expression {
    text: String,
    program: Arc<Program>,
}

/// What an expression may name.
const KNOWN: [&str; 2] = ["object", "now"];

impl Expression {
    fn new(text: &str) -> Result<Self, String> {
        let program = Program::compile(text).map_err(|error| format!("`{text}` is no CEL: {error}"))?;
        let unknown = |names: Vec<&str>, known: &dyn Fn(&str) -> bool| {
            names.into_iter().find(|name| !known(name)).map(str::to_owned)
        };
        let references = program.references();
        if let Some(name) = unknown(references.variables(), &|name| KNOWN.contains(&name)) {
            return Err(format!("`{text}` names `{name}`; there are `object` and `now`"));
        }
        let context = context(Timestamp::UNIX_EPOCH);
        if let Some(name) = unknown(references.functions(), &|name| context.has_function(name)) {
            return Err(format!("`{text}` calls `{name}`, which is no function of CEL or of these checks"));
        }
        Ok(Self { text: text.to_owned(), program: Arc::new(program) })
    }
}
