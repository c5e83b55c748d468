//! The judgement of an own check: pure, from the objects of a page to findings.
//!
//! What a check may cost is bounded: the time for a page, the steps for an object, the findings that are kept. A check that
//! would take more is UNKNOWN from there on, and says why.

use super::expression::Budget;
use super::{OwnCheck, Severity};
use crate::cluster::ObjectRef;
use crate::health::probes::{age, shortened};
use crate::health::{Finding, FindingId, Grounds, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many objects without an answer are named; the others are counted.
const MOST_UNANSWERED: usize = 5;

/// What a check may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For the objects of a page.
    time: Duration,
    /// Steps of comprehensions for one object.
    steps: u64,
    /// Findings of the whole check.
    findings: usize,
}

/// A page is judged in milliseconds; an object with a list of a thousand entries, each compared with each, takes all the
/// steps; and more findings than that nobody reads.
pub(super) const LIMITS: Limits = Limits { time: Duration::from_secs(5), steps: 1_000_000, findings: 500 };

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    seen: usize,
    unanswered: usize,
    findings: Vec<Finding>,
    /// Why the objects after those that were seen are not judged.
    cut_short: Option<String>,
}

impl Tally {
    /// With the objects of a further page.
    pub(super) fn with_page(
        mut self,
        check: &OwnCheck,
        objects: &[Value],
        now: Timestamp,
        limits: Limits,
    ) -> Self {
        let until = Instant::now() + limits.time;
        for object in objects {
            if self.findings.len() >= limits.findings {
                self.cut_short = Some(format!(
                    "{} objects are not well or have no answer: the others were not judged",
                    limits.findings
                ));
                break;
            }
            let budget = Arc::new(Budget::new(until, limits.steps));
            let found = match judge_object(check, object, now, &budget) {
                Ok(found) => found,
                Err(why) => {
                    self.unanswered += 1;
                    let is_named = self.unanswered <= MOST_UNANSWERED;
                    is_named.then(|| unknown(check, reference(check, object), why))
                }
            };
            self.seen += 1;
            self.findings.extend(found);
            if Instant::now() >= until {
                self.cut_short = Some(format!(
                    "judging {} objects took longer than {} s: the others were not judged",
                    objects.len(),
                    limits.time.as_secs()
                ));
                break;
            }
        }
        self
    }

    /// Whether it is of no use to judge more.
    pub(super) fn is_cut_short(&self) -> bool {
        self.cut_short.is_some()
    }

    /// Whether there was no object at all.
    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// The answer of the check.
    pub(super) fn result(self, check: &OwnCheck) -> ProbeResult {
        let Self { seen, unanswered, mut findings, cut_short } = self;
        if unanswered > MOST_UNANSWERED {
            let evidence =
                format!("{unanswered} objects without an answer, of which {MOST_UNANSWERED} are named");
            findings.push(unknown(check, of_check(check), evidence));
        }
        findings.extend(cut_short.map(|why| unknown(check, of_check(check), why)));
        let wrong = findings.iter().filter(|finding| finding.verdict != Verdict::Unknown).count();
        let what = &check.objects.resource;
        result(check, format!("{}: {wrong} of {seen} {what} not well", check.name), findings)
    }
}

/// The answer of a check whose objects could not be read.
pub(super) fn not_read(check: &OwnCheck, why: &str) -> ProbeResult {
    let summary = format!("{}: not read: {why}", check.name);
    result(check, summary, vec![unknown(check, of_check(check), why.to_owned())])
}

fn judge_object(
    check: &OwnCheck,
    object: &Value,
    now: Timestamp,
    budget: &Arc<Budget>,
) -> Result<Option<Finding>, String> {
    let value = cel::to_value(object).map_err(|error| format!("not to be understood: {error}"))?;
    if !check.wrong.holds(&value, now, budget)? {
        return Ok(None);
    }
    let object_is = reference(check, object);
    let message = match &check.message {
        Some(message) => shortened(&message.words(&value, now, budget)?),
        None => format!("{object_is} is not as {} asks for", check.name),
    };
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let said = check.since.as_ref().and_then(|since| time(&since.words(&value, now, budget).ok()?));
    let since = said.or_else(|| time(object["metadata"]["creationTimestamp"].as_str()?));
    let forgiven = since.is_some_and(|since| age(now, since) < check.grace());
    Ok(Some(Finding {
        id: FindingId { probe: Probe::Own, rule: check.name.clone(), object: object_is },
        layer: check.layer,
        verdict: match check.severity {
            Severity::Red if !forgiven => Verdict::Red,
            Severity::Red | Severity::Yellow | Severity::Listed => Verdict::Yellow,
        },
        message,
        evidence: format!("`{}` is true", check.wrong.text()),
        since,
        made_at: None,
        informational: check.severity == Severity::Listed,
        grounds: Grounds::default(),
        acknowledged: false,
        cause: None,
    }))
}

fn reference(check: &OwnCheck, object: &Value) -> ObjectRef {
    let name = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    ObjectRef::new(&check.objects.kind, name("namespace"), name("name"))
}

/// The check itself, as what a finding is about that has no object.
fn of_check(check: &OwnCheck) -> ObjectRef {
    ObjectRef::new("Check", "", &check.name)
}

/// What is listed only blocks nothing, whether it is known or not.
fn unknown(check: &OwnCheck, object: ObjectRef, evidence: String) -> Finding {
    Finding {
        id: FindingId { probe: Probe::Own, rule: check.name.clone(), object },
        layer: check.layer,
        verdict: Verdict::Unknown,
        message: format!("the check {} has no answer", check.name),
        evidence,
        since: None,
        made_at: None,
        informational: check.severity == Severity::Listed,
        grounds: Grounds::default(),
        acknowledged: false,
        cause: None,
    }
}

fn result(check: &OwnCheck, summary: String, findings: Vec<Finding>) -> ProbeResult {
    let blocking = findings.iter().filter(|finding| !finding.informational);
    let verdict = blocking.map(|finding| finding.verdict).max().unwrap_or(Verdict::Green);
    // A check that only lists something says nothing of how its layer is.
    let used = check.severity != Severity::Listed;
    ProbeResult { probe: Probe::Own, layer: check.layer, used, verdict, summary, findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::probes::testing::{ago, now, of_toml};
    use Verdict::{Green, Red, Unknown, Yellow};
    use serde_json::json;

    fn judge_own(check: &OwnCheck, objects: &[Value], now: Timestamp) -> ProbeResult {
        Tally::default().with_page(check, objects, now, LIMITS).result(check)
    }

    fn check(more: &str) -> OwnCheck {
        let text = format!(
            "name = \"backup-failed\"\nobjects = {{ api_version = \"velero.io/v1\", resource = \"backups\", kind = \"Backup\" }}\n\
             wrong = \"object.status.phase == 'Failed'\"\n{more}"
        );
        of_toml(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn backup(name: &str, phase: &str) -> Value {
        json!({
            "metadata": {"namespace": "velero", "name": name, "creationTimestamp": ago(600).to_string()},
            "status": {"phase": phase, "at": ago(100).to_string()},
        })
    }

    #[test]
    fn every_rule_of_an_own_check() {
        let failed = backup("nightly", "Failed");
        let silent = json!({"metadata": {"namespace": "velero", "name": "silent"}});
        // The check's further settings; the objects; the verdict of the probe, and of its findings.
        let cases: Vec<(&str, Vec<Value>, Verdict, Vec<Verdict>)> = vec![
            ("", vec![], Green, vec![]),
            ("", vec![backup("nightly", "Completed")], Green, vec![]),
            ("", vec![failed.clone()], Red, vec![Red]),
            ("severity = \"yellow\"", vec![failed.clone()], Yellow, vec![Yellow]),
            ("severity = \"listed\"", vec![failed.clone()], Green, vec![Yellow]),
            ("grace_seconds = 700", vec![failed.clone()], Yellow, vec![Yellow]),
            ("grace_seconds = 500", vec![failed.clone()], Red, vec![Red]),
            ("grace_seconds = 500\nsince = \"object.status.at\"", vec![failed.clone()], Yellow, vec![Yellow]),
            ("grace_seconds = 90\nsince = \"object.status.at\"", vec![failed.clone()], Red, vec![Red]),
            // A time that is not there: since the object was made.
            ("grace_seconds = 500\nsince = \"object.status.no\"", vec![failed.clone()], Red, vec![Red]),
            ("", vec![silent.clone()], Unknown, vec![Unknown]),
            ("severity = \"listed\"", vec![silent.clone()], Green, vec![Unknown]),
            ("message = \"object.status.no\"", vec![failed.clone()], Unknown, vec![Unknown]),
            ("", vec![failed.clone(), silent], Unknown, vec![Red, Unknown]),
        ];
        for (more, objects, verdict, findings) in cases {
            let result = judge_own(&check(more), &objects, now());
            let found: Vec<Verdict> = result.findings.iter().map(|finding| finding.verdict).collect();
            assert_eq!((result.verdict, found), (verdict, findings), "{more}");
        }
    }

    #[test]
    fn a_finding_names_the_object_and_says_what_the_check_says() {
        let more = "layer = \"Platform\"\nmessage = \"'backup ' + object.metadata.name + ' is ' + object.status.phase\"";
        let result = judge_own(&check(more), &[backup("nightly", "Failed")], now());
        let finding = &result.findings[0];
        assert_eq!(finding.id.object, ObjectRef::new("Backup", "velero", "nightly"));
        assert_eq!(
            (finding.layer, result.layer),
            (crate::health::Layer::Platform, crate::health::Layer::Platform)
        );
        assert_eq!(
            (finding.id.rule.as_str(), finding.message.as_str()),
            ("backup-failed", "backup nightly is Failed")
        );
        assert_eq!(result.summary, "backup-failed: 1 of 1 backups not well");
    }

    #[test]
    fn very_many_objects_without_an_answer_are_counted() {
        let silent =
            |number: usize| json!({"metadata": {"namespace": "velero", "name": format!("b{number}")}});
        let objects: Vec<Value> = (0..1000).map(silent).collect();
        let result = judge_own(&check(""), &objects, now());
        assert_eq!((result.verdict, result.findings.len()), (Unknown, MOST_UNANSWERED + 1));
        assert!(result.findings[MOST_UNANSWERED].evidence.starts_with("1000 objects"), "{result:?}");
    }

    #[test]
    fn a_check_that_costs_too_much_is_unknown_from_there_on_and_says_why() {
        let failed = |number: usize| backup(&format!("b{number}"), "Failed");
        let objects: Vec<Value> = (0..10).map(failed).collect();
        let few = Limits { findings: 4, ..LIMITS };
        let tally = Tally::default().with_page(&check(""), &objects[..4], now(), few);
        assert!(!tally.is_cut_short(), "four of four");
        let tally = tally.with_page(&check(""), &objects[4..], now(), few);
        assert!(tally.is_cut_short());
        let result = tally.result(&check(""));
        assert_eq!((result.verdict, result.findings.len()), (Unknown, 5));
        assert_eq!(result.findings[4].id.object, ObjectRef::new("Check", "", "backup-failed"));
        assert!(result.findings[4].evidence.starts_with("4 objects"), "{result:?}");

        let slow = Limits { time: Duration::ZERO, ..LIMITS };
        let result = Tally::default().with_page(&check(""), &objects, now(), slow).result(&check(""));
        assert_eq!(
            (result.verdict, result.findings.len()),
            (Unknown, 2),
            "the first, and why not the others"
        );
        assert!(result.findings[1].evidence.contains("10 objects took longer than 0 s"), "{result:?}");

        let many = json!({"metadata": {"name": "b"}, "list": (0..100).collect::<Vec<_>>()});
        let squares = of_toml::<OwnCheck>(
            "name = \"squares\"\nobjects = { api_version = \"v1\", resource = \"pods\", kind = \"Pod\" }\n\
             wrong = \"!object.list.all(a, object.list.all(b, true))\"\n",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(judge_own(&squares, std::slice::from_ref(&many), now()).verdict, Green);
        let short = Limits { steps: 9_999, ..LIMITS };
        let result = Tally::default().with_page(&squares, &[many], now(), short).result(&squares);
        assert_eq!(result.verdict, Unknown);
        assert!(result.findings[0].evidence.contains("takes too long"), "{result:?}");
    }

    #[test]
    fn a_message_is_not_longer_than_a_line_of_ours() {
        let long =
            json!({"metadata": {"name": "b"}, "status": {"phase": "Failed", "text": "word ".repeat(1_000)}});
        let result = judge_own(&check("message = \"object.status.text\""), &[long], now());
        assert!(result.findings[0].message.len() < 300, "{result:?}");
    }

    #[test]
    fn wrong_settings_are_refused_when_they_are_read() {
        for (from, to, said) in [
            ("object.status.phase", "status.phase", "names `status`"),
            ("velero.io/v1", "velero.io", "api_version"),
            ("backups", "Backups!", "resource"),
            ("\"backups\"", "\"secrets\"", "secrets"),
            ("\"Backup\"", "\"back up\"", "kind"),
            ("\"backup-failed\"", "\" \"", "findings are known by it"),
        ] {
            let text = "name = \"backup-failed\"\nobjects = { api_version = \"velero.io/v1\", resource = \"backups\", kind = \"Backup\" }\n\
                        wrong = \"object.status.phase == 'Failed'\"\n";
            assert!(text.contains(from));
            let error = of_toml::<OwnCheck>(&text.replace(from, to)).expect_err(to).to_string();
            assert!(error.contains(said), "{to}: {error}");
        }
    }
}
