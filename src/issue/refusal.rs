//! Whether a text that only describes something says no to the work all the same.
//!
//! `Context: the old chart blocks logins when it restarts` describes, `Context: do not merge this yet` does not. A description
//! holds many of the words that turn a title around, so it is judged by fewer of them: those that refuse whatever they
//! are about, and the others where the text speaks of the work itself.

use super::condition::{Doubt, Reserve, icon, is_choice, phrase, tokens, without_waits};
use super::vocabulary::{REFUSES, TIMES, WAITS, is_a_fault, is_of_the_work, is_part_of_refusal};

/// How freely a text may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// What is to come of the work: `nobody waits for what is done`.
    Goal,
    /// Anything else that is told of it.
    Told,
}

/// Phrases that are heard of what is broken as well.
const OF_FAULTS: &[&str] = &["no longer", "no need", "in case", "go ahead"];

/// A text of so many words at most is no sentence.
const CURT: usize = 4;

/// So many words may stand between a `not` and what is not to be done.
const REACH: usize = 5;

/// The reserve that a description makes, if any.
pub(super) fn in_passing(text: &str, tone: Tone) -> Option<Reserve> {
    let reserve = |doubt, said: &str| Some(Reserve { doubt, said: said.to_owned() });
    if let Some(icon) = icon(text).filter(|icon| tone == Tone::Told || *icon != "💡") {
        return reserve(Doubt::Judgement, icon);
    }
    let text = without_waits(text);
    let tokens = tokens(&text);
    let is_heard =
        |phrase: &&str| !OF_FAULTS.contains(phrase) && (tone == Tone::Told || !phrase.starts_with("next "));
    if let Some(phrase) = phrase(&tokens).filter(is_heard) {
        return reserve(Doubt::Judgement, phrase);
    }
    let find = |tells: &dyn Fn(&str) -> bool| {
        tokens.iter().find(|(word, _)| tells(word)).map(|(_, said)| (*said).to_owned())
    };
    let refuses = find(&|word| {
        REFUSES.contains(word) && !is_a_fault(word) && !is_a_negation(word)
            || is_choice(word)
            || is_part_of_refusal(word) && !is_of_a_state(word)
    });
    if let Some(said) = refuses {
        return reserve(Doubt::Judgement, &said);
    }
    if let Some(said) = negated(&tokens) {
        return reserve(Doubt::Judgement, &said);
    }
    let asks = find(&|word| word.contains(['?', '？']));
    if let Some(said) = asks {
        return reserve(Doubt::Judgement, &said);
    }
    if tone == Tone::Goal {
        return None;
    }
    let waits = find(&|word| WAITS.contains(word) && !is_of_a_sequence(word));
    if let Some(said) = waits {
        return reserve(Doubt::Yes, &said);
    }
    let negation = tokens
        .iter()
        .enumerate()
        .find(|(at, (word, _))| is_a_negation(word) && !is_of_a_bug(&tokens, *at))
        .map(|(_, (_, said))| (*said).to_owned())
        .filter(|_| tokens.iter().any(|(word, _)| is_of_the_work(word)));
    // `Merge this when Anna is back`, `merged on Thursday`: of the work itself even the small words tell.
    let small = || {
        // `After the merge` only names it.
        let named = |at: usize| {
            at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|(before, _)| {
                matches!(before.as_str(), "the" | "each" | "every" | "this" | "its" | "a")
            })
        };
        let work = tokens.iter().enumerate().any(|(at, (word, _))| {
            matches!(word.as_str(), "merge" | "merges" | "merging" | "proceed") && !named(at)
        });
        find(&|word| WAITS.contains(word) || TIMES.contains(&word) || matches!(word, "if" | "unless"))
            .filter(|_| work)
    };
    reserve(Doubt::Yes, &negation.or_else(small)?)
}

/// What a few words say: `Checks: failing`, `Scope: only staging`. Where there is no sentence, each of them counts.
pub(super) fn curtly(text: &str) -> Option<Reserve> {
    let tokens = tokens(text);
    let mends = |word: &str| {
        ["fix", "stop", "avoid", "prevent", "resolve", "unblock", "solve"]
            .iter()
            .any(|start| word.starts_with(start))
    };
    if tokens.len() > CURT || tokens.iter().any(|(word, _)| mends(word)) {
        return None;
    }
    let (_, said) =
        tokens.iter().find(|(word, _)| REFUSES.contains(word.as_str()) && word != "or" || word == "only")?;
    Some(Reserve { doubt: Doubt::Yes, said: (*said).to_owned() })
}

/// Whether a text asks for something to be seen to with what stands below it: `these need a backup first`.
pub(super) fn asks_for_care(text: &str) -> Option<Reserve> {
    let tokens = tokens(text);
    let has = |list: &[&str]| tokens.iter().find(|(word, _)| list.contains(&word.as_str()));
    has(&["these", "this", "them", "below", "following"])?;
    let (_, said) = has(&["please", "first", "careful", "carefully", "alone"])?;
    Some(Reserve { doubt: Doubt::Yes, said: (*said).to_owned() })
}

/// Whether a text speaks of the work as such, or of all of it: then it is meant for more than what stands beside it.
pub(super) fn is_about_all(text: &str) -> bool {
    tokens(text).iter().any(|(word, _)| {
        is_of_the_work(word)
            || matches!(
                word.as_str(),
                "nobody"
                    | "nothing"
                    | "anything"
                    | "everything"
                    | "freeze"
                    | "frozen"
                    | "touch"
                    | "tasks"
                    | "changes"
            )
    })
}

/// `not`, `don't`, `never`, and what is not to be done within a few words.
fn negated(tokens: &[(String, &str)]) -> Option<String> {
    tokens.iter().enumerate().find_map(|(at, (word, said))| {
        let rest = tokens[at + 1..].iter().take(REACH);
        let named = is_a_negation(word)
            && !is_of_a_bug(tokens, at)
            && rest.clone().any(|(next, _)| {
                is_of_the_work(next)
                    || matches!(word.as_str(), "nothing" | "nobody")
                        && matches!(next.as_str(), "before" | "until")
                    || matches!(next.as_str(), "yet" | "now" | "wanted" | "touch" | "today" | "recommended")
            })
            || is_a_negation(word) && at == 0 && tokens.len() <= 3;
        named.then(|| {
            let next = tokens.get(at + 1).map_or("", |(_, said)| said);
            format!("{said} {next}").trim().to_owned()
        })
    })
}

/// `It does not close connections` tells of a bug, `do not close it` does not.
fn is_of_a_bug(tokens: &[(String, &str)], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    before.is_some_and(|(word, _)| matches!(word.as_str(), "does" | "did"))
        || matches!(tokens[at].0.as_str(), "doesn't" | "didn't")
}

fn is_a_negation(word: &str) -> bool {
    matches!(
        word,
        "not"
            | "never"
            | "don't"
            | "dont"
            | "nobody"
            | "nothing"
            | "mustn't"
            | "shouldn't"
            | "can't"
            | "cannot"
            | "won't"
            | "wont"
            | "isn't"
            | "wasn't"
            | "doesn't"
            | "didn't"
            | "without"
            | "nor"
            | "neither"
            | "instead"
            | "nicht"
            | "kein"
            | "keine"
            | "nie"
            | "ohne"
            | "pas"
            | "ne"
            | "niet"
            | "geen"
            | "не"
    )
}

/// Words that only say in which order something happens.
fn is_of_a_sequence(word: &str) -> bool {
    matches!(
        word,
        "when"
            | "once"
            | "only"
            | "after"
            | "before"
            | "following"
            | "prior"
            | "needs"
            | "need"
            | "needed"
            | "require"
            | "requires"
            | "required"
            | "requiring"
            | "must"
            | "should"
            | "person"
            | "admin"
            | "admins"
            | "nobody"
            | "anybody"
            | "anyone"
            | "pending"
            | "later"
            | "solo"
            | "nach"
            | "vor"
            | "si"
    )
}

/// Words such as `unaffected`, which say of something that it is well.
fn is_of_a_state(word: &str) -> bool {
    matches!(word, "unaffected" | "unchanged" | "unrelated" | "unattended" | "unlimited" | "unmodified")
}

/// A value that is a plain no: `Safe to merge: no`, `Go/No-Go: NO-GO`.
pub(super) fn is_a_no(value: &str) -> bool {
    let value = value.trim_start().to_lowercase();
    let word: String =
        value.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '\'' | '/')).collect();
    let rest = value[word.len()..].trim_start();
    let no = matches!(
        word.as_str(),
        "no" | "nein"
            | "non"
            | "nee"
            | "não"
            | "нет"
            | "否"
            | "nope"
            | "nay"
            | "false"
            | "no-go"
            | "nogo"
            | "n"
    );
    no && rest.chars().next().is_none_or(|c| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_in_a_description_is_told_from_a_description() {
        use Doubt::{Judgement, Yes};
        for (text, goal, told) in [
            ("the old chart blocks logins when it restarts", None, None),
            ("avoid high-blast-radius upgrades; plan ordering and downtime", None, None),
            ("nobody waits for what is done", None, Some(Yes)),
            ("no change while a node is missing", None, None),
            ("do not let it rot, if we can", None, None),
            ("do not merge, only review", Some(Judgement), Some(Judgement)),
            ("not to be merged, only to check", Some(Judgement), Some(Judgement)),
            ("postponed to next week", Some(Judgement), Some(Judgement)),
            ("BLOCKED by upstream bug, never merge this", Some(Judgement), Some(Judgement)),
            ("do-not-merge, blocked", Some(Judgement), Some(Judgement)),
            ("high, do not merge without a backup", Some(Judgement), Some(Judgement)),
            ("not reviewed yet, don't merge", Some(Judgement), Some(Judgement)),
            ("ask Bob first", None, Some(Yes)),
            ("on staging first, wait for two days", None, Some(Yes)),
            ("merge this when Anna is back", None, Some(Yes)),
            ("pods restart once", None, None),
            ("All pods Running after the merge", None, None),
        ] {
            let found = |tone| in_passing(text, tone).map(|reserve| reserve.doubt);
            assert_eq!((found(Tone::Goal), found(Tone::Told)), (goal, told), "{text}");
        }
    }

    #[test]
    fn a_plain_no_is_seen() {
        for value in ["no", "No.", "no, it is broken", "NO-GO", "false", "nein"] {
            assert!(is_a_no(value), "{value}");
        }
        for value in ["none", "no breaking changes", "yes", "nothing", "", "north"] {
            assert!(!is_a_no(value), "{value}");
        }
    }
}
