//! `caretaker setup`: prepares a repository.

use super::common::{Format, administrators_forge, forge_of, table_of, web_address};
use super::failure::{Exit, Failure};
use super::rows::{Row, rows};
use crate::config;
use crate::forge::RepositoryName;
use crate::setup::{Setup, Step, StepState, webhook_address};
use crate::terminal::color;
use anstyle::{AnsiColor, Style};
use clap::Args;
use std::path::{Path, PathBuf};
use url::Url;

/// Make labels and webhook of a repository, propose who is trusted, say what keeps merges out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker setup --url https://caretaker.example.org/webhook --dry-run
  caretaker setup --administrator-token-file operator-token
  caretaker setup --repository ops/homelab --replace-hook

What is there stays as it is: a second run changes nothing. A hook is known by its address; one
that lacks something is sent again with every field. Hooks are made by administrators of the
repository: with a token that may not, everything that a person has to enter is printed. The token
of an administrator is used for this command alone. Each repository's hook has a secret of its own,
derived from that of the settings. No forge changes the secret of a hook: --replace-hook makes a new
one.

JSON is an array of {what, state, found, fix}; state is unchanged, done, would, by-hand, warning or
failed.

Exit codes:
  0  everything is there now, or would be made (--dry-run)
  1  a person has to do something, which is printed
  2  wrong arguments or settings
  3  the forge cannot be reached, refuses, or kept something else than was sent")]
pub(super) struct Arguments {
    /// The repository; needed where the settings name several.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<RepositoryName>,
    /// The address of /webhook as the forge reaches it; goes before `web.public_url`.
    #[arg(long, value_name = "ADDRESS", value_parser = web_address)]
    url: Option<Url>,
    /// A file with the token of somebody who administers the repository.
    #[arg(long, value_name = "FILE")]
    administrator_token_file: Option<PathBuf>,
    /// Make the hook anew, with the secret that belongs to the settings, and remove the old one.
    #[arg(long)]
    replace_hook: bool,
    /// Write nothing, and say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<Exit, Failure> {
        let settings = config::load(named)?.settings;
        let missing = settings.missing(config::NeededFor::Service);
        if !missing.is_empty() {
            return Err(Failure::missing(&missing));
        }
        let table = table_of(&settings, self.repository.as_ref())?;
        let forge = forge_of(&settings)?;
        let administrator = administrators_forge(&settings, self.administrator_token_file.as_deref())?;
        let address = self.url.or_else(|| settings.web.public_url.clone()).map(webhook_address);
        let setup = Setup {
            settings: &settings,
            table: &table,
            forge: &forge,
            administrator: administrator.as_ref(),
            url: address.as_ref(),
            dry_run: self.dry_run,
            replace_hook: self.replace_hook,
        };
        let steps = setup.run().await;
        self.format.print(steps.as_slice(), text)?;
        Ok(exit(&steps))
    }
}

fn exit(steps: &[Step]) -> Exit {
    let any = |state| steps.iter().any(|step| step.state == state);
    if any(StepState::Failed) {
        Exit::Unreachable
    } else if any(StepState::ByHand) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

fn word(state: StepState) -> (&'static str, Style) {
    match state {
        StepState::Unchanged => ("unchanged", color(AnsiColor::Green)),
        StepState::Done => ("done", color(AnsiColor::Green)),
        StepState::Would => ("would", color(AnsiColor::Cyan)),
        StepState::ByHand => ("by hand", color(AnsiColor::Magenta)),
        StepState::Warning => ("warning", color(AnsiColor::Yellow)),
        StepState::Failed => ("failed", color(AnsiColor::Red)),
    }
}

fn text(steps: &[Step]) -> String {
    let all: Vec<Row<'_>> = steps
        .iter()
        .map(|step| {
            let (word, style) = word(step.state);
            Row { word, style, what: &step.what, found: &step.found, fix: step.fix.as_deref() }
        })
        .collect();
    rows(&all)
}
