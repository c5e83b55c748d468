//! The recordings of the three servers, read from `fixtures/recordings`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use sim::gitea::Server as Kind;

/// The scenarios, in the order in which they were recorded on one repository.
pub(crate) const SCENARIOS: [&str; 12] = [
    "access",
    "hooks",
    "labels",
    "issue_lifecycle",
    "issue_search",
    "pull_lifecycle",
    "protection",
    "revert",
    "races",
    "trust",
    "contents",
    "approvals",
];

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) scenario: String,
    pub(crate) exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
pub(crate) struct Exchange {
    pub(crate) note: String,
    #[serde(default)]
    pub(crate) actor: String,
    pub(crate) request: Option<Request>,
    pub(crate) response: Option<Response>,
    /// What git printed, where the act was a push.
    pub(crate) git: Option<String>,
    #[serde(default)]
    pub(crate) deliveries: Vec<Delivery>,
    /// Of concurrent requests: the writer and the status that it was given.
    #[serde(default)]
    pub(crate) statuses: Vec<(usize, u16)>,
}

#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: std::collections::BTreeMap<String, String>,
    pub(crate) body: Value,
}

#[derive(Deserialize, Clone)]
pub(crate) struct Delivery {
    pub(crate) path: String,
    pub(crate) headers: std::collections::BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }

    /// What must be the same on both sides: address, event, event type.
    pub(crate) fn kind(&self) -> String {
        format!("{} {}/{}", self.path, self.header("X-Gitea-Event"), self.header("X-Gitea-Event-Type"))
    }

    /// The payload, out of the form where it came in one.
    pub(crate) fn payload_text(&self) -> String {
        match self.body.strip_prefix("payload=") {
            Some(encoded) if self.header("Content-Type").contains("urlencoded") => form_decoded(encoded),
            _ => self.body.clone(),
        }
    }

    /// `None` where the recording holds only the size.
    pub(crate) fn payload(&self) -> Option<Value> {
        serde_json::from_str(&self.payload_text()).ok()
    }

    pub(crate) fn signature(&self) -> &str {
        self.header("X-Gitea-Signature")
    }

    pub(crate) fn header_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.headers.keys().map(|name| name.to_lowercase()).collect();
        names.sort();
        names
    }
}

fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = std::str::from_utf8(&pair).unwrap_or("00");
                bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn load(kind: Kind, name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings").join(kind.name());
    let text =
        std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("the recording is in fixtures");
    let scenario: Scenario =
        serde_json::from_str(&text).expect("the recording has the form that is read here");
    assert_eq!(scenario.scenario, name);
    scenario
}
