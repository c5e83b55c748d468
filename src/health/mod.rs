//! How the cluster is: probes, verdicts, the gate.

mod types;

pub(crate) use types::*;
