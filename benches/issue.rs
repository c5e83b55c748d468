//! Reading an issue's tasks, and reading and writing it, beside the bare parser on the same text in the same run:
//! `cargo bench --features bench --bench issue`. `CARETAKER_TEST_CORPUS` names a folder of further bodies.
//!
//! Prints the best of many rounds of each, in turn, and as a multiple of the bare parser: the times are this machine's,
//! the multiples are comparable.

#![allow(missing_docs, clippy::print_stdout)]

#[path = "../crates/checklist/benches/beside/mod.rs"]
mod beside;

use beside::{bare, corpus};
use caretaker::laws;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What is measured: something that is done with a text, and what of it is counted.
type Step = fn(&str) -> usize;

const BODY: &str = include_str!("../fixtures/bodies/22-seven-sections.md");

fn texts() -> Vec<(&'static str, String, u32)> {
    let mut texts = vec![
        ("own body", BODY.to_owned(), 200),
        ("own body, ten times", BODY.repeat(10), 40),
        ("own megabyte", BODY.repeat((1 << 20) / BODY.len() + 1), 3),
    ];
    texts.extend(corpus().map(|text| ("largest of the corpus", text, 100)));
    texts
}

fn main() {
    for (name, text, rounds) in texts() {
        let steps: [(&str, Step); 3] =
            [("bare", bare), ("read", laws::reading), ("read and write", laws::written)];
        let mut best = [Duration::MAX; 3];
        for _ in 0..rounds {
            for ((_, step), best) in steps.iter().zip(&mut best) {
                let start = Instant::now();
                black_box(step(black_box(&text)));
                *best = start.elapsed().min(*best);
            }
        }
        println!("{name}, {} bytes, {} tasks", text.len(), laws::reading(&text));
        for ((step, _), time) in steps.iter().zip(best) {
            println!("  {step}: {time:?}, {:.2} times", time.as_secs_f64() / best[0].as_secs_f64());
        }
    }
}
