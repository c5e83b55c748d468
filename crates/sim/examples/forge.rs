//! A forge and a cluster to try caretaker against, with nothing real behind them.
//!
//! It starts a simulated Gitea or Forgejo and a simulated Kubernetes, with the homelab in both: the users `operator` (an
//! administrator), `caretaker` and `renovate`, the repository `ops/homelab`, nodes, Argo CD and Ceph. It prints where they
//! are and the tokens, and runs until it is interrupted. Everything is in memory and gone at the end.
//!
//! ```console
//! cargo run -p sim --example forge -- --listen 127.0.0.1:3000 --server gitea-1.27 --kubeconfig kubeconfig
//! ```

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sim::actors::{World, WorldError, WorldOptions};
use sim::gitea::Server;

const USAGE: &str = "\
Starts a simulated forge and cluster, and runs until it is interrupted.

Usage: forge [OPTIONS]

      --listen <ADDRESS>          Where the forge listens [default: 127.0.0.1:3000]
      --server <NAME>             gitea-1.27, gitea-1.25 or forgejo-12 [default: gitea-1.27]
      --cluster-listen <ADDRESS>  Where the cluster listens; port 0 takes a free one [default: 127.0.0.1:0]
      --kubeconfig <FILE>         Writes a kubeconfig for the cluster, which may do everything there
  -h, --help                      Prints this
";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Arguments {
    listen: SocketAddr,
    server: Server,
    cluster_listen: SocketAddr,
    kubeconfig: Option<PathBuf>,
}

impl Default for Arguments {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            listen: loopback(3000),
            server: Server::default(),
            cluster_listen: loopback(0),
            kubeconfig: None,
        }
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Run(Arguments),
    Help,
}

/// Reads the command line, the name of the program left out.
fn read(words: impl IntoIterator<Item = String>) -> Result<Asked, String> {
    let mut arguments = Arguments::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "-h" | "--help") {
            return Ok(Asked::Help);
        }
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut value =
            || given.clone().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"));
        let address =
            |text: String| text.parse().map_err(|_| format!("{text} is not an address with a port"));
        match name.as_str() {
            "--listen" => arguments.listen = address(value()?)?,
            "--cluster-listen" => arguments.cluster_listen = address(value()?)?,
            "--server" => {
                let server = value()?;
                arguments.server = Server::named(&server).ok_or_else(|| {
                    format!("{server} is not one of {}", Server::ALL.map(Server::name).join(", "))
                })?;
            }
            "--kubeconfig" => arguments.kubeconfig = Some(PathBuf::from(value()?)),
            other => return Err(format!("{other} is not understood")),
        }
    }
    Ok(Asked::Run(arguments))
}

/// Why it could not be started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the simulated servers could not be started")]
    World(#[from] WorldError),
    #[error("{} could not be written", path.display())]
    Kubeconfig { path: PathBuf, source: std::io::Error },
}

async fn start(arguments: &Arguments) -> Result<World, StartError> {
    let options = WorldOptions {
        forge_address: arguments.listen,
        cluster_address: arguments.cluster_listen,
        server: arguments.server,
        page_user: Some("operator".into()),
        ..WorldOptions::default()
    };
    let world = World::homelab(options).await?;
    if let Some(path) = &arguments.kubeconfig {
        let kubernetes = world.kubernetes();
        let text = kubernetes.kubeconfig(&kubernetes.admin_token());
        write_private(path, &text).map_err(|source| StartError::Kubeconfig { path: path.clone(), source })?;
    }
    Ok(world)
}

/// Writes a file that nobody else may read, for a token is in it.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that was there has had its own mode.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// What a person needs to know.
fn description(world: &World, arguments: &Arguments) -> String {
    let mut text = format!(
        "forge       {} ({})\nrepository  {}/{}\n",
        world.gitea().url(),
        arguments.server.name(),
        world.repository().owner(),
        world.repository().name(),
    );
    for (login, what) in [
        ("operator", "an administrator; acts on the forge's page"),
        ("caretaker", "may write"),
        ("renovate", "may write"),
    ] {
        let _ = writeln!(text, "token       {}  {login} ({what})", world.token(login));
    }
    let _ = writeln!(text, "cluster     {}", world.kubernetes().url());
    if let Some(path) = &arguments.kubeconfig {
        let _ = writeln!(text, "kubeconfig  {}", path.display());
    }
    text.push_str("\nEverything is in memory. Interrupt it (Ctrl-C) to end it.\n");
    text
}

/// Starts what was asked for, and waits to be interrupted.
async fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let world = start(arguments).await?;
    let mut out = std::io::stdout();
    out.write_all(description(&world, arguments).as_bytes())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    world.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let (complaint, code) = match read(std::env::args().skip(1)) {
        Ok(Asked::Help) => {
            // Whoever closed the output has read enough.
            let _ = std::io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Run(arguments)) => match run(&arguments).await {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => (with_causes(&*error), ExitCode::FAILURE),
        },
        Err(complaint) => (format!("{complaint}\n\n{USAGE}"), ExitCode::from(2)),
    };
    // Without standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{complaint}");
    code
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, String> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_command_line_is_read() {
        assert_eq!(asked(""), Ok(Asked::Run(Arguments::default())));
        let wanted = Arguments {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            server: Server::Forgejo12,
            kubeconfig: Some("k".into()),
            ..Arguments::default()
        };
        let line = "--listen 127.0.0.1:8000 --server=forgejo-12 --kubeconfig k";
        assert_eq!(asked(line), Ok(Asked::Run(wanted)));
        assert_eq!(asked("--listen 127.0.0.1:1 --help"), Ok(Asked::Help));
        for (line, complaint) in [
            ("--server gitea", "gitea is not one of gitea-1.27, gitea-1.25, forgejo-12"),
            ("--listen 3000", "3000 is not an address with a port"),
            ("--listen", "--listen needs a value"),
            ("serve", "serve is not understood"),
        ] {
            assert_eq!(asked(line), Err(complaint.to_owned()), "{line}");
        }
        for option in ["--listen", "--server", "--cluster-listen", "--kubeconfig", "--help"] {
            assert!(USAGE.contains(option), "{option}");
        }
    }

    #[tokio::test]
    async fn it_serves_what_it_says() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = std::env::temp_dir().join(format!("sim-forge-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder");
        let kubeconfig = folder.join("kubeconfig");
        std::fs::write(&kubeconfig, "an older one, which all may read").expect("a file");
        let arguments = Arguments {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            server: Server::Gitea125,
            kubeconfig: Some(kubeconfig.clone()),
            ..Arguments::default()
        };
        let world = start(&arguments).await.expect("a start");
        let told = description(&world, &arguments);
        let second = |before: &str| {
            let line = told.lines().find(|line| line.contains(before)).expect("a line");
            line.split_whitespace().nth(1).expect("a word").to_owned()
        };
        let client =
            reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().expect("a client");
        let ask = async |path: &str| {
            let address = format!("{}/api/v1{path}", second("forge "));
            let request = client.get(address).bearer_auth(second("caretaker (")).send();
            request.await.expect("an answer").json::<serde_json::Value>().await.expect("JSON")
        };
        assert_eq!(ask("/version").await["version"], Server::Gitea125.version());
        assert_eq!(ask("/user").await["login"], "caretaker");
        assert_eq!(ask("/repos/ops/homelab").await["permissions"]["push"], true);
        let labels = ask("/repos/ops/homelab/labels").await;
        let labels: Vec<_> = labels.as_array().into_iter().flatten().map(|label| &label["name"]).collect();
        assert_eq!(labels, ["maintenance", "needs-human"]);
        let written = std::fs::read_to_string(&kubeconfig).expect("a file");
        assert!(written.contains(&second("cluster ")), "{written}");
        let mode = std::fs::metadata(&kubeconfig).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_dir_all(&folder).expect("the folder can be removed");
        world.shutdown().await;
    }
}
