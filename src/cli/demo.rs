//! `caretaker demo`: the whole job against the built-in simulators.

use super::failure::{BODY_ADVICE, Exit, Failure};
use crate::demo::{self, DemoError, DemoOptions, Scenario};
use clap::ValueEnum;
use std::io::Write as _;
use std::path::PathBuf;

/// Watch the whole job against built-in simulators of Gitea and Kubernetes; nothing needs to be installed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  caretaker demo
  caretaker demo --scenario clean --format json
  caretaker demo --keep
  caretaker demo --issue-file BODY.md

Exit codes:
  0  the scenario came to its end
  1  it did not; what is missing is printed
  2  wrong arguments, or a body that cannot be read")]
pub(super) struct Arguments {
    /// What happens.
    #[arg(long, value_enum, default_value_t, conflicts_with = "issue_file")]
    scenario: ScenarioName,
    /// A maintenance issue's body of your own; what it names is made up, and nobody approves anything.
    #[arg(long, value_name = "BODY.md")]
    issue_file: Option<PathBuf>,
    /// Divides the waits for the world; a bigger one is faster.
    #[arg(long, value_name = "N", value_parser = scale)]
    scale: Option<f64>,
    /// Go on running, with links to pages on which you can play the person.
    #[arg(long)]
    keep: bool,
    /// Where files go, the final bodies among them; a new temporary folder otherwise.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// What is printed at the end.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ScenarioName {
    /// One update makes its app Degraded: it is undone and held, and a person is called.
    #[default]
    Default,
    /// Nothing goes wrong.
    Clean,
}

/// For whom something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one line of JSON, the last one.
    Json,
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale >= 1.0 => Ok(scale),
        _ => Err("a number of 1 or more".to_owned()),
    }
}

fn failure(error: DemoError) -> Failure {
    match error {
        DemoError::Body(_) => Failure::new(Exit::Settings, error, BODY_ADVICE),
        DemoError::Write { .. } => {
            Failure::new(Exit::Failed, error, "name a folder that may be written with --out")
        }
        _ => Failure::new(Exit::Failed, error, "CARETAKER_LOG=caretaker=info shows what it does on the way"),
    }
}

impl Arguments {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let keep = self.keep;
        let options = DemoOptions {
            scenario: match self.scenario {
                ScenarioName::Default => Scenario::Default,
                ScenarioName::Clean => Scenario::Clean,
            },
            issue_file: self.issue_file,
            scale: self.scale,
            keep: self.keep,
            out: self.out,
            json: self.format == Format::Json,
        };
        let outcome = demo::run(options).await.map_err(failure)?;
        let mut out = anstream::stdout();
        match self.format {
            // With --keep it has been shown before the links.
            Format::Text if keep => {}
            Format::Text => write!(out, "{}", outcome.text())?,
            Format::Json => {
                let json = serde_json::to_string(&outcome)
                    .map_err(|error| Failure::new(Exit::Failed, error, "this is a mistake in caretaker"))?;
                writeln!(out, "{json}")?;
            }
        }
        Ok(out.flush()?)
    }
}
