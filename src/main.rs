//! The `caretaker` program; everything is in the library, where the tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    caretaker::main()
}
