//! Asks the forge.

use super::judge::{self, AskedBy, Likeness, PeopleFacts, RenovateFacts, RepositoryFacts, Wanted};
use super::{Asked, Diagnosis, Examination, NotKnown, State, delivery, within};
use crate::forge::renovate::{has_marker, recognise};
use crate::forge::{self, Forge, Gitea, RepositoryName, ServerKind};
use crate::run::{self, DiscoveryRange, RepositoryState};
use crate::store::Holder;
use crate::wording;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The exact title of Renovate's dashboard.
const DASHBOARD: &str = "Dependency Dashboard";

/// What the forge brought.
pub(super) struct OnForge {
    /// What was found.
    pub(super) diagnoses: Vec<Diagnosis>,
    /// The repositories that could be read, with their settings.
    pub(super) repositories: Vec<(run::Repository, forge::Repository)>,
    /// The names of all that are looked after, in lower case; `None` where the forge did not say.
    pub(super) looked_after: Option<BTreeSet<String>>,
    /// Why those that discovery would ask for, and no table names, cannot be worked in; by name in lower case.
    pub(super) unusable: BTreeMap<String, RepositoryState>,
}

pub(super) async fn examine(examination: &Examination, service: Holder) -> OnForge {
    let (diagnoses, repositories, looked_after) = (Vec::new(), Vec::new(), None);
    let mut found = OnForge { diagnoses, repositories, looked_after, unusable: BTreeMap::new() };
    let Some(forge) = &examination.forge else { return found };
    let settings = &examination.settings;
    let server = within(forge.server()).await;
    let unanswered = matches!(&server, Err(NotKnown::NoAnswer(_)));
    found.diagnoses.push(judge::server(&server));
    if unanswered {
        // Everything else would wait for the same answer, and say the same.
        return found;
    }
    let before = Timestamp::now();
    let clock = within(forge.clock()).await;
    found.diagnoses.push(judge::clock("forge", &clock, before, Timestamp::now()));
    let own = within(forge.own_account()).await;
    found.diagnoses.extend(judge::account(&own, &settings.run.trusted, &settings.renovate.accounts));

    let mut tables = examination.repositories.clone();
    if examination.discover {
        let label = &settings.run.maintenance_label;
        let range = DiscoveryRange { discovery: &settings.discovery, tables: &tables, label };
        let mut all_known = true;
        // It has an end of its own.
        match range.find(forge).await.map_err(NotKnown::from) {
            Ok(mut discovered) => {
                let lower = |name: &RepositoryName| name.to_string().to_lowercase();
                let looked_after = tables.iter().map(|table| &table.name).chain(&discovered.labelled);
                // What cannot be told of is not let go of.
                let unknown = discovered.unknown.keys().chain(&discovered.left_out);
                let looked_after = looked_after.chain(unknown).map(lower).collect();
                found.looked_after = Some(looked_after);
                let unusable = std::mem::take(&mut discovered.unusable).into_iter();
                found.unusable = unusable.map(|(name, state)| (lower(&name), state)).collect();
                let labelled = std::mem::take(&mut discovered.labelled).into_iter();
                tables.extend(labelled.map(|name| settings.discovery.settings_of(name)));
                all_known = discovered.unknown.is_empty() && discovered.left_out.is_empty();
                found.diagnoses.extend(judge::discovered(discovered));
            }
            Err(why) => found.diagnoses.push(Diagnosis::not_ok(
                State::Unknown,
                "discovery",
                format!("the repositories could not be listed: {why}"),
                wording::doctor_scopes(),
            )),
        }
        if tables.is_empty() && all_known {
            found.diagnoses.push(Diagnosis::not_ok(
                State::Warning,
                "discovery",
                format!("no repository has the label `{}`", settings.run.maintenance_label),
                wording::doctor_nothing_discovered(),
            ));
        }
    }
    let mut about_each = Vec::new();
    let server = server.ok();
    for table in tables {
        let (diagnoses, repository) = one(examination, forge, server.as_ref(), &table, service).await;
        about_each.extend(diagnoses);
        found.repositories.extend(repository.map(|repository| (table, repository)));
    }
    let mut trusted = Vec::new();
    for login in &settings.run.trusted {
        trusted.push((login.clone(), within(forge.account_exists(login)).await));
    }
    let repositories: Vec<_> = found.repositories.iter().map(|(_, repository)| repository).collect();
    let people = judge::people(&PeopleFacts { trusted: &trusted, repositories: &repositories });
    found.diagnoses.extend(people);
    found.diagnoses.extend(about_each);
    found
}

async fn one(
    examination: &Examination,
    forge: &Gitea,
    server: Option<&forge::Server>,
    table: &run::Repository,
    service: Holder,
) -> (Vec<Diagnosis>, Option<forge::Repository>) {
    let name = &table.name;
    let repository = within(forge.repository(name)).await;
    let branch = match &repository {
        Ok(repository) => within(forge.branch(name, &repository.default_branch)).await,
        Err(why) => Err(why.clone()),
    };
    let readable = repository.as_ref().is_ok_and(|repository| RepositoryState::of(repository).is_none());
    let unasked = || Err(NotKnown::NoAnswer("not asked".to_owned()));
    let (writes_code, writes_issues): (Asked<bool>, Asked<bool>) = if readable {
        (within(forge.may_write_code(name)).await, within(forge.may_write_issues(name)).await)
    } else {
        (unasked(), unasked())
    };
    let facts = RepositoryFacts {
        table,
        repository: &repository,
        branch: &branch,
        writes_code: &writes_code,
        writes_issues: &writes_issues,
    };
    let mut found = judge::repository(&facts);
    if readable {
        found.push(labels(examination, forge, name).await);
        found.extend(hook(examination, forge, server, name, service).await);
        found.extend(renovate(examination, forge, name).await);
    }
    (found, repository.ok())
}

async fn labels(examination: &Examination, forge: &Gitea, name: &RepositoryName) -> Diagnosis {
    let what = format!("{name}: labels");
    let wanted = crate::setup::labels(&examination.settings.run);
    match within(forge.labels(name)).await {
        Ok(there) => {
            let missing: Vec<&str> =
                crate::setup::missing_labels(&wanted, &there).map(|label| label.name).collect();
            if missing.is_empty() {
                return Diagnosis::ok(what, "all there");
            }
            let found = format!("missing: {}", missing.join(", "));
            Diagnosis::not_ok(State::Warning, what, found, wording::doctor_run_setup())
        }
        Err(why) => Diagnosis::not_ok(State::Unknown, what, why.to_string(), wording::doctor_no_answer()),
    }
}

async fn hook(
    examination: &Examination,
    forge: &Gitea,
    server: Option<&forge::Server>,
    name: &RepositoryName,
    service: Holder,
) -> Vec<Diagnosis> {
    let secrets = examination.settings.web.hook_secrets(name);
    let authorization = secrets.as_ref().ok().and_then(|(_, authorization)| authorization.as_ref());
    let wanted = Wanted {
        url: examination.url.as_ref(),
        delivers_statuses: server.is_some_and(forge::Server::delivers_statuses),
        authorization,
    };
    let (administrator, asked_by) = match &examination.administrator {
        Some(administrator) => (administrator, AskedBy::Administrator),
        None => (forge, AskedBy::Caretaker),
    };
    let hooks = within(administrator.hooks(name)).await;
    let mut found = judge::hook(name, &hooks, &wanted, asked_by);
    if let Ok(hooks) = &hooks
        && let judge::Ours::One(hook) = judge::ours(hooks, wanted.url)
        // An inactive hook, or one without pushes, is not told of its test.
        && hook.active
        && hook.events.contains("push")
        && examination.test_delivery
        && let Ok(keys) = examination.settings.web.hook_keys()
    {
        let keys = keys.with_shared(examination.settings.looks_after_one());
        let arrival =
            delivery::try_one(&examination.settings, administrator, name, hook.id, &keys, service).await;
        let kind: Option<ServerKind> = server.map(|server| server.kind);
        found.push(judge::delivery(name, &arrival, kind));
    }
    found
}

async fn renovate(examination: &Examination, forge: &Gitea, name: &RepositoryName) -> Vec<Diagnosis> {
    let settings = &examination.settings.renovate;
    let pulls = within(forge.open_pulls(name)).await.map(|pulls| {
        pulls
            .iter()
            .filter(|pull| {
                has_marker(&pull.body)
                    || (!settings.branch_prefix.is_empty()
                        && pull.head.branch.starts_with(&settings.branch_prefix))
            })
            .map(|pull| Likeness {
                number: pull.number,
                refused: recognise(pull, &settings.accounts, &settings.branch_prefix).err(),
            })
            .collect()
    });
    let dashboard = within(forge.open_issues(name, None))
        .await
        .map(|issues| issues.iter().any(|issue| issue.title == DASHBOARD));
    judge::renovate(&RenovateFacts { repository: name, pulls: &pulls, dashboard: &dashboard })
}
