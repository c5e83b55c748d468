//! What caretaker understands of a body, and what is wrong with it: for people who write one.
//!
//! Nothing here decides anything. It looks at the same reading as a run does and tells what a run would only act upon.

mod columns;
mod commands;
mod ids;

pub(crate) use ids::add_missing_ids;

use super::draft::is_a_dependency;
use super::guess::Certainty;
use super::read::{ClassifyWords, read_document};
use super::{About, Home, Kind, Needs, Reading, Task, marks, named, words};
use crate::wording;
use checklist::{BoxLikeReason, Document, Item};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// What was meant is lost, or dangerous.
    Error,
    /// It works, but perhaps not as it was meant.
    Warning,
}

/// What is wrong, for programs: names that stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    /// It nests too deeply.
    Unreadable,
    /// There is no task.
    NoTasks,
    /// Several tasks have one id.
    DuplicateId,
    /// A task has no id.
    MissingId,
    /// A task's id stands for something else in the table of changes.
    SpecIdCollision,
    /// Neither line nor heading names a priority.
    MissingPriority,
    /// What stands where the layer does names none.
    UnknownLayer,
    /// A column of the table of changes that is not known.
    UnknownColumn,
    /// A task names another that is not there.
    UnknownDependency,
    /// What stands where the priority does is none.
    UnknownPriority,
    /// Tasks wait for each other in a circle, or ask for two ends of one thing.
    Contradiction,
    /// A task is not plainly asked for, and costs an approval or is a person's.
    NotPlain,
    /// A command that would show secrets.
    SecretCommand,
    /// A command that is not run.
    CommandNotRun,
    /// A box that is not written as one.
    MalformedBox,
    /// A box in code.
    BoxInCodeBlock,
    /// A box in a quotation.
    BoxInQuote,
    /// A box in HTML or a comment.
    BoxInHtml,
    /// A marker of caretaker's blocks without its other half.
    MismatchedMarker,
    /// Something that had to be guessed.
    Guess,
}

impl Code {
    fn severity(self) -> Severity {
        match self {
            Self::Unreadable
            | Self::NoTasks
            | Self::DuplicateId
            | Self::SecretCommand
            | Self::MalformedBox
            | Self::MismatchedMarker
            | Self::Contradiction
            | Self::UnknownPriority => Severity::Error,
            Self::MissingId
            | Self::SpecIdCollision
            | Self::MissingPriority
            | Self::UnknownLayer
            | Self::UnknownColumn
            | Self::UnknownDependency
            | Self::NotPlain
            | Self::CommandNotRun
            | Self::BoxInCodeBlock
            | Self::BoxInQuote
            | Self::BoxInHtml
            | Self::Guess => Severity::Warning,
        }
    }
}

/// Something that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What, for programs.
    pub(crate) code: Code,
    /// How bad.
    pub(crate) severity: Severity,
    /// Where, in bytes.
    pub(crate) span: Range<usize>,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column in characters, from 1.
    pub(crate) column: usize,
    /// The task that it is about.
    pub(crate) task: Option<String>,
    /// What, in a sentence.
    pub(crate) text: String,
    /// What to do.
    pub(crate) help: Option<String>,
}

/// What was found in a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lint {
    /// What caretaker understands.
    pub(crate) reading: Reading,
    /// What is wrong, in the order of the text.
    pub(crate) findings: Vec<Finding>,
}

impl Lint {
    /// How many are so bad.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Looks at a body.
pub(crate) fn lint(body: &str, home: Option<&Home>, classify: ClassifyWords<'_>) -> Lint {
    let document = match Document::parse(body) {
        Ok(document) => document,
        Err(error) => {
            let start = line_start(body, error.line);
            let mut findings = Findings::new(body);
            let help = wording::lint_flatten();
            findings.add(Code::Unreadable, start..line_end(body, start), None, error.to_string(), Some(help));
            return Lint { findings: findings.sorted(), ..Lint::default() };
        }
    };
    let (reading, indexes) = read_document(&document, home, classify);
    let own = marks::own_ranges(&document);
    let mut findings = Findings::new(body);
    let tasks: Vec<(&Task, &Item)> = reading
        .tasks
        .iter()
        .zip(&indexes)
        // What we wrote ourselves is nobody's to mend.
        .filter(|(task, _)| !task.own)
        .filter_map(|(task, index)| document.items().get(*index).map(|item| (task, item)))
        .collect();
    if reading.tasks.is_empty() {
        let text = wording::no_tasks();
        findings.add(Code::NoTasks, 0..line_end(body, 0), None, text, Some(wording::how_to_write_tasks()));
    }
    heads(&tasks, &mut findings);
    columns::look(&document, &tasks, &mut findings);
    plainness(&tasks, &mut findings);
    for (task, item) in &tasks {
        commands::look(body, task, item, &mut findings);
    }
    boxes(&document, &own, &mut findings);
    markers(&document, &mut findings);
    guesses(body, &reading, &tasks, &mut findings);
    Lint { findings: findings.sorted(), reading }
}

/// Collects findings.
#[derive(Debug)]
struct Findings<'a> {
    body: &'a str,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    fn new(body: &'a str) -> Self {
        Self { body, found: Vec::new() }
    }

    fn add(
        &mut self,
        code: Code,
        span: Range<usize>,
        task: Option<&str>,
        text: String,
        help: Option<String>,
    ) {
        self.found.push(Finding {
            code,
            severity: code.severity(),
            span,
            line: 0,
            column: 0,
            task: task.map(str::to_owned),
            text,
            help,
        });
    }

    /// In the order of the text, with lines and columns, counted in one pass.
    fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| (finding.span.start, finding.span.end, finding.code));
        let starts = line_starts(self.body);
        for finding in &mut self.found {
            let place = finding.span.start.min(self.body.len());
            finding.line = starts.partition_point(|start| *start <= place).max(1);
            finding.column = self.body[starts[finding.line - 1]..place].chars().count() + 1;
        }
        self.found
    }
}

/// Where each line begins; a line ends with LF, CR or both, as in Markdown.
fn line_starts(body: &str) -> Vec<usize> {
    let bytes = body.as_bytes();
    let ends = |at: &usize| bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect()
}

fn line_start(body: &str, line: usize) -> usize {
    line_starts(body).get(line.saturating_sub(1)).copied().unwrap_or(body.len())
}

fn line_end(body: &str, start: usize) -> usize {
    let rest = &body[start..];
    start + rest.find(['\n', '\r']).unwrap_or(rest.len())
}

/// The id of a task as it is written on its line.
fn written_id(item: &Item) -> Option<String> {
    words::head(&item.title, item.label.as_deref()).id
}

/// Whether a label begins with what was meant as an id and is not read as one, such as `d2` or an id beside a priority that
/// there is not: a second one would take its place.
fn meant_an_id(item: &Item) -> bool {
    let first = item.label.as_deref().and_then(|label| label.split_whitespace().next());
    // `P7` is a priority that there is not.
    let is_a_priority = |word: &str| word.len() == 2 && word.starts_with(['P', 'p']);
    first.is_some_and(|word| named::is_like_an_id(word) && !is_a_priority(word))
}

/// Ids, priorities and layers in front of titles.
fn heads(tasks: &[(&Task, &Item)], findings: &mut Findings<'_>) {
    let mut by_id: BTreeMap<String, Vec<&Item>> = BTreeMap::new();
    for (task, item) in tasks {
        let head = words::head(&item.title, item.label.as_deref());
        let span = || item.first_line.start..item.first_line_end;
        match &head.id {
            Some(id) => by_id.entry(id.clone()).or_default().push(item),
            None if meant_an_id(item) && wrong_priority(item).is_some() => {}
            None => findings.add(
                Code::MissingId,
                span(),
                Some(&task.id),
                wording::lint_missing_id(&task.id),
                Some(wording::lint_add_id()),
            ),
        }
        if let Some(word) = wrong_priority(item) {
            let text = wording::lint_wrong_priority(&word);
            findings.add(
                Code::UnknownPriority,
                span(),
                Some(&task.id),
                text,
                Some(wording::lint_add_priority()),
            );
        } else if task.guesses.priority.certainty == Certainty::Assumed {
            let text = wording::lint_missing_priority(&task.id, task.priority);
            findings.add(
                Code::MissingPriority,
                span(),
                Some(&task.id),
                text,
                Some(wording::lint_add_priority()),
            );
        }
        if let Some(word) = unknown_layer(item, &head) {
            let text = wording::lint_unknown_layer(&word);
            findings.add(Code::UnknownLayer, span(), Some(&task.id), text, Some(wording::lint_layers()));
        }
    }
    for (id, items) in by_id {
        for item in items.iter().filter(|_| items.len() > 1) {
            findings.add(
                Code::DuplicateId,
                item.first_line.start..item.first_line_end,
                Some(&id),
                wording::doubled_id(&id),
                Some(wording::lint_other_id()),
            );
        }
    }
}

/// `P4`: what is written like a priority and is none.
fn wrong_priority(item: &Item) -> Option<String> {
    let label = item.label.as_deref().unwrap_or(&item.title);
    let mut codes = label
        .split(|c: char| c.is_whitespace() || "[]():/|–—-".contains(c))
        .filter(|word| !word.is_empty())
        .take(3);
    codes
        .find(|word| {
            let digits = word.strip_prefix(['P', 'p']).unwrap_or_default();
            matches!(digits.parse::<u32>(), Ok(4..=9)) && digits.len() == 1
        })
        .map(str::to_owned)
}

/// What a label says behind id and priority, where a layer stands, and that is none.
fn unknown_layer(item: &Item, head: &words::Head) -> Option<String> {
    let label = item.label.as_deref()?.trim();
    if head.layer.is_some() || head.several_layers || (head.id.is_none() && head.priority.is_none()) {
        return None;
    }
    if let Some(tag) = &head.unknown_layer {
        return Some(tag.clone());
    }
    // What was not understood as a layer has become the beginning of the title.
    let (leftover, _) = head.title.split_once(':')?;
    let leftover = leftover.trim();
    (!leftover.is_empty() && label != leftover && label.ends_with(leftover)).then(|| leftover.to_owned())
}

/// Tasks that would be done if they were plainly asked for.
fn plainness(tasks: &[(&Task, &Item)], findings: &mut Findings<'_>) {
    for (task, item) in tasks.iter().filter(|(task, _)| !task.ticked) {
        let first = task
            .title
            .split(|c: char| !c.is_alphanumeric())
            .find(|word| !word.is_empty())
            .unwrap_or_default();
        let may_be_done = matches!(
            task.kind,
            Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. } | Kind::Verify { .. } | Kind::Final
        );
        let begins = matches!(first.to_lowercase().as_str(), "merge" | "close") && task.kind == Kind::Person;
        let Some(why) = task.why_person.as_deref().filter(|_| may_be_done || begins) else { continue };
        if matches!(task.needs, Some(Needs::Approval | Needs::Person)) {
            let span = item.first_line.start..item.first_line_end;
            findings.add(
                Code::NotPlain,
                span,
                Some(&task.id),
                why.to_owned(),
                Some(wording::lint_ask_plainly()),
            );
        }
    }
}

/// What looks like a task and is none.
fn boxes(document: &Document<'_>, own: &[Range<usize>], findings: &mut Findings<'_>) {
    let body = document.text();
    for found in document.box_likes() {
        if own.iter().any(|range| range.contains(&found.offset)) {
            continue;
        }
        let (code, text, help) = match found.reason {
            BoxLikeReason::InCode => (Code::BoxInCodeBlock, wording::box_in_code(), None),
            BoxLikeReason::InQuote => (Code::BoxInQuote, wording::box_in_quote(), None),
            BoxLikeReason::InHtml => (Code::BoxInHtml, wording::box_in_html(), None),
            BoxLikeReason::Malformed => {
                (Code::MalformedBox, wording::box_malformed(), Some(wording::lint_write_box()))
            }
        };
        findings.add(code, found.offset..line_end(body, found.offset), None, text, help);
    }
}

/// Halves of our own blocks.
fn markers(document: &Document<'_>, findings: &mut Findings<'_>) {
    let mut add = |span: Range<usize>, text: String| {
        findings.add(Code::MismatchedMarker, span, None, text, Some(wording::lint_marker_help()));
    };
    let mut opened: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    let markers = marks::markers(document);
    for marker in &markers {
        let name = marker.name;
        if !marker.closes {
            if let Some(lone) = opened.insert(name, marker.span.clone()) {
                add(lone, wording::lint_marker_open(name));
            }
        } else if let Some(begin) = opened.remove(name) {
            if !whole.insert(name) {
                add(begin, wording::lint_marker_twice(name));
            }
        } else {
            add(marker.span.clone(), wording::lint_marker_close(name));
        }
    }
    for (name, lone) in opened {
        add(lone, wording::lint_marker_open(name));
    }
    for comment in document.comments().iter().filter(|comment| !comment.closed) {
        let start = comment.span.start;
        if comment.content.trim_start_matches('/').starts_with("caretaker:") {
            let span = start..line_end(document.text(), start);
            let text = wording::lint_marker_unclosed();
            findings.add(Code::MismatchedMarker, span, None, text, Some(wording::lint_marker_help()));
        }
    }
}

/// What the reader had to guess and says so, besides what is looked at above.
fn guesses(body: &str, reading: &Reading, tasks: &[(&Task, &Item)], findings: &mut Findings<'_>) {
    let said = |text: &str| {
        [
            wording::box_in_code(),
            wording::box_in_quote(),
            wording::box_in_html(),
            wording::box_malformed(),
            wording::no_tasks(),
            wording::leaks_secrets(),
        ]
        .iter()
        .any(|known| known == text)
    };
    let items: BTreeMap<usize, (&Task, &Item)> =
        tasks.iter().map(|(task, item)| (task.line, (*task, *item))).collect();
    let starts = line_starts(body);
    let doubled: Vec<(usize, String)> = findings
        .found
        .iter()
        .filter(|finding| finding.code == Code::DuplicateId)
        .map(|finding| (finding.span.start, finding.text.clone()))
        .collect();
    let collisions: Vec<String> = findings
        .found
        .iter()
        .filter(|finding| finding.code == Code::SpecIdCollision)
        .map(|finding| {
            let line = starts.partition_point(|start| *start <= finding.span.start);
            let id = body[finding.span.clone()].trim_matches(['*', '`', '_', ' ', '\t']);
            wording::spec_collision(id, line)
        })
        .collect();
    let doubled: BTreeSet<(usize, &str)> = doubled.iter().map(|(at, text)| (*at, text.as_str())).collect();
    let collisions: BTreeSet<&str> = collisions.iter().map(String::as_str).collect();
    for warning in &reading.warnings {
        let start = starts.get(warning.line.saturating_sub(1)).copied().unwrap_or(0);
        let span = start..line_end(body, start);
        let item = items.get(&warning.line);
        let task = item.map(|(task, _)| task.id.as_str());
        let place = item.map_or(span.clone(), |(_, item)| item.first_line.start..item.first_line_end);
        match &warning.about {
            About::Dependency(what) => {
                // Where it is written, if that is a detail.
                let details = item.into_iter().flat_map(|(_, item)| &item.details);
                let span = details
                    .filter(|detail| detail.text.contains(what.as_str()))
                    .find(|detail| {
                        detail
                            .label
                            .as_deref()
                            .is_some_and(|label| is_a_dependency(&label.trim().to_lowercase()))
                    })
                    .map_or(place, |detail| detail.span.clone());
                findings.add(Code::UnknownDependency, span, task, warning.text.clone(), None);
            }
            About::Contradiction => {
                let help = wording::lint_say_which();
                findings.add(Code::Contradiction, place, task, warning.text.clone(), Some(help));
            }
            About::Guess => {
                // Those about doubled ids and about ids of the table have been told with their place.
                let of_the_line = doubled.range((span.start, "")..=(span.end, "\u{10ffff}"));
                let told = said(&warning.text)
                    || of_the_line.into_iter().any(|(_, text)| *text == warning.text)
                    || collisions.contains(warning.text.as_str());
                if !told {
                    findings.add(Code::Guess, span, task, warning.text.clone(), None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
