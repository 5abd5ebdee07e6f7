//! A transfer between every pair of ends, and one that the bank refuses, on every set-up.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Postgres, Temporal, Trial, trial, trial_needing};

use crate::books;
use crate::program::{Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("first_transfer::embedded", async || {
            story(Setup::default()).await
        }),
        trial_needing(
            "first_transfer::on_postgres",
            async |server: &'static Postgres| {
                story(Setup {
                    flags: on_postgres(server)?,
                })
                .await
            },
        ),
        trial_needing(
            "first_transfer::on_temporal",
            async |server: &'static Temporal| {
                story(Setup {
                    flags: on_temporal(server)?,
                })
                .await
            },
        ),
        trial_needing(
            "first_transfer::on_temporal_and_postgres",
            async |(temporal, postgres): (&'static Temporal, &'static Postgres)| {
                let mut flags = on_temporal(temporal)?;
                flags.extend(on_postgres(postgres)?);
                story(Setup { flags }).await
            },
        ),
        trial(
            "first_transfer::the_printed_curl_works_when_pasted",
            printed_curl,
        ),
    ]
}

fn on_postgres(server: &Postgres) -> Result<Vec<String>> {
    Ok(vec!["--database-url".into(), server.fresh_database()?])
}

fn on_temporal(server: &Temporal) -> Result<Vec<String>> {
    let namespace = server.fresh_namespace()?;
    Ok(vec![
        "--temporal".into(),
        server.address().into(),
        "--namespace".into(),
        namespace,
    ])
}

async fn story(setup: Setup) -> Result<()> {
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let (alices, bobs) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let before = (api.balance(&alices).await?, api.balance(&bobs).await?);

    let pairs = [
        ("bank-bank", &alice, &bob),
        ("bank-wallet", &alice, &bobs),
        ("wallet-bank", &alices, &bob),
        ("wallet-wallet", &alices, &bobs),
    ];
    for (name, from, to) in pairs {
        let id = api.transfer(name, 2_500, from, to).await?;
        completed(&api.settled(&id).await?, 2_500).with_context(|| name.to_owned())?;
    }
    ensure!(api.balance(&alices).await? == before.0 - 5_000);
    ensure!(api.balance(&bobs).await? == before.1 + 5_000);

    let closed = api.closed_bank_account().await?;
    for (name, from) in [("refund-bank", &alice), ("refund-wallet", &alices)] {
        let id = api.transfer(name, 700, from, &closed).await?;
        refunded(&api.settled(&id).await?, 700).with_context(|| name.to_owned())?;
    }
    ensure!(
        api.balance(&alices).await? == before.0 - 5_000,
        "the wallet has its money back"
    );

    let empty = api.empty_bank_account().await?;
    let declined = api
        .settled(&api.transfer("declined", 900, &empty, &bob).await?)
        .await?;
    ensure!(declined["status"] == "failed", "{declined}");
    ensure!(
        declined["status_reason"]["code"] == "insufficient_funds",
        "{declined}"
    );
    ensure!(declined["money"]["debited"]["amount"] == 0, "{declined}");

    let too_much = before.0 + 1;
    let poor = api
        .settled(&api.transfer("too-much", too_much, &alices, &bobs).await?)
        .await?;
    ensure!(poor["status"] == "failed", "{poor}");
    ensure!(
        poor["status_reason"]["code"] == "insufficient_funds",
        "{poor}"
    );

    books::true_and_agreeing(remit, &setup).await
}

fn completed(transfer: &Value, amount: i64) -> Result<()> {
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(facts(transfer) == [amount, 0, amount, 0], "{transfer}");
    ensure!(
        statuses(transfer) == ["created", "collecting", "funded", "paying_out", "completed"],
        "{transfer}"
    );
    Ok(())
}

fn refunded(transfer: &Value, amount: i64) -> Result<()> {
    ensure!(transfer["status"] == "refunded", "{transfer}");
    ensure!(
        transfer["status_reason"]["code"] == "account_closed",
        "{transfer}"
    );
    ensure!(facts(transfer) == [amount, 0, 0, amount], "{transfer}");
    Ok(())
}

/// Debited, held, credited, refunded.
fn facts(transfer: &Value) -> [i64; 4] {
    ["debited", "held", "credited", "refunded"].map(|fact| {
        transfer["money"][fact]["amount"]
            .as_i64()
            .unwrap_or(i64::MIN)
    })
}

fn statuses(transfer: &Value) -> Vec<&str> {
    let history = transfer["history"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    history
        .iter()
        .filter_map(|change| change["status"].as_str())
        .collect()
}

/// The tour begins with what the program itself prints.
async fn printed_curl() -> Result<()> {
    let remit = Remit::start(Setup::default()).await?;
    let printed = remit.stdout();
    let script: String = printed
        .lines()
        .skip_while(|line| !line.trim_start().starts_with(". "))
        .take_while(|line| !line.trim().is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    let run = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(&script)
        .output()
        .await?;
    let answer = String::from_utf8_lossy(&run.stdout).into_owned();
    ensure!(
        run.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let accepted: Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    let id = accepted["id"].as_str().with_context(|| answer.clone())?;
    let transfer = remit.api.settled(id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");

    // Pasting it twice is the same request, not a second transfer.
    let again = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(&script)
        .output()
        .await?;
    ensure!(serde_json::from_slice::<Value>(&again.stdout)?["id"] == json!(id));
    remit.stop()?;
    Ok(())
}
