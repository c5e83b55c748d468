//! A small git object store: blobs, trees, commits and branches, with the ids that git itself would give them.
//!
//! A commit keeps its whole tree as one flat map from path to entry: repositories of configuration are small, and
//! merging, comparing and reading a file are then plain map operations. Trees as git nests them are derived on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use sha1::{Digest, Sha1};

/// The id of a git object: forty lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha(String);

impl Sha {
    /// Reads an id, if `text` is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid =
            text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
        valid.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(kind: &str, content: &[u8]) -> Self {
        let mut hasher = Sha1::new();
        hasher.update(format!("{kind} {}\0", content.len()));
        hasher.update(content);
        Self(hex(&hasher.finalize()))
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.as_bytes().chunks(2).map(|pair| {
            let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'a' + 10 };
            digit(pair[0]) * 16 + digit(pair[1])
        })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl std::fmt::Display for Sha {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Deref for Sha {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A plain file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; the content is its target.
    Symlink,
}

impl Mode {
    /// The mode as git writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

/// One file in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: Mode,
    pub(crate) blob: Sha,
}

/// A whole tree, flat.
pub(crate) type Files = BTreeMap<String, Entry>;

/// Who wrote or committed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) when: Timestamp,
}

impl Signature {
    fn line(&self) -> String {
        format!("{} <{}> {} +0000", self.name, self.email, self.when.as_second())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) sha: Sha,
    pub(crate) tree: Sha,
    pub(crate) files: Arc<Files>,
    pub(crate) parents: Vec<Sha>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
}

/// An entry of a nested tree, as `git ls-tree -r -t` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    pub(crate) path: String,
    pub(crate) mode: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) sha: Sha,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    blobs: HashMap<Sha, Arc<Vec<u8>>>,
    commits: HashMap<Sha, Commit>,
    pub(crate) branches: BTreeMap<String, Sha>,
}

impl Store {
    pub(crate) fn write_blob(&mut self, content: Vec<u8>) -> Sha {
        let sha = Sha::of("blob", &content);
        self.blobs.entry(sha.clone()).or_insert_with(|| Arc::new(content));
        sha
    }

    pub(crate) fn blob(&self, sha: &str) -> Option<Arc<Vec<u8>>> {
        self.blobs.get(&Sha::parse(sha)?).cloned()
    }

    pub(crate) fn write_commit(
        &mut self,
        files: Files,
        parents: Vec<Sha>,
        author: Signature,
        committer: Signature,
        message: &str,
    ) -> Sha {
        let tree = tree_id(&files);
        let message = format!("{}\n", message.trim_end_matches('\n'));
        let mut text = format!("tree {tree}\n");
        for parent in &parents {
            let _ = writeln!(text, "parent {parent}");
        }
        let _ = write!(text, "author {}\ncommitter {}\n\n{message}", author.line(), committer.line());
        let sha = Sha::of("commit", text.as_bytes());
        let commit =
            Commit { sha: sha.clone(), tree, files: Arc::new(files), parents, author, committer, message };
        self.commits.insert(sha.clone(), commit);
        sha
    }

    pub(crate) fn commit(&self, sha: &str) -> Option<&Commit> {
        self.commits.get(&Sha::parse(sha)?)
    }

    /// The commit that a branch name or a full id names.
    pub(crate) fn resolve(&self, revision: &str) -> Option<&Commit> {
        let branch = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        match self.branches.get(branch) {
            Some(sha) => self.commits.get(sha),
            None => self.commit(revision),
        }
    }

    /// As [`Self::resolve`], and understands `~N` and `^N` after it.
    pub(crate) fn resolve_expression(&self, expression: &str) -> Option<&Commit> {
        let Some(at) = expression.find(['~', '^']) else { return self.resolve(expression) };
        let (name, mut rest) = expression.split_at(at);
        let mut commit = self.resolve(name)?;
        while let Some(operator) = rest.chars().next() {
            let digits: String = rest[1..].chars().take_while(char::is_ascii_digit).collect();
            rest = &rest[1 + digits.len()..];
            let count: usize = if digits.is_empty() { 1 } else { digits.parse().ok()? };
            match operator {
                '~' => {
                    for _ in 0..count {
                        commit = self.commits.get(commit.parents.first()?)?;
                    }
                }
                '^' if count > 0 => commit = self.commits.get(commit.parents.get(count - 1)?)?,
                '^' => {}
                _ => return None,
            }
        }
        Some(commit)
    }

    /// Every commit reachable from `from`, itself included.
    pub(crate) fn ancestors(&self, from: &Sha) -> HashSet<Sha> {
        let mut seen = HashSet::new();
        let mut queue = VecDeque::from([from.clone()]);
        while let Some(sha) = queue.pop_front() {
            if let Some(commit) = self.commits.get(&sha)
                && seen.insert(sha)
            {
                queue.extend(commit.parents.iter().cloned());
            }
        }
        seen
    }

    pub(crate) fn is_ancestor(&self, ancestor: &Sha, of: &Sha) -> bool {
        self.ancestors(of).contains(ancestor)
    }

    /// The best common ancestor: the nearest one in breadth-first order from `second`.
    pub(crate) fn merge_base(&self, first: &Sha, second: &Sha) -> Option<Sha> {
        let candidates = self.ancestors(first);
        let mut seen = HashSet::new();
        let mut queue = VecDeque::from([second.clone()]);
        while let Some(sha) = queue.pop_front() {
            if candidates.contains(&sha) {
                return Some(sha);
            }
            if let Some(commit) = self.commits.get(&sha)
                && seen.insert(sha)
            {
                queue.extend(commit.parents.iter().cloned());
            }
        }
        None
    }

    /// The commits reachable from `to` and not from `from`, children before parents, as `git log from..to` lists them.
    pub(crate) fn log(&self, from: Option<&Sha>, to: &Sha) -> Vec<&Commit> {
        let hidden = from.map(|sha| self.ancestors(sha)).unwrap_or_default();
        let wanted: HashSet<Sha> =
            self.ancestors(to).into_iter().filter(|sha| !hidden.contains(sha)).collect();
        let mut children: HashMap<&Sha, usize> = HashMap::new();
        for commit in wanted.iter().filter_map(|sha| self.commits.get(sha)) {
            for parent in &commit.parents {
                *children.entry(parent).or_default() += 1;
            }
        }
        let mut ready: Vec<&Commit> = wanted
            .iter()
            .filter(|sha| !children.contains_key(sha))
            .filter_map(|sha| self.commits.get(sha))
            .collect();
        let mut ordered = Vec::with_capacity(wanted.len());
        while let Some(position) = newest(&ready) {
            let commit = ready.remove(position);
            ordered.push(commit);
            // The first parent is looked at last, so that among equal times the merged branch comes first.
            for parent in commit.parents.iter().rev() {
                if let Some(count) = children.get_mut(parent) {
                    *count -= 1;
                    if *count == 0
                        && wanted.contains(parent)
                        && let Some(parent) = self.commits.get(parent)
                    {
                        ready.push(parent);
                    }
                }
            }
        }
        ordered
    }

    /// The newest commit in the history of `from` that changed what lies at `path` (a file or a folder).
    pub(crate) fn last_change(&self, from: &Sha, path: &str) -> Option<&Commit> {
        let prefix = format!("{path}/");
        let slice = |commit: &Commit| -> Vec<(String, Sha, Mode)> {
            commit
                .files
                .iter()
                .filter(|(name, _)| *name == path || name.starts_with(&prefix))
                .map(|(name, entry)| (name.clone(), entry.blob.clone(), entry.mode))
                .collect()
        };
        let mut commit = self.commits.get(from)?;
        loop {
            let here = slice(commit);
            let same = commit
                .parents
                .iter()
                .filter_map(|parent| self.commits.get(parent))
                .find(|parent| slice(parent) == here);
            match same {
                Some(parent) => commit = parent,
                None => return Some(commit),
            }
        }
    }
}

fn newest(ready: &[&Commit]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (position, commit) in ready.iter().enumerate() {
        if best.is_none_or(|best| commit.committer.when.as_second() >= ready[best].committer.when.as_second())
        {
            best = Some(position);
        }
    }
    best
}

/// The paths in which two trees differ.
pub(crate) fn changed_paths(before: &Files, after: &Files) -> BTreeSet<String> {
    let differs = |path: &&String| before.get(*path) != after.get(*path);
    before.keys().chain(after.keys()).filter(differs).cloned().collect()
}

/// The id of the tree that holds exactly `files`.
pub(crate) fn tree_id(files: &Files) -> Sha {
    let pairs: Vec<(&str, &Entry)> = files.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
    let mut sink = Vec::new();
    nested(&pairs, "", &mut sink)
}

/// Every entry of the tree, folders included, in git's order.
pub(crate) fn tree_entries(files: &Files) -> Vec<TreeEntry> {
    let pairs: Vec<(&str, &Entry)> = files.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
    let mut entries = Vec::new();
    nested(&pairs, "", &mut entries);
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// Writes the tree of `pairs` (paths relative to `prefix`) and all below it into `sink`, and returns its id.
fn nested(pairs: &[(&str, &Entry)], prefix: &str, sink: &mut Vec<TreeEntry>) -> Sha {
    let mut folders: BTreeMap<&str, Vec<(&str, &Entry)>> = BTreeMap::new();
    let mut direct: Vec<(String, &'static str, &'static str, String, Sha)> = Vec::new();
    for (path, entry) in pairs {
        match path.split_once('/') {
            Some((folder, rest)) => folders.entry(folder).or_default().push((rest, entry)),
            None => direct.push((
                (*path).to_owned(),
                entry.mode.as_str(),
                "blob",
                (*path).to_owned(),
                entry.blob.clone(),
            )),
        }
    }
    for (folder, inside) in folders {
        let sha = nested(&inside, &format!("{prefix}{folder}/"), sink);
        // git sorts a folder as if its name ended in a slash.
        direct.push((format!("{folder}/"), "40000", "tree", folder.to_owned(), sha));
    }
    direct.sort();
    let mut content = Vec::new();
    for (_, mode, kind, name, sha) in direct {
        content.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        content.extend(sha.bytes());
        let mode = if kind == "tree" { "040000" } else { mode };
        sink.push(TreeEntry { path: format!("{prefix}{name}"), mode, kind, sha });
    }
    Sha::of("tree", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(seconds: i64) -> Signature {
        Signature {
            name: "operator".into(),
            email: "operator@example.com".into(),
            when: Timestamp::from_second(seconds).expect("a time in range"),
        }
    }

    fn files(store: &mut Store, list: &[(&str, &str)]) -> Files {
        list.iter()
            .map(|(path, text)| {
                let blob = store.write_blob(text.as_bytes().to_vec());
                ((*path).to_owned(), Entry { mode: Mode::File, blob })
            })
            .collect()
    }

    #[test]
    fn ids_are_those_of_git() {
        let mut store = Store::default();
        assert_eq!(store.write_blob(b"one\n".to_vec()).as_str(), "5626abf0f72e58d7a153368ba57db4c673c0e171");
        assert_eq!(store.write_blob(Vec::new()).as_str(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(tree_id(&Files::new()).as_str(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        // printf 'one\n' > a; mkdir b; printf 'one\n' > b/c; git add .; git write-tree
        let nested = files(&mut store, &[("a", "one\n"), ("b/c", "one\n")]);
        assert_eq!(tree_id(&nested).as_str(), "dc6ef57e35d8219179b74f08fee6ee2892c47918");
    }

    #[test]
    fn history_is_walked_as_git_walks_it() {
        let mut store = Store::default();
        let base = files(&mut store, &[("a", "1")]);
        let root = store.write_commit(base.clone(), vec![], signature(1), signature(1), "root");
        let left_files = files(&mut store, &[("a", "2")]);
        let left =
            store.write_commit(left_files.clone(), vec![root.clone()], signature(2), signature(2), "left");
        let right_files = files(&mut store, &[("a", "1"), ("b", "1")]);
        let right = store.write_commit(right_files, vec![root.clone()], signature(3), signature(3), "right");
        let both = files(&mut store, &[("a", "2"), ("b", "1")]);
        let merge =
            store.write_commit(both, vec![left.clone(), right.clone()], signature(4), signature(4), "merge");
        store.branches.insert("main".into(), merge.clone());

        assert_eq!(store.merge_base(&left, &right), Some(root.clone()));
        assert!(store.is_ancestor(&root, &merge) && !store.is_ancestor(&left, &right));
        let log: Vec<&Sha> = store.log(Some(&left), &merge).iter().map(|commit| &commit.sha).collect();
        assert_eq!(log, [&merge, &right]);
        assert_eq!(store.resolve_expression("main~1").map(|commit| &commit.sha), Some(&left));
        assert_eq!(store.resolve_expression("main^2").map(|commit| &commit.sha), Some(&right));
        assert_eq!(store.last_change(&merge, "b").map(|commit| &commit.sha), Some(&right));
        assert_eq!(store.last_change(&merge, "a").map(|commit| &commit.sha), Some(&left));
    }
}
