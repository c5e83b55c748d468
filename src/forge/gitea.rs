//! Gitea over its API, and Forgejo, whose API is the same but for what answers say themselves.
//!
//! Races decided here: a list that moves while its pages are read may hold something twice, so lists are made unique by
//! their numbers; a list that does not end is an error and never a short list.

use super::http::{Answer, ClientError, Http};
use super::merging::{MergeAnswer, MergeOrder, NewPull};
use super::route::Route;
use super::server::Server;
use super::traffic::Traffic;
use super::types::{
    Account, Branch, ChangedFile, Comment, Commit, CommitSha, CommitStatus, FileAt, FileWrite, FilesCommit,
    Issue, IssueEdit, IssueNumber, Label, LabelId, NewIssue, PullNumber, PullRequest, Repository,
    RepositoryName, State, TreeEntry,
};
use super::wire::{
    WireAccount, WireBranch, WireCombined, WireComment, WireCommit, WireCompare, WireContents, WireFile,
    WireFilesAnswer, WireIssue, WireLabel, WirePull, WireRepository, WireReview, WireStatus, WireTree,
    WireVersion,
};
use super::{Forge, ForgeError, ForgeResult, Settings};
use crate::cluster::ClusterLease;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// What Gitea gives at most in one page, unless its settings say less.
const PAGE: usize = 50;
/// More pages than this are not read: the list is broken, or too large to be judged.
const MAXIMUM_PAGES: usize = 400;
/// Entries of a tree in one page.
const TREE_PAGE: usize = 1000;

/// A Gitea server, seen with one token.
#[derive(Debug)]
pub(crate) struct Gitea {
    pub(super) http: Http,
}

impl Gitea {
    /// A client for the server at an address. Sends nothing.
    pub(crate) fn new(url: &Url, token: &SecretString, settings: &Settings) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(url, token, settings)? })
    }

    pub(super) async fn one<T: DeserializeOwned>(&self, route: &Route) -> ForgeResult<T> {
        self.http.get(route).await?.json()
    }

    /// Every page of a list. A server may clamp pages to fewer than were asked for, so a short page ends the list only
    /// where neither `Link` nor the total says otherwise.
    pub(super) async fn all<T: DeserializeOwned>(&self, route: &Route) -> ForgeResult<Vec<T>> {
        let mut found: Vec<T> = Vec::new();
        for page in 1..=MAXIMUM_PAGES {
            let answer = self
                .http
                .get(&route.clone().with("page", page.to_string()).with("limit", PAGE.to_string()))
                .await?;
            let items: Vec<Option<T>> = answer.json::<Option<_>>()?.unwrap_or_default();
            let count = items.len();
            found.extend(items.into_iter().flatten());
            let more = match (answer.has_next(), answer.total()) {
                (Some(next), _) => next,
                (None, Some(total)) => found.len() < total && count > 0,
                (None, None) => count >= PAGE,
            };
            if !more {
                return Ok(found);
            }
            if page == MAXIMUM_PAGES {
                return Err(answer.unreadable(format!("more than {MAXIMUM_PAGES} pages")));
            }
        }
        Ok(found)
    }
}

pub(super) fn repository_route(repository: &RepositoryName) -> Route {
    Route::new("repos").value(&repository.owner).value(&repository.name)
}

fn issue_route(repository: &RepositoryName, number: IssueNumber) -> Route {
    repository_route(repository).then("issues").value(&number)
}

fn pull_route(repository: &RepositoryName, number: PullNumber) -> Route {
    repository_route(repository).then("pulls").value(&number)
}

fn without_details(route: Route) -> Route {
    route.with("stat", "false").with("verification", "false").with("files", "false")
}

fn pull(answer: &Answer, wire: WirePull) -> ForgeResult<PullRequest> {
    wire.into_pull().map_err(|why| answer.unreadable(why))
}

#[async_trait]
impl Forge for Gitea {
    async fn server(&self) -> ForgeResult<Server> {
        Ok(Server::parse(&self.one::<WireVersion>(&Route::new("version")).await?.version))
    }

    fn traffic(&self) -> Traffic {
        self.http.traffic()
    }

    async fn account(&self) -> ForgeResult<Account> {
        Ok(self.one::<WireAccount>(&Route::new("user")).await?.into())
    }

    async fn repositories(&self) -> ForgeResult<Vec<Repository>> {
        let wire: Vec<WireRepository> = self.all(&Route::new("user").then("repos")).await?;
        let unique: BTreeMap<_, _> = wire
            .into_iter()
            .map(Repository::from)
            .map(|repository| (repository.name.clone(), repository))
            .collect();
        Ok(unique.into_values().collect())
    }

    async fn repository(&self, repository: &RepositoryName) -> ForgeResult<Repository> {
        Ok(self.one::<WireRepository>(&repository_route(repository)).await?.into())
    }

    async fn labels(&self, repository: &RepositoryName) -> ForgeResult<Vec<Label>> {
        let wire: Vec<WireLabel> = self.all(&repository_route(repository).then("labels")).await?;
        let unique: BTreeMap<_, _> =
            wire.into_iter().map(Label::from).map(|label| (label.id, label)).collect();
        Ok(unique.into_values().collect())
    }

    async fn create_label(&self, repository: &RepositoryName, name: &str, color: &str) -> ForgeResult<Label> {
        let route = repository_route(repository).then("labels");
        let body = json!({ "name": name, "color": color });
        let wire: WireLabel = self.http.write(&Method::POST, &route, &body).await?.json()?;
        Ok(wire.into())
    }

    async fn open_issues(
        &self,
        repository: &RepositoryName,
        label: Option<&Label>,
    ) -> ForgeResult<Vec<Issue>> {
        let mut route =
            repository_route(repository).then("issues").with("state", "open").with("type", "issues");
        if let Some(label) = label {
            route = route.with("labels", label.name.clone());
        }
        let wire: Vec<WireIssue> = self.all(&route).await?;
        let unique: BTreeMap<_, _> =
            wire.into_iter().map(Issue::from).map(|issue| (issue.number, issue)).collect();
        let wanted = |issue: &Issue| {
            !issue.is_pull && label.is_none_or(|label| issue.labels.iter().any(|own| own.id == label.id))
        };
        Ok(unique.into_values().rev().filter(wanted).collect())
    }

    async fn issue(&self, repository: &RepositoryName, number: IssueNumber) -> ForgeResult<Issue> {
        Ok(self.one::<WireIssue>(&issue_route(repository, number)).await?.into())
    }

    async fn edit_issue(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        edit: &IssueEdit,
    ) -> ForgeResult<Issue> {
        let mut body = serde_json::Map::new();
        if let Some(title) = &edit.title {
            body.insert("title".to_owned(), Value::from(title.as_str()));
        }
        if let Some(text) = &edit.body {
            body.insert("body".to_owned(), Value::from(text.as_str()));
        }
        if let Some(state) = edit.state {
            let word = match state {
                State::Open => "open",
                State::Closed => "closed",
            };
            body.insert("state".to_owned(), Value::from(word));
        }
        if let Some(version) = edit.content_version {
            body.insert("content_version".to_owned(), Value::from(version));
        }
        let route = issue_route(repository, number);
        match self.http.write(&Method::PATCH, &route, &Value::Object(body)).await {
            Ok(answer) => Ok(answer.json::<WireIssue>()?.into()),
            // Gitea before 1.26 and Forgejo answer so when two writes met within one request. We send nothing else that could
            // be malformed, so the words, which differ, are not asked.
            Err(ForgeError::Refused { what, status: 400, said }) => Err(ForgeError::Conflict { what, said }),
            Err(error) => Err(error),
        }
    }

    async fn open_issue(&self, repository: &RepositoryName, new: &NewIssue) -> ForgeResult<Issue> {
        let labels: Vec<u64> = new.labels.iter().map(|label| label.0).collect();
        let body = json!({ "title": new.title, "body": new.body, "labels": labels });
        let route = repository_route(repository).then("issues");
        Ok(self.http.write(&Method::POST, &route, &body).await?.json::<WireIssue>()?.into())
    }

    async fn add_label(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        label: LabelId,
    ) -> ForgeResult<()> {
        let route = issue_route(repository, number).then("labels");
        self.http.write(&Method::POST, &route, &json!({ "labels": [label.0] })).await?;
        Ok(())
    }

    async fn remove_label(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        label: LabelId,
    ) -> ForgeResult<()> {
        let route = issue_route(repository, number).then("labels").value(&label);
        self.http.repeatable(&Method::DELETE, &route).await?;
        Ok(())
    }

    async fn comments(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        since: Option<Timestamp>,
    ) -> ForgeResult<Vec<Comment>> {
        let mut route = issue_route(repository, number).then("comments");
        if let Some(since) = since {
            route = route.with("since", since.to_string());
        }
        // This list alone has no pages.
        let wire = self.one::<Option<Vec<Option<WireComment>>>>(&route).await?.unwrap_or_default();
        let mut comments: Vec<Comment> = wire.into_iter().flatten().map(Comment::from).collect();
        comments.sort_by_key(|comment| (comment.created_at, comment.id));
        Ok(comments)
    }

    async fn open_pulls(&self, repository: &RepositoryName) -> ForgeResult<Vec<PullRequest>> {
        let route = repository_route(repository).then("pulls").with("state", "open").with("sort", "oldest");
        let mut unique = BTreeMap::new();
        for wire in self.all::<WirePull>(&route).await? {
            let pull = wire.into_pull().map_err(|why| ForgeError::Unreadable {
                what: format!("GET /repos/{repository}/pulls"),
                said: why.to_owned(),
            })?;
            unique.insert(pull.number, pull);
        }
        Ok(unique.into_values().collect())
    }

    async fn pull(&self, repository: &RepositoryName, number: PullNumber) -> ForgeResult<PullRequest> {
        let answer = self.http.get(&pull_route(repository, number)).await?;
        let wire = answer.json()?;
        pull(&answer, wire)
    }

    async fn pulls_of_branch(
        &self,
        repository: &RepositoryName,
        branch: &str,
    ) -> ForgeResult<Vec<PullRequest>> {
        let route = repository_route(repository)
            .then("pulls")
            .with("state", "all")
            .with("sort", "recentupdate")
            .with("limit", PAGE.to_string());
        let answer = self.http.get(&route).await?;
        let wire: Vec<Option<WirePull>> = answer.json::<Option<_>>()?.unwrap_or_default();
        let mut pulls = Vec::new();
        for one in wire.into_iter().flatten().filter(|one| one.is_of(branch)) {
            let found = pull(&answer, one)?;
            if found.head.repository == found.base.repository {
                pulls.push(found);
            }
        }
        Ok(pulls)
    }

    async fn open_pull(&self, repository: &RepositoryName, new: &NewPull) -> ForgeResult<PullRequest> {
        let body = json!({ "title": new.title, "body": new.body, "head": new.head, "base": new.base });
        let route = repository_route(repository).then("pulls");
        let answer = self.http.write(&Method::POST, &route, &body).await?;
        let wire = answer.json()?;
        pull(&answer, wire)
    }

    async fn pull_commits(
        &self,
        repository: &RepositoryName,
        number: PullNumber,
    ) -> ForgeResult<Vec<Commit>> {
        let wire: Vec<WireCommit> =
            self.all(&without_details(pull_route(repository, number).then("commits"))).await?;
        Ok(wire.into_iter().map(Commit::from).collect())
    }

    async fn approvals(&self, repository: &RepositoryName, number: PullNumber) -> ForgeResult<u64> {
        let reviews: Vec<WireReview> = self.all(&pull_route(repository, number).then("reviews")).await?;
        let people: BTreeSet<String> = reviews.into_iter().filter_map(WireReview::approves).collect();
        Ok(u64::try_from(people.len()).unwrap_or(u64::MAX))
    }

    async fn pull_files(
        &self,
        repository: &RepositoryName,
        number: PullNumber,
    ) -> ForgeResult<Vec<ChangedFile>> {
        let wire: Vec<WireFile> = self.all(&pull_route(repository, number).then("files")).await?;
        Ok(wire.into_iter().map(ChangedFile::from).collect())
    }

    async fn pull_diff(&self, repository: &RepositoryName, number: PullNumber) -> ForgeResult<String> {
        let route = repository_route(repository).then("pulls").value(&format!("{number}.diff"));
        self.http.get(&route).await?.text()
    }

    async fn statuses(
        &self,
        repository: &RepositoryName,
        commit: &CommitSha,
    ) -> ForgeResult<Vec<CommitStatus>> {
        let route = repository_route(repository).then("commits").value(commit).then("status");
        let mut newest: BTreeMap<String, WireStatus> = BTreeMap::new();
        let mut seen = 0;
        for page in 1..=MAXIMUM_PAGES {
            let answer = self
                .http
                .get(&route.clone().with("page", page.to_string()).with("limit", PAGE.to_string()))
                .await?;
            let combined: WireCombined = answer.json()?;
            let count = combined.statuses.len();
            seen += count;
            for status in combined.statuses.into_iter().flatten() {
                if newest.get(&status.context).is_none_or(|known| known.id < status.id) {
                    newest.insert(status.context.clone(), status);
                }
            }
            // The total in the body is that of the page, and a server may clamp pages to fewer than were asked for.
            let more = match (answer.has_next(), answer.total()) {
                (Some(next), _) => next,
                (None, Some(total)) => seen < total,
                (None, None) => true,
            };
            if count == 0 || !more {
                return Ok(newest.into_values().map(CommitStatus::from).collect());
            }
        }
        Err(ForgeError::Unreadable {
            what: format!("GET /repos/{repository}/commits/{commit}/status"),
            said: format!("more than {MAXIMUM_PAGES} pages"),
        })
    }

    async fn branch(&self, repository: &RepositoryName, name: &str) -> ForgeResult<Branch> {
        Ok(self.one::<WireBranch>(&repository_route(repository).then("branches").value(name)).await?.into())
    }

    async fn merge(
        &self,
        _lease: &ClusterLease,
        repository: &RepositoryName,
        number: PullNumber,
        order: &MergeOrder,
    ) -> ForgeResult<MergeAnswer> {
        let body = json!({
            "Do": order.style.word(),
            "head_commit_id": order.head.as_str(),
            "MergeTitleField": order.title,
            "MergeMessageField": order.message,
            "delete_branch_after_merge": order.delete_branch,
        });
        let route = pull_route(repository, number).then("merge");
        let answer = self.http.write_branch(&Method::POST, &route, &body).await?;
        Ok(if answer.status == StatusCode::CREATED { MergeAnswer::Scheduled } else { MergeAnswer::Merged })
    }

    async fn cancel_scheduled_merge(
        &self,
        repository: &RepositoryName,
        number: PullNumber,
    ) -> ForgeResult<()> {
        match self.http.repeatable(&Method::DELETE, &pull_route(repository, number).then("merge")).await {
            Ok(_) | Err(ForgeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn may_write_code(&self, repository: &RepositoryName) -> ForgeResult<bool> {
        let route = pull_route(repository, PullNumber(0)).then("merge");
        match self.http.write(&Method::POST, &route, &json!({ "Do": "merge" })).await {
            Err(ForgeError::Forbidden { .. }) => Ok(false),
            Ok(_) | Err(ForgeError::NotFound { .. } | ForgeError::Refused { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn commit(&self, repository: &RepositoryName, sha: &CommitSha) -> ForgeResult<Commit> {
        let route = repository_route(repository).then("git").then("commits").value(sha);
        Ok(self.one::<WireCommit>(&without_details(route)).await?.into())
    }

    async fn commits(
        &self,
        repository: &RepositoryName,
        branch: &str,
        limit: u32,
    ) -> ForgeResult<Vec<Commit>> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let route = without_details(repository_route(repository).then("commits").with("sha", branch));
        let mut commits: Vec<Commit> = Vec::new();
        for page in 1..=MAXIMUM_PAGES {
            if commits.len() >= wanted {
                break;
            }
            let answer = self
                .http
                .get(
                    &route.clone().with("page", page.to_string()).with("limit", wanted.min(PAGE).to_string()),
                )
                .await?;
            let items: Vec<Option<WireCommit>> = answer.json::<Option<_>>()?.unwrap_or_default();
            if items.is_empty() {
                break;
            }
            commits.extend(items.into_iter().flatten().map(Commit::from));
            if answer.has_next() == Some(false) {
                break;
            }
        }
        commits.truncate(wanted);
        Ok(commits)
    }

    async fn compare(
        &self,
        repository: &RepositoryName,
        base: &CommitSha,
        head: &CommitSha,
    ) -> ForgeResult<Vec<CommitSha>> {
        let route = repository_route(repository).then("compare").value(&format!("{base}...{head}"));
        let answer = self.http.get(&without_details(route)).await?;
        let compared: WireCompare = answer.json()?;
        // Empty means "contains": a list that was cut short must not be mistaken for that.
        if compared.commits.len() < compared.total_commits {
            return Err(answer.unreadable("fewer commits than it counts"));
        }
        Ok(compared.commits.into_iter().flatten().map(|commit| commit.sha).collect())
    }

    async fn file(
        &self,
        repository: &RepositoryName,
        path: &str,
        revision: &str,
    ) -> ForgeResult<Option<FileAt>> {
        let contents = repository_route(repository).then("contents");
        let route = path.split('/').fold(contents, Route::value).with("ref", revision);
        let answer = match self.http.get(&route).await {
            Ok(answer) => answer,
            Err(ForgeError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let contents: WireContents = answer.json()?;
        let content = match (contents.kind.as_str(), contents.encoding.as_deref(), contents.content) {
            ("file", Some("base64"), Some(text)) => {
                let text: String = text.split_whitespace().collect();
                STANDARD.decode(text).map_err(|error| answer.unreadable(error.to_string()))?
            }
            ("file", _, _) => return Err(answer.unreadable("the file's contents are not in the answer")),
            (kind, _, _) => return Err(answer.unreadable(format!("a {kind}, not a file"))),
        };
        Ok(Some(FileAt { content, blob: contents.sha }))
    }

    async fn tree(&self, repository: &RepositoryName, commit: &CommitSha) -> ForgeResult<Vec<TreeEntry>> {
        let route = repository_route(repository)
            .then("git")
            .then("trees")
            .value(commit)
            .with("recursive", "true")
            .with("per_page", TREE_PAGE.to_string());
        let mut entries = Vec::new();
        for page in 1..=MAXIMUM_PAGES {
            let answer = self.http.get(&route.clone().with("page", page.to_string())).await?;
            let tree: WireTree = answer.json()?;
            if tree.truncated && tree.tree.is_empty() {
                return Err(answer.unreadable("an empty page that is said not to be the last"));
            }
            for entry in tree.tree.into_iter().flatten() {
                entries.push(entry.into_entry().map_err(|why| answer.unreadable(why))?);
            }
            if !tree.truncated {
                return Ok(entries);
            }
        }
        Err(ForgeError::Unreadable {
            what: format!("GET /repos/{repository}/git/trees/{commit}"),
            said: format!("more than {MAXIMUM_PAGES} pages"),
        })
    }

    async fn change_files(
        &self,
        _lease: &ClusterLease,
        repository: &RepositoryName,
        commit: &FilesCommit,
    ) -> ForgeResult<CommitSha> {
        let files: Vec<Value> = commit
            .files
            .iter()
            .map(|file| match file {
                FileWrite::Create { path, content } => {
                    json!({ "operation": "create", "path": path, "content": STANDARD.encode(content) })
                }
                FileWrite::Update { path, content, expected } => json!({
                    "operation": "update",
                    "path": path,
                    "content": STANDARD.encode(content),
                    "sha": expected,
                }),
                FileWrite::Delete { path, expected } => {
                    json!({ "operation": "delete", "path": path, "sha": expected })
                }
            })
            .collect();
        let mut body = json!({ "branch": commit.branch, "message": commit.message, "files": files });
        if let Some(name) = &commit.new_branch {
            body["new_branch"] = Value::from(name.as_str());
        }
        let route = repository_route(repository).then("contents");
        let answer: WireFilesAnswer = self.http.write_branch(&Method::POST, &route, &body).await?.json()?;
        Ok(answer.commit.sha)
    }
}
