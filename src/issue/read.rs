//! Reads the tasks out of a body.
//!
//! The reader is careful in one direction: what is not surely a task is not worked on, and what is not surely understood
//! is a person's. Everything that it leaves out, it names with its line.

use super::guess::{self, Guess, Guesses, Source};
use super::identity::{self, Keys};
use super::kind::{self, Words};
use super::title::{head, noted};
use super::words::{self, Head};
use super::{Details, Kind, Needs, Priority, Task, TaskKey, approvals, depends, marks, secrets, spec};
use crate::health::Layer;
use crate::merge::{Category, UpdateType};
use crate::wording;
use checklist::{BoxLikeReason, DetailKind, Document, Heading, Item};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a merge's own words say of its category and of how far its version moves.
pub(crate) type ClassifyWords<'a> = &'a dyn Fn(&str) -> (Option<Category>, UpdateType);

/// Why a body cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It nests too deeply to be a list of tasks.
    #[error("the body cannot be read")]
    TooDeep(#[from] checklist::TooDeep),
}

/// A task list item that is no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ignored {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Why it is none.
    pub(crate) why: String,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The line, from 1.
    pub(crate) line: usize,
    /// A sentence.
    pub(crate) text: String,
}

/// What form a body has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// It has the seven sections of a maintenance issue's template.
    pub(crate) seven_section: bool,
    /// It has a section for the change log.
    pub(crate) change_log: bool,
    /// It has a section for the closure.
    pub(crate) closure: bool,
}

/// What a body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The tasks, in the order of the text.
    pub(crate) tasks: Vec<Task>,
    /// Task list items that are no tasks, in the order of the text.
    pub(crate) ignored: Vec<Ignored>,
    /// What a person should look at, by line.
    pub(crate) warnings: Vec<Warning>,
    /// The form of the body.
    pub(crate) form: Form,
}

impl Reading {
    /// The task with this key.
    pub(crate) fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.tasks.iter().find(|task| task.key == *key)
    }
}

/// Reads a body.
pub(crate) fn read(body: &str, classify: ClassifyWords<'_>) -> Result<Reading, Unreadable> {
    let document = Document::parse(body)?;
    Ok(read_document(&document, classify).0)
}

/// Reads a body that has been parsed; with each task goes the index of its item.
pub(crate) fn read_document(document: &Document<'_>, classify: ClassifyWords<'_>) -> (Reading, Vec<usize>) {
    let form = form(document);
    let own = marks::own_ranges(document);
    let mut reading = Reading { form, ..Reading::default() };
    let mut found = Vec::new();
    for (index, item) in document.items().iter().enumerate() {
        match not_a_task(document, item, form, &own) {
            Some(why) => reading.ignored.push(Ignored { line: item.line, why }),
            None => found.push((index, Draft::new(document, item, &own))),
        }
    }
    let ids = ids(&found.iter().map(|(_, draft)| draft).collect::<Vec<_>>(), &mut reading.warnings);
    let last_other = found
        .iter()
        .rposition(|(_, draft)| !draft.is_check() && draft.judge(false).kind != Kind::Final)
        .map_or(0, |position| position + 1);
    let mut keys = Keys::default();
    for (position, ((_, draft), id)) in found.iter().zip(ids).enumerate() {
        // A check of everything that stands behind all other tasks is a final gate, whatever its heading.
        let closes = draft.head.several_layers && draft.head.layer.is_none() && position >= last_other;
        let judged = draft.judge(closes);
        reading
            .warnings
            .extend(draft.leaks.iter().map(|&line| Warning { line, text: wording::leaks_secrets() }));
        let (category, update) = match &judged.kind {
            Kind::Merge { pull } => {
                let (category, update) = draft.classified(classify);
                if category.is_none() {
                    reading
                        .warnings
                        .push(Warning { line: draft.line, text: wording::category_unknown(*pull) });
                }
                if update == UpdateType::Unknown && category != Some(Category::NonMajor) {
                    reading.warnings.push(Warning { line: draft.line, text: wording::update_unknown(*pull) });
                }
                (Some(category.unwrap_or(Category::AppTemplate)), update)
            }
            _ => (None, UpdateType::Unknown),
        };
        let asked = judged.needs;
        let needs = asked.or_else(|| {
            let asks = category == Some(Category::Database) || update == UpdateType::Major;
            asks.then_some(Needs::Approval)
        });
        reading.tasks.push(Task {
            key: keys.next(
                &judged.kind,
                &identity::commands(&judged.kind, &draft.details.commands),
                &draft.head.title,
            ),
            id,
            written_id: draft.head.id.clone(),
            line: draft.line,
            ticked: draft.ticked,
            notes: draft.notes.clone(),
            phase: draft.phase.clone(),
            priority: draft.priority.value,
            layer: draft.layer.value,
            guesses: Guesses {
                priority: draft.priority.clone(),
                layer: draft.layer.clone(),
                kind: guess::of_kind(
                    &judged.kind,
                    judged.why.as_deref() != Some(&wording::why_not_understood()),
                ),
                depends_on: Vec::new(),
            },
            details: draft.details.clone(),
            kind: judged.kind,
            title: draft.head.title.clone(),
            category,
            update,
            depends_on: Vec::new(),
            needs,
            asks: asked,
            why_person: judged.why,
        });
    }
    let before: Vec<_> = found.iter().map(|(_, draft)| draft.before.clone()).collect();
    let rows = spec::rows(document);
    let of_tasks = spec::of_tasks(&reading.tasks, &rows, &mut reading.warnings);
    spec::fill(&mut reading.tasks, &rows, &of_tasks);
    depends::fill(&mut reading.tasks, &before, &rows, &of_tasks, &mut reading.warnings);
    box_likes(document, &own, &mut reading.warnings);
    if reading.tasks.is_empty() {
        reading.warnings.push(Warning { line: 1, text: wording::no_tasks() });
    }
    reading.warnings.sort_by_key(|warning| warning.line);
    (reading, found.into_iter().map(|(index, _)| index).collect())
}

/// A task as it stands in the text, before it is judged.
#[derive(Debug)]
struct Draft {
    line: usize,
    /// The line without blocks of ours, which no write of ours moves.
    own_line: usize,
    ticked: bool,
    struck: bool,
    notes: Vec<String>,
    head: Head,
    phase: Option<String>,
    priority: Guess<Priority>,
    layer: Guess<Option<Layer>>,
    final_section: bool,
    details: Details,
    leaks: Vec<usize>,
    /// What the task says comes before it, with where it says so.
    before: Vec<(String, Source)>,
}

impl Draft {
    fn new(document: &Document<'_>, item: &Item, own: &[Range<usize>]) -> Self {
        let mut head = head(document, item);
        head.title = head.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let above = above(document, item, own);
        let detail = |names: &[&str]| {
            item.details.iter().find_map(|detail| {
                let label = detail.label.as_deref()?.trim().to_lowercase();
                let text = detail.text.trim();
                (names.iter().any(|name| label.starts_with(name)) && !text.is_empty())
                    .then(|| (detail.label.clone().unwrap_or_default().trim().to_owned(), text.to_owned()))
            })
        };
        let text = |names: &[&str]| detail(names).map(|(_, text)| text);
        let commands = commands(item);
        let leaks = if commands.iter().any(|command| secrets::leaks_secrets(command)) {
            vec![item.line]
        } else {
            vec![]
        };
        let before = detail(&["depend", "requires", "after", "blocked by", "prerequisite"])
            .map(|(label, text)| (text, Source::Detail(label)))
            .into_iter()
            .chain(Some((depends::named_before(&head.title), Source::Line)))
            .filter(|(text, _)| !text.is_empty())
            .collect();
        let details = Details {
            goal: text(&["goal", "purpose"]),
            commands,
            expected: text(&["expect", "success", "pass criteria"]),
            if_fails: text(&["if fail", "if it fail", "if this fail", "on fail", "failure"]),
            rollback: text(&["rollback", "roll back", "undo", "revert"]),
        };
        let priority = priority(&head, detail(&["priority"]), &above);
        let layer = layer(&head, item.label.as_deref(), detail(&["layer"]), &above);
        Self {
            line: item.line,
            own_line: item.line - marks::lines_above(document, own, item.box_offset),
            ticked: item.ticked,
            struck: item.struck,
            notes: noted(document, item),
            phase: above.last().map(|heading| heading.text.clone()),
            final_section: above
                .iter()
                .rev()
                .take(2)
                .any(|heading| kind::words(&heading.text).iter().any(|word| word == "final")),
            details,
            before,
            head,
            priority,
            layer,
            leaks,
        }
    }

    fn judge(&self, closes: bool) -> kind::Judged {
        // What was struck out is over; a person who left the box open says whether the rest is.
        if self.struck && !self.ticked {
            return kind::Judged::struck_out();
        }
        kind::judge(Words {
            title: &self.head.title,
            commands: &self.details.commands,
            layer: self.layer.value,
            several_layers: self.head.several_layers,
            final_section: self.final_section || closes,
        })
    }

    fn is_check(&self) -> bool {
        matches!(self.judge(false).kind, Kind::Verify { .. })
    }

    /// The title says first; where it says nothing, the goal.
    fn classified(&self, classify: ClassifyWords<'_>) -> (Option<Category>, UpdateType) {
        let (category, update) = classify(&self.head.title);
        let (later_category, later_update) = classify(self.details.goal.as_deref().unwrap_or_default());
        (category.or(later_category), if update == UpdateType::Unknown { later_update } else { update })
    }
}

/// The priority of a task: of its line, a detail, the nearest heading that names one, or P2.
fn priority(head: &Head, detail: Option<(String, String)>, above: &[&Heading]) -> Guess<Priority> {
    if let Some(priority) = head.priority {
        return Guess::written(priority, Source::Line);
    }
    if let Some((label, Some(priority))) = detail.map(|(label, text)| (label, words::priority(&text))) {
        return Guess::written(priority, Source::Detail(label));
    }
    above
        .iter()
        .rev()
        .find_map(|heading| Some((heading, words::heading_priority(&heading.text)?)))
        .map_or_else(
            || Guess::assumed(Priority::P2),
            |(heading, priority)| Guess::inferred(priority, Source::Heading(heading.text.clone())),
        )
}

/// The layer of a task. `All` on the line is an answer; the heading is asked only where the line says nothing.
fn layer(
    head: &Head,
    label: Option<&str>,
    detail: Option<(String, String)>,
    above: &[&Heading],
) -> Guess<Option<Layer>> {
    if head.layer.is_some() || head.several_layers || names_no_layer(label) {
        return Guess::written(head.layer, Source::Line);
    }
    if let Some((label, Some((Some(layer), _)))) = detail.map(|(label, text)| (label, words::layers(&text))) {
        return Guess::written(Some(layer), Source::Detail(label));
    }
    above.iter().rev().find_map(|heading| Some((heading, words::heading_layer(&heading.text)?))).map_or_else(
        || Guess::assumed(None),
        |(heading, layer)| Guess::inferred(Some(layer), Source::Heading(heading.text.clone())),
    )
}

/// The commands below a task: code that follows no other label, and everything under the label of the commands.
fn commands(item: &Item) -> Vec<String> {
    let mut commands = Vec::new();
    for detail in item.details.iter().filter(|detail| detail.kind != DetailKind::Quote) {
        let labelled = detail.label.as_deref().map(|label| label.trim().to_lowercase());
        if labelled.as_deref().is_some_and(|label| !label.starts_with("command")) {
            continue;
        }
        commands.extend(detail.code_blocks.iter().flat_map(|block| lines(block)));
        if labelled.is_some() {
            commands.extend(detail.inline_code.iter().flat_map(|code| lines(code)));
            if detail.code_blocks.is_empty() && detail.inline_code.is_empty() {
                commands.extend(lines(&detail.text));
            }
        }
    }
    commands
}

/// The commands of a piece of code, comments left out.
fn lines(code: &str) -> Vec<String> {
    let joined = code.replace("\\\n", " ");
    joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn names_no_layer(label: Option<&str>) -> bool {
    label.is_some_and(|label| {
        label
            .split_whitespace()
            .any(|word| matches!(word.to_lowercase().as_str(), "tooling" | "repo" | "all"))
    })
}

/// The words of a heading, in lower case.
fn heading_name(text: &str) -> String {
    kind::words(text).join(" ")
}

fn form(document: &Document<'_>) -> Form {
    let names: Vec<String> = document
        .headings()
        .iter()
        .filter(|heading| heading.level == 2)
        .map(|h| heading_name(&h.text))
        .collect();
    let has = |start: &str| names.iter().any(|name| name.starts_with(start));
    let sections = [
        "status",
        "context pack",
        "proposed changes",
        "execution plan",
        "action items",
        "change log",
        "closure",
    ];
    Form {
        seven_section: has("action items")
            && sections.into_iter().filter(|section| has(section)).count() >= 5,
        change_log: document
            .headings()
            .iter()
            .any(|heading| heading_name(&heading.text).starts_with("change log")),
        closure: has("closure"),
    }
}

/// The headings above an item, outermost first; those in blocks of ours stand above nothing of a person's.
fn above<'a>(document: &'a Document<'_>, item: &Item, own: &[Range<usize>]) -> Vec<&'a Heading> {
    let mut above: Vec<&Heading> = Vec::new();
    for heading in document.headings().iter().take_while(|heading| heading.span.start < item.box_offset) {
        if !own.iter().any(|range| range.contains(&heading.span.start)) {
            above.retain(|outer| outer.level < heading.level);
            above.push(heading);
        }
    }
    above
}

/// Headings under which boxes are criteria, examples or records, not work.
fn holds_no_tasks(name: &str) -> bool {
    let has = |word: &str| name.split(' ').any(|own| own == word);
    ["completion criteria", "acceptance criteria", "success criteria", "exit criteria", "definition of done"]
        .iter()
        .any(|phrase| name.contains(phrase))
        || has("checklist")
        || has("checklists")
        || has("verification")
        || ["closure", "change log", "context pack", "references", "resolution", "stop conditions"]
            .iter()
            .any(|start| name.starts_with(start))
}

fn not_a_task(document: &Document<'_>, item: &Item, form: Form, own: &[Range<usize>]) -> Option<String> {
    let line = &document.text()[item.first_line.clone()];
    if own.iter().any(|range| range.contains(&item.box_offset)) {
        let approval = approvals::is_approval_line(&format!("- [ ] {line}"));
        return Some(if approval { wording::ignored_approval() } else { wording::ignored_own_block() });
    }
    if approvals::is_approval_line(&format!("- [ ] {line}")) {
        return Some(wording::ignored_approval());
    }
    if line.trim_start().starts_with("<!--") {
        return Some(wording::ignored_renovate());
    }
    if item.text.trim().is_empty() {
        return Some(wording::ignored_empty());
    }
    let headings = above(document, item, own);
    let names: Vec<String> = headings.iter().map(|heading| heading_name(&heading.text)).collect();
    let in_tasks = names.iter().any(|name| name.starts_with("action items") || name == "tasks");
    let head = head(document, item);
    let surely_one = in_tasks && head.id.is_some();
    if let Some(position) = names.iter().rposition(|name| holds_no_tasks(name))
        && !surely_one
    {
        return Some(wording::ignored_heading(&headings[position].text));
    }
    (form.seven_section && !in_tasks).then(wording::ignored_section)
}

/// The ids as shown: `T<line>` where one is missing, and at every occurrence of a doubled one. Blocks of ours do not count.
fn ids(drafts: &[&Draft], warnings: &mut Vec<Warning>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in drafts.iter().filter_map(|draft| draft.head.id.as_deref()) {
        *counts.entry(id).or_default() += 1;
    }
    let mut shown: Vec<Option<String>> = drafts
        .iter()
        .map(|draft| {
            let id = draft.head.id.as_deref()?;
            if counts.get(id).is_some_and(|count| *count > 1) {
                warnings.push(Warning { line: draft.line, text: wording::doubled_id(id) });
                return None;
            }
            Some(id.to_owned())
        })
        .collect();
    // An id that somebody wrote must not be the line of another task.
    loop {
        let lines: Vec<String> = drafts
            .iter()
            .zip(&shown)
            .filter(|(_, id)| id.is_none())
            .map(|(draft, _)| format!("T{}", draft.own_line))
            .collect();
        match shown.iter_mut().find(|id| id.as_ref().is_some_and(|id| lines.contains(id))) {
            Some(clash) => *clash = None,
            None => break,
        }
    }
    drafts.iter().zip(shown).map(|(draft, id)| id.unwrap_or_else(|| format!("T{}", draft.own_line))).collect()
}

fn box_likes(document: &Document<'_>, own: &[Range<usize>], warnings: &mut Vec<Warning>) {
    for found in document.box_likes() {
        if own.iter().any(|range| range.contains(&found.offset)) {
            continue;
        }
        let text = match found.reason {
            BoxLikeReason::InCode => wording::box_in_code(),
            BoxLikeReason::InQuote => wording::box_in_quote(),
            BoxLikeReason::InHtml => wording::box_in_html(),
            BoxLikeReason::Malformed => wording::box_malformed(),
        };
        warnings.push(Warning { line: found.line, text });
    }
}
