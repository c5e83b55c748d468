//! Whether a change may start, or a gate pass, as far as a look knows. The permit asks exactly this again at the moment of the
//! merge, and what it alone needs besides.

use super::Situation;
use crate::forge::PullNumber;
use crate::health::{self, Blocked, Conditions, FindingId, Obstacle};
use crate::merge::rollout::Rollout;
use crate::run::situation::Mode;
use crate::run::state::AdoptionStage;
use crate::run::windows::Hours;
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What caretaker holds and what an approval names is excused; nothing does either today (docs/health.md).
static NOTHING: BTreeSet<FindingId> = BTreeSet::new();

/// How the gate stands.
pub(super) enum GateState {
    /// Nothing keeps it closed.
    Open,
    /// Everything is GREEN; it has to hold a little longer.
    Settling(Vec<Blocked>),
    /// With everything that keeps it closed.
    Closed(Vec<Blocked>),
}

/// What is known of the gate for the merge of this pull request, or for none.
fn conditions<'a>(situation: &Situation<'a>, merged: Option<PullNumber>) -> Conditions<'a> {
    let mut held_by = Vec::new();
    let mut hold = |what, why: String, since: Option<Timestamp>, unblock: String| {
        held_by.push(Blocked { what, why, since, unblock });
    };
    if let Some(what) = situation.elsewhere {
        hold(Obstacle::Elsewhere, what.to_owned(), None, wording::opens_elsewhere());
    }
    if let Some(incident) = situation.incident {
        let why = wording::gate_incident(&incident.by, &incident.why);
        hold(Obstacle::Incident, why, Some(incident.at), wording::opens_incident());
    }
    if let Some(why) = situation.incident_elsewhere {
        hold(Obstacle::Incident, why.to_owned(), None, wording::opens_incident());
    }
    // Whatever that pull request looks like now, and in whatever order: two changes at once are told apart by nobody.
    let mut may_land = situation.state.may_land(situation.now);
    if let Some((act, plan)) = may_land.find(|(_, plan)| Some(plan.pull) != merged) {
        hold(
            Obstacle::Unanswered,
            wording::gate_may_land(plan.pull),
            Some(act.at),
            wording::opens_answered(),
        );
    }
    let head = match situation.head_rollout {
        Rollout::Done { .. } => None,
        Rollout::Unknown { why } => Some(wording::gate_head_unknown(why)),
        Rollout::Waiting { .. } | Rollout::Failed { .. } => {
            Some(wording::gate_head_waits(situation.head_rollout))
        }
    };
    if let Some(why) = head {
        hold(Obstacle::Rollout, why, None, wording::opens_rolled_out());
    }
    Conditions {
        now: situation.now,
        recon: situation.recon,
        first_seen: situation.first_seen,
        excused: &NOTHING,
        green_since: situation.green_since,
        settle: situation.timing.settle(),
        held_by,
    }
}

/// The same for a merge that is about to be asked for, at this moment: a person's stop and the hour hold it back as well.
pub(crate) fn merge_conditions<'a>(
    situation: &Situation<'a>,
    pull: PullNumber,
    now: Timestamp,
    hours: Hours,
) -> Conditions<'a> {
    let mut conditions = conditions(situation, Some(pull));
    conditions.now = now;
    conditions.held_by.extend(held_by_people(situation, hours));
    conditions
}

/// A person's stop, and the hour.
fn held_by_people(situation: &Situation<'_>, hours: Hours) -> Vec<Blocked> {
    let paused = situation.paused.map(|by| Blocked {
        what: Obstacle::Paused,
        why: wording::paused_by(by),
        since: situation.stop.map(|stop| stop.at),
        unblock: wording::opens_paused(),
    });
    let shut = match hours {
        Hours::Always | Hours::Open(_) => None,
        Hours::Closed(opens) => Some(Blocked {
            what: Obstacle::Window,
            why: wording::outside_window(opens),
            since: None,
            unblock: wording::opens_window(opens),
        }),
    };
    paused.into_iter().chain(shut).collect()
}

/// Everything that keeps the next change back, whichever it is, for those who look at the pages. What one change lacks by itself
/// (an approval, a status) stands with its task. None of a run that is over: there is no next change.
pub(crate) fn keeps_back(situation: &Situation<'_>) -> Option<Vec<Blocked>> {
    let state = situation.state;
    if situation.withdrawn || state.closed() || state.withdrawn {
        return None;
    }
    let mut conditions = conditions(situation, None);
    conditions.held_by.extend(held_by_people(situation, situation.hours));
    if situation.mode == Mode::Observe {
        let (why, unblock) = (wording::only_observing(), wording::opens_observing());
        conditions.held_by.push(Blocked { what: Obstacle::Mode, why, since: None, unblock });
    }
    // Whose lock nobody can read says so himself among them.
    if situation.locked_out || state.began_at.is_none() {
        let what = if situation.locked_out { Obstacle::Lock } else { Obstacle::Beginning };
        conditions.held_by.extend(situation.obstacles.iter().map(|why| Blocked {
            what,
            why: why.clone(),
            since: None,
            unblock: wording::opens_mended(),
        }));
    }
    if let Some(adoption) = state.adopted.as_ref().filter(|one| one.stage == AdoptionStage::Asked) {
        let (what, why) = (Obstacle::Beginning, wording::adoption_asks(&adoption.run));
        let (since, unblock) = (Some(adoption.at), wording::opens_paused());
        conditions.held_by.push(Blocked { what, why, since, unblock });
    }
    if let Some(change) = &situation.state.change {
        let (what, why) = (Obstacle::Change, wording::change_in_flight(change.plan.pull));
        let (since, unblock) = (Some(change.asked_at), wording::opens_change());
        conditions.held_by.insert(0, Blocked { what, why, since, unblock });
    }
    Some(health::blocked(&conditions))
}

/// Whether a change may start now, the merge of this pull request or none.
pub(super) fn gate(situation: &Situation<'_>, merged: Option<PullNumber>) -> GateState {
    let blocked = health::blocked(&conditions(situation, merged));
    if blocked.is_empty() {
        GateState::Open
    } else if blocked.iter().all(|one| one.what == Obstacle::Settling) {
        GateState::Settling(blocked)
    } else {
        GateState::Closed(blocked)
    }
}

/// What people read of what keeps it closed: the first, with what opens it.
pub(super) fn said(situation: &Situation<'_>, blocked: &[Blocked]) -> String {
    match blocked.first() {
        Some(Blocked { what: Obstacle::Finding | Obstacle::Layer, .. }) => {
            wording::gate_not_green(situation.recon)
        }
        Some(Blocked { what: Obstacle::Settling, since, .. }) => {
            wording::gate_settling(since.and_then(|since| since.checked_add(situation.timing.settle()).ok()))
        }
        Some(first) => first.why.clone(),
        None => wording::gate_settling(None),
    }
}

/// Why neither a final gate nor a closing may pass now.
pub(super) fn gate_closed(situation: &Situation<'_>) -> Option<String> {
    match gate(situation, None) {
        GateState::Open => None,
        GateState::Settling(blocked) | GateState::Closed(blocked) => Some(said(situation, &blocked)),
    }
}
