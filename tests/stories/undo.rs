//! An undo that fails waits for a person, for everyone to see, and is tried again when told.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use db::{Db, Options, WriteError, params};
use domain::{AccountId, Mode, Tenant};
use ledger::State;
use serde_json::{Value, json};
use testkit::{Temporal, Trial, eventually, trial_needing};

use crate::books;
use crate::program::{Api, PATIENCE, Remit, Setup};

pub(crate) fn trials() -> Vec<Trial> {
    // The server itself is not used: the tool that comes with it sends the signal.
    vec![trial_needing(
        "undo::a_closed_wallet_keeps_its_money_in_sight",
        async |server: &'static Temporal| closed_wallet(server).await,
    )]
}

/// Alice sends all she has, closes her wallet, and then the receiver's bank refuses.
async fn closed_wallet(server: &Temporal) -> Result<()> {
    let setup = Setup::default();
    let remit = Remit::start(setup.clone()).await?;
    let api = remit.api.clone();
    let (alice, closed) = (api.wallet("Alice").await?, api.closed_bank_account().await?);
    remit.bank_is_out_of_order(true).await?;
    let all = api.balance(&alice).await?;
    let id = api.transfer("all", all, &alice, &closed).await?;
    until(&api, &id, |transfer| {
        transfer["flags"]["in_doubt"].is_object()
    })
    .await?;
    close(&remit, &alice).await?;
    remit.bank_is_out_of_order(false).await?;

    let seen = until(&api, &id, |transfer| {
        transfer["flags"]["needs_operator"].is_object()
    })
    .await?;
    ensure!(seen["status"] == "compensating", "{seen}");
    ensure!(seen["money"]["held"]["amount"] == all, "{seen}");

    // Closed is for ever: asked again it is refused again, and still there to be seen.
    try_again(server, &remit, &id)?;
    let seen = until(&api, &id, |transfer| raised(transfer) == 2).await?;
    ensure!(seen["flags"]["needs_operator"].is_object(), "{seen}");
    ensure!(seen["money"]["held"]["amount"] == all, "{seen}");
    books::true_and_agreeing(remit, &setup).await
}

fn raised(transfer: &Value) -> usize {
    let rows = transfer["history"].as_array().into_iter().flatten();
    rows.filter(|row| row["cause"] == "operator_needed").count()
}

pub(crate) async fn until(api: &Api, id: &str, shows: impl Fn(&Value) -> bool) -> Result<Value> {
    let seen = eventually(PATIENCE, async || {
        let transfer = api.get(&format!("/v1/transfers/{id}")).await.ok()?;
        shows(&transfer).then_some(transfer)
    });
    match seen.await {
        Ok(transfer) => Ok(transfer),
        Err(error) => {
            let last = api.get(&format!("/v1/transfers/{id}")).await;
            Err(anyhow::anyhow!("{error}: {last:?}"))
        }
    }
}

/// There is no route for it yet.
async fn close(remit: &Remit, wallet: &Value) -> Result<()> {
    let id = wallet["id"].as_str().context("no id")?;
    let url = db::DatabaseUrl::Sqlite(remit.data_dir().join("remit.db"));
    let db = Db::open(&url, Options::new(ambient::SystemClock::shared())).await?;
    let sql = "SELECT partner_id FROM accounts WHERE id = $1";
    let row = db.fetch_optional(sql, params![id]).await?;
    let tenant = Tenant {
        partner: row.context("no such wallet")?.parse("partner_id")?,
        mode: Mode::Sandbox,
    };
    let id: AccountId = id.parse()?;
    let closed: Result<_, WriteError<ledger::ChangeError>> = db
        .write(move |tx| Box::pin(ledger::change_state(tx, tenant, id, State::Closed)))
        .await;
    closed?;
    db.close().await;
    Ok(())
}

fn try_again(server: &Temporal, remit: &Remit, id: &str) -> Result<()> {
    let output = Command::new(server.cli())
        .args(["--address", &remit.engine, "workflow", "signal"])
        .args(["--workflow-id", &format!("transfer/{id}")])
        .args(["--name", "try_again"])
        .output()?;
    let said = json!({
        "out": String::from_utf8_lossy(&output.stdout),
        "err": String::from_utf8_lossy(&output.stderr),
    });
    ensure!(output.status.success(), "{said}");
    Ok(())
}
