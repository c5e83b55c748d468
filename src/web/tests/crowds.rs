//! More at once than there is room for, by whoever reaches the listener.

use super::super::webhook::{Receiver, Room, receive};
use super::{Fixture, OPENED, SECRET, fixture, sign};
use axum::Router;
use axum::routing::post;
use reqwest::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMIT: usize = 8 * 1024 * 1024;

/// The listener of deliveries again, with room that the test sees.
async fn listener(fixture: &Fixture) -> (SocketAddr, Room) {
    let room = Room::new(LIMIT);
    let receiver = Receiver::new(Arc::clone(&fixture.inbox), LIMIT, room.clone());
    let router = Router::new().route("/webhook", post(receive)).with_state(receiver);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, room)
}

async fn deliver(fixture: &Fixture, address: SocketAddr, id: &str, body: String) -> StatusCode {
    let request = fixture
        .client
        .post(format!("http://{address}/webhook"))
        .header("Content-Type", "application/json")
        .header("X-Gitea-Delivery", id)
        .header("X-Gitea-Event", "issues")
        .header("X-Gitea-Signature", sign(SECRET, body.as_bytes()))
        .body(body);
    request.send().await.unwrap().status()
}

/// A delivery of more than a head.
fn large(word: &str) -> String {
    OPENED.replace("- [ ] A1", &word.repeat(300 * 1024 / word.len()))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn there_is_room_for_some_large_bodies_and_never_for_more_than_their_share() {
    for (limit, places) in [(LIMIT, 4), (1, 128), (1 << 20, 32), (32 << 20, 1), (usize::MAX, 1)] {
        assert_eq!(Room::new(limit).large.available_permits(), places, "{limit}");
    }
}

#[tokio::test]
async fn unsigned_bodies_that_never_end_fill_their_places_and_keep_out_nobody_small() {
    let fixture = fixture().await;
    let (address, room) = listener(&fixture).await;
    let (heads, places) = (room.heads.available_permits(), room.large.available_permits());
    let attackers: Vec<_> = (0..3 * places)
        .map(|_| {
            tokio::spawn(async move {
                let mut connection = TcpStream::connect(address).await.unwrap();
                let head =
                    format!("POST /webhook HTTP/1.1\r\nHost: caretaker\r\nContent-Length: {LIMIT}\r\n\r\n");
                connection.write_all(head.as_bytes()).await.unwrap();
                connection.write_all(&vec![b'x'; 300 * 1024]).await.unwrap();
                let mut answer = [0; 12];
                connection.read_exact(&mut answer).await.unwrap();
                String::from_utf8(answer.to_vec()).unwrap()
            })
        })
        .collect();
    until("the places are taken", || room.large.available_permits() == 0).await;
    assert_eq!(deliver(&fixture, address, "d-1", OPENED.to_owned()).await, StatusCode::ACCEPTED);
    for attacker in attackers {
        let answer = attacker.await.unwrap();
        assert!(["HTTP/1.1 408", "HTTP/1.1 503"].contains(&answer.as_str()), "{answer}");
    }
    until("all room is given back", || {
        (room.heads.available_permits(), room.large.available_permits()) == (heads, places)
    })
    .await;
    assert_eq!(deliver(&fixture, address, "d-2", large("- [ ] A2")).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.stored().await, 2);
}

#[tokio::test]
async fn what_finds_no_room_is_told_to_come_later_before_the_forge_gives_up() {
    let fixture = fixture().await;
    let (address, room) = listener(&fixture).await;
    let places = u32::try_from(room.large.available_permits()).unwrap();
    let taken = Arc::clone(&room.large).acquire_many_owned(places).await.unwrap();
    let began = Instant::now();
    let (refused, small) = tokio::join!(
        deliver(&fixture, address, "d-1", large("- [ ] A1")),
        deliver(&fixture, address, "d-2", OPENED.to_owned())
    );
    assert_eq!((refused, small), (StatusCode::SERVICE_UNAVAILABLE, StatusCode::ACCEPTED));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(taken);
    assert_eq!(deliver(&fixture, address, "d-1", large("- [ ] A1")).await, StatusCode::ACCEPTED);

    // Small ones have a bound as well: many connections of little are much.
    let heads = u32::try_from(room.heads.available_permits()).unwrap();
    let taken = Arc::clone(&room.heads).acquire_many_owned(heads).await.unwrap();
    let refused = deliver(&fixture, address, "d-3", OPENED.replace("A1", "A3")).await;
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    drop(taken);
    assert_eq!(fixture.stored().await, 2);
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert!(page.contains("too many large deliveries arrive at once; try again later"), "{page}");
}
