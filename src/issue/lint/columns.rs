//! What is wrong with the table of proposed changes: columns that nobody here knows, and ids that mean something else.

use super::super::{Task, spec};
use super::{Code, Findings, written_id};
use crate::wording;
use checklist::{Document, Item};
use std::collections::HashMap;

/// Looks at the tables of proposed changes.
pub(super) fn look(document: &Document<'_>, tasks: &[(&Task, &Item)], findings: &mut Findings<'_>) {
    let rows: HashMap<usize, spec::SpecRow> =
        spec::rows(document).into_iter().map(|row| (row.line, row)).collect();
    let mut by_id: HashMap<String, &Task> = HashMap::new();
    for (task, item) in tasks {
        if let Some(id) = written_id(item) {
            by_id.entry(id.to_lowercase()).or_insert(task);
        }
    }
    for table in spec::of_changes(document) {
        for header in &table.header {
            let name = header.text.trim();
            if spec::column(name) == spec::Column::Unknown && !name.is_empty() {
                let (text, help) = (wording::lint_unknown_column(name), wording::lint_columns());
                findings.add(Code::UnknownColumn, header.span.clone(), None, text, Some(help));
            }
        }
        let ids = table.header.iter().position(|header| spec::column(&header.text) == spec::Column::Id);
        let Some(column) = ids else { continue };
        for row in &table.rows {
            let Some(cell) = row.cells.get(column) else { continue };
            let id = cell.text.trim();
            let Some(task) = by_id.get(&id.to_lowercase()) else { continue };
            if !rows.get(&row.line).is_some_and(|read| spec::is_about(read, task)) {
                let text = wording::lint_spec_collision(id, &task.title);
                let help = wording::lint_other_id();
                findings.add(Code::SpecIdCollision, cell.span.clone(), Some(&task.id), text, Some(help));
            }
        }
    }
}
