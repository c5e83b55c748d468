//! Looks at everything that caretaker stands on and says what is wrong, before a run finds out.
//!
//! [`judge`] holds every judgement: pure functions from facts to [`Diagnosis`]es. What is around it asks: the forge, the
//! cluster, the store. Each question has its own time-out, and one without an answer holds up no other: what was not
//! answered is [`State::Unknown`], never in order. Nothing is changed but for one test delivery of the hook, which can be
//! left out.
//!
//! Race decided here: the test delivery has to be seen by whoever holds the port. Where the service runs here it has the
//! store's lock, and the store is asked; where nobody has it, doctor listens itself for those seconds, and what else is
//! delivered meanwhile is answered as not taken.

mod cluster;
mod delivery;
mod diagnosis;
mod forge;
pub(crate) mod judge;
mod known;

pub(crate) use diagnosis::{Diagnosis, State, worst};
pub(crate) use known::{Asked, NotKnown, within};

use crate::config::{NeededFor, Settings};
use crate::forge::Gitea;
use crate::run;
use crate::store::{self, Holder};
use jiff::Timestamp;
use url::Url;

/// What is examined.
#[derive(Debug)]
pub(crate) struct Examination {
    /// The settings.
    pub(crate) settings: Settings,
    /// The repositories; those that discovery finds come on top where none was asked for by name.
    pub(crate) repositories: Vec<run::Repository>,
    /// Whether discovery may add others.
    pub(crate) discover: bool,
    /// The forge with caretaker's own token; `None` where the settings do not suffice for one.
    pub(crate) forge: Option<Gitea>,
    /// The forge with the token of an administrator of the repositories, who may see their hooks.
    pub(crate) administrator: Option<Gitea>,
    /// The address of the webhook as the forge reaches it.
    pub(crate) url: Option<Url>,
    /// Whether a test delivery may be asked for.
    pub(crate) test_delivery: bool,
}

/// Examines everything, in the order in which it is best mended.
pub(crate) async fn examine(examination: &Examination) -> Vec<Diagnosis> {
    let settings = &examination.settings;
    let mut all: Vec<Diagnosis> =
        settings.missing(NeededFor::Service).iter().map(|missing| judge::missing(missing)).collect();
    let path = settings.store.path.clone();
    let looking = tokio::task::spawn_blocking(move || store::look(&path));
    let look = within(async { looking.await.map_err(|error| NotKnown::NoAnswer(error.to_string())) }).await;
    let service = match &look {
        Ok(look) => look.holder.as_ref().ok().copied().unwrap_or(Holder::Nobody),
        Err(_) => Holder::Nobody,
    };
    let (on_forge, in_cluster) =
        tokio::join!(forge::examine(examination, service), cluster::examine(settings));
    all.extend(on_forge.diagnoses);
    all.extend(in_cluster.diagnoses);
    for (table, repository) in &on_forge.repositories {
        all.push(judge::watchers(table, repository, &in_cluster.rolls_out));
    }
    if let Some(names) = &on_forge.looked_after
        && let Ok(look) = &look
        && look.exists
    {
        let ignores = |name: &str| settings.discovery.ignores(name);
        let mut lost =
            lost_runs(&look.path, |name| names.contains(&name.to_lowercase()) || ignores(name)).await;
        for run in lost.iter_mut().flatten() {
            run.state = on_forge.unusable.get(&run.repository.to_lowercase()).cloned();
        }
        all.extend(judge::lost_runs(&lost));
    }
    let missed = match &look {
        Ok(look) if look.exists => missed_events(&look.path).await,
        _ => Ok(Vec::new()),
    };
    all.extend(judge::store(&look, settings.web.store_free_minimum_bytes));
    all.extend(judge::missed_events(&missed));
    all
}

/// The open runs of repositories that nobody looks after, as far as the store knows them.
async fn lost_runs(
    path: &std::path::Path,
    looked_after: impl Fn(&str) -> bool,
) -> Asked<Vec<judge::LostRun>> {
    within(async {
        let reader = store::Reader::open(path).await?;
        let mut lost = Vec::new();
        for run in reader.all_open_runs().await?.into_iter().filter(|run| !looked_after(&run.repository)) {
            let folded = run::fold(run.id, reader.journal(run.id).await?);
            let half_done = folded.ok().map(|state| state.is_half_done(Timestamp::now()));
            let (repository, issue) = (run.repository, run.issue);
            lost.push(judge::LostRun { repository, issue, half_done, state: None });
        }
        reader.close().await;
        Ok::<_, store::StoreError>(lost)
    })
    .await
}

async fn missed_events(path: &std::path::Path) -> Asked<Vec<(String, store::Missing, store::MissedEvents)>> {
    within(async {
        let reader = store::Reader::open(path).await?;
        let mut all = Vec::new();
        for missing in store::Missing::ALL {
            let missed = reader.missed_events(missing).await?;
            all.extend(missed.into_iter().map(|(repository, missed)| (repository, missing, missed)));
        }
        reader.close().await;
        Ok::<_, store::StoreError>(all)
    })
    .await
}
