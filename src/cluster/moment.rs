//! A moment by both clocks, for whatever may be out of date before we know: our own stands still while the machine sleeps, and
//! the day's may be set meanwhile.

use jiff::Timestamp;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    ours: Instant,
    day: Timestamp,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { ours: Instant::now(), day: Timestamp::now() }
    }

    /// How long ago it was, by the clock that says more.
    pub(super) fn elapsed(self) -> Duration {
        let by_day = Duration::try_from(Timestamp::now().duration_since(self.day)).unwrap_or_default();
        self.ours.elapsed().max(by_day)
    }

    /// As if the machine had slept since then.
    #[cfg(test)]
    pub(super) fn before_a_sleep_of(self, slept: Duration) -> Self {
        Self { day: self.day - slept, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_sleep_counts_and_a_day_that_was_set_back_does_not() {
        let now = Moment::now();
        assert!(now.elapsed() < HOUR);
        assert!(now.before_a_sleep_of(HOUR).elapsed() >= HOUR);
        let ahead = Moment { day: now.day + HOUR, ..now };
        assert!(ahead.elapsed() < HOUR);
        let long_ago =
            Moment { ours: now.ours.checked_sub(Duration::from_secs(2)).unwrap_or(now.ours), ..ahead };
        assert!(long_ago.elapsed() >= Duration::from_secs(2) || long_ago.ours == now.ours);
    }
}
