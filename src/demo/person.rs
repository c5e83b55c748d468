//! The scripted person: acts on the forge by what stands in the issue, as somebody at a browser would.
//!
//! Every step is recognised as done by what the forge shows, so the script does not care when the service answers, is
//! killed, or comes back. Where a tick meets a write of the service, the page is loaded again and the tick made again.

use super::body::{ADDED_LINE, DATABASE_TASK, RIGHT_SENTENCE, WRONG_SENTENCE};
use super::world::{MAINTENANCE, OPERATOR, Stage};
use regex::Regex;
use sim::actors::{Person, PersonError, WorldError};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the person looks at the issue. Their own pauses are scaled, this only is how soon they notice.
const LOOK: Duration = Duration::from_millis(40);

/// How long the person waits for an answer to a tick before ticking again, in seconds that the scale divides.
const PATIENCE: f64 = 240.0;

static APPROVAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*- \[([ xX])\] (Approve \*\*([A-Za-z0-9-]+)\*\* \(code `([0-9a-f]+)`\))")
        .expect("the pattern is a constant that a test compiles")
});
static COMMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"`(/caretaker approve ([A-Za-z0-9-]+) ([0-9a-f]+))`")
        .expect("the pattern is a constant that a test compiles")
});

/// What a person does in the course of a scenario.
#[derive(Debug, Clone)]
pub struct Script {
    person: Person,
    issue: u64,
    patience: Duration,
    acts: bool,
}

/// What the script remembers, besides what the forge shows.
#[derive(Debug, Default)]
struct Memory {
    labelled: bool,
    corrected: bool,
    ticked: Option<(String, Instant)>,
    commented: BTreeSet<String>,
    said: Vec<String>,
}

impl Script {
    /// The person of the scenarios: labels, corrects, adds a line, and approves the database.
    pub fn of(stage: &Stage, scale: f64) -> Result<Self, WorldError> {
        let patience = Duration::try_from_secs_f64(PATIENCE / scale.max(1.0)).unwrap_or(Duration::ZERO);
        Ok(Self {
            person: stage.world().person(OPERATOR)?,
            issue: stage.issue_number(),
            patience,
            acts: true,
        })
    }

    /// A person who ticks once and waits for whatever comes of it: a tick that is lost is missed for ever.
    #[must_use]
    pub fn ticking_once(self) -> Self {
        Self { patience: Duration::MAX, ..self }
    }

    /// A person who labels the issue and leaves.
    pub fn only_labels(stage: &Stage) -> Result<Self, WorldError> {
        Ok(Self { acts: false, ..Self::of(stage, 1.0)? })
    }

    /// Acts until it is told to stop, and tells each step. A step that the forge does not take is tried again.
    pub async fn play(self, tell: impl Fn(String) + Send, stop: CancellationToken) {
        let mut memory = Memory::default();
        loop {
            if let Err(error) = self.look(&mut memory).await {
                tracing::debug!(%error, "the person could not do what they wanted; trying again");
            }
            for line in memory.said.drain(..) {
                tell(line);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self, memory: &mut Memory) -> Result<(), PersonError> {
        if !memory.labelled {
            let page = self.person.read(self.issue).await?;
            if !page.labels.iter().any(|label| label == MAINTENANCE) {
                self.person.add_label(self.issue, MAINTENANCE).await?;
                memory.said.push(format!("labels issue #{} `{MAINTENANCE}`", self.issue));
            }
            memory.labelled = true;
        }
        if !self.acts {
            return Ok(());
        }
        let page = self.person.read(self.issue).await?;
        if page.state != "open" {
            return Ok(());
        }
        if !memory.corrected && one_merged(&page.body) {
            self.person
                .edit(self.issue, WRONG_SENTENCE, |body| {
                    if body.contains(ADDED_LINE) {
                        return Some(body.to_owned());
                    }
                    let new = format!("{RIGHT_SENTENCE}\n{ADDED_LINE}");
                    body.contains(WRONG_SENTENCE).then(|| body.replacen(WRONG_SENTENCE, &new, 1))
                })
                .await?;
            memory.corrected = true;
            memory.said.push("corrects a sentence and adds a line".to_owned());
        }
        self.approve(memory, &page.body).await
    }

    async fn approve(&self, memory: &mut Memory, body: &str) -> Result<(), PersonError> {
        // The status asks for the comment: the tick did not count.
        let asked = COMMENT.captures_iter(body).find(|found| &found[2] == DATABASE_TASK);
        if let Some(found) = asked {
            let (comment, code) = (&found[1], &found[3]);
            if !memory.commented.contains(code) {
                self.person.comment(self.issue, comment).await?;
                memory.commented.insert(code.to_owned());
                memory.said.push(format!("writes the comment `{comment}`"));
            }
            return Ok(());
        }
        let Some(found) = APPROVAL.captures_iter(body).find(|found| &found[3] == DATABASE_TASK) else {
            return Ok(());
        };
        let (ticked, line, code) = (&found[1] != " ", &found[2], &found[4]);
        let waiting =
            memory.ticked.as_ref().is_some_and(|(known, at)| known == code && at.elapsed() < self.patience);
        if !ticked && !waiting {
            self.person.tick(self.issue, line).await?;
            memory.ticked = Some((code.to_owned(), Instant::now()));
            memory.said.push(format!("ticks the approval of {DATABASE_TASK}"));
        }
        Ok(())
    }
}

/// Whether a merge task is ticked.
fn one_merged(body: &str) -> bool {
    body.lines().any(|line| line.trim_start().starts_with("- [x]") && line.contains("Merge PR #"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::approval_line;

    #[test]
    fn the_person_finds_what_the_status_asks_for() {
        let line = approval_line("B4", "7f3c2a10", false);
        let found = APPROVAL.captures(&line).unwrap();
        assert_eq!((&found[1], &found[3], &found[4]), (" ", "B4", "7f3c2a10"));
        let asked = crate::wording::approve_by_comment("B4", "7f3c2a10");
        let found = COMMENT.captures(&asked).unwrap();
        assert_eq!(&found[1], "/caretaker approve B4 7f3c2a10");
    }

    #[test]
    fn a_merge_is_seen_by_its_box() {
        assert!(one_merged("- [x] **B1 P2**: Merge PR #4: x"));
        assert!(!one_merged("- [ ] **B1 P2**: Merge PR #4: x\n- [x] **A1 P0**: Verify"));
    }
}
