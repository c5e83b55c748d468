//! What a person wrote and a write of ours went over.
//!
//! The race decided here: on a forge that counts no versions of a text, a person may save between our reading and our
//! writing, and our text replaces theirs. The forge then tells, with the delivery about our own write, what that write
//! replaced. Where this is neither what we had read nor a text of ours, it is somebody's, and is put back; whether that
//! has been done is told by our later writes that arrived, so a crash in between loses nothing. Where that delivery is lost,
//! the one about the person's own edit tells as much: it was made from the text that ours was made from, after we had read
//! that, nobody went on from it, and ours is what stands there, or what ours that stand there were made from.

use crate::inbox::IssueEdit;
use crate::issue::TaskKey;
use crate::run::report::LastWrite;
use crate::run::worker::text_hash;
use std::collections::BTreeSet;

/// A text that a write of ours went over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostEdit {
    /// The text.
    pub(crate) text: String,
    /// The hash of our write that went over it.
    pub(crate) over: String,
    /// Our text, which replaced it.
    pub(crate) replaced_by: String,
    /// Who wrote it, where a delivery tells.
    pub(crate) by: Option<String>,
    /// The tasks that were unticked in it: they stay so.
    pub(crate) unticked: Vec<TaskKey>,
    /// The tasks whose boxes are as an old copy had them, which nobody decided.
    pub(crate) stale: BTreeSet<TaskKey>,
}

impl LostEdit {
    /// By what it is recognised.
    pub(crate) fn hash(&self) -> String {
        text_hash(&self.text)
    }
}

/// The newest text that one of our writes went over and that has not been put back. `bot` is our account: whoever else goes back
/// to a text of ours has written it. `is_awaited` says whether the delivery about a write may still come.
pub(crate) fn lost_edit(
    edits: &[IssueEdit],
    writes: &[LastWrite],
    body: &str,
    bot: &str,
    is_awaited: impl Fn(&LastWrite) -> bool,
) -> Option<LostEdit> {
    let steps = Steps::of(edits, writes, body);
    steps.told(bot).or_else(|| {
        let given_up = steps.standing().filter(|ours| !steps.was_brought(&ours.hash) && !is_awaited(ours));
        given_up.into_iter().find_map(|ours| steps.untold(ours, body))
    })
}

/// Whether the delivery about a write of ours that stands there, or that those were made from, may still come.
pub(crate) fn may_be_told(
    edits: &[IssueEdit],
    writes: &[LastWrite],
    body: &str,
    is_awaited: impl Fn(&LastWrite) -> bool,
) -> bool {
    let steps = Steps::of(edits, writes, body);
    steps.standing().any(|ours| !steps.was_brought(&ours.hash) && is_awaited(ours))
}

/// What deliveries tell of a text, each as the hashes of what it replaced and of what it brought, beside what we wrote.
struct Steps<'a> {
    edits: &'a [IssueEdit],
    hashes: Vec<(Option<String>, Option<String>)>,
    writes: &'a [LastWrite],
    now: String,
}

impl<'a> Steps<'a> {
    fn of(edits: &'a [IssueEdit], writes: &'a [LastWrite], body: &str) -> Self {
        let hash = |text: &Option<String>| text.as_deref().map(text_hash);
        let hashes = edits.iter().map(|edit| (hash(&edit.body_before), hash(&edit.body_after))).collect();
        Self { edits, hashes, writes, now: text_hash(body) }
    }

    fn newest(&self) -> impl Iterator<Item = (&'a IssueEdit, Option<&str>, Option<&str>)> {
        let steps = self.edits.iter().zip(&self.hashes).rev();
        steps.map(|(edit, (before, after))| (edit, before.as_deref(), after.as_deref()))
    }

    fn was_brought(&self, hash: &str) -> bool {
        self.hashes.iter().any(|(_, after)| after.as_deref() == Some(hash))
    }

    fn is_ours(&self, hash: &str) -> bool {
        self.writes.iter().any(|write| write.hash == hash)
    }

    /// Our text that stands there, and those that it was made from, one after the other.
    fn standing(&self) -> impl Iterator<Item = &'a LastWrite> {
        let written = |hash: &str| self.writes.iter().rev().find(|write| write.hash == hash);
        let below = move |ours: &&'a LastWrite| ours.base.as_deref().and_then(written);
        std::iter::successors(written(&self.now), below).take(self.writes.len())
    }

    /// Whether a step is one of our writes.
    fn is_our_step(&self, before: &str, after: &str) -> bool {
        self.writes.iter().any(|write| write.hash == after && write.base.as_deref() == Some(before))
    }

    /// Whether people went from one text to another, which may be an old one of ours.
    fn went(&self, from: &str, to: &str) -> bool {
        let is_step = |(before, after): &(Option<String>, Option<String>)| {
            before.as_deref() == Some(from) && after.as_deref() == Some(to)
        };
        self.hashes.iter().any(is_step) && !self.is_our_step(from, to)
    }

    fn is_back(&self, theirs: &str) -> bool {
        let was_left = |hash: &str| self.hashes.iter().any(|(before, _)| before.as_deref() == Some(hash));
        let arrived = |write: &LastWrite| {
            let hash = write.hash.as_str();
            write.landed
                || was_left(hash)
                || self.was_brought(hash)
                || self.standing().any(|ours| ours.hash == hash)
        };
        self.writes.iter().any(|write| write.restored.as_deref() == Some(theirs) && arrived(write))
    }

    /// By the delivery about our own write.
    fn told(&self, bot: &str) -> Option<LostEdit> {
        let ours = self.newest().filter(|(edit, ..)| edit.sender.eq_ignore_ascii_case(bot));
        ours.into_iter().find_map(|(edit, before, after)| {
            let (before, after) = (before?, after?);
            let ours = self.writes.iter().find(|write| write.hash == after)?;
            let base = ours.base.as_deref()?;
            // A text of ours that stood there is none of theirs, unless they went back to it.
            let is_theirs = !self.is_ours(before) || self.went(base, before);
            if base == before || before == after || !is_theirs || self.is_back(before) {
                return None;
            }
            let by = self.newest().find(|(_, _, wrote)| *wrote == Some(before));
            Some(LostEdit {
                text: edit.body_before.clone()?,
                over: after.to_owned(),
                replaced_by: edit.body_after.clone()?,
                by: by.map(|(edit, ..)| edit.sender.clone()),
                unticked: Vec::new(),
                stale: BTreeSet::new(),
            })
        })
    }

    /// What one of our writes went over, by the deliveries about theirs.
    fn untold(&self, ours: &LastWrite, body: &str) -> Option<LostEdit> {
        let (base, since) = (ours.base.as_deref()?, ours.as_of?);
        // What people made of that text, one after the other, while it had been read and not been written over.
        let steps: Vec<_> = self.newest().filter(|(edit, ..)| edit.received_at >= since).collect();
        let (mut at, mut last, mut later) = (base, None, &steps[..]);
        while let Some(step) = later.iter().position(|(_, before, _)| *before == Some(at)) {
            let (edit, _, after) = later[step];
            let after = after.filter(|after| !self.is_our_step(at, after))?;
            (at, last, later) = (after, Some(edit), &later[..step]);
        }
        let edit = last.filter(|_| at != base && !self.is_back(at))?;
        Some(LostEdit {
            text: edit.body_after.clone()?,
            over: ours.hash.clone(),
            replaced_by: body.to_owned(),
            by: Some(edit.sender.clone()),
            unticked: Vec::new(),
            stale: BTreeSet::new(),
        })
    }
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
            as_of: Some(jiff::Timestamp::UNIX_EPOCH),
            ..LastWrite::default()
        }
    }

    fn ours(text: &str) -> String {
        format!("{text}ours\n")
    }

    /// While our newest write may still be told of.
    fn found(edits: &[IssueEdit], writes: &[LastWrite], body: &str) -> Option<LostEdit> {
        lost_edit(edits, writes, body, "caretaker", |_| true)
    }

    #[test]
    fn a_text_that_was_written_over_is_found_until_it_is_put_back() {
        let base = "one\n\ntwo\n";
        let person = "one\n\ntwo\nthree\n";
        let first = ours(base);
        let writes = [write(base, &first, None)];
        let edits = [edit("operator", base, person), edit("caretaker", person, &first)];
        let lost = found(&edits, &writes, &first).expect("lost");
        assert_eq!((lost.text.as_str(), lost.by.as_deref()), (person, Some("operator")));
        let again = put_back(&lost, &first, ours).expect("nobody else wrote");
        assert_eq!(again, ours(person));

        // Remembered, and not sent: still lost. Sent: done, whatever came later.
        let writes = [writes[0].clone(), write(&first, &again, Some(person))];
        assert!(found(&edits, &writes, &first).is_some());
        assert_eq!(found(&edits, &writes, &again), None);
        let later = [edits.to_vec(), vec![edit("operator", &again, "another")]].concat();
        assert_eq!(found(&later, &writes, "another"), None);
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
        assert_eq!(found(&edits, &writes, "mine\n"), None);
        assert_eq!(found(&edits, &[], "mine\n"), None);
    }

    #[test]
    fn what_no_delivery_about_our_write_tells_is_told_by_those_about_theirs() {
        let (base, first) = ("one\n", ours("one\n"));
        let writes = [write(base, &first, None)];
        let step = |before: &str, after: &str| edit("operator", before, after);
        for (edits, body, expected) in [
            (vec![step(base, "two\n")], &first, Some("two\n")),
            (vec![step(base, "two\n"), step("two\n", "three\n")], &first, Some("three\n")),
            // They took it back, and made it anew.
            (vec![step(base, "two\n"), step("two\n", base)], &first, None),
            (vec![step(base, "two\n"), step("two\n", base), step(base, "three\n")], &first, Some("three\n")),
            // It was made of another text, or is not what stands there.
            (vec![step("before\n", "two\n")], &first, None),
            (vec![step(base, "two\n")], &"two\n".to_owned(), None),
            (vec![], &first, None),
            // It is told by the delivery about ours that nothing was there but what we had read.
            (vec![step(base, "two\n"), step("two\n", base), edit("caretaker", base, &first)], &first, None),
        ] {
            let lost = lost_edit(&edits, &writes, body, "caretaker", |_| false).map(|lost| lost.text);
            assert_eq!(lost.as_deref(), expected, "{edits:?}");
            if !edits.iter().any(|edit| edit.sender == "caretaker") {
                assert_eq!(found(&edits, &writes, body), None, "it may still be told");
            }
        }
        // It is put back once.
        let again = ours("two\n");
        let writes = [writes[0].clone(), write(&first, &again, Some("two\n"))];
        let edits = [step(base, "two\n")];
        assert!(lost_edit(&edits, &writes, &first, "caretaker", |_| false).is_some(), "remembered, not sent");
        assert_eq!(lost_edit(&edits, &writes, &again, "caretaker", |_| false), None);
        let more = ours(&again);
        let later = [writes[0].clone(), writes[1].clone(), write(&again, &more, None)];
        assert_eq!(
            lost_edit(&edits, &later, &more, "caretaker", |_| false),
            None,
            "nor after another write of ours"
        );
        // What was there before our text was read was read with it.
        let late = jiff::Timestamp::from_second(60).unwrap();
        let later = [LastWrite { as_of: Some(late), ..writes[0].clone() }];
        assert_eq!(lost_edit(&edits, &later, &first, "caretaker", |_| false), None);
    }

    #[test]
    fn what_an_earlier_write_went_over_is_told_from_the_later_ones_that_were_made_from_it() {
        let (base, first, second) = ("one\n", ours("one\n"), ours("one\nours\n"));
        let writes = [write(base, &first, None), write(&first, &second, None)];
        let mut edits = vec![edit("operator", base, "two\n")];
        assert!(may_be_told(&edits, &writes, &second, |_| true));
        assert!(!may_be_told(&edits, &writes, &second, |_| false));
        edits.push(edit("caretaker", &first, &second));
        let lost = lost_edit(&edits, &writes, &second, "caretaker", |_| false).expect("lost");
        assert_eq!((lost.text.as_str(), lost.over.as_str()), ("two\n", text_hash(&first).as_str()));
        assert!(may_be_told(&edits, &writes, &second, |ours| ours.hash == text_hash(&first)));
        edits.push(edit("caretaker", "two\n", &first));
        assert!(!may_be_told(&edits, &writes, &second, |_| true), "all is told");
        assert_eq!(found(&edits, &writes, &second).expect("lost").text, "two\n");
    }

    #[test]
    fn who_goes_back_to_an_old_text_of_ours_wrote_it() {
        let (base, ticked) = ("one\nours\n", "one, ticked\nours\n");
        let second = ours(ticked);
        let writes = [write("one\n", base, None), write(ticked, &second, None)];
        let mut edits = vec![edit("operator", base, ticked), edit("operator", ticked, base)];
        let lost = lost_edit(&edits, &writes, &second, "caretaker", |_| false).expect("lost");
        assert_eq!(lost.text, base);
        edits.push(edit("caretaker", base, &second));
        assert_eq!(found(&edits, &writes, &second).expect("lost").text, base);
        // They only did so while nothing of ours was on its way.
        let undone = [edit("operator", base, ticked), edit("operator", ticked, base)];
        assert_eq!(found(&undone, &writes[..1], base), None);
        // Of two tries from the same text the first came late.
        let tries = [write("one\n", base, None), write("one\n", &second, None)];
        let late = [edit("caretaker", "one\n", base), edit("caretaker", base, &second)];
        assert_eq!(found(&late, &tries, &second), None);
    }

    #[test]
    fn what_others_wrote_since_is_kept() {
        let base = "one\n\ntwo\n\nthree\n";
        let first = ours(base);
        let person = "one\n\ntwo and more\n\nthree\n";
        let lost = LostEdit {
            text: person.to_owned(),
            over: text_hash(&first),
            replaced_by: first.clone(),
            by: None,
            unticked: Vec::new(),
            stale: BTreeSet::new(),
        };
        let since = first.replace("one\n", "one, said another\n");
        assert_eq!(
            put_back(&lost, &since, ours).as_deref(),
            Some("one, said another\n\ntwo and more\n\nthree\nours\n")
        );
        let against = first.replace("two\n", "two, said another\n");
        assert_eq!(put_back(&lost, &against, ours), None);
    }
}
