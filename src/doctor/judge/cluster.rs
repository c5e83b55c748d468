//! The cluster: whether it can be reached, what may be done there, who follows a repository. And clocks.

use crate::cluster::{Application, FluxKind, FluxObject, Installed};
use crate::doctor::{Asked, Diagnosis, NotKnown, State};
use crate::forge::Repository;
use crate::health::{Feature, Need};
use crate::merge::rollout::GitOps;
use crate::run::{self, Mode, RolloutBy};
use crate::wording;
use jiff::{SignedDuration, Timestamp};

/// From so much on people should know; a server's clock is told in whole seconds.
const SOON: SignedDuration = SignedDuration::from_secs(5);
/// From so much on what counts by its time is judged wrongly.
const WRONG: SignedDuration = SignedDuration::from_mins(1);

fn not_known(what: impl Into<String>, why: &NotKnown) -> Diagnosis {
    let state = match why {
        NotKnown::Unauthorized(_) | NotKnown::Refused(_) => State::Error,
        NotKnown::NotThere(_) | NotKnown::Renamed(_) | NotKnown::NoAnswer(_) => State::Unknown,
    };
    Diagnosis::not_ok(state, what, why.to_string(), wording::doctor_cluster())
}

/// Whether the cluster answers.
pub(crate) fn reached(version: &Asked<String>) -> Diagnosis {
    match version {
        Ok(version) => Diagnosis::ok("cluster", format!("Kubernetes {version}")),
        Err(why) => not_known("cluster", why),
    }
}

/// Whether a feature has its rights: each need with what the cluster says of it.
pub(crate) fn right(feature: Feature, needs: &[(Need, Asked<bool>)]) -> Diagnosis {
    let what = format!("rights for {}", wording::feature_words(feature));
    let mut missing = Vec::new();
    let (mut less, mut listed) = (Vec::new(), Vec::new());
    for (need, held) in needs {
        match held {
            Ok(true) => {}
            Ok(false) if need.optional && need.right.verb == "watch" => {
                listed.push(format!("`{}`", need.right));
            }
            Ok(false) if need.optional => less.push(format!("`{}`", need.right)),
            Ok(false) => missing.push(format!("`{}`", need.right)),
            Err(why) => return not_known(what, why),
        }
    }
    if !missing.is_empty() {
        let found = format!("the cluster does not allow {}", missing.join(", "));
        return Diagnosis::not_ok(State::Error, what, found, wording::doctor_rights(feature));
    }
    let mut found = Vec::new();
    if !less.is_empty() {
        found.push(format!("the cluster does not allow {}; less is known without", less.join(", ")));
    }
    if !listed.is_empty() {
        found.push(format!("the cluster does not allow {}; each look lists them instead", listed.join(", ")));
    }
    if !found.is_empty() {
        let found = found.join("; ");
        return Diagnosis::not_ok(State::Warning, what, found, wording::doctor_rights(feature));
    }
    Diagnosis::ok(what, format!("all {} held", needs.len()))
}

/// Whether what rolls out can be read, and who that is.
pub(crate) fn rolls_out(found: &Asked<RollsOut>) -> Diagnosis {
    const WHAT: &str = "GitOps";
    let found = match found {
        Ok(found) => found,
        Err(why) => return not_known(WHAT, why),
    };
    let gitops = &found.gitops;
    let kustomizations = gitops.flux.iter().filter(|one| one.kind == FluxKind::Kustomization).count();
    let argo = found.argo.then(|| format!("Argo CD with {} Applications", gitops.applications.len()));
    let flux = found.flux.then(|| format!("Flux with {kustomizations} Kustomizations"));
    let all: Vec<String> = argo.into_iter().chain(flux).collect();
    if all.is_empty() {
        return Diagnosis::not_ok(
            State::Warning,
            WHAT,
            "neither Argo CD nor Flux is installed: a repository merges only with `rollout = \"none\"`",
            wording::doctor_rollout(),
        );
    }
    Diagnosis::ok(WHAT, all.join(", "))
}

/// What was found of those who roll out.
#[derive(Debug, Clone, Default)]
pub(crate) struct RollsOut {
    /// What they keep.
    pub(crate) gitops: GitOps,
    /// Whether Argo CD is there.
    pub(crate) argo: bool,
    /// Whether Flux is there.
    pub(crate) flux: bool,
}

impl RollsOut {
    /// Out of what the API server listed.
    pub(crate) fn of(applications: Installed<Vec<Application>>, flux: Installed<Vec<FluxObject>>) -> Self {
        let (argo, has_flux) = (applications != Installed::No, flux != Installed::No);
        let (applications, flux) = (applications.into_items(), flux.into_items());
        Self { gitops: GitOps { applications, flux, ..GitOps::default() }, argo, flux: has_flux }
    }
}

/// Who follows a repository: without anybody nothing is merged.
pub(crate) fn watchers(
    table: &run::Repository,
    repository: &Repository,
    found: &Asked<RollsOut>,
) -> Diagnosis {
    let what = format!("{}: rollout", table.name);
    if table.rollout == RolloutBy::None {
        return Diagnosis::ok(what, "nothing in the cluster follows it, as its settings say");
    }
    let gitops = match found {
        Ok(found) => &found.gitops,
        Err(why) => return not_known(what, why),
    };
    let watched = table.watched(repository);
    let state = if table.mode == Mode::Observe { State::Warning } else { State::Error };
    if let Some((who, url)) = watched.probable(gitops) {
        let found =
            format!("{who} follows {url}, the same owner and name at another host, so nothing is merged");
        return Diagnosis::not_ok(state, what, found, wording::doctor_probable_watcher());
    }
    match watched.watcher_count(gitops) {
        0 => {
            let found = format!(
                "no Application and no Kustomization follows {} of {}, so nothing is merged",
                repository.default_branch,
                watched.addresses().join(" or ")
            );
            Diagnosis::not_ok(state, what, found, wording::doctor_watchers())
        }
        count => {
            let follow = if count == 1 { "follows" } else { "follow" };
            Diagnosis::ok(what, format!("{count} {follow} {}", repository.default_branch))
        }
    }
}

/// How a server's clock goes against ours: its time, and ours before the question and after the answer.
pub(crate) fn clock(
    whose: &str,
    asked: &Asked<Option<Timestamp>>,
    before: Timestamp,
    after: Timestamp,
) -> Diagnosis {
    let what = format!("clock of the {whose}");
    let told = match asked {
        Ok(Some(told)) => *told,
        Ok(None) => {
            return Diagnosis::not_ok(
                State::Unknown,
                what,
                "its answers do not tell the time",
                wording::doctor_no_date(),
            );
        }
        Err(why) => {
            return Diagnosis::not_ok(State::Unknown, what, why.to_string(), wording::doctor_no_answer());
        }
    };
    // It was cut to the second, and told at some moment in between.
    let (ahead, behind) =
        (told.duration_since(after), before.duration_since(told) - SignedDuration::from_secs(1));
    let (off, direction) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
    let state = match off {
        off if off >= WRONG => State::Error,
        off if off >= SOON => State::Warning,
        _ => return Diagnosis::ok(what, "agrees with ours"),
    };
    let found = format!("{} s {direction} ours", off.as_secs());
    Diagnosis::not_ok(state, what, found, wording::doctor_clock())
}
