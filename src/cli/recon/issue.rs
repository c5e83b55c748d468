//! `caretaker recon --issue`: the maintenance issue about what was found.

use super::super::common::{forge_of, table_of};
use super::super::failure::{Exit, Failure};
use super::Beside;
use crate::config::Settings;
use crate::forge::{Forge, RepositoryName};
use crate::health::Recon;
use crate::issue::propose;
use crate::merge::classify::Rules;
use crate::run::{Opening, OpeningError, Published, accepted_beside, open_updates};
use crate::wording;
use serde_json::{Value, json};

/// Opens it, or refreshes the open one; with `dry`, says what that would come to.
pub(super) async fn publish(
    settings: &Settings,
    wanted: Option<&RepositoryName>,
    recon: &Recon,
    beside: &Beside,
    dry: bool,
) -> Result<Published, Failure> {
    let forge = forge_of(settings)?;
    let table = table_of(settings, wanted)?;
    let repository = forge.repository(&table.name).await?;
    let bot = forge.account().await?;
    let rules = Rules::new(&settings.merge);
    let updates = match beside {
        Beside::Read { updates, .. } => updates.clone(),
        // Asked again, so that what is missing is a failure with what to do about it.
        Beside::NotRead(_) => open_updates(&forge, &table.name, &settings.renovate, &rules).await?,
    };
    // What the open issue's run accepts its store tells, where that lies at hand. Elsewhere the run itself ends what is asked
    // for in vain.
    let path = &settings.store.path;
    let accepted = if path.is_file() {
        accepted_beside(&forge, &settings.run, &repository, &bot, path).await?
    } else {
        Vec::new()
    };
    let health = settings.health.accepting(accepted);
    let recon = &{
        let mut seen = recon.clone();
        seen.accept(&health);
        seen
    };
    let offered =
        propose(recon, &|finding| health.leaves_alone(finding, recon.began_at), &|_| true, &updates);
    let opening = Opening {
        forge: &forge,
        settings: &settings.run,
        rules: &rules,
        repository: &repository,
        bot: &bot,
        recon,
        offered: &offered,
        store: None,
    };
    Ok(opening.publish(dry).await?)
}

impl From<OpeningError> for Failure {
    fn from(error: OpeningError) -> Self {
        let advice = match error {
            OpeningError::Forge(error) => return error.into(),
            OpeningError::NoLabel { .. } => {
                return Self::new(
                    Exit::Settings,
                    error,
                    "`caretaker setup` makes the labels; `run.maintenance_label` names this one",
                );
            }
            OpeningError::Unreadable { .. } => "shorten its text, or nest its lists less deeply",
            OpeningError::KeepsChanging(_) => "try again when nobody writes it",
        };
        Self::new(Exit::Unreachable, error, advice)
    }
}

/// What became of it, for people.
pub(super) fn text(published: &Published, dry: bool) -> String {
    match published {
        Published::Opened { number, title, body, tasks } => {
            let line = wording::recon_opened(*number, title, tasks);
            if dry { format!("{line}\n\n{body}") } else { format!("{line}\n") }
        }
        Published::Refreshed { number, body, tasks, changed, again } => {
            let line = wording::recon_refreshed(*number, tasks, *changed, dry);
            let line = if *again { format!("{line}\n{}", wording::recon_written_again()) } else { line };
            if dry && *changed { format!("{line}\n\n{body}") } else { format!("{line}\n") }
        }
        Published::Nothing => format!("{}\n", wording::recon_opens_nothing()),
    }
}

/// The same for programs. The text is there where nothing was written.
pub(super) fn json(published: &Published) -> Value {
    match published {
        Published::Opened { number, title, body, tasks } => {
            json!({"number": number, "opened": true, "title": title, "body": body, "new_tasks": tasks})
        }
        Published::Refreshed { number, body, tasks, changed, again } => json!({
            "number": number,
            "opened": false,
            "changed": changed,
            "written_again": again,
            "body": body,
            "new_tasks": tasks,
        }),
        Published::Nothing => json!({"number": null, "opened": false, "new_tasks": []}),
    }
}
