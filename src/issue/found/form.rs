//! The issue that is opened where there is none: the seven sections, with what was found as its tasks.

use super::propose::Offered;
use crate::health::Recon;
use crate::issue::{Desired, Reading, apply};
use crate::wording;

/// An issue that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenedView {
    /// Its title.
    pub(crate) title: String,
    /// Its text.
    pub(crate) body: String,
    /// The ids of its tasks.
    pub(crate) tasks: Vec<String>,
}

/// The issue about what was found; `None` where there is nothing to do.
pub(crate) fn opened(recon: &Recon, offered: &Offered) -> Option<OpenedView> {
    let (blocks, tasks) = offered.blocks(&Reading::default());
    if tasks.is_empty() {
        return None;
    }
    let title = wording::opened_title(recon.began_at);
    let body = apply(&wording::opened_form(&title, recon), &Desired { blocks, ..Desired::default() });
    Some(OpenedView { title, body, tasks })
}
