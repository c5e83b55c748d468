//! Branches, commits and files.

use super::Repository;
use crate::gitea::git::{Commit, Entry, Sha, changed_paths};
use crate::gitea::view::{CommitInfo, FileEntry, FileMap, NewCommit, Refusal};

impl Repository {
    /// Commits and pushes. Deliveries and pull requests follow as from a real push.
    pub fn commit(&self, branch: &str, commit: NewCommit) -> Result<Sha, Refusal> {
        self.change(|world, id| world.commit(id, branch, commit))
    }

    /// Makes a branch at a branch or commit.
    pub fn create_branch(&self, by: &str, branch: &str, from: &str) -> Result<Sha, Refusal> {
        self.change(|world, id| {
            let git = &world.repo(id)?.git;
            if git.branches.contains_key(branch) {
                return Err(Refusal::new(409, "The branch already exists."));
            }
            let sha = git.resolve(from).map(|commit| commit.sha.clone()).ok_or_else(Refusal::not_found)?;
            world.push(id, by, branch, Some(sha.clone()))?;
            Ok(sha)
        })
    }

    /// Deletes a branch; open pull requests from it are closed.
    pub fn delete_branch(&self, by: &str, branch: &str) -> Result<(), Refusal> {
        self.change(|world, id| {
            if !world.repo(id)?.git.branches.contains_key(branch) {
                return Err(Refusal::not_found());
            }
            world.push(id, by, branch, None)
        })
    }

    /// The names of all branches.
    #[must_use]
    pub fn branches(&self) -> Vec<String> {
        self.look(|repo| Some(repo.git.branches.keys().cloned().collect())).unwrap_or_default()
    }

    /// The newest commit of a branch.
    #[must_use]
    pub fn branch_head(&self, branch: &str) -> Option<Sha> {
        self.look(|repo| repo.git.branches.get(branch).cloned())
    }

    /// The name of the default branch.
    #[must_use]
    pub fn default_branch(&self) -> String {
        self.look(|repo| Some(repo.default_branch.clone())).unwrap_or_else(|| "main".to_owned())
    }

    /// The content of a file at a branch or commit.
    #[must_use]
    pub fn file(&self, revision: &str, path: &str) -> Option<Vec<u8>> {
        self.look(|repo| {
            let entry = repo.git.resolve(revision)?.files.get(path)?;
            repo.git.blob(&entry.blob).map(|blob| blob.to_vec())
        })
    }

    /// All files at a branch or commit.
    #[must_use]
    pub fn files(&self, revision: &str) -> FileMap {
        self.look(|repo| {
            let files = repo.git.resolve(revision)?.files.iter();
            let entry = |(path, entry): (&String, &Entry)| {
                let content = repo.git.blob(&entry.blob)?.to_vec();
                Some((path.clone(), FileEntry { mode: entry.mode, blob: entry.blob.clone(), content }))
            };
            Some(files.filter_map(entry).collect())
        })
        .unwrap_or_default()
    }

    /// The commit that a branch, an id, or such with `~N` names.
    #[must_use]
    pub fn commit_info(&self, revision: &str) -> Option<CommitInfo> {
        self.look(|repo| repo.git.resolve_expression(revision).map(commit_info))
    }

    /// The first-parent history of a branch or commit, newest first.
    #[must_use]
    pub fn history(&self, revision: &str) -> Vec<CommitInfo> {
        self.look(|repo| {
            let mut commits = Vec::new();
            let mut next = repo.git.resolve(revision);
            while let Some(commit) = next {
                commits.push(commit_info(commit));
                next = commit.parents.first().and_then(|parent| repo.git.commit(parent));
            }
            Some(commits)
        })
        .unwrap_or_default()
    }

    /// The paths in which two revisions differ.
    #[must_use]
    pub fn changed_files(&self, from: &str, to: &str) -> Vec<String> {
        self.look(|repo| {
            let (from, to) = (repo.git.resolve(from)?, repo.git.resolve(to)?);
            Some(changed_paths(&from.files, &to.files).into_iter().collect())
        })
        .unwrap_or_default()
    }

    /// Whether the first revision is the second or in its history.
    #[must_use]
    pub fn is_ancestor(&self, ancestor: &str, of: &str) -> bool {
        self.look(|repo| {
            let (ancestor, of) = (repo.git.resolve(ancestor)?, repo.git.resolve(of)?);
            Some(repo.git.is_ancestor(&ancestor.sha, &of.sha))
        })
        .unwrap_or_default()
    }
}

fn commit_info(commit: &Commit) -> CommitInfo {
    CommitInfo {
        sha: commit.sha.clone(),
        parents: commit.parents.clone(),
        message: commit.message.clone(),
        author: commit.author.name.clone(),
        when: commit.committer.when,
    }
}
