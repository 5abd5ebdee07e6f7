//! Accepting a transfer: what is answered, stored and started.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};
use testkit::eventually;

use super::reads::amounts;
use crate::Case;
use crate::support::House;

pub(crate) const CASES: &[Case] = &[
    (
        "an accepted transfer is answered, stored and started",
        |house| Box::pin(accepted(house)),
    ),
    ("the answer in full", |house| Box::pin(in_full(house))),
    (
        "it is accepted also while nothing can be started",
        |house| Box::pin(not_started(house)),
    ),
    ("a client that hangs up takes nothing back", |house| {
        Box::pin(hung_up(house))
    }),
];

async fn accepted(house: &House) {
    let answer = house.post("\"order-17\"", &house.payout(2_500)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("idempotent-replayed"), "");
    let transfer = answer.json();
    let url = transfer["url"].as_str().unwrap();
    assert_eq!(answer.header("location"), url);
    let id = transfer["id"].as_str().unwrap().parse().unwrap();
    let started = eventually(Duration::from_secs(10), async || {
        let stored = house
            .app
            .transfers
            .get(&house.alice.tenant, id)
            .await
            .unwrap()?;
        (!stored.start_pending).then_some(())
    });
    started.await.unwrap();
    assert_eq!(*house.starter.started.lock().unwrap(), [id]);
    let read = house.get(url).await;
    assert_eq!(
        (read.status, &read.json()["status"]),
        (200, &json!("created"))
    );
}

async fn in_full(house: &House) {
    let mut body = house.payout(2_500);
    body["client_reference"] = json!("invoice 17");
    body["description"] = json!("Thank you ☀");
    body["metadata"] = json!({"order": "17", "empty": ""});
    let answer = house.post("order-17", &body).await;
    expect![[r#"
        {
          "amount": "2500 EUR",
          "client_reference": "invoice 17",
          "created_at": "<time>",
          "description": "Thank you ☀",
          "destination": {
            "bank_reference": null,
            "id": "<ba>",
            "rail": "sandbox_bank",
            "reference": "<tr>:pay-out",
            "type": "bank_account"
          },
          "flags": {},
          "id": "<tr>",
          "livemode": false,
          "metadata": {
            "empty": "",
            "order": "17"
          },
          "money": {
            "credited": "0 EUR",
            "debited": "0 EUR",
            "held": "0 EUR",
            "refunded": "0 EUR"
          },
          "network_status": null,
          "object": "transfer",
          "receives": "2500 EUR",
          "source": {
            "id": "<ac>",
            "type": "wallet"
          },
          "status": "created",
          "status_reason": null,
          "updated_at": "<time>",
          "url": "/v1/transfers/<tr>"
        }"#]]
    .assert_eq(&nameless(&answer.json()));
    let read = house.get(answer.header("location")).await.json();
    expect![[r#"
        [
          {
            "actor": "client",
            "at": "<time>",
            "cause": "accepted",
            "note": null,
            "status": "created"
          }
        ]"#]]
    .assert_eq(&nameless(&read["history"]));
    let history = house
        .get(&format!("{}/history", answer.header("location")))
        .await
        .json();
    assert_eq!(history["data"], read["history"]);
    let mut without = read.clone();
    without.as_object_mut().unwrap().remove("history");
    assert_eq!(without, answer.json());
}

/// Money in one word, so that a snapshot fits on a screen.
fn shorten(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(members) => match (members.get("amount"), members.get("currency")) {
            (Some(Value::Number(amount)), Some(Value::String(code))) if members.len() == 2 => {
                *json = json!(format!("{amount} {code}"));
            }
            _ => members.values_mut().for_each(shorten),
        },
        _ => {}
    }
}

/// The same picture in every run: ids and times replaced by what they are.
pub(crate) fn nameless(json: &Value) -> String {
    let mut json = json.clone();
    shorten(&mut json);
    let text = serde_json::to_string_pretty(&json).unwrap();
    let quoted = text.split('"').map(|piece| {
        if piece.len() == 27 && piece.starts_with("20") && piece.ends_with('Z') {
            return "<time>".to_owned();
        }
        let letters = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        piece
            .split(letters)
            .filter(|word| word.len() == 29 && word.as_bytes()[2] == b'_')
            .fold(piece.to_owned(), |piece, id| {
                piece.replace(id, &format!("<{}>", &id[..2]))
            })
    });
    quoted.collect::<Vec<_>>().join("\"")
}

async fn not_started(house: &House) {
    let mut accepted = Vec::new();
    for mood in [&house.starter.refuses, &house.starter.hangs] {
        mood.store(true, Ordering::SeqCst);
        let key = format!("patient-{}", accepted.len());
        let answer = house.post(&key, &house.payout(100)).await;
        assert_eq!(answer.status, 202);
        accepted.push(answer.json()["id"].clone());
    }
    // They stay where the sweeper finds them.
    let waiting = house.app.transfers.to_start(Duration::ZERO, 0, 10).await;
    let waiting: Vec<String> = waiting
        .unwrap()
        .iter()
        .map(|order| order.transfer.to_string())
        .collect();
    assert_eq!(json!(waiting), json!(accepted));
}

/// A future that is dropped after so many polls, as by a client that hangs up in between.
async fn polled<F: Future>(asked: F, most: usize) -> Option<F::Output> {
    let mut asked = Box::pin(asked);
    let mut polls = 0;
    std::future::poll_fn(move |context| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        asked.as_mut().poll(context).map(Some)
    })
    .await
}

async fn hung_up(house: &House) {
    let mut unanswered = Vec::new();
    // Dropped after 1, 2, 3 … polls, until one was dropped between being stored and being answered.
    let (mut tries, mut stored) = (0, Vec::new());
    while stored.is_empty() {
        assert!(tries < 100, "no request was ever dropped in that moment");
        for polls in 1..=10 {
            tries += 1;
            let (key, body) = (format!("gone-{tries}"), house.payout(tries));
            if polled(house.post(&key, &body), polls).await.is_none() {
                unanswered.push(tries);
            }
        }
        let list = house.get("/v1/transfers?limit=100").await.json();
        stored = amounts(&list);
        stored.retain(|number| unanswered.contains(number));
    }
    // The same request again says what became of it, and there is one transfer for each.
    for number in unanswered {
        let key = format!("gone-{number}");
        let again = house.post(&key, &house.payout(number)).await;
        assert_eq!(again.status, 202);
        let replayed = again.header("idempotent-replayed") == "true";
        assert!(replayed || !stored.contains(&number), "{key}");
    }
    let list = house.get("/v1/transfers?limit=100").await.json();
    let mut all = amounts(&list);
    all.sort_unstable();
    assert_eq!(all, (1..=tries).collect::<Vec<i64>>());
}
