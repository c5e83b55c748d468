//! The maintenance issue out of a look at the cluster: opened where there is none, else refreshed.
//!
//! Races decided here: the issue that is refreshed is the one that a run would work on, read anew for each try and written
//! with its version. A forge that counts no versions refuses nothing: what was written is read back there and, where there are
//! deliveries, what it went over is asked for and put back, as after a run's own writes. Of two that open an issue at once the one
//! with the greater number is closed, by whoever opened it. An answer that never came is not asked for again, since the next
//! call finds the issue that was opened.

use super::act::{Rewritten, rewrite};
use super::event::Accepted;
use super::fold;
use super::report::LastWrite;
use super::settings::Settings;
use super::trust::Trusted;
use super::worker::{RunError, by_turn, chain, text_hash};
use super::writing::{Told, lost_edit, put_back, told};
use crate::forge::renovate::{self, Listed};
use crate::forge::{
    Account, Forge, ForgeError, ForgeResult, Issue, IssueEdit, IssueNumber, Label, NewIssue, Repository,
    RepositoryName, State,
};
use crate::health::{Acknowledgement, Recon};
use crate::issue::{Desired, Home, Offered, OpenUpdate, Unreadable, apply, opened, read_at};
use crate::merge::RenovateSettings;
use crate::merge::classify::{PullChanges, Rules, classify, classify_words};
use crate::store::{Reader, RunRow, Store};
use crate::wording;
use jiff::Timestamp;
use std::path::Path;

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
    /// Where deliveries are kept; none for who runs beside the service.
    pub(crate) store: Option<&'a Store>,
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
        /// Whether somebody else wrote at the same time, so that it was put together anew.
        again: bool,
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

/// What people accept in the run of the open issue, as a store that lies at hand tells beside the service that has it.
pub(crate) async fn accepted_beside(
    forge: &dyn Forge,
    settings: &Settings,
    repository: &Repository,
    bot: &Account,
    store: &Path,
) -> Result<Vec<Acknowledgement>, OpeningError> {
    let label = maintenance_label(forge, settings, &repository.name).await?;
    let Some(issue) = newest_open(forge, settings, repository, bot, &label).await? else {
        return Ok(Vec::new());
    };
    let name = repository.name.to_string();
    let is_of_it = |run: &RunRow| run.issue == issue.number.0 && run.repository.eq_ignore_ascii_case(&name);
    let read = async {
        let reader = Reader::open(store).await?;
        let mut accepted = Vec::new();
        for run in reader.all_open_runs().await?.into_iter().filter(is_of_it) {
            accepted.extend(fold(run.id, reader.journal(run.id).await?)?.acknowledged);
        }
        reader.close().await;
        Ok::<_, RunError>(accepted)
    };
    match read.await {
        Ok(accepted) => Ok(accepted.iter().map(Accepted::as_setting).collect()),
        // Its run ends what is asked for in vain.
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(
                error,
                "what people accept in the open issue is not known: its store cannot be read"
            );
            Ok(Vec::new())
        }
    }
}

/// The open issue that a run would work on. One of somebody who does not count is not worked on.
pub(super) async fn newest_open(
    forge: &dyn Forge,
    settings: &Settings,
    repository: &Repository,
    bot: &Account,
    label: &Label,
) -> ForgeResult<Option<Issue>> {
    let mut open = forge.open_issues(&repository.name, Some(label)).await?;
    let trusted = Trusted::new(settings, repository);
    open.retain(|issue| trusted.opens(&issue.author, bot));
    by_turn(&mut open, &trusted, bot);
    Ok((!open.is_empty()).then(|| open.swap_remove(0)))
}

impl Opening<'_> {
    /// Opens or refreshes; with `dry`, says what that would come to.
    pub(crate) async fn publish(&self, dry: bool) -> Result<Published, OpeningError> {
        let name = &self.repository.name;
        let label = maintenance_label(self.forge, self.settings, name).await?;
        let open = newest_open(self.forge, self.settings, self.repository, self.bot, &label).await?;
        if let Some(issue) = open {
            return self.refresh(&issue, dry).await;
        }
        let Some(view) = opened(self.recon, self.offered) else { return Ok(Published::Nothing) };
        let mut number = None;
        if !dry {
            let new = NewIssue { title: view.title.clone(), body: view.body.clone(), labels: vec![label.id] };
            let issue = self.forge.open_issue(name, &new).await?;
            if let Some(older) = self.opened_before(&issue, &label).await?
                && self.give_way(&issue, older.number).await?
            {
                return self.refresh(&older, false).await;
            }
            number = Some(issue.number);
        }
        Ok(Published::Opened { number, title: view.title, body: view.body, tasks: view.tasks })
    }

    /// The issue that another of ours opened at the same moment, and first.
    async fn opened_before(&self, ours: &Issue, label: &Label) -> Result<Option<Issue>, OpeningError> {
        let open = self.forge.open_issues(&self.repository.name, Some(label)).await?;
        let words = |words: &str| classify_words(words, "", self.rules);
        let holds_ours = |issue: &Issue| {
            let reading = read_at(&issue.body, Home::of_issue(&issue.html_url).as_ref(), &words);
            reading.is_ok_and(|reading| reading.tasks.iter().any(|task| task.own))
        };
        let before = open.into_iter().filter(|issue| {
            issue.author.id == self.bot.id && issue.number.0 < ours.number.0 && holds_ours(issue)
        });
        Ok(before.min_by_key(|issue| issue.number.0))
    }

    /// Closes ours for the one that was there before; not where somebody has written in it already.
    async fn give_way(&self, ours: &Issue, older: IssueNumber) -> Result<bool, OpeningError> {
        let edit = IssueEdit {
            body: Some(wording::opened_twice(older)),
            state: Some(State::Closed),
            content_version: ours.content_version,
            ..IssueEdit::default()
        };
        match self.forge.edit_issue(&self.repository.name, ours.number, &edit).await {
            Ok(_) => Ok(true),
            Err(ForgeError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The text as it shall be, with the ids of the tasks that are new in it.
    fn next(&self, issue: &Issue) -> Result<(String, Vec<String>), Unreadable> {
        self.next_of(&issue.body, Home::of_issue(&issue.html_url))
    }

    fn next_of(&self, body: &str, home: Option<Home>) -> Result<(String, Vec<String>), Unreadable> {
        let words = |words: &str| classify_words(words, "", self.rules);
        let reading = read_at(body, home.as_ref(), &words)?;
        let (blocks, tasks) = self.offered.blocks(&reading);
        let body = apply(body, &Desired { home, blocks, ..Desired::default() });
        Ok((body, tasks))
    }

    async fn refresh(&self, issue: &Issue, dry: bool) -> Result<Published, OpeningError> {
        let number = issue.number;
        let unreadable = |source| OpeningError::Unreadable { number, source };
        let (body, tasks) = self.next(issue).map_err(unreadable)?;
        let changed = body != issue.body;
        if dry || !changed {
            return Ok(Published::Refreshed { number, body, tasks, changed, again: false });
        }
        let begun = Timestamp::now();
        let (mut last, mut wrote) = (Ok(body), Vec::new());
        let mut added: Vec<String> = Vec::new();
        let rewritten = rewrite(self.forge, &self.repository.name, number, |fresh| {
            let next = self.next(fresh);
            let text = next.as_ref().ok().map(|(body, _)| body.clone()).filter(|body| *body != fresh.body);
            if let Some(text) = &text {
                wrote.push(LastWrite {
                    hash: text_hash(text),
                    base: Some(text_hash(&fresh.body)),
                    as_of: Some(begun),
                    ..LastWrite::default()
                });
            }
            last = next.map(|(body, tasks)| {
                added.extend(tasks.into_iter().filter(|task| !added.contains(task)).collect::<Vec<_>>());
                body
            });
            text
        });
        let rewritten = rewritten.await?;
        let mut body = last.map_err(unreadable)?;
        match rewritten {
            Rewritten::Written { again } => {
                let put_back = match self.store.filter(|_| issue.content_version.is_none()) {
                    Some(store) => self.put_right(store, issue, &wrote).await?,
                    None => None,
                };
                let again = again || put_back.is_some();
                body = put_back.unwrap_or(body);
                Ok(Published::Refreshed { number, body, tasks: added, changed: true, again })
            }
            Rewritten::Unchanged(_) => {
                Ok(Published::Refreshed { number, body, tasks: added, changed: false, again: false })
            }
            Rewritten::KeepsChanging => Err(OpeningError::KeepsChanging(number)),
        }
    }

    /// Puts back what our write went over, where deliveries tell of it. The text with it, where there was anything.
    async fn put_right(
        &self,
        store: &Store,
        issue: &Issue,
        wrote: &[LastWrite],
    ) -> Result<Option<String>, OpeningError> {
        let (name, number) = (&self.repository.name, issue.number);
        let Some(newest) = wrote.last() else { return Ok(None) };
        let Told { edits, came, .. } = match told(store, name, number, &newest.hash, Timestamp::now()).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "what the write went over is not known: the store cannot be read");
                return Ok(None);
            }
        };
        let mut back = None;
        let home = || Home::of_issue(&issue.html_url);
        rewrite(self.forge, name, number, |fresh| {
            let lost = lost_edit(&edits, wrote, &fresh.body, &self.bot.login, |_| came)?;
            let ours =
                |text: &str| self.next_of(text, home()).map_or_else(|_| text.to_owned(), |(text, _)| text);
            let Some(text) = put_back(&lost, &fresh.body, ours) else {
                tracing::warn!(%number, "a write went over somebody's edit, and the same lines have changed since");
                return None;
            };
            let text = Some(text).filter(|text| *text != fresh.body && back.as_ref() != Some(text))?;
            back = Some(text.clone());
            Some(text)
        })
        .await?;
        Ok(back)
    }
}
