//! Who wrote what into an issue's text, as far as deliveries tell.
//!
//! Whoever may edit can make evidence of themselves disappear: with edits so large, or so many, that the oldest are kept no
//! longer, with one that is too large to be taken at all, or by waiting until it is old. So what is kept is read as a chain,
//! from the text that the issue was opened with to the one that is there now, each edit from the text that another one left.
//! Where a link is missing, whatever differs across it came from somebody whom nobody knows ([`Author::Lost`]). Races
//! decided here: deliveries arrive in any order, so a text is known once any chain of edits leads to it, whenever they came;
//! our own writes are links as well, by what is remembered of them, since their deliveries come later or never; and what was
//! delivered since the text was read may tell of a newer one, so the text only has to follow from one of those that were the
//! newest meanwhile. An issue of which nothing was ever told, since caretaker did not run when it was opened, has no chain
//! that could be broken; where its opening was not told, and nothing of what was is missing, the chain begins with the text
//! that the first edit left. A text is there as often as it came, less how often it was left: that it was there once says
//! nothing of who brings it back.
//!
//! That nothing is told of an opening means two things. Where no hook delivered by then, nothing could be: what stands in such an
//! issue when its run begins is its author's. Where one had delivered for the repository before, the opening was lost, most likely
//! because caretaker did not run, and so may have been an edit by anybody who may write: then it is the author's only as far as the
//! forge itself shows that nobody edited the text since, by its count of versions or, on servers that count none, by an issue's
//! time that has not moved. Otherwise it is nobody's ([`is_as_opened`]). A restart asks nobody by this, since a run that has begun
//! has written down whose its tasks are; what asks is an issue that was opened in such a gap and edited, or on those servers only
//! touched, before a run began.

use super::OwnText;
use crate::forge::Issue;
use crate::inbox::IssueEdit;
use crate::issue::{KnownTask, TaskKey};
use crate::run::report::LastWrite;
use crate::run::worker::text_hash;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Whether the forge itself shows that nobody but us has changed an issue's text since it was opened.
pub(crate) fn is_as_opened(issue: &Issue, writes: &[LastWrite]) -> bool {
    match issue.content_version {
        Some(version) => {
            let ours = writes.iter().filter(|write| write.landed).count();
            i64::try_from(ours).is_ok_and(|ours| version <= ours)
        }
        None => issue.updated_at == issue.created_at,
    }
}

/// A task as one text shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Whether its box is ticked.
    pub(crate) ticked: bool,
    /// What it asks for, by the keys that the words of that text give.
    pub(crate) known: KnownTask,
}

/// The tasks of a text, under the keys that its words give: a text of long ago has no other.
pub(crate) type Boxes = BTreeMap<TaskKey, Shown>;

/// The hashes of the texts that deliveries tell of, before and after each edit. Texts are long, and hashed once a look.
#[derive(Debug)]
pub(crate) struct Hashes(Vec<(Option<String>, Option<String>)>);

impl Hashes {
    /// Those of these edits.
    pub(crate) fn of(edits: &[IssueEdit]) -> Self {
        let hash = |text: &Option<String>| text.as_deref().map(text_hash);
        Self(edits.iter().map(|edit| (hash(&edit.body_before), hash(&edit.body_after))).collect())
    }

    /// All of them.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|(before, after)| [before, after]).flatten().cloned().collect()
    }
}

/// What there is to tell an issue's history from.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    /// What deliveries tell, as they arrived.
    pub(crate) edits: &'a [IssueEdit],
    /// The hashes of their texts.
    pub(crate) hashes: &'a Hashes,
    /// Whether something else was delivered of the text that is kept no longer, or is more than a look reads.
    pub(crate) is_cut: bool,
    /// The login of our own account.
    pub(crate) bot: &'a str,
    /// The text as it was read.
    pub(crate) present: &'a str,
    /// When it was read, or a moment before.
    pub(crate) read_at: Timestamp,
    /// What we wrote.
    pub(crate) writes: &'a [LastWrite],
    /// Recognises what we wrote.
    pub(crate) ours: &'a dyn OwnText,
    /// Whether the issue's opening should have been delivered, and its text may not be the one that it was opened with.
    pub(crate) is_due: bool,
}

impl<'a> Told<'a> {
    /// Whether deliveries tell of anything but what we wrote ourselves.
    fn tells(&self) -> bool {
        self.edits.iter().any(|edit| edit.body_before.is_none() || !self.is_own(edit))
    }

    /// Whether an edit is our own. Whoever may write may put one of our texts back byte for byte: the account tells.
    fn is_own(&self, edit: &IssueEdit) -> bool {
        edit.sender == self.bot && edit.body_after.as_deref().is_some_and(|after| self.ours.is_ours(after))
    }

    /// The edits that tell of a text, with the hashes of those before and after.
    fn hashed(&self) -> impl Iterator<Item = (&'a IssueEdit, Option<&'a str>, &'a str)> {
        self.edits
            .iter()
            .zip(&self.hashes.0)
            .filter_map(|(edit, (before, after))| Some((edit, before.as_deref(), after.as_deref()?)))
    }

    /// The texts that the chain begins with.
    fn origins(&self) -> Vec<&'a str> {
        let opened: Vec<&str> =
            self.hashed().filter(|(_, before, _)| before.is_none()).map(|(_, _, after)| after).collect();
        if !opened.is_empty() || self.is_cut {
            return opened;
        }
        self.hashed().find_map(|(_, before, _)| before).into_iter().collect()
    }

    /// Our writes that no delivery tells of, each with whether it is known to have arrived.
    fn undelivered(&self, present: &str) -> Vec<(&'a LastWrite, bool)> {
        let mut delivered: HashMap<&str, usize> = HashMap::new();
        let mut arrived: BTreeSet<&str> = BTreeSet::from([present]);
        for (edit, before, after) in self.hashed() {
            if edit.sender == self.bot {
                *delivered.entry(after).or_default() += 1;
            }
            arrived.extend(before);
        }
        let mut undelivered = Vec::new();
        // What a later one was made from has arrived.
        for write in self.writes.iter().rev() {
            if let Some(left) = delivered.get_mut(write.hash.as_str()).filter(|left| **left > 0) {
                *left -= 1;
                continue;
            }
            let has_arrived = write.landed || arrived.contains(write.hash.as_str());
            if has_arrived {
                arrived.extend(write.base.as_deref());
            }
            undelivered.push((write, has_arrived));
        }
        undelivered
    }
}

/// How often a text came, and how often it was left.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    came: usize,
    left: usize,
    /// Not counting what was told since the text was read.
    left_before: usize,
}

/// Which texts follow from which, by their hashes, and how often each came.
#[derive(Debug, Default)]
struct Ways<'a> {
    ways: HashMap<&'a str, Vec<&'a str>>,
    counts: HashMap<&'a str, Count>,
}

impl<'a> Ways<'a> {
    fn of(told: &Told<'a>, origins: &[&'a str], present: &str) -> Self {
        let mut all = Self::default();
        for (edit, before, after) in told.hashed() {
            all.counts.entry(after).or_default().came += 1;
            let Some(before) = before else { continue };
            all.ways.entry(before).or_default().push(after);
            let count = all.counts.entry(before).or_default();
            count.left += 1;
            count.left_before += usize::from(edit.received_at < told.read_at);
        }
        // An opening has been counted.
        if told.hashed().all(|(_, before, _)| before.is_some()) {
            for origin in origins {
                all.counts.entry(origin).or_default().came += 1;
            }
        }
        let undelivered = told.undelivered(present);
        for (write, has_arrived) in &undelivered {
            all.counts.entry(write.hash.as_str()).or_default().came += 1;
            if let (Some(base), true) = (&write.base, has_arrived) {
                let count = all.counts.entry(base.as_str()).or_default();
                count.left += 1;
                count.left_before += 1;
            }
        }
        for (write, _) in undelivered {
            // What was made from a text that somebody brought back says no more of it than that text.
            if let Some(base) = write.base.as_deref().filter(|base| !all.is_overdrawn(base)) {
                all.ways.entry(base).or_default().push(&write.hash);
            }
        }
        all
    }

    /// Whether a text was left more often than anything tells that it came.
    fn is_overdrawn(&self, text: &str) -> bool {
        self.counts.get(text).is_some_and(|count| count.left > count.came)
    }

    /// Adds a text and all that follow from it.
    fn reach(&self, known: &mut BTreeSet<&'a str>, text: &'a str) {
        let mut next = vec![text];
        while let Some(text) = next.pop() {
            if known.insert(text) {
                next.extend(self.ways.get(text).into_iter().flatten());
            }
        }
    }

    /// Whether one text follows from another.
    fn lead(&self, from: &'a str, to: &str) -> bool {
        let mut known = BTreeSet::new();
        self.reach(&mut known, from);
        known.contains(to)
    }
}

/// Who put something into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author<'a> {
    /// The login of an account.
    Known(&'a str),
    /// Somebody of whom no delivery is kept.
    Lost,
    /// Nothing tells of it.
    Untold,
}

/// One change of the text: what the tasks were before and after.
#[derive(Debug, Clone)]
struct Step {
    /// The login of an account; `None` where nobody knows.
    sender: Option<String>,
    before: Option<Arc<Boxes>>,
    after: Arc<Boxes>,
}

/// The issue's history as deliveries tell it.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    steps: Vec<Step>,
    /// The login of our own account.
    bot: String,
    /// Whether what nothing tells of was there to be told, and was not.
    is_untold: bool,
}

impl History {
    /// Reads what is told; what we wrote is nobody's word. `boxes` are the tasks of a text; `None` where it cannot be read: who
    /// wrote what was made of such a text is not known.
    pub(crate) fn new(told: &Told<'_>, mut boxes: impl FnMut(&str) -> Option<Arc<Boxes>>) -> Self {
        let is_opened = told.hashed().any(|(_, before, _)| before.is_none());
        let is_untold = told.is_due && !is_opened;
        let mut history = Self { steps: Vec::new(), bot: told.bot.to_owned(), is_untold };
        if !told.is_cut && !told.tells() {
            return history;
        }
        let present = text_hash(told.present);
        let origins = told.origins();
        let follows = Ways::of(told, &origins, &present);
        let mut known = BTreeSet::new();
        for origin in origins {
            follows.reach(&mut known, origin);
        }
        // The tasks of the newest text so far that can be read.
        let mut last: Option<Arc<Boxes>> = None;
        for (edit, (before, _)) in told.edits.iter().zip(&told.hashes.0) {
            let Some(after) = &edit.body_after else { continue };
            let was = edit.body_before.as_deref().map(&mut boxes);
            // Which of its leavings is the one that nothing explains is not known: where the text had just come, this says
            // nothing.
            if let (Some(was), Some(hash)) = (&was, before)
                && (!known.contains(hash.as_str()) || follows.is_overdrawn(hash))
            {
                history.breaks(last.clone(), was.clone());
                follows.reach(&mut known, hash);
            }
            let Some(is) = boxes(after) else { continue };
            if !told.is_own(edit) {
                let step = match was {
                    Some(None) => Step { sender: None, before: last.clone(), after: Arc::clone(&is) },
                    was => Step {
                        sender: Some(edit.sender.clone()),
                        before: was.flatten(),
                        after: Arc::clone(&is),
                    },
                };
                history.steps.push(step);
            }
            last = Some(is);
        }
        if !is_there(told, &follows, &present) {
            history.breaks(last, boxes(told.present));
        }
        history
    }

    /// Somebody whom nobody knows made one text of another.
    fn breaks(&mut self, before: Option<Arc<Boxes>>, after: Option<Arc<Boxes>>) {
        self.steps.extend(after.map(|after| Step { sender: None, before, after }));
    }

    /// Who put a task there. Our own account puts back what a write of ours went over, also where we do not know that write any
    /// more: what somebody else had put there before stays theirs.
    pub(super) fn author(&self, key: &TaskKey) -> Author<'_> {
        let puts_it_there = |step: &&Step| {
            step.after.contains_key(key)
                && step.before.as_ref().is_none_or(|before| !before.contains_key(key))
        };
        let is_ours = |step: &Step| step.sender.as_ref() == Some(&self.bot);
        let mut newest_first = self.steps.iter().rev().filter(puts_it_there);
        let newest = newest_first.next();
        let step = match newest {
            Some(step) if is_ours(step) => newest_first.find(|step| !is_ours(step)).or(newest),
            newest => newest,
        };
        match step {
            None if self.is_untold => Author::Lost,
            None => Author::Untold,
            Some(step) => step.sender.as_deref().map_or(Author::Lost, Author::Known),
        }
    }

    /// Everybody who made a task ask for less than it did; `None` stands for somebody whom nobody knows.
    pub(super) fn loosened_by(&self, key: &TaskKey) -> impl Iterator<Item = Option<&str>> {
        self.steps.iter().filter_map(move |step| {
            let (was, is) = (step.before.as_ref()?.get(key)?, step.after.get(key)?);
            is.known.asks_for_less_than(&was.known).then_some(step.sender.as_deref())
        })
    }

    /// Who unticked a task last; `None` where nobody knows.
    pub(super) fn unticked_by(&self, key: &TaskKey) -> Option<&str> {
        let mut newest_first = self.steps.iter().rev();
        let step = newest_first.find(|step| {
            let was = step.before.as_ref().and_then(|before| before.get(key));
            step.after.get(key).is_some_and(|is| !is.ticked) && was.is_some_and(|was| was.ticked)
        });
        step?.sender.as_deref()
    }
}

/// Whether the text as it was read follows from one that was the newest when it was read, or came since, and had not been
/// left again by then.
fn is_there<'a>(told: &Told<'a>, ways: &Ways<'a>, present: &str) -> bool {
    let mut newest: Vec<&'a str> = Vec::new();
    for (edit, _, after) in told.hashed() {
        if edit.received_at < told.read_at {
            newest.clear();
        }
        newest.push(after);
    }
    let is_left = ways.counts.get(present).is_none_or(|count| count.left_before >= count.came);
    !is_left && newest.into_iter().any(|text| ways.lead(text, present))
}

#[cfg(test)]
mod tests;
