//! The containers that are open while a text is read, and the task to which the next block belongs.

use std::ops::Range;

use crate::details::Open;

/// A container that is open.
pub(crate) enum Frame {
    Quote,
    List {
        start: usize,
    },
    Item {
        span: Range<usize>,
        task: Option<Task>,
        detail: Option<usize>,
        /// Nothing of it has been read yet.
        fresh: bool,
    },
}

/// A task that is open.
pub(crate) struct Task {
    pub(crate) index: usize,
    pub(crate) titled: bool,
    pub(crate) open: Open,
}

impl Task {
    pub(crate) fn new(index: usize) -> Self {
        Self { index, titled: false, open: Open::Nothing }
    }
}

/// Where in a task the block that is being read lies.
pub(crate) struct Place<'f> {
    pub(crate) task: &'f mut Task,
    /// The bullet directly below the task that holds the block.
    pub(crate) bullet: Option<(&'f mut Option<usize>, &'f Range<usize>)>,
    pub(crate) quoted: bool,
}

/// The innermost task that is open, and what of it.
pub(crate) fn place(frames: &mut [Frame]) -> Option<Place<'_>> {
    let mut bullet = None;
    let mut quoted = false;
    for frame in frames.iter_mut().rev() {
        match frame {
            Frame::Item { task: Some(task), .. } => return Some(Place { task, bullet, quoted }),
            Frame::Item { span, task: None, detail, .. } => bullet = Some((detail, &*span)),
            Frame::Quote => quoted = true,
            Frame::List { .. } => {}
        }
    }
    None
}
