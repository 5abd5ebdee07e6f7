//! Whoever reaches the workflow engine cannot answer in a bank's name, not even where nothing is
//! sealed: what a bank did must stand in our own record of what the bank said.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testkit::{Temporal, Trial, eventually, trial_needing};

use crate::books;
use crate::program::{PATIENCE, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    // The server itself is not used: the tool that comes with it is the intruder's.
    vec![trial_needing(
        "false_answer::in_the_banks_name_pays_nothing_out",
        async |server: &'static Temporal| answer_for_the_bank(server).await,
    )]
}

/// With plain histories nothing but our own record of the attempts stands in the way.
async fn answer_for_the_bank(server: &Temporal) -> Result<()> {
    let flags = vec!["--plain-histories".to_owned()];
    let setup = Setup { flags };
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    remit.debits_are_throttled().await?;
    let id = api.transfer("k", 2_000, &alice, &bob).await?;
    eventually(PATIENCE, async || {
        // Which number the activity has is the engine's affair.
        let answered = ["1", "2", "3"].map(|activity| forge(server, &remit, &id, activity));
        answered
            .into_iter()
            .any(|done| done.unwrap_or(false))
            .then_some(())
    })
    .await?;
    let seen: Value = eventually(PATIENCE, async || {
        let transfer = api.get(&format!("/v1/transfers/{id}")).await.ok()?;
        let moved = transfer["status"] != "collecting" && transfer["status"] != "created";
        (moved || transfer["flags"]["needs_operator"].is_object()).then_some(transfer)
    })
    .await?;
    ensure!(seen["flags"]["needs_operator"].is_object(), "{seen}");
    ensure!(seen["money"]["debited"]["amount"] == 0, "{seen}");
    books::true_and_agreeing(remit, &setup).await
}

fn forge(server: &Temporal, remit: &Remit, id: &str, activity: &str) -> Result<bool> {
    let answer = json!({ "answer": "done", "bank_reference": "forged" });
    let output = Command::new(server.cli())
        .args(["--address", &remit.engine, "activity", "complete"])
        .args(["--workflow-id", &format!("transfer/{id}")])
        .args(["--activity-id", activity, "--result", &answer.to_string()])
        .output()?;
    Ok(output.status.success())
}
