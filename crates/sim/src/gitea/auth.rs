//! Who asks, and whether their token reaches that far.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::server::Server;
use super::state::World;
use super::view::Refusal;

/// Who a request comes from; nobody, when `login` is `None`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) login: Option<String>,
    /// The scopes of the token; `None` with a password, which may do everything.
    scopes: Option<BTreeSet<String>>,
}

impl Caller {
    /// Reads the `Authorization` header.
    pub(crate) fn from_header(world: &World, header: Option<&str>) -> Result<Self, Refusal> {
        let Some(header) = header else { return Ok(Self::default()) };
        let unknown = || world.server.unknown_token();
        let (scheme, value) = header.split_once(' ').ok_or_else(unknown)?;
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = BASE64_STANDARD.decode(value.trim()).map_err(|_| unknown())?;
            let decoded = String::from_utf8(decoded).map_err(|_| unknown())?;
            let (login, password) = decoded.split_once(':').ok_or_else(unknown)?;
            if let Some(caller) = Self::from_token(world, password) {
                return Ok(caller);
            }
            let user = world.user(login).ok_or_else(unknown)?;
            let right = user.password.as_deref() == Some(password);
            return right.then(|| Self { login: Some(user.login.clone()), scopes: None }).ok_or_else(unknown);
        }
        if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
            return Self::from_token(world, value.trim()).ok_or_else(unknown);
        }
        Err(unknown())
    }

    fn from_token(world: &World, token: &str) -> Option<Self> {
        let token = world.tokens.get(token)?;
        Some(Self { login: Some(token.login.clone()), scopes: Some(token.scopes.clone()) })
    }

    /// Refuses when the token lacks the scope for this method and path.
    pub(crate) fn check_scope(&self, server: Server, method: &str, path: &str) -> Result<(), Refusal> {
        let Some(scopes) = &self.scopes else { return Ok(()) };
        let level = if matches!(method, "GET" | "HEAD" | "OPTIONS") { "read" } else { "write" };
        let missing = categories(path).iter().find(|category| {
            let enough = |scope: &String| {
                scope == "all"
                    || *scope == format!("write:{category}")
                    || (level == "read" && *scope == format!("read:{category}"))
            };
            !scopes.iter().any(enough)
        });
        let Some(category) = missing else { return Ok(()) };
        let have = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        Err(server.missing_scope(&format!("{level}:{category}"), &have))
    }
}

/// The kinds of scope that guard a path.
fn categories(path: &str) -> &'static [&'static str] {
    let parts: Vec<&str> = path.strip_prefix("/api/v1/").unwrap_or_default().split('/').collect();
    match parts.as_slice() {
        ["user", "repos"] => &["user", "repository"],
        ["user" | "users", ..] => &["user"],
        ["admin", ..] => &["admin"],
        ["orgs" | "teams", ..] => &["organization"],
        ["repos", "issues", ..] | ["repos", _, _, "issues" | "labels" | "milestones", ..] => &["issue"],
        ["repos", _, ..] => &["repository"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scopes: &[&str]) -> Caller {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Caller { login: Some("reader".into()), scopes: Some(scopes) }
    }

    #[test]
    fn scopes_guard_their_part_of_the_api() {
        let reader = caller(&["read:issue", "read:repository", "read:user"]);
        let refused = reader
            .check_scope(Server::Gitea127, "POST", "/api/v1/repos/ops/homelab/issues")
            .expect_err("read only");
        assert_eq!(
            refused.message,
            "token does not have at least one of required scope(s), required=[write:issue], \
             token scope=read:issue,read:repository,read:user"
        );
        assert!(reader.check_scope(Server::Gitea127, "GET", "/api/v1/repos/ops/homelab/pulls").is_ok());
        assert!(reader.check_scope(Server::Gitea127, "GET", "/api/v1/repos/issues/search").is_ok());
        assert!(reader.check_scope(Server::Gitea127, "POST", "/api/v1/admin/users").is_err());
        assert!(caller(&["all"]).check_scope(Server::Gitea127, "POST", "/api/v1/admin/users").is_ok());
        assert!(caller(&["write:repository"]).check_scope(Server::Gitea127, "GET", "/api/v1/user").is_err());
        let mine = "/api/v1/user/repos";
        assert!(reader.check_scope(Server::Gitea127, "GET", mine).is_ok());
        for scope in ["read:user", "read:repository"] {
            assert!(caller(&[scope]).check_scope(Server::Gitea127, "GET", mine).is_err(), "{scope} alone");
        }
        assert!(
            caller(&["write:repository"])
                .check_scope(Server::Gitea127, "PATCH", "/api/v1/repos/o/r/issues/1")
                .is_err()
        );
    }
}
