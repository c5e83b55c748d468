//! How people name the tasks that theirs waits for: `A1`, `b1`, `B1-B3`, `A1 / B2 & C3`, `PR #8`, and words that name none.

use super::vocabulary::{is_afterwards, is_work};
use crate::forge::PullNumber;
use regex::Regex;
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

/// One of those that a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A task by its id, as written.
    Id(String),
    /// Whatever is done about a pull request.
    Pull(PullNumber),
    /// Something that is no task.
    Words(String),
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => formatter.write_str(id),
            Self::Pull(pull) => write!(formatter, "PR #{pull}"),
            Self::Words(words) => formatter.write_str(words),
        }
    }
}

/// A range of more tasks than this is no list that somebody made.
const MOST_OF_A_RANGE: u32 = 64;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

const ONE: &str = r"(?: tasks? \s+ )? (?: [A-Za-z]{1,8}-?[0-9]{1,4} (?: [a-z] | \.[0-9]{1,3} )? | [0-9]{1,3}\.[0-9]{1,3} ) \b";
const PULL: &str =
    r"(?: tasks? \s+ )? (?: (?: prs? | pull \s+ requests? | mr ) \s* [\#!]? [0-9]+ | [\#!][0-9]+ ) \b";
const MERGE_OF: &str = r"(?: (?: the \s+ )? merg(?:e|ing) \s+ (?: of \s+ )? )?";
const JOIN: &str =
    r"\s* (?: , \s* (?: and | or )? | / | & | \+ | - | – | — | \.\. | \b(?:to | through | and | or)\b ) \s*";
const ENDED: &str = r"(?: (?: \s+ (?: is | are | has | have ) (?: \s+ been )? )? \s+ (?: done | merged | finished | completed? | closed | ended | green ) \b )?";

/// Words behind which only tasks stand that come before.
const WAITS: &str = r"after | requires? | needs? | (?: depend(?:s|ing|ent)? | relies | builds ) [\s-]+ (?:up)?on | depend(?:s|ency)? \s* : | deps? \s* : | pre-?req(?:uisite)?s? \s* : | predecessors? \s* : | gated \s+ by | contingent \s+ (?:up)?on | blocked[\s-]+by | comes \s+ after | follows";

/// `after A1 and A2`, `needs b1`, `blocked by: B1`, `after PR #8`, `← A2`.
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix) \b (?: (?: once | following | wait(?:s|ing)? \s+ (?:for|on) | {WAITS} )
            \s* :? \s* (?P<ids> {ONE} (?: {JOIN} {ONE} )* ) {ENDED}
        | (?: {WAITS} )
            \s* :? \s* {MERGE_OF} (?P<pulls> (?: {ONE} | {PULL} ) (?: {JOIN} (?: {ONE} | {PULL} ) )* ) {ENDED} )
        | (?: ← | ⇐ | <- ) \s* (?P<arrow> (?: {ONE} | {PULL} ) (?: {JOIN} (?: {ONE} | {PULL} ) )* ) {ENDED}"
    ))
});

/// `before A2`.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix) \b (?: (?P<time> before | prior \s+ to ) | blocks | blocking | required \s+ (?:by|for) | needed \s+ (?:by|for) | prerequisite \s+ (?:of|for) ) \s* :? \s* {MERGE_OF} (?P<ids> (?: {ONE} | {PULL} ) (?: {JOIN} (?: {ONE} | {PULL} ) )* )"
    ))
});

/// So many bytes around a name are asked for more that comes first.
const NEAR: usize = 80;

/// A time that passes.
const TIMES: &str = r"(?: hours? | hrs? | h | days? | d | minutes? | min | weeks? | months? | mornings? | nights? | evenings? | weekends? )";

/// `24h after A1`, `a couple of days after A1`: a time that passes first.
static LEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix) \b (?: (?: [0-9]{{1,3}} \s* | (?: an? | the | one | two | three | four | five | six | some | few | several | couple \s+ of | next ) \s+ )+ {TIMES}
            | long | well | shortly | soon ) \s* $"
    ))
});

/// `after A1 + 1 day`, `after A1 (24h soak)`, `after A1, Anna`: more that comes first.
static MORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?x) ^ \s* (?: (?: \( \s* )? (?: \+ \s* [^,;)]+ | ,? \s* (?i: [0-9]{{1,3}} \s* {TIMES} ) \b [^,;)]* | (?i: soak ) [^,;)]* )
            | (?: , | / | then | with ) \s* \p{{Lu}} \p{{Ll}}+ \s* (?: $ | [,;)] )
            | (?: is | are | has | have | proves? | stays? | runs? ) \b [^,;)]*
            | (?: \( \s* )? (?: and | plus ) \s+ (?: the \s+ )? (?P<word> [\p{{Alphabetic}}]+ ) [^,;)]* )"
    ))
});

/// `A1 (24h)`, `A1 plus one day`: a time beside a name.
static BESIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?ix) [0-9] \s* (?: h | d | hrs? | min ) \b | \b {TIMES} \b | \b soak"))
});

/// What turns a clause around.
static NEGATED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:not|never|none|nothing|nobody|cannot|can[’']t|don[’']t|mustn[’']t)\b")
});

/// A text, what it says of the order of tasks taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken<'t> {
    /// What is left.
    pub(crate) rest: Cow<'t, str>,
    /// What it says comes before, clause by clause.
    pub(crate) after: Vec<String>,
    /// Before what it says that it comes.
    pub(crate) before: Vec<String>,
}

/// Whether another task stands directly before what a text says of the order: `A2 depends on A1` is about A2.
pub(crate) fn has_subject(text: &str) -> bool {
    static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"(?ix) \b (?: [A-Z]{{1,8}}-?[0-9]{{1,4}}[a-z]? | {PULL} )
              (?: [\s,(]+ (?: which | that | also | must | should | has | to | is | be | done | it ) )* [\s,(]+
              (?: {WAITS} | waits? \s+ (?:for|on) ) \b"
        ))
    });
    SUBJECT.is_match(text)
}

impl Taken<'_> {
    /// Whether it says nothing of an order.
    pub(crate) fn is_empty(&self) -> bool {
        self.after.is_empty() && self.before.is_empty()
    }
}

/// Takes out of a text what it says of the order of tasks. Whoever judges the rest has to see to what was taken out.
pub(crate) fn take(text: &str) -> Taken<'_> {
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return Taken { rest: Cow::Borrowed(text), after: Vec::new(), before: Vec::new() };
    }
    let ids = |pattern: &Regex, text: &str| -> Vec<String> {
        pattern
            .captures_iter(text)
            .filter_map(|found| {
                found.name("ids").or_else(|| found.name("pulls")).or_else(|| found.name("arrow"))
            })
            .map(|found| found.as_str().to_owned())
            .collect()
    };
    let mut after = ids(&AFTER, text);
    for found in AFTER.find_iter(text) {
        // What belongs to a name stands close to it, and a text may hold many names.
        let near = text.floor_char_boundary(found.start().saturating_sub(NEAR));
        let far = text.floor_char_boundary((found.end() + NEAR).min(text.len()));
        let lead = LEAD.find(&text[near..found.start()]).map(|lead| lead.as_str());
        let more = MORE.captures(&text[found.end()..far]).filter(|more| {
            // `after A1 and wait for the sync` says what is done then.
            !more.name("word").is_some_and(|word| {
                let word = word.as_str().to_lowercase();
                is_afterwards(&word) || is_work(&word)
            })
        });
        let more = more.and_then(|more| more.get(0)).map(|more| more.as_str());
        after.extend([lead, more].into_iter().flatten().map(|words| words.trim().to_owned()));
    }
    let rest = AFTER.replace_all(text, " ");
    let mut before = Vec::new();
    let mut left = String::new();
    // Where what has been read of a text ends, and what the clause up to there says.
    let (mut at, mut clause) = (0, Clause::default());
    for found in BEFORE.captures_iter(&rest) {
        let (Some(whole), Some(named)) = (found.get(0), found.name("ids")) else { continue };
        let between = &rest[at..whole.start()];
        clause.read(between);
        let is_an_order = found.name("time").is_some();
        let denied = if is_an_order { None } else { denied(between, whole.as_str()) };
        let kept = denied.unwrap_or(between.len());
        left.push_str(&between[..kept]);
        left.push(' ');
        at = whole.end();
        // `Do not merge these before A4` says that they come after it.
        if is_an_order && clause.negated && !clause.forgets {
            after.push(named.as_str().to_owned());
        } else if denied.is_none() {
            before.push(named.as_str().to_owned());
        }
    }
    let rest = if at == 0 {
        rest
    } else {
        left.push_str(&rest[at..]);
        Cow::Owned(left)
    };
    Taken { rest, after, before }
}

/// What has been read of the clause that a text has reached. It is read on from name to name: a text may hold many.
#[derive(Debug, Default)]
struct Clause {
    negated: bool,
    forgets: bool,
}

impl Clause {
    fn read(&mut self, text: &str) {
        let last = text.rfind(['.', ';', '!', '?', '\n']);
        if last.is_some() {
            *self = Self::default();
        }
        let rest = &text[last.map_or(0, |last| last + 1)..];
        self.negated |= NEGATED.is_match(rest);
        self.forgets |= rest.contains("forget");
    }
}

/// `A reboot is not | needed for A2`, `nothing here | blocks A2`: where what denies such words begins in the text before
/// them.
fn denied(text: &str, words: &str) -> Option<usize> {
    static DENIED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix) (?: \b (?: not | never | no \s+ longer | (?: is | are | was | were | do | does ) n[’']t )
                    (?: \s+ (?: really | strictly | actually | currently | a | an | the | be ) )*
                | \b (?: is | are | was | were ) \s+ no
                | (?: ^ | [.;:!?,] ) \s* (?: nothing | none | (?P<no> no ) ) (?: \s+ \p{Alphabetic} [\p{Alphabetic}-]* ){0,4}
            ) \s* $",
        )
    });
    // `No backup exists that is needed for A2` denies the backup.
    static RELATIVE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?i)\b(?:which|that|who|what|and|but|or|yet|until|before|has|have|had|without)\b")
    });
    let near = text.ceil_char_boundary(text.len().saturating_sub(NEAR));
    let found = DENIED.captures_at(text, near)?;
    let whole = found.get(0)?;
    // `No answer of the vendor blocks A2`: that is what blocks it.
    let blocks = found.name("no").is_some() && words.to_lowercase().starts_with("block");
    (!blocks && !RELATIVE.is_match(whole.as_str())).then_some(whole.start())
}

/// A title without the tasks that it names as what comes before or after it, which are seen to where its draft is made.
pub(crate) fn without_ids(title: &str) -> Cow<'_, str> {
    take(title).rest
}

static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b ([A-Z]{1,8}-?) ([0-9]{1,4}) \s* (?: - | – | — | \.\. | \bto\b | \bthrough\b ) \s* ([A-Z]{1,8}-?)? ([0-9]{1,4}) \b",
    )
});
static PULLS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:\b(?:prs?|pulls?|pull\s+requests?|mr)\s*[#!]?|[#!])([0-9]{1,9})\b"));
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:[A-Za-z]{1,8}-?[0-9]{1,4}(?:[a-z]|\.[0-9]{1,3})?|[0-9]{1,3}\.[0-9]{1,3})$")
});
static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)[,;/&+\n]|\band\b|\bor\b"));

/// Whether a text names tasks by the first and the last of them.
pub(crate) fn names_a_range(text: &str) -> bool {
    RANGE.is_match(text)
}

/// Whether a word is written as ids are.
pub(crate) fn is_like_an_id(word: &str) -> bool {
    FORM.is_match(word)
}

/// What a text names, part by part; `None` and its likes are nothing.
pub(crate) fn parts(text: &str, knows: impl Fn(&str) -> bool) -> Vec<Named> {
    let mut found = Vec::new();
    let mut rest = String::new();
    let mut at = 0;
    for range in RANGE.captures_iter(text) {
        let Some(whole) = range.get(0) else { continue };
        if knows(whole.as_str()) {
            continue;
        }
        let part = |at: usize| range.get(at).map_or("", |part| part.as_str());
        let number = |at: usize| part(at).parse::<u32>().unwrap_or(0);
        let (first, last) = (number(2), number(4));
        let same = part(3).is_empty() || part(3).eq_ignore_ascii_case(part(1));
        if same && first < last && last - first <= MOST_OF_A_RANGE {
            found.extend((first..=last).map(|number| Named::Id(format!("{}{number}", part(1)))));
            rest.push_str(&text[at..whole.start()]);
            at = whole.end();
        }
    }
    rest.push_str(&text[at..]);
    for part in SEPARATOR.split(&rest) {
        one(part, &knows, &mut found);
    }
    found
}

fn one(part: &str, knows: &impl Fn(&str) -> bool, found: &mut Vec<Named>) {
    let part = part.trim().trim_end_matches('.').trim();
    let lower = part.to_lowercase();
    if matches!(
        lower.as_str(),
        "" | "none"
            | "-"
            | "–"
            | "—"
            | "n"
            | "a"
            | "na"
            | "nothing"
            | "no"
            | "nobody"
            | "not required"
            | "not needed"
            | "✅"
            | "yes"
            | "done"
    ) || !part.contains(char::is_alphanumeric)
    {
        return;
    }
    let before = found.len();
    let tokens = || {
        part.split(|c: char| c.is_whitespace() || "()[]{}:*`\"'".contains(c))
            .map(|token| token.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|token| !token.is_empty())
    };
    found.extend(tokens().filter(|token| knows(token)).map(|token| Named::Id(token.to_owned())));
    if found.len() == before {
        found.extend(
            PULLS
                .captures_iter(part)
                .filter_map(|pull| pull.get(1)?.as_str().parse().ok())
                .map(|pull| Named::Pull(PullNumber(pull))),
        );
    }
    if found.len() == before {
        // Only what stands first is meant as one: `K8s is up` is not.
        let first = tokens().find(|token| !matches!(token.to_lowercase().as_str(), "task" | "tasks" | "the"));
        found.extend(first.filter(|token| FORM.is_match(token)).map(|token| Named::Id(token.to_owned())));
    }
    let says_more = super::condition::doubt(&lower.replace(['[', ']'], " ")).is_some();
    let times = found.len() > before && tokens().count() > 1 && BESIDE.is_match(part);
    if found.len() == before || times || says_more && tokens().count() > 1 {
        found.push(Named::Words(part.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        parts(text, |id| matches!(id.to_lowercase().as_str(), "a1" | "b1" | "b2" | "b3" | "chg-001"))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_a_text_names() {
        for (text, expected) in [
            ("A1", &["A1"][..]),
            ("b1", &["b1"]),
            ("B1-B3", &["B1", "B2", "B3"]),
            ("B1–3, A1", &["B1", "B2", "B3", "A1"]),
            ("B1 / B2 & A1", &["B1", "B2", "A1"]),
            ("PR #8", &["PR #8"]),
            ("#8 and pull request 9", &["PR #8", "PR #9"]),
            ("CHG-001 (the backup)", &["CHG-001"]),
            ("X9", &["X9"]),
            ("None", &[]),
            ("N/A", &[]),
            ("somebody's sign-off", &["somebody's sign-off"]),
            ("Backup taken, A1", &["Backup taken", "A1"]),
            ("A1, if the owner agrees", &["A1", "if the owner agrees"]),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn titles_name_what_comes_before_and_after() {
        for (title, after, before) in [
            ("Merge PR #5 after A1 and A2", &["A1 and A2"][..], &[][..]),
            ("Merge PR #5 after X9", &["X9"], &[]),
            ("Fix it (depends on B1 / B2)", &["B1 / B2"], &[]),
            ("Fix it, needs B1 & B3", &["B1 & B3"], &[]),
            ("Fix it [blocked by: B1]", &["B1"], &[]),
            ("Fix it before A2", &[], &["A2"]),
            ("Merge PR #9 after PR #8", &["PR #8"], &[]),
            ("Merge PR #9 after the backup", &[], &[]),
            ("Merge PR #9 (dep: B1)", &["B1"], &[]),
            ("Merge PR #9 (prereq: B1, B2)", &["B1, B2"], &[]),
            ("Merge PR #9 ← B1", &["B1"], &[]),
            ("Merge PR #9 [depends: B1]", &["B1"], &[]),
            ("Merge PR #9, dependency: B1", &["B1"], &[]),
            ("Merge PR #9 | depends-on: B1", &["B1"], &[]),
            ("Merge PR #9 (relies on B1)", &["B1"], &[]),
            ("Merge #9 after #8", &["#8"], &[]),
            ("Merge PR #9, depends on the merge of #8", &["#8"], &[]),
            ("Merge PR #9 which builds on PR #8 and #7", &["PR #8 and #7"], &[]),
            ("Merge PR #9, gated by B1", &["B1"], &[]),
            ("Merge PR #9: update dep v2", &[], &[]),
        ] {
            let Taken { after: found_after, before: found_before, .. } = take(title);
            assert_eq!(
                (&found_after[..], &found_before[..]),
                (
                    &after.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..],
                    &before.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]
                ),
                "{title}"
            );
        }
    }
}
