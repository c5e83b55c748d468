//! The last text of a run: closing report, `[RESOLVED]` and the closing, in one request.
//!
//! Races decided here: what closes the issue was computed from a text that holds nothing undecided. On a forge that counts
//! no versions of a text a person may save between our reading and our closing, and nothing is written once the issue is
//! closed; so before the closing counts as done it is asked what it went over. Somebody's words are put back into the closed
//! issue. A task or a box of theirs was not decided on: then the issue is opened again, and the run goes on. A crash in
//! between loses nothing: the closing is not in the journal yet, and the same is asked when it is confirmed. Nor is it while
//! the delivery that tells what it went over may be on its way.

use super::lost::{lost_edit, may_be_told};
use super::{Awaiting, LostEdit, Next, Told, WRITE_ATTEMPTS, over, title_before, told};
use crate::forge::{ForgeError, IssueEdit, State};
use crate::issue::{ClosingView, TaskKey, text_for_title};
use crate::run::act;
use crate::run::event::Outcome;
use crate::run::report::{LastWrite, Report};
use crate::run::trust::OwnText;
use crate::run::worker::{RunError, Scene, Work, Worker};
use crate::wording;
use jiff::Timestamp;

/// What the world is told when a closing is done.
const DONE: Outcome = Outcome::Done { detail: String::new() };

impl Worker {
    /// Closing report, `[RESOLVED]` and the closing, in one request. `None` while what it went over cannot be told yet.
    pub(in crate::run) async fn close_issue(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
    ) -> Result<Option<Outcome>, RunError> {
        let name = &scene.repository.name;
        for attempt in 0..WRITE_ATTEMPTS {
            // What people save from now on may be gone over.
            let now = Timestamp::now();
            let fresh = self.parts.forge.issue(name, scene.issue.number).await?;
            if fresh.state == State::Closed {
                // By us, when only the answer was lost; else by a person meanwhile, whose word stands.
                let ours =
                    work.ours.is_ours(&fresh.body) && text_for_title(&fresh.title, true) == fresh.title;
                if ours {
                    return self.settle(scene, work).await;
                }
                return Ok(Some(Outcome::Done { detail: wording::closed_by_person() }));
            }
            // What was decided on is that everything in the text has ended.
            if self.is_news(scene, work, &fresh.body) {
                return Ok(Some(Outcome::NotYet { why: wording::text_has_changed() }));
            }
            let lost = self.lost_edit(scene, work, &fresh).await?;
            let Some(next) = closing_text(scene, work, lost.as_ref(), &fresh.body, now) else {
                return Ok(Some(Outcome::NotYet { why: wording::not_closed_yet() }));
            };
            if self.brings_news_back(scene, work, lost.as_ref(), &next) {
                return Ok(Some(Outcome::NotYet { why: wording::text_has_changed() }));
            }
            let write = LastWrite { title: Some(fresh.title.clone()), ..next.write };
            let text = next.text;
            self.remember(work, &text, write).await?;
            let edit = IssueEdit {
                title: Some(text_for_title(&fresh.title, true)),
                body: Some(text),
                state: Some(State::Closed),
                content_version: fresh.content_version,
            };
            // Nobody is called any more; the label goes first, so that a crash in between loses nothing.
            let label = fresh.labels.iter().find(|label| label.name == self.parts.settings.needs_human_label);
            if let (true, Some(label)) = (work.state.may_be_called(), label) {
                self.parts.forge.remove_label(name, scene.issue.number, label.id).await?;
            }
            match self.parts.forge.edit_issue(name, scene.issue.number, &edit).await {
                Ok(_) => {
                    work.landed();
                    return self.settle(scene, work).await;
                }
                Err(error) if matches!(error, ForgeError::Conflict { .. }) || error.is_uncertain() => {
                    act::jitter(attempt).await;
                }
                Err(error) => return Ok(Some(Outcome::NotYet { why: error.to_string() })),
            }
        }
        Ok(Some(Outcome::NotYet { why: wording::text_keeps_changing() }))
    }

    /// Asks what the closing went over, and puts it back. `None` while that cannot be told yet.
    pub(in crate::run) async fn settle(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
    ) -> Result<Option<Outcome>, RunError> {
        let (name, number) = (&scene.repository.name, scene.issue.number);
        if scene.issue.content_version.is_some() {
            return Ok(Some(DONE));
        }
        for _ in 0..WRITE_ATTEMPTS {
            let Some(newest) = work.writes.last() else { return Ok(Some(DONE)) };
            let begun = newest.as_of.unwrap_or(Timestamp::MIN);
            let Told { edits, delivers, .. } =
                told(&self.parts.store, name, number, &newest.hash, begun).await?;
            let now = Timestamp::now();
            let fresh = self.parts.forge.issue(name, number).await?;
            // Where somebody has opened it again the ordinary writes go on, and put it back.
            if fresh.state != State::Closed {
                return Ok(Some(DONE));
            }
            let is_awaited = |write: &LastWrite| delivers && self.is_awaited(write, now);
            let Some(lost) = lost_edit(&edits, &work.writes, &fresh.body, &scene.bot.login, is_awaited)
            else {
                let is_known = !may_be_told(&edits, &work.writes, &fresh.body, is_awaited);
                return Ok(is_known.then_some(DONE));
            };
            let lost = self.with_unticked(scene, work, lost);
            let Some(next) = closing_text(scene, work, Some(&lost), &fresh.body, now) else {
                return Ok(Some(DONE));
            };
            if self.is_decided_otherwise(scene, work, &fresh.body)
                || self.brings_news_back(scene, work, Some(&lost), &next)
            {
                tracing::info!(
                    "the closing went over a task or a box of somebody's; opening the issue again"
                );
                let edit = IssueEdit {
                    title: Some(title_before(&work.writes, &fresh.title)),
                    state: Some(State::Open),
                    ..IssueEdit::default()
                };
                self.parts.forge.edit_issue(name, number, &edit).await?;
                return Ok(Some(Outcome::NotYet { why: wording::text_has_changed() }));
            }
            if next.text == fresh.body {
                return Ok(Some(DONE));
            }
            tracing::info!("the closing went over what somebody wrote; putting it back");
            let is_back = next.write.restored.is_some();
            let edit = IssueEdit { body: Some(next.text.clone()), ..IssueEdit::default() };
            let read = self.boxes_in(scene, work, &fresh.body, &work.writes);
            self.remember(work, &next.text, LastWrite { read, ..next.write }).await?;
            self.parts.forge.edit_issue(name, number, &edit).await?;
            work.landed();
            if !is_back {
                // What could not be put back is told, once.
                return Ok(Some(DONE));
            }
        }
        Ok(Some(DONE))
    }

    /// Whether a text holds something again that was lost and that nobody has decided on: such a text closes nothing. What
    /// was decided on is what the closing was made from.
    fn brings_news_back(
        &self,
        scene: &Scene<'_>,
        work: &Work,
        lost: Option<&LostEdit>,
        next: &ClosingText,
    ) -> bool {
        let Some(lost) = lost.filter(|_| next.write.restored.is_some()) else { return false };
        let (before, over) = over(&work.writes, lost);
        match over.and_then(|over| over.read.as_ref()) {
            Some(read) => {
                let decided = |boxes: &[(TaskKey, bool)]| -> Vec<(TaskKey, bool)> {
                    boxes.iter().filter(|(key, _)| !lost.stale.contains(key)).cloned().collect()
                };
                let theirs = self.boxes_in(scene, work, &lost.text, before);
                theirs.is_some_and(|theirs| decided(&theirs) != decided(read))
            }
            None => self.is_news(scene, work, &lost.text),
        }
    }

    /// Whether somebody ticked, unticked, added or took out something in the closed issue.
    fn is_decided_otherwise(&self, scene: &Scene<'_>, work: &Work, body: &str) -> bool {
        let Some(last) = work.writes.last().filter(|_| !work.ours.is_ours(body)) else { return false };
        let mut written: Vec<_> = last.tasks.iter().map(|task| (task.key.clone(), task.ticked)).collect();
        written.sort();
        self.boxes_in(scene, work, body, &work.writes).is_some_and(|boxes| boxes != written)
    }
}

/// A text that closes, and what is to be remembered of it.
struct ClosingText {
    text: String,
    write: LastWrite,
}

/// The text that closes; `None` where nothing is known yet that a report could tell.
fn closing_text(
    scene: &Scene<'_>,
    work: &Work,
    lost: Option<&LostEdit>,
    body: &str,
    now: Timestamp,
) -> Option<ClosingText> {
    let awaiting = Awaiting { what: None, since: now };
    let report = Report { closing: true, ..Worker::report(scene, work, awaiting, now, lost, body) };
    let view: ClosingView = report.closing(now)?;
    let next = Next::new(&report, Some(&view), body);
    let write = next.write(&report);
    Some(ClosingText { text: next.text, write })
}
