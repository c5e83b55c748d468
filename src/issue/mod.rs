//! The maintenance issue: its tasks and their order, the plan, the report, the closing.

mod task;

pub(crate) use task::*;
