//! Which hook is ours, and what is wrong with it. `setup` mends what is found here.

use super::not_known;
use crate::doctor::{Asked, Diagnosis, NotKnown, State};
use crate::forge::{Hook, RepositoryName};
use crate::inbox::EVENTS;
use crate::wording;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use url::Url;

/// What a hook is asked to deliver: the umbrellas, and what lies under them by its own name, since servers differ in what
/// an umbrella covers. A name that a server does not know is nothing to it.
pub(crate) fn hook_events() -> Vec<&'static str> {
    // These two are parts of reviews on one kind of server alone, and come with the umbrella there.
    EVENTS
        .into_iter()
        .filter(|event| !matches!(*event, "pull_request_approved" | "pull_request_rejected"))
        .collect()
}

/// What a hook must have: without these something is found later than it could be.
const NEEDED: [&str; 10] = [
    "issues",
    "issue_label",
    "issue_comment",
    "pull_request",
    "pull_request_label",
    "pull_request_comment",
    "pull_request_sync",
    "push",
    "create",
    "delete",
];

/// A hook as it should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Where it should deliver; `None` where nobody said.
    pub(crate) url: Option<&'a Url>,
    /// Whether this server can deliver statuses.
    pub(crate) delivers_statuses: bool,
    /// What its deliveries must say as `Authorization`.
    pub(crate) authorization: Option<&'a SecretString>,
}

/// Whose token the forge was asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// Caretaker's own, which need not see hooks.
    Caretaker,
    /// That of somebody who is said to administer the repository.
    Administrator,
}

/// The hook that is ours.
#[derive(Debug)]
pub(crate) enum Ours<'a> {
    /// None.
    None,
    /// One by its address; where nobody said which, by its path.
    One(&'a Hook),
    /// Several: each thing is delivered more than once.
    Several(Vec<&'a Hook>),
}

/// Whether an address as the forge shows it is this one.
pub(crate) fn same_address(shown: &str, url: &Url) -> bool {
    Url::parse(shown).is_ok_and(|shown| shown == *url)
}

/// Finds it.
pub(crate) fn ours<'a>(hooks: &'a [Hook], url: Option<&Url>) -> Ours<'a> {
    let is_ours = |hook: &&Hook| match url {
        Some(url) => same_address(&hook.url, url),
        None => Url::parse(&hook.url).is_ok_and(|url| url.path().trim_end_matches('/').ends_with("/webhook")),
    };
    let found: Vec<&Hook> = hooks.iter().filter(is_ours).collect();
    match found.as_slice() {
        [] => Ours::None,
        [one] => Ours::One(one),
        _ => Ours::Several(found),
    }
}

/// What is wrong with a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HookFault {
    /// It delivers nothing.
    Inactive,
    /// It does not deliver what is needed.
    MissesEvents(Vec<&'static str>),
    /// It delivers what is refused here.
    SendsOthers(Vec<String>),
    /// It sends in a form that is not taken.
    ContentType(String),
    /// It leaves branches out.
    BranchFilter(String),
    /// Its authorization header is another one.
    Authorization,
}

impl HookFault {
    /// Whether it delivers nothing that helps.
    fn is_error(&self) -> bool {
        match self {
            Self::Inactive | Self::ContentType(_) | Self::Authorization => true,
            // A tick counts as an approval only where its delivery shows who made it.
            Self::MissesEvents(events) => events.contains(&"issues"),
            Self::SendsOthers(_) | Self::BranchFilter(_) => false,
        }
    }
}

impl fmt::Display for HookFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive => formatter.write_str("it is not active"),
            Self::MissesEvents(events) => write!(formatter, "it does not deliver {}", events.join(", ")),
            Self::SendsOthers(events) => {
                write!(formatter, "it delivers {}, which is refused here", events.join(", "))
            }
            Self::ContentType(word) => {
                write!(formatter, "its content type is `{word}`, and only json and form are taken")
            }
            Self::BranchFilter(filter) => write!(formatter, "it leaves out branches that are not `{filter}`"),
            Self::Authorization => {
                formatter.write_str("its authorization header is not the one that the settings ask for")
            }
        }
    }
}

/// Everything that is wrong with a hook. Its secret is not shown by any forge; only a delivery tells.
pub(crate) fn faults(hook: &Hook, wanted: &Wanted<'_>) -> Vec<HookFault> {
    let mut faults = Vec::new();
    if !hook.active {
        faults.push(HookFault::Inactive);
    }
    let statuses = wanted.delivers_statuses.then_some("status");
    let missing: Vec<&str> =
        NEEDED.into_iter().chain(statuses).filter(|event| !hook.events.contains(*event)).collect();
    if !missing.is_empty() {
        faults.push(HookFault::MissesEvents(missing));
    }
    let others: Vec<String> =
        hook.events.iter().filter(|event| !EVENTS.contains(&event.as_str())).cloned().collect();
    if !others.is_empty() {
        faults.push(HookFault::SendsOthers(others));
    }
    if !matches!(hook.content_type.as_str(), "json" | "form") {
        faults.push(HookFault::ContentType(hook.content_type.clone()));
    }
    if !matches!(hook.branch_filter.as_str(), "" | "*" | "**") {
        faults.push(HookFault::BranchFilter(hook.branch_filter.clone()));
    }
    // Some servers do not show it: then only a delivery tells.
    if let (Some(wanted), Some(shown)) = (wanted.authorization, &hook.authorization)
        && wanted.expose_secret() != shown.expose_secret()
    {
        faults.push(HookFault::Authorization);
    }
    faults
}

/// How it stands with the hook of a repository.
pub(crate) fn hook(
    repository: &RepositoryName,
    hooks: &Asked<Vec<Hook>>,
    wanted: &Wanted<'_>,
    asked_by: AskedBy,
) -> Vec<Diagnosis> {
    let what = format!("{repository}: hook");
    let hooks = match hooks {
        Ok(hooks) => hooks,
        Err(why @ (NotKnown::Refused(_) | NotKnown::NotThere(_))) => {
            // Caretaker needs no more rights than to write, so that it may not see this is no fault of its token.
            let (state, fix) = match asked_by {
                AskedBy::Caretaker => (State::Note, wording::doctor_administrator()),
                AskedBy::Administrator => (State::Unknown, wording::doctor_no_administrator()),
            };
            let found = format!("only administrators of the repository may see its hooks ({why})");
            return vec![Diagnosis::not_ok(state, what, found, fix)];
        }
        Err(why) => return vec![not_known(what, why)],
    };
    let hook = match ours(hooks, wanted.url) {
        Ours::None => {
            let found = match wanted.url {
                Some(url) => format!("none of {} hooks delivers to {url}", hooks.len()),
                None => format!("none of {} hooks delivers to a path that ends in /webhook", hooks.len()),
            };
            return vec![Diagnosis::not_ok(State::Error, what, found, wording::doctor_no_hook())];
        }
        Ours::Several(several) => {
            let found = format!("{} hooks deliver to the same place", several.len());
            return vec![Diagnosis::not_ok(State::Warning, what, found, wording::doctor_several_hooks())];
        }
        Ours::One(hook) => hook,
    };
    let mut found: Vec<Diagnosis> = faults(hook, wanted)
        .into_iter()
        .map(|fault| {
            let state = if fault.is_error() { State::Error } else { State::Warning };
            Diagnosis::not_ok(state, what.clone(), fault.to_string(), wording::doctor_run_setup())
        })
        .collect();
    if found.is_empty() {
        found.push(Diagnosis::ok(what.clone(), format!("active, every event, to {}", hook.url)));
    }
    if wanted.url.is_none() {
        let said =
            format!("whether {} is caretaker's address is not known: web.public_url is not set", hook.url);
        found.push(Diagnosis::not_ok(State::Warning, what, said, wording::doctor_public_url()));
    }
    found
}
