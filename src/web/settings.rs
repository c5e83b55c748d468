//! Settings under `[web]`.

use crate::forge::RepositoryName;
use crate::inbox::Keys;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// Where caretaker listens, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The listener of `/webhook`, `/healthz` and `/readyz`.
    pub(crate) listen: SocketAddr,
    /// The address of `/webhook` as the forge reaches it: what `setup` gives to the hook and `doctor` looks for.
    pub(crate) public_url: Option<Url>,
    /// The listener of the page that shows the runs. It asks for no password: keep it on loopback.
    pub(crate) page_listen: SocketAddr,
    /// The file that holds what the secrets of the repositories' hooks are derived from, and in a second line the one from
    /// before, while the hooks are being given the new ones. Goes before the environment.
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// The environment variable that holds that secret, or both, where no file does.
    pub(crate) webhook_secret_env: String,
    /// The file that holds what the hook's deliveries say as `Authorization`. Goes before the environment.
    pub(crate) webhook_authorization_file: Option<PathBuf>,
    /// The environment variable that holds it where no file does. Empty in both: no `Authorization` is asked for.
    pub(crate) webhook_authorization_env: String,
    /// The largest delivery that is taken, in bytes.
    pub(crate) body_limit_bytes: usize,
    /// How old the last answer of forge or cluster may be before `/readyz` says so, in seconds.
    pub(crate) contact_max_age_seconds: u64,
    /// How long the worker may take for one round before `/readyz` calls it stuck, in seconds.
    pub(crate) worker_max_age_seconds: u64,
    /// How little free space there may be beside the store before `/readyz` says so, in bytes.
    pub(crate) store_free_minimum_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            public_url: None,
            page_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            webhook_secret_file: None,
            webhook_secret_env: "CARETAKER_WEBHOOK_SECRET".to_owned(),
            webhook_authorization_file: None,
            webhook_authorization_env: "CARETAKER_WEBHOOK_AUTHORIZATION".to_owned(),
            body_limit_bytes: 8 * 1024 * 1024,
            contact_max_age_seconds: 600,
            worker_max_age_seconds: 600,
            store_free_minimum_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Why the settings of the web listeners cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A secret's file cannot be read.
    #[error("the webhook's {what} cannot be read from {path}")]
    SecretFile {
        /// What should be in it.
        what: &'static str,
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
    /// There are more than two.
    #[error(
        "the webhook has {count} secrets: one a line, the current one first, then at most the one from before"
    )]
    TooManySecrets {
        /// How many there are.
        count: usize,
    },
    /// The file is there to ask for something, and does not say for what.
    #[error("the file of web.webhook_authorization_file is empty: {path}")]
    NoAuthorization {
        /// Which file.
        path: PathBuf,
    },
}

impl Settings {
    /// What deliveries must prove. The secret itself counts for nothing, unless [`Keys::with_shared`] says so.
    pub(crate) fn hook_keys(&self) -> Result<Keys, SettingsError> {
        let (current, previous) = self.webhook_secrets()?;
        Ok(Keys::from(current).with_previous(previous).with_authorization(self.webhook_authorization()?))
    }

    /// What a repository's hook shall be given: its secret, and what deliveries shall say as `Authorization`.
    pub(crate) fn hook_secrets(
        &self,
        repository: &RepositoryName,
    ) -> Result<(SecretString, Option<SecretString>), SettingsError> {
        Ok((self.hook_keys()?.of_repository(repository), self.webhook_authorization()?))
    }

    /// Where a person finds the webhook's secret.
    pub(crate) fn secret_place(&self) -> String {
        place(self.webhook_secret_file.as_deref(), &self.webhook_secret_env)
    }

    /// Where a person finds what deliveries shall say as `Authorization`.
    pub(crate) fn authorization_place(&self) -> String {
        place(self.webhook_authorization_file.as_deref(), &self.webhook_authorization_env)
    }

    /// The webhook's secret and the one from before, from their file or the environment; never empty.
    fn webhook_secrets(&self) -> Result<(SecretString, Option<SecretString>), SettingsError> {
        let text = read("secret", self.webhook_secret_file.as_deref(), &self.webhook_secret_env)?;
        let secrets: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let secret = |text: &str| SecretString::from(text.to_owned());
        match secrets.as_slice() {
            [] => Err(SettingsError::NoSecret { variable: self.webhook_secret_env.clone() }),
            [current] => Ok((secret(current), None)),
            [current, previous] => Ok((secret(current), Some(secret(previous)))),
            many => Err(SettingsError::TooManySecrets { count: many.len() }),
        }
    }

    /// What the hook's deliveries say as `Authorization`, where they are asked.
    fn webhook_authorization(&self) -> Result<Option<SecretString>, SettingsError> {
        let file = self.webhook_authorization_file.as_deref();
        let text = read("authorization", file, &self.webhook_authorization_env)?;
        match (text.trim(), file) {
            // Asked for by a file that was emptied by mistake, it must not go away silently.
            ("", Some(path)) => Err(SettingsError::NoAuthorization { path: path.to_owned() }),
            ("", None) => Ok(None),
            (text, _) => Ok(Some(SecretString::from(text.to_owned()))),
        }
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

fn place(file: Option<&Path>, variable: &str) -> String {
    match file {
        Some(path) => format!("the first line of {}", path.display()),
        None => format!("the environment variable {variable}"),
    }
}

/// A secret's text: from the file, else from the environment, else nothing.
fn read(what: &'static str, file: Option<&Path>, variable: &str) -> Result<String, SettingsError> {
    match file {
        Some(path) => std::fs::read_to_string(path).map_err(|source| SettingsError::SecretFile {
            what,
            path: path.to_owned(),
            source,
        }),
        None => Ok(std::env::var(variable).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, SettingsError};
    use secrecy::ExposeSecret;

    #[test]
    fn a_file_of_secrets_holds_one_or_two() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let settings = Settings { webhook_secret_file: Some(path.clone()), ..Settings::default() };
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            settings.webhook_secrets().map(|(current, previous)| {
                let text = |secret: secrecy::SecretString| secret.expose_secret().to_owned();
                (text(current), previous.map(text))
            })
        };
        let one = ("new one".to_owned(), None);
        let two = ("new one".to_owned(), Some("old".to_owned()));
        assert_eq!(read("new one").unwrap(), one);
        assert_eq!(read("\n new one \r\n\n").unwrap(), one);
        assert_eq!(read("new one\nold\n").unwrap(), two);
        assert!(matches!(read(" \n"), Err(SettingsError::NoSecret { .. })));
        let error = read("new one\nold\nolder").unwrap_err();
        assert!(
            matches!(error, SettingsError::TooManySecrets { count: 3 }) && !error.to_string().contains("old")
        );
    }

    #[test]
    fn a_hook_is_given_the_secret_of_its_repository_and_never_that_of_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "a secret\nan old one\n").unwrap();
        let settings = Settings { webhook_secret_file: Some(path), ..Settings::default() };
        let of = |name: &str| settings.hook_secrets(&name.parse().unwrap()).unwrap().0;
        let homelab = "27c1dbe56c6a5fdd972d8724b6c47022b6f0bc987d1ae0ab27c7161326ebed27";
        assert_eq!(of("ops/homelab").expose_secret(), homelab);
        assert_ne!(of("ops/garden").expose_secret(), homelab);
    }

    #[test]
    fn a_file_for_the_authorization_that_is_empty_is_no_way_to_switch_it_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authorization");
        let settings = Settings { webhook_authorization_file: Some(path.clone()), ..Settings::default() };
        assert!(matches!(settings.webhook_authorization(), Err(SettingsError::SecretFile { .. })));
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(settings.webhook_authorization(), Err(SettingsError::NoAuthorization { .. })));
        std::fs::write(&path, "Bearer word\n").unwrap();
        assert_eq!(settings.webhook_authorization().unwrap().unwrap().expose_secret(), "Bearer word");
    }
}
