//! Prepares a repository: labels, the webhook, a proposal of who is trusted, and what keeps merges out.
//!
//! What is there stays as it is, so a second run changes nothing. A hook of ours is recognised by its address alone. What
//! has to be done is planned by pure functions ([`hook::plan`], [`trusted::propose`]); what was done is read back, and what
//! may not be done with this token is said field by field for a person.
//!
//! Races decided here: a write whose answer was lost is not repeated, since the next run finds what it made; a hook is
//! replaced by making the new one first, so that no delivery falls in between.

mod hook;
mod trusted;

use crate::config::Settings;
use crate::doctor::judge::{RepositoryFacts, repository};
use crate::doctor::{Asked, Diagnosis, State, within};
use crate::forge::{Forge, Gitea, Label, RepositoryName};
use crate::merge::preflight::HOLD_LABEL;
use crate::run::{self, RepositoryState};
use crate::wording;
use serde::Serialize;
use url::Url;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StepState {
    /// It was as it should be.
    Unchanged,
    /// It is so now.
    Done,
    /// It would be done, were it not for `--dry-run`.
    Would,
    /// A person does it.
    ByHand,
    /// Something that a person should know.
    Warning,
    /// It did not work.
    Failed,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// What it is about.
    pub(crate) what: String,
    /// How it ended.
    pub(crate) state: StepState,
    /// What was found or done.
    pub(crate) found: String,
    /// What a person does next.
    pub(crate) fix: Option<String>,
}

impl Step {
    fn new(state: StepState, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), state, found: found.into(), fix: None }
    }

    fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}

impl From<Diagnosis> for Step {
    fn from(diagnosis: Diagnosis) -> Self {
        let Diagnosis { what, state, found, fix } = diagnosis;
        let state = if state == State::Ok { StepState::Unchanged } else { StepState::Warning };
        Self { what, state, found, fix }
    }
}

/// What is prepared, and how.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    /// The settings.
    pub(crate) settings: &'a Settings,
    /// The repository.
    pub(crate) table: &'a run::Repository,
    /// The forge with caretaker's own token.
    pub(crate) forge: &'a Gitea,
    /// The forge with the token of somebody who administers the repository.
    pub(crate) administrator: Option<&'a Gitea>,
    /// The address of the webhook as the forge reaches it.
    pub(crate) url: Option<&'a Url>,
    /// Whether nothing is written.
    pub(crate) dry_run: bool,
    /// Whether our hook is made anew.
    pub(crate) replace_hook: bool,
}

/// An address as it was given, with the path of the webhook where it has none.
pub(crate) fn webhook_address(mut given: Url) -> Url {
    if matches!(given.path(), "" | "/") {
        given.set_path("/webhook");
    }
    given
}

/// A label that caretaker reads or sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedLabel<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    color: &'static str,
    description: &'static str,
}

/// The labels, by the names of the settings.
pub(crate) fn labels(settings: &run::Settings) -> [WantedLabel<'_>; 4] {
    [
        WantedLabel {
            name: &settings.maintenance_label,
            color: "#0e8a16",
            description: "caretaker works through this issue",
        },
        WantedLabel {
            name: &settings.needs_human_label,
            color: "#d93f0b",
            description: "caretaker waits for a person; the issue says for what",
        },
        WantedLabel {
            name: &settings.pause_label,
            color: "#fbca04",
            description: "caretaker begins nothing new here while this is set",
        },
        WantedLabel {
            name: HOLD_LABEL,
            color: "#5319e7",
            description: "caretaker does not merge this pull request",
        },
    ]
}

/// Those that are not there. Their names have a case: the forge tells them apart by it.
pub(crate) fn missing_labels<'a, 'b>(
    wanted: &'a [WantedLabel<'b>],
    there: &'a [Label],
) -> impl Iterator<Item = &'a WantedLabel<'b>> {
    wanted.iter().filter(|wanted| !there.iter().any(|label| label.name == wanted.name))
}

impl Setup<'_> {
    fn name(&self) -> &RepositoryName {
        &self.table.name
    }

    /// Who asks and writes what needs more rights, where somebody was named for it.
    fn writer(&self) -> &Gitea {
        self.administrator.unwrap_or(self.forge)
    }

    /// Prepares the repository.
    pub(crate) async fn run(&self) -> Vec<Step> {
        let name = self.name();
        let seen = within(self.forge.repository(name)).await;
        let branch = match &seen {
            Ok(seen) => within(self.forge.branch(name, &seen.default_branch)).await,
            Err(why) => Err(why.clone()),
        };
        let usable = seen.as_ref().is_ok_and(|seen| RepositoryState::of(seen).is_none());
        // A plan asks for nothing that looks like a write.
        let probed = usable && !self.dry_run;
        let (writes_code, writes_issues): (Asked<bool>, Asked<bool>) = if probed {
            (within(self.forge.may_write_code(name)).await, within(self.forge.may_write_issues(name)).await)
        } else {
            (Ok(true), Ok(true))
        };
        let facts = RepositoryFacts {
            table: self.table,
            repository: &seen,
            branch: &branch,
            writes_code: &writes_code,
            writes_issues: &writes_issues,
        };
        let in_the_way =
            repository(&facts).into_iter().filter(|found| found.state != State::Ok).map(Step::from);
        let seen = match &seen {
            Ok(seen) if usable => seen,
            _ => return in_the_way.map(|step| Step { state: StepState::Failed, ..step }).collect(),
        };
        let mut steps = self.labels().await;
        steps.extend(self.hook().await);
        steps.extend(self.trusted(seen).await);
        steps.extend(in_the_way);
        steps
    }

    async fn labels(&self) -> Vec<Step> {
        let what = |name: &str| format!("label {name}");
        let wanted = labels(&self.settings.run);
        let there = match within(self.writer().labels(self.name())).await {
            Ok(there) => there,
            Err(why) => {
                let step = Step::new(StepState::Failed, "labels", why.to_string());
                return vec![step.with_fix(wording::doctor_scopes())];
            }
        };
        let missing: Vec<&WantedLabel<'_>> = missing_labels(&wanted, &there).collect();
        let mut steps = Vec::new();
        for label in &wanted {
            if !missing.contains(&label) {
                steps.push(Step::new(StepState::Unchanged, what(label.name), "is there"));
                continue;
            }
            if self.dry_run {
                steps.push(Step::new(StepState::Would, what(label.name), "would be made"));
                continue;
            }
            let made =
                self.writer().create_described_label(self.name(), label.name, label.color, label.description);
            steps.push(match within(made).await {
                Ok(made) if made.name == label.name => Step::new(StepState::Done, what(label.name), "made"),
                Ok(made) => {
                    let found = format!("the forge made `{}` of it", made.name);
                    Step::new(StepState::Failed, what(label.name), found)
                }
                Err(why) => Step::new(StepState::ByHand, what(label.name), why.to_string())
                    .with_fix(wording::setup_label_by_hand(label.name)),
            });
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::{labels, missing_labels, webhook_address};
    use crate::forge::{Label, LabelId};
    use crate::run;

    #[test]
    fn only_missing_labels_are_made_and_names_have_a_case() {
        let settings = run::Settings { pause_label: "halt".to_owned(), ..run::Settings::default() };
        let wanted = labels(&settings);
        let there: Vec<Label> = ["maintenance", "Needs-Human", "other"]
            .into_iter()
            .map(|name| Label { id: LabelId(1), name: name.to_owned() })
            .collect();
        let missing: Vec<&str> = missing_labels(&wanted, &there).map(|label| label.name).collect();
        assert_eq!(missing, ["needs-human", "halt", "caretaker/hold"]);
    }

    #[test]
    fn an_address_without_a_path_gets_the_webhooks() {
        for (given, expected) in [
            ("https://caretaker.example.org", "https://caretaker.example.org/webhook"),
            ("https://caretaker.example.org/", "https://caretaker.example.org/webhook"),
            ("https://example.org/caretaker/webhook", "https://example.org/caretaker/webhook"),
        ] {
            assert_eq!(webhook_address(given.parse().unwrap()).as_str(), expected);
        }
    }
}
