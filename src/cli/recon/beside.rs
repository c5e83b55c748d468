//! What the forge says beside the cluster: Renovate's open pull requests, and its list. Never needed.

use super::super::common::{any_table_of, forge_of};
use crate::config::Settings;
use crate::forge::RepositoryName;
use crate::issue::OpenUpdate;
use crate::merge::classify::Rules;
use crate::run::{Dashboard, dashboard, open_updates};
use crate::wording;
use serde_json::{Value, json};

/// What the forge says, or why it was not asked or did not answer.
#[derive(Debug)]
pub(super) enum Beside {
    /// It answered.
    Read {
        /// The open pull requests.
        updates: Vec<OpenUpdate>,
        /// Renovate's list, where there is one.
        dashboard: Option<Dashboard>,
    },
    /// It did not.
    NotRead(String),
}

/// Asks, where a forge is set.
pub(super) async fn read(settings: &Settings, wanted: Option<&RepositoryName>) -> Beside {
    let asked = async {
        let forge = forge_of(settings).map_err(|failure| failure.what())?;
        let table = any_table_of(settings, wanted).map_err(|failure| failure.what())?;
        let (renovate, rules) = (&settings.renovate, Rules::new(&settings.merge));
        let updates = open_updates(&forge, &table.name, renovate, &rules).await;
        let updates = updates.map_err(|error| error.to_string())?;
        let dashboard = dashboard(&forge, &table.name, renovate).await;
        Ok(Beside::Read { updates, dashboard: dashboard.map_err(|error| error.to_string())? })
    };
    asked.await.unwrap_or_else(Beside::NotRead)
}

impl Beside {
    /// What about, and what is said of it.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Read { updates, dashboard } => {
                let mut lines = vec![("Renovate", wording::recon_updates(updates))];
                lines.extend(dashboard.iter().map(|dashboard| {
                    ("Dashboard", wording::recon_dashboard(dashboard.number, &dashboard.sections))
                }));
                lines
            }
            Self::NotRead(why) => vec![("Renovate", wording::recon_forge_not_read(why))],
        }
    }

    /// The same as Markdown.
    pub(super) fn markdown(&self) -> String {
        let lines: Vec<String> = self.lines().into_iter().map(|(_, said)| format!("- {said}\n")).collect();
        format!("\n## Renovate\n\n{}", lines.concat())
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Read { updates, dashboard } => {
                let update = |update: &OpenUpdate| {
                    let of = &update.classification;
                    json!({
                        "number": update.number,
                        "title": update.title,
                        "risk": of.risk,
                        "category": of.category,
                        "update": of.update,
                        "foundation": of.foundation,
                    })
                };
                let dashboard = dashboard.as_ref().map(|dashboard| {
                    let sections: Vec<Value> = dashboard
                        .sections
                        .iter()
                        .map(|listed| json!({"section": listed.section, "entries": listed.entries}))
                        .collect();
                    json!({"number": dashboard.number, "sections": sections})
                });
                json!({"pulls": updates.iter().map(update).collect::<Vec<_>>(), "dashboard": dashboard})
            }
            Self::NotRead(why) => json!({"not_read": why}),
        }
    }
}
