//! The command line: one file a subcommand. What a command prints goes to stdout, everything else to stderr.

mod backup;
mod common;
mod config;
mod demo;
mod doctor;
mod failure;
mod lint;
mod plan;
mod recon;
mod rows;
mod run;
mod serve;
mod setup;

use crate::logging::{self, LogFormat};
use clap::{Parser, Subcommand};
use failure::{Exit, Failure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Works through maintenance issues of a Kubernetes cluster that is run from Git.
#[derive(Debug, Parser)]
#[command(name = "caretaker", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    /// The settings; without it ./caretaker.toml, then /etc/caretaker/caretaker.toml.
    #[arg(long, global = true, value_name = "FILE", env = "CARETAKER_CONFIG")]
    config: Option<PathBuf>,
    /// How log lines on stderr look; `CARETAKER_LOG=caretaker=debug` says what is logged.
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// Shown below the help of every command that has nothing of its own to say there.
const EXIT_CODES: &str = "\
Exit codes:
  0  done; where only people are awaited, too
  1  failed, for a reason that is printed
  2  wrong arguments or settings
  3  a server or the store cannot be reached or refuses";

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::Arguments),
    Doctor(doctor::Arguments),
    Serve(serve::Arguments),
    Run(run::Arguments),
    Plan(plan::Arguments),
    Recon(recon::Arguments),
    Lint(lint::Arguments),
    Backup(backup::Arguments),
    Config(config::Arguments),
    Demo(demo::Arguments),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let default_filter = match arguments.command {
        Command::Serve(_) => "info",
        // What `run` does is shown line by line as it happens; its log would only repeat it.
        Command::Run(_)
        | Command::Plan(_)
        | Command::Recon(_)
        | Command::Lint(_)
        | Command::Backup(_)
        | Command::Config(_) => "warn",
        // What happens is shown as it happens, and what is wrong is said; the log would only repeat it.
        Command::Demo(_) | Command::Setup(_) | Command::Doctor(_) => "error",
    };
    logging::start(arguments.log_format, default_filter);
    // Both TLS users are built without a provider of their own; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let named = arguments.config.as_deref();
    match arguments.command {
        Command::Setup(setup) => return to_its_end(setup.run(named))?,
        Command::Doctor(doctor) => return to_its_end(doctor.run(named))?,
        Command::Recon(recon) => return to_its_end(recon.run(named))?,
        Command::Serve(serve) => to_its_end(serve.run(named))??,
        Command::Run(one) => to_its_end(one.run(named))??,
        Command::Plan(plan) => to_its_end(plan.run(named))??,
        Command::Lint(lint) => to_its_end(lint.run(named))??,
        Command::Backup(backup) => to_its_end(backup.run(named))??,
        Command::Config(config) => config.run(named)?,
        Command::Demo(demo) => to_its_end(demo.run())??,
    }
    Ok(Exit::Done)
}

/// A program that a kubeconfig names and that does not come back may hold one of our threads for so long at the end.
const LEFT: Duration = Duration::from_secs(1);

fn to_its_end<F: Future>(command: F) -> Result<F::Output, Failure> {
    let runtime = runtime()?;
    let output = runtime.block_on(command);
    runtime.shutdown_timeout(LEFT);
    Ok(output)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(Exit::Failed, error, "the system gives no threads; look at its limits"))
}

/// The SIGHUPs that this process gets.
struct Hangups(tokio::signal::unix::Signal);

impl Hangups {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup())
            .map(Self)
            .map_err(|error| Failure::new(Exit::Failed, error, "the system takes no signal handlers"))
    }

    /// Does something at each of them, for as long as the process lives.
    fn act(mut self, act: impl Fn() + Send + 'static) {
        tokio::spawn(async move {
            while self.0.recv().await.is_some() {
                tracing::info!("told to look at every repository");
                act();
            }
        });
    }
}

/// Cancels a token on SIGTERM and Ctrl-C.
fn stop_on_signal(stop: tokio_util::sync::CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::new(Exit::Failed, error, "the system takes no signal handlers"))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("told to stop; ending in order");
        stop.cancel();
    });
    Ok(())
}
