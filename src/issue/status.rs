//! The status block: what a person reads who opens the issue while caretaker works on it.

use super::approvals::approval_line;
use super::{Needs, Priority};
use crate::forge::{IssueNumber, PullNumber};
use crate::health::{Layer, Verdict};
use crate::merge::Hold;
use crate::wording::{self, one_line, quote_outside, time};
use jiff::Timestamp;

/// How a run stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    /// Works.
    Running,
    /// Waits for the world: a rollout, a lease.
    WaitingForWorld,
    /// Waits for the hour in which a change may start.
    WaitingForWindow,
    /// Waits for people alone.
    WaitingForPerson,
    /// Something was made worse and is being undone, or could not be undone.
    Trouble,
    /// A person stopped it.
    Paused,
    /// Something that has to be known is not.
    Unknown,
    /// Only watches and says what it would do.
    Observing,
    /// Ended.
    Done,
}

/// A layer with what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerLine {
    /// Which.
    pub(crate) layer: Layer,
    /// How it stands.
    pub(crate) verdict: Verdict,
    /// Evidence, one line each; from outside, escaped here.
    pub(crate) evidence: Vec<String>,
}

/// How many tasks stand how. They add up to `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// All tasks.
    pub(crate) total: usize,
    /// Done.
    pub(crate) done: usize,
    /// Deferred.
    pub(crate) deferred: usize,
    /// Acknowledged.
    pub(crate) acknowledged: usize,
    /// Skipped.
    pub(crate) skipped: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// Waiting, which includes what has not begun.
    pub(crate) waiting: usize,
}

/// An open task in the planned order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTask {
    /// Its id.
    pub(crate) id: String,
    /// Its priority.
    pub(crate) priority: Priority,
    /// Its kind's word.
    pub(crate) kind: &'static str,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// What it needs from people.
    pub(crate) needs: Option<Needs>,
}

/// What happens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Now {
    /// The task's id, where one is worked on.
    pub(crate) task: Option<String>,
    /// One sentence of our own Markdown.
    pub(crate) what: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// Whom something waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// A person.
    Person,
    /// Another task.
    Task,
    /// The cluster, the forge or the time.
    World,
}

/// A task that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Its id.
    pub(crate) id: String,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// For whom.
    pub(crate) whom: Whom,
    /// Why: one sentence of our own Markdown.
    pub(crate) why: String,
    /// What a person can do: one sentence of our own Markdown.
    pub(crate) answer: Option<String>,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A yes that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApprovalRequest {
    /// The task's id.
    pub(crate) id: String,
    /// The code of exactly this change.
    pub(crate) code: String,
    /// What would be done; from outside, escaped here.
    pub(crate) what: String,
    /// What one should know before saying yes: sentences of our own Markdown.
    pub(crate) warnings: Vec<String>,
    /// Whether it stands ticked in the text that is written over.
    pub(crate) ticked: bool,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Ask for the comment as well: a tick could not be attributed to anybody, or counts for nothing here.
    pub(crate) by_comment: bool,
}

/// A version that is not merged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldVersion {
    /// Package, file and version.
    pub(crate) hold: Hold,
    /// The pull request that brought it.
    pub(crate) pull: Option<PullNumber>,
    /// Why: one sentence of our own Markdown.
    pub(crate) why: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A pull request that Renovate made again after its change was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemadePull {
    /// The new one.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// The one that was undone.
    pub(crate) instead_of: PullNumber,
}

/// Another open maintenance issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherIssue {
    /// Its number.
    pub(crate) number: IssueNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
}

/// A case that was handed to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// The task's id, where it is about one.
    pub(crate) id: Option<String>,
    /// Why: one sentence of our own Markdown.
    pub(crate) why: String,
    /// What was found: sentences of our own Markdown.
    pub(crate) evidence: Vec<String>,
}

/// Everything that the status block tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusView {
    /// How the run stands.
    pub(crate) state: RunState,
    /// What nobody knows, where that is how it stands; from outside, escaped here.
    pub(crate) unknown: Option<String>,
    /// Since when it stands so.
    pub(crate) since: Timestamp,
    /// The journal's id of the run.
    pub(crate) run: String,
    /// The layers shown.
    pub(crate) layers: Vec<LayerLine>,
    /// When the layers were judged.
    pub(crate) judged_at: Option<Timestamp>,
    /// How far it is.
    pub(crate) progress: Progress,
    /// What is open, in the planned order.
    pub(crate) order: Vec<PlannedTask>,
    /// What happens now.
    pub(crate) now: Option<Now>,
    /// What waits for whom.
    pub(crate) waiting: Vec<Waiting>,
    /// Approvals that are asked for.
    pub(crate) approvals: Vec<ApprovalRequest>,
    /// Versions that are held.
    pub(crate) held: Vec<HeldVersion>,
    /// Pull requests made again.
    pub(crate) remade: Vec<RemadePull>,
    /// Other open maintenance issues, which are not worked on.
    pub(crate) others: Vec<OtherIssue>,
    /// What is half done: sentences of our own Markdown.
    pub(crate) half_done: Vec<String>,
    /// Rights and settings that are missing: sentences of our own Markdown.
    pub(crate) missing_rights: Vec<String>,
    /// Cases that were handed to a person.
    pub(crate) packets: Vec<Packet>,
    /// What else a person should know: sentences of our own Markdown.
    pub(crate) warnings: Vec<String>,
    /// When a change may start; `None`: at any hour.
    pub(crate) windows: Option<Windows>,
}

/// When a change may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Each of them, as the settings say it.
    pub(crate) each: Vec<String>,
    /// The zone of their hours.
    pub(crate) zone: String,
    /// When the next one opens, where none is open at the moment that the status tells of.
    pub(crate) opens: Option<Timestamp>,
}

/// Longer lists are folded, so that what matters now stays in sight.
const LONGEST_OPEN_LIST: usize = 5;
const LONGEST_WAITING_LIST: usize = 10;

/// How much of a title or a piece of evidence is shown, in a table and below it.
const TITLE: usize = 120;
const EVIDENCE: usize = 90;
const FULL_EVIDENCE: usize = 240;

/// How many pieces of evidence a layer shows, in the table and below it.
const MOST_EVIDENCE: usize = 2;
const MOST_FULL_EVIDENCE: usize = 30;

/// The inside of the status block.
pub(crate) fn render_status(view: &StatusView) -> String {
    let mut text = Text::default();
    text.line("## caretaker");
    text.blank();
    let state = match &view.unknown {
        Some(what) => wording::run_state_unknown(view.state, &quote_outside(what, FULL_EVIDENCE)),
        None => wording::run_state(view.state).to_owned(),
    };
    text.line(&format!("{state}, {}.", wording::since(view.since)));
    text.blank();
    text.line(&format!("{}.", wording::progress(view.progress)));
    if let Some(now) = &view.now {
        let task =
            now.task.as_deref().map(|id| format!("**{}** ", quote_outside(id, 20))).unwrap_or_default();
        text.blank();
        text.line(&format!("Now: {task}{} ({}).", one_line(&now.what), wording::since(now.since)));
    }
    if let Some(windows) = &view.windows {
        text.blank();
        text.line(&format!("{}.", wording::windows(windows)));
    }
    layers(&mut text, view);
    list(&mut text, "Half done", view.half_done.iter().map(|line| one_line(line)));
    list(&mut text, "What is missing", view.missing_rights.iter().map(|right| one_line(right)));
    for whom in [Whom::Person, Whom::Task, Whom::World] {
        waiting(&mut text, view, whom);
    }
    approvals(&mut text, view);
    for packet in &view.packets {
        text.folded(&wording::packet_summary(packet.id.as_deref()), |text| {
            text.line(&format!("{}.", one_line(&packet.why).trim_end_matches('.')));
            text.blank();
            packet.evidence.iter().for_each(|line| text.line(&format!("- {}", one_line(line))));
        });
    }
    held(&mut text, view);
    let mut warnings: Vec<String> = view.warnings.iter().map(|line| one_line(line)).collect();
    warnings.extend(view.others.iter().map(|other| wording::other_issue(other.number, &other.title)));
    list(&mut text, "To know", warnings.into_iter());
    plan(&mut text, view);
    text.blank();
    text.line(&wording::status_foot(&view.run));
    text.0
}

fn layers(text: &mut Text, view: &StatusView) {
    if view.layers.is_empty() {
        return;
    }
    text.blank();
    text.line("| Layer | Verdict | Evidence |");
    text.line("| --- | --- | --- |");
    for layer in &view.layers {
        text.line(&format!(
            "| {} | {} | {} |",
            layer.layer,
            // A sign and its word stay together in a narrow column.
            wording::layer_verdict(layer.verdict).replace(' ', "\u{a0}"),
            evidence(layer.verdict, &layer.evidence, MOST_EVIDENCE)
        ));
    }
    if let Some(at) = view.judged_at {
        text.blank();
        text.line(&wording::judged_at(at));
    }
    // A table's cell has room for little: in a narrow window it is a column of single words.
    let cut = |layer: &&LayerLine| {
        layer.verdict != Verdict::Green
            && (layer.evidence.len() > MOST_EVIDENCE
                || layer.evidence.iter().any(|line| line.chars().count() > EVIDENCE))
    };
    // Where one of them does not fit, all that is not well is told in one place.
    let bad: Vec<String> = view
        .layers
        .iter()
        .filter(|layer| layer.verdict != Verdict::Green && view.layers.iter().any(|layer| cut(&layer)))
        .flat_map(|layer| layer.evidence.iter().map(move |line| (layer.layer, line)))
        .map(|(layer, line)| format!("{layer}: {}", quote_outside(line, FULL_EVIDENCE)))
        .collect();
    if !bad.is_empty() {
        let more = bad.len().saturating_sub(MOST_FULL_EVIDENCE);
        let shown = bad.iter().take(MOST_FULL_EVIDENCE).cloned();
        let lines = shown.chain((more > 0).then(|| wording::and_more(more)));
        text.folded(&wording::not_well(bad.len()), |text| {
            for line in lines {
                text.line(&format!("- {line}"));
            }
        });
    }
}

/// Pieces of evidence in one cell. What says that a layer is well is not counted where it does not fit: nothing of it
/// unfolds anywhere.
pub(crate) fn evidence(verdict: Verdict, lines: &[String], most: usize) -> String {
    let mut shown: Vec<String> = lines.iter().take(most).map(|line| quote_outside(line, EVIDENCE)).collect();
    if lines.len() > most && verdict != Verdict::Green {
        shown.push(wording::and_more(lines.len() - most));
    }
    shown.join("; ")
}

fn list(text: &mut Text, heading: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    text.heading(heading);
    for line in lines {
        text.line(&format!("- {line}"));
    }
}

fn waiting(text: &mut Text, view: &StatusView, whom: Whom) {
    let lines: Vec<String> = view
        .waiting
        .iter()
        .filter(|waiting| waiting.whom == whom)
        .map(|waiting| {
            let answer = waiting.answer.as_deref().map(|answer| format!("; {}", one_line(answer)));
            format!(
                "- **{}** {} — {}{} ({})",
                quote_outside(&waiting.id, 20),
                quote_outside(&waiting.title, TITLE),
                one_line(&waiting.why).trim_end_matches('.'),
                answer.unwrap_or_default(),
                wording::since(waiting.since)
            )
        })
        .collect();
    let heading = wording::waits_for(whom);
    text.list_or_fold(heading, &lines, LONGEST_WAITING_LIST);
}

fn approvals(text: &mut Text, view: &StatusView) {
    if view.approvals.is_empty() {
        return;
    }
    text.heading("Approvals");
    text.line(wording::approve_by_tick());
    text.blank();
    for request in &view.approvals {
        text.line(&format!(
            "{}: {}, asked {}",
            approval_line(&request.id, &request.code, request.ticked),
            quote_outside(&request.what, TITLE),
            time(request.since)
        ));
        for warning in &request.warnings {
            text.line(&format!("  - ⚠️ {}", one_line(warning)));
        }
        if request.by_comment {
            text.line(&format!("  - {}", wording::approve_by_comment(&request.id, &request.code)));
        }
    }
}

fn held(text: &mut Text, view: &StatusView) {
    if view.held.is_empty() && view.remade.is_empty() {
        return;
    }
    text.heading("Held versions");
    for held in &view.held {
        let pull = held.pull.map(|pull| format!(" (#{pull})")).unwrap_or_default();
        text.line(&format!(
            "- {}{pull}: {} ({})",
            wording::held_version(&held.hold),
            one_line(&held.why).trim_end_matches('.'),
            wording::since(held.since),
        ));
    }
    for remade in &view.remade {
        text.line(&format!("- {}", wording::remade(remade.number, &remade.title, remade.instead_of)));
    }
    if !view.held.is_empty() {
        text.blank();
        text.line(wording::hold_advice());
        text.folded(wording::renovate_summary(), |text| {
            text.line(&wording::renovate_rules(view.held.iter().map(|held| &held.hold)));
        });
    }
}

fn plan(text: &mut Text, view: &StatusView) {
    let lines: Vec<String> = view
        .order
        .iter()
        .enumerate()
        .map(|(place, task)| {
            let needs = match task.needs {
                None => "",
                Some(Needs::Approval) => ", needs an approval",
                Some(Needs::Person) => ", needs a person",
            };
            format!(
                "{}. **{}** {} {} ({}{needs})",
                place + 1,
                quote_outside(&task.id, 20),
                task.priority,
                quote_outside(&task.title, TITLE),
                task.kind
            )
        })
        .collect();
    text.list_or_fold(wording::open_in_order(), &lines, LONGEST_OPEN_LIST);
}

/// Lines of Markdown, with blank lines between blocks and never two of them.
#[derive(Debug, Default)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// Ends a block.
    pub(crate) fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    /// Something folded. The blank lines let Markdown be read within.
    pub(crate) fn folded(&mut self, summary: &str, inside: impl FnOnce(&mut Self)) {
        self.blank();
        self.line("<details>");
        self.line(&format!("<summary>{summary}</summary>"));
        self.blank();
        inside(self);
        self.blank();
        self.line("</details>");
    }

    /// A list below its heading; a long one folded, with its length.
    fn list_or_fold(&mut self, heading: &str, lines: &[String], longest: usize) {
        if lines.is_empty() {
            return;
        }
        let write = |text: &mut Self| lines.iter().for_each(|line| text.line(line));
        if lines.len() > longest {
            self.folded(&format!("{heading} ({})", lines.len()), write);
        } else {
            self.heading(heading);
            write(self);
        }
    }

    /// Begins a part.
    pub(crate) fn heading(&mut self, heading: &str) {
        self.blank();
        self.line(&format!("### {heading}"));
        self.blank();
    }
}
