//! What actors and tests do to a repository from inside the process, by the same code that serves the API.

mod code;
mod settings;
mod tracker;

use super::Gitea;
use super::state::{Repo, World};
use super::view::Refusal;

/// A handle on one repository; cheap to clone. Everything that names a user names them by login.
#[derive(Debug, Clone)]
pub struct Repository {
    gitea: Gitea,
    owner: String,
    name: String,
}

impl Repository {
    pub(crate) fn new(gitea: Gitea, owner: &str, name: &str) -> Self {
        Self { gitea, owner: owner.to_owned(), name: name.to_owned() }
    }

    /// The owner's login.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn change<R>(&self, run: impl FnOnce(&mut World, u64) -> Result<R, Refusal>) -> Result<R, Refusal> {
        self.gitea.with(|world| {
            let id = world.repo_id(&self.owner, &self.name).ok_or_else(Refusal::not_found)?;
            run(world, id)
        })
    }

    fn look<R>(&self, run: impl FnOnce(&Repo) -> Option<R>) -> Option<R> {
        self.change(|world, id| world.repo(id).map(run)).ok().flatten()
    }
}
