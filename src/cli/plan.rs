//! `caretaker plan`: the tasks of an issue in the order in which they would be worked on. Writes nothing.

mod gate;
mod hours;

use super::common::{Format, any_table_of, forge_of};
use super::failure::{BODY_ADVICE, Exit, Failure};
use crate::cluster::Kubernetes;
use crate::config::{self, Settings};
use crate::forge::{self, Forge, ForgeError, IssueNumber, PullNumber, RepositoryName};
use crate::issue::{self, Home, Kind, Needs, Reading};
use crate::merge::by_words;
use crate::merge::classify::{Classification, PullChanges, Rules, classify, classify_words};
use crate::merge::paths::AllowedPaths;
use crate::merge::preflight::{Refusal, outside};
use crate::run::{self, Preview, preview};
use crate::terminal::printable;
use crate::{body_file, wording};
use gate::Gate;
use hours::Hours;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Show the tasks of an issue in the order of work, and change nothing.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("source").required(true),
    after_help = "\
Examples:
  caretaker plan --issue 7
  caretaker plan --file BODY.md
  caretaker plan --file - --format json < BODY.md

With --issue the repository's own `.caretaker.toml` counts as it does for a run, and that is said.
The cluster is asked which merges a sync window of Argo CD keeps back, and until when.
Every layer is looked at once, as `caretaker recon` does, for what would keep a change back now.
What the run accepted, and how long the cluster has been GREEN, is not counted.
A cluster that cannot be read is said, and hides nothing else of the plan.
With --file no server is asked: category, update type, and whether caretaker stands on it come from the task's own words.

Exit codes:
  0  the plan is printed
  2  wrong arguments or settings, or a body that cannot be read
  3  the forge cannot be reached or refuses"
)]
pub(super) struct Arguments {
    /// The number of the issue on the forge.
    #[arg(long, group = "source", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    issue: Option<u64>,
    /// The repository of the issue; needed where the settings name several.
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "file")]
    repository: Option<RepositoryName>,
    /// A file with the text of an issue; `-` reads it from stdin.
    #[arg(long, group = "source", value_name = "BODY.md")]
    file: Option<PathBuf>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What the forge knows of the pull requests that the tasks name.
type Facts = BTreeMap<PullNumber, Fact>;

/// What it knows of one.
struct Fact {
    classification: Classification,
    /// Why a file of it makes it a person's.
    outside: Option<Refusal>,
    files: Vec<String>,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<(), Failure> {
        let settings = config::load(named)?.settings;
        let Planned { mut reading, facts, rules, file, hours, gate } = match (&self.file, self.issue) {
            (Some(path), _) => {
                let rules = Rules::new(&settings.merge);
                let reading = read(&body_of(path)?, home_of(&settings).as_ref(), &rules)?;
                let (hours, gate) = (Hours::NotAsked, Gate::NotAsked);
                Planned { reading, facts: Facts::new(), rules, file: None, hours, gate }
            }
            (None, Some(number)) => {
                let table = any_table_of(&settings, self.repository.as_ref())?;
                from_forge(&settings, &table, IssueNumber(number)).await?
            }
            (None, None) => {
                let what = "neither an issue nor a file is named";
                return Err(Failure::new(Exit::Settings, what, "see `caretaker plan --help`"));
            }
        };
        judge(&mut reading, &facts, &rules);
        let known = |pull| facts.get(&pull).map(|Fact { classification: it, .. }| (it.category, it.update));
        let order = issue::order(&reading.tasks, &known);
        let mut out = anstream::stdout();
        match self.format {
            Format::Text => {
                write!(out, "{}", issue::plan_text(&reading, &order))?;
                if let Some(said) = file.as_ref().and_then(said) {
                    writeln!(out, "{}", printable(&said))?;
                }
                for line in hours.lines().into_iter().chain(gate.lines()) {
                    writeln!(out, "{}", printable(&line))?;
                }
            }
            Format::Json => {
                let mut plan = issue::plan_json(&reading, &order);
                plan["repository_file"] = file
                    .map_or(Value::Null, |file| json!({"settings": file.asked, "complaint": file.complaint}));
                plan["sync_windows"] = hours.json();
                plan["gate"] = gate.json();
                writeln!(out, "{plan}")?;
            }
        }
        Ok(out.flush()?)
    }
}

/// What a plan is made of.
struct Planned {
    reading: Reading,
    facts: Facts,
    rules: Rules,
    /// What the repository's own file asks for, where one is allowed.
    file: Option<Preview>,
    hours: Hours,
    gate: Gate,
}

fn said(file: &Preview) -> Option<String> {
    wording::plan_repository_file(&file.asked, file.complaint.as_deref())
}

pub(super) fn body_of(path: &Path) -> Result<String, Failure> {
    body_file::read(path).map_err(|error| Failure::new(Exit::Settings, error, BODY_ADVICE))
}

/// What the tasks' pull requests need from people: by what the forge knows of them, else by the tasks' own words.
fn judge(reading: &mut Reading, facts: &Facts, rules: &Rules) {
    for task in &mut reading.tasks {
        let Kind::Merge { pull } = task.kind else { continue };
        let outside = facts.get(&pull).and_then(|fact| fact.outside.as_ref());
        let fact = facts.get(&pull).map(|fact| &fact.classification);
        if let Some(fact) = fact {
            task.category = Some(fact.category);
            task.update = fact.update;
            // What the words leave open is known.
            let open = [wording::category_unknown(pull), wording::update_unknown(pull)];
            reading.warnings.retain(|found| found.line != task.line || !open.contains(&found.text));
        }
        let foundation = match fact {
            Some(fact) => fact.foundation.clone(),
            None => by_words::foundation(&task.title, rules),
        };
        if let Some(refusal) = outside {
            task.needs = Some(Needs::Person);
            task.why_person = Some(wording::said(&refusal.to_string()));
        } else if let Some(why) = foundation {
            task.needs = Some(Needs::Person);
            task.why_person = Some(wording::foundation_waits(&why));
        } else if task.needs.is_none() && fact.is_some_and(|fact| fact.approval().is_some()) {
            task.needs = Some(Needs::Approval);
        }
    }
}

/// The repository of the settings: what a text without a place is taken to be about.
pub(super) fn home_of(settings: &Settings) -> Option<Home> {
    let repository = settings.choose(None).ok()?;
    Some(Home::new(settings.forge.url().ok()?.as_str(), &repository.name.to_string()))
}

fn read(body: &str, home: Option<&Home>, rules: &Rules) -> Result<Reading, Failure> {
    issue::read_at(body, home, &|words| classify_words(words, "", rules)).map_err(|error| {
        Failure::new(Exit::Settings, error, "shorten the body, or nest its lists less deeply")
    })
}

async fn from_forge(
    settings: &Settings,
    table: &run::Repository,
    number: IssueNumber,
) -> Result<Planned, Failure> {
    let forge = forge_of(settings)?;
    let repository = &table.name;
    let file = preview(&forge, table, &settings.merge, &settings.timing).await?;
    let rules = Rules::new(file.as_ref().map_or(&settings.merge, |file| &file.merge));
    let paths = file.as_ref().map_or(&table.paths, |file| &file.paths);
    let issue = forge.issue(repository, number).await?;
    let reading = read(&issue.body, Home::of_issue(&issue.html_url).as_ref(), &rules)?;
    let mut facts = Facts::new();
    for pull in reading.tasks.iter().filter_map(|task| task.kind.pull()) {
        if !facts.contains_key(&pull) {
            facts.extend(fact(&forge, repository, pull, (&rules, paths)).await?.map(|fact| (pull, fact)));
        }
    }
    let open = reading.tasks.iter().filter(|task| !task.ticked);
    let merges: Vec<(PullNumber, &[String])> = open
        .filter_map(|task| match task.kind {
            Kind::Merge { pull } => Some((pull, facts.get(&pull)?.files.as_slice())),
            _ => None,
        })
        .collect();
    let at_forge = forge.repository(repository).await?;
    // Once for both: a program that gives each token once would refuse the second.
    let cluster = connect(settings).await;
    let cluster = cluster.as_ref();
    let (hours, gate) = tokio::join!(
        hours::read(settings, table, &at_forge, &merges, cluster),
        gate::read(settings, cluster)
    );
    Ok(Planned { reading, facts, rules, file, hours, gate })
}

async fn connect(settings: &Settings) -> Result<Kubernetes, String> {
    let limit = settings.health.probe_timeout();
    let connected = tokio::time::timeout(limit, Kubernetes::connect(&settings.cluster)).await;
    connected.map_err(|_| wording::no_answer_within(limit))?.map_err(|error| error.to_string())
}

/// What a pull request is, where there is one and it says what it updates.
async fn fact(
    forge: &impl Forge,
    repository: &RepositoryName,
    number: PullNumber,
    (rules, paths): (&Rules, &AllowedPaths),
) -> Result<Option<Fact>, Failure> {
    let pull = match forge.pull(repository, number).await {
        Ok(pull) => pull,
        // A number that is no pull request: the task's own words have to do.
        Err(ForgeError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Ok(updates) = forge::renovate::updates(&pull.body) else { return Ok(None) };
    let files = forge.pull_files(repository, number).await?;
    let outside = outside(&files, paths);
    let files: Vec<String> = files.into_iter().map(|file| file.path).collect();
    let diff = forge.pull_diff(repository, number).await?;
    let changes = PullChanges::of(&pull, &updates, &files, &diff);
    Ok(Some(Fact { classification: classify(&changes, rules), outside, files }))
}
