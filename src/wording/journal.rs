//! One line about an event, for the log, the terminal and the page.

use crate::issue::TaskKey;
use crate::merge::rollout::{Answer, Refusal};
use crate::run::{Accepted, ChangeResult, Effect, Event, Outcome, RunState, TroubleFinding};
use crate::wording;

/// What happened, in one line. `state` is the state before the event.
pub(crate) fn journal_line(event: &Event, state: &RunState) -> String {
    let id = |key: &TaskKey| state.task(key).map_or_else(|| "?".to_owned(), |record| record.known.id.clone());
    match event {
        Event::Began { .. } => wording::began(),
        Event::Adopted { .. } => {
            "the issue's status is of a run that this store does not know: a person is asked first".to_owned()
        }
        Event::AdoptionConfirmed { by } => format!("{by} says that the run may go on"),
        Event::AdoptionOver => "the branch's head runs and every layer is GREEN: the run goes on".to_owned(),
        Event::TaskSeen { task, ticked, .. } => {
            let done = if *ticked { ", done already" } else { "" };
            format!("{} seen: {} ({}){done}", task.id, task.title, task.kind.word())
        }
        Event::TaskGone { key } => format!("{} is not in the text any more", id(key)),
        Event::TaskReturned { key, .. } => format!("{} is in the text again", id(key)),
        Event::Vouched { by, .. } => format!("{by} vouches for every task"),
        Event::TaskVouched { key, by } => format!("{} is {by}'s, as was delivered since", id(key)),
        Event::Stopped(stop) => format!("{} stops the run", stop.by),
        Event::StopLifted => "the stop is taken back".to_owned(),
        Event::IncidentDeclared(incident) if incident.why.is_empty() => {
            format!("{} declares an incident, no reason given", incident.by)
        }
        Event::IncidentDeclared(incident) => {
            format!("{} declares an incident: {}", incident.by, incident.why)
        }
        Event::IncidentOver { said: None } => "the incident is over".to_owned(),
        Event::IncidentOver { said: Some(_) } => "every incident is over".to_owned(),
        Event::Intended { effect } => format!("begins: {}", effect_line(effect, state)),
        Event::Ended { step, outcome } => {
            let of = state.acts.iter().find(|act| act.step == *step);
            let what = of.map_or_else(|| "an effect".to_owned(), |act| effect_line(&act.effect, state));
            match outcome {
                Outcome::Merged { commit, .. } => format!("done: {what} as {}", commit.short()),
                Outcome::Reverted { commit } => format!("done: {what} by {}", commit.short()),
                Outcome::RevertProposed { proposal } => format!("begun: {what} by #{}", proposal.pull),
                Outcome::Outdated { why } => format!("not yet, its branch is outdated: {what}: {why}"),
                Outcome::Done { detail } if detail.is_empty() => format!("done: {what}"),
                Outcome::Done { detail } => format!("done: {what}: {detail}"),
                Outcome::NotYet { why } => format!("not yet: {what}: {why}"),
                Outcome::Unanswered { why } => format!("not answered: {what}: {why}"),
                Outcome::Refused { why } => format!("refused: {what}: {why}"),
            }
        }
        Event::Refreshed { failed: Some(why), .. } => {
            format!("the cluster could not be asked to read the repository: {why}")
        }
        Event::EndedByOthers { pull, merged: Some(merged), .. } => {
            format!("#{pull} was merged by somebody else as {}", merged.commit.short())
        }
        Event::EndedByOthers { pull, merged: None, .. } => format!("#{pull} was closed without being merged"),
        Event::Refreshed { hard, failed: None, asked, .. } => {
            let how = if *hard { "anew, without its cache" } else { "at once" };
            let said = format!("asked the cluster to read the repository {how}");
            let mut refused = asked.iter().filter_map(|answer| Some((answer, answer.refused.as_ref()?)));
            match refused.next() {
                Some((Answer { object, .. }, Refusal { why, .. })) => {
                    format!("{said}; {object} could not be asked: {why}")
                }
                None => said,
            }
        }
        Event::RolledOut { commit, watchers: 0, .. } => {
            format!("{} is on the branch; nothing follows this repository into a cluster", commit.short())
        }
        Event::RolledOut { commit, seconds, watchers, affected, .. } => format!(
            "{} runs in all {watchers} watchers after {seconds:.1} s ({} had to change)",
            commit.short(),
            affected.len()
        ),
        Event::Trouble { findings, .. } => {
            let said = |finding: &TroubleFinding| match finding.why.as_str() {
                "" => finding.message.clone(),
                why => format!("{} ({why})", finding.message),
            };
            let first = findings.first().map_or_else(|| "the sync failed".to_owned(), said);
            format!("trouble: {first}")
        }
        Event::TroubleOver { .. } => "the trouble is over".to_owned(),
        Event::ChangeEnded { result, gate, .. } => match result {
            ChangeResult::Kept => format!("the change stays: layers {gate}"),
            ChangeResult::Reverted { commit } => {
                format!("the change is undone by {}: layers {gate}", commit.short())
            }
            ChangeResult::HandedOver { why } => format!("the change is a person's now: {why}"),
        },
        Event::Held { pull, holds, .. } => {
            let versions: Vec<String> =
                holds.iter().map(|hold| format!("{} {}", hold.package, hold.version)).collect();
            format!("held, from #{pull}: {}", versions.join(", "))
        }
        Event::ApprovalAsked { key, code, what, .. } => {
            format!("{} asks for an approval ({code}): {what}", id(key))
        }
        Event::CommentAsked { key, .. } => {
            format!("{} asks for a comment, since nothing vouches for the tick", id(key))
        }
        Event::Approved { key, by, comment, .. } => {
            let way = if comment.is_some() { "comment" } else { "tick" };
            format!("{} approved by {by} ({way})", id(key))
        }
        Event::Waits { key, why } => format!("{} waits: {why}", id(key)),
        Event::TaskEnded { key, outcome, note } => {
            format!("{} {}: {note}", id(key), outcome.word())
        }
        Event::TaskFailed { key, why } => format!("{} failed: {why}", id(key)),
        Event::TaskAgain { key } => format!("{} is asked for again", id(key)),
        Event::Escalated { why, .. } => format!("handed to a person: {why}"),
        Event::FindingSeen { key, task } => {
            format!("{} is about {}: {}", id(key), task.id.object, task.message)
        }
        Event::Acknowledged(Accepted { by, finding, reason, expires, .. }) => {
            format!("{by} accepts {} on {} until {expires}: {reason}", finding.rule, finding.object)
        }
        Event::FindingAdded { task, .. } => {
            format!("found during the run, a task is added: {}: {}", task.id.object, task.message)
        }
        Event::FindingOutlived { key } => {
            format!("{} has ended, and what was found is still there", id(key))
        }
        Event::FindingOver { key } => format!("what was found for {} is gone at last", id(key)),
        Event::FindingWent { finding } => format!("{} on {} is found no more", finding.rule, finding.object),
        Event::FindingBack { key, task } => {
            format!("{} is open again: {}: {}", id(key), task.id.object, task.message)
        }
        Event::Withdrawn { closed: true } => {
            "the issue was closed by a person: nothing new starts".to_owned()
        }
        Event::Withdrawn { closed: false } => "the issue lost its label: nothing new starts".to_owned(),
        Event::TakenUp => "the issue is open again and has its label: the run goes on".to_owned(),
        Event::Recon { last, recon } => {
            let which = if *last { "final" } else { "first" };
            format!("{which} look at all layers: {}", recon.verdict())
        }
    }
}

fn effect_line(effect: &Effect, state: &RunState) -> String {
    let id = |key: &TaskKey| state.task(key).map_or_else(|| "?".to_owned(), |record| record.known.id.clone());
    // Said for Markdown, which this is not.
    let what = effect.what().replace('`', "");
    match effect {
        Effect::Merge(plan) => format!("{what} ({}, {})", plan.category, plan.title),
        Effect::Revert { reason, .. } => format!("{what}: {reason}"),
        Effect::CloseRelated { key, .. } | Effect::Action { key, .. } => format!("{what} for {}", id(key)),
        Effect::MergeRevert { .. }
        | Effect::Terminate { .. }
        | Effect::DeletePod { .. }
        | Effect::Sync { .. }
        | Effect::AskRebase { .. }
        | Effect::CallPerson
        | Effect::ReleasePerson
        | Effect::CloseIssue { .. } => what,
    }
}
