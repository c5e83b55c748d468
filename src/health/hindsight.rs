//! What the looks of before tell of a pass: what has gone, what has lasted, what comes and goes.
//!
//! A pass by itself knows one moment. Whoever looks again and again keeps this between the looks, and lets each new pass be
//! seen through it before anything is decided.

use super::flapping::Flapping;
use super::holding::Holding;
use super::{Probe, Recon, Settings, causes};
use std::collections::BTreeSet;
use std::time::Duration;

/// What is known of the looks of before. Lives in the process, but for what a change in flight has journalled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Hindsight {
    judged: BTreeSet<Probe>,
    holding: Holding,
    flapping: Flapping,
}

impl Hindsight {
    /// Takes in a pass, and lets it say what only the looks of before can tell. `before_the_change` are the probes that found
    /// what they judge just before the change in flight.
    pub(crate) fn observe(
        &mut self,
        recon: &mut Recon,
        before_the_change: impl IntoIterator<Item = Probe>,
        settings: &Settings,
        flapping_window: Duration,
    ) {
        self.judged.extend(before_the_change);
        recon.still_asked_for(&self.judged, settings);
        self.judged.extend(recon.judging());
        self.holding.observe(recon, Duration::from_secs(settings.usage_hold_seconds));
        self.flapping.observe(recon, settings.flapping_times, flapping_window);
        // What is only listed now was a cause before, and what was added has none yet.
        causes::fold(&mut recon.probes);
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
    use super::super::{Grounds, Verdict};
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

        let settings = Settings::default();
        Hindsight::default().observe(&mut recon, [], &settings, Duration::from_mins(15));
        assert_eq!(recon.by_cause().len(), 2, "the disk is listed, the alert blocks");
        let blocked = try_to_merge(&recon).expect_err("closed");
        assert!(blocked.iter().any(|one| one.why.contains("an alert")), "{blocked:?}");
    }
}
