//! A plain page for people: what the real server shows as a web page, as far as a person needs it to play their part.
//!
//! A tick posts the number of the box and the version that the page was loaded with, and changes one byte of the body,
//! where the parser found the box. If the body was written in between, the tick is refused and the page must be loaded
//! again, as on the real server.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag};
use serde::Deserialize;
use std::fmt::Write as _;

use super::Gitea;
use super::issues::{IssueEdit, LabelChange};
use super::state::{Issue, Repo, World};
use super::view::{IssueState, Refusal};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#222}a{color:#0b57d0}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem}\
code,pre{background:#f4f4f4}pre{padding:.6rem;overflow:auto}.label{border:1px solid #888;border-radius:1rem;\
padding:0 .6rem;margin-right:.3rem;font-size:.85rem}.open{color:#1a7f37}.closed{color:#8250df}\
textarea{width:100%;font:14px/1.4 ui-monospace,monospace}.comment{border-top:1px solid #ccc;margin-top:1rem}\
.notice{background:#fff3cd;padding:.6rem}li{margin:.2rem 0}";

const SCRIPT: &str = "function tick(index){const form=document.getElementById('tick');\
form.elements.index.value=index;form.submit()}";

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/", get(index))
        .route("/{owner}/{repo}/issues/{number}", get(show))
        .route("/{owner}/{repo}/pulls/{number}", get(show))
        .route("/{owner}/{repo}/issues/{number}/tick", post(tick))
        .route("/{owner}/{repo}/issues/{number}/body", post(body))
        .route("/{owner}/{repo}/issues/{number}/comment", post(comment))
        .route("/{owner}/{repo}/issues/{number}/labels", post(labels))
        .route("/{owner}/{repo}/issues/{number}/state", post(state))
}

type Place = Path<(String, String, String)>;

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn document(title: &str, content: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title><style>{STYLE}</style>\
         <script>{SCRIPT}</script></head><body>{content}</body></html>",
        escape(title)
    ))
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let notice = if refusal.status == 409 {
        "The text was changed after you loaded the page. Go back, reload, and try again.".to_owned()
    } else {
        escape(&refusal.message)
    };
    (status, document("Refused", &format!("<p class=\"notice\">{notice}</p>"))).into_response()
}

async fn index(State(gitea): State<Gitea>) -> Html<String> {
    let content = gitea.with(|world| {
        let mut content = String::from("<h1>Repositories</h1>");
        for repo in world.repos.values() {
            let _ = write!(content, "<h2>{}</h2><ul>", escape(&repo.full_name()));
            for issue in repo.issues.values().rev() {
                content += &list_item(repo, issue);
            }
            content += "</ul>";
        }
        content
    });
    document("Simulated Gitea", &content)
}

fn address(repo: &Repo, issue: &Issue) -> String {
    let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
    format!("/{}/{kind}/{}", escape(&repo.full_name()), issue.number)
}

fn list_item(repo: &Repo, issue: &Issue) -> String {
    let state = issue.state.as_str();
    let what = match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ => state,
    };
    format!(
        "<li><a href=\"{}\">#{} {}</a> <span class=\"{state}\">{what}</span> {}</li>",
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
        Ok(document(&issue.title, &issue_page(repo, issue, acting.as_deref())).into_response())
    });
    shown.unwrap_or_else(|refusal| refused(&refusal))
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
        "<p><a href=\"/\">all</a></p><h1>{} <small>#{}</small></h1><p><b class=\"{state}\">{state}</b> {} \
         opened by {}</p>",
        escape(&issue.title),
        issue.number,
        label_spans(repo, issue),
        escape(&issue.author),
        state = issue.state.as_str(),
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
    let _ = write!(page, "<article>{}</article>", rendered(&issue.body, acting.is_some()));
    for (entry, text) in issue.comments() {
        let _ = write!(
            page,
            "<div class=\"comment\"><p><b>{}</b> {}</p>{}</div>",
            escape(&entry.author),
            entry.created,
            rendered(text, false)
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
         <input type=\"hidden\" name=\"version\" value=\"{version}\"></form><hr><p>You act as <b>{}</b>.</p>\
         <form method=\"post\" action=\"{forms}/comment\"><textarea name=\"text\" rows=\"3\"></textarea>\
         <button>Comment</button></form><form method=\"post\" action=\"{forms}/labels\"><p>{boxes}\
         <button>Set labels</button></p></form><form method=\"post\" action=\"{forms}/state\">\
         <input type=\"hidden\" name=\"state\" value=\"{other}\"><button>{verb}</button></form>\
         <details><summary>Edit the text</summary><form method=\"post\" action=\"{forms}/body\">\
         <input type=\"hidden\" name=\"version\" value=\"{version}\"><textarea name=\"text\" rows=\"30\">\n{}</textarea>\
         <button>Save</button></form></details>",
        escape(acting),
        escape(&issue.body),
    );
    page
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH)
}

/// The body as HTML. Raw HTML is shown as text, other than what folds.
fn rendered(text: &str, can_tick: bool) -> String {
    let mut index = 0;
    let events = parser(text).map(|event| match event {
        Event::TaskListMarker(checked) => {
            let (mark, lock) =
                (if checked { " checked" } else { "" }, if can_tick { "" } else { " disabled" });
            let html = format!("<input type=\"checkbox\"{mark}{lock} onchange=\"tick({index})\"> ");
            index += 1;
            Event::Html(html.into())
        }
        Event::Html(html) => Event::Html(folding_only(&html).into()),
        Event::InlineHtml(html) => Event::InlineHtml(folding_only(&html).into()),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: web_only(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: web_only(dest_url), title, id })
        }
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

fn web_only(address: CowStr<'_>) -> CowStr<'_> {
    let allowed = ["http://", "https://", "/", "#"].iter().any(|start| address.starts_with(start));
    if allowed { address } else { CowStr::Borrowed("#") }
}

/// Keeps `details` and `summary`, drops comments, and escapes every other tag.
fn folding_only(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        kept += &escape(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            let end = rest.find("-->").map_or(rest.len(), |end| end + 3);
            rest = &rest[end..];
            continue;
        }
        let tag =
            ["<details>", "</details>", "<summary>", "</summary>"].iter().find(|tag| rest.starts_with(**tag));
        if let Some(tag) = tag {
            kept += tag;
            rest = &rest[tag.len()..];
        } else {
            kept += "&lt;";
            rest = &rest[1..];
        }
    }
    kept + &escape(rest)
}

/// The body with one box turned, by changing the byte between its brackets.
fn turned(text: &str, index: usize) -> Option<String> {
    let boxes =
        parser(text).into_offset_iter().filter(|(event, _)| matches!(event, Event::TaskListMarker(_)));
    let (event, range) = boxes.into_iter().nth(index)?;
    let at = range.start + text.get(range.clone())?.find('[')? + 1;
    let mark = if matches!(event, Event::TaskListMarker(true)) { " " } else { "x" };
    text.is_char_boundary(at + 1).then(|| format!("{}{mark}{}", &text[..at], &text[at + 1..]))
}

/// Runs an act of the person who uses the page, and shows the page again.
fn act(
    gitea: &Gitea,
    (owner, name, number): &(String, String, String),
    run: impl FnOnce(&mut World, u64, &str, u64) -> Result<(), Refusal>,
) -> Response {
    let done = gitea.with(|world| {
        let by =
            gitea.inner.page_user.as_deref().ok_or_else(|| Refusal::new(403, "nobody acts on this page"))?;
        let repo = world.repo_id(owner, name).ok_or_else(Refusal::not_found)?;
        let number = number.parse().map_err(|_| Refusal::not_found())?;
        run(world, repo, by, number)
    });
    match done {
        Ok(()) => Redirect::to(&format!("/{owner}/{name}/issues/{number}")).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

#[derive(Deserialize)]
struct Tick {
    index: usize,
    version: i64,
}

async fn tick(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<Tick>) -> Response {
    act(&gitea, &place, |world, repo, by, number| {
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
    act(&gitea, &place, |world, repo, by, number| {
        let edit = IssueEdit { body: Some(form.text), content_version: form.version, ..IssueEdit::default() };
        world.edit_issue(repo, by, number, edit)
    })
}

async fn comment(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<Text>) -> Response {
    act(&gitea, &place, |world, repo, by, number| {
        if form.text.trim().is_empty() {
            return Err(Refusal::new(422, "a comment needs a text"));
        }
        world.comment(repo, by, number, &form.text).map(|_| ())
    })
}

/// The boxes that are ticked; each field is an `l` and the label's id.
async fn labels(
    State(gitea): State<Gitea>,
    Path(place): Place,
    Form(form): Form<std::collections::BTreeMap<String, String>>,
) -> Response {
    let ids = form.keys().filter_map(|key| key.strip_prefix('l')?.parse().ok()).collect();
    act(&gitea, &place, |world, repo, by, number| {
        world.change_labels(repo, by, number, &LabelChange::Replace(ids))
    })
}

#[derive(Deserialize)]
struct StateForm {
    state: String,
}

async fn state(State(gitea): State<Gitea>, Path(place): Place, Form(form): Form<StateForm>) -> Response {
    let state = if form.state == "open" { IssueState::Open } else { IssueState::Closed };
    act(&gitea, &place, |world, repo, by, number| {
        let edit = IssueEdit { state: Some(state), ..IssueEdit::default() };
        world.edit_issue(repo, by, number, edit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_changes_one_byte() {
        let text = "- [ ] ä\r\n- [x] b\r\n\r\n```\n- [ ] no\n```\n1. [X] c\n   - [ ] d\n";
        assert_eq!(turned(text, 0).as_deref(), Some(text.replacen("[ ] ä", "[x] ä", 1).as_str()));
        assert_eq!(turned(text, 1).as_deref(), Some(text.replacen("[x] b", "[ ] b", 1).as_str()));
        assert_eq!(turned(text, 2).as_deref(), Some(text.replacen("[X] c", "[ ] c", 1).as_str()));
        assert_eq!(turned(text, 3).as_deref(), Some(text.replacen("[ ] d", "[x] d", 1).as_str()));
        assert_eq!(turned(text, 4), None);
    }

    #[test]
    fn raw_html_is_shown_as_text() {
        let html = rendered(
            "<details><summary>x</summary>\n\n<script>alert(1)</script>\n\n</details>\n\na <b>c</b>",
            false,
        );
        assert!(html.contains("<details><summary>x</summary>") && html.contains("</details>"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(!rendered("<!-- hidden --> shown", false).contains("hidden"));
        assert!(!rendered("[x](javascript:alert(1))", false).contains("javascript"));
    }
}
