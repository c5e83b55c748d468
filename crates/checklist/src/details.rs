//! How the blocks below a task become its details.
//!
//! People write the same four facts as bullets, as plain lines, inline or fenced. A labelled line opens a
//! detail; code and bullets that follow a label without a text of its own belong to that label.

use std::ops::Range;

use crate::document::{Detail, DetailKind, Item};
use crate::leaf::{Leaf, Line, join};

/// What may still join the last detail of an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Open {
    /// Nothing.
    #[default]
    Nothing,
    /// Code blocks: after a labelled bullet.
    Code,
    /// Code blocks and unlabelled bullets: after a labelled line without a text.
    CodeAndBullets,
}

/// Fills the first paragraph into an item: its title, and its labelled continuation lines as details.
pub(crate) fn first_paragraph(item: &mut Item, open: &mut Open, leaf: &Leaf) {
    item.text = join(leaf.lines().iter().map(|line| line.text.trim()), "\n");
    if let Some(label) = leaf.lines().first().and_then(Line::label) {
        item.label = Some(label.text);
        item.label_bold = label.bold;
    }
    let labelled = leaf.lines().iter().skip(1).position(|line| line.label().is_some());
    let (title, rest) = leaf.lines().split_at(labelled.map_or(leaf.lines().len(), |position| position + 1));
    item.title = join(title.iter().map(|line| line.text.trim()), " ");
    item.struck = title.iter().any(|line| line.struck);
    item.inline_code = title.iter().flat_map(|line| line.code.iter().cloned()).collect();
    lines(item, open, rest, &DetailKind::Line);
}

/// Adds a paragraph that belongs to the item itself.
pub(crate) fn paragraph(item: &mut Item, open: &mut Open, leaf: &Leaf) {
    lines(item, open, leaf.lines(), &DetailKind::Paragraph);
}

/// Adds the text of a quotation.
pub(crate) fn quote(item: &mut Item, open: &mut Open, leaf: &Leaf) {
    let Some(span) = whole(leaf.lines()) else { return };
    let mut detail = empty(DetailKind::Quote, span);
    detail.text = join(leaf.lines().iter().map(|line| line.text.trim()), "\n");
    item.details.push(detail);
    *open = Open::Nothing;
}

/// Adds a text of a bullet below the item; `detail` is the one the bullet fills, once there is one.
pub(crate) fn bullet(
    item: &mut Item,
    open: &mut Open,
    detail: &mut Option<usize>,
    span: &Range<usize>,
    leaf: &Leaf,
) {
    if let Some(index) = *detail {
        extend(&mut item.details[index], leaf.lines());
        return;
    }
    if leaf.lines().iter().all(|line| line.text.trim().is_empty()) {
        return;
    }
    let labelled = leaf.lines().first().is_some_and(|line| line.label().is_some());
    if !labelled && *open == Open::CodeAndBullets && !item.details.is_empty() {
        let last = item.details.len() - 1;
        extend(&mut item.details[last], leaf.lines());
        item.details[last].span.end = span.end.max(item.details[last].span.end);
        *detail = Some(last);
        return;
    }
    *detail = Some(item.details.len());
    let mut made = empty(DetailKind::Bullet, span.clone());
    head(&mut made, leaf.lines());
    *open = if made.label.is_some() && made.text.is_empty() { Open::Code } else { Open::Nothing };
    item.details.push(made);
}

/// Adds a code block, below the item itself or in one of its bullets.
pub(crate) fn code(
    item: &mut Item,
    open: Open,
    bullet: Option<(&mut Option<usize>, &Range<usize>)>,
    block: CodeBlock,
) {
    match bullet {
        Some((Some(index), _)) => item.details[*index].code_blocks.push(block.content),
        Some((detail, span)) => {
            *detail = Some(item.details.len());
            let mut made = empty(DetailKind::Bullet, span.clone());
            made.code_blocks.push(block.content);
            item.details.push(made);
        }
        None => {
            if open != Open::Nothing
                && let Some(last) = item.details.last_mut()
            {
                last.code_blocks.push(block.content);
                last.span.end = last.span.end.max(block.span.end);
                return;
            }
            let kind = DetailKind::Code { fenced: block.fenced, info: block.info };
            let mut made = empty(kind, block.span);
            made.code_blocks.push(block.content);
            item.details.push(made);
        }
    }
}

/// A code block as it was read.
#[derive(Debug)]
pub(crate) struct CodeBlock {
    pub(crate) content: String,
    pub(crate) fenced: bool,
    pub(crate) info: String,
    pub(crate) span: Range<usize>,
}

/// Splits a running text at its labelled lines.
fn lines(item: &mut Item, open: &mut Open, lines: &[Line], kind: &DetailKind) {
    let mut start = 0;
    while start < lines.len() {
        let length = lines[start + 1..].iter().take_while(|line| line.label().is_none()).count() + 1;
        let group = &lines[start..start + length];
        start += length;
        let Some(span) = whole(group) else { continue };
        let mut made = empty(kind.clone(), span);
        head(&mut made, group);
        *open = if made.label.is_some() && made.text.is_empty() {
            Open::CodeAndBullets
        } else if made.label.is_some() && made.text.ends_with(':') {
            Open::Code
        } else {
            Open::Nothing
        };
        item.details.push(made);
    }
}

/// Fills a new detail: the label from its first line, the text from all.
fn head(detail: &mut Detail, lines: &[Line]) {
    let mut skip = 0;
    if let Some(label) = lines.first().and_then(Line::label) {
        skip = label.end;
        detail.label = Some(label.text);
        detail.label_bold = label.bold;
    }
    let first = lines.first().map_or("", |line| line.text[skip..].trim());
    let rest = lines.iter().skip(1).map(|line| line.text.trim());
    detail.text = join(std::iter::once(first).chain(rest), "\n");
    detail.inline_code = lines.iter().flat_map(|line| line.code.iter().cloned()).collect();
}

fn extend(detail: &mut Detail, lines: &[Line]) {
    for line in lines {
        let text = line.text.trim();
        if !text.is_empty() {
            if !detail.text.is_empty() {
                detail.text.push('\n');
            }
            detail.text.push_str(text);
        }
        detail.inline_code.extend(line.code.iter().cloned());
    }
}

fn whole(lines: &[Line]) -> Option<Range<usize>> {
    let start = lines.iter().find_map(|line| line.span.as_ref())?.start;
    let end = lines.iter().rev().find_map(|line| line.span.as_ref())?.end;
    Some(start..end)
}

fn empty(kind: DetailKind, span: Range<usize>) -> Detail {
    Detail {
        kind,
        label: None,
        label_bold: false,
        text: String::new(),
        inline_code: Vec::new(),
        code_blocks: Vec::new(),
        span,
    }
}
