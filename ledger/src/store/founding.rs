//! Entries that are older than the chain are linked into a lane of their own before anything else
//! is written: in the order of their ids, some at a time, going on where it was left.

use db::{Db, DbError, Row, Tx, WriteError, params};
use domain::Tenant;

use crate::chain::{Content, ContentLeg, FOUNDING, Hash, link};
use crate::stored;

/// Entries in one commit.
const AT_A_TIME: i64 = 200;

/// Links all of them; says how many there were. Costs one query where there is none.
pub async fn link_older(db: &Db) -> Result<u64, WriteError<DbError>> {
    let mut linked = 0;
    loop {
        let some = db.write(|tx| Box::pin(link_some(tx))).await?;
        linked += some;
        if some == 0 {
            return Ok(linked);
        }
    }
}

async fn link_some(tx: &mut Tx) -> Result<u64, DbError> {
    let lock = tx.dialect().for_update();
    let left = "SELECT id FROM entries WHERE lane IS NULL LIMIT 1";
    if tx.fetch_optional(left, params![]).await?.is_none() {
        return Ok(0);
    }
    // Another process may be at the same: one after the other.
    tx.execute(
        "INSERT INTO lanes (lane, position, hash) VALUES ($1, 0, $2) ON CONFLICT (lane) DO NOTHING",
        params![FOUNDING, &Hash::NONE.bytes()[..]],
    )
    .await?;
    let lane = format!("SELECT position, hash FROM lanes WHERE lane = $1{lock}");
    let lane = tx.fetch_optional(&lane, params![FOUNDING]).await?;
    let lane = lane.ok_or_else(|| DbError::column("lane", "the founding lane", "none"))?;
    let mut position = lane.int("position")?;
    let mut hash = Hash::try_from(&lane.bytes("hash")?[..])
        .map_err(|_| DbError::column("hash", "32 bytes", "others"))?;
    let entries = tx
        .fetch_all(
            "SELECT partner_id, livemode, id, key, template, transfer_id, corrects, linked_to, hold_id, posted_at
             FROM entries WHERE lane IS NULL ORDER BY id LIMIT $1",
            params![AT_A_TIME],
        )
        .await?;
    let mut linked = 0;
    for entry in &entries {
        position += 1;
        hash = next(tx, entry, position, &hash).await?;
        tx.execute(
            "UPDATE entries SET lane = $4, position = $5, hash = $6
             WHERE partner_id = $1 AND livemode = $2 AND id = $3",
            params![
                entry.text("partner_id")?,
                entry.int("livemode")?,
                entry.text("id")?,
                FOUNDING,
                position,
                &hash.bytes()[..]
            ],
        )
        .await?;
        linked += 1;
    }
    tx.execute(
        "UPDATE lanes SET position = $2, hash = $3 WHERE lane = $1",
        params![FOUNDING, position, &hash.bytes()[..]],
    )
    .await?;
    Ok(linked)
}

async fn next(tx: &mut Tx, entry: &Row, position: i64, before: &Hash) -> Result<Hash, DbError> {
    let (partner, id) = (entry.text("partner_id")?, entry.text("id")?);
    let tenant: Tenant = stored::tenant(entry)?;
    let postings = tx
        .fetch_all(
            "SELECT account_id, currency, amount, account_version, balance_after FROM postings
             WHERE partner_id = $1 AND livemode = $2 AND entry_id = $3 ORDER BY leg",
            params![&partner, tenant.mode.is_live(), &id],
        )
        .await?;
    let texts = postings
        .iter()
        .map(|row| Ok((row.text("account_id")?, row.text("currency")?)))
        .collect::<Result<Vec<_>, DbError>>()?;
    let legs = postings
        .iter()
        .zip(&texts)
        .map(|(row, (account, currency))| {
            Ok(ContentLeg {
                account,
                currency,
                amount: row.int("amount")?,
                version: row.int("account_version")?,
                balance_after: row.int("balance_after")?,
            })
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    let (key, template) = (entry.text("key")?, entry.text("template")?);
    let maybe = |column| entry.opt_text(column);
    let (transfer, corrects) = (maybe("transfer_id")?, maybe("corrects")?);
    let (linked_to, hold) = (maybe("linked_to")?, maybe("hold_id")?);
    let content = Content {
        partner: &partner,
        live: tenant.mode.is_live(),
        id: &id,
        key: &key,
        template: &template,
        transfer: transfer.as_deref(),
        corrects: corrects.as_deref(),
        linked_to: linked_to.as_deref(),
        hold: hold.as_deref(),
        posted_at: entry.timestamp("posted_at")?,
        lane: FOUNDING,
        position,
        legs: &legs,
    };
    Ok(link(before, &content))
}
