//! What a comment says to caretaker.
//!
//! A command is a whole line of the comment as it was written, so that whatever markup does to its end is part of it: an approval with
//! a condition in bold letters is no approval. Which way it is read where more stands on the line than the command goes by
//! what it does: what lets something happen counts as it is described and not otherwise; what holds something back, a stop or
//! an incident, counts whatever stands behind it, in capitals and indented, and in lists, quotations and headings as well, as
//! long as its line begins with it. What only shows a command, as code or in HTML, is none.

use jiff::civil::Date;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A word of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// `/caretaker approve ID CODE`.
    Approve {
        /// The task's id.
        id: String,
        /// The code.
        code: String,
    },
    /// `/caretaker resume`.
    Resume,
    /// `/caretaker stop`.
    Stop,
    /// `/caretaker incident why`: no change starts.
    Incident {
        /// What goes wrong; nothing where nobody says.
        why: String,
    },
    /// `/caretaker incident over`.
    IncidentOver,
    /// `/caretaker acknowledge F-4821 2026-12-31 why`: what was found is accepted until that day is over.
    Acknowledge {
        /// The id of what was found.
        tag: String,
        /// The last day.
        until: Date,
        /// Why.
        reason: String,
    },
}

/// What no id and no code has.
const MARKUP: [char; 8] = ['`', '*', '~', '[', ']', '<', '>', '\\'];

/// Where the text of a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a paragraph, and in nothing else.
    Plain,
    /// In a list, a quotation, a heading, or in markup that began on an earlier line.
    Within,
}

/// The commands of a comment: at the start of a line, outside code and HTML; those that let something happen outside lists
/// and quotations as well, and alone on their line.
pub(crate) fn commands(text: &str) -> Vec<Command> {
    lines(text).into_iter().filter_map(|(line, place)| command(line, place)).collect()
}

/// The lines that begin with plain text, from there to their ends as they were written.
fn lines(text: &str) -> Vec<(&str, Place)> {
    let mut lines = Vec::new();
    let (mut shown, mut within, mut paragraphs) = (0_u32, 0_u32, 0_u32);
    for (event, span) in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock) => shown += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::HtmlBlock) => shown = shown.saturating_sub(1),
            Event::Start(Tag::Paragraph) => paragraphs += 1,
            Event::End(TagEnd::Paragraph) => paragraphs = paragraphs.saturating_sub(1),
            Event::Start(_) => within += 1,
            Event::End(_) => within = within.saturating_sub(1),
            Event::Text(_) if shown == 0 => {
                let before = text[..span.start].trim_end_matches([' ', '\t']);
                if before.is_empty() || before.ends_with('\n') {
                    let is_plain = within == 0 && paragraphs > 0 && before.len() == span.start;
                    let line = text[span.start..].split('\n').next().unwrap_or_default();
                    lines.push((
                        line.strip_suffix('\r').unwrap_or(line),
                        if is_plain { Place::Plain } else { Place::Within },
                    ));
                }
            }
            _ => {}
        }
    }
    lines
}

/// What one line says.
fn command(line: &str, place: Place) -> Option<Command> {
    // At the end of a line this only breaks it.
    let line = line.strip_suffix('\\').unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let (first, rest) = words.split_first()?;
    if !first.eq_ignore_ascii_case("/caretaker") {
        return None;
    }
    if place == Place::Plain
        && *first == "/caretaker"
        && let Some(command) = to_the_letter(rest)
    {
        return Some(command);
    }
    // What holds something back is heard however it is dressed up.
    let (verb, rest) = rest.split_first()?;
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    match (bare(verb).as_str(), rest) {
        ("stop", _) => Some(Command::Stop),
        // Nearly the word that ends one, which nobody means to declare one by.
        ("incident", [over]) if bare(over) == "over" => None,
        ("incident", _) => Some(Command::Incident { why: rest.join(" ") }),
        _ => None,
    }
}

/// What lets something happen, exactly as it is described.
fn to_the_letter(words: &[&str]) -> Option<Command> {
    match words {
        ["approve", id, code] if !id.contains(MARKUP) && !code.contains(MARKUP) => {
            Some(Command::Approve { id: (*id).to_owned(), code: code.to_lowercase() })
        }
        ["resume"] => Some(Command::Resume),
        ["incident", "over"] => Some(Command::IncidentOver),
        ["acknowledge", tag, until, reason @ ..] if !reason.is_empty() => {
            let until = until.parse().ok()?;
            Some(Command::Acknowledge { tag: (*tag).to_owned(), until, reason: reason.join(" ") })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, commands};

    fn incident(why: &str) -> Command {
        Command::Incident { why: why.to_owned() }
    }

    #[test]
    fn what_lets_something_happen_stands_alone_on_its_line_as_it_was_written() {
        let approve = || Command::Approve { id: "A3".to_owned(), code: "7f3c".to_owned() };
        for (text, expected) in [
            ("/caretaker approve A3 7f3c", vec![approve()]),
            ("/caretaker approve A3 7f3c  \nthanks", vec![approve()]),
            ("/caretaker approve A3 7f3c\\\nthanks", vec![approve()]),
            ("Fine.\r\n/caretaker approve A3 7F3C\r\nthanks\r\n", vec![approve()]),
            ("**Fine.**\n/caretaker approve A3 7f3c", vec![approve()]),
            ("Fine.  \n/caretaker approve A3 7f3c\n\n/caretaker resume", vec![approve(), Command::Resume]),
            ("/caretaker approve A3 7f3c **not before Monday**", vec![]),
            ("/caretaker approve A3 7f3c *not*", vec![]),
            ("/caretaker approve A3 7f3c `A4`", vec![]),
            ("/caretaker approve `A3` 7f3c", vec![]),
            ("/caretaker approve A3 7f3c [once it is back](https://example.org)", vec![]),
            ("/caretaker approve A3 7f3c ![no](https://example.org/no.png)", vec![]),
            ("/caretaker approve A3 7f3c <https://example.org>", vec![]),
            ("/caretaker approve A3 7f3c <!-- not yet -->", vec![]),
            ("/caretaker approve A3 7f3c &#63;", vec![]),
            ("/caretaker approve A3 7f3c\\?", vec![]),
            ("/caretaker approve A3 7f3c\rbut not now", vec![]),
            ("**/caretaker approve A3 7f3c**", vec![]),
            ("  /caretaker approve A3 7f3c", vec![]),
            ("/Caretaker approve A3 7f3c", vec![]),
            ("&#47;caretaker approve A3 7f3c", vec![]),
            ("~~No:\n/caretaker approve A3 7f3c\nno~~", vec![]),
            ("*If only:\n/caretaker approve A3 7f3c\nthen*", vec![]),
            ("[see\n/caretaker approve A3 7f3c\n](https://example.org)", vec![]),
            ("`see\n/caretaker approve A3 7f3c\n`", vec![]),
            ("Words <!--\n/caretaker approve A3 7f3c\n-->", vec![]),
            ("- if only\n/caretaker approve A3 7f3c", vec![]),
            ("> he said\n/caretaker approve A3 7f3c", vec![]),
            ("/caretaker approve A3 7f3c\n---", vec![]),
            ("/caretaker resume `A3` only", vec![]),
            ("/caretaker resume **A3**", vec![]),
            ("/caretaker resume", vec![Command::Resume]),
        ] {
            assert_eq!(commands(text), expected, "{text}");
        }
        let said = commands("/caretaker acknowledge F-4821 2026-12-31 see [the list] of *all*");
        assert!(
            matches!(&said[..], [Command::Acknowledge { reason, .. }] if reason == "see [the list] of *all*"),
            "{said:?}"
        );
    }

    #[test]
    fn what_holds_something_back_counts_whatever_stands_behind_it() {
        for (text, expected) in [
            ("/caretaker stop", vec![Command::Stop]),
            ("/caretaker stop **now**", vec![Command::Stop]),
            ("/caretaker stop now, please", vec![Command::Stop]),
            ("/caretaker stop!", vec![Command::Stop]),
            ("  /caretaker stop", vec![Command::Stop]),
            ("Please\n    /caretaker stop", vec![Command::Stop]),
            ("/Caretaker Stop", vec![Command::Stop]),
            ("/caretaker incident over.", vec![]),
            ("/caretaker incident **over**", vec![]),
            ("/caretaker **stop**", vec![Command::Stop]),
            ("/caretaker Stop  \r\nthanks", vec![Command::Stop]),
            ("/caretaker stop\n--\nThe operator", vec![Command::Stop]),
            ("1. It burns.\n/caretaker stop", vec![Command::Stop]),
            ("> Shall it go on?\n/caretaker stop", vec![Command::Stop]),
            ("*No:\n/caretaker stop\nno*", vec![Command::Stop]),
            ("> /caretaker stop", vec![]),
            ("- /caretaker stop", vec![]),
            ("please /caretaker stop", vec![]),
            ("**/caretaker stop**", vec![]),
            ("`/caretaker stop`", vec![]),
            ("```\n/caretaker stop\n```", vec![]),
            ("    /caretaker stop", vec![]),
            ("<!--\n/caretaker stop\n-->", vec![]),
            ("/caretaker stopped", vec![]),
            ("/caretaker incident", vec![incident("")]),
            ("/caretaker incident over", vec![Command::IncidentOver]),
            ("/caretaker incident over\r\nthanks", vec![Command::IncidentOver]),
            (
                "/caretaker incident over *once the switch is back*",
                vec![incident("over *once the switch is back*")],
            ),
            ("> Still?\n/caretaker incident over", vec![]),
            ("/caretaker incident  the `core` router\treboots", vec![incident("the `core` router reboots")]),
            ("/caretaker incident: the router", vec![incident("the router")]),
            ("/caretaker incident over the whole rack", vec![incident("over the whole rack")]),
        ] {
            assert_eq!(commands(text), expected, "{text}");
        }
    }
}
