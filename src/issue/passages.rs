//! What the running text around the lists of tasks says: the paragraphs, quotations and summaries above them, and the
//! texts anywhere that name a task.
//!
//! A line that opens a list, or stands above it like a heading, is heard as a heading is. Another paragraph mostly
//! describes, so it counts only where it refuses, waits or speaks of the work; then it costs what was to be done a yes.
//! Everything is read once, in the order of the text, and asked for by place.

use super::condition::{self, Doubt, Reserve};
use super::folds::Folds;
use super::gate::{self, Gate};
use super::guess::Source;
use super::heard::{Heard, brief};
use super::kind::{self, numbers};
use super::labels::Sections;
use super::levels::line_priority;
use super::named;
use super::naming::{self, Answer, Held, Naming};
use super::read::{heading_name, states_criteria};
use super::refusal::{Tone, asks_for_care, in_passing, is_about_all};
use super::reserve::{Said, bullet_text, is_struck, plain};
use super::spec;
use super::title::head;
use super::vocabulary::{is_afterwards, is_work};
use crate::wording;
use checklist::{Document, Item, Passage, PassageKind, Row, Table};
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

/// A paragraph of so many words at most may be a heading that is not written as one.
const SHORT: usize = 4;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<!--.*?(?:-->|$)|<[^>]*>|\[![A-Za-z]+\]"));
static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([^\]]*)\]\([^)]*\)"));
static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*>\s?"));
/// What holds at a place of the text, for what stands below it in its section.
#[derive(Debug, Clone, Default)]
struct Standing {
    place: usize,
    section: Option<usize>,
    /// A line that opens a list, and where it stands.
    opening: Option<(usize, Arc<Heard>)>,
    /// A line that is bold like a heading, and where it stands.
    bold: Arc<Heard>,
    bold_at: usize,
    /// A heading in HTML, or what is struck out there.
    html: Arc<Heard>,
    /// Any other text.
    told: Arc<Heard>,
}

impl Standing {
    /// Another line than a heading stands between a gate and what follows.
    fn divide_gate(&mut self, ends: bool) {
        if self.bold.gate.is_some() {
            let bold = Arc::make_mut(&mut self.bold);
            bold.gate = bold.gate.take().filter(|_| !ends).map(Gate::behind_another_line);
        }
    }
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
    pub(super) sections: Sections,
    /// Where the boxes of people stand, in the order of the text.
    boxes: Vec<usize>,
    naming: Naming,
    /// The ids that tasks have, once they are needed.
    ids: Option<HashSet<String>>,
}

impl Passages {
    /// Reads what is not caretaker's own.
    pub(super) fn new(document: &Document<'_>, is_own: &dyn Fn(usize) -> bool) -> Self {
        let boxes = document.items().iter().map(|item| item.box_offset).filter(|at| !is_own(*at));
        let mut found = Self { boxes: boxes.collect(), ..Self::default() };
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
        let starts = document.headings().iter().map(|heading| heading.span.start).filter(|at| !is_own(*at));
        found.sections.place(document, &found.boxes, &starts.collect::<Vec<_>>());
        found
    }

    fn add(&mut self, document: &Document<'_>, passage: &Passage, section: Option<usize>) {
        let raw = &document.text()[passage.span.clone()];
        if let PassageKind::Bullet { list } = passage.kind {
            let (text, marker) = bullet_text(document.text(), passage.span.start);
            let text = shown(&text);
            self.naming.text(&text, None);
            if let Some(said) = step(&text, marker.starts_with(|c: char| c.is_ascii_digit())) {
                self.steps.entry(list).or_insert((passage.span.start, said));
            }
            return;
        }
        let text = shown(raw);
        // `These come before A2` may be about the boxes above it, where it opens no list.
        let start = section.map_or(0, |index| document.headings()[index].span.start);
        let is_about_below = passage.kind == PassageKind::Paragraph
            && (text.ends_with(':') || !self.is_a_box_between(start, passage.span.start));
        let below = is_about_below.then_some(passage.span.start);
        let named = self.naming.text(&text, below);
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
                no_tasks: states_criteria(&name).then(|| brief(text)),
                level: line_priority(text).map(|priority| (priority, text.to_owned())),
                gate: Gate::of(text),
                ..Heard::above(text, &Source::Words, |rest| condition::above(rest).map(above))
            }
        };
        match passage.kind {
            PassageKind::Html => {
                self.folds.read(raw, passage.span.start, &|text| like_a_heading(&shown(text)));
                let lower = raw.to_lowercase();
                let is_a_heading =
                    ["<h1", "<h2", "<h3", "<h4", "<h5", "<h6"].iter().any(|tag| lower.contains(tag));
                // What begins or ends there has a priority of its own, or none.
                if ["<h", "<details", "</details"].iter().any(|tag| lower.contains(tag)) {
                    for heard in
                        [&mut here.bold, &mut here.html].into_iter().filter(|heard| heard.level.is_some())
                    {
                        Arc::make_mut(heard).level = None;
                    }
                    here.opening = here.opening.filter(|(_, heard)| heard.level.is_none());
                    if self.is_a_box_between(here.bold_at, passage.span.start) {
                        here.divide_gate(is_a_heading);
                    }
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
                        here.opening = Some((passage.span.start, Arc::new(heard)));
                    }
                } else if !lower.contains("<summary") && is_a_heading {
                    here.html = Arc::new(like_a_heading(&text));
                } else if struck.is_some() {
                    here.html = Arc::new(Heard::said(struck));
                } else if lower.contains("</s>") || lower.contains("</del>") || lower.contains("</strike>") {
                    here.html = Arc::default();
                } else if !lower.contains("<summary") && here.told.is_empty() {
                    here.told = Arc::new(passing);
                }
            }
            PassageKind::Paragraph | PassageKind::Quote | PassageKind::Bullet { .. } => {
                let heard = Heard { said: struck, ..Heard::default() }.and(like_a_heading(&text));
                if passage.kind == PassageKind::Paragraph {
                    let is_a_title = section.is_none_or(|index| document.headings()[index].level == 1);
                    self.sections.read(raw, passage.span.start, section, is_a_title);
                }
                self.folds.text(passage.span.start, &heard);
                let raw = raw.trim();
                let sign = ["**", "__"].into_iter().find(|sign| raw.starts_with(sign));
                let bold = sign.and_then(|sign| raw[sign.len()..].split_once(sign));
                // Nothing is bold but the line, and all of it.
                let is_bold = bold.is_some_and(|(_, rest)| rest.trim_end_matches([':', '.', '!']).is_empty());
                let quoted = passage.kind == PassageKind::Quote;
                if !quoted && self.is_a_box_between(here.bold_at, passage.span.start) {
                    here.divide_gate(gate::names_the_updates(bold.map_or(&text, |(name, _)| name)));
                }
                if !quoted && text.ends_with(':') {
                    here.opening = (!heard.is_empty()).then(|| (passage.span.start, Arc::new(heard)));
                } else if !quoted && is_bold {
                    here.bold = Arc::new(heard);
                    here.bold_at = passage.span.start;
                    here.opening = None;
                } else if text.split_whitespace().count() <= SHORT
                    && heard.said.is_some()
                    && heard.places.is_empty()
                {
                    here.bold = Arc::new(Heard::said(heard.said));
                    here.bold_at = passage.span.start;
                } else if here.told.is_empty() {
                    here.told = Arc::new(passing);
                } else if !passing.places.is_empty() {
                    let told = Arc::unwrap_or_clone(std::mem::take(&mut here.told));
                    here.told = Arc::new(told.and(passing).shared(&text));
                }
            }
        }
        self.standing.push(here);
    }

    /// Reads a row of a table.
    fn row(&mut self, document: &Document<'_>, table: &Table, row: &Row) {
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.text.trim()).collect();
        if spec::is_paused(&cells) {
            let text = cells.join(" | ");
            let said =
                Reserve { doubt: Doubt::Judgement, said: cells.get(1..).unwrap_or_default().join(" ") };
            self.of_everything.get_or_insert_with(|| Said::new(&wording::a_text_about_it(&text), &said));
        }
        self.naming.row(document, table, row);
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
        !numbers(&rest).is_empty() || naming::ids(&rest).iter().any(|id| ids.contains(id))
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
        let opens = opens.map(|(_, heard)| (**heard).clone()).unwrap_or_default();
        opens.and((*here.bold).clone()).and((*here.html).clone()).and(folded)
    }

    /// What other texts say against doing a task at once. `outer` are the headings above it, outermost first.
    pub(super) fn told(&self, item: &Item, outer: &[usize]) -> Heard {
        let section = outer.last().copied();
        let near = self.at(item.list_start, section).map(|here| (*here.told).clone()).unwrap_or_default();
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
        self.naming.of(number, id)
    }

    /// Notes what an open box says of the tasks that it names: that they are not to be done.
    pub(super) fn refused(&mut self, title: &str) {
        self.naming.refused(title);
    }

    /// Finds who answers what texts say that other tasks wait for, now that it is known which tasks there are, in the
    /// order of the text.
    pub(super) fn settle(&mut self, document: &Document<'_>, tasks: &[Answer<'_>]) {
        let mut naming = std::mem::take(&mut self.naming);
        naming.settle(tasks, |held, place| self.is_heard_below(document, tasks, held, place));
        self.naming = naming;
    }

    /// Whether the first task below a text in its section is another than what waits, and hears it.
    fn is_heard_below(
        &self,
        document: &Document<'_>,
        tasks: &[Answer<'_>],
        held: &Held,
        place: usize,
    ) -> bool {
        let items = document.items();
        let below = tasks.partition_point(|task| items[task.item].box_offset < place);
        let Some(first) = tasks.get(below).filter(|first| !held.is(first)) else { return false };
        let item = &items[first.item];
        let headings = document.headings();
        let next = headings.get(headings.partition_point(|heading| heading.span.start < place));
        if item.list_start < place || next.is_some_and(|next| next.span.start < item.box_offset) {
            return false;
        }
        let own = self.standing.partition_point(|standing| standing.place < place);
        let here = self.standing.get(own).and_then(|own| self.at(item.list_start, own.section));
        here.is_some_and(|here| {
            let opening = here.opening.as_ref().map(|(_, heard)| heard);
            opening.into_iter().chain([&here.bold, &here.told]).any(|heard| heard.tells(&held.heard))
        })
    }

    /// Whether a box of a person stands between two places.
    fn is_a_box_between(&self, from: usize, to: usize) -> bool {
        let behind = self.boxes.partition_point(|at| *at < from);
        self.boxes.get(behind).is_some_and(|at| *at < to)
    }

    fn at(&self, place: usize, section: Option<usize>) -> Option<&Standing> {
        let behind = self.standing.partition_point(|standing| standing.place < place);
        self.standing.get(behind.checked_sub(1)?).filter(|standing| standing.section == section)
    }
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
