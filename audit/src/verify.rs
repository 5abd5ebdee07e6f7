//! The verifier: walks every tenant's chain from its first row, in bounded memory.

use db::{Db, DbError, Tx, params};
use ledger::chain::{Hash, link_bytes};

use crate::{canonical, log};

/// The first place of a tenant's chain that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub partner: String,
    pub live: bool,
    pub position: i64,
    pub why: &'static str,
}

const PAGE: i64 = 512;
/// More would only say the same.
const MOST: usize = 100;

/// On one unchanging state of the log. Empty where every row is what was written.
pub async fn verify(db: &Db) -> Result<Vec<Broken>, DbError> {
    db.snapshot(|tx| {
        Box::pin(async move {
            let sql = "SELECT partner_id, livemode, position, hash FROM audit_heads
                ORDER BY partner_id, livemode";
            let mut broken = Vec::new();
            for head in tx.fetch_all(sql, params![]).await? {
                let (partner, live) = (head.text("partner_id")?, head.bool("livemode")?);
                let (last, hash) = (head.int("position")?, log::hash_of(&head)?);
                let found = walk(tx, &partner, live, last, hash).await?;
                broken.extend(found);
                if broken.len() >= MOST {
                    break;
                }
            }
            let sql = "SELECT l.partner_id, l.livemode, l.position FROM audit_log l
                WHERE NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.partner_id = l.partner_id
                    AND h.livemode = l.livemode AND h.position >= l.position) LIMIT 1";
            if let Some(row) = tx.fetch_optional(sql, params![]).await? {
                broken.push(Broken {
                    partner: row.text("partner_id")?,
                    live: row.bool("livemode")?,
                    position: row.int("position")?,
                    why: "it is behind the chain's recorded end",
                });
            }
            Ok(broken)
        })
    })
    .await
}

async fn walk(
    tx: &mut Tx,
    partner: &str,
    live: bool,
    last: i64,
    end: Hash,
) -> Result<Option<Broken>, DbError> {
    let sql = format!(
        "SELECT {} FROM audit_log WHERE partner_id = $1 AND livemode = $2 AND position > $3
         ORDER BY position LIMIT $4",
        log::COLUMNS
    );
    let broken = |position, why| {
        Ok(Some(Broken {
            partner: partner.to_owned(),
            live,
            position,
            why,
        }))
    };
    let (mut position, mut hash) = (0, Hash::NONE);
    while position < last {
        let rows = tx
            .fetch_all(&sql, params![partner, live, position, PAGE])
            .await?;
        if rows.is_empty() {
            return broken(position + 1, "the newest rows are missing");
        }
        for row in rows {
            let line = log::read(&row)?;
            if line.position != position + 1 {
                return broken(position + 1, "a row is missing");
            }
            hash = link_bytes(&hash, &canonical::bytes(partner, live, &line));
            if hash != log::hash_of(&row)? {
                return broken(line.position, "it is not what was written");
            }
            position = line.position;
        }
    }
    if hash == end {
        return Ok(None);
    }
    broken(last, "the chain's recorded end is another")
}
