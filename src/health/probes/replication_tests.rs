use super::super::testing::{ago, now, rules};
use super::*;
use crate::cluster::Condition;
use Verdict::{Unknown, Yellow};

fn condition(status: ConditionStatus, reason: &str, since: i64) -> Condition {
    Condition {
        kind: "Synchronizing".to_owned(),
        status,
        reason: reason.to_owned(),
        message: "persistentvolumeclaims \"data\" not found".to_owned(),
        since: Some(ago(since)),
        heartbeat: None,
    }
}

/// A source that copied an hour ago and does so again in 23.
fn source() -> ReplicationSource {
    ReplicationSource {
        namespace: "db".to_owned(),
        name: "data".to_owned(),
        claim: Some("data".to_owned()),
        paused: false,
        mover: Mover::Job,
        trigger: CopyTrigger::Schedule,
        has_status: true,
        synchronizing: Some(condition(ConditionStatus::False, "WaitingForSchedule", 3_600)),
        result: Some(MoverResult::Successful),
        last_sync: Some(ago(3_600)),
        sync_started: None,
        next_sync: Some(ago(-82_800)),
        created_at: Some(ago(900_000)),
        deleted_at: None,
    }
}

/// The same while a copy runs.
fn running(since: i64) -> ReplicationSource {
    ReplicationSource {
        synchronizing: Some(condition(ConditionStatus::True, "SyncInProgress", since)),
        sync_started: Some(ago(since)),
        next_sync: Some(ago(since)),
        ..source()
    }
}

fn claim(namespace: &str, name: &str) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: "1".to_owned(),
        phase: None,
        volume: None,
        storage_class: None,
        made_for: None,
        data_source: None,
        created_at: None,
        deleted_at: None,
    }
}

const GRACE: Duration = Duration::from_mins(5);

#[test]
fn every_rule_for_a_source() {
    use ConditionStatus as Status;
    use CopyTrigger::{Endless, Manual};
    type Case = (&'static str, ReplicationSource, Vec<(&'static str, Verdict)>);
    let with = |base: ReplicationSource, change: &dyn Fn(&mut ReplicationSource)| {
        let mut source = base;
        change(&mut source);
        source
    };
    let failed = |locked| move |s: &mut ReplicationSource| s.result = Some(MoverResult::Failed { locked });
    let bare = |age: i64| {
        with(source(), &move |s: &mut ReplicationSource| {
            (s.has_status, s.synchronizing, s.result) = (false, None, None);
            (s.last_sync, s.next_sync, s.created_at) = (None, None, Some(ago(age)));
        })
    };
    let cases: Vec<Case> = vec![
        ("waits for its schedule", source(), vec![]),
        ("runs", running(600), vec![]),
        ("runs for as long as it may", running(21_600), vec![]),
        ("runs for too long", running(21_601), vec![("source-overdue", Yellow)]),
        ("Syncthing never ends", with(running(900_000), &|s| s.mover = Mover::Endless), vec![]),
        (
            "the last one failed, the next is not due",
            with(source(), &failed(false)),
            vec![("source-failed", Yellow)],
        ),
        (
            "fails again and again, as it reads SyncInProgress",
            with(running(7_200), &|s| {
                (s.result, s.last_sync, s.next_sync) =
                    (Some(MoverResult::Failed { locked: false }), None, None);
            }),
            vec![("source-failed", Yellow)],
        ),
        (
            "fails, and is overdue",
            with(running(21_601), &failed(false)),
            vec![("source-failed", Yellow), ("source-overdue", Yellow)],
        ),
        ("locked", with(running(60), &failed(true)), vec![("source-locked", Yellow)]),
        (
            "a result of a newer VolSync",
            with(source(), &|s| s.result = Some(MoverResult::Unknown("Partial".to_owned()))),
            vec![("source-result-unknown", Unknown)],
        ),
        ("an older VolSync tells no result", with(source(), &|s| s.result = None), vec![]),
        ("paused", with(source(), &|s| s.paused = true), vec![("source-paused", Yellow)]),
        (
            "paused in the middle, long ago, after a failure",
            with(with(running(900_000), &failed(false)), &|s| s.paused = true),
            vec![("source-paused", Yellow)],
        ),
        (
            "its claim is gone",
            with(source(), &|s| s.claim = Some("gone".to_owned())),
            vec![("source-claim-missing", Yellow)],
        ),
        (
            "one of that name is in another namespace",
            with(source(), &|s| s.claim = Some("elsewhere".to_owned())),
            vec![("source-claim-missing", Yellow)],
        ),
        ("its claim is not there yet", with(bare(300), &|s| s.claim = Some("gone".to_owned())), vec![]),
        (
            "paused, and its claim is gone",
            with(source(), &|s| (s.claim, s.paused) = (Some("gone".to_owned()), true)),
            vec![("source-claim-missing", Yellow), ("source-paused", Yellow)],
        ),
        ("no claim is named", with(source(), &|s| s.claim = None), vec![]),
        ("just made", bare(300), vec![]),
        ("never answered", bare(301), vec![("source-unanswered", Unknown)]),
        ("another program's", with(bare(900_000), &|s| s.mover = Mover::Foreign), vec![]),
        (
            "another program's, its claim is gone",
            with(bare(900_000), &|s| (s.mover, s.claim) = (Mover::Foreign, Some("gone".to_owned()))),
            vec![("source-claim-missing", Yellow)],
        ),
        ("an empty status", with(bare(301), &|s| s.has_status = true), vec![("source-not-begun", Unknown)]),
        ("an empty status for now", with(bare(300), &|s| s.has_status = true), vec![]),
        (
            "an error of a moment",
            with(running(900), &|s| s.synchronizing = Some(condition(Status::False, "Error", 300))),
            vec![],
        ),
        (
            "an error that stays",
            with(running(900), &|s| s.synchronizing = Some(condition(Status::False, "Error", 301))),
            vec![("source-error", Yellow)],
        ),
        (
            "an error before the first copy says why there is none",
            with(bare(900), &|s| {
                (s.has_status, s.synchronizing) = (true, Some(condition(Status::False, "Error", 800)));
            }),
            vec![("source-error", Yellow)],
        ),
        (
            "neither True nor False",
            with(source(), &|s| s.synchronizing = Some(condition(Status::Unknown, "Dreaming", 20))),
            vec![("source-state-unknown", Unknown)],
        ),
        ("just due", with(source(), &|s| s.next_sync = Some(ago(300))), vec![]),
        (
            "due, and nobody begins",
            with(source(), &|s| s.next_sync = Some(ago(301))),
            vec![("source-not-begun", Unknown)],
        ),
        (
            "a schedule that nobody has taken up",
            with(source(), &|s| s.next_sync = None),
            vec![("source-not-begun", Unknown)],
        ),
        ("asked for and done", with(source(), &|s| s.trigger = Manual { done: true }), vec![]),
        (
            "asked for and not begun",
            with(source(), &|s| s.trigger = Manual { done: false }),
            vec![("source-not-begun", Unknown)],
        ),
        ("asked for and runs", with(running(60), &|s| s.trigger = Manual { done: false }), vec![]),
        (
            "one follows the other",
            with(source(), &|s| (s.trigger, s.last_sync, s.next_sync) = (Endless, Some(ago(20)), None)),
            vec![],
        ),
        (
            "one should follow the other",
            with(source(), &|s| (s.trigger, s.next_sync) = (Endless, None)),
            vec![("source-not-begun", Unknown)],
        ),
        (
            "being deleted",
            with(running(900_000), &|s| (s.deleted_at, s.claim) = (Some(ago(5)), Some("gone".to_owned()))),
            vec![],
        ),
    ];
    let claims = [claim("db", "data"), claim("web", "elsewhere")];
    for (name, source, expected) in cases {
        let result = judge_replication(&[source], Ok(&claims), &[], now(), GRACE, &Settings::default());
        assert_eq!(rules(&result), expected, "{name}");
        let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
        assert_eq!(result.verdict, worst, "{name}");
        let good = usize::from(expected.is_empty());
        let summary = format!("{good} of 1 sources copy their claims");
        assert!(result.summary.starts_with(&summary), "{name}: {}", result.summary);
    }
}

#[test]
fn without_the_claims_nobody_knows_and_without_sources_nobody_asks() {
    let error = ClusterError::Forbidden { what: "GET /claims".to_owned(), said: "no".to_owned() };
    let settings = Settings::default();
    let result = judge_replication(&[source(), source()], Err(&error), &[], now(), GRACE, &settings);
    assert_eq!(rules(&result), [("not-read", Unknown)]);
    assert!(result.findings[0].evidence.starts_with("persistentvolumeclaims: "));
    assert_eq!(judge_replication(&[], Err(&error), &[], now(), GRACE, &settings).verdict, Verdict::Green);
}

#[test]
fn the_evidence_says_of_when_the_last_good_copy_is() {
    let mut failing = running(60);
    failing.result = Some(MoverResult::Failed { locked: true });
    let result =
        judge_replication(&[failing], Ok(&[claim("db", "data")]), &[], now(), GRACE, &Settings::default());
    let finding = &result.findings[0];
    assert_eq!(finding.id.object.to_string(), "ReplicationSource db/data");
    assert!(
        finding.evidence.ends_with("the last good copy is of 2026-11-21T11:00:00Z"),
        "{}",
        finding.evidence
    );
    assert_eq!(finding.since, Some(ago(60)));
}

#[test]
fn a_controller_that_is_seen_and_down_makes_them_unknown() {
    use super::super::reporter::tests::deployment;
    let mut down = deployment("volsync-system", "volsync");
    down.available = 0;
    let well = deployment("volsync-system", "volsync");
    // Syncthing runs on for ever, as a Deployment.
    let mut mover = deployment("db", "volsync-src-data");
    mover.available = 0;
    mover.images = vec!["quay.io/backube/volsync:0.13.0".to_owned()];
    let mut other = mover.clone();
    mover.arguments = vec!["/mover-syncthing/entry.sh".to_owned(), "run".to_owned()];
    other.arguments = vec!["--leader-elect".to_owned()];
    for (name, workloads, sources, expected) in [
        ("down", vec![down.clone()], vec![source()], Some("controller-down")),
        ("it lives", vec![well], vec![source()], None),
        ("it is nowhere", vec![], vec![source()], None),
        ("nothing is said", vec![down], vec![], None),
        ("a mover that is down, of the same image", vec![mover], vec![source()], None),
        ("the controller under another name", vec![other], vec![source()], Some("controller-down")),
    ] {
        let claims = [claim("db", "data")];
        let result = judge_replication(&sources, Ok(&claims), &workloads, now(), GRACE, &Settings::default());
        let rules: Vec<&str> = result.findings.iter().map(|found| found.id.rule.as_str()).collect();
        assert_eq!(rules.contains(&"controller-down"), expected.is_some(), "{name}: {rules:?}");
    }
}
