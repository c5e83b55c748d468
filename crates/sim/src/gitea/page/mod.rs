//! A plain page for people: what the real server shows as a web page, as far as a person needs it to play their part.
//!
//! A tick posts the number of the box and the version that the page was loaded with, and changes one byte of the body,
//! where the parser found the box. If the body was written in between, the tick is refused and the page must be loaded
//! again, as on the real server.

mod endings;
mod render;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::fmt::Write as _;

use super::Gitea;
use super::issues::{IssueEdit, LabelChange};
use super::state::{Issue, Repo, World};
use super::view::{IssueState, Refusal};
use render::{escape, rendered, turned};

const STYLE: &str = include_str!("page.css");

const SCRIPT: &str = "function tick(index){const form=document.getElementById('tick');\
form.elements.index.value=index;form.submit()}";

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/", get(index))
        .route("/{owner}/{repo}", get(both))
        .route("/{owner}/{repo}/issues", get(issues))
        .route("/{owner}/{repo}/pulls", get(pulls))
        .route("/{owner}/{repo}/issues/{number}", get(show))
        .route("/{owner}/{repo}/pulls/{number}", get(show))
        .route("/{owner}/{repo}/issues/{number}/tick", post(tick))
        .route("/{owner}/{repo}/issues/{number}/body", post(body))
        .route("/{owner}/{repo}/issues/{number}/comment", post(comment))
        .route("/{owner}/{repo}/issues/{number}/labels", post(labels))
        .route("/{owner}/{repo}/issues/{number}/state", post(state))
}

type Place = Path<(String, String, String)>;

fn document(title: &str, place: Option<&Repo>, content: &str) -> Html<String> {
    let links = place.map_or_else(String::new, |repo| {
        let name = escape(&repo.full_name());
        format!("<a href=\"/{name}/issues\">Issues</a><a href=\"/{name}/pulls\">Pull requests</a>")
    });
    let here = place.map_or_else(|| "Simulated Gitea".to_owned(), |repo| escape(&repo.full_name()));
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style><script>{SCRIPT}</script></head>\
         <body><nav><b><a href=\"/\">{here}</a></b>{links}</nav>{content}</body></html>",
        escape(title)
    ))
}

/// What a person reads when an act is refused. What they wrote is shown, since it is nowhere else.
fn refused(refusal: &Refusal, back: Option<&str>, written: Option<&str>) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (title, notice) = if refusal.status == 409 {
        let notice = "The text was changed after you loaded the page, so nothing was saved. Load it again, and do it once \
                      more on the text as it is now.";
        ("Changed in between", notice.to_owned())
    } else {
        ("Refused", escape(&refusal.message))
    };
    let mut content = format!("<h1>{title}</h1><p class=\"notice\">{notice}</p>");
    if let Some(back) = back {
        let _ = write!(content, "<p><a href=\"{}\">Load the page again</a></p>", escape(back));
    }
    if let Some(written) = written {
        let _ = write!(
            content,
            "<p>What you wrote, to copy from:</p><textarea rows=\"25\" readonly>\n{}</textarea>",
            escape(written)
        );
    }
    (status, document(title, None, &content)).into_response()
}

async fn index(State(gitea): State<Gitea>) -> Html<String> {
    let content = gitea.with(|world| {
        let mut content = String::from("<h1>Repositories</h1>");
        for repo in world.repos.values() {
            let name = escape(&repo.full_name());
            let _ = write!(content, "<h2><a href=\"/{name}\">{name}</a></h2>{}", list(repo, |_| true));
        }
        content
    });
    document("Simulated Gitea", None, &content)
}

type RepoPlace = Path<(String, String)>;

async fn both(State(gitea): State<Gitea>, place: RepoPlace) -> Response {
    listing(&gitea, place, "Issues and pull requests", |_| true)
}

async fn issues(State(gitea): State<Gitea>, place: RepoPlace) -> Response {
    listing(&gitea, place, "Issues", |issue| issue.pull.is_none())
}

async fn pulls(State(gitea): State<Gitea>, place: RepoPlace) -> Response {
    listing(&gitea, place, "Pull requests", |issue| issue.pull.is_some())
}

fn listing(
    gitea: &Gitea,
    Path((owner, name)): RepoPlace,
    title: &str,
    wanted: impl Fn(&Issue) -> bool,
) -> Response {
    let shown = gitea.with(|world| {
        let repo = world.repo(world.repo_id(&owner, &name).ok_or_else(Refusal::not_found)?)?;
        Ok(document(title, Some(repo), &format!("<h1>{title}</h1>{}", list(repo, wanted))).into_response())
    });
    shown.unwrap_or_else(|refusal: Refusal| refused(&refusal, Some("/"), None))
}

/// The open ones first, the newest first.
fn list(repo: &Repo, wanted: impl Fn(&Issue) -> bool) -> String {
    let mut found: Vec<&Issue> = repo.issues.values().filter(|issue| wanted(issue)).collect();
    found.sort_by_key(|issue| (issue.state == IssueState::Closed, std::cmp::Reverse(issue.number)));
    if found.is_empty() {
        return "<p>There is none.</p>".to_owned();
    }
    let items: String = found.into_iter().map(|issue| list_item(repo, issue)).collect();
    format!("<ul class=\"list\">{items}</ul>")
}

/// The state in a word, which is its class as well.
fn state_word(issue: &Issue) -> &'static str {
    match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ => issue.state.as_str(),
    }
}

fn address(repo: &Repo, issue: &Issue) -> String {
    let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
    format!("/{}/{kind}/{}", escape(&repo.full_name()), issue.number)
}

fn list_item(repo: &Repo, issue: &Issue) -> String {
    let state = state_word(issue);
    format!(
        "<li><span class=\"state {state}\">{state}</span> <a href=\"{}\">#{} {}</a> {}</li>",
        address(repo, issue),
        issue.number,
        escape(&issue.title),
        label_spans(repo, issue)
    )
}

fn label_spans(repo: &Repo, issue: &Issue) -> String {
    let names = issue.labels.iter().filter_map(|id| repo.labels.get(id));
    names.fold(String::new(), |mut spans, label| {
        let _ = write!(spans, "<span class=\"label\">{}</span>", escape(&label.name));
        spans
    })
}

async fn show(State(gitea): State<Gitea>, Path((owner, name, number)): Place) -> Response {
    let acting = gitea.inner.page_user.clone();
    let shown = gitea.with(|world| {
        let repo = world.repo(world.repo_id(&owner, &name).ok_or_else(Refusal::not_found)?)?;
        if let Some(digits) = number.strip_suffix(".diff") {
            return patch(repo, digits).map(IntoResponse::into_response);
        }
        let number: u64 = number.parse().map_err(|_| Refusal::not_found())?;
        let issue = repo.issue(number)?;
        let page = issue_page(repo, issue, acting.as_deref());
        Ok(document(&issue.title, Some(repo), &page).into_response())
    });
    shown.unwrap_or_else(|refusal: Refusal| refused(&refusal, Some("/"), None))
}

fn patch(repo: &Repo, digits: &str) -> Result<impl IntoResponse + use<>, Refusal> {
    let number: u64 = digits.parse().map_err(|_| Refusal::not_found())?;
    let pull = repo.issue(number)?.pull.as_ref().ok_or_else(Refusal::not_found)?;
    let tree = |sha: &str| repo.git.commit(sha).map(|commit| &commit.files).ok_or_else(Refusal::not_found);
    let diffs = super::merge::diff_trees(&repo.git, tree(&pull.merge_base)?, tree(&pull.head)?);
    let text: String = diffs.into_iter().map(|diff| diff.patch).collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

fn issue_page(repo: &Repo, issue: &Issue, acting: Option<&str>) -> String {
    let version = issue.content_version;
    let forms = format!("/{}/issues/{}", escape(&repo.full_name()), issue.number);
    let mut page = format!(
        "<h1>{} <small>#{}</small></h1><p><span class=\"state {state}\">{state}</span> {} opened by {}</p>",
        escape(&issue.title),
        issue.number,
        label_spans(repo, issue),
        escape(&issue.author),
        state = state_word(issue),
    );
    if let Some(pull) = &issue.pull {
        let merged = pull.merged.as_ref().map_or_else(
            || {
                if super::json::is_mergeable(issue, pull) {
                    "can be merged".into()
                } else {
                    "cannot be merged".into()
                }
            },
            |merged| format!("merged by {} as {}", escape(&merged.by), merged.commit),
        );
        let _ = write!(
            page,
            "<p>{} into {}: {merged} (<a href=\"{}.diff\">patch</a>)</p>",
            escape(&pull.head_branch),
            escape(&pull.base_branch),
            address(repo, issue)
        );
    }
    let _ = write!(page, "<article>{}</article>", rendered(&issue.body, acting.is_some(), &repo.full_name()));
    for (entry, text) in issue.comments() {
        let _ = write!(
            page,
            "<div class=\"comment\"><p><b>{}</b> {}</p>{}</div>",
            escape(&entry.author),
            entry.created,
            rendered(text, false, &repo.full_name())
        );
    }
    let Some(acting) = acting else { return page };
    let mut boxes = String::new();
    for label in repo.labels.values() {
        let checked = if issue.labels.contains(&label.id) { " checked" } else { "" };
        let (id, name) = (label.id, escape(&label.name));
        let _ = write!(boxes, "<label><input type=\"checkbox\" name=\"l{id}\"{checked}> {name}</label> ");
    }
    let (other, verb) = match issue.state {
        IssueState::Open => ("closed", "Close"),
        IssueState::Closed => ("open", "Reopen"),
    };
    let _ = write!(
        page,
        "<form id=\"tick\" method=\"post\" action=\"{forms}/tick\"><input type=\"hidden\" name=\"index\">\
         <input type=\"hidden\" name=\"version\" value=\"{version}\"></form><section class=\"act\"><p>You act as <b>{}</b>.</p>\
         <form method=\"post\" action=\"{forms}/comment\"><textarea name=\"text\" rows=\"3\" placeholder=\"A comment\"></textarea>\
         <button>Comment</button></form><form method=\"post\" action=\"{forms}/labels\"><p>{boxes}\
         <button>Set labels</button></p></form><form method=\"post\" action=\"{forms}/state\">\
         <input type=\"hidden\" name=\"state\" value=\"{other}\"><button>{verb}</button></form>\
         <details><summary>Edit the text</summary><form method=\"post\" action=\"{forms}/body\">\
         <input type=\"hidden\" name=\"version\" value=\"{version}\"><textarea name=\"text\" rows=\"30\">\n{}</textarea>\
         <button>Save</button></form></details></section>",
        escape(acting),
        escape(&issue.body),
    );
    page
}

/// Runs an act of the person who uses the page, and shows the page again.
fn act(
    gitea: &Gitea,
    (owner, name, number): &(String, String, String),
    written: Option<&str>,
    run: impl FnOnce(&mut World, u64, &str, u64) -> Result<(), Refusal>,
) -> Response {
    let done = gitea.with(|world| {
        let by =
            gitea.inner.page_user.as_deref().ok_or_else(|| Refusal::new(403, "nobody acts on this page"))?;
        let repo = world.repo_id(owner, name).ok_or_else(Refusal::not_found)?;
        let number = number.parse().map_err(|_| Refusal::not_found())?;
        run(world, repo, by, number)
    });
    let page = format!("/{owner}/{name}/issues/{number}");
    match done {
        Ok(()) => Redirect::to(&page).into_response(),
        Err(refusal) => refused(&refusal, Some(&page), written),
    }
}

#[derive(Deserialize)]
struct Tick {
    index: usize,
    version: i64,
}

async fn tick(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<Tick>) -> Response {
    act(&gitea, &place, None, |world, repo, by, number| {
        let issue = world.repo(repo)?.issue(number)?;
        if issue.content_version != form.version {
            return Err(Refusal::new(409, "the issue is already changed"));
        }
        let body =
            turned(&issue.body, form.index).ok_or_else(|| Refusal::new(400, "there is no such box"))?;
        let edit =
            IssueEdit { body: Some(body), content_version: Some(form.version), ..IssueEdit::default() };
        world.edit_issue(repo, by, number, edit)
    })
}

#[derive(Deserialize)]
struct Text {
    text: String,
    #[serde(default)]
    version: Option<i64>,
}

async fn body(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<Text>) -> Response {
    act(&gitea, &place, Some(&form.text), |world, repo, by, number| {
        // A browser sends every line of a form with CRLF: what was not edited keeps its own ends.
        let text = endings::restored(&world.repo(repo)?.issue(number)?.body, &form.text);
        let edit = IssueEdit { body: Some(text), content_version: form.version, ..IssueEdit::default() };
        world.edit_issue(repo, by, number, edit)
    })
}

async fn comment(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<Text>) -> Response {
    act(&gitea, &place, None, |world, repo, by, number| {
        if form.text.trim().is_empty() {
            return Err(Refusal::new(422, "a comment needs a text"));
        }
        world.comment(repo, by, number, &form.text.replace("\r\n", "\n")).map(|_| ())
    })
}

/// The boxes that are ticked; each field is an `l` and the label's id.
async fn labels(
    State(gitea): State<Gitea>,
    Path(place): Place,
    Form(form): Form<std::collections::BTreeMap<String, String>>,
) -> Response {
    let ids = form.keys().filter_map(|key| key.strip_prefix('l')?.parse().ok()).collect();
    act(&gitea, &place, None, |world, repo, by, number| {
        world.change_labels(repo, by, number, &LabelChange::Replace(ids))
    })
}

#[derive(Deserialize)]
struct StateForm {
    state: String,
}

async fn state(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<StateForm>) -> Response {
    let state = if form.state == "open" { IssueState::Open } else { IssueState::Closed };
    act(&gitea, &place, None, |world, repo, by, number| {
        let edit = IssueEdit { state: Some(state), ..IssueEdit::default() };
        world.edit_issue(repo, by, number, edit)
    })
}
