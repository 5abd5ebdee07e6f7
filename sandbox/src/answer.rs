//! How a delivery becomes a response: a status and a body, or what comes instead of them.

use std::io;
use std::time::Duration;

use ambient::SharedClock;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::de::DeserializeOwned;

use crate::bank::{Bank, BankError};
use crate::delivery::Delivery;
use crate::magic;
use crate::movement::{Movement, State};

/// Marks a response that must not be sent: the connection ends instead. The server obeys it;
/// under another server it is an empty 502.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutHere;

pub(crate) async fn deliver_to(bank: &Bank, delivery: Result<Delivery, BankError>) -> Response {
    match delivery {
        Ok(Delivery::Answer(movement)) => answer(*movement),
        Ok(Delivery::SlowAnswer(movement)) => {
            hold(bank.clock(), magic::SLOW_ANSWER).await;
            answer(*movement)
        }
        Ok(Delivery::Giant(movement)) => json_text(padded(body_of(&movement), magic::GIANT)),
        Ok(Delivery::Trickle(movement)) => {
            json_text(trickled(bank.clock().clone(), body_of(&movement)))
        }
        Ok(Delivery::Twice(movement)) => {
            let once = body_of(&movement);
            json_text([once.as_slice(), once.as_slice()].concat())
        }
        Ok(Delivery::TooLate) => error(
            StatusCode::CONFLICT,
            "too_late",
            "the movement was decided already",
        ),
        Ok(Delivery::Silence) => {
            hold(bank.clock(), magic::LONGEST_HOLD).await;
            cut()
        }
        Ok(Delivery::Cut) => cut(),
        Ok(Delivery::ReferenceReused) => error(
            StatusCode::CONFLICT,
            "reference_reused",
            "this reference belongs to another order",
        ),
        Ok(Delivery::NotFound) => error(
            StatusCode::NOT_FOUND,
            "movement_not_found",
            "no movement has this reference",
        ),
        Ok(Delivery::ServerError) => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong",
        ),
        Ok(Delivery::Garbage) => (
            [(header::CONTENT_TYPE, "application/json")],
            "{\"reference\": \u{fffd}<!-- ",
        )
            .into_response(),
        Ok(Delivery::Throttled) => {
            let mut response = error(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "ask again later",
            );
            let seconds = HeaderValue::from(magic::RETRY_AFTER.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        Ok(Delivery::Outage) => outage(),
        Err(BankError::Malformed(why)) => malformed(&why.to_string()),
        Err(failure) => broken(&failure),
    }
}

fn answer(movement: Movement) -> Response {
    let status = match movement.state {
        State::Pending => StatusCode::ACCEPTED,
        State::Executed | State::Rejected | State::Returned => StatusCode::OK,
    };
    (status, Json(movement)).into_response()
}

pub(crate) async fn hold(clock: &SharedClock, how_long: Duration) {
    clock.sleep_until(clock.now().after(how_long)).await;
}

pub(crate) fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(CutHere);
    response
}

fn body_of(movement: &Movement) -> Vec<u8> {
    serde_json::to_vec(movement).unwrap_or_default()
}

pub(crate) fn json_text(body: impl Into<Body>) -> Response {
    with_type("application/json", body)
}

pub(crate) fn with_type(content_type: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body.into()).into_response()
}

/// Blank space is JSON too: whoever reads all of it finds the true answer at its end.
pub(crate) fn padded(body: Vec<u8>, blanks: usize) -> Vec<u8> {
    [vec![b' '; blanks], body].concat()
}

/// A byte at a time, and it breaks off before it is whole.
pub(crate) fn trickled(clock: SharedClock, body: Vec<u8>) -> Body {
    let longest = usize::try_from(magic::LONGEST_HOLD.as_secs()).unwrap_or(usize::MAX);
    let bytes = body.into_iter().take(longest).map(Some);
    let bytes = bytes.chain([None]);
    let body = stream::unfold((clock, bytes), |(clock, mut bytes)| async move {
        let byte = bytes.next()?;
        clock.sleep_until(clock.now().after(magic::TRICKLE)).await;
        let chunk = byte
            .map(|byte| Bytes::copy_from_slice(&[byte]))
            .ok_or(io::Error::from(io::ErrorKind::ConnectionAborted));
        Some((chunk, (clock, bytes)))
    });
    Body::from_stream(body)
}

/// Why a body was not understood.
pub(crate) struct NotUnderstood {
    status: StatusCode,
    message: String,
}

impl IntoResponse for NotUnderstood {
    fn into_response(self) -> Response {
        error(self.status, "malformed", &self.message)
    }
}

pub(crate) fn parse<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
) -> Result<T, NotUnderstood> {
    let body = body.map_err(|rejection| NotUnderstood {
        status: rejection.status(),
        message: rejection.body_text(),
    })?;
    serde_json::from_slice(&body).map_err(|_| NotUnderstood {
        status: StatusCode::BAD_REQUEST,
        message: "the body is not the JSON of this route".into(),
    })
}

pub(crate) fn outage() -> Response {
    error(
        StatusCode::SERVICE_UNAVAILABLE,
        "out_of_order",
        "the bank is out of order",
    )
}

pub(crate) fn malformed(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "malformed", message)
}

/// The bank's own trouble, not one that somebody asked for.
pub(crate) fn broken(failure: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error = failure, "the sandbox bank could not answer");
    error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong",
    )
}

pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "error": { "code": code, "message": message } });
    (status, Json(body)).into_response()
}
