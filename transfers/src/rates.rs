//! The rates at which quotes are made, as operators set them: each for a pair and for a while, with
//! its name and reason. A rate that is too old makes no quote.

use std::time::Duration;

use ambient::Timestamp;
use db::{Db, DbError, Row, Tx, WriteError, params};
use domain::{Currency, Tenant};
use ledger::Rate;

use crate::{RuleError, plain, scope};

/// Rows of a list for people.
const LONGEST_LIST: u32 = 100;

/// A rate that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRate {
    pub sold: Currency,
    pub bought: Currency,
    pub rate: Rate,
    pub set_at: Timestamp,
    pub good_until: Timestamp,
    pub by: String,
    pub reason: String,
}

/// What is to hold, and who says so.
#[derive(Clone, Debug)]
pub struct RateOrder {
    pub sold: Currency,
    pub bought: Currency,
    pub rate: Rate,
    pub good_for: Duration,
    pub by: String,
    pub reason: String,
}

/// Clones share the database.
#[derive(Clone, Debug)]
pub struct Rates {
    db: Db,
}

impl Rates {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// For quotes that are made from now on; those that were made stand.
    pub async fn set(&self, tenant: &Tenant, order: RateOrder) -> Result<(), RuleError> {
        let tenant = *tenant;
        if order.sold == order.bought {
            return Err(RuleError::OutOfRange);
        }
        let set = self.db.write(move |tx: &mut Tx| {
            let order = order.clone();
            Box::pin(async move { set(tx, &tenant, &order).await })
        });
        set.await.map_err(|error| match error {
            WriteError::Refused(refused) => refused,
            WriteError::Unknown(error) => RuleError::Unknown(error),
            WriteError::Overloaded | WriteError::Closed => {
                RuleError::Store(DbError::Unavailable(None))
            }
        })
    }

    /// None where none was set, or it is too old.
    pub async fn now(
        &self,
        tenant: &Tenant,
        sold: Currency,
        bought: Currency,
        now: Timestamp,
    ) -> Result<Option<Rate>, DbError> {
        let mut params = scope(tenant);
        params.extend(params![sold.code(), bought.code()]);
        let sql = format!(
            "{SELECT} AND sold_currency = $3 AND bought_currency = $4
            ORDER BY number DESC LIMIT 1"
        );
        let row = self.db.fetch_optional(&sql, params).await?;
        let set = row.as_ref().map(read).transpose()?;
        Ok(set.filter(|set| now < set.good_until).map(|set| set.rate))
    }

    /// The newest first, those that count no more as well.
    pub async fn all(&self, tenant: &Tenant, limit: u32) -> Result<Vec<SetRate>, DbError> {
        let mut params = scope(tenant);
        params.push(limit.min(LONGEST_LIST).into());
        let sql = format!("{SELECT} ORDER BY set_at DESC, number DESC LIMIT $3");
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(read).collect()
    }
}

const SELECT: &str = "SELECT sold_currency, bought_currency, rate, spread, set_at, good_until,
        actor, reason
    FROM exchange_rates WHERE partner_id = $1 AND livemode = $2";

async fn set(tx: &mut Tx, tenant: &Tenant, order: &RateOrder) -> Result<(), RuleError> {
    let lock = tx.dialect().for_update();
    let partner =
        format!("SELECT 1 AS found FROM partners WHERE partner_id = $1 AND livemode = $2{lock}");
    if tx.fetch_optional(&partner, scope(tenant)).await?.is_none() {
        return Err(RuleError::NoSuchPartner(tenant.partner));
    }
    let mut params = scope(tenant);
    params.extend(params![
        order.sold.code(),
        order.bought.code(),
        order.rate.mid().to_string(),
        order.rate.spread().to_string(),
        tx.now(),
        tx.now().after(order.good_for),
        plain(&order.by),
        plain(&order.reason)
    ]);
    tx.execute(
        "INSERT INTO exchange_rates (partner_id, livemode, sold_currency, bought_currency, number,
             rate, spread, set_at, good_until, actor, reason)
         SELECT $1, $2, $3, $4, coalesce(max(number), 0) + 1, $5, $6, $7, $8, $9, $10
         FROM exchange_rates WHERE partner_id = $1 AND livemode = $2 AND sold_currency = $3
             AND bought_currency = $4",
        params,
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<SetRate, DbError> {
    let rate = Rate::try_new(row.parse("rate")?, row.parse("spread")?)
        .map_err(|_| DbError::column("rate", "a rate", "another number"))?;
    Ok(SetRate {
        sold: row.parse("sold_currency")?,
        bought: row.parse("bought_currency")?,
        rate,
        set_at: row.timestamp("set_at")?,
        good_until: row.timestamp("good_until")?,
        by: row.text("actor")?,
        reason: row.text("reason")?,
    })
}
