//! What kind of work a task is, by its words. In doubt it is a person's.

use super::address::{Home, TitleLink, at_home};
use super::asked::{self, Asked};
use super::condition::{Doubt, Reserve, doubt};
use super::named::without_ids;
use super::object::{Closing, closes, merged_number, merges};
use super::vocabulary::{is_of_a_crash_archive, is_of_a_gate, is_of_a_tag};
use super::{Check, Kind, Needs, check::check};
use crate::action::{Action, Command, parse};
use crate::forge::{IssueNumber, PullNumber};
use crate::health::Layer;
use crate::wording;
use regex::Regex;
use std::sync::LazyLock;

/// What is known of a task when its kind is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    /// Without id, priority and layer.
    pub(crate) title: &'a str,
    /// Its commands, one line each.
    pub(crate) commands: &'a [String],
    /// Its layer.
    pub(crate) layer: Option<Layer>,
    /// Whether it names several layers or all.
    pub(crate) several_layers: bool,
    /// Whether it stands under a heading of a final validation.
    pub(crate) final_section: bool,
    /// The links in its title.
    pub(crate) links: &'a [TitleLink<'a>],
    /// Where the issue lies.
    pub(crate) home: Option<&'a Home>,
}

/// A kind with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The kind.
    pub(crate) kind: Kind,
    /// What it needs from people.
    pub(crate) needs: Option<Needs>,
    /// Why it needs somebody, and for a person what is to be done.
    pub(crate) why: Option<String>,
}

impl Judged {
    fn free(kind: Kind) -> Self {
        Self { kind, needs: None, why: None }
    }

    fn person(kind: Kind, why: String) -> Self {
        Self { kind, needs: Some(Needs::Person), why: Some(why) }
    }

    /// Whether it is wanted any more is not clear.
    pub(crate) fn struck_out() -> Self {
        Self::person(Kind::Person, wording::why_struck_out())
    }

    /// Nothing could be approved here: whether the condition holds, a person has to find out first.
    fn conditional(kind: Kind, reserve: &Reserve) -> Self {
        Self::person(kind, wording::why_reserve(&wording::its_title(), &reserve.said))
    }

    fn approval(kind: Kind, why: String) -> Self {
        Self { kind, needs: Some(Needs::Approval), why: Some(why) }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

pub(crate) static PULL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:prs?|pull(?:[\s-]*requests?|s)?|mr)\s*[:/]?\s*[#!]?([0-9]{1,9})\b"));
pub(crate) static BARE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[\s(\[,:])[#!]([0-9]{1,9})\b"));
static CONDITION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:if|when|once|after|unless)\b[^,:]*[,:]\s*"));
static NOT_MERGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:do not|don't|never|without) merg"));
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\[[^\]]{1,80}\]\s*:?\s*"));

/// The words in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Every pull request that a text names as one.
pub(crate) fn pulls(text: &str) -> Vec<PullNumber> {
    let mut found: Vec<PullNumber> = Vec::new();
    for captures in PULL.captures_iter(text) {
        if let Some(number) = captures.get(1).and_then(|digits| digits.as_str().parse().ok()) {
            found.push(PullNumber(number));
        }
    }
    // `PRs #1, #2 and #3`: what follows a pull request in a list is one as well.
    if words(text).iter().any(|word| word == "prs" || word == "pulls") {
        found.extend(bare(text).into_iter().map(PullNumber));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Every `#N` of a text.
pub(crate) fn bare(text: &str) -> Vec<u64> {
    BARE.captures_iter(text).filter_map(|found| found.get(1)?.as_str().parse().ok()).collect()
}

/// Every number of an issue or a pull request that a text names: as one, bare, and in a list or a range of them.
pub(crate) fn numbers(text: &str) -> Vec<u64> {
    static MORE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^\s*(?:(?P<range>-|–|—|\.\.+|…|~|\bto\b|\bthrough\b)|,|&|\+|/|\band\b|\bor\b)\s*(?:and\s+|prs?\s*)?[#!]?(?P<number>[0-9]{1,9})\b(?:[^.]|\.?$)",
        )
    });
    let mut found = Vec::new();
    let mut starts: Vec<regex::Captures<'_>> =
        PULL.captures_iter(text).chain(BARE.captures_iter(text)).collect();
    starts.sort_by_key(|captures| captures.get(0).map_or(0, |whole| whole.start()));
    let mut reached = 0;
    for captures in starts {
        let (Some(whole), Some(digits)) = (captures.get(0), captures.get(1)) else { continue };
        let Ok(mut last) = digits.as_str().parse::<u64>() else { continue };
        found.push(last);
        if whole.start() < reached {
            continue;
        }
        let mut end = whole.end();
        while let Some(more) = MORE.captures(&text[end..]) {
            let Some((digits, number)) = more
                .name("number")
                .and_then(|digits| Some((digits.end(), digits.as_str().parse::<u64>().ok()?)))
            else {
                break;
            };
            if more.name("range").is_some() && last < number && number - last <= MOST_OF_A_RANGE {
                found.extend(last..number);
            }
            found.push(number);
            (last, end) = (number, end + digits);
        }
        reached = end;
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// A range of more numbers than this is no list that somebody made.
const MOST_OF_A_RANGE: u64 = 64;

/// What stands in front of a title's verb.
struct Opening<'a> {
    /// The title without tags and without a condition in front.
    rest: &'a str,
    /// What a tag or the condition makes of it.
    reserve: Option<Reserve>,
    /// A tag that is not understood.
    unknown: Option<&'a str>,
}

/// Takes `[Renovate]` and a condition off the front of a title. A tag may be a reserve; what it is is not dropped.
fn opening(title: &str) -> Opening<'_> {
    let mut opening = Opening { rest: title.trim(), reserve: None, unknown: None };
    while let Some(tag) = TAG.find(opening.rest) {
        let inside = tag.as_str().trim().trim_start_matches('[').trim_end_matches(']');
        opening.reserve = opening.reserve.or_else(|| doubt(&without_ids(inside)));
        let known = |word: &String| is_of_a_tag(word) || word.contains(|c: char| c.is_ascii_digit());
        let left = without_ids(inside);
        let layer = super::levels::layers(&left).is_some() || super::levels::priority(inside).is_some();
        if !layer && !words(&left).iter().all(known) {
            opening.unknown = opening.unknown.or(Some(inside));
        }
        opening.rest = &opening.rest[tag.end()..];
    }
    if let Some(condition) = CONDITION.find(opening.rest) {
        let said = condition.as_str();
        // `After A1:` names a task, which is seen to.
        if without_ids(said).contains(char::is_alphanumeric) {
            let said = said.trim().trim_end_matches([',', ':']).to_owned();
            opening.reserve = opening.reserve.or(Some(Reserve { doubt: Doubt::Yes, said }));
        }
        opening.rest = &opening.rest[condition.end()..];
    }
    opening
}

/// Words that say of something that it is well. A title of these and of what the probes know alone is a question to them.
const STATEMENTS: &[&str] = &["ready", "synced", "healthy", "health_ok", "green", "running"];

/// Judges.
pub(crate) fn judge(task: Words<'_>) -> Judged {
    let opening = opening(task.title);
    let title = opening.rest;
    let words = words(title);
    let first = words.iter().map(String::as_str).find(|word| *word != "please").unwrap_or_default();
    let has = |word: &str| words.iter().any(|own| own == word);
    let any = |list: &[&str]| list.iter().any(|word| has(word));
    let pulls = pulls(title);
    let pull = if let [pull] = pulls[..] { Some(pull) } else { None };

    if matches!(first, "track" | "monitor" | "watch" | "observe")
        || title.to_lowercase().starts_with("keep an")
    {
        return Judged::person(Kind::Track { pull }, wording::why_track(pull));
    }
    let reviews =
        matches!(first, "review" | "triage" | "evaluate" | "assess" | "consider" | "decide" | "plan");
    let merges_after_review = first == "review" && has("merge") && review_and_merge(&words);
    // A merge may be of a package that is called so.
    if has("dashboard") && first != "merge" && !merges_after_review {
        return Judged::person(Kind::Dashboard, wording::why_dashboard());
    }
    if any(&["decide", "decision", "defer"]) || (reviews && !merges_after_review && !pulls.is_empty()) {
        return Judged::person(Kind::Decide { pull }, wording::why_decide(pull));
    }
    let closing = first == "close";
    let reserve = || {
        let plain = without_ids(title);
        let said = || if closing { doubt(&without_reasons(&plain)) } else { doubt(&plain) };
        opening.reserve.clone().or_else(said)
    };
    if closing || first == "merge" || merges_after_review {
        let Some(plain) = at_home(title, task.links, task.home) else {
            return Judged::person(Kind::Person, wording::why_elsewhere());
        };
        return if closing {
            close(&plain, reserve().as_ref(), opening.unknown)
        } else {
            merge(&plain, reserve().as_ref(), opening.unknown)
        };
    }
    if is_final(&words, task) {
        return match &opening.reserve {
            Some(reserve) => Judged::conditional(Kind::Person, reserve),
            None => Judged::free(Kind::Final),
        };
    }
    if let Some(action) = action(task.commands, &words) {
        // Under a condition it is no action at all, so that nothing can carry it out by mistake.
        if let Some(reserve) = &reserve() {
            return Judged::conditional(Kind::Person, reserve);
        }
        let plain = without_ids(title);
        let left = self::words(&plain)
            .into_iter()
            .find(|word| !is_of_a_crash_archive(word) && !word.bytes().all(|byte| byte.is_ascii_digit()));
        let left = left.or_else(|| opening.unknown.map(str::to_owned));
        return match left {
            Some(word) => Judged::person(Kind::Person, wording::why_unclear(&word)),
            None => Judged::free(Kind::Action { action }),
        };
    }
    let verb = matches!(first, "verify" | "validate" | "confirm" | "check" | "ensure" | "run" | "universal");
    // `All nodes Ready` states what a verb would have asked to be verified.
    let question =
        (verb || any(STATEMENTS)).then(|| check(&self::words(&without_ids(title)), task)).flatten();
    if verb || question.is_some() {
        if let Some(reserve) = &opening.reserve {
            return Judged::conditional(Kind::Person, reserve);
        }
        return match question {
            // Asked at the time of its turn, it would be answered before what it is about: it closes the work.
            Some(Check::NodesReadyOf(_) | Check::ApplicationsHealthyOf(_)) if comes_last(&words) => {
                Judged::person(Kind::Person, wording::why_no_probe())
            }
            Some(_) if comes_last(&words) => Judged::free(Kind::Final),
            Some(check) => Judged::free(Kind::Verify { check }),
            None => Judged::person(Kind::Person, wording::why_no_probe()),
        };
    }
    Judged::person(Kind::Person, why_person(&words, task.commands))
}

/// Whether a title records that what it is about is not done, whether its box is ticked or not.
pub(crate) fn records_a_no(title: &str) -> bool {
    NOT_MERGE.is_match(title)
        || words(title).iter().any(|word| {
            matches!(
                word.as_str(),
                "deferred"
                    | "postponed"
                    | "rejected"
                    | "declined"
                    | "skipped"
                    | "cancelled"
                    | "canceled"
                    | "withdrawn"
            )
        })
}

/// Whether a title says that it comes after all the work: `after all changes`, `after the merges`, `post-maintenance`.
pub(crate) fn comes_last(words: &[String]) -> bool {
    let is = |at: usize, list: &[&str]| words.get(at).is_some_and(|word| list.contains(&word.as_str()));
    words.iter().enumerate().any(|(at, word)| match word.as_str() {
        "after" | "following" | "post" => {
            let all = is(at + 1, &["all", "every", "each"]);
            let named = at + 1 + usize::from(all || is(at + 1, &["the", "these", "this"]));
            let named = named + usize::from(is(named, &["the", "these"]));
            is(named, &["changes", "merges", "updates", "upgrades", "tasks", "maintenance", "everything"])
                || all && is(named, &["change", "merge", "update", "upgrade", "task"])
        }
        _ => false,
    })
}

/// Whether a title is the final gate and nothing else: a check of everything, or words of a gate alone.
fn is_final(words: &[String], task: Words<'_>) -> bool {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let gate = has(&["gate", "validation"])
        && (has(&["final"]) || task.final_section && has(&["gate", "universal"]));
    let first = words.first().map_or("", String::as_str);
    let all = || task.final_section && matches!(check(words, task), Some(Check::AllLayers));
    gate && words.iter().all(|word| is_of_a_gate(word))
        || (matches!(
            first,
            "verify" | "validate" | "confirm" | "check" | "ensure" | "run" | "final" | "universal"
        ) || has(STATEMENTS))
            && all()
}

/// A closing without what is a good reason for one: `superseded by #18`.
fn without_reasons(title: &str) -> String {
    static REASON: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(?:superseded|obsoleted?|abandoned|rejected|withdrawn|no longer (?:needed|relevant|applies|used|occurs|happens)|not needed any ?more)\b",
        )
    });
    REASON.replace_all(title, " ").into_owned()
}

/// `review and merge`, `review, then merge`: a review that ends in the merge, not in a decision.
fn review_and_merge(words: &[String]) -> bool {
    words.windows(2).any(|pair| matches!(pair[0].as_str(), "and" | "then" | "review") && pair[1] == "merge")
}

fn merge(title: &str, reserve: Option<&Reserve>, tag: Option<&str>) -> Judged {
    if NOT_MERGE.is_match(title) {
        return Judged::person(Kind::Person, wording::why_not_merge());
    }
    let Some(number) = merged_number(title) else {
        return Judged::person(Kind::Person, wording::why_no_pull());
    };
    if !merges(title) {
        return Judged::person(Kind::Person, wording::why_other_object());
    }
    let pull = PullNumber(number);
    let kind = Kind::Merge { pull };
    match asked::merge(title) {
        Asked::Several => return Judged::person(Kind::Person, wording::why_several_pulls()),
        Asked::Elsewhere => return Judged::person(Kind::Person, wording::why_elsewhere()),
        Asked::Work(word) if reserve.is_none_or(|reserve| reserve.doubt == Doubt::Yes) => {
            return Judged::person(Kind::Person, wording::why_more_work(&word));
        }
        Asked::Unclear(word) if reserve.is_none() => {
            return Judged::approval(kind, wording::why_unclear(&word));
        }
        Asked::Work(_) | Asked::Unclear(_) | Asked::Plainly => {}
    }
    match reserve {
        None => match tag {
            Some(tag) => Judged::approval(kind, wording::why_unclear(tag)),
            None => Judged::free(kind),
        },
        Some(reserve) if reserve.doubt == Doubt::Yes => {
            Judged::approval(kind, wording::why_reserve(&wording::its_title(), &reserve.said))
        }
        Some(_) if words(title).iter().any(|word| word == "or") => {
            Judged::person(Kind::Decide { pull: Some(pull) }, wording::why_decide(Some(pull)))
        }
        Some(reserve) => Judged::conditional(Kind::Person, reserve),
    }
}

fn close(title: &str, reserve: Option<&Reserve>, tag: Option<&str>) -> Judged {
    match (closes(title), reserve) {
        (Closing::One(number), reserve) => {
            let kind = Kind::Close { number: IssueNumber(number) };
            if let Some(reserve) = reserve {
                return Judged::conditional(kind, reserve);
            }
            match asked::close(title) {
                Asked::Several => Judged::person(Kind::Person, wording::why_several_numbers()),
                Asked::Elsewhere => Judged::person(Kind::Person, wording::why_elsewhere()),
                Asked::Work(word) => Judged::person(Kind::Person, wording::why_more_work(&word)),
                Asked::Unclear(word) => Judged::person(kind, wording::why_unclear(&word)),
                Asked::Plainly => match tag {
                    Some(tag) => Judged::person(kind, wording::why_unclear(tag)),
                    None => Judged::free(kind),
                },
            }
        }
        // `Close or merge PR #20` is a decision about one.
        (Closing::Nothing, Some(reserve)) => Judged::conditional(Kind::Person, reserve),
        (Closing::Several, _) => Judged::person(Kind::Person, wording::why_several_numbers()),
        (Closing::Nothing, None) => Judged::person(Kind::Person, wording::why_no_number()),
    }
}

/// The action that the commands ask for, when each of them is understood.
fn action(commands: &[String], words: &[String]) -> Option<Action> {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let first = words.first().map_or("", String::as_str);
    // `Archive the crash reports` asks, `The crash warnings that clear` tells.
    let verb = words.iter().find(|word| {
        !matches!(word.as_str(), "please" | "ceph" | "rook" | "storage" | "crash" | "then" | "now")
    });
    let asks = has(&["crash", "crashes"])
        && verb.is_some_and(|verb| matches!(verb.as_str(), "archive" | "clear" | "acknowledge" | "dismiss"))
        && !is_a_look(first)
        && !matches!(first, "review" | "look");
    let mut asked = None;
    for command in commands {
        match parse(command) {
            Command::Act(action) => asked = Some(action),
            Command::Read => {}
            Command::NotUnderstood => return None,
        }
    }
    asked.filter(|_| asks)
}

/// Verbs that only look for something.
fn is_a_look(first: &str) -> bool {
    first.starts_with("investigat")
        || matches!(
            first,
            "diagnose" | "analyze" | "analyse" | "capture" | "identify" | "debug" | "troubleshoot"
        )
}

fn why_person(words: &[String], commands: &[String]) -> String {
    let first = words.first().map_or("", String::as_str);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(&[
        "secret",
        "secrets",
        "token",
        "tokens",
        "credential",
        "credentials",
        "password",
        "key",
        "keys",
        "auth",
    ]) {
        wording::why_credentials()
    } else if first == "merge" {
        wording::why_no_pull()
    } else if is_a_look(first) {
        wording::why_investigate()
    } else if has(&["publish", "build", "rebuild", "push", "upload"]) {
        wording::why_publish()
    } else if has(&["values", "update", "chart", "manifest", "manifests", "bump", "commit"]) {
        wording::why_git()
    } else if first == "fix" || has(&["script", "scripts", "tool", "tooling"]) {
        wording::why_fix()
    } else if has(&["disk", "disks", "hardware", "firmware", "ssh", "reboot", "smart", "drive", "cable"]) {
        wording::why_hardware()
    } else if has(&["nas", "gateway", "vlan", "dns", "router", "firewall", "network", "nfs", "smb"]) {
        wording::why_outside()
    } else if !commands.is_empty() {
        wording::why_commands()
    } else {
        wording::why_not_understood()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(title: &str, commands: &[&str]) -> Judged {
        let commands: Vec<String> = commands.iter().map(|&command| command.to_owned()).collect();
        judge(Words {
            title,
            commands: &commands,
            layer: None,
            several_layers: false,
            final_section: false,
            links: &[],
            home: None,
        })
    }

    #[test]
    fn titles_have_kinds() {
        use Needs::{Approval, Person};
        let merge = |pull| Kind::Merge { pull: PullNumber(pull) };
        let decide = |pull| Kind::Decide { pull: Some(PullNumber(pull)) };
        let verify = |check| Kind::Verify { check };
        let close = |number| Kind::Close { number: IssueNumber(number) };
        for (title, kind, needs) in [
            ("Merge PR #12: grafana to 11.2.1", merge(12), None),
            ("[Renovate] Merge pull request #12", merge(12), None),
            ("Merge #12", merge(12), None),
            ("Review and merge PR #12 - non-major", merge(12), None),
            ("If approved, merge PR #12 and check Ceph", merge(12), Some(Approval)),
            ("Merge PR #12 if the notes are harmless", merge(12), Some(Approval)),
            ("Merge PRs #12, #13", Kind::Person, Some(Person)),
            ("Merge the open pull request", Kind::Person, Some(Person)),
            ("Review PR #12 release notes and decide", decide(12), Some(Person)),
            ("Review PR #12 (debian major)", decide(12), Some(Person)),
            ("Decide merge/defer for PR #12", decide(12), Some(Person)),
            ("PR #12: merge or defer", decide(12), Some(Person)),
            ("If retired: close PR #12 (do not merge)", close(12), Some(Person)),
            ("Close issue #4 once PR #12 is merged", close(4), Some(Person)),
            ("Close issue #4, which PR #12 resolves", close(4), None),
            ("Close #12 when PR #5 is merged", close(12), Some(Person)),
            ("Close PR #52 if retired", close(52), Some(Person)),
            ("Close #13 unless the owner objects", close(13), Some(Person)),
            ("Close #24 (do not close before release)", close(24), Some(Person)),
            ("Close #12 and #13", Kind::Person, Some(Person)),
            ("Close ports that #27 opened", Kind::Person, Some(Person)),
            ("Close the maintenance window of #26", Kind::Person, Some(Person)),
            ("Merge PR #9 only when the owner says yes", Kind::Person, Some(Person)),
            ("Merge PR #15? Ask the owner first", Kind::Person, Some(Person)),
            ("Merge PR #19 or close it", decide(19), Some(Person)),
            ("Merge or close PR #20", decide(20), Some(Person)),
            ("Merge PR #21 provided that tests pass", Kind::Person, Some(Person)),
            ("Merge PR #33 when CI is green", Kind::Person, Some(Person)),
            ("Merge PR #12 grafana 11.2.0 → 11.3.0 and wait for sync", merge(12), None),
            ("Merge conflict in PR #25: resolve", Kind::Person, Some(Person)),
            ("Merge the two node pools described in #28", Kind::Person, Some(Person)),
            ("merge pull-request 21", merge(21), None),
            ("Close the old ticket", Kind::Person, Some(Person)),
            (
                "Track the Dependency Dashboard item for PR #12",
                Kind::Track { pull: Some(PullNumber(12)) },
                Some(Person),
            ),
            ("Monitor pool usage", Kind::Track { pull: None }, Some(Person)),
            ("Refresh the Dependency Dashboard (#4)", Kind::Dashboard, Some(Person)),
            ("Verify all nodes are Ready", verify(Check::NodesReady), None),
            ("Verify 10 of 10 nodes Ready", verify(Check::NodesReadyOf(10)), None),
            ("Verify all 12 nodes are Ready", verify(Check::NodesReadyOf(12)), None),
            ("10/10 nodes Ready", verify(Check::NodesReadyOf(10)), None),
            (
                "Verify 40 of 40 Argo CD applications are Synced and Healthy",
                verify(Check::ApplicationsHealthyOf(40)),
                None,
            ),
            ("Verify node 77 is Ready", Kind::Person, Some(Person)),
            ("Verify 9 of 10 nodes are Ready", Kind::Person, Some(Person)),
            ("Confirm 0 nodes are Ready", Kind::Person, Some(Person)),
            ("All 100 pods running", Kind::Person, Some(Person)),
            ("Verify Ceph reports HEALTH_OK", verify(Check::CephHealthy), None),
            (
                "Verify all Argo CD applications are Synced and Healthy",
                verify(Check::ApplicationsHealthy),
                None,
            ),
            ("Confirm that all pods are Running", verify(Check::PodsHealthy), None),
            ("Verify the System layer is GREEN", verify(Check::Layer(Layer::System)), None),
            ("Verify all layers are GREEN", verify(Check::AllLayers), None),
            ("Run universal validation gate", verify(Check::AllLayers), None),
            ("All nodes Ready", verify(Check::NodesReady), None),
            ("`ceph -s` is HEALTH_OK", verify(Check::CephHealthy), None),
            ("All Argo apps Synced/Healthy", verify(Check::ApplicationsHealthy), None),
            ("All layers GREEN", verify(Check::AllLayers), None),
            ("Make all nodes Ready", Kind::Person, Some(Person)),
            ("Ceph health", Kind::Person, Some(Person)),
            ("If the update failed: all nodes Ready", Kind::Person, Some(Person)),
            ("Run final universal validation gate", Kind::Final, None),
            ("Final validation gate", Kind::Final, None),
            ("Verify the backup of the database", Kind::Person, Some(Person)),
            ("Confirm whether warnings recur on nodes", Kind::Person, Some(Person)),
            ("Investigate slow requests", Kind::Person, Some(Person)),
            ("Rotate the Renovate token", Kind::Person, Some(Person)),
            ("Archive the crash reports of Ceph", Kind::Person, Some(Person)),
            ("[DO NOT MERGE] Merge PR #3", Kind::Person, Some(Person)),
            ("[if approved] Merge PR #3", merge(3), Some(Approval)),
            ("[BLOCKED] Close #8", close(8), Some(Person)),
            ("[after B1] Merge PR #3", merge(3), None),
            ("[Apps][P2] Merge PR #3", merge(3), None),
            ("[grandmother] Merge PR #3", merge(3), Some(Approval)),
            ("Merge PR #3 - deferred", Kind::Person, Some(Person)),
            ("Merge PR #8 kubernetes-dashboard to 7.1.0", merge(8), None),
            ("Please merge PR #8", merge(8), None),
            ("Merge PR #5 and #6", Kind::Person, Some(Person)),
            ("Merge PRs 33 and 34", Kind::Person, Some(Person)),
            ("Merge PR #9 and close #10", Kind::Person, Some(Person)),
            ("Close #31 & merge PR #32", Kind::Person, Some(Person)),
            ("Close #12 by merging PR #10", Kind::Person, Some(Person)),
            ("Merge PR #9 (she wants to look)", merge(9), Some(Approval)),
            ("Merge https://github.com/rook/rook/pull/123", Kind::Person, Some(Person)),
            ("Merge PR #9 in ops/other-repo", Kind::Person, Some(Person)),
            ("Merge ops/other pulls/16", Kind::Person, Some(Person)),
            ("Close issue #12 in the infra repository", Kind::Person, Some(Person)),
            ("Merge PR #14; wait for ArgoCD sync; run final validation gate", merge(14), None),
            ("Remove the final validation webhook from kyverno", Kind::Person, Some(Person)),
            ("Investigate why the final gate of June failed", Kind::Person, Some(Person)),
            ("Close #29 - blocked", close(29), Some(Person)),
            ("Close #29 - superseded by #30", close(29), None),
            ("After A1, merge PR #4", merge(4), None),
        ] {
            let judged = judged(title, &[]);
            assert_eq!((&judged.kind, judged.needs), (&kind, needs), "{title}");
            assert_eq!(judged.why.is_some(), needs.is_some(), "{title}");
        }
    }

    #[test]
    fn a_crash_archive_is_an_action_only_when_every_command_is_understood() {
        let archive = "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all";
        let list = "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash ls-new";
        let title = "Archive the crash reports of Ceph";
        let action = Kind::Action { action: Action::CephCrashArchive };
        assert_eq!(judged(title, &[list, archive]).kind, action);
        assert_eq!(judged(title, &["ceph crash archive-all"]).kind, action);
        for title in [
            "If they are old, archive the crash reports of Ceph",
            "Do not archive the crashes yet",
            "only if the owner agrees archive the crash reports of Ceph",
            "Archive the crash reports of Ceph?",
            "Investigate the crashes, which somebody may archive",
        ] {
            let judged = judged(title, &[archive]);
            assert_eq!((judged.kind, judged.needs), (Kind::Person, Some(Needs::Person)), "{title}");
        }
        for other in [
            "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph osd purge 3",
            "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all; rm -rf /",
            "kubectl -n rook-ceph exec deploy/other -- ceph crash archive-all",
            "kubectl delete pod x",
            "make it so",
        ] {
            assert_eq!(judged(title, &[archive, other]).kind, Kind::Person, "{other}");
        }
        assert_eq!(judged(title, &[list]).kind, Kind::Person);
    }

    #[test]
    fn what_is_green_besides_the_layers_is_a_persons() {
        let judged = |title| {
            let layer = Some(Layer::Apps);
            judge(Words {
                title,
                commands: &[],
                layer,
                several_layers: false,
                final_section: false,
                links: &[],
                home: None,
            })
            .kind
        };
        let all = Kind::Verify { check: Check::AllLayers };
        assert_eq!(judged("Validate grafana returns to GREEN"), all);
        assert_eq!(judged("Verify that all layers are GREEN again"), all);
        for title in [
            "Confirm the UPS self-test LED is green",
            "Verify that the restore test of the backup is green",
            "Verify the backup is green again",
            "Check that grafana is green",
        ] {
            assert_eq!(judged(title), Kind::Person, "{title}");
        }
    }
}
