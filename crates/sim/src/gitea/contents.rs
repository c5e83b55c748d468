//! Several files in one commit, all or nothing, as `POST /contents` writes them.

use super::git::{Entry, Files, Mode, Sha};
use super::server::Server;
use super::state::World;
use super::view::{Permission, Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
    /// Creates or updates, whichever it takes.
    Upload,
}

#[derive(Debug, Clone)]
pub(crate) struct FileOperation {
    pub(crate) operation: Operation,
    pub(crate) path: String,
    pub(crate) from_path: Option<String>,
    pub(crate) sha: Option<String>,
    pub(crate) content: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct ChangeFiles {
    pub(crate) branch: Option<String>,
    pub(crate) new_branch: Option<String>,
    pub(crate) message: String,
    pub(crate) files: Vec<FileOperation>,
}

impl World {
    /// Returns the branch that was written to and the commit.
    pub(crate) fn change_files(
        &mut self,
        repo_id: u64,
        by: &str,
        change: ChangeFiles,
    ) -> Result<(String, Sha), Refusal> {
        let (onto, target) = self.target(repo_id, by, change.branch, change.new_branch)?;
        let repo = self.repo(repo_id)?;
        let parent = repo.git.branches.get(&onto).cloned();
        let parent =
            parent.ok_or_else(|| Refusal::new(404, format!("branch does not exist [name: {onto}]")))?;
        let before = repo.git.commit(&parent).map(|commit| commit.files.clone()).unwrap_or_default();
        let mut files = Files::clone(&before);
        for operation in &change.files {
            apply(self.server, self.repo_mut(repo_id)?, &before, &mut files, operation)?;
        }
        let message =
            if change.message.trim().is_empty() { default_message(&change.files) } else { change.message };
        let sha = self.write_to(repo_id, by, &target, parent, files, &message)?;
        Ok((target, sha))
    }

    /// Applies a patch of text files, as `POST /diffpatch` does.
    pub(crate) fn apply_patch(
        &mut self,
        repo_id: u64,
        by: &str,
        branches: (Option<String>, Option<String>),
        message: &str,
        patch: &str,
    ) -> Result<Sha, Refusal> {
        let (onto, target) = self.target(repo_id, by, branches.0, branches.1)?;
        let repo = self.repo_mut(repo_id)?;
        let parent = repo.git.branches.get(&onto).cloned().ok_or_else(Refusal::not_found)?;
        let mut files =
            repo.git.commit(&parent).map(|commit| Files::clone(&commit.files)).unwrap_or_default();
        // A patch that does not apply is answered with a 500 and no message.
        let fails = || Refusal::new(500, "");
        let mut starts: Vec<usize> = patch.match_indices("diff --git ").map(|(at, _)| at).collect();
        starts.push(patch.len());
        for window in starts.windows(2) {
            let one_file = &patch[window[0]..window[1]];
            let from_hunks = one_file.find("\n--- ").map(|at| &one_file[at + 1..]).ok_or_else(fails)?;
            let name =
                from_hunks.lines().find_map(|line| line.strip_prefix("+++ b/")).ok_or_else(fails)?.to_owned();
            let entry = files.get(&name).cloned().ok_or_else(fails)?;
            let old = repo.git.blob(&entry.blob).and_then(|blob| String::from_utf8(blob.to_vec()).ok());
            let parsed = diffy::Patch::from_str(from_hunks).map_err(|_| fails())?;
            let new = diffy::apply(&old.ok_or_else(fails)?, &parsed).map_err(|_| fails())?;
            let blob = repo.git.write_blob(new.into_bytes());
            files.insert(name, Entry { mode: entry.mode, blob });
        }
        self.write_to(repo_id, by, &target, parent, files, message)
    }

    fn write_to(
        &mut self,
        repo_id: u64,
        by: &str,
        target: &str,
        parent: Sha,
        files: Files,
        message: &str,
    ) -> Result<Sha, Refusal> {
        let signature = self.signature(by);
        let git = &mut self.repo_mut(repo_id)?.git;
        let sha = git.write_commit(files, vec![parent], signature.clone(), signature, message);
        self.push(repo_id, by, target, Some(sha.clone()))?;
        Ok(sha)
    }

    /// The branch to build on and the branch to write to, if `by` may write there.
    fn target(
        &self,
        repo_id: u64,
        by: &str,
        branch: Option<String>,
        new_branch: Option<String>,
    ) -> Result<(String, String), Refusal> {
        let repo = self.repo(repo_id)?;
        self.must_not_be_archived(repo_id)?;
        let non_empty = |name: Option<String>| name.filter(|name| !name.is_empty());
        let onto = non_empty(branch).unwrap_or_else(|| repo.default_branch.clone());
        let target = non_empty(new_branch).unwrap_or_else(|| onto.clone());
        if target != onto && repo.git.branches.contains_key(&target) {
            return Err(Refusal::new(422, format!("branch already exists [name: {target}]")));
        }
        let protected = repo.protections.get(&target).is_some_and(|(protection, _)| !protection.enable_push);
        if protected || self.permission(repo, Some(by)) < Some(Permission::Write) {
            return Err(Refusal::new(403, format!("user cannot commit to repo [user: {by}]")));
        }
        Ok((onto, target))
    }
}

fn apply(
    server: Server,
    repo: &mut super::state::Repo,
    before: &Files,
    files: &mut Files,
    operation: &FileOperation,
) -> Result<(), Refusal> {
    let path = operation.path.trim_matches('/').to_owned();
    let source =
        operation.from_path.as_deref().map_or_else(|| path.clone(), |from| from.trim_matches('/').to_owned());
    let existing = before.get(&source);
    let creates = match operation.operation {
        Operation::Create => true,
        Operation::Upload => existing.is_none(),
        Operation::Update | Operation::Delete => false,
    };
    if creates {
        if before.contains_key(&path) {
            return Err(Refusal::new(422, format!("repository file already exists [path: {path}]")));
        }
        let blob = repo.git.write_blob(operation.content.clone());
        files.insert(path, Entry { mode: Mode::File, blob });
        return Ok(());
    }
    let Some(existing) = existing else {
        return Err(server.no_file_to_change(&source));
    };
    match operation.sha.as_deref() {
        Some(given) if given != &*existing.blob => {
            let text = format!("sha does not match [given: {given}, expected: {}]", existing.blob);
            return Err(Refusal::new(422, text));
        }
        None if operation.operation != Operation::Upload => {
            return Err(Refusal::new(422, "a SHA or commit ID must be proved when updating a file"));
        }
        _ => {}
    }
    if operation.operation == Operation::Delete {
        files.remove(&path);
        return Ok(());
    }
    if existing.mode == Mode::Symlink {
        let text =
            format!("a symbolic link exists where you’re trying to create a subdirectory [path: {path}]");
        return Err(Refusal::new(422, text));
    }
    if source != path {
        if before.contains_key(&path) {
            return Err(Refusal::new(422, format!("repository file already exists [path: {path}]")));
        }
        files.remove(&source);
    }
    let blob = repo.git.write_blob(operation.content.clone());
    files.insert(path, Entry { mode: existing.mode, blob });
    Ok(())
}

fn default_message(files: &[FileOperation]) -> String {
    match files {
        [only] => {
            let verb = match only.operation {
                Operation::Create => "Add",
                Operation::Delete => "Delete",
                Operation::Update | Operation::Upload => "Update",
            };
            format!("{verb} {}", only.path)
        }
        several => format!("Change {} files", several.len()),
    }
}
