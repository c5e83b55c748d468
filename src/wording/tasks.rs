//! What is said of tasks: why one is a person's, why a box is no task, what to look at.

use super::{one_line, quote_outside};
use crate::cluster::Shut;
use crate::forge::PullNumber;
use crate::issue::Needs;
use crate::merge::Category;
use std::time::Duration;

/// Why a box is no task: it is one of Renovate's controls.
pub(crate) fn ignored_renovate() -> String {
    "a control of Renovate's own, not a task".to_owned()
}

/// Why a box is no task: it is an approval.
pub(crate) fn ignored_approval() -> String {
    "an approval, not a task".to_owned()
}

/// Why a box is no task: it lies in a block that caretaker wrote.
pub(crate) fn ignored_own_block() -> String {
    "part of a block that caretaker writes".to_owned()
}

/// Why a box is no task: its heading holds criteria or the like.
pub(crate) fn ignored_heading(heading: &str) -> String {
    format!("under the heading \"{}\", which does not hold tasks", quote_outside(heading, 60))
}

/// Why a box is no task: the form keeps its tasks elsewhere.
pub(crate) fn ignored_section() -> String {
    "outside the section that holds the tasks".to_owned()
}

/// A box without a text.
pub(crate) fn ignored_empty() -> String {
    "a box without a text".to_owned()
}

/// Box-like text in code.
pub(crate) fn box_in_code() -> String {
    "looks like a task, but lies in code and is none".to_owned()
}

/// Box-like text in a quotation.
pub(crate) fn box_in_quote() -> String {
    "looks like a task, but lies in a quotation and is none".to_owned()
}

/// Box-like text in HTML.
pub(crate) fn box_in_html() -> String {
    "looks like a task, but lies in HTML or a comment and is none".to_owned()
}

/// A box that is written wrongly.
pub(crate) fn box_malformed() -> String {
    "looks like a task, but is not written as one: `- [ ] title`".to_owned()
}

/// An id that several tasks have.
pub(crate) fn doubled_id(id: &str) -> String {
    format!("the id {} is used more than once; the line stands for it", quote_outside(id, 20))
}

/// An id that the table of changes uses for something else.
pub(crate) fn spec_collision(id: &str, line: usize) -> String {
    format!(
        "{} is something else in the table of changes (line {line}); the two are kept apart",
        quote_outside(id, 20)
    )
}

/// A dependency in the table of changes that names nothing here.
pub(crate) fn spec_dependency(id: &str, part: &str) -> String {
    format!(
        "the table of changes says that {} depends on \"{}\", which is no task here: see to it before",
        quote_outside(id, 20),
        quote_outside(part, 60)
    )
}

/// A merge whose words say nothing of its category.
pub(crate) fn category_unknown(pull: PullNumber) -> String {
    format!("the words say nothing of the category of PR #{pull}; taken for {}", Category::AppTemplate)
}

/// A merge whose words do not say how far the version moves.
pub(crate) fn update_unknown(pull: PullNumber) -> String {
    format!("the words do not say how far PR #{pull} moves its version")
}

/// A body without tasks.
pub(crate) fn no_tasks() -> String {
    "there is no task here; a task is a list item with a box, such as `- [ ] **A1 P1 Apps**: what is to be done`, under a heading like Action Items".to_owned()
}

/// A command that would show secrets.
pub(crate) fn leaks_secrets() -> String {
    "a command here would show secrets; it is never run".to_owned()
}

/// A decision about a pull request.
pub(crate) fn why_decide(pull: Option<PullNumber>) -> String {
    match pull {
        Some(pull) => format!(
            "whether PR #{pull} is merged, deferred or closed is a person's decision: decide, and tick the box"
        ),
        None => "a decision that only a person can take: decide, and tick the box".to_owned(),
    }
}

/// A task that asks to watch something.
pub(crate) fn why_track(pull: Option<PullNumber>) -> String {
    match pull {
        Some(pull) => format!(
            "keeping an eye on PR #{pull} is a person's: look at it, write down what was found, and tick the box"
        ),
        None => "nothing shows when this is over: look at it, write down what was found, and tick the box"
            .to_owned(),
    }
}

/// A reserve: where it stands, and what it says.
pub(crate) fn why_reserve(place: &str, said: &str) -> String {
    format!(
        "{place} says \"{}\", and whether that holds takes a person's judgement: look, then say yes or do it and tick the box",
        quote_outside(said, 60)
    )
}

/// The title, as the place of a reserve.
pub(crate) fn its_title() -> String {
    "its title".to_owned()
}

/// A note, as the place of a reserve.
pub(crate) fn its_note() -> String {
    "a note on its line".to_owned()
}

/// A heading, as the place of a reserve.
pub(crate) fn a_heading(heading: &str) -> String {
    format!("the heading \"{}\"", quote_outside(heading, 60))
}

/// What stands above it in its list, as the place of a reserve.
pub(crate) fn what_is_above(text: &str) -> String {
    format!("what it stands under (\"{}\")", quote_outside(text, 60))
}

/// Words about the order in which nobody can tell which task they are about.
pub(crate) fn what_is_said_of_the_order() -> String {
    "what is said of the order".to_owned()
}

/// What a task stands under is struck out.
pub(crate) fn why_above_struck(text: &str) -> String {
    format!(
        "what it stands under (\"{}\") is struck out, so it may not be wanted any more: take the strike out, or tick or remove the task",
        quote_outside(text, 60)
    )
}

/// A detail, as the place of a reserve.
pub(crate) fn a_detail(label: Option<&str>) -> String {
    match label {
        Some(label) => format!("its detail \"{}\"", quote_outside(label, 40)),
        None => "a line below it".to_owned(),
    }
}

/// A comment on its line or below it, as the place of a reserve.
pub(crate) fn a_comment() -> String {
    "a comment of its".to_owned()
}

/// A text that names it, as the place of a reserve.
pub(crate) fn a_text_about_it(text: &str) -> String {
    format!("what is written about it (\"{}\")", quote_outside(text, 60))
}

/// A plain step above it in its list, as the place of a reserve.
pub(crate) fn a_step_above() -> String {
    "a step above it in its list".to_owned()
}

/// A sign on its line that nobody here knows.
pub(crate) fn a_sign() -> String {
    "a sign on its line".to_owned()
}

/// Its row in the table of changes, as the place of a reserve.
pub(crate) fn its_row(line: usize) -> String {
    format!("its row in the table of changes (line {line})")
}

/// A heading that names another repository or another place.
pub(crate) fn why_elsewhere_above(heading: &str) -> String {
    format!(
        "it stands under \"{}\", which seems to name another repository, and caretaker leaves those alone: write it under a heading of its own, or do it and tick the box",
        quote_outside(heading, 60)
    )
}

/// A title with words that are not understood.
pub(crate) fn why_unclear(what: &str) -> String {
    format!(
        "its title says more than is understood (\"{}\"), which may change what is meant: look, then say yes or do it and tick the box",
        quote_outside(what, 60)
    )
}

/// A title that asks for more than one thing.
pub(crate) fn why_more_work(word: &str) -> String {
    format!(
        "it goes on to other work (\"{}\"), and a task is one thing: write one task for each, or do it and tick the box",
        quote_outside(word, 60)
    )
}

/// A number of another repository.
pub(crate) fn why_elsewhere() -> String {
    "it seems to name something of another repository, which caretaker leaves alone: name ours as `PR #N` or `#N`, or do it and tick the box"
        .to_owned()
}

/// A command below a merge that is more than a look.
pub(crate) fn why_command_below(command: &str) -> String {
    format!(
        "a command below it changes something or is not understood, and is not run (\"{}\"): see to it, then say yes or do it and tick the box",
        quote_outside(command, 60)
    )
}

/// A box of a person's below a task.
pub(crate) fn why_box_below(title: &str) -> String {
    format!(
        "an open box below it is a person's (\"{}\"): look whether that comes first, then say yes or do it and tick the box",
        quote_outside(title, 60)
    )
}

/// A task that very many rows of a table are about.
pub(crate) fn why_many_rows() -> String {
    "very many rows of a table are about it, and each may say something else of it".to_owned()
}

/// A task that waits for something that is no task here.
pub(crate) fn why_unresolved(what: &str) -> String {
    format!(
        "it waits for \"{}\", which is no task here: look whether that is done, then say yes or do it and tick the box",
        quote_outside(what, 60)
    )
}

/// The same, as a warning.
pub(crate) fn unknown_dependency(id: &str, what: &str) -> String {
    format!("{} waits for \"{}\", which is no task here", quote_outside(id, 20), quote_outside(what, 60))
}

/// Tasks that wait for each other.
pub(crate) fn waits_in_a_circle(ids: &[String]) -> String {
    match ids {
        [id] => format!("{} waits for itself", quote_outside(id, 20)),
        _ => format!("{} wait for each other in a circle", quote_outside(&ids.join(", "), 120)),
    }
}

/// Why such a task is a person's.
pub(crate) fn why_circle(ids: &[String]) -> String {
    format!("{}: say which comes first", waits_in_a_circle(ids))
}

/// A pull request that one task merges and another closes.
pub(crate) fn merged_and_closed(number: u64) -> String {
    format!("one task merges #{number} and another closes it: take one of them out, or tick it")
}

/// A pull request that several tasks merge.
pub(crate) fn merged_twice(number: u64) -> String {
    format!("several tasks merge PR #{number}: take all but one of them out, or tick them")
}

/// A task about the Dependency Dashboard.
pub(crate) fn why_dashboard() -> String {
    "caretaker neither starts Renovate nor uses its Dependency Dashboard: see to it there, and tick the box"
        .to_owned()
}

/// A merge task that names no pull request.
pub(crate) fn why_no_pull() -> String {
    "it does not say which pull request is to be merged: name it as `PR #N`, or merge it and tick the box"
        .to_owned()
}

/// A task that names several pull requests.
pub(crate) fn why_several_pulls() -> String {
    "it names several pull requests, and each is merged by itself: write one task for each".to_owned()
}

/// A task whose `merge` is about something else than the pull request that it names.
pub(crate) fn why_other_object() -> String {
    "it names a pull request, but does not plainly ask for its merge: write `Merge PR #N`, or do it and tick the box"
        .to_owned()
}

/// A closing of several things.
pub(crate) fn why_several_numbers() -> String {
    "it names several things to close, and each is closed by itself: write one task for each".to_owned()
}

/// A task whose line is struck out, wholly or in part.
pub(crate) fn why_struck_out() -> String {
    "some of its line is struck out, so it may not be wanted any more: take the strike out, or tick or remove the task"
        .to_owned()
}

/// A task that asks not to merge.
pub(crate) fn why_not_merge() -> String {
    "it asks for something other than a merge: see to the pull request, and tick the box".to_owned()
}

/// A closing that names nothing to close.
pub(crate) fn why_no_number() -> String {
    "it does not say what is to be closed: name it as `#N`, or close it and tick the box".to_owned()
}

/// An investigation.
pub(crate) fn why_investigate() -> String {
    "finding a cause takes judgement: investigate, write down what was found, and tick the box".to_owned()
}

/// Credentials.
pub(crate) fn why_credentials() -> String {
    "it needs credentials, which caretaker neither has nor reads: do it, and tick the box".to_owned()
}

/// Hardware, or a node itself.
pub(crate) fn why_hardware() -> String {
    "it needs access to a machine or its hardware: do it, and tick the box".to_owned()
}

/// Network or storage outside the cluster.
pub(crate) fn why_outside() -> String {
    "it lies outside the cluster, where caretaker has no access: do it, and tick the box".to_owned()
}

/// Values in Git.
pub(crate) fn why_git() -> String {
    "it changes what Git holds, and what the right value is only a person knows: commit it, and tick the box"
        .to_owned()
}

/// Something that is built or published.
pub(crate) fn why_publish() -> String {
    "caretaker neither builds nor publishes anything: do it, and tick the box".to_owned()
}

/// A repair of a program or a script.
pub(crate) fn why_fix() -> String {
    "caretaker does not repair programs, scripts or settings: do it, and tick the box".to_owned()
}

/// A check that no probe answers.
pub(crate) fn why_no_probe() -> String {
    "no probe answers this question: check it, and tick the box".to_owned()
}

/// Commands that are not understood.
pub(crate) fn why_commands() -> String {
    "its commands are not among the actions that caretaker knows, so they are not run: do it, and tick the box"
        .to_owned()
}

/// Anything else.
pub(crate) fn why_not_understood() -> String {
    "caretaker does not understand what is to be done: do it, and tick the box".to_owned()
}

/// The plan's first line on a terminal.
pub(crate) fn plan_summary(total: usize, open: usize, people: usize) -> String {
    let tasks = if total == 1 { "1 task".to_owned() } else { format!("{total} tasks") };
    match (open, people) {
        (0, _) => format!("{tasks}, none open"),
        (_, 0) => format!("{tasks}, {open} open; none of them needs a person"),
        (_, 1) => format!("{tasks}, {open} open; 1 of them needs a person"),
        (_, _) => format!("{tasks}, {open} open; {people} of them need a person"),
    }
}

/// What the repository's own file makes of the plan; nothing where it says nothing.
pub(crate) fn plan_repository_file(asked: &[String], complaint: Option<&str>) -> Option<String> {
    match complaint {
        Some(why) => Some(why.to_owned()),
        None if asked.is_empty() => None,
        None => Some(format!("from `.caretaker.toml` of the repository: {}", asked.join("; "))),
    }
}

/// A merge of the plan that a sync window keeps back.
pub(crate) fn plan_waits_for_window(pull: PullNumber, application: &str, shut: &Shut) -> String {
    format!("#{pull} waits: of {application}, {shut}")
}

/// Windows that no plan can know of.
pub(crate) fn plan_global_windows() -> String {
    "sync windows of Argo CD's global projects are not seen".to_owned()
}

/// The cluster does not say which windows are closed.
pub(crate) fn plan_hours_unread(why: &str) -> String {
    format!("which merges a sync window of Argo CD keeps back is not known: {why}")
}

/// Nothing that a look at all layers found keeps a change back.
pub(crate) fn plan_gate_open() -> &'static str {
    "the gate: a look at the cluster finds nothing that keeps a change back"
}

/// What a look found that would keep every change of the plan back.
pub(crate) fn plan_gate_closed(why: &str) -> String {
    format!("the gate: a look at the cluster finds: {}", one_line(why))
}

/// What of the gate a plan does not know.
pub(crate) fn plan_gate_not_counted() -> &'static str {
    "the gate: what the run accepted, and how long the cluster has been GREEN, is not counted here"
}

/// The cluster does not say how it is.
pub(crate) fn plan_gate_unread(why: &str) -> String {
    format!("the gate was not read: {why}")
}

/// Nobody answered in time.
pub(crate) fn no_answer_within(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

/// What a task of the plan needs from people.
pub(crate) fn plan_needs(needs: Option<Needs>, why: Option<&str>) -> Option<String> {
    match needs? {
        Needs::Approval => Some(match why {
            Some(why) => format!("needs an approval: {why}"),
            None => "needs an approval".to_owned(),
        }),
        Needs::Person => Some(format!("needs a person: {}", why.unwrap_or("a decision"))),
    }
}
