//! What texts anywhere say of tasks that they name: paragraphs, list items, rows of tables, open boxes.
//!
//! Such a text is about what it names, wherever that stands. What it names as waiting for something waits for the task
//! that the text is about, once it is known that there is one which hears it; otherwise somebody has to look.

use super::condition::{self, Doubt, Reserve};
use super::depends::{Bearing, Written};
use super::guess::Source;
use super::heard::Heard;
use super::kind::numbers;
use super::named;
use super::refusal::{Tone, in_passing};
use super::reserve::{Said, heavier};
use super::spec;
use crate::wording;
use checklist::{Document, Row, Table};
use regex::Regex;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-Z]{1,8}-?[0-9]{1,4}(?:[a-z]|\.[0-9]{1,3})?\b"));

/// `superseded by #44`, `waiting for A3`.
static HELD_UP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?i:superseded|replaced|obsoleted|blocked|waiting|waits?|held(?:\s+(?:back|up))?)\s+(?i:by|until|on|for)\s+(?i:the\s+)?(?i:merge\s+of\s+)?(?:(?i:PRs?\s*)?[#!]?[0-9]+|[A-Z]{1,8}-?[0-9]{1,4}[a-z]?)\b",
    )
});

/// Of one task no more is kept than so many places that texts elsewhere give it.
const MOST_PLACES: usize = 16;

/// A task, as it answers what texts say of it.
#[derive(Debug)]
pub(super) struct Answer<'t> {
    /// The index of its item.
    pub(super) item: usize,
    /// Its id as written.
    pub(super) id: Option<&'t str>,
    /// The number of what it merges or closes.
    pub(super) number: Option<u64>,
}

/// What a text or a row says that other tasks wait for, until it is known which tasks there are.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) heard: Heard,
    by: HeldBy,
    /// The tasks that wait.
    numbers: Vec<u64>,
    ids: Vec<String>,
}

impl Held {
    /// Whether a task is one of those that wait.
    pub(super) fn is(&self, task: &Answer<'_>) -> bool {
        task.number.is_some_and(|number| self.numbers.contains(&number))
            || task.id.is_some_and(|id| self.ids.iter().any(|own| own == id))
    }
}

/// What holds tasks up.
#[derive(Debug)]
enum HeldBy {
    /// All tasks with these ids, and all that are about these numbers.
    Text { numbers: Vec<u64>, ids: Vec<String> },
    /// Any task with one of these ids, or all that are about these numbers.
    Row { numbers: Vec<u64>, ids: Vec<String> },
    /// The tasks that stand below the text, where it may be about those.
    Below(Option<usize>),
}

/// What is said of tasks by their numbers and ids.
#[derive(Debug, Default)]
pub(super) struct Naming {
    by_number: HashMap<u64, Heard>,
    by_id: HashMap<String, Heard>,
    held: Vec<Held>,
}

impl Naming {
    /// Notes which tasks a text names that refuses, or says in which order something is done. Whether it names any.
    /// `below` is where it stands, if it may be about what stands below it.
    pub(super) fn text(&mut self, text: &str, below: Option<usize>) -> bool {
        if !text.contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let taken = named::take(text);
        let about = |reserve: Reserve| {
            Said::new(&wording::a_text_about_it(text), &Reserve { doubt: Doubt::Yes, ..reserve })
        };
        // Where nobody can tell which clause is about which task, it is about all that it names.
        let about_all = taken.after.len() + taken.before.len() > 1;
        // `The vendor bug blocks A2` is about A2, `Merge #3 before #4` is about the merge that comes first.
        let by_tasks = !about_all && !taken.before.is_empty() && is_only_a_subject(&taken.rest);
        let names = if about_all || !taken.before.is_empty() && !by_tasks { text } else { &taken.rest };
        let (numbers, ids) = (numbers(names), ids(names));
        let mut heard =
            Heard::of(text, &Source::Words, Bearing::Around, |rest| in_passing(rest, Tone::Told).map(about))
                .kept_short(|| wording::a_text_about_it(text));
        if heard.is_empty() && numbers.len() + ids.len() > 1 {
            // `A2 → A1 → A3` is an order as well.
            let arrow =
                ["→", "->", "⇒"].into_iter().find(|arrow| ids.len() > 1 && taken.rest.contains(arrow));
            let word = condition::tokens(&taken.rest).into_iter().find(|(word, _)| is_of_an_order(word));
            heard.said = arrow
                .or(word.map(|(_, said)| said))
                .map(|said| about(Reserve { doubt: Doubt::Yes, said: said.to_owned() }));
        }
        if !by_tasks {
            return self.note(&heard, numbers, ids);
        }
        let by = if numbers.is_empty() && ids.is_empty() {
            HeldBy::Below(below)
        } else {
            HeldBy::Text { numbers: numbers.clone(), ids: ids.clone() }
        };
        self.note(&heard, numbers, ids);
        let held = taken.before.concat();
        self.held.push(Held { heard, by, numbers: self::numbers(&held), ids: self::ids(&held) });
        true
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
            // What there is no room for is for people to look at.
            if let Some(more) = heard.places.get(room) {
                let reserve = Reserve { doubt: Doubt::Yes, said: more.text.clone() };
                let said = Said::new(&wording::a_text_about_it(&more.text), &reserve);
                known.said = heavier(known.said.take(), Some(said));
            }
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
    pub(super) fn row(&mut self, document: &Document<'_>, table: &Table, row: &Row) {
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.text.trim()).collect();
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
        // What a row is about stands in front, alone. A number further on may be where something is written.
        let mut subject = None;
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
                ids.extend(self::ids(rest));
                None
            });
            if taken.places.iter().any(|place| place.before) {
                held.push(cell);
            }
            heard.places.extend(taken.places);
            subject.get_or_insert(*cell);
        }
        let heard = heard.kept_short(|| wording::a_text_about_it(&text));
        // What a row holds up that is no task itself has to be looked at by somebody.
        if !held.is_empty() {
            let subject = subject.filter(|cell| is_only_a_subject(cell)).map(self::numbers);
            self.held.push(Held {
                heard: heard.clone(),
                by: HeldBy::Row { numbers: subject.unwrap_or_default(), ids: ids.clone() },
                numbers: held.iter().flat_map(|cell| self::numbers(cell)).collect(),
                ids: held.iter().flat_map(|cell| self::ids(cell)).collect(),
            });
        }
        self.note(&heard, numbers, ids);
    }

    /// Hears what texts say that other tasks wait for, now that it is known which tasks there are. `is_heard_below` tells
    /// whether what stands below the place of a text hears it.
    pub(super) fn settle(&mut self, tasks: &[Answer<'_>], is_heard_below: impl Fn(&Held, usize) -> bool) {
        let all_held = std::mem::take(&mut self.held);
        if all_held.is_empty() {
            return;
        }
        let all_ids: HashSet<&str> = tasks.iter().filter_map(|task| task.id).collect();
        let all_numbers: HashSet<u64> = tasks.iter().filter_map(|task| task.number).collect();
        for held in all_held {
            let hears = |known: Option<&Heard>| known.is_some_and(|known| known.tells(&held.heard));
            let by_number = |number: &u64| all_numbers.contains(number) && hears(self.by_number.get(number));
            let by_id = |id: &String| all_ids.contains(id.as_str()) && hears(self.by_id.get(id));
            let is_answered = match &held.by {
                HeldBy::Text { numbers, ids } => numbers.iter().all(by_number) && ids.iter().all(by_id),
                HeldBy::Row { numbers, ids } => {
                    ids.iter().any(by_id) || !numbers.is_empty() && numbers.iter().all(by_number)
                }
                HeldBy::Below(place) => place.is_some_and(|place| is_heard_below(&held, place)),
            };
            if !is_answered {
                self.note(&held.heard, held.numbers, held.ids);
            }
        }
    }

    /// What is said anywhere of the task with this number or id.
    pub(super) fn of(&self, number: Option<u64>, id: Option<&str>) -> Heard {
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
            let names = |text: &str| (numbers(text), ids(text));
            let (numbers, ids) = match names(&others) {
                (numbers, ids) if numbers.is_empty() && ids.is_empty() => names(&rest),
                found => found,
            };
            self.note(&Heard::said(Some(said)), numbers, ids);
        }
    }
}

/// The ids that a text names.
pub(super) fn ids(text: &str) -> Vec<String> {
    ID.find_iter(text).map(|id| id.as_str().to_owned()).collect()
}

/// Whether what is left of a text names the tasks that it is about and nothing else: `Do this`, `Merge PR #3`, `These come`.
fn is_only_a_subject(text: &str) -> bool {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "do", "this", "these", "that", "those", "them", "all", "of", "to", "be", "is", "are", "has", "have", "must",
        "should", "need", "needs", "done", "come", "comes", "go", "goes", "merge", "merged", "first", "the", "following",
        "task", "tasks", "item", "items", "step", "steps", "pr", "prs", "pull", "request", "requests", "please", "below",
        "and", "everything",
    ];
    let numbers = numbers(text);
    // Of a range only the ends are named.
    !named::names_a_range(text)
        && text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).all(|word| {
            let number = || word.parse::<u64>().is_ok_and(|number| numbers.contains(&number));
            let id = || named::is_like_an_id(word) && word.starts_with(|c: char| c.is_ascii_uppercase());
            WORDS.contains(&word.to_lowercase().as_str()) || number() || id()
        })
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

/// Whether a row tells what has been done at a time, as a change log does.
fn is_logged(cells: &[&str]) -> bool {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}"));
    cells.iter().any(|cell| TIME.is_match(cell))
}
