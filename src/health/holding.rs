//! What has to last before it counts: a fold over passes.
//!
//! A disk fills for a minute while an image is unpacked. What is full is listed at first, and blocks once it has been so, look
//! after look, for as long as the settings say. A single pass knows nothing of before: there it counts at once.

use super::{FindingId, Probe, Recon, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Since when each finding that has to last has been there. Lives in the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Holding {
    since: BTreeMap<FindingId, Timestamp>,
}

impl Holding {
    /// Takes in a pass, and lists only what has not lasted for so long.
    pub(crate) fn observe(&mut self, recon: &mut Recon, long_enough: Duration) {
        let now = recon.began_at;
        let known = std::mem::take(&mut self.since);
        for result in recon.probes.iter_mut().filter(|result| result.probe == Probe::Capacity) {
            for finding in
                result.findings.iter_mut().filter(|one| !one.informational && one.verdict != Verdict::Unknown)
            {
                let since = known.get(&finding.id).copied().filter(|since| *since <= now).unwrap_or(now);
                self.since.insert(finding.id.clone(), since);
                let lasted = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
                if lasted < long_enough {
                    finding.informational = true;
                } else {
                    finding.since = Some(since);
                }
            }
            result.judge_again();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::probes::testing::ago;
    use super::super::probes::{finding, judged};
    use super::super::{Layer, gate::testing::recon_at};
    use super::*;
    use crate::cluster::ObjectRef;

    #[test]
    fn what_is_full_blocks_when_it_has_lasted_and_what_is_unknown_at_once() {
        let mut holding = Holding::default();
        let mut verdict = |at: i64, found: Option<(&str, Verdict)>| {
            let mut recon = recon_at(ago(at), Verdict::Green);
            let object = ObjectRef::new("Node", "", "metal1");
            let found = found.map(|(rule, verdict)| {
                finding(Probe::Capacity, rule, object, verdict, String::new(), String::new())
            });
            recon.probes.push(judged(Probe::Capacity, String::new(), found.into_iter().collect()));
            holding.observe(&mut recon, Duration::from_mins(5));
            recon.layers()[&Layer::Metal]
        };
        let full = Some(("disk-full", Verdict::Red));
        assert_eq!(verdict(1_000, full), Verdict::Green);
        assert_eq!(verdict(710, full), Verdict::Green);
        assert_eq!(verdict(700, full), Verdict::Red);
        assert_eq!(verdict(690, None), Verdict::Green);
        assert_eq!(verdict(380, full), Verdict::Green, "it begins anew");
        assert_eq!(verdict(370, Some(("kubelet-not-read", Verdict::Unknown))), Verdict::Unknown);
        assert_eq!(verdict(100, full), Verdict::Green);
        assert_eq!(verdict(2_000, full), Verdict::Green, "the clock was put back");
    }
}
