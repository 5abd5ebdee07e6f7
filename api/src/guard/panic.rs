//! A panic is a fault of ours: it is logged, and the client learns that it happened, not where.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

pub(super) fn answer(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing");
    tracing::error!(panic = said, "a request ended in a panic");
    Problem::internal().into_response()
}
