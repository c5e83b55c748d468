//! The tasks that caretaker writes about what it found, and the issue that holds them.
//!
//! What comes from outside goes through `quote_outside` or `code`; a name goes into a command only where it cannot be
//! anything but a name. Every command only reads: what changes something is a person's, in words.

use super::{audit_fix, cell, code, layer_verdict, quote_outside, recon_summary, time, verdict};
use crate::forge::PullNumber;
use crate::health::{AuditRule, FindingId, Layer, Probe, Recon};
use crate::issue::{FindingTask, Priority};
use jiff::Timestamp;
use std::fmt::Write as _;

/// So much of a title, and of evidence, is shown.
const TITLE: usize = 160;
const EVIDENCE: usize = 240;

/// The title of the task about a finding.
pub(crate) fn found_title(task: &FindingTask) -> String {
    quote_outside(&task.message, TITLE)
}

/// The title of the task that asks for a pull request of Renovate's.
pub(crate) fn found_update_title(pull: PullNumber, title: &str) -> String {
    let title = quote_outside(title, TITLE);
    if title.is_empty() { format!("Merge PR #{pull}") } else { format!("Merge PR #{pull}: {title}") }
}

/// The block about a finding.
pub(crate) fn found_finding(id: &str, task: &FindingTask) -> String {
    let steps = Steps::of(&task.id);
    let FindingId { rule, object, .. } = &task.id;
    let mut text = line(id, task.priority, task.layer, &found_title(task));
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "  - **Goal**: {} on {} is gone; it is {}, by {}",
        code(rule, TITLE),
        code(&object.to_string(), TITLE),
        layer_verdict(task.verdict),
        quote_outside(&task.evidence, EVIDENCE),
    );
    steps.write(&mut text);
    if task.action.is_some() {
        text.push_str(
            "  - **Action**: caretaker reads the new reports into the evidence and archives them, once that is approved\n",
        );
    }
    text
}

/// The block that asks for a pull request of Renovate's.
pub(crate) fn found_update(
    id: &str,
    priority: Priority,
    layer: Layer,
    pull: PullNumber,
    title: &str,
) -> String {
    let mut text = line(id, priority, layer, &found_update_title(pull, title));
    text.push_str(
        "  - **Goal**: the versions of its table run, and every layer stays GREEN\n  \
         - **Expected**: merged alone when every layer is GREEN, rolled out, watched\n  \
         - **If fails**: what it made worse is undone and the version is held\n  \
         - **Rollback**: a commit with the files as they were\n",
    );
    text
}

fn line(id: &str, priority: Priority, layer: Layer, title: &str) -> String {
    format!("- [ ] **{id} {priority} {layer}**: {title}\n")
}

/// What the blocks of caretaker's tasks are.
pub(crate) fn found_introduction(more_listed: usize, for_people: &[PullNumber]) -> String {
    let mut text =
        "*Found by caretaker. Each task between its markers is caretaker's: it ends by itself when what it \
                    names is gone, and an edit makes it yours.*"
            .to_owned();
    if more_listed > 0 {
        let what = if more_listed == 1 {
            "1 more finding is".to_owned()
        } else {
            format!("{more_listed} more findings are")
        };
        let _ = write!(text, "\n\n*{what} only listed: `caretaker recon` shows them.*");
    }
    if !for_people.is_empty() {
        let numbers: Vec<String> = for_people.iter().map(|number| format!("#{number}")).collect();
        let _ = write!(
            text,
            "\n\n*Not asked for by itself, since it moves far or caretaker stands on it: {}.*",
            numbers.join(", ")
        );
    }
    text
}

/// What a person does about a finding.
struct Steps {
    commands: Vec<String>,
    expected: &'static str,
    if_fails: &'static str,
    rollback: &'static str,
}

/// Nothing was changed by a look.
const READS_ONLY: &str = "none needed, the commands only read";
/// The files say what runs.
const IN_GIT: &str = "a commit in Git that takes the change back";

impl Steps {
    fn of(id: &FindingId) -> Self {
        let object = &id.object;
        let describe = |kind: &str| kubectl(&["describe", kind], &object.namespace, &object.name);
        let events = (!object.namespace.is_empty())
            .then(|| kubectl(&["get", "events", "--sort-by=.lastTimestamp"], &object.namespace, ""))
            .flatten();
        let steps = |commands: Vec<Option<String>>, expected, if_fails, rollback| Self {
            commands: commands.into_iter().flatten().collect(),
            expected,
            if_fails,
            rollback,
        };
        let own = describe(&object.kind.to_lowercase());
        match id.probe {
            Probe::Nodes | Probe::Usage => steps(
                vec![own, kubectl(&["get", "nodes", "-o", "wide"], "", "")],
                "the node is Ready, and nobody works on it",
                "look at the machine itself: its power, its network, the kubelet's journal",
                READS_ONLY,
            ),
            Probe::Capacity => steps(
                vec![own, events],
                "it is less full than the limits of the settings",
                "find out what fills it before it stops what writes there; a claim can grow, it cannot shrink",
                READS_ONLY,
            ),
            Probe::KubeSystem | Probe::Pods => steps(
                vec![own, events],
                "every replica is ready and is not started again",
                "read the log of the container that ended, then what changed last in Git",
                IN_GIT,
            ),
            Probe::Ceph | Probe::CephTools => steps(
                ceph(&object.namespace, &id.rule),
                "`ceph health detail` names it no more",
                "a crash that comes back is not archived again: ask why it crashes. Of OSDs look at the node first, \
                 then the pod, then the disk",
                "`noout` is cleared when the work is over; an archived report stays readable",
            ),
            Probe::Volumes | Probe::Snapshots | Probe::VolSync => steps(
                vec![own, kubectl(&["get", "persistentvolumes"], "", ""), events],
                "the claim is bound to the volume that holds its data, and no operation hangs",
                "touch no claim before its volume reads Retain; a volume whose claim has another one holds the lost data",
                "a volume that reads Retain outlives its claim",
            ),
            Probe::CloudNativePg => steps(
                vec![own, events],
                "every instance is ready, the archive works and the newest backup is completed",
                "what was archived without a base backup restores nothing: look at the backups before anything is made anew",
                READS_ONLY,
            ),
            Probe::ArgoCd | Probe::Flux => steps(
                vec![own, events],
                "it is synced and well at the newest commit",
                "its conditions name the object that does not come up",
                IN_GIT,
            ),
            Probe::Certificates => steps(
                vec![own, kubectl(&["get", "certificaterequests"], &object.namespace, "")],
                "a new certificate is there, long before the old one ends",
                "its requests and challenges say what the issuer refuses",
                READS_ONLY,
            ),
            Probe::ExternalSecrets => steps(
                vec![own, events],
                "it is synced, and its store is ready",
                "look whether the store knows the key, and whether its own credential has ended; show no secret",
                READS_ONLY,
            ),
            Probe::Jobs => steps(
                vec![own, events],
                "its newest run succeeded",
                "read the log of the newest run",
                READS_ONLY,
            ),
            Probe::DisruptionBudgets | Probe::Services | Probe::ApiServices | Probe::Webhooks => steps(
                vec![own, events],
                "what stands behind it is ready",
                "look at the pods that it selects",
                IN_GIT,
            ),
            Probe::Audit => {
                let rule = AuditRule::of_word(&id.rule);
                let is_in_cluster = rule.is_some_and(|rule| !rule.is_told_by_people());
                let kind = object.kind.to_lowercase();
                let show = kubectl(&["describe", &kind], &object.namespace, &object.name);
                steps(
                    vec![show.filter(|_| is_in_cluster)],
                    rule.map_or("the audit can be read", audit_fix),
                    "where it is meant to be so, accept it with a reason under `[[health.acknowledged]]`",
                    IN_GIT,
                )
            }
            Probe::Own | Probe::Addresses | Probe::Alerts => steps(
                Vec::new(),
                "the check says nothing any more",
                "look at what it names; where the check is wrong, change it in the settings",
                READS_ONLY,
            ),
        }
    }

    fn write(&self, text: &mut String) {
        if !self.commands.is_empty() {
            text.push_str("  - **Commands**:\n\n    ```sh\n");
            for command in &self.commands {
                let _ = writeln!(text, "    {command}");
            }
            text.push_str("    ```\n\n");
        }
        let Self { expected, if_fails, rollback, .. } = self;
        let _ = writeln!(
            text,
            "  - **Expected**: {expected}\n  - **If fails**: {if_fails}\n  - **Rollback**: {rollback}"
        );
    }
}

/// A command of kubectl; `None` where a name in it could be anything but a name.
fn kubectl(words: &[&str], namespace: &str, name: &str) -> Option<String> {
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_'))
            && !text.starts_with('-')
    };
    // What a probe says of itself is on no object that kubectl knows.
    let is_kind = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_alphabetic()) && !matches!(word, "probe" | "check")
    };
    if matches!(words, ["describe", kind] if !is_kind(kind)) {
        return None;
    }
    if !is_name(namespace) || !is_name(name) {
        return None;
    }
    let mut command = "kubectl".to_owned();
    if !namespace.is_empty() {
        let _ = write!(command, " -n {namespace}");
    }
    for word in words.iter().copied().chain([name]).filter(|word| !word.is_empty()) {
        let _ = write!(command, " {word}");
    }
    Some(command)
}

/// What is asked of Ceph: only what reads.
fn ceph(namespace: &str, rule: &str) -> Vec<Option<String>> {
    let ask = |words: &[&str]| {
        let exec = ["exec", "deploy/rook-ceph-tools", "--", "ceph"];
        kubectl(&[&exec[..], words].concat(), namespace, "")
    };
    let mut commands = vec![ask(&["health", "detail"])];
    commands.push(match rule {
        "RECENT_CRASH" | "RECENT_MGR_MODULE_CRASH" => ask(&["crash", "ls-new"]),
        _ => ask(&["osd", "tree"]),
    });
    commands
}

/// The title of an issue that is opened.
pub(crate) fn opened_title(at: Timestamp) -> String {
    let date = time(at);
    format!("Maintenance {}", date.split(' ').next().unwrap_or_default())
}

/// The seven sections without tasks yet. What is not known has the placeholders that a run fills.
pub(crate) fn opened_form(title: &str, recon: &Recon) -> String {
    let mut layers = String::new();
    for (layer, verdict) in recon.layers() {
        let seen: Vec<String> = recon.seen_of(layer).map(|seen| quote_outside(seen, EVIDENCE)).collect();
        let _ = writeln!(layers, "| {layer} | {} | {} |", layer_verdict(verdict), cell(&seen.join("; ")));
    }
    let (overall, at, summary) = (verdict(recon.verdict()), time(recon.began_at), recon_summary(recon));
    format!(
        "# {title}\n\n\
         ## Status\n\n\
         | Field | Value |\n| --- | --- |\n| **Overall Status** | {overall} |\n| **Last Updated** | {at} |\n\n\
         ## Context Pack\n\n\
         {summary}.\n\n\
         | Layer | Verdict | What was seen |\n| --- | --- | --- |\n{layers}\n\
         ## Proposed Changes (Spec)\n\nTBD\n\n\
         ## Execution Plan\n\n\
         The most urgent first; the status of a run shows the order.\n\n\
         ## Action Items (Tasks)\n\n\
         ## Change Log\n\n\
         | Timestamp | Action | User | Result |\n| --- | --- | --- | --- |\n\n\
         ## Closure\n\n\
         **Final Status**: PENDING\n**Started**: PENDING\n**Completed**: PENDING\n**Duration**: PENDING\n\
         **Resolved By**: PENDING\n"
    )
}

/// Why a block of ours is no task.
pub(crate) fn ignored_unknown_finding() -> String {
    "it is a task of caretaker's, and nothing that caretaker finds has this id".to_owned()
}

/// Why a block of ours is no task: a person has one of this id.
pub(crate) fn ignored_taken_over() -> String {
    "it is a task of caretaker's, and another task has its id".to_owned()
}

/// A finding that a person has to see to.
pub(crate) fn finding_waits() -> String {
    "what was found is still there: see to it; this ends by itself when it is gone".to_owned()
}

/// What no look at the cluster can see the end of.
pub(crate) fn finding_is_ticked() -> String {
    "no look at the cluster shows that this is mended: tick it when it is".to_owned()
}

/// The probe that found it does not tell.
pub(crate) fn finding_unknown() -> String {
    "whether it is gone cannot be found out, since its probe says UNKNOWN: this is asked again at every look"
        .to_owned()
}

/// A finding that is gone, and has to stay so for a while.
pub(crate) fn finding_settles(id: &str) -> String {
    format!("what {id} names is gone; it has to stay so for the settle time")
}

/// The same of what has no open task.
pub(crate) fn findings_settle() -> String {
    "what was found is gone; it has to stay so for the settle time".to_owned()
}

/// The note behind a finding that a person accepts: until when, and why by whom; from outside.
pub(crate) fn note_finding_accepted(until: Timestamp, reason: &str) -> String {
    format!("accepted until {}: {}", time(until), quote_outside(reason, EVIDENCE))
}

/// The note behind a finding that is gone.
pub(crate) fn note_finding_gone() -> String {
    "what was found is gone".to_owned()
}

/// The note behind a finding that nobody asks for any more: whether it is gone, nobody knows.
pub(crate) fn note_finding_unasked() -> String {
    "its probe is switched off, or not in the settings any more".to_owned()
}

/// What is asked before an action about a finding.
pub(crate) fn finding_action_asks() -> String {
    "archive Ceph's new crash reports, after reading them into the evidence; an archived report stays readable, and none is deleted"
        .to_owned()
}

/// What is asked before a pull request that caretaker's own task names.
pub(crate) fn update_asks() -> String {
    "no person asked for it, caretaker found it open".to_owned()
}

/// A finding that is there although its task has ended.
pub(crate) fn finding_survived(task: &FindingTask) -> String {
    format!(
        "its task has ended, and {} is still there ({}): a person has to look",
        code(&task.id.rule, TITLE),
        quote_outside(&task.evidence, EVIDENCE)
    )
}
