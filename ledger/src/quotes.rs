//! Quotes in the database, so that an order can rely on one: made, taken by one transfer while they
//! are good, and honoured from then on.

use std::time::Duration;

use ambient::Timestamp;
use db::{Db, DbError, Row, Tx, params};
use domain::{Currency, Money, QuoteId, Tenant, TransferId};

use crate::{Quote, Rate, stored};

/// What became of a quote that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is this transfer's, now or from before, and stays good for it.
    Yours(Quote),
    Expired {
        at: Timestamp,
    },
    AnotherHasIt,
    Unknown,
}

/// Why a quote was not kept.
#[derive(Debug, thiserror::Error)]
pub enum OpenQuoteError {
    #[error("the quote {0} was made before, with another content; nothing was changed")]
    AnotherBefore(QuoteId),
    #[error("the quote could not be kept")]
    Db(#[from] DbError),
}

/// Keeps a quote that was made. Once more is no change.
pub async fn open_quote(tx: &mut Tx, tenant: Tenant, quote: &Quote) -> Result<(), OpenQuoteError> {
    let rate = quote.rate();
    let opened = tx
        .execute(
            "INSERT INTO quotes (partner_id, livemode, id, sold, sold_currency, bought, bought_currency,
                 spread, rate, rate_spread, made_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (partner_id, livemode, id) DO NOTHING",
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                quote.id().to_string(),
                quote.sold().minor(),
                quote.sold().currency().code(),
                quote.bought().minor(),
                quote.bought().currency().code(),
                quote.spread().minor(),
                rate.mid().to_string(),
                rate.spread().to_string(),
                quote.made_at(),
                quote.expires_at()
            ],
        )
        .await?;
    if opened > 0 {
        return Ok(());
    }
    match in_tx(tx, tenant, quote.id()).await? {
        Some(before) if before.says_the_same(quote) => Ok(()),
        _ => Err(OpenQuoteError::AnotherBefore(quote.id())),
    }
}

/// Takes a quote for a transfer, in the transaction that accepts the transfer: whoever is first has
/// it. Asked again for the same transfer it is still there, also when its time is over.
pub async fn take_quote(
    tx: &mut Tx,
    tenant: Tenant,
    id: QuoteId,
    transfer: TransferId,
) -> Result<Taken, DbError> {
    let now = tx.now();
    tx.execute(
        "UPDATE quotes SET taken_by = $4, taken_at = $5
         WHERE partner_id = $1 AND livemode = $2 AND id = $3 AND taken_by IS NULL AND expires_at > $5",
        params![
            tenant.partner.to_string(),
            tenant.mode.is_live(),
            id.to_string(),
            transfer.to_string(),
            now
        ],
    )
    .await?;
    Ok(match in_tx(tx, tenant, id).await? {
        None => Taken::Unknown,
        Some(quote) => match quote.taken_by() {
            Some(by) if by == transfer => Taken::Yours(quote),
            Some(_) => Taken::AnotherHasIt,
            None => Taken::Expired {
                at: quote.expires_at(),
            },
        },
    })
}

/// Whoever asks for a quote within this time after its end hears that it has expired.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Deletes quotes of all tenants that nobody took and that expired a day ago, at most so many; says
/// how many. To be called again until it says none.
pub async fn drop_untaken(tx: &mut Tx, most: u32) -> Result<u64, DbError> {
    let until = tx.now().before(KEPT);
    tx.execute(
        "DELETE FROM quotes WHERE taken_by IS NULL AND expires_at <= $1
             AND (partner_id, livemode, id) IN (
                 SELECT partner_id, livemode, id FROM quotes
                 WHERE taken_by IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        params![until, most],
    )
    .await
}

/// Whether there is a quote that [`drop_untaken`] would delete at that instant.
pub(crate) async fn is_one_untaken(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT 1 AS one FROM quotes WHERE taken_by IS NULL AND expires_at <= $1 LIMIT 1";
    let found = db.fetch_optional(sql, params![now.before(KEPT)]).await?;
    Ok(found.is_some())
}

pub async fn quote(db: &Db, tenant: Tenant, id: QuoteId) -> Result<Option<Quote>, DbError> {
    let row = db.fetch_optional(SELECT, named(tenant, id)).await?;
    row.as_ref().map(read).transpose()
}

async fn in_tx(tx: &mut Tx, tenant: Tenant, id: QuoteId) -> Result<Option<Quote>, DbError> {
    let row = tx.fetch_optional(SELECT, named(tenant, id)).await?;
    row.as_ref().map(read).transpose()
}

fn named(tenant: Tenant, id: QuoteId) -> Vec<db::Value> {
    params![
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        id.to_string()
    ]
}

const SELECT: &str =
    "SELECT id, sold, sold_currency, bought, bought_currency, spread, rate, rate_spread,
        made_at, expires_at, taken_by
    FROM quotes WHERE partner_id = $1 AND livemode = $2 AND id = $3";

fn read(row: &Row) -> Result<Quote, DbError> {
    let amount = |column: &str, currency: &str| {
        let currency: Currency = row.parse(currency)?;
        Money::from_minor(row.int(column)?, currency)
            .map_err(|_| DbError::column(column, "an amount in range", "a larger one"))
    };
    let rate = Rate::try_new(row.parse("rate")?, row.parse("rate_spread")?)
        .map_err(|_| DbError::column("rate", "a rate", "another number"))?;
    Ok(Quote::kept(
        row.parse("id")?,
        [
            amount("sold", "sold_currency")?,
            amount("bought", "bought_currency")?,
        ],
        amount("spread", "bought_currency")?,
        rate,
        [row.timestamp("made_at")?, row.timestamp("expires_at")?],
        stored::maybe(row, "taken_by")?,
    ))
}
