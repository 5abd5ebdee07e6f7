//! Balances: now, and at any instant of the past.

use ambient::Timestamp;
use db::{Db, DbError, Row, params};
use domain::{AccountId, Currency, Money, Tenant};

use crate::stored;

/// An account's figures at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    pub current: Money,
    /// Promised by open holds.
    pub held: Money,
    /// What may leave.
    pub available: Money,
    /// How many postings the current balance is the sum of.
    pub version: i64,
}

/// What an account holds; `None` where there is no such account in this tenant.
pub async fn balance(db: &Db, tenant: Tenant, id: AccountId) -> Result<Option<Money>, DbError> {
    Ok(balances(db, tenant, id).await?.map(|now| now.current))
}

/// One look at one row.
pub async fn balances(db: &Db, tenant: Tenant, id: AccountId) -> Result<Option<Balances>, DbError> {
    let row = db
        .fetch_optional(
            "SELECT currency, balance, held, version FROM accounts
             WHERE partner_id = $1 AND livemode = $2 AND id = $3",
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                id.to_string()
            ],
        )
        .await?;
    row.map(|row| {
        let currency: Currency = row.parse("currency")?;
        let money = |column: &str| {
            Money::from_minor(row.int(column)?, currency)
                .map_err(|_| DbError::column(column, "an amount in range", "a larger one"))
        };
        let (current, held) = (money("balance")?, money("held")?);
        let available = current
            .checked_sub(held)
            .map_err(|_| DbError::column("held", "an amount in range", "a larger one"))?;
        Ok(Balances {
            current,
            held,
            available,
            version: row.int("version")?,
        })
    })
    .transpose()
}

/// What an account held once everything up to and at this instant was posted. Before its first
/// posting that is nothing. An instant of the future is answered as of now.
pub async fn balance_at(
    db: &Db,
    tenant: Tenant,
    id: AccountId,
    at: Timestamp,
) -> Result<Option<Money>, DbError> {
    let Some(history) = History::of(db, tenant, id).await? else {
        return Ok(None);
    };
    let after = Timestamp::from_micros(at.as_micros().saturating_add(1));
    let standing = history.before(after).await?;
    Ok(Some(standing.balance))
}

/// An account's postings, by their versions.
pub(crate) struct History<'a> {
    db: &'a Db,
    tenant: Tenant,
    id: AccountId,
    pub(crate) currency: Currency,
    /// The last posting there is.
    pub(crate) version: i64,
}

/// Where an account stood between two postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) version: i64,
    pub(crate) balance: Money,
}

impl<'a> History<'a> {
    pub(crate) async fn of(
        db: &'a Db,
        tenant: Tenant,
        id: AccountId,
    ) -> Result<Option<Self>, DbError> {
        let row = db
            .fetch_optional(
                "SELECT currency, version FROM accounts
                 WHERE partner_id = $1 AND livemode = $2 AND id = $3",
                params![
                    tenant.partner.to_string(),
                    tenant.mode.is_live(),
                    id.to_string()
                ],
            )
            .await?;
        row.map(|row| {
            Ok(Self {
                db,
                tenant,
                id,
                currency: row.parse("currency")?,
                version: row.int("version")?,
            })
        })
        .transpose()
    }

    /// The last standing before an instant, found by halving: twenty-three looks among eight
    /// million postings.
    pub(crate) async fn before(&self, at: Timestamp) -> Result<Standing, DbError> {
        let mut standing = Standing {
            version: 0,
            balance: Money::zero(self.currency),
        };
        // The answer is the version of `standing` or one of those after it, up to `last`.
        let mut last = self.version;
        while standing.version < last {
            // Rounded up, so that the range shrinks whichever half is taken.
            let middle = standing.version + (last - standing.version + 1) / 2;
            let row = self.posting(middle).await?;
            if row.timestamp("posted_at")? < at {
                standing = Standing {
                    version: middle,
                    balance: stored::money(&row, "balance_after")?,
                };
            } else {
                last = middle - 1;
            }
        }
        Ok(standing)
    }

    /// The balance once this version was posted; version 0 is the account before its first.
    pub(crate) async fn balance(&self, version: i64) -> Result<Money, DbError> {
        if version == 0 {
            return Ok(Money::zero(self.currency));
        }
        stored::money(&self.posting(version).await?, "balance_after")
    }

    async fn posting(&self, version: i64) -> Result<Row, DbError> {
        let row = self
            .db
            .fetch_optional(
                "SELECT currency, balance_after, posted_at FROM postings
                 WHERE partner_id = $1 AND livemode = $2 AND account_id = $3 AND account_version = $4",
                params![
                    self.tenant.partner.to_string(),
                    self.tenant.mode.is_live(),
                    self.id.to_string(),
                    version
                ],
            )
            .await?;
        row.ok_or_else(|| DbError::column("account_version", "every version there was", "a gap"))
    }
}
