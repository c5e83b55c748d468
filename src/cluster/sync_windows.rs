//! The hours in which Argo CD may sync: the windows of an `AppProject`, and whether they keep an Application back now.
//!
//! Argo CD's own rule: an active deny closes, whatever else is open; without one an active allow opens; where there are allows and
//! none is active it is closed; and where nothing matches there is no limit. A sync that somebody asks for by hand passes where
//! every window that closes says so (`manualSync`). A schedule or duration that Argo CD cannot read closes for everybody, until a
//! person has mended it. A window runs by the clock of its zone, as that stands at the moment that is asked about.

use super::cron::Cron;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use std::fmt;

/// So many days are looked ahead for the opening: a window of a working week is found, a freeze over a month is not.
pub(crate) const AHEAD: i64 = 8;
/// So far back the beginning of a window is looked for, however long it lasts.
const BACK: i64 = 366;

/// Whether a window lets in or keeps out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Allow,
    Deny,
}

/// One window of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyncWindow {
    pub(super) kind: Kind,
    /// When it begins, and for how long it lasts, as written.
    pub(super) schedule: String,
    pub(super) duration: String,
    /// The zone of its schedule, as written; an unknown one is UTC.
    pub(super) zone: String,
    /// Whether who asks by hand may pass.
    pub(super) manual: bool,
}

/// By whom a sync is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By Argo CD.
    Itself,
    /// By somebody who asks for it.
    Hand,
}

/// That a window keeps an Application back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shut {
    /// The project whose window it is.
    pub(crate) project: String,
    /// `deny` or `allow`: the one that is there, or the one that is not.
    kind: Kind,
    schedule: String,
    duration: String,
    zone: String,
    /// When it opens; `None` where that is not within the days that are looked ahead, or cannot be read.
    pub(crate) opens: Option<Timestamp>,
    /// Whether Argo CD can read it at all.
    readable: bool,
}

impl fmt::Display for Shut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, schedule, duration, zone, .. } = self;
        let kind = match self.kind {
            Kind::Allow => "allow",
            Kind::Deny => "deny",
        };
        write!(formatter, "the sync window `{kind} {schedule}` ({duration}")?;
        if !zone.is_empty() {
            write!(formatter, ", {zone}")?;
        }
        write!(formatter, ") of project {project} ")?;
        match self.opens {
            Some(opens) => write!(formatter, "is closed until {}", opens.strftime("%Y-%m-%d %H:%M UTC")),
            None if self.readable => write!(formatter, "does not open within {AHEAD} days"),
            None => write!(formatter, "cannot be read, so Argo CD syncs nothing"),
        }
    }
}

/// The times of a window by the clock of its zone: from, and until when, in order and apart from one another.
struct Times {
    zone: TimeZone,
    spans: Vec<(DateTime, DateTime)>,
}

impl Times {
    /// Those around a moment; none where they cannot be read.
    fn of(window: &SyncWindow, now: Timestamp) -> Option<Self> {
        let schedule = Cron::read(&window.schedule)?;
        let lasts = go_duration(&window.duration)?;
        let zone = TimeZone::get(&window.zone).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone.clone()).date();
        let back = (lasts.as_secs() / 86_400 + 2).min(BACK);
        let mut spans: Vec<(DateTime, DateTime)> = Vec::new();
        for day in (-back..=AHEAD + 1).filter_map(|days| today.checked_add(days.days()).ok()) {
            for from in schedule.on(day).map(|time| day.to_datetime(time)) {
                let Ok(until) = from.checked_add(lasts) else { continue };
                match spans.last_mut() {
                    Some(last) if last.1 >= from => last.1 = last.1.max(until),
                    _ => spans.push((from, until)),
                }
            }
        }
        Some(Self { zone, spans })
    }

    fn is_active(&self, at: Timestamp) -> bool {
        let here = at.to_zoned(self.zone.clone()).datetime();
        let begun = self.spans.partition_point(|(from, _)| *from <= here);
        begun.checked_sub(1).is_some_and(|place| here < self.spans[place].1)
    }

    /// The moments at which it begins or ends.
    fn edges(&self) -> impl Iterator<Item = Timestamp> {
        let both = self.spans.iter().flat_map(|(from, until)| [*from, *until]);
        both.filter_map(|edge| self.zone.to_timestamp(edge).ok())
    }
}

/// A window and its times.
struct Known<'a> {
    window: &'a SyncWindow,
    times: Times,
}

/// Whether a sync may start, and if not, which window closes.
fn closed_by<'a>(windows: &'a [Known<'a>], by: By, at: Timestamp) -> Option<&'a SyncWindow> {
    let passes = |window: &SyncWindow| by == By::Hand && window.manual;
    let of = |kind: Kind, active: bool| {
        let them = windows.iter().filter(move |one| one.window.kind == kind);
        them.filter(move |one| one.times.is_active(at) == active).map(|one| one.window)
    };
    if of(Kind::Deny, true).next().is_some() {
        return of(Kind::Deny, true).find(|window| !passes(window));
    }
    if of(Kind::Allow, true).next().is_some() {
        return None;
    }
    of(Kind::Allow, false).find(|window| !passes(window))
}

/// Which of these windows of a project keeps a sync back at a moment, and until when.
pub(super) fn shut(project: &str, windows: &[SyncWindow], by: By, now: Timestamp) -> Option<Shut> {
    let closes = |window: &SyncWindow, opens, readable| Shut {
        project: project.to_owned(),
        kind: window.kind,
        schedule: window.schedule.clone(),
        duration: window.duration.clone(),
        zone: window.zone.clone(),
        opens,
        readable,
    };
    let mut known = Vec::new();
    for window in windows {
        match Times::of(window, now) {
            Some(times) => known.push(Known { window, times }),
            None => return Some(closes(window, None, false)),
        }
    }
    let closing = closed_by(&known, by, now)?;
    let horizon = now.checked_add(SignedDuration::from_hours(24 * AHEAD)).unwrap_or(Timestamp::MAX);
    let mut edges: Vec<Timestamp> =
        known.iter().flat_map(|one| one.times.edges()).filter(|at| *at > now && *at <= horizon).collect();
    edges.sort_unstable();
    let opens = edges.into_iter().find(|at| closed_by(&known, by, *at).is_none());
    Some(closes(closing, opens, true))
}

/// A duration as Go writes it: `1h30m`, `24h`, `1.5h`, `90s`. None where Go would not read it, or where it is none.
fn go_duration(text: &str) -> Option<SignedDuration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let unit = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let factor = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = behind;
    }
    SignedDuration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
#[path = "sync_windows_tests.rs"]
mod tests;
