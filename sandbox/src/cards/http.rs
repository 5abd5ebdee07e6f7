//! The network's HTTP interface: forms in, JSON out, as Stripe has it.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::book::{Outgoing, Wish};
use super::card;
use super::deliver::{deliver, respond};
use super::network::CardNetwork;
use super::page;
use super::said::Said;
use super::search::Question;
use crate::answer::{broken, malformed, parse};
use crate::faults::Faults;
use crate::outbox::WebhookTarget;

const LARGEST_BODY: usize = 16 * 1_024;
const LONGEST_KEY: usize = 255;

type Network = State<CardNetwork>;
type Body = Result<Bytes, BytesRejection>;

pub(super) fn router(network: CardNetwork) -> Router {
    let guarded = Router::new()
        .route("/v1/payment_methods", post(card_token))
        .route("/v1/payment_intents", post(authorise))
        .route("/v1/payment_intents/search", get(search))
        .route("/v1/payment_intents/{id}", get(payment))
        .route("/v1/payment_intents/{id}/capture", post(capture))
        .route("/v1/payment_intents/{id}/cancel", post(void))
        .route("/v1/refunds", post(refund).get(refunds))
        .route("/v1/checkout/sessions", post(open_checkout))
        .route("/v1/checkout/sessions/{id}", get(checkout))
        .route("/v1/checkout/sessions/{id}/expire", post(close_checkout))
        .layer(from_fn(with_a_key));
    Router::new()
        .merge(guarded)
        .merge(page::routes())
        .route("/control/outage", post(set_outage))
        .route("/control/faults", get(faults).post(set_faults))
        .route("/control/chargebacks", post(charge_back))
        .route("/control/webhooks", post(set_webhooks))
        .fallback(|| async { respond(&Said::refused(404, "no_such_route", "no such route")) })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(network)
}

/// Any secret key of the usual form is good: the sandbox has one client.
async fn with_a_key(request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer sk_")) {
        Some(rest) if !rest.is_empty() => next.run(request).await,
        _ => respond(&Said::refused(401, "api_key_missing", "no secret key")),
    }
}

async fn authorise(network: Network, headers: HeaderMap, body: Body) -> Response {
    submit(network, Wish::Authorise, &headers, body).await
}

async fn capture(
    network: Network,
    Path(payment): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    submit(network, Wish::Capture { payment }, &headers, body).await
}

async fn void(
    network: Network,
    Path(payment): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    submit(network, Wish::Void { payment }, &headers, body).await
}

async fn refund(network: Network, headers: HeaderMap, body: Body) -> Response {
    submit(network, Wish::Refund, &headers, body).await
}

async fn open_checkout(
    network: Network,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // As the client reached us, so the payer reaches the page.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or(uri.authority().map(Authority::as_str));
    let below = uri.path().trim_end_matches("/v1/checkout/sessions");
    let below = format!("http://{}{below}/pay/", host.unwrap_or("localhost"));
    submit(network, Wish::OpenCheckout { below }, &headers, body).await
}

async fn close_checkout(
    network: Network,
    Path(page): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    submit(network, Wish::CloseCheckout { page }, &headers, body).await
}

async fn checkout(network: Network, Path(id): Path<String>) -> Response {
    ask(network, Question::Checkout(id)).await
}

async fn submit(State(network): Network, wish: Wish, headers: &HeaderMap, body: Body) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        None => None,
        Some(Ok(key)) if (1..=LONGEST_KEY).contains(&key.len()) => Some(key.to_owned()),
        Some(_) => return respond(&Said::refused(400, "idempotency_key_invalid", "a bad key")),
    };
    let outgoing = network.submit(wish, form(&body), key).await;
    deliver(network.clock(), outgoing).await
}

pub(super) fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

async fn payment(network: Network, Path(id): Path<String>) -> Response {
    ask(network, Question::Payment(id)).await
}

async fn search(network: Network, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let query = query.get("query").cloned().unwrap_or_default();
    ask(network, Question::Search(query)).await
}

async fn refunds(network: Network, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let payment = query.get("payment_intent").cloned().unwrap_or_default();
    ask(network, Question::RefundsOf(payment)).await
}

async fn ask(State(network): Network, question: Question) -> Response {
    let outgoing = network.ask(question).await.map(|(said, fault)| Outgoing {
        said,
        fault,
        earlier: None,
    });
    deliver(network.clock(), outgoing).await
}

/// A test card's number for its token; nothing of it is kept.
async fn card_token(body: Body) -> Response {
    let form = form(&body.unwrap_or_default());
    let number = form
        .get("card[number]")
        .map(|number| number.replace(' ', ""));
    match number.as_deref().and_then(card::token_of) {
        Some(token) => respond(&Said::done(json!({
            "id": token, "object": "payment_method", "type": "card",
        }))),
        None => respond(&Said::refused(402, "incorrect_number", "not a test card")),
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    on: bool,
}

async fn set_outage(State(network): Network, body: Body) -> Response {
    match parse::<Outage>(body) {
        Ok(outage) => {
            network.set_outage(outage.on);
            Json(outage).into_response()
        }
        Err(why) => why.into_response(),
    }
}

async fn faults(State(network): Network) -> Json<Faults> {
    Json(network.faults())
}

async fn set_faults(State(network): Network, body: Body) -> Response {
    match parse(body).map(|faults| network.set_faults(faults)) {
        Ok(Ok(())) => Json(network.faults()).into_response(),
        Ok(Err(invalid)) => malformed(&invalid.to_string()),
        Err(why) => why.into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chargeback {
    payment_intent: String,
}

async fn charge_back(State(network): Network, body: Body) -> Response {
    match parse::<Chargeback>(body) {
        Ok(it) => match network.charge_back(&it.payment_intent).await {
            Ok(done) => Json(json!({ "charged_back": done })).into_response(),
            Err(failure) => broken(&failure),
        },
        Err(why) => why.into_response(),
    }
}

async fn set_webhooks(State(network): Network, body: Body) -> Response {
    match parse::<Option<WebhookTarget>>(body) {
        Ok(target) => match network.tell(target).await {
            Ok(()) => Json(json!({})).into_response(),
            Err(failure) => broken(&failure),
        },
        Err(why) => why.into_response(),
    }
}
