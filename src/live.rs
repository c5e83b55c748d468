//! What a person sees while a run goes on: a line an event, in colour on a terminal only; on a terminal also a last line
//! with how far it is and what happens now.
//!
//! The lines go to stdout, where a program may read them; what moves goes to stderr, and only where that is a terminal.

use crate::logging;
use crate::run::{Event, RunError, RunState, Tone, now, tone};
use crate::store::{EventId, RunId, RunRow, Store};
use crate::terminal::{color, printable};
use crate::wording;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// While nothing is known of the tasks.
const SPINNER: &str = "{spinner} {elapsed:>4} {wide_msg}";
/// With the tasks that have ended.
const BAR: &str = "{spinner} {elapsed:>4} {bar:20} {pos}/{len} {wide_msg}";

/// How often it is looked whether another run of the issue has begun.
const AGAIN: Duration = Duration::from_secs(1);

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Seconds since the beginning.
    Since(Instant),
    /// The time of day here.
    Wall,
}

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// To people and programs that read what happens.
    Stdout,
    /// Stdout has the outcome alone.
    Stderr,
}

/// Prints lines. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    clock: Clock,
    bar: Option<ProgressBar>,
    lines: Lines,
}

impl Live {
    /// Begins now.
    pub(crate) fn new(clock: Clock, lines: Lines) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(style(SPINNER));
            bar.enable_steady_tick(Duration::from_millis(120));
            logging::keep_clear_of(&bar);
            bar
        });
        Self { clock, bar, lines }
    }

    /// A line of now.
    pub(crate) fn say(&self, text: &str, tone: Tone) {
        self.say_at(Timestamp::now(), text, tone);
        self.rest(text);
    }

    fn say_at(&self, at: Timestamp, text: &str, tone: Tone) {
        let time = match self.clock {
            Clock::Since(began) => format!("{:>6.1} s", began.elapsed().as_secs_f64()),
            Clock::Wall => at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string(),
        };
        let (dim, style) = (Style::new().dimmed(), paint(tone));
        self.plain(&format!("{dim}{time}{dim:#}  {style}{}{style:#}", printable(text)));
    }

    /// A line as it is.
    pub(crate) fn plain(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.write(line)),
            None => self.write(line),
        }
    }

    fn write(&self, line: &str) {
        // Nobody reads any more: then nobody misses the line.
        let _ = match self.lines {
            Lines::Stdout => writeln!(anstream::stdout(), "{line}"),
            Lines::Stderr => writeln!(anstream::stderr(), "{line}"),
        };
    }

    /// What stands in the last line until something else does.
    pub(crate) fn rest(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(text));
        }
    }

    /// How far it is.
    fn progress(&self, ended: usize, total: usize) {
        let Some(bar) = &self.bar else { return };
        if total > 0 {
            if bar.length() != Some(total as u64) {
                bar.set_style(style(BAR));
                bar.set_length(total as u64);
            }
            bar.set_position(ended as u64);
        }
    }

    /// Takes the last line away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            logging::keep_clear_of_nothing();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the template is a constant that a test makes")
        .progress_chars("━╸─")
}

fn paint(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Good => color(AnsiColor::Green),
        Tone::Waits => color(AnsiColor::Yellow),
        Tone::Bad => color(AnsiColor::Red).bold(),
        Tone::Person => color(AnsiColor::Cyan),
        Tone::Aside => Style::new().dimmed(),
    }
}

/// Follows the journal of an issue's run.
#[derive(Debug)]
pub(crate) struct Follower {
    store: Arc<Store>,
    repository: String,
    issue: u64,
    /// Runs up to this one are over; theirs is another story.
    after: Option<RunId>,
    run: Option<RunId>,
    last: Option<EventId>,
    state: RunState,
    changed: Instant,
    looked: Instant,
}

impl Follower {
    /// From the beginning of the run.
    pub(crate) fn new(store: Arc<Store>, repository: String, issue: u64) -> Self {
        let (state, now) = (RunState::default(), Instant::now());
        Self {
            store,
            repository,
            issue,
            after: None,
            run: None,
            last: None,
            state,
            changed: now,
            looked: now,
        }
    }

    /// From now on. Of a run that is open already it says how far it is.
    pub(crate) async fn resuming(
        store: Arc<Store>,
        repository: String,
        issue: u64,
        live: &Live,
    ) -> Result<Self, RunError> {
        let mut follower = Self::new(store, repository, issue);
        let Some(newest) = follower.newest().await? else { return Ok(follower) };
        if newest.ended_at.is_some() {
            follower.after = Some(newest.id);
            return Ok(follower);
        }
        follower.run = Some(newest.id);
        for (id, at, event) in follower.unread(newest.id).await? {
            follower.fold(id, at, event);
        }
        let (ended, total) = follower.state.ended_of();
        if total > 0 {
            live.say(&wording::goes_on(newest.began_at, ended, total), Tone::Plain);
            live.progress(ended, total);
        }
        Ok(follower)
    }

    async fn newest(&self) -> Result<Option<RunRow>, RunError> {
        let is_it = |run: &RunRow| run.issue == self.issue && run.repository == self.repository;
        Ok(self.store.recent_runs(100).await?.into_iter().find(is_it))
    }

    async fn unread(&self, run: RunId) -> Result<Vec<(EventId, Timestamp, Event)>, RunError> {
        let rows = self.store.journal(run, self.last).await?;
        rows.into_iter()
            .map(|row| match serde_json::from_str(&row.event) {
                Ok(event) => Ok((row.id, row.at, event)),
                Err(source) => Err(RunError::Journal { run, source }),
            })
            .collect()
    }

    fn fold(&mut self, id: EventId, at: Timestamp, event: Event) {
        self.state.fold(id, at, event);
        self.last = Some(id);
        self.changed = Instant::now();
    }

    /// Prints what is new.
    pub(crate) async fn follow(&mut self, live: &Live) -> Result<(), RunError> {
        if self.run.is_none() || self.looked.elapsed() > AGAIN {
            self.looked = Instant::now();
            let newest = self.newest().await?.map(|run| run.id);
            let newer = newest.filter(|id| self.after.is_none_or(|after| *id > after));
            if newer.is_some() && newer != self.run {
                (self.run, self.last, self.state) = (newer, None, RunState::default());
            }
        }
        let Some(run) = self.run else { return Ok(()) };
        for (id, at, event) in self.unread(run).await? {
            let text = wording::journal_line(&event, &self.state);
            live.say_at(at, &text, tone(&event));
            self.fold(id, at, event);
            let (ended, total) = self.state.ended_of();
            live.progress(ended, total);
            live.rest(&now(&self.state).unwrap_or(text));
        }
        Ok(())
    }

    /// Since when nothing was journalled.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.changed.elapsed()
    }

    /// Whether the run has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.last.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_some() {
        for template in [SPINNER, BAR] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
