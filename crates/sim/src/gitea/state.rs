//! What the server knows: users, tokens, repositories, and all that is in them.
//!
//! One lock guards it all, and every operation runs under it from its first check to its last effect. So two requests
//! never interleave, which makes the outcome of a race (who came first) the only thing left to chance.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::git::{Sha, Signature, Store};
use super::hooks::{Hook, Outgoing};
use super::pulls::Style;
use super::server::Server;
use super::view::{Event, IssueState, Permission, Protection, Refusal, StatusState};

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) email: String,
    pub(crate) is_admin: bool,
    pub(crate) is_organization: bool,
    pub(crate) password: Option<String>,
    pub(crate) created: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) login: String,
    pub(crate) scopes: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) organization: String,
    pub(crate) name: String,
    pub(crate) permission: Permission,
    pub(crate) members: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) kind: EntryKind,
}

/// What an entry of the timeline says.
#[derive(Debug, Clone)]
pub(crate) enum EntryKind {
    Comment { body: String },
    Label { label: u64, added: bool },
    Title { old: String, new: String },
    Close,
    Reopen,
    Assignee { login: String, removed: bool },
    PullPush { commits: Vec<Sha> },
    Merge { commit: Sha },
    DeleteBranch { branch: String },
    Dependency { on: u64 },
    Review { body: String, id: u64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) author: String,
    pub(crate) state: IssueState,
    pub(crate) labels: BTreeSet<u64>,
    pub(crate) assignees: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) closed: Option<Timestamp>,
    pub(crate) content_version: i64,
    pub(crate) timeline: Vec<Entry>,
    pub(crate) dependencies: BTreeSet<u64>,
    pub(crate) pull: Option<Pull>,
}

impl Issue {
    pub(crate) fn comments(&self) -> impl Iterator<Item = (&Entry, &str)> {
        self.timeline.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Comment { body } => Some((entry, body.as_str())),
            _ => None,
        })
    }
}

/// Whether the head of a pull request merges cleanly into its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Clean,
    /// The base has the head already: there is nothing to merge, although it reads as mergeable.
    Ancestor,
    Conflict,
}

/// The last verdict on a pull request, and the check that will replace it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    verdict: Verdict,
    running: Option<RunningCheck>,
}

#[derive(Debug, Clone, Copy)]
struct RunningCheck {
    /// Until then the server has not noticed that the old verdict is void; `None`: not before the check ends.
    unnoticed_until: Option<Instant>,
    until: Instant,
}

impl Check {
    pub(crate) fn ended(verdict: Verdict) -> Self {
        Self { verdict, running: None }
    }

    /// Starts over: the old verdict shows for a while, then none. One that was void already does not come back.
    pub(crate) fn started(self, stale: Duration, whole: Duration) -> Self {
        let now = Instant::now();
        let stale = if self.verdict().is_some() { stale } else { Duration::ZERO };
        let unnoticed_until = (stale.is_zero() || stale < whole).then(|| now + stale);
        Self { running: Some(RunningCheck { unnoticed_until, until: now + whole }), ..self }
    }

    /// The verdict that the server goes by; `None` while it knows that it has none.
    pub(crate) fn verdict(self) -> Option<Verdict> {
        let noticed = self.running.and_then(|running| running.unnoticed_until);
        noticed.is_none_or(|noticed| Instant::now() < noticed).then_some(self.verdict)
    }

    pub(crate) fn is_running(self) -> bool {
        self.running.is_some()
    }

    /// Whether a check that was started should have ended by then.
    pub(crate) fn is_due(self, at: Instant) -> bool {
        self.running.is_some_and(|running| running.until <= at)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) commit: Sha,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

/// A merge that is to happen once the required statuses are good.
#[derive(Debug, Clone)]
pub(crate) struct Scheduled {
    pub(crate) by: String,
    pub(crate) request: super::pulls::MergeRequest,
}

#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) state: &'static str,
    pub(crate) body: String,
    pub(crate) commit: Sha,
    pub(crate) submitted: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) head_branch: String,
    pub(crate) base_branch: String,
    pub(crate) head: Sha,
    pub(crate) merge_base: Sha,
    pub(crate) check: Check,
    pub(crate) merged: Option<Merged>,
    pub(crate) scheduled: Option<Scheduled>,
    pub(crate) reviews: Vec<Review>,
}

#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) context: String,
    pub(crate) state: StatusState,
    pub(crate) description: String,
    pub(crate) target_url: String,
    pub(crate) creator: String,
    pub(crate) created: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: Option<Timestamp>,
    pub(crate) default_branch: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) git: Store,
    pub(crate) collaborators: BTreeMap<String, Permission>,
    pub(crate) labels: BTreeMap<u64, Label>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) statuses: HashMap<Sha, Vec<Status>>,
    pub(crate) protections: BTreeMap<String, (Protection, Timestamp)>,
    pub(crate) hooks: BTreeMap<u64, Hook>,
    /// How pull requests may be merged.
    pub(crate) merge_styles: BTreeSet<Style>,
}

impl Repo {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(crate) fn issue(&self, number: u64) -> Result<&Issue, Refusal> {
        self.issues.get(&number).ok_or_else(Refusal::not_found)
    }

    /// The newest status of each context, in the order in which they were set.
    pub(crate) fn latest_statuses(&self, sha: &Sha) -> Vec<&Status> {
        let mut latest: BTreeMap<&str, &Status> = BTreeMap::new();
        for status in self.statuses.get(sha).into_iter().flatten() {
            latest.insert(&status.context, status);
        }
        let mut statuses: Vec<&Status> = latest.into_values().collect();
        statuses.sort_by_key(|status| status.id);
        statuses
    }
}

/// Where a thing that many repositories share takes its next id.
#[derive(Debug, Default)]
pub(crate) struct Counters(HashMap<&'static str, u64>);

impl Counters {
    pub(crate) fn next(&mut self, kind: &'static str) -> u64 {
        let counter = self.0.entry(kind).or_default();
        *counter += 1;
        *counter
    }
}

/// What an operation did that the world outside must hear of.
#[derive(Debug)]
pub(crate) enum Effect {
    Event(Event),
    Delivery(Box<Outgoing>),
    /// A scheduled merge whose statuses may be good now.
    TryScheduledMerge {
        repo: u64,
        number: u64,
    },
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) server: Server,
    pub(crate) mergeable_delay: Duration,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) teams: BTreeMap<u64, Team>,
    pub(crate) repos: BTreeMap<u64, Repo>,
    /// Old full names of renamed repositories.
    pub(crate) moved: HashMap<String, u64>,
    pub(crate) counters: Counters,
    pub(crate) effects: Vec<Effect>,
}

impl World {
    pub(crate) fn user(&self, login: &str) -> Option<&User> {
        self.users.get(&login.to_lowercase())
    }

    pub(crate) fn repo_id(&self, owner: &str, name: &str) -> Option<u64> {
        let same =
            |repo: &&Repo| repo.owner.eq_ignore_ascii_case(owner) && repo.name.eq_ignore_ascii_case(name);
        self.repos.values().find(same).map(|repo| repo.id)
    }

    pub(crate) fn repo(&self, id: u64) -> Result<&Repo, Refusal> {
        self.repos.get(&id).ok_or_else(Refusal::not_found)
    }

    pub(crate) fn repo_mut(&mut self, id: u64) -> Result<&mut Repo, Refusal> {
        self.repos.get_mut(&id).ok_or_else(Refusal::not_found)
    }

    pub(crate) fn issue_mut(&mut self, repo: u64, number: u64) -> Result<&mut Issue, Refusal> {
        self.repo_mut(repo)?.issues.get_mut(&number).ok_or_else(Refusal::not_found)
    }

    pub(crate) fn must_not_be_archived(&self, id: u64) -> Result<(), Refusal> {
        let repo = self.repo(id)?;
        if repo.archived.is_some() {
            return Err(Refusal::new(423, format!("{} is archived", repo.full_name())));
        }
        Ok(())
    }

    /// What `login` may do in the repository; `None` when it must look as if it did not exist.
    pub(crate) fn permission(&self, repo: &Repo, login: Option<&str>) -> Option<Permission> {
        let public = (!repo.private).then_some(Permission::Read);
        let Some(user) = login.and_then(|login| self.user(login)) else { return public };
        let owner = self.teams.values().any(|team| {
            team.organization == repo.owner
                && team.permission == Permission::Admin
                && team.members.contains(&user.login)
        });
        if user.is_admin || repo.owner == user.login || owner {
            return Some(Permission::Admin);
        }
        let collaborator = repo.collaborators.get(&user.login).copied();
        collaborator.max(self.team_permission(repo, &user.login)).max(public)
    }

    /// What the teams of the organisation give to `login`.
    pub(crate) fn team_permission(&self, repo: &Repo, login: &str) -> Option<Permission> {
        self.teams
            .values()
            .filter(|team| team.organization == repo.owner && team.members.contains(login))
            .map(|team| team.permission)
            .max()
    }

    pub(crate) fn signature(&self, login: &str) -> Signature {
        let when = now();
        match self.user(login) {
            Some(user) => Signature { name: user.login.clone(), email: user.email.clone(), when },
            None => Signature { name: login.to_owned(), email: format!("{login}@example.com"), when },
        }
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.effects.push(Effect::Event(event));
    }

    /// Queues a delivery to every hook of the repository that wants it.
    pub(crate) fn deliver(
        &mut self,
        repo: u64,
        event: &'static str,
        event_type: &'static str,
        payload: &Value,
    ) {
        let Some(repo) = self.repos.get(&repo) else { return };
        let wanted = repo.hooks.values().filter(|hook| hook.wants(event_type, payload));
        let outgoing: Vec<_> =
            wanted.map(|hook| hook.outgoing(self.server, event, event_type, payload)).collect();
        self.effects.extend(outgoing.into_iter().map(|outgoing| Effect::Delivery(Box::new(outgoing))));
    }
}

/// The present, in whole seconds, as the forge stores all its times.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_shows_until_its_end_is_noticed() {
        let (none, hour) = (Duration::ZERO, Duration::from_hours(1));
        let ended = Check::ended(Verdict::Clean);
        assert_eq!(ended.verdict(), Some(Verdict::Clean));
        assert!(!ended.is_running());
        for whole in [none, hour] {
            let noticed = ended.started(none, whole);
            assert_eq!((noticed.verdict(), noticed.is_running()), (None, true), "at once, for {whole:?}");
            assert_eq!(noticed.started(whole, whole).verdict(), None, "a void verdict does not come back");
        }
        assert_eq!(ended.started(hour, 2 * hour).verdict(), Some(Verdict::Clean));
        let never = ended.started(hour, hour);
        assert_eq!(never.verdict(), Some(Verdict::Clean));
        assert!(!never.is_due(Instant::now()) && never.is_due(Instant::now() + 2 * hour));
    }
}
