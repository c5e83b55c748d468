//! How the cost of reading, ordering, judging and writing a text grows with it:
//! `cargo bench --features bench --bench growth`. Ends with 1 where something grows much faster than its text.

#![allow(missing_docs, clippy::print_stdout)]

/// Linear is 4 and quadratic 16; what no longer fits a cache is somewhat above its due.
const MOST: f64 = 10.0;

fn main() -> std::process::ExitCode {
    let mut fast = false;
    for growth in caretaker::growth::measured() {
        let most = if growth.name.contains("16 is") { 4.0 * MOST } else { MOST };
        let word = if growth.ratio > most { "TOO MUCH" } else { "ok" };
        println!("{:>6.1} times for four times the text, {word}: {}", growth.ratio, growth.name);
        fast |= growth.ratio > most;
    }
    std::process::ExitCode::from(u8::from(fast))
}
