//! `caretaker recon`: how the cluster is, once; with `--issue` the maintenance issue about it, and nothing else changed.

mod beside;
mod ground;
mod issue;

use super::common::{any_table_of, forge_of};
use super::failure::{Exit, Failure};
use super::rows::{Row, rows};
use crate::cluster::{Cluster, Freshness, Kubernetes};
use crate::forge::RepositoryName;
use crate::health::{
    self, AuditRule, Chart, Dated, Figure, Figures, FilesAudited, Finding, Orphan, Recon, Surroundings,
    Verdict,
};
use crate::run::{Published, audit_files};
use crate::terminal::{color, printable};
use crate::{config, wording};
use anstyle::{AnsiColor, Style};
use beside::Beside;
use clap::{Args, ValueEnum};
use ground::Ground;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::iter::once;
use std::path::Path;

/// Look at every layer of the cluster once; with --issue, open or refresh the maintenance issue.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker recon
  caretaker recon --format markdown > recon.md
  caretaker recon --format json | jq '.findings[] | select(.blocks)'
  caretaker recon --audit
  caretaker recon --issue --dry-run
  caretaker recon --issue --repository ops/homelab

It reads what a run's gate reads, with the same settings and rights, and says what would keep a
merge back. What could not be read is UNKNOWN, never GREEN. No forge is needed; where one is set,
Renovate's open pull requests are shown by their risk. The images of all pods are listed by
namespace, with the versions that Ceph tells, and what caretaker stands on (the forge, what rolls
out, network, storage) is named: what changes that is merged alone, and with an approval.

--audit reads what would not be well on a bad day: probes, requests and limits, images, budgets,
replicas and nodes, claims and their copies, Secrets in Git that anybody can read. What it finds is
listed with how to mend it, and closes no gate unless `health.audit_blocks` names its rule. What
`health.acknowledged` accepts is marked with until when and why.

--issue makes tasks of what it found, each in a block of its own: what blocks, what is listed up to
20, and Renovate's pull requests but majors and foundations. The newest open issue with the
maintenance label by somebody who counts takes those that it lacks; without one an issue is opened.
What people ask for in their own words is not asked for again, and what they edited stays; nor is
what they accept in that issue, where `store.path` is there to be read. Without it, the run ends a
task that was not needed. A run ends a task when what it names is gone; what changes something about
it needs an approval, unless `recon.allowed` names its rule.

JSON is {began_at, verdict, layers, probes, gate, findings, figures, renovate, foundations,
running, charts, issue}; a finding has layer, verdict, probe, rule, object, message, evidence,
since, blocks, acknowledged, follows_from (its cause) and fix (of the audit); the gate tells
whether the findings would let a change start, and else why not, since when, and what would
unblock it. `figures` has counts and usage, and by object, with null where the cluster does not
tell: certificate_ends (not_after, left_seconds), backups.databases and backups.copies
(last_good_at, age_seconds) and orphans (claim, size_bytes, since): volumes that are nobody's, and
none that may hold lost data. A chart that Git wants and that is not synced has `synced: false`.
What was not read is {not_read: why}.

Exit codes:
  0  GREEN
  2  wrong arguments or settings
  3  the cluster cannot be reached or does not accept the credentials; with --issue the forge
  4  YELLOW: something is not well
  5  RED: something is broken
  6  UNKNOWN: something could not be found out")]
pub(super) struct Arguments {
    /// How the picture is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Look for what is well today and would not be on a bad day as well.
    #[arg(long)]
    audit: bool,
    /// Open the maintenance issue about what was found, or refresh the open one.
    #[arg(long)]
    issue: bool,
    /// The repository; needed where the settings name several.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<RepositoryName>,
    /// Write nothing, and show the text that the issue would have.
    #[arg(long, requires = "issue")]
    dry_run: bool,
}

/// For whom it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people at a terminal.
    #[default]
    Text,
    /// For an issue or a page.
    Markdown,
    /// For programs.
    Json,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<Exit, Failure> {
        let settings = config::load(named)?.settings;
        // A zone that does not exist was refused with the settings.
        if let Ok(zone) = settings.run.zone() {
            wording::set_zone(zone);
        }
        let cluster = Kubernetes::connect(&settings.cluster).await?;
        // A server that is not there would be UNKNOWN in every layer, and that would be all that is said.
        cluster.version().await?;
        let surroundings = Surroundings {
            settings: &settings.health,
            cluster: &settings.cluster,
            grace: settings.timing.grace(),
            freshness: Freshness::Proven,
            audit: self.audit,
            after: None,
        };
        let looked = health::recon(&cluster, &surroundings, Timestamp::now());
        let (mut recon, beside, ground, files) = tokio::join!(
            looked,
            beside::read(&settings, self.repository.as_ref()),
            ground::read(&cluster, &settings),
            files(self.audit, &settings, self.repository.as_ref()),
        );
        if let Some(files) = files {
            recon.add_files(files);
            recon.accept_audited(&settings.health);
        }
        // What was seen is shown whatever the forge says to the issue.
        let published = if self.issue {
            issue::publish(&settings, self.repository.as_ref(), &recon, &beside, self.dry_run).await.map(Some)
        } else {
            Ok(None)
        };
        let said = published.as_ref().ok().and_then(Option::as_ref);
        let mut out = anstream::stdout();
        match self.format {
            Format::Text => {
                write!(out, "{}", text(&recon, &beside, &ground))?;
                if let Some(published) = said {
                    write!(out, "{}", printable_lines(&issue::text(published, self.dry_run)))?;
                }
            }
            Format::Markdown => {
                write!(
                    out,
                    "{}{}{}",
                    wording::recon_markdown(&recon),
                    beside.markdown(),
                    ground.markdown(&recon.figures.inventory)
                )?;
                if let Some(published) = said {
                    write!(out, "\n{}", issue::text(published, self.dry_run))?;
                }
            }
            Format::Json => writeln!(out, "{:#}", picture(&recon, &beside, &ground, said))?,
        }
        out.flush()?;
        published?;
        Ok(match recon.verdict() {
            Verdict::Green => Exit::Done,
            Verdict::Yellow => Exit::Yellow,
            Verdict::Red => Exit::Red,
            Verdict::Unknown => Exit::Unknown,
        })
    }
}

/// What an audit finds in the repository's files, or why they were not read; `None` where none is asked for.
async fn files(
    audit: bool,
    settings: &config::Settings,
    wanted: Option<&RepositoryName>,
) -> Option<Result<FilesAudited, String>> {
    if !audit {
        return None;
    }
    let read = async {
        let forge = forge_of(settings).map_err(|failure| failure.what())?;
        let table = any_table_of(settings, wanted).map_err(|failure| failure.what())?;
        audit_files(&forge, &table.name).await.map_err(|error| error.to_string())
    };
    Some(read.await)
}

fn style(verdict: Verdict) -> Style {
    color(match verdict {
        Verdict::Green => AnsiColor::Green,
        Verdict::Yellow => AnsiColor::Yellow,
        Verdict::Red => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Magenta,
    })
}

/// Text from outside on a terminal, line by line.
fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(printable).collect();
    lines.join("\n") + "\n"
}

/// The rule of a finding that people see together with others of it: hundreds of workloads lack the same. What somebody
/// accepts stands by itself, with until when and why.
fn audited(finding: &Finding) -> Option<AuditRule> {
    finding.audit_rule().filter(|_| finding.informational && !finding.acknowledged)
}

/// The layers, what was found in them, what the forge says beside it, and what it comes to.
fn text(recon: &Recon, beside: &Beside, ground: &Ground) -> String {
    let layers: Vec<_> = recon
        .layers()
        .into_iter()
        .map(|(layer, verdict)| {
            let seen: Vec<&str> = recon.seen_of(layer).collect();
            let seen =
                if seen.is_empty() { wording::recon_nothing_read().to_owned() } else { seen.join("; ") };
            (layer, verdict, seen)
        })
        .collect();
    let findings: Vec<_> = recon
        .by_cause()
        .into_iter()
        .flat_map(|(cause, following)| once(cause).chain(following))
        .filter(|finding| audited(finding).is_none())
        .map(|finding| (finding, finding.layer.to_string(), wording::recon_finding(finding)))
        .collect();
    let layers: Vec<Row<'_>> = layers
        .iter()
        .map(|(layer, verdict, seen)| Row {
            word: verdict.word(),
            style: style(*verdict),
            what: layer.word(),
            found: seen,
            fix: None,
        })
        .collect();
    let found: Vec<Row<'_>> = findings
        .iter()
        .map(|(finding, layer, said)| Row {
            // What only is listed keeps nothing back, and must not look as if it did; what follows goes with its cause.
            word: match finding {
                Finding { informational: true, .. } => "listed",
                Finding { cause: Some(_), .. } => wording::recon_follows(),
                Finding { verdict, .. } => verdict.word(),
            },
            style: if finding.informational || finding.cause.is_some() {
                Style::new().dimmed()
            } else {
                style(finding.verdict)
            },
            what: layer,
            found: said,
            fix: wording::audit_fix_of(finding),
        })
        .collect();
    let rules: Vec<_> = (AuditRule::ALL.into_iter())
        .map(|rule| (rule, recon.findings().filter(|one| audited(one) == Some(rule)).collect::<Vec<_>>()))
        .filter(|(_, findings)| !findings.is_empty())
        .map(|(rule, findings)| (rule, wording::recon_audited(rule, &findings)))
        .collect();
    let found = found.into_iter().chain(rules.iter().map(|(rule, said)| Row {
        word: "listed",
        style: Style::new().dimmed(),
        what: "Audit",
        found: said,
        fix: Some(wording::audit_fix(*rule)),
    }));
    let found: Vec<Row<'_>> = found.collect();
    let between = if found.is_empty() { "" } else { "\n" };
    let lines = beside.lines();
    let forge: Vec<Row<'_>> = lines
        .iter()
        .map(|(what, said)| Row {
            word: if matches!(beside, Beside::Read { .. }) { "listed" } else { "not read" },
            style: Style::new().dimmed(),
            what,
            found: said,
            fix: None,
        })
        .collect();
    let stands = ground.lines(&recon.figures.inventory);
    let stands: Vec<Row<'_>> = stands
        .iter()
        .map(|(what, word, said)| Row { word, style: Style::new().dimmed(), what, found: said, fix: None })
        .collect();
    let forge: Vec<Row<'_>> = forge.into_iter().chain(stands).collect();
    let (found, forge, summary) = (rows(&found), rows(&forge), wording::recon_summary(recon));
    format!("{}{between}{found}\n{forge}\n{summary}.\n", rows(&layers))
}

/// A figure, or why there is none.
fn figure<T>(figure: &Figure<T>, show: impl Fn(&T) -> Value) -> Value {
    match figure {
        Figure::Read(value) => show(value),
        Figure::NotRead(why) => json!({"not_read": why}),
    }
}

/// Whole seconds from one moment to another; negative where that was before.
fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

fn aged(figure_of: &Figure<Vec<Dated>>, now: Timestamp) -> Value {
    figure(figure_of, |all| {
        let one = |one: &Dated| {
            json!({
                "object": one.object,
                "last_good_at": one.at,
                "age_seconds": one.at.map(|at| seconds(at, now)),
            })
        };
        all.iter().map(one).collect()
    })
}

fn charts(figure_of: &Figure<Vec<Chart>>) -> Value {
    figure(figure_of, |all| {
        all.iter()
            .map(|one| json!({"name": one.name, "version": one.version, "by": one.by, "synced": one.synced}))
            .collect()
    })
}

fn figures(figures: &Figures, now: Timestamp) -> Value {
    let inventory = &figures.inventory;
    let ends = |all: &Vec<Dated>| {
        let one = |one: &Dated| {
            json!({
                "object": one.object,
                "not_after": one.at,
                "left_seconds": one.at.map(|at| seconds(now, at)),
            })
        };
        all.iter().map(one).collect()
    };
    let orphans = |all: &Vec<Orphan>| {
        let one = |one: &Orphan| json!({"object": one.object, "claim": one.claim, "size_bytes": one.bytes, "since": one.since});
        all.iter().map(one).collect()
    };
    let well = |(well, all): &(usize, usize)| json!({"well": well, "all": all});
    let words = |text: &String| json!(text);
    json!({
        "nodes": figure(&figures.nodes_ready, well),
        "pods": figure(&figures.pods, well),
        "applications": figure(&figures.applications, well),
        "certificates": figure(&figures.certificates, well),
        "ceph_health": figure(&figures.ceph_health, words),
        "osds": figure(&figures.osds, |(up, within, all)| json!({"up": up, "in": within, "all": all})),
        "ceph_usage": figure(&figures.ceph_usage, |(used, total)| json!({"used_bytes": used, "total_bytes": total})),
        "placement_groups": figure(&figures.placement_groups, words),
        "node_usage": figure(&figures.node_usage, |nodes| {
            let one = |(name, millis, bytes): &(String, u64, u64)| {
                json!({"name": name, "cpu_millis": millis, "memory_bytes": bytes})
            };
            nodes.iter().map(one).collect()
        }),
        "certificate_ends": figure(&inventory.certificates, ends),
        "backups": {"databases": aged(&inventory.databases, now), "copies": aged(&inventory.copies, now)},
        "orphans": figure(&inventory.orphans, orphans),
    })
}

fn picture(recon: &Recon, beside: &Beside, ground: &Ground, published: Option<&Published>) -> Value {
    let layers: Vec<Value> = recon
        .layers()
        .into_iter()
        .map(|(layer, verdict)| json!({"layer": layer, "verdict": verdict}))
        .collect();
    let probes: Vec<Value> = recon
        .probes
        .iter()
        .map(|probe| {
            json!({
                "probe": probe.probe,
                "layer": probe.layer,
                "used": probe.used,
                "verdict": probe.verdict,
                "summary": probe.summary,
            })
        })
        .collect();
    let finding = |finding: &Finding| {
        json!({
            "layer": finding.layer,
            "verdict": finding.verdict,
            "probe": finding.id.probe,
            "rule": finding.id.rule,
            "object": finding.id.object,
            "message": finding.message,
            "evidence": finding.evidence,
            "since": finding.since,
            "blocks": !finding.informational,
            "acknowledged": finding.acknowledged,
            "follows_from": finding.cause,
            "fix": wording::audit_fix_of(finding),
        })
    };
    let findings: Vec<Value> = recon.worst_first().into_iter().map(finding).collect();
    // One look tells nothing of how long it has been so, of the branch's head and of people: the gate asks for these as well.
    let blocked = health::closed_by(recon, &BTreeSet::new());
    json!({
        "began_at": recon.began_at,
        "verdict": recon.verdict(),
        "layers": layers,
        "probes": probes,
        "gate": {"open": blocked.is_empty(), "blocked": blocked},
        "findings": findings,
        "figures": figures(&recon.figures, recon.began_at),
        "renovate": beside.json(),
        "foundations": ground.foundations(),
        "running": ground.running(),
        "charts": {
            "applications": charts(&recon.figures.inventory.applications),
            "helm_releases": charts(&recon.figures.inventory.releases),
        },
        "issue": published.map(issue::json),
    })
}

#[cfg(test)]
mod tests;
