//! Issues, their comments, timeline and dependencies.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::Gitea;
use super::super::issues::{IssueEdit, LabelChange, NewIssue};
use super::super::json;
use super::super::payload;
use super::super::state::{Issue, Repo, World};
use super::super::view::{IssueState, Permission, Refusal};
use super::call::{Answer, Call, Need, Outcome, Visit, read, whole};

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/issues", get(list).post(open))
        .route("/issues/{number}", get(show).patch(edit))
        .route("/issues/{number}/comments", get(comments).post(comment))
        .route("/issues/{number}/timeline", get(timeline))
        .route(
            "/issues/{number}/dependencies",
            get(dependencies).post(add_dependency).delete(remove_dependency),
        )
        .route("/issues/{number}/blocks", get(blocks))
        .route("/issues/comments", get(all_comments))
        .route("/issues/comments/{id}", get(show_comment).patch(edit_comment).delete(delete_comment))
}

pub(crate) type Place = Path<(String, String)>;
pub(crate) type NumberedPlace = Path<(String, String, u64)>;

/// What a list of issues is narrowed to.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    state: Option<IssueState>,
    pulls: Option<bool>,
    pub(crate) labels: Vec<String>,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    created_by: Option<String>,
    assigned_by: Option<String>,
    text: String,
}

impl Filter {
    pub(crate) fn from_query(query: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let text = |name: &str| query.get(name).filter(|value| !value.is_empty()).cloned();
        Ok(Self {
            state: match query.get("state").map(String::as_str) {
                Some("all") => None,
                Some("closed") => Some(IssueState::Closed),
                _ => Some(IssueState::Open),
            },
            pulls: match query.get("type").map(String::as_str) {
                Some("issues") => Some(false),
                Some("pulls") => Some(true),
                _ => None,
            },
            labels: text("labels")
                .map(|names| names.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            since: time(query.get("since"))?,
            before: time(query.get("before"))?,
            created_by: text("created_by"),
            assigned_by: text("assigned_by"),
            text: text("q").unwrap_or_default().to_lowercase(),
        })
    }

    /// Whether an issue passes, labels left aside.
    pub(crate) fn matches(&self, issue: &Issue) -> bool {
        self.state.is_none_or(|state| issue.state == state)
            && self.pulls.is_none_or(|pulls| issue.pull.is_some() == pulls)
            && self.since.is_none_or(|since| issue.updated >= since)
            && self.before.is_none_or(|before| issue.updated <= before)
            && self.created_by.as_ref().is_none_or(|login| issue.author == *login)
            && self.assigned_by.as_ref().is_none_or(|login| issue.assignees.contains(login))
            && (issue.title.to_lowercase().contains(&self.text)
                || issue.body.to_lowercase().contains(&self.text))
    }

    /// The ids of the labels by name. A name that no label has is dropped, as the real server drops it: a filter of
    /// unknown names alone filters nothing.
    fn label_ids(&self, repo: &Repo) -> BTreeSet<u64> {
        let id = |name: &String| repo.labels.values().find(|label| label.name == *name).map(|label| label.id);
        self.labels.iter().filter_map(id).collect()
    }

    fn select<'a>(&self, repo: &'a Repo) -> Vec<&'a Issue> {
        let labels = self.label_ids(repo);
        let wanted = |issue: &&Issue| self.matches(issue) && labels.is_subset(&issue.labels);
        let mut issues: Vec<&Issue> = repo.issues.values().filter(wanted).collect();
        issues.sort_by(|a, b| b.created.cmp(&a.created).then(b.id.cmp(&a.id)));
        issues
    }
}

fn time(text: Option<&String>) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |_| {
        let layout = "2006-01-02T15:04:05Z07:00";
        Refusal::new(
            422,
            format!("parsing time \"{text}\" as \"{layout}\": cannot parse \"{text}\" as \"2006\""),
        )
    };
    text.parse().map(Some).map_err(wrong)
}

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let (filter, page) = (Filter::from_query(&call.query), call.page());
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let issues = filter?.select(repo);
        let total = issues.len();
        let shown = page.cut(issues).map(|issue| json::issue(world, repo, issue, visit.viewer()));
        Ok(Answer::List { items: shown.collect(), total })
    })
}

#[derive(Deserialize)]
struct OpenIssue {
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    labels: Vec<u64>,
    #[serde(default)]
    assignees: Vec<String>,
    #[serde(default)]
    closed: bool,
}

async fn open(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let new: OpenIssue = read(&body)?;
        if new.title.is_empty() {
            return Err(Refusal::new(422, "[Title]: Required"));
        }
        // Without write access labels and assignees are left out silently.
        let writer = visit.permission >= Permission::Write;
        let new = NewIssue {
            title: new.title,
            body: new.body,
            labels: if writer { new.labels } else { Vec::new() },
            assignees: if writer { new.assignees } else { Vec::new() },
            closed: new.closed,
            number: None,
        };
        let number = world.open_issue(visit.repo, visit.by(), new)?;
        render(world, visit, number, 201)
    })
}

fn render(world: &World, visit: &Visit, number: u64, status: u16) -> Outcome {
    let repo = world.repo(visit.repo)?;
    Ok(Answer::Json(status, json::issue(world, repo, repo.issue(number)?, visit.viewer())))
}

async fn show(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| render(world, visit, number, 200))
}

/// The fields of a PATCH of an issue or a pull request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct EditIssue {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) assignees: Option<Vec<String>>,
    pub(crate) content_version: Option<i64>,
    /// Pull requests only.
    pub(crate) labels: Option<Vec<u64>>,
}

/// Changes an issue or a pull request, for its author and those with write access.
pub(crate) fn apply_edit(
    world: &mut World,
    visit: &Visit,
    number: u64,
    edit: EditIssue,
) -> Result<(), Refusal> {
    let issue = world.repo(visit.repo)?.issue(number)?;
    let writer = visit.permission >= Permission::Write;
    if !writer && issue.author != visit.by() {
        return Err(Refusal::new(403, ""));
    }
    let state = match edit.state.as_deref() {
        None | Some("") => None,
        Some("open") => Some(IssueState::Open),
        Some("closed") => Some(IssueState::Closed),
        Some(other) => return Err(Refusal::new(422, format!("unknown state: {other}"))),
    };
    let change = IssueEdit {
        title: edit.title,
        body: edit.body,
        state,
        assignees: edit.assignees.filter(|_| writer),
        content_version: edit.content_version,
    };
    world.edit_issue(visit.repo, visit.by(), number, change)?;
    if let Some(labels) = edit.labels.filter(|_| writer) {
        world.change_labels(visit.repo, visit.by(), number, &LabelChange::Replace(labels))?;
    }
    Ok(())
}

async fn edit(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let edit = EditIssue { labels: None, ..read(&body)? };
        apply_edit(world, visit, number, edit)?;
        render(world, visit, number, 201)
    })
}

async fn comments(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    let since = time(call.query.get("since"));
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let since = since?;
        let repo = world.repo(visit.repo)?;
        let issue = repo.issue(number)?;
        let wanted = issue.comments().filter(|(entry, _)| since.is_none_or(|since| entry.updated >= since));
        Ok(whole(wanted.map(|(entry, body)| json::comment(world, repo, issue, entry, body)).collect()))
    })
}

async fn all_comments(call: Call, Path((owner, name)): Place) -> Response {
    let (since, page) = (time(call.query.get("since")), call.page());
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let since = since?;
        let repo = world.repo(visit.repo)?;
        let mut found: Vec<_> = repo
            .issues
            .values()
            .flat_map(|issue| issue.comments().map(move |(entry, body)| (issue, entry, body)))
            .filter(|(_, entry, _)| since.is_none_or(|since| entry.updated >= since))
            .collect();
        found.sort_by_key(|(_, entry, _)| entry.id);
        let total = found.len();
        let shown =
            page.cut(found).map(|(issue, entry, body)| json::comment(world, repo, issue, entry, body));
        Ok(Answer::List { items: shown.collect(), total })
    })
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    body: String,
}

async fn comment(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit_unarchived(&owner, &name, Need::Account, |world, visit| {
        let text: Text = read(&body)?;
        if text.body.is_empty() {
            return Err(Refusal::new(422, "[Body]: Required"));
        }
        let id = world.comment(visit.repo, visit.by(), number, &text.body)?;
        render_comment(world, visit, id, 201)
    })
}

fn render_comment(world: &World, visit: &Visit, id: u64, status: u16) -> Outcome {
    let repo = world.repo(visit.repo)?;
    let issue = repo.issue(world.comment_place(visit.repo, id)?)?;
    let found = issue.comments().find(|(entry, _)| entry.id == id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Json(status, json::comment(world, repo, issue, found.0, found.1)))
}

async fn show_comment(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| render_comment(world, visit, id, 200))
}

/// Comments are changed by their author and by those with write access.
fn may_change(world: &World, visit: &Visit, id: u64) -> Result<(), Refusal> {
    let issue = world.repo(visit.repo)?.issue(world.comment_place(visit.repo, id)?)?;
    let own = issue.comments().any(|(entry, _)| entry.id == id && entry.author == visit.by());
    let allowed = own || visit.permission >= Permission::Write;
    allowed.then_some(()).ok_or_else(|| Refusal::new(403, ""))
}

async fn edit_comment(call: Call, Path((owner, name, id)): NumberedPlace, body: Bytes) -> Response {
    call.visit_unarchived(&owner, &name, Need::Account, |world, visit| {
        let text: Text = read(&body)?;
        may_change(world, visit, id)?;
        world.edit_comment(visit.repo, visit.by(), id, &text.body)?;
        render_comment(world, visit, id, 200)
    })
}

async fn delete_comment(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        may_change(world, visit, id)?;
        world.delete_comment(visit.repo, visit.by(), id)?;
        Ok(Answer::Empty(204))
    })
}

async fn timeline(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        Ok(whole(payload::timeline(world, repo, repo.issue(number)?)))
    })
}

async fn dependencies(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let on = repo.issue(number)?.dependencies.iter().filter_map(|on| repo.issues.get(on));
        Ok(whole(on.map(|issue| json::issue(world, repo, issue, visit.viewer())).collect()))
    })
}

async fn blocks(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        repo.issue(number)?;
        let blocked = repo.issues.values().filter(|issue| issue.dependencies.contains(&number));
        Ok(whole(blocked.map(|issue| json::issue(world, repo, issue, visit.viewer())).collect()))
    })
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    repo: String,
}

/// Only dependencies within one repository are simulated.
fn dependency(world: &World, visit: &Visit, body: &Bytes) -> Result<u64, Refusal> {
    let dependency: Dependency = read(body)?;
    let repo = world.repo(visit.repo)?;
    let here = (dependency.owner.is_empty() && dependency.repo.is_empty())
        || (dependency.owner == repo.owner && dependency.repo == repo.name);
    here.then_some(dependency.index).ok_or_else(Refusal::not_found)
}

async fn add_dependency(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit_unarchived(&owner, &name, Need::Write, |world, visit| {
        let on = dependency(world, visit, &body)?;
        world.add_dependency(visit.repo, visit.by(), number, on)?;
        render(world, visit, number, 201)
    })
}

async fn remove_dependency(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit_unarchived(&owner, &name, Need::Write, |world, visit| {
        let on = dependency(world, visit, &body)?;
        if !world.issue_mut(visit.repo, number)?.dependencies.remove(&on) {
            return Err(Refusal::not_found());
        }
        render(world, visit, number, 200)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &[(&str, &str)]) -> Filter {
        let query = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Filter::from_query(&query).expect("a filter")
    }

    #[tokio::test]
    async fn an_unknown_label_is_dropped_from_the_filter() {
        let gitea = Gitea::start(crate::gitea::Options::default()).await.expect("a free port");
        gitea.create_user("operator", true);
        let repository = gitea.create_repository("ops", "homelab", true);
        repository.create_label("maintenance", "#0e8a16").expect("a label");
        repository.create_label("needs-human", "#b60205").expect("a label");
        repository.open_issue("operator", "one", "", &["maintenance"]).expect("an issue");
        repository.open_issue("operator", "two", "", &["maintenance", "needs-human"]).expect("an issue");
        repository.open_issue("operator", "three", "", &[]).expect("an issue");
        let select = |labels: &str| {
            gitea.with(|world| {
                let repo = world.repos.values().next().expect("the repository");
                filter(&[("labels", labels)])
                    .select(repo)
                    .iter()
                    .map(|issue| issue.number)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(select("maintenance"), [2, 1]);
        assert_eq!(select("maintenance,needs-human"), [2]);
        assert_eq!(select("no-such-label"), [3, 2, 1]);
        assert_eq!(select("no-such-label,needs-human"), [2]);
        assert!(Filter::from_query(&BTreeMap::from([("since".into(), "yesterday".into())])).is_err());
        gitea.shutdown().await;
    }
}
