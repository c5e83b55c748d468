//! `caretaker run`: one issue, in the foreground.

use super::common::table_of;
use super::failure::{Exit, Failure};
use crate::config;
use crate::forge::{IssueNumber, RepositoryName};
use crate::live::{Clock, Lines, Live};
use crate::run::Standing;
use crate::{app, wording};
use clap::Args;
use std::io::Write;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Work on one maintenance issue in the foreground, until its run is over or waits for people.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker run --issue 42
  caretaker run --issue 42 --config homelab.toml > maintenance.log
  caretaker run --issue 42 --repository ops/homelab

Each step is a line on stdout; a terminal also shows how far it is.
No webhook is needed: the forge is asked.
Stopped at any moment and started again, it goes on where it was.

Exit codes:
  0  the run is over, or waits for people alone
  1  failed, for a reason that is printed
  2  wrong arguments or settings
  3  a server or the store cannot be reached or refuses, something is missing, or another caretaker has the lock")]
pub(super) struct Arguments {
    /// The number of the maintenance issue.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    issue: u64,
    /// The repository of the issue; needed where the settings name several.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<RepositoryName>,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<(), Failure> {
        let settings = config::load(named)?.settings;
        let missing = settings.missing(config::NeededFor::Run);
        if !missing.is_empty() {
            return Err(Failure::missing(&missing));
        }
        let chosen = table_of(&settings, self.repository.as_ref())?;
        let stop = CancellationToken::new();
        super::stop_on_signal(stop.clone())?;
        let issue = IssueNumber(self.issue);
        let live = Live::new(Clock::Wall, Lines::Stdout);
        let standing = app::run_issue(&settings, &chosen, issue, stop, &live).await;
        live.finish();
        let standing = standing.map_err(super::serve::failure)?;
        // Whoever reads the other end of a pipe may stop reading: that is nobody's failure.
        let words = wording::standing(issue, &standing);
        let _ = writeln!(anstream::stdout(), "{words}");
        let (exit, next) = match standing {
            Standing::People | Standing::Window { .. } | Standing::Over | Standing::Stopped => return Ok(()),
            Standing::NoIssue => (Exit::Settings, "name an open issue that carries the maintenance label"),
            Standing::Obstacles => {
                (Exit::Unreachable, "the issue's status block and the log name what is missing")
            }
            Standing::Unusable { .. } => (
                Exit::Unreachable,
                "let caretaker's account write to the repository, or name the repository as it is called now",
            ),
            Standing::Paused => {
                (Exit::Unreachable, "the issue's status block names who stopped it and what is half done")
            }
            Standing::Locked { .. } => (
                Exit::Unreachable,
                "let the other caretaker end its work, or stop it, and try again; the Lease that the settings name \
                 under `cluster` shows its holder, and the issue's status block is that one's",
            ),
        };
        Err(Failure::new(exit, words, next))
    }
}
