//! How the cost of reading, ordering, judging and writing a text grows with it:
//! `cargo bench --features bench --bench growth`. Ends with 1 where something grows much faster than its text.

#![allow(missing_docs, clippy::print_stdout)]

/// What no longer fits a cache is somewhat above its due; what is quadratic is at four times that.
const MOST: f64 = 2.5;

fn main() -> std::process::ExitCode {
    let mut fast = false;
    for growth in caretaker::growth::measured() {
        let is_fast = growth.ratio > MOST * growth.due;
        let word = if is_fast { "TOO MUCH" } else { "ok" };
        println!("{:>6.1} times, {} due, {word}: {}", growth.ratio, growth.due, growth.name);
        fast |= is_fast;
    }
    std::process::ExitCode::from(u8::from(fast))
}
