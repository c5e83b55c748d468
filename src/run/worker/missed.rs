//! Events that the forge never delivered, told by what the looks see.
//!
//! A look that finds something changed although no delivery arrived since the look before has a suspicion; deliveries come
//! in any order and a little late, so it counts only when none has arrived for as long as one may take. What is seen is
//! the open maintenance issues with their times, labels and texts, and the heads of the pull requests that tasks name. A
//! change of ours is delivered like anybody's, so it needs no exception. An issue's time also moves when another
//! repository refers to it, which no hook tells: now and then that counts as well, and costs a number.

use crate::forge::{CommitSha, Issue, IssueNumber, PullNumber};
use crate::run::worker::text_hash;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is compared of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// What the looks at one repository have seen.
#[derive(Debug, Default)]
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
}

impl Watch {
    /// A look began.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let (issues, heads) = std::mem::take(&mut self.read);
        if issues {
            self.last = self.begun;
        }
        // What was not seen in the last look says nothing about what happened since.
        if !heads {
            self.heads.clear();
        }
        self.begun = Some(now);
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
        self.suspicion.is_some()
    }

    fn suspect(&mut self) {
        if let (Some(since), Some(seen_at)) = (self.last, self.begun) {
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
        let mut watch = Watch::default();
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
        let mut watch = Watch::default();
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
}
