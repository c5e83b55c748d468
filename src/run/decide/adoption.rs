//! A run that another store began: this one knows nothing of it but what its status block says.
//!
//! Whether something is half done, which approvals were given and who wrote what is lost with the store. So nothing is done
//! until a trusted person says that it may go on, and then not until the branch's head runs everywhere and every layer is
//! GREEN; from there on it is a run like any other. A status block that was forged or copied leads here as well: it can
//! make a run more careful, and nothing else.

use super::gate::gate_closed;
use super::{Decision, Waiting};
use crate::run::event::Event;
use crate::run::situation::Situation;
use crate::run::state::AdoptionStage;
use crate::wording;
use std::collections::BTreeMap;

/// What is written down when a status block of an unknown run is met.
pub(super) fn met(situation: &Situation<'_>) -> Option<Vec<Event>> {
    let left = situation.left?;
    if situation.state.adopted.is_some() || situation.state.began_at.is_some() {
        return None;
    }
    let mut events =
        vec![Event::Adopted { run: left.run.clone(), rows: left.rows.clone(), closed: left.closed }];
    let mut held: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (pull, hold) in &left.holds {
        held.entry(*pull).or_default().push(hold.clone());
    }
    let reason = wording::held_by_unknown_run();
    events.extend(held.into_iter().map(|(pull, holds)| Event::Held { pull, holds, reason: reason.clone() }));
    Some(events)
}

/// A person's word that it may go on.
pub(super) fn confirmed(situation: &Situation<'_>) -> Option<Event> {
    let adoption = situation.state.adopted.as_ref()?;
    let by = situation.confirmed_by.filter(|_| adoption.stage == AdoptionStage::Asked)?;
    Some(Event::AdoptionConfirmed { by: by.to_owned() })
}

/// What is awaited before anything new; `None` where nothing is.
pub(super) fn next(situation: &Situation<'_>) -> Option<Decision> {
    match &situation.state.adopted.as_ref()?.stage {
        AdoptionStage::Asked => Some(Decision::Wait(Waiting::People)),
        AdoptionStage::Confirmed => Some(match gate_closed(situation) {
            Some(why) => Decision::Wait(Waiting::World(wording::adoption_waits(&why))),
            None => Decision::Note(vec![Event::AdoptionOver]),
        }),
        AdoptionStage::Over => None,
    }
}
