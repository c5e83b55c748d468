//! Statuses, protections, hooks, and the repository's own name.

use super::Repository;
use crate::gitea::MergeStyle;
use crate::gitea::git::Sha;
use crate::gitea::hooks::{Hook, expand_events};
use crate::gitea::state::{Status, now};
use crate::gitea::view::{Protection, Refusal, StatusState};

impl Repository {
    /// Sets the status of a commit.
    pub fn set_status(&self, by: &str, sha: &str, context: &str, state: StatusState) -> Result<(), Refusal> {
        self.change(|world, id| {
            let sha = Sha::parse(sha).ok_or_else(Refusal::not_found)?;
            let status = Status {
                id: world.counters.next("status"),
                context: context.to_owned(),
                state,
                description: String::new(),
                target_url: String::new(),
                creator: by.to_owned(),
                created: now(),
            };
            world.set_status(id, &sha, &status)
        })
    }

    /// Protects a branch, or changes its protection.
    pub fn protect_branch(&self, branch: &str, protection: Protection) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.protections.insert(branch.to_owned(), (protection, now()));
            Ok(())
        })
    }

    /// Takes the protection of a branch away.
    pub fn unprotect_branch(&self, branch: &str) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.protections.remove(branch).map(|_| ()).ok_or_else(Refusal::not_found)
        })
    }

    /// Adds an active hook that receives JSON and returns its id.
    pub fn add_hook(&self, url: &str, secret: &str, events: &[&str]) -> Result<u64, Refusal> {
        self.change(|world, id| {
            let hook = world.counters.next("hook");
            let created = now();
            let events = expand_events(world.server, events.iter().copied());
            world.repo_mut(id)?.hooks.insert(
                hook,
                Hook {
                    id: hook,
                    url: url.to_owned(),
                    secret: secret.to_owned(),
                    form: false,
                    events,
                    active: true,
                    authorization_header: String::new(),
                    branch_filter: String::new(),
                    created,
                    updated: created,
                },
            );
            Ok(hook)
        })
    }

    /// Renames the repository; the old name answers 301, and this handle goes on with the new one.
    pub fn rename(&mut self, name: &str) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.rename(id, name);
            Ok(())
        })?;
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Hides the repository from those whom it does not let in, or shows it to everybody.
    pub fn set_private(&self, private: bool) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.private = private;
            Ok(())
        })
    }

    /// Chooses how pull requests may be merged.
    pub fn allow_merges(&self, styles: &[MergeStyle]) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.merge_styles = styles.iter().copied().collect();
            Ok(())
        })
    }

    /// Deletes the repository with all that is in it.
    pub fn delete(&self) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.delete_repository(id);
            Ok(())
        })
    }

    /// Archives the repository, or takes it back.
    pub fn set_archived(&self, archived: bool) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.archived = archived.then(now);
            Ok(())
        })
    }
}
