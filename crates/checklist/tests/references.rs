//! What a task refers to: issues, commits, links and bare addresses.

use checklist::{Document, Item};

fn one(text: &str) -> Item {
    let document = Document::parse(text).expect("not too deep");
    let [item] = document.items() else { panic!("one task in {text:?}: {:?}", document.items()) };
    item.clone()
}

fn links(text: &str) -> Vec<(String, String)> {
    let item = one(text);
    item.links.iter().map(|link| (link.text.clone(), link.destination.clone())).collect()
}

#[test]
fn references_and_links() {
    let text = "- [ ] merge #12, (#13) and **#14**: see [PR](https://example.org/pulls/15) `#16` &#35; a#17 #0 #18a \\#19 https://example.org/#20 ##21 #23, #24. <!-- #25 -->\n  - more #26\n";
    let item = one(text);
    let found: Vec<_> = item.references.iter().map(|one| (one.number, one.in_code)).collect();
    assert_eq!(
        found,
        [(12, false), (13, false), (14, false), (16, true), (23, false), (24, false), (26, false)]
    );
    assert!(item.references.iter().all(|one| text[one.span.clone()] == format!("#{}", one.number)));
    assert_eq!(
        links(text),
        [
            ("PR".to_owned(), "https://example.org/pulls/15".to_owned()),
            ("https://example.org/#20".to_owned(), "https://example.org/#20".to_owned()),
        ]
    );
}

#[test]
fn bare_addresses_are_links_as_gfm_cuts_them() {
    for (text, expected) in [
        ("see https://example.org/a/pulls/7.", vec!["https://example.org/a/pulls/7"]),
        ("(https://example.org/a_(b)).", vec!["https://example.org/a_(b)"]),
        ("**https://example.org**", vec!["https://example.org"]),
        ("HTTP://example.org/a?b=c&d=e#f, g", vec!["HTTP://example.org/a?b=c&d=e#f"]),
        (
            "https://a.example.org https://b.example.org",
            vec!["https://a.example.org", "https://b.example.org"],
        ),
        ("https://example.org/ä🦀 b", vec!["https://example.org/ä🦀"]),
        ("<https://example.org/>", vec!["https://example.org/"]),
        ("[https://example.org/a](https://example.org/b)", vec!["https://example.org/b"]),
        ("![https://example.org/a](https://example.org/b)", vec![]),
        ("`https://example.org` <!-- https://example.org -->", vec![]),
        ("xhttps://example.org ftp://example.org https:// https://. ://", vec![]),
        ("a\n\n  > https://example.org\n", vec![]),
        ("a\n\n      https://example.org\n", vec![]),
        ("[a]\n\n  [a]: https://example.org/c\n", vec!["https://example.org/c"]),
    ] {
        let found: Vec<_> = links(&format!("- [ ] {text}\n")).into_iter().map(|(_, to)| to).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn commits_stand_alone_and_are_no_words() {
    let whole = "0123456789abcdef0123456789abcdef01234567";
    for (text, expected) in [
        ("revert 1a2b3c4.", vec!["1a2b3c4"]),
        ("revert `1a2b3c4d` (9f8e7d6), **0a1b2c3d4e**", vec!["1a2b3c4d", "9f8e7d6", "0a1b2c3d4e"]),
        (whole, vec![whole]),
        ("1a2b3c", vec![]),
        ("defaced facade 20261121 1234567", vec![]),
        ("1A2B3C4 x1a2b3c4 1a2b3c4x 1a2b3c4_d v-1a2b3c4", vec![]),
        ("sha256:1a2b3c4d5e6f image@1a2b3c4 a/1a2b3c4 1a2b3c4/a 1a2b3c4.tar", vec![]),
        ("<!-- 1a2b3c4 -->", vec![]),
        ("ä1a2b3c4", vec![]),
    ] {
        let found: Vec<_> = one(&format!("- [ ] {text}\n")).commits.into_iter().map(|one| one.hash).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn each_reference_belongs_to_the_innermost_task() {
    let text = "#1 1111aaa\n\n- [ ] #2 2222aaa https://example.org/2\n  - plain #3 [x](three)\n    - [ ] #4 `4444aaa` https://example.org/4\n  - #5 https://example.org/5\n- #6 6666aaa\n";
    let document = Document::parse(text).unwrap();
    let [outer, inner] = document.items() else { panic!("two tasks") };
    let numbers = |item: &Item| item.references.iter().map(|one| one.number).collect::<Vec<_>>();
    assert_eq!((numbers(outer), numbers(inner)), (vec![2, 3, 5], vec![4]));
    let links = |item: &Item| item.links.iter().map(|one| one.destination.clone()).collect::<Vec<_>>();
    assert_eq!(links(outer), ["https://example.org/2", "three", "https://example.org/5"]);
    assert_eq!(links(inner), ["https://example.org/4"]);
    assert_eq!((outer.commits[0].hash.as_str(), outer.commits[0].in_code), ("2222aaa", false));
    assert_eq!((inner.commits[0].hash.as_str(), inner.commits[0].in_code), ("4444aaa", true));
}
