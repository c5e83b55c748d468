//! `/healthz` says that the process answers. `/readyz` says whether it can do its work, check by check.
//!
//! A run that cannot go on because its issue or its journal cannot be read is named as well, and so is a repository that
//! was renamed, archived or taken away; both leave caretaker ready: it still takes deliveries and works on the others, and
//! a forge sends no delivery twice.
//!
//! The worker tells [`Readiness`] of every contact and every round; nothing is asked of forge or cluster here, so that
//! probes cost them nothing. What they said when they failed stays off this listener, which others than the operator
//! may reach: the log and the page have it.

use crate::forge::RepositoryName;
use crate::health::Blocked;
use crate::store::{Store, StoreResult};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the store may take to say how it is.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);

/// Whom caretaker needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The Git server.
    Forge,
    /// The Kubernetes cluster.
    Cluster,
}

/// What is known of a peer.
#[derive(Debug, Clone, Default)]
struct Contact {
    /// When it was last in order, by two clocks: one to show, one to reckon with.
    answered: Option<(Timestamp, Instant)>,
    /// What was wrong the last time, if it was.
    error: Option<String>,
}

/// How the parts that run beside the listeners are. Shared; the worker writes it.
#[derive(Debug)]
pub(crate) struct Readiness {
    state: Mutex<Contacts>,
    contact_max_age: Duration,
    worker_max_age: Duration,
    free_minimum: u64,
}

#[derive(Debug, Default)]
struct Contacts {
    forge: Contact,
    cluster: Contact,
    looped: Option<(Timestamp, Instant)>,
    looks: u64,
    /// What is wrong with a repository's run, where the issue itself cannot say it.
    runs: BTreeMap<RepositoryName, String>,
    /// Why a repository cannot be worked in.
    repositories: BTreeMap<RepositoryName, String>,
    /// How the gate of each repository that has a run was found by its last look.
    gates: BTreeMap<RepositoryName, GateSeen>,
}

/// A gate as a look found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GateSeen {
    /// When.
    pub(crate) at: Timestamp,
    /// What keeps it closed; nothing where it is open.
    pub(crate) blocked: Vec<Blocked>,
}

/// One line of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// Whether it is in order.
    pub(super) ok: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'static str>,
    /// When it was last in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Timestamp>,
}

/// Everything that `/readyz` looks at.
#[derive(Debug, Serialize)]
struct Checks {
    store: Check,
    forge: Check,
    cluster: Check,
    worker: Check,
    runs: Check,
    repositories: Check,
}

#[derive(Debug, Serialize)]
struct Report {
    ready: bool,
    checks: Checks,
}

impl Readiness {
    /// Nothing is known yet: not ready.
    pub(crate) fn new(settings: &super::Settings) -> Self {
        Self {
            state: Mutex::default(),
            contact_max_age: settings.contact_max_age(),
            worker_max_age: settings.worker_max_age(),
            free_minimum: settings.store_free_minimum_bytes,
        }
    }

    /// A peer answered in order.
    pub(crate) fn answered(&self, peer: Peer) {
        let now = (Timestamp::now(), Instant::now());
        *self.state().contact(peer) = Contact { answered: Some(now), error: None };
    }

    /// A peer did not answer, or refused.
    pub(crate) fn failed(&self, peer: Peer, error: String) {
        self.state().contact(peer).error = Some(error);
    }

    /// The worker ended a look at a repository.
    pub(crate) fn looped(&self) {
        let mut state = self.state();
        state.looped = Some((Timestamp::now(), Instant::now()));
        state.looks += 1;
    }

    /// How many looks there were since the start.
    pub(super) fn looks(&self) -> u64 {
        self.state().looks
    }

    /// How long ago the last look ended; `None` before the first.
    pub(super) fn last_look_age(&self) -> Option<Duration> {
        self.state().looped.map(|(_, at)| at.elapsed())
    }

    /// What is wrong with a repository's run and cannot be said in its issue; `None`: nothing.
    pub(crate) fn run_says(&self, repository: &RepositoryName, what: Option<String>) {
        let mut state = self.state();
        match what {
            Some(what) => state.runs.insert(repository.clone(), what),
            None => state.runs.remove(repository),
        };
    }

    /// What keeps the next change of a repository's run back, as a look at this moment found.
    pub(crate) fn gate_says(&self, repository: &RepositoryName, at: Timestamp, blocked: Vec<Blocked>) {
        self.state().gates.insert(repository.clone(), GateSeen { at, blocked });
    }

    /// A look that began at this moment is over. Where it did not come to the gate (no run, the lock is another's, something
    /// does not answer), nobody knows how that is: what an earlier one found may be so no more.
    pub(crate) fn looked_for_gate(&self, repository: &RepositoryName, began: Timestamp) {
        let mut state = self.state();
        if state.gates.get(repository).is_some_and(|seen| seen.at < began) {
            state.gates.remove(repository);
        }
    }

    /// The same of every repository that has a run, for those who may know.
    pub(crate) fn gates(&self) -> BTreeMap<RepositoryName, GateSeen> {
        self.state().gates.clone()
    }

    /// Why a repository cannot be worked in, in words that follow its name; `None`: it can.
    pub(crate) fn repository_says(&self, repository: &RepositoryName, why: Option<String>) {
        let mut state = self.state();
        match why {
            Some(why) => state.repositories.insert(repository.clone(), why),
            None => state.repositories.remove(repository),
        };
    }

    /// Which repositories cannot be worked in, and why, for those who may know.
    pub(crate) fn repositories_error(&self) -> Option<String> {
        let state = self.state();
        let lines: Vec<String> =
            state.repositories.iter().map(|(repository, why)| format!("{repository} {why}")).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// Whether every repository can be worked in.
    pub(super) fn repositories(&self) -> Check {
        let ok = self.state().repositories.is_empty();
        let why = (!ok).then_some("a repository cannot be worked in; the log and the page say why");
        Check { ok, why, last: None }
    }

    /// What is wrong with runs, for those who may know.
    pub(crate) fn runs_error(&self) -> Option<String> {
        let state = self.state();
        let lines: Vec<String> =
            state.runs.iter().map(|(repository, what)| format!("{repository}: {what}")).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// How the runs are.
    pub(super) fn runs(&self) -> Check {
        let ok = self.state().runs.is_empty();
        let why =
            (!ok).then_some("a run cannot go on and its issue cannot say so; the log and the page say why");
        Check { ok, why, last: None }
    }

    /// What a peer said when it failed the last time, if it did, for those who may know.
    pub(crate) fn error(&self, peer: Peer) -> Option<String> {
        self.state().contact(peer).error.clone()
    }

    /// How a peer is.
    pub(super) fn peer(&self, peer: Peer) -> Check {
        let mut state = self.state();
        let contact = state.contact(peer);
        let why = match (contact.answered, contact.error.is_some()) {
            (_, true) => Some("the last request failed; the log and the page say how"),
            (None, false) => Some("not asked yet"),
            (Some((_, at)), false) => (at.elapsed() > self.contact_max_age)
                .then_some("no answer for longer than contact_max_age_seconds"),
        };
        Check { ok: why.is_none(), why, last: contact.answered.map(|(at, _)| at) }
    }

    /// How the worker is.
    pub(super) fn worker(&self) -> Check {
        let looped = self.state().looped;
        let why = match looped {
            None => Some("not started yet"),
            Some((_, at)) => (at.elapsed() > self.worker_max_age)
                .then_some("no new round for longer than worker_max_age_seconds"),
        };
        Check { ok: why.is_none(), why, last: looped.map(|(at, _)| at) }
    }

    /// How the store is: whether it takes a write, in time, and whether its disk has room for more.
    pub(super) async fn store(&self, store: &Arc<Store>) -> Check {
        let asking = Arc::clone(store);
        let why = match tokio::time::timeout(STORE_TIMEOUT, asked(asking)).await {
            Err(_) => Some("the store did not take a write in time"),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the store cannot be written");
                Some("the store cannot be written; the log says why")
            }
            Ok(Ok(free)) => free
                .is_some_and(|free| free < self.free_minimum)
                .then_some("the store's disk has less room than store_free_minimum_bytes"),
        };
        Check { ok: why.is_none(), why, last: None }
    }

    fn state(&self) -> MutexGuard<'_, Contacts> {
        // Plain facts, whole after every statement, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contacts {
    fn contact(&mut self, peer: Peer) -> &mut Contact {
        match peer {
            Peer::Forge => &mut self.forge,
            Peer::Cluster => &mut self.cluster,
        }
    }
}

/// Writes to the store, and asks how much room there is.
async fn asked(store: Arc<Store>) -> StoreResult<Option<u64>> {
    store.check_writable().await?;
    // A disk that hangs must hold up no other request.
    let asking = tokio::task::spawn_blocking(move || store.free_bytes());
    asking.await.unwrap_or(Ok(None))
}

/// What the handlers need.
#[derive(Debug, Clone)]
pub(super) struct HealthState {
    pub(super) store: Arc<Store>,
    pub(super) readiness: Arc<Readiness>,
}

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

pub(super) async fn ready(State(state): State<HealthState>) -> Response {
    let checks = Checks {
        store: state.readiness.store(&state.store).await,
        forge: state.readiness.peer(Peer::Forge),
        cluster: state.readiness.peer(Peer::Cluster),
        worker: state.readiness.worker(),
        runs: state.readiness.runs(),
        repositories: state.readiness.repositories(),
    };
    let ready = [&checks.store, &checks.forge, &checks.cluster, &checks.worker].iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Report { ready, checks })).into_response()
}
