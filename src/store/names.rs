//! Under which names each repository has been seen: the forge counts repositories on, and a name is only what one has now.

use super::{Store, StoreError, StoreResult};
use jiff::Timestamp;
use sqlx::SqlitePool;

/// What the keys of names begin with in `meta`; the forge's number and the name follow.
const NAME: &str = "repository-name ";

impl Store {
    /// Keeps that a repository has a name now. Never forgotten: what was written down under it stays under it.
    pub(crate) async fn keep_repository_name(&self, id: u64, name: &str, now: Timestamp) -> StoreResult<()> {
        self.set_meta(&format!("{NAME}{id} {name}"), &now.as_millisecond().to_string()).await
    }

    /// Every name that is known, with the number of the repository that had it, those that were seen last at the end.
    pub(crate) async fn repository_names(&self) -> StoreResult<Vec<(u64, String)>> {
        repository_names(&self.readers).await
    }
}

pub(super) async fn repository_names(pool: &SqlitePool) -> StoreResult<Vec<(u64, String)>> {
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT key FROM meta WHERE key GLOB ? || '*' ORDER BY CAST(value AS INTEGER), key",
    )
    .bind(NAME)
    .fetch_all(pool)
    .await?;
    keys.iter()
        .map(|key| {
            let (id, name) = key.strip_prefix(NAME).and_then(|rest| rest.split_once(' ')).unzip();
            match (id.and_then(|id: &str| id.parse().ok()), name) {
                (Some(id), Some(name)) => Ok((id, name.to_owned())),
                _ => Err(StoreError::Unreadable(format!("`{key}` names no repository"))),
            }
        })
        .collect()
}
