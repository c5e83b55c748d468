//! A run: the work on one maintenance issue, from discovery to closing.
//!
//! `observe` gathers what is true, `decide` judges (pure), `act` has the effects, the journal (`event`, folded by
//! `state`) remembers, `report` says what the body shall be; `worker` turns the wheel.

mod act;
mod checks;
mod decide;
mod discovery;
mod effects;
mod event;
mod files;
mod gitops;
mod incidents;
mod memory;
mod names;
mod observe;
mod open;
mod permit;
mod report;
mod repository_file;
mod repository_state;
mod schedule;
mod settings;
mod situation;
mod state;
#[cfg(test)]
mod stories;
mod tone;
mod trust;
mod windows;
mod worker;
mod writing;

pub(crate) use discovery::{Found as Discovered, Range as DiscoveryRange};
pub(crate) use event::{Accepted, ChangeResult, Effect, Event, Outcome, TaskOutcome, TroubleFinding};
pub(crate) use files::audit_files;
pub(crate) use gitops::read as read_gitops;
pub(crate) use open::{
    Dashboard, Opening, OpeningError, Published, accepted_beside, dashboard, open_updates,
};
#[cfg(any(test, feature = "bench"))]
pub(crate) use report::LastWrite;
#[cfg(feature = "bench")]
pub(crate) use report::notes;
pub(crate) use report::progress;
pub(crate) use repository_file::{Preview, preview};
pub(crate) use repository_state::RepositoryState;
pub(crate) use schedule::{Scheduler, Settings as Schedule};
pub(crate) use settings::{Discovery, Repository, RolloutBy, Settings};
pub(crate) use situation::Mode;
pub(crate) use state::{MergeRecord, RunState, TaskState};
pub(crate) use tone::{Tone, now, tone};
pub(crate) use worker::{Only, Parts, RunError, Standing, Worker};
#[cfg(test)]
pub(crate) use {observe::task_boxes, worker::text_hash, writing::Arrivals};

use crate::store::{JournalRow, RunId, Store};

/// Folds a run's journal.
pub(crate) async fn load_state(store: &Store, run: RunId) -> Result<RunState, RunError> {
    fold(run, store.journal(run, None).await?)
}

/// Folds what a journal holds.
pub(crate) fn fold(run: RunId, journal: Vec<JournalRow>) -> Result<RunState, RunError> {
    let mut state = RunState::default();
    for row in journal {
        let event = serde_json::from_str(&row.event).map_err(|source| RunError::Journal { run, source })?;
        state.fold(row.id, row.at, event);
    }
    Ok(state)
}
