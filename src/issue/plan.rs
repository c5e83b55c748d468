//! The plan, for programs and for people.

use super::{Reading, TaskKey};
use serde_json::{Value, json};

/// The plan as `plan --format json` prints it.
pub(crate) fn plan_json(_reading: &Reading, _order: &[TaskKey]) -> Value {
    json!({})
}

/// The plan as people read it on a terminal, without colour.
pub(crate) fn plan_text(_reading: &Reading, _order: &[TaskKey]) -> String {
    String::new()
}
