//! The sentences of the issue and of the plan, as named functions, and the one function through which text from outside
//! goes. The reasons of pure judgements (of a pre-flight, a gate, a verdict) and the errors are not here: they are the
//! `Display` texts of their types.
//!
//! An issue's body is a program to whoever reads it by rule: boxes are tasks, `@name` wakes people, `#12` leaves a trace
//! in another issue, an HTML comment may be a marker. A pod's message or a pull request's title must not be able to
//! write such a program, so it goes through [`quote_outside`] (running text) or [`code`] (names and values).

mod acts;
mod audit;
mod blame;
mod changes;
mod closing;
mod doctor;
mod found;
mod gate;
mod journal;
mod lint;
mod outside;
mod recon;
mod report;
mod rollout;
mod run;
mod tasks;
mod terminal;

pub(crate) use acts::*;
pub(crate) use audit::*;
pub(crate) use blame::*;
pub(crate) use changes::*;
pub(crate) use closing::*;
pub(crate) use doctor::*;
pub(crate) use found::*;
pub(crate) use gate::*;
pub(crate) use journal::*;
pub(crate) use lint::*;
pub(crate) use outside::{cell, code, one_line, quote_cut, quote_outside, summary};
pub(crate) use recon::*;
pub(crate) use report::*;
pub(crate) use rollout::*;
pub(crate) use run::*;
pub(crate) use tasks::*;
pub(crate) use terminal::*;

use crate::run::TaskOutcome;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::OnceLock;

/// The zone in which times are written, where it is not UTC. It is a setting of the whole process, and every sentence
/// with a time in it needs it; nothing is ever decided by it.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Chooses the zone in which times are written from now on. The first choice holds.
pub(crate) fn set_zone(zone: TimeZone) {
    let _ = ZONE.set(zone);
}

/// An absolute time as people read it: `2026-11-21 14:30 UTC`.
pub(crate) fn time(at: Timestamp) -> String {
    time_in(at, ZONE.get().unwrap_or(&TimeZone::UTC))
}

fn time_in(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// How long something took, in the two largest units: `1 h 5 min`.
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) if !seconds.is_multiple_of(60) => format!("{minutes} min {} s", seconds % 60),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

impl TaskOutcome {
    /// How a task ended, in a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Deferred => "deferred",
            Self::Acknowledged => "acknowledged",
            Self::Skipped => "skipped",
        }
    }
}

/// The note behind a task: `*(done 2026-11-21 14:30 UTC: merged as 1a2b3c4, all layers GREEN)*`. `what` is our own
/// Markdown; a `*` in it would end the note's emphasis, so there is none: one that was quoted becomes a sign like it.
pub(crate) fn outcome_note(outcome: TaskOutcome, at: Timestamp, what: &str) -> String {
    let what = one_line(what).replace("\\*", "\u{2217}").replace('*', "");
    format!("*({} {}: {})*", outcome.word(), time(at), what.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_and_utc() {
        let at: Timestamp = "2026-11-21T14:30:59Z".parse().expect("a time");
        assert_eq!(time(at), "2026-11-21 14:30 UTC");
        assert_eq!(
            outcome_note(TaskOutcome::Done, at, "merged as 1a2b3c4,\nall *layers* GREEN "),
            "*(done 2026-11-21 14:30 UTC: merged as 1a2b3c4, all layers GREEN)*"
        );
        let quoted = outcome_note(TaskOutcome::Done, at, &quote_outside("a*b", 20));
        assert_eq!(quoted, "*(done 2026-11-21 14:30 UTC: a\u{2217}b)*");
    }

    #[test]
    fn times_are_those_of_the_zone_with_its_name() {
        let at: Timestamp = "2026-11-21T23:30:59Z".parse().expect("a time");
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        assert_eq!(time_in(at, &zone), "2026-11-22 00:30 CET");
        assert_eq!(time_in(at, &TimeZone::UTC), "2026-11-21 23:30 UTC");
        let nameless = TimeZone::posix("<+0545>-5:45").expect("a zone");
        assert_eq!(time_in(at, &nameless), "2026-11-22 05:15 +0545");
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_900, "1 h 5 min"),
            (86_400, "1 d"),
            (93_600, "1 d 2 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
