//! The cluster's lock, as the worker sees it: ours, another's, or not to be read.
//!
//! Races decided here: the lock is renewed long before it ends, between looks as well, so that a change in flight never
//! loses it to the time that a wait takes; it is given back as soon as nothing of ours can happen, so that another
//! caretaker need not wait for people.

use super::{Worker, chain};
use crate::cluster::{LEASE_DURATION, LeaseAnswer, LeaseHolder};
use crate::web::Peer;
use crate::wording;
use std::time::Duration;

/// The lock is taken again when it would hold for less than this. Real time, never scaled.
const MARGIN: Duration = Duration::from_secs(15);

/// How often the lock is thought of between two looks: renewed where it is ours, asked for where it is another's. Real
/// time, never scaled.
pub(super) const RENEWAL: Duration = Duration::from_secs(8);

/// How long `caretaker run` waits for another's lock: one that nobody renews has run out by then. Real time.
pub(super) const PATIENCE: Duration = LEASE_DURATION.saturating_add(MARGIN);

/// Whether the cluster's lock is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) enum Lock {
    /// It is ours.
    Held,
    /// Another caretaker's: it works, and its status is the one that people read.
    HeldBy(LeaseHolder),
    /// Nobody knows whose it is. What failed and what a person does next.
    Unreadable(String),
}

impl Lock {
    /// Whether nothing has changed that makes a look worth its requests: that another renews its lock is no news.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::HeldBy(one), Self::HeldBy(other)) => one.identity == other.identity,
            _ => self == other,
        }
    }
}

impl Worker {
    /// Takes or keeps the cluster's lock.
    pub(super) async fn lock(&mut self) -> Lock {
        let lock = self.ask_for_lock().await;
        self.asked = Some(lock.clone());
        lock
    }

    /// Keeps the lock where it is ours, while something else takes long.
    pub(super) async fn keep_lock(&mut self) {
        if self.lease.is_some() {
            self.ask_for_lock().await;
        }
    }

    async fn ask_for_lock(&mut self) -> Lock {
        if self.lease.as_ref().is_some_and(|lease| lease.holds_for(MARGIN)) {
            return Lock::Held;
        }
        let readiness = &self.parts.readiness;
        match self.parts.cluster.acquire_lease(&self.holder).await {
            Ok(LeaseAnswer::Held(lease)) => {
                readiness.answered(Peer::Cluster);
                self.lease = Some(lease);
                Lock::Held
            }
            Ok(LeaseAnswer::HeldBy(holder)) => {
                readiness.answered(Peer::Cluster);
                self.lease = None;
                Lock::HeldBy(holder)
            }
            Err(error) => {
                // It holds to its end all the same, and is asked for again before that.
                self.lease = self.lease.take().filter(|lease| lease.holds_for(Duration::from_secs(1)));
                readiness.failed(Peer::Cluster, chain(&error));
                tracing::warn!(error = %chain(&error), "the cluster's lock could not be taken");
                let settings = &self.parts.cluster_settings;
                let lease = format!("{}/{}", settings.lease_namespace, settings.lease_name);
                Lock::Unreadable(wording::lock_unreadable(&lease, &error))
            }
        }
    }

    /// Lets another caretaker work.
    pub(super) async fn give_lock_back(&mut self) {
        if self.asked == Some(Lock::Held) {
            self.asked = None;
        }
        if let Some(lease) = self.lease.take()
            && let Err(error) = self.parts.cluster.release_lease(lease).await
        {
            tracing::warn!(%error, "the lock could not be given back; it ends by itself");
        }
    }
}
