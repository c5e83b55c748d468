//! The demonstration: the whole job against simulated servers, in one process, with a scripted person.
//!
//! The stage (`world`) holds the servers and the settings that caretaker gets; the script (`person`) acts on the forge
//! by what it reads there; `run` plays both with the real service; `outcome` says how it ended, from the journal and the
//! forge. Nothing here knows more of the service than a person does, so the tests use stage and script with a service in
//! a process of its own, which may be killed.

mod body;
mod outcome;
mod outside;
mod person;
mod run;
mod world;

pub use outcome::{DemoOutcome, Layers, MergeLine, OutcomeIssue, RevertLine, TaskCounts, WriteCounts};
pub use person::Script;
pub use run::{DemoOptions, Scenario, run};
pub use world::{Stage, StageError, StageOptions};

use crate::app::AppError;
use crate::config::SettingsError;
use crate::run::RunError;
use std::path::PathBuf;

/// Why a demonstration did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The stage could not be built.
    #[error("the simulated servers could not be set up")]
    Stage(#[from] StageError),
    /// The body from outside cannot be read.
    #[error("there is no body to play with")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system takes no signal handlers.
    #[error("the system takes no signal handlers")]
    Signals(#[source] std::io::Error),
    /// A file of the demonstration cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The service's settings.
    #[error("the settings made for the demonstration are refused")]
    Settings(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The service.
    #[error("the service failed")]
    App(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// How it ended cannot be told.
    #[error("the outcome cannot be read")]
    Outcome(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It did not end in time.
    #[error("not at its end after {seconds} s: {missing}")]
    Late {
        /// How long it ran.
        seconds: u64,
        /// What is missing.
        missing: String,
    },
}

impl From<SettingsError> for DemoError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(Box::new(error))
    }
}

impl From<RunError> for DemoError {
    fn from(error: RunError) -> Self {
        Self::Outcome(Box::new(error))
    }
}

impl From<AppError> for DemoError {
    fn from(error: AppError) -> Self {
        Self::App(Box::new(error))
    }
}
