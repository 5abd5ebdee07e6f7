//! Server-rendered pages for people. They read through the same rooms as the API, show nothing that
//! it could not, and change nothing. No SQL lives here, and no decision about money.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod assets;
mod gate;
mod pages;
mod people;
mod visitor;
mod words;

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;

/// What every page is handed.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    pub(crate) app: api::App,
    /// Where the listener is: the one address besides loopback that a visitor may ask under.
    own: SocketAddr,
}

/// The pages, to be put behind the API's guards: `api::app_with(app, console::pages(app, own))`.
pub fn pages(app: api::App, own: SocketAddr) -> Router {
    Router::new()
        .route("/", get(pages::home::show))
        .route("/transfers/{id}", get(pages::transfer::show))
        .route("/console/{name}", get(assets::serve))
        .with_state(Console { app, own })
}
