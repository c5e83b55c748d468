//! Which issue a look is about, and the runs that are open.
//!
//! Races decided here: what is half done comes first, whatever became of its issue; an issue that is gone in the middle
//! of a change leaves a stand-in, so that the change is followed to its end from the journal alone.

use super::turn::load;
use super::{Work, Worker};
use crate::forge::{Account, ForgeError, Issue, IssueNumber, Repository, RepositoryName, State};
use crate::run::trust::Trusted;
use crate::run::worker::RunError;
use crate::store::RunRow;
use crate::wording;
use jiff::Timestamp;
use std::sync::Arc;

/// What a look is about.
#[derive(Debug)]
pub(super) struct Found {
    /// The maintenance issue.
    pub(super) issue: Issue,
    /// Other open maintenance issues.
    pub(super) others: Vec<Issue>,
    /// Whether the forge has the issue no more, and `issue` only stands for it.
    pub(super) gone: bool,
}

/// Stands for an issue that the forge has no more: closed, without a word in it.
fn stand_in(number: IssueNumber, bot: &Account) -> Issue {
    Issue {
        number,
        title: String::new(),
        body: String::new(),
        state: State::Closed,
        labels: Vec::new(),
        author: bot.clone(),
        content_version: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        is_pull: false,
        html_url: String::new(),
    }
}

/// The order in which open issues have their turn: those of authors who count first, then the newest.
pub(in crate::run) fn by_turn(open: &mut [Issue], trusted: &Trusted, bot: &Account) {
    open.sort_by_key(|issue| {
        std::cmp::Reverse((trusted.opens(&issue.author, bot), issue.created_at, issue.number))
    });
}

/// The next of the open ones.
fn next(open: &mut Vec<Issue>) -> Option<Issue> {
    (!open.is_empty()).then(|| open.remove(0))
}

impl Worker {
    /// The open maintenance issues.
    pub(super) async fn maintenance_issues(&self, repository: &Repository) -> Result<Vec<Issue>, RunError> {
        let name = &repository.name;
        let labels = self.parts.forge.labels(name).await?;
        let wanted = &self.parts.settings.maintenance_label;
        // A label that does not exist must not be asked for: the forge would drop the filter.
        let mut open = match labels.iter().find(|label| label.name == *wanted) {
            Some(label) => self.parts.forge.open_issues(name, Some(label)).await?,
            None => Vec::new(),
        };
        open.retain(|issue| issue.has_label(wanted));
        Ok(open)
    }

    /// The issue to work on: the one whose change is in flight, else an open run's whose issue was withdrawn, else the
    /// newest of the open ones, those of trusted authors first. With the other open ones.
    pub(super) async fn subject(
        &mut self,
        repository: &Repository,
        bot: &Account,
        open: Vec<Issue>,
    ) -> Result<Option<Found>, RunError> {
        let name = &repository.name;
        let (mut open, unwanted): (Vec<Issue>, Vec<Issue>) =
            open.into_iter().partition(|issue| self.is_wanted(issue.number));
        // Whoever may open issues must not keep the run of somebody who counts from going on.
        let trusted = Trusted::new(&self.parts.settings, repository);
        by_turn(&mut open, &trusted, bot);
        // What is half done, before what was only withdrawn: a forge that does not answer for a withdrawn issue must not
        // keep a change unwatched.
        let mut chosen = None;
        for run in self.parts.store.open_runs(&name.to_string()).await? {
            let number = IssueNumber(run.issue);
            if !self.is_wanted(number) {
                continue;
            }
            let id = run.id;
            let work = self.take_work(run).await?;
            let half_done = work.is_half_done();
            self.works.insert(id, work);
            if half_done {
                chosen = Some((number, true));
                break;
            }
            if chosen.is_none() && !open.iter().any(|issue| issue.number == number) {
                chosen = Some((number, false));
            }
        }
        let mut gone = false;
        let issue = match chosen {
            Some((number, half_done)) => match open.iter().position(|issue| issue.number == number) {
                Some(at) => open.remove(at),
                None => match self.parts.forge.issue(name, number).await {
                    Ok(issue) => issue,
                    // Moved to another repository reads as renamed, since redirects are not followed.
                    Err(ForgeError::NotFound { .. } | ForgeError::Renamed { .. }) if half_done => {
                        tracing::warn!(
                            issue = number.0,
                            "the maintenance issue is gone; what is half done is ended"
                        );
                        gone = true;
                        stand_in(number, bot)
                    }
                    Err(ForgeError::NotFound { .. } | ForgeError::Renamed { .. }) => {
                        self.abandon(name, number).await?;
                        match next(&mut open) {
                            Some(issue) => issue,
                            None => return Ok(None),
                        }
                    }
                    Err(error) => return Err(error.into()),
                },
            },
            None => match next(&mut open) {
                Some(issue) => issue,
                None => return Ok(None),
            },
        };
        // Nothing is done about those that are not wanted; they are heard as all others are.
        open.extend(unwanted);
        Ok(Some(Found { issue, others: open, gone }))
    }

    /// Whether an issue is to be worked on: in the foreground, only one is.
    fn is_wanted(&self, number: IssueNumber) -> bool {
        self.parts.only.as_ref().is_none_or(|only| only.issue == number)
    }

    /// What is remembered of a run, else what its journal says.
    pub(super) async fn take_work(&mut self, run: RunRow) -> Result<Work, RunError> {
        if let Some(work) = self.works.remove(&run.id) {
            return Ok(work);
        }
        let key = (run.repository.clone(), run.issue);
        match load(&self.parts.store, run).await {
            Ok(work) => {
                self.unread.remove(&key);
                Ok(work)
            }
            Err(error) => {
                self.unread.insert(key);
                Err(error)
            }
        }
    }

    /// Reads the journals of all open runs: a change in flight anywhere keeps every other repository waiting, from the
    /// first look on. While discovery is on, so do those of repositories that have yet to be found again: there a name in
    /// `discovery.ignore` is a person's word that its runs are over, and without discovery that no table names it is.
    pub(super) async fn recollect(&mut self) {
        let parts = Arc::clone(&self.parts);
        let runs = match parts.store.all_open_runs().await {
            Ok(runs) => runs,
            Err(error) => {
                tracing::error!(%error, "the open runs could not be read");
                return;
            }
        };
        for run in runs.into_iter().filter(|run| parts.looks_after(&run.repository)) {
            let id = run.id;
            match self.take_work(run).await {
                Ok(work) => {
                    self.works.insert(id, work);
                }
                Err(error) => {
                    tracing::error!(run = id.0, error = %super::chain(&error), "a run cannot be read");
                }
            }
        }
    }

    /// What is half done in another repository, in words: one change at a time in a cluster, whoever asks for it. A run
    /// whose journal cannot be read may have one.
    pub(in crate::run) fn elsewhere(&self, name: &RepositoryName) -> Option<String> {
        let own = name.to_string();
        let busy = self.works.values().find(|work| work.is_half_done() && work.run.repository != own);
        let other = busy.map(|work| wording::change_elsewhere(&work.run.repository, work.run.issue));
        other.or_else(|| {
            let (repository, issue) = self.unread.iter().find(|(repository, _)| *repository != own)?;
            Some(wording::run_unread_elsewhere(repository, *issue))
        })
    }

    /// Whether anything of ours is half done.
    pub(super) fn is_in_flight(&self) -> bool {
        self.works.values().any(Work::is_half_done)
    }

    /// The issue whose run has something half done in one repository, or may have.
    pub(super) fn issue_in_flight_at(&self, name: &RepositoryName) -> Option<IssueNumber> {
        let name = name.to_string();
        let works = self.works.values().filter(|work| work.is_half_done()).map(|work| &work.run);
        let known = works.map(|run| (&run.repository, run.issue));
        let unread = self.unread.iter().map(|(repository, issue)| (repository, *issue));
        let mut all = known.chain(unread);
        all.find(|(repository, _)| **repository == name).map(|(_, issue)| IssueNumber(issue))
    }

    /// Whether something is half done in one repository. A run whose journal cannot be read may have something.
    pub(super) fn is_in_flight_at(&self, name: &RepositoryName) -> bool {
        self.issue_in_flight_at(name).is_some()
    }

    /// Ends the run of an issue that is gone.
    async fn abandon(&mut self, name: &RepositoryName, number: IssueNumber) -> Result<(), RunError> {
        for run in self.parts.store.open_runs(&name.to_string()).await? {
            if run.issue == number.0 {
                tracing::warn!(issue = number.0, "the maintenance issue is gone; its run ends");
                self.parts.store.end_run(run.id, Timestamp::now()).await?;
                self.works.remove(&run.id);
            }
        }
        Ok(())
    }
}
