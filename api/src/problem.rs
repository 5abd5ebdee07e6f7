//! What a client reads when something is wrong: RFC 9457 problem details, from the one registry of
//! codes. No stack, no SQL, no cause of ours: those go to the log, under the same request id.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::{Code, Outcome};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// More faults than this in one request are not listed: nobody reads them, and the answer is bounded.
const MOST_FAULTS: usize = 20;

/// Where in the request a fault lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// A JSON Pointer into the body; empty for the body as a whole.
    Pointer(String),
    /// A parameter of the query string.
    Parameter(String),
    Header(&'static str),
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    #[serde(flatten)]
    pub(crate) place: Place,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn at(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            place: Place::Pointer(pointer.into()),
            code,
            detail: detail.into(),
        }
    }

    pub(crate) fn parameter(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            place: Place::Parameter(name.to_owned()),
            code,
            detail: detail.into(),
        }
    }

    pub(crate) fn header(
        name: &'static str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            place: Place::Header(name),
            code,
            detail: detail.into(),
        }
    }
}

/// An answer that says no. The outermost guard adds the request id and the address to it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: None,
        }
    }

    /// A request that cannot be understood (400).
    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        Self::new(Code::InvalidRequest, "See `errors` for what to change.").with(faults)
    }

    /// A request that is understood, with a value that cannot be accepted (422).
    pub(crate) fn unacceptable(faults: Vec<Fault>) -> Self {
        Self::new(Code::ValidationFailed, "See `errors` for what to change.").with(faults)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("There is no {what} here, or it is not yours."),
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            Code::Internal,
            "The cause is in our log under this request id. Ask for the state before you try again, \
             or try again with the same Idempotency-Key.",
        )
    }

    pub(crate) fn with(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self.faults.truncate(MOST_FAULTS);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The answer itself. Without a request id only where no guard stands in front.
    pub(crate) fn render(&self, request_id: Option<&str>, instance: Option<&str>) -> Response {
        let page = Page {
            r#type: format!("/docs/errors/{}", self.code.slug()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            instance,
            code: self.code.slug(),
            request_id,
            retryable: self.code.retryable(),
            outcome: self.code.outcome(),
            errors: &self.faults,
        };
        let body = serde_json::to_vec(&page).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[derive(Serialize)]
struct Page<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    retryable: bool,
    outcome: Outcome,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.render(None, None);
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives a problem that comes from inside its request id and address. Every header that was set on
/// the way out stays.
pub(crate) fn complete(response: Response, request_id: &str, instance: &str) -> Response {
    let Some(problem) = response.extensions().get::<Problem>() else {
        return response;
    };
    let body = problem.render(Some(request_id), Some(instance)).into_body();
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn says_what_is_wrong_and_where() {
        let problem = Problem::invalid(vec![
            Fault::at("/amount/amount", "not_an_integer", "minor units"),
            Fault::parameter("limit", "out_of_range", "1 to 100"),
            Fault::header("Idempotency-Key", "too_long", "255 at most"),
        ]);
        let response = problem.render(Some("rq_1"), Some("/v1/transfers"));
        assert_eq!(response.status(), 400);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        expect![[r#"
            {
              "code": "invalid-request",
              "detail": "See `errors` for what to change.",
              "errors": [
                {
                  "code": "not_an_integer",
                  "detail": "minor units",
                  "pointer": "/amount/amount"
                },
                {
                  "code": "out_of_range",
                  "detail": "1 to 100",
                  "parameter": "limit"
                },
                {
                  "code": "too_long",
                  "detail": "255 at most",
                  "header": "Idempotency-Key"
                }
              ],
              "instance": "/v1/transfers",
              "outcome": "not_executed",
              "request_id": "rq_1",
              "retryable": false,
              "status": 400,
              "title": "The request is not valid",
              "type": "/docs/errors/invalid-request"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&json).unwrap());
    }
}
