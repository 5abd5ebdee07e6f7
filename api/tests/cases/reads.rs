//! Reading: lists, single things, events.

use std::time::Duration;

use domain::transfer::{Decline, FlagKind, Happening};
use domain::{Step, TransferId};
use expect_test::expect;
use serde_json::{Value, json};
use testkit::eventually;

use super::accept::nameless;
use crate::Case;
use crate::support::{House, OPENING};

pub(crate) const CASES: &[Case] = &[
    ("a list is paged without gap or repetition", |house| {
        Box::pin(paged(house))
    }),
    ("a list is filtered", |house| Box::pin(filtered(house))),
    ("a transfer tells its whole story", |house| {
        Box::pin(story(house))
    }),
    ("events follow in order and can be continued", |house| {
        Box::pin(events(house))
    }),
    ("people, wallets and bank accounts", |house| {
        Box::pin(people(house))
    }),
];

async fn send(house: &House, number: i64, reference: &str) -> TransferId {
    let mut body = house.payout(number);
    body["client_reference"] = json!(reference);
    let answer = house.post(&format!("n{number}"), &body).await;
    assert_eq!(answer.status, 202);
    answer.json()["id"].as_str().unwrap().parse().unwrap()
}

/// The amounts of a page, in its order.
pub(crate) fn amounts(list: &Value) -> Vec<i64> {
    let amount = |row: &Value| row["amount"]["amount"].as_i64().unwrap();
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(amount)
        .collect()
}

async fn paged(house: &House) {
    for number in 1..=7 {
        send(house, number, "paged").await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/transfers?limit=3".to_owned();
    loop {
        let list = house.get(&path).await.json();
        seen.extend(amounts(&list));
        // What comes in between belongs to the front, and moves nothing behind it.
        send(house, 100 + i64::try_from(seen.len()).unwrap(), "late").await;
        let Some(cursor) = list["next_cursor"].as_str() else {
            assert_eq!(list["has_more"], false);
            break;
        };
        assert_eq!(list["has_more"], true);
        path = format!("/v1/transfers?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let all = house.get("/v1/transfers?limit=100").await.json();
    assert_eq!((amounts(&all).len(), &all["has_more"]), (10, &json!(false)));
    assert_eq!(all["data"][0].get("history"), None);
}

async fn filtered(house: &House) {
    let first = send(house, 1, "a").await;
    let second = send(house, 2, "b").await;
    send(house, 3, "a&b=c ü").await;
    let tenant = &house.alice.tenant;
    let transfers = &house.app.transfers;
    transfers
        .record(tenant, first, &Happening::Collecting)
        .await
        .unwrap();
    let middle = transfers
        .get(tenant, second)
        .await
        .unwrap()
        .unwrap()
        .created_at;
    for (query, wanted) in [
        ("status=created".to_owned(), vec![3, 2]),
        ("status=collecting".to_owned(), vec![1]),
        ("status=completed".to_owned(), vec![]),
        ("client_reference=a".to_owned(), vec![1]),
        ("client_reference=a%26b%3Dc%20%C3%BC".to_owned(), vec![3]),
        (format!("created_from={middle}"), vec![3, 2]),
        (format!("created_before={middle}"), vec![1]),
        (
            format!("created_from={middle}&status=created&client_reference=b"),
            vec![2],
        ),
    ] {
        let list = house.get(&format!("/v1/transfers?{query}")).await;
        assert_eq!(amounts(&list.json()), wanted, "{query}");
    }
}

async fn story(house: &House) {
    let id = send(house, 2_500, "story").await;
    let happenings = [
        Happening::Collecting,
        Happening::Funded {
            bank_reference: None,
        },
        Happening::PayingOut,
        Happening::Raised {
            flag: FlagKind::InDoubt,
            step: Step::PayOut,
            note: "no answer".to_owned(),
        },
    ];
    let (tenant, transfers) = (&house.alice.tenant, &house.app.transfers);
    for happening in &happenings {
        transfers.record(tenant, id, happening).await.unwrap();
    }
    let doubt = house.get(&format!("/v1/transfers/{id}")).await.json();
    assert_eq!(doubt["flags"]["in_doubt"]["step"], "pay_out");
    assert!(
        doubt["flags"]["in_doubt"]["since"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    for happening in [
        Happening::Lowered {
            flag: FlagKind::InDoubt,
            step: Step::PayOut,
            note: "found".to_owned(),
        },
        Happening::PayoutRefused {
            decline: Decline::AccountClosed,
        },
        Happening::Refunded {
            bank_reference: None,
        },
    ] {
        transfers.record(tenant, id, &happening).await.unwrap();
    }
    let read = house.get(&format!("/v1/transfers/{id}")).await.json();
    expect![[r#"
        {
          "amount": "2500 EUR",
          "client_reference": "story",
          "created_at": "<time>",
          "description": null,
          "destination": {
            "bank_reference": null,
            "id": "<ba>",
            "rail": "sandbox_bank",
            "reference": "<tr>:pay-out",
            "type": "bank_account"
          },
          "flags": {},
          "history": [
            {
              "actor": "client",
              "at": "<time>",
              "cause": "accepted",
              "note": null,
              "status": "created"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "collection_started",
              "note": null,
              "status": "collecting"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "collected",
              "note": null,
              "status": "funded"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "payout_started",
              "note": null,
              "status": "paying_out"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "doubt_began",
              "note": "no answer",
              "status": "paying_out"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "doubt_resolved",
              "note": "found",
              "status": "paying_out"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "payout_refused",
              "note": "account_closed",
              "status": "compensating"
            },
            {
              "actor": "workflow",
              "at": "<time>",
              "cause": "given_back",
              "note": null,
              "status": "refunded"
            }
          ],
          "id": "<tr>",
          "livemode": false,
          "metadata": {},
          "money": {
            "credited": "0 EUR",
            "debited": "2500 EUR",
            "held": "0 EUR",
            "refunded": "2500 EUR"
          },
          "network_status": null,
          "object": "transfer",
          "receives": "2500 EUR",
          "source": {
            "id": "<ac>",
            "type": "wallet"
          },
          "status": "refunded",
          "status_reason": {
            "code": "account_closed",
            "step": "pay_out"
          },
          "updated_at": "<time>",
          "url": "/v1/transfers/<tr>"
        }"#]]
    .assert_eq(&nameless(&read));
}

async fn events(house: &House) {
    let id = send(house, 2_500, "events").await;
    let transfers = &house.app.transfers;
    transfers
        .record(&house.alice.tenant, id, &Happening::Collecting)
        .await
        .unwrap();
    // On PostgreSQL events wait for older transactions of the whole server, other tests' included.
    let both = eventually(Duration::from_secs(30), async || {
        let list = house.get("/v1/events").await.json();
        (list["data"].as_array().unwrap().len() == 2).then_some(())
    });
    both.await.unwrap();
    let first = house.get("/v1/events?limit=1").await.json();
    expect![[r#"
        {
          "amount": "2500 EUR",
          "flags": {},
          "money": {
            "credited": "0 EUR",
            "debited": "0 EUR",
            "held": "0 EUR",
            "refunded": "0 EUR"
          },
          "status": "created",
          "transfer": "<tr>"
        }"#]]
    .assert_eq(&nameless(&first["data"][0]["data"]));
    assert_eq!(first["data"][0]["type"], "transfer.created");
    assert_eq!(first["has_more"], true);
    let after = first["data"][0]["cursor"].as_str().unwrap();
    assert_eq!(first["next_cursor"], after);
    let rest = house.get(&format!("/v1/events?after={after}")).await.json();
    assert_eq!(rest["data"][0]["data"]["status"], "collecting");
    assert_eq!(rest["data"][0]["sequence"], 2);
    assert_eq!(rest["has_more"], false);
    let last = rest["data"][0]["cursor"].as_str().unwrap();
    let none = house.get(&format!("/v1/events?after={last}")).await.json();
    assert_eq!(none["data"], json!([]));
}

async fn people(house: &House) {
    let users = house.get("/v1/users").await.json();
    assert_eq!(users["data"][0]["name"], "A. Person");
    let accounts = house.get("/v1/accounts").await.json();
    assert_eq!(
        accounts["data"].as_array().unwrap().len(),
        1,
        "house accounts are ours alone"
    );
    assert_eq!(
        accounts["data"][0]["balance"],
        json!({"amount": OPENING, "currency": "EUR"})
    );
    let one = house
        .get(&format!("/v1/accounts/{}", house.alice.wallet))
        .await
        .json();
    assert_eq!(one, accounts["data"][0]);
    let banks = house
        .get(&format!("/v1/bank_accounts?user={}", house.alice.user))
        .await;
    assert_eq!(banks.json()["data"][0]["last_four"], "0001");
    assert!(!String::from_utf8_lossy(&banks.body).contains("SB-ALICE"));
    expect![[r#"
        [
          {
            "data": [
              {
                "created_at": "<time>",
                "id": "<us>",
                "livemode": false,
                "name": "A. Person",
                "object": "user"
              }
            ],
            "has_more": false,
            "next_cursor": null,
            "object": "list"
          },
          {
            "data": [
              {
                "available": "100000 EUR",
                "balance": "100000 EUR",
                "created_at": "<time>",
                "id": "<ac>",
                "livemode": false,
                "object": "account",
                "state": "open",
                "type": "wallet",
                "user": "<us>"
              }
            ],
            "has_more": false,
            "next_cursor": null,
            "object": "list"
          },
          {
            "data": [
              {
                "created_at": "<time>",
                "currency": "EUR",
                "id": "<ba>",
                "last_four": "0001",
                "livemode": false,
                "object": "bank_account",
                "rail": "sandbox_bank",
                "state": "open",
                "user": "<us>"
              }
            ],
            "has_more": false,
            "next_cursor": null,
            "object": "list"
          }
        ]"#]]
    .assert_eq(&nameless(&json!([users, accounts, banks.json()])));
}
