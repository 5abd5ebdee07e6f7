//! An id for every request, ours alone: what a client calls its request is its own affair.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::RequestId;
use http::{HeaderName, HeaderValue};
use tracing::Instrument;

use crate::problem::{self, Problem};
use crate::state::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The request that is being answered, for whoever stores something on its behalf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentRequest(pub(crate) RequestId);

pub(super) async fn give(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let address = request.uri().path().to_owned();
    let id = match app.mint.next() {
        Ok(bits) => RequestId::from_bits(bits),
        Err(error) => {
            // Without randomness nothing may be accepted: ids and keys come from it.
            tracing::error!(%error, "no random bytes for a request id");
            return Problem::internal().render(None, Some(&address));
        }
    };
    request.extensions_mut().insert(CurrentRequest(id));
    let text = id.to_string();
    // Method, path and status only: queries, headers and bodies may hold what no log should.
    let span =
        tracing::info_span!("request", id = %text, method = %request.method(), path = %address);
    let begun = app.clock.now();
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = problem::complete(response, &text, &address);
    let took = app.clock.now().since(begun);
    let status = response.status().as_u16();
    span.in_scope(|| {
        if status >= 500 {
            tracing::warn!(status, ?took, "answered");
        } else {
            tracing::debug!(status, ?took, "answered");
        }
    });
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
