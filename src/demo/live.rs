//! What a person sees while it runs: a line an event with its time; on a terminal a spinner below with what happens now.

use super::DemoError;
use crate::run::{Event, RunState, line};
use crate::store::{EventId, RunId, Store};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Prints lines with the time since the beginning. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    began: Instant,
    bar: Option<ProgressBar>,
    /// Plain lines go to stderr, so that stdout has the outcome alone.
    quiet_stdout: bool,
}

impl Live {
    /// Begins now.
    pub(crate) fn new(json: bool) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}")
                .expect("the template is a constant that a test makes");
            bar.set_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { began: Instant::now(), bar, quiet_stdout: json }
    }

    /// A line with the time.
    pub(crate) fn say(&self, text: &str) {
        let line = format!("{:>6.1} s  {text}", self.began.elapsed().as_secs_f64());
        self.plain(&line);
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// A line as it is.
    pub(crate) fn plain(&self, line: &str) {
        // Nobody reads any more: then nobody misses the line.
        match &self.bar {
            Some(bar) => bar.suspend(|| self.write(line)),
            None => self.write(line),
        }
    }

    fn write(&self, line: &str) {
        if self.quiet_stdout {
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    /// Takes the spinner away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Follows a run's journal.
#[derive(Debug)]
pub(crate) struct Follower {
    store: Arc<Store>,
    issue: u64,
    run: Option<RunId>,
    last: Option<EventId>,
    state: RunState,
    changed: Instant,
}

impl Follower {
    /// From the beginning.
    pub(crate) fn new(store: Arc<Store>, issue: u64) -> Self {
        Self { store, issue, run: None, last: None, state: RunState::default(), changed: Instant::now() }
    }

    /// Prints what is new.
    pub(crate) async fn follow(&mut self, live: &Live) -> Result<(), DemoError> {
        let failed = |error| DemoError::Outcome(Box::new(error));
        if self.run.is_none() {
            let runs = self.store.recent_runs(20).await.map_err(failed)?;
            self.run = runs.iter().find(|run| run.issue == self.issue).map(|run| run.id);
        }
        let Some(run) = self.run else { return Ok(()) };
        for row in self.store.journal(run, self.last).await.map_err(failed)? {
            let event: Event =
                serde_json::from_str(&row.event).map_err(|error| DemoError::Outcome(Box::new(error)))?;
            live.say(&line(&event, &self.state));
            self.state.fold(row.id, row.at, event);
            self.last = Some(row.id);
            self.changed = Instant::now();
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
    use indicatif::ProgressStyle;

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}").is_ok());
    }
}
