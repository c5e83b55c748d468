//! What the audit looks for in the files in Git.
//!
//! One commit is looked through, the newest of the default branch: what is pushed meanwhile is another one. Bounded in
//! files and in bytes a file, and what was left out is counted and told.

use crate::forge::{EntryKind, Forge, ForgeResult, RepositoryName};
use crate::health::{FilesAudited, is_manifest, plain_secrets};
use futures::StreamExt as _;
use futures::TryStreamExt as _;

/// So many files are read at most.
const MOST: usize = 2_000;
/// So many at once: the forge is somebody's small machine.
const AT_ONCE: usize = 4;
/// A larger file is no manifest that a person wrote.
const LARGEST: usize = 512 * 1024;

/// Looks through the manifests of a repository.
pub(crate) async fn audit_files(forge: &dyn Forge, name: &RepositoryName) -> ForgeResult<FilesAudited> {
    let repository = forge.repository(name).await?;
    let branch = forge.branch(name, &repository.default_branch).await?;
    let mut paths: Vec<String> = (forge.tree(name, &branch.head).await?.into_iter())
        .filter(|entry| matches!(entry.kind, EntryKind::File) && is_manifest(&entry.path))
        .map(|entry| entry.path)
        .collect();
    let mut left = paths.len().saturating_sub(MOST);
    paths.truncate(MOST);
    let read = async |path: String| {
        let file = forge.file(name, &path, branch.head.as_str()).await?;
        ForgeResult::Ok((path, file))
    };
    let mut files = futures::stream::iter(paths).map(read).buffered(AT_ONCE).boxed();
    let (mut looked_at, mut secrets) = (0, Vec::new());
    while let Some((path, file)) = files.try_next().await? {
        match file {
            Some(file) if file.content.len() <= LARGEST => {
                looked_at += 1;
                let text = String::from_utf8_lossy(&file.content);
                secrets.extend(plain_secrets(&text).into_iter().map(|line| (path.clone(), line)));
            }
            Some(_) | None => left += 1,
        }
    }
    Ok(FilesAudited { looked_at, left, secrets })
}
