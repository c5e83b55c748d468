//! What stands above tasks: headings, tasks and list items around them, and the lines that open lists.
//!
//! Each is read once for all tasks below it, in the order of the text, so that a text of many headings costs no more than
//! its length.

use super::address::{self, Home};
use super::condition::{self, Doubt};
use super::guess::Source;
use super::headings::HeadingSays;
use super::heard::{Heard, brief};
use super::marks;
use super::passages::Passages;
use super::reserve::{self, Said};
use crate::wording;
use checklist::{Document, Heading, Item};
use std::collections::HashMap;
use std::ops::Range;

/// The headings of a text with what each says of the tasks below it, read once for all of them.
pub(super) struct Outline<'d> {
    headings: &'d [Heading],
    says: Vec<HeadingSays>,
    /// Headings in blocks of ours stand above nothing of a person's.
    ours: Vec<bool>,
    pub(super) own: Ranges,
    /// How many lines the first so many blocks of ours take.
    own_lines: Vec<usize>,
    reserves: HashMap<usize, Heard>,
    lists: reserve::Lists,
    pub(super) passages: Passages,
    home: Option<&'d Home>,
    /// What tasks say for those within them, by their items.
    parents: HashMap<usize, Option<Said>>,
    /// The headings above the place that was reached, outermost first.
    path: Vec<usize>,
    next: usize,
}

impl<'d> Outline<'d> {
    pub(super) fn new(document: &'d Document<'_>, home: Option<&'d Home>) -> Self {
        let own = Ranges::new(marks::own_ranges(document));
        let passages = Passages::new(document, &|at| own.holds(at));
        let mut own_lines = vec![0];
        for range in &own.ranges {
            own_lines.push(own_lines[own_lines.len() - 1] + marks::lines_of(document, range));
        }
        let ours = document.headings().iter().map(|heading| own.holds(heading.span.start)).collect();
        Self {
            headings: document.headings(),
            says: document.headings().iter().map(HeadingSays::new).collect(),
            ours,
            own,
            own_lines,
            reserves: HashMap::new(),
            lists: reserve::Lists::default(),
            passages,
            home,
            parents: HashMap::new(),
            path: Vec::new(),
            next: 0,
        }
    }

    /// The headings above an item, outermost first. Items come in the order of the text.
    pub(super) fn above(&mut self, item: &Item) -> Vec<usize> {
        while let Some(heading) =
            self.headings.get(self.next).filter(|heading| heading.span.start < item.box_offset)
        {
            if !self.ours[self.next] {
                while self.path.last().is_some_and(|&outer| self.headings[outer].level >= heading.level) {
                    self.path.pop();
                }
                self.path.push(self.next);
            }
            self.next += 1;
        }
        self.path.clone()
    }

    /// What a heading says, by its index.
    pub(super) fn heading(&self, index: usize) -> &HeadingSays {
        &self.says[index]
    }

    /// The line of an item without the blocks of ours above it, which no write of ours moves.
    pub(super) fn own_line(&self, document: &Document<'_>, item: &Item) -> usize {
        let above = self.own.ranges.partition_point(|range| range.start < item.box_offset);
        document.line(item.box_offset) - self.own_lines[above]
    }

    /// What a task says for those within it.
    pub(super) fn within(
        &mut self,
        document: &Document<'_>,
        index: usize,
        said: Option<Said>,
    ) -> Option<Said> {
        let found = self.parents.entry(index).or_insert_with(|| {
            let own = document.items().get(index).and_then(reserve::of_parent);
            reserve::heavier(own, said)
        });
        found.clone()
    }

    /// What the headings and the list around a task say against doing it.
    pub(super) fn reserve(&mut self, document: &Document<'_>, item: &Item, above: &[usize]) -> Heard {
        let mut found = Heard::default();
        for &index in above {
            let heading = &self.headings[index];
            let text = &heading.text;
            let home = self.home;
            let heard = self.reserves.entry(index).or_insert_with(|| {
                let judgement = |why| Heard::said(Some(Said { doubt: Doubt::Judgement, why }));
                if heading.struck {
                    return judgement(wording::why_above_struck(text));
                }
                if address::is_elsewhere(text, home) {
                    return judgement(wording::why_elsewhere_above(text));
                }
                Heard::above(text, &Source::Heading(brief(text)), |rest| {
                    condition::above(rest).map(|reserve| Said::new(&wording::a_heading(text), &reserve))
                })
            });
            found = found.and(heard.clone());
        }
        let right_above = self.passages.above(document, item, above.last().copied());
        found.and(self.lists.around(document, item)).and(right_above)
    }
}

/// Ranges of a text, in its order.
pub(super) struct Ranges {
    ranges: Vec<Range<usize>>,
    /// For each the furthest end of those up to it.
    reach: Vec<usize>,
}

impl Ranges {
    fn new(mut ranges: Vec<Range<usize>>) -> Self {
        ranges.sort_by_key(|range| range.start);
        let mut furthest = 0;
        let reach = ranges
            .iter()
            .map(|range| {
                furthest = furthest.max(range.end);
                furthest
            })
            .collect();
        Self { ranges, reach }
    }

    pub(super) fn holds(&self, place: usize) -> bool {
        let behind = self.ranges.partition_point(|range| range.start <= place);
        behind.checked_sub(1).is_some_and(|last| self.reach[last] > place)
    }
}
