//! What is linked and agreed before a transfer: cards, bank accounts, merchants, quotes.

use std::time::Duration;

use axum::body::Body;
use domain::Currency;
use domain::rail::RailId;
use http::Request;
use identity::Scope;
use serde_json::{Value, json};
use transfers::{RateOrder, Rates};

use crate::Case;
use crate::support::{Answer, House, ask, get};

pub(crate) const CASES: &[Case] = &[
    (
        "a card is linked by its token, never by its number",
        |house| Box::pin(cards(house)),
    ),
    (
        "a bank account is linked, and its number not shown",
        |house| Box::pin(bank_accounts(house)),
    ),
    (
        "live rails are for live tenants, where they are set up",
        |house| Box::pin(rails(house)),
    ),
    ("a quote is made at the rate that was set", |house| {
        Box::pin(quotes(house))
    }),
];

async fn send(house: &House, key: &str, path: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    ask(&house.routes, request).await
}

fn card(house: &House, token: &str) -> Value {
    json!({
        "user": house.alice.user, "rail": "sandbox_cards", "token": token,
        "bin": "424242", "last_four": "4242",
    })
}

async fn cards(house: &House) {
    let linked = send(
        house,
        &house.alice.key,
        "/v1/cards",
        &card(house, "pm_card_visa"),
    )
    .await;
    assert_eq!(linked.status, 201, "{linked:?}");
    let shown = linked.json();
    assert_eq!(shown["object"], "card");
    assert_eq!(shown["user"], house.alice.user.to_string());
    assert!(!shown.to_string().contains("pm_card"), "{shown}");
    let at = linked.header("location").to_owned();
    assert_eq!(house.get(&at).await.json(), shown);
    let list = house.get("/v1/cards?limit=1").await.json();
    assert_eq!(list["data"], json!([shown]));
    let foreign = get(&house.routes, &house.mallory.key, &at).await;
    assert_eq!(foreign.problem(), "not-found");
    let list = get(&house.routes, &house.mallory.key, "/v1/cards").await;
    assert_eq!(list.json()["data"], json!([]));

    let number = "4242424242424242";
    for (body, faults) in [
        (card(house, number), "/token: not_accepted"),
        (card(house, ""), "/token: not_accepted"),
        (
            json!({"user": house.alice.user, "rail": "pigeon", "token": "t", "bin": "424242",
                "last_four": "4242"}),
            "/rail: unknown_rail",
        ),
        (
            json!({"user": house.mallory.user, "rail": "sandbox_cards", "token": "pm_x",
                "bin": "424242", "last_four": "4242"}),
            "/user: unknown",
        ),
        (
            json!({"user": house.alice.user, "rail": "sandbox_bank", "token": "pm_x",
                "bin": "424242", "last_four": "4242"}),
            "/rail: not_accepted",
        ),
        (json!({"number": number}), ""),
    ] {
        let answer = send(house, &house.alice.key, "/v1/cards", &body).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!said.contains(number), "{said}");
        if faults.is_empty() {
            assert_eq!(answer.problem(), "invalid-request");
        } else {
            assert_eq!(answer.problem(), "validation-failed", "{said}");
            assert_eq!(answer.faults(), faults);
        }
    }
    let reader = house
        .key(&[Scope::Read, Scope::TransfersWrite])
        .await
        .unwrap();
    let refused = send(house, &reader, "/v1/cards", &card(house, "pm_card_visa")).await;
    assert_eq!(refused.problem(), "forbidden");
}

fn account(house: &House, rail: &str) -> Value {
    json!({
        "user": house.alice.user, "rail": rail, "currency": "EUR",
        "number": "SB-ALICE-0002", "holder": "A. Person",
    })
}

async fn bank_accounts(house: &House) {
    let body = account(house, "sandbox_bank");
    let linked = send(house, &house.alice.key, "/v1/bank_accounts", &body).await;
    assert_eq!(linked.status, 201, "{linked:?}");
    let shown = linked.json();
    assert_eq!(shown["last_four"], "0002");
    assert!(!shown.to_string().contains("SB-ALICE"), "{shown}");
    assert_eq!(house.get(linked.header("location")).await.json(), shown);
    for (member, value, faults) in [
        ("number", json!(""), "/number: not_accepted"),
        ("currency", json!("euro"), "/currency: unknown_currency"),
        ("user", json!("us_1"), "/user: invalid_id"),
        ("rail", json!("sandbox_cards"), "/rail: not_accepted"),
    ] {
        let mut body = body.clone();
        body[member] = value;
        let answer = send(house, &house.alice.key, "/v1/bank_accounts", &body).await;
        assert_eq!(answer.faults(), faults, "{body}");
    }
}

async fn rails(house: &House) {
    let body = account(house, "iso20022");
    let sandbox = send(house, &house.alice.key, "/v1/bank_accounts", &body).await;
    assert_eq!(sandbox.faults(), "/rail: not_accepted");
    let tenant = house.alice.tenant;
    let live = domain::Tenant {
        mode: domain::Mode::Live,
        ..tenant
    };
    let identity = &house.app.identity;
    assert!(identity.why_not(&live, RailId::Iso20022).is_some());
    let offering = identity.clone().offering([RailId::Iso20022]);
    assert_eq!(offering.why_not(&live, RailId::Iso20022), None);
    assert!(offering.why_not(&live, RailId::Stripe).is_some());
    assert!(offering.why_not(&live, RailId::SandboxBank).is_some());
    assert!(offering.why_not(&tenant, RailId::Iso20022).is_some());
    assert_eq!(offering.why_not(&tenant, RailId::SandboxBank), None);
}

async fn quotes(house: &House) {
    let wanted = json!({"sells": {"amount": 10_000, "currency": "EUR"}, "buys": "USD"});
    let none = send(house, &house.alice.key, "/v1/quotes", &wanted).await;
    assert_eq!(none.faults(), "/buys: no_rate");
    let rates = Rates::new(house.app.db.clone());
    let set = |good_for| RateOrder {
        sold: Currency::EUR,
        bought: Currency::USD,
        rate: ledger::Rate::try_new("1.1".parse().unwrap(), "0.01".parse().unwrap()).unwrap(),
        good_for: Duration::from_secs(good_for),
        by: "mina".to_owned(),
        reason: "of the morning".to_owned(),
    };
    rates.set(&house.alice.tenant, set(3_600)).await.unwrap();
    let made = send(house, &house.alice.key, "/v1/quotes", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let quote = made.json();
    // 110.00 less 1 %.
    assert_eq!(quote["buys"], json!({"amount": 10_890, "currency": "USD"}));
    assert_eq!(house.get(made.header("location")).await.json(), quote);
    let foreign = get(&house.routes, &house.mallory.key, made.header("location")).await;
    assert_eq!(foreign.problem(), "not-found");
    // Another partner's rates are its own, and the other way round there is none.
    let other = send(house, &house.mallory.key, "/v1/quotes", &wanted).await;
    assert_eq!(other.faults(), "/buys: no_rate");
    let price = json!({"sells": "EUR", "buys": {"amount": 10_890, "currency": "USD"}});
    let made = send(house, &house.alice.key, "/v1/quotes", &price).await;
    assert_eq!(
        made.json()["sells"],
        json!({"amount": 10_000, "currency": "EUR"})
    );
    for (body, faults) in [
        (json!({"sells": "EUR", "buys": "USD"}), "/buys: one_amount"),
        (
            json!({"sells": "USD", "buys": {"amount": 1, "currency": "EUR"}}),
            "/buys: no_rate",
        ),
        (
            json!({"sells": {"amount": 0, "currency": "EUR"}, "buys": "USD"}),
            "/sells: not_positive",
        ),
    ] {
        let answer = send(house, &house.alice.key, "/v1/quotes", &body).await;
        assert_eq!(answer.faults(), faults, "{body}");
    }
    // The last one counts, and one that is over makes no quote.
    rates.set(&house.alice.tenant, set(0)).await.unwrap();
    let stale = send(house, &house.alice.key, "/v1/quotes", &wanted).await;
    assert_eq!(stale.faults(), "/buys: no_rate");
    let merchants = house.get("/v1/merchants").await.json();
    assert_eq!(merchants["data"], json!([]));
}
