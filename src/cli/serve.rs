//! `caretaker serve`: the service.

use super::failure::{Exit, Failure, of_the_cluster};
use crate::app::{App, AppError};
use crate::config;
use clap::Args;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Work on maintenance issues as they come, until it is told to stop (SIGTERM, Ctrl-C).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker serve
  caretaker serve --config /etc/caretaker/caretaker.toml --log-format json

Listens on `web.listen` (/webhook, /healthz, /readyz) and shows the runs on `web.page_listen`.
Stopped at any moment and started again, it goes on where it was. On SIGHUP it looks at every repository at once.
By `[schedule]` it looks by itself, each at its hour: `recon` at everything, `checks` at failed
Jobs, backups and copies, `trends` at what fills up, `audit` at what would not be well on a bad
day. What it finds becomes tasks in the maintenance issue, as with `recon --issue`.

Exit codes:
  0  told to stop, and stopped
  1  failed, for a reason that is printed
  2  wrong arguments or settings
  3  the cluster or the store cannot be reached or refuses, or an address is in use")]
pub(super) struct Arguments {}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<(), Failure> {
        let settings = config::load(named)?.settings;
        let missing = settings.missing(config::NeededFor::Service);
        if !missing.is_empty() {
            return Err(Failure::missing(&missing));
        }
        let stop = CancellationToken::new();
        super::stop_on_signal(stop.clone())?;
        // Before anything else: without it a SIGHUP ends the process.
        let hangups = super::Hangups::new()?;
        let app = App::start(&settings).await.map_err(failure)?;
        tracing::info!(address = %app.address(), page = %app.page_address(), "caretaker serves");
        hangups.act(app.looks());
        app.until(stop).await.map_err(failure)
    }
}

/// How an error of the service ends the process.
pub(super) fn failure(error: AppError) -> Failure {
    let (exit, advice) = match &error {
        AppError::Cluster(cluster) => of_the_cluster(cluster),
        AppError::NoRepository
        | AppError::ForgeSettings(_)
        | AppError::ForgeClient(_)
        | AppError::WebSettings(_) => {
            (Exit::Settings, "correct the settings; `caretaker config check` says more")
        }
        AppError::Store(_) => {
            (Exit::Unreachable, "look at `store.path`: its folder, its rights, and who else uses it")
        }
        AppError::Web(_) => (Exit::Unreachable, "look whether the addresses under [web] are free"),
        AppError::Run(_) => {
            (Exit::Failed, "the log says what happened; start it again, it goes on where it was")
        }
        AppError::Fell(_) => (Exit::Failed, "this is a fault of caretaker's; the log says where"),
    };
    Failure::new(exit, error, advice)
}
