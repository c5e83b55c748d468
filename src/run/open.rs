//! The maintenance issue out of a look at the cluster: opened where there is none, else refreshed.
//!
//! Races decided here: the issue that is refreshed is the one that a run would work on, read anew for each try and written
//! with its version; an answer that never came is not asked for again, since the next call finds the issue that was opened.

use super::act::{Rewritten, rewrite};
use super::settings::Settings;
use super::trust::Trusted;
use super::worker::by_turn;
use crate::forge::renovate::{self, Listed};
use crate::forge::{
    Account, Forge, ForgeError, ForgeResult, Issue, IssueNumber, Label, NewIssue, Repository, RepositoryName,
};
use crate::health::Recon;
use crate::issue::{Desired, Home, Offered, OpenUpdate, Unreadable, apply, opened, read_at};
use crate::merge::RenovateSettings;
use crate::merge::classify::{PullChanges, Rules, classify, classify_words};

/// The open pull requests of Renovate's, with what each of them is.
pub(crate) async fn open_updates(
    forge: &dyn Forge,
    repository: &RepositoryName,
    settings: &RenovateSettings,
    rules: &Rules,
) -> ForgeResult<Vec<OpenUpdate>> {
    let mut found = Vec::new();
    for pull in forge.open_pulls(repository).await? {
        let Ok(renovates) = renovate::recognise(&pull, &settings.accounts, &settings.branch_prefix) else {
            continue;
        };
        let files = forge.pull_files(repository, pull.number).await?;
        let files: Vec<String> = files.into_iter().map(|file| file.path).collect();
        let diff = forge.pull_diff(repository, pull.number).await?;
        let classification = classify(&PullChanges::of(&pull, &renovates.updates, &files, &diff), rules);
        found.push(OpenUpdate { number: pull.number, title: pull.title, classification });
    }
    Ok(found)
}

/// Renovate's list of everything that it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dashboard {
    /// Its issue.
    pub(crate) number: IssueNumber,
    /// How many entries with a box each of its sections has.
    pub(crate) sections: Vec<Listed>,
}

/// The Dependency Dashboard, where an account of Renovate's has one open.
pub(crate) async fn dashboard(
    forge: &dyn Forge,
    repository: &RepositoryName,
    settings: &RenovateSettings,
) -> ForgeResult<Option<Dashboard>> {
    let is_renovates =
        |login: &str| settings.accounts.iter().any(|account| account.eq_ignore_ascii_case(login));
    let open = forge.open_issues(repository, None).await?;
    let found = open
        .into_iter()
        .find(|issue| issue.title.trim() == renovate::DASHBOARD && is_renovates(&issue.author.login));
    Ok(found.map(|issue| Dashboard { number: issue.number, sections: renovate::dashboard(&issue.body) }))
}

/// Why no issue was opened or refreshed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpeningError {
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The label does not exist: an issue without it would be nobody's.
    #[error("{repository} has no label `{label}`")]
    NoLabel {
        /// The repository.
        repository: RepositoryName,
        /// The label.
        label: String,
    },
    /// The open issue cannot be read.
    #[error("the open issue #{number} cannot be written")]
    Unreadable {
        /// Which.
        number: IssueNumber,
        /// Why.
        source: Unreadable,
    },
    /// Somebody writes it all the time.
    #[error("the text of #{0} keeps changing")]
    KeepsChanging(IssueNumber),
}

/// What is to be opened or refreshed, and where.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    /// The forge.
    pub(crate) forge: &'a dyn Forge,
    /// `[run]`.
    pub(crate) settings: &'a Settings,
    /// How words are classified.
    pub(crate) rules: &'a Rules,
    /// The repository.
    pub(crate) repository: &'a Repository,
    /// Our own account.
    pub(crate) bot: &'a Account,
    /// The look.
    pub(crate) recon: &'a Recon,
    /// What it proposes.
    pub(crate) offered: &'a Offered,
}

/// What became of it, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Published {
    /// An issue is opened.
    Opened {
        /// Its number; `None` where nothing is written.
        number: Option<IssueNumber>,
        /// Its title.
        title: String,
        /// Its text.
        body: String,
        /// The ids of its tasks.
        tasks: Vec<String>,
    },
    /// The open one is refreshed.
    Refreshed {
        /// Its number.
        number: IssueNumber,
        /// Its text now.
        body: String,
        /// The ids of the tasks that are new.
        tasks: Vec<String>,
        /// Whether anything in it changes.
        changed: bool,
    },
    /// There is nothing to do, and no issue to say so in.
    Nothing,
}

/// The label of maintenance issues, as the repository has it.
pub(super) async fn maintenance_label(
    forge: &dyn Forge,
    settings: &Settings,
    name: &RepositoryName,
) -> Result<Label, OpeningError> {
    let wanted = &settings.maintenance_label;
    let label = forge.labels(name).await?.into_iter().find(|label| label.name == *wanted);
    label.ok_or_else(|| OpeningError::NoLabel { repository: name.clone(), label: wanted.clone() })
}

impl Opening<'_> {
    /// Opens or refreshes; with `dry`, says what that would come to.
    pub(crate) async fn publish(&self, dry: bool) -> Result<Published, OpeningError> {
        let name = &self.repository.name;
        let label = maintenance_label(self.forge, self.settings, name).await?;
        let mut open = self.forge.open_issues(name, Some(&label)).await?;
        let trusted = Trusted::new(self.settings, self.repository);
        // One of somebody who does not count is not worked on.
        open.retain(|issue| trusted.opens(&issue.author, self.bot));
        by_turn(&mut open, &trusted, self.bot);
        if let Some(issue) = open.first() {
            return self.refresh(issue, dry).await;
        }
        let Some(view) = opened(self.recon, self.offered) else { return Ok(Published::Nothing) };
        let mut number = None;
        if !dry {
            let new = NewIssue { title: view.title.clone(), body: view.body.clone(), labels: vec![label.id] };
            number = Some(self.forge.open_issue(name, &new).await?.number);
        }
        Ok(Published::Opened { number, title: view.title, body: view.body, tasks: view.tasks })
    }

    /// The text as it shall be, with the ids of the tasks that are new in it.
    fn next(&self, issue: &Issue) -> Result<(String, Vec<String>), Unreadable> {
        let home = Home::of_issue(&issue.html_url);
        let words = |words: &str| classify_words(words, "", self.rules);
        let reading = read_at(&issue.body, home.as_ref(), &words)?;
        let (blocks, tasks) = self.offered.blocks(&reading);
        let body = apply(&issue.body, &Desired { home, blocks, ..Desired::default() });
        Ok((body, tasks))
    }

    async fn refresh(&self, issue: &Issue, dry: bool) -> Result<Published, OpeningError> {
        let number = issue.number;
        let unreadable = |source| OpeningError::Unreadable { number, source };
        let (body, tasks) = self.next(issue).map_err(unreadable)?;
        let changed = body != issue.body;
        if dry || !changed {
            return Ok(Published::Refreshed { number, body, tasks, changed });
        }
        let mut last = Ok((body, tasks));
        let rewritten = rewrite(self.forge, &self.repository.name, number, |fresh| {
            last = self.next(fresh);
            last.as_ref().ok().map(|(body, _)| body.clone()).filter(|body| *body != fresh.body)
        });
        let rewritten = rewritten.await?;
        let (body, tasks) = last.map_err(unreadable)?;
        match rewritten {
            Rewritten::Written => Ok(Published::Refreshed { number, body, tasks, changed: true }),
            Rewritten::Unchanged(_) => Ok(Published::Refreshed { number, body, tasks, changed: false }),
            Rewritten::KeepsChanging => Err(OpeningError::KeepsChanging(number)),
        }
    }
}
