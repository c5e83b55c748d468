//! The table of proposed changes: a second list of the same work, with ids of its own.
//!
//! Its ids may be those of the tasks, or look like them and mean something else, or look like priorities. So a row and a
//! task belong together when they name the same pull request, or have the same id and words in common; an id alone
//! says nothing.

use super::condition::{Doubt, Reserve, doubt};
use super::depends::MOST_OF_A_NAME;
use super::detail::{is_of_harm, is_of_the_outcome, is_still_open, says_nothing};
use super::draft::is_a_dependency;
use super::guess::{Certainty, Guess, Source};
use super::identity;
use super::kind::{bare, pulls};
use super::levels;
use super::named::take;
use super::refusal::{Tone, in_passing, is_a_no};
use super::reserve::Said;
use super::{Kind, Task, Warning, marks, words};
use crate::forge::PullNumber;
use crate::wording;
use checklist::{Document, Row, Table};
use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;

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
    /// What waits for it, as written.
    pub(crate) blocks: Vec<String>,
    /// Cells that name something in columns that nobody here knows.
    pub(crate) unclear: Vec<String>,
    pulls: Vec<PullNumber>,
    /// What one of its cells says against the work.
    reserve: Option<Reserve>,
}

/// What a column of the table holds, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// The row's id.
    Id,
    /// What is to be changed.
    Summary,
    /// What comes first.
    Depends,
    /// Its priority.
    Priority,
    /// Its layer.
    Layer,
    /// What may be said freely: what is expected, what is risked.
    Aside,
    /// Any text about the work, such as a verdict.
    Text,
    /// Nobody knows.
    Unknown,
}

/// What a header names.
pub(crate) fn column(header: &str) -> Column {
    let header = header.trim().trim_matches('*').trim().trim_end_matches([':', '.']).to_lowercase();
    let starts = |list: &[&str]| list.iter().any(|start| header.starts_with(start));
    match header.as_str() {
        "id" | "ids" | "#" | "item" | "change id" | "task id" | "no" | "nr" | "key" | "ref" | "number" => {
            Column::Id
        }
        "summary" | "summaries" | "title" | "description" | "change" | "changes" | "what" | "action"
        | "task" | "details" | "detail" | "name" | "update" | "work" | "proposed change" | "aufgabe"
        | "änderung" => Column::Summary,
        "priority" | "priorities" | "prio" => Column::Priority,
        "layer" | "layers" => Column::Layer,
        "before" => Column::Unknown,
        header if is_held_up(header) => Column::Unknown,
        _ if asks_for_approval(&header) => Column::Text,
        _ if is_a_dependency(&header) => Column::Depends,
        _ if is_of_the_outcome(&header) || starts(&["impact", "downtime", "risk", "validat", "verif"]) => {
            Column::Aside
        }
        _ if starts(&[
            "status",
            "state",
            "verdict",
            "decision",
            "note",
            "comment",
            "remark",
            "source",
            "pr",
            "pull",
            "issue",
            "owner",
            "version",
            "from",
            "to",
            "current",
            "new",
            "target",
            "type",
            "category",
            "kind",
            "component",
            "service",
            "app",
            "package",
            "reason",
            "why",
            "goal",
            "link",
            "result",
            "outcome",
            "severity",
            "effort",
            "duration",
            "estimate",
            "scope",
            "area",
            "release",
            "recommend",
            "confidence",
            "breaking",
            "date",
        ]) =>
        {
            Column::Text
        }
        _ => Column::Unknown,
    }
}

/// Whether a column asks for somebody's yes.
fn asks_for_approval(header: &str) -> bool {
    ["approv", "sign-off", "signoff", "sign off", "permission", "consent"]
        .iter()
        .any(|word| header.contains(word))
}

/// Whether a column of any table says before what its row comes, and whether it says after what.
pub(super) fn is_of_the_order(table: &Table, header: &str) -> (bool, bool) {
    let header = plain(header);
    if is_of_versions(table) && matches!(header.as_str(), "before" | "after") {
        return (false, false);
    }
    (header == "before" || is_held_up(&header), column(&header) == Column::Depends)
}

/// A column of what a row holds up.
fn is_held_up(header: &str) -> bool {
    matches!(
        plain(header).as_str(),
        "blocks"
            | "blocking"
            | "required for"
            | "required by"
            | "needed by"
            | "needed for"
            | "prerequisite for"
    )
}

fn plain(header: &str) -> String {
    header.trim().trim_matches('*').to_lowercase()
}

/// Whether `before` and `after` tell what a row changes: where a table has both columns.
fn is_of_versions(table: &Table) -> bool {
    let has = |wanted: &str| table.header.iter().any(|cell| plain(&cell.text) == wanted);
    has("before") && has("after")
}

/// Whether a row of a form's status says that everything stands still.
pub(super) fn is_paused(cells: &[&str]) -> bool {
    static PAUSED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?i)⏸|🛑|⛔|\b(?:paused?|on hold|frozen|freeze|cancell?ed|aborted|suspended|stopped|halted)\b",
        )
        .expect("the pattern is a constant that a test compiles")
    });
    let name =
        cells.first().map(|name| name.trim_matches(['*', ':', ' ']).to_lowercase()).unwrap_or_default();
    matches!(name.as_str(), "overall status" | "status" | "state" | "overall")
        && cells[1..].iter().any(|cell| PAUSED.is_match(cell))
}

/// The tables of proposed changes, by their headings or by their columns, and those that are none. Blocks of ours hold
/// neither.
fn tables<'d>(document: &'d Document<'_>) -> impl Iterator<Item = (bool, &'d Table)> {
    let own = marks::own_ranges(document);
    let is_own = move |at: usize| own.iter().any(|own| own.contains(&at));
    // For each heading whether it or one above it says so; a block of ours has headings that are not the table's.
    let mut path: Vec<(usize, bool)> = Vec::new();
    let mut below: Vec<bool> = Vec::new();
    for heading in document.headings() {
        if !is_own(heading.span.start) {
            while path.last().is_some_and(|(level, _)| *level >= heading.level) {
                path.pop();
            }
            let outer = path.last().is_some_and(|(_, says)| *says);
            path.push((heading.level, outer || announces_changes(&heading.text)));
        }
        below.push(path.last().is_some_and(|(_, says)| *says));
    }
    document.tables().iter().filter(move |table| !is_own(table.span.start)).map(move |table| {
        let has = |wanted| table.header.iter().any(|header| column(&header.text) == wanted);
        let by_columns = has(Column::Id) && has(Column::Summary) && has(Column::Depends);
        (by_columns || table.heading.is_some_and(|heading| below[heading]), table)
    })
}

fn announces_changes(heading: &str) -> bool {
    let text = heading.to_lowercase();
    ["proposed change", "proposed update", "planned change", "planned update", "(spec)", "change spec"]
        .iter()
        .any(|name| text.contains(name))
        || matches!(
            text.trim().trim_start_matches(|c: char| c.is_ascii_digit() || ". ".contains(c)),
            "spec" | "specification" | "specifications"
        )
}

/// The tables of proposed changes.
pub(crate) fn of_changes<'d>(document: &'d Document<'_>) -> impl Iterator<Item = &'d Table> {
    tables(document).filter_map(|(is_one, table)| is_one.then_some(table))
}

/// All other tables.
pub(super) fn others<'d>(document: &'d Document<'_>) -> impl Iterator<Item = &'d Table> {
    tables(document).filter_map(|(is_one, table)| (!is_one).then_some(table))
}

/// The rows of the tables of proposed changes.
pub(crate) fn rows(document: &Document<'_>) -> Vec<SpecRow> {
    of_changes(document).flat_map(|table| table.rows.iter().filter_map(|row| spec_row(table, row))).collect()
}

fn spec_row(table: &Table, row: &Row) -> Option<SpecRow> {
    let cells: Vec<(Column, &str)> = table
        .header
        .iter()
        .zip(&row.cells)
        .map(|(header, cell)| (column(&header.text), cell.text.trim()))
        .collect();
    let all =
        |wanted: Column| cells.iter().filter(move |(column, _)| *column == wanted).map(|(_, text)| *text);
    let id = all(Column::Id).find(|id| id.contains(char::is_alphanumeric));
    // Where no column is the ids', a cell that has the form of one is.
    let form =
        || cells.iter().map(|(_, text)| text.trim_matches(['*', '`', '~'])).find(|text| words::is_id(text));
    let id = id.or_else(form).unwrap_or_default().to_owned();
    let summary = all(Column::Summary).filter(|text| *text != id).collect::<Vec<_>>().join(" ");
    let mut depends: Vec<String> = all(Column::Depends).map(str::to_owned).collect();
    // What other cells say of the order counts as much.
    for (kind, text) in &cells {
        if matches!(kind, Column::Summary | Column::Text | Column::Unknown) {
            depends.extend(take(text).after);
        }
    }
    let mut named = pulls(&summary);
    if named.is_empty() {
        let others = cells.iter().filter(|(kind, _)| matches!(kind, Column::Text | Column::Unknown));
        named = others.flat_map(|(_, text)| pulls(text)).collect();
    }
    if named.is_empty() {
        let of_pulls = table.header.iter().zip(&row.cells).filter(|(header, _)| {
            matches!(
                header.text.trim().to_lowercase().as_str(),
                "pr" | "prs" | "pull request" | "pull requests"
            )
        });
        named = of_pulls.flat_map(|(_, cell)| bare(&cell.text)).map(PullNumber).collect();
    }
    if id.is_empty() && named.is_empty() {
        return None;
    }
    Some(SpecRow {
        line: row.line,
        priority: all(Column::Priority).find_map(levels::priority),
        layer: all(Column::Layer).find_map(|text| levels::layers(text)?.0),
        depends: depends.join(", "),
        unclear: all(Column::Unknown)
            .filter(|text| *text != id && text.len() <= LONGEST_NAMES)
            .map(str::to_owned)
            .collect(),
        blocks: table
            .header
            .iter()
            .zip(&row.cells)
            .filter(|(header, _)| is_held_up(&header.text))
            .map(|(_, cell)| cell.text.trim().to_owned())
            .collect(),
        pulls: named,
        reserve: reserve(table, row),
        id,
        summary,
    })
}

/// A cell longer than this is a text, not the names of tasks.
const LONGEST_NAMES: usize = 60;

/// What the cells of a row say against its work. A column that says what is expected, or what comes first, may say what it
/// likes; a cell of a few words is a verdict, a longer one a description.
pub(super) fn reserve(table: &Table, row: &Row) -> Option<Reserve> {
    let cells = table.header.iter().zip(&row.cells).filter(|(header, _)| {
        !matches!(
            column(&header.text),
            Column::Id | Column::Depends | Column::Priority | Column::Layer | Column::Aside
        )
    });
    let found = cells.filter_map(|(header, cell)| {
        let text = cell.text.trim();
        let header = header.text.trim().to_lowercase();
        if asks_for_approval(&header) && !says_nothing(text) {
            return Some(Reserve { doubt: Doubt::Yes, said: text.to_owned() });
        }
        let short = text.split_whitespace().count() <= SHORT && !is_still_open(text);
        let no = is_a_no(text) && !is_of_harm(&header);
        let rest = take(text).rest;
        let verdict = if short { doubt(&rest) } else { None };
        verdict
            .or_else(|| in_passing(&rest, Tone::Told))
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
    names_the_same(row, task) || identity::likeness_in_any_form(&row.summary, &task.title) >= ABOUT
}

/// For each task the rows that are about it, as indexes. An id that stands for something else is told. Of very many rows the
/// first alone are given, one more than [`MOST_OF_A_NAME`]: which of them is meant is for a person to say.
pub(crate) fn of_tasks(tasks: &[Task], rows: &[SpecRow], warnings: &mut Vec<Warning>) -> Vec<Vec<usize>> {
    let mut of_tasks: Vec<Vec<usize>> = Vec::new();
    let mut by_pull: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        for pull in &row.pulls {
            let rows = by_pull.entry(pull.0).or_default();
            if rows.last() != Some(&at) {
                rows.push(at);
            }
        }
        if !row.id.is_empty() {
            by_id.entry(&row.id).or_insert(at);
        }
    }
    for task in tasks {
        let mut named = bare(&task.title);
        named.extend(task.kind.pull().map(|pull| pull.0));
        let mut found: Vec<usize> = named
            .iter()
            .filter_map(|number| by_pull.get(number))
            .flat_map(|rows| rows.iter().take(MOST_OF_A_NAME + 1))
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found.truncate(MOST_OF_A_NAME + 1);
        let same_id = task.written_id.as_deref().and_then(|id| by_id.get(id)).copied();
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
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.pulls.is_empty() && row.reserve.is_some())
    {
        by_id.entry(&row.id).or_insert(at);
    }
    for (task, own) in tasks.iter_mut().zip(of_tasks) {
        if !matches!(task.kind, Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. }) {
            continue;
        }
        // One of those that are not looked at may say no.
        if own.len() > MOST_OF_A_NAME {
            task.ask(Doubt::Judgement, wording::why_many_rows());
            continue;
        }
        let same = task.written_id.as_deref().and_then(|id| by_id.get(id));
        let first = own.iter().chain(same).copied().filter(|&at| rows[at].reserve.is_some()).min();
        let found = first.and_then(|at| {
            let reserve = rows[at].reserve.as_ref()?;
            Some(Said::new(&wording::its_row(rows[at].line), reserve))
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
