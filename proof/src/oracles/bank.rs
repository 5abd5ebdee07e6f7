//! O3: the banks' books are the oracle for "exactly once".
//!
//! What a step moved at the bank, under the one reference that it may have there, is what our
//! books say it moved. Of a transfer that still waits only this much is asked: nothing is booked
//! that the bank did not do.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use db::Row;
use domain::rail::RailId;
use domain::{Step, StepKey, Timestamp, TransferId};
use sandbox::{Bank, Kind, Movement, State};

use super::{Evidence, Oracle, Seen, none};
use crate::world::reference_at;

/// One movement that may stand at a bank for a transfer.
struct Claim {
    key: StepKey,
    rail: RailId,
    kind: Kind,
    /// Whether our books say that it happened; none while nobody can say.
    happened: Option<bool>,
    /// The bank's own reference, as we noted it.
    noted: Option<String>,
    /// When the last attempt began that is not known never to have left.
    last_sent: Option<Timestamp>,
}

struct Stored {
    amount: i64,
    currency: String,
    claims: Vec<Claim>,
}

pub(super) async fn check(evidence: &Evidence<'_>, seen: &mut Seen) -> Result<()> {
    let mut movements = BTreeMap::new();
    for (rail, bank) in evidence.banks {
        let all = bank.movements().await?;
        own_arithmetic(*rail, bank, &all, seen).await?;
        seen.movements += all.len();
        movements.extend(all.into_iter().map(|m| ((*rail, m.reference.clone()), m)));
    }
    let sql =
        "SELECT transfer_id, amount, currency, source_rail, destination_rail, status, debited,
               credited, refunded, collect_reference, payout_reference, refund_reference
               FROM transfers";
    let sent = last_sent(evidence).await?;
    let mut known = BTreeSet::new();
    let mut net = BTreeMap::new();
    for row in evidence.db.fetch_all(sql, none()).await? {
        let stored = stored(&row, &sent)?;
        for claim in &stored.claims {
            let at = (claim.rail, reference_at(claim.rail, claim.key));
            let movement = movements.get(&at);
            compare(&stored, claim, movement, seen);
            if claim.happened == Some(true) {
                let sign = if claim.kind == Kind::Debit { 1 } else { -1 };
                *net.entry(claim.rail).or_insert(0_i64) += sign * stored.amount;
            }
            known.insert(at);
        }
    }
    for ((rail, reference), movement) in &movements {
        if !known.contains(&(*rail, reference.clone())) {
            let says = format!("stands at {rail} and belongs to no step: {movement:?}");
            seen.say(Oracle::O3, reference, says);
        }
    }
    nostro(evidence, &net, seen).await
}

async fn last_sent(evidence: &Evidence<'_>) -> Result<BTreeMap<String, Timestamp>> {
    let sql = "SELECT step_key, MAX(opened_at) AS at FROM rail_attempts
               WHERE state <> 'not_sent' GROUP BY step_key";
    let rows = evidence.db.fetch_all(sql, none()).await?;
    let read = rows
        .iter()
        .map(|row| Ok((row.text("step_key")?, row.timestamp("at")?)));
    read.collect()
}

fn stored(row: &Row, sent: &BTreeMap<String, Timestamp>) -> Result<Stored> {
    let id: TransferId = row.parse("transfer_id")?;
    let status = row.text("status")?;
    let is_final = ["completed", "refunded", "failed", "canceled"].contains(&status.as_str());
    let rail = |column: &str| -> Result<Option<RailId>> {
        let name = row.opt_text(column)?;
        name.map(|name| name.parse().context("a rail")).transpose()
    };
    let claim = |key: StepKey, rail, kind, facts: &str, reference: &str| -> Result<Claim> {
        let booked = row.int(facts)? > 0;
        Ok(Claim {
            key,
            rail,
            kind,
            happened: (booked || is_final).then_some(booked),
            noted: row.opt_text(reference)?,
            last_sent: sent.get(&key.to_string()).copied(),
        })
    };
    let mut claims = Vec::new();
    if let Some(rail) = rail("source_rail")? {
        let (collect, back) = (
            StepKey::of(id, Step::Collect),
            StepKey::undo(id, Step::Collect),
        );
        claims.push(claim(
            collect,
            rail,
            Kind::Debit,
            "debited",
            "collect_reference",
        )?);
        claims.push(claim(
            back,
            rail,
            Kind::Payout,
            "refunded",
            "refund_reference",
        )?);
    }
    if let Some(rail) = rail("destination_rail")? {
        let pay_out = StepKey::of(id, Step::PayOut);
        claims.push(claim(
            pay_out,
            rail,
            Kind::Payout,
            "credited",
            "payout_reference",
        )?);
    }
    Ok(Stored {
        amount: row.int("amount")?,
        currency: row.text("currency")?,
        claims,
    })
}

fn compare(stored: &Stored, claim: &Claim, movement: Option<&Movement>, seen: &mut Seen) {
    let key = claim.key;
    let mut wrong = |says: String| seen.say(Oracle::O3, key, says);
    let executed = movement.filter(|movement| movement.state == State::Executed);
    match (claim.happened, executed) {
        (Some(true), None) => wrong("our books say it happened, the bank's do not".to_owned()),
        (Some(false), Some(movement)) => wrong(format!(
            "our books say it did not happen, the bank executed it: {movement:?}"
        )),
        _ => {}
    }
    let Some(movement) = movement else { return };
    let as_ordered = (movement.kind, movement.amount, &movement.currency)
        == (claim.kind, stored.amount, &stored.currency);
    if !as_ordered {
        wrong(format!("the bank has another movement: {movement:?}"));
    }
    if executed.is_some()
        && let Some(noted) = &claim.noted
        && *noted != movement.bank_reference
    {
        wrong(format!(
            "we noted the bank's reference {noted}, it is {}",
            movement.bank_reference
        ));
    }
    let never_twice = claim.rail.promises().deduplicates_for.is_none();
    if never_twice && claim.last_sent.is_some_and(|at| at > movement.received_at) {
        wrong("sent again to a bank that had it already and would have executed both".to_owned());
    }
}

/// What the bank says it holds for us is what its movements add up to.
async fn own_arithmetic(
    rail: RailId,
    bank: &Bank,
    all: &[Movement],
    seen: &mut Seen,
) -> Result<()> {
    let mut net: BTreeMap<&str, i64> = BTreeMap::new();
    let mut add = |movement: &'_ Movement, sign: i64| {
        let currency = if movement.currency == "EUR" {
            "EUR"
        } else {
            "other"
        };
        *net.entry(currency).or_default() += sign * movement.amount;
    };
    for movement in all.iter().filter(|it| it.state == State::Executed) {
        add(movement, if movement.kind == Kind::Debit { 1 } else { -1 });
    }
    let mut after = 0;
    loop {
        let page = bank.statement(after, 1_000).await?;
        for line in page.iter().filter(|line| line.state == State::Returned) {
            add(line, if line.kind == Kind::Debit { -1 } else { 1 });
        }
        match page.last().and_then(|line| line.position) {
            Some(position) => after = position,
            None => break,
        }
    }
    let account = bank
        .account("REMIT-EUR")
        .await?
        .context("no account of ours")?;
    let (says, adds_up) = (account.balance - account.opening, net.get("EUR").copied());
    if says != adds_up.unwrap_or(0) {
        let wrong = format!("the bank's own books say {says} and add up to {adds_up:?}");
        seen.say(Oracle::O3, rail, wrong);
    }
    Ok(())
}

/// Our money at each bank is what its movements made it. What came back later by itself is not in
/// our books yet, and not in this sum.
async fn nostro(
    evidence: &Evidence<'_>,
    net: &BTreeMap<RailId, i64>,
    seen: &mut Seen,
) -> Result<()> {
    let sql = "SELECT a.rail AS place, CAST(COALESCE(SUM(p.amount), 0) AS TEXT) AS total
         FROM postings p
         JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode
           AND a.id = p.account_id AND a.purpose = 'nostro'
         JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode
           AND e.id = p.entry_id AND e.transfer_id IS NOT NULL
         GROUP BY a.rail";
    let mut ours = BTreeMap::new();
    for row in evidence.db.fetch_all(sql, none()).await? {
        let total: i64 = row.text("total")?.parse()?;
        ours.insert(row.text("place")?, -total);
    }
    for rail in evidence.banks.keys() {
        let (booked, at_the_bank) = (
            ours.get(rail.name()).copied().unwrap_or(0),
            net.get(rail).copied().unwrap_or(0),
        );
        if booked != at_the_bank {
            let says = format!("our nostro says {booked}, the steps we booked {at_the_bank}");
            seen.say(Oracle::O3, rail, says);
        }
    }
    Ok(())
}
