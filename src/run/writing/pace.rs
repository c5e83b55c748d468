//! When a body is written, and why.
//!
//! The forge keeps twenty old texts, and a page that is open cannot be ticked any more after a write of ours: each write
//! takes something from people. So what matters to them is written at once, but once for everything that happens in one
//! go; the rest is gathered, and told less and less often the longer nothing that matters happens; and while only people
//! are awaited there is nothing to tell them, unless somebody has changed the text: then what is ours in it is put right,
//! once, like everything that can wait. How the layers stand, and what keeps them from being GREEN, is never older than the
//! first pause, whoever is awaited: a person who comes to the issue decides by it.

use jiff::Timestamp;
use std::time::Duration;

/// The pause after a gathered write is so many times the one before.
const SLOWER: u32 = 4;

/// The longest pause between gathered writes, as a multiple of the first.
const SLOWEST: u32 = 12;

/// What happens in one go is waited for so long at most, as a part of the gather interval.
const ONE_GO: u32 = 20;

/// Why a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The first time since the start.
    First,
    /// Something that matters to people: a task ended, somebody is awaited, trouble.
    Important,
    /// How things move on, once in a while.
    Gathered,
}

/// What was last written, as far as the pace goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastTime {
    /// What was important then.
    important: String,
    /// How the cluster stood then.
    standing: String,
    /// When it was.
    at: Timestamp,
    /// How many gathered writes there were since something important.
    gathered: u32,
    /// Since when something important has been waiting to be written.
    pending_since: Option<Timestamp>,
}

/// A moment in which a body may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// When it is.
    pub(crate) now: Timestamp,
    /// Changes whenever there is something to be told at once.
    pub(crate) important: &'a str,
    /// Changes whenever a layer stands otherwise, or something else blocks.
    pub(crate) standing: &'a str,
    /// Only people are awaited.
    pub(crate) quiet: bool,
    /// The next step follows at once.
    pub(crate) more_to_come: bool,
    /// The text is not as we wrote it last.
    pub(crate) changed: bool,
    /// The first pause between gathered writes.
    pub(crate) gather: Duration,
}

/// Whether the body is due, and why.
pub(crate) fn due(last: Option<&mut LastTime>, moment: &Moment<'_>) -> Option<Reason> {
    let Some(last) = last else { return Some(Reason::First) };
    let since = |at: Timestamp| moment.now.duration_since(at).unsigned_abs();
    if last.important != moment.important {
        let pending = *last.pending_since.get_or_insert(moment.now);
        let wait = moment.more_to_come && since(pending) < moment.gather / ONE_GO;
        return (!wait).then_some(Reason::Important);
    }
    last.pending_since = None;
    let otherwise = last.standing != moment.standing;
    let slower = if otherwise { 1 } else { SLOWER.saturating_pow(last.gathered).min(SLOWEST) };
    let pause = moment.gather * slower;
    let told = !moment.quiet || moment.changed || otherwise;
    (told && !moment.more_to_come && since(last.at) >= pause).then_some(Reason::Gathered)
}

/// What is remembered once the body is as it shall be.
pub(crate) fn done(last: Option<&LastTime>, reason: Reason, changed: bool, moment: &Moment<'_>) -> LastTime {
    let gathered = match (reason, last) {
        (Reason::Gathered, Some(last)) => last.gathered + u32::from(changed),
        _ => 0,
    };
    let (important, standing) = (moment.important.to_owned(), moment.standing.to_owned());
    LastTime { important, standing, at: moment.now, gathered, pending_since: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATHER: Duration = Duration::from_mins(5);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("a time")
    }

    fn moment(second: i64, important: &str) -> Moment<'_> {
        Moment {
            now: at(second),
            important,
            standing: "all GREEN",
            quiet: false,
            more_to_come: false,
            changed: false,
            gather: GATHER,
        }
    }

    fn last() -> LastTime {
        done(None, Reason::First, true, &moment(0, "a"))
    }

    #[test]
    fn the_first_time_and_what_matters_come_at_once() {
        assert_eq!(due(None, &moment(0, "a")), Some(Reason::First));
        assert_eq!(due(None, &Moment { more_to_come: true, ..moment(0, "a") }), Some(Reason::First));
        assert_eq!(due(Some(&mut last()), &moment(0, "b")), Some(Reason::Important));
        let quiet = Moment { quiet: true, ..moment(0, "b") };
        assert_eq!(due(Some(&mut last()), &quiet), Some(Reason::Important));
    }

    #[test]
    fn what_happens_in_one_go_is_one_write_that_does_not_wait_for_ever() {
        let mut last = last();
        let busy = |second, important| Moment { more_to_come: true, ..moment(second, important) };
        assert_eq!(due(Some(&mut last), &busy(1, "b")), None);
        assert_eq!(due(Some(&mut last), &busy(9, "c")), None);
        assert_eq!(due(Some(&mut last), &busy(16, "d")), Some(Reason::Important));
        assert_eq!(due(Some(&mut last), &moment(9, "c")), Some(Reason::Important));
    }

    #[test]
    fn the_rest_is_gathered_and_told_less_and_less_often() {
        let mut last = last();
        let mut written = Vec::new();
        for second in 1..20_000 {
            let now = moment(second, "a");
            if let Some(reason) = due(Some(&mut last), &now) {
                assert_eq!(reason, Reason::Gathered);
                written.push(second);
                last = done(Some(&last), reason, true, &now);
            }
        }
        assert_eq!(written, [300, 1_500, 5_100, 8_700, 12_300, 15_900, 19_500]);
        last = done(Some(&last), Reason::Important, true, &moment(20_000, "b"));
        assert_eq!(due(Some(&mut last), &moment(20_299, "b")), None);
        assert_eq!(due(Some(&mut last), &moment(20_300, "b")), Some(Reason::Gathered), "swift again");
    }

    #[test]
    fn while_only_people_are_awaited_nothing_is_due() {
        let quiet = Moment { quiet: true, ..moment(1_000_000, "a") };
        assert_eq!(due(Some(&mut last()), &quiet), None);
        // Somebody has saved an old text over ours.
        let changed = Moment { changed: true, ..quiet };
        assert_eq!(due(Some(&mut last()), &changed), Some(Reason::Gathered));
        assert_eq!(due(Some(&mut last()), &Moment { now: at(299), ..changed }), None);
    }

    #[test]
    fn that_a_layer_stands_otherwise_is_told_within_the_first_pause_whoever_is_awaited() {
        let red = |second| Moment { standing: "Apps RED", ..moment(second, "a") };
        for quiet in [false, true] {
            // So slow it has become after hours.
            let mut last = LastTime { gathered: 9, ..last() };
            assert_eq!(due(Some(&mut last), &Moment { quiet, ..red(299) }), None);
            assert_eq!(
                due(Some(&mut last), &Moment { quiet, ..red(300) }),
                Some(Reason::Gathered),
                "{quiet}"
            );
            let mut last = done(Some(&last), Reason::Gathered, true, &red(300));
            assert_eq!(due(Some(&mut last), &Moment { quiet, ..red(900) }), None, "told once");
            let green = Moment { quiet, ..moment(600, "a") };
            assert_eq!(due(Some(&mut last), &green), Some(Reason::Gathered), "and that it is over");
        }
    }

    #[test]
    fn a_write_that_changed_nothing_slows_nothing_down() {
        let same = done(Some(&last()), Reason::Gathered, false, &moment(300, "a"));
        assert_eq!(due(Some(&mut same.clone()), &moment(600, "a")), Some(Reason::Gathered));
    }
}
