//! Writing the book: alone through [`Book`], or inside a transaction that does more.
//!
//! Inside a transaction that the caller owns, an entry commits together with the row it justifies.
//! Same key and content: the same entry, and nothing changes. Same key and other content: refused
//! with the field that differs. What a customer was refused stays refused under its key.

use std::sync::Arc;

use ambient::{Mint, Timestamp};
use db::{Db, DbError, Declared, Direct, Tx, WriteError, params};
use domain::{EntryId, HoldId, Tenant, TransferId};

use crate::store::Desk;
use crate::{Entry, PostError, Reserve, Reserved, quotes, stored};

/// The entry in the book: posted now, or long ago under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    pub entry: EntryId,
    pub replayed: bool,
}

/// A hold that is taken back: now, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voided {
    pub replayed: bool,
}

/// Posts an entry inside the caller's transaction. A refusal leaves no trace but itself, so the
/// caller may go on and record it in the same transaction.
pub async fn post(tx: &mut Tx, mint: &Mint, entry: &Entry) -> Result<Posted, PostError> {
    if let Some(linked_to) = entry.linked_to {
        learn_link(tx, entry.tenant, linked_to).await?;
    }
    tx.area::<Desk>().need_entry(entry);
    tx.settle().await?;
    tx.area::<Desk>().book.post(mint, &Arc::new(entry.clone()))
}

/// What an entry follows is asked by itself: few entries follow another.
async fn learn_link(tx: &mut Tx, tenant: Tenant, entry: EntryId) -> Result<(), DbError> {
    let found = tx
        .fetch_optional(
            "SELECT e.id, c.id AS correction FROM entries e
             LEFT JOIN entries c ON c.partner_id = e.partner_id AND c.livemode = e.livemode AND c.corrects = e.id
             WHERE e.partner_id = $1 AND e.livemode = $2 AND e.id = $3",
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                entry.to_string()
            ],
        )
        .await?;
    if let Some(row) = found {
        let corrected = row.str("correction")?.is_some();
        tx.area::<Desk>().book.learn_link(tenant, entry, corrected);
    }
    Ok(())
}

/// Says which entries a job is going to post, so that their accounts are locked together and in
/// order. What is not declared is locked when it is posted.
pub async fn declare(tx: &mut Tx, entries: &[Entry]) -> Result<(), PostError> {
    let desk = tx.area::<Desk>();
    entries.iter().for_each(|entry| desk.need_entry(entry));
    Ok(tx.settle().await?)
}

/// Says, before a job runs, that it is going to post this entry.
pub fn need(tx: &mut Tx, entry: &Entry) {
    tx.area::<Desk>().need_entry(entry);
}

/// Says, before a job runs, that it is going to post or void this hold.
pub fn need_hold(tx: &mut Tx, tenant: Tenant, hold: HoldId) -> Declared {
    tx.area::<Desk>().need_hold(tenant, hold);
    Declared::All
}

/// Open limit holds of a transfer that were reserved in this transaction.
pub fn held_here(tx: &mut Tx, tenant: Tenant, transfer: TransferId) -> Vec<HoldId> {
    tx.area::<Desk>().book.new_limit_holds(tenant, transfer)
}

/// Holds money. It stays where it is, and is not available.
pub async fn reserve(tx: &mut Tx, mint: &Mint, reserve: &Reserve) -> Result<Reserved, PostError> {
    tx.area::<Desk>().need_reserve(reserve);
    tx.settle().await?;
    tx.area::<Desk>().book.reserve(mint, reserve)
}

/// Takes a hold back: all of it is available again.
pub async fn void(tx: &mut Tx, tenant: Tenant, hold: HoldId) -> Result<Voided, PostError> {
    tx.area::<Desk>().need_hold(tenant, hold);
    tx.settle().await?;
    let replayed = tx.area::<Desk>().book.void(tenant, hold)?;
    Ok(Voided { replayed })
}

/// Resolves holds of all tenants whose time is over, at most so many; says how many. To be called
/// again until it says none.
pub async fn expire_due(tx: &mut Tx, most: u32) -> Result<u64, PostError> {
    let due = tx
        .fetch_all(
            "SELECT partner_id, livemode, id FROM holds
             WHERE state = 'open' AND expires_at IS NOT NULL AND expires_at <= $1
             ORDER BY expires_at LIMIT $2",
            params![tx.now(), most],
        )
        .await?;
    let due = due
        .iter()
        .map(|row| Ok((stored::tenant(row)?, row.parse("id")?)))
        .collect::<Result<Vec<(Tenant, HoldId)>, DbError>>()?;
    let desk = tx.area::<Desk>();
    due.iter()
        .for_each(|(tenant, id)| desk.need_hold(*tenant, *id));
    tx.settle().await?;
    let mut expired = 0;
    for (tenant, id) in due {
        expired += u64::from(tx.area::<Desk>().book.expire(tenant, id)?);
    }
    Ok(expired)
}

/// The book for callers that do nothing else in the same commit: many of them share one.
#[derive(Clone, Debug)]
pub struct Book {
    db: Db,
    mint: Mint,
}

impl Book {
    pub const fn new(db: Db, mint: Mint) -> Self {
        Self { db, mint }
    }

    pub async fn post(&self, entry: Entry) -> Result<Posted, WriteError<PostError>> {
        let mint = self.mint.clone();
        if entry.linked_to.is_some() {
            return self
                .db
                .write(move |tx| Box::pin(async move { post(tx, &mint, &entry).await }))
                .await;
        }
        let entry = Arc::new(entry);
        self.db.direct(Posting { entry, mint }).await
    }

    pub async fn reserve(&self, reserve: Reserve) -> Result<Reserved, WriteError<PostError>> {
        let mint = self.mint.clone();
        self.db.direct(Reserving { reserve, mint }).await
    }

    pub async fn void(
        &self,
        tenant: Tenant,
        hold: HoldId,
    ) -> Result<Voided, WriteError<PostError>> {
        self.db.direct(Voiding { tenant, hold }).await
    }

    /// Resolves every hold whose time is over; says how many.
    pub async fn expire_due(&self) -> Result<u64, WriteError<PostError>> {
        let mut expired = 0;
        loop {
            let some = self
                .db
                .write(|tx| Box::pin(expire_due(tx, EXPIRED_AT_A_TIME)))
                .await?;
            expired += some;
            if some == 0 {
                return Ok(expired);
            }
        }
    }

    /// Ends what is over by the clock alone: holds past their time, and quotes that nobody took.
    /// Looks before it writes, so that nobody waits where there is nothing to do.
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, WriteError<PostError>> {
        let mut swept = Swept::default();
        let refused = |error: DbError| WriteError::Refused(error.into());
        if is_one_due(&self.db, now).await.map_err(refused)? {
            swept.holds = self.expire_due().await?;
        }
        while quotes::is_one_untaken(&self.db, now)
            .await
            .map_err(refused)?
        {
            let some = self.db.write(|tx| {
                Box::pin(async move { Ok(quotes::drop_untaken(tx, EXPIRED_AT_A_TIME).await?) })
            });
            let some: u64 = some.await?;
            swept.quotes += some;
            // The writer's instant is not ours: in the next round then.
            if some == 0 {
                break;
            }
        }
        Ok(swept)
    }
}

/// How much was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub holds: u64,
    pub quotes: u64,
}

async fn is_one_due(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT 1 AS one FROM holds
         WHERE state = 'open' AND expires_at IS NOT NULL AND expires_at <= $1 LIMIT 1";
    Ok(db.fetch_optional(sql, params![now]).await?.is_some())
}

const EXPIRED_AT_A_TIME: u32 = 200;

struct Posting {
    entry: Arc<Entry>,
    mint: Mint,
}

impl Direct for Posting {
    type Area = Desk;
    type Done = Posted;
    type Refused = PostError;

    fn declare(&self, desk: &mut Desk) {
        desk.need_entry(&self.entry);
    }

    fn run(&self, desk: &mut Desk) -> Result<Posted, PostError> {
        desk.book.post(&self.mint, &self.entry)
    }
}

struct Reserving {
    reserve: Reserve,
    mint: Mint,
}

impl Direct for Reserving {
    type Area = Desk;
    type Done = Reserved;
    type Refused = PostError;

    fn declare(&self, desk: &mut Desk) {
        desk.need_reserve(&self.reserve);
    }

    fn run(&self, desk: &mut Desk) -> Result<Reserved, PostError> {
        desk.book.reserve(&self.mint, &self.reserve)
    }
}

struct Voiding {
    tenant: Tenant,
    hold: HoldId,
}

impl Direct for Voiding {
    type Area = Desk;
    type Done = Voided;
    type Refused = PostError;

    fn declare(&self, desk: &mut Desk) {
        desk.need_hold(self.tenant, self.hold);
    }

    fn run(&self, desk: &mut Desk) -> Result<Voided, PostError> {
        let replayed = desk.book.void(self.tenant, self.hold)?;
        Ok(Voided { replayed })
    }
}
