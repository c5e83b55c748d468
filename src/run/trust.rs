//! Who counts (DESIGN 8): trusted accounts, vouched tasks, approvals with evidence, the words of a comment.
//!
//! Races decided here: a tick counts only when a stored delivery shows that a trusted account made it, between a text in
//! which it was not there and one that we did not write; a comment counts only when it was never edited and is not
//! older than the question. Neither is ever taken from the body alone. And what a text came by while nothing was kept of it is
//! nobody's word ([`history`]).

mod history;
mod known;
mod words;

use history::Author;
pub(crate) use history::{Boxes, Hashes, History, Shown, Told, is_as_opened};
pub(crate) use known::KnownComments;
pub(crate) use words::{Command, commands};

use super::event::{Accepted, Event, Incident, Over, Stop};
use super::situation::SeenApproval;
use super::state::{RunState, TaskState};
use crate::forge::{Account, Comment, OwnerKind, Repository};
use crate::health::{Finding, Recon, Verdict};
use crate::inbox::IssueEdit;
use crate::issue::{
    ApprovalBox, FindingTag, Reading, TaskKey, is_line_id, is_one_matter, read_approvals, resolve,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long after it was written a comment may come to mean what was found.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The accounts that count in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trusted {
    accounts: BTreeSet<String>,
    sole_writers: bool,
}

impl Trusted {
    /// Those of the settings; without any, the owner of a personal repository.
    pub(crate) fn new(settings: &super::Settings, repository: &Repository) -> Self {
        let mut accounts: BTreeSet<String> =
            settings.trusted.iter().map(|login| login.to_lowercase()).collect();
        if accounts.is_empty() && repository.owner_kind == Some(OwnerKind::Person) {
            accounts.insert(repository.name.owner.to_lowercase());
        }
        Self { accounts, sole_writers: settings.sole_writers }
    }

    /// Whether an account counts. Forges compare names without case.
    pub(crate) fn holds(&self, login: &str) -> bool {
        self.accounts.contains(&login.to_lowercase())
    }

    /// Whether an issue that an account opened is worked on. Our own account opens what it found: whoever holds its token
    /// can do all that caretaker can. Nothing else that it writes counts as a person's.
    pub(crate) fn opens(&self, author: &Account, bot: &Account) -> bool {
        self.holds(&author.login) || author.id == bot.id
    }

    /// Those accounts.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().map(String::as_str)
    }

    /// Whether an account counts in a repository that this look does not read: by the settings, else as its owner. It is asked of
    /// those alone in which somebody has counted, so that a person owns it where the settings name nobody.
    pub(crate) fn counts_in(settings: &super::Settings, repository: &str, login: &str) -> bool {
        if settings.trusted.is_empty() {
            return repository.split('/').next().is_some_and(|owner| owner.eq_ignore_ascii_case(login));
        }
        settings.trusted.iter().any(|known| known.eq_ignore_ascii_case(login))
    }

    /// Whether nobody counts.
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }
}

/// The tasks that count: somebody trusted put them there, and nobody else made them ask for less. What stands in an issue
/// of a trusted author when its run begins counts where nothing was ever told of its text, nor should have been; where something
/// was, that alone counts which is known of. `tasks` are keys, each with the one that the words of the text give. `is_ours` says whether a
/// task is one of our own blocks', put there by our own account: whoever holds its token can do all that caretaker can.
pub(crate) fn vouched<'a>(
    tasks: impl Iterator<Item = (&'a TaskKey, &'a TaskKey)>,
    state: &RunState,
    trusted: &Trusted,
    history: &History,
    is_ours: &dyn Fn(&TaskKey, &str) -> bool,
) -> BTreeSet<TaskKey> {
    // What a run that this store does not know had not vouched for is lost with its deliveries: nothing there counts by
    // itself.
    let discovery = state.began_at.is_none() && state.adopted.is_none();
    // That nobody else may write vouches for what no delivery tells, never for a stranger that one names.
    let counts = |sender: Option<&str>| sender.map_or(trusted.sole_writers, |sender| trusted.holds(sender));
    tasks
        .filter(|(key, words)| {
            let mut loosened = history.loosened_by(words).peekable();
            // The same words, which now ask for less: whoever saw to that stands in for who wrote them before the run.
            let goes_on = *key != *words
                && loosened.peek().is_some()
                && state.task(words).is_some_and(|record| record.vouched);
            loosened.all(counts)
                && match history.author(words) {
                    Author::Known(sender) => trusted.holds(sender) || is_ours(key, sender),
                    Author::Lost => trusted.sole_writers || goes_on,
                    Author::Untold => trusted.sole_writers || discovery || goes_on,
                }
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// The tasks of which deliveries show that somebody trusted put them there, and that nobody else made them ask for less; with
/// who it was. A delivery may come after the look that saw the task first.
pub(crate) fn shown_by<'a>(
    tasks: impl Iterator<Item = (&'a TaskKey, &'a TaskKey)>,
    trusted: &Trusted,
    history: &History,
) -> BTreeMap<TaskKey, String> {
    let counts = |sender: Option<&str>| sender.is_some_and(|sender| trusted.holds(sender));
    let shown = tasks.filter_map(|(key, words)| match history.author(words) {
        Author::Known(sender) if counts(Some(sender)) && history.loosened_by(words).all(counts) => {
            Some((key.clone(), sender.to_owned()))
        }
        Author::Known(_) | Author::Lost | Author::Untold => None,
    });
    shown.collect()
}

/// The tasks of which nobody can know any more who put them there, or who made them ask for less.
pub(crate) fn nobodys<'a>(
    tasks: impl Iterator<Item = (&'a TaskKey, &'a TaskKey)>,
    history: &History,
) -> BTreeSet<TaskKey> {
    let is_lost = |words: &TaskKey| {
        history.author(words) == Author::Lost || history.loosened_by(words).any(|sender| sender.is_none())
    };
    tasks.filter(|(_, words)| is_lost(words)).map(|(key, _)| key.clone()).collect()
}

/// Whether an untick is a trusted person's; `None` while no delivery tells whose it is. `words` is the key that the words
/// of the text give.
pub(crate) fn untick_counts(words: &TaskKey, trusted: &Trusted, history: &History) -> Option<bool> {
    match history.unticked_by(words) {
        Some(sender) => Some(trusted.holds(sender)),
        None => trusted.sole_writers.then_some(true),
    }
}

/// Recognises texts that we wrote.
pub(crate) trait OwnText: std::fmt::Debug + Send + Sync {
    /// Whether this body is one of ours.
    fn is_ours(&self, body: &str) -> bool;
}

/// The comments of an issue, with who counts.
#[derive(Debug)]
pub(crate) struct Comments<'a> {
    /// Oldest first.
    pub(crate) all: &'a [Comment],
    /// Those that a delivery shows to be edited: the forge's own times tell only whole seconds.
    pub(crate) edited: &'a BTreeSet<u64>,
    /// Who counts.
    pub(crate) trusted: &'a Trusted,
    /// Our own account: its ticks may be ours. Its comments are a person's who shares it, since caretaker never comments.
    pub(crate) bot: &'a str,
}

impl Comments<'_> {
    /// Whether a comment is a trusted person's, never edited, and not older than a moment. The forge counts in seconds.
    fn counts(&self, comment: &Comment, since: Timestamp) -> bool {
        comment.created_at.as_second() >= since.as_second()
            && !self.was_edited(comment)
            && self.trusted.holds(&comment.author.login)
    }

    /// What trusted people accept of what this look found, and the journal does not know yet. What is accepted is that finding
    /// and no other that may come to have its id later, so that an old comment says nothing any more.
    pub(crate) fn acknowledged(&self, state: &RunState, recon: &Recon, now: Timestamp) -> Vec<Event> {
        let mut accepted = Vec::new();
        for comment in self.all {
            let is_new = now.duration_since(comment.created_at) <= HEARD_WITHIN;
            if !is_new || !self.counts(comment, comment.created_at) {
                continue;
            }
            for command in commands(&comment.body) {
                let Command::Acknowledge { tag, until, reason } = command else { continue };
                let is_told = |finding: &&Finding| finding.verdict != Verdict::Unknown;
                let named =
                    FindingTag::of_id(&tag).and_then(|tag| resolve(&tag, recon.findings().filter(is_told)));
                // The day is over when the next one begins.
                let end = until.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC));
                let (Some(named), Ok(end)) = (named, end) else { continue };
                let is_known = |finding: &Finding| {
                    let same =
                        |known: &Accepted| known.comment == comment.id.0 && known.finding == finding.id;
                    state.acknowledged.iter().any(same)
                };
                let is_meant =
                    |finding: &&Finding| is_one_matter(&named.id, &finding.id) && !is_known(finding);
                for finding in recon.blocking().filter(is_told).filter(is_meant) {
                    accepted.push(Event::Acknowledged(Accepted {
                        comment: comment.id.0,
                        by: comment.author.login.clone(),
                        finding: finding.id.clone(),
                        verdict: finding.verdict,
                        reason: reason.clone(),
                        expires: end.timestamp(),
                    }));
                }
            }
        }
        accepted
    }

    /// Whether a comment is known to have been edited.
    fn was_edited(&self, comment: &Comment) -> bool {
        comment.created_at != comment.updated_at || self.edited.contains(&comment.id.0)
    }

    /// When what a comment says was said. Of one that was edited that is its last edit, whoever made it and whatever it said
    /// before; and since no number tells an edit's place within its second, what else was said in that second was before it.
    fn said_at(&self, comment: &Comment) -> Timestamp {
        if !self.was_edited(comment) {
            return comment.created_at;
        }
        let second = SignedDuration::from_secs(1);
        comment.updated_at.checked_add(second).unwrap_or(comment.updated_at)
    }

    /// What trusted people wrote, in the order in which they said it, with when that was. One that was edited is among them: to
    /// hold something back is always safe, and whatever else it says does not count.
    fn said(&self, since: Timestamp) -> Vec<(Timestamp, &Comment)> {
        let theirs = self.all.iter().filter(|comment| self.trusted.holds(&comment.author.login));
        let timed = theirs.map(|comment| (self.said_at(comment), comment));
        let mut said: Vec<_> = timed.filter(|(at, _)| at.as_second() >= since.as_second()).collect();
        said.sort_by_key(|(at, comment)| (*at, comment.id.0));
        said
    }

    /// Which trusted person stopped the run where no trusted comment since lifted that. What the journal knows of counts
    /// even if its comment does not say so any more.
    pub(crate) fn stopped_by(&self, since: Timestamp, known: Option<&Stop>) -> Option<Stop> {
        let mut stopped = known.cloned();
        for (at, comment) in self.said(since) {
            let is_newer = |stop: &Stop| (stop.at, stop.comment) < (at, comment.id.0);
            for command in commands(&comment.body) {
                match command {
                    Command::Stop if stopped.as_ref().is_none_or(is_newer) => {
                        stopped = Some(Stop { by: comment.author.login.clone(), comment: comment.id.0, at });
                    }
                    Command::Resume
                        if self.counts(comment, since) && stopped.as_ref().is_some_and(is_newer) =>
                    {
                        stopped = None;
                    }
                    Command::Stop
                    | Command::Resume
                    | Command::Incident { .. }
                    | Command::IncidentOver
                    | Command::Approve { .. }
                    | Command::Acknowledge { .. } => {}
                }
            }
        }
        stopped
    }

    /// What a trusted person said is going wrong where no trusted comment since said that it is over, as with a stop. `over` is
    /// the newest such comment that the journals know of, wherever it was written.
    pub(crate) fn incident(
        &self,
        since: Timestamp,
        known: Option<&Incident>,
        over: Option<&Over>,
    ) -> Option<Incident> {
        let mut incident = known.cloned();
        for (at, comment) in self.said(since) {
            let is_newer = |known: &Incident| (known.at, known.comment) < (at, comment.id.0);
            for command in commands(&comment.body) {
                match command {
                    Command::Incident { why } if incident.as_ref().is_none_or(is_newer) => {
                        let (by, comment) = (comment.author.login.clone(), comment.id.0);
                        incident = Some(Incident { by, comment, at, why });
                    }
                    Command::IncidentOver
                        if self.counts(comment, since) && incident.as_ref().is_some_and(is_newer) =>
                    {
                        incident = None;
                    }
                    Command::Stop
                    | Command::Resume
                    | Command::Incident { .. }
                    | Command::IncidentOver
                    | Command::Approve { .. }
                    | Command::Acknowledge { .. } => {}
                }
            }
        }
        incident.filter(|incident| over.is_none_or(|over| !over.ends(incident)))
    }

    /// The newest comment of a trusted person that says that every incident is over.
    pub(crate) fn incident_over(&self, since: Timestamp) -> Option<Over> {
        let says = |comment: &&Comment| {
            self.counts(comment, since) && commands(&comment.body).contains(&Command::IncidentOver)
        };
        let over = |comment: &Comment| Over {
            at: comment.created_at,
            comment: comment.id.0,
            by: comment.author.login.clone(),
        };
        self.all.iter().filter(says).map(over).max()
    }

    /// The trusted person who wrote `/caretaker resume` after a moment. One of the same second may be older.
    pub(crate) fn goes_on_after(&self, moment: Timestamp) -> Option<String> {
        self.all
            .iter()
            .filter(|comment| comment.created_at.as_second() > moment.as_second())
            .filter(|comment| self.counts(comment, moment))
            .find(|comment| commands(&comment.body).contains(&Command::Resume))
            .map(|comment| comment.author.login.clone())
    }

    /// A trusted person's `/caretaker resume`, newer than a task that nobody vouches for yet, and when it was written.
    pub(crate) fn resumed_by(&self, state: &RunState) -> Option<(String, Timestamp)> {
        let since = state.began_at?;
        let vouches_for_some = |comment: &Comment| {
            state
                .tasks
                .values()
                .any(|record| !record.vouched && record.seen_at.as_second() < comment.created_at.as_second())
        };
        self.all
            .iter()
            .filter(|comment| self.counts(comment, since) && vouches_for_some(comment))
            .find(|comment| commands(&comment.body).contains(&Command::Resume))
            .map(|comment| (comment.author.login.clone(), comment.created_at))
    }
}

/// The approvals that count, and the ticks that nothing vouches for although there was time enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Approvals {
    /// They count.
    pub(crate) seen: Vec<SeenApproval>,
    /// Ticked in the body as it is now, without a delivery.
    pub(crate) ticked: Vec<(TaskKey, String)>,
}

/// Everything that approvals are judged from.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// What the journal says.
    pub(crate) state: &'a RunState,
    /// The body as it is now.
    pub(crate) body: &'a str,
    /// Its tasks.
    pub(crate) reading: &'a Reading,
    /// The issue's comments, with who counts.
    pub(crate) comments: &'a Comments<'a>,
    /// The issue's history as deliveries tell it.
    pub(crate) edits: &'a [IssueEdit],
    /// Recognises our own texts.
    pub(crate) ours: &'a dyn OwnText,
}

/// What an approval is asked for by: its code is of one task and one change, its id is how the task was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question<'a> {
    /// The id as shown now.
    pub(crate) id: &'a str,
    /// The id as first shown.
    pub(crate) first_id: &'a str,
    /// The code.
    pub(crate) code: &'a str,
}

impl Question<'_> {
    /// Whether an id and a code answer it. A task without an id of its own was shown by its line, which may have moved
    /// between the question and the answer.
    pub(crate) fn is_answered_by(&self, id: &str, code: &str) -> bool {
        let by_line = is_line_id(id) && (is_line_id(self.id) || is_line_id(self.first_id));
        code == self.code && (id == self.id || id == self.first_id || by_line)
    }

    /// Whether its box is ticked; `None` without one.
    pub(crate) fn ticked(&self, boxes: &[ApprovalBox]) -> Option<bool> {
        boxes.iter().find(|found| self.is_answered_by(&found.task, &found.code)).map(|found| found.ticked)
    }
}

/// The trusted person who ticked an approval, by the last delivery that shows its box ticked or unticked. An earlier tick
/// that was taken back vouches for nobody's later one. Deliveries arrive in any order: once anybody else has ticked that
/// box, whose tick it is now cannot be told. What we wrote is nobody's word either way: it may have gone over a tick that is
/// put back.
fn ticked_by(
    edits: &[IssueEdit],
    comments: &Comments<'_>,
    ours: &dyn OwnText,
    question: Question<'_>,
) -> Option<String> {
    let mut changes = edits.iter().rev().filter_map(|edit| {
        let after = edit.body_after.as_deref()?;
        // A person who takes a tick back may leave exactly our text; their account tells them from us.
        if edit.sender == comments.bot && ours.is_ours(after) {
            return None;
        }
        let was = edit.body_before.as_deref().and_then(|before| question.ticked(&read_approvals(before)));
        let is = question.ticked(&read_approvals(after));
        ((was == Some(true)) != (is == Some(true))).then_some((was, edit))
    });
    let counts = |edit: &IssueEdit| {
        edit.sender != comments.bot
            && comments.trusted.holds(&edit.sender)
            && !edit.body_after.as_deref().is_some_and(|after| ours.is_ours(after))
    };
    let (was, edit) = changes.next()?;
    // The box is ticked now: an edit that unticked it last has not been followed by a delivery of the tick yet.
    let ticks = was == Some(false) && counts(edit);
    let only_theirs = changes.all(|(was, edit)| was == Some(true) || counts(edit));
    (ticks && only_theirs).then(|| edit.sender.clone())
}

/// Judges approvals.
pub(crate) fn approvals(evidence: &Evidence<'_>) -> Approvals {
    let boxes = read_approvals(evidence.body);
    let mut found = Approvals::default();
    for task in &evidence.reading.tasks {
        let Some(record) = evidence.state.task(&task.key) else { continue };
        if matches!(record.state, TaskState::Ended { .. }) {
            continue;
        }
        let Some(asked) = &record.asked else { continue };
        let question = Question { id: &task.id, first_id: &record.known.id, code: &asked.code };
        for comment in evidence.comments.all {
            let approves = commands(&comment.body).iter().any(|command| {
                matches!(command, Command::Approve { id, code } if question.is_answered_by(id, code))
            });
            if approves
                && evidence.comments.counts(comment, asked.at)
                && !evidence.state.used_comments.contains(&comment.id.0)
            {
                found.seen.push(SeenApproval {
                    key: task.key.clone(),
                    code: asked.code.clone(),
                    by: comment.author.login.clone(),
                    comment: Some(comment.id.0),
                });
            }
        }
        if question.ticked(&boxes) != Some(true) {
            continue;
        }
        let by = ticked_by(evidence.edits, evidence.comments, evidence.ours, question);
        match by {
            Some(by) => found.seen.push(SeenApproval {
                key: task.key.clone(),
                code: asked.code.clone(),
                by,
                comment: None,
            }),
            None => found.ticked.push((task.key.clone(), asked.code.clone())),
        }
    }
    found
}

#[cfg(test)]
mod tests;
