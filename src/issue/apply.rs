//! Writes what is caretaker's into a body, and nothing else.

use super::found::{self, Own};
use super::marks::Mark;
use super::position::Place;
use super::read::read_document;
use super::title::note_in;
use super::{KnownTask, Reading, TaskKey, WrittenTask, change_log, keep_history, repair, template};
use crate::merge::UpdateType;
use checklist::{Document, Edits, Item};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// How one task shall look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskWish {
    /// Which one.
    pub(crate) key: TaskKey,
    /// Whether its box shall be ticked. `false` leaves the box as it is: boxes are only ever set.
    pub(crate) tick: bool,
    /// The outcome note, as [`crate::wording::outcome_note`] makes it, without a blank before it.
    pub(crate) note: Option<String>,
    /// Notes of ours that may stand there and are replaced, by their exact text. The wished one is among them when it was
    /// written before: where another note stands in its place now, a person has changed it.
    pub(crate) former_notes: Vec<String>,
}

impl TaskWish {
    /// Every note of ours that may stand there.
    fn notes(&self) -> impl Iterator<Item = &str> {
        self.former_notes.iter().chain(&self.note).map(String::as_str).filter(|note| !note.is_empty())
    }
}

/// A block of ours besides the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its name in the markers: lower-case letters, digits and `-`.
    pub(crate) name: String,
    /// Its Markdown, between the markers.
    pub(crate) text: String,
}

/// What a row of the change log tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// A merged pull request.
    Merge,
    /// A merge undone.
    Revert,
    /// An issue or pull request closed.
    Closing,
    /// A typed action carried out.
    Action,
}

/// A row of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    /// When it happened.
    pub(crate) at: Timestamp,
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// The id of the task that asked for it, where one did.
    pub(crate) task: Option<String>,
    /// The issue or pull request.
    pub(crate) number: Option<u64>,
    /// Its title, or the task's; from outside, escaped here.
    pub(crate) title: String,
    /// What was done: one line of our own Markdown.
    pub(crate) action: String,
    /// How it ended: one line of our own Markdown.
    pub(crate) note: String,
    /// The layers' verdict afterwards, for tables that ask for it.
    pub(crate) after: Option<crate::health::Verdict>,
    /// An earlier write brought it into the body. If it is not there now, a person has changed it or taken it out, and
    /// it is not added again.
    pub(crate) written: bool,
}

/// A field of the seven-section form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldWish {
    /// What it shall hold: one line of Markdown.
    pub(crate) value: String,
    /// What it may hold to be replaced: what it held when the run began (see [`template_values`]) and our own earlier
    /// values. Placeholders of the closure (`PENDING`, `-`, nothing) need not be named. Anything else is a person's.
    pub(crate) former: Vec<String>,
}

/// The fields of the seven-section form; `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateFields {
    /// `Overall Status` under `## Status`.
    pub(crate) overall: Option<FieldWish>,
    /// `Last Updated` under `## Status`.
    pub(crate) last_updated: Option<FieldWish>,
    /// `Final Status` or `Status` under `## Closure`.
    pub(crate) final_status: Option<FieldWish>,
    /// `Started`.
    pub(crate) started: Option<FieldWish>,
    /// `Completed` or `Closed Date`.
    pub(crate) completed: Option<FieldWish>,
    /// `Duration`.
    pub(crate) duration: Option<FieldWish>,
    /// `Resolved By` or `Closed By`.
    pub(crate) resolved_by: Option<FieldWish>,
}

/// What the template's cells hold that a run may replace: to be journalled when the run begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateValues {
    /// `Overall Status`.
    pub(crate) overall: Option<String>,
    /// `Last Updated`.
    pub(crate) last_updated: Option<String>,
}

/// How the body shall be. The default wishes for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Desired {
    /// The tasks as the journal knows them, so that a reworded one is found.
    pub(crate) known: Vec<KnownTask>,
    /// Where the issue lies, as the reader of the tasks was told: an address names one task or another by it.
    pub(crate) home: Option<super::Home>,
    /// The tasks that shall look otherwise.
    pub(crate) tasks: Vec<TaskWish>,
    /// Notes that we wrote for tasks which the text does not hold any more. A person who gives a task another meaning
    /// leaves its note where it is, and what became of the old one is not told of the new one.
    pub(crate) gone_notes: Vec<(TaskKey, String)>,
    /// The tasks whose boxes an old copy of the text ticked, and nobody else: they are opened again.
    pub(crate) unticked: BTreeSet<TaskKey>,
    /// The inside of the status block, as [`super::render_status`] makes it.
    pub(crate) status: Option<String>,
    /// The inside of the status block as it was written before, newest first; among them texts whose write was refused.
    pub(crate) former_statuses: Vec<String>,
    /// Further blocks.
    pub(crate) blocks: Vec<Block>,
    /// Rows of our own table that a run wrote which this store does not know, line by line; they stay above ours.
    pub(crate) former_rows: Vec<String>,
    /// All rows of this run so far, oldest first.
    pub(crate) rows: Vec<ChangeRow>,
    /// Fields of the seven-section form.
    pub(crate) template: TemplateFields,
    /// The closing report, as [`super::render_closing`] makes it; empty takes away one of ours.
    pub(crate) closing_report: Option<String>,
    /// The closing reports that were written before.
    pub(crate) former_closings: Vec<String>,
}

/// The fresh text with everything of ours as desired; every other byte as it was. Applying twice is the same as once.
///
/// A text that nests too deeply to be read is left as it is: nothing in it can be told apart.
pub(crate) fn apply(fresh: &str, desired: &Desired) -> String {
    applied(fresh, desired).text
}

/// A text in which everything is as desired, and how the tasks really stand in it: a note that had no place is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The text.
    pub(crate) text: String,
    /// Its tasks, in its order.
    pub(crate) tasks: Vec<WrittenTask>,
}

/// The same as [`apply`], with how the tasks stand in the text: it is read for that anyhow.
pub(crate) fn applied(fresh: &str, desired: &Desired) -> Applied {
    if Document::parse(fresh).is_err() {
        return Applied { text: fresh.to_owned(), tasks: Vec::new() };
    }
    // A damaged marker that is taken away can let Markdown read the rest otherwise, and bring another to light.
    let mut text = fresh.to_owned();
    for _ in 0..MOST_PASSES {
        let next = pass(&text, desired);
        if next.text == text {
            return next;
        }
        text = next.text;
    }
    let tasks = Document::parse(&text).map(|document| tasks(&document, desired).tasks);
    Applied { tasks: tasks.unwrap_or_default(), text }
}

/// How often a text is gone through until nothing changes any more.
const MOST_PASSES: usize = 8;

/// One change of a document, or none where it is as it shall be.
type Step<'s> = Box<dyn Fn(&Document<'_>) -> Option<String> + 's>;

/// What is ours besides the tasks. Blocks first: repairing a forged one may bring tasks and tables to light that it had
/// claimed.
fn steps(desired: &Desired) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    if let Some(report) = &desired.closing_report {
        let mark = Mark::new("closing", report).after(&desired.former_closings);
        steps.push(Box::new(move |document| {
            if report.is_empty() {
                // A person who changed some of it keeps their lines, and no more of it.
                repair::remove_written(document, &mark)
            } else {
                repair::place(document, &mark, Place::Top)
            }
        }));
    }
    if let Some(status) = &desired.status {
        let mark = Mark::new("status", status).after(&desired.former_statuses);
        steps.push(Box::new(move |document| repair::place(document, &mark, Place::BelowTitle)));
    }
    let mut blocks: Vec<&Block> = desired.blocks.iter().filter(|block| is_name(&block.name)).collect();
    // Our tasks stand as they are wished, behind each other; the others by their names.
    let is_task = |block: &Block| block.name == found::INTRODUCTION || Own::of_block(&block.name).is_some();
    blocks.sort_by_key(|block| if is_task(block) { (true, "") } else { (false, block.name.as_str()) });
    for block in blocks {
        let is_task = is_task(block);
        steps.push(Box::new(move |document| {
            if is_task {
                found::place(document, block)
            } else if block.text.trim().is_empty() {
                repair::remove(document, &block.name)
            } else {
                repair::place(document, &Mark::new(&block.name, &block.text), Place::BelowBlocks)
            }
        }));
    }
    let mut rows: Vec<&ChangeRow> = desired.rows.iter().collect();
    rows.sort_by_key(|row| row.at);
    steps.push(Box::new(move |document| change_log::append(document, &desired.former_rows, &rows)));
    if desired.status.is_some() {
        steps.push(Box::new(repair::release));
    }
    steps.push(Box::new(|document| template::fill(document, &desired.template)));
    steps
}

fn pass(fresh: &str, desired: &Desired) -> Applied {
    let mut text = fresh.to_owned();
    let steps = steps(desired);
    let mut left = steps.iter();
    // A text is parsed once for all steps that find nothing to do.
    loop {
        let Ok(document) = Document::parse(&text) else { return Applied { text, tasks: Vec::new() } };
        let Some(next) = left.find_map(|step| step(&document)) else { return tasks(&document, desired) };
        drop(document);
        text = next;
    }
}

/// A name that cannot break a marker, and is not one of those that have a place of their own.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !matches!(name, "status" | "closing" | "changes" | "resolution" | "sum")
}

/// The text with ticks and notes as desired, and how the tasks stood in it before.
fn tasks(document: &Document<'_>, desired: &Desired) -> Applied {
    let text = document.text();
    let (reading, items, notes) = found(document, desired);
    let notes = OwnNotes::of(&notes);
    let wishes = by_key(desired);
    let mut edits = Edits::new();
    let mut stand = Vec::with_capacity(reading.tasks.len());
    for (task, index) in reading.tasks.iter().zip(items) {
        let Some(item) = document.items().get(index) else { continue };
        let wish = wishes.get(&task.key);
        let line = &text[item.first_line.start..item.first_line_end];
        let own = wish.and_then(|wish| wish.note.clone());
        stand.push(WrittenTask {
            key: task.key.clone(),
            ticked: task.ticked,
            note: own.filter(|note| line.contains(note.as_str())),
        });
        if wish.is_some_and(|wish| wish.tick) {
            edits.set_box(item, true);
        } else if desired.unticked.contains(&task.key) {
            edits.set_box(item, false);
        }
        match wish {
            Some(wish) => note(document, item, wish, &notes, &mut edits),
            None => others_notes(text, item, &task.key, &notes, &mut edits),
        }
    }
    Applied { text: edits.apply(text).unwrap_or_else(|_| text.to_owned()), tasks: stand }
}

/// The wishes by their tasks; of several for one the first.
fn by_key(desired: &Desired) -> HashMap<&TaskKey, &TaskWish> {
    desired.tasks.iter().rev().map(|wish| (&wish.key, wish)).collect()
}

/// The tasks of a text with their history, the item of each, and the notes that may stand there.
fn found(document: &Document<'_>, desired: &Desired) -> (Reading, Vec<usize>, Vec<(TaskKey, String)>) {
    let (mut reading, items) =
        read_document(document, desired.home.as_ref(), &|_| (None, UpdateType::Unknown));
    let notes: Vec<(TaskKey, String)> = desired
        .tasks
        .iter()
        .flat_map(|wish| wish.notes().map(|note| (wish.key.clone(), note.to_owned())))
        .chain(desired.gone_notes.iter().cloned())
        .collect();
    keep_history(&mut reading, &desired.known, &notes);
    (reading, items, notes)
}

/// Brings the note of one task up to date: the wished one once, and none of ours besides it, not even another task's
/// that came with a copied line.
fn note(document: &Document<'_>, item: &Item, wish: &TaskWish, all: &OwnNotes<'_>, edits: &mut Edits) {
    let text = document.text();
    let line = &text[item.first_line.start..item.first_line_end];
    let wished = wish.note.as_deref();
    let mut own = all.within(line);
    let stays = own.iter().rposition(|range| Some(&line[range.clone()]) == wished);
    let place = stays.or_else(|| own.len().checked_sub(1).filter(|_| wished.is_some()));
    if let Some(place) = place {
        let kept = own.remove(place);
        if let (None, Some(note)) = (stays, wished) {
            edits.replace(item.first_line.start + kept.start..item.first_line.start + kept.end, note);
        }
    }
    for range in own {
        remove_note(text, item, range, edits);
    }
    let Some(note) = wished.filter(|_| place.is_none()) else { return };
    // There was a note of ours, and a note that is not ours stands there now: a person has made it theirs. And behind
    // what goes on in the next line (code, a comment, emphasis, a link) a note would become a part of it.
    let taken = !wish.former_notes.is_empty() && note_in(line).is_some();
    if !taken && !item.first_line_open {
        edits.append_to_first_line(item, format!(" {note}"));
    }
}

/// Takes away the notes of other tasks from one that wishes for nothing: they came with a line that a person copied, or
/// gave another meaning. Its own stays: a task that only now came to light has its wish at the next look.
fn others_notes(text: &str, item: &Item, key: &TaskKey, all: &OwnNotes<'_>, edits: &mut Edits) {
    let line = &text[item.first_line.start..item.first_line_end];
    for range in all.within(line) {
        if !all.of_task.contains(&(key, &line[range.clone()])) {
            remove_note(text, item, range, edits);
        }
    }
}

/// Takes a note out of the first line of a task; `range` counts from where the line begins.
fn remove_note(text: &str, item: &Item, range: Range<usize>, edits: &mut Edits) {
    let start = item.first_line.start + range.start;
    // One blank was ours as well.
    let blank = usize::from(text[item.first_line.start..start].ends_with(' '));
    edits.remove(start - blank..item.first_line.start + range.end);
}

/// Notes of ours by their exact text, and the lengths that they have: a text may hold as many as tasks.
struct OwnNotes<'a> {
    notes: HashSet<&'a str>,
    of_task: HashSet<(&'a TaskKey, &'a str)>,
    lengths: BTreeSet<usize>,
}

/// How every note of ours begins.
const NOTE_BEGINS: &str = "*(";

impl<'a> OwnNotes<'a> {
    fn of(notes: &'a [(TaskKey, String)]) -> Self {
        Self {
            notes: notes.iter().map(|(_, note)| note.as_str()).collect(),
            of_task: notes.iter().map(|(key, note)| (key, note.as_str())).collect(),
            lengths: notes.iter().map(|(_, note)| note.len()).collect(),
        }
    }

    /// Where in a line they stand; of two that begin in one place the longer.
    fn within(&self, line: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, _) in line.match_indices(NOTE_BEGINS) {
            if found.last().is_some_and(|last| at < last.end) {
                continue;
            }
            let stands =
                |&&length: &&usize| line.get(at..at + length).is_some_and(|note| self.notes.contains(note));
            found.extend(self.lengths.iter().rev().find(stands).map(|length| at..at + length));
        }
        found
    }
}

/// What the cells of the seven-section form hold now.
pub(crate) fn template_values(body: &str) -> TemplateValues {
    template::values(body)
}
