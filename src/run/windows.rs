//! The hours in which a change may start.
//!
//! A window says when a merge may *begin*: one that is under way is followed to its end, and undone if it must be, at any
//! hour. Times of the day are those of `run.timezone`; on the night in which clocks change they are what that night's clock
//! shows, so a window may be an hour longer or shorter than it reads.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One window: `22:00-06:00` on every day, or `Fri-Sat,Mon 22:00-06:00` beginning on those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Window {
    /// On which days it begins, Monday first.
    days: [bool; 7],
    from: Time,
    /// At or before `from` it is of the day after.
    until: Time,
    /// As it was written.
    text: String,
}

/// What is written is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no window: {why}; write `22:00-06:00`, or `Mon-Thu,Sat 22:00-06:00`")]
pub(crate) struct NoWindow {
    text: String,
    why: &'static str,
}

/// How a moment stands to the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hours {
    /// There is no limit.
    Always,
    /// A change may start, until then.
    Open(Timestamp),
    /// None may; the next window opens then.
    Closed(Timestamp),
}

/// So many days are looked ahead. A window comes once a week at least, and clocks are changed once in this time at most,
/// so that there is always one that no change of clocks swallows.
const AHEAD: i64 = 15;

impl Hours {
    /// How a moment stands to these windows; without any there is no limit.
    pub(crate) fn of(windows: &[Window], zone: &TimeZone, now: Timestamp) -> Self {
        if windows.is_empty() {
            return Self::Always;
        }
        let today = now.to_zoned(zone.clone()).date();
        let mut spans: Vec<(Timestamp, Timestamp)> = (-1..AHEAD)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .flat_map(|day| windows.iter().filter_map(move |window| window.on(day, zone)))
            .collect();
        spans.sort_unstable();
        let mut open = now;
        for (_, until) in spans.iter().filter(|(from, _)| *from <= now) {
            open = open.max(*until);
        }
        if open == now {
            let next = spans.iter().map(|(from, _)| *from).find(|from| *from > now);
            return Self::Closed(next.unwrap_or(now));
        }
        // What begins before this one ends goes on.
        for (from, until) in &spans {
            if *from <= open {
                open = open.max(*until);
            }
        }
        let horizon = spans.last().map_or(now, |(from, _)| *from);
        if open > horizon { Self::Always } else { Self::Open(open) }
    }
}

impl Window {
    /// The one that begins on a day, if one does.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        if !self.days[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())] {
            return None;
        }
        let ends = if self.until <= self.from { day.tomorrow().ok()? } else { day };
        let from = zone.to_timestamp(day.to_datetime(self.from)).ok()?;
        let until = zone.to_timestamp(ends.to_datetime(self.until)).ok()?;
        (from < until).then_some((from, until))
    }
}

impl FromStr for Window {
    type Err = NoWindow;

    fn from_str(text: &str) -> Result<Self, NoWindow> {
        let wrong = |why| NoWindow { text: text.to_owned(), why };
        let (days, hours) = match text.trim().rsplit_once(char::is_whitespace) {
            Some((days, hours)) => (Some(days), hours),
            None => (None, text.trim()),
        };
        let days = match days {
            Some(days) => read_days(days).ok_or_else(|| wrong("its days are not known"))?,
            None => [true; 7],
        };
        let (from, until) = hours.split_once(['-', '–']).ok_or_else(|| wrong("it has no end"))?;
        let from = read_time(from).ok_or_else(|| wrong("its beginning is no time"))?;
        let until = match until.trim() {
            "24:00" => Time::midnight(),
            until => read_time(until).ok_or_else(|| wrong("its end is no time"))?,
        };
        if from == until && from != Time::midnight() {
            return Err(wrong("it ends when it begins"));
        }
        Ok(Self { days, from, until, text: text.to_owned() })
    }
}

pub(super) fn read_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

pub(super) fn read_days(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
        let (first, last) = (read_day(first)?, read_day(last)?);
        let mut day = first;
        loop {
            days[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Some(days)
}

fn read_day(text: &str) -> Option<usize> {
    let text = text.trim();
    let names = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ]
    .map(|day| format!("{day:?}"));
    names.iter().position(|name| name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text))
}

impl TryFrom<String> for Window {
    type Error = NoWindow;

    fn try_from(text: String) -> Result<Self, NoWindow> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(texts: &[&str]) -> Vec<Window> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    /// The middle of Europe without the database of zones.
    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
    }

    #[test]
    fn a_moment_is_inside_or_the_next_one_is_told() {
        // 2026-11-27 is a Friday.
        let night = &["22:00-06:00"][..];
        let week = &["Mon-Thu 22:00-06:00", "Sat,sunday 08:00-20:00"][..];
        let cases = [
            (&[][..], "2026-11-27T12:00Z", Hours::Always),
            (night, "2026-11-27T20:59:59Z", Hours::Closed(at("2026-11-27T21:00Z"))),
            (night, "2026-11-27T21:00Z", Hours::Open(at("2026-11-28T05:00Z"))),
            (night, "2026-11-28T04:59:59Z", Hours::Open(at("2026-11-28T05:00Z"))),
            (night, "2026-11-28T05:00Z", Hours::Closed(at("2026-11-28T21:00Z"))),
            // The night that began on Thursday.
            (week, "2026-11-27T03:00Z", Hours::Open(at("2026-11-27T05:00Z"))),
            (week, "2026-11-27T22:00Z", Hours::Closed(at("2026-11-28T07:00Z"))),
            (week, "2026-11-29T19:00Z", Hours::Closed(at("2026-11-30T21:00Z"))),
            // Over the end of the week.
            (&["Sun-Mon 23:00-01:00"][..], "2026-11-30T22:30Z", Hours::Open(at("2026-12-01T00:00Z"))),
            (&["Fri 10:00-11:00"][..], "2026-11-27T10:30Z", Hours::Closed(at("2026-12-04T09:00Z"))),
            // One goes on in another.
            (
                &["08:00-12:00", "12:00-14:00", "13:00-15:00"][..],
                "2026-11-27T08:00Z",
                Hours::Open(at("2026-11-27T14:00Z")),
            ),
            (&["00:00-24:00"][..], "2026-11-27T08:00Z", Hours::Always),
            (&["Fri 00:00-24:00"][..], "2026-11-27T08:00Z", Hours::Open(at("2026-11-27T23:00Z"))),
            // Clocks go from two to three in this night, and from three to two in that.
            (&["01:00-04:00"][..], "2026-03-29T00:30Z", Hours::Open(at("2026-03-29T02:00Z"))),
            (&["01:00-04:00"][..], "2026-10-25T00:30Z", Hours::Open(at("2026-10-25T03:00Z"))),
            (&["Sun 02:15-02:45"][..], "2026-03-28T12:00Z", Hours::Closed(at("2026-03-29T01:15Z"))),
        ];
        for (texts, now, expected) in cases {
            assert_eq!(Hours::of(&windows(texts), &zone(), at(now)), expected, "{texts:?} at {now}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused_with_why() {
        for (text, why) in [
            ("", "it has no end"),
            ("22:00", "it has no end"),
            ("25:00-06:00", "its beginning is no time"),
            ("22-06", "its beginning is no time"),
            ("22:00-6:0", "its end is no time"),
            ("Fri-Nov 22:00-06:00", "its days are not known"),
            ("Mon,, 22:00-06:00", "its days are not known"),
            ("08:00-08:00", "it ends when it begins"),
        ] {
            let refused = text.parse::<Window>().expect_err(text);
            assert_eq!(refused.why, why, "{text}");
        }
        let long = windows(&["mon–Thursday,SAT 22:00–06:00"]);
        assert_eq!(long[0].days, [true, true, true, true, false, true, false]);
        assert_eq!(String::from(long[0].clone()), "mon–Thursday,SAT 22:00–06:00");
    }
}
