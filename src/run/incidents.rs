//! Incidents that trusted people declare: something goes wrong that no probe sees, and no change starts anywhere.
//!
//! Race decided here: an incident is not its run's. Whoever may write may close the issue in which it was declared, or take its
//! label away, and another run has its turn; and the cluster is one for all repositories. So the open ones of all runs are read
//! from the journals, whether the runs have ended or not.
//!
//! Who is trusted in one repository may not be in another. To declare is the safe direction: what was journalled came from somebody
//! who counted where it was said, and holds back every repository, since what they see go wrong is in the cluster of all. To end it
//! is not: that counts where it was declared, said there, or said elsewhere by somebody who counts there. A word of anybody else
//! opens no gate, not even their own repository's: a change from there goes into the same cluster. Whoever may have caretaker at work
//! on the cluster may therefore stop all changes in it; what is left to whoever runs caretaker is to look after that repository no
//! longer, which says, as of what is half done there, that somebody has seen to it.

use super::event::{Event, Incident, Over};
use super::names::Names;
use super::trust::Trusted;
use super::worker::Parts;
use crate::forge::RepositoryName;
use crate::store::{RunEvent, RunId, StoreResult};
use crate::wording;
use std::collections::BTreeMap;

/// One that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    repository: String,
    issue: u64,
    incident: Incident,
    /// Whether somebody who counts in the repository at hand can end it.
    ends_here: bool,
}

/// A word that incidents are over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    repository: String,
    over: Over,
}

/// What is known of repositories and accounts.
struct Ground<'a> {
    /// The repository at hand.
    here: &'a str,
    /// Whether two names are one repository's, and no other's.
    are_one: &'a dyn Fn(&str, &str) -> bool,
    /// Whether an account counts in a repository.
    counts: &'a dyn Fn(&str, &str) -> bool,
    /// Whether anybody who counts in the repository at hand counts in another.
    is_shared: &'a dyn Fn(&str) -> bool,
    /// Whether a repository is looked after.
    is_tended: &'a dyn Fn(&str) -> bool,
}

impl Ground<'_> {
    /// Whether a word ends what was declared in a repository.
    fn ends(&self, said: &Said, repository: &str, incident: &Incident) -> bool {
        said.over.ends(incident)
            && ((self.are_one)(&said.repository, repository) || (self.counts)(repository, &said.over.by))
    }
}

/// What the journals of all runs know of incidents.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    open: BTreeMap<RunId, Open>,
    /// The newest word that ends what was declared in the repository at hand.
    over: Option<Over>,
}

impl Incidents {
    /// Reads them, as they stand to a repository.
    pub(crate) async fn read(
        parts: &Parts,
        names: &Names,
        repository: &RepositoryName,
        trusted: &Trusted,
    ) -> StoreResult<Self> {
        let events = parts.store.incident_events().await?;
        let here = repository.to_string();
        // Whose a name is that more than one repository had, nobody knows: only who is named by the settings counts there.
        let counts = |repository: &str, login: &str| {
            let is_known = !parts.settings.trusted.is_empty() || !names.is_ambiguous(repository);
            is_known && Trusted::counts_in(&parts.settings, repository, login)
        };
        let ground = Ground {
            here: &here,
            are_one: &|one, other| names.are_surely_one(one, other),
            counts: &counts,
            is_shared: &|other| trusted.all().any(|login| counts(other, login)),
            is_tended: &|other| names.are_tended(other, parts),
        };
        Ok(Self::of(events, &ground))
    }

    fn of(events: Vec<RunEvent>, ground: &Ground<'_>) -> Self {
        let mut all = Self::default();
        let mut over: Vec<Said> = Vec::new();
        for RunEvent { run, repository, issue, event } in events {
            match serde_json::from_str(&event) {
                Ok(Event::IncidentDeclared(incident)) if (ground.is_tended)(&repository) => {
                    let is_here = (ground.are_one)(&repository, ground.here);
                    let ends_here = is_here || (ground.is_shared)(&repository);
                    all.open.insert(run, Open { repository, issue, incident, ends_here });
                }
                // It was found over, by what its own repository's looks knew.
                Ok(Event::IncidentOver { said: None }) => drop(all.open.remove(&run)),
                Ok(Event::IncidentOver { said: Some(said) }) => over.push(Said { repository, over: said }),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "an incident in a journal cannot be read"),
            }
        }
        all.open
            .retain(|_, open| !over.iter().any(|said| ground.ends(said, &open.repository, &open.incident)));
        let ends_own = |said: &Said| {
            (ground.are_one)(&said.repository, ground.here) || (ground.counts)(ground.here, &said.over.by)
        };
        all.over = over.into_iter().filter(ends_own).map(|said| said.over).max();
        all
    }

    /// The newest word that ends what was declared here before.
    pub(crate) fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    /// Whether a word of somebody who counts here ends any that is open.
    pub(crate) fn are_ended_by(&self, over: &Over) -> bool {
        self.open.values().any(|open| open.ends_here && over.ends(&open.incident))
    }

    /// One that another run declared, in words. `own` is what is going wrong by what was said in this issue.
    pub(crate) fn elsewhere(&self, own: Option<&Incident>) -> Option<String> {
        let is_own = |open: &&Open| own.is_some_and(|own| own.place() == open.incident.place());
        let other = self.open.values().find(|open| !is_own(open))?;
        let Open { repository, issue, incident, ends_here } = other;
        Some(wording::gate_incident_elsewhere(&incident.by, repository, *issue, *ends_here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use jiff::Timestamp;

    fn over(second: i64) -> Over {
        let at = Timestamp::from_second(second).expect("a time");
        Over { at, comment: u64::try_from(second).expect("positive"), by: "operator".to_owned() }
    }

    fn declared(second: i64) -> Incident {
        let Over { at, comment, by } = over(second);
        Incident { by, comment, at, why: "the router reboots".to_owned() }
    }

    /// How it stands to a repository, where each account counts in its own repositories, and `operator` everywhere.
    fn seen_from(here: &str, events: Vec<RunEvent>, tended: &[&str]) -> Incidents {
        let counts = |repository: &str, login: &str| {
            login == "operator" || repository.split('/').next() == Some(login)
        };
        let own = here.split('/').next().unwrap();
        Incidents::of(
            events,
            &Ground {
                here,
                are_one: &|one, other| one == other || [one, other] == ["ops/household", "ops/homelab"],
                counts: &counts,
                is_shared: &|other| counts(other, own),
                is_tended: &|other| tended.is_empty() || tended.contains(&other),
            },
        )
    }

    fn told(run: i64, repository: &str, event: &Event) -> RunEvent {
        let event = serde_json::to_string(event).unwrap();
        RunEvent { run: RunId(run), repository: repository.to_owned(), issue: 7, event }
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
            told(run.parse().unwrap(), "ops/homelab", &event)
        };
        seen_from("ops/homelab", words.split_whitespace().map(event).collect(), &[])
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
            // One that ends another's ends none that its own run declared since.
            ("1+10 1-9", None, true),
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
    fn what_somebody_says_who_counts_elsewhere_alone_closes_every_gate_and_opens_none() {
        let incident = |by: &str| Event::IncidentDeclared(Incident { by: by.to_owned(), ..declared(10) });
        let word = |by: &str, second: i64| Event::IncidentOver {
            said: Some(Over { by: by.to_owned(), ..over(second) }),
        };
        let alices = || told(1, "alice/x", &incident("alice"));
        let places = ["alice/x", "bob/y", "mallory/x"];
        // Who said where that it is over, and whether it then is, for all.
        for (said, expected) in [
            (None, true),
            (Some(("alice/x", "alice", 20)), false),
            (Some(("alice/x", "alice", 9)), true),
            (Some(("mallory/x", "mallory", 20)), true),
            (Some(("bob/y", "bob", 20)), true),
            // She counts where she declared it, wherever she says so.
            (Some(("bob/y", "alice", 20)), false),
            (Some(("bob/y", "operator", 20)), false),
        ] {
            let over = || said.map(|(place, by, at)| told(2, place, &word(by, at)));
            for here in places {
                for events in [vec![Some(alices()), over()], vec![over(), Some(alices())]] {
                    let events = events.into_iter().flatten().collect();
                    let found = seen_from(here, events, &[]);
                    assert_eq!(found.elsewhere(None).is_some(), expected, "{said:?} seen from {here}");
                }
            }
        }
        // A later word of somebody else's hides none that counts.
        let events =
            vec![alices(), told(2, "alice/x", &word("alice", 20)), told(3, "bob/y", &word("bob", 30))];
        assert!(seen_from("bob/y", events, &[]).elsewhere(None).is_none());
        // Who is asked for the word is told where it counts.
        let seen = |here: &str| seen_from(here, vec![alices()], &[]);
        let text = seen("bob/y").elsewhere(None).unwrap();
        assert!(
            text.contains("`alice`") && text.contains("alice/x issue 7") && text.contains("there"),
            "{text}"
        );
        assert!(seen("alice/z").elsewhere(None).unwrap().contains("here ends it"));
        assert!(!seen("bob/y").are_ended_by(&over(20)), "and it is not written down as if it counted");
        assert!(seen("alice/x").are_ended_by(&over(20)) && seen("alice/z").are_ended_by(&over(20)));
        // What ends one's own.
        let bobs = vec![told(3, "bob/y", &incident("bob")), told(2, "mallory/x", &word("mallory", 20))];
        assert_eq!(seen_from("bob/y", bobs, &[]).over(), None);
    }

    #[test]
    fn what_was_declared_where_nobody_looks_any_more_holds_nothing_and_a_new_name_ends_nothing() {
        let events = || vec![told(1, "alice/x", &Event::IncidentDeclared(declared(10)))];
        assert!(seen_from("bob/y", events(), &["bob/y", "alice/x"]).elsewhere(None).is_some());
        assert!(seen_from("bob/y", events(), &["bob/y"]).elsewhere(None).is_none());
        let events = vec![
            told(1, "ops/homelab", &Event::IncidentDeclared(declared(10))),
            told(
                2,
                "ops/household",
                &Event::IncidentOver { said: Some(Over { by: String::new(), ..over(20) }) },
            ),
        ];
        assert!(seen_from("bob/y", events[..1].to_vec(), &[]).elsewhere(None).is_some());
        let ended = Incidents::of(
            events,
            &Ground {
                here: "bob/y",
                are_one: &|_, _| true,
                counts: &|_, _| false,
                is_shared: &|_| false,
                is_tended: &|_| true,
            },
        );
        assert!(ended.elsewhere(None).is_none(), "the same repository under another name ends it");
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
        assert!(seen_from("ops/homelab", events, &[]).elsewhere(None).is_none());
    }

    #[tokio::test]
    async fn they_are_found_in_the_journals_of_all_runs_also_of_those_that_are_over() {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp::now();
        let run = store.open_run("ops/homelab", 7, now).await.unwrap().id;
        let event = serde_json::to_string(&Event::IncidentDeclared(declared(10))).unwrap();
        store.append(run, now, &[r#"{"event":"taken-up"}"#.to_owned(), event]).await.unwrap();
        store.end_run(run, now).await.unwrap();
        let events = store.incident_events().await.unwrap();
        let found = seen_from("ops/homelab", events, &[]).elsewhere(None).unwrap();
        assert!(found.contains("ops/homelab issue 7") && !found.contains("router"), "{found}");
    }
}
