//! What the token may do in a repository, and what the repository's settings let through.

use super::not_known;
use crate::doctor::{Asked, Diagnosis, State};
use crate::forge::{Branch, Repository};
use crate::run::{self, Mode, RepositoryState};
use crate::wording;

/// What is known of a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RepositoryFacts<'a> {
    /// Its settings here.
    pub(crate) table: &'a run::Repository,
    /// What the forge shows of it.
    pub(crate) repository: &'a Asked<Repository>,
    /// Its default branch.
    pub(crate) branch: &'a Asked<Branch>,
    /// Whether the token may write code.
    pub(crate) writes_code: &'a Asked<bool>,
    /// Whether it may write issues.
    pub(crate) writes_issues: &'a Asked<bool>,
}

/// Everything about one repository.
pub(crate) fn repository(facts: &RepositoryFacts<'_>) -> Vec<Diagnosis> {
    let name = &facts.table.name;
    let repository = match facts.repository {
        Ok(repository) => repository,
        Err(why) => return vec![not_known(name.to_string(), why)],
    };
    if let Some(state) = RepositoryState::of(repository) {
        let fix = match state {
            RepositoryState::Archived => wording::doctor_archived(),
            _ => wording::doctor_read_only(),
        };
        return vec![Diagnosis::not_ok(State::Error, name.to_string(), format!("it {state}"), fix)];
    }
    let mut found = vec![access(facts, repository), scopes(facts)];
    // What only changes need is no fault while nothing is changed.
    let blocks_changes = if facts.table.mode == Mode::Observe { State::Warning } else { State::Error };
    found.push(style(facts, repository, blocks_changes));
    found.extend(branch(facts, repository, blocks_changes));
    found
}

fn access(facts: &RepositoryFacts<'_>, repository: &Repository) -> Diagnosis {
    let administers = if repository.can_administer { ", and administer it, which is not needed" } else { "" };
    Diagnosis::ok(facts.table.name.to_string(), format!("the account may write{administers}"))
}

fn scopes(facts: &RepositoryFacts<'_>) -> Diagnosis {
    let what = format!("{}: scopes", facts.table.name);
    let mut missing = Vec::new();
    for (scope, asked) in [("write:repository", facts.writes_code), ("write:issue", facts.writes_issues)] {
        match asked {
            Ok(true) => {}
            Ok(false) => missing.push(scope),
            Err(why) => return not_known(what, why),
        }
    }
    if missing.is_empty() {
        return Diagnosis::ok(what, "the token may write code and issues");
    }
    let found = format!("the token lacks {}", missing.join(" and "));
    Diagnosis::not_ok(State::Error, what, found, wording::doctor_scopes())
}

fn style(facts: &RepositoryFacts<'_>, repository: &Repository, blocks: State) -> Diagnosis {
    let (name, style) = (&facts.table.name, facts.table.merge_style);
    let what = format!("{name}: way of merging");
    if repository.merge_styles.contains(&style) {
        return Diagnosis::ok(what, format!("`{style}`, which the repository allows"));
    }
    let allowed: Vec<&str> = repository.merge_styles.iter().map(|style| style.word()).collect();
    let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    let found = format!("`{style}` is asked for, and the repository allows {allowed}");
    Diagnosis::not_ok(blocks, what, found, wording::doctor_style())
}

fn branch(facts: &RepositoryFacts<'_>, repository: &Repository, blocks: State) -> Vec<Diagnosis> {
    let name = &repository.default_branch;
    let what = format!("{}: branch {name}", facts.table.name);
    let branch = match facts.branch {
        Ok(branch) => branch,
        Err(why) => return vec![not_known(what, why)],
    };
    let mut found = Vec::new();
    let mut say = |state, said: String, fix| found.push(Diagnosis::not_ok(state, what.clone(), said, fix));
    if !branch.can_merge {
        say(blocks, "its protection does not let the account merge".to_owned(), wording::doctor_may_merge());
    }
    if branch.required_approvals > 0 {
        let said = format!(
            "each merge waits for {} approving reviews, which caretaker cannot give",
            branch.required_approvals
        );
        say(State::Warning, said, wording::doctor_reviews());
    }
    if !branch.can_push {
        let said = "it takes no commit of the account: what is undone goes through a pull request";
        let fix = if branch.required_approvals > 0 {
            wording::doctor_revert_waits()
        } else {
            wording::doctor_revert_by_pull()
        };
        say(State::Warning, said.to_owned(), fix);
    }
    if found.is_empty() {
        let statuses = match branch.required_statuses.as_slice() {
            [] => String::new(),
            contexts => format!("; a merge waits for {}", contexts.join(", ")),
        };
        let how = if branch.protected {
            "protected, and lets the account merge and commit"
        } else {
            "not protected"
        };
        found.push(Diagnosis::ok(what, format!("{how}{statuses}")));
    }
    found
}
