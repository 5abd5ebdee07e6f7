//! O2 and O5: what clients were told.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use domain::TransferId;
use domain::transfer::Endpoint;

use super::{Evidence, Oracle, Seen, none};

/// What a client was told: this transfer is accepted, under this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How whoever made it calls it: the report of a failure names it.
    pub name: String,
    pub transfer: TransferId,
    pub minor: i64,
    pub source: Endpoint,
    pub destination: Endpoint,
}

pub(super) async fn check(evidence: &Evidence<'_>, seen: &mut Seen) -> Result<()> {
    let sql = "SELECT transfer_id, amount, source_account, destination_account FROM transfers";
    let rows = evidence.db.fetch_all(sql, none()).await?;
    seen.transfers = rows.len();
    let mut stored = BTreeMap::new();
    for row in rows {
        let what = (
            row.int("amount")?,
            row.text("source_account")?,
            row.text("destination_account")?,
        );
        stored.insert(row.text("transfer_id")?, what);
    }
    let mut told = BTreeSet::new();
    for accepted in evidence.accepted {
        let id = accepted.transfer.to_string();
        let what = (
            accepted.minor,
            account(accepted.source),
            account(accepted.destination),
        );
        let named = format!("{id} ({})", accepted.name);
        match stored.get(&id) {
            None => seen.say(Oracle::O2, &named, "was accepted and is not there"),
            Some(found) if *found != what => {
                let says = format!("was accepted as {what:?} and is {found:?}");
                seen.say(Oracle::O2, &named, says);
            }
            Some(_) if !told.insert(id) => {
                seen.say(
                    Oracle::O5,
                    &named,
                    "is the answer to two different requests",
                );
            }
            Some(_) => {}
        }
    }
    if told.len() < stored.len() {
        let says = format!(
            "{} are there and {} were told to be accepted",
            stored.len(),
            told.len()
        );
        seen.say(Oracle::O5, "transfers", says);
    }
    seen.none(
        evidence.db,
        Oracle::O5,
        "has not exactly one idempotency key",
        "SELECT t.transfer_id AS subject FROM transfers t
         LEFT JOIN idempotency_keys k ON k.partner_id = t.partner_id AND k.livemode = t.livemode
           AND k.transfer_id = t.transfer_id
         GROUP BY t.transfer_id HAVING COUNT(k.idempotency_key) <> 1",
    )
    .await
}

fn account(end: Endpoint) -> String {
    match end {
        Endpoint::Wallet { account } => account.to_string(),
        Endpoint::BankAccount { account, .. } => account.to_string(),
        Endpoint::Card { card, .. } => card.to_string(),
        Endpoint::Checkout { .. } => "checkout".to_owned(),
        Endpoint::Merchant { merchant, .. } => merchant.to_string(),
    }
}
