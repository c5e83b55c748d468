//! What is folded away with `<details>`: its summary holds for everything within, whatever headings and folds lie there.
//!
//! Folds lie within each other and reach over sections, as a page shows them: what its summary says holds until the
//! closing tag of that fold, not of one within it. One that nothing closes folds the rest of the text.

use super::heard::Heard;
use regex::Regex;
use std::sync::LazyLock;

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<!--(?s:.*?)-->|<(/?)(details|summary)\b[^>]*>")
        .expect("the pattern is a constant that a test compiles")
});

/// The folds of a text.
#[derive(Debug, Default)]
pub(super) struct Folds {
    /// What holds in each open fold, those around it included.
    open: Vec<Heard>,
    /// From which place on what holds.
    holds: Vec<(usize, Heard)>,
    /// A summary has been opened and not closed yet.
    in_summary: bool,
}

impl Folds {
    /// Reads the tags of a block of HTML; `hear` judges a summary.
    pub(super) fn read(&mut self, raw: &str, place: usize, hear: &dyn Fn(&str) -> Heard) {
        let mut tags = TAG.captures_iter(raw).peekable();
        let mut changed = false;
        while let Some(tag) = tags.next() {
            let (Some(whole), Some(closes), Some(name)) = (tag.get(0), tag.get(1), tag.get(2)) else {
                continue;
            };
            changed = true;
            match (name.as_str().to_ascii_lowercase().as_str(), closes.is_empty()) {
                ("details", true) => self.open.push(self.open.last().cloned().unwrap_or_default()),
                ("details", false) => {
                    self.open.pop();
                    self.in_summary = false;
                }
                (_, false) => self.in_summary = false,
                (_, true) => {
                    let end = tags.peek().and_then(|next| next.get(0)).map_or(raw.len(), |next| next.start());
                    self.in_summary = true;
                    self.add(&raw[whole.end()..end], hear(&raw[whole.end()..end]));
                }
            }
        }
        if changed {
            self.hold(place);
        }
    }

    /// A text between an opened summary and its end is a part of it.
    pub(super) fn text(&mut self, place: usize, heard: &Heard) {
        if self.in_summary {
            self.add("", heard.clone());
            self.hold(place);
        }
    }

    fn add(&mut self, text: &str, heard: Heard) {
        // A summary without a fold around it folds nothing away, and may be a line like a heading all the same.
        if self.open.is_empty() {
            self.open.push(Heard::default());
        }
        if let Some(last) = self.open.last_mut() {
            // What a fold within another says of its priority counts.
            let level = heard.level.clone().or_else(|| last.level.clone());
            *last = Heard { level, ..std::mem::take(last).and(heard).shared(text) };
        }
    }

    fn hold(&mut self, place: usize) {
        self.holds.push((place, self.open.last().cloned().unwrap_or_default()));
    }

    /// What the folds around a place say.
    pub(super) fn around(&self, place: usize) -> Heard {
        let behind = self.holds.partition_point(|(at, _)| *at < place);
        behind.checked_sub(1).map(|at| self.holds[at].1.clone()).unwrap_or_default()
    }
}
