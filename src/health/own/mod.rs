//! Own checks: what an operator knows of their cluster and no probe does, as CEL expressions over any kind.
//!
//! An expression that does not parse, or that names something that is not there, is an error when the settings load. What
//! goes wrong afterwards is UNKNOWN: a kind that is not installed, an object for which the expression has no answer, a
//! namespace that does not exist (its list is empty, and looks well), a check that takes too long. `secrets` are never read.

mod expression;
mod judge;
mod look;

pub(crate) use expression::Expression;
pub(super) use look::look;

use super::Layer;
use super::settings::{apps, name};
use crate::cluster::Listing;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnCheck {
    /// What the check is called; the rule of its findings, and no other check's.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Which objects.
    pub objects: Listing,
    /// Of one object, as `object`: true where it is not well.
    pub wrong: Expression,
    /// What a person is told of such an object, as a text; without it the expression itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Expression>,
    /// Since when it has not been well, as a text with a time; without it, or where there is none, since the object was
    /// made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Expression>,
    /// The layer that its findings belong to.
    #[serde(default = "apps")]
    pub layer: Layer,
    /// How bad such a finding is.
    #[serde(default)]
    pub severity: Severity,
    /// For so long it is YELLOW at most.
    #[serde(default)]
    pub grace_seconds: u64,
}

impl OwnCheck {
    fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
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
