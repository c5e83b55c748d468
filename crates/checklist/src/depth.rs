//! Texts that nest too deeply are refused before the parser works on them.
//!
//! The parser walks over every open container on every line, and when it looks whether a line is a rule it
//! does so once for each marker on it. A text of one megabyte that opens thousands of containers, or that goes
//! on for hundreds of thousands of lines within sixty, would so cost seconds. What is counted here is an upper
//! bound of the containers that are open on a line; it is never below the truth, and in texts that people
//! write it stays at their indentation.

use crate::document::TooDeep;
use crate::lines::Lines;

/// The bound above which nothing is read. Larger than [`crate::MAX_DEPTH`], because it is only a bound.
const MOST_OPEN: usize = 2 * crate::MAX_DEPTH;

/// How many containers the parser may look at in all. A megabyte that people write costs it some hundred thousand.
const MOST_STEPS: usize = 1 << 22;

/// Refuses a text that would nest too deeply, or for too long.
pub(crate) fn refuse(text: &str, lines: &Lines) -> Result<(), TooDeep> {
    let mut open = 0;
    let mut steps = 0;
    for (number, line) in lines.each(text).enumerate() {
        let start = Start::of(line.as_bytes());
        // A container of a list wants two columns at least, one of a quotation its marker.
        let here = (open + start.markers).min(start.columns / 2 + start.markers);
        open = if start.surely_opens { here } else { here.max(open) };
        steps += open;
        if open > MOST_OPEN || steps > MOST_STEPS {
            return Err(TooDeep { line: number + 1 });
        }
    }
    Ok(())
}

/// What a line begins with.
#[derive(Default)]
struct Start {
    /// Blanks before and between the markers, in columns, a tab taken for four.
    columns: usize,
    /// Markers of list items and quotations, one behind the other.
    markers: usize,
    /// It opens a list item, so that it cannot merely continue a paragraph and with it all around that.
    surely_opens: bool,
}

impl Start {
    fn of(line: &[u8]) -> Self {
        let mut start = Self::default();
        let mut near = true;
        let mut at = 0;
        loop {
            let before = start.columns;
            while let Some(blank) = line.get(at).filter(|&&byte| is_blank(byte)) {
                start.columns += if *blank == b'\t' { 4 } else { 1 };
                at += 1;
            }
            near &= start.columns - before < 4;
            let Some(length) = marker(&line[at..]) else { break };
            if start.markers == 0 && is_rule(&line[at..]) {
                break;
            }
            start.markers += 1;
            at += length;
            let empty = line[at..].iter().all(|&byte| is_blank(byte));
            start.surely_opens |= matches!(line[at - 1], b'-' | b'*' | b'+') && !empty;
            if start.markers > MOST_OPEN {
                break;
            }
        }
        start.surely_opens &= near;
        start
    }
}

/// The length of the marker of a list item or a quotation that the line begins with.
fn marker(line: &[u8]) -> Option<usize> {
    let length = match line.first()? {
        b'>' => return Some(1),
        b'-' | b'*' | b'+' => 1,
        b'0'..=b'9' => {
            let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
            matches!(line.get(digits), Some(b'.' | b')')).then_some(digits + 1)?
        }
        _ => return None,
    };
    line.get(length).is_none_or(|&byte| is_blank(byte)).then_some(length)
}

/// Three or more of one character of which rules are made, and blanks: it opens no container.
fn is_rule(line: &[u8]) -> bool {
    let first = line[0];
    let mut rest = line.iter().filter(|&&byte| !is_blank(byte));
    matches!(first, b'-' | b'*') && line.len() > 2 && rest.all(|&byte| byte == first)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
