//! May this pull request be merged at all? Everything about it that the gate does not ask.
//!
//! Pure: the facts are read just before by the caller. What resolves by itself is a wait; what needs a person, or will
//! never be right, is a refusal with its reason.

use super::Hold;
use super::classify::{Classification, PullChanges, Rules, classify};
use super::diff::Unexplained;
use super::explain::{Explained, explain};
use super::paths::{AllowedPaths, Outside};
use super::protection::WayIn;
use super::settings::{RenovateSettings, Settings};
use crate::forge::renovate::{NotRenovates, Renovates, Update, recognise};
use crate::forge::{ChangedFile, MergeStyle, PullRequest, State};
use std::collections::BTreeSet;
use std::fmt;

/// The label that holds one pull request.
pub(crate) const HOLD_LABEL: &str = "caretaker/hold";

/// What is known of a pull request and its repository.
#[derive(Debug, Clone)]
pub(crate) struct PullFacts<'a> {
    /// The pull request, read just now.
    pub(crate) pull: &'a PullRequest,
    /// The branch that watchers follow.
    pub(crate) default_branch: &'a str,
    /// The files that the forge says it changes.
    pub(crate) files: &'a [ChangedFile],
    /// Its diff.
    pub(crate) diff: &'a str,
    /// What its base asks.
    pub(crate) way: WayIn<'a>,
    /// Versions that are not to be merged.
    pub(crate) holds: &'a [Hold],
    /// Where its changes are accepted.
    pub(crate) paths: &'a AllowedPaths,
}

/// A pull request that may be merged, once the gate is open and whoever must has approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadyPull {
    /// What it updates.
    pub(crate) updates: Vec<Update>,
    /// Which update changes which file.
    pub(crate) explained: Explained,
    /// What it is.
    pub(crate) classification: Classification,
    /// Why a person has to say yes first, when one has to.
    pub(crate) approval: Option<String>,
}

impl ReadyPull {
    /// The holds that keep exactly these versions from being merged again. A row that no line shows, since it changed lock
    /// files alone, is held wherever it comes.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        let mut holds = BTreeSet::new();
        for (row, update) in self.updates.iter().enumerate() {
            let hold = |file: &str| Hold {
                package: update.package.clone(),
                file: file.to_owned(),
                version: update.to.clone(),
            };
            holds.extend(files_of(&self.explained, row).map(hold));
            if files_of(&self.explained, row).next().is_none() {
                holds.insert(hold(""));
            }
        }
        holds.into_iter().collect()
    }
}

/// What resolves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// The forge still checks for conflicts, or there is one that Renovate will rebase away.
    Mergeable,
    /// Its branch lacks the newest commits of its base, without which it cannot be merged.
    Behind,
    /// Statuses that have not ended, or required ones that nobody has reported yet.
    Statuses(Vec<String>),
}

impl fmt::Display for WaitFor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind => {
                formatter.write_str("its branch has to be brought up to date with its base first")
            }
            Self::Mergeable => formatter.write_str("the forge does not call it mergeable (yet)"),
            Self::Statuses(contexts) => {
                write!(formatter, "these statuses are missing: {}", contexts.join(", "))
            }
        }
    }
}

/// What a person has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was merged already.
    Merged,
    /// It is closed.
    Closed,
    /// It is not Renovate's.
    NotRenovates(NotRenovates),
    /// It goes to another branch.
    OtherBase(String),
    /// It is a draft.
    Draft,
    /// It carries the label that holds it.
    HoldLabel,
    /// It changes a file in which such changes are a person's.
    Outside(String, Outside),
    /// It contains a version that is held.
    Held(Hold),
    /// Statuses that failed.
    FailedStatuses(Vec<String>),
    /// The repository does not allow the way of merging that the settings ask for.
    StyleNotAllowed(MergeStyle),
    /// The account may not merge into this branch.
    MayNotMerge(String),
    /// Its base asks for more reviews than there are.
    Approvals {
        /// How many count.
        given: u64,
        /// How many it takes.
        required: u64,
        /// The base.
        branch: String,
    },
    /// Everything that it changes is on the base already.
    NothingLeft,
    /// A change that its table does not explain.
    Unexplained(Unexplained),
    /// The forge's list of files and the diff disagree.
    FilesDiffer,
    /// caretaker stands on it.
    Foundation(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Merged => formatter.write_str("it is merged already"),
            Self::Closed => formatter.write_str("it is closed"),
            Self::NotRenovates(why) => write!(formatter, "it does not count as Renovate's: {why}"),
            Self::OtherBase(branch) => write!(formatter, "it goes to {branch} and not to the default branch"),
            Self::Draft => formatter.write_str("it is a draft"),
            Self::HoldLabel => write!(formatter, "it carries the label {HOLD_LABEL}"),
            Self::Outside(file, why) => {
                write!(formatter, "it changes {file}, {why}; it is merged by a person")
            }
            Self::Held(hold) if hold.file.is_empty() => {
                write!(formatter, "{} {} is held", hold.package, hold.version)
            }
            Self::Held(hold) => {
                write!(formatter, "{} {} in {} is held", hold.package, hold.version, hold.file)
            }
            Self::FailedStatuses(contexts) => {
                write!(formatter, "these statuses failed: {}", contexts.join(", "))
            }
            Self::StyleNotAllowed(style) => write!(
                formatter,
                "the repository does not allow merges of the style {style}: allow it there, or set another merge_style"
            ),
            Self::MayNotMerge(branch) => write!(
                formatter,
                "the protection of {branch} does not let this account merge: allow it there, or merge it yourself"
            ),
            Self::Approvals { given, required, branch } => write!(
                formatter,
                "the protection of {branch} asks for {required} approving reviews, and {given} count: approve it in a review"
            ),
            Self::NothingLeft => formatter.write_str("what it changes is on the branch already"),
            Self::Unexplained(what) => {
                write!(formatter, "it changes something that its table of updates does not explain: {what}")
            }
            Self::FilesDiffer => {
                formatter.write_str("the forge's list of changed files and the diff disagree")
            }
            Self::Foundation(why) => write!(formatter, "{why}; it is merged by a person"),
        }
    }
}

/// The judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Preflight {
    /// It may be merged.
    Ready(Box<ReadyPull>),
    /// Not now.
    Wait(WaitFor),
    /// Not without a person.
    Refuse(Refusal),
}

/// Judges one pull request.
pub(crate) fn preflight(
    facts: &PullFacts<'_>,
    settings: &Settings,
    renovate: &RenovateSettings,
    rules: &Rules,
) -> Preflight {
    match refusal_or_ready(facts, settings, renovate, rules) {
        Err(refusal) => Preflight::Refuse(refusal),
        Ok(ready) => match facts.way.waits(facts.pull) {
            Some(what) => Preflight::Wait(what),
            None => Preflight::Ready(Box::new(ready)),
        },
    }
}

fn refusal_or_ready(
    facts: &PullFacts<'_>,
    settings: &Settings,
    renovate: &RenovateSettings,
    rules: &Rules,
) -> Result<ReadyPull, Refusal> {
    let pull = facts.pull;
    if pull.merged.is_some() {
        return Err(Refusal::Merged);
    }
    if pull.state != State::Open {
        return Err(Refusal::Closed);
    }
    if pull.base.branch != facts.default_branch {
        return Err(Refusal::OtherBase(pull.base.branch.clone()));
    }
    let Renovates { updates } =
        recognise(pull, &renovate.accounts, &renovate.branch_prefix).map_err(Refusal::NotRenovates)?;
    if pull.draft {
        return Err(Refusal::Draft);
    }
    if pull.labels.iter().any(|label| label.name == HOLD_LABEL) {
        return Err(Refusal::HoldLabel);
    }
    if facts.files.is_empty() && facts.diff.trim().is_empty() {
        return Err(Refusal::NothingLeft);
    }
    if let Some(refusal) = outside(facts.files, facts.paths) {
        return Err(refusal);
    }
    let explained = explain(facts.diff, &updates, &settings.lock_files).map_err(Refusal::Unexplained)?;
    let listed: BTreeSet<&str> = facts.files.iter().map(|file| file.path.as_str()).collect();
    if !explained.files.iter().map(String::as_str).eq(listed.iter().copied()) {
        return Err(Refusal::FilesDiffer);
    }
    if let Some(hold) = held(&updates, &explained, facts.holds) {
        return Err(Refusal::Held(hold));
    }
    let files: Vec<String> = explained.files.iter().cloned().collect();
    let changes = PullChanges::of(pull, &updates, &files, facts.diff);
    let classification = classify(&changes, rules);
    if let Some(why) = &classification.foundation {
        return Err(Refusal::Foundation(why.clone()));
    }
    if let Some(refusal) = facts.way.refusal() {
        return Err(refusal);
    }
    let approval = classification.approval();
    Ok(ReadyPull { updates, explained, classification, approval })
}

/// The refusal of a file in which such changes are not accepted, where it is or where it was. That no file is left out of the
/// list is judged with the diff.
pub(crate) fn outside(files: &[ChangedFile], paths: &AllowedPaths) -> Option<Refusal> {
    let all = files.iter().flat_map(|file| [Some(file.path.as_str()), file.previous_path.as_deref()]);
    all.flatten().find_map(|path| paths.refuses(path).map(|why| Refusal::Outside(path.to_owned(), why)))
}

/// The files that a row may have changed.
fn files_of(explained: &Explained, row: usize) -> impl Iterator<Item = &str> {
    explained.places.iter().filter(move |(own, _)| *own == row).map(|(_, file)| file.as_str())
}

/// A hold that one of the updates falls under. A row whose file is not known from the diff is held by its version alone.
fn held(updates: &[Update], explained: &Explained, holds: &[Hold]) -> Option<Hold> {
    holds
        .iter()
        .find(|hold| {
            updates.iter().enumerate().any(|(place, update)| {
                let mut files = files_of(explained, place).peekable();
                hold.is_brought_by(update)
                    && (files.peek().is_none()
                        || hold.file.is_empty()
                        || files.any(|file| *file == hold.file))
            })
        })
        .cloned()
}
