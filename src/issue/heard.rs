//! What a text that stands around a task says: against doing it at once, and of its place among the others.
//!
//! Details, notes, comments, headings, lines above a list, quotations, rows of tables: all of them go through
//! [`Heard::of`], which takes out the tasks that a text names as what comes first and only then lets the rest be judged.
//! So nothing is taken out of a text without being seen to: what is a task here is waited for, and what is none costs
//! a yes.

use super::Priority;
use super::condition::{Doubt, Reserve};
use super::depends::{Bearing, Written};
use super::gate::Gate;
use super::guess::Source;
use super::named;
use super::reserve::{Said, heavier};
use crate::wording;

/// A text that holds for many tasks may name so many clauses of an order, and each so long; more is for people.
const MOST_SHARED: usize = 8;
const LONGEST_SHARED: usize = 120;

/// So many bytes of a text are kept where it stands for itself beside each of many tasks. No sentence quotes more.
const LONGEST_KEPT: usize = 400;

/// The beginning of a text that is kept for each of many tasks.
pub(super) fn brief(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_KEPT)].to_owned()
}

/// What a text says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Against doing the task at once.
    pub(super) said: Option<Said>,
    /// Of its place among the others.
    pub(super) places: Vec<Written>,
    /// That what stands below it is no work, in its own words.
    pub(super) no_tasks: Option<String>,
    /// The priority that it gives to what stands below it, in its own words.
    pub(super) level: Option<(Priority, String)>,
    /// That what stands below it comes before every merge.
    pub(super) gate: Option<Gate>,
}

impl Heard {
    /// Hears a text: `judge` gets it without what it says of the order.
    pub(super) fn of(
        text: &str,
        source: &Source,
        bearing: Bearing,
        judge: impl FnOnce(&str) -> Option<Said>,
    ) -> Self {
        let taken = named::take(text);
        // Of several clauses nobody can tell which is about which task.
        if bearing == Bearing::Around && taken.after.len() + taken.before.len() > 1 {
            return Self::unclear(text, judge(&taken.rest));
        }
        let written =
            |text: &String, before| Written { text: text.clone(), source: source.clone(), before, bearing };
        let after = taken.after.iter().map(|text| written(text, false));
        let places = after.chain(taken.before.iter().map(|text| written(text, true))).collect();
        Self { said: judge(&taken.rest), places, ..Self::default() }
    }

    /// A text that says something of an order, and not of whose.
    pub(super) fn unclear(text: &str, said: Option<Said>) -> Self {
        let reserve = Reserve { doubt: Doubt::Yes, said: text.trim().to_owned() };
        Self::said(heavier(said, Some(Said::new(&wording::what_is_said_of_the_order(), &reserve))))
    }

    /// Hears a text that stands above tasks.
    pub(super) fn above(text: &str, source: &Source, judge: impl FnOnce(&str) -> Option<Said>) -> Self {
        Self::of(text, source, Bearing::Around, judge).shared(text)
    }

    /// What is told of an order for many tasks. Of what is too much for them no more is copied than shows that.
    pub(super) fn of_places<'w>(
        places: impl Iterator<Item = &'w Written>,
        place: impl FnOnce() -> String,
    ) -> Self {
        let copied = |written: &Written| Written {
            text: brief(&written.text),
            source: written.source.clone(),
            ..*written
        };
        let places = places.take(MOST_SHARED + 1).map(copied).collect();
        Self { places, ..Self::default() }.kept_short(place)
    }

    /// What only speaks against.
    pub(super) fn said(said: Option<Said>) -> Self {
        Self { said, ..Self::default() }
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.said.is_none()
            && self.places.is_empty()
            && self.no_tasks.is_none()
            && self.level.is_none()
            && self.gate.is_none()
    }

    /// Whether it tells before what something comes as another does.
    pub(super) fn tells(&self, other: &Self) -> bool {
        let mut before = other.places.iter().filter(|place| place.before).peekable();
        before.peek().is_some()
            && before.all(|place| self.places.iter().any(|own| own.before && own.text == place.text))
    }

    /// Both. Of two priorities the first counts.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.said = heavier(self.said, other.said);
        self.places.extend(other.places);
        self.no_tasks = self.no_tasks.or(other.no_tasks);
        self.level = self.level.or(other.level);
        self.gate = self.gate.or(other.gate);
        self
    }

    /// What holds for many tasks costs each of them something, so it is kept short: more is for people to look at.
    pub(super) fn shared(self, text: &str) -> Self {
        self.kept_short(|| wording::what_is_above(text))
    }

    /// The same for what stands in another place.
    pub(super) fn kept_short(mut self, place: impl FnOnce() -> String) -> Self {
        let fits = |place: &Written| place.text.len() <= LONGEST_SHARED;
        if self.places.len() > MOST_SHARED || !self.places.iter().all(fits) {
            let named = self.places.first().map(|place| place.text.clone()).unwrap_or_default();
            self.places.clear();
            let reserve = Reserve { doubt: Doubt::Yes, said: named };
            self.said = heavier(self.said, Some(Said::new(&place(), &reserve)));
        }
        self
    }
}
