//! Reading: what is a task, what is none, and what belongs to a task.

use checklist::{BoxLikeReason, DetailKind, Document, Item};

/// Line, tick and title of every task.
fn tasks(text: &str) -> Vec<(usize, bool, String)> {
    let document = Document::parse(text).expect("not too deep");
    document.items().iter().map(|item| (item.line, item.ticked, item.title.clone())).collect()
}

fn box_likes(text: &str) -> Vec<(usize, BoxLikeReason)> {
    let document = Document::parse(text).expect("not too deep");
    assert_eq!(document.items(), [], "no task in {text:?}");
    document.box_likes().iter().map(|like| (like.line, like.reason)).collect()
}

fn one(text: &str) -> Item {
    let document = Document::parse(text).expect("not too deep");
    let [item] = document.items() else { panic!("one task in {text:?}: {:?}", document.items()) };
    item.clone()
}

/// Label, text, inline code and code blocks of a detail.
type Fact<'a> = (Option<&'a str>, &'a str, Vec<&'a str>, Vec<&'a str>);

fn facts(item: &Item) -> Vec<Fact<'_>> {
    fn borrowed(strings: &[String]) -> Vec<&str> {
        strings.iter().map(String::as_str).collect()
    }
    let details = item.details.iter();
    details
        .map(|detail| {
            (
                detail.label.as_deref(),
                detail.text.as_str(),
                borrowed(&detail.inline_code),
                borrowed(&detail.code_blocks),
            )
        })
        .collect()
}

#[test]
fn every_bullet_and_state_is_a_task() {
    for bullet in ["-", "*", "+", "1.", "1)", "007.", "-\t", "-  ", "   *", "- -", "1. +"] {
        for (state, ticked) in [("[ ]", false), ("[x]", true), ("[X]", true), ("[\t]", false)] {
            for ending in ["\n", "\r\n", "\r"] {
                let text = format!("Ärger ☃{ending}{ending}{bullet} {state} täsk 🦀{ending}");
                let item = one(&text);
                assert_eq!((item.ticked, item.title.as_str(), item.line), (ticked, "täsk 🦀", 3), "{text:?}");
                assert_eq!(&text[item.box_offset - 1..item.box_offset + 2], state, "{text:?}");
                assert_eq!(&text[item.first_line.clone()], "täsk 🦀", "{text:?}");
                assert_eq!(item.first_line_end, item.first_line.end);
            }
        }
    }
}

#[test]
fn what_github_does_not_take_for_a_task_is_none() {
    use BoxLikeReason::{InCode, InHtml, InQuote, Malformed};
    for (text, expected) in [
        ("- [ ]*text*", vec![(1, Malformed)]),
        ("- [ ]text\n", vec![(1, Malformed)]),
        ("- [] text\n", vec![(1, Malformed)]),
        ("- [x ] text\n", vec![(1, Malformed)]),
        ("-[ ] text\n", vec![(1, Malformed)]),
        ("*[ ] text\n", vec![(1, Malformed)]),
        ("[ ] text\n", vec![(1, Malformed)]),
        ("- **[ ]** *A1 P0:* text\n", vec![(1, Malformed)]),
        ("- \\[ ] text\n", vec![(1, Malformed)]),
        (
            "- [-] text\n* [o] text\n- [✓] text\n- [~] text\n- [*] text\n",
            (1..=5).map(|line| (line, Malformed)).collect(),
        ),
        ("- [ x ] text\n", vec![(1, Malformed)]),
        ("– [ ] text\n", vec![(1, Malformed)]),
        ("• [ ] text\n", vec![(1, Malformed)]),
        ("☐ text\n- ☐ text\n- ☑ text\n", vec![(1, Malformed), (2, Malformed), (3, Malformed)]),
        ("| a | b |\n|---|---|\n| [ ] | text |\n| text | [x] |\n", vec![(3, Malformed), (4, Malformed)]),
        ("[-] text\n[*] text\na ☐ text\n- text [-] text ☕\n- [-](link)\n", vec![]),
        ("a\n\n- text\n  [ ] text\n", vec![(4, Malformed)]),
        ("> - [ ] quoted\n> - [x] quoted\nlazy\n", vec![(1, InQuote), (2, InQuote)]),
        ("- > - [ ] quoted in a list\n", vec![(1, InQuote)]),
        ("```\n- [ ] fenced\n```\n", vec![(2, InCode)]),
        ("    - [ ] indented\n", vec![(1, InCode)]),
        ("- a\n\n      - [ ] indented\n", vec![(3, InCode)]),
        // Five columns behind the marker are four of code; the parser counts no tabs there.
        ("-\t\t[ ] indented\n", vec![(1, InCode)]),
        ("1. \t\t[x] indented\n", vec![(1, InCode)]),
        ("- *  \t[ ] indented\n", vec![(1, InCode)]),
        ("run `b.replace('- [ ] '+m,'- [x] '+m,1)` now\n", vec![(1, InCode)]),
        ("<!--\n- [ ] hidden\n\n- [x] hidden\n-->\n", vec![(2, InHtml), (4, InHtml)]),
        ("<div>\n- [ ] raw\n</div>\n", vec![(2, InHtml)]),
        ("text <!-- - [ ] hidden --> text\n", vec![(1, InHtml)]),
        ("<pre>\n\n- [ ] raw\n</pre>\n", vec![(3, InHtml)]),
        ("<PRE>\n\n- [ ] raw\n</PRE>\n", vec![(3, InHtml)]),
        // No box: links, definitions, prose, arrays.
        ("- [x](https://example.org) link\n", vec![]),
        ("- [x][y] link\n\n[y]: https://example.org\n", vec![]),
        ("[x]: https://example.org\n", vec![]),
        ("an array a[x] and a list [ ] in prose\n", vec![]),
        ("```\na[x] = [ ]\n```\n", vec![]),
        ("| a |\n|---|\n| [ ] |\n", vec![(3, Malformed)]),
    ] {
        assert_eq!(box_likes(text), expected, "{text:?}");
    }
}

#[test]
fn a_box_like_text_beside_tasks_is_named_and_changes_nothing() {
    let text = "- [ ] run `x.replace('- [ ] a', '- [x] a')`\n- [x] two\n";
    let document = Document::parse(text).unwrap();
    assert_eq!(tasks(text).len(), 2);
    assert_eq!(document.items()[0].box_offset, 3);
    let likes = document.box_likes();
    assert_eq!(
        likes.iter().map(|like| (like.line, like.reason)).collect::<Vec<_>>(),
        [(1, BoxLikeReason::InCode)]
    );
}

#[test]
fn nesting_depth_and_parents() {
    let text = "- [ ] a\n  - [x] b\n    1. plain\n       * [ ] c\n- plain\n\t+ [X] d\n- [ ] e\n";
    let document = Document::parse(text).unwrap();
    let shape: Vec<_> =
        document.items().iter().map(|item| (item.title.as_str(), item.depth, item.parent)).collect();
    assert_eq!(shape, [("a", 0, None), ("b", 1, Some(0)), ("c", 3, Some(1)), ("d", 1, None), ("e", 0, None)]);
    assert_eq!(&text[document.items()[1].span.clone()], "- [x] b\n    1. plain\n       * [ ] c");
}

#[test]
fn a_list_that_html_does_not_swallow_holds_tasks() {
    for end in ["</pre>", "</PRE>", "a</Pre>", "</PrE> b"] {
        let text = format!("<pre>\n\na\n{end}\n- [ ] `</PRE>`\n  ```\n  </Script>\n  ```\n");
        let item = one(&text);
        assert_eq!(
            (item.title.as_str(), facts(&item)),
            ("</PRE>", vec![(None, "", vec![], vec!["</Script>\n"])])
        );
    }
    assert_eq!(tasks("<details>\n\n- [ ] inside\n\n</details>\n"), [(3, false, "inside".to_owned())]);
}

/// A whole body pasted into a template: the text begins with a fence, its first inner fence closes it, and
/// from there on code and text have changed places.
#[test]
fn a_body_inside_a_fence_is_read_as_commonmark_reads_it() {
    let text =
        "```markdown\n- [ ] one\n  ```bash\n  kubectl get pods\n  ```\n- [ ] two\n```\n\n- [ ] three\n";
    let document = Document::parse(text).unwrap();
    let titles: Vec<_> = document.items().iter().map(|item| item.title.as_str()).collect();
    // "  ```bash" has an info string, so it closes nothing; the bare fence after it does.
    assert_eq!(titles, ["two"]);
    let likes: Vec<_> = document.box_likes().iter().map(|like| (like.line, like.reason)).collect();
    assert_eq!(likes, [(2, BoxLikeReason::InCode), (9, BoxLikeReason::InCode)]);
}

#[test]
fn a_comment_in_a_shell_fence_is_no_heading() {
    let text = "## Tasks\n- [ ] a\n  ```bash\n# comment\n  ```\n\n```bash\n# comment\n```\n- [ ] b\n";
    let document = Document::parse(text).unwrap();
    let headings: Vec<_> = document.headings().iter().map(|heading| heading.text.as_str()).collect();
    // The first one ends the list item, and with it the fence: by CommonMark it is a heading.
    assert_eq!(headings, ["Tasks", "comment"]);
    let text = text.replacen("# comment", "  # comment", 1);
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.headings().len(), 1);
    assert!(document.items().iter().all(|item| item.headings == [0]));
}

#[test]
fn headings_give_context() {
    let text =
        "Title\n=====\n- [ ] a\n## S\n### T *em* `code`\n- [ ] b\n## U ##\n- [ ] c\n- # in item\n- [ ] d\n";
    let document = Document::parse(text).unwrap();
    let under: Vec<Vec<&str>> = document
        .items()
        .iter()
        .map(|item| item.headings.iter().map(|&at| document.headings()[at].text.as_str()).collect())
        .collect();
    assert_eq!(
        under,
        [vec!["Title"], vec!["Title", "S", "T em code"], vec!["Title", "U"], vec!["Title", "U"]]
    );
    assert_eq!(document.leading_title_end(), Some("Title\n=====".len()));
    let section = document.section(1).unwrap();
    assert_eq!(&text[section], "\n### T *em* `code`\n- [ ] b\n");
}

#[test]
fn the_leading_title_is_the_first_block_and_of_level_one() {
    for (text, end) in [
        ("# T\r\ntext", Some(3)),
        ("\n\n# T", Some(5)),
        ("## T\n# U\n", None),
        ("text\n# T\n", None),
        ("> # T\n", None),
        ("- # T\n", None),
        ("```\n# T\n```\n", None),
        ("<!-- c -->\n# T\n", None),
        ("", None),
    ] {
        assert_eq!(Document::parse(text).unwrap().leading_title_end(), end, "{text:?}");
    }
}

#[test]
fn labels_of_titles() {
    for (line, label, bold) in [
        ("**A1 P0 Apps**: title", Some("A1 P0 Apps"), true),
        ("**A1 P0:** title", Some("A1 P0"), true),
        ("**A1 P1 (HIGH)** : title", Some("A1 P1 (HIGH)"), true),
        ("**A00**:", Some("A00"), true),
        ("B00 P**0**: title", Some("B00 P0"), false),
        ("*A1 P0:* title", Some("A1 P0"), false),
        ("F1 P0 System: Run final universal validation gate", Some("F1 P0 System"), false),
        ("**Watch how full the backup pool gets**", None, false),
        ("A1 P1 title", None, false),
        ("~~Renovate token expired~~ - Was transient", None, false),
        ("see https://example.org/a: b", None, false),
        ("`a: b` c", None, false),
        ("a sentence that has a good number of words: and a colon", None, false),
        ("12:30 start", None, false),
        (": b", None, false),
    ] {
        let item = one(&format!("- [ ] {line}\n"));
        assert_eq!((item.label.as_deref(), item.label_bold), (label, bold), "{line:?}");
    }
    assert_eq!(
        one("- [x] ~~Renovate token expired~~ - Was transient\n").title,
        "Renovate token expired - Was transient"
    );
}

#[test]
fn details_in_every_spelling() {
    let bulleted = "- [ ] **A1 P0 Apps**: title\n  - **Goal**: find `x` out\n  - **Commands**: `kubectl get pods` and `kubectl get nodes`\n  - **If fails**: N/A\n";
    assert_eq!(
        facts(&one(bulleted)),
        [
            (Some("Goal"), "find x out", vec!["x"], vec![]),
            (
                Some("Commands"),
                "kubectl get pods and kubectl get nodes",
                vec!["kubectl get pods", "kubectl get nodes"],
                vec![]
            ),
            (Some("If fails"), "N/A", vec![], vec![]),
        ]
    );
    let plain = "- [ ] A1 P1 title\n  that goes on\n  Goal: find out\n  Commands: `kubectl get pods`\n  Expected: all\n  Running\n";
    let item = one(plain);
    assert_eq!(item.title, "A1 P1 title that goes on");
    assert_eq!(
        item.text,
        "A1 P1 title\nthat goes on\nGoal: find out\nCommands: kubectl get pods\nExpected: all\nRunning"
    );
    assert_eq!(&plain[item.first_line.clone()], "A1 P1 title");
    assert!(item.details.iter().all(|detail| detail.kind == DetailKind::Line));
    assert_eq!(
        facts(&item),
        [
            (Some("Goal"), "find out", vec![], vec![]),
            (Some("Commands"), "kubectl get pods", vec!["kubectl get pods"], vec![]),
            (Some("Expected"), "all\nRunning", vec![], vec![]),
        ]
    );
}

/// Fences under a list item are indented by two or four, after a blank line or not; they belong to the
/// label before them.
#[test]
fn fenced_commands_belong_to_their_label() {
    for ending in ["\n", "\r\n"] {
        for (label, blank, indent) in [
            ("  - **Commands**:", "", "    "),
            ("  - **Commands**:", "\n", "    "),
            ("  - **Commands**:", "", "  "),
            ("  - **Commands**:", "\n", "  "),
            ("  **Commands**:", "", "  "),
            ("  **Commands**:", "\n", "  "),
            ("\n  Commands:", "\n", "  "),
            ("  Commands:", "\n", "    "),
        ] {
            let text = format!(
                "- [ ] **A1**: title\n{label}\n{blank}{indent}```bash\n{indent}# first\n{indent}kubectl get pods\n{indent}```\n  - **Expected**: all Running\n"
            )
            .replace('\n', ending);
            assert_eq!(
                facts(&one(&text)),
                [
                    (Some("Commands"), "", vec![], vec!["# first\nkubectl get pods\n"]),
                    (Some("Expected"), "all Running", vec![], vec![]),
                ],
                "{text:?}"
            );
        }
    }
}

#[test]
fn bullets_under_a_bare_label_belong_to_it() {
    let text = "- [ ] title\n\n  Commands:\n  - `one`\n  - then two\n  - **Rollback**: none\n\n  A remark.\n\n  ```sh\n  loose\n  ```\n";
    assert_eq!(
        facts(&one(text)),
        [
            (Some("Commands"), "one\nthen two", vec!["one"], vec![]),
            (Some("Rollback"), "none", vec![], vec![]),
            (None, "A remark.", vec![], vec![]),
            (None, "", vec![], vec!["loose\n"]),
        ]
    );
    let item = one(text);
    assert_eq!(item.details[3].kind, DetailKind::Code { fenced: true, info: "sh".to_owned() });
}

#[test]
fn nested_bullets_join_theirs_and_quotations_lend_no_commands() {
    let text = "- [ ] title\n  - **Steps**: these\n    - first `a`\n    - second\n      ```\n      b\n      ```\n  > Commands: `rm -rf`\n";
    let item = one(text);
    assert_eq!(
        facts(&item),
        [
            (Some("Steps"), "these\nfirst a\nsecond", vec!["a"], vec!["b\n"]),
            (None, "Commands: rm -rf", vec![], vec![]),
        ]
    );
    assert_eq!(item.details[1].kind, DetailKind::Quote);
}

#[test]
fn details_of_a_nested_task_are_its_own() {
    let text = "- [ ] outer\n  - **Goal**: outer's\n  - [ ] inner #2\n    - **Goal**: inner's\n  - **Rollback**: outer's #1\n";
    let document = Document::parse(text).unwrap();
    let [outer, inner] = document.items() else { panic!("two tasks") };
    let text_of = |item: &Item| item.details.iter().map(|detail| detail.text.clone()).collect::<Vec<_>>();
    assert_eq!(text_of(outer), ["outer's", "outer's #1"]);
    assert_eq!(text_of(inner), ["inner's"]);
    assert_eq!((outer.references[0].number, inner.references[0].number), (1, 2));
}

#[test]
fn an_empty_task_takes_the_next_paragraph() {
    let text = "- [ ] \n  text\n";
    let item = one(text);
    assert_eq!(item.title, "text");
    assert_eq!(item.first_line_end, "- [ ]".len());
    assert!(item.first_line.is_empty());
}

/// Characters that look like others, or like nothing, are what they are.
#[test]
fn a_box_is_made_of_the_characters_of_gfm() {
    for text in [
        "- [\u{a0}] no-break space in the box\n",
        "-\u{a0}[ ] no-break space behind the bullet\n",
        "- [ ]\u{a0}no-break space behind the box\n",
        "- [\u{200b}] nothing wide\n",
        "- [х] Cyrillic\n",
        "- [✓] mark\n",
        "- ［ ］ full width\n",
        "• [ ] bullet\n",
        "\u{2212} [ ] minus\n",
        "- [\u{301}] combining\n",
        "- [\0] null\n",
        "- [ \u{202e}] turned\n",
        "- \u{feff}[ ] mark\n",
        "1\u{2024} [ ] one dot leader\n",
        "١. [ ] Arabic one\n",
        "1234567890. [ ] ten digits\n",
        "- [ \n] broken\n",
        "- [  ] two blanks\n",
    ] {
        assert_eq!(tasks(text), [], "{text:?}");
    }
    for (text, title) in [
        ("- [ ] \u{202e}turned\u{202c}\n", "\u{202e}turned\u{202c}"),
        ("- [ ] e\u{301}\u{200d}🦀\n", "e\u{301}\u{200d}🦀"),
        ("- [ ] a\0b `c\0`\n", "a\u{fffd}b c\u{fffd}"),
        ("- [ ] \u{a0}a\u{a0}\n", "a"),
        ("- \t[x]\t a\n", "a"),
        ("123456789. [ ] a\n", "a"),
    ] {
        assert_eq!(one(text).title, title, "{text:?}");
    }
}

/// GFM wants the first block of an item to be a paragraph that begins with a box, and says not where that begins,
/// nor that anything follows.
#[test]
fn a_box_may_stand_below_its_marker_or_alone() {
    for (text, expected) in [
        ("-\n  [x] a `b`\n  c\n", vec![(2, true, "a b c")]),
        ("1.\n   [ ] a\n\n   b\n", vec![(2, false, "a")]),
        ("- [ ]\n\n  - [x] a\n", vec![(1, false, ""), (3, true, "a")]),
        ("- [ ]\n\n  **A1**: a\n\n  b\n", vec![(1, false, "A1: a")]),
        ("-\t[ ]\n\n    1. [x] a\n", vec![(1, false, ""), (3, true, "a")]),
        ("- [ ]", vec![(1, false, "")]),
        ("- [ ]\n  a\n", vec![(1, false, "a")]),
        ("-\t[x]\n\n\ta\n", vec![(1, true, "a")]),
        ("- a\n\n  [ ] b\n", vec![]),
        ("- # [ ] b\n", vec![]),
        ("-\n\n  [ ] b\n", vec![]),
        ("-\n  \\[ ] b\n", vec![]),
        ("-\n  *[ ] b*\n", vec![]),
        ("-\n  `[ ] b`\n", vec![]),
        ("-\n      [ ] b\n", vec![]),
        ("-\n  > [ ] b\n", vec![]),
    ] {
        let expected: Vec<_> =
            expected.into_iter().map(|(line, ticked, title)| (line, ticked, title.to_owned())).collect();
        assert_eq!(tasks(text), expected, "{text:?}");
    }
}

/// What stands in for a box before the parser is never seen: code, prose and labels are as they were written.
#[test]
fn boxes_in_other_places_stay_what_they_are() {
    let text =
        "- [ ] a\n  [x] b\n  ```\n  [ ]\n  -\t[x] c\n  ```\n  - **Goal**: d\n    [ ] e `f\n    [x] g`\n";
    let item = one(text);
    assert_eq!(item.title, "a [x] b");
    assert_eq!(
        facts(&item),
        [
            (None, "", vec![], vec!["[ ]\n-\t[x] c\n"]),
            (Some("Goal"), "d\n[ ] e f [x] g", vec!["f [x] g"], vec![]),
        ]
    );
    let text = "- [ ] \u{e000}\n  [ ] \u{e000} `\u{e000}`\n";
    assert_eq!(one(text).title, "\u{e000} [ ] \u{e000} \u{e000}");
}

/// A byte order mark belongs to no line, as GitHub reads it; in the midst of a text it is a character.
#[test]
fn a_byte_order_mark_hides_no_task() {
    for text in ["\u{feff}- [ ] a\n", "\u{feff}\r\n- [ ] a\r\n", "\u{feff}# T\n- [ ] a\n"] {
        let document = Document::parse(text).unwrap();
        let item = &document.items()[0];
        assert_eq!(&text[item.box_offset - 1..item.box_offset + 2], "[ ]");
        assert_eq!(item.line, text.lines().count(), "{text:?}");
        assert_eq!(document.start(), 3);
    }
    assert_eq!(Document::parse("\u{feff}# T\n").unwrap().leading_title_end(), Some(6));
    assert_eq!(Document::parse("a\n").unwrap().start(), 0);
    assert_eq!(tasks("\u{feff}\u{feff}- [ ] a\n"), []);
    assert_eq!(tasks("a\n\n\u{feff}- [ ] a\n"), []);
}

#[test]
fn headings_of_both_kinds_give_context() {
    let text = "T\n=\n\n- [ ] a\n\nU\nV\n---\n\n- [ ] b\n\n### W ###\n* [ ] c\n\n> # quoted\n\n- # of an item\n- [ ] d\n\n#not one\n# X\n- [ ] e\n";
    let document = Document::parse(text).unwrap();
    let paths: Vec<Vec<&str>> = document
        .items()
        .iter()
        .map(|item| item.headings.iter().map(|&index| document.headings()[index].text.as_str()).collect())
        .collect();
    assert_eq!(paths, [vec!["T"], vec!["T", "U V"], vec!["T", "U V", "W"], vec!["T", "U V", "W"], vec!["X"]]);
}

#[test]
fn a_task_knows_the_bullets_and_the_list_around_it() {
    let text = "intro\n\n- plain\n  1. deeper\n     - [ ] task\n       - [ ] child\n\n- [ ] other\n";
    let document = Document::parse(text).expect("shallow");
    let found: Vec<_> = document
        .items()
        .iter()
        .map(|item| {
            let within: Vec<&str> =
                item.within.iter().map(|&at| text[at..].lines().next().unwrap_or_default()).collect();
            (item.line, within, &text[item.list_start..item.list_start + 7])
        })
        .collect();
    assert_eq!(
        found,
        [
            (5, vec!["- plain", "1. deeper"], "- plain"),
            (6, vec!["- plain", "1. deeper"], "- plain"),
            (8, vec![], "- plain"),
        ]
    );
}
