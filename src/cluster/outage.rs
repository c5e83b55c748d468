//! What is said of watches that do not get an answer: one line for the server, and not one for each kind.
//!
//! A server that goes away breaks every watch within a moment, and each of them hears of it by itself. Decided here: what breaks
//! within a moment is told together, once, and none that has not been away itself for that long: a proxy cuts what is quiet, now one
//! and now another. More is told only where it has doubled meanwhile, so that one kind whose own server
//! is away never hides that all of them are; and that they work again is told when the last one does. The first that is answered
//! wakes the others, which have learned by then to wait for long.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What breaks within so long is told together, and what is back within so long is not told of.
const TOGETHER: Duration = Duration::from_secs(2);

/// The watches of a server that get no answer.
#[derive(Debug, Default)]
pub(super) struct Outage {
    silent: Mutex<Silent>,
    answers: Notify,
}

#[derive(Debug, Default)]
struct Silent {
    /// By their paths.
    watches: BTreeMap<String, Broken>,
    /// How many of those there are were told of.
    told: usize,
    /// Whether one that was answered has woken the others since the newest of them came.
    woken: bool,
}

/// A watch that gets no answer.
#[derive(Debug)]
struct Broken {
    since: Instant,
    /// Whether it asked again since then, and got no answer. Until then it was cut, and no more is known.
    failed: bool,
    /// What it heard last.
    said: String,
    /// Whether it is among those that were told of.
    told: bool,
}

impl Broken {
    fn lasts(&self, now: Instant) -> bool {
        self.failed && now.saturating_duration_since(self.since) >= TOGETHER
    }
}

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// How many watches get no answer.
    pub(super) watches: usize,
    /// One of them.
    pub(super) such_as: String,
    /// What it heard.
    pub(super) said: String,
}

impl Outage {
    fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watch that had worked was cut. A proxy does that to what is quiet: nothing is known until it has asked again.
    pub(super) fn cut(&self, path: &str, now: Instant) {
        let cut = || Broken { since: now, failed: false, said: String::new(), told: false };
        self.silent().watches.entry(path.to_owned()).or_insert_with(cut);
    }

    /// A watch got no answer.
    pub(super) fn broke(&self, path: &str, said: &str, now: Instant) {
        self.cut(path, now);
        let mut silent = self.silent();
        let Some(broken) = silent.watches.get_mut(path) else { return };
        said.clone_into(&mut broken.said);
        if !std::mem::replace(&mut broken.failed, true) {
            silent.woken = false;
        }
    }

    /// A watch that got no answer has one. It may break again before it tells anything: so it wakes the others once, and after that
    /// each waits its own time.
    pub(super) fn answers(&self, path: &str) {
        let mut silent = self.silent();
        if silent.watches.get(path).is_some_and(|broken| broken.failed) && !silent.woken {
            silent.woken = true;
            self.answers.notify_waiters();
        }
    }

    /// Whether a watch has been without an answer for so long that it is told of, or would be if others had not been.
    pub(super) fn lasts(&self, path: &str, now: Instant) -> bool {
        self.silent().watches.get(path).is_some_and(|broken| broken.lasts(now))
    }

    /// Waits until one of them has an answer.
    pub(super) async fn answered(&self) {
        self.answers.notified().await;
    }

    /// What is to be told now, if anything.
    pub(super) fn due(&self, now: Instant) -> Option<Told> {
        let mut silent = self.silent();
        let untold = || silent.watches.values().filter(|broken| !broken.told);
        let first = untold().filter(|broken| broken.failed).map(|broken| broken.since).min()?;
        let with_it =
            |broken: &Broken| broken.since.max(first).duration_since(broken.since.min(first)) < TOGETHER;
        // Those that broke in the same moment are waited for, to be told with it, or to be back.
        if untold().any(|broken| !broken.lasts(now) && with_it(broken)) {
            return None;
        }
        let lasting = silent.watches.values_mut().filter(|broken| broken.lasts(now));
        let watches = lasting.map(|broken| broken.told = true).count();
        if watches < silent.told * 2 {
            return None;
        }
        silent.told = watches;
        let (such_as, broken) = silent.watches.iter().find(|(_, broken)| broken.told)?;
        Some(Told { watches, such_as: such_as.clone(), said: broken.said.clone() })
    }

    /// A watch works. Says whether that was the last one of those that were told of.
    pub(super) fn works(&self, path: &str) -> bool {
        let mut silent = self.silent();
        if !silent.watches.remove(path).is_some_and(|broken| broken.failed) {
            return false;
        }
        let left = silent.watches.values().filter(|broken| broken.failed).count();
        let told = silent.told;
        silent.told = told.min(left);
        left == 0 && told > 0
    }
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod restarts;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outage: &Outage, at: Instant) -> Option<usize> {
        outage.due(at).map(|told| told.watches)
    }

    #[test]
    fn a_server_that_goes_away_is_one_line_however_many_watches_there_are() {
        let (outage, begun) = (Outage::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        for kind in 0..33 {
            outage.broke(&format!("/apis/{kind:02}"), "connection refused", begun);
            assert_eq!(told(&outage, at(1)), None, "they are gathered");
        }
        let expected =
            Told { watches: 33, such_as: "/apis/00".to_owned(), said: "connection refused".to_owned() };
        assert_eq!(outage.due(at(2)), Some(expected));
        for kind in 0..33 {
            outage.broke(&format!("/apis/{kind:02}"), "connection reset", at(3));
        }
        assert_eq!(told(&outage, at(600)), None, "once");
        let back: Vec<bool> = (0..33).map(|kind| outage.works(&format!("/apis/{kind:02}"))).collect();
        assert_eq!(back.iter().filter(|last| **last).count(), 1);
        assert!(back[32], "when the last one works");
        assert!(!outage.works("/apis/00"), "it worked before");
        outage.broke("/apis/00", "connection refused", at(700));
        assert_eq!(told(&outage, at(702)), Some(1), "another outage");
    }

    #[test]
    fn one_kind_hides_no_others_and_what_is_back_at_once_is_not_told_of() {
        let (outage, begun) = (Outage::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        outage.broke("/apis/a", "503", begun);
        assert_eq!(told(&outage, at(2)), Some(1));
        for kind in ["/apis/b", "/apis/c", "/apis/d"] {
            outage.broke(kind, "connection refused", at(10));
        }
        assert_eq!(told(&outage, at(12)), Some(4));
        outage.broke("/apis/e", "connection refused", at(20));
        assert_eq!(told(&outage, at(22)), None, "a straggler");
        for kind in ["/apis/b", "/apis/c", "/apis/d", "/apis/e"] {
            assert!(!outage.works(kind));
        }
        for kind in ["/apis/b", "/apis/c"] {
            outage.broke(kind, "connection refused", at(30));
        }
        assert_eq!(told(&outage, at(32)), Some(3), "again, after they had worked");
        let glitch = Outage::default();
        glitch.broke("/apis/a", "connection reset", begun);
        assert!(!glitch.works("/apis/a"));
        assert_eq!(told(&glitch, at(2)), None);
    }

    #[test]
    fn now_one_that_is_cut_and_now_another_is_no_outage() {
        let (outage, begun) = (Outage::default(), Instant::now());
        let at = |tenths: u64| begun + Duration::from_millis(tenths * 100);
        outage.broke("/apis/a", "connection reset", begun);
        assert!(!outage.works("/apis/a"), "it was proven");
        outage.broke("/apis/b", "connection reset", at(21));
        assert_eq!(told(&outage, at(24)), None);
        assert!(!outage.lasts("/apis/b", at(24)));
        // One that is still away counts for itself alone.
        outage.broke("/apis/c", "connection reset", at(42));
        assert_eq!(told(&outage, at(43)), Some(1), "b");
        assert!(outage.lasts("/apis/b", at(43)) && !outage.lasts("/apis/c", at(43)));
        assert!(!outage.works("/apis/c") && outage.works("/apis/b"));
    }

    #[test]
    fn those_that_hear_of_it_one_after_the_other_are_told_together() {
        let (outage, begun) = (Outage::default(), Instant::now());
        let at = |tenths: u64| begun + Duration::from_millis(tenths * 100);
        for kind in 0..10 {
            outage.cut(&format!("/apis/{kind}"), at(kind));
        }
        assert_eq!(told(&outage, at(60)), None, "nobody knows more than that they were cut");
        for kind in 0..10 {
            assert_eq!(told(&outage, at(60)), None, "some have not asked again");
            outage.broke(&format!("/apis/{kind}"), "connection refused", at(60));
        }
        assert_eq!(told(&outage, at(60)), Some(10));
        assert_eq!(told(&outage, at(90)), None);
        // One that is cut and answered meanwhile is not among them.
        outage.cut("/apis/quiet", at(91));
        let back: Vec<bool> = (0..10).map(|kind| outage.works(&format!("/apis/{kind}"))).collect();
        assert_eq!(back, [[false; 9].as_slice(), &[true]].concat());
        assert!(!outage.works("/apis/quiet"));
    }

    #[tokio::test]
    async fn the_first_that_is_answered_wakes_those_that_wait() {
        let outage = Outage::default();
        outage.broke("/apis/a", "connection refused", Instant::now());
        let mut waits = std::pin::pin!(outage.answered());
        assert!(futures::poll!(&mut waits).is_pending());
        outage.answers("/apis/b");
        assert!(futures::poll!(&mut waits).is_pending(), "it was never away");
        outage.answers("/apis/a");
        assert!(futures::poll!(&mut waits).is_ready());
        // One that is cut again before it tells anything wakes nobody any more.
        let mut waits = std::pin::pin!(outage.answered());
        assert!(futures::poll!(&mut waits).is_pending());
        outage.broke("/apis/a", "connection reset", Instant::now());
        outage.answers("/apis/a");
        assert!(futures::poll!(&mut waits).is_pending());
        // Another outage begins when one breaks that had worked.
        assert!(!outage.works("/apis/a"));
        outage.broke("/apis/a", "connection refused", Instant::now());
        outage.answers("/apis/a");
        assert!(futures::poll!(&mut waits).is_ready());
    }
}
