//! The oracle run after every story: our books are true, and the bank's books agree with them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use db::{Db, Options};

use crate::ends;
use crate::program::{Remit, Setup};

/// Stops the program and checks what it left behind: entries balance, balances are the sum of
/// their postings, nothing is owed to nobody, and the bank did each step exactly as often as we
/// say it did.
pub(crate) async fn true_and_agreeing(remit: Remit, setup: &Setup) -> Result<()> {
    remit.api.samples_are_over().await?;
    let movements = remit.bank_movements().await?;
    let mut executed: BTreeMap<String, u32> = BTreeMap::new();
    let mut at_the_bank = 0_i64;
    for movement in movements
        .iter()
        .filter(|movement| movement["state"] == "executed")
    {
        let reference = movement["reference"].as_str().context("no reference")?;
        *executed.entry(reference.to_owned()).or_default() += 1;
        let amount = movement["amount"].as_i64().context("no amount")?;
        at_the_bank += if movement["kind"] == "debit" {
            amount
        } else {
            -amount
        };
    }
    ensure!(
        executed.values().all(|times| *times == 1),
        "executed twice: {executed:?}"
    );

    let dir = remit.stop()?;
    let url = match setup
        .flags
        .iter()
        .skip_while(|flag| *flag != "--database-url")
        .nth(1)
    {
        Some(url) => url.parse()?,
        None => db::DatabaseUrl::Sqlite(dir.path().join("data").join("remit.db")),
    };
    let db = Db::open(&url, Options::new(ambient::SystemClock::shared())).await?;
    let report = ledger::check::books(&db).await?;
    ensure!(report.is_true(), "{report:?}");

    let rows = db
        .fetch_all(
            "SELECT a.rail, CAST(COALESCE(SUM(p.amount), 0) AS TEXT) AS total FROM postings p \
             JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode \
              AND a.id = p.account_id \
             JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode \
              AND e.id = p.entry_id \
             WHERE a.purpose = 'nostro' AND e.transfer_id IS NOT NULL GROUP BY a.rail",
            vec![],
        )
        .await?;
    let mut nostro: BTreeMap<String, i64> = BTreeMap::new();
    for row in &rows {
        // What we hold at a bank is an asset: negative in books that count what we owe.
        let total: i64 = row.text("total")?.parse()?;
        nostro.insert(row.text("rail")?, -total);
    }
    let by_cards = ends::taken_by_cards(&dir.path().join("data").join("cards.db")).await?;
    for (rail, there) in [("sandbox_bank", at_the_bank), ("sandbox_cards", by_cards)] {
        let ours = nostro.remove(rail).unwrap_or_default();
        ensure!(
            ours == there,
            "our nostro at {rail} says {ours}, {rail} {there}"
        );
    }
    ensure!(
        nostro.is_empty(),
        "nostros that nobody else keeps: {nostro:?}"
    );
    db.close().await;
    Ok(())
}
