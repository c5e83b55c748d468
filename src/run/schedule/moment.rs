//! Moments that come again: each day, on some days of the week, on one of the month.
//!
//! Times of the day are those of `run.timezone`. What falls into the hour that a change of clocks skips comes an hour
//! later; what falls into the one that it repeats comes once, the first time.

use super::super::windows::{read_days, read_time};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A moment that comes again: `06:00`, `Sun 06:00`, `Mon-Thu,Sat 06:00` or, on the first of each month, `1 06:00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Every {
    days: Days,
    at: Time,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// Of the week, Monday first.
    Week([bool; 7]),
    /// Of the month; where a month has no such day, its last one.
    Month(i8),
}

/// What is written is no such moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no moment that comes again: write `06:00`, `Sun 06:00`, or `1 06:00` for the first of each month"
)]
pub(crate) struct NoMoment(String);

/// So many days are looked at: a month has no more than half of them.
const DAYS: i64 = 62;

impl Every {
    /// The newest of them that is not to come.
    pub(super) fn last(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        self.around(zone, now).filter(|at| *at <= now).max()
    }

    /// The first of them that is to come.
    pub(super) fn next(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        self.around(zone, now).filter(|at| *at > now).min()
    }

    fn around(&self, zone: &TimeZone, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let today = now.to_zoned(zone.clone()).date();
        (-DAYS..=DAYS)
            .filter_map(move |days| today.checked_add(days.days()).ok())
            .filter(|day| self.is_on(*day))
            .filter_map(|day| zone.to_timestamp(day.to_datetime(self.at)).ok())
    }

    fn is_on(&self, day: Date) -> bool {
        match self.days {
            Days::Week(days) => days[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())],
            Days::Month(wanted) => day.day() == wanted.min(day.days_in_month()),
        }
    }
}

impl FromStr for Every {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let read = || {
            let (days, at) = match text.trim().rsplit_once(char::is_whitespace) {
                Some((days, at)) => (Some(days.trim()), at),
                None => (None, text.trim()),
            };
            let days = match days {
                None => Days::Week([true; 7]),
                Some(days) => match days.parse::<i8>() {
                    Ok(day) => Days::Month(Some(day).filter(|day| (1..=31).contains(day))?),
                    Err(_) => Days::Week(read_days(days)?),
                },
            };
            Some((days, read_time(at)?))
        };
        let (days, at) = read().ok_or_else(|| NoMoment(text.to_owned()))?;
        Ok(Self { days, at, text: text.to_owned() })
    }
}

impl TryFrom<String> for Every {
    type Error = NoMoment;

    fn try_from(text: String) -> Result<Self, NoMoment> {
        text.parse()
    }
}

impl From<Every> for String {
    fn from(every: Every) -> Self {
        every.text
    }
}

impl fmt::Display for Every {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_and_the_next_moment() {
        // A Friday.
        for (every, zone, now, last, next) in [
            ("06:00", "UTC", "2026-11-27T05:59:00Z", "2026-11-26T06:00:00Z", "2026-11-27T06:00:00Z"),
            ("06:00", "UTC", "2026-11-27T06:00:00Z", "2026-11-27T06:00:00Z", "2026-11-28T06:00:00Z"),
            (
                "06:00",
                "Europe/Berlin",
                "2026-11-27T05:00:00Z",
                "2026-11-27T05:00:00Z",
                "2026-11-28T05:00:00Z",
            ),
            ("Sun 06:00", "UTC", "2026-11-27T05:00:00Z", "2026-11-22T06:00:00Z", "2026-11-29T06:00:00Z"),
            (
                "Mon-Wed,Fri 23:30",
                "UTC",
                "2026-11-27T05:00:00Z",
                "2026-11-25T23:30:00Z",
                "2026-11-27T23:30:00Z",
            ),
            ("1 06:00", "UTC", "2026-11-27T05:00:00Z", "2026-11-01T06:00:00Z", "2026-12-01T06:00:00Z"),
            ("31 06:00", "UTC", "2027-02-27T05:00:00Z", "2027-01-31T06:00:00Z", "2027-02-28T06:00:00Z"),
            ("31 06:00", "UTC", "2027-03-30T05:00:00Z", "2027-02-28T06:00:00Z", "2027-03-31T06:00:00Z"),
            // The hour that does not come in the spring, and the one that comes twice in the autumn.
            (
                "02:30",
                "Europe/Berlin",
                "2027-03-28T00:30:00Z",
                "2027-03-27T01:30:00Z",
                "2027-03-28T01:30:00Z",
            ),
            (
                "02:30",
                "Europe/Berlin",
                "2026-10-25T00:45:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ),
        ] {
            let every: Every = every.parse().unwrap();
            let zone = TimeZone::get(zone).unwrap();
            let now: Timestamp = now.parse().unwrap();
            let told = (every.last(&zone, now), every.next(&zone, now));
            assert_eq!(told, (Some(last.parse().unwrap()), Some(next.parse().unwrap())), "{every} at {now}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_to_write() {
        for text in
            ["", "6:00", "24:00", "Sunday", "Som 06:00", "0 06:00", "32 06:00", "1.5 06:00", "06:00 Sun"]
        {
            let error = text.parse::<Every>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}`")) && error.contains("write `06:00`"), "{error}");
        }
    }
}
