//! Which task must end before which.
//!
//! What people write counts as written: an id, a range of ids, the pull request that another task merges, in any case of
//! letters. What they write and nothing here answers is not dropped: then somebody has to say yes. What follows from the
//! words alone never contradicts what is written, and tasks that wait for each other in a circle wait for a person.

use super::guess::{Certainty, Guess, Source};
use super::kind::{bare, pulls, words};
use super::named::{Named, parts};
use super::spec::{self, SpecRow};
use super::{About, Check, Kind, Task, Warning};
use crate::action::Action;
use crate::forge::PullNumber;
use crate::wording;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) use super::named::without_ids;

/// What a task says of its place among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The words that name them.
    pub(crate) text: String,
    /// Where it says so.
    pub(crate) source: Source,
    /// Whether it comes before them, not after.
    pub(crate) before: bool,
}

/// What was found besides the dependencies themselves.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// By task: what it waits for and nothing here answers.
    pub(crate) unresolved: BTreeMap<usize, Vec<String>>,
    /// By task: the ids of the circle in which it waits for itself.
    pub(crate) circles: BTreeMap<usize, Vec<String>>,
}

/// A word that more tasks than this have names none of them.
const MOST_OF_A_NAME: usize = 32;

/// Tasks by what they may be called.
struct Index {
    ids: HashMap<String, Vec<usize>>,
    pulls: HashMap<PullNumber, Vec<usize>>,
    /// Of those only the merges, and only the decisions.
    merges: HashMap<PullNumber, Vec<usize>>,
    decisions: HashMap<PullNumber, Vec<usize>>,
}

impl Index {
    fn new(tasks: &[Task]) -> Self {
        let mut ids: HashMap<String, Vec<usize>> = HashMap::new();
        let mut pulls: HashMap<PullNumber, Vec<usize>> = HashMap::new();
        let mut merges: HashMap<PullNumber, Vec<usize>> = HashMap::new();
        let mut decisions: HashMap<PullNumber, Vec<usize>> = HashMap::new();
        for (at, task) in tasks.iter().enumerate() {
            match &task.kind {
                Kind::Merge { pull } => merges.entry(*pull).or_default().push(at),
                Kind::Decide { pull: Some(pull) } => decisions.entry(*pull).or_default().push(at),
                _ => {}
            }
            ids.entry(task.id.to_lowercase()).or_default().push(at);
            if let Some(written) = task.written_id.as_deref().filter(|written| *written != task.id) {
                ids.entry(written.to_lowercase()).or_default().push(at);
            }
            if let Kind::Merge { pull } | Kind::Decide { pull: Some(pull) } = &task.kind {
                pulls.entry(*pull).or_default().push(at);
            } else if let Kind::Person = &task.kind {
                for pull in super::kind::pulls(&task.title) {
                    pulls.entry(pull).or_default().push(at);
                }
            }
        }
        Self { ids, pulls, merges, decisions }
    }

    fn named(&self, named: &Named) -> &[usize] {
        let found = match named {
            Named::Id(id) => self.ids.get(&id.to_lowercase()),
            Named::Pull(pull) => self.pulls.get(pull),
            Named::Words(_) => None,
        };
        found.map_or(&[], Vec::as_slice)
    }

    fn knows(&self, id: &str) -> bool {
        self.ids.contains_key(&id.to_lowercase())
    }
}

/// Fills in what each task depends on. `written` is what each says itself; `rows` the table of changes, `of_tasks` which
/// of them are about which task.
pub(crate) fn fill(
    tasks: &mut [Task],
    written: &[Vec<Written>],
    rows: &[SpecRow],
    of_tasks: &[Vec<usize>],
    warnings: &mut Vec<Warning>,
) -> Troubles {
    let index = Index::new(tasks);
    let mut troubles = Troubles::default();
    let mut edges: Vec<BTreeMap<usize, (Certainty, Source)>> = vec![BTreeMap::new(); tasks.len()];
    for (at, said) in written.iter().enumerate() {
        for said in said {
            for named in parts(&said.text, |id| index.knows(id)) {
                let found = index.named(&named);
                if found.is_empty() {
                    troubles.unresolved.entry(at).or_default().push(named.to_string());
                }
                for &other in found {
                    let (from, to) = if said.before { (other, at) } else { (at, other) };
                    edges[from].entry(to).or_insert((Certainty::Written, said.source.clone()));
                }
            }
        }
    }
    by_rows(rows, of_tasks, &index, &mut edges, &mut troubles, warnings);
    for (at, other) in by_words(tasks, &index) {
        edges[at].entry(other).or_insert((Certainty::Inferred, Source::Words));
    }
    // What was only inferred gives way where it contradicts what is written.
    for circle in circles(&edges) {
        for &at in &circle {
            edges[at]
                .retain(|other, (certainty, _)| *certainty == Certainty::Written || !circle.contains(other));
        }
    }
    for circle in circles(&edges) {
        let ids: Vec<String> = circle.iter().map(|&at| tasks[at].id.clone()).collect();
        for &at in &circle {
            edges[at].retain(|other, _| !circle.contains(other));
            warnings.push(Warning {
                line: tasks[at].line,
                text: wording::waits_in_a_circle(&ids),
                about: About::Contradiction,
            });
            troubles.circles.insert(at, ids.clone());
        }
    }
    for (at, named) in &troubles.unresolved {
        for named in named {
            let text = wording::unknown_dependency(&tasks[*at].id, named);
            warnings.push(Warning { line: tasks[*at].line, text, about: About::Dependency(named.clone()) });
        }
    }
    let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
    for (task, edges) in tasks.iter_mut().zip(edges) {
        let guesses: Vec<Guess<String>> = edges
            .into_iter()
            .map(|(other, (certainty, source))| Guess { value: ids[other].clone(), certainty, source })
            .collect();
        task.depends_on = guesses.iter().map(|guess| guess.value.clone()).collect();
        task.guesses.depends_on = guesses;
    }
    troubles
}

/// What the rows of the table say comes first.
fn by_rows(
    rows: &[SpecRow],
    of_tasks: &[Vec<usize>],
    index: &Index,
    edges: &mut [BTreeMap<usize, (Certainty, Source)>],
    troubles: &mut Troubles,
    warnings: &mut Vec<Warning>,
) {
    let mut of_rows: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    for (task, rows) in of_tasks.iter().enumerate() {
        for &row in rows {
            of_rows[row].push(task);
        }
    }
    let places: HashMap<&str, usize> =
        rows.iter().enumerate().rev().map(|(at, row)| (row.id.as_str(), at)).collect();
    for (at, row) in rows.iter().enumerate() {
        for part in spec::parts(&row.depends) {
            let row_before = places.get(part).copied();
            let before: Vec<usize> = match row_before {
                Some(other) => of_rows[other].clone(),
                None => parts(part, |id| index.knows(id))
                    .iter()
                    .flat_map(|named| index.named(named).to_vec())
                    .collect(),
            };
            if before.is_empty() {
                warnings.push(Warning::guess(row.line, wording::spec_dependency(&row.id, part)));
            }
            for &task in &of_rows[at] {
                // A row that nobody works on may be meant to have been worked on.
                if before.is_empty() && row_before.is_some() {
                    troubles.unresolved.entry(task).or_default().push(part.to_owned());
                }
                // Tasks about the same row are one change: they are put in order by what they are.
                for &other in before.iter().filter(|other| !of_tasks[**other].contains(&at)) {
                    let found = || (Certainty::Written, Source::Spec(row.line));
                    edges[task].entry(other).or_insert_with(found);
                }
            }
        }
    }
}

/// What follows from the words of two tasks: which waits for which.
fn by_words(tasks: &[Task], index: &Index) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let repairs = repairs_by_word(tasks);
    let turning: Vec<usize> = tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| matches!(task.kind, Kind::Action { action: Action::CephCrashArchive }))
        .map(|(at, _)| at)
        .take(MOST_OF_A_NAME)
        .collect();
    for (at, task) in tasks.iter().enumerate() {
        for pull in about(task) {
            found.extend(followed(task, pull, index).into_iter().map(|other| (at, other)));
        }
        if turns_green(task) {
            found.extend(turning.iter().map(|&other| (at, other)));
        }
        if matches!(task.kind, Kind::Verify { check: Check::AllLayers }) {
            for word in words(&task.title).iter().skip(1).filter(|word| is_a_name(word)) {
                let named = repairs.get(word).filter(|named| named.len() <= MOST_OF_A_NAME);
                let before = named.into_iter().flatten().copied().filter(|&other| other < at);
                found.extend(
                    before.filter(|&other| tasks[other].priority <= task.priority).map(|other| (at, other)),
                );
            }
        }
    }
    found
}

/// The pull requests whose other tasks one may have to follow.
fn about(task: &Task) -> Vec<PullNumber> {
    match &task.kind {
        Kind::Merge { pull } | Kind::Track { pull: Some(pull) } => vec![*pull],
        Kind::Close { number } => {
            let mut found: Vec<PullNumber> = pulls(&task.title);
            found.extend(bare(&task.title).into_iter().map(PullNumber));
            found.push(PullNumber(number.0));
            found.sort_unstable();
            found.dedup();
            found
        }
        _ => Vec::new(),
    }
}

/// A merge follows the decision about it; what tracks or closes something follows the work on it. Asked for each task of
/// a text, so only those are looked at that can be meant.
fn followed(task: &Task, pull: PullNumber, index: &Index) -> Vec<usize> {
    let merges = index.merges.get(&pull).map_or(&[][..], Vec::as_slice);
    let decisions = index.decisions.get(&pull).map_or(&[][..], Vec::as_slice);
    let (merges, decisions) = match &task.kind {
        Kind::Merge { .. } => (&[][..], decisions),
        Kind::Track { .. } => (merges, decisions),
        Kind::Close { number } if pull.as_issue() == *number => (&[][..], decisions),
        Kind::Close { .. } => (merges, &[][..]),
        _ => (&[][..], &[][..]),
    };
    let first = |list: &[usize]| list.iter().copied().take(MOST_OF_A_NAME).collect::<Vec<usize>>();
    let mut found = [first(merges), first(decisions)].concat();
    found.sort_unstable();
    found.truncate(MOST_OF_A_NAME);
    found
}

/// What an archive of crash reports turns GREEN comes after it.
fn turns_green(task: &Task) -> bool {
    match &task.kind {
        Kind::Verify { check } => match check {
            Check::CephHealthy | Check::AllLayers => true,
            Check::Layer(layer) => *layer == crate::health::Layer::System,
            Check::NodesReady
            | Check::NodesReadyOf(_)
            | Check::ApplicationsHealthy
            | Check::ApplicationsHealthyOf(_)
            | Check::PodsHealthy => false,
        },
        _ => false,
    }
}

/// People's repairs by the names in their titles: such a repair comes before the check that the same thing is GREEN.
fn repairs_by_word(tasks: &[Task]) -> HashMap<String, Vec<usize>> {
    let mut found: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, task) in tasks.iter().enumerate().filter(|(_, task)| matches!(task.kind, Kind::Person)) {
        let list = words(&task.title);
        let looks = list.first().is_some_and(|first| {
            matches!(
                first.as_str(),
                "capture"
                    | "collect"
                    | "verify"
                    | "confirm"
                    | "check"
                    | "review"
                    | "document"
                    | "track"
                    | "investigate"
                    | "identify"
            )
        });
        if !looks {
            let names: BTreeSet<String> = list.into_iter().filter(|word| is_a_name(word)).collect();
            for name in names {
                found.entry(name).or_default().push(at);
            }
        }
    }
    found
}

/// Not one of the words in which anything is said.
fn is_a_name(word: &str) -> bool {
    word.chars().count() > 3
        && !matches!(
            word,
            "returns"
                | "return"
                | "green"
                | "layer"
                | "layers"
                | "that"
                | "again"
                | "with"
                | "healthy"
                | "cluster"
                | "after"
                | "before"
                | "validation"
                | "universal"
                | "gate"
                | "health"
                | "from"
                | "into"
                | "back"
                | "apps"
                | "system"
                | "platform"
                | "metal"
                | "network"
                | "storage"
                | "change"
                | "changes"
                | "each"
                | "every"
                | "update"
                | "image"
        )
}

/// The circles in which tasks wait for each other, a task that waits for itself included.
fn circles(edges: &[BTreeMap<usize, (Certainty, Source)>]) -> Vec<BTreeSet<usize>> {
    // Tarjan's algorithm, with a stack of its own: a chain of tasks may be as long as the text.
    const UNSEEN: usize = usize::MAX;
    let (mut index, mut low) = (vec![UNSEEN; edges.len()], vec![0; edges.len()]);
    let (mut stack, mut on_stack, mut next) = (Vec::new(), vec![false; edges.len()], 0);
    let mut found = Vec::new();
    let targets: Vec<Vec<usize>> = edges.iter().map(|edges| edges.keys().copied().collect()).collect();
    for root in 0..edges.len() {
        if index[root] != UNSEEN {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((at, child)) = calls.pop() {
            if child == 0 {
                (index[at], low[at]) = (next, next);
                next += 1;
                stack.push(at);
                on_stack[at] = true;
            }
            if let Some(&target) = targets[at].get(child) {
                calls.push((at, child + 1));
                if index[target] == UNSEEN {
                    calls.push((target, 0));
                } else if on_stack[target] {
                    low[at] = low[at].min(index[target]);
                }
                continue;
            }
            if let Some((parent, _)) = calls.last() {
                low[*parent] = low[*parent].min(low[at]);
            }
            if low[at] == index[at] {
                let mut circle = BTreeSet::new();
                while let Some(other) = stack.pop() {
                    on_stack[other] = false;
                    circle.insert(other);
                    if other == at {
                        break;
                    }
                }
                if circle.len() > 1 || edges[at].contains_key(&at) {
                    found.push(circle);
                }
            }
        }
    }
    found
}
