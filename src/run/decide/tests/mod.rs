//! Decisions as tables: a scene in which all is well, spoilt in one way, and what follows.

mod change;
mod found;
mod gate;
mod properties;
mod proposal;
mod rebase;
mod standing;
mod standstill;
mod tasks;
mod trouble;
mod unanswered;
mod undoing;

use super::{Decision, Waiting, decide};
use crate::cluster::{BlockingPod, ObjectRef, projects_testing};
use crate::forge::{
    Account, AccountId, CommitSha, IssueNumber, MergeStyle, PullNumber, PullRequest, PullSide,
    RepositoryName, State,
};
use crate::health::{
    Attribution, FailedBefore, Figure, Figures, Finding, FindingId, PlanMark, Probe, ProbeResult, Recon,
    Verdict, Watch,
};
use crate::issue::{self, KnownTask, Reading, TaskKey, TemplateValues};
use crate::merge::classify::{Classification, Rules, classify_words};
use crate::merge::explain::Explained;
use crate::merge::preflight::{Preflight, ReadyPull};
use crate::merge::rollout::Rollout;
use crate::merge::{Category, Hold, Risk, Settings, UpdateType};
use crate::run::event::{Effect, Event, Outcome, Proposal};
use crate::run::situation::{
    Deletion, KnownFinding, Mode, ProposalStanding, PullSituation, Related, SeenApproval, Situation, Tools,
    Unread, Wish,
};
use crate::run::state::RunState;
use crate::run::windows::Hours;
use crate::store::EventId;
use crate::timing::Timing;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The moment of every scene, in seconds after its beginning.
const NOW: i64 = 100_000;

/// One merge.
const ONE: &str = "## Tasks\n\n- [ ] **D1 P2 Apps**: Merge PR #6\n";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

/// A close watch that began at a moment.
fn watched_since(second: i64) -> Watch {
    let mut watch = Watch::default();
    watch.look(at(second), Duration::from_mins(1));
    watch
}

/// Everything that a situation borrows from.
struct Scene {
    clock: i64,
    timing: Timing,
    mode: Mode,
    tools: Tools,
    state: RunState,
    template: TemplateValues,
    reading: Reading,
    order: Vec<TaskKey>,
    obstacles: Vec<String>,
    paused: Option<&'static str>,
    withdrawn: bool,
    issue_closed: bool,
    locked_out: bool,
    elsewhere: Option<&'static str>,
    hours: Hours,
    recon: Recon,
    green_since: Option<Timestamp>,
    watch: Watch,
    first_seen: BTreeMap<FindingId, Timestamp>,
    failed_syncs: Vec<FailedBefore>,
    broken_since: BTreeMap<FindingId, Timestamp>,
    attributions: BTreeMap<FindingId, Attribution>,
    head: CommitSha,
    head_rollout: Rollout,
    change_rollout: Option<(Rollout, Timestamp)>,
    kept_back: Option<Timestamp>,
    unasked: Option<ObjectRef>,
    affected: Vec<ObjectRef>,
    stuck: Vec<ObjectRef>,
    idle_out_of_sync: Vec<ObjectRef>,
    manual: Vec<ObjectRef>,
    blocking: Vec<BlockingPod>,
    deletion: Deletion,
    mismatches: Vec<String>,
    left_behind: Vec<String>,
    proposal: Option<ProposalStanding>,
    pulls: BTreeMap<PullNumber, PullSituation>,
    unread: BTreeMap<IssueNumber, Unread>,
    related: BTreeMap<IssueNumber, Related>,
    approvals: Vec<SeenApproval>,
    unvouched_ticks: Vec<(TaskKey, String)>,
    vouched: BTreeSet<TaskKey>,
    shown_by: BTreeMap<TaskKey, String>,
    incident_elsewhere: Option<&'static str>,
    left: Option<issue::Left>,
    confirmed_by: Option<&'static str>,
    wishes: Vec<Wish>,
    findings: BTreeMap<TaskKey, KnownFinding>,
    gone_since: BTreeMap<TaskKey, Timestamp>,
    went_since: BTreeMap<FindingId, Timestamp>,
    audited_at: Option<Timestamp>,
    events: i64,
}

impl Scene {
    /// A run that has begun on a body; every layer has been GREEN for long, every pull request may be merged.
    fn new(body: &str) -> Self {
        let mut scene = Self::undiscovered(body);
        scene.fold(0, Event::Began { author: "operator".to_owned(), overall: None, last_updated: None });
        for task in scene.reading.tasks.clone() {
            let known = KnownTask::of(&task, &scene.reading.tasks);
            scene.fold(0, Event::TaskSeen { task: known, ticked: task.ticked, vouched: true });
        }
        scene
    }

    /// The same before the run has begun.
    fn undiscovered(body: &str) -> Self {
        let rules = Rules::new(&Settings::default());
        let reading = issue::read(body, &|words| classify_words(words, "", &rules)).unwrap();
        let order = issue::order(&reading.tasks, &|_| None);
        let pulls =
            reading.tasks.iter().filter_map(|task| task.kind.pull()).map(|number| (number, pull(number)));
        Self {
            clock: NOW,
            timing: Timing::default(),
            mode: Mode::Auto,
            tools: Tools::Allowed,
            state: RunState::default(),
            template: TemplateValues::default(),
            order,
            obstacles: Vec::new(),
            paused: None,
            withdrawn: false,
            issue_closed: false,
            locked_out: false,
            elsewhere: None,
            hours: Hours::Always,
            recon: recon(&[]),
            green_since: Some(at(NOW - 7200)),
            watch: watched_since(NOW - 7200),
            first_seen: BTreeMap::new(),
            failed_syncs: Vec::new(),
            broken_since: BTreeMap::new(),
            attributions: BTreeMap::new(),
            head: sha('b'),
            head_rollout: Rollout::Done { watchers: 3, affected: Vec::new() },
            change_rollout: None,
            kept_back: None,
            unasked: None,
            affected: vec![ObjectRef::new("Application", "argocd", "echo")],
            stuck: Vec::new(),
            idle_out_of_sync: Vec::new(),
            manual: Vec::new(),
            blocking: Vec::new(),
            deletion: Deletion::Allowed,
            mismatches: Vec::new(),
            left_behind: Vec::new(),
            proposal: None,
            pulls: pulls.collect(),
            unread: BTreeMap::new(),
            related: BTreeMap::new(),
            approvals: Vec::new(),
            unvouched_ticks: Vec::new(),
            vouched: reading.tasks.iter().map(|task| task.key.clone()).collect(),
            shown_by: BTreeMap::new(),
            incident_elsewhere: None,
            left: None,
            confirmed_by: None,
            wishes: Vec::new(),
            findings: BTreeMap::new(),
            gone_since: BTreeMap::new(),
            went_since: BTreeMap::new(),
            audited_at: None,
            events: 0,
            reading,
        }
    }

    fn fold(&mut self, second: i64, event: Event) -> EventId {
        self.events += 1;
        let id = EventId(self.events);
        self.state.fold(id, at(second), event);
        id
    }

    /// Writes down what was decided, a moment before now.
    fn noted(&mut self, decision: Decision) {
        let Decision::Note(events) = decision else { panic!("nothing to note: {decision:?}") };
        for event in events {
            self.fold(self.clock, event);
        }
    }

    fn decide(&self) -> Decision {
        self.situated(decide)
    }

    /// What the situation is asked.
    fn situated<R>(&self, ask: impl FnOnce(&Situation<'_>) -> R) -> R {
        ask(&Situation {
            issue: IssueNumber(9_000),
            now: at(self.clock),
            timing: &self.timing,
            mode: self.mode,
            hours: self.hours,
            state: &self.state,
            author: "operator",
            template: &self.template,
            reading: &self.reading,
            order: &self.order,
            obstacles: &self.obstacles,
            paused: self.paused,
            withdrawn: self.withdrawn,
            issue_closed: self.issue_closed,
            locked_out: self.locked_out,
            elsewhere: self.elsewhere,
            recon: &self.recon,
            green_since: self.green_since,
            watch: &self.watch,
            first_seen: &self.first_seen,
            broken_since: &self.broken_since,
            attributions: &self.attributions,
            head: &self.head,
            head_rollout: &self.head_rollout,
            change_rollout: self.change_rollout.as_ref().map(|(rollout, since)| (rollout, *since)),
            kept_back: self.kept_back,
            unasked: self.unasked.as_ref(),
            pulling: &[],
            affected: &self.affected,
            stuck: &self.stuck,
            idle_out_of_sync: &self.idle_out_of_sync,
            manual: &self.manual,
            stood: &[],
            accepted: &[],
            failed_syncs: &self.failed_syncs,
            blocking: &self.blocking,
            deletion: self.deletion,
            mismatches: &self.mismatches,
            left_behind: &self.left_behind,
            merge_style: MergeStyle::Merge,
            tools: self.tools,
            proposal: self.proposal.as_ref(),
            pulls: &self.pulls,
            unread: &self.unread,
            related: &self.related,
            approvals: &self.approvals,
            unvouched_ticks: &self.unvouched_ticks,
            vouched: &self.vouched,
            nobodys: &BTreeSet::new(),
            stop: None,
            incident: None,
            incident_elsewhere: self.incident_elsewhere,
            incident_over: None,
            shown_by: &self.shown_by,
            resumed_by: None,
            left: self.left.as_ref(),
            confirmed_by: self.confirmed_by,
            acknowledged: &[],
            wishes: &self.wishes,
            findings: &self.findings,
            gone_since: &self.gone_since,
            went_since: &self.went_since,
            audited_at: self.audited_at,
        })
    }

    fn key(&self, id: &str) -> TaskKey {
        self.reading.tasks.iter().find(|task| task.id == id).unwrap().key.clone()
    }

    fn pull(&mut self, number: u64) -> &mut PullSituation {
        self.pulls.get_mut(&PullNumber(number)).unwrap()
    }

    /// What the decision is, in a few words, so that tables can hold it.
    fn says(&self) -> String {
        words(&self.decide())
    }

    /// Not GREEN any more since a moment, by one finding of a probe.
    fn trouble(&mut self, probe: Probe, verdict: Verdict, since: i64, attribution: Attribution) {
        self.trouble_by("degraded", probe, verdict, since, attribution);
    }

    /// Not GREEN by several findings, each on an object of its own, since when it is there, and whose it is.
    fn troubles(&mut self, troubles: &[(&str, Probe, i64, Attribution)]) {
        self.first_seen.clear();
        self.attributions.clear();
        let found: Vec<Finding> = troubles
            .iter()
            .map(|(name, probe, since, attribution)| {
                let mut finding = finding(*probe, Verdict::Red);
                (*name).clone_into(&mut finding.id.object.name);
                self.first_seen.insert(finding.id.clone(), at(*since));
                self.attributions.insert(finding.id.clone(), attribution.clone());
                finding
            })
            .collect();
        self.recon = recon(&found);
        self.green_since = None;
    }

    /// The same by a rule of that name.
    fn trouble_by(
        &mut self,
        rule: &str,
        probe: Probe,
        verdict: Verdict,
        since: i64,
        attribution: Attribution,
    ) {
        let mut finding = finding(probe, verdict);
        rule.clone_into(&mut finding.id.rule);
        self.first_seen.insert(finding.id.clone(), at(since));
        self.attributions.insert(finding.id.clone(), attribution);
        self.recon = recon(&[finding]);
        self.green_since = None;
    }

    fn well(&mut self, since: i64) {
        self.recon = recon(&[]);
        self.first_seen.clear();
        self.attributions.clear();
        self.green_since = Some(at(since));
    }

    /// The decided label is put on, or taken away.
    fn labelled(&mut self) {
        let decision = self.decide();
        let Decision::Perform(effect @ (Effect::CallPerson | Effect::ReleasePerson)) = decision else {
            panic!("no label: {decision:?}")
        };
        let step = self.fold(self.clock, Event::Intended { effect });
        let outcome = Outcome::Done { detail: String::new() };
        self.fold(self.clock, Event::Ended { step, outcome });
    }

    /// Takes the merge that is decided, done at a moment; Argo CD was asked to look.
    fn merge(&mut self, second: i64, proven: bool) -> EventId {
        let Decision::Perform(effect @ Effect::Merge(_)) = self.decide() else {
            panic!("no merge: {:?}", self.decide())
        };
        let step = self.fold(second, Event::Intended { effect });
        let outcome =
            Outcome::Merged { commit: sha('c'), at: at(second), proven, ours: true, left_open: false };
        self.fold(second, Event::Ended { step, outcome });
        self.fold(second, Event::Refreshed { change: step, hard: false, failed: None, asked: Vec::new() });
        self.change_rollout = Some((waiting(), at(second)));
        self.head = sha('c');
        self.head_rollout = waiting();
        step
    }

    /// That merge runs everywhere.
    fn rolled_out(&mut self, step: EventId, second: i64) {
        self.change_rollout = Some((done(), at(second)));
        self.head_rollout = done();
        self.fold(
            second,
            Event::RolledOut {
                change: step,
                commit: sha('c'),
                seconds: 1.0,
                watchers: 3,
                affected: Vec::new(),
            },
        );
    }
}

/// It is known whose fault it is not.
fn unrelated() -> Attribution {
    Attribution::Unrelated("it was so before".to_owned())
}

fn done() -> Rollout {
    Rollout::Done { watchers: 3, affected: vec!["echo".to_owned()] }
}

fn waiting() -> Rollout {
    Rollout::Waiting {
        on: vec![("echo".to_owned(), "not yet".to_owned())],
        progress: "1".to_owned(),
        shut: None,
        until: None,
    }
}

/// The same where nothing but a window keeps it back, which opens then or not within any time.
fn kept_back(opens: Option<Timestamp>) -> Rollout {
    let shut = projects_testing::closed(opens, true).by_itself.expect("it is closed");
    Rollout::Waiting {
        on: vec![("echo".to_owned(), shut.to_string())],
        progress: "1".to_owned(),
        shut: Some(*shut),
        until: None,
    }
}

fn words(decision: &Decision) -> String {
    match decision {
        Decision::Note(events) => {
            let kinds = events.iter().map(|event| {
                let value = serde_json::to_value(event).unwrap();
                value["event"].as_str().unwrap().to_owned()
            });
            format!("note {}", kinds.collect::<Vec<_>>().join(" "))
        }
        Decision::Perform(effect) => match effect {
            Effect::Merge(plan) => format!("merge {}", plan.pull),
            Effect::Revert { .. } => "revert".to_owned(),
            Effect::MergeRevert { .. } => "merge the revert".to_owned(),
            Effect::AskRebase { .. } => "ask for a rebase".to_owned(),
            Effect::Terminate { .. } => "terminate".to_owned(),
            Effect::DeletePod { pod, .. } => format!("delete {pod}"),
            Effect::Sync { .. } => "sync".to_owned(),
            Effect::CloseRelated { number, .. } => format!("close {number}"),
            Effect::Action { .. } => "action".to_owned(),
            Effect::CallPerson => "call".to_owned(),
            Effect::ReleasePerson => "release".to_owned(),
            Effect::CloseIssue { .. } => "close the issue".to_owned(),
        },
        Decision::Confirm(_) => "confirm".to_owned(),
        Decision::Refresh { hard, .. } => if *hard { "refresh hard" } else { "refresh" }.to_owned(),
        Decision::Wait(waiting) => match waiting {
            Waiting::World(_) => "wait",
            Waiting::Window(_) => "window",
            Waiting::People => "people",
            Waiting::Obstacles => "obstacles",
            Waiting::Paused(_) => "paused",
        }
        .to_owned(),
        Decision::Over => "over".to_owned(),
    }
}

pub(in crate::run) fn finding(probe: Probe, verdict: Verdict) -> Finding {
    Finding {
        id: FindingId {
            probe,
            rule: "degraded".to_owned(),
            object: ObjectRef::new("Deployment", "echo", "echo"),
        },
        layer: probe.layer(),
        verdict,
        message: "not well".to_owned(),
        evidence: "status = bad".to_owned(),
        since: None,
        made_at: None,
        informational: false,
        grounds: crate::health::Grounds::default(),
        acknowledged: false,
        cause: None,
    }
}

pub(in crate::run) fn recon(findings: &[Finding]) -> Recon {
    fn none<T>() -> Figure<T> {
        Figure::NotRead("not read".to_owned())
    }
    let probes = [Probe::Nodes, Probe::Ceph, Probe::ArgoCd, Probe::Pods].into_iter().map(|probe| {
        let own: Vec<Finding> =
            findings.iter().filter(|finding| finding.id.probe == probe).cloned().collect();
        ProbeResult {
            probe,
            layer: probe.layer(),
            used: true,
            verdict: own.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Green),
            summary: "read".to_owned(),
            findings: own,
        }
    });
    Recon {
        began_at: at(NOW),
        restarted: Vec::new(),
        made_of: Vec::new(),
        services: None,
        files_read: false,
        probes: probes.collect(),
        figures: Figures {
            nodes_ready: none(),
            pods: none(),
            applications: none(),
            certificates: none(),
            ceph_health: none(),
            osds: none(),
            ceph_usage: none(),
            placement_groups: none(),
            node_usage: none(),
            inventory: crate::health::Inventory::default(),
        },
    }
}

/// The pull request that undoes a change.
fn proposal() -> Proposal {
    Proposal { pull: PullNumber(8), head: sha('d') }
}

/// What an approval with this code is of.
fn mark(code: &str) -> PlanMark {
    PlanMark::new("D1".to_owned(), format!("{code}{}", "0".repeat(56)))
}

fn pull(number: PullNumber) -> PullSituation {
    let repository: RepositoryName = "ops/homelab".parse().unwrap();
    let side = |branch: &str, digit| PullSide {
        branch: branch.to_owned(),
        sha: sha(digit),
        repository: Some(repository.clone()),
    };
    let classification = Classification {
        category: Category::AppTemplate,
        risk: Risk::Medium,
        update: UpdateType::Patch,
        foundation: None,
        worst: "echo".to_owned(),
        members: Vec::new(),
        named: BTreeSet::new(),
    };
    PullSituation {
        pull: PullRequest {
            number,
            title: "chore(deps): update echo".to_owned(),
            body: String::new(),
            state: State::Open,
            draft: false,
            mergeable: true,
            merged: None,
            head: side("renovate/echo", 'a'),
            base: side("main", 'b'),
            author: Account { id: AccountId(3), login: "renovate".to_owned() },
            labels: Vec::new(),
            content_version: None,
            html_url: String::new(),
        },
        preflight: Preflight::Ready(Box::new(ReadyPull {
            updates: Vec::new(),
            explained: Explained::default(),
            classification: classification.clone(),
            approval: None,
        })),
        classification,
        approval: None,
        mark: Some(mark("7f3c7f3c")),
        files: vec!["apps/echo/values.yaml".to_owned()],
        versions: vec![Hold {
            package: "echo".to_owned(),
            file: "apps/echo/values.yaml".to_owned(),
            version: "2".to_owned(),
        }],
        not_reversible: None,
        waiting_since: None,
        shut: None,
    }
}
