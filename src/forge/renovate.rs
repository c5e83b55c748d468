//! Reading Renovate: is a pull request Renovate's, and what does its table say.
//!
//! A body can be edited by many; what is read here decides only together with the author, the branch and the changed
//! lines themselves.

use super::types::PullRequest;
use std::fmt;

/// What every body of Renovate's holds.
const MARKER: &str = "<!--renovate-debug:";
/// What its box for rebasing begins with.
const REBASE: &str = "<!-- rebase-check -->";

/// The word of the column `Update`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum UpdateKind {
    /// Another build of the same version, or the first pin of one.
    Digest,
    /// A pin of a range.
    Pin,
    /// Patch.
    Patch,
    /// Minor.
    Minor,
    /// Major.
    Major,
    /// Another package in the place of this one.
    Replacement,
    /// Back to an older version.
    Rollback,
    /// Lock files alone.
    LockFiles,
    /// No such column, or a word we do not know.
    Unknown,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    /// The package, as Renovate names it.
    pub(crate) package: String,
    /// The file, where the table has such a column.
    pub(crate) file: Option<String>,
    /// The old version; `None` where there was none (a pin).
    pub(crate) from: Option<String>,
    /// The new version.
    pub(crate) to: String,
    /// What Renovate says that it is.
    pub(crate) kind: UpdateKind,
    /// The column `Change`, for people.
    pub(crate) change: String,
}

/// A pull request that is Renovate's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renovates {
    /// What it updates; never empty.
    pub(crate) updates: Vec<Update>,
}

/// Why a pull request is not Renovate's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotRenovates {
    /// Its branch lies in another repository, or is gone.
    OtherRepository,
    /// Its author is no account of Renovate's.
    Author(String),
    /// Its branch has another prefix.
    Branch(String),
    /// Its body lacks Renovate's marker.
    Marker,
    /// Its table could not be read.
    Table(UnreadableTable),
}

impl fmt::Display for NotRenovates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRepository => formatter.write_str("its branch is not in the same repository"),
            Self::Author(author) => write!(formatter, "its author {author} is not one of renovate.accounts"),
            Self::Branch(branch) => write!(formatter, "its branch {branch} has not the prefix of Renovate's"),
            Self::Marker => formatter.write_str("its text lacks Renovate's marker"),
            Self::Table(why) => write!(formatter, "{why}"),
        }
    }
}

/// Why a table of updates could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableTable {
    /// There is none with the columns `Package` and `Change`.
    #[error("its text has no table of updates")]
    Missing,
    /// It has no rows.
    #[error("its table of updates is empty")]
    Empty,
    /// A row that cannot be understood.
    #[error("row {row} of its table of updates names no package or no new version")]
    Row {
        /// Which one, from 1.
        row: usize,
    },
}

/// Judges whether a pull request is Renovate's.
pub(crate) fn recognise(
    pull: &PullRequest,
    accounts: &[String],
    branch_prefix: &str,
) -> Result<Renovates, NotRenovates> {
    if pull.head.repository.is_none() || pull.head.repository != pull.base.repository {
        return Err(NotRenovates::OtherRepository);
    }
    if !accounts.iter().any(|account| account.eq_ignore_ascii_case(&pull.author.login)) {
        return Err(NotRenovates::Author(pull.author.login.clone()));
    }
    if branch_prefix.is_empty() || !pull.head.branch.starts_with(branch_prefix) {
        return Err(NotRenovates::Branch(pull.head.branch.clone()));
    }
    if !pull.body.contains(MARKER) {
        return Err(NotRenovates::Marker);
    }
    let updates = updates(&pull.body).map_err(NotRenovates::Table)?;
    Ok(Renovates { updates })
}

/// The rows of the table of updates. Columns are found by their headings, since empty ones are left out.
pub(crate) fn updates(body: &str) -> Result<Vec<Update>, UnreadableTable> {
    let mut lines = body.lines().map(str::trim);
    let columns = loop {
        let line = lines.next().ok_or(UnreadableTable::Missing)?;
        // What follows are release notes, other people's text: a table in there is none of Renovate's.
        if line.starts_with('#') || line.starts_with("<details") {
            return Err(UnreadableTable::Missing);
        }
        if line.starts_with('|') {
            let columns: Vec<String> = cells(line).iter().map(|cell| cell.to_lowercase()).collect();
            if columns.iter().any(|name| name == "package") && columns.iter().any(|name| name == "change") {
                break columns;
            }
        }
    };
    let column = |name: &str| columns.iter().position(|column| column == name);
    let (package_column, change_column) = (column("package"), column("change"));
    let (update_column, file_column) = (column("update"), column("package file").or(column("file")));
    let mut updates = Vec::new();
    // The first of these lines is the one of dashes.
    for (row, line) in lines.take_while(|line| line.starts_with('|')).enumerate().skip(1) {
        let cells = cells(line);
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", String::as_str);
        let package = package(cell(package_column));
        let change = cell(change_column);
        let mut versions = code_spans(change);
        let to = versions.pop();
        let from = versions.pop().filter(|version| !version.is_empty());
        match to {
            Some(to) if !to.is_empty() && !package.is_empty() && versions.is_empty() => {
                updates.push(Update {
                    package,
                    file: Some(plain(cell(file_column))).filter(|file| !file.is_empty()),
                    from,
                    to,
                    kind: kind(cell(update_column)),
                    change: plain(change),
                });
            }
            _ => return Err(UnreadableTable::Row { row }),
        }
    }
    if updates.is_empty() { Err(UnreadableTable::Empty) } else { Ok(updates) }
}

/// Whether the box that asks Renovate to rebase is there, and ticked.
pub(crate) fn rebase_box(body: &str) -> Option<bool> {
    let boxes = [("- [ ] ", false), ("- [x] ", true), ("- [X] ", true)];
    body.lines().find_map(|line| {
        boxes.iter().find_map(|(head, ticked)| {
            line.trim_start().strip_prefix(head)?.starts_with(REBASE).then_some(*ticked)
        })
    })
}

/// The body with the box for rebasing ticked; `None` where there is none to tick.
pub(crate) fn tick_rebase_box(body: &str) -> Option<String> {
    let open = format!("- [ ] {REBASE}");
    body.contains(&open).then(|| body.replacen(&open, &format!("- [x] {REBASE}"), 1))
}

fn kind(word: &str) -> UpdateKind {
    match plain(word).to_lowercase().as_str() {
        "digest" | "pindigest" => UpdateKind::Digest,
        "pin" => UpdateKind::Pin,
        "patch" | "bump" => UpdateKind::Patch,
        "minor" => UpdateKind::Minor,
        "major" => UpdateKind::Major,
        "replacement" => UpdateKind::Replacement,
        "rollback" => UpdateKind::Rollback,
        "lockfilemaintenance" | "lockfileupdate" => UpdateKind::LockFiles,
        _ => UpdateKind::Unknown,
    }
}

/// The cells of a row: split at pipes that are not escaped.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'|') => {
                characters.next();
                push(&mut cells, '|');
            }
            '|' => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    // A row begins, and mostly ends, with a pipe.
    cells.remove(0);
    if cells.last().is_some_and(|last| last.trim().is_empty()) {
        cells.pop();
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

fn push(cells: &mut [String], character: char) {
    if let Some(last) = cells.last_mut() {
        last.push(character);
    }
}

/// The package's name: the text of the first link, or the first word.
fn package(cell: &str) -> String {
    let text = match cell.strip_prefix('[') {
        Some(rest) => rest.split("](").next().unwrap_or_default(),
        None => cell.split_whitespace().next().unwrap_or_default(),
    };
    plain(text)
}

/// Text without code marks, escapes and what cannot be seen.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '`' | '\\' | '\u{200b}' | '\u{feff}'))
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The contents of the code spans of a cell.
fn code_spans(cell: &str) -> Vec<String> {
    let mut spans = Vec::new();
    let mut rest = cell;
    while let Some(start) = rest.find('`') {
        let run = rest[start..].chars().take_while(|c| *c == '`').count();
        let (fence, after) = rest[start..].split_at(run);
        let Some(end) = after.find(fence) else { break };
        spans.push(after[..end].trim().to_owned());
        rest = &after[end + run..];
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "This PR contains the following updates:\n\n\
        | Package | Type | Update | Change | Age |\n|---|---|---|---|---|\n\
        | [grafana](https://grafana.example) ([source](https://x.example)) | | patch | `10.5.14` → `10.5.15` | ![age](x) |\n\
        | supabase/postgres | | minor | [`17.6.1`](https://a.example) → [`17.7.0`](https://b.example) | |\n\
        | ghcr.io/a/b | | digest | `abc1234` → `def5678` | |\n\
        | c | | pinDigest |  → `def5678` | |\n\
        | [d\\|e](https://x.example) | | major | `^1.0.0 \\|\\| ^2` → `3` | |\n\n---\n\n\
        ### Release Notes\n\n| Package | Change |\n|---|---|\n| evil | `1` → `2` |\n\n \
        - [ ] <!-- rebase-check -->If you want to rebase/retry this PR, check this box\n\n<!--renovate-debug:e30=-->\n";

    #[test]
    fn rows_are_read_by_the_headings_of_their_columns() {
        let rows: Vec<_> = updates(BODY)
            .expect("a table")
            .into_iter()
            .map(|row| (row.package, row.from.unwrap_or_default(), row.to, row.kind))
            .collect();
        let row = |package: &str, from: &str, to: &str, kind| {
            (package.to_owned(), from.to_owned(), to.to_owned(), kind)
        };
        assert_eq!(
            rows,
            vec![
                row("grafana", "10.5.14", "10.5.15", UpdateKind::Patch),
                row("supabase/postgres", "17.6.1", "17.7.0", UpdateKind::Minor),
                row("ghcr.io/a/b", "abc1234", "def5678", UpdateKind::Digest),
                row("c", "", "def5678", UpdateKind::Digest),
                row("d|e", "^1.0.0 || ^2", "3", UpdateKind::Major),
            ]
        );
    }

    #[test]
    fn what_is_no_table_of_updates_is_an_error() {
        for (body, expected) in [
            ("", UnreadableTable::Missing),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n", UnreadableTable::Missing),
            ("### Notes\n| Package | Change |\n|---|---|\n| a | `1` → `2` |\n", UnreadableTable::Missing),
            ("| Package | Change |\n|---|---|\n", UnreadableTable::Empty),
            (
                "| Package | Change |\n|---|---|\n| a | `1` → `2` |\n| b | soon |\n",
                UnreadableTable::Row { row: 2 },
            ),
            ("| Package | Change |\n|---|---|\n| a | `1` `2` `3` |\n", UnreadableTable::Row { row: 1 }),
        ] {
            assert_eq!(updates(body), Err(expected), "{body}");
        }
    }

    #[test]
    fn the_box_for_rebasing_is_found_and_ticked() {
        assert_eq!(rebase_box(BODY), Some(false));
        let ticked = tick_rebase_box(BODY).expect("a box");
        assert_eq!(rebase_box(&ticked), Some(true));
        assert_eq!(ticked.len(), BODY.len());
        assert_eq!(tick_rebase_box(&ticked), None);
        assert_eq!(rebase_box("nothing"), None);
    }
}
