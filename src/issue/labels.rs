//! What lines of a section say of all of it: `**Priority:** P1`, `**Layer:** Apps`, `**Depends on:** A1`.
//!
//! A priority, a layer and a condition are the section's, wherever their line stands in it. What comes first is told by
//! place, because each box of a section may have such a line of its own, above it or below it: it holds for what stands
//! below the line, also below headings further down. Where a section begins with boxes, or nothing of it stands below the
//! line, it holds for the boxes right above it as well. What a line names never waits for itself.

use super::Priority;
use super::condition::{self, Doubt, Reserve};
use super::depends::{Bearing, Written};
use super::detail::{self, Role};
use super::draft::{is_a_dependency, names_what_waits};
use super::guess::Source;
use super::heard::{Heard, brief};
use super::kind::numbers;
use super::levels;
use super::named::{self, Named};
use super::reserve::{Said, plain};
use crate::health::Layer;
use crate::wording;
use checklist::{Document, Item};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// So many lines at most say of a section what it is.
const MOST_LABELS: usize = 8;

/// A label of so many words at most is one.
const SHORT: usize = 4;

/// What lines of a section say of all of it, each with its words.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) priority: Option<(Priority, String)>,
    pub(super) layer: Option<(Layer, String)>,
    /// A condition that they make.
    pub(super) said: Option<Said>,
    /// What they name as what comes first, in the order of the text.
    first: Vec<First>,
}

/// A line that names what comes first.
#[derive(Debug)]
struct First {
    place: usize,
    /// What it says alone.
    heard: Heard,
    /// What it says with those above it in its section.
    so_far: Heard,
    ids: HashSet<String>,
    numbers: HashSet<u64>,
    /// Where the boxes stand for which it holds although they are above it.
    above: Range<usize>,
}

impl First {
    /// Whether a line names a task, by its id or by the one number in its title.
    fn names(&self, id: Option<&str>, title: &str) -> bool {
        let by_number = || matches!(numbers(title).as_slice(), [one] if self.numbers.contains(one));
        id.is_some_and(|id| self.ids.contains(&id.to_lowercase())) || !self.numbers.is_empty() && by_number()
    }
}

impl Labels {
    /// What they name as what comes first for all that stands below headings further down.
    pub(super) fn first_below_headings(&self) -> Heard {
        self.first.last().map(|last| last.so_far.clone()).unwrap_or_default()
    }

    /// The same for a task of the section itself, by its place.
    pub(super) fn first_of(&self, item: &Item, id: Option<&str>, title: &str) -> Heard {
        let behind = self.first.partition_point(|first| first.place < item.list_start);
        let above = behind.checked_sub(1).map(|last| self.first[last].so_far.clone()).unwrap_or_default();
        let next = self.first.get(behind).filter(|next| next.above.contains(&item.box_offset));
        match next.filter(|next| !next.names(id, title)) {
            Some(next) => above.and(next.heard.clone()),
            None => above,
        }
    }
}

/// What lines say of their sections, by the headings of those.
#[derive(Debug, Default)]
pub(super) struct Sections {
    labels: HashMap<Option<usize>, Labels>,
}

impl Sections {
    /// What the lines of a section say of it.
    pub(super) fn of(&self, section: Option<usize>) -> Option<&Labels> {
        self.labels.get(&section)
    }

    /// Notes what a paragraph at a place says of its section as a detail would: `**Priority:** P1`. Of everything no
    /// condition is made that way.
    pub(super) fn read(&mut self, raw: &str, place: usize, section: Option<usize>, of_everything: bool) {
        for (at, line) in raw.lines().enumerate() {
            for part in line.split('|') {
                let Some((name, text)) = part.split_once(':') else { continue };
                if name.split_whitespace().count() > SHORT {
                    continue;
                }
                let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_'));
                let text = plain(text);
                let lower = name.to_lowercase();
                if !of_everything && is_a_dependency(&lower) && !names_what_waits(&lower) {
                    self.first(&lower, text.trim(), place, section);
                }
                if at < MOST_LABELS {
                    self.label(name, &lower, &text, section, of_everything);
                }
            }
        }
    }

    fn label(&mut self, name: &str, lower: &str, text: &str, section: Option<usize>, of_everything: bool) {
        let beside = || beside_a_code(text).filter(|_| !of_everything);
        let words = || brief(&format!("{name}:{text}"));
        match lower {
            "priority" | "prio" | "priorität" => {
                if let Some(priority) = levels::told_priority(text) {
                    let own = self.labels.entry(section).or_default();
                    own.priority = Some((priority, words()));
                    own.said = own.said.take().or_else(beside);
                }
            }
            "layer" => {
                if let Some((Some(layer), _)) = levels::told_layers(text) {
                    let own = self.labels.entry(section).or_default();
                    own.layer = Some((layer, words()));
                    own.said = own.said.take().or_else(beside);
                }
            }
            name => {
                if let Some(said) = condition_of(name, text, of_everything) {
                    self.labels.entry(section).or_default().said = Some(said);
                }
            }
        }
    }

    fn first(&mut self, name: &str, text: &str, place: usize, section: Option<usize>) {
        let written = Written {
            text: text.to_owned(),
            source: Source::Heading(brief(name)),
            before: false,
            bearing: Bearing::Around,
        };
        // What is too long to be waited for names nothing here.
        let mut heard = Heard { places: vec![written], ..Heard::default() }.shared(text);
        let named =
            if heard.places.is_empty() { Vec::new() } else { named::parts(text, named::is_like_an_id) };
        let own = self.labels.entry(section).or_default();
        let (mut ids, mut numbers) = (HashSet::new(), HashSet::new());
        // Lines of one paragraph are one.
        if let Some(last) = own.first.pop_if(|last| last.place == place) {
            heard = last.heard.and(heard).shared(text);
            (ids, numbers) = (last.ids, last.numbers);
        }
        for named in named {
            match named {
                Named::Id(id) => drop(ids.insert(id.to_lowercase())),
                Named::Pull(pull) => drop(numbers.insert(pull.0)),
                Named::Words(_) => {}
            }
        }
        let so_far = match own.first.last() {
            Some(before) => before.so_far.clone().and(heard.clone()).shared(text),
            None => heard.clone(),
        };
        own.first.push(First { place, heard, so_far, ids, numbers, above: 0..0 });
    }

    /// Finds for which boxes lines hold that stand below them. `boxes` are the places of all boxes of people's, in the order
    /// of the text, and `starts` of the headings that sections begin with.
    pub(super) fn place(&mut self, document: &Document<'_>, boxes: &[usize], starts: &[usize]) {
        for (section, labels) in &mut self.labels {
            let Some(section) = *section else { continue };
            let start = document.headings()[section].span.start;
            let end = starts.get(starts.partition_point(|other| *other <= start));
            let behind = |place: usize| boxes.partition_point(|at| *at < place);
            let last = end.map_or(boxes.len(), |end| behind(*end));
            let begins = labels.first.first().is_some_and(|first| behind(start) < behind(first.place));
            let mut from = start;
            for first in &mut labels.first {
                if begins || behind(first.place) == last {
                    first.above = from..first.place;
                }
                from = first.place.max(from);
            }
        }
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
    let heard = |part: &Named| !matches!(part, Named::Words(_));
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
