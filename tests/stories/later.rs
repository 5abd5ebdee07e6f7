//! Transfers for a later date: they wait visibly, begin once, and are called off until then.

use std::time::Duration;

use ambient::SystemClock;
use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Trial, trial};

use crate::program::{Api, Remit, Setup};
use crate::{books, ends, operators, undo};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("later::begins_on_its_day_also_after_a_crash", begins),
        trial("later::is_called_off_until_it_begins", called_off),
        trial("later::a_held_one_waits_for_its_release", held),
    ]
}

fn ahead(wait: Duration) -> String {
    SystemClock::shared().now().after(wait).to_string()
}

fn order(from: &Value, to: &Value, execute_at: &str) -> Value {
    json!({
        "amount": {"amount": 700, "currency": "EUR"},
        "source": from, "destination": to, "execute_at": execute_at,
    })
}

async fn scheduled(api: &Api, key: &str, order: &Value) -> Result<String> {
    let (status, answer) = api.post(key, order).await?;
    ensure!(status == StatusCode::ACCEPTED, "{answer}");
    ensure!(answer["status"] == "scheduled", "{answer}");
    ensure!(answer["execute_at"] == order["execute_at"], "{answer}");
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

async fn begins() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    api.samples_are_over().await?;
    let (alice, bob) = (api.wallet("Alice").await?, api.bank_account("Bob").await?);
    let before = api.balance(&alice).await?;
    let order = order(&alice, &bob, &ahead(Duration::from_secs(6)));
    let id = scheduled(&api, "rent", &order).await?;
    ensure!(api.balance(&alice).await? == before);

    let remit = remit.kill_and_restart().await?;
    let api = remit.api.clone();
    let waiting = api.get(&format!("/v1/transfers/{id}")).await?;
    ensure!(waiting["status"] == "scheduled", "{waiting}");
    ensure!(waiting["money"]["debited"]["amount"] == 0, "{waiting}");
    let done = api.settled(&id).await?;
    ensure!(done["status"] == "completed", "{done}");
    ensure!(done["execute_at"] == order["execute_at"], "{done}");
    ensure!(api.balance(&alice).await? == before - 700);
    let moved = remit.bank_movements().await?;
    let ours = moved
        .iter()
        .filter(|movement| movement.to_string().contains(&id));
    ensure!(ours.count() == 1, "{moved:?}");

    // The same order is the same transfer, also when its day has passed; a new one is too late.
    let (_, again) = api.post("rent", &order).await?;
    ensure!(
        again["id"] == json!(id) && again["status"] == "scheduled",
        "{again}"
    );
    ends::refused(&remit, "late", &order, "/execute_at in_the_past").await?;
    let far = self::order(&alice, &bob, "2999-01-01");
    ends::refused(&remit, "far", &far, "/execute_at too_far_ahead").await?;
    let never = self::order(&alice, &bob, "2026-02-30");
    ends::refused(&remit, "never", &never, "/execute_at invalid_time").await?;
    books::true_and_agreeing(remit, &setup).await
}

async fn called_off() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let order = order(&alice, &bob, &ahead(Duration::from_secs(3_600)));
    let id = scheduled(&api, "no", &order).await?;
    let path = format!("/v1/transfers/{id}/cancel");
    for _ in 0..2 {
        let (status, answer) = api.post_to(&path, "-", &json!({})).await?;
        ensure!(status == StatusCode::OK, "{answer}");
        ensure!(answer["status"] == "canceled", "{answer}");
    }
    let ended = api.get(&format!("/v1/transfers/{id}")).await?;
    let history = ended["history"].as_array().context("no history")?;
    ensure!(
        history
            .last()
            .is_some_and(|last| last["cause"] == "called_off" && last["actor"] == "client"),
        "{ended}"
    );
    // What has begun is not called off by a client.
    let begun = api.transfer("begun", 10, &alice, &bob).await?;
    api.settled(&begun).await?;
    let (status, answer) = api
        .post_to(&format!("/v1/transfers/{begun}/cancel"), "-", &json!({}))
        .await?;
    ensure!(status == StatusCode::CONFLICT, "{answer}");
    ensure!(answer["code"] == "action-refused", "{answer}");
    books::true_and_agreeing(remit, &setup).await
}

async fn held() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let order = order(&alice, &bob, &ahead(Duration::from_secs(6)));
    let id = scheduled(&api, "held", &order).await?;
    operators::done(&remit, &["hold", &id, "--reason", "asked by phone"])?;
    let off = scheduled(
        &api,
        "off",
        &self::order(&alice, &bob, &ahead(Duration::from_secs(3_600))),
    )
    .await?;
    operators::done(&remit, &["cancel", &off, "--reason", "asked by phone"])?;
    ensure!(api.settled(&off).await?["status"] == "canceled");
    let seen = undo::until(&api, &id, |seen| {
        seen["flags"]["on_hold"].is_object() && past(&seen["execute_at"])
    });
    ensure!(seen.await?["status"] == "scheduled");
    operators::done(&remit, &["release", &id, "--reason", "all is well"])?;
    ensure!(api.settled(&id).await?["status"] == "completed");
    books::true_and_agreeing(remit, &setup).await
}

fn past(at: &Value) -> bool {
    at.as_str().is_some_and(|at| *at < *ahead(Duration::ZERO))
}
