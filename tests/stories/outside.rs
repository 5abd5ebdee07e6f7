//! What is done to a transfer from outside: forged messages, an ended run, a lost engine store.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Temporal, Trial, eventually, trial, trial_needing};

use crate::books;
use crate::operators::{by_two, collecting, done, doubtful, needs_a_person, shows};
use crate::program::{PATIENCE, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    // The server itself is not used: the tool that comes with it is the intruder's.
    vec![
        trial_needing(
            "outside::a_forged_message_changes_nothing",
            async |server: &'static Temporal| forged(server).await,
        ),
        trial_needing(
            "outside::a_terminated_run_is_found_and_started_again",
            async |server: &'static Temporal| terminated(server).await,
        ),
        trial("outside::a_lost_engine_store_is_found", lost_store),
    ]
}

/// A real message with an action that was never made, or that is another transfer's, is refused
/// with its words; plain histories, so that nothing but the audit stands in the way.
async fn forged(server: &Temporal) -> Result<()> {
    let flags = vec!["--plain-histories".to_owned()];
    let setup = Setup { flags };
    let remit = Remit::start(setup.clone()).await?;
    let id = collecting(&remit).await?;
    let send = |action: &str| -> Result<String> {
        let mut command = Command::new(server.cli());
        command.args(["--address", &remit.engine, "workflow", "update", "execute"]);
        command.args(["--workflow-id", &format!("transfer/{id}"), "--name", "hold"]);
        command.args(["--input", &json!({ "action": action }).to_string()]);
        let output = command.output()?;
        ensure!(!output.status.success(), "a forged message was taken");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let said = send("act_00000000000000000000000009")?;
    ensure!(said.contains("no such action"), "{said}");
    // Made for this transfer, but of another kind.
    let words = ["note", &id, "--reason", "words", "--plain-histories"];
    let noted = done(&remit, &words)?.action()?;
    let said = send(&noted)?;
    ensure!(said.contains("used") || said.contains("not hold"), "{said}");
    let seen = remit.api.get(&format!("/v1/transfers/{id}")).await?;
    ensure!(seen["flags"]["on_hold"].is_null(), "{seen}");
    remit.faults(&json!([])).await?;
    let transfer = remit.api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    books::true_and_agreeing(remit, &setup).await
}

async fn terminated(server: &Temporal) -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let id = collecting(&remit).await?;
    let mut command = Command::new(server.cli());
    command.args(["--address", &remit.engine, "workflow", "terminate"]);
    command.args([
        "--workflow-id",
        &format!("transfer/{id}"),
        "--reason",
        "by mistake",
    ]);
    let output = command.output()?;
    ensure!(output.status.success(), "{output:?}");
    shows(&remit, &id, needs_a_person).await?;
    let page = done(&remit, &["show", &id])?;
    let note = page.out["operator_note"].as_str().unwrap_or_default();
    ensure!(note.contains("terminated"), "{}", page.out);
    remit.faults(&json!([])).await?;
    done(&remit, &["retry", &id, "--reason", "it was a mistake"])?;
    let transfer = remit.api.settled(&id).await?;
    ensure!(transfer["status"] == "completed", "{transfer}");
    books::true_and_agreeing(remit, &setup).await
}

async fn lost_store() -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let id = doubtful(&remit, true).await?;
    let remit = remit
        .kill_and_restart_after(|data| {
            for file in ["engine.db", "engine.db-wal", "engine.db-shm"] {
                let file = data.join(file);
                if file.exists() {
                    std::fs::remove_file(file)?;
                }
            }
            Ok(())
        })
        .await?;
    shows(&remit, &id, needs_a_person).await?;
    let page = done(&remit, &["show", &id])?;
    let note = page.out["operator_note"].as_str().unwrap_or_default();
    ensure!(
        note.contains("unknown to the workflow engine"),
        "{}",
        page.out
    );
    // Started again it finds the doubt where it was.
    done(&remit, &["retry", &id, "--reason", "the store was lost"])?;
    let resolved = eventually(PATIENCE, async || {
        let words = [
            "resolve",
            &id,
            "--not-executed",
            "--evidence",
            "call",
            "--reason",
            "r",
        ];
        by_two(&remit, &words).ok()
    });
    resolved.await?;
    let transfer = remit.api.settled(&id).await?;
    ensure!(transfer["status"] == "refunded", "{transfer}");
    books::true_and_agreeing(remit, &setup).await
}
