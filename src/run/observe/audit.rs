//! The audit's part of a look, where a task of ours rests on one.
//!
//! Decided here: no look that a change waits for reads an audit, since what could be better is no reason to hold anything up;
//! and a block that nobody can tell anything of is looked up once, not at every look.

use crate::forge::RepositoryName;
use crate::health::{Probe, Recon};
use crate::issue::{FindingTag, Kind, Reading, resolve};
use crate::run::files::audit_files;
use crate::run::schedule::trends;
use crate::run::state::RunState;
use crate::run::worker::{Parts, RunError, chain};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The tags of our own open tasks of which neither the journal nor the look tells what they are about.
fn unknown(reading: &Reading, state: &RunState, recon: &Recon) -> BTreeSet<FindingTag> {
    open(reading, state)
        .filter(|(tag, known)| known.is_none() && resolve(tag, recon.findings()).is_none())
        .map(|(tag, _)| tag.clone())
        .collect()
}

/// The tags of our own tasks that are neither ticked nor ended, each with the probe that found it, where the journal tells.
fn open<'a>(
    reading: &'a Reading,
    state: &'a RunState,
) -> impl Iterator<Item = (&'a FindingTag, Option<Probe>)> {
    let own = reading.tasks.iter().filter(|task| task.own && !task.ticked && !state.has_ended(&task.key));
    own.filter_map(|task| {
        let Kind::Finding { tag } = &task.kind else { return None };
        let added = state.added.iter().find(|(own, _)| own == tag).map(|(_, task)| task);
        Some((tag, state.findings.get(&task.key).or(added).map(|known| known.id.probe)))
    })
}

/// Whether a task of ours is open that only an audit can say anything of: it is about what one found, or nobody knows yet
/// what it is about. `looked_up`: the tags that the last audit could not tell either.
pub(super) fn wants_audit(reading: &Reading, state: &RunState, looked_up: &BTreeSet<FindingTag>) -> bool {
    open(reading, state).any(|(tag, probe)| match probe {
        Some(probe) => probe == Probe::Audit,
        None => !looked_up.contains(tag),
    })
}

/// Adds to an audit of the cluster what it does not see: what fills up and, where a tag is still unknown, the files in Git.
/// Returns the tags that stay unknown.
pub(super) async fn complete(
    parts: &Parts,
    name: &RepositoryName,
    reading: &Reading,
    state: &RunState,
    recon: &mut Recon,
    now: Timestamp,
) -> Result<BTreeSet<FindingTag>, RunError> {
    recon.add_trends(trends(&parts.store, &parts.health_settings, now).await?);
    if !unknown(reading, state, recon).is_empty() {
        let files = audit_files(parts.forge.as_ref(), name).await;
        recon.add_files(files.map_err(|error| chain(&error)));
    }
    Ok(unknown(reading, state, recon))
}
