//! Money that goes back after completion: in parts, never more than was captured, over every kind
//! of end, through doubts and a crash, and what is refused by name.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Trial, eventually, trial};

use crate::books;
use crate::ends::named;
use crate::operators::by_two;
use crate::program::{Api, PATIENCE, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("refunds::in_parts_and_never_more_than_was_captured", parts),
        trial("refunds::over_banks_and_cards", over_rails),
        trial("refunds::a_doubt_and_a_crash_pay_once", doubt),
    ]
}

async fn ask(api: &Api, transfer: &str, key: &str, body: &Value) -> Result<(StatusCode, Value)> {
    let request = reqwest::Client::new()
        .post(format!("{}/v1/transfers/{transfer}/refunds", api.url))
        .bearer_auth(&api.key)
        .header("Idempotency-Key", key)
        .json(body);
    let response = request.send().await?;
    Ok((response.status(), response.json().await?))
}

fn some(amount: i64) -> Value {
    json!({"amount": {"amount": amount, "currency": "EUR"}, "reason": "requested_by_customer"})
}

async fn refund(api: &Api, transfer: &str, key: &str, body: &Value) -> Result<String> {
    let (status, answer) = ask(api, transfer, key, body).await?;
    ensure!(status == StatusCode::ACCEPTED, "{status}: {answer}");
    ensure!(answer["status"] == "created", "{answer}");
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

async fn refused(api: &Api, transfer: &str, key: &str, body: &Value, code: &str) -> Result<()> {
    let (status, answer) = ask(api, transfer, key, body).await?;
    let said = &answer["errors"][0]["code"];
    ensure!(
        status == StatusCode::UNPROCESSABLE_ENTITY && said == code,
        "{body} should be {code}: {status} {answer}"
    );
    Ok(())
}

async fn until(api: &Api, refund: &str, shows: impl Fn(&Value) -> bool) -> Result<Value> {
    let path = format!("/v1/refunds/{refund}");
    let seen = eventually(PATIENCE, async || {
        let seen = api.get(&path).await.ok()?;
        shows(&seen).then_some(seen)
    });
    match seen.await {
        Ok(seen) => Ok(seen),
        Err(error) => Err(anyhow::anyhow!("{error}: {:?}", api.get(&path).await)),
    }
}

async fn done(api: &Api, id: &str) -> Result<Value> {
    let seen = until(api, id, |seen| {
        ["completed", "failed"].contains(&seen["status"].as_str().unwrap_or_default())
    });
    seen.await
}

async fn parts() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let carol = api.wallet("Carol").await?;
    let id = api.transfer("paid", 5_000, &alice, &bob).await?;
    api.settled(&id).await?;
    let before = (api.balance(&alice).await?, api.balance(&bob).await?);

    let first = refund(&api, &id, "r1", &some(2_000)).await?;
    let seen = done(&api, &first).await?;
    ensure!(seen["status"] == "completed", "{seen}");
    // The same key again: the same answer, and nothing more.
    ensure!(refund(&api, &id, "r1", &some(2_000)).await? == first);
    let (status, answer) = ask(&api, &id, "r1", &some(2_001)).await?;
    ensure!(status == StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    ensure!(
        answer["errors"][0]["pointer"] == "/amount/amount",
        "{answer}"
    );

    refused(&api, &id, "r2", &some(3_001), "exceeds_captured").await?;
    refused(&api, &id, "r3", &some(0), "not_positive").await?;
    let odd = json!({"reason": "because"});
    refused(&api, &id, "r4", &odd, "unknown_reason").await?;
    let dollars = json!({"amount": {"amount": 1, "currency": "USD"}, "reason": "duplicate"});
    refused(&api, &id, "r5", &dollars, "currency_differs").await?;
    // Without an amount: the rest. Two at once for it: one.
    let rest = json!({"reason": "duplicate"});
    let (one, two) = tokio::join!(ask(&api, &id, "r6", &rest), ask(&api, &id, "r7", &rest));
    let accepted: Vec<_> = [one?, two?]
        .into_iter()
        .filter(|(status, _)| *status == StatusCode::ACCEPTED)
        .collect();
    ensure!(accepted.len() == 1, "{accepted:?}");
    let second = accepted[0].1["id"].as_str().context("no id")?.to_owned();
    ensure!(done(&api, &second).await?["amount"]["amount"] == 3_000);

    let transfer = api.get(&format!("/v1/transfers/{id}")).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(
        transfer["money"]["refunded"]["amount"] == 5_000,
        "{transfer}"
    );
    ensure!(
        transfer["linked"].as_array().map(Vec::len) == Some(2),
        "{transfer}"
    );
    ensure!(api.balance(&alice).await? == before.0 + 5_000);
    ensure!(api.balance(&bob).await? == before.1 - 5_000);
    let list = api.get(&format!("/v1/transfers/{id}/refunds")).await?;
    ensure!(list["data"].as_array().map(Vec::len) == Some(2), "{list}");

    // Who was paid has spent it: it fails, and says why. What never completed is no refund's.
    let all = api.balance(&bob).await?;
    let spent = api.transfer("spent", 1_000, &alice, &bob).await?;
    api.settled(&spent).await?;
    let away = api.transfer("away", all + 1_000, &bob, &carol).await?;
    api.settled(&away).await?;
    let failed = refund(&api, &spent, "r8", &rest).await?;
    let failed = done(&api, &failed).await?;
    ensure!(failed["status"] == "failed", "{failed}");
    ensure!(failed["status_reason"] == "insufficient_funds", "{failed}");
    let empty = api.empty_bank_account().await?;
    let never = api.transfer("never", 1_000, &empty, &bob).await?;
    api.settled(&never).await?;
    refused(&api, &never, "r9", &rest, "not_completed").await?;
    books::true_and_agreeing(remit, &setup).await
}

async fn over_rails() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (card, shop) = (
        named(&remit, "card", "ALICE_CARD")?,
        named(&remit, "merchant", "BOB_SHOP")?,
    );
    let (bank, bob) = (api.bank_account("Alice").await?, api.wallet("Bob").await?);
    let other = api.bank_account("Bob").await?;
    for (place, (from, to)) in [(&card, &shop), (&bank, &bob), (&card, &bob)]
        .into_iter()
        .enumerate()
    {
        let id = api
            .transfer(&format!("paid-{place}"), 5_000, from, to)
            .await?;
        api.settled(&id).await?;
        let before = api.balance(&bob).await?;
        for part in [1_500, 500] {
            let key = format!("back-{place}-{part}");
            let refund = refund(&api, &id, &key, &some(part)).await?;
            let seen = done(&api, &refund).await?;
            ensure!(seen["status"] == "completed", "{from} to {to}: {seen}");
            ensure!(seen["bank_reference"].is_string(), "{seen}");
        }
        ensure!(api.balance(&bob).await? == before - 2_000);
        let transfer = api.get(&format!("/v1/transfers/{id}")).await?;
        ensure!(
            transfer["money"]["refunded"]["amount"] == 2_000,
            "{transfer}"
        );
    }
    // The receiver's money is at a bank, and the demo partner has no float.
    let id = api.transfer("outside", 5_000, &bank, &other).await?;
    api.settled(&id).await?;
    refused(&api, &id, "outside-back", &some(1), "no_payer").await?;
    books::true_and_agreeing(remit, &setup).await
}

/// The last two digits choose the bank's misbehaviour, for a refund as for every payout.
async fn doubt() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (bank, bob) = (api.bank_account("Alice").await?, api.wallet("Bob").await?);
    let id = api.transfer("paid", 9_000, &bank, &bob).await?;
    api.settled(&id).await?;
    let mut refunds = Vec::new();
    for (key, amount) in [
        ("executed", 1_011),
        ("not-executed", 1_012),
        ("late", 1_015),
    ] {
        refunds.push((key, refund(&api, &id, key, &some(amount)).await?));
    }
    let stuck = refund(&api, &id, "stuck", &some(1_018)).await?;
    let remit = remit.kill_and_restart().await?;
    let api = remit.api.clone();
    for (key, refund) in refunds {
        let seen = done(&api, &refund).await?;
        ensure!(seen["status"] == "completed", "{key}: {seen}");
    }
    let seen = until(&api, &stuck, |seen| seen["flags"]["in_doubt"].is_object()).await?;
    ensure!(seen["status"] == "pending", "{seen}");
    let transfer = api.get(&format!("/v1/transfers/{id}")).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(transfer["flags"] == json!({}), "{transfer}");
    ensure!(
        transfer["money"]["refunded"]["amount"] == 3_038,
        "{transfer}"
    );
    // What may have left is not left over for another one.
    refused(&api, &id, "more", &some(5_000), "exceeds_captured").await?;
    // Two people have found out that the bank never paid it: whoever was paid has it again.
    let had = api.balance(&bob).await?;
    let words = ["resolve", &id, "--not-executed"];
    let evidence = ["--evidence", "call", "--reason", "r"];
    by_two(&remit, &[&words[..], &evidence[..]].concat())?;
    let seen = done(&api, &stuck).await?;
    ensure!(seen["status"] == "failed", "{seen}");
    ensure!(seen["flags"] == json!({}), "{seen}");
    ensure!(api.balance(&bob).await? == had + 1_018);
    books::true_and_agreeing(remit, &setup).await
}
