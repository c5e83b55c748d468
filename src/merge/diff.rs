//! A unified diff, read strictly: whatever is not a change of lines in a text file that stays where it is, is refused.

use std::fmt;

/// The first thing that nothing explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unexplained {
    /// In which file, where that is known.
    pub(crate) file: String,
    /// Which line of the new file (of the old one for a removal), where it is a line.
    pub(crate) line: Option<u64>,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

impl fmt::Display for Unexplained {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{} line {line}: {}", self.file, self.why),
            None => write!(formatter, "{}: {}", self.file, self.why),
        }
    }
}

/// One file's part of a unified diff.
pub(super) struct FileDiff {
    pub(super) path: String,
    /// Blocks of removed and added lines that stand together, each with the place of its first added line.
    pub(super) blocks: Vec<Block>,
    /// The hunks whole, with what stands around the changes.
    pub(super) hunks: Vec<Vec<Line>>,
}

#[derive(Default)]
pub(super) struct Block {
    pub(super) line: u64,
    pub(super) removed: Vec<String>,
    pub(super) added: Vec<String>,
}

/// One line of a hunk.
pub(super) struct Line {
    /// Whether it was removed or added.
    pub(super) changed: bool,
    pub(super) text: String,
}

pub(super) fn unexplained(file: &str, line: Option<u64>, why: &'static str) -> Unexplained {
    Unexplained { file: file.to_owned(), line, why }
}

/// Reads a unified diff as git writes it. Lines of hunks are counted, so that contents that look like a header are none.
pub(super) fn parse(diff: &str) -> Result<Vec<FileDiff>, Unexplained> {
    let mut files: Vec<FileDiff> = Vec::new();
    let mut lines = diff.split_terminator('\n').peekable();
    while let Some(line) = lines.next() {
        let Some(names) = line.strip_prefix("diff --git ") else {
            return Err(unexplained("the diff", None, "it does not begin with a file"));
        };
        let Some(path) = same_name(names) else {
            return Err(unexplained(names, None, "its name changed, or cannot be read"));
        };
        let mut file = FileDiff { path, blocks: Vec::new(), hunks: Vec::new() };
        let path = file.path.clone();
        let mut header = 0;
        while let Some(line) = lines.next_if(|line| !line.starts_with("diff --git ")) {
            if let Some(counts) = line.strip_prefix("@@ ") {
                if header != 3 {
                    return Err(unexplained(&path, None, "its header cannot be read"));
                }
                let (old, new) =
                    hunk(counts).ok_or_else(|| unexplained(&path, None, "a hunk cannot be read"))?;
                read_hunk(&mut lines, &old, &new, &mut file)?;
                continue;
            }
            header = match header {
                0 if line.starts_with("index ") && !line.contains(',') => 1,
                1 if line == format!("--- a/{path}") => 2,
                2 if line == format!("+++ b/{path}") => 3,
                // New, deleted, renamed or copied files, modes, binary files: none of these is a change of a version.
                _ => {
                    return Err(unexplained(
                        &path,
                        None,
                        "it is not a change of lines in an existing text file",
                    ));
                }
            };
        }
        if file.blocks.is_empty() {
            return Err(unexplained(&path, None, "it changes without a changed line"));
        }
        files.push(file);
    }
    Ok(files)
}

/// The name in `a/X b/X`; nothing when both differ or are quoted.
fn same_name(names: &str) -> Option<String> {
    let (old, new) = names.split_at_checked(names.len() / 2)?;
    let old = old.strip_prefix("a/")?;
    let new = new.strip_prefix(" b/")?;
    (old == new && !old.is_empty()).then(|| new.to_owned())
}

struct Range {
    start: u64,
    count: u64,
}

/// The ranges of `-1,3 +1,3 @@ ...`.
fn hunk(counts: &str) -> Option<(Range, Range)> {
    let (ranges, _) = counts.split_once(" @@")?;
    let (old, new) = ranges.split_once(' ')?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some(Range { start: start.parse().ok()?, count: count.parse().ok()? })
    };
    Some((range(old.strip_prefix('-')?)?, range(new.strip_prefix('+')?)?))
}

/// A last line without its newline differs from one with it.
fn mark_last(block: &mut Block) {
    let last = if block.added.is_empty() { block.removed.last_mut() } else { block.added.last_mut() };
    if let Some(last) = last {
        last.push('\n');
    }
}

fn read_hunk<'a>(
    lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    old: &Range,
    new: &Range,
    file: &mut FileDiff,
) -> Result<(), Unexplained> {
    let (mut old_left, mut new_left, mut place) = (old.count, new.count, new.start);
    let mut block = Block { line: place, ..Block::default() };
    let cut = || unexplained(&file.path, None, "a hunk does not add up");
    let mut blocks = Vec::new();
    let mut whole = Vec::new();
    while old_left > 0 || new_left > 0 {
        let line = lines.next().ok_or_else(cut)?;
        // Some tools cut the blank off an empty line that is the same on both sides.
        let (mark, text) =
            if line.is_empty() { (" ", "") } else { line.split_at_checked(1).ok_or_else(cut)? };
        match mark {
            " " => {
                old_left = old_left.checked_sub(1).ok_or_else(cut)?;
                new_left = new_left.checked_sub(1).ok_or_else(cut)?;
                place += 1;
                blocks.push(std::mem::take(&mut block));
                block.line = place;
            }
            "-" => {
                // A removal after an addition begins another block.
                if !block.added.is_empty() {
                    blocks.push(std::mem::take(&mut block));
                    block.line = place;
                }
                old_left = old_left.checked_sub(1).ok_or_else(cut)?;
                block.removed.push(text.to_owned());
            }
            "+" => {
                new_left = new_left.checked_sub(1).ok_or_else(cut)?;
                block.added.push(text.to_owned());
                place += 1;
            }
            // "No newline at end of file": git says so after the line; the line itself is compared with that mark.
            "\\" => mark_last(&mut block),
            _ => return Err(cut()),
        }
        if mark != "\\" {
            whole.push(Line { changed: mark != " ", text: text.to_owned() });
        }
    }
    // The mark may also follow the very last line of the hunk.
    if lines.peek().is_some_and(|line| line.starts_with('\\')) {
        lines.next();
        mark_last(&mut block);
    }
    blocks.push(block);
    file.hunks.push(whole);
    file.blocks
        .extend(blocks.into_iter().filter(|block| !block.removed.is_empty() || !block.added.is_empty()));
    Ok(())
}
