//! Has this very commit arrived in the cluster?
//!
//! Pure judgement over one reading of whatever may follow a repository: Argo CD's Applications and Flux' Kustomizations.
//! Races decided here: a revision counts when it is the commit or descends from it, so a push right after the merge does no
//! harm; a revision that the forge could not compare is UNKNOWN and never "arrived"; whoever may be a watcher and is not known
//! to be one makes it UNKNOWN, since nobody waits for whom nobody sees; what a sync window keeps back is told apart from what
//! takes its time only where nothing else is waited for; that a set has looked is believed of what was asked of it alone (`asking`, `sets`).

mod address;
mod argo;
mod asking;
mod flux;
mod sets;
mod undone;

use crate::cluster::{
    Application, ApplicationHealth, ApplicationSet, Fingerprint, FluxKind, FluxObject, ObjectRef, Owner,
    PullEvent, Shut, SyncStatus, Workload,
};
use crate::forge::CommitSha;
use address::Address;
pub(crate) use asking::{Answer, AskedOf, Asking, Moment, Question, Refusal};
pub(crate) use flux::AcceptedFlux;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
#[cfg(test)]
pub(in crate::merge) use undone::runs_what_nobody_asks_for;
pub(crate) use undone::{Undone, excused};

/// What may follow repositories into the cluster, as one look read it.
#[derive(Debug, Clone, Default)]
pub(crate) struct GitOps {
    /// Argo CD's.
    pub(crate) applications: Vec<Application>,
    /// Argo CD's sets, which make Applications of what they read in Git.
    pub(crate) sets: Vec<ApplicationSet>,
    /// Flux'.
    pub(crate) flux: Vec<FluxObject>,
    /// Why one of the two could not be read.
    pub(crate) unread: Option<String>,
}

/// A repository as those who follow it may write it.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    /// The addresses that are it.
    own: Vec<String>,
    /// Addresses that look like it and are not.
    foreign: Vec<String>,
    /// The branch that is merged into.
    default_branch: String,
}

/// How an Application stood that was not well, where that is no reason to wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stood {
    /// Which.
    pub(crate) application: ObjectRef,
    /// Whether its objects were as its sources say.
    pub(crate) sync: SyncStatus,
    /// Its health.
    pub(crate) health: ApplicationHealth,
    /// Whether a person accepts it as it is: then it need not be better for another change to start. What a change brings to an
    /// operation has to become well all the same, so that none is followed with this.
    #[serde(default)]
    pub(crate) accepted: bool,
    /// What it was told to make its objects of: once that is something else, how it stood before is no excuse any more. Journals of
    /// older versions do not tell, which excuses nothing.
    #[serde(default)]
    pub(crate) told: Option<Fingerprint>,
}

impl Stood {
    /// How an Application stands that is not well; none of one that is.
    pub(crate) fn of(application: &Application, accepted: bool) -> Option<Self> {
        let Application { sync, health, .. } = *application;
        let good = sync == SyncStatus::Synced && health == ApplicationHealth::Healthy;
        let told = Some(application.source_fingerprint());
        (!good).then(|| Self { application: application.object(), sync, health, accepted, told })
    }

    /// Whether an Application is still told what it was then.
    pub(crate) fn is_told_the_same(&self, application: &Application) -> bool {
        self.told == Some(application.source_fingerprint())
    }
}

/// How far a commit got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Nobody can tell.
    Unknown {
        /// Why.
        why: String,
    },
    /// Not everywhere yet.
    Waiting {
        /// Which watchers, and what they lack.
        on: Vec<(String, String)>,
        /// Changes whenever anything moved.
        progress: String,
        /// The window that opens last, where nothing but closed windows keeps it back.
        shut: Option<Shut>,
        /// Until when nothing can move: nobody but those is waited for who look by themselves by then, besides closed windows.
        until: Option<Timestamp>,
    },
    /// Watchers could not apply it: which, and why in their own words.
    Failed {
        /// At least one.
        failed: Vec<(ObjectRef, String)>,
    },
    /// Everywhere.
    Done {
        /// How many watch the repository.
        watchers: usize,
        /// The Applications that it needed an operation in, as `namespace/name`.
        affected: Vec<String>,
    },
}

/// How one watcher stands towards a commit.
enum Standing {
    Unknown(String),
    /// It, or something that it makes and that is no watcher itself, is not there yet.
    Waiting(String),
    /// Nobody could ask it to look, and it does so by itself by then.
    LooksBy(String, Timestamp),
    /// A window of its project keeps it back.
    Shut(Shut),
    Failed(ObjectRef, String),
    Done {
        affected: bool,
    },
}

impl Watched {
    /// A repository by its addresses and those that are not it.
    pub(crate) fn new(own: Vec<String>, foreign: Vec<String>, default_branch: &str) -> Self {
        Self { own, foreign, default_branch: default_branch.to_owned() }
    }

    /// The addresses that are it.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.own
    }

    fn address(&self, url: &str) -> Address {
        address::compare(url, &self.own, &self.foreign)
    }

    /// Who may follow it, and by which address: the same owner and name at another host.
    pub(crate) fn probable(&self, gitops: &GitOps) -> Option<(String, String)> {
        self.probable_application(&gitops.applications)
            .or_else(|| self.probable_set(&gitops.sets))
            .or_else(|| self.probable_source(&gitops.flux))
    }

    /// Whether a revision, as Argo CD writes them, is the default branch.
    fn takes_the_default_branch(&self, revision: &str) -> bool {
        let revision = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        revision.is_empty() || revision == "HEAD" || revision == self.default_branch
    }

    /// How many follow it.
    pub(crate) fn watcher_count(&self, gitops: &GitOps) -> usize {
        let flux = &gitops.flux;
        let of_flux = self.followed(flux).len() + self.releases_of_others(flux).len();
        self.watchers(&gitops.applications).len() + of_flux
    }

    /// The revisions that its watchers speak of: of each it has to be known whether it comes after the commit.
    pub(crate) fn revisions(&self, gitops: &GitOps) -> BTreeSet<CommitSha> {
        let watchers = self.watchers(&gitops.applications).into_iter();
        let of_applications = watchers.flat_map(|app| self.application_revisions(app));
        of_applications
            .chain(self.flux_revisions(&gitops.flux))
            .filter_map(|revision| revision.parse().ok())
            .collect()
    }

    /// All watchers that follow it, with what they made.
    pub(crate) fn owners(&self, gitops: &GitOps) -> Vec<Owner> {
        let kustomizations = self.flux_owners(gitops, self.kustomizations(&gitops.flux));
        self.watchers(&gitops.applications).into_iter().map(Owner::from).chain(kustomizations).collect()
    }

    /// The watchers one of whose folders holds one of the files, with what they made: candidates before a merge.
    pub(crate) fn touched(&self, gitops: &GitOps, files: &[String]) -> Vec<Owner> {
        let applications = self.touched_applications(&gitops.applications, files);
        let kustomizations = self.flux_owners(gitops, self.touched_kustomizations(&gitops.flux, files));
        applications.into_iter().map(Owner::from).chain(kustomizations).collect()
    }

    fn flux_owners(&self, gitops: &GitOps, kustomizations: Vec<&FluxObject>) -> Vec<Owner> {
        let followed = self.followed(&gitops.flux);
        let owner = |one| Owner::of_kustomization(one, &gitops.flux, &followed);
        kustomizations.into_iter().map(owner).collect()
    }

    /// The Application that a change of these files cannot be synced to now, and the window that keeps it back: of those
    /// that it touches and of those that they make; of all watchers where its files lie in the folder of none.
    pub(crate) fn kept_back(&self, gitops: &GitOps, files: &[String]) -> Option<(String, Shut)> {
        let mut touched = self.touched_applications(&gitops.applications, files);
        if touched.is_empty() && self.touched_kustomizations(&gitops.flux, files).is_empty() {
            touched = self.watchers(&gitops.applications);
        }
        let made = |child: &Application| {
            touched.iter().any(|parent| parent.resources.iter().any(|own| own.object == child.object()))
        };
        let children = gitops.applications.iter().filter(|child| made(child));
        let shut = touched.iter().copied().chain(children).filter_map(|app| Some((app, app.shut()?)));
        shut.max_by_key(|(_, shut)| (shut.opens.is_none(), shut.opens))
            .map(|(app, shut)| (app.name.clone(), shut.clone()))
    }
}

/// Judges the way of a commit. `descends` says whether a commit is, or comes after, the one that is followed; `None`
/// when that is not known.
pub(crate) fn judge(
    gitops: &GitOps,
    watched: &Watched,
    commit: &CommitSha,
    descends: &dyn Fn(&CommitSha) -> Option<bool>,
    before: &[Stood],
    moment: &Moment,
) -> Rollout {
    if let Some(why) = &gitops.unread {
        return Rollout::Unknown { why: why.clone() };
    }
    if let Some((who, url)) = watched.probable(gitops) {
        return Rollout::Unknown { why: probably_watches(&who, &url) };
    }
    let arrived = |revision: &str| has_arrived(revision, commit, descends);
    let mut standings = argo::standings(&gitops.applications, watched, &arrived, before, moment);
    standings.extend(sets::standings(gitops, watched, before, moment));
    let makers = watched.flux_makers(&gitops.flux);
    for (name, standing) in argo::made_by_flux(&gitops.applications, &makers, watched, before) {
        if standings.iter().all(|(known, _)| *known != name) {
            standings.push((name, standing));
        }
    }
    standings.extend(flux::standings(&gitops.flux, watched, &arrived, moment));
    let watchers = watched.watcher_count(gitops);
    if watchers == 0 {
        return Rollout::Unknown {
            why: "nothing in the cluster watches the repository's default branch".to_owned(),
        };
    }
    let mut waiting = Vec::new();
    let mut kept_back: Vec<Shut> = Vec::new();
    let mut looks_by: Vec<Timestamp> = Vec::new();
    let mut failed = Vec::new();
    let mut unknown = None;
    let mut affected = Vec::new();
    for (name, standing) in standings {
        match standing {
            Standing::Failed(object, why) => failed.push((object, why)),
            Standing::Unknown(why) => unknown = unknown.or(Some(format!("{name}: {why}"))),
            Standing::Waiting(why) => waiting.push((name, why)),
            Standing::LooksBy(why, by) => {
                waiting.push((name, why));
                looks_by.push(by);
            }
            Standing::Shut(shut) => {
                waiting.push((name, shut.to_string()));
                kept_back.push(shut);
            }
            Standing::Done { affected: true } => affected.push(name),
            Standing::Done { affected: false } => {}
        }
    }
    if !failed.is_empty() {
        Rollout::Failed { failed }
    } else if let Some(why) = unknown {
        Rollout::Unknown { why }
    } else if waiting.is_empty() {
        Rollout::Done { watchers, affected }
    } else {
        let nothing_moves = kept_back.len() + looks_by.len() == waiting.len();
        let until = looks_by.into_iter().max().filter(|_| nothing_moves);
        let shut = if kept_back.len() == waiting.len() { latest(kept_back) } else { None };
        Rollout::Waiting {
            progress: progress(gitops, watched, &waiting, moment.now),
            on: waiting,
            shut,
            until,
        }
    }
}

/// Whether a revision is the commit or comes after it.
fn has_arrived(
    revision: &str,
    commit: &CommitSha,
    descends: &dyn Fn(&CommitSha) -> Option<bool>,
) -> Result<bool, String> {
    if revision == commit.as_str() {
        return Ok(true);
    }
    match revision.parse::<CommitSha>() {
        Err(_) => Ok(false),
        Ok(sha) => descends(&sha)
            .ok_or_else(|| format!("it is not known whether {} comes after {}", sha.short(), commit.short())),
    }
}

/// What of Flux is to be asked to look now, besides the sources: whatever does not look at the commit by itself, or does not tell.
pub(crate) fn flux_to_ask(
    gitops: &GitOps,
    watched: &Watched,
    commit: &CommitSha,
    descends: &dyn Fn(&CommitSha) -> Option<bool>,
    moment: &Moment,
) -> Vec<(ObjectRef, Question)> {
    let arrived = |revision: &str| has_arrived(revision, commit, descends);
    flux::to_ask(&gitops.flux, watched, &arrived, moment)
}

/// The window that opens last; one that does not open at all is the last.
fn latest(shut: Vec<Shut>) -> Option<Shut> {
    shut.into_iter().max_by_key(|one| (one.opens.is_none(), one.opens))
}

/// What a person has to say comes first: the rest may be cut off.
fn probably_watches(who: &str, url: &str) -> String {
    format!("pull_urls or other_urls must say whether {url} is this repository: {who} follows it")
}

/// Changes whenever a watcher moved, or an Application that is waited for and that a watcher or a set makes. A mere look is no
/// progress.
fn progress(gitops: &GitOps, watched: &Watched, waiting: &[(String, String)], now: Timestamp) -> String {
    let mut text = String::new();
    let watchers = watched.watchers(&gitops.applications);
    let (awaited, of_flux) = awaited(gitops, waiting);
    let leaves = awaited.into_iter().filter(|app| !watchers.contains(app));
    for app in watchers.iter().copied().chain(leaves) {
        argo::note_progress(app, &mut text);
    }
    flux::note_progress(&gitops.flux, watched, &of_flux, now, &mut text);
    text
}

/// The Applications and the objects of Flux that are waited for, by the names under which they are.
fn awaited<'a>(
    gitops: &'a GitOps,
    waiting: &[(String, String)],
) -> (Vec<&'a Application>, Vec<&'a FluxObject>) {
    let names: BTreeSet<&str> = waiting.iter().map(|(name, _)| name.as_str()).collect();
    let is_one = |object: ObjectRef| names.contains(object.to_string().as_str());
    let applications = gitops.applications.iter().filter(|app| is_one(app.object())).collect();
    let flux = gitops.flux.iter().filter(|object| is_one(object.object())).collect();
    (applications, flux)
}

/// Who is waited for, with what they made: theirs are the pods that a rollout goes by, whether or not a file that was changed lies in a
/// folder of theirs.
pub(crate) fn awaited_owners(gitops: &GitOps, watched: &Watched, rollout: &Rollout) -> Vec<Owner> {
    let Rollout::Waiting { on, .. } = rollout else { return Vec::new() };
    let (applications, flux) = awaited(gitops, on);
    let followed = watched.followed(&gitops.flux);
    let of_flux = |one: &FluxObject| match one.kind {
        FluxKind::Kustomization => Some(Owner::of_kustomization(one, &gitops.flux, &followed)),
        FluxKind::HelmRelease => {
            let (object, owns) = (one.object(), one.inventory.clone());
            Some(Owner { object, owns, beside: Vec::new(), images: Vec::new(), charts: Vec::new() })
        }
        _ => None,
    };
    let flux = flux.into_iter().filter_map(of_flux);
    applications.into_iter().map(Owner::from).chain(flux).collect()
}

/// How far the pods of these watchers' workloads are: a watcher says nothing while a `DaemonSet` goes from node to node. What
/// is not among what they made is another's.
pub(crate) fn pods_of(owners: &[Owner], workloads: &[Workload]) -> String {
    let own: BTreeSet<&ObjectRef> = owners.iter().flat_map(|owner| &owner.owns).collect();
    let mut text = String::new();
    for workload in workloads.iter().filter(|workload| own.contains(&workload.object)) {
        let Workload { object, observed_generation, updated, available, .. } = workload;
        // Writing to a String cannot fail.
        let _ = write!(text, "{object}:{observed_generation}:{updated}:{available};");
    }
    text
}

/// How far the images of these pods are (namespace and name), which wait. One that is being pulled is progress for as long as it
/// takes: nothing tells how much of it is there, and a pull that is stuck is given up by the node, whose pod does not wait like
/// that any more.
pub(crate) fn pulls_of(
    waiting: &BTreeSet<(String, String)>,
    events: &[(String, Vec<PullEvent>)],
    now: Timestamp,
) -> Pulls {
    // Of each container what was said last.
    let mut newest: BTreeMap<(&str, &str, &str), &PullEvent> = BTreeMap::new();
    for (namespace, events) in events {
        for event in events.iter().filter(|event| waiting.contains(&(namespace.clone(), event.pod.clone()))) {
            let newest = newest.entry((namespace, &event.pod, &event.container)).or_insert(event);
            if (event.last, event.ended) > (newest.last, newest.ended) {
                *newest = event;
            }
        }
    }
    let mut progress = String::new();
    for ((namespace, pod, container), event) in &newest {
        // Writing to a String cannot fail.
        let _ = write!(progress, "{namespace}/{pod}/{container}:{}:{:?};", event.ended, event.last);
    }
    let going_on = newest.iter().filter(|(_, event)| !event.ended);
    let pulling: BTreeSet<String> =
        going_on.map(|((namespace, pod, _), _)| format!("{namespace}/{pod}")).collect();
    if !pulling.is_empty() {
        let _ = write!(progress, "pulling at {now}");
    }
    Pulls { progress, pulling: pulling.into_iter().collect() }
}

/// How far images are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pulls {
    /// Changes whenever anything moved.
    pub(crate) progress: String,
    /// The pods for which one is being pulled, as `namespace/name`.
    pub(crate) pulling: Vec<String>,
}

/// What was seen instead of a commit.
fn not_this_commit(did: &str, seen: &[&str]) -> String {
    if seen.is_empty() {
        return format!("it has not {did} this commit");
    }
    let seen: Vec<String> = seen.iter().map(|revision| short(revision)).collect();
    format!("it has {did} {} and not this commit", seen.join(", "))
}

/// A revision as people know it: of a commit, whatever stands around it, its first digits.
fn short(revision: &str) -> String {
    let commit = revision.rsplit_once("@sha1:").map_or(revision, |(_, commit)| commit);
    commit.parse::<CommitSha>().map_or_else(|_| revision.to_owned(), |commit| commit.short().to_owned())
}

/// A path as it is from the repository's root, without `.` and `..`.
fn within(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
