//! Events that the forge never delivered, told by what the looks see.
//!
//! A look that finds something changed although no delivery arrived since the look before has a suspicion; deliveries come
//! in any order and a little late, so it counts only when none has arrived for as long as one may take. What is seen is
//! the open maintenance issues with their times, labels and texts, and the heads of the pull requests that tasks name. A
//! change of ours is delivered like anybody's, so it needs no exception. An issue's time also moves when another
//! repository refers to it, which no hook tells: now and then that counts as well, and costs a number.
//!
//! What the last look saw is kept in the store, so that the first look of the next process has something to compare with.
//! What changed in between counts apart: nobody was there to whom it could have been delivered, and no hook is wrong. Race
//! decided here: that first look is judged by what had arrived when it began, since what it does itself is delivered while
//! it goes on. And while something is suspected the store keeps what it has from before: a process that ends meanwhile takes
//! its suspicion with it, and the next one sees the same change again.

use crate::forge::{CommitSha, Issue, IssueNumber, PullNumber};
use crate::run::worker::text_hash;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How old what the store keeps may become while nothing changes: each time it is written costs a write to the disk.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(60);

/// What is compared of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct IssueGlimpse {
    updated_at: Timestamp,
    labels: Vec<u64>,
    body: String,
}

/// A change that no delivery has told of so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suspicion {
    /// When the look before it began: a delivery since then may be its.
    since: Timestamp,
    /// When it was seen.
    seen_at: Timestamp,
}

/// What a delivery, or its absence, makes of a suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing is suspected, or there is time yet.
    Nothing,
    /// An event was missed.
    Missed,
    /// Something changed between the last look of an earlier process and the first one of this.
    MissedWhileDown,
}

/// What a look saw, as the store keeps it for the next process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// When that look began.
    at: Timestamp,
    issues: BTreeMap<IssueNumber, IssueGlimpse>,
    heads: BTreeMap<PullNumber, CommitSha>,
}

/// What there is to compare with at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// What the store keeps is not read yet.
    Unread,
    /// Something is known of an earlier process.
    Resumed {
        /// When its last look began.
        since: Timestamp,
        /// Whether anything was delivered since then.
        delivered: bool,
    },
    /// Nothing, or it was compared with.
    Over,
}

/// What the looks at one repository have seen.
#[derive(Debug)]
pub(super) struct Watch {
    /// When the last look began that read the issues.
    last: Option<Timestamp>,
    /// When this look began.
    begun: Option<Timestamp>,
    /// Whether it has read the issues, and the heads.
    read: (bool, bool),
    issues: Option<BTreeMap<IssueNumber, IssueGlimpse>>,
    heads: BTreeMap<PullNumber, CommitSha>,
    suspicion: Option<Suspicion>,
    beginning: Beginning,
    /// Whether something changed before this process looked first.
    while_down: bool,
    /// What the store has.
    kept: Option<Seen>,
}

impl Watch {
    /// One that begins with what the store keeps of an earlier process.
    pub(super) fn resuming() -> Self {
        Self { beginning: Beginning::Unread, ..Self::fresh() }
    }

    /// One that knows of nothing before its first look.
    pub(super) fn fresh() -> Self {
        Self {
            last: None,
            begun: None,
            read: (false, false),
            issues: None,
            heads: BTreeMap::new(),
            suspicion: None,
            beginning: Beginning::Over,
            while_down: false,
            kept: None,
        }
    }

    /// A look began.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let (issues, heads) = std::mem::take(&mut self.read);
        if issues {
            self.last = self.begun;
            self.beginning = Beginning::Over;
        }
        // What was not seen in the last look says nothing about what happened since.
        if !heads && self.beginning == Beginning::Over {
            self.heads.clear();
        }
        self.begun = Some(now);
    }

    /// Whether what the store keeps is not read yet.
    pub(super) fn is_unread(&self) -> bool {
        self.beginning == Beginning::Unread
    }

    /// Whether the look that began is compared with an earlier process, so that it is worth asking when the last delivery
    /// came.
    pub(super) fn is_first(&self) -> bool {
        matches!(self.beginning, Beginning::Resumed { .. })
    }

    /// What the store keeps, if anything.
    pub(super) fn resume(&mut self, seen: Option<Seen>) {
        self.beginning = Beginning::Over;
        if let Some(seen) = seen {
            self.issues = Some(seen.issues.clone());
            self.heads.clone_from(&seen.heads);
            self.beginning = Beginning::Resumed { since: seen.at, delivered: false };
            self.kept = Some(seen);
        }
    }

    /// When the last delivery had come as the look began.
    pub(super) fn had_come(&mut self, last_delivery: Option<Timestamp>) {
        if let Beginning::Resumed { since, delivered } = &mut self.beginning {
            *delivered = last_delivery.is_some_and(|at| at >= *since);
        }
    }

    /// What the store shall keep of the last look; `None` where it has that, or nearly, unless there is no look any more, and
    /// where what was seen is not judged yet.
    pub(super) fn keep(&mut self, last: bool) -> Option<&Seen> {
        if self.suspects() {
            return None;
        }
        let (true, Some(at), Some(issues)) = (self.read.0, self.begun, &self.issues) else { return None };
        let most = if last { SignedDuration::ZERO } else { KEPT_FOR };
        let has_it = self.kept.as_ref().is_some_and(|kept| {
            kept.issues == *issues && kept.heads == self.heads && at.duration_since(kept.at) <= most
        });
        if has_it {
            return None;
        }
        Some(self.kept.insert(Seen { at, issues: issues.clone(), heads: self.heads.clone() }))
    }

    /// The open maintenance issues of this look.
    pub(super) fn issues(&mut self, open: &[Issue]) {
        let seen: BTreeMap<_, _> = open
            .iter()
            .map(|issue| {
                let mut labels: Vec<u64> = issue.labels.iter().map(|label| label.id.0).collect();
                labels.sort_unstable();
                let body = text_hash(&issue.body);
                (issue.number, IssueGlimpse { updated_at: issue.updated_at, labels, body })
            })
            .collect();
        if self.issues.as_ref().is_some_and(|before| *before != seen) {
            self.suspect();
        }
        self.issues = Some(seen);
        self.read.0 = true;
    }

    /// The heads of the pull requests of this look. One that the look before did not see tells nothing: a task may be new.
    pub(super) fn heads(&mut self, heads: &BTreeMap<PullNumber, CommitSha>) {
        let moved =
            heads.iter().any(|(number, head)| self.heads.get(number).is_some_and(|known| known != head));
        if moved {
            self.suspect();
        }
        self.heads.clone_from(heads);
        self.read.1 = true;
    }

    /// Whether something is suspected, so that it is worth asking when the last delivery came.
    pub(super) fn suspects(&self) -> bool {
        self.suspicion.is_some() || self.while_down
    }

    fn suspect(&mut self) {
        if let Beginning::Resumed { delivered, .. } = self.beginning {
            self.while_down |= !delivered;
        } else if let (Some(since), Some(seen_at)) = (self.last, self.begun) {
            self.suspicion.get_or_insert(Suspicion { since, seen_at });
        }
    }

    /// Judges what is suspected. A delivery may take as long as `grace`.
    pub(super) fn judge(
        &mut self,
        last_delivery: Option<Timestamp>,
        now: Timestamp,
        grace: Duration,
    ) -> Word {
        if std::mem::take(&mut self.while_down) {
            return Word::MissedWhileDown;
        }
        let Some(suspicion) = self.suspicion else { return Word::Nothing };
        if last_delivery.is_some_and(|at| at >= suspicion.since) {
            self.suspicion = None;
            return Word::Nothing;
        }
        if now.duration_since(suspicion.seen_at).unsigned_abs() < grace {
            return Word::Nothing;
        }
        self.suspicion = None;
        Word::Missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{Account, AccountId, Label, LabelId, State};

    const GRACE: Duration = Duration::from_mins(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn issue(number: u64, updated: i64, body: &str, label: u64) -> Issue {
        Issue {
            number: IssueNumber(number),
            title: "Maintenance".to_owned(),
            body: body.to_owned(),
            state: State::Open,
            labels: vec![Label { id: LabelId(label), name: "maintenance".to_owned() }],
            author: Account { id: AccountId(1), login: "operator".to_owned() },
            content_version: None,
            created_at: at(0),
            updated_at: at(updated),
            is_pull: false,
            html_url: String::new(),
        }
    }

    /// What is said of a change that the look at second 180 sees, with a delivery at some second, at a later look.
    fn word(change: impl Fn(&mut Watch), delivered: Option<i64>, later: i64) -> Word {
        let mut watch = Watch::fresh();
        watch.begin(at(0));
        watch.issues(&[issue(1, 0, "a", 1)]);
        assert_eq!(watch.judge(None, at(0), GRACE), Word::Nothing, "the first look knows nothing");
        watch.begin(at(180));
        change(&mut watch);
        assert_eq!(watch.judge(None, at(180), GRACE), Word::Nothing, "a delivery may be on its way");
        watch.begin(at(later));
        watch.judge(delivered.map(at), at(later), GRACE)
    }

    #[test]
    fn a_change_that_no_delivery_told_of_is_a_missed_event() {
        type Change = fn(&mut Watch);
        let changes: [(&str, Change, Word); 7] = [
            ("nothing", |watch| watch.issues(&[issue(1, 0, "a", 1)]), Word::Nothing),
            ("its time", |watch| watch.issues(&[issue(1, 9, "a", 1)]), Word::Missed),
            ("its text", |watch| watch.issues(&[issue(1, 0, "b", 1)]), Word::Missed),
            ("its labels", |watch| watch.issues(&[issue(1, 0, "a", 2)]), Word::Missed),
            ("a new one", |watch| watch.issues(&[issue(1, 0, "a", 1), issue(2, 0, "a", 1)]), Word::Missed),
            ("one less", |watch| watch.issues(&[]), Word::Missed),
            ("not read", |_| {}, Word::Nothing),
        ];
        for (what, change, expected) in changes {
            assert_eq!(word(change, None, 360), expected, "{what}");
            assert_eq!(word(change, Some(-5), 360), expected, "{what}, an older delivery");
            assert_eq!(word(change, Some(100), 360), Word::Nothing, "{what}, delivered before the look");
            assert_eq!(word(change, Some(185), 360), Word::Nothing, "{what}, delivered a little late");
            assert_eq!(word(change, None, 200), Word::Nothing, "{what}, there is time yet");
        }
    }

    #[test]
    fn a_head_that_moved_counts_and_a_pull_request_that_is_new_here_does_not() {
        let sha = |digit: char| digit.to_string().repeat(40).parse::<CommitSha>().expect("a commit");
        let heads = |digit| BTreeMap::from([(PullNumber(6), sha(digit))]);
        let mut watch = Watch::fresh();
        for (second, digit, expected) in [
            (0, 'a', Word::Nothing),
            (100, 'a', Word::Nothing),
            (200, 'b', Word::Nothing),
            (300, 'b', Word::Missed),
        ] {
            watch.begin(at(second));
            watch.issues(&[]);
            watch.heads(&heads(digit));
            assert_eq!(watch.judge(None, at(second), GRACE), expected, "{second}");
        }
        watch.begin(at(400));
        assert_eq!(watch.judge(None, at(400), GRACE), Word::Nothing, "counted once");
    }

    /// What a process says of its first look at second 500, when an earlier one saw this last, and was told by a delivery
    /// at some second.
    fn after_a_start(change: impl Fn(&mut Watch), delivered: Option<i64>) -> Word {
        let mut before = Watch::fresh();
        before.begin(at(100));
        before.issues(&[issue(1, 0, "a", 1)]);
        before.heads(&BTreeMap::from([(PullNumber(6), "a".repeat(40).parse().expect("a commit"))]));
        let kept = serde_json::to_string(before.keep(false).expect("it is new")).expect("JSON");
        let mut watch = Watch::resuming();
        watch.begin(at(500));
        assert!(watch.is_unread());
        watch.resume(Some(serde_json::from_str(&kept).expect("what was kept")));
        assert!(watch.is_first() && !watch.is_unread());
        // The forge did not answer: the next look is the first one.
        watch.begin(at(510));
        watch.had_come(delivered.map(at));
        change(&mut watch);
        // What the look did itself is delivered meanwhile.
        let word = watch.judge(Some(at(511)), at(512), GRACE);
        watch.begin(at(700));
        assert_eq!(watch.judge(None, at(700), GRACE), Word::Nothing, "counted once");
        word
    }

    #[test]
    fn what_changed_while_nobody_looked_counts_apart_and_once() {
        type Change = fn(&mut Watch);
        let head =
            |digit: &str| BTreeMap::from([(PullNumber(6), digit.repeat(40).parse().expect("a commit"))]);
        let changes: [(&str, Change, Word); 4] = [
            ("nothing", |watch| watch.issues(&[issue(1, 0, "a", 1)]), Word::Nothing),
            ("its text", |watch| watch.issues(&[issue(1, 0, "b", 1)]), Word::MissedWhileDown),
            ("one less", |watch| watch.issues(&[]), Word::MissedWhileDown),
            ("not read", |_| {}, Word::Nothing),
        ];
        for (what, change, expected) in changes {
            assert_eq!(after_a_start(change, None), expected, "{what}");
            assert_eq!(after_a_start(change, Some(99)), expected, "{what}, an older delivery");
            assert_eq!(after_a_start(change, Some(100)), Word::Nothing, "{what}, delivered before the end");
        }
        for (digit, expected) in [("a", Word::Nothing), ("b", Word::MissedWhileDown)] {
            let both = |watch: &mut Watch| {
                watch.issues(&[issue(1, 0, "a", 1)]);
                watch.heads(&head(digit));
            };
            assert_eq!(after_a_start(both, None), expected, "a head {digit}");
        }
    }

    #[test]
    fn a_suspicion_that_a_restart_interrupts_is_not_lost() {
        for (delivered, expected) in [(None, Word::MissedWhileDown), (Some(185), Word::Nothing)] {
            let mut before = Watch::fresh();
            before.begin(at(0));
            before.issues(&[issue(1, 0, "a", 1)]);
            let kept = before.keep(false).cloned();
            before.begin(at(180));
            before.issues(&[issue(1, 0, "b", 1)]);
            assert_eq!(before.judge(None, at(180), GRACE), Word::Nothing, "a delivery may be on its way");
            assert!(before.keep(false).is_none() && before.keep(true).is_none(), "nothing is judged yet");
            let mut watch = Watch::resuming();
            watch.begin(at(200));
            watch.resume(kept);
            watch.had_come(delivered.map(at));
            watch.issues(&[issue(1, 0, "b", 1)]);
            assert_eq!(watch.judge(None, at(200), GRACE), expected, "{delivered:?}");
            assert!(watch.keep(false).is_some(), "and now it is known");
            before.begin(at(360));
            before.issues(&[issue(1, 0, "b", 1)]);
            let word = before.judge(delivered.map(at), at(360), GRACE);
            assert_eq!(word == Word::Nothing, delivered.is_some(), "without a restart it counts as ever");
            assert!(before.keep(false).is_some());
        }
    }

    #[test]
    fn a_first_start_counts_nothing() {
        let mut watch = Watch::resuming();
        watch.begin(at(0));
        watch.resume(None);
        watch.had_come(None);
        watch.issues(&[issue(1, 0, "a", 1)]);
        assert_eq!(watch.judge(None, at(0), GRACE), Word::Nothing);
    }

    #[test]
    fn what_was_seen_is_kept_when_it_changes_and_otherwise_rarely() {
        let mut watch = Watch::fresh();
        for (second, text, expected) in [
            (0, "a", true),
            (30, "a", false),
            (60, "a", false),
            (61, "a", true),
            (62, "b", true),
            (63, "b", false),
        ] {
            watch.begin(at(second));
            assert!(watch.keep(false).is_none(), "nothing is read yet");
            watch.issues(&[issue(1, 0, text, 1)]);
            assert_eq!(watch.judge(Some(at(second)), at(second), GRACE), Word::Nothing, "it was delivered");
            assert_eq!(watch.keep(false).is_some(), expected, "{second}");
        }
        assert!(watch.keep(true).is_some(), "the last look says how far it is known");
        assert!(watch.keep(true).is_none(), "once");
    }
}
