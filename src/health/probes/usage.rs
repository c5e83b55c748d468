//! CPU and memory of the nodes: figures for the report, never a verdict.

use super::judged;
use crate::cluster::NodeUsage;
use crate::health::{Probe, ProbeResult};

/// The answer for what the nodes use.
pub(in crate::health) fn judge_usage(usage: &[NodeUsage]) -> ProbeResult {
    judged(Probe::Usage, format!("{} nodes report CPU and memory", usage.len()), Vec::new())
}
