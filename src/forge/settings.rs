//! Settings of the forge.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Settings under `[forge]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The forge's address, such as `https://git.example.org/`; a path in it is kept.
    pub url: Option<Url>,
    /// The file that holds the token. Goes before the environment.
    pub token_file: Option<PathBuf>,
    /// The environment variable that holds the token where no file does.
    pub token_env: String,
    /// Whom the forge's operator can ask about these requests: an address, told in the user agent.
    pub contact: Option<String>,
    /// How many requests are under way at once, at most.
    pub connections: usize,
    /// How long one request may take, its answer included, in seconds. Guards single requests, so it is never scaled.
    pub request_timeout_seconds: u64,
    /// How long a connection may take, in seconds.
    pub connect_timeout_seconds: u64,
    /// How long a read may take with all its retries, in seconds.
    pub read_timeout_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: None,
            token_file: None,
            token_env: "CARETAKER_FORGE_TOKEN".to_owned(),
            contact: None,
            connections: 8,
            request_timeout_seconds: 10,
            connect_timeout_seconds: 5,
            read_timeout_seconds: 25,
        }
    }
}

/// Why the settings of the forge cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The token's file cannot be read.
    #[error("the forge's token cannot be read from {path}")]
    TokenFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no token.
    #[error("no token for the forge: set forge.token_file or the environment variable {variable}")]
    NoToken {
        /// Which variable was looked at.
        variable: String,
    },
    /// There is no address.
    #[error("no address of the forge: set forge.url")]
    NoUrl,
}

impl Settings {
    /// The forge's address.
    pub(crate) fn url(&self) -> Result<&Url, SettingsError> {
        self.url.as_ref().ok_or(SettingsError::NoUrl)
    }

    /// The token, from its file or the environment; never empty.
    pub(crate) fn token(&self) -> Result<SecretString, SettingsError> {
        let text = match &self.token_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| SettingsError::TokenFile { path: path.clone(), source })?,
            None => std::env::var(&self.token_env).unwrap_or_default(),
        };
        let token = text.trim();
        if token.is_empty() {
            return Err(SettingsError::NoToken { variable: self.token_env.clone() });
        }
        Ok(SecretString::from(token.to_owned()))
    }

    /// How many requests are under way at once, at most.
    pub(crate) fn connections(&self) -> usize {
        self.connections.clamp(1, 1000)
    }

    /// How long one request may take: what a merge must have left on its lease.
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.max(1))
    }

    /// How long a connection may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds.max(1))
    }

    /// How long a read may take with all its retries.
    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_secs(self.read_timeout_seconds.max(1))
    }
}
