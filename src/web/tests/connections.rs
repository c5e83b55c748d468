//! Real sockets whose peers send little, slowly or nothing, or take nothing.

use super::super::connections::{Bounded, Patience, seated};
use super::{Fixture, OPENED, fixture};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures::stream;
use reqwest::StatusCode;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Longer than any machine takes for a request of a few bytes.
const SHORT: Duration = Duration::from_secs(2);

const LONG: Duration = Duration::from_mins(2);

const PATIENT: Patience = Patience { request: LONG, idle: LONG, answer: LONG };

const HALF: &[u8] = b"POST /webhook HTTP/1.1\r\nHost: caretaker\r\nContent-Ty";

/// A listener with so many places that answers `GET /` at once and reads what is posted.
async fn listener(places: usize, patience: Patience) -> SocketAddr {
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/", post(|body: String| async move { body }));
    serve(router, places, patience).await
}

async fn serve(router: Router, places: usize, patience: Patience) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = Bounded::new(listener, places, patience);
    tokio::spawn(async move { axum::serve(listener, seated(router)).await });
    address
}

async fn connect(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    connection
}

/// Reads until the other side has closed.
async fn is_closed(mut connection: TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let ended = tokio::time::timeout(Duration::from_mins(1), connection.read_to_end(&mut read)).await;
    // A reset is an end as well.
    let _ = ended.expect("it is closed in time");
    read
}

/// Asks over a connection, and reads the answer.
async fn asks(connection: &mut TcpStream) -> String {
    connection.write_all(b"GET / HTTP/1.1\r\nHost: caretaker\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        let mut byte = [0];
        connection.read_exact(&mut byte).await.unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

async fn deliver(fixture: &Fixture, id: &str) -> StatusCode {
    fixture.deliver(id, "issues", &OPENED.replace("A1", id)).await
}

#[tokio::test]
async fn half_a_header_is_cut_off_however_it_drips_and_deliveries_go_on() {
    let fixture = fixture().await;
    let silent = connect(fixture.serving.address, b"").await;
    let half = connect(fixture.serving.address, HALF).await;
    let dripping = tokio::spawn({
        let address = fixture.serving.address;
        async move {
            let mut connection = connect(address, HALF).await;
            let began = Instant::now();
            while began.elapsed() < Duration::from_mins(1) {
                if connection.write_all(b"x").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("it may send for ever");
        }
    });
    let began = Instant::now();
    assert_eq!(deliver(&fixture, "d-1").await, StatusCode::ACCEPTED);
    for connection in [silent, half] {
        assert_eq!(is_closed(connection).await, b"", "nobody is answered who has asked nothing");
    }
    dripping.await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(5), "a request may take a little: {:?}", began.elapsed());
    assert_eq!(deliver(&fixture, "d-2").await, StatusCode::ACCEPTED);
    assert_eq!(fixture.stored().await, 2);
}

/// Asks over a connection of its own, whoever is there.
async fn asks_anew(address: SocketAddr) -> (String, TcpStream) {
    let asking = tokio::time::timeout(Duration::from_mins(1), async {
        let mut connection = TcpStream::connect(address).await.unwrap();
        (asks(&mut connection).await, connection)
    });
    asking.await.expect("it is answered")
}

#[tokio::test]
async fn who_finds_no_place_gets_that_of_the_oldest_that_has_asked_for_nothing_whole() {
    let address = listener(3, PATIENT).await;
    let (mut idle, body) =
        (connect(address, b"").await, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
    asks(&mut idle).await;
    let held = [connect(address, b"").await, connect(address, HALF).await, connect(address, body).await];
    // The first of these took the last place but one, and the others sent away the oldest that there were.
    let (answer, first) = asks_anew(address).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(is_closed(idle).await, b"", "it had its answer, and asks for nothing more");
    let mut kept = Vec::new();
    for _ in 0..6 {
        kept.push(asks_anew(address).await.1);
    }
    for connection in held {
        assert_eq!(is_closed(connection).await, b"");
    }
    is_closed(first).await;
    asks(kept.last_mut().unwrap()).await;
}

#[tokio::test]
async fn nobody_gets_the_place_of_a_request_that_is_being_answered() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (came, go) = (Arc::clone(&came), Arc::clone(&go));
        move |body: String| async move {
            came.notify_one();
            go.notified().await;
            format!("{body}here")
        }
    };
    let router =
        Router::new().route("/", get(|| async { "here" })).route("/slow", get(slow.clone()).post(slow));
    let address = serve(router, 1, PATIENT).await;
    for request in [
        "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxx",
    ] {
        let mut slow = connect(address, request.as_bytes()).await;
        came.notified().await;
        let other = tokio::spawn(asks_anew(address));
        tokio::time::sleep(SHORT / 2).await;
        assert!(!other.is_finished(), "there is no place");
        go.notify_one();
        let mut status = [0; 12];
        slow.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        assert!(
            is_closed(slow).await.ends_with(b"here"),
            "the whole answer, and then the place is another's"
        );
        other.await.unwrap();
    }
}

#[tokio::test]
async fn only_http_1_is_spoken() {
    let address = listener(3, PATIENT).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_eq!(is_closed(connect(address, preface).await).await, b"");
    let mut dripping = TcpStream::connect(address).await.unwrap();
    dripping.set_nodelay(true).unwrap();
    for byte in preface {
        if dripping.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(is_closed(dripping).await, b"");
    let posted =
        connect(address, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nPRI ")
            .await;
    assert!(is_closed(posted).await.ends_with(b"PRI "), "it may stand anywhere else");
}

#[tokio::test]
async fn a_connection_that_is_used_again_is_kept_and_one_that_is_not_is_closed() {
    let address = listener(3, Patience { request: SHORT, idle: LONG, answer: LONG }).await;
    let mut connection = connect(address, b"").await;
    asks(&mut connection).await;
    tokio::time::sleep(SHORT + SHORT / 4).await;
    asks(&mut connection).await;
    // The next request has its time from its own first byte.
    connection.write_all(HALF).await.unwrap();
    is_closed(connection).await;

    let address = listener(3, Patience { request: LONG, idle: SHORT, answer: LONG }).await;
    let mut connection = connect(address, b"").await;
    asks(&mut connection).await;
    assert_eq!(is_closed(connection).await, b"");
}

#[tokio::test]
async fn a_body_that_never_ends_and_an_answer_that_nobody_takes_end() {
    let address = listener(3, Patience { request: SHORT, idle: LONG, answer: LONG }).await;
    let body = connect(address, b"POST / HTTP/1.1\r\nHost: caretaker\r\nContent-Length: 1000\r\n\r\nx").await;
    is_closed(body).await;

    let ended = Arc::new(Notify::new());
    let endless = Endless(Arc::clone(&ended));
    let answer = Mutex::new(Some(Body::from_stream(stream::unfold(endless, |endless| async {
        Some((Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 4096])), endless))
    }))));
    let answer = Arc::new(answer);
    let router = Router::new().route("/", get(move || async move { answer.lock().unwrap().take().unwrap() }));
    let address = serve(router, 3, Patience { request: LONG, idle: LONG, answer: SHORT }).await;
    let taken = connect(address, b"GET / HTTP/1.1\r\nHost: caretaker\r\n\r\n").await;
    // It has no end of its own, and nobody takes it.
    let given_up = tokio::time::timeout(Duration::from_mins(1), ended.notified()).await;
    given_up.expect("it is given up");
    drop(taken);
}

/// Tells when nobody needs the answer any more that it is part of.
struct Endless(Arc<Notify>);

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
