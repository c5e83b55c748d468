//! How the cluster is: probes, verdicts, the gate.
//!
//! [`recon`] runs every probe once. A probe's judgement is a pure function of what was read, the moment and the
//! settings; what could not be read, or whose reporter is dead, is UNKNOWN and blocks. [`gate`] makes the
//! [`gate::MergePermit`] out of a fresh all-GREEN pass, and nothing else can.
//!
//! Races decided here: a pass that is older than the settings allow gives no permit; a permit ends ten seconds after the
//! pass was judged, by our own clock; GREEN that nobody watched for a while is not GREEN without a break.

mod after;
mod answered;
mod apps;
mod audit;
mod authority;
mod baseline;
mod causes;
mod flapping;
mod gate;
mod gone;
mod hindsight;
mod holding;
#[cfg(test)]
pub(crate) mod incidents;
mod inventory;
mod moved;
mod outside;
mod own;
mod platform;
mod probes;
mod recon;
mod restarts;
mod rights;
mod settings;
mod steadiness;
mod storage;
mod types;

pub(crate) use after::{After, LONGEST_WAIT, NOT_LOOKED_SINCE};
pub(crate) use answered::{AnsweredBefore, Behind, Seen, ServiceSeen, ServicesSeen, WithoutEndpoints};
pub(crate) use audit::{AuditRule, FilesAudited, Trending, is_manifest, plain_secrets};
pub(crate) use authority::{Approval, Authority, PlanMark};
pub(crate) use baseline::{Attribution, Baseline, FailedBefore, NODE_RESTARTED, attributions, new_findings};
pub(crate) use causes::Grounds;
pub(crate) use gate::{
    Blocked, Conditions, ConfirmedPermit, Evidence, LastWord, MergePermit, MergeSubject, NEEDED_LEASE,
    Obstacle, PermitVoid, blocked, closed_by, permit,
};
pub(crate) use hindsight::{Before, Hindsight};
pub(crate) use inventory::{Chart, Dated, Inventory, Orphan};
pub(crate) use moved::Made;
pub(crate) use probes::is_a_reporter;
pub(crate) use recon::{Surroundings, ask_kubelets, recon};
pub(crate) use restarts::Restarted;
pub(crate) use rights::{Feature, Need, Work, needed, rights};
pub(crate) use settings::{Acknowledgement, Settings};
pub(crate) use steadiness::{Steadiness, Watch};
pub(crate) use types::*;
