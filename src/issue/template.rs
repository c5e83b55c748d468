//! The cells and lines of the seven-section form that a run may fill: while nobody else has.

use super::{FieldWish, TemplateFields, TemplateValues};
use checklist::{Document, Edits};
use std::ops::Range;

/// What the form's author writes where nothing is known yet.
const PLACEHOLDERS: [&str; 6] = ["", "-", "–", "—", "PENDING", "TBD"];

/// A field of the form: its names, and where its value stands.
#[derive(Debug)]
struct Field {
    name: String,
    value: Range<usize>,
}

fn fields(document: &Document<'_>, section: &str) -> Vec<Field> {
    let text = document.text();
    let mut found = Vec::new();
    let own = super::marks::own_ranges(document);
    for (index, heading) in document.headings().iter().enumerate() {
        let named = heading.level == 2 && heading.text.trim().to_lowercase().starts_with(section);
        let Some(range) = document.section(index).filter(|_| named) else { continue };
        if own.iter().any(|own| own.contains(&heading.span.start)) {
            continue;
        }
        for table in document.tables().iter().filter(|table| range.contains(&table.span.start)) {
            for row in &table.rows {
                if let [name, value, ..] = &row.cells[..]
                    && !name.text.trim().is_empty()
                    && !value.span.is_empty()
                {
                    found.push(Field { name: plain_name(&name.text), value: value.span.clone() });
                }
            }
        }
        found.extend(labelled_lines(text, range.clone(), |at| document.is_code(at)));
    }
    found
}

/// Lines such as `**Closed By**: PENDING`.
fn labelled_lines(text: &str, range: Range<usize>, is_code: impl Fn(usize) -> bool) -> Vec<Field> {
    let mut found = Vec::new();
    let mut at = range.start;
    for line in text[range].split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_end();
        let Some(rest) = content.trim_start().strip_prefix("**") else { continue };
        let Some((name, value)) = rest.split_once("**") else { continue };
        let (name, value) = match (name.strip_suffix(':'), value.strip_prefix(':')) {
            (Some(name), _) => (name, value),
            (None, Some(value)) => (name, value),
            (None, None) => continue,
        };
        if is_code(start) {
            continue;
        }
        let end = start + content.len();
        let begin = end - value.trim_start().len();
        found.push(Field { name: plain_name(name), value: begin..end });
    }
    found
}

fn plain_name(text: &str) -> String {
    text.trim().trim_matches('*').trim_end_matches(':').trim().to_lowercase()
}

/// The text with the fields that may be filled; `None` where they are.
pub(super) fn fill(document: &Document<'_>, wishes: &TemplateFields) -> Option<String> {
    let text = document.text();
    let mut edits = Edits::new();
    let mut set = |section: &str, names: &[&str], wish: &Option<FieldWish>, placeholders: bool| {
        let Some(wish) = wish else { return };
        for field in fields(document, section).iter().filter(|field| names.contains(&field.name.as_str())) {
            let now = &text[field.value.clone()];
            let free = wish.former.iter().any(|former| former.trim() == now.trim())
                || (placeholders && PLACEHOLDERS.contains(&now.trim()));
            let value = crate::wording::cell(&wish.value);
            if free && now != value && !value.is_empty() {
                // An empty value stands directly behind its colon.
                let blank =
                    if now.is_empty() && text[..field.value.start].ends_with([':', '*']) { " " } else { "" };
                edits.replace(field.value.clone(), format!("{blank}{value}"));
            }
        }
    };
    set("status", &["overall status"], &wishes.overall, false);
    set("status", &["last updated"], &wishes.last_updated, false);
    set("closure", &["final status", "status"], &wishes.final_status, true);
    set("closure", &["started"], &wishes.started, true);
    set("closure", &["completed", "closed date", "closed at"], &wishes.completed, true);
    set("closure", &["duration"], &wishes.duration, true);
    set("closure", &["resolved by", "closed by"], &wishes.resolved_by, true);
    super::repair::changed(document, edits)
}

/// What the cells hold now.
pub(crate) fn values(body: &str) -> TemplateValues {
    let Ok(document) = Document::parse(body) else { return TemplateValues::default() };
    let fields = fields(&document, "status");
    let value = |name: &str| {
        fields.iter().find(|field| field.name == name).map(|field| body[field.value.clone()].to_owned())
    };
    TemplateValues { overall: value("overall status"), last_updated: value("last updated") }
}
