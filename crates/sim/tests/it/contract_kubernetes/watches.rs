//! Replays watches: which frames came in which order, what stood in them, when bookmarks came, and how the stream ended.
//!
//! What happens meanwhile is done when so many frames have come, never after a time. Recorded objects were cut to their metadata, phase and
//! conditions; what a client decides on is compared by its value. The simulator's bookmarks may come later than they were recorded, and never
//! earlier. A real server sends them when it likes, also between two changes: there they count for nothing, but for those that end an
//! initial list, and in the exchange that is about them, where only the first of several in a row is compared.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use sim::kubernetes::Kind;

use super::replay::Replay;
use super::shape::{Difference, compare};

/// So much longer than it asked for a watch may take.
const SLACK: Duration = Duration::from_secs(30);
/// What is compared by its value, wherever it is recorded or answered.
const VALUES: &[&str] = &[
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/generation",
    "/metadata/labels",
    "/metadata/annotations",
    "/metadata/deletionGracePeriodSeconds",
    "/status/phase",
    "/status/sync/status",
    "/status/health/status",
];

/// What somebody does meanwhile.
pub(crate) enum Act {
    /// A request of the administrator.
    Ask(&'static str, &'static str, Value),
    /// The kind is not installed any more.
    Remove(Kind),
}

/// What came of a watch.
pub(crate) struct Seen {
    response: Value,
    answered: u16,
    content_type: String,
    frames: Vec<(f64, Value)>,
    /// After how many seconds the server ended it; none where the client did.
    ended: Option<f64>,
    asked: f64,
    marks: Marks,
}

/// Which bookmarks are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// All of them: the simulator's.
    All,
    /// Of several in a row the first: a real server's, where it is about them.
    First,
    /// None that only tells a version: a real server's.
    NoPlain,
}

/// The exchange that is about bookmarks.
const ABOUT_MARKS: usize = 20;

impl Marks {
    fn of(replay: &Replay, index: usize) -> Self {
        match (replay.simulated(), index) {
            (true, _) => Self::All,
            (false, ABOUT_MARKS) => Self::First,
            (false, _) => Self::NoPlain,
        }
    }

    /// So many seconds sooner than it was recorded a bookmark may come. A real server tells the versions of many watches together, those
    /// of the same second or two.
    fn may_be_early(self) -> f64 {
        match self {
            Self::All => 1.5,
            Self::First => 3.0,
            Self::NoPlain => f64::INFINITY,
        }
    }

    /// The frames that are compared.
    fn compared(self, frames: Vec<(f64, Value)>) -> Vec<(f64, Value)> {
        let mut kept: Vec<(f64, Value)> = Vec::new();
        for frame in frames {
            let passed_over = match self {
                Self::All => false,
                Self::First => kept.last().is_some_and(|(_, last)| is_plain_mark(last)),
                Self::NoPlain => true,
            };
            if !(passed_over && is_plain_mark(&frame.1)) {
                kept.push(frame);
            }
        }
        kept
    }
}

/// Whether a frame only tells a version, and does not end an initial list.
fn is_plain_mark(frame: &Value) -> bool {
    frame["type"] == "BOOKMARK" && frame.pointer("/object/metadata/annotations").is_none()
}

/// The lines of a watch.
struct Lines {
    response: Response,
    rest: Vec<u8>,
}

impl Lines {
    /// The next frame; none at a clean end, anything else is a failure.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let Some(chunk) = self.response.chunk().await.unwrap() else {
                assert!(self.rest.is_empty(), "half a frame");
                return None;
            };
            self.rest.extend_from_slice(&chunk);
        }
    }
}

/// Opens a recorded watch and reads it to its recorded end. `hurried`: the length and the moments of its bookmarks, where a minute is
/// made shorter than it was recorded.
pub(crate) async fn watch(
    replay: &Replay,
    index: usize,
    acts: Vec<(usize, Act)>,
    hurried: Option<(u32, &[f64])>,
) -> Seen {
    let mut exchange = replay.exchange(index);
    if let Some((length, moments)) = hurried {
        let path = exchange["request"]["path"].as_str().unwrap();
        let (before, _) = path.split_once("timeoutSeconds=").unwrap();
        exchange["request"]["path"] = json!(format!("{before}timeoutSeconds={length}"));
        exchange["response"]["closed_after_s"] = json!(length);
        let frames = exchange["response"]["frames"].as_array_mut().unwrap();
        assert_eq!(frames.len(), moments.len());
        for (frame, at) in frames.iter_mut().zip(moments) {
            frame["t"] = json!(at);
        }
    }
    let path = exchange["request"]["path"].as_str().unwrap();
    let asked = path.split("timeoutSeconds=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    let (begun, response) = replay.open(&exchange, Duration::from_secs_f64(asked) + SLACK).await;
    let answered = response.status().as_u16();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let recorded = exchange["response"]["frames"].as_array().unwrap().len();
    let by_client = exchange["response"]["end"].as_str().unwrap().starts_with("client");
    let mut lines = Lines { response, rest: Vec::new() };
    let (mut frames, mut ended) = (Vec::new(), None);
    let marks = Marks::of(replay, index);
    let mut come = 0;
    let mut acts = acts.into_iter().peekable();
    loop {
        while let Some((_, act)) = acts.next_if(|(after, _)| *after == come) {
            match act {
                Act::Ask(method, path, body) => {
                    let body = (!body.is_null()).then_some(&body);
                    let done = replay.server.admin(method, path, body).await;
                    assert!((200..300).contains(&done.status), "{method} {path}: {}", done.text);
                }
                Act::Remove(kind) => replay.server.undefine(&kind).await,
            }
        }
        if by_client && come == recorded {
            break;
        }
        let Some(frame) = lines.next().await else {
            ended = Some(begun.elapsed().as_secs_f64());
            break;
        };
        come += usize::from(marks != Marks::NoPlain || !is_plain_mark(&frame));
        frames.push((begun.elapsed().as_secs_f64(), frame));
    }
    assert!(acts.next().is_none(), "{index}: it ended before all was done: {frames:?}");
    Seen { response: exchange["response"].take(), answered, content_type, frames, ended, asked, marks }
}

/// Notes what is not as it was recorded.
pub(crate) fn judge(replay: &mut Replay, index: usize, seen: &Seen) {
    let (was, is) = (seen.recorded(), seen.marks.compared(seen.frames.clone()));
    let differences = differences(seen, &was, &is);
    for ((_, was), (_, is)) in was.iter().zip(&is) {
        replay.learn(&was["object"], &is["object"]);
    }
    replay.note(index, differences);
}

impl Seen {
    /// The recorded frames that are compared.
    fn recorded(&self) -> Vec<(f64, Value)> {
        let frames = self.response["frames"].as_array().into_iter().flatten();
        self.marks.compared(frames.map(|frame| (frame["t"].as_f64().unwrap(), frame.clone())).collect())
    }
}

fn differences(seen: &Seen, was: &[(f64, Value)], is: &[(f64, Value)]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differ = |at: &str, recorded: Value, answered: Value| {
        if recorded != answered {
            differences.push(Difference::new(at, recorded, answered));
        }
    };
    let recorded = &seen.response;
    differ("status", recorded["status"].clone(), json!(seen.answered));
    differ("content-type", recorded["headers"]["Content-Type"].clone(), json!(seen.content_type));
    // Whether the server ended it, and before its time.
    let early = |after: f64| after < seen.asked - 0.5;
    let by_client = recorded["end"].as_str().unwrap().starts_with("client");
    let closed = recorded["closed_after_s"].as_f64().unwrap();
    differ("end", json!((!by_client).then(|| early(closed))), json!(seen.ended.map(early)));
    let types =
        |frames: &[(f64, Value)]| frames.iter().map(|(_, frame)| frame["type"].clone()).collect::<Value>();
    differ("types", types(was), types(is));
    let mut newest = 0;
    for (number, ((then, was), (now, is))) in was.iter().zip(is).enumerate() {
        let at = format!("frames/{number}");
        let (kind, was, is) = (&was["type"], &was["object"], &is["object"]);
        if kind == "BOOKMARK" && *now < then - seen.marks.may_be_early() {
            differ(&format!("{at}/t"), json!(then), json!(now));
        }
        let mut inside = Vec::new();
        let mut cut = was.clone();
        cut["x-cut"] = json!("to its metadata, phase and conditions");
        compare(&cut, is, &mut inside);
        for place in VALUES {
            differ(&format!("{at}{place}"), json!(was.pointer(place)), json!(is.pointer(place)));
        }
        let ends = |object: &Value| json!(object.pointer("/metadata/deletionTimestamp").is_some());
        differ(&format!("{at}/metadata/deletionTimestamp"), ends(was), ends(is));
        if kind != "ERROR" {
            let version: u64 = is["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
            let follows = version > newest || (kind == "BOOKMARK" && version == newest);
            differ(&format!("{at}/metadata/resourceVersion follows"), json!(true), json!(follows));
            newest = version;
        }
        for difference in inside {
            let (was, is) = (json!(difference.recorded), json!(difference.answered));
            differ(&format!("{at}{}", difference.at), was, is);
        }
    }
    differences
}

#[test]
fn contract_a_real_servers_bookmarks_come_when_it_likes() {
    let exchange = super::replay::recording("watch.json").swap_remove(15);
    let frames = exchange["response"]["frames"].as_array().unwrap();
    let mut frames: Vec<(f64, Value)> = frames.iter().map(|frame| (0.0, frame.clone())).collect();
    let mut mark = frames.last().unwrap().clone();
    assert!(is_plain_mark(&mark.1));
    mark.1["object"]["metadata"]["resourceVersion"] =
        frames[3].1["object"]["metadata"]["resourceVersion"].clone();
    frames.insert(4, mark);
    let seen = |marks| Seen {
        response: exchange["response"].clone(),
        answered: 200,
        content_type: "application/json".to_owned(),
        frames: frames.clone(),
        ended: Some(5.0),
        asked: 5.0,
        marks,
    };
    let places = |seen: &Seen| {
        let differences = differences(seen, &seen.recorded(), &seen.marks.compared(seen.frames.clone()));
        differences.into_iter().map(|difference| difference.at).collect::<Vec<_>>()
    };
    assert_eq!(places(&seen(Marks::NoPlain)), Vec::<String>::new());
    assert!(
        places(&seen(Marks::All)).contains(&"types".to_owned()),
        "the simulator's come as they were recorded"
    );
    let mut lost = seen(Marks::NoPlain);
    lost.frames.remove(5);
    assert_eq!(places(&lost).first().map(String::as_str), Some("types"), "a change that does not come");
}
