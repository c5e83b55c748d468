//! Reading Renovate: is a pull request Renovate's, and what does its table say.
//!
//! A body can be edited by many; what is read here decides only together with the author, the branch and the changed
//! lines themselves.

use super::types::PullRequest;
use std::fmt;

/// What every body of Renovate's holds.
const MARKER: &str = "<!--renovate-debug:";
/// What a digest begins with where its algorithm is named.
const SHA256: &str = "sha256:";
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
    /// A row whose old or new version looks like none.
    #[error("row {row} of its table of updates gives as old or new version what looks like none")]
    Version {
        /// Which one, from 1.
        row: usize,
    },
}

/// Whether a body has what every body of Renovate's has. Anybody can write that: it makes nothing Renovate's.
pub(crate) fn has_marker(body: &str) -> bool {
    body.contains(MARKER)
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
    if !has_marker(&pull.body) {
        return Err(NotRenovates::Marker);
    }
    let updates = updates(&pull.body).map_err(NotRenovates::Table)?;
    Ok(Renovates { updates })
}

/// The rows of the tables of updates. Columns are found by their headings, since empty ones are left out. There may be
/// several tables, one for each kind of update, before the release notes begin.
pub(crate) fn updates(body: &str) -> Result<Vec<Update>, UnreadableTable> {
    let mut lines = body.lines().map(str::trim).peekable();
    let mut updates = Vec::new();
    let mut row = 0;
    let mut seen = false;
    while let Some(line) = lines.next() {
        // What follows are release notes, other people's text: a table in there is none of Renovate's.
        if is_heading(line) || line.starts_with("<details") {
            break;
        }
        if !line.starts_with('|') {
            continue;
        }
        let columns: Vec<String> = cells(line).iter().map(|cell| plain(cell).to_lowercase()).collect();
        let is_head = columns.iter().any(|name| name == "package")
            && columns.iter().any(|name| name == "change")
            && lines.next_if(|line| is_dashes(line)).is_some();
        if !is_head {
            // Some other table: its rows are none of ours.
            while lines.next_if(|line| line.starts_with('|')).is_some() {}
            continue;
        }
        seen = true;
        while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
            row += 1;
            let update = read_row(&columns, line).ok_or(UnreadableTable::Row { row })?;
            if !update.from.iter().chain([&update.to]).all(|version| looks_like_a_version(version)) {
                return Err(UnreadableTable::Version { row });
            }
            updates.push(update);
        }
    }
    match (seen, updates.is_empty()) {
        (false, _) => Err(UnreadableTable::Missing),
        (true, true) => Err(UnreadableTable::Empty),
        (true, false) => Ok(updates),
    }
}

/// `## Notes`, but not `#12`.
fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    rest.len() < line.len() && (rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The line below a table's head.
fn is_dashes(line: &str) -> bool {
    line.starts_with('|')
        && line.contains('-')
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

fn read_row(columns: &[String], line: &str) -> Option<Update> {
    let cells = cells(line);
    let cell = |name: &str| {
        let at = columns.iter().position(|column| column == name)?;
        cells.get(at).map(String::as_str)
    };
    let package = package(cell("package")?);
    let change = cell("change")?;
    let mut versions = code_spans(change);
    let to = versions.pop().filter(|version| !version.is_empty())?;
    let from = versions.pop().filter(|version| !version.is_empty());
    if package.is_empty() || !versions.is_empty() {
        return None;
    }
    let file = cell("package file").or_else(|| cell("file")).unwrap_or_default();
    Some(Update {
        package,
        file: Some(plain(file)).filter(|file| !file.is_empty()),
        from,
        to,
        kind: kind(cell("update").unwrap_or_default()),
        change: plain(change),
    })
}

/// Whether a text may be a version, a range as Renovate writes one, or a digest. Whoever edits a body could otherwise make
/// any change of a line, such as one image in the place of another, a row of the table.
fn looks_like_a_version(text: &str) -> bool {
    if text.starts_with(SHA256) {
        return is_digest(text);
    }
    let in_version = |c: char| c.is_ascii_alphanumeric() || ".-+_~^=<>|*,".contains(c);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(in_version);
    // Between the parts of a range stand its versions and operators, and no words.
    let of_range = |part: &str| {
        !part.contains(|c: char| c.is_ascii_alphabetic()) || part.contains(|c: char| c.is_ascii_digit())
    };
    text.contains(|c: char| c.is_ascii_alphanumeric() || c == '*')
        && text.split(' ').all(is_part)
        && (!text.contains(' ') || text.split(' ').all(of_range))
}

/// Whether a text is a digest, or how one begins: `sha256:` and hexadecimal digits, or at least seven of these.
pub(crate) fn is_digest(text: &str) -> bool {
    let is_hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix(SHA256) {
        Some(digits) => !digits.is_empty() && is_hexadecimal(digits),
        None => text.len() >= 7 && is_hexadecimal(text),
    }
}

/// The title of Renovate's list of everything that it would do.
pub(crate) const DASHBOARD: &str = "Dependency Dashboard";

/// A section of that list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its heading.
    pub(crate) section: String,
    /// How many entries it has, those aside that ask for all of it at once.
    pub(crate) entries: usize,
}

/// The sections of a Dependency Dashboard with the entries that can be ticked; those without any are left out.
pub(crate) fn dashboard(body: &str) -> Vec<Listed> {
    let mut sections: Vec<Listed> = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push(Listed { section: heading.trim().to_owned(), entries: 0 });
            continue;
        }
        let control = ["- [ ] <!-- ", "- [x] <!-- "].iter().find_map(|head| line.strip_prefix(head));
        // `rebase-all-open-prs`, `create-all-rate-limited-prs`: a box for all of them is none of them.
        let is_one = control
            .is_some_and(|control| control.split_once(" -->").is_some_and(|(name, _)| name.contains('=')));
        if is_one && let Some(section) = sections.last_mut() {
            section.entries += 1;
        }
    }
    sections.retain(|section| section.entries > 0);
    sections
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
    fn tables_are_read_whatever_their_columns_and_however_many_there_are() {
        let all = |body: &str| -> Vec<(String, String, UpdateKind)> {
            let rows = updates(body).expect("tables");
            rows.into_iter().map(|row| (row.package, row.to, row.kind)).collect()
        };
        let row = |package: &str, to: &str, kind| (package.to_owned(), to.to_owned(), kind);
        // Renovate leaves out columns that are empty, and adds others.
        assert_eq!(
            all("| Package | Change |\n|:--|--:|\n| a | `1` → `2` |\n"),
            [row("a", "2", UpdateKind::Unknown)]
        );
        assert_eq!(
            all("| Change | Confidence | Update | Pending | Package |\r\n|---|---|---|---|---|\r\n\
                 | [`1` → `2`](https://x.example/?a=\\|b) | ![c](d) | minor | `3` | a \\| b |\r\n"),
            [row("a", "2", UpdateKind::Minor)]
        );
        let several = "This PR contains the following updates:\n\n\
            | Package | Update | Change |\n|---|---|---|\n| a | patch | `1.0.0` → `1.0.1` |\n\n\
            | Branch | State |\n|---|---|\n| x | `9` |\n\n\
            #12 is no heading.\n\n\
            | Package | Type | Change | Package file |\n|---|---|---|---|\n| b | image | `2` → `3` | `apps/b.yaml` |\n\n\
            ## Notes\n\n| Package | Change |\n|---|---|\n| evil | `1` → `2` |\n";
        assert_eq!(all(several), [row("a", "1.0.1", UpdateKind::Patch), row("b", "3", UpdateKind::Unknown)]);
        assert_eq!(updates(several).expect("tables")[1].file.as_deref(), Some("apps/b.yaml"));
    }

    #[test]
    fn what_is_no_table_of_updates_is_an_error() {
        for (body, expected) in [
            ("", UnreadableTable::Missing),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n", UnreadableTable::Missing),
            ("### Notes\n| Package | Change |\n|---|---|\n| a | `1` → `2` |\n", UnreadableTable::Missing),
            ("| Package | Change |\n|---|---|\n", UnreadableTable::Empty),
            ("| Package | Change |\n| a | `1` → `2` |\n", UnreadableTable::Missing),
            ("> | Package | Change |\n> |---|---|\n> | a | `1` → `2` |\n", UnreadableTable::Missing),
            ("<details>\n\n| Package | Change |\n|---|---|\n| a | `1` → `2` |\n", UnreadableTable::Missing),
            ("| Package | Change |\n|---|---|\n| | `1` → `2` |\n", UnreadableTable::Row { row: 1 }),
            ("| Package | Change |\n|---|---|\n| a |\n", UnreadableTable::Row { row: 1 }),
            (
                "| Package | Change |\n|---|---|\n| a | `1` → `2` |\n\n| Package | Change |\n|---|---|\n| b | soon |\n",
                UnreadableTable::Row { row: 2 },
            ),
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
    fn what_does_not_look_like_a_version_is_none() {
        let table = |from: &str, to: &str| {
            updates(&format!(
                "| Package | Change |\n|---|---|\n| a | `1` → `2` |\n| b | `{from}` → `{to}` |\n"
            ))
        };
        let digest = format!("sha256:{}", "0f".repeat(32));
        for good in [
            "1.2.3",
            "v1.1.14",
            "17.6.1.074",
            "2024.10.22",
            "1.2.3-rc.1+build_5",
            "3.11-alpine3.19",
            "bookworm",
            "latest",
            "abc1234",
            "^1.0.0 \\|\\| ^2",
            ">=1.0, <2.0",
            "~> 1.2",
            "1.0.0 - 2.0.0",
            "==1.2.*",
            "sha256:abc1234",
            digest.as_str(),
        ] {
            assert!(table("1.0.0", good).is_ok(), "{good}");
            assert!(table(good, "3.0.0").is_ok(), "{good}");
        }
        for bad in [
            "docker.io/x/nginx:1.2.3",
            "evil.example/y:6.6.6",
            "nginx:1.2.3",
            "image: x",
            "\"1.2.3\"",
            "1.2.3'",
            "1.2.3  x",
            "1.2.3 # note",
            "1.2.3;reboot",
            "$(reboot)",
            "a@1.2.3",
            "sha256:xyz",
            "sha256:",
            "sha512:abc1234",
            "é1.2.3",
            "1.2.3\u{200b}",
            "--",
        ] {
            assert_eq!(table("1.0.0", bad), Err(UnreadableTable::Version { row: 2 }), "{bad}");
            assert_eq!(table(bad, "3.0.0"), Err(UnreadableTable::Version { row: 2 }), "{bad}");
        }
        let why = UnreadableTable::Version { row: 2 }.to_string();
        assert!(why.contains("row 2") && why.contains("version"), "{why}");
    }

    #[test]
    fn the_sections_of_a_dashboard_are_counted_by_what_can_be_ticked_one_by_one() {
        let body = "This issue lists updates.\n\n## Rate-Limited\n\n \
                    - [ ] <!-- unlimit-branch=renovate/a -->a\n - [ ] <!-- unlimit-branch=renovate/b -->b\n \
                    - [ ] <!-- create-all-rate-limited-prs -->All of them\n\n## Open\n\n \
                    - [x] <!-- rebase-branch=renovate/c -->[c](../pulls/7)\n - [ ] <!-- rebase-all-open-prs -->All\n\n\
                    ## Detected dependencies\n\n- [ ] a box of somebody's\n";
        let listed = |section: &str, entries| Listed { section: section.to_owned(), entries };
        assert_eq!(dashboard(body), [listed("Rate-Limited", 2), listed("Open", 1)]);
        assert_eq!(dashboard(""), []);
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
