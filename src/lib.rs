//! caretaker.
