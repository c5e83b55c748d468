//! Incidents that trusted people declare: something goes wrong that no probe sees, and no change starts anywhere.
//!
//! Race decided here: an incident is not its run's. Whoever may write may close the issue in which it was declared, or take its
//! label away, and another run has its turn; and the cluster is one for all repositories. So the open ones of all runs are read
//! from the journals, whether the runs have ended or not, and hold back each until a trusted person says in an issue that is
//! worked on that those before are over. Who is trusted in one repository may not be in another: what was said elsewhere, that
//! something goes wrong or that it is over, counts where whoever said it counts.

use super::event::{Event, Incident, Over};
use super::trust::Trusted;
use crate::store::{RunEvent, RunId, Store, StoreResult};
use crate::wording;
use std::collections::BTreeMap;

/// One that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    repository: String,
    issue: u64,
    incident: Incident,
}

/// What the journals of all runs know of incidents.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    open: BTreeMap<RunId, Open>,
    over: Option<Over>,
}

impl Incidents {
    /// Reads those that people told of who count in a repository.
    pub(crate) async fn read(store: &Store, trusted: &Trusted) -> StoreResult<Self> {
        Ok(Self::of(store.incident_events().await?, &|login| trusted.holds(login)))
    }

    fn of(events: Vec<RunEvent>, counts: &dyn Fn(&str) -> bool) -> Self {
        let mut all = Self::default();
        for RunEvent { run, repository, issue, event } in events {
            match serde_json::from_str(&event) {
                Ok(Event::IncidentDeclared(incident)) if counts(&incident.by) => {
                    all.open.insert(run, Open { repository, issue, incident });
                }
                Ok(Event::IncidentOver { said }) => {
                    all.open.remove(&run);
                    all.over = all.over.max(said.filter(|over| counts(&over.by)));
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "an incident in a journal cannot be read"),
            }
        }
        if let Some(over) = &all.over {
            all.open.retain(|_, open| !over.ends(&open.incident));
        }
        all
    }

    /// The newest word that incidents are over.
    pub(crate) fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    /// Whether a word that they are over ends any that is open.
    pub(crate) fn are_ended_by(&self, over: &Over) -> bool {
        self.open.values().any(|open| over.ends(&open.incident))
    }

    /// One that another run declared, in words. `own` is what is going wrong by what was said in this issue.
    pub(crate) fn elsewhere(&self, own: Option<&Incident>) -> Option<String> {
        let is_own = |open: &&Open| own.is_some_and(|own| own.place() == open.incident.place());
        let other = self.open.values().find(|open| !is_own(open))?;
        Some(wording::gate_incident_elsewhere(&other.incident.by, &other.repository, other.issue))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn over(second: i64) -> Over {
        let at = Timestamp::from_second(second).expect("a time");
        Over { at, comment: u64::try_from(second).expect("positive"), by: "operator".to_owned() }
    }

    fn declared(second: i64) -> Incident {
        let Over { at, comment, by } = over(second);
        Incident { by, comment, at, why: "the router reboots".to_owned() }
    }

    /// Reads `run+second` as declared, `run-second` as over by a comment in that run, `run-` as over by another's.
    fn incidents(words: &str) -> Incidents {
        let event = |word: &str| {
            let (run, event) = if let Some((run, second)) = word.split_once('+') {
                (run, Event::IncidentDeclared(declared(second.parse().unwrap())))
            } else {
                let (run, second) = word.split_once('-').unwrap();
                (run, Event::IncidentOver { said: second.parse().ok().map(over) })
            };
            let (run, event) = (run.parse().unwrap(), serde_json::to_string(&event).unwrap());
            RunEvent { run: RunId(run), repository: "ops/homelab".to_owned(), issue: 7, event }
        };
        Incidents::of(words.split_whitespace().map(event).collect(), &|login| login == "operator")
    }

    #[test]
    fn an_incident_of_any_run_is_open_until_a_later_word_of_any_run() {
        for (words, own, expected) in [
            ("", None, false),
            ("1+10", None, true),
            ("1+10", Some(10), false),
            ("1+10 2+20", Some(20), true),
            ("1+10 1-11", None, false),
            ("1+10 1-", None, false),
            ("1+10 2-11", None, false),
            ("1+10 2-9", None, true),
            // The word is known before the incident that it ends.
            ("2-11 1+10", None, false),
            ("2-11 1+12", None, true),
            ("1+10 2+20 3-15", None, true),
            ("1+10 2+20 3-25", None, false),
        ] {
            let own = own.map(declared);
            assert_eq!(incidents(words).elsewhere(own.as_ref()).is_some(), expected, "{words}");
        }
        assert!(incidents("1+10").are_ended_by(&over(11)) && !incidents("1+10").are_ended_by(&over(9)));
        assert!(!incidents("1+10 1-11").are_ended_by(&over(12)), "it was over before");
    }

    #[test]
    fn what_somebody_says_who_counts_elsewhere_alone_neither_closes_nor_opens() {
        let event = |run: i64, event: &Event| RunEvent {
            run: RunId(run),
            repository: "mallory/x".to_owned(),
            issue: 1,
            event: serde_json::to_string(event).unwrap(),
        };
        let by = |login: &str, second: i64| Over { by: login.to_owned(), ..over(second) };
        let is_open = |events: &[Event], who: &str| {
            let events = events.iter().zip(1..).map(|(one, run)| event(run, one)).collect();
            Incidents::of(events, &|login| login == who).elsewhere(None).is_some()
        };
        let declared = Event::IncidentDeclared(declared(10));
        let over = |login: &str| Event::IncidentOver { said: Some(by(login, 20)) };
        assert!(is_open(std::slice::from_ref(&declared), "operator"));
        assert!(is_open(&[declared.clone(), over("mallory")], "operator"), "not mallory's to end");
        assert!(is_open(&[over("mallory"), declared.clone()], "operator"));
        // A later word of theirs hides none that counts.
        let last = Event::IncidentOver { said: Some(by("mallory", 30)) };
        assert!(!is_open(&[declared.clone(), over("operator"), last], "operator"));
        assert!(!is_open(std::slice::from_ref(&declared), "mallory"), "what the operator says is theirs");
    }

    #[test]
    fn what_versions_before_wrote_down_ends_its_own_run_s() {
        let mut events = Vec::new();
        for event in [
            serde_json::to_string(&Event::IncidentDeclared(declared(10))).unwrap(),
            r#"{"event":"incident-over"}"#.to_owned(),
        ] {
            events.push(RunEvent { run: RunId(1), repository: String::new(), issue: 1, event });
        }
        assert!(Incidents::of(events, &|_| true).elsewhere(None).is_none());
    }

    #[tokio::test]
    async fn they_are_found_in_the_journals_of_all_runs_also_of_those_that_are_over() {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp::now();
        let run = store.open_run("ops/homelab", 7, now).await.unwrap().id;
        let event = serde_json::to_string(&Event::IncidentDeclared(declared(10))).unwrap();
        store.append(run, now, &[r#"{"event":"taken-up"}"#.to_owned(), event]).await.unwrap();
        store.end_run(run, now).await.unwrap();
        let found = Incidents::of(store.incident_events().await.unwrap(), &|_| true).elsewhere(None).unwrap();
        assert!(found.contains("ops/homelab issue 7") && !found.contains("router"), "{found}");
    }
}
