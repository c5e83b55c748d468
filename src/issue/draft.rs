//! A task as it stands in the text: its line, its details and what stands around it, before it is judged.

use super::address::{Home, TitleLink};
use super::condition;
use super::depends::{Bearing, Written};
use super::gate::Gate;
use super::guess::{self, Guess, Source};
use super::headings::HeadingSays;
use super::heard::{Heard, brief};
use super::kind::{self, Words};
use super::labels::Labels;
use super::levels;
use super::outline::Outline;
use super::read::ClassifyWords;
use super::reserve::{self, Said};
use super::title::{head, noted};
use super::words::Head;
use super::{Details, Priority, below, detail, secrets};
use crate::health::Layer;
use crate::merge::{Category, UpdateType};
use crate::wording;
use checklist::{DetailKind, Document, Item};
use regex::Regex;
use std::sync::LazyLock;

/// A task as it stands in the text, before it is judged.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) line: usize,
    /// The line without blocks of ours, which no write of ours moves.
    pub(super) own_line: usize,
    pub(super) ticked: bool,
    pub(super) struck: bool,
    pub(super) notes: Vec<String>,
    pub(super) head: Head,
    pub(super) phase: Option<String>,
    pub(super) gate: Option<Gate>,
    pub(super) priority: Guess<Priority>,
    pub(super) layer: Guess<Option<Layer>>,
    pub(super) final_section: bool,
    pub(super) details: Details,
    pub(super) leaks: Vec<usize>,
    /// What the task says of its place among the others.
    pub(super) before: Vec<Written>,
    /// What its line, headings and lists around it say against doing it.
    pub(super) around: Option<Said>,
    /// What its details and the texts about it say against it.
    pub(super) below: Option<Said>,
    /// Work that its details ask for besides its commands.
    pub(super) steps: Vec<String>,
    /// The links in its title, with what they show.
    pub(super) links: Vec<(String, String)>,
}

impl Draft {
    pub(super) fn new(
        document: &Document<'_>,
        item: &Item,
        parent: Option<(usize, &Self)>,
        headings: &[usize],
        outline: &mut Outline<'_>,
    ) -> Self {
        let mut head = head(document, item);
        head.title = head.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let named = |names: &[&str]| {
            item.details.iter().find_map(|detail| {
                // With its colon, so that a name may be the whole of it.
                let label = detail.label.as_deref()?.trim().to_lowercase() + ":";
                let text = detail.text.trim();
                (names.iter().any(|name| label.starts_with(name)) && !text.is_empty())
                    .then(|| (detail.label.clone().unwrap_or_default().trim().to_owned(), text.to_owned()))
            })
        };
        let text = |names: &[&str]| named(names).map(|(_, text)| text);
        let commands = commands(item);
        let anywhere =
            item.details.iter().flat_map(|detail| detail.code_blocks.iter().chain(&detail.inline_code));
        let leak = |text: &str| lines(text).iter().any(|line| secrets::leaks_secrets(line));
        let leaks = if commands.iter().any(|command| leak(command)) || anywhere.clone().any(|code| leak(code))
        {
            vec![item.line]
        } else {
            vec![]
        };
        let mut before = places(item, &head.title);
        let above_it = parent.and_then(|(index, parent)| {
            outline.within(document, index, reserve::heavier(parent.below.clone(), parent.around.clone()))
        });
        let parent = parent.map(|(_, parent)| parent);
        // What stands above the parent stands above the child as well.
        let of_parent = parent.map_or_else(Heard::default, Self::for_those_within);
        let around = reserve::of_line(document, item)
            .and(outline.reserve(document, item, headings))
            .and(Heard::said(above_it))
            .and(of_parent);
        let below = detail::of_details(item, is_a_dependency)
            .and(detail::of_comments(document, item))
            .and(Heard::said(reserve::of_signs(document, item)))
            .and(outline.passages.told(item, headings));
        before.extend(around.places.into_iter().chain(below.places));
        let above: Vec<&HeadingSays> = headings.iter().map(|&index| outline.heading(index)).collect();
        let sections = std::iter::once(None).chain(headings.iter().copied().map(Some));
        let labels: Vec<_> = sections.map(|section| outline.passages.sections.of(section)).collect();
        let first = first_of(&labels, item, &head);
        before.extend(first.places);
        let level = around.level;
        let gate = around.gate.or_else(|| above.iter().rev().find_map(|heading| heading.gate.clone()));
        let (around, below) = (reserve::heavier(around.said, first.said), below.said);
        let details = Details {
            goal: text(&["goal", "purpose"]),
            commands,
            expected: text(&["expect", "success", "pass criteria"]),
            if_fails: text(&["if fail", "if it fail", "if this fail", "on fail", "failure"]),
            rollback: text(&["rollback", "roll back", "undo", "revert"]),
        };
        let conditions = labels.iter().flatten().filter_map(|labels| labels.said.clone());
        let around = conditions.fold(around, |around, said| reserve::heavier(around, Some(said)));
        let stated = named(&["priority", "priorität"]).or_else(|| named(&["prio:"]));
        let mut priority = priority(&head, stated, level, &above, &labels);
        let mut layer = layer(&head, item.label.as_deref(), named(&["layer"]), &above, &labels);
        // What stands within another task is as urgent and lies where that does, if it says nothing itself.
        if let Some(parent) = parent {
            let says = |certainty| certainty == guess::Certainty::Written;
            if !says(priority.certainty) && says(parent.priority.certainty) {
                priority = Guess::inferred(parent.priority.value, parent.priority.source.clone());
            }
            if !says(layer.certainty) && says(parent.layer.certainty) {
                layer = Guess::inferred(parent.layer.value, parent.layer.source.clone());
            }
        }
        let links = item.links.iter().filter(|link| item.first_line.contains(&link.span.start));
        let links = links.map(|link| (link.text.clone(), link.destination.clone())).collect();
        Self {
            line: item.line,
            own_line: outline.own_line(document, item),
            ticked: item.ticked,
            struck: item.struck,
            notes: noted(document, item),
            phase: above.last().map(|heading| heading.text.clone()),
            gate,
            final_section: above.iter().rev().take(2).any(|heading| heading.is_final),
            details,
            before,
            head,
            priority,
            layer,
            leaks,
            around,
            below,
            steps: steps(item),
            links,
        }
    }

    /// What it says of its place, for the tasks within it.
    fn for_those_within(&self) -> Heard {
        // What no label makes clear says something only where it names a task.
        let counts = |written: &&Written| match written.bearing {
            Bearing::Own | Bearing::Passing => true,
            Bearing::Unclear => written.text.contains(|c: char| c.is_ascii_digit()),
            Bearing::Around => false,
        };
        let own = self.before.iter().filter(counts);
        Heard::of_places(own, || wording::what_is_above(&self.head.title))
    }

    pub(super) fn judge(&self, closes: bool, home: Option<&Home>) -> kind::Judged {
        // What was struck out is over; a person who left the box open says whether the rest is.
        if self.struck && !self.ticked {
            return kind::Judged::struck_out();
        }
        let links: Vec<TitleLink<'_>> =
            self.links.iter().map(|(text, destination)| (text.as_str(), destination.as_str())).collect();
        kind::judge(Words {
            title: &self.head.title,
            commands: &self.details.commands,
            layer: self.layer.value,
            several_layers: self.head.several_layers,
            final_section: self.final_section || closes,
            links: &links,
            home,
        })
    }

    /// The title says first; where it says nothing, the goal.
    pub(super) fn classified(&self, classify: ClassifyWords<'_>) -> (Option<Category>, UpdateType) {
        // Where it is merged is not what is merged.
        static ON_THE_FORGE: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(?i)\s+(?:in|on)\s+(?:the\s+)?(?:gitea|forgejo)(?:'s)?(?:\s+(?:web\s+)?(?:ui|interface))?\s*$")
                .expect("the pattern is a constant that a test compiles")
        });
        let (category, update) = classify(&ON_THE_FORGE.replace(&self.head.title, ""));
        let (later_category, later_update) = classify(self.details.goal.as_deref().unwrap_or_default());
        (category.or(later_category), if update == UpdateType::Unknown { later_update } else { update })
    }
}

/// What the lines of its sections name as what comes first for a task; the last of the sections is its own.
fn first_of(labels: &[Option<&Labels>], item: &Item, head: &Head) -> Heard {
    let Some((own, outer)) = labels.split_last() else { return Heard::default() };
    let outer = outer.iter().flatten().map(|labels| labels.first_below_headings());
    let own = own.map(|labels| labels.first_of(item, head.id.as_deref(), &head.title));
    outer.fold(Heard::default(), Heard::and).and(own.unwrap_or_default())
}

/// The priority of a task: of its line, a detail, a line like a heading right above it, the nearest heading that names
/// one, a lamp, or P2. `labels` are those of no heading and then of each.
fn priority(
    head: &Head,
    detail: Option<(String, String)>,
    level: Option<(Priority, String)>,
    above: &[&HeadingSays],
    labels: &[Option<&Labels>],
) -> Guess<Priority> {
    if let Some(priority) = head.priority {
        return Guess::written(priority, Source::Line);
    }
    if let Some((label, Some(priority))) = detail.map(|(label, text)| (label, levels::told_priority(&text))) {
        return Guess::written(priority, Source::Detail(label));
    }
    let found = level
        .or_else(|| nearest(above, labels, |labels| labels.priority.clone(), |heading| heading.priority));
    if let Some((priority, text)) = found {
        return Guess::inferred(priority, Source::Heading(text));
    }
    head.lamp
        .map_or_else(|| Guess::assumed(Priority::P2), |priority| Guess::inferred(priority, Source::Words))
}

/// What the nearest section says that says it: in a line of its own, or in its heading.
fn nearest<T>(
    above: &[&HeadingSays],
    labels: &[Option<&Labels>],
    told: impl Fn(&Labels) -> Option<(T, String)>,
    named: impl Fn(&HeadingSays) -> Option<T>,
) -> Option<(T, String)> {
    let headings = std::iter::once(None).chain(above.iter().map(|heading| Some(*heading)));
    let mut sections: Vec<_> = headings.zip(labels).collect();
    sections.reverse();
    sections.into_iter().find_map(|(heading, labels)| {
        let own = labels.and_then(&told);
        own.or_else(|| heading.and_then(|heading| Some((named(heading)?, heading.text.clone()))))
    })
}

/// The layer of a task. `All` on the line is an answer; the heading is asked only where the line says nothing.
fn layer(
    head: &Head,
    label: Option<&str>,
    detail: Option<(String, String)>,
    above: &[&HeadingSays],
    labels: &[Option<&Labels>],
) -> Guess<Option<Layer>> {
    if head.layer.is_some() || head.several_layers || names_no_layer(label) {
        return Guess::written(head.layer, Source::Line);
    }
    if let Some((label, Some((Some(layer), _)))) =
        detail.map(|(label, text)| (label, levels::told_layers(&text)))
    {
        return Guess::written(Some(layer), Source::Detail(label));
    }
    nearest(above, labels, |labels| labels.layer.clone(), |heading| heading.layer).map_or_else(
        || Guess::assumed(None),
        |(layer, text)| Guess::inferred(Some(layer), Source::Heading(text)),
    )
}

/// The commands below a task: code that follows no other label, and everything under the label of the commands.
fn commands(item: &Item) -> Vec<String> {
    let mut commands = Vec::new();
    for detail in item.details.iter().filter(|detail| detail.kind != DetailKind::Quote) {
        let labelled = detail.label.as_deref().map(|label| label.trim().to_lowercase());
        if labelled.as_deref().is_some_and(|label| !is_of_commands(label)) {
            continue;
        }
        commands.extend(detail.code_blocks.iter().flat_map(|block| lines(block)));
        if labelled.is_some() {
            commands.extend(detail.inline_code.iter().flat_map(|code| lines(code)));
            if detail.code_blocks.is_empty() && detail.inline_code.is_empty() {
                commands.extend(lines(&detail.text));
            }
        }
    }
    commands
}

/// Whether a label, in lower case, is that of the commands. `Commands (example, do not run)` is not.
pub(super) fn is_of_commands(label: &str) -> bool {
    let (name, more) = label.split_once('(').map_or((label, ""), |(name, more)| (name.trim(), more));
    let more = more.trim_end_matches(')').trim();
    let runs = more.is_empty() || more == "read-only" || more == "read only" || more.starts_with("run ");
    runs && condition::doubt(more).is_none()
        && matches!(
            name,
            "command"
                | "commands"
                | "command to run"
                | "commands to run"
                | "cmd"
                | "cmds"
                | "run"
                | "step"
                | "steps"
                | "shell"
                | "script"
                | "bash"
                | "execute"
        )
}

/// The work that details ask for besides the commands: code below a label that is not of the outcome, and lines that
/// begin with a verb of work.
fn steps(item: &Item) -> Vec<String> {
    let mut found = Vec::new();
    for detail in item.details.iter().filter(|detail| detail.kind != DetailKind::Quote) {
        let label = detail.label.as_deref().map(|label| label.trim().to_lowercase());
        let label = label.as_deref();
        if label.is_some_and(|label| {
            is_of_commands(label) || detail::is_of_the_outcome(label) || is_a_dependency(label)
        }) {
            continue;
        }
        let shows = label.is_some_and(is_of_an_output);
        let describes = label.is_some_and(detail::is_of_a_description);
        let is_a_step = label.is_some_and(below::is_of_a_step);
        if label.is_some() && !shows {
            found.extend(detail.code_blocks.iter().flat_map(|block| lines(block)));
            let code =
                detail.inline_code.iter().filter(|code| is_a_step || below::begins_with_a_program(code));
            found.extend(code.flat_map(|code| lines(code)));
        }
        let text = detail.text.lines().map(str::trim).filter(|line| !line.is_empty());
        found.extend(
            text.filter(|line| is_a_step || !describes && !shows && below::begins_with_work(line))
                .map(str::to_owned),
        );
    }
    found
}

/// Whether a label, in lower case, stands above what a program has printed.
fn is_of_an_output(label: &str) -> bool {
    let starts =
        ["evidence", "output", "log", "error", "symptom", "changelog", "release note", "diff", "trace"];
    starts.iter().any(|start| label.starts_with(start))
}

/// Labels, in lower case, of what waits for a task.
const WAITS_FOR_IT: [&str; 9] = [
    "before",
    "blocks",
    "blocking",
    "required by",
    "required for",
    "needed by",
    "needed for",
    "prerequisite for",
    "prerequisite of",
];

/// Which way round a label is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `Blocks`, `Needed for`: what it names waits for the task.
    Waits,
    /// `Before merging`, `Needed for this`, `Blocking issue`: the task waits for what it names.
    First,
    /// Neither can be told.
    Open,
}

/// Which way round a label that begins like one of [`WAITS_FOR_IT`] is meant.
fn way(label: &str) -> Option<Way> {
    let (start, rest) = WAITS_FOR_IT.iter().find_map(|start| {
        let rest = label.strip_prefix(start)?;
        (!rest.starts_with(char::is_alphanumeric)).then(|| (*start, kind::words(rest)))
    })?;
    let all = |known: &[&str]| rest.iter().all(|word| known.contains(&word.as_str()));
    let begins = |known: &[&str]| rest.first().is_some_and(|word| known.contains(&word.as_str()));
    let others =
        ["task", "tasks", "pr", "prs", "item", "items", "step", "steps", "these", "the", "following"];
    Some(match start {
        _ if rest.is_empty() => Way::Waits,
        "blocking" if begins(&["on", "issue", "issues"]) => Way::First,
        "blocking" => Way::Open,
        _ if all(&others) => Way::Waits,
        _ if begins(&["this", "it", "merge", "merging", "we", "you", "start", "starting"]) => Way::First,
        _ if rest.len() == 2 && begins(&["the"]) && all(&["the", "merge", "merges", "start"]) => Way::First,
        _ => Way::Open,
    })
}

/// Whether a label, in lower case, names what waits for a task.
pub(super) fn names_what_waits(label: &str) -> bool {
    way(label) == Some(Way::Waits)
}

/// Whether a label, in lower case, names what comes before a task, or what waits for it.
pub(super) fn is_a_dependency(label: &str) -> bool {
    if let Some(way) = way(label) {
        return way != Way::Open;
    }
    let starts = [
        "depend",
        "requires",
        "require",
        "after",
        "blocked by",
        "blocked-by",
        "blocker",
        "prerequisite",
        "precondition",
        "pre-condition",
        "needs",
        "need",
        "wait for",
        "waits for",
        "waiting for",
        "wait on",
        "comes after",
        "must follow",
        "follows",
        "dep",
        "prereq",
        "gated by",
        "predecessor",
        "contingent",
        "abhängig",
        "voraussetzung",
        "vorgänger",
    ];
    starts.iter().any(|start| {
        label.strip_prefix(start).is_some_and(|rest| {
            !rest.starts_with(char::is_alphabetic)
                || matches!(
                    *start,
                    "depend"
                        | "prerequisite"
                        | "precondition"
                        | "pre-condition"
                        | "requires"
                        | "abhängig"
                        | "voraussetzung"
                )
                || rest == "s"
        })
    }) && !label.starts_with("after merg")
}

/// A longer text is not a list of tasks.
const LONGEST_NAMES: usize = 60;

/// What a task says of its place among the others, in its details and in its title.
fn places(item: &Item, title: &str) -> Vec<Written> {
    let mut found = Vec::new();
    for detail in &item.details {
        let own = detail.label.as_deref().map(|label| (label.trim(), detail.text.trim()));
        // A line further down may have a label of its own.
        let further = detail.text.lines().skip(1).filter_map(|line| line.split_once(':'));
        let further = further.filter(|(label, _)| is_a_dependency(&label.trim().to_lowercase()));
        for (label, text) in own.into_iter().chain(further.map(|(label, text)| (label.trim(), text.trim()))) {
            let lower = label.to_lowercase();
            let known = is_a_dependency(&lower);
            let unclear = !known && detail::is_of_nothing_known(&lower) && text.len() <= LONGEST_NAMES;
            if (known || unclear) && !detail::says_nothing(text) {
                found.push(Written {
                    text: text.to_owned(),
                    source: Source::Detail(brief(label)),
                    before: names_what_waits(&lower),
                    bearing: if known { Bearing::Own } else { Bearing::Unclear },
                });
            }
        }
    }
    found.extend(Heard::of(title, &Source::Line, Bearing::Own, |_| None).places);
    found
}

/// The commands of a piece of code, comments left out.
pub(super) fn lines(code: &str) -> Vec<String> {
    let joined = code.replace("\\\n", " ");
    joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn names_no_layer(label: Option<&str>) -> bool {
    label.is_some_and(|label| {
        label
            .split_whitespace()
            .any(|word| matches!(word.to_lowercase().as_str(), "tooling" | "repo" | "all"))
    })
}
