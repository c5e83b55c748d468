//! A person at the forge: reads an issue, changes a little of it, and sends it back as the web page does.
//!
//! The page sends the whole text with the version that it was loaded with. Where somebody else wrote in between, the
//! forge refuses with 409; a person then loads the page again and does the same once more.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// Why a person could not do what they wanted.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// No answer, or none that could be read.
    #[error("the forge does not answer")]
    Http(#[from] reqwest::Error),
    /// The forge said no.
    #[error("the forge refuses with {status}: {said}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The forge's words.
        said: String,
    },
    /// The text has no such place.
    #[error("the text does not hold {0:?}")]
    NotThere(String),
    /// Every try met somebody else's write.
    #[error("the text kept changing")]
    Busy,
}

/// The text of an issue or pull request as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// `open` or `closed`.
    pub state: String,
    /// The version that an edit is sent with, where the forge has versions.
    pub content_version: Option<i64>,
    /// The labels, by name.
    pub labels: Vec<String>,
}

/// How often a person tries before giving up.
const TRIES: usize = 50;

/// A person with an account and a browser.
#[derive(Clone, Debug)]
pub struct Person {
    client: Client,
    repository: String,
    token: String,
}

impl Person {
    /// A person who acts on one repository of the forge at `url`.
    pub fn new(url: &str, token: &str, owner: &str, repository: &str) -> Result<Self, PersonError> {
        // Another part of the process may have chosen one; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(Duration::from_secs(10)).build()?;
        let repository = format!("{}/api/v1/repos/{owner}/{repository}", url.trim_end_matches('/'));
        Ok(Self { client, repository, token: token.to_owned() })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), PersonError> {
        let request = self.client.request(method, format!("{}/{path}", self.repository));
        let request = request.header("Authorization", format!("token {}", self.token));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((status, value))
    }

    async fn must(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, PersonError> {
        let (status, value) = self.ask(method, path, body).await?;
        if status.is_success() { Ok(value) } else { Err(refused(status, &value)) }
    }

    /// Loads the page of an issue or pull request.
    pub async fn read(&self, number: u64) -> Result<Text, PersonError> {
        let value = self.must(Method::GET, &format!("issues/{number}"), None).await?;
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let labels = value["labels"].as_array().into_iter().flatten();
        Ok(Text {
            title: text("title"),
            body: text("body"),
            state: text("state"),
            content_version: value["content_version"].as_i64(),
            labels: labels.filter_map(|label| label["name"].as_str()).map(str::to_owned).collect(),
        })
    }

    /// Edits the body: loads it, changes it, sends it with its version, and does so again after a 409. `change` gives
    /// `None` where the text does not hold what is to be changed.
    pub async fn edit(
        &self,
        number: u64,
        what: &str,
        change: impl Fn(&str) -> Option<String> + Send + Sync,
    ) -> Result<(), PersonError> {
        for _ in 0..TRIES {
            let page = self.read(number).await?;
            let body = change(&page.body).ok_or_else(|| PersonError::NotThere(what.to_owned()))?;
            if body == page.body {
                return Ok(());
            }
            let mut patch = json!({"body": body});
            if let Some(version) = page.content_version {
                patch["content_version"] = json!(version);
            }
            let (status, value) = self.ask(Method::PATCH, &format!("issues/{number}"), Some(patch)).await?;
            if status.is_success() {
                return Ok(());
            }
            if status != StatusCode::CONFLICT {
                return Err(refused(status, &value));
            }
        }
        Err(PersonError::Busy)
    }

    /// Ticks the box of the first line that holds `text`.
    pub async fn tick(&self, number: u64, text: &str) -> Result<(), PersonError> {
        self.edit(number, text, |body| set_box(body, text, true)).await
    }

    /// Unticks the box of the first line that holds `text`.
    pub async fn untick(&self, number: u64, text: &str) -> Result<(), PersonError> {
        self.edit(number, text, |body| set_box(body, text, false)).await
    }

    /// Replaces the first occurrence of a piece of the text.
    pub async fn replace(&self, number: u64, old: &str, new: &str) -> Result<(), PersonError> {
        self.edit(number, old, |body| body.contains(old).then(|| body.replacen(old, new, 1))).await
    }

    /// Adds a line at the end.
    pub async fn append_line(&self, number: u64, line: &str) -> Result<(), PersonError> {
        self.edit(number, line, |body| {
            let gap = if body.is_empty() || body.ends_with('\n') { "" } else { "\n" };
            Some(format!("{body}{gap}{line}\n"))
        })
        .await
    }

    /// Opens an issue with labels, by name, and returns its number.
    pub async fn open_issue(&self, title: &str, body: &str, labels: &[&str]) -> Result<u64, PersonError> {
        let mut ids = Vec::new();
        for label in labels {
            ids.push(self.label_id(label).await?);
        }
        let issue = json!({"title": title, "body": body, "labels": ids});
        let value = self.must(Method::POST, "issues", Some(issue)).await?;
        value["number"].as_u64().ok_or_else(|| PersonError::NotThere("number".into()))
    }

    async fn label_id(&self, name: &str) -> Result<u64, PersonError> {
        let labels = self.must(Method::GET, "labels?limit=50", None).await?;
        let label = labels.as_array().into_iter().flatten().find(|label| label["name"] == name);
        label.and_then(|label| label["id"].as_u64()).ok_or_else(|| PersonError::NotThere(name.to_owned()))
    }

    /// Adds a label, by name.
    pub async fn add_label(&self, number: u64, label: &str) -> Result<(), PersonError> {
        let id = self.label_id(label).await?;
        let labels = json!({"labels": [id]});
        self.must(Method::POST, &format!("issues/{number}/labels"), Some(labels)).await.map(|_| ())
    }

    /// Takes a label off, by name.
    pub async fn remove_label(&self, number: u64, label: &str) -> Result<(), PersonError> {
        let id = self.label_id(label).await?;
        self.must(Method::DELETE, &format!("issues/{number}/labels/{id}"), None).await.map(|_| ())
    }

    /// Writes a comment and returns its id.
    pub async fn comment(&self, number: u64, text: &str) -> Result<u64, PersonError> {
        let comment = json!({"body": text});
        let value = self.must(Method::POST, &format!("issues/{number}/comments"), Some(comment)).await?;
        value["id"].as_u64().ok_or_else(|| PersonError::NotThere("id".into()))
    }

    /// Closes an issue or pull request, or opens it again.
    pub async fn set_open(&self, number: u64, open: bool) -> Result<(), PersonError> {
        let state = json!({"state": if open { "open" } else { "closed" }});
        self.must(Method::PATCH, &format!("issues/{number}"), Some(state)).await.map(|_| ())
    }
}

fn refused(status: StatusCode, value: &Value) -> PersonError {
    let said = value["message"].as_str().map_or_else(|| value.to_string(), str::to_owned);
    PersonError::Refused { status: status.as_u16(), said }
}

/// The text with one byte changed: the one between the brackets of the first line that holds `text` and has a box.
/// A box that already is as wanted leaves the text as it is.
fn set_box(body: &str, text: &str, ticked: bool) -> Option<String> {
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if line.contains(text)
            && let Some(bracket) = ["[ ]", "[x]", "[X]"].iter().filter_map(|mark| line.find(mark)).min()
        {
            let byte = at + bracket + 1;
            let was = &body[byte..=byte] != " ";
            if was == ticked {
                return Some(body.to_owned());
            }
            let mark = if ticked { "x" } else { " " };
            return Some(format!("{}{mark}{}", &body[..byte], &body[byte + 1..]));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::set_box;

    #[test]
    fn a_tick_changes_one_byte() {
        let body = "# title\r\n- [ ] first\r\n * [ ] second\r\n1. [x] third\r\n";
        for (text, ticked, expected) in [
            ("second", true, Some("# title\r\n- [ ] first\r\n * [x] second\r\n1. [x] third\r\n")),
            ("third", false, Some("# title\r\n- [ ] first\r\n * [ ] second\r\n1. [ ] third\r\n")),
            ("third", true, Some(body)),
            ("title", true, None),
        ] {
            assert_eq!(set_box(body, text, ticked).as_deref(), expected, "{text} {ticked}");
        }
    }
}
