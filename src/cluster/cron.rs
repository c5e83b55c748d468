//! When a window of Argo CD begins: five fields of cron, as the library reads them that Argo CD uses.
//!
//! A schedule that means something else here than there would open a door that is closed, so this follows that library to
//! the letter: Sunday is 0 and never 7, `?` is `*`, `5/15` goes on to the end, and where both the day of the month and that of
//! the week are limited, either of them is enough. What it does not read, no window is made of.

use jiff::civil::{Date, Time};

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the day of the month, and that of the week, is left open.
    any_day: bool,
    any_weekday: bool,
}

/// What a field may hold.
struct Field {
    least: u32,
    most: u32,
    /// The names of its values, from the least on.
    names: &'static [&'static str],
}

const MINUTE: Field = Field { least: 0, most: 59, names: &[] };
const HOUR: Field = Field { least: 0, most: 23, names: &[] };
const DAY: Field = Field { least: 1, most: 31, names: &[] };
const MONTH: Field = Field {
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field = Field { least: 0, most: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Cron {
    /// Reads five fields; none where Argo CD would not read them either.
    pub(super) fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let (minutes, _) = MINUTE.read(minute)?;
        let (hours, _) = HOUR.read(hour)?;
        let (days, any_day) = DAY.read(day)?;
        let (months, _) = MONTH.read(month)?;
        let (weekdays, any_weekday) = WEEKDAY.read(weekday)?;
        Some(Self { minutes, hours, days, months, weekdays, any_day, any_weekday })
    }

    /// The times of a day at which it strikes, in order.
    pub(super) fn on(&self, date: Date) -> impl Iterator<Item = Time> {
        let (hours, minutes) = if self.is_on(date) { (self.hours, self.minutes) } else { (0, 0) };
        (0..24_i8).filter(move |hour| holds(hours, *hour)).flat_map(move |hour| {
            (0..60_i8)
                .filter(move |minute| holds(minutes, *minute))
                .filter_map(move |minute| Time::new(hour, minute, 0, 0).ok())
        })
    }

    fn is_on(&self, date: Date) -> bool {
        let day = holds(self.days, date.day());
        let weekday = holds(self.weekdays, date.weekday().to_sunday_zero_offset());
        let both = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        holds(self.months, date.month()) && both
    }
}

fn holds(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits & (1 << value) != 0)
}

impl Field {
    /// The values of a field as bits, and whether it leaves everything open.
    fn read(&self, text: &str) -> Option<(u64, bool)> {
        let (mut bits, mut open) = (0, false);
        // The library drops what is empty between two commas.
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (more, all) = self.range(part)?;
            bits |= more;
            open |= all;
        }
        (bits != 0).then_some((bits, open))
    }

    fn range(&self, part: &str) -> Option<(u64, bool)> {
        let mut pieces = part.split('/');
        let (range, step) = (pieces.next()?, pieces.next());
        if pieces.next().is_some() {
            return None;
        }
        let mut ends = range.split('-');
        let (first, last) = (ends.next()?, ends.next());
        if ends.next().is_some() {
            return None;
        }
        let open = matches!(first, "*" | "?") && last.is_none();
        let (from, mut until) = match (first, last) {
            _ if open => (self.least, self.most),
            (first, None) => (self.value(first)?, self.value(first)?),
            (first, Some(last)) => (self.value(first)?, self.value(last)?),
        };
        let step = match step {
            None => 1,
            Some(step) => {
                if last.is_none() {
                    until = self.most;
                }
                number(step)?
            }
        };
        if step == 0 || from < self.least || until > self.most || from > until {
            return None;
        }
        let bits =
            (from..=until).step_by(usize::try_from(step).ok()?).fold(0, |bits, value| bits | 1 << value);
        Some((bits, open && step == 1))
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        match named {
            Some(place) => u32::try_from(place).ok().map(|place| place + self.least),
            None => number(text),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use jiff::civil::DateTime;

    /// When it strikes next, as a table can say it.
    fn next(schedule: &Cron, after: DateTime) -> Option<DateTime> {
        let days = (0..800).filter_map(|days| after.date().checked_add(days.days()).ok());
        days.flat_map(|day| schedule.on(day).map(move |time| day.to_datetime(time)).collect::<Vec<_>>())
            .find(|at| *at > after)
    }

    #[test]
    fn a_schedule_strikes_when_it_says() {
        // A Friday.
        for (text, after, expected) in [
            ("0 22 * * *", "2026-11-27T21:59", "2026-11-27T22:00"),
            ("0 22 * * *", "2026-11-27T22:00", "2026-11-28T22:00"),
            ("*/15 * * * *", "2026-11-27T22:01", "2026-11-27T22:15"),
            ("5/20 * * * *", "2026-11-27T22:30", "2026-11-27T22:45"),
            ("10-20/5,50 * * * *", "2026-11-27T22:20", "2026-11-27T22:50"),
            ("0 8 * * 1-5", "2026-11-27T09:00", "2026-11-30T08:00"),
            ("0 8 * * mon-FRI", "2026-11-27T09:00", "2026-11-30T08:00"),
            ("0 8 * * 0", "2026-11-27T09:00", "2026-11-29T08:00"),
            ("0 0 1 jan ?", "2026-11-27T09:00", "2027-01-01T00:00"),
            ("0 0 31 * *", "2026-11-27T09:00", "2026-12-31T00:00"),
            ("0 0 29 2 *", "2026-11-27T09:00", "2028-02-29T00:00"),
            // Both days are limited: either of them.
            ("0 0 13 * 5", "2026-11-27T09:00", "2026-12-04T00:00"),
            ("0 0 28 * 5", "2026-11-27T09:00", "2026-11-28T00:00"),
            // A star with a step is a limit, a star with a step of one is none.
            ("0 0 */2 * 6", "2026-11-27T09:00", "2026-11-28T00:00"),
            ("0 0 */2 * 6", "2026-11-28T09:00", "2026-11-29T00:00"),
            ("0 0 */1 * 6", "2026-11-28T09:00", "2026-12-05T00:00"),
        ] {
            let schedule = Cron::read(text).expect(text);
            let (after, expected) = (after.parse().expect("a time"), expected.parse().expect("a time"));
            assert_eq!(next(&schedule, after), Some(expected), "{text} after {after}");
        }
        let never = Cron::read("0 0 31 2 *").expect("read");
        assert_eq!(next(&never, "2026-11-27T09:00".parse().expect("a time")), None);
    }

    #[test]
    fn what_argo_cd_does_not_read_is_no_schedule() {
        for text in [
            "",
            "0 22 * *",
            "0 0 22 * * *",
            "@daily",
            "TZ=UTC 0 22 * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "*/0 * * * *",
            "5-1 * * * *",
            "1-2-3 * * * *",
            "1/2/3 * * * *",
            "+1 * * * *",
            "* * * * friday",
            ", * * * *",
        ] {
            assert_eq!(Cron::read(text), None, "{text}");
        }
    }
}
