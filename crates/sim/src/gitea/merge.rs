//! Three-way merges of whole trees, and the patches between them.
//!
//! Whether a pull request conflicts is decided here by really merging, file by file, so that a simulated conflict is
//! one that git would have too.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::git::{Entry, Files, Mode, Store};

/// Merges what `ours` and `theirs` did since `base`; on conflicts, returns their paths.
pub(crate) fn merge_trees(
    store: &mut Store,
    base: &Files,
    ours: &Files,
    theirs: &Files,
) -> Result<Files, Vec<String>> {
    let paths: BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    let mut merged = Files::new();
    let mut conflicts = Vec::new();
    for path in paths {
        let (base, ours, theirs) = (base.get(path), ours.get(path), theirs.get(path));
        let outcome = if ours == theirs || theirs == base {
            Ok(ours.cloned())
        } else if ours == base {
            Ok(theirs.cloned())
        } else {
            merge_entry(store, base, ours, theirs).map(Some).ok_or(())
        };
        match outcome {
            Ok(Some(entry)) => {
                merged.insert(path.clone(), entry);
            }
            Ok(None) => {}
            Err(()) => conflicts.push(path.clone()),
        }
    }
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}

/// Both sides changed the file, differently.
fn merge_entry(
    store: &mut Store,
    base: Option<&Entry>,
    ours: Option<&Entry>,
    theirs: Option<&Entry>,
) -> Option<Entry> {
    let (base, ours, theirs) = (base?, ours?, theirs?);
    let mode = if ours.mode == base.mode { theirs.mode } else { ours.mode };
    if mode == Mode::Symlink || ours.mode == Mode::Symlink || theirs.mode == Mode::Symlink {
        return None;
    }
    let text = |entry: &Entry| String::from_utf8(store.blob(&entry.blob)?.to_vec()).ok();
    let merged = diffy::merge(&text(base)?, &text(ours)?, &text(theirs)?).ok()?;
    Some(Entry { mode, blob: store.write_blob(merged.into_bytes()) })
}

/// How one file changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDiff {
    pub(crate) path: String,
    pub(crate) status: ChangeKind,
    pub(crate) additions: usize,
    pub(crate) deletions: usize,
    /// The patch as `git diff` prints it.
    pub(crate) patch: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Removed,
}

/// The differences between two trees, by path.
pub(crate) fn diff_trees(store: &Store, before: &Files, after: &Files) -> Vec<FileDiff> {
    super::git::changed_paths(before, after)
        .into_iter()
        .map(|path| diff_file(store, &path, before.get(&path), after.get(&path)))
        .collect()
}

fn diff_file(store: &Store, path: &str, before: Option<&Entry>, after: Option<&Entry>) -> FileDiff {
    let content = |entry: Option<&Entry>| entry.and_then(|entry| store.blob(&entry.blob)).unwrap_or_default();
    let [old, new] = [before, after].map(content);
    let short = |entry: Option<&Entry>| {
        entry.map_or_else(|| "0000000".to_owned(), |entry| entry.blob[..7].to_owned())
    };
    let mut text = format!("diff --git a/{path} b/{path}\n");
    let kind = match (before, after) {
        (None, Some(entry)) => {
            let _ = writeln!(text, "new file mode {}", entry.mode.as_str());
            ChangeKind::Added
        }
        (Some(entry), None) => {
            let _ = writeln!(text, "deleted file mode {}", entry.mode.as_str());
            ChangeKind::Removed
        }
        (Some(before), Some(after)) if before.mode != after.mode => {
            let _ = writeln!(text, "old mode {}\nnew mode {}", before.mode.as_str(), after.mode.as_str());
            ChangeKind::Modified
        }
        _ => ChangeKind::Modified,
    };
    let mut diff = FileDiff { path: path.to_owned(), status: kind, additions: 0, deletions: 0, patch: text };
    if old == new {
        return diff;
    }
    let mode = match (before, after) {
        (Some(before), Some(after)) if before.mode == after.mode => format!(" {}", after.mode.as_str()),
        _ => String::new(),
    };
    let _ = writeln!(diff.patch, "index {}..{}{mode}", short(before), short(after));
    let (Ok(old), Ok(new)) = (std::str::from_utf8(&old), std::str::from_utf8(&new)) else {
        let _ = writeln!(diff.patch, "Binary files a/{path} and b/{path} differ");
        return diff;
    };
    let from = if before.is_some() { format!("a/{path}") } else { "/dev/null".to_owned() };
    let to = if after.is_some() { format!("b/{path}") } else { "/dev/null".to_owned() };
    let computed = diffy::create_patch(old, new);
    for line in computed.hunks().iter().flat_map(diffy::Hunk::lines) {
        match line {
            diffy::Line::Insert(_) => diff.additions += 1,
            diffy::Line::Delete(_) => diff.deletions += 1,
            diffy::Line::Context(_) => {}
        }
    }
    // diffy prints its own two header lines; git's names go in their place.
    let printed = computed.to_string();
    let hunks = printed.splitn(3, '\n').nth(2).unwrap_or_default();
    let _ = write!(diff.patch, "--- {from}\n+++ {to}\n{hunks}");
    diff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(store: &mut Store, list: &[(&str, &str, Mode)]) -> Files {
        list.iter()
            .map(|(path, text, mode)| {
                let blob = store.write_blob(text.as_bytes().to_vec());
                ((*path).to_owned(), Entry { mode: *mode, blob })
            })
            .collect()
    }

    fn text(store: &Store, files: &Files, path: &str) -> String {
        let blob = store.blob(&files[path].blob).expect("a blob that was written");
        String::from_utf8(blob.to_vec()).expect("text")
    }

    const TEN: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

    #[test]
    fn merges_what_does_not_touch() {
        let mut store = Store::default();
        let file = Mode::File;
        let base = tree(&mut store, &[("a", TEN, file), ("b", "b\n", file), ("c", "c\n", file)]);
        let ours = tree(
            &mut store,
            &[("a", &TEN.replace("1\n2", "one\n2"), file), ("b", "b\n", file), ("n", "n", file)],
        );
        let theirs = tree(
            &mut store,
            &[("a", &TEN.replace("9\n", "nine\n"), Mode::Executable), ("b", "B\n", file), ("c", "c\n", file)],
        );
        let merged = merge_trees(&mut store, &base, &ours, &theirs).expect("no conflict");
        assert_eq!(text(&store, &merged, "a"), "one\n2\n3\n4\n5\n6\n7\n8\nnine\n10\n");
        assert_eq!(merged["a"].mode, Mode::Executable);
        assert_eq!(text(&store, &merged, "b"), "B\n");
        assert_eq!(merged.keys().collect::<Vec<_>>(), ["a", "b", "n"]);
    }

    #[test]
    fn conflicts_are_named() {
        let mut store = Store::default();
        let file = Mode::File;
        let base =
            tree(&mut store, &[("same", "1\n", file), ("gone", "1\n", file), ("link", "x", Mode::Symlink)]);
        let ours =
            tree(&mut store, &[("same", "2\n", file), ("new", "1", file), ("link", "y", Mode::Symlink)]);
        let theirs = tree(
            &mut store,
            &[("same", "3\n", file), ("gone", "2\n", file), ("new", "2", file), ("link", "z", Mode::Symlink)],
        );
        let conflicts = merge_trees(&mut store, &base, &ours, &theirs).expect_err("every file conflicts");
        assert_eq!(conflicts, ["gone", "link", "new", "same"]);
        // The same change on both sides is none.
        assert!(merge_trees(&mut store, &base, &ours, &ours).is_ok());
    }

    #[test]
    fn patches_read_as_those_of_git() {
        let mut store = Store::default();
        let before = tree(&mut store, &[("a", TEN, Mode::File), ("gone", "x\n", Mode::File)]);
        let after =
            tree(&mut store, &[("a", &TEN.replace("5\n", "five\n"), Mode::File), ("new", "y\n", Mode::File)]);
        let diffs = diff_trees(&store, &before, &after);
        let kinds: Vec<_> = diffs
            .iter()
            .map(|diff| (diff.path.as_str(), diff.status, diff.additions, diff.deletions))
            .collect();
        assert_eq!(
            kinds,
            [
                ("a", ChangeKind::Modified, 1, 1),
                ("gone", ChangeKind::Removed, 0, 1),
                ("new", ChangeKind::Added, 1, 0)
            ]
        );
        assert!(
            diffs[0].patch.starts_with("diff --git a/a b/a\nindex f00c965..")
                && diffs[0].patch.contains(" 100644\n--- a/a\n+++ b/a\n@@ -2,7 +2,7 @@\n"),
            "{}",
            diffs[0].patch
        );
        assert!(diffs[1].patch.contains("deleted file mode 100644\n"));
        assert!(
            diffs[2].patch.contains("--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+y\n"),
            "{}",
            diffs[2].patch
        );
    }
}
