//! Lists, page by page and object by object.
//!
//! A list of a large cluster is hundreds of megabytes of text, and nearly all of it says that nothing is wrong. Each object
//! is therefore handed on as soon as it is parsed, and who takes it keeps what it needs. Decides: a list is whole or an
//! error; where its token expired in the middle it is begun anew, with nothing of the first try kept, since a list of
//! which two halves are of two moments is a picture of none.

use super::request::{Connection, decode, refusal, says_not_installed, unreadable, words};
use super::{ClusterError, ClusterResult, Installed};
use http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;

/// Objects a page. Bounds memory to some megabytes, whatever the cluster's size.
pub(super) const PAGE: usize = 500;
/// The same where objects are kept as they are served, whatever their size, until the page was judged.
const OBJECTS_PAGE: usize = 200;
/// So many times a list is begun anew after its token expired in the middle.
pub(crate) const LIST_ATTEMPTS: usize = 3;
/// So many pages at most: a server that never ends its list is not believed.
pub(crate) const PAGES: usize = 2_000;

/// A whole list, as somebody took it.
#[derive(Debug)]
pub(super) struct Listed<S> {
    /// What was made of its objects.
    pub(super) taken: S,
    /// The version of the list, as the server writes it.
    pub(super) version: String,
}

/// A page of objects as they are served, for whoever judges a list page by page and keeps none of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ObjectsPage {
    /// It was read.
    Read {
        /// Its objects.
        objects: Vec<Value>,
        /// The token of the next page; none where this is the last one.
        next: Option<String>,
    },
    /// The token expired in the middle: the list has to be begun anew, with nothing of it kept. In the server's words.
    Expired(String),
}

/// What is listed.
#[derive(Clone, Copy)]
struct List<'a> {
    path: &'a str,
    /// Further parameters, already encoded, or nothing.
    query: &'a str,
    /// The kind that the list has to be of.
    kind: &'a str,
    /// Objects a page.
    limit: usize,
}

/// What came of asking for a page.
enum Page {
    NotInstalled,
    Expired(String),
    Read(Head),
}

/// What came of trying to read a list once.
enum Attempt<S> {
    Whole(Listed<S>),
    Expired(String),
}

/// What a page says besides its objects.
#[derive(Debug, Default, Deserialize)]
struct Head {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default, rename = "continue")]
    token: Option<String>,
    #[serde(default, rename = "resourceVersion")]
    version: Option<String>,
}

impl Connection {
    /// A whole list of a built-in kind. `query` holds further parameters, already encoded, or nothing.
    pub(super) async fn list<T: DeserializeOwned + Send>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
    ) -> ClusterResult<Vec<T>> {
        let push = |all: &mut Vec<T>, object| {
            all.push(object);
            Ok(())
        };
        Ok(self.gather(path, query, kind, Vec::new, push).await?.taken)
    }

    /// Hands each object of a list of a built-in kind to `take`, which puts what it wants of it into what `make` made.
    pub(super) async fn gather<T: DeserializeOwned, S: Send>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
        make: impl Fn() -> S + Send + Sync,
        take: impl Fn(&mut S, T) -> Result<(), String> + Send + Sync,
    ) -> ClusterResult<Listed<S>> {
        match self.gather_installed(path, query, kind, make, take).await? {
            Installed::Yes(listed) => Ok(listed),
            Installed::No => Err(ClusterError::NotFound { what: format!("GET {path}") }),
        }
    }

    /// The same of a kind that may not be installed.
    pub(super) async fn gather_installed<T: DeserializeOwned, S: Send>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
        make: impl Fn() -> S + Send + Sync,
        take: impl Fn(&mut S, T) -> Result<(), String> + Send + Sync,
    ) -> ClusterResult<Installed<Listed<S>>> {
        let mut said = String::new();
        for _ in 0..LIST_ATTEMPTS {
            match self.gather_once(path, query, kind, make(), &take).await? {
                Installed::No => return Ok(Installed::No),
                Installed::Yes(Attempt::Whole(listed)) => return Ok(Installed::Yes(listed)),
                Installed::Yes(Attempt::Expired(why)) => said = why,
            }
        }
        Err(ClusterError::Unreadable {
            what: format!("GET {path}"),
            said: format!("the list was cut short {LIST_ATTEMPTS} times: {said}"),
        })
    }

    /// The version that a list would be of now. Consistent: whatever was acknowledged before this was asked is no newer.
    pub(super) async fn newest_version(&self, path: &str) -> ClusterResult<String> {
        let head: Head = self.get(&format!("{path}?limit=1")).await?;
        head.metadata.version.ok_or_else(|| unreadable(&format!("GET {path}"), &"a list without a version"))
    }

    async fn gather_once<T: DeserializeOwned, S: Send>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
        mut gathered: S,
        take: &(impl Fn(&mut S, T) -> Result<(), String> + Send + Sync),
    ) -> ClusterResult<Installed<Attempt<S>>> {
        let list = List { path, query, kind, limit: PAGE };
        let mut token: Option<String> = None;
        let mut version: Option<String> = None;
        for _ in 0..PAGES {
            let mut take = |object: T| take(&mut gathered, object);
            let head = match self.page(list, token.as_deref(), &mut take).await? {
                Page::NotInstalled => return Ok(Installed::No),
                Page::Expired(said) => return Ok(Installed::Yes(Attempt::Expired(said))),
                Page::Read(head) => head,
            };
            // That of the first page: what happened since then is what a watch from there tells.
            version = version.or(head.metadata.version);
            token = head.metadata.token;
            if token.is_none() {
                let listed = Listed { taken: gathered, version: version.unwrap_or_default() };
                return Ok(Installed::Yes(Attempt::Whole(listed)));
            }
        }
        Err(endless(path))
    }

    /// A page as it is served: the first one, or the one that the token of the last one leads to.
    pub(super) async fn objects_page(
        &self,
        path: &str,
        kind: &str,
        token: Option<&str>,
    ) -> ClusterResult<Installed<ObjectsPage>> {
        let mut objects = Vec::new();
        let mut take = |object: Value| {
            objects.push(object);
            Ok(())
        };
        let list = List { path, query: "", kind, limit: OBJECTS_PAGE };
        let page = self.page(list, token, &mut take).await?;
        Ok(match page {
            Page::NotInstalled => Installed::No,
            Page::Expired(said) => Installed::Yes(ObjectsPage::Expired(said)),
            Page::Read(head) => Installed::Yes(ObjectsPage::Read { objects, next: head.metadata.token }),
        })
    }

    /// Asks for a page, and hands each of its objects on. A token that is empty is none.
    async fn page<T: DeserializeOwned>(
        &self,
        list: List<'_>,
        token: Option<&str>,
        take: &mut (dyn FnMut(T) -> Result<(), String> + Send),
    ) -> ClusterResult<Page> {
        let List { path, query, kind, limit } = list;
        let what = format!("GET {path}");
        let mut address = format!("{path}?limit={limit}");
        if !query.is_empty() {
            address.push('&');
            address.push_str(query);
        }
        if let Some(token) = token {
            address.push_str("&continue=");
            address.extend(url::form_urlencoded::byte_serialize(token.as_bytes()));
        }
        let answer = self.read(&what, &address).await?;
        if answer.status == StatusCode::GONE {
            return Ok(Page::Expired(words(&answer)));
        }
        if answer.status == StatusCode::NOT_FOUND && token.is_none() {
            return if says_not_installed(&answer) {
                Ok(Page::NotInstalled)
            } else {
                Err(unreadable(&what, &format!("404 that is no API server's: {}", words(&answer))))
            };
        }
        if !answer.status.is_success() {
            return Err(refusal(&what, &answer));
        }
        let mut head = decode(&what, &answer, |text| page(text, take))?;
        if head.kind != kind {
            return Err(unreadable(&what, &format!("a {} instead of a {kind}", head.kind)));
        }
        head.metadata.token = head.metadata.token.filter(|token| !token.is_empty());
        Ok(Page::Read(head))
    }
}

/// A list that has more pages than anybody believes.
pub(crate) fn endless(path: &str) -> ClusterError {
    unreadable(&format!("GET {path}"), &format!("the list did not end within {PAGES} pages"))
}

/// Reads a page, and hands on each of its objects before the next is parsed.
fn page<T: DeserializeOwned>(
    text: &[u8],
    take: &mut dyn FnMut(T) -> Result<(), String>,
) -> serde_json::Result<Head> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let head = Objects { take, object: PhantomData }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(head)
}

/// A page whose objects are handed on.
struct Objects<'a, T> {
    take: &'a mut dyn FnMut(T) -> Result<(), String>,
    object: PhantomData<fn() -> T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Objects<'_, T> {
    type Value = Head;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Head, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Objects<'_, T> {
    type Value = Head;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
        let mut head = Head::default();
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "kind" => head.kind = map.next_value()?,
                "metadata" => head.metadata = map.next_value()?,
                "items" => map.next_value_seed(Items { take: &mut *self.take, object: PhantomData })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(head)
    }
}

/// The objects of a page; `null` where there are none.
struct Items<'a, T> {
    take: &'a mut dyn FnMut(T) -> Result<(), String>,
    object: PhantomData<fn() -> T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the objects of a list")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(object) = items.next_element()? {
            (self.take)(object).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_object_by_object() {
        type Case = (&'static str, Result<(&'static str, Option<&'static str>, usize), ()>);
        let cases: [Case; 9] = [
            (
                r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{},{}]}"#,
                Ok(("PodList", None, 2)),
            ),
            (r#"{"items":[{}],"metadata":{"continue":"t"},"kind":"PodList"}"#, Ok(("PodList", Some("t"), 1))),
            (r#"{"kind":"PodList","apiVersion":"v1","items":null}"#, Ok(("PodList", None, 0))),
            (r#"{"kind":"PodList"}"#, Ok(("PodList", None, 0))),
            (r#"{"items":[1,2,3],"kind":"Table"}"#, Ok(("Table", None, 3))),
            (r#"{"kind":"PodList","items":[{},"refused"]}"#, Err(())),
            (r#"{"kind":"PodList","items":[{}"#, Err(())),
            (r#"{"kind":"PodList","items":{}}"#, Err(())),
            (r#"{"kind":"PodList","items":[]} trailing"#, Err(())),
        ];
        for (text, expected) in cases {
            let mut seen = 0;
            let read = page::<Value>(text.as_bytes(), &mut |object| {
                seen += 1;
                if object == "refused" { Err("it may not be".to_owned()) } else { Ok(()) }
            });
            let expected =
                expected.map(|(kind, token, count)| (kind.to_owned(), token.map(str::to_owned), count));
            let read = read.map(|head| (head.kind, head.metadata.token, seen)).map_err(|_| ());
            assert_eq!(read, expected, "{text}");
        }
    }
}
