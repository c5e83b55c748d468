//! What `recon` says of a cluster.

use super::{audit_fix, code, layer_verdict, quote_cut, quote_outside, time};
use crate::cluster::ObjectRef;
use crate::forge::IssueNumber;
use crate::forge::renovate::Listed;
use crate::health::{AuditRule, Chart, Finding, Recon, Verdict};
use crate::issue::OpenUpdate;
use crate::merge::Risk;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::iter::once;

/// So much of a sentence or of its evidence goes into a cell.
const CELL: usize = 300;
/// So much of what a probe saw: it names things, and ends with how many it does not name.
const SEEN: usize = 4 * CELL;

/// What the whole comes to.
pub(crate) fn recon_summary(recon: &Recon) -> String {
    let following = |one: &&Finding| one.cause.is_some() && !one.repeats_its_cause();
    let following = recon.blocking().filter(following).count();
    let causes = recon.blocking().filter(|finding| finding.cause.is_none()).count();
    let listed = recon.findings().count() - recon.blocking().count();
    let count = |count: usize, one: &str, many: &str| {
        if count == 1 { format!("1 finding {one}") } else { format!("{count} findings {many}") }
    };
    let blocking = match causes {
        0 => nothing_found(recon),
        causes => count(causes, "blocks a change", "block a change"),
    };
    let more = match (following, causes) {
        (0, _) => String::new(),
        (1, 1) => ", 1 more follows from it".to_owned(),
        (1, _) => ", 1 more follows from one of them".to_owned(),
        (more, 1) => format!(", {more} more follow from it"),
        (more, _) => format!(", {more} more follow from them"),
    };
    let listed = match listed {
        0 => String::new(),
        listed => format!(", {}", count(listed, "is listed only", "are listed only")),
    };
    format!("The cluster is {}: {blocking}{more}{listed}", recon.verdict())
}

/// What keeps a change back although nothing was found: a layer that no probe reads says nothing, and is not well by that.
fn nothing_found(recon: &Recon) -> String {
    if recon.verdict() == Verdict::Green {
        return "nothing blocks a change".to_owned();
    }
    match recon.layers().values().filter(|verdict| **verdict != Verdict::Green).count() {
        1 => "1 layer is not read, which blocks a change".to_owned(),
        many => format!("{many} layers are not read, which blocks a change"),
    }
}

/// As many as fit into so many characters, and how many do not.
fn as_many_as_fit(items: &[String], max: usize) -> String {
    let (mut text, mut length) = (String::new(), 0);
    for (at, item) in items.iter().enumerate() {
        length += item.chars().count() + 2;
        if at > 0 && length > max {
            // Writing to a string cannot fail.
            let _ = write!(text, " and {} more", items.len() - at);
            break;
        }
        text.push_str(if at > 0 { ", " } else { "" });
        text.push_str(&quote_outside(item, max));
    }
    text
}

/// What nobody knows: the first layer that is UNKNOWN, what was found there first, and how much more there is.
pub(crate) fn what_is_unknown(recon: &Recon) -> String {
    let layers = recon.layers();
    let unknown = |finding: &&Finding| finding.verdict == Verdict::Unknown;
    let first = layers.iter().find(|(_, verdict)| **verdict == Verdict::Unknown).map(|(layer, _)| *layer);
    // Where no layer can be read it is not the layers.
    let nothing = layers.values().all(|verdict| *verdict == Verdict::Unknown)
        && recon.blocking().filter(unknown).all(Finding::is_not_read);
    let Some(first) = first.filter(|_| !nothing) else { return "the cluster cannot be read".to_owned() };
    let of_layer = recon.blocking().filter(unknown).filter(|finding| finding.layer == first);
    // What follows speaks where its cause is known.
    let Some(found) = of_layer.min_by_key(|finding| finding.cause.is_some()) else {
        return format!("{first}: {}", recon_nothing_read());
    };
    match recon.blocking().filter(unknown).filter(|finding| !finding.repeats_its_cause()).count() {
        0 | 1 => format!("{first}: {}", found.message),
        all => format!("{first}: {}, and {} more", found.message, all - 1),
    }
}

/// A finding of a layer, with what it follows from.
pub(crate) fn layer_finding(finding: &Finding) -> String {
    match &finding.cause {
        Some(cause) if cause.object != finding.id.object => {
            format!("{} (follows from {})", finding.message, cause.object)
        }
        Some(_) | None => finding.message.clone(),
    }
}

/// What was found, with the id by which people name it.
pub(crate) fn finding_with_id(said: &str, id: &str) -> String {
    format!("{said} ({id})")
}

/// How a person accepts what was found.
pub(crate) fn how_to_acknowledge() -> String {
    "what was found and has an id here is accepted until a day is over by the comment `/caretaker acknowledge ID YYYY-MM-DD` with a reason behind it, on a \
     line of its own"
        .to_owned()
}

/// In the place of its verdict, what a finding below its cause is.
pub(crate) fn recon_follows() -> &'static str {
    "follows"
}

/// What is wrong with an object, what says so, and since when.
pub(crate) fn recon_finding(finding: &Finding) -> String {
    let mut text = format!("{} ({})", finding.message, finding.evidence);
    if let Some(since) = finding.since {
        // Writing to a string cannot fail.
        let _ = write!(text, ", since {}", time(since));
    }
    text
}

/// A layer of which no probe says anything.
pub(crate) fn recon_nothing_read() -> &'static str {
    "no probe reads this layer"
}

/// The whole picture as Markdown.
pub(crate) fn recon_markdown(recon: &Recon) -> String {
    let mut text = format!(
        "# Recon\n\n{}. Begun {}.\n\n| Layer | Verdict | What was seen |\n| --- | --- | --- |\n",
        recon_summary(recon),
        time(recon.began_at)
    );
    for (layer, verdict) in recon.layers() {
        let seen: Vec<String> = recon.seen_of(layer).map(|seen| quote_cut(seen, SEEN)).collect();
        let seen = if seen.is_empty() { recon_nothing_read().to_owned() } else { seen.join("<br>") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {layer} | {} | {seen} |", layer_verdict(verdict));
    }
    let findings: Vec<&Finding> =
        recon.by_cause().into_iter().flat_map(|(cause, following)| once(cause).chain(following)).collect();
    if findings.is_empty() {
        return text;
    }
    text.push_str("\n## Findings\n\n| Layer | Verdict | Object | Rule | What | Since |\n| --- | --- | --- | --- | --- | --- |\n");
    for finding in findings {
        let listed = match finding {
            Finding { informational: true, .. } => " (listed only)",
            Finding { cause: Some(_), .. } => " (follows from the above)",
            Finding { .. } => "",
        };
        let _ = writeln!(
            text,
            "| {} | {}{listed} | {} | {} | {} ({}){} | {} |",
            finding.layer,
            layer_verdict(finding.verdict),
            code(&finding.id.object.to_string(), CELL),
            code(&finding.id.rule, CELL),
            quote_cut(&finding.message, CELL),
            quote_cut(&finding.evidence, CELL),
            audit_fix_of(finding).map(|fix| format!(". Better: {fix}")).unwrap_or_default(),
            finding.since.map(time).unwrap_or_default()
        );
    }
    text
}

/// What an audit found by one rule, in a line.
pub(crate) fn recon_audited(rule: AuditRule, findings: &[&Finding]) -> String {
    let objects: Vec<String> = findings.iter().map(|one| one.id.object.to_string()).collect();
    format!("{} ({}): {}", rule.word(), findings.len(), as_many_as_fit(&objects, 2 * CELL))
}

/// How what an audit found is made better.
pub(crate) fn audit_fix_of(finding: &Finding) -> Option<&'static str> {
    finding.audit_rule().map(audit_fix)
}

/// Renovate's open pull requests by their risk.
pub(crate) fn recon_updates(updates: &[OpenUpdate]) -> String {
    if updates.is_empty() {
        return "Renovate has no pull request open".to_owned();
    }
    let of = |risk: Risk| {
        let numbers: Vec<String> = updates
            .iter()
            .filter(|update| update.classification.risk == risk)
            .map(|update| format!("#{}", update.number))
            .collect();
        (!numbers.is_empty()).then(|| format!("{} {}", risk_word(risk), numbers.join(", ")))
    };
    let by_risk: Vec<String> =
        [Risk::Critical, Risk::High, Risk::Medium, Risk::Low].into_iter().filter_map(of).collect();
    let count = updates.len();
    let what = if count == 1 { "pull request" } else { "pull requests" };
    format!("{count} open {what} of Renovate's by risk: {}", by_risk.join("; "))
}

fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Critical => "critical",
    }
}

/// What the Dependency Dashboard lists.
pub(crate) fn recon_dashboard(number: IssueNumber, sections: &[Listed]) -> String {
    if sections.is_empty() {
        return format!("the Dependency Dashboard (#{number}) has nothing to tick");
    }
    let each: Vec<String> = sections
        .iter()
        .map(|listed| format!("{} {}", listed.entries, quote_outside(&listed.section, 60)))
        .collect();
    format!("the Dependency Dashboard (#{number}): {}", each.join(", "))
}

/// A version that daemons of Ceph say of themselves: `ceph version 19.2.3 (...) squid (stable)`.
pub(crate) fn recon_ceph(version: &str) -> String {
    let number = version.strip_prefix("ceph version ").and_then(|rest| rest.split(' ').next());
    format!("Ceph {}", number.unwrap_or(version))
}

/// The images that run in a namespace: repository and tag, without the registry.
pub(crate) fn recon_versions(namespace: &str, images: &[String]) -> String {
    // `registry.example.org/team/shop:1.2@sha256:...` is `shop:1.2`; without a tag the digest says which it is.
    let short = |image: &String| {
        let (name, digest) = image.split_once('@').unwrap_or((image, ""));
        let name = name.rsplit('/').next().unwrap_or(name);
        let digest = digest.trim_start_matches("sha256:").get(..12).filter(|_| !name.contains(':'));
        digest.map_or_else(|| name.to_owned(), |digest| format!("{name}@{digest}"))
    };
    let images: Vec<String> = images.iter().map(short).collect();
    format!("{namespace}: {}", as_many_as_fit(&images, 4 * CELL))
}

/// The charts that are installed, with what installed them; what Git only wants is marked.
pub(crate) fn recon_charts(charts: &[&Chart]) -> String {
    let one = |chart: &&Chart| {
        let wanted = if chart.synced { "" } else { ": wanted, not synced" };
        format!("{} {} ({}{wanted})", chart.name, chart.version, chart.by)
    };
    let each: Vec<String> = charts.iter().map(one).collect();
    format!("charts: {}", as_many_as_fit(&each, 4 * CELL))
}

/// What caretaker stands on, with what of it runs.
pub(crate) fn recon_foundation(name: &str, objects: &BTreeSet<ObjectRef>) -> String {
    let objects: Vec<String> =
        objects.iter().map(|object| quote_outside(&object.to_string(), CELL)).collect();
    format!("{name}: {}", objects.join(", "))
}

/// Nothing that runs is known for it.
pub(crate) fn recon_no_foundation() -> &'static str {
    "nothing that runs is known as something that caretaker stands on"
}

/// The workloads could not be read.
pub(crate) fn recon_foundations_not_read(why: &str) -> String {
    format!("what caretaker stands on was not found out: {}", quote_outside(why, CELL))
}

/// The forge was not asked, or did not answer.
pub(crate) fn recon_forge_not_read(why: &str) -> String {
    format!("pull requests were not read: {}", quote_outside(why, CELL))
}

/// An issue was opened, or would be where it has no number.
pub(crate) fn recon_opened(number: Option<IssueNumber>, title: &str, tasks: &[String]) -> String {
    let how = number.map_or_else(|| "Would open".to_owned(), |number| format!("Opened #{number},"));
    format!("{how} \"{title}\" with {}", tasks_in_words(tasks))
}

/// The open issue was refreshed, or would be.
pub(crate) fn recon_refreshed(number: IssueNumber, tasks: &[String], changed: bool, dry: bool) -> String {
    let how = if dry { "Would refresh" } else { "Refreshed" };
    match (changed, tasks) {
        (false, _) => format!("#{number} has it all"),
        (true, []) => format!("{how} #{number}: no new task, what is told of others is newer"),
        (true, tasks) => format!("{how} #{number}: {} more", tasks_in_words(tasks)),
    }
}

/// Somebody else wrote in it at the same moment.
pub(crate) fn recon_written_again() -> &'static str {
    "Somebody else wrote in it at the same moment: it was put together anew, so look whether it is as you want it"
}

/// The text of an issue that was opened at the same moment as another.
pub(crate) fn opened_twice(older: IssueNumber) -> String {
    format!("Opened at the same moment as #{older}, which has what was found. Nothing is asked for here.\n")
}

/// Nothing is wrong, and no issue is open.
pub(crate) fn recon_opens_nothing() -> &'static str {
    "There is nothing to open an issue for"
}

fn tasks_in_words(tasks: &[String]) -> String {
    let what = if tasks.len() == 1 { "task" } else { "tasks" };
    format!("{} {what} ({})", tasks.len(), tasks.join(", "))
}
