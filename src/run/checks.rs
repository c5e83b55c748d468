//! Answers a verify task's question out of a pass of the probes that also make up the gate.

use crate::health::{Finding, Layer, Probe, ProbeResult, Recon, Verdict};
use crate::issue::Check;

/// An answer with what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// GREEN: yes.
    pub(crate) verdict: Verdict,
    /// In one line.
    pub(crate) evidence: String,
}

/// The answer to a check.
pub(crate) fn answer(check: Check, recon: &Recon) -> Answer {
    match check {
        Check::NodesReady => probe(recon, Probe::Nodes),
        Check::CephHealthy => probe(recon, Probe::Ceph),
        Check::ApplicationsHealthy => probe(recon, Probe::ArgoCd),
        Check::PodsHealthy => {
            let system = probe(recon, Probe::KubeSystem);
            let others = probe(recon, Probe::Pods);
            Answer {
                verdict: system.verdict.max(others.verdict),
                evidence: format!("{}; {}", system.evidence, others.evidence),
            }
        }
        Check::Layer(layer) => one_layer(recon, layer),
        Check::AllLayers => {
            let layers = recon.layers();
            let evidence = layers
                .iter()
                .map(|(layer, verdict)| format!("{layer} {verdict}"))
                .collect::<Vec<_>>()
                .join(", ");
            Answer { verdict: recon.verdict(), evidence }
        }
    }
}

/// A question about something that no probe reads has no answer: UNKNOWN, never GREEN.
fn probe(recon: &Recon, which: Probe) -> Answer {
    match recon.probes.iter().find(|result| result.probe == which) {
        Some(result) if result.used => Answer { verdict: result.verdict, evidence: evidence(result) },
        Some(result) => {
            Answer { verdict: Verdict::Unknown, evidence: format!("not used here: {}", result.summary) }
        }
        None => Answer { verdict: Verdict::Unknown, evidence: "no probe reads this".to_owned() },
    }
}

fn evidence(result: &ProbeResult) -> String {
    let blocking: Vec<&Finding> = result.findings.iter().filter(|finding| !finding.informational).collect();
    match blocking.first() {
        None => result.summary.clone(),
        Some(first) => format!("{}; {}", result.summary, first.message),
    }
}

fn one_layer(recon: &Recon, layer: Layer) -> Answer {
    let verdict = recon.layers().get(&layer).copied().unwrap_or(Verdict::Unknown);
    let summaries: Vec<String> =
        recon.probes.iter().filter(|result| result.used && result.layer == layer).map(evidence).collect();
    let evidence =
        if summaries.is_empty() { format!("no probe reads {layer}") } else { summaries.join("; ") };
    Answer { verdict, evidence }
}
