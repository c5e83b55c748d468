//! Renovate's queue: order, pre-flight, merge, following the rollout, undoing.

mod types;

pub(crate) use types::*;
