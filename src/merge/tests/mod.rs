//! Tables for every rule of merging.

mod classify;
mod explain;
mod flux;
mod flux_accepted;
mod flux_passes;
mod flux_unread;
mod landing;
mod leaves;
mod preflight;
mod reversible;
mod revert;
mod rollout;
mod samples;
mod undone;
mod versions;

pub(super) use samples::{rules, workload};
