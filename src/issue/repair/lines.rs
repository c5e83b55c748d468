//! Which lines between markers are ours, told by what we ever wrote there.

use super::super::approvals::is_approval_line;
use super::super::marks::{self, Mark, close, is_sum, normal_line, open};
use super::{MOST_REPAIRS, Side};
use crate::wording;
use std::collections::HashSet;
use std::ops::Range;

/// More lines than this in a row that are not ours end what a lone marker claims.
const PATIENCE: usize = 3;

/// In the place of a line of another block: no line that anybody writes, and none that is blank.
const OTHERS: &str = "\u{0}";

/// A line with fewer letters and digits than this may well be somebody else's: behind a lone marker it counts as ours only
/// right behind another line of ours.
const TELLING: usize = 8;

/// What we ever wrote into a block, line by line, prepared once for all pieces that markers claim.
pub(super) struct Known<'a> {
    mark: &'a Mark<'a>,
    texts: Vec<Lines>,
    sums: Vec<String>,
}

/// The lines of one text, blank ones left out.
struct Lines {
    list: Vec<String>,
    set: HashSet<String>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let list: Vec<String> =
            text.lines().map(normal_line).filter(|line| !line.trim().is_empty()).collect();
        Self { set: list.iter().cloned().collect(), list }
    }

    fn has(&self, line: &str) -> bool {
        self.set.contains(line)
    }
}

impl<'a> Known<'a> {
    pub(super) fn of(mark: &'a Mark<'a>) -> Self {
        let written = || mark.former.iter().map(String::as_str).chain([mark.text]);
        Self {
            mark,
            texts: written().map(Lines::of).collect(),
            sums: written().map(|text| marks::sum_line(mark.name, text)).collect(),
        }
    }

    /// Whether the inside of a block is nobody's but ours. Where there is nothing inside, nobody has written anything.
    pub(super) fn owns(&self, inner: &str) -> bool {
        !inner.trim().is_empty() && self.mark.owns(inner)
    }

    /// The name of the block.
    pub(super) fn name(&self) -> &str {
        self.mark.name
    }

    /// What of a claimed piece is not ours, with its own line endings; `None` where none of it surely is ours. Nothing of
    /// it is in the `others`, which are in the order of the text.
    pub(super) fn foreign(&self, inner: &str, side: Option<Side>, others: &[Range<usize>]) -> Option<String> {
        let lines: Vec<&str> = inner.split_inclusive('\n').collect();
        let mut at = 0;
        let normal: Vec<String> = lines
            .iter()
            .map(|line| {
                let (start, end) = (at, at + line.len());
                at = end;
                let next = others.partition_point(|other| other.end <= start);
                let is_others = others.get(next).is_some_and(|other| other.start < end);
                if is_others { OTHERS.to_owned() } else { normal_line(line) }
            })
            .collect();
        // Without one of these nothing is; most pieces that somebody's markers claim hold none.
        let hint = |line: &String| {
            is_sum(line)
                || is_approval_line(line)
                || is_telling(line) && self.texts.iter().any(|known| known.has(line))
        };
        if !normal.iter().any(hint) {
            return None;
        }
        // Of all that we ever wrote there, what explains most of the lines is what stands there.
        let kept = self
            .texts
            .iter()
            .map(|known| not_ours(self.mark.name, &normal, known, &self.sums, side))
            .min_by_key(|kept| kept.iter().filter(|kept| **kept).count())?;
        if kept.iter().all(|kept| *kept) {
            return None;
        }
        Some(lines.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(line, _)| *line).collect())
    }
}

/// Which lines stay when what we wrote there is `known`: all but the most that can be found of it, in its order. Whatever
/// a person added, changed or took away among our lines, the others of ours go, or half a fence would swallow the rest.
fn not_ours(name: &str, lines: &[String], known: &Lines, sums: &[String], side: Option<Side>) -> Vec<bool> {
    let mut list: Vec<&str> = known.list.iter().map(String::as_str).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    if side == Some(Side::Before) {
        list.reverse();
        order.reverse();
    }
    let normal: Vec<&str> = order.iter().map(|&index| lines[index].as_str()).collect();
    let sure = surely(name, &normal, known, sums, side);
    let reach = match side {
        None => normal.len(),
        Some(_) => claimed(&normal, known, &sure),
    };
    let mut ours: Vec<bool> = sure[..reach].to_vec();
    // Again, because a fence that half a block opens can hide where the next copy begins.
    for _ in 0..MOST_REPAIRS {
        let left: Vec<(usize, &str)> =
            (0..reach).filter(|&at| !ours[at] && known.has(normal[at])).map(|at| (at, normal[at])).collect();
        let found = common(&left, &list);
        if !found.iter().any(|&at| is_telling(normal[at])) {
            break;
        }
        for at in found {
            ours[at] = true;
        }
    }
    spare_fences(&normal[..reach], side == Some(Side::Before), &mut ours);
    let mut kept = vec![true; lines.len()];
    for (step, &index) in order[..reach].iter().enumerate() {
        // Blank lines around what was ours were ours as well; around what is not they are a person's.
        let is_ours = |other: Option<usize>| other.and_then(|other| ours.get(other)) == Some(&true);
        let blank =
            normal[step].trim().is_empty() && (is_ours(step.checked_sub(1)) || is_ours(Some(step + 1)));
        kept[index] = !(ours[step] || blank);
        ours[step] |= blank;
    }
    kept
}

/// Leaves to a person the end of a fence that they opened: where half a block was cut off within its own fence, theirs is the
/// next end that looks like ours.
fn spare_fences(lines: &[&str], backwards: bool, ours: &mut [bool]) {
    let mut theirs_is_open = false;
    for step in 0..lines.len() {
        let at = if backwards { lines.len() - 1 - step } else { step };
        let line = lines[at].trim();
        if !line.starts_with("```") {
            continue;
        }
        let may_end_one = line.bytes().all(|byte| byte == b'`');
        ours[at] &= !(theirs_is_open && may_end_one);
        theirs_is_open = !(ours[at] || theirs_is_open && may_end_one);
    }
}

/// Which lines nobody else writes: sums, boxes of approvals, and markers (hidden in a fence that half a block opened) that
/// stand where they do in a block.
fn surely(name: &str, lines: &[&str], known: &Lines, sums: &[String], side: Option<Side>) -> Vec<bool> {
    let (opening, closing) = (format!("<!-- {} -->", open(name)), format!("<!-- {} -->", close(name)));
    let backwards = side == Some(Side::Before);
    let ours =
        |line: Option<&str>| line.is_some_and(|line| is_sum(line) || known.has(line) && is_telling(line));
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
            let line = lines[at];
            let before = || previous[at].map(|at| lines[at]);
            let behind = || next[at].map(|at| lines[at]);
            let (above, below) = if backwards { (behind(), before()) } else { (before(), behind()) };
            // Any other sum is another block's.
            is_sum(line) && (sums.iter().any(|sum| sum == line) || below.is_some_and(|line| line == closing))
                || is_approval_line(line)
                || line == opening && ours(below)
                || line == closing && ours(above)
        })
        .collect()
}

/// How many lines a lone marker claims: up to the last line of ours before so many that are not, and the short ones
/// right behind it.
fn claimed(lines: &[&str], known: &Lines, sure: &[bool]) -> usize {
    let (mut missed, mut end) = (0, 0);
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let is_known = known.has(line);
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

/// Whether a line may prove that it is ours. The heading of a change log is what anybody writes above theirs.
fn is_telling(line: &str) -> bool {
    line.chars().filter(|character| character.is_alphanumeric()).count() >= TELLING
        && line.trim_start_matches('#').trim() != wording::change_log_heading()
}

/// The longest sequence of lines that is in `known` in the same order: their places.
fn common(found: &[(usize, &str)], known: &[&str]) -> Vec<usize> {
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
