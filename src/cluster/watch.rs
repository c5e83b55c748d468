//! Watches: a list, then every change of it, into a ledger; and the proof that nothing is missing.
//!
//! Races decided here. A ledger and the version up to which it knows everything are changed together, and what is no newer
//! than that version is passed over: so a second watch may tell the same things beside the first, and a frame that comes
//! twice counts once. A new list is read into a fresh ledger that takes the old one's place when it is whole. Before each
//! watch the server is asked for the newest version there is, and the watch has to get there: one that goes on and tells of
//! an old state is found out by that. While a list is read, after a watch broke, and when one brought nothing for longer
//! than bookmarks take, the ledger is not alive; who asks then is told so, and lists for itself as if there were no watch.
//! So a watch that does not work costs requests and never a wrong answer: where it may not be opened at all, everything is
//! listed at each look, as a single look does it.
//!
//! Versions are compared as numbers, as the API has documented that they may be. Where they are none, there is no watch.

use super::frames::Frame;
use super::ledger::{Ledger, Served as _};
use super::moment::Moment;
use super::news::News;
use super::outage::{Outage, Told};
use super::pages::{Listed, PAGE};
use super::request::{Connection, unreadable};
use super::{ClusterError, ClusterResult, Freshness};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How long things are given. Real time: it tells who is alive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long a watch is asked for. A server tells the version once a minute and two seconds before that end.
    pub(super) lasts: Duration,
    /// The same for the first one after a list: it shows soon whether it works. A server whose etcd tells it every five seconds
    /// how far it is has heard that twice by then.
    pub(super) first: Duration,
    /// The same for one that proves that nothing is missing.
    pub(super) proof: Duration,
    /// So much longer than it was asked for a watch may be silent.
    pub(super) slack: Duration,
    /// How long to wait before a watch that broke is tried again: at first, and at most.
    pub(super) pauses: (Duration, Duration),
    /// How long to wait where it was refused for as long as the pauses grow: somebody has to change that first.
    pub(super) refused: Duration,
    /// How long it counts that a kind is not served.
    pub(super) unserved: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lasts: Duration::from_mins(1),
            first: Duration::from_secs(12),
            proof: Duration::from_secs(3),
            slack: Duration::from_secs(10),
            pauses: (Duration::from_millis(200), Duration::from_secs(30)),
            refused: Duration::from_mins(5),
            unserved: Duration::from_mins(3),
        }
    }
}

/// A server that begins may refuse everybody for about so long, which is not told.
const BEGINS: Duration = Duration::from_secs(3);

/// Those that are woken by the first that is answered come back within so long, and not all at once.
const SPREAD: Duration = Duration::from_secs(1);

/// A watch has worked that was open for so many times as long as was waited before it, and for half of a first one at least where
/// it was waited at all: what cuts sooner is no proxy that cuts what is quiet. Then it is not waited for longer the next time,
/// however often it is cut.
const SETTLED: u32 = 10;

/// So often a proof is tried: the server may not know the newest version itself at first.
const PROOFS: usize = 3;

/// A ledger, and how far it goes.
#[derive(Debug)]
pub(super) struct Held<L> {
    /// What is known.
    pub(super) ledger: L,
    /// Everything up to this version.
    version: u64,
    /// When the server last said something about the kind.
    heard: Moment,
    /// Whatever was so at this moment is known.
    known: Moment,
    /// About how many objects there are: by that goes how they are read, and nothing else.
    about: usize,
    /// How often anything was told of the kind but that nothing happened.
    changes: u64,
}

/// What a watch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It lists, and will soon know more.
    Listing,
    /// It follows what changes.
    Following,
    /// It does not work just now.
    Broken,
}

/// How a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// In its time, with everything that there was to tell.
    InTime,
    /// The server does not know any more what happened since our version.
    Expired,
    /// Long before its time, as a server ends all of them that goes away.
    Early,
    /// It told nothing, or less than there was.
    Behind,
    /// A reader found out that the server knows less than we do.
    PutBack,
}

/// What a watch meets again and again that does not work.
#[derive(Debug)]
struct Trouble {
    /// How long to wait before it is tried again.
    pauses: ExponentialBackoff,
    /// How long it was waited last.
    waited: Duration,
    /// When the last one was opened, where it was.
    opened: Option<Instant>,
    /// Whether the watch that ended last had hardly begun, or was never open: what lets it be proven does not let it live.
    flaps: bool,
    /// Whether what happened last is the cut of one that had worked. A proxy does that to what is quiet: only who gets no answer
    /// afterwards is without one.
    cut: bool,
    /// When it was refused first since a watch was last opened.
    refused_at: Option<Instant>,
    /// What was logged of it last.
    said: String,
}

/// What has to be known before anything that was so at a moment is.
#[derive(Debug, Clone, Copy)]
struct Goal {
    newest: u64,
    asked: Moment,
}

/// One kind that is watched.
#[derive(Debug)]
pub(super) struct Watch<L> {
    /// Where the kind is, and what a list of it calls itself.
    path: String,
    list: String,
    connection: Connection,
    pace: Pace,
    held: Arc<Mutex<Held<L>>>,
    phase: watch::Sender<Phase>,
    /// Told by who found out that what is held is of no use.
    put_back: Notify,
    /// The watches of the same server that get no answer.
    outage: Arc<Outage>,
    /// Where it is told that an object stands otherwise.
    news: News,
}

impl<L: Ledger> Watch<L> {
    /// One that has not begun. `empty` says how the ledger is kept.
    pub(super) fn new(connection: Connection, pace: Pace, empty: L, outage: Arc<Outage>, news: News) -> Self {
        let (path, list) = (empty.path().to_owned(), empty.list().to_owned());
        let phase = watch::Sender::new(Phase::Listing);
        let put_back = Notify::new();
        Self { path, list, connection, pace, held: once(empty), phase, put_back, outage, news }
    }

    /// What is known, for as long as nobody changes it.
    pub(super) fn held(&self) -> MutexGuard<'_, Held<L>> {
        lock(&self.held)
    }

    /// The same, to be kept.
    pub(super) fn share(&self) -> Arc<Mutex<Held<L>>> {
        Arc::clone(&self.held)
    }

    /// Whether what is known is as fresh as that. Waits for a list that is being read. A no is no fault: the caller lists.
    pub(super) async fn is(&self, freshness: Freshness) -> bool {
        let mut phase = self.phase.subscribe();
        let settled = phase.wait_for(|phase| *phase != Phase::Listing).await.map(|phase| *phase);
        if !matches!(settled, Ok(Phase::Following)) {
            return false;
        }
        let (heard, known, about) = {
            let held = self.held();
            (held.heard, held.known, held.about)
        };
        let Pace { lasts, slack, .. } = self.pace;
        match freshness {
            // What was asked for when a watch began has come by its end.
            Freshness::Watched => heard.elapsed() <= lasts + slack && known.elapsed() <= lasts * 2 + slack,
            // A single page is as cheap as the proof, and is one. That a server was put back does not show by it: the watch hears of it
            // when it asks for the newest version, which it does at its end.
            Freshness::Proven if about <= PAGE => false,
            Freshness::Proven => match self.prove().await {
                Ok(proven) => proven,
                Err(error) => {
                    tracing::warn!(path = %self.path, %error, "a watch could not show that it lives");
                    if is_expired(&error) {
                        // Nobody else is to be told of it either; and the watch may hear of it by itself only at its end.
                        self.phase.send_replace(Phase::Broken);
                        self.put_back.notify_waiters();
                    }
                    false
                }
            },
        }
    }

    /// A number that stays as it is for as long as nothing has changed of the kind, where the watch lives.
    pub(super) async fn stamp(&self) -> Option<u64> {
        self.is(Freshness::Watched).await.then(|| self.held().changes)
    }

    /// Whether the ledger holds everything up to a version that is asked for now. A second watch from where the ledger stands
    /// brings what the first has not brought yet.
    async fn prove(&self) -> ClusterResult<bool> {
        let goal = self.goal().await?;
        for _ in 0..PROOFS {
            if self.has_reached(goal) {
                return Ok(true);
            }
            let from = self.held().version;
            let mut frames = self.connection.watch(&self.path, from, self.pace.proof).await?;
            while !self.has_reached(goal) {
                let next = tokio::time::timeout(self.pace.proof + self.pace.slack, frames.next()).await;
                match next.map_err(|_| behind(&self.path, self.pace.proof))?? {
                    Some(Frame::Error(failure)) => return Err(frames.refusal(failure)),
                    Some(frame) => self.take(frame)?,
                    None => break,
                }
            }
        }
        Ok(self.has_reached(goal))
    }

    /// What is the newest now. A server that was put back from a backup knows less than we do, and other things: what we hold is of no
    /// use to it, as where it does not know any more what happened since.
    async fn goal(&self) -> ClusterResult<Goal> {
        let (asked, held) = (Moment::now(), self.held().version);
        let newest = number(&self.path, &self.connection.newest_version(&self.path).await?)?;
        if newest < held {
            let (what, said) =
                (format!("GET {}", self.path), format!("version {newest} after version {held}"));
            return Err(ClusterError::Refused { what, status: 410, said });
        }
        Ok(Goal { newest, asked })
    }

    fn has_reached(&self, goal: Goal) -> bool {
        let mut held = self.held();
        let reached = held.version >= goal.newest;
        if reached {
            held.known = held.known.max(goal.asked);
        }
        reached
    }

    /// Lists, follows, and begins again, until it is stopped.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let _ends = Ends(&self.phase);
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
        }
    }

    async fn work(&self) {
        let mut trouble = self.no_trouble();
        // Whether what is held may be followed, and whether it is known to lack nothing.
        let (mut whole, mut works) = (false, false);
        loop {
            let (listed, begins) = (!whole, !whole || !works);
            let mut followed = false;
            let error = match self.ready(whole, works).await {
                Ok(()) => {
                    (whole, works) = (true, true);
                    self.outage.answers(&self.path);
                    self.phase.send_replace(Phase::Following);
                    let lasts = if begins { self.pace.first } else { self.pace.lasts };
                    trouble.opened = None;
                    let ended = self.follow(lasts, &mut trouble).await;
                    // What was never open has not lived.
                    let lived = trouble.opened.map_or(Duration::ZERO, |at| at.elapsed());
                    trouble.flaps = lived < self.settled(trouble.waited);
                    followed = true;
                    match ended {
                        Ok(Ended::InTime) => {
                            trouble = self.no_trouble();
                            continue;
                        }
                        Ok(Ended::PutBack) => {
                            whole = false;
                            continue;
                        }
                        Ok(Ended::Expired) if !listed => {
                            whole = false;
                            continue;
                        }
                        Ok(Ended::Expired) => expired(&self.path),
                        Ok(Ended::Early) => early(&self.path),
                        Ok(Ended::Behind) => behind(&self.path, lasts),
                        Err(error) => error,
                    }
                }
                // A server that began again knows of nothing that was before: only a list helps, and that at once.
                Err(error) if whole && is_expired(&error) => {
                    whole = false;
                    continue;
                }
                Err(error) => error,
            };
            trouble.cut = followed && !trouble.flaps && matches!(error, ClusterError::Unavailable { .. });
            if trouble.cut {
                trouble.pauses = self.no_trouble().pauses;
                // One that got no answer before is still without one: whether it has one now shows when it asks again.
                self.outage.cut(&self.path, Instant::now());
            }
            works = false;
            self.rest(&error, &mut trouble).await;
            // After a cut the same version goes on. Whatever else it was, what is known may be wrong; and a server that was away for
            // longer may have been put back from a backup, and count on from there.
            let lasts = self.outage.lasts(&self.path, Instant::now());
            whole = whole && matches!(error, ClusterError::Unavailable { .. }) && !lasts;
        }
    }

    /// Sees to it that what is held may be followed.
    async fn ready(&self, whole: bool, works: bool) -> ClusterResult<()> {
        match (whole, works) {
            (true, true) => Ok(()),
            (true, false) if self.prove().await? => Ok(()),
            (true, false) => Err(behind(&self.path, self.pace.proof)),
            (false, _) => {
                self.phase.send_replace(Phase::Listing);
                self.list().await
            }
        }
    }

    /// How long a watch has to be open, that was waited for so long, to have worked.
    fn settled(&self, waited: Duration) -> Duration {
        if waited.is_zero() {
            return waited;
        }
        (waited * SETTLED).clamp(self.pace.first / 2, self.pace.first)
    }

    fn no_trouble(&self) -> Trouble {
        let (least, most) = self.pace.pauses;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(least)
            .with_max_delay(most)
            .with_jitter()
            .without_max_times()
            .build();
        let waited = Duration::ZERO;
        Trouble {
            pauses,
            waited,
            opened: None,
            flaps: false,
            cut: false,
            refused_at: None,
            said: String::new(),
        }
    }

    /// Waits before it is tried again. The same words are logged once.
    async fn rest(&self, error: &ClusterError, trouble: &mut Trouble) {
        self.phase.send_replace(Phase::Broken);
        // A kind that was taken away is as lasting as a right that was.
        let refused = matches!(
            error,
            ClusterError::Forbidden { .. }
                | ClusterError::Unauthorized { .. }
                | ClusterError::NotFound { .. }
        );
        // A server that is back refuses everybody whose rights it has not read yet, however long it was away. What is refused for
        // longer somebody has to change.
        if refused && trouble.refused_at.is_none() {
            *trouble =
                Trouble { refused_at: Some(Instant::now()), flaps: trouble.flaps, ..self.no_trouble() };
        }
        let most = self.pace.pauses.1;
        let refused_for = trouble.refused_at.filter(|_| refused).map(|at| at.elapsed());
        let next = trouble.pauses.next().unwrap_or(most);
        let pause = if refused_for.is_some_and(|long| long >= most) { self.pace.refused } else { next };
        trouble.waited = pause;
        if refused_for.is_none_or(|long| long >= most.min(BEGINS)) {
            self.tell(error, trouble);
        }
        let is_away = matches!(error, ClusterError::Unavailable { .. });
        // Where another one gets an answer the server is back.
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.outage.answered(), if is_away => {
                tokio::time::sleep(SPREAD.mul_f64(rand::random_range(0.0..1.0))).await;
            }
        }
        if let Some(Told { watches, such_as, said }) = self.outage.due(Instant::now()) {
            tracing::warn!(watches, %such_as, error = %said, "watches get no answer; meanwhile each look lists");
        }
    }

    /// Logs what a watch met, unless that is what was said last.
    fn tell(&self, error: &ClusterError, trouble: &mut Trouble) {
        let words = error.to_string();
        let is_news = words != trouble.said;
        trouble.said = words;
        // What the server as a whole is to blame for is told once for all of them.
        if let ClusterError::Unavailable { said, .. } = error {
            if is_news {
                tracing::debug!(path = %self.path, %error, "a watch gets no answer");
            }
            if !trouble.cut {
                self.outage.broke(&self.path, said, Instant::now());
            }
            return;
        }
        // A no is an answer.
        self.answered_again();
        if is_news {
            tracing::warn!(path = %self.path, %error, "a watch does not work; meanwhile each look lists");
        }
    }

    fn answered_again(&self) {
        if self.outage.works(&self.path) {
            tracing::info!("all watches get answers again");
        }
    }

    /// Reads a list into a fresh ledger, which takes the place of the old one when it is whole.
    async fn list(&self) -> ClusterResult<()> {
        let begun = Moment::now();
        let make = || (self.held().ledger.fresh(), 0_usize);
        let take = |(ledger, about): &mut (L, usize), object| {
            *about += 1;
            ledger.put(object, Timestamp::now())
        };
        let Listed { taken: (mut ledger, about), version } =
            self.connection.gather(&self.path, "", &self.list, make, take).await?;
        let version = number(&self.path, &version)?;
        let mut held = self.held();
        ledger.remember(&held.ledger);
        // What happened since the last one nobody has told. A watch that does not work lists all the time, and mostly nothing has.
        if held.version > 0 && ledger.standings() != held.ledger.standings() {
            self.news.tell();
        }
        let changes = held.changes + 1;
        *held = Held { ledger, version, heard: begun, known: begun, about, changes };
        Ok(())
    }

    /// Follows from the version that is held, to the end of the watch. Notes when that was opened: one that was is not refused any
    /// more, which no list shows, since that is another right.
    async fn follow(&self, lasts: Duration, trouble: &mut Trouble) -> ClusterResult<Ended> {
        let mut put_back = std::pin::pin!(self.put_back.notified());
        let goal = self.goal().await?;
        let (from, begun) = (self.held().version, Instant::now());
        let mut frames = match self.connection.watch::<L::Object>(&self.path, from, lasts).await {
            Err(error) if is_expired(&error) => return Ok(Ended::Expired),
            opened => opened?,
        };
        trouble.opened = Some(Instant::now());
        trouble.refused_at = None;
        // Lists may be answered where no watch is. One that died young has to tell something first.
        if !trouble.flaps {
            self.answered_again();
        }
        let mut heard = false;
        loop {
            let next = tokio::select! {
                () = &mut put_back => return Ok(Ended::PutBack),
                next = tokio::time::timeout(lasts + self.pace.slack, frames.next()) => next,
            };
            let Ok(next) = next else { return Ok(Ended::Behind) };
            match next? {
                None if heard && self.has_reached(goal) => return Ok(Ended::InTime),
                None if begun.elapsed() < lasts / 2 => return Ok(Ended::Early),
                None => return Ok(Ended::Behind),
                Some(Frame::Error(failure)) => {
                    let refusal = frames.refusal(failure);
                    return if is_expired(&refusal) { Ok(Ended::Expired) } else { Err(refusal) };
                }
                Some(frame) => {
                    self.take(frame)?;
                    if !heard {
                        self.answered_again();
                    }
                    heard = true;
                    self.has_reached(goal);
                }
            }
        }
    }

    /// Takes a frame, unless what it tells is known.
    fn take(&self, frame: Frame<L::Object>) -> ClusterResult<()> {
        let now = Timestamp::now();
        let version = match &frame {
            Frame::Added(object) | Frame::Modified(object) | Frame::Deleted(object) => {
                number(&self.path, object.version())?
            }
            Frame::Bookmark(mark) => number(&self.path, mark.version())?,
            Frame::Error(_) => return Ok(()),
        };
        let mut held = self.held();
        held.heard = Moment::now();
        if version <= held.version {
            return Ok(());
        }
        held.changes += u64::from(!matches!(frame, Frame::Bookmark(_)));
        let place = match &frame {
            Frame::Added(object) | Frame::Modified(object) | Frame::Deleted(object) => {
                let (namespace, name) = object.place();
                Some((namespace.to_owned(), name.to_owned()))
            }
            Frame::Bookmark(_) | Frame::Error(_) => None,
        };
        let standing =
            |ledger: &L| place.as_ref().and_then(|(namespace, name)| ledger.standing((namespace, name)));
        let before = standing(&held.ledger);
        match frame {
            Frame::Added(object) => {
                held.about += 1;
                held.ledger.put(object, now).map_err(|said| unreadable(&self.path, &said))?;
            }
            Frame::Modified(object) => {
                held.ledger.put(object, now).map_err(|said| unreadable(&self.path, &said))?;
            }
            Frame::Deleted(object) => {
                held.about = held.about.saturating_sub(1);
                held.ledger.remove(object.place());
            }
            Frame::Bookmark(_) => held.ledger.tidy(now),
            Frame::Error(_) => {}
        }
        if standing(&held.ledger) != before {
            self.news.tell();
        }
        held.version = version;
        Ok(())
    }
}

/// Whatever ends a watch, nobody waits for it any more.
struct Ends<'a>(&'a watch::Sender<Phase>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.send_replace(Phase::Broken);
    }
}

/// What was listed once, in the shape of what is watched.
pub(super) fn once<L>(ledger: L) -> Arc<Mutex<Held<L>>> {
    let now = Moment::now();
    Arc::new(Mutex::new(Held { ledger, version: 0, heard: now, known: now, about: 0, changes: 0 }))
}

pub(super) fn lock<L>(held: &Mutex<Held<L>>) -> MutexGuard<'_, Held<L>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(path: &str, version: &str) -> ClusterResult<u64> {
    version.parse().map_err(|_| unreadable(path, &format!("a version that is no number: {version:?}")))
}

/// Where this is wrong, a new list is the only way on.
fn behind(path: &str, lasts: Duration) -> ClusterError {
    unreadable(path, &format!("a watch of {} s did not tell everything", lasts.as_secs()))
}

/// Whether the server does not know any more what happened since a version.
fn is_expired(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Refused { status: 410, .. })
}

/// Nothing that was told is wrong by it: what was not told is asked for from there.
fn early(path: &str) -> ClusterError {
    ClusterError::Unavailable {
        what: format!("watch {path}"),
        said: "it ended long before its time".to_owned(),
    }
}

fn expired(path: &str) -> ClusterError {
    unreadable(path, &"a version that was listed just now is too old already")
}

#[cfg(test)]
#[path = "watch_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[path = "rest_tests.rs"]
mod rest_tests;
