//! How a line about an event is meant, and what happens now: for terminals.

use super::event::{ChangeResult, Event, Outcome};
use super::state::{RunState, Stage, TaskState};
use crate::wording;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something happens.
    Plain,
    /// Something is done.
    Good,
    /// A person is awaited.
    Waits,
    /// Something went wrong.
    Bad,
    /// A person did something.
    Person,
    /// Good to know, no more.
    Aside,
}

/// How the line about an event is meant.
pub(crate) fn tone(event: &Event) -> Tone {
    match event {
        Event::TaskEnded { .. } | Event::ChangeEnded { result: ChangeResult::Kept, .. } => Tone::Good,
        Event::Ended { outcome: Outcome::Refused { .. }, .. }
        | Event::Trouble { .. }
        | Event::ChangeEnded { .. }
        | Event::Held { .. }
        | Event::TaskFailed { .. }
        | Event::Escalated { .. } => Tone::Bad,
        Event::Adopted { .. }
        | Event::ApprovalAsked { .. }
        | Event::CommentAsked { .. }
        | Event::Waits { .. }
        | Event::Ended {
            outcome: Outcome::NotYet { .. } | Outcome::Unanswered { .. } | Outcome::Outdated { .. },
            ..
        } => Tone::Waits,
        Event::Approved { .. }
        | Event::Vouched { .. }
        | Event::Stopped(_)
        | Event::StopLifted
        | Event::IncidentDeclared(_)
        | Event::IncidentOver { .. }
        | Event::Acknowledged(_)
        | Event::AdoptionConfirmed { .. } => Tone::Person,
        Event::TaskSeen { .. }
        | Event::TaskVouched { .. }
        | Event::Refreshed { .. }
        | Event::FindingWent { .. } => Tone::Aside,
        _ => Tone::Plain,
    }
}

/// What a change in flight waits for; `None` without one.
pub(crate) fn now(state: &RunState) -> Option<String> {
    let change = state.change.as_ref()?;
    let pull = change.plan.pull;
    Some(match &change.stage {
        Stage::Asked => wording::now_merging(pull),
        Stage::Merged | Stage::RolledOut { .. } if change.trouble.is_some() => wording::now_trouble(pull),
        Stage::Merged => wording::now_rolling_out(pull),
        Stage::RolledOut { .. } => wording::now_watching(pull),
        Stage::RevertAsked { .. } | Stage::RevertProposed { .. } | Stage::Reverted { .. } => {
            wording::now_undoing(pull)
        }
    })
}

impl RunState {
    /// How many tasks have ended, and how many there are.
    pub(crate) fn ended_of(&self) -> (usize, usize) {
        let ended = self.tasks.values().filter(|task| matches!(task.state, TaskState::Ended { .. })).count();
        (ended, self.tasks.len())
    }
}
