//! What follows from what: one broken node is one thing to mend, though forty workloads and six Applications show it.
//!
//! Each probe says of its findings what they would rest on ([`Grounds`]): objects that it read, never a likeness of words
//! or of times. [`fold`] looks which of those are not well themselves and names the cause, the last in the chain. What
//! follows still counts for its layer and still blocks; it is shown below its cause, and it is the fault of a change only
//! where its cause is.
//!
//! Decided here: what is acknowledged or only listed is nobody's cause, or what follows from it would hide behind it; of
//! findings that rest on each other none is the cause; of several that are as bad, one that nothing explains comes before one
//! that something else does: an old pod on a dead node says nothing of the new one beside it.

use super::types::ProbeResult;
use super::{Finding, FindingId, Probe, Recon, Verdict};
use crate::cluster::ObjectRef;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// What a finding would follow from: in each group an object that is not well either. None: it stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Grounds(BTreeSet<BTreeSet<ObjectRef>>);

impl Grounds {
    /// It follows where all of these are not well.
    pub(super) fn each(objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        Self(objects.into_iter().map(|object| BTreeSet::from([object])).collect())
    }

    /// It follows where any of these is not well: what is wrong is among them, and nobody said which it is.
    pub(super) fn any(objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        let group: BTreeSet<ObjectRef> = objects.into_iter().collect();
        Self(if group.is_empty() { BTreeSet::new() } else { BTreeSet::from([group]) })
    }

    /// The grounds of two things that are one finding: both have to be explained.
    pub(super) fn and(self, other: &Self) -> Self {
        if self.0.is_empty() || other.0.is_empty() {
            return Self::default();
        }
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Where it rests on an object, it rests on what stands behind that as well.
    pub(super) fn reach(&mut self, behind: &HashMap<ObjectRef, Vec<ObjectRef>>) {
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .map(|mut group| {
                let more: Vec<ObjectRef> =
                    group.iter().filter_map(|object| behind.get(object)).flatten().cloned().collect();
                group.extend(more);
                group
            })
            .collect();
    }

    /// All that it may rest on.
    pub(super) fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.0.iter().flatten()
    }

    fn rest_on(&self, object: &ObjectRef) -> bool {
        self.0.iter().any(|group| group.contains(object))
    }
}

impl Finding {
    /// With what it would follow from.
    pub(super) fn resting_on(self, grounds: Grounds) -> Self {
        Self { grounds, ..self }
    }

    /// Whether it says of the same object what its cause says, for another probe: people are told once.
    pub(crate) fn repeats_its_cause(&self) -> bool {
        let same = |cause: &FindingId| cause.rule == self.id.rule && cause.object == self.id.object;
        self.cause.as_ref().is_some_and(same)
    }
}

impl Recon {
    /// Everything found, as a person reads it: the causes, the worst first, each with what follows from it and says more.
    pub(crate) fn by_cause(&self) -> Vec<(&Finding, Vec<&Finding>)> {
        let (followers, causes): (Vec<&Finding>, Vec<&Finding>) =
            self.worst_first().into_iter().partition(|finding| finding.cause.is_some());
        let mut following: HashMap<&FindingId, Vec<&Finding>> = HashMap::new();
        for finding in followers.into_iter().filter(|finding| !finding.repeats_its_cause()) {
            following.entry(finding.cause.as_ref().unwrap_or(&finding.id)).or_default().push(finding);
        }
        causes.into_iter().map(|cause| (cause, following.remove(&cause.id).unwrap_or_default())).collect()
    }
}

/// Names the cause of each finding that has one.
pub(super) fn fold(probes: &mut [ProbeResult]) {
    let causes: Vec<Option<FindingId>> = {
        let blocking: Vec<&Finding> = probes
            .iter()
            .flat_map(|probe| &probe.findings)
            .filter(|finding| !finding.informational)
            .collect();
        let mut of: HashMap<&ObjectRef, Vec<usize>> = HashMap::new();
        for (number, finding) in blocking.iter().enumerate().filter(|(_, finding)| causes_others(finding)) {
            of.entry(&finding.id.object).or_default().push(number);
        }
        // Which of them rest on anything at all, before it is asked which rest on those.
        let explained: Vec<bool> =
            (0..blocking.len()).map(|number| nearest(number, &blocking, &of, &[]).is_some()).collect();
        let nearest: Vec<Option<usize>> =
            (0..blocking.len()).map(|number| nearest(number, &blocking, &of, &explained)).collect();
        (0..blocking.len()).map(|number| last(number, &nearest).map(|at| blocking[at].id.clone())).collect()
    };
    let mut causes = causes.into_iter();
    for finding in probes.iter_mut().flat_map(|probe| &mut probe.findings) {
        finding.cause = if finding.informational { None } else { causes.next().flatten() };
    }
}

/// Whether anything may follow from it: an alert, and a budget that is used up, say what is wrong with something else, and what could be
/// better broke nothing.
fn causes_others(finding: &Finding) -> bool {
    !matches!(finding.id.probe, Probe::Alerts | Probe::DisruptionBudgets | Probe::Audit)
}

/// The finding that one follows from directly: the worst of those that it rests on, of these one that nothing explains, then from
/// the bottom layer up.
fn nearest(
    number: usize,
    blocking: &[&Finding],
    of: &HashMap<&ObjectRef, Vec<usize>>,
    explained: &[bool],
) -> Option<usize> {
    let finding = blocking[number];
    let own = &finding.id.object;
    let mut found: Vec<usize> = Vec::new();
    for group in &finding.grounds.0 {
        let before = found.len();
        for object in group {
            let there = of.get(object).into_iter().flatten().copied();
            // A workload follows from its pods, whose findings are on the workload as well; those rest on something else. What an
            // operator says of a database besides (its archive) stands beside it.
            let is_beside = |at: usize| {
                blocking[at].grounds.rest_on(own) || blocking[at].id.probe == Probe::CloudNativePg
            };
            found.extend(there.filter(|at| *at != number && !(object == own && is_beside(*at))));
        }
        if found.len() == before {
            return None;
        }
    }
    found.into_iter().max_by_key(|at| {
        let Finding { verdict, layer, id, .. } = blocking[*at];
        // What is known to be broken says more than what nobody knows.
        let stands_for_itself = !explained.get(*at).copied().unwrap_or(false);
        (*verdict == Verdict::Red, *verdict, stands_for_itself, Reverse(*layer), Reverse(id))
    })
}

/// The end of the chain that begins there. None where there is no chain, or one without an end.
fn last(number: usize, nearest: &[Option<usize>]) -> Option<usize> {
    let mut at = nearest[number]?;
    // Longer than all of them is round and round.
    for _ in 0..nearest.len() {
        match nearest[at] {
            Some(next) => at = next,
            None => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::probes::{finding, judged};
    use super::*;

    fn on(kind: &str, name: &str) -> ObjectRef {
        ObjectRef::new(kind, "web", name)
    }

    fn found(probe: Probe, rule: &str, object: ObjectRef, verdict: Verdict, grounds: Grounds) -> Finding {
        finding(probe, rule, object, verdict, String::new(), String::new()).resting_on(grounds)
    }

    /// The rule of each finding and that of its cause.
    fn folded(findings: Vec<Finding>) -> Vec<(String, Option<String>)> {
        let mut probes = [judged(Probe::Pods, String::new(), findings)];
        fold(&mut probes);
        let [probe] = probes;
        probe.findings.into_iter().map(|one| (one.id.rule, one.cause.map(|cause| cause.rule))).collect()
    }

    #[test]
    fn what_nobody_knows_is_named_by_its_layer_and_what_was_found_there_first() {
        use super::super::probes::unread;
        use crate::wording::{recon_nothing_read, what_is_unknown};
        let mut recon = super::super::gate::testing::recon_at(jiff::Timestamp::UNIX_EPOCH, Verdict::Unknown);
        assert_eq!(what_is_unknown(&recon), "Apps: Deployment web/shop does not serve");
        recon.probes[0] = unread(Probe::Nodes, "403");
        assert_eq!(what_is_unknown(&recon), "Metal: the probe nodes could not be run, and 1 more");
        // Nobody reads it.
        recon.probes.remove(0);
        assert_eq!(what_is_unknown(&recon), format!("Metal: {}", recon_nothing_read()));
        // Nothing at all is read.
        for probe in &mut recon.probes {
            *probe = unread(probe.probe, "no answer");
        }
        assert_eq!(what_is_unknown(&recon), "the cluster cannot be read");
    }

    #[test]
    fn what_several_probes_say_alike_is_told_once() {
        let silent =
            |probe| found(probe, "silent", on("Lease", "controllers"), Verdict::Unknown, Grounds::default());
        let follows = silent(Probe::Services).resting_on(Grounds::each([on("Lease", "controllers")]));
        let mut probes = [judged(Probe::Jobs, String::new(), vec![silent(Probe::Jobs), follows])];
        fold(&mut probes);
        let repeats: Vec<bool> = probes[0].findings.iter().map(Finding::repeats_its_cause).collect();
        assert_eq!(repeats, [false, true]);
    }

    fn expect(findings: Vec<Finding>, expected: &[(&str, Option<&str>)]) {
        let expected: Vec<(String, Option<String>)> =
            expected.iter().map(|(rule, cause)| ((*rule).to_owned(), cause.map(str::to_owned))).collect();
        assert_eq!(folded(findings), expected);
    }

    #[test]
    fn a_lost_node_is_the_cause_of_all_that_ran_there() {
        let node = ObjectRef::new("Node", "", "metal1");
        let shop = on("Deployment", "shop");
        let parent = ObjectRef::new("Application", "argocd", "apps");
        let child = ObjectRef::new("Application", "argocd", "shop");
        expect(
            vec![
                found(Probe::Nodes, "not-ready", node.clone(), Verdict::Red, Grounds::default()),
                found(Probe::Pods, "node-not-ready", shop.clone(), Verdict::Red, Grounds::each([node])),
                found(Probe::Pods, "unavailable", shop.clone(), Verdict::Red, Grounds::each([shop.clone()])),
                found(Probe::ArgoCd, "degraded", child.clone(), Verdict::Red, Grounds::any([shop])),
                found(Probe::ArgoCd, "child-degraded", parent, Verdict::Red, Grounds::each([child])),
            ],
            &[
                ("not-ready", None),
                ("node-not-ready", Some("not-ready")),
                ("unavailable", Some("not-ready")),
                ("degraded", Some("not-ready")),
                ("child-degraded", Some("not-ready")),
            ],
        );
    }

    #[test]
    fn a_fault_of_its_own_does_not_hide_behind_a_node_that_died_beside_it() {
        let (node, shop) = (ObjectRef::new("Node", "", "metal1"), on("Deployment", "shop"));
        let app = on("Application", "shop");
        let own = |rule, verdict| found(Probe::Pods, rule, shop.clone(), verdict, Grounds::default());
        let with = |own: Finding| {
            vec![
                found(Probe::Nodes, "lost", node.clone(), Verdict::Red, Grounds::default()),
                // An old pod of it, on that node. By its name it comes first.
                found(Probe::Pods, "a-lost", shop.clone(), Verdict::Red, Grounds::each([node.clone()])),
                own,
                found(
                    Probe::Pods,
                    "rollout-failed",
                    shop.clone(),
                    Verdict::Red,
                    Grounds::each([shop.clone()]),
                ),
                found(Probe::ArgoCd, "degraded", app.clone(), Verdict::Red, Grounds::any([shop.clone()])),
            ]
        };
        // The new one.
        let expected = |own, cause| {
            let at_node = Some("lost");
            [("lost", None), ("a-lost", at_node), (own, None), ("rollout-failed", cause), ("degraded", cause)]
        };
        expect(with(own("not-ready", Verdict::Red)), &expected("not-ready", Some("not-ready")));
        // What is less bad explains less.
        expect(with(own("restarts-grow", Verdict::Yellow)), &expected("restarts-grow", Some("lost")));
    }

    #[test]
    fn what_is_explained_in_part_only_stands_for_itself() {
        let (one, other) = (on("Deployment", "one"), on("Deployment", "other"));
        let broken = found(Probe::Pods, "crash-loop", one.clone(), Verdict::Red, Grounds::default());
        let app = on("Application", "shop");
        for (grounds, cause) in [
            (Grounds::each([one.clone(), other.clone()]), None),
            (Grounds::any([one.clone(), other.clone()]), Some("crash-loop")),
            (Grounds::any([]), None),
            (Grounds::each([one.clone()]).and(&Grounds::default()), None),
            (Grounds::each([one.clone()]).and(&Grounds::each([other])), None),
            (Grounds::each([one.clone()]).and(&Grounds::any([one])), Some("crash-loop")),
        ] {
            let degraded = found(Probe::ArgoCd, "degraded", app.clone(), Verdict::Red, grounds);
            expect(vec![broken.clone(), degraded], &[("crash-loop", None), ("degraded", cause)]);
        }
    }

    #[test]
    fn what_does_not_block_is_no_cause() {
        let node = ObjectRef::new("Node", "", "metal1");
        let cordoned =
            found(Probe::Nodes, "not-ready", node.clone(), Verdict::Red, Grounds::default()).listed_only();
        let pods = found(Probe::Pods, "node-not-ready", on("Pod", "a"), Verdict::Red, Grounds::each([node]));
        expect(vec![cordoned, pods], &[("not-ready", None), ("node-not-ready", None)]);
    }

    #[test]
    fn what_rests_on_each_other_has_no_cause() {
        let (one, other) = (on("Application", "one"), on("Application", "other"));
        let third = on("Application", "third");
        expect(
            vec![
                found(Probe::ArgoCd, "a", one.clone(), Verdict::Red, Grounds::each([other.clone()])),
                found(Probe::ArgoCd, "b", other, Verdict::Red, Grounds::each([one.clone()])),
                found(Probe::ArgoCd, "c", third, Verdict::Red, Grounds::each([one])),
                found(
                    Probe::ArgoCd,
                    "d",
                    on("Application", "self"),
                    Verdict::Red,
                    Grounds::each([on("Application", "self")]),
                ),
            ],
            &[("a", None), ("b", None), ("c", None), ("d", None)],
        );
    }

    #[test]
    fn of_several_causes_the_worst_is_named_and_of_those_the_lowest() {
        let (node, ceph) =
            (ObjectRef::new("Node", "", "metal1"), ObjectRef::new("CephCluster", "rook-ceph", "rook-ceph"));
        let app = on("Application", "shop");
        let rests = Grounds::each([node.clone(), ceph.clone()]);
        for (of_node, of_ceph, cause) in [
            (Verdict::Red, Verdict::Red, "not-ready"),
            (Verdict::Yellow, Verdict::Red, "OSD_DOWN"),
            (Verdict::Yellow, Verdict::Unknown, "OSD_DOWN"),
            (Verdict::Red, Verdict::Unknown, "not-ready"),
        ] {
            expect(
                vec![
                    found(Probe::Ceph, "OSD_DOWN", ceph.clone(), of_ceph, Grounds::default()),
                    found(Probe::Nodes, "not-ready", node.clone(), of_node, Grounds::default()),
                    found(Probe::ArgoCd, "degraded", app.clone(), Verdict::Red, rests.clone()),
                ],
                &[("OSD_DOWN", None), ("not-ready", None), ("degraded", Some(cause))],
            );
        }
    }
}
