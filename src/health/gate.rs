//! The gate: whether the next change may start, and the proof that it may.
//!
//! Races decided here: the verdict that a permit rests on is fresh, and the permit lives ten seconds of our own
//! monotonic clock, and no longer by the time of day either, since the other stands still while a machine sleeps: nothing is
//! merged on yesterday's GREEN; it ends earlier where the cluster's lock would, so that the
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

/// What any look knows of the gate. The permit asks the same again, and more.
#[derive(Debug)]
pub(crate) struct Conditions<'a> {
    /// The moment.
    pub(crate) now: Timestamp,
    /// The newest pass.
    pub(crate) recon: &'a Recon,
    /// Since when each of its findings has been seen without a break.
    pub(crate) first_seen: &'a BTreeMap<FindingId, Timestamp>,
    /// Findings that do not count against this change alone: those that an approval says it is to remove, and what
    /// caretaker itself holds.
    pub(crate) excused: &'a BTreeSet<FindingId>,
    /// Since when every layer has been GREEN without a break.
    pub(crate) green_since: Option<Timestamp>,
    /// How long that must be.
    pub(crate) settle: Duration,
    /// What holds it back besides how the cluster is: people, what is half done, the branch's head.
    pub(crate) held_by: Vec<Blocked>,
}

/// Everything that the gate looks at.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// What any look knows.
    pub(crate) conditions: Conditions<'a>,
    /// `[health]`.
    pub(crate) settings: &'a Settings,
    /// What lets it start.
    pub(crate) authority: &'a Authority,
    /// The cluster's lock.
    pub(crate) lease: &'a ClusterLease,
    /// How long the merge request may take.
    pub(crate) request_timeout: Duration,
}

/// What keeps the gate closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Obstacle {
    /// A change of the same repository that is in flight.
    Change,
    /// A change in another repository.
    Elsewhere,
    /// What a person says is going wrong.
    Incident,
    /// A merge that was not answered and may still happen.
    Unanswered,
    /// A person's stop.
    Paused,
    /// The hour.
    Window,
    /// An approval that is missing.
    Approval,
    /// The branch's head, which does not run yet.
    Rollout,
    /// A finding.
    Finding,
    /// A layer that nothing reads.
    Layer,
    /// GREEN that has not lasted.
    Settling,
    /// A pass that is too old.
    Age,
    /// The cluster's lock.
    Lock,
    /// What keeps a run from beginning: a right, an account that nobody trusts, a question to people.
    Beginning,
    /// The mode, in which nothing is changed.
    Mode,
}

/// Why a change may not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Blocked {
    /// What it is.
    pub(crate) what: Obstacle,
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
    ends: End,
}

/// When a permit ends, by both clocks: whichever says so first.
#[derive(Debug, Clone, Copy)]
struct End {
    by_ours: Instant,
    by_day: Timestamp,
}

impl End {
    /// A moment of our own clock.
    fn at(ends: Instant) -> Self {
        let left = ends.saturating_duration_since(Instant::now());
        Self { by_ours: ends, by_day: Timestamp::now() + left }
    }

    fn is_over(&self, now: Now) -> bool {
        now.ours >= self.by_ours || now.day > self.by_day
    }
}

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
struct Now {
    ours: Instant,
    day: Timestamp,
}

impl Now {
    fn read() -> Self {
        Self { ours: Instant::now(), day: Timestamp::now() }
    }
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
    ends: End,
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
        self.confirm_at(word, Now::read())
    }

    fn confirm_at(self, word: LastWord, now: Now) -> Result<ConfirmedPermit, PermitVoid> {
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
        if self.ends.is_over(now) {
            return Err(PermitVoid::Expired);
        }
        Ok(ConfirmedPermit { subject: self.subject, ends: self.ends })
    }
}

impl ConfirmedPermit {
    /// Uses it up: what may be merged, if it may still be.
    pub(crate) fn consume(self) -> Result<MergeSubject, PermitVoid> {
        self.consume_at(Now::read())
    }

    fn consume_at(self, now: Now) -> Result<MergeSubject, PermitVoid> {
        if self.ends.is_over(now) { Err(PermitVoid::Expired) } else { Ok(self.subject) }
    }
}

/// Opens the gate for one pull request, or says everything that keeps it closed.
pub(crate) fn permit(evidence: &Evidence<'_>, subject: MergeSubject) -> Result<MergePermit, Vec<Blocked>> {
    // Taken first: the permit's life includes the time that judging takes.
    let made = Instant::now();
    let ends = made + LIFE;
    // A lock that holds for no request any more gives no time at all.
    let ends = evidence.lease.latest_start(evidence.request_timeout).map_or(made, |latest| latest.min(ends));
    let ends = End::at(ends);
    let mut closed = blocked(&evidence.conditions);
    closed.extend(approval(evidence, &subject.mark));
    closed.extend(age(evidence));
    closed.extend(means(evidence));
    if closed.is_empty() { Ok(MergePermit { subject, made, ends }) } else { Err(closed) }
}

fn block(what: Obstacle, why: String, since: Option<Timestamp>, unblock: &str) -> Blocked {
    Blocked { what, why, since, unblock: unblock.to_owned() }
}

/// Everything that keeps the gate closed, as far as a look knows: what is held, how the cluster is, and whether that has
/// lasted.
pub(crate) fn blocked(conditions: &Conditions<'_>) -> Vec<Blocked> {
    let mut blocked = conditions.held_by.clone();
    let found = closed_by_seen(conditions.recon, conditions.excused, conditions.first_seen);
    let is_green = found.is_empty();
    blocked.extend(found);
    let steady = conditions.green_since.is_some_and(|since| {
        Duration::try_from(conditions.now.duration_since(since))
            .is_ok_and(|passed| passed >= conditions.settle)
    });
    // What is not GREEN has not been for long either, and that is no second reason.
    if is_green && !steady {
        let why = format!("not GREEN for {} s without a break yet", conditions.settle.as_secs_f64());
        blocked.push(block(Obstacle::Settling, why, conditions.green_since, "time"));
    }
    blocked
}

fn approval(evidence: &Evidence<'_>, mark: &PlanMark) -> Option<Blocked> {
    let (why, unblock) = match evidence.authority {
        Authority::Automatic => return None,
        Authority::Missing { asked } => ("not approved".to_owned(), asked.as_str()),
        Authority::Approved(approval) if approval.covers(mark) => return None,
        Authority::Approved(approval) => {
            let why = format!("not approved: {} approved something else", approval.by());
            (why, "an approval of exactly this change")
        }
    };
    Some(block(Obstacle::Approval, why, None, unblock))
}

fn age(evidence: &Evidence<'_>) -> Option<Blocked> {
    let Conditions { now, recon, .. } = evidence.conditions;
    let age = Duration::try_from(now.duration_since(recon.began_at));
    // A pass from the future says that the clock was set back: as good as no pass.
    let old = !age.is_ok_and(|age| age <= evidence.settings.recon_maximum_age());
    let why = || "the newest pass of the probes is too old".to_owned();
    old.then(|| block(Obstacle::Age, why(), Some(recon.began_at), "the probes run again"))
}

/// The same of a look that follows no other.
pub(crate) fn closed_by(recon: &Recon, excused: &BTreeSet<FindingId>) -> Vec<Blocked> {
    closed_by_seen(recon, excused, &BTreeMap::new())
}

/// What of a pass keeps the gate closed, but for what is excused: each cause once, with what follows from it.
fn closed_by_seen(
    recon: &Recon,
    excused: &BTreeSet<FindingId>,
    first_seen: &BTreeMap<FindingId, Timestamp>,
) -> Vec<Blocked> {
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
        // Where the object does not tell, by when it was first seen.
        let since = finding.since.or_else(|| first_seen.get(&finding.id).copied());
        let unblock = if finding.verdict == Verdict::Unknown {
            "it can be judged again; what is UNKNOWN cannot be acknowledged"
        } else {
            "the finding goes, or a person acknowledges it"
        };
        blocked.push(block(Obstacle::Finding, why, since, unblock));
    }
    if blocked.is_empty() {
        // A layer that nothing reads.
        for (layer, verdict) in recon.layers().into_iter().filter(|(_, one)| *one != Verdict::Green) {
            let why = format!("{layer} is {verdict}");
            blocked.push(block(Obstacle::Layer, why, None, "a probe that reads this layer"));
        }
    }
    blocked
}

fn means(evidence: &Evidence<'_>) -> Option<Blocked> {
    let why = || "the cluster's lock is not held for long enough".to_owned();
    let held = evidence.lease.holds_for(evidence.request_timeout);
    (!held).then(|| block(Obstacle::Lock, why(), None, "the lock is renewed"))
}

#[cfg(test)]
#[path = "gate_testing.rs"]
pub(super) mod testing;

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
