//! What a transfer costs the engine: tasks, events, bytes.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Temporal, Trial, trial_needing};

use crate::program::{Remit, Setup};
use crate::{books, ends};

pub(crate) fn trials() -> Vec<Trial> {
    // The server itself is not used: the tool that comes with it reads the histories.
    vec![trial_needing(
        "costs::what_a_transfer_costs_the_engine",
        async |server: &'static Temporal| costs(server).await,
    )]
}

/// The figures of `docs/transfers.md`, as the engine itself counts them.
async fn costs(server: &Temporal) -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (api.wallet("Alice").await?, api.wallet("Bob").await?);
    let (from, to) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    let card = ends::named(&remit, "card", "ALICE_CARD")?;
    let shop = ends::named(&remit, "merchant", "BOB_SHOP")?;
    for (name, from, to, tasks, events) in [
        ("wallet-to-wallet", &alice, &bob, 1, 8),
        ("bank-to-bank", &from, &to, 4, 25),
        ("card-to-merchant", &card, &shop, 4, 25),
    ] {
        let id = api.transfer(name, 700, from, to).await?;
        ensure!(api.settled(&id).await?["status"] == "completed", "{name}");
        let history = shown(server, &remit, &["show"], &id)?;
        let list = history["events"].as_array().context("no events")?;
        let done = "EVENT_TYPE_WORKFLOW_TASK_COMPLETED";
        let took = list
            .iter()
            .filter(|event| event["eventType"] == done)
            .count();
        let about = shown(server, &remit, &["describe"], &id)?;
        let info = &about["workflowExecutionInfo"];
        let bytes: u64 = info["historySizeBytes"]
            .as_str()
            .context("no size")?
            .parse()?;
        println!("{name}: {took} tasks, {} events, {bytes} bytes", list.len());
        ensure!(
            took <= tasks && list.len() <= events && bytes <= 12_000,
            "{name}: {took} tasks, {} events, {bytes} bytes",
            list.len()
        );
    }
    books::true_and_agreeing(remit, &setup).await
}

fn shown(server: &Temporal, remit: &Remit, what: &[&str], id: &str) -> Result<Value> {
    let output = Command::new(server.cli())
        .args(["--address", &remit.engine, "workflow"])
        .args(what)
        .args([
            "--workflow-id",
            &format!("transfer/{id}"),
            "--output",
            "json",
        ])
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
