//! Replays exec: the handshake, what came on which channel, and the outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::replay::Replay;
use super::shape::{Difference, compare};

const DEADLINE: Duration = Duration::from_secs(20);

/// All that came on a channel; `None` where the recording was cut, with its length.
#[derive(Debug, Default)]
struct Channel {
    text: Option<String>,
    length: usize,
}

#[derive(Debug, Default)]
struct Session {
    first: Option<u8>,
    channels: BTreeMap<u8, Channel>,
    close: Option<u64>,
}

impl Session {
    fn add(&mut self, channel: u8, text: Option<String>, length: usize) {
        self.first.get_or_insert(channel);
        let entry =
            self.channels.entry(channel).or_insert_with(|| Channel { text: Some(String::new()), length: 0 });
        entry.length += length;
        entry.text = entry.text.take().zip(text).map(|(known, more)| known + &more);
    }

    fn recorded(frames: &[Value]) -> Self {
        let mut session = Self::default();
        for frame in frames.iter().filter(|frame| frame["from"] == "server") {
            if frame["opcode"] == "close" {
                session.close = frame["close_code"].as_u64();
                continue;
            }
            let channel = u8::try_from(frame["channel"].as_u64().unwrap()).unwrap();
            let text = frame["text"].as_str().unwrap();
            let cut = text.rsplit_once("... (").and_then(|(_, rest)| rest.strip_suffix(" bytes)"));
            if let Some(length) = cut.and_then(|bytes| bytes.parse().ok()) {
                session.add(channel, None, length);
            } else {
                let data = STANDARD.decode(frame["data_base64"].as_str().unwrap()).unwrap();
                let text = String::from_utf8_lossy(&data[1..]).into_owned();
                let length = text.len();
                session.add(channel, Some(text), length);
            }
        }
        session
    }
}

/// Plays one exec and notes what differs.
pub(crate) async fn play(replay: &mut Replay, index: usize) {
    let exchange = replay.exchange(index);
    let (request, recorded) = (&exchange["request"], &exchange["response"]);
    let url = format!("{}{}", replay.server.websocket_url(), request["path"].as_str().unwrap());
    let mut handshake = url.into_client_request().unwrap();
    let login = replay.server.token(request["user"].as_str().unwrap());
    let headers = handshake.headers_mut();
    headers.insert("Authorization", format!("Bearer {login}").parse().unwrap());
    let protocols = request["headers"]["Sec-WebSocket-Protocol"].as_str().unwrap();
    headers.insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
    let mut differences = Vec::new();
    let connected =
        tokio::time::timeout(DEADLINE, tokio_tungstenite::connect_async(handshake)).await.unwrap();
    match connected {
        Ok((mut socket, response)) => {
            check(&mut differences, "status", &recorded["status"], &response.status().as_u16().into());
            let taken = response.headers()["sec-websocket-protocol"].to_str().unwrap();
            check(
                &mut differences,
                "sec-websocket-protocol",
                &recorded["headers"]["sec-websocket-protocol"],
                &taken.into(),
            );
            let mut session = Session::default();
            while let Some(Ok(message)) = tokio::time::timeout(DEADLINE, socket.next()).await.unwrap() {
                match message {
                    Message::Binary(frame) => {
                        let (channel, data) = frame.split_first().unwrap();
                        session.add(*channel, Some(String::from_utf8_lossy(data).into_owned()), data.len());
                    }
                    Message::Close(frame) => session.close = frame.map(|frame| u16::from(frame.code).into()),
                    _ => {}
                }
            }
            let frames = recorded["frames"].as_array().cloned().unwrap_or_default();
            compare_sessions(&Session::recorded(&frames), &session, &mut differences);
        }
        Err(Error::Http(response)) => {
            check(&mut differences, "status", &recorded["status"], &response.status().as_u16().into());
            let body = response.body().as_deref().unwrap_or_default();
            let content_type = response
                .headers()
                .get("content-type")
                .map_or(Value::Null, |value| value.to_str().unwrap_or_default().into());
            check(&mut differences, "content-type", &recorded["headers"]["content-type"], &content_type);
            if recorded["body"].is_null() {
                assert!(body.is_empty(), "{}", String::from_utf8_lossy(body));
            } else {
                let answered = serde_json::from_slice(body).unwrap_or(Value::Null);
                compare(&recorded["body"], &answered, &mut differences);
            }
        }
        Err(error) => panic!("{index}: {error}"),
    }
    replay.note(index, differences);
}

fn check(differences: &mut Vec<Difference>, at: &str, recorded: &Value, answered: &Value) {
    if recorded != answered {
        differences.push(Difference::new(at, recorded, answered));
    }
}

fn compare_sessions(recorded: &Session, answered: &Session, differences: &mut Vec<Difference>) {
    if recorded.first != answered.first {
        differences.push(Difference::new(
            "first frame",
            format!("{:?}", recorded.first),
            format!("{:?}", answered.first),
        ));
    }
    if recorded.close != answered.close {
        differences.push(Difference::new(
            "close code",
            format!("{:?}", recorded.close),
            format!("{:?}", answered.close),
        ));
    }
    let none = Channel::default();
    for number in [1, 2, 3] {
        let at = format!("channel {number}");
        let was = recorded.channels.get(&number).unwrap_or(&none);
        let is = answered.channels.get(&number).unwrap_or(&none);
        match (number, &was.text, &is.text) {
            // The texts of outcomes are the runtime's own; what a client decides on is compared.
            (3, Some(was), Some(is)) => {
                let [was, is] = [was, is].map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
                let mut inside = Vec::new();
                compare(&was, &is, &mut inside);
                for field in ["/status", "/reason", "/details/causes"] {
                    let [was, is] = [&was, &is].map(|v| v.pointer(field).cloned().unwrap_or(Value::Null));
                    check(&mut inside, field, &was, &is);
                }
                differences.extend(
                    inside
                        .into_iter()
                        .map(|d| Difference::new(&format!("{at}{}", d.at), d.recorded, d.answered)),
                );
            }
            (3, None, is) => {
                // Cut: all that is known is that it was a failure of the server's own kind.
                let status: Value =
                    is.as_deref().and_then(|t| serde_json::from_str(t).ok()).unwrap_or(Value::Null);
                check(differences, &format!("{at}/reason"), &"InternalError".into(), &status["reason"]);
            }
            (_, Some(was), Some(is)) if was != is => differences.push(Difference::new(&at, was, is)),
            (_, None, _) if was.length != is.length => {
                differences.push(Difference::new(&at, was.length, is.length));
            }
            _ => {}
        }
    }
}
