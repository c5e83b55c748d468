//! How the time of reading grows with a text that is made to be slow: `cargo bench -p checklist --bench growth`. Ends with
//! 1 where it grows much faster than the text.

#![allow(missing_docs, clippy::print_stdout)]

mod hostile;

use checklist::Document;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Lengths between which time is compared. Eight times the text may take sixteen times as long, for memory that no
/// longer fits a cache; were it quadratic, it would take sixty-four times as long.
const SHORT: usize = 4 << 10;
const LONG: usize = 8 * SHORT;
const MOST: f64 = 24.0;
/// Below this nothing can be told from noise, and nothing is slow.
const NOISE: Duration = Duration::from_micros(100);

/// The best of many readings.
fn cost(text: &str) -> Duration {
    let reading = |_| {
        let start = Instant::now();
        black_box(Document::parse(black_box(text))).ok();
        start.elapsed()
    };
    (0..20).map(reading).min().unwrap_or_default()
}

fn main() -> std::process::ExitCode {
    let mut fast = false;
    for (name, make) in hostile::HOSTILE {
        let (short, long) = (cost(&make(SHORT)), cost(&make(LONG)));
        let ratio = long.as_secs_f64() / short.max(NOISE).as_secs_f64();
        let word = if ratio > MOST { "TOO MUCH" } else { "ok" };
        println!("{ratio:>6.1} times for eight times the text, {word}: {name}, {short:?} and {long:?}");
        fast |= ratio > MOST;
    }
    std::process::ExitCode::from(u8::from(fast))
}
