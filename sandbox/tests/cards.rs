//! The card network over its interface: promised, taken, given back, each at most once.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use sandbox::{CardNetwork, PaymentStatus, WebhookTarget};
use serde_json::Value;
use tower::ServiceExt;

fn open(dir: &Path, clock: &ManualClock) -> CardNetwork {
    CardNetwork::open(&dir.join("cards.db"), Arc::new(clock.clone())).unwrap()
}

async fn post(network: &CardNetwork, path: &str, key: &str, form: &str) -> (u16, Value) {
    let request = Request::post(path)
        .header("authorization", "Bearer sk_test_1")
        .header("idempotency-key", key)
        .body(Body::from(form.to_owned()));
    let response = network.router().oneshot(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

const FORM: &str = "currency=eur&capture_method=manual&confirm=true&metadata[remit_key]=";

async fn authorise(network: &CardNetwork, key: &str, card: &str, amount: i64) -> (u16, Value) {
    let form = format!("amount={amount}&payment_method={card}&{FORM}{key}");
    post(network, "/v1/payment_intents", key, &form).await
}

#[tokio::test]
async fn a_payment_from_promise_to_refund_survives_restarts_and_repetitions() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let network = open(dir.path(), &clock);
    let (status, first) = authorise(&network, "a", "pm_card_visa", 5_000).await;
    assert_eq!(
        (status, &first["status"]),
        (200, &"requires_capture".into())
    );
    let network = open(dir.path(), &clock);
    assert_eq!(
        authorise(&network, "a", "pm_card_visa", 5_000).await,
        (200, first.clone())
    );
    let (status, reused) = authorise(&network, "a", "pm_card_visa", 5_001).await;
    assert_eq!(
        (status, &reused["error"]["type"]),
        (400, &"idempotency_error".into())
    );

    let id = first["id"].as_str().unwrap();
    let capture = format!("/v1/payment_intents/{id}/capture");
    assert_eq!(
        post(&network, &capture, "c0", "amount_to_capture=5001")
            .await
            .0,
        400
    );
    for _ in 0..2 {
        let (status, captured) = post(&network, &capture, "c", "amount_to_capture=4000").await;
        assert_eq!((status, &captured["amount_received"]), (200, &4_000.into()));
    }
    assert_eq!(post(&network, &capture, "c2", "").await.0, 400);
    let cancel = format!("/v1/payment_intents/{id}/cancel");
    assert_eq!(post(&network, &cancel, "v", "").await.0, 400);

    let refund = async |key: &str, amount: i64| {
        let form = format!("payment_intent={id}&amount={amount}&metadata[remit_key]={key}");
        let (status, said) = post(&network, "/v1/refunds", key, &form).await;
        (
            status,
            said["error"]["code"].as_str().unwrap_or("").to_owned(),
        )
    };
    assert_eq!(refund("r1", 1_500).await.0, 200);
    assert_eq!(refund("r1", 1_500).await.0, 200);
    assert_eq!(refund("r2", 2_501).await, (400, "amount_too_large".into()));
    assert_eq!(refund("r3", 2_500).await.0, 200);
    assert_eq!(
        refund("r4", 1).await,
        (400, "charge_already_refunded".into())
    );
    let [payment] = &network.payments().await.unwrap()[..] else {
        panic!("one payment");
    };
    assert_eq!((payment.captured, payment.refunded), (4_000, 4_000));
    let refunded: i64 = network
        .refunds(id)
        .await
        .unwrap()
        .iter()
        .map(|r| r.amount)
        .sum();
    assert_eq!(refunded, 4_000);
}

#[tokio::test]
async fn a_chargeback_comes_after_the_capture_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let network = open(dir.path(), &clock);
    let (url, secret) = ("http://127.0.0.1:1/".into(), "whsec_1".into());
    network
        .tell(Some(WebhookTarget { url, secret }))
        .await
        .unwrap();
    let (_, payment) = authorise(&network, "a", "pm_card_createDispute", 5_000).await;
    let id = payment["id"].as_str().unwrap();
    clock.advance(Duration::from_secs(60));
    assert!(!network.payments().await.unwrap()[0].charged_back);
    assert!(!network.charge_back(id).await.unwrap());
    post(
        &network,
        &format!("/v1/payment_intents/{id}/capture"),
        "c",
        "",
    )
    .await;
    clock.advance(Duration::from_secs(3));
    assert!(network.payments().await.unwrap()[0].charged_back);
    assert!(!network.charge_back(id).await.unwrap());
    let refund = format!("payment_intent={id}&amount=1");
    let (_, refused) = post(&network, "/v1/refunds", "r", &refund).await;
    assert_eq!(refused["error"]["code"], "charge_disputed");
    let told: Vec<_> = network.due_webhooks().await.unwrap();
    let types: Vec<Value> = told
        .iter()
        .map(|webhook| serde_json::from_str::<Value>(&webhook.body).unwrap()["type"].clone())
        .collect();
    assert_eq!(
        types,
        [
            "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
            "charge.dispute.created"
        ]
    );
}

#[tokio::test]
async fn cards_decline_as_their_number_says_and_late_ones_are_decided_later() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let network = CardNetwork::fleeting(Arc::new(clock.clone())).unwrap();
    let token = async |number: &str| {
        let form = format!("type=card&card[number]={number}");
        post(&network, "/v1/payment_methods", "m", &form).await
    };
    let (_, card) = token("4000 0000 0000 9995").await;
    let card = card["id"].as_str().unwrap();
    let (status, declined) = authorise(&network, "d", card, 5_000).await;
    assert_eq!(status, 402);
    assert_eq!(declined["error"]["decline_code"], "insufficient_funds");
    assert_eq!(
        declined["error"]["payment_intent"]["status"],
        "requires_payment_method"
    );
    // A number that could be somebody's is not taken.
    assert_eq!(token("4012888888881881").await.0, 402);

    let (_, late) = authorise(&network, "l", "pm_card_visa", 1_015).await;
    assert_eq!(late["status"], "processing");
    clock.advance(Duration::from_secs(3));
    let status = |payments: &[sandbox::Payment], at: usize| payments[at].status;
    let payments = network.payments().await.unwrap();
    assert_eq!(status(&payments, 0), PaymentStatus::RequiresPaymentMethod);
    assert_eq!(status(&payments, 1), PaymentStatus::RequiresCapture);
}
