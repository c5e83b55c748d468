//! What each chore is about, and what it has to be able to read for that.
//!
//! Decided here: a probe that could not be run says nothing of what it would have found. So a chore about it is not done by
//! telling that, as long as it may pass; what stays unread is told, or a right that nobody gave would hold the chore up for ever.

use super::Chore;
use crate::health::{AuditRule, Finding, Probe, Recon};

/// Failed Jobs, backups and copies.
const CHECKED: [Probe; 4] = [Probe::Jobs, Probe::CloudNativePg, Probe::VolSync, Probe::Snapshots];

/// Whether a finding is what a chore looks for.
pub(super) fn belongs(chore: Chore, finding: &Finding) -> bool {
    match chore {
        Chore::Recon => true,
        Chore::Checks => CHECKED.contains(&finding.id.probe),
        Chore::Trends => {
            matches!(finding.audit_rule(), Some(AuditRule::RestoreNotTested | AuditRule::FillsUp))
        }
        Chore::Audit => finding.id.probe == Probe::Audit,
    }
}

/// What a chore would have to know and its look could not read.
pub(super) fn unread(chore: Chore, recon: &Recon) -> Vec<&Finding> {
    // What the settings name, and figures that nobody misses, are findings like any other where they are not there.
    let of_itself = |finding: &&Finding| finding.is_not_read() && finding.id.object.kind == "Probe";
    let is_needed = |finding: &&Finding| match chore {
        Chore::Recon => !finding.informational && is_of_the_cluster(finding.id.probe),
        Chore::Checks => CHECKED.contains(&finding.id.probe),
        // A task to restore a copy comes of the claims alone, whatever else could not be read.
        Chore::Trends => finding.id.probe == Probe::Audit && !tells_of_restores(recon),
        Chore::Audit => finding.id.probe == Probe::Audit,
    };
    recon.findings().filter(of_itself).filter(is_needed).collect()
}

/// Whether anything of the cluster was read at all: where nothing was, nothing is known of it, whoever answered.
pub(super) fn is_anything_read(recon: &Recon) -> bool {
    let tells = |probe: Probe| {
        recon.uses(probe) && !unread(Chore::Recon, recon).iter().any(|one| one.id.probe == probe)
    };
    recon.probes.iter().any(|result| is_of_the_cluster(result.probe) && tells(result.probe))
}

fn tells_of_restores(recon: &Recon) -> bool {
    recon.findings().any(|finding| finding.audit_rule() == Some(AuditRule::RestoreNotTested))
}

fn is_of_the_cluster(probe: Probe) -> bool {
    !matches!(probe, Probe::Own | Probe::Addresses | Probe::Alerts | Probe::Audit)
}

#[cfg(test)]
mod tests {
    use super::super::super::decide::tests::{finding, recon};
    use super::*;
    use crate::cluster::ObjectRef;
    use crate::health::{Layer, ProbeResult, Verdict};

    fn of(probe: Probe, rule: &str, object: ObjectRef) -> Finding {
        let mut found = finding(probe, Verdict::Unknown);
        (found.id.rule, found.id.object) = (rule.to_owned(), object);
        found.informational = probe == Probe::Audit || probe == Probe::Usage;
        found
    }

    fn not_read(probe: Probe) -> Finding {
        of(probe, "not-read", ObjectRef::new("Probe", "", probe.word()))
    }

    /// A look with these besides.
    fn look(findings: Vec<Finding>) -> Recon {
        let mut recon = recon(&[]);
        for finding in findings {
            let (probe, layer) = (finding.id.probe, Layer::Apps);
            recon.probes.retain(|result| result.probe != probe);
            let (verdict, summary) = (Verdict::Unknown, String::new());
            let findings = vec![finding];
            recon.probes.push(ProbeResult { probe, layer, used: true, verdict, summary, findings });
        }
        recon
    }

    #[test]
    fn a_chore_needs_what_it_is_about() {
        let claims = || of(Probe::Audit, "restore-not-tested", ObjectRef::new("RestoreTest", "", "2026-11"));
        let table: [(&str, Recon, [bool; 4]); 8] = [
            // Recon, checks, trends, audit.
            ("all is read", look(vec![]), [false; 4]),
            ("the pods", look(vec![not_read(Probe::Pods)]), [true, false, false, false]),
            ("the Jobs", look(vec![not_read(Probe::Jobs)]), [true, true, false, false]),
            ("the copies", look(vec![not_read(Probe::VolSync)]), [true, true, false, false]),
            ("a kind of the audit", look(vec![not_read(Probe::Audit)]), [false, false, true, true]),
            ("figures that nobody misses", look(vec![not_read(Probe::Usage)]), [false; 4]),
            ("a server of alerts", look(vec![not_read(Probe::Alerts)]), [false; 4]),
            (
                "one kubelet",
                look(vec![of(Probe::Capacity, "not-read", ObjectRef::new("Node", "", "node-01"))]),
                [false; 4],
            ),
        ];
        for (name, recon, expected) in table {
            let chores = [Chore::Recon, Chore::Checks, Chore::Trends, Chore::Audit];
            let told = chores.map(|chore| !unread(chore, &recon).is_empty());
            assert_eq!(told, expected, "{name}");
            assert!(is_anything_read(&recon), "{name}");
        }
        // The claims were read, and a task to restore one comes of them.
        let mut some = look(vec![not_read(Probe::Audit)]);
        some.probes.last_mut().expect("the audit").findings.push(claims());
        assert!(unread(Chore::Trends, &some).is_empty() && !unread(Chore::Audit, &some).is_empty());
        let all = [Probe::Nodes, Probe::Ceph, Probe::ArgoCd, Probe::Pods];
        assert!(!is_anything_read(&look(all.map(not_read).to_vec())));
    }
}
