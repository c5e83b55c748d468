//! What an answer that is no yes means, and what the forge says with it.

use super::ForgeError;
use jiff::Timestamp;
use reqwest::header::{self, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// How much of the forge's own words is kept.
const MAXIMUM_SAID: usize = 300;

/// What says that the server itself is not there.
pub(super) fn is_down(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// How long `Retry-After` asks to wait: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Method and path; never the query, which may hold what is nobody's business, and never a name or password.
pub(super) fn what(method: &Method, url: &Url) -> String {
    let path = url.path();
    let path = path.split_once("/api/v1").map_or(path, |(_, rest)| rest);
    format!("{method} {path}")
}

/// An error of the client with all that caused it: its own text says only "error sending request".
pub(super) fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() { "the connection broke".to_owned() } else { text }
}

/// What a status that is no success means.
pub(super) fn refusal(what: String, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ForgeError {
    let said = said(body);
    match status {
        _ if status.is_redirection() => ForgeError::Renamed {
            location: headers
                .get(header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .unwrap_or("(the forge does not say where)")
                .to_owned(),
        },
        StatusCode::UNAUTHORIZED => ForgeError::Unauthorized { said },
        StatusCode::FORBIDDEN => ForgeError::Forbidden { what, said },
        StatusCode::NOT_FOUND => ForgeError::NotFound { what },
        StatusCode::CONFLICT => ForgeError::Conflict { what, said },
        _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => ForgeError::Unavailable {
            what,
            said: if said.is_empty() { format!("status {}", status.as_u16()) } else { said },
            retry_after: retry_after(headers, Timestamp::now()),
        },
        _ => ForgeError::Refused { what, status: status.as_u16(), said },
    }
}

/// The forge's own words: the `message` (or `Err`) of its JSON, else the text itself; one line, cut.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => ["message", "Err", "StdErr"]
            .iter()
            .filter_map(|name| fields.get(*name)?.as_str())
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(MAXIMUM_SAID) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

/// The error that a recorded answer becomes.
#[cfg(test)]
pub(super) fn refusal_of(status: u16, body: &[u8]) -> ForgeError {
    let status = StatusCode::from_u16(status).expect("a status");
    refusal("POST /merge".to_owned(), status, &HeaderMap::new(), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn what_the_forge_says_is_one_short_line() {
        for (body, expected) in [
            (r#"{"message":"head out of date","url":"x"}"#, "head out of date"),
            (r#"{"message":"","url":"x"}"#, ""),
            (r#"{"Style":"merge","StdOut":"","StdErr":"boom\nbang","Err":"exit 1"}"#, "exit 1"),
            ("<html>\n bad  gateway</html>", "<html> bad gateway</html>"),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
        assert!(said("x".repeat(5000).as_bytes()).chars().count() <= MAXIMUM_SAID + 1);
    }

    #[test]
    fn each_status_has_its_error() {
        let refuse = |status: u16| refusal_of(status, br#"{"message":"m"}"#);
        assert!(matches!(refuse(301), ForgeError::Renamed { .. }));
        assert!(matches!(refuse(307), ForgeError::Renamed { .. }));
        assert!(matches!(refuse(401), ForgeError::Unauthorized { .. }));
        assert!(matches!(refuse(403), ForgeError::Forbidden { .. }));
        assert!(matches!(refuse(404), ForgeError::NotFound { .. }));
        assert!(matches!(refuse(405), ForgeError::Refused { status: 405, .. }));
        assert!(matches!(refuse(409), ForgeError::Conflict { .. }));
        assert!(matches!(refuse(422), ForgeError::Refused { status: 422, .. }));
        assert!(matches!(refuse(423), ForgeError::Refused { status: 423, .. }));
        assert!(matches!(refuse(429), ForgeError::Unavailable { .. }));
        assert!(matches!(refuse(500), ForgeError::Unavailable { .. }));
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_until_a_date() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        for (text, expected) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("Sat, 21 Nov 2026 10:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
