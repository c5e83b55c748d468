//! Which question to the probes a title asks, if it asks nothing else.

use super::Check;
use super::kind::{self, Words};
use crate::health::Layer;

/// Words that a question to the probes may hold besides what it asks for.
const FILLERS: &[&str] = &[
    "verify",
    "validate",
    "confirm",
    "check",
    "ensure",
    "run",
    "that",
    "all",
    "every",
    "each",
    "the",
    "a",
    "is",
    "are",
    "be",
    "in",
    "of",
    "and",
    "or",
    "on",
    "with",
    "after",
    "still",
    "again",
    "cluster",
    "kubernetes",
    "k3s",
    "status",
    "state",
    "remain",
    "remains",
    "stay",
    "stays",
    "return",
    "returns",
    "to",
    "report",
    "reports",
    "shows",
    "show",
    "back",
    "whole",
    "end",
    "now",
    "up",
    "has",
    "have",
    "post",
    "maintenance",
    "changes",
    "change",
    "merge",
    "merges",
    "full",
    "first",
    "baseline",
    "before",
    "any",
    "preflight",
];

/// A number that a question names: every node of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// None.
    No,
    /// `10 nodes`, `all 10 nodes`, `10 of 10 nodes`, `10/10 nodes`.
    All(usize),
    /// One that is no such count: `node 7`, `3 of 10`.
    Other,
}

/// The count in front of what is counted.
fn counted(words: &[String], of: &[&str]) -> Counted {
    let digits = |word: &&String| word.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Vec<Option<usize>> = words.iter().filter(digits).map(|word| word.parse().ok()).collect();
    let Some(&first) = numbers.first() else { return Counted::No };
    // `10 Argo CD applications`: the names of what is counted may stand between.
    let before = words.iter().rposition(|word| of.contains(&word.as_str())).is_some_and(|thing| {
        words.iter().rposition(|word| digits(&word)).is_some_and(|number| number < thing)
    });
    match first {
        Some(number)
            if number > 0 && before && numbers.len() <= 2 && numbers.iter().all(|one| *one == first) =>
        {
            Counted::All(number)
        }
        _ => Counted::Other,
    }
}

/// What the probes are asked, when the title asks nothing else.
pub(super) fn check(words: &[String], task: Words<'_>) -> Option<Check> {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let only = |list: &[&str]| {
        words.iter().all(|word| {
            FILLERS.contains(&word.as_str())
                || list.contains(&word.as_str())
                || word.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let nodes = ["nodes", "node", "ready"];
    if has(&["nodes", "node"]) && has(&["ready"]) && only(&nodes) {
        return match counted(words, &["nodes", "node"]) {
            Counted::No => Some(Check::NodesReady),
            Counted::All(number) => Some(Check::NodesReadyOf(number)),
            Counted::Other => None,
        };
    }
    // `ceph -s` says it.
    let ceph = ["ceph", "s", "health", "healthy", "health_ok", "storage", "ok", "rook"];
    if has(&["ceph"])
        && has(&["health", "healthy", "health_ok"])
        && only(&ceph)
        && counted(words, &[]) == Counted::No
    {
        return Some(Check::CephHealthy);
    }
    let applications = [
        "argo",
        "argocd",
        "cd",
        "application",
        "applications",
        "apps",
        "synced",
        "sync",
        "healthy",
        "health",
    ];
    if has(&["applications", "apps"]) && has(&["synced", "healthy", "health"]) && only(&applications) {
        return match counted(words, &["applications", "apps", "application"]) {
            Counted::No => Some(Check::ApplicationsHealthy),
            Counted::All(number) => Some(Check::ApplicationsHealthyOf(number)),
            Counted::Other => None,
        };
    }
    // How many pods, OSDs or layers there should be no probe compares.
    if counted(words, &[]) != Counted::No {
        return None;
    }
    let pods = ["pods", "running", "runs", "healthy", "ready", "completed"];
    if has(&["pods"]) && has(&["running", "healthy", "ready"]) && only(&pods) {
        return Some(Check::PodsHealthy);
    }
    let gate = ["validation", "universal", "gate", "green", "layer", "layers", "health", "healthy"];
    let named: Vec<Layer> =
        Layer::ALL.into_iter().filter(|layer| words.contains(&layer.word().to_lowercase())).collect();
    let layers: Vec<String> = named.iter().map(|layer| layer.word().to_lowercase()).collect();
    let mut vocabulary = gate.to_vec();
    vocabulary.extend(layers.iter().map(String::as_str));
    if has(&["gate", "green", "health", "healthy"]) && only(&vocabulary) {
        return Some(match named[..] {
            [layer] if !task.several_layers => Check::Layer(layer),
            _ => Check::AllLayers,
        });
    }
    // One thing shall be GREEN again, and the line names its layers: all of them GREEN includes it. A lamp, a backup or
    // a build may be green as well, of which the layers know nothing.
    let is_known = |word: &String| {
        FILLERS.contains(&word.as_str())
            || vocabulary.contains(&word.as_str())
            || word.chars().all(|c| c.is_ascii_digit())
    };
    let others: Vec<Vec<String>> =
        task.title.split_whitespace().map(kind::words).filter(|parts| !parts.iter().all(is_known)).collect();
    let one = matches!(&others[..], [one] if !one.iter().any(|word| is_no_app(word)));
    let again = has(&["return", "returns", "again", "back"]);
    (has(&["green"]) && again && one && task.layer.is_some()).then_some(Check::AllLayers)
}

/// Things that are green or red without being a part of a layer.
fn is_no_app(word: &str) -> bool {
    matches!(
        word,
        "led"
            | "lamp"
            | "light"
            | "backup"
            | "backups"
            | "restore"
            | "test"
            | "tests"
            | "build"
            | "builds"
            | "pipeline"
            | "pipelines"
            | "ci"
            | "dashboard"
            | "alert"
            | "alerts"
            | "ups"
            | "switch"
            | "router"
            | "gateway"
            | "nas"
            | "disk"
            | "disks"
            | "branch"
            | "badge"
            | "page"
    )
}
