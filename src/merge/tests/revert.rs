use super::samples::sha;
use crate::forge::{BlobSha, Commit, EntryKind, FileWrite, IssueNumber, PullNumber};
use crate::merge::revert::{
    Entry, PathHistory, RevertRefused, WholeEntry, find_step, merge_message, plan_revert, revert_message,
};

fn entry(kind: EntryKind, blob: &str) -> Entry {
    Entry { kind, blob: BlobSha(blob.to_owned()) }
}

fn whole(kind: EntryKind, blob: &str) -> WholeEntry {
    WholeEntry { kind, blob: BlobSha(blob.to_owned()), content: blob.as_bytes().to_vec() }
}

fn history(before: Option<WholeEntry>, merged: Option<Entry>, now: Option<Entry>) -> PathHistory {
    PathHistory { path: "x".to_owned(), before, merged, now }
}

#[test]
fn each_change_has_its_way_back_or_none() {
    use EntryKind::{Executable, File, Submodule, Symlink};
    let file = |blob| Some(entry(File, blob));
    let blob = |text: &str| BlobSha(text.to_owned());
    let path = || "x".to_owned();
    let changed = || Err(RevertRefused::ChangedSince(path()));
    let update = |expected: &str| {
        Ok(vec![FileWrite::Update { path: path(), content: b"1".to_vec(), expected: blob(expected) }])
    };
    for (name, given, expected) in [
        ("changed", history(Some(whole(File, "1")), file("2"), file("2")), update("2")),
        (
            "added",
            history(None, file("2"), file("2")),
            Ok(vec![FileWrite::Delete { path: path(), expected: blob("2") }]),
        ),
        (
            "deleted",
            history(Some(whole(File, "1")), None, None),
            Ok(vec![FileWrite::Create { path: path(), content: b"1".to_vec() }]),
        ),
        (
            "an executable that stays one",
            history(Some(whole(Executable, "1")), Some(entry(Executable, "2")), Some(entry(Executable, "2"))),
            update("2"),
        ),
        ("changed since", history(Some(whole(File, "1")), file("2"), file("3")), changed()),
        ("gone since", history(Some(whole(File, "1")), file("2"), None), changed()),
        ("come back since", history(Some(whole(File, "1")), None, file("1")), changed()),
        ("already as it was", history(Some(whole(File, "1")), file("2"), file("1")), changed()),
        ("a mode since", history(Some(whole(File, "1")), file("2"), Some(entry(Executable, "2"))), changed()),
        ("nothing", history(Some(whole(File, "1")), file("1"), file("1")), Err(RevertRefused::NothingToDo)),
    ] {
        assert_eq!(plan_revert(&[given]), expected, "{name}");
    }
    for (name, given) in [
        (
            "a mode",
            history(Some(whole(File, "1")), Some(entry(Executable, "1")), Some(entry(Executable, "1"))),
        ),
        (
            "a symlink",
            history(Some(whole(Symlink, "1")), Some(entry(Symlink, "2")), Some(entry(Symlink, "2"))),
        ),
        ("a submodule", history(None, Some(entry(Submodule, "2")), Some(entry(Submodule, "2")))),
        ("an executable that is gone", history(Some(whole(Executable, "1")), None, None)),
        ("a symlink that is gone", history(Some(whole(Symlink, "1")), None, None)),
    ] {
        assert!(matches!(plan_revert(&[given]), Err(RevertRefused::NotAPlainFile { .. })), "{name}");
    }
    assert_eq!(plan_revert(&[]), Err(RevertRefused::NothingToDo));
}

#[test]
fn one_file_that_changed_spoils_the_whole_revert() {
    let good = history(
        Some(whole(EntryKind::File, "1")),
        Some(entry(EntryKind::File, "2")),
        Some(entry(EntryKind::File, "2")),
    );
    let bad = history(Some(whole(EntryKind::File, "1")), Some(entry(EntryKind::File, "2")), None);
    assert!(plan_revert(&[good, bad]).is_err());
}

#[test]
fn a_step_is_found_by_its_trailer_alone() {
    let commit = |message: &str| Commit { sha: sha('a'), parents: Vec::new(), message: message.to_owned() };
    let (title, rest) = merge_message("update x\nCaretaker-Step: 9", PullNumber(6), IssueNumber(7), "7-3");
    let merge = format!("{title}\n\n{rest}\n");
    let revert = revert_message("update x", PullNumber(6), &sha('c'), IssueNumber(7), "it\n\nbroke", "7-3");
    for (message, expected) in [
        (merge.as_str(), true),
        (revert.as_str(), true),
        (&revert.replace('\n', "\r\n"), true),
        ("x\n\nCaretaker-Step: 7-3\nSigned-off-by: y\n", true),
        ("x\n\nCaretaker-Step: 7-33", false),
        ("x\n\nCaretaker-Step: 7-3\n\nlater", false),
        ("Caretaker-Step: 7-3", false),
        ("x\n\nSee Caretaker-Step: 7-3", false),
        ("", false),
    ] {
        assert_eq!(find_step(&[commit("other"), commit(message)], "7-3").is_some(), expected, "{message}");
    }
    assert!(find_step(&[commit(&merge)], "9").is_none());
    assert!(revert.contains(sha('c').as_str()) && revert.contains("#7"));
}
