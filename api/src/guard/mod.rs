//! What stands in front of every route. From the outside in: request id and log line, security
//! headers, panics, time, seats.

mod headers;
mod panic;
mod request_id;
mod seats;
mod time;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

use crate::state::App;

pub(crate) use request_id::CurrentRequest;

/// Every answer leaves through these, fallbacks included.
pub(crate) fn around(routes: Router, app: &App) -> Router {
    routes
        .layer(from_fn_with_state(app.clone(), time::limit))
        .layer(CatchPanicLayer::custom(panic::answer))
        .layer(from_fn(headers::secure))
        .layer(from_fn_with_state(app.clone(), request_id::give))
}

/// Only in front of what does work: a probe is answered also when everything is busy.
pub(crate) fn seated(routes: Router<App>, app: &App) -> Router<App> {
    routes.layer(from_fn_with_state(app.clone(), seats::take))
}
