//! Whoever reaches the workflow engine can answer for a bank, and moves no money by it.

use std::process::Command;

use anyhow::{Result, ensure};
use testkit::{Temporal, Trial, eventually, trial_needing};

use crate::books;
use crate::program::{PATIENCE, Remit, Setup};

/// Fits whichever bank activity is waiting: a collection that is done, an inquiry that found it.
const FORGED: &str = r#"{"answer":"done","verdict":"executed","bank_reference":"forged"}"#;

pub(crate) fn trials() -> Vec<Trial> {
    // The server itself is not used: the tool that comes with it gives the answer.
    vec![trial_needing(
        "forged::an_answer_given_to_the_engine_is_no_answer_of_a_bank",
        async |server: &'static Temporal| answer(server).await,
    )]
}

async fn answer(server: &Temporal) -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, bob) = (
        api.bank_account("Alice").await?,
        api.bank_account("Bob").await?,
    );
    remit.bank_is_out_of_order(true).await?;
    let id = api.transfer("forged", 4_200, &alice, &bob).await?;
    eventually(PATIENCE, async || {
        // Which number the waiting activity has is nobody's concern.
        (1..10)
            .any(|activity| complete(server, &remit, &id, activity))
            .then_some(())
    })
    .await?;
    remit.bank_is_out_of_order(false).await?;

    let transfer = api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    ensure!(
        transfer["source"]["bank_reference"] != "forged",
        "{transfer}"
    );
    let collected = format!("{id}:collect");
    ensure!(
        remit
            .bank_movements()
            .await?
            .iter()
            .any(|moved| moved["reference"] == collected && moved["state"] == "executed"),
        "it was paid out and never collected"
    );
    books::true_and_agreeing(remit, &setup).await
}

fn complete(server: &Temporal, remit: &Remit, id: &str, activity: u32) -> bool {
    let mut command = Command::new(server.cli());
    command.args(["activity", "complete", "--address", &remit.engine]);
    command.args(["--workflow-id", &format!("transfer/{id}")]);
    command.args(["--activity-id", &activity.to_string(), "--result", FORGED]);
    command.output().is_ok_and(|output| output.status.success())
}
