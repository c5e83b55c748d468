//! Commands in pods: the scripts that answer them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::selector::Selector;

/// Which commands a script answers. A field that is `None` fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecMatcher {
    /// Namespace of the pod.
    pub namespace: Option<String>,
    /// Name of the pod.
    pub pod: Option<String>,
    /// Label selector that the pod fits.
    pub selector: Option<String>,
    /// Name of the container.
    pub container: Option<String>,
    /// How the command begins, word by word; `*` fits any one word.
    pub command: Vec<String>,
}

impl ExecMatcher {
    fn fits(&self, request: &ExecRequest<'_>) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        fits(&self.namespace, request.namespace)
            && fits(&self.pod, request.name)
            && fits(&self.container, request.container)
            && self.selector.as_deref().is_none_or(|selector| {
                Selector::labels(selector).is_some_and(|selector| selector.matches(request.pod))
            })
            && self.command.len() <= request.command.len()
            && self.command.iter().zip(request.command).all(|(wanted, is)| wanted == "*" || wanted == is)
    }
}

/// What a command printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecAnswer {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code.
    pub exit_code: i32,
}

impl ExecAnswer {
    /// A command that worked.
    #[must_use]
    pub fn ok(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// A command that failed.
    #[must_use]
    pub fn failed(exit_code: i32, stderr: impl Into<String>) -> Self {
        Self { stderr: stderr.into(), exit_code, ..Self::default() }
    }
}

/// Answers a command, given its words.
pub type ExecHandler = Arc<dyn Fn(&[String]) -> ExecAnswer + Send + Sync>;

/// A command as it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExecRequest<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) container: &'a str,
    pub(crate) pod: &'a Value,
    pub(crate) command: &'a [String],
}

/// All scripts.
#[derive(Default)]
pub(crate) struct Scripts(Mutex<Vec<(ExecMatcher, ExecHandler)>>);

impl fmt::Debug for Scripts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scripts").finish_non_exhaustive()
    }
}

impl Scripts {
    pub(crate) fn add(&self, matcher: ExecMatcher, handler: ExecHandler) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((matcher, handler));
    }

    /// The answer of the newest script that fits.
    pub(crate) fn answer(&self, request: &ExecRequest<'_>) -> Option<ExecAnswer> {
        let scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let handler =
            scripts.iter().rev().find(|(m, _)| m.fits(request)).map(|(_, handler)| Arc::clone(handler));
        // The script may use the handle itself, so no lock is held while it runs.
        drop(scripts);
        Some(handler?(request.command))
    }
}
