//! The table of proposed changes: a second list of the same work, with ids of its own.
//!
//! Its ids may be those of the tasks, or look like them and mean something else, or look like priorities. So a row and a
//! task belong together when they name the same pull request, or have the same id and words in common; an id alone
//! says nothing.

use super::condition::{Doubt, Reserve, doubt};
use super::detail::{is_of_harm, is_of_the_outcome, is_still_open};
use super::draft::is_a_dependency;
use super::guess::{Certainty, Guess, Source};
use super::identity;
use super::kind::{bare, pulls};
use super::refusal::{Tone, in_passing, is_a_no};
use super::reserve::Said;
use super::{Kind, Task, Warning, marks, words};
use crate::forge::PullNumber;
use crate::wording;
use checklist::{Document, Row, Table};

/// From this share of common words on a row and a task with the same id are about the same.
const ABOUT: f64 = 0.15;

/// A cell of so many words at most is a verdict.
const SHORT: usize = 4;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpecRow {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Its id.
    pub(crate) id: String,
    /// Its priority, where it names one.
    pub(crate) priority: Option<super::Priority>,
    /// Its layer, where it names one.
    pub(crate) layer: Option<crate::health::Layer>,
    /// What is to be changed.
    pub(crate) summary: String,
    /// What it depends on, as written.
    pub(crate) depends: String,
    pulls: Vec<PullNumber>,
    /// What one of its cells says against the work.
    reserve: Option<Reserve>,
}

/// The rows of the table of proposed changes.
pub(crate) fn rows(document: &Document<'_>) -> Vec<SpecRow> {
    let own = marks::own_ranges(document);
    // A block of ours below the table's own heading has headings, and they are not the table's.
    let above = |heading: usize| {
        document.headings()[..=heading]
            .iter()
            .rev()
            .find(|heading| !own.iter().any(|own| own.contains(&heading.span.start)))
    };
    let is_spec = |table: &&Table| {
        table.heading.and_then(above).is_some_and(|heading| {
            let text = heading.text.to_lowercase();
            text.contains("proposed change") || text.contains("(spec)") || text.trim() == "spec"
        }) && !own.iter().any(|own| own.contains(&table.span.start))
    };
    document
        .tables()
        .iter()
        .filter(is_spec)
        .flat_map(|table| table.rows.iter().filter_map(|row| spec_row(table, row)))
        .collect()
}

fn spec_row(table: &Table, row: &Row) -> Option<SpecRow> {
    let cell = |names: &[&str]| {
        let column = table.header.iter().position(|header| {
            let header = header.text.trim().to_lowercase();
            names.iter().any(|name| header == *name || header.strip_suffix('s') == Some(name))
        })?;
        row.cells.get(column).map(|cell| cell.text.trim().to_owned())
    };
    let id = cell(&["id", "#", "item"]).filter(|id| id.contains(char::is_alphanumeric))?;
    let summary = cell(&["summary", "title", "description", "change", "what"]).unwrap_or_default();
    Some(SpecRow {
        line: row.line,
        priority: cell(&["priority", "prio"]).and_then(|text| words::priority(&text)),
        layer: cell(&["layer"]).and_then(|text| words::layers(&text)).and_then(|(layer, _)| layer),
        depends: cell(&["dependencie", "dependency", "depends on", "depend", "after", "requires"])
            .unwrap_or_default(),
        pulls: pulls(&summary),
        reserve: reserve(table, row),
        id,
        summary,
    })
}

/// What the cells of a row say against its work. A column that says what is expected, or what comes first, may say what it
/// likes; a cell of a few words is a verdict, a longer one a description.
fn reserve(table: &Table, row: &Row) -> Option<Reserve> {
    let cells = table.header.iter().zip(&row.cells).filter(|(header, _)| {
        let header = header.text.trim().to_lowercase();
        !is_a_dependency(&header)
            && !is_of_the_outcome(&header)
            && !["dependenc", "impact", "downtime", "risk", "layer", "priority"]
                .iter()
                .any(|start| header.starts_with(start))
            && !matches!(header.as_str(), "id" | "#" | "item")
    });
    let found = cells.filter_map(|(header, cell)| {
        let text = cell.text.trim();
        let short = text.split_whitespace().count() <= SHORT && !is_still_open(text);
        let no = is_a_no(text) && !is_of_harm(&header.text.trim().to_lowercase());
        let verdict = if short { doubt(text) } else { None };
        verdict
            .or_else(|| in_passing(text, Tone::Told))
            .or_else(|| no.then(|| Reserve { doubt: Doubt::Judgement, said: text.to_owned() }))
    });
    found.reduce(|one, other| if one.doubt == Doubt::Judgement { one } else { other })
}

/// Whether a row names the pull request of a task.
fn names_the_same(row: &SpecRow, task: &Task) -> bool {
    let named = bare(&task.title);
    row.pulls.iter().any(|pull| task.kind.pull() == Some(*pull) || named.contains(&pull.0))
}

/// Whether a row with the id of a task is about that task.
pub(crate) fn is_about(row: &SpecRow, task: &Task) -> bool {
    names_the_same(row, task) || identity::likeness(&row.summary, &task.title) >= ABOUT
}

/// For each task the rows that are about it, as indexes. An id that stands for something else is told.
pub(crate) fn of_tasks(tasks: &[Task], rows: &[SpecRow], warnings: &mut Vec<Warning>) -> Vec<Vec<usize>> {
    let mut of_tasks: Vec<Vec<usize>> = Vec::new();
    for task in tasks {
        let mut found: Vec<usize> = (0..rows.len()).filter(|&at| names_the_same(&rows[at], task)).collect();
        let same_id = rows.iter().position(|row| Some(&row.id) == task.written_id.as_ref());
        if let Some(at) = same_id.filter(|at| !found.contains(at)) {
            if found.is_empty() && is_about(&rows[at], task) {
                found.push(at);
            } else {
                let text = wording::spec_collision(&rows[at].id, rows[at].line);
                warnings.push(Warning::guess(task.line, text));
            }
        }
        of_tasks.push(found);
    }
    of_tasks
}

/// Gives tasks the priority and the layer of their rows where nothing else says them.
pub(crate) fn fill(tasks: &mut [Task], rows: &[SpecRow], of_tasks: &[Vec<usize>]) {
    for (task, own) in tasks.iter_mut().zip(of_tasks) {
        let own = || own.iter().map(|&at| &rows[at]);
        if task.guesses.priority.certainty == Certainty::Assumed
            && let Some((priority, line)) = own().find_map(|row| Some((row.priority?, row.line)))
        {
            task.priority = priority;
            task.guesses.priority = Guess::inferred(priority, Source::Spec(line));
        }
        if task.guesses.layer.certainty == Certainty::Assumed
            && let Some((layer, line)) = own().find_map(|row| Some((row.layer?, row.line)))
        {
            task.layer = Some(layer);
            task.guesses.layer = Guess::inferred(Some(layer), Source::Spec(line));
        }
    }
}

/// Makes tasks wait whose rows say something against them; so does a row with the id of a task that names no other
/// work.
pub(crate) fn heed(tasks: &mut [Task], rows: &[SpecRow], of_tasks: &[Vec<usize>]) {
    for (task, own) in tasks.iter_mut().zip(of_tasks) {
        if !matches!(task.kind, Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. }) {
            continue;
        }
        let found = rows.iter().enumerate().find_map(|(at, row)| {
            let same = own.contains(&at) || row.pulls.is_empty() && Some(&row.id) == task.written_id.as_ref();
            same.then_some(row.reserve.as_ref())
                .flatten()
                .map(|reserve| Said::new(&wording::its_row(row.line), reserve))
        });
        if let Some(Said { doubt, why }) = found {
            task.ask(doubt, why);
        }
    }
}

/// What a row depends on, part by part, `None` and its likes left out.
pub(crate) fn parts(depends: &str) -> impl Iterator<Item = &str> {
    depends.split([',', ';', '/', '&']).map(|part| part.trim().trim_end_matches('.')).filter(|part| {
        !matches!(part.to_lowercase().as_str(), "" | "none" | "-" | "–" | "—" | "n" | "a" | "na" | "nothing")
    })
}
