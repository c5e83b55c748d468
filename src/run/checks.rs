//! Answers a verify task's question out of a pass of the probes that also make up the gate.

use crate::health::{Figure, Finding, FindingId, Layer, Probe, ProbeResult, Recon, Verdict};
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
        Check::NodesReadyOf(wanted) => {
            exactly(wanted, "nodes", &recon.figures.nodes_ready, probe(recon, Probe::Nodes))
        }
        // What Ceph said through its operator is minutes old; asked itself, where that is switched on, it is not.
        Check::CephHealthy if is_used(recon, Probe::CephTools) => both(recon, Probe::Ceph, Probe::CephTools),
        Check::CephHealthy => probe(recon, Probe::Ceph),
        Check::ApplicationsHealthy => probe(recon, Probe::ArgoCd),
        Check::ApplicationsHealthyOf(wanted) => {
            exactly(wanted, "Applications", &recon.figures.applications, probe(recon, Probe::ArgoCd))
        }
        Check::PodsHealthy => both(recon, Probe::KubeSystem, Probe::Pods),
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

/// The worse answer of two probes.
fn both(recon: &Recon, one: Probe, other: Probe) -> Answer {
    let (one, other) = (probe(recon, one), probe(recon, other));
    let evidence = if one.evidence == other.evidence {
        one.evidence
    } else {
        format!("{}; {}", one.evidence, other.evidence)
    };
    Answer { verdict: one.verdict.max(other.verdict), evidence }
}

fn is_used(recon: &Recon, which: Probe) -> bool {
    recon.probes.iter().any(|result| result.probe == which && result.used)
}

/// An answer that is yes only where there are as many as the question names: one that is gone is not Ready.
fn exactly(wanted: usize, what: &str, figure: &Figure<(usize, usize)>, answer: Answer) -> Answer {
    match figure {
        Figure::Read((_, all)) if *all == wanted => answer,
        Figure::Read((_, all)) => Answer {
            verdict: answer.verdict.max(Verdict::Red),
            evidence: format!("{wanted} {what} are asked for, and there are {all}; {}", answer.evidence),
        },
        Figure::NotRead(why) => Answer {
            verdict: answer.verdict.max(Verdict::Unknown),
            evidence: format!("how many {what} there are was not read ({why}); {}", answer.evidence),
        },
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

/// How a finding of before stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands<'a> {
    /// It is there, or its object is not well otherwise.
    There(&'a Finding),
    /// Its probe answered, and says nothing against its object.
    Gone,
    /// Its probe did not answer.
    Unknown,
}

/// Whether what was found is still there. A rule that gives way to another on the same object has mended nothing.
pub(crate) fn stands<'a>(id: &FindingId, recon: &'a Recon) -> Stands<'a> {
    // A Ceph cluster is one object, and each of its checks is a matter of its own; so is each thing to make better.
    let by_rule = matches!(id.probe, Probe::Ceph | Probe::CephTools | Probe::Audit);
    let is_alike = |finding: &&Finding| {
        finding.id.probe == id.probe
            && finding.id.object == id.object
            && (!by_rule || finding.id.rule == id.rule)
    };
    let mut there = recon.findings().filter(is_alike);
    let same = recon.findings().find(|finding| finding.id == *id);
    if let Some(finding) = same.or_else(|| there.find(|finding| !finding.informational)) {
        return Stands::There(finding);
    }
    let mut answers = recon.probes.iter().filter(|result| result.probe == id.probe).peekable();
    let answered = !id.is_told_by_people()
        && answers.peek().is_some()
        && answers.all(|result| result.used && result.verdict != Verdict::Unknown);
    if answered { Stands::Gone } else { Stands::Unknown }
}
