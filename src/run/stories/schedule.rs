//! What is looked for at moments that come again.

use super::words::{TELEPHONE, tasks};
use super::{Story, first_commit};
use crate::run::settings::Discovery;
use crate::run::situation::Mode;
use crate::run::worker::Parts;
use crate::run::{Schedule, Scheduler};
use crate::store::{Store, UsageSample};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sim::gitea::{self, IssueState, Rule};
use sim::kubernetes::{Fault, Matcher, PV, PVC};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

fn ago(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * days)
}

impl Story {
    /// Lets the schedule do what is due, until something is true of what the store says; then stops it.
    async fn scheduled(&self, schedule: &Schedule, store: impl AsyncFn(&Store) -> bool) {
        self.while_scheduled(schedule, async |known| {
            let deadline = std::time::Instant::now() + super::DEADLINE;
            while !store(known).await {
                assert!(std::time::Instant::now() < deadline, "nothing was done");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// Lets the schedule do what is due as long as something else takes.
    async fn while_scheduled(&self, schedule: &Schedule, meanwhile: impl AsyncFnOnce(&Store)) {
        self.while_scheduled_with(self.parts().await, schedule, meanwhile).await;
    }

    /// The same with other parts.
    async fn while_scheduled_with(
        &self,
        parts: Parts,
        schedule: &Schedule,
        meanwhile: impl AsyncFnOnce(&Store),
    ) {
        let parts = Arc::new(parts);
        let stop = CancellationToken::new();
        let name = self.repository.name.clone();
        let scheduler = Scheduler::new(Arc::clone(&parts), schedule.clone(), name);
        let scheduler = scheduler.trying_again_after(std::time::Duration::from_millis(50));
        let running = tokio::spawn(scheduler.run(stop.clone()));
        meanwhile(&parts.store).await;
        stop.cancel();
        running.await.unwrap();
        parts.store.close().await;
    }

    /// Waits until these were done lately.
    async fn were_done(&self, store: &Store, what: &[&str]) {
        let deadline = std::time::Instant::now() + super::DEADLINE;
        for one in what {
            while !is_new(store.last_done(one).await.unwrap()) {
                assert!(std::time::Instant::now() < deadline, "{one} was not done");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }

    /// A look at everything by the schedule, while nobody else has the store.
    pub(super) async fn daily_look(&self) {
        let schedule = Schedule { recon: Some("00:00".parse().unwrap()), ..Schedule::default() };
        self.remembers(async |store| store.note_done("recon", ago(3)).await.unwrap()).await;
        self.scheduled(&schedule, async |store| is_new(store.last_done("recon").await.unwrap())).await;
    }

    /// How often the schedule has begun to do something.
    fn tries(&self) -> usize {
        let asks = |path: &str| path.starts_with(&format!("{}/labels", super::REPOSITORY));
        self.world.gitea().requests().iter().filter(|one| one.method == "GET" && asks(&one.path)).count()
    }

    async fn remembers(&self, what: impl AsyncFn(&Store)) {
        let parts = self.parts().await;
        what(&parts.store).await;
        parts.store.close().await;
    }

    fn issues(&self) -> usize {
        self.world.repository().issues(Some(IssueState::Open)).len()
    }
}

fn is_new(at: Option<Timestamp>) -> bool {
    at.is_some_and(|at| at > ago(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_due_meanwhile_is_done_once_and_the_first_start_owes_nothing() {
    let story = Story::begin().await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    let schedule = Schedule { recon: Some("00:00".parse().unwrap()), ..Schedule::default() };
    story.scheduled(&schedule, async |store| store.last_done("recon").await.unwrap().is_some()).await;
    assert_eq!(story.issues(), 0, "nothing was due since it was first started");

    // Down for three days.
    story.remembers(async |store| store.note_done("recon", ago(3)).await.unwrap()).await;
    story.scheduled(&schedule, async |store| is_new(store.last_done("recon").await.unwrap())).await;
    assert_eq!(story.issues(), 1);
    let body = story.issue_now(1).body;
    assert!(body.contains("OSD_DOWN") && body.contains("- [ ] **F-"), "{body}");

    // Killed after the issue was written, and before that was noted.
    story.remembers(async |store| store.note_done("recon", ago(3)).await.unwrap()).await;
    story.scheduled(&schedule, async |store| is_new(store.last_done("recon").await.unwrap())).await;
    assert_eq!((story.issues(), story.issue_now(1).body), (1, body), "it has it all");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_caretaker_only_observes_the_schedule_writes_nothing() {
    let mut story = Story::begin().await;
    story.repository.mode = Mode::Observe;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.daily_look().await;
    assert_eq!(story.issues(), 0);
    let number = story.issue(&tasks([TELEPHONE])).await;
    let body = story.issue_now(number).body;
    story.daily_look().await;
    assert_eq!(story.issue_now(number).body, body);
    story.repository.mode = Mode::Approve;
    story.daily_look().await;
    assert!(story.issue_now(number).body.contains("OSD_DOWN"), "{}", story.issue_now(number).body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_only_discovery_knows_is_written_to_as_its_settings_have_it() {
    let mut story = Story::begin().await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.discovery = Discovery { enabled: true, mode: Mode::Approve, ..Discovery::default() };
    let schedule = Schedule { recon: Some("00:00".parse().unwrap()), ..Schedule::default() };
    story.remembers(async |store| store.note_done("recon", ago(3)).await.unwrap()).await;
    let parts = Parts { repositories: Vec::new(), ..story.parts().await };
    story
        .while_scheduled_with(parts, &schedule, async |store| story.were_done(store, &["recon"]).await)
        .await;
    assert_eq!(story.issues(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_file_of_the_repository_uses_up_no_patience_for_the_cluster() {
    let mut story = Story::begin().await;
    story.repository.allow_repository_file = true;
    let file = Rule::new("GET", "/contents/.caretaker.toml", gitea::Fault::Status(403)).unwrap();
    let file = story.world.gitea().faults().add(file.times(2));
    story.world.kubernetes().faults().add(Matcher::resource("jobs"), Fault::Forbid);
    let schedule = Schedule { checks: Some("00:00".parse().unwrap()), ..Schedule::default() };
    story.remembers(async |store| store.note_done("checks", ago(3)).await.unwrap()).await;
    story.scheduled(&schedule, async |store| is_new(store.last_done("checks").await.unwrap())).await;
    assert_eq!(story.world.gitea().faults().struck(file), 2);
    // The issue is opened with a look at the labels of its own.
    assert_eq!(story.tries(), 5 + 1, "two at the file, and then three at the cluster");
    assert_eq!(story.issues(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_audit_found_stays_a_persons_until_it_is_gone_or_ticked() {
    let mut story = Story::begin().await;
    let secret = "apiVersion: v1\nkind: Secret\nstringData:\n  password: hunter2\n";
    story.world.repository().commit("main", first_commit("notes/secret.yaml", secret)).unwrap();
    let kubernetes = story.world.kubernetes().clone();
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "spare"},
        "spec": {"capacity": {"storage": "1Gi"}, "claimRef": {"namespace": "echo", "name": "spare"}},
        "status": {"phase": "Bound"}}));
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "echo", "name": "spare"}, "spec": {"volumeName": "spare"},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}));
    let schedule = Schedule {
        audit: Some("00:00".parse().unwrap()),
        trends: Some("00:00".parse().unwrap()),
        ..Schedule::default()
    };
    story
        .remembers(async |store| {
            // Two weeks of one percent a day.
            for day in 0..15_u32 {
                let used = 600 + 10 * u64::from(day);
                let sample = UsageSample { at: ago(14 - i64::from(day)), used, total: 1_000 };
                let seen = BTreeMap::from([("Node metal9".to_owned(), sample)]);
                store.keep_usage(&seen).await.unwrap();
            }
            for what in ["audit", "trends"] {
                store.note_done(what, ago(3)).await.unwrap();
            }
        })
        .await;
    let both = async |store: &Store| {
        is_new(store.last_done("audit").await.unwrap()) && is_new(store.last_done("trends").await.unwrap())
    };
    story.scheduled(&schedule, both).await;
    let body = story.issue_now(1).body;
    assert!(body.contains("P3 Apps") && body.contains("`fills-up` on `Node metal9`"), "{body}");
    assert!(body.contains("`not-backed-up`"), "what would be lost for good comes first: {body}");

    story.start().await;
    story.person_called(1).await;
    // An hour of these stories: no other audit is due before.
    let audits = || {
        let asked = story.world.kubernetes().requests().into_iter();
        asked.filter(|one| one.path.contains("/horizontalpodautoscalers")).count()
    };
    let (before, since) = (audits(), std::time::Instant::now());
    assert!(before > 0);
    story.looks(6).await;
    let hours = since.elapsed().as_millis() / super::timing().audit().as_millis();
    let more = audits() - before;
    assert!(more as u128 <= 1 + hours, "{more} audits");
    let open = |body: &str| body.matches("- [ ] **F-").count();
    let asked = open(&story.issue_now(1).body);
    assert_eq!(asked, open(&body), "no look that reads no audit ends one: {}", story.issue_now(1).body);
    let state = story.state().await;
    let rules: Vec<&str> = state.findings.values().map(|known| known.id.rule.as_str()).collect();
    assert!(rules.contains(&"fills-up") && rules.contains(&"plain-secret"), "{rules:?}");
    assert_eq!(rules.len(), asked, "{rules:?}");
    assert!(!story.issue_now(1).body.contains("hunter2"));
    // What a person mends ends by the second audit that does not find it, in the same hour.
    let (before, ended) = (audits(), |body: &str| body.matches("- [x] **F-").count());
    assert!(story.issue_now(1).body.contains("`PersistentVolumeClaim echo/spare`"));
    kubernetes.delete(&PVC, Some("echo"), "spare");
    kubernetes.delete(&PV, None, "spare");
    story.wait("its task ended", || ended(&story.issue_now(1).body) == 1).await;
    assert!(audits() - before >= 2, "{} audits", audits() - before);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_a_server_that_is_away_is_none_and_is_made_when_it_is_back() {
    let story = Story::begin().await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    let due = || Some("00:00".parse().unwrap());
    let schedule =
        Schedule { recon: due(), checks: due(), trends: due(), audit: due(), ..Schedule::default() };
    let all = ["recon", "checks", "trends", "audit"];
    story
        .remembers(async |store| {
            for what in all {
                store.note_done(what, ago(3)).await.unwrap();
            }
        })
        .await;
    story.world.cluster_down(true);
    story
        .while_scheduled(&schedule, async |store| {
            // Each of them, more often than what stays unread would be waited for.
            story.wait("all of it was tried", || story.tries() >= 5 * all.len()).await;
            assert_eq!(story.issues(), 0, "nothing was seen, and nothing is written");
            for what in all {
                assert!(!is_new(store.last_done(what).await.unwrap()), "{what} counts as done");
            }
            story.world.cluster_down(false);
            story.were_done(store, &all).await;
        })
        .await;
    assert_eq!(story.issues(), 1);
    let body = story.issue_now(1).body;
    assert!(body.contains("OSD_DOWN") && body.contains("`restore-not-tested`"), "{body}");
    assert!(!body.contains("could not be run"), "{body}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_jobs_are_looked_for_and_what_stays_unread_is_told_after_a_few_tries() {
    let story = Story::begin().await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.world.kubernetes().apply(json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"namespace": "echo", "name": "nightly", "creationTimestamp": ago(1)},
        "spec": {},
        "status": {"startTime": ago(1), "failed": 1, "conditions": [{"type": "Failed", "status": "True",
            "reason": "BackoffLimitExceeded", "lastTransitionTime": ago(1)}]}}));
    let schedule = Schedule { checks: Some("00:00".parse().unwrap()), ..Schedule::default() };
    let due = async || story.remembers(async |store| store.note_done("checks", ago(3)).await.unwrap()).await;

    // A right that nobody gave.
    let fault = story.world.kubernetes().faults().add(Matcher::resource("jobs"), Fault::Forbid);
    due().await;
    story
        .while_scheduled(&schedule, async |store| {
            story.wait("it was tried", || story.tries() >= 1).await;
            assert_eq!(story.issues(), 0, "it may pass");
            story.were_done(store, &["checks"]).await;
        })
        .await;
    let body = story.issue_now(1).body;
    assert!(story.tries() >= 3 && body.contains("the probe jobs could not be run"), "{body}");
    assert!(!body.contains("nightly") && !body.contains("OSD_DOWN"), "{body}");

    story.world.kubernetes().faults().remove(fault);
    due().await;
    story.scheduled(&schedule, async |store| is_new(store.last_done("checks").await.unwrap())).await;
    let body = story.issue_now(1).body;
    assert!(body.contains("`failed` on `Job echo/nightly`"), "{body}");
    assert!(!body.contains("OSD_DOWN"), "it is not what was looked for: {body}");
    story.end().await;
}
