//! Questions, and why there is no answer.

use crate::cluster::ClusterError;
use crate::error_chain::chain;
use crate::forge::ForgeError;
use crate::store::StoreError;
use std::time::Duration;

/// How long a question may take, retries included.
const LONGEST: Duration = Duration::from_secs(20);

/// An answer, or why there is none.
pub(crate) type Asked<T> = Result<T, NotKnown>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotKnown {
    /// The credentials are not known there.
    #[error("{0}")]
    Unauthorized(String),
    /// A right or a scope is missing.
    #[error("{0}")]
    Refused(String),
    /// It is not there, or may not be seen.
    #[error("{0}")]
    NotThere(String),
    /// It has another name now.
    #[error("{0}")]
    Renamed(String),
    /// There was no answer, or none that can be read.
    #[error("{0}")]
    NoAnswer(String),
}

impl From<ForgeError> for NotKnown {
    fn from(error: ForgeError) -> Self {
        let said = error.to_string();
        match error {
            ForgeError::Unauthorized { .. } => Self::Unauthorized(said),
            ForgeError::Forbidden { .. } => Self::Refused(said),
            ForgeError::NotFound { .. } => Self::NotThere(said),
            ForgeError::Renamed { .. } => Self::Renamed(said),
            ForgeError::Conflict { .. }
            | ForgeError::Refused { .. }
            | ForgeError::Unavailable { .. }
            | ForgeError::Unreadable { .. } => Self::NoAnswer(said),
        }
    }
}

impl From<ClusterError> for NotKnown {
    fn from(error: ClusterError) -> Self {
        let said = error.to_string();
        match error {
            ClusterError::Unauthorized { .. } => Self::Unauthorized(said),
            ClusterError::Forbidden { .. } => Self::Refused(said),
            ClusterError::NotFound { .. } => Self::NotThere(said),
            ClusterError::Configuration { .. }
            | ClusterError::Conflict { .. }
            | ClusterError::Refused { .. }
            | ClusterError::Unavailable { .. }
            | ClusterError::LeaseTooShort { .. }
            | ClusterError::Unreadable { .. } => Self::NoAnswer(said),
        }
    }
}

impl From<StoreError> for NotKnown {
    fn from(error: StoreError) -> Self {
        Self::NoAnswer(chain(&error))
    }
}

/// Asks, for a bounded time.
pub(crate) async fn within<T, E: Into<NotKnown>>(question: impl Future<Output = Result<T, E>>) -> Asked<T> {
    match tokio::time::timeout(LONGEST, question).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(NotKnown::NoAnswer(format!("no answer within {} seconds", LONGEST.as_secs()))),
    }
}
