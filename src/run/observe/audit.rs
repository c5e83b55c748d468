//! The audit's part of a look, where a task of ours rests on one.
//!
//! Decided here: no look that a change waits for reads an audit, since what could be better is no reason to hold anything up;
//! for a task about what one found it is made once an hour, not at every look, since it lists much that nothing else reads; what one
//! saw gone is looked for once more after the settle time, since what is made anew is away for a moment as well; and a
//! block that nobody can tell anything of is looked up once, not at every look. So is what was accepted, once that is over:
//! its task has ended, and nothing else would ask for it again.

use crate::forge::RepositoryName;
use crate::health::{self, FindingId, Probe, Recon};
use crate::issue::{FindingTag, Kind, Reading, Task, resolve};
use crate::run::checks::{Stands, stands};
use crate::run::event::TaskOutcome;
use crate::run::files::audit_files;
use crate::run::memory::Memory;
use crate::run::schedule::trends;
use crate::run::state::{RunState, TaskState};
use crate::run::worker::{Parts, RunError, chain};
use crate::timing::Timing;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// So many times as long it is to the next audit while something about a merge is waited for: what it tells hurries less, but a merge
/// may wait for a person for weeks.
const WHILE_A_MERGE_WAITS: u32 = 6;

/// Whether it is time for the next audit for the tasks about what one found.
pub(super) fn is_due(memory: &Memory, timing: &Timing, now: Timestamp) -> bool {
    let times = if memory.next_awaited.is_some() { WHILE_A_MERGE_WAITS } else { 1 };
    let every = timing.audit() * times;
    memory.audited_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= every)
        || memory.gone.wants_an_audit(memory.audited_at, now, timing.settle())
}

/// The tasks that only an audit can say anything of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) reading: &'a Reading,
    pub(super) state: &'a RunState,
    /// With what people accept in this run.
    pub(super) health: &'a health::Settings,
    pub(super) now: Timestamp,
}

impl<'a> Asked<'a> {
    /// The tags of our own tasks, each with what the journal tells of what was found.
    fn own(self) -> impl Iterator<Item = (&'a FindingTag, &'a Task, Option<&'a FindingId>)> {
        let Self { reading, state, .. } = self;
        reading.tasks.iter().filter(|task| task.own).filter_map(move |task| {
            let Kind::Finding { tag } = &task.kind else { return None };
            let added = state.added.iter().find(|(own, _)| own == tag).map(|(_, task)| task);
            Some((tag, task, state.findings.get(&task.key).or(added).map(|known| &known.id)))
        })
    }

    /// Those that are neither ticked nor ended.
    fn open(self) -> impl Iterator<Item = (&'a FindingTag, Option<&'a FindingId>)> {
        let is_open = move |task: &Task| !task.ticked && !self.state.has_ended(&task.key);
        self.own().filter(move |(_, task, _)| is_open(task)).map(|(tag, _, known)| (tag, known))
    }

    /// Those about what an audit found that were accepted, and are not any more: they count again while it is there.
    fn accepted_until_lately(self) -> impl Iterator<Item = (&'a FindingTag, &'a FindingId)> {
        self.own().filter_map(move |(tag, task, known)| {
            let known = known.filter(|known| known.probe == Probe::Audit)?;
            let state = &self.state.task(&task.key)?.state;
            let accepted = matches!(state, TaskState::Ended { outcome: TaskOutcome::Acknowledged, .. });
            let over = !self.health.accepts_any_of(known, self.now) && !self.state.went.contains(known);
            (accepted && over).then_some((tag, known))
        })
    }

    /// The tags of the open ones of which neither the journal nor the look tells what they are about.
    fn unknown(self, recon: &Recon) -> BTreeSet<FindingTag> {
        self.open()
            .filter(|(tag, known)| known.is_none() && resolve(tag, recon.findings()).is_none())
            .map(|(tag, _)| tag.clone())
            .collect()
    }

    /// Whether there is any and the next audit for them `is_due`, or a task of which nobody knows yet what it is about. `looked_up`: the
    /// tags that the last audit could not tell either, or whose finding it did not see.
    pub(super) fn wants_audit(self, looked_up: &BTreeSet<FindingTag>, is_due: bool) -> bool {
        let open = self.open().any(|(tag, known)| match known {
            Some(known) => is_due && known.probe == Probe::Audit,
            None => !looked_up.contains(tag),
        });
        open || self.accepted_until_lately().any(|(tag, _)| !looked_up.contains(tag))
    }

    /// Whether the files in Git have to be looked through for them.
    fn wants_files(self, recon: &Recon, looked_up: &BTreeSet<FindingTag>) -> bool {
        let in_files = |id: &FindingId| id.is_of_files_unread() || id.is_told_by_people();
        self.open().any(|(_, known)| known.is_some_and(FindingId::is_of_files_unread))
            || self.accepted_until_lately().any(|(tag, known)| in_files(known) && !looked_up.contains(tag))
            || !self.unknown(recon).is_empty()
    }

    /// Those that this audit, or one before, could not tell, or whose finding is not there.
    fn looked_up(self, recon: &Recon, before: &BTreeSet<FindingTag>) -> BTreeSet<FindingTag> {
        let is_there = |id: &FindingId| recon.findings().any(|finding| finding.id == *id);
        let looked = |id: &FindingId| {
            if id.is_told_by_people() { recon.files_read } else { stands(id, recon) == Stands::Gone }
        };
        let away = self
            .accepted_until_lately()
            .filter(|(tag, id)| !is_there(id) && (looked(id) || before.contains(*tag)))
            .map(|(tag, _)| tag.clone());
        self.unknown(recon).into_iter().chain(away).collect()
    }

    /// Adds to an audit of the cluster what it does not see: what fills up and, where they are asked for, the files in Git.
    /// Returns the tags that need no audit of their own any more.
    pub(super) async fn complete(
        self,
        parts: &Parts,
        name: &RepositoryName,
        recon: &mut Recon,
        looked_up: &BTreeSet<FindingTag>,
    ) -> Result<BTreeSet<FindingTag>, RunError> {
        recon.add_trends(trends(&parts.store, &parts.health_settings, self.now).await?);
        if self.wants_files(recon, looked_up) {
            let files = audit_files(parts.forge.as_ref(), name).await;
            recon.add_files(files.map_err(|error| chain(&error)));
        }
        Ok(self.looked_up(recon, looked_up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ObjectRef;
    use crate::forge::PullNumber;
    use crate::health::{Acknowledgement, FilesAudited, Finding, ProbeResult, Verdict};
    use crate::issue::{Desired, FindingTask, KnownTask, Own, Proposal, apply, key_of, tags};
    use crate::merge::{self, classify::Rules, classify::classify_words};
    use crate::run::decide::tests::{finding, recon};
    use crate::run::event::Event;
    use crate::run::situation::KnownFinding;
    use crate::store::EventId;
    use std::collections::BTreeMap;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn of_audit(rule: &str, object: ObjectRef) -> Finding {
        let mut found = finding(Probe::Audit, Verdict::Yellow);
        (found.id.rule, found.id.object, found.informational) = (rule.to_owned(), object, true);
        found
    }

    /// An audit that found these.
    fn audited(findings: Vec<Finding>, files: Option<Result<(), String>>) -> Recon {
        let mut recon = recon(&[]);
        let (probe, layer) = (Probe::Audit, Probe::Audit.layer());
        let (verdict, summary) = (Verdict::Green, String::new());
        recon.probes.push(ProbeResult { probe, layer, used: true, verdict, summary, findings });
        if let Some(files) = files {
            recon.add_files(files.map(|()| FilesAudited::default()));
        }
        recon
    }

    /// A run on an issue with a task of ours about it, and its tag.
    fn run(found: &Finding) -> (Reading, RunState, FindingTag) {
        let tag = tags([&found.id].into_iter())[&found.id].clone();
        let task = FindingTask::of(found);
        let own = Own::Finding(tag.clone());
        let block = Proposal::of_finding(own.clone(), task.clone()).block();
        let body = apply("## Tasks\n\n", &Desired { blocks: vec![block], ..Desired::default() });
        let rules = Rules::new(&merge::Settings::default());
        let reading = crate::issue::read(&body, &|words| classify_words(words, "", &rules)).expect("a text");
        let mut state = RunState::default();
        let known = KnownTask::of(&reading.tasks[0], &reading.tasks);
        state.fold(EventId(1), at(0), Event::TaskSeen { task: known, ticked: false, vouched: true });
        state.fold(EventId(2), at(0), Event::FindingSeen { key: key_of(&own), task });
        (reading, state, tag)
    }

    fn accepting(found: &Finding, until: i64) -> health::Settings {
        health::Settings::default().accepting([Acknowledgement {
            object: found.id.object.to_string(),
            rule: found.id.rule.clone(),
            probe: Some(found.id.probe),
            verdict: None,
            reason: "meant to be so".to_owned(),
            expires: at(until),
        }])
    }

    #[test]
    fn the_next_audit_is_made_in_an_hour_and_once_more_when_what_it_saw_gone_has_settled() {
        let (timing, hour) = (Timing::default(), 3_600);
        let settle = i64::try_from(timing.settle().as_secs()).expect("a minute");
        let mut memory = Memory::default();
        assert!(is_due(&memory, &timing, at(0)), "there was none yet");
        memory.audited_at = Some(at(0));
        for (merge, second, due) in [
            (None, hour - 1, false),
            (None, hour, true),
            (Some(PullNumber(64)), hour, false),
            (Some(PullNumber(64)), 6 * hour - 1, false),
            (Some(PullNumber(64)), 6 * hour, true),
        ] {
            memory.next_awaited = merge;
            assert_eq!(is_due(&memory, &timing, at(second)), due, "{merge:?} at {second}");
        }
        // It was made anew in just that second, or it is mended.
        let found = of_audit("no-liveness-probe", ObjectRef::new("Deployment", "web", "shop"));
        let (reading, state, _) = run(&found);
        let (key, task) = (reading.tasks[0].key.clone(), FindingTask::of(&found));
        let known = KnownFinding { task, allowed: false, accepted: None, unasked: false };
        let known = BTreeMap::from([(key, known)]);
        let unwatched = std::time::Duration::from_mins(10);
        let gone = audited(Vec::new(), None);
        memory.gone.look(&known, &state, &gone, true, at(0), unwatched);
        for (second, due) in [(0, false), (settle - 1, false), (settle, true), (settle + 20, true)] {
            memory.gone.look(&known, &state, &recon(&[]), false, at(second), unwatched);
            assert_eq!(is_due(&memory, &timing, at(second)), due, "at {second}");
        }
        // One more, not one at each look.
        memory.audited_at = Some(at(settle + 20));
        memory.gone.look(&known, &state, &gone, true, at(settle + 20), unwatched);
        assert!(!is_due(&memory, &timing, at(settle + 30)));
        memory.gone.look(&known, &state, &audited(vec![found], None), true, at(settle + 40), unwatched);
        assert!(memory.gone.since().is_empty(), "it is back");
    }

    #[test]
    fn that_the_files_could_not_be_read_is_over_when_they_are_read_and_not_before() {
        let unread = audited(Vec::new(), Some(Err("no answer".to_owned())));
        let found = unread.findings().find(|finding| finding.is_not_read()).expect("not read").clone();
        let (reading, state, _) = run(&found);
        let (health, none) = (health::Settings::default(), BTreeSet::new());
        let asked = Asked { reading: &reading, state: &state, health: &health, now: at(0) };
        let look = audited(Vec::new(), None);
        assert!(asked.wants_audit(&none, true) && asked.wants_files(&look, &none));
        assert!(!asked.wants_audit(&none, false), "the last one was a moment ago");
        assert_eq!(stands(&found.id, &look), Stands::Unknown);
        // A block of which nobody knows what it is about waits for no hour.
        let unseen = RunState { findings: BTreeMap::new(), ..state.clone() };
        assert!(Asked { state: &unseen, ..asked }.wants_audit(&none, false));
        // Another task of an audit has nobody read the files.
        let other = of_audit("no-liveness-probe", ObjectRef::new("Deployment", "web", "shop"));
        let (reading, state, _) = run(&other);
        let asked = Asked { reading: &reading, state: &state, health: &health, now: at(0) };
        assert!(asked.wants_audit(&none, true) && !asked.wants_files(&look, &none));
    }

    #[test]
    fn what_was_accepted_is_looked_for_when_its_day_is_over() {
        let none = BTreeSet::new();
        for (found, in_files) in [
            (of_audit("no-liveness-probe", ObjectRef::new("Deployment", "web", "shop")), false),
            (of_audit("plain-secret", ObjectRef::new("File", "", "a.yaml")), true),
        ] {
            let (reading, mut state, tag) = run(&found);
            let health = accepting(&found, 100);
            let key = reading.tasks[0].key.clone();
            let ended = |outcome| Event::TaskEnded { key: key.clone(), outcome, note: String::new() };
            state.fold(EventId(3), at(10), ended(TaskOutcome::Acknowledged));
            let (reading, health) = (&reading, &health);
            assert!(
                !Asked { reading, state: &state, health, now: at(99) }.wants_audit(&none, true),
                "it is accepted still"
            );
            assert!(Asked { reading, state: &state, health, now: at(100) }.wants_audit(&none, true));
            let (there, away) = (audited(vec![found.clone()], None), audited(Vec::new(), None));
            assert_eq!(
                Asked { reading, state: &state, health, now: at(100) }.wants_files(&away, &none),
                in_files
            );
            assert!(
                Asked { reading, state: &state, health, now: at(100) }.looked_up(&there, &none).is_empty(),
                "it is back"
            );
            // It was mended meanwhile: nobody looks for it at every look.
            assert_eq!(
                Asked { reading, state: &state, health, now: at(100) }.looked_up(&away, &none).is_empty(),
                in_files
            );
            let away = audited(Vec::new(), Some(Ok(())));
            let looked_up = Asked { reading, state: &state, health, now: at(100) }.looked_up(&away, &none);
            assert_eq!(looked_up, [tag].into());
            assert!(!Asked { reading, state: &state, health, now: at(100) }.wants_audit(&looked_up, true));
            // What ended otherwise counts no more.
            state.fold(EventId(4), at(20), ended(TaskOutcome::Done));
            assert!(!Asked { reading, state: &state, health, now: at(100) }.wants_audit(&none, true));
        }
    }
}
