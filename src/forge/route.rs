//! Where a request goes, and of which kind it is.

use url::Url;

/// One part of a path.
#[derive(Debug, Clone)]
enum Segment {
    /// The API's own word.
    Word(&'static str),
    /// A name, a number, a commit.
    Value(String),
}

impl Segment {
    fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Value(value) => value,
        }
    }
}

/// Where a request goes, below `/api/v1`.
#[derive(Debug, Clone)]
pub(super) struct Route {
    segments: Vec<Segment>,
    query: Vec<(&'static str, String)>,
}

impl Route {
    /// The whole address, below the server's own; a path in that is kept.
    pub(super) fn below(&self, base: &Url) -> Url {
        let mut url = base.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(self.segments.iter().map(Segment::text));
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    /// A path given by its segments; each is escaped by itself, slashes included.
    pub(super) fn new(word: &'static str) -> Self {
        Self { segments: vec![Segment::Word(word)], query: Vec::new() }
    }

    /// Adds a word of the API.
    pub(super) fn then(mut self, word: &'static str) -> Self {
        self.segments.push(Segment::Word(word));
        self
    }

    /// Adds a name, a number, a commit.
    pub(super) fn value(mut self, value: &(impl ToString + ?Sized)) -> Self {
        self.segments.push(Segment::Value(value.to_string()));
        self
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// What kind of route it is: a star for each value, one for several that follow each other as the parts of a path do.
    pub(super) fn shape(&self) -> String {
        let mut shape: Vec<&str> = Vec::new();
        for (place, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Word(word) => shape.push(word),
                // Owner and name are two.
                Segment::Value(_) if place > 2 && shape.last() == Some(&"*") => {}
                Segment::Value(_) => shape.push("*"),
            }
        }
        shape.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_a_route_holds_no_value() {
        let repository = || Route::new("repos").value("ops").value("homelab");
        for (route, shape) in [
            (Route::new("version"), "version"),
            (repository(), "repos/*/*"),
            (repository().then("pulls").value(&6).then("merge"), "repos/*/*/pulls/*/merge"),
            (repository().then("pulls").value("6.diff"), "repos/*/*/pulls/*"),
            (repository().then("contents").value("a").value("b").value("c.yaml"), "repos/*/*/contents/*"),
        ] {
            assert_eq!(route.shape(), shape);
        }
    }
}
