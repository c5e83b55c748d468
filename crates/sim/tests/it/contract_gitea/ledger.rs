//! What was delivered, against what was recorded as delivered.

use hmac::{Hmac, KeyInit, Mac};

use super::mapping::Mapping;
use super::recording::Delivery;
use super::server::SECRET;
use super::shape::{Compare, differences};

/// For so many exchanges a delivery may be late in the recording.
const LATE: usize = 4;

struct Arrived {
    index: usize,
    /// Caused by a step that no recording shows: it may be recorded, and need not be.
    hidden: bool,
    delivery: Delivery,
}

#[derive(Default)]
pub(crate) struct Ledger {
    arrived: Vec<Arrived>,
    waiting: Vec<Delivery>,
    /// From now on test deliveries are those of fences.
    pub(crate) fenced: bool,
    pub(crate) matched: usize,
}

impl Ledger {
    pub(crate) fn begin(&mut self) {
        self.arrived.clear();
    }

    /// Keeps what arrived, and tells whether the test delivery of a fence was among it.
    pub(crate) fn take_fence(&mut self, deliveries: Vec<Delivery>) -> bool {
        let (fences, others): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(is_fence);
        self.waiting.extend(others);
        !fences.is_empty()
    }

    pub(crate) fn hidden(&mut self, index: usize, deliveries: Vec<Delivery>) {
        self.arrive(index, true, deliveries);
    }

    pub(crate) fn caused(&mut self, index: usize, deliveries: Vec<Delivery>) {
        self.arrive(index, false, deliveries);
    }

    fn arrive(&mut self, index: usize, hidden: bool, deliveries: Vec<Delivery>) {
        let waiting = std::mem::take(&mut self.waiting);
        let fenced = self.fenced;
        let all = waiting.into_iter().chain(deliveries).filter(|delivery| !fenced || !is_fence(delivery));
        self.arrived.extend(all.map(|delivery| Arrived { index, hidden, delivery }));
    }

    /// Takes out the edits of a race, which stand in no recording, and counts them.
    pub(crate) fn take_edits(&mut self) -> usize {
        let before = self.arrived.len();
        self.arrived.retain(|arrived| describe(&arrived.delivery) != "/webhook issues/issues edited");
        before - self.arrived.len()
    }

    /// Whether there is an arrived delivery for each recorded one.
    pub(crate) fn has(&self, recorded: &[Delivery]) -> bool {
        let mut left: Vec<&Delivery> = self.arrived.iter().map(|arrived| &arrived.delivery).collect();
        recorded.iter().all(|wanted| {
            let found = left.iter().position(|delivery| same(wanted, delivery));
            found.map(|position| left.remove(position)).is_some()
        })
    }

    /// Matches what is recorded at an exchange with what arrived until now.
    pub(crate) fn compare(
        &mut self,
        index: usize,
        recorded: &[Delivery],
        mapping: &mut Mapping,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for wanted in recorded {
            let candidates =
                self.arrived.iter().enumerate().filter(|(_, arrived)| same(wanted, &arrived.delivery));
            let compared = candidates
                .map(|(position, arrived)| (position, payload_differences(wanted, &arrived.delivery)));
            let Some((position, differences)) = compared.min_by_key(|(_, differences)| differences.len())
            else {
                found.push(format!("delivery {}: recorded, not delivered", describe(wanted)));
                continue;
            };
            let arrived = self.arrived.remove(position);
            self.matched += 1;
            if let (Some(before), Some(now)) = (wanted.payload(), arrived.delivery.payload()) {
                mapping.learn(&before, &now);
            }
            found
                .extend(differences.into_iter().map(|text| format!("delivery {}: {text}", describe(wanted))));
        }
        found.extend(self.too_late(index));
        found
    }

    fn too_late(&mut self, index: usize) -> Vec<String> {
        let (late, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.arrived).into_iter().partition(|arrived| arrived.index + LATE <= index);
        self.arrived = rest;
        extra(late)
    }

    /// What no exchange of the scenario has recorded.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        extra(std::mem::take(&mut self.arrived))
    }
}

fn extra(arrived: Vec<Arrived>) -> Vec<String> {
    let caused = arrived.into_iter().filter(|arrived| !arrived.hidden);
    caused
        .map(|arrived| {
            format!("delivery {} (from {}): not recorded", describe(&arrived.delivery), arrived.index)
        })
        .collect()
}

/// A test delivery: a push of a branch from its head to its head.
fn is_fence(delivery: &Delivery) -> bool {
    delivery.kind() == "/webhook push/push"
        && delivery.payload().is_some_and(|payload| payload["before"] == payload["after"])
}

fn same(recorded: &Delivery, live: &Delivery) -> bool {
    let action = |delivery: &Delivery| delivery.payload().map(|payload| payload["action"].clone());
    recorded.kind() == live.kind() && action(recorded).is_none_or(|wanted| action(live) == Some(wanted))
}

fn describe(delivery: &Delivery) -> String {
    let action = delivery
        .payload()
        .map_or_else(String::new, |payload| payload["action"].as_str().unwrap_or("").into());
    format!("{} {action}", delivery.kind())
}

fn payload_differences(recorded: &Delivery, live: &Delivery) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.header_names() != live.header_names() {
        found.push(format!(
            "headers: recorded {:?}, live {:?}",
            recorded.header_names(),
            live.header_names()
        ));
    }
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(live.payload_text().as_bytes());
    let signed =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    if signed != live.signature() {
        found.push("the signature is not that of the payload".to_owned());
    }
    if let (Some(recorded), Some(live)) = (recorded.payload(), live.payload()) {
        found.extend(differences(&recorded, &live, Compare::Shape));
    }
    found
}
