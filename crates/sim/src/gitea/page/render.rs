//! A text as the real server renders it, as far as a person needs it.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};
use std::fmt::Write as _;

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH)
}

/// A text as HTML. Raw HTML is shown as text, other than what folds and sets text.
pub(super) fn rendered(text: &str, can_tick: bool, repo: &str) -> String {
    let mut index = 0;
    // Within these a reference is text like any other.
    let mut inert = 0_usize;
    let events = parser(text).map(|event| match event {
        Event::TaskListMarker(checked) => {
            let (mark, lock) =
                (if checked { " checked" } else { "" }, if can_tick { "" } else { " disabled" });
            let html = format!("<input type=\"checkbox\"{mark}{lock} onchange=\"tick({index})\"> ");
            index += 1;
            Event::Html(html.into())
        }
        Event::Html(html) => Event::Html(folding_only(&html).into()),
        Event::InlineHtml(html) => Event::InlineHtml(folding_only(&html).into()),
        Event::Text(text) if inert == 0 => match linked(&text, repo) {
            Some(html) => Event::InlineHtml(html.into()),
            None => Event::Text(text),
        },
        Event::Start(Tag::CodeBlock(kind)) => {
            inert += 1;
            Event::Start(Tag::CodeBlock(kind))
        }
        Event::End(end @ (TagEnd::CodeBlock | TagEnd::Link | TagEnd::Image)) => {
            inert = inert.saturating_sub(1);
            Event::End(end)
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            inert += 1;
            Event::Start(Tag::Link { link_type, dest_url: web_only(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            inert += 1;
            Event::Start(Tag::Image { link_type, dest_url: web_only(dest_url), title, id })
        }
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

/// The text with links where it names issues as `#12`; `None` where it names none.
fn linked(text: &str, repo: &str) -> Option<String> {
    let mut html = String::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = text[from..].find('#') {
        let at = from + found;
        let digits = text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let end = at + 1 + digits;
        from = end;
        let before = text[..at].chars().next_back();
        let free = before.is_none_or(|c| c.is_whitespace() || "([\"'".contains(c));
        let whole = text[end..].chars().next().is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
        if (1..=9).contains(&digits) && free && whole {
            html += &escape(&text[done..at]);
            let number = &text[at + 1..end];
            let _ = write!(html, "<a href=\"/{}/issues/{number}\">#{number}</a>", escape(repo));
            done = end;
        }
    }
    (done > 0).then(|| html + &escape(&text[done..]))
}

fn web_only(address: CowStr<'_>) -> CowStr<'_> {
    let allowed = ["http://", "https://", "/", "#"].iter().any(|start| address.starts_with(start));
    if allowed { address } else { CowStr::Borrowed("#") }
}

/// Tags without attributes that fold or set text.
const HARMLESS: [&str; 10] = [
    "<details>",
    "</details>",
    "<summary>",
    "</summary>",
    "<sub>",
    "</sub>",
    "<sup>",
    "</sup>",
    "<br>",
    "<br/>",
];

/// Keeps what folds and sets text, drops comments, and escapes every other tag.
fn folding_only(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        kept += &once_escaped(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            let end = rest.find("-->").map_or(rest.len(), |end| end + 3);
            rest = &rest[end..];
            continue;
        }
        let tag = HARMLESS.iter().find(|tag| rest.starts_with(**tag));
        if let Some(tag) = tag {
            kept += tag;
            rest = &rest[tag.len()..];
        } else {
            kept += "&lt;";
            rest = &rest[1..];
        }
    }
    kept + &once_escaped(rest)
}

/// Escapes what is not escaped yet: within HTML an author writes `&lt;` themselves.
fn once_escaped(text: &str) -> String {
    escape(text).replace("&amp;lt;", "&lt;").replace("&amp;gt;", "&gt;").replace("&amp;amp;", "&amp;")
}

/// The body with one box turned, by changing the byte between its brackets.
pub(super) fn turned(text: &str, index: usize) -> Option<String> {
    let boxes =
        parser(text).into_offset_iter().filter(|(event, _)| matches!(event, Event::TaskListMarker(_)));
    let (event, range) = boxes.into_iter().nth(index)?;
    let at = range.start + text.get(range.clone())?.find('[')? + 1;
    let mark = if matches!(event, Event::TaskListMarker(true)) { " " } else { "x" };
    text.is_char_boundary(at + 1).then(|| format!("{}{mark}{}", &text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_changes_one_byte() {
        let text = "- [ ] ä\r\n- [x] b\r\n\r\n```\n- [ ] no\n```\n1. [X] c\n   - [ ] d\n";
        assert_eq!(turned(text, 0).as_deref(), Some(text.replacen("[ ] ä", "[x] ä", 1).as_str()));
        assert_eq!(turned(text, 1).as_deref(), Some(text.replacen("[x] b", "[ ] b", 1).as_str()));
        assert_eq!(turned(text, 2).as_deref(), Some(text.replacen("[X] c", "[ ] c", 1).as_str()));
        assert_eq!(turned(text, 3).as_deref(), Some(text.replacen("[ ] d", "[x] d", 1).as_str()));
        assert_eq!(turned(text, 4), None);
    }

    #[test]
    fn raw_html_is_shown_as_text() {
        let html = rendered(
            "<details><summary>x</summary>\n\n<script>alert(1)</script>\n\n</details>\n\na <b>c</b>",
            false,
            "ops/homelab",
        );
        assert!(html.contains("<details><summary>x</summary>") && html.contains("</details>"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(!rendered("<!-- hidden --> shown", false, "ops/homelab").contains("hidden"));
        assert!(!rendered("[x](javascript:alert(1))", false, "ops/homelab").contains("javascript"));
    }

    #[test]
    fn references_are_links_in_running_text_only() {
        let html = |text: &str| rendered(text, false, "ops/homelab");
        assert!(html("see #12, (#13)").contains("<a href=\"/ops/homelab/issues/12\">#12</a>, (<a"));
        for text in
            ["`#12`", "    #12", "a#12", "#12a", "#", "#\u{200b}12", "[#12](https://example.org/)", "&#35;x"]
        {
            assert!(!html(text).contains("issues/12"), "{text}: {}", html(text));
        }
        assert!(html("#1 <img src=x>").contains("&lt;img"), "{}", html("#1 <img src=x>"));
        assert!(html("#1 & \\<b\\>").contains("&amp; &lt;b&gt;"), "{}", html("#1 & \\<b\\>"));
        assert!(html("<sub>#7</sub>").starts_with("<p><sub><a"), "{}", html("<sub>#7</sub>"));
    }
}
