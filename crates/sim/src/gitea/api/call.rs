//! What the handlers share: who asks, what they may do, how lists are cut into pages, how answers are written.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::Gitea;
use super::super::auth::Caller;
use super::super::pulls::Client;
use super::super::state::World;
use super::super::view::{Permission, Refusal};
use super::{error_response, json_response};

/// The path as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct WholePath(pub(crate) String);

/// A request on its way to its handler.
pub(crate) struct Call {
    gitea: Gitea,
    login: Option<String>,
    path: String,
    pub(crate) client: Client,
    pub(crate) query: BTreeMap<String, String>,
}

impl FromRequestParts<Gitea> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gitea: &Gitea) -> Result<Self, Response> {
        let login = parts.extensions.get::<Caller>().and_then(|caller| caller.login.clone());
        // Nested routers see a shortened path; the links of a list need the whole one.
        let path = parts.extensions.get::<WholePath>().map_or_else(String::new, |path| path.0.clone());
        let query = Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
        let client = parts.extensions.get::<Client>().copied().unwrap_or(Client::Waits);
        Ok(Self { gitea: gitea.clone(), login, path, client, query })
    }
}

/// Who acts on which repository.
pub(crate) struct Visit {
    pub(crate) repo: u64,
    pub(crate) login: Option<String>,
    pub(crate) permission: Permission,
}

impl Visit {
    /// The login of who acts. Only asked where a caller is required.
    pub(crate) fn by(&self) -> &str {
        self.login.as_deref().unwrap_or_default()
    }

    pub(crate) fn viewer(&self) -> Option<&str> {
        self.login.as_deref()
    }
}

/// What it takes to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To see the repository.
    Read,
    /// To see it, and not anonymously.
    Account,
    /// To change its content.
    Write,
    /// To change its settings.
    Admin,
}

/// An answer before it is written.
pub(crate) enum Answer {
    Json(u16, Value),
    Empty(u16),
    Text(String),
    /// This server has no such address.
    NoRoute,
    /// A list, already cut to its page, and how many there are in all.
    List {
        items: Value,
        total: usize,
    },
    /// A page of commits, with a few headers more.
    Commits {
        items: Value,
        total: usize,
        page: usize,
        limit: usize,
    },
}

pub(crate) type Outcome = Result<Answer, Refusal>;

/// A list answer of everything there is.
pub(crate) fn whole(items: Vec<Value>) -> Answer {
    Answer::List { total: items.len(), items: Value::Array(items) }
}

impl Call {
    /// Runs a handler for anyone, logged in or not.
    pub(crate) fn run(self, handler: impl FnOnce(&mut World, Option<&str>) -> Outcome) -> Response {
        let login = self.login.clone();
        let outcome = self.gitea.with(|world| handler(world, login.as_deref()));
        self.answer(outcome)
    }

    /// Runs a handler for someone who is logged in.
    pub(crate) fn run_as(self, handler: impl FnOnce(&mut World, &str) -> Outcome) -> Response {
        self.run(|world, login| match login {
            Some(login) => handler(world, login),
            None => Err(Refusal::new(401, "token is required")),
        })
    }

    /// Runs a handler for an administrator of the server.
    pub(crate) fn run_as_administrator(self, handler: impl FnOnce(&mut World, &str) -> Outcome) -> Response {
        self.run_as(|world, login| {
            if world.user(login).is_some_and(|user| user.is_admin) {
                handler(world, login)
            } else {
                Err(Refusal::new(403, "user should be the site admin"))
            }
        })
    }

    /// Runs a handler on a repository, for those who may.
    pub(crate) fn visit(
        self,
        owner: &str,
        name: &str,
        need: Need,
        handler: impl FnOnce(&mut World, &Visit) -> Outcome,
    ) -> Response {
        self.run(|world, login| {
            let repo = world.repo_id(owner, name).ok_or_else(Refusal::not_found)?;
            let permission = world.permission(world.repo(repo)?, login).ok_or_else(Refusal::not_found)?;
            if need != Need::Read && login.is_none() {
                return Err(Refusal::new(401, "token is required"));
            }
            match need {
                Need::Write if permission < Permission::Write => {
                    Err(Refusal::new(403, "user should have a permission to write to a repo"))
                }
                Need::Admin if permission < Permission::Admin => {
                    let text = "user should be an owner or a collaborator with admin write of a repository";
                    Err(Refusal::new(403, text))
                }
                _ => handler(world, &Visit { repo, login: login.map(str::to_owned), permission }),
            }
        })
    }

    /// As [`Self::visit`], for what an archived repository refuses to everybody.
    pub(crate) fn visit_unarchived(
        self,
        owner: &str,
        name: &str,
        need: Need,
        handler: impl FnOnce(&mut World, &Visit) -> Outcome,
    ) -> Response {
        self.visit(owner, name, need, |world, visit| {
            world.must_not_be_archived(visit.repo)?;
            handler(world, visit)
        })
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| value == "true" || value == "1")
    }

    /// A switch that is on unless the query turns it off.
    pub(crate) fn unless_off(&self, name: &str) -> bool {
        self.query.get(name).is_none_or(|value| value != "false" && value != "0")
    }

    pub(crate) fn page(&self) -> Page {
        let number = |name: &str| self.query.get(name).and_then(|value| value.parse::<usize>().ok());
        let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(30).min(50);
        Page { page: number("page").unwrap_or(1).max(1), limit }
    }

    fn answer(&self, outcome: Outcome) -> Response {
        match outcome {
            Err(refusal) => error_response(&self.gitea, &refusal),
            Ok(Answer::Json(status, body)) => json_response(status, &body),
            Ok(Answer::Empty(status)) => {
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
            Ok(Answer::Text(text)) => text.into_response(),
            Ok(Answer::NoRoute) => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
            Ok(Answer::List { items, total }) => self.list(&items, total, self.page(), &[]),
            Ok(Answer::Commits { items, total, page, limit }) => {
                let pages = total.div_ceil(limit.max(1));
                let more = [
                    ("x-page", page.to_string()),
                    ("x-perpage", limit.to_string()),
                    ("x-total", total.to_string()),
                    ("x-pagecount", pages.to_string()),
                    ("x-hasmore", (page < pages).to_string()),
                ];
                self.list(&items, total, Page { page, limit }, &more)
            }
        }
    }

    fn list(&self, items: &Value, total: usize, page: Page, more: &[(&'static str, String)]) -> Response {
        let mut response = json_response(200, items);
        let headers = response.headers_mut();
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("x-total-count", total.to_string());
        let mut exposed = "X-Total-Count".to_owned();
        if let Some(link) = self.link(total, page) {
            set("link", link);
            exposed.insert_str(0, "Link, ");
        }
        for (name, value) in more {
            set(name, value.clone());
        }
        if !more.is_empty() {
            exposed.push_str(", X-Page, X-PerPage, X-Total, X-PageCount, X-HasMore");
        }
        set("access-control-expose-headers", exposed);
        response
    }

    /// The `Link` header, when there is more than one page.
    fn link(&self, total: usize, page: Page) -> Option<String> {
        let pages = total.div_ceil(page.limit);
        if pages <= 1 {
            return None;
        }
        let current = page.page.min(pages);
        let entry = |number: usize, relation: &str| {
            let mut query = self.query.clone();
            query.insert("page".into(), number.to_string());
            let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("<{}{}?{}>; rel=\"{relation}\"", self.gitea.inner.base, self.path, pairs.join("&"))
        };
        let mut links = Vec::new();
        if current < pages {
            links.push(entry(current + 1, "next"));
            links.push(entry(pages, "last"));
        }
        if current > 1 {
            links.push(entry(1, "first"));
            links.push(entry(current - 1, "prev"));
        }
        Some(links.join(","))
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) page: usize,
    pub(crate) limit: usize,
}

impl Page {
    pub(crate) fn cut<T>(self, items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        items.into_iter().skip((self.page - 1) * self.limit).take(self.limit)
    }
}

/// Reads a JSON body; an empty one counts as an empty object.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refusal::new(422, format!("[]: {error}")))
}
