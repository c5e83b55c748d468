//! Gives tasks without an id one, and changes nothing else.
//!
//! Each id is put where the reader finds it, and kept only if the reader then reads everything else as before: a task
//! whose line cannot take one is left as it is.

use super::{ClassifyWords, marks, read_document, words};
use checklist::{Document, Edits, Item};
use std::collections::{BTreeMap, BTreeSet};

/// Letters for the ids of a section that has none. `P` would look like a priority, and `T` is what stands for a missing
/// id.
const LETTERS: &str = "ABCDEFGHIJKLMNOQRSUVWXYZ";

/// The text with an id for every task that has none, and the ids that were added.
pub(crate) fn add_missing_ids(body: &str, classify: ClassifyWords<'_>) -> (String, Vec<String>) {
    let Ok(document) = Document::parse(body) else { return (body.to_owned(), Vec::new()) };
    let (_, indexes) = read_document(&document, None, classify);
    let mut names = Names::new(&document, &indexes);
    let mut wanted: Vec<(usize, String)> = Vec::new();
    for index in &indexes {
        let Some(item) = document.items().get(*index) else { continue };
        if super::written_id(item).is_none() && !super::meant_an_id(item) {
            wanted.push((*index, names.next(item)));
        }
    }
    all_at_once(&document, &wanted, classify).unwrap_or_else(|| one_by_one(body, &wanted, classify))
}

/// Tries each place for all tasks at once; `None` where the ids change how something else is read.
fn all_at_once(
    document: &Document<'_>,
    wanted: &[(usize, String)],
    classify: ClassifyWords<'_>,
) -> Option<(String, Vec<String>)> {
    let mut places: BTreeMap<usize, Place> =
        wanted.iter().map(|(index, _)| (*index, Place::first(document, *index))).collect();
    loop {
        let text = with(document, wanted, &places);
        let wrong = wrong(document.text(), &text, wanted, &places, classify)?;
        if wrong.is_empty() {
            let has_place = |index: &usize| places.get(index) != Some(&Place::Nowhere);
            let added =
                wanted.iter().filter(|(index, _)| has_place(index)).map(|(_, id)| id.clone()).collect();
            return Some((text, added));
        }
        for index in wrong {
            if let Some(place) = places.get_mut(&index) {
                *place = place.next();
            }
        }
    }
}

/// So many tasks are tried one by one; a text with more has other troubles than ids.
const MOST_TRIED: usize = 300;

/// Tries each place for each task, and keeps what reads as it should.
fn one_by_one(body: &str, wanted: &[(usize, String)], classify: ClassifyWords<'_>) -> (String, Vec<String>) {
    let mut text = body.to_owned();
    let mut added = Vec::new();
    for one in wanted.iter().take(MOST_TRIED) {
        for place in [Place::InFront, Place::Label] {
            let places = BTreeMap::from([(one.0, place)]);
            let Ok(document) = Document::parse(&text) else { break };
            if place < Place::first(&document, one.0) {
                continue;
            }
            let next = with(&document, std::slice::from_ref(one), &places);
            let wrong = wrong(&text, &next, std::slice::from_ref(one), &places, classify);
            if wrong.is_some_and(|wrong| wrong.is_empty()) {
                text = next;
                added.push(one.1.clone());
                break;
            }
        }
    }
    (text, added)
}

/// Where an id is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In front of a priority that stands there, within its markup.
    InFront,
    /// As a label of its own.
    Label,
    /// Nowhere.
    Nowhere,
}

impl Place {
    /// The first that is tried for an item.
    fn first(document: &Document<'_>, index: usize) -> Self {
        let priority = |item: &Item| words::head(&item.title, item.label.as_deref()).priority;
        if document.items().get(index).and_then(priority).is_some() { Self::InFront } else { Self::Label }
    }

    fn next(self) -> Self {
        match self {
            Self::InFront => Self::Label,
            Self::Label | Self::Nowhere => Self::Nowhere,
        }
    }
}

fn with(document: &Document<'_>, wanted: &[(usize, String)], places: &BTreeMap<usize, Place>) -> String {
    let text = document.text();
    let mut edits = Edits::new();
    for (index, id) in wanted {
        let Some(item) = document.items().get(*index) else { continue };
        let line = &text[item.first_line.clone()];
        match places.get(index) {
            Some(Place::InFront) => {
                let markup = line.len() - line.trim_start_matches(['*', '_']).len();
                edits.insert(item.first_line.start + markup, format!("{id} "));
            }
            Some(Place::Label) => edits.insert(item.first_line.start, format!("**{id}**: ")),
            Some(Place::Nowhere) | None => {}
        }
    }
    edits.apply(text).unwrap_or_else(|_| text.to_owned())
}

/// The tasks whose new line is not read as it should be; `None` where something else is read otherwise.
fn wrong(
    before: &str,
    after: &str,
    wanted: &[(usize, String)],
    places: &BTreeMap<usize, Place>,
    classify: ClassifyWords<'_>,
) -> Option<Vec<usize>> {
    let (Ok(old), Ok(new)) = (Document::parse(before), Document::parse(after)) else { return None };
    let items = (old.items().len(), new.items().len());
    let ((old, indexes), (new, _)) =
        (read_document(&old, None, classify), read_document(&new, None, classify));
    if items.0 != items.1 || old.tasks.len() != new.tasks.len() {
        return None;
    }
    let mut wrong = Vec::new();
    let by_index: BTreeMap<usize, &String> = wanted.iter().map(|(index, id)| (*index, id)).collect();
    for ((was, is), index) in old.tasks.iter().zip(&new.tasks).zip(indexes) {
        let id = by_index.get(&index).copied();
        let id = id.filter(|_| places.get(&index) != Some(&Place::Nowhere));
        let named = id.is_none_or(|id| is.id == *id);
        let same = (&was.key, was.priority, was.layer, &was.title, was.ticked)
            == (&is.key, is.priority, is.layer, &is.title, is.ticked);
        if !(named && same) {
            id?;
            wrong.push(index);
        }
    }
    Some(wrong)
}

/// Finds names that nobody has.
#[derive(Debug)]
struct Names {
    /// Everything that is written as an id anywhere.
    taken: BTreeSet<String>,
    /// The beginnings in use, with their section.
    prefixes: BTreeMap<Option<usize>, String>,
    /// The beginnings in use anywhere.
    used: BTreeSet<String>,
    /// The number from which on one may be free, by beginning.
    next: BTreeMap<String, u32>,
}

impl Names {
    fn new(document: &Document<'_>, indexes: &[usize]) -> Self {
        let mut names = Self {
            taken: BTreeSet::new(),
            prefixes: BTreeMap::new(),
            used: BTreeSet::new(),
            next: BTreeMap::new(),
        };
        let own = marks::own_ranges(document);
        for table in document.tables() {
            if !own.iter().any(|range| range.contains(&table.span.start)) {
                names.taken.extend(
                    table.rows.iter().flat_map(|row| &row.cells).map(|cell| cell.text.trim().to_uppercase()),
                );
            }
        }
        for item in indexes.iter().filter_map(|index| document.items().get(*index)) {
            if let Some(id) = super::written_id(item) {
                let prefix = id.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase());
                // `T` and a number is what a task without an id is called, after its line.
                if prefix != "T" {
                    names.prefixes.entry(item.headings.last().copied()).or_insert_with(|| prefix.to_owned());
                }
                names.used.insert(prefix.to_owned());
                names.taken.insert(id.to_uppercase());
            }
        }
        names
    }

    fn next(&mut self, item: &Item) -> String {
        let section = item.headings.last().copied();
        if !self.prefixes.contains_key(&section) {
            let free = LETTERS.chars().map(String::from).find(|letter| !self.used.contains(letter));
            let prefix = free.unwrap_or_else(|| "X".to_owned());
            self.used.insert(prefix.clone());
            self.prefixes.insert(section, prefix);
        }
        let prefix = self.prefixes.get(&section).cloned().unwrap_or_default();
        let first = self.next.get(&prefix).copied().unwrap_or(1);
        let id = (first..10_000)
            .map(|number| format!("{prefix}{number}"))
            .find(|id| !self.taken.contains(&id.to_uppercase()) && words::is_id(id))
            .unwrap_or_default();
        let number = id[prefix.len().min(id.len())..].parse::<u32>().unwrap_or(10_000);
        self.next.insert(prefix, number.saturating_add(1));
        self.taken.insert(id.to_uppercase());
        id
    }
}
