//! Whether a text asks for its work without reserve.
//!
//! Words such as `if`, `not` or `deferred` turn a title around wherever they stand: in it, in a tag or a note beside it, in
//! a heading or a list item above it. What is done without asking is done only where none of them is there; a word too
//! much costs a person a tick, a word too few costs a cluster. This list is not the wall: what a title may hold at all is
//! the business of [`super::asked`]. It says what was found, so that people are told more than that.

use super::read::heading_name;
use super::vocabulary::{ASKS, PHRASES, REFUSES, TIMES, WAITS, is_part_of_refusal};
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Why a title's work is not simply done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// A person's yes answers it.
    Yes,
    /// A person has to judge what is to be done at all.
    Judgement,
}

/// A reserve, with the words that make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reserve {
    /// How bad it is.
    pub(crate) doubt: Doubt,
    /// The word or sign.
    pub(crate) said: String,
}

impl Reserve {
    fn new(doubt: Doubt, said: &str) -> Self {
        Self { doubt, said: said.to_owned() }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

/// What is waited for after every change anyhow, so that it is no condition of the change.
static AFTERWARDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) (?: \b(?:and|then)\b | [,;(] ) \s* (?:then\s+)? wait \s+ (?:for|until) \s+
        (?: (?: the | all | every | its | it | argo | cd | argocd | flux | cluster | layers? | pods? | apps?
          | applications? | nodes? | ceph | rollout | roll | rolled | out | to | be | is | are | sync | synced
          | synchroni[sz]ation | health | healthy | health_ok | green | ready | finish | complete | completed | done
          | again | settle | settled | soak | minutes | [0-9]+ ) \b [\s/]* | and \s+ (?: healthy | green | ready | synced ) \b \s* )+
        (?: of \s+ \S+ \s* )? (?: $ | [;.)] | (?P<goes_on> , | \b(?:and|then)\b ) )",
    )
});

/// The text without what is waited for afterwards.
pub(crate) fn without_waits(text: &str) -> Cow<'_, str> {
    AFTERWARDS.replace_all(text, |found: &regex::Captures<'_>| {
        // What goes on behind it is judged as what it is.
        found.name("goes_on").map_or_else(|| " ".to_owned(), |on| format!(" {} ", on.as_str()))
    })
}

/// The words as they are compared, with how they are written.
pub(super) fn tokens(text: &str) -> Vec<(String, &str)> {
    text.split_whitespace()
        .filter(|word| !word.contains("://"))
        .flat_map(|word| word.split(|c: char| "()[]{},;:—–\"«»“”„".contains(c)))
        .map(|word| word.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '?' | '？' | '@'))))
        .filter(|word| !word.is_empty())
        .map(|word| (word.to_lowercase().replace(['’', '‘'], "'"), word))
        .collect()
}

/// A phrase of the list that a text holds, word by word.
pub(super) fn phrase(tokens: &[(String, &str)]) -> Option<&'static str> {
    tokens.iter().enumerate().find_map(|(at, (first, _))| {
        let stands = |phrase: &str| {
            let mut words = tokens[at..].iter().map(|(word, _)| word.as_str());
            phrase.split(' ').all(|word| words.next() == Some(word))
        };
        PHRASES.get(first.as_str())?.iter().copied().find(|phrase| stands(phrase))
    })
}

/// `dependency: Anna`: something that comes first and is no task.
static UNNAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:depend(?:s|ency|encies)|deps?|pre-?requisites?|pre-?reqs?)\s*:\s*[^\s,;)\]]+")
});

/// The reserve that a text makes, if any. Tasks that it names as what comes first are to be taken out before.
pub(crate) fn doubt(text: &str) -> Option<Reserve> {
    if let Some(icon) = icon(text) {
        return Some(Reserve::new(Doubt::Judgement, icon));
    }
    let text = without_waits(text);
    let tokens = tokens(&text);
    let any = |is: &dyn Fn(&str) -> bool| tokens.iter().find(|(word, _)| is(word)).map(|(_, said)| *said);
    if let Some(phrase) = phrase(&tokens) {
        return Some(Reserve::new(Doubt::Judgement, phrase));
    }
    let asks = tokens.iter().find(|(word, _)| word.contains(['?', '？']) || is_choice(word));
    let refuses = any(&|word| REFUSES.contains(word)).or(asks.map(|(_, said)| *said));
    let hyphenated = || tokens.iter().find(|(word, _)| is_part_of_refusal(word)).map(|(_, said)| *said);
    if let Some(said) = refuses.or_else(hyphenated) {
        return Some(Reserve::new(Doubt::Judgement, said));
    }
    if let Some(said) = any(&|word| ASKS.contains(&word)) {
        return Some(Reserve::new(Doubt::Yes, said));
    }
    if let Some(said) = UNNAMED.find(&text) {
        return Some(Reserve::new(Doubt::Yes, said.as_str()));
    }
    let time = tokens.iter().find(|(word, _)| is_time(word)).map(|(_, said)| *said);
    let mention =
        tokens.iter().find(|(word, _)| word.starts_with('@') && word.len() > 1).map(|(_, said)| *said);
    let said = any(&|word| WAITS.contains(word)).or(time).or(mention)?;
    Some(Reserve::new(Doubt::Judgement, said))
}

/// `merge/close`, `and/or`: what is to be done is left open.
pub(super) fn is_choice(word: &str) -> bool {
    let mut parts = word.split('/');
    word.contains('/')
        && parts.any(|part| matches!(part, "merge" | "close" | "skip" | "hold" | "wait" | "defer" | "or"))
}

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}\.[0-9]{1,2}\.20[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/20[0-9]{2}|[0-9]{1,2}(?:am|pm))$",
    )
});

fn is_time(word: &str) -> bool {
    TIMES.contains(&word) || DATE.is_match(word)
}

/// Signs that say no, or not yet. A warning sign says only that something matters.
const ICONS: &[&str] = &[
    "❌",
    "🚫",
    "⛔",
    "⏸",
    "🛑",
    "✋",
    "❎",
    "🙅",
    "🚧",
    "❓",
    "❔",
    "🤔",
    "💡",
    "💤",
    "👎",
    ":x:",
    ":no_entry:",
    ":no_entry_sign:",
    ":stop_sign:",
    ":octagonal_sign:",
    ":construction:",
    ":question:",
    ":thinking:",
    ":pause_button:",
    ":double_vertical_bar:",
    ":bulb:",
    ":zzz:",
    ":-1:",
    ":thumbsdown:",
    ":raised_hand:",
];

/// A sign in a text that says no.
pub(crate) fn icon(text: &str) -> Option<&'static str> {
    // Most lines have neither a sign nor a name of one.
    let may = !text.is_ascii() || text.contains(':');
    ICONS.iter().copied().filter(|_| may).find(|icon| text.contains(icon))
}

/// Headings that only name what is below them, however their words look.
static TO_DO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\bnot (?:yet )?(?:started|done|finished)\b|\bto be done\b|\bpending(?: (?:tasks?|items?|updates?|actions?|work|merges?|prs?))?\b",
    )
});
static NEXT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:next (?:week|month|year|quarter|sprint|window|time|maintenance|release|weekend|run|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|tomorrow|tonight)\b",
    )
});
static SET_ASIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b(?: plan\ b | rollback(?: \s+ plans? )? | contingency | contingencies | (?: previous | last | earlier ) \s+ (?: maintenance | runs? | time )
        | legend | how \s+ to | instructions? | ^ formats? $ | templates? \s+ for | vorlagen? | beispiele? | old \s+ (?: tasks? | items? )
        | snoozed? | unapproved | suggestions? | stalled | muted | abort(?:ed)? | irreversible | destructive | original \s+ (?:list|request) | needs? \s+ .* \s+ first
        | would\ be | dry\ runs? | failed | unsafe | disallowed | non\ goals? | pick\ (?: one | two | any ) | (?: one | either | any ) \ of \ (?: these | the | them ) | options? \s* (?: [0-9]{1,2} | [a-d] ) | choose | alternatives? | low\ confidence | graveyard | stretch | unplanned | plus\ tard | más\ tarde
        | examples? | samples? | ideas? | backlog | someday | parked | parking\ lot | icebox | wish[\s-]?list | proposals? | discussions? | discuss
        | questions? | manual | manually | humans? | hands[\s-]on | optional | nice\ to\ have | drafts? | wip | decisions?
        | decide | won'?t | future | out\ of\ scope | (?:for|to|needs|under|in)\ review | approvals? | if | unless
        | maybe ) \b | ^ \W* (?: (?:task|issue|body) \s+ )? templates? \W* $ | ^ \W* (?: old | n/a | no | nein | non | upcoming ) \W* $ | ^ \W* (?: review | evaluate | consider | triage ) \b (?: [^m] | m[^e] )* $",
    )
});
static OVER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) ^ \W* (?: already | all )? \s* (?: done | completed | finished | resolved | archived? | history | erledigte?s? | abgeschlossen ) (?: \s+ (?: tasks? | items? | actions? ) )? \W* $",
    )
});

/// A heading that is a time and nothing else: what stands below it waits for that.
static ONLY_A_TIME: LazyLock<Regex> = LazyLock::new(|| {
    let name = r"mon(?:day)? | tue(?:s(?:day)?)? | wed(?:nesday)? | thu(?:rs(?:day)?)? | fri(?:day)? | sat(?:urday)? | sun(?:day)?
        | jan(?:uary)? | feb(?:ruary)? | mar(?:ch)? | apr(?:il)? | may | june? | july? | aug(?:ust)? | sep(?:t(?:ember)?)? | oct(?:ober)?
        | nov(?:ember)? | dec(?:ember)? | at | on | in | by | from | to | and | the | of | utc | cet | cest | am | pm | morning | evening | night";
    let figure = r"[0-9]{1,2}[:.][0-9]{2} | 20[0-9]{2}-[0-9]{1,2}(?:-[0-9]{1,2})? | 20[0-9]{2} | [0-9]{1,2}\.(?:[0-9]{1,2}\.(?:20[0-9]{2})?)?
        | [0-9]{1,2}(?:st|nd|rd|th)? | q[1-4] | [0-9]{1,2}(?:am|pm)";
    pattern(&format!(
        r"(?ix) ^ [\s,–—-]* (?: (?:{name}) [\s,–—-]+ )* (?:{figure}) (?: [\s,–—-]+ (?: {name} | {figure} ) )* [\s,:–—-]* $"
    ))
});
static HYPHEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<before>\p{Alphabetic})-(?P<behind>\p{Alphabetic})"));
/// `cert-manager`, `alert-manager`: the name of a program, not of somebody.
static MANAGER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?P<whose>\p{Alphabetic}+)-manager\b"));

/// A text with its hyphens as blanks, but for those in the names of programs.
fn hyphens_apart(text: &str) -> Cow<'_, str> {
    if !text.contains('-') {
        return Cow::Borrowed(text);
    }
    let is_a_program = |whose: &str| matches!(whose.to_lowercase().as_str(), "cert" | "alert" | "controller");
    // A hyphen that does not break joins what it stands between.
    let names = MANAGER.replace_all(text, |found: &regex::Captures<'_>| {
        let sign = if is_a_program(&found["whose"]) { '\u{2011}' } else { ' ' };
        found[0].replacen("-manager", &format!("{sign}manager"), 1).replacen(
            "-Manager",
            &format!("{sign}Manager"),
            1,
        )
    });
    Cow::Owned(HYPHEN.replace_all(&names, "$before $behind").into_owned())
}

/// Words of languages that put no blanks between them: deferred, on hold, rejected, not.
static FAR_EAST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "推迟|暂停|暂缓|拒绝|不要|搁置|延期|禁止|延後|暫停|保留|完了|已完成|完成|延期|却下|見送り|보류|연기|거부",
    )
});

/// A month and nothing else.
static ONLY_A_MONTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(?:in\s+)?(?:january|february|march|april|may|june|july|august|september|october|november|december)\W*$",
    )
});

/// `For Anna`, `Assigned: Anna`: one name, which is no thing that is updated.
static FOR_SOMEBODY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\W*(?i:for)\s+(?P<name>\p{Lu}\p{Ll}+)\W*$|(?i)^\W*(?:assigned|assignee)\b"));

/// Whether a text is written in signs of which each is a word or a syllable: none of its words is known here.
pub(super) fn is_of_the_far_east(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
    })
}

/// Whether a heading, or the label above nested boxes, says what is done only if something goes wrong: its words, as
/// [`heading_name`] makes them.
pub(super) fn is_a_contingency(name: &str) -> bool {
    // `Rollback of last week's upgrade` is work.
    let bare = ["plan", "plans", "procedure", "procedures", "steps", "strategy", "instructions", "checklist"]
        .iter()
        .find_map(|kind| name.strip_suffix(kind))
        .unwrap_or(name);
    // An emergency alone is what the work is about.
    let of_an_emergency = bare != name && bare.trim() == "emergency";
    of_an_emergency
        || matches!(
            bare.trim(),
            "rollback"
                | "roll back"
                | "rolling back"
                | "back out"
                | "backout"
                | "backing out"
                | "fallback"
                | "fall back"
                | "contingency"
                | "disaster recovery"
                | "if something goes wrong"
                | "if things go wrong"
                | "if it fails"
                | "if this fails"
                | "if fails"
                | "on failure"
                | "on failures"
                | "on error"
                | "on errors"
                | "in case of failure"
                | "in an emergency"
        )
}

/// The reserve that a heading, or a line that opens a list, makes for what stands below it.
pub(crate) fn above(text: &str) -> Option<Reserve> {
    if is_a_contingency(&heading_name(text)) {
        return Some(Reserve::new(Doubt::Judgement, text.trim()));
    }
    if let Some(icon) = icon(text) {
        return Some(Reserve::new(Doubt::Judgement, icon));
    }
    if FAR_EAST.is_match(text) {
        return Some(Reserve::new(Doubt::Judgement, text.trim()));
    }
    if let Some(found) = FOR_SOMEBODY.captures(text) {
        let name = found.name("name").map(|name| name.as_str());
        let is_a_thing = name.is_some_and(|name| {
            super::vocabulary::is_of_an_update(&name.to_lowercase()) || super::levels::layers(name).is_some()
        });
        if !is_a_thing {
            return Some(Reserve::new(Doubt::Yes, text.trim()));
        }
    }
    if ONLY_A_TIME.is_match(text) || ONLY_A_MONTH.is_match(text) {
        return Some(Reserve::new(Doubt::Yes, text.trim()));
    }
    let plain = text.replace(['’', '‘'], "'");
    // `Non-goals` and `Dry-run` are `Non goals` and `Dry run`; a date stays one.
    let plain = hyphens_apart(&plain);
    let text = TO_DO.replace_all(&plain, " ");
    let whole = [&*NEXT, &*SET_ASIDE, &*OVER].into_iter().find_map(|pattern| pattern.find(&text));
    if let Some(found) = whole {
        return Some(Reserve::new(Doubt::Judgement, found.as_str().trim()));
    }
    let tokens = tokens(&text);
    if let Some(phrase) = phrase(&tokens) {
        return Some(Reserve::new(Doubt::Judgement, phrase));
    }
    // Headings name kinds (`patch or minor`) and places in the order of work (`before the merges`, `required`).
    let names = [
        "or",
        "before",
        "following",
        "prior",
        "needs",
        "need",
        "needed",
        "requires",
        "required",
        "must",
        "should",
    ];
    let found = tokens.iter().find(|(word, _)| {
        let word = word.as_str();
        (REFUSES.contains(word) || WAITS.contains(word)) && !names.contains(&word) && word != "after"
            || word.contains(['?', '？'])
            || is_choice(word)
    });
    if let Some((_, said)) = found {
        return Some(Reserve::new(Doubt::Judgement, said));
    }
    let after = tokens.iter().position(|(word, _)| word == "after")?;
    let plain = tokens[after + 1..].iter().all(|(word, _)| is_of_the_order(word));
    (!plain).then(|| Reserve::new(Doubt::Judgement, tokens[after].1))
}

/// Whether somebody speaks of themselves, or asks for something: then the line is no description.
pub(crate) fn speaks(text: &str) -> Option<Reserve> {
    let found = tokens(text).into_iter().find(|(word, _)| {
        matches!(
            word.as_str(),
            "i" | "i'd"
                | "i'll"
                | "we"
                | "we'll"
                | "me"
                | "my"
                | "us"
                | "please"
                | "let"
                | "first"
                | "careful"
                | "carefully"
                | "testing"
                | "investigating"
        )
    })?;
    Some(Reserve::new(Doubt::Yes, found.1))
}

/// Words with which a heading says where in the order its tasks come: `Everything after P0`.
fn is_of_the_order(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit())
        || matches!(
            word,
            "the"
                | "all"
                | "every"
                | "each"
                | "these"
                | "this"
                | "that"
                | "maintenance"
                | "upgrade"
                | "upgrades"
                | "update"
                | "updates"
                | "merge"
                | "merges"
                | "change"
                | "changes"
                | "phase"
                | "step"
                | "tasks"
                | "task"
                | "work"
                | "main"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_turn_a_title_around_are_seen_anywhere() {
        use Doubt::{Judgement, Yes};
        for (title, expected) in [
            ("Merge PR #12 grafana 11.2.0 → 11.3.0 and wait for sync", None),
            ("Merge PR #12; wait for ArgoCD sync; run universal validation gate", None),
            ("Merge PR #12, then wait until all layers are GREEN", None),
            ("Merge PR #12 and wait for the rollout of grafana", None),
            ("Merge PR #12, wait for ArgoCD sync and run the gate", None),
            ("Merge PR #12 only-office/documentserver to 8.1", None),
            ("Merge PR #12 after A1", None),
            ("Merge PR #12 after task A1", None),
            ("Merge PR #12 after B1-B3 and b4", None),
            ("Close #12 (https://example.org/?a=b)", None),
            ("Merge PR #12 and wait for the owner", Some(Judgement)),
            ("Merge PR #12, wait for sync and wait for the owner", Some(Judgement)),
            ("Merge PR #12 after the backup", Some(Judgement)),
            ("Merge PR #15? Ask the owner first", Some(Judgement)),
            ("Merge PR #12 (maybe)", Some(Judgement)),
            ("Don’t merge PR #12", Some(Judgement)),
            ("merge/close PR #12", Some(Judgement)),
            ("Close #24 (do not close before release)", Some(Judgement)),
            ("Merge PR #9 only when the owner says yes", Some(Judgement)),
            ("Merge PR #9 only if the notes are harmless", Some(Yes)),
            ("Merge PR #9 when approved", Some(Yes)),
            ("Merge PR #9 if approved, or defer it", Some(Judgement)),
            ("Merge PR #9 - DEFERRED", Some(Judgement)),
            ("Merge PR #9 (blocked by upstream bug)", Some(Judgement)),
            ("Merge PR #9 - postponed", Some(Judgement)),
            ("Merge PR #9 [skipped]", Some(Judgement)),
            ("Merge PR #9, cancelled", Some(Judgement)),
            ("Merge PR #9 manually by hand", Some(Judgement)),
            ("Merge PR #9 (needs backup first)", Some(Judgement)),
            ("Merge PR #9 (needs human sign-off)", Some(Judgement)),
            ("Merge PR #9 subject to review by the operator", Some(Judgement)),
            ("Merge PR #9 (superseded by #18)", Some(Judgement)),
            ("WIP: Merge PR #9", Some(Judgement)),
            ("Merge PR #9 (rejected by the operator)", Some(Judgement)),
            ("Merge PR #9 - no longer needed", Some(Judgement)),
            ("Merge PR #9 in case it is green", Some(Judgement)),
            ("Merge PR #9 following a verified backup", Some(Judgement)),
            ("Merge PR #9 next week", Some(Judgement)),
            ("Merge PR #9 on 2026-12-01", Some(Judgement)),
            ("Merge PR #9 nicht", Some(Judgement)),
            ("Merge PR #9 nur nach Freigabe", Some(Judgement)),
            ("Merge PR #9 falls genehmigt", Some(Judgement)),
            ("Merge PR #9 si approuvé", Some(Judgement)),
            ("Merge PR #9 (unapproved)", Some(Judgement)),
            ("Merge PR #9 (do-not-merge)", Some(Judgement)),
            ("❌ Merge PR #9", Some(Judgement)),
            ("Merge PR #9 - ask @operator", Some(Judgement)),
            ("Merge PR #9 (renovate/grafana@11.2.0)", None),
        ] {
            let title = super::super::named::without_ids(title);
            assert_eq!(doubt(&title).map(|reserve| reserve.doubt), expected, "{title}");
        }
    }

    #[test]
    fn headings_that_say_no_are_heard() {
        for text in [
            "Deferred (do not merge)",
            "Blocked",
            "On hold until the new disks are in",
            "If approved",
            "Needs approval",
            "Manual tasks (humans only)",
            "Won't do",
            "❌ Rejected",
            "💡 Ideas",
            "Backlog",
            "Next week",
            "For review",
            "Review these",
            "Open questions?",
            "After the owner has agreed",
            "Do not do these:",
            "Waiting for upstream",
            "Not now",
            "Parking lot",
            "Completed ✅",
            "Optional",
            "Zurückgestellt",
            "Plan B",
            "Rollback plan",
            "Contingency",
            "Template",
            "Previous maintenance",
            "Would be",
            "Dry-run",
            "Failed",
            "Unsafe",
            "Disallowed",
            "Out-of-scope",
            "Nice-to-have",
            "Non-goals",
            "On-hold",
            "Pick one",
            "Alternatives",
            "Low confidence",
            "N/A",
            "Nein",
            "Graveyard",
            "In 2027",
            "Saturday 22:00",
            "2027-01",
            "5 January",
            "Legend",
            "How to use",
            "Instructions",
            "Format",
            "Template for tasks",
            "Vorlage",
            "Beispiel",
            "Old tasks",
            "Previous run",
            "Erledigt",
            "Next Saturday",
            "December",
            "Snoozed",
            "Unapproved",
            "Suggestions",
            "Needs backup first",
            "For Anna",
            "Assigned: Anna",
            "Auf Eis",
            "Différé",
            "En espera",
            "Rechazado",
            "Rinviato",
            "In attesa",
            "Uitgesteld",
            "Odłożone",
            "Adiado",
            "Отложено",
            "推迟",
        ] {
            assert!(above(text).is_some(), "{text}");
        }
        for text in [
            "Action Items (Tasks)",
            "[Maintenance] 2026-03-31 - Homelab",
            "Homelab Maintenance Report - 2025-12-09 Evening Update",
            "Phase B: Critical (P0)",
            "High Priority Tasks (do these first)",
            "Not started",
            "Pending",
            "Pending updates",
            "Patch or minor updates",
            "Everything after P0",
            "After the maintenance",
            "Before the merges",
            "Required",
            "Afterwards",
            "Next steps",
            "Review and merge",
            "🟡 System Layer - YELLOW",
            "Final Validation",
            "Week 47",
            "For Apps",
            "For Renovate",
            "Approved",
            "Updates",
            "Renovate PRs",
            "Thursday night",
            "Grafana",
            "App-template updates",
            "Non-major updates",
            "Phase 2",
            "1. Updates",
            "2. Closing",
            "P1",
        ] {
            assert_eq!(above(text), None, "{text}");
        }
    }
}
