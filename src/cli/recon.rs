//! `caretaker recon`: how the cluster is, once, and nothing changed.

use super::failure::{Exit, Failure};
use super::rows::{Row, rows};
use crate::cluster::{Cluster, Freshness, Kubernetes};
use crate::health::{self, Figure, Figures, Finding, Recon, Surroundings, Verdict};
use crate::terminal::color;
use crate::{config, wording};
use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::Write;
use std::iter::once;
use std::path::Path;

/// Look at every layer of the cluster once, and change nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker recon
  caretaker recon --format markdown > recon.md
  caretaker recon --format json | jq '.findings[] | select(.blocks)'

It reads what a run's gate reads, with the same settings and rights, and says what would keep a
merge back. What could not be read is UNKNOWN, never GREEN. No forge is needed.

JSON is {began_at, verdict, layers, probes, findings, figures}; a finding has layer, verdict,
probe, rule, object, message, evidence, since, blocks and follows_from (its cause).

Exit codes:
  0  GREEN
  2  wrong arguments or settings
  3  the cluster cannot be reached or does not accept the credentials
  4  YELLOW: something is not well
  5  RED: something is broken
  6  UNKNOWN: something could not be found out")]
pub(super) struct Arguments {
    /// How the picture is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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
        };
        let recon = health::recon(&cluster, &surroundings, Timestamp::now()).await;
        let mut out = anstream::stdout();
        match self.format {
            Format::Text => write!(out, "{}", text(&recon))?,
            Format::Markdown => write!(out, "{}", wording::recon_markdown(&recon))?,
            Format::Json => writeln!(out, "{:#}", picture(&recon))?,
        }
        out.flush()?;
        Ok(match recon.verdict() {
            Verdict::Green => Exit::Done,
            Verdict::Yellow => Exit::Yellow,
            Verdict::Red => Exit::Red,
            Verdict::Unknown => Exit::Unknown,
        })
    }
}

fn style(verdict: Verdict) -> Style {
    color(match verdict {
        Verdict::Green => AnsiColor::Green,
        Verdict::Yellow => AnsiColor::Yellow,
        Verdict::Red => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Magenta,
    })
}

/// The layers, what was found in them, and what it comes to.
fn text(recon: &Recon) -> String {
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
            fix: None,
        })
        .collect();
    let between = if found.is_empty() { "" } else { "\n" };
    format!("{}{between}{}\n{}.\n", rows(&layers), rows(&found), wording::recon_summary(recon))
}

/// A figure, or why there is none.
fn figure<T>(figure: &Figure<T>, show: impl Fn(&T) -> Value) -> Value {
    match figure {
        Figure::Read(value) => show(value),
        Figure::NotRead(why) => json!({"not_read": why}),
    }
}

fn figures(figures: &Figures) -> Value {
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
    })
}

fn picture(recon: &Recon) -> Value {
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
            "follows_from": finding.cause,
        })
    };
    let findings: Vec<Value> = recon.worst_first().into_iter().map(finding).collect();
    json!({
        "began_at": recon.began_at,
        "verdict": recon.verdict(),
        "layers": layers,
        "probes": probes,
        "findings": findings,
        "figures": figures(&recon.figures),
    })
}
