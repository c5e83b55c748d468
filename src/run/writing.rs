//! Writes the body. How the last of its texts closes the issue is told in [`closing`].
//!
//! Races decided here: a text is computed from the body of this look and sent with its version; after a conflict it is
//! computed again from a fresh one, unless people decided something meanwhile: then it is looked at again first, or our
//! ticks of before would go over theirs. What will be remembered of a text is stored before the forge is asked, so that our
//! own writes are always recognised, whatever becomes of the answer.

mod closing;
mod landed;
mod lost;
mod pace;
mod told;

pub(crate) use landed::Arrivals;
pub(super) use lost::{LostEdit, lost_edit, put_back};
pub(super) use pace::LastTime;
pub(super) use told::{Told, may_come, told};

use super::act;
use super::decide::{Unheard, Waiting};
use super::observe::{read_with_history, task_boxes, written};
use super::report::{LastWrite, Report};
use super::worker::{RunError, Scene, Work, Worker, text_hash};
use crate::forge::{ForgeError, Issue, IssueEdit, State};
use crate::health::Recon;
use crate::inbox;
use crate::issue::{
    Applied, ClosingView, Desired, Edit, Home, TaskKey, WrittenTask, applied, apply, decisions,
    read_approvals, text_for_title,
};
use jiff::Timestamp;
use pace::Moment;
use std::collections::BTreeSet;

/// How often a body is read fresh and written again when somebody else was faster.
const WRITE_ATTEMPTS: u32 = 6;

/// What is awaited, and since when, as the status shows it.
#[derive(Debug, Clone, Copy)]
struct Awaiting<'a> {
    what: Option<&'a Waiting>,
    since: Timestamp,
}

impl Worker {
    fn report<'a>(
        scene: &'a Scene<'_>,
        work: &'a Work,
        awaiting: Awaiting<'a>,
        as_of: Timestamp,
        lost: Option<&'a LostEdit>,
        body: &str,
    ) -> Report<'a> {
        let observation = scene.observation;
        let standing = Arrivals::of(&work.writes, body, &observation.arrived);
        let mut boxes = read_approvals(body);
        // A tick that a write of ours went over is put back like everything else.
        let lost_boxes = lost.map(|lost| read_approvals(&lost.text)).unwrap_or_default();
        boxes.retain(|found| !lost_boxes.iter().any(|lost| lost.code == found.code && lost.ticked));
        boxes.extend(lost_boxes.into_iter().filter(|found| found.ticked));
        let unheard = Unheard::of(&observation.wishes, &work.state);
        let mut held = observation.pending.clone();
        held.extend(unheard.unticked);
        held.extend(lost.iter().flat_map(|lost| lost.unticked.iter().cloned()));
        Report {
            run: work.run.id,
            state: &work.state,
            home: home(scene),
            reading: &observation.reading,
            order: &observation.order,
            recon: Some(&observation.recon),
            awaited: awaiting.what,
            awaited_since: awaiting.since,
            mode: scene.settings.mode,
            others: &observation.others,
            obstacles: &observation.obstacles,
            remade: &observation.remade,
            as_of,
            lost,
            hours: scene.general.hours(as_of),
            windows: &scene.general.windows,
            zone: &scene.general.timezone,
            writes: &work.writes,
            standing,
            boxes,
            held,
            unheard_ticks: unheard.ticked,
            stale_ticks: &observation.stale_ticks,
            closing: false,
            bot: &scene.bot.login,
        }
    }

    /// Writes the body where it is not as it shall be: at once when something important happened, else gathered.
    pub(super) async fn write(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        awaited: Option<&Waiting>,
    ) -> Result<(), RunError> {
        // An archive takes no words; the page and the log have to do.
        if scene.issue.state == State::Closed || work.state.closed() || scene.repository.archived {
            return Ok(());
        }
        // With a lock that nobody can read, another caretaker may be at work on this text. It is if the text holds a
        // status that we did not write; then the log and the readiness have to do.
        let standing = Arrivals::of(&work.writes, &scene.issue.body, &scene.observation.arrived);
        let another = scene.issue.body.contains("<!-- caretaker:status -->") && !standing.shows_status();
        if scene.observation.locked_out && another {
            tracing::warn!("the status is another's; it is not written over while the lock cannot be read");
            return Ok(());
        }
        let now = Timestamp::now();
        let what = match awaited {
            None => "working".to_owned(),
            Some(Waiting::World(what)) => what.clone(),
            Some(Waiting::People) => "people".to_owned(),
            Some(Waiting::Window(opens)) => format!("window {opens}"),
            Some(Waiting::Obstacles) => "obstacles".to_owned(),
            Some(Waiting::Paused(by)) => format!("paused {by}"),
        };
        // What was awaited before a restart is still awaited since then.
        if work.memory.awaited.is_none() {
            work.memory.awaited = work.writes.last().and_then(|write| write.awaited.clone());
        }
        let awaiting = Awaiting { what: awaited, since: work.memory.awaited_since(&what, now) };
        let quiet = matches!(
            awaited,
            Some(Waiting::People | Waiting::Window(_) | Waiting::Obstacles | Waiting::Paused(_))
        );
        let lost = self.lost_edit(scene, work, scene.issue).await?;
        let important = format!(
            "{} {:?} {:?} {:?} {:?} {}",
            work.state.important,
            scene.observation.obstacles,
            scene.observation.others,
            scene.observation.remade,
            lost.as_ref().map(LostEdit::hash),
            if quiet { what.as_str() } else { "" },
        );
        let stands = health_standing(&scene.observation.recon);
        let moment = Moment {
            now,
            important: &important,
            standing: &stands,
            quiet,
            more_to_come: awaited.is_none(),
            changed: !standing.is_ours,
            gather: self.parts.timing.gather(),
        };
        let Some(reason) = pace::due(work.memory.written.as_mut(), &moment) else { return Ok(()) };
        let mut body = scene.issue.body.clone();
        let mut title_now = scene.issue.title.clone();
        let mut version = scene.issue.content_version;
        for attempt in 0..WRITE_ATTEMPTS {
            // The body of this look was read a moment ago. It is read again after a conflict, and where the forge would
            // let us write over a newer one.
            if attempt > 0 || version.is_none() {
                if attempt > 0 {
                    act::jitter(attempt).await;
                }
                let fresh = self.parts.forge.issue(&scene.repository.name, scene.issue.number).await?;
                if fresh.state == State::Closed {
                    return Ok(());
                }
                if self.is_news(scene, work, &fresh.body) {
                    tracing::info!("people decided something since this look; looking again before writing");
                    self.parts.hints.mark(&scene.repository.name);
                    return Ok(());
                }
                body = fresh.body;
                title_now = fresh.title;
                version = fresh.content_version;
            }
            let title = work.state.reopened.map(|_| title_before(&work.writes, &title_now));
            let title = title.filter(|title| *title != title_now);
            let Some((text, write)) = next_text(scene, work, awaiting, lost.as_ref(), &body, now) else {
                work.memory.written = Some(pace::done(work.memory.written.as_ref(), reason, false, &moment));
                return Ok(());
            };
            self.remember(work, &text, LastWrite { awaited: work.memory.awaited.clone(), ..write }).await?;
            tracing::info!(?reason, "writing the issue's body");
            let edit = IssueEdit {
                title,
                body: Some(text.clone()),
                content_version: version,
                ..IssueEdit::default()
            };
            match self.parts.forge.edit_issue(&scene.repository.name, scene.issue.number, &edit).await {
                Ok(_) => {
                    work.landed();
                    work.memory.written =
                        Some(pace::done(work.memory.written.as_ref(), reason, true, &moment));
                    if version.is_none() {
                        self.read_back(scene, work, &text).await?;
                    }
                    return Ok(());
                }
                Err(ForgeError::Conflict { .. }) => {}
                Err(error) => {
                    work.memory.written = None;
                    return Err(error.into());
                }
            }
        }
        tracing::warn!("the body changed at each attempt to write it; trying again at the next look");
        Ok(())
    }

    /// What a write of ours went over, seen from the issue as it is. Only a forge that counts no versions lets that happen.
    async fn lost_edit(
        &self,
        scene: &Scene<'_>,
        work: &Work,
        issue: &Issue,
    ) -> Result<Option<LostEdit>, RunError> {
        if issue.content_version.is_some() {
            return Ok(None);
        }
        let name = scene.repository.name.to_string();
        let edits = inbox::issue_edits(&self.parts.store, &name, scene.issue.number.0).await?;
        let now = Timestamp::now();
        let is_awaited = |write: &LastWrite| self.is_awaited(write, now);
        let lost = lost::lost_edit(&edits, &work.writes, &issue.body, &scene.bot.login, is_awaited);
        Ok(lost.map(|lost| self.with_unticked(scene, work, lost)))
    }

    /// Whether the delivery about a write of ours may still come.
    fn is_awaited(&self, write: &LastWrite, now: Timestamp) -> bool {
        write.as_of.is_some_and(|begun| may_come(begun, now, &self.parts.timing))
    }

    /// With what a person unticked in it: seen from the write before, since ours may hold ticks that they never saw, and from
    /// what ours was made from, which may hold a tick of theirs that no write of ours held.
    fn with_unticked(&self, scene: &Scene<'_>, work: &Work, mut lost: LostEdit) -> LostEdit {
        let (before, over) = over(&work.writes, &lost);
        let reading = read_with_history(&self.parts, home(scene).as_ref(), &lost.text, &work.state, before);
        let Ok(reading) = reading else { return lost };
        let standing = Arrivals::of(before, &lost.text, &scene.observation.arrived);
        let written = written(before, &standing, &work.state);
        let (mut unticked, mut stale) = (BTreeSet::new(), BTreeSet::new());
        for edit in decisions(&lost.text, &reading, &written) {
            match edit {
                Edit::Unticked { key } => drop(unticked.insert(key)),
                Edit::StaleWrite { keys } => stale.extend(keys),
                Edit::Ticked { .. } | Edit::NoteTaken { .. } | Edit::Added { .. } | Edit::Removed { .. } => {}
            }
        }
        let ours = |key: &TaskKey| written.tasks.iter().any(|task| task.key == *key && task.ticked);
        let read = over.and_then(|over| over.read.as_deref()).unwrap_or_default();
        let theirs = read.iter().filter(|(key, ticked)| *ticked && !ours(key)).map(|(key, _)| key);
        let is_open = |key: &&TaskKey| reading.task(key).is_some_and(|task| !task.ticked);
        unticked.extend(theirs.filter(is_open).cloned());
        (lost.unticked, lost.stale) = (unticked.into_iter().collect(), stale);
        lost
    }

    /// Whether people ticked, unticked, added or took out something in a text since it was looked at.
    fn is_news(&self, scene: &Scene<'_>, work: &Work, body: &str) -> bool {
        body != scene.issue.body
            && self
                .boxes_in(scene, work, body, &work.writes)
                .is_some_and(|fresh| fresh != task_boxes(&scene.observation.reading))
    }

    /// The boxes of a text that came after these of our writes; `None` where it cannot be read.
    fn boxes_in(
        &self,
        scene: &Scene<'_>,
        work: &Work,
        body: &str,
        writes: &[LastWrite],
    ) -> Option<Vec<(TaskKey, bool)>> {
        let reading = read_with_history(&self.parts, home(scene).as_ref(), body, &work.state, writes);
        reading.ok().as_ref().map(task_boxes)
    }

    /// Looks whether what was written is there. Where it is not, somebody was faster or later: looked at again at once.
    async fn read_back(&self, scene: &Scene<'_>, work: &mut Work, text: &str) -> Result<(), RunError> {
        let there = self.parts.forge.issue(&scene.repository.name, scene.issue.number).await?;
        if there.body != text {
            tracing::info!("the body is not as it was written a moment ago; looking again");
            work.memory.written = None;
            self.parts.hints.mark(&scene.repository.name);
        }
        Ok(())
    }

    /// Remembers a body before it is sent, so that it is recognised whatever becomes of the request.
    async fn remember(&self, work: &mut Work, text: &str, write: LastWrite) -> Result<(), RunError> {
        let hash = text_hash(text);
        let write = LastWrite { hash: hash.clone(), ..write };
        let json =
            serde_json::to_string(&write).map_err(|source| RunError::Journal { run: work.run.id, source })?;
        self.parts.store.put_body_write(work.run.id, Timestamp::now(), &hash, &json).await?;
        work.ours.0.insert(hash);
        work.writes.push(write);
        Ok(())
    }
}

/// The write of ours that went over somebody's text, behind those before it.
fn over<'a>(writes: &'a [LastWrite], lost: &LostEdit) -> (&'a [LastWrite], Option<&'a LastWrite>) {
    match writes.iter().position(|write| write.hash == lost.over) {
        Some(at) => (&writes[..at], Some(&writes[at])),
        None => (writes, None),
    }
}

/// How the layers stand, and what keeps them from being GREEN.
fn health_standing(recon: &Recon) -> String {
    let blocks = recon.blocking().filter(|finding| finding.cause.is_none());
    format!("{:?} {:?}", recon.layers(), blocks.map(|finding| &finding.id).collect::<BTreeSet<_>>())
}

/// Where the issue lies: what a number in its text is a number of.
fn home(scene: &Scene<'_>) -> Option<Home> {
    Home::of_issue(&scene.issue.html_url)
}

/// The next text, with what is to be remembered of it; `None` where the body is as it shall be.
fn next_text(
    scene: &Scene<'_>,
    work: &Work,
    awaiting: Awaiting<'_>,
    lost: Option<&LostEdit>,
    body: &str,
    now: Timestamp,
) -> Option<(String, LastWrite)> {
    // Were the time of the last write the only thing that changes, there would be nothing to write.
    let before = work.writes.last().and_then(|write| write.as_of);
    let as_of = |moment| Worker::report(scene, work, awaiting, moment, lost, body);
    let unchanged = before.is_some_and(|moment| Next::new(&as_of(moment), None, body).text == body);
    if unchanged {
        return None;
    }
    let report = as_of(now);
    let next = Next::new(&report, None, body);
    (next.text != body).then(|| {
        let write = next.write(&report);
        (next.text, write)
    })
}

/// The title of before the closing, which was cut where the mark made it too long.
fn title_before(writes: &[LastWrite], title: &str) -> String {
    writes
        .iter()
        .rev()
        .filter_map(|write| write.title.as_ref())
        .find(|before| text_for_title(before, true) == title)
        .map_or_else(|| text_for_title(title, false), |before| text_for_title(before, false))
}

/// A body as it shall be.
struct Next {
    text: String,
    /// How the tasks stand in it.
    tasks: Vec<WrittenTask>,
    desired: Desired,
    /// What is to be remembered, but for how the tasks really stand in it.
    write: LastWrite,
}

impl Next {
    /// A body with what is ours as a report has it, and with what was lost.
    fn new(report: &Report<'_>, closing: Option<&ClosingView>, body: &str) -> Self {
        let restored = report.lost.and_then(|lost| {
            let (desired, _) = report.desired(closing, false);
            put_back(lost, body, |text| apply(text, &desired)).map(|text| (text, lost.hash()))
        });
        // What could not be put back is told instead.
        let (desired, write) = report.desired(closing, report.lost.is_some() && restored.is_none());
        let (Applied { text, tasks }, restored) = match restored {
            Some((text, hash)) => (applied(&text, &desired), Some(hash)),
            None => (applied(body, &desired), None),
        };
        Self { text, tasks, desired, write: LastWrite { base: Some(text_hash(body)), restored, ..write } }
    }

    /// What is to be remembered of it once it is written.
    fn write(&self, report: &Report<'_>) -> LastWrite {
        let mut tasks = self.tasks.clone();
        // What a person ticked or added in a text that is put back is still to be decided on, so only what was looked at
        // is remembered as known. A box that was unticked, nobody knows by whom yet or not heard yet, is one that we ticked;
        // one that was ticked and not heard yet is open.
        tasks.retain_mut(|task| {
            let Some(looked) = report.reading.task(&task.key) else { return false };
            let wished = self.desired.tasks.iter().any(|wish| wish.key == task.key && wish.tick);
            let unknown =
                report.unheard_ticks.contains(&task.key) || self.desired.unticked.contains(&task.key);
            task.ticked = looked.ticked && !unknown || wished || report.held.contains(&task.key);
            true
        });
        LastWrite { tasks, ..self.write.clone() }
    }
}
