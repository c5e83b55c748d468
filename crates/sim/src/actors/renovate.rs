//! Renovate: pull requests that move versions, kept up to date.
//!
//! The story says which updates exist; Renovate does with them what it does in reality. It is level-triggered: after
//! something happened it goes through all its updates and makes each branch and pull request what it should be, out of
//! what the repository holds now. A merged update whose old version is back on the default branch is simply an update
//! that is due, so it gets a branch and a pull request again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Speed;
use super::apps::{AppSpec, Package};
use super::homelab::RENOVATE;
use super::pull_text::{self, Change, Column, Listed};
use super::version;
use super::world::WorldError;
use crate::gitea::{ChangeWhat, Event, FileChange, IssueState, NewCommit, PullView, Refusal, Repository};

/// Seconds of reality from an event until Renovate has run.
const RUN: f64 = 20.0;
/// Title of the Dependency Dashboard.
const DASHBOARD: &str = "Dependency Dashboard";

/// When Renovate makes a branch anew without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebasing {
    /// When it conflicts with the base.
    Conflicted,
    /// When the base has moved.
    BehindBase,
    /// Never.
    Never,
}

/// How Renovate is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenovateOptions {
    /// The columns of the table, in order.
    pub columns: Vec<Column>,
    /// Whether release notes are part of the body.
    pub release_notes: bool,
    /// When branches are made anew.
    pub rebasing: Rebasing,
    /// Whether there is a Dependency Dashboard.
    pub dashboard: bool,
}

impl Default for RenovateOptions {
    fn default() -> Self {
        Self {
            columns: vec![Column::Package, Column::Update, Column::Change],
            release_notes: false,
            rebasing: Rebasing::Conflicted,
            dashboard: false,
        }
    }
}

/// A new version of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    target: Target,
    version: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    App(String),
    Package(String),
    PackageOfApp { app: String, package: String },
}

impl Update {
    /// The version of one app.
    #[must_use]
    pub fn of_app(app: &str, version: &str) -> Self {
        Self { target: Target::App(app.into()), version: version.into() }
    }

    /// The version of a package, wherever it is used.
    #[must_use]
    pub fn of_package(package: &str, version: &str) -> Self {
        Self { target: Target::Package(package.into()), version: version.into() }
    }

    /// The version of a package, in one app alone.
    #[must_use]
    pub fn of_package_in(app: &str, package: &str, version: &str) -> Self {
        let target = Target::PackageOfApp { app: app.into(), package: package.into() };
        Self { target, version: version.into() }
    }

    /// The files that hold the version.
    fn resolve(&self, apps: &BTreeMap<String, AppSpec>) -> Result<Vec<Package>, WorldError> {
        let of_app = |name: &String| {
            apps.get(name).map(AppSpec::packages).ok_or_else(|| WorldError::UnknownApp(name.clone()))
        };
        let (packages, name) = match &self.target {
            Target::App(app) => return Ok(of_app(app)?.into_iter().take(1).collect()),
            Target::Package(name) => (apps.values().flat_map(AppSpec::packages).collect(), name),
            Target::PackageOfApp { app, package } => (of_app(app)?, package),
        };
        let packages: Vec<Package> = packages.into_iter().filter(|package| package.name == *name).collect();
        if packages.is_empty() { Err(WorldError::UnknownPackage(name.clone())) } else { Ok(packages) }
    }
}

/// An update with its pull request.
#[derive(Clone, Debug)]
struct Managed {
    number: u64,
    branch: String,
    title: String,
    /// Files and the version that they get.
    goals: Vec<(Package, String)>,
}

impl Managed {
    /// What is still to be changed on a revision.
    fn changes(&self, repository: &Repository, revision: &str) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for (package, new) in &self.goals {
            let Some(old) = read(repository, revision, package) else { continue };
            if version::compare(&old, new).is_lt() {
                changes.push(Change { package: package.clone(), old, new: new.clone() });
            }
        }
        changes
    }

    /// Makes the branch out of the default branch, whatever it was before.
    fn make_branch(&self, repository: &Repository, changes: &[Change]) -> Result<(), Refusal> {
        let base = repository.default_branch();
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for change in changes {
            let path = &change.package.file;
            let text = match files.get(path) {
                Some(text) => text.clone(),
                None => content(repository, &base, path).unwrap_or_default(),
            };
            if let Some(text) = change.package.write(&text, &change.new) {
                files.insert(path.clone(), text);
            }
        }
        let files = files.into_iter().map(|(path, text)| FileChange::text(path, text)).collect();
        let from = repository.branch_head(&base).map(|sha| sha.to_string());
        let commit = NewCommit { author: RENOVATE.into(), message: self.title.clone(), files, from };
        repository.commit(&self.branch, commit).map(|_| ())
    }
}

fn content(repository: &Repository, revision: &str, path: &str) -> Option<String> {
    String::from_utf8(repository.file(revision, path)?).ok()
}

fn read(repository: &Repository, revision: &str, package: &Package) -> Option<String> {
    package.read(&content(repository, revision, &package.file)?)
}

/// One row a package: the same package in several files is one update.
fn rows(changes: &[Change]) -> Vec<Change> {
    let mut rows: Vec<Change> = Vec::new();
    for change in changes {
        let same = |row: &Change| {
            row.package.name == change.package.name && row.old == change.old && row.new == change.new
        };
        if !rows.iter().any(same) {
            rows.push(change.clone());
        }
    }
    rows
}

/// What the teller of the story and Renovate share.
#[derive(Clone, Debug)]
pub(crate) struct RenovateHandle {
    managed: Arc<Mutex<Vec<Managed>>>,
    options: RenovateOptions,
    changed: Arc<Notify>,
    asleep: Arc<AtomicBool>,
}

impl RenovateHandle {
    /// Between two of Renovate's scheduled runs nothing happens, for as long as the story says.
    pub(crate) fn sleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::SeqCst);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Managed>> {
        self.managed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a pull request for new updates.
    pub(crate) fn open(
        &self,
        repository: &Repository,
        apps: &BTreeMap<String, AppSpec>,
        number: Option<u64>,
        updates: &[Update],
        title: Option<&str>,
    ) -> Result<u64, WorldError> {
        let mut goals = Vec::new();
        for update in updates {
            for package in update.resolve(apps)? {
                goals.push((package, update.version.clone()));
            }
        }
        let mut managed = Managed { number: 0, branch: String::new(), title: String::new(), goals };
        let changes = managed.changes(repository, &repository.default_branch());
        if changes.is_empty() {
            let name = managed.goals.first().map(|(package, _)| package.name.clone()).unwrap_or_default();
            return Err(WorldError::UnknownPackage(name));
        }
        let shown = rows(&changes);
        managed.title = title.map_or_else(|| pull_text::title(&shown), str::to_owned);
        let mut all = self.lock();
        managed.branch = free_branch(&all, &pull_text::branch(&shown));
        managed.make_branch(repository, &changes)?;
        managed.number = self.open_pull(repository, &managed, &shown, number)?;
        let number = managed.number;
        all.push(managed);
        drop(all);
        self.changed.notify_one();
        Ok(number)
    }

    fn open_pull(
        &self,
        repository: &Repository,
        managed: &Managed,
        shown: &[Change],
        number: Option<u64>,
    ) -> Result<u64, Refusal> {
        let body = pull_text::body(shown, &self.options.columns, self.options.release_notes);
        let (title, head, base) = (&managed.title, &managed.branch, repository.default_branch());
        match number {
            Some(number) => repository.open_pull_numbered(RENOVATE, number, title, &body, head, &base, &[]),
            None => repository.open_pull(RENOVATE, title, &body, head, &base, &[]),
        }
    }
}

fn free_branch(all: &[Managed], wanted: &str) -> String {
    let taken = |name: &str| all.iter().any(|managed| managed.branch == name);
    if !taken(wanted) {
        return wanted.to_owned();
    }
    // Of one name more than there are branches, one is free.
    let mut names = (2..all.len() + 3).map(|n| format!("{wanted}-{n}"));
    names.find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
}

/// The program.
#[derive(Debug)]
pub(crate) struct Renovate {
    repository: Repository,
    speed: Speed,
    handle: RenovateHandle,
}

impl Renovate {
    pub(crate) fn new(
        repository: Repository,
        options: RenovateOptions,
        speed: Speed,
    ) -> (Self, RenovateHandle) {
        let handle = RenovateHandle {
            managed: Arc::default(),
            options,
            changed: Arc::default(),
            asleep: Arc::default(),
        };
        (Self { repository, speed, handle: handle.clone() }, handle)
    }

    pub(crate) async fn run(self, mut events: Receiver<Event>, stop: CancellationToken) {
        let mut due: Option<Instant> = None;
        loop {
            let run = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                event = events.recv() => match event {
                    Ok(event) if !self.concerns(&event) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        due.get_or_insert_with(|| Instant::now() + self.speed.seconds(RUN));
                    }
                    Err(RecvError::Closed) => return,
                },
                () = self.handle.changed.notified() => {
                    due.get_or_insert_with(|| Instant::now() + self.speed.seconds(RUN));
                }
                () = run => {
                    due = None;
                    self.work();
                }
            }
        }
    }

    /// Whether Renovate would run for this.
    fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::Push { owner, repo, branch, .. } => {
                owner == self.repository.owner()
                    && repo == self.repository.name()
                    && *branch == self.repository.default_branch()
            }
            Event::Issue(change) | Event::Pull(change) => {
                change.by != RENOVATE
                    && matches!(
                        change.what,
                        ChangeWhat::BodyEdited | ChangeWhat::Closed | ChangeWhat::Reopened
                    )
            }
        }
    }

    /// Goes through all updates.
    fn work(&self) {
        if self.handle.asleep.load(Ordering::SeqCst) {
            return;
        }
        let dashboard = self.dashboard_body();
        let asked = |branch: &str, action: &str| {
            dashboard.as_deref().is_some_and(|body| {
                pull_text::ticked(body, action).iter().any(|ticked| ticked == branch)
                    || (action == "rebase-branch" && pull_text::wants_rebase_of_all(body))
            })
        };
        let mut all = self.handle.lock();
        for managed in all.iter_mut() {
            let Some(pull) = self.repository.pull(managed.number) else { continue };
            let changes = managed.changes(&self.repository, &self.repository.default_branch());
            let done = match pull.state {
                IssueState::Closed if pull.merged || asked(&managed.branch, "recreate-branch") => {
                    self.make_again(managed, &changes)
                }
                IssueState::Closed => Ok(()),
                IssueState::Open if changes.is_empty() => self.close(managed),
                IssueState::Open => {
                    self.keep_up(managed, &pull, &changes, asked(&managed.branch, "rebase-branch"))
                }
            };
            if let Err(refusal) = done {
                tracing::warn!(%refusal, branch = managed.branch, "Renovate could not do its work");
            }
        }
        self.write_dashboard(&all);
    }

    /// The old version is back: the branch and a new pull request are made again.
    fn make_again(&self, managed: &mut Managed, changes: &[Change]) -> Result<(), Refusal> {
        if changes.is_empty() {
            return Ok(());
        }
        managed.make_branch(&self.repository, changes)?;
        managed.number = self.handle.open_pull(&self.repository, managed, &rows(changes), None)?;
        Ok(())
    }

    /// Somebody made the update by hand.
    fn close(&self, managed: &Managed) -> Result<(), Refusal> {
        self.repository.set_issue_title(
            RENOVATE,
            managed.number,
            &format!("{} - autoclosed", managed.title),
        )?;
        self.repository.close_pull(RENOVATE, managed.number)?;
        self.repository.delete_branch(RENOVATE, &managed.branch)?;
        Ok(())
    }

    /// Makes an open pull request's branch anew where that is asked for or due.
    fn keep_up(
        &self,
        managed: &Managed,
        pull: &PullView,
        changes: &[Change],
        asked: bool,
    ) -> Result<(), Refusal> {
        let ticked = pull_text::wants_rebase(&pull.body);
        let behind = !self.repository.is_ancestor(&pull.base_sha, &pull.head_sha);
        let due = match self.handle.options.rebasing {
            Rebasing::Never => false,
            Rebasing::BehindBase => behind,
            Rebasing::Conflicted => behind && !pull.mergeable && self.conflicts(managed, pull),
        };
        if ticked || asked || due {
            managed.make_branch(&self.repository, changes)?;
            let shown = rows(changes);
            let options = &self.handle.options;
            let body = pull_text::body(&shown, &options.columns, options.release_notes);
            if body != pull.body {
                self.repository.edit_pull_body(RENOVATE, managed.number, &body)?;
            }
        }
        Ok(())
    }

    /// Whether head and base changed one of the files in ways that do not fit: `mergeable` alone may still be pending.
    fn conflicts(&self, managed: &Managed, pull: &PullView) -> bool {
        managed.goals.iter().any(|(package, _)| {
            let parent = self
                .repository
                .commit_info(&pull.head_sha)
                .and_then(|commit| commit.parents.first().cloned());
            let before = parent.and_then(|parent| content(&self.repository, &parent, &package.file));
            let base = content(&self.repository, &pull.base_sha, &package.file);
            let head = content(&self.repository, &pull.head_sha, &package.file);
            base != before && base != head
        })
    }

    fn dashboard_body(&self) -> Option<String> {
        self.dashboard_number().and_then(|number| self.repository.issue(number)).map(|issue| issue.body)
    }

    fn dashboard_number(&self) -> Option<u64> {
        let open = self.repository.issues(Some(IssueState::Open));
        open.into_iter()
            .find(|issue| issue.title == DASHBOARD && issue.author == RENOVATE)
            .map(|issue| issue.number)
    }

    fn write_dashboard(&self, all: &[Managed]) {
        if !self.handle.options.dashboard {
            return;
        }
        let (mut open, mut blocked) = (Vec::new(), Vec::new());
        let mut detected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for managed in all {
            let Some(pull) = self.repository.pull(managed.number) else { continue };
            let listed = Listed {
                branch: managed.branch.clone(),
                title: managed.title.clone(),
                number: managed.number,
            };
            match pull.state {
                IssueState::Open => open.push(listed),
                IssueState::Closed if !pull.merged => blocked.push(listed),
                IssueState::Closed => {}
            }
            for (package, _) in &managed.goals {
                let version =
                    read(&self.repository, &self.repository.default_branch(), package).unwrap_or_default();
                detected.entry(package.file.clone()).or_default().push(format!("{} {version}", package.name));
            }
        }
        let body = pull_text::dashboard(&open, &blocked, &detected.into_iter().collect::<Vec<_>>());
        let written = match self.dashboard_number() {
            None => self.repository.open_issue(RENOVATE, DASHBOARD, &body, &[]).map(|_| ()),
            Some(number) if self.dashboard_body().as_deref() != Some(&body) => {
                self.repository.edit_issue_body(RENOVATE, number, &body, None)
            }
            Some(_) => Ok(()),
        };
        if let Err(refusal) = written {
            tracing::warn!(%refusal, "Renovate could not write its dashboard");
        }
    }
}
