//! caretaker works through maintenance issues of a Kubernetes cluster that is run from Git.
//!
//! The map, from the top down; arrows point down only:
//!
//! * `cli`, `demo`, `app`: start things; `demo` brings the simulated servers along
//! * `live`, `logging`: what a person sees on a terminal
//! * `config`: puts together the settings that each module defines for itself
//! * `setup`, `doctor`: prepare a repository; say what is wrong with what caretaker stands on
//! * `web`, `inbox`: take what comes in
//! * `run`: situation, decide, the worker, the journal
//! * `issue`, `merge`, `health`, `action`: what a run is made of
//! * `wording`: the sentences of issue and plan; `terminal`: colours; `timing`: every wait for the world; `glob`: patterns
//! * `forge`, `cluster`, `store`: the outside; they know no other module

mod action;
mod app;
mod body_file;
mod cli;
mod cluster;
mod config;
pub mod demo;
mod doctor;
mod error_chain;
mod forge;
mod glob;
mod health;
mod inbox;
mod issue;
mod live;
mod logging;
mod merge;
mod run;
mod setup;
mod store;
mod terminal;
mod timing;
mod web;
mod wording;

/// What the fuzz targets and the benches reach; there for them alone.
#[cfg(any(fuzzing, feature = "bench"))]
pub mod laws {
    /// Writes into a text what the bits of `wishes` ask for, and panics where a law does not hold.
    pub fn writing(text: &str, wishes: u8) {
        crate::issue::laws::writing(text, wishes);
    }

    /// Reads a text; says how many tasks there are.
    #[must_use]
    pub fn reading(text: &str) -> usize {
        crate::issue::laws::tasks_of(text)
    }

    /// Reads a text and writes everything that can be wished for into it; says how long it is afterwards.
    #[must_use]
    pub fn written(text: &str) -> usize {
        crate::issue::laws::length_written(text)
    }
}

#[cfg(feature = "bench")]
pub mod growth;

#[cfg(feature = "bench")]
pub mod size;

pub use cli::main;
