//! What has to last before it counts: a fold over passes.
//!
//! A disk fills for a minute while an image is unpacked. What was not full a look ago is listed at first, and blocks once it has
//! been full, look after look, for as long as the settings say. What was full when somebody looked for the first time may have
//! been so for a week, and counts at once; so does what is full after a look at which something could not be read.

use super::after::NOT_LOOKED_SINCE;
use super::{Finding, FindingId, Probe, Recon, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Since when each finding that has to last has been there; none of what counts whatever the time. Lives in the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Holding {
    since: BTreeMap<FindingId, Option<Timestamp>>,
    /// Whether the pass before read everything.
    read_all: bool,
}

impl Holding {
    /// Takes in a pass, and lists only what has not lasted for so long.
    pub(crate) fn observe(&mut self, recon: &mut Recon, long_enough: Duration) {
        let now = recon.began_at;
        let known = std::mem::take(&mut self.since);
        let new = if self.read_all { Some(now) } else { None };
        let capacity = || recon.probes.iter().filter(|result| has_to_last(result.probe));
        self.read_all = capacity().any(|result| result.used)
            && !capacity().flat_map(|result| &result.findings).any(is_unread);
        if !self.read_all {
            // What nobody could read has not gone.
            self.since.clone_from(&known);
        }
        for result in recon.probes.iter_mut().filter(|result| has_to_last(result.probe)) {
            for finding in
                result.findings.iter_mut().filter(|one| !one.informational && one.verdict != Verdict::Unknown)
            {
                let since = known.get(&finding.id).copied().unwrap_or(new);
                self.since.insert(finding.id.clone(), since);
                // A clock that was put back: nobody knows for how long.
                let lasted = |since| Duration::try_from(now.duration_since(since)).unwrap_or(Duration::MAX);
                match since {
                    Some(since) if lasted(since) < long_enough => finding.informational = true,
                    since => finding.since = since,
                }
            }
            result.judge_again();
        }
    }
}

/// Whether a finding says that something is not known. What was looked at, and only not since a rollout ended, is.
fn is_unread(finding: &Finding) -> bool {
    let counts = !finding.informational || finding.is_not_read();
    finding.verdict == Verdict::Unknown && counts && finding.id.rule != NOT_LOOKED_SINCE
}

fn has_to_last(probe: Probe) -> bool {
    matches!(probe, Probe::Capacity | Probe::Usage)
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
        let unread = Some(("kubelet-not-read", Verdict::Unknown));
        assert_eq!(verdict(2_000, full), Verdict::Red, "nobody knows since when");
        assert_eq!(verdict(1_990, full), Verdict::Red);
        assert_eq!(verdict(1_980, None), Verdict::Green);
        assert_eq!(verdict(1_000, full), Verdict::Green, "it was not full a look ago");
        assert_eq!(verdict(710, full), Verdict::Green);
        assert_eq!(verdict(700, full), Verdict::Red);
        assert_eq!(verdict(690, unread), Verdict::Unknown);
        assert_eq!(verdict(680, full), Verdict::Red, "it has not begun anew");
        assert_eq!(verdict(670, None), Verdict::Green);
        assert_eq!(verdict(380, unread), Verdict::Unknown);
        assert_eq!(verdict(370, full), Verdict::Red, "what was a look ago nobody knows");
        assert_eq!(verdict(360, None), Verdict::Green);
        assert_eq!(verdict(350, full), Verdict::Green);
        assert_eq!(verdict(4_000, full), Verdict::Red, "the clock was put back");
        assert_eq!(verdict(340, None), Verdict::Green);
        let waits = Some((NOT_LOOKED_SINCE, Verdict::Unknown));
        assert_eq!(verdict(330, waits), Verdict::Unknown);
        assert_eq!(verdict(320, full), Verdict::Green, "it was looked at, though not since a rollout ended");
    }
}
