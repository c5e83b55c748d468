//! The circuit that opens when the forge is down.
//!
//! A forge that does not answer is asked less and less, not more and more: after some failures in a row nothing goes out
//! but, after a pause, one read as a probe. The longest pause is short, since a person's stop is read through the same
//! door. What counts as down: no connection, a connection that breaks before any answer, and what a proxy in front of a
//! stopped server says (502, 503, 504). A request that takes too long and an error of the server's own (500) are answers
//! about one request, not about the server.
//!
//! Races decided here: many requests may fail or ask at once. Only the first of them gets through as the probe, and it pushes
//! the next probe away at once, so that one that is dropped in the middle blocks nobody.

use std::time::{Duration, Instant};

/// So many failures in a row: two reads with all their tries.
const FAILURES: u32 = 8;
/// The first pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest wait that a server may ask for. What asks for more is asked again after that.
const LONGEST_ASKED: Duration = Duration::from_mins(2);

/// Whether requests go out.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    pause: Duration,
    /// When the next probe may go out.
    until: Instant,
    /// Whether one is under way: only its failure makes the pause longer, not that of what was on its way before.
    probing: bool,
    /// What was seen last.
    said: String,
}

/// A request that does not go out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeldBack {
    /// How long until the next probe.
    pub(super) wait: Duration,
    /// Why, for people.
    pub(super) why: String,
}

impl Circuit {
    /// Whether a request may go out now.
    pub(super) fn ask(&mut self, now: Instant, is_read: bool) -> Result<(), HeldBack> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if now >= open.until && is_read {
            open.until = now + open.pause;
            open.probing = true;
            return Ok(());
        }
        let wait = open.until.saturating_duration_since(now);
        let why = format!(
            "not asked, since it has been down for {} seconds ({})",
            now.saturating_duration_since(open.since).as_secs(),
            open.said
        );
        Err(HeldBack { wait, why })
    }

    /// The server answered, whatever it said.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// The server seems to be down.
    pub(super) fn failed(&mut self, now: Instant, said: &str) {
        self.failures = self.failures.saturating_add(1);
        match &mut self.open {
            Some(open) => {
                if std::mem::take(&mut open.probing) {
                    open.pause = (open.pause * 2).min(LONGEST);
                    open.until = now + open.pause;
                }
                said.clone_into(&mut open.said);
            }
            None if self.failures >= FAILURES => self.open(now, SHORTEST, said),
            None => {}
        }
    }

    /// The server asked to be left alone for a while.
    pub(super) fn asked_to_wait(&mut self, now: Instant, wait: Duration, said: &str) {
        self.open(now, wait.min(LONGEST_ASKED), said);
    }

    fn open(&mut self, now: Instant, pause: Duration, said: &str) {
        let since = self.open.as_ref().map_or(now, |open| open.since);
        self.open = Some(Open {
            since,
            pause: pause.clamp(SHORTEST, LONGEST),
            until: now + pause,
            probing: false,
            said: said.to_owned(),
        });
    }

    /// Why nothing goes out; `None` while requests do.
    pub(super) fn down(&self, now: Instant) -> Option<String> {
        let open = self.open.as_ref()?;
        Some(format!(
            "down for {} seconds: {}",
            now.saturating_duration_since(open.since).as_secs(),
            open.said
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(10);

    fn opened(now: Instant) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..FAILURES {
            assert_eq!(circuit.ask(now, true), Ok(()));
            circuit.failed(now, "refused");
        }
        circuit
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_only_then() {
        let now = Instant::now();
        let mut circuit = Circuit::default();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                circuit.failed(now, "refused");
            }
            circuit.answered();
        }
        assert_eq!(circuit.ask(now, true), Ok(()));
        assert_eq!(circuit.down(now), None);
        let mut circuit = opened(now);
        let held = circuit.ask(now + MOMENT, true).expect_err("it is open");
        assert!(held.why.contains("refused"), "{}", held.why);
        assert_eq!(held.wait, Duration::from_millis(990));
        assert!(circuit.down(now).is_some_and(|why| why.contains("refused")));
    }

    #[test]
    fn one_read_is_the_probe_and_an_answer_closes_it() {
        let now = Instant::now();
        let mut circuit = opened(now);
        let due = now + SHORTEST;
        assert!(circuit.ask(due, false).is_err(), "a write is no probe");
        assert_eq!(circuit.ask(due, true), Ok(()));
        assert!(circuit.ask(due, true).is_err(), "one, not two");
        circuit.answered();
        assert_eq!(circuit.ask(due, false), Ok(()));
    }

    #[test]
    fn the_pauses_grow_to_a_bound_and_a_lost_probe_blocks_nobody() {
        let mut now = Instant::now();
        let mut circuit = opened(now);
        let mut pauses = Vec::new();
        for _ in 0..5 {
            let wait = circuit.ask(now, true).expect_err("it is open").wait;
            pauses.push(wait.as_secs());
            now += wait;
            assert_eq!(circuit.ask(now, true), Ok(()));
            circuit.failed(now, "refused");
        }
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
        now += LONGEST;
        assert_eq!(circuit.ask(now, true), Ok(()), "and nothing comes of it");
        assert_eq!(circuit.ask(now + LONGEST, true), Ok(()));
    }

    #[test]
    fn what_was_on_its_way_does_not_make_the_pause_longer() {
        let now = Instant::now();
        let mut circuit = opened(now);
        for _ in 0..5 {
            circuit.failed(now + MOMENT, "refused");
        }
        assert_eq!(circuit.ask(now + SHORTEST, true), Ok(()), "the first pause is as it was");
        for _ in 0..5 {
            circuit.failed(now + SHORTEST + MOMENT, "refused");
        }
        let wait = circuit.ask(now + SHORTEST + MOMENT, true).expect_err("it is open").wait;
        assert_eq!(wait, SHORTEST * 2, "one probe failed, not five");
    }

    #[test]
    fn a_wait_that_the_server_asks_for_is_kept_within_reason() {
        let now = Instant::now();
        for (asked, held) in [(30, 30), (100_000, LONGEST_ASKED.as_secs())] {
            let mut circuit = Circuit::default();
            circuit.asked_to_wait(now, Duration::from_secs(asked), "too many requests");
            let wait = circuit.ask(now, true).expect_err("it is open").wait;
            assert_eq!(wait.as_secs(), held);
            assert_eq!(circuit.ask(now + wait, true), Ok(()));
        }
    }
}
