//! What the containers of a pod say by themselves: what cannot be made, what ends again and again, and why.
//!
//! A count of restarts tells nothing of when, and of all the ends only the last has a time. Decided here: of a pod that was there
//! before its node came back, what ended until then, or within the grace time after that, ended with its node, and so did what
//! the runtime lost; neither is a crash, and the next end, which has a time of its own, tells whether there is one. Memory that
//! ran out did so whatever the node did. How often a container ended within the
//! hours that the settings name is known of a pod that is no older. Of an older one the count and the last end have to do at
//! a single look, which then says so; whoever looks again and again knows better ([`Restarts`](crate::health::Restarts)).

use super::pods::Trouble;
use super::{age, is_recent, shortened};
use crate::action::redacted;
use crate::cluster::{Container, ContainerState, DiskWord, ObjectRef, Pod, PodLedger, subject};
use crate::health::{Grounds, NODE_RESTARTED, Restarted, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// Why an image is not there.
const IMAGE: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
];
/// Why a container cannot be made.
const CONTAINER: [&str; 5] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PreCreateHookError",
    "PostStartHookError",
];
/// The rule of a container that was started again too often lately.
pub(in crate::health) const RESTARTS_GROW: &str = "restarts-grow";

/// What the judgement of containers needs besides their pod.
pub(super) struct Around<'a> {
    pub(super) now: Timestamp,
    pub(super) grace: Duration,
    pub(super) settings: &'a Settings,
    /// Since when the pod's node has been ready; none where it is not, or where the pod is younger than that.
    pub(super) node_ready_since: Option<Timestamp>,
    /// The pod's node.
    pub(super) node: Option<ObjectRef>,
    /// The same, where that is lost.
    pub(super) lost_node: Grounds,
}

/// How a container ended last.
struct End<'a> {
    reason: &'a str,
    exit_code: i32,
    at: Option<Timestamp>,
    message: &'a str,
    disk: Option<DiskWord>,
}

impl<'a> End<'a> {
    /// The end of one that is not running, or the one before the last start. An init container that has done its work has
    /// none that matters.
    fn of(container: &'a Container) -> Option<Self> {
        match (&container.state, &container.last_state) {
            (ContainerState::Terminated { exit_code: 0, .. }, _) if container.init => None,
            (ContainerState::Terminated { reason, exit_code, finished_at, message, disk }, _)
            | (_, Some(ContainerState::Terminated { reason, exit_code, finished_at, message, disk })) => {
                Some(Self { reason, exit_code: *exit_code, at: *finished_at, message, disk: *disk })
            }
            _ => None,
        }
    }

    /// Whether the runtime lost it: that of a node which was started again does not find what ran before.
    fn was_lost(&self) -> bool {
        self.reason == "ContainerStatusUnknown" || (self.reason == "Unknown" && self.exit_code == 255)
    }
}

impl Around<'_> {
    /// Whether a container ended because its node did.
    fn with_its_node(&self, end: &End<'_>) -> bool {
        let later_than_grace = |back: Timestamp, at: Timestamp| {
            Duration::try_from(at.duration_since(back)).is_ok_and(|after| after > self.grace)
        };
        let with_it = self.node_ready_since.zip(end.at).is_some_and(|(back, at)| !later_than_grace(back, at));
        end.was_lost() || with_it
    }

    /// The last end of a container that was started again, where it was no longer ago than that.
    fn end<'a>(&self, container: &'a Container, within: Duration) -> Option<(End<'a>, Timestamp)> {
        let end = End::of(container).filter(|_| container.restarts > 0)?;
        let at = end.at?;
        (age(self.now, at) <= within).then_some((end, at))
    }

    /// The same, where it was its own.
    fn own_end<'a>(&self, container: &'a Container, within: Duration) -> Option<(End<'a>, Timestamp)> {
        self.end(container, within).filter(|(end, _)| !self.with_its_node(end))
    }
}

/// What is wrong with the containers of a pod, whether it is ready or not, the worst first.
pub(super) fn broken(pod: &Pod, is_ready: bool, around: &Around<'_>) -> Option<Trouble> {
    let waiting = |reasons: &[&str]| {
        pod.containers.iter().find_map(|container| match &container.state {
            ContainerState::Waiting { reason, message } if reasons.contains(&reason.as_str()) => {
                Some((container, format!("container {}: {reason} {message}", container.name)))
            }
            _ => None,
        })
    };
    let looping: Vec<&Container> = pod.containers.iter().filter(|one| is_in_back_off(one)).collect();
    let by_itself = looping.iter().find(|one| !End::of(one).is_some_and(|end| around.with_its_node(&end)));
    if let Some(container) = by_itself {
        let what = in_a_crash_loop(End::of(container).as_ref());
        let trouble = Trouble::new("crash-loop", Verdict::Red, what, back_off(container));
        return Some(trouble.since(last_end(container)).resting_on(around.lost_node.clone()));
    }
    if let Some(container) = looping.first() {
        let node = around.node.as_ref().map_or_else(String::new, |node| format!(" of {node}"));
        let evidence = format!("{}; its last end was that{node}", back_off(container));
        let what = "started again with its node";
        let trouble = Trouble::new(NODE_RESTARTED, Verdict::Yellow, what, evidence);
        return Some(trouble.since(last_end(container)).resting_on(Grounds::each(around.node.clone())));
    }
    let young = is_recent(pod.created_at, around.now, around.grace);
    let graced = if young { Verdict::Yellow } else { Verdict::Red };
    if let Some((container, evidence)) = waiting(&IMAGE) {
        let what = without_image(&evidence, &container.image);
        return Some(Trouble::new("image-pull", graced, what, evidence).since(pod.created_at));
    }
    if let Some((_, evidence)) = waiting(&CONTAINER) {
        let what = "with a container that cannot be made";
        return Some(Trouble::new("container-config", graced, what, evidence).since(pod.created_at));
    }
    // One that serves and has been there for longer is judged by how often it ended lately, and not in its life.
    let is_old = pod
        .created_at
        .is_some_and(|made| age(around.now, made) > Duration::from_secs(around.settings.crash_loop_seconds));
    if is_ready && is_old {
        return None;
    }
    let crashes = |container| between_crashes(container, is_ready, around);
    pod.containers.iter().find_map(crashes).map(|trouble| trouble.resting_on(around.lost_node.clone()))
}

fn is_in_back_off(container: &Container) -> bool {
    matches!(&container.state, ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff")
}

/// That a container waits, and how it ended last: the reason alone tells memory that ran out from a program that gave up.
fn back_off(container: &Container) -> String {
    let waits = match &container.state {
        ContainerState::Waiting { reason, message } => {
            format!("container {}: {reason} {message}", container.name)
        }
        _ => format!("container {}", container.name),
    };
    match End::of(container) {
        Some(end) => format!("{}; {}", waits.trim_end(), restarts_and_end(container, &end)),
        None => waits,
    }
}

/// What a crash loop is called, where its last words tell of a disk: that is mended first.
fn in_a_crash_loop(end: Option<&End<'_>>) -> &'static str {
    match end.and_then(|end| end.disk) {
        Some(DiskWord::ReadOnly) => "in a crash loop: it writes to a file system that is read-only (EROFS)",
        Some(DiskWord::Fails) => "in a crash loop: reading or writing fails (EIO, I/O error)",
        None => "in a crash loop",
    }
}

/// When a container ended last.
fn last_end(container: &Container) -> Option<Timestamp> {
    End::of(container)?.at
}

/// How the containers ended that are not ready, as far as they did.
pub(super) fn ends(pod: &Pod) -> Vec<String> {
    let not_ready = pod.containers.iter().filter(|container| !container.ready);
    not_ready
        .filter_map(|container| {
            let end = End::of(container)?;
            Some(format!("container {}: {}", container.name, restarts_and_end(container, &end)))
        })
        .collect()
}

/// How the container of a pod that failed ended which is to blame, and when the last of them did.
pub(super) fn failed_end(pod: &Pod) -> (Option<String>, Option<Timestamp>) {
    let mut ended = pod.containers.iter().filter_map(|container| match &container.state {
        ContainerState::Terminated { exit_code, finished_at, .. } => {
            Some((container, *exit_code, *finished_at))
        }
        _ => None,
    });
    let last = ended.clone().filter_map(|(.., at)| at).max();
    let to_blame = ended.find(|(_, exit_code, _)| *exit_code != 0).and_then(|(container, ..)| {
        let end = End::of(container)?;
        Some(format!("container {}: {}", container.name, restarts_and_end(container, &end)))
    });
    (to_blame, last)
}

/// Between two crashes a container runs, or has just ended: only the count and the last end tell.
fn between_crashes(container: &Container, is_ready: bool, around: &Around<'_>) -> Option<Trouble> {
    let settings = around.settings;
    if container.restarts < settings.crash_loop_restarts {
        return None;
    }
    let (end, at) = around.own_end(container, Duration::from_secs(settings.crash_loop_seconds))?;
    let verdict = if is_ready { Verdict::Yellow } else { Verdict::Red };
    let evidence = format!("container {}: {}", container.name, restarts_and_end(container, &end));
    Some(Trouble::new("crash-loop", verdict, in_a_crash_loop(Some(&end)), evidence).since(Some(at)))
}

/// How often a container was started again, and how and when it ended last.
fn restarts_and_end(container: &Container, end: &End<'_>) -> String {
    let restarts = match container.restarts {
        1 => "1 restart".to_owned(),
        restarts => format!("{restarts} restarts"),
    };
    let at = end.at.map_or_else(String::new, |at| format!(" at {at}"));
    // A program may write whatever it likes there.
    let words = redacted(&shortened(end.message));
    let said = if words.is_empty() { words } else { format!(": {words}") };
    format!("{restarts}, ended with {} {}{at}{said}", end.exit_code, end.reason)
}

/// What a pod that serves hides: that it was killed for its memory, or is started again and again.
pub(super) fn restless(pod: &Pod, around: &Around<'_>) -> Option<Trouble> {
    let settings = around.settings;
    let killed = pod.containers.iter().find_map(|container| {
        let (end, at) = around.end(container, Duration::from_secs(settings.oom_killed_seconds))?;
        (end.reason == "OOMKilled").then(|| {
            let evidence = format!("container {}: {}", container.name, restarts_and_end(container, &end));
            Trouble::new("oom-killed", Verdict::Yellow, "killed for its memory", evidence).since(Some(at))
        })
    });
    killed.or_else(|| {
        pod.containers.iter().find_map(|container| {
            let (end, at) = grows(container, around)?;
            let mut evidence = format!("container {}: {}", container.name, restarts_and_end(container, &end));
            if !is_young(pod, around) {
                evidence.push_str("; when the others were one look does not tell");
            }
            let what = "started again and again";
            Some(Trouble::new(RESTARTS_GROW, Verdict::Yellow, what, evidence).since(Some(at)))
        })
    })
}

fn grows<'a>(container: &'a Container, around: &Around<'_>) -> Option<(End<'a>, Timestamp)> {
    let settings = around.settings;
    if settings.restarts_grow_times == 0 || container.restarts < settings.restarts_grow_times {
        return None;
    }
    around.own_end(container, settings.restarts_grow())
}

/// Whether all the ends of a pod lie within the time for which they are counted.
fn is_young(pod: &Pod, around: &Around<'_>) -> bool {
    is_recent(pod.created_at, around.now, around.settings.restarts_grow())
}

/// How often each container was started again that ended within the time for which that is counted.
pub(super) fn restarted<'a>(
    pod: &'a Pod,
    around: &'a Around<'_>,
    pods: &PodLedger,
) -> impl Iterator<Item = Restarted> + use<'a> {
    let calm = pods.calm(pod);
    let lately = around.settings.restarts_grow();
    let ended = move |one: &Container| {
        End::of(one).and_then(|end| end.at).is_some_and(|at| age(around.now, at) <= lately)
    };
    let lately = move |(_, one): &(usize, &'a Container)| one.restarts > 0 && ended(one);
    pod.containers.iter().enumerate().filter(lately).map(move |(at, container)| Restarted {
        workload: subject(pod),
        pod: pod.name.clone(),
        container: container.name.clone(),
        made_at: pod.created_at,
        count: container.restarts,
        calm: calm.as_ref().map(|calm| calm(at)),
    })
}

/// Why there is no image, as the runtime's sentence tells. The rule stays one: between two tries it is not said.
fn without_image(said: &str, image: &str) -> &'static str {
    // A name may hold any of the words, as may that of its container.
    let told = said.split_once(": ").map_or(said, |(_, told)| told);
    let place = image.split('@').next().unwrap_or(image);
    let name =
        place.rsplit_once(':').map_or(place, |(name, tag)| if tag.contains('/') { place } else { name });
    let mut told = told.to_owned();
    for name in [image, name].into_iter().filter(|name| !name.is_empty()) {
        told = told.replace(name, "");
    }
    let said = told.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // A registry that hides what it has says "denied" where it means "not found", and the other way round only to strangers. One
    // that allows no more says besides that whoever has a name there may have more.
    if says(&["toomanyrequests", "429 too many", "rate limit"]) {
        "without an image: the registry allows no more pulls for now"
    } else if says(&[
        "401 unauthorized",
        "403 forbidden",
        "unauthorized",
        "authentication required",
        "access denied",
        "denied:",
    ]) {
        "without an image: the registry refuses it, so look at its pull secret"
    } else if says(&["manifest unknown", "not found", "name unknown", "does not exist"]) {
        "without an image: the registry does not have it"
    } else if says(&[
        "timeout",
        "deadline exceeded",
        "no such host",
        "connection refused",
        "connection reset",
        "eof",
    ]) {
        "without an image: the registry does not answer"
    } else {
        "without an image"
    }
}

#[cfg(test)]
mod tests {
    use super::without_image;

    #[test]
    fn why_there_is_no_image_is_told_apart() {
        for (said, expected) in [
            ("failed to authorize: failed to fetch anonymous token: 401 Unauthorized", "refuses"),
            ("unexpected status from HEAD request to https://r.example.org/v2/a: 403 Forbidden", "refuses"),
            ("pull access denied, repository does not exist or may require authorization", "refuses"),
            (
                "failed to copy: httpReadSeeker: unexpected status code 429 Too Many Requests - Server message: \
                 toomanyrequests: You have reached your unauthenticated pull rate limit",
                "allows no more pulls for now",
            ),
            ("r.example.org/app:9: not found", "does not have it"),
            ("manifest unknown: manifest unknown", "does not have it"),
            ("dial tcp 192.0.2.7:443: i/o timeout", "does not answer"),
            ("dial tcp: lookup r.example.org: no such host", "does not answer"),
        ] {
            let message = format!("container app: ErrImagePull {said}");
            let told = without_image(&message, "r.example.org/app:9");
            assert!(told.contains(expected), "{said}: {told}");
        }
        assert_eq!(
            without_image("container app: ImagePullBackOff Back-off pulling image", "app"),
            "without an image"
        );
        let named =
            "container eof: ImagePullBackOff Back-off pulling image \"r.example.org/denied:not found-1\"";
        assert_eq!(without_image(named, "r.example.org/denied:not found-1"), "without an image");
    }
}
