//! Events that happened and were never delivered: counted for each repository, kept for whoever looks for the cause.

use super::{Store, StoreError, StoreResult};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;

/// What the keys of what was seen last begin with in `meta`; the repository follows.
const SEEN: &str = "last-seen ";

/// When an event was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// While caretaker ran: the forge could have delivered it.
    Up,
    /// Between two processes: nobody was there to take it.
    Down,
}

impl Missing {
    /// Both, those that a person can mend first.
    pub(crate) const ALL: [Self; 2] = [Self::Up, Self::Down];

    /// The word in metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// What the keys in `meta` begin with; the repository follows.
    fn prefix(self) -> &'static str {
        match self {
            Self::Up => "missed-events ",
            Self::Down => "missed-while-down ",
        }
    }
}

/// The missed events of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MissedEvents {
    /// How many looks found a change that no delivery had told of.
    pub(crate) count: u64,
    /// When that was found out last.
    pub(crate) last_at: Timestamp,
    /// When the last delivery had arrived then, if any ever did.
    pub(crate) last_delivery_at: Option<Timestamp>,
}

impl Store {
    /// When the last delivery of a repository arrived.
    pub(crate) async fn last_delivery(&self, repository: &str) -> StoreResult<Option<Timestamp>> {
        last_delivery(&self.readers, repository).await
    }

    /// Whether anything had been delivered of a repository before a moment.
    pub(crate) async fn has_delivered_before(
        &self,
        repository: &str,
        moment: Timestamp,
    ) -> StoreResult<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE repository = ? AND received_at < ?)",
        )
        .bind(repository)
        // Compared as texts: with all its places, since `5Z` is behind `5.5Z`.
        .bind(format!("{moment:.9}"))
        .fetch_one(&self.readers)
        .await?)
    }

    /// Counts one more missed event.
    pub(crate) async fn count_missed_event(
        &self,
        repository: &str,
        missing: Missing,
        now: Timestamp,
        last_delivery_at: Option<Timestamp>,
    ) -> StoreResult<MissedEvents> {
        let known = self.missed_events(missing).await?.into_iter().find(|(name, _)| name == repository);
        let count = known.map_or(0, |(_, missed)| missed.count) + 1;
        let missed = MissedEvents { count, last_at: now, last_delivery_at };
        let value =
            serde_json::to_string(&missed).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        self.set_meta(&format!("{}{repository}", missing.prefix()), &value).await?;
        Ok(missed)
    }

    /// The missed events of every repository that has any, by its name.
    pub(crate) async fn missed_events(&self, missing: Missing) -> StoreResult<Vec<(String, MissedEvents)>> {
        missed_events(&self.readers, missing).await
    }

    /// What the last look at a repository saw, in the worker's own form.
    pub(crate) async fn last_seen(&self, repository: &str) -> StoreResult<Option<String>> {
        Ok(sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
            .bind(format!("{SEEN}{repository}"))
            .fetch_optional(&self.readers)
            .await?)
    }

    /// Keeps what a look at a repository saw, for the next process.
    pub(crate) async fn keep_seen(&self, repository: &str, seen: &str) -> StoreResult<()> {
        self.set_meta(&format!("{SEEN}{repository}"), seen).await
    }

    pub(super) async fn set_meta(&self, key: &str, value: &str) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(key)
        .bind(value)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

pub(super) async fn last_delivery(readers: &SqlitePool, repository: &str) -> StoreResult<Option<Timestamp>> {
    let at: Option<String> = sqlx::query_scalar(
        "SELECT received_at FROM delivery WHERE repository = ? ORDER BY rowid DESC LIMIT 1",
    )
    .bind(repository)
    .fetch_optional(readers)
    .await?;
    at.map(|text| text.parse().map_err(|_| StoreError::Unreadable(format!("`{text}` is not a time"))))
        .transpose()
}

pub(super) async fn missed_events(
    readers: &SqlitePool,
    missing: Missing,
) -> StoreResult<Vec<(String, MissedEvents)>> {
    let prefix = missing.prefix();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT key, value FROM meta WHERE key LIKE ? || '%' ORDER BY key")
            .bind(prefix)
            .fetch_all(readers)
            .await?;
    rows.into_iter()
        .map(|(key, value)| {
            let missed = serde_json::from_str(&value)
                .map_err(|error| StoreError::Unreadable(format!("{key}: {error}")))?;
            Ok((key.trim_start_matches(prefix).to_owned(), missed))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Delivery, Store};
    use super::{MissedEvents, Missing};
    use jiff::{SignedDuration, Timestamp};

    #[tokio::test]
    async fn missed_events_are_counted_for_each_repository_with_the_last_delivery() {
        let store = Store::in_memory().await.unwrap();
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        let within = |seconds| after(seconds) + SignedDuration::from_millis(500);
        assert_eq!(store.last_delivery("ops/homelab").await.unwrap(), None);
        for (id, repository, at) in [("a", "ops/homelab", 0), ("b", "ops/homelab", 5), ("c", "ops/other", 9)]
        {
            let delivery = Delivery {
                id: id.to_owned(),
                received_at: after(at),
                event: "push".to_owned(),
                action: String::new(),
                repository: repository.to_owned(),
                issue: None,
                sender: "operator".to_owned(),
                evidence: None,
            };
            let half = Delivery {
                id: format!("{id} half"),
                received_at: within(at),
                repository: format!("{repository}-half"),
                ..delivery.clone()
            };
            store.put_deliveries(&[&delivery, &half]).await.unwrap();
        }
        let last = store.last_delivery("ops/homelab").await.unwrap();
        assert_eq!(last, Some(after(5)));
        for (repository, at, expected) in [
            ("ops/homelab", 0, false),
            ("ops/homelab", 1, true),
            ("ops/other", 9, false),
            ("ops/third", 99, false),
            ("ops/other-half", 9, false),
            ("ops/other-half", 10, true),
        ] {
            let found = store.has_delivered_before(repository, after(at)).await.unwrap();
            assert_eq!(found, expected, "{repository} {at}");
        }
        assert!(store.missed_events(Missing::Up).await.unwrap().is_empty());
        for at in [20, 30] {
            store.count_missed_event("ops/homelab", Missing::Up, after(at), last).await.unwrap();
        }
        store.count_missed_event("ops/third", Missing::Up, after(40), None).await.unwrap();
        let down = store.count_missed_event("ops/homelab", Missing::Down, after(50), last).await.unwrap();
        assert_eq!(down.count, 1, "counted apart");
        let homelab = MissedEvents { count: 2, last_at: after(30), last_delivery_at: last };
        let third = MissedEvents { count: 1, last_at: after(40), last_delivery_at: None };
        assert_eq!(
            store.missed_events(Missing::Up).await.unwrap(),
            [("ops/homelab".to_owned(), homelab), ("ops/third".to_owned(), third)]
        );
        assert_eq!(store.missed_events(Missing::Down).await.unwrap(), [("ops/homelab".to_owned(), down)]);
    }

    #[tokio::test]
    async fn what_was_seen_last_is_kept_for_each_repository() {
        let store = Store::in_memory().await.unwrap();
        for text in ["one", "two"] {
            store.keep_seen("ops/homelab", text).await.unwrap();
        }
        assert_eq!(store.last_seen("ops/homelab").await.unwrap().as_deref(), Some("two"));
        assert_eq!(store.last_seen("ops/other").await.unwrap(), None);
    }
}
