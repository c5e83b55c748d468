//! What `lint` says of a body.

use super::quote_outside;
use crate::issue::Priority;

/// A task without an id.
pub(crate) fn lint_missing_id(shown: &str) -> String {
    format!("this task has no id; it is called {shown} after its line, which changes when lines above it do")
}

/// How an id is added.
pub(crate) fn lint_add_id() -> String {
    "write one in front, such as `A1`; `--fix` does it".to_owned()
}

/// An id is to be changed.
pub(crate) fn lint_other_id() -> String {
    "give one of them another id".to_owned()
}

/// A task without a priority.
pub(crate) fn lint_missing_priority(id: &str, taken: Priority) -> String {
    format!("neither {} nor a heading above it names a priority; taken for {taken}", quote_outside(id, 20))
}

/// How a priority is added.
pub(crate) fn lint_add_priority() -> String {
    "write P0 (critical), P1 (high), P2 (medium) or P3 (low) behind the id, or into the heading".to_owned()
}

/// A layer that does not exist.
pub(crate) fn lint_unknown_layer(word: &str) -> String {
    format!("`{}` is no layer; it is read as a part of the title", word.replace('`', "'"))
}

/// The layers that there are.
pub(crate) fn lint_layers() -> String {
    "the layers are Metal, Network, Storage, System, Platform and Apps; `All` names every one".to_owned()
}

/// A column of the table of changes that is not known.
pub(crate) fn lint_unknown_column(name: &str) -> String {
    format!(
        "the column \"{}\" is not known; where it names a task, what it means is not understood",
        quote_outside(name, 40)
    )
}

/// The columns that there are.
pub(crate) fn lint_columns() -> String {
    "known are ID, Summary, Layer, Priority, Depends on, Impact, Expected, Status, Notes and their likes"
        .to_owned()
}

/// An id of the table of changes that means another task.
pub(crate) fn lint_spec_collision(id: &str, title: &str) -> String {
    format!(
        "{} stands for something else among the tasks: {}",
        quote_outside(id, 20),
        super::run::title_of(title)
    )
}

/// A priority that there is not.
pub(crate) fn lint_wrong_priority(word: &str) -> String {
    format!("`{}` is no priority", word.replace('`', "'"))
}

/// What to do about what is not plainly asked.
pub(crate) fn lint_ask_plainly() -> String {
    "write what is to be done and nothing else, such as `Merge PR #12`; one task for each".to_owned()
}

/// What to do about tasks that contradict each other.
pub(crate) fn lint_say_which() -> String {
    "say which of them is meant, or which comes first".to_owned()
}

/// A command that shows secrets.
pub(crate) fn lint_secret_help() -> String {
    "take it out of the issue, so that nobody runs it by hand either".to_owned()
}

/// A command that asks for more than one program.
pub(crate) fn lint_needs_shell() -> String {
    "not run: it asks a shell for more than one simple command, and caretaker uses no shell".to_owned()
}

/// A command of a known program that is no known action.
pub(crate) fn lint_not_an_action() -> String {
    "not run: it is not among the actions that caretaker knows".to_owned()
}

/// A command of an unknown program.
pub(crate) fn lint_unknown_program(program: &str) -> String {
    format!("not run: `{}` is no program that caretaker knows", program.replace('`', "'"))
}

/// Commands in words.
pub(crate) fn lint_prose_command() -> String {
    "not run: these are words, not a command".to_owned()
}

/// Who does what is not run.
pub(crate) fn lint_person_does_it(id: &str) -> String {
    format!("{} waits for a person, who does it and ticks the box", quote_outside(id, 20))
}

/// How a box is written.
pub(crate) fn lint_write_box() -> String {
    "write `- [ ] ` with one blank between the brackets and one behind them, and nothing around them"
        .to_owned()
}

/// A block that does not end.
pub(crate) fn lint_marker_open(name: &str) -> String {
    format!("this begins a block of caretaker's ({}) that nothing ends", quote_outside(name, 40))
}

/// A block that does not begin.
pub(crate) fn lint_marker_close(name: &str) -> String {
    format!("this ends a block of caretaker's ({}) that nothing begins", quote_outside(name, 40))
}

/// A second block of a name.
pub(crate) fn lint_marker_twice(name: &str) -> String {
    format!("this is a second block of caretaker's ({}); there is one of each", quote_outside(name, 40))
}

/// A marker that does not end.
pub(crate) fn lint_marker_unclosed() -> String {
    "this marker is not closed: what follows is hidden".to_owned()
}

/// What to do about a marker.
pub(crate) fn lint_marker_help() -> String {
    "take the marker out; caretaker writes its blocks itself, and mends them when it works on the issue"
        .to_owned()
}

/// What to do about a text that nests too deeply.
pub(crate) fn lint_flatten() -> String {
    "nest lists and quotations less deeply".to_owned()
}

/// The last line for people.
pub(crate) fn lint_summary(tasks: usize, errors: usize, warnings: usize) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}, {}", count(tasks, "task"), count(errors, "error"), count(warnings, "warning"))
}

/// What `--fix` did.
pub(crate) fn lint_fixed(ids: &[String]) -> String {
    if ids.is_empty() {
        "no id was missing; nothing was changed".to_owned()
    } else {
        format!("added {}", ids.join(", "))
    }
}

/// Why an issue is not fixed on a forge that counts no versions of a text.
pub(crate) fn lint_counts_no_versions() -> &'static str {
    "this forge does not say when somebody else writes into the issue at the same moment, so that their words could be lost"
}

/// What to do instead.
pub(crate) fn lint_fix_a_file() -> &'static str {
    "save the text of the issue as a file, fix that with `caretaker lint --fix FILE`, and paste it"
}

/// Why lint fails.
pub(crate) fn lint_failed(errors: usize, source: &str) -> String {
    let word = if errors == 1 { "error" } else { "errors" };
    format!("{source} holds {errors} {word}")
}
