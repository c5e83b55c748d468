//! Files: reading them, and writing several in one commit.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::contents::{ChangeFiles, FileOperation, Operation};
use super::super::git::{Commit, Entry, Mode, tree_entries};
use super::super::server::{Diffpatch, Object, Server};
use super::super::state::{Repo, World};
use super::super::view::Refusal;
use super::call::{Answer, Call, Need, Outcome, Visit, read};
use super::commits::written;
use super::issues::Place;

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/contents", get(root).post(change))
        .route("/contents/{*path}", get(show).post(create_one).put(update_one).delete(delete_one))
        .route("/raw/{*path}", get(raw))
        .route("/media/{*path}", get(raw))
        .route("/diffpatch", post(patch))
}

type PathPlace = Path<(String, String, String)>;

async fn root(call: Call, Path((owner, name)): Place) -> Response {
    let reference = call.query.get("ref").cloned();
    call.visit(&owner, &name, Need::Read, |world, visit| contents(world, visit, reference, ""))
}

async fn show(call: Call, Path((owner, name, path)): PathPlace) -> Response {
    let reference = call.query.get("ref").cloned();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        contents(world, visit, reference, path.trim_matches('/'))
    })
}

/// What a reference names. `~1` and its like are not understood everywhere.
fn at(server: Server, repo: &Repo, reference: Option<String>) -> Result<(String, &Commit), Refusal> {
    let reference = reference.filter(|name| !name.is_empty()).unwrap_or_else(|| repo.default_branch.clone());
    let missing = || Refusal::missing(format!("object does not exist [id: {reference}, rel_path: ]"));
    let commit = if server.reads_expressions() {
        repo.git.resolve_expression(&reference)
    } else {
        repo.git.resolve(&reference)
    };
    let commit = commit.ok_or_else(missing)?;
    Ok((reference, commit))
}

fn contents(world: &World, visit: &Visit, reference: Option<String>, path: &str) -> Outcome {
    let repo = world.repo(visit.repo)?;
    let (reference, commit) = at(world.server, repo, reference)?;
    let place = Location { world, repo, reference: &reference, commit };
    if let Some(entry) = commit.files.get(path) {
        return Ok(Answer::Json(200, place.file(path, entry, true)));
    }
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let inside = |entry: &super::super::git::TreeEntry| {
        entry.path.strip_prefix(&prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
    };
    let entries: Vec<Value> = tree_entries(&commit.files)
        .into_iter()
        .filter(inside)
        .map(|entry| match commit.files.get(&entry.path) {
            Some(file) => place.file(&entry.path, file, false),
            None => place.item(&entry.path, &entry.sha, "dir", 0, [Value::Null, Value::Null, Value::Null]),
        })
        .collect();
    if entries.is_empty() && !path.is_empty() {
        let text = format!("object does not exist [id: , rel_path: {path}]");
        return Err(Refusal::missing(text));
    }
    Ok(Answer::Json(200, Value::Array(entries)))
}

/// The place from which files are shown.
struct Location<'a> {
    world: &'a World,
    repo: &'a Repo,
    reference: &'a str,
    commit: &'a Commit,
}

impl Location<'_> {
    fn file(&self, path: &str, entry: &Entry, with_content: bool) -> Value {
        let content = self.repo.git.blob(&entry.blob).unwrap_or_default();
        let size = content.len();
        let kind = if entry.mode == Mode::Symlink { "symlink" } else { "file" };
        let more = if entry.mode == Mode::Symlink {
            [Value::Null, Value::Null, json!(String::from_utf8_lossy(&content))]
        } else if with_content {
            [json!("base64"), json!(BASE64_STANDARD.encode(content.as_slice())), Value::Null]
        } else {
            [Value::Null, Value::Null, Value::Null]
        };
        self.item(path, &entry.blob, kind, size, more)
    }

    fn item(&self, path: &str, sha: &str, kind: &str, size: usize, more: [Value; 3]) -> Value {
        let Self { world, repo, reference, commit } = self;
        let api = format!("{}/api/v1/repos/{}", world.base, repo.full_name());
        let html = format!("{}/{}", world.base, repo.full_name());
        let which = if repo.git.branches.contains_key(*reference) { "branch" } else { "commit" };
        let url = format!("{api}/contents/{path}?ref={}", reference.replace('/', "%2F"));
        let git = format!("{api}/git/{}/{sha}", if kind == "dir" { "trees" } else { "blobs" });
        let page = format!("{html}/src/{which}/{reference}/{path}");
        let last = repo.git.last_change(&commit.sha, path);
        let [encoding, content, target] = more;
        let shown = json!({
            "name": path.rsplit('/').next(),
            "path": path,
            "sha": sha,
            "last_commit_sha": last.map(|last| last.sha.as_str()),
            "last_committer_date": last.map(|last| last.committer.when.to_string()),
            "last_author_date": last.map(|last| last.author.when.to_string()),
            "type": kind,
            "size": size,
            "encoding": encoding,
            "content": content,
            "target": target,
            "url": url,
            "html_url": page,
            "git_url": git,
            "download_url": (kind != "dir").then(|| format!("{html}/raw/{which}/{reference}/{path}")),
            "submodule_git_url": null,
            "_links": { "self": url, "git": git, "html": page },
        });
        world.server.shaped(Object::File, shown)
    }
}

async fn raw(call: Call, Path((owner, name, path)): PathPlace) -> Response {
    let reference = call.query.get("ref").cloned();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let (_, commit) = at(world.server, repo, reference)?;
        let entry = commit.files.get(&path).ok_or_else(Refusal::not_found)?;
        let content = repo.git.blob(&entry.blob).ok_or_else(Refusal::not_found)?;
        Ok(Answer::Text(String::from_utf8_lossy(&content).into_owned()))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OneFile {
    operation: String,
    path: String,
    from_path: Option<String>,
    sha: Option<String>,
    content: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Change {
    branch: Option<String>,
    new_branch: Option<String>,
    message: String,
    files: Vec<OneFile>,
}

fn operation(file: OneFile) -> Result<FileOperation, Refusal> {
    let operation = match file.operation.as_str() {
        "create" => Operation::Create,
        "update" => Operation::Update,
        "upload" => Operation::Upload,
        "delete" => Operation::Delete,
        _ => return Err(Refusal::new(422, "[Operation]: In")),
    };
    let content = BASE64_STANDARD.decode(file.content.replace('\n', ""));
    Ok(FileOperation {
        operation,
        path: file.path,
        from_path: file.from_path.filter(|path| !path.is_empty()),
        sha: file.sha.filter(|sha| !sha.is_empty()),
        content: content.map_err(|error| Refusal::new(422, error.to_string()))?,
    })
}

async fn change(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let change: Change = read(&body)?;
        if change.files.is_empty() {
            return Err(Refusal::new(422, "[Files]: Required"));
        }
        let files: Vec<FileOperation> = change.files.into_iter().map(operation).collect::<Result<_, _>>()?;
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let change = ChangeFiles {
            branch: change.branch,
            new_branch: change.new_branch,
            message: change.message,
            files,
        };
        let (branch, sha) = world.change_files(visit.repo, visit.by(), change)?;
        let repo = world.repo(visit.repo)?;
        let commit = repo.git.commit(&sha).ok_or_else(Refusal::not_found)?;
        let place = Location { world, repo, reference: &branch, commit };
        // A deleted file is null in the list.
        let show = |path: &String| commit.files.get(path).map(|entry| place.file(path, entry, true));
        let shown: Value = paths.iter().map(show).collect();
        Ok(Answer::Json(201, written(world, repo, &sha, ("files", shown))?))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Single {
    branch: Option<String>,
    new_branch: Option<String>,
    message: String,
    content: String,
    sha: Option<String>,
    from_path: Option<String>,
}

async fn create_one(call: Call, place: PathPlace, body: Bytes) -> Response {
    single(call, place, &body, "create")
}

async fn update_one(call: Call, place: PathPlace, body: Bytes) -> Response {
    single(call, place, &body, "update")
}

async fn delete_one(call: Call, place: PathPlace, body: Bytes) -> Response {
    single(call, place, &body, "delete")
}

fn single(call: Call, Path((owner, name, path)): PathPlace, body: &Bytes, what: &str) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let Single { branch, new_branch, message, content, sha, from_path } = read(body)?;
        let file = OneFile { operation: what.to_owned(), path: path.clone(), from_path, sha, content };
        let change = ChangeFiles { branch, new_branch, message, files: vec![operation(file)?] };
        let (branch, sha) = world.change_files(visit.repo, visit.by(), change)?;
        let repo = world.repo(visit.repo)?;
        let commit = repo.git.commit(&sha).ok_or_else(Refusal::not_found)?;
        let place = Location { world, repo, reference: &branch, commit };
        let shown = commit.files.get(&path).map_or(Value::Null, |entry| place.file(&path, entry, true));
        let status = if what == "create" { 201 } else { 200 };
        Ok(Answer::Json(status, written(world, repo, &sha, ("content", shown))?))
    })
}

async fn patch(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let Single { branch, new_branch, message, content, sha, .. } = read(&body)?;
        match world.server.diffpatch() {
            Diffpatch::NoRoute => return Ok(Answer::NoRoute),
            Diffpatch::NeedsSha if sha.is_none() => return Err(Refusal::new(422, "[SHA]: Required")),
            Diffpatch::NeedsSha | Diffpatch::Offered => {}
        }
        let sha = world.apply_patch(visit.repo, visit.by(), (branch, new_branch), &message, &content)?;
        Ok(Answer::Json(201, written(world, world.repo(visit.repo)?, &sha, ("content", Value::Null))?))
    })
}
