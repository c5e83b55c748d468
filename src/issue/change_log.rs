//! Rows of the change log, in whatever table the author of the body made for them.

use super::marks::{self, Mark};
use super::position::Place;
use super::{ChangeKind, ChangeRow, repair};
use crate::wording;
use checklist::{Document, Edits, LineEnding, Row, Table};

/// What a column holds, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Time,
    Phase,
    Item,
    Kind,
    Number,
    Title,
    Action,
    Result,
    After,
    Who,
    Other,
}

impl Column {
    fn of(header: &str) -> Self {
        match header.trim().trim_matches('*').trim().to_lowercase().as_str() {
            "timestamp" | "time" | "date" | "when" | "at" | "date/time" => Self::Time,
            "phase" | "step" | "stage" => Self::Phase,
            "item" | "task" | "id" | "what" => Self::Item,
            "type" | "kind" => Self::Kind,
            "number" | "#" | "no" | "nr" | "pr" | "issue" => Self::Number,
            "title" | "name" => Self::Title,
            "action" | "change" | "event" | "activity" | "description" => Self::Action,
            "result" | "outcome" | "note" | "notes" | "details" | "comment" => Self::Result,
            "status after" | "status" | "state" | "health" => Self::After,
            "user" | "who" | "by" | "author" | "actor" => Self::Who,
            _ => Self::Other,
        }
    }
}

/// The columns of our own table.
const OWN: [&str; 6] = ["Time", "Type", "Number", "Title", "Action", "Note"];

/// The text with every row that is not there yet; `None` where all are.
pub(super) fn append(document: &Document<'_>, former: &[String], rows: &[&ChangeRow]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let own = marks::own_ranges(document);
    let section = section(document);
    let table = section.and_then(|section| {
        let range = document.section(section)?;
        document.tables().iter().find(|table| {
            range.contains(&table.span.start)
                && !own.iter().any(|own| own.contains(&table.span.start))
                && tells_what(&columns(table))
        })
    });
    match table {
        Some(table) => into_table(document, table, rows),
        None => own_table(document, section, former, rows),
    }
}

/// The heading of a person's change log.
pub(crate) fn section(document: &Document<'_>) -> Option<usize> {
    let own = marks::own_ranges(document);
    document.headings().iter().position(|heading| {
        heading.text.trim().to_lowercase().starts_with("change log")
            && !own.iter().any(|own| own.contains(&heading.span.start))
    })
}

fn columns(table: &Table) -> Vec<Column> {
    table.header.iter().map(|cell| Column::of(&cell.text)).collect()
}

/// Whether a row of these columns says what it is about. One of others would be empty.
fn tells_what(columns: &[Column]) -> bool {
    let tells = [Column::Item, Column::Title, Column::Action, Column::Number];
    columns.iter().any(|column| tells.contains(column))
}

fn into_table(document: &Document<'_>, table: &Table, rows: &[&ChangeRow]) -> Option<String> {
    let text = document.text();
    let columns = columns(table);
    let there: Vec<Vec<&str>> = table
        .rows
        .iter()
        .map(|row| row.cells.iter().map(|cell| &text[cell.span.clone()]).collect())
        .collect();
    // The last line keeps its own ending, also where a text has both kinds.
    let ending = match &text[table.last_line_end..] {
        rest if rest.starts_with("\r\n") => LineEnding::CrLf,
        rest if rest.starts_with('\n') => LineEnding::Lf,
        _ => document.line_ending(),
    };
    let mut edits = Edits::new();
    let mut filled = Vec::new();
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|column| cell(*column, &columns, row)).collect();
        let found =
            (0..there.len()).find(|at| !filled.contains(at) && is_same(&there[*at], &cells, &columns));
        if let Some(at) = found {
            filled.push(at);
            fill_after(text, &table.rows[at], &columns, &cells, &mut edits);
            continue;
        }
        if row.written {
            continue;
        }
        // Cells are escaped here, and the crate that edits escapes every pipe again.
        let plain: Vec<String> = cells.iter().map(|cell| cell.replace("\\|", "|")).collect();
        edits.append_row(table, &plain, ending);
    }
    repair::changed(document, edits)
}

/// Whether a row of the text is this one, by its exact cells; empty ones at the end may be missing, and so may what was
/// not known yet when the row was written.
fn is_same(there: &[&str], cells: &[String], columns: &[Column]) -> bool {
    let longest = there.len().max(cells.len());
    (0..longest).all(|at| {
        let old = there.get(at).copied().unwrap_or("").trim();
        let new = cells.get(at).map_or("", |cell| cell.trim());
        old == new || (old.is_empty() && columns.get(at) == Some(&Column::After))
    })
}

/// Writes down how the layers stood after the change, where nobody has written anything yet.
fn fill_after(text: &str, row: &Row, columns: &[Column], cells: &[String], edits: &mut Edits) {
    for (at, cell) in row.cells.iter().enumerate() {
        let value = cells.get(at).map_or("", |cell| cell.trim());
        if columns.get(at) != Some(&Column::After) || value.is_empty() || !cell.span.is_empty() {
            continue;
        }
        // An empty cell that is there lies between two pipes of its row.
        let before = text[row.span.start..cell.span.start.max(row.span.start)].trim_end_matches([' ', '\t']);
        let after = text[cell.span.end.min(row.span.end)..row.span.end].trim_start_matches([' ', '\t']);
        if before.ends_with('|') && after.starts_with('|') {
            edits.replace(row.span.start + before.len()..row.span.end - after.len(), format!(" {value} "));
        }
    }
}

fn own_table(
    document: &Document<'_>,
    section: Option<usize>,
    former: &[String],
    rows: &[&ChangeRow],
) -> Option<String> {
    let columns = OWN.map(Column::of);
    let mut lines = Vec::new();
    if section.is_none() {
        lines.push(format!("## {}", wording::change_log_heading()));
        lines.push(String::new());
    }
    lines.push(format!("| {} |", OWN.join(" | ")));
    lines.push(format!("|{}", " --- |".repeat(OWN.len())));
    lines.extend_from_slice(former);
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|column| cell(*column, &columns, row)).collect();
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    repair::place(document, &Mark::new("changes", &lines.join("\n")), Place::ChangeLog)
}

/// What goes into one cell. What has no column of its own is told in the action.
fn cell(column: Column, columns: &[Column], row: &ChangeRow) -> String {
    let has = |wanted: Column| columns.contains(&wanted);
    let title = wording::quote_outside(&row.title, 120);
    let kind = match row.kind {
        ChangeKind::Merge => "merge",
        ChangeKind::Revert => "revert",
        ChangeKind::Closing => "closing",
        ChangeKind::Action => "action",
    };
    let number = row.number.map(|number| format!("#{number}")).unwrap_or_default();
    let item = match row.number {
        Some(number) => format!("#{number} {title}"),
        None => title.clone(),
    };
    let text = match column {
        Column::Time => wording::time(row.at),
        Column::Phase => {
            row.task.as_deref().map_or_else(|| kind.to_owned(), |id| wording::quote_outside(id, 20))
        }
        Column::Item => item,
        Column::Kind => kind.to_owned(),
        Column::Number if !has(Column::Item) && !has(Column::Title) && !has(Column::Action) => item,
        Column::Number => number,
        Column::Title => title,
        Column::Action if !has(Column::Item) && !has(Column::Title) => {
            if has(Column::Result) {
                format!("{item}: {}", row.action)
            } else {
                format!("{item}: {} ({})", row.action, row.note)
            }
        }
        Column::Action => row.action.clone(),
        Column::Result => row.note.clone(),
        Column::After => row.after.map(|verdict| verdict.word().to_owned()).unwrap_or_default(),
        Column::Who => "caretaker".to_owned(),
        Column::Other => String::new(),
    };
    wording::cell(text.trim())
}
