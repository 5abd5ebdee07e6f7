//! How a page leaves: rendered, with a policy that lets the browser load our own files and nothing
//! else.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, StatusCode};

use crate::gate::Closed;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn page(template: &impl Template) -> Response {
    rendered(StatusCode::OK, template)
}

/// Why a visitor sees no page.
#[derive(Debug)]
pub(crate) enum Refusal {
    Closed(Closed),
    NotFound,
    /// A room below failed; the log has the cause.
    Failed,
}

impl Refusal {
    /// The cause goes to the log, and only there.
    pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a page could not be shown");
        Self::Failed
    }
}

#[derive(Template)]
#[template(path = "closed.html")]
struct Words {
    title: &'static str,
    lines: &'static [&'static str],
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title, lines): (_, _, &[&str]) = match self {
            Self::Closed(Closed::ForeignName) => (
                StatusCode::FORBIDDEN,
                "Not under this name",
                &[
                    "The console has no sign-in yet, so it answers only when it is asked under this \
                     machine's own name, such as http://127.0.0.1:8080/. Otherwise any page in your \
                     browser could read it under a name of its own.",
                    "The API under /v1 is not affected: it wants a key.",
                ],
            ),
            Self::Closed(Closed::ForeignPeer) => (
                StatusCode::FORBIDDEN,
                "Not from another machine",
                &[
                    "The console has no sign-in yet, so it answers only on the machine it runs on. \
                     From elsewhere, go through an SSH tunnel to its port.",
                    "The API under /v1 is not affected: it wants a key.",
                ],
            ),
            Self::Closed(Closed::LiveData) => (
                StatusCode::FORBIDDEN,
                "Closed: there is live data",
                &[
                    "The console has no sign-in yet, so it shows sandbox data only, and nothing at \
                     all in an installation that also has live data.",
                    "Use the API with a key of the partner in question.",
                ],
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Not here",
                &["No sandbox partner has a transfer with this id."],
            ),
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This page could not be shown",
                &[
                    "The cause is in the log, under the id in the Request-Id header. Nothing was changed.",
                ],
            ),
        };
        rendered(status, &Words { title, lines })
    }
}

fn rendered(status: StatusCode, template: &impl Template) -> Response {
    let mut response = match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
