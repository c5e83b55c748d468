//! Reads the tasks out of a body.
//!
//! The reader is careful in one direction: what is not surely a task is not worked on, and what is not surely understood
//! is a person's. Everything that it leaves out, it names with its line.

use super::address::Home;
use super::condition::{self, Doubt};
use super::depends::Troubles;
use super::draft::Draft;
use super::found::{self, Own};
use super::guess::{self, Guess, Guesses, Source};
use super::headings::{HeadingSays, Holds};
use super::identity::{self, Keys};
use super::inferred::closes_the_whole;
use super::kind;
use super::naming::Answer;
use super::outline::Outline;
use super::reserve::{self, Said, bullet_text};
use super::title::{head, noted};
use super::{Details, Kind, Needs, Priority, Task, TaskKey, approvals, below, conflicts, depends, spec};
use crate::merge::{Category, UpdateType};
use crate::wording;
use checklist::{BoxLikeReason, Document, Item};
use regex::Regex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

/// What a merge's own words say of its category and of how far its version moves.
pub(crate) type ClassifyWords<'a> = &'a dyn Fn(&str) -> (Option<Category>, UpdateType);

/// Why a body cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It nests too deeply to be a list of tasks.
    #[error("the body cannot be read")]
    TooDeep(#[from] checklist::TooDeep),
}

/// A task list item that is no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ignored {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Why it is none.
    pub(crate) why: String,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The line, from 1.
    pub(crate) line: usize,
    /// A sentence.
    pub(crate) text: String,
    /// What it is about.
    pub(crate) about: About,
}

impl Warning {
    /// Something that had to be guessed.
    pub(super) fn guess(line: usize, text: String) -> Self {
        Self { line, text, about: About::Guess }
    }
}

/// What a warning is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// Something that had to be guessed.
    Guess,
    /// A task waits for what is no task here, as written.
    Dependency(String),
    /// Tasks contradict each other: they wait in a circle, or ask for two ends of one thing.
    Contradiction,
}

/// What form a body has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// It has the seven sections of a maintenance issue's template.
    pub(crate) seven_section: bool,
    /// It has a section for the change log.
    pub(crate) change_log: bool,
    /// It has a section for the closure.
    pub(crate) closure: bool,
}

/// What a body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The tasks, in the order of the text.
    pub(crate) tasks: Vec<Task>,
    /// Task list items that are no tasks, in the order of the text.
    pub(crate) ignored: Vec<Ignored>,
    /// What a person should look at, by line.
    pub(crate) warnings: Vec<Warning>,
    /// The form of the body.
    pub(crate) form: Form,
    /// Whether a block of ours says what our tasks are.
    pub(crate) is_introduced: bool,
}

impl Reading {
    /// The task with this key.
    pub(crate) fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.tasks.iter().find(|task| task.key == *key)
    }
}

/// Reads a body whose place is not known: a number of any repository but a bare one is nobody's.
pub(crate) fn read(body: &str, classify: ClassifyWords<'_>) -> Result<Reading, Unreadable> {
    read_at(body, None, classify)
}

/// Reads a body of an issue that lies there.
pub(crate) fn read_at(
    body: &str,
    home: Option<&Home>,
    classify: ClassifyWords<'_>,
) -> Result<Reading, Unreadable> {
    let document = Document::parse(body)?;
    Ok(read_document(&document, home, classify).0)
}

/// Reads a body that has been parsed; with each task goes the index of its item.
pub(crate) fn read_document(
    document: &Document<'_>,
    home: Option<&Home>,
    classify: ClassifyWords<'_>,
) -> (Reading, Vec<usize>) {
    let mut outline = Outline::new(document, home);
    let form = form(document, &outline);
    let is_introduced = found::is_introduced(document);
    let mut reading = Reading { form, is_introduced, ..Reading::default() };
    let mut found: Vec<(usize, Draft)> = Vec::new();
    let mut drafts: HashMap<usize, usize> = HashMap::new();
    let mut parents: Vec<Option<usize>> = Vec::new();
    let own: HashMap<usize, Own> = found::own_tasks(document).into_iter().collect();
    for (index, item) in document.items().iter().enumerate() {
        let above = outline.above(item);
        if own.contains_key(&index) {
            continue;
        }
        if let Some(why) = not_a_task(document, item, form, &outline, &above) {
            reading.ignored.push(Ignored { line: item.line, why });
            continue;
        }

        let parent = parent(document, item, &drafts).map(|(index, at)| (index, &found[at].1));
        let within = parent.and_then(|(index, _)| drafts.get(&index).copied());
        let draft = Draft::new(document, item, parent, &above, &mut outline);
        parents.push(within);
        drafts.insert(index, found.len());
        found.push((index, draft));
    }
    let ids = ids(&found.iter().map(|(_, draft)| draft).collect::<Vec<_>>(), &mut reading.warnings);
    let last_other = found
        .iter()
        .rposition(|(_, draft)| !matches!(draft.judge(false, home).kind, Kind::Verify { .. } | Kind::Final))
        .map_or(0, |position| position + 1);
    let mut answers = Vec::with_capacity(found.len());
    for (index, draft) in &found {
        let kind = draft.judge(false, home).kind;
        answers.push(Answer { item: *index, id: draft.head.id.as_deref(), number: kind.number() });
        let says_no = kind::records_a_no(&draft.head.title);
        if matches!(kind, Kind::Person | Kind::Decide { .. }) && says_no
            || kind == Kind::Person && !draft.ticked
        {
            outline.passages.refused(&draft.head.title);
        }
    }
    outline.passages.settle(document, &answers);
    drop(answers);
    let mut keys = Keys::default();
    let mut before = Vec::with_capacity(found.len());
    let mut indexes = Vec::with_capacity(found.len());
    for (position, ((index, mut draft), id)) in found.into_iter().zip(ids).enumerate() {
        indexes.push(index);
        // A check of everything that stands behind all other tasks is a final gate, whatever its heading.
        let closes = draft.head.several_layers && draft.head.layer.is_none() && position >= last_other;
        let judged = draft.judge(closes, home);
        reading
            .warnings
            .extend(draft.leaks.iter().map(|&line| Warning::guess(line, wording::leaks_secrets())));
        let (category, update) = match &judged.kind {
            Kind::Merge { pull } => {
                let (category, update) = draft.classified(classify);
                if category.is_none() {
                    reading.warnings.push(Warning::guess(draft.line, wording::category_unknown(*pull)));
                }
                if update == UpdateType::Unknown && category != Some(Category::NonMajor) {
                    reading.warnings.push(Warning::guess(draft.line, wording::update_unknown(*pull)));
                }
                (Some(category.unwrap_or(Category::AppTemplate)), update)
            }
            _ => (None, UpdateType::Unknown),
        };
        let asked = judged.needs;
        let needs = asked.or_else(|| {
            let asks = category == Some(Category::Database) || update == UpdateType::Major;
            asks.then_some(Needs::Approval)
        });
        let mut task = Task {
            key: keys.next(
                &judged.kind,
                &identity::commands(&judged.kind, &draft.details.commands),
                &draft.head.title,
            ),
            id,
            written_id: draft.head.id,
            line: draft.line,
            ticked: draft.ticked,
            notes: draft.notes,
            phase: draft.phase,
            gate: draft.gate.and_then(|gate| gate.over(&judged.kind)),
            priority: draft.priority.value,
            layer: draft.layer.value,
            guesses: Guesses {
                priority: draft.priority,
                layer: draft.layer,
                kind: guess::of_kind(
                    &judged.kind,
                    judged.why.as_deref() != Some(&wording::why_not_understood()),
                ),
                depends_on: Vec::new(),
            },
            details: draft.details,
            kind: judged.kind,
            title: draft.head.title,
            category,
            update,
            depends_on: Vec::new(),
            needs,
            asks: asked,
            why_person: judged.why,
            own: false,
            broke: false,
        };
        let number = task.kind.number();
        let naming = outline.passages.naming(number, task.written_id.as_deref());
        draft.before.extend(naming.places);
        let told = match &task.kind {
            Kind::Merge { .. } | Kind::Action { .. } | Kind::Close { .. } => {
                reserve::heavier(reserve::heavier(draft.around, draft.below), naming.said)
            }
            _ => draft.around,
        };
        if let Some(Said { doubt, why }) = told {
            task.ask(doubt, why);
        }
        // The commands of an action are its work; of the others they are more than that.
        let besides = match &task.kind {
            Kind::Merge { .. } | Kind::Close { .. } => {
                below::more_than_a_look(&task.details.commands, number.unwrap_or_default())
            }
            _ => None,
        };
        let besides = besides.or_else(|| match &task.kind {
            Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. } => {
                below::more_than_a_look(&draft.steps, number.unwrap_or_default())
            }
            _ => None,
        });
        if let Some(command) = besides {
            task.ask(Doubt::Yes, wording::why_command_below(&command));
        }
        before.push(draft.before);
        reading.tasks.push(task);
    }
    // What our own blocks ask for stands in no section; what people's tables say against it is heard all the same.
    let written: HashSet<String> = reading.tasks.iter().filter_map(|task| task.written_id.clone()).collect();
    for (index, item) in document.items().iter().enumerate() {
        let Some(own) = own.get(&index) else { continue };
        if written.contains(&own.id()) {
            reading.ignored.push(Ignored { line: item.line, why: wording::ignored_taken_over() });
            continue;
        }
        indexes.push(index);
        before.push(Vec::new());
        reading.tasks.push(own_task(document, item, own, &mut keys));
    }
    let rows = spec::rows(document);
    let of_tasks = spec::of_tasks(&reading.tasks, &rows, &mut reading.warnings);
    spec::fill(&mut reading.tasks, &rows, &of_tasks);
    spec::heed(&mut reading.tasks, &rows, &of_tasks);
    let troubles = depends::fill(&mut reading.tasks, &before, &rows, &of_tasks, &mut reading.warnings);
    tell(&mut reading.tasks, troubles);
    boxes_below(&mut reading.tasks, &parents);
    conflicts::find(&mut reading.tasks, &mut reading.warnings);
    box_likes(document, &outline, &mut reading.warnings);
    if reading.tasks.is_empty() {
        reading.warnings.push(Warning::guess(1, wording::no_tasks()));
    }
    reading.warnings.sort_by_key(|warning| warning.line);
    reading.ignored.sort_by_key(|ignored| ignored.line);
    // Ours among the others, in the order of the text.
    let mut in_order: Vec<(usize, Task)> = indexes.into_iter().zip(reading.tasks).collect();
    in_order.sort_by_key(|(index, _)| *index);
    let (indexes, tasks) = in_order.into_iter().unzip();
    reading.tasks = tasks;
    (reading, indexes)
}

/// A task of our own. Of its text nothing counts but its box and the notes behind it: what it is about, and how urgent that
/// is, whoever looks at the cluster knows.
fn own_task(document: &Document<'_>, item: &Item, own: &Own, keys: &mut Keys) -> Task {
    let (kind, id) = (own.kind(), own.id());
    // A pull request that nobody asked for needs somebody's yes.
    let asks = matches!(own, Own::Update(_)).then_some(Needs::Approval);
    let priority = Guess::assumed(Priority::P2);
    Task {
        key: keys.next(&kind, "", &id),
        title: id.clone(),
        written_id: Some(id.clone()),
        id,
        line: item.line,
        ticked: item.ticked,
        notes: noted(document, item),
        phase: None,
        gate: None,
        priority: priority.value,
        layer: None,
        category: asks.map(|_| Category::AppTemplate),
        update: UpdateType::Unknown,
        depends_on: Vec::new(),
        details: Details::default(),
        guesses: Guesses {
            priority,
            layer: Guess::assumed(None),
            kind: Guess::written(kind.word(), Source::Line),
            depends_on: Vec::new(),
        },
        kind,
        needs: asks,
        asks,
        why_person: None,
        own: true,
        broke: false,
    }
}

/// The nearest task around an item that is one itself, as an item and by its place among the drafts.
fn parent(document: &Document<'_>, item: &Item, drafts: &HashMap<usize, usize>) -> Option<(usize, usize)> {
    let mut outer = item.parent;
    while let Some(index) = outer {
        if let Some(at) = drafts.get(&index) {
            return Some((index, *at));
        }
        outer = document.items().get(index)?.parent;
    }
    None
}

/// A task with boxes of people's below it is not done by its own work alone.
fn boxes_below(tasks: &mut [Task], parents: &[Option<usize>]) {
    for (at, parent) in parents.iter().enumerate() {
        let below = &tasks[at];
        if let Some(parent) = parent.filter(|_| !below.ticked && below.needs == Some(Needs::Person)) {
            let why = wording::why_box_below(&below.title);
            tasks[parent].reserve(Doubt::Yes, why);
        }
    }
}

/// What a task waits for in vain needs somebody.
fn tell(tasks: &mut [Task], troubles: Troubles) {
    for (at, named) in troubles.unresolved {
        if let Some(first) = named.first() {
            tasks[at].reserve(Doubt::Yes, wording::why_unresolved(first));
        }
    }
    for (at, ids) in troubles.circles {
        tasks[at].reserve(Doubt::Judgement, wording::why_circle(&ids));
    }
}

/// The words of a heading, in lower case.
pub(super) fn heading_name(text: &str) -> String {
    let words = kind::words(text);
    // `## 7. Closure` is the seventh section, not another name.
    let numbers = words
        .iter()
        .take_while(|word| word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    words[if numbers < words.len() { numbers } else { 0 }..].join(" ")
}

fn form(document: &Document<'_>, outline: &Outline<'_>) -> Form {
    // A heading of our own makes no form of a person's text.
    let theirs = || document.headings().iter().filter(|heading| !outline.own.holds(heading.span.start));
    let names: Vec<String> =
        theirs().filter(|heading| heading.level == 2).map(|h| heading_name(&h.text)).collect();
    let has = |start: &str| names.iter().any(|name| name.starts_with(start));
    let sections = [
        "status",
        "context pack",
        "proposed changes",
        "execution plan",
        "action items",
        "change log",
        "closure",
    ];
    Form {
        seven_section: has("action items")
            && sections.into_iter().filter(|section| has(section)).count() >= 5,
        change_log: theirs().any(|heading| heading_name(&heading.text).starts_with("change log")),
        closure: has("closure"),
    }
}

/// Whether a heading, or a line like one, says that criteria stand below it: what is to be true in the end, whatever ids
/// they have.
pub(super) fn states_criteria(name: &str) -> bool {
    let has = |word: &str| name.split(' ').any(|own| own == word);
    ["definition of done", "done when", "completion conditions", "close when", "post checks"]
        .iter()
        .any(|phrase| name.contains(phrase))
        || ["criteria", "criterion", "acceptance"].into_iter().any(has)
        || name.split(' ').any(|own| own.strip_suffix("kriterien").is_some_and(|of| !of.is_empty()))
}

/// Whether a box under such a heading asks for something that is done before anything can go wrong.
fn comes_first(title: &str) -> bool {
    let list = kind::words(title);
    let has = |words: &[&str]| list.iter().any(|word| words.contains(&word.as_str()));
    // `Restore radarr from the last backup`, `First scale sonarr to 0`: the steps themselves.
    let undoes = list.first().is_some_and(|first| {
        matches!(
            first.as_str(),
            "first"
                | "restore"
                | "revert"
                | "roll"
                | "rollback"
                | "recover"
                | "undo"
                | "downgrade"
                | "redeploy"
                | "reinstall"
        )
    });
    has(&["before", "beforehand", "approve", "approves", "approval", "sign", "signs", "signed"])
        || !undoes && has(&["first", "backup", "backups", "snapshot"])
}

/// A label has so many bytes at most, with the marker of its item.
const LONGEST_LABEL: usize = 120;

/// Whether what stands directly around a nested box is the label of what is expected, or of what is done if it fails.
fn is_a_label_of_no_task(document: &Document<'_>, item: &Item) -> Option<String> {
    item.parent?;
    // A longer line is no label; many boxes may stand below one.
    let short = |start: &usize| {
        let line = document.text()[*start..].bytes().take(LONGEST_LABEL + 1);
        let length = line.take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
        (length <= LONGEST_LABEL).then_some((*start, *start + length))
    };
    item.within.iter().filter_map(short).find_map(|(start, end)| {
        let (text, _) = bullet_text(&document.text()[..end], start);
        let name = heading_name(&text);
        let expected = matches!(
            name.as_str(),
            "expected"
                | "expected result"
                | "expected results"
                | "expected outcome"
                | "expected output"
                | "success criteria"
                | "definition of done"
        );
        (expected || condition::is_a_contingency(&name)).then(|| text.trim().to_owned())
    })
}

/// Headings under which boxes are criteria, examples or records, not work.
pub(super) fn holds_no_tasks(name: &str) -> bool {
    let has = |word: &str| name.split(' ').any(|own| own == word);
    [
        "definition of done",
        "done when",
        "ready to close",
        "closing checks",
        "exit conditions",
        "closing conditions",
        "completion conditions",
    ]
    .iter()
    .any(|phrase| name.contains(phrase))
        || ["criteria", "criterion", "acceptance", "checklist", "checklists", "verification"]
            .into_iter()
            .any(has)
        || [
            "closure",
            "change log",
            "context pack",
            "references",
            "resolution",
            "stop conditions",
            "close when",
            "close out",
        ]
        .iter()
        .any(|start| name.starts_with(start))
        || matches!(name, "close" | "closing" | "closeout")
        || closes_the_whole(name)
}

fn not_a_task(
    document: &Document<'_>,
    item: &Item,
    form: Form,
    outline: &Outline<'_>,
    above: &[usize],
) -> Option<String> {
    let line = &document.text()[item.first_line.clone()];
    if outline.own.holds(item.box_offset) {
        let approval = approvals::is_approval_line(&format!("- [ ] {line}"));
        return Some(if approval { wording::ignored_approval() } else { wording::ignored_own_block() });
    }
    if approvals::is_approval_line(&format!("- [ ] {line}")) {
        return Some(wording::ignored_approval());
    }
    if is_renovates(line) {
        return Some(wording::ignored_renovate());
    }
    if item.text.trim().is_empty() {
        return Some(wording::ignored_empty());
    }
    let says: Vec<&HeadingSays> = above.iter().map(|&index| outline.heading(index)).collect();
    let in_tasks = says.iter().any(|says| says.names_the_tasks);
    let nearest = |holds: Holds| says.iter().rposition(|says| says.holds == holds);
    let head = head(document, item);
    let surely_one = in_tasks && head.id.is_some();
    if let Some(position) =
        nearest(Holds::Criteria).or_else(|| nearest(Holds::NoTasks).filter(|_| !surely_one)).or_else(|| {
            let found = says.iter().rposition(|says| says.level > 1 && says.holds == Holds::Contingency);
            found.filter(|_| head.id.is_none() && head.priority.is_none() && !comes_first(&head.title))
        })
    {
        return Some(wording::ignored_heading(&says[position].text));
    }
    let plain = head.id.is_none() && head.priority.is_none() && !comes_first(&head.title);
    if let Some(label) = plain.then(|| is_a_label_of_no_task(document, item)).flatten() {
        return Some(wording::ignored_heading(&label));
    }
    let criteria = outline.passages.above(document, item, above.last().copied()).no_tasks;
    if let Some(line) = criteria.filter(|_| head.id.is_none() || head.priority.is_none()) {
        return Some(wording::ignored_heading(&line));
    }
    (form.seven_section && !in_tasks).then(wording::ignored_section)
}

/// Whether a box is one of Renovate's controls: a comment of its own stands in front of it. Anybody else's says nothing.
fn is_renovates(line: &str) -> bool {
    static CONTROL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^\s*<!--\s*(?:[A-Za-z-]+-branch=\S+|rebase-check|rebase-all-open-prs|create-[a-z-]+|approve-[a-z-]+|unlimit-[a-z-]+|unschedule-[a-z-]+|recreate-[a-z-]+|retry-[a-z-]+|manual[ a-z_-]*job|create-config-migration-pr)\s*-->",
        )
        .expect("the pattern is a constant that a test compiles")
    });
    CONTROL.is_match(line)
}

/// The ids as shown: `T<line>` where one is missing, and at every occurrence of a doubled one. Blocks of ours do not count.
fn ids(drafts: &[&Draft], warnings: &mut Vec<Warning>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in drafts.iter().filter_map(|draft| draft.head.id.as_deref()) {
        *counts.entry(id).or_default() += 1;
    }
    let mut shown: Vec<Option<String>> = drafts
        .iter()
        .map(|draft| {
            let id = draft.head.id.as_deref()?;
            if counts.get(id).is_some_and(|count| *count > 1) {
                warnings.push(Warning::guess(draft.line, wording::doubled_id(id)));
                return None;
            }
            Some(id.to_owned())
        })
        .collect();
    // An id that somebody wrote must not be the line of another task; giving one up may take another's.
    let by_id: HashMap<String, usize> =
        shown.iter().enumerate().filter_map(|(at, id)| Some((id.clone()?, at))).collect();
    let mut lines: Vec<usize> = (0..drafts.len()).filter(|&at| shown[at].is_none()).collect();
    while let Some(at) = lines.pop() {
        let clash = by_id.get(&format!("T{}", drafts[at].own_line)).filter(|&&clash| shown[clash].is_some());
        if let Some(&clash) = clash {
            shown[clash] = None;
            lines.push(clash);
        }
    }
    drafts.iter().zip(shown).map(|(draft, id)| id.unwrap_or_else(|| format!("T{}", draft.own_line))).collect()
}

fn box_likes(document: &Document<'_>, outline: &Outline<'_>, warnings: &mut Vec<Warning>) {
    for found in document.box_likes() {
        if outline.own.holds(found.offset) {
            continue;
        }
        let text = match found.reason {
            BoxLikeReason::InCode => wording::box_in_code(),
            BoxLikeReason::InQuote => wording::box_in_quote(),
            BoxLikeReason::InHtml => wording::box_in_html(),
            BoxLikeReason::Malformed => wording::box_malformed(),
        };
        warnings.push(Warning::guess(found.line, text));
    }
}
