//! Who can write to the repository, as a proposal for `run.trusted`. The proposal is a person's to take.

use super::{Setup, Step, StepState};
use crate::doctor::{Asked, within};
use crate::forge::{Account, OwnerKind, Permission, Repository};
use crate::wording;
use std::collections::{BTreeMap, BTreeSet};

/// More accounts than this are not asked about one by one.
const MOST: usize = 50;

/// What is known of the people of a repository.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Whether a person owns it.
    pub(super) owner_kind: Option<OwnerKind>,
    /// Who owns it.
    pub(super) owner: &'a str,
    /// Who was let in one by one.
    pub(super) collaborators: &'a Asked<Vec<String>>,
    /// Whom issues can be given to.
    pub(super) assignees: &'a Asked<Vec<String>>,
    /// What each of them may do.
    pub(super) permissions: &'a BTreeMap<String, Asked<Permission>>,
    /// The bot and Renovate.
    pub(super) machines: &'a [String],
}

/// Who should be trusted, and of whom that could not be found out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Proposal {
    /// They can write.
    pub(super) trusted: Vec<String>,
    /// Whether they can is not known, and why.
    pub(super) unclear: Vec<(String, &'static str)>,
    /// They can read and no more.
    pub(super) readers: Vec<String>,
    /// What could not be asked.
    pub(super) unasked: Vec<String>,
}

/// Judges it.
pub(super) fn propose(known: &Known<'_>) -> Proposal {
    let mut proposal = Proposal::default();
    let owned = known.owner_kind == Some(OwnerKind::Person);
    let mut list = |what: &str, asked: &Asked<Vec<String>>| match asked {
        Ok(logins) => logins.clone(),
        Err(why) => {
            proposal.unasked.push(format!("{what}: {why}"));
            Vec::new()
        }
    };
    let collaborators = list("the collaborators", known.collaborators);
    let assignees = list("the members", known.assignees);
    let is_machine =
        |login: &String| known.machines.iter().any(|machine| machine.eq_ignore_ascii_case(login));
    let is_owner = |login: &str| owned && login.eq_ignore_ascii_case(known.owner);
    if owned {
        proposal.trusted.push(known.owner.to_owned());
    }
    let everybody: BTreeSet<&String> = collaborators
        .iter()
        .chain(&assignees)
        .filter(|login| !is_machine(login) && !is_owner(login))
        .collect();
    for login in everybody {
        match known.permissions.get(login) {
            Some(Ok(Permission::Writes)) => proposal.trusted.push(login.clone()),
            Some(Ok(Permission::Reads)) => proposal.readers.push(login.clone()),
            // So some servers say of every member of a team, whatever the team may do.
            Some(Ok(Permission::None)) => {
                proposal
                    .unclear
                    .push((login.clone(), "a member of a team; what the team may do is not told"));
            }
            // Without teams only those who can write can be given issues.
            Some(Err(_)) | None if owned && known.assignees.is_ok() => {
                let writes = assignees.contains(login);
                if writes { &mut proposal.trusted } else { &mut proposal.readers }.push(login.clone());
            }
            Some(Err(_)) | None => {
                let why = "only administrators of the repository may ask what others may do";
                proposal.unclear.push((login.clone(), why));
            }
        }
    }
    proposal
}

impl Setup<'_> {
    pub(super) async fn trusted(&self, repository: &Repository) -> Vec<Step> {
        let (forge, name) = (self.writer(), self.name());
        let logins =
            |accounts: Vec<Account>| accounts.into_iter().map(|account| account.login).collect::<Vec<_>>();
        let collaborators = within(forge.collaborators(name)).await.map(logins);
        let assignees = within(forge.assignees(name)).await.map(logins);
        let mut machines = self.settings.renovate.accounts.clone();
        machines.extend(within(self.forge.own_account()).await.ok().map(|own| own.account.login));
        let everybody: BTreeSet<String> = [&collaborators, &assignees]
            .into_iter()
            .filter_map(|list| list.as_ref().ok())
            .flatten()
            .cloned()
            .collect();
        let mut permissions = BTreeMap::new();
        for login in everybody.into_iter().take(MOST) {
            let permission = within(forge.permission(name, &login)).await;
            let refused = permission.is_err();
            permissions.insert(login, permission);
            if refused {
                // Of the others it would be refused as well.
                break;
            }
        }
        let proposal = propose(&Known {
            owner_kind: repository.owner_kind,
            owner: &repository.name.owner,
            collaborators: &collaborators,
            assignees: &assignees,
            permissions: &permissions,
            machines: &machines,
        });
        steps(&self.settings.run.trusted, repository.owner_kind, &proposal)
    }
}

fn steps(set: &[String], owner_kind: Option<OwnerKind>, proposal: &Proposal) -> Vec<Step> {
    let what = "trusted";
    let is_set = |login: &String| set.iter().any(|set| set.eq_ignore_ascii_case(login));
    let quoted = |logins: &[String]| {
        let each: Vec<String> = logins.iter().map(|login| format!("\"{login}\"")).collect();
        format!("trusted = [{}]", each.join(", "))
    };
    let mut steps = Vec::new();
    if set.is_empty() {
        let only_owner = owner_kind == Some(OwnerKind::Person);
        let setting = format!("under [run] in the settings: {}", quoted(&proposal.trusted));
        steps.push(match (only_owner, proposal.trusted.len()) {
            (true, ..=1) => Step::new(StepState::Unchanged, what, "not set, so only the owner counts"),
            (true, _) => {
                Step::new(StepState::Warning, what, "not set, so only the owner counts; others can write")
                    .with_fix(setting)
            }
            (false, 0) => {
                Step::new(StepState::ByHand, what, "not set, and nobody is known to be able to write")
                    .with_fix(wording::doctor_trusted())
            }
            (false, _) => Step::new(StepState::ByHand, what, "not set, so nobody counts; these can write")
                .with_fix(setting),
        });
    } else {
        let more: Vec<String> = proposal.trusted.iter().filter(|login| !is_set(login)).cloned().collect();
        let others = if more.is_empty() {
            String::new()
        } else {
            format!("; who can write as well: {}", more.join(", "))
        };
        steps.push(Step::new(StepState::Unchanged, what, format!("{}{others}", quoted(set))));
        for login in proposal.readers.iter().filter(|login| is_set(login)) {
            let found = format!("{login} counts, and can only read the repository");
            steps.push(
                Step::new(StepState::Warning, what, found)
                    .with_fix("take the name out of run.trusted, if it is not meant"),
            );
        }
    }
    let unclear: Vec<String> = proposal
        .unclear
        .iter()
        .filter(|(login, _)| !is_set(login))
        .map(|(login, why)| format!("{login} ({why})"))
        .collect();
    if !unclear.is_empty() {
        let found = format!("not found out, whether these can write: {}", unclear.join(", "));
        steps.push(Step::new(StepState::Warning, what, found).with_fix(wording::doctor_administrator()));
    }
    for unasked in &proposal.unasked {
        let found = format!("not found out: {unasked}");
        steps.push(Step::new(StepState::Warning, what, found).with_fix(wording::doctor_scopes()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{Known, Proposal, propose, steps};
    use crate::doctor::{Asked, NotKnown};
    use crate::forge::{OwnerKind, Permission};
    use crate::setup::StepState;
    use std::collections::BTreeMap;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn refused<T>() -> Asked<T> {
        Err(NotKnown::Refused("403".to_owned()))
    }

    fn proposal(
        owner_kind: OwnerKind,
        collaborators: &Asked<Vec<String>>,
        assignees: &[&str],
        permissions: &[(&str, Asked<Permission>)],
    ) -> (Vec<String>, Vec<String>, Vec<String>, usize) {
        let permissions: BTreeMap<String, Asked<Permission>> =
            permissions.iter().map(|(login, asked)| ((*login).to_owned(), asked.clone())).collect();
        let known = Known {
            owner_kind: Some(owner_kind),
            owner: "operator",
            collaborators,
            assignees: &Ok(owned(assignees)),
            permissions: &permissions,
            machines: &owned(&["caretaker", "Renovate"]),
        };
        let Proposal { trusted, unclear, readers, unasked } = propose(&known);
        (trusted, unclear.into_iter().map(|(login, _)| login).collect(), readers, unasked.len())
    }

    #[test]
    fn only_who_is_known_to_write_is_proposed() {
        use OwnerKind::{Organisation, Person};
        let none = Vec::<String>::new;
        let all = Ok(owned(&["caretaker", "renovate", "writer", "reader"]));
        // An organisation's, asked by somebody who may write: nobody is certain.
        let found = proposal(Organisation, &all, &["caretaker", "writer"], &[("writer", refused())]);
        assert_eq!(found, (none(), owned(&["reader", "writer"]), none(), 0));
        // Asked by an administrator.
        let answers = [
            ("writer", Ok(Permission::Writes)),
            ("reader", Ok(Permission::Reads)),
            ("member", Ok(Permission::None)),
        ];
        let found = proposal(Organisation, &all, &["writer", "member"], &answers);
        assert_eq!(found, (owned(&["writer"]), owned(&["member"]), owned(&["reader"]), 0));
        // A person's own: the owner, and those whom issues can be given to.
        let found = proposal(Person, &all, &["Operator", "writer", "caretaker"], &[]);
        assert_eq!(found, (owned(&["operator", "writer"]), none(), owned(&["reader"]), 0));
        // What could not be asked is said.
        assert_eq!(proposal(Organisation, &refused(), &[], &[]).3, 1);
    }

    #[test]
    fn a_proposal_is_said_as_a_setting_and_never_as_done() {
        let with = |trusted: &[&str]| Proposal { trusted: owned(trusted), ..Proposal::default() };
        let one =
            |set: &[&str], kind, proposal: &Proposal| steps(&owned(set), Some(kind), proposal).remove(0);
        let step = one(&[], OwnerKind::Organisation, &with(&["operator", "second"]));
        assert_eq!(step.state, StepState::ByHand);
        assert_eq!(step.fix.unwrap(), "under [run] in the settings: trusted = [\"operator\", \"second\"]");
        assert_eq!(one(&[], OwnerKind::Organisation, &with(&[])).state, StepState::ByHand);
        assert_eq!(one(&[], OwnerKind::Person, &with(&["operator"])).state, StepState::Unchanged);
        let step = one(&["Operator"], OwnerKind::Organisation, &with(&["operator", "second"]));
        assert_eq!(step.state, StepState::Unchanged);
        assert!(step.found.ends_with("who can write as well: second"), "{}", step.found);
        let reader = Proposal { readers: owned(&["operator"]), ..Proposal::default() };
        let said = steps(&owned(&["operator"]), Some(OwnerKind::Organisation), &reader);
        assert_eq!(said[1].state, StepState::Warning);
    }
}
