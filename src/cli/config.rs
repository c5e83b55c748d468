//! `caretaker config`.

use super::failure::Failure;
use crate::config;
use anstyle::{AnsiColor, Style};
use clap::Subcommand;
use std::io::Write;
use std::path::Path;

/// Look at the settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  caretaker config example > caretaker.toml
  caretaker --config caretaker.toml config check

Exit codes:
  0  done
  2  the settings are wrong, or something is missing")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Load the settings and say what is wrong or missing. Looks for secrets, never shows them, asks no server.
    Check,
    /// Print every setting with its default and what it means.
    Example,
}

impl Arguments {
    pub(super) fn run(self, named: Option<&Path>) -> Result<(), Failure> {
        match self.command {
            Command::Check => check(named),
            Command::Example => Ok(anstream::stdout().write_all(config::EXAMPLE.as_bytes())?),
        }
    }
}

fn check(named: Option<&Path>) -> Result<(), Failure> {
    let loaded = config::load(named)?;
    let from = match &loaded.file {
        Some(path) => format!("{} and the environment", path.display()),
        None => "the environment alone; there is no file".to_owned(),
    };
    let mut out = anstream::stdout();
    writeln!(out, "Settings from {from}.")?;
    let missing = loaded.settings.missing(config::NeededFor::Service);
    if missing.is_empty() {
        let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
        writeln!(out, "{green}Nothing is wrong and nothing is missing.{green:#}")?;
        return Ok(());
    }
    out.flush()?;
    Err(Failure::missing(&missing))
}
