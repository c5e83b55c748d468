//! The webhook: made, mended, replaced, or told to a person.

use super::{Setup, Step, StepState};
use crate::doctor::judge::{HookFault, Ours, Wanted, faults, hook_events, ours, same_address};
use crate::doctor::{Asked, NotKnown, within};
use crate::forge::{Forge, Hook, HookDraft, HookId, Server, ServerKind};
use crate::wording;
use url::Url;

/// What is to be done about the hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing.
    Leave,
    /// There is none.
    Make,
    /// One of ours lacks something.
    Mend(HookId, Vec<HookFault>),
    /// A new one, then away with these.
    Replace(Vec<HookId>),
}

/// Plans it, and counts the hooks of ours that are too many. Which secret a hook has nobody can see.
pub(super) fn plan(hooks: &[Hook], wanted: &Wanted<'_>, replace: bool) -> (Plan, usize) {
    let of_ours = match ours(hooks, wanted.url) {
        Ours::None => return (Plan::Make, 0),
        Ours::One(hook) => vec![hook],
        Ours::Several(several) => several,
    };
    if replace {
        return (Plan::Replace(of_ours.iter().map(|hook| hook.id).collect()), 0);
    }
    let too_many = of_ours.len() - 1;
    // Best one that needs nothing; else the first is mended.
    let mut judged: Vec<_> = of_ours.iter().map(|hook| (hook.id, faults(hook, wanted))).collect();
    judged.sort_by_key(|(id, faults)| (faults.len(), *id));
    match judged.into_iter().next() {
        Some((id, faults)) if !faults.is_empty() => (Plan::Mend(id, faults), too_many),
        _ => (Plan::Leave, too_many),
    }
}

impl Setup<'_> {
    pub(super) async fn hook(&self) -> Vec<Step> {
        let what = "webhook";
        let Some(url) = self.url else {
            let found = "where the forge reaches caretaker is not known, so no hook is made";
            return vec![Step::new(StepState::ByHand, what, found).with_fix(wording::setup_no_address())];
        };
        let (secret, authorization) = match self.settings.web.hook_secrets(self.name()) {
            Ok(secrets) => secrets,
            Err(error) => {
                let step = Step::new(StepState::Failed, what, error.to_string());
                return vec![step.with_fix(wording::doctor_settings())];
            }
        };
        let server = within(self.forge.server()).await;
        let kind = server.as_ref().ok().map(|server| server.kind);
        let wanted = Wanted {
            url: Some(url),
            delivers_statuses: server.as_ref().is_ok_and(Server::delivers_statuses),
            authorization: authorization.as_ref(),
        };
        let hooks = match within(self.writer().hooks(self.name())).await {
            Ok(hooks) => hooks,
            Err(why @ (NotKnown::Refused(_) | NotKnown::NotThere(_))) => {
                let found = format!("this token may not see or make hooks ({why})");
                let by_hand = self.by_hand(url, kind, authorization.is_some());
                return vec![Step::new(StepState::ByHand, what, found).with_fix(by_hand)];
            }
            Err(why) => {
                let step = Step::new(StepState::Failed, what, why.to_string());
                return vec![step.with_fix(wording::doctor_no_answer())];
            }
        };
        let draft = HookDraft {
            url: url.clone(),
            secret,
            authorization: authorization.clone(),
            events: hook_events(),
        };
        let (plan, too_many) = plan(&hooks, &wanted, self.replace_hook);
        let mut steps = vec![self.carry_out(&plan, &draft, &wanted).await];
        if too_many > 0 {
            let found = format!("{too_many} more hooks deliver to {url}");
            steps.push(Step::new(StepState::Warning, what, found).with_fix(wording::doctor_several_hooks()));
        }
        steps
    }

    fn by_hand(&self, url: &Url, server: Option<ServerKind>, authorized: bool) -> String {
        let web = &self.settings.web;
        let authorization = authorized.then(|| web.authorization_place());
        wording::setup_hook_by_hand(&wording::HookByHand {
            url,
            server,
            // What a person can enter is the secret of the settings, and that counts for a single repository alone.
            secret: self.settings.looks_after_one().then(|| web.secret_place()).as_deref(),
            authorization: authorization.as_deref(),
        })
    }

    async fn carry_out(&self, plan: &Plan, draft: &HookDraft, wanted: &Wanted<'_>) -> Step {
        let what = "webhook";
        let url = &draft.url;
        let (would, done) = match plan {
            Plan::Leave => {
                let found = format!("delivers to {url} as it should; nothing changed");
                return Step::new(StepState::Unchanged, what, found).with_fix(wording::setup_secret_unseen());
            }
            Plan::Make => ("a hook would be made".to_owned(), "made".to_owned()),
            Plan::Mend(_, faults) => {
                let why: Vec<String> = faults.iter().map(ToString::to_string).collect();
                let why = why.join("; ");
                (format!("the hook would be mended: {why}"), format!("mended: {why}"))
            }
            Plan::Replace(old) => (
                format!("a new hook would take the place of {}", old.len()),
                format!(
                    "made anew with the secret that belongs to the settings, in the place of {}",
                    old.len()
                ),
            ),
        };
        if self.dry_run {
            return Step::new(StepState::Would, what, format!("{would} (to {url})"));
        }
        match self.write(plan, draft, wanted).await {
            Ok(None) => {
                Step::new(StepState::Done, what, format!("{done} (to {url}); read back, and it is so"))
            }
            Ok(Some(differs)) => Step::new(StepState::Failed, what, differs).with_fix(self.by_hand(
                url,
                None,
                draft.authorization.is_some(),
            )),
            Err(why) => Step::new(StepState::Failed, what, why.to_string())
                .with_fix("run it again: a hook that was made all the same is found by its address"),
        }
    }

    /// Writes, and reads back: what differs from what was sent.
    async fn write(&self, plan: &Plan, draft: &HookDraft, wanted: &Wanted<'_>) -> Asked<Option<String>> {
        let (forge, name) = (self.writer(), self.name());
        let (id, old) = match plan {
            Plan::Leave => return Ok(None),
            Plan::Make => (within(forge.create_hook(name, draft)).await?, &[][..]),
            Plan::Replace(old) => (within(forge.create_hook(name, draft)).await?, old.as_slice()),
            Plan::Mend(id, _) => {
                within(forge.edit_hook(name, *id, draft)).await?;
                (*id, &[][..])
            }
        };
        let kept = within(forge.hook(name, id)).await?;
        let mut differs: Vec<String> = faults(&kept, wanted).iter().map(ToString::to_string).collect();
        if !same_address(&kept.url, &draft.url) {
            differs.push(format!("it delivers to {}", kept.url));
        }
        if kept.content_type != "json" {
            differs.push(format!("its content type is {}", kept.content_type));
        }
        if !differs.is_empty() {
            return Ok(Some(format!("the forge kept something else: {}", differs.join("; "))));
        }
        for id in old {
            within(forge.delete_hook(name, *id)).await?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{HookFault, Plan, plan};
    use crate::doctor::judge::{Wanted, hook_events};
    use crate::forge::{Hook, HookId};
    use url::Url;

    fn hook(id: u64, url: &str) -> Hook {
        Hook {
            id: HookId(id),
            url: url.to_owned(),
            content_type: "json".to_owned(),
            events: hook_events().into_iter().map(str::to_owned).collect(),
            active: true,
            branch_filter: String::new(),
            authorization: None,
        }
    }

    #[test]
    fn a_hook_is_known_by_its_address_and_touched_only_where_something_is_wrong() {
        let url = Url::parse("https://caretaker.example.org/webhook").unwrap();
        let wanted = Wanted { url: Some(&url), delivers_statuses: true, authorization: None };
        let other = || hook(1, "https://chat.example.org/webhook");
        let good = |id| hook(id, "https://caretaker.example.org:443/webhook");
        let sleeping = |id| Hook { active: false, ..good(id) };
        let mend = |id| Plan::Mend(HookId(id), vec![HookFault::Inactive]);
        for (name, hooks, replace, expected) in [
            ("none", vec![], false, (Plan::Make, 0)),
            ("another's", vec![other()], false, (Plan::Make, 0)),
            ("another's, replacing", vec![other()], true, (Plan::Make, 0)),
            ("ours", vec![other(), good(2)], false, (Plan::Leave, 0)),
            ("ours, inactive", vec![other(), sleeping(2)], false, (mend(2), 0)),
            ("two", vec![sleeping(2), good(3)], false, (Plan::Leave, 1)),
            ("two, both inactive", vec![sleeping(3), sleeping(2)], false, (mend(2), 1)),
            (
                "replacing",
                vec![other(), good(2), sleeping(3)],
                true,
                (Plan::Replace(vec![HookId(2), HookId(3)]), 0),
            ),
        ] {
            assert_eq!(plan(&hooks, &wanted, replace), expected, "{name}");
        }
    }
}
