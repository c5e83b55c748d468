//! The servers that can be simulated, and everything in which they differ.
//!
//! The rest of the simulator asks here, by name, and never looks at a version. What is answered is what the recordings
//! of the three servers show, and where they show nothing, what their sources say.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::view::{Refusal, RefusalKind};

/// Which server is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Server {
    /// Gitea 1.27.
    #[default]
    Gitea127,
    /// Gitea 1.25: texts have no versions yet.
    Gitea125,
    /// Forgejo 12: texts have no versions, and there is no webhook for commit statuses.
    Forgejo12,
}

/// The objects of the API whose fields depend on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    User,
    Repository,
    Issue,
    Pull,
    Hook,
    Protection,
    File,
    Team,
    Settings,
    /// What an `edited` delivery says of the text before.
    Changes,
    /// What a `synchronized` delivery says of the commits before and after.
    Synchronisation,
    Comparison,
}

/// What `POST /diffpatch` is on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Diffpatch {
    Offered,
    /// It refuses to work without the id of a file.
    NeedsSha,
    NoRoute,
}

/// What is said of a commit that has no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoStatus {
    /// The state reads so, and the rest is as always.
    State(&'static str),
    /// Every field is empty, the repository too.
    Empty,
}

/// The names of events that every server knows.
const EVENTS: [&str; 17] = [
    "create",
    "delete",
    "push",
    "issues",
    "issue_assign",
    "issue_label",
    "issue_milestone",
    "issue_comment",
    "pull_request",
    "pull_request_assign",
    "pull_request_label",
    "pull_request_milestone",
    "pull_request_comment",
    "pull_request_sync",
    "pull_request_review_request",
    "release",
    "repository",
];

impl Server {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gitea127, Self::Gitea125, Self::Forgejo12];

    /// The name that people use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gitea127 => "gitea-1.27",
            Self::Gitea125 => "gitea-1.25",
            Self::Forgejo12 => "forgejo-12",
        }
    }

    /// The server of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name() == name)
    }

    /// What `/version` says.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Gitea127 => "1.27.1",
            Self::Gitea125 => "1.25.0",
            Self::Forgejo12 => "12.0.0+gitea-1.22.0",
        }
    }

    /// Whether texts have versions, by which a write over a newer one is refused.
    pub(crate) fn counts_versions(self) -> bool {
        self == Self::Gitea127
    }

    /// Whether a commit's new status is delivered.
    pub(crate) fn delivers_statuses(self) -> bool {
        self != Self::Forgejo12
    }

    /// The names of all events that a hook may have, umbrellas resolved.
    pub(crate) fn hook_events(self) -> Vec<&'static str> {
        let more: &[&str] = match self {
            Self::Gitea127 | Self::Gitea125 => &["pull_request_review", "status"],
            Self::Forgejo12 => &[
                "pull_request_review_approved",
                "pull_request_review_rejected",
                "pull_request_review_comment",
            ],
        };
        EVENTS.iter().chain(more).copied().collect()
    }

    /// The families of headers that a delivery carries, by the word after `X-`.
    pub(crate) fn delivery_families(self) -> &'static [&'static str] {
        match self {
            Self::Gitea127 | Self::Gitea125 => &["Gitea", "Gogs", "GitHub"],
            Self::Forgejo12 => &["Forgejo", "Gitea", "Gogs", "GitHub"],
        }
    }

    /// Whether a delivery says that its hook belongs to a repository.
    pub(crate) fn names_hook_target(self) -> bool {
        self != Self::Forgejo12
    }

    /// For how long after a push `mergeable` reads as before, out of the time that the check takes. Afterwards, and
    /// until the check has ended, it reads false.
    pub(crate) fn stale_mergeable(self, check: Duration) -> Duration {
        match self {
            Self::Gitea127 => Duration::ZERO,
            Self::Gitea125 => check / 2,
            Self::Forgejo12 => check,
        }
    }

    /// Whether a pull request in a list has the fields of one that is shown alone.
    pub(crate) fn lists_pulls_whole(self) -> bool {
        self == Self::Forgejo12
    }

    /// Whether a pull request that is assigned to nobody says so by null.
    pub(crate) fn assigns_pulls_to_null(self) -> bool {
        self == Self::Forgejo12
    }

    /// Whether the number of a pull request's reviews is written even if there is none.
    pub(crate) fn counts_no_reviews(self) -> bool {
        self == Self::Forgejo12
    }

    /// Whether authors of pull requests let maintainers edit them by default.
    pub(crate) fn allows_maintainer_edit(self) -> bool {
        self == Self::Gitea127
    }

    /// What is said of a commit without a status.
    pub(crate) fn no_status(self) -> NoStatus {
        match self {
            Self::Gitea127 => NoStatus::State("pending"),
            Self::Gitea125 => NoStatus::State(""),
            Self::Forgejo12 => NoStatus::Empty,
        }
    }

    /// Whether `/compare` understands `~1` and its like.
    pub(crate) fn compares_expressions(self) -> bool {
        self != Self::Gitea125
    }

    /// Whether `/contents` understands `~1` and its like.
    pub(crate) fn reads_expressions(self) -> bool {
        self == Self::Forgejo12
    }

    pub(crate) fn diffpatch(self) -> Diffpatch {
        match self {
            Self::Gitea127 => Diffpatch::Offered,
            Self::Gitea125 => Diffpatch::NoRoute,
            Self::Forgejo12 => Diffpatch::NeedsSha,
        }
    }

    /// Whether what is told of a replacing of labels shows the new ones already.
    pub(crate) fn tells_of_new_labels(self) -> bool {
        self == Self::Forgejo12
    }

    /// Whether an administrator is told of the permission that a team of units gives.
    pub(crate) fn shows_team_permissions(self) -> bool {
        self == Self::Forgejo12
    }

    /// The address that stands for one that is not shown.
    pub(crate) fn hidden_email(self, id: u64, login: &str, host: &str) -> String {
        match self {
            Self::Gitea127 => format!("{id}+{login}@noreply.{host}"),
            Self::Gitea125 | Self::Forgejo12 => format!("{login}@noreply.{host}"),
        }
    }

    /// To who comes with a token that nobody has.
    pub(crate) fn unknown_token(self) -> Refusal {
        let text = match self {
            Self::Gitea127 => "invalid username, password or token",
            Self::Gitea125 | Self::Forgejo12 => "user does not exist [uid: 0, name: ]",
        };
        Refusal::new(401, text)
    }

    /// To a token whose scopes do not reach so far.
    pub(crate) fn missing_scope(self, wanted: &str, have: &str) -> Refusal {
        let text = "token does not have at least one of required scope(s)";
        let text = match self {
            Self::Gitea127 | Self::Gitea125 => format!("{text}, required=[{wanted}], token scope={have}"),
            Self::Forgejo12 => format!("{text}: [{wanted}]"),
        };
        Refusal::new(403, text)
    }

    /// To a merge of what is merged.
    pub(crate) fn already_merged(self) -> Refusal {
        let text = if self == Self::Gitea127 { "The PR is already merged" } else { "" };
        Refusal::new(405, text)
    }

    /// To a merge that the protection of the base branch forbids.
    pub(crate) fn merge_forbidden(self, reason: &str) -> Refusal {
        let text = match self {
            Self::Gitea127 | Self::Gitea125 => reason.to_owned(),
            Self::Forgejo12 => format!("not allowed to merge [reason: {reason}]"),
        };
        Refusal::new(405, text)
    }

    /// To an edit that another one overtook while it was carried out.
    pub(crate) fn overtaken(self) -> Refusal {
        let status = if self == Self::Gitea127 { 409 } else { 400 };
        Refusal::new(status, "the issue is already changed")
    }

    /// To a commit that changes or deletes a file that is not there.
    pub(crate) fn no_file_to_change(self, path: &str) -> Refusal {
        match self {
            Self::Gitea127 => Refusal::new(404, format!("object does not exist [id: , rel_path: {path}]")),
            Self::Gitea125 => Refusal::new(404, format!("repository file does not exist [path: {path}]")),
            Self::Forgejo12 => Refusal::new(500, ""),
        }
    }

    /// To who asks for a branch that is not there.
    pub(crate) fn no_branch(self, branch: &str) -> Refusal {
        match self {
            Self::Gitea127 | Self::Gitea125 => Refusal::not_found(),
            Self::Forgejo12 => Refusal::missing(format!("branch does not exist [name: {branch}]")),
        }
    }

    /// The body of a refusal.
    pub(crate) fn refusal_body(self, refusal: &Refusal, documentation: &str) -> Value {
        match (&refusal.kind, self) {
            (RefusalKind::MergeConflict { style }, _) => {
                json!({ "Style": style, "StdOut": "", "StdErr": "", "Err": {} })
            }
            (RefusalKind::Plain, _) | (RefusalKind::Missing { .. }, Self::Gitea127) => {
                json!({ "message": refusal.message, "url": documentation })
            }
            (RefusalKind::Missing { named }, Self::Gitea125) => {
                let errors = named.then(|| [&refusal.message]);
                json!({ "errors": errors, "message": "not found", "url": documentation })
            }
            (RefusalKind::Missing { named }, Self::Forgejo12) => {
                let errors: Vec<&String> = named.then_some(&refusal.message).into_iter().collect();
                json!({ "message": "The target couldn't be found.", "url": documentation, "errors": errors })
            }
        }
    }

    /// An object with every field that is written here, without what this server does not know and with what it alone
    /// knows.
    pub(crate) fn shaped(self, object: Object, mut whole: Value) -> Value {
        if let Value::Object(fields) = &mut whole {
            for name in self.unknown(object) {
                fields.shift_remove(*name);
            }
            if self == Self::Forgejo12 {
                let alone = forgejo_alone(object, fields);
                fields.extend(alone);
            }
        }
        whole
    }

    /// The fields that are written here and that this server does not have.
    fn unknown(self, object: Object) -> &'static [&'static str] {
        let none: &[&str] = &[];
        match object {
            Object::User => none,
            Object::Repository => match self {
                Self::Gitea127 => none,
                Self::Gitea125 => {
                    &["branch_count", "allow_merge_update", "default_update_style", "mirror_last_sync_at"]
                }
                Self::Forgejo12 => &[
                    "branch_count",
                    "has_code",
                    "projects_mode",
                    "allow_merge_update",
                    "allow_manual_merge",
                    "autodetect_manual_merge",
                    "mirror_last_sync_at",
                    "licenses",
                ],
            },
            Object::Issue => match self {
                Self::Gitea127 => none,
                Self::Gitea125 => &["projects", "content_version"],
                Self::Forgejo12 => &["projects", "time_estimate", "content_version"],
            },
            Object::Pull => self.not_before_gitea_127(&["content_version"]),
            Object::Hook => self.not_before_gitea_127(&["name"]),
            Object::Team => self.not_before_gitea_127(&["visibility"]),
            Object::Synchronisation => self.not_before_gitea_127(&["before", "after"]),
            Object::Protection => match self {
                Self::Gitea127 => none,
                Self::Gitea125 => {
                    &["enable_bypass_allowlist", "bypass_allowlist_usernames", "bypass_allowlist_teams"]
                }
                Self::Forgejo12 => &[
                    "priority",
                    "enable_force_push",
                    "enable_force_push_allowlist",
                    "force_push_allowlist_usernames",
                    "force_push_allowlist_teams",
                    "force_push_allowlist_deploy_keys",
                    "enable_bypass_allowlist",
                    "bypass_allowlist_usernames",
                    "bypass_allowlist_teams",
                    "block_admin_merge_override",
                ],
            },
            Object::File => self.not_on_forgejo(&["last_author_date"]),
            Object::Settings => self.not_on_forgejo(&["default_max_response_size"]),
            Object::Changes => self.not_on_forgejo(&["added_labels", "removed_labels"]),
            Object::Comparison => match self {
                Self::Gitea127 | Self::Gitea125 => &["files"],
                Self::Forgejo12 => none,
            },
        }
    }

    fn not_before_gitea_127(self, fields: &'static [&'static str]) -> &'static [&'static str] {
        if self == Self::Gitea127 { &[] } else { fields }
    }

    fn not_on_forgejo(self, fields: &'static [&'static str]) -> &'static [&'static str] {
        if self == Self::Forgejo12 { fields } else { &[] }
    }
}

/// What Forgejo alone writes, some of it made of what the others write too.
fn forgejo_alone(object: Object, fields: &mut Map<String, Value>) -> Map<String, Value> {
    let alone = match object {
        Object::User => json!({ "pronouns": "" }),
        Object::Repository => json!({
            "parent": null, "wiki_branch": "main", "globally_editable_wiki": false, "repo_transfer": null,
        }),
        Object::Pull => json!({ "flow": 0 }),
        Object::Hook => json!({
            "url": fields.get("config").map(|config| config["url"].clone()),
            "content_type": fields.get("config").map(|config| config["content_type"].clone()),
            "metadata": null,
        }),
        Object::Protection => json!({ "apply_to_admins": false }),
        Object::File => json!({ "last_commit_when": fields.shift_remove("last_committer_date") }),
        Object::Issue
        | Object::Team
        | Object::Settings
        | Object::Changes
        | Object::Synchronisation
        | Object::Comparison => Value::Null,
    };
    match alone {
        Value::Object(alone) => alone,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_its_name_and_version() {
        for server in Server::ALL {
            assert_eq!(Server::named(server.name()), Some(server));
        }
        assert_eq!(Server::named("gitea"), None);
        assert!(Server::Forgejo12.version().contains("+gitea-"));
    }

    #[test]
    fn what_is_missing_is_said_in_the_words_of_the_server() {
        let body = |server: Server, refusal: &Refusal| server.refusal_body(refusal, "docs");
        let plain = Refusal::not_found();
        assert_eq!(body(Server::Gitea127, &plain), json!({ "message": "not found", "url": "docs" }));
        assert_eq!(
            body(Server::Gitea125, &plain),
            json!({ "errors": null, "message": "not found", "url": "docs" })
        );
        let words = "The target couldn't be found.";
        assert_eq!(body(Server::Forgejo12, &plain), json!({ "message": words, "url": "docs", "errors": [] }));
        let named = Refusal::missing("no such object");
        assert_eq!(body(Server::Gitea127, &named)["message"], "no such object");
        assert_eq!(body(Server::Gitea125, &named)["errors"], json!(["no such object"]));
        assert_eq!(body(Server::Forgejo12, &named)["errors"], json!(["no such object"]));
    }

    #[test]
    fn an_object_keeps_what_its_server_knows() {
        let file = json!({ "path": "a", "last_committer_date": "then", "last_author_date": "before" });
        assert_eq!(Server::Gitea127.shaped(Object::File, file.clone()), file);
        assert_eq!(
            Server::Forgejo12.shaped(Object::File, file),
            json!({ "path": "a", "last_commit_when": "then" })
        );
        let issue = json!({ "body": "b", "projects": null, "time_estimate": 0, "content_version": 1 });
        assert_eq!(
            Server::Gitea125.shaped(Object::Issue, issue.clone()),
            json!({ "body": "b", "time_estimate": 0 })
        );
        assert_eq!(Server::Forgejo12.shaped(Object::Issue, issue), json!({ "body": "b" }));
    }
}
