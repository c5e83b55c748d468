//! What a worker remembers between two looks and may forget: a restart begins these counts anew, which costs time and
//! never correctness.

use super::observe::{Gone, KnownPull, KnownRelated};
use super::situation::Unread;
use super::trust::{Boxes, KnownComments};
use super::writing::LastTime;
use crate::cluster::ObjectRef;
use crate::forge::{BlobSha, CommitSha, IssueNumber, PullNumber, TreeEntry};
use crate::health::{Hindsight, Steadiness};
use crate::issue::{FindingTag, Home, Reading, RemadePull, TaskKey};
use crate::merge::classify::Classification;
use crate::merge::rollout::{Asking, Question, Rollout};
use crate::merge::versions::Mismatch;
use crate::store::{EventId, RunId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was tried in vain and is tried again. Counted by time and not by looks: news of the cluster lead to many, and most of them
/// while its API server is away for a moment.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    count: u32,
    last: Option<Instant>,
}

impl Tries {
    /// One more in vain. Says whether these were as many as that, each so long after the one before.
    pub(crate) fn are_over(&mut self, now: Instant, apart: Duration, most: u32) -> bool {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < apart) {
            return false;
        }
        (self.count, self.last) = (self.count + 1, Some(now));
        self.count >= most
    }
}

/// What is known of one state of a pull request; never changes for the same head and description.
#[derive(Debug, Clone)]
pub(crate) struct PullDetails {
    /// The files that it changes.
    pub(crate) files: Vec<crate::forge::ChangedFile>,
    /// Its diff.
    pub(crate) diff: String,
    /// Category, risk, foundation.
    pub(crate) classification: Classification,
}

/// The tasks of the texts that an issue had. Each look needs all of its history, which only grows: no text is read twice.
#[derive(Debug, Default)]
pub(crate) struct KnownTexts {
    home: Option<Home>,
    /// `None`: it cannot be read.
    boxes: HashMap<String, Option<Arc<Boxes>>>,
}

impl KnownTexts {
    /// Forgets the texts that are not among these, and all of them when the issue lies elsewhere now, which changes what a
    /// link in them means.
    pub(crate) fn keep<'a>(&mut self, home: Option<&Home>, texts: impl Iterator<Item = &'a str>) {
        if self.home.as_ref() != home {
            self.home = home.cloned();
            self.boxes.clear();
        }
        let kept: HashSet<&str> = texts.collect();
        self.boxes.retain(|text, _| kept.contains(text.as_str()));
    }

    /// The tasks of a text: known, or read now; `None` where it cannot be read.
    pub(crate) fn boxes(&mut self, text: &str, read: impl FnOnce() -> Option<Boxes>) -> Option<Arc<Boxes>> {
        if let Some(known) = self.boxes.get(text) {
            return known.clone();
        }
        let boxes = read().map(Arc::new);
        self.boxes.insert(text.to_owned(), boxes.clone());
        boxes
    }
}

/// What the newest change of another run left behind, as its journal tells.
#[derive(Debug)]
pub(crate) struct LeftUnseen {
    /// That run, and how far its journal had come.
    pub(crate) known: (RunId, EventId),
    /// The commit that nobody saw everywhere before the change was over.
    pub(crate) left: Option<(CommitSha, Asking)>,
}

/// Between two looks at one repository.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The issue's texts of before.
    pub(crate) texts: KnownTexts,
    /// Its text as it was last read, without history: most looks find the same.
    pub(crate) reading: Option<(String, Option<Home>, Reading)>,
    /// Its comments.
    pub(crate) comments: KnownComments,
    /// Since when it has been as it is.
    pub(crate) steadiness: Steadiness,
    /// What earlier looks tell of the next one.
    pub(crate) hindsight: Hindsight,
    /// How the rollout stood, and since when.
    pub(crate) rollout: Option<(String, Timestamp)>,
    /// When the rollout of a commit was last seen kept back by windows alone.
    pub(crate) kept_back: Option<(CommitSha, Timestamp)>,
    /// How far the pods are that the change in flight replaces, as last read.
    pub(crate) pods: String,
    /// When the last audit was made.
    pub(crate) audited_at: Option<Timestamp>,
    /// The tags of our own tasks that the last audit could not tell either.
    pub(crate) looked_up: BTreeSet<FindingTag>,
    /// The definitions that the change in flight left behind, as last read.
    pub(crate) outdated: Vec<Mismatch>,
    /// Whether a commit contains another. Never changes.
    pub(crate) contains: HashMap<(CommitSha, CommitSha), bool>,
    /// The trees of commits. Never change.
    pub(crate) trees: HashMap<CommitSha, Arc<Vec<TreeEntry>>>,
    /// What lies at the files of pull requests in a commit. Never changes.
    pub(crate) blobs: HashMap<(CommitSha, PullNumber, CommitSha), Blobs>,
    /// How many looks there were.
    pub(crate) looks: u64,
    /// Whether the last look found something to be said or done about the change in flight, which the next one has to prove.
    pub(crate) to_be_proven: bool,
    /// When the last look began that proved what it saw of the change in flight.
    pub(crate) proven_at: Option<Instant>,
    /// The pull requests that tasks name, as they were last asked about.
    pub(crate) pulls: BTreeMap<PullNumber, KnownPull>,
    /// The issues and pull requests that tasks want closed, as they were last asked about.
    pub(crate) related: BTreeMap<IssueNumber, KnownRelated>,
    /// The first pull request, in the order of merging, that something is waited for.
    pub(crate) next_awaited: Option<PullNumber>,
    /// At which look those were last asked about that cannot be read.
    pub(crate) asked_in_vain: BTreeMap<IssueNumber, u64>,
    /// Details of pull requests, by number, head and description.
    pub(crate) details: HashMap<(PullNumber, CommitSha, String), Arc<PullDetails>>,
    /// That nobody could be asked to look at the repository.
    pub(crate) refresh_tries: Tries,
    /// The releases that have what they take values from, and that nobody has asked to look since.
    pub(crate) flux_to_ask: Vec<(ObjectRef, Question)>,
    /// What another run left behind.
    pub(crate) left_unseen: Option<LeftUnseen>,
    /// Who was waited for on the way of a change's commit, each since when.
    pub(crate) waited_for: Option<(CommitSha, BTreeMap<String, Timestamp>)>,
    /// Since when those of Flux that take values have had them, of the head that a change left behind, and nobody asks them to look.
    pub(crate) left_alone: BTreeMap<(CommitSha, ObjectRef), Timestamp>,
    /// Since when a pull request's pre-flight has been waiting, at which head.
    pub(crate) preflight_since: BTreeMap<PullNumber, (CommitSha, Timestamp)>,
    /// The heads of the pull requests that tasks name, as last seen.
    pub(crate) heads: BTreeMap<PullNumber, CommitSha>,
    /// Issues and pull requests that tasks name and that cannot be read.
    pub(crate) unread: BTreeMap<IssueNumber, Unread>,
    /// Held versions that Renovate brought again, as last seen.
    pub(crate) remade: Vec<RemadePull>,
    /// Since when an approval box is ticked without a delivery.
    pub(crate) ticked_since: BTreeMap<(String, String), Timestamp>,
    /// Since when a box is open that we ticked, without a delivery that tells who did it.
    pub(crate) unticked_since: BTreeMap<TaskKey, Timestamp>,
    /// Since when what our own tasks name has been gone.
    pub(crate) gone: Gone,
    /// The tasks that were ticked at the last look whose decision was written down.
    pub(crate) ticked: BTreeSet<TaskKey>,
    /// What was awaited, and since when.
    pub(crate) awaited: Option<(String, Timestamp)>,
    /// When the body was last written, and what was important then; `None` where that is not known to have worked.
    pub(crate) written: Option<LastTime>,
}

/// What lies at the paths of one pull request's files in one commit, in their order.
pub(crate) type Blobs = Arc<Vec<Option<BlobSha>>>;

/// How many trees are kept: they are large, and only what is not among the blobs yet is looked up in them.
const TREES: usize = 4;

/// Of how many pull requests, about, the blobs are kept: of each at its head and at the base.
const BLOBS: usize = 1024;

impl Memory {
    /// Since when the rollout has shown no progress, neither by itself nor by the pods that it replaces.
    pub(crate) fn progress_since(
        &mut self,
        commit: &CommitSha,
        rollout: &Rollout,
        now: Timestamp,
    ) -> Timestamp {
        if matches!(rollout, Rollout::Waiting { shut: Some(_), .. }) {
            self.kept_back = Some((commit.clone(), now));
        } else if self.kept_back.as_ref().is_some_and(|(kept, _)| kept != commit) {
            self.kept_back = None;
        }
        let mark = match rollout {
            Rollout::Unknown { why } => format!("unknown {why}"),
            Rollout::Waiting { progress, .. } => format!("waiting {progress} {}", self.pods),
            Rollout::Failed { failed } => format!("failed {failed:?}"),
            Rollout::Done { .. } => "done".to_owned(),
        };
        let mark = format!("{commit} {mark}");
        // None can be shown while those alone are waited for who look by themselves at a known time.
        let may_move = !matches!(rollout, Rollout::Waiting { until: Some(_), .. });
        match &self.rollout {
            Some((known, since)) if *known == mark && may_move => *since,
            _ => {
                self.rollout = Some((mark, now));
                now
            }
        }
    }

    /// Since when each of those that nobody asks to look has been seen with the values of a commit. Once seen stays so: while they are
    /// applied anew the commit itself is waited for.
    pub(crate) fn left_alone(
        &mut self,
        commit: &CommitSha,
        to_ask: Vec<ObjectRef>,
        now: Timestamp,
    ) -> Vec<(ObjectRef, Timestamp)> {
        self.left_alone.retain(|(of, _), _| of == commit);
        for one in to_ask {
            self.left_alone.entry((commit.clone(), one)).or_insert(now);
        }
        self.left_alone.iter().map(|((_, one), since)| (one.clone(), *since)).collect()
    }

    /// Takes in who is waited for on the way of a change's commit, and since when.
    pub(crate) fn note_awaited(&mut self, commit: &CommitSha, rollout: &Rollout, now: Timestamp) {
        let Rollout::Waiting { on, .. } = rollout else { return };
        let waited_for = self.waited_for.take().filter(|(of, _)| of == commit);
        // Nobody knows since when those have been waited for that the first look finds so.
        let since = if waited_for.is_some() { now } else { Timestamp::MIN };
        let (_, names) =
            self.waited_for.insert(waited_for.unwrap_or_else(|| (commit.clone(), BTreeMap::new())));
        for (name, _) in on {
            names.entry(name.clone()).or_insert(since);
        }
    }

    /// Since when the same thing has been awaited.
    pub(crate) fn awaited_since(&mut self, what: &str, now: Timestamp) -> Timestamp {
        match &self.awaited {
            Some((known, since)) if known == what => *since,
            _ => {
                self.awaited = Some((what.to_owned(), now));
                now
            }
        }
    }

    /// Keeps a tree.
    pub(crate) fn keep_tree(&mut self, commit: CommitSha, tree: Arc<Vec<TreeEntry>>) {
        if self.trees.len() >= TREES {
            self.trees.clear();
        }
        self.trees.insert(commit, tree);
    }

    /// Keeps what lies at a pull request's files.
    pub(crate) fn keep_blobs(&mut self, of: (CommitSha, PullNumber, CommitSha), blobs: Blobs) {
        if self.blobs.len() >= BLOBS {
            self.blobs.clear();
        }
        self.blobs.insert(of, blobs);
    }
}

/// The content of a path in a tree.
pub(crate) fn blob<'a>(tree: &'a [TreeEntry], path: &str) -> Option<&'a BlobSha> {
    tree.iter().find(|entry| entry.path == path).map(|entry| &entry.blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_by_time_however_often_it_is_looked() {
        let begun = Instant::now();
        // For each way of looking, in seconds: when, and when the tries are over.
        for (looks, over) in [
            (vec![0, 10, 20], Some(20)),
            (vec![0, 2, 4, 7, 9, 11, 13, 20, 21], Some(21)),
            (vec![0, 5, 9, 12, 15], None),
        ] {
            let mut tries = Tries::default();
            let is_over =
                |at: &&u64| tries.are_over(begun + Duration::from_secs(**at), Duration::from_secs(10), 3);
            assert_eq!(looks.iter().find(is_over).copied(), over, "{looks:?}");
        }
    }

    #[test]
    fn pods_that_are_replaced_are_progress_and_time_alone_is_none() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).expect("a time");
        let commit: CommitSha = "c".repeat(40).parse().expect("forty digits");
        let waiting = |until: Option<Timestamp>| {
            let (on, progress) = (Vec::new(), "the same".to_owned());
            Rollout::Waiting { on, progress, shut: None, until }
        };
        let mut memory = Memory::default();
        for (second, pods, since) in
            [(0, "3 of 10", 0), (100, "3 of 10", 0), (200, "4 of 10", 200), (900, "4 of 10", 200)]
        {
            pods.clone_into(&mut memory.pods);
            assert_eq!(memory.progress_since(&commit, &waiting(None), at(second)), at(since), "at {second}");
        }
        // While nothing can move no time runs, and then it begins.
        for (second, until, since) in
            [(1000, Some(at(2000)), 1000), (1999, Some(at(2000)), 1999), (2300, None, 1999)]
        {
            assert_eq!(memory.progress_since(&commit, &waiting(until), at(second)), at(since), "at {second}");
        }
    }

    #[test]
    fn whom_the_first_look_finds_waited_for_may_have_been_so_for_long() {
        let waiting = |names: &[&str]| Rollout::Waiting {
            on: names.iter().map(|&name| (name.to_owned(), String::new())).collect(),
            progress: String::new(),
            shut: None,
            until: None,
        };
        let at = |second| Timestamp::from_second(second).expect("in range");
        let commit: CommitSha = "c".repeat(40).parse().expect("a commit");
        let mut memory = Memory::default();
        memory.note_awaited(&commit, &waiting(&["a"]), at(100));
        memory.note_awaited(&commit, &waiting(&["a", "b"]), at(110));
        let known = &memory.waited_for.as_ref().expect("it is noted").1;
        assert_eq!((known["a"], known["b"]), (Timestamp::MIN, at(110)));
    }
}
