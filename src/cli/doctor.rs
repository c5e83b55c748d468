//! `caretaker doctor`: what is wrong with everything that caretaker stands on.

use super::common::{Format, administrators_forge, forge_of, table_of, web_address};
use super::failure::{Exit, Failure};
use super::rows::{Row, rows};
use crate::config;
use crate::doctor::{self, Diagnosis, Examination, State};
use crate::forge::RepositoryName;
use crate::setup::webhook_address;
use crate::terminal::color;
use crate::wording;
use anstyle::{AnsiColor, Style};
use clap::Args;
use std::path::{Path, PathBuf};
use url::Url;

/// Say what is wrong with forge, repositories, hook, Renovate, cluster and store, and what mends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker doctor
  caretaker doctor --repository ops/homelab --no-test-delivery
  caretaker doctor --administrator-token-file operator-token --format json

Changes nothing, but asks the forge for one test delivery of the hook. It must arrive where the
service listens: at the running service, or, where none runs here, at doctor itself for some
seconds, which stores nothing and answers 503. Hooks are shown to administrators of the repository
alone; give a token of one, it is used for this command alone.

JSON is an array of {what, state, found, fix}; state is ok, note, warning, error or unknown. A note
is about something that an ordinary token may not see.

Exit codes:
  0  everything is in order, or there are notes and warnings alone
  1  something is wrong
  2  wrong arguments or settings
  3  nothing is known to be wrong, and something could not be found out")]
pub(super) struct Arguments {
    /// Only this repository; without it every one that the settings name or discovery finds.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<RepositoryName>,
    /// The address of /webhook as the forge reaches it; goes before `web.public_url`.
    #[arg(long, value_name = "ADDRESS", value_parser = web_address)]
    url: Option<Url>,
    /// A file with the token of somebody who administers the repository.
    #[arg(long, value_name = "FILE")]
    administrator_token_file: Option<PathBuf>,
    /// Ask for no test delivery.
    #[arg(long)]
    no_test_delivery: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<Exit, Failure> {
        let settings = config::load(named)?.settings;
        let (repositories, discover) = match self.repository {
            Some(_) => (vec![table_of(&settings, self.repository.as_ref())?], false),
            None => (settings.repository.clone(), settings.discovery.enabled),
        };
        // What is missing is said as a diagnosis; the rest is looked at all the same.
        let forge = match (settings.forge.url(), settings.forge.token()) {
            (Ok(_), Ok(_)) => Some(forge_of(&settings)?),
            _ => None,
        };
        let administrator = administrators_forge(&settings, self.administrator_token_file.as_deref())?;
        let url = self.url.or_else(|| settings.web.public_url.clone()).map(webhook_address);
        let examination = Examination {
            settings,
            repositories,
            discover,
            forge,
            administrator,
            url,
            test_delivery: !self.no_test_delivery,
        };
        let found = doctor::examine(&examination).await;
        self.format.print(found.as_slice(), |found| format!("{}{}", text(found), summary(found)))?;
        Ok(match doctor::worst(&found) {
            State::Ok | State::Note | State::Warning => Exit::Done,
            State::Error => Exit::Failed,
            State::Unknown => Exit::Unreachable,
        })
    }
}

fn word(state: State) -> (&'static str, Style) {
    match state {
        State::Ok => ("ok", color(AnsiColor::Green)),
        State::Note => ("note", color(AnsiColor::Cyan)),
        State::Warning => ("warning", color(AnsiColor::Yellow)),
        State::Error => ("error", color(AnsiColor::Red)),
        State::Unknown => ("unknown", color(AnsiColor::Magenta)),
    }
}

fn text(found: &[Diagnosis]) -> String {
    let all: Vec<Row<'_>> = found
        .iter()
        .map(|diagnosis| {
            let (word, style) = word(diagnosis.state);
            let Diagnosis { what, found, fix, .. } = diagnosis;
            Row { word, style, what, found, fix: fix.as_deref() }
        })
        .collect();
    rows(&all)
}

fn summary(found: &[Diagnosis]) -> String {
    let count = |state| found.iter().filter(|diagnosis| diagnosis.state == state).count();
    wording::doctor_summary(
        count(State::Ok),
        count(State::Note),
        count(State::Warning),
        count(State::Error),
        count(State::Unknown),
    ) + "\n"
}
