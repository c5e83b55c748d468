//! Which of our writes arrived.
//!
//! The race decided here: what will be remembered of a text is stored before the forge is asked, so among what is
//! remembered are texts that were refused or lost on their way. People never saw those: nobody can have unticked their
//! boxes, taken out their rows or changed their notes. A write arrived when the forge said so, when the text shows its
//! status, when a delivery names its hash, or when a later text of ours was made from it.

use crate::issue::shown_statuses;
use crate::run::report::LastWrite;
use crate::run::worker::text_hash;
use std::collections::BTreeSet;

/// What a text shows of our writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrivals {
    /// Which of them arrived, in their order.
    landed: Vec<bool>,
    /// The newest of which the text shows the status.
    shown: Option<usize>,
    /// How many rows of the change log the text holds, or held before people took some out.
    pub(crate) rows: usize,
    /// Whether the text is exactly what we wrote last.
    pub(crate) is_ours: bool,
}

impl Arrivals {
    /// Compares a text with what was written, oldest first. `arrived` are the hashes that deliveries name.
    pub(crate) fn of(writes: &[LastWrite], body: &str, arrived: &BTreeSet<String>) -> Self {
        let hash = text_hash(body);
        let statuses = writes.iter().map(|write| write.status.as_deref().unwrap_or_default());
        let mut landed = vec![false; writes.len()];
        let mut made_from: BTreeSet<&str> = BTreeSet::new();
        let mut later: BTreeSet<&str> = BTreeSet::new();
        let mut shown = None;
        let stands = shown_statuses(body, statuses);
        for (at, write) in writes.iter().enumerate().rev() {
            // The same status is written again after a refusal: only the last try of it is what the text shows.
            let is_shown = write.status.as_deref().is_some_and(|status| later.insert(status)) && stands[at];
            landed[at] = write.landed
                || is_shown
                || write.hash == hash
                || arrived.contains(&write.hash)
                || made_from.contains(write.hash.as_str());
            shown = shown.or(is_shown.then_some(at));
            made_from.extend(write.base.as_deref());
        }
        let newest = |before: usize| (0..before).rev().find(|&at| landed[at]);
        // Without a status of ours it may be an old text, which we know by its hash, or a person took the status out.
        let old = || writes.iter().position(|write| write.base.as_deref() == Some(hash.as_str()));
        let rows_of = match (shown, old()) {
            (Some(shown), _) => Some(shown),
            (None, Some(old)) => newest(old),
            (None, None) => newest(writes.len()),
        };
        let rows = rows_of.map_or(0, |at| writes[at].rows);
        let is_ours = newest(writes.len()).is_some_and(|at| writes[at].hash == hash);
        Self { landed, shown, rows, is_ours }
    }

    /// The newest that arrived.
    pub(crate) fn newest<'a>(&self, writes: &'a [LastWrite]) -> Option<&'a LastWrite> {
        self.landed(writes).next_back()
    }

    /// Those that arrived, oldest first.
    pub(crate) fn landed<'a>(
        &self,
        writes: &'a [LastWrite],
    ) -> impl DoubleEndedIterator<Item = &'a LastWrite> {
        writes.iter().zip(&self.landed).filter(|(_, landed)| **landed).map(|(write, _)| write)
    }

    /// Whether the text shows a status of ours.
    pub(crate) fn shows_status(&self) -> bool {
        self.shown.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(status: &str, rows: usize) -> LastWrite {
        LastWrite {
            status: Some(status.to_owned()),
            rows,
            hash: text_hash(&body(status)),
            ..LastWrite::default()
        }
    }

    fn body(status: &str) -> String {
        format!("# T\n\n<!-- caretaker:status -->\n{status}\n<!-- /caretaker:status -->\n")
    }

    fn standing(writes: &[LastWrite], body: &str) -> Arrivals {
        Arrivals::of(writes, body, &BTreeSet::new())
    }

    #[test]
    fn a_write_that_never_arrived_makes_no_row_count() {
        let writes = [write("first\n1 of 3", 1), write("second\n2 of 3", 2)];
        assert_eq!(standing(&writes, &body("first\r\n1 of 3")).rows, 1, "the second was refused");
        assert_eq!(standing(&writes, &body("second\n2 of 3")).rows, 2);
        assert_eq!(standing(&writes, "a person's").rows, 0, "nothing says that one arrived");
    }

    #[test]
    fn a_ticked_approval_and_a_lost_status_bring_no_row_back() {
        let box_of = |tick: &str| format!("- [{tick}] Approve **A1** (code `7f3c`): it");
        let first =
            LastWrite { landed: true, base: Some(text_hash("the first text\n")), ..write("first", 1) };
        let writes = [first, LastWrite { landed: true, ..write(&box_of(" "), 2) }];
        assert_eq!(standing(&writes, &body(&box_of("x"))).rows, 2);
        assert_eq!(standing(&writes, "# T\n\nthe status was taken out\n").rows, 2);
        assert_eq!(standing(&writes, "the first text\n").rows, 0, "an old text holds none");
    }

    #[test]
    fn what_arrived_is_known_by_the_answer_the_text_a_delivery_and_what_was_made_from_it() {
        let (first, second, third) = (write("first", 0), write("second", 0), write("third", 0));
        let newest = |writes: &[LastWrite], body: &str, arrived: &[&LastWrite]| {
            let arrived = arrived.iter().map(|write| write.hash.clone()).collect();
            Arrivals::of(writes, body, &arrived).newest(writes).and_then(|write| write.status.clone())
        };
        let all = [first.clone(), second.clone(), third.clone()];
        assert_eq!(newest(&all, &body("first"), &[]).as_deref(), Some("first"));
        assert_eq!(newest(&all, &body("first"), &[&second]).as_deref(), Some("second"));
        assert_eq!(newest(&all, "nothing\n", &[]), None);
        let answered = [first.clone(), LastWrite { landed: true, ..second.clone() }, third.clone()];
        assert_eq!(newest(&answered, "nothing\n", &[]).as_deref(), Some("second"));
        let made_from = [first, second.clone(), LastWrite { base: Some(second.hash), ..third }];
        assert_eq!(newest(&made_from, "nothing\n", &[]).as_deref(), Some("second"));
    }

    #[test]
    fn the_last_try_of_a_status_is_the_one_that_is_shown() {
        let (refused, landed) =
            (write("same", 1), LastWrite { hash: "other".to_owned(), ..write("same", 2) });
        let standing = standing(&[refused, landed], &format!("{}\n- [ ] added\n", body("same")));
        assert_eq!((standing.landed.as_slice(), standing.rows), (&[false, true][..], 2));
    }
}
