//! The bank's HTTP interface: parse, hand over, and let the delivery leave as it must.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bank::{Bank, BankError};
use crate::delivery::Delivery;
use crate::faults::Faults;
use crate::magic;
use crate::movement::{Movement, State as MovementState};

const LARGEST_BODY: usize = 16 * 1_024;
const LARGEST_PAGE: i64 = 1_000;

/// Marks a response that must not be sent: the connection ends instead. [`Bank::serve`] obeys it;
/// under another server it is an empty 502.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutHere;

impl Bank {
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/debits", post(debit))
            .route("/v1/payouts", post(pay_out))
            .route("/v1/movements/{reference}", get(inquire))
            .route("/v1/accounts/{number}", get(account))
            .route("/v1/statement", get(statement))
            .route("/control/outage", post(set_outage))
            .route("/control/faults", get(faults).post(set_faults))
            .route(
                "/livez",
                get(|| async { Json(serde_json::json!({ "status": "ok" })) }),
            )
            .fallback(|| async { error(StatusCode::NOT_FOUND, "no_such_route", "no such route") })
            .method_not_allowed_fallback(|| async {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                error(
                    status,
                    "method_not_allowed",
                    "this route does not know the method",
                )
            })
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(self.clone())
    }
}

async fn debit(State(bank): State<Bank>, body: Result<Bytes, BytesRejection>) -> Response {
    match parse(body) {
        Ok(order) => deliver_to(&bank, bank.debit(order).await).await,
        Err(why) => why.into_response(),
    }
}

async fn pay_out(State(bank): State<Bank>, body: Result<Bytes, BytesRejection>) -> Response {
    match parse(body) {
        Ok(order) => deliver_to(&bank, bank.pay_out(order).await).await,
        Err(why) => why.into_response(),
    }
}

async fn inquire(
    State(bank): State<Bank>,
    reference: Result<Path<String>, PathRejection>,
) -> Response {
    match reference {
        Ok(Path(reference)) => {
            deliver_to(
                &bank,
                bank.inquire(&reference).await.map_err(BankError::from),
            )
            .await
        }
        Err(rejection) => malformed(&rejection.body_text()),
    }
}

async fn account(
    State(bank): State<Bank>,
    number: Result<Path<String>, PathRejection>,
) -> Response {
    match number {
        Err(rejection) => malformed(&rejection.body_text()),
        Ok(_) if bank.is_out_of_order() => outage(),
        Ok(Path(number)) => match bank.account(&number).await {
            Ok(Some(account)) => Json(account).into_response(),
            Ok(None) => error(
                StatusCode::NOT_FOUND,
                "account_not_found",
                "no such account",
            ),
            Err(failure) => broken(&failure),
        },
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct Page {
    movements: Vec<Movement>,
    /// Where the next page begins; the same as asked for when there was nothing new.
    next_after: i64,
}

async fn statement(
    State(bank): State<Bank>,
    query: Result<Query<After>, QueryRejection>,
) -> Response {
    let Query(After { after, limit }) = match query {
        Ok(query) => query,
        Err(rejection) => return malformed(&rejection.body_text()),
    };
    let limit = limit.unwrap_or(100);
    if after < 0 || !(1..=LARGEST_PAGE).contains(&limit) {
        return malformed("after is 0 or more, limit is 1 to 1000");
    }
    if bank.is_out_of_order() {
        return outage();
    }
    match bank.statement(after, limit).await {
        Ok(movements) => {
            let next_after = movements
                .last()
                .and_then(|last| last.position)
                .unwrap_or(after);
            Json(Page {
                movements,
                next_after,
            })
            .into_response()
        }
        Err(failure) => broken(&failure),
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    on: bool,
}

async fn set_outage(State(bank): State<Bank>, body: Result<Bytes, BytesRejection>) -> Response {
    match parse::<Outage>(body) {
        Ok(outage) => {
            bank.set_outage(outage.on);
            Json(outage).into_response()
        }
        Err(why) => why.into_response(),
    }
}

async fn faults(State(bank): State<Bank>) -> Json<Faults> {
    Json(bank.faults())
}

async fn set_faults(State(bank): State<Bank>, body: Result<Bytes, BytesRejection>) -> Response {
    match parse(body).map(|faults| bank.set_faults(faults)) {
        Ok(Ok(())) => Json(bank.faults()).into_response(),
        Ok(Err(invalid)) => malformed(&invalid.to_string()),
        Err(why) => why.into_response(),
    }
}

/// Why a body was not understood.
struct NotUnderstood {
    status: StatusCode,
    message: String,
}

impl IntoResponse for NotUnderstood {
    fn into_response(self) -> Response {
        error(self.status, "malformed", &self.message)
    }
}

fn parse<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, NotUnderstood> {
    let body = body.map_err(|rejection| NotUnderstood {
        status: rejection.status(),
        message: rejection.body_text(),
    })?;
    serde_json::from_slice(&body).map_err(|_| NotUnderstood {
        status: StatusCode::BAD_REQUEST,
        message: "the body is not the JSON of this route".into(),
    })
}

async fn deliver_to(bank: &Bank, delivery: Result<Delivery, BankError>) -> Response {
    match delivery {
        Ok(Delivery::Answer(movement)) => answer(*movement),
        Ok(Delivery::SlowAnswer(movement)) => {
            wait(bank, magic::SLOW_ANSWER).await;
            answer(*movement)
        }
        Ok(Delivery::Silence) => {
            wait(bank, magic::LONGEST_HOLD).await;
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
        MovementState::Pending => StatusCode::ACCEPTED,
        MovementState::Executed | MovementState::Rejected => StatusCode::OK,
    };
    (status, Json(movement)).into_response()
}

async fn wait(bank: &Bank, how_long: Duration) {
    let clock = bank.clock();
    clock.sleep_until(clock.now().after(how_long)).await;
}

fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(CutHere);
    response
}

fn outage() -> Response {
    error(
        StatusCode::SERVICE_UNAVAILABLE,
        "out_of_order",
        "the bank is out of order",
    )
}

fn malformed(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "malformed", message)
}

/// The bank's own trouble, not one that somebody asked for.
fn broken(failure: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error = failure, "the sandbox bank could not answer");
    error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong",
    )
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "error": { "code": code, "message": message } });
    (status, Json(body)).into_response()
}
