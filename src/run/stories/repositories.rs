//! Several repositories: what becomes of one is not the others' business, but for the cluster that they share.

use super::words::{NODES_READY, TELEPHONE, merge, tasks};
use super::{REPOSITORY, Story, first_commit, secret_of};
use crate::forge::{ForgeError, RepositoryName};
use crate::run::discovery::{MOST, Range};
use crate::run::event::ChangeResult;
use crate::run::load_state;
use crate::run::settings::{Discovery, Repository as Settings, RolloutBy};
use crate::run::situation::Mode;
use crate::store::Missing;
use reqwest::Method;
use serde_json::{Value, json};
use sim::gitea::{Fault, FileChange, IssueState, NewCommit, Permission, Repository, Rule};
use std::time::{Duration, Instant};

impl Story {
    /// Another repository, which everybody may read and caretaker may write.
    pub(super) fn another(&self, name: &str) -> Repository {
        let gitea = self.world.gitea();
        let repository = gitea.create_repository("ops", name, false);
        for (login, permission) in [
            ("operator", Permission::Admin),
            ("caretaker", Permission::Write),
            ("renovate", Permission::Write),
        ] {
            gitea.add_collaborator("ops", name, login, permission);
        }
        repository.create_label("maintenance", "#0e8a16").unwrap();
        repository.create_label("needs-human", "#d93f0b").unwrap();
        repository.commit("main", first_commit("README.md", "# another\n")).unwrap();
        repository
    }

    /// caretaker looks after it; nothing in the cluster follows it.
    pub(super) fn looks_after(&mut self, name: &str) {
        let name = format!("ops/{name}").parse().unwrap();
        self.others.push(Settings { mode: Mode::Auto, rollout: RolloutBy::None, ..Settings::new(name) });
    }

    /// The person who administers the forge does something by its API.
    async fn administers(&self, method: Method, path: &str, body: Option<Value>) {
        let url = format!("{}/api/v1{path}", self.world.gitea().url());
        let mut request = reqwest::Client::builder().no_proxy().build().unwrap().request(method, url);
        request = request.header("Authorization", format!("token {}", self.world.token("operator")));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// What caretaker asked of a repository since so many requests.
    fn asked_of(&self, name: &str, since: usize) -> Vec<String> {
        let path = format!("/api/v1/repos/ops/{name}");
        let requests = self.world.gitea().requests();
        requests[since..]
            .iter()
            .filter(|one| one.user.as_deref() == Some("caretaker") && one.path.starts_with(&path))
            .map(|one| format!("{} {}", one.method, &one.path[path.len()..]))
            .collect()
    }

    /// The same, look by look, but for those looks that may not be whole.
    pub(super) fn whole_looks(&self, name: &str, since: usize) -> Vec<Vec<String>> {
        let mut looks: Vec<Vec<String>> = Vec::new();
        for asked in self.asked_of(name, since) {
            match looks.last_mut() {
                Some(look) if asked != "GET " => look.push(asked),
                _ => looks.push(vec![asked]),
            }
        }
        looks.pop();
        looks.into_iter().skip(1).collect()
    }

    /// The trouble is said, and the repository is asked for and for nothing else meanwhile.
    async fn is_told_and_left_alone(&self, name: &str, words: &str) {
        let said = || self.repositories_error().is_some_and(|error| error.contains(words));
        self.wait(words, said).await;
        let since = self.world.gitea().requests().len();
        self.wait("it is asked for again", || self.asked_of(name, since).len() >= 2).await;
        assert!(
            self.asked_of(name, since).iter().all(|one| one == "GET "),
            "{:?}",
            self.asked_of(name, since)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trouble_of_a_repository_is_a_state_and_the_other_one_goes_on() {
    let mut story = Story::begin().await;
    let second = story.another("second");
    story.looks_after("second");
    let other = second.open_issue("operator", "Second", &tasks([TELEPHONE]), &["maintenance"]).unwrap();
    story.start().await;
    let is_told = || second.issue(other).is_some_and(|issue| issue.body.contains("caretaker:status"));
    story.wait("it is worked on", is_told).await;

    second.set_archived(true).unwrap();
    story.is_told_and_left_alone("second", "ops/second is archived").await;
    second.set_archived(false).unwrap();
    story.wait("it is taken up again", || story.repositories_error().is_none()).await;

    let collaborator = "/repos/ops/second/collaborators/caretaker";
    story.administers(Method::DELETE, collaborator, None).await;
    story.is_told_and_left_alone("second", "may only be read").await;
    story.administers(Method::PATCH, "/repos/ops/second", Some(json!({ "private": true }))).await;
    story.is_told_and_left_alone("second", "deleted or made private").await;
    story.world.gitea().add_collaborator("ops", "second", "caretaker", Permission::Write);
    story.wait("it is taken up again", || story.repositories_error().is_none()).await;

    let mut renamed = second.clone();
    renamed.rename("household").unwrap();
    story.is_told_and_left_alone("second", "household").await;
    story.administers(Method::DELETE, "/repos/ops/household", None).await;
    story.is_told_and_left_alone("second", "deleted or made private").await;

    assert_eq!(story.forge_error(), None, "the forge itself is in order");
    let number = story.issue(&tasks([NODES_READY])).await;
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_said_and_asked_with_rarely_until_it_counts_again() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let faults = story.world.gitea().faults();
    let revoked = Rule::new("*", ".*", Fault::Status(401)).unwrap().always();
    let revoked = faults.add(revoked.when(|seen| seen.user == Some("caretaker")));
    story.start().await;
    let said = || story.repositories_error().is_some_and(|error| error.contains("does not know the token"));
    story.wait("it is said", said).await;
    assert!(story.forge_error().is_some(), "nothing can be done at this forge");
    let since = story.world.gitea().requests().len();
    story.wait("it is tried again", || story.world.gitea().requests().len() >= since + 3).await;
    assert_eq!(story.effects(), [""; 0]);
    faults.remove(revoked);
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

/// The same pull request of Renovate as in the homelab, in another repository.
pub(super) fn copied(story: &Story, pull: u64, to: &Repository) -> u64 {
    let homelab = story.world.repository();
    let pull = homelab.pull(pull).unwrap();
    let paths = homelab.changed_files(&pull.base_sha, &pull.head_sha);
    let files = |revision: &str| -> Vec<FileChange> {
        let text = |path: &String| String::from_utf8(homelab.file(revision, path).unwrap()).unwrap();
        paths.iter().map(|path| FileChange::text(path, text(path))).collect()
    };
    let commit = |author: &str, files| NewCommit {
        author: author.to_owned(),
        message: pull.title.clone(),
        files,
        from: None,
    };
    to.commit("main", commit("operator", files(&pull.base_sha))).unwrap();
    to.create_branch("renovate", &pull.head_branch, "main").unwrap();
    to.commit(&pull.head_branch, commit("renovate", files(&pull.head_sha))).unwrap();
    to.open_pull("renovate", &pull.title, &pull.body, &pull.head_branch, "main", &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_changes_of_two_repositories_never_overlap_in_the_cluster_that_they_share() {
    let mut story = Story::begin().await;
    let second = story.another("second");
    story.looks_after("second");
    let apps = [("echo", "36.0.1"), ("excalidraw", "0.17.4")];
    let pulls = apps.map(|(app, version)| story.renovate_opens(app, version));
    let theirs = pulls.map(|pull| copied(&story, pull, &second));
    let number = story.issue_of_merges(&pulls).await;
    let lines = [merge("D1 P0 Apps", theirs[0]), merge("D2 P1 Apps", theirs[1])];
    let other = second.open_issue("operator", "Second", &tasks(lines), &["maintenance"]).unwrap();
    story.start().await;
    story.closed(number).await;
    let is_closed = || second.issue(other).is_some_and(|issue| issue.state == IssueState::Closed);
    story.wait("the other one is closed too", is_closed).await;
    let mut spans = Vec::new();
    for run in story.store().recent_runs(10).await.unwrap() {
        let state = load_state(story.store(), run.id).await.unwrap();
        for record in &state.merges {
            let asked = state.acts.iter().find(
                |act| matches!(&act.effect, crate::run::event::Effect::Merge(plan) if **plan == record.plan),
            );
            spans.push((asked.unwrap().at, record.ended_at.unwrap(), run.repository.clone()));
        }
    }
    assert_eq!(spans.len(), 4, "{spans:?}");
    spans.sort();
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "one change at a time: {pair:?}");
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_which_nothing_has_changed_costs_a_handful_of_requests() {
    let mut story = Story::begin().await;
    story.another("second");
    story.looks_after("second");
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.person_called(number).await;
    story.comes_to_rest().await;
    let since = story.world.gitea().requests().len();
    story.looks(5).await;
    let (waits, idle) = (story.whole_looks("homelab", since), story.whole_looks("second", since));
    assert!(waits.len() >= 2 && idle.len() >= 2, "{waits:?} {idle:?}");
    // The repository, its labels, the open issues; and with a run its branch, the comments and the pull requests.
    assert!(waits.iter().all(|look| look.len() == 6), "{waits:#?}");
    assert!(idle.iter().all(|look| look.len() == 3), "{idle:#?}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_never_delivered_is_found_and_counted() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.person_called(number).await;
    story.comes_to_rest().await;
    let counted = || async {
        let missed = story.store().missed_events(Missing::Up).await.unwrap();
        missed.into_iter().find(|(name, _)| name == "ops/homelab").map_or(0, |(_, missed)| missed.count)
    };
    // What caretaker itself wrote was not delivered either, and has been counted by now or is not any more.
    let before = counted().await;
    let line = "\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready";
    story.operator().append_line(number, line).await.unwrap();
    story.done(number, "A1").await;
    let deadline = Instant::now() + super::DEADLINE;
    while counted().await == before {
        assert!(Instant::now() < deadline, "it is counted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let missed = story.store().missed_events(Missing::Up).await.unwrap();
    assert!(missed.iter().all(|(name, missed)| name == "ops/homelab" && missed.last_delivery_at.is_none()));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_while_caretaker_did_not_run_is_found_at_the_start_and_counted_apart() {
    let mut story = Story::begin().await;
    story.webhook = true;
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.person_called(number).await;
    story.comes_to_rest().await;
    // Two looks more, so that what caretaker wrote last was seen and kept.
    story.looks(2).await;
    let counted = async |story: &Story, missing| -> u64 {
        let missed = story.store().missed_events(missing).await.unwrap();
        missed.iter().map(|(_, missed)| missed.count).sum()
    };
    assert_eq!(counted(&story, Missing::Down).await, 0, "a first start counts nothing");
    let before = counted(&story, Missing::Up).await;
    story.stop().await;
    // Its hook delivers to nobody.
    let line = "\n- [ ] **A1 P0 Metal**: Verify that all nodes are Ready";
    story.operator().append_line(number, line).await.unwrap();
    story.start().await;
    story.done(number, "A1").await;
    let deadline = Instant::now() + super::DEADLINE;
    while counted(&story, Missing::Down).await == 0 {
        assert!(Instant::now() < deadline, "it is counted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    story.comes_to_rest().await;
    assert_eq!(counted(&story, Missing::Down).await, 1, "once");
    assert_eq!(counted(&story, Missing::Up).await, before, "no hook is blamed for it");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repositories_with_the_label_are_found_and_others_are_left_alone() {
    let mut story = Story::begin().await;
    story.discovery =
        Discovery { enabled: true, mode: Mode::Auto, every_seconds: 1.0, ..Discovery::default() };
    let found = story.another("found");
    let issue = found.open_issue("operator", "Found", &tasks([NODES_READY]), &["maintenance"]).unwrap();
    let archived = story.another("archived");
    archived.open_issue("operator", "Archived", &tasks([NODES_READY]), &["maintenance"]).unwrap();
    archived.set_archived(true).unwrap();
    let gitea = story.world.gitea();
    let bare = gitea.create_repository("ops", "bare", false);
    gitea.add_collaborator("ops", "bare", "caretaker", Permission::Write);
    bare.commit("main", first_commit("README.md", "# bare\n")).unwrap();
    story.another("readable");
    gitea.add_collaborator("ops", "readable", "caretaker", Permission::Read);
    story.start().await;
    // Nothing in the cluster follows what was found: a question is answered there, and nothing is merged or closed.
    let is_answered = |repository: &Repository, issue: u64| {
        repository.issue(issue).is_some_and(|issue| issue.body.contains("- [x] **A1 "))
    };
    story.wait("what was found is worked on", || is_answered(&found, issue)).await;
    // One that gets its label later is found later.
    bare.create_label("maintenance", "#0e8a16").unwrap();
    let late = bare.open_issue("operator", "Late", &tasks([NODES_READY]), &["maintenance"]).unwrap();
    story.wait("and so is what came later", || is_answered(&bare, late)).await;
    for name in ["archived", "readable"] {
        let asked = story.asked_of(name, 0);
        assert!(asked.is_empty(), "{name}: {asked:?}");
    }
    assert!(!story.asked_of("homelab", 0).is_empty() && REPOSITORY.ends_with("homelab"), "the table counts");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calls_and_cannot_be_taken_up_costs_no_pass_and_what_can_be_needs_none() {
    let mut story = Story::begin().await;
    story.webhook = true;
    story.discovery = Discovery { enabled: true, mode: Mode::Auto, ..Discovery::default() };
    let readable = story.another("readable");
    story.world.gitea().add_collaborator("ops", "readable", "caretaker", Permission::Read);
    story.start().await;
    let gitea = story.world.gitea();
    let secret = secret_of(&"ops/readable".parse().unwrap());
    readable.add_hook(story.webhook_url(), &secret, &["issues"]).unwrap();
    story.looks(2).await;
    let asked = |what: &str| {
        let requests = story.world.gitea().requests();
        let is_it = |path: &str| path.split('?').next() == Some(what);
        requests.iter().filter(|one| one.user.as_deref() == Some("caretaker") && is_it(&one.path)).count()
    };
    let (passes, own) = (asked("/api/v1/user/repos"), "/api/v1/repos/ops/readable");
    assert!(passes > 0, "it is looked for all of them at the start");
    let number = readable.open_issue("operator", "Found", &tasks([NODES_READY]), &["maintenance"]).unwrap();
    for at in 1..=3 {
        let before = asked(own);
        readable.open_issue("operator", &format!("Another {at}"), "Words.", &[]).unwrap();
        story.wait("it is asked about", || asked(own) > before).await;
    }
    story.looks(2).await;
    assert_eq!(asked("/api/v1/user/repos"), passes, "it has the label, and still calls for nothing else");
    // One failure more or less: it is asked about again, without another delivery.
    let fails = Rule::new("GET", "/repos/ops/readable/labels", Fault::Status(500)).unwrap().times(20);
    let fails = gitea.faults().add(fails.when(|seen| seen.user == Some("caretaker")));
    gitea.add_collaborator("ops", "readable", "caretaker", Permission::Write);
    readable.open_issue("operator", "Another", "Words.", &[]).unwrap();
    story.wait("its labels cannot be read", || gitea.faults().struck(fails) > 0).await;
    gitea.faults().remove(fails);
    let is_answered = || readable.issue(number).is_some_and(|issue| issue.body.contains("- [x] **A1 "));
    story.wait("it is worked on", is_answered).await;
    assert_eq!(asked("/api/v1/user/repos"), passes, "and that took no pass either");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_beyond_those_that_are_asked_about_stays_taken_up_once_it_has_called() {
    let mut story = Story::begin().await;
    story.webhook = true;
    // One pass after the other: each says nothing of the last, and may not forget that it has called.
    story.discovery =
        Discovery { enabled: true, mode: Mode::Auto, every_seconds: 0.05, ..Discovery::default() };
    for at in 0..MOST {
        let (gitea, name) = (story.world.gitea(), format!("a{at:03}"));
        let one = gitea.create_repository("ops", &name, false);
        gitea.add_collaborator("ops", &name, "caretaker", Permission::Write);
        one.commit("main", first_commit("README.md", "# one of many\n")).unwrap();
    }
    let last = story.another("zoo");
    story.start().await;
    let gitea = story.world.gitea();
    let secret = secret_of(&"ops/zoo".parse().unwrap());
    last.add_hook(story.webhook_url(), &secret, &["issues"]).unwrap();
    let passes = || gitea.requests().iter().filter(|one| one.path.starts_with("/api/v1/user/repos")).count();
    let pass = async |more: usize| {
        let wanted = passes() + more;
        story.wait("it is looked for all of them again", || passes() >= wanted).await;
    };
    pass(1).await;
    assert!(story.asked_of("zoo", 0).is_empty(), "it is one too many");
    let issue = last.open_issue("operator", "Zoo", &tasks([TELEPHONE]), &["maintenance"]).unwrap();
    let is_told = || last.issue(issue).is_some_and(|issue| issue.body.contains("caretaker:status"));
    story.wait("it is taken up", is_told).await;
    pass(2).await;
    let since = gitea.requests().len();
    story.wait("it is looked at still", || story.asked_of("zoo", since).contains(&"GET ".to_owned())).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_answer_costs_no_other_and_no_more_time_than_a_pass_has() {
    let mut story = Story::begin().await;
    story.discovery = Discovery { enabled: true, ..Discovery::default() };
    for name in ["first", "second", "third"] {
        story.another(name);
    }
    let (limit, delay) = (Duration::from_secs(4), Duration::from_secs(12));
    let slow = Rule::new("GET", "/repos/ops/second/labels", Fault::Delay(delay)).unwrap().always();
    story.world.gitea().faults().add(slow);
    let parts = story.parts().await;
    let label = &parts.settings.maintenance_label;
    let range = Range { discovery: &parts.discovery, tables: &parts.repositories, label };
    let begun = Instant::now();
    let found = range.find_within(parts.forge.as_ref(), limit).await.unwrap();
    assert!(begun.elapsed() < delay, "{:?}", begun.elapsed());
    let names = |names: Vec<&RepositoryName>| -> Vec<String> {
        names.into_iter().map(|name| name.name.clone()).collect()
    };
    assert_eq!(names(found.labelled.iter().collect()), ["first", "third"]);
    assert_eq!(names(found.unknown.keys().collect()), ["second"]);
    // The same of those that are asked about alone.
    let some = ["first", "second", "gone"].map(|name| format!("ops/{name}").parse().unwrap()).into();
    let begun = Instant::now();
    let answers = range.find_each_within(parts.forge.as_ref(), some, limit).await;
    assert!(begun.elapsed() < delay, "{:?}", begun.elapsed());
    let answer = |name: &str| &answers[&format!("ops/{name}").parse::<RepositoryName>().unwrap()];
    assert!(matches!(answer("first"), Ok(true)), "{answers:?}");
    assert!(matches!(answer("second"), Err(ForgeError::Unavailable { .. })), "{answers:?}");
    assert!(matches!(answer("gone"), Err(ForgeError::NotFound { .. })), "{answers:?}");
    story.world.gitea().faults().clear();
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_looked_for_while_a_change_is_followed_and_everything_afterwards() {
    let mut story = Story::begin().await;
    story.discovery =
        Discovery { enabled: true, mode: Mode::Auto, every_seconds: 0.05, ..Discovery::default() };
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let requests = || story.world.gitea().requests();
    let passes = || requests().iter().filter(|one| one.path.starts_with("/api/v1/user/repos")).count();
    story.wait("it is looked for all of them at first", || passes() > 0).await;
    story.wait("it is merged", || story.merged(echo)).await;
    let (known, deadline) = (passes(), Instant::now() + super::DEADLINE);
    loop {
        let (so_far, state) = (passes(), story.state().await);
        if state.merges.iter().all(|record| record.ended_at.is_some()) {
            break;
        }
        assert_eq!(so_far, known, "a change is followed first");
        assert!(Instant::now() < deadline, "the change did not end: {state:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    story.wait("and then it is looked for them again", || passes() > known).await;
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_found_and_vanishes_in_the_middle_of_a_change_is_named_and_can_be_taken_out() {
    let mut story = Story::begin().await;
    let second = story.another("second");
    let echo = story.renovate_opens("echo", "36.0.1");
    let theirs = copied(&story, echo, &second);
    story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.wait("it is merged", || story.merged(echo)).await;
    story.crash().await;
    // From now on the homelab has no table: it was found, and is gone.
    let name = "ops/second".parse().unwrap();
    story.repository = Settings { mode: Mode::Auto, rollout: RolloutBy::None, ..Settings::new(name) };
    story.discovery = Discovery { enabled: true, mode: Mode::Auto, ..Discovery::default() };
    let lines = [NODES_READY.to_owned(), merge("D1 P1 Apps", theirs)];
    let other = second.open_issue("operator", "Second", &tasks(lines), &["maintenance"]).unwrap();
    let collaborator = format!("{}/collaborators/caretaker", REPOSITORY.trim_start_matches("/api/v1"));
    story.administers(Method::DELETE, &collaborator, None).await;
    story.administers(Method::PATCH, "/repos/ops/homelab", Some(json!({ "private": true }))).await;
    story.start().await;
    let told = ["ops/homelab does not exist", "is in flight", "discovery.ignore"];
    let says_all =
        || story.repositories_error().is_some_and(|error| told.iter().all(|part| error.contains(part)));
    story.wait("it is said, and what to do about it", says_all).await;
    let is_answered = || second.issue(other).is_some_and(|issue| issue.body.contains("- [x] **A1 "));
    story.wait("the other one goes on", is_answered).await;
    story.looks(4).await;
    assert!(!second.pull(theirs).unwrap().merged, "what is in flight elsewhere is not over");
    assert_eq!(story.forge_error(), None, "the forge itself is in order");
    story.stop().await;
    story.discovery.ignore = vec!["OPS/homelab".parse().unwrap()];
    story.start().await;
    story.wait("the other one is changed again", || second.pull(theirs).unwrap().merged).await;
    assert_eq!(story.repositories_error(), None);
    story.end().await;
}

impl Story {
    /// The homelab is archived while a merge is in flight; how its issue read then.
    async fn is_archived_in_the_middle_of_the_change_of(&self, pull: u64, number: u64) -> String {
        self.wait("it is merged", || self.merged(pull)).await;
        self.world.repository().set_archived(true).unwrap();
        let state = self.state().await;
        assert!(state.merges.iter().all(|record| record.ended_at.is_none()), "it is in flight still");
        let said =
            || self.runs_error().is_some_and(|error| error.contains("archived in the middle of a change"));
        self.wait("it is said where the operator looks", said).await;
        // A write that was on its way arrived before the look that said so.
        self.issue_now(number).body
    }

    /// The change has come to its end, and the repository is left alone without a word in its issue.
    async fn is_left_archived(&self, number: u64, body: &str) {
        self.is_told_and_left_alone("homelab", "ops/homelab is archived").await;
        assert_eq!(self.issue_now(number).body, body, "an archive takes no words");
        assert_eq!((self.runs_error(), self.forge_error()), (None, None), "nothing else is wrong");
        let running = self.running.as_ref().expect("caretaker runs");
        assert!(!running.task.is_finished(), "it goes on looking");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_repository_is_archived_is_followed_to_its_end_and_the_rest_waits_for_the_archive_to_open()
 {
    let mut story = Story::begin().await;
    let pulls = [("echo", "36.0.1"), ("excalidraw", "0.17.4")].map(|(app, to)| story.renovate_opens(app, to));
    let head = story.head();
    let number = story.issue_of_merges(&pulls).await;
    story.start().await;
    let body = story.is_archived_in_the_middle_of_the_change_of(pulls[0], number).await;
    let state = story.state_when("the change is over", |state| state.change.is_none()).await;
    assert_eq!(state.merges[0].result, Some(ChangeResult::Kept), "it was watched while it could not be told");
    story.is_left_archived(number, &body).await;
    assert!(!story.merged(pulls[1]), "nothing new begins");
    story.world.repository().set_archived(false).unwrap();
    let issue = story.closed(number).await;
    assert_eq!(story.repositories_error(), None);
    assert_eq!(story.commits_since(&head).len(), 2, "each merged once");
    assert_eq!(issue.body.matches("- [x] **D").count(), 2, "both are told: {}", issue.body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_change_that_an_archive_keeps_from_being_undone_is_a_persons_as_soon_as_it_can_be_told() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let head = story.head();
    let number = story.issue_of_merges(&[grafana]).await;
    story.start().await;
    let body = story.is_archived_in_the_middle_of_the_change_of(grafana, number).await;
    let state = story.state_when("the change is over", |state| state.change.is_none()).await;
    let result = state.merges[0].result.clone();
    assert!(
        matches!(&result, Some(ChangeResult::HandedOver { why }) if why.contains("archived")),
        "{result:?}"
    );
    story.is_left_archived(number, &body).await;
    assert_eq!(story.commits_since(&head).len(), 1, "an archive takes no commit");
    story.world.repository().set_archived(false).unwrap();
    let issue = story.person_called(number).await;
    let issue = if issue.body == body { story.says(number, "git revert").await } else { issue };
    assert!(issue.body.contains("git revert"), "it says how to undo it: {}", issue.body);
    story.looks(3).await;
    assert_eq!(story.commits_since(&head).len(), 1, "what was handed over is a person's");
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    story.end().await;
}
