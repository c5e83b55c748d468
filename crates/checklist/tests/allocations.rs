//! Reading asks for memory for what it hands out, not for what it passes by.

use allocation_counter::measure;
use checklist::Document;
use pulldown_cmark::{Options, Parser};

/// Texts, spans and lists of one task with three details.
const MOST_FOR_A_TASK: u64 = 24;
/// Lists that grow with the text: lines, regions, comments. Each doubles.
const MOST_FOR_THE_TEXT: u64 = 160;

const PROSE: &str = "A paragraph with `code`, **bold** words and a [link](https://example.org/a) in it,\nover two lines.\n\n\
    > A quotation\n> of two lines.\n\n```sh\nkubectl get pods\n```\n\n- a bullet\n  - a nested one with `code`\n\n";
const TASK: &str = "- [ ] **A1 P1 Apps**: Merge the request\n  - **Goal**: a newer version\n  - **Commands**: `kubectl get pods`\n  \
    - **Expected**: all Running\n\n";

fn ours(text: &str) -> u64 {
    measure(|| drop(Document::parse(text).expect("not too deep"))).count_total
}

/// What the parser below us asks for on the same text.
fn parsers(text: &str) -> u64 {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    measure(|| assert!(Parser::new_ext(text, options).into_offset_iter().count() > 0)).count_total
}

#[test]
fn allocations_are_bounded_by_the_tasks() {
    for (tasks, prose) in [(1, 1), (1, 3000), (200, 1), (200, 3000), (2000, 10)] {
        let text = PROSE.repeat(prose) + &TASK.repeat(tasks);
        let (ours, parsers) = (ours(&text), parsers(&text));
        let bound = parsers + MOST_FOR_THE_TEXT + MOST_FOR_A_TASK * tasks as u64;
        assert!(ours <= bound, "{ours} for {tasks} tasks in {} bytes, the parser {parsers}", text.len());
        println!("{tasks} tasks in {} bytes: {ours} allocations, of which the parser {parsers}", text.len());
    }
}
