//! What comes from outside must not be able to write Markdown of its own into what people read.

use super::report_tests::{closing, status};
use super::{
    ApprovalRequest, ChangeKind, ChangeRow, ClosingView, Desired, LessonEvent, StatusView, apply,
    render_closing, render_status,
};
use crate::health::Figure;
use crate::merge::Hold;
use crate::wording;
use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A text in which everything is known to be harmless.
const PLAIN: &str = "plain";

/// The status with one text wherever something from outside stands.
fn hostile_status(text: &str) -> StatusView {
    let mut view = status();
    let own = |text: &str| text.to_owned();
    view.unknown = Some(own(text));
    for layer in &mut view.layers {
        layer.evidence.iter_mut().for_each(|line| *line = own(text));
    }
    for task in &mut view.order {
        task.title = own(text);
    }
    for waiting in &mut view.waiting {
        waiting.title = own(text);
        waiting.why = wording::preflight_waits(crate::forge::PullNumber(9), text);
    }
    view.approvals = view
        .approvals
        .into_iter()
        .map(|request| ApprovalRequest {
            what: own(text),
            warnings: vec![wording::foundation_waits(text)],
            ..request
        })
        .collect();
    for held in &mut view.held {
        held.hold = Hold { package: own(text), file: own(text), version: own(text) };
    }
    for remade in &mut view.remade {
        remade.title = own(text);
    }
    for other in &mut view.others {
        other.title = own(text);
    }
    view.warnings = vec![wording::paused_by(&wording::account(text)), wording::written_over(Some(text))];
    for packet in &mut view.packets {
        packet.id = Some(own(text));
        packet.evidence = vec![wording::said(text)];
    }
    view.missing_rights = vec![wording::cluster_unreachable(text), wording::untrusted_author(text)];
    view
}

/// The closing report likewise.
fn hostile_closing(text: &str) -> ClosingView {
    let mut view = closing();
    let own = || text.to_owned();
    view.resolved_by = own();
    view.layers.iter_mut().for_each(|layer| layer.evidence = vec![own(), own()]);
    view.tasks.iter_mut().for_each(|task| {
        task.title = own();
        task.phase = own();
    });
    view.merged.iter_mut().for_each(|pull| pull.title = own());
    view.closed_pulls.iter_mut().for_each(|pull| pull.title = own());
    view.reverted.iter_mut().for_each(|pull| pull.title = own());
    view.closed_issues.iter_mut().for_each(|issue| issue.title = own());
    view.figures.ceph_health = Figure::Read(own());
    view.figures.osds = Figure::NotRead(own());
    view.figures.node_usage = Figure::Read(vec![(own(), 1, 1)]);
    view.events = vec![
        LessonEvent::Caused {
            pull: crate::forge::PullNumber(7),
            object: own(),
            finding: own(),
            tied: true,
            why: own(),
        },
        LessonEvent::Caused {
            pull: crate::forge::PullNumber(7),
            object: own(),
            finding: own(),
            tied: false,
            why: own(),
        },
        LessonEvent::Retried { task: "A1".to_owned(), failed: 2, by_us: true, why: own() },
        LessonEvent::Held { hold: Hold { package: own(), file: own(), version: own() } },
    ];
    view
}

/// What a text is made of, as far as a reader or a program would notice, and the words outside code.
fn structure(text: &str) -> (BTreeMap<String, usize>, String) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut counts = BTreeMap::new();
    let mut words = String::new();
    let mut code = 0_u32;
    for event in Parser::new_ext(text, options) {
        let what = match &event {
            Event::Start(Tag::CodeBlock(kind)) => {
                code += 1;
                match kind {
                    CodeBlockKind::Indented => "indented code".to_owned(),
                    CodeBlockKind::Fenced(info) => format!("fence {info}"),
                }
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => {
                code = code.saturating_sub(1);
                continue;
            }
            Event::Start(Tag::Link { .. }) => "link".to_owned(),
            Event::Start(Tag::Image { .. }) => "image".to_owned(),
            Event::Start(tag) => {
                format!("{tag:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                // The summaries hold text from outside, between tags of ours.
                let inside = html.trim().trim_start_matches("<summary>").trim_end_matches("</summary>");
                if inside == html.trim() {
                    format!("html {}", html.trim())
                } else {
                    words.push_str(inside);
                    words.push('\n');
                    if inside.contains('<') { format!("html {inside}") } else { "summary".to_owned() }
                }
            }
            Event::TaskListMarker(_) => "box".to_owned(),
            Event::Rule => "rule".to_owned(),
            Event::Text(text) if code == 0 => {
                words.push_str(text);
                continue;
            }
            Event::End(_) => {
                words.push('\n');
                continue;
            }
            _ => continue,
        };
        *counts.entry(what).or_insert(0) += 1;
    }
    (counts, words)
}

/// What a forge makes a link of, as its own patterns say.
static LINKED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        (?:^|[\s(\[])@[0-9A-Za-z_-]                                  # a mention
        | (?:^|[\s(\['"])[\#!][0-9]+                                 # a reference
        | (?:^|[\s(\[])[0-9A-Za-z_.-]+/[0-9A-Za-z_.-]+[\#!][0-9]+    # one to another repository
        | (?:https?|ftp)://[0-9A-Za-z]                               # an address
        | (?:^|[\s(\[*_~])www\.[0-9A-Za-z]
        | [0-9A-Za-z.+_-]+@[0-9A-Za-z-]+\.[0-9A-Za-z]
        "#,
    )
    .expect("a pattern")
});

fn links(words: &str) -> usize {
    words.lines().map(|line| LINKED.find_iter(line).count()).sum()
}

fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "- [ ] ",
        "* [x] ",
        "1. [ ] ",
        "\n",
        "\r\n",
        "\t",
        "    ",
        "```",
        "~~~",
        "```sh\n",
        "<!--",
        "-->",
        "<!-- caretaker:status -->",
        "<!-- /caretaker:status -->",
        "<details>",
        "</details>",
        "</summary>",
        "<b>",
        "<script>",
        "<a href=x>",
        "# ",
        "## Tasks",
        "---",
        "===",
        "> ",
        "|",
        " | ",
        "\\",
        "\\\\",
        "\\|",
        "`",
        "``",
        "**",
        "*",
        "_",
        "__",
        "~~",
        "[x](y)",
        "[",
        "](",
        "![",
        "](http://a.b)",
        "<http://a.b>",
        "http://a.b/issues/3",
        "https://",
        "www.a.bc",
        "a@b.cd",
        "@all",
        " @all",
        "(@all",
        "#3",
        " #3",
        "(#12)",
        "!7",
        "a/b#3",
        "a/b@abcdef1",
        "&lt;",
        "&#35;3",
        "&#64;all",
        "&amp;",
        ":",
        ".",
        "1)",
        "+",
        "-",
        "=",
        "$x$",
        "word",
        "\u{200b}",
        "\u{202e}",
        "\u{0}",
        "é",
        "漢",
        "\u{a0}",
        "/caretaker approve A1 7f3c",
        "[^1]",
        "[^1]: x",
        "[x]: http://a.b",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("CARETAKER_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn text_from_outside_adds_nothing_to_what_people_read(text in nasty()) {
        // Where nothing is left of a text, there is no piece of code either; a letter keeps the forms alike.
        let text = format!("x{text}");
        for (plain, hostile) in [
            (render_status(&hostile_status(PLAIN)), render_status(&hostile_status(&text))),
            (render_closing(&hostile_closing(PLAIN)), render_closing(&hostile_closing(&text))),
        ] {
            let ((expected, plain_words), (found, words)) = (structure(&plain), structure(&hostile));
            let summary = |counts: &BTreeMap<String, usize>| {
                let mut counts = counts.clone();
                // Emphasis is ours alone; it is counted with the rest.
                counts.retain(|what, _| what != "Paragraph");
                counts
            };
            prop_assert_eq!(summary(&found), summary(&expected), "{}\n{}", text, hostile);
            prop_assert_eq!(links(&words), links(&plain_words), "{}\n{}", text, words);
        }
    }

    #[test]
    fn text_from_outside_adds_one_row_to_a_change_log(text in nasty()) {
        let row = ChangeRow {
            at: "2026-11-21T14:30:00Z".parse().expect("a time"),
            kind: ChangeKind::Merge,
            task: Some("D1".to_owned()),
            number: Some(5),
            title: text,
            action: "merged".to_owned(),
            note: "as `1a2b3c4`".to_owned(),
            after: None,
            written: false,
        };
        let body = "## Change Log\n\n| Time | Item | Action |\n| --- | --- | --- |\n";
        let written = apply(body, &Desired { rows: vec![row.clone()], ..Desired::default() });
        prop_assert_eq!(written.lines().count(), 5, "{}", written);
        prop_assert!(written.starts_with(body.trim_end()));
        let (counts, words) = structure(&written);
        prop_assert_eq!(counts.get("TableCell"), Some(&6), "{:?}", counts);
        // The number of the pull request is ours.
        prop_assert_eq!(links(&words), 1, "{}", words);
        prop_assert_eq!(apply(&written, &Desired { rows: vec![row], ..Desired::default() }), written);
    }
}
