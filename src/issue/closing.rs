//! The closing report: what was done, from the journal, and how the cluster is, from the final recon.

use super::LayerLine;
use super::status::{Text, evidence};
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::{Figure, Figures, Verdict};
use crate::merge::Hold;
use crate::wording::{self, cell, code, one_line, quote_outside, time};
use jiff::Timestamp;

/// A task that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndedTask {
    /// Under which heading it stood, or its priority.
    pub(crate) phase: String,
    /// Its id.
    pub(crate) id: String,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When it ended.
    pub(crate) at: Timestamp,
    /// How: one line of our own Markdown.
    pub(crate) result: String,
}

/// A pull request that was merged and stayed merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergedPull {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What showed that it went well: one line of our own Markdown.
    pub(crate) verification: String,
}

/// A pull request that was closed without a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedPull {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When.
    pub(crate) at: Timestamp,
    /// Why: one line of our own Markdown.
    pub(crate) reason: String,
}

/// A merge that was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevertedPull {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// The commit that undid it.
    pub(crate) commit: CommitSha,
    /// When.
    pub(crate) at: Timestamp,
    /// Why: one line of our own Markdown.
    pub(crate) reason: String,
}

/// An issue that was closed besides the main one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedIssue {
    /// Its number.
    pub(crate) number: IssueNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What resolved it: one line of our own Markdown.
    pub(crate) resolution: String,
}

/// Something that happened from which a lesson follows by a named rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LessonEvent {
    /// Something was not well after a change, and healed.
    Caused {
        /// The pull request.
        pull: PullNumber,
        /// The object that it made worse; from outside, escaped here.
        object: String,
        /// What was seen; from outside, escaped here.
        finding: String,
        /// Whether something ties it to the change, and not the time alone.
        tied: bool,
        /// Why that is so; from outside, escaped here. Older journals do not tell.
        why: String,
    },
    /// The answer to a merge was lost, and it had not happened.
    AskedAgain {
        /// The pull request.
        pull: PullNumber,
    },
    /// A merge was undone.
    Reverted {
        /// The pull request.
        pull: PullNumber,
        /// The commit that undid it.
        commit: CommitSha,
        /// What it had made worse; from outside, escaped here.
        reason: String,
    },
    /// A version is held; Renovate would make its pull request again.
    Held {
        /// Package, file, version.
        hold: Hold,
    },
    /// A step did not happen at once.
    Retried {
        /// The task's id.
        task: String,
        /// How often it was tried in vain.
        failed: u32,
        /// Whether it happened at last, by our own doing.
        by_us: bool,
        /// Why it failed at first: one line of our own Markdown.
        why: String,
    },
    /// Something was waited for.
    WaitedFor {
        /// What: one line of our own Markdown.
        what: String,
        /// How long.
        seconds: u64,
    },
}

/// Everything that the closing report tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosingView {
    /// The verdict over all layers.
    pub(crate) overall: Verdict,
    /// When the run began.
    pub(crate) started: Timestamp,
    /// When it ended.
    pub(crate) completed: Timestamp,
    /// The account that did it.
    pub(crate) resolved_by: String,
    /// The final state by layer.
    pub(crate) layers: Vec<LayerLine>,
    /// Tasks that ended, in the order in which they did.
    pub(crate) tasks: Vec<EndedTask>,
    /// Pull requests merged, in the order in which they were.
    pub(crate) merged: Vec<MergedPull>,
    /// Pull requests closed without a merge.
    pub(crate) closed_pulls: Vec<ClosedPull>,
    /// Merges undone.
    pub(crate) reverted: Vec<RevertedPull>,
    /// Issues closed.
    pub(crate) closed_issues: Vec<ClosedIssue>,
    /// Figures of the final recon.
    pub(crate) figures: Figures,
    /// What happened that one can learn from.
    pub(crate) events: Vec<LessonEvent>,
    /// The final recon's id in the journal.
    pub(crate) recon: String,
    /// When the final recon began.
    pub(crate) recon_at: Timestamp,
    /// The journal's id of the run.
    pub(crate) run: String,
}

/// How much of a title is shown.
const TITLE: usize = 120;

/// Of a longer run the tasks are folded by phase.
const LONGEST_OPEN_REPORT: usize = 12;

/// How many lines of evidence a layer shows.
const MOST_EVIDENCE: usize = 8;

/// The closing report.
pub(crate) fn render_closing(view: &ClosingView) -> String {
    let mut text = Text::default();
    text.line(&format!("# RESOLVED: overall status {}", wording::layer_verdict(view.overall)));
    summary(&mut text, view);
    state(&mut text, view);
    actions(&mut text, view);
    pulls_and_issues(&mut text, view);
    figures(&mut text, view);
    heading(&mut text, "Lessons learned");
    if view.events.is_empty() {
        text.line(wording::no_lesson());
    }
    for event in &view.events {
        text.line(&format!("- {}", wording::lesson(event)));
    }
    // All of them together: of two rules for a package only the last would count.
    let holds = view.events.iter().filter_map(|event| match event {
        LessonEvent::Held { hold } => Some(hold),
        _ => None,
    });
    let mut holds = holds.peekable();
    if holds.peek().is_some() {
        text.blank();
        text.line(&wording::renovate_rules(holds));
    }
    heading(&mut text, "References");
    text.line(&format!("- Final recon: {}, begun {}", code(&view.recon, 80), time(view.recon_at)));
    text.line(&format!("- Journal: run {}", code(&view.run, 80)));
    text.blank();
    text.line(&format!("Completed {}.", time(view.completed)));
    text.0
}

fn heading(text: &mut Text, heading: &str) {
    text.blank();
    text.line(&format!("## {heading}"));
    text.blank();
}

fn table<const N: usize>(text: &mut Text, header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    text.line(&format!("| {} |", header.join(" | ")));
    text.line(&format!("|{}", " --- |".repeat(N)));
    for row in rows {
        text.line(&format!("| {} |", row.map(|value| cell(&value)).join(" | ")));
    }
}

fn summary(text: &mut Text, view: &ClosingView) {
    heading(text, "Summary");
    let seconds = u64::try_from(view.completed.as_second() - view.started.as_second()).unwrap_or(0);
    let rows = [
        ["Status".to_owned(), "RESOLVED".to_owned()],
        ["Started".to_owned(), time(view.started)],
        ["Completed".to_owned(), time(view.completed)],
        ["Duration".to_owned(), wording::duration(seconds)],
        ["Resolved by".to_owned(), code(&view.resolved_by, 80)],
    ];
    table(text, ["Field", "Value"], rows.into_iter());
}

fn state(text: &mut Text, view: &ClosingView) {
    heading(text, "Final state by layer");
    let rows = view.layers.iter().map(|layer| {
        [
            layer.layer.word().to_owned(),
            wording::layer_verdict(layer.verdict).to_owned(),
            evidence(layer.verdict, &layer.evidence, MOST_EVIDENCE),
        ]
    });
    table(text, ["Layer", "Verdict", "Evidence"], rows);
}

fn actions(text: &mut Text, view: &ClosingView) {
    heading(text, "Actions");
    if view.tasks.is_empty() {
        text.line(&wording::none_happened("task ended"));
    }
    let mut phases: Vec<&str> = Vec::new();
    for task in &view.tasks {
        if !phases.contains(&task.phase.as_str()) {
            phases.push(&task.phase);
        }
    }
    let long = view.tasks.len() > LONGEST_OPEN_REPORT;
    for phase in phases {
        let of_phase = || view.tasks.iter().filter(|task| task.phase == phase);
        let rows = of_phase().map(|task| {
            [
                quote_outside(&task.id, 20),
                quote_outside(&task.title, TITLE),
                time(task.at),
                one_line(&task.result),
            ]
        });
        let header = ["Task", "Title", "Time", "Result"];
        if long {
            text.folded(&wording::phase_summary(phase, of_phase().count()), |text| table(text, header, rows));
        } else {
            text.heading(&quote_outside(phase, TITLE));
            table(text, header, rows);
        }
    }
}

fn pulls_and_issues(text: &mut Text, view: &ClosingView) {
    let quoted = |title: &str| quote_outside(title, TITLE);
    heading(text, "Pull requests merged");
    if view.merged.is_empty() {
        text.line(&wording::none_happened("pull request was merged"));
    } else {
        let rows = view.merged.iter().map(|pull| {
            [format!("#{}", pull.number), quoted(&pull.title), time(pull.at), one_line(&pull.verification)]
        });
        table(text, ["Pull request", "Title", "Merged", "Verification"], rows);
    }
    heading(text, "Pull requests closed without a merge");
    if view.closed_pulls.is_empty() {
        text.line(&wording::none_happened("pull request was closed without a merge"));
    } else {
        let rows = view.closed_pulls.iter().map(|pull| {
            [format!("#{}", pull.number), quoted(&pull.title), time(pull.at), one_line(&pull.reason)]
        });
        table(text, ["Pull request", "Title", "Closed", "Reason"], rows);
    }
    heading(text, "Merges undone");
    if view.reverted.is_empty() {
        text.line(&wording::none_happened("merge was undone"));
    } else {
        let rows = view.reverted.iter().map(|pull| {
            [
                format!("#{}", pull.number),
                quoted(&pull.title),
                wording::short(&pull.commit),
                time(pull.at),
                one_line(&pull.reason),
            ]
        });
        table(text, ["Pull request", "Title", "Commit", "Undone", "Reason"], rows);
    }
    heading(text, "Issues closed");
    if view.closed_issues.is_empty() {
        text.line(&wording::none_happened("other issue was closed"));
    } else {
        let rows = view.closed_issues.iter().map(|issue| {
            [format!("#{}", issue.number), quoted(&issue.title), time(issue.at), one_line(&issue.resolution)]
        });
        table(text, ["Issue", "Title", "Closed", "Resolution"], rows);
    }
}

fn figures(text: &mut Text, view: &ClosingView) {
    heading(text, "Verification data");
    let figures = &view.figures;
    let of = |(good, all): &(usize, usize)| format!("{good} of {all}");
    let rows = [
        ["Nodes ready".to_owned(), read(&figures.nodes_ready, of)],
        ["Pods well".to_owned(), read(&figures.pods, of)],
        ["Applications Synced and Healthy".to_owned(), read(&figures.applications, of)],
        ["Certificates ready".to_owned(), read(&figures.certificates, of)],
        ["Ceph health".to_owned(), read(&figures.ceph_health, |health| quote_outside(health, TITLE))],
        [
            "OSDs".to_owned(),
            read(&figures.osds, |(up, within, all)| format!("{up} up, {within} in, of {all}")),
        ],
        ["Ceph usage".to_owned(), read(&figures.ceph_usage, |(used, total)| usage(*used, *total))],
        [
            "Placement groups".to_owned(),
            read(&figures.placement_groups, |groups| quote_outside(groups, TITLE)),
        ],
    ];
    table(text, ["Figure", "Value"], rows.into_iter());
    match &figures.node_usage {
        Figure::NotRead(reason) => {
            text.blank();
            text.line(&format!("CPU and memory by node: {}", wording::not_read(reason)));
        }
        Figure::Read(nodes) => {
            let rows = nodes.iter().map(|(name, millis, bytes)| {
                [code(name, 80), format!("{}.{:02} cores", millis / 1000, millis % 1000 / 10), size(*bytes)]
            });
            text.heading("By node");
            table(text, ["Node", "CPU used", "Memory used"], rows);
        }
    }
}

fn read<T>(figure: &Figure<T>, show: impl Fn(&T) -> String) -> String {
    match figure {
        Figure::Read(value) => show(value),
        Figure::NotRead(reason) => wording::not_read(reason),
    }
}

fn usage(used: u64, total: u64) -> String {
    let tenths = u128::from(used) * 1000 / u128::from(total.max(1));
    format!("{} of {} ({}.{} %)", size(used), size(total), tenths / 10, tenths % 10)
}

/// Bytes in the largest unit of which there is at least one.
fn size(bytes: u64) -> String {
    let mut unit = "B";
    let mut whole = 1_u64;
    for (name, next) in
        [("KiB", 1_u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50)]
    {
        if bytes >= next {
            (unit, whole) = (name, next);
        }
    }
    if whole == 1 {
        return format!("{bytes} B");
    }
    let tenths = u128::from(bytes) * 10 / u128::from(whole);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}
