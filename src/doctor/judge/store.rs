//! The store's place, and what it remembers of events that were never delivered.

use crate::doctor::{Asked, Diagnosis, State};
use crate::run::RepositoryState;
use crate::store::{Holder, Look, MissedEvents, Missing};
use crate::wording;

/// How it stands with the store.
pub(crate) fn store(look: &Asked<Look>, minimum: u64) -> Vec<Diagnosis> {
    let what = "store";
    let look = match look {
        Ok(look) => look,
        Err(why) => {
            return vec![Diagnosis::not_ok(
                State::Unknown,
                what,
                format!("its place could not be looked at: {why}"),
                wording::doctor_store_disk(),
            )];
        }
    };
    let path = look.path.display();
    let mut found = Vec::new();
    let mut say = |state, said: String, fix: String| found.push(Diagnosis::not_ok(state, what, said, fix));
    match &look.network {
        Ok(None) => {}
        Ok(Some(kind)) => say(
            State::Error,
            format!("{path} lies on a network file system ({kind})"),
            wording::doctor_store_local(),
        ),
        Err(error) => say(
            State::Error,
            format!("the place of {path} cannot be looked at: {error}"),
            wording::doctor_store_folder(),
        ),
    }
    if let Err(error) = &look.writable
        && look.network.is_ok()
    {
        say(State::Error, format!("{path} cannot be written: {error}"), wording::doctor_store_folder());
    }
    let free = match &look.free_bytes {
        Ok(free) => {
            if *free < minimum {
                say(
                    State::Error,
                    format!("{} are free beside {path}, less than {}", size(*free), size(minimum)),
                    wording::doctor_store_room(),
                );
            }
            format!(", {} free", size(*free))
        }
        Err(error) => {
            if look.network.is_ok() {
                say(
                    State::Unknown,
                    format!("how much room there is beside {path} cannot be told: {error}"),
                    wording::doctor_store_disk(),
                );
            }
            String::new()
        }
    };
    let holder = match &look.holder {
        Ok(Holder::Nobody) => "no service has it open".to_owned(),
        Ok(Holder::Somebody(Some(process))) => format!("a running service has it open (process {process})"),
        Ok(Holder::Somebody(None)) => "a running service has it open".to_owned(),
        Err(error) => {
            say(
                State::Unknown,
                format!("whether a service has {path} open cannot be told: {error}"),
                wording::doctor_store_folder(),
            );
            String::new()
        }
    };
    if found.is_empty() {
        let there = if look.exists { "" } else { ", to be made at the first start" };
        found.push(Diagnosis::ok(what, format!("{path}{there}, on a local disk{free}; {holder}")));
    }
    found
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        mebibytes @ 10_240.. => format!("{} GiB", mebibytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

/// An open run of a repository that is neither named nor found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostRun {
    /// Which repository.
    pub(crate) repository: String,
    /// Of which issue.
    pub(crate) issue: u64,
    /// Whether something is half done in it; `None`: its journal cannot be read.
    pub(crate) half_done: Option<bool>,
    /// What alone keeps the repository from being found, where the forge says so.
    pub(crate) state: Option<RepositoryState>,
}

/// Runs whose repositories are neither named nor found.
pub(crate) fn lost_runs(lost: &Asked<Vec<LostRun>>) -> Vec<Diagnosis> {
    // That the store cannot be read is said of the missed events.
    let lost = lost.as_deref().unwrap_or_default();
    let told = lost.iter().map(|run| {
        let found = wording::doctor_lost_run(run.issue, run.state.as_ref(), run.half_done);
        let fix = wording::doctor_lost_run_fix(run.state.as_ref(), run.half_done);
        Diagnosis::not_ok(State::Warning, run.repository.clone(), found, fix)
    });
    told.collect()
}

/// What was found by looking and never delivered.
pub(crate) fn missed_events(missed: &Asked<Vec<(String, Missing, MissedEvents)>>) -> Vec<Diagnosis> {
    let what = "deliveries";
    match missed {
        Ok(missed) => missed
            .iter()
            .map(|(repository, missing, missed)| {
                // Nothing is wrong with a hook that had nobody to deliver to.
                if *missing == Missing::Down {
                    let last = wording::time(missed.last_at);
                    return Diagnosis::ok(
                        what,
                        wording::doctor_missed_while_down(repository, missed.count, &last),
                    );
                }
                let last = missed.last_delivery_at.map_or_else(
                    || "none had ever arrived".to_owned(),
                    |at| format!("the last had arrived {}", wording::time(at)),
                );
                let found = format!(
                    "{repository}: {} changes were found by looking and never delivered, the last {}; {last}",
                    missed.count,
                    wording::time(missed.last_at)
                );
                Diagnosis::not_ok(State::Warning, what, found, wording::doctor_missed())
            })
            .collect(),
        Err(why) => vec![Diagnosis::not_ok(
            State::Unknown,
            what,
            format!("the store cannot be read: {why}"),
            wording::doctor_store_folder(),
        )],
    }
}
