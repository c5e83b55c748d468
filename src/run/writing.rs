//! Writes the body, and closes the issue.
//!
//! Races decided here: a text is computed from the body of this look and sent with its version; after a conflict it is
//! computed again from a fresh one. What will be remembered of a text is stored before the forge is asked, so that our
//! own writes are always recognised, whatever becomes of the answer.

use super::act;
use super::decide::Waiting;
use super::event::Outcome;
use super::report::{LastWrite, Report, rows_there};
use super::trust::OwnText;
use super::worker::{RunError, Scene, Work, Worker, text_hash};
use crate::forge::{ForgeError, IssueEdit, State};
use crate::issue::{ClosingView, apply, read_approvals, text_for_title};
use crate::wording;
use jiff::Timestamp;

/// How often a body is read fresh and written again when somebody else was faster.
const WRITE_ATTEMPTS: u32 = 6;

impl Worker {
    fn report<'a>(
        scene: &'a Scene<'_>,
        work: &'a Work,
        awaited: Option<&'a Waiting>,
        since: Timestamp,
        changed_at: Timestamp,
        body: &str,
    ) -> Report<'a> {
        let observation = scene.observation;
        Report {
            run: work.run.id,
            state: &work.state,
            reading: &observation.reading,
            order: &observation.order,
            recon: Some(&observation.recon),
            awaited,
            awaited_since: since,
            mode: scene.settings.mode,
            others: &observation.others,
            obstacles: &observation.obstacles,
            remade: &observation.remade,
            changed_at,
            writes: &work.writes,
            rows_there: rows_there(&work.writes, body),
            boxes: read_approvals(body),
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
        if scene.issue.state == State::Closed || work.state.closed() {
            return Ok(());
        }
        let now = Timestamp::now();
        let what = match awaited {
            None => "working".to_owned(),
            Some(Waiting::World(what)) => what.clone(),
            Some(Waiting::People) => "people".to_owned(),
            Some(Waiting::Lock(_)) => return Ok(()),
            Some(Waiting::Obstacles) => "obstacles".to_owned(),
            Some(Waiting::Paused(by)) => format!("paused {by}"),
        };
        let since = work.memory.awaited_since(&what, now);
        let quiet = matches!(awaited, Some(Waiting::People | Waiting::Obstacles | Waiting::Paused(_)));
        let important = format!(
            "{} {:?} {:?} {:?} {}",
            work.state.important,
            scene.observation.obstacles,
            scene.observation.others,
            scene.observation.remade,
            if quiet { what.as_str() } else { "" },
        );
        let changed_at = match &work.memory.written {
            Some((known, at)) if *known == important => {
                // Nothing important: while only people are awaited nothing is written, else writes are gathered.
                if quiet || now.duration_since(*at).unsigned_abs() < self.parts.timing.gather() {
                    return Ok(());
                }
                *at
            }
            _ => now,
        };
        let mut body = scene.issue.body.clone();
        let mut version = scene.issue.content_version;
        for attempt in 0..WRITE_ATTEMPTS {
            // The body of this look was read a moment ago; only after a conflict is it read again.
            if attempt > 0 {
                act::jitter(attempt).await;
                let fresh = self.parts.forge.issue(&scene.repository.name, scene.issue.number).await?;
                if fresh.state == State::Closed {
                    return Ok(());
                }
                body = fresh.body;
                version = fresh.content_version;
            }
            let report = Self::report(scene, work, awaited, since, changed_at, &body);
            let (desired, last) = report.desired(None);
            let text = apply(&body, &desired);
            if text == body {
                work.memory.written = Some((important, now));
                return Ok(());
            }
            self.remember(work, &text, last).await?;
            let edit = IssueEdit { body: Some(text), content_version: version, ..IssueEdit::default() };
            match self.parts.forge.edit_issue(&scene.repository.name, scene.issue.number, &edit).await {
                Ok(_) => {
                    work.memory.written = Some((important, now));
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

    /// Remembers a body before it is sent, so that it is recognised whatever becomes of the request.
    async fn remember(&self, work: &mut Work, text: &str, write: LastWrite) -> Result<(), RunError> {
        let hash = text_hash(text);
        let json =
            serde_json::to_string(&write).map_err(|source| RunError::Journal { run: work.run.id, source })?;
        self.parts.store.put_body_write(work.run.id, Timestamp::now(), &hash, &json).await?;
        work.ours.0.insert(hash);
        work.writes.push(write);
        Ok(())
    }

    /// Closing report, `[RESOLVED]` and the closing, in one request.
    pub(super) async fn close_issue(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
    ) -> Result<Outcome, RunError> {
        let now = Timestamp::now();
        let name = &scene.repository.name;
        for attempt in 0..WRITE_ATTEMPTS {
            let fresh = self.parts.forge.issue(name, scene.issue.number).await?;
            if fresh.state == State::Closed {
                // By us, when only the answer was lost; else by a person meanwhile, whose word stands.
                let ours =
                    work.ours.is_ours(&fresh.body) && text_for_title(&fresh.title, true) == fresh.title;
                let detail = if ours { String::new() } else { wording::closed_by_person() };
                return Ok(Outcome::Done { detail });
            }
            let report = Report { closing: true, ..Self::report(scene, work, None, now, now, &fresh.body) };
            let Some(view): Option<ClosingView> = report.closing(now) else {
                return Ok(Outcome::NotYet { why: wording::not_closed_yet() });
            };
            let (desired, last) = report.desired(Some(&view));
            let text = apply(&fresh.body, &desired);
            self.remember(work, &text, last).await?;
            let edit = IssueEdit {
                title: Some(text_for_title(&fresh.title, true)),
                body: Some(text),
                state: Some(State::Closed),
                content_version: fresh.content_version,
            };
            // Nobody is called any more; the label goes first, so that a crash in between loses nothing.
            let label = fresh.labels.iter().find(|label| label.name == self.parts.settings.needs_human_label);
            if let (true, Some(label)) = (work.state.person_called(), label) {
                self.parts.forge.remove_label(name, scene.issue.number, label.id).await?;
            }
            match self.parts.forge.edit_issue(name, scene.issue.number, &edit).await {
                Ok(_) => return Ok(Outcome::Done { detail: String::new() }),
                Err(error) if matches!(error, ForgeError::Conflict { .. }) || error.is_uncertain() => {
                    act::jitter(attempt).await;
                }
                Err(error) => return Ok(Outcome::NotYet { why: error.to_string() }),
            }
        }
        Ok(Outcome::NotYet { why: wording::text_keeps_changing() })
    }
}
