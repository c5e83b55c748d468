//! What a run says: what happens, what is awaited, why something was handed to a person.
//!
//! Sentences here are our own Markdown; whatever comes from outside passes through [`quote_outside`] first.

use super::{code, one_line, outside_window, quote_outside};
use crate::cluster::ObjectRef;
use crate::error_chain::chain;
use crate::forge::{CommitSha, ForgeError, IssueNumber, PullNumber};
use crate::health::{Finding, Verdict};
use crate::issue::Kind;

/// How much of a title or a message from outside is shown.
pub(super) const SHORT: usize = 120;

pub(super) fn title_of(title: &str) -> String {
    quote_outside(title, SHORT)
}

pub(super) fn first(findings: &[&Finding]) -> String {
    match findings {
        [] => "a finding".to_owned(),
        [only] => object(&only.id.object),
        [first, rest @ ..] => format!("{} and {} more", object(&first.id.object), rest.len()),
    }
}

/// The verb for what [`first`] says.
pub(super) fn are(findings: &[&Finding]) -> &'static str {
    if findings.len() > 1 { "are" } else { "is" }
}

pub(super) fn object(object: &ObjectRef) -> String {
    quote_outside(&object.to_string(), SHORT)
}

/// The note behind a task that a person ticked, with what the world says against it.
pub(crate) fn note_done_by_person(left: Option<&str>) -> String {
    match left {
        Some(left) => format!("by a person; {left}"),
        None => "by a person".to_owned(),
    }
}

/// A completed merge was unticked.
pub(crate) fn unticked_merge() -> String {
    "its box was unticked, but a merge is not done twice: close this by ticking it again, or undo the merge and ask for a new pull request".to_owned()
}

/// A task that nobody trusted put there, or of which nobody can know any more who did.
pub(crate) fn not_vouched(nobodys: bool) -> String {
    let why = if nobodys {
        ", since not everything that was done to this text was delivered, or is still kept"
    } else {
        ""
    };
    format!(
        "nobody trusted is known to have written this task{why}: a trusted person writes the comment `/caretaker resume` to let \
         it count"
    )
}

/// The forge gave no answer to an effect for too long.
pub(crate) fn forge_silent(tries: u32, why: &str) -> String {
    format!(
        "tried {tries} times, and the forge gave no answer to it for too long ({}): a person has to look at the forge",
        quote_outside(why, SHORT)
    )
}

/// Why a task of this kind is left to a person.
pub(crate) fn person_task(kind: &Kind) -> String {
    match kind {
        Kind::Decide { pull: Some(pull) } => {
            format!("a decision about #{pull} is a person's: decide, then tick it, or reword it to ask for the merge")
        }
        Kind::Decide { pull: None } => "a decision is a person's: decide, then tick it".to_owned(),
        Kind::Dashboard => "boxes of the Dependency Dashboard are not ticked yet by caretaker: tick the box there, then this one".to_owned(),
        Kind::Runbook => "caretaker does not know this procedure yet: carry it out, then tick it".to_owned(),
        Kind::Track { .. } => "keeping an eye on something is a person's: look, then tick it".to_owned(),
        _ => "this is a person's: do it, then tick it".to_owned(),
    }
}

/// The note behind a verification.
pub(crate) fn note_verified(evidence: &str) -> String {
    format!("verified, {}", quote_outside(evidence, SHORT))
}

/// A verification that fails.
pub(crate) fn not_verified(verdict: Verdict, evidence: &str) -> String {
    format!("{verdict}: {}; asked again at every look", quote_outside(evidence, SHORT))
}

/// A pull request that is not there.
pub(crate) fn pull_missing() -> String {
    "there is no such pull request here, or it may not be seen: correct the number, or tick this".to_owned()
}

/// A pull request that was closed without a merge.
pub(crate) fn pull_closed(number: PullNumber) -> String {
    format!("#{number} was closed without being merged: reopen it, or tick this")
}

/// The note behind a task whose pull request was merged by somebody else.
pub(crate) fn note_merged_by_person(commit: &CommitSha) -> String {
    format!("merged by somebody else as {}", commit.short())
}

/// The note behind a task whose pull request this run had merged already.
pub(crate) fn note_merged_before(commit: &CommitSha) -> String {
    format!("merged already by this run, as {}", commit.short())
}

/// A pull request that this run has merged and undone.
pub(crate) fn merged_and_undone(commit: &CommitSha, undone: &CommitSha) -> String {
    format!(
        "this run merged it as {} and undid it by {}: a newer version is free, this one needs a person",
        commit.short(),
        undone.short()
    )
}

/// What a server said, or why something did not happen.
pub(crate) fn said(why: &str) -> String {
    quote_outside(why, 200)
}

/// A task waits for others.
pub(crate) fn waits_for_tasks(ids: &[&str]) -> String {
    format!(
        "comes after other tasks, of which these are open: {}",
        ids.iter().map(|id| quote_outside(id, 20)).collect::<Vec<_>>().join(", ")
    )
}

/// A run without tasks: how they are written.
pub(crate) fn how_to_write_tasks() -> String {
    "No task was found: write tasks as boxes (`- [ ] **A1 P1 Apps**: ...`) under a heading such as Action Items".to_owned()
}

/// An account.
pub(crate) fn account(login: &str) -> String {
    code(login, 40)
}

/// The comments cannot be read, as what stopped the run.
pub(crate) fn comments_unreadable(error: &crate::forge::ForgeError) -> String {
    format!("comments that cannot be read and may hold a stop ({error}); a person deletes what is too long")
}

/// Who or what stopped the run, in our own Markdown.
pub(crate) fn paused_by(by: &str) -> String {
    format!("Stopped by {}: nothing is done until that is taken back", one_line(by))
}

/// Half done: a merge was asked for.
pub(crate) fn half_asked(pull: PullNumber) -> String {
    format!("the merge of #{pull} was asked for; whether it happened is being found out")
}

fn as_commit(commit: Option<&str>) -> String {
    commit.map(|commit| format!(" as `{commit}`")).unwrap_or_default()
}

/// Half done: merged.
pub(crate) fn half_merged(pull: PullNumber, commit: Option<&str>) -> String {
    format!("#{pull} is merged{} and still being rolled out", as_commit(commit))
}

/// Half done: rolled out.
pub(crate) fn half_rolled_out(pull: PullNumber, commit: Option<&str>, followed: bool) -> String {
    let runs = if followed { " and runs" } else { "" };
    format!("#{pull} is merged{}{runs}; the layers were still being watched", as_commit(commit))
}

/// Half done: being undone.
pub(crate) fn half_reverting(pull: PullNumber) -> String {
    format!("the merge of #{pull} is being undone; whether that happened is being found out")
}

/// Half done: the undoing waits in a pull request.
pub(crate) fn half_proposed(pull: PullNumber, proposal: PullNumber) -> String {
    format!("the merge of #{pull} is to be undone by #{proposal}, which is not merged yet")
}

/// Half done: undone in Git.
pub(crate) fn half_reverted(pull: PullNumber, commit: &str) -> String {
    format!("the merge of #{pull} is undone by `{commit}`, which is still being rolled out")
}

/// The issue's author does not count.
pub(crate) fn untrusted_author(author: &str) -> String {
    format!(
        "its author {} is not among `run.trusted`: a trusted person opens the issue, or the settings name the author",
        quote_outside(author, 40)
    )
}

/// Nobody counts.
pub(crate) fn nobody_trusted() -> String {
    "`run.trusted` names nobody, which an organisation's repository needs: name the accounts whose word counts".to_owned()
}

/// The token lacks a scope.
pub(crate) fn scope_missing() -> String {
    "the forge's token may not change code: make one with the scopes write:repository, write:issue and read:user".to_owned()
}

/// A run of another store is met.
pub(crate) fn adoption_asks(run: &str) -> String {
    let run = quote_outside(run, 60);
    let run = if run.is_empty() { String::new() } else { format!(" ({run})") };
    format!(
        "a person's word: the status that stood here is of a run that this caretaker's store does not know{run}. The store \
         was lost or replaced, another caretaker worked here, or the text was copied. What was half done, and every approval \
         that was given, is not known; what is ticked counts as done. See that no other caretaker works on this cluster \
         and that nothing is half done, then write `/caretaker resume` as a comment; nothing is done before that"
    )
}

/// A run of another store may go on, but not yet.
pub(crate) fn adoption_waits(why: &str) -> String {
    format!("the run of an unknown store goes on when all is well: {why}")
}

/// Why versions are held that an unknown run held.
pub(crate) fn held_by_unknown_run() -> String {
    "a run that this store does not know held it".to_owned()
}

/// The repository's own file could not be read.
pub(crate) fn repository_file_unread(error: &ForgeError) -> String {
    format!(
        "`.caretaker.toml` could not be read ({}): until it can, caretaker only observes",
        quote_outside(&error.to_string(), SHORT)
    )
}

/// Said where the operator looks: an archive takes no words.
pub(crate) fn archived_in_flight() -> String {
    "the repository was archived in the middle of a change: it is followed to its end, and nothing can be written there; take it out of the archive to go on".to_owned()
}

/// The repository's own file asks for what it may not.
pub(crate) fn repository_file_refused(why: &str) -> String {
    format!(
        "`.caretaker.toml` is refused as a whole: {}. It may only ask for more care; until it is mended, caretaker only observes",
        quote_outside(why, 2 * SHORT).trim_end_matches('.')
    )
}

/// One line about an event, for the terminal, the log and the page.
pub(crate) fn began() -> String {
    "the run begins: forge, cluster and rights are there".to_owned()
}

/// The issue was closed or lost its label between the decision and the merge.
pub(crate) fn issue_withdrawn() -> String {
    "the issue was closed, or lost its label, a moment ago".to_owned()
}

/// Somebody edited the issue between the decision and the merge.
pub(crate) fn issue_edited() -> String {
    "the issue was edited a moment ago; looking again".to_owned()
}

/// A pull request or issue cannot be read.
pub(crate) fn unread(number: IssueNumber, error: &ForgeError) -> String {
    let why = match error {
        ForgeError::NotFound { .. } => "a part of it does not exist or may not be seen",
        ForgeError::Forbidden { .. } | ForgeError::Unauthorized { .. } => "the forge refuses it",
        ForgeError::Unavailable { .. } => "the forge does not answer for it",
        ForgeError::Unreadable { .. } => "the forge's answer is too large or not to be understood",
        ForgeError::Renamed { .. } | ForgeError::Conflict { .. } | ForgeError::Refused { .. } => {
            "the forge does not show it"
        }
    };
    format!(
        "#{number} cannot be read ({why}), so nothing is known of it and nothing is done with it; it is asked for again \
         by and by, and the log holds the forge's own words"
    )
}

/// The body cannot be read.
pub(crate) fn body_unreadable(error: &crate::issue::Unreadable) -> String {
    let why = chain(error);
    format!(
        "{why}: a person makes the text simpler; until then nothing new is done and nothing can be written into it"
    )
}

/// A label that stops.
pub(crate) fn label(name: &str) -> String {
    format!("the label `{name}`")
}

/// How a run stands when nothing more can be done, for the terminal.
pub(crate) fn standing(issue: IssueNumber, standing: &crate::run::Standing) -> String {
    use crate::run::Standing;
    match standing {
        Standing::NoIssue => format!("#{issue} is no open maintenance issue"),
        Standing::People => format!("the run on #{issue} waits for people; the issue says for what"),
        Standing::Window { opens } => format!("the run on #{issue} waits: {}", outside_window(*opens)),
        Standing::Obstacles => format!("the run on #{issue} cannot go on: something is missing"),
        Standing::Unusable { repository, why } => {
            format!("nothing was done for #{issue}: {repository} {why}")
        }
        Standing::Paused => format!("the run on #{issue} is stopped by a person"),
        Standing::Locked { holder } => {
            format!("nothing was done for #{issue}: another caretaker ({holder}) holds the cluster's lock")
        }
        Standing::Over => format!("the run on #{issue} is over"),
        Standing::Stopped => {
            format!("told to stop; the run on #{issue} goes on when caretaker is started again")
        }
    }
}

/// A repository that cannot be worked in has a change in flight. Follows what is wrong with it. `awaited`: without its table
/// discovery would find it, and its runs count until it is ignored.
pub(crate) fn in_flight_in_unusable(
    name: &str,
    issue: IssueNumber,
    has_table: bool,
    awaited: bool,
) -> String {
    let out = match (has_table, awaited) {
        (true, false) => "take its table out of the settings, or give the table the new name,".to_owned(),
        (true, true) => format!(
            "take its table out of the settings, or give the table the new name, name {name} in discovery.ignore in either case"
        ),
        (false, _) => format!("name {name} in discovery.ignore"),
    };
    format!(
        "; a change of its issue #{issue} is in flight, and no other repository is changed before that is over: where it does \
         not come back, see to what was in flight there, {out} and start caretaker again"
    )
}

/// A word that is no mode.
pub(crate) fn no_such_mode(word: &str) -> String {
    format!("`{word}` is no mode: `observe`, `approve` or `auto`")
}

/// What is no address under which the forge reaches a server.
pub(crate) fn no_web_address(given: &str) -> String {
    format!("`{given}` is no address such as https://caretaker.example.org/webhook")
}
