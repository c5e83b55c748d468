//! Logs go to stderr, so that what a command prints stays readable for programs. Secrets never come near them: they are
//! `SecretString`s, which show nothing of themselves.

use clap::ValueEnum;
use indicatif::ProgressBar;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, such as `caretaker=debug`.
const FILTER: &str = "CARETAKER_LOG";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// The last line of the terminal, where one is shown: a log line goes above it, not into it.
static LAST_LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// From now on log lines go above this one.
pub(crate) fn keep_clear_of(bar: &ProgressBar) {
    *LAST_LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
}

/// There is no such line any more.
pub(crate) fn keep_clear_of_nothing() {
    *LAST_LINE.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Stderr, above the last line.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let bar = LAST_LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar {
            Some(bar) => bar.suspend(|| std::io::stderr().write(bytes)),
            None => std::io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Whether stderr takes colour: a terminal that nobody asked to stay plain, or one that was asked for it.
fn colored() -> bool {
    let choice = anstream::AutoStream::choice(&std::io::stderr());
    choice != anstream::ColorChoice::Never
        && (choice != anstream::ColorChoice::Auto || std::io::stderr().is_terminal())
}

/// Starts logging. `default` is what is logged when the environment does not say.
pub(crate) fn start(format: LogFormat, default: &str) {
    // Each failed request of kube's is logged there as an error, over and over; what we say of it has the reason and names
    // what is asked.
    let quiet = || EnvFilter::new(format!("{default},kube_client=off"));
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| quiet());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Stderr);
    // Logging is started once; where a test has started it already, that one stays.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(colored()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
