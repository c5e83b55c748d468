//! Nasty Markdown, drawn from a seed by a grammar: lists in quotes in lists, indented and fenced code, tabs, HTML,
//! tables, lazy lines, links, entities, and all of that cut and stirred.

/// A source of chance that gives the same for the same seed, everywhere (splitmix64).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("small");
        usize::try_from(self.next() % bound).expect("small")
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// How many documents are drawn: the default, or as many as `CARETAKER_TEST_CASES` asks for.
pub(crate) fn cases(default: u64) -> u64 {
    std::env::var("CARETAKER_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// The first seed: that of `CARETAKER_TEST_SEED`, or always the same.
pub(crate) fn seed() -> u64 {
    std::env::var("CARETAKER_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_default()
}

/// A document of some ten lines.
pub(crate) fn document(draw: &mut Draw) -> String {
    let mut text = if draw.percent(25) {
        soup(draw)
    } else {
        let count = 1 + draw.below(4);
        let lines = blocks(draw, count, 4);
        let mut text = String::new();
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    };
    if draw.percent(20) {
        text = stirred(draw, &text);
    }
    if draw.percent(2) {
        text.insert(0, '\u{feff}');
    }
    if draw.percent(20) {
        text.truncate(text.trim_end_matches('\n').len());
    }
    match draw.below(10) {
        0 => text.replace('\n', "\r\n"),
        1 => text.split('\n').map(|line| line.to_owned() + draw.pick(&["\n", "\r\n", "\r"])).collect(),
        _ => text,
    }
}

const BULLETS: &[&str] = &["-", "-", "-", "*", "+", "1.", "1)", "2.", "10.", "123456789)", "0."];
const BOXES: &[&str] = &[
    "[ ] ",
    "[x] ",
    "[X] ",
    "[ ] ",
    "[ ]  ",
    "[x]\t",
    "[\t] ",
    "[ ]",
    "[x]",
    "[] ",
    "[  ] ",
    "[y] ",
    "\\[ ] ",
    "[ \\] ",
    "&#91; ] ",
    "**[ ]** ",
    "`[ ]` ",
    "[ ]\u{a0}",
    "[\u{a0}] ",
    "[x](u) ",
    "[x][a] ",
    "[ ]: b ",
    "[x]: b ",
];
const GAPS: &[&str] = &[" ", " ", " ", " ", "  ", "   ", "    ", "     ", "      ", "\t", " \t", "\t\t", ""];

fn blocks(draw: &mut Draw, count: usize, depth: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..count {
        let kind = draw.below(if depth == 0 { 14 } else { 24 });
        match kind {
            0..=3 => lines.extend(paragraph(draw)),
            4 => lines.push(format!("{} {}", "#".repeat(1 + draw.below(7)), inline(draw))),
            5 => {
                lines.extend(paragraph(draw));
                lines.push(draw.pick(&["===", "---", "-", "  ===", "    ---", "= ="]).to_owned());
            }
            6 => lines.extend(fence(draw)),
            7 => {
                for _ in 0..=draw.below(3) {
                    let code = code_line(draw);
                    lines.push(format!("{}{code}", draw.pick(&["    ", "     ", "\t", "  \t"])));
                }
            }
            8 => lines.extend(html(draw)),
            9 => lines.extend(table(draw)),
            10 => {
                lines.push(draw.pick(&["---", "***", "___", "- - -", "* * *", " - -", "--", "-"]).to_owned());
            }
            11 => lines.push(
                draw.pick(&[
                    "[a]: b",
                    "[x]: b",
                    "[ ]: b",
                    "[a]:",
                    "  b",
                    "[a]: b 'c",
                    "[X]: <b> \"c\"",
                    "[x]:\tb",
                ])
                .to_owned(),
            ),
            12 => lines.extend((0..=draw.below(3)).map(|_| String::new())),
            13 => lines.push(draw.pick(&[" ", "  ", "\t", "    ", "\u{a0}"]).to_owned()),
            14..=20 => lines.extend(list(draw, depth - 1)),
            _ => lines.extend(quote(draw, depth - 1)),
        }
        if draw.percent(35) {
            lines.push(String::new());
        }
    }
    lines
}

fn list(draw: &mut Draw, depth: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut bullet = draw.pick(BULLETS);
    let before = draw.pick(&["", "", "", "", " ", "  ", "   ", "    ", "\t"]);
    for _ in 0..=draw.below(4) {
        if draw.percent(8) {
            bullet = draw.pick(BULLETS);
        }
        let gap = draw.pick(GAPS);
        let count = 1 + draw.below(2);
        let mut inner = if draw.percent(60) {
            let boxed = draw.pick(BOXES).to_owned();
            let boxed = if draw.percent(90) { boxed + &inline(draw) } else { boxed };
            let mut inner: Vec<String> = boxed.split('\n').map(str::to_owned).collect();
            if draw.percent(30) {
                inner.extend(paragraph(draw));
            }
            if draw.percent(40) {
                inner.extend(blocks(draw, count, depth));
            }
            inner
        } else {
            blocks(draw, count, depth)
        };
        if inner.is_empty() {
            inner.push(String::new());
        }
        let mut indent = " ".repeat(before.len() + bullet.len() + gap.len().clamp(1, 4));
        if draw.percent(15) {
            draw.pick(&["", " ", "  ", "   ", "    ", "\t", "      ", "\t\t", "   \t"])
                .clone_into(&mut indent);
        }
        for (number, line) in inner.into_iter().enumerate() {
            if number == 0 {
                lines.push(format!("{before}{bullet}{gap}{line}"));
            } else if line.is_empty() {
                lines.push(if draw.percent(5) { indent.clone() } else { line });
            } else if draw.percent(6) {
                lines.push(line);
            } else {
                lines.push(format!("{indent}{line}"));
            }
        }
        if draw.percent(15) {
            lines.push(String::new());
        }
    }
    lines
}

fn quote(draw: &mut Draw, depth: usize) -> Vec<String> {
    let count = 1 + draw.below(3);
    let inner = blocks(draw, count, depth);
    let prefix = draw.pick(&["> ", "> ", ">", " > ", "   >", ">\t", ">  ", "    > "]);
    inner.into_iter().map(|line| if draw.percent(12) { line } else { format!("{prefix}{line}") }).collect()
}

fn fence(draw: &mut Draw) -> Vec<String> {
    let marks = draw.pick(&["```", "```", "~~~", "````", "``"]);
    let before = draw.pick(&["", "", "", " ", "   ", "    "]);
    let mut lines = vec![format!("{before}{marks}{}", draw.pick(&["", "sh", " a b", "`"]))];
    for _ in 0..draw.below(4) {
        lines.push(code_line(draw));
    }
    if draw.percent(80) {
        lines.push(format!(
            "{}{marks}{}",
            draw.pick(&["", before, "  "]),
            draw.pick(&["", "", "", " ", "`", " a"])
        ));
    }
    lines
}

fn code_line(draw: &mut Draw) -> String {
    draw.pick(&[
        "- [ ] a",
        "# a",
        "  - [x] b",
        "echo \"$a\"",
        "",
        "> a",
        "1. [ ] c",
        "```",
        "<!-- a",
        "\t- [ ] d",
        "* [ ]",
    ])
    .to_owned()
}

fn html(draw: &mut Draw) -> Vec<String> {
    let (open, close) = match draw.below(11) {
        0 => ("<div>", "</div>"),
        1 => ("<details><summary>a</summary>", "</details>"),
        2 => ("<!--", "-->"),
        3 => ("<!-- a -->", ""),
        4 => ("<pre>", "</pre>"),
        5 => ("<script>", "</script> a"),
        6 => ("<?a", "?>"),
        7 => ("<!A", ">"),
        8 => ("<![CDATA[", "]]>"),
        9 => ("<a b='c'>", "</a>"),
        _ => ("  <p", ">"),
    };
    let mut lines = vec![open.to_owned()];
    for _ in 0..draw.below(3) {
        lines.push(draw.pick(&["- [ ] a", "", "b", "- [x] c", "> d"]).to_owned());
    }
    if draw.percent(75) && !close.is_empty() {
        lines.push(close.to_owned());
    }
    lines
}

fn table(draw: &mut Draw) -> Vec<String> {
    let head =
        draw.pick(&["| a | b |", "a | b", "|a|b", "| [ ] a | b |", "a", "| a |", "- [ ] a | b", "|`a|b`|c|"]);
    let rule = draw.pick(&["|---|---|", "--|--", "|:-:|-|", "|---|", "-|", "  --|--", "| --- | --- |"]);
    let mut lines = vec![head.to_owned(), rule.to_owned()];
    for _ in 0..draw.below(3) {
        lines.push(
            draw.pick(&[
                "| [ ] c | d |",
                "c | d",
                "| - [ ] c |",
                "- [ ] e",
                "|",
                "c",
                "    f",
                "| \\| | `|` |",
                "# g",
            ])
            .to_owned(),
        );
    }
    lines
}

fn paragraph(draw: &mut Draw) -> Vec<String> {
    (0..=draw.below(3)).map(|_| inline(draw)).collect()
}

const INLINES: &[&str] = &[
    "word",
    "Ärger",
    "🦀",
    "[ ]",
    "[x]",
    "[ ] ",
    "- [ ] a",
    "`",
    "``",
    "`- [ ] a`",
    "*",
    "**",
    "_",
    "~~",
    "**b**",
    "[a](b)",
    "[a]",
    "[x]",
    "[a][x]",
    "![",
    "](",
    "<b>",
    "</b>",
    "<!-- - [ ] a -->",
    "<!--",
    "-->",
    "<a",
    ">",
    "&amp;",
    "&#91;",
    "\\",
    "\\[",
    "|",
    ":",
    "#1",
    "# ",
    "> ",
    "<https://a.example.org>",
    "https://a.example.org",
    "  ",
    "\t",
    "\u{a0}",
    "\0",
    "-",
    "1.",
    "+ ",
    "===",
    "\u{301}",
    "\u{202e}",
    "!",
    "(",
    ")",
    "\"",
    "'",
    "<?",
    "?>",
    "<![CDATA[",
    "]]>",
    "a\\",
];

fn inline(draw: &mut Draw) -> String {
    let mut line = String::new();
    for _ in 0..draw.below(5) {
        line.push_str(draw.pick(INLINES));
        if draw.percent(60) {
            line.push(' ');
        }
    }
    if line.is_empty() || draw.percent(30) {
        line.push_str("word");
    }
    if draw.percent(4) {
        line.push_str(draw.pick(&["  ", "\\"]));
    }
    line
}

fn soup(draw: &mut Draw) -> String {
    let mut text = String::new();
    for _ in 0..draw.below(30) {
        text.push_str(match draw.below(6) {
            0 => draw.pick(BULLETS),
            1 => draw.pick(BOXES),
            2 => draw.pick(INLINES),
            3 => draw.pick(GAPS),
            _ => draw.pick(&[
                "\n",
                "\n",
                "\n\n",
                "> ",
                "    ",
                "```",
                "~~~",
                "<div>",
                "---",
                "| a |\n|---|\n",
                "- ",
                "a",
            ]),
        });
    }
    text
}

/// Some characters or lines gone, doubled or moved.
fn stirred(draw: &mut Draw, text: &str) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for _ in 0..=draw.below(3) {
        let at = draw.below(lines.len());
        match draw.below(5) {
            0 => {
                lines.remove(at);
            }
            1 => {
                let other = draw.below(lines.len());
                lines.swap(at, other);
            }
            2 => lines.insert(at, lines[at].clone()),
            3 => {
                let characters: Vec<char> = lines[at].chars().collect();
                if !characters.is_empty() {
                    let gone = draw.below(characters.len());
                    lines[at] = characters
                        .iter()
                        .enumerate()
                        .filter(|&(at, _)| at != gone)
                        .map(|(_, one)| one)
                        .collect();
                }
            }
            _ => {
                let piece = draw.pick(INLINES);
                let length = lines[at].len();
                let place = lines[at].floor_char_boundary(draw.below(length + 1));
                lines[at].insert_str(place, piece);
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n")
}

/// The smallest text found, by leaving out lines and characters, for which something still holds.
pub(crate) fn smallest(text: &str, holds: impl Fn(&str) -> bool) -> String {
    let mut best = text.to_owned();
    let mut size = best.chars().count() / 2;
    while size > 0 {
        let mut start = 0;
        loop {
            let characters: Vec<char> = best.chars().collect();
            if start >= characters.len() {
                break;
            }
            let end = (start + size).min(characters.len());
            let candidate: String = characters[..start].iter().chain(&characters[end..]).collect();
            if holds(&candidate) {
                best = candidate;
            } else {
                start = end;
            }
        }
        size /= 2;
    }
    best
}
