//! Answers a verify task's question out of a pass of the probes that also make up the gate.

use crate::health::{Figure, Finding, FindingId, Layer, Probe, ProbeResult, Recon, Verdict};
use crate::issue::{Check, is_one_matter};

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
        Check::CephHealthy if recon.uses(Probe::CephTools) => both(recon, Probe::Ceph, Probe::CephTools),
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
    // A Ceph cluster is one object, and each of its checks is a matter of its own; so is each thing to make better, and that
    // something was not read.
    let by_rule = matches!(id.probe, Probe::Ceph | Probe::CephTools | Probe::Audit) || id.is_not_read();
    let is_alike = |finding: &&Finding| {
        finding.id.probe == id.probe
            && finding.id.object == id.object
            && (!by_rule || finding.id.rule == id.rule)
            && (id.probe != Probe::Nodes || is_one_of_the_node(&id.rule, &finding.id.rule))
    };
    // Where Ceph's command is not asked any more, its operator's object tells of the same.
    let by_operator = id.probe == Probe::CephTools && !recon.uses(Probe::CephTools);
    let is_matter = |finding: &&Finding| by_operator && is_one_matter(id, &finding.id);
    let mut there = recon.findings().filter(|finding| is_alike(finding) || is_matter(finding));
    let same = recon.findings().find(|finding| finding.id == *id);
    if let Some(finding) = same.or_else(|| there.find(|finding| !finding.informational)) {
        return Stands::There(finding);
    }
    // That it was not read is over with the first answer, whatever that says.
    let read_again = || recon.probes.iter().any(|result| result.probe == id.probe);
    let answered = match () {
        () if id.is_told_by_people() => false,
        // An audit may look at the cluster alone, and says nothing of the files then.
        () if id.is_of_files_unread() => recon.files_read,
        () => recon.answers(id.probe) || id.is_not_read() && read_again(),
    };
    if answered { Stands::Gone } else { Stands::Unknown }
}

/// Whether a rule about a node may stand for another: that it lives is told by one of several, and while somebody works on the node
/// by none of them. Of a node that is lost no pressure is told, and of one that is cordoned no version. Everything else about a node
/// is a matter of its own, and may be so for weeks.
fn is_one_of_the_node(rule: &str, other: &str) -> bool {
    let lives = |rule| matches!(rule, "not-ready" | "ready-missing" | "heartbeat-old");
    let works = |rule| matches!(rule, "reboot-required" | "in-work" | "work-overdue");
    let presses =
        |rule| matches!(rule, "disk-pressure" | "memory-pressure" | "pid-pressure" | "network-unavailable");
    rule == other
        || lives(rule) && lives(other)
        || works(rule) && works(other)
        || other == "in-work"
        || presses(rule) && matches!(other, "not-ready" | "ready-missing")
        || rule == "version-behind" && matches!(other, "cordoned" | "work-overdue")
}

#[cfg(test)]
mod tests {
    use super::super::decide::tests::{finding, recon};
    use super::*;
    use crate::cluster::ObjectRef;
    use crate::health::FilesAudited;

    /// A look in which a probe says that, besides the others.
    fn says(probe: Probe, used: bool, verdict: Verdict, findings: Vec<Finding>) -> Recon {
        let mut recon = recon(&[]);
        recon.probes.retain(|result| result.probe != probe);
        let (layer, summary) = (probe.layer(), "no such object".to_owned());
        recon.probes.push(ProbeResult { probe, layer, used, verdict, summary, findings });
        recon
    }

    fn of(probe: Probe, rule: &str, object: ObjectRef, verdict: Verdict) -> Finding {
        let mut found = finding(probe, verdict);
        (found.id.rule, found.id.object) = (rule.to_owned(), object);
        found
    }

    #[test]
    fn what_was_found_is_gone_by_whatever_answer_and_by_no_silence() {
        use Verdict::{Green, Red, Unknown, Yellow};
        let certificate = || ObjectRef::new("Certificate", "media", "wildcard");
        let itself = || ObjectRef::new("Probe", "", "certificates");
        let expired = of(Probe::Certificates, "expired", certificate(), Red);
        let not_ready = of(Probe::Certificates, "not-ready", certificate(), Red);
        let unread = of(Probe::Certificates, "not-read", itself(), Unknown);
        let kind_gone = of(Probe::Certificates, "kind-gone", itself(), Unknown);
        let by = |used, verdict, findings| says(Probe::Certificates, used, verdict, findings);
        for (name, asked, recon, expected) in [
            ("well", &expired, by(true, Green, vec![]), "gone"),
            ("the same", &expired, by(true, Red, vec![expired.clone()]), "there"),
            ("its object is not well otherwise", &expired, by(true, Red, vec![not_ready]), "there"),
            ("its last object was deleted", &expired, by(false, Green, vec![]), "gone"),
            ("its probe could not read", &expired, by(true, Unknown, vec![unread.clone()]), "unknown"),
            ("its kind went", &expired, by(true, Unknown, vec![kind_gone.clone()]), "unknown"),
            ("nobody looked", &expired, recon(&[]), "unknown"),
            ("unread", &unread, by(true, Unknown, vec![unread.clone()]), "there"),
            ("read, and all is well", &unread, by(true, Green, vec![]), "gone"),
            ("read, and something is wrong", &unread, by(true, Red, vec![expired.clone()]), "gone"),
            ("read, and it says UNKNOWN of another", &unread, by(true, Unknown, vec![kind_gone]), "gone"),
            ("read, and there is none", &unread, by(false, Green, vec![]), "gone"),
            ("nobody read", &unread, recon(&[]), "unknown"),
        ] {
            let told = match stands(&asked.id, &recon) {
                Stands::There(_) => "there",
                Stands::Gone => "gone",
                Stands::Unknown => "unknown",
            };
            assert_eq!(told, expected, "{name}");
        }
        // A node that is ready again may have something else.
        let node = |rule, verdict| of(Probe::Nodes, rule, ObjectRef::new("Node", "", "node-02"), verdict);
        for (asked, is, there) in [
            (node("not-ready", Red), node("not-ready", Red), true),
            (node("not-ready", Red), node("heartbeat-old", Unknown), true),
            (node("not-ready", Red), node("in-work", Yellow), true),
            (node("not-ready", Red), node("reboot-required", Yellow), false),
            (node("not-ready", Red), node("version-behind", Yellow), false),
            // A node that is lost reports none of them any more, and has mended nothing.
            (node("disk-pressure", Yellow), node("not-ready", Red), true),
            (node("network-unavailable", Red), node("ready-missing", Unknown), true),
            (node("disk-pressure", Yellow), node("cordoned", Yellow), false),
            (node("not-ready", Red), node("disk-pressure", Yellow), false),
            // Of versions nothing is said while somebody works on the node.
            (node("version-behind", Yellow), node("cordoned", Yellow), true),
            (node("version-behind", Yellow), node("work-overdue", Yellow), true),
            (node("version-behind", Yellow), node("not-ready", Red), false),
            (node("reboot-required", Yellow), node("work-overdue", Yellow), true),
        ] {
            let recon = says(Probe::Nodes, true, is.verdict, vec![is.clone()]);
            let stands = stands(&asked.id, &recon);
            assert_eq!(matches!(stands, Stands::There(_)), there, "{} by {}", asked.id.rule, is.id.rule);
        }
        // Of the files in Git no audit of the cluster alone says anything.
        let audited = || says(Probe::Audit, true, Green, vec![]);
        let mut unread = audited();
        unread.add_files(Err("no answer".to_owned()));
        let files = unread.findings().find(|finding| finding.is_not_read()).expect("not read").id.clone();
        assert!(matches!(stands(&files, &unread), Stands::There(_)));
        assert_eq!(stands(&files, &audited()), Stands::Unknown, "nobody looked at them");
        let mut read = audited();
        read.add_files(Ok(FilesAudited::default()));
        assert_eq!(stands(&files, &read), Stands::Gone);
        // Nor does a kind of the cluster's that cannot be read say anything of the files.
        let kind = of(Probe::Audit, "not-read", ObjectRef::new("Probe", "", "audit"), Unknown);
        let mut other = says(Probe::Audit, false, Unknown, vec![kind.clone()]);
        other.add_files(Ok(FilesAudited::default()));
        assert_eq!(stands(&files, &other), Stands::Gone);
        assert!(matches!(stands(&kind.id, &other), Stands::There(_)));
        // Ceph's command is switched off: its operator's object says the same.
        let crash =
            |probe, kind| of(probe, "RECENT_CRASH", ObjectRef::new(kind, "rook-ceph", "ceph"), Yellow);
        let asked = crash(Probe::CephTools, "Ceph").id;
        let mut off = says(Probe::CephTools, false, Green, vec![]);
        assert_eq!(stands(&asked, &off), Stands::Gone);
        let ceph = off.probes.iter_mut().find(|result| result.probe == Probe::Ceph).expect("asked");
        ceph.findings.push(crash(Probe::Ceph, "CephCluster"));
        assert!(matches!(stands(&asked, &off), Stands::There(_)));
    }
}
