//! Which task of a text is which of the journal, after people have moved, renumbered, doubled and reworded them.
//!
//! A mistake here is not cosmetic: a task that takes another's history is called done without having been done, one
//! that loses its own is done twice. So first goes what is surely ours, the exact note of a task that ended; then the
//! same words, where the id decides between tasks that are alike; then almost the same words. A task that asks for less
//! than it did (nobody's yes any more, or no waiting for another task) is another one, whoever changed it: what was said
//! of the careful task was not said of the careless one.

use super::identity;
use super::{Kind, Needs, Reading, Task, TaskKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// What the journal knows of a task, enough to find it again in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownTask {
    /// Its identity.
    pub(crate) key: TaskKey,
    /// Its id as last shown.
    pub(crate) id: String,
    /// Whether somebody wrote that id, and it is not the number of its line; `None` in journals that do not know.
    #[serde(default)]
    pub(crate) id_is_written: Option<bool>,
    /// Its kind with its targets.
    pub(crate) kind: Kind,
    /// Its title.
    pub(crate) title: String,
    /// The sum of its commands, where it hangs on them; `None` in journals that do not know.
    #[serde(default)]
    pub(crate) commands: Option<String>,
    /// What its words asked of people.
    #[serde(default)]
    pub(crate) needs: Option<Needs>,
    /// What had to end before it. An id can be given to another task, so these are identities.
    #[serde(default)]
    pub(crate) depends_on: Vec<TaskKey>,
}

impl KnownTask {
    /// What is to be known of a task of these.
    pub(crate) fn of(task: &Task, among: &[Task]) -> Self {
        if task.depends_on.is_empty() {
            return Self::alone(task);
        }
        let depends_on = among
            .iter()
            .filter(|other| task.depends_on.contains(&other.id) && other.key != task.key)
            .map(|other| other.key.clone())
            .collect();
        Self { depends_on, ..Self::alone(task) }
    }

    /// The same of one that waits for nothing.
    fn alone(task: &Task) -> Self {
        Self {
            key: task.key.clone(),
            id: task.id.clone(),
            id_is_written: Some(task.written_id.as_deref() == Some(task.id.as_str())),
            kind: task.kind.clone(),
            title: task.title.clone(),
            commands: Some(commands(task)),
            needs: task.asks,
            depends_on: Vec::new(),
        }
    }

    /// Whether a task asks for something that is not known of it yet.
    pub(crate) fn asks_for_less_than(&self, now: &Self) -> bool {
        weight(self.needs) < weight(now.needs)
            || now.depends_on.iter().any(|key| !self.depends_on.contains(key))
    }

    /// Takes over what a task asks for now besides what it asked for before.
    pub(crate) fn ask_for_more(&mut self, now: Self) {
        if weight(self.needs) < weight(now.needs) {
            self.needs = now.needs;
        }
        for key in now.depends_on {
            if !self.depends_on.contains(&key) {
                self.depends_on.push(key);
            }
        }
    }
}

/// How much of people a task asks for.
fn weight(needs: Option<Needs>) -> u8 {
    match needs {
        None => 0,
        Some(Needs::Approval) => 1,
        Some(Needs::Person) => 2,
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
    /// The tasks that it is not, by their place in the text.
    not: BTreeSet<usize>,
}

/// Gives tasks the keys under which the journal knows them. `notes` are the outcome notes that we wrote, by task.
///
/// Another kind, target or command is another task, however alike the words are; the id is a hint that decides between
/// candidates, no proof.
pub(crate) fn keep_history(reading: &mut Reading, known: &[KnownTask], notes: &[(TaskKey, String)]) {
    let all = known.len();
    let mut notes_of: HashMap<&TaskKey, Vec<&str>> = HashMap::new();
    for (key, note) in notes {
        notes_of.entry(key).or_default().push(note);
    }
    let mut candidates: Vec<Candidate<'_>> = known
        .iter()
        .map(|known| Candidate {
            known,
            ordinal: ordinal(known, all),
            notes: notes_of.get(&known.key).cloned().unwrap_or_default(),
            free: true,
            not: BTreeSet::new(),
        })
        .collect();
    // What a task waits for shows only when it is known which task is which: one that lost some of it is looked for
    // again among the others, and with it whatever waits for it. Each round rules out at least one pair.
    let keys = loop {
        for candidate in &mut candidates {
            candidate.free = true;
        }
        let mut keys: Vec<Option<TaskKey>> = vec![None; reading.tasks.len()];
        by_note(&reading.tasks, &mut candidates, &mut keys);
        by_words(&reading.tasks, &mut candidates, &mut keys);
        by_likeness(&reading.tasks, &mut candidates, &mut keys);
        let careless = careless(&reading.tasks, &candidates, &keys);
        if careless.is_empty() {
            break keys;
        }
        for (task, candidate) in careless {
            candidates[candidate].not.insert(task);
        }
    };
    // What is new must not have the key of something known.
    let mut taken: HashSet<TaskKey> = known.iter().map(|known| known.key.clone()).collect();
    // Of tasks that are alike each goes on where the one before it found its place.
    let mut next: HashMap<String, usize> = HashMap::new();
    for (task, key) in reading.tasks.iter_mut().zip(keys) {
        task.key = key.unwrap_or_else(|| {
            let commands = commands(task);
            let ordinal = next.entry(identity::stem(&task.kind, &commands, &task.title)).or_default();
            loop {
                let key = identity::key(&task.kind, &commands, &task.title, *ordinal);
                *ordinal += 1;
                if taken.insert(key.clone()) {
                    return key;
                }
            }
        });
    }
    keep_ids(reading, known);
}

/// The pairs in which the task does not wait any more for all that it waited for.
fn careless(tasks: &[Task], candidates: &[Candidate<'_>], keys: &[Option<TaskKey>]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let places: HashMap<&TaskKey, usize> =
        candidates.iter().enumerate().rev().map(|(at, candidate)| (&candidate.known.key, at)).collect();
    let now: HashMap<&TaskKey, &Task> =
        tasks.iter().zip(keys).filter_map(|(task, key)| Some((key.as_ref()?, task))).collect();
    for (task, key) in keys.iter().enumerate() {
        let Some(&candidate) = key.as_ref().and_then(|key| places.get(key)) else { continue };
        let waits_for = |dependency: &TaskKey| {
            now.get(dependency).is_some_and(|other| tasks[task].depends_on.contains(&other.id))
        };
        if !candidates[candidate].known.depends_on.iter().all(waits_for) {
            found.push((task, candidate));
        }
    }
    found
}

/// Shows a task without an id of its own under the one that it was first shown with: its line moves with every line above
/// it, and people answer with what they read.
fn keep_ids(reading: &mut Reading, known: &[KnownTask]) {
    let is_written = |task: &Task| task.written_id.as_deref() == Some(task.id.as_str());
    let ids: HashMap<&TaskKey, &str> =
        known.iter().rev().map(|known| (&known.key, known.id.as_str())).collect();
    let mut taken: BTreeSet<String> =
        reading.tasks.iter().filter(|task| is_written(task)).map(|task| task.id.clone()).collect();
    let mut shown: Vec<Option<String>> = reading
        .tasks
        .iter()
        .map(|task| {
            if is_written(task) {
                return Some(task.id.clone());
            }
            let id = *ids.get(&task.key)?;
            (is_line_id(id) && taken.insert(id.to_owned())).then(|| id.to_owned())
        })
        .collect();
    for (task, shown) in reading.tasks.iter().zip(&mut shown).filter(|(_, shown)| shown.is_none()) {
        let mut id = task.id.clone();
        let mut count = 1;
        while !taken.insert(id.clone()) {
            count += 1;
            id = format!("{}-{count}", task.id);
        }
        *shown = Some(id);
    }
    let renamed: BTreeMap<String, String> =
        reading.tasks.iter().zip(shown).filter_map(|(task, shown)| Some((task.id.clone(), shown?))).collect();
    let rename = |id: &mut String| {
        if let Some(shown) = renamed.get(id) {
            id.clone_from(shown);
        }
    };
    for task in &mut reading.tasks {
        rename(&mut task.id);
        task.depends_on.iter_mut().for_each(rename);
        task.guesses.depends_on.iter_mut().for_each(|guess| rename(&mut guess.value));
    }
}

/// Whether an id is the line of a task that has none of its own.
pub(crate) fn is_line_id(id: &str) -> bool {
    id.strip_prefix('T').is_some_and(|rest| {
        rest.starts_with(|digit: char| digit.is_ascii_digit())
            && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

/// The number of a task among those with its words, as its key tells; behind all others when it was reworded since.
fn ordinal(known: &KnownTask, all: usize) -> usize {
    let most = all.min(MOST_ALIKE);
    let commands = known.commands.as_deref().unwrap_or_default();
    (0..most).find(|&at| identity::key(&known.kind, commands, &known.title, at) == known.key).unwrap_or(most)
}

fn same_targets(task: &Task, candidate: &Candidate<'_>) -> bool {
    identity::same_targets(&candidate.known.kind, &task.kind)
        && weight(task.asks) >= weight(candidate.known.needs)
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

/// The id counts only where somebody wrote it, now and then: a line moves with every line above it, and its number may be what
/// somebody wrote elsewhere.
fn has_id(task: &Task, candidate: &Candidate<'_>) -> bool {
    let known = candidate.known;
    known.id_is_written != Some(false) && task.written_id.as_deref() == Some(known.id.as_str())
}

fn by_note(tasks: &[Task], candidates: &mut [Candidate<'_>], keys: &mut [Option<TaskKey>]) {
    for (at, (task, key)) in
        tasks.iter().zip(keys).enumerate().filter(|(_, (task, _))| !task.notes.is_empty())
    {
        let best = candidates
            .iter_mut()
            .filter(|candidate| {
                candidate.free
                    && !candidate.not.contains(&at)
                    && candidate.notes.iter().any(|note| task.notes.iter().any(|own| own == note))
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
    // Those that are alike, each found once: a text may hold as many as lines.
    let mut alike: HashMap<(String, u8), VecDeque<usize>> = HashMap::new();
    for (at, task) in tasks.iter().enumerate().filter(|(at, _)| keys[*at].is_none()) {
        let stem = identity::stem(&task.kind, &commands(task), &task.title);
        alike.entry((stem, weight(task.asks))).or_default().push_back(at);
    }
    let mut groups: BTreeMap<usize, VecDeque<usize>> =
        alike.into_values().filter_map(|group| Some((*group.front()?, group))).collect();
    let mut by_key: HashMap<&TaskKey, Vec<usize>> = HashMap::new();
    let mut by_stem: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, Candidate { known, .. }) in candidates.iter().enumerate() {
        by_key.entry(&known.key).or_default().push(at);
        by_stem.entry(identity::stem(&known.kind, "", &known.title)).or_default().push(at);
    }
    // What is left of a group may still be known by the keys that its tasks have among their likes.
    while let Some((first, mut group)) = groups.pop_first() {
        let stem = identity::stem(&tasks[first].kind, "", &tasks[first].title);
        let found: BTreeSet<usize> =
            by_stem.get(&stem).into_iter().chain(by_key.get(&tasks[first].key)).flatten().copied().collect();
        let mut known: Vec<usize> = found
            .into_iter()
            .filter(|&at| candidates[at].free && same_words(&tasks[first], &candidates[at]))
            .filter(|&at| group.iter().any(|task| !candidates[at].not.contains(task)))
            .collect();
        if known.is_empty() {
            group.pop_front();
            groups.extend(group.front().copied().map(|next| (next, group)));
            continue;
        }
        known.sort_by_key(|&at| candidates[at].ordinal);
        // The id first. Where there are fewer of them than there were, those that ended have been taken out: their
        // notes are gone with their lines.
        let mut left = Vec::new();
        for &task in &group {
            let fits =
                |&at: &usize| has_id(&tasks[task], &candidates[at]) && !candidates[at].not.contains(&task);
            match known.iter().position(fits) {
                Some(at) => {
                    let candidate = &mut candidates[known.remove(at)];
                    candidate.free = false;
                    keys[task] = Some(candidate.known.key.clone());
                }
                None => left.push(task),
            }
        }
        while known.len() > left.len() {
            // One that asked for less is another's first.
            let other =
                known.iter().rposition(|&at| weight(candidates[at].known.needs) != weight(tasks[first].asks));
            let ended = known.iter().rposition(|&at| !candidates[at].notes.is_empty());
            known.remove(other.or(ended).unwrap_or(known.len() - 1));
        }
        for task in left {
            let Some(place) = known.iter().position(|&at| !candidates[at].not.contains(&task)) else {
                continue;
            };
            let candidate = &mut candidates[known.remove(place)];
            candidate.free = false;
            keys[task] = Some(candidate.known.key.clone());
        }
        group.pop_front();
        group.retain(|&task| keys[task].is_none());
        groups.extend(group.front().copied().map(|next| (next, group)));
    }
}

fn by_likeness(tasks: &[Task], candidates: &mut [Candidate<'_>], keys: &mut [Option<TaskKey>]) {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (task, _) in keys.iter().enumerate().filter(|(_, key)| key.is_none()) {
        let free = |known: &Candidate<'_>| known.free && !known.not.contains(&task);
        for (candidate, known) in candidates.iter().enumerate().filter(|(_, known)| free(known)) {
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
