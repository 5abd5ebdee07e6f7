//! Batches: every item once, whoever dies in the middle; per-item results, figures, canceling, and
//! what is refused.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Trial, eventually, trial};

use crate::books;
use crate::program::{Api, PATIENCE, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("batches::every_item_is_paid_once_over_a_crash", crash),
        trial("batches::what_has_not_begun_is_canceled", canceled),
        trial("batches::what_is_wrong_is_said_with_its_place", refused),
    ]
}

fn items(many: usize, to: &Value) -> Vec<Value> {
    let item = |number: usize| {
        json!({
            "amount": {"amount": 100, "currency": "EUR"},
            "destination": to, "client_reference": format!("salary-{number}"),
        })
    };
    (0..many).map(item).collect()
}

async fn made(api: &Api, key: &str, body: &Value) -> Result<String> {
    let (status, answer) = api.post_to("/v1/batches", key, body).await?;
    ensure!(status == StatusCode::ACCEPTED, "{status}: {answer}");
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

async fn until(api: &Api, id: &str, shows: impl Fn(&Value) -> bool) -> Result<Value> {
    let path = format!("/v1/batches/{id}");
    let seen = eventually(PATIENCE, async || {
        let batch = api.get(&path).await.ok()?;
        shows(&batch).then_some(batch)
    });
    match seen.await {
        Ok(batch) => Ok(batch),
        Err(error) => anyhow::bail!("{error}: {:?}", api.get(&path).await),
    }
}

async fn all_items(api: &Api, id: &str) -> Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = api
            .get(&format!("/v1/batches/{id}/items?limit=100{cursor}"))
            .await?;
        all.extend(list["data"].as_array().context("no list")?.iter().cloned());
        match list["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(all),
        }
    }
}

async fn crash() -> Result<()> {
    const MANY: usize = 250;
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    api.samples_are_over().await?;
    let (alice, bob) = (api.wallet("Alice").await?, api.bank_account("Bob").await?);
    let mut all = items(MANY, &bob);
    // One goes to a bank account that refuses, one to a wallet that nobody has.
    all[3]["destination"] = api.closed_bank_account().await?;
    all[5]["destination"] = json!({"type": "wallet", "id": "ac_00000000000000000000000001"});
    let before = api.balance(&alice).await?;
    let body = json!({"source": alice, "items": all, "client_reference": "salaries"});
    let id = made(&api, "salaries", &body).await?;
    until(&api, &id, |batch| {
        batch["counts"]["completed"].as_i64() >= Some(20)
    })
    .await?;

    let remit = remit.kill_and_restart().await?;
    let api = remit.api.clone();
    ensure!(made(&api, "salaries", &body).await? == id);
    let over = until(&api, &id, |batch| batch["state"] == "completed").await?;
    let paid = i64::try_from(MANY)? - 2;
    let counts = &over["counts"];
    ensure!(
        counts["completed"] == paid && counts["refunded"] == 1 && counts["refused"] == 1,
        "{over}"
    );
    let money = &over["money"];
    ensure!(
        money["credited"]["amount"] == paid * 100
            && money["refunded"]["amount"] == 100
            && money["held"]["amount"] == 0
            && over["total"]["amount"] == (paid + 2) * 100,
        "{over}"
    );
    ensure!(api.balance(&alice).await? == before - paid * 100);
    let items = all_items(&api, &id).await?;
    let transfers: BTreeSet<_> = items
        .iter()
        .filter_map(|item| item["transfer"].as_str())
        .collect();
    ensure!(
        items.len() == MANY && transfers.len() == MANY - 1,
        "{}",
        items.len()
    );
    ensure!(items[3]["transfer_status"] == "refunded", "{}", items[3]);
    ensure!(
        items[5]["state"] == "refused" && items[5]["errors"][0]["code"] == "unknown",
        "{}",
        items[5]
    );
    let list = api.get("/v1/transfers?client_reference=salary-7").await?;
    ensure!(
        list["data"].as_array().is_some_and(|all| all.len() == 1),
        "{list}"
    );
    books::true_and_agreeing(remit, &setup).await
}

async fn canceled() -> Result<()> {
    const MANY: usize = 600;
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let body = json!({"source": alice, "items": items(MANY, &bob)});
    let id = made(&api, "no", &body).await?;
    let path = format!("/v1/batches/{id}/cancel");
    let (status, answer) = api.post_to(&path, "-", &json!({})).await?;
    ensure!(
        status == StatusCode::OK && answer["state"] == "canceling",
        "{answer}"
    );
    let over = until(&api, &id, |batch| batch["state"] == "canceled").await?;
    let counts = &over["counts"];
    let (completed, canceled) = (counts["completed"].as_i64(), counts["canceled"].as_i64());
    ensure!(
        completed
            .zip(canceled)
            .is_some_and(|(done, not)| done + not == 600 && not > 0),
        "{over}"
    );
    let (_, again) = api.post_to(&path, "-", &json!({})).await?;
    ensure!(again["state"] == "canceled", "{again}");
    books::true_and_agreeing(remit, &setup).await
}

async fn refused() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let with = |number: usize, field: &str, value: Value| {
        let mut all = items(3, &bob);
        all[number][field] = value;
        json!({"source": alice, "items": all})
    };
    let money = |amount: i64, currency: &str| json!({"amount": amount, "currency": currency});
    for (body, expected) in [
        (json!({"source": alice, "items": []}), "/items wrong_number"),
        (
            json!({"source": alice, "items": items(10_001, &bob)}),
            "/items wrong_number",
        ),
        (
            with(1, "amount", money(0, "EUR")),
            "/items/1/amount/amount not_positive",
        ),
        (
            with(2, "amount", money(1, "USD")),
            "/items/2/amount/currency currency_differs",
        ),
        (
            with(0, "destination", alice.clone()),
            "/items/0/destination same_account",
        ),
        (
            with(2, "client_reference", json!("")),
            "/items/2/client_reference empty",
        ),
    ] {
        let (status, answer) = api
            .post_to("/v1/batches", &expected.replace(' ', "-"), &body)
            .await?;
        let said = |fault: &Value| {
            format!("{} {}", fault["pointer"], fault["code"]).replace('"', "") == expected
        };
        let faults = answer["errors"].as_array();
        ensure!(
            status == StatusCode::UNPROCESSABLE_ENTITY
                && faults.is_some_and(|faults| faults.iter().any(said)),
            "{expected}: {answer}"
        );
    }
    ensure!(api.get("/v1/batches").await?["data"] == json!([]));
    // The largest one is taken; another under the same key is not.
    let body = json!({"source": alice, "items": items(10_000, &bob)});
    let id = made(&api, "large", &body).await?;
    api.post_to(&format!("/v1/batches/{id}/cancel"), "-", &json!({}))
        .await?;
    let (status, answer) = api
        .post_to("/v1/batches", "large", &with(0, "amount", money(1, "EUR")))
        .await?;
    ensure!(status == StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    ensure!(answer["errors"][0]["pointer"] == "/items", "{answer}");
    Ok(())
}
