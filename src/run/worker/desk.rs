//! What the worker keeps of each repository between two looks: when it is due, how it stands, what was said of it.
//!
//! Races decided here: a repository is looked at when it is due, and a hint makes it due at once, so that one that is busy
//! costs the others no requests; the ordinary looks are spread, so that many repositories are not asked for in one moment;
//! what cannot be done somewhere is said when it begins and when it changes, never at each look.

use super::beside::Waiting;
use super::missed::Watch;
use super::{Next, RunError, Standing, chain};
use crate::run::observe::Asking;
use crate::run::repository_file::Remembered;
use crate::run::settings::Repository as RepositorySettings;
use crate::timing::Timing;
use std::time::{Duration, Instant};

/// How long to wait after a look that failed; longer after each further one. Real time, never scaled.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// The longest of these waits: a person's stop is read soon after the forge is back.
const LONGEST_AFTER_ERROR: Duration = Duration::from_secs(20);

/// One repository that is looked after.
#[derive(Debug)]
pub(super) struct Desk {
    /// Its settings.
    pub(super) settings: RepositorySettings,
    /// The forge's number of it, where the store knows that it has this name.
    pub(super) id: Option<u64>,
    /// When it is looked at next.
    due: Instant,
    /// Something was done: look again at once.
    pub(super) again: bool,
    /// The world is awaited: what comes next may be ours to do.
    pub(super) busy: bool,
    /// Of how much of what tasks name the next look asks again: of few where only the time calls for it.
    pub(super) asking: Asking,
    /// How many looks in a row failed that may not fail the next time.
    failures: u32,
    /// Whether the last look asked for the cluster's lock.
    pub(super) wants_lock: bool,
    /// How it stands where nothing can be done.
    pub(super) standing: Standing,
    /// What is wrong with it.
    pub(super) said: Option<String>,
    /// What the looks saw, to tell of events that never arrived.
    pub(super) watch: Watch,
    /// Its own file, as it was last read.
    pub(super) file: Option<Remembered>,
    /// What is said in issues that wait for their turn.
    pub(super) waiting: Waiting,
}

impl Desk {
    /// One that is due at once. What its looks are compared with at first is the caller's to say.
    pub(super) fn new(settings: RepositorySettings, watch: Watch) -> Self {
        Self {
            settings,
            id: None,
            due: Instant::now(),
            again: false,
            busy: false,
            asking: Asking::All,
            failures: 0,
            wants_lock: false,
            standing: Standing::NoIssue,
            said: None,
            watch,
            file: None,
            waiting: Waiting::default(),
        }
    }

    /// Whether it is to be looked at now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }

    /// How long until then.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    /// Something says that it is worth a look.
    pub(super) fn call(&mut self) {
        self.due = Instant::now();
        self.asking = Asking::All;
    }

    /// Something in the cluster says that it is worth a look: the forge is asked about no more than when the time calls for one.
    pub(super) fn stir(&mut self) {
        self.due = Instant::now();
    }

    /// Whether it follows what happens in the cluster: the world is awaited. Where that are people, the hour or another's lock, and
    /// where a look failed, nothing in the cluster helps, and the forge is not to be asked for it more often.
    pub(super) fn follows(&self) -> bool {
        self.busy
    }

    /// Whether a look failed that may not fail the next time.
    pub(super) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// What came of a look. Says whether that is bad news: wrong since this look, or wrong in another way.
    pub(super) fn note(&mut self, result: &Result<Next, RunError>, timing: &Timing) -> bool {
        let (failures, said) = (std::mem::take(&mut self.failures), self.said.take());
        self.again = matches!(result, Ok(Next::Now));
        self.busy = matches!(result, Ok(Next::Soon));
        self.asking = match result {
            Ok(Next::Soon | Next::Later(_)) => Asking::Few,
            Ok(Next::Now) | Err(_) => Asking::All,
        };
        let mut news = false;
        let wait = match result {
            Ok(Next::Now) => Duration::ZERO,
            Ok(Next::Soon) => timing.poll(),
            Ok(Next::Later(standing)) => {
                self.standing = standing.clone();
                if let Standing::Unusable { why, .. } = standing {
                    news = self.say(said.as_deref(), why);
                }
                timing.reconcile()
            }
            Err(error) => {
                self.standing = Standing::Obstacles;
                news = self.say(said.as_deref(), &format!("the look failed: {}", chain(error)));
                // What only a person can mend is not asked for every few seconds.
                if error.needs_person() {
                    timing.reconcile()
                } else {
                    self.failures = failures + 1;
                    (AFTER_ERROR * self.failures).min(LONGEST_AFTER_ERROR)
                }
            }
        };
        if said.is_some() && self.said.is_none() {
            tracing::info!("it can be looked at again");
        }
        self.due = Instant::now() + wait + wait.mul_f64(rand::random_range(0.0..0.1));
        news
    }

    /// Remembers what is wrong, and says whether that is news.
    fn say(&mut self, before: Option<&str>, what: &str) -> bool {
        self.said = Some(what.to_owned());
        before != Some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::ForgeError;

    fn silent() -> Result<Next, RunError> {
        let (what, said) = ("GET /repos/ops/homelab".to_owned(), "nothing".to_owned());
        Err(RunError::Forge(ForgeError::Unavailable { what, said, retry_after: None }))
    }

    fn gone(settings: &RepositorySettings) -> Next {
        let why = "is gone".to_owned();
        Next::Later(Standing::Unusable { repository: settings.name.clone(), why })
    }

    #[test]
    fn a_look_that_fails_is_tried_again_soon_then_less_often_and_what_a_person_must_mend_at_the_ordinary_pace()
     {
        let settings = RepositorySettings::new("ops/homelab".parse().expect("a name"));
        let timing = Timing::default();
        let mut desk = Desk::new(settings.clone(), Watch::fresh());
        assert!(desk.is_due(Instant::now()));
        let seconds = |desk: &Desk| desk.left(Instant::now()).as_secs_f64();
        for wait in [5.0, 10.0, 15.0, 20.0, 20.0] {
            desk.note(&silent(), &timing);
            assert!((wait - 1.0..wait * 1.1).contains(&seconds(&desk)), "{wait}: {}", seconds(&desk));
            assert!(desk.has_failed() && !desk.busy && !desk.again && desk.asking == Asking::All);
        }
        for result in
            [Ok(gone(&settings)), Err(RunError::Forge(ForgeError::Unauthorized { said: String::new() }))]
        {
            desk.note(&result, &timing);
            assert!(seconds(&desk) > timing.reconcile_seconds - 1.0 && !desk.has_failed());
        }
        desk.call();
        assert!(desk.is_due(Instant::now()), "a hint makes it due at once");
        assert_eq!(desk.asking, Asking::All, "and asks about everything");
        desk.note(&Ok(Next::Soon), &timing);
        assert_eq!(desk.asking, Asking::Few, "only the time calls for the next look");
        assert!(desk.busy && seconds(&desk) <= timing.poll_seconds * 1.1);
        desk.note(&Ok(Next::Now), &timing);
        assert!(desk.again && desk.asking == Asking::All && desk.is_due(Instant::now()));
    }

    #[test]
    fn only_who_waits_for_the_world_follows_what_happens_in_the_cluster() {
        let settings = RepositorySettings::new("ops/homelab".parse().expect("a name"));
        let mut desk = Desk::new(settings.clone(), Watch::fresh());
        let later = |standing| Ok(Next::Later(standing));
        let refused = ForgeError::Unauthorized { said: String::new() };
        let results = [
            (Ok(Next::Soon), true),
            (Ok(Next::Now), false),
            (later(Standing::NoIssue), false),
            (later(Standing::People), false),
            (later(Standing::Window { opens: jiff::Timestamp::UNIX_EPOCH }), false),
            (later(Standing::Obstacles), false),
            (later(Standing::Paused), false),
            (later(Standing::Locked { holder: "another".to_owned() }), false),
            (Ok(gone(&settings)), false),
            (silent(), false),
            (Err(RunError::Forge(refused)), false),
        ];
        for (result, follows) in results {
            desk.note(&Ok(Next::Soon), &Timing::default());
            desk.note(&result, &Timing::default());
            assert_eq!(desk.follows(), follows, "{result:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_news_when_it_begins_and_when_it_changes() {
        let settings = RepositorySettings::new("ops/homelab".parse().expect("a name"));
        let timing = Timing::default();
        let mut desk = Desk::new(settings.clone(), Watch::fresh());
        let gone = Ok(gone(&settings));
        assert!(desk.note(&gone, &timing));
        assert!(!desk.note(&gone, &timing), "said once");
        assert!(desk.note(&silent(), &timing), "something else");
        assert!(!desk.note(&silent(), &timing));
        assert!(!desk.note(&Ok(Next::Soon), &timing));
        assert!(desk.note(&gone, &timing), "again, after it had gone");
    }
}
