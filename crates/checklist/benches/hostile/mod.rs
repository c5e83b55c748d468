//! Texts that are made to be slow, each as a function of its length.

/// A name for messages, and the text of about so many bytes.
pub(crate) type Hostile = (&'static str, fn(usize) -> String);

fn repeat(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes.checked_div(piece.len()).unwrap_or_default() + 1)
}

/// Numbered pieces, so that no two are alike.
fn numbered(bytes: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes + 64);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&piece(number));
    }
    text
}

/// Each level of nesting from one to `depth` and back, over and over.
fn stairs(bytes: usize, depth: usize, step: &str, line: &str) -> String {
    numbered(bytes, |number| {
        let level = number % (2 * depth);
        let level = if level < depth { level } else { 2 * depth - level };
        format!("{}{line}", step.repeat(level))
    })
}

/// A nest as deep as is read, and then so much of something in it.
fn nested(bytes: usize, line: &str) -> String {
    let mut text = String::new();
    for level in 0..60 {
        text.push_str(&"  ".repeat(level));
        text.push_str("- a\n");
    }
    text + &repeat(line, bytes)
}

fn quoted(bytes: usize, line: &str) -> String {
    repeat(&format!("{}{line}", "> ".repeat(60)), bytes)
}

fn wide_table(columns: usize, bytes: usize, row: &str) -> String {
    format!("{}|\n{}|\n", "|a".repeat(columns), "|-".repeat(columns)) + &repeat(row, bytes)
}

/// All of them.
pub(crate) const HOSTILE: &[Hostile] = &[
    ("opening brackets", |n| repeat("[", n)),
    ("closing brackets", |n| repeat("]", n)),
    ("boxes in a row", |n| repeat("[ ]", n)),
    ("spaced boxes in a row", |n| repeat("[x] ", n)),
    ("starred boxes in a row", |n| repeat("*[ ]", n)),
    ("boxes after short runs of stars", |n| repeat("***** [ ] ", n)),
    ("boxes after a long run of stars", |n| "*".repeat(n / 2) + &repeat("[ ]", n / 2)),
    ("boxes each on a line of blanks", |n| repeat("                                [ ]\n", n)),
    ("box-likes", |n| repeat("- [] a\n", n)),
    ("open links", |n| repeat("[a](", n)),
    ("open links with a destination", |n| repeat("[a](<b", n)),
    ("open links with parentheses", |n| "[a](".to_owned() + &repeat("(", n)),
    ("open images", |n| repeat("![a](b", n)),
    ("nested images", |n| repeat("![", n / 2) + &repeat("](a)", n / 2)),
    ("nested brackets", |n| repeat("[", n / 2) + &repeat("]", n / 2)),
    ("links with titles left open", |n| repeat("[a](b \"", n)),
    ("links with titles left open, lines", |n| repeat("[a](b '\n", n)),
    ("links", |n| repeat("[a](b) ", n)),
    ("references without definition", |n| repeat("[a][b]", n)),
    ("definitions", |n| numbered(n, |number| format!("[a{number}]: b\n"))),
    ("definitions and uses", |n| {
        numbered(n / 2, |number| format!("[a{number}]: b\n"))
            + "\n"
            + &numbered(n / 2, |number| format!("[a{number}] "))
    }),
    ("one long definition, used", |n| format!("[a]: {}\n\n", "b".repeat(n / 2)) + &repeat("[a] ", n / 2)),
    ("definitions with a title left open", |n| repeat("[a]: b 'c\n", n)),
    ("definitions with titles left open, in turn", |n| repeat("[a]: b 'c\n[a]: b \"c\n[a]: b (c\n", n)),
    ("definition starts", |n| repeat("[a\n", n)),
    ("definition starts, one line", |n| repeat("[a]:", n)),
    ("backticks", |n| repeat("`", n)),
    ("runs of backticks, each longer", |n| {
        numbered(n, |number| format!("{} ", "`".repeat(number % 1024 + 1)))
    }),
    ("runs of backticks, growing", |n| {
        let runs = n.isqrt();
        (1..=runs).map(|run| "`".repeat(run) + " ").collect()
    }),
    ("escaped backticks", |n| repeat("\\`", n)),
    ("one backtick a paragraph", |n| repeat("`a\n\n", n)),
    ("comments left open", |n| repeat("<!-- ", n)),
    ("comments left open in text", |n| repeat("a <!-- ", n)),
    ("comments left open in paragraphs", |n| repeat("a <!--\n\n", n)),
    ("comments left open in items", |n| repeat("- <!-- a\n", n)),
    ("comments", |n| repeat("<!-- a -->\n", n)),
    ("comments in text", |n| repeat("a <!-- b -->", n)),
    ("empty comments", |n| repeat("a<!-->", n)),
    ("markers", |n| repeat("<!-- m -->\n<!-- /m -->\n", n)),
    ("instructions left open", |n| repeat("a <?", n)),
    ("declarations left open", |n| repeat("a <!A", n)),
    ("character data left open", |n| repeat("a <![CDATA[", n)),
    ("tags left open", |n| repeat("a <b ", n)),
    ("tags with attributes left open", |n| repeat("a <b c=\"", n)),
    ("tags with attributes left open, in turn", |n| repeat("a <b c='d <b c=\"e ", n)),
    ("one tag with many attributes", |n| "a <b".to_owned() + &repeat(" c=d", n)),
    ("tags over lines left open", |n| repeat("a <b\n", n)),
    ("details left open", |n| repeat("<details>\n\n", n)),
    ("details in a line", |n| repeat("<details>", n)),
    ("closing tags", |n| repeat("</a>", n)),
    ("less-than signs", |n| repeat("<", n)),
    ("autolinks left open", |n| repeat("<http:", n)),
    ("mail addresses left open", |n| repeat("<a@b", n)),
    ("addresses", |n| repeat("https://a.example.org/b ", n)),
    ("addresses without a blank", |n| repeat("https://", n)),
    ("ampersands", |n| repeat("&", n)),
    ("entities", |n| repeat("&amp;", n)),
    ("entities left open", |n| repeat("&#1", n)),
    ("stars", |n| repeat("*", n)),
    ("stars, each apart", |n| repeat("* ", n)),
    ("emphasis left open", |n| repeat("*a ", n)),
    ("emphasis left open by threes", |n| repeat("a***b ", n)),
    ("emphasis closed only", |n| repeat("a* ", n)),
    ("emphasis in turn", |n| repeat("*a _b ", n)),
    ("emphasis and bold in turn", |n| repeat("*a **b ", n)),
    ("emphasis nested", |n| repeat("*a **a ", n / 2) + &repeat("b** b* ", n / 2)),
    ("emphasis of two kinds closed once", |n| repeat("a**b_c* ", n)),
    ("tildes", |n| repeat("~", n)),
    ("tildes left open", |n| repeat("~a ~~b ", n)),
    ("underscores", |n| repeat("_a_", n)),
    ("escapes", |n| repeat("\\", n)),
    ("escapes and line ends", |n| repeat("\\\n", n)),
    ("escaped pipes", |n| "|a|\n|-|\n".to_owned() + &repeat("\\|", n)),
    ("one long line", |n| repeat("a", n)),
    ("one long line of words", |n| repeat("word ", n)),
    ("one long line of colons", |n| "- [ ] ".to_owned() + &repeat("a: ", n)),
    ("labelled lines in one task", |n| "- [ ] a\n".to_owned() + &repeat("  Goal: b\n", n)),
    ("plain lines in one task", |n| "- [ ] a\n".to_owned() + &repeat("  b\n", n)),
    ("bold lines in one task", |n| "- [ ] a\n".to_owned() + &repeat("  **b**\n", n)),
    ("bullets in one task", |n| "- [ ] a\n".to_owned() + &repeat("  - b\n", n)),
    ("bullets under a bare label", |n| "- [ ] a\n\n  Commands:\n".to_owned() + &repeat("  - b\n", n)),
    ("code blocks in one task", |n| "- [ ] a\n".to_owned() + &repeat("  ```\n  b\n  ```\n", n)),
    ("code in one task", |n| "- [ ] ".to_owned() + &repeat("`a` ", n)),
    ("tasks below one task", |n| "- [ ] a\n".to_owned() + &repeat("  - [x] b #1\n", n)),
    ("small items", |n| repeat("-\n", n)),
    ("small items of two bullets", |n| repeat("- a\n+ b\n", n)),
    ("small tasks", |n| repeat("- [ ] a\n", n)),
    ("small tasks with CRLF", |n| repeat("- [ ] a\r\n", n)),
    ("small tasks with CR", |n| repeat("- [ ] a\r", n)),
    ("small tasks, apart", |n| repeat("- [ ] a\n\n\n", n)),
    ("small tasks in two blanks each", |n| repeat("1. [ ] a\n\n  b\n", n)),
    ("empty tasks", |n| repeat("- [ ] \n", n)),
    ("tasks under headings", |n| repeat("# a\n- [ ] b\n", n)),
    ("references to issues", |n| "- [ ] ".to_owned() + &repeat("#1 ", n)),
    ("hashes", |n| repeat("#", n)),
    ("headings", |n| repeat("# a\n", n)),
    ("empty headings", |n| repeat("#\n", n)),
    ("headings of every level", |n| repeat("# a\n## a\n### a\n#### a\n##### a\n###### a\n", n)),
    ("heading with blanks and hashes", |n| "# a".to_owned() + &repeat(" #", n)),
    ("underlined headings", |n| repeat("a\n=\n", n)),
    ("one underlined heading of many lines", |n| repeat("a\n", n) + "==="),
    ("underlines", |n| repeat("=\n", n)),
    ("equal signs", |n| repeat("=", n)),
    ("a rule of dashes", |n| repeat("-", n)),
    ("a rule of dashes, apart", |n| repeat("- ", n)),
    ("rules", |n| repeat("---\n", n)),
    ("digits", |n| repeat("1", n)),
    ("blanks", |n| repeat(" ", n)),
    ("tabs", |n| repeat("\t", n)),
    ("blanks at the end of lines", |n| repeat("a        \n", n)),
    ("one line of blanks after a task", |n| "- [ ] a".to_owned() + &repeat(" ", n)),
    ("blank lines", |n| repeat("\n", n)),
    ("blank lines with blanks", |n| repeat("   \n", n)),
    ("carriage returns", |n| repeat("\r", n)),
    ("blank lines in a nest", |n| nested(n, "\n")),
    ("blank lines with blanks in a nest", |n| nested(n, " \n")),
    ("indented blank lines in a nest", |n| nested(n, &format!("{}\n", " ".repeat(122))) + "x"),
    ("small lines in a nest", |n| nested(n, "a\n")),
    ("blank and small lines in a nest", |n| nested(n, "\n\na\n")),
    ("nests of lists", |n| stairs(n, 60, "  ", "- a\n")),
    ("nests of tasks", |n| stairs(n, 60, "  ", "- [ ] a\n")),
    ("nests of tasks, apart", |n| stairs(n, 60, "  ", "- [ ] a\n\n\n")),
    ("nests in one line", |n| repeat(&format!("{}a\n", "- ".repeat(60)), n)),
    ("nests in one line, blank lines", |n| repeat(&format!("{}a\n{}", "- ".repeat(60), "\n".repeat(300)), n)),
    ("nests of quotations", |n| stairs(n, 60, "> ", "> a\n")),
    ("deep quotations", |n| quoted(n, "a\n")),
    ("deep quotations of nothing", |n| quoted(n, "\n")),
    ("a deep quotation with lazy lines", |n| "> ".repeat(60) + "a\n" + &repeat("a\n", n)),
    ("quotations", |n| repeat("> a\n\n", n)),
    ("lazy quotations", |n| repeat("> a\nb\n", n)),
    ("bullets and quotations in turn", |n| repeat(&format!("{}a\n", "- > ".repeat(30)), n)),
    ("blank lines below bullets and quotations", |n| format!("{}a\n", "- > ".repeat(30)) + &repeat("\n", n)),
    ("blank lines in a fence in a nest", |n| {
        nested(0, "") + &format!("{}```\n", " ".repeat(120)) + &repeat("\n", n)
    }),
    ("blank lines in HTML in a nest", |n| {
        nested(0, "") + &format!("{}<pre>\n", " ".repeat(120)) + &repeat("\n", n)
    }),
    ("fences", |n| repeat("```\n", n)),
    ("fences left open", |n| repeat("```a\n", n)),
    ("fences of two kinds", |n| repeat("```a\n~~~\n", n)),
    ("lines in a fence", |n| "```\n".to_owned() + &repeat("a\n", n)),
    ("lines in a fence with CRLF", |n| "```\r\n".to_owned() + &repeat("a\r\n", n)),
    ("indented code", |n| repeat("    a\n", n)),
    ("indented blank lines", |n| repeat("    a\n\n\n\n\n\n\n\n", n)),
    ("a table of many rows", |n| wide_table(3, n, "|a|b|c|\n")),
    ("a wide table of short rows", |n| wide_table(n / 8, n / 2, "a\n")),
    ("a table of 500 columns with short rows", |n| wide_table(500, n, "a\n")),
    ("a table of one row of many cells", |n| "|a|\n|-|\n".to_owned() + &repeat("|a", n)),
    ("heads of tables", |n| repeat("|a|\n|-|\n", n)),
    ("heads of tables that do not fit", |n| repeat("|a|b\n|-|\n", n)),
    ("lines of pipes", |n| repeat("|a\n", n)),
    ("one line of pipes", |n| repeat("|", n)),
    ("two lines of pipes that do not fit", |n| repeat("|a", n / 2) + "\n" + &repeat("|-", n / 2) + "-|-"),
    ("lines of delimiters", |n| repeat("|-\n", n)),
    ("tables with comments left open, in items", |n| repeat("- | a |\n  |---|\n  <!--\n", n)),
    ("tables with comments", |n| repeat("|a|\n|-|\n<!-- b -->\n|c|\n\n", n)),
    ("rows below a comment", |n| "|a|\n|-|\n<!-- b -->\n".to_owned() + &repeat("|c|\n", n)),
    ("comments below a table", |n| "|a|\n|-|\n".to_owned() + &repeat("<!-- b -->\n", n)),
    ("comments of many lines below a table", |n| {
        "|a|\n|-|\n<!--\n".to_owned() + &repeat("<!--\n", n) + "-->\n"
    }),
    ("tables in a nest", |n| nested(n, &format!("{0}|a|\n{0}|-|\n\n", " ".repeat(120)))),
    ("code in cells", |n| wide_table(3, n, "|`a`|`b|c`|\n")),
    ("null bytes", |n| repeat("\0", n)),
    ("byte order marks", |n| repeat("\u{feff}", n)),
    ("combining marks", |n| repeat("\u{301}", n)),
    ("changes of direction", |n| repeat("\u{202e}a", n)),
    ("no-break spaces", |n| repeat("-\u{a0}[\u{a0}]\u{a0}a\n", n)),
    ("wide characters", |n| repeat("🦀*Ä* ", n)),
];
