use super::samples::sha;
use crate::forge::{BlobSha, Commit, EntryKind, FileWrite, IssueNumber, PullNumber};
use crate::merge::revert::{
    Entry, PathHistory, RevertRefused, WayBack, find_step, merge_message, refuse_pointer, revert_message,
    ways_back,
};

fn entry(kind: EntryKind, blob: &str) -> Entry {
    Entry { kind, blob: BlobSha(blob.to_owned()) }
}

fn history(before: Option<Entry>, merged: Option<Entry>, now: Option<Entry>) -> PathHistory {
    PathHistory { path: "x".to_owned(), before, merged, now }
}

#[test]
fn each_change_has_its_way_back_or_none() {
    use EntryKind::{Executable, File, Submodule, Symlink};
    let file = |blob| Some(entry(File, blob));
    let blob = |text: &str| BlobSha(text.to_owned());
    let path = || "x".to_owned();
    let changed = || Err(RevertRefused::ChangedSince(path()));
    let update =
        |merged: &str| Ok(vec![WayBack::Update { path: path(), old: blob("1"), merged: blob(merged) }]);
    for (name, given, expected) in [
        ("changed", history(Some(entry(File, "1")), file("2"), file("2")), update("2")),
        (
            "added",
            history(None, file("2"), file("2")),
            Ok(vec![WayBack::Delete { path: path(), merged: blob("2") }]),
        ),
        (
            "deleted",
            history(Some(entry(File, "1")), None, None),
            Ok(vec![WayBack::Create { path: path(), old: blob("1") }]),
        ),
        (
            "an executable that stays one",
            history(Some(entry(Executable, "1")), Some(entry(Executable, "2")), Some(entry(Executable, "2"))),
            update("2"),
        ),
        ("changed since", history(Some(entry(File, "1")), file("2"), file("3")), changed()),
        ("gone since", history(Some(entry(File, "1")), file("2"), None), changed()),
        ("come back since", history(Some(entry(File, "1")), None, file("1")), changed()),
        ("already as it was", history(Some(entry(File, "1")), file("2"), file("1")), changed()),
        ("a mode since", history(Some(entry(File, "1")), file("2"), Some(entry(Executable, "2"))), changed()),
        ("nothing", history(Some(entry(File, "1")), file("1"), file("1")), Err(RevertRefused::NothingToDo)),
    ] {
        assert_eq!(ways_back(&[given]), expected, "{name}");
    }
    for (name, given) in [
        (
            "a mode",
            history(Some(entry(File, "1")), Some(entry(Executable, "1")), Some(entry(Executable, "1"))),
        ),
        (
            "a symlink",
            history(Some(entry(Symlink, "1")), Some(entry(Symlink, "2")), Some(entry(Symlink, "2"))),
        ),
        ("a submodule", history(None, Some(entry(Submodule, "2")), Some(entry(Submodule, "2")))),
        ("an executable that is gone", history(Some(entry(Executable, "1")), None, None)),
        (
            "an executable that is not one any more",
            history(Some(entry(Executable, "1")), Some(entry(File, "2")), Some(entry(File, "2"))),
        ),
        (
            "a link in the place of a file",
            history(Some(entry(File, "1")), Some(entry(Symlink, "2")), Some(entry(Symlink, "2"))),
        ),
        (
            "a submodule that moved",
            history(Some(entry(Submodule, "1")), Some(entry(Submodule, "2")), Some(entry(Submodule, "2"))),
        ),
        ("a symlink that is gone", history(Some(entry(Symlink, "1")), None, None)),
    ] {
        assert!(matches!(ways_back(&[given]), Err(RevertRefused::NotAPlainFile { .. })), "{name}");
    }
    assert_eq!(ways_back(&[]), Err(RevertRefused::NothingToDo));
}

#[test]
fn one_file_that_changed_spoils_the_whole_revert() {
    let good = history(
        Some(entry(EntryKind::File, "1")),
        Some(entry(EntryKind::File, "2")),
        Some(entry(EntryKind::File, "2")),
    );
    let bad = history(Some(entry(EntryKind::File, "1")), Some(entry(EntryKind::File, "2")), None);
    assert!(ways_back(&[good, bad]).is_err());
}

#[test]
fn a_rename_is_a_file_that_goes_and_one_that_comes() {
    let old = PathHistory {
        path: "old".to_owned(),
        before: Some(entry(EntryKind::File, "1")),
        merged: None,
        now: None,
    };
    let new = entry(EntryKind::File, "1");
    let new = PathHistory { path: "new".to_owned(), before: None, merged: Some(new.clone()), now: Some(new) };
    let ways = ways_back(&[old, new]).expect("both go back");
    let writes: Vec<FileWrite> = ways.into_iter().map(|way| way.write(vec![0, 159])).collect();
    let blob = || BlobSha("1".to_owned());
    assert_eq!(
        writes,
        [
            FileWrite::Create { path: "old".to_owned(), content: vec![0, 159] },
            FileWrite::Delete { path: "new".to_owned(), expected: blob() },
        ]
    );
}

#[test]
fn a_pointer_of_lfs_is_refused() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    assert!(refuse_pointer("x", pointer).is_err_and(|why| why.to_string().contains("LFS")));
    assert!(refuse_pointer("x", b"version: 1.0.0\n").is_ok());
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
        ("x\n\nCaretaker-Step: 7-3\n\nCo-authored-by: a <a@example.org>\n", true),
        ("x\n\nCaretaker-Step: 7-3\nCo-committed-by: a <a@example.org>\n", true),
        ("x\n\nwords\nCaretaker-Step: 7-3\n\nCo-authored-by: a <a@example.org>\n", false),
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
