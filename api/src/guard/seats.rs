//! Bounded work: when every seat is taken the next request is told to come back, at once, before
//! its body is read.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Code;

use crate::problem::Problem;
use crate::state::App;

pub(super) async fn take(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(_seat) = app.rooms.requests.try_acquire() else {
        return Problem::new(
            Code::Overloaded,
            "Nothing was executed. Wait as long as Retry-After says and send the same request again.",
        )
        .retry_after(1)
        .into_response();
    };
    next.run(request).await
}
