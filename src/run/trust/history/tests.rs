//! Who wrote what, as tables: each text is a word, whose letters are its tasks.

use super::{Author, Boxes, Hashes, History, Shown, Told, is_as_opened};
use crate::inbox::IssueEdit;
use crate::issue::{KnownTask, TaskKey};
use crate::merge::UpdateType;
use crate::run::report::LastWrite;
use crate::run::trust::OwnText;
use crate::run::worker::text_hash;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// Ours are the texts with a `W` and nothing ticked.
#[derive(Debug)]
struct Ours;

impl OwnText for Ours {
    fn is_ours(&self, body: &str) -> bool {
        body.contains('W') && !body.contains("[x]")
    }
}

fn line(letter: char) -> String {
    let number = u32::from(letter);
    // What is small waits for Z.
    let waits = if letter.is_lowercase() { "  - **Depends on**: Z1\n" } else { "" };
    format!("- [ ] **{}1**: Merge PR #{}\n{waits}", letter.to_uppercase(), number & !32)
}

/// The tasks of a word, open or, behind a `[x]`, ticked; one with a `?` cannot be read.
fn boxes(word: &str) -> Option<Arc<Boxes>> {
    let (word, ticked) = word.strip_prefix("[x]").map_or((word, false), |word| (word, true));
    let text: String = word.chars().filter(char::is_ascii_alphabetic).map(line).collect();
    let text = if ticked { text.replace("[ ]", "[x]") } else { text };
    let reading = crate::issue::read(&text, &|_| (None, UpdateType::Unknown)).expect("readable");
    let shown =
        |task: &crate::issue::Task| Shown { ticked: task.ticked, known: KnownTask::of(task, &reading.tasks) };
    let boxes = reading.tasks.iter().map(|task| (task.key.clone(), shown(task))).collect();
    (!word.contains('?')).then(|| Arc::new(boxes))
}

fn key(letter: char) -> TaskKey {
    boxes(&letter.to_string()).and_then(|boxes| boxes.keys().next().cloned()).expect("it has one")
}

/// Reads `sender: before > after` a line, an opening without what was before, in the order of their arrival; the text was read
/// where a line says `read`. `present` is the text as it is.
fn history(lines: &str, present: &str, is_cut: bool, writes: &[(&str, &str)]) -> History {
    history_of(lines, present, is_cut, writes, false)
}

/// The same of an issue whose opening should have been delivered.
fn history_of(lines: &str, present: &str, is_cut: bool, writes: &[(&str, &str)], is_due: bool) -> History {
    let moment =
        |at: usize| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(at).expect("small"));
    let lines: Vec<&str> = lines.split(", ").filter(|line| !line.is_empty()).collect();
    let edit = |(at, line): (usize, &&str)| {
        let (sender, texts) = line.split_once(": ")?;
        let (before, after) = match texts.split_once(" > ") {
            Some((before, after)) => (Some(before.to_owned()), after),
            None => (None, texts),
        };
        let action = if before.is_some() { "edited" } else { "opened" };
        Some(IssueEdit {
            sender: sender.to_owned(),
            received_at: moment(at),
            action: action.to_owned(),
            body_before: before,
            body_after: Some(after.to_owned()),
        })
    };
    let edits: Vec<IssueEdit> = lines.iter().enumerate().filter_map(edit).collect();
    let read_at = lines.iter().position(|line| *line == "read").unwrap_or(lines.len());
    let writes: Vec<LastWrite> = writes
        .iter()
        .map(|(base, text)| LastWrite {
            base: Some(text_hash(base)),
            hash: text_hash(text),
            ..LastWrite::default()
        })
        .collect();
    let told = Told {
        edits: &edits,
        hashes: &Hashes::of(&edits),
        is_cut,
        bot: "bot",
        present,
        read_at: moment(read_at),
        writes: &writes,
        ours: &Ours,
        is_due,
    };
    History::new(&told, boxes)
}

#[test]
fn what_nothing_tells_of_is_nobodys_where_the_opening_should_have_been_told() {
    use Author::{Known, Lost};
    for (lines, of_a, of_x, what) in [
        ("", Lost, Lost, "whatever happened to it was lost"),
        ("op: A! > AX", Lost, Known("op"), "the opening was, and an edit was told"),
        ("bot: AX > AXW", Lost, Lost, "what we wrote tells nothing of it"),
        ("op: A, visitor: A > AX", Known("op"), Known("visitor"), "it was told after all"),
    ] {
        let present = if lines.starts_with("bot") { "AXW" } else { "AX" };
        let history = history_of(lines, present, false, &[], true);
        assert_eq!((history.author(&key('A')), history.author(&key('X'))), (of_a, of_x), "{what}");
    }
}

#[test]
fn a_text_is_as_it_was_opened_where_the_forge_shows_that_nobody_else_edited_it() {
    let issue = |version: Option<i64>, updated: usize| {
        let at =
            |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(second).expect("small"));
        crate::forge::Issue {
            number: crate::forge::IssueNumber(1),
            title: String::new(),
            body: "A".to_owned(),
            state: crate::forge::State::Open,
            labels: Vec::new(),
            author: crate::forge::Account { id: crate::forge::AccountId(1), login: "op".to_owned() },
            content_version: version,
            created_at: at(5),
            updated_at: at(updated),
            is_pull: false,
            html_url: String::new(),
        }
    };
    let write = |landed| LastWrite { landed, ..LastWrite::default() };
    for (version, updated, writes, expected, what) in [
        (Some(0), 9, vec![], true, "labelled, and never edited"),
        (Some(1), 9, vec![], false, "edited by somebody"),
        (Some(1), 9, vec![write(true)], true, "edited by us"),
        (Some(2), 9, vec![write(true)], false, "and by somebody else"),
        (Some(1), 9, vec![write(false)], false, "by whom, nobody knows"),
        (None, 5, vec![], true, "its time has not moved"),
        (None, 6, vec![], false, "something happened to it"),
    ] {
        assert_eq!(is_as_opened(&issue(version, updated), &writes), expected, "{what}");
    }
}

#[test]
fn what_no_kept_edit_tells_of_is_nobodys_once_anything_was_told() {
    use Author::{Known, Lost, Untold};
    let (op, visitor) = (Known("op"), Known("visitor"));
    for (lines, present, is_cut, of_a, of_x, what) in [
        ("", "AX", false, Untold, Untold, "nothing was ever delivered"),
        ("", "AX", true, Lost, Lost, "what was delivered is not kept"),
        ("op: A", "A", false, op, Untold, "as it was opened"),
        ("op: A, visitor: A > AX", "AX", false, op, visitor, "the chain is whole"),
        ("op: A", "AX", false, op, Lost, "the edit was never taken"),
        ("op: A, visitor: A! > AX!, visitor: AX! > AX", "AX", false, op, visitor, "a gap before the edit"),
        ("op: A, visitor: A > A!, visitor: AX! > AX", "AX", false, op, Lost, "a gap in which it came"),
        ("visitor: AX! > AX", "AX", true, Lost, Lost, "the opening is not kept"),
        ("visitor: A > AX", "AX", true, Lost, visitor, "nor is it here"),
        ("op: A! > AX", "AX", false, Untold, op, "it was opened before there was a hook"),
        ("visitor: A! > AX, op: AX > A", "AX", false, Untold, Lost, "and is no better known than others"),
        ("op: A! > A, visitor: AX! > AX", "AX", false, Untold, Lost, "nor is a gap in it"),
        ("op: A, op: A > A!", "AX!", false, op, Lost, "the newest kept text is another"),
        (
            "op: AX, op: AX > A",
            "AX",
            false,
            op,
            Lost,
            "what was taken out is put back, and nothing tells of it",
        ),
        ("op: AX, op: AX > A, visitor: A > AX", "AX", false, op, visitor, "what tells of it"),
        ("op: A, visitor: AX! > AX, visitor: AX > AX!", "AX", false, op, Lost, "a chain that begins nowhere"),
        // That a text was there once does not say who brings it back.
        ("op: A, op: A > AX, op: AX > A", "AX", false, op, Lost, "it was left as often as it came"),
        ("op: A, op: A > AX, op: AX > A, op: A > AX", "AX", false, op, op, "it came once more"),
        ("op: A, op: A > AX, op: AX > A, visitor: AX > AX!", "AX!", false, op, Lost, "it came in a gap"),
        (
            "op: A, op: A > AX, op: AX > A, visitor: AX > AX!, visitor: AX! > A, op: A > A!",
            "A!",
            false,
            op,
            Lost,
            "and went again",
        ),
        ("op: A, op: A > AX, op: AX > A, read, op: A > AX", "AX", false, op, op, "told since it was read"),
        ("op: A, op: A > AX, read, op: AX > A", "AX", false, op, op, "left since it was read"),
        // Deliveries arrive in any order.
        ("op: A, visitor: AX > AX!, visitor: A > AX", "AX!", false, op, visitor, "the later one first"),
        ("visitor: A > AX, op: A", "AX", false, op, visitor, "the opening last"),
        ("op: A, read, op: A > AX, op: AX > AX!", "AX", false, op, op, "a newer text than was read"),
        ("op: A, read, op: A > AX", "A", false, op, op, "it was read before"),
        (
            "op: A, op: A > AX, read, op: AX > AX!",
            "A",
            false,
            op,
            op,
            "it went back, and who wrote X is known",
        ),
        // What cannot be read is nobody's work, and does not make what comes of it somebody else's.
        ("op: A, visitor: A > AX?, op: AX? > AX", "AX", false, op, Lost, "cleared up by somebody else"),
        ("op: A?, op: A? > AX", "AX", false, Lost, Lost, "from the beginning"),
        ("op: A, visitor: A > AX?, visitor: AX? > A", "A", false, op, Untold, "without any trace"),
    ] {
        let history = history(lines, present, is_cut, &[]);
        assert_eq!((history.author(&key('A')), history.author(&key('X'))), (of_a, of_x), "{what}: {lines}");
    }
}

#[test]
fn our_own_writes_are_links_whether_they_were_delivered_or_not() {
    use Author::{Known, Lost, Untold};
    let op = Known("op");
    for (lines, present, writes, of_a, of_x, what) in [
        ("", "AW", &[("A", "AW")][..], Untold, Untold, "nobody ever told anything"),
        ("bot: A > AW", "AW", &[("A", "AW")], Untold, Untold, "and our own delivery tells of nobody else"),
        ("op: A", "AW", &[("A", "AW")], op, Untold, "not delivered yet"),
        ("op: A, op: AW > AX", "AX", &[("A", "AW")], op, op, "its delivery is lost"),
        ("op: A, bot: AW > AWW, op: AWW > AX", "AX", &[("A", "AW"), ("AW", "AWW")], op, op, "one of two is"),
        ("op: A, visitor: AXY > AX", "AX", &[("A", "AW")], op, Lost, "not made from what we wrote"),
        ("op: A, bot: AX > AXW", "AXW", &[("AX", "AXW")], op, Lost, "made from what nobody told of"),
        (
            "op: AX, bot: AX > AXW, op: AXW > A, visitor: A > AXW",
            "AXW",
            &[("AX", "AXW")],
            op,
            Known("visitor"),
            "ours, and saved by somebody else byte for byte",
        ),
        (
            "op: AX, bot: AX > AXW, op: AXW > A",
            "AXW",
            &[("AX", "AXW")],
            op,
            Lost,
            "the same, and nothing tells of it",
        ),
        ("op: AX, op: AXW > A", "AXW", &[("AX", "AXW")], op, Lost, "nor of our own write"),
        (
            "op: A, op: A > AX, op: AX > A",
            "AXW",
            &[("AX", "AXW")],
            op,
            Lost,
            "made from what came in a gap, not delivered yet",
        ),
        (
            "op: A, op: A > AX, op: AX > A, op: AXWW > AXWWW!",
            "AXWWW!",
            &[("AX", "AXW"), ("AXW", "AXWW")],
            op,
            Lost,
            "nor ever, and gone on from",
        ),
    ] {
        let history = history(lines, present, false, writes);
        assert_eq!((history.author(&key('A')), history.author(&key('X'))), (of_a, of_x), "{what}: {lines}");
    }
}

#[test]
fn a_condition_that_vanishes_where_nothing_is_known_was_taken_away_by_nobody_known() {
    for (lines, present, expected, what) in [
        ("op: Za, op: Za > ZA", "ZA", &[Some("op")][..], "told"),
        ("op: Za", "ZA", &[None], "never taken"),
        ("op: Za, visitor: Za > Za!, visitor: ZA! > ZA", "ZA", &[None], "in a gap"),
        ("op: Za, visitor: Za > Za?, op: Za? > ZA", "ZA", &[None], "where it could not be read"),
        ("op: Za", "Za", &[], "it is still there"),
    ] {
        let history = history(lines, present, false, &[]);
        let found: Vec<_> = history.loosened_by(&key('A')).collect();
        assert_eq!(found, expected, "{what}: {lines}");
    }
}

#[test]
fn an_untick_that_leaves_our_own_text_is_its_senders() {
    for (lines, expected) in [
        ("op: A, bot: A > AW, op: AW > [x]AW, op: [x]AW > AW", Some("op")),
        ("op: A, bot: A > AW, op: AW > [x]AW, visitor: [x]AW > AW", Some("visitor")),
        // What goes over a tick is nobody's word.
        ("op: A, bot: A > AW, op: AW > [x]AW, bot: [x]AW > AW", None),
    ] {
        let history = history(lines, "AW", false, &[("A", "AW")]);
        assert_eq!(history.unticked_by(&key('A')), expected, "{lines}");
    }
}

#[test]
fn what_our_account_puts_back_stays_who_put_it_there_first() {
    use Author::{Known, Lost};
    for (lines, expected, what) in [
        ("op: A, op: A > AX, bot: AX > A!, bot: A! > AX", Known("op"), "a trusted person's"),
        ("op: A, visitor: A > AX, bot: AX > A!, bot: A! > AX", Known("visitor"), "a stranger's"),
        ("op: A, bot: A > AX", Known("bot"), "nobody else's"),
        ("op: A, bot: A > AX, op: AX > A!, bot: A! > AX", Known("bot"), "ours twice"),
        ("op: A, bot: A > AX, op: AX > A!, op: A! > AX", Known("op"), "a person's after ours"),
        (
            "op: A, visitor: A > AX, op: AX > A!, op: A! > AX, bot: AX > A, bot: A > AX",
            Known("op"),
            "the newest of the others",
        ),
        ("op: A, visitor: AX! > AX, bot: AX > A!, bot: A! > AX", Lost, "somebody's of whom nothing is kept"),
    ] {
        let history = history(lines, "AX", false, &[]);
        assert_eq!(history.author(&key('X')), expected, "{what}: {lines}");
    }
}
