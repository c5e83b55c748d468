//! One test delivery: asked for, and waited for where it has to arrive.

use super::judge::{Arrival, Listener};
use super::{NotKnown, within};
use crate::config::Settings;
use crate::forge::{Gitea, HookId, RepositoryName};
use crate::inbox::{Incoming, Keys, Outcome, Refusal, repository_of};
use crate::store::{Holder, Reader};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long it may take: a forge gives up after five seconds, and its queue may hold others.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);
/// How often the store is asked.
const LOOK: Duration = Duration::from_millis(100);
/// How long the service's page may take to answer.
const PAGE: Duration = Duration::from_secs(2);

/// Asks for a test delivery and says what became of it.
pub(super) async fn try_one(
    settings: &Settings,
    forge: &Gitea,
    repository: &RepositoryName,
    hook: HookId,
    keys: &Keys,
    service: Holder,
) -> Arrival {
    match service {
        Holder::Somebody(_) => at_the_service(settings, forge, repository, hook).await,
        Holder::Nobody => here(settings, forge, repository, hook, keys).await,
    }
}

/// Where the service runs, what it takes is in its store, and what it refuses on its page.
async fn at_the_service(
    settings: &Settings,
    forge: &Gitea,
    repository: &RepositoryName,
    hook: HookId,
) -> Arrival {
    let reader = match within(Reader::open(&settings.store.path)).await {
        Ok(reader) => reader,
        Err(why) => return Arrival::NoListener(format!("the running service's store cannot be read: {why}")),
    };
    let refused_before = refusals(settings.web.page_listen).await;
    // The service runs on this machine, by this clock.
    let (asked_at, began) = (Timestamp::now(), Instant::now());
    if let Err(why) = within(forge.test_hook(repository, hook)).await {
        reader.close().await;
        return Arrival::NotSent(why);
    }
    let name = repository.to_string();
    let arrival = loop {
        // Whichever delivery of the repository it is: the service believed it, so the way and the secret are right.
        match within(reader.last_delivery(&name)).await {
            Ok(Some(last)) if last >= asked_at => break Arrival::Good(Listener::Service, began.elapsed()),
            Ok(_) => {}
            Err(why) => {
                break Arrival::NoListener(format!("the running service's store cannot be read: {why}"));
            }
        }
        if let (Some(before), Some(now)) = (&refused_before, &refusals(settings.web.page_listen).await)
            && let Some(kind) = newly(before, now)
        {
            if kind == Outcome::SharedSecret.label() {
                break Arrival::SharedSecret(Listener::Service);
            }
            break Arrival::Refused(format!("the running service counts it as {kind}"));
        }
        if began.elapsed() >= ARRIVES_WITHIN {
            break Arrival::Nothing(Listener::Service, ARRIVES_WITHIN);
        }
        tokio::time::sleep(LOOK).await;
    };
    reader.close().await;
    arrival
}

/// How many deliveries the service has refused, by kind; `None` where its page does not tell.
async fn refusals(page: SocketAddr) -> Option<Vec<(String, u64)>> {
    let client = reqwest::Client::builder().no_proxy().timeout(PAGE).build().ok()?;
    let text = client.get(format!("http://{page}/metrics")).send().await.ok()?.text().await.ok()?;
    Some(refused_counts(&text))
}

fn refused_counts(metrics: &str) -> Vec<(String, u64)> {
    metrics
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("caretaker_deliveries_total{outcome=\"")?;
            let (outcome, count) = rest.split_once("\"} ")?;
            outcome.starts_with("refused_").then_some(())?;
            Some((outcome.to_owned(), count.parse().ok()?))
        })
        .collect()
}

/// The first kind of which there are more now.
fn newly(before: &[(String, u64)], now: &[(String, u64)]) -> Option<String> {
    let count_before =
        |kind: &str| before.iter().find(|(name, _)| name == kind).map_or(0, |(_, count)| *count);
    now.iter().find(|(kind, count)| *count > count_before(kind)).map(|(kind, _)| kind.clone())
}

/// Where no service runs, its port is listened on for those seconds.
async fn here(
    settings: &Settings,
    forge: &Gitea,
    repository: &RepositoryName,
    hook: HookId,
    keys: &Keys,
) -> Arrival {
    let address = settings.web.listen;
    let listener = match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            return Arrival::NoListener(format!("{address} (web.listen) cannot be listened on: {error}"));
        }
    };
    let (sender, mut receiver) = mpsc::channel(16);
    let waiting = Waiting { keys: Arc::new(keys.clone()), sender };
    let router = Router::new().route("/webhook", post(receive)).with_state(waiting);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let began = Instant::now();
    let arrival = if let Err(why) = within(forge.test_hook(repository, hook)).await {
        Arrival::NotSent(why)
    } else {
        let waiting = arrived(&mut receiver, repository, began);
        let nothing = Arrival::Nothing(Listener::Own, ARRIVES_WITHIN);
        tokio::time::timeout(ARRIVES_WITHIN, waiting).await.unwrap_or(nothing)
    };
    serving.abort();
    arrival
}

type Received = Result<String, Refusal>;

/// Waits for one of this repository, or one that is refused. Of others there may be some as well.
async fn arrived(
    receiver: &mut mpsc::Receiver<Received>,
    repository: &RepositoryName,
    began: Instant,
) -> Arrival {
    while let Some(received) = receiver.recv().await {
        match received {
            Ok(name) if name.eq_ignore_ascii_case(&repository.to_string()) => {
                return Arrival::Good(Listener::Own, began.elapsed());
            }
            Ok(_) => {}
            Err(Refusal::SharedSecret) => return Arrival::SharedSecret(Listener::Own),
            Err(refusal) => return Arrival::Refused(refusal.to_string()),
        }
    }
    Arrival::NotSent(NotKnown::NoAnswer("the listener ended".to_owned()))
}

#[derive(Debug, Clone)]
struct Waiting {
    keys: Arc<Keys>,
    sender: mpsc::Sender<Received>,
}

/// Nothing is stored here, so nothing is acknowledged, and the forge's page of the hook shows it so.
async fn receive(
    State(waiting): State<Waiting>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let received = repository_of(&waiting.keys, &Incoming::new(header, &body));
    let answer = match &received {
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "caretaker doctor has seen it, and stores nothing\n"),
        Err(_) => (StatusCode::FORBIDDEN, "caretaker doctor does not believe it\n"),
    };
    // A full queue holds what decides already.
    let _ = waiting.sender.try_send(received);
    answer
}

#[cfg(test)]
mod tests {
    use super::{newly, refused_counts};

    #[test]
    fn a_refusal_more_is_seen_in_the_metrics() {
        let text = |signature: u64| {
            format!(
                "# TYPE caretaker_deliveries_total counter\ncaretaker_deliveries_total{{outcome=\"stored\"}} 9\n\
                 caretaker_deliveries_total{{outcome=\"refused_signature\"}} {signature}\n\
                 caretaker_deliveries_total{{outcome=\"refused_not_ours\"}} 2\ncaretaker_looks_total 4\n"
            )
        };
        let before = refused_counts(&text(3));
        assert_eq!(before, [("refused_signature".to_owned(), 3), ("refused_not_ours".to_owned(), 2)]);
        assert_eq!(newly(&before, &refused_counts(&text(3))), None);
        assert_eq!(newly(&before, &refused_counts(&text(4))).as_deref(), Some("refused_signature"));
        assert_eq!(newly(&[], &refused_counts(&text(0))).as_deref(), Some("refused_not_ours"));
    }
}
