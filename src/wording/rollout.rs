//! What is said of a commit's way into the cluster while it goes on.

use super::quote_outside;
use super::run::{SHORT, title_of};
use crate::forge::CommitSha;
use crate::merge::rollout::Rollout;
use jiff::Timestamp;

/// So many of those that are waited for are named.
const NAMED: usize = 3;

/// Why nobody has been asked to look at a commit where nobody has tried.
pub(crate) fn nobody_asked() -> String {
    "nobody has asked yet".to_owned()
}

/// Who is waited for and what they lack, with the pods whose images are being pulled; nothing where nobody is.
fn waited_for(rollout: &Rollout, pulling: &[String]) -> String {
    let mut on: Vec<String> = match rollout {
        Rollout::Waiting { on, .. } => on.iter().map(|(who, why)| format!("{who}: {why}")).collect(),
        Rollout::Unknown { why } => vec![format!("cannot tell whether it does: {why}")],
        Rollout::Failed { .. } | Rollout::Done { .. } => Vec::new(),
    };
    let more = on.len().saturating_sub(NAMED);
    on.truncate(NAMED);
    let mut said: Vec<String> = on.iter().map(|one| quote_outside(one, 2 * SHORT)).collect();
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    if let Some((first, others)) = pulling.split_first() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        said.push(format!("an image is being pulled for pod {}{others}", quote_outside(first, SHORT)));
    }
    if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) }
}

/// A rollout on its way, with when it is given up where that is before it can have ended.
pub(crate) fn rolling_out(
    title: &str,
    commit: &CommitSha,
    rollout: &Rollout,
    pulling: &[String],
    too_early: Option<Timestamp>,
) -> String {
    format!(
        "merged {}; waiting until `{}` runs everywhere{}{}",
        title_of(title),
        commit.short(),
        waited_for(rollout, pulling),
        given_up(too_early)
    )
}

fn given_up(too_early: Option<Timestamp>) -> String {
    let said = too_early.map(|end| {
        let end = end.strftime("%Y-%m-%d %H:%M UTC");
        format!(". That is later than a change of this risk is given: a person is called at {end}")
    });
    said.unwrap_or_default()
}

/// An undoing on its way, with the same.
pub(crate) fn undoing_rolls_out(
    title: &str,
    rollout: &Rollout,
    pulling: &[String],
    too_early: Option<Timestamp>,
) -> String {
    format!(
        "undid {}; waiting until the old version runs again everywhere{}{}",
        title_of(title),
        waited_for(rollout, pulling),
        given_up(too_early)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_says_who_is_waited_for_and_what_they_lack() {
        let commit: CommitSha = "c".repeat(40).parse().expect("forty digits");
        let waiting = |names: &[(&str, String)]| Rollout::Waiting {
            on: names.iter().map(|(name, why)| ((*name).to_owned(), why.clone())).collect(),
            progress: String::new(),
            shut: None,
            until: None,
        };
        let says = |rollout: &Rollout, pulling: &[String]| {
            rolling_out("chore(deps): update web to v2", &commit, rollout, pulling, None)
        };
        insta::assert_snapshot!(says(&waiting(&[]), &[]), @"merged chore(deps): update web to v2; waiting until `ccccccc` runs everywhere");
        let one = [("Application argocd/web", "it has compared bbbbbbb and not this commit".to_owned())];
        insta::assert_snapshot!(says(&waiting(&one), &[]), @"merged chore(deps): update web to v2; waiting until `ccccccc` runs everywhere: Application argocd/web: it has compared bbbbbbb and not this commit");
        let four =
            ["web", "blog", "shop", "wiki"].map(|name| (name, "it is OutOfSync and Healthy".to_owned()));
        let pulling = ["web/web-7d9f-x2x".to_owned(), "web/web-7d9f-y3y".to_owned()];
        insta::assert_snapshot!(says(&waiting(&four), &pulling), @"merged chore(deps): update web to v2; waiting until `ccccccc` runs everywhere: web: it is OutOfSync and Healthy; blog: it is OutOfSync and Healthy; shop: it is OutOfSync and Healthy; and 1 more; an image is being pulled for pod web/web-7d9f-x2x and 1 more");
        let unknown = Rollout::Unknown { why: "ApplicationSet team/charts: cannot be followed".to_owned() };
        insta::assert_snapshot!(says(&unknown, &[]), @"merged chore(deps): update web to v2; waiting until `ccccccc` runs everywhere: cannot tell whether it does: ApplicationSet team/charts: cannot be followed");
        insta::assert_snapshot!(undoing_rolls_out("update web", &waiting(&one), &[], None), @"undid update web; waiting until the old version runs again everywhere: Application argocd/web: it has compared bbbbbbb and not this commit");
    }
}
