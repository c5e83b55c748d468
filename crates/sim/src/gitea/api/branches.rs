//! Branches and their protection.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::server::{Object, Server};
use super::super::state::{Repo, World, now};
use super::super::view::{Permission, Protection, Refusal};
use super::call::{Answer, Call, Need, Visit, read, whole};
use super::issues::Place;

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/branches", get(list).post(create))
        .route("/branches/{*branch}", get(show).delete(remove))
        .route("/branch_protections", get(protections).post(protect))
        .route("/branch_protections/{*branch}", get(show_protection).patch(edit_protection).delete(unprotect))
}

type BranchPlace = Path<(String, String, String)>;

fn branch(world: &World, repo: &Repo, visit: &Visit, name: &str) -> Option<Value> {
    let commit = repo.git.commit(repo.git.branches.get(name)?)?;
    let protection = repo.protections.get(name).map(|(protection, _)| protection);
    let writer = visit.permission >= Permission::Write;
    let contexts = protection.map(|rules| rules.status_check_contexts.clone()).unwrap_or_default();
    // Only those who may change the rules are told which one applies.
    let rule = if protection.is_some() && visit.permission == Permission::Admin { name } else { "" };
    Some(json!({
        "name": name,
        "commit": world.branch_commit(repo, commit),
        "protected": protection.is_some(),
        "required_approvals": protection.map_or(0, |rules| rules.required_approvals),
        "enable_status_check": protection.is_some_and(|rules| rules.enable_status_check),
        "status_check_contexts": contexts,
        "user_can_push": writer && protection.is_none_or(|rules| rules.enable_push),
        "user_can_merge": writer,
        "effective_branch_protection_name": rule,
    }))
}

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let total = repo.git.branches.len();
        let shown = page.cut(repo.git.branches.keys()).filter_map(|name| branch(world, repo, visit, name));
        Ok(Answer::List { items: shown.collect(), total })
    })
}

async fn show(call: Call, Path((owner, name, wanted)): BranchPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let shown = branch(world, world.repo(visit.repo)?, visit, &wanted);
        Ok(Answer::Json(200, shown.ok_or_else(|| world.server.no_branch(&wanted))?))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
struct NewBranch {
    new_branch_name: String,
    old_ref_name: String,
    old_branch_name: String,
}

async fn create(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit_unarchived(&owner, &name, Need::Write, |world, visit| {
        let new: NewBranch = read(&body)?;
        let repo = world.repo(visit.repo)?;
        let from = [new.old_ref_name, new.old_branch_name, repo.default_branch.clone()];
        let from = from.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let sha = repo.git.resolve(&from).map(|commit| commit.sha.clone()).ok_or_else(Refusal::not_found)?;
        if new.new_branch_name.is_empty() {
            return Err(Refusal::new(422, "[BranchName]: Required"));
        }
        if repo.git.branches.contains_key(&new.new_branch_name) {
            return Err(Refusal::new(409, "The branch already exists."));
        }
        world.push(visit.repo, visit.by(), &new.new_branch_name, Some(sha))?;
        let shown = branch(world, world.repo(visit.repo)?, visit, &new.new_branch_name);
        Ok(Answer::Json(201, shown.ok_or_else(Refusal::not_found)?))
    })
}

async fn remove(call: Call, Path((owner, name, branch)): BranchPlace) -> Response {
    call.visit_unarchived(&owner, &name, Need::Write, |world, visit| {
        let repo = world.repo(visit.repo)?;
        if !repo.git.branches.contains_key(&branch) {
            return Err(Refusal::not_found());
        }
        if repo.default_branch == branch {
            return Err(Refusal::new(403, "branch is the default branch"));
        }
        if repo.protections.contains_key(&branch) {
            return Err(Refusal::new(403, "branch protected"));
        }
        world.push(visit.repo, visit.by(), &branch, None)?;
        Ok(Answer::Empty(204))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Rules {
    branch_name: String,
    rule_name: String,
    enable_push: Option<bool>,
    enable_status_check: Option<bool>,
    status_check_contexts: Option<Vec<String>>,
    required_approvals: Option<i64>,
    block_on_rejected_reviews: Option<bool>,
    block_on_outdated_branch: Option<bool>,
}

impl Rules {
    fn apply(self, protection: &mut Protection) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut protection.enable_push, self.enable_push);
        set(&mut protection.enable_status_check, self.enable_status_check);
        set(&mut protection.status_check_contexts, self.status_check_contexts);
        set(&mut protection.required_approvals, self.required_approvals);
        set(&mut protection.block_on_rejected_reviews, self.block_on_rejected_reviews);
        set(&mut protection.block_on_outdated_branch, self.block_on_outdated_branch);
    }
}

fn protection(server: Server, repo: &Repo, name: &str) -> Option<Value> {
    let (rules, created) = repo.protections.get(name)?;
    let shown = json!({
        "branch_name": name,
        "rule_name": name,
        "priority": 1,
        "enable_push": rules.enable_push,
        "enable_push_whitelist": false,
        "push_whitelist_usernames": [],
        "push_whitelist_teams": [],
        "push_whitelist_deploy_keys": false,
        "enable_force_push": false,
        "enable_force_push_allowlist": false,
        "force_push_allowlist_usernames": [],
        "force_push_allowlist_teams": [],
        "force_push_allowlist_deploy_keys": false,
        "enable_merge_whitelist": false,
        "merge_whitelist_usernames": [],
        "merge_whitelist_teams": [],
        "enable_bypass_allowlist": false,
        "bypass_allowlist_usernames": [],
        "bypass_allowlist_teams": [],
        "enable_status_check": rules.enable_status_check,
        "status_check_contexts": rules.status_check_contexts,
        "required_approvals": rules.required_approvals,
        "enable_approvals_whitelist": false,
        "approvals_whitelist_username": [],
        "approvals_whitelist_teams": [],
        "block_on_rejected_reviews": rules.block_on_rejected_reviews,
        "block_on_official_review_requests": false,
        "block_on_outdated_branch": rules.block_on_outdated_branch,
        "dismiss_stale_approvals": false,
        "ignore_stale_approvals": false,
        "require_signed_commits": false,
        "protected_file_patterns": "",
        "unprotected_file_patterns": "",
        "block_admin_merge_override": false,
        "created_at": created.to_string(),
        "updated_at": created.to_string(),
    });
    Some(server.shaped(Object::Protection, shown))
}

async fn protections(call: Call, Path((owner, name)): Place) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let repo = world.repo(visit.repo)?;
        Ok(whole(repo.protections.keys().filter_map(|name| protection(world.server, repo, name)).collect()))
    })
}

async fn protect(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let rules: Rules = read(&body)?;
        let branch =
            if rules.rule_name.is_empty() { rules.branch_name.clone() } else { rules.rule_name.clone() };
        let server = world.server;
        let repo = world.repo_mut(visit.repo)?;
        if repo.protections.contains_key(&branch) {
            return Err(Refusal::new(403, "Branch protection already exist"));
        }
        let mut new = Protection::default();
        rules.apply(&mut new);
        repo.protections.insert(branch.clone(), (new, now()));
        Ok(Answer::Json(201, protection(server, repo, &branch).unwrap_or_default()))
    })
}

async fn show_protection(call: Call, Path((owner, name, branch)): BranchPlace) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let shown = protection(world.server, world.repo(visit.repo)?, &branch);
        Ok(Answer::Json(200, shown.ok_or_else(Refusal::not_found)?))
    })
}

async fn edit_protection(call: Call, Path((owner, name, branch)): BranchPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let rules: Rules = read(&body)?;
        let server = world.server;
        let repo = world.repo_mut(visit.repo)?;
        rules.apply(&mut repo.protections.get_mut(&branch).ok_or_else(Refusal::not_found)?.0);
        Ok(Answer::Json(200, protection(server, repo, &branch).unwrap_or_default()))
    })
}

async fn unprotect(call: Call, Path((owner, name, branch)): BranchPlace) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let removed = world.repo_mut(visit.repo)?.protections.remove(&branch);
        removed.map(|_| Answer::Empty(204)).ok_or_else(Refusal::not_found)
    })
}
