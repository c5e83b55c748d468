//! The frames of a watch: one JSON object a line, of any size up to a limit, in chunks that end anywhere.
//!
//! Decides: only an end of the body after a whole line is an end. A line that is cut off is an error and no frame, and so
//! is one that says nothing that we know: what it would have changed is not known.

use super::request::{Connection, failed, refusal_of, unreadable};
use super::{ClusterError, ClusterResult};
use futures::io::{AsyncBufRead, AsyncBufReadExt};
use http::{Request, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

/// So long may a line be. An API server takes objects of some megabytes at most.
const LINE: usize = 32 * 1024 * 1024;

/// One frame.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE")]
pub(super) enum Frame<O> {
    /// An object is new.
    Added(O),
    /// An object is other than it was.
    Modified(O),
    /// An object is gone; this was its last state.
    Deleted(O),
    /// Nothing is missing up to a version.
    Bookmark(Mark),
    /// The watch is over, and why.
    Error(Failure),
}

/// The object of a bookmark: a version and nothing else.
#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    metadata: MarkMetadata,
}

#[derive(Debug, Deserialize)]
struct MarkMetadata {
    #[serde(rename = "resourceVersion")]
    version: String,
}

impl Mark {
    /// The version up to which everything was told.
    pub(super) fn version(&self) -> &str {
        &self.metadata.version
    }
}

/// The Status of an ERROR frame.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

/// An open watch.
pub(super) struct Frames<O> {
    what: String,
    lines: Lines<Pin<Box<dyn AsyncBufRead + Send>>>,
    object: PhantomData<fn() -> O>,
}

impl Connection {
    /// Watches a kind from a version on, for so long.
    pub(super) async fn watch<O: DeserializeOwned>(
        &self,
        path: &str,
        from: u64,
        lasts: Duration,
    ) -> ClusterResult<Frames<O>> {
        let what = format!("GET {path}?watch=1");
        let address = format!(
            "{path}?watch=1&allowWatchBookmarks=true&resourceVersion={from}&timeoutSeconds={}",
            lasts.as_secs().max(1)
        );
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            // Newer servers compress each frame by itself, of which kube's client reads the first alone.
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Vec::new())
            .map_err(|error| unreadable(&what, &error))?;
        let opened = tokio::time::timeout(self.timeout, self.client.request_stream(request)).await;
        let Ok(opened) = opened else {
            let said = format!("no answer within {} s", self.timeout.as_secs());
            return Err(ClusterError::Unavailable { what, said });
        };
        let body = opened.map_err(|error| failed(&what, error))?;
        Ok(Frames { what, lines: Lines::new(Box::pin(body), LINE), object: PhantomData })
    }
}

impl<O: DeserializeOwned> Frames<O> {
    /// The next frame; none where the watch ended as it should. Waits for as long as it takes: how long that may be is
    /// the caller's to say.
    pub(super) async fn next(&mut self) -> ClusterResult<Option<Frame<O>>> {
        match self.lines.next().await {
            Ok(Some(line)) => frame(&line).map(Some).map_err(|said| unreadable(&self.what, &said)),
            Ok(None) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(unreadable(&self.what, &error)),
            Err(error) => Err(ClusterError::Unavailable { what: self.what.clone(), said: error.to_string() }),
        }
    }

    /// What an ERROR frame means.
    pub(super) fn refusal(&self, failure: Failure) -> ClusterError {
        refusal_of(&self.what, failure.code, failure.message)
    }
}

fn frame<O: DeserializeOwned>(line: &[u8]) -> serde_json::Result<Frame<O>> {
    serde_json::from_slice(line)
}

/// The lines of a stream.
struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    limit: usize,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    fn new(reader: R, limit: usize) -> Self {
        Self { reader, line: Vec::new(), limit }
    }

    /// The next line without its end. What was read of it stays when this is dropped.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return if self.line.is_empty() {
                    Ok(None)
                } else {
                    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended in the middle of a frame"))
                };
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.line.len() + part.len() > self.limit {
                let said = format!("a frame of more than {} bytes", self.limit);
                return Err(io::Error::new(io::ErrorKind::InvalidData, said));
            }
            self.line.extend_from_slice(part);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume_unpin(used);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use futures::stream::{self, TryStreamExt};
    use serde_json::Value;

    /// What comes of a body in chunks, up to its end or its first error.
    async fn lines(chunks: &[&str], limit: usize) -> (Vec<String>, Option<io::ErrorKind>) {
        let chunks: Vec<io::Result<Vec<u8>>> =
            chunks.iter().map(|chunk| Ok(chunk.as_bytes().to_vec())).collect();
        let mut lines = Lines::new(stream::iter(chunks).boxed().into_async_read(), limit);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => read.push(String::from_utf8(line).expect("text")),
                Ok(None) => return (read, None),
                Err(error) => return (read, Some(error.kind())),
            }
        }
    }

    #[tokio::test]
    async fn lines_come_in_whatever_chunks() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        type Case = (&'static [&'static str], &'static [&'static str], Option<io::ErrorKind>);
        let cases: [Case; 8] = [
            (&[], &[], None),
            (&["one\n"], &["one"], None),
            (&["one\ntwo\n", "three\n"], &["one", "two", "three"], None),
            (&["o", "n", "e", "\n", "tw", "o\n"], &["one", "two"], None),
            (&["one\ntw"], &["one"], Some(UnexpectedEof)),
            (&["one"], &[], Some(UnexpectedEof)),
            (&["12345678\n", "1234", "5678", "\n"], &["12345678", "12345678"], None),
            (&["1234", "5678", "9\n"], &[], Some(InvalidData)),
        ];
        for (chunks, expected, error) in cases {
            let read = lines(chunks, 8).await;
            let expected = expected.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(read, (expected, error), "{chunks:?}");
        }
    }

    #[test]
    fn every_kind_of_frame() {
        let cases = [
            (r#"{"type":"ADDED","object":{"a":1}}"#, "added 1"),
            (r#"{"type":"MODIFIED","object":{"a":2}}"#, "modified 2"),
            (r#"{"object":{"a":3},"type":"DELETED"}"#, "deleted 3"),
            (
                r#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"1431","creationTimestamp":null},"spec":{"containers":null},"status":{}}}"#,
                "bookmark 1431",
            ),
            (
                r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (605)","reason":"Expired","code":410}}"#,
                "error 410 too old resource version: 1 (605)",
            ),
            (r#"{"type":"SOMETHING","object":{}}"#, "unreadable"),
            (r#"{"type":"BOOKMARK","object":{"metadata":{}}}"#, "unreadable"),
            (r#"{"type":"ADDED"}"#, "unreadable"),
            (r#"{"kind":"Status","status":"Failure"}"#, "unreadable"),
            ("", "unreadable"),
        ];
        for (line, expected) in cases {
            let said = match frame::<Value>(line.as_bytes()) {
                Ok(Frame::Added(object)) => format!("added {}", object["a"]),
                Ok(Frame::Modified(object)) => format!("modified {}", object["a"]),
                Ok(Frame::Deleted(object)) => format!("deleted {}", object["a"]),
                Ok(Frame::Bookmark(mark)) => format!("bookmark {}", mark.version()),
                Ok(Frame::Error(failure)) => format!("error {} {}", failure.code, failure.message),
                Err(_) => "unreadable".to_owned(),
            };
            assert_eq!(said, expected, "{line}");
        }
    }
}
