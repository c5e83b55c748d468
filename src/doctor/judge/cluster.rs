//! The cluster: whether it can be reached, what may be done there, who follows a repository. And clocks.

use crate::cluster::{Application, Installed};
use crate::doctor::{Asked, Diagnosis, NotKnown, State};
use crate::forge::Repository;
use crate::health::{Feature, Need};
use crate::merge::rollout::Watched;
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

/// Whether Argo CD's Applications can be read.
pub(crate) fn applications(applications: &Asked<Installed<Vec<Application>>>) -> Diagnosis {
    match applications {
        Ok(Installed::Yes(all)) => Diagnosis::ok("Argo CD", format!("{} Applications", all.len())),
        Ok(Installed::No) => Diagnosis::not_ok(
            State::Warning,
            "Argo CD",
            "not installed: a repository merges only with `rollout = \"none\"`",
            wording::doctor_rollout(),
        ),
        Err(why) => not_known("Argo CD", why),
    }
}

/// Who follows a repository: without anybody nothing is merged.
pub(crate) fn watchers(
    table: &run::Repository,
    repository: &Repository,
    applications: &Asked<Installed<Vec<Application>>>,
) -> Diagnosis {
    let what = format!("{}: rollout", table.name);
    if table.rollout == RolloutBy::None {
        return Diagnosis::ok(what, "nothing in the cluster follows it, as its settings say");
    }
    let all = match applications {
        Ok(Installed::Yes(all)) => all.as_slice(),
        Ok(Installed::No) => &[],
        Err(why) => return not_known(what, why),
    };
    let mut urls = repository.clone_urls.clone();
    urls.extend(table.pull_urls.iter().cloned());
    let watched = Watched { urls: &urls, default_branch: &repository.default_branch };
    match watched.watchers(all).len() {
        0 => {
            let state = if table.mode == Mode::Observe { State::Warning } else { State::Error };
            let found = format!(
                "none of {} Applications follows {} of {}, so nothing is merged",
                all.len(),
                repository.default_branch,
                urls.join(" or ")
            );
            Diagnosis::not_ok(state, what, found, wording::doctor_watchers())
        }
        count => Diagnosis::ok(what, format!("{count} Applications follow {}", repository.default_branch)),
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
