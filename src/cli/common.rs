//! What several commands begin and end with: a client from the settings, the repository that is meant, the form of output.

use super::failure::{Exit, Failure};
use crate::config::{ChoiceError, Settings};
use crate::forge::{Gitea, RepositoryName};
use crate::run;
use crate::wording;
use clap::ValueEnum;
use secrecy::SecretString;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use url::Url;

/// For whom something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Format {
    /// Prints what was found or done: in words, or as it is.
    pub(super) fn print<T: Serialize + ?Sized>(
        self,
        found: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let mut out = anstream::stdout();
        match self {
            Self::Text => write!(out, "{}", text(found))?,
            Self::Json => {
                let json = serde_json::to_string_pretty(found)
                    .map_err(|error| Failure::new(Exit::Failed, error, "print it as text"))?;
                writeln!(out, "{json}")?;
            }
        }
        Ok(out.flush()?)
    }
}

/// The forge of the settings, with caretaker's own token.
pub(super) fn forge_of(settings: &Settings) -> Result<Gitea, Failure> {
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::new(Exit::Settings, error, "`caretaker config check` says what is missing")
    };
    // What is missing is said in the order in which it is set.
    settings.forge.url().map_err(|error| wrong(error.into()))?;
    let token = settings.forge.token().map_err(|error| wrong(error.into()))?;
    client(settings, &token).map_err(wrong)
}

/// The same with the token of an administrator, where a file with one is named.
pub(super) fn administrators_forge(
    settings: &Settings,
    file: Option<&Path>,
) -> Result<Option<Gitea>, Failure> {
    let Some(path) = file else { return Ok(None) };
    let advice = "name a file that holds nothing but an access token";
    let text = std::fs::read_to_string(path).map_err(|error| {
        let what = format!("the administrator's token cannot be read from {}: {error}", path.display());
        Failure::new(Exit::Settings, what, advice)
    })?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::new(Exit::Settings, format!("{} is empty", path.display()), advice));
    }
    let token = SecretString::from(token.to_owned());
    client(settings, &token).map(Some).map_err(|error| Failure::new(Exit::Settings, error, advice))
}

fn client(
    settings: &Settings,
    token: &SecretString,
) -> Result<Gitea, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Gitea::new(settings.forge.url()?, token, &settings.forge)?)
}

/// The repository that is meant, with its settings: the one that is named, else the only one.
pub(super) fn table_of(
    settings: &Settings,
    wanted: Option<&RepositoryName>,
) -> Result<run::Repository, Failure> {
    settings.choose(wanted).map_err(not_chosen)
}

fn not_chosen(error: ChoiceError) -> Failure {
    Failure::new(Exit::Settings, error, "name the repository with --repository OWNER/NAME")
}

/// The same where one that the settings do not know may be looked at as well: then every default counts.
pub(super) fn any_table_of(
    settings: &Settings,
    wanted: Option<&RepositoryName>,
) -> Result<run::Repository, Failure> {
    match (settings.choose(wanted), wanted) {
        (Ok(table), _) => Ok(table),
        (Err(_), Some(name)) => Ok(run::Repository::new(name.clone())),
        (Err(error), None) => Err(not_chosen(error)),
    }
}

/// Reads an address under which the forge reaches us.
pub(super) fn web_address(given: &str) -> Result<Url, String> {
    let url = Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| wording::no_web_address(given))
}

#[cfg(test)]
mod tests {
    use super::web_address;

    #[test]
    fn a_webhook_is_reached_over_http() {
        for good in ["https://caretaker.example.org/webhook", "http://127.0.0.1:8080"] {
            assert!(web_address(good).is_ok(), "{good}");
        }
        for bad in ["ftp://caretaker.example.org/", "caretaker.example.org", "mailto:ops@example.org", ""] {
            assert!(web_address(bad).unwrap_err().contains("no address"), "{bad}");
        }
    }
}
