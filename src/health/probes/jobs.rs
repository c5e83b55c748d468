//! Jobs and `CronJobs`: whether what runs once, or by the clock, did its work.
//!
//! A Job of a `CronJob` counts through that: its newest run that ended decides, and a failure that a later success followed is
//! nothing. Any other Job that failed stays so until somebody takes it away, unless whoever made it succeeded with a later
//! one for the same work. Whether a run is due by its schedule is not worked out here, and neither is whether one takes longer than it should
//! where no deadline says so.
//!
//! | Rule | On | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|---|
//! | `failed` | Job | RED; listed where a later Job of the same owner, and of the same name but for what a generator hangs on it, succeeded | `Failed` or `FailureTarget` is True (`BackoffLimitExceeded`, `DeadlineExceeded`, `PodFailurePolicy`, any other), and no CronJob made it | no | |
//! | `run-failed` | CronJob | YELLOW; RED where none ever succeeded, or where three or more runs that are still there failed since | its newest run that ended failed, and none succeeded afterwards (by its Jobs, or by `status.lastSuccessfulTime`, which outlives them) | no | |
//! | `run-lost` | CronJob | YELLOW | a run was begun (`status.lastScheduleTime`), none succeeded since, and no Job is left of it | for the grace time | |
//! | `suspended` | Job, CronJob | listed | `spec.suspend`: a person, or whoever queues Jobs, wants it so; nothing else is judged of a CronJob then | | |
//! | `deadline-passed` | Job, or its CronJob | YELLOW, then RED | it runs for longer than `activeDeadlineSeconds`, and nobody ends it | grace since it should have ended, as YELLOW | |
//! | `not-begun` | Job, or its CronJob | YELLOW, then UNKNOWN | no `status.startTime` | grace since it was made, as YELLOW | yes |
//! | `state-unknown` | Job, or its CronJob | UNKNOWN | `Failed` or `Complete` is neither True nor False | no | |
//! | `terminating` | Job, or its CronJob | YELLOW | being deleted | for the grace time | |

use super::{age, condition, finding, is_recent, judged, said, unused};
use crate::cluster::{Batch, Condition, ConditionStatus, CronJob, Job, ObjectRef};
use crate::health::{Finding, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many runs in a row are more than bad luck.
const SEVERAL: usize = 3;
/// The time of a schedule is that of the controllers' clock, a Job's age that of the API server: they may differ by so much.
const CLOCKS: Duration = Duration::from_mins(1);

/// How a Job stands.
enum State<'a> {
    /// It is being deleted, since then.
    Leaving(Timestamp),
    Failed(&'a Condition),
    /// It ended well, and not before then.
    Complete(Option<Timestamp>),
    /// It has said neither that it failed nor that it did not.
    Unclear(&'a Condition),
    Suspended,
    Open,
}

/// Judges all Jobs and `CronJobs`.
pub(in crate::health) fn judge_jobs(batch: &Batch, now: Timestamp, grace: Duration) -> ProbeResult {
    if batch.jobs.is_empty() && batch.cron_jobs.is_empty() {
        return unused(Probe::Jobs, "no Job");
    }
    let mut series: BTreeMap<&ObjectRef, Series<'_>> = BTreeMap::new();
    for cron_job in &batch.cron_jobs {
        series.entry(&cron_job.object).or_default().cron_job = Some(cron_job);
    }
    let (mut single, mut succeeded) = (Vec::new(), BTreeMap::new());
    for job in &batch.jobs {
        match &job.owner {
            // Its CronJob may have been made after those were listed.
            Some(owner) if owner.kind == "CronJob" => series.entry(owner).or_default().jobs.push(job),
            owner => {
                single.push(job);
                if let (Some(owner), State::Complete(at)) = (owner, state(job)) {
                    let newest: &mut Option<Timestamp> = succeeded.entry((owner, work(job))).or_default();
                    *newest = (*newest).max(at);
                }
            }
        }
    }
    let mut findings = Vec::new();
    for job in &single {
        let later =
            job.owner.as_ref().and_then(|owner| succeeded.get(&(owner, work(job)))).copied().flatten();
        findings.extend(judge_job(job, later, now, grace));
    }
    for (object, series) in &series {
        findings.extend(series.judge(object, now, grace));
    }
    // Several Jobs of a CronJob may be in the same trouble.
    findings.sort_by(|one, other| (&one.id, Reverse(one.verdict)).cmp(&(&other.id, Reverse(other.verdict))));
    findings.dedup_by(|one, kept| {
        let same = one.id == kept.id;
        if same {
            kept.made_at = kept.made_at.max(one.made_at);
        }
        same
    });
    let all = single.len() + series.len();
    let unwell: BTreeSet<&ObjectRef> =
        findings.iter().filter(|one| !one.informational).map(|one| &one.id.object).collect();
    let well = all - unwell.len();
    judged(Probe::Jobs, format!("{well} of {all} Jobs and CronJobs well"), findings)
}

/// What a Job is for, among those of its owner: the node that it upgrades, or else its name without what a generator hangs on
/// it. The next Job of the same owner may work on another disk, or for another instance.
fn work(job: &Job) -> &str {
    /// The letters of the API server's generator: no vowels, so that it makes no words.
    const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";
    if let Some(upgrade) = &job.upgrades {
        return &upgrade.node;
    }
    let name = job.object.name.as_str();
    match name.rsplit_once('-') {
        Some((work, tail))
            if tail.len() == 5 && tail.chars().all(|letter| GENERATED.contains(letter))
                || tail.len() >= 8 && tail.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            work
        }
        _ => name,
    }
}

/// Whether a Job has not ended and is meant to run.
pub(super) fn is_running(job: &Job) -> bool {
    matches!(state(job), State::Open)
}

fn state(job: &Job) -> State<'_> {
    let of = |kind: &str, status| condition(&job.conditions, kind).filter(|one| one.status == status);
    if let Some(asked) = job.deleted_at {
        return State::Leaving(asked);
    }
    // What is to fail, or to be complete, stays so: only its pods have to end.
    let (yes, unknown) = (ConditionStatus::True, ConditionStatus::Unknown);
    if let Some(failed) = of("Failed", yes).or_else(|| of("FailureTarget", yes)) {
        return State::Failed(failed);
    }
    if let Some(complete) = of("Complete", yes).or_else(|| of("SuccessCriteriaMet", yes)) {
        return State::Complete(job.completed_at.or(complete.since).or(job.created_at));
    }
    match of("Failed", unknown).or_else(|| of("Complete", unknown)) {
        Some(unclear) => State::Unclear(unclear),
        None if job.suspended => State::Suspended,
        None => State::Open,
    }
}

/// Whether something succeeded after a failure. One that does not say when it was is never made good.
fn made_good(failed: &Condition, succeeded: Option<Timestamp>) -> bool {
    failed.since.zip(succeeded).is_some_and(|(failed, succeeded)| succeeded > failed)
}

/// Judges a Job that no `CronJob` made. `later` is when its owner succeeded last with any.
fn judge_job(job: &Job, later: Option<Timestamp>, now: Timestamp, grace: Duration) -> Option<Finding> {
    match state(job) {
        State::Failed(failed) => {
            let message = format!("{} failed", job.object);
            let found =
                finding(Probe::Jobs, "failed", job.object.clone(), Verdict::Red, message, said(failed))
                    .since(failed.since)
                    .of_run(job.created_at);
            if !made_good(failed, later) {
                return Some(found);
            }
            let evidence = format!("{}; a later one of its owner succeeded", found.evidence);
            Some(Finding { evidence, ..found }.listed_only())
        }
        State::Suspended => {
            let since = condition(&job.conditions, "Suspended").and_then(|one| one.since);
            Some(suspended(&job.object).since(since))
        }
        State::Leaving(_) | State::Complete(_) | State::Unclear(_) | State::Open => {
            unfinished(job, &job.object, now, grace)
        }
    }
}

fn suspended(object: &ObjectRef) -> Finding {
    let message = format!("{object} is suspended");
    let evidence = "spec.suspend = true".to_owned();
    finding(Probe::Jobs, "suspended", object.clone(), Verdict::Yellow, message, evidence).listed_only()
}

/// What is wrong with a Job that has not ended, said on `object`.
fn unfinished(job: &Job, object: &ObjectRef, now: Timestamp, grace: Duration) -> Option<Finding> {
    let found = |rule, verdict, what: &str, evidence: String, since: Option<Timestamp>| {
        let message = format!("{} {what}", job.object);
        Some(finding(Probe::Jobs, rule, object.clone(), verdict, message, evidence).since(since))
    };
    let later = |since, verdict| if is_recent(since, now, grace) { Verdict::Yellow } else { verdict };
    match state(job) {
        State::Leaving(asked) if age(now, asked) > grace => {
            let evidence = format!("metadata.deletionTimestamp = {asked}");
            found("terminating", Verdict::Yellow, "is being deleted for too long", evidence, Some(asked))
        }
        State::Unclear(unclear) => {
            let what = "does not say whether it ended";
            found("state-unknown", Verdict::Unknown, what, said(unclear), unclear.since)
        }
        State::Open => match (job.started_at, job.deadline) {
            (None, _) => {
                let verdict = later(job.created_at, Verdict::Unknown);
                let evidence = "no status.startTime".to_owned();
                found("not-begun", verdict, "was not begun", evidence, job.created_at)
            }
            (Some(started), Some(deadline)) if age(now, started) > deadline => {
                let due = started.checked_add(deadline).ok();
                let evidence = format!(
                    "status.startTime = {started}, spec.activeDeadlineSeconds = {}",
                    deadline.as_secs()
                );
                let what = "runs for longer than its deadline, and nobody ends it";
                found("deadline-passed", later(due, Verdict::Red), what, evidence, due)
                    .map(|found| found.of_run(job.created_at))
            }
            (Some(_), _) => None,
        },
        State::Leaving(_) | State::Failed(_) | State::Complete(_) | State::Suspended => None,
    }
}

/// A `CronJob`, where it was listed, and those of its Jobs that are left.
#[derive(Default)]
struct Series<'a> {
    cron_job: Option<&'a CronJob>,
    jobs: Vec<&'a Job>,
}

impl Series<'_> {
    fn judge(&self, object: &ObjectRef, now: Timestamp, grace: Duration) -> Vec<Finding> {
        if self.cron_job.is_some_and(|cron_job| cron_job.suspended) {
            return vec![suspended(object)];
        }
        let completed = self.jobs.iter().filter_map(|job| match state(job) {
            State::Complete(at) => at,
            _ => None,
        });
        let succeeded = completed.max().max(self.cron_job.and_then(|cron_job| cron_job.succeeded_at));
        let mut findings: Vec<Finding> =
            self.jobs.iter().filter_map(|job| unfinished(job, object, now, grace)).collect();
        let held = self.jobs.iter().filter(|job| matches!(state(job), State::Suspended));
        findings.extend(
            held.map(|job| Finding { message: format!("{} is suspended", job.object), ..suspended(object) }),
        );
        findings.extend(
            self.run_failed(object, succeeded).or_else(|| self.run_lost(object, succeeded, now, grace)),
        );
        findings
    }

    /// The newest run that ended failed, and none succeeded afterwards.
    fn run_failed(&self, object: &ObjectRef, succeeded: Option<Timestamp>) -> Option<Finding> {
        let failed: Vec<(&Job, &Condition)> = self
            .jobs
            .iter()
            .filter_map(|job| match state(job) {
                State::Failed(failed) if !made_good(failed, succeeded) => Some((*job, failed)),
                _ => None,
            })
            .collect();
        // One that does not say when it was may be the newest.
        let (job, newest) = failed.iter().max_by_key(|(_, failed)| (failed.since.is_none(), failed.since))?;
        let verdict =
            if succeeded.is_none() || failed.len() >= SEVERAL { Verdict::Red } else { Verdict::Yellow };
        let message = match failed.len() {
            1 => format!("the newest run of {object} failed"),
            runs => format!("the {runs} newest runs of {object} failed"),
        };
        let before = match succeeded {
            Some(succeeded) => format!("the last success was at {succeeded}"),
            None => "no success is known".to_owned(),
        };
        let evidence = format!("{}: {}; {before}", job.object, said(newest));
        // The last to fail is not always the last that was made.
        let made_at = failed.iter().map(|(job, _)| job.created_at).max().flatten();
        Some(
            finding(Probe::Jobs, "run-failed", object.clone(), verdict, message, evidence)
                .since(newest.since)
                .of_run(made_at),
        )
    }

    /// A run was begun that did not succeed, and that nothing is left of.
    fn run_lost(
        &self,
        object: &ObjectRef,
        succeeded: Option<Timestamp>,
        now: Timestamp,
        grace: Duration,
    ) -> Option<Finding> {
        let cron_job = self.cron_job?;
        let scheduled = cron_job.scheduled_at?;
        let since_then = |made: Timestamp| age(scheduled, made) <= CLOCKS;
        let is_left = || self.jobs.iter().any(|job| job.created_at.is_some_and(since_then));
        let succeeded_since = succeeded.is_some_and(|succeeded| succeeded >= scheduled);
        if cron_job.active > 0 || succeeded_since || is_left() || age(now, scheduled) <= grace {
            return None;
        }
        let message = format!("the newest run of {object} did not succeed, and nothing is left of it");
        let succeeded = succeeded.map_or_else(|| "none".to_owned(), |succeeded| succeeded.to_string());
        let evidence =
            format!("status.lastScheduleTime = {scheduled}, the last success: {succeeded}, no Job since");
        let found = finding(Probe::Jobs, "run-lost", object.clone(), Verdict::Yellow, message, evidence);
        Some(found.since(Some(scheduled)))
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
