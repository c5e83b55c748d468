//! What was judged before and is not there any more.
//!
//! A kind that is not installed is "not used here", and rightly GREEN on a cluster that never had it. One that went while
//! somebody looked took everything with it that it stood for: an upgrade that drops its own definitions deletes every object
//! of theirs, and no probe is left to say so. So what a run, or the look just before a change, has judged stays asked for.
//! That the last object of a kind went is another thing: the kind is there, and says that there is none.

use super::probes::{finding, is_not_read, judged};
use super::recon::{NOT_INSTALLED, SWITCHED_OFF};
use super::{Finding, FindingId, Probe, Recon, Settings, Verdict};
use crate::cluster::ObjectRef;
use std::collections::BTreeSet;

impl Recon {
    /// The probes that found what they judge, and could read it.
    pub(crate) fn judging(&self) -> BTreeSet<Probe> {
        let read = self.probes.iter().filter(|result| result.used && !is_not_read(result));
        read.map(|result| result.probe).filter(|probe| goes_with_its_kind(*probe)).collect()
    }

    /// Lets nothing be "not used here" that was judged before: UNKNOWN, until it is there again or a person switches its
    /// probe off.
    pub(crate) fn still_asked_for(&mut self, before: &BTreeSet<Probe>, settings: &Settings) {
        let gone = self.probes.iter_mut().filter(|result| {
            !result.used
                && result.summary == NOT_INSTALLED
                && before.contains(&result.probe)
                && goes_with_its_kind(result.probe)
                && settings.switched_on(result.probe)
        });
        for result in gone {
            let probe = result.probe;
            let found = finding(
                probe,
                "kind-gone",
                ObjectRef::new("Probe", "", probe.word()),
                Verdict::Unknown,
                format!("what the probe {} judged before is not there any more", probe.word()),
                format!("{}; it was there at an earlier look", result.summary),
            );
            *result = judged(probe, result.summary.clone(), vec![found]);
        }
    }

    /// Whether a probe tells how what it judges stands. That there is none of it any more is an answer, and so is that nobody
    /// asks for it: a person switched it off, or took it out of the settings. That its kind went is none, once
    /// [`Recon::still_asked_for`] has seen to it.
    pub(crate) fn answers(&self, probe: Probe) -> bool {
        let mut results = self.probes.iter().filter(|result| result.probe == probe).peekable();
        let named_by_settings = matches!(probe, Probe::Own | Probe::Addresses | Probe::Alerts);
        if results.peek().is_none() && !named_by_settings {
            return false;
        }
        // The command goes with what the operator's object stands for.
        let goes_with = (probe == Probe::CephTools && !self.uses(probe)).then_some(Probe::Ceph);
        results.all(|result| result.verdict != Verdict::Unknown)
            && goes_with.is_none_or(|other| self.answers(other))
    }

    /// Whether an audit is part of it.
    pub(crate) fn is_audited(&self) -> bool {
        self.probes.iter().any(|result| result.probe == Probe::Audit)
    }

    /// Whether the settings have a probe not ask: that nothing is found then says nothing of what there is.
    pub(crate) fn is_switched_off(&self, probe: Probe) -> bool {
        let mut results = self.probes.iter().filter(|result| result.probe == probe).peekable();
        results.peek().is_some() && results.all(|result| !result.used && result.summary == SWITCHED_OFF)
    }

    /// Whether a finding that was not there would have been told: its probe could read, and knew of its object.
    pub(crate) fn would_have_told(&self, id: &FindingId) -> bool {
        let mut results = self.probes.iter().filter(|result| result.probe == id.probe).peekable();
        let hides = |finding: &Finding| {
            // One check of several that could not be made says so of itself.
            let of_check =
                id.probe == Probe::Own && finding.id.rule == id.rule && finding.id.object.kind == "Check";
            finding.verdict == Verdict::Unknown && (finding.id.object == id.object || of_check)
        };
        results.peek().is_some()
            && results.all(|result| !is_not_read(result) && !result.findings.iter().any(hides))
    }

    /// Whether a probe is switched on and finds what it judges.
    pub(crate) fn uses(&self, probe: Probe) -> bool {
        self.probes.iter().any(|result| result.probe == probe && result.used)
    }
}

/// Whether a probe is used where its kind is installed. `ceph` by exec goes with Ceph, figures of usage are nobody's loss, what the
/// settings name is there or UNKNOWN, and what every API server has does not go.
fn goes_with_its_kind(probe: Probe) -> bool {
    !matches!(
        probe,
        Probe::CephTools
            | Probe::Usage
            | Probe::Own
            | Probe::Addresses
            | Probe::Alerts
            | Probe::Capacity
            | Probe::Jobs
            | Probe::DisruptionBudgets
            | Probe::Services
            | Probe::Audit
    )
}

#[cfg(test)]
mod tests {
    use super::super::Layer;
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::ago;
    use super::super::probes::{unread, unused};
    use super::*;

    fn recon(flux: super::super::ProbeResult) -> Recon {
        let mut recon = recon_at(ago(0), Verdict::Green);
        recon.probes.push(flux);
        recon
    }

    #[test]
    fn what_was_judged_before_and_is_gone_is_unknown() {
        let good = recon(judged(Probe::Flux, String::new(), Vec::new()));
        let before = good.judging();
        assert!(before.contains(&Probe::Flux));
        let off = Settings { flux: false, ..Settings::default() };
        for (name, settings, before, now, expected) in [
            ("gone", Settings::default(), &before, unused(Probe::Flux, NOT_INSTALLED), Verdict::Unknown),
            (
                "its last object went",
                Settings::default(),
                &before,
                unused(Probe::Flux, "none"),
                Verdict::Green,
            ),
            ("switched off meanwhile", off, &before, unused(Probe::Flux, NOT_INSTALLED), Verdict::Green),
            (
                "never there",
                Settings::default(),
                &BTreeSet::new(),
                unused(Probe::Flux, NOT_INSTALLED),
                Verdict::Green,
            ),
            (
                "still there",
                Settings::default(),
                &before,
                judged(Probe::Flux, String::new(), Vec::new()),
                Verdict::Green,
            ),
        ] {
            let mut recon = recon(now);
            recon.still_asked_for(before, &settings);
            assert_eq!(recon.layers()[&Layer::Platform], expected, "{name}");
            let rules: Vec<&str> = recon.blocking().map(|finding| finding.id.rule.as_str()).collect();
            assert_eq!(rules, if expected == Verdict::Green { vec![] } else { vec!["kind-gone"] }, "{name}");
        }
    }

    #[test]
    fn certificates_that_are_gone_and_such_that_cannot_be_read_block() {
        let before = recon(judged(Probe::Certificates, String::new(), Vec::new())).judging();
        let mut now = recon(unused(Probe::Certificates, NOT_INSTALLED));
        now.still_asked_for(&before, &Settings::default());
        assert_eq!(now.verdict(), Verdict::Unknown);
        assert_eq!(now.blocking().next().map(|finding| finding.id.rule.as_str()), Some("kind-gone"));
        let mut refused = recon(unread(Probe::Certificates, "refused"));
        refused.still_asked_for(&before, &Settings::default());
        assert_eq!(refused.verdict(), Verdict::Unknown);
        assert_eq!(refused.blocking().next().map(|finding| finding.id.rule.as_str()), Some("not-read"));
    }

    #[test]
    fn an_answer_is_told_from_a_kind_that_went() {
        let before = recon(judged(Probe::Flux, String::new(), Vec::new())).judging();
        for (name, now, answers) in [
            ("well", judged(Probe::Flux, String::new(), Vec::new()), true),
            ("its last object went", unused(Probe::Flux, "no Flux object"), true),
            ("its kind went", unused(Probe::Flux, NOT_INSTALLED), false),
            ("switched off", unused(Probe::Flux, SWITCHED_OFF), true),
            ("unread", unread(Probe::Flux, "refused"), false),
            // One that never blocks is not used where it cannot be read.
            ("unread, and may be missing", unread(Probe::Usage, "refused"), false),
        ] {
            let probe = now.probe;
            let mut recon = recon(now);
            recon.still_asked_for(&before, &Settings::default());
            assert_eq!(recon.answers(probe), answers, "{name}");
        }
        assert!(recon(unused(Probe::Flux, SWITCHED_OFF)).is_switched_off(Probe::Flux));
        assert!(!recon(unused(Probe::Flux, "no Flux object")).is_switched_off(Probe::Flux));
        let nobody = recon_at(ago(0), Verdict::Green);
        assert!(!nobody.is_switched_off(Probe::Flux));
        assert!(!nobody.answers(Probe::Flux), "nobody looked");
        assert!(nobody.answers(Probe::Own), "the settings name none any more");
        let mut ceph = recon(unused(Probe::CephTools, "exec is switched off in the settings"));
        ceph.probes.retain(|result| result.probe != Probe::Ceph);
        ceph.probes.push(unread(Probe::Ceph, "refused"));
        assert!(!ceph.answers(Probe::CephTools), "the command goes with its operator's object");
    }

    #[test]
    fn what_nobody_could_see_would_not_have_been_told() {
        let on = |kind: &str, name: &str| ObjectRef::new(kind, "flux-system", name);
        let of = |rule: &str, object: ObjectRef, verdict: Verdict| {
            finding(Probe::Flux, rule, object, verdict, String::new(), String::new())
        };
        let asked = of("failed", on("Kustomization", "apps"), Verdict::Red).id;
        for (name, first, told) in [
            ("well", judged(Probe::Flux, String::new(), Vec::new()), true),
            ("not installed", unused(Probe::Flux, NOT_INSTALLED), true),
            ("not read", unread(Probe::Flux, "refused"), false),
            (
                "of another",
                judged(
                    Probe::Flux,
                    String::new(),
                    vec![of("odd", on("Kustomization", "b"), Verdict::Unknown)],
                ),
                true,
            ),
            (
                "of it",
                judged(
                    Probe::Flux,
                    String::new(),
                    vec![of("odd", on("Kustomization", "apps"), Verdict::Unknown)],
                ),
                false,
            ),
            (
                "of it, not well",
                judged(
                    Probe::Flux,
                    String::new(),
                    vec![of("odd", on("Kustomization", "apps"), Verdict::Yellow)],
                ),
                true,
            ),
        ] {
            assert_eq!(recon(first).would_have_told(&asked), told, "{name}");
        }
        assert!(!recon_at(ago(0), Verdict::Green).would_have_told(&asked), "nobody looked");
    }

    #[test]
    fn what_could_not_be_read_was_not_judged() {
        // The kind may never have been there: nobody could ask.
        assert!(!recon(unread(Probe::Flux, "refused")).judging().contains(&Probe::Flux));
        assert!(!recon(unused(Probe::Flux, NOT_INSTALLED)).judging().contains(&Probe::Flux));
    }
}
