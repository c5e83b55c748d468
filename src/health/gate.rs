//! The gate: whether the next change may start, and the proof that it may.
//!
//! Races decided here: the verdict that a permit rests on is fresh, and the permit lives ten seconds of our own
//! monotonic clock, so nothing is merged on yesterday's GREEN; it ends earlier where the cluster's lock would, so that the
//! request is over before anybody else may think the lock free. A permit is for one pull request at one head on one base;
//! it is moved into the merge and cannot be copied, so it is good for one request.

use super::{FindingId, Recon, Settings, Verdict};
use crate::cluster::ClusterLease;
use crate::forge::{CommitSha, PullNumber};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a permit lives. Real seconds, whatever the scale of the waits.
const LIFE: Duration = Duration::from_secs(10);

/// What lets a change start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The repository works by itself, and this change needs nobody.
    Automatic,
    /// A trusted person approved this very change.
    Approved {
        /// Who.
        by: String,
    },
    /// Nobody did.
    Missing {
        /// What is asked, and of whom.
        asked: String,
    },
}

/// Everything that the gate looks at.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// The moment.
    pub(crate) now: Timestamp,
    /// The newest pass.
    pub(crate) recon: &'a Recon,
    /// `[health]`.
    pub(crate) settings: &'a Settings,
    /// Findings that do not count against this change alone: those that an approval says it is to remove, and what
    /// caretaker itself holds.
    pub(crate) excused: &'a BTreeSet<FindingId>,
    /// Since when every layer has been GREEN without a break.
    pub(crate) green_since: Option<Timestamp>,
    /// How long that must be.
    pub(crate) settle: Duration,
    /// Whether the default branch's current head is rolled out; else what is awaited.
    pub(crate) head_rolled_out: Result<(), String>,
    /// What is going wrong.
    pub(crate) incident: Option<&'a str>,
    /// Who or what stopped the run.
    pub(crate) paused: Option<&'a str>,
    /// Why no change may start at this hour.
    pub(crate) outside_window: Option<&'a str>,
    /// What lets it start.
    pub(crate) authority: &'a Authority,
    /// The cluster's lock.
    pub(crate) lease: &'a ClusterLease,
    /// How long the merge request may take.
    pub(crate) request_timeout: Duration,
}

/// Why a change may not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// The evidence.
    pub(crate) why: String,
    /// Since when, where that is known.
    pub(crate) since: Option<Timestamp>,
    /// What opens it.
    pub(crate) unblock: String,
}

/// The permission to merge one pull request at one head onto one base. Only [`permit`] makes it.
#[derive(Debug)]
pub(crate) struct MergePermit {
    pull: PullNumber,
    head: CommitSha,
    base: CommitSha,
    ends: Instant,
}

/// A permit that was not used in time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the permit has expired: the verdict that it rests on is too old")]
pub(crate) struct PermitExpired;

impl MergePermit {
    /// Uses it up: what may be merged, if it may still be.
    pub(crate) fn consume(self) -> Result<(PullNumber, CommitSha, CommitSha), PermitExpired> {
        self.consume_at(Instant::now())
    }

    fn consume_at(self, now: Instant) -> Result<(PullNumber, CommitSha, CommitSha), PermitExpired> {
        if now < self.ends { Ok((self.pull, self.head, self.base)) } else { Err(PermitExpired) }
    }

    /// What it is for, for the journal's intent.
    pub(crate) fn subject(&self) -> (PullNumber, &CommitSha, &CommitSha) {
        (self.pull, &self.head, &self.base)
    }
}

/// Opens the gate for one pull request, or says everything that keeps it closed.
pub(crate) fn permit(
    evidence: &Evidence<'_>,
    pull: PullNumber,
    head: CommitSha,
    base: CommitSha,
) -> Result<MergePermit, Vec<Blocked>> {
    // Taken first: the permit's life includes the time that judging takes.
    let ends = Instant::now() + LIFE;
    let ends = evidence.lease.latest_start(evidence.request_timeout).map_or(ends, |latest| latest.min(ends));
    let blocked: Vec<Blocked> = [people(evidence), verdicts(evidence), steadiness(evidence), means(evidence)]
        .into_iter()
        .flatten()
        .collect();
    if blocked.is_empty() { Ok(MergePermit { pull, head, base, ends }) } else { Err(blocked) }
}

fn block(why: String, since: Option<Timestamp>, unblock: &str) -> Blocked {
    Blocked { why, since, unblock: unblock.to_owned() }
}

fn people(evidence: &Evidence<'_>) -> Vec<Blocked> {
    let mut blocked = Vec::new();
    if let Some(who) = evidence.paused {
        blocked.push(block(format!("paused: {who}"), None, "a trusted person lets it go on"));
    }
    if let Some(what) = evidence.incident {
        blocked.push(block(format!("an incident: {what}"), None, "the incident ends"));
    }
    if let Some(why) = evidence.outside_window {
        blocked.push(block(why.to_owned(), None, "the window opens"));
    }
    if let Authority::Missing { asked } = evidence.authority {
        blocked.push(block("not approved".to_owned(), None, asked));
    }
    blocked
}

fn verdicts(evidence: &Evidence<'_>) -> Vec<Blocked> {
    let mut blocked = Vec::new();
    let age = Duration::try_from(evidence.now.duration_since(evidence.recon.began_at));
    if !age.is_ok_and(|age| age <= evidence.settings.recon_maximum_age()) {
        // A pass from the future says that the clock was set back: as good as no pass.
        let why = "the newest pass of the probes is too old".to_owned();
        blocked.push(block(why, Some(evidence.recon.began_at), "the probes run again"));
    }
    if evidence.recon.verdict_without(evidence.excused) == Verdict::Green {
        return blocked;
    }
    let before = blocked.len();
    for finding in evidence.recon.blocking().filter(|finding| !evidence.excused.contains(&finding.id)) {
        let why =
            format!("{} {}: {} ({})", finding.layer, finding.verdict, finding.message, finding.evidence);
        blocked.push(block(why, finding.since, "the finding goes, or a person acknowledges it"));
    }
    if blocked.len() == before {
        // A layer that nothing reads.
        for (layer, verdict) in evidence.recon.layers().into_iter().filter(|(_, one)| *one != Verdict::Green)
        {
            blocked.push(block(format!("{layer} is {verdict}"), None, "a probe that reads this layer"));
        }
    }
    blocked
}

fn steadiness(evidence: &Evidence<'_>) -> Vec<Blocked> {
    let mut blocked = Vec::new();
    let steady = evidence.green_since.is_some_and(|since| {
        Duration::try_from(evidence.now.duration_since(since)).is_ok_and(|passed| passed >= evidence.settle)
    });
    if !steady {
        let why = format!("not GREEN for {} s without a break yet", evidence.settle.as_secs_f64());
        blocked.push(block(why, evidence.green_since, "time"));
    }
    if let Err(awaited) = &evidence.head_rolled_out {
        let why = format!("the head of the default branch is not rolled out: {awaited}");
        blocked.push(block(why, None, "it is rolled out"));
    }
    blocked
}

fn means(evidence: &Evidence<'_>) -> Vec<Blocked> {
    if evidence.lease.holds_for(evidence.request_timeout) {
        return Vec::new();
    }
    vec![block("the cluster's lock is not held for long enough".to_owned(), None, "the lock is renewed")]
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::probes::{finding, judged};
    use super::super::{Figure, Figures, Layer, Probe};
    use super::*;
    use crate::cluster::ObjectRef;

    /// A pass of every layer, GREEN, or with one finding of a verdict in Apps.
    pub(in crate::health) fn recon_at(began_at: Timestamp, verdict: Verdict) -> Recon {
        fn none<T>() -> Figure<T> {
            Figure::NotRead("a test".to_owned())
        }
        let probes = [Probe::Nodes, Probe::KubeSystem, Probe::ArgoCd, Probe::Pods].map(|probe| {
            let bad = probe.layer() == Layer::Apps && verdict != Verdict::Green;
            let object = ObjectRef::new("Deployment", "web", "shop");
            let message = "Deployment web/shop does not serve".to_owned();
            let found = finding(probe, "unavailable", object, verdict, message, "0 of 1".to_owned());
            judged(probe, String::new(), bad.then_some(found).into_iter().collect())
        });
        let figures = Figures {
            nodes_ready: none(),
            pods: none(),
            applications: none(),
            certificates: none(),
            ceph_health: none(),
            osds: none(),
            ceph_usage: none(),
            placement_groups: none(),
            node_usage: none(),
        };
        Recon { began_at, probes: probes.to_vec(), figures }
    }
}

#[cfg(test)]
mod tests {
    use super::super::probes::testing::{ago, now};
    use super::testing::recon_at;
    use super::*;

    fn sha(digit: char) -> CommitSha {
        digit.to_string().repeat(40).parse().expect("a commit")
    }

    fn try_with(
        recon: &Recon,
        lease: Duration,
        excused: &BTreeSet<FindingId>,
        change: impl FnOnce(&mut Evidence<'_>),
    ) -> Result<MergePermit, Vec<Blocked>> {
        let settings = Settings::default();
        let authority = Authority::Automatic;
        let lease = ClusterLease::for_test(lease);
        let mut evidence = Evidence {
            now: now(),
            recon,
            settings: &settings,
            excused,
            green_since: Some(ago(60)),
            settle: Duration::from_mins(1),
            head_rolled_out: Ok(()),
            incident: None,
            paused: None,
            outside_window: None,
            authority: &authority,
            lease: &lease,
            request_timeout: Duration::from_secs(10),
        };
        change(&mut evidence);
        permit(&evidence, PullNumber(51), sha('a'), sha('b'))
    }

    const LEASE: Duration = Duration::from_secs(25);

    #[test]
    fn everything_green_gives_a_permit_for_exactly_that() {
        let green = recon_at(ago(5), Verdict::Green);
        let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
        assert_eq!(permit.subject(), (PullNumber(51), &sha('a'), &sha('b')));
        assert_eq!(permit.consume(), Ok((PullNumber(51), sha('a'), sha('b'))));
    }

    #[test]
    fn a_permit_lives_ten_seconds() {
        let green = recon_at(ago(5), Verdict::Green);
        for (seconds, expected) in [(9, true), (11, false)] {
            let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
            assert_eq!(permit.consume_at(Instant::now() + Duration::from_secs(seconds)).is_ok(), expected);
        }
    }

    #[test]
    fn a_permit_ends_before_the_lock_would() {
        let green = recon_at(ago(5), Verdict::Green);
        for (seconds, expected) in [(4, true), (6, false)] {
            let lease = Duration::from_secs(15);
            let permit = try_with(&green, lease, &BTreeSet::new(), |_| {}).expect("a permit");
            assert_eq!(permit.consume_at(Instant::now() + Duration::from_secs(seconds)).is_ok(), expected);
        }
    }

    #[test]
    fn each_missing_piece_closes_the_gate() {
        type Change = fn(&mut Evidence<'_>);
        static MISSING: Authority = Authority::Missing { asked: String::new() };
        let green = recon_at(ago(5), Verdict::Green);
        let none = BTreeSet::new();
        let cases: Vec<(&str, Change, &str)> = vec![
            ("paused", |e| e.paused = Some("a person"), "paused"),
            ("incident", |e| e.incident = Some("fire"), "incident"),
            ("window", |e| e.outside_window = Some("it is night"), "night"),
            ("approval", |e| e.authority = &MISSING, "not approved"),
            ("never green", |e| e.green_since = None, "without a break"),
            ("not settled", |e| e.green_since = Some(ago(59)), "without a break"),
            ("head", |e| e.head_rolled_out = Err("argocd/shop".to_owned()), "argocd/shop"),
            ("lock", |e| e.request_timeout = Duration::from_secs(26), "lock"),
            ("old pass", |e| e.now = ago(-26), "too old"),
            ("clock set back", |e| (e.now, e.green_since) = (ago(6), Some(ago(90))), "too old"),
        ];
        for (name, change, expected) in cases {
            let blocked = try_with(&green, LEASE, &none, change).expect_err(name);
            assert_eq!(blocked.len(), 1, "{name}: {blocked:?}");
            assert!(blocked[0].why.contains(expected), "{name}: {blocked:?}");
            assert!(name == "approval" || !blocked[0].unblock.is_empty());
        }
    }

    #[test]
    fn only_green_opens_it() {
        for verdict in [Verdict::Yellow, Verdict::Red, Verdict::Unknown] {
            let recon = recon_at(ago(5), verdict);
            let blocked = try_with(&recon, LEASE, &BTreeSet::new(), |_| {}).expect_err("blocked");
            assert!(blocked[0].why.contains("web/shop"), "{blocked:?}");
            let excused = recon.blocking().map(|finding| finding.id.clone()).collect();
            assert!(try_with(&recon, LEASE, &excused, |_| {}).is_ok(), "excused for this change");
        }
        let mut unread = recon_at(ago(5), Verdict::Green);
        unread.probes.retain(|probe| probe.layer != super::super::Layer::System);
        let blocked = try_with(&unread, LEASE, &BTreeSet::new(), |_| {}).expect_err("blocked");
        assert!(blocked[0].why.contains("System is UNKNOWN"), "{blocked:?}");
    }
}
