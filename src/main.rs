//! caretaker.
fn main() {}
