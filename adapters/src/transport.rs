//! How a request leaves and an answer comes: over sockets, or by a call in the same process.
//!
//! Whoever implements it sends each request at most once, bounds time and size, follows nothing,
//! and knows whether anything was sent at all.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, Url};
use serde::Serialize;

/// One request, whole. Its `Debug` tells no more than its size: it holds account numbers and keys.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A whole answer, whatever it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} bytes)", self.method, self.body.len())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}

/// There was no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// No connection was made, so the bank cannot know of the request.
    NotSent,
    /// The bank may have acted; why we do not know, in words fit for evidence.
    Unanswered(&'static str),
}

#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    async fn send(&self, request: Request) -> Result<Reply, Lost>;
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn post(url: Url) -> Self {
        Self {
            method: Method::POST,
            ..Self::get(url)
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A value that cannot be written becomes an empty body, which every bank refuses to read.
    pub(crate) fn json(mut self, value: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(value).unwrap_or_default();
        self.header("content-type", "application/json")
    }
}

impl Request {
    pub(crate) fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", content_type)
    }
}

/// A base address that leads somewhere and carries nothing secret.
pub(crate) fn base_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// `base` with more path.
pub(crate) fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // An address with a host always has a path; it was checked when the rail was built.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_appended_to_whatever_the_address_is() {
        for (base, url) in [
            ("http://bank:1", "http://bank:1/v1/debits"),
            ("http://bank:1/", "http://bank:1/v1/debits"),
            ("https://bank/eu/", "https://bank/eu/v1/debits"),
        ] {
            let base = base_url(base).unwrap();
            assert_eq!(below(&base, &["v1", "debits"]).as_str(), url);
        }
    }
}
