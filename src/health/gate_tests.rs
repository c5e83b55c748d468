//! What opens the gate, and what keeps it closed.

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
    let nothing_seen = BTreeMap::new();
    let conditions = Conditions {
        now: now(),
        recon,
        first_seen: &nothing_seen,
        excused,
        green_since: Some(ago(60)),
        settle: Duration::from_mins(1),
        held_by: Vec::new(),
    };
    let mut evidence = Evidence {
        conditions,
        settings: &settings,
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

fn held(what: Obstacle, why: &str) -> Blocked {
    block(what, why.to_owned(), Some(ago(90)), "a word")
}

#[test]
fn each_says_since_when_and_what_would_open_it() {
    let said = |verdict, since: Option<Timestamp>| {
        let mut recon = recon_at(ago(5), verdict);
        recon.probes.iter_mut().flat_map(|probe| &mut probe.findings).for_each(|one| one.since = since);
        let seen = recon.blocking().map(|finding| (finding.id.clone(), ago(40))).collect();
        let conditions = Conditions {
            now: now(),
            recon: &recon,
            first_seen: &seen,
            excused: &BTreeSet::new(),
            green_since: Some(ago(20)),
            settle: Duration::from_mins(1),
            held_by: vec![held(Obstacle::Incident, "fire")],
        };
        blocked(&conditions)
    };
    let of = |blocked: &[Blocked]| -> Vec<(Obstacle, Option<Timestamp>)> {
        blocked.iter().map(|one| (one.what, one.since)).collect()
    };
    let incident = (Obstacle::Incident, Some(ago(90)));
    assert_eq!(of(&said(Verdict::Green, None)), [incident, (Obstacle::Settling, Some(ago(20)))]);
    let told = said(Verdict::Red, Some(ago(500)));
    assert_eq!(of(&told), [incident, (Obstacle::Finding, Some(ago(500)))], "the object's own word");
    let seen = said(Verdict::Unknown, None);
    assert_eq!(of(&seen), [incident, (Obstacle::Finding, Some(ago(40)))], "when it was first seen");
    assert!(told[1].unblock.contains("acknowledges it"), "{told:?}");
    assert!(seen[1].unblock.contains("cannot be acknowledged"), "{seen:?}");
    let written = serde_json::to_value(&told[1]).expect("data");
    assert_eq!(written["what"], "finding");
}

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
        let passed = Duration::from_secs(seconds);
        let (now, read) = (Now::read(), |permit: MergePermit, at| permit.confirm_at(word(), at).is_ok());
        let later = Now { ours: now.ours + passed, ..now };
        // The machine slept: our own clock stood still.
        let slept = Now { day: now.day + passed, ..now };
        assert_eq!(read(permit, later), expected);
        let again = || try_with(&green, LEASE, &BTreeSet::new(), |_| {}).expect("a permit");
        assert_eq!(read(again(), slept), expected);
        for then in [later, slept] {
            let confirmed = again().confirm(word()).expect("confirmed at once");
            assert_eq!(confirmed.consume_at(then).is_ok(), expected);
        }
    }
}

#[test]
fn a_permit_ends_before_the_lock_would() {
    let green = recon_at(ago(5), Verdict::Green);
    for (seconds, expected) in [(4, true), (6, false)] {
        let lease = Duration::from_secs(15);
        let permit = try_with(&green, lease, &BTreeSet::new(), |_| {}).expect("a permit");
        let now = Now::read();
        let later = Now { ours: now.ours + Duration::from_secs(seconds), ..now };
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
        ("a person", |e| e.conditions.held_by.push(held(Obstacle::Paused, "a person")), "a person"),
        ("incident", |e| e.conditions.held_by.push(held(Obstacle::Incident, "fire")), "fire"),
        ("approval", |e| e.authority = &MISSING, "not approved"),
        ("never green", |e| e.conditions.green_since = None, "without a break"),
        ("not settled", |e| e.conditions.green_since = Some(ago(59)), "without a break"),
        ("lock", |e| e.request_timeout = Duration::from_secs(26), "lock"),
        ("old pass", |e| e.conditions.now = ago(-26), "too old"),
        (
            "clock set back",
            |e| (e.conditions.now, e.conditions.green_since) = (ago(6), Some(ago(90))),
            "too old",
        ),
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
    let mut follower = finding(Probe::ArgoCd, "degraded", application, Verdict::Red, message, String::new());
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
