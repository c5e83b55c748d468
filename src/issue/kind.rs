//! What kind of work a task is, by its words. In doubt it is a person's.

use super::{Check, Kind, Needs};
use crate::action::{Action, Command, parse};
use crate::forge::{IssueNumber, PullNumber};
use crate::health::Layer;
use crate::wording;
use regex::Regex;
use std::sync::LazyLock;

/// What is known of a task when its kind is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    /// Without id, priority and layer.
    pub(crate) title: &'a str,
    /// Its commands, one line each.
    pub(crate) commands: &'a [String],
    /// Its layer.
    pub(crate) layer: Option<Layer>,
    /// Whether it names several layers or all.
    pub(crate) several_layers: bool,
    /// Whether it stands under a heading of a final validation.
    pub(crate) final_section: bool,
}

/// A kind with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The kind.
    pub(crate) kind: Kind,
    /// What it needs from people.
    pub(crate) needs: Option<Needs>,
    /// For a person: why, and what is to be done.
    pub(crate) why: Option<String>,
}

impl Judged {
    fn free(kind: Kind) -> Self {
        Self { kind, needs: None, why: None }
    }

    fn person(kind: Kind, why: String) -> Self {
        Self { kind, needs: Some(Needs::Person), why: Some(why) }
    }

    /// Nothing could be approved here: whether the condition holds, a person has to find out first.
    fn conditional(kind: Kind) -> Self {
        Self::person(kind, wording::why_condition())
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static PULL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:prs?|pull(?:\s+requests?|s)?|mr)\s*[:/]?\s*[#!]?([0-9]{1,9})\b"));
static BARE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[\s(\[,:])[#!]([0-9]{1,9})\b"));
static CONDITION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:if|when|once|after|unless)\b[^,:]*[,:]\s*"));
static NOT_MERGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:do not|don't|never|without) merg"));
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\[[^\]]{1,30}\]\s*"));

/// The words in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Every pull request that a text names as one.
pub(crate) fn pulls(text: &str) -> Vec<PullNumber> {
    let mut found: Vec<PullNumber> = Vec::new();
    for captures in PULL.captures_iter(text) {
        if let Some(number) = captures.get(1).and_then(|digits| digits.as_str().parse().ok()) {
            found.push(PullNumber(number));
        }
    }
    // `PRs #1, #2 and #3`: what follows a pull request in a list is one as well.
    if words(text).iter().any(|word| word == "prs" || word == "pulls") {
        found.extend(bare(text).into_iter().map(PullNumber));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Every `#N` of a text.
pub(crate) fn bare(text: &str) -> Vec<u64> {
    BARE.captures_iter(text).filter_map(|found| found.get(1)?.as_str().parse().ok()).collect()
}

/// The title without `[Renovate]` and without a condition in front, and whether there was a condition.
fn core(title: &str) -> (&str, bool) {
    let mut rest = title.trim();
    while let Some(tag) = TAG.find(rest) {
        rest = &rest[tag.end()..];
    }
    match CONDITION.find(rest) {
        Some(condition) => (&rest[condition.end()..], true),
        None => (rest, false),
    }
}

/// Judges.
pub(crate) fn judge(task: Words<'_>) -> Judged {
    let (title, condition) = core(task.title);
    let words = words(title);
    let first = words.first().map_or("", String::as_str);
    let has = |word: &str| words.iter().any(|own| own == word);
    let any = |list: &[&str]| list.iter().any(|word| has(word));
    let pulls = pulls(title);
    let pull = if let [pull] = pulls[..] { Some(pull) } else { None };

    if any(&["gate", "validation"]) && (has("final") || (task.final_section && any(&["gate", "universal"])))
        || task.final_section && matches!(first, "verify" | "validate" | "confirm" | "check" | "final")
    {
        return Judged::free(Kind::Final);
    }
    if matches!(first, "track" | "monitor" | "watch" | "observe")
        || title.to_lowercase().starts_with("keep an")
    {
        return Judged::person(Kind::Track { pull }, wording::why_track(pull));
    }
    if has("dashboard") {
        return Judged::person(Kind::Dashboard, wording::why_dashboard());
    }
    let reviews =
        matches!(first, "review" | "triage" | "evaluate" | "assess" | "consider" | "decide" | "plan");
    let merges_after_review = first == "review" && has("merge") && review_and_merge(&words);
    if any(&["decide", "decision", "defer"]) || (reviews && !merges_after_review && !pulls.is_empty()) {
        return Judged::person(Kind::Decide { pull }, wording::why_decide(pull));
    }
    if first == "close" {
        return close(title, condition, pull);
    }
    if first == "merge" || merges_after_review {
        return merge(title, condition || says_if(&words), &pulls);
    }
    if let Some(action) = action(task.commands, &words) {
        // Under a condition it is no action at all, so that nothing can carry it out by mistake.
        return if condition {
            Judged::conditional(Kind::Person)
        } else {
            Judged::free(Kind::Action { action })
        };
    }
    if matches!(first, "verify" | "validate" | "confirm" | "check" | "ensure" | "run" | "universal") {
        return match check(&words, task) {
            Some(check) if !condition => Judged::free(Kind::Verify { check }),
            _ => Judged::person(Kind::Person, wording::why_no_probe()),
        };
    }
    Judged::person(Kind::Person, why_person(&words, task.commands))
}

/// `review and merge`, `review, then merge`: a review that ends in the merge, not in a decision.
fn review_and_merge(words: &[String]) -> bool {
    words.windows(2).any(|pair| matches!(pair[0].as_str(), "and" | "then" | "review") && pair[1] == "merge")
}

/// A condition in the middle of a title, which only a person can judge.
fn says_if(words: &[String]) -> bool {
    words.iter().any(|word| matches!(word.as_str(), "if" | "unless" | "approved" | "approval"))
}

fn merge(title: &str, conditional: bool, pulls: &[PullNumber]) -> Judged {
    if NOT_MERGE.is_match(title) {
        return Judged::person(Kind::Person, wording::why_not_merge());
    }
    let named = match pulls {
        [] => bare(title).into_iter().map(PullNumber).collect(),
        pulls => pulls.to_vec(),
    };
    match named[..] {
        [pull] => {
            Judged { kind: Kind::Merge { pull }, needs: conditional.then_some(Needs::Approval), why: None }
        }
        [] => Judged::person(Kind::Person, wording::why_no_pull()),
        _ => Judged::person(Kind::Person, wording::why_several_pulls()),
    }
}

fn close(title: &str, condition: bool, pull: Option<PullNumber>) -> Judged {
    // What is to be closed is named first; what resolves it comes after `after`, `once` or `by`.
    let number = bare(title).first().copied().or(pull.map(|pull| pull.0));
    match number {
        Some(number) => {
            let kind = Kind::Close { number: IssueNumber(number) };
            if condition { Judged::conditional(kind) } else { Judged::free(kind) }
        }
        None => Judged::person(Kind::Person, wording::why_no_number()),
    }
}

/// The action that the commands ask for, when each of them is understood.
fn action(commands: &[String], words: &[String]) -> Option<Action> {
    let crash = words.iter().any(|word| matches!(word.as_str(), "crash" | "crashes"));
    let mut asked = None;
    for command in commands {
        match parse(command) {
            Command::Act(action) => asked = Some(action),
            Command::Read => {}
            Command::NotUnderstood => return None,
        }
    }
    asked.filter(|_| crash)
}

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

/// What the probes are asked, when the title asks nothing else.
fn check(words: &[String], task: Words<'_>) -> Option<Check> {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let only = |list: &[&str]| {
        words.iter().all(|word| {
            FILLERS.contains(&word.as_str())
                || list.contains(&word.as_str())
                || word.chars().all(|c| c.is_ascii_digit())
        })
    };
    let nodes = ["nodes", "node", "ready"];
    if has(&["nodes", "node"]) && has(&["ready"]) && only(&nodes) {
        return Some(Check::NodesReady);
    }
    let ceph = ["ceph", "health", "healthy", "health_ok", "storage", "ok", "rook"];
    if has(&["ceph"]) && has(&["health", "healthy", "health_ok"]) && only(&ceph) {
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
        return Some(Check::ApplicationsHealthy);
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
    // One thing shall be GREEN again, and the line names its layers: all of them GREEN includes it.
    if has(&["green"]) && task.layer.is_some() {
        return Some(Check::AllLayers);
    }
    None
}

fn why_person(words: &[String], commands: &[String]) -> String {
    let first = words.first().map_or("", String::as_str);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(&[
        "secret",
        "secrets",
        "token",
        "tokens",
        "credential",
        "credentials",
        "password",
        "key",
        "keys",
        "auth",
    ]) {
        wording::why_credentials()
    } else if first == "merge" {
        wording::why_no_pull()
    } else if first.starts_with("investigat")
        || matches!(
            first,
            "diagnose" | "analyze" | "analyse" | "capture" | "identify" | "debug" | "troubleshoot"
        )
    {
        wording::why_investigate()
    } else if has(&["publish", "build", "rebuild", "push", "upload"]) {
        wording::why_publish()
    } else if has(&["values", "update", "chart", "manifest", "manifests", "bump", "commit"]) {
        wording::why_git()
    } else if first == "fix" || has(&["script", "scripts", "tool", "tooling"]) {
        wording::why_fix()
    } else if has(&["disk", "disks", "hardware", "firmware", "ssh", "reboot", "smart", "drive", "cable"]) {
        wording::why_hardware()
    } else if has(&["nas", "gateway", "vlan", "dns", "router", "firewall", "network", "nfs", "smb"]) {
        wording::why_outside()
    } else if !commands.is_empty() {
        wording::why_commands()
    } else {
        wording::why_not_understood()
    }
}

/// Whether a command would print secrets.
pub(crate) fn leaks_secrets(command: &str) -> bool {
    let words = words(command);
    let has = |word: &str| words.iter().any(|own| own == word);
    (has("printenv") || first_word(command) == "env")
        || (has("get")
            && (has("secret") || has("secrets"))
            && (has("yaml") || has("json") || has("jsonpath")))
}

fn first_word(command: &str) -> &str {
    command.split_whitespace().next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(title: &str, commands: &[&str]) -> Judged {
        let commands: Vec<String> = commands.iter().map(|&command| command.to_owned()).collect();
        judge(Words { title, commands: &commands, layer: None, several_layers: false, final_section: false })
    }

    #[test]
    fn titles_have_kinds() {
        use Needs::{Approval, Person};
        let merge = |pull| Kind::Merge { pull: PullNumber(pull) };
        let decide = |pull| Kind::Decide { pull: Some(PullNumber(pull)) };
        let verify = |check| Kind::Verify { check };
        for (title, kind, needs) in [
            ("Merge PR #12: grafana to 11.2.1", merge(12), None),
            ("[Renovate] Merge pull request #12", merge(12), None),
            ("Merge #12", merge(12), None),
            ("Review and merge PR #12 - non-major", merge(12), None),
            ("If approved, merge PR #12 and check Ceph", merge(12), Some(Approval)),
            ("Merge PR #12 if the notes are harmless", merge(12), Some(Approval)),
            ("Merge PRs #12, #13", Kind::Person, Some(Person)),
            ("Merge the open pull request", Kind::Person, Some(Person)),
            ("Review PR #12 release notes and decide", decide(12), Some(Person)),
            ("Review PR #12 (debian major)", decide(12), Some(Person)),
            ("Decide merge/defer for PR #12", decide(12), Some(Person)),
            ("PR #12: merge or defer", decide(12), Some(Person)),
            (
                "If retired: close PR #12 (do not merge)",
                Kind::Close { number: IssueNumber(12) },
                Some(Person),
            ),
            ("Close issue #4 once PR #12 is merged", Kind::Close { number: IssueNumber(4) }, None),
            ("Close the old ticket", Kind::Person, Some(Person)),
            (
                "Track the Dependency Dashboard item for PR #12",
                Kind::Track { pull: Some(PullNumber(12)) },
                Some(Person),
            ),
            ("Monitor pool usage", Kind::Track { pull: None }, Some(Person)),
            ("Refresh the Dependency Dashboard (#4)", Kind::Dashboard, Some(Person)),
            ("Verify all nodes are Ready", verify(Check::NodesReady), None),
            ("Verify 10 of 10 nodes Ready", verify(Check::NodesReady), None),
            ("Verify Ceph reports HEALTH_OK", verify(Check::CephHealthy), None),
            (
                "Verify all Argo CD applications are Synced and Healthy",
                verify(Check::ApplicationsHealthy),
                None,
            ),
            ("Confirm that all pods are Running", verify(Check::PodsHealthy), None),
            ("Verify the System layer is GREEN", verify(Check::Layer(Layer::System)), None),
            ("Verify all layers are GREEN", verify(Check::AllLayers), None),
            ("Run universal validation gate", verify(Check::AllLayers), None),
            ("Run final universal validation gate", Kind::Final, None),
            ("Final validation gate", Kind::Final, None),
            ("Verify the backup of the database", Kind::Person, Some(Person)),
            ("Confirm whether warnings recur on nodes", Kind::Person, Some(Person)),
            ("Investigate slow requests", Kind::Person, Some(Person)),
            ("Rotate the Renovate token", Kind::Person, Some(Person)),
            ("Archive the crash reports of Ceph", Kind::Person, Some(Person)),
        ] {
            let judged = judged(title, &[]);
            assert_eq!((&judged.kind, judged.needs), (&kind, needs), "{title}");
            assert_eq!(judged.why.is_some(), needs == Some(Person), "{title}");
        }
    }

    #[test]
    fn a_crash_archive_is_an_action_only_when_every_command_is_understood() {
        let archive = "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all";
        let list = "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash ls-new";
        let title = "Archive the crash reports of Ceph";
        let action = Kind::Action { action: Action::CephCrashArchive };
        assert_eq!(judged(title, &[list, archive]).kind, action);
        assert_eq!(judged(title, &["ceph crash archive-all"]).kind, action);
        let conditional = judged("If they are old, archive the crash reports of Ceph", &[archive]);
        assert_eq!((conditional.kind, conditional.needs), (Kind::Person, Some(Needs::Person)));
        for other in [
            "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph osd purge 3",
            "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all; rm -rf /",
            "kubectl -n rook-ceph exec deploy/other -- ceph crash archive-all",
            "kubectl delete pod x",
            "make it so",
        ] {
            assert_eq!(judged(title, &[archive, other]).kind, Kind::Person, "{other}");
        }
        assert_eq!(judged(title, &[list]).kind, Kind::Person);
    }

    #[test]
    fn commands_that_show_secrets_are_seen() {
        assert!(leaks_secrets("kubectl exec x -- printenv | rg 'GITHUB|TOKEN'"));
        assert!(leaks_secrets("kubectl get secret a -o yaml"));
        assert!(!leaks_secrets("kubectl get externalsecret -A"));
    }
}
