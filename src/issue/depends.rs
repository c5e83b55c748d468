//! Which task must end before which.
//!
//! What people write counts as written: an id, a range of ids, the pull request that another task merges, in any case of
//! letters. What they write and nothing here answers is not dropped: then somebody has to say yes. What follows from the
//! words alone never contradicts what is written, and tasks that wait for each other in a circle wait for a person.

use super::guess::{Certainty, Guess, Source};
use super::kind::{numbers, words};
use super::named::{Named, parts};
use super::spec::{self, SpecRow};
use super::vocabulary::is_of_a_gate;
use super::{About, Kind, Task, Warning, inferred};
use crate::forge::PullNumber;
use crate::wording;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How much a text that names others is meant for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// Its own line or a plain detail: whatever is named has to be seen to.
    Own,
    /// It stands above it, and perhaps above what it names as well.
    Around,
    /// A description, which may name versions and machines too.
    Passing,
    /// A label that nobody here knows: a task that it names may come first, so that somebody has to look.
    Unclear,
}

/// What a task says of its place among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The words that name them.
    pub(crate) text: String,
    /// Where it says so.
    pub(crate) source: Source,
    /// Whether it comes before them, not after.
    pub(crate) before: bool,
    /// How much it is meant for the task.
    pub(crate) bearing: Bearing,
}

impl Written {
    /// Whether a name that nothing here answers has to be seen to.
    fn counts(&self, named: &Named) -> bool {
        let Named::Id(id) = named else { return self.bearing != Bearing::Unclear };
        // `Everything after P0` names a priority.
        let priority = || matches!(id.to_ascii_lowercase().as_str(), "p0" | "p1" | "p2" | "p3");
        match self.bearing {
            Bearing::Own => true,
            Bearing::Unclear => false,
            Bearing::Around => !priority(),
            Bearing::Passing => id.starts_with(|c: char| c.is_ascii_uppercase()) && !priority(),
        }
    }
}

/// What was found besides the dependencies themselves.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// By task: what it waits for and nothing here answers.
    pub(crate) unresolved: BTreeMap<usize, Vec<String>>,
    /// By task: the ids of the circle in which it waits for itself.
    pub(crate) circles: BTreeMap<usize, Vec<String>>,
}

/// Which tasks one waits for, how surely and from what.
pub(super) type Edges = BTreeMap<usize, (Certainty, Source)>;

/// A word that more tasks than this have names none of them.
pub(super) const MOST_OF_A_NAME: usize = 32;

/// Tasks by what they may be called.
pub(super) struct Index {
    ids: HashMap<String, Vec<usize>>,
    pulls: HashMap<PullNumber, Vec<usize>>,
    /// Of those only the merges, and only what people do about them.
    pub(super) merges: HashMap<PullNumber, Vec<usize>>,
    pub(super) decisions: HashMap<PullNumber, Vec<usize>>,
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
                Kind::Decide { .. } | Kind::Person | Kind::Dashboard => {
                    for number in numbers(&task.title) {
                        decisions.entry(PullNumber(number)).or_default().push(at);
                    }
                }
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
        // Who waits for a pull request waits for its merge, and for what people do to bring it out. What they do about it
        // besides, such as telling of it or undoing it, is meant only where there is no merge. A tick says nothing here:
        // ours must not change what others wait for.
        for meant in pulls.values_mut() {
            if meant.iter().any(|at| matches!(tasks[*at].kind, Kind::Merge { .. })) {
                meant.retain(|at| !matches!(tasks[*at].kind, Kind::Person) || brings_out(&tasks[*at].title));
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

    /// The tasks that a name means. An id that several tasks have, or a number that very many are about, means none that
    /// could be told: to wait for all of them would cost each of them something for each of the others.
    fn one(&self, named: &Named) -> &[usize] {
        let found = self.named(named);
        let most = if matches!(named, Named::Id(_)) { 1 } else { MOST_OF_A_NAME };
        if found.len() > most { &[] } else { found }
    }

    /// The one task with this id.
    pub(super) fn of_id(&self, id: &str) -> Option<usize> {
        match self.ids.get(&id.to_lowercase()).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        }
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
    let mut edges: Vec<Edges> = vec![BTreeMap::new(); tasks.len()];
    for (at, said) in written.iter().enumerate() {
        for said in said {
            for named in parts(&said.text, |id| index.knows(id)) {
                let found = index.one(&named);
                if found.is_empty() && said.counts(&named) {
                    troubles.unresolved.entry(at).or_default().push(named.to_string());
                }
                if said.bearing == Bearing::Unclear {
                    if found.iter().any(|other| *other != at) {
                        troubles.unresolved.entry(at).or_default().push(named.to_string());
                    }
                    continue;
                }
                let own = said.bearing == Bearing::Own;
                // What somebody else holds up waits for more than tasks.
                if said.before && !own && found.contains(&at) {
                    troubles.unresolved.entry(at).or_default().push(said.text.clone());
                }
                for &other in found.iter().filter(|other| own || **other != at) {
                    let (from, to) = if said.before { (other, at) } else { (at, other) };
                    edges[from].entry(to).or_insert((Certainty::Written, said.source.clone()));
                }
            }
        }
    }
    by_rows(tasks, rows, of_tasks, &index, &mut edges, &mut troubles, warnings);
    for (at, other) in inferred::by_words(tasks, &index) {
        edges[at].entry(other).or_insert((Certainty::Inferred, Source::Words));
    }
    inferred::by_gates(tasks, &mut edges, &mut troubles);
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

/// `Roll PR #3 out by hand`: a part of the change itself, and not what is done about it.
fn brings_out(title: &str) -> bool {
    let list = words(title);
    let begins = list.first().is_some_and(|first| {
        matches!(
            first.as_str(),
            "roll"
                | "deploy"
                | "apply"
                | "install"
                | "upgrade"
                | "update"
                | "migrate"
                | "merge"
                | "finish"
                | "complete"
        )
    });
    begins
        && !list
            .iter()
            .any(|word| matches!(word.as_str(), "back" | "documentation" | "docs" | "wiki" | "notes"))
}

/// What the rows of the table say comes first.
fn by_rows(
    tasks: &[Task],
    rows: &[SpecRow],
    of_tasks: &[Vec<usize>],
    index: &Index,
    edges: &mut [Edges],
    troubles: &mut Troubles,
    warnings: &mut Vec<Warning>,
) {
    let mut of_rows: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    for (task, own) in of_tasks.iter().enumerate() {
        for &row in own {
            of_rows[row].push(task);
        }
        if let Some(row) = own.get(MOST_OF_A_NAME) {
            let named = if rows[*row].id.is_empty() { &rows[*row].summary } else { &rows[*row].id };
            troubles.unresolved.entry(task).or_default().push(named.clone());
        }
    }
    // The row of a merge is not waited for with what people do about the same pull request under other ids.
    for (row, about) in rows.iter().zip(&mut of_rows) {
        let is_aside = |at: &usize| {
            let own = tasks[*at].written_id.as_deref().is_some_and(|id| id.starts_with(row.id.as_str()));
            matches!(tasks[*at].kind, Kind::Person) && (row.id.is_empty() || !own)
        };
        let is_the_rows = |at: &usize| {
            let has_its_id = || tasks[*at].written_id.as_deref() == Some(row.id.as_str());
            match tasks[*at].kind {
                Kind::Merge { .. } => true,
                Kind::Decide { .. } => has_its_id(),
                _ => false,
            }
        };
        if about.iter().any(is_the_rows) {
            about.retain(|at| !is_aside(at));
        }
    }
    let places: HashMap<&str, usize> =
        rows.iter().enumerate().rev().map(|(at, row)| (row.id.as_str(), at)).collect();
    for (at, row) in rows.iter().enumerate() {
        for part in spec::parts(&row.depends) {
            let row_before = places.get(part).copied();
            // A final gate waits for everything anyhow.
            let is_final = |at: &usize| tasks[*at].kind == Kind::Final;
            if is_everything(part) && !of_rows[at].is_empty() && of_rows[at].iter().all(is_final) {
                continue;
            }
            let (before, missing): (Vec<usize>, Vec<String>) = match row_before {
                // A row that nobody works on may be meant to have been worked on.
                Some(other) if of_rows[other].is_empty() || of_rows[other].len() > MOST_OF_A_NAME => {
                    (Vec::new(), vec![part.to_owned()])
                }
                Some(other) => (of_rows[other].clone(), Vec::new()),
                None => named_in(part, index),
            };
            if before.is_empty() && missing.is_empty() {
                continue;
            }
            if before.is_empty() {
                warnings.push(Warning::guess(row.line, wording::spec_dependency(&row.id, part)));
            }
            let many = of_rows[at].len() > MOST_OF_A_NAME;
            for &task in &of_rows[at] {
                // `Review and merge` is the review that its row asks for.
                let missing = missing.iter().find(|name| !is_its_own_review(name, &tasks[task].title));
                if (many || missing.is_some())
                    && troubles.unresolved.get(&task).is_none_or(|known| known.len() < MOST_OF_A_NAME)
                {
                    let first = missing.cloned().unwrap_or_else(|| part.to_owned());
                    troubles.unresolved.entry(task).or_default().push(first);
                }
                if many {
                    continue;
                }
                // Tasks about the same row are one change: they are put in order by what they are.
                let says_so = |other: usize| {
                    tasks[other].written_id.as_deref() == Some(part)
                        && tasks[task].written_id.as_deref() == Some(row.id.as_str())
                };
                for &other in
                    before.iter().filter(|other| !of_tasks[**other].contains(&at) || says_so(**other))
                {
                    let found = || (Certainty::Written, Source::Spec(row.line));
                    edges[task].entry(other).or_insert_with(found);
                }
            }
        }
        for named in row.blocks.iter().flat_map(|cell| parts(cell, |id| index.knows(id))) {
            for &other in index.one(&named) {
                if of_rows[at].is_empty() {
                    let row_is = if row.id.is_empty() { &row.summary } else { &row.id };
                    troubles.unresolved.entry(other).or_default().push(row_is.clone());
                }
                for &first in of_rows[at].iter().take(MOST_OF_A_NAME).filter(|first| **first != other) {
                    edges[other].entry(first).or_insert((Certainty::Written, Source::Spec(row.line)));
                }
            }
        }
        // A column that nobody here knows and that names another task: it may come first.
        for cell in &row.unclear {
            let names = parts(cell, |id| index.knows(id)).into_iter().find(|named| {
                matches!(named, Named::Id(_))
                    && index.named(named).iter().any(|other| !of_rows[at].contains(other))
            });
            if let Some(named) = names {
                for &task in &of_rows[at] {
                    troubles.unresolved.entry(task).or_default().push(named.to_string());
                }
            }
        }
    }
}

fn is_a_gate(text: &str) -> bool {
    let list = words(text);
    let waited_for = |word: &str| {
        matches!(
            word,
            "all"
                | "every"
                | "layer"
                | "layers"
                | "cluster"
                | "ceph"
                | "nodes"
                | "health"
                | "health_ok"
                | "ok"
                | "green"
                | "healthy"
                | "ready"
                | "is"
                | "are"
                | "preflight"
                | "checks"
                | "pass"
                | "passed"
        )
    };
    let is_a_state = list.iter().all(|word| waited_for(word))
        && list.iter().any(|word| {
            matches!(word.as_str(), "green" | "healthy" | "ok" | "health_ok" | "ready" | "preflight")
        });
    // Renovate makes its pull requests by itself, as long as its dashboard is open.
    let is_of_renovate = list.iter().all(|word| {
        matches!(word.as_str(), "renovate" | "dependency" | "dashboard" | "issue")
            || word.bytes().all(|byte| byte.is_ascii_digit())
    }) && list.iter().any(|word| matches!(word.as_str(), "renovate" | "dashboard"));
    is_a_state
        || is_of_renovate
        || list.iter().all(|word| is_of_a_gate(word))
            && list.iter().any(|word| {
                matches!(word.as_str(), "gate" | "gates" | "validation" | "verification" | "recon")
            })
}

/// `All`, `all above`, `everything else`, `all previous tasks`.
fn is_everything(text: &str) -> bool {
    let list = words(text);
    list.first().is_some_and(|first| matches!(first.as_str(), "all" | "everything" | "any" | "every"))
        && list.iter().skip(1).all(|word| {
            matches!(
                word.as_str(),
                "of" | "the"
                    | "above"
                    | "previous"
                    | "prior"
                    | "other"
                    | "others"
                    | "else"
                    | "earlier"
                    | "preceding"
                    | "task"
                    | "tasks"
                    | "item"
                    | "items"
                    | "phase"
                    | "phases"
                    | "change"
                    | "changes"
            )
        })
}

fn is_its_own_review(name: &str, title: &str) -> bool {
    words(title).first().is_some_and(|first| first == "review")
        && words(name).iter().all(|word| {
            matches!(word.as_str(), "pr" | "pull" | "request" | "review" | "release" | "notes" | "changelog")
        })
}

/// The tasks that a part of a cell names, and what it names that is none; gates, which follow each change anyhow, left
/// out.
fn named_in(part: &str, index: &Index) -> (Vec<usize>, Vec<String>) {
    let (mut before, mut missing) = (Vec::new(), Vec::new());
    if is_a_gate(part) {
        return (before, missing);
    }
    for named in parts(part, |id| index.knows(id)) {
        match index.one(&named) {
            [] if matches!(&named, Named::Words(text) if is_a_gate(text)) => {}
            [] => missing.push(named.to_string()),
            found => before.extend_from_slice(found),
        }
    }
    (before, missing)
}

/// The circles in which tasks wait for each other, a task that waits for itself included.
fn circles(edges: &[Edges]) -> Vec<BTreeSet<usize>> {
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
