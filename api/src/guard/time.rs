//! No request waits for ever. What it began (an acceptance) runs in a task of its own and goes on.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Code;

use crate::problem::Problem;
use crate::state::App;

pub(super) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let deadline = app.clock.now().after(app.limits.request);
    tokio::select! {
        response = next.run(request) => response,
        () = app.clock.sleep_until(deadline) => Problem::new(
            Code::TimedOut,
            "It may still be carried out. Send the same request with the same Idempotency-Key: \
             the answer is then the original one.",
        )
        .retry_after(1)
        .into_response(),
    }
}
