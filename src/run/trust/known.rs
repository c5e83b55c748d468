//! The comments of an issue as far as they are known, so that no look asks for all of them again.
//!
//! Race decided here: one that comes later may be dated earlier, by a clock that was set, another of the forge's machines or a
//! transaction that took long, so that what is asked for begins some minutes before the newest that is known. A comment that was there at a look was said: taking it away
//! afterwards takes nothing back, writing another does.

use super::commands;
use crate::forge::{Comment, CommentId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// So much earlier than the newest one may be dated what comes after it.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// Those that say something to caretaker.
#[derive(Debug, Default)]
pub(crate) struct KnownComments {
    newest: Option<Timestamp>,
    kept: BTreeMap<CommentId, Comment>,
}

impl KnownComments {
    /// From which moment on comments are to be asked for; the first time from when the issue was opened.
    pub(crate) fn since(&self, opened: Timestamp) -> Timestamp {
        let known = self.newest.and_then(|newest| newest.checked_sub(LATE).ok());
        let from = known.map_or(opened, |known| known.max(opened));
        Timestamp::from_second(from.as_second()).unwrap_or(from)
    }

    /// Takes in what was told since then. One that was edited counts as it is now.
    pub(crate) fn take(&mut self, told: Vec<Comment>) {
        for comment in told {
            self.newest = self.newest.max(Some(comment.updated_at));
            if commands(&comment.body).is_empty() {
                self.kept.remove(&comment.id);
            } else {
                self.kept.insert(comment.id, comment);
            }
        }
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Comment> {
        let mut all: Vec<Comment> = self.kept.values().cloned().collect();
        all.sort_by_key(|comment| (comment.created_at, comment.id));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{Account, AccountId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn comment(id: u64, body: &str, created: i64, updated: i64) -> Comment {
        let author = Account { id: AccountId(1), login: "operator".to_owned() };
        let (created_at, updated_at) = (at(created), at(updated));
        Comment { id: CommentId(id), author, body: body.to_owned(), created_at, updated_at }
    }

    #[test]
    fn only_what_is_new_is_asked_for_and_only_what_says_something_is_kept() {
        let mut known = KnownComments::default();
        assert_eq!(known.since(at(5)), at(5));
        known.take(vec![comment(1, "/caretaker stop", 10, 10), comment(2, "thanks", 20, 20)]);
        assert_eq!(known.since(at(5)), at(5));
        assert_eq!(known.since(at(-1000)), at(20 - 600), "what comes late is told again");
        let bodies =
            |known: &KnownComments| known.all().into_iter().map(|comment| comment.body).collect::<Vec<_>>();
        assert_eq!(bodies(&known), ["/caretaker stop"]);
        // One that said nothing says something now, another says something else, a third nothing any more.
        known.take(vec![
            comment(2, "/caretaker resume", 20, 30),
            comment(3, "/caretaker approve A1 7f3c", 20, 25),
        ]);
        assert_eq!(bodies(&known), ["/caretaker stop", "/caretaker resume", "/caretaker approve A1 7f3c"]);
        known.take(vec![comment(1, "never mind", 10, 31), comment(3, "/caretaker approve A1 0000", 20, 31)]);
        assert_eq!(bodies(&known), ["/caretaker resume", "/caretaker approve A1 0000"]);
        assert_eq!(known.since(at(-1000)), at(31 - 600));
        // The issue was opened again by a restore with a later time.
        assert_eq!(known.since(at(40)), at(40));
    }
}
