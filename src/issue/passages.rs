//! What the running text around the lists of tasks says: the paragraphs, quotations and summaries above them, and the
//! texts anywhere that name a task.
//!
//! A line that opens a list, or stands above it like a heading, is heard as a heading is. Another paragraph mostly
//! describes, so it counts only where it refuses, waits or speaks of the work; then it costs what was to be done a yes.
//! Everything is read once, in the order of the text, and asked for by place.

use super::Priority;
use super::condition::{self, Doubt, Reserve};
use super::depends::{Bearing, Written};
use super::detail::{self, Role};
use super::draft::{is_a_dependency, names_what_waits};
use super::folds::Folds;
use super::guess::Source;
use super::heard::Heard;
use super::inferred::is_a_gate_heading;
use super::kind::{self, numbers};
use super::levels;
use super::levels::line_priority;
use super::named;
use super::read::{heading_name, states_criteria};
use super::refusal::{Tone, asks_for_care, in_passing, is_about_all};
use super::reserve::{Said, bullet_text, heavier, is_struck, plain};
use super::spec;
use super::title::head;
use super::vocabulary::{is_afterwards, is_work};
use crate::health::Layer;
use crate::wording;
use checklist::{Document, Item, Passage, PassageKind, Row, Table};
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A paragraph of so many words at most may be a heading that is not written as one.
const SHORT: usize = 4;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<!--.*?(?:-->|$)|<[^>]*>|\[![A-Za-z]+\]"));
static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([^\]]*)\]\([^)]*\)"));
static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*>\s?"));
static ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-Z]{1,8}-?[0-9]{1,4}(?:[a-z]|\.[0-9]{1,3})?\b"));

/// `superseded by #44`, `waiting for A3`.
static HELD_UP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?i:superseded|replaced|obsoleted|blocked|waiting|waits?|held(?:\s+(?:back|up))?)\s+(?i:by|until|on|for)\s+(?i:the\s+)?(?i:merge\s+of\s+)?(?:(?i:PRs?\s*)?[#!]?[0-9]+|[A-Z]{1,8}-?[0-9]{1,4}[a-z]?)\b",
    )
});

/// Of one task no more is kept than so many places that texts elsewhere give it.
const MOST_PLACES: usize = 16;

/// What holds at a place of the text, for what stands below it in its section.
#[derive(Debug, Clone, Default)]
struct Standing {
    place: usize,
    section: Option<usize>,
    /// A line that opens a list, and where it stands.
    opening: Option<(usize, Heard)>,
    /// A line that is bold like a heading.
    bold: Heard,
    /// A heading in HTML, or what is struck out there.
    html: Heard,
    /// Any other text.
    told: Heard,
}

/// So many lines at most say of a section what it is.
const MOST_LABELS: usize = 8;

/// What lines of a section say of all of it, each with its words.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) priority: Option<(Priority, String)>,
    pub(super) layer: Option<(Layer, String)>,
    /// A condition that they make.
    pub(super) said: Option<Said>,
    /// What they name as what comes first, also for what stands below a heading further down.
    pub(super) places: Vec<Written>,
}

/// What the running text of a body says of its tasks.
#[derive(Debug, Default)]
pub(super) struct Passages {
    standing: Vec<Standing>,
    folds: Folds,
    /// What is said of everything, by the heading under which it stands.
    of_all: HashMap<Option<usize>, Heard>,
    /// What the form's own status says of everything.
    of_everything: Option<Said>,
    /// The first plain item of a list that has to be done before what stands below it.
    steps: HashMap<usize, (usize, Said)>,
    /// What lines of a section say of all of it.
    labels: HashMap<Option<usize>, Labels>,
    by_number: HashMap<u64, Heard>,
    by_id: HashMap<String, Heard>,
    /// The ids that tasks have, once they are needed.
    ids: Option<HashSet<String>>,
}

impl Passages {
    /// Reads what is not caretaker's own.
    pub(super) fn new(document: &Document<'_>, is_own: &dyn Fn(usize) -> bool) -> Self {
        let mut found = Self::default();
        let mut headings = document.headings().iter().enumerate().peekable();
        let mut section = None;
        for passage in document.passages() {
            while let Some((index, heading)) =
                headings.next_if(|(_, heading)| heading.span.start < passage.span.start)
            {
                if !is_own(heading.span.start) {
                    section = Some(index);
                }
            }
            if is_own(passage.span.start) {
                continue;
            }
            found.add(document, passage, section);
        }
        for table in spec::others(document) {
            if !is_own(table.span.start) {
                table.rows.iter().for_each(|row| found.row(document, table, row));
            }
        }
        found
    }

    fn add(&mut self, document: &Document<'_>, passage: &Passage, section: Option<usize>) {
        let raw = &document.text()[passage.span.clone()];
        if let PassageKind::Bullet { list } = passage.kind {
            let (text, marker) = bullet_text(document.text(), passage.span.start);
            let text = shown(&text);
            self.name(&text);
            if let Some(said) = step(&text, marker.starts_with(|c: char| c.is_ascii_digit())) {
                self.steps.entry(list).or_insert((passage.span.start, said));
            }
            return;
        }
        let text = shown(raw);
        let named = self.name(&text);
        let above = |reserve: Reserve| Said::new(&wording::what_is_above(&text), &reserve);
        let struck =
            is_struck(raw).then(|| Said { doubt: Doubt::Judgement, why: wording::why_above_struck(&text) });
        let mut here = match self.standing.last() {
            Some(last) if last.section == section => last.clone(),
            _ => Standing::default(),
        };
        here.place = passage.span.start;
        here.section = section;
        let passing = Heard::above(&text, &Source::Words, |rest| {
            let reserve = in_passing(rest, Tone::Told).or_else(|| asks_for_care(rest))?;
            Some(above(Reserve { doubt: Doubt::Yes, ..reserve }))
        });
        // What a text says of tasks that it names is theirs; a `no` may be meant for what stands below it as well.
        let passing =
            if named && self.names_a_task(document, &text) { Heard::said(passing.said) } else { passing };
        if !passing.is_empty() && is_about_all(&text) {
            let known = self.of_all.entry(section).or_default();
            *known = std::mem::take(known).and(passing.clone()).shared(&text);
        }
        let like_a_heading = |text: &str| {
            let name = heading_name(text);
            Heard {
                no_tasks: states_criteria(&name).then(|| text.to_owned()),
                level: line_priority(text).map(|priority| (priority, text.to_owned())),
                gate: is_a_gate_heading(text).then(|| text.to_owned()),
                ..Heard::above(text, &Source::Words, |rest| condition::above(rest).map(above))
            }
        };
        match passage.kind {
            PassageKind::Html => {
                self.folds.read(raw, passage.span.start, &|text| like_a_heading(&shown(text)));
                let lower = raw.to_lowercase();
                // What begins or ends there has a priority of its own, or none.
                if ["<h", "<details", "</details"].iter().any(|tag| lower.contains(tag)) {
                    here.bold.level = None;
                    here.html.level = None;
                    here.opening = here.opening.filter(|(_, heard)| heard.level.is_none());
                }
                if let Some(comment) = comment(raw) {
                    let said = in_passing(&comment, Tone::Told);
                    let heard = Heard::above(&comment, &Source::Words, |rest| {
                        let reserve = in_passing(rest, Tone::Told).or_else(|| said.clone())?;
                        Some(Said::new(
                            &wording::what_is_above(&comment),
                            &Reserve { doubt: Doubt::Yes, ..reserve },
                        ))
                    });
                    if !heard.is_empty() {
                        here.opening = Some((passage.span.start, heard));
                    }
                } else if !lower.contains("<summary")
                    && ["<h1", "<h2", "<h3", "<h4", "<h5", "<h6"].iter().any(|tag| lower.contains(tag))
                {
                    here.html = like_a_heading(&text);
                } else if struck.is_some() {
                    here.html = Heard::said(struck);
                } else if lower.contains("</s>") || lower.contains("</del>") || lower.contains("</strike>") {
                    here.html = Heard::default();
                } else if !lower.contains("<summary") && here.told.is_empty() {
                    here.told = passing;
                }
            }
            PassageKind::Paragraph | PassageKind::Quote | PassageKind::Bullet { .. } => {
                let heard = Heard { said: struck, ..Heard::default() }.and(like_a_heading(&text));
                if passage.kind == PassageKind::Paragraph {
                    let is_a_title = section.is_none_or(|index| document.headings()[index].level == 1);
                    self.label(raw, section, is_a_title);
                }
                self.folds.text(passage.span.start, &heard);
                let raw = raw.trim();
                let is_bold = |sign: &str| {
                    raw.starts_with(sign)
                        && raw.trim_end_matches([':', '.', '!']).ends_with(sign)
                        && raw.matches(sign).count() == 2
                };
                let quoted = passage.kind == PassageKind::Quote;
                if !quoted && text.ends_with(':') {
                    here.opening = (!heard.is_empty()).then_some((passage.span.start, heard));
                } else if !quoted && (is_bold("**") || is_bold("__")) {
                    here.bold = heard;
                    here.opening = None;
                } else if text.split_whitespace().count() <= SHORT
                    && heard.said.is_some()
                    && heard.places.is_empty()
                {
                    here.bold = Heard::said(heard.said);
                } else if here.told.is_empty() {
                    here.told = passing;
                } else if !passing.places.is_empty() {
                    let told = std::mem::take(&mut here.told);
                    here.told = told.and(passing).shared(&text);
                }
            }
        }
        self.standing.push(here);
    }

    /// Notes what a paragraph says of the section's priority and layer as a detail would: `**Priority:** P1`.
    /// Of everything no condition is made that way.
    fn label(&mut self, raw: &str, section: Option<usize>, of_everything: bool) {
        for part in raw.lines().take(MOST_LABELS).flat_map(|line| line.split('|')) {
            let Some((name, text)) = part.split_once(':') else { continue };
            if name.split_whitespace().count() > SHORT {
                continue;
            }
            let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_'));
            let text = plain(text);
            match name.to_lowercase().as_str() {
                "priority" | "prio" | "priorität" => {
                    if let Some(priority) = levels::told_priority(&text) {
                        let own = self.labels.entry(section).or_default();
                        own.priority = Some((priority, format!("{name}:{text}")));
                        own.said =
                            own.said.take().or_else(|| beside_a_code(&text).filter(|_| !of_everything));
                    }
                }
                "layer" => {
                    if let Some((Some(layer), _)) = levels::told_layers(&text) {
                        let own = self.labels.entry(section).or_default();
                        own.layer = Some((layer, format!("{name}:{text}")));
                        own.said =
                            own.said.take().or_else(|| beside_a_code(&text).filter(|_| !of_everything));
                    }
                }
                name => {
                    if !of_everything && is_a_dependency(name) && !names_what_waits(name) {
                        let own = self.labels.entry(section).or_default();
                        let (source, before) = (Source::Heading(name.to_owned()), false);
                        let place = Written {
                            text: text.trim().to_owned(),
                            source,
                            before,
                            bearing: Bearing::Around,
                        };
                        own.places.extend((own.places.len() < MOST_PLACES).then_some(place));
                    }
                    if let Some(said) = condition_of(name, &text, of_everything) {
                        self.labels.entry(section).or_default().said = Some(said);
                    }
                }
            }
        }
    }

    /// What the lines of a section say of its priority and layer.
    pub(super) fn labels(&self, section: Option<usize>) -> Option<&Labels> {
        self.labels.get(&section)
    }

    /// Notes which tasks a text names that refuses, or says in which order something is done. Whether it names any.
    fn name(&mut self, text: &str) -> bool {
        if !text.contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let taken = named::take(text);
        let about = |reserve: Reserve| {
            Said::new(&wording::a_text_about_it(text), &Reserve { doubt: Doubt::Yes, ..reserve })
        };
        // Where nobody can tell which clause is about which task, it is about all that it names.
        let about_all = taken.after.len() + taken.before.len() > 1;
        // `The vendor bug blocks A2` is about A2.
        let names = if about_all || !taken.before.is_empty() { text } else { &taken.rest };
        let numbers = numbers(names);
        let ids: Vec<String> = ID.find_iter(names).map(|id| id.as_str().to_owned()).collect();
        let mut heard =
            Heard::of(text, &Source::Words, Bearing::Around, |rest| in_passing(rest, Tone::Told).map(about));
        if heard.is_empty() && numbers.len() + ids.len() > 1 {
            // `A2 → A1 → A3` is an order as well.
            let arrow =
                ["→", "->", "⇒"].into_iter().find(|arrow| ids.len() > 1 && taken.rest.contains(arrow));
            let word = condition::tokens(&taken.rest).into_iter().find(|(word, _)| is_of_an_order(word));
            heard.said = arrow
                .or(word.map(|(_, said)| said))
                .map(|said| about(Reserve { doubt: Doubt::Yes, said: said.to_owned() }));
        }
        self.note(&heard, numbers, ids)
    }

    /// Keeps what is said of tasks by their numbers and ids.
    fn note(&mut self, heard: &Heard, numbers: Vec<u64>, ids: Vec<String>) -> bool {
        let named = !numbers.is_empty() || !ids.is_empty();
        if heard.is_empty() {
            return named;
        }
        let add = |known: &mut Heard| {
            let room = MOST_PLACES.saturating_sub(known.places.len());
            known.places.extend(heard.places.iter().take(room).cloned());
            known.said = heavier(known.said.take(), heard.said.clone());
        };
        for number in numbers {
            add(self.by_number.entry(number).or_default());
        }
        for id in ids {
            // What is said of `A1.2` may be a part of `A1`.
            if let Some((outer, _)) = id.split_once('.') {
                add(self.by_id.entry(outer.to_owned()).or_default());
            }
            add(self.by_id.entry(id).or_default());
        }
        named
    }

    /// A row of a table is one text about what it names: its verdict, and what it says comes first.
    fn row(&mut self, document: &Document<'_>, table: &Table, row: &Row) {
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.text.trim()).collect();
        if spec::is_paused(&cells) {
            let text = cells.join(" | ");
            let said =
                Reserve { doubt: Doubt::Judgement, said: cells.get(1..).unwrap_or_default().join(" ") };
            self.of_everything.get_or_insert_with(|| Said::new(&wording::a_text_about_it(&text), &said));
        }
        if !cells.iter().any(|cell| cell.contains(|c: char| c.is_ascii_digit())) || is_logged(&cells) {
            return;
        }
        let text = cells.join(" | ");
        let said = spec::reserve(table, row).map(|reserve| {
            Said::new(&wording::a_text_about_it(&text), &Reserve { doubt: Doubt::Yes, ..reserve })
        });
        let mut heard = Heard::said(said);
        let mut held: Vec<&str> = Vec::new();
        let (mut numbers, mut ids) = (Vec::new(), Vec::new());
        for (header, cell) in table.header.iter().zip(&cells) {
            let (before, after) = spec::is_of_the_order(table, &header.text);
            if before || after {
                let text = (*cell).to_owned();
                let source = Source::Spec(document.line(row.span.start));
                heard.places.push(Written { text, source, before, bearing: Bearing::Around });
                held.extend(before.then_some(*cell));
                continue;
            }
            let taken = Heard::of(cell, &Source::Words, Bearing::Around, |rest| {
                numbers.extend(self::numbers(rest));
                ids.extend(ID.find_iter(rest).map(|id| id.as_str().to_owned()));
                None
            });
            if taken.places.iter().any(|place| place.before) {
                held.push(cell);
            }
            heard.places.extend(taken.places);
        }
        // What a row holds up that is no task itself has to be looked at by somebody.
        let tasks = self.task_ids(document);
        if !ids.iter().any(|id| tasks.contains(id)) {
            for cell in held {
                numbers.extend(self::numbers(cell));
                ids.extend(ID.find_iter(cell).map(|id| id.as_str().to_owned()));
            }
        }
        self.note(&heard, numbers, ids);
    }

    /// The ids that tasks of this body have. Asked for few texts.
    fn task_ids(&mut self, document: &Document<'_>) -> &HashSet<String> {
        self.ids.get_or_insert_with(|| {
            document.items().iter().filter_map(|item| head(document, item).id).collect()
        })
    }

    /// Whether a text that names something by an id or a number names a task of this body. Asked for few texts.
    fn names_a_task(&mut self, document: &Document<'_>, text: &str) -> bool {
        let rest = named::take(text).rest;
        let ids = self.task_ids(document);
        !numbers(&rest).is_empty() || ID.find_iter(&rest).any(|id| ids.contains(id.as_str()))
    }

    /// What stands right above a task and holds for it like a heading.
    pub(super) fn above(&self, document: &Document<'_>, item: &Item, section: Option<usize>) -> Heard {
        let folded = self.folds.around(item.box_offset);
        let Some(here) = self.at(item.list_start, section) else { return folded };
        // What opens a list opens that list alone.
        let opens = here.opening.as_ref().filter(|(place, _)| {
            let items = document.items();
            let next = items.partition_point(|other| other.box_offset < *place);
            items.get(next).is_none_or(|other| other.list_start >= item.list_start)
        });
        let opens = opens.map(|(_, heard)| heard.clone()).unwrap_or_default();
        opens.and(here.bold.clone()).and(here.html.clone()).and(folded)
    }

    /// What other texts say against doing a task at once. `outer` are the headings above it, outermost first.
    pub(super) fn told(&self, item: &Item, outer: &[usize]) -> Heard {
        let section = outer.last().copied();
        let near = self.at(item.list_start, section).map(|here| here.told.clone()).unwrap_or_default();
        let step = self.steps.get(&item.inner_list_start).filter(|(place, _)| *place < item.box_offset);
        let mut found = near
            .and(Heard::said(step.map(|(_, said)| said.clone())))
            .and(Heard::said(self.of_everything.clone()));
        // Also what stands below the list may be meant for all of it.
        let outer = outer.iter().rev().map(|index| Some(*index));
        for place in outer.chain((section.is_some()).then_some(None)) {
            if let Some(heard) = self.of_all.get(&place) {
                let said = found.said.take().or_else(|| heard.said.clone());
                found.places.extend(heard.places.iter().cloned());
                found.said = said;
            }
        }
        found
    }

    /// What is said anywhere of the task with this number or id.
    pub(super) fn naming(&self, number: Option<u64>, id: Option<&str>) -> Heard {
        let number = number.and_then(|number| self.by_number.get(&number)).cloned().unwrap_or_default();
        number.and(id.and_then(|id| self.by_id.get(id)).cloned().unwrap_or_default())
    }

    /// Notes what an open box says of the tasks that it names: that they are not to be done.
    pub(super) fn refused(&mut self, title: &str) {
        let rest = named::without_ids(title);
        if let Some(reserve) = in_passing(&rest, Tone::Goal) {
            let said = Said::new(&wording::a_text_about_it(title), &reserve);
            // What holds a task up, or takes its place, is not what is held up.
            let others = HELD_UP.replace_all(&rest, " ");
            let names = |text: &str| {
                let ids: Vec<String> = ID.find_iter(text).map(|id| id.as_str().to_owned()).collect();
                (numbers(text), ids)
            };
            let (numbers, ids) = match names(&others) {
                (numbers, ids) if numbers.is_empty() && ids.is_empty() => names(&rest),
                found => found,
            };
            self.note(&Heard::said(Some(said)), numbers, ids);
        }
    }

    fn at(&self, place: usize, section: Option<usize>) -> Option<&Standing> {
        let behind = self.standing.partition_point(|standing| standing.place < place);
        self.standing.get(behind.checked_sub(1)?).filter(|standing| standing.section == section)
    }
}

/// What the line of a section says under a label that stands for a condition, an approval or what comes first. Tasks and
/// pull requests that it names are heard where they are named.
fn condition_of(name: &str, text: &str, of_everything: bool) -> Option<Said> {
    let role = detail::role(name);
    let names = is_a_dependency(name);
    // Of everything only plain words make one.
    let counts = names || role == Role::Approval || role == Role::Condition && !of_everything;
    if !counts || detail::says_nothing(text) || name.contains("window") {
        return None;
    }
    let heard = |part: &named::Named| !matches!(part, named::Named::Words(_));
    if names && named::parts(text, |_| false).iter().all(heard) {
        return None;
    }
    let said = Reserve { doubt: Doubt::Yes, said: text.trim().to_owned() };
    Some(Said::new(&wording::what_is_above(&format!("{name}: {}", text.trim())), &said))
}

/// What stands beside a priority or a layer and is a condition.
fn beside_a_code(text: &str) -> Option<Said> {
    let reserve = condition::doubt(text).or_else(|| condition::speaks(text))?;
    Some(Said::new(&wording::what_is_above(text.trim()), &Reserve { doubt: Doubt::Yes, ..reserve }))
}

/// The text as a reader sees it, on one line.
fn shown(raw: &str) -> String {
    let text = QUOTED.replace_all(raw, "");
    let text = TAG.replace_all(&text, " ");
    let text = LINK.replace_all(&text, "$1");
    plain(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a block that is a comment and nothing else; those of programs say nothing.
fn comment(raw: &str) -> Option<String> {
    let inner = raw.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let is_a_program = inner.trim_start_matches('/').starts_with("caretaker") || inner.contains("-->");
    (!is_a_program).then(|| inner.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether a row tells what has been done at a time, as a change log does.
fn is_logged(cells: &[&str]) -> bool {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}"));
    cells.iter().any(|cell| TIME.is_match(cell))
}

/// Words with which a text says in which order the tasks that it names are done.
fn is_of_an_order(word: &str) -> bool {
    matches!(
        word,
        "first"
            | "before"
            | "after"
            | "depends"
            | "depend"
            | "needs"
            | "need"
            | "requires"
            | "once"
            | "until"
    )
}

/// Whether a plain item of a list has to be seen to before the tasks below it.
fn step(text: &str, numbered: bool) -> Option<Said> {
    let list = kind::words(text);
    let first = list.first().map(String::as_str)?;
    let said = |doubt| Some(Said::new(&wording::a_step_above(), &Reserve { doubt, said: text.to_owned() }));
    if is_afterwards(first) && super::asked::unclear(text).is_none() {
        return None;
    }
    let asks = numbered
        || is_work(first)
        || condition::speaks(text).is_some()
        || !named::take(text).is_empty()
        || in_passing(text, Tone::Told).is_some();
    asks.then(|| said(Doubt::Yes)).flatten()
}
