//! The bank's HTTP interface: parse, hand over, and let the delivery leave as it must.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::answer::{broken, deliver_to, error, malformed, outage, parse};
use crate::bank::{Bank, BankError};
use crate::faults::Faults;
use crate::iso;
use crate::movement::Movement;
use crate::outbox::WebhookTarget;

const LARGEST_BODY: usize = 16 * 1_024;
const LARGEST_PAGE: i64 = 1_000;

impl Bank {
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/debits", post(debit))
            .route("/v1/payouts", post(pay_out))
            .route("/v1/movements/{reference}", get(inquire))
            .route("/v1/movements/{reference}/cancel", post(cancel))
            .route("/v1/accounts/{number}", get(account))
            .route("/v1/statement", get(statement))
            .route("/control/outage", post(set_outage))
            .route("/control/faults", get(faults).post(set_faults))
            .route("/control/returns", post(give_back))
            .route("/control/webhooks", post(set_webhooks))
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
            .merge(iso::router(self.clone()))
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

async fn cancel(
    State(bank): State<Bank>,
    reference: Result<Path<String>, PathRejection>,
) -> Response {
    match reference {
        Ok(Path(reference)) => {
            let delivery = bank.cancel(&reference).await;
            deliver_to(&bank, delivery.map_err(BankError::from)).await
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Return {
    reference: String,
    code: String,
}

async fn give_back(State(bank): State<Bank>, body: Result<Bytes, BytesRejection>) -> Response {
    match parse::<Return>(body) {
        Ok(Return { reference, code }) => match bank.give_back(&reference, &code).await {
            Ok(returned) => Json(serde_json::json!({ "returned": returned })).into_response(),
            Err(failure) => broken(&failure),
        },
        Err(why) => why.into_response(),
    }
}

async fn set_webhooks(State(bank): State<Bank>, body: Result<Bytes, BytesRejection>) -> Response {
    match parse::<Option<WebhookTarget>>(body) {
        Ok(target) => match bank.tell(target).await {
            Ok(()) => Json(serde_json::json!({})).into_response(),
            Err(failure) => broken(&failure),
        },
        Err(why) => why.into_response(),
    }
}
