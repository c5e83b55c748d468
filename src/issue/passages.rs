//! What the running text around the lists of tasks says: the paragraphs, quotations and summaries above them, and the
//! texts anywhere that name a task.
//!
//! A line that opens a list, or stands above it like a heading, is heard as a heading is. Another paragraph mostly
//! describes, so it counts only where it refuses, waits or speaks of the work; then it costs what was to be done a yes.
//! Everything is read once, in the order of the text, and asked for by place.

use super::condition::{self, Doubt, Reserve};
use super::kind::{bare, pulls, words};
use super::refusal::{Tone, asks_for_care, in_passing, is_about_all};
use super::reserve::{Said, bullet_text, heavier, is_struck, plain};
use super::vocabulary::{is_afterwards, is_work};
use crate::wording;
use checklist::{Document, Item, Passage, PassageKind};
use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A paragraph of so many words at most may be a heading that is not written as one.
const SHORT: usize = 4;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<!--.*?(?:-->|$)|<[^>]*>|\[![A-Za-z]+\]"));
static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([^\]]*)\]\([^)]*\)"));
static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*>\s?"));
static ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-Z]{1,8}-?[0-9]{1,4}[a-z]?\b"));

/// What holds at a place of the text, for what stands below it in its section.
#[derive(Debug, Clone, Default)]
struct Standing {
    place: usize,
    section: Option<usize>,
    /// A line that opens a list, and where it stands.
    opening: Option<(usize, Said)>,
    /// A line that is bold like a heading.
    bold: Option<Said>,
    /// The summary of what is folded, or a heading in HTML.
    folded: Option<Said>,
    /// Any other text.
    told: Option<Said>,
}

/// What the running text of a body says of its tasks.
#[derive(Debug, Default)]
pub(super) struct Passages {
    standing: Vec<Standing>,
    /// What is said of everything, by the heading under which it stands.
    of_all: HashMap<Option<usize>, Said>,
    /// The first plain item of a list that has to be done before what stands below it.
    steps: HashMap<usize, (usize, Said)>,
    by_number: HashMap<u64, Said>,
    by_id: HashMap<String, Said>,
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
        self.name(&text);
        let above = |reserve: Reserve| Said::new(&wording::what_is_above(&text), &reserve);
        let struck =
            is_struck(raw).then(|| Said { doubt: Doubt::Judgement, why: wording::why_above_struck(&text) });
        let mut here = match self.standing.last() {
            Some(last) if last.section == section => last.clone(),
            _ => Standing::default(),
        };
        here.place = passage.span.start;
        here.section = section;
        let passing = in_passing(&text, Tone::Told).or_else(|| asks_for_care(&text));
        if let Some(reserve) = passing.as_ref().filter(|_| is_about_all(&text)) {
            let said = above(Reserve { doubt: Doubt::Yes, ..reserve.clone() });
            self.of_all.entry(section).or_insert(said);
        }
        match passage.kind {
            PassageKind::Html => {
                let lower = raw.to_lowercase();
                if ["<summary", "<h1", "<h2", "<h3", "<h4", "<h5", "<h6"]
                    .iter()
                    .any(|tag| lower.contains(tag))
                {
                    here.folded = condition::above(&text).map(above);
                } else if lower.contains("</details") {
                    here.folded = None;
                } else if struck.is_some() {
                    here.folded = struck;
                } else if let Some(reserve) = passing {
                    here.told = here.told.or_else(|| Some(above(Reserve { doubt: Doubt::Yes, ..reserve })));
                }
            }
            PassageKind::Paragraph | PassageKind::Quote | PassageKind::Bullet { .. } => {
                let heard = struck.or_else(|| condition::above(&text).map(above));
                let raw = raw.trim();
                let is_bold = |sign: &str| {
                    raw.starts_with(sign)
                        && raw.trim_end_matches([':', '.', '!']).ends_with(sign)
                        && raw.matches(sign).count() == 2
                };
                let quoted = passage.kind == PassageKind::Quote;
                if !quoted && text.ends_with(':') {
                    here.opening = heard.map(|said| (passage.span.start, said));
                } else if !quoted && (is_bold("**") || is_bold("__")) {
                    here.bold = heard;
                    here.opening = None;
                } else if text.split_whitespace().count() <= SHORT && heard.is_some() {
                    here.bold = heard;
                } else if let Some(reserve) = passing {
                    here.told = here.told.or_else(|| Some(above(Reserve { doubt: Doubt::Yes, ..reserve })));
                }
            }
        }
        self.standing.push(here);
    }

    /// Notes which tasks a text that refuses names.
    fn name(&mut self, text: &str) {
        if !text.contains(|c: char| c.is_ascii_digit()) {
            return;
        }
        let Some(reserve) = in_passing(text, Tone::Told) else { return };
        let said = Said::new(&wording::a_text_about_it(text), &Reserve { doubt: Doubt::Yes, ..reserve });
        let numbers = bare(text).into_iter().chain(pulls(text).into_iter().map(|pull| pull.0));
        for number in numbers {
            self.by_number.entry(number).or_insert_with(|| said.clone());
        }
        for id in ID.find_iter(text) {
            self.by_id.entry(id.as_str().to_owned()).or_insert_with(|| said.clone());
        }
    }

    /// What stands right above a task and holds for it like a heading.
    pub(super) fn above(&self, document: &Document<'_>, item: &Item, section: Option<usize>) -> Option<Said> {
        let here = self.at(item.list_start, section)?;
        // What opens a list opens that list alone.
        let opens = here.opening.as_ref().filter(|(place, _)| {
            let items = document.items();
            let next = items.partition_point(|other| other.box_offset < *place);
            items.get(next).is_none_or(|other| other.list_start >= item.list_start)
        });
        let opens = opens.map(|(_, said)| said.clone());
        heavier(opens, heavier(here.bold.clone(), here.folded.clone()))
    }

    /// What other texts say against doing a task at once. `outer` are the headings above it, outermost first.
    pub(super) fn told(&self, item: &Item, outer: &[usize]) -> Option<Said> {
        let section = outer.last().copied();
        let near = self.at(item.list_start, section).and_then(|here| here.told.clone());
        let step = self.steps.get(&item.inner_list_start).filter(|(place, _)| *place < item.box_offset);
        let mut found = heavier(near, step.map(|(_, said)| said.clone()));
        let outer = outer.iter().rev().skip(1).map(|index| Some(*index));
        for place in outer.chain((section.is_some()).then_some(None)) {
            found = found.or_else(|| self.of_all.get(&place).cloned());
        }
        found
    }

    /// What is said anywhere of the task with this number or id.
    pub(super) fn naming(&self, number: Option<u64>, id: Option<&str>) -> Option<Said> {
        let number = number.and_then(|number| self.by_number.get(&number));
        number.or_else(|| self.by_id.get(id?)).cloned()
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

/// Whether a plain item of a list has to be seen to before the tasks below it.
fn step(text: &str, numbered: bool) -> Option<Said> {
    let list = words(text);
    let first = list.first().map(String::as_str)?;
    let said = |doubt| Some(Said::new(&wording::a_step_above(), &Reserve { doubt, said: text.to_owned() }));
    if is_afterwards(first) && super::asked::unclear(text).is_none() {
        return None;
    }
    let asks = numbered
        || is_work(first)
        || condition::speaks(text).is_some()
        || in_passing(text, Tone::Told).is_some();
    asks.then(|| said(Doubt::Yes)).flatten()
}
