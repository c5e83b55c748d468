//! One attachment: a volume that a node is to have, has, or is to give back.

use super::{Moment, found};
use crate::cluster::{DriverError, ObjectRef, VolumeAttachment};
use crate::health::probes::shortened;
use crate::health::{Finding, Grounds, Verdict};

/// Judges one attachment.
pub(super) fn judge_attachment(attachment: &VolumeAttachment, moment: Moment) -> Option<Finding> {
    let object = attachment.object();
    let volume = attachment.volume.as_deref().unwrap_or("of a pod's own");
    // A node that is lost answers nothing.
    let node = || Grounds::each([ObjectRef::new("Node", "", &attachment.node)]);
    let place = format!("volume {volume}, node {}", attachment.node);
    let says = |field: &str, error: &DriverError| {
        let lock = if error.is_operation_lock() { "; the driver holds an operation lock" } else { "" };
        format!("{place}: {field}.message = {}{lock}", shortened(&error.message))
    };
    if let Some(error) = &attachment.detach_error {
        let (what, evidence) = ("cannot be detached", says("status.detachError", error));
        return Some(found("detach-failed", object, Verdict::Yellow, what, evidence, error.at));
    }
    if let Some(asked) = attachment.deleted_at {
        let evidence = format!("{place}: metadata.deletionTimestamp = {asked}, and no error");
        let what = "is being detached for too long";
        return (!moment.forgives(Some(asked))).then(|| {
            found("detach-overdue", object, Verdict::Yellow, what, evidence, Some(asked)).resting_on(node())
        });
    }
    if attachment.attached == Some(true) {
        return None;
    }
    let young = moment.forgives(attachment.created_at);
    match &attachment.attach_error {
        Some(error) => {
            let verdict = if young { Verdict::Yellow } else { Verdict::Red };
            let (what, evidence) = ("cannot be attached", says("status.attachError", error));
            Some(found("attach-failed", object, verdict, what, evidence, error.at.or(attachment.created_at)))
        }
        None if young => None,
        None => {
            let said = attachment.attached.map_or("no status", |_| "status.attached = false");
            let evidence = format!("{place}: {said}, and no error");
            let what = "is not answered by its driver";
            let since = attachment.created_at;
            Some(
                found("attach-unanswered", object, Verdict::Unknown, what, evidence, since)
                    .resting_on(node()),
            )
        }
    }
}
