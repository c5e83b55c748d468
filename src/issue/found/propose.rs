//! Which findings and pull requests become tasks, and which of those a text does not ask for yet.

use super::tag::{FindingTag, Own, former_tags, tags};
use super::task::FindingTask;
use super::{INTRODUCTION, key_of};
use crate::action::Action;
use crate::cluster::ObjectRef;
use crate::forge::PullNumber;
use crate::health::{Finding, FindingId, Layer, Probe, Recon, Verdict};
use crate::issue::kind::pulls;
use crate::issue::{Block, Kind, Priority, Reading, Task};
use crate::merge::classify::Classification;
use crate::merge::{Category, UpdateType};
use crate::wording;

/// So many findings that are only listed become tasks.
const MOST_LISTED: usize = 20;

/// So many findings become tasks at all, the most urgent: nobody works through more, and a text has its limits.
const MOST: usize = 60;

/// An open pull request of Renovate's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenUpdate {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside.
    pub(crate) title: String,
    /// What it is.
    pub(crate) classification: Classification,
}

impl OpenUpdate {
    /// Whether it is asked for by itself. What moves far, and what caretaker stands on, a person asks for.
    fn is_plain(&self) -> bool {
        matches!(self.classification.update, UpdateType::Patch | UpdateType::Minor)
            && self.classification.foundation.is_none()
    }

    /// Renovate says in the title what mends a hole.
    fn is_of_security(&self) -> bool {
        self.title.to_ascii_lowercase().contains("[security]")
    }

    /// How urgent it is.
    pub(crate) fn priority(&self) -> Priority {
        if self.is_of_security() { Priority::P1 } else { Priority::P2 }
    }

    /// Where it lies.
    pub(crate) fn layer(&self) -> Layer {
        match self.classification.category {
            Category::NonMajor | Category::AppTemplate => Layer::Apps,
            Category::Platform | Category::Monitoring | Category::Core | Category::Database => {
                Layer::Platform
            }
        }
    }
}

/// A task that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// What it asks for.
    pub(crate) own: Own,
    /// The same as a text of before may name it.
    former: Vec<Own>,
    /// About what.
    about: About,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Finding(FindingTask),
    Update(OpenUpdate),
}

impl Proposal {
    /// That a finding is seen to.
    pub(crate) fn of_finding(own: Own, task: FindingTask) -> Self {
        Self { own, former: Vec::new(), about: About::Finding(task) }
    }

    /// With the tags under which a text of before may name it.
    pub(crate) fn known_as(self, former: Vec<FindingTag>) -> Self {
        Self { former: former.into_iter().map(Own::Finding).collect(), ..self }
    }

    /// The same under the name that a task of ours has in a text; `None` where it is another.
    fn under_the_name_of(&self, task: &Task) -> Option<Self> {
        let own = std::iter::once(&self.own).chain(&self.former).find(|own| key_of(own) == task.key)?;
        Some(Self { own: own.clone(), ..self.clone() })
    }

    /// Whether an id that a person wrote is one of its own.
    fn is_called(&self, id: &str) -> bool {
        std::iter::once(&self.own).chain(&self.former).any(|own| own.id() == id)
    }

    fn priority(&self) -> Priority {
        match &self.about {
            About::Finding(task) => task.priority,
            About::Update(update) => update.priority(),
        }
    }

    fn layer(&self) -> Layer {
        match &self.about {
            About::Finding(task) => task.layer,
            About::Update(update) => update.layer(),
        }
    }

    /// The block that asks for it.
    pub(crate) fn block(&self) -> Block {
        let id = self.own.id();
        let text = match &self.about {
            About::Finding(task) => wording::found_finding(&id, task),
            About::Update(update) => {
                wording::found_update(&id, update.priority(), update.layer(), update.number, &update.title)
            }
        };
        Block { name: self.own.block(), text }
    }

    /// Whether a task of a person's asks for the same in their own words.
    pub(crate) fn is_asked_by(&self, task: &Task) -> bool {
        if task.written_id.as_deref().is_some_and(|id| self.is_called(id)) {
            return true;
        }
        match &self.about {
            About::Update(update) => {
                task.kind.pull() == Some(update.number)
                    || task.kind.number() == Some(update.number.0)
                    || pulls(&task.title).contains(&update.number)
            }
            About::Finding(finding) => {
                let archives = matches!(finding.action, Some(Action::CephCrashArchive));
                archives && matches!(task.kind, Kind::Action { .. }) || names(task, finding)
            }
        }
    }
}

/// Whether a task is about what a finding is on: it names it, and is no merge or closing of what has that name too. All of
/// Ceph, and what a probe says of itself, has a name that says nothing: there the rule has to be named.
fn names(task: &Task, about: &FindingTask) -> bool {
    let sees_to_it = match task.kind {
        Kind::Person | Kind::Verify { .. } | Kind::Action { .. } | Kind::Runbook => true,
        // Whoever keeps an eye on something mends nothing that is broken.
        Kind::Track { .. } => about.verdict != Verdict::Red,
        Kind::Merge { .. }
        | Kind::Decide { .. }
        | Kind::Dashboard
        | Kind::Close { .. }
        | Kind::Final
        | Kind::Finding { .. } => false,
    };
    let FindingId { rule, object, .. } = &about.id;
    let is_of_a_whole =
        matches!(object.kind.as_str(), "Ceph" | "CephCluster" | "Probe" | "Check" | "RestoreTest");
    let whole = ObjectRef::new("", "", rule);
    let object = if is_of_a_whole { &whole } else { object };
    let mut texts = task.details.goal.iter().chain(&task.details.commands).chain([&task.title]);
    sees_to_it && !object.name.is_empty() && texts.any(|text| mentions(&text.to_lowercase(), object))
}

/// Whether a text, in small letters, names an object: by its name alone, or with its namespace or its kind before it
/// (`media/sonarr`, `deployment/sonarr`). Where the text names a namespace, it is that one's.
fn mentions(text: &str, object: &ObjectRef) -> bool {
    let (namespace, name) = (object.namespace.to_lowercase(), object.name.to_lowercase());
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | '/')))
        .map(|word| word.trim_matches(['.', '/']))
        .filter(|word| !word.is_empty())
        .collect();
    let is_flag = |word: &str| matches!(word, "-n" | "--namespace");
    let mut flagged = words.windows(2).filter(|pair| is_flag(pair[0])).map(|pair| pair[1]).peekable();
    let is_elsewhere =
        !namespace.is_empty() && flagged.peek().is_some() && flagged.all(|named| named != namespace);
    let is_named = |word: &str| {
        let word = word.trim_matches('-');
        match word.rsplit_once('/') {
            // The name of a file holds such signs itself.
            _ if word == name => true,
            Some((before, last)) if last == name => {
                namespace.is_empty()
                    || before.split('/').any(|part| part == namespace)
                    || before.split('/').all(|part| is_kind(part, &object.kind))
            }
            Some(_) | None => false,
        }
    };
    !is_elsewhere && words.iter().any(|word| is_named(word))
}

/// Whether a word before a slash is a kind as people and `kubectl` write it: `deployment`, `deployments.apps`, `deploy`.
fn is_kind(word: &str, kind: &str) -> bool {
    let (word, kind) = (word.split('.').next().unwrap_or(word), kind.to_lowercase());
    let short = match kind.as_str() {
        "deployment" => "deploy",
        "statefulset" => "sts",
        "daemonset" => "ds",
        "pod" => "po",
        "service" => "svc",
        "persistentvolumeclaim" => "pvc",
        "cronjob" => "cj",
        _ => kind.as_str(),
    };
    word == kind || word == short || word.strip_suffix('s') == Some(kind.as_str())
}

/// Whether it is what Ceph says of itself. That it could not be read is none of that: its object and its command are read by different
/// ways, and each is a matter of its own.
pub(super) fn is_of_ceph(id: &FindingId) -> bool {
    matches!(id.probe, Probe::Ceph | Probe::CephTools) && !id.is_not_read()
}

/// Whether two findings are about one thing to mend: Ceph is asked by its operator's object and by its own command.
pub(crate) fn is_one_matter(one: &FindingId, other: &FindingId) -> bool {
    one == other
        || is_of_ceph(one)
            && is_of_ceph(other)
            && one.rule == other.rule
            && one.object.namespace == other.object.namespace
}

/// Everything that is proposed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    /// The tasks, the most urgent first.
    pub(crate) proposals: Vec<Proposal>,
    /// How many findings are listed elsewhere only.
    pub(crate) more_listed: usize,
    /// The open pull requests that a person has to ask for.
    pub(crate) for_people: Vec<PullNumber>,
    /// Whether it is a part only of what there is to propose: it says nothing of the rest.
    pub(crate) is_part: bool,
}

/// What is proposed after a look: each cause that blocks, what is listed up to a limit, each plain pull request. What a person
/// accepts is none of it, nor what is not wanted.
pub(crate) fn propose(
    recon: &Recon,
    is_accepted: &dyn Fn(&Finding) -> bool,
    is_wanted: &dyn Fn(&Finding) -> bool,
    updates: &[OpenUpdate],
) -> Offered {
    let told_by_tools = |finding: &Finding| {
        let of_tools = |other: &&Finding| other.id.probe == Probe::CephTools;
        finding.id.probe == Probe::Ceph
            && recon.findings().filter(of_tools).any(|other| is_one_matter(&finding.id, &other.id))
    };
    let mut findings: Vec<&Finding> = Vec::new();
    for finding in recon.worst_first().into_iter().filter(|finding| is_wanted(finding)) {
        let is_known = findings.iter().any(|known| known.id == finding.id);
        if finding.cause.is_none() && !is_known && !is_accepted(finding) && !told_by_tools(finding) {
            findings.push(finding);
        }
    }
    // Of what only is listed not all become tasks: what would be lost for good before what starts slowly.
    findings.sort_by_key(|one| (one.informational, one.audit_rule().map_or(0, |rule| rule.rank() + 1)));
    let ids = || recon.findings().map(|finding| &finding.id);
    let (tags, former) = (tags(ids()), former_tags(ids()));
    let mut proposals = Vec::new();
    let (mut listed, mut more_listed) = (0, 0);
    for finding in findings {
        let task = FindingTask::of(finding);
        let is_listed = finding.informational && task.priority == Priority::P3;
        let Some(tag) = tags.get(&finding.id).filter(|_| !is_listed || listed < MOST_LISTED) else {
            more_listed += 1;
            continue;
        };
        listed += usize::from(is_listed);
        let former = former.get(&finding.id).cloned().unwrap_or_default();
        proposals.push(Proposal::of_finding(Own::Finding(tag.clone()), task).known_as(former));
    }
    let urgent_first =
        |proposals: &mut Vec<Proposal>| proposals.sort_by_key(|one| (one.priority(), one.layer()));
    urgent_first(&mut proposals);
    more_listed += proposals.len().saturating_sub(MOST);
    proposals.truncate(MOST);
    let (plain, other): (Vec<&OpenUpdate>, Vec<&OpenUpdate>) =
        updates.iter().partition(|update| update.is_plain());
    proposals.extend(plain.into_iter().map(|update| Proposal {
        own: Own::Update(update.number),
        former: Vec::new(),
        about: About::Update(update.clone()),
    }));
    // As they stand within one priority and layer: the worst first.
    urgent_first(&mut proposals);
    let for_people = other.iter().map(|update| update.number).collect();
    Offered { proposals, more_listed, for_people, is_part: false }
}

impl Offered {
    /// The blocks that a text shall hold: those that it has and that nobody has answered yet, as they are to be told now, and
    /// those that nobody asks for. With the ids of the new ones.
    pub(crate) fn blocks(&self, reading: &Reading) -> (Vec<Block>, Vec<String>) {
        let (own, others): (Vec<&Task>, Vec<&Task>) = reading.tasks.iter().partition(|task| task.own);
        let (mut blocks, mut new) = (Vec::new(), Vec::new());
        for proposal in &self.proposals {
            let named = |task: &&Task| Some((task.ticked, proposal.under_the_name_of(task)?));
            let mut there = own.iter().filter_map(named).peekable();
            if there.peek().is_some() {
                blocks.extend(there.filter(|(ticked, _)| !ticked).map(|(_, named)| named.block()));
                continue;
            }
            let id = proposal.own.id();
            // One that was ours and that a person has made theirs stays theirs when it is ticked.
            let is_theirs = |task: &&Task| {
                task.written_id.as_deref().is_some_and(|id| proposal.is_called(id))
                    || !task.ticked && proposal.is_asked_by(task)
            };
            if !others.iter().any(is_theirs) {
                blocks.push(proposal.block());
                new.push(id);
            }
        }
        let leaves_it = self.is_part && reading.is_introduced;
        if !blocks.is_empty() && !leaves_it {
            let text = wording::found_introduction(self.more_listed, &self.for_people);
            blocks.insert(0, Block { name: INTRODUCTION.to_owned(), text });
        }
        (blocks, new)
    }
}
