//! A request, taken apart the way an API server does it before it decides anything.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};

use super::error::{ApiError, Asked};
use super::faults::RequestFacts;
use super::rbac::{Identity, Wish};

/// What an address and a method ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Verb as RBAC knows it; of other addresses the method in small letters.
    pub(crate) verb: &'static str,
    /// Whether this is about objects at all.
    pub(crate) is_resource: bool,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
    pub(crate) path: String,
}

impl Target {
    pub(crate) fn parse(method: &Method, path: &str, watch: bool) -> Self {
        let mut target = Self { verb: method_verb(method), path: path.to_owned(), ..Self::default() };
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let rest = match segments.as_slice() {
            ["api", version, rest @ ..] => {
                (*version).clone_into(&mut target.version);
                rest
            }
            ["apis", group, version, rest @ ..] => {
                (*group).clone_into(&mut target.group);
                (*version).clone_into(&mut target.version);
                rest
            }
            _ => return target,
        };
        let rest = match rest {
            ["namespaces", namespace, resource, rest @ ..]
                if !(target.group.is_empty() && matches!(*resource, "status" | "finalize")) =>
            {
                (*namespace).clone_into(&mut target.namespace);
                (*resource).clone_into(&mut target.resource);
                rest
            }
            ["namespaces", namespace, rest @ ..] if target.group.is_empty() => {
                (*namespace).clone_into(&mut target.namespace);
                "namespaces".clone_into(&mut target.resource);
                (*namespace).clone_into(&mut target.name);
                target.subresource = rest.join("/");
                target.is_resource = true;
                return target;
            }
            [resource, rest @ ..] => {
                (*resource).clone_into(&mut target.resource);
                rest
            }
            [] => return target,
        };
        target.is_resource = true;
        if let [name, rest @ ..] = rest {
            (*name).clone_into(&mut target.name);
            // Of a proxy, the rest of the address belongs to the one behind it.
            rest.first().copied().unwrap_or_default().clone_into(&mut target.subresource);
        } else {
            target.verb = match target.verb {
                "get" if watch => "watch",
                "get" => "list",
                "delete" => "deletecollection",
                other => other,
            };
        }
        target
    }

    /// The resource as RBAC and faults name it.
    pub(crate) fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    pub(crate) fn wish(&self) -> Wish<'_> {
        self.wish_as(self.verb)
    }

    pub(crate) fn wish_as<'a>(&'a self, verb: &'a str) -> Wish<'a> {
        if !self.is_resource {
            return Wish::Path { verb, path: &self.path };
        }
        Wish::Resource {
            verb,
            group: &self.group,
            resource: &self.resource,
            subresource: &self.subresource,
            namespace: &self.namespace,
            name: &self.name,
        }
    }

    pub(crate) fn forbidden(&self, who: &Identity, why: &str) -> ApiError {
        if !self.is_resource {
            return ApiError::forbidden_path(&who.name, self.verb, &self.path);
        }
        let asked = Asked {
            user: &who.name,
            verb: self.verb,
            group: &self.group,
            resource: &self.resource,
            subresource: &self.subresource,
            namespace: &self.namespace,
            name: &self.name,
        };
        ApiError::forbidden(&asked, why)
    }

    pub(crate) fn facts<'a>(&'a self, full_resource: &'a str, user: &'a str) -> RequestFacts<'a> {
        RequestFacts {
            verb: self.verb,
            resource: full_resource,
            group: &self.group,
            namespace: &self.namespace,
            name: &self.name,
            user,
        }
    }
}

fn method_verb(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

/// A request with everything that the handlers look at.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) target: Target,
    pub(crate) who: Identity,
    pub(crate) parts: Parts,
    pub(crate) query: Parameters,
    pub(crate) body: Bytes,
}

impl ApiRequest {
    pub(crate) fn header(&self, name: &header::HeaderName) -> &str {
        header_text(&self.parts.headers, name)
    }

    /// Content type without its parameters.
    pub(crate) fn content_type(&self) -> &str {
        self.header(&header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim()
    }
}

pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// The parameters of an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self(Query::<Vec<(String, String)>>::try_from_uri(uri).map(|q| q.0).unwrap_or_default())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(n, value)| n == name && matches!(value.as_str(), "" | "1" | "true" | "True" | "t"))
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, path: &str) -> (String, String, String, String, String) {
        let t = Target::parse(method, path, false);
        (
            t.verb.to_owned(),
            format!("{}/{}", t.group, t.version),
            t.namespace.clone(),
            t.full_resource(),
            t.name,
        )
    }

    #[test]
    fn addresses_are_taken_apart() {
        let cases = [
            (Method::GET, "/api/v1/nodes", ["list", "/v1", "", "nodes", ""]),
            (Method::GET, "/api/v1/namespaces/apps/pods", ["list", "/v1", "apps", "pods", ""]),
            (Method::GET, "/api/v1/namespaces/apps", ["get", "/v1", "apps", "namespaces", "apps"]),
            (Method::GET, "/api/v1/namespaces", ["list", "/v1", "", "namespaces", ""]),
            (Method::POST, "/api/v1/namespaces/n/pods/p/exec", ["create", "/v1", "n", "pods/exec", "p"]),
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/n/deployments/d/scale",
                ["patch", "apps/v1", "n", "deployments/scale", "d"],
            ),
            (
                Method::GET,
                "/api/v1/nodes/metal1/proxy/stats/summary",
                ["get", "/v1", "", "nodes/proxy", "metal1"],
            ),
            (Method::DELETE, "/api/v1/namespaces/n/pods", ["deletecollection", "/v1", "n", "pods", ""]),
        ];
        for (method, path, [verb, version, namespace, resource, name]) in cases {
            let expected = (verb.into(), version.into(), namespace.into(), resource.into(), name.into());
            assert_eq!(parse(&method, path), expected, "{path}");
        }
        assert!(!Target::parse(&Method::GET, "/apis/apps/v1", false).is_resource);
        assert_eq!(Target::parse(&Method::GET, "/api/v1/pods", true).verb, "watch");
    }
}
