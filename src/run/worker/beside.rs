//! What is said of incidents in maintenance issues that wait for their turn.
//!
//! An incident is the cluster's and not its issue's, so it is heard where nobody works yet as well, and journalled under the issue
//! in which it was said: the gate of the issue that is worked on, and every other one, knows it from there. Nothing else is heard
//! there: a stop, an approval or a resume is a word about that issue's own run, and is read when its turn comes.
//!
//! Races decided here: a comment moves the time of its issue, an edit of one does not. So an issue whose time moved is read at once,
//! a few a look, and another one now and then in its turn; none of it is a failure of the look, whose own issue may be all that can
//! be read, and what could not be read is read at the next look.

use super::{RunError, Worker, chain};
use crate::forge::{Account, Comment, Issue, IssueNumber, Repository};
use crate::run::decide::said_of_incidents;
use crate::run::incidents::Incidents;
use crate::run::names::Names;
use crate::run::trust::{Comments, KnownComments, Trusted};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many of those whose time moved are read at one look.
const AT_ONCE: usize = 4;

/// What is known of one of them.
#[derive(Debug, Default)]
struct Heard {
    comments: KnownComments,
    /// The issue's time when they were read.
    read: Option<Timestamp>,
    /// When they were asked for last.
    asked: Option<Instant>,
}

/// The comments of the issues that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<IssueNumber, Heard>);

impl Waiting {
    /// Which of them are to be read now: those whose time moved, longest waiting first, and one more that nobody read for so long.
    fn due<'a>(&mut self, others: &'a [Issue], now: Instant, every: Duration) -> Vec<&'a Issue> {
        self.0.retain(|number, _| others.iter().any(|issue| issue.number == *number));
        let asked = |issue: &Issue| self.0.get(&issue.number).and_then(|heard| heard.asked);
        let has_moved =
            |issue: &&Issue| self.0.get(&issue.number).and_then(|heard| heard.read) != Some(issue.updated_at);
        let (mut moved, mut same): (Vec<&Issue>, Vec<&Issue>) = others.iter().partition(has_moved);
        moved.sort_by_key(|issue| asked(issue));
        moved.truncate(AT_ONCE);
        same.retain(|issue| asked(issue).is_none_or(|at| now.duration_since(at) >= every));
        moved.extend(same.into_iter().min_by_key(|issue| asked(issue)));
        moved
    }

    fn of(&mut self, issue: &Issue) -> &mut Heard {
        self.0.entry(issue.number).or_default()
    }
}

impl Worker {
    /// Hears what trusted people say of incidents in the issues that wait for their turn.
    pub(super) async fn hear_waiting(
        &mut self,
        desk: usize,
        repository: &Repository,
        bot: &Account,
        others: &[Issue],
    ) -> Result<(), RunError> {
        let now = Instant::now();
        let every = self.parts.timing.reconcile();
        for issue in self.desks[desk].waiting.due(others, now, every) {
            let heard = self.desks[desk].waiting.of(issue);
            heard.asked = Some(now);
            let since = heard.comments.since(issue.created_at);
            match self.parts.forge.comments(&repository.name, issue.number, Some(since)).await {
                Ok(told) => heard.comments.take(told),
                Err(error) => {
                    tracing::warn!(issue = issue.number.0, error = %chain(&error), "its comments cannot be read yet");
                    continue;
                }
            }
            let all = heard.comments.all();
            if self.journal_incidents(repository, bot, issue, &all).await? {
                self.desks[desk].waiting.of(issue).read = Some(issue.updated_at);
            }
        }
        Ok(())
    }

    /// Writes down what is new of incidents among the comments of an issue that waits, in that issue's own run. Whether that
    /// could be done: one whose journal cannot be read is asked about again.
    async fn journal_incidents(
        &mut self,
        repository: &Repository,
        bot: &Account,
        issue: &Issue,
        all: &[Comment],
    ) -> Result<bool, RunError> {
        let (store, whole_name) = (&self.parts.store, repository.name.to_string());
        let trusted = Trusted::new(&self.parts.settings, repository);
        if !all.iter().any(|comment| trusted.holds(&comment.author.login)) {
            return Ok(true);
        }
        let edited = store.edited_comments(&whole_name, issue.number.0).await?;
        let comments = Comments { all, edited: &edited, trusted: &trusted, bot: &bot.login };
        let names = Names::read(store).await?;
        let incidents = Incidents::read(&self.parts, &names, &repository.name, &trusted).await?;
        let over = comments.incident_over(issue.created_at).filter(|over| incidents.are_ended_by(over));
        let said = comments.incident(issue.created_at, None, incidents.over());
        if said.is_none() && over.is_none() {
            return Ok(true);
        }
        let run = store.open_run(&whole_name, issue.number.0, Timestamp::now()).await?;
        let id = run.id;
        let mut work = match self.take_work(run).await {
            Ok(work) => work,
            Err(error @ RunError::Journal { .. }) => {
                tracing::error!(run = id.0, error = %chain(&error), "what was said of an incident cannot be added to its journal yet");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let incident = comments.incident(issue.created_at, work.state.incident.as_ref(), incidents.over());
        let events = said_of_incidents(incident.as_ref(), over.as_ref(), &work.state);
        let done =
            if events.is_empty() { Ok(()) } else { self.append_all(&mut work, events).await.map(drop) };
        self.works.insert(id, work);
        done.map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::Waiting;
    use crate::forge::{Account, AccountId, Issue, IssueNumber, State};
    use jiff::Timestamp;
    use std::time::{Duration, Instant};

    fn issue(number: u64, updated: i64) -> Issue {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).expect("a time");
        Issue {
            number: IssueNumber(number),
            title: "Maintenance".to_owned(),
            body: String::new(),
            state: State::Open,
            labels: Vec::new(),
            author: Account { id: AccountId(1), login: "operator".to_owned() },
            content_version: None,
            created_at: at(0),
            updated_at: at(updated),
            is_pull: false,
            html_url: String::new(),
        }
    }

    #[test]
    fn those_whose_time_moved_are_read_first_and_the_others_in_their_turn() {
        let (mut waiting, begun, every) = (Waiting::default(), Instant::now(), Duration::from_secs(100));
        let mut others: Vec<Issue> = (1..=10).map(|number| issue(number, 0)).collect();
        let mut look = |others: &[Issue], second: u64| -> Vec<u64> {
            let now = begun + Duration::from_secs(second);
            let due = waiting.due(others, now, every);
            for issue in &due {
                let heard = waiting.of(issue);
                (heard.asked, heard.read) = (Some(now), Some(issue.updated_at));
            }
            due.into_iter().map(|issue| issue.number.0).collect()
        };
        let mut first: Vec<u64> = (0..4).flat_map(|second| look(&others, second)).collect();
        first.sort_unstable();
        assert_eq!(first, (1..=10).collect::<Vec<_>>(), "each once");
        assert!(look(&others, 10).is_empty(), "nothing has changed");
        others[6] = issue(7, 5);
        assert_eq!(look(&others, 20), [7]);
        assert_eq!(look(&others, 150).len(), 1, "one of those that nobody read for long");
        assert_eq!(look(&others[..1], 151), look(&others[..0], 152), "what is gone is forgotten");
    }
}
