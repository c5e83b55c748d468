//! Moving branches, and what follows from it: deliveries, synchronised pull requests, and `mergeable` starting over.

use std::time::Instant;

use super::git::{Entry, Files, Mode, Sha};
use super::merge::merge_trees;
use super::state::{Check, EntryKind, Verdict, World, now};
use super::view::{FileChange, IssueState, NewCommit, Refusal};

impl World {
    /// Puts a branch on a commit, or deletes it.
    pub(crate) fn push(
        &mut self,
        repo_id: u64,
        by: &str,
        branch: &str,
        after: Option<Sha>,
    ) -> Result<(), Refusal> {
        let repo = self.repo_mut(repo_id)?;
        let before = repo.git.branches.get(branch).cloned();
        if before == after {
            return Ok(());
        }
        match &after {
            Some(after) => repo.git.branches.insert(branch.to_owned(), after.clone()),
            None => repo.git.branches.remove(branch),
        };
        repo.updated = now();
        let open = |pull_branch: fn(&super::state::Pull) -> &str| -> Vec<u64> {
            let affected = |issue: &&super::state::Issue| {
                issue.state == IssueState::Open
                    && issue.pull.as_ref().is_some_and(|pull| pull_branch(pull) == branch)
            };
            repo.issues.values().filter(affected).map(|issue| issue.number).collect()
        };
        let from_here = open(|pull| &pull.head_branch);
        let to_here = open(|pull| &pull.base_branch);
        self.announce_push(repo_id, by, branch, before.as_ref(), after.as_ref());
        let Some(after) = after else {
            for number in from_here.into_iter().chain(to_here) {
                let edit = super::issues::IssueEdit { state: Some(IssueState::Closed), ..Default::default() };
                self.edit_issue(repo_id, by, number, edit)?;
            }
            return Ok(());
        };
        for number in from_here {
            self.synchronise(repo_id, by, number, &after)?;
        }
        for number in to_here {
            self.check_pull_later(repo_id, number);
        }
        Ok(())
    }

    fn synchronise(&mut self, repo_id: u64, by: &str, number: u64, after: &Sha) -> Result<(), Refusal> {
        let repo = self.repo_mut(repo_id)?;
        let Some(issue) = repo.issues.get_mut(&number) else { return Ok(()) };
        let Some(pull) = &mut issue.pull else { return Ok(()) };
        let before = std::mem::replace(&mut pull.head, after.clone());
        if let Some(base) = repo.git.branches.get(&pull.base_branch)
            && let Some(merge_base) = repo.git.merge_base(base, after)
        {
            pull.merge_base = merge_base;
        }
        // A schedule belongs to the head that it was asked for.
        pull.scheduled = None;
        let commits = repo.git.log(Some(&before), after).iter().map(|commit| commit.sha.clone()).collect();
        self.record(repo_id, number, by, EntryKind::PullPush { commits })?;
        self.check_pull_later(repo_id, number);
        self.announce_sync(repo_id, number, by, &before, after);
        Ok(())
    }

    /// Starts to compute `mergeable` over again.
    pub(crate) fn check_pull_later(&mut self, repo: u64, number: u64) {
        let whole = self.mergeable_delay;
        let stale = self.server.stale_mergeable(whole);
        if let Ok(issue) = self.issue_mut(repo, number)
            && let Some(pull) = &mut issue.pull
        {
            pull.check = pull.check.started(stale, whole);
        }
    }

    /// Finishes the checks whose time has come. Called whenever the lock is taken, which nobody can tell from a
    /// background task.
    pub(crate) fn settle(&mut self) {
        let due = Instant::now();
        let mut finished = Vec::new();
        for repo in self.repos.values() {
            for issue in repo.issues.values() {
                if issue.pull.as_ref().is_some_and(|pull| pull.check.is_due(due)) {
                    finished.push((repo.id, issue.number));
                }
            }
        }
        for (repo, number) in finished {
            self.check_pull_now(repo, number);
        }
    }

    /// Tries the merge.
    pub(crate) fn check_pull_now(&mut self, repo_id: u64, number: u64) {
        let Ok(repo) = self.repo_mut(repo_id) else { return };
        let Some(pull) = repo.issues.get_mut(&number).and_then(|issue| issue.pull.as_mut()) else { return };
        if pull.merged.is_some() {
            pull.check = Check::ended(Verdict::Clean);
            return;
        }
        let Some(base) = repo.git.branches.get(&pull.base_branch).cloned() else { return };
        let merge_base = repo.git.merge_base(&base, &pull.head);
        let tree = |sha: &Sha| repo.git.commit(sha).map(|commit| commit.files.clone()).unwrap_or_default();
        let [fork, ours, theirs] =
            [tree(merge_base.as_ref().unwrap_or(&base)), tree(&base), tree(&pull.head)];
        if let Some(merge_base) = merge_base {
            pull.merge_base = merge_base;
        }
        if pull.merge_base == pull.head {
            pull.check = Check::ended(Verdict::Ancestor);
            return;
        }
        let clean = merge_trees(&mut repo.git, &fork, &ours, &theirs).is_ok();
        pull.check = Check::ended(if clean { Verdict::Clean } else { Verdict::Conflict });
    }

    /// Commits as `git commit` and `git push` would.
    pub(crate) fn commit(&mut self, repo_id: u64, branch: &str, new: NewCommit) -> Result<Sha, Refusal> {
        let signature = self.signature(&new.author);
        let repo = self.repo_mut(repo_id)?;
        let parent = match &new.from {
            Some(revision) => {
                let found = repo.git.resolve(revision);
                Some(found.ok_or_else(|| Refusal::new(404, format!("no such revision: {revision}")))?)
            }
            None => repo.git.resolve(branch),
        };
        if parent.is_none() && !repo.git.branches.is_empty() {
            return Err(Refusal::new(404, format!("branch does not exist [name: {branch}]")));
        }
        let parents: Vec<Sha> = parent.iter().map(|commit| commit.sha.clone()).collect();
        let mut files = parent.map(|commit| Files::clone(&commit.files)).unwrap_or_default();
        for change in new.files {
            match change {
                FileChange::Write { path, content, executable } => {
                    let mode = if executable { Mode::Executable } else { Mode::File };
                    files.insert(path, Entry { mode, blob: repo.git.write_blob(content) });
                }
                FileChange::Symlink { path, target } => {
                    let blob = repo.git.write_blob(target.into_bytes());
                    files.insert(path, Entry { mode: Mode::Symlink, blob });
                }
                FileChange::Delete { path } => {
                    if files.remove(&path).is_none() {
                        return Err(Refusal::new(404, format!("no such file: {path}")));
                    }
                }
            }
        }
        let sha = repo.git.write_commit(files, parents, signature.clone(), signature, &new.message);
        self.push(repo_id, &new.author, branch, Some(sha.clone()))?;
        Ok(sha)
    }
}
