//! Closes related issues and pull requests, with a note above their own text.
//!
//! The race decided here: on a forge that counts no versions of a text, a person may save between our reading and our
//! writing. The delivery about our own write tells what it replaced: where that, without our note, is not the text below
//! our note, it is somebody's and is put back; where that delivery does not come, those about people's own edits tell. It is
//! told from the texts alone, so a crash in between loses nothing. Of pull requests no deliveries are kept: what a closing
//! goes over there is not known.

use super::{Context, WRITE_ATTEMPTS, jitter, not_done};
use crate::forge::{ForgeError, ForgeResult, Issue, IssueEdit, IssueNumber, State};
use crate::inbox;
use crate::issue::{resolution_note, without_resolution_note};
use crate::run::event::Outcome;
use crate::run::report::LastWrite;
use crate::run::worker::{Parts, text_hash};
use crate::run::writing::{LostEdit, Told, lost_edit, put_back, told};
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Closes a related issue or pull request with a note above its own text.
pub(crate) async fn close_related(
    parts: &Parts,
    context: &Context<'_>,
    number: IssueNumber,
    begun: Timestamp,
) -> Outcome {
    let note = wording::resolved_on(&wording::time(begun), &context.resolved_by);
    let mut last = Outcome::NotYet { why: wording::text_keeps_changing() };
    for attempt in 0..WRITE_ATTEMPTS {
        let tried = async {
            let issue = try_close(parts, context, number, &note).await?;
            put_right(parts, context, &issue, &note, begun).await
        };
        match tried.await {
            Ok(()) => return Outcome::Done { detail: wording::note_closed(number) },
            // After a lost answer the next reading shows whether it happened.
            Err(error) if matches!(error, ForgeError::Conflict { .. }) || error.is_uncertain() => {
                last = not_done(&error);
                jitter(attempt).await;
            }
            Err(error) => return not_done(&error),
        }
    }
    last
}

/// Closes it. Tells what was read before, with the text that stands there now.
async fn try_close(
    parts: &Parts,
    context: &Context<'_>,
    number: IssueNumber,
    note: &str,
) -> ForgeResult<Issue> {
    let mut issue = parts.forge.issue(context.repository, number).await?;
    let body = resolution_note(&issue.body, context.issue, note);
    let closed = issue.state == State::Closed;
    if !(closed && body == issue.body) {
        let edit = IssueEdit {
            title: None,
            body: (body != issue.body).then(|| body.clone()),
            state: (!closed).then_some(State::Closed),
            content_version: issue.content_version,
        };
        parts.forge.edit_issue(context.repository, number, &edit).await?;
    }
    issue.body = body;
    Ok(issue)
}

/// Puts back what a closing went over, on a forge that lets that happen.
async fn put_right(
    parts: &Parts,
    context: &Context<'_>,
    issue: &Issue,
    note: &str,
    begun: Timestamp,
) -> ForgeResult<()> {
    if issue.content_version.is_some() || issue.is_pull {
        return Ok(());
    }
    let name = context.repository;
    let told = told(&parts.store, name, issue.number, &text_hash(&issue.body), Timestamp::now()).await;
    let Told { edits, came, .. } = match told {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(%error, "what the closing went over is not known: the store cannot be read");
            return Ok(());
        }
    };
    let mut all = written_over(&edits);
    all.extend(written_over_untold(&edits, &issue.body, begun).filter(|_| !came));
    for lost in all {
        let fresh = parts.forge.issue(name, issue.number).await?;
        let ours = |text: &str| resolution_note(text, context.issue, note);
        let Some(body) = put_back(&lost, &fresh.body, ours) else {
            tracing::warn!("the closing went over somebody's edit, and the same lines have changed since");
            continue;
        };
        if body != fresh.body {
            tracing::info!("the closing went over what somebody wrote; putting it back");
            let edit = IssueEdit { body: Some(body), ..IssueEdit::default() };
            parts.forge.edit_issue(name, issue.number, &edit).await?;
        }
    }
    Ok(())
}

/// The texts that a write of ours replaced although they are not what it was made from: those that our note came into,
/// with another text below it.
fn written_over(edits: &[inbox::IssueEdit]) -> Vec<LostEdit> {
    let replaced = edits.iter().enumerate().filter_map(|(at, edit)| {
        let (before, after) = (edit.body_before.as_deref()?, edit.body_after.as_deref()?);
        let below = without_resolution_note(after)?;
        let is_other = without_resolution_note(before).is_none() && before != below;
        // It was put back once: what people made of it since is theirs.
        let is_back = |later: &inbox::IssueEdit| {
            later.body_after.as_deref().and_then(without_resolution_note).as_deref() == Some(before)
        };
        (is_other && !edits[at + 1..].iter().any(is_back)).then(|| LostEdit {
            text: before.to_owned(),
            over: text_hash(after),
            replaced_by: after.to_owned(),
            by: None,
            unticked: Vec::new(),
            stale: BTreeSet::new(),
        })
    });
    replaced.collect()
}

/// What people made of the text below our note, where no delivery tells what the note came into.
fn written_over_untold(edits: &[inbox::IssueEdit], now: &str, begun: Timestamp) -> Option<LostEdit> {
    let below = without_resolution_note(now)?;
    let (hash, base) = (text_hash(now), Some(text_hash(&below)));
    let ours = LastWrite { hash, base, as_of: Some(begun), ..LastWrite::default() };
    lost_edit(edits, &[ours], now, "", |_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(before: &str, after: &str) -> inbox::IssueEdit {
        inbox::IssueEdit {
            received_at: jiff::Timestamp::UNIX_EPOCH,
            sender: "caretaker".to_owned(),
            action: "edited".to_owned(),
            body_before: Some(before.to_owned()),
            body_after: Some(after.to_owned()),
        }
    }

    #[test]
    fn what_a_note_went_over_is_told_from_the_texts() {
        let noted = |text: &str| resolution_note(text, IssueNumber(7), "Resolved by #5.");
        let (read, theirs) = ("One.\r\n\r\nTwo.\r\n", "One.\r\n\r\nTwo and more.\r\n");
        let found = |edits: &[inbox::IssueEdit]| -> Vec<String> {
            written_over(edits).into_iter().map(|lost| lost.text).collect()
        };
        for undisturbed in [
            vec![edit(read, &noted(read))],
            // Somebody's own, before and after the note came.
            vec![edit(read, theirs), edit(theirs, &noted(theirs)), edit(&noted(theirs), &noted(read))],
            // The note goes, whoever took it away.
            vec![edit(&noted(read), theirs)],
            vec![edit("", &noted(""))],
        ] {
            assert_eq!(found(&undisturbed), [""; 0], "{undisturbed:?}");
        }
        // It was put back, and somebody took it out since.
        let back = [
            edit(theirs, &noted(read)),
            edit(&noted(read), &noted(theirs)),
            edit(&noted(theirs), &noted(read)),
        ];
        assert_eq!(found(&back), [""; 0]);
        let over = [edit(read, theirs), edit(theirs, &noted(read))];
        assert_eq!(found(&over), [theirs]);
        let lost = written_over(&over).remove(0);
        assert_eq!(put_back(&lost, &noted(read), noted), Some(noted(theirs)));
        assert_eq!(put_back(&lost, &noted(theirs), noted), Some(noted(theirs)), "once");
    }

    #[test]
    fn where_no_delivery_tells_of_the_note_the_edits_of_people_do() {
        let note = resolution_note("One.\n", IssueNumber(7), "Resolved by #5.");
        let (begun, later) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::from_second(60).unwrap());
        let found = |edits: &[inbox::IssueEdit], begun| {
            written_over_untold(edits, &note, begun).map(|lost| lost.text)
        };
        let theirs = edit("One.\n", "Two.\n");
        assert_eq!(found(std::slice::from_ref(&theirs), begun).as_deref(), Some("Two.\n"));
        assert_eq!(found(std::slice::from_ref(&theirs), later), None, "it was there before, and is read");
        assert_eq!(found(&[theirs, edit("Two.\n", "One.\n")], begun), None, "they took it back");
        assert_eq!(found(&[], begun), None);
    }
}
