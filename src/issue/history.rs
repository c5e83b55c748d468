//! Which task of a text is which of the journal, after people have moved, renumbered, doubled and reworded them.
//!
//! A mistake here is not cosmetic: a task that takes another's history is called done without having been done, one
//! that loses its own is done twice. So first goes what is surely ours, the exact note of a task that ended; then the
//! same words, where the id decides between tasks that are alike; then almost the same words.

use super::identity;
use super::{Kind, Reading, Task, TaskKey};
use serde::{Deserialize, Serialize};

/// What the journal knows of a task, enough to find it again in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownTask {
    /// Its identity.
    pub(crate) key: TaskKey,
    /// Its id as last shown.
    pub(crate) id: String,
    /// Its kind with its targets.
    pub(crate) kind: Kind,
    /// Its title.
    pub(crate) title: String,
    /// The sum of its commands, where it hangs on them; `None` in journals that do not know.
    #[serde(default)]
    pub(crate) commands: Option<String>,
}

impl From<&Task> for KnownTask {
    fn from(task: &Task) -> Self {
        Self {
            key: task.key.clone(),
            id: task.id.clone(),
            kind: task.kind.clone(),
            title: task.title.clone(),
            commands: Some(commands(task)),
        }
    }
}

/// The sum of the commands that a task hangs on.
fn commands(task: &Task) -> String {
    identity::commands(&task.kind, &task.details.commands)
}

/// More tasks than this with the same words are not told apart by their number in the text.
const MOST_ALIKE: usize = 32;

/// A task as the journal knows it, with what helps to find it.
struct Candidate<'a> {
    known: &'a KnownTask,
    /// Its number among tasks with the same words, when its key tells.
    ordinal: usize,
    notes: Vec<&'a str>,
    free: bool,
}

/// Gives tasks the keys under which the journal knows them. `notes` are the outcome notes that we wrote, by task.
///
/// Another kind, target or command is another task, however alike the words are; the id is a hint that decides between
/// candidates, no proof.
pub(crate) fn keep_history(reading: &mut Reading, known: &[KnownTask], notes: &[(TaskKey, String)]) {
    let all = known.len();
    let mut candidates: Vec<Candidate<'_>> = known
        .iter()
        .map(|known| Candidate {
            known,
            ordinal: ordinal(known, all),
            notes: notes.iter().filter(|(key, _)| *key == known.key).map(|(_, note)| note.as_str()).collect(),
            free: true,
        })
        .collect();
    let mut keys: Vec<Option<TaskKey>> = vec![None; reading.tasks.len()];
    by_note(&reading.tasks, &mut candidates, &mut keys);
    by_words(&reading.tasks, &mut candidates, &mut keys);
    by_likeness(&reading.tasks, &mut candidates, &mut keys);
    // What is new must not have the key of something known.
    let mut taken: Vec<TaskKey> = known.iter().map(|known| known.key.clone()).collect();
    for (task, key) in reading.tasks.iter_mut().zip(keys) {
        task.key = key.unwrap_or_else(|| {
            let mut ordinal = 0;
            loop {
                let key = identity::key(&task.kind, &commands(task), &task.title, ordinal);
                if !taken.contains(&key) {
                    taken.push(key.clone());
                    return key;
                }
                ordinal += 1;
            }
        });
    }
}

/// The number of a task among those with its words, as its key tells; behind all others when it was reworded since.
fn ordinal(known: &KnownTask, all: usize) -> usize {
    let most = all.min(MOST_ALIKE);
    let commands = known.commands.as_deref().unwrap_or_default();
    (0..most).find(|&at| identity::key(&known.kind, commands, &known.title, at) == known.key).unwrap_or(most)
}

fn same_targets(task: &Task, candidate: &Candidate<'_>) -> bool {
    identity::same_targets(&candidate.known.kind, &task.kind)
        && candidate.known.commands.as_ref().is_none_or(|known| *known == commands(task))
}

/// The same words, or the words that the task had when its key was made.
fn same_words(task: &Task, candidate: &Candidate<'_>) -> bool {
    // The reader's key is that of the words, counted among those that are alike.
    same_targets(task, candidate)
        && (task.key == candidate.known.key || identity::same_words(&candidate.known.title, &task.title))
}

fn likeness(task: &Task, candidate: &Candidate<'_>) -> Option<f64> {
    if !same_targets(task, candidate) {
        return None;
    }
    let hint = if has_id(task, candidate) { 0.25 } else { 0.0 };
    identity::continues(&task.kind, &candidate.known.title, &task.title).map(|likeness| likeness + hint)
}

/// The id counts only where somebody wrote it: a line moves with every line above it.
fn has_id(task: &Task, candidate: &Candidate<'_>) -> bool {
    task.written_id.as_deref() == Some(candidate.known.id.as_str())
}

fn by_note(tasks: &[Task], candidates: &mut [Candidate<'_>], keys: &mut [Option<TaskKey>]) {
    for (task, key) in tasks.iter().zip(keys) {
        let best = candidates
            .iter_mut()
            .filter(|candidate| {
                candidate.free && candidate.notes.iter().any(|note| task.notes.iter().any(|own| own == note))
            })
            .filter_map(|candidate| {
                let alike = if same_words(task, candidate) { Some(1.0) } else { likeness(task, candidate) };
                alike.map(|alike| (alike, candidate))
            })
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((_, candidate)) = best {
            candidate.free = false;
            *key = Some(candidate.known.key.clone());
        }
    }
}

fn by_words(tasks: &[Task], candidates: &mut [Candidate<'_>], keys: &mut [Option<TaskKey>]) {
    for first in 0..tasks.len() {
        if keys[first].is_some() {
            continue;
        }
        let group: Vec<usize> = (first..tasks.len())
            .filter(|&at| {
                keys[at].is_none()
                    && identity::same_targets(&tasks[at].kind, &tasks[first].kind)
                    && commands(&tasks[at]) == commands(&tasks[first])
                    && identity::same_words(&tasks[at].title, &tasks[first].title)
            })
            .collect();
        let mut known: Vec<usize> = (0..candidates.len())
            .filter(|&at| candidates[at].free && same_words(&tasks[first], &candidates[at]))
            .collect();
        known.sort_by_key(|&at| candidates[at].ordinal);
        // The id first. Where there are fewer of them than there were, those that ended have been taken out: their
        // notes are gone with their lines.
        let mut left = Vec::new();
        for task in group {
            match known.iter().position(|&at| has_id(&tasks[task], &candidates[at])) {
                Some(at) => {
                    let candidate = &mut candidates[known.remove(at)];
                    candidate.free = false;
                    keys[task] = Some(candidate.known.key.clone());
                }
                None => left.push(task),
            }
        }
        while known.len() > left.len() {
            let ended = known.iter().rposition(|&at| !candidates[at].notes.is_empty());
            known.remove(ended.unwrap_or(known.len() - 1));
        }
        for (task, at) in left.into_iter().zip(known) {
            candidates[at].free = false;
            keys[task] = Some(candidates[at].known.key.clone());
        }
    }
}

fn by_likeness(tasks: &[Task], candidates: &mut [Candidate<'_>], keys: &mut [Option<TaskKey>]) {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (task, _) in keys.iter().enumerate().filter(|(_, key)| key.is_none()) {
        for (candidate, known) in candidates.iter().enumerate().filter(|(_, known)| known.free) {
            if let Some(likeness) = likeness(&tasks[task], known) {
                pairs.push((likeness, task, candidate));
            }
        }
    }
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (_, task, candidate) in pairs {
        if keys[task].is_none() && candidates[candidate].free {
            candidates[candidate].free = false;
            keys[task] = Some(candidates[candidate].known.key.clone());
        }
    }
}
