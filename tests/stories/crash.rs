//! SIGKILL in the middle: what was accepted finishes, once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::{Postgres, Temporal, Trial, eventually, trial, trial_needing};

use crate::books;
use crate::program::{Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("crash::embedded", async || story(Setup::default(), 6).await),
        trial_needing("crash::on_postgres", async |server: &'static Postgres| {
            let flags = vec!["--database-url".into(), server.fresh_database()?];
            story(Setup { flags }, 3).await
        }),
        trial_needing("crash::on_temporal", async |server: &'static Temporal| {
            let namespace = server.fresh_namespace()?;
            let flags = vec![
                "--temporal".into(),
                server.address().into(),
                "--namespace".into(),
                namespace,
            ];
            story(Setup { flags }, 2).await
        }),
        trial(
            "crash::an_accepted_transfer_survives_a_kill_at_once",
            killed_at_once,
        ),
    ]
}

/// Each round accepts transfers, lets some of them get somewhere, and kills the program.
async fn story(setup: Setup, rounds: usize) -> Result<()> {
    let mut remit = Remit::start(setup.clone()).await?;
    let mut accepted = Vec::new();
    for round in 0..rounds {
        let api = remit.api.clone();
        let (alice, bob) = (
            api.bank_account("Alice").await?,
            api.bank_account("Bob").await?,
        );
        let closed = api.closed_bank_account().await?;
        for number in 0..5 {
            let key = format!("{round}-{number}");
            let id = api.transfer(&key, 1_000 + number, &alice, &bob).await?;
            accepted.push((id, "completed"));
        }
        let id = api
            .transfer(&format!("{round}-closed"), 1_000, &alice, &closed)
            .await?;
        accepted.push((id, "refunded"));
        // Each round dies somewhere else: as soon as that many of its transfers left `created`.
        let begun = &accepted[accepted.len() - 6..];
        eventually(Duration::from_secs(30), async || {
            let mut moving = 0;
            for (id, _) in begun {
                let transfer = api.get(&format!("/v1/transfers/{id}")).await.ok()?;
                moving += usize::from(transfer["status"] != "created");
            }
            (moving >= round % 7).then_some(())
        })
        .await?;
        remit = remit
            .kill_and_restart()
            .await
            .with_context(|| format!("round {round}"))?;
    }
    for (id, expected) in &accepted {
        let transfer = remit.api.settled(id).await?;
        ensure!(transfer["status"] == *expected, "{transfer}");
    }
    books::true_and_agreeing(remit, &setup).await
}

/// Nothing is waited for between the answer and the kill; the retry of a client is a replay.
async fn killed_at_once() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let (alice, bob) = (
        remit.api.bank_account("Alice").await?,
        remit.api.bank_account("Bob").await?,
    );
    let body = json!({
        "amount": {"amount": 4_200, "currency": "EUR"}, "source": alice, "destination": bob,
    });
    let (_, first) = remit.api.post("once", &body).await?;
    let remit = remit.kill_and_restart().await?;
    let (_, second) = remit.api.post("once", &body).await?;
    ensure!(first == second, "the replay differs: {first} {second}");
    let id = first["id"].as_str().context("no id")?;
    ensure!(remit.api.settled(id).await?["status"] == "completed");
    books::true_and_agreeing(remit, &setup).await
}
