//! The gate: whether the next change may start, and the proof that it may.
//!
//! Races decided here: the verdict that a permit rests on is fresh, and the permit lives ten seconds of our own
//! monotonic clock, so nothing is merged on yesterday's GREEN; it ends earlier where the cluster's lock would, so that the
//! request is over before anybody else may think the lock free. A permit is for one pull request at one head on one base;
//! it is moved into the merge and cannot be copied, so it is good for one request. It merges nothing until it is
//! confirmed by what was read after it was made: what a person or a push changed in between voids it.

use super::{Authority, Finding, FindingId, PlanMark, Recon, Settings, Verdict};
use crate::cluster::{ClusterLease, LEASE_DURATION};
use crate::forge::BRANCH_WRITE_TIMEOUT;
use crate::forge::{CommitSha, PullNumber};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a permit lives. Real seconds, whatever the scale of the waits.
const LIFE: Duration = Duration::from_secs(10);

// A lock that was just taken outlasts a permit and the request that is sent at its very end.
const _: () = assert!(LEASE_DURATION.as_secs() > LIFE.as_secs() + BRANCH_WRITE_TIMEOUT.as_secs());

/// How long the lock must hold for a permit of full life: its life, and the request that begins at its end.
pub(crate) const NEEDED_LEASE: Duration = LIFE.saturating_add(BRANCH_WRITE_TIMEOUT);

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Blocked {
    /// The evidence.
    pub(crate) why: String,
    /// Since when, where that is known.
    pub(crate) since: Option<Timestamp>,
    /// What opens it.
    pub(crate) unblock: String,
}

/// What a permit is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergeSubject {
    /// The task and its plan.
    pub(crate) mark: PlanMark,
    /// The pull request.
    pub(crate) pull: PullNumber,
    /// Its head.
    pub(crate) head: CommitSha,
    /// The default branch's head that it is merged onto.
    pub(crate) base: CommitSha,
}

/// The permission to merge one pull request at one head onto one base. Only [`permit`] makes it, and it merges nothing
/// until it is confirmed.
#[derive(Debug)]
pub(crate) struct MergePermit {
    subject: MergeSubject,
    made: Instant,
    ends: Instant,
}

/// What was read in the last moment before the merge.
#[derive(Debug, Clone)]
pub(crate) struct LastWord {
    /// When the reading began.
    pub(crate) begun: Instant,
    /// The pull request's head.
    pub(crate) head: CommitSha,
    /// The default branch's head.
    pub(crate) base: CommitSha,
    /// What else speaks against the merge now: a person's stop, a label, a status.
    pub(crate) against: Option<String>,
}

/// A permit that the world agreed to once more after it was made. The merge takes it, and nothing else.
#[derive(Debug)]
pub(crate) struct ConfirmedPermit {
    subject: MergeSubject,
    ends: Instant,
}

/// Why a permit merges nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum PermitVoid {
    /// It was not used in time.
    #[error("the permit has expired: the verdict that it rests on is too old")]
    Expired,
    /// What is to confirm it was read before it was made.
    #[error("what is to confirm the permit is older than the permit")]
    Stale,
    /// The pull request has another head.
    #[error("the pull request has another head now")]
    OtherHead,
    /// The branch has another head.
    #[error("the default branch has another head now")]
    OtherBase,
    /// Something changed meanwhile.
    #[error("{0}")]
    Against(String),
}

impl MergePermit {
    /// Holds it against what was read after it was made.
    pub(crate) fn confirm(self, word: LastWord) -> Result<ConfirmedPermit, PermitVoid> {
        self.confirm_at(word, Instant::now())
    }

    fn confirm_at(self, word: LastWord, now: Instant) -> Result<ConfirmedPermit, PermitVoid> {
        if word.begun < self.made {
            return Err(PermitVoid::Stale);
        }
        if let Some(why) = word.against {
            return Err(PermitVoid::Against(why));
        }
        if word.head != self.subject.head {
            return Err(PermitVoid::OtherHead);
        }
        if word.base != self.subject.base {
            return Err(PermitVoid::OtherBase);
        }
        if now >= self.ends {
            return Err(PermitVoid::Expired);
        }
        Ok(ConfirmedPermit { subject: self.subject, ends: self.ends })
    }
}

impl ConfirmedPermit {
    /// Uses it up: what may be merged, if it may still be.
    pub(crate) fn consume(self) -> Result<MergeSubject, PermitVoid> {
        self.consume_at(Instant::now())
    }

    fn consume_at(self, now: Instant) -> Result<MergeSubject, PermitVoid> {
        if now < self.ends { Ok(self.subject) } else { Err(PermitVoid::Expired) }
    }
}

/// Opens the gate for one pull request, or says everything that keeps it closed.
pub(crate) fn permit(evidence: &Evidence<'_>, subject: MergeSubject) -> Result<MergePermit, Vec<Blocked>> {
    // Taken first: the permit's life includes the time that judging takes.
    let made = Instant::now();
    let ends = made + LIFE;
    let ends = evidence.lease.latest_start(evidence.request_timeout).map_or(ends, |latest| latest.min(ends));
    let blocked: Vec<Blocked> =
        [people(evidence, &subject.mark), verdicts(evidence), steadiness(evidence), means(evidence)]
            .into_iter()
            .flatten()
            .collect();
    if blocked.is_empty() { Ok(MergePermit { subject, made, ends }) } else { Err(blocked) }
}

fn block(why: String, since: Option<Timestamp>, unblock: &str) -> Blocked {
    Blocked { why, since, unblock: unblock.to_owned() }
}

fn people(evidence: &Evidence<'_>, mark: &PlanMark) -> Vec<Blocked> {
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
    match evidence.authority {
        Authority::Automatic => {}
        Authority::Missing { asked } => blocked.push(block("not approved".to_owned(), None, asked)),
        Authority::Approved(approval) if approval.covers(mark) => {}
        Authority::Approved(approval) => {
            let why = format!("not approved: {} approved something else", approval.by());
            blocked.push(block(why, None, "an approval of exactly this change"));
        }
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
    blocked.extend(closed_by(evidence.recon, evidence.excused));
    blocked
}

/// What of a pass keeps the gate closed, but for what is excused: each cause once, with what follows from it.
pub(crate) fn closed_by(recon: &Recon, excused: &BTreeSet<FindingId>) -> Vec<Blocked> {
    let mut blocked = Vec::new();
    if recon.verdict_without(excused) == Verdict::Green {
        return blocked;
    }
    let counts = |finding: &&Finding| !excused.contains(&finding.id);
    // What follows from a finding that blocks goes with it, and is not worth a line; from one that is excused it does not.
    let follows =
        |finding: &Finding| finding.cause.as_ref().filter(|cause| !excused.contains(cause)).cloned();
    let mut following: BTreeMap<FindingId, usize> = BTreeMap::new();
    let says_more = |finding: &&Finding| !finding.repeats_its_cause();
    for cause in recon.blocking().filter(counts).filter(says_more).filter_map(follows) {
        *following.entry(cause).or_default() += 1;
    }
    let causes = recon.blocking().filter(counts).filter(|finding| follows(finding).is_none());
    for finding in causes {
        let more = match following.get(&finding.id) {
            None => String::new(),
            Some(1) => "; 1 finding more follows from it".to_owned(),
            Some(more) => format!("; {more} findings more follow from it"),
        };
        let why = format!(
            "{} {}: {} ({}){more}",
            finding.layer, finding.verdict, finding.message, finding.evidence
        );
        blocked.push(block(why, finding.since, "the finding goes, or a person acknowledges it"));
    }
    if blocked.is_empty() {
        // A layer that nothing reads.
        for (layer, verdict) in recon.layers().into_iter().filter(|(_, one)| *one != Verdict::Green) {
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
#[path = "gate_testing.rs"]
pub(super) mod testing;

#[cfg(test)]
mod tests {
    use super::super::probes::testing::{ago, now};
    use super::super::probes::{finding, judged};
    use super::super::{Approval, Probe};
    use super::testing::recon_at;
    use super::*;
    use crate::cluster::ObjectRef;

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
        let authority = Authority::new(None, None);
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
        permit(&evidence, subject())
    }

    fn mark(hash: &str) -> PlanMark {
        PlanMark::new("D1".to_owned(), hash.repeat(64))
    }

    fn subject() -> MergeSubject {
        MergeSubject { mark: mark("7"), pull: PullNumber(51), head: sha('a'), base: sha('b') }
    }

    /// What is read just after a permit was made, when nothing has changed.
    fn word() -> LastWord {
        LastWord { begun: Instant::now(), head: sha('a'), base: sha('b'), against: None }
    }

    const LEASE: Duration = Duration::from_secs(25);

    #[test]
    fn everything_green_gives_a_permit_for_exactly_that() {
        let green = recon_at(ago(5), Verdict::Green);
        let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
        assert_eq!(permit.confirm(word()).expect("confirmed").consume(), Ok(subject()));
    }

    #[test]
    fn what_changed_since_the_permit_was_made_voids_it() {
        type Change = fn(&mut LastWord);
        let green = recon_at(ago(5), Verdict::Green);
        let earlier = Instant::now();
        let cases: [(&str, Change, PermitVoid); 3] = [
            ("another head", |word| word.head = sha('c'), PermitVoid::OtherHead),
            ("another base", |word| word.base = sha('c'), PermitVoid::OtherBase),
            (
                "a person",
                |word| word.against = Some("paused".to_owned()),
                PermitVoid::Against("paused".to_owned()),
            ),
        ];
        for (name, change, expected) in cases {
            let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
            let mut last = word();
            change(&mut last);
            assert_eq!(permit.confirm(last).expect_err(name), expected);
        }
        let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
        let stale = LastWord { begun: earlier, ..word() };
        assert_eq!(permit.confirm(stale).expect_err("older than the permit"), PermitVoid::Stale);
    }

    #[test]
    fn an_approval_is_for_one_plan() {
        let green = recon_at(ago(5), Verdict::Green);
        let approved = |task: &str, hash: &str| {
            let mark = PlanMark::new(task.to_owned(), hash.repeat(64));
            Authority::new(Some("a major".to_owned()), Some(Approval::new(mark, "operator".to_owned())))
        };
        for (task, hash, expected) in [("D1", "7", true), ("D2", "7", false), ("D1", "8", false)] {
            let authority = approved(task, hash);
            let got = try_with(&green, LEASE, &BTreeSet::new(), |evidence| {
                // The borrow ends with the call; the evidence is thrown away with it.
                evidence.authority = Box::leak(Box::new(authority.clone()));
            });
            assert_eq!(got.is_ok(), expected, "{task} {hash}");
        }
        let missing = Authority::new(Some("a major".to_owned()), None);
        assert_eq!(missing, Authority::Missing { asked: "a major".to_owned() });
    }

    #[test]
    fn a_permit_lives_ten_seconds() {
        let green = recon_at(ago(5), Verdict::Green);
        for (seconds, expected) in [(9, true), (11, false)] {
            let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
            let later = Instant::now() + Duration::from_secs(seconds);
            assert_eq!(permit.confirm_at(word(), later).is_ok(), expected);
            let permit = try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
            let confirmed = permit.confirm(word()).expect("confirmed at once");
            assert_eq!(confirmed.consume_at(later).is_ok(), expected);
        }
    }

    #[test]
    fn a_permit_ends_before_the_lock_would() {
        let green = recon_at(ago(5), Verdict::Green);
        for (seconds, expected) in [(4, true), (6, false)] {
            let lease = Duration::from_secs(15);
            let permit = try_with(&green, lease, &BTreeSet::new(), |_| {}).expect("a permit");
            let later = Instant::now() + Duration::from_secs(seconds);
            assert_eq!(permit.confirm_at(word(), later).is_ok(), expected);
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
    fn what_follows_is_one_line_with_its_cause_until_that_is_excused() {
        let mut recon = recon_at(ago(5), Verdict::Red);
        let cause = recon.blocking().next().expect("a finding").clone();
        let application = ObjectRef::new("Application", "argocd", "shop");
        let message = "Application argocd/shop is degraded".to_owned();
        let mut follower =
            finding(Probe::ArgoCd, "degraded", application, Verdict::Red, message, String::new());
        follower.cause = Some(cause.id.clone());
        recon.probes[2] = judged(Probe::ArgoCd, String::new(), vec![follower.clone()]);

        let blocked = try_with(&recon, LEASE, &BTreeSet::new(), |_| {}).expect_err("blocked");
        assert_eq!(blocked.len(), 1, "{blocked:?}");
        assert!(blocked[0].why.contains("web/shop"), "{blocked:?}");
        assert!(blocked[0].why.contains("1 finding more follows from it"), "{blocked:?}");

        let excused = [cause.id.clone()].into();
        let blocked = try_with(&recon, LEASE, &excused, |_| {}).expect_err("the other still blocks");
        assert_eq!(blocked.len(), 1, "{blocked:?}");
        assert!(blocked[0].why.contains("argocd/shop"), "{blocked:?}");
        try_with(&recon, LEASE, &[cause.id, follower.id].into(), |_| {}).expect("both are excused");
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
