//! Schedules: one transfer for each occurrence, also over a crash and a lost engine; pausing,
//! resuming, canceling, and what is refused.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Trial, eventually, trial};

use crate::books;
use crate::program::{Api, PATIENCE, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("schedules::each_occurrence_is_one_transfer", occurs),
        trial("schedules::a_lost_engine_is_told_again", lost_engine),
        trial("schedules::what_cannot_be_repeated_is_refused", refused),
    ]
}

fn order(from: &Value, to: &Value, cadence: &Value) -> Value {
    json!({
        "amount": {"amount": 11, "currency": "EUR"},
        "source": from, "destination": to, "cadence": cadence,
    })
}

async fn made(api: &Api, key: &str, body: &Value) -> Result<String> {
    let (status, answer) = api.post_to("/v1/schedules", key, body).await?;
    ensure!(status == StatusCode::ACCEPTED, "{status}: {answer}");
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

async fn occurrences(api: &Api, id: &str) -> Result<Vec<Value>> {
    let list = api
        .get(&format!("/v1/schedules/{id}/occurrences?limit=100"))
        .await?;
    Ok(list["data"].as_array().context("no list")?.clone())
}

/// Once there are so many whose transfers are final.
async fn settled(api: &Api, id: &str, many: usize) -> Result<Vec<Value>> {
    let enough = eventually(PATIENCE, async || {
        let all = occurrences(api, id).await.ok()?;
        let done = all
            .iter()
            .filter(|one| one["transfer_status"] == "completed");
        (done.count() >= many).then_some(all)
    });
    match enough.await {
        Ok(all) => Ok(all),
        Err(error) => anyhow::bail!("{error}: {:?}", occurrences(api, id).await),
    }
}

async fn change(api: &Api, id: &str, word: &str) -> Result<(StatusCode, Value)> {
    let path = format!("/v1/schedules/{id}/{word}");
    api.post_to(&path, "-", &json!({})).await
}

async fn occurs() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    api.samples_are_over().await?;
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let before = api.balance(&alice).await?;
    let mut body = order(&alice, &bob, &json!({"every": "seconds", "seconds": 1}));
    body["occurrences"] = json!(6);
    let id = made(&api, "often", &body).await?;
    settled(&api, &id, 2).await?;

    // Whoever dies in the middle makes up for what was missed, and repeats nothing.
    let remit = remit.kill_and_restart().await?;
    let api = remit.api.clone();
    let all = settled(&api, &id, 6).await?;
    ensure!(all.len() == 6, "{all:?}");
    let named = |field: &str| -> BTreeSet<String> {
        all.iter().map(|one| one[field].to_string()).collect()
    };
    ensure!(
        named("transfer").len() == 6 && named("falls_at").len() == 6,
        "{all:?}"
    );
    ensure!(api.balance(&alice).await? == before - 66);
    let over = eventually(PATIENCE, async || {
        let schedule = api.get(&format!("/v1/schedules/{id}")).await.ok()?;
        (schedule["state"] == "ended").then_some(schedule)
    });
    let over = over.await?;
    ensure!(
        over["occurred"] == 6 && over["next_occurrence"].is_null(),
        "{over}"
    );
    let (status, answer) = change(&api, &id, "pause").await?;
    ensure!(status == StatusCode::CONFLICT, "{answer}");
    // The same order is the same schedule.
    ensure!(made(&api, "often", &body).await? == id);
    body["occurrences"] = json!(7);
    let (status, answer) = api.post_to("/v1/schedules", "often", &body).await?;
    ensure!(status == StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    ensure!(answer["errors"][0]["pointer"] == "/occurrences", "{answer}");

    // One that falls today is carried out today, once.
    let daily = made(
        &api,
        "daily",
        &order(&alice, &bob, &json!({"every": "day"})),
    )
    .await?;
    ensure!(settled(&api, &daily, 1).await?.len() == 1);
    books::true_and_agreeing(remit, &setup).await
}

async fn lost_engine() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    api.samples_are_over().await?;
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let body = order(&alice, &bob, &json!({"every": "seconds", "seconds": 1}));
    let id = made(&api, "often", &body).await?;
    settled(&api, &id, 1).await?;
    // Paused, nothing more happens; and nothing is made up for.
    let (status, paused) = change(&api, &id, "pause").await?;
    ensure!(
        status == StatusCode::OK && paused["state"] == "paused",
        "{paused}"
    );
    let then = occurrences(&api, &id).await?.len();
    let remit = remit
        .kill_and_restart_after(|data| {
            for entry in std::fs::read_dir(data)? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                if name.is_some_and(|name| name.starts_with("engine.db")) {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        })
        .await?;
    let api = remit.api.clone();
    ensure!(occurrences(&api, &id).await?.len() == then);
    let (_, resumed) = change(&api, &id, "resume").await?;
    ensure!(resumed["state"] == "active", "{resumed}");
    let since = resumed["updated_at"]
        .as_str()
        .context("no time")?
        .to_owned();
    let all = settled(&api, &id, then + 2).await?;
    let later = &all[then..];
    ensure!(
        later
            .iter()
            .all(|one| one["falls_at"].as_str() >= Some(&since)),
        "{since}: {all:?}"
    );
    let (status, canceled) = change(&api, &id, "cancel").await?;
    ensure!(
        status == StatusCode::OK && canceled["state"] == "canceled",
        "{canceled}"
    );
    for one in occurrences(&api, &id).await? {
        if let Some(transfer) = one["transfer"].as_str() {
            ensure!(
                api.settled(transfer).await?["status"] == "completed",
                "{one}"
            );
        }
    }
    books::true_and_agreeing(remit, &setup).await
}

async fn refused() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let daily = json!({"every": "day"});
    let with = |field: &str, value: Value| {
        let mut body = order(&alice, &bob, &daily);
        body[field] = value;
        body
    };
    let nobody = json!({"type": "wallet", "id": "ac_00000000000000000000000001"});
    for (body, expected) in [
        (
            with("destination", alice.clone()),
            "/destination same_account",
        ),
        (with("destination", nobody), "/destination unknown"),
        (
            with("starts_on", json!("2020-01-01")),
            "/starts_on in_the_past",
        ),
        (
            with("starts_on", json!("2026-02-30")),
            "/starts_on invalid_date",
        ),
        (
            with("ends_on", json!("2020-01-01")),
            "/ends_on before_the_start",
        ),
        (with("occurrences", json!(0)), "/occurrences out_of_range"),
        (
            with("banking_days", json!("modified")),
            "/banking_days unknown_rule",
        ),
        (
            with("cadence", json!({"every": "month", "day": 32})),
            "/cadence/day out_of_range",
        ),
        (
            with("cadence", json!({"every": "week", "day": "noday"})),
            "/cadence/day unknown_day",
        ),
        (
            with("cadence", json!({"every": "fortnight"})),
            "/cadence/every unknown_cadence",
        ),
    ] {
        let (status, answer) = api
            .post_to("/v1/schedules", &expected.replace(' ', "-"), &body)
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
    ensure!(api.get("/v1/schedules").await?["data"] == json!([]));
    Ok(())
}
