//! What only `setup` and `doctor` ask of a forge: hooks, who may do what, whether a token may write.
//!
//! Most of it needs the right to administer the repository, which caretaker's own account had better not have: a client
//! with a person's token asks then. Nothing here is asked while caretaker works.
//!
//! Races decided here: a hook is always sent with every field, since a PATCH resets what it leaves out; what was made is
//! read back by whoever made it. A write whose answer was lost is not repeated: the next run finds the hook by its address.

use super::gitea::{Gitea, repository_route};
use super::route::Route;
use super::types::{Account, IssueNumber, Label, RepositoryName};
use super::wire::{WireAccount, WireHook, WireLabel, WirePermission, WireSelf};
use super::{ForgeError, ForgeResult};
use jiff::Timestamp;
use reqwest::{Method, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use url::Url;

/// The id of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HookId(pub(crate) u64);

/// A webhook of a repository, as the forge shows it. Its secret is never shown.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    /// Its id.
    pub(crate) id: HookId,
    /// Where deliveries go.
    pub(crate) url: String,
    /// `json` or `form`.
    pub(crate) content_type: String,
    /// What is delivered, umbrellas resolved.
    pub(crate) events: BTreeSet<String>,
    /// Whether anything is delivered at all.
    pub(crate) active: bool,
    /// Only branches that match; empty: all.
    pub(crate) branch_filter: String,
    /// What deliveries say as `Authorization`; some servers do not show it.
    pub(crate) authorization: Option<SecretString>,
}

/// A webhook as it shall be.
#[derive(Debug, Clone)]
pub(crate) struct HookDraft {
    /// Where deliveries go.
    pub(crate) url: Url,
    /// What signs them.
    pub(crate) secret: SecretString,
    /// What they say as `Authorization`.
    pub(crate) authorization: Option<SecretString>,
    /// What is delivered, umbrellas included.
    pub(crate) events: Vec<&'static str>,
}

impl HookDraft {
    /// Every field that there is.
    fn body(&self) -> Value {
        json!({
            "type": "gitea",
            "active": true,
            "events": self.events,
            "branch_filter": "",
            "authorization_header":
                self.authorization.as_ref().map_or("", |authorization| authorization.expose_secret()),
            "config": {
                "url": self.url.as_str(),
                "http_method": "post",
                "content_type": "json",
                "secret": self.secret.expose_secret(),
            },
        })
    }
}

/// What an account may do in a repository, in the forge's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It may write: `write`, `admin` or `owner`.
    Writes,
    /// It may read.
    Reads,
    /// The forge says `none`. Some say so of members of teams as well, whatever the team may do.
    None,
}

/// Whose token this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnAccount {
    /// The account.
    pub(crate) account: Account,
    /// Whether it administers the whole forge.
    pub(crate) administers_forge: bool,
}

fn hooks_route(repository: &RepositoryName) -> Route {
    repository_route(repository).then("hooks")
}

impl Gitea {
    /// What the server's clock says, where its answers tell.
    pub(crate) async fn clock(&self) -> ForgeResult<Option<Timestamp>> {
        let answer = self.http.get(&Route::new("version")).await?;
        let date = answer.headers.get(header::DATE).and_then(|date| date.to_str().ok());
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        Ok(date.and_then(|date| parser.parse_timestamp(date).ok()))
    }

    /// Whose token this is, with what it may do on the whole forge.
    pub(crate) async fn own_account(&self) -> ForgeResult<OwnAccount> {
        Ok(self.one::<WireSelf>(&Route::new("user")).await?.into())
    }

    /// Whether there is an account of that name.
    pub(crate) async fn account_exists(&self, login: &str) -> ForgeResult<bool> {
        match self.one::<WireAccount>(&Route::new("users").value(login)).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the token may write issues. Asks for no label to be added to an issue that cannot exist, which changes
    /// nothing: with the scope and the right it is not found, without it is refused.
    pub(crate) async fn may_write_issues(&self, repository: &RepositoryName) -> ForgeResult<bool> {
        let route = repository_route(repository).then("issues").value(&IssueNumber(0)).then("labels");
        match self.http.write(&Method::POST, &route, &json!({ "labels": [] })).await {
            Err(ForgeError::Forbidden { .. }) => Ok(false),
            Ok(_) | Err(ForgeError::NotFound { .. } | ForgeError::Refused { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Makes a label with a description. The forge does not check for duplicates: look first.
    pub(crate) async fn create_described_label(
        &self,
        repository: &RepositoryName,
        name: &str,
        color: &str,
        description: &str,
    ) -> ForgeResult<Label> {
        let body = json!({ "name": name, "color": color, "description": description });
        let route = repository_route(repository).then("labels");
        Ok(self.http.write(&Method::POST, &route, &body).await?.json::<WireLabel>()?.into())
    }

    /// The hooks of a repository.
    pub(crate) async fn hooks(&self, repository: &RepositoryName) -> ForgeResult<Vec<Hook>> {
        let wire: Vec<WireHook> = self.all(&hooks_route(repository)).await?;
        Ok(wire.into_iter().map(Hook::from).collect())
    }

    /// One hook.
    pub(crate) async fn hook(&self, repository: &RepositoryName, id: HookId) -> ForgeResult<Hook> {
        Ok(self.one::<WireHook>(&hooks_route(repository).value(&id.0)).await?.into())
    }

    /// Makes a hook.
    pub(crate) async fn create_hook(
        &self,
        repository: &RepositoryName,
        draft: &HookDraft,
    ) -> ForgeResult<HookId> {
        let answer = self.http.write(&Method::POST, &hooks_route(repository), &draft.body()).await?;
        Ok(Hook::from(answer.json::<WireHook>()?).id)
    }

    /// Gives a hook every field anew, but for its secret, which no forge takes here.
    pub(crate) async fn edit_hook(
        &self,
        repository: &RepositoryName,
        id: HookId,
        draft: &HookDraft,
    ) -> ForgeResult<()> {
        let route = hooks_route(repository).value(&id.0);
        self.http.write(&Method::PATCH, &route, &draft.body()).await?;
        Ok(())
    }

    /// Takes a hook away; one that is not there is no error.
    pub(crate) async fn delete_hook(&self, repository: &RepositoryName, id: HookId) -> ForgeResult<()> {
        match self.http.repeatable(&Method::DELETE, &hooks_route(repository).value(&id.0)).await {
            Ok(_) | Err(ForgeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks for a test delivery: a push that did not happen, to an active hook that wants pushes.
    pub(crate) async fn test_hook(&self, repository: &RepositoryName, id: HookId) -> ForgeResult<()> {
        let route = hooks_route(repository).value(&id.0).then("tests");
        self.http.write(&Method::POST, &route, &Value::Null).await?;
        Ok(())
    }

    /// The accounts that were let into the repository one by one, whatever they may do there.
    pub(crate) async fn collaborators(&self, repository: &RepositoryName) -> ForgeResult<Vec<Account>> {
        let wire: Vec<WireAccount> = self.all(&repository_route(repository).then("collaborators")).await?;
        Ok(wire.into_iter().map(Account::from).collect())
    }

    /// The accounts that an issue can be given to: those who may write, and in an organisation's repository every member
    /// of its teams, also of one that may only read.
    pub(crate) async fn assignees(&self, repository: &RepositoryName) -> ForgeResult<Vec<Account>> {
        // This list has no pages.
        let route = repository_route(repository).then("assignees");
        let wire = self.one::<Option<Vec<Option<WireAccount>>>>(&route).await?.unwrap_or_default();
        Ok(wire.into_iter().flatten().map(Account::from).collect())
    }

    /// What an account may do in the repository. Of others than oneself only its administrators may ask.
    pub(crate) async fn permission(
        &self,
        repository: &RepositoryName,
        login: &str,
    ) -> ForgeResult<Permission> {
        let route = repository_route(repository).then("collaborators").value(login).then("permission");
        Ok(self.one::<WirePermission>(&route).await?.into())
    }
}
