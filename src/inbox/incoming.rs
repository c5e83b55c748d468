//! A request of the forge: its headers by whatever name they come, and the bytes that are signed.

use super::Refusal;
use std::borrow::Cow;

/// The events that say something about the work, by the names of `Event` and by the narrower ones of `Event-Type`.
/// Everything else is refused, and the log says so: a hook that sends more than it should is a mistake that a person wants
/// to see.
pub(crate) const EVENTS: [&str; 23] = [
    "create",
    "delete",
    "issue_assign",
    "issue_comment",
    "issue_label",
    "issue_milestone",
    "issues",
    "pull_request",
    "pull_request_approved",
    "pull_request_assign",
    "pull_request_comment",
    "pull_request_label",
    "pull_request_milestone",
    "pull_request_rejected",
    "pull_request_review",
    "pull_request_review_approved",
    "pull_request_review_comment",
    "pull_request_review_rejected",
    "pull_request_review_request",
    "pull_request_sync",
    "push",
    "repository",
    "status",
];

/// A delivery id is a UUID; others may be a little longer, but nothing that fills a store.
const LONGEST_ID: usize = 128;

/// A request as it came in: nothing in it is believed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    content_type: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) signature: Option<&'a str>,
    delivery: Option<&'a str>,
    event_type: Option<&'a str>,
    event: Option<&'a str>,
    body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Reads the headers. All forges of the family send the names of Gogs and of GitHub besides their own, with the same
    /// values; the first that is there counts.
    pub(crate) fn new(header: impl Fn(&str) -> Option<&'a str>, body: &'a [u8]) -> Self {
        let header = |name: &str| header(name).map(str::trim).filter(|value| !value.is_empty());
        let of_family = |what: &str| {
            ["x-gitea", "x-forgejo", "x-gogs", "x-github"]
                .iter()
                .find_map(|family| header(&format!("{family}-{what}")))
        };
        // GitHub's signature has a header of another kind.
        let hub = || header("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256="));
        Self {
            content_type: header("content-type"),
            authorization: header("authorization"),
            signature: of_family("signature").or_else(hub),
            delivery: of_family("delivery"),
            event_type: of_family("event-type"),
            event: of_family("event"),
            body,
        }
    }

    /// The id that it claims, whatever that is.
    pub(crate) fn claimed_id(&self) -> Option<&'a str> {
        self.delivery
    }

    /// The event that it claims, whatever that is.
    pub(crate) fn claimed_event(&self) -> Option<&'a str> {
        self.event_type.or(self.event)
    }

    /// The id, fit to be kept.
    pub(super) fn id(&self) -> Result<&'a str, Refusal> {
        self.delivery
            .filter(|id| id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or(Refusal::Header("X-Gitea-Delivery"))
    }

    /// The event, as narrow as it is known.
    pub(super) fn event(&self) -> Result<&'a str, Refusal> {
        if self.claimed_event().is_none() {
            return Err(Refusal::Header("X-Gitea-Event"));
        }
        [self.event_type, self.event]
            .into_iter()
            .flatten()
            .find(|event| EVENTS.contains(event))
            .ok_or(Refusal::UnknownEvent)
    }

    /// The bytes that the signature covers: the body, or the decoded `payload` field of a form.
    pub(super) fn signed_part(&self) -> Result<Cow<'a, [u8]>, Refusal> {
        let essence = self.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            return Ok(Cow::Borrowed(self.body));
        }
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return url::form_urlencoded::parse(self.body)
                .find(|(name, _)| name == "payload")
                .map(|(_, value)| match value {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                })
                .ok_or(Refusal::Incomplete("payload field"));
        }
        Err(Refusal::ContentType)
    }
}

#[cfg(test)]
mod tests {
    use super::Incoming;

    fn incoming<'a>(headers: &[(&str, &'a str)]) -> Incoming<'a> {
        let find = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Incoming::new(find, b"")
    }

    #[test]
    fn the_narrower_name_of_an_event_goes_first_where_it_is_known() {
        let cases = [
            ("x-gitea-event: issues, x-gitea-event-type: issue_label", Some("issue_label")),
            ("x-gitea-event: issues", Some("issues")),
            ("x-gitea-event: issues, x-gitea-event-type: issue_of_tomorrow", Some("issues")),
            ("x-forgejo-event: push, x-forgejo-event-type: push", Some("push")),
            ("x-gogs-event: push", Some("push")),
            ("x-gitea-event: , x-github-event: push", Some("push")),
            ("x-gitea-event: package", None),
        ];
        for (headers, expected) in cases {
            let pairs: Vec<_> = headers.split(", ").filter_map(|header| header.split_once(": ")).collect();
            assert_eq!(incoming(&pairs).event().ok(), expected, "{headers}");
        }
        assert!(incoming(&[]).event().is_err());
    }

    #[test]
    fn a_signature_is_found_under_each_of_its_names() {
        for name in ["x-gitea-signature", "x-forgejo-signature", "x-gogs-signature"] {
            assert_eq!(incoming(&[(name, "0a")]).signature, Some("0a"), "{name}");
        }
        assert_eq!(incoming(&[("x-hub-signature-256", "sha256=0a")]).signature, Some("0a"));
        // Without a secret the forge sends these.
        let empty = [("x-gitea-signature", ""), ("x-hub-signature-256", "sha256=")];
        assert_eq!(incoming(&empty).signature.filter(|text| !text.is_empty()), None);
        assert_eq!(incoming(&[("x-hub-signature-256", "0a")]).signature, None);
    }
}
