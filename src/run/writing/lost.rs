//! What a person wrote and a write of ours went over.
//!
//! The race decided here: on a forge that counts no versions of a text, a person may save between our reading and our
//! writing, and our text replaces theirs. The forge then tells, with the delivery about our own write, what that write
//! replaced. Where this is neither what we had read nor a text of ours, it is somebody's, and is put back; whether that
//! has been done is told by our later writes that arrived, so a crash in between loses nothing.

use crate::inbox::IssueEdit;
use crate::issue::TaskKey;
use crate::run::report::LastWrite;
use crate::run::worker::text_hash;

/// A text that a write of ours went over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostEdit {
    /// The text.
    pub(crate) text: String,
    /// Our text, which replaced it.
    pub(crate) replaced_by: String,
    /// Who wrote it, where a delivery tells.
    pub(crate) by: Option<String>,
    /// The tasks that were unticked in it: they stay so.
    pub(crate) unticked: Vec<TaskKey>,
}

impl LostEdit {
    /// By what it is recognised.
    pub(crate) fn hash(&self) -> String {
        text_hash(&self.text)
    }
}

/// The newest text that one of our writes went over and that has not been put back.
pub(crate) fn lost_edit(edits: &[IssueEdit], writes: &[LastWrite], body: &str) -> Option<LostEdit> {
    let hashed: Vec<(Option<String>, Option<String>)> = edits
        .iter()
        .map(|edit| (edit.body_before.as_deref().map(text_hash), edit.body_after.as_deref().map(text_hash)))
        .collect();
    let now = text_hash(body);
    let arrived = |hash: &str| {
        now == hash
            || hashed
                .iter()
                .any(|(before, after)| before.as_deref() == Some(hash) || after.as_deref() == Some(hash))
    };
    edits.iter().zip(&hashed).rev().find_map(|(edit, (before, after))| {
        let (before, after) = (before.as_deref()?, after.as_deref()?);
        let ours = writes.iter().find(|write| write.hash == after)?;
        let base = ours.base.as_deref()?;
        let put_back =
            || writes.iter().any(|write| write.restored.as_deref() == Some(before) && arrived(&write.hash));
        if base == before || before == after || writes.iter().any(|write| write.hash == before) || put_back()
        {
            return None;
        }
        let by = edits
            .iter()
            .zip(&hashed)
            .rev()
            .find(|(_, (_, wrote))| wrote.as_deref() == Some(before))
            .map(|(edit, _)| edit.sender.clone());
        Some(LostEdit {
            text: edit.body_before.clone()?,
            replaced_by: edit.body_after.clone()?,
            by,
            unticked: Vec::new(),
        })
    })
}

/// The text with what was lost in it again; `None` where somebody has changed the same lines since. `ours` puts what is
/// ours into a text.
pub(crate) fn put_back(lost: &LostEdit, current: &str, ours: impl Fn(&str) -> String) -> Option<String> {
    let theirs = ours(&lost.text);
    if current == lost.replaced_by {
        return Some(theirs);
    }
    diffy::merge(&lost.replaced_by, current, &theirs).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(sender: &str, before: &str, after: &str) -> IssueEdit {
        IssueEdit {
            received_at: jiff::Timestamp::UNIX_EPOCH,
            sender: sender.to_owned(),
            action: "edited".to_owned(),
            body_before: Some(before.to_owned()),
            body_after: Some(after.to_owned()),
        }
    }

    fn write(base: &str, text: &str, restored: Option<&str>) -> LastWrite {
        LastWrite {
            hash: text_hash(text),
            base: Some(text_hash(base)),
            restored: restored.map(text_hash),
            ..LastWrite::default()
        }
    }

    fn ours(text: &str) -> String {
        format!("{text}ours\n")
    }

    #[test]
    fn a_text_that_was_written_over_is_found_until_it_is_put_back() {
        let base = "one\n\ntwo\n";
        let person = "one\n\ntwo\nthree\n";
        let first = ours(base);
        let writes = [write(base, &first, None)];
        let edits = [edit("operator", base, person), edit("caretaker", person, &first)];
        let lost = lost_edit(&edits, &writes, &first).expect("lost");
        assert_eq!((lost.text.as_str(), lost.by.as_deref()), (person, Some("operator")));
        let again = put_back(&lost, &first, ours).expect("nobody else wrote");
        assert_eq!(again, ours(person));

        // Remembered, and not sent: still lost. Sent: done, whatever came later.
        let writes = [writes[0].clone(), write(&first, &again, Some(person))];
        assert!(lost_edit(&edits, &writes, &first).is_some());
        assert_eq!(lost_edit(&edits, &writes, &again), None);
        let later = [edits.to_vec(), vec![edit("operator", &again, "another")]].concat();
        assert_eq!(lost_edit(&later, &writes, "another"), None);
    }

    #[test]
    fn an_undisturbed_write_loses_nothing() {
        let (base, first) = ("one\n", ours("one\n"));
        let second = ours("one\ntwo\n");
        let writes = [write(base, &first, None), write(base, &second, None)];
        let edits = [
            edit("caretaker", base, &first),
            // Our own text, whose answer was lost.
            edit("caretaker", &first, &second),
            edit("operator", &second, "mine\n"),
        ];
        assert_eq!(lost_edit(&edits, &writes, "mine\n"), None);
        assert_eq!(lost_edit(&edits, &[], "mine\n"), None);
    }

    #[test]
    fn what_others_wrote_since_is_kept() {
        let base = "one\n\ntwo\n\nthree\n";
        let first = ours(base);
        let person = "one\n\ntwo and more\n\nthree\n";
        let lost =
            LostEdit { text: person.to_owned(), replaced_by: first.clone(), by: None, unticked: Vec::new() };
        let since = first.replace("one\n", "one, said another\n");
        assert_eq!(
            put_back(&lost, &since, ours).as_deref(),
            Some("one, said another\n\ntwo and more\n\nthree\nours\n")
        );
        let against = first.replace("two\n", "two, said another\n");
        assert_eq!(put_back(&lost, &against, ours), None);
    }
}
