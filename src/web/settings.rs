//! Settings under `[web]`.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Where caretaker listens, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The listener of `/webhook`, `/healthz` and `/readyz`.
    pub(crate) listen: SocketAddr,
    /// The listener of the page that shows the runs. It asks for no password: keep it on loopback.
    pub(crate) page_listen: SocketAddr,
    /// The file that holds the webhook's secret. Goes before the environment.
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// The environment variable that holds the webhook's secret where no file does.
    pub(crate) webhook_secret_env: String,
    /// The largest delivery that is taken, in bytes.
    pub(crate) body_limit_bytes: usize,
    /// How old the last answer of forge or cluster may be before `/readyz` says so, in seconds.
    pub(crate) contact_max_age_seconds: u64,
    /// How long the worker may take for one round before `/readyz` calls it stuck, in seconds.
    pub(crate) worker_max_age_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            page_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            webhook_secret_file: None,
            webhook_secret_env: "CARETAKER_WEBHOOK_SECRET".to_owned(),
            body_limit_bytes: 8 * 1024 * 1024,
            contact_max_age_seconds: 600,
            worker_max_age_seconds: 600,
        }
    }
}

/// Why the settings of the web listeners cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The secret's file cannot be read.
    #[error("the webhook's secret cannot be read from {path}")]
    SecretFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no secret: without one every delivery would have to be refused.
    #[error("no secret for the webhook: set web.webhook_secret_file or the environment variable {variable}")]
    NoSecret {
        /// Which variable was looked at.
        variable: String,
    },
}

impl Settings {
    /// The webhook's secret, from its file or the environment; never empty.
    pub(crate) fn webhook_secret(&self) -> Result<SecretString, SettingsError> {
        let text = match &self.webhook_secret_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| SettingsError::SecretFile { path: path.clone(), source })?,
            None => std::env::var(&self.webhook_secret_env).unwrap_or_default(),
        };
        let secret = text.trim();
        if secret.is_empty() {
            return Err(SettingsError::NoSecret { variable: self.webhook_secret_env.clone() });
        }
        Ok(SecretString::from(secret.to_owned()))
    }

    /// How old the last answer of forge or cluster may be.
    pub(crate) fn contact_max_age(&self) -> Duration {
        Duration::from_secs(self.contact_max_age_seconds)
    }

    /// How long the worker may take for one round.
    pub(crate) fn worker_max_age(&self) -> Duration {
        Duration::from_secs(self.worker_max_age_seconds)
    }
}
