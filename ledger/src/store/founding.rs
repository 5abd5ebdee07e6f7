//! Entries that are older than the chain are linked into a lane of their own before anything else
//! is written: in the order of their ids, some at a time, going on where it was left.

use std::collections::BTreeMap;

use db::{Db, DbError, Row, Tx, WriteError, params};
use domain::Tenant;

use crate::chain::{Content, ContentLeg, FOUNDING, Hash, link};
use crate::stored;

/// Entries in one commit.
const AT_A_TIME: i64 = 1_000;
/// Links in one statement.
const TOGETHER: usize = 100;

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
    let entries = tx.fetch_all(ENTRIES, params![AT_A_TIME]).await?;
    let ends = [entries.first(), entries.last()].map(|end| end.map(|row| row.text("id")));
    let [Some(first), Some(last)] = ends else {
        return Ok(0);
    };
    let rows = tx.fetch_all(POSTINGS, params![first?, last?]).await?;
    let mut postings: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        postings.entry(named(row)?).or_default().push(row);
    }
    let mut links = Vec::with_capacity(entries.len());
    for entry in &entries {
        position += 1;
        let named = named(entry)?;
        let its = postings.remove(&named).unwrap_or_default();
        hash = next(entry, &its, position, &hash)?;
        let (id, partner, live) = named;
        links.push(params![partner, live, id, position, &hash.bytes()[..]]);
    }
    let whole = links.len() - links.len() % TOGETHER;
    for some in links[..whole]
        .chunks(TOGETHER)
        .chain(links[whole..].chunks(1))
    {
        let changed = tx.execute(&update(some.len()), some.concat()).await?;
        if changed != some.len() as u64 {
            return Err(DbError::Conflict(None));
        }
    }
    tx.execute(
        "UPDATE lanes SET position = $2, hash = $3 WHERE lane = $1",
        params![FOUNDING, position, &hash.bytes()[..]],
    )
    .await?;
    Ok(links.len() as u64)
}

const ENTRIES: &str = "SELECT partner_id, livemode, id, key, template, transfer_id, corrects, linked_to, hold_id, posted_at
     FROM entries WHERE lane IS NULL ORDER BY id, partner_id, livemode LIMIT $1";

/// Of these entries, and of any that an older program has put between them meanwhile.
const POSTINGS: &str = "SELECT e.partner_id, e.livemode, e.id, p.account_id, p.currency, p.amount, p.account_version, p.balance_after
     FROM entries e
     JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
     WHERE e.lane IS NULL AND e.id >= $1 AND e.id <= $2 ORDER BY e.id, p.leg";

fn named(row: &Row) -> Result<(String, String, i64), DbError> {
    Ok((
        row.text("id")?,
        row.text("partner_id")?,
        row.int("livemode")?,
    ))
}

fn update(rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<_> = (row * 5 + 1..=row * 5 + 5)
            .map(|n| format!("${n}"))
            .collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        "UPDATE entries SET lane = '{FOUNDING}', position = v.column4, hash = v.column5
         FROM (VALUES {}) AS v
         WHERE entries.partner_id = v.column1 AND entries.livemode = v.column2 AND entries.id = v.column3",
        rows.join(", ")
    )
}

fn next(entry: &Row, postings: &[&Row], position: i64, before: &Hash) -> Result<Hash, DbError> {
    let (partner, id) = (entry.text("partner_id")?, entry.text("id")?);
    let tenant: Tenant = stored::tenant(entry)?;
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
