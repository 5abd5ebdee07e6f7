//! What the bank says by itself: a silent bank whose notice or statement ends the doubt, and all the
//! ways in which a notice is not believed.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Trial, eventually, trial};

use crate::books;
use crate::program::{Api, PATIENCE, Remit, Setup, bare};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("inbound::a_notice_ends_the_doubt_of_a_mute_bank", by_notice),
        trial(
            "inbound::the_statement_ends_it_where_notices_are_lost",
            by_statement,
        ),
        trial("inbound::a_doubt_shows_what_is_known", shown),
        trial("inbound::a_wrong_amount_is_set_aside", wrong_amount),
        trial(
            "inbound::twice_out_of_order_or_of_nobody_changes_nothing",
            odd,
        ),
        trial("inbound::a_forged_notice_is_refused", forged),
    ]
}

/// Executes orders, answers nothing, and never says anything when it is asked.
fn mute() -> Vec<Value> {
    vec![
        json!({ "on": "payouts", "fault": "timeout_executed", "per_thousand": 1_000 }),
        json!({ "on": "debits", "fault": "timeout_executed", "per_thousand": 1_000 }),
        json!({ "on": "inquiries", "fault": "cut_not_executed", "per_thousand": 1_000 }),
    ]
}

fn mute_with(webhooks: &str) -> Value {
    let mut rules = mute();
    rules.push(json!({ "on": "webhooks", "fault": webhooks, "per_thousand": 1_000 }));
    json!(rules)
}

async fn by_notice() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    remit.faults(&json!(mute())).await?;
    let id = api.transfer("n1", 2_500, &alice, &bob).await?;
    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(transfer["flags"]["in_doubt"].is_null(), "{transfer}");
    // Both legs, each by the bank's own word.
    let ends = notes(&transfer, "doubt_resolved");
    ensure!(ends.len() == 2, "{transfer}");
    for end in ends {
        ensure!(end.starts_with("notice ms_"), "{end}");
    }
    books::true_and_agreeing(remit, &setup).await
}

async fn by_statement() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alices, bob) = (api.wallet("Alice").await?, api.bank_account("Bob").await?);
    remit.faults(&mute_with("webhook_lost")).await?;
    let id = api.transfer("s1", 2_500, &alices, &bob).await?;
    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    let ends = notes(&transfer, "doubt_resolved");
    ensure!(
        matches!(ends.as_slice(), [end] if end.starts_with("statement ms_")),
        "{transfer}"
    );
    books::true_and_agreeing(remit, &setup).await
}

/// During an outage there is nothing to hear: the doubt says what was seen and what comes next.
async fn shown() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alices, bob) = (api.wallet("Alice").await?, api.bank_account("Bob").await?);
    remit.bank_is_out_of_order(true).await?;
    let id = api.transfer("e1", 2_500, &alices, &bob).await?;
    let seen = until(&api, &id, |seen| {
        let doubt = &seen["flags"]["in_doubt"];
        doubt["evidence"]
            .as_array()
            .is_some_and(|all| all.len() > 1)
    })
    .await?;
    let doubt = &seen["flags"]["in_doubt"];
    ensure!(doubt["step"] == "pay_out", "{seen}");
    ensure!(doubt["since"].is_string(), "{seen}");
    ensure!(doubt["next_check_at"].is_string(), "{seen}");
    let asked = doubt["evidence"][1]["what"].as_str().context("no words")?;
    ensure!(asked.starts_with("asked: "), "{seen}");
    remit.bank_is_out_of_order(false).await?;
    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    books::true_and_agreeing(remit, &setup).await
}

/// The bank's notices name another amount than was ordered: nothing is concluded from them, and a
/// person is shown why. The statement says what really happened.
async fn wrong_amount() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alices, bob) = (api.wallet("Alice").await?, api.bank_account("Bob").await?);
    remit.faults(&mute_with("webhook_other_amount")).await?;
    let id = api.transfer("w1", 2_500, &alices, &bob).await?;
    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    let wanted = notes(&transfer, "operator_needed");
    ensure!(
        matches!(wanted.as_slice(), [note] if note.contains("another amount")),
        "{transfer}"
    );
    ensure!(transfer["flags"]["needs_operator"].is_null(), "{transfer}");
    let ends = notes(&transfer, "doubt_resolved");
    ensure!(ends[0].starts_with("statement ms_"), "{transfer}");
    let aside = heard(&remit, &["--state", "quarantined"])?;
    ensure!(!aside.is_empty(), "nothing is set aside");
    for message in &aside {
        ensure!(message["money"]["amount"] == 2_501, "{message}");
        ensure!(message["key"] == format!("{id}:pay-out"), "{message}");
    }
    let shown = aside[0]["id"].as_str().context("no id")?;
    let whole = heard(&remit, &["--id", shown])?;
    let words = whole[0]["words"].as_str().context("no words")?;
    ensure!(words.contains("2501"), "{words}");
    books::true_and_agreeing(remit, &setup).await
}

async fn odd() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alices, bob) = (api.wallet("Alice").await?, api.bank_account("Bob").await?);
    api.samples_are_over().await?;
    // What these amounts do is written in docs/sandbox.md.
    let mut ids = Vec::new();
    for (name, amount) in [("twice", 1_068), ("wrong-order", 1_069)] {
        let id = api.transfer(name, amount, &alices, &bob).await?;
        let transfer = api.settled(&id).await?;
        ensure!(transfer["status"] == "completed", "{name}: {transfer}");
        ids.push(id);
    }
    // Somebody else's order at our bank, under a reference that looks like ours.
    let foreign = "tr_00000000000000000000000001:pay-out";
    order_at_the_bank(&remit, foreign).await?;
    let all = eventually(PATIENCE, async || {
        let all = heard(&remit, &["--origin", "notice", "--limit", "100"]).ok()?;
        let about = |key: &str| all.iter().filter(|it| it["key"] == key).count();
        let everything = ids.iter().all(|id| about(&format!("{id}:pay-out")) >= 2);
        (everything && about(foreign) >= 2).then_some(all)
    });
    let all = all.await.context("not everything was heard")?;
    for id in &ids {
        let key = format!("{id}:pay-out");
        let of_it: Vec<_> = all.iter().filter(|it| it["key"] == *key).collect();
        ensure!(of_it.len() == 2, "received and decided, once: {of_it:?}");
        ensure!(of_it.iter().all(|it| it["state"] == "known"), "{of_it:?}");
    }
    let unmatched = heard(&remit, &["--state", "unmatched", "--origin", "notice"])?;
    ensure!(
        unmatched.iter().filter(|it| it["key"] == foreign).count() == 2,
        "{unmatched:?}"
    );
    for id in &ids {
        let transfer = api.get(&format!("/v1/transfers/{id}")).await?;
        ensure!(transfer["status"] == "completed", "{transfer}");
        ensure!(notes(&transfer, "doubt_began").is_empty(), "{transfer}");
    }
    remit.stop()?;
    Ok(())
}

async fn forged() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let api = remit.api.clone();
    api.samples_are_over().await?;
    let body = json!({
        "id": "ev_forged", "type": "movement.decided", "state": "executed",
        "reference": "tr_00000000000000000000000001:pay-out", "kind": "payout",
        "amount": 1, "currency": "EUR", "bank_reference": "bk1",
    })
    .to_string();
    let hex = "0".repeat(64);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let fresh = format!("t={now},v1={hex}");
    for signature in ["", "nonsense", &format!("t=1,v1={hex}"), &fresh] {
        let (status, said) = notice(&api, "sandbox_bank", signature, body.clone()).await?;
        ensure!(status == StatusCode::FORBIDDEN, "{signature}: {status}");
        ensure!(said.contains("notice-refused"), "{said}");
    }
    // An API key is no signature, a rail without a bank has no door, and a flood of bytes ends.
    for (rail, expected) in [
        ("iso20022", StatusCode::NOT_FOUND),
        ("sandbox", StatusCode::NOT_FOUND),
        ("sandbox_cards", StatusCode::FORBIDDEN),
    ] {
        let (status, _) = notice(&api, rail, &fresh, body.clone()).await?;
        ensure!(status == expected, "{rail}: {status}");
    }
    let huge = "x".repeat(1 << 20);
    let (status, _) = notice(&api, "sandbox_bank", &fresh, huge).await?;
    ensure!(status == StatusCode::PAYLOAD_TOO_LARGE, "{status}");
    let kept = heard(&remit, &["--origin", "notice", "--limit", "100"])?;
    ensure!(
        kept.iter().all(|it| it["bank_id"] != "ev_forged"),
        "{kept:?}"
    );
    remit.stop()?;
    Ok(())
}

async fn notice(
    api: &Api,
    rail: &str,
    signature: &str,
    body: String,
) -> Result<(StatusCode, String)> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let response = http
        .post(format!("{}/v1/rails/{rail}/notices", api.url))
        .bearer_auth(&api.key)
        .header("sandbox-signature", signature)
        .header("stripe-signature", signature)
        .body(body)
        .send()
        .await?;
    Ok((response.status(), response.text().await?))
}

async fn order_at_the_bank(remit: &Remit, reference: &str) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let order = json!({
        "reference": reference, "account": "SB-BOB-0001", "amount": 700, "currency": "EUR",
    });
    let url = format!("{}/v1/payouts", remit.bank_url);
    http.post(url)
        .json(&order)
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

/// The words of every such change, in order.
fn notes<'a>(transfer: &'a Value, cause: &str) -> Vec<&'a str> {
    let history = transfer["history"].as_array().map(Vec::as_slice);
    let all = history.unwrap_or_default().iter();
    all.filter(|change| change["cause"] == cause)
        .filter_map(|change| change["note"].as_str())
        .collect()
}

async fn until(api: &Api, id: &str, shows: impl Fn(&Value) -> bool) -> Result<Value> {
    let path = format!("/v1/transfers/{id}");
    let seen = eventually(PATIENCE, async || {
        let seen = api.get(&path).await.ok()?;
        shows(&seen).then_some(seen)
    });
    match seen.await {
        Ok(seen) => Ok(seen),
        Err(error) => Err(anyhow::anyhow!("{error}: {:?}", api.get(&path).await)),
    }
}

/// What an operator reads beside the program.
fn heard(remit: &Remit, words: &[&str]) -> Result<Vec<Value>> {
    let mut command: Command = bare(&remit.data_dir());
    let asked = ["rail", "messages", "--json"];
    let output = command.args(asked).args(words).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{words:?}: {error}");
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let list = said["messages"].as_array().cloned();
    list.with_context(|| format!("no messages in {said}"))
}
