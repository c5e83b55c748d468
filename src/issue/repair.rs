//! Exactly one block of a kind, whatever became of its markers.
//!
//! A person, or a program that writes whole texts, may lose half of a block, paste a second copy, write into one or put
//! markers around somebody's words. What we wrote goes, line by line; every other line stays, below the block. A marker
//! that is taken away must not change how the rest is read: where it would, because its line began a heading or a fence
//! once it is gone, an empty comment stays in its place.

use super::marks::{self, Mark, close, is_proper, is_sum, normal_line, open};
use super::position::{self, Place};
use checklist::{Document, Edits};
use std::ops::Range;

/// How often a text is repaired before it is taken as it is: a removed marker may leave another one behind.
const MOST_REPAIRS: usize = 8;

/// More lines than this in a row that are not ours end what a lone marker claims.
const PATIENCE: usize = 3;

/// A line with fewer letters and digits than this may well be somebody else's: behind a lone marker it counts as ours only
/// right behind another line of ours.
const TELLING: usize = 8;

/// What stays where taking a marker away would change how the rest is read.
const NEUTRAL: &str = "<!-- -->";

/// A piece of the text that markers of ours claim.
#[derive(Debug, Clone)]
struct Region {
    span: Range<usize>,
    inner: Range<usize>,
    /// Both markers are there, at the start of lines of the document itself.
    whole: bool,
}

impl Region {
    /// On which side of a lone marker the claimed piece lies.
    fn side(&self) -> Option<Side> {
        match (self.span.start == self.inner.start, self.span.end == self.inner.end) {
            (true, false) => Some(Side::Before),
            (false, true) => Some(Side::After),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The text with exactly one block of this name, as wished.
pub(super) fn place(text: &str, mark: &Mark<'_>, place: Place) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_REPAIRS {
        let Ok(document) = Document::parse(&text) else { return text };
        let found = regions(&document, mark.name);
        let block = marks::render(mark, document.line_ending());
        if found.is_empty() {
            return position::insert(&document, &block, mark.name, place);
        }
        let Some(next) = repaired(&document, &found, mark, Some(&block)) else { return text };
        drop(document);
        text = next;
    }
    text
}

/// The text with what was found repaired, and one of them the block; `None` when all is well.
fn repaired(
    document: &Document<'_>,
    found: &[Region],
    mark: &Mark<'_>,
    block: Option<&str>,
) -> Option<String> {
    let text = document.text();
    let primary = block.and_then(|_| {
        found
            .iter()
            .position(|region| region.whole && mark.owns(&text[region.inner.clone()]))
            .or_else(|| found.iter().position(|region| region.whole))
    });
    let block = block.unwrap_or_default();
    let ending = document.line_ending().as_str();
    let (mut bare, mut neutral, mut risky) = (Edits::new(), Edits::new(), false);
    for (index, region) in found.iter().enumerate() {
        let inner = &text[region.inner.clone()];
        let owned = region.whole && mark.owns(inner);
        let rest = if owned { String::new() } else { foreign(mark, inner, region.side()) };
        let new = if Some(index) != primary {
            rest.clone()
        } else if rest.trim().is_empty() {
            block.to_owned()
        } else {
            format!("{block}{ending}{ending}{}", rest.trim_start_matches(['\n', '\r']))
        };
        if text[region.span.clone()] == *new {
            continue;
        }
        let careful = if Some(index) == primary || owned {
            new.clone()
        } else {
            risky = true;
            neutralised(region, inner, &rest, ending)
        };
        bare.replace(region.span.clone(), new);
        neutral.replace(region.span.clone(), careful);
    }
    if bare.is_empty() {
        return None;
    }
    let bare = bare.apply(text).ok()?;
    if !risky {
        return Some(bare);
    }
    let neutral = neutral.apply(text).ok()?;
    Some(if outline(&bare) == outline(&neutral) { bare } else { neutral })
}

/// What stays of a claimed piece, with an empty comment for each of its markers. One that had its line for itself keeps
/// it.
fn neutralised(region: &Region, inner: &str, rest: &str, ending: &str) -> String {
    let mut text = String::new();
    if region.span.start < region.inner.start {
        text.push_str(NEUTRAL);
        if inner.starts_with(['\n', '\r']) && !rest.starts_with(['\n', '\r']) {
            text.push_str(ending);
        }
    }
    text.push_str(rest);
    if region.inner.end < region.span.end {
        if inner.ends_with('\n') && !text.is_empty() && !text.ends_with('\n') {
            text.push_str(ending);
        }
        text.push_str(NEUTRAL);
    }
    text
}

/// What a reader makes of a text: its boxes, each with the headings above it, its headings and tables.
fn outline(text: &str) -> Option<Vec<String>> {
    let document = Document::parse(text).ok()?;
    let mut outline: Vec<String> = document
        .items()
        .iter()
        .map(|item| format!("{} {} {:?}", item.depth, item.text, item.headings))
        .collect();
    outline.extend(document.headings().iter().map(|heading| format!("{} {}", heading.level, heading.text)));
    outline
        .extend(document.tables().iter().map(|table| format!("{} {}", table.header.len(), table.rows.len())));
    Some(outline)
}

fn regions(document: &Document<'_>, name: &str) -> Vec<Region> {
    let markers = document.markers(&open(name), &close(name));
    let mut found: Vec<Region> = markers
        .blocks
        .into_iter()
        .map(|block| Region {
            whole: is_proper(document, block.span.start) && is_proper(document, block.inner.end),
            span: block.span,
            inner: block.inner,
        })
        .collect();
    for stray in markers.stray_open {
        let end = claimed_end(document, stray.end);
        found.push(Region { span: stray.start..end, inner: stray.end..end, whole: false });
    }
    for stray in markers.stray_close {
        let start = document
            .comments()
            .iter()
            .filter(|comment| comment.span.end <= stray.start && is_marker(&comment.content))
            .map(|comment| comment.span.end)
            .next_back()
            .unwrap_or_else(|| document.start());
        found.push(Region { span: start..stray.end, inner: start..stray.start, whole: false });
    }
    found.sort_by_key(|region| region.span.start);
    found.dedup_by(|next, kept| {
        let overlaps = next.span.start < kept.span.end;
        if overlaps {
            kept.span.end = kept.span.end.max(next.span.end);
        }
        overlaps
    });
    found
}

fn is_marker(content: &str) -> bool {
    marker_name(content).is_some()
}

/// The name of the block that a comment begins or ends.
fn marker_name(content: &str) -> Option<&str> {
    let name = content.strip_prefix('/').unwrap_or(content).strip_prefix("caretaker:")?;
    (!name.is_empty() && !name.contains(' ')).then_some(name)
}

/// How far a lone opening marker can reach: to the next marker of ours, or the end.
fn claimed_end(document: &Document<'_>, start: usize) -> usize {
    document
        .comments()
        .iter()
        .find(|comment| comment.span.start >= start && is_marker(&comment.content))
        .map_or(document.text().len(), |comment| comment.span.start)
}

/// What of a claimed piece is not ours, with its own line endings.
fn foreign(mark: &Mark<'_>, inner: &str, side: Option<Side>) -> String {
    let lines: Vec<&str> = inner.split_inclusive('\n').collect();
    let written = || mark.former.iter().map(String::as_str).chain([mark.text]);
    let sums: Vec<String> = written().map(|text| marks::sum_line(mark.name, text)).collect();
    // Of all that we ever wrote there, what explains most of the lines is what stands there.
    let kept = written()
        .map(|known| not_ours(mark.name, &lines, known, &sums, side))
        .min_by_key(|kept| kept.iter().filter(|kept| **kept).count())
        .unwrap_or_else(|| vec![true; lines.len()]);
    lines.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(line, _)| *line).collect()
}

/// Which lines stay when what we wrote there is `known`: all but the most that can be found of it, in its order. Whatever
/// a person added, changed or took away among our lines, the others of ours go, or half a fence would swallow the rest.
fn not_ours(name: &str, lines: &[&str], known: &str, sums: &[String], side: Option<Side>) -> Vec<bool> {
    let mut known: Vec<String> =
        known.lines().map(normal_line).filter(|line| !line.trim().is_empty()).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    if side == Some(Side::Before) {
        known.reverse();
        order.reverse();
    }
    let normal: Vec<String> = order.iter().map(|&index| normal_line(lines[index])).collect();
    let sure = surely(name, &normal, &known, sums, side);
    let reach = match side {
        None => normal.len(),
        Some(_) => claimed(&normal, &known, &sure),
    };
    let mut ours: Vec<bool> = sure[..reach].to_vec();
    // Again, because a fence that half a block opens can hide where the next copy begins.
    for _ in 0..MOST_REPAIRS {
        let left: Vec<(usize, &str)> =
            (0..reach).filter(|&at| !ours[at]).map(|at| (at, normal[at].as_str())).collect();
        let found = common(&left, &known);
        if !found.iter().any(|&at| is_telling(&normal[at])) {
            break;
        }
        for at in found {
            ours[at] = true;
        }
    }
    let mut kept = vec![true; lines.len()];
    for (step, &index) in order[..reach].iter().enumerate() {
        // Blank lines around what was ours were ours as well.
        let near = |other: Option<&bool>| other.is_none_or(|other| *other);
        let blank = normal[step].trim().is_empty()
            && (near(step.checked_sub(1).and_then(|before| ours.get(before))) || near(ours.get(step + 1)));
        kept[index] = !(ours[step] || blank);
        ours[step] |= blank;
    }
    kept
}

/// Which lines nobody else writes: sums, boxes of approvals, and markers (hidden in a fence that half a block opened) that
/// stand where they do in a block.
fn surely(name: &str, lines: &[String], known: &[String], sums: &[String], side: Option<Side>) -> Vec<bool> {
    let (opening, closing) = (format!("<!-- {} -->", open(name)), format!("<!-- {} -->", close(name)));
    let backwards = side == Some(Side::Before);
    let ours = |line: Option<&String>| {
        line.is_some_and(|line| is_sum(line) || known.contains(line) && is_telling(line))
    };
    // The nearest lines that are not blank, found once: a text may hold thousands of blank ones.
    let nearest = |order: &mut dyn Iterator<Item = usize>| {
        let mut found: Vec<Option<usize>> = vec![None; lines.len()];
        let mut last = None;
        for at in order {
            found[at] = last;
            if !lines[at].trim().is_empty() {
                last = Some(at);
            }
        }
        found
    };
    let previous = nearest(&mut (0..lines.len()));
    let next = nearest(&mut (0..lines.len()).rev());
    (0..lines.len())
        .map(|at| {
            let line = &lines[at];
            let before = || previous[at].map(|at| &lines[at]);
            let behind = || next[at].map(|at| &lines[at]);
            let (above, below) = if backwards { (behind(), before()) } else { (before(), behind()) };
            // Any other sum is another block's.
            is_sum(line) && (sums.contains(line) || below.is_some_and(|line| *line == closing))
                || super::approvals::is_approval_line(line)
                || *line == opening && ours(below)
                || *line == closing && ours(above)
        })
        .collect()
}

/// How many lines a lone marker claims: up to the last line of ours before so many that are not, and the short ones
/// right behind it.
fn claimed(lines: &[String], known: &[String], sure: &[bool]) -> usize {
    let (mut missed, mut end) = (0, 0);
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let is_known = known.contains(line);
        if sure[at] || is_known && (is_telling(line) || missed == 0) {
            missed = 0;
            end = at + 1;
        } else if !is_known {
            missed += 1;
            if missed >= PATIENCE {
                break;
            }
        }
    }
    end
}

fn is_telling(line: &str) -> bool {
    line.chars().filter(|character| character.is_alphanumeric()).count() >= TELLING
}

/// The longest sequence of lines that is in `known` in the same order: their places.
fn common(lines: &[(usize, &str)], known: &[String]) -> Vec<usize> {
    let found: Vec<(usize, &str)> =
        lines.iter().filter(|(_, line)| known.iter().any(|own| own == line)).copied().collect();
    let width = known.len() + 1;
    let mut longest = vec![0_u32; (found.len() + 1) * width];
    for (row, (_, line)) in found.iter().enumerate().rev() {
        for column in (0..known.len()).rev() {
            longest[row * width + column] = if known[column] == *line {
                longest[(row + 1) * width + column + 1] + 1
            } else {
                longest[(row + 1) * width + column].max(longest[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut places = Vec::new();
    while row < found.len() && column < known.len() {
        if known[column] == found[row].1 {
            places.push(found[row].0);
            row += 1;
            column += 1;
        } else if longest[row * width + column + 1] >= longest[(row + 1) * width + column] {
            // The first of several copies, so that another round finds the others whole.
            column += 1;
        } else {
            row += 1;
        }
    }
    places
}

/// Takes away markers of every kind around what is not ours: somebody put them there, or wrote into a block that is not
/// wanted any more. The words are that person's.
pub(super) fn release(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_REPAIRS {
        let Ok(document) = Document::parse(&text) else { return text };
        let mut names: Vec<&str> =
            document.comments().iter().filter_map(|c| marker_name(&c.content)).collect();
        names.sort_unstable();
        names.dedup();
        let own = marks::own_ranges(&document);
        let next = names.into_iter().find_map(|name| {
            let mut found = regions(&document, name);
            found.retain(|region| !own.contains(&region.span));
            repaired(&document, &found, &Mark::new(name, ""), None)
        });
        let Some(next) = next else { return text };
        drop(document);
        text = next;
    }
    text
}

/// Takes out what was written there: blocks that are wholly ours, and of others every line that we wrote.
pub(super) fn remove_written(text: &str, mark: &Mark<'_>) -> String {
    let mut text = remove(text, mark.name);
    for _ in 0..MOST_REPAIRS {
        let Ok(document) = Document::parse(&text) else { return text };
        let found = regions(&document, mark.name);
        let Some(next) = repaired(&document, &found, mark, None) else { return text };
        drop(document);
        text = next;
    }
    text
}

/// Takes the block of this name out, when it is wholly ours.
pub(super) fn remove(text: &str, name: &str) -> String {
    let Ok(document) = Document::parse(text) else { return text.to_owned() };
    let mut edits = Edits::new();
    for (_, range) in marks::own_blocks(&document).into_iter().filter(|(own, _)| own == name) {
        let mut end = range.end;
        for _ in 0..2 {
            let rest = &text[end..];
            end += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        edits.remove(range.start..end);
    }
    edits.apply(text).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_behind_a_lone_marker_cost_no_more_than_their_number() {
        let mark = Mark::new("status", "## caretaker\n\nnew words of the status");
        let cost = |lines: usize| {
            let text = format!("<!-- caretaker:status -->{}- [ ] mine\n", "\n".repeat(lines));
            super::super::order_tests::cost(|| {
                let placed = place(&text, &mark, Place::Top);
                assert!(placed.ends_with("- [ ] mine\n"));
                assert_eq!(placed.matches("caretaker:status").count(), 2);
            })
        };
        let ratio = cost(8_000) / cost(2_000);
        // Linear is 4, quadratic 16.
        assert!(ratio < 12.0, "four times the lines took {ratio:.1} times as long");
    }

    #[test]
    fn half_a_block_that_hides_the_next_copy_goes_whole() {
        let former = vec!["## caretaker\n\nStatus line begins\n\n- [ ] Approve **A1** (code `7f3c`): it\n\n```json\n{\n}\n```\n\nStatus line ends".to_owned()];
        let mark = Mark::new("status", "## caretaker\n\n```json\n{\n}\n```\n\nanother text").after(&former);
        let whole = marks::render(&Mark::new("status", &former[0]), checklist::LineEnding::Lf);
        let half = &whole[..whole.find("{\n").expect("it is there")];
        let text = place(&format!("{half}\n\n{whole}\n\n- [ ] mine\n"), &mark, Place::Top);
        let block = marks::render(&mark, checklist::LineEnding::Lf);
        assert_eq!(text, format!("{block}\n\n- [ ] mine\n"));
    }
}
