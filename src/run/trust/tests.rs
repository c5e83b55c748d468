//! Who counts, as tables.

use super::{
    Boxes, Command, Comments, Event, Hashes, History, OwnText, Question, RunState, Shown, Stop, Told,
    Trusted, commands, shown_by, ticked_by, vouched,
};
use crate::forge::{Account, AccountId, Comment, CommentId};
use crate::health::{Finding, Probe, Recon, Verdict};
use crate::inbox::IssueEdit;
use crate::issue::{Desired, KnownTask, Task, apply, approval_line, tags};
use crate::merge::UpdateType;
use crate::run::decide::{self, tests::finding, tests::recon};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug)]
struct NotOurs;

impl OwnText for NotOurs {
    fn is_ours(&self, _: &str) -> bool {
        false
    }
}

fn trusted(login: &str) -> Trusted {
    Trusted { accounts: BTreeSet::from([login.to_owned()]), sole_writers: false }
}

#[test]
fn the_last_to_change_an_approval_is_the_one_who_is_asked_about() {
    let status = |ticked| Desired {
        status: Some(format!("Waiting.\n\n{}\n", approval_line("A3", "7f3c", ticked))),
        ..Desired::default()
    };
    let (open, ticked) = (apply("Text.\n", &status(false)), apply("Text.\n", &status(true)));
    let none = "Text.\n".to_owned();
    let edit = |sender: &str, before: &String, after: &String| IssueEdit {
        sender: sender.to_owned(),
        received_at: Timestamp::UNIX_EPOCH,
        action: "edited".to_owned(),
        body_before: Some(before.clone()),
        body_after: Some(after.clone()),
    };
    let anna = |before, after| edit("operator", before, after);
    let stranger = |before, after| edit("stranger", before, after);
    let cases = [
        (vec![anna(&open, &ticked)], true, "a tick of somebody who counts"),
        (vec![stranger(&open, &ticked)], false, "a stranger's tick"),
        (vec![anna(&open, &ticked), anna(&ticked, &open), stranger(&open, &ticked)], false, "taken back"),
        (vec![stranger(&open, &ticked), stranger(&ticked, &open), anna(&open, &ticked)], false, "either's"),
        (vec![anna(&ticked, &open), stranger(&open, &ticked), anna(&open, &ticked)], false, "out of order"),
        (vec![anna(&ticked, &open), anna(&open, &ticked), anna(&open, &ticked)], true, "hers in any order"),
        (vec![anna(&open, &ticked), anna(&ticked, &open)], false, "the last tick is not delivered yet"),
        (vec![anna(&none, &ticked)], false, "pasted with its tick"),
        (vec![anna(&open, &ticked), stranger(&ticked, &format!("{ticked}more\n"))], true, "another edit"),
        (vec![anna(&open, &ticked), edit("caretaker", &none, &open)], true, "ours, delivered late"),
        (vec![edit("caretaker", &open, &ticked)], false, "the bot's account"),
    ];
    let trusted = trusted("operator");
    let edited = BTreeSet::new();
    let comments = Comments { all: &[], edited: &edited, trusted: &trusted, bot: "caretaker" };
    for (edits, counts, what) in cases {
        let question = Question { id: "A3", first_id: "A3", code: "7f3c" };
        let by = ticked_by(&edits, &comments, &NotOurs, question);
        assert_eq!(by.as_deref(), counts.then_some("operator"), "{what}");
    }
}

#[test]
fn sole_writers_vouch_for_what_no_delivery_tells_and_for_no_stranger() {
    let read = |text: &str| crate::issue::read(text, &|_| (None, UpdateType::Unknown)).expect("readable");
    let boxes = |text: &str| -> Arc<Boxes> {
        let reading = read(text);
        let shown = |task: &Task| Shown { ticked: false, known: KnownTask::of(task, &reading.tasks) };
        Arc::new(reading.tasks.iter().map(|task| (task.key.clone(), shown(task))).collect())
    };
    let (before, after) =
        ("- [ ] **A1**: Merge PR #1\n", "- [ ] **A1**: Merge PR #1\n- [ ] **A2**: Merge PR #2\n");
    let added = &read(after).tasks[1].key;
    let state = RunState { began_at: Some(Timestamp::UNIX_EPOCH), ..RunState::default() };
    for (sole_writers, sender, counts) in [
        (true, None, true),
        (true, Some("operator"), true),
        (true, Some("stranger"), false),
        (false, None, false),
        (false, Some("operator"), true),
        (false, Some("stranger"), false),
    ] {
        let edits: Vec<IssueEdit> = sender
            .map(|sender: &str| IssueEdit {
                sender: sender.to_owned(),
                received_at: Timestamp::UNIX_EPOCH,
                action: "edited".to_owned(),
                body_before: Some(before.to_owned()),
                body_after: Some(after.to_owned()),
            })
            .into_iter()
            .collect();
        let told = Told {
            edits: &edits,
            hashes: &Hashes::of(&edits),
            is_cut: false,
            bot: "caretaker",
            present: after,
            read_at: Timestamp::now(),
            writes: &[],
            ours: &NotOurs,
            is_due: false,
        };
        let history = History::new(&told, |text| Some(boxes(text)));
        let trusted = Trusted { sole_writers, ..trusted("operator") };
        let vouched = vouched([(added, added)].into_iter(), &state, &trusted, &history, &|_, _| false);
        assert_eq!(vouched.contains(added), counts, "{sole_writers} {sender:?}");
        let shown = shown_by([(added, added)].into_iter(), &trusted, &history);
        let by = shown.get(added).map(String::as_str);
        assert_eq!(by, sender.filter(|sender| *sender == "operator"), "only what is delivered shows it");
    }
}

#[test]
fn an_answer_names_the_code_and_the_task_as_it_was_shown() {
    let by_line = Question { id: "T5", first_id: "T4", code: "7f3c" };
    let written = Question { id: "A3", first_id: "A2", code: "7f3c" };
    for (question, id, code, expected) in [
        (by_line, "T5", "7f3c", true),
        (by_line, "T4", "7f3c", true),
        (by_line, "T46", "7f3c", true),
        (by_line, "T5", "7f3d", false),
        (by_line, "A3", "7f3c", false),
        (written, "A3", "7f3c", true),
        (written, "A2", "7f3c", true),
        (written, "A9", "7f3c", false),
        (written, "T5", "7f3c", false),
    ] {
        assert_eq!(question.is_answered_by(id, code), expected, "{question:?} {id} {code}");
    }
}

#[test]
fn a_person_who_shares_the_bots_account_can_stop_and_go_on() {
    let trusted = trusted("caretaker");
    let edited = BTreeSet::new();
    let start = Timestamp::UNIX_EPOCH;
    let comment = |id: u64, text: &str| {
        let at = start + SignedDuration::from_secs(i64::try_from(id).expect("small"));
        Comment {
            id: CommentId(id),
            author: Account { id: AccountId(1), login: "caretaker".to_owned() },
            body: text.to_owned(),
            created_at: at,
            updated_at: at,
        }
    };
    let all = [comment(1, "/caretaker stop"), comment(2, "/caretaker resume")];
    let stopped = |all, known: Option<&Stop>| {
        let comments = Comments { all, edited: &edited, trusted: &trusted, bot: "caretaker" };
        comments.stopped_by(start, known)
    };
    let stop = stopped(&all[..1], None).expect("it stops");
    assert_eq!((stop.by.as_str(), stop.comment), ("caretaker", 1));
    assert_eq!(stopped(&all, None), None);
    // Whoever edits or deletes the comment lifts nothing; a word of somebody trusted does.
    assert_eq!(stopped(&[], Some(&stop)).as_ref(), Some(&stop));
    let edited_away = [comment(1, "fine")];
    assert_eq!(stopped(&edited_away, Some(&stop)).as_ref(), Some(&stop));
    assert_eq!(stopped(&all[1..], Some(&stop)), None);
    assert_eq!(stopped(&all, Some(&stop)), None);
    let again = [comment(1, "fine"), comment(2, "/caretaker resume"), comment(3, "/caretaker stop")];
    assert_eq!(stopped(&again, Some(&stop)).map(|stop| stop.comment), Some(3));
}

#[test]
fn what_is_edited_into_an_older_comment_holds_back_from_then_on_and_lets_nothing_go_on() {
    let trusted = trusted("operator");
    let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
    let comment = |id: u64, text: &str, created: i64, updated: i64| Comment {
        id: CommentId(id),
        author: Account { id: AccountId(1), login: "operator".to_owned() },
        body: text.to_owned(),
        created_at: at(created),
        updated_at: at(updated),
    };
    let heard = |all: &[Comment], since: i64| {
        let edited = BTreeSet::new();
        let comments = Comments { all, edited: &edited, trusted: &trusted, bot: "caretaker" };
        let incident = comments.incident(at(since), None, comments.incident_over(at(since)).as_ref());
        (
            incident.map(|incident| incident.comment),
            comments.stopped_by(at(since), None).map(|stop| stop.comment),
        )
    };
    for (word, end) in [("incident the router", "incident over"), ("stop", "resume")] {
        let open = |all: &[Comment], since| {
            let (incident, stop) = heard(all, since);
            if word == "stop" { stop } else { incident }
        };
        let say =
            |id, word: &str, created, updated| comment(id, &format!("/caretaker {word}"), created, updated);
        let ended = [say(1, word, 10, 10), say(2, end, 20, 20)];
        assert_eq!(open(&ended, 0), None, "{word}");
        assert_eq!(open(&[say(1, word, 10, 30), say(2, end, 20, 20)], 0), Some(1), "{word}: edited since");
        assert_eq!(
            open(&[say(1, word, 10, 20), say(2, end, 20, 20)], 0),
            Some(1),
            "{word}: in the same second"
        );
        assert_eq!(open(&[say(1, word, 10, 15), say(2, end, 20, 20)], 0), None, "{word}: edited before");
        let twice = [say(1, word, 10, 30), say(2, end, 20, 20), say(3, end, 31, 31)];
        assert_eq!(open(&twice, 0), None, "{word}: and ended in the next second");
        assert_eq!(open(&[say(1, word, 10, 30)], 25), Some(1), "{word}: older than the run, edited since");
        assert_eq!(open(&[say(1, word, 10, 10)], 25), None, "{word}: older");
        let edited_end = [say(1, word, 10, 10), say(2, end, 5, 40)];
        assert_eq!(open(&edited_end, 0), Some(1), "{word}: an end that was edited is none");
    }
}

#[test]
fn a_command_stands_at_the_start_of_a_line_outside_code_and_quotes() {
    let approve = vec![Command::Approve { id: "A3".to_owned(), code: "7f3c".to_owned() }];
    let cases: [(&str, &[Command]); 10] = [
        ("/caretaker approve A3 7f3c", &approve),
        ("Fine.\n\n/caretaker approve A3 7F3C\nthanks", &approve),
        ("Fine.\n/caretaker approve A3 7f3c", &approve),
        ("please /caretaker approve A3 7f3c", &[]),
        ("> /caretaker approve A3 7f3c", &[]),
        ("```\n/caretaker approve A3 7f3c\n```", &[]),
        ("`/caretaker approve A3 7f3c`", &[]),
        ("    /caretaker approve A3 7f3c", &[]),
        ("<!--\n/caretaker approve A3 7f3c\n-->", &[]),
        ("/caretaker approve A3 7f3c and more", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(commands(text), expected, "{text}");
    }
    assert_eq!(commands("/caretaker stop"), [Command::Stop]);
    assert_eq!(commands("/caretaker resume"), [Command::Resume]);
    let why = "the router reboots".to_owned();
    assert_eq!(commands("/caretaker incident  the router reboots"), [Command::Incident { why }]);
    assert_eq!(commands("/caretaker incident over"), [Command::IncidentOver]);
    // A sentence that begins so.
    let why = "over the whole rack".to_owned();
    assert_eq!(commands("/caretaker incident over the whole rack"), [Command::Incident { why }]);
    assert_eq!(commands("/caretaker incident"), [Command::Incident { why: String::new() }]);
}

#[test]
fn what_is_accepted_is_named_with_a_day_and_a_reason() {
    let command = |tag: &str, until: &str, reason: &str| Command::Acknowledge {
        tag: tag.to_owned(),
        until: until.parse().expect("a day"),
        reason: reason.to_owned(),
    };
    for (text, expected) in [
        (
            "/caretaker acknowledge F-4821 2026-12-31 a new disk is ordered",
            Some(("F-4821", "a new disk is ordered")),
        ),
        ("/caretaker  acknowledge\tF-4821.731  2026-12-31  ordered", Some(("F-4821.731", "ordered"))),
        ("/caretaker acknowledge F-4821 2026-12-31", None),
        ("/caretaker acknowledge F-4821 next week", None),
        ("/caretaker acknowledge F-4821 2026-13-31 why", None),
        ("please /caretaker acknowledge F-4821 2026-12-31 why", None),
        ("> /caretaker acknowledge F-4821 2026-12-31 why", None),
        ("`/caretaker acknowledge F-4821 2026-12-31 why`", None),
    ] {
        let expected: Vec<Command> =
            expected.into_iter().map(|(tag, reason)| command(tag, "2026-12-31", reason)).collect();
        assert_eq!(commands(text), expected, "{text}");
    }
}

#[test]
fn only_a_trusted_word_accepts_and_only_what_was_found() {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    let found = finding(Probe::Pods, Verdict::Red);
    let (mut recon, id) = (recon(std::slice::from_ref(&found)), &found.id);
    let tag = tags(std::iter::once(id))[id].id();
    let trusted = trusted("operator");
    let comment = |login: &str, body: String, minutes_ago: i64| Comment {
        id: CommentId(7),
        author: Account { id: AccountId(1), login: login.to_owned() },
        body,
        created_at: now - SignedDuration::from_mins(minutes_ago),
        updated_at: now - SignedDuration::from_mins(minutes_ago),
    };
    let said = |tag: &str| format!("/caretaker acknowledge {tag} 2026-11-30 it is known");
    let heard = |state: &RunState, recon: &Recon, comment: &Comment, edited: &[u64]| {
        let edited = edited.iter().copied().collect();
        let all = std::slice::from_ref(comment);
        let comments = Comments { all, edited: &edited, trusted: &trusted, bot: "caretaker" };
        comments.acknowledged(state, recon, now)
    };
    let mut state = RunState::default();
    let [Event::Acknowledged(accepted)] =
        &heard(&state, &recon, &comment("operator", said(&tag), 3), &[])[..]
    else {
        panic!("it counts")
    };
    assert_eq!((&accepted.finding, accepted.by.as_str()), (id, "operator"));
    assert_eq!(accepted.expires.to_string(), "2026-12-01T00:00:00Z", "the day is over when the next begins");
    for (what, comment, edited) in [
        ("a stranger's", comment("stranger", said(&tag), 3), &[][..]),
        ("one that was edited", comment("operator", said(&tag), 3), &[7]),
        ("another finding's", comment("operator", said("F-0000"), 3), &[]),
        ("no id", comment("operator", said("OSD_DOWN"), 3), &[]),
        ("one of an hour ago", comment("operator", said(&tag), 60), &[]),
    ] {
        assert_eq!(heard(&state, &recon, &comment, edited), [], "{what}");
    }
    state.acknowledged.push(accepted.clone());
    assert_eq!(heard(&state, &recon, &comment("operator", said(&tag), 3), &[]), [], "it is known");
    // What nobody knows cannot be accepted.
    recon = decide::tests::recon(&[Finding { verdict: Verdict::Unknown, ..found.clone() }]);
    let state = RunState::default();
    assert_eq!(heard(&state, &recon, &comment("operator", said(&tag), 3), &[]), []);
}
