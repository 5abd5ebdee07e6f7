//! The same key again: one transfer, the same bytes; another command: refused, naming the field.

use std::collections::BTreeSet;

use domain::rail::RailId;
use domain::transfer::{Endpoint, Happening};
use futures_util::future::join_all;
use serde_json::json;

use crate::Case;
use crate::support::House;

pub(crate) const CASES: &[Case] = &[
    ("a repetition is answered with the same bytes", |house| {
        Box::pin(same_bytes(house))
    }),
    ("a key that was used for another command", |house| {
        Box::pin(reused(house))
    }),
    ("a key belongs to its partner alone", |house| {
        Box::pin(alone(house))
    }),
    ("200 posts with one key are one transfer", |house| {
        Box::pin(storm(house))
    }),
];

async fn same_bytes(house: &House) {
    let mut body = house.payout(2_500);
    body["description"] = json!("ümlaut ☀");
    body["metadata"] = json!({"b": "2", "a": "1"});
    let first = house.post("again", &body).await;
    assert_eq!(first.status, 202);
    let id = first.json()["id"].as_str().unwrap().parse().unwrap();
    let transfer = house
        .app
        .transfers
        .get(&house.alice.tenant, id)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        transfer.destination,
        Endpoint::BankAccount {
            rail: RailId::SandboxBank,
            ..
        }
    ));
    for happening in [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: None,
        },
        Happening::PayingOut,
    ] {
        // However far it has come since, a repetition gets the answer of the first time.
        let record = house
            .app
            .transfers
            .record(&house.alice.tenant, id, &happening);
        record.await.unwrap();
        let again = house.post("\"again\"", &body).await;
        assert_eq!(again.status, 202);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.body, first.body);
        assert_ne!(again.header("request-id"), first.header("request-id"));
    }
    let now = house.get(first.header("location")).await.json();
    assert_eq!(now["status"], "paying_out");
    assert_eq!(
        now["money"]["debited"],
        json!({"amount": 2500, "currency": "EUR"})
    );
}

async fn reused(house: &House) {
    let body = house.payout(2_500);
    assert_eq!(house.post("mine", &body).await.status, 202);
    for (member, value) in [
        ("amount", json!({"amount": 2501, "currency": "EUR"})),
        ("description", json!("new")),
        ("client_reference", json!("new")),
        ("metadata", json!({"new": "1"})),
        (
            "destination",
            json!({"type": "wallet", "id": house.mallory.wallet}),
        ),
    ] {
        let mut other = body.clone();
        other[member] = value;
        let answer = house.post("mine", &other).await;
        assert_eq!(answer.problem(), "idempotency-key-reused");
        let pointer = if member == "amount" {
            "/amount/amount"
        } else {
            &format!("/{member}")
        };
        assert_eq!(answer.faults(), format!("{pointer}: differs"));
    }
    // The same command written in another way is the same command.
    let spread = serde_json::to_string_pretty(&body).unwrap();
    let answer = crate::support::post(&house.routes, &house.alice.key, "mine", spread).await;
    assert_eq!(answer.header("idempotent-replayed"), "true");
    assert_eq!(
        house.get("/v1/transfers").await.json()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn alone(house: &House) {
    let mine = house.post("shared", &house.payout(2_500)).await.json();
    let theirs = json!({
        "amount": {"amount": 2500, "currency": "EUR"},
        "source": {"type": "wallet", "id": house.mallory.wallet},
        "destination": {"type": "bank_account", "id": house.mallory.bank},
    });
    let key = &house.mallory.key;
    let answer = crate::support::post(&house.routes, key, "shared", theirs.to_string()).await;
    assert_eq!(
        (answer.status, answer.header("idempotent-replayed")),
        (202, "")
    );
    assert_ne!(answer.json()["id"], mine["id"]);
}

async fn storm(house: &House) {
    let body = house.payout(2_500);
    let answers = join_all((0..200).map(|_| house.post("storm", &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    let bodies: BTreeSet<_> = answers.iter().map(|answer| &answer.body).collect();
    assert_eq!(bodies.len(), 1);
    let fresh = answers
        .iter()
        .filter(|answer| answer.header("idempotent-replayed").is_empty());
    assert_eq!(fresh.count(), 1);
    let list = house.get("/v1/transfers").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}
