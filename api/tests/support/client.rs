//! Asks the router without a socket, and reads what it answers.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Asserts that this is a problem, whole and with nothing of ours inside; gives its code.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        let code = json["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!(json["status"], self.status, "{json}");
        assert_eq!(json["type"], format!("/docs/errors/{code}"));
        assert_eq!(json["request_id"], self.header("request-id"));
        assert!(self.header("request-id").starts_with("rq_"), "{json}");
        for member in ["title", "detail", "instance", "outcome"] {
            assert!(json[member].is_string(), "{member} in {json}");
        }
        assert!(json["retryable"].is_boolean());
        let text = json.to_string();
        for ours in ["panicked", "src/", "sqlx", "SELECT ", "backtrace"] {
            assert!(!text.contains(ours), "{ours} in {text}");
        }
        code
    }

    /// `pointer: code` of each fault, sorted, one per line.
    pub(crate) fn faults(&self) -> String {
        let json = self.json();
        let empty = Vec::new();
        let mut lines: Vec<String> = json["errors"]
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .map(|fault| {
                let place = ["pointer", "parameter", "header"]
                    .into_iter()
                    .find_map(|kind| fault[kind].as_str())
                    .unwrap_or("?");
                format!("{place}: {}", fault["code"].as_str().unwrap_or("?"))
            })
            .collect();
        lines.sort();
        lines.join(", ")
    }
}

pub(crate) async fn ask(routes: &Router, request: Request<Body>) -> Answer {
    // A router never fails: its error type has no values.
    let response = routes.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

pub(crate) async fn get(routes: &Router, key: &str, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {key}"));
    ask(routes, request.body(Body::empty()).unwrap()).await
}

/// Sends `body` as JSON to `/v1/transfers`.
pub(crate) async fn post(
    routes: &Router,
    key: &str,
    idempotency: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = Request::post("/v1/transfers")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", idempotency);
    ask(routes, request.body(body.into()).unwrap()).await
}
