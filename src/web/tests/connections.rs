//! Real sockets whose peers send little, slowly or nothing, or take nothing.

use super::super::connections::{Bounded, Patience};
use super::{Fixture, OPENED, fixture};
use axum::Router;
use axum::routing::{get, post};
use reqwest::StatusCode;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any machine takes for a request of a few bytes.
const SHORT: Duration = Duration::from_secs(2);

const LONG: Duration = Duration::from_mins(2);

const HALF: &[u8] = b"POST /webhook HTTP/1.1\r\nHost: caretaker\r\nContent-Ty";

/// A listener with so many places that answers `GET /` at once and reads what is posted.
async fn listener(places: usize, patience: Patience) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let large = "x".repeat(64 << 20);
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/large", get(|| async { large }))
        .route("/", post(|body: String| async move { body }));
    tokio::spawn(async move { axum::serve(Bounded::new(listener, places, patience), router).await });
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

#[tokio::test]
async fn who_finds_no_place_waits_until_one_is_free() {
    let address = listener(3, Patience { request: SHORT, idle: LONG, answer: LONG }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect(address, HALF).await);
    }
    let began = Instant::now();
    let answer = tokio::time::timeout(Duration::from_mins(1), async {
        asks(&mut TcpStream::connect(address).await.unwrap()).await
    });
    let answer = answer.await.expect("those that hold the places are sent away");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() >= SHORT / 2, "there was no place: {:?}", began.elapsed());
    for connection in held {
        is_closed(connection).await;
    }
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

    let address = listener(1, Patience { request: LONG, idle: LONG, answer: SHORT }).await;
    let taken = connect(address, b"GET /large HTTP/1.1\r\nHost: caretaker\r\n\r\n").await;
    let answer = tokio::time::timeout(Duration::from_mins(1), async {
        asks(&mut TcpStream::connect(address).await.unwrap()).await
    });
    answer.await.expect("the one place is free again");
    drop(taken);
}
