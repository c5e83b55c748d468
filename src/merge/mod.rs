//! Renovate's queue: order, pre-flight, merge, following the rollout, undoing.
//!
//! Everything here is pure: the caller reads the forge and the cluster, these modules judge.

pub(crate) mod by_words;
pub(crate) mod classify;
mod diff;
pub(crate) mod explain;
pub(crate) mod foundations;
mod glob;
pub(crate) mod landing;
mod named;
pub(crate) mod paths;
pub(crate) mod preflight;
pub(crate) mod protection;
pub(crate) mod reversible;
pub(crate) mod revert;
pub(crate) mod rollout;
pub(crate) mod semver;
pub(crate) mod settings;
mod types;
pub(crate) mod versions;

pub(crate) use settings::{FoundationRule, RenovateSettings, ReversiblePath, ReversibleRule, Settings};
pub(crate) use types::*;

#[cfg(test)]
mod tests;
