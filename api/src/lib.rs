//! The HTTP door for app backends: it checks who asks and what is asked, hands over to the rooms
//! below, and answers. It never moves money: an accepted transfer is moved by its workflow.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod body;
mod failure;
mod fields;
mod guard;
mod idempotency;
mod json;
mod list;
mod notice_rate;
mod path;
mod problem;
mod query;
mod routes;
mod serve;
mod starting;
mod state;

use axum::Router;
use domain::Code;

pub use access::{Declared, Permission};
pub use serve::{Peer, serve};
pub use state::{App, Limits, Parts, Ports, Probe, StartError, Starter};

use problem::Problem;

/// The API alone.
pub fn app(state: App) -> Router {
    app_with(state, Router::new())
}

/// The API and pages of others (the console) behind the same guards.
pub fn app_with(state: App, pages: Router) -> Router {
    let business = guard::seated(routes::business(&state).router, &state);
    let routes = business
        .merge(routes::always(&state).router)
        .with_state(state.clone())
        .merge(pages)
        .fallback(|| async { Problem::not_found("such address") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                Code::MethodNotAllowed,
                "The methods that are known here are in the Allow header.",
            )
        });
    guard::around(routes, &state)
}

/// Every route and what it needs, for tests of who may do what and for documentation.
pub fn declared(state: &App) -> Vec<Declared> {
    let mut all = routes::business(state).declared;
    all.extend(routes::always(state).declared);
    all
}
