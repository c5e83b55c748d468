//! What the looks of before tell of a pass: what has gone, what has lasted, what comes and goes.
//!
//! A pass by itself knows one moment. Whoever looks again and again keeps this between the looks, and lets each new pass be
//! seen through it before anything is decided.

use super::answered::{Answered, WithoutEndpoints};
use super::flapping::Flapping;
use super::holding::Holding;
use super::recon::acknowledge;
use super::restarts::Restarts;
use super::{Probe, Recon, Settings, causes};
use std::collections::BTreeSet;
use std::time::Duration;

/// What is known of the looks of before. Lives in the process, but for what the newest merge has journalled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Hindsight {
    judged: BTreeSet<Probe>,
    holding: Holding,
    flapping: Flapping,
    restarts: Restarts,
    answered: Answered,
    begun: bool,
}

/// What the journal tells of the look just before the newest merge, for whoever has just begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Before {
    /// The probes that found what they judge.
    pub(crate) judged: BTreeSet<Probe>,
    /// The Services that cannot be cut off from anything; none where nobody asks.
    pub(crate) without_endpoints: Option<WithoutEndpoints>,
}

impl Hindsight {
    /// Whether there was no look before: the journal may tell more.
    pub(crate) fn is_new(&self) -> bool {
        !self.begun
    }

    /// Takes in a pass, and lets it say what only the looks of before can tell. `journalled` is what the newest merge tells; `rolls_out`
    /// says whether a change of ours is on its way.
    pub(crate) fn observe(
        &mut self,
        recon: &mut Recon,
        journalled: Before,
        settings: &Settings,
        flapping_window: Duration,
        rolls_out: bool,
        grace: Duration,
    ) {
        self.begun = true;
        self.judged.extend(journalled.judged);
        recon.still_asked_for(&self.judged, settings);
        self.judged.extend(recon.judging());
        self.holding.observe(recon, Duration::from_secs(settings.usage_hold_seconds));
        self.restarts.observe(recon, settings);
        self.answered.observe(recon, journalled.without_endpoints, grace);
        // What a person accepts does not flap, wherever they said so; that something flaps they may accept as well. What is
        // only listed now was a cause before, and what was added has none yet.
        let now = recon.began_at;
        let accept = |recon: &mut Recon| {
            for probe in &mut recon.probes {
                acknowledge(probe, now, settings);
            }
            causes::fold(&mut recon.probes);
        };
        accept(recon);
        self.flapping.observe(recon, settings.flapping_times, flapping_window, rolls_out);
        accept(recon);
    }

    /// Something was changed: what came and went before says nothing about after.
    pub(crate) fn restart(&mut self) {
        self.flapping.restart();
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::testing::{recon_at, try_to_merge};
    use super::super::probes::testing::ago;
    use super::super::probes::{finding, judged};
    use super::super::{Acknowledgement, Grounds, Verdict};
    use super::*;
    use crate::cluster::ObjectRef;

    #[test]
    fn what_follows_from_what_does_not_count_yet_stands_for_itself() {
        let node = ObjectRef::new("Node", "", "metal1");
        let mut recon = recon_at(ago(0), Verdict::Green);
        let full =
            finding(Probe::Capacity, "disk-full", node.clone(), Verdict::Red, String::new(), String::new());
        let alert = finding(
            Probe::Alerts,
            "NodeDisk",
            node.clone(),
            Verdict::Yellow,
            "an alert".to_owned(),
            String::new(),
        );
        recon.probes.push(judged(Probe::Capacity, String::new(), vec![full]));
        recon.probes.push(judged(
            Probe::Alerts,
            String::new(),
            vec![alert.resting_on(Grounds::each([node]))],
        ));
        causes::fold(&mut recon.probes);
        assert_eq!(recon.by_cause().len(), 1);

        let (settings, window) = (Settings::default(), Duration::from_mins(15));
        let mut hindsight = Hindsight::default();
        let mut before = recon_at(ago(10), Verdict::Green);
        before.probes.push(judged(Probe::Capacity, String::new(), Vec::new()));
        hindsight.observe(&mut before, Before::default(), &settings, window, false, Duration::from_mins(5));
        hindsight.observe(&mut recon, Before::default(), &settings, window, false, Duration::from_mins(5));
        assert_eq!(recon.by_cause().len(), 2, "the disk is listed, the alert blocks");
        let blocked = try_to_merge(&recon).expect_err("closed");
        assert!(blocked.iter().any(|one| one.why.contains("an alert")), "{blocked:?}");
    }

    #[test]
    fn what_a_person_accepts_does_not_flap_wherever_they_said_so() {
        let object = ObjectRef::new("Deployment", "web", "shop");
        let (own, window) = (Settings::default(), Duration::from_mins(15));
        let said = Acknowledgement {
            object: object.to_string(),
            rule: "crash-loop".to_owned(),
            probe: None,
            verdict: None,
            reason: "it is known".to_owned(),
            expires: ago(-10_000),
        };
        for (accepted, expected) in [(Vec::new(), Verdict::Yellow), (vec![said], Verdict::Green)] {
            // As what is said in a comment is added to the settings of the pass.
            let settings = own.accepting(accepted);
            let mut hindsight = Hindsight::default();
            let mut last = Verdict::Unknown;
            for at in [90, 80, 70, 60, 50, 40] {
                let mut recon = recon_at(ago(at), Verdict::Green);
                if at % 20 != 0 {
                    let (probe, rule) = (Probe::Pods, "crash-loop");
                    let crash =
                        finding(probe, rule, object.clone(), Verdict::Red, String::new(), String::new());
                    recon.probes.retain(|one| one.probe != probe);
                    recon.probes.push(judged(probe, String::new(), vec![crash]));
                }
                hindsight.observe(
                    &mut recon,
                    Before::default(),
                    &settings,
                    window,
                    false,
                    Duration::from_mins(5),
                );
                last = recon.verdict();
            }
            assert_eq!(last, expected);
        }
    }
}
